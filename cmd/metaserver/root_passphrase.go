package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/term"
)

// maxPassphraseFile is the most that is read of a passphrase file, in bytes.
const maxPassphraseFile = 4096

// errNoPassphrase says that the key is encrypted and nobody can be asked.
var errNoPassphrase = withHint(
	errors.New("the list key is encrypted and there is no terminal to ask for its passphrase"),
	"Give --passphrase-file FILE, or the systemd credential \"passphrase\" (LoadCredential=passphrase:/path).")

// newPassphrase finds the passphrase for new keys: a file, or somebody at a
// terminal, or none.
func newPassphrase(errOut io.Writer, file string) ([]byte, error) {
	if file != "" {
		return readPassphrase(file)
	}
	if !isTerminal(os.Stdin) {
		fmt.Fprintln(errOut, "There is no terminal and no --passphrase-file: the private keys are written WITHOUT a passphrase.")
		return nil, nil
	}
	first, err := askPassphrase(errOut, "Passphrase for the new keys (empty for none): ")
	if err != nil || len(first) == 0 {
		return nil, err
	}
	second, err := askPassphrase(errOut, "The same again: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passphrases differ; nothing was made")
	}
	return first, nil
}

// servePassphrase finds the passphrase of the list key. It is called only if
// the key is encrypted.
func servePassphrase(errOut io.Writer, file string) ([]byte, error) {
	if file != "" {
		return readPassphrase(file)
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		secret, err := readPassphrase(filepath.Join(dir, "passphrase"))
		if !errors.Is(err, fs.ErrNotExist) {
			return secret, err
		}
	}
	if !isTerminal(os.Stdin) {
		return nil, errNoPassphrase
	}
	return askPassphrase(errOut, "Passphrase of the list key: ")
}

// readPassphrase returns the content of a file without the line end that
// editors add.
func readPassphrase(file string) ([]byte, error) {
	data, err := readLimited(file, maxPassphraseFile)
	if err != nil {
		return nil, fmt.Errorf("passphrase file: %w", err)
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if bytes.ContainsAny(data, "\r\n") {
		return nil, fmt.Errorf("passphrase file %s has more than one line", file)
	}
	return data, nil
}

// askPassphrase reads a line from the terminal without showing it.
func askPassphrase(errOut io.Writer, prompt string) ([]byte, error) {
	fmt.Fprint(errOut, prompt)
	secret, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(errOut)
	return secret, err
}
