package root

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/root/certificate"
	"github.com/signed-metaserver/metaserver/root/config"
)

// An entrance is a listener of a running root.
type entrance struct {
	name   string
	door   net.Listener
	answer time.Duration // until an answer has been sent
	routes http.Handler
	source certificate.Source // nil: it speaks plain http
}

// openSources reads the certificates, so that what is wrong with them is told
// before anything else happens.
func (r *Root) openSources() (err error) {
	r.certificates = make(map[string]certificate.Source)
	for name, t := range map[string]*config.TLS{config.DoorPublic: r.cfg.TLS, config.DoorAdmin: r.cfg.AdminTLS} {
		if t == nil {
			continue
		}
		if r.certificates[name], err = openCertificates(t, &r.cfg); err != nil {
			return fmt.Errorf("TLS of the %s listener: %w", name, err)
		}
	}
	return nil
}

// Reload reads the certificates again. With an error those of before stay in use.
func (r *Root) Reload() error {
	var all []error
	for _, name := range slices.Sorted(maps.Keys(r.certificates)) {
		if err := r.certificates[name].Reload(); err != nil {
			all = append(all, fmt.Errorf("TLS of the %s listener: %w", name, err))
			continue
		}
		r.log.Info("the TLS certificate is read again", "listener", name)
	}
	return errors.Join(all...)
}

// listen opens what the configuration asks for. The caller closes the entrances
// that it returns, also with an error.
func (r *Root) listen() (all []entrance, _ error) {
	if err := r.checkHanded(); err != nil {
		return nil, err
	}
	for _, e := range r.entrances() {
		doors, err := r.open(e.name)
		if err != nil {
			return all, fmt.Errorf("%s listener: %w", e.name, err)
		}
		for _, door := range doors {
			e.door = door
			all = append(all, e)
		}
	}
	if public, ok := doorOf(all, config.DoorPublic).(*net.TCPAddr); ok {
		r.publicPort = public.Port
		r.cfg.Listen = public.String() // what warnings are about, also for a socket that was handed over
	}
	return all, nil
}

// entrances returns those that there are to be, still without doors.
func (r *Root) entrances() (all []entrance) {
	if r.cfg.Listen != config.ListenNone {
		all = append(all, entrance{name: config.DoorPublic, answer: answerTimeout, routes: r.routesOf(config.DoorPublic), source: r.certificates[config.DoorPublic]})
	}
	if r.cfg.TLS != nil && (r.cfg.TLS.ListenHTTP != "" || len(r.cfg.Handed[config.DoorPlain]) > 0) {
		all = append(all, entrance{name: config.DoorPlain, answer: answerTimeout, routes: r.routesOf(config.DoorPlain)})
	}
	return append(all, entrance{name: config.DoorAdmin, answer: adminTimeout, routes: r.routesOf(config.DoorAdmin), source: r.certificates[config.DoorAdmin]})
}

// routesOf returns what a listener answers.
func (r *Root) routesOf(name string) http.Handler {
	switch {
	case r.still != nil:
		return r.observe(name, r.still.routes(name == config.DoorAdmin))
	case name == config.DoorPublic:
		return r.observe(name, r.publicRoutes())
	case name == config.DoorPlain:
		return r.observe(name, r.plainRoutes())
	}
	return r.observe(name, r.adminRoutes())
}

func (r *Root) open(name string) ([]net.Listener, error) {
	if doors := r.cfg.Handed[name]; len(doors) > 0 {
		return doors, nil
	}
	address := map[string]string{config.DoorPublic: r.cfg.Listen, config.DoorAdmin: r.cfg.AdminListen}[name]
	if name == config.DoorPlain {
		address = r.cfg.TLS.ListenHTTP
	}
	l, err := net.Listen("tcp", address)
	return []net.Listener{l}, err
}

// checkHanded refuses sockets that nobody asked for: that the public one stays
// closed may be what the operator counts on.
func (r *Root) checkHanded() error {
	for name, doors := range r.cfg.Handed {
		isOther := func(l net.Listener) bool { _, isTCP := l.Addr().(*net.TCPAddr); return !isTCP }
		switch {
		case !slices.Contains(config.Doors(), name):
			return fmt.Errorf("a socket named %q was handed over; a root knows the names %s (FileDescriptorName= in the socket unit)", name, strings.Join(config.Doors(), ", "))
		case slices.ContainsFunc(doors, isOther):
			return fmt.Errorf("the socket %q that was handed over is no TCP socket: requests must come from addresses", name)
		case name != config.DoorAdmin && r.cfg.Listen == config.ListenNone:
			return fmt.Errorf("a socket named %q was handed over, and root.toml says listen = \"none\": remove one", name)
		case name == config.DoorPlain && r.cfg.TLS == nil:
			return fmt.Errorf("a socket named %q was handed over, and there is no [tls] beside which it would be plain http: name it %q, or add the table", name, config.DoorPublic)
		}
	}
	return nil
}

// serveAll serves the entrances and keeps their certificates until ctx ends.
func (r *Root) serveAll(ctx context.Context, g *errgroup.Group, all []entrance) {
	for _, source := range r.certificates {
		g.Go(func() error { return source.Run(ctx) })
	}
	for _, e := range all {
		srv := r.httpServer(e.routes, e.answer)
		if e.name != config.DoorAdmin {
			srv.ConnState = r.conns.Track
		}
		if e.source != nil {
			srv.TLSConfig = e.source.TLS()
		}
		g.Go(func() error { return serve(ctx, e.door, srv) })
	}
}

// plainRoutes is plain http beside a listener with TLS: the documents, which are
// signed, for players whose clock is wrong and who therefore get no TLS
// connection; an authority's questions; and the way to https for all else, since
// registrations hold e-mail addresses.
func (r *Root) plainRoutes() http.Handler {
	documents := r.publicRoutes()
	h := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(unrouted(req.URL.Path), "/trust/") || strings.HasSuffix(unrouted(req.URL.Path), ".list") {
			documents.ServeHTTP(w, req)
			return
		}
		to, ok := r.secure(req)
		if !ok {
			writeProblem(w, problem(http.StatusMisdirectedRequest, "This is plain http, where there are the documents alone; use https."))
			return
		}
		http.Redirect(w, req, to, http.StatusPermanentRedirect)
	})
	if a, ok := r.certificates[config.DoorPublic].(*certificate.ACME); ok {
		return a.Challenges(h)
	}
	return h
}

// secure returns the https URL of a request: below public_url if that is one, or
// at the host that the request names.
func (r *Root) secure(req *http.Request) (to string, ok bool) {
	if base, err := url.Parse(r.cfg.PublicURL); err == nil && base.Scheme == "https" {
		base.Path, base.RawPath, base.RawQuery = req.URL.Path, req.URL.RawPath, req.URL.RawQuery
		return base.String(), true
	}
	host := hostOf(req.Host)
	if host == "" {
		return "", false
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if r.publicPort != 443 {
		host += ":" + strconv.Itoa(r.publicPort)
	}
	u := url.URL{Scheme: "https", Host: host, Path: req.URL.Path, RawPath: req.URL.RawPath, RawQuery: req.URL.RawQuery}
	return u.String(), true
}
