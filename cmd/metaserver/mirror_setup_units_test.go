package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// directives returns the settings of a section of a unit, ordered.
func directives(unit, section string) []string {
	var all []string
	in := false
	for line := range strings.Lines(unit) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "["):
			in = line == "["+section+"]"
		case in && strings.Contains(line, "=") && !strings.HasPrefix(line, "#"):
			all = append(all, line)
		}
	}
	slices.Sort(all)
	return all
}

func TestIsFleeting(t *testing.T) {
	t.Parallel()
	for program, want := range map[string]bool{
		"/tmp/go-build1234/b001/exe/metaserver": true, "/usr/local/bin/metaserver": false, "/home/me/go-build/metaserver": false,
	} {
		if isFleeting(program) != want {
			t.Errorf("%s: %v", program, !want)
		}
	}
}

// The units that "mirror setup" writes are those of deploy/systemd, but for what
// is of this mirror.
func TestUnitsAreOfOneKind(t *testing.T) {
	t.Parallel()
	s := &mirrorSetup{root: "http://ms.example.org/", config: "/etc/metaserver/mirror.toml", kind: "folder", lines: []string{`path = "/srv/www/ms"`}, minute: 17, systemd: "/x"}
	written, err := s.units()
	if err != nil {
		t.Fatal(err)
	}
	for i, file := range []string{"metaserver-mirror.service", "metaserver-mirror.timer"} {
		shipped := string(readFile(t, "../../deploy/systemd/"+file))
		for _, section := range []string{"Unit", "Service", "Timer", "Install"} {
			got, want := directives(string(written[i].data), section), directives(shipped, section)
			for _, own := range []string{"ExecStart=", "User=", "Description=", "Documentation=", "ProtectHome="} {
				of := func(line string) bool { return strings.HasPrefix(line, own) }
				got, want = slices.DeleteFunc(got, of), slices.DeleteFunc(want, of)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s [%s]: setup writes\n%s\ndeploy has\n%s", file, section, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
	// A program of somebody else is limited less, and by nothing new.
	for _, line := range hardeningOf("command") {
		if !slices.Contains(hardening, line) {
			t.Errorf("%s is only for programs", line)
		}
	}
	if n := len(hardening) - len(hardeningOf("command")); n != 7 {
		t.Errorf("%d lines are not for programs", n)
	}
}

// TestUnitsQuote: paths mean in a unit what they mean in the configuration.
func TestUnitsQuote(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		`/srv/www/ms`:       `ReadWritePaths=/srv/www/ms`,
		`/srv/a b`:          `ReadWritePaths="/srv/a b"`,
		`/srv/"a"\b`:        `ReadWritePaths="/srv/\"a\"\\b"`,
		`/srv/100% for $me`: `ReadWritePaths="/srv/100%% for $me"`,
	} {
		s := &mirrorSetup{config: "/etc/$m.toml", kind: "folder", lines: []string{"path = " + tomlfile.Quote(path)}, systemd: "/x"}
		written, err := s.units()
		if err != nil {
			t.Fatal(err)
		}
		service := directives(string(written[0].data), "Service")
		if !slices.Contains(service, want) {
			t.Errorf("%s: no line %s in\n%s", path, want, strings.Join(service, "\n"))
		}
		if !strings.Contains(string(written[0].data), " --config /etc/$$m.toml\n") {
			t.Errorf("a command line in which $m is a variable:\n%s", written[0].data)
		}
	}
}

func TestUnitPlace(t *testing.T) {
	t.Parallel()
	for dir, want := range map[string]string{
		"/etc/systemd/system":                "",
		"/etc/systemd/system/":               "",
		"/home/me/.config/systemd/user":      "",
		"/home/me/units":                     "/etc/systemd/system/",
		"/etc/systemd/system/default.target": "/etc/systemd/system/",
	} {
		if got := unitPlace(dir); got != want {
			t.Errorf("%s: %q, want %q", dir, got, want)
		}
	}
}
