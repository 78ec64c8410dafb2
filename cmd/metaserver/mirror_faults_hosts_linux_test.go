package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

const (
	diskSize   = "8m"
	smallFiles = 64 << 10 // bytes that suffice for all but the server list
)

// mountDisk puts a small file system at a folder.
func mountDisk(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, "mode=1777,size="+diskSize); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// A diskT starts servers whose folders lie on a small disk.
type diskT struct {
	testing.TB
	disk string
}

// onDisk mounts a disk and runs start with all temporary folders on it.
func onDisk(w *faultWorld, h *faultHost, start func(t testing.TB)) {
	h.disk = mountDisk(w.t, filepath.Join(w.dir, h.name+"-disk"))
	before := os.TempDir()
	os.Setenv("TMPDIR", h.disk)
	defer os.Setenv("TMPDIR", before)
	start(diskT{w.t, h.disk})
}

func (d diskT) TempDir() string {
	dir, err := os.MkdirTemp(d.disk, "temp-")
	if err != nil {
		d.Fatal(err)
	}
	return dir
}

// folderHost is a folder of this machine that nginx serves.
func folderHost(w *faultWorld) *faultHost {
	h := &faultHost{name: "folder", room: smallFiles}
	h.disk = mountDisk(w.t, filepath.Join(w.dir, "folder-disk"))
	h.folder = h.disk
	h.table = table("folder", "path", h.folder)
	return h.at(testenv.Nginx(w.t, h.folder))
}

// ftpsHost is a vsftpd that wants TLS, with nginx beside it.
func ftpsHost(w *faultWorld) *faultHost {
	h := &faultHost{name: "ftps", room: smallFiles}
	var s *testenv.FTPServer
	cert, key, ca := certificate(w, "ftps", time.Hour)
	onDisk(w, h, func(t testing.TB) { s = testenv.VSFTPD(t, testenv.FTPOptions{Cert: cert, Key: key}) })
	h.gate = newGate(w.t, s.Address, nil)
	describe := func(address, password, ca string) string {
		return table("ftps", "host", address, "user", s.User, "password_file", w.secret(password), "ca_file", ca)
	}
	h.table = describe(h.gate.address(), s.Password, ca)
	h.wrong = func() string { return describe(h.gate.address(), "wrong", ca) }
	h.twin = func() string {
		cert, key, ca := certificate(w, "ftps-expired", -time.Hour)
		return describe(testenv.VSFTPD(w.t, testenv.FTPOptions{Cert: cert, Key: key}).Address, s.Password, ca)
	}
	return h.at(testenv.Nginx(w.t, s.Folder))
}

// sftpHost is an openssh-server, with nginx beside it.
func sftpHost(w *faultWorld) *faultHost {
	h := &faultHost{name: "sftp", room: smallFiles, disk: "/dev/shm"} // where its folders are
	mountDisk(w.t, h.disk)
	s := testenv.SSHD(w.t, testenv.SSHDOptions{})
	h.gate = newGate(w.t, s.Address, nil)
	describe := func(key, hosts string) string {
		return table("sftp", "host", h.gate.address(), "user", s.User, "key_file", key, "known_hosts", hosts)
	}
	hosts := w.knownHosts("sftp", s, h.gate)
	h.table = describe(s.NewKey(w.t, "ed25519", ""), hosts)
	h.wrong = func() string { return describe(strangeKey(w), hosts) }
	h.twin = func() string { return describe(s.NewKey(w.t, "ed25519", ""), w.changed(hosts)) }
	return h.at(testenv.Nginx(w.t, s.Home))
}

// s3Host is a versitygw whose bucket everybody may read.
func s3Host(w *faultWorld) *faultHost {
	h := &faultHost{name: "s3", room: smallFiles}
	var s *testenv.S3Store
	onDisk(w, h, func(t testing.TB) { s = testenv.S3(t, testenv.S3Options{}, "mirror") })
	upstream := strings.TrimPrefix(s.URL, "http://")
	h.gate = newGate(w.t, upstream, nil)
	describe := func(endpoint, secret, ca string) string {
		return table("s3", "endpoint", endpoint, "bucket", "mirror", "access_key", s.AccessKey, "secret_key_file", w.secret(secret), "style", "path", "ca_file", ca)
	}
	h.table = describe("http://"+h.gate.address(), s.SecretKey, "")
	h.wrong = func() string { return describe("http://"+h.gate.address(), "wrong", "") }
	h.twin = func() string {
		front, ca := expiredFront(w, "s3", upstream)
		return describe("https://"+front, s.SecretKey, ca)
	}
	readable(w, s, upstream)
	return h.at(s.URL + "/mirror/")
}

