package testenv

import (
	"errors"
	"net"
	"runtime"
	"syscall"
	"testing"
)

// A held port is refused to nobody who is told of it, and given to nobody else.
func TestHeldAddress(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("ports are held on Linux")
	}
	address := FreeAddress(t)
	for range 2 {
		if conn, err := net.Dial("tcp", address); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("before anybody listens: %v, %v", conn, err)
		}
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		l.Close()
		StayClosed(t, address) // which it does anyway
	}
	all, err := net.Listen("tcp", ":"+address[len("127.0.0.1:"):])
	if err != nil {
		t.Fatal(err)
	}
	all.Close()
	if _, _, err := HoldAddress("127.0.0.1"); err == nil {
		t.Error("an address without a port is held")
	}
}

// Asking for any port until the system has given all that it gives would take
// long, so the range of a few is tried: none of them comes twice.
func TestHeldAddressIsGivenToNobody(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("ports are held on Linux")
	}
	held := make(map[string]bool)
	for range 300 {
		held[FreeAddress(t)] = true
	}
	if len(held) != 300 {
		t.Errorf("%d of 300 held addresses differ", len(held))
	}
	for range 300 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if held[l.Addr().String()] {
			t.Fatalf("%s was held and is given to somebody else", l.Addr())
		}
	}
}
