package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/datafolder"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

var adminName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)

// Admins returns the admins of the root in a data folder that have a token, by
// name. The root may be served meanwhile.
func Admins(ctx context.Context, data string) (all []store.Admin, err error) {
	err = withStore(ctx, data, func(st store.Store) error {
		all, err = st.Admins(ctx)
		return err
	})
	return all, err
}

// AddAdmin gives a new admin a token, which is valid at once, and writes it to
// file with mode 0600; the file must not exist. The audit log records it.
func AddAdmin(ctx context.Context, data, name, file string) error {
	if !adminName.MatchString(name) {
		return fmt.Errorf("%q is no name for an admin: 1 to 32 lower-case letters, digits, \".\", \"_\" and \"-\", a letter or digit first", name)
	}
	return withStore(ctx, data, func(st store.Store) error {
		token := store.NewToken()
		if err := writeNew(file, []byte(api.AdminTokenPrefix+token.Reveal()+"\n")); err != nil {
			return err
		}
		err := st.AddAdmin(byConsole(ctx, store.ActionAddAdmin, name), name, token.Hash())
		if err == nil {
			return nil
		}
		if taken := new(store.TakenError); errors.As(err, &taken) {
			err = fmt.Errorf("there is an admin %q already: choose another name, or remove that one first", name)
		}
		return errors.Join(err, os.Remove(file))
	})
}

// RemoveAdmin makes an admin's token useless at once. The audit log records it,
// and keeps what the admin did. left is how many admins there are now.
func RemoveAdmin(ctx context.Context, data, name string) (left int, err error) {
	err = withStore(ctx, data, func(st store.Store) error {
		err := st.RemoveAdmin(byConsole(ctx, store.ActionRemoveAdmin, name), name)
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("there is no admin %q", name)
		}
		if err != nil {
			return err
		}
		all, err := st.Admins(ctx)
		left = len(all)
		return err
	})
	return left, err
}

// byConsole says that who uses the data folder does this.
func byConsole(ctx context.Context, action audit.Action, subject string) context.Context {
	return audit.With(ctx, &audit.Call{Admin: audit.Console, Action: action, Subject: subject})
}

// withStore opens the database of a root that may be served meanwhile.
func withStore(ctx context.Context, data string, use func(store.Store) error) error {
	d := datafolder.Folder(data)
	if _, err := os.Stat(d.Database()); errors.Is(err, fs.ErrNotExist) {
		return datafolder.NoRoot(data)
	}
	st, err := store.OpenSQLite(ctx, store.Config{Path: d.Database(), MustExist: true})
	if err != nil {
		return err
	}
	return errors.Join(use(st), st.Close())
}

// writeNew writes a file that nobody else reads and that must not exist.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already; nothing was changed: choose another file for the token", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = durable.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
