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

// A launcher with a window calls Run in a goroutine of its own; this one ends
// with the first live list.
func ExampleClient_Run() {
	shipped, root, cacheDir := exampleRoot()
	defer root.Close()
	defer os.RemoveAll(cacheDir)
	client, err := serverlist.New(serverlist.Config{Static: shipped, Root: []string{root.URL}, Cache: serverlist.DirCache(cacheDir)})
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = client.Run(ctx, time.Hour, func(r serverlist.Result) {
		fmt.Println(r.Source, r.Freshness, len(r.List.Servers))
		if r.Source == serverlist.SourceLive {
			cancel()
		}
	})
	fmt.Println(err)
	// Output:
	// static fresh 1
	// live fresh 2
	// context canceled
}

// A player follows two roots, the first by preference. Both list Cat2 in the
// same words; it is shown once.
func ExampleMerge() {
	var lists []*serverlist.List
	for _, root := range []*serverlisttest.Root{
		exampleOrigin("ms.example.org", "cat2", "metalforge"),
		exampleOrigin("friends.example.net", "cat2", "island"),
	} {
		client, err := serverlist.New(serverlist.Config{Trust: root.Pinned(), Static: root.Folder()})
		if err != nil {
			log.Fatal(err)
		}
		if r, err := client.Cached(); err == nil { // a root without a list hides no other
			lists = append(lists, r.List)
		}
	}
	for _, l := range serverlist.Merge(lists...) {
		fmt.Println(l.Server.Name, "of", l.Origin)
	}
	// Output:
	// Server cat2 of ms.example.org
	// Server metalforge of ms.example.org
	// Server island of friends.example.net
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

func exampleOrigin(name string, servers ...string) *serverlisttest.Root {
	root := serverlisttest.NewRoot(serverlisttest.Options{Origin: name})
	root.Publish(serverlisttest.Servers(servers...))
	return root
}
