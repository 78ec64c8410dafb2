package testenv

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// Created tells of everything that comes into being in folders, by path and in
// order, until stop is called or the test ends. It misses nothing, however short
// it lives and however busy the machine is.
func Created(t testing.TB, folders ...string) (created <-chan string, stop func()) {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		t.Fatalf("inotify: %v", err)
	}
	f := os.NewFile(uintptr(fd), "inotify")
	watched := make(map[int32]string)
	for _, folder := range folders {
		watch, err := syscall.InotifyAddWatch(fd, folder, syscall.IN_CREATE)
		if err != nil {
			f.Close()
			t.Fatalf("inotify: %s: %v", folder, err)
		}
		watched[int32(watch)] = folder
	}
	paths, over := make(chan string), make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		buf := make([]byte, 64<<10)
		for {
			n, err := f.Read(buf)
			if err != nil {
				return
			}
			for _, path := range createdIn(buf[:n], watched) {
				select {
				case paths <- path:
				case <-over:
					return
				}
			}
		}
	})
	stop = sync.OnceFunc(func() {
		close(over)
		f.Close()
		reading.Wait()
	})
	t.Cleanup(stop)
	return paths, stop
}

// createdIn returns the paths in events as the kernel writes them: four numbers
// of 32 bits, the first the folder and the last the size of the name, which
// follows and is filled up with zeros.
func createdIn(events []byte, watched map[int32]string) (paths []string) {
	for len(events) >= syscall.SizeofInotifyEvent {
		folder := watched[int32(binary.NativeEndian.Uint32(events))]
		size := int(binary.NativeEndian.Uint32(events[12:]))
		name := events[syscall.SizeofInotifyEvent : syscall.SizeofInotifyEvent+size]
		events = events[syscall.SizeofInotifyEvent+size:]
		paths = append(paths, filepath.Join(folder, string(bytes.TrimRight(name, "\x00"))))
	}
	return paths
}
