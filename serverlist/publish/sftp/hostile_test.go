package sftp_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/publish/sftp"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// Types of packets, as draft-ietf-secsh-filexfer-02 numbers them.
const (
	packetVersion = 2
	packetStatus  = 101
	packetHandle  = 102
	packetData    = 103
	packetName    = 104
	packetAttrs   = 105
	packetReply   = 201
)

// An answerer makes the answer to a request, from its type and what follows the
// id that the answer has to have.
type answerer func(request byte, id []byte) (kind byte, rest []byte)

// hostile starts an SSH server that lets everybody in and answers SFTP requests
// so.
func hostile(t *testing.T, answer answerer) sftp.Target {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	config := &ssh.ServerConfig{PasswordCallback: func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, nil }}
	config.AddHostKey(signer)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() }) // the client has closed its connections
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() { serveHostile(conn, config, answer) })
		}
	})
	known := filepath.Join(t.TempDir(), "known_hosts")
	line := knownhosts.Line([]string{l.Addr().String()}, signer.PublicKey())
	if err := os.WriteFile(known, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return sftp.Target{
		Address: l.Addr().String(), User: "me", Folder: "www", KnownHosts: known, Timeout: 500 * time.Millisecond,
		Password: func() (string, error) { return "secret", nil },
	}
}

func serveHostile(raw net.Conn, config *ssh.ServerConfig, answer answerer) {
	defer raw.Close()
	conn, channels, requests, err := ssh.NewServerConn(raw, config)
	if err != nil {
		return
	}
	defer conn.Close()
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { ssh.DiscardRequests(requests) })
	for c := range channels {
		channel, requests, err := c.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			for r := range requests {
				r.Reply(r.Type == "subsystem", nil)
			}
		})
		all.Go(func() {
			defer channel.Close()
			for answerOne(channel, answer) == nil {
			}
		})
	}
}

func answerOne(channel io.ReadWriter, answer answerer) error {
	var head [5]byte
	if _, err := io.ReadFull(channel, head[:]); err != nil {
		return err
	}
	request := make([]byte, binary.BigEndian.Uint32(head[:])-1)
	if _, err := io.ReadFull(channel, request); err != nil {
		return err
	}
	id := request[:min(4, len(request))]
	if head[4] == 1 { // INIT, which has no id
		id = nil
	}
	kind, rest := answer(head[4], id)
	out := binary.BigEndian.AppendUint32(nil, uint32(1+len(rest)))
	_, err := channel.Write(append(append(out, kind), rest...))
	return err
}

func join(parts ...any) (out []byte) {
	for _, p := range parts {
		switch v := p.(type) {
		case []byte:
			out = append(out, v...)
		case uint32:
			out = binary.BigEndian.AppendUint32(out, v)
		case string:
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(v))), v...)
		}
	}
	return out
}

// civil answers as a server does whose folder has one file of every name.
func civil(request byte, id []byte) (byte, []byte) {
	attrs := join(uint32(1|4), make([]byte, 8), uint32(0o100644))
	switch request {
	case 1:
		return packetVersion, join(uint32(3), "posix-rename@openssh.com", "1", "fsync@openssh.com", "1")
	case 3, 11: // OPEN, OPENDIR
		return packetHandle, join(id, "handle")
	case 5: // READ
		return packetStatus, join(id, uint32(1), "that was all", "en")
	case 7, 8, 17: // LSTAT, FSTAT, STAT
		return packetAttrs, join(id, attrs)
	case 12, 16, 19: // READDIR, REALPATH, READLINK
		return packetName, join(id, uint32(1), "name", "long name", attrs)
	}
	return packetStatus, join(id, uint32(0), "well", "en")
}

// huge is a count or a length that no packet has room for.
const huge = 0xfffffff0

