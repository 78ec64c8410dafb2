package main

import (
	"bytes"
	"context"
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
func newPassphrase(ctx context.Context, errOut io.Writer, file string) ([]byte, error) {
	if file != "" {
		return readPassphrase(ctx, file)
	}
	if !isTerminal(os.Stdin) {
		return nil, nil
	}
	first, err := askPassphrase(ctx, errOut, "Passphrase for the new keys (empty for none): ")
	if err != nil || len(first) == 0 {
		return nil, err
	}
	second, err := askPassphrase(ctx, errOut, "The same again: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passphrases differ; nothing was made")
	}
	return first, nil
}

// noteUnencrypted tells, once keys are written, that nobody was there to give a
// passphrase.
func noteUnencrypted(errOut io.Writer, file string) {
	if file == "" && !isTerminal(os.Stdin) {
		fmt.Fprintln(errOut, "There was no terminal and no --passphrase-file: the private keys are written WITHOUT a passphrase.")
	}
}

// servePassphrase finds the passphrase of the list key. It is called only if
// the key is encrypted.
func servePassphrase(ctx context.Context, errOut io.Writer, file string) ([]byte, error) {
	if file != "" {
		return readPassphrase(ctx, file)
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		secret, err := readPassphrase(ctx, filepath.Join(dir, "passphrase"))
		if !errors.Is(err, fs.ErrNotExist) {
			return secret, err
		}
	}
	if !isTerminal(os.Stdin) {
		return nil, errNoPassphrase
	}
	return askPassphrase(ctx, errOut, "Passphrase of the list key: ")
}

// readPassphrase returns the content of a file without the line end that
// editors add.
func readPassphrase(ctx context.Context, file string) ([]byte, error) {
	data, err := readLimited(ctx, file, maxPassphraseFile)
	if err != nil {
		return nil, fmt.Errorf("passphrase file: %w", err)
	}
	data = bytes.TrimSuffix(bytes.TrimSuffix(data, []byte("\n")), []byte("\r"))
	if bytes.ContainsAny(data, "\r\n") {
		return nil, fmt.Errorf("passphrase file %s has more than one line", file)
	}
	return data, nil
}

// askPassphrase reads a line from the terminal without showing it. Ctrl-D and
// Ctrl-C give no answer. When ctx ends, as by a signal, it gives the terminal
// back and returns; the read that is under way ends with the program.
func askPassphrase(ctx context.Context, errOut io.Writer, prompt string) ([]byte, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.MakeRaw(fd) // term.ReadPassword does not see Ctrl-D
	if err != nil {
		return nil, err
	}
	defer term.Restore(fd, before)
	type answer struct {
		secret string
		err    error
	}
	answers := make(chan answer, 1)
	go func() {
		secret, err := term.NewTerminal(byByte{os.Stdin, errOut}, "").ReadPassword(prompt)
		answers <- answer{secret, err}
	}()
	select {
	case a := <-answers:
		if errors.Is(a.err, io.EOF) {
			fmt.Fprint(errOut, "\r\n")
			return nil, errNoAnswer
		}
		return []byte(a.secret), a.err
	case <-ctx.Done():
		fmt.Fprint(errOut, "\r\n")
		return nil, errInterrupted
	}
}

// byByte reads no more than a line needs: what comes after it answers other
// questions.
type byByte struct {
	in io.Reader
	io.Writer
}

func (b byByte) Read(p []byte) (int, error) { return b.in.Read(p[:min(len(p), 1)]) }
