package conformance_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/conformance"
)

func TestParseVerdict(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		output, want string // part of the error; "" if there is none
	}{
		{`{"verdict":"refused","layer":"body","reason":"truncated"}`, ""},
		{" \n{\"verdict\":\"holds\",\"version\":1,\"epoch\":0,\"entries\":[],\"reports\":[{\"line\":1,\"reason\":\"x\"}],\"more\":{}}\n\n", ""},
		{``, "no verdict"},
		{" \n", "no verdict"},
		{`holds`, "not a verdict"},
		{`{"verdict":"holds"`, "not a verdict"},
		{`{"verdict":"holds","version":"1"}`, "not a verdict"},
		{`{"verdict":"holds"} {"verdict":"holds"}`, "more than one"},
		{`{"verdict":"holds"} and so on`, "more than one"},
		{`{}`, "neither"},
		{`{"verdict":"Holds"}`, "neither"},
	} {
		_, err := conformance.ParseVerdict([]byte(test.output))
		if got := errText(err); (test.want == "") != (err == nil) || !strings.Contains(got, test.want) {
			t.Errorf("%q: error %q, want %q", test.output, got, test.want)
		}
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestDifference(t *testing.T) {
	t.Parallel()
	refused := conformance.Verdict{Verdict: "refused", Layer: "body", Reason: "too-large"}
	either := refused
	either.Or = []conformance.Reason{{Layer: "signature", Reason: "threshold"}}
	list := conformance.Verdict{Verdict: "holds", Version: 7, Epoch: 1, Entries: []string{"a", "b"},
		Reports: []conformance.Report{{Line: 3, Reason: "entry-member"}}}
	change := func(f func(*conformance.Verdict)) conformance.Verdict {
		v := list
		f(&v)
		return v
	}
	for _, test := range []struct {
		want, got conformance.Verdict
		text      string
	}{
		{refused, refused, ""},
		{list, change(func(v *conformance.Verdict) { v.Entries = []string{"a", "b"} }), ""},
		{either, conformance.Verdict{Verdict: "refused", Layer: "signature", Reason: "threshold"}, ""},
		{either, refused, ""},
		{either, conformance.Verdict{Verdict: "refused", Layer: "body", Reason: "threshold"}, `or layer "signature", reason "threshold"`},
		{either, conformance.Verdict{Verdict: "holds", Layer: "signature", Reason: "threshold"}, "got that it holds"},
		{refused, list, `expected a refusal by layer "body", reason "too-large", got that it holds`},
		{refused, conformance.Verdict{Verdict: "refused", Layer: "envelope", Reason: "too-large"}, `got a refusal by layer "envelope"`},
		{list, change(func(v *conformance.Verdict) { v.Version = 8 }), "expected version 7 and epoch 1, got 8 and 1"},
		{list, change(func(v *conformance.Verdict) { v.Epoch = 0 }), "got 7 and 0"},
		{list, change(func(v *conformance.Verdict) { v.Entries = []string{"a", "c"} }), "entries: number 2 of 2: expected b, got c"},
		{list, change(func(v *conformance.Verdict) { v.Entries = nil }), "entries: number 1 of 2: expected a, got nothing more"},
		{list, change(func(v *conformance.Verdict) {
			v.Reports = append(v.Reports[:1:1], conformance.Report{Reason: "reports-cut"})
		}),
			"reports: number 2 of 2: expected nothing more, got reports-cut"},
		{list, change(func(v *conformance.Verdict) { v.Reports = []conformance.Report{{Line: 4, Reason: "entry-member"}} }),
			"reports: number 1 of 1: expected line 3: entry-member, got line 4: entry-member"},
	} {
		got := test.want.Difference(test.got)
		if (test.text == "") != (got == "") || !strings.Contains(got, test.text) {
			t.Errorf("Difference is %q, want %q", got, test.text)
		}
	}
}

const (
	question = `{"about":"x","section":"1","want":{"origin":"o","type":"trust/1","held":"live"},"document":"d"}`
	answer   = `{"verdict":"refused","layer":"envelope","reason":"not-a-note"}`
)

// folder makes a folder of files and their contents.
func folder(files ...string) fstest.MapFS {
	fsys := make(fstest.MapFS)
	for i := 0; i < len(files); i += 2 {
		fsys[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return fsys
}

func TestLoad(t *testing.T) {
	t.Parallel()
	vectors, err := conformance.Load(folder("README.md", "", "notes/x", "", "b/vector.json", question, "b/expected.json", answer, "b/d", "",
		"a/vector.json", question, "a/expected.json", answer))
	if err != nil {
		t.Fatal(err)
	}
	if len(vectors) != 2 || vectors[0].Name != "a" || vectors[1].Expected.Reason != "not-a-note" {
		t.Errorf("Load gives %v", vectors)
	}
	for name, files := range map[string]fs.FS{
		"no vectors":         folder("a/d", ""),
		"no expected.json":   folder("a/vector.json", question),
		"a misspelt input":   folder("a/vector.json", `{"abuot":"x"}`, "a/expected.json", answer),
		"a misspelt verdict": folder("a/vector.json", question, "a/expected.json", `{"verdikt":"holds"}`),
	} {
		if _, err := conformance.Load(files); err == nil {
			t.Errorf("%s: there is no error", name)
		}
	}
}

func TestExtract(t *testing.T) {
	t.Parallel()
	vectors, err := conformance.Load(folder("a/vector.json", question, "a/expected.json", answer, "a/d", "\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "new")
	if err := vectors[0].Extract(dir); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(filepath.Join(dir, "d")); err != nil || string(data) != "\r\n" {
		t.Errorf("the document is %q, %v", data, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "expected.json")); err == nil {
		t.Error("the tested program can see the expected verdict")
	}
}

// A faulty vector is an error and no verdict.
func TestJudgeOfFaultyVectors(t *testing.T) {
	t.Parallel()
	list := `{"about":"x","section":"1","want":{"origin":"ms.example.org","type":"server-list/1","held":"HELD"},"pinned":"1.trust","document":"server.list"}`
	trust, err := os.ReadFile("../testdata/vectors/list-worked-example/1.trust")
	if err != nil {
		t.Fatal(err)
	}
	pinned := func(held, typ string) fs.FS {
		question := strings.NewReplacer("HELD", held, "server-list/1", typ).Replace(list)
		return folder("vector.json", question, "1.trust", string(trust), "server.list", "")
	}
	for name, files := range map[string]fs.FS{
		"no question":            folder("d", ""),
		"a misspelt member":      folder("vector.json", strings.Replace(question, "about", "abuot", 1), "d", ""),
		"no document":            folder("vector.json", question),
		"no trust document":      folder("vector.json", list, "server.list", ""),
		"a bad trust document":   folder("vector.json", list, "server.list", "", "1.trust", "x"),
		"no such way to hold":    pinned("borrowed", "server-list/1"),
		"shipped with nothing":   pinned("static", "server-list/1"),
		"a type that is not one": pinned("live", "other/1"),
	} {
		if v, err := conformance.Judge(files, serverlist.Open); err == nil {
			t.Errorf("%s: the verdict is %v", name, v)
		}
	}
	if _, err := conformance.Judge(pinned("live", "server-list/1"), serverlist.Open); err != nil {
		t.Errorf("the vector that is not faulty: %v", err)
	}
}
