package root

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// metrics serves what monitoring wants to know. It needs an admin's token like
// everything on the admin listener; Prometheus sends one with
//
//	authorization: { credentials_file: /etc/prometheus/metaserver.token }
//
// The time series are as many as there are mirrors, targets and lists.
func (s *server) metrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&collector{s}, s.stats.requests, s.stats.took, s.stats.publish,
		s.blocks.refused,
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelError), ErrorHandling: promhttp.ContinueOnError,
	})
}

// A collector reads the state of the root whenever it is asked.
type collector struct{ s *server }

// scrapeTimeout bounds what one scrape waits for the database.
const scrapeTimeout = 10 * time.Second

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("metaserver_"+name, help, labels, nil)
}

var (
	listVersion    = desc("list_version", "Version of the list that is served.", "list")
	listEntries    = desc("list_entries", "Entries of the list that is served.", "list")
	listIssued     = desc("list_issued_timestamp_seconds", "When the list that is served was issued.", "list")
	listFreshUntil = desc("list_fresh_until_timestamp_seconds", "Until when the list that is served is fresh.", "list")
	listFailures   = desc("list_publish_failures", "Failures in a row to publish the list; 0: the last attempt succeeded.", "list")

	pendingCount  = desc("registrations_pending", "Registrations that wait for an admin.", "kind")
	mirrorCount   = desc("mirrors", "Mirrors that admins have approved.")
	leftOutCount  = desc("mirrors_left_out", "Mirrors that the mirror list leaves out because they are ill.")
	messagesCount = desc("messages_waiting", "E-mails that wait to be sent.")

	mirrorState   = desc("mirror_state", "1 for the state of each mirror.", "mirror", "state")
	mirrorListed  = desc("mirror_listed", "1 if the mirror list has the mirror.", "mirror")
	mirrorVersion = desc("mirror_version", "Version of the server list that the mirror serves; 0: none that verifies.", "mirror")
	mirrorIssued  = desc("mirror_issued_timestamp_seconds", "When the server list that the mirror serves was issued.", "mirror")
	mirrorChecked = desc("mirror_checked_timestamp_seconds", "When the root looked at the mirror last.", "mirror")
	mirrorTook    = desc("mirror_check_duration_seconds", "How long the last look at the mirror took.", "mirror")
	mirrorDrops   = desc("mirror_drops", "How often the mirror was left out of the list.", "mirror")

	targetCurrent  = desc("target_current", "1 if the target holds what the root publishes now.", "target")
	targetFailures = desc("target_failures", "Failed visits of the target in a row.", "target")
	targetDone     = desc("target_last_success_timestamp_seconds", "End of the last visit of the target without an error; 0: none yet.", "target")

	watchLast     = desc("watch_last_round_timestamp_seconds", "When the root has looked at all mirrors last; 0: not yet.")
	watchSuspects = desc("watch_suspects_own_network", "1 if most mirrors are ill at once and nobody is left out because of it.")
)

// Describe sends nothing: what there is depends on the mirrors.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

// Collect sends everything.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTimeout)
	defer cancel()
	c.lists(out)
	c.counts(ctx, out)
	c.mirrors(ctx, out)
	for _, t := range c.s.pusher.States() {
		gauge(out, targetCurrent, truth(t.Current), t.Target)
		gauge(out, targetFailures, float64(t.Failures), t.Target)
		gauge(out, targetDone, timestamp(t.Done), t.Target)
	}
	state := c.s.watcher.State()
	gauge(out, watchLast, timestamp(state.Last))
	gauge(out, watchSuspects, truth(state.Suspects))
	c.health(ctx, out)
}

func (c *collector) lists(out chan<- prometheus.Metric) {
	for _, typ := range []string{serverlist.TypeServerList, serverlist.TypeMirrorList} {
		state := c.s.publisher.State(typ)
		name := issue.NameOf(typ)
		gauge(out, listFailures, float64(state.Failed), name)
		if d := state.Document; d != nil {
			gauge(out, listVersion, float64(d.Version), name)
			gauge(out, listEntries, float64(d.Entries), name)
			gauge(out, listIssued, timestamp(d.Issued), name)
			gauge(out, listFreshUntil, timestamp(d.FreshUntil), name)
		}
	}
}

func (c *collector) counts(ctx context.Context, out chan<- prometheus.Metric) {
	counts, err := c.s.store.Counts(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(mirrorCount, err)
		return
	}
	gauge(out, pendingCount, float64(counts.Pending), "server")
	gauge(out, pendingCount, float64(counts.PendingMirrors), "mirror")
	gauge(out, mirrorCount, float64(counts.Mirrors))
	gauge(out, leftOutCount, float64(counts.LeftOut))
	gauge(out, messagesCount, float64(counts.Messages))
}

func (c *collector) mirrors(ctx context.Context, out chan<- prometheus.Metric) {
	all, err := c.s.store.WatchedMirrors(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(mirrorListed, err)
		return
	}
	for _, m := range all {
		id := m.Mirror.ID
		gauge(out, mirrorState, 1, id, string(m.Watch.State))
		gauge(out, mirrorListed, truth(m.Watch.LeftOut.IsZero()), id)
		gauge(out, mirrorDrops, float64(m.Watch.Drops), id)
		if m.Last.At.IsZero() {
			continue
		}
		gauge(out, mirrorVersion, float64(m.Last.Version), id)
		gauge(out, mirrorChecked, timestamp(m.Last.At), id)
		gauge(out, mirrorTook, m.Last.Took.Seconds(), id)
		if !m.Last.Issued.IsZero() {
			gauge(out, mirrorIssued, timestamp(m.Last.Issued), id)
		}
	}
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func timestamp(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
