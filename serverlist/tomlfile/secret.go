package tomlfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

const (
	maxSecret   = 4096 // bytes
	credentials = "$CREDENTIALS_DIRECTORY/"
)

var environmentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// A Secret is a password or a key that is kept outside of the configuration,
// in a file or in the environment. It is read each time it is needed and never
// printed.
type Secret struct {
	file, env string
}

// Secret reads the keys NAME_file and NAME_env of the table, at most one of
// which may be there, and refuses NAME itself. Relative paths are relative to
// dir; one that begins with $CREDENTIALS_DIRECTORY/ is a credential that
// systemd hands to a service. It returns nil if neither is there.
func (t *Table) Secret(name, dir string) *Secret {
	inFile, inEnv := name+"_file", name+"_env"
	t.Refuse(name, fmt.Sprintf("a secret does not belong into this file, which is shown, copied and backed up; "+
		"put it into a file of its own with mode 0600 and write %s = \"FILE\", or %s = \"VARIABLE\" for the environment", inFile, inEnv))
	s := &Secret{file: t.Text(inFile), env: t.Text(inEnv)}
	switch {
	case t.Has(inFile) && t.Has(inEnv):
		t.Check(inEnv, fmt.Errorf("%s and %s are both there: remove one", inFile, inEnv))
	case s.env != "" && !environmentName.MatchString(s.env):
		// The value is not shown: it may be the secret itself.
		t.Check(inEnv, fmt.Errorf("%s is not the name of an environment variable (letters, digits and _); it names the variable that holds the secret", inEnv))
	case s.file == "" && s.env == "":
		return nil
	}
	s.file = secretPath(dir, s.file)
	return s
}

// secretPath leaves a credential outside of a service as it is, so that the
// error of reading it shows what is missing.
func secretPath(dir, file string) string {
	given := os.Getenv("CREDENTIALS_DIRECTORY")
	rest, isCredential := strings.CutPrefix(file, credentials)
	switch {
	case isCredential && given != "":
		return filepath.Join(given, rest)
	case isCredential || file == "" || filepath.IsAbs(file):
		return file
	}
	return filepath.Join(dir, file)
}

// Get returns the secret as it is now, without the newline at its end. It is
// for the fields of targets that ask for a password.
func (s *Secret) Get() (string, error) {
	if s.env != "" {
		v := os.Getenv(s.env)
		if v == "" {
			return "", fmt.Errorf("the environment variable %s is not set: set it where this program is started", s.env)
		}
		return v, nil
	}
	f, err := os.Open(s.file)
	if err != nil {
		return "", fmt.Errorf("the secret cannot be read: %w: write it into this file, with mode 0600 and readable for the user that runs this program", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("the secret cannot be read: %w", err)
	}
	return oneLine(s.file, string(data))
}

func oneLine(file, text string) (string, error) {
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	switch {
	case len(text) > maxSecret-2:
		return "", fmt.Errorf("%s is larger than %d bytes: it is something else than a secret", file, maxSecret)
	case text == "":
		return "", fmt.Errorf("%s is empty: write the secret into it, as one line", file)
	case strings.ContainsAny(text, "\r\n\x00"):
		return "", fmt.Errorf("%s holds more than one line: a secret is one line", file)
	}
	return text, nil
}

// Exposed returns an error if other users of this machine can read the file.
// It says nothing of one that is not there.
func (s *Secret) Exposed() error {
	if s.file == "" || runtime.GOOS == "windows" { // there the mode says nothing of access
		return nil
	}
	info, err := os.Stat(s.file)
	if err != nil || info.Mode().Perm()&0o007 == 0 {
		return nil
	}
	return errors.New(s.file + " can be read by every user of this machine: chmod 600 " + s.file)
}
