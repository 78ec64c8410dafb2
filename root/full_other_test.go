//go:build !linux

package root_test

import "errors"

const childDisk = "ROOT_TEST_CHILD_DISK"

func mountDisk(string) error { return errors.New("only on Linux") }

const childReadOnly = "ROOT_TEST_CHILD_READ_ONLY"

func serveReadOnly(string) error { return errors.New("only on Linux") }
