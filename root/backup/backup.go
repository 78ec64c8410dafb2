// Package backup makes backups of a root while it is served ([Make]), and data
// folders from them ([Restore]).
//
// A backup is a tar archive under gzip, which "tar xzf" unpacks:
//
//	manifest.json     what it is, and the size and SHA-256 of every other member
//	root.toml         the configuration
//	root.db           the database, of one moment, without files beside it
//	public/...        the published documents, and all trust documents
//	keys/...          public halves; private keys only when asked for
//	...               other files of the data folder, when keys were asked for
//
// The manifest comes first and the members in its order, so that a reader knows
// what to expect before it reads it. [Read] refuses everything that differs.
package backup

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// Format is what a manifest says it is.
const Format = "metaserver-backup/1"

// Names of members.
const (
	ManifestName = "manifest.json"
	ConfigName   = "root.toml"
	DatabaseName = "root.db"
)

// Limits of an archive, known before anything is read.
const (
	maxManifest = 4 << 20 // bytes
	maxFiles    = 10_000
	maxName     = 200 // bytes
)

// A Manifest describes an archive.
type Manifest struct {
	Format   string    `json:"format"`
	Program  string    `json:"program"` // version of the program that wrote it
	Made     time.Time `json:"made"`
	Origin   string    `json:"origin"`
	Tables   int64     `json:"tables"` // version of the database's tables
	Trust    int64     `json:"trust"`  // number of the newest trust document
	Lists    []List    `json:"lists"`
	WithKeys bool      `json:"with_keys"` // private keys and other secrets are in it
	LeftOut  []string  `json:"left_out,omitempty"`
	Files    []File    `json:"files"`
}

// A List is a published list.
type List struct {
	Name    string `json:"name"`
	Version int64  `json:"version"`
	Epoch   int64  `json:"epoch"`
	Entries int    `json:"entries"`
}

// A File is a member of an archive.
type File struct {
	Name   string `json:"name"`   // slash-separated, as it lies in the data folder
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // 64 hex digits
}

// Mode returns the permission bits that the file has in a data folder:
// published documents are for everybody, everything else for its owner.
func (f File) Mode() fs.FileMode {
	if strings.HasPrefix(f.Name, "public/") {
		return 0o644
	}
	return 0o600
}

// Size returns how many bytes all files have, unpacked.
func (m *Manifest) Size() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// Write writes an archive of the files that the manifest names. open opens one
// of them, which must be what the manifest says.
func Write(w io.Writer, m *Manifest, open func(name string) (io.ReadCloser, error)) error {
	if err := m.check(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	packed, err := gzip.NewWriterLevel(w, gzip.BestSpeed)
	if err != nil {
		return err
	}
	a := tar.NewWriter(packed)
	if err := a.WriteHeader(header(File{Name: ManifestName, Size: int64(len(text))}, m.Made)); err != nil {
		return err
	}
	if _, err := a.Write(text); err != nil {
		return err
	}
	for _, f := range m.Files {
		if err := writeFile(a, f, m.Made, open); err != nil {
			return fmt.Errorf("%s: %w", f.Name, err)
		}
	}
	return errors.Join(a.Close(), packed.Close())
}

func header(f File, made time.Time) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: f.Name, Size: f.Size, Mode: int64(f.Mode()), ModTime: made, Format: tar.FormatPAX}
}

func writeFile(a *tar.Writer, f File, made time.Time, open func(string) (io.ReadCloser, error)) error {
	in, err := open(f.Name)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := a.WriteHeader(header(f, made)); err != nil {
		return err
	}
	return copyExactly(a, in, f)
}

// copyExactly copies a file and refuses any other than that of the manifest.
func copyExactly(w io.Writer, r io.Reader, f File) error {
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), io.LimitReader(r, f.Size))
	if err != nil {
		return err
	}
	if more, _ := r.Read(make([]byte, 1)); n != f.Size || more > 0 {
		return fmt.Errorf("has not the %d bytes that the manifest says", f.Size)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != f.SHA256 {
		return fmt.Errorf("has the SHA-256 %s, and the manifest says %s", got, f.SHA256)
	}
	return nil
}

// A FormatError refuses an archive that is none, or is damaged.
type FormatError struct {
	Member string // what is wrong; "": the archive itself
	Err    error
}

func (e *FormatError) Error() string {
	if e.Member == "" {
		return "this is no whole backup: " + e.Err.Error()
	}
	return fmt.Sprintf("the backup is damaged: %s: %v", e.Member, e.Err)
}

func (e *FormatError) Unwrap() error { return e.Err }

