package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// TestAgentScripts runs the scripts that need a real ssh-agent. They find its
// programs in PATH.
func TestAgentScripts(t *testing.T) {
	var dirs []string
	libraries := ""
	for _, name := range []string{"ssh-agent", "ssh-add", "ssh-keygen"} {
		cmd := testenv.Command(t, name)
		dirs = append(dirs, filepath.Dir(cmd.Path))
		for _, v := range cmd.Env {
			if value, ok := strings.CutPrefix(v, "LD_LIBRARY_PATH="); ok {
				libraries = value
			}
		}
	}
	params := scriptParams(t, "testdata/agent")
	params.Setup = func(env *testscript.Env) error {
		env.Setenv("PATH", strings.Join(append([]string{env.Getenv("PATH")}, dirs...), string(os.PathListSeparator)))
		if libraries != "" {
			env.Setenv("LD_LIBRARY_PATH", libraries)
		}
		return nil
	}
	testscript.Run(t, params)
}

// An agent may ask its owner, who may take for ever. Who has enough of it stops the
// program, and the draft is as before.
func TestSilentAgent(t *testing.T) {
	dir, err := os.MkdirTemp("", "agent") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket := filepath.Join(dir, "socket")
	silent, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	t.Setenv("SSH_AUTH_SOCK", socket)
	key := filepath.Join(dir, "admin.key")
	signer, err := keyfile.Create(key, "ms.example.org/admin/alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	path, draft := writeDraft(t, dir, signer)
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		conn, err := silent.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		conn.Read(make([]byte, 1)) // the question has begun
		stop()
		<-t.Context().Done()
	}()
	program := newProgram()
	program.SetArgs([]string{"trust", "sign", path, "--key", key, "--agent", "--yes"})
	program.SetOut(io.Discard)
	program.SetErr(io.Discard)
	if err := program.ExecuteContext(ctx); !errors.Is(err, errInterrupted) {
		t.Errorf("got %v, want %v", err, errInterrupted)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, draft) {
		t.Errorf("the draft is %q, %v", got, err)
	}
}

// writeDraft writes a first trust document that the key alone has to sign.
func writeDraft(t *testing.T, dir string, signer *keys.Signer) (path string, draft []byte) {
	t.Helper()
	name := signer.VerifierKey().Name()
	now := time.Now().UTC().Truncate(time.Second)
	draft, err := (&keys.Trust{
		Origin: "ms.example.org", Version: 1, Epoch: 1, Issued: now, ReviewBy: now.AddDate(1, 0, 0), Keys: []keys.VerifierKey{signer.VerifierKey()},
		Roles: []keys.Role{{Name: "trust", Threshold: 1, Keys: []string{name}}, {Name: "list", Threshold: 1, Keys: []string{name}}},
	}).Encode()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "1.trust")
	if err := os.WriteFile(path, draft, 0o644); err != nil {
		t.Fatal(err)
	}
	return path, draft
}

// Two admins sign one file, in a folder that they share. Who is later does not
// write over the signature of the other.
func TestSignedMeanwhile(t *testing.T) {
	t.Parallel()
	signer, err := keyfile.Create(filepath.Join(t.TempDir(), "k"), "ms.example.org/admin/alice", nil)
	if err != nil {
		t.Fatal(err)
	}
	path, draft := writeDraft(t, t.TempDir(), signer)
	s, err := openSigning(t.Context(), io.Discard, path, "")
	if err != nil {
		t.Fatal(err)
	}
	note, err := keys.AddSignatures(draft, signer)
	if err != nil {
		t.Fatal(err)
	}
	other := []byte("signed by the other")
	if err := os.WriteFile(path, other, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := s.replace(t.Context(), note); err == nil || !strings.Contains(err.Error(), "while you were signing; nothing was written") {
		t.Errorf("got %v", err)
	}
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, other) {
		t.Errorf("the file holds %q, %v", got, err)
	}
}

// serveFiles is the program "fileserver DIR HOST:PORT" of the scripts: a static
// web host, as a mirror has it. An interrupt ends it.
func serveFiles() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	srv := &http.Server{Addr: os.Args[2], Handler: http.FileServer(http.Dir(os.Args[1])), BaseContext: func(net.Listener) context.Context { return ctx }}
	context.AfterFunc(ctx, func() { srv.Close() })
	if err := srv.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// scriptForge does what the thief of a list key can do: it signs a list like
// the one in FILE, with one more server, and dates it as far ahead as clients
// accept, so that no later list of its epoch outranks it.
func scriptForge(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: forge KEYFILE FILE OUT")
	}
	path := ts.MkAbs(args[0])
	public, err := keyfile.LoadPublic(path + keyfile.PublicSuffix)
	ts.Check(err)
	thief, err := keyfile.Load(path, public.Name(), nil)
	ts.Check(err)
	forged, err := forge(thief, []byte(ts.ReadFile("pinned.trust")), []byte(ts.ReadFile(args[1])))
	ts.Check(err)
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[2])), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs(args[2]), forged, 0o644))
}

