package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

var auditTests = map[string]func(*testing.T, *world){
	"Chain":              auditChain,
	"CallIsRecorded":     callIsRecorded,
	"CallIsRecordedOnce": callIsRecordedOnce,
	"RefusedCall":        refusedCallRecordsNothing,
	"Filter":             auditFilter,
	"Pages":              auditPages,
	"SeveralProcesses":   auditRace,
	"NothingPrivate":     auditNothingPrivate,
}

// Recorded returns the newest records of what was done, newest first, at most
// limit.
func Recorded(t testing.TB, s store.AuditLog, limit int) []audit.Record {
	t.Helper()
	all := recordsOf(t, s, audit.Filter{Outcome: audit.Done, Newest: limit})
	slices.Reverse(all)
	return all
}

func recordsOf(t testing.TB, s store.AuditLog, f audit.Filter) (all []audit.Record) {
	t.Helper()
	err := s.Records(t.Context(), f, func(r audit.Record) error { all = append(all, r); return nil })
	if err != nil {
		t.Fatalf("Records: %v", err)
	}
	return all
}

// wantIntact checks the whole chain, and that it is so long.
func (w *world) wantIntact(records int64) {
	w.t.Helper()
	var v audit.Verifier
	for _, r := range recordsOf(w.t, w, audit.Filter{}) {
		v.Add(r)
	}
	if r := v.Report(); !r.Intact() || r.Records != records || r.Number != records {
		w.t.Errorf("the audit log: %+v; want %d records", r, records)
	}
}

// called returns the context of a call.
func called(t *testing.T, action audit.Action, subject string) (context.Context, *audit.Call) {
	c := &audit.Call{Admin: "alice", Source: "192.0.2.9", Action: action, Subject: subject}
	return audit.With(t.Context(), c), c
}

func auditChain(t *testing.T, w *world) {
	id := w.register().ID
	entry := w.approve(id).Server.ID
	w.wait(time.Second)
	denied := audit.Event{Action: "wrong-token", Outcome: audit.Denied, Subject: "approve", Count: 7, Source: "192.0.2.0/24"}
	if err := w.Audit(t.Context(), denied, denied); err != nil {
		t.Fatal(err)
	}
	if err := w.Audit(t.Context()); err != nil {
		t.Errorf("no event: %v", err)
	}
	if _, err := w.Revoke(t.Context(), entry, "gone", "bob"); err != nil {
		t.Fatal(err)
	}
	w.wantIntact(4)
	all := recordsOf(t, w, audit.Filter{})
	first := audit.Link(1, audit.Hash{}, audit.Event{Time: start, Admin: "alice", Action: store.ActionApprove,
		Outcome: audit.Done, Subject: id, Entry: entry, Change: 1})
	denied.Time = start.Add(time.Second)
	second := audit.Link(2, first.Hash, denied)
	third := audit.Link(3, second.Hash, denied)
	if !reflect.DeepEqual(all[:3], []audit.Record{first, second, third}) {
		t.Errorf("the log begins\n%+v; want\n%+v", all[:3], []audit.Record{first, second, third})
	}
	if all[3].Previous != third.Hash || all[3].Subject != id || all[3].Entry != entry || all[3].Detail != "gone" {
		t.Errorf("the last is %+v", all[3])
	}
}

// callIsRecorded: whatever writes within a call is recorded in the same
// transaction, without being asked to.
func callIsRecorded(t *testing.T, w *world) {
	for i, step := range []struct {
		action  audit.Action
		subject string // of the record
		run     func(ctx context.Context) error
	}{
		{"add-admin", "carol", func(ctx context.Context) error { return w.AddAdmin(ctx, "carol", store.NewToken().Hash()) }},
		{"remove-admin", "carol", func(ctx context.Context) error { return w.RemoveAdmin(ctx, "carol") }},
		{"register", "r1", func(ctx context.Context) error { return errorOf(w.Register(ctx, request(), unlimited)) }},
	} {
		ctx, call := called(t, step.action, step.subject)
		if step.action == "register" {
			call.Subject = "" // the store knows better
		}
		if err := step.run(ctx); err != nil {
			t.Fatal(err)
		}
		if !call.Recorded() {
			t.Errorf("%s: the call does not say that it is recorded", step.action)
		}
		r := Recorded(t, w, 1)[0]
		if r.Number != int64(i+1) || r.Action != step.action || r.Subject != step.subject || r.Admin != "alice" || r.Source != "192.0.2.9" || !r.Time.Equal(start) {
			t.Errorf("%s is recorded as %+v", step.action, r)
		}
	}
	w.wantIntact(3)
}

