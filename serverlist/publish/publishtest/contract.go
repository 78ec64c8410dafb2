package publishtest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// Contract tests that a target keeps the promises of publish.Target and that
// publish.Set keeps its own on it. The function open returns a new, empty
// target each time and cleans up by itself.
func Contract(t *testing.T, open func(t *testing.T) publish.Target) {
	Promises(t, open)
	for _, late := range []bool{false, true} {
		name := "a failure at any operation"
		if late {
			name = "a lost answer at any operation"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			interrupted(t, open, late)
		})
	}
}

// Promises is the part of [Contract] in which nothing fails half way, for
// targets whose every operation takes long, and which [Interrupted] tests.
func Promises(t *testing.T, open func(t *testing.T) publish.Target) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, target publish.Target)
	}{
		{"an empty target has no documents", emptyTarget},
		{"what was written is read back", writeAndRead},
		{"other names are refused", refusedNames},
		{"a cancelled context ends Open", cancelledOpen},
		{"a set is published in order", setInOrder},
		{"an unchanged set is not sent again", setUnchanged},
		{"an older set does not replace a newer one", setOlder},
		{"a newer set replaces an older one", setNewer},
		{"what does not verify is repaired", setRepairs},
		{"another document of one version stays", setConflict},
		{"new trust documents come before the lists", setRotation},
		{"trust documents of the target count", setTargetAhead},
		{"a fork of the trust documents stops everything", setFork},
		{"a trial of writing changes no document", tryWrite},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, open(t))
		})
	}
}

