package serverlist_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// The commands of the worked example in SPEC.md print what it says, on a copy
// of its vector.
func TestSpecWorkedExample(t *testing.T) {
	t.Parallel()
	blocks := exampleBlocks(t)
	sh, openssl := testenv.Program(t, "sh"), testenv.Command(t, "openssl")
	testenv.Program(t, "sha256sum")
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/vectors/list-worked-example")); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks {
		cmd := exec.Command(sh, "-eu", "-c", b.commands)
		cmd.Dir = dir
		cmd.Env = append(openssl.Environ(), "PATH="+filepath.Dir(openssl.Path)+":"+os.Getenv("PATH"))
		got, err := cmd.CombinedOutput()
		if err != nil || string(got) != b.output {
			t.Errorf("these commands of SPEC.md\n%s\nprint %q, %v; SPEC.md says %q", b.commands, got, err, b.output)
		}
	}
}

// An exampleBlock is commands and what they print.
type exampleBlock struct{ commands, output string }

// exampleBlocks returns the pairs of blocks of the worked example.
func exampleBlocks(t *testing.T) (blocks []exampleBlock) {
	t.Helper()
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	_, appendix, _ := strings.Cut(string(spec), "\n## Appendix A. ")
	pairs := regexp.MustCompile("(?s)\n```sh\n(.*?)```\n```\n(.*?)```\n").FindAllStringSubmatch(appendix, -1)
	if all := strings.Count(appendix, "\n```sh\n"); len(pairs) != all || all < 9 {
		t.Fatalf("the worked example has %d blocks of commands, %d of them with what they print; 9 are expected at least", all, len(pairs))
	}
	for _, p := range pairs {
		blocks = append(blocks, exampleBlock{p[1], p[2]})
	}
	return blocks
}
