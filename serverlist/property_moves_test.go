package serverlist_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// newHistory begins with a root, three mirrors and a launcher that was shipped
// with a list.
func newHistory(t *testing.T, seed uint64) *history {
	h := &history{play: newPlay(t, "a", "b", "c"), dice: rand.New(rand.NewPCG(seed, 17)), signed: make(map[string]*signed)}
	h.record(serverlisttest.Servers("cat2"), h.Folder()["server.list"].Data, "list/1")
	h.cfg.Static = h.Folder()
	h.cfg.Now = h.Clock.Now
	if h.dice.IntN(4) > 0 {
		h.dir = t.TempDir()
		h.cfg.Cache = serverlist.DirCache(h.dir)
	}
	h.client = h.play.client()
	return h
}

// record remembers a document that these keys have just signed.
func (h *history) record(d serverlist.Draft, doc []byte, by ...string) *signed {
	s := &signed{head: h.Complete(d), doc: doc, at: h.Clock.Now()}
	for _, name := range by {
		s.by = append(s.by, h.Origin()+"/"+name)
	}
	text, _, _ := bytes.Cut(doc, []byte("\n\n"))
	h.signed[string(text)+"\n"] = s
	h.all = append(h.all, s)
	return s
}

// move lets one thing happen.
func (h *history) move() {
	h.Clock.Advance(time.Duration(h.dice.IntN(3600)) * time.Second)
	switch n := h.dice.IntN(100); {
	case n < 25:
		h.edition()
	case n < 35:
		h.amend()
	case n < 60:
		h.fault()
	case n < 68:
		h.putOld()
	case n < 78:
		h.steal()
	case n < 84:
		h.forgeTrust()
	case n < 90:
		h.restart()
	case n < 91:
		h.loseCache()
	case n < 96:
		h.damageCache()
	case n < 98:
		h.heist()
	default:
		days := h.dice.IntN(40)
		h.note("%d days pass", days)
		h.Clock.Advance(time.Duration(days) * 24 * time.Hour)
	}
}

func (h *history) edition() {
	role, _ := h.Chain().Newest().Role("list")
	by := h.listKeys()
	by = by[len(by)-role.Threshold:]
	d := serverlisttest.Servers(fmt.Sprintf("edition-%d", len(h.all)))
	doc := h.Publish(d)
	d.Issued = h.Open(d.Type, doc).Head.Issued
	h.note("the root publishes %s", h.record(d, doc, by...))
	h.Publish(serverlisttest.Mirrors(urls("a", "b", "c")...))
}

// amend publishes a trust document, and mostly a list that holds under it.
func (h *history) amend() {
	next := fmt.Sprintf("list/%d", h.Chain().Newest().Version+1)
	current := h.listKeys()
	change := serverlisttest.Change{}
	switch h.dice.IntN(6) {
	case 0:
		h.note("the list key is rotated")
		change.Lists, change.ListsNeeded = []string{next}, 1
	case 1:
		h.note("another list key joins")
		change.Lists = append(current, next)
	case 2:
		h.note("two list keys are needed")
		change.Lists, change.ListsNeeded = []string{current[len(current)-1], next}, 2
	case 3:
		h.note("the admins change")
		change.Admins = []string{"admin/carol", "admin/bob", "admin/" + strings.TrimPrefix(next, "list/")}
	case 4:
		h.note("an epoch begins")
		change.Edit = func(t *keys.Trust) { t.Epoch++ }
	default:
		h.note("%s is revoked", current[0])
		change.Lists, change.ListsNeeded = []string{next}, 1
		change.Revoke = current[:1]
	}
	h.Amend(change)
	if h.dice.IntN(5) > 0 {
		h.edition()
	}
}

// listKeys are those of the newest trust document.
func (h *history) listKeys() []string {
	role, _ := h.Chain().Newest().Role("list")
	var names []string
	for _, name := range role.Keys {
		names = append(names, strings.TrimPrefix(name, h.Origin()+"/"))
	}
	return names
}

// anySite picks a site and makes it reachable.
func (h *history) anySite() (string, *serverlisttest.Site) {
	name := []string{"root", "a", "b", "c"}[h.dice.IntN(4)]
	h.net[name+".example"] = h.site[name]
	return name, h.site[name]
}

func (h *history) fault() {
	name, site := h.anySite()
	switch h.dice.IntN(4) {
	case 0:
		h.note("%s is down", name)
		delete(h.net, name+".example")
	case 1, 2:
		faults := serverlisttest.Faults()
		f := faults[h.dice.IntN(len(faults))]
		h.note("%s is %s", name, f)
		site.SetFault(f)
	default:
		h.note("%s is honest", name)
		h.site[name] = h.Site(serverlisttest.Honest)
		h.net[name+".example"] = h.site[name]
	}
}

// putOld lets a site serve anything that was ever signed.
func (h *history) putOld() {
	name, site := h.anySite()
	old := h.all[h.dice.IntN(len(h.all))]
	h.note("%s serves %s", name, old)
	site.Put("server.list", old.doc)
}

