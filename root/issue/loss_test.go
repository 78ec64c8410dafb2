package issue_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/issue"
	"github.com/signed-metaserver/metaserver/root/store"
)

// backup copies the database, with all that is in it, to a file of this name.
func (w *world) backup(name string) {
	w.t.Helper()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	data := must(os.ReadFile(filepath.Join(w.dir, "root.db")))(w.t)
	if err := os.WriteFile(filepath.Join(w.dir, name), data, 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.store = w.openStore("root.db")
}

// publicFile returns the bytes of a document in the public folder.
func (w *world) publicFile(name string) []byte {
	w.t.Helper()
	return must(os.ReadFile(filepath.Join(w.public(), name)))(w.t)
}

// A database out of a backup knows less than the public folder. What clients
// have seen must not be taken back, and its versions not given again. It waits
// for an admin to lose a single entry, after a restart too, and whatever the
// database says was confirmed.
func TestDatabaseFromBackup(t *testing.T) { inBubble(t, databaseFromBackup) }

func databaseFromBackup(t *testing.T, w *world) {
	ids := w.add(25)
	gone := w.revoke(ids[:15]...)
	ids = ids[15:]
	p := w.publisher()
	w.publish(p, servers)
	if err := w.store.ConfirmRemoval(t.Context(), servers, gone, "alice"); err != nil { // one of before
		t.Fatal(err)
	}
	w.backup("backup.db")
	p = w.restored()
	w.add(1)
	w.publish(p, servers)
	newer := p.Current(servers)
	w.store = w.openStore("backup.db")
	for range 2 { // starts
		p = w.restored()
		for range 2 {
			var removal *issue.RemovalError
			if err := p.Publish(t.Context(), servers); !errors.As(err, &removal) || *removal != (issue.RemovalError{Type: servers, Change: gone, Removed: 1, Of: 11, Behind: true}) {
				t.Fatalf("got %v, want a RemovalError", err)
			}
			if d := p.Current(servers); d.ETag != newer.ETag || !bytes.Equal(w.publicFile("server.list"), newer.Bytes) {
				t.Errorf("version %d with %d entries is served, want %d with 11", d.Version, d.Entries, newer.Version)
			}
			time.Sleep(7 * time.Hour) // it is due
		}
	}
	if err := p.Confirm(t.Context(), servers, gone, "alice"); err != nil {
		t.Fatal(err)
	}
	w.publish(p, servers)
	w.check(p, servers, ids...)
	if v := p.Current(servers).Version; v <= newer.Version {
		t.Errorf("version %d follows %d", v, newer.Version)
	}
	w.revoke(ids[0]) // all is as always now
	w.publish(p, servers)
	w.check(p, servers, ids[1:]...)
}

// A backup that has all the entries needs nobody.
func TestBackupWithoutLoss(t *testing.T) { inBubble(t, backupWithoutLoss) }

func backupWithoutLoss(t *testing.T, w *world) {
	w.published(25)
	w.backup("backup.db")
	p := w.restored()
	time.Sleep(7 * time.Hour)
	w.publish(p, servers)
	newer := p.Current(servers)
	w.store = w.openStore("backup.db")
	p = w.restored()
	w.publish(p, servers)
	if d := p.Current(servers); d.Version <= newer.Version || d.Entries != 25 {
		t.Errorf("version %d with %d entries follows %d", d.Version, d.Entries, newer.Version)
	}
}

// A database that is new, or none of this root, must not blank every client.
func TestDatabaseOfNobody(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(w *world)
		says  string
	}{
		"empty": {func(w *world) { w.store = w.openStore("empty.db") }, "is new: it lacks 22 of the 22 entries"},
		"never used": {func(w *world) {
			w.store = w.openStore("unused.db")
			p := w.publisher(func(c *issue.Config) {
				c.Public = filepath.Join(w.dir, "elsewhere")
				c.Now = func() time.Time { return time.Now().Add(-time.Hour) }
			})
			w.publish(p, mirrors)
			w.publish(p, servers)
		}, "is new: it lacks 22 of the 22 entries"},
		"another root's": {func(w *world) {
			other := newWorld(w.t)
			other.published(3)
			w.store = other.store
		}, "two different trust documents 1"},
		"another root's lists": {func(w *world) {
			other := newWorld(w.t)
			other.published(3)
			e := must(other.store.NewestEdition(w.t.Context(), servers))(w.t)
			w.store = w.openStore("others.db")
			if err := w.store.PublishEdition(w.t.Context(), 0, e); err != nil {
				w.t.Fatal(err)
			}
		}, "none of this root"},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.published(22)
				before := w.publicFile("server.list")
				test.spoil(w)
				p, err := w.tryPublisher()
				if err == nil {
					err = errors.Join(p.Restore(t.Context()), p.Publish(t.Context(), mirrors), p.Publish(t.Context(), servers))
				}
				if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), "restore") {
					t.Errorf("got %v, want %q and what to do", err, test.says)
				}
				if !bytes.Equal(w.publicFile("server.list"), before) {
					t.Error("the public folder has another server list")
				}
			})
		})
	}
}

