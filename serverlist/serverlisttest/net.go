package serverlisttest

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"
	"syscall"
)

// A Net is an internet of its own: hosts by name, as "mirror.example" or
// "mirror.example:8080", and what answers there. A host that is not in it
// refuses connections. Do not change it while requests are on their way.
//
// As a RoundTripper, in Config.HTTP, it needs no sockets and so works in a
// bubble of testing/synctest. As a Handler it answers by the name of the host
// that is asked for; a real server with it is a proxy into this internet.
type Net map[string]http.Handler

// ServeHTTP answers as the host that the request names.
func (n Net) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if h := n[r.Host]; h != nil {
		h.ServeHTTP(rw, r)
		return
	}
	http.Error(rw, "serverlisttest: there is no host "+r.Host, http.StatusBadGateway)
}

// RoundTrip answers a request. The handler runs in a goroutine of its own, and
// what it writes arrives as it comes.
func (n Net) RoundTrip(req *http.Request) (*http.Response, error) {
	h := n[req.URL.Host]
	if h == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	ctx, cancel := context.WithCancel(req.Context())
	body, w := io.Pipe()
	rw := &pipeWriter{header: make(http.Header), body: w, status: make(chan int, 1)}
	inner := req.Clone(ctx)
	inner.Host, inner.RequestURI = req.URL.Host, req.URL.RequestURI()
	go rw.serve(h, inner)
	stop := context.AfterFunc(ctx, func() { body.CloseWithError(ctx.Err()) })
	select {
	case code := <-rw.status:
		return &http.Response{
			StatusCode: code, Status: http.StatusText(code), Header: rw.header.Clone(), Request: req,
			Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
			Body: pipeBody{body, func() { stop(); cancel() }},
		}, nil
	case <-ctx.Done():
		err := ctx.Err()
		cancel()
		return nil, err
	}
}

// A pipeWriter passes on what a handler writes.
type pipeWriter struct {
	header http.Header
	body   *io.PipeWriter
	status chan int
	once   sync.Once
}

// serve runs the handler. One that panics with http.ErrAbortHandler breaks the
// connection, as in a real server.
func (w *pipeWriter) serve(h http.Handler, r *http.Request) {
	defer func() {
		switch p := recover(); p {
		case nil:
			w.WriteHeader(http.StatusOK)
			w.body.CloseWithError(r.Context().Err()) // nil: the end
		case http.ErrAbortHandler:
			w.WriteHeader(http.StatusOK)
			w.body.CloseWithError(io.ErrUnexpectedEOF)
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
}

func (w *pipeWriter) Header() http.Header { return w.header }

func (w *pipeWriter) WriteHeader(code int) { w.once.Do(func() { w.status <- code }) }

func (w *pipeWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}

// Flush does nothing: what is written is on its way.
func (w *pipeWriter) Flush() {}

type pipeBody struct {
	*io.PipeReader
	end func()
}

func (b pipeBody) Close() error {
	b.end()
	return b.PipeReader.Close()
}
