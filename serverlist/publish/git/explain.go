package git

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

const maxSaid = 1000 // bytes of a complaint in an error; its end says most

// A callError is a call of git that failed.
type callError struct {
	verb      string
	complaint string // what git and ssh said, on one line
	remedy    string
	err       error
}

func (e *callError) Error() string {
	text := fmt.Sprintf("git %s: %v", e.verb, e.err)
	if e.complaint != "" {
		text += ": " + e.complaint
	}
	if e.remedy != "" {
		text += "; " + e.remedy
	}
	return text
}

func (e *callError) Unwrap() error { return e.err }

// failure explains a call that failed.
func (r *repository) failure(ctx context.Context, verb, complaint string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if r.password != "" {
		complaint = strings.ReplaceAll(complaint, r.password, "***")
	}
	said := strings.Join(strings.Fields(complaint), " ")
	if len(said) > maxSaid {
		said = "..." + said[len(said)-maxSaid:]
	}
	return &callError{verb: verb, complaint: strings.ToValidUTF8(said, "?"), remedy: r.remedy(complaint), err: err}
}

// remedies are told by what git and ssh say in the C locale. The first that
// matches counts. HOST and the like are filled in.
var remedies = []struct{ says, remedy string }{
	{"REMOTE HOST IDENTIFICATION HAS CHANGED", "THE HOST'S KEY HAS CHANGED: somebody may be in between, or the host was set up anew. Nothing was sent. Ask the host's operator; only if they confirm the new key, remove the old one with ssh-keygen -R from KNOWNHOSTS"},
	{"host key is known for", "the host is not known yet: get its key with ssh-keyscan, compare what ssh-keygen -l prints of it with what the host's operator publishes, and only if it is the same add it to KNOWNHOSTS"},
	{"Host key verification failed", "the host's key is not the one in KNOWNHOSTS: ask the host's operator"},
	{"Permission denied (", "the host does not take the key: add its public half (ssh-keygen -y -f KEYFILE prints it) to the repository as a deploy key with the right to write"},
	{"Authentication failed", "the host does not take the user and the password: for most hosts the password is a token with the right to write to the repository"},
	{"could not read Username", "the host wants a user and a password: for most hosts the password is a token with the right to write to the repository"},
	{"returned error: 403", "the user or the token may not write to the repository: give it that right"},
	{"certificate", "the host's certificate does not hold: is it expired, or signed by an authority of its own (then name that in the CA file)?"},
	{"dubious ownership", "the repository belongs to another user of this machine: run as that user"},
	{"not appear to be a git repository", "is the path of the remote right, and may this user read it? A new one is made with: git init --bare"},
	{"epository not found", "is the path of the remote right, and may this user or token read it?"},
	{"not found", "is the address of the remote right?"},
	{"hash algorithm", "the repository is empty and uses SHA-256, which an empty one does not tell: push a first commit to it by hand"},
	{"denied update", "the host's repository refuses this push: allow it for this branch in the host's settings"},
	{"rotected branch", "the branch is protected: let this user push to it in the host's settings, or name another branch"},
	{"hook declined", "a rule of the host refuses the push: look at the host's settings for this branch"},
	{"No space left", "the host's disk is full; what was published before is untouched"},
	{"isk quota exceeded", "the host's quota is used up; what was published before is untouched"},
	{"insufficient permission", "the user at the host may not write to the repository: give it that right"},
	{"unpacker error", "the host cannot store what is pushed: may the user at the host write to the repository, and is there room?"},
	{"Connection refused", "is the address of the remote right, and does the host run?"},
	{"Could not resolve", "is the address of the remote right, and is there a network?"},
}

func (r *repository) remedy(complaint string) string {
	known := r.target.KnownHosts
	if known == "" {
		known = "~/.ssh/known_hosts"
	}
	key := r.target.KeyFile
	if key == "" {
		key = "KEYFILE"
	}
	for _, c := range remedies {
		if strings.Contains(complaint, c.says) {
			return strings.NewReplacer("KNOWNHOSTS", known, "KEYFILE", key).Replace(c.remedy)
		}
	}
	return ""
}

// isOutage tells whether a push failed before the host could judge it.
func isOutage(err error) bool {
	var call *callError
	return !errors.As(err, &call) || !strings.Contains(call.complaint, "rejected]")
}
