package serverlist

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// userAgent is the same for every installation and every version of a
	// program, so that it tells nobody apart.
	userAgent       = "serverlist/1"
	maxRedirects    = 3
	maxHeaderBytes  = 64 << 10
	idleConnTimeout = 30 * time.Second
)

// An answer is a response that may bring a document. Reading it yields the
// decoded bytes.
type answer struct {
	io.Reader
	url         string
	header      http.Header
	notModified bool
	partial     bool // the range that was asked for
	watch       *watch
	response    io.Closer
}

func (a *answer) close() {
	a.watch.end()
	a.response.Close()
}

func (a *answer) explain(err error) error { return explain(a.url, err) }

// get sends one request with these headers. Close the answer.
func (f *Fetcher) get(ctx context.Context, rawURL string, header http.Header) (*answer, error) {
	u, err := parseHTTP(rawURL)
	if err != nil {
		return nil, &FetchError{URL: rawURL, Outcome: OutcomeFailed, Detail: err.Error(), Err: err}
	}
	route := &route{}
	w := newWatch(ctx, f.Tuning.withDefaults())
	a, err := f.send(w, route, u, header)
	if err != nil {
		err = explain(rawURL, w.cause(err))
		w.end()
		return nil, err
	}
	return a, nil
}

func (f *Fetcher) send(w *watch, route *route, u *url.URL, header http.Header) (*answer, error) {
	if err := f.checkHost(u, route); err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(f.withRoute(w.ctx, route, w.cancel), http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if header != nil {
		req.Header = header
	}
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", "*/*") // some hosts refuse requests without it
	if req.Header.Get("Accept-Encoding") == "" {
		req.Header.Set("Accept-Encoding", "identity")
	}
	resp, err := f.client().Do(req)
	if err != nil {
		return nil, err
	}
	a, err := newAnswer(u.String(), req.Header, resp, w)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return a, nil
}

func newAnswer(url string, asked http.Header, resp *http.Response, w *watch) (*answer, error) {
	a := &answer{url: url, header: resp.Header, watch: w, response: resp.Body}
	conditional := asked.Get("If-None-Match")+asked.Get("If-Modified-Since") != ""
	switch {
	case resp.StatusCode == http.StatusNotModified && conditional:
		a.notModified = true
		return a, nil
	case resp.StatusCode == http.StatusPartialContent && asked.Get("Range") != "":
		a.partial = true
		if r := resp.Header.Get("Content-Range"); !strings.HasPrefix(r, "bytes 0-") {
			return nil, refusal(fmt.Sprintf("the host answers the range %.40q instead of the beginning", r))
		}
	case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusNonAuthoritativeInfo:
		return nil, statusError(url, resp.StatusCode)
	}
	body := w.watched(resp.Body)
	switch e := strings.ToLower(resp.Header.Get("Content-Encoding")); {
	case e == "" || e == "identity":
		a.Reader = body
	case (e == "gzip" || e == "x-gzip") && asked.Get("Accept-Encoding") == "gzip":
		a.Reader = &gunzip{r: body}
	default:
		return nil, refusal(fmt.Sprintf("the host sends the encoding %.20q, which was not asked for", e))
	}
	return a, nil
}

// client returns the one client of this Fetcher.
func (f *Fetcher) client() *http.Client {
	f.once.Do(func() {
		f.http = &http.Client{Transport: f.transport(), CheckRedirect: f.checkRedirect}
	})
	return f.http
}

func (f *Fetcher) transport() http.RoundTripper {
	base := &http.Transport{
		Proxy:             http.ProxyFromEnvironment,
		ForceAttemptHTTP2: true,
		IdleConnTimeout:   idleConnTimeout,
	}
	if f.HTTP != nil && f.HTTP.Transport != nil {
		given, ok := f.HTTP.Transport.(*http.Transport)
		if !ok || hasDialer(given) {
			return f.HTTP.Transport
		}
		base = given.Clone()
	}
	connect := f.Tuning.withDefaults().Connect
	base.DialContext = f.dialer(connect).DialContext
	base.TLSHandshakeTimeout = connect
	base.MaxResponseHeaderBytes = maxHeaderBytes
	redirected := base.Clone()
	redirected.DisableKeepAlives = true
	return &hops{base, redirected}
}

func hasDialer(t *http.Transport) bool {
	//lint:ignore SA1019 a transport that still uses the deprecated fields has a dialer of its own too
	return t.DialContext != nil || t.DialTLSContext != nil || t.Dial != nil || t.DialTLS != nil
}

// hops sends what follows a redirect through a transport without kept
// connections: each address is dialled, and so judged by where the redirect
// came from.
type hops struct{ first, redirected *http.Transport }

func (h *hops) RoundTrip(req *http.Request) (*http.Response, error) {
	if routeOf(req.Context()).redirected.Load() {
		return h.redirected.RoundTrip(req)
	}
	return h.first.RoundTrip(req)
}

// checkRedirect judges the next hop of a request.
func (f *Fetcher) checkRedirect(req *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return refusal(fmt.Sprintf("more than %d redirects: the host is set up in a circle, or a captive portal sends its guests around", maxRedirects))
	}
	req.Header.Del("Referer") // net/http adds it; nobody needs to know
	if _, err := parseHTTP(req.URL.String()); err != nil {
		return refusal(fmt.Sprintf("redirects to a URL that %v", err))
	}
	r := routeOf(req.Context())
	r.redirected.Store(true)
	r.fromPublic.Store(r.fromPublic.Load() || r.atPublic(via[len(via)-1].URL.Hostname()))
	if err := f.checkHost(req.URL, r); err != nil || f.Redirect == nil {
		return err
	}
	return f.Redirect(req.Context(), req.URL)
}

// parseHTTP takes http and https URLs without credentials and fragment.
func parseHTTP(s string) (*url.URL, error) {
	if err := CheckMirrorURL(s); err != nil {
		return nil, fmt.Errorf("%q: %w", clip(s), err)
	}
	return url.Parse(s)
}
