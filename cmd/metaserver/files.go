package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// readLimited reads a file, or standard input for "-", of at most limit bytes.
// A pipe may stay silent for ever, so the end of ctx ends the reading, too.
func readLimited(ctx context.Context, path string, limit int64) ([]byte, error) {
	type content struct {
		data []byte
		err  error
	}
	read := make(chan content, 1)
	go func() {
		data, err := readWhole(path, limit)
		read <- content{data, err}
	}()
	select {
	case c := <-read:
		return c.data, c.err
	case <-ctx.Done():
		return nil, fmt.Errorf("interrupted while reading %s; nothing was changed", path)
	}
}

// readUntilDone returns what comes from a pipe, which may stay silent for ever:
// the end of ctx ends the reading, too.
func readUntilDone(ctx context.Context, in io.Reader) io.ReadCloser {
	r, w := io.Pipe()
	stop := context.AfterFunc(ctx, func() { w.CloseWithError(errInterrupted) })
	go func() {
		defer stop()
		_, err := io.Copy(w, in)
		w.CloseWithError(err)
	}()
	return r
}

func readWhole(path string, limit int64) ([]byte, error) {
	var in io.Reader = os.Stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes: not a document of this kind", path, limit)
	}
	return data, nil
}

// readTrustFile reads a trust document, signed or not, from a regular file, or
// from standard input for "-". It refuses what says of itself that it is a list.
func readTrustFile(ctx context.Context, path string) ([]byte, error) {
	data, err := readTrustBytes(ctx, path)
	if err != nil {
		return nil, err
	}
	if typ := claimedType(data); typ == serverlist.TypeServerList || typ == serverlist.TypeMirrorList {
		return nil, withHint(fmt.Errorf("%s is a list (%s), not a trust document", path, typ), "metaserver verify shows what a list says.")
	}
	return data, nil
}

func readTrustBytes(ctx context.Context, path string) ([]byte, error) {
	if path == "-" {
		return readLimited(ctx, path, maxTrust)
	}
	info, err := os.Stat(path)
	if p := new(fs.PathError); errors.As(err, &p) {
		return nil, &fs.PathError{Op: "open", Path: path, Err: p.Err}
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is %s, not a file with a trust document", path, kindOf(info.Mode()))
	}
	return readWhole(path, maxTrust)
}

// kindOf names what is not a regular file.
func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "a file"
}

// writeNew writes a file that is not there yet, or is there with the same
// content. Anything else that lies there is left alone.
func writeNew(path string, data []byte) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return replaceFile(path, data)
	case err != nil:
		return explainWrite(path, err)
	case info.Mode()&fs.ModeSymlink != 0:
		return withHint(fmt.Errorf("%s is a link; nothing was written", path), "Give --out the name of a file that is not there yet.")
	case !info.Mode().IsRegular():
		return withHint(fmt.Errorf("%s is %s; nothing was written", path, kindOf(info.Mode())), "Give --out the name of a file that is not there yet.")
	}
	if held, err := readWhole(path, int64(len(data))); err == nil && bytes.Equal(held, data) {
		return nil
	}
	return existsAlready(path)
}

func existsAlready(path string) error {
	return withHint(fmt.Errorf("%s exists already; it may hold signatures or be in use", path), "Give --out another name, or remove the file yourself.")
}

// replaceFile replaces a file as a whole. It keeps the permissions of one that is
// there.
func replaceFile(path string, data []byte) error {
	perm := fs.FileMode(0o644)
	if info, err := os.Stat(path); err == nil {
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is %s; nothing was written", path, kindOf(info.Mode()))
		}
		perm = info.Mode().Perm()
	}
	return explainWrite(path, durable.WriteFile(path, data, perm))
}

// explainWrite names the file that the user named, not a temporary one beside
// it, and says what helps.
func explainWrite(path string, err error) error {
	if err == nil {
		return nil
	}
	dir := filepath.Dir(path)
	cause := err
	if p := new(fs.PathError); errors.As(err, &p) {
		cause = p.Err
	} else if l := new(os.LinkError); errors.As(err, &l) {
		cause = l.Err
	}
	hint := "It was not written. Give a name in a folder that you can write to."
	switch {
	case errors.Is(err, fs.ErrNotExist):
		cause, hint = fmt.Errorf("there is no folder %s", dir), fmt.Sprintf("Make it first: mkdir -p %s", dir)
	case errors.Is(err, syscall.ENOTDIR):
		cause = fmt.Errorf("%s is not a folder, or lies below a file", dir)
	case errors.Is(err, syscall.ENOSPC):
		hint = "The disk is full: it was not written. Make room, or give a name on another disk."
	}
	return withHint(fmt.Errorf("cannot write %s: %w", path, cause), hint)
}
