package watch

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A mirror that comes and goes is away longer each time, and a month of health
// ends that.
func TestFlapping(t *testing.T) {
	t.Parallel()
	p := Policy{}
	p.setDefaults()
	now := time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)
	w := store.Watch{State: store.MirrorNew}
	step := func(s store.MirrorState, until func() bool) (took time.Duration) {
		for {
			now = now.Add(p.Every)
			took += p.Every
			w = p.next(w, s, now)
			if until() {
				return took
			}
		}
	}
	out, in := func() bool { return !w.LeftOut.IsZero() }, func() bool { return w.LeftOut.IsZero() }
	step(store.MirrorWell, in)
	for _, want := range []time.Duration{6, 12, 24, 48, 96, 168, 168} {
		step(store.MirrorStale, out)
		if got := step(store.MirrorWell, in) - p.Every; got != want*time.Hour { // the first look begins to count
			t.Errorf("left out for the %d. time: back after %v, want %d h", w.Drops, got, want)
		}
	}
	now = now.Add(31 * 24 * time.Hour)
	step(store.MirrorUnreachable, out)
	if got := step(store.MirrorWell, in) - p.Every; got != 6*time.Hour {
		t.Errorf("after a month of health: back after %v", got)
	}
}

// A root that was off has not seen anybody ill.
func TestUnobserved(t *testing.T) {
	t.Parallel()
	p := Policy{}
	p.setDefaults()
	now := time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)
	w := p.next(store.Watch{State: store.MirrorWell, Since: now, Checked: now}, store.MirrorStale, now.Add(time.Hour))
	w = p.next(w, store.MirrorStale, now.Add(7*24*time.Hour))
	if !w.LeftOut.IsZero() || w.IllFor != 2*p.Every {
		t.Errorf("%+v", w)
	}
	w = p.next(w, store.MirrorStale, now) // a clock that was set back
	if w.IllFor != 2*p.Every {
		t.Errorf("%+v", w)
	}
}

// What an admin has approved at a private address opens nothing to others.
func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	requests := 0
	inside := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { requests++; http.NotFound(w, nil) }))
	defer inside.Close()
	l := newLooker(&Config{})
	defer l.closeIdle()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	ask := func(f *serverlist.Fetcher) error {
		_, err := f.Head(t.Context(), inside.URL+"/", root.Want(serverlist.TypeServerList), root.Chain())
		return err
	}
	for _, urls := range [][]string{{"http://mirror.example/"}, {"https://192.0.2.7/", "http://mirror.example.org/x"}} {
		if err := ask(l.fetcher(urls)); err == nil || !strings.Contains(err.Error(), "private") || requests != 0 {
			t.Errorf("the fetcher for %q: %v, %d requests", urls, err, requests)
		}
	}
	if ask(l.fetcher([]string{inside.URL + "/"})); requests == 0 {
		t.Error("what was approved is not asked")
	}
	if err := ask(l.public); err == nil || !strings.Contains(err.Error(), "private") || requests != 1 {
		t.Errorf("afterwards: %v, %d requests", err, requests)
	}
}

// A mirror beside the root proves nothing about those on the Internet.
func TestProven(t *testing.T) {
	t.Parallel()
	const near, far = "http://10.0.0.7/", "http://mirror.example/"
	out := time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)
	type one struct {
		url     string
		state   store.MirrorState
		leftOut time.Time
	}
	for name, c := range map[string]struct {
		mirrors []one
		want    bool
	}{
		"one far is well":          {[]one{{far, store.MirrorWell, time.Time{}}, {far, store.MirrorStale, time.Time{}}}, true},
		"one far is behind":        {[]one{{far, store.MirrorBehind, time.Time{}}, {far, store.MirrorStale, time.Time{}}}, false},
		"one that is left out":     {[]one{{far, store.MirrorWell, out}, {far, store.MirrorStale, time.Time{}}}, false},
		"near for far":             {[]one{{near, store.MirrorWell, time.Time{}}, {far, store.MirrorUnreachable, time.Time{}}}, false},
		"near for near":            {[]one{{near, store.MirrorWell, time.Time{}}, {near, store.MirrorUnreachable, time.Time{}}}, true},
		"near for a forked one":    {[]one{{near, store.MirrorWell, time.Time{}}, {far, store.MirrorForked, time.Time{}}}, true},
		"far for near":             {[]one{{near, store.MirrorWrong, time.Time{}}, {far, store.MirrorWell, time.Time{}}}, true},
		"nobody is well, all near": {[]one{{near, store.MirrorWrong, time.Time{}}, {near, store.MirrorWrong, time.Time{}}}, false},
	} {
		var all []store.WatchedMirror
		var looks []look
		for _, m := range c.mirrors {
			all = append(all, store.WatchedMirror{Mirror: serverlist.Mirror{URLs: []string{m.url}}, Watch: store.Watch{LeftOut: m.leftOut}})
			looks = append(looks, look{check: store.MirrorCheck{State: m.state}})
		}
		if got := proven(all, looks); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
