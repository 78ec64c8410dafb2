package serverlist_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
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

// A caller may append to what it is given: that never writes into the document, nor
// into what another caller has appended.
func TestAppendingChangesNothing(t *testing.T) {
	t.Parallel()
	root := newRoot()
	doc := root.Sign(serverlist.Draft{Body: manyServers(t, 50)})
	skipping := slices.Concat(manyServers(t, 5), []byte("{}\n{}\n{}\n"))
	l, err := serverlist.Open(signBody(root, string(skipping)), root.Want(serverlist.TypeServerList), root.Chain())
	if err != nil || len(l.Skipped) != 3 {
		t.Fatal(l, err)
	}
	if cap(l.Servers) > len(l.Servers) || cap(l.Skipped) > len(l.Skipped) {
		t.Error("two callers that append to one list write over each other's entries")
	}
	l = root.Open(serverlist.TypeServerList, doc)
	p := newPlay(t, "a")
	p.site["a"].Put("server.list", p.servers("impostor"))
	held := p.Open(serverlist.TypeServerList, p.Folder()["server.list"].Data)
	_, err = (&serverlist.Fetcher{HTTP: p.cfg.HTTP}).List(t.Context(), "http://a.example/server.list", p.Want(serverlist.TypeServerList), p.Chain(), held)
	var conflict *serverlist.ConflictError
	if !errors.As(err, &conflict) {
		t.Fatal(err)
	}
	pinned := root.Chain().Pinned()
	for name, part := range map[string]struct{ part, whole []byte }{
		"Text of a list":   {l.Text(), l.Bytes()},
		"Held of conflict": {conflict.Held, held.Bytes()},
		"Text of trust":    {pinned.Text(), pinned.Bytes()},
		"DraftText":        {keys.DraftText(doc), doc},
	} {
		before := bytes.Clone(part.whole)
		if _ = append(part.part, "something else"...); !bytes.Equal(part.whole, before) {
			t.Errorf("%s: appending to it writes over the document", name)
		}
	}
}

// Results of one client share no list of attempts.
func TestAttemptsAreTheCallers(t *testing.T) {
	t.Parallel()
	p := newPlay(t)
	p.cfg.Static = p.Folder()
	c := p.client()
	first, err := c.Cached()
	if err != nil || len(first.Attempts) == 0 {
		t.Fatal(first.Attempts, err)
	}
	clear(first.Attempts)
	if second, err := c.Cached(); err != nil || second.Attempts[0].Document == "" {
		t.Errorf("%v, %v", second.Attempts, err)
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
