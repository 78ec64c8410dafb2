package notify_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

func known(s string) func() (string, error) { return func() (string, error) { return s, nil } }

var message = notify.Message{ID: "m1", Event: "test.event", Time: time.Unix(1_793_000_000, 0).UTC(),
	Subject: "Something happened", Text: "This.\nAnd that: ünïcode.\n", Details: map[string]int{"n": 7}}

// TestWebhook posts to a real server, which checks the signature by its own
// means.
func TestWebhook(t *testing.T) {
	t.Parallel()
	var got notify.Message
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		mac := hmac.New(sha256.New, []byte("swordfish"))
		mac.Write([]byte(r.Header.Get("webhook-id") + "." + r.Header.Get("webhook-timestamp") + "."))
		mac.Write(body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" ||
			r.Header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) ||
			notify.Verify(r.Header, "swordfish", time.Now(), body) != nil || notify.Verify(r.Header, "swordfish", time.Now(), body[1:]) == nil {
			http.Error(w, "no", http.StatusForbidden)
			return
		}
		if err := json.Unmarshal(body, &got); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	}))
	defer server.Close()
	hook := &notify.Webhook{URL: known(server.URL + "/hook?token=t"), Secret: known("swordfish")}
	if err := hook.Send(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	if got.ID != "m1" || got.Event != "test.event" || !got.Time.Equal(message.Time) || got.Subject != message.Subject || got.Text != message.Text || fmt.Sprint(got.Details) != "map[n:7]" {
		t.Errorf("the server got %+v", got)
	}

	hook.Secret = known("wrong")
	if err := hook.Send(t.Context(), message); err == nil || !strings.Contains(err.Error(), "403 Forbidden: is the URL right, and the secret?") {
		t.Errorf("a wrong secret: %v", err)
	}
	hook.Secret = func() (string, error) { return "", errors.New("no such file") }
	if err := hook.Send(t.Context(), message); err == nil || err.Error() != "no such file" {
		t.Errorf("no secret: %v", err)
	}
}

// TestWebhookHidesItsURL: errors of the network name the host, not the token.
func TestWebhookHidesItsURL(t *testing.T) {
	t.Parallel()
	address := testenv.FreeAddress(t)
	ctx := t.Context()
	synctestless := &notify.Webhook{URL: known("http://" + address + "/s3cret"), HTTP: &http.Client{Transport: refuseAgain{}}}
	err := synctestless.Send(ctx, message)
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), address) {
		t.Errorf("got %v", err)
	}
}

// refuseAgain answers what is not worth another try, once the connection was
// refused.
type refuseAgain struct{}

func (refuseAgain) RoundTrip(r *http.Request) (*http.Response, error) {
	conn, err := net.Dial("tcp", r.URL.Host)
	if err == nil {
		conn.Close()
		return nil, errors.New("somebody listens")
	}
	return &http.Response{StatusCode: http.StatusFound, Status: "302 Found", Body: http.NoBody}, nil
}

// answers is a server without a network, which answers each request by the
// next of its list and notes when it came.
type answers struct {
	codes []int // 0: the connection breaks
	start time.Time
	times []time.Duration
	ids   []string
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	var m notify.Message
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		return nil, err
	}
	a.ids = append(a.ids, m.ID)
	a.times = append(a.times, time.Since(a.start))
	code := a.codes[0]
	if len(a.codes) > 1 {
		a.codes = a.codes[1:]
	}
	if code == 0 {
		return nil, errors.New("connection reset")
	}
	return &http.Response{StatusCode: code, Status: fmt.Sprint(code), Body: io.NopCloser(strings.NewReader("x"))}, nil
}

// TestWebhookTriesAgain: only while it may help.
func TestWebhookTriesAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		codes []int
		times []time.Duration
		want  string
	}{
		"taken":           {[]int{204}, []time.Duration{0}, ""},
		"at the second":   {[]int{503, 200}, []time.Duration{0, 2 * time.Second}, ""},
		"at the third":    {[]int{0, 429, 200}, []time.Duration{0, 2 * time.Second, 12 * time.Second}, ""},
		"never":           {[]int{500}, []time.Duration{0, 2 * time.Second, 12 * time.Second}, "hook.example answered 500"},
		"never connected": {[]int{0}, []time.Duration{0, 2 * time.Second, 12 * time.Second}, "asking hook.example: connection reset"},
		"refused":         {[]int{404}, []time.Duration{0}, "hook.example answered 404"},
		"redirect":        {[]int{301}, []time.Duration{0}, "which is a redirect"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{codes: c.codes, start: time.Now()}
				hook := &notify.Webhook{URL: known("http://hook.example/"), HTTP: &http.Client{Transport: a, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
				err := hook.Send(t.Context(), message)
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				if !slices.Equal(a.times, c.times) {
					t.Errorf("tried at %v, want %v", a.times, c.times)
				}
				if len(slices.Compact(a.ids)) != 1 {
					t.Errorf("the tries have different ids: %q", a.ids)
				}
			})
		})
	}
}

// TestOutbox: what a channel did not take is sent later, in order and once.
func TestOutbox(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad := &answers{codes: []int{404, 404, 200}, start: time.Now()}
		good := &answers{codes: []int{200}, start: time.Now()}
		var log bytes.Buffer
		box := notify.NewOutbox([]notify.Channel{
			&notify.Webhook{URL: known("http://bad.example/"), HTTP: &http.Client{Transport: bad}},
			&notify.Webhook{URL: known("http://good.example/"), HTTP: &http.Client{Transport: good}},
		}, time.Now, slog.New(slog.NewTextHandler(&log, nil)))
		first, second := message, message
		first.ID, second.ID = "first", "second"
		box.Add(first)
		for minute := range 40 {
			if minute == 3 {
				box.Add(second)
			}
			box.Flush(t.Context())
			time.Sleep(time.Minute)
		}
		if !slices.Equal(good.ids, []string{"first", "second"}) {
			t.Errorf("the good channel got %q", good.ids)
		}
		want := []time.Duration{0, 5 * time.Minute, 15 * time.Minute, 15 * time.Minute}
		if !slices.Equal(bad.ids, []string{"first", "first", "first", "second"}) || !slices.Equal(bad.times, want) {
			t.Errorf("the bad channel got %q at %v", bad.ids, bad.times)
		}
		if !strings.Contains(log.String(), "webhook bad.example") || strings.Count(log.String(), "message sent") != 4 {
			t.Errorf("log:\n%s", log.String())
		}
	})
}
