package certificate

import (
	"bytes"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// A desk is where certificates are put down and taken up again.
type desk struct {
	t         *testing.T
	cert, key string
	files     *Files
	log       bytes.Buffer
	now       time.Time
}

func newDesk(t *testing.T, validFor time.Duration) *desk {
	dir := t.TempDir()
	d := &desk{t: t, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem"), now: time.Now()}
	d.put(validFor)
	files, err := NewFiles(d.cert, d.key, func() time.Time { return d.now }, slog.New(slog.NewTextHandler(&d.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	d.files = files
	return d
}

// put replaces both files and returns the certificate.
func (d *desk) put(validFor time.Duration) []byte {
	d.t.Helper()
	cert, key, _ := testenv.Certificate(d.t, validFor)
	for from, to := range map[string]string{cert: d.cert, key: d.key} {
		data, err := os.ReadFile(from)
		if err != nil {
			d.t.Fatal(err)
		}
		d.write(to, string(data))
	}
	pair, err := Load(d.cert, d.key)
	if err != nil {
		d.t.Fatal(err)
	}
	return pair.Certificate[0]
}

// write replaces a file as another program does, whatever the clock's resolution.
func (d *desk) write(path, text string) {
	d.t.Helper()
	old, _ := os.Stat(path)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	if old != nil {
		at := old.ModTime().Add(time.Second)
		if err := os.Chtimes(path, at, at); err != nil {
			d.t.Fatal(err)
		}
	}
}

// served returns what a client gets.
func (d *desk) served() []byte {
	d.t.Helper()
	pair, err := d.files.TLS().GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		d.t.Fatal(err)
	}
	return pair.Certificate[0]
}

func (d *desk) logged(text string) bool {
	defer d.log.Reset()
	return strings.Contains(d.log.String(), text)
}

func TestFilesAreReadAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 90*24*time.Hour)
	first := d.served()
	d.files.look()
	if d.log.Len() > 0 {
		t.Errorf("nothing has changed, and the log says %s", &d.log)
	}
	second := d.put(60 * 24 * time.Hour)
	if !bytes.Equal(d.served(), first) {
		t.Error("the files were read before anybody looked")
	}
	d.files.look()
	if !bytes.Equal(d.served(), second) || !d.logged("has been read again") {
		t.Error("the new certificate is not served, or the log does not say so")
	}
	if left := time.Until(d.files.Expiry()); left < 59*24*time.Hour || left > 61*24*time.Hour {
		t.Errorf("it expires in %v", left)
	}

	// A key without its certificate, as in the middle of a renewal.
	_, key, _ := testenv.Certificate(t, time.Hour)
	data, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	d.write(d.key, string(data))
	d.files.look()
	if !bytes.Equal(d.served(), second) || !d.logged("the last one stays in use") {
		t.Error("a pair that does not fit is served, or the log does not say so")
	}
	d.files.look()
	if d.log.Len() > 0 {
		t.Errorf("the log says it again: %s", &d.log)
	}
	if err := d.files.Reload(); err == nil {
		t.Error("Reload says nothing of a pair that does not fit")
	}
	if err := os.Remove(d.cert); err != nil {
		t.Fatal(err)
	}
	d.files.look()
	if !bytes.Equal(d.served(), second) {
		t.Error("without files nothing is served")
	}
	third := d.put(time.Hour)
	d.files.look()
	if !bytes.Equal(d.served(), third) {
		t.Error("the files are whole again, and the old certificate is served")
	}
}

func TestFilesWarnOnceADay(t *testing.T) {
	t.Parallel()
	d := newDesk(t, 90*24*time.Hour) // of a year that is over
	for _, step := range []struct {
		ahead time.Duration
		warns bool
	}{
		{0, false}, {70 * 24 * time.Hour, false}, {80 * 24 * time.Hour, true}, {80*24*time.Hour + 12*time.Hour, false}, {81 * 24 * time.Hour, true}, {91 * 24 * time.Hour, true},
	} {
		d.now = time.Now().Add(step.ahead)
		d.files.look()
		if d.logged("expires soon") != step.warns {
			t.Errorf("after %v: warned %v", step.ahead, !step.warns)
		}
	}
}

func TestExpiring(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for _, tc := range []struct {
		valid, left time.Duration
		expiring    bool
	}{
		{90 * day, 30 * day, false}, {90 * day, 15 * day, false}, {90 * day, 13 * day, true}, {90 * day, -day, true},
		{365 * day, 20 * day, false}, {365 * day, 10 * day, true},
		{6 * day, 3 * day, false}, {6 * day, day, true},
	} {
		now := time.Now()
		if got := Expiring(now.Add(tc.left-tc.valid), now.Add(tc.left), now); got != tc.expiring {
			t.Errorf("valid for %v, %v left: %v", tc.valid, tc.left, got)
		}
	}
}

func TestLoadNamesTheFile(t *testing.T) {
	t.Parallel()
	cert, key, _ := testenv.Certificate(t, time.Hour)
	for _, tc := range []struct{ cert, key, says string }{
		{"none.pem", key, "the TLS certificate cannot be read: open none.pem"},
		{cert, "none.pem", "the key of the TLS certificate cannot be read: open none.pem"},
		{key, cert, "cannot be used"},
	} {
		if _, err := Load(tc.cert, tc.key); err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s, %s: %v", tc.cert, tc.key, err)
		}
	}
}
