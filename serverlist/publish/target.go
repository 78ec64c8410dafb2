// Package publish puts verified documents on static hosts.
//
// A mirror and the root itself publish the same three kinds of documents: the
// trust documents, the mirror list and the server list. [Set] is the one place
// that knows how: in which order, what may replace what, and how the result is
// checked. A [Target] is a host that serves plain files; it knows nothing of
// documents beyond their names. [Folder] is the target on this machine; package
// publishtest holds the contract that every target is tested against.
//
// Nothing is remembered between two calls: what a target holds is read back
// from it and verified again each time.
package publish

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// Names of the lists. Trust documents are named by [TrustName].
const (
	ServerList = serverlist.NameServerList
	MirrorList = serverlist.NameMirrorList
)

// TrustName returns the name of trust document n: "trust/3.trust".
func TrustName(n int64) string { return serverlist.TrustName(n) }

// A Target is a place that serves documents as plain files. Implementations
// are safe for concurrent use; String names the target in messages and never
// holds a secret.
type Target interface {
	fmt.Stringer

	// Open connects to the target, or locks it where it can be locked: while
	// a session is open no other session of a well-behaved program should
	// change the target. Open waits for its turn until the context ends.
	// The caller closes the session.
	Open(ctx context.Context) (Session, error)
}

// A Session is one visit to a target. It is used by one goroutine at a time.
// Names are those that [CheckName] takes; any other is refused and nothing is
// touched.
type Session interface {
	// Read opens the document as it is held. The caller closes the reader
	// before the next call and limits how much it reads. A document that is
	// not there is an error that is fs.ErrNotExist.
	Read(ctx context.Context, name string) (io.ReadCloser, error)

	// Write puts the document in place, with the folder it needs. Where the
	// target can, readers see the old bytes or the new ones and nothing in
	// between, also when Write fails or the program dies. Write returns nil
	// once the target has accepted the document for good; it may defer that
	// to Close.
	Write(ctx context.Context, name string, data []byte) error

	// Close ends the session. Its error means that writes may be lost.
	Close() error
}

// CheckName returns an error unless name is that of a document: "server.list",
// "mirror.list", or "trust/N.trust" with N from 1 without leading zeros.
func CheckName(name string) error {
	if name == ServerList || name == MirrorList {
		return nil
	}
	digits, ok := strings.CutPrefix(name, "trust/")
	if ok {
		digits, ok = strings.CutSuffix(digits, ".trust")
	}
	if n, err := strconv.ParseInt(digits, 10, 64); ok && err == nil && n > 0 && TrustName(n) == name {
		return nil
	}
	return fmt.Errorf("%q is not the name of a document: there are %s, %s and trust/N.trust", name, ServerList, MirrorList)
}
