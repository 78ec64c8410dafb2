// Package rejoin brings a root up to what its mirrors have of it, before it signs:
// after a restore ([Run]), where they may have a newer list than the backup, and
// before the first signature of any start ([Look]), because a data folder may have
// been set back without the root's knowledge. A root that went on below what its
// clients hold would be refused by them.
package rejoin

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/store"
)

// A Report says what a root found at its mirrors.
type Report struct {
	Made   time.Time     `json:"made"`  // the backup; zero: it was no restored one
	Alone  bool          `json:"alone"` // nobody was asked
	Asked  []AskedMirror `json:"asked"`
	Trust  int64         `json:"trust,omitempty"`  // number of the newest trust document, when it came from a mirror
	Lists  []List        `json:"lists"`            // those that came from a mirror
	Absent []string      `json:"absent,omitempty"` // ids in the mirrors' server list that are not listed in the database
	Differ []string      `json:"differ,omitempty"` // ids whose entry in the mirrors' list is another than that in the database
	Extra  []string      `json:"extra,omitempty"`  // ids listed in the database that are not in the mirrors' list
}

// An AskedMirror is one that was asked.
type AskedMirror struct {
	URL     string `json:"url"`
	Version int64  `json:"version,omitempty"` // of its server list; 0: none that verifies
	Epoch   int64  `json:"epoch,omitempty"`
	Trust   int64  `json:"trust,omitempty"` // the newest trust document that it has, of those that follow ours
	Problem string `json:"problem,omitempty"`
}

// A List is a list that was newer at a mirror.
type List struct {
	Name    string `json:"name"`
	File    string `json:"file"` // where it lies now
	Version int64  `json:"version"`
	Epoch   int64  `json:"epoch"`
	Backup  int64  `json:"backup"` // version in the backup, or of the data folder; 0: none
	From    string `json:"from"`
}

// A NoMirrorError says that no mirror of a restored root answers.
type NoMirrorError struct {
	Made  time.Time // the backup
	Asked []AskedMirror
}

func (e *NoMirrorError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "this root was restored from a backup of %s, and a mirror may have a newer list than that; a list that goes back is refused by clients, and what is missing would be lost. ", e.Made.Format(time.RFC3339))
	if len(e.Asked) == 0 {
		b.WriteString("The backup names no mirror")
	} else {
		b.WriteString("No mirror gave a list that verifies")
	}
	for _, a := range e.Asked {
		fmt.Fprintf(&b, "\n  %s: %s", a.URL, a.Problem)
	}
	return b.String()
}

// A ForkError says that mirrors have signed documents which cannot both be of
// one root: two roots sign with the same keys, or somebody else has them.
type ForkError struct{ Problem string }

func (e *ForkError) Error() string {
	return e.Problem + ": two roots sign with the same keys, or somebody else has them; nothing was changed; find out which before this root is served"
}

// Run brings a root that was restored from a backup up to what its mirrors
// have, before it signs anything: it asks the mirrors of the backup, those of the
// mirror lists that it finds, and those that the restore was given, for trust
// documents and lists, verifies them, and puts what is newer into the public
// folder. From there the root goes on: its next edition is newer than all of
// them, and waits for an admin if it would lose an entry. With alone nobody is
// asked. A root that was not restored is left as it is, with a nil report.
//
// Errors: [*NoMirrorError], [*ForkError], [*datafolder.LockedError]; nothing has
// changed then.
func Run(ctx context.Context, cfg config.Config, alone bool) (*Report, error) {
	cfg.SetDefaults()
	d := datafolder.Folder(cfg.Data)
	mark, err := readMark(d)
	if err != nil || mark == nil {
		return nil, err
	}
	lock, err := datafolder.Lock(d)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	st, err := store.OpenSQLite(ctx, store.Config{Path: d.Database(), MustExist: true, Now: cfg.Now})
	if err != nil {
		return nil, err
	}
	defer st.Close()
	out := &Report{Made: mark.Made, Alone: alone, Asked: []AskedMirror{}, Lists: []List{}}
	j := &rejoining{cfg: cfg, d: d, store: st, out: out, patience: rejoinPatience, roots: true}
	if !alone {
		if err := j.restored(ctx, mark); err != nil {
			return nil, err
		}
	}
	if err := st.RecordRestore(ctx, out.summary()); err != nil {
		return nil, err
	}
	if err := j.place(); err != nil {
		return nil, err
	}
	return out, os.Remove(d.RestoredMark())
}

func (r *Report) summary() string {
	what := "backup of " + r.Made.Format(time.RFC3339)
	switch {
	case r.Alone:
		return what + ", without a look at any mirror"
	case r.Made.IsZero():
		what = "data folder that was set back, as a start has found"
	}
	return fmt.Sprintf("%s; %d mirrors asked, %d lists taken over; in the mirrors' list and not in the database: %d",
		what, len(r.Asked), len(r.Lists), len(r.Absent))
}
