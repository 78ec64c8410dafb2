package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A decisionKind is what an admin does to something of its own, and what must be
// true of that as long as the store lives.
type decisionKind struct {
	kind  string // of the promise
	do    func(ctx context.Context, s store.Store, unique string) (id string, err error)
	check func(ctx context.Context, s store.Store, id string) (good bool, err error)
}

// newEntry registers and approves a server.
func newEntry(ctx context.Context, s store.Store, unique string) (id string, err error) {
	r, err := s.Register(ctx, request(named(unique), at("a"+unique+".example.net:1"), mailed(unique+"@example.net")), unlimited)
	if err != nil {
		return "", err
	}
	e, err := s.Approve(ctx, store.Approval{Registration: r.ID, Admin: "child"})
	return e.Server.ID, err
}

// onEntry is a decision about a new entry.
func onEntry(kind string, do func(ctx context.Context, s store.Store, id string) error, good func(e *store.Entry) bool) decisionKind {
	return decisionKind{kind, func(ctx context.Context, s store.Store, unique string) (string, error) {
		id, err := newEntry(ctx, s, unique)
		if err == nil {
			err = do(ctx, s, id)
		}
		return id, err
	}, func(ctx context.Context, s store.Store, id string) (bool, error) {
		e, err := s.Entry(ctx, id)
		return err == nil && good(&e), err
	}}
}

func suspendNow(ctx context.Context, s store.Store, id string) error {
	return errorOf(s.Suspend(ctx, store.Suspension{Entry: id, Reason: "cheats", Admin: "child"}))
}

