package serverlisttest

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"time"
)

const loginPage = "<!DOCTYPE html>\n<title>Welcome to the airport</title>\n<form>Log in to use the network</form>\n"

// answer answers a request in the way of a fault of hosts, and tells whether it
// is one. doc is nil where there is no document.
func (f Fault) answer(rw http.ResponseWriter, r *http.Request, doc []byte) bool {
	switch f {
	case HTML:
		html(rw)
	case Portal:
		if r.URL.Path == "/login" {
			html(rw)
		} else {
			http.Redirect(rw, r, "/login", http.StatusFound)
		}
	case NotFound:
		http.NotFound(rw, r)
	case Unavailable:
		http.Error(rw, "out of order", http.StatusServiceUnavailable)
	case RedirectLoop:
		http.Redirect(rw, r, r.URL.Path, http.StatusFound)
	case RedirectPrivate:
		http.Redirect(rw, r, "http://192.168.0.1/admin", http.StatusFound)
	case RedirectScheme:
		http.Redirect(rw, r, "ftp://ftp.example"+r.URL.Path, http.StatusFound)
	case Silent:
		<-r.Context().Done()
	case EndlessHead:
		forever(rw, []byte("all work and no play makes jack a dull boy\n"))
	case NotModified:
		if r.Header.Get("If-None-Match")+r.Header.Get("If-Modified-Since") == "" {
			return false
		}
		rw.WriteHeader(http.StatusNotModified)
	default:
		return doc != nil && f.transfer(rw, r, doc)
	}
	return true
}

// transfer sends a document in the way of a fault of transfers, and tells
// whether it is one.
func (f Fault) transfer(rw http.ResponseWriter, r *http.Request, doc []byte) bool {
	head := headSize(doc)
	half := head + (len(doc)-head)/2
	switch f {
	case Slow:
		drip(rw, r, doc, 0)
	case Crawling:
		drip(rw, r, doc, head)
	case Stalled:
		send(rw, doc[:half])
		<-r.Context().Done()
	case Torn:
		rw.Header().Set("Content-Length", "1000000")
		send(rw, doc[:half])
		panic(http.ErrAbortHandler)
	case Endless:
		rw.Write(doc)
		forever(rw, make([]byte, 4<<10))
	case Bomb:
		rw.Header().Set("Content-Encoding", "gzip")
		rw.Write(zipped(doc))
		forever(rw, zipped(make([]byte, 1<<20)))
	case HollowBomb:
		rw.Header().Set("Content-Encoding", "gzip")
		forever(rw, bytes.Repeat(zipped(nil), 1000))
	default:
		return false
	}
	return true
}

func html(rw http.ResponseWriter) {
	rw.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(rw, loginPage)
}

// drip sends the first bytes at once, and of the others one each second.
func drip(rw http.ResponseWriter, r *http.Request, doc []byte, first int) {
	send(rw, doc[:first])
	for i := first; i < len(doc); i++ {
		pause := time.NewTimer(time.Second)
		select {
		case <-pause.C:
			send(rw, doc[i:i+1])
		case <-r.Context().Done():
			pause.Stop()
			return
		}
	}
}

// send puts data on the wire.
func send(rw http.ResponseWriter, data []byte) {
	if len(data) > 0 {
		rw.Write(data)
		rw.(http.Flusher).Flush()
	}
}

// forever writes until the reader is gone.
func forever(w io.Writer, data []byte) {
	for err := error(nil); err == nil; {
		_, err = w.Write(data)
	}
}

// zipped returns a gzip stream; several behind each other are one file.
func zipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}
