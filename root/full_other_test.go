//go:build !linux

package root_test

import "errors"

const childDisk = "ROOT_TEST_CHILD_DISK"

func mountDisk(string) error { return errors.New("only on Linux") }