// steal lets a thief sign with list keys of any time.
func (h *history) steal() {
	d := serverlisttest.Servers(fmt.Sprintf("stolen-%d", len(h.all)))
	last := h.all[len(h.all)-1].head
	switch h.dice.IntN(4) {
	case 0:
		d.Issued = last.Issued // another one of that number
	case 1:
		d.Issued = h.Clock.Now().Add(time.Duration(h.dice.IntN(48)) * time.Hour)
	case 2:
		d.Issued = h.Clock.Now().Add(-time.Duration(h.dice.IntN(48)) * time.Hour)
	}
	d.Epoch = h.Chain().Newest().Epoch + int64(h.dice.IntN(3)) - 1
	by := []string{fmt.Sprintf("list/%d", 1+h.dice.IntN(int(h.Chain().Newest().Version)))}
	if h.dice.IntN(2) == 0 {
		by = h.listKeys()
		by = by[:1+h.dice.IntN(len(by))]
	}
	doc := h.Sign(d, h.signersOf(by)...)
	name, site := h.anySite()
	h.note("a thief signs %s, %s serves it", h.record(d, doc, by...), name)
	site.Put("server.list", doc)
	if h.dice.IntN(2) == 0 {
		site.Put("trust/2.trust", nil)
	}
}

// heist: a key is stolen and revoked, which the player does not hear at once;
// meanwhile the thief signs on. Then the news of the revocation comes through,
// with or without a new list.
func (h *history) heist() {
	stolen := h.listKeys()
	role, _ := h.Chain().Newest().Role("list")
	stolen = stolen[:role.Threshold]
	for _, name := range []string{"root", "a", "b", "c"} {
		h.net[name+".example"] = h.site[name]
		h.site[name].SetFault(serverlisttest.Frozen)
	}
	h.note("%q are revoked, and the player does not hear of it", stolen)
	revoked := h.Chain().Newest().Version
	h.Amend(serverlisttest.Change{Lists: []string{fmt.Sprintf("list/%d", revoked+1)}, ListsNeeded: 1, Revoke: stolen})
	h.Clock.Advance(time.Hour)
	d := serverlisttest.Servers(fmt.Sprintf("heist-%d", len(h.all)))
	d.Epoch = h.Chain().Documents()[revoked-1].Epoch
	doc := h.Sign(d, h.signersOf(stolen)...)
	name, site := h.anySite()
	h.note("%s serves %s", name, h.record(d, doc, stolen...))
	site.Put("server.list", doc)
	h.look(true)
	for _, name := range []string{"root", "a", "b", "c"} {
		h.site[name] = h.Site(serverlisttest.Honest)
		h.net[name+".example"] = h.site[name]
	}
	if h.dice.IntN(2) == 0 {
		h.edition()
	}
}

// signersOf returns the keys of these names.
func (h *history) signersOf(names []string) []*keys.Signer {
	var all []*keys.Signer
	for _, name := range names {
		all = append(all, h.Signer(name))
	}
	return all
}

// forgeTrust lets a site serve a trust document that is none, or none yet.
func (h *history) forgeTrust() {
	name, site := h.anySite()
	documents := h.Chain().Documents()
	number := fmt.Sprintf("trust/%d.trust", len(documents)+1-h.dice.IntN(2))
	other := serverlisttest.NewRoot(serverlisttest.Options{Seed: "stranger", Now: h.Clock.Now()})
	forged := [][]byte{
		other.Amend(serverlisttest.Change{}),
		other.Pinned(),
		documents[h.dice.IntN(len(documents))].Bytes(),
		[]byte("<html>"), nil,
	}
	// One admin alone, who revokes all others.
	alone := serverlisttest.NewRoot(serverlisttest.Options{Now: h.Clock.Now(), First: serverlisttest.Change{Admins: []string{"admin/bob"}, AdminsNeeded: 1}})
	forged = append(forged, alone.Amend(serverlisttest.Change{Lists: []string{"list/evil"}}))
	n := h.dice.IntN(len(forged))
	h.note("%s serves forged trust %d as %s", name, n, number)
	site.Put(number, forged[n])
}

func (h *history) restart() {
	h.note("the player starts again")
	h.client = h.play.client()
	if h.dir == "" {
		h.floor = nil // nobody remembers it
	}
}

func (h *history) loseCache() {
	if h.dir == "" {
		return
	}
	h.note("the cache is lost")
	if err := os.RemoveAll(h.dir); err != nil {
		h.t.Fatal(err)
	}
	h.restart()
	h.floor = nil
}

// damageCache changes files behind the program's back, which costs the memory
// of what they held and never brings anything unsigned.
func (h *history) damageCache() {
	pattern := []string{"server.list", "*.list*", filepath.Join("trust", "*")}[h.dice.IntN(3)]
	files, _ := filepath.Glob(filepath.Join(h.dir, pattern))
	if h.dir == "" || len(files) == 0 {
		return
	}
	file := files[h.dice.IntN(len(files))]
	data, err := os.ReadFile(file)
	if err != nil {
		h.t.Fatal(err)
	}
	switch {
	case len(data) == 0:
	case h.dice.IntN(3) == 0:
		data = data[:h.dice.IntN(len(data))]
	case h.dice.IntN(2) == 0:
		data[h.dice.IntN(len(data))] ^= 1 << h.dice.IntN(8)
	default:
		data = h.all[h.dice.IntN(len(h.all))].doc
	}
	h.note("%s in the cache is damaged", filepath.Base(file))
	if err := os.WriteFile(file, data, 0o644); err != nil {
		h.t.Fatal(err)
	}
	h.restart()
	h.floor = nil
}
