package command_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/command"
	"github.com/signed-metaserver/metaserver/serverlist/publish/publishtest"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

const t0 = 1_793_000_000 // version of a first edition

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// copied publishes to a folder by cp and reads it back by cp.
func copied(t *testing.T, dir string) command.Target {
	cp := testenv.Program(t, "cp")
	return command.Target{
		Push: []string{cp, "-a", "{folder}/.", dir},
		Pull: []string{cp, "-a", dir + "/.", "{folder}"},
	}
}

// rsync returns the command line of rsync, with what an unpacked one needs.
func rsync(t *testing.T, environment ...string) []string {
	cmd := testenv.Command(t, "rsync")
	for _, v := range cmd.Env {
		if strings.HasPrefix(v, "LD_LIBRARY_PATH=") {
			environment = append(environment, v)
		}
	}
	return slices.Concat([]string{testenv.Program(t, "env")}, environment, []string{cmd.Path, "-rc"})
}

// daemon publishes to an rsync daemon that serves dir.
func daemon(t *testing.T, dir string) command.Target {
	url := testenv.RsyncDaemon(t, dir, "mirror", "secret")
	line := rsync(t, "RSYNC_PASSWORD=secret")
	return command.Target{
		Push: append(slices.Clone(line), "{folder}/", url),
		Pull: append(slices.Clone(line), url, "{folder}/"),
	}
}

func TestContractRsync(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	all := daemon(t, base)
	next := make(chan int, 1)
	next <- 0
	publishtest.Contract(t, func(t *testing.T) publish.Target {
		n := <-next
		next <- n + 1
		dir := fmt.Sprintf("%d/", n)
		if err := os.Mkdir(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		return below(all, dir)
	})
}

func TestContractCopy(t *testing.T) {
	t.Parallel()
	publishtest.Contract(t, func(t *testing.T) publish.Target { return copied(t, t.TempDir()) })
}

func TestContractAtomic(t *testing.T) {
	t.Parallel()
	publishtest.Contract(t, func(t *testing.T) publish.Target {
		target := copied(t, t.TempDir())
		target.Atomic = true
		return target
	})
}

func TestContractPublicURL(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	url := testenv.Nginx(t, base)
	publishtest.Contract(t, func(t *testing.T) publish.Target {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		target := copied(t, dir)
		target.Pull, target.PublicURL = nil, url+filepath.Base(dir)+"/"
		return target
	})
}

func set(t *testing.T, target publish.Target, docs publish.Documents) {
	t.Helper()
	if _, err := publish.Set(t.Context(), target, docs); err != nil {
		t.Fatal(err)
	}
}

// wantError checks what Set says, and that nothing secret is in it.
func wantError(t *testing.T, target command.Target, docs publish.Documents, want ...string) {
	t.Helper()
	_, err := publish.Set(t.Context(), target, docs)
	if err == nil {
		t.Errorf("no error; want one with %q", want)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("got %v, want an error with %q", err, w)
		}
	}
	if text := err.Error() + target.String(); strings.Contains(text, "secret") || strings.ContainsRune(text, 0x1b) {
		t.Errorf("a secret or a control character is in %q", text)
	}
}

// TestStages looks at what each run of push gets: everything the host should
// hold, and nothing new before what is needed to verify it.
func TestStages(t *testing.T) {
	t.Parallel()
	root := publishtest.NewRoot(serverlisttest.Options{})
	first := root.Documents(t0, "alpha")
	second := first
	second.Servers = root.Servers(t0+1, "alpha")
	root.Rotate(true)
	third := root.Documents(t0+2, "alpha")
	dir, log := t.TempDir(), filepath.Join(t.TempDir(), "log")
	target := copied(t, dir)
	// One line for each run: the modes and names of the files, and those that
	// differ from what the host holds marked with "*".
	target.Push = []string{"sh", "-c", `cd "$1" && find . -type f | sort | while read -r f; do
		cmp -s "$f" "$2/$f" && new= || new='*'
		printf '%s%s ' "${f#./}" "$new"
	done >>"$3" && find . ! -perm 644 ! -perm 755 >>"$3" && echo >>"$3" && cp -a . "$2"`, "sh", "{folder}", dir, log}
	for _, docs := range []publish.Documents{first, second, second, third} {
		set(t, target, docs)
	}
	got, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	want := `trust/1.trust* 
mirror.list* trust/1.trust 
mirror.list server.list* trust/1.trust 
mirror.list server.list* trust/1.trust 
mirror.list server.list trust/1.trust trust/2.trust* 
mirror.list* server.list trust/1.trust trust/2.trust 
mirror.list server.list* trust/1.trust trust/2.trust 
`
	if string(got) != want {
		t.Errorf("push got\n%swant\n%s", got, want)
	}

	target.Atomic = true
	root.Rotate(true)
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	set(t, target, root.Documents(t0+3, "alpha"))
	got, err = os.ReadFile(log)
	if want := "mirror.list* server.list* trust/1.trust trust/2.trust trust/3.trust* \n"; err != nil || string(got) != want {
		t.Errorf("an atomic push got\n%swant\n%s%v", got, want, err)
	}
}

