package serverlist

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// What no real host can be made to do here.
func TestExplain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{&url.Error{Op: "Get", URL: "u", Err: &net.OpError{Op: "dial", Err: &net.DNSError{Name: "m.example", IsNotFound: true}}}, "the name m.example cannot be resolved: offline"},
		{&url.Error{Op: "Get", URL: "u", Err: &net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}}, "no connection in time"},
		{context.DeadlineExceeded, "given up"},
		{context.Canceled, "given up"},
		{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "not TLS"},
		{&url.Error{Op: "Get", URL: "u", Err: http.ErrSchemeMismatch}, "not TLS"},
		{errors.New("something else"), "something else"},
	} {
		if got := explain("u", tt.err).(*FetchError); !strings.Contains(got.Detail, tt.want) {
			t.Errorf("%v is told as %q", tt.err, got.Detail)
		}
	}
}
