// Package conformance reads the test vectors of the format, judges them with
// this module's own reader, and compares verdicts.
//
// A vector is a folder: vector.json says what is wanted and names the other
// files, expected.json is the verdict that a conforming reader reaches. SPEC.md
// section 10 specifies both, and how a program in any language is tested with
// them. The vectors themselves are in serverlist/testdata/vectors.
package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Names of the two files that every vector has.
const (
	InputFile    = "vector.json"
	ExpectedFile = "expected.json"
)

// Words of [Want.Held].
const (
	HeldLive   = "live"
	HeldStored = "stored"
	HeldStatic = "static"
)

// Words of [Verdict.Verdict].
const (
	Holds   = "holds"
	Refused = "refused"
)

// An Input is what vector.json says: a question to a reader.
type Input struct {
	About    string   `json:"about"`            // what the vector shows, in a sentence
	Section  string   `json:"section"`          // of SPEC.md
	Want     Want     `json:"want"`             // what the document is expected to be
	Limits   *Limits  `json:"limits,omitempty"` // nil: the caps of the format
	Pinned   string   `json:"pinned,omitempty"` // file of the pinned trust document; "": the document itself is to be pinned
	Chain    []string `json:"chain,omitempty"`  // files of the trust documents to walk up, in order
	Document string   `json:"document"`         // file of the document to judge
}

// Want is what the document is expected to be, and how it is held.
type Want struct {
	Origin    string     `json:"origin"`
	Type      string     `json:"type"`                 // "server-list/1", "mirror-list/1" or "trust/1"
	Held      string     `json:"held"`                 // HeldLive, HeldStored or HeldStatic
	FirstSeen *time.Time `json:"first_seen,omitempty"` // of a stored document; nil: no record
	Shipped   int64      `json:"shipped,omitempty"`    // number of the newest trust document that a static document was shipped with
}

// Limits are the caller's own. Zero means the cap of the format.
type Limits struct {
	Body     int64 `json:"body,omitempty"`     // bytes
	Lines    int   `json:"lines,omitempty"`    // of a body
	Elements int   `json:"elements,omitempty"` // of a body
	Entry    int   `json:"entry,omitempty"`    // bytes of one line without its LF
}

// A Verdict is what a reader says of a document.
type Verdict struct {
	Verdict string   `json:"verdict"`           // Holds or Refused
	Layer   string   `json:"layer,omitempty"`   // of a refusal, as SPEC.md section 9 names it
	Reason  string   `json:"reason,omitempty"`  // of a refusal
	Or      []Reason `json:"or,omitempty"`      // of an expected refusal: others that a reader may name as well
	Version int64    `json:"version,omitempty"` // of a document that holds, as the next three
	Epoch   int64    `json:"epoch,omitempty"`
	Entries []string `json:"entries,omitempty"` // ids of the entries that are kept, in the order of the body
	Reports []Report `json:"reports,omitempty"` // lines that are skipped and members that are dropped, in the order of the body
}

// A Reason is one for which a document is refused.
type Reason struct {
	Layer  string `json:"layer"`
	Reason string `json:"reason"`
}

// A Report tells what a reader left out of a list that holds.
type Report struct {
	Line   int    `json:"line,omitempty"` // of the body, from 1; absent for "reports-cut"
	Reason string `json:"reason"`         // of the layer "entry"
}

// Difference tells in words where got departs from the expected verdict v; ""
// if it does not.
func (v Verdict) Difference(got Verdict) string {
	switch {
	case got.Verdict == Refused && slices.Contains(v.Or, Reason{got.Layer, got.Reason}):
		return ""
	case v.Verdict != got.Verdict || v.Layer != got.Layer || v.Reason != got.Reason:
		return fmt.Sprintf("expected %s, got %s", v.summary(), got.summary())
	case v.Version != got.Version || v.Epoch != got.Epoch:
		return fmt.Sprintf("expected version %d and epoch %d, got %d and %d", v.Version, v.Epoch, got.Version, got.Epoch)
	case !slices.Equal(v.Entries, got.Entries):
		return "entries: " + firstDifference(v.Entries, got.Entries)
	case !slices.Equal(v.Reports, got.Reports):
		return "reports: " + firstDifference(v.Reports, got.Reports)
	}
	return ""
}

