package root_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/backup"
)

// childBackup names the file that the child backs its data folder up to.
const childBackup = "ROOT_TEST_CHILD_BACKUP"

// backUpUntilKilled prints a line when the copy of the database is there, and
// goes no further.
func backUpUntilKilled(dir, file string) error {
	_, err := backup.Make(context.Background(), backup.MakeConfig{Data: dir, File: file, Program: "test", Progress: func(doing string, _, _ int64) {
		if doing == "packing" {
			fmt.Println(doing)
			time.Sleep(time.Hour) // until it is killed
		}
	}})
	return err
}

// startBackup starts a backup in a process of its own, which goes on until it is
// killed.
func startBackup(t *testing.T, dir, file string) (kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childData+"="+dir, childBackup+"="+file)
	cmd.Stderr = os.Stderr
	testenv.Tie(cmd)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	killed := false
	kill = func() {
		if !killed {
			killed = true
			cmd.Process.Kill()
			cmd.Wait()
		}
	}
	t.Cleanup(kill)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "packing\n" {
		t.Fatalf("the child says %q, %v", line, err)
	}
	return kill
}

// backupTemps returns the folders in which backups into dir are prepared.
func backupTemps(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, backup.TempPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// A backup that is killed leaves e-mail addresses behind. The next one removes
// them, and leaves those alone that a living process works with.
func TestKilledBackup(t *testing.T) {
	t.Parallel()
	dir, to := newData(t), t.TempDir()
	kill := startBackup(t, dir, filepath.Join(to, "1.tar.gz"))
	next := func(name string) {
		t.Helper()
		if _, err := backup.Make(t.Context(), backup.MakeConfig{Data: dir, File: filepath.Join(to, name), Program: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	next("2.tar.gz")
	left := backupTemps(t, to)
	if len(left) != 1 {
		t.Fatalf("beside a living backup: %q", left)
	}
	if _, err := os.Stat(filepath.Join(left[0], "root.db")); err != nil {
		t.Errorf("the living backup has lost its copy: %v", err)
	}
	kill()
	if left := backupTemps(t, to); len(left) != 1 {
		t.Fatalf("the kill left %q, so that their absence would say nothing", left)
	}
	stranger := filepath.Join(to, backup.TempPrefix+"new") // made a moment ago by a process that has not locked it yet
	old := filepath.Join(to, backup.TempPrefix+"old")
	for _, d := range []string{stranger, old} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	yesterday := time.Now().Add(-25 * time.Hour)
	if err := os.Chtimes(old, yesterday, yesterday); err != nil {
		t.Fatal(err)
	}
	next("3.tar.gz")
	if left := backupTemps(t, to); len(left) != 1 || left[0] != stranger {
		t.Errorf("after the next backup: %q", left)
	}
}

// One that was killed while it wrote into the data folder is cleaned up after
// when the root is served again.
func TestKilledBackupInDataFolder(t *testing.T) {
	t.Parallel()
	dir := newData(t)
	kill := startBackup(t, dir, filepath.Join(dir, "backup.tar.gz"))
	serveData(t, dir).stop()
	if left := backupTemps(t, dir); len(left) != 1 {
		t.Fatalf("beside a living backup: %q", left)
	}
	kill()
	serveData(t, dir).stop()
	if left := backupTemps(t, dir); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}
