package testenv

import (
	"fmt"
	"sync"
	"syscall"
)

// holdPort takes a port, 0 for any, without listening there. Who connects is
// refused; the system gives the port to nobody who asks for any, or connects
// from any; who asks for this very one, with SO_REUSEADDR as servers do, gets it.
func holdPort(address [4]byte, port int) (held int, release func(), err error) {
	fail := func(err error) (int, func(), error) {
		return 0, nil, fmt.Errorf("holding TCP port %d: %w", port, err)
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	release = sync.OnceFunc(func() { syscall.Close(fd) })
	err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err == nil {
		err = syscall.Bind(fd, &syscall.SockaddrInet4{Addr: address, Port: port})
	}
	if err != nil {
		release()
		return fail(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		release()
		return fail(err)
	}
	return name.(*syscall.SockaddrInet4).Port, release, nil
}
