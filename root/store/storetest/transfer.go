package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

var transferTests = map[string]func(*testing.T, *world){
	"Export":          export,
	"ExportPages":     exportPages,
	"ExportNotes":     exportNotes,
	"Import":          importLists,
	"ImportAgain":     importAgain,
	"ImportQueued":    importQueued,
	"ImportConflicts": importConflicts,
	"ImportReplaces":  importReplaces,
	"ImportReserves":  importReserves,
	"ImportNotes":     importNotes,
	"ImportSuspended": importSuspended,
	"ImportAllowed":   importAllowed,
	"ImportAllOrNone": importAllOrNone,
}

var atOnce = store.ImportHow{Approve: true, Admin: "alice"}

// line returns an entry as it is imported, with the id it had.
func line(id, email string, changes ...change) store.Import {
	q := request(append([]change{mailed(email)}, changes...)...)
	q.Server.ID = id
	return store.Import{Server: q.Server, Email: email}
}

// take imports, and must succeed.
func (w *world) take(how store.ImportHow, lines ...store.Import) []store.Imported {
	w.t.Helper()
	done, err := w.Import(w.t.Context(), lines, how)
	if err != nil || len(done) != len(lines) {
		w.t.Fatalf("Import: %+v, %v", done, err)
	}
	return done
}

// wantOutcome imports one entry and looks at what became of it.
func (w *world) wantOutcome(what string, how store.ImportHow, line store.Import, outcome store.ImportOutcome, id string) {
	w.t.Helper()
	got := w.take(how, line)[0]
	if got.Outcome != outcome || got.ID != id || (got.Problem != "") != (outcome == store.ImportConflict) {
		w.t.Errorf("%s: %+v; want %s, %s", what, got, outcome, id)
	}
}

func (w *world) exported() (all []store.Exported) {
	w.t.Helper()
	err := w.Export(w.t.Context(), func(e store.Exported) error { all = append(all, e); return nil })
	if err != nil {
		w.t.Fatalf("Export: %v", err)
	}
	return all
}

func (w *world) entry(id string) store.Entry {
	w.t.Helper()
	e, err := w.Entry(w.t.Context(), id)
	if err != nil {
		w.t.Fatalf("Entry(%s): %v", id, err)
	}
	return e
}

