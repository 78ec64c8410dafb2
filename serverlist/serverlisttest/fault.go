package serverlisttest

import (
	"bytes"
	"slices"
)

// A Fault is what is wrong with a [Site]: everything that a host can do which
// holds no key. What a thief of a key can do is signed with [Root.Sign] and
// served with [Site.Put].
type Fault string

// Honest is the zero value: the site serves what the root has published last.
const Honest Fault = ""

// Faults of sites whose documents verify, and are not the newest.
const (
	Frozen      Fault = "frozen"       // what was published when the fault began
	Old         Fault = "old"          // lists: the edition before the newest, if there was one
	NotModified Fault = "not modified" // the same, and 304 to every conditional request
)

// Faults of documents. CRLF is none to a reader that follows the format.
const (
	CRLF          Fault = "CRLF"            // line ends as FTP in ASCII mode makes them
	LoneCR        Fault = "lone CR"         // one line end is CR alone
	Mixed         Fault = "mixed"           // head of the newest edition, body of the one before (or none)
	Truncated     Fault = "truncated"       // the last ten bytes are missing
	CutInHead     Fault = "cut in the head" // the first 100 bytes
	Appended      Fault = "appended script" // as free web hosts do it
	HeadByte      Fault = "head byte"       // one bit of the signed text is another
	SignatureByte Fault = "signature byte"  // some bits of the first signature are others; it is still base64
	BodyByte      Fault = "body byte"       // one bit of the body is another
	Unsigned      Fault = "unsigned"        // no signature lines
	OneKeyTwice   Fault = "one key twice"   // the first signature line twice, in place of the others; a lie where two keys are needed
	Stranger      Fault = "stranger"        // lists of this origin with the entry "impostor", signed by other keys of the same names
	WrongOrigin   Fault = "another origin"  // the same of another origin
	WrongType     Fault = "another type"    // the mirror list in place of the server list, and the other way
	Empty         Fault = "empty"           // no byte
)

// Faults of hosts.
const (
	HTML            Fault = "HTML"               // a login page in place of every document
	Portal          Fault = "captive portal"     // a redirect to a login page
	NotFound        Fault = "not found"          // 404
	Unavailable     Fault = "unavailable"        // 503
	RedirectLoop    Fault = "redirect loop"      // to itself
	RedirectPrivate Fault = "redirect inside"    // to a private address
	RedirectScheme  Fault = "redirect to ftp"    // to a URL that is not of http
	Silent          Fault = "silent"             // takes the request and never answers
	Slow            Fault = "slow"               // one byte each second
	Crawling        Fault = "crawling"           // the head at once, and of the rest one byte each second
	Stalled         Fault = "stalled"            // the head and half of the rest, and then nothing
	Torn            Fault = "torn"               // the connection breaks in the middle
	Endless         Fault = "endless"            // bytes without end after the document
	EndlessHead     Fault = "endless head"       // a text without end
	Bomb            Fault = "decompression bomb" // gzip: the document, and zeros without end
	HollowBomb      Fault = "hollow bomb"        // gzip streams of nothing, without end
)

// Faults returns all faults but [Honest].
func Faults() []Fault {
	return []Fault{
		Frozen, Old, NotModified,
		CRLF, LoneCR, Mixed, Truncated, CutInHead, Appended, HeadByte, SignatureByte, BodyByte,
		Unsigned, OneKeyTwice, Stranger, WrongOrigin, WrongType, Empty,
		HTML, Portal, NotFound, Unavailable, RedirectLoop, RedirectPrivate, RedirectScheme,
		Silent, Slow, Crawling, Stalled, Torn, Endless, EndlessHead, Bomb, HollowBomb,
	}
}

// A document taken apart. Trust documents have no body.
type parts struct {
	text, signatures, body []byte
	hasBody                bool
}

func split(doc []byte) parts {
	var p parts
	var found bool
	p.text, doc, found = bytes.Cut(doc, []byte("\n\n"))
	if found {
		p.text = append(bytes.Clone(p.text), '\n')
	}
	p.signatures, p.body, p.hasBody = bytes.Cut(doc, []byte("\n\n"))
	if p.hasBody {
		p.signatures = append(bytes.Clone(p.signatures), '\n')
	}
	return p
}

func (p parts) join() []byte {
	doc := slices.Concat(p.text, []byte("\n"), p.signatures)
	if p.hasBody {
		doc = slices.Concat(doc, []byte("\n"), p.body)
	}
	return doc
}

// headSize is the size of all before the body.
func headSize(doc []byte) int { return len(doc) - len(split(doc).body) }

// change returns the document as a site with this fault serves it.
func (f Fault) change(doc []byte) []byte {
	p := split(doc)
	switch f {
	case CRLF:
		return bytes.ReplaceAll(doc, []byte("\n"), []byte("\r\n"))
	case LoneCR:
		return bytes.Replace(doc, []byte("\n"), []byte("\r"), 1)
	case Truncated:
		return doc[:max(0, len(doc)-10)]
	case CutInHead:
		return doc[:min(100, len(doc))]
	case Appended:
		return append(bytes.Clone(doc), "<script src=\"//ads.example/x.js\"></script>\n"...)
	case HeadByte:
		p.text = flip(p.text, len(p.text)/2)
	case SignatureByte:
		p.signatures = otherLetter(p.signatures, bytes.IndexByte(p.signatures, '\n')-20)
	case BodyByte:
		p.body = flip(p.body, len(p.body)/2)
	case Unsigned:
		p.signatures = nil
	case OneKeyTwice:
		first, _, _ := bytes.Cut(p.signatures, []byte("\n"))
		p.signatures = bytes.Repeat(append(bytes.Clone(first), '\n'), 2)
	case Empty:
		return []byte{}
	default:
		return doc
	}
	return p.join()
}

// flip returns data with one bit changed; empty data as it is.
func flip(data []byte, at int) []byte {
	data = bytes.Clone(data)
	if at >= 0 && at < len(data) {
		data[at] ^= 1
	}
	return data
}

// otherLetter returns data with another letter of base64 at a place.
func otherLetter(data []byte, at int) []byte {
	data = bytes.Clone(data)
	if at < 0 || at >= len(data) {
		return data
	}
	if data[at] == 'A' {
		data[at] = 'B'
	} else {
		data[at] = 'A'
	}
	return data
}