func readable(w *faultWorld, s *testenv.S3Store, address string) {
	w.t.Helper()
	c, err := minio.New(address, &minio.Options{Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Region: s.Region})
	if err == nil {
		err = c.SetBucketPolicy(context.Background(), "mirror", `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Principal":"*","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::mirror/*"]}]}`)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// webdavHost is an nginx that takes files by WebDAV, and one beside it that
// everybody may read.
func webdavHost(w *faultWorld) *faultHost {
	h := &faultHost{name: "webdav", room: smallFiles}
	var s *testenv.WebDAVServer
	onDisk(w, h, func(t testing.TB) {
		s = testenv.WebDAV(t, "nginx", testenv.WebDAVOptions{User: "mirror", Password: "right"})
	})
	upstream := strings.TrimSuffix(strings.TrimPrefix(s.URL, "http://"), "/")
	h.gate = newGate(w.t, upstream, nil)
	describe := func(url, password, ca string) string {
		return table("webdav", "url", url+"/", "user", "mirror", "password_file", w.secret(password), "ca_file", ca)
	}
	h.table = describe("http://"+h.gate.address(), "right", "")
	h.wrong = func() string { return describe("http://"+h.gate.address(), "wrong", "") }
	h.twin = func() string {
		front, ca := expiredFront(w, "webdav", upstream)
		return describe("https://"+front, "right", ca)
	}
	return h.at(testenv.Nginx(w.t, s.Dir))
}

// gitHost is a bare repository behind an openssh-server, and a web server that
// shows what is in its branch.
func gitHost(w *faultWorld) *faultHost {
	h := &faultHost{name: "git"}                                   // no room: it packs the list into a few kilobytes
	h.disk = mountDisk(w.t, filepath.Join("/dev/shm", "git-disk")) // where the server's user can go
	s := testenv.SSHD(w.t, testenv.SSHDOptions{})
	repo := filepath.Join(h.disk, "pages.git")
	if out, err := testenv.Command(w.t, "git", "init", "--quiet", "--bare", repo).CombinedOutput(); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	s.Own(w.t, repo)
	h.gate = newGate(w.t, s.Address, nil)
	hosts := w.knownHosts("git", s, h.gate)
	describe := func(key, hosts string) string {
		return table("git", "remote", fmt.Sprintf("ssh://%s@%s%s", s.User, h.gate.address(), repo), "branch", "pages", "key_file", key, "known_hosts", hosts)
	}
	h.table = describe(s.NewKey(w.t, "ed25519", ""), hosts)
	h.wrong = func() string { return describe(strangeKey(w), hosts) }
	h.twin = func() string { return describe(s.NewKey(w.t, "ed25519", ""), w.changed(hosts)) }
	web := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		data, err := testenv.Command(w.t, "git", "-c", "safe.directory=*", "--git-dir", repo, "cat-file", "blob", "pages:"+r.URL.Path[1:]).Output()
		if err != nil {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		rw.Write(data)
	}))
	w.t.Cleanup(web.Close)
	return h.at(web.URL + "/")
}

const rsyncConfig = `use chroot = no
uid = root
gid = root
pid file = %s/pid
[www]
path = %[2]s
read only = no
auth users = mirror
secrets file = %[1]s/secrets
`

