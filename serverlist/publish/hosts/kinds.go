package hosts

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/command"
	"github.com/signed-metaserver/metaserver/serverlist/publish/ftp"
	"github.com/signed-metaserver/metaserver/serverlist/publish/git"
	"github.com/signed-metaserver/metaserver/serverlist/publish/s3"
	"github.com/signed-metaserver/metaserver/serverlist/publish/sftp"
	"github.com/signed-metaserver/metaserver/serverlist/publish/webdav"
)

var allKinds = []kind{
	{"folder", "a folder of this machine that a web server serves", []Field{
		{"path", "the folder that the web server serves", "/srv/mirror", Text, true},
	}, readFolder},
	{"ftps", "a folder on an FTP server, with TLS: passwords and files are protected", ftpFields, readFTPS},
	{"ftp", "a folder on an FTP server without TLS: the password travels in clear", ftpFields[:4], readFTP},
	{"sftp", "a folder on a server that is reached by SSH", []Field{
		{"host", "SSH server, HOST or HOST:PORT", "web.example.net", Text, true},
		{"user", "account on the server", "me", Text, true},
		{"folder", "folder on the server, from where a login starts", "public_html/ms", Text, false},
		{"key_file", "private key to log in with", "id_ed25519", Text, false},
		{"passphrase", "passphrase of the key", "", Secret, false},
		{"agent", "log in with the keys of the ssh-agent", "", Switch, false},
		{"password", "password", "", Secret, false},
		{"known_hosts", "known_hosts file; without it ~/.ssh/known_hosts", "known_hosts", Text, false},
	}, readSFTP},
	{"webdav", "a folder on a WebDAV server", []Field{
		{"url", "URL of the folder that is written to", "https://dav.example.net/ms/", Text, true},
		{"user", "account on the server", "me", Text, false},
		{"password", "password", "", Secret, false},
		{"ca_file", "certificates in PEM form that vouch for the server; without it those of the system", "ca.pem", Text, false},
	}, readWebDAV},
	{"s3", "a bucket of an S3-compatible store", []Field{
		{"endpoint", "URL of the store, without the bucket", "https://s3.example.net", Text, true},
		{"bucket", "bucket", "mirror", Text, true},
		{"access_key", "access key", "AKIA", Text, true},
		{"secret_key", "secret key", "", Secret, true},
		{"region", "region; without it us-east-1", "eu-central-1", Text, false},
		{"prefix", "folder in the bucket", "ms", Text, false},
		{"style", "how the bucket is named: path or host; without it what the store takes", "path", Text, false},
		{"ca_file", "certificates in PEM form that vouch for the server; without it those of the system", "ca.pem", Text, false},
	}, readS3},
	{"git", "a branch of a git repository that is shown as web pages", []Field{
		{"remote", "the repository", "git@example.net:me/pages.git", Text, true},
		{"branch", "branch that is pushed to", "pages", Text, true},
		{"folder", "folder in the branch", "ms", Text, false},
		{"key_file", "private key for ssh", "id_ed25519", Text, false},
		{"known_hosts", "known_hosts file; without it ~/.ssh/known_hosts", "known_hosts", Text, false},
		{"user", "account on an https host", "me", Text, false},
		{"password", "password or token for https", "", Secret, false},
		{"ca_file", "certificates in PEM form that vouch for the server; without it those of the system", "ca.pem", Text, false},
		{"author_name", "name in the commits; public", "mirror", Text, false},
		{"author_email", "e-mail address in the commits; public", "mirror@example.net", Text, false},
		{"keep_history", "keep every publication as a commit", "", Switch, false},
	}, readGit},
	{"command", "whatever a program of yours can send a folder to: rsync, rclone, scp", []Field{
		{"push", "program and arguments that send a folder; one of them holds {folder}", "{folder}", List, true},
		{"pull", "program and arguments that fetch it back into {folder}; without it it is read back at public_url", "{folder}", List, false},
		{"atomic", "push replaces everything in one step", "", Switch, false},
		{"ca_file", "certificates in PEM form that vouch for public_url; without it those of the system", "ca.pem", Text, false},
	}, readCommand},
}

var ftpFields = []Field{
	{"host", "FTP server, HOST or HOST:PORT", "ftp.example.net", Text, true},
	{"user", "account on the server", "me", Text, true},
	{"password", "password", "", Secret, true},
	{"folder", "folder on the server, from where a login starts", "public_html/ms", Text, false},
	{"ca_file", "certificates in PEM form that vouch for the server; without it those of the system", "ca.pem", Text, false},
}

func readFolder(r *reader) (publish.Target, string) {
	p := r.path("path")
	if p == "" {
		return nil, ""
	}
	return publish.Folder{Path: p}, "folder " + filepath.Clean(p)
}

func readSFTP(r *reader) (publish.Target, string) {
	t := sftp.Target{
		Address:    r.server(),
		User:       r.Text("user"),
		Folder:     r.Text("folder"),
		KeyFile:    r.path("key_file"),
		Agent:      r.Bool("agent"),
		Password:   r.secret("password"),
		KnownHosts: r.path("known_hosts"),
	}
	if passphrase := r.secret("passphrase"); passphrase != nil {
		t.Passphrase = func() ([]byte, error) {
			s, err := passphrase()
			return []byte(s), err
		}
	}
	if t.KeyFile == "" && !t.Agent && t.Password == nil {
		r.Require("key_file", `key_file = "id_ed25519", or agent = true, or password_file = "FILE": something to log in with`)
	}
	return t, "ssh " + remotePlace(withPort(t.Address, "22"), t.User, t.Folder)
}