// Every entry is handed out, with what is private, in the order of the ids.
func export(t *testing.T, w *world) {
	a := w.approve(w.register(distinct(1), mailed("one@example.net")).ID)
	b := w.approve(w.register(distinct(2)).ID)
	c := w.approve(w.register(distinct(3)).ID)
	w.register(distinct(4))
	w.wait(time.Minute)
	w.suspend(b.Server.ID, time.Time{})
	w.suspend(c.Server.ID, time.Time{})
	if err := w.Allow(t.Context(), b.Server.ID, []string{}, "alice"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Revoke(t.Context(), c.Server.ID, "gone", "alice"); err != nil {
		t.Fatal(err)
	}
	all := w.exported()
	if len(all) != 3 {
		t.Fatalf("%d entries: %+v", len(all), all)
	}
	text, err := a.Server.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	first := all[0]
	if first.ID != a.Server.ID || first.Server != string(text) || first.State != store.EntryListed || first.Email != "one@example.net" ||
		first.Registration != a.Registration || !first.Created.Equal(start) || first.Reason != "" || first.Suspended != nil || first.Allowed != nil || first.Notes != nil {
		t.Errorf("%+v", first)
	}
	want := store.Suspension{Entry: b.Server.ID, Reason: "cheats", Admin: "alice", Since: w.clock()}
	if s := all[1]; s.ID != b.Server.ID || s.State != store.EntrySuspended || s.Suspended == nil || *s.Suspended != want || s.Allowed == nil || len(s.Allowed) != 0 {
		t.Errorf("the suspended one: %+v", all[1])
	}
	if all[2].ID != c.Server.ID || all[2].State != store.EntryRevoked || all[2].Reason != "gone" || !all[2].Updated.Equal(w.clock()) {
		t.Errorf("the revoked one: %+v", all[2])
	}
}

func exportPages(t *testing.T, w *world) {
	const n = 2003
	lines := make([]store.Import, n)
	want := make([]string, n)
	for i := range lines {
		want[i] = fmt.Sprintf("s%04d", i)
		lines[i] = line(want[i], "cat@example.net", distinct(i))
	}
	w.take(atOnce, lines...)
	var got []string
	for _, e := range w.exported() {
		got = append(got, e.ID)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d entries, in order: %v; want %d", len(got), slices.IsSorted(got), n)
	}
	enough := errors.New("enough")
	seen := 0
	err := w.Export(t.Context(), func(store.Exported) error {
		if seen++; seen == 1500 {
			return enough
		}
		return nil
	})
	if err != enough || seen != 1500 {
		t.Errorf("stopped after %d with %v", seen, err)
	}
}

// The notes of an entry are those about it and about what it was made of.
func exportNotes(t *testing.T, w *world) {
	r := w.register()
	id := w.approve(r.ID).Server.ID
	other := w.approve(w.register(distinct(1)).ID)
	for _, n := range []store.Note{
		{Kind: store.NoteRegistration, About: r.ID, Text: "first"},
		{Kind: store.NoteEntry, About: id, Text: "second"},
		{Kind: store.NoteEntry, About: other.Server.ID, Text: "of another"},
	} {
		n.Admin = "alice"
		if _, err := w.AddNote(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		w.wait(time.Second)
	}
	for _, e := range w.exported() {
		var texts []string
		for _, n := range e.Notes {
			texts = append(texts, n.Text)
		}
		if want := map[string][]string{id: {"first", "second"}, other.Server.ID: {"of another"}}[e.ID]; !slices.Equal(texts, want) {
			t.Errorf("%s: %q, want %q", e.ID, texts, want)
		}
	}
}

func importLists(t *testing.T, w *world) {
	old := line("cat", "one@example.net", distinct(1))
	old.Created = start.AddDate(-20, 0, 0)
	early := line("future", "", distinct(2))
	early.Created = start.Add(time.Hour)
	nameless := line("", "", distinct(3), named("Big Dog"))
	done := w.take(atOnce, old, early, nameless)
	for i, id := range []string{"cat", "future", "big-dog"} {
		if done[i] != (store.Imported{Outcome: store.ImportListed, ID: id}) {
			t.Errorf("%+v, want %s to be listed", done[i], id)
		}
	}
	wantIDs(t, "list", w.listed(), "big-dog", "cat", "future")
	if got := w.entry("cat"); !got.Created.Equal(old.Created) || got.Change != w.counts().Change || got.Owner == "" {
		t.Errorf("%+v", got)
	}
	if got := w.entry("future"); !got.Created.Equal(start) || got.Change != w.entry("cat").Change {
		t.Errorf("made in the future, or by a change of its own: %+v", got)
	}
	if r := w.review(w.entry("cat").Registration); r.Status != store.Approved || r.Email != "one@example.net" || r.Source.IsValid() || r.Admin != "alice" {
		t.Errorf("its registration: %+v", r.Registration)
	}
	if d := Recorded(t, w, 10); len(d) != 1 || d[0].Action != store.ActionImport || d[0].Admin != "alice" || d[0].Change != w.counts().Change {
		t.Errorf("recorded %+v", d)
	}
	// What was imported is like what was registered.
	if r := w.register(distinct(1), mailed("One@example.net")); r.Entry != "cat" {
		t.Errorf("the same server of the same person is %q", r.Entry)
	}
	if c := w.review(w.register(distinct(2), mailed("m@example.org")).ID).Conflicts; len(c) == 0 || c[0].Entry != "future" {
		t.Errorf("a claim to its name: %+v", c)
	}
}

// To import again what was imported, or an own export, changes nothing.
func importAgain(t *testing.T, w *world) {
	lines := []store.Import{line("cat", "one@example.net", distinct(1)), line("", "", distinct(2))}
	first := w.take(atOnce, lines...)
	before, recorded := w.counts(), len(Recorded(t, w, 10))
	again := append(lines, line("cat", "", distinct(1)))
	for i, got := range w.take(atOnce, again...) {
		if got.Outcome != store.ImportSame || got.ID != first[i%2].ID {
			t.Errorf("line %d: %+v", i, got)
		}
	}
	w.take(store.ImportHow{Approve: true, Replace: true, Admin: "alice"}, again...)
	if after := w.counts(); after != before || len(Recorded(t, w, 10)) != recorded {
		t.Errorf("%+v, was %+v, with %d records", after, before, len(Recorded(t, w, 10)))
	}
}

func importQueued(t *testing.T, w *world) {
	queue := store.ImportHow{Admin: "alice"}
	wanted := line("wanted", "one@example.net", distinct(1))
	got := w.take(queue, wanted)[0]
	if got.Outcome != store.ImportQueued {
		t.Fatalf("%+v", got)
	}
	waits := line("", "", distinct(2))
	waits.Suspended, waits.Allowed = &store.Suspension{Reason: "cheats"}, []string{"version"}
	second := w.take(queue, waits)[0]
	wantIDs(t, "queue", w.pending(), got.ID, second.ID)
	wantIDs(t, "list", w.listed())
	if c := w.counts(); c.Pending != 2 {
		t.Errorf("%d are counted", c.Pending)
	}
	w.wantOutcome("again", queue, wanted, store.ImportSame, got.ID)
	w.wantOutcome("with another text", queue, line("wanted", "one@example.net", distinct(1), described("other")), store.ImportConflict, got.ID)
	if e := w.approve(got.ID); e.Server.ID != "wanted" {
		t.Errorf("its id is %q", e.Server.ID)
	}
	if next := w.register(distinct(3)); slices.Contains([]string{got.ID, second.ID}, next.ID) {
		t.Errorf("the id %s was given twice", next.ID)
	}
}

// Whatever is there stays, unless that is wanted.
func importConflicts(t *testing.T, w *world) {
	w.take(atOnce, line("cat", "one@example.net", distinct(1)), line("gone", "", distinct(2)))
	if _, err := w.Revoke(t.Context(), "gone", "spam", "alice"); err != nil {
		t.Fatal(err)
	}
	replace := store.ImportHow{Approve: true, Replace: true, Admin: "alice"}
	revoked := line("cat", "one@example.net", distinct(1))
	revoked.Revoked = true
	nobody := line("", "", distinct(8))
	nobody.Revoked = true
	before := w.counts()
	for what, test := range map[string]struct {
		how  store.ImportHow
		line store.Import
		id   string
	}{
		"another content":         {atOnce, line("cat", "one@example.net", distinct(3)), "cat"},
		"another person":          {atOnce, line("cat", "two@example.net", distinct(1)), "cat"},
		"replace in the queue":    {store.ImportHow{Replace: true, Admin: "alice"}, line("cat", "one@example.net", distinct(3)), "cat"},
		"revoked, listed here":    {replace, revoked, "cat"},
		"listed, revoked here":    {replace, line("gone", "", distinct(2)), "gone"},
		"the same as another id":  {atOnce, line("dog", "one@example.net", distinct(1)), "dog"},
		"revoked and without id":  {atOnce, nobody, ""},
		"content of another here": {replace, line("gone", "", distinct(9)), "gone"},
	} {
		w.wantOutcome(what, test.how, test.line, store.ImportConflict, test.id)
	}
	if after := w.counts(); after != before {
		t.Errorf("%+v, was %+v", after, before)
	}
}

// A replaced entry keeps its owner, with the power of the status URL, unless
// the import says that it is another's.
func importReplaces(t *testing.T, w *world) {
	replace := store.ImportHow{Approve: true, Replace: true, Admin: "alice"}
	o := w.owner(distinct(1), mailed("one@example.net"))
	e := w.approve(o.id)
	id := e.Server.ID
	for n, email := range []string{"", "One@example.net"} {
		w.wantOutcome("from "+email, replace, line(id, email, distinct(10+n)), store.ImportReplaced, id)
		got := w.entry(id)
		if got.Owner != o.id || got.Change <= e.Change || got.Server.Name != fmt.Sprint("Server ", 10+n) {
			t.Errorf("from %q: %+v", email, got)
		}
		e = got
	}
	o.edit(distinct(11), described("mine still"))
	w.wantOutcome("another's", replace, line(id, "two@example.net", distinct(12)), store.ImportReplaced, id)
	if got := w.entry(id); got.Owner == o.id || got.FirstChange != 1 {
		t.Errorf("%+v", got)
	}
	_, err := o.tryEdit(distinct(13))
	wantError(t, err, store.ErrNotOwner)
	wantIDs(t, "list", w.listed(), id)
	if c := w.review(w.register(distinct(1), mailed("m@example.org")).ID).Conflicts; len(c) != 0 {
		t.Errorf("its former name is claimed: %+v", c)
	}
}

// The id of an entry that was revoked elsewhere is never given here.
func importReserves(t *testing.T, w *world) {
	gone := line("server-1", "one@example.net", distinct(1))
	gone.Revoked, gone.Reason = true, "spam"
	w.wantOutcome("first", atOnce, gone, store.ImportReserved, "server-1")
	w.wantOutcome("again", atOnce, gone, store.ImportSame, "server-1")
	if e := w.entry("server-1"); e.State != store.EntryRevoked || e.Reason != "spam" {
		t.Errorf("%+v", e)
	}
	wantIDs(t, "list", w.listed())
	if e := w.approve(w.register(distinct(1)).ID); e.Server.ID == "server-1" {
		t.Error("the id was given again")
	}
}

func importNotes(t *testing.T, w *world) {
	l := line("cat", "", distinct(1))
	l.Notes = []store.Note{{At: start.AddDate(-1, 0, 0), Admin: "zoe", Text: "known for years"}}
	for range 2 {
		w.take(atOnce, l)
		all, err := w.Notes(t.Context(), store.NoteEntry, "cat")
		if err != nil || len(all) != 1 || all[0].Admin != "zoe" || !all[0].At.Equal(l.Notes[0].At) {
			t.Errorf("%+v, %v", all, err)
		}
	}
	waits := line("", "", distinct(2))
	waits.Notes = l.Notes
	id := w.take(store.ImportHow{Admin: "alice"}, waits)[0].ID
	if all, err := w.Notes(t.Context(), store.NoteRegistration, id); err != nil || len(all) != 1 {
		t.Errorf("of one that waits: %+v, %v", all, err)
	}
}

// An entry that nobody could read ends the import, and nothing of it is there.
func importAllOrNone(t *testing.T, w *world) {
	before := w.counts()
	bad := store.Import{Server: serverlist.Server{ID: "bad"}}
	if done, err := w.Import(t.Context(), []store.Import{line("cat", "", distinct(1)), bad}, atOnce); err == nil || done != nil {
		t.Errorf("%+v, %v", done, err)
	}
	if after := w.counts(); after != before {
		t.Errorf("%+v, was %+v", after, before)
	}
	wantIDs(t, "list", w.listed())
	w.wantIntact(0)
}