// TestHostileServer: what a server answers is an error at most.
func TestHostileServer(t *testing.T) {
	t.Parallel()
	all := map[string]answerer{
		"nothing after the type": func(byte, []byte) (byte, []byte) { return packetStatus, nil },
		"a version without one":  func(request byte, id []byte) (byte, []byte) { return packetVersion, []byte{0} },
		"an extension that is cut": instead(1, func([]byte) (byte, []byte) {
			return packetVersion, join(uint32(3), uint32(huge), []byte("x"))
		}),
		"half an id": func(request byte, id []byte) (byte, []byte) {
			if request == 1 {
				return civil(request, id)
			}
			return packetStatus, id[:2]
		},
		"another id": func(request byte, id []byte) (byte, []byte) {
			kind, rest := civil(request, id)
			if request != 1 {
				rest[0] ^= 1
			}
			return kind, rest
		},
		"an unknown type": func(request byte, id []byte) (byte, []byte) {
			_, rest := civil(request, id)
			return 250, rest
		},
	}
	lies := map[string]func(id []byte) (byte, []byte){
		"only the id":          func(id []byte) (byte, []byte) { return packetStatus, id },
		"a status of no text":  func(id []byte) (byte, []byte) { return packetStatus, join(id, uint32(4), uint32(huge)) },
		"a handle of no end":   func(id []byte) (byte, []byte) { return packetHandle, join(id, uint32(huge), []byte("h")) },
		"an empty handle":      func(id []byte) (byte, []byte) { return packetHandle, id },
		"data of no end":       func(id []byte) (byte, []byte) { return packetData, join(id, uint32(huge), []byte("d")) },
		"more data than asked": func(id []byte) (byte, []byte) { return packetData, join(id, string(make([]byte, 200<<10))) },
		"no data":              func(id []byte) (byte, []byte) { return packetData, id },
		"names without end":    func(id []byte) (byte, []byte) { return packetName, join(id, uint32(huge), "a", "b", uint32(0)) },
		"a name that is cut":   func(id []byte) (byte, []byte) { return packetName, join(id, uint32(1), uint32(huge), []byte("a")) },
		"no names":             func(id []byte) (byte, []byte) { return packetName, join(id, uint32(0)) },
		"attributes that lack": func(id []byte) (byte, []byte) { return packetAttrs, join(id, uint32(1|2|4|8), []byte{1}) },
		"no attributes":        func(id []byte) (byte, []byte) { return packetAttrs, id },
		"extended attributes without end": func(id []byte) (byte, []byte) {
			return packetAttrs, join(id, uint32(0x80000000), uint32(huge), "k", "v")
		},
		"an extended reply": func(id []byte) (byte, []byte) { return packetReply, join(id, []byte{1, 2, 3}) },
	}
	for name, lie := range lies {
		for _, request := range []byte{3, 5, 7, 12} {
			all[fmt.Sprintf("%s to request %d", name, request)] = instead(request, lie)
		}
	}
	for seed := range uint64(12) {
		all[fmt.Sprintf("noise %d", seed)] = noise(seed)
	}
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	limit := make(chan struct{}, 8)
	for name, answer := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limit <- struct{}{}
			defer func() { <-limit }()
			visit(t, hostile(t, answer), docs)
		})
	}
}

// instead answers one kind of request so, and the others as a server does.
func instead(request byte, lie func(id []byte) (byte, []byte)) answerer {
	return func(r byte, id []byte) (byte, []byte) {
		if r == request {
			return lie(id)
		}
		return civil(r, id)
	}
}

// noise changes answers at random, and their ids seldom.
func noise(seed uint64) answerer {
	var mu sync.Mutex
	random := mathrand.New(mathrand.NewPCG(seed, 1))
	return func(request byte, id []byte) (byte, []byte) {
		mu.Lock()
		defer mu.Unlock()
		kind, rest := civil(request, id)
		if request == 1 || random.IntN(3) > 0 {
			return kind, rest
		}
		rest = bytes.Clone(rest)
		for range 1 + random.IntN(3) {
			rest[len(rest)-1-random.IntN(len(rest)-4)] = byte(random.Uint32())
		}
		if random.IntN(4) == 0 {
			rest = rest[:random.IntN(len(rest)+1)]
		}
		return kind, rest
	}
}

// visit publishes and reads back. That nothing right is there is an error.
func visit(t *testing.T, target sftp.Target, docs publish.Documents) {
	t.Helper()
	if _, err := publish.Set(t.Context(), target, docs); err == nil {
		t.Error("it has published to a server that keeps nothing")
	}
	chain, err := keys.NewChain(docs.Trust.Pinned().Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if held, err := publish.ReadBack(t.Context(), target, chain); err == nil && held.Servers != nil {
		t.Errorf("it holds %+v", held)
	}
}

// TestNoSSH: something else than an SSH server answers at the port.
func TestNoSSH(t *testing.T) {
	t.Parallel()
	target := hostile(t, nil) // for the keys that are known
	web := httptest.NewServer(http.NotFoundHandler())
	defer web.Close()
	target.Address, target.Timeout = web.Listener.Addr().String(), time.Minute
	_, err := target.Open(t.Context())
	if err == nil || !strings.Contains(err.Error(), "does the server take SSH at this port") {
		t.Errorf("got %v", err)
	}
}
