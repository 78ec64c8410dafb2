package documents

import (
	"net/http"
	"strings"

	"github.com/signed-metaserver/metaserver/root/issue"
)

// choose returns the representation of a document that a request wants.
func choose(r *http.Request, d *issue.Document) (*issue.Representation, ask) {
	a := asksFor(r)
	if a.gzip {
		if packed := d.Packed(); packed != nil {
			return packed, a
		}
	}
	return d.Plain(), a
}

// An ask is what a request for a document wants.
type ask struct {
	gzip bool   // the client takes gzip, and wants no part: parts are those of the document itself
	have string // the one entity tag of If-None-Match; "": none
	more bool   // there is more to weigh: parts, other conditions, several tags
}

// asksFor reads the headers in one go.
func asksFor(r *http.Request) ask {
	var a ask
	ranged := false
	for name, values := range r.Header {
		switch {
		case name == "Accept-Encoding":
			a.gzip = acceptsGzip(values)
		case name == "Range":
			ranged = true
		case name == "If-None-Match" && len(values) == 1:
			a.have = values[0]
		case strings.HasPrefix(name, "If-"):
			a.more = true
		}
	}
	a.more = a.more || ranged
	a.gzip = a.gzip && !ranged
	return a
}

// acceptsGzip tells whether a client has asked for gzip and would rather have
// it than the document as it is.
func acceptsGzip(values []string) bool {
	gzip, identity, others := -1.0, -1.0, -1.0
	for _, value := range values {
		for coding := range strings.SplitSeq(value, ",") {
			name, quality := codingOf(coding)
			switch {
			case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
				gzip = quality
			case strings.EqualFold(name, "identity"):
				identity = quality
			case name == "*":
				others = quality
			}
		}
	}
	if gzip < 0 {
		gzip = others
	}
	return gzip > 0 && gzip >= identity
}

// codingOf splits "gzip;q=0.5". A quality that is none counts as 0: nothing is
// sent that was not clearly asked for.
func codingOf(s string) (name string, quality float64) {
	name, parameters, has := strings.Cut(s, ";")
	name = strings.TrimSpace(name)
	if !has {
		return name, 1
	}
	key, value, _ := strings.Cut(parameters, "=")
	if !strings.EqualFold(strings.TrimSpace(key), "q") {
		return name, 0
	}
	return name, qvalue(strings.TrimSpace(value))
}

// qvalue reads a number from 0 to 1 with at most three decimals.
func qvalue(s string) float64 {
	whole, decimals, _ := strings.Cut(s, ".")
	if len(decimals) > 3 || whole != "0" && whole != "1" {
		return 0
	}
	value := float64(whole[0] - '0')
	scale := 0.1
	for _, d := range []byte(decimals) {
		if d < '0' || d > '9' {
			return 0
		}
		value += float64(d-'0') * scale
		scale /= 10
	}
	if value > 1 {
		return 0
	}
	return value
}
