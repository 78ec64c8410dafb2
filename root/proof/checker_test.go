package proof_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/proof"
)

const token = "XkQ0f3bq0m7b0l8mJkq1vYtN2c3d4e5f6g7h8i9j0kL"

// patience is how long a checker waits whose answer is to come, on the busiest
// machine.
const patience = 2 * time.Minute

func TestCheckDNS(t *testing.T) {
	t.Parallel()
	dns := testenv.NewDNS(t)
	dns.Text("_metaserver.good.test", "v=spf1 -all", "metaserver-proof="+token)
	dns.Text("_metaserver.space.test", " metaserver-proof="+token+" ")
	dns.Text("_metaserver.other.test", "metaserver-proof="+strings.Repeat("A", 43))
	dns.Text("_metaserver.near.test", "x-metaserver-proof="+token, "metaserver-proof="+token+"x", token)
	dns.Text("good.other.test", "metaserver-proof="+token) // not under the name of the record
	dns.Text("_metaserver.many.test", append(repeat("metaserver-proof=x", 40), "metaserver-proof="+token)...)
	dns.Text("_metaserver.flood.test", append(repeat(strings.Repeat("x", 200), 200), "metaserver-proof="+token)...)
	c := proof.NewChecker(proof.Config{Resolver: proof.NewResolver(dns.Addr)})
	for host, says := range map[string]string{
		"good.test":       "",
		"GOOD.test":       "",
		"space.test":      "",
		"many.test":       "", // over TCP
		"other.test":      "has 1 TXT records, and none of them",
		"near.test":       "none of them",
		"good.other.test": "has no TXT record",
		"flood.test":      "none of them", // it stands behind the first records
		"192.0.2.1":       "is an address",
		"2001:db8::1":     "is an address",
	} {
		says := says
		t.Run(host, func(t *testing.T) {
			t.Parallel()
			wantMissing(t, c.CheckDNS(t.Context(), host, token), says)
		})
	}
}

func repeat(s string, n int) (all []string) {
	for i := range n {
		all = append(all, s+fmt.Sprint(i))
	}
	return all
}

// wantMissing checks that an error says something; "": that there is none.
func wantMissing(t *testing.T, err error, says string) {
	t.Helper()
	missing := new(proof.MissingError)
	switch {
	case says == "" && err != nil:
		t.Errorf("got %v", err)
	case says != "" && !errors.As(err, &missing):
		t.Errorf("got %v, want an error that says %q", err, says)
	case says != "" && !strings.Contains(err.Error(), says):
		t.Errorf("got %v, want %q in it", err, says)
	}
}

func TestDNSThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	silent, broken := testenv.NewDNS(t), testenv.NewDNS(t)
	silent.Silent()
	broken.Broken()
	for says, dns := range map[string]*testenv.DNS{"in time": silent, "could not be asked": broken} {
		c := proof.NewChecker(proof.Config{Resolver: proof.NewResolver(dns.Addr), Timeout: 300 * time.Millisecond})
		wantMissing(t, c.CheckDNS(t.Context(), "good.test", token), says)
	}
}

// files serves what hosts show, by the name that is asked for.
func files(t *testing.T, hosts map[string]http.HandlerFunc) (port string, dns *testenv.DNS) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.Host)
		serve := hosts[host]
		if r.URL.Path != proof.WellKnown && r.URL.Path != "/elsewhere" || serve == nil {
			http.NotFound(w, r)
			return
		}
		serve(w, r)
	}))
	t.Cleanup(srv.Close)
	dns = testenv.NewDNS(t)
	for host := range hosts {
		dns.Host(host, "127.0.0.1")
	}
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, dns
}

func say(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, text) }
}

