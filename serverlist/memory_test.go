package serverlist_test

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A shape is a kind of body: lines of the same make.
type shape struct {
	name     string
	lines    int
	line     func(id string) string
	elements int  // of a line
	falling  bool // the ids fall, so that the reader needs a set of them
}

func (s shape) body() []byte {
	var b strings.Builder
	for i := range s.lines {
		if s.falling {
			i = s.lines - i
		}
		b.WriteString(s.line(fmt.Sprintf("%05x", i)) + "\n")
	}
	return []byte(b.String())
}

// shortest is the shortest entry with something in front of its end.
func shortest(more string) func(id string) string {
	return func(id string) string { return `{"id":"` + id + `","name":"N","addresses":["a:1"]` + more + `}` }
}

// Members as expensive as they get: most memory for fewest bytes.
var (
	sixteenUnknown = func() string {
		var b strings.Builder
		for i := range serverlist.MaxUnknown {
			fmt.Fprintf(&b, `,"%x":0`, i)
		}
		return b.String()
	}()
	words     = `["a"` + strings.Repeat(`,"a"`, 31) + `]`
	endpoints = `[` + strings.Repeat(`{"role":"a","protocol":"a","address":"a:1"},`, 15) + `{"role":"a","protocol":"a","address":"a:1"}]`
)

// hostileShapes are bodies that cost as much as they can.
func hostileShapes(lines int) []shape {
	return []shape{
		{"short lines", lines, shortest(""), 1, false},
		{"short lines out of order", lines, shortest(""), 1, true},
		{"unknown members", lines, shortest(sixteenUnknown), 17, false},
		{"words", lines, shortest(`,"languages":` + words + `,"tags":` + words), 65, false},
		{"endpoints", lines, shortest(`,"endpoints":` + endpoints), 17, false},
		{"small objects", lines, shortest(`,"probe":{"protocol":"a"},"checks":{"name":"a","sha256":"` + strings.Repeat("0", 64) + `","size":0}`), 1, false},
		{"skipped at their end", lines, shortest(`,"tags":` + words + sixteenUnknown + `,"id":"x"`), 0, false},
		{"members dropped", lines, shortest(`,"tags":` + words[:len(words)-1] + `,0],"game":"A"`), 1, false},
		{"empty lines", lines, func(string) string { return "" }, 0, false},
	}
}

// memoryOf returns what Open allocates beside its copy of the document, garbage
// included, which is no less than what it adds to the memory in use at any
// moment; and what of that stays.
func memoryOf(tb testing.TB, doc []byte, chain *keys.Chain) (allocated, kept, objects int64) {
	tb.Helper()
	var before, after, later runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	list, err := serverlist.Open(doc, wantServers, chain)
	runtime.ReadMemStats(&after)
	if err != nil {
		tb.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&later)
	runtime.KeepAlive(list)
	runtime.KeepAlive(doc)
	size := int64(len(doc))
	return int64(after.TotalAlloc-before.TotalAlloc) - size, int64(later.HeapAlloc) - int64(before.HeapAlloc) - size, int64(after.Mallocs - before.Mallocs)
}

// What Open adds to an honest document is no more than the document once more,
// and what stays of any other follows from its lines and elements, as SPEC.md section 1
// says. Not parallel: memory is counted for the whole program.
func TestMemoryOfOpen(t *testing.T) {
	root := newRoot()
	const lines = 5000
	const fixed = 64 << 10 // the head, and chunks of which a part is left
	t.Run("honest", func(t *testing.T) {
		doc := root.Sign(serverlist.Draft{Body: manyServers(t, lines)})
		allocated, _, objects := memoryOf(t, doc, root.Chain())
		if most := int64(len(doc)) + fixed; allocated > most {
			t.Errorf("%d bytes for a document of %d", allocated, len(doc))
		}
		if objects > lines/10 {
			t.Errorf("%d allocations for %d entries", objects, lines)
		}
	})
	for _, s := range hostileShapes(lines) {
		t.Run(s.name, func(t *testing.T) {
			doc := root.Sign(serverlist.Draft{Body: s.body()})
			_, kept, _ := memoryOf(t, doc, root.Chain())
			const reports = 500 * 1000 // a thousand of them
			perLine := 270
			if s.name == "small objects" {
				perLine += 80
			}
			if most := int64(s.lines*(perLine+50*s.elements) + fixed + reports); kept > most {
				t.Errorf("%d bytes for %d lines of %d elements, want at most %d", kept, s.lines, s.elements, most)
			}
		})
	}
}

