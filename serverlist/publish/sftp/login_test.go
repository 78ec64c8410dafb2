package sftp_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/serverlist/publish/sftp"
)

// opens checks that one can log in.
func opens(t *testing.T, target sftp.Target) {
	t.Helper()
	s, err := target.Open(t.Context())
	if err != nil {
		t.Error(err)
		return
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func fails(t *testing.T, target sftp.Target) error {
	t.Helper()
	s, err := target.Open(t.Context())
	if err == nil {
		s.Close()
	}
	return err
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	target := targetOn(t, s, "")
	secret := func() ([]byte, error) { return []byte("Tr0ub4dor"), nil }
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		target.KeyFile, target.Passphrase = s.NewKey(t, kind, ""), nil
		opens(t, target)
		target.KeyFile, target.Passphrase = s.NewKey(t, kind, "Tr0ub4dor"), secret
		opens(t, target)
	}
	target.Passphrase = nil
	if err := fails(t, target); !errors.Is(err, keyfile.ErrNeedsPassphrase) {
		t.Errorf("an encrypted key and nobody to ask: %v", err)
	}
	target.Passphrase = func() ([]byte, error) { return []byte("battery staple"), nil }
	if err := fails(t, target); !errors.Is(err, keyfile.ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	stranger := strangersKey(t)
	target.KeyFile, target.Passphrase = stranger, nil
	wantError(t, fails(t, target), "does not let user", s.User, "SHA256:", "it takes: publickey", "authorized_keys", "ssh-keygen -y")
	target.User = "nobody-here"
	wantError(t, fails(t, target), `user "nobody-here"`)
}

// strangersKey makes a key that may not log in anywhere.
func strangersKey(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "stranger")
	if _, err := keyfile.Create(path, "stranger", nil); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPassword(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	if s.Password == "" {
		testenv.Unable(t, "only root can make an account with a password")
	}
	asked := 0
	target := sftp.Target{Address: s.Address, User: s.User, KnownHosts: s.HostKeys,
		Password: func() (string, error) { asked++; return s.Password, nil }}
	opens(t, target)
	if asked != 1 {
		t.Errorf("the password was asked for %d times", asked)
	}
	stranger := strangersKey(t)
	target.KeyFile = stranger // is tried first
	opens(t, target)
	target.Password = func() (string, error) { return "battery staple", nil }
	wantError(t, fails(t, target), "does not let user", "SHA256:", "and the password", "check the password")
	target.Password = func() (string, error) { return "", errors.New("no terminal") }
	wantError(t, fails(t, target), "asking for the password", "no terminal")
	if text := target.String(); strings.Contains(text, "battery") || !strings.Contains(text, s.User+"@"+s.Address) {
		t.Errorf("the target calls itself %q", text)
	}
}

// TestPasswordAndNoQuestions: the server says that it asks questions, and never
// does.
func TestPasswordAndNoQuestions(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{Config: "KbdInteractiveAuthentication yes"})
	if s.Password == "" {
		testenv.Unable(t, "only root can make an account with a password")
	}
	target := sftp.Target{Address: s.Address, User: s.User, KnownHosts: s.HostKeys,
		Password: func() (string, error) { return "battery staple", nil }}
	wantError(t, fails(t, target), "does not let user", "who showed the password", "check the password")
}

// TestAgent uses a real ssh-agent with more keys than the server allows tries.
func TestAgent(t *testing.T) {
	s := testenv.SSHD(t, testenv.SSHDOptions{})
	socket := filepath.Join(t.TempDir(), "agent")
	if len(socket) > 100 {
		testenv.Unable(t, "the path of the agent's socket is too long")
	}
	agent := testenv.Command(t, "ssh-agent", "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	await(t, socket)
	t.Setenv("SSH_AUTH_SOCK", socket)
	target := sftp.Target{Address: s.Address, User: s.User, KnownHosts: s.HostKeys, Agent: true}
	wantError(t, fails(t, target), "the ssh-agent holds no keys", "ssh-add")

	rsa := s.NewKey(t, "rsa", "")
	add(t, rsa)
	opens(t, target)
	for range 7 {
		stranger := strangersKey(t)
		add(t, stranger)
	}
	late := s.NewKey(t, "ed25519", "")
	add(t, late)
	remove := testenv.Command(t, "ssh-add", "-d", rsa)
	if out, err := remove.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	wantError(t, fails(t, target), "fewer tries than the ssh-agent has keys (8)")
	target.KeyFile = late + ".pub"
	opens(t, target)
	target.KeyFile = rsa + ".pub"
	wantError(t, fails(t, target), "is not among them", "ssh-add "+rsa)
	target.KeyFile = late
	wantError(t, fails(t, target), "ends in .pub")
	t.Setenv("SSH_AUTH_SOCK", "")
	wantError(t, fails(t, target), "SSH_AUTH_SOCK is not set")
}

// TestSilentAgent: an agent may wait for somebody who is not there.
func TestSilentAgent(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "agent")
	if len(socket) > 100 {
		testenv.Unable(t, "the path of the agent's socket is too long")
	}
	agent, err := net.Listen("unix", socket) // the system accepts, and nobody answers
	if err != nil {
		t.Fatal(err)
	}
	defer agent.Close()
	t.Setenv("SSH_AUTH_SOCK", socket)
	target := sftp.Target{Address: "127.0.0.1:1", User: "mirror", KnownHosts: os.DevNull, Agent: true, Timeout: 50 * time.Millisecond}
	wantError(t, fails(t, target), "the ssh-agent did not tell its keys", "no answer within 150ms")

	target.Timeout = 0
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := agent.Accept() // that of before
		if err == nil {
			conn.Close()
			conn, err = agent.Accept()
		}
		cancel()
		if err == nil {
			<-t.Context().Done()
			conn.Close()
		}
	}()
	if _, err := target.Open(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want what ended the context", err)
	}
}

