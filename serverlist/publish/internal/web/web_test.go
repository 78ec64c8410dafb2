package web

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParseBase(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://h.example":              "https://h.example/",
		"http://h.example:8080/a%20b/c":  "http://h.example:8080/a%20b/c/",
		"https://h.example/%2e%2e/":      "https://h.example/%2e%2e/",
		"":                               "",
		"h.example/a":                    "",
		"ftp://h.example/":               "",
		"https://":                       "",
		"https://user@h.example/":        "",
		"https://user:secret@h.example/": "",
		"https://h.example/?a=secret":    "",
		"https://h.example/?":            "",
		"https://h.example/#secret":      "",
		"https://secret:%zz@h.example/":  "",
		"https://h.example/\x00secret":   "",
	} {
		u, err := ParseBase(in)
		if (err == nil) != (want != "") || err == nil && u.String() != want {
			t.Errorf("ParseBase(%q) = %v, %v; want %q", in, u, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("a secret is in %q", err)
		}
	}
}

func TestOneLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                       "",
		" a\r\n\tb\u2028c ":      "a b c",
		"\x1b[31mred\x00\xff":    "[31mred",
		"right\u202eleft":        "rightleft",
		strings.Repeat("ä", 201): strings.Repeat("ä", 200) + "...",
	} {
		if got := OneLine(in); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestTransport asks hosts that are not as they should be.
func TestTransport(t *testing.T) {
	t.Parallel()
	page := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	secure, plain := httptest.NewTLSServer(page), httptest.NewServer(page)
	defer secure.Close()
	defer plain.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	pool := x509.NewCertPool()
	pool.AddCert(secure.Certificate())
	to := func(address string) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		}
	}
	noName := func(context.Context, string, string) (net.Conn, error) { // no test asks the DNS of the world
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "host.invalid", IsNotFound: true}}
	}
	for name, c := range map[string]struct {
		options Options
		url     string
		want    string // "": none
	}{
		"good":            {Options{RootCAs: pool}, secure.URL, ""},
		"nobody's":        {Options{}, secure.URL, "signed by nobody"},
		"another name":    {Options{RootCAs: pool, Dial: to(secure.Listener.Addr().String())}, "https://other.invalid/", "for another name than the URL"},
		"plain":           {Options{RootCAs: pool}, strings.Replace(plain.URL, "http:", "https:", 1), "speaks plain http"},
		"nobody":          {Options{}, "http://127.0.0.1:1/", "nothing listens there"},
		"no name":         {Options{Dial: noName}, "http://host.invalid/", "there is no such name"},
		"silent":          {Options{Silence: 50 * time.Millisecond}, "http://" + silent.Addr().String(), "silent for too long"},
		"silent with TLS": {Options{Silence: 50 * time.Millisecond}, "https://" + silent.Addr().String(), "silent for too long"},
	} {
		t.Run(name, func(t *testing.T) {
			transport := NewTransport(c.options)
			defer transport.CloseIdleConnections()
			resp, err := (&http.Client{Transport: transport}).Get(c.url)
			if err == nil {
				resp.Body.Close()
			}
			err = Explain(WithoutURL(err))
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

// TestLongUpload: a host that takes a document slowly is not silent, though it
// says nothing for longer than is allowed.
func TestLongUpload(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const silence = 30 * time.Second
		near, host := net.Pipe()
		defer near.Close()
		defer host.Close()
		conn := &watchedConn{near, silence}
		ended := make(chan error, 1)
		go func() {
			_, err := conn.Read(make([]byte, 1))
			ended <- err
		}()
		go io.Copy(io.Discard, host)
		for range 10 {
			time.Sleep(silence - time.Second)
			if _, err := conn.Write([]byte("piece")); err != nil {
				t.Fatal(err)
			}
		}
		last := time.Now()
		if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(last) != silence {
			t.Errorf("after the last piece the connection ends after %v with %v, want %v", time.Since(last), err, silence)
		}
	})
}
