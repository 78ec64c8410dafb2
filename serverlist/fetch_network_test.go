package serverlist_test

import (
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// What a mirror learns of a player is the address, and nothing else.
func TestFetchTellsNothing(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	root.Publish(serverlisttest.Servers("cat2"))
	s := root.Site(serverlisttest.Honest)
	var headers []http.Header
	url := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		headers = append(headers, r.Header)
		http.SetCookie(rw, &http.Cookie{Name: "player", Value: "1"})
		if r.URL.Path == "/from" {
			http.Redirect(rw, r, "/server.list", http.StatusFound)
			return
		}
		s.ServeHTTP(rw, r)
	}))
	jar := &recordingJar{}
	f := &serverlist.Fetcher{HTTP: &http.Client{Jar: jar}, AllowPrivate: true}
	defer f.CloseIdleConnections()
	for range 2 {
		if _, err := f.List(t.Context(), url+"/from", root.Want(serverlist.TypeServerList), root.Chain(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(headers) != 4 || jar.used {
		t.Errorf("%d requests, cookie jar used: %v", len(headers), jar.used)
	}
	want := http.Header{"User-Agent": {"serverlist/1"}, "Accept": {"*/*"}, "Accept-Encoding": {"gzip"}}
	for _, h := range headers {
		h.Del("Connection") // of the hop after a redirect, which is dialled anew
		if fmt.Sprint(h) != fmt.Sprint(want) {
			t.Errorf("sent %v", h)
		}
	}
}

// What cannot be connected to is explained in words of the player's world.
func TestFetchExplainsNetwork(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	site := root.Site(serverlisttest.Honest)
	secure := httptest.NewUnstartedServer(site)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	plain := serve(t, site)
	cut := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		conn, _, err := rw.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}))
	closed := httptest.NewServer(site)
	closed.Close()
	for url, want := range map[string]string{
		secure.URL: "TLS certificate does not hold: a wrong clock",
		strings.Replace(plain, "http://", "https://", 1): "the answer is not TLS: a captive portal, or an http port",
		cut:        "the connection broke off",
		closed.URL: "connection refused",
	} {
		f := &serverlist.Fetcher{AllowPrivate: true}
		_, err := f.Head(t.Context(), url+"/server.list", root.Want(serverlist.TypeServerList), root.Chain())
		f.CloseIdleConnections()
		var fe *serverlist.FetchError
		if !errors.As(err, &fe) || fe.Outcome != serverlist.OutcomeFailed || !strings.Contains(fe.Detail, want) {
			t.Errorf("%s: %v, want ...%s...", url, err, want)
		}
	}
}

// A server on loopback answers only if the user chose such an address.
func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	root.Publish(serverlisttest.Servers("cat2"))
	s := root.Site(serverlisttest.Honest).Start(t)
	address := strings.TrimPrefix(s.URL, "http://")
	port := address[strings.LastIndex(address, ":"):]

	for name, tt := range map[string]struct {
		f   *serverlist.Fetcher
		url string
		ok  bool
	}{
		"by address":               {&serverlist.Fetcher{}, s.URL, false},
		"by name":                  {&serverlist.Fetcher{}, "http://localhost" + port, false},
		"allowed":                  {&serverlist.Fetcher{AllowPrivate: true}, s.URL, true},
		"pinned":                   {&serverlist.Fetcher{Pinned: []string{s.URL}}, s.URL, true},
		"another pinned is inside": {&serverlist.Fetcher{Pinned: []string{"http://10.0.0.1/"}}, s.URL, true},
		"another pinned is public": {&serverlist.Fetcher{Pinned: []string{"http://ms.example.org/"}}, s.URL, false},
		"plain transport given":    {&serverlist.Fetcher{HTTP: &http.Client{Transport: &http.Transport{}}}, s.URL, false},
	} {
		t.Run(name, func(t *testing.T) {
			f := tt.f
			defer f.CloseIdleConnections()
			_, err := f.List(t.Context(), tt.url+"/server.list", root.Want(serverlist.TypeServerList), root.Chain(), nil)
			if (err == nil) != tt.ok || err != nil && !strings.Contains(err.Error(), "is a private address") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Within a private network redirects are followed; real sockets show that the
// address of the first hop is known.
func TestRedirectWithinPrivateNetwork(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	root.Publish(serverlisttest.Servers("cat2"))
	to := root.Site(serverlisttest.Honest).Start(t).URL
	from := serve(t, http.RedirectHandler(to+"/server.list", http.StatusFound))
	f := &serverlist.Fetcher{AllowPrivate: true}
	defer f.CloseIdleConnections()
	if _, err := f.List(t.Context(), from, root.Want(serverlist.TypeServerList), root.Chain(), nil); err != nil {
		t.Error(err)
	}
}

type recordingJar struct{ used bool }

func (j *recordingJar) SetCookies(*url.URL, []*http.Cookie) { j.used = true }
func (j *recordingJar) Cookies(*url.URL) []*http.Cookie     { j.used = true; return nil }

// A proxy of the user's may have a private address; what it is asked for may
// not.
func TestProxy(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	root.Publish(serverlisttest.Servers("cat2"))
	s := root.Site(serverlisttest.Honest)
	asked := ""
	proxy, _ := url.Parse(serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked = r.URL.String()
		s.ServeHTTP(rw, r)
	})))
	f := &serverlist.Fetcher{HTTP: &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}}}
	defer f.CloseIdleConnections()
	get := func(url string) error {
		_, err := f.List(t.Context(), url, root.Want(serverlist.TypeServerList), root.Chain(), nil)
		return err
	}
	if err := get("http://m.example/server.list"); err != nil || asked != "http://m.example/server.list" {
		t.Errorf("%v, the proxy was asked for %q", err, asked)
	}
	if err := get("http://192.168.1.1/server.list"); err == nil || !strings.Contains(err.Error(), "is a private address") {
		t.Errorf("the router by way of the proxy: %v", err)
	}
}
