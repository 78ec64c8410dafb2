package tomlfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

// secretOf reads a table with the given lines.
func secretOf(t *testing.T, dir, lines string) (*tomlfile.Secret, error) {
	t.Helper()
	top, err := tomlfile.Parse("m.toml", []byte(lines))
	if err != nil {
		t.Fatal(err)
	}
	s := top.Secret("password", dir)
	top.RefuseUnknown()
	return s, top.Err()
}

func TestSecretIsReadAtEachUse(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "pw")
	s, err := secretOf(t, dir, `password_file = "pw"`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(); err == nil || !strings.Contains(err.Error(), file) || !strings.Contains(err.Error(), "mode 0600") {
		t.Errorf("a file that is not there: %v", err)
	}
	for text, want := range map[string]string{"one": "one", "two\n": "two", "three\r\n": "three", " four \n": " four "} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(); err != nil || got != want {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
	for text, want := range map[string]string{"": "is empty", "\n": "is empty", "a\nsecret\n": "more than one line", strings.Repeat("secret", 1000): "larger than"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Get(); err == nil || got != "" || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret\n") {
			t.Errorf("%.20q: got %q, %v", text, got, err)
		}
	}
}

func TestSecretOfTheEnvironment(t *testing.T) {
	t.Setenv("TOMLFILE_TEST_SECRET", "swordfish")
	s, err := secretOf(t, "", `password_env = "TOMLFILE_TEST_SECRET"`)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(); err != nil || got != "swordfish" {
		t.Errorf("got %q, %v", got, err)
	}
	t.Setenv("TOMLFILE_TEST_SECRET", "")
	if _, err := s.Get(); err == nil || !strings.Contains(err.Error(), "TOMLFILE_TEST_SECRET is not set") {
		t.Errorf("not set: %v", err)
	}
}

func TestSecretOfSystemd(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	if err := os.WriteFile(filepath.Join(dir, "ftp"), []byte("swordfish\n"), 0o400); err != nil {
		t.Fatal(err)
	}
	s, err := secretOf(t, "/elsewhere", `password_file = "$CREDENTIALS_DIRECTORY/ftp"`)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.Get(); err != nil || got != "swordfish" {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestSecretRefuses: what may be a secret is never shown.
func TestSecretRefuses(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]string{
		`password = "s3cret"`:                         `m.toml:1: password is not taken: a secret does not belong into this file`,
		`password_env = "s3cret!"`:                    `m.toml:1: password_env is not the name of an environment variable`,
		"password_file = \"a\"\npassword_env = \"B\"": `m.toml:2: password_file and password_env are both there: remove one`,
		`password_file = ["a"]`:                       `m.toml:1: password_file is a list`,
	} {
		_, err := secretOf(t, "", lines)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", lines, err)
		}
	}
	if s, err := secretOf(t, "", ""); s != nil || err != nil {
		t.Errorf("no keys: %v, %v", s, err)
	}
}

func TestSecretExposed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "pw")
	s, err := secretOf(t, dir, `password_file = "pw"`)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Exposed(); err != nil {
		t.Errorf("a file that is not there: %v", err)
	}
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, exposed := range map[os.FileMode]bool{0o600: false, 0o640: false, 0o644: true, 0o606: true} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if err := s.Exposed(); (err != nil) != exposed || exposed && !strings.Contains(err.Error(), "chmod 600 "+file) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}
