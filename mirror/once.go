package mirror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

const maxAhead = 24 * time.Hour // a document issued later than this from now is refused

// Once brings every target to the newest verified set. The report is complete also
// with an error, which is nil if the root answered and every target holds the
// newest set; that nothing was new is no error. One target that fails does not stop
// the others, and one that hangs does not delay them. Whatever happens, a target
// keeps complete documents, none of them older than before.
func (m *Mirror) Once(ctx context.Context) (Report, error) {
	r := m.newRun()
	defer r.visits.Wait()
	r.readTargets(ctx, lateTarget)
	r.askRoot(ctx)
	if len(r.report.Root.Errors) > 0 && ctx.Err() == nil {
		r.askMirrors(ctx)
	}
	r.report.Trust = r.chain.Newest().Version
	r.publishAll(ctx)
	r.report.OK = len(r.report.Root.Errors) == 0
	for _, t := range r.report.Targets {
		r.report.OK = r.report.OK && t.OK
	}
	return r.report, r.report.Err()
}

// A run is one call of Once: what is known so far.
type run struct {
	m       *Mirror
	chain   *keys.Chain      // the longest verified
	mirrors *serverlist.List // the newest that holds under chain; nil: none
	servers *serverlist.List // likewise
	served  map[string]int64 // version of each list that the root serves, as far as it verified
	report  Report

	held   []*publish.Holding // of each target, before anything was published; nil: not known
	unread []string           // of each target without a holding: why
	visits sync.WaitGroup     // readings of targets that may outlast readTargets
}

func (m *Mirror) newRun() *run {
	return &run{
		m:      m,
		chain:  m.pinned,
		served: map[string]int64{},
		report: Report{
			Origin:  m.Origin(),
			Root:    RootReport{URL: m.cfg.Root},
			Targets: []TargetReport{},
		},
		held:   make([]*publish.Holding, len(m.cfg.Targets)),
		unread: make([]string, len(m.cfg.Targets)),
	}
}

// A document is one of the two lists, for the code that treats them alike.
type document struct {
	name, typ string
	held      **serverlist.List
}

func (r *run) documents() []document {
	return []document{
		{publish.MirrorList, serverlist.TypeMirrorList, &r.mirrors},
		{publish.ServerList, serverlist.TypeServerList, &r.servers},
	}
}

func (r *run) want(d document) serverlist.Want {
	return serverlist.Want{Origin: r.chain.Origin(), Type: d.typ}
}

// dropUnheld lets go of lists that a longer chain no longer supports.
func (r *run) dropUnheld() {
	for _, d := range r.documents() {
		if *d.held == nil {
			continue
		}
		if _, err := serverlist.OpenHead((*d.held).Bytes(), r.want(d), r.chain); err != nil {
			*d.held = nil
		}
	}
}

// askRoot extends the chain and the lists by what the root has.
func (r *run) askRoot(ctx context.Context) {
	root := &r.report.Root
	if err := r.extend(ctx, root.URL); err != nil {
		root.Errors = append(root.Errors, explainRoot(plain(ctx, err)))
		if unreachable(err) || ctx.Err() != nil {
			return // and would be for each document
		}
	}
	for _, d := range r.documents() {
		held := *d.held
		version, err := r.fetch(ctx, root.URL, d)
		if version > 0 {
			r.served[d.name] = version
		}
		switch {
		case err == nil || errors.Is(err, serverlist.ErrNotModified):
		case errors.Is(err, serverlist.ErrOlder):
			root.Notes = append(root.Notes, fmt.Sprintf(
				"%s: the root serves edition %d, older than %d, which is published already and stays: the root was restored from a backup, or a cache in front of it is behind", d.name, version, held.Head.Version))
		default:
			root.Errors = append(root.Errors, explainRoot(plain(ctx, err)))
		}
	}
}

// explainRoot says what to do about the one mistake that a root's answer shows.
func explainRoot(err error) string {
	var fe *serverlist.FetchError
	if errors.As(err, &fe) && strings.HasPrefix(fe.Detail, "HTTP 401 ") {
		return err.Error() + "; the admin listener of a root answers so: write the URL of its public listener (by default http://127.0.0.1:7480)"
	}
	return err.Error()
}

// Interrupted is the error, in reports, of what ended with the caller's context.
const Interrupted = "interrupted"

var errInterrupted = errors.New(Interrupted)

// plain says what ended a step, without the words of the library that noticed
// the end of the context first.
func plain(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) && errors.Is(err, context.Canceled) {
		return errInterrupted
	}
	return err
}

// unreachable tells errors of the connection from those of one document.
func unreachable(err error) bool {
	var fe *serverlist.FetchError
	return errors.As(err, &fe) && fe.Outcome == serverlist.OutcomeFailed
}

// extend walks the chain of trust on at a base URL.
func (r *run) extend(ctx context.Context, base string) error {
	chain, n, err := r.m.fetcher.Extend(ctx, base, r.chain)
	if n == 0 {
		return err
	}
	if err := r.checkClock(publish.TrustName(chain.Newest().Version), chain.Newest().Issued); err != nil {
		return err
	}
	r.chain = chain
	r.dropUnheld()
	return err
}

// fetch takes a list from a base URL if it is news. It returns the version that
// is served there; 0: none that verifies.
func (r *run) fetch(ctx context.Context, base string, d document) (int64, error) {
	url, err := serverlist.DocumentURL(base, d.name)
	if err != nil {
		return 0, err
	}
	version, err := r.peek(ctx, url, d)
	if err != nil {
		return version, err
	}
	list, err := r.m.fetcher.List(ctx, url, r.want(d), r.chain, *d.held)
	if err != nil {
		return version, err
	}
	if err := r.checkClock(d.name, list.Head.Issued); err != nil {
		return 0, err
	}
	*d.held = list
	return list.Head.Version, nil
}

// peek asks for the head alone, a few hundred bytes, and says what List would
// say of a list that is not news. A run by cron knows no ETag, and many
// mirrors look every hour for an edition that comes every six.
func (r *run) peek(ctx context.Context, url string, d document) (int64, error) {
	held := *d.held
	if held == nil {
		return 0, nil
	}
	note, err := r.m.fetcher.Head(ctx, url, r.want(d), r.chain)
	switch {
	case err != nil:
		return 0, err
	case bytes.Equal(note.Text, held.Text()):
		return note.Head.Version, serverlist.ErrNotModified
	case serverlist.CompareHeads(&note.Head, &held.Head) < 0:
		return note.Head.Version, serverlist.ErrOlder
	}
	return note.Head.Version, nil
}

// checkClock refuses what would outrank every honest edition for a long time.
func (r *run) checkClock(name string, issued time.Time) error {
	now := r.m.cfg.Now()
	if ahead := issued.Sub(now); ahead > maxAhead {
		return fmt.Errorf("%s was issued at %s, which is %s ahead of this machine's clock (%s): either this clock or the root's is wrong; compare both with the time",
			name, issued.Format(time.RFC3339), ahead.Round(time.Minute), now.UTC().Format(time.RFC3339))
	}
	return nil
}

// complete tells whether there is a set to publish. Trust documents are
// published only together with lists that hold under them.
func (r *run) complete() error {
	for _, d := range r.documents() {
		if *d.held == nil {
			return fmt.Errorf("there is no %s that holds under %s; nothing was changed",
				d.name, publish.TrustName(r.chain.Newest().Version))
		}
	}
	return nil
}
