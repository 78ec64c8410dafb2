package issue

import (
	"bytes"
	"net/http"
	"strconv"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// A Representation is a document as HTTP sends it, in one encoding. It is made
// once and never changed, so that serving it costs no memory.
type Representation struct {
	Encoding string // of Bytes: "gzip", or "" for the document itself
	Bytes    []byte
	ETag     string // strong, with its quotes; another one in each encoding

	// Values of headers, ready to be put into a [http.Header] as they are.
	ETagValue, Length, LastModified []string
}

// representations are those that were asked for so far.
type representations struct {
	plainOnce, packedOnce sync.Once
	plain, packed         *Representation
}

// Plain returns the document as it is.
func (d *Document) Plain() *Representation {
	d.made.plainOnce.Do(func() { d.made.plain = d.represent("", d.Bytes, d.ETag) })
	return d.made.plain
}

// Packed returns the document compressed by gzip, or nil where that would not
// make it smaller. It is made when it is asked for first, not when the document
// is published: an edition that nobody asks for in this way costs nothing.
func (d *Document) Packed() *Representation {
	d.made.packedOnce.Do(func() {
		if packed := Pack(d.Bytes); len(packed) < len(d.Bytes) {
			d.made.packed = d.represent("gzip", packed, PackedETag(d.ETag))
		}
	})
	return d.made.packed
}

func (d *Document) represent(encoding string, data []byte, etag string) *Representation {
	return &Representation{
		Encoding: encoding, Bytes: data, ETag: etag,
		ETagValue:    []string{etag},
		Length:       []string{strconv.Itoa(len(data))},
		LastModified: []string{d.Issued.UTC().Format(http.TimeFormat)},
	}
}

// PackedETag returns the entity tag of what [Pack] made. It is never that of the
// document itself: to whoever resumes a download they are different bytes.
func PackedETag(etag string) string { return etag[:len(etag)-1] + `-gzip"` }

// Pack returns data compressed by gzip.
func Pack(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b) // neither it nor a bytes.Buffer fails
	w.Write(data)
	w.Close()
	return bytes.Clone(b.Bytes())
}
