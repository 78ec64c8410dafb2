package deploytest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// newLiarsWorld has a folder with an edition, and a site that has begun to lie
// when the next one came. Lists need two keys.
func newLiarsWorld(t testing.TB, s shell, fault serverlisttest.Fault) *scriptWorld {
	w := newScriptWorld(t, s)
	w.root = serverlisttest.NewRoot(serverlisttest.Options{
		Now:   time.Now().Add(-time.Hour),
		First: serverlisttest.Change{Lists: []string{"list/1", "list/2"}, ListsNeeded: 2, Admins: []string{"admin/a", "admin/b"}, AdminsNeeded: 2},
	})
	w.site = w.root.Site(serverlisttest.Honest)
	w.url = w.site.Start(t).URL
	if err := os.WriteFile(w.trust, w.root.Pinned(), 0o644); err != nil {
		t.Fatal(err)
	}
	w.edition("alpha")
	w.must(w.checked())
	w.root.Clock.Advance(time.Minute)
	w.site.SetFault(fault)
	w.edition("beta")
	return w
}

// TestMirrorScriptLiars lets the script fetch from a host with every fault there
// is. What is published stays, byte by byte, unless the fault does no harm.
func TestMirrorScriptLiars(t *testing.T) {
	t.Parallel()
	quiet := []serverlisttest.Fault{serverlisttest.Frozen, serverlisttest.Old, serverlisttest.NotModified} // they have no news
	for _, fault := range serverlisttest.Faults() {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newLiarsWorld(t, shells[0], fault)
			before := files(t, os.DirFS(w.folder))
			hurry := []string{"MAX_TIME=2"} // nothing else ends some of these runs
			if fault == serverlisttest.CRLF || slices.Contains(quiet, fault) {
				hurry = nil // these must end well, on a busy machine, too
			}
			e := w.checked(hurry...)
			switch {
			case fault == serverlisttest.CRLF:
				w.must(e)
				w.holds()
				return
			case slices.Contains(quiet, fault):
				w.must(e)
			case e.status != 1 || e.err == "" || e.out != "":
				t.Errorf("the script ends with %+v", e)
			}
			w.holdsFiles(before)
			w.site.SetFault(serverlisttest.Honest)
			w.must(w.checked())
			w.holds()
		})
	}
}

// TestMirrorScriptLiarsEverywhere tries on the other systems what depends on
// their tools.
func TestMirrorScriptLiarsEverywhere(t *testing.T) {
	t.Parallel()
	for _, s := range shells[1:3] {
		for _, fault := range []serverlisttest.Fault{
			serverlisttest.Torn, serverlisttest.Stalled, serverlisttest.Endless, serverlisttest.EndlessHead, serverlisttest.RedirectLoop,
			serverlisttest.Empty, serverlisttest.LoneCR, serverlisttest.SignatureByte, serverlisttest.HTML, serverlisttest.Stranger,
		} {
			t.Run(s.name+", "+string(fault), func(t *testing.T) {
				t.Parallel()
				w := newLiarsWorld(t, s, fault)
				before := files(t, os.DirFS(w.folder))
				if e := w.checked("MAX_TIME=2"); e.status != 1 || e.err == "" || e.out != "" {
					t.Errorf("the script ends with %+v", e)
				}
				w.holdsFiles(before)
			})
		}
	}
}

// TestMirrorScriptUnchecked shows what the script detects without a trust
// document, and what it does not, as it says itself.
func TestMirrorScriptUnchecked(t *testing.T) {
	t.Parallel()
	for fault, detected := range map[serverlisttest.Fault]bool{
		serverlisttest.Stranger:      false,
		serverlisttest.SignatureByte: false,
		serverlisttest.OneKeyTwice:   false,
		serverlisttest.WrongOrigin:   true,
		serverlisttest.WrongType:     true,
		serverlisttest.Mixed:         true,
		serverlisttest.BodyByte:      true,
		serverlisttest.Truncated:     true,
		serverlisttest.Appended:      true,
		serverlisttest.Unsigned:      true,
	} {
		t.Run(string(fault), func(t *testing.T) {
			t.Parallel()
			w := newLiarsWorld(t, shells[0], fault)
			before := files(t, os.DirFS(w.folder))
			e := w.unchecked()
			if detected {
				if e.status != 1 || e.out != "" {
					t.Errorf("the script ends with %+v", e)
				}
				w.holdsFiles(before)
				return
			}
			w.must(e)
			if !strings.Contains(e.out, "published server.list") || !strings.Contains(e.err, "forged list is NOT detected") {
				t.Errorf("the script says %q and %q", e.out, e.err)
			}
		})
	}
}

// A vector is what mirror.sh understands of vector.json.
type vector struct {
	Want struct {
		Origin, Type, Held string
	}
	Limits   *struct{ Body, Entry int64 }
	Pinned   string
	Chain    []string
	Document string
}

var versionLine = regexp.MustCompile(`(?m)^version ([0-9]+)\r?$`)

// TestMirrorScriptVectors holds the script against the test vectors of SPEC.md,
// as far as they are about live documents. It does not look at the entries of a
// body, and so takes a list that readers take in part.
func TestMirrorScriptVectors(t *testing.T) {
	t.Parallel()
	const folder = "../../../serverlist/testdata/vectors"
	found, err := filepath.Glob(folder + "/*/vector.json")
	if err != nil || len(found) < 200 {
		t.Fatalf("%d vectors, %v", len(found), err)
	}
	sys := newSystem(t, shells[0])
	for _, file := range found {
		dir := filepath.Dir(file)
		var v vector
		var expected struct{ Verdict, Layer, Reason string }
		readJSON(t, file, &v)
		readJSON(t, filepath.Join(dir, "expected.json"), &expected)
		lists := v.Want.Type == serverlist.TypeServerList || v.Want.Type == serverlist.TypeMirrorList
		if v.Want.Held != "live" || v.Limits != nil || !lists && v.Want.Type != "trust/1" || strings.HasPrefix(filepath.Base(dir), "entry-") {
			continue
		}
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			said := sys.judge(t, dir, v)
			if refused := said != ""; refused != (expected.Verdict == "refused") {
				t.Errorf("the verdict should be %+v; the script says %q", expected, said)
			}
		})
	}
}

// judge serves the documents of a vector, and returns what the script says
// against the one in question.
func (s *system) judge(t *testing.T, dir string, v vector) string {
	site := new(serverlisttest.Site)
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	pinned := v.Pinned
	if pinned == "" {
		pinned = v.Document
	}
	next := int64(0)
	if m := versionLine.FindSubmatch(read(pinned)); m != nil {
		next, _ = strconv.ParseInt(string(m[1]), 10, 64) // 0 is as good as any that does not parse
	}
	for _, name := range v.Chain {
		next++
		site.Put(fmt.Sprintf("trust/%d.trust", next), read(name))
	}
	name := "server.list"
	switch {
	case v.Want.Type == serverlist.TypeMirrorList:
		name = "mirror.list"
	case v.Want.Type == "trust/1" && v.Pinned == "":
		name = pinned
	case v.Want.Type == "trust/1":
		name = fmt.Sprintf("trust/%d.trust", next+1)
	}
	site.Put(name, read(v.Document))
	e := s.run("ROOT="+site.Start(t).URL, "TARGET="+t.TempDir(), "TRUST="+mustAbs(t, filepath.Join(dir, pinned)))
	for line := range strings.Lines(e.err) {
		if strings.Contains(line, name+": ") {
			return line
		}
	}
	return ""
}

func mustAbs(t testing.TB, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func readJSON(t testing.TB, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}
