package durable_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

func TestWriteFileReplaces(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "server.list")
	for _, want := range []string{"first", "", "third, longer than the first"} {
		if err := durable.WriteFile(path, []byte(want), 0o640); err != nil {
			t.Fatal(err)
		}
		expect(t, path, want)
	}
	expectNames(t, filepath.Dir(path), "server.list")
	if info, _ := os.Stat(path); info.Mode().Perm()&^0o640 != 0 && runtime.GOOS != "windows" { // which has no such bits
		t.Errorf("mode %v has bits that were not asked for", info.Mode())
	}
}

func TestWriteFileErrorKeepsOld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	// A folder that is not empty cannot be renamed over: the last step fails.
	if err := os.MkdirAll(filepath.Join(path, "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := durable.WriteFile(path, []byte("x"), 0o644); err == nil {
		t.Error("replaced a folder")
	}
	expectNames(t, dir, "taken")
	if err := durable.WriteFile(filepath.Join(dir, "no", "such"), nil, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
}

func TestFileEndsOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	f := create(t, path)
	f.Write([]byte("dropped"))
	f.Abort()
	if err := f.Commit(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Commit after Abort: %v", err)
	}
	expectNames(t, filepath.Dir(path))

	f = create(t, path)
	f.Write([]byte("kept"))
	if err := errors.Join(f.Sync(), f.Commit()); err != nil {
		t.Fatal(err)
	}
	f.Abort()
	expect(t, path, "kept")
	if _, err := f.Write(nil); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Write after Commit: %v", err)
	}
	if err := f.Sync(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Sync after Commit: %v", err)
	}
}

// A reader that opened the old version reads it to its end.
func TestOpenReaderKeepsItsVersion(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a")
	if err := durable.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := durable.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if runtime.GOOS == "windows" { // replaces no open file, but moves it
		err = durable.Move(path, path+".previous")
	}
	if err := errors.Join(err, durable.WriteFile(path, []byte("new"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); string(got) != "old" || err != nil {
		t.Errorf("open reader got %q, %v", got, err)
	}
	expect(t, path, "new")
}

func TestRename(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "sub", "to")
	if err := durable.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{from, to} {
		if err := durable.WriteFile(p, []byte(p), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := durable.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	expect(t, to, from)
	if err := durable.Rename(from, to); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("second time: %v", err)
	}
}

// Files that share one sync of their folder are replaced as by Commit.
func TestPlaceAndMove(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, previous := filepath.Join(dir, "a"), filepath.Join(dir, "a.previous")
	for _, text := range []string{"one", "two", "three"} {
		f := create(t, path)
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := durable.Move(path, previous); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := errors.Join(f.Place(), durable.SyncDir(dir)); err != nil {
			t.Fatal(err)
		}
		if err := f.Place(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("Place after Place: %v", err)
		}
	}
	expect(t, path, "three")
	expect(t, previous, "two")

	blocked := create(t, filepath.Join(dir, "taken"))
	if err := os.MkdirAll(filepath.Join(dir, "taken", "inside"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := blocked.Place(); err == nil {
		t.Error("replaced a folder")
	}
	expectNames(t, dir, "a", "a.previous", "taken")
}

func TestMkdirAll(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	deep := filepath.Join(dir, "a", "b", "c")
	for range 2 {
		if err := durable.MkdirAll(deep, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(deep); err != nil || !info.IsDir() {
		t.Error(info, err)
	}
	file := filepath.Join(dir, "file")
	if err := durable.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := durable.MkdirAll(filepath.Join(file, "below"), 0o755); err == nil {
		t.Error("made a folder below a file")
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := time.Now().Add(-2 * time.Hour)
	for name, when := range map[string]time.Time{
		durable.TempPrefix + "dead":  old,
		durable.TempPrefix + "alive": time.Now(),
		"server.list":                old,
	} {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(p, nil, 0o644), os.Chtimes(p, when, when)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, durable.TempPrefix+"folder"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := durable.Clean(dir, time.Hour); err != nil {
		t.Fatal(err)
	}
	expectNames(t, dir, durable.TempPrefix+"alive", durable.TempPrefix+"folder", "server.list")
	if err := durable.Clean(filepath.Join(dir, "none"), 0); err != nil {
		t.Errorf("folder that does not exist: %v", err)
	}
	if err := durable.Clean(filepath.Join(dir, "server.list"), 0); err == nil && runtime.GOOS != "windows" { // Wine lists a file as an empty folder
		t.Error("cleaned a file")
	}
}

func BenchmarkWriteFile(b *testing.B) {
	data := bytes.Repeat([]byte("x"), 3<<20)
	for name, write := range map[string]func(string, []byte, fs.FileMode) error{
		"durable":      durable.WriteFile,
		"os.WriteFile": os.WriteFile, // the yardstick: neither atomic nor durable
	} {
		b.Run(name, func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "server.list")
			b.ReportAllocs()
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				if err := write(path, data, 0o644); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func create(t *testing.T, path string) *durable.File {
	t.Helper()
	f, err := durable.Create(path, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func expect(t *testing.T, path, want string) {
	t.Helper()
	if got, err := os.ReadFile(path); err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", path, got, err, want)
	}
}

func expectNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}
