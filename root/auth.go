package root

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
)

// Wrong tokens are answered so many at once, then one a second. Right ones are
// never held up by them.
const (
	failureBurst = 10
	failureEvery = time.Second
)

type adminKey struct{}

// adminOf names who sent the request.
func adminOf(r *http.Request) string {
	name, _ := r.Context().Value(adminKey{}).(string)
	return name
}

// authenticate lets requests with an admin's token through.
func (s *server) authenticate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, err := s.admin(r)
		switch {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), adminKey{}, name)))
		case errors.Is(err, store.ErrNotFound):
			s.refuseToken(w, r)
		default:
			s.log.Error("a token could not be checked", "err", err)
			writeProblem(w, problemOf(err))
		}
	})
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

func (s *server) refuseToken(w http.ResponseWriter, r *http.Request) {
	src := s.proxies.sourceOf(r)
	if wait := s.failures.wait(src.block(), s.cfg.Now()); wait > 0 {
		p := problem(http.StatusTooManyRequests, "Too many requests without a valid token came from this address. The header Retry-After says when the next one is looked at.")
		p.RetryAfter = wait
		writeProblem(w, p)
		return
	}
	s.log.Warn("a request to the admin API had no valid token", "source", src.addr)
	w.Header().Set("WWW-Authenticate", `Bearer realm="metaserver admin"`)
	writeProblem(w, problem(http.StatusUnauthorized,
		"This needs an admin's token, in the header Authorization: Bearer TOKEN. The first one lies in the file admin.token of the root's data folder."))
}

// checkHost refuses requests to a host name that is not this listener's. A web
// page may give its own name the address 127.0.0.1 (DNS rebinding) and would
// then talk to this listener from an admin's browser; it cannot do so under an
// address or "localhost".
func (s *server) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostOf(r.Host)
		_, err := netip.ParseAddr(host)
		if err == nil || host == "localhost" || slices.Contains(s.cfg.AdminHosts, host) {
			next.ServeHTTP(w, r)
			return
		}
		writeProblem(w, problem(http.StatusForbidden,
			"The admin API does not answer to the host name of this request. Use an address or localhost, or add the name to admin_hosts in root.toml."))
	})
}

func hostOf(hostport string) string {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// checkOrigin refuses what a web page of another origin makes a browser send.
func (s *server) checkOrigin(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, problem(http.StatusForbidden, "A browser sent this on behalf of another site; the admin API does not take that."))
	}))
	return cross.Handler(next)
}
