package api_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/api"
)

// answer serves one fixed answer and returns a client for it.
func answer(t *testing.T, status int, header http.Header, body string) *api.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return &api.Client{Root: srv.URL, Token: api.AdminTokenPrefix + "x"}
}

func problemHeader(more ...string) http.Header {
	h := http.Header{"Content-Type": {api.ProblemType}}
	for i := 0; i < len(more); i += 2 {
		h.Set(more[i], more[i+1])
	}
	return h
}

// A failing is a network on which requests fail.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

// TestUnreachable: what keeps a root from being asked is said in words.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		err  error
		says string
	}{
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, "nobody listens at ms.example:1: is the root running, "},
		{&net.OpError{Op: "dial", Err: &net.DNSError{Name: "ms.example", IsNotFound: true}}, "the name of ms.example:1 cannot be resolved"},
		{http.ErrSchemeMismatch, "ms.example:1 speaks plain http: write http://ms.example:1"},
		{&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "the TLS certificate of ms.example:1 does not hold"},
		{io.ErrUnexpectedEOF, "asking ms.example:1: unexpected EOF"},
	} {
		c := &api.Client{Root: "https://ms.example:1", HTTP: &http.Client{Transport: failing{tc.err}}}
		if _, err := c.Register(t.Context(), api.RegistrationRequest{}); err == nil || !strings.HasPrefix(err.Error(), tc.says) {
			t.Errorf("%v is told as %v", tc.err, err)
		}
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		status int
		header http.Header
		body   string
		says   string
		retry  time.Duration
	}{
		{"problem", 422, problemHeader(), `{"type":"about:blank","title":"x","status":422,"detail":"Wrong.","errors":[{"field":"name","problem":"is empty"}]}`, "Wrong.\n  name: is empty", 0},
		{"retry", 429, problemHeader("Retry-After", "7"), `{"detail":"Full."}`, "Full.", 7 * time.Second},
		{"retry as date", 429, problemHeader("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"), `{"detail":"Full."}`, "Full.", 0},
		{"HTML", 404, http.Header{"Content-Type": {"text/html"}}, "<html>", "is this a root", 0},
		{"broken problem", 500, problemHeader(), "{", "is this a root", 0},
		{"redirect", 302, http.Header{"Location": {"https://example.org/api"}}, "", "sends such requests on to https://example.org,", 0},
		{"public listener", 404, problemHeader(), `{"detail":"` + api.NoSuchPath + `"}`, "admin listener", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := answer(t, tc.status, tc.header, tc.body).Mirrors(t.Context())
			var p *api.Problem
			if !errors.As(err, &p) || p.Status != tc.status || p.RetryAfter != tc.retry || !strings.Contains(err.Error(), tc.says) {
				t.Fatalf("%#v: %v; want %d and %q", p, err, tc.status, tc.says)
			}
		})
	}
}

func TestAnswerThatIsNotWhole(t *testing.T) {
	t.Parallel()
	_, err := answer(t, 200, nil, `[{"id":"r1"},`).Pending(t.Context())
	if err == nil || !strings.Contains(err.Error(), "not whole") {
		t.Fatal(err)
	}
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	c := api.Client{Root: "http://" + testenv.FreeAddress(t)}
	if _, err := c.Pending(t.Context()); err == nil || !strings.Contains(err.Error(), "admin listener") {
		t.Errorf("admin call: %v", err)
	}
	if _, err := c.Register(t.Context(), api.RegistrationRequest{}); err == nil || !strings.Contains(err.Error(), "public listener") {
		t.Errorf("registration: %v", err)
	}
}

func TestBadRootURL(t *testing.T) {
	t.Parallel()
	for _, root := range []string{"", "127.0.0.1:7481", "ftp://127.0.0.1/", "http://", "http://[::1"} {
		c := api.Client{Root: root}
		if _, err := c.Mirrors(t.Context()); err == nil || !strings.Contains(err.Error(), "http://host:port") {
			t.Errorf("%q: %v", root, err)
		}
	}
}

// TestWhatIsSent checks the path, that ids cannot leave their place in it, and
// that the token goes to the root alone.
func TestWhatIsSent(t *testing.T) {
	t.Parallel()
	var method, path, token, contentType string
	var body []byte
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		method, path, token, contentType = r.Method, r.URL.EscapedPath(), r.Header.Get("Authorization"), r.Header.Get("Content-Type")
		body, _ = io.ReadAll(r.Body)
		io.WriteString(w, `{"status_url":"/api/v1/registrations/r1/t"}`)
	}))
	t.Cleanup(srv.Close)
	c := api.Client{Root: srv.URL + "/ms", Token: api.AdminTokenPrefix + "x"}

	if _, err := c.Reject(t.Context(), "../../x y", "no"); err != nil {
		t.Fatal(err)
	}
	if want := "/ms/api/v1/admin/registrations/..%2F..%2Fx%20y/reject"; method != "POST" || path != want || contentType != "application/json" {
		t.Errorf("%s %s %s, want POST %s", method, path, contentType, want)
	}
	if token != "Bearer "+api.AdminTokenPrefix+"x" {
		t.Errorf("token %q", token)
	}
	document := "ms.example.org\ntype trust/1\n\n\u2014 x <&>\n" // goes as it is
	if _, err := c.PublishTrust(t.Context(), []byte(document)); err != nil {
		t.Fatal(err)
	}
	if string(body) != document || path != "/ms/api/v1/admin/trust" || contentType != "text/plain; charset=utf-8" {
		t.Errorf("%s %s with the body %q", path, contentType, body)
	}
	accepted, err := c.Register(t.Context(), api.RegistrationRequest{})
	if err != nil || accepted.StatusURL != srv.URL+"/api/v1/registrations/r1/t" {
		t.Errorf("status URL %q, %v", accepted.StatusURL, err)
	}
	other := api.Client{Root: "http://root.invalid/", Token: c.Token}
	if _, err := other.Status(t.Context(), srv.URL+"/api/v1/registrations/r1/t"); err != nil {
		t.Fatal(err)
	}
	if token != "" {
		t.Error("the token went to another host")
	}
	secure := api.Client{Root: strings.Replace(srv.URL, "http:", "https:", 1), Token: c.Token}
	if _, err := secure.Status(t.Context(), srv.URL+"/api/v1/registrations/r1/t"); err != nil {
		t.Fatal(err)
	}
	if token != "" {
		t.Error("the token went unencrypted to a root that speaks TLS")
	}
}

// TestClientWithoutTLS asks a server that speaks TLS without it.
func TestClientWithoutTLS(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.NotFoundHandler())
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	host := strings.TrimPrefix(srv.URL, "https://")
	_, err := (&api.Client{Root: "http://" + host}).Lists(t.Context())
	if want := host + " speaks TLS: write https://" + host; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}
