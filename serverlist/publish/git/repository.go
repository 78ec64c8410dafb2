package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/keys/keyfile"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/work"
)

const (
	maxOutput = 16 << 20 // bytes of what git prints, blobs apart
	maxStderr = 64 << 10 // bytes of what it complains

	killDelay = 5 * time.Second // for children that keep its output open
)

// A repository is a bare one in a temporary folder. The folder also holds the
// settings that git and ssh run with, and serves as home.
type repository struct {
	target   Target
	dir      string // the temporary folder
	gitDir   string
	password string // empty: not asked for, or there is none
}

func newRepository(t Target) (*repository, error) {
	if _, err := exec.LookPath(t.Program); err != nil {
		return nil, fmt.Errorf("publishing by git needs the git program: %w; install it, or name another kind of target", err)
	}
	dir, err := work.Folder("git")
	if err != nil {
		return nil, err
	}
	r := &repository{target: t, dir: dir, gitDir: filepath.Join(dir, "repository")}
	if err := errors.Join(r.writeSSHConfig(), r.askPassword()); err != nil {
		return nil, errors.Join(err, r.remove())
	}
	return r, nil
}

func (r *repository) remove() error { return os.RemoveAll(r.dir) }

func (r *repository) sshConfig() string { return filepath.Join(r.dir, "ssh_config") }

// writeSSHConfig makes ssh ask nobody, trust known hosts only, and notice a
// connection that has died.
func (r *repository) writeSSHConfig() error {
	silence := max(4, int(r.target.Silence/time.Second)) // seconds
	lines := []string{"BatchMode yes", "StrictHostKeyChecking yes", "UpdateHostKeys no", fmt.Sprintf("ConnectTimeout %d", (silence+1)/2),
		fmt.Sprintf("ServerAliveInterval %d", silence/4), "ServerAliveCountMax 4", "ForwardAgent no", "ForwardX11 no", "ControlPath none"}
	if file := r.target.KnownHosts; file != "" {
		quoted, err := quoteForSSH(file)
		if err != nil {
			return err
		}
		lines = append(lines, "UserKnownHostsFile "+quoted, "GlobalKnownHostsFile "+os.DevNull)
	}
	if file := r.target.KeyFile; file != "" {
		if _, err := keyfile.LoadLogin(file, nil); err != nil {
			return fmt.Errorf("%w (git logs in with a key file that needs no passphrase; give a key with one to an ssh-agent)", err)
		}
		quoted, err := quoteForSSH(file)
		if err != nil {
			return err
		}
		lines = append(lines, "IdentityFile "+quoted, "IdentitiesOnly yes", "IdentityAgent none")
	}
	return os.WriteFile(r.sshConfig(), []byte(strings.Join(lines, "\n")+"\n"), 0o600)
}

// quoteForSSH writes a path for ssh_config, where % and $ mean something.
func quoteForSSH(path string) (string, error) {
	if strings.ContainsAny(path, "\"\\$\x00\r\n") {
		return "", fmt.Errorf("ssh cannot be given the path %q: no \" \\ $ or line end may be in it", path)
	}
	return `"` + strings.ReplaceAll(path, "%", "%%") + `"`, nil
}

func (r *repository) askPassword() error {
	if r.target.Password == nil {
		return nil
	}
	password, err := r.target.Password()
	switch {
	case err != nil:
		return fmt.Errorf("asking for the password of %s: %w", r.target, err)
	case password == "" || strings.ContainsAny(password, "\x00\r\n"):
		return fmt.Errorf("the password for %s is empty or has more than one line", r.target)
	}
	r.password = password
	return nil
}

// Settings of every call. Those of the user and of the machine are not read.
var settings = []string{
	"core.hooksPath=" + os.DevNull, "core.attributesFile=" + os.DevNull, "core.autocrlf=false",
	"credential.helper=", "core.askPass=", "gc.auto=0", "maintenance.auto=false", "fetch.recurseSubmodules=no",
	"push.gpgSign=false", "push.recurseSubmodules=no", "protocol.version=2", "init.defaultBranch=none",
	"http.lowSpeedLimit=1",
	"core.fsync=none", // the temporary repository need not survive a crash
}

// helper answers git's question for a user and a password. It is bound to the
// host, so that none is sent where a redirection leads.
const helper = `!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$METASERVER_GIT_USER" "$METASERVER_GIT_PASSWORD"; }; f`

// command returns a call of git in a process group of its own, which is killed
// when the context ends.
func (r *repository) command(ctx context.Context, args ...string) *exec.Cmd {
	options := []string{"--git-dir=" + r.gitDir, "--literal-pathspecs", "-c", "remote.origin.url=" + r.target.Remote}
	options = append(options, "-c", fmt.Sprintf("http.lowSpeedTime=%d", max(1, int(r.target.Silence/time.Second))))
	for _, s := range settings {
		options = append(options, "-c", s)
	}
	if r.target.CAFile != "" {
		options = append(options, "-c", "http.sslCAInfo="+r.target.CAFile)
	}
	if r.password != "" {
		options = append(options, "-c", "credential."+hostOf(r.target.Remote)+".helper="+helper)
	}
	cmd := exec.CommandContext(ctx, r.target.Program, append(options, args...)...)
	cmd.Dir, cmd.Env = r.dir, r.environment()
	cmd.WaitDelay = killDelay
	work.OwnGroup(cmd)
	return cmd
}

