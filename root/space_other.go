//go:build !(linux || darwin || freebsd)

package root

func freeSpace(string) (free uint64, known bool) { return 0, false }

func writable(string) error { return nil }
