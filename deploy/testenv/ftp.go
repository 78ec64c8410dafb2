package testenv

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// FTPOptions say how an FTP server differs from a plain one.
type FTPOptions struct {
	Cert, Key []byte   // PEM; if set, the server wants explicit TLS for passwords and for files
	Config    []string // further lines of the configuration of vsftpd and proftpd, further arguments of pure-ftpd
	Quota     int64    // bytes that the account may use; pure-ftpd only
	DiskSize  string   // the account's folder is a file system of its own of this size, as "256k"; needs root
}

// An FTPServer runs until the test ends, with one account, on loopback alone.
// When root runs the test, the server runs as user "games", or as root with an
// account that is that user: permissions then mean what they say.
type FTPServer struct {
	Address        string // "127.0.0.1:PORT"
	User, Password string // the one account
	Folder         string // what the account sees after login, as seen from here; not with DiskSize
}

// Own makes the server's user the owner of a path and of all below it.
func (s *FTPServer) Own(t testing.TB, path string) {
	t.Helper()
	if err := giveToGames(path); err != nil {
		t.Fatal(err)
	}
}

const (
	ftpPassword = "correct horse" // works on loopback for the time of one test
	ftpHash     = "$6$metaserver$PzlH9i09Lyp9hRQK1kX4seUIEfFJhQ/S2NdPuTYOCoTf8qOOonBvIS1c5hBcCV4VmdqzFjqoE7lfljolHtKmF1"
)

// VSFTPD starts vsftpd. Its account is the anonymous one, made to want a
// password and allowed to write: any other would need the system's PAM.
func VSFTPD(t testing.TB, o FTPOptions) *FTPServer {
	t.Helper()
	return startFTP(t, o, "vsftpd", "anonymous", func(r *ftpRun, port int) []string {
		config := []string{
			"listen=YES", "listen_address=127.0.0.1", "listen_port=" + strconv.Itoa(port), "background=NO", "ftpd_banner=" + r.dir,
			"run_as_launching_user=YES", "seccomp_sandbox=NO", "connect_from_port_20=NO", "xferlog_enable=NO", "max_clients=0",
			"anonymous_enable=YES", "local_enable=NO", "ftp_username=" + r.user, "anon_root=" + r.folder,
			"secure_email_list_enable=YES", "email_password_file=" + r.write("passwords", ftpPassword),
			"write_enable=YES", "anon_upload_enable=YES", "anon_mkdir_write_enable=YES", "anon_other_write_enable=YES",
			"anon_world_readable_only=NO", "anon_umask=022", "allow_writeable_chroot=YES", "secure_chroot_dir=" + r.dir,
		}
		if r.cert != "" {
			config = append(config, "ssl_enable=YES", "allow_anon_ssl=YES", "force_anon_logins_ssl=YES", "force_anon_data_ssl=YES",
				"ssl_ciphers=HIGH", "rsa_cert_file="+r.cert, "rsa_private_key_file="+r.key)
		}
		// It complains on its standard input.
		return []string{"sh", "-c", `exec "$1" "$2" <&1`, "sh", r.program, r.write("vsftpd.conf", append(config, o.Config...)...)}
	})
}

// ProFTPD starts proftpd for each connection: as a server of its own it pauses
// for 0.4 seconds whenever a session ends. It knows no DiskSize.
func ProFTPD(t testing.TB, o FTPOptions) *FTPServer {
	t.Helper()
	return startFTP(t, o, "proftpd", "mirror", func(r *ftpRun, _ int) []string {
		config := []string{
			"ServerType inetd", "ServerName test", "Port 0", "DefaultServer on",
			"User " + r.user, "Group " + r.group, "UseReverseDNS off", "WtmpLog off", "TransferLog none", "SystemLog none",
			"PidFile " + filepath.Join(r.dir, "pid"), "ScoreboardFile none", "ControlsSocket " + filepath.Join(r.dir, "control"),
			"DelayEngine off", "Umask 022 022", "RequireValidShell off",
			"AuthPAM off", "AuthOrder mod_auth_file.c", "AuthUserFile " + r.write("accounts", r.account("")),
		}
		if !strings.Contains(strings.Join(o.Config, "\n"), "AllowOverwrite") {
			config = append(config, "AllowOverwrite on")
		}
		if r.cert != "" {
			config = append(config, "ModulePath "+r.modules("mod_tls.so"), "LoadModule mod_tls.c", "TLSEngine on", "TLSRequired on", "TLSProtocol TLSv1.2 TLSv1.3", "TLSLog none",
				"TLSRSACertificateFile "+r.cert, "TLSRSACertificateKeyFile "+r.key)
		}
		return []string{r.program, "-q", "-c", r.write("proftpd.conf", append(config, o.Config...)...)}
	})
}