func (v Verdict) summary() string {
	if v.Verdict == Holds {
		return "that it holds"
	}
	s := fmt.Sprintf("a refusal by layer %q, reason %q", v.Layer, v.Reason)
	for _, r := range v.Or {
		s += fmt.Sprintf(" or layer %q, reason %q", r.Layer, r.Reason)
	}
	return s
}

// firstDifference names the first place where two lists that are not equal
// differ.
func firstDifference[T comparable](want, got []T) string {
	i := 0
	for i < len(want) && i < len(got) && want[i] == got[i] {
		i++
	}
	at := func(list []T) string {
		if i < len(list) {
			return fmt.Sprintf("%v", list[i])
		}
		return "nothing more"
	}
	return fmt.Sprintf("number %d of %d: expected %s, got %s", i+1, max(len(want), len(got)), at(want), at(got))
}

// String describes the report for people.
func (r Report) String() string {
	if r.Line == 0 {
		return r.Reason
	}
	return fmt.Sprintf("line %d: %s", r.Line, r.Reason)
}

// ParseVerdict reads the one JSON value that a tested program prints. Members
// that this package does not know are ignored.
func ParseVerdict(output []byte) (Verdict, error) {
	var v Verdict
	if len(bytes.TrimSpace(output)) == 0 {
		return Verdict{}, errors.New("the command printed no verdict on standard output")
	}
	d := json.NewDecoder(bytes.NewReader(output))
	if err := d.Decode(&v); err != nil {
		return Verdict{}, fmt.Errorf("the output is not a verdict: %w; it begins with %q", err, output[:min(len(output), 60)])
	}
	if _, err := d.Token(); err != io.EOF {
		return Verdict{}, fmt.Errorf("the output has more than one JSON value")
	}
	if v.Verdict != Holds && v.Verdict != Refused {
		return Verdict{}, fmt.Errorf("the output has the verdict %q, which is neither %q nor %q", v.Verdict, Holds, Refused)
	}
	return v, nil
}

// A Vector is one folder.
type Vector struct {
	Name     string // of the folder
	Files    fs.FS  // the folder
	Input    Input
	Expected Verdict
}

// Load reads all vectors of a folder of folders, in the order of their names.
// Other folders and files are left alone.
func Load(folders fs.FS) ([]Vector, error) {
	found, err := fs.Glob(folders, "*/"+InputFile)
	if err != nil {
		return nil, err
	}
	var vectors []Vector
	for _, path := range found {
		name := strings.TrimSuffix(path, "/"+InputFile)
		files, err := fs.Sub(folders, name)
		if err != nil {
			return nil, err
		}
		v := Vector{Name: name, Files: files}
		err = readJSON(files, ExpectedFile, &v.Expected)
		if err == nil {
			err = readJSON(files, InputFile, &v.Input)
		}
		if err != nil {
			return nil, fmt.Errorf("vector %s: %w", name, err)
		}
		vectors = append(vectors, v)
	}
	if len(vectors) == 0 {
		return nil, fmt.Errorf("the folder holds no vectors: no file is named NAME/%s", InputFile)
	}
	return vectors, nil
}

// readJSON reads a file of a vector. A member that it should not have is an
// error: a misspelt one would otherwise test nothing.
func readJSON(files fs.FS, name string, into any) error {
	data, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// Extract writes the files of the vector into a new folder, without the
// expected verdict: what a tested program gets to see.
func (v Vector) Extract(dir string) error {
	if err := os.CopyFS(dir, v.Files); err != nil {
		return err
	}
	return os.Remove(filepath.Join(dir, ExpectedFile))
}

// Save writes the files of the vector into a folder for people to look at, the
// expected verdict too. It replaces those that it has written there before.
func (v Vector) Save(dir string) error {
	files, err := fs.ReadDir(v.Files, ".")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, f := range files {
		data, err := fs.ReadFile(v.Files, f.Name())
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, f.Name()), data, 0o644)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
