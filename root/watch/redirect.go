package watch

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/signed-metaserver/metaserver/root/store"
)

// A place is where documents are that a mirror must not send clients on to:
// one that only redirects adds nothing, and is away whenever that place is.
type place struct {
	url  string
	what string // for a message
}

// places returns the root's own place and those of its mirrors.
func (w *Watcher) places(all []store.WatchedMirror) []place {
	var found []place
	if w.cfg.PublicURL != "" {
		found = append(found, place{w.cfg.PublicURL, "the root itself"})
	}
	for _, m := range all {
		for _, u := range m.Mirror.URLs {
			found = append(found, place{u, "mirror " + m.Mirror.ID})
		}
	}
	return found
}

// A guard is what a look at one mirror knows of where it may be sent.
type guard struct {
	own    []string // URLs of the mirror, where it may send clients as it likes
	others []place
}

type guardKey struct{}

func (v *view) guard(ctx context.Context, m *store.WatchedMirror) context.Context {
	return context.WithValue(ctx, guardKey{}, &guard{m.Mirror.URLs, v.places})
}

// refuseRedirect is asked by the Fetcher about each redirect.
func refuseRedirect(ctx context.Context, to *url.URL) error {
	g, ok := ctx.Value(guardKey{}).(*guard)
	if !ok {
		return nil
	}
	for _, own := range g.own {
		if isAt(to, own) {
			return nil
		}
	}
	for _, other := range g.others {
		if isAt(to, other.url) {
			return fmt.Errorf("redirects to %s (%s), and is no mirror: it is away whenever that is; let it hold the files itself", to.Redacted(), other.what)
		}
	}
	return nil
}

// isAt tells whether a URL is that of a place, or of a file in its folder,
// whether by http or by https.
func isAt(u *url.URL, place string) bool {
	p, err := url.Parse(place)
	if err != nil || hostOf(u) != hostOf(p) {
		return false
	}
	path := p.Path
	if path == "" {
		path = "/"
	}
	return u.Path == path || strings.HasSuffix(path, "/") && strings.HasPrefix(u.Path, path)
}

// hostOf returns the host, and the port if it is not the usual one.
func hostOf(u *url.URL) string {
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	if port := u.Port(); port != "" && port != map[string]string{"http": "80", "https": "443"}[u.Scheme] {
		return net.JoinHostPort(host, port)
	}
	return host
}