// PureFTPd starts pure-ftpd, which root alone can do.
func PureFTPd(t testing.TB, o FTPOptions) *FTPServer {
	t.Helper()
	pw := Program(t, "pure-pw")
	if os.Getuid() != 0 {
		Unable(t, "only root can start pure-ftpd")
	}
	return startFTP(t, o, "pure-ftpd", "mirror", func(r *ftpRun, port int) []string {
		quota := "::::::::::::"
		if o.Quota > 0 {
			quota = fmt.Sprintf("::::::%d::::::", o.Quota)
		}
		greeting := r.write("greeting", r.dir)
		if err := os.Chmod(greeting, 0o644); err != nil { // it reads this file as another user
			t.Fatal(err)
		}
		db := filepath.Join(r.dir, "accounts.pdb")
		if out, err := command(t, pw, "mkdb", db, "-f", r.write("accounts", r.account(quota))).CombinedOutput(); err != nil {
			t.Fatalf("pure-pw: %v\n%s", err, out)
		}
		args := []string{r.program, "-S", "127.0.0.1," + strconv.Itoa(port), "-l", "puredb:" + db, "-E", "-H", "-u", "1", "-c", "200", "-C", "200",
			"-U", "022:022", "-F", greeting, "-g", filepath.Join(r.dir, "pid")}
		if o.Quota > 0 {
			args = append(args, "-n", fmt.Sprintf("1000:%d", o.Quota>>20))
		}
		if r.cert != "" {
			args = append(args, "-Y", "3", "-2", r.write("both.pem", string(o.Key)+string(o.Cert)))
		}
		return append(args, o.Config...)
	})
}

// An ftpRun is what one server is started with.
type ftpRun struct {
	t           testing.TB
	install     string // the folder that holds usr, which the program is started in
	program     string // seen from there
	user, group string // whose account it is
	uid, gid    string
	asRoot      bool   // the program itself gives root's rights up
	dir, folder string // for the server alone; of the account
	cert, key   string // files; "" without TLS
}

// startFTP runs a server. The function configure writes its files and returns
// its command line.
func startFTP(t testing.TB, o FTPOptions, program, account string, configure func(r *ftpRun, port int) []string) *FTPServer {
	t.Helper()
	if o.DiskSize != "" && os.Getuid() != 0 {
		Unable(t, "only root can mount a small disk")
	}
	path := Program(t, program)
	r := &ftpRun{t: t, install: installationOf(path), asRoot: program == "pure-ftpd"}
	r.program = "./" + relative(r.install, path)
	if err := r.prepare(); err != nil {
		t.Fatal(err)
	}
	if o.Cert != nil {
		r.cert, r.key = r.write("cert.pem", string(o.Cert)), r.write("key.pem", string(o.Key))
	}
	var port int
	if program == "proftpd" {
		port = r.perConnection(configure(r, 0))
	} else {
		port = serve(t, func(port int) (*process, error) { return r.start(port, o.DiskSize, configure(r, port)) })
	}
	return &FTPServer{Address: fmt.Sprintf("127.0.0.1:%d", port), User: account, Password: ftpPassword, Folder: r.folder}
}

// prepare makes the folders and finds out who the server is.
func (r *ftpRun) prepare() error {
	self, err := user.Current()
	if err == nil && os.Getuid() == 0 {
		self, err = user.Lookup("games")
	}
	if err != nil {
		return err
	}
	group, err := user.LookupGroupId(self.Gid)
	if err != nil {
		return err
	}
	r.user, r.group, r.uid, r.gid = self.Username, group.Name, self.Uid, self.Gid
	if r.dir, err = os.MkdirTemp("", "ftp-"); err != nil { // t.TempDir is closed to other users
		return err
	}
	r.t.Cleanup(func() { os.RemoveAll(r.dir) })
	r.folder = filepath.Join(r.dir, "www")
	return errors.Join(os.Chmod(r.dir, 0o755), os.Mkdir(r.folder, 0o755))
}

