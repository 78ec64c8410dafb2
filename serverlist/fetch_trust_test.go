package serverlist_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestFetchExtend(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	pinned := root.Chain()
	second := root.Amend(serverlisttest.Change{Lists: []string{"list/2"}})
	root.Amend(serverlisttest.Change{Lists: []string{"list/3"}})
	without := func(name string, instead []byte) *serverlisttest.Site {
		s := root.Site(serverlisttest.Honest)
		s.Put(name, instead)
		return s
	}

	for name, tt := range map[string]struct {
		host   http.Handler
		added  int
		detail string // of the error; empty: none
	}{
		"all":              {root.Site(serverlisttest.Honest), 2, ""},
		"gap":              {without("trust/2.trust", nil), 0, ""},
		"not yet":          {without("trust/3.trust", nil), 1, ""},
		"CRLF":             {root.Site(serverlisttest.CRLF), 2, ""},
		"HTML for absent":  {root.Site(serverlisttest.HTML), 0, ""},
		"forbidden":        {http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusForbidden) }), 0, ""}, // as object stores say it
		"out of order":     {root.Site(serverlisttest.Unavailable), 0, "overloaded"},
		"another document": {without("trust/3.trust", second), 1, "document 2 does not follow document 2"},
		"too large":        {without("trust/3.trust", bytes.Repeat([]byte("x"), 256<<10)), 1, "larger than"},
		"nobody there":     {nil, 0, "nothing listens"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &serverlist.Fetcher{HTTP: &http.Client{Transport: serverlisttest.Net{"m.example": tt.host}}}
			c, added, err := f.Extend(t.Context(), "http://m.example/", pinned)
			if added != tt.added || c.Newest().Version != int64(1+tt.added) {
				t.Errorf("added %d, newest is %d; want %d", added, c.Newest().Version, tt.added)
			}
			if (err == nil) != (tt.detail == "") || err != nil && !strings.Contains(err.Error(), tt.detail) {
				t.Errorf("error %v, want ...%s...", err, tt.detail)
			}
		})
	}
}

func TestExtendIsBounded(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	const most = 256
	pinned := root.Chain()
	for range most + 3 {
		root.Amend(serverlisttest.Change{})
	}
	f := &serverlist.Fetcher{HTTP: &http.Client{Transport: serverlisttest.Net{"m.example": root.Site(serverlisttest.Honest)}}}
	c, added, err := f.Extend(t.Context(), "http://m.example/", pinned)
	if added != most || err != nil {
		t.Errorf("added %d, %v", added, err)
	}
	if _, added, err := f.Extend(t.Context(), "http://m.example/", c); added != 3 || err != nil {
		t.Errorf("then %d, %v", added, err)
	}
}

func TestDocumentURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ base, document, want string }{
		{"http://m.example/ms/", "server.list", "http://m.example/ms/server.list"},
		{"http://m.example/ms/", "trust/2.trust", "http://m.example/ms/trust/2.trust"},
		{"http://m.example", "server.list", "http://m.example/server.list"},
		{"http://users.isp.example/~someone/server.list", "server.list", "http://users.isp.example/~someone/server.list"},
		{"http://users.isp.example/~someone/my.txt", "server.list", "http://users.isp.example/~someone/my.txt"},
		{"http://users.isp.example/~someone/my.txt", "mirror.list", "http://users.isp.example/~someone/mirror.list"},
		{"https://m.example:8443/get?f=/", "server.list", "https://m.example:8443/get?f=/"},
		{"https://m.example/a/get?f=list", "trust/2.trust", "https://m.example/a/trust/2.trust"},
		{"http://m.example/a%2Fb/", "server.list", "http://m.example/a%2Fb/server.list"},
		{"http://[2001:db8::7]:81/x", "mirror.list", "http://[2001:db8::7]:81/mirror.list"},
		{"ftp://m.example/", "server.list", ""},
		{"http://u:p@m.example/", "server.list", ""},
		{"m.example", "server.list", ""},
		{"", "server.list", ""},
	} {
		got, err := serverlist.DocumentURL(tt.base, tt.document)
		if got != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s at %q: %q, %v; want %q", tt.document, tt.base, got, err, tt.want)
		}
	}
}

// A base never leads to another host, nor a name out of the base's folder.
func FuzzDocumentURL(f *testing.F) {
	for _, base := range []string{
		"http://m.example/ms/", "http://m.example", "https://u.example:81/~x/server.list", "http://[2001:db8::7]/a%2Fb/?q=/",
		"http://m.example//evil.example/", "http://m.example/../..//x", "http://m.example/a;b/c?d",
	} {
		f.Add(base)
	}
	f.Fuzz(func(t *testing.T, base string) {
		if serverlist.CheckMirrorURL(base) != nil {
			return
		}
		from, err := url.Parse(base)
		if err != nil {
			t.Fatalf("%q is allowed, and no URL: %v", base, err)
		}
		for _, name := range []string{"server.list", "mirror.list", "trust/2.trust"} {
			got, err := serverlist.DocumentURL(base, name)
			if err != nil {
				t.Fatalf("%q is a mirror's URL, but: %v", base, err)
			}
			to, err := url.Parse(got)
			if err != nil || to.Scheme != from.Scheme || to.Host != from.Host {
				t.Errorf("%s at %q is at %q (%v)", name, base, got, err)
			}
		}
	})
}

// Trust gets what is there, whatever it says, but no page.
func TestFetchTrust(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	stranger := serverlisttest.NewRoot(serverlisttest.Options{Seed: "stranger"}).Pinned()
	with := func(data []byte) *serverlisttest.Site {
		s := root.Site(serverlisttest.Honest)
		s.Put("trust/1.trust", data)
		return s
	}
	for name, tt := range map[string]struct {
		host    http.Handler
		want    []byte
		outcome serverlist.Outcome
	}{
		"right":     {root.Site(serverlisttest.Honest), root.Pinned(), ""},
		"CRLF":      {root.Site(serverlisttest.CRLF), root.Pinned(), ""},
		"another":   {with(stranger), stranger, ""},
		"nonsense":  {with([]byte("nonsense\n")), []byte("nonsense\n"), ""},
		"none":      {with(nil), nil, serverlist.OutcomeAbsent},
		"a page":    {with([]byte("<html>\n")), nil, serverlist.OutcomeAbsent},
		"old page":  {with([]byte("<html>\r<body>\r")), nil, serverlist.OutcomeAbsent},
		"forbidden": {http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusForbidden) }), nil, serverlist.OutcomeAbsent},
		"too large": {with(bytes.Repeat([]byte("x"), 256<<10)), nil, serverlist.OutcomeRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &serverlist.Fetcher{HTTP: &http.Client{Transport: serverlisttest.Net{"m.example": tt.host}}}
			data, err := f.Trust(t.Context(), "http://m.example/", 1)
			var fe *serverlist.FetchError
			if tt.outcome == "" && (err != nil || !bytes.Equal(data, tt.want)) || tt.outcome != "" && (!errors.As(err, &fe) || fe.Outcome != tt.outcome) {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
}
