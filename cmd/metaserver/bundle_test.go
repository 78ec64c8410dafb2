package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A bundleRoot is a root with a mirror, whose lists are three months old, and a
// folder for a bundle.
type bundleRoot struct {
	*serverlisttest.Root
	sites  []*serverlisttest.Site
	mirror string // URL
	out    string
	args   []string
}

func newBundleRoot(t *testing.T) *bundleRoot {
	dir := t.TempDir()
	r := &bundleRoot{
		Root: serverlisttest.NewRoot(serverlisttest.Options{Now: time.Now().AddDate(0, -3, 0)}),
		out:  filepath.Join(dir, "static"),
	}
	trust := filepath.Join(dir, "1.trust")
	if err := os.WriteFile(trust, r.Pinned(), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r.sites = append(r.sites, r.Site(serverlisttest.Honest))
	}
	r.mirror = r.sites[1].Start(t).URL
	r.publish(90*24*time.Hour, 90*24*time.Hour)
	r.args = []string{"bundle", "--trust", trust, "--root", r.sites[0].Start(t).URL, "--out", r.out}
	return r
}

// publish publishes both lists, as issued that long ago.
func (r *bundleRoot) publish(servers, mirrors time.Duration) {
	r.Clock.Set(time.Now().Add(-mirrors))
	r.Publish(serverlisttest.Mirrors(r.mirror))
	r.Clock.Set(time.Now().Add(-servers))
	r.Publish(serverlisttest.Servers("cat2"))
}

// bundle runs the real program.
func (r *bundleRoot) bundle(flags ...string) (output string, status int) {
	out, err := exec.Command("metaserver", append(r.args, flags...)...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(out), exit.ExitCode()
	}
	if err != nil {
		return err.Error(), -1
	}
	return string(out), 0
}

// contents are the files of a folder; none if it is not there.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return files
}

// A launcher ships with lists that are fresh, and not older than those that
// were there already.
func TestBundleRefuses(t *testing.T) {
	t.Parallel()
	const hour, day = time.Hour, 24 * time.Hour
	for name, tt := range map[string]struct {
		happens func(r *bundleRoot)
		says    string
	}{
		"the server list is stale":  {func(r *bundleRoot) { r.publish(25*hour, hour) }, "the server list is stale: 1d 1h old"},
		"the server list is old":    {func(r *bundleRoot) { r.publish(31*day, hour) }, "the server list is old: 31d 0h old"},
		"the mirror list is stale":  {func(r *bundleRoot) { r.publish(hour, 25*hour) }, "the mirror list is stale: 1d 1h old"},
		"the mirror list is old":    {func(r *bundleRoot) { r.publish(hour, 31*day) }, "the mirror list is old: 31d 0h old"},
		"a server list of tomorrow": {func(r *bundleRoot) { r.publish(-25*hour, hour) }, "the server list was issued at 2"},
		"a mirror list of tomorrow": {func(r *bundleRoot) { r.publish(hour, -25*hour) }, "the mirror list was issued at 2"},
		"no mirror list":            {func(r *bundleRoot) { r.publish(hour, hour); r.sites[0].Put("mirror.list", nil) }, "no mirror list could be had"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newBundleRoot(t)
			tt.happens(r)
			r.refuses(t, tt.says)
		})
	}
}

// Nothing that hosts do gets into a bundle, takes it back or damages it.
func TestBundleStays(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fault  serverlisttest.Fault
		filled bool // the folder holds the newest lists
		says   string
	}{
		{serverlisttest.Old, true, "is the newest list; root and mirrors have only older ones"},
		{serverlisttest.Stranger, true, "threshold"},
		{serverlisttest.Portal, true, "captive portal or login page"},
		{serverlisttest.NotFound, true, "404"},
		{serverlisttest.Stranger, false, "threshold"},
		{serverlisttest.Unsigned, false, "no-signature"},
		{serverlisttest.BodyByte, false, "wrong-hash"},
		{serverlisttest.Portal, false, "captive portal or login page"},
	} {
		t.Run(fmt.Sprintf("%s, filled %v", tt.fault, tt.filled), func(t *testing.T) {
			t.Parallel()
			r := newBundleRoot(t)
			r.publish(2*time.Hour, 2*time.Hour)
			r.publish(time.Hour, time.Hour)
			if tt.filled {
				r.accepts(t)
			}
			for _, site := range r.sites {
				site.SetFault(tt.fault)
			}
			r.refuses(t, tt.says)
		})
	}
}

// A list that is not fresh is taken if asked for.
func TestBundleAllowStale(t *testing.T) {
	t.Parallel()
	r := newBundleRoot(t)
	r.refuses(t, "list is old")
	r.accepts(t, "--allow-stale")
}

// accepts runs the program, which must write what the root has published.
func (r *bundleRoot) accepts(t *testing.T, flags ...string) {
	t.Helper()
	if out, status := r.bundle(flags...); status != 0 {
		t.Errorf("status %d:\n%s", status, out)
	}
	want := map[string]string{"pinned.trust": string(r.Chain().Newest().Bytes())}
	for name, file := range r.Folder() {
		want[name] = string(file.Data)
	}
	if !maps.Equal(contents(t, r.out), want) {
		t.Error("the folder does not hold what the root has published")
	}
}

// refuses runs the program, which must change nothing.
func (r *bundleRoot) refuses(t *testing.T, says string) {
	t.Helper()
	before := contents(t, r.out)
	out, status := r.bundle()
	if status != 1 || !strings.Contains(out, says) {
		t.Errorf("status %d, want 1 and %q:\n%s", status, says, out)
	}
	if !maps.Equal(before, contents(t, r.out)) {
		t.Error("the folder was changed")
	}
}

// The next release pins the next trust document, from the same folder.
func TestBundleFollowsRotation(t *testing.T) {
	t.Parallel()
	r := newBundleRoot(t)
	r.publish(2*time.Hour, 2*time.Hour)
	r.accepts(t)
	r.Amend(serverlisttest.Change{Lists: []string{"list/2"}, Revoke: []string{"list/1"}})
	r.refuses(t, "the newest list")
	r.publish(time.Hour, time.Hour)
	r.accepts(t)
}