// remotePlace is what two tables of one account and folder have in common.
func remotePlace(host, user, folder string) string {
	return strings.ToLower(host) + " " + user + " " + path.Clean(folder)
}

func readFTPS(r *reader) (publish.Target, string) {
	t := readFTPTarget(r, ftp.ExplicitTLS)
	t.RootCAs = r.authorities()
	return t, "ftp " + remotePlace(t.Address, t.User, t.Folder)
}

func readFTP(r *reader) (publish.Target, string) {
	t := readFTPTarget(r, ftp.NoTLS)
	r.note("%s: the password travels in clear, and so does what is published; use type \"ftps\" if the host can", t)
	return t, "ftp " + remotePlace(t.Address, t.User, t.Folder)
}

func readFTPTarget(r *reader, security ftp.Security) *ftp.Target {
	return &ftp.Target{
		Address:  withPort(r.server(), "21"),
		User:     r.Text("user"),
		Password: r.secret("password"),
		Folder:   r.Text("folder"),
		TLS:      security,
	}
}

func readWebDAV(r *reader) (publish.Target, string) {
	t := webdav.Target{URL: r.Text("url"), User: r.Text("user"), Password: r.secret("password"), RootCAs: r.authorities()}
	if (t.User == "") != (t.Password == nil) {
		r.Check("user", errors.New("user and a password (password_file or password_env) go together"))
	}
	u, err := url.Parse(t.URL)
	switch {
	case t.URL == "":
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		r.Check("url", errors.New(`url is not that of a folder, as "https://dav.example.net/ms/"`))
	case u.User != nil:
		r.Check("url", errors.New("url must not carry a user name or password: write user, and password_file or password_env"))
	case u.Scheme == "http" && t.User != "":
		r.note("%s: the password travels in clear; use https if the host can", t)
	}
	return t, "webdav " + strings.TrimSuffix(t.URL, "/")
}

func readS3(r *reader) (publish.Target, string) {
	t := s3.Target{
		Endpoint:  r.Text("endpoint"),
		Bucket:    r.Text("bucket"),
		AccessKey: r.Text("access_key"),
		SecretKey: r.secret("secret_key"),
		Region:    r.Text("region"),
		Prefix:    r.Text("prefix"),
		RootCAs:   r.authorities(),
		Style:     s3.Style(r.Text("style")),
	}
	if t.Style != s3.Auto && t.Style != s3.Path && t.Style != s3.Host {
		r.Check("style", fmt.Errorf(`style %q is not known; known: "path", "host"`, t.Style))
	}
	return t, "s3 " + strings.TrimSuffix(t.Endpoint, "/") + " " + t.Bucket + " " + strings.Trim(t.Prefix, "/")
}

func readGit(r *reader) (publish.Target, string) {
	t := git.Target{
		Remote:      r.Text("remote"),
		Branch:      r.Text("branch"),
		Folder:      r.Text("folder"),
		KeyFile:     r.path("key_file"),
		KnownHosts:  r.path("known_hosts"),
		User:        r.Text("user"),
		Password:    r.secret("password"),
		CAFile:      r.path("ca_file"),
		AuthorName:  r.Text("author_name"),
		AuthorEmail: r.Text("author_email"),
		KeepHistory: r.Bool("keep_history"),
	}
	if hasPassword(t.Remote) {
		t.Remote = ""
		r.Check("remote", errors.New("remote must not carry a password: write user, and password_file or password_env"))
	}
	return t, "git " + t.Remote + " " + t.Branch + " " + path.Clean(t.Folder)
}

func readCommand(r *reader) (publish.Target, string) {
	t := command.Target{Push: r.Texts("push"), Pull: r.Texts("pull"), Atomic: r.Bool("atomic"), RootCAs: r.authorities()}
	for _, c := range []struct {
		key   string
		words []string
	}{{"push", t.Push}, {"pull", t.Pull}} {
		if len(c.words) > 0 && !strings.Contains(strings.Join(c.words[1:], "\n"), "{folder}") {
			r.Check(c.key, fmt.Errorf(`%s has no argument with {folder}, as in ["rsync", "-a", "{folder}/", "me@example.net:www/"]`, c.key))
		}
	}
	switch {
	case t.Pull == nil && r.Has("public_url"):
		t.PublicURL = r.Text("public_url")
	case t.Pull == nil && t.Push != nil:
		r.Require("pull", `pull = ["rsync", "-a", "me@example.net:www/", "{folder}/"], or public_url: what is published is read back`)
	}
	return t, "command " + strings.Join(t.Push, "\x00")
}

// hasPassword tells whether a URL, also one that does not parse, has a password
// before its host.
func hasPassword(s string) bool {
	_, rest, isURL := strings.Cut(s, "://")
	authority, _, _ := strings.Cut(rest, "/")
	user, _, hasUser := strings.Cut(authority, "@")
	return isURL && hasUser && strings.Contains(user, ":")
}

// server returns the key host. Many write there the whole address that their
// provider has told them.
func (r *reader) server() string {
	host := r.Text("host")
	if strings.ContainsAny(host, "/@ ") {
		r.Check("host", fmt.Errorf(`host %q is more than a server: write its name alone, or with a port, as "ftp.example.net:21"; user and folder have keys of their own`, host))
		return ""
	}
	return host
}

// withPort adds the usual port to a host that has none.
func withPort(host, port string) string {
	if host == "" {
		return ""
	}
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), port)
}