// TestBadCommands lists what goes wrong with a program. In each case the host
// must hold what it held.
func TestBadCommands(t *testing.T) {
	t.Parallel()
	root := publishtest.NewRoot(serverlisttest.Options{})
	older, newer := root.Documents(t0, "alpha"), root.Documents(t0+1, "alpha")
	sh := func(script string) []string { return []string{"sh", "-c", script, "sh", "{folder}", "secret"} }
	for name, c := range map[string]struct {
		change func(*command.Target)
		want   []string
	}{
		"push fails": {func(o *command.Target) { o.Push = sh(`echo one; echo "no \033[31mroute" >&2; exit 3`) },
			[]string{"push, with a new mirror.list: sh failed: exit status 3; it said: one | no [31mroute"}},
		"push says much":         {func(o *command.Target) { o.Push = sh(`yes | head -c 3000000; echo end; exit 1`) }, []string{"y | y | y | y | end"}},
		"push is killed":         {func(o *command.Target) { o.Push = sh(`kill -9 $$`) }, []string{"signal: killed; it said nothing"}},
		"push lies":              {func(o *command.Target) { o.Push = sh(`true`) }, []string{"mirror.list was written, and something else came back"}},
		"push leaves a process":  {func(o *command.Target) { o.Push = sh(`sleep 600 & true`) }, []string{"left something running"}},
		"push is absent":         {func(o *command.Target) { o.Push[0] = "no-such-program" }, []string{"there is no program no-such-program here"}},
		"push is no program":     {func(o *command.Target) { o.Push[0] = os.TempDir() }, []string{"push: ", "cannot be started"}},
		"push without folder":    {func(o *command.Target) { o.Push = []string{"true"} }, []string{`holds "{folder}"`}},
		"no push":                {func(o *command.Target) { o.Push = nil }, []string{"push is missing"}},
		"pull fails":             {func(o *command.Target) { o.Pull = sh(`echo cannot >&2; exit 23`) }, []string{"pull, which reads", "exit status 23; it said: cannot"}},
		"pull without folder":    {func(o *command.Target) { o.Pull = []string{"true"} }, []string{`holds "{folder}"`}},
		"no way to read":         {func(o *command.Target) { o.Pull = nil }, []string{"pull or a public URL is needed"}},
		"two ways to read":       {func(o *command.Target) { o.PublicURL = "http://127.0.0.1/" }, []string{"both given"}},
		"bad URL":                {func(o *command.Target) { o.Pull, o.PublicURL = nil, "http://u:secret@127.0.0.1/" }, []string{"the public URL"}},
		"pull brings a link":     {func(o *command.Target) { o.Pull = sh(`ln -s /etc/passwd "$1/server.list"`) }, []string{"server.list as something else than a file"}},
		"pull brings a pipe":     {func(o *command.Target) { o.Pull = sh(`mkfifo "$1/server.list"`) }, []string{"server.list as something else than a file"}},
		"pull brings a far link": {func(o *command.Target) { o.Pull = sh(`ln -s /etc "$1/trust"`) }, []string{"trust as something else than a file or a folder"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			target := copied(t, dir)
			set(t, target, older)
			bad := copied(t, dir)
			c.change(&bad)
			wantError(t, bad, newer, c.want...)
			set(t, target, older) // is what the host holds, so that nothing is written
		})
	}
}