// hostOf returns the part of a URL that the password is for.
func hostOf(remote string) string {
	scheme, rest, _ := strings.Cut(remote, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// environment returns that of this program without what steers git and ssh,
// and with what keeps them from asking.
func (r *repository) environment() []string {
	env := slices.DeleteFunc(os.Environ(), func(s string) bool {
		name, _, _ := strings.Cut(s, "=")
		switch name {
		case "HOME", "XDG_CONFIG_HOME", "LANG", "LANGUAGE", "DISPLAY", "TZ":
			return true
		}
		return strings.HasPrefix(name, "GIT_") || strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, "SSH_ASKPASS")
	})
	env = append(env, "HOME="+r.dir, "LC_ALL=C", "TZ=UTC",
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=ssh:https:http:file",
		"GIT_SSH_VARIANT=ssh", "GIT_SSH_COMMAND=ssh -F '"+strings.ReplaceAll(r.sshConfig(), "'", `'\''`)+"'",
		"GIT_INDEX_FILE="+filepath.Join(r.dir, "index"),
		"GIT_AUTHOR_NAME="+r.target.AuthorName, "GIT_AUTHOR_EMAIL="+r.target.AuthorEmail,
		"GIT_COMMITTER_NAME="+r.target.AuthorName, "GIT_COMMITTER_EMAIL="+r.target.AuthorEmail)
	if r.password != "" {
		env = append(env, "METASERVER_GIT_USER="+r.target.User, "METASERVER_GIT_PASSWORD="+r.password)
	}
	return env
}

// run calls git and returns what it prints.
func (r *repository) run(ctx context.Context, stdin []byte, args ...string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	cmd := r.command(ctx, args...)
	out, complaint := &limitedBuffer{max: maxOutput}, &limitedBuffer{max: maxStderr}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), out, complaint
	err := cmd.Run()
	if err == nil && out.cut {
		err = fmt.Errorf("it printed more than %d bytes", maxOutput)
	}
	if err != nil {
		return "", r.failure(ctx, args[0], complaint.String(), err)
	}
	return out.String(), nil
}

// line is run for calls that print one line.
func (r *repository) line(ctx context.Context, stdin []byte, args ...string) (string, error) {
	out, err := r.run(ctx, stdin, args...)
	return strings.TrimSpace(out), err
}

// talk is run for calls that talk with the host.
func (r *repository) talk(ctx context.Context, stdin []byte, args ...string) (string, error) {
	return r.talkWithin(ctx, r.target.Timeout, stdin, args...)
}

func (r *repository) talkWithin(ctx context.Context, limit time.Duration, stdin []byte, args ...string) (string, error) {
	timed, cancel := context.WithTimeoutCause(ctx, limit, errLate(limit))
	defer cancel()
	return r.run(timed, stdin, args...)
}

// An errLate is the time that a host was given and did not keep.
type errLate time.Duration

func (e errLate) Error() string {
	return fmt.Sprintf("the host did not finish within %v", time.Duration(e))
}

// Is makes it an expired deadline for callers.
func (e errLate) Is(target error) bool { return target == context.DeadlineExceeded }

// A limitedBuffer keeps the beginning of what is written to it.
type limitedBuffer struct {
	bytes.Buffer
	max int
	cut bool
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	keep := min(len(p), b.max-b.Len())
	b.cut = b.cut || keep < len(p)
	b.Buffer.Write(p[:keep])
	return len(p), nil
}

// A blob is the content of a file, which git prints.
type blob struct {
	repo      *repository
	ctx       context.Context
	cancel    context.CancelFunc
	cmd       *exec.Cmd
	out       io.ReadCloser
	complaint *limitedBuffer
	done      bool
	err       error
}

// blob opens the content of an object. git fetches it first if it was left at
// the host.
func (r *repository) blob(ctx context.Context, id string) (io.ReadCloser, error) {
	timed, cancel := context.WithTimeout(ctx, r.target.Timeout)
	b := &blob{repo: r, ctx: timed, cancel: cancel, complaint: &limitedBuffer{max: maxStderr}}
	b.cmd = r.command(timed, "cat-file", "blob", id)
	b.cmd.Stderr = b.complaint
	var err error
	if b.out, err = b.cmd.StdoutPipe(); err == nil {
		err = b.cmd.Start()
	}
	if err != nil {
		cancel()
		return nil, err
	}
	return b, nil
}

// Read reports the end only if git has ended well.
func (b *blob) Read(p []byte) (int, error) {
	if b.done {
		return 0, b.err
	}
	n, err := b.out.Read(p)
	if err != nil {
		b.finish()
		return n, b.err
	}
	return n, nil
}

func (b *blob) finish() {
	b.done, b.err = true, io.EOF
	if err := b.cmd.Wait(); err != nil {
		b.err = b.repo.failure(b.ctx, "cat-file", b.complaint.String(), err)
	}
	b.cancel()
}

// Close ends git if it has more to print.
func (b *blob) Close() error {
	b.cancel()
	if !b.done {
		b.finish()
		b.err = os.ErrClosed
	}
	return nil
}
