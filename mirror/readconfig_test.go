package mirror

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestReadConfigSmallest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := publishtest.NewRoot(serverlisttest.Options{})
	file := filepath.Join(dir, "mirror.toml")
	text := `root = "http://127.0.0.1:8080"
trust = "1.trust"          # the pinned trust document
[[target]]
type = "folder"
path = "/srv/mirror"
public_url = "http://127.0.0.1:8081/"   # optional: read back and verified here
[[target]]
type = "folder"
path = "www/ms"
`
	if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "1.trust"), root.Chain().Newest().Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	cfg, err := ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(cfg); err != nil {
		t.Fatal(err)
	}
	want := []Target{
		{Target: publish.Folder{Path: "/srv/mirror"}, PublicURL: "http://127.0.0.1:8081/"},
		{Target: publish.Folder{Path: filepath.Join(dir, "www/ms")}, PublicURL: ""},
	}
	if cfg.Root != "http://127.0.0.1:8080" || len(cfg.Targets) != 2 || cfg.Targets[0] != want[0] || cfg.Targets[1] != want[1] ||
		cfg.Schedule != "" || cfg.Jitter != 0 || cfg.AllowPrivate {
		t.Errorf("read %+v", cfg)
	}
}

func TestReadConfigEverything(t *testing.T) {
	t.Parallel()
	cfg, err := parseTestConfig(t, `
root = "https://ms.example.org/lists/"
trust = "1.trust"
schedule = "*/5 2-4 * * mon-fri"
jitter = "0s"
allow_private = true
warn_before = "36h"
notify = [{type = "webhook", url = "http://127.0.0.1/hook"}]
target = [{type = "folder", path = 'www'}]
`)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Schedule != "*/5 2-4 * * mon-fri" || cfg.Jitter >= 0 || !cfg.AllowPrivate || len(cfg.Targets) != 1 ||
		cfg.WarnBefore != 36*time.Hour || len(cfg.Notify) != 1 {
		t.Errorf("read %+v", cfg)
	}
	cfg, err = parseTestConfig(t, strings.Replace(smallest, "[[target]]", "jitter = \"90s\"\n[[target]]", 1))
	if err != nil || cfg.Jitter != 90*time.Second {
		t.Errorf("jitter 90s: %v, %v", cfg.Jitter, err)
	}
}

// TestReadConfigKinds reads a target of each kind and both kinds of channels.
func TestReadConfigKinds(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/config/kinds.toml")
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := parseTestConfig(t, string(data))
	if err != nil {
		t.Fatal(err)
	}
	if len(cfg.Targets) != len(hosts.Types())-1 || len(cfg.Notify) != 2 || len(cfg.Notes) != 1 || !strings.Contains(cfg.Notes[0], "travels in clear") {
		t.Errorf("read %+v", cfg)
	}
}

const smallest = `root = "http://ms.example.org/"
trust = "1.trust"
[[target]]
type = "folder"
path = "www"
`

// parseTestConfig parses text as the file "mirror.toml", beside which lie
// "1.trust" and "bad.trust".
func parseTestConfig(t testing.TB, text string) (Config, error) {
	trust := publishtest.NewRoot(serverlisttest.Options{}).Chain().Newest().Bytes()
	return parseConfig("mirror.toml", []byte(text), func(path string) ([]byte, error) {
		switch path {
		case "1.trust":
			return trust, nil
		case "bad.trust":
			return trust[:len(trust)-20], nil
		}
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrNotExist}
	})
}

