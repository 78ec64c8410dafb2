package audit

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

var start = time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)

// chain makes a log of n records.
func chain(n int) (all []Record) {
	var previous Hash
	for i := 1; i <= n; i++ {
		r := Link(int64(i), previous, Event{
			Time: start.Add(time.Duration(i) * time.Minute), Admin: "alice", Action: "approve", Outcome: Done,
			Subject: fmt.Sprintf("r%d", i), Entry: "cat-2", Detail: `a <cat> & "more" \ ü`, Change: int64(i), Source: "192.0.2.1",
		})
		all, previous = append(all, r), r.Hash
	}
	return all
}

func export(all []Record) []byte {
	var b []byte
	for _, r := range all {
		b = r.AppendLine(b)
	}
	return b
}

// TestForm pins the form that the package comment describes: exported logs are
// checked by programs of others.
func TestForm(t *testing.T) {
	t.Parallel()
	line := chain(1)[0].AppendLine(nil)
	const want = `{"number":1,"time":"2026-11-21T13:01:00Z","admin":"alice","action":"approve","outcome":"done","subject":"r1","entry":"cat-2",` +
		`"detail":"a <cat> & \"more\" \\ ü","change":1,"count":1,"source":"192.0.2.1",` +
		`"previous":"0000000000000000000000000000000000000000000000000000000000000000"`
	if got := fmt.Sprintf("%s,\"hash\":\"%x\"}\n", want, sha256.Sum256([]byte(want+"}"))); string(line) != got {
		t.Errorf("the line is\n%swant\n%s", line, got)
	}
	again, err := ParseLine(bytes.TrimSuffix(line, []byte("\n")))
	if err != nil || !reflect.DeepEqual(again, chain(1)[0]) {
		t.Errorf("read back: %+v, %v", again, err)
	}
}

// TestShellCommand runs the command of the package comment.
func TestShellCommand(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("audit.go")
	if err != nil {
		t.Fatal(err)
	}
	command := string(regexp.MustCompile(`(?m)^//\tsed .*$`).Find(doc)[3:])
	all := chain(7)
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/log", export(all), 0o600); err != nil {
		t.Fatal(err)
	}
	shell := testenv.Command(t, "sh", "-c", command)
	shell.Dir = dir
	out, err := shell.Output()
	if err != nil || !strings.HasPrefix(string(out), all[6].Hash.String()+" ") {
		t.Errorf("%s printed %q, %v; want %s", command, out, err, all[6].Hash)
	}
}

func TestParseLineRefuses(t *testing.T) {
	t.Parallel()
	good := strings.TrimSuffix(string(chain(1)[0].AppendLine(nil)), "\n")
	for what, line := range map[string]string{
		"empty":            "",
		"no object":        "[]",
		"another order":    `{"admin":"x",` + good[1:],
		"white space":      strings.Replace(good, ",", ", ", 1),
		"another member":   strings.Replace(good, `"entry"`, `"x":1,"entry"`, 1),
		"a member missing": strings.Replace(good, `"entry":"cat-2",`, "", 1),
		"an escape":        strings.Replace(good, "<", `\u003c`, 1),
		"a local time":     strings.Replace(good, "13:01:00Z", "14:01:00+01:00", 1),
		"no time":          strings.Replace(good, "2026-11-21T13:01:00Z", "soon", 1),
		"half a second":    strings.Replace(good, "13:01:00Z", "13:01:00.5Z", 1),
		"a short hash":     strings.Replace(good, `"hash":"`, `"hash":"x`, 1),
		"no text":          strings.Replace(good, "cat-2", "cat\xff", 1),
		"too long":         strings.Replace(good, "cat-2", strings.Repeat("x", MaxLine), 1),
		"more after it":    good + " ",
	} {
		if r, err := ParseLine([]byte(line)); err == nil {
			t.Errorf("%s: taken as %+v", what, r)
		}
	}
	upper := regexp.MustCompile(`"hash":"[0-9a-f]+"`).ReplaceAllStringFunc(good, strings.ToUpper)
	if _, err := ParseLine([]byte(upper)); err == nil {
		t.Error("a hash in capitals was taken")
	}
}

