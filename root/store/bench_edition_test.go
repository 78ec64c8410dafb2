package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// BenchmarkPublishEdition stores one edition of 30 MB after the other, as a root
// with 100,000 entries does. The yardstick writes the same bytes to a file and
// syncs it.
func BenchmarkPublishEdition(b *testing.B) {
	document := bytes.Repeat([]byte("0123456789abcdef"), 30<<20/16)
	b.Run("store", func(b *testing.B) {
		s := benchStore(b, 0)
		b.SetBytes(int64(len(document)))
		b.ReportAllocs()
		version := int64(0)
		for b.Loop() {
			e := store.Edition{
				Type: serverlist.TypeServerList, Version: version + 1, Issued: time.Unix(version+1, 0),
				Head: []byte("head"), Document: document,
			}
			if err := s.PublishEdition(b.Context(), version, e); err != nil {
				b.Fatal(err)
			}
			version++
		}
	})
	b.Run("write and sync", func(b *testing.B) {
		f, err := os.Create(filepath.Join(b.TempDir(), "list"))
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		b.SetBytes(int64(len(document)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.WriteAt(document, 0); err != nil {
				b.Fatal(err)
			}
			if err := f.Sync(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
