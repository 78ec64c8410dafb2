package serverlisttest_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// The same calls give the same bytes, and another seed gives strangers.
func TestRootIsDeterministic(t *testing.T) {
	t.Parallel()
	folder := func(seed string) map[string]string {
		r := serverlisttest.NewRoot(serverlisttest.Options{Seed: seed})
		r.Publish(serverlisttest.Servers("cat2"))
		r.Amend(serverlisttest.Change{Lists: []string{"list/1", "list/2"}, ListsNeeded: 2})
		r.Publish(serverlisttest.Mirrors("http://a.example/"))
		files := make(map[string]string)
		for name, file := range r.Folder() {
			files[name] = string(file.Data)
		}
		return files
	}
	one, again, other := folder(""), folder(""), folder("other")
	if len(one) != 4 {
		t.Errorf("%d files", len(one))
	}
	for name := range one {
		if one[name] != again[name] {
			t.Errorf("%s differs between two roots of one seed", name)
		}
		if one[name] == other[name] {
			t.Errorf("%s is the same with another seed", name)
		}
	}
}

func TestAmend(t *testing.T) {
	t.Parallel()
	r := serverlisttest.NewRoot(serverlisttest.Options{First: serverlisttest.Change{ListsNeeded: 2, Lists: []string{"list/1", "list/2", "list/3"}}})
	r.Publish(serverlisttest.Servers("cat2"))
	r.Amend(serverlisttest.Change{Admins: []string{"admin/carol", "admin/dave", "admin/erin"}, AdminsNeeded: 3, Lists: []string{"list/3"}, ListsNeeded: 1, Revoke: []string{"list/1"}})
	r.Amend(serverlisttest.Change{Edit: func(t *keys.Trust) { t.Epoch = 7 }})
	newest := r.Chain().Newest()
	role, _ := newest.Role("list")
	if newest.Version != 3 || newest.Epoch != 7 || len(newest.Revoked) != 1 || role.Threshold != 1 || !slices.Equal(role.Keys, []string{"ms.example.org/list/3"}) {
		t.Errorf("the newest trust document is %+v", newest)
	}
	l := r.Open(serverlist.TypeServerList, r.Publish(serverlisttest.Servers("cat2")))
	if l.Head.Epoch != 7 || l.Head.Trust != 3 || len(l.Signers) != 1 {
		t.Errorf("the next edition has the head %+v, signed by %v", l.Head, l.Signers)
	}
}

// Editions have times of their own, even when the clock stands.
func TestPublishGoesOn(t *testing.T) {
	t.Parallel()
	r := serverlisttest.NewRoot(serverlisttest.Options{})
	first := r.Open(serverlist.TypeServerList, r.Publish(serverlisttest.Servers("a")))
	second := r.Open(serverlist.TypeServerList, r.Publish(serverlisttest.Servers("b")))
	if second.Compare(first) <= 0 || second.Head.Issued.Sub(first.Head.Issued) != time.Second {
		t.Errorf("%v after %v", second.Head.Issued, first.Head.Issued)
	}
	r.Clock.Advance(time.Hour)
	third := r.Open(serverlist.TypeServerList, r.Publish(serverlisttest.Servers("c")))
	if !third.Head.Issued.Equal(r.Clock.Now()) {
		t.Errorf("issued at %v", third.Head.Issued)
	}
}

// A Net is the same internet without sockets and behind a proxy.
func TestNet(t *testing.T) {
	t.Parallel()
	r := serverlisttest.NewRoot(serverlisttest.Options{})
	doc := r.Publish(serverlisttest.Servers("cat2"))
	site, torn := r.Site(serverlisttest.Honest), r.Site(serverlisttest.Torn)
	internet := serverlisttest.Net{"a.example": site, "torn.example": torn}
	server := httptest.NewServer(internet)
	defer server.Close()
	proxy, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	viaProxy := &http.Transport{Proxy: http.ProxyURL(proxy)}
	defer viaProxy.CloseIdleConnections()
	for name, transport := range map[string]http.RoundTripper{"without sockets": internet, "proxy": viaProxy} {
		get := func(url string) ([]byte, int, error) {
			resp, err := (&http.Client{Transport: transport}).Get(url)
			if err != nil {
				return nil, 0, err
			}
			defer resp.Body.Close()
			data, err := io.ReadAll(resp.Body)
			return data, resp.StatusCode, err
		}
		if data, code, err := get("http://a.example/server.list"); err != nil || code != 200 || !bytes.Equal(data, doc) {
			t.Errorf("%s: %d, %v", name, code, err)
		}
		if _, code, err := get("http://a.example/mirror.list"); err != nil || code != 404 {
			t.Errorf("%s, absent: %d, %v", name, code, err)
		}
		if _, _, err := get("http://torn.example/server.list"); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s, torn: %v", name, err)
		}
		if _, code, err := get("http://nobody.example/"); !errors.Is(err, syscall.ECONNREFUSED) && code != 502 {
			t.Errorf("%s, nobody: %d, %v", name, code, err)
		}
	}
	if asked := site.Asked(); !slices.Equal(asked, []string{"server.list", "mirror.list", "server.list", "mirror.list"}) {
		t.Errorf("asked %q", asked)
	}
}

// A site serves what was put on it, follows its root, and can be taken over.
func TestSite(t *testing.T) {
	t.Parallel()
	r := serverlisttest.NewRoot(serverlisttest.Options{})
	r.Publish(serverlisttest.Servers("one"))
	site := r.Site(serverlisttest.Frozen)
	url := site.Start(t).URL
	get := func(name string) string {
		t.Helper()
		resp, err := http.Get(url + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 200 {
			return resp.Status
		}
		return string(data)
	}
	expect := func(what, name, want string) {
		t.Helper()
		if got := get(name); got != want {
			t.Errorf("%s: %s is\n%s\nwant\n%s", what, name, got, want)
		}
	}
	one := string(r.Folder()["server.list"].Data)
	two := string(r.Publish(serverlisttest.Servers("two")))
	expect("frozen", "server.list", one)
	site.SetFault(serverlisttest.Honest)
	expect("honest", "server.list", two)
	site.SetFault(serverlisttest.Old)
	expect("old", "server.list", one)
	expect("old, and there is no older one", "trust/1.trust", string(r.Pinned()))
	site.SetFault(serverlisttest.Honest)
	site.Put("server.list", []byte("mine"))
	expect("put", "server.list", "mine")
	site.Put("server.list", nil)
	expect("put nothing", "server.list", "404 Not Found")
	site.Handle(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusTeapot) }))
	expect("taken over", "trust/1.trust", "418 I'm a teapot")
	site.Handle(nil)
	expect("given back", "trust/1.trust", string(r.Pinned()))
}
