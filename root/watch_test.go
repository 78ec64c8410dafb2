package root_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

// hasty leaves a mirror out at the second bad look and takes it in at the first
// good one.
func hasty(c *config.Config) {
	c.WatchOff = true // only when the test asks for it
	c.Watch.WrongGrace, c.Watch.WellFor = -time.Second, -time.Second
	c.PublicURL = "http://ms.example.org/"
}

func listedIDs(w *world) string {
	var ids []string
	for _, m := range w.open("/mirror.list", serverlist.TypeMirrorList).Mirrors {
		ids = append(ids, m.ID)
	}
	return strings.Join(ids, " ")
}

// A mirror that lies is left out of the served list, its contact and the admins
// are written to, and all of it is shown.
func TestWatcherChangesTheList(t *testing.T) {
	t.Parallel()
	w := newWorld(t, hasty, func(c *config.Config) {
		c.Mail = &mail.Mail{Server: notify.Mail{Host: "127.0.0.1:9", TLS: notify.NoTLS, From: "ms@example.org"}, Admins: []string{"admin@example.org"}}
	})
	c := w.client()
	folder := http.FileServer(http.Dir(filepath.Join(w.dir, "public")))
	var lies atomic.Bool
	bad := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if lies.Load() {
			rw.Write([]byte("ms.example.org\nnot signed\n"))
			return
		}
		folder.ServeHTTP(rw, r)
	}))
	t.Cleanup(bad.Close)
	good := httptest.NewServer(folder)
	t.Cleanup(good.Close)
	for id, url := range map[string]string{"a-good": good.URL + "/", "b-bad": bad.URL + "/", "c-good": strings.Replace(good.URL, "127.0.0.1", "localhost", 1) + "/"} {
		if _, err := c.AddMirror(t.Context(), api.NewMirror{Unchecked: true, Mirror: api.Mirror{ID: id, Operator: id, Email: id + "@example.org", URLs: []string{url}}}); err != nil {
			t.Fatal(err)
		}
	}
	check := func() api.WatchedMirror {
		t.Helper()
		all, err := c.CheckMirrors(t.Context())
		if err != nil || len(all) != 4 || !all[0].Root {
			t.Fatalf("%+v, %v", all, err)
		}
		return all[2]
	}
	if m := check(); m.State != "well" || m.Last == nil || m.Last.Version == 0 || m.Last.Error != "" {
		t.Errorf("%+v %+v", m, m.Last)
	}
	lies.Store(true)
	if m := check(); m.State != "wrong" || m.LeftOut != nil {
		t.Errorf("%+v", m)
	}
	if m := check(); m.LeftOut == nil || m.Drops != 1 || m.Last.Error == "" {
		t.Errorf("%+v", m)
	}
	if ids := listedIDs(w); ids != "a-good c-good root" {
		t.Errorf("the list has %s", ids)
	}
	messages, err := c.Messages(t.Context())
	if err != nil || len(messages) != 2 || !strings.Contains(messages[0].Subject, "b-bad is left out") {
		t.Errorf("%+v, %v", messages, err)
	}
	w.checkMetrics(`metaserver_mirror_state{mirror="b-bad",state="wrong"} 1`, `metaserver_mirror_listed{mirror="b-bad"} 0`,
		`metaserver_mirror_listed{mirror="a-good"} 1`, "metaserver_mirrors_left_out 1", "metaserver_messages_waiting 2",
		`metaserver_list_entries{list="mirror.list"} 3`, "go_goroutines")
	lies.Store(false)
	if m := check(); m.LeftOut != nil || m.State != "well" {
		t.Errorf("%+v", m)
	}
	if ids := listedIDs(w); ids != "a-good b-bad c-good root" {
		t.Errorf("the list has %s", ids)
	}
	history, err := c.Mirror(t.Context(), "b-bad")
	if err != nil || len(history.Checks) != 4 || history.Checks[0].State != "well" || history.Checks[1].State != "wrong" {
		t.Errorf("%+v, %v", history, err)
	}
	w.ask("GET", "/mirrors/nobody", "").problem(t, http.StatusNotFound)
}

func (w *world) checkMetrics(lines ...string) {
	w.t.Helper()
	if a := w.send(exchange{"GET", w.admin + "/metrics", nil, ""}); a.status != http.StatusUnauthorized {
		w.t.Errorf("metrics without a token: %d", a.status)
	}
	a := w.send(exchange{"GET", w.admin + "/metrics", []string{"Authorization: Bearer " + w.token}, ""})
	for _, line := range lines {
		if a.status != http.StatusOK || !strings.Contains(string(a.body), "\n"+line) {
			w.t.Errorf("metrics (%d) lack %s", a.status, line)
		}
	}
	if w.t.Failed() {
		w.t.Logf("%s", a.body)
	}
}

// Many mirrors at once are left out only when an admin says so.
func TestManyLeftOutNeedConfirmation(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	st, err := store.OpenSQLite(t.Context(), store.Config{Path: filepath.Join(dir, "root.db"), MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	for i := range 40 {
		id := "m-" + strings.Repeat("x", i+1)
		if _, err := st.AddMirror(t.Context(), serverlist.Mirror{ID: id, Operator: id, URLs: []string{"http://" + id + ".example/"}}, "", "alice"); err != nil {
			t.Fatal(err)
		}
	}
	w := serveData(t, dir, hasty)
	c := w.client()
	w.waitForEntries(41)
	all, err := st.WatchedMirrors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var seen []store.Seen
	for _, m := range all[:12] {
		watch := m.Watch
		watch.State, watch.LeftOut = store.MirrorStale, time.Now()
		seen = append(seen, store.Seen{Mirror: m.Mirror.ID, Change: m.Change, Watch: watch, Check: store.MirrorCheck{At: time.Now(), State: store.MirrorStale}})
	}
	change, err := st.RecordChecks(t.Context(), seen, 10)
	if err != nil || change == 0 {
		t.Fatal(change, err)
	}
	if _, err := c.CheckMirrors(t.Context()); err != nil { // none of them is reachable: own network, nothing changes
		t.Fatal(err)
	}
	late, err := (&api.Client{Root: w.public, HTTP: w.http}).RegisterMirror(t.Context(), mirrorRequest())
	if err != nil {
		t.Fatal(err)
	}
	w.ask("POST", "/mirror-registrations/m1/approve", `{"unchecked":true}`).problem(t, http.StatusConflict)
	w.checkInList(late, false)
	lists, err := c.Lists(t.Context())
	if err != nil || lists[1].Confirm == 0 || lists[1].Entries != 41 {
		t.Fatalf("%+v, %v", lists, err)
	}
	if _, err := c.Confirm(t.Context(), "mirror.list", lists[1].Confirm); err != nil {
		t.Fatal(err)
	}
	w.waitForEntries(30) // 28 of the first, the late one, and the root
	w.checkInList(late, true)
}

// checkInList compares what whoever asked for a mirror is told about the list.
func (w *world) checkInList(request api.Accepted, want bool) {
	w.t.Helper()
	place := strings.Replace(request.StatusURL, "http://ms.example.org", w.public, 1)
	status, err := (&api.Client{Root: w.public, HTTP: w.http}).MirrorStatus(w.t.Context(), place)
	if err != nil || status.Status != "approved" || status.InList != want {
		w.t.Errorf("%+v, %v, want in_list %v", status, err, want)
	}
}

func (w *world) waitForEntries(n int) {
	w.t.Helper()
	w.until(fmt.Sprintf("list %d mirrors", n), func() bool { return len(w.open("/mirror.list", serverlist.TypeMirrorList).Mirrors) == n })
}
