package root

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/alive"
	"github.com/signed-metaserver/metaserver/root/backup"
	"github.com/signed-metaserver/metaserver/root/certificate"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/documents"
	"github.com/signed-metaserver/metaserver/root/inspect"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/push"
	"github.com/signed-metaserver/metaserver/root/rejoin"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/tell"
	"github.com/signed-metaserver/metaserver/root/watch"
)

// A Root is a root node. [New] opens it, Run serves it, Close ends it.
type Root struct {
	server
	headerTimeout time.Duration
	bodyTimeout   time.Duration // until a request has arrived whole
	publicPort    int           // set by Run before it serves
	lock          io.Closer     // of the data folder
	still         *still        // nil: it can write
}

// A server is what the handlers share. Everything in it is safe for concurrent
// use and never replaced once Run runs.
type server struct {
	cfg       config.Config
	store     store.Store
	publisher *issue.Publisher
	documents *documents.Server
	origin    string
	proxies   limit.Proxies
	bodies    *bodyReader
	sources   *limit.Rate  // public requests that may change something
	networks  *limit.Rate  // the same, of all sources of a network
	conns     *limit.Conns // of the public listener
	floods    limit.Floods // of registrations
	failures  *limit.Rate  // admin requests without a valid token
	pages     pages
	denials   *tally    // requests of the admin API that were denied
	refusals  *tally    // of admins, that could not be done
	looks     *recently // of admins at what is private
	sender    *mail.Sender
	teller    *tell.Teller
	stats     *stats
	heart     *heart
	ending    atomic.Bool // Run has been asked to end
	watcher   *watch.Watcher
	glances   glancer // at mirrors that wait for a decision
	inspector *inspect.Inspector
	blocks    *blockKeeper
	alive     *alive.Checker
	pusher    *push.Pusher
	prover    *prover
	importing chan struct{} // holds one element while entries are imported
	log       *slog.Logger

	certificates map[string]certificate.Source // of the listeners with TLS
}

// Times and sizes of the listeners.
const (
	headerTimeout   = 10 * time.Second
	requestTimeout  = 30 * time.Second // until a request has arrived whole
	answerTimeout   = 30 * time.Second // public; documents get as long as a slow client needs
	adminTimeout    = 5 * time.Minute  // admin: all pending registrations may take a while
	idleTimeout     = 2 * time.Minute
	shutdownTimeout = 5 * time.Second  // for the requests under way when a root is told to end
	stopTimeout     = 20 * time.Second // for all of it
	maxHeader       = 16 << 10         // bytes
)

