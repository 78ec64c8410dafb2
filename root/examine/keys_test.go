package examine

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/setup"
)

func TestCheckWarnsOfTheLastKey(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := setup.Init(t.Context(), setup.Config{Data: dir, Origin: "ms.example.org"}); err != nil {
		t.Fatal(err)
	}
	chain, err := datafolder.LoadChain(datafolder.Folder(dir))
	if err != nil {
		t.Fatal(err)
	}
	for threshold, warns := range map[int]bool{1: false, 2: true} {
		doc := *chain.Newest()
		doc.Roles = append([]keys.Role(nil), doc.Roles...)
		for i := range doc.Roles {
			if doc.Roles[i].Name == keys.RoleTrust {
				doc.Roles[i].Threshold = threshold
			}
		}
		k := &checker{}
		k.lostKey(&doc)
		if (len(k.found) == 1) != warns || warns && !strings.Contains(k.found[0].Text, "2 of 2 keys must sign") {
			t.Errorf("threshold %d: %+v", threshold, k.found)
		}
	}
}
