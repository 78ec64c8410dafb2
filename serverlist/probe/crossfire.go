package probe

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
)

// Crossfire. The server speaks first: a 2-byte big-endian length, then
// "version CS SC NAME\n". Nothing more is public before a login, and nothing
// is sent here.

// maxGreeting is far above any greeting (35 bytes of server 1.75) and bounds
// what is read from whoever answers.
const maxGreeting = 256

// askCrossfire waits for the greeting.
func askCrossfire(conn net.Conn, live *Live) error {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return cutShort(err)
	}
	n := int(binary.BigEndian.Uint16(length[:]))
	if n > maxGreeting {
		return fmt.Errorf("%w: its first message would have %d bytes, more than %d", errNotCrossfire, n, maxGreeting)
	}
	greeting := make([]byte, n)
	if _, err := io.ReadFull(conn, greeting); err != nil {
		return cutShort(err)
	}
	return parseCrossfire(greeting, live)
}

// errNotCrossfire is the error of something that answers otherwise.
var errNotCrossfire = errors.New("something answers, but not as a Crossfire server")

// cutShort tells a peer that hangs up from one that is silent.
func cutShort(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return fmt.Errorf("%w: it closed the connection before a complete greeting", errNotCrossfire)
	}
	return err
}

// parseCrossfire reads a greeting without its length.
func parseCrossfire(greeting []byte, live *Live) error {
	rest, ok := bytes.CutPrefix(greeting, []byte("version "))
	if !ok {
		return fmt.Errorf("%w: it does not begin with \"version\"", errNotCrossfire)
	}
	cs, rest, okCS := bytes.Cut(rest, []byte(" "))
	sc, rest, okSC := bytes.Cut(rest, []byte(" "))
	csVersion, errCS := crossfireVersion(cs)
	scVersion, errSC := crossfireVersion(sc)
	if !okCS || !okSC || errCS != nil || errSC != nil {
		return fmt.Errorf("%w: its greeting has no two version numbers", errNotCrossfire)
	}
	software := bytes.TrimSuffix(rest, []byte("\n"))
	if bytes.ContainsAny(software, "\x00\n") {
		return fmt.Errorf("%w: its greeting is more than one line", errNotCrossfire)
	}
	live.CSVersion, live.SCVersion, live.Software = csVersion, scVersion, clean(software)
	return nil
}

// crossfireVersion reads a decimal number without sign or leading zero, at
// most 9 digits.
func crossfireVersion(b []byte) (int, error) {
	n, err := strconv.Atoi(string(b))
	if err != nil || len(b) > 9 || b[0] < '1' || b[0] > '9' {
		return 0, errNotCrossfire
	}
	return n, nil
}
