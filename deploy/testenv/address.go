package testenv

import (
	"net"
	"strconv"
	"testing"
)

// FreeAddress returns "127.0.0.1:PORT" where nobody listens. On Linux the port
// is held until the test ends: it is given to nobody who asks the system for
// any port, while a program that is told to listen there can.
func FreeAddress(t testing.TB) string {
	t.Helper()
	address, release, err := HoldAddress("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return address
}

// StayClosed keeps an address, "127.0.0.1:PORT", where a server has ended from
// being taken by another one until the test ends.
func StayClosed(t testing.TB, address string) {
	t.Helper()
	_, release, err := HoldAddress(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
}

// HoldAddress does what [FreeAddress] does for an address of 127.0.0.1, or for
// any if it is "", until release is called.
func HoldAddress(address string) (held string, release func(), err error) {
	port := 0
	if address != "" {
		_, text, err := net.SplitHostPort(address)
		if err != nil {
			return "", nil, err
		}
		if port, err = strconv.Atoi(text); err != nil {
			return "", nil, err
		}
	}
	if port, release, err = holdPort([4]byte{127, 0, 0, 1}, port); err != nil {
		return "", nil, err
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), release, nil
}
