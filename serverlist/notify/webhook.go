package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
)

const (
	webhookTimeout = 15 * time.Second // for one try
	maxWebhookBody = 64 << 10         // of an answer, in bytes; only its end matters
)

// webhookPauses are those between the tries of one message.
var webhookPauses = []time.Duration{2 * time.Second, 10 * time.Second}

// A Webhook posts messages as JSON.
type Webhook struct {
	// URL is where to post to. It may hold a token, as those of many chat
	// services do, and is never printed but for its host.
	URL func() (string, error)

	Secret func() (string, error) // signs each body; nil: not signed
	HTTP   *http.Client           // nil: one that keeps no connection and follows no redirect
}

// CheckWebhookURL returns an error unless s can be the URL of a webhook.
func CheckWebhookURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" {
		return errors.New(`url is not that of a webhook; expected one as "https://example.net/hook"`)
	}
	return nil
}

func (w *Webhook) String() string {
	s, err := w.URL()
	u, parseErr := url.Parse(s)
	if err != nil || parseErr != nil {
		return "webhook"
	}
	return "webhook " + u.Host
}

// Send posts until a server takes the message: three times at most, and only
// while the failure may pass.
func (w *Webhook) Send(ctx context.Context, m Message) error {
	for _, pause := range webhookPauses {
		again, err := w.Try(ctx, m)
		if err == nil || !again {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
	_, err := w.Try(ctx, m)
	return err
}

// Try posts once, and tells also whether it may help to try again.
func (w *Webhook) Try(ctx context.Context, m Message) (again bool, err error) {
	body, err := json.Marshal(m)
	if err != nil {
		return false, err
	}
	return w.post(ctx, m.ID, body)
}

func (w *Webhook) post(ctx context.Context, id string, body []byte) (again bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	req, err := w.request(ctx, id, body)
	if err != nil {
		return false, err
	}
	resp, err := w.client().Do(req)
	if err != nil {
		var inner *url.Error
		if errors.As(err, &inner) {
			err = inner.Err // the outer one shows the URL, which may hold a token
		}
		return true, fmt.Errorf("asking %s: %w", req.URL.Host, err)
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, io.LimitReader(resp.Body, maxWebhookBody))
	switch code := resp.StatusCode; {
	case code < 300:
		return false, nil
	case code < 400:
		return false, fmt.Errorf("%s answered %s, which is a redirect; name the URL that it leads to", req.URL.Host, resp.Status)
	default:
		again := code >= 500 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout
		return again, fmt.Errorf("%s answered %s: is the URL right, and the secret?", req.URL.Host, resp.Status)
	}
}

func (w *Webhook) request(ctx context.Context, id string, body []byte) (*http.Request, error) {
	target, err := w.URL()
	if err == nil {
		err = CheckWebhookURL(target)
	}
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the URL of the webhook is not one") // err shows it
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(HeaderID, webhookID(id))
	if w.Secret != nil {
		secret, err := w.Secret()
		if err != nil {
			return nil, err
		}
		if err := Sign(req.Header, secret, time.Now(), body); err != nil {
			return nil, err
		}
	}
	return req, nil
}

func (w *Webhook) client() *http.Client {
	if w.HTTP != nil {
		return w.HTTP
	}
	return &http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Host returns the host of the URL, in lower case; "" when it is not known.
func (w *Webhook) Host() string {
	s, err := w.URL()
	u, parseErr := url.Parse(s)
	if err != nil || parseErr != nil {
		return ""
	}
	return strings.ToLower(u.Hostname())
}

// ReadWebhook reads the keys of a [[notify]] of type "webhook". What is wrong is
// noted in t, whose other keys the caller reads before it asks for unknown ones.
// Dir and notes are those of [Read].
func ReadWebhook(t *tomlfile.Table, dir string) (w *Webhook, notes []string) {
	r := &reader{Table: t, dir: dir}
	return r.webhook(), r.notes
}

// webhook reads the keys of a webhook.
func (r *reader) webhook() *Webhook {
	w := &Webhook{Secret: r.secret("secret")}
	if !r.Has("url") {
		if w.URL = r.secret("url"); w.URL == nil {
			r.Require("url", `url = "https://example.net/hook", or url_file if the URL is itself a secret`)
			w.URL = func() (string, error) { return "", errors.New("url is missing") }
		}
		return w
	}
	s := r.Text("url")
	if s != "" {
		r.Check("url", CheckWebhookURL(s))
	}
	w.URL = func() (string, error) { return s, nil }
	return w
}
