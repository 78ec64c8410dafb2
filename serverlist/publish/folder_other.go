//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package publish

import "os"

// tryLock does nothing: a folder cannot be locked here.
func tryLock(*os.File) (bool, error) { return false, nil }

func diskFull(error) bool { return false }

func readOnly(error) bool { return false }
