package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/tell"
	"github.com/signed-metaserver/metaserver/serverlist/publish/hosts"
)

func templateText(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	if err := WriteTemplate(&b, "", ""); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A setting in the template, whether it takes effect or not.
var settingLine = regexp.MustCompile(`^#?([a-z_0-9]+) = .`)

// shownSettings returns every setting that the template shows, by section, and
// complains of one that has no comment before it.
func shownSettings(t testing.TB, text string) (names []string) {
	t.Helper()
	section, explained := "", false
	for line := range strings.Lines(text) {
		plain := strings.Trim(strings.TrimPrefix(line, "#"), "[] \n")
		switch {
		case strings.HasPrefix(line, "#[") || strings.HasPrefix(line, "["):
			section = plain + "."
			names = append(names, plain)
		case settingLine.MatchString(line):
			name := section + settingLine.FindStringSubmatch(line)[1]
			names = append(names, name)
			if !explained {
				t.Errorf("root.toml does not say what %s means", name)
			}
		case strings.TrimSpace(line) == "":
			explained = false
		default:
			explained = true
		}
	}
	return names
}

// Every setting of the program stands in the file that "root init" writes, and
// the file shows none that there is not.
func TestTemplateIsComplete(t *testing.T) {
	t.Parallel()
	shown := shownSettings(t, templateText(t))
	for _, name := range settings() {
		if !slices.Contains(shown, name) {
			t.Errorf("root.toml does not show the setting %s: add it to template.go with its default and its meaning", name)
		}
	}
	known := settings()
	for _, name := range shown {
		table, _, _ := strings.Cut(name, ".")
		if !slices.Contains(known, name) && !slices.Contains(foreign, table) && !slices.Contains(freeTables, table) {
			t.Errorf("root.toml shows %s, which is no setting", name)
		}
	}
	for _, kind := range hosts.Types() {
		_, table, found := strings.Cut(templateText(t), `#type = "`+kind+`"`)
		for _, f := range hosts.Fields(kind) {
			if table, _, _ = strings.Cut(table, "[[target]]"); !found || !strings.Contains(table, "#"+f.Key) {
				t.Errorf("root.toml does not show %s of a target of type %s", f.Key, kind)
			}
		}
	}
}

// What stands after each "#" is the default: with all of them removed the root is
// the same.
func TestTemplateShowsTheDefaults(t *testing.T) {
	t.Parallel()
	text, _, _ := strings.Cut(templateText(t), "#[[target]]")
	var all strings.Builder
	section := ""
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "#[") {
			section = strings.Trim(line, "#[] \n")
		}
		if slices.Contains(exampleTables, section) {
			continue // examples
		}
		name := settingLine.FindStringSubmatch(line)
		if name != nil && slices.Contains(exampleOnly, name[1]) {
			continue // there is no default
		}
		if strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "# ") && line != "#\n" {
			line = line[1:]
		}
		all.WriteString(line)
	}
	before, after := loadText(t, "origin = \"ms.example.org\"\n"), loadText(t, all.String())
	a, b := reflect.ValueOf(before), reflect.ValueOf(after)
	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		if !a.Type().Field(i).IsExported() {
			continue
		}
		if slices.Contains([]string{"Data", "Mail", "Notes"}, name) {
			continue
		}
		x, y := a.Field(i).Interface(), b.Field(i).Interface()
		if reflect.ValueOf(x).Kind() == reflect.Func || sameEmpty(a.Field(i), b.Field(i)) {
			continue
		}
		if !reflect.DeepEqual(x, y) {
			t.Errorf("%s: %v without a line for it, %v with what root.toml shows", name, x, y)
		}
	}
}

// freeTables are tables whose keys the operator makes up.
var freeTables = []string{"games"}

// exampleTables are tables whose presence means something.
var exampleTables = []string{"games", "tls", "admin_tls", "webhook"}

// exampleOnly are settings whose absence means something that no value means.
var exampleOnly = []string{"public_url", "data"}

// sameEmpty takes an empty list for an absent one.
func sameEmpty(a, b reflect.Value) bool {
	return a.Kind() == reflect.Slice && a.Len() == 0 && b.Len() == 0
}

func loadText(t testing.TB, text string) Config {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "root.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	cfg.Now, cfg.Log = nil, nil
	cfg.Watch, cfg.Check = cfg.Watch.WithDefaults(), cfg.Check.WithDefaults()
	return cfg
}

func TestUnknownSettingNamesTheNearest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ text, says string }{
		{"origin = \"x\"\nqeue = 5\n", `line 2: there is no setting "qeue"; did you mean "queue"?`},
		{"origin = \"x\"\nevery = 1\n\n[watch]\nevry = \"1h\"\n", `line 2: there is no setting "every"`},
		{"origin = \"x\"\n\n[watch]\nevry = \"1h\"\n", `line 4: there is no setting "watch.evry"; did you mean "watch.every"?`},
		{"zzzzzzzzzzzz = 1\n", `is it misspelt, or meant for a newer version?`},
	} {
		if _, err := parse("root.toml", tc.text); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q: %v", tc.text, err)
		}
	}
}

func TestConfigElsewhere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "ms.toml")
	for text, want := range map[string]string{
		"":                        dir,
		"data = \"d\"\n":          filepath.Join(dir, "d"),
		"data = \"/var/lib/x\"\n": "/var/lib/x",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if cfg, err := LoadFile(file, ""); err != nil || cfg.Data != want || cfg.File != file {
			t.Errorf("%q: data %q, %v", text, cfg.Data, err)
		}
		if cfg, err := LoadFile(file, "/given"); err != nil || cfg.Data != "/given" {
			t.Errorf("%q, with a folder given: data %q, %v", text, cfg.Data, err)
		}
	}
}

// Every event that webhooks may be told of stands in the file, and may be asked for.
func TestTemplateNamesTheEvents(t *testing.T) {
	t.Parallel()
	text := templateText(t)
	for _, e := range tell.Events() {
		group, name, _ := strings.Cut(e, ".")
		if !strings.Contains(text, e) && (name == "" || !strings.Contains(text, "."+name) || !strings.Contains(text, group+".")) {
			t.Errorf("root.toml does not name the event %s", e)
		}
		if err := checkEvent(e); err != nil {
			t.Error(err)
		}
	}
	if err := checkEvent("mirror"); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{"registration.aproved": `did you mean "registration.approved"`, "x": "there are registration.arrived"} {
		if err := checkEvent(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
