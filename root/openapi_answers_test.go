package root_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/openapi"
)

// described is a transport that holds every answer of the JSON API against its
// description. All tests of this package send through one.
type described struct{ *http.Transport }

func (d described) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := d.Transport.RoundTrip(r)
	if err != nil || r.Method == http.MethodHead {
		return resp, err
	}
	router, err := description()
	if err != nil {
		return nil, err
	}
	route, parameters, err := router.FindRoute(r)
	if err != nil {
		return resp, nil // no part of the API; a test walks its routes
	}
	body, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if bytes.Contains(body, []byte(api.NoSuchPath)) || resp.StatusCode == http.StatusUnauthorized {
		return resp, nil // the other listener has this path, or would ask for a token
	}
	jsonBody := strings.HasSuffix(resp.Header.Get("Content-Type"), "json")
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: parameters, Route: route},
		Status:                 resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: !jsonBody},
	})
	if err != nil {
		return nil, fmt.Errorf("%s %s answers %d, which is not as described: %w", r.Method, route.Path, resp.StatusCode, err)
	}
	return resp, nil
}

// description reads the document, once.
var description = sync.OnceValues(func() (routers.Router, error) {
	d, err := openapi3.NewLoader().LoadFromData(openapi.All)
	if err != nil {
		return nil, err
	}
	return gorillamux.NewRouter(d)
})
