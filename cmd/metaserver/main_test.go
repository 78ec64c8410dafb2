package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// patience bounds the wait for what programs do by themselves, on the busiest
// machine.
const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	testscript.Main(withProgram{m}, map[string]func(){"fileserver": serveFiles})
}

// withProgram runs tests that find the real program as "metaserver".
type withProgram struct{ *testing.M }

// programFolder says to a test that runs itself that the program is built.
const programFolder = "METASERVER_TEST_PROGRAM"

func (m withProgram) Run() int {
	if os.Getenv(programFolder) != "" {
		return m.M.Run()
	}
	folder, err := os.MkdirTemp("", "metaserver-program-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(folder)
	if _, err := testenv.Build(folder); err != nil {
		panic(err)
	}
	os.Setenv(programFolder, folder)
	os.Setenv("PATH", folder+string(os.PathListSeparator)+os.Getenv("PATH"))
	return m.M.Run()
}

// TestScripts runs the real program through the scripts in testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, scriptParams(t, "testdata/script"))
}

// scriptParams returns how scripts are run. Beside the usual commands they have:
//
//	freeport VAR...         set each variable to 127.0.0.1:PORT that nobody listens at
//	waitfor HOST:PORT...    until somebody listens at each
//	getjson VAR PATH        set VAR to a value of the JSON on the last standard output, as servers.0.id
//	take VAR                set VAR to the last standard output, a line
//	mode FILE OCTAL         check the permissions of a file
//	changebyte FILE TEXT    change one byte of FILE, the first of TEXT
//	post URL FILE           send FILE as JSON; the answer is the standard output
//	appendfile FILE MORE    append the file MORE to FILE
//	httpget URL [TOKENFILE] get URL, with an admin's token; the answer is the standard output
//	untilserves URL TEXT    wait until what URL serves contains TEXT
//	hookreceiver HOST:PORT SECRETFILE  receive webhooks; the address goes into the file of the URL beside
//	hookgot EVENT           wait until it was told of an event
//	tamper FILE STATEMENT   run SQL on a database, behind the back of the root
//	waitstatus FILE REGEXP  until "register status" says so about the status URL in FILE
//	now VAR                 set VAR to a second that lies between what was done and what is done next
//
// and for the ceremonies, with a root on D, $PUBLIC and $ADMIN and a mirror at
// $MIRROR:
//
//	exec fileserver DIR HOST:PORT     a static web host, as a mirror has it
//	prepare                           list the server cat2 and the mirror; let a launcher fill the cache "old"; keep
//	                                  D/public of then as "shipped"
//	launcher CACHE SOURCE [NUMBER]    a launcher pinned at pinned.trust, with a copy of CACHE, shows cat2 from SOURCE,
//	                                  and holds the trust document NUMBER
//	launchers NUMBER [hostile]        launchers of every kind show it: offline, with the mirror alone, with the static
//	                                  lists of "shipped" too
//	forge KEYFILE LIST OUT            what the thief of a list key can do
func scriptParams(t *testing.T, dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		WorkdirRoot:         t.TempDir(), // is removed also if only some of the scripts are run
		RequireExplicitExec: true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"freeport":    scriptFreePort,
			"waitfor":     scriptWaitFor,
			"getjson":     scriptGetJSON,
			"take":        scriptTake,
			"mode":        scriptMode,
			"changebyte":  scriptChangeByte,
			"post":        scriptPost,
			"httpget":     scriptHTTPGet,
			"appendfile":  scriptAppendFile,
			"waitstatus":  scriptWaitStatus,
			"now":         scriptNow,
			"tamper":      scriptTamper,
			"servefolder": scriptServeFolder,

			"hookreceiver": scriptHookReceiver,
			"hookgot":      scriptHookGot,

			"untilserves": scriptUntilServes,
			"prepare":     scriptPrepare,
			"launcher":    scriptLauncher,
			"launchers":   scriptLaunchers,
			"forge":       scriptForge,
		},
	}
}

func scriptFreePort(ts *testscript.TestScript, neg bool, args []string) {
	for _, name := range args {
		address, release, err := testenv.HoldAddress("")
		ts.Check(err)
		ts.Defer(release)
		ts.Setenv(name, address)
	}
}

func scriptWaitFor(ts *testscript.TestScript, neg bool, args []string) {
	for _, address := range args {
		ts.Check(waitForListener(address))
	}
}

// waitForListener returns when somebody listens at the address.
func waitForListener(address string) error {
	deadline := time.Now().Add(patience)
	for {
		conn, err := net.DialTimeout("tcp", address, 10*time.Second)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nobody listens at %s: %w", address, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func scriptGetJSON(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: getjson VAR PATH")
	}
	var doc any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &doc))
	value, err := jsonAt(doc, args[1])
	ts.Check(err)
	ts.Setenv(args[0], value)
}

func scriptTake(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: take VAR")
	}
	ts.Setenv(args[0], strings.TrimSuffix(ts.ReadFile("stdout"), "\n"))
}

// jsonAt walks to a value by the names and indexes of a path.
func jsonAt(doc any, path string) (string, error) {
	for step := range strings.SplitSeq(path, ".") {
		switch d := doc.(type) {
		case map[string]any:
			doc = d[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(d) {
				return "", fmt.Errorf("%s: there is no element %q of %d", path, step, len(d))
			}
			doc = d[i]
		default:
			return "", fmt.Errorf("%s: there is nothing below %q", path, step)
		}
	}
	switch v := doc.(type) {
	case string:
		return v, nil
	case nil:
		return "", fmt.Errorf("%s: there is no such value", path)
	default:
		out, err := json.Marshal(v)
		return string(out), err
	}
}

func scriptMode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); (got == args[1]) == neg {
		ts.Fatalf("%s has the mode %s", args[0], got)
	}
}

func scriptChangeByte(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	data := []byte(ts.ReadFile(path))
	i := strings.Index(string(data), args[1])
	if i < 0 {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	data[i] ^= 1
	ts.Check(os.WriteFile(path, data, 0o644))
}
