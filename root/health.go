package root

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// health answers /healthz and /readyz of the admin listener and passes on
// everything else. Neither needs a token, so that a supervisor or a load
// balancer needs no secret: they say in fixed words what anybody can find out
// who reaches the public listener, or that the disk is full; they read what is
// known already and so cost nothing; and nothing but GET and HEAD is taken.
//
//	/healthz  200 "ok"; 503 if a part hangs and a restart would help
//	/readyz   200 "ready"; 503 with one line for each thing that is missing
func (s *server) health(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var missing []string
		ok := "ready"
		switch {
		case !s.ownHost(r):
			next.ServeHTTP(w, r) // which denies it
			return
		case r.URL.Path == "/healthz":
			ok = "ok"
			if s.heart.hung() != nil {
				missing = []string{"a part hangs"}
			}
		case r.URL.Path == "/readyz":
			missing = s.missing()
		default:
			next.ServeHTTP(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, problem(http.StatusMethodNotAllowed, "This takes GET and HEAD alone."))
			return
		}
		h := w.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Cache-Control", "no-store")
		if len(missing) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			ok = strings.Join(missing, "\n")
		}
		fmt.Fprintln(w, ok)
	})
}

// missing says what keeps the root from doing its work, in fixed words.
func (s *server) missing() (all []string) {
	for _, typ := range []string{serverlist.TypeServerList, serverlist.TypeMirrorList} {
		name := issue.NameOf(typ)
		d := s.publisher.State(typ).Document
		switch now := s.cfg.Now(); {
		case d == nil:
			all = append(all, name+" is not published")
		case now.After(d.FreshUntil):
			all = append(all, name+" is old")
		}
	}
	if _, err := s.heart.state(partStore); err != nil {
		all = append(all, "the database takes no writes")
	}
	if free, known := datafolder.FreeSpace(s.cfg.Data); known && free < datafolder.LowDisk {
		all = append(all, "the disk is almost full")
	}
	if s.ending.Load() {
		all = append(all, "the root is stopping")
	}
	return all
}
