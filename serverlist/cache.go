package serverlist

import (
	"bytes"
	"errors"
	"fmt"
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
// NAME.previous. NAME.seen says when each was first seen, by the SHA-256 of its
// first 80 KiB: a record whose document is not there, or a document without a
// record, comes from a crash between two writes, and counts as "no record".
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
	docs, err := d.open(name)
	if err != nil {
		return nil, err
	}
	var entries []CacheEntry
	var errs []error
	for _, doc := range docs {
		data, err := doc.file.all(nil)
		switch {
		case err != nil:
			errs = append(errs, err)
		case len(entries) == 0 || !bytes.Equal(data, entries[0].Data):
			entries = append(entries, CacheEntry{data, doc.firstSeen})
		}
	}
	if len(entries) > 0 {
		return entries, nil // an unreadable generation costs itself
	}
	return nil, errors.Join(errs...)
}

// A storedDocument is one generation of a document. Close its file.
type storedDocument struct {
	file      *storedFile
	firstSeen time.Time // zero: no record
}

// open opens what Load would read.
func (d dirCache) open(name string) ([]storedDocument, error) {
	path, err := d.path(name)
	if err != nil {
		return nil, err
	}
	// Newest first, then the one before it: a Store in between moves data from
	// the first name to the second, so nothing is missed.
	var docs []storedDocument
	var errs []error
	for _, p := range []string{path, path + previousSuffix} {
		file, err := openFile(p, maxCachedBytes)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			errs = append(errs, err)
		default:
			docs = append(docs, storedDocument{file: file})
		}
	}
	if len(docs) == 0 {
		return nil, errors.Join(errs...)
	}
	seen := readSeen(path + seenSuffix)
	for i := range docs {
		docs[i].firstSeen = seen.of(docs[i].file.begin)
	}
	return docs, nil
}

// openFile opens a file of at most limit bytes.
func openFile(path string, limit int64) (*storedFile, error) {
	info, err := os.Stat(path)
	if err == nil {
		err = checkFile(info, path, limit)
	}
	if err != nil {
		return nil, err
	}
	f, err := durable.Open(path)
	if err != nil {
		return nil, err
	}
	return openStored(f, path, limit)
}

func (d dirCache) Store(name string, data []byte, firstSeen time.Time) error {
	return d.StoreUnless(name, data, firstSeen, func([]CacheEntry) bool { return false })
}

func (d dirCache) StoreUnless(name string, data []byte, firstSeen time.Time, stays func(held []CacheEntry) bool) error {
	return d.storeAhead(name, data, firstSeen, stays, nil)
}

// storeAhead is StoreUnless of a document that may have been written ahead.
func (d dirCache) storeAhead(name string, data []byte, firstSeen time.Time, stays func(held []CacheEntry) bool, ahead *aheadFile) error {
	path, err := d.path(name)
	if err != nil {
		return err
	}
	if err := durable.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if ahead != nil {
		ahead.wait() // before others have to wait
	}
	unlock, err := lockFolder(string(d))
	if err != nil {
		return err
	}
	defer unlock()
	_ = durable.Clean(filepath.Dir(path), staleTemp) // of programs that died; another Store tries again
	held := d.beginnings(name)
	if stays(held) {
		return nil
	}
	records, err := writeRecords(path+seenSuffix, data, firstSeen, held)
	if err != nil {
		return err
	}
	defer records.Abort()
	same, damaged := compareFile(path, data)
	if same {
		return records.Commit()
	}
	if ahead == nil {
		ahead = d.writeAhead(name, data)
	}
	defer ahead.drop()
	document, err := ahead.wait()
	if err != nil {
		return err
	}
	return placeAll(path, document, records, !damaged)
}

// compareFile tells whether a file has this content, and whether it was meant to
// have it: it begins so, but is damaged. Of any other file nothing but the
// beginning is read.
func compareFile(path string, data []byte) (same, damaged bool) {
	f, err := openFile(path, maxCachedBytes)
	if err != nil {
		return false, false
	}
	defer f.close()
	if sumOf(f.begin) != sumOf(data) {
		return false, false
	}
	all, err := f.all(data)
	same = err == nil && bytes.Equal(all, data)
	return same, !same
}

// beginnings returns what is held, as far as it can be read: what cannot does
// not stay.
func (d dirCache) beginnings(name string) []CacheEntry {
	docs, _ := d.open(name)
	var held []CacheEntry
	for _, doc := range docs {
		doc.file.close()
		held = append(held, CacheEntry{doc.file.begin, doc.firstSeen})
	}
	return held
}

// placeAll puts a document and its records in place, and what was there becomes
// the generation before, if it shall. Both files are on the disk in full by now, under
// temporary names, so that a full disk changes nothing.
//
// A refresh returns only after the folder is synced, so what a player has been
// shown is there after a crash. That one sync for all three renames suffices,
// because until it returns, the old state, the new one and each in between will
// do, whichever of the renames has reached the disk:
//
//   - the records alone: they speak of what was held, too, and one without its
//     document is of no effect;
//   - the document without the records: it counts as not recorded;
//   - the generation before alone: the old document is found under that name;
//   - the document alone, with which the old one is lost: what is lost is no
//     longer the newest, and the generation before that one is still there.
//
// A file system with a journal keeps the renames of a folder in their order, so
// there the last does not happen.
func placeAll(path string, document *durable.File, records *recordsFile, keepOld bool) error {
	if err := records.Place(); err != nil {
		return err
	}
	if keepOld {
		if err := durable.Move(path, path+previousSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := document.Place(); err != nil {
		return err
	}
	return durable.SyncDir(filepath.Dir(path))
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
