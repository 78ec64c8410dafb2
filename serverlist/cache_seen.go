package serverlist

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// A seenRecord says when the document with this sum was first stored.
type seenRecord struct {
	sum  [sha256.Size]byte
	when time.Time
}

// sumOf tells documents apart by their beginning: in it is the head, which
// commits to the rest. To hash the rest of several megabytes again at each look
// would take longer than all else that a look does.
func sumOf(data []byte) [sha256.Size]byte { return sha256.Sum256(data[:min(len(data), beginning)]) }

type seenRecords []seenRecord // newest first

func (r seenRecords) of(data []byte) time.Time {
	sum := sumOf(data)
	for _, rec := range r {
		if rec.sum == sum {
			return rec.when
		}
	}
	return time.Time{}
}

// readSeen takes what it can read: a record that is missing is safe.
func readSeen(path string) seenRecords {
	f, err := openFile(path, 1<<12)
	if err != nil {
		return nil
	}
	var records seenRecords
	for line := range strings.Lines(string(f.begin)) {
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

// A recordsFile is a new version of the records of a document; its file is nil
// if what is recorded stays.
type recordsFile struct{ file *durable.File }

// writeRecords adds the record of a document that is about to be stored, unless
// it has one already: the first time counts. Of the other records those of what
// is held stay, so that Stores that fail after this step push none of them out.
// The file is on the disk then, but not in place.
func writeRecords(path string, data []byte, when time.Time, held []CacheEntry) (*recordsFile, error) {
	sum := sumOf(data)
	if when.IsZero() {
		return &recordsFile{}, nil
	}
	text := fmt.Appendf(nil, "%x %s\n", sum, when.UTC().Format(time.RFC3339))
	for _, e := range held {
		if e.FirstSeen.IsZero() {
			continue
		}
		if sumOf(e.Data) == sum {
			return &recordsFile{}, nil
		}
		text = fmt.Appendf(text, "%x %s\n", sumOf(e.Data), e.FirstSeen.UTC().Format(time.RFC3339))
	}
	f, err := writeSynced(path, text)
	return &recordsFile{f}, err
}

// Place puts the records in place without syncing the folder.
func (r *recordsFile) Place() error {
	if r.file == nil {
		return nil
	}
	return r.file.Place()
}

// Commit puts the records in place.
func (r *recordsFile) Commit() error {
	if r.file == nil {
		return nil
	}
	return r.file.Commit()
}

// Abort drops the records unless they are in place.
func (r *recordsFile) Abort() {
	if r.file != nil {
		r.file.Abort()
	}
}
