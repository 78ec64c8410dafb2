//go:build !linux

package testenv

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Created tells of what comes into being in folders, by path, until stop is
// called or the test ends. Here it looks again and again, and may miss what is
// gone soon.
func Created(t testing.TB, folders ...string) (created <-chan string, stop func()) {
	t.Helper()
	known := make(map[string]bool)
	look := func() (found []string) {
		for _, folder := range folders {
			entries, _ := os.ReadDir(folder) // names that could be read count
			for _, e := range entries {
				if path := filepath.Join(folder, e.Name()); !known[path] {
					known[path] = true
					found = append(found, path)
				}
			}
		}
		return found
	}
	look()
	paths, over := make(chan string), make(chan struct{})
	var looking sync.WaitGroup
	looking.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			for _, path := range look() {
				select {
				case paths <- path:
				case <-over:
					return
				}
			}
			select {
			case <-tick.C:
			case <-over:
				return
			}
		}
	})
	stop = sync.OnceFunc(func() { close(over); looking.Wait() })
	t.Cleanup(stop)
	return paths, stop
}
