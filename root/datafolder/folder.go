// Package datafolder is the folder that holds a root: what lies where in it, who
// has locked it, how one comes into being whole or not at all, and how its keys
// and its trust documents are read. What is in the files is for others to know.
package datafolder

import (
	"fmt"
	"os"
	"path/filepath"
)

// A Folder is the path of a data folder, the one place that knows what lies
// where.
type Folder string

// ConfigFile is the path of root.toml.
func (d Folder) ConfigFile() string { return filepath.Join(string(d), "root.toml") }

// Database is the path of the SQLite database.
func (d Folder) Database() string { return filepath.Join(string(d), "root.db") }

// LockFile is the path of the file that [Lock] locks.
func (d Folder) LockFile() string { return filepath.Join(string(d), "lock") }

// RestoredMark is the path of the file that lies there from a restore until the
// mirrors were asked.
func (d Folder) RestoredMark() string { return filepath.Join(string(d), "restored.json") }

// AdminToken is the path of the first admin's token.
func (d Folder) AdminToken() string { return filepath.Join(string(d), "admin.token") }

// Public is the folder of what is published.
func (d Folder) Public() string { return filepath.Join(string(d), "public") }

// Published is the path of the published list of a name.
func (d Folder) Published(name string) string { return filepath.Join(d.Public(), name) }

// Trust is the path of the trust document of a version.
func (d Folder) Trust(version int64) string {
	return filepath.Join(d.Public(), "trust", fmt.Sprintf("%d.trust", version))
}

// Keys is the folder of the keys; see [KeyRing].
func (d Folder) Keys() string { return filepath.Join(string(d), "keys") }

// ListKey is the path of the first key that signs the lists.
func (d Folder) ListKey() string { return filepath.Join(d.Keys(), "list.key") }

// AdminKey is the path of the first key that signs trust documents, until it is
// moved off the machine.
func (d Folder) AdminKey() string { return filepath.Join(d.Keys(), "admin.key") }

// RecoveryKey is the path of the key that replaces a lost admin key, until it is
// moved off the machine.
func (d Folder) RecoveryKey() string { return filepath.Join(d.Keys(), "recovery.key") }

// ACME is the folder of the account and the certificates of an authority.
func (d Folder) ACME() string { return filepath.Join(string(d), "acme") }

// Marker is the file that says that there is a root: root.toml, which is put in
// place last. With a configuration that lies elsewhere, whose path config is,
// that one may be gone.
func (d Folder) Marker(config string) string {
	if config != "" {
		return d.Database()
	}
	return d.ConfigFile()
}

// A NoRootError says that a folder holds no root.
type NoRootError struct {
	Data       string // the folder
	Unfinished bool   // an init began here and did not end
}

func (e *NoRootError) Error() string {
	if e.Unfinished {
		return fmt.Sprintf("%s has a database and no root.toml. If this root has been in use, put the file back: from a backup, or a new one with the line origin = \"...\"; do not remove the folder, it holds the keys. If it is what an init that did not finish has left, remove it and run \"metaserver root init\" again", e.Data)
	}
	return fmt.Sprintf("there is no root in %s: run \"metaserver root init --data %s --origin NAME\", or name another folder", e.Data, e.Data)
}

// NoRoot returns the error of a folder that holds no root, a [*NoRootError].
func NoRoot(data string) error {
	_, err := os.Stat(Folder(data).Database())
	return &NoRootError{Data: data, Unfinished: err == nil}
}
