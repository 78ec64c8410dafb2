package root

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
)

const (
	maxEmail    = 254 // what RFC 5321 leaves for an address, in bytes
	maxElements = 32  // of an array that are looked at one by one; no member may have more
	maxProblems = 20  // that one answer names: a hostile request costs no long one
)

// checkRequest makes an entry of a registration and names every member that
// is wrong. private: loopback and private addresses are welcome.
func checkRequest(req *api.RegistrationRequest, private bool) (serverlist.Server, []api.FieldProblem) {
	var problems fieldProblems
	server := serverlist.Server{
		Name:        problems.text("name", req.Name, serverlist.MaxName),
		Description: problems.text("description", req.Description, serverlist.MaxDescription),
		Game:        req.Game,
		Version:     problems.text("version", req.Version, serverlist.MaxText),
		Region:      problems.text("region", req.Region, serverlist.MaxText),
		Languages:   req.Languages,
		Tags:        problems.texts("tags", req.Tags, serverlist.MaxText),
		Website:     req.Website,
		Key:         req.Key,
	}
	problems.required("name", req.Name)
	problems.required("description", req.Description)
	problems.required("game", req.Game)
	problems.email(req.Email)
	server.Addresses = problems.addresses(req, private)
	problems.extras(&server, req, private)
	problems.members(&server)
	if len(problems) == 0 {
		problems.whole(&server)
	}
	return server, problems
}

// fieldProblems collects what is wrong. The first problem of a member stays.
type fieldProblems []api.FieldProblem

func (p *fieldProblems) add(field, format string, args ...any) {
	if len(*p) >= maxProblems {
		return
	}
	for _, have := range *p {
		if have.Field == field {
			return
		}
	}
	*p = append(*p, api.FieldProblem{Field: field, Problem: fmt.Sprintf(format, args...)})
}

// sorted returns the problems by field, for members that come in no order.
func (p fieldProblems) sorted() []api.FieldProblem {
	return slices.SortedFunc(slices.Values(p), func(a, b api.FieldProblem) int { return strings.Compare(a.Field, b.Field) })
}

func (p *fieldProblems) check(field string, err error) {
	if err != nil {
		p.add(field, "%v", err)
	}
}

func (p *fieldProblems) required(field, value string) {
	if strings.TrimSpace(value) == "" {
		p.add(field, "is required")
	}
}

// text checks a text as it came, so that the cost of normalising is bounded,
// and again in NFC, in which it is stored and which may be longer.
func (p *fieldProblems) text(field, s string, most int) string {
	if err := serverlist.CheckText(s, most); err != nil {
		p.check(field, err)
		return ""
	}
	if strings.ContainsRune(s, '\uFFFD') {
		p.add(field, "contains U+FFFD, which stands for a character that was lost on the way; send the text as UTF-8")
		return ""
	}
	s = norm.NFC.String(s)
	p.check(field, serverlist.CheckText(s, most))
	return s
}

func (p *fieldProblems) texts(field string, list []string, most int) []string {
	if len(list) > maxElements {
		return list // members says so
	}
	var out []string
	for i, s := range list {
		out = append(out, p.text(fmt.Sprintf("%s[%d]", field, i), s, most))
	}
	return out
}

// email takes a bare address: no display name, no comment, nothing that could
// disturb a terminal or a mail header.
func (p *fieldProblems) email(s string) {
	p.required("email", s)
	if len(s) > maxEmail {
		p.add("email", "has %d bytes, more than %d", len(s), maxEmail)
		return
	}
	p.check("email", serverlist.CheckText(s, maxEmail))
	a, err := mail.ParseAddress(s)
	if err != nil || a.Name != "" || a.Address != s {
		p.add("email", "is not an e-mail address; write user@example.org, without a name")
	}
}

// addresses checks them one by one, under the name that the request used.
func (p *fieldProblems) addresses(req *api.RegistrationRequest, private bool) []string {
	list := req.Addresses
	name := func(i int) string { return fmt.Sprintf("addresses[%d]", i) }
	switch {
	case req.Address != "" && len(list) > 0:
		p.add("address", "stands beside addresses; send one of them")
	case req.Address != "":
		list = []string{req.Address}
		name = func(int) string { return "address" }
	case len(list) == 0:
		p.add("address", "is required: host:port")
	}
	if len(list) > maxElements {
		return list // members says so
	}
	seen := make(map[string]bool)
	for i, a := range list {
		p.check(name(i), checkAddress(a, private))
		if seen[a] {
			p.add(name(i), "stands twice")
		}
		seen[a] = true
	}
	return list
}

