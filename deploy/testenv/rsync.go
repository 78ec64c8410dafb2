package testenv

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// RsyncDaemon serves a folder with a real rsync daemon on a loopback port until
// the test ends. It returns the URL of the folder, which user and password may
// change.
func RsyncDaemon(t testing.TB, dir, user, password string) (url string) {
	t.Helper()
	program := Program(t, "rsync")
	run := t.TempDir()
	rights := ""
	if os.Getuid() == 0 {
		rights = "uid = root\ngid = root\n" // test folders are often readable for root alone
	}
	config := fmt.Sprintf("use chroot = no\nreverse lookup = no\npid file = %[1]s/pid\nlog file = %[1]s/daemon.log\n%[2]s[ms]\npath = %[3]s\nread only = no\nauth users = %[4]s\nsecrets file = %[1]s/secrets\n",
		run, rights, dir, user)
	err := errors.Join(os.WriteFile(filepath.Join(run, "conf"), []byte(config), 0o600),
		os.WriteFile(filepath.Join(run, "secrets"), []byte(user+":"+password+"\n"), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	port := serve(t, func(port int) (*process, error) {
		cmd := command(t, program, "--daemon", "--no-detach", "--address", "127.0.0.1", "--port", strconv.Itoa(port), "--config", filepath.Join(run, "conf"))
		p, err := launch(cmd, filepath.Join(run, "log"))
		if err != nil {
			return nil, err
		}
		// It says so in its log once it listens.
		said := func(text string) bool {
			log, err := os.ReadFile(filepath.Join(run, "daemon.log"))
			return err == nil && strings.Contains(string(log), text)
		}
		err = p.await(func() bool { return said("listening on port " + strconv.Itoa(port)) })
		if err != nil && said("Address already in use") {
			return nil, errPortTaken
		}
		return p, err
	})
	return fmt.Sprintf("rsync://%s@127.0.0.1:%d/ms/", user, port)
}