func forge(thief *keys.Signer, pinned, genuine []byte) ([]byte, error) {
	chain, err := keys.NewChain(pinned)
	if err != nil {
		return nil, err
	}
	l, err := serverlist.Open(genuine, serverlist.Want{Origin: chain.Origin(), Type: serverlist.TypeServerList}, chain)
	if err != nil {
		return nil, err
	}
	body, err := serverlist.EncodeServers(append(l.Servers, serverlist.Server{ID: "evil", Name: "Free gold", Addresses: []string{"127.0.0.1:666"}}))
	if err != nil {
		return nil, err
	}
	issued := time.Now().Add(23 * time.Hour).UTC().Truncate(time.Second)
	draft := serverlist.Draft{
		Origin: l.Head.Origin, Type: l.Head.Type, Version: issued.Unix(), Epoch: l.Head.Epoch,
		Issued: issued, FreshUntil: issued.AddDate(1, 0, 0), OldAfter: issued.AddDate(2, 0, 0), Trust: l.Head.Trust, Body: body,
	}
	return draft.Sign(thief)
}

// scriptNow sets a variable to the current second, and returns in the one
// after the next: what happened before is earlier than that second, what
// happens after is later. Times in documents are whole seconds.
func scriptNow(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: now VAR")
	}
	second := time.Now().Truncate(time.Second).Add(time.Second)
	time.Sleep(time.Until(second.Add(time.Second)))
	ts.Setenv(args[0], formatTime(second))
}

// scriptPrepare lists the server cat2 and the mirror at $MIRROR, pins the first
// trust document as pinned.trust, lets a launcher fill the cache "old", and keeps
// what is published in the folder "shipped".
func scriptPrepare(ts *testscript.TestScript, neg bool, args []string) {
	public, admin := "http://"+ts.Getenv("PUBLIC"), "http://"+ts.Getenv("ADMIN")
	run := func(args ...string) { ts.Check(ts.Exec("metaserver", args...)) }
	ts.Check(os.WriteFile(ts.MkAbs("pinned.trust"), []byte(ts.ReadFile("D/public/trust/1.trust")), 0o644))
	ts.Check(os.WriteFile(ts.MkAbs("mirror.toml"), fmt.Appendf(nil, "root = %q\ntrust = \"pinned.trust\"\n[[target]]\ntype = \"folder\"\npath = \"www\"\n", public), 0o644))
	run("admin", "--root", admin, "--token-file", "D/admin.token", "mirrors", "add", "--id", "one", "--operator", "One", "--url", "http://"+ts.Getenv("MIRROR")+"/", "--unchecked")
	run("register", "--root", public, "--name", "Cat 2", "--address", "127.0.0.1:13327", "--game", "crossfire", "--email", "a@example.org", "--description", "For cats")
	run("admin", "--root", admin, "--token-file", "D/admin.token", "approve", "r1", "--id", "cat2")
	for deadline := time.Now().Add(patience); ; {
		run("list", "--trust", "pinned.trust", "--root", public, "--cache", "old", "--json")
		if strings.Contains(ts.ReadFile("stdout"), `"cat2"`) {
			break
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the approved server is not listed")
		}
	}
	run("mirror", "once", "--config", "mirror.toml")
	ts.Check(os.CopyFS(ts.MkAbs("shipped"), os.DirFS(ts.MkAbs("D/public"))))
}

// TestRunbook keeps the commands of the runbook those that the scripts run.
func TestRunbook(t *testing.T) {
	t.Parallel()
	ran := scriptCommands(t)
	commands := 0
	for _, command := range indentedLines(string(readFile(t, "../../deploy/CEREMONIES.md"))) {
		// VAR=$(COMMAND) is "exec COMMAND" and "take VAR" in a script.
		if m := regexp.MustCompile(`^[A-Z0-9]+=\$\((.*)\)$`).FindStringSubmatch(command); m != nil {
			command = m[1]
		} else if regexp.MustCompile(`^[A-Z0-9]+=\S+$`).MatchString(command) {
			continue
		}
		commands++
		// Scripts use free ports where the runbook has the usual ones.
		command = strings.NewReplacer("http://127.0.0.1:7481", "http://$ADMIN", "http://127.0.0.1:7480", "http://$PUBLIC").Replace(command)
		// They run one ceremony or two, where the runbook has the next number.
		second, third := strings.ReplaceAll(command, "$N", "2"), strings.ReplaceAll(command, "$N", "3")
		if !ran[second] && !ran[third] {
			t.Errorf("no script runs the runbook's command\n%s", command)
		}
	}
	if commands < 20 {
		t.Errorf("the runbook has %d commands; are they found?", commands)
	}
}

// scriptCommands returns what the scripts run with success.
func scriptCommands(t *testing.T) map[string]bool {
	t.Helper()
	ran := map[string]bool{}
	for _, pattern := range []string{"testdata/script/*.txtar", "testdata/agent/*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no scripts: %v", err)
		}
		for _, f := range files {
			for line := range strings.Lines(string(readFile(t, f))) {
				line = strings.TrimPrefix(strings.TrimSpace(line), "exec ")
				ran[strings.TrimSuffix(line, " --passphrase-file empty")] = true
			}
		}
	}
	return ran
}

// indentedLines returns the lines of code in a text, those that end in a
// backslash joined with the next.
func indentedLines(text string) []string {
	var lines []string
	joined := ""
	for line := range strings.Lines(text) {
		code, ok := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if !ok {
			continue
		}
		joined += strings.TrimSpace(code)
		if rest, more := strings.CutSuffix(joined, "\\"); more {
			joined = strings.TrimSpace(rest) + " "
			continue
		}
		lines = append(lines, joined)
		joined = ""
	}
	return lines
}
