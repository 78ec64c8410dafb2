package serverlist_test

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// worldEnv is set in the program that a test runs in a network of its own.
const worldEnv = "SERVERLIST_TEST_WORLD"

// A machine on the internet has this address there, and these names lead to it
// and into the player's own network.
const (
	publicAddress = "203.0.113.5"
	worldHosts    = publicAddress + ` mirror.example both.example
127.0.0.1 localhost inside.example both.example
::1 inside6.example
::ffff:127.0.0.1 mapped.example
0.0.0.0 any.example
:: any6.example
`
	// As: sh -c worldScript BUSYBOX HOSTS PROGRAM [ARGUMENT ...]
	worldScript = `"$0" ip link set lo up && "$0" ip address add ` + publicAddress + `/32 dev lo && mount --bind "$1" /etc/hosts && shift && exec "$@"`
)

// In a network of its own this machine has a public address, and names that a
// hostile DNS server may give. So the rules about private addresses are tried
// with real names and connections, which loopback alone does not allow.
func TestPrivateAddressesInTheWorld(t *testing.T) {
	if os.Getenv(worldEnv) != "" {
		playWorld(t)
		return
	}
	t.Parallel()
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte(worldHosts), 0o644); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--net", "--mount"}
	if os.Getuid() != 0 {
		flags = append(flags, "--map-root-user")
	}
	world := func(argv ...string) (string, error) {
		all := append(append(flags[:len(flags):len(flags)], "sh", "-c", worldScript, testenv.Program(t, "busybox"), hosts), argv...)
		cmd := testenv.Command(t, "unshare", all...)
		cmd.Env = append(cmd.Environ(), worldEnv+"=yes")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := world("true"); err != nil {
		testenv.Unable(t, "no network of its own: "+out)
	}
	out, err := world(os.Args[0], "-test.run=^TestPrivateAddressesInTheWorld$", "-test.v")
	if err != nil || !strings.Contains(out, "--- PASS: TestPrivateAddressesInTheWorld") {
		t.Errorf("%v\n%s", err, out)
	}
}

// playWorld: a server of the player's own network has the list, and nobody from
// outside makes the client ask it.
func playWorld(t *testing.T) {
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	root.Publish(serverlisttest.Servers("cat2"))
	site := root.Site(serverlisttest.Honest)
	var asked atomic.Int64
	inside := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		site.ServeHTTP(rw, r)
	})
	serveOn(t, "127.0.0.1:81", inside)
	serveOn(t, "[::1]:81", inside)
	serveOn(t, publicAddress+":80", redirectingTo(site))
	serveOn(t, "127.0.0.1:82", redirectingTo(site))

	own := http.DefaultTransport.(*http.Transport).Clone()
	own.Proxy = nil
	defer own.CloseIdleConnections()
	transports := map[string]http.RoundTripper{"ours": nil, "theirs": own, "below another": roundTripper(own.RoundTrip)}
	for _, host := range []string{
		"inside.example", "inside6.example", "mapped.example", "any.example", "any6.example", "both.example", "localhost",
		"127.0.0.1", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]",
	} {
		target := "http://" + host + ":81/server.list"
		for what, w := range map[string]struct {
			url   string
			allow bool
			want  string
		}{
			"named by a list":                        {target, false, "is a private address"},
			"redirect from outside":                  {"http://mirror.example/to/" + target, true, "from a public to the private address"},
			"redirect from outside, by way of two":   {"http://mirror.example/to/http://" + publicAddress + "/to/" + target, true, "from a public to the private address"},
			"redirect from inside by way of outside": {"http://127.0.0.1:82/to/http://mirror.example/to/" + target, true, "from a public to the private address"},
		} {
			for name, transport := range transports {
				f := &serverlist.Fetcher{HTTP: &http.Client{Transport: transport}, AllowPrivate: w.allow}
				_, err := f.List(t.Context(), w.url, root.Want(serverlist.TypeServerList), root.Chain(), nil)
				f.CloseIdleConnections()
				if n := asked.Swap(0); n > 0 || err == nil || !strings.Contains(err.Error(), w.want) {
					t.Errorf("%s, %s, transport %s: asked %d times, %v", host, what, name, n, err)
				}
			}
		}
	}
	for what, url := range map[string]string{
		"a name":                    "http://mirror.example/server.list",
		"a name with two addresses": "http://both.example/server.list",
		"redirect among outsiders":  "http://mirror.example/to/http://" + publicAddress + "/server.list",
	} {
		f := new(serverlist.Fetcher)
		if _, err := f.List(t.Context(), url, root.Want(serverlist.TypeServerList), root.Chain(), nil); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		f.CloseIdleConnections()
	}
}

// redirectingTo answers /to/URL with a redirect to the URL, and all else as the
// site does.
func redirectingTo(site http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if _, to, ok := strings.Cut(r.RequestURI, "/to/"); ok {
			rw.Header().Set("Location", to)
			rw.WriteHeader(http.StatusFound)
			return
		}
		site.ServeHTTP(rw, r)
	})
}

// serveOn starts a server at an address.
func serveOn(t *testing.T, address string, h http.Handler) {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
}
