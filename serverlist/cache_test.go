package serverlist

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

// testCache is the contract of Cache. reopen returns the same cache as another
// process would open it.
func testCache(t *testing.T, reopen func() Cache) {
	t1 := time.Date(2026, 11, 3, 11, 42, 0, 0, time.UTC)
	t2, t3 := t1.Add(time.Hour), t1.Add(2*time.Hour)
	const name = "trust/2.trust"

	expect := func(want ...CacheEntry) {
		t.Helper()
		got, err := reopen().Load(name)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(want) {
			t.Fatalf("%d generations, want %d", len(got), len(want))
		}
		for i := range want {
			if !bytes.Equal(got[i].Data, want[i].Data) || !got[i].FirstSeen.Equal(want[i].FirstSeen) {
				t.Errorf("generation %d is %q of %v, want %q of %v", i, got[i].Data, got[i].FirstSeen, want[i].Data, want[i].FirstSeen)
			}
		}
	}
	store := func(data string, when time.Time) {
		t.Helper()
		if err := reopen().Store(name, []byte(data), when); err != nil {
			t.Fatal(err)
		}
	}

	expect()
	store("one", t1)
	expect(CacheEntry{[]byte("one"), t1})
	store("two", t2)
	expect(CacheEntry{[]byte("two"), t2}, CacheEntry{[]byte("one"), t1})
	store("two", t3) // again: it was first seen at t2
	expect(CacheEntry{[]byte("two"), t2}, CacheEntry{[]byte("one"), t1})
	store("three", time.Time{})
	expect(CacheEntry{[]byte("three"), time.Time{}}, CacheEntry{[]byte("two"), t2})
	store("two", t3) // back: still first seen at t2
	expect(CacheEntry{[]byte("two"), t2}, CacheEntry{[]byte("three"), time.Time{}})

	if got, err := reopen().Load("server.list"); err != nil || len(got) != 0 {
		t.Errorf("another name holds %v, %v", got, err)
	}
	for _, bad := range []string{
		"", ".", "..", "../x", "a/../b", "/etc/passwd", "a//b", "a/", `a\b`, "C:x", "a:stream", "A",
		"nul", "con.list", "com1", "trust/lpt9.trust", "x.", ".hidden", "ü", "a b", "a\x00", strings.Repeat("a", 101),
	} {
		if err := reopen().Store(bad, []byte("x"), t1); err == nil {
			t.Errorf("stored under %q", bad)
		}
		if _, err := reopen().Load(bad); err == nil {
			t.Errorf("loaded %q", bad)
		}
	}
}

func TestDirCacheContract(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "not", "yet", "there")
	testCache(t, func() Cache { return DirCache(dir) })
	for _, bad := range []string{"server.list.previous", "server.list.seen"} {
		if err := DirCache(dir).Store(bad, nil, time.Now()); err == nil {
			t.Errorf("stored under %q, which the cache needs itself", bad)
		}
	}
}

