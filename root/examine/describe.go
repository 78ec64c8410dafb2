package examine

import (
	"context"
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
)

// A Report describes a root from its data folder, whether it is served or not.
type Report struct {
	Origin      string       `json:"origin"`
	PublicURL   string       `json:"public_url,omitempty"`
	Listen      string       `json:"listen"` // "none": there is no public listener
	AdminListen string       `json:"admin_listen"`
	Targets     []string     `json:"targets,omitempty"` // where everything published is brought to
	Trust       TrustReport  `json:"trust"`
	Lists       []ListReport `json:"lists"`
	Pending     int          `json:"pending"` // registrations that wait for a decision
	Listed      int          `json:"listed"`  // entries
	Mirrors     int          `json:"mirrors"` // without the root itself

	// KeysHere are private keys that do not belong on this machine.
	KeysHere []string `json:"private_keys_here,omitempty"`

	// Warnings are sentences about a configuration that is most likely wrong.
	Warnings []string `json:"warnings,omitempty"`
}

// TrustReport describes the newest trust document.
type TrustReport struct {
	Version  int64     `json:"version"`
	File     string    `json:"file"`
	SHA256   string    `json:"sha256"` // 64 hex digits
	ReviewBy time.Time `json:"review_by"`
}

// ListReport describes a published list, which has been verified.
type ListReport struct {
	Name       string    `json:"name"`
	Version    int64     `json:"version"`
	Epoch      int64     `json:"epoch"`
	Entries    int       `json:"entries"`
	Issued     time.Time `json:"issued"`
	AgeSeconds int64     `json:"age_seconds"`
	FreshUntil time.Time `json:"fresh_until"`
	Freshness  string    `json:"freshness"` // "fresh", "stale" or "old"
}

// Describe describes the root in a data folder, whether it is served or not. It
// changes nothing and needs no key; a database of another version of the
// program is refused. now is the time that ages are counted to.
func Describe(ctx context.Context, data string, now time.Time) (Report, error) {
	cfg, err := config.Load(data)
	if err != nil {
		return Report{}, err
	}
	return DescribeConfig(ctx, cfg, now)
}

// DescribeConfig is [Describe] for a configuration that was read already.
func DescribeConfig(ctx context.Context, cfg config.Config, now time.Time) (Report, error) {
	d := datafolder.Folder(cfg.Data)
	chain, err := datafolder.LoadChain(d)
	if err != nil {
		return Report{}, err
	}
	out := Report{
		Origin:      chain.Origin(),
		PublicURL:   cfg.PublicURL,
		Listen:      cfg.Listen,
		AdminListen: cfg.AdminListen,
		Trust:       trustReport(d, chain.Newest()),
		KeysHere:    datafolder.KeysHere(d, chain.Newest()),
	}
	out.Warnings = append(out.Warnings, cfg.Warnings()...)
	for _, t := range cfg.Targets {
		out.Targets = append(out.Targets, t.String())
	}
	for _, name := range []string{issue.ServerListName, issue.MirrorListName} {
		list, err := listReport(d, name, chain, now)
		if err != nil {
			return Report{}, err
		}
		out.Lists = append(out.Lists, list)
	}
	return out, out.count(ctx, d)
}

func trustReport(d datafolder.Folder, t *keys.Trust) TrustReport {
	return TrustReport{
		Version:  t.Version,
		File:     d.Trust(t.Version),
		SHA256:   fmt.Sprintf("%x", t.SHA256()),
		ReviewBy: t.ReviewBy,
	}
}

func listReport(d datafolder.Folder, name string, chain *keys.Chain, now time.Time) (ListReport, error) {
	list, err := datafolder.ReadPublished(d, name, chain)
	if err != nil {
		return ListReport{}, err
	}
	return ListReport{
		Name:       name,
		Version:    list.Head.Version,
		Epoch:      list.Head.Epoch,
		Entries:    len(list.Servers) + len(list.Mirrors),
		Issued:     list.Head.Issued,
		AgeSeconds: max(0, int64(now.Sub(list.Head.Issued)/time.Second)),
		FreshUntil: list.Head.FreshUntil,
		Freshness:  string(list.Freshness(now)),
	}, nil
}

// count adds what the database knows.
func (r *Report) count(ctx context.Context, d datafolder.Folder) error {
	counts, err := store.ReadCounts(ctx, d.Database())
	r.Pending, r.Listed, r.Mirrors = counts.Pending, counts.Listed, counts.Mirrors
	return err
}
