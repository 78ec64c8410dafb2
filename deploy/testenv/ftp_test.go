package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestFTPServers stores a file in each server with a client that is not ours.
func TestFTPServers(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, FTPOptions) *FTPServer{"vsftpd": VSFTPD, "proftpd": ProFTPD, "pure-ftpd": PureFTPd} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			curl := Program(t, "curl")
			s := start(t, FTPOptions{})
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, []byte("hello"), 0o600); err != nil {
				t.Fatal(err)
			}
			store := func(password string) error {
				out, err := exec.Command(curl, "-sS", "--user", s.User+":"+password, "-T", file, "ftp://"+s.Address+"/").CombinedOutput()
				t.Logf("%s", out)
				return err
			}
			if err := store(s.Password); err != nil {
				t.Fatal(err)
			}
			if data, err := os.ReadFile(filepath.Join(s.Folder, "file")); err != nil || string(data) != "hello" {
				t.Errorf("the server holds %q, %v", data, err)
			}
			if err := store("wrong"); err == nil {
				t.Error("a wrong password was taken")
			}
		})
	}
}
