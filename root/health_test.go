package root_test

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/config"
)

// probe asks the admin listener without a token.
func (w *world) probe(method, path string) (int, string) {
	w.t.Helper()
	a := w.send(exchange{method, w.admin + path, nil, ""})
	return a.status, strings.TrimSpace(string(a.body))
}

func TestHealthNeedsNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string]string{"/healthz": "ok", "/readyz": "ready"} {
		if status, body := w.probe("GET", path); status != http.StatusOK || body != want {
			t.Errorf("%s: %d %q", path, status, body)
		}
		if status, body := w.probe("HEAD", path); status != http.StatusOK || body != "" {
			t.Errorf("HEAD %s: %d %q", path, status, body)
		}
		for _, method := range []string{"POST", "PUT", "DELETE"} {
			if status, _ := w.probe(method, path); status != http.StatusMethodNotAllowed {
				t.Errorf("%s %s: %d", method, path, status)
			}
		}
		if a := w.get(path); a.status != http.StatusNotFound {
			t.Errorf("%s on the public listener: %d", path, a.status)
		}
		if a := w.send(exchange{"GET", w.admin + path, []string{"Host: rebound.example"}, ""}); a.status != http.StatusForbidden {
			t.Errorf("%s for another host: %d", path, a.status)
		}
	}
	for _, path := range []string{"/", "/healthz/", "/readyz/x", "/metrics", "/api/v1/admin/lists"} {
		if status, _ := w.probe("GET", path); status != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", path, status)
		}
	}
}

// The metrics that an alarm is made from.
func TestMetricsOfOperation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(1)
	for n := range 2 { // when the second is served, the attempt that brought the first has ended
		w.ask("POST", "/registrations/"+w.register(2+n).ID+"/approve", "{}")
		w.untilEntries(n + 1)
	}
	w.get("/server.list")
	w.get("/server.list", "If-None-Match: "+w.get("/server.list").header.Get("ETag"))
	w.get("/no/such/path")
	w.get("/nor/this/one")
	metrics := string(w.send(exchange{"GET", w.admin + "/metrics", []string{"Authorization: Bearer " + w.token}, ""}).body)
	for _, want := range []string{
		`metaserver_requests_total{listener="public",route="/server.list",status="200"} 2`,
		`metaserver_requests_total{listener="public",route="/server.list",status="304"} 1`,
		`metaserver_requests_total{listener="public",route="/api/v1/registrations",status="202"} 3`,
		`metaserver_requests_total{listener="public",route="none",status="404"} 2`,
		`metaserver_requests_total{listener="admin",route="/api/v1/admin/lists",status="200"} `,
		`metaserver_request_duration_seconds_count{listener="public",route="/server.list"} 3`,
		`metaserver_publish_duration_seconds_count{list="server.list",result="ok"} `,
		`metaserver_registrations_oldest_pending_timestamp_seconds{kind="server"} `,
		`metaserver_disk_free_bytes `, `metaserver_ready 1`, `metaserver_build_info{go_version="go`,
		`metaserver_database_write_duration_seconds `,
	} {
		if !strings.Contains(metrics, "\n"+want) {
			t.Errorf("there is no %s in\n%s", want, metrics)
		}
	}
	if strings.Contains(metrics, `oldest_pending_timestamp_seconds{kind="mirror"}`) || strings.Contains(metrics, "/no/such") {
		t.Error("there is a series for what is not there")
	}
}

// What is logged of requests names who asked for what, and never a secret.
func TestRequestLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.LogLevel = slog.LevelDebug })
	accepted := w.register(1)
	w.get("/server.list")
	status := strings.TrimPrefix(accepted.StatusURL, "/")
	w.send(exchange{"GET", w.public + "/" + status, []string{"Authorization: Bearer " + w.token}, ""})
	if a := w.get("/" + status); a.status != http.StatusOK {
		t.Fatalf("status page: %d", a.status)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		w.probe("GET", path)
	}
	w.ask("GET", "/registrations/"+accepted.ID, "")
	w.send(exchange{"GET", w.admin + "/" + status, []string{"Authorization: Bearer " + w.token}, ""})
	w.stop()
	log := w.log.String()
	want := `listener=admin method=GET route=/api/v1/admin/registrations/{id} status=200`
	if !strings.Contains(log, want) || !strings.Contains(log, "admin=admin path=/api/v1/admin/registrations/"+accepted.ID) {
		t.Errorf("the log does not name what an admin asked for:\n%s", log)
	}
	if !strings.Contains(log, `level=DEBUG msg=request listener=public method=GET route=/api/v1/registrations/{id}/{token} status=200`) ||
		strings.Contains(log, "level=INFO msg=request listener=public") {
		t.Errorf("requests of the public are not logged at debug:\n%s", log)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if !strings.Contains(log, "level=DEBUG msg=request listener=admin method=GET route="+path+" status=200") {
			t.Errorf("what monitors ask again and again is not logged at debug, by its name %s:\n%s", path, log)
		}
	}
	_, secret, _ := strings.Cut(status, accepted.ID+"/")
	for _, s := range []string{secret, strings.TrimPrefix(w.token, "msadm_")} {
		if s == "" || strings.Contains(log, s) {
			t.Errorf("the log holds the secret %q:\n%s", s, log)
		}
	}
}
