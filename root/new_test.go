package root_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/examine"
	"github.com/signed-metaserver/metaserver/root/setup"
)

func TestPassphrase(t *testing.T) {
	t.Parallel()
	dir := newData(t, func(c *setup.Config) { c.Passphrase = []byte("open sesame") })
	for _, key := range []string{"admin", "recovery", "list"} {
		path := filepath.Join(dir, "keys", key+".key")
		if _, err := keyfile.Load(path, "x", nil); !errors.Is(err, keyfile.ErrNeedsPassphrase) {
			t.Errorf("%s is not encrypted: %v", path, err)
		}
	}
	answers := func(secret string) func() ([]byte, error) {
		return func() ([]byte, error) { return []byte(secret), nil }
	}
	for _, tc := range []struct {
		ask  func() ([]byte, error)
		want error
	}{{nil, keyfile.ErrNeedsPassphrase}, {answers(""), keyfile.ErrNeedsPassphrase}, {answers("wrong"), keyfile.ErrPassphrase}} {
		if _, err := root.New(config.Config{Data: dir, Passphrase: tc.ask}); !errors.Is(err, tc.want) {
			t.Errorf("%v, want %v", err, tc.want)
		}
	}
	w := serveData(t, dir, func(c *config.Config) { c.Passphrase = answers("open sesame") })
	w.register(1)
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	var none *datafolder.NoRootError
	if _, err := root.New(config.Config{Data: t.TempDir()}); !errors.As(err, &none) || none.Unfinished || !strings.Contains(err.Error(), "root init") {
		t.Errorf("an empty folder: %v", err)
	}
	if _, err := config.Load(filepath.Join(t.TempDir(), "absent")); !errors.As(err, &none) {
		t.Errorf("no folder: %v", err)
	}
	for _, tc := range []struct {
		name   string
		damage func(dir string) error
		says   string
	}{
		{"init did not finish", func(dir string) error { return os.Remove(filepath.Join(dir, "root.toml")) }, "did not finish"},
		{"no database", func(dir string) error { return os.Remove(filepath.Join(dir, "root.db")) }, "no database"},
		{"no list key", func(dir string) error { return os.Remove(filepath.Join(dir, "keys", "list.key")) }, "no key file"},
		{"no trust document", func(dir string) error { return os.Remove(filepath.Join(dir, "public", "trust", "1.trust")) }, "trust document"},
		{"another key", func(dir string) error {
			return errors.Join(
				os.Rename(filepath.Join(dir, "keys", "admin.key"), filepath.Join(dir, "keys", "list.key")),
				os.Rename(filepath.Join(dir, "keys", "admin.key.pub"), filepath.Join(dir, "keys", "list.key.pub")))
		}, "is not in"},
		{"a key of nobody", func(dir string) error {
			path := filepath.Join(dir, "keys", "list.key")
			if err := errors.Join(os.Remove(path), os.Remove(path+".pub")); err != nil {
				return err
			}
			_, err := keyfile.Create(path, origin+"/list/1", nil)
			return err
		}, "is not in"},
		{"a changed trust document", func(dir string) error {
			path := filepath.Join(dir, "public", "trust", "1.trust")
			data, err := os.ReadFile(path)
			return errors.Join(err, os.WriteFile(path, bytes.Replace(data, []byte("epoch 1"), []byte("epoch 2"), 1), 0o644))
		}, "1.trust"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := newData(t)
			if err := tc.damage(dir); err != nil {
				t.Fatal(err)
			}
			r, err := root.New(config.Config{Data: dir})
			if err == nil {
				r.Close()
			}
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("%v; want %q", err, tc.says)
			}
		})
	}
	dir := newData(t)
	if _, err := root.New(config.Config{Data: dir, Origin: "other.example"}); err == nil || !strings.Contains(err.Error(), "never changes") {
		t.Errorf("another origin: %v", err)
	}
	if _, err := root.New(config.Config{Data: dir, Listen: "7480"}); err == nil || !strings.Contains(err.Error(), "host:port") {
		t.Errorf("a bad address: %v", err)
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(1)
	report, err := examine.Describe(t.Context(), w.dir, time.Now().Add(48*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if report.Origin != origin || report.Trust.Version != 1 || len(report.Trust.SHA256) != 64 || report.Pending != 1 || report.Listed != 0 || len(report.KeysHere) != 2 {
		t.Errorf("%+v", report)
	}
	if l := report.Lists[0]; l.Name != "server.list" || l.Freshness != "stale" || l.AgeSeconds < 47*3600 || l.Version == 0 || l.Epoch != 1 {
		t.Errorf("%+v", l)
	}
	w.stop()
	before := listing(t, w.dir)
	if report, err := examine.Describe(t.Context(), w.dir, time.Now()); err != nil || report.Pending != 1 {
		t.Errorf("when it is not served: %+v, %v", report, err)
	}
	if listing(t, w.dir) != before {
		t.Error("describing the root has changed it")
	}
	if _, err := examine.Describe(t.Context(), t.TempDir(), time.Now()); err == nil {
		t.Error("an empty folder was described")
	}
}

// listing names everything below a folder, with sizes.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		b.WriteString(path + "\n")
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			b.Write(data)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
