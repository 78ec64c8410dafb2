package hosts

import (
	"path"
	"path/filepath"
	"strings"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/sftp"
)

var allKinds = []kind{
	{"folder", "a folder of this machine that a web server serves", []Field{
		{"path", "the folder that the web server serves", "/srv/mirror", Text, true},
	}, readFolder},
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
		Address:    r.Text("host"),
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
	return t, "ssh " + remotePlace(t.Address, t.User, t.Folder)
}

// remotePlace is what two tables of one account and folder have in common.
func remotePlace(host, user, folder string) string {
	return strings.ToLower(host) + " " + user + " " + path.Clean(folder)
}
