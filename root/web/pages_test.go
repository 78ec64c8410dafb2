package web_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/setup"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/web"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// newRoot serves a root that lists these servers on loopback, and returns its
// public URL and a client of its admin listener.
func newRoot(t *testing.T, servers []serverlist.Server, change func(*config.Config)) (string, *api.Client) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	if _, err := setup.Init(t.Context(), setup.Config{Data: dir, Origin: "ms.example.org"}); err != nil {
		t.Fatal(err)
	}
	list(t, filepath.Join(dir, "root.db"), servers)
	cfg, err := config.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan [2]net.Addr, 1)
	cfg.Listen, cfg.AdminListen = "127.0.0.1:0", "127.0.0.1:0"
	cfg.Ready = func(public, admin net.Addr) { ready <- [2]net.Addr{public, admin} }
	change(&cfg)
	r, err := root.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(r.Run(ctx), r.Close()) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	token, err := os.ReadFile(filepath.Join(dir, "admin.token"))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case addrs := <-ready:
		client := &api.Client{Root: "http://" + addrs[1].String(), Token: strings.TrimSpace(string(token))}
		waitForList(t, client, len(servers))
		return "http://" + addrs[0].String() + "/", client
	case err := <-ended:
		ended <- nil
		t.Fatalf("the root does not serve: %v", err)
	}
	return "", nil
}

// waitForList returns when so many servers are published.
func waitForList(t *testing.T, client *api.Client, servers int) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		lists, err := client.Lists(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lists {
			if l.Name == serverlist.NameServerList && l.Entries == servers {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d servers are not published: %+v", servers, lists)
		}
	}
}