// TestReadConfigErrors: each error names the file and the line, says what is
// wrong, and what to write instead.
func TestReadConfigErrors(t *testing.T) {
	t.Parallel()
	change := func(old, new string) string {
		if !strings.Contains(smallest, old) {
			t.Fatalf("%q is not in the smallest configuration", old)
		}
		return strings.Replace(smallest, old, new, 1)
	}
	first := func(s string) string { return s + "\n" + smallest }
	for name, c := range map[string]struct {
		text string
		want []string // one for each error, in order
	}{
		"empty": {"", []string{
			`mirror.toml:1: root is missing: add root = "http`, `mirror.toml:1: trust is missing: add trust = "1.trust"`, `mirror.toml:1: target is missing: add a table [[target]]`}},
		"missing root":        {change("root = \"http://ms.example.org/\"\n", ""), []string{`mirror.toml:1: root is missing: add root = "http`}},
		"missing type":        {change("type = \"folder\"\n", ""), []string{`mirror.toml:3: type is missing in [[target]]: add type = "folder"`}},
		"missing path":        {change("path = \"www\"\n", ""), []string{`mirror.toml:3: path is missing in [[target]]: add path = `}},
		"unknown key":         {first(`rood = "x"`), []string{`mirror.toml:1: "rood" is not known; known: root, schedule, allow_private, trust, jitter, warn_before, target, notify`}},
		"other case":          {change("root", "Root"), []string{`:1: root is missing`, `mirror.toml:1: "Root" is not known; known: root`}},
		"unknown table":       {smallest + "[log]\nlevel = 1\n", []string{`mirror.toml:6: "log" is not known`}},
		"unknown target key":  {smallest + "url = \"http://x/\"\n", []string{`mirror.toml:6: "url" is not known in [[target]]; known: type, public_url, path`}},
		"first of two":        {change("path = \"www\"", "path = 7\n[[target]]\ntype = \"folder\"\npath = \"www\""), []string{`mirror.toml:5: path is a number; expected text in "quotes"`}},
		"number for text":     {change(`"http://ms.example.org/"`, "1"), []string{`mirror.toml:1: root is a number; expected text`}},
		"list for text":       {change(`"1.trust"`, `["1.trust"]`), []string{`mirror.toml:2: trust is a list; expected text`}},
		"text for boolean":    {first(`allow_private = "yes"`), []string{`mirror.toml:1: allow_private is text; expected true or false`}},
		"date for text":       {change(`"www"`, "2026-11-21"), []string{`mirror.toml:5: path is a date or time`}},
		"single brackets":     {change("[[target]]", "[target]"), []string{`mirror.toml:3: target is a table; expected tables that begin with [[target]] in double brackets`}},
		"targets not tables":  {"target = [1]\nroot = \"http://x/\"\ntrust = \"1.trust\"\n", []string{`mirror.toml:1: target is a list; expected tables`}},
		"no quotes":           {change(`"www"`, "www"), []string{`mirror.toml:5: `}},
		"quote not closed":    {change(`"www"`, `"www`), []string{`mirror.toml:5: `}},
		"backslashes":         {change(`"www"`, `"C:\web\ms"`), []string{`mirror.toml:5: `}},
		"twice":               {first(`root = "http://x/"`), []string{`mirror.toml:2: `}},
		"empty text":          {change(`"www"`, `""`), []string{`mirror.toml:5: path is empty`}},
		"root without scheme": {change("http://ms.example.org/", "ms.example.org"), []string{`mirror.toml:1: root must begin with http:// or https://`}},
		"root with password":  {change("http://", "http://me:secret@"), []string{`mirror.toml:1: root must not carry a user name or password`}},
		"root ftp":            {change("http://", "ftp://"), []string{`mirror.toml:1: root must begin with http://`}},
		"root without slash":  {change("ms.example.org/", "ms.example.org/lists"), []string{`mirror.toml:1: root "http://ms.example.org/lists" does not end in "/": write "http://ms.example.org/lists/"`}},
		"public url":          {smallest + "public_url = \"mirror.example.net\"\n", []string{`mirror.toml:6: public_url must begin with http`}},
		"public url fragment": {smallest + "public_url = \"http://x/#a\"\n", []string{`mirror.toml:6: public_url must not have a fragment`}},
		"type":                {change(`"folder"`, `"pigeon"`), []string{`mirror.toml:4: type "pigeon" is not known; known: "folder"`}},
		"trust not there":     {change(`"1.trust"`, `"2.trust"`), []string{`mirror.toml:2: trust: open 2.trust: file does not exist: copy the root's trust document there`}},
		"trust damaged":       {change(`"1.trust"`, `"bad.trust"`), []string{`mirror.toml:2: trust: bad.trust is not a trust document that can be pinned: `}},
		"schedule":            {first(`schedule = "hourly"`), []string{`mirror.toml:1: schedule: "hourly" is not a cron expression of five fields as "17 * * * *"`}},
		"schedule seconds":    {first(`schedule = "0 17 * * * *"`), []string{`mirror.toml:1: schedule: `}},
		"schedule range":      {first(`schedule = "61 * * * *"`), []string{`mirror.toml:1: schedule: `}},
		"schedule zone":       {first(`schedule = "TZ=UTC"`), []string{`mirror.toml:1: schedule: "TZ=UTC" names a time zone; schedules are in UTC`}},
		"schedule never":      {first(`schedule = "0 0 30 2 *"`), []string{`never comes`}},
		"schedule empty list": {first(`schedule = ", * * * *"`), []string{`never comes`}},
		"schedule too often":  {first(`schedule = "@every 1s"`), []string{`more often than once a minute`}},
		"jitter":              {first(`jitter = "10"`), []string{`mirror.toml:1: jitter "10" is not a duration from "0s" to "24h"`}},
		"jitter negative":     {first(`jitter = "-1s"`), []string{`mirror.toml:1: jitter "-1s" is not`}},
		"warn_before":         {first(`warn_before = "0s"`), []string{`mirror.toml:1: warn_before "0s" is not a duration above 0`}},
		"notify":              {smallest + "[[notify]]\ntype = \"mail\"\nhost = \"x:25\"\nto = [\"a@b.c\"]", []string{`mirror.toml:6: from is missing in [[notify]]`}},
		"several at once":     {change(`"www"`, `7`) + "x = 1\nroot = 1\n", []string{`mirror.toml:5: path is a number`, `mirror.toml:7: "root" is not known in`, `mirror.toml:6: "x" is not known in`}},
		"several tables":      {change(`"folder"`, `"pigeon"`) + "[[target]]\ntype = \"folder\"\n", []string{`mirror.toml:4: type "pigeon" is not known; known: "folder"`, `mirror.toml:6: path is missing in [[target]]`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parseTestConfig(t, c.text)
			if err == nil {
				t.Fatal("accepted")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(c.want) {
				t.Fatalf("got %d errors, want %d:\n%v", len(lines), len(c.want), err)
			}
			for i, want := range c.want {
				if !strings.Contains(lines[i], want) || !strings.HasPrefix(lines[i], "mirror.toml:") {
					t.Errorf("got  %s\nwant %s", lines[i], want)
				}
				if strings.Contains(lines[i], "secret") {
					t.Errorf("the message shows a password: %s", lines[i])
				}
			}
		})
	}
}

func TestReadConfigFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := ReadConfig(filepath.Join(dir, "none.toml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := ReadConfig(dir); err == nil {
		t.Error("a folder was read as a configuration")
	}
	huge := filepath.Join(dir, "huge.toml")
	if err := os.WriteFile(huge, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadConfig(huge); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a file of 2 MiB: %v", err)
	}
}

// FuzzReadConfig: whatever the file, the reader does not panic, names the
// place of each error, and returns only configurations that New takes.
func FuzzReadConfig(f *testing.F) {
	seeds, err := filepath.Glob("testdata/config/*.toml")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds in testdata/config: %v", err)
	}
	for _, s := range seeds {
		data, err := os.ReadFile(s)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	trust := publishtest.NewRoot(serverlisttest.Options{}).Chain().Newest().Bytes()
	place := regexp.MustCompile(`^mirror\.toml:[1-9][0-9]*: .`)
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, err := parseConfig("mirror.toml", data, func(string) ([]byte, error) { return trust, nil })
		if err != nil {
			if !place.MatchString(err.Error()) {
				t.Errorf("an error without place: %v", err)
			}
			return
		}
		if _, err := New(cfg); err != nil {
			t.Errorf("the configuration was read, and New refuses it: %v", err)
		}
	})
}

// TestOneFolderTwice: a folder that is reached by a link is the same folder.
func TestOneFolderTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.folder + "-link"
	if err := errors.Join(os.Mkdir(w.folder, 0o755), os.Symlink(w.folder, other)); err != nil {
		t.Skip(err) // no links here
	}
	wantFinding(t, w.check(fmt.Sprintf("[[target]]\ntype = \"folder\"\npath = %q\n", other)), Bad, "configuration", "are one folder: remove one")
	if err := errors.Join(os.Remove(other), os.Mkdir(other, 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, f := range w.check(fmt.Sprintf("[[target]]\ntype = \"folder\"\npath = %q\n", other)) {
		if f.Level == Bad && f.Subject == "configuration" {
			t.Errorf("two folders are refused: %+v", f)
		}
	}
}