// New opens the root in the data folder and locks the folder. It listens and
// signs nothing yet. The caller closes what it returns. [*datafolder.LockedError]: another
// process serves this root.
func New(cfg config.Config) (*Root, error) {
	if err := cfg.Complete(); err != nil {
		return nil, err
	}
	d := datafolder.Folder(cfg.Data)
	if _, err := os.Stat(d.Marker(cfg.File)); err != nil {
		return nil, datafolder.NoRoot(cfg.Data)
	}
	if err := rejoin.Check(d); err != nil {
		return nil, err
	}
	chain, err := datafolder.LoadChain(d)
	if err != nil {
		return nil, err
	}
	if cfg.Origin != "" && cfg.Origin != chain.Origin() {
		return nil, fmt.Errorf("root.toml says origin %q and the trust document %q: an origin never changes; set the first right, or restore the folder", cfg.Origin, chain.Origin())
	}
	lock, err := datafolder.Lock(d)
	if err != nil {
		return nil, err
	}
	removed, err := backup.RemoveTemps(cfg.Data, cfg.Now())
	if len(removed) > 0 {
		cfg.Log.Info("what a killed backup had left was removed", "folders", removed)
	}
	if err != nil {
		cfg.Log.Warn("what a killed backup has left holds e-mail addresses and could not be removed: remove it", "err", err)
	}
	r, err := open(cfg, d, chain)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	r.lock = lock
	if err := r.openSources(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// open opens the database and makes everything that works on it.
func open(cfg config.Config, d datafolder.Folder, chain *keys.Chain) (*Root, error) {
	st, err := store.OpenSQLite(context.Background(), store.Config{Path: d.Database(), MustExist: true, Now: cfg.Now})
	if err != nil {
		return nil, err
	}
	r, err := assemble(cfg, d, chain, st)
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return r, nil
}

// assemble makes the parts of a root. None of them does anything yet.
func assemble(cfg config.Config, d datafolder.Folder, chain *keys.Chain, st store.Store) (*Root, error) {
	trusted, err := limit.ParseProxies(cfg.TrustedProxies)
	if err != nil {
		return nil, err
	}
	stats, origin := newStats(), chain.Origin()
	publisher, err := newPublisher(&cfg, d, chain, st, stats)
	if err != nil {
		return nil, err
	}
	sender, err := newSender(&cfg, st, origin)
	if err != nil {
		return nil, err
	}
	teller := newTeller(&cfg, st, sender, origin)
	watcher, err := newWatcher(&cfg, st, publisher, teller)
	if err != nil {
		return nil, err
	}
	inspector, err := newInspector(&cfg, st)
	if err != nil {
		return nil, err
	}
	checker, err := newChecker(&cfg, st, publisher, inspector, watcher, teller)
	if err != nil {
		return nil, err
	}
	conns, warning := newPublicConns(&cfg, trusted)
	if warning != "" {
		cfg.Notes = append(cfg.Notes, warning)
	}
	r := &Root{headerTimeout: headerTimeout, bodyTimeout: requestTimeout, server: server{
		cfg: cfg, store: st, origin: origin, log: cfg.Log, stats: stats,
		publisher: publisher, watcher: watcher, sender: sender, teller: teller, inspector: inspector, alive: checker,
		pusher:    push.New(push.Config{Targets: cfg.Targets, Published: publisher, Now: cfg.Now, Log: cfg.Log}),
		prover:    newProver(&cfg),
		documents: documents.New(publisher, writeProblem),
		proxies:   trusted,
		conns:     conns,
		floods:    limit.NewFloods(limit.FloodConfig{Mode: cfg.Limits.ProofOfWork, Queue: cfg.Queue, Origin: origin, Store: st}),
		bodies:    newBodyReader(),
		sources:   limit.NewRate(requestEvery, requestBurst),
		networks:  limit.NewRate(requestEvery/store.NetworkFactor, requestBurst*store.NetworkFactor),
		failures:  limit.NewRate(failureEvery, failureBurst),
		blocks:    newBlockKeeper(),
		denials:   new(tally),
		refusals:  new(tally),
		looks:     new(recently),
		importing: make(chan struct{}, 1),
	}}
	r.heart = newHeart(&r.server)
	if err := r.loadBlocks(context.Background()); err != nil {
		return nil, err
	}
	return r, nil
}

// Close gives back what New took. A Run that is under way must have ended.
func (r *Root) Close() error {
	if r.still != nil {
		return nil
	}
	return errors.Join(r.store.Close(), r.lock.Close())
}

// Run serves both listeners and publishes, until ctx ends or something fails
// for good. Requests under way are then given a moment to finish. It returns
// nil when ctx ended it. A Root runs once.
func (r *Root) Run(ctx context.Context) error {
	if r.still != nil {
		return r.runStill(ctx)
	}
	if err := r.publisher.Restore(ctx); err != nil {
		return err
	}
	entrances, err := r.listen()
	for _, e := range entrances {
		defer e.door.Close()
	}
	if err != nil {
		return err
	}

	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return ended(ctx, r.publisher.Run(ctx)) })
	g.Go(func() error { return r.heart.run(ctx) })
	context.AfterFunc(ctx, func() { r.ending.Store(true) })
	g.Go(func() error { return r.forget(ctx) })
	g.Go(func() error { return r.recordTallies(ctx) })
	g.Go(func() error { return ended(ctx, r.pusher.Run(ctx)) })
	if !r.cfg.WatchOff {
		g.Go(func() error { return ended(ctx, r.watcher.Run(ctx)) })
	}
	g.Go(func() error { return r.keepBlocks(ctx) })
	g.Go(func() error { return r.resumeDue(ctx) })
	if !r.cfg.CheckOff {
		g.Go(func() error { return ended(ctx, r.alive.Run(ctx)) })
	}
	if !r.cfg.InspectOff {
		g.Go(func() error { return ended(ctx, r.inspector.Run(ctx)) })
	}
	g.Go(func() error { return r.teller.Run(ctx) })
	g.Go(func() error { return ended(ctx, r.sender.Run(ctx)) })
	r.serveAll(ctx, g, entrances)
	public, admin := doorOf(entrances, config.DoorPublic), doorOf(entrances, config.DoorAdmin)
	r.warn(admin)
	r.log.Info("root serves", "origin", r.origin, "public", shown(public), "admin", admin.String())
	if r.cfg.Ready != nil {
		r.cfg.Ready(public, admin)
	}
	return r.wait(ctx, g)
}

