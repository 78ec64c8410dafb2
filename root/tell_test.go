package root_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/mail"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

// received returns the messages to somebody.
func received(server *testenv.MailServer, to string) (texts []string) {
	for _, l := range server.Letters() {
		if slices.Contains(l.To, to) {
			texts = append(texts, l.Text)
		}
	}
	return texts
}

// Whoever asked for a mirror reads that the request has arrived and what became
// of it, each once, even if the root ends between the decision and the message.
func TestRequesterIsWrittenTo(t *testing.T) {
	t.Parallel()
	p := testenv.Mail(t, notify.NoTLS)
	dir := newData(t)
	mailed := func(c *config.Config) {
		c.WatchOff = true
		c.Mail = &mail.Mail{Server: notify.Mail{Host: p.Address, TLS: notify.NoTLS, From: "ms@example.org"}, Admins: []string{"admin@example.org"}}
	}
	w := serveData(t, dir, mailed)
	c := w.client()
	for _, id := range []string{"wien", "graz"} {
		req := mirrorRequest(func(r *api.MirrorRequest) {
			r.ID, r.Email, r.URLs = id, id+"@example.org", []string{"http://" + id + ".example.org/"}
		})
		decode[api.Accepted](t, w.postMirror(req), http.StatusAccepted)
	}
	w.ask("POST", "/messages/test", "") // wakes who looks for news
	until(t, "both have arrived", func() bool {
		return len(received(p, "wien@example.org")) == 1 && len(received(p, "graz@example.org")) == 1
	})
	if _, err := c.ApproveMirror(t.Context(), "m1", api.MirrorApproval{Mirror: "wien-2", Unchecked: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RejectMirror(t.Context(), "m2", "no contact"); err != nil {
		t.Fatal(err)
	}
	w.ask("POST", "/mirror-registrations/m2/reject", `{"reason":"once more"}`).problem(t, http.StatusConflict)
	w.stop()

	w = serveData(t, dir, mailed) // it looks into the outbox when it starts
	all := w.sentMessages(5)
	w.stop()
	for _, m := range all {
		if m.Error != "" || m.Tries != 1 {
			t.Errorf("%+v", m)
		}
	}
	for to, letters := range map[string][]string{
		"wien@example.org": {
			"Subject: [ms.example.org] request m1 has arrived\r\n;put a mirror into",
			"Subject: [ms.example.org] mirror wien-2 is accepted\r\n;under the id wien-2;request m1",
		},
		"graz@example.org": {
			"Subject: [ms.example.org] request m2 has arrived\r\n",
			"Subject: [ms.example.org] request m2 is turned down\r\n;no contact;request m2",
		},
	} {
		got := received(p, to)
		if len(got) != len(letters) {
			t.Fatalf("%d messages to %s", len(got), to)
		}
		for i, want := range letters {
			for text := range strings.SplitSeq(want, ";") {
				if !strings.Contains(got[i], text) {
					t.Errorf("the message lacks %q:\n%s", text, got[i])
				}
			}
		}
	}
	if log := w.log.String(); strings.Contains(log, "wien@example.org") {
		t.Errorf("a private address is in the log:\n%s", log)
	}
}

// sentMessages returns all messages but summaries when so many are sent.
func (w *world) sentMessages(n int) (sent []api.Message) {
	w.t.Helper()
	w.until(fmt.Sprintf("send %d messages", n), func() bool {
		all, err := w.client().Messages(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		sent = slices.DeleteFunc(all, func(m api.Message) bool { return m.Event == "registration.arrived" })
		return len(sent) == n && !slices.ContainsFunc(sent, func(m api.Message) bool { return m.Done == nil })
	})
	return sent
}

// The password of the mail server is read when it is needed, and one that
// others can read is told of.
func TestMailPassword(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	path := filepath.Join(dir, "root.toml")
	text := string(readFile(t, path)) + "\n[mail]\nhost = \"m:25\"\nfrom = \"a@example.org\"\nuser = \"u\"\npassword_file = \"pw\"\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for content, want := range map[string]string{
		"s3cret\n": "", "": "is empty", "s3cret\nsecond": "more than one line", strings.Repeat("s3cret", 1000): "larger than",
	} {
		path := filepath.Join(dir, "pw")
		for mode, notes := range map[os.FileMode]int{0o600: 0, 0o604: 1} {
			if err := errors.Join(os.WriteFile(path, []byte(content), mode), os.Chmod(path, mode)); err != nil {
				t.Fatal(err)
			}
			if runtime.GOOS == "windows" { // there the mode says nothing of access
				notes = 0
			}
			cfg, err := config.Load(dir)
			if err != nil || len(cfg.Notes) != notes {
				t.Fatalf("%q, %v", cfg.Notes, err)
			}
			secret, err := cfg.Mail.Server.Password()
			if want == "" && (err != nil || secret != "s3cret") || want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("%q: %q, %v", content, secret, err)
			}
		}
	}
}
