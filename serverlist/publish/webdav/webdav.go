// Package webdav publishes to a folder of a WebDAV server.
//
// A document is sent under a temporary name and then moved into its place, so
// that readers see the old document or the new one. The temporary name is made
// of the document's and of this machine's: what an interrupted run leaves
// behind, the next run replaces, and two machines do not meet. A server that
// cannot move gets the document under its own name; whether its readers may
// then see half of one depends on the server.
//
// What another program has published since it was read is not replaced. Apache
// and servers of its kind check that themselves (the headers If and Overwrite);
// for others, as nginx, the target looks right before it moves, which leaves a
// gap of one request.
//
// With nginx, let client_body_temp_path be on the same file system as the
// folder, as its manual asks: otherwise a full disk keeps half a copy of what did
// not fit.
//
// Missing folders are created. Redirects are never followed, since they would
// carry the password to another place. The server decides the content type and
// the cache headers under which it serves the files.
package webdav

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/web"
)

// Target is a folder on a WebDAV server.
type Target struct {
	URL      string                 // of the folder; required; over http the password travels in clear
	User     string                 // "": no authentication
	Password func() (string, error) // of the user, sent as Basic authentication; asked once for each session

	RootCAs *x509.CertPool                                                       // of https; nil: those of the system
	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: net.Dialer
	Silence time.Duration                                                        // a server that says nothing for so long is given up; 0: 30 seconds
}

func (t Target) String() string {
	u, err := web.ParseBase(t.URL)
	if err != nil {
		return "a WebDAV folder"
	}
	return "WebDAV folder " + u.String()
}

// Open checks the configuration and asks for the password. It connects to
// nothing.
func (t Target) Open(ctx context.Context) (publish.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	base, err := web.ParseBase(t.URL)
	if err != nil {
		return nil, err
	}
	s := &session{base: base, user: t.User, seen: map[string]string{}}
	if t.User != "" && t.Password == nil {
		return nil, errors.New("the target has a user and no password")
	}
	if t.User != "" {
		if s.password, err = t.Password(); err != nil {
			return nil, err
		}
	}
	machine, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("the name of this machine is needed for temporary names: %w", err)
	}
	sum := sha256.Sum256([]byte(machine))
	s.suffix = "." + hex.EncodeToString(sum[:4]) + ".part"
	s.transport = web.NewTransport(web.Options{RootCAs: t.RootCAs, Dial: t.Dial, Silence: t.Silence})
	s.client = &http.Client{
		Transport:     s.transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s, nil
}

type session struct {
	base           *url.URL // ends in "/"
	user, password string
	client         *http.Client
	transport      *http.Transport
	suffix         string // of temporary names

	// seen holds the ETag of each document that was read or written; absent:
	// it is not there. What is not in it was not looked at, or has no ETag.
	seen   map[string]string
	direct bool // the server cannot move
	noIf   bool // the server misunderstands the headers If and Overwrite
}

// Close ends the session. Writes are for good already.
func (s *session) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}
