package tell

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/watch"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Every letter can be filled in, whatever the values say, and stays plain text
// of lines that fit.
func TestLetters(t *testing.T) {
	t.Parallel()
	evil := "Cat\r\nBcc: x@example.org\r\n\r\n.\r\n\x1b[2J\u202e {{.Origin}} " + strings.Repeat("long ", 40)
	values := map[string]any{
		"Origin": "ms.example.org", "ID": "r12", "Entry": "cat-2", "Name": evil, "Addresses": "cat2.example.net:13327", "Reason": evil,
		"Subject": evil, "Text": evil, "By": evil, "Lines": []string{evil}, "More": int64(3), "Waiting": "Altogether 7.",
		"Servers": true, "Mirrors": true, "Mirror": "wien", "Facts": []string{"problem  " + evil}, "Conflict": evil,
	}
	files, err := fs.ReadDir(letterFiles, "letters")
	if err != nil || len(files) < 10 {
		t.Fatal(len(files), err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f.Name(), ".txt")
		subject, body, err := write(name, values)
		if err != nil {
			t.Error(err)
			continue
		}
		if subject == "" || strings.ContainsAny(subject, "\r\n\x1b\u202e") {
			t.Errorf("%s: the subject is %q", name, subject)
		}
		if strings.ContainsAny(body, "\r\x1b\u202e") || strings.Contains(body, "\nBcc:") || strings.Contains(body, "\n.\n") || strings.Contains(body, "\n\n\n") || !strings.HasSuffix(body, "\n") {
			t.Errorf("%s: the body is %q", name, body)
		}
		for line := range strings.Lines(body) {
			if utf8.RuneCountInString(line) > 76 && !strings.HasPrefix(line, "  ") {
				t.Errorf("%s: a line of %d characters: %s", name, utf8.RuneCountInString(line), line)
			}
		}
	}
}

// A letter that anybody can have sent to anybody says nothing of their own.
func TestLettersCarryNoAdvertisement(t *testing.T) {
	t.Parallel()
	teller := &Teller{origin: "ms.example.org", mail: true}
	for _, letter := range []string{"received", "mirror-received"} {
		m, err := teller.received(letter, newcomer{id: "r12", email: "victim@example.net"})
		if err != nil || !strings.Contains(m.Subject+m.Body, "r12") || !m.Bounded || m.Recipient != "victim@example.net" {
			t.Errorf("%+v, %v", m, err)
		}
	}
	rejected := store.MirrorRegistration{ID: "m1", Status: store.Rejected, Email: "victim@example.net", Reason: "who are you?",
		Mirror: serverlist.Mirror{ID: "buy-now", Operator: "Buy now", URLs: []string{"http://buy.example/"}}}
	for _, m := range teller.Decided(rejected) {
		if strings.Contains(strings.ToLower(m.Subject+m.Body), "buy") || !strings.Contains(m.Body, "who are you?") || !m.Bounded {
			t.Errorf("%+v", m)
		}
	}
	for _, name := range []string{"received", "rejected", "mirror-received", "mirror-rejected"} {
		text, err := fs.ReadFile(letterFiles, "letters/"+name+".txt")
		for _, shown := range []string{".Name", ".Addresses", ".Mirror", ".Facts"} {
			if err != nil || strings.Contains(string(text), shown) {
				t.Errorf("%s.txt shows what a request says, %s: %v", name, shown, err)
			}
		}
	}
}

// Every event of a mirror has its letters, which say whose mirror it is and what
// was seen.
func TestLettersOfMirrors(t *testing.T) {
	t.Parallel()
	teller := &Teller{origin: "ms.example.org", mail: true, admins: []string{"boss@example.org"}}
	now := time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	mirror := store.WatchedMirror{Mirror: serverlist.Mirror{ID: "wien"}, Email: "wien@example.org"}
	seen := store.MirrorCheck{At: now, State: store.MirrorWrong, URL: "http://ms.example.at/", Error: "not\r\nsigned", Version: 7, Issued: now}
	lacking := seen
	lacking.State = store.MirrorIncomplete
	for _, tc := range []struct {
		kind    watch.Kind
		check   store.MirrorCheck
		subject string
		contact string // what the letter to whoever runs it says; "": there is none
	}{
		{watch.Warned, seen, "mirror wien is ill", "clients get nothing useful there"},
		{watch.Warned, lacking, "mirror wien lacks a trust document", "a trust document is missing there"},
		{watch.LeftOut, seen, "mirror wien is left out of the mirror list", "It comes back by itself"},
		{watch.TakenIn, seen, "mirror wien is back in the mirror list", "Thank you"},
		{watch.Forked, seen, "two signed documents of one number", ""},
		{watch.Suspects, store.MirrorCheck{}, "most mirrors are ill at once", ""},
	} {
		about := mirror
		if tc.kind == watch.Suspects {
			about = store.WatchedMirror{}
		}
		all := teller.Mirror(watch.Event{Kind: tc.kind, At: now, Mirror: about, Check: tc.check, Detail: "what the watcher says"})
		want := []string{"boss@example.org"}
		if tc.contact != "" {
			want = append(want, "wien@example.org")
		}
		var got []string
		for _, m := range all {
			got = append(got, m.Recipient)
			if m.Subject != "[ms.example.org] "+tc.subject {
				t.Errorf("%s: the subject is %q", tc.kind, m.Subject)
			}
			if tc.kind != watch.Suspects && !strings.Contains(m.Body, "  url      http://ms.example.at/\n  version  7, issued 2026-11-21T13:00:00Z\n  problem  not  signed\n") {
				t.Errorf("%s: the letter does not say what was seen:\n%s", tc.kind, m.Body)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: letters to %q, want %q", tc.kind, got, want)
			continue
		}
		if !strings.Contains(all[0].Body, "what the watcher says.") || len(all) > 1 && !strings.Contains(all[1].Body, tc.contact) {
			t.Errorf("%s: %+v", tc.kind, all)
		}
	}
}

// What an event of the configuration can be is what is sent, with a letter.
func TestEventsAreKnown(t *testing.T) {
	t.Parallel()
	for action, about := range tidings {
		if !slices.Contains(knownEvents, about.event) {
			t.Errorf("%s makes an event that is not known: %s", action, about.event)
		}
		if letters.Lookup(about.letter+".txt") == nil {
			t.Errorf("%s has no letter %q", action, about.letter)
		}
	}
}

func TestManyDenials(t *testing.T) {
	t.Parallel()
	teller := &Teller{origin: "ms.example.org", mail: true, admins: []string{"a@example.org"}, hooks: []mail.Hook{{Name: "chat"}}}
	now := time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	denied := func(count int64, at time.Time) []store.Message {
		return teller.ofDenials(audit.Record{Number: 7, Event: audit.Event{Time: at, Action: "wrong-token", Count: count, Source: "192.0.2.0/24"}})
	}
	if all := denied(manyDenials-1, now); len(all) != 0 {
		t.Errorf("a few denials are told of: %+v", all)
	}
	first, later := denied(500, now), denied(900, now.Add(50*time.Minute))
	if len(first) != 2 || first[0].Key != later[0].Key || first[1].Channel != "chat" || !strings.Contains(first[0].Subject, "500 requests") {
		t.Errorf("%+v\n%+v", first, later)
	}
	if next := denied(500, now.Add(time.Hour)); next[0].Key == first[0].Key {
		t.Error("the next hour is not told of")
	}
}