// extras takes the members that are objects.
func (p *fieldProblems) extras(server *serverlist.Server, req *api.RegistrationRequest, private bool) {
	for i, e := range req.Endpoints {
		server.Endpoints = append(server.Endpoints, serverlist.Endpoint{Role: e.Role, Protocol: e.Protocol, Address: e.Address})
		if i < maxElements {
			p.check(fmt.Sprintf("endpoints[%d].address", i), checkAddress(e.Address, private))
		}
	}
	if req.Probe != nil {
		server.Probe = &serverlist.Probe{Protocol: req.Probe.Protocol, Port: req.Probe.Port}
	}
}

// members checks each member on its own, in an entry that is otherwise right:
// the rules are those of package serverlist, which names the first wrong
// member only.
func (p *fieldProblems) members(s *serverlist.Server) {
	all := *s
	all.ID = "x"
	if all.Check() == nil { // the usual case, looked at once
		return
	}
	for _, set := range []func(one *serverlist.Server){
		func(one *serverlist.Server) { one.Name = s.Name },
		func(one *serverlist.Server) { one.Description = s.Description },
		func(one *serverlist.Server) { one.Game = s.Game },
		func(one *serverlist.Server) { one.Version = s.Version },
		func(one *serverlist.Server) { one.Addresses = s.Addresses },
		func(one *serverlist.Server) { one.Key = s.Key },
		func(one *serverlist.Server) { one.Region = s.Region },
		func(one *serverlist.Server) { one.Languages = s.Languages },
		func(one *serverlist.Server) { one.Tags = s.Tags },
		func(one *serverlist.Server) { one.Website = s.Website },
		func(one *serverlist.Server) { one.Endpoints = s.Endpoints },
		func(one *serverlist.Server) { one.Probe = s.Probe },
	} {
		one := serverlist.Server{ID: "x", Name: "x", Addresses: []string{"example.org:1"}}
		set(&one)
		var f *serverlist.FieldError
		if err := one.Check(); errors.As(err, &f) && !p.has(f.Field) {
			p.add(f.Field, "%s", f.Problem)
		}
	}
}

// has tells whether a member, or an element of it, is known to be wrong.
func (p *fieldProblems) has(field string) bool {
	for _, have := range *p {
		if have.Field == field || strings.HasPrefix(have.Field, field+"[") || field == "addresses" && have.Field == "address" {
			return true
		}
	}
	return false
}

// whole checks the entry as a line of the list, with the longest id.
func (p *fieldProblems) whole(s *serverlist.Server) {
	entry := *s
	entry.ID = strings.Repeat("x", 64)
	line, err := entry.MarshalJSON()
	switch f := new(serverlist.FieldError); {
	case errors.As(err, &f):
		p.add(f.Field, "%s", f.Problem)
	case err != nil:
		p.add("name", "%v", err)
	case len(line) > serverlist.MaxEntry:
		p.add("description", "makes an entry of %d bytes with all the other members, more than %d; shorten it, or leave out others", len(line), serverlist.MaxEntry)
	}
}

// checkAddress checks the form of host:port and where on the network it leads.
// Names are not resolved: a host name is published as written, and what it
// resolves to may change every day.
func checkAddress(address string, private bool) error {
	if err := serverlist.CheckAddress(address); err != nil {
		return err
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("is not host:port")
	}
	return checkPlace(host, private)
}

// checkPlace checks where on the network a host leads.
func checkPlace(host string, private bool) error {
	ip, err := netip.ParseAddr(host)
	switch {
	case err != nil && private:
		return nil
	case err != nil:
		return checkPublicName(strings.ToLower(host))
	}
	ip = ip.Unmap()
	if ip.IsUnspecified() || ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return fmt.Errorf("%s is not the address of one machine", ip)
	}
	if !private && serverlist.IsPrivateAddress(ip) {
		return fmt.Errorf("%s is a loopback, private or reserved address, or leads to one, which players elsewhere cannot reach; give a public address or a DNS name", ip)
	}
	return nil
}

// checkPublicName refuses names that mean another machine, or none, elsewhere.
func checkPublicName(host string) error {
	if !strings.Contains(host, ".") {
		return fmt.Errorf("%q is a name of a local network; give a public address or a full DNS name", clip(host))
	}
	for _, suffix := range []string{".localhost", ".local", ".internal", ".home.arpa"} {
		if strings.HasSuffix(host, suffix) {
			return fmt.Errorf("%q is a name of a local network (%s); give a public address or a DNS name", clip(host), suffix)
		}
	}
	return nil
}
