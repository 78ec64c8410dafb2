package root

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
)

// What the root forgets at once, and how often it looks.
const (
	forgetEvery = time.Hour
	forgetBatch = 500 // few enough that nobody waits for it
)

// forget removes what has been kept for long enough: addresses of requests, then
// e-mail addresses of those that were turned down, then all of these. It works
// in small steps until nothing is left to do, and looks again in an hour.
func (r *Root) forget(ctx context.Context) error {
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	for {
		r.forgetOnce(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Root) forgetOnce(ctx context.Context) {
	for _, what := range []struct {
		name string
		days int
		step func(ctx context.Context, before time.Time, limit int) (int, error)
	}{
		{"addresses of requests and reports", r.cfg.Retention.SourceDays, r.store.ForgetSources},
		{"e-mail addresses of requests", r.cfg.Retention.EmailDays, r.store.ForgetEmails},
		{"old registrations", r.cfg.KeepDays, r.store.Prune},
		{"resolved reports and notes about registrations that are gone", r.cfg.KeepDays, r.store.ForgetReports},
	} {
		if what.days < 0 {
			continue
		}
		before := r.cfg.Now().AddDate(0, 0, -what.days)
		total := 0
		for ctx.Err() == nil {
			n, err := what.step(ctx, before, forgetBatch)
			total += n
			if err != nil && ctx.Err() == nil {
				r.log.Error(what.name+" could not be removed; the next try is in an hour", "err", err)
			}
			if err != nil || n == 0 {
				break
			}
		}
		if total > 0 {
			r.log.Info(what.name+" removed", "count", total)
		}
	}
}

// forgetPerson removes what is known of a person, and says what is left. Whom,
// stands in the body only: the path is logged, and recorded for ever.
func (s *server) forgetPerson(w http.ResponseWriter, r *http.Request) error {
	var req api.Person
	if err := s.decode(w, r, &req); err != nil {
		return err
	}
	whom, err := personOf(req.Whom)
	if err != nil {
		return err
	}
	done, err := s.store.Forget(r.Context(), whom, adminOf(r))
	if errors.Is(err, store.ErrNotFound) {
		return problem(http.StatusNotFound, "Nothing was removed: nothing is known of %q.", clip(req.Whom))
	}
	if errors.Is(err, store.ErrAmbiguous) {
		return problem(http.StatusConflict, "Nothing was removed: %v.", err)
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Forgotten{
		Removed: done.Removed, Blanked: done.Blanked, Messages: done.Messages, Notes: done.Notes, Reports: done.Reports,
		Left: s.leftOf(&done),
	})
}

// personOf tells an e-mail address from the address of a source and from an id.
func personOf(whom string) (store.Person, error) {
	whom = strings.TrimSpace(whom)
	if source, err := netip.ParseAddr(whom); err == nil {
		return store.Person{Source: source}, nil
	}
	switch {
	case whom == "":
		return store.Person{}, invalid(api.FieldProblem{Field: "whom", Problem: "is required: an e-mail address, the id of a request or an entry, or the address of a source"})
	case strings.Contains(whom, "@"):
		return store.Person{Email: whom}, nil
	}
	return store.Person{ID: whom}, nil
}

// leftOf says what stays of a person, and why.
func (s *server) leftOf(f *store.Forgotten) []string {
	left := []string{}
	for _, id := range f.Entries {
		left = append(left, fmt.Sprintf("entry %s stays listed, without an owner whom the root knows: revoke it if it is to go, too", id))
	}
	for _, id := range f.Mirrors {
		left = append(left, fmt.Sprintf("mirror %s stays listed; nobody is written to about it any more", id))
	}
	if f.Records > 0 {
		left = append(left, fmt.Sprintf("%d records of the audit log name this person: it is a chain, and a record that is changed breaks it", f.Records))
	}
	return append(left,
		"what is or was published: lists are signed and copied by mirrors",
		"backups, and copies that an update of the program has left beside the database (root.db.before-N): remove those that are older than today",
		"the log of the root, and mail that was sent")
}
