package web_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/root/web"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// BenchmarkList makes a page of a list of 100,000 servers: the first of all, which
// a root makes once for an edition, and the answer to a search, which looks at
// every server. fold is what the first search of an edition costs beside it.
func BenchmarkList(b *testing.B) {
	list := manyServers(100_000)
	view := web.ListView{Number: 1, Now: list.Head.Issued}
	search := view
	search.Query = "server 9999 crossfire"
	c := web.NewCatalogue(list)
	c.List(search) // the first one folds
	for _, bench := range []struct {
		name string
		view web.ListView
	}{{"page", view}, {"search", search}} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if html, err := c.List(bench.view); err != nil || len(html) < 1000 {
					b.Fatalf("%d bytes, %v", len(html), err)
				}
			}
		})
	}
	b.Run("fold", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if html, err := web.NewCatalogue(list).List(search); err != nil || len(html) < 1000 {
				b.Fatalf("%d bytes, %v", len(html), err)
			}
		}
	})
}

func manyServers(n int) *serverlist.List {
	issued := time.Unix(1_800_000_000, 0).UTC()
	l := &serverlist.List{Head: keys.Head{
		Version: issued.Unix(), Issued: issued, FreshUntil: issued.Add(24 * time.Hour), OldAfter: issued.Add(1000 * time.Hour),
	}}
	for i := range n {
		l.Servers = append(l.Servers, serverlist.Server{
			ID: fmt.Sprintf("s%d", i), Name: fmt.Sprintf("Server %d of a rather usual name", i), Game: "crossfire", Version: "1.75.0",
			Description: "What a server says of itself, in a sentence or two that a player may want to read before joining.",
			Addresses:   []string{fmt.Sprintf("s%d.example.net:13327", i)}, Languages: []string{"en", "de"},
		})
	}
	return l
}
