package datafolder

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// unfinished is the folder in which a root is built. Whoever makes it has
// claimed the data folder.
const unfinished = ".init"

// Make makes a data folder, which must be empty or absent. build makes what is
// to be in it in another folder, from where it is moved to its place, root.toml
// last. doing begins the error of that. With an error nothing is left behind;
// after a crash what is left is refused as unfinished.
func Make(data, doing string, build func(d Folder) error) error {
	made, err := claim(data)
	if err != nil {
		return explain(data, err)
	}
	d := Folder(filepath.Join(data, unfinished))
	if err = build(d); err == nil {
		err = settle(Folder(data), d)
	}
	if err != nil {
		unclaim(data, made)
		return fmt.Errorf("%s: %w", doing, explain(data, err))
	}
	return nil
}

// claim makes the data folder, tells whether it did, and reserves it: of
// several calls one succeeds.
func claim(data string) (made bool, err error) {
	switch _, err := os.Stat(data); {
	case errors.Is(err, fs.ErrNotExist):
		made = true
		if err := durable.MkdirAll(data, 0o700); err != nil {
			return false, err
		}
	case err != nil:
		return false, fmt.Errorf("data folder: %w", err)
	}
	switch err := os.Mkdir(filepath.Join(data, unfinished), 0o700); {
	case errors.Is(err, fs.ErrExist):
		return false, claimed(data)
	case err != nil:
		return false, fmt.Errorf("data folder: %w", err)
	}
	err = checkEmpty(data)
	if err == nil {
		err = os.Chmod(data, 0o700)
	}
	if err != nil {
		unclaim(data, made)
	}
	return made, err
}

// claimed explains why a folder cannot be claimed.
func claimed(data string) error {
	d := Folder(data)
	if _, err := os.Stat(d.ConfigFile()); err == nil {
		return alreadyRoot(data)
	}
	if _, err := os.Stat(d.Database()); err == nil {
		return &NoRootError{Data: data, Unfinished: true}
	}
	return fmt.Errorf("another init works in %s, or one did not finish there: if none runs, remove the folder and run it again", data)
}

func alreadyRoot(data string) error {
	return fmt.Errorf("%s holds a root already, and a second init would make new keys that no client knows: serve it, or choose another folder", data)
}

// checkEmpty refuses a folder that holds anything but the claim.
func checkEmpty(data string) error {
	have, err := os.ReadDir(data)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	d := Folder(data)
	if _, err := os.Stat(d.ConfigFile()); err == nil {
		return alreadyRoot(data)
	}
	for _, e := range have {
		switch e.Name() {
		case unfinished:
		case filepath.Base(d.Database()):
			return &NoRootError{Data: data, Unfinished: true}
		default:
			return fmt.Errorf("%s is not empty (it holds %s): choose a folder of its own", data, e.Name())
		}
	}
	return nil
}

// unclaim gives a claimed folder back, with what is left in the claim.
func unclaim(data string, made bool) {
	os.RemoveAll(filepath.Join(data, unfinished))
	if made {
		os.Remove(data) // fails if somebody else has claimed it by now
	}
}

// settle moves what was built to its place, the configuration last: its
// presence means that all is there. With an error it takes back what it moved.
func settle(to, from Folder) (err error) {
	have, err := os.ReadDir(string(from))
	if err != nil {
		return err
	}
	var moved []string
	defer func() {
		if err != nil {
			for _, path := range moved {
				os.RemoveAll(path)
			}
		}
	}()
	move := func(name string) error {
		path := filepath.Join(string(to), name)
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("%s has come into being meanwhile", path)
		}
		moved = append(moved, path)
		return durable.Rename(filepath.Join(string(from), name), path)
	}
	last := filepath.Base(from.ConfigFile())
	for _, e := range have {
		if e.Name() == last {
			continue
		}
		if err := move(e.Name()); err != nil {
			return err
		}
	}
	if err := move(last); err != nil {
		return err
	}
	return os.Remove(string(from))
}

// MakePublic makes the folders that any web server may read, whatever the
// umask says.
func MakePublic(d Folder) error {
	trust := filepath.Dir(d.Trust(1))
	return errors.Join(durable.MkdirAll(trust, 0o755), os.Chmod(d.Public(), 0o755), os.Chmod(trust, 0o755))
}

// explain adds what to do when a data folder cannot be written to.
func explain(data string, err error) error {
	switch {
	case errors.Is(err, store.ErrNoSpace), errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("the disk of %s is full: make room (a new root needs 2 MB) and try again; nothing was changed: %w", data, err)
	case errors.Is(err, syscall.EROFS), errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s cannot be written to, and a root keeps its database and its documents there: mount it read-write, and give it to the user that runs the root (chown -R USER %s): %w", data, data, err)
	}
	return err
}
