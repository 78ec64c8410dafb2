package command_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// TestLargestDocument: the largest list that there can be, head and signatures
// included, is read whole, and stays whole when another document is published.
func TestLargestDocument(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	largest := bytes.Repeat([]byte("x"), serverlist.MaxServerListBody+keys.MaxHeadText+keys.MaxSignatureBlock)
	if err := os.WriteFile(filepath.Join(dir, publish.ServerList), largest, 0o644); err != nil {
		t.Fatal(err)
	}
	s, err := copied(t, dir).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), publish.MirrorList, []byte("news")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, publish.ServerList))
	if err != nil || info.Size() != int64(len(largest)) {
		t.Errorf("the list has %d bytes now, and had %d: %v", info.Size(), len(largest), err)
	}
}