// callIsRecordedOnce: what a decision records is the record of the call, and
// further writes of the call are not recorded again.
func callIsRecordedOnce(t *testing.T, w *world) {
	id := w.register().ID
	ctx, _ := called(t, "anything", id)
	if _, err := w.Approve(ctx, store.Approval{Registration: id, Admin: "alice"}); err != nil {
		t.Fatal(err)
	}
	if err := w.PutMessages(ctx, []store.Message{{Key: "k", Recipient: "x@example.org"}}); err != nil {
		t.Fatal(err)
	}
	w.wantIntact(1)
	if r := Recorded(t, w, 1)[0]; r.Action != store.ActionApprove || r.Source != "192.0.2.9" {
		t.Errorf("recorded %+v", r)
	}
}

func refusedCallRecordsNothing(t *testing.T, w *world) {
	ctx, call := called(t, "remove-admin", "nobody")
	wantError(t, w.RemoveAdmin(ctx, "nobody"), store.ErrNotFound)
	if call.Recorded() {
		t.Error("the call says that it is recorded")
	}
	w.wantIntact(0)
}

func auditFilter(t *testing.T, w *world) {
	for i := range 6 {
		e := audit.Event{Admin: "alice", Action: "approve", Outcome: audit.Done, Subject: fmt.Sprint("r", i), Entry: "cat"}
		if i%2 == 1 {
			e.Admin, e.Action, e.Outcome, e.Entry = "bob", "reject", audit.Refused, ""
		}
		if err := w.Audit(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		w.wait(time.Minute)
	}
	for _, tc := range []struct {
		f    audit.Filter
		want string
	}{
		{audit.Filter{}, "1 2 3 4 5 6"},
		{audit.Filter{Newest: 2}, "5 6"},
		{audit.Filter{Newest: 6}, "1 2 3 4 5 6"},
		{audit.Filter{Newest: 7}, "1 2 3 4 5 6"},
		{audit.Filter{Admin: "alice"}, "1 3 5"},
		{audit.Filter{Admin: "alice", Newest: 1}, "5"},
		{audit.Filter{Action: "reject"}, "2 4 6"},
		{audit.Filter{Outcome: audit.Refused, Since: start.Add(2 * time.Minute)}, "4 6"},
		{audit.Filter{Subject: "r3"}, "4"},
		{audit.Filter{Subject: "cat"}, "1 3 5"},
		{audit.Filter{Subject: "ca"}, ""},
		{audit.Filter{Since: start.Add(4 * time.Minute)}, "5 6"},
		{audit.Filter{Since: start.Add(4*time.Minute + 1)}, "6"},
		{audit.Filter{Admin: "nobody"}, ""},
		{audit.Filter{After: 4}, "5 6"},
		{audit.Filter{After: 4, Newest: 1}, "6"},
		{audit.Filter{After: 4, Newest: 9, Admin: "alice"}, "5"},
	} {
		var got []string
		for _, r := range recordsOf(t, w, tc.f) {
			got = append(got, fmt.Sprint(r.Number))
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%+v: %v, want %s", tc.f, got, tc.want)
		}
	}
}

func auditPages(t *testing.T, w *world) {
	const n = 1203 // more than two pages
	if err := w.Audit(t.Context(), make([]audit.Event, n)...); err != nil {
		t.Fatal(err)
	}
	w.wantIntact(n)
	enough := errors.New("enough")
	seen := 0
	err := w.Records(t.Context(), audit.Filter{}, func(audit.Record) error {
		if seen++; seen == 700 {
			return enough
		}
		return nil
	})
	if err != enough || seen != 700 {
		t.Errorf("stopped after %d with %v", seen, err)
	}
}

// auditRace: several processes write one chain.
func auditRace(t *testing.T, w *world) {
	const n = 20
	errs := w.each(n, func(i int, s store.Store) error {
		return s.Audit(t.Context(), audit.Event{Admin: "alice", Action: "look", Outcome: audit.Done, Subject: fmt.Sprint(i)})
	})
	wantFew(t, errs, n, nil)
	w.wantIntact(n)
}

func auditNothingPrivate(t *testing.T, w *world) {
	id := w.register(mailed("cat@example.net")).ID
	token := store.NewToken().Reveal()
	reason := "write to Cat@Example.net, not with " + token + "\u202e\n"
	if _, err := w.Reject(t.Context(), id, reason, "alice"); err != nil {
		t.Fatal(err)
	}
	r := Recorded(t, w, 1)[0]
	if r.Detail != "write to (e-mail address), not with (secret)  " {
		t.Errorf("recorded %q", r.Detail)
	}
	if got := w.review(id).Reason; got != reason {
		t.Errorf("the requester reads %q", got)
	}
	w.wantIntact(1)
}