// decisions are all kinds that are not among what else is written.
var decisions = []decisionKind{
	onEntry("revoked", func(ctx context.Context, s store.Store, id string) error {
		return errorOf(s.Revoke(ctx, id, "gone", "child"))
	}, func(e *store.Entry) bool { return e.State == store.EntryRevoked }),
	onEntry("suspended", suspendNow, func(e *store.Entry) bool { return e.Suspended != nil }),
	onEntry("resumed", func(ctx context.Context, s store.Store, id string) error {
		if err := suspendNow(ctx, s, id); err != nil {
			return err
		}
		return errorOf(s.Resume(ctx, id, "child"))
	}, func(e *store.Entry) bool { return e.State == store.EntryListed && e.Suspended == nil }),
	onEntry("allowed", func(ctx context.Context, s store.Store, id string) error {
		return s.Allow(ctx, id, []string{"version"}, "child")
	}, func(e *store.Entry) bool { return slices.Equal(e.Allowed, []string{"version"}) }),
	{"noted", func(ctx context.Context, s store.Store, unique string) (string, error) {
		id, err := newEntry(ctx, s, unique)
		if err != nil {
			return "", err
		}
		return id, errorOf(s.AddNote(ctx, store.Note{Kind: store.NoteEntry, About: id, Admin: "child", Text: "x"}))
	}, func(ctx context.Context, s store.Store, id string) (bool, error) {
		all, err := s.Notes(ctx, store.NoteEntry, id)
		return len(all) == 1, err
	}},
	{"resolved", func(ctx context.Context, s store.Store, unique string) (string, error) {
		id, err := newEntry(ctx, s, unique)
		if err != nil {
			return "", err
		}
		if err := s.AddReport(ctx, store.Report{Entry: id, Kind: "dead"}, netip.IPv6Loopback()); err != nil {
			return "", err
		}
		return id, errorOf(s.ResolveReports(ctx, id, "x", "child"))
	}, func(ctx context.Context, s store.Store, id string) (bool, error) {
		open, err := s.CountReports(ctx, id)
		return open[id] == 0, err
	}},
	{"rejected", func(ctx context.Context, s store.Store, unique string) (string, error) {
		r, err := s.Register(ctx, request(named(unique), at("a"+unique+".example.net:1")), unlimited)
		if err != nil {
			return "", err
		}
		return r.ID, errorOf(s.Reject(ctx, r.ID, "no", "child"))
	}, isRejected},
	{"bulk-rejected", func(ctx context.Context, s store.Store, unique string) (string, error) {
		r, err := s.Register(ctx, request(named(unique), at("a"+unique+".example.net:1")), unlimited)
		if err != nil {
			return "", err
		}
		return r.ID, errorOf(s.DecideAll(ctx, []store.Verdict{{Registration: r.ID, Reason: "no"}}, "child"))
	}, isRejected},
	{"imported", func(ctx context.Context, s store.Store, unique string) (string, error) {
		done, err := s.Import(ctx, []store.Import{line("i"+unique, "", named(unique), at("a"+unique+".example.net:1"))}, store.ImportHow{Approve: true, Admin: "child"})
		if err != nil {
			return "", err
		}
		return done[0].ID, nil
	}, func(ctx context.Context, s store.Store, id string) (bool, error) {
		e, err := s.Entry(ctx, id)
		return e.State == store.EntryListed, err
	}},
	{"forgotten", func(ctx context.Context, s store.Store, unique string) (string, error) {
		id, err := newEntry(ctx, s, unique)
		if err != nil {
			return "", err
		}
		return id, errorOf(s.Forget(ctx, store.Person{Email: unique + "@example.net"}, "child"))
	}, func(ctx context.Context, s store.Store, id string) (bool, error) {
		e, err := s.Entry(ctx, id)
		if err != nil {
			return false, err
		}
		r, err := s.Review(ctx, e.Registration)
		return r.Email == "" && e.State == store.EntryListed, err
	}},
	{"blocked", func(ctx context.Context, s store.Store, unique string) (string, error) {
		b, err := s.AddBlock(ctx, store.Block{Kind: store.BlockPattern, Value: unique, Admin: "child"})
		return b.ID, err
	}, hasBlock(true)},
	{"unblocked", func(ctx context.Context, s store.Store, unique string) (string, error) {
		b, err := s.AddBlock(ctx, store.Block{Kind: store.BlockPattern, Value: unique, Admin: "child"})
		if err != nil {
			return "", err
		}
		return b.ID, s.RemoveBlock(ctx, b.ID, "child")
	}, hasBlock(false)},
	{"mirrored", addUniqueMirror, hasMirror(true)},
	{"unmirrored", func(ctx context.Context, s store.Store, unique string) (string, error) {
		id, err := addUniqueMirror(ctx, s, unique)
		if err != nil {
			return "", err
		}
		return id, errorOf(s.RemoveMirror(ctx, id, "child"))
	}, hasMirror(false)},
	{"mirror-approved", func(ctx context.Context, s store.Store, unique string) (string, error) {
		r, err := s.RegisterMirror(ctx, mirrorRequest("m"+unique, mirrorAt("http://m"+unique+".example/")), unlimited)
		if err != nil {
			return "", err
		}
		m, _, err := s.ApproveMirror(ctx, store.MirrorApproval{Registration: r.ID, Admin: "child"})
		return m.Mirror.ID, err
	}, hasMirror(true)},
	{"mirror-rejected", func(ctx context.Context, s store.Store, unique string) (string, error) {
		r, err := s.RegisterMirror(ctx, mirrorRequest("m"+unique, mirrorAt("http://m"+unique+".example/")), unlimited)
		if err != nil {
			return "", err
		}
		return r.ID, errorOf(s.RejectMirror(ctx, r.ID, "no", "child", nil))
	}, func(ctx context.Context, s store.Store, id string) (bool, error) {
		r, err := s.ReviewMirror(ctx, id)
		return r.Status == store.Rejected, err
	}},
	{"confirmed", func(ctx context.Context, s store.Store, unique string) (string, error) {
		id, err := newEntry(ctx, s, unique)
		if err != nil {
			return "", err
		}
		e, err := s.Entry(ctx, id)
		if err != nil {
			return "", err
		}
		return id, s.ConfirmRemoval(ctx, servers, e.Change, "child")
	}, func(ctx context.Context, s store.Store, id string) (bool, error) {
		e, err := s.Entry(ctx, id)
		if err != nil {
			return false, err
		}
		confirmed, err := s.ConfirmedRemoval(ctx, servers)
		return confirmed >= e.Change, err
	}},
	{"admitted", func(ctx context.Context, s store.Store, unique string) (string, error) {
		return unique, s.AddAdmin(ctx, unique, store.NewToken().Hash())
	}, hasAdmin(true)},
	{"dismissed", func(ctx context.Context, s store.Store, unique string) (string, error) {
		if err := s.AddAdmin(ctx, unique, store.NewToken().Hash()); err != nil {
			return "", err
		}
		return unique, s.RemoveAdmin(ctx, unique)
	}, hasAdmin(false)},
}

