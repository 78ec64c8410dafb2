package main

import (
	"fmt"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
)

// unitName is of the configuration's name, so that each mirror of a machine has
// its own units.
func (s *mirrorSetup) unitName() string {
	name := strings.TrimSuffix(filepath.Base(s.config), ".toml")
	if name == "mirror" {
		return "metaserver-mirror"
	}
	return "metaserver-mirror-" + strings.Map(func(r rune) rune {
		if r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_' || r == '.') {
			return r
		}
		return '-'
	}, name)
}

func (s *mirrorSetup) unitFile(end string) string { return filepath.Join(s.systemd, s.unitName()+end) }

// forUser tells whether a folder holds units of one user's systemd.
func forUser(dir string) bool {
	return strings.HasSuffix(filepath.ToSlash(filepath.Clean(dir)), "systemd/user")
}

// unitPlace returns where units have to go for systemd to find them; "": they
// lie where it looks.
func unitPlace(dir string) string {
	const place = "/etc/systemd/system"
	switch filepath.Clean(absolute(dir)) {
	case place, "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system":
		return ""
	}
	if forUser(dir) {
		return ""
	}
	return place + "/"
}

// hardening is what a mirror's service needs not: the same lines as in
// deploy/systemd/metaserver-mirror.service, which a test holds against these.
var hardening = []string{
	"CapabilityBoundingSet=",
	"LockPersonality=yes",
	"MemoryDenyWriteExecute=yes",
	"NoNewPrivileges=yes",
	"PrivateDevices=yes",
	"PrivateTmp=yes",
	"PrivateUsers=yes",
	"ProcSubset=pid",
	"ProtectClock=yes",
	"ProtectControlGroups=yes",
	"ProtectHome=read-only", // there: yes; the configuration may lie in a home
	"ProtectHostname=yes",
	"ProtectKernelLogs=yes",
	"ProtectKernelModules=yes",
	"ProtectKernelTunables=yes",
	"ProtectProc=invisible",
	"ProtectSystem=strict",
	"RemoveIPC=yes",
	"RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX",
	"RestrictNamespaces=yes",
	"RestrictRealtime=yes",
	"RestrictSUIDSGID=yes",
	"SystemCallArchitectures=native",
	"SystemCallFilter=@system-service",
	"SystemCallFilter=~@privileged @resources",
	"SystemCallErrorNumber=EPERM",
	"UMask=0022",
}

// forPrograms are those of them that a program of somebody else may not bear.
var forPrograms = []string{"MemoryDenyWriteExecute=", "ProcSubset=", "SystemCall", "RemoveIPC="}

// hardeningOf returns the lines for a type of targets.
func hardeningOf(kind string) []string {
	if kind != "command" {
		return hardening
	}
	return slices.DeleteFunc(slices.Clone(hardening), func(line string) bool {
		return slices.ContainsFunc(forPrograms, func(start string) bool { return strings.HasPrefix(line, start) })
	})
}

// units returns the service and the timer. The service of the system runs as
// the user who sets it up; it sees the system read-only, but for a folder that
// it publishes to.
func (s *mirrorSetup) units() (setupFiles, error) {
	limits := []string{"NoNewPrivileges=yes", "UMask=0022", "Environment=HOME=%h"}
	if !forUser(s.systemd) {
		who, err := user.Current()
		if err != nil {
			return nil, fmt.Errorf("who runs the service is not known: %w", err)
		}
		limits = append([]string{"User=" + who.Username}, hardeningOf(s.kind)...)
		if folder := s.folderPath(); folder != "" {
			limits = append(limits, "ReadWritePaths="+unitQuote(folder))
		}
	}
	service := fmt.Sprintf(`[Unit]
Description=Mirror of %s
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart=%s mirror once --config %s
TimeoutStartSec=45min
%s
`, strings.ReplaceAll(s.root, "%", "%%"), execQuote(executable()), execQuote(absolute(s.config)), strings.Join(limits, "\n"))
	timer := fmt.Sprintf(`[Unit]
Description=Run %s.service every hour

[Timer]
OnCalendar=*-*-* *:%02d:00 UTC
RandomizedDelaySec=10min
Persistent=yes

[Install]
WantedBy=timers.target
`, s.unitName(), s.minute)
	return setupFiles{
		{s.unitFile(".service"), []byte(service), 0o644},
		{s.unitFile(".timer"), []byte(timer), 0o644},
	}, nil
}

// folderPath returns the folder of this machine that is published to.
func (s *mirrorSetup) folderPath() string {
	for _, line := range s.lines {
		if key, path := keyAndText(line); key == "path" && s.kind == "folder" {
			if !filepath.IsAbs(path) {
				path = filepath.Join(filepath.Dir(absolute(s.config)), path)
			}
			return path
		}
	}
	return ""
}

// execQuote writes a word of a command line for a unit file, in which "$" begins
// a variable.
func execQuote(word string) string { return strings.ReplaceAll(unitQuote(word), "$", "$$") }

// unitQuote writes a word for a unit file: in quotes if it needs them, and with
// the specifiers of systemd taken as they are.
func unitQuote(word string) string {
	word = strings.NewReplacer("%", "%%", `\`, `\\`, `"`, `\"`).Replace(word)
	if strings.ContainsAny(word, " \t'") || strings.Contains(word, `\`) {
		return `"` + word + `"`
	}
	return word
}
