package requirements_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// TestRequirement16_Signed: the client ships with the keys of several admins; a
// list is signed by one to whom they have delegated that; a root that cannot sign
// publishes nothing.
func TestRequirement16_Signed(t *testing.T) {
	t.Parallel()
	r := newRoot(t)
	r.list("Alpha")
	chain := chainOf(t, r.pinned())
	admins, _ := chain.Newest().Role("trust")
	lists, _ := chain.Newest().Role("list")
	if len(admins.Keys) < 2 || len(lists.Keys) == 0 || slices.Contains(admins.Keys, lists.Keys[0]) {
		t.Fatalf("admins %+v, lists %+v", admins, lists)
	}
	for _, name := range []string{"server.list", "mirror.list"} {
		typ := map[string]string{"server.list": serverlist.TypeServerList, "mirror.list": serverlist.TypeMirrorList}[name]
		list, err := serverlist.Open(r.file(name), serverlist.Want{Origin: origin, Type: typ}, chain)
		if err != nil || list.Head.Version == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}

	// Without its key the root signs nothing, and publishes nothing.
	r.stop()
	before := r.file("server.list")
	if err := os.Remove(filepath.Join(r.data, "keys", "list.key")); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(r.data)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	node, err := root.New(cfg)
	if err == nil {
		err = errors.Join(node.Run(t.Context()), node.Close())
	}
	if err == nil || !strings.Contains(err.Error(), "cannot sign") {
		t.Errorf("without its key the root ends with %v", err)
	}
	if !bytes.Equal(r.file("server.list"), before) {
		t.Error("a list was published without the key")
	}
}
