package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// A reader in another language, written from SPEC.md and not from this code,
// reaches the expected verdicts: specification and vectors suffice.
func TestConformanceOfPython(t *testing.T) {
	t.Parallel()
	script, err := filepath.Abs("../../serverlist/testdata/conformance/verify.py")
	if err != nil {
		t.Fatal(err)
	}
	openssl := testenv.Command(t, "openssl")
	// What is found may be a script that looks for the interpreter each time.
	ask := testenv.Command(t, "python3", "-c", "import sys; print(sys.executable)")
	python, err := ask.Output()
	if err != nil {
		t.Fatal(err)
	}
	command := []string{"env", "PATH=" + filepath.Dir(openssl.Path) + ":/usr/bin:/bin"}
	command = append(command, libraryPath(ask, openssl)...)
	command = append(command, strings.TrimSpace(string(python)), "-I", script)
	vectors, err := loadVectors("")
	if err != nil {
		t.Fatal(err)
	}
	r := conformanceRun{command: command, timeout: 5 * time.Minute, jobs: 2}
	report, err := r.run(t.Context(), vectors)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range report.Failures {
		t.Errorf("%s: %s", f.Vector, f.Problem)
	}
}

// libraryPath is the variable that programs unpacked into .deps want.
func libraryPath(programs ...*exec.Cmd) []string {
	for _, cmd := range programs {
		for _, v := range cmd.Env {
			if strings.HasPrefix(v, "LD_LIBRARY_PATH=") {
				return []string{v}
			}
		}
	}
	return nil
}
