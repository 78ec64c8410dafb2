package sftp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/signed-metaserver/metaserver/keys/keyfile"
)

// A login is what a target logs in with, and what became of it.
type login struct {
	target  Target
	agent   *keyfile.Agent // nil: none
	stop    func() bool    // of the end of its time
	offered []string       // what was shown to the server, in words
	allowed []string       // what the server takes, as it says
	failure error          // why something could not even be shown
}

// newLogin reads the key file and connects to the agent, if there are any. When
// the context ends, nothing waits for the agent any longer.
func (t Target) newLogin(ctx context.Context) (*login, []ssh.AuthMethod, error) {
	l := &login{target: t}
	var methods []ssh.AuthMethod
	signers, err := l.signers(ctx)
	if err != nil {
		return nil, nil, errors.Join(err, l.close())
	}
	if len(signers) > 0 {
		for _, s := range signers {
			l.offered = append(l.offered, fmt.Sprintf("the %s key %s", s.PublicKey().Type(), ssh.FingerprintSHA256(s.PublicKey())))
		}
		methods = append(methods, ssh.PublicKeys(signers...))
	}
	if t.Password != nil {
		methods = append(methods, ssh.PasswordCallback(l.password), ssh.KeyboardInteractive(l.answer))
	}
	return l, methods, nil
}

func (l *login) close() error {
	if l.agent == nil {
		return nil
	}
	l.stop()
	return l.agent.Close()
}

func (l *login) signers(ctx context.Context) ([]ssh.Signer, error) {
	if !l.target.Agent {
		if l.target.KeyFile == "" {
			return nil, nil
		}
		signer, err := keyfile.LoadLogin(l.target.KeyFile, l.target.Passphrase)
		if err != nil {
			return nil, err
		}
		return []ssh.Signer{signer}, nil
	}
	agent, err := keyfile.OpenAgent("")
	if err != nil {
		return nil, err
	}
	l.agent, l.stop = agent, context.AfterFunc(ctx, func() { agent.Close() })
	signers, err := agent.Signers()
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("the ssh-agent did not tell its keys (%w): is it waiting for somebody? Look with: ssh-add -l", context.Cause(ctx))
	}
	if err != nil {
		return nil, err
	}
	if l.target.KeyFile != "" {
		return pick(signers, l.target.KeyFile)
	}
	if len(signers) == 0 && l.target.Password == nil {
		return nil, errors.New("the ssh-agent holds no keys; add one with: ssh-add KEYFILE")
	}
	return signers, nil
}

// pick returns the one signer whose public key is in a file.
func pick(signers []ssh.Signer, file string) ([]ssh.Signer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading a public key: %w", err)
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil, fmt.Errorf("%s is not a public key; with an ssh-agent, name the file that ends in .pub", file)
	}
	for _, s := range signers {
		if bytes.Equal(s.PublicKey().Marshal(), public.Marshal()) {
			return []ssh.Signer{s}, nil
		}
	}
	return nil, fmt.Errorf("the ssh-agent holds %d keys, and that of %s is not among them; add it with: ssh-add %s",
		len(signers), file, strings.TrimSuffix(file, ".pub"))
}

// password gives the password, once.
func (l *login) password() (string, error) {
	password, err := l.target.Password()
	switch {
	case err != nil:
		err = fmt.Errorf("asking for the password of %s: %w", l.target, err)
	case password == "":
		err = fmt.Errorf("the password for %s is empty", l.target)
	default:
		l.offered = append(l.offered, "the password")
		return password, nil
	}
	l.failure = err
	return "", err
}

// answer gives the password to servers that ask for it as a question of
// their own.
func (l *login) answer(_, _ string, questions []string, echos []bool) ([]string, error) {
	switch {
	case len(questions) == 0:
		return nil, nil // a text to show
	case l.gavePassword():
		return nil, errors.New("the password was refused")
	case len(questions) > 1 || echos[0]:
		l.failure = fmt.Errorf("the server asks %q, which needs a person; use a key file", questions)
		return nil, l.failure
	}
	password, err := l.password()
	if err != nil {
		return nil, err
	}
	return []string{password}, nil
}

func (l *login) gavePassword() bool {
	return len(l.offered) > 0 && l.offered[len(l.offered)-1] == "the password"
}

// notice remembers what the server takes.
func (l *login) notice(c *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	if len(c.AllowedMethods) > 0 {
		l.allowed = c.AllowedMethods
	}
	return nil, nil // go on as configured
}

// isRefusal tells whether the handshake came as far as the login and ended
// there. Package ssh has no type for that.
func isRefusal(err error) bool {
	text := err.Error()
	return strings.Contains(text, "unable to authenticate") || neverAsked(text) || strings.Contains(text, "authentication failures") || strings.Contains(text, "authentication attempts")
}

// neverAsked tells whether the server refused to ask questions at all, as an
// OpenSSH without PAM does after a wrong password; package ssh takes the answer,
// SSH_MSG_USERAUTH_FAILURE, for a breach of the protocol.
func neverAsked(text string) bool { return strings.Contains(text, "unexpected message type 51 ") }

// refused explains a login that failed.
func (l *login) refused(err error) error {
	switch {
	case l.failure != nil:
		return l.failure
	case !strings.Contains(err.Error(), "unable to authenticate") && !neverAsked(err.Error()):
		return fmt.Errorf("%w: the server allows fewer tries than the ssh-agent has keys (%d); name the right one", err, len(l.offered))
	}
	offered := "nothing that it takes"
	if len(l.offered) > 0 {
		offered = strings.Join(l.offered, " and ")
	}
	remedy := "check the password and the user's name"
	if l.target.Password == nil {
		remedy = "check the user's name, and that its ~/.ssh/authorized_keys on the server has the line that this prints: ssh-keygen -y -f KEYFILE"
	}
	return fmt.Errorf("the server does not let user %q in, who showed %s (it takes: %s); %s", l.target.User, offered, strings.Join(l.allowed, ", "), remedy)
}
