package serverlist

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

const (
	previousSuffix = ".previous"               // the generation before
	seenSuffix     = ".seen"                   // first-seen records of both, and of the next
	maxCachedBytes = MaxServerListBody + 1<<20 // a body, its head, and room
	staleTemp      = time.Hour
)

// DirCache returns a cache in a folder, which is created when something is
// first stored. Several programs may share it; it belongs to one origin.
//
// A document lies under its own name, the generation before it under
// NAME.previous. NAME.seen says when each was first seen, by SHA-256: a
// record whose document is not there, or a document without a record, comes
// from a crash between two writes, and counts as "no record".
//
// Who stores holds a lock on the file .lock in the folder, which the system
// takes back when a program dies. Who finds it taken for three seconds does not
// store. Where neither the system nor the file system knows such locks, two
// programs that store at the same moment may lose one of their documents.
// Readers need no lock.
func DirCache(dir string) SharedCache { return dirCache(dir) }

type dirCache string

// String returns the folder.
func (d dirCache) String() string { return string(d) }

func (d dirCache) Load(name string) ([]CacheEntry, error) {
	path, err := d.path(name)
	if err != nil {
		return nil, err
	}
	// Newest first, then the one before it: a Store in between moves data from
	// the first name to the second, so nothing is missed.
	var entries []CacheEntry
	var errs []error
	for _, p := range []string{path, path + previousSuffix} {
		data, err := readLimited(p, maxCachedBytes)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			errs = append(errs, err)
		case len(entries) == 0 || !bytes.Equal(data, entries[0].Data):
			entries = append(entries, CacheEntry{Data: data})
		}
	}
	seen := readSeen(path + seenSuffix)
	for i := range entries {
		entries[i].FirstSeen = seen.of(entries[i].Data)
	}
	if len(entries) > 0 {
		return entries, nil // an unreadable generation costs itself
	}
	return nil, errors.Join(errs...)
}

func (d dirCache) Store(name string, data []byte, firstSeen time.Time) error {
	return d.StoreUnless(name, data, firstSeen, func([]CacheEntry) bool { return false })
}

func (d dirCache) StoreUnless(name string, data []byte, firstSeen time.Time, stays func(held []CacheEntry) bool) error {
	path, err := d.path(name)
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	unlock, err := lockFolder(string(d))
	if err != nil {
		return err
	}
	defer unlock()
	_ = durable.Clean(filepath.Dir(path), staleTemp) // of programs that died; another Store tries again
	held, _ := d.Load(name)                          // what cannot be read does not stay
	if stays(held) {
		return nil
	}
	if err := recordSeen(path+seenSuffix, data, firstSeen, held); err != nil {
		return err
	}
	if current, err := readLimited(path, maxCachedBytes); err == nil && bytes.Equal(current, data) {
		return nil
	}
	return replaceGenerations(path, data)
}

// replaceGenerations writes the new version in full before it touches the old
// ones, so that a full disk changes nothing. A crash between the renames leaves
// the old version under the name of the generation before.
func replaceGenerations(path string, data []byte) error {
	f, err := durable.Create(path, 0o644)
	if err != nil {
		return err
	}
	defer f.Abort()
	if _, err := f.Write(data); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := durable.Rename(path, path+previousSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return f.Commit()
}

// path checks a document's name and returns its file. What it allows is safe
// on every system: no dots that lead out of the folder, no drive letters, no
// device names, no two names that differ by case alone.
func (d dirCache) path(name string) (string, error) {
	const most = 100
	bad := name == "" || len(name) > most
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || !isFileName(part)
	}
	if bad || strings.HasSuffix(name, previousSuffix) || strings.HasSuffix(name, seenSuffix) {
		return "", fmt.Errorf("%.100q cannot name a document in a cache", name)
	}
	return filepath.Join(string(d), filepath.FromSlash(name)), nil
}

func isFileName(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	base, _, _ := strings.Cut(s, ".")
	switch base {
	case "con", "prn", "aux", "nul":
		return false
	}
	isPort := len(base) == 4 && (base[:3] == "com" || base[:3] == "lpt")
	return !isPort
}

// A seenRecord says when the document with this hash was first stored.
type seenRecord struct {
	sum  [sha256.Size]byte
	when time.Time
}

type seenRecords []seenRecord // newest first

func (r seenRecords) of(data []byte) time.Time {
	sum := sha256.Sum256(data)
	for _, rec := range r {
		if rec.sum == sum {
			return rec.when
		}
	}
	return time.Time{}
}

// readSeen takes what it can read: a record that is missing is safe.
func readSeen(path string) seenRecords {
	data, err := readLimited(path, 1<<12)
	if err != nil {
		return nil
	}
	var records seenRecords
	for line := range strings.Lines(string(data)) {
		var r seenRecord
		var sum []byte
		var when string
		if _, err := fmt.Sscanf(line, "%x %s\n", &sum, &when); err != nil || len(sum) != len(r.sum) {
			continue
		}
		copy(r.sum[:], sum)
		if r.when, err = time.Parse(time.RFC3339, when); err == nil {
			records = append(records, r)
		}
	}
	return records
}

// recordSeen adds the record of a document that is about to be stored, unless
// it has one already: the first time counts. Of the other records those of what
// is held stay, so that Stores that fail after this step push none of them out.
func recordSeen(path string, data []byte, when time.Time, held []CacheEntry) error {
	for _, e := range held {
		if bytes.Equal(e.Data, data) && !e.FirstSeen.IsZero() {
			return nil
		}
	}
	if when.IsZero() {
		return nil
	}
	var text []byte
	for _, e := range append([]CacheEntry{{data, when}}, held...) {
		if !e.FirstSeen.IsZero() {
			text = fmt.Appendf(text, "%x %s\n", sha256.Sum256(e.Data), e.FirstSeen.UTC().Format(time.RFC3339))
		}
	}
	return durable.WriteFile(path, text, 0o644)
}

// readLimited reads a file of at most limit bytes.
func readLimited(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s is not a file of at most %d bytes", path, limit)
	}
	data := make([]byte, info.Size()) // a file is replaced, never changed: its size stays
	if _, err := io.ReadFull(f, data); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}
