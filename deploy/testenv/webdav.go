package testenv

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/template"
)

// WebDAVOptions say how a server differs from one that takes everything from
// everybody.
type WebDAVOptions struct {
	User, Password string // basic authentication; empty: none
	Cert, Key      string // files in PEM: https
	Without        string // a method that nginx does not take: "MOVE", "MKCOL"
	DiskSize       string // the folder is a file system of its own of this size, as "2m"; needs root
}

// A WebDAVServer runs until the test ends.
type WebDAVServer struct {
	URL string // "http://127.0.0.1:PORT/"
	Dir string // what it serves, owned by the server's user; hidden from the test with DiskSize
}

// davUser is who serves when root runs the test: Apache refuses to be root.
const davUser = "www-data"

const davScript = `set -e
mount -t tmpfs -o "size=$2,mode=777" none "$1"
shift 2
exec "$@"`

var davConfigs = map[string]*template.Template{
	"nginx": template.Must(template.New("nginx.conf").Parse(`
daemon off;
{{if .Root}}user ` + davUser + `;{{end}}
worker_processes 1;
pid {{.Run}}/pid;
error_log stderr notice;
events { worker_connections 256; }
http {
	access_log off;
	default_type application/octet-stream;
	client_max_body_size 64m;
	client_body_temp_path {{if .Options.DiskSize}}{{.Dir}}{{else}}{{.Run}}{{end}}/.body; # else a full disk stays full of half a copy
	proxy_temp_path {{.Run}}/proxy;
	fastcgi_temp_path {{.Run}}/fastcgi;
	uwsgi_temp_path {{.Run}}/uwsgi;
	scgi_temp_path {{.Run}}/scgi;
	server {
		listen 127.0.0.1:{{.Port}} {{if .Options.Cert}}ssl{{end}};
		{{if .Options.Cert}}ssl_certificate {{.Options.Cert}}; ssl_certificate_key {{.Options.Key}};{{end}}
		{{if .Options.User}}auth_basic "test"; auth_basic_user_file {{.Run}}/passwords;{{end}}
		root "{{.Dir}}";
		dav_methods {{range .Methods}}{{.}} {{end}};
		dav_access user:rw group:r all:r;
	}
}
`)),
	"apache2": template.Must(template.New("apache2.conf").Parse(`
ServerRoot {{.Run}}
ServerName 127.0.0.1
Listen 127.0.0.1:{{.Port}}
PidFile {{.Run}}/pid
ErrorLog {{.Run}}/errors
DefaultRuntimeDir {{.Run}}
{{if .Root}}User ` + davUser + `
Group ` + davUser + `{{end}}
LoadModule mpm_event_module {{.Modules}}/mod_mpm_event.so
LoadModule authn_core_module {{.Modules}}/mod_authn_core.so
LoadModule authn_file_module {{.Modules}}/mod_authn_file.so
LoadModule authz_core_module {{.Modules}}/mod_authz_core.so
LoadModule authz_user_module {{.Modules}}/mod_authz_user.so
LoadModule auth_basic_module {{.Modules}}/mod_auth_basic.so
LoadModule dav_module {{.Modules}}/mod_dav.so
LoadModule dav_fs_module {{.Modules}}/mod_dav_fs.so
{{if .Options.Cert}}LoadModule ssl_module {{.Modules}}/mod_ssl.so
SSLEngine on
SSLCertificateFile {{.Options.Cert}}
SSLCertificateKeyFile {{.Options.Key}}{{end}}
StartServers 1
DavLockDB {{.Run}}/locks/db
DocumentRoot "{{.Dir}}"
<Directory "{{.Dir}}">
	Dav On
	{{if .Options.User}}AuthType Basic
	AuthName test
	AuthUserFile {{.Run}}/passwords
	Require valid-user{{end}}
</Directory>
`)),
}

// WebDAV serves an empty folder, which everybody with the password may change,
// with a real "nginx" or "apache2" on a loopback port.
func WebDAV(t testing.TB, server string, o WebDAVOptions) *WebDAVServer {
	t.Helper()
	program := Program(t, server)
	run, err := os.MkdirTemp("", "webdav-") // t.TempDir is closed to the server's user
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	s := &WebDAVServer{Dir: filepath.Join(run, "www")}
	if err := s.prepare(run, o); err != nil {
		t.Fatal(err)
	}
	port := serve(t, func(port int) (*process, error) { return s.start(t, server, program, run, port, o) })
	scheme := "http"
	if o.Cert != "" {
		scheme = "https"
	}
	s.URL = fmt.Sprintf("%s://127.0.0.1:%d/", scheme, port)
	return s
}

// prepare makes the folders, and the file of passwords in a form that both
// servers read.
func (s *WebDAVServer) prepare(run string, o WebDAVOptions) error {
	sum := sha1.Sum([]byte(o.Password))
	line := fmt.Sprintf("%s:{SHA}%s\n", o.User, base64.StdEncoding.EncodeToString(sum[:]))
	err := errors.Join(os.Chmod(run, 0o755), os.Mkdir(s.Dir, 0o755), os.Mkdir(filepath.Join(run, "locks"), 0o755),
		os.WriteFile(filepath.Join(run, "passwords"), []byte(line), 0o644))
	if err != nil || os.Getuid() != 0 {
		return err
	}
	u, err := user.Lookup(davUser)
	if err != nil {
		return err
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return err
	}
	return errors.Join(os.Chown(s.Dir, uid, -1), os.Chown(filepath.Join(run, "locks"), uid, -1))
}

func (s *WebDAVServer) start(t testing.TB, server, program, run string, port int, o WebDAVOptions) (*process, error) {
	name := filepath.Join(run, "conf")
	if err := s.writeConfig(name, server, program, run, port, o); err != nil {
		return nil, err
	}
	argv := []string{program, "-p", run, "-e", "stderr", "-c", name}
	if server == "apache2" {
		argv = []string{program, "-D", "FOREGROUND", "-f", name}
	}
	if o.DiskSize != "" {
		NeedMounts(t)
		argv = append([]string{Program(t, "unshare"), "--mount", "sh", "-c", davScript, "sh", s.Dir, o.DiskSize}, argv...)
	}
	cmd := command(t, argv[0], argv[1:]...)
	if deps := depsDir(); within(deps, program) {
		cmd.Env = append(os.Environ(), "LD_LIBRARY_PATH="+libraryPath(deps, deps))
	}
	p, err := launch(cmd, filepath.Join(run, "log"))
	if err != nil {
		return nil, err
	}
	// Both write their process id once they listen.
	err = p.await(func() bool {
		pid, err := os.ReadFile(filepath.Join(run, "pid"))
		return err == nil && len(pid) > 0
	})
	if err != nil && strings.Contains(err.Error(), "Address already in use") {
		return nil, errPortTaken
	}
	return p, err
}

func (s *WebDAVServer) writeConfig(name, server, program, run string, port int, o WebDAVOptions) error {
	methods := []string{}
	for _, m := range []string{"PUT", "DELETE", "MKCOL", "COPY", "MOVE"} {
		if m != o.Without {
			methods = append(methods, m)
		}
	}
	var config bytes.Buffer
	err := davConfigs[server].Execute(&config, struct {
		Root              bool
		Run, Dir, Modules string
		Port              int
		Methods           []string
		Options           WebDAVOptions
	}{os.Getuid() == 0, run, s.Dir, filepath.Join(installationOf(program), "usr/lib/apache2/modules"), port, methods, o})
	if err != nil {
		return err
	}
	return os.WriteFile(name, config.Bytes(), 0o644)
}
