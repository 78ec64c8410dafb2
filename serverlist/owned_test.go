package serverlist_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// What was verified stays what is shown, whatever the caller does with the bytes
// that it handed over: entries share memory with the document.
func TestOpenOwnsItsBytes(t *testing.T) {
	t.Parallel()
	root := newRoot()
	doc := root.Publish(serverlist.Draft{Body: manyServers(t, 50)})
	genuine := root.Open(serverlist.TypeServerList, doc)
	for name, reused := range map[string][]byte{
		"line feeds":             bytes.Clone(doc),
		"carriage returns, too":  bytes.ReplaceAll(doc, []byte("\n"), []byte("\r\n")),
		"with room at their end": append(make([]byte, 0, 2*len(doc)), doc...),
	} {
		l, err := serverlist.Open(reused, root.Want(serverlist.TypeServerList), root.Chain())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		note, err := serverlist.OpenHead(reused, root.Want(serverlist.TypeServerList), root.Chain())
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		scribble(reused)
		if !bytes.Equal(l.Bytes(), doc) || !bytes.Equal(l.Text(), genuine.Text()) || !bytes.Equal(note.Text, genuine.Text()) ||
			!slices.EqualFunc(l.Servers, genuine.Servers, sameServer) {
			t.Errorf("%s: the list changed with the caller's bytes", name)
		}
	}
}

func sameServer(a, b serverlist.Server) bool {
	return a.ID == b.ID && a.Name == b.Name && slices.Equal(a.Addresses, b.Addresses)
}

func scribble(data []byte) {
	for i := range data {
		data[i] = 'x'
	}
}

// reusingCache gives the same bytes to everyone.
type reusingCache map[string][]byte

func (c reusingCache) Load(name string) ([]serverlist.CacheEntry, error) {
	if data, ok := c[name]; ok {
		return []serverlist.CacheEntry{{Data: data}}, nil
	}
	return nil, nil
}

func (c reusingCache) Store(name string, data []byte, _ time.Time) error {
	c[name] = bytes.Clone(data)
	return nil
}

func TestCachedOwnsItsBytes(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	doc := p.Publish(serverlist.Draft{Body: manyServers(t, 50)})
	cache := reusingCache{"server.list": bytes.Clone(doc)}
	p.cfg.Cache = cache
	r, err := p.client().Cached()
	if err != nil {
		t.Fatal(err)
	}
	scribble(cache["server.list"])
	if genuine := p.Open(serverlist.TypeServerList, doc); !bytes.Equal(r.List.Bytes(), doc) || !slices.EqualFunc(r.List.Servers, genuine.Servers, sameServer) {
		t.Error("the list changed with the bytes of the cache")
	}
}
