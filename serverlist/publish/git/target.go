// Package git publishes by pushing to a branch, as the pages of GitHub, GitLab
// and Codeberg are, with the git program.
//
// # What is kept
//
// Only documents are written; every other file of the branch stays as it is. A
// branch that is not there is created with nothing but the documents and, where
// they are at its top, an empty ".nojekyll", which tells GitHub to serve the
// files as they are. Documents become git objects byte for byte: there is no
// work tree, and so no .gitattributes, line-end setting or filter is applied.
// A host that checks the branch out applies those of the branch; clients cope
// with other line ends.
//
// # History
//
// A list of some megabytes four times a day would grow a branch without end.
// So a publication replaces the one before if that is still the newest commit:
// the branch is what its owner has committed, plus one publication. The push
// names the commit that it replaces (--force-with-lease), so nothing is lost
// that this program has not seen. A commit of anybody else is never replaced.
// Hosts that refuse such a push get an ordinary commit on top. Set KeepHistory
// for hosts that follow the branch with "git pull", and for an archive.
//
// # How it works
//
// A session fetches the newest commit, without the content of other files
// where the host can do that, into a repository of its own in a temporary
// folder, which goes when the session ends. Writes are collected; Close makes
// one commit of them and pushes it, or does nothing if nothing is new. Readers
// so never see half of an edition. If somebody else has pushed meanwhile, the
// push is done again on top of that, unless documents have changed: then
// [ErrRace] says to run again. A push whose answer was lost is looked up.
//
// No setting of the user or the machine is read, no hook runs, nobody is asked
// for anything on a terminal. git and its children are killed when the context
// ends. A program that is killed itself leaves its temporary folder behind; it
// holds no secret, and a session a day later removes it.
package git

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// ErrRace says that somebody else has published to the branch since it was
// read. Nothing was changed; the next [publish.Set] reads again.
var ErrRace = errors.New("another program has published to the branch meanwhile; run again")

const (
	defaultTimeout = 10 * time.Minute
	defaultSilence = time.Minute
	defaultName    = "metaserver mirror"
	defaultMail    = "mirror@localhost"
	defaultUser    = "git"
)

// Target is a folder of a branch of a git repository, a [publish.Target]. Its
// functions may be called by several sessions at once.
type Target struct {
	// Remote is where the repository is: "ssh://git@host/path",
	// "git@host:path", "https://host/path" or the path of a bare repository.
	// Without a password in it. Required.
	Remote string

	// Branch is pushed to: "gh-pages", "pages". Required. It is created if it
	// is not there.
	Branch string

	// Folder holds the documents in the tree of the branch, separated by
	// slashes. Empty: the top.
	Folder string

	// AuthorName and AuthorEmail sign the commits, and are as public as the
	// branch. Empty: "metaserver mirror" and "mirror@localhost".
	AuthorName, AuthorEmail string

	// KeepHistory makes each publication a commit on top of the one before.
	KeepHistory bool

	// KeyFile is the private key for ssh, without a passphrase. Empty: keys of
	// the ssh-agent, and those that ssh takes by itself. ~/.ssh/config is not
	// read.
	KeyFile string

	// KnownHosts names the key of an ssh host. Empty: ~/.ssh/known_hosts and
	// the machine's. A host that is not in it is refused.
	KnownHosts string

	// User and Password log in over https: mostly a token as the password and
	// any user. Password is called at most once a session and handed to git in
	// the environment, which other users cannot read. nil: nobody logs in.
	// An empty User is "git".
	User     string
	Password func() (string, error)

	// CAFile holds the certificates that an https host is checked against.
	// Empty: those of the machine.
	CAFile string

	// Timeout bounds each talk with the host. Zero: ten minutes.
	Timeout time.Duration

	// Silence is how long a host may be silent before it is given up, in
	// seconds. Zero: a minute, of which connecting by ssh takes half at most.
	Silence time.Duration

	// Program is the git program. Empty: "git", version 2.25 or later, as
	// PATH finds it.
	Program string

	first time.Duration // for the host's first, short answer; 0: Timeout
}

// String names the remote, branch and folder, without secrets.
func (t Target) String() string {
	remote := t.Remote
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		remote = u.Redacted()
	}
	s := "git " + remote + " branch " + t.Branch
	if t.Folder != "" {
		s += " folder " + t.Folder
	}
	return s
}

