package serverlist_test

import (
	"context"
	"fmt"
	"io/fs"
	"log"
	"net/http/httptest"
	"os"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// A launcher shows at once what it holds, and then what is new. It embeds the
// folder that "metaserver bundle" writes.
func ExampleClient() {
	shipped, root, cacheDir := exampleRoot()
	defer root.Close()
	defer os.RemoveAll(cacheDir)

	client, err := serverlist.New(serverlist.Config{
		Static: shipped,                       // an embed.FS; its pinned.trust is what all trust begins with
		Root:   []string{root.URL},            // "https://ms.example.org/"
		Cache:  serverlist.DirCache(cacheDir), // below os.UserCacheDir
	})
	if err != nil {
		log.Fatal(err)
	}
	show := func(r serverlist.Result, err error) {
		if err != nil {
			log.Fatal(err) // there is no list at all; the error says what was tried
		}
		fmt.Println(r.Source, r.Freshness)
		for _, s := range r.List.Servers {
			fmt.Println(" ", s.Name, s.Addresses[0])
		}
	}
	show(client.Cached())                      // without network
	show(client.Refresh(context.Background())) // live, else cached, else static
	// Output:
	// static fresh
	//   Server cat2 cat2.example.net:13327
	// live fresh
	//   Server cat2 cat2.example.net:13327
	//   Server metalforge metalforge.example.net:13327
}

// exampleRoot ships a list of one server with the program and publishes one of
// two a minute later.
func exampleRoot() (shipped fs.FS, server *httptest.Server, cacheDir string) {
	root := serverlisttest.NewRoot(serverlisttest.Options{Now: time.Now().Add(-time.Minute)})
	root.Publish(serverlisttest.Servers("cat2"))
	folder := root.Folder()
	folder["pinned.trust"] = folder["trust/1.trust"]
	root.Clock.Set(time.Now())
	root.Publish(serverlisttest.Servers("cat2", "metalforge"))
	server = httptest.NewServer(root.Site(serverlisttest.Honest))
	root.Publish(serverlisttest.Mirrors(server.URL))
	cacheDir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	return folder, server, cacheDir
}