func add(t *testing.T, key string) {
	t.Helper()
	if out, err := testenv.Command(t, "ssh-add", "-q", key).CombinedOutput(); err != nil {
		t.Fatalf("ssh-add: %v: %s", err, out)
	}
}

// await waits until something listens on a socket.
func await(t *testing.T, socket string) {
	t.Helper()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for ; ; <-poll.C {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return
		}
	}
}

// TestNoSFTP: the account can log in and does something else.
func TestNoSFTP(t *testing.T) {
	t.Parallel()
	for what, command := range map[string]string{"ends": "/bin/true", "prints": "/bin/echo Welcome to this machine"} {
		s := testenv.SSHD(t, testenv.SSHDOptions{Config: "ForceCommand " + command})
		if err := fails(t, targetOn(t, s, "")); err == nil || !strings.Contains(err.Error(), "does not speak SFTP") {
			t.Errorf("an account that %s: %v", what, err)
		}
	}
}

func TestHostKeys(t *testing.T) {
	t.Parallel()
	s := testenv.SSHD(t, testenv.SSHDOptions{HostKeys: "rsa ecdsa ed25519"})
	target := targetOn(t, s, "")
	all := lines(t, s.HostKeys)
	other := testenv.SSHD(t, testenv.SSHDOptions{HostKeys: "rsa ecdsa ed25519"})
	host, port, _ := strings.Cut(s.Address, ":")
	_, otherPort, _ := strings.Cut(other.Address, ":")
	changed := lines(t, other.HostKeys)
	for i := range changed {
		changed[i] = strings.Replace(changed[i], otherPort, port, 1)
	}
	known := filepath.Join(t.TempDir(), "known_hosts")
	target.KnownHosts = known

	// Nothing is known: the error has all that is needed to go on.
	err := fails(t, target)
	var unknown *sftp.HostKeyError
	if !errors.As(err, &unknown) || !unknown.FirstContact() || unknown.Kind != "ssh-ed25519" {
		t.Fatalf("first contact gives %v", err)
	}
	wantError(t, err, s.Address+" is not known yet", unknown.Fingerprint, "Compare", "echo '["+host+"]:"+port+" ssh-ed25519 ", ">> "+known)
	write(t, known, unknown.Line)
	opens(t, target)

	// One kind is known, and the server has three.
	for _, line := range all {
		write(t, known, "# a comment", line)
		opens(t, target)
	}
	write(t, known, all...)
	if out, err := testenv.Command(t, "ssh-keygen", "-q", "-H", "-f", known).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	opens(t, target) // with hashed names

	for name, c := range map[string]struct {
		lines []string
		want  []string
	}{
		"changed":         {changed[2:], []string{"HAS CHANGED", "it shows the ssh-ed25519 key SHA256:", known + ":1 names another", "Nothing was sent", "ssh-keygen -f " + known + " -R '[127.0.0.1]:" + port + "'"}},
		"changed RSA key": {changed[:1], []string{"HAS CHANGED", "ssh-rsa"}},
		"revoked":         {[]string{all[2], "@revoked * " + strings.SplitN(all[2], " ", 2)[1]}, []string{"revoked", "Do not go on"}},
		"damaged":         {[]string{all[2], "[127.0.0.1]:" + port + " ssh-ed25519 AAAA"}, []string{known + ":2", "correct that line"}},
	} {
		write(t, known, c.lines...)
		err := fails(t, target)
		wantError(t, err, c.want...)
		if errors.As(err, &unknown) && unknown.FirstContact() {
			t.Errorf("%s: passes for a first contact", name)
		}
	}

	// The only kind that is known is no longer there.
	single := testenv.SSHD(t, testenv.SSHDOptions{HostKeys: "ecdsa"})
	target.Address = single.Address
	_, port, _ = strings.Cut(single.Address, ":")
	write(t, known, strings.Replace(changed[2], strings.Split(changed[2], " ")[0], "[127.0.0.1]:"+port, 1))
	wantError(t, fails(t, target), "HAS CHANGED", "no key of a kind that is known of it")
}

