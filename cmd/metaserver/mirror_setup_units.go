package main

import (
	"fmt"
	"os/user"
	"path/filepath"
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

// units returns the service and the timer. The service of the system runs as
// the user who sets it up; it sees the system read-only, but for a folder that
// it publishes to.
func (s *mirrorSetup) units() (setupFiles, error) {
	hardening := []string{"NoNewPrivileges=yes", "UMask=0022", "Environment=HOME=%h"}
	if !forUser(s.systemd) {
		who, err := user.Current()
		if err != nil {
			return nil, fmt.Errorf("who runs the service is not known: %w", err)
		}
		hardening = []string{"User=" + who.Username, "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=read-only", "PrivateTmp=yes",
			"PrivateDevices=yes", "ProtectKernelTunables=yes", "ProtectKernelModules=yes", "ProtectControlGroups=yes", "RestrictSUIDSGID=yes",
			"RestrictNamespaces=yes", "LockPersonality=yes", "CapabilityBoundingSet=", "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "UMask=0022"}
		if folder := s.folderPath(); folder != "" {
			hardening = append(hardening, "ReadWritePaths="+unitQuote(folder))
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
`, strings.ReplaceAll(s.root, "%", "%%"), unitQuote(executable()), unitQuote(absolute(s.config)), strings.Join(hardening, "\n"))
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
		if path, ok := strings.CutPrefix(line, "path = "); ok && s.kind == "folder" {
			path = strings.Trim(path, `"`)
			if !filepath.IsAbs(path) {
				path = filepath.Join(filepath.Dir(absolute(s.config)), path)
			}
			return path
		}
	}
	return ""
}

// unitQuote writes a word for a unit file: in quotes if it needs them, and with
// the specifiers of systemd taken as they are.
func unitQuote(word string) string {
	word = strings.NewReplacer("%", "%%", "$", "$$", `\`, `\\`, `"`, `\"`).Replace(word)
	if strings.ContainsAny(word, " \t'") || strings.Contains(word, `\`) {
		return `"` + word + `"`
	}
	return word
}
