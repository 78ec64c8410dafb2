package testenv

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
)

// SSHDOptions say how a server differs from a plain one.
type SSHDOptions struct {
	Subsystem string // further arguments of internal-sftp: "-P posix-rename,fsync" refuses these requests
	Config    string // further lines of sshd_config, which come first and so win; "ChrootDirectory /run/jail" shows the login folder as /home
	HostKeys  string // kinds of host keys, separated by spaces; empty: "ed25519"
	DiskSize  string // the login folder is a file system of its own of this size, as "256k"; needs root
}

// An SSHDServer is an openssh-server that runs until the test ends.
type SSHDServer struct {
	Address  string // "127.0.0.1:PORT"
	User     string // the one user that can log in
	Password string // that user's; empty where passwords cannot work
	Home     string // the folder that an SFTP login starts in, writable for the user
	Keys     string // file: add lines of public keys that may log in (authorized_keys)
	HostKeys string // file: what known_hosts should say of this server

	port int
}

// sshdUser is who logs in to a server that root runs. The account exists in
// the mount namespace of that server only. The hash is of sshdPassword.
const (
	sshdUser     = "mirror"
	sshdUID      = 23917
	sshdPassword = "correct horse battery staple"
)

var sshdConfig = template.Must(template.New("sshd_config").Parse(`{{.Options.Config}}
ListenAddress 127.0.0.1
Port {{.Port}}
PidFile {{.Run}}/sshd.pid
{{range .HostKeys}}HostKey {{.}}
{{end -}}
AuthorizedKeysFile {{.Server.Keys}}
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication {{if .Root}}yes{{else}}no{{end}}
KbdInteractiveAuthentication no
MaxStartups 100
LogLevel VERBOSE
Subsystem sftp internal-sftp -d "{{.Server.Home}}" {{.Options.Subsystem}}
`))

// The server that root runs sees accounts of its own and an own /run, as its
// privilege separation wants a user and a folder that the machine may lack.
const sshdScript = `set -e
mount -t tmpfs -o mode=755 none /run
mkdir /run/sshd
for file in passwd group shadow; do mount --bind "$1/$file" "/etc/$file"; done
if [ -n "$3" ]; then mount -t tmpfs -o "size=$3,mode=755,uid=$4,gid=$4" none "$2"; fi
mkdir -p /run/jail/home
mount --bind "$2" /run/jail/home
shift 4
exec "$@"`

// SSHD starts a real sshd on a loopback port. Root runs it in a mount
// namespace with an account made for it, so that passwords, other users' files
// and small disks can be tested; others run it as themselves, for themselves.
func SSHD(t testing.TB, o SSHDOptions) *SSHDServer {
	t.Helper()
	program, err := filepath.Abs(Program(t, "sshd")) // it starts itself again, by this path
	if err != nil {
		t.Fatal(err)
	}
	run, err := os.MkdirTemp(memory(), "sshd-") // t.TempDir is closed to the user who logs in
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	s := &SSHDServer{User: sshdUser, Password: sshdPassword,
		Home: filepath.Join(run, "home"), Keys: filepath.Join(run, "authorized_keys"), HostKeys: filepath.Join(run, "known_hosts")}
	if err := s.prepare(t, run, o); err != nil {
		t.Fatal(err)
	}
	keys := s.makeHostKeys(t, run, o.HostKeys)
	s.port = serve(t, func(port int) (*process, error) { return s.start(t, program, run, port, keys, o) })
	s.Address = fmt.Sprintf("127.0.0.1:%d", s.port)
	s.writeKnownHosts(t, keys)
	return s
}

// memory returns a folder in memory, where files are synced at once, or "" for
// the usual place.
func memory() string {
	const shm = "/dev/shm"
	probe, err := os.MkdirTemp(shm, "probe-")
	if err != nil {
		return ""
	}
	if err := os.Remove(probe); err != nil {
		return ""
	}
	return shm
}

// Own makes the user who logs in the owner of a path and of all below it.
func (s *SSHDServer) Own(t testing.TB, path string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	if err := giveTo(path, sshdUID, sshdUID); err != nil {
		t.Fatal(err)
	}
}

// NewKey makes a private key of a kind, "ed25519", "rsa" or "ecdsa", that may
// log in, and returns its file.
func (s *SSHDServer) NewKey(t testing.TB, kind, passphrase string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), kind)
	sshKeygen(t, path, kind, passphrase)
	public, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	if err := appendLine(s.Keys, string(bytes.TrimSpace(public))); err != nil {
		t.Fatal(err)
	}
	return path
}

