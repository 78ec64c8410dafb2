package root

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/store"
)

// Wrong tokens are answered so many at once, then one a second. Right ones are
// never held up by them.
const (
	failureBurst = 10
	failureEvery = time.Second
)

// A denial says why a request of the admin API is not looked at.
type denial struct {
	kind    audit.Action // its name in the audit log
	detail  string
	problem *api.Problem
}

// admin names the admin whose token the request carries; store.ErrNotFound if
// there is none.
func (s *server) admin(r *http.Request) (string, error) {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	secret, ok := strings.CutPrefix(strings.TrimSpace(value), api.AdminTokenPrefix)
	if !strings.EqualFold(scheme, "Bearer") || !ok {
		return "", store.ErrNotFound
	}
	token, err := store.ParseToken(secret)
	if err != nil {
		return "", store.ErrNotFound
	}
	return s.store.CheckAdmin(r.Context(), token)
}

// tokenDenial tells a request without a token from one with a wrong one.
func tokenDenial(r *http.Request) *denial {
	d := &denial{kind: "wrong-token"}
	if r.Header.Get("Authorization") == "" {
		d.kind = "no-token"
	}
	d.problem = problem(http.StatusUnauthorized,
		"This needs an admin's token, in the header Authorization: Bearer TOKEN. The first one lies in the file admin.token of the root's data folder.")
	return d
}

// deny refuses a request and records that. wanted is what it asked for; "":
// nothing that there is.
func (s *server) deny(w http.ResponseWriter, r *http.Request, src limit.Source, wanted audit.Action, d *denial) {
	events := s.denials.add(audit.Event{
		Action: d.kind, Outcome: audit.Denied, Subject: string(wanted), Detail: d.detail, Source: src.Network().String(),
	}, s.cfg.Now())
	if len(events) > 0 {
		s.note(r.Context(), events...)
		s.log.Warn("a request to the admin API was denied", "why", d.kind, "source", src.Addr)
	}
	if d.problem.Status == http.StatusUnauthorized {
		if wait := s.failures.Wait(src.Block(), s.cfg.Now()); wait > 0 {
			p := problem(http.StatusTooManyRequests, "Too many requests without a valid token came from this address. The header Retry-After says when the next one is looked at.")
			p.RetryAfter = wait
			writeProblem(w, p)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="metaserver admin"`)
	}
	writeProblem(w, d.problem)
}

// checkDoor refuses what a web page makes a browser send.
func (s *server) checkDoor(r *http.Request, foreign *http.CrossOriginProtection) *denial {
	if !s.ownHost(r) {
		return &denial{"foreign-host", "Host: " + clip(hostOf(r.Host)), problem(http.StatusForbidden,
			"The admin API does not answer to the host name of this request. Use an address or localhost, or add the name to admin_hosts in root.toml.")}
	}
	if foreign.Check(r) != nil {
		return &denial{"foreign-origin", "Origin: " + clip(r.Header.Get("Origin")), problem(http.StatusForbidden,
			"A browser sent this on behalf of another site; the admin API does not take that.")}
	}
	return nil
}

// ownHost tells whether a request is for a host name of this listener. A web
// page may give its own name the address 127.0.0.1 (DNS rebinding) and would
// then talk to this listener from an admin's browser; it cannot do so under an
// address or "localhost".
func (s *server) ownHost(r *http.Request) bool {
	host := hostOf(r.Host)
	_, err := netip.ParseAddr(host)
	return err == nil || host == "localhost" || slices.Contains(s.cfg.AdminHosts, host)
}

func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}