// After the list key was revoked nothing that was published verifies any more.
// What is lost by the next edition counts all the same.
func TestRemovalAfterRevocation(t *testing.T) { inBubble(t, removalAfterRevocation) }

func removalAfterRevocation(t *testing.T, w *world) {
	p := w.published(60)
	last := p.Current(servers)
	w.putInFolder(w.rotation(), revoke(w.ring[0]))
	change := w.revoke(must(allListed(t, w.store))(t)...)
	p = w.restored()
	var removal *issue.RemovalError
	if err := p.Publish(t.Context(), servers); !errors.As(err, &removal) || removal.Removed != 60 || removal.Change != change {
		t.Fatalf("losing 60 of 60: %v", err)
	}
	w.checkTrust(p)
	if d := p.Current(servers); d.Entries != 60 || d.Version <= last.Version {
		t.Errorf("version %d with %d entries is served, want the entries of before, signed anew", d.Version, d.Entries)
	}
	if err := p.Confirm(t.Context(), servers, change, "alice"); err != nil {
		t.Fatal(err)
	}
	w.publish(p, servers)
	w.check(p, servers)
}

func allListed(t *testing.T, s store.Store) (ids []string, err error) {
	_, err = s.Listed(t.Context(), func(id string, _ []byte) error {
		ids = append(ids, id)
		return nil
	})
	return ids, err
}

// A file that was signed by a key revoked since is no reason to go back to an
// older edition of a backup.
func TestBackupAndRevocation(t *testing.T) { inBubble(t, backupAndRevocation) }

func backupAndRevocation(t *testing.T, w *world) {
	w.published(30)
	w.backup("backup.db")
	p := w.restored()
	time.Sleep(time.Hour)
	w.add(5)
	w.publish(p, servers)
	newer := p.Current(servers)
	w.store = w.openStore("backup.db")
	w.putInFolder(w.rotation(), revoke(w.ring[0])) // since a minute ago: the backup's edition was seen before
	time.Sleep(time.Second)
	p = w.restored()
	var removal *issue.RemovalError
	if err := p.Publish(t.Context(), servers); !errors.As(err, &removal) || removal.Removed != 5 || !removal.Behind {
		t.Fatalf("losing 5 of 35: %v", err)
	}
	if d := p.Current(servers); d != nil || !bytes.Equal(w.publicFile("server.list"), newer.Bytes) {
		t.Errorf("the newer file is replaced, and %+v served", d)
	}
	if err := p.Confirm(t.Context(), servers, removal.Change, "alice"); err != nil {
		t.Fatal(err)
	}
	w.publish(p, servers)
	w.publish(p, mirrors)
	w.checkTrust(p)
	if d := p.Current(servers); d.Version <= newer.Version || d.Entries != 30 {
		t.Errorf("version %d with %d entries follows %d", d.Version, d.Entries, newer.Version)
	}
}