// Open fetches the newest commit of the branch.
func (t Target) Open(ctx context.Context) (publish.Session, error) {
	t, err := t.complete()
	if err != nil {
		return nil, err
	}
	r, err := newRepository(t)
	if err != nil {
		return nil, err
	}
	s := &session{target: t, repo: r, pending: map[string][]byte{}}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, r.remove())
	}
	return s, nil
}

var (
	scpRemote  = regexp.MustCompile(`^[A-Za-z0-9][^:/\\]*@?[^:/\\]*:`)   // [user@]host:path
	branchGood = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./@+=-]*$`) // what git takes and no shell minds
	branchBad  = regexp.MustCompile(`\.\.|//|/\.|@\{|\.lock(/|$)|[./]$`)
	folderBad  = regexp.MustCompile(`(?i)(^|/)\.git(/|$)|[\x00-\x1f\x7f\\]`)
)

// complete returns the target with all defaults filled in, or says what is
// wrong.
func (t Target) complete() (Target, error) {
	remote, err := t.checkRemote()
	if err != nil {
		return t, err
	}
	t.Remote = remote
	switch {
	case t.Branch == "":
		return t, errors.New("the git target has no branch: name the one that the host serves, as \"gh-pages\" or \"pages\"")
	case !branchGood.MatchString(t.Branch) || branchBad.MatchString(t.Branch):
		return t, fmt.Errorf("%q cannot be the name of a branch", t.Branch)
	case t.Folder != "" && (!fs.ValidPath(t.Folder) || folderBad.MatchString(t.Folder)):
		return t, fmt.Errorf("%q is not a folder of a branch: write it relative to the top, as \"ms\" or \"public/ms\"", t.Folder)
	case strings.ContainsAny(t.AuthorName+t.AuthorEmail, "<>\x00\r\n"):
		return t, fmt.Errorf("the author %q <%s> has characters in it that git cannot store", t.AuthorName, t.AuthorEmail)
	case t.Password != nil && !strings.HasPrefix(t.Remote, "https://"):
		return t, fmt.Errorf("a password is of use for https:// remotes only; %s is none", t)
	}
	t.Folder = path.Clean(t.Folder) // "" becomes "."
	setDefault(&t.AuthorName, defaultName)
	setDefault(&t.AuthorEmail, defaultMail)
	setDefault(&t.User, defaultUser)
	setDefault(&t.Program, "git")
	if t.Timeout <= 0 {
		t.Timeout = defaultTimeout
	}
	if t.Silence <= 0 {
		t.Silence = defaultSilence
	}
	return t, t.absolute()
}

// absolute makes the paths independent of the folder that git runs in.
func (t *Target) absolute() (err error) {
	for _, p := range []*string{&t.KeyFile, &t.KnownHosts, &t.CAFile} {
		if *p != "" && err == nil {
			*p, err = filepath.Abs(*p)
		}
	}
	return err
}

// checkRemote refuses what git would take for an option or for a program to
// run, and passwords that would be seen in the list of processes.
func (t Target) checkRemote() (string, error) {
	remote := t.Remote
	switch {
	case remote == "":
		return "", errors.New("the git target has no remote: name it as ssh://, https:// or the path of a bare repository")
	case strings.HasPrefix(remote, "-") || strings.Contains(remote, "::") || strings.ContainsAny(remote, "\x00\r\n"):
		return "", fmt.Errorf("%q is not the address of a git repository", remote)
	case strings.Contains(remote, "://"):
		u, err := url.Parse(remote)
		if err != nil {
			return "", errors.New("the address of the git repository is not a URL") // and may hold a password
		}
		if _, has := u.User.Password(); has || u.User != nil && u.Scheme != "ssh" {
			return "", fmt.Errorf("%s has credentials in it, which other users of this machine would see; give user and password apart", u.Redacted())
		}
		switch u.Scheme {
		case "ssh", "https", "http", "file":
			return remote, nil
		}
		return "", fmt.Errorf("%s: git remotes are ssh://, https:// or the path of a bare repository", u.Redacted())
	case scpRemote.MatchString(remote) && filepath.VolumeName(remote) == "":
		return remote, nil
	}
	return filepath.Abs(remote)
}

func setDefault(s *string, value string) {
	if *s == "" {
		*s = value
	}
}
