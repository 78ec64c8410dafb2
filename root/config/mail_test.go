package config

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The [mail] that root.toml shows as a comment is one that works, and a password
// that everybody can read is told of.
func TestMailOfTheFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "root.toml")
	before, after, found := strings.Cut(templateText(t), "#[mail]\n")
	shown, rest, ended := strings.Cut(after, "\n\n")
	if !found || !ended {
		t.Fatal("root.toml shows no [mail]")
	}
	text := before + "[mail]\n"
	for line := range strings.Lines(shown) {
		if !strings.HasPrefix(line, "# ") { // the other way to write it
			text += strings.TrimPrefix(line, "#")
		}
	}
	text += "\n\n" + rest
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	password := filepath.Join(dir, "mail.password")
	if err := os.WriteFile(password, []byte("swordfish\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(password, 0o644); err != nil { // whatever the umask
		t.Fatal(err)
	}
	cfg, err := Load(dir)
	if err != nil || cfg.Mail == nil {
		t.Fatal(err)
	}
	m := cfg.Mail.Server
	if m.Host != "mail.example.org:587" || m.From != "ms@example.org" || m.User != m.From || m.TLS != "starttls" || !slices.Equal(cfg.Mail.Admins, []string{"admin@example.org"}) {
		t.Errorf("%+v", cfg.Mail)
	}
	if secret, err := m.Password(); err != nil || secret != "swordfish" {
		t.Errorf("the password: %q, %v", secret, err)
	}
	exposed := func(note string) bool { return strings.Contains(note, "chmod 600 "+password) }
	if runtime.GOOS != "windows" && !slices.ContainsFunc(cfg.Notes, exposed) {
		t.Errorf("notes %q", cfg.Notes)
	}
}
