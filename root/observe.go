package root

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signed-metaserver/metaserver/root/config"
)

// stats count what a scrape cannot see by looking.
type stats struct {
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	publish  *prometheus.HistogramVec

	series sync.Map // of seriesKey to series
}

func newStats() *stats {
	return &stats{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "metaserver_requests_total",
			Help: "Requests that were answered, by listener, route and status.",
		}, []string{"listener", "route", "status"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "metaserver_request_duration_seconds",
			Help:    "How long answers took, to the last byte that the client took.",
			Buckets: []float64{.001, .01, .1, 1, 10, 100},
		}, []string{"listener", "route"}),
		publish: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "metaserver_publish_duration_seconds",
			Help:    "How long attempts to publish took, those that found nothing new included.",
			Buckets: []float64{.01, .03, .1, .3, 1, 3, 10, 30},
		}, []string{"list", "result"}),
	}
}

// A series is where answers of one kind are counted.
type series struct {
	requests prometheus.Counter
	took     prometheus.Observer
}

type seriesKey struct {
	listener, route string
	status          int
}

// answered counts an answer. To look a series up by its labels costs more than
// to count, so what was found is kept.
func (s *stats) answered(listener, route string, status int, took time.Duration) {
	key := seriesKey{listener, route, status}
	known, ok := s.series.Load(key)
	if !ok {
		known, _ = s.series.LoadOrStore(key, series{
			s.requests.WithLabelValues(listener, route, strconv.Itoa(status)), s.took.WithLabelValues(listener, route),
		})
	}
	found := known.(series)
	found.requests.Inc()
	found.took.Observe(took.Seconds())
}

// published is issue.Config.Took.
func (s *stats) published(list string, took time.Duration, err error) {
	result := "ok"
	if err != nil {
		result = "error"
	}
	s.publish.WithLabelValues(list, result).Observe(took.Seconds())
}

// A recorder is the writer of one answer. It notes what the log and the metrics
// want to know.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
	route  string // its pattern; "": there is none
	admin  string // who sent the request
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= 200 { // not 103 and the like, which come before
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// observe counts and logs what a listener answers.
func (s *server) observe(listener string, next http.Handler) http.Handler {
	level := slog.LevelDebug
	if listener == config.DoorAdmin {
		level = slog.LevelInfo
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := s.cfg.Now()
		rec := &recorder{ResponseWriter: w}
		defer func() { s.noteRequest(listener, level, r, rec, s.cfg.Now().Sub(began)) }()
		next.ServeHTTP(rec, r)
	})
}

func (s *server) noteRequest(listener string, level slog.Level, r *http.Request, rec *recorder, took time.Duration) {
	if rec.status == 0 {
		rec.status = http.StatusOK // what net/http sends for a handler that says nothing
	}
	route := rec.route
	if route == "" {
		route = unrouted(r.URL.Path)
	}
	if route == "" {
		route = "none"
	}
	s.stats.answered(listener, route, rec.status, took)
	if isPolled(route) {
		level = slog.LevelDebug
	}
	if !s.log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("listener", listener), slog.String("method", clip(r.Method)), slog.String("route", route),
		slog.Int("status", rec.status), slog.Int64("bytes", rec.bytes), slog.Duration("took", took),
		slog.String("source", s.proxies.SourceOf(r).Addr.String()),
	}
	if rec.admin != "" {
		attrs = append(attrs, slog.String("admin", rec.admin))
		if strings.Contains(route, "{") {
			attrs = append(attrs, slog.String("path", clip(r.URL.Path))) // no path that an admin may ask for holds a secret
		}
	}
	s.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// unrouted names what is answered before a router has found a route.
func unrouted(path string) string {
	switch {
	case path == "/server.list", path == "/mirror.list", path == "/healthz", path == "/readyz":
		return path
	case strings.HasPrefix(path, "/trust/"):
		return "/trust/{file}"
	}
	return ""
}

// isPolled tells whether programs ask for the route again and again.
func isPolled(route string) bool {
	return route == "/healthz" || route == "/readyz" || route == "/metrics"
}

// noteRoute lets the log and the metrics name the route. They never name a path:
// that of a status page holds its secret, and there are endless paths.
func noteRoute(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec, ok := w.(*recorder)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		defer func() {
			if ctx := chi.RouteContext(r.Context()); ctx != nil {
				rec.route = ctx.RoutePattern()
			}
		}()
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), recorderKey{}, rec)))
	})
}

type recorderKey struct{}

// noteAdmin lets the log name who sent a request.
func noteAdmin(r *http.Request, admin string) {
	if rec, ok := r.Context().Value(recorderKey{}).(*recorder); ok {
		rec.admin = admin
	}
}
