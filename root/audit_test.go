package root_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/audit"
)

// auditLog reads the whole log and checks its chain.
func (w *world) auditLog(f audit.Filter) (all []audit.Record) {
	w.t.Helper()
	log, err := w.client().Audit(w.t.Context(), f)
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.Close()
	var v audit.Verifier
	err = audit.ReadLines(log, func(r audit.Record) error {
		v.Add(r)
		all = append(all, r)
		return nil
	})
	if r := v.Report(); err != nil || f == (audit.Filter{}) && !r.Intact() {
		w.t.Fatalf("%v: %+v", err, r)
	}
	return all
}

// lines says in short what a log tells.
func lines(records []audit.Record) string {
	var b strings.Builder
	for _, r := range records {
		fmt.Fprintf(&b, "%s %s %s %s %s %s %d %s\n", r.Admin, r.Action, r.Outcome, r.Subject, r.Entry, r.Source, r.Count, r.Detail)
	}
	return b.String()
}

func wantLines(t *testing.T, got []audit.Record, want ...string) {
	t.Helper()
	if lines(got) != strings.Join(want, "\n")+"\n" {
		t.Errorf("the log is\n%s\nwant\n%s", lines(got), strings.Join(want, "\n"))
	}
}

// TestAudit: what an admin does, sees and does in vain is in the log, each
// once.
func TestAudit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.client()
	one, two := w.register(1), w.register(2)
	for range 3 {
		if _, err := c.Pending(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := c.Registration(t.Context(), one.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Approve(t.Context(), one.ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		w.ask("POST", "/registrations/"+one.ID+"/approve", "").problem(t, 409)
	}
	w.ask("GET", "/registrations/r99", "").problem(t, 404)
	w.ask("GET", "/lists", "")
	if _, err := c.Reject(t.Context(), two.ID, "write to me@example.org"); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RegisterByAdmin(t.Context(), request(3)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CheckMirrors(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantLines(t, w.auditLog(audit.Filter{}),
		"(console) add-admin done admin   1 ",
		"admin list-registrations seen   127.0.0.1 1 ",
		"admin show-registration seen r1  127.0.0.1 1 ",
		"admin approve done r1 server-1 127.0.0.1 1 ",
		"admin approve refused r1  127.0.0.1 1 Conflict: r1 is approved already (entry server-1)",
		"admin show-registration seen r99  127.0.0.1 1 ",
		"admin reject done r2  127.0.0.1 1 write to (e-mail address)",
		"admin register done r3  127.0.0.1 1 ",
		"admin check-mirrors done   127.0.0.1 1 ",
		"admin approve refused   127.0.0.1 4 further ones like the one before from there, within a minute of it",
	)
	wantLines(t, w.auditLog(audit.Filter{Subject: "server-1"}), "admin approve done r1 server-1 127.0.0.1 1 ")
	if got := w.auditLog(audit.Filter{Newest: 1, Outcome: audit.Done}); len(got) != 1 || got[0].Action != "check-mirrors" {
		t.Errorf("the newest is %s", lines(got))
	}
}

// TestDenials: every door that is shut leaves a line, and a flood a few.
func TestDenials(t *testing.T) {
	t.Parallel()
	w := newWorld(t, frozen)
	approve := w.admin + "/api/v1/admin/registrations/r1/approve"
	for range 300 {
		w.send(exchange{"POST", approve, []string{"Authorization: Bearer msadm_x"}, ""})
	}
	w.send(exchange{"GET", w.admin + "/nothing", nil, ""}).problem(t, 429)
	w.send(exchange{"POST", approve, []string{"Host: evil.example", "Authorization: Bearer " + w.token}, ""}).problem(t, 403)
	w.send(exchange{"POST", approve, []string{"Origin: https://evil.example", "Authorization: Bearer " + w.token}, ""}).problem(t, 403)
	wantLines(t, w.auditLog(audit.Filter{Outcome: audit.Denied}),
		" wrong-token denied approve  127.0.0.0/24 1 ",
		" no-token denied   127.0.0.0/24 1 ",
		" foreign-host denied approve  127.0.0.0/24 1 Host: evil.example",
		" foreign-origin denied approve  127.0.0.0/24 1 Origin: https://evil.example",
		" wrong-token denied   127.0.0.0/24 299 further ones like the one before from there, within a minute of it",
	)
}

func TestAuditRefusesFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for query, field := range map[string]string{
		"since=yesterday": "since", "newest=0": "newest", "newest=x": "newest", "admin=a&admin=b": "admin", "admn=a": "admn", "outcome=well": "outcome",
	} {
		if p := w.ask("GET", "/audit?"+query, "").problem(t, 422); fields(p) != field {
			t.Errorf("%s: fields %q, want %q", query, fields(p), field)
		}
	}
}
