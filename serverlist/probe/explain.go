package probe

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
)

// What Windows says in place of ENETUNREACH, EHOSTUNREACH and ECONNREFUSED,
// which package syscall has there, too, but which no call returns.
const (
	wsaNetUnreach  syscall.Errno = 10051
	wsaConnRefused syscall.Errno = 10061
	wsaHostUnreach syscall.Errno = 10065
)

// explain says what came of asking, and what that may mean.
func explain(err error) string {
	var dns *net.DNSError
	switch {
	case errors.Is(err, errNotAsked):
		return err.Error()
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the host name does not exist; a name that changes its address may be between two of them"
	case errors.As(err, &dns):
		return "the host name cannot be looked up now"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, wsaConnRefused):
		return "connection refused: no server listens there"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH),
		errors.Is(err, wsaNetUnreach), errors.Is(err, wsaHostUnreach):
		return "this machine has no route there"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time: the server may be down, or a firewall drops the connection"
	}
	return err.Error()
}
