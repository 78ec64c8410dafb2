//go:build !(linux || darwin || freebsd)

package mirror

func freeSpace(string) (free uint64, known bool) { return 0, false }
