package root

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/openapi"
)

// TestRoutesAreDescribed walks the routes of both listeners: each is described,
// and nothing else is.
func TestRoutesAreDescribed(t *testing.T) {
	t.Parallel()
	r := newIdle(t, config.Config{Log: slog.New(slog.DiscardHandler)})
	public := apiRoutes(t, r.publicRouter())
	checkDescribed(t, "public.json", openapi.Public, public)
	checkDescribed(t, "all.json", openapi.All, append(public, apiRoutes(t, r.adminRoutes().(chi.Routes))...))
}

// apiRoutes returns the routes of the JSON API. The rest are pages, documents
// and what monitors ask.
func apiRoutes(t *testing.T, r chi.Routes) (out []string) {
	t.Helper()
	err := chi.Walk(r, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if strings.HasPrefix(route, "/api/v1/") {
			out = append(out, method+" "+route)
		}
		return nil
	})
	if err != nil || len(out) < 5 {
		t.Fatal(out, err)
	}
	return out
}

func checkDescribed(t *testing.T, name string, document []byte, routes []string) {
	t.Helper()
	var d struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(document, &d); err != nil {
		t.Fatal(err)
	}
	var described []string
	for path, methods := range d.Paths {
		for method := range methods {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	for _, route := range routes {
		if !slices.Contains(described, route) {
			t.Errorf("%s does not describe %s: add it to root/openapi/generate and run go generate ./root/openapi", name, route)
		}
	}
	for _, route := range described {
		if !slices.Contains(routes, route) {
			t.Errorf("%s describes %s, which is no route: take it from root/openapi/generate and run go generate ./root/openapi", name, route)
		}
	}
}