func isRejected(ctx context.Context, s store.Store, id string) (bool, error) {
	r, err := s.Review(ctx, id)
	return r.Status == store.Rejected, err
}

func hasBlock(want bool) func(context.Context, store.Store, string) (bool, error) {
	return func(ctx context.Context, s store.Store, id string) (bool, error) {
		all, err := s.Blocks(ctx)
		return slices.ContainsFunc(all, func(b store.Block) bool { return b.ID == id }) == want, err
	}
}

func addUniqueMirror(ctx context.Context, s store.Store, unique string) (string, error) {
	m := serverlist.Mirror{ID: "m" + unique, Operator: unique, URLs: []string{"http://m" + unique + ".example/"}}
	return m.ID, errorOf(s.AddMirror(ctx, m, "", "child"))
}

func hasMirror(want bool) func(context.Context, store.Store, string) (bool, error) {
	return func(ctx context.Context, s store.Store, id string) (bool, error) {
		all, _, err := s.Mirrors(ctx)
		return slices.ContainsFunc(all, func(m serverlist.Mirror) bool { return m.ID == id }) == want, err
	}
}

func hasAdmin(want bool) func(context.Context, store.Store, string) (bool, error) {
	return func(ctx context.Context, s store.Store, name string) (bool, error) {
		all, err := s.Admins(ctx)
		return slices.ContainsFunc(all, func(a store.Admin) bool { return a.Name == name }) == want, err
	}
}

// decideForEver decides, one kind after the other, and prints a promise for
// each. It begins with any, since it will be killed soon.
func decideForEver(s store.Store, worker int) error {
	first := rand.IntN(len(decisions))
	for i := 0; ; i++ {
		d := decisions[(first+i)%len(decisions)]
		id, err := d.do(context.Background(), s, fmt.Sprintf("d%d-%d-%d", os.Getpid(), worker, i))
		if err != nil {
			return fmt.Errorf("%s: %w", d.kind, err)
		}
		fmt.Println(d.kind, id)
	}
}

// checkDecided looks for what decideForEver has promised, and whether the chain
// of records, to which each decision adds, is whole.
func (w *world) checkDecided(promised map[string][]string) {
	t := w.t
	t.Helper()
	for _, d := range decisions {
		for _, id := range promised[d.kind] {
			if good, err := d.check(t.Context(), w, id); err != nil || !good {
				t.Errorf("%s was %s and is not any more: %v", id, d.kind, err)
			}
		}
	}
	var v audit.Verifier
	for _, r := range recordsOf(t, w, audit.Filter{}) {
		v.Add(r)
	}
	if r := v.Report(); !r.Intact() {
		t.Errorf("the audit log: %+v", r)
	}
}

// Each kind of decision is true at once, too.
func everyDecision(t *testing.T, w *world) {
	promised := make(map[string][]string)
	for _, d := range decisions {
		id, err := d.do(t.Context(), w, "every-"+d.kind)
		if err != nil {
			t.Fatalf("%s: %v", d.kind, err)
		}
		promised[d.kind] = append(promised[d.kind], id)
		w.wait(time.Second)
	}
	w.checkDecided(promised)
}
