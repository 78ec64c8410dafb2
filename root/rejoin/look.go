package rejoin

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// lookPatience is that of an ordinary start. What was published is served
// meanwhile; a first decision waits as long.
var lookPatience = patience{each: 4 * time.Second, all: 10 * time.Second, list: 2 * time.Minute}

// Look returns what a root does before it signs for the first time: it asks
// its mirrors whether they have something newer than it has itself. They have if
// the data folder was set back without "root restore", as by a snapshot of the
// disk. Then it goes on as [Run] does; but it needs no answer.
func Look(cfg config.Config, d datafolder.Folder, st store.Store) issue.Look {
	if cfg.Alone {
		return nil
	}
	patience := lookPatience
	if cfg.LookFor > 0 {
		patience.each = cfg.LookFor
	}
	return func(ctx context.Context, held issue.Held) (*keys.Chain, error) {
		j := &rejoining{cfg: cfg, d: d, store: st, patience: patience, held: held.Lists, base: held.Chain, chain: held.Chain,
			out: &Report{Asked: []AskedMirror{}, Lists: []List{}}}
		return j.lookBack(ctx)
	}
}

// lookBack returns the chain of what was found; nil: nothing is newer.
func (j *rejoining) lookBack(ctx context.Context) (*keys.Chain, error) {
	published, err := j.publishedMirrors()
	if err != nil {
		return nil, err
	}
	urls, err := j.mirrors(ctx, nil, published)
	if err != nil || len(urls) == 0 {
		return nil, err
	}
	if err := j.find(ctx, urls); err != nil {
		return nil, err
	}
	if err := j.report(ctx); err != nil {
		return nil, err
	}
	j.logAsked()
	if j.out.Trust == 0 && len(j.out.Lists) == 0 {
		return nil, nil
	}
	if err := j.store.RecordRestore(ctx, j.out.summary()); err != nil {
		return nil, err
	}
	if err := j.place(); err != nil {
		return nil, err
	}
	j.logFound()
	return j.chain, nil
}

// publishedMirrors returns the mirror list of the public folder; nil: there is
// none that verifies.
func (j *rejoining) publishedMirrors() (*serverlist.List, error) {
	data, err := os.ReadFile(j.d.Published(issue.MirrorListName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return j.openPublished(serverlist.TypeMirrorList, data), nil
}

func (j *rejoining) logAsked() {
	for _, a := range j.out.Asked {
		if a.Problem != "" {
			j.cfg.Log.Info("a mirror that was asked before the first signature", "url", a.URL, "problem", a.Problem)
		}
	}
	if !j.answered() {
		j.cfg.Log.Warn("no mirror could say whether it has a newer list than this root; the root goes on with what it has", "asked", len(j.out.Asked))
	}
}

func (j *rejoining) logFound() {
	attrs := []any{"absent_in_database", sample(j.out.Absent), "different", len(j.out.Differ), "only_in_database", len(j.out.Extra)}
	for _, l := range j.out.Lists {
		attrs = append(attrs, slog.Group(l.Name, "version", l.Version, "here", l.Backup, "from", l.From))
	}
	if j.out.Trust > 0 {
		attrs = append(attrs, "trust", j.out.Trust)
	}
	j.cfg.Log.Error("this data folder was set back: mirrors have what this root has published after it. Their documents were taken over, the root goes on above them, and the loss of a single entry waits for an admin (\"metaserver admin lists\"; \"metaserver admin import --approve\" with the public server.list brings entries back)", attrs...)
}

// sample returns as many ids as fit into a line of a log.
func sample(ids []string) []string {
	const most = 20
	if len(ids) > most {
		return append(ids[:most:most], "...")
	}
	return ids
}
