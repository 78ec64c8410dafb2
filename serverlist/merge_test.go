package serverlist_test

import (
	"fmt"
	"testing"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	server := func(id, name, address string) serverlist.Server {
		return serverlist.Server{ID: id, Name: name, Addresses: []string{address}}
	}
	list := func(origin string, servers ...serverlist.Server) *serverlist.List {
		return &serverlist.List{Head: keys.Head{Origin: origin}, Servers: servers}
	}
	cat := server("cat", "Cat", "cat.example.net:1")
	impostor := server("cat", "Cat", "mallory.example.net:1")
	renamed := server("kitty", "Cat", "cat.example.net:1")
	got := serverlist.Merge(list("a.example", cat), list("b.example", impostor, cat, renamed), list("c.example", impostor))
	want := []string{"a.example/cat cat.example.net:1", "b.example/cat mallory.example.net:1", "b.example/kitty cat.example.net:1"}
	var shown []string
	for _, l := range got {
		shown = append(shown, fmt.Sprintf("%s/%s %s", l.Origin, l.Server.ID, l.Server.Addresses[0]))
	}
	if fmt.Sprint(shown) != fmt.Sprint(want) {
		t.Errorf("merged is\n%v, want\n%v", shown, want)
	}
	if serverlist.Merge() != nil {
		t.Error("nothing merged is something")
	}
}