// What is turned into LF is copied once. Not parallel: memory is counted for the
// whole program.
func TestMemoryOfCRLF(t *testing.T) {
	root := newRoot()
	doc := bytes.ReplaceAll(root.Sign(serverlist.Draft{Body: manyServers(t, 5000)}), []byte("\n"), []byte("\r\n"))
	const fixed = 64 << 10
	if allocated, _, _ := memoryOf(t, doc, root.Chain()); allocated > int64(len(doc))+fixed {
		t.Errorf("%d bytes beside the copy of a document of %d", allocated, len(doc))
	}
}

// What is refused for its lines is refused before memory is spent on them, beside
// the copy of the document.
func TestTooManyLinesCostNothing(t *testing.T) {
	root := newRoot()
	doc := root.Sign(serverlist.Draft{Body: []byte(strings.Repeat("{}\n", serverlist.MaxLines+1))})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := serverlist.Open(doc, wantServers, root.Chain())
	runtime.ReadMemStats(&after)
	var e *keys.Error
	if !errors.As(err, &e) || e.Name != "too-many-lines" {
		t.Fatalf("%v, want too-many-lines", err)
	}
	if n := int64(after.TotalAlloc-before.TotalAlloc) - int64(len(doc)); n > 64<<10 {
		t.Errorf("%d bytes were allocated to refuse it", n)
	}
}

// Writers refuse at the same numbers.
func TestWriterCounts(t *testing.T) {
	t.Parallel()
	root := newRoot()
	elements := shape{"", serverlist.MaxElements/65 + 1, shortest(`,"languages":` + words + `,"tags":` + words), 65, false}
	for name, body := range map[string][]byte{
		"too-many-lines":    []byte(strings.Repeat("\n", serverlist.MaxLines+1)),
		"too-many-elements": elements.body(),
	} {
		d := root.Complete(serverlist.Draft{Body: body})
		var e *keys.Error
		if _, err := d.Sign(root.Signer("list/1")); !errors.As(err, &e) || e.Name != name {
			t.Errorf("signed: %v, want %s", err, name)
		}
		if _, err := serverlist.Open(signBody(root, string(body)), wantServers, root.Chain()); !errors.As(err, &e) || e.Name != name {
			t.Errorf("opened: %v, want %s", err, name)
		}
	}
}

// BenchmarkHostileMemory opens the bodies that cost most within the caps. It
// prints, in MB, the document; the document with what stays of what Open
// allocates; and with all of that, which no peak is above.
func BenchmarkHostileMemory(b *testing.B) {
	root := newRoot()
	pad := strings.Repeat("x", 155)
	for _, s := range append(hostileShapes(serverlist.MaxLines),
		shape{"lines and elements at their caps", serverlist.MaxLines,
			shortest(sixteenUnknown[:7*len(`,"0":0`)] + `,"description":"` + pad + `"`), 8, true}) {
		if s.elements > 0 {
			s.lines = min(s.lines, serverlist.MaxElements/s.elements)
		}
		s.lines = min(s.lines, serverlist.MaxServerListBody/(len(s.line("00000"))+1))
		doc := root.Sign(serverlist.Draft{Body: s.body()})
		b.Run(s.name, func(b *testing.B) {
			var allocated, kept int64
			for b.Loop() {
				allocated, kept, _ = memoryOf(b, doc, root.Chain())
			}
			size := float64(len(doc)) / 1e6
			b.ReportMetric(size, "doc-MB")
			b.ReportMetric(size+float64(kept)/1e6, "kept-MB")
			b.ReportMetric(size+float64(allocated)/1e6, "all-MB")
		})
	}
}
