package serverlist

import (
	"compress/gzip"
	"context"
	"io"
	"sync"
	"time"
)

// A watch ends a request that takes too long: before its head is verified, by
// one deadline; from then on when the body stalls or crawls, or more comes
// than can be needed. Why it ended is the cause of ctx.
type watch struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	tuning Tuning

	mu     sync.Mutex
	ended  bool
	head   *time.Timer
	stall  *time.Timer // nil until the body begins
	rate   *time.Timer
	window int64 // bytes since rate last fired
	left   int64 // bytes that may still come
}

// newWatch starts the deadline of the head.
func newWatch(ctx context.Context, t Tuning) *watch {
	w := &watch{tuning: t, left: maxRaw(maxHead)}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.head = time.AfterFunc(t.Head, func() { w.cancel(errHeadTime) })
	return w
}

// maxRaw is how many bytes may arrive for a document of this size: room for
// line ends of two bytes, for a body's beginning read ahead, and for encodings
// that make it larger.
func maxRaw(size int64) int64 { return 2*size + 64<<10 }

// headVerified ends the deadline of the head. The body's begin with startBody:
// in between the reader may wait for its turn.
func (w *watch) headVerified() { w.head.Stop() }

// startBody begins to watch over a body of this size.
func (w *watch) startBody(size int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left += maxRaw(size)
	w.stall = time.AfterFunc(w.tuning.Stall, func() { w.cancel(errStall) })
	w.rate = time.AfterFunc(w.tuning.Stall, w.checkRate)
}

func (w *watch) checkRate() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return
	}
	if float64(w.window) < float64(w.tuning.MinRate)*w.tuning.Stall.Seconds() {
		w.cancel(errTooSlow)
		return
	}
	w.window = 0
	w.rate.Reset(w.tuning.Stall)
}

// arrived counts bytes; false means that they are too many.
func (w *watch) arrived(n int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.window += int64(n)
	w.left -= int64(n)
	if w.stall != nil && n > 0 {
		w.stall.Reset(w.tuning.Stall)
	}
	return w.left >= 0
}

// end stops the clocks and lets go of the connection.
func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	w.head.Stop()
	if w.stall != nil {
		w.stall.Stop()
		w.rate.Stop()
	}
	w.cancel(nil)
}

// cause replaces the error of a request that was ended by why it was.
func (w *watch) cause(err error) error {
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	return err
}

// watched returns the body behind the watch.
func (w *watch) watched(body io.Reader) io.Reader { return &watchedReader{body, w} }

type watchedReader struct {
	r io.Reader
	w *watch
}

func (r *watchedReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if !r.w.arrived(n) {
		return 0, errTooMuch
	}
	if err != nil && err != io.EOF {
		err = r.w.cause(err)
	}
	return n, err
}

// gunzip decodes from the first read on, so that even the gzip header is read
// under the watch.
type gunzip struct {
	r io.Reader
	z *gzip.Reader
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.z == nil {
		z, err := gzip.NewReader(g.r)
		if err == io.EOF {
			return 0, io.ErrUnexpectedEOF // an empty body is no gzip stream
		}
		if err != nil {
			return 0, err
		}
		g.z = z
	}
	return g.z.Read(p)
}
