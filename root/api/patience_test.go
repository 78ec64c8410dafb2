package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
)

// A look at many mirrors outlasts the time that one answer may take.
func TestCheckMirrorsTakesItsTime(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select { // far longer than the client's timeout
		case <-time.After(200 * time.Millisecond):
		case <-r.Context().Done():
		}
		io.WriteString(w, `[{"id":"one","operator":"One","urls":["http://one.example/"]}]`)
	}))
	t.Cleanup(srv.Close)
	c := api.Client{Root: srv.URL, Token: api.AdminTokenPrefix + "x", HTTP: &http.Client{Timeout: time.Millisecond}}
	if _, err := c.Mirrors(t.Context()); err == nil {
		t.Fatal("the timeout of the test says nothing")
	}
	all, err := c.CheckMirrors(t.Context())
	if err != nil || len(all) != 1 || all[0].ID != "one" {
		t.Errorf("%+v, %v", all, err)
	}
}
