package testenv

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// send sends one request with a connection of its own.
func send(t *testing.T, method, url, body string, header ...string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

func TestWebDAV(t *testing.T) {
	t.Parallel()
	for _, server := range []string{"nginx", "apache2"} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			s := WebDAV(t, server, WebDAVOptions{})
			if status, answer := send(t, "PUT", s.URL+"a", "hello"); status != http.StatusCreated {
				t.Fatalf("PUT gives %d %s", status, answer)
			}
			if data, err := os.ReadFile(filepath.Join(s.Dir, "a")); string(data) != "hello" {
				t.Errorf("the file holds %q: %v", data, err)
			}
			if status, answer := send(t, "MOVE", s.URL+"a", "", "Destination", s.URL+"b"); status != http.StatusNoContent && status != http.StatusCreated {
				t.Errorf("MOVE gives %d %s", status, answer)
			}
			locked := WebDAV(t, server, WebDAVOptions{User: "u", Password: "p"})
			if status, _ := send(t, "PUT", locked.URL+"a", "hello"); status != http.StatusUnauthorized {
				t.Errorf("without a password PUT gives %d", status)
			}
		})
	}
}

func TestS3(t *testing.T) {
	t.Parallel()
	s := S3(t, S3Options{}, "bucket")
	if status, answer := send(t, "GET", s.URL+"/bucket/a", ""); status != http.StatusForbidden || !strings.Contains(answer, "<Code>AccessDenied</Code>") {
		t.Errorf("without a key GET gives %d %s", status, answer)
	}
}
