package keys

import (
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"testing"

	"github.com/c2sp/wycheproof"
)

// The test vectors of Project Wycheproof, through the path that every document
// takes: malleable, truncated, padded and wrongly encoded signatures among
// them.
func TestWycheproof(t *testing.T) {
	t.Parallel()
	data, err := fs.ReadFile(wycheproof.TestVectors, "ed25519_test.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []struct {
			PublicKey struct{ PK string }
			Tests     []struct {
				TcID                      int
				Comment, Msg, Sig, Result string
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, group := range file.TestGroups {
		key, err := NewVerifierKey("wycheproof", unhex(t, group.PublicKey.PK))
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range group.Tests {
			e := &envelope{
				text:       unhex(t, test.Msg),
				signatures: []signature{{key.name, key.id, unhex(t, test.Sig)}},
			}
			signers, err := e.verify([]VerifierKey{key})
			if valid := err == nil && len(signers) == 1; valid != (test.Result == "valid") {
				t.Errorf("vector %d (%s): %v, error %v; it is %s", test.TcID, test.Comment, signers, err, test.Result)
			}
			count[test.Result]++
		}
	}
	if count["valid"] == 0 || count["invalid"] == 0 {
		t.Fatalf("the vectors are %v", count)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