// prepare makes the folders, and the accounts if root runs the server.
func (s *SSHDServer) prepare(t testing.TB, run string, o SSHDOptions) error {
	err := errors.Join(os.Chmod(run, 0o755), os.Mkdir(s.Home, 0o755), os.WriteFile(s.Keys, nil, 0o644))
	if err != nil {
		return err
	}
	if os.Getuid() != 0 {
		if o.DiskSize != "" || strings.Contains(o.Config, "ChrootDirectory") {
			Unable(t, "only root can mount a small disk or confine an SSH login to a folder")
		}
		self, err := user.Current()
		if err != nil {
			return err
		}
		s.User, s.Password = self.Username, ""
		return nil
	}
	s.Own(t, s.Home)
	hash, err := Command(t, "openssl", "passwd", "-6", sshdPassword).Output()
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(run, "passwd"), fmt.Appendf(nil, "root:x:0:0::/root:/bin/sh\nsshd:x:65533:65533::/run/sshd:/bin/false\n%s:x:%d:%[2]d::%s:/bin/sh\n", sshdUser, sshdUID, s.Home), 0o644),
		os.WriteFile(filepath.Join(run, "group"), fmt.Appendf(nil, "root:x:0:\nsshd:x:65533:\n%s:x:%d:\n", sshdUser, sshdUID), 0o644),
		os.WriteFile(filepath.Join(run, "shadow"), fmt.Appendf(nil, "root:*:19000::::::\nsshd:*:19000::::::\n%s:%s:19000::::::\n", sshdUser, bytes.TrimSpace(hash)), 0o600),
	)
}

func (s *SSHDServer) makeHostKeys(t testing.TB, run, kinds string) []string {
	t.Helper()
	if kinds == "" {
		kinds = "ed25519"
	}
	var files []string
	for _, kind := range strings.Fields(kinds) {
		file := filepath.Join(run, "host_"+kind)
		sshKeygen(t, file, kind, "")
		files = append(files, file)
	}
	return files
}

// writeKnownHosts names every host key of the server.
func (s *SSHDServer) writeKnownHosts(t testing.TB, keys []string) {
	t.Helper()
	var lines []byte
	for _, key := range keys {
		public, err := os.ReadFile(key + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		lines = fmt.Appendf(lines, "[127.0.0.1]:%d %s\n", s.port, bytes.TrimSpace(public))
	}
	if err := os.WriteFile(s.HostKeys, lines, 0o644); err != nil {
		t.Fatal(err)
	}
}

func sshKeygen(t testing.TB, path, kind, passphrase string) {
	t.Helper()
	args := []string{"-q", "-t", kind, "-N", passphrase, "-C", "test", "-f", path}
	if kind == "rsa" {
		args = append(args, "-b", "2048")
	}
	if out, err := Command(t, "ssh-keygen", args...).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v: %s", err, out)
	}
}

func (s *SSHDServer) start(t testing.TB, program, run string, port int, keys []string, o SSHDOptions) (*process, error) {
	var config bytes.Buffer
	err := sshdConfig.Execute(&config, struct {
		Options  SSHDOptions
		Server   *SSHDServer
		Root     bool
		Run      string
		Port     int
		HostKeys []string
	}{o, s, os.Getuid() == 0, run, port, keys})
	if err != nil {
		return nil, err
	}
	name := filepath.Join(run, "sshd_config")
	if err := os.WriteFile(name, config.Bytes(), 0o644); err != nil {
		return nil, err
	}
	argv := []string{program, "-D", "-e", "-f", name}
	if os.Getuid() == 0 {
		argv = append([]string{Program(t, "unshare"), "--mount", "sh", "-c", sshdScript, "sh", run, s.Home, o.DiskSize, fmt.Sprint(sshdUID)}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	if deps := depsDir(); within(deps, program) {
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraryPath(deps, deps))
	}
	p, err := launch(cmd, filepath.Join(run, "log"))
	if err != nil {
		return nil, err
	}
	err = p.await(func() bool {
		return strings.Contains(p.output(), fmt.Sprintf("Server listening on 127.0.0.1 port %d", port))
	})
	switch {
	case err == nil:
		return p, nil
	case strings.Contains(err.Error(), "Address already in use"):
		return nil, errPortTaken
	case strings.Contains(err.Error(), "unshare:") || strings.Contains(err.Error(), "mount:"):
		Unable(t, fmt.Sprintf("no mount namespace for sshd: %v", err))
	}
	return nil, err
}
