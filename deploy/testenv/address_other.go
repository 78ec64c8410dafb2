//go:build !linux

package testenv

import (
	"fmt"
	"net"
)

// holdPort finds a port that is free, 0 for any, and cannot hold it.
func holdPort(address [4]byte, port int) (held int, release func(), err error) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: address[:], Port: port})
	if err != nil {
		return 0, nil, fmt.Errorf("holding TCP port %d: %w", port, err)
	}
	return l.Addr().(*net.TCPAddr).Port, func() {}, l.Close()
}