// Read reads a whole archive. It calls create for each file in order, and copies
// the file into what that returns, which it closes; nil: the archive is only
// checked. Nothing that differs from the manifest passes: [*FormatError]. Errors
// of create are returned as they are.
func Read(r io.Reader, create func(File) (io.WriteCloser, error)) (*Manifest, error) {
	unpacked, err := gzip.NewReader(r)
	if err != nil {
		return nil, &FormatError{Err: err}
	}
	a := tar.NewReader(unpacked)
	m, err := readManifest(a)
	if err != nil {
		return nil, err
	}
	for _, f := range m.Files {
		if err := readFile(a, f, create); err != nil {
			return nil, err
		}
	}
	if _, err := a.Next(); err != io.EOF {
		return nil, &FormatError{Err: errors.New("something follows the last member")}
	}
	// The rest of the archive, up to the checksum at its end.
	if n, err := io.Copy(io.Discard, io.LimitReader(unpacked, 1<<20)); err != nil || n == 1<<20 {
		return nil, &FormatError{Err: fmt.Errorf("its end: %w", errors.Join(err, io.ErrUnexpectedEOF))}
	}
	return m, nil
}

func readManifest(a *tar.Reader) (*Manifest, error) {
	h, err := a.Next()
	if err != nil {
		return nil, &FormatError{Err: err}
	}
	if h.Name != ManifestName || h.Typeflag != tar.TypeReg || h.Size > maxManifest {
		return nil, &FormatError{Err: fmt.Errorf("its first member is not %s", ManifestName)}
	}
	text, err := io.ReadAll(a)
	if err != nil {
		return nil, &FormatError{Member: ManifestName, Err: err}
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, &FormatError{Member: ManifestName, Err: err}
	}
	if err := m.check(); err != nil {
		return nil, &FormatError{Member: ManifestName, Err: err}
	}
	return m, nil
}

func readFile(a *tar.Reader, f File, create func(File) (io.WriteCloser, error)) error {
	h, err := a.Next()
	if err != nil {
		return &FormatError{Member: f.Name, Err: err}
	}
	if h.Name != f.Name || h.Typeflag != tar.TypeReg || h.Size != f.Size {
		return &FormatError{Member: f.Name, Err: errors.New("another member stands in its place")}
	}
	if create == nil {
		if err := copyExactly(io.Discard, a, f); err != nil {
			return &FormatError{Member: f.Name, Err: err}
		}
		return nil
	}
	out, err := create(f)
	if err != nil {
		return err
	}
	w := &noting{w: out}
	err = copyExactly(w, a, f)
	switch closed := out.Close(); {
	case w.err != nil:
		return w.err
	case err != nil:
		return &FormatError{Member: f.Name, Err: err}
	default:
		return closed
	}
}

// noting tells an error of the writer from one of the archive.
type noting struct {
	w   io.Writer
	err error
}

func (n *noting) Write(p []byte) (int, error) {
	k, err := n.w.Write(p)
	n.err = errors.Join(n.err, err)
	return k, err
}

func (m *Manifest) check() error {
	if m.Format != Format {
		return fmt.Errorf("its format is %q, and this program reads %q: was it made by another version?", clip(m.Format), Format)
	}
	if len(m.Files) > maxFiles {
		return fmt.Errorf("it names %d files, more than %d", len(m.Files), maxFiles)
	}
	seen := make(map[string]bool)
	for _, f := range m.Files {
		if err := CheckName(f.Name); err != nil {
			return err
		}
		folded := strings.ToLower(f.Name) // some systems do not tell them apart
		if seen[folded] {
			return fmt.Errorf("it names %q twice", f.Name)
		}
		seen[folded] = true
		if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size || f.Size < 0 {
			return fmt.Errorf("size or SHA-256 of %q is none", f.Name)
		}
	}
	for _, name := range []string{ConfigName, DatabaseName, "public/trust/1.trust"} {
		if !seen[name] {
			return fmt.Errorf("it does not name %s, which every root has", name)
		}
	}
	return nil
}

// CheckName tells whether a file of this name can be in an archive: a path that
// stays within a folder on every system.
func CheckName(name string) error {
	if len(name) > maxName || !fs.ValidPath(name) || name == "." || name == ManifestName ||
		strings.ContainsFunc(name, func(r rune) bool { return r < 0x20 || r == 0x7F || strings.ContainsRune(`\:*?"<>|`, r) }) {
		return fmt.Errorf("%q is no name of a file in a backup", clip(name))
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".") || strings.HasSuffix(part, " ") {
			return fmt.Errorf("%q is no name of a file in a backup", clip(name))
		}
	}
	return nil
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}
