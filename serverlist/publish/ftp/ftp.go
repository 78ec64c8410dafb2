// Package ftp publishes to web space that is filled by FTP, plain or with
// explicit TLS.
//
// # What readers see
//
// A document is uploaded beside its place under a name of its own
// ("part.RANDOM.server.list"), its size is compared, and then it is renamed. On
// most hosts the rename replaces the file in one step, so that readers see the
// old document or the new one. Some hosts refuse to rename over a file. There
// the old document is first renamed to "part.old.server.list" and removed at
// the end: for the time of two commands readers find none. If the program dies
// just then, the next session puts the old document back before it reads. Hosts
// that permit no rename at all are not written to.
//
// A run that is killed leaves such names behind. The next run that writes
// removes those that follow the two patterns, and nothing else. Two programs
// that publish to one folder at the same time may therefore fail each other,
// with an error; they never publish half a document.
//
// Some hosts carry out a command whose line was cut with the connection. Names
// are sent without the folder, so that what this makes is in the folder too: a
// file whose name is the beginning of one of the names above. It stays there.
//
// # What is absent
//
// FTP has no sure way to tell a file that is not there from one that may not be
// read: both are answered with 550. To take the one for the other would let an
// old edition replace a newer one, so a document counts as absent only if its
// folder can be entered, neither SIZE nor MLST know it, and a complete listing
// of the folder does not name it; or if that is true of a folder above. Where
// the host permits no listing, reading fails with an error that says so.
//
// # Settings of a host that matter
//
//   - Transfers are passive (EPSV, else PASV). The address in a PASV answer is
//     not used: data goes to the host of the control connection, which is right
//     behind address translation too.
//   - Binary transfer is asked for. A host that changes line ends all the same is
//     found out by the size; the documents survive it, and publish.Set tells.
//   - Files get the rights that the host gives to new files. If the web server
//     does not show them, the host's umask is to be 022.
//   - With TLS the data connection is protected too, the certificate is verified,
//     and the session of the control connection is resumed, as many hosts demand.
package ftp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"path"
	"strings"
	"time"

	"github.com/jlaffaye/ftp"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// Security says how the connections are protected.
type Security string

// The kinds of security.
const (
	ExplicitTLS Security = "explicit" // AUTH TLS on the usual port; passwords and files are protected
	NoTLS       Security = "none"     // whoever is on the way reads the password and can change the files
)

// Defaults of the fields of a Target.
const (
	DefaultConnectTimeout = 30 * time.Second
	DefaultIdleTimeout    = time.Minute
)

// A Target is a folder on an FTP server. Its fields must not change while it is
// used. Errors and String hold no password.
type Target struct {
	Address  string                 // "ftp.example.net:21"; with TLS the certificate is for this name
	Folder   string                 // absolute, or relative to the login folder; "": the login folder; made if absent
	User     string                 // required
	Password func() (string, error) // required; called at each Open, and when a session must log in again
	TLS      Security               // "" is ExplicitTLS
	RootCAs  *x509.CertPool         // who may sign the host's certificate; nil: whom the system trusts

	// Dial opens all connections, in a context that ends after ConnectTimeout;
	// nil stands for a net.Dialer. What it returns has the address of the
	// host's end as RemoteAddr: data connections go to the same IP address.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	ConnectTimeout time.Duration // for each connection; 0: 30 seconds
	IdleTimeout    time.Duration // without a byte from or to the host, which is then given up; 0: one minute
}

// String names the target without the user.
func (t *Target) String() string {
	scheme := "ftps"
	if t.TLS == NoTLS {
		scheme = "ftp"
	}
	return scheme + " " + strings.TrimSuffix(t.Address, ":21") + "/" + strings.TrimPrefix(t.Folder, "/")
}

// Open connects and logs in. FTP has no lock: sessions do not wait for each
// other.
func (t *Target) Open(ctx context.Context) (publish.Session, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	s := &session{target: t, prepared: map[string]bool{}}
	if err := s.do(ctx, func() error { return nil }); err != nil {
		return nil, err
	}
	return s, nil
}

