// Package proof checks that whoever asks for a server to be listed controls
// what the request names. Nobody has to prove anything; what is proven helps
// the admin to judge.
//
// # The token
//
// [Token] makes the token of a registration from the root's origin, the
// registration and its addresses. It is no secret: it stands in public where it
// is looked for, and proves something about this registration only. When the
// addresses change, so does the token, and what was proven before is void.
//
// # The ways
//
//   - DNS: a TXT record of _metaserver.HOST that says metaserver-proof=TOKEN.
//     For host names only.
//   - HTTP: a file [WellKnown] at http://HOST or https://HOST, on the usual
//     ports, one line of which is metaserver-proof=TOKEN.
//   - Port: whatever listens at an address of the server, by TCP, sends a line
//     metaserver-proof=TOKEN to whoever connects. The game server makes room for
//     that for a moment; one that uses UDP alone need not even do that.
//   - Key: the server's own ed25519 key signs the token; see package
//     signedrequest. It shows that the requester has the private key of what
//     the list will carry.
//
// DNS shows control of the name, HTTP of a machine at the name or address: on
// shared hosts that may be the host's and not the requester's. Port shows
// control of what the list names.
//
// # What a check may cost
//
// The root looks where strangers tell it to. It resolves the name and connects
// by itself, through no proxy, and looks at every address at the moment at which
// it dials, so that a name that resolves to something else the second time gains
// nothing: private addresses are refused, the way they are everywhere. It
// follows redirects on the same host only, reads a few kilobytes, and gives up
// after [Timeout]. Of a port it tells only whether the token came, not whether
// anybody listens there; how long the look takes may tell that, so that callers
// bound how often each source may ask.
package proof

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/store"
)

// Timeout is how long one check of one host may take.
const Timeout = 10 * time.Second

// Prefix stands before the token in a TXT record and in a file.
const Prefix = "metaserver-proof="

// WellKnown is the path of the file. A host may have several servers, and a
// server several roots: the file holds a line for each.
const WellKnown = "/.well-known/metaserver-proof"

// The kinds of proof.
const (
	DNS  = "dns"
	HTTP = "http"
	Port = "port"
	Key  = "key"
)

// MaxHosts is the most hosts, and the most ports, of one registration that are
// looked at.
const MaxHosts = 4

// Token returns what proves something about a registration: 43 letters, digits,
// "-" and "_".
func Token(origin string, r *store.Registration) string {
	h := sha256.New()
	fmt.Fprintf(h, "metaserver-proof/1\n%s\n%s\n%d\n", origin, r.ID, r.Created.Unix())
	for _, a := range normal(r.Server.Addresses) {
		fmt.Fprintln(h, a)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// normal returns addresses in the form in which they are compared, ordered.
func normal(addresses []string) []string {
	var all []string
	for _, a := range addresses {
		all = append(all, store.NormalAddress(a))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Hosts returns the hosts of a server that are looked at, in the order of its
// addresses, each once.
func Hosts(addresses []string) (hosts []string) {
	for _, a := range addresses {
		host, _, err := net.SplitHostPort(store.NormalAddress(a))
		if err == nil && !slices.Contains(hosts, host) && len(hosts) < MaxHosts {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// Ports returns the addresses of a server that are connected to, in their order,
// each once.
func Ports(addresses []string) (ports []string) {
	for _, a := range addresses {
		a = store.NormalAddress(a)
		if !slices.Contains(ports, a) && len(ports) < MaxHosts {
			ports = append(ports, a)
		}
	}
	return ports
}

// RecordName returns the name of the TXT record of a host; "" for an address,
// which has none.
func RecordName(host string) string {
	if _, err := netip.ParseAddr(host); err == nil {
		return ""
	}
	return "_metaserver." + host
}

// FileURL returns where the file of a host is looked for.
func FileURL(host string) string {
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return "http://" + host + WellKnown
}