// The store knows when an edition was published, the file does not: what went
// out before a key was stolen stays served until it is signed anew.
func TestPublishedBeforeTheRevocation(t *testing.T) { inBubble(t, publishedBeforeTheRevocation) }

func publishedBeforeTheRevocation(t *testing.T, w *world) {
	last := w.published(3).Current(servers)
	time.Sleep(time.Hour)
	w.putInFolder(w.rotation(), revoke(w.ring[0]))
	full := fullStore{w.store}
	p := w.publisher(func(c *issue.Config) { c.Store = full })
	if err := p.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := p.Current(servers); d == nil || d.ETag != last.ETag {
		t.Errorf("%+v is served", d)
	}
	w.checkTrust(w.restarted())
}

// Two publishers on one folder: the one that is slower with its file does not
// take the folder back.
func TestFolderNeverGoesBack(t *testing.T) { inBubble(t, folderNeverGoesBack) }

func folderNeverGoesBack(t *testing.T, w *world) {
	w.add(1)
	slow, fast := w.restored(), w.restored()
	faster := 3 // times
	slow.SetWriter(func(path string, data []byte) error {
		if filepath.Base(path) == "server.list" && faster > 0 { // between the store and the file
			faster--
			w.add(1)
			w.publish(fast, servers)
		}
		return issue.WritePublic(path, data)
	})
	w.publish(slow, servers)
	w.check(slow, servers, "s1", "s2", "s3", "s4")
	w.check(fast, servers, "s1", "s2", "s3", "s4")
}

// An edition that a wrong clock has dated ends publishing until the admins
// begin a new epoch.
func TestWrongClockEndsWithTheEpoch(t *testing.T) {
	t.Parallel()
	for name, years := range map[string]int{"a year": 1, "centuries": 900} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				ids := w.add(2)
				p := w.publisher(func(c *issue.Config) { c.Now = func() time.Time { return time.Now().AddDate(years, 0, 0) } })
				w.publish(p, servers)
				w.publish(p, mirrors)
				w.revoke(ids[0])
				p = w.restored()
				err := p.Publish(t.Context(), servers)
				if !errors.Is(err, issue.ErrClock) || !strings.Contains(err.Error(), "epoch") {
					t.Fatalf("got %v, want ErrClock and what to do", err)
				}
				same := w.nextTrust()
				if _, err := p.PublishTrust(t.Context(), same, "alice"); !errors.Is(err, issue.ErrClock) {
					t.Errorf("a document of the same epoch: %v", err)
				}
				document := w.nextTrust(func(t *keys.Trust) { t.Epoch++ })
				must(p.PublishTrust(t.Context(), document, "alice"))(t)
				w.accept(document)
				w.checkTrust(p)
				for range 2 {
					w.publish(p, servers)
					w.check(p, servers, ids[1:]...)
					if d := p.Current(servers); d.Version > time.Now().Unix() || d.Epoch != 2 {
						t.Errorf("version %d of epoch %d, now it is %d", d.Version, d.Epoch, time.Now().Unix())
					}
					ids = append(ids, w.add(1)...)
					w.publish(p, servers)
					p = w.restored() // knows the order, too
				}
			})
		})
	}
}

// Nobody may refuse what was published by a clock that is just not a day behind.
func TestClockADayBehind(t *testing.T) { inBubble(t, clockADayBehind) }

func clockADayBehind(t *testing.T, w *world) {
	w.publish(w.publisher(func(c *issue.Config) { c.Now = func() time.Time { return time.Now().Add(24 * time.Hour) } }), servers)
	w.add(1)
	p := w.restored()
	if err := p.Publish(t.Context(), servers); !errors.Is(err, issue.ErrClock) {
		t.Errorf("a day behind: %v", err)
	}
	time.Sleep(time.Second)
	w.publish(p, servers)
	if d := p.Current(servers); time.Until(d.Issued) > 24*time.Hour {
		t.Errorf("issued %v at %v", d.Issued, time.Now())
	}
}
