package serverlist_test

import (
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// A program may merge what its clients have got without looking which have
// got nothing.
func TestMergeSkipsNil(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	l := p.Open(serverlist.TypeServerList, p.servers("cat2"))
	if all := serverlist.Merge(nil, l, nil); len(all) != 1 || all[0].Server.ID != "cat2" {
		t.Errorf("merged into %v", all)
	}
	if all := serverlist.Merge(nil); len(all) != 0 {
		t.Errorf("merged into %v", all)
	}
}