func (t *Target) check() error {
	host, port, err := net.SplitHostPort(t.Address)
	switch {
	case err != nil || host == "" || port == "":
		return fmt.Errorf("%q is no address of an FTP server: give host and port, as ftp.example.net:21", t.Address)
	case t.User == "" || t.Password == nil:
		return errors.New("an FTP target needs a user and a password")
	case t.TLS != "" && t.TLS != ExplicitTLS && t.TLS != NoTLS:
		return fmt.Errorf("%q is no kind of TLS for FTP: there are %q and %q", t.TLS, ExplicitTLS, NoTLS)
	case strings.ContainsAny(t.Folder+t.User, "\r\n\x00"):
		return fmt.Errorf("folder %q or user %q has a line end in it", t.Folder, t.User)
	}
	for _, part := range strings.Split(t.Folder, "/") {
		if part == ".." {
			return fmt.Errorf("folder %q has .. in it: give the path itself", t.Folder)
		}
	}
	return nil
}

func (t *Target) idleTimeout() time.Duration {
	if t.IdleTimeout == 0 {
		return DefaultIdleTimeout
	}
	return t.IdleTimeout
}

func (t *Target) network(ctx context.Context) *network {
	n := &network{ctx: ctx, dial: t.Dial, connect: t.ConnectTimeout, idle: t.idleTimeout(), open: map[*idleConn]bool{}}
	if n.dial == nil {
		n.dial = new(net.Dialer).DialContext
	}
	if n.connect == 0 {
		n.connect = DefaultConnectTimeout
	}
	if t.TLS != NoTLS {
		host, _, _ := net.SplitHostPort(t.Address) // was checked
		n.tls = &tls.Config{
			ServerName: host,
			RootCAs:    t.RootCAs,
			MinVersion: tls.VersionTLS12,
			// Under TLS 1.3 a server sends tickets that nobody reads during an
			// upload; closing then resets the connection, and vsftpd keeps a
			// part of the file.
			MaxVersion:         tls.VersionTLS12,
			ClientSessionCache: tls.NewLRUClientSessionCache(0),
		}
	}
	return n
}

// login logs in with the password as it is now.
func (s *session) login(ctx context.Context) error {
	password, err := s.target.Password()
	if err != nil {
		return fmt.Errorf("the password of the FTP account: %w", err)
	}
	s.network, s.entered = s.target.network(ctx), ""
	stop := context.AfterFunc(ctx, s.network.abort)
	defer stop()
	if err := s.outcome(ctx, sensible(func() error { return s.connect(password) })); err != nil {
		s.network.abort()
		return withoutSecret(err, password)
	}
	return nil
}

// connect connects, logs in, and finds the folder's absolute path.
func (s *session) connect(password string) error {
	options := []ftp.DialOption{ftp.DialWithDialFunc(s.network.dialFTP)}
	if s.network.tls != nil {
		options = append(options, ftp.DialWithExplicitTLS(s.network.tls))
	}
	var err error
	if s.conn, err = ftp.Dial(s.target.Address, options...); err != nil {
		return s.target.explainConnect(err)
	}
	if err := s.conn.Login(s.target.User, password); err != nil {
		return s.target.explainLogin(err)
	}
	s.folder = path.Clean("/" + s.target.Folder)
	if strings.HasPrefix(s.target.Folder, "/") {
		return nil
	}
	home, err := s.conn.CurrentDir()
	if err != nil {
		return fmt.Errorf("the host does not say where a login ends up (%w): give the folder as an absolute path", err)
	}
	if !strings.HasPrefix(home, "/") {
		return fmt.Errorf("the host calls its login folder %q, which is no Unix path: this program cannot publish there", home)
	}
	s.folder = path.Join(home, s.target.Folder)
	return nil
}
