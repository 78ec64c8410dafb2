//go:build unix

package durable_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/durable"
)

// childEnv makes the test program a writer: "loop" or "limited".
const childEnv = "DURABLE_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "loop":
		writeForEver(os.Args[1])
	case "limited":
		os.Exit(writeLimited(os.Args[1]))
	}
	os.Exit(m.Run())
}

// version is content that shows whether it is complete: n, a megabyte of it,
// n again.
func version(n int) []byte {
	line := fmt.Sprintf("%08d\n", n)
	return []byte(strings.Repeat(line, 1<<17))
}

func checkVersion(t *testing.T, path string) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("a reader found no file: %v", err)
	}
	if want := bytes.Repeat(data[:9], 1<<17); !bytes.Equal(data, want) {
		t.Fatalf("a reader saw %d bytes that are no complete version", len(data))
	}
}

func writeForEver(path string) {
	for n := 1; ; n++ {
		if err := durable.WriteFile(path, version(n), 0o644); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

// TestKilledWriter kills writers at random moments. Whatever the moment, a
// reader sees one complete version, and what was acknowledged is not undone.
func TestKilledWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "server.list")
	if err := durable.WriteFile(path, version(0), 0o644); err != nil {
		t.Fatal(err)
	}
	for round := range 30 {
		acknowledged := killDuringWrite(t, path, round)
		checkVersion(t, path)
		data, _ := os.ReadFile(path)
		var n int
		fmt.Sscanf(string(data[:8]), "%d", &n)
		if n < acknowledged {
			t.Fatalf("version %d was acknowledged, the file holds %d", acknowledged, n)
		}
	}
	if err := durable.Clean(dir, 0); err != nil {
		t.Fatal(err)
	}
	expectNames(t, dir, "server.list")
}

// killDuringWrite lets a writer acknowledge a version or two, reads beside it,
// and kills it. It returns the last version acknowledged.
func killDuringWrite(t *testing.T, path string, round int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), childEnv+"=loop")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	lines := bufio.NewScanner(out)
	n := 0
	for range 1 + round%3 {
		if !lines.Scan() {
			t.Fatal("the writer ended")
		}
		if _, err := fmt.Sscan(lines.Text(), &n); err != nil {
			t.Fatalf("the writer says %q", lines.Text())
		}
	}
	for range round { // a different moment each round
		checkVersion(t, path)
	}
	cmd.Process.Kill()
	for lines.Scan() { // acknowledged before the kill arrived
		fmt.Sscan(lines.Text(), &n)
	}
	return n
}

// writeLimited writes more than the file system takes. Exit status 3 is the
// error that is hoped for.
func writeLimited(path string) int {
	limit := syscall.Rlimit{Cur: 1 << 16, Max: 1 << 16}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Println(err)
		return 1
	}
	if err := durable.WriteFile(path, version(2), 0o644); err != nil {
		fmt.Println(err)
		return 3
	}
	return 0
}

// TestWriteThatDoesNotFit uses the size limit of a process, which fails a
// write half way as a full disk does.
func TestWriteThatDoesNotFit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "server.list")
	if err := durable.WriteFile(path, version(1), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], path)
	cmd.Env = append(os.Environ(), childEnv+"=limited")
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 3 {
		t.Fatalf("the writer ended with %d: %s", cmd.ProcessState.ExitCode(), out)
	}
	expect(t, path, string(version(1)))
	expectNames(t, dir, "server.list")
}
