package testenv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSSHD(t *testing.T) {
	t.Parallel()
	s := SSHD(t, SSHDOptions{HostKeys: "ed25519 ecdsa"})
	host, port, _ := strings.Cut(s.Address, ":")
	cmd := Command(t, "sftp", "-q", "-b", "-", "-F", "none", "-P", port, "-o", "UserKnownHostsFile="+s.HostKeys, "-o", "StrictHostKeyChecking=yes",
		"-o", "IdentitiesOnly=yes", "-i", s.NewKey(t, "ed25519", ""), s.User+"@"+host)
	cmd.Stdin = strings.NewReader("put " + s.HostKeys + " copy\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want, _ := os.ReadFile(s.HostKeys)
	if got, err := os.ReadFile(filepath.Join(s.Home, "copy")); err != nil || string(got) != string(want) {
		t.Errorf("the file that sftp has put is %q: %v", got, err)
	}
}