// ErrNotEnded says that something of the root hangs. Close may then hang as well.
var ErrNotEnded = errors.New("the root was asked to end and did not")

// wait waits for everything that Run has started. Something that hangs when it
// should end, as a disk may, is given up after a time, so that who stops a root
// knows how long that takes.
func (r *Root) wait(ctx context.Context, g *errgroup.Group) error {
	done := make(chan error, 1)
	go func() { done <- g.Wait() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	r.log.Info("the root ends after the requests under way")
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case err := <-done:
		return err
	case <-timer.C:
		return fmt.Errorf("%w within %s; what was acknowledged is stored", ErrNotEnded, stopTimeout)
	}
}

// doorOf returns the address of an entrance; nil: there is none.
func doorOf(all []entrance, name string) net.Addr {
	for _, e := range all {
		if e.name == name {
			return e.door.Addr()
		}
	}
	return nil
}

func shown(a net.Addr) string {
	if a == nil {
		return "none: registrations come by \"metaserver admin register\""
	}
	return a.String()
}

// warn says what is no error and most likely not meant.
func (r *Root) warn(admin net.Addr) {
	r.warnOpenAdmin(admin)
	r.warnKeysHere()
	for _, warning := range r.cfg.Warnings() {
		r.log.Warn(warning)
	}
	for _, note := range r.cfg.Notes {
		r.log.Warn(note)
	}
}

// warnOpenAdmin says what it means to listen beyond loopback.
func (r *Root) warnOpenAdmin(addr net.Addr) {
	if tcp, ok := addr.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() && r.cfg.AdminTLS == nil {
		r.log.Warn("the admin API is reachable from other machines, and tokens travel unencrypted; put it on loopback and use \"ssh -L\", or give it a certificate ([admin_tls])", "admin", addr.String())
	}
}

// warnKeysHere says which keys a thief of this machine would have, too.
func (r *Root) warnKeysHere() {
	trust := r.publisher.Trust()
	if len(trust) == 0 {
		return
	}
	for _, path := range datafolder.KeysHere(datafolder.Folder(r.cfg.Data), trust[len(trust)-1]) {
		r.log.Warn("a private key that signs trust documents lies on this machine, where the list key is; move it to a medium of its own", "file", path)
	}
}

// ended hides the error of what ended because it was asked to.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (r *Root) httpServer(h http.Handler, answer time.Duration) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: r.headerTimeout,
		ReadTimeout:       r.bodyTimeout,
		WriteTimeout:      answer,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
	}
}

func start(srv *http.Server, l net.Listener) error {
	if srv.TLSConfig != nil {
		return srv.ServeTLS(l, "", "") // the certificates are in its configuration
	}
	return srv.Serve(l)
}

// serve serves until ctx ends, and then returns when requests under way have
// finished or their time is over.
func serve(ctx context.Context, l net.Listener, srv *http.Server) error {
	drained := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(drained)
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
		defer cancel()
		if srv.Shutdown(wait) != nil {
			srv.Close()
		}
	})
	err := start(srv, l)
	if stop() { // nobody asked for the end
		return errors.Join(err, srv.Close())
	}
	<-drained
	return nil
}
