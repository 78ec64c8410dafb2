package storetest

import (
	"fmt"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

var newsTests = map[string]func(*testing.T, *world){
	"Told":            told,
	"Arrivals":        arrivals,
	"MirrorArrivals":  mirrorArrivals,
	"Channels":        messageChannels,
	"MaxPerRecipient": maxPerRecipient,
	"MaxMessages":     maxMessages,
	"MessagesSince":   messagesSince,
}

func told(t *testing.T, w *world) {
	ctx := t.Context()
	want := func(told store.Told, newest store.Newest) {
		t.Helper()
		if a, b, err := w.Told(ctx); err != nil || a != told || b != newest {
			t.Errorf("told %+v, newest %+v, %v; want %+v, %+v", a, b, err, told, newest)
		}
	}
	want(store.Told{}, store.Newest{})
	w.approve(w.register(distinct(1)).ID)
	w.register(distinct(2))
	w.registerMirror("wien")
	newest := store.Newest{Audit: 1, Registrations: 2, Mirrors: 1}
	want(store.Told{}, newest)
	now := store.Told{Audit: 1, Registrations: 2, Mirrors: 1, SummedUp: 2, SummedUpMirrors: 1, SummedUpAt: start}
	m := store.Message{Key: "k", Recipient: "a@example.net"}
	if err := w.Tell(ctx, now, []store.Message{m}); err != nil {
		t.Fatal(err)
	}
	want(now, newest)
	if err := w.Tell(ctx, store.Told{Audit: 0, Registrations: 1}, []store.Message{m}); err != nil {
		t.Fatal(err)
	}
	want(now, newest)
	if all, err := w.Messages(ctx, 10); err != nil || len(all) != 1 {
		t.Errorf("messages %+v, %v", all, err)
	}
}

func arrivals(t *testing.T, w *world) {
	for i := 1; i <= 4; i++ {
		w.register(distinct(i), from(fmt.Sprintf("192.0.2.%d", i)))
	}
	w.register(distinct(5), from("198.51.100.1"))
	w.wait(25 * time.Hour)
	w.register(distinct(6), from("192.0.2.9"))
	w.register(distinct(6), from("192.0.2.9")) // once more is no arrival
	all, err := w.Arrivals(t.Context(), 1, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range all {
		got = append(got, fmt.Sprint(a.Number, " ", a.ID, " ", a.Earlier))
		if a.Email != "cat@example.net" {
			t.Errorf("%+v", a)
		}
	}
	want := []string{"2 r2 1", "3 r3 2", "4 r4 3", "5 r5 0", "6 r6 0"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("arrivals %q, want %q", got, want)
	}
	if all, err := w.Arrivals(t.Context(), 2, 1); err != nil || len(all) != 1 || all[0].ID != "r3" {
		t.Errorf("%+v, %v", all, err)
	}
}

// mirrorArrivals: requests of servers and of mirrors from one network count
// together.
func mirrorArrivals(t *testing.T, w *world) {
	at := func(source string) func(*store.MirrorRequest) {
		return func(r *store.MirrorRequest) { r.Source = netip.MustParseAddr(source) }
	}
	w.register(distinct(1), from("192.0.2.1"))
	w.registerMirror("a", at("192.0.2.2"))
	w.registerMirror("b", at("192.0.2.3"))
	w.registerMirror("b", at("192.0.2.3")) // once more is no arrival
	w.registerMirror("c", at("198.51.100.1"))
	w.register(distinct(2), from("192.0.2.4"))
	w.wait(25 * time.Hour)
	w.registerMirror("d", at("192.0.2.5"))
	all, err := w.MirrorArrivals(t.Context(), 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range all {
		got = append(got, fmt.Sprint(a.Number, " ", a.ID, " ", a.Email, " ", a.Earlier))
	}
	// All of the first day came within one second, so that r2 counts before m1.
	want := []string{"1 m1 a@example.net 2", "2 m2 b@example.net 3", "3 m3 c@example.net 0", "4 m4 d@example.net 0"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("arrivals %q, want %q", got, want)
	}
	if all, err := w.MirrorArrivals(t.Context(), 2, 1); err != nil || len(all) != 1 || all[0].ID != "m3" {
		t.Errorf("%+v, %v", all, err)
	}
	servers, err := w.Arrivals(t.Context(), 1, 10)
	if err != nil || len(servers) != 1 || servers[0].Earlier != 3 {
		t.Errorf("%+v, %v", servers, err)
	}
}

// messageChannels: what waits for one channel holds up no other.
func messageChannels(t *testing.T, w *world) {
	ctx := t.Context()
	hook := store.Message{Key: "chat k", Channel: "chat", Event: "test", Subject: "S", Body: "B", Details: `{"n":1}`}
	for _, m := range []store.Message{{Key: "k", Recipient: "a@example.net"}, hook} {
		if err := w.PutMessages(ctx, []store.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	channels, err := w.WaitingChannels(ctx)
	if err != nil || !reflect.DeepEqual(channels, []string{store.ByMail, "chat"}) {
		t.Errorf("channels %q, %v", channels, err)
	}
	due, err := w.DueMessages(ctx, "chat", w.clock(), 10)
	if err != nil || len(due) != 1 {
		t.Fatalf("%+v, %v", due, err)
	}
	hook.ID, hook.Created, hook.Next = due[0].ID, start, start
	if due[0] != hook {
		t.Errorf("due %+v, want %+v", due[0], hook)
	}
	due[0].Done = start
	if err := w.SettleMessage(ctx, due[0]); err != nil {
		t.Fatal(err)
	}
	wantError(t, w.SettleMessage(ctx, due[0]), store.ErrNotFound)
	if channels, err := w.WaitingChannels(ctx); err != nil || !reflect.DeepEqual(channels, []string{store.ByMail}) {
		t.Errorf("channels %q, %v", channels, err)
	}
}

func maxPerRecipient(t *testing.T, w *world) {
	ctx := t.Context()
	put := func(n int, recipient string, bounded bool) {
		t.Helper()
		m := store.Message{Key: fmt.Sprint(n, recipient), Recipient: recipient, Bounded: bounded}
		if err := w.PutMessages(ctx, []store.Message{m}); err != nil {
			t.Fatal(err)
		}
	}
	want := func(n int) {
		t.Helper()
		if c := w.counts(); c.Messages != n {
			t.Errorf("%d messages, want %d", c.Messages, n)
		}
	}
	for i := range 2 * store.MaxPerRecipient {
		put(i, []string{"victim@example.net", "Victim@Example.net"}[i%2], true)
	}
	want(store.MaxPerRecipient)
	put(99, "victim@example.net", false) // what the root itself has to say
	put(99, "other@example.net", true)
	want(store.MaxPerRecipient + 2)
	w.wait(24 * time.Hour)
	put(100, "victim@example.net", true)
	want(store.MaxPerRecipient + 3)
}

func maxMessages(t *testing.T, w *world) {
	ctx := t.Context()
	var all []store.Message
	for i := range store.MaxMessages + 10 {
		all = append(all, store.Message{Key: fmt.Sprint(i), Recipient: fmt.Sprint(i, "@example.net")})
	}
	if err := w.PutMessages(ctx, all); err != nil {
		t.Fatal(err)
	}
	if c := w.counts(); c.Messages != store.MaxMessages {
		t.Errorf("%d wait, want %d", c.Messages, store.MaxMessages)
	}
	due, err := w.DueMessages(ctx, store.ByMail, w.clock(), 2)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range due {
		m.Done = w.clock()
		if err := w.SettleMessage(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.PutMessages(ctx, all[store.MaxMessages:]); err != nil { // there is room for two
		t.Fatal(err)
	}
	if c := w.counts(); c.Messages != store.MaxMessages {
		t.Errorf("%d wait, want %d", c.Messages, store.MaxMessages)
	}
}

func messagesSince(t *testing.T, w *world) {
	ctx := t.Context()
	for i := range 3 {
		if err := w.PutMessages(ctx, []store.Message{{Key: fmt.Sprint(i), Event: "e"}}); err != nil {
			t.Fatal(err)
		}
		w.wait(time.Minute)
	}
	for event, want := range map[string]int{"e": 2, "f": 0} {
		if n, err := w.MessagesSince(ctx, event, start.Add(time.Minute)); err != nil || n != want {
			t.Errorf("%s: %d, %v; want %d", event, n, err, want)
		}
	}
}