// write makes a file of lines that only the server can read.
func (r *ftpRun) write(name string, lines ...string) string {
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// modules copies modules of proftpd to where its user can read them, as the
// project may lie in a folder that only its owner can enter.
func (r *ftpRun) modules(name string) string {
	data, err := os.ReadFile(filepath.Join(r.install, "usr/lib/proftpd", name))
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(name, string(data))
	return r.dir
}

// account returns the account's line, in passwd's format.
func (r *ftpRun) account(more string) string {
	shell := "/bin/false"
	if more != "" {
		shell = ""
	}
	return strings.Join([]string{"mirror", ftpHash, r.uid, r.gid, "", r.folder, shell}, ":") + more
}

// The server's own file system for the account is not seen outside.
const diskScript = `set -e
mount -t tmpfs -o "size=$1,mode=755,uid=$3,gid=$4" none "$2"
shift 4
exec "$@"`

// command prepares a run as the server's user.
func (r *ftpRun) command(diskSize string, argv []string) (*exec.Cmd, error) {
	if err := giveToGames(r.dir); err != nil {
		return nil, err
	}
	if os.Getuid() == 0 && !r.asRoot {
		argv = append([]string{Program(r.t, "setpriv"), "--reuid=" + r.uid, "--regid=" + r.gid, "--clear-groups", "--pdeathsig=KILL"}, argv...)
	}
	if diskSize != "" {
		argv = append([]string{Program(r.t, "unshare"), "--mount", "sh", "-c", diskScript, "sh", diskSize, r.folder, r.uid, r.gid}, argv...)
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = r.install
	if deps := depsDir(); deps == r.install {
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraryPath(deps, "."))
	}
	return cmd, nil
}

func (r *ftpRun) start(port int, diskSize string, argv []string) (*process, error) {
	cmd, err := r.command(diskSize, argv)
	if err != nil {
		return nil, err
	}
	p, err := launch(cmd, filepath.Join(r.t.TempDir(), "log"))
	if err != nil {
		return nil, err
	}
	err = p.await(func() bool { return greets(port, r.dir) })
	switch {
	case err == nil:
		return p, nil
	case strings.Contains(err.Error(), "Address already in use") || strings.Contains(err.Error(), "could not bind"):
		return nil, errPortTaken
	case strings.Contains(err.Error(), "unshare:") || strings.Contains(err.Error(), "mount:"):
		Unable(r.t, fmt.Sprintf("no mount namespace: %v", err))
	}
	return nil, err
}

// perConnection starts the program for each connection, which becomes its
// standard input and output, as inetd does.
func (r *ftpRun) perConnection(argv []string) (port int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	var running sync.WaitGroup
	over := make(chan struct{})
	r.t.Cleanup(func() {
		close(over)
		l.Close()
		running.Wait()
	})
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() { r.serveOne(conn, argv, over) })
		}
	})
	return l.Addr().(*net.TCPAddr).Port
}

func (r *ftpRun) serveOne(conn net.Conn, argv []string, over <-chan struct{}) {
	f, err := conn.(*net.TCPConn).File()
	if err := errors.Join(err, conn.Close()); err != nil {
		r.t.Error(err)
		return
	}
	cmd, err := r.command("", argv)
	if err == nil {
		cmd.Stdin, cmd.Stdout = f, f
		ownGroup(cmd)
		err = cmd.Start()
	}
	f.Close()
	if err != nil {
		r.t.Error(err)
		return
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how a session ends, the client sees
	}()
	select {
	case <-ended:
	case <-over:
		killGroup(cmd.Process)
		<-ended
	}
}

// greets tells whether what listens on a port is the server that was told to
// greet with this text, and not another one.
func greets(port int, text string) bool {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return false
	}
	defer c.Close()
	lines := bufio.NewScanner(c)
	for greeted := false; lines.Scan(); {
		greeted = greeted || strings.Contains(lines.Text(), text)
		if strings.HasPrefix(lines.Text(), "220 ") {
			return greeted
		}
	}
	return false
}