// rsyncHost is an rsync server that a command publishes to, with nginx beside.
func rsyncHost(w *faultWorld) *faultHost {
	h := &faultHost{name: "command", room: smallFiles}
	run := w.t.TempDir()
	h.disk = mountDisk(w.t, filepath.Join(w.dir, "rsync-disk"))
	www := filepath.Join(h.disk, "www")
	if err := errors.Join(os.Mkdir(www, 0o755), os.WriteFile(filepath.Join(run, "secrets"), []byte("mirror:right\n"), 0o600)); err != nil {
		w.t.Fatal(err)
	}
	writeFile(w.t, filepath.Join(run, "conf"), fmt.Sprintf(rsyncConfig, run, www))
	address := testenv.FreeAddress(w.t)
	_, port, _ := strings.Cut(address, ":")
	daemon := testenv.Command(w.t, "rsync", "--daemon", "--no-detach", "--address", "127.0.0.1", "--port", port, "--config", filepath.Join(run, "conf"))
	h.env = daemon.Env
	if err := daemon.Start(); err != nil {
		w.t.Fatal(err)
	}
	if err := waitForListener(address); err != nil {
		w.t.Fatal(err)
	}
	h.gate = newGate(w.t, address, nil)
	describe := func(password string) string {
		secret := w.secret(password)
		module := fmt.Sprintf("rsync://mirror@%s/www/", h.gate.address())
		return fmt.Sprintf("type = \"command\"\npush = [%q, \"-rc\", \"--password-file\", %q, \"{folder}/\", %q]\npull = [%[1]q, \"-rc\", \"--password-file\", %[2]q, %[3]q, \"{folder}/\"]",
			testenv.Program(w.t, "rsync"), secret, module)
	}
	h.table = describe("right")
	h.wrong = func() string { return describe("wrong") }
	return h.at(testenv.Nginx(w.t, www))
}

// at says where players find the host.
func (h *faultHost) at(url string) *faultHost {
	h.url = url
	h.table += fmt.Sprintf("\npublic_url = %q", url)
	return h
}

// table writes a [[target]] of texts, without those that are empty.
func table(kind string, pairs ...string) string {
	lines := []string{fmt.Sprintf("type = %q", kind)}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			lines = append(lines, fmt.Sprintf("%s = %q", pairs[i], pairs[i+1]))
		}
	}
	return strings.Join(lines, "\n")
}

// secret returns a file with a secret.
func (w *faultWorld) secret(text string) string {
	w.t.Helper()
	f, err := os.CreateTemp(w.dir, "secret-")
	if err == nil {
		_, err = f.WriteString(text + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return f.Name()
}

// knownHosts names the server's key for the gate in front of it.
func (w *faultWorld) knownHosts(name string, s *testenv.SSHDServer, g *gate) string {
	_, server, _ := strings.Cut(s.Address, ":")
	_, port, _ := strings.Cut(g.address(), ":")
	file := filepath.Join(w.dir, name+".known_hosts")
	writeFile(w.t, file, strings.ReplaceAll(string(readFile(w.t, s.HostKeys)), "]:"+server+" ", "]:"+port+" "))
	return file
}

// changed returns known hosts as they are when the server has got another key.
func (w *faultWorld) changed(hosts string) string {
	public := readFile(w.t, strangeKey(w)+".pub")
	name, _, _ := strings.Cut(string(readFile(w.t, hosts)), " ")
	file := hosts + ".changed"
	writeFile(w.t, file, name+" "+string(public))
	return file
}

// strangeKey makes a private key that may not log in.
func strangeKey(w *faultWorld) string {
	w.t.Helper()
	file := filepath.Join(w.t.TempDir(), "key")
	if out, err := testenv.Command(w.t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file).CombinedOutput(); err != nil {
		w.t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// certificate returns a certificate for 127.0.0.1 and its key, and the file of
// whoever vouches for it.
func certificate(w *faultWorld, name string, validFor time.Duration) (cert, key []byte, ca string) {
	w.t.Helper()
	certFile, keyFile, _ := testenv.Certificate(w.t, validFor)
	ca = filepath.Join(w.dir, name+".pem")
	cert, key = readFile(w.t, certFile), readFile(w.t, keyFile)
	writeFile(w.t, ca, string(cert))
	return cert, key, ca
}

// expiredFront puts TLS with an expired certificate in front of a host.
func expiredFront(w *faultWorld, name, upstream string) (address, ca string) {
	w.t.Helper()
	cert, key, ca := certificate(w, name+"-expired", -time.Hour)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		w.t.Fatal(err)
	}
	return newGate(w.t, upstream, &tls.Config{Certificates: []tls.Certificate{pair}}).address(), ca
}
