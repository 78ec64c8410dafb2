package root

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/documents"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/rejoin"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A still root cannot write to its data folder: the disk is full, or mounted
// read-only. It serves what was published last and takes nothing.

// CannotWrite tells whether an error of [New] is that the data folder cannot be
// written to for now, so that [NewStill] may serve what is there.
func CannotWrite(err error) bool {
	return errors.Is(err, store.ErrNoSpace) || errors.Is(err, store.ErrReadOnly) ||
		errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EROFS)
}

// ErrWritable ends the Run of a still root: the data folder can be written to
// again, and [New] will open it.
var ErrWritable = errors.New("the data folder can be written to again")

// stillEvery is how often a still root looks whether it can write.
const stillEvery = 10 * time.Second

// roomToWrite is how much a file must hold before a still root believes that
// there is room again, in bytes: the log of the database begins with less.
const roomToWrite = 1 << 20

// NewStill opens a root of which [New] has said that its data folder cannot be
// written to. It serves the documents that were published last, as far as they
// verify, and answers 503 to everything else. Its Run ends with [ErrWritable]
// when that is over. It holds no lock, signs nothing and changes nothing.
func NewStill(cfg config.Config, cause error) (*Root, error) {
	if err := cfg.Complete(); err != nil {
		return nil, err
	}
	d := datafolder.Folder(cfg.Data)
	if err := rejoin.Check(d); err != nil {
		return nil, err
	}
	chain, err := datafolder.LoadChain(d)
	if err != nil {
		return nil, err
	}
	trusted, err := limit.ParseProxies(cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	conns, _ := newPublicConns(&cfg, trusted)
	r := &Root{headerTimeout: headerTimeout, bodyTimeout: requestTimeout, server: server{
		cfg: cfg, origin: chain.Origin(), proxies: trusted, conns: conns, log: cfg.Log, stats: newStats(),
		heart: &heart{now: time.Now},
	}}
	r.still = &still{cause: cause, documents: readDocuments(d, chain)}
	if err := r.openSources(); err != nil {
		return nil, err
	}
	return r, nil
}

// still is what a root has that cannot write.
type still struct {
	cause     error
	documents map[string][]byte // by name
	again     <-chan struct{}   // it looks now whether it can write; tests only
}

// readDocuments returns what was published and verifies, under whichever trust
// document it was signed.
func readDocuments(d datafolder.Folder, chain *keys.Chain) map[string][]byte {
	docs := make(map[string][]byte)
	for _, t := range chain.Documents() {
		docs[serverlist.TrustName(t.Version)] = t.Bytes()
	}
	for _, name := range []string{issue.MirrorListName, issue.ServerListName} {
		data, err := os.ReadFile(d.Published(name))
		if err != nil {
			continue
		}
		want := serverlist.Want{Origin: chain.Origin(), Type: issue.TypeOf(name), Held: keys.Stored}
		if l, err := serverlist.Open(data, want, chain); err == nil {
			docs[name] = l.Bytes()
		}
	}
	return docs
}

// runStill serves until ctx ends or the folder can be written to.
func (r *Root) runStill(ctx context.Context) error {
	entrances, err := r.listen()
	for _, e := range entrances {
		defer e.door.Close()
	}
	if err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	r.serveAll(ctx, g, entrances)
	g.Go(func() error { return r.untilWritable(ctx) })
	r.log.Error("the data folder cannot be written to: the last edition is served, nothing is taken, and nothing is signed. It is tried again",
		"every", stillEvery, "documents", len(r.still.documents), "err", r.still.cause)
	if r.cfg.Ready != nil {
		r.cfg.Ready(doorOf(entrances, config.DoorPublic), doorOf(entrances, config.DoorAdmin))
	}
	return g.Wait()
}

// untilWritable returns ErrWritable when a file fits into the folder.
func (r *Root) untilWritable(ctx context.Context) error {
	tick := time.NewTicker(stillEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-r.still.again:
		}
		if err := tryWrite(r.cfg.Data); err == nil {
			r.log.Info("the data folder can be written to again")
			return ErrWritable
		}
	}
}

func tryWrite(dir string) error {
	f, err := os.CreateTemp(dir, ".try-")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, roomToWrite))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
}

func (s *still) routes(admin bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		name := strings.TrimPrefix(r.URL.Path, "/")
		data, ok := s.documents[name]
		switch {
		case ok && !admin && (r.Method == http.MethodGet || r.Method == http.MethodHead):
			s.serve(w, r, name, data)
		case admin && r.URL.Path == "/healthz":
			fmt.Fprintln(w, "ok")
		case admin && r.URL.Path == "/readyz":
			http.Error(w, "the data folder cannot be written to", http.StatusServiceUnavailable)
		default:
			writeProblem(w, unavailable())
		}
	})
}

// unavailable says that nothing can be stored.
func unavailable() *api.Problem {
	p := problem(http.StatusServiceUnavailable, "Nothing was stored: the root cannot write to its disk at the moment. The lists are served, and what was answered before is safe. The header Retry-After says when to try again.")
	p.RetryAfter = time.Minute
	return p
}

func (s *still) serve(w http.ResponseWriter, r *http.Request, name string, data []byte) {
	cache := documents.ListCache
	if strings.HasPrefix(name, "trust/") {
		cache = documents.TrustCache
	}
	documents.AllowSlow(w, len(data))
	sum := sha256.Sum256(data)
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", cache)
	h.Set("ETag", fmt.Sprintf("%q", fmt.Sprintf("%x", sum[:16])))
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}