// A crash may come between any two of the steps of Store.
func TestDirCacheAfterCrash(t *testing.T) {
	t.Parallel()
	t1 := time.Date(2026, 11, 3, 11, 42, 0, 0, time.UTC)
	path := func(dir, suffix string) string { return filepath.Join(dir, "server.list"+suffix) }
	tests := map[string]struct {
		crash func(dir string) error
		want  []CacheEntry
	}{
		"before the record of the next": {
			func(dir string) error { return os.WriteFile(path(dir, ""), []byte("three"), 0o644) },
			[]CacheEntry{{[]byte("three"), time.Time{}}, {[]byte("one"), t1}},
		},
		"after the record of the next": {
			func(dir string) error {
				three, err := writeRecords(path(dir, seenSuffix), []byte("three"), t1.Add(2*time.Hour), dirCache(dir).beginnings("server.list"))
				return errors.Join(err, three.Commit())
			},
			[]CacheEntry{{[]byte("two"), t1.Add(time.Hour)}, {[]byte("one"), t1}},
		},
		"only the last rename reached the disk": {
			func(dir string) error {
				three, err := writeRecords(path(dir, seenSuffix), []byte("three"), t1.Add(2*time.Hour), dirCache(dir).beginnings("server.list"))
				return errors.Join(err, three.Commit(), os.WriteFile(path(dir, ""), []byte("three"), 0o644))
			},
			[]CacheEntry{{[]byte("three"), t1.Add(2 * time.Hour)}, {[]byte("one"), t1}},
		},
		"between the renames": {
			func(dir string) error { return os.Rename(path(dir, ""), path(dir, previousSuffix)) },
			[]CacheEntry{{[]byte("two"), t1.Add(time.Hour)}},
		},
		"records lost": {
			func(dir string) error { return os.Remove(path(dir, seenSuffix)) },
			[]CacheEntry{{[]byte("two"), time.Time{}}, {[]byte("one"), time.Time{}}},
		},
		"records of nonsense": {
			func(dir string) error {
				return os.WriteFile(path(dir, seenSuffix), []byte("zz 1\nab 2026-11-03T11:42:00Z\n\n"), 0o644)
			},
			[]CacheEntry{{[]byte("two"), time.Time{}}, {[]byte("one"), time.Time{}}},
		},
		"current is a folder": {
			func(dir string) error { return errors.Join(os.Remove(path(dir, "")), os.Mkdir(path(dir, ""), 0o755)) },
			[]CacheEntry{{[]byte("one"), t1}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c := DirCache(dir)
			for i, data := range []string{"one", "two"} {
				if err := c.Store("server.list", []byte(data), t1.Add(time.Duration(i)*time.Hour)); err != nil {
					t.Fatal(err)
				}
			}
			if err := tt.crash(dir); err != nil {
				t.Fatal(err)
			}
			got, err := c.Load("server.list")
			if err != nil || fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}

func TestDirCacheFailedStoreKeepsAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := DirCache(dir)
	now := time.Now().Truncate(time.Second)
	// A folder with something in it where the generation before belongs: the
	// rename of the current one fails.
	if err := errors.Join(
		c.Store("server.list", []byte("one"), now),
		os.MkdirAll(filepath.Join(dir, "server.list.previous", "x"), 0o755),
	); err != nil {
		t.Fatal(err)
	}
	if err := c.Store("server.list", []byte("two"), now); err == nil {
		t.Error("no error")
	}
	got, err := c.Load("server.list")
	if err != nil || len(got) != 1 || string(got[0].Data) != "one" {
		t.Errorf("now %v, %v", got, err)
	}
	temps, _ := filepath.Glob(filepath.Join(dir, ".durable-*"))
	if len(temps) > 0 {
		t.Errorf("left behind: %v", temps)
	}
}

// A damaged document that is stored again does not push out the good one before
// it. The damage is behind the part that all copies are told apart by.
func TestDirCacheReplacesDamaged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := DirCache(dir)
	one, two := bytes.Repeat([]byte("1"), 3*beginning), bytes.Repeat([]byte("2"), 3*beginning)
	now := time.Now().Truncate(time.Second)
	for _, data := range [][]byte{one, two} {
		if err := c.Store("server.list", data, now); err != nil {
			t.Fatal(err)
		}
	}
	for name, damage := range map[string]func(data []byte) []byte{
		"a byte":    func(data []byte) []byte { data[2*beginning] ^= 1; return data },
		"truncated": func(data []byte) []byte { return data[:2*beginning] },
		"appended":  func(data []byte) []byte { return append(data, 'x') },
	} {
		if err := os.WriteFile(filepath.Join(dir, "server.list"), damage(bytes.Clone(two)), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := c.Store("server.list", two, now); err != nil {
			t.Fatal(err)
		}
		got, err := c.Load("server.list")
		if err != nil || len(got) != 2 || !bytes.Equal(got[0].Data, two) || !bytes.Equal(got[1].Data, one) {
			t.Errorf("%s: holds %d documents, %v", name, len(got), err)
		}
		for _, e := range got {
			if !e.FirstSeen.Equal(now) {
				t.Errorf("%s: first seen at %v", name, e.FirstSeen)
			}
		}
	}
}

// Whatever is in memory, a file is read as it is.
func TestStoredFile(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte("0123456789"), beginning/4)
	changed := bytes.Clone(long)
	changed[len(changed)-1] ^= 1
	for size, data := range map[string][]byte{"empty": {}, "short": []byte("abc"), "just": long[:beginning], "long": long} {
		for name, known := range map[string][]byte{
			"nothing": nil, "itself": data, "its beginning": data[:len(data)/2], "more": append(bytes.Clone(data), 'x'), "another": changed,
		} {
			path := filepath.Join(t.TempDir(), "document")
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			f, err := openFile(path, maxCachedBytes)
			if err != nil {
				t.Fatal(err)
			}
			got, err := f.all(known)
			if err != nil || !bytes.Equal(got, data) {
				t.Errorf("%s beside %s: %d bytes, %v", size, name, len(got), err)
			}
		}
	}
	if _, err := openStatic(fstest.MapFS{"x": {Data: long}}, "x", 100); err == nil {
		t.Error("opened a file above the limit")
	}
}

// Several writers at once: a reader always finds complete documents, and a
// first-seen time is that document's or missing.
func TestDirCacheSharedByWriters(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const most = 40
	data := func(n int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%04d\n", n), 1000) }
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			for n := w; n < most; n += 2 {
				// Who stores again and again leaves the other little room; waiting
				// has an end, and costs no more than the document.
				err := DirCache(dir).Store("server.list", data(n), base.AddDate(0, 0, n))
				if err != nil && !errors.Is(err, errLocked) {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		entries, err := DirCache(dir).Load("server.list")
		if err != nil {
			t.Error(err)
		}
		for _, e := range entries {
			n, err := strconv.Atoi(string(e.Data[:4]))
			if err != nil || !bytes.Equal(e.Data, data(n)) {
				t.Errorf("a reader saw %d bytes that were never stored", len(e.Data))
			}
			if !e.FirstSeen.IsZero() && !e.FirstSeen.Equal(base.AddDate(0, 0, n)) {
				t.Errorf("document %d was first seen at %v", n, e.FirstSeen)
			}
		}
	}
}

func TestDirCacheRefusesHugeFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "server.list"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Truncate(maxCachedBytes+1), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := DirCache(dir).Load("server.list"); err == nil {
		t.Error("loaded a file above the limit")
	}
}

// Whatever a document is called and a record says, the cache stays in its
// folder and takes no record for another document's.
func FuzzDirCache(f *testing.F) {
	f.Add("server.list", []byte("0000 2026-11-03T11:42:00Z\n"))
	f.Add("trust/2.trust", []byte("\n\n"))
	f.Add("../../etc/passwd", []byte("%x %s"))
	f.Add("conflict/1", fmt.Appendf(nil, "%x 2026-11-03T11:42:00Z\n", sha256.Sum256([]byte("data"))))
	f.Fuzz(func(t *testing.T, name string, records []byte) {
		d := dirCache(filepath.Join("base", "cache"))
		path, err := d.path(name)
		if err == nil && (!strings.HasPrefix(path, string(d)+string(filepath.Separator)) || path != filepath.Clean(path)) {
			t.Errorf("%q leads to %q", name, path)
		}
		file := filepath.Join(t.TempDir(), "seen")
		if err := os.WriteFile(file, records, 0o644); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte("data"))
		when := readSeen(file).of([]byte("data"))
		if !when.IsZero() && !bytes.Contains(bytes.ToLower(records), fmt.Appendf(nil, "%x", sum)) {
			t.Errorf("%q gives %v for a document it does not name", records, when)
		}
	})
}
