package testenv

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"
)

// nginxConfig serves one folder as plain files, as a mirror's web host does,
// and as fast as nginx can: benchmarks compare with it. It has no MIME types on
// purpose: documents must work with any.
var nginxConfig = template.Must(template.New("nginx.conf").Parse(`
daemon off;
{{if .Root}}user root;{{end}}
worker_processes auto;
pid {{.Run}}/nginx.pid;
error_log stderr notice;
events { worker_connections 256; }
http {
	access_log off;
	sendfile on;
	tcp_nopush on;
	keepalive_requests 1000000;
	default_type application/octet-stream;
	client_body_temp_path {{.Run}}/body;
	proxy_temp_path {{.Run}}/proxy;
	fastcgi_temp_path {{.Run}}/fastcgi;
	uwsgi_temp_path {{.Run}}/uwsgi;
	scgi_temp_path {{.Run}}/scgi;
	server {
		listen 127.0.0.1:{{.Port}};
		root "{{.Dir}}";
	}
}
`))

// Nginx serves a folder with a real nginx on a loopback port until the test
// ends, and returns the base URL, "http://127.0.0.1:PORT/". The folder may
// change while it is served.
func Nginx(t testing.TB, dir string) string {
	t.Helper()
	program := Program(t, "nginx")
	dir, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(dir, "\"\\$\n") {
		t.Fatalf("nginx cannot be told to serve %q", dir)
	}
	port := serve(t, func(port int) (*process, error) { return startNginx(t, program, dir, port) })
	return fmt.Sprintf("http://127.0.0.1:%d/", port)
}

func startNginx(t testing.TB, program, dir string, port int) (*process, error) {
	run := t.TempDir()
	var config bytes.Buffer
	err := nginxConfig.Execute(&config, struct {
		Root     bool // workers keep root's rights, as test folders are often readable for root alone
		Run, Dir string
		Port     int
	}{os.Getuid() == 0, run, dir, port})
	if err != nil {
		return nil, err
	}
	name := filepath.Join(run, "nginx.conf")
	if err := os.WriteFile(name, config.Bytes(), 0o644); err != nil {
		return nil, err
	}
	cmd := command(t, program, "-p", run, "-e", "stderr", "-c", name)
	p, err := launch(cmd, filepath.Join(run, "log"))
	if err != nil {
		return nil, err
	}
	// nginx writes its process id once it listens, so this is our nginx and
	// not another program on the same port.
	err = p.await(func() bool {
		pid, err := os.ReadFile(filepath.Join(run, "nginx.pid"))
		return err == nil && len(pid) > 0
	})
	if err != nil && strings.Contains(err.Error(), "Address already in use") {
		return nil, errPortTaken
	}
	return p, err
}
