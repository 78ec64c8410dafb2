package root

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/documents"
)

// A deadlineWriter remembers until when an answer may take.
type deadlineWriter struct {
	http.ResponseWriter
	until time.Time
}

func (w *deadlineWriter) SetWriteDeadline(t time.Time) error {
	w.until = t
	return nil
}

// Who reads slowly gets a large list whole, also from a root that cannot write.
func TestStillRootWaitsForSlowReaders(t *testing.T) {
	t.Parallel()
	s := &still{documents: map[string][]byte{"server.list": make([]byte, 100*documents.SlowestDownload)}}
	w := &deadlineWriter{ResponseWriter: httptest.NewRecorder()}
	began := time.Now()
	s.routes(false).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/server.list", nil))
	if has := w.until.Sub(began); has < 100*time.Second {
		t.Errorf("an answer of %d bytes has %s", len(s.documents["server.list"]), has)
	}
}