// TestVerify tampers with a log in every way.
func TestVerify(t *testing.T) {
	t.Parallel()
	const n = 9
	change := func(r Record) Record { r.Subject = "r99"; return r }
	rehashed := func(r Record) Record { r = change(r); r.Hash = r.Sum(); return r }
	for what, tc := range map[string]struct {
		tamper func([]Record) []Record
		want   string // numbers and beginnings of the faults
	}{
		"nothing":             {func(l []Record) []Record { return l }, ""},
		"empty":               {func(l []Record) []Record { return nil }, "0 is the newest"},
		"changed":             {func(l []Record) []Record { l[4] = change(l[4]); return l }, "5 was changed: its hash"},
		"changed time":        {func(l []Record) []Record { l[4].Time = start; return l }, "5 was changed: its hash"},
		"changed hash":        {func(l []Record) []Record { l[4].Hash[7]++; return l }, "5 was changed: its hash"},
		"changed link":        {func(l []Record) []Record { l[4].Previous[7]++; return l }, "5 was changed: its hash"},
		"changed, rehashed":   {func(l []Record) []Record { l[4] = rehashed(l[4]); return l }, "5 was changed or put in together with its hash"},
		"changed first":       {func(l []Record) []Record { l[0] = rehashed(l[0]); return l }, "1 was changed or put in together with its hash"},
		"changed last":        {func(l []Record) []Record { l[n-1] = rehashed(l[n-1]); return l }, "9 is the newest, and no record has the hash"},
		"two changed":         {func(l []Record) []Record { l[1], l[6] = change(l[1]), rehashed(l[6]); return l }, "2 was changed: its hash; 7 was changed or put in"},
		"deleted":             {func(l []Record) []Record { return slices.Delete(l, 4, 5) }, "5 is missing"},
		"deleted three":       {func(l []Record) []Record { return slices.Delete(l, 4, 7) }, "5 is missing, and all up to 7 are"},
		"deleted first":       {func(l []Record) []Record { return l[1:] }, "1 is missing"},
		"cut off":             {func(l []Record) []Record { return l[:n-2] }, "7 is the newest, and no record has the hash"},
		"doubled":             {func(l []Record) []Record { return slices.Insert(l, 5, l[4]) }, "5 was put in: it stands after record 5"},
		"put in":              {func(l []Record) []Record { return slices.Insert(l, 5, Link(5, l[3].Hash, Event{})) }, "5 was put in: it stands after record 5"},
		"exchanged":           {func(l []Record) []Record { l[4], l[5] = l[5], l[4]; return l }, "5 is missing; 5 was put in: it stands after record 6"},
		"another log":         {func(l []Record) []Record { return append(l[:0:0], Link(1, l[0].Hash, Event{})) }, "1 is not the first of a log; 1 is the newest"},
		"written anew":        {func(l []Record) []Record { return relink(l[1:]) }, "8 is the newest, and no record has the hash"},
		"appended by another": {func(l []Record) []Record { return append(l, Link(n+1, l[n-1].Hash, Event{Admin: "eve"})) }, ""},
	} {
		log := tc.tamper(chain(n))
		report, err := VerifyLines(bytes.NewReader(export(log)), chain(n)[n-1].Hash)
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if got := describe(report); !matches(got, tc.want) {
			t.Errorf("%s: %s; want %s", what, got, tc.want)
		}
		if report.Records != int64(len(log)) || report.Intact() != (tc.want == "") {
			t.Errorf("%s: %+v", what, report)
		}
	}
}

// relink makes a whole log of records, as whoever owns the database could.
func relink(l []Record) (all []Record) {
	var previous Hash
	for i, r := range l {
		r = Link(int64(i+1), previous, r.Event)
		all, previous = append(all, r), r.Hash
	}
	return all
}

func describe(r Report) string {
	var all []string
	for _, f := range r.Faults {
		all = append(all, fmt.Sprint(f.Number, " ", f.Problem))
	}
	return strings.Join(all, "; ")
}

// matches compares fault by fault; each begins with what is wanted.
func matches(got, want string) bool {
	if want == "" {
		return got == ""
	}
	wants := strings.Split(want, "; ")
	for _, w := range wants {
		i := strings.Index(got, w)
		if i < 0 {
			return false
		}
		got = got[i+len(w):]
	}
	return !regexp.MustCompile(`; \d+ (was|is)`).MatchString(got)
}

