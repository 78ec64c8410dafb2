package root_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/config"
)

// TestForgetsByItself serves a root that is a month older than its requests.
func TestForgetsByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rejected := w.register(1)
	w.register(2)
	if _, err := w.client().Reject(t.Context(), rejected.ID, "no"); err != nil {
		t.Fatal(err)
	}
	w.stop()
	var late atomic.Int64
	late.Store(int64(31 * 24 * time.Hour))
	later := serveData(t, w.dir, func(c *config.Config) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	})
	later.until("the address of the rejected request is gone", func() bool {
		r, err := later.client().Registration(t.Context(), rejected.ID)
		return err == nil && r.Email == "" && r.Source == ""
	})
	pending, err := later.client().Pending(t.Context())
	if err != nil || len(pending) != 1 || pending[0].Email != request(2).Email || pending[0].Source != "" {
		t.Errorf("%+v, %v", pending, err)
	}
	later.until("no file has the address", func() bool {
		files, err := filepath.Glob(filepath.Join(w.dir, "root.db*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if data, err := os.ReadFile(f); err != nil || bytes.Contains(data, []byte(request(1).Email)) {
				return false
			}
		}
		return true
	})
}

func TestRetentionSettings(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	write := func(lines string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, "root.toml"), []byte("origin = \""+origin+"\"\n"+lines), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("")
	if cfg, err := config.Load(dir); err != nil || cfg.Retention.SourceDays != 30 || cfg.Retention.EmailDays != 30 {
		t.Errorf("%+v, %v", cfg.Retention, err)
	}
	write("[retention]\nsource_days = 7\nemail_days = -1\n")
	if cfg, err := config.Load(dir); err != nil || cfg.Retention.SourceDays != 7 || cfg.Retention.EmailDays != -1 {
		t.Errorf("%+v, %v", cfg.Retention, err)
	}
	write("[retention]\nsource_days = 0\n")
	if _, err := config.Load(dir); err == nil || !bytes.Contains([]byte(err.Error()), []byte("line 3: retention.source_days = 0")) {
		t.Errorf("%v", err)
	}
}
