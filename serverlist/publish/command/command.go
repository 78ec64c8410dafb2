// Package command publishes with a program of the operator's: rsync, rclone,
// lftp, scp, the tool of a hosting provider, a script.
//
// The program gets a folder that is laid out as the host should be, with every
// document, also those that have not changed:
//
//	server.list  mirror.list  trust/1.trust  trust/2.trust ...
//
// The argument "{folder}" stands for its path, also inside of an argument. There
// is no shell between; whoever needs one names it: ["sh", "-c", "...", "sh", "{folder}"].
// Some that work, with the way to read back what the host holds:
//
//	push = ["rsync", "-rc", "{folder}/", "me@host.example.net:www/ms/"]
//	pull = ["rsync", "-rc", "--safe-links", "me@host.example.net:www/ms/", "{folder}/"]
//
//	push = ["rclone", "copy", "--checksum", "{folder}", "remote:www/ms"]
//	pull = ["rclone", "copy", "remote:www/ms", "{folder}"]
//
// rsync needs -c: without it, a document of the same length that was published
// in the same second counts as unchanged.
//
// # Order
//
// Who reads between two documents must find what is needed to verify them: trust
// documents come before the mirror list, and that before the server list. A
// program that copies a folder follows an order of its own; rsync, for one,
// sends the files of a folder before the folders in it, which is the wrong way
// round when keys change. So push runs once for each of the three that has
// changed, each time on a folder with the documents up to there new and the
// others as the host holds them. Usually that is one run. For a tool that
// replaces the whole site in one step set Atomic; it then runs once.
//
// Whether readers may see half of a document depends on the program. rsync and
// rclone to most places write beside and rename; cp and scp write over the old
// document.
//
// # Reading back
//
// What the host holds is read by Pull into an empty folder, or from PublicURL.
// Pull must fail (exit status other than 0) when it cannot read: what it leaves
// out counts as absent and is published anew. Most programs fail also where the
// host's folder does not exist yet: make an empty one by hand. With PublicURL, a
// cache that keeps old documents for longer than a moment makes publishing fail,
// since what comes back is not what was sent.
//
// A program can no more be asked to write only over what was read: let one job
// alone publish to such a place. A push that has begun may run on when this
// program is killed; each document that it brings is complete.
//
// Programs inherit the environment, read nothing from standard input (those that
// ask for a password must get it another way), and run in a process group of
// their own, which is killed when its time is over. The last lines they print
// are shown in errors; their arguments never are, as some hold passwords.
package command

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/web"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/work"
)

const (
	placeholder    = "{folder}"
	defaultTimeout = 10 * time.Minute
)

// Target is a place that a program reaches.
type Target struct {
	Push      []string      // program and arguments; required; one of the arguments holds "{folder}"
	Atomic    bool          // Push replaces everything in one step: it runs once
	Pull      []string      // reads back into "{folder}"; or:
	PublicURL string        // reads back from here, as players do: a folder if it ends in "/", else the server list itself
	Timeout   time.Duration // for each run of a program; 0: 10 minutes
	Name      string        // in messages; "": the name of the program, and PublicURL

	// For PublicURL.
	RootCAs *x509.CertPool                                                       // of https; nil: those of the system
	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: net.Dialer
	Silence time.Duration                                                        // a host that says nothing for so long is given up; 0: 30 seconds
}

// GiveUpAfter returns a copy that bears less silence of PublicURL; see
// [publish.Impatient]. How long a program waits is its own matter.
func (t Target) GiveUpAfter(silence time.Duration) publish.Target {
	t.Silence = publish.Shorter(t.Silence, web.DefaultSilence, silence)
	return t
}

func (t Target) String() string {
	switch {
	case t.Name != "":
		return t.Name
	case len(t.Push) == 0:
		return "command"
	case t.PublicURL != "" && serverlist.CheckMirrorURL(t.PublicURL) == nil:
		return fmt.Sprintf("command %s to %s", filepath.Base(t.Push[0]), t.PublicURL)
	}
	return "command " + filepath.Base(t.Push[0])
}

func (t Target) check() error {
	switch {
	case len(t.Push) == 0 || t.Push[0] == "":
		return errors.New("push is missing: the program that brings the documents to the host, and its arguments")
	case !mentions(t.Push):
		return fmt.Errorf("no argument of push is or holds %q, which stands for the folder with the documents", placeholder)
	case len(t.Pull) > 0 && t.PublicURL != "":
		return errors.New("pull and a public URL are both given: what the host holds is read in one way")
	case t.PublicURL != "":
		if err := serverlist.CheckMirrorURL(t.PublicURL); err != nil {
			return fmt.Errorf("the public URL %w", err)
		}
		return nil
	case len(t.Pull) == 0 || t.Pull[0] == "":
		return errors.New("pull or a public URL is needed: without reading what the host holds, a newer document could be replaced by an older one")
	case !mentions(t.Pull):
		return fmt.Errorf("no argument of pull is or holds %q, which stands for the folder to fill", placeholder)
	}
	return nil
}

func mentions(command []string) bool {
	return slices.ContainsFunc(command[1:], func(arg string) bool { return strings.Contains(arg, placeholder) })
}

// Open runs Pull, if there is one, and looks whether Push is there. Its folder,
// and that of Push, are temporary and removed when the session is closed.
func (t Target) Open(ctx context.Context) (publish.Session, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	if err := find(t.Push[0]); err != nil {
		return nil, fmt.Errorf("push: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := work.Folder("publish")
	if err != nil {
		return nil, err
	}
	if t.Timeout <= 0 {
		t.Timeout = defaultTimeout
	}
	s := &session{target: t, work: dir, changes: map[string][]byte{}}
	s.held = folder(filepath.Join(dir, "held"))
	s.staged = folder(filepath.Join(dir, "documents"))
	if err := errors.Join(folder(dir).create(), s.held.create(), s.staged.create()); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if t.PublicURL != "" {
		s.transport = web.NewTransport(web.Options{RootCAs: t.RootCAs, Dial: t.Dial, Silence: t.Silence})
		s.client = &http.Client{Transport: s.transport}
		return s, nil
	}
	if err := s.pull(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}
