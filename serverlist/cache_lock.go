package serverlist

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// lockName is the file that is locked. It stays: removing it would let one
// program lock the file that was and another the file that is.
const lockName = ".lock"

// lockPatience is longer than a store takes on a slow disk, and short enough
// for a player to wait.
const lockPatience = 3 * time.Second

// errLocked is why tryLock has no lock.
var errLocked = errors.New("another program holds the lock of this cache: it is storing something, or it hangs")

// lockFolder keeps other programs, and others in this one, from storing into a
// folder until unlock is called.
func lockFolder(dir string) (unlock func(), err error) {
	path := filepath.Join(dir, lockName)
	begin := time.Now()
	for pause := time.Millisecond; ; pause = min(2*pause, 50*time.Millisecond) {
		unlock, err := tryLock(path)
		if !errors.Is(err, errLocked) {
			return unlock, err
		}
		if time.Since(begin) > lockPatience {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		time.Sleep(pause)
	}
}
