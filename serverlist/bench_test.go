package serverlist_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// manyServers is the body of a list of n usual entries.
func manyServers(tb testing.TB, n int) []byte {
	tb.Helper()
	servers := make([]serverlist.Server, n)
	for i := range servers {
		servers[i] = serverlist.Server{
			ID: fmt.Sprintf("server-%06d", i), Name: fmt.Sprintf("Server number %d", i),
			Description: "A friendly place with quests, guilds and a weekly market. Newcomers are welcome, helpers are around most evenings.",
			Game:        "crossfire", Version: "1.75.0",
			Addresses: []string{fmt.Sprintf("play%d.example.net:13327", i)}, Region: "eu", Languages: []string{"en"},
		}
	}
	body, err := serverlist.EncodeServers(servers)
	if err != nil {
		tb.Fatal(err)
	}
	return body
}

// jsonServer is the yardstick's view of the same lines.
type jsonServer struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Game        string   `json:"game"`
	Version     string   `json:"version"`
	Addresses   []string `json:"addresses"`
	Region      string   `json:"region"`
	Languages   []string `json:"languages"`
}

// BenchmarkOpen verifies and reads a list. Its yardsticks are the SHA-256 of
// the same bytes, which verification cannot go below, and encoding/json
// reading the same lines without any check.
func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{10_000, 100_000} {
		root := newRoot()
		body := manyServers(b, n)
		doc := root.Sign(serverlist.Draft{Body: body})
		b.Run(fmt.Sprintf("open/%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				if l, err := serverlist.Open(doc, wantServers, root.Chain()); err != nil || len(l.Servers) != n {
					b.Fatal(err)
				}
			}
			allocated, _, _ := memoryOf(b, doc, root.Chain())
			b.ReportMetric(1+float64(allocated)/float64(len(doc)), "memory/doc")
		})
		b.Run(fmt.Sprintf("sha256/%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				sha256.Sum256(doc)
			}
		})
		b.Run(fmt.Sprintf("encoding-json/%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				servers := make([]jsonServer, 0, n)
				for line := range bytes.Lines(body) {
					var s jsonServer
					if err := json.Unmarshal(line, &s); err != nil {
						b.Fatal(err)
					}
					servers = append(servers, s)
				}
			}
		})
	}
}

// BenchmarkVerify verifies a list without reading its entries, as a client does
// that streams it: line ends, head, signature, hash. Its yardsticks are the
// SHA-256 of the same bytes and one ed25519 verification of a head.
func BenchmarkVerify(b *testing.B) {
	for _, n := range []int{1_000, 10_000, 100_000} {
		root := newRoot()
		doc := root.Sign(serverlist.Draft{Body: manyServers(b, n)})
		b.Run(fmt.Sprintf("verify/%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				note, err := serverlist.OpenHead(doc, wantServers, root.Chain())
				if err != nil || sha256.Sum256(doc[int64(len(doc))-note.Head.BodySize:]) != note.Head.BodySHA256 {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("sha256/%d", n), func(b *testing.B) {
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				sha256.Sum256(doc)
			}
		})
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	head := make([]byte, 320) // as long as most are
	signature := ed25519.Sign(private, head)
	b.Run("ed25519", func(b *testing.B) {
		for b.Loop() {
			if !ed25519.Verify(public, head, signature) {
				b.Fatal("the signature does not verify")
			}
		}
	})
}