func TestCheckHTTP(t *testing.T) {
	t.Parallel()
	line := "metaserver-proof=" + token + "\n"
	redirect := func(to string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				fmt.Fprint(w, line)
				return
			}
			http.Redirect(w, r, to, http.StatusFound)
		}
	}
	var reached bool
	hosts := map[string]http.HandlerFunc{
		"good.test":    say(line),
		"crlf.test":    say("# tokens\r\nmetaserver-proof=other\r\nmetaserver-proof=" + token + "\r\n"),
		"nofeed.test":  say("metaserver-proof=" + token),
		"other.test":   say("metaserver-proof=" + strings.Repeat("A", 43) + "\n"),
		"html.test":    say("<html>metaserver-proof=" + token + "</html>"),
		"empty.test":   say(""),
		"missing.test": http.NotFound,
		"behind.test":  say(strings.Repeat("x", 5000) + "\n" + line),
		"endless.test": endless,
		"header.test": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 64<<10))
			fmt.Fprint(w, line)
		},
		"slow.test":     func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush(); <-r.Context().Done() },
		"same.test":     redirect("/elsewhere"),
		"loop.test":     redirect(proof.WellKnown),
		"away.test":     redirect("http://victim.test" + proof.WellKnown),
		"port.test":     redirect("http://port.test:22/elsewhere"),
		"password.test": redirect("http://user:pass@password.test/elsewhere"),
		"file.test":     redirect("file:///etc/passwd"),
		"victim.test":   func(w http.ResponseWriter, r *http.Request) { reached = true },
	}
	port, dns := files(t, hosts)
	checker := func(timeout time.Duration) *proof.Checker {
		return proof.NewChecker(proof.Config{Resolver: proof.NewResolver(dns.Addr), AllowPrivate: true, HTTPPort: port, HTTPSPort: "1", Timeout: timeout})
	}
	t.Run("hosts", func(t *testing.T) {
		for host, says := range map[string]string{
			"good.test": "", "crlf.test": "", "nofeed.test": "", "same.test": "",
			"other.test":    "no line with the token",
			"html.test":     "no line with the token",
			"empty.test":    "no line with the token",
			"missing.test":  "status 404",
			"behind.test":   "first 4096 bytes",
			"endless.test":  "first 4096 bytes",
			"header.test":   "could not be asked",
			"slow.test":     "in time",
			"loop.test":     "more than 3 times",
			"away.test":     "another host or port",
			"port.test":     "another host or port",
			"password.test": "another host or port",
			"file.test":     "another host or port",
			"nowhere.test":  "does not resolve",
		} {
			t.Run(host, func(t *testing.T) {
				t.Parallel()
				timeout := patience
				if says == "in time" {
					timeout = time.Second
				}
				wantMissing(t, checker(timeout).CheckHTTP(t.Context(), host, token), says)
			})
		}
	})
	if reached {
		t.Error("a redirect made the root ask another host")
	}
}

// endless never ends, unless the reader goes.
func endless(w http.ResponseWriter, r *http.Request) {
	for r.Context().Err() == nil {
		if _, err := w.Write([]byte(strings.Repeat("x", 4096))); err != nil {
			return
		}
	}
}

// TestNoPrivateAddress asks for names and addresses that lead into the root's
// own network, where the token would be found.
func TestNoPrivateAddress(t *testing.T) {
	t.Parallel()
	reached := false
	port, dns := files(t, map[string]http.HandlerFunc{
		"inside.test": func(w http.ResponseWriter, r *http.Request) {
			reached = true
			fmt.Fprintln(w, "metaserver-proof="+token)
		},
	})
	dns.Host("mapped.test", "::ffff:127.0.0.1")
	dns.Host("linklocal.test", "169.254.169.254")
	c := proof.NewChecker(proof.Config{Resolver: proof.NewResolver(dns.Addr), HTTPPort: port, HTTPSPort: port, Timeout: patience})
	for _, host := range []string{"inside.test", "mapped.test", "linklocal.test", "127.0.0.1", "::1", "10.0.0.1", "64:ff9b::7f00:1", "0.0.0.0"} {
		wantMissing(t, c.CheckHTTP(t.Context(), host, token), "private address")
	}
	if reached {
		t.Error("a host inside was asked")
	}
}

// TestNoProxy checks that the environment cannot make another program dial.
func TestNoProxy(t *testing.T) {
	port, dns := files(t, map[string]http.HandlerFunc{"good.test": say("metaserver-proof=" + token)})
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") }))
	defer proxy.Close()
	t.Setenv("HTTP_PROXY", proxy.URL)
	t.Setenv("HTTPS_PROXY", proxy.URL)
	c := proof.NewChecker(proof.Config{Resolver: proof.NewResolver(dns.Addr), AllowPrivate: true, HTTPPort: port, HTTPSPort: "1"})
	wantMissing(t, c.CheckHTTP(t.Context(), "good.test", token), "")
}

// TestHTTPS shows the token under a certificate that nobody knows: as good as
// none, so that plain http counts.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	tls := httptest.NewTLSServer(say("metaserver-proof=" + token))
	t.Cleanup(tls.Close)
	_, tlsPort, _ := net.SplitHostPort(tls.Listener.Addr().String())
	port, dns := files(t, map[string]http.HandlerFunc{"good.test": say("metaserver-proof=" + token), "bad.test": say("")})
	c := proof.NewChecker(proof.Config{Resolver: proof.NewResolver(dns.Addr), AllowPrivate: true, HTTPPort: port, HTTPSPort: tlsPort})
	wantMissing(t, c.CheckHTTP(t.Context(), "good.test", token), "")
	wantMissing(t, c.CheckHTTP(t.Context(), "bad.test", token), "no line")
}
