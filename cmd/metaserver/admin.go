package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/spf13/cobra"
)

const tokenPlace = "\"root init\" wrote the first token to admin.token in the data folder."

// adminFlags are shared by all admin commands.
type adminFlags struct {
	root      string
	tokenFile string
	json      bool
}

// adminCommand holds the commands of an admin, who may sit at another machine.
func adminCommand() *cobra.Command {
	var f adminFlags
	cmd := group("admin", "Decide about registrations, keep the mirror list, publish trust documents",
		adminPendingCommand(&f),
		adminRegisterCommand(&f),
		adminShowCommand(&f),
		adminApproveCommand(&f),
		adminRejectCommand(&f),
		adminRevokeCommand(&f),
		adminAllowCommand(&f),
		adminProveCommand(&f),
		adminBlockCommand(&f),
		adminReportsCommand(&f),
		adminEntriesCommand(&f),
		adminEntryCommand(&f),
		adminSuspendCommand(&f),
		adminResumeCommand(&f),
		adminNoteCommand(&f),
		adminMirrorsCommand(&f),
		adminTrustCommand(&f),
		adminListsCommand(&f),
		adminTargetsCommand(&f),
		adminMessagesCommand(&f),
		adminConfirmCommand(&f),
		adminAuditCommand(&f),
		adminExportCommand(&f),
		adminImportCommand(&f),
		adminForgetCommand(&f),
	)
	cmd.Long = `Decide about registrations, keep the mirror list, publish trust documents.

The admin API is on the root's admin listener, which is on loopback by default;
from elsewhere "ssh -L 7481:127.0.0.1:7481 HOST" reaches it. "root init" wrote
the first token to admin.token in the data folder. The same token opens /metrics
there, in the format of Prometheus (authorization: credentials_file).`
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.root, "root", "http://"+config.DefaultAdminListen, "URL of the root's admin listener")
	flags.StringVar(&f.tokenFile, "token-file", "", "file with an admin's token")
	flags.BoolVar(&f.json, "json", false, "print JSON")
	return cmd
}

// client returns a client with the token. Warnings go to errOut.
func (f *adminFlags) client(ctx context.Context, errOut io.Writer) (*api.Client, error) {
	if f.tokenFile == "" {
		return nil, withHint(&usageError{"--token-file is required"}, tokenPlace)
	}
	if u, err := url.Parse(f.root); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, &usageError{fmt.Sprintf("--root %q is not a URL as http://%s", f.root, config.DefaultAdminListen)}
	}
	token, err := readToken(ctx, errOut, f.tokenFile)
	if err != nil {
		return nil, err
	}
	if inClear(f.root) {
		fmt.Fprintln(errOut, "warning: the token travels unencrypted to another machine; use https or \"ssh -L\".")
	}
	return newClient(errOut, f.root, token, nil), nil
}

func readToken(ctx context.Context, errOut io.Writer, file string) (string, error) {
	data, err := readLimited(ctx, file, 4096)
	if err != nil {
		return "", withHint(fmt.Errorf("token file: %w", err), tokenHint(err))
	}
	token := strings.TrimSpace(string(data))
	if !strings.HasPrefix(token, api.AdminTokenPrefix) || strings.ContainsAny(token, " \r\n\t") {
		return "", withHint(fmt.Errorf("%s holds no admin token (one line that begins with %s)", file, api.AdminTokenPrefix),
			tokenPlace)
	}
	if info, err := os.Stat(file); err == nil && file != "-" && info.Mode().Perm()&0o077 != 0 {
		fmt.Fprintf(errOut, "warning: others on this machine can read %s; chmod 600 it.\n", file)
	}
	return token, nil
}

func tokenHint(err error) string {
	if errors.Is(err, fs.ErrNotExist) {
		return tokenPlace
	}
	return "The token file is readable by the user who ran \"root init\"."
}

// inClear tells whether requests leave this machine unencrypted.
func inClear(rootURL string) bool {
	u, err := url.Parse(rootURL)
	if err != nil || u.Scheme != "http" || u.Hostname() == "localhost" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err != nil || !ip.IsLoopback()
}

// explainProblem adds what to do to the problems that have one answer.
func explainProblem(err error) error {
	var p *api.Problem
	if !errors.As(err, &p) {
		return err
	}
	switch {
	case p.RetryAfter > 0:
		return withHint(err, fmt.Sprintf("Try again in %s.", formatAge(p.RetryAfter)))
	case p.Status == 401 && p.Detail != api.AdminListener:
		return withHint(err, "Is --token-file that of this root, and of an admin who has not been removed?")
	case hasHint(err):
		return err
	case len(p.Errors) > 0 && strings.HasPrefix(p.Detail, "Nothing was "):
		return withHint(err, "Correct what is named and try again.")
	case len(p.Errors) > 0:
		return withHint(err, "Nothing was changed. Correct what is named and try again.")
	}
	return err
}

// work runs one call of the admin API and prints its result.
func work[T any](cmd *cobra.Command, f *adminFlags, call func(c *api.Client) (T, error), print func(out io.Writer, v T)) error {
	c, err := f.client(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	v, err := call(c)
	if err != nil {
		return explainProblem(err)
	}
	if f.json {
		return printJSON(cmd.OutOrStdout(), v)
	}
	print(cmd.OutOrStdout(), v)
	return nil
}

// say prints a sentence. Its arguments came from elsewhere.
func say(out io.Writer, format string, args ...any) {
	fmt.Fprintln(out, cleanText(fmt.Sprintf(format, args...)))
}

// hostOf names the machine of a registration's source for people.
func hostOf(source string) string {
	if ip := net.ParseIP(source); ip != nil && ip.IsLoopback() {
		return source + " (this machine)"
	}
	return source
}

func ago(t time.Time) string { return formatAge(max(0, time.Since(t))) + " ago" }
