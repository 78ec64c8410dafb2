package backup_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/backup"
)

// files are the smallest root.
func files() map[string]string {
	return map[string]string{
		"root.toml": "origin = \"x\"\n", "root.db": strings.Repeat("data", 1000), "public/trust/1.trust": "trust",
		"keys/list.key.pub": "public",
	}
}

func manifest(content map[string]string) *backup.Manifest {
	m := &backup.Manifest{Format: backup.Format, Program: "v1", Made: time.Unix(1e9, 0).UTC(), Origin: "x", Tables: 6, Trust: 1}
	for _, name := range []string{"root.toml", "root.db", "public/trust/1.trust", "keys/list.key.pub"} {
		m.Files = append(m.Files, backup.File{Name: name, Size: int64(len(content[name])), SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(content[name])))})
	}
	return m
}

func pack(t testing.TB, m *backup.Manifest, content map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	err := backup.Write(&b, m, func(name string) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(content[name])), nil })
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// a sink keeps what is written to it.
type sink struct {
	bytes.Buffer
	closed bool
}

func (s *sink) Close() error { s.closed = true; return nil }

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	data := pack(t, manifest(files()), files())
	got := make(map[string]*sink)
	m, err := backup.Read(bytes.NewReader(data), func(f backup.File) (io.WriteCloser, error) {
		got[f.Name] = &sink{}
		return got[f.Name], nil
	})
	if err != nil || m.Origin != "x" || m.Size() == 0 {
		t.Fatal(m, err)
	}
	for name, want := range files() {
		if got[name] == nil || got[name].String() != want || !got[name].closed {
			t.Errorf("%s: %v", name, got[name])
		}
	}
	if f := (backup.File{Name: "public/server.list"}); f.Mode() != 0o644 {
		t.Errorf("%s: %v", f.Name, f.Mode())
	}
	if f := (backup.File{Name: "root.db"}); f.Mode() != 0o600 {
		t.Errorf("%s: %v", f.Name, f.Mode())
	}
}

// Whatever byte of an archive is wrong or missing, it is refused.
func TestDamaged(t *testing.T) {
	t.Parallel()
	data := pack(t, manifest(files()), files())
	for i := range data {
		if i >= 3 && i < 10 { // flags, time and system in the header of gzip mean nothing here
			continue
		}
		bad := bytes.Clone(data)
		bad[i] ^= 0x41
		if _, err := backup.Read(bytes.NewReader(bad), nil); err == nil {
			t.Errorf("byte %d of %d may be wrong", i, len(data))
		}
		if _, err := backup.Read(bytes.NewReader(data[:i]), nil); err == nil {
			t.Errorf("%d bytes of %d are enough", i, len(data))
		}
	}
}

// forge packs members as they are given.
func forge(t *testing.T, m any, members ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	a := tar.NewWriter(packed)
	text, _ := json.Marshal(m)
	a.WriteHeader(&tar.Header{Name: backup.ManifestName, Size: int64(len(text)), Typeflag: tar.TypeReg})
	a.Write(text)
	for _, h := range members {
		a.WriteHeader(&h)
		io.CopyN(a, strings.NewReader(strings.Repeat("x", 1<<16)), h.Size)
	}
	a.Close()
	packed.Close()
	return b.Bytes()
}

func TestRefuses(t *testing.T) {
	t.Parallel()
	named := func(name string) *backup.Manifest {
		m := manifest(files())
		m.Files[3].Name = name
		return m
	}
	other := manifest(files())
	other.Format = "metaserver-backup/9"
	short := manifest(files())
	short.Files = short.Files[:1]
	for what, test := range map[string]struct {
		data []byte
		says string
	}{
		"nothing":         {nil, "no whole backup"},
		"no gzip":         {[]byte("-----BEGIN"), "no whole backup"},
		"another format":  {forge(t, other), "another version"},
		"no database":     {forge(t, short), "does not name root.db"},
		"no manifest":     {forge(t, []int{1}), "manifest.json"},
		"twice":           {forge(t, named("ROOT.db")), "twice"},
		"upwards":         {forge(t, named("../x")), "no name of a file"},
		"absolute":        {forge(t, named("/etc/passwd")), "no name of a file"},
		"a drive":         {forge(t, named("c:x")), "no name of a file"},
		"a backslash":     {forge(t, named(`..\x`)), "no name of a file"},
		"hidden":          {forge(t, named("public/.htaccess")), "no name of a file"},
		"empty":           {forge(t, named("")), "no name of a file"},
		"a long name":     {forge(t, named(strings.Repeat("x", 201))), "no name of a file"},
		"another member":  {forge(t, manifest(files()), tar.Header{Name: "root.db", Size: 1, Typeflag: tar.TypeReg}), "another member"},
		"a link":          {forge(t, manifest(files()), tar.Header{Name: "root.toml", Linkname: "/etc/passwd", Typeflag: tar.TypeSymlink}), "another member"},
		"another content": {forge(t, manifest(files()), tar.Header{Name: "root.toml", Size: manifest(files()).Files[0].Size, Typeflag: tar.TypeReg}), "SHA-256"},
	} {
		_, err := backup.Read(bytes.NewReader(test.data), nil)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v; want %q in it", what, err, test.says)
		}
	}
	// More than the manifest says.
	m := manifest(files())
	err := backup.Write(io.Discard, m, func(string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20))), nil
	})
	if err == nil || !strings.Contains(err.Error(), "bytes that the manifest says") {
		t.Error(err)
	}
}

// FuzzRead reads anything, and what it takes it takes again.
func FuzzRead(f *testing.F) {
	f.Add(pack(f, manifest(files()), files()))
	f.Add([]byte("no backup"))
	f.Fuzz(func(t *testing.T, data []byte) {
		content := make(map[string]*sink)
		m, err := backup.Read(bytes.NewReader(data), func(f backup.File) (io.WriteCloser, error) {
			if err := backup.CheckName(f.Name); err != nil {
				t.Fatal(err)
			}
			content[f.Name] = &sink{}
			return content[f.Name], nil
		})
		if err != nil {
			return
		}
		var again bytes.Buffer
		err = backup.Write(&again, m, func(name string) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(content[name].Bytes())), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := backup.Read(&again, nil); err != nil {
			t.Fatal(err)
		}
	})
}