// list puts servers into the database of a root that does not run yet.
func list(t *testing.T, path string, servers []serverlist.Server) {
	t.Helper()
	st, err := store.OpenSQLite(t.Context(), store.Config{Path: path, MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for i, s := range servers {
		r, err := st.Register(t.Context(), store.Request{Server: s, Email: fmt.Sprintf("a%d@example.org", i)}, store.Limits{Queue: -1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := st.Approve(t.Context(), store.Approval{Registration: r.ID, Admin: "admin"}); err != nil {
			t.Fatal(err)
		}
	}
}

// sampleServers are n servers, the first of which say everything about
// themselves that an entry can hold, at its full length.
func sampleServers(n int) []serverlist.Server {
	var out []serverlist.Server
	for i := range n {
		out = append(out, serverlist.Server{
			Name: fmt.Sprintf("Server of number %d", i), Game: "crossfire", Description: "What a server says of itself, in a sentence or two.",
			Addresses: []string{fmt.Sprintf("s%d.example.net:13327", i)}, Region: "Northern Europe", Languages: []string{"en", "de"},
		})
	}
	out[0].Name = strings.Repeat("W", serverlist.MaxName)
	out[0].Description = strings.Repeat("Lopadotemachoselachogaleokranioleipsano", 12)
	out[0].Addresses = []string{strings.Repeat("a", 60) + "." + strings.Repeat("b", 60) + ".example.net:65535", "[2001:db8:1111:2222:3333:4444:5555:6666]:13327"}
	out[0].Website = "https://" + strings.Repeat("c", 60) + ".example.org/"
	out[0].Region, out[0].Version = strings.Repeat("R", serverlist.MaxText), "1.75.0"
	out[0].Key = "KioqKioqKioqKioqKioqKioqKioqKioqKioqKioqKio="
	out[1].Name, out[1].Description = "שרת משחקים", "מקום נעים לשחק בו"
	out[1].Languages = []string{"he"}
	return out
}

// TestBrowser walks through the pages as a person does who has no mouse and no
// script: a mistake in the form, mended; the status; the list.
func TestBrowser(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	url, admin := newRoot(t, nil, func(c *config.Config) { c.Games = config.Games{"crossfire": "Crossfire", "ddnet": "DDraceNetwork"} })
	b.open(url)
	b.checkLooks("empty")
	b.open(url + "register")
	b.checkLooks("form")
	b.fillForm()
	b.checkLooks("problem")
	b.until(`document.activeElement.className === 'notice'`) // the summary has the focus
	b.mendForm()
	b.checkLooks("status")
	if text := eval[string](b, `document.body.innerText`); !strings.Contains(text, "It waits for an admin") {
		t.Fatalf("this is no status page: %s", text)
	}

	pending, err := admin.Pending(t.Context())
	if err != nil || len(pending) != 1 {
		t.Fatal(pending, err)
	}
	b.lendMirror(url)
	if mirrors, err := admin.PendingMirrors(t.Context()); err != nil || len(mirrors) != 1 || mirrors[0].Mirror != "kittens" {
		t.Errorf("%+v, %v", mirrors, err)
	}
	if pending[0].Name != "Kätzchen" || pending[0].Game != "ddnet" || strings.Join(pending[0].Addresses, " ") != "cat.example.net:8303" {
		t.Errorf("%+v", pending[0])
	}
}

// lendMirror fills in the form of mirrors.
func (b *browser) lendMirror(url string) {
	b.t.Helper()
	b.open(url + "register/mirror")
	b.checkLooks("mirror-form")
	b.tabTo("f-id")
	b.keys("kittens")
	b.tabTo("f-urls")
	b.keys("http://ms.example.net/")
	b.tabTo("f-operator")
	b.keys("Kätzchen e. V.")
	b.tabTo("f-email")
	b.keys("cat@example.org")
	b.enter()
	b.checkLooks("mirror-status")
}

// fillForm answers all questions, one of them wrong.
func (b *browser) fillForm() {
	b.t.Helper()
	b.tabTo("f-name")
	b.keys("Kätzchen")
	b.tabTo("f-addresses")
	b.keys("cat.example.net:8303")
	b.tabTo("f-game")
	b.keys("DD") // a choice goes to what begins so
	b.tabTo("f-description")
	b.keys("For cats, and for who feeds them.")
	b.tabTo("f-email")
	b.keys("cat@")
	b.tabTo("f-languages")
	b.keys("de, en")
	b.enter() // in a field it sends the form
}

// mendForm follows the summary to the field that is wrong.
func (b *browser) mendForm() {
	b.t.Helper()
	beside := eval[string](b, `(() => { const f = document.getElementById('f-email');
		return f.getAttribute('aria-invalid') + ' ' + document.getElementById(f.getAttribute('aria-describedby').split(' ')[0]).innerText })()`)
	if !strings.HasPrefix(beside, "true ") || !strings.Contains(beside, "is not an e-mail address") {
		b.t.Errorf("beside the field stands %q", beside)
	}
	if kept := eval[string](b, `document.getElementById('f-name').value + document.getElementById('f-game').value`); kept != "Kätzchenddnet" {
		b.t.Errorf("what was typed is %q", kept)
	}
	b.keys(kb.Tab) // the one link of the summary
	b.press()
	b.until(`document.activeElement.id === 'f-email'`)
	b.clear()
	b.keys("cat@example.org")
	b.enter()
}

// TestBrowserTransfer hands an entry over by keyboard: its owner offers it, with
// a mistake that is mended, and the new owner follows the link.
func TestBrowserTransfer(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	url, admin := newRoot(t, nil, func(*config.Config) {})
	public := &api.Client{Root: url}
	accepted, err := public.Register(t.Context(), api.RegistrationRequest{
		Name: "Kätzchen", Game: "crossfire", Email: "cat@example.org", Description: "For cats.", Address: "cat.example.net:13327",
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.Approve(t.Context(), accepted.ID, api.Approval{EntryID: "cat"}); err != nil {
		t.Fatal(err)
	}
	b.open(accepted.StatusURL)
	b.checkLooks("owner")
	b.tabTo("do-transfer")
	b.enter()
	b.tabTo("f-email")
	b.keys("dog@")
	b.enter()
	b.checkLooks("transfer")
	b.keys(kb.Tab) // the one link of the summary
	b.press()
	b.until(`document.activeElement.id === 'f-email'`)
	b.clear()
	b.keys("dog@example.org")
	b.enter()
	b.checkLooks("offered")
	link := eval[string](b, `document.querySelector('pre').innerText`)
	b.open(strings.Replace(link, "https://ms.example.org/", url, 1))
	b.checkLooks("take-over")
	b.tabTo("f-email")
	b.keys("dog@example.org")
	b.enter()
	b.checkLooks("taken-over")
	if text := eval[string](b, `document.body.innerText`); !strings.Contains(text, "It waits for an admin") || !strings.Contains(text, "still its former owner's") {
		t.Fatalf("this is no status page: %s", text)
	}
	pending, err := admin.Pending(t.Context())
	if err != nil || len(pending) != 1 || pending[0].Kind != "transfer" || pending[0].Email != "dog@example.org" {
		t.Fatal(pending, err)
	}
}

// TestBrowserList looks at a list with everything that a server may say of
// itself, over several pages.
func TestBrowserList(t *testing.T) {
	t.Parallel()
	b := newBrowser(t)
	url, _ := newRoot(t, sampleServers(120), func(*config.Config) {})
	b.open(url)
	b.checkLooks("list")
	if n := eval[int](b, `document.querySelectorAll('tbody tr').length`); n != web.PerPage {
		t.Errorf("%d rows on the first page", n)
	}
	if box := eval[float64](b, `document.querySelector('.skip').getBoundingClientRect().bottom`); box > 0 {
		t.Errorf("the link that skips the menu is in the way: %v", box)
	}
	b.keys(kb.Tab)
	if box := eval[float64](b, `document.querySelector('.skip').getBoundingClientRect().top`); box < 0 {
		t.Errorf("the link that skips the menu does not show: %v", box)
	}
	b.press()
	b.until(`document.activeElement.id === 'main'`)
	b.tabTo("q")
	b.keys("number 119")
	b.enter()
	if text := eval[string](b, `document.querySelector('main').innerText`); !strings.Contains(text, "1 of 120 servers found.") {
		t.Errorf("%.300s", text)
	}
	b.checkLooks("found")
	for _, page := range []string{"editions", "api/"} {
		b.open(url + page)
		b.checkLooks(strings.TrimSuffix(page, "/"))
	}
	b.open(url + "?page=2")
	b.checkLooks("last")
	if n := eval[int](b, `document.querySelectorAll('tbody tr').length`); n != 20 {
		t.Errorf("%d rows on the last page", n)
	}
	b.open(url + "status/r1/none")
	b.checkLooks("missing")
}
