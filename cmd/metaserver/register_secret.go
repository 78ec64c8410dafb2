package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"regexp"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// maxSecretURL is above every status URL, in bytes.
const maxSecretURL = 4096

// secretFlags say where a secret URL is. In a file it is safe from others on
// the machine, who can see the arguments of every program.
type secretFlags struct{ file, url string }

func (f *secretFlags) register(flags *pflag.FlagSet) {
	flags.StringVar(&f.file, "status-file", "", "file with the status URL, as \"register --status-file\" wrote it")
	flags.StringVar(&f.url, "status", "", "the status URL itself; - reads it from standard input")
}

// read returns the URL.
func (f *secretFlags) read(ctx context.Context, errOut io.Writer) (string, error) {
	switch {
	case f.file == "" && f.url == "":
		return "", withHint(&usageError{"--status-file or --status is required"}, "The status URL was printed when the server was registered.")
	case f.file != "" && f.url != "":
		return "", &usageError{"give --status-file or --status, not both"}
	}
	return readSecretURL(ctx, errOut, f.file, f.url)
}

// again is how the next command names the same URL, without showing it.
func (f *secretFlags) again() string {
	if f.file == "" {
		return "--status -"
	}
	return "--status-file " + shellQuote(f.file)
}

// readSecretURL reads a URL from a file, from standard input, or takes it as it
// is.
func readSecretURL(ctx context.Context, errOut io.Writer, file, given string) (string, error) {
	from := "--status"
	if given == "-" {
		file = "-"
	}
	if file != "" {
		data, err := readLimited(ctx, file, maxSecretURL)
		if err != nil {
			return "", withHint(fmt.Errorf("reading the URL: %w", err), "It is the file that --status-file or --offer-file named when the URL was made.")
		}
		given, from = strings.TrimSpace(string(data)), file
		warnReadable(errOut, file)
	} else {
		fmt.Fprintln(errOut, "note: others on this machine can see the arguments of a program, and this URL is a secret; a file or - keeps it.")
	}
	u, err := url.Parse(given)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.ContainsAny(given, " \r\n\t") {
		return "", withHint(fmt.Errorf("%s holds no URL as http://HOST/status/ID/TOKEN", from), "The status URL was printed when the server was registered, and may have been shortened since.")
	}
	return apiURL(u), nil
}

// statusPage is the path of a page about a request, as a browser shows it.
var statusPage = regexp.MustCompile(`^(.*)/status/([a-z0-9]+)/([A-Za-z0-9_-]+)(?:/[a-z]*)?$`)

// apiURL returns what a program asks for where people open a page.
func apiURL(u *url.URL) string {
	m := statusPage.FindStringSubmatch(u.Path)
	if m == nil {
		return u.String()
	}
	api := url.URL{Scheme: u.Scheme, Host: u.Host, Path: m[1] + "/api/v1/registrations/" + m[2] + "/" + m[3]}
	return api.String()
}

func warnReadable(errOut io.Writer, file string) {
	if info, err := os.Stat(file); err == nil && file != "-" && info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(errOut, "warning: others on this machine can read %s, and whoever has the URL may change the entry; chmod 600 it.\n", file)
	}
}

// clientOf returns a client for the root that a secret URL is of. A proxy may show
// it below a path.
func clientOf(secret string) *api.Client {
	root, _, _ := strings.Cut(secret, "/api/v1/")
	return newClient(os.Stderr, root, "", nil)
}

// newSecretFile makes the file for a secret URL, before there is one: when it
// is there, nothing may hinder its being kept.
func newSecretFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, withHint(fmt.Errorf("%s exists already; it may hold the status URL of another request", path), "Name a new file. Nothing was sent.")
	}
	return f, err
}

// keepStatus sends a request and keeps the status URL of the answer, in a file
// or on the screen.
func keepStatus(cmd *cobra.Command, path string, asJSON bool, send func() (api.Accepted, error)) error {
	if path == "" {
		accepted, err := send()
		if err != nil {
			return err
		}
		return printAccepted(cmd.OutOrStdout(), cmd.ErrOrStderr(), accepted, asJSON)
	}
	f, err := newSecretFile(path)
	if err != nil {
		return err
	}
	accepted, err := send()
	if err != nil {
		return errors.Join(err, f.Close(), os.Remove(path))
	}
	if err := writeSecret(f, accepted.StatusURL); err != nil {
		say(cmd.ErrOrStderr(), "%s could not be written (%v), so here is what belongs there:", path, err)
		return printAccepted(cmd.OutOrStdout(), cmd.ErrOrStderr(), accepted, asJSON)
	}
	if accepted.StatusURL = ""; asJSON {
		return printJSON(cmd.OutOrStdout(), accepted)
	}
	say(cmd.OutOrStdout(), "Registration %s is %s: an admin decides.\nIts status URL is in %s.", accepted.ID, accepted.Status, path)
	return nil
}

func writeSecret(f *os.File, secret string) error {
	_, err := fmt.Fprintln(f, secret)
	return errors.Join(err, f.Sync(), f.Close())
}
