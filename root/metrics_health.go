package root

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signed-metaserver/metaserver/root/datafolder"
)

var (
	readyState  = desc("ready", "1 if /readyz says that nothing is missing.")
	diskFree    = desc("disk_free_bytes", "Bytes that may still be written to the disk of the data folder.")
	storeTook   = desc("database_write_duration_seconds", "How long the last probe, a small durable write, took.")
	oldestWaits = desc("registrations_oldest_pending_timestamp_seconds", "When the registration that waits longest for an admin came; absent: none waits.", "kind")
	certExpiry  = desc("certificate_expiry_timestamp_seconds", "When the TLS certificate of a listener expires; 0: there is none yet.", "listener")
	buildInfo   = desc("build_info", "1, with what the program was built from.", "version", "revision", "go_version")
)

// health sends what shows that a root is about to have trouble.
func (c *collector) health(ctx context.Context, out chan<- prometheus.Metric) {
	gauge(out, readyState, truth(len(c.s.missing()) == 0))
	if free, known := datafolder.FreeSpace(c.s.cfg.Data); known {
		gauge(out, diskFree, float64(free))
	}
	took, _ := c.s.heart.state(partStore)
	gauge(out, storeTook, took.Seconds())
	version, revision := build()
	gauge(out, buildInfo, 1, version, revision, runtime.Version())
	for listener, source := range c.s.certificates {
		gauge(out, certExpiry, timestamp(source.Expiry()), listener)
	}
	waiting, err := c.s.store.Oldest(ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(oldestWaits, err)
		return
	}
	for kind, at := range map[string]time.Time{"server": waiting.Server, "mirror": waiting.Mirror} {
		if !at.IsZero() {
			gauge(out, oldestWaits, timestamp(at), kind)
		}
	}
}

// build returns the version of the module and the commit, as the Go command
// stamped them.
func build() (version, revision string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value
		}
	}
	return info.Main.Version, revision
}
