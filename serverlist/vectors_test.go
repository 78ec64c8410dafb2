package serverlist_test

import (
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/conformance"
	"github.com/signed-metaserver/metaserver/serverlist/testdata"
)

// Every conformance vector, read at once and byte by byte.
func TestVectors(t *testing.T) {
	t.Parallel()
	vectors, err := conformance.Load(testdata.Vectors())
	if err != nil {
		t.Fatal(err)
	}
	readers := map[string]conformance.Reader{"Open": serverlist.Open, "Read": conformance.ByteByByte}
	for _, v := range vectors {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			for name, read := range readers {
				got, err := conformance.Judge(v.Files, read)
				if err != nil {
					t.Fatalf("the vector is faulty: %v", err)
				}
				if difference := v.Expected.Difference(got); difference != "" {
					t.Errorf("%s: %s", name, difference)
				}
			}
		})
	}
}