func emptyTarget(t *testing.T, target publish.Target) {
	s := session(t, target)
	for _, name := range []string{publish.ServerList, publish.MirrorList, publish.TrustName(1)} {
		if _, err := s.Read(t.Context(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("reading %s of an empty target gives %v, want fs.ErrNotExist", name, err)
		}
	}
	if target.String() == "" {
		t.Error("the target has no name for messages")
	}
}

// writeAndRead uses sizes at which transfers are known to be cut.
func writeAndRead(t *testing.T, target publish.Target) {
	for _, c := range []struct {
		size  int
		names []string
	}{
		{1, []string{publish.TrustName(1<<53 - 1)}},
		{4 << 20, []string{publish.ServerList}},
		{400_001, []string{publish.TrustName(1), publish.MirrorList, publish.ServerList}},
		{0, []string{publish.TrustName(1), publish.ServerList}},
	} {
		data := bytes.Repeat([]byte("0123456789abcde\n"), c.size/16+1)[:c.size]
		files := map[string][]byte{}
		for _, name := range c.names {
			files[name] = data
		}
		write(t, target, files)
		s := session(t, target)
		for _, name := range c.names {
			if got := readOrNil(t, s, name); got == nil || !bytes.Equal(got, data) {
				t.Errorf("%s: wrote %d bytes, %d came back", name, len(data), len(got))
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func refusedNames(t *testing.T, target publish.Target) {
	s := session(t, target)
	for _, name := range []string{
		"", ".", "..", "index.html", "SERVER.LIST", "server.list/", "/server.list", "./server.list", "../server.list",
		"trust", "trust/", "trust/1", "trust/0.trust", "trust/01.trust", "trust/+1.trust", "trust/-1.trust",
		"trust/1.trust/", "trust//1.trust", "trust/../server.list", "trust/1.trust\x00", `trust\1.trust`, "trust/99999999999999999999.trust",
	} {
		if _, err := s.Read(t.Context(), name); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Read(%q) gives %v, want a refusal", name, err)
		}
		if err := s.Write(t.Context(), name, []byte("x")); err == nil {
			t.Errorf("Write(%q) was not refused", name)
		}
	}
}

func cancelledOpen(t *testing.T, target publish.Target) {
	first := session(t, target)
	if err := first.Write(t.Context(), publish.ServerList, []byte("x")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := target.Open(ctx) // must return, with or without a session
	if err == nil {
		err = s.Close()
	}
	t.Logf("second session: %v", err)
}

func setInOrder(t *testing.T, target publish.Target) {
	root := NewRoot(serverlisttest.Options{})
	root.Rotate(true)
	root.Rotate(true)
	docs := root.Documents(1_793_000_000, "alpha", "beta")
	spy := &Spy{Target: target}
	report, err := publish.Set(t.Context(), spy, docs)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"trust/1.trust", "trust/2.trust", "trust/3.trust", "mirror.list", "server.list"}
	if got := spy.Writes(); !slices.Equal(got, want) {
		t.Errorf("written in the order %v, want %v", got, want)
	}
	wantStates(t, report, publish.Written)
	holds(t, target, docs)
}

func setUnchanged(t *testing.T, target publish.Target) {
	docs := NewRoot(serverlisttest.Options{}).Documents(1_793_000_000, "alpha")
	mustSet(t, target, docs)
	spy := &Spy{Target: target}
	report, err := publish.Set(t.Context(), spy, docs)
	if err != nil {
		t.Fatal(err)
	}
	if got := spy.Writes(); len(got) != 0 || report.Changed() {
		t.Errorf("an unchanged set was written again: %v", got)
	}
	wantStates(t, report, publish.Unchanged)
}

func setOlder(t *testing.T, target publish.Target) {
	root := NewRoot(serverlisttest.Options{})
	newer, older := root.Documents(1_793_000_002, "alpha"), root.Documents(1_793_000_001, "alpha", "beta")
	mustSet(t, target, newer)
	spy := &Spy{Target: target}
	report, err := publish.Set(t.Context(), spy, older)
	if err != nil || len(spy.Writes()) != 0 {
		t.Fatalf("an older set: error %v, written %v; want neither", err, spy.Writes())
	}
	for _, o := range report.Documents[1:] {
		if o.State != publish.Kept || o.Version != newer.Servers.Head.Version || o.Detail == "" {
			t.Errorf("%+v: want kept, of the newer version, with a detail", o)
		}
	}
	holds(t, target, newer)
}

func setNewer(t *testing.T, target publish.Target) {
	root := NewRoot(serverlisttest.Options{})
	mustSet(t, target, root.Documents(1_793_000_001, "alpha", "beta"))
	docs := root.Documents(1_793_000_002, "alpha")
	spy := &Spy{Target: target}
	report, err := publish.Set(t.Context(), spy, docs)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := spy.Writes(), []string{"mirror.list", "server.list"}; !slices.Equal(got, want) {
		t.Errorf("written %v, want %v", got, want)
	}
	for _, o := range report.Documents[1:] {
		if o.State != publish.Written || o.Replaces != 1_793_000_001 {
			t.Errorf("%+v: want written, replacing the older version", o)
		}
	}
	holds(t, target, docs)
}

func setRepairs(t *testing.T, target publish.Target) {
	root := NewRoot(serverlisttest.Options{})
	docs := root.Documents(1_793_000_000, "alpha", "beta")
	strangers := NewRoot(serverlisttest.Options{Seed: "stranger"}).Documents(1_793_000_009, "alpha")
	foreign := NewRoot(serverlisttest.Options{Origin: "other.example.org"}).Documents(1_793_000_009, "alpha")
	good := docs.Servers.Bytes()
	for what, bad := range map[string]publishBytes{
		"empty":              {},
		"html":               {server: []byte("<!doctype html><title>Sign in</title>")},
		"one byte changed":   {server: flip(good, len(good)-10), mirror: flip(docs.Mirrors.Bytes(), 20), trust: flip(docs.Trust.Newest().Bytes(), 30)},
		"cut off":            {server: good[:len(good)-1], mirror: good[:100], trust: docs.Trust.Newest().Bytes()[:80]},
		"something appended": {server: append(bytes.Clone(good), "<script>"...)},
		"swapped":            {server: docs.Mirrors.Bytes(), mirror: good, trust: good},
		"strangers' keys":    bytesOf(strangers),
		"another origin":     bytesOf(foreign),
		"huge trust file":    {trust: bytes.Repeat([]byte("x"), 1<<20)},
	} {
		bad.put(t, target)
		report, err := publish.Set(t.Context(), target, docs)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		wantStates(t, report, publish.Repaired)
		for _, o := range report.Documents {
			if o.Detail == "" {
				t.Errorf("%s: the repair of %s is not explained", what, o.Name)
			}
		}
		holds(t, target, docs)
	}
}

func setConflict(t *testing.T, target publish.Target) {
	root := NewRoot(serverlisttest.Options{})
	first, second := root.Documents(1_793_000_000, "alpha"), root.Documents(1_793_000_000, "beta")
	mustSet(t, target, first)
	spy := &Spy{Target: target}
	_, err := publish.Set(t.Context(), spy, second)
	var conflict *publish.EquivocationError
	if !errors.As(err, &conflict) || conflict.Name != publish.ServerList ||
		!bytes.Equal(conflict.Held, first.Servers.Text()) || !bytes.Equal(conflict.Given, second.Servers.Text()) {
		t.Fatalf("got %v, want an EquivocationError about %s with both heads", err, publish.ServerList)
	}
	if len(spy.Writes()) != 0 {
		t.Errorf("written %v", spy.Writes())
	}
	holds(t, target, first)
}

func setRotation(t *testing.T, target publish.Target) {
	root := NewRoot(serverlisttest.Options{})
	mustSet(t, target, root.Documents(1_793_000_000, "alpha"))
	root.Rotate(false)
	docs := root.Documents(1_793_000_001, "alpha")
	spy := &Spy{Target: target}
	report, err := publish.Set(t.Context(), spy, docs)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := spy.Writes(), []string{"trust/2.trust", "mirror.list", "server.list"}; !slices.Equal(got, want) {
		t.Errorf("written %v, want %v", got, want)
	}
	for _, o := range report.Documents { // the lists that were there are genuine, and outlived
		if o.State == publish.Repaired {
			t.Errorf("%s is said to be repaired: %s", o.Name, o.Detail)
		}
	}
	holds(t, target, docs)
}

// setTargetAhead publishes a set that was signed before the last rotation: over
// a newer set, and over the same lists, which have just lost their trust.
func setTargetAhead(t *testing.T, target publish.Target) {
	root := NewRoot(serverlisttest.Options{})
	before := root.Documents(1_793_000_005, "alpha")
	root.Rotate(false)
	after := root.Documents(1_793_000_001, "alpha")
	mustSet(t, target, before)
	publishBytes{trust: root.Chain().Newest().Bytes()}.putTrust(t, target, 2)
	if _, err := publish.Set(t.Context(), target, before); err == nil || !strings.Contains(err.Error(), "trust/2.trust") {
		t.Errorf("lists that no longer hold: got %v, want an error that names trust/2.trust", err)
	}
	mustSet(t, target, after)
	spy := &Spy{Target: target}
	if _, err := publish.Set(t.Context(), spy, before); err == nil || !strings.Contains(err.Error(), "trust/2.trust") {
		t.Errorf("got %v, want an error that names trust/2.trust", err)
	}
	if len(spy.Writes()) != 0 {
		t.Errorf("written %v", spy.Writes())
	}
	holds(t, target, after)
}

func setFork(t *testing.T, target publish.Target) {
	root, fork := NewRoot(serverlisttest.Options{}), NewRoot(serverlisttest.Options{})
	root.Rotate(true)
	docs := root.Documents(1_793_000_000, "alpha")
	publishBytes{trust: fork.Rotate(false).Newest().Bytes()}.putTrust(t, target, 2)
	spy := &Spy{Target: target}
	_, err := publish.Set(t.Context(), spy, docs)
	var conflict *publish.EquivocationError
	if !errors.As(err, &conflict) || conflict.Name != publish.TrustName(2) {
		t.Fatalf("got %v, want an EquivocationError about trust/2.trust", err)
	}
	if len(spy.Writes()) != 0 {
		t.Errorf("written %v", spy.Writes())
	}
}

// interrupted stops the publication of a newer set at every operation in turn.
// The target must hold complete documents, none older than before, and the
// next run must finish the work. A read that fails ends Set before anything is
// written, whatever the target is: a folder shows that for all.
func interrupted(t *testing.T, open func(t *testing.T) publish.Target, late bool) {
	root := NewRoot(serverlisttest.Options{})
	older := root.Documents(1_793_000_001, "alpha")
	root.Rotate(true)
	newer := root.Documents(1_793_000_002, "alpha", "beta")
	target := open(t)
	_, local := target.(publish.Folder)
	operations := operationsOf(t, target, older, newer)
	for i, op := range operations {
		if strings.HasPrefix(op, "read") && !local && !Sweep() {
			continue
		}
		target := open(t)
		mustSet(t, target, older)
		spy := &Spy{Target: target, FailAt: i + 1, Late: late}
		_, err := publish.Set(t.Context(), spy, newer)
		if !errors.Is(err, ErrInjected) {
			t.Errorf("failure at %q (operation %d): Set returns %v", op, i+1, err)
		}
		completeSince(t, op, target, older, newer)
		mustSet(t, target, newer)
		holds(t, target, newer)
	}
	t.Logf("%d operations, of which the writing ones were interrupted at least", len(operations))
}

// operationsOf returns those of a publication that nothing disturbs.
func operationsOf(t *testing.T, target publish.Target, older, newer publish.Documents) []string {
	mustSet(t, target, older)
	spy := &Spy{Target: target}
	mustSet(t, spy, newer)
	return spy.Ops
}

// completeSince checks a target that was left in the middle.
func completeSince(t *testing.T, op string, target publish.Target, older, newer publish.Documents) {
	t.Helper()
	h, err := publish.ReadBack(t.Context(), target, older.Trust)
	if err != nil {
		t.Fatal(err)
	}
	if h.Mirrors == nil || h.Servers == nil || len(h.Refused) > 0 {
		t.Fatalf("failure at %q leaves documents that do not verify: %v", op, h.Refused)
	}
	for _, l := range []*serverlist.List{h.Mirrors, h.Servers} {
		if v := l.Head.Version; v != older.Servers.Head.Version && v != newer.Servers.Head.Version {
			t.Errorf("failure at %q leaves version %d", op, v)
		}
	}
	if h.Servers.Same(newer.Servers) && !h.Mirrors.Same(newer.Mirrors) || h.Mirrors.Same(newer.Mirrors) && h.Trust.Newest().Version != 2 {
		t.Errorf("failure at %q leaves a document that came before what it needs", op)
	}
}
