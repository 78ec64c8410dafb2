package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/signed-metaserver/metaserver/keys"
)

// A setupFile is a file that setup writes.
type setupFile struct {
	path string
	data []byte
	mode fs.FileMode
}

type setupFiles []setupFile

// write writes all files or none, and replaces none.
func (files setupFiles) write() error {
	for i, f := range files {
		if err := f.create(); err != nil {
			return errors.Join(err, files[:i].remove())
		}
	}
	return nil
}

// there tells whether the file has its content already, as when two mirrors of
// one root have their configurations in one folder.
func (f setupFile) there() bool {
	data, err := readWhole(f.path, int64(len(f.data)))
	return err == nil && bytes.Equal(data, f.data)
}

func (f setupFile) create() error {
	out, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, f.mode)
	if errors.Is(err, fs.ErrExist) {
		return thereAlready(f.path)
	}
	if err != nil {
		return err
	}
	_, err = out.Write(f.data)
	if err := errors.Join(err, out.Sync(), out.Close()); err != nil {
		return errors.Join(err, os.Remove(f.path))
	}
	return nil
}

// checkPlaces looks, before anything is asked, whether the files can be new.
func (s *mirrorSetup) checkPlaces() error {
	places := []string{s.config}
	if s.systemd != "" {
		places = append(places, s.unitFile(".service"), s.unitFile(".timer"))
	}
	for _, path := range places {
		if dir, err := os.Stat(filepath.Dir(path)); err != nil || !dir.IsDir() {
			return withHint(fmt.Errorf("%s is not a folder, and nothing was changed", filepath.Dir(path)), "Make it first.")
		}
		if _, err := os.Lstat(path); err == nil {
			return thereAlready(path)
		}
	}
	return nil
}

func thereAlready(path string) error {
	return withHint(fmt.Errorf("%s is there already, and nothing was changed", path), "Is this mirror set up already? Give --config another file, or remove this one.")
}

// remove takes back what write has written.
func (files setupFiles) remove() error {
	var errs []error
	for _, f := range files {
		errs = append(errs, os.Remove(f.path))
	}
	return errors.Join(errs...)
}

// prepare completes what is asked for and returns the files to write.
func (s *mirrorSetup) prepare(ctx context.Context, trust []byte) (setupFiles, error) {
	chain, err := keys.NewChain(trust)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(s.errOut, "The trust document %d of %s has the hash you gave.\n", chain.Newest().Version, chain.Origin())
	if err := s.complete(ctx); err != nil {
		return nil, err
	}
	if err := s.checkTarget(); err != nil {
		return nil, err
	}
	dir := filepath.Dir(s.config)
	trustName := fmt.Sprintf("%d.trust", chain.Newest().Version)
	var files setupFiles
	if f := (setupFile{filepath.Join(dir, trustName), trust, 0o644}); !f.there() {
		files = append(files, f)
	}
	if s.secret != nil {
		files = append(files, setupFile{s.secretFile, append(s.secret, '\n'), 0o600})
	}
	files = append(files, setupFile{s.config, s.configuration(trustName), 0o644})
	if s.systemd != "" {
		units, err := s.units()
		if err != nil {
			return nil, err
		}
		files = append(files, units...)
	}
	return files, nil
}
