package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Nothing that is created is missed, even if nobody has listened and all of it is
// gone.
func TestCreated(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("what is gone soon is seen on Linux")
	}
	one, two := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(one, "before"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	created, stop := Created(t, one, two)
	var want []string
	for i := range 100 {
		for _, dir := range []string{one, two} {
			path := filepath.Join(dir, fmt.Sprint("f", i%3))
			want = append(want, path)
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, path := range want {
		if got := <-created; got != path {
			t.Fatalf("%s was created, want %s", got, path)
		}
	}
	stop()
	stop()
}