// TestHostCertificate: known_hosts names an authority instead of a key.
func TestHostCertificate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	authority := filepath.Join(dir, "authority")
	host := filepath.Join(dir, "host")
	for _, args := range [][]string{
		{"-q", "-t", "ed25519", "-N", "", "-f", authority}, {"-q", "-t", "ed25519", "-N", "", "-f", host},
		{"-q", "-s", authority, "-I", "host", "-h", "-n", "127.0.0.1", host + ".pub"},
	} {
		if out, err := testenv.Command(t, "ssh-keygen", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	s := testenv.SSHD(t, testenv.SSHDOptions{Config: "HostKey " + host + "\nHostCertificate " + host + "-cert.pub"})
	target := targetOn(t, s, "")
	public := lines(t, authority+".pub")[0]
	_, port, _ := strings.Cut(s.Address, ":")
	target.KnownHosts = filepath.Join(dir, "known_hosts")
	write(t, target.KnownHosts, "@cert-authority [127.0.0.1]:"+port+" "+public)
	opens(t, target)
	public = lines(t, host+".pub")[0] // signs nothing
	write(t, target.KnownHosts, "@cert-authority [127.0.0.1]:"+port+" "+public)
	if err := fails(t, target); err == nil {
		t.Error("a certificate of an unknown authority was taken")
	}
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

func write(t *testing.T, file string, lines ...string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestConfiguration lists what is wrong before any server is asked.
func TestConfiguration(t *testing.T) {
	t.Parallel()
	good := sftp.Target{Address: "host.example.org", User: "mirror", Agent: true}
	for want, change := range map[string]func(*sftp.Target){
		"has no address":         func(t *sftp.Target) { t.Address = "" },
		"not the address":        func(t *sftp.Target) { t.Address = "sftp://host.example.org" },
		"has no user":            func(t *sftp.Target) { t.User = "" },
		"nothing to log in with": func(t *sftp.Target) { t.Agent = false },
		"SFTP knows no ~":        func(t *sftp.Target) { t.Folder = "~/www" },
		"control character":      func(t *sftp.Target) { t.Folder = "a\nb" },
		"there is no key file":   func(t *sftp.Target) { t.Agent, t.KeyFile = false, "/nonexistent/key" },
	} {
		target := good
		change(&target)
		if err := fails(t, target); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
	if got := (sftp.Target{Address: "h:22", User: "u", Folder: "www/ms"}).String(); got != "sftp://u@h:22/~/www/ms" {
		t.Errorf("the target calls itself %q", got)
	}
}
