// Package sftp publishes to a folder on a server that is reached over SSH.
//
// The host's key is checked against a known_hosts file always; there is no way
// to go on without. Log in with a key file, with the keys of an ssh-agent, or
// with a password; ~/.ssh/config is not read.
//
// # What readers of the host see
//
// A document is written under a temporary name, ".server.list.HASH.part", made
// durable and renamed over the one before. Where the server offers
// posix-rename@openssh.com, as OpenSSH does, or replaces files with the plain
// rename, as most others do, readers see the old document or the new one and
// nothing in between. Where a rename cannot replace a file, the old document is
// removed first: for the time between two requests the document is absent, and
// it stays so if the connection ends just then. The next run puts it back.
//
// SFTP has no locks. The temporary name comes from the content, so two programs
// that publish at a time never write different bytes to one file; the later
// rename wins, and what was written is read back by [publish.Set].
//
// A run that was killed leaves a temporary file. A run with the same edition
// goes on with it; others are removed an hour later.
//
// # Time
//
// Nothing waits for a silent server for longer than Target.Timeout: a
// connection on which nothing arrives for that long is given up (it is asked to
// say something four times as often), and so is a request without an answer.
// Sending a document may take one second more for each 8 KiB.
package sftp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

const (
	defaultPort    = "22"
	defaultTimeout = time.Minute
)

// Target is a folder on an SFTP server, a [publish.Target]. Its functions may
// be called by several sessions at once.
type Target struct {
	// Address is HOST:PORT or HOST, with port 22. Required.
	Address string

	// Folder is what the web server serves, as the SFTP server shows it:
	// "/var/www/ms", or relative to the folder that a login starts in. Empty:
	// that folder itself. It and trust/ in it are created when the first
	// document is written, with mode 0755; files have mode 0644.
	Folder string

	// User is who logs in. Required.
	User string

	// KeyFile is the private key to log in with, of any kind that OpenSSH
	// makes; with Agent set it names the public key (.pub) of that key of the
	// agent which is to be used. Empty: none, or all that the agent holds.
	KeyFile string

	// Passphrase opens an encrypted KeyFile. It is called at most once a
	// session, and only if needed; nil: nobody can be asked.
	Passphrase func() ([]byte, error)

	// Agent tells to log in with keys of the ssh-agent that SSH_AUTH_SOCK
	// names. Servers allow few tries: name one in KeyFile if it holds many.
	Agent bool

	// Password returns the password, if the server takes one. It is called at
	// most once a session, after keys have failed. nil: there is none.
	Password func() (string, error)

	// KnownHosts is the file that names the host's key, in OpenSSH's format.
	// Empty: ~/.ssh/known_hosts. It is never written to.
	KnownHosts string

	// Timeout is the longest silence of the server; see the package comment.
	// Zero: one minute.
	Timeout time.Duration

	// Dial connects to the server. nil: a [net.Dialer]. The connection should
	// support deadlines. The context ends after Timeout.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// String returns the target as a URL, without secrets.
func (t Target) String() string {
	u := url.URL{Scheme: "sftp", Host: t.Address, Path: t.Folder}
	if t.User != "" {
		u.User = url.User(t.User)
	}
	if u.Path != "" && !strings.HasPrefix(u.Path, "/") {
		u.Path = "/~/" + u.Path
	}
	return u.String()
}

// Open connects and logs in. Errors about the host's key are a [*HostKeyError].
func (t Target) Open(ctx context.Context) (publish.Session, error) {
	t, err := t.complete()
	if err != nil {
		return nil, err
	}
	known, err := readKnownHosts(t.KnownHosts, t.Address)
	if err != nil {
		return nil, err
	}
	s, err := t.connect(ctx, known)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// complete returns the target with all defaults filled in, or says what is
// missing.
func (t Target) complete() (Target, error) {
	switch {
	case t.Address == "":
		return t, errors.New("the SFTP target has no address: name the server as HOST or HOST:PORT")
	case t.User == "":
		return t, errors.New("the SFTP target has no user: name the account on the server")
	case t.KeyFile == "" && !t.Agent && t.Password == nil:
		return t, errors.New("the SFTP target has nothing to log in with: give a key file, an ssh-agent or a password")
	case strings.HasPrefix(t.Folder, "~"):
		return t, fmt.Errorf("folder %q: SFTP knows no ~; write the path relative to the folder that a login starts in, as \"www/ms\"", t.Folder)
	case strings.ContainsAny(t.Folder, "\x00\r\n"):
		return t, fmt.Errorf("folder %q has a control character in it", t.Folder)
	}
	host, port, err := net.SplitHostPort(t.Address)
	if err != nil {
		host, port = strings.Trim(t.Address, "[]"), defaultPort
	}
	if _, bad := strconv.ParseUint(port, 10, 16); bad != nil || host == "" || strings.ContainsAny(host, "/@ ") {
		return t, fmt.Errorf("%q is not the address of a server: write HOST or HOST:PORT, and the user and the folder apart from it", t.Address)
	}
	t.Address = net.JoinHostPort(strings.ToLower(host), port)
	t.Folder = path.Clean(t.Folder) // "" becomes "."
	if t.Timeout <= 0 {
		t.Timeout = defaultTimeout
	}
	if t.Dial == nil {
		t.Dial = (&net.Dialer{}).DialContext
	}
	if t.KnownHosts == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return t, fmt.Errorf("no known_hosts file: %w; name one for this target", err)
		}
		t.KnownHosts = filepath.Join(home, ".ssh", "known_hosts")
	}
	return t, nil
}
