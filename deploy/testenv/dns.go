package testenv

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// A DNS is a name server on loopback, over UDP and TCP. It knows what tests
// tell it, and no other name.
type DNS struct {
	Addr string // host:port

	mu     sync.Mutex
	texts  map[string][]string
	hosts  map[string][]netip.Addr
	silent bool
	broken bool
}

// NewDNS starts a name server that ends with the test.
func NewDNS(t testing.TB) *DNS {
	t.Helper()
	d := &DNS{texts: make(map[string][]string), hosts: make(map[string][]netip.Addr)}
	packets, streams := listenBoth(t)
	d.Addr = packets.LocalAddr().String()
	var served sync.WaitGroup
	served.Go(func() { d.servePackets(packets) })
	served.Go(func() { d.serveStreams(streams) })
	t.Cleanup(func() {
		packets.Close()
		streams.Close()
		served.Wait()
	})
	return d
}

// listenBoth takes one port for both transports.
func listenBoth(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range startAttempts {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if p, err := net.ListenPacket("udp", l.Addr().String()); err == nil {
			return p, l
		}
		l.Close()
	}
	t.Fatalf("no port that is free for UDP and TCP in %d attempts", startAttempts)
	return nil, nil
}

// Text sets the TXT records of a name.
func (d *DNS) Text(name string, records ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.texts[key(name)] = records
}

// Host sets the addresses of a name.
func (d *DNS) Host(name string, addresses ...string) {
	var all []netip.Addr
	for _, a := range addresses {
		all = append(all, netip.MustParseAddr(a))
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hosts[key(name)] = all
}

// Silent makes the server answer nothing.
func (d *DNS) Silent() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.silent = true
}

// Broken makes the server answer with bytes that are no message.
func (d *DNS) Broken() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.broken = true
}

func key(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

func (d *DNS) servePackets(conn net.PacketConn) {
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if reply := d.reply(buf[:n], 512); reply != nil {
			conn.WriteTo(reply, from)
		}
	}
}

func (d *DNS) serveStreams(l net.Listener) {
	var served sync.WaitGroup
	defer served.Wait()
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		served.Go(func() {
			defer conn.Close()
			var size uint16
			if binary.Read(conn, binary.BigEndian, &size) != nil {
				return
			}
			query := make([]byte, size)
			if _, err := io.ReadFull(conn, query); err != nil {
				return
			}
			if reply := d.reply(query, 1<<16-1); reply != nil {
				conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(reply))), reply...))
			}
		})
	}
}

// reply answers a query; what is larger than limit is asked for over TCP.
func (d *DNS) reply(query []byte, limit int) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	var q dnsmessage.Message
	switch {
	case d.silent:
		return nil
	case d.broken:
		return []byte("this is no message of DNS")
	case q.Unpack(query) != nil || len(q.Questions) != 1:
		return nil
	}
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, Authoritative: true, RecursionAvailable: true}, Questions: q.Questions}
	if err := d.answer(&m); err != nil {
		m.RCode = dnsmessage.RCodeNameError
	}
	packed, err := m.Pack()
	if err != nil || len(packed) > limit {
		m.Truncated, m.Answers = true, nil
		packed, _ = m.Pack()
	}
	return packed
}

var errNoName = errors.New("no such name")

func (d *DNS) answer(m *dnsmessage.Message) error {
	q := m.Questions[0]
	name := key(q.Name.String())
	texts, hasTexts := d.texts[name]
	hosts, hasHosts := d.hosts[name]
	if !hasTexts && !hasHosts {
		return errNoName
	}
	add := func(body dnsmessage.ResourceBody) {
		m.Answers = append(m.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 1}, Body: body,
		})
	}
	for _, text := range texts {
		if q.Type == dnsmessage.TypeTXT {
			add(&dnsmessage.TXTResource{TXT: pieces(text)})
		}
	}
	for _, a := range hosts {
		switch {
		case q.Type == dnsmessage.TypeA && a.Is4():
			add(&dnsmessage.AResource{A: a.As4()})
		case q.Type == dnsmessage.TypeAAAA && a.Is6():
			add(&dnsmessage.AAAAResource{AAAA: a.As16()})
		}
	}
	return nil
}

// pieces cuts a text into the strings that a record can hold.
func pieces(text string) (all []string) {
	for len(text) > 255 {
		all, text = append(all, text[:255]), text[255:]
	}
	return append(all, text)
}