// TestNoPush: that there is no program to push with is told while there is nothing
// to push, too.
func TestNoPush(t *testing.T) {
	t.Parallel()
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	target := copied(t, t.TempDir())
	set(t, target, docs)
	target.Push[0] = "no-such-program"
	wantError(t, target, docs, "there is no program no-such-program here")
}

// TestHangingCommand: a program that hangs is ended with what it has started,
// when its time is over and when the caller gives up.
func TestHangingCommand(t *testing.T) {
	t.Parallel()
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	for _, way := range []string{"timeout", "cancel"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			started := filepath.Join(t.TempDir(), "started")
			if err := exec(t, "mkfifo", started); err != nil {
				t.Fatal(err)
			}
			target := copied(t, t.TempDir())
			// The child holds the pipe open for as long as it lives.
			target.Push = []string{"sh", "-c", `exec 3>"$1"; echo started >&3; sleep 600 & wait`, "sh", started, "{folder}"}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan error, 1)
			if way == "timeout" {
				target.Timeout = 5 * time.Second
			}
			go func() {
				_, err := publish.Set(ctx, target, docs)
				ended <- err
			}()
			pipe, err := os.Open(started)
			if err != nil {
				t.Fatal(err)
			}
			defer pipe.Close()
			said := make([]byte, len("started\n"))
			if _, err := pipe.Read(said); err != nil {
				t.Fatal(err)
			}
			want := "did not end within 5s and was killed"
			if way == "cancel" {
				cancel()
				want = "was stopped: context canceled"
			}
			if err := <-ended; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want an error with %q", err, want)
			}
			if n, err := pipe.Read(said); n > 0 || err == nil {
				t.Error("what the program had started still lives")
			}
		})
	}
}

// TestNothingIsLeft: the folders for the programs are gone afterwards, also
// when something fails, and those of a process that was killed a day later.
func TestNothingIsLeft(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	killed, old := filepath.Join(temp, "metaserver-publish-1"), time.Now().Add(-25*time.Hour)
	if err := errors.Join(os.MkdirAll(killed+"/documents", 0o755), os.Chtimes(killed, old, old)); err != nil {
		t.Fatal(err)
	}
	root := publishtest.NewRoot(serverlisttest.Options{})
	target := copied(t, t.TempDir())
	set(t, target, root.Documents(t0, "alpha"))
	target.Push = []string{"false", "{folder}"}
	wantError(t, target, root.Documents(t0+1, "alpha"), "exit status 1")
	target.Pull = []string{"false", "{folder}"}
	wantError(t, target, root.Documents(t0+1, "alpha"), "exit status 1")
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestUnverifiedIsLeft: what the host holds beside the set goes along as it is.
func TestUnverifiedIsLeft(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := publishtest.NewRoot(serverlisttest.Options{})
	target := copied(t, dir)
	set(t, target, root.Documents(t0, "alpha"))
	odd := []byte("not a trust document\n")
	if err := errors.Join(os.WriteFile(dir+"/trust/2.trust", odd, 0o644), os.WriteFile(dir+"/trust/notes", odd, 0o644), os.WriteFile(dir+"/index.html", odd, 0o644)); err != nil {
		t.Fatal(err)
	}
	// A program that makes the host exactly as the folder is.
	rest := rsync(t)
	target.Push = append(rest, "--delete", "{folder}/", dir)
	set(t, target, root.Documents(t0+1, "alpha"))
	var files []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, e fs.DirEntry, err error) error {
		if !e.IsDir() {
			files = append(files, name)
		}
		return err
	})
	if want := []string{"mirror.list", "server.list", "trust/1.trust", "trust/2.trust"}; err != nil || !slices.Equal(files, want) {
		t.Errorf("the host holds %v, want %v: %v", files, want, err)
	}
}

func TestRsyncWrongPassword(t *testing.T) {
	t.Parallel()
	target := daemon(t, t.TempDir())
	docs := publishtest.NewRoot(serverlisttest.Options{}).Documents(t0, "alpha")
	set(t, target, docs)
	for i, arg := range target.Pull {
		target.Pull[i] = strings.Replace(arg, "PASSWORD=secret", "PASSWORD=secrets", 1)
	}
	wantError(t, target, docs, "pull, which reads", "auth failed on module ms")
}

func exec(t *testing.T, name string, args ...string) error {
	t.Helper()
	return testenv.Command(t, name, args...).Run()
}
