// Package trial holds what the targets have in common when they try whether
// they can be written to.
package trial

import (
	"bytes"
	"fmt"
	"io"
)

// Text is what the file of a trial says to whoever finds it.
const Text = "The metaserver's mirror has tried here whether it can write. This file can be removed.\n"

// Folders are where documents are, relative to the folder of a target: each may
// have rights of its own.
var Folders = []string{"", "trust"}

// ReadBack reads the file of a trial and closes it. Line ends that the host has
// changed do no harm to documents, and so none here.
func ReadBack(r io.ReadCloser) error {
	held, err := io.ReadAll(io.LimitReader(r, 2*int64(len(Text))))
	if closing := r.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(bytes.ReplaceAll(held, []byte("\r\n"), []byte("\n")), []byte(Text)) {
		return fmt.Errorf("%d bytes were written, and %d others came back: the host cuts or changes files", len(Text), len(held))
	}
	return nil
}
