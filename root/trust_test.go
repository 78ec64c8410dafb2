package root_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/store/storetest"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// chain reads the trust documents of a data folder.
func chainOf(t testing.TB, dir string) *keys.Chain {
	t.Helper()
	chain, err := keys.NewChain(readFile(t, filepath.Join(dir, "public/trust/1.trust")))
	for n := 2; err == nil; n++ {
		data, readErr := os.ReadFile(filepath.Join(dir, fmt.Sprintf("public/trust/%d.trust", n)))
		if readErr != nil {
			return chain
		}
		chain, err = chain.Extend(data)
	}
	t.Fatal(err)
	return nil
}

type trustChange func(*keys.Trust)

// nextTrust returns the next trust document of a data folder, signed by the
// admin key that lies there.
func nextTrust(t testing.TB, dir string, changes ...trustChange) []byte {
	t.Helper()
	admin, err := keyfile.Load(filepath.Join(dir, "keys/admin.key"), origin+"/admin/first", nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := keys.Sign(trustDraft(t, dir, changes...), admin)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func trustDraft(t testing.TB, dir string, changes ...trustChange) []byte {
	t.Helper()
	next := *chainOf(t, dir).Newest()
	next.Version++
	next.Issued = time.Now()
	next.Keys, next.Roles = slices.Clone(next.Keys), slices.Clone(next.Roles)
	for _, change := range changes {
		change(&next)
	}
	text, err := next.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// newKey makes a key in the folder of keys.
func newKey(t testing.TB, dir, file, passphrase string) *keys.Signer {
	t.Helper()
	s, err := keyfile.Create(filepath.Join(dir, "keys", file), origin+"/"+strings.TrimSuffix(file, ".key"), []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signedBy gives the roles of the lists to one key.
func signedBy(key keys.VerifierKey) trustChange {
	return func(t *keys.Trust) {
		t.Keys = append(t.Keys[:2:2], key) // admin and recovery stay
		for _, i := range []int{1, 2} {
			t.Roles[i].Keys = []string{key.Name()}
		}
	}
}

// checkServed verifies what is served as a client would that asks for all of
// it, and compares it with the folder.
func (w *world) checkServed(documents int) {
	w.t.Helper()
	if n := w.chain().Newest().Version; n != int64(documents) {
		w.t.Errorf("trust document %d is the newest one served, want %d", n, documents)
	}
	if n := chainOf(w.t, w.dir).Newest().Version; n != int64(documents) {
		w.t.Errorf("trust document %d is the newest one in the folder, want %d", n, documents)
	}
	for name, typ := range map[string]string{"server.list": serverlist.TypeServerList, "mirror.list": serverlist.TypeMirrorList} {
		w.until("serve the file of the folder, "+name, func() bool { // there may be a new edition between two looks
			return bytes.Equal(w.open("/"+name, typ).Bytes(), readFile(w.t, filepath.Join(w.dir, "public", name)))
		})
	}
}

// untilServed waits for what a root does after it has asked its mirrors: documents
// that were put into its folder are served together with lists that hold under
// them.
func (w *world) untilServed(documents int) {
	w.t.Helper()
	w.until(fmt.Sprint("serve trust document ", documents), func() bool { return w.chain().Newest().Version == int64(documents) })
	w.checkServed(documents)
}

func TestPublishTrust(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	accepted := w.register(1)
	if _, err := w.client().Approve(t.Context(), accepted.ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	w.untilListed("server-1")
	key := newKey(t, w.dir, "list-2.key", "")
	document := nextTrust(t, w.dir, signedBy(key.VerifierKey()))
	published, err := w.client().PublishTrust(t.Context(), document)
	if err != nil {
		t.Fatal(err)
	}
	if published.Trust.Version != 2 || published.Trust.Document != string(document) || len(published.Trust.SHA256) != 64 ||
		strings.Join(published.Trust.Signers, " ") != origin+"/admin/first" || len(published.Lists) != 2 || published.Lists[0].Entries != 1 {
		t.Errorf("%+v", published)
	}
	w.checkServed(2)
	all, err := w.client().Trust(t.Context())
	if err != nil || len(all) != 2 || all[1].SHA256 != published.Trust.SHA256 || all[0].Version != 1 || all[0].Epoch != 1 || all[1].Issued.IsZero() {
		t.Errorf("%+v, %v", all, err)
	}
	again, err := w.client().PublishTrust(t.Context(), document)
	if err != nil || again.Trust.SHA256 != published.Trust.SHA256 || again.Lists[0].Version != published.Lists[0].Version {
		t.Errorf("published again: %+v, %v", again, err)
	}
	w.register(2)
	if _, err := w.client().Approve(t.Context(), "r2", api.Approval{}); err != nil {
		t.Fatal(err)
	}
	w.untilListed("server-1", "server-2")
	if log := w.log.String(); strings.Count(log, "signs trust documents lies on this machine") != 2 || !strings.Contains(log, "recovery.key") {
		t.Errorf("no warning of the keys that lie here: %s", log)
	}
	before := w.get("/server.list").body
	w.stop()
	restarted := serveData(t, w.dir)
	restarted.checkServed(2)
	if after := restarted.get("/server.list").body; !bytes.Equal(after, before) {
		t.Error("the restart made another edition")
	}
}

func TestTrustRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin := func(dir string) string { return filepath.Join(dir, "keys", "admin.key") }
	good := nextTrust(t, w.dir)
	elsewhere, encrypted, open := keyElsewhere(t), newKey(t, w.dir, "encrypted.key", "sesame"), newKey(t, w.dir, "open.key", "")
	other, third := newKey(t, w.dir, "other.key", ""), newKey(t, w.dir, "third.key", "")
	for _, err := range []error{
		os.Chmod(filepath.Join(w.dir, "keys/open.key"), 0o644),
		os.Rename(filepath.Join(w.dir, "keys/third.key"), filepath.Join(w.dir, "keys/other.key")), // not the half of other.key.pub
		os.WriteFile(filepath.Join(w.dir, "keys/damaged.key.pub"), []byte("hello\n"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	stranger := newData(t)
	before, files := w.snapshot(), listing(t, w.dir+"/public")
	for name, tc := range map[string]struct {
		body   []byte
		status int
		says   string
	}{
		"empty":           {nil, 422, "the document is empty"},
		"HTML":            {[]byte("<!DOCTYPE html>\n<p>Log in"), 422, "login page"},
		"JSON":            {[]byte(`{"version":2}`), 422, "does not follow document 1"},
		"unsigned":        {trustDraft(t, w.dir), 422, "not a signed document"},
		"cut off":         {good[:len(good)-9], 422, "does not follow document 1"},
		"a changed byte":  {bytes.Replace(good, []byte("version 2"), []byte("version 9"), 1), 422, "bad-signature"},
		"another root's":  {nextTrust(t, stranger), 422, "threshold"},
		"a gap":           {nextTrust(t, w.dir, func(t *keys.Trust) { t.Version = 3 }), 422, "document 3 does not follow document 1"},
		"CR":              {bytes.Replace(good, []byte("\n"), []byte("\r"), 1), 422, "does not follow document 1"},
		"too large":       {bytes.Repeat([]byte("x"), 200<<10), 413, "larger than a trust document"},
		"a key elsewhere": {nextTrust(t, w.dir, signedBy(elsewhere.VerifierKey())), 409, "is not in " + w.dir + "/keys; put it there"},
		"encrypted":       {nextTrust(t, w.dir, signedBy(encrypted.VerifierKey())), 409, "ssh-keygen -p -f " + w.dir + "/keys/encrypted.key"},
		"mode 0644":       {nextTrust(t, w.dir, signedBy(open.VerifierKey())), 409, "chmod 600"},
		"halves of two":   {nextTrust(t, w.dir, signedBy(other.VerifierKey())), 409, "is not the private half of"},
		"no private half": {nextTrust(t, w.dir, signedBy(third.VerifierKey())), 409, "there is no key file"},
		"two must sign": {nextTrust(t, w.dir, func(t *keys.Trust) {
			t.Roles[2] = keys.Role{Name: "list", Threshold: 2, Keys: []string{t.Keys[0].Name(), t.Keys[2].Name()}}
		}), 409, "give it the threshold 1"},
		"no role":     {nextTrust(t, w.dir, func(t *keys.Trust) { t.Roles = t.Roles[:2] }), 409, "no such role"},
		"the future":  {nextTrust(t, w.dir, func(t *keys.Trust) { t.Issued = time.Now().AddDate(0, 0, 2) }), 409, "clock of this machine"},
		"a key found": {readFile(t, admin(w.dir)), 422, "does not follow document 1"},
	} {
		p := w.send(exchange{"POST", w.admin + "/api/v1/admin/trust", []string{"Authorization: Bearer " + w.token}, string(tc.body)}).problem(t, tc.status)
		if !strings.Contains(p.Detail, tc.says) {
			t.Errorf("%s: %q, want %q", name, p.Detail, tc.says)
		}
		if strings.Contains(p.Detail, "PRIVATE KEY") || strings.Contains(p.Detail, "sesame") {
			t.Errorf("%s: the answer gives a secret away: %s", name, p.Detail)
		}
	}
	w.send(exchange{"POST", w.admin + "/api/v1/admin/trust", nil, string(good)}).problem(t, http.StatusUnauthorized)
	w.send(exchange{"POST", w.public + "/api/v1/admin/trust", []string{"Authorization: Bearer " + w.token}, string(good)}).problem(t, http.StatusNotFound)
	w.ask("POST", "/trust", string(good), "Content-Encoding: gzip").problem(t, http.StatusUnsupportedMediaType)
	if after := w.snapshot(); after != before || listing(t, w.dir+"/public") != files {
		t.Errorf("something changed: %+v, was %+v", after, before)
	}
	if _, err := w.client().PublishTrust(t.Context(), good); err != nil {
		t.Error(err)
	}
	w.checkServed(2)
}

// A running root opens a new key only with what it knows already.
func TestTrustAndPassphrases(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		old, new string
		refused  bool
	}{
		"the same":           {"open sesame", "open sesame", false},
		"none":               {"open sesame", "", false},
		"another":            {"open sesame", "close sesame", true},
		"the first had none": {"", "open sesame", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := newData(t)
			old := newKey(t, dir, "list-1b.key", tc.old)
			unencrypted := serveData(t, dir)
			if _, err := unencrypted.client().PublishTrust(t.Context(), nextTrust(t, dir, signedBy(old.VerifierKey()))); (err == nil) != (tc.old == "") {
				t.Fatal(err)
			}
			unencrypted.stop()
			ask := func(secret string) func(*config.Config) {
				asked := 0
				return func(c *config.Config) {
					c.Passphrase = func() ([]byte, error) {
						if asked++; asked > 1 {
							t.Error("asked twice")
						}
						return []byte(secret), nil
					}
				}
			}
			if tc.old != "" { // as the remedy says: put there while the root is down
				put(t, dir, nextTrust(t, dir, signedBy(old.VerifierKey())))
			}
			w := serveData(t, dir, ask(tc.old))
			w.untilServed(2)
			key := newKey(t, dir, "list-2.key", tc.new)
			document := nextTrust(t, dir, signedBy(key.VerifierKey()))
			a := w.send(exchange{"POST", w.admin + "/api/v1/admin/trust", []string{"Authorization: Bearer " + w.token}, string(document)})
			if !tc.refused {
				decode[api.TrustPublished](t, a, 200)
				w.checkServed(3)
				return
			}
			p := a.problem(t, http.StatusConflict)
			if !strings.Contains(p.Detail, "stop the root") || !strings.Contains(p.Detail, "ssh-keygen -p") {
				t.Errorf("no remedy: %s", p.Detail)
			}
			w.checkServed(2)
			w.stop()
			put(t, dir, document)
			serveData(t, dir, ask(tc.new)).untilServed(3)
		})
	}
}

// put puts a trust document where the root finds it when it starts.
func put(t *testing.T, dir string, document []byte) {
	t.Helper()
	path := filepath.Join(dir, fmt.Sprintf("public/trust/%d.trust", chainOf(t, dir).Newest().Version+1))
	if err := os.WriteFile(path, document, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestTrustSurvivesAKill kills the root as soon as it has answered.
func TestTrustSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	for n := 2; n <= 4; n++ {
		child := startChild(t, dir)
		key := newKey(t, dir, fmt.Sprintf("list-%d.key", n), "")
		if _, err := child.client().PublishTrust(t.Context(), nextTrust(t, dir, signedBy(key.VerifierKey()))); err != nil {
			t.Fatal(err)
		}
		child.stop() // kills
	}
	serveData(t, dir).checkServed(4)
}

// A launcher that asks all the time shows a list at every moment of rotations,
// and none of its answers is older than the one before.
func TestRotationsUnderAClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(1)
	if _, err := w.client().Approve(t.Context(), "r1", api.Approval{}); err != nil {
		t.Fatal(err)
	}
	w.untilListed("server-1")
	client, err := serverlist.New(serverlist.Config{
		Trust: w.get("/trust/1.trust").body, Root: []string{w.public + "/"}, HTTP: w.http,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { refreshUntil(ctx, t, client) })
	for n := 2; n <= 4; n++ {
		key := newKey(t, w.dir, fmt.Sprintf("list-%d.key", n), "")
		if _, err := w.client().PublishTrust(ctx, nextTrust(t, w.dir, signedBy(key.VerifierKey()))); err != nil {
			t.Error(err)
		}
	}
	cancel()
	wg.Wait()
	result, err := client.Refresh(t.Context())
	if err != nil || result.Source != serverlist.SourceLive || result.List.Head.Trust != 4 || len(result.List.Servers) != 1 {
		t.Errorf("at the end: %+v, %v", result, err)
	}
}

func refreshUntil(ctx context.Context, t *testing.T, client *serverlist.Client) {
	var last int64
	for ctx.Err() == nil {
		result, err := client.Refresh(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil || len(result.List.Servers) != 1 {
			t.Errorf("%+v, %v", result, err)
			return
		}
		if v := result.List.Head.Version; v < last {
			t.Errorf("version %d after %d", v, last)
		}
		last = result.List.Head.Version
	}
}

func TestTrustIsRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if _, err := w.client().PublishTrust(t.Context(), nextTrust(t, w.dir)); err != nil {
		t.Fatal(err)
	}
	st, err := store.OpenSQLite(t.Context(), store.Config{Path: filepath.Join(w.dir, "root.db"), MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	d := storetest.Recorded(t, st, 10)
	if d[0].Action != store.ActionPublishTrust || d[0].Subject != "trust/2" || d[0].Admin != "admin" || d[0].Source != "127.0.0.1" {
		t.Errorf("%+v", d)
	}
}

// keyElsewhere makes a key that no root has.
func keyElsewhere(t testing.TB) *keys.Signer {
	t.Helper()
	s, err := keyfile.Create(filepath.Join(t.TempDir(), "x.key"), origin+"/list/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
