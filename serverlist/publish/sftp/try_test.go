package sftp_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/publish/sftp"
)

// all lists every file and folder.
func all(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		names = append(names, strings.TrimPrefix(path, dir))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

// TestTryWrite: a trial leaves no file and no folder, and removes what an
// interrupted one has left an hour ago.
func TestTryWrite(t *testing.T) {
	t.Parallel()
	for name, subsystem := range map[string]string{"OpenSSH": "", "without extensions": without} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testenv.SSHD(t, testenv.SSHDOptions{Subsystem: subsystem})
			target := targetOn(t, s, "ms")
			set(t, target, documents(1)[0])
			before := all(t, s.Home)
			at := time.Now().Add(-2 * time.Hour)
			for _, name := range []string{"ms/.try.0123456789abcdef.part", "ms/trust/.try.0123456789abcdef.part"} {
				file := filepath.Join(s.Home, name)
				if err := errors.Join(os.WriteFile(file, nil, 0o644), os.Chtimes(file, at, at)); err != nil {
					t.Fatal(err)
				}
			}
			s.Own(t, s.Home)
			for _, folder := range []string{"ms", "new/ms"} {
				target.Folder = folder
				if err := target.TryWrite(t.Context()); err != nil {
					t.Errorf("in %q: %v", folder, err)
				}
			}
			if after := all(t, s.Home); after != before {
				t.Errorf("the host holds %s, and before %s", after, before)
			}
		})
	}
}

// TestTryWriteReadOnly: accounts that may read and not write are found out while
// there is nothing to publish, and nothing stays.
func TestTryWriteReadOnly(t *testing.T) {
	t.Parallel()
	docs := documents(1)[0]
	for name, c := range map[string]struct {
		options testenv.SSHDOptions
		folder  string
		mode    fs.FileMode // of the folder
		trust   fs.FileMode // of that of the trust documents
		want    string
	}{
		"the server is read-only":       {testenv.SSHDOptions{Subsystem: "-R"}, "ms", 0o755, 0o755, "ermission denied"},
		"the folder is read-only":       {testenv.SSHDOptions{}, "ms", 0o555, 0o755, "give it the right to write to the folder"},
		"the trust folder is read-only": {testenv.SSHDOptions{}, "ms", 0o755, 0o555, "ms/trust/.try."},
		"the server does not rename":    {testenv.SSHDOptions{Subsystem: "-P posix-rename,rename"}, "ms", 0o755, 0o755, "renaming"},
		"the login is confined":         {testenv.SSHDOptions{Config: "ChrootDirectory /run/jail"}, "/", 0o755, 0o755, "/ may be a part of the server's disk only"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := testenv.SSHD(t, c.options)
			dir := filepath.Join(s.Home, "ms")
			set(t, publish.Folder{Path: dir}, docs)
			s.Own(t, dir)
			if err := errors.Join(os.Chmod(filepath.Join(dir, "trust"), c.trust), os.Chmod(dir, c.mode)); err != nil {
				t.Fatal(err)
			}
			target := targetOn(t, s, c.folder)
			if c.folder == "ms" {
				if report := set(t, target, docs); report.Changed() {
					t.Fatalf("there was something to publish: %+v", report)
				}
			}
			before := all(t, s.Home)
			err := publish.TryWrite(t.Context(), target)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the trial says %v, want %q", err, c.want)
			}
			if after := all(t, s.Home); after != before {
				t.Errorf("the host holds %s, and before %s", after, before)
			}
			t.Log(err)
		})
	}
}

func TestTryWriteInterrupted(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	target := targetOn(t, s, "")
	n := 0
	publishtest.TriedInterrupted(t, func(t *testing.T, dial publishtest.DialFunc) (faulty, clean publish.Target) {
		n++
		f := target
		f.Folder = fmt.Sprintf("tried-%d", n)
		c := f
		f.Dial = dial
		return f, c
	})
}

// TestGiveUpAfter: a host that accepts connections and says nothing.
func TestGiveUpAfter(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	target := targetOn(t, s, "")
	target.Dial = publishtest.NewLine(t, publishtest.Silent, 1).Dial
	_, err := publish.GiveUpAfter(target, 50*time.Millisecond).Open(t.Context())
	if err == nil || !strings.Contains(err.Error(), "50ms") {
		t.Errorf("got %v", err)
	}
	target.Timeout = time.Second
	if same := publish.GiveUpAfter(target, time.Minute).(sftp.Target); same.Timeout != time.Second {
		t.Errorf("a time that is shorter already became %v", same.Timeout)
	}
}