func TestVerifyUnreadable(t *testing.T) {
	t.Parallel()
	lines := bytes.SplitAfter(export(chain(3)), []byte("\n"))
	lines[1] = []byte("{}\n")
	r, err := VerifyLines(bytes.NewReader(bytes.Join(lines, nil)))
	if err != nil || len(r.Faults) != 2 || r.Faults[0].Number != 2 || !strings.Contains(r.Faults[0].Problem, "line 2 is") || !strings.Contains(r.Faults[1].Problem, "missing") {
		t.Errorf("%+v, %v", r, err)
	}
	long := append(export(chain(1)), bytes.Repeat([]byte("x"), 2*MaxLine)...)
	if r, err := VerifyLines(bytes.NewReader(long)); err != nil || len(r.Faults) != 1 || !strings.Contains(r.Faults[0].Problem, "line 2 is longer") {
		t.Errorf("%+v, %v", r, err)
	}
	garbage := strings.Repeat("x\n", 1000)
	if r, err := VerifyLines(strings.NewReader(garbage)); err != nil || len(r.Faults) != maxFaults || r.More != 1000-maxFaults {
		t.Errorf("%d faults, %d more, %v", len(r.Faults), r.More, err)
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	token := "msadm_" + strings.Repeat("aB3-_", 9)[:43]
	hash := strings.Repeat("0123456789abcdef", 4)
	for in, want := range map[string]string{
		"":                          "",
		"plain":                     "plain",
		"line\nfeed\x7f\u2028":      "line feed  ",
		"\u202eevil":                " evil",
		"\xff":                      "\uFFFD",
		"me@example.org":            blankedEmail,
		"write to <me@example.org>": "write to <" + blankedEmail + ">",
		"mailto:me@example.org,it":  "mailto:" + blankedEmail + ",it",
		"ünï@bücher.example":        blankedEmail,
		"a @ b":                     "a @ b",
		token:                       blankedSecret,
		"not " + token + "!":        "not " + blankedSecret + "!",
		hash:                        hash,
		strings.ToUpper(hash):       blankedSecret,
		strings.Repeat("ü ", 200):   strings.Repeat("ü ", 41) + "ü...", // 126 bytes
		strings.Repeat("x", 42):     strings.Repeat("x", 42),
	} {
		if got := clean(in, maxName); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// FuzzParseLine: what is read is written again in the same bytes.
func FuzzParseLine(f *testing.F) {
	for _, r := range chain(2) {
		f.Add(bytes.TrimSuffix(r.AppendLine(nil), []byte("\n")))
	}
	f.Add([]byte(`{"number":1}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		r, err := ParseLine(line)
		if err != nil {
			return
		}
		if again := r.AppendLine(nil); string(again) != string(line)+"\n" {
			t.Errorf("%s became %s", line, again)
		}
	})
}

// FuzzClean: a text that was cleaned needs no cleaning, and its record is read
// back as it was made. It is not part of FuzzParseLine: with both in one target
// the fuzzer spends nearly all of its time on making inputs smaller.
func FuzzClean(f *testing.F) {
	f.Add("gone for months; write to me@example.org")
	f.Add("msadm_" + strings.Repeat("aB3-_", 9))
	f.Add("\u202e\xff\n" + strings.Repeat("ü ", 200))
	f.Fuzz(func(t *testing.T, in string) {
		if text := clean(in, maxDetail); clean(text, maxDetail) != text || len(text) > maxDetail {
			t.Errorf("%q is not clean", text)
		}
		made := Link(1, Hash{}, Event{Detail: in, Subject: in, Time: start})
		if r, err := ParseLine(bytes.TrimSuffix(made.AppendLine(nil), []byte("\n"))); err != nil || !reflect.DeepEqual(r, made) {
			t.Errorf("a record is not read back: %v\n%+v\n%+v", err, r, made)
		}
	})
}

func BenchmarkLink(b *testing.B) {
	r := chain(1)[0]
	b.ReportAllocs()
	for b.Loop() {
		r = Link(r.Number+1, r.Hash, r.Event)
	}
}
