//go:build !linux

package store_test

// fillChild belongs to the test of a full disk, which needs Linux.
func fillChild() {}
