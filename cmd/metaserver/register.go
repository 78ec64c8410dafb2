package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func registerCommand() *cobra.Command {
	var req api.RegistrationRequest
	var rootURL, probe string
	var asJSON bool
	var status secretFlags
	cmd := &cobra.Command{
		Use:   "register --root URL --name N --address HOST:PORT --game G --email E --description D",
		Short: "Ask a root to list a server, and look after the request",
		Long: `Ask a root to list a server. An admin decides; the status URL that is printed
tells what has become of the request. Keep it: nobody else can find it, and
whoever has it may change, withdraw and transfer the entry. --status-file FILE
writes it to a new file for its owner only, in place of the screen.

"register --status URL", and "register status", answer why a server is listed or
is not. The other commands below change what was asked for, or what is listed.

The e-mail address is for the admins and is never published. Sending the same
request again, with the same game, addresses and e-mail address, updates it.

A root that is flooded with requests asks for a proof of work. This command does
it, which takes some seconds, and shows on a terminal how far it is.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			if status.url != "" {
				return showStatus(cmd, &status, asJSON)
			}
			if err := requireFlags(cmd, append([]string{"root"}, requiredOfServer...)); err != nil {
				return err
			}
			if err := serverlist.CheckMirrorURL(rootURL); err != nil {
				return &usageError{fmt.Sprintf("--root %q is not a URL as http://host:port: %v", rootURL, err)}
			}
			complete(&req, probe)
			return keepStatus(cmd, status.file, asJSON, func() (api.Accepted, error) {
				return sendRegistration(cmd.Context(), rootURL, req)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&rootURL, "root", "", "URL of the root's public listener")
	registrationFlags(flags, &req, &probe)
	flags.BoolVar(&asJSON, "json", false, "print JSON")
	flags.StringVar(&status.file, "status-file", "", "new file for the status URL")
	flags.StringVar(&status.url, "status", "", "show the state at this status URL (- reads it from standard input), and register nothing")
	cmd.AddCommand(registerStatusCommand(), registerEditCommand(), registerMoveCommand(), registerWithdrawCommand(),
		registerTransferCommand(), registerTakeOverCommand(), registerProveCommand())
	return cmd
}

// requireFlags refuses a command line that lacks flags.
func requireFlags(cmd *cobra.Command, names []string) error {
	var missing []string
	for _, name := range names {
		if !cmd.Flags().Changed(name) {
			missing = append(missing, fmt.Sprintf("%q", name))
		}
	}
	if len(missing) > 0 {
		return &usageError{"required flag(s) " + strings.Join(missing, ", ") + " not set"}
	}
	return nil
}

// printAccepted tells the status URL. It cannot be had again, so it goes to
// standard error if standard output keeps nothing.
func printAccepted(out, errOut io.Writer, a api.Accepted, asJSON bool) (err error) {
	signal.Ignore(syscall.SIGPIPE) // if nobody reads the result, it is told below
	if asJSON {
		err = printJSON(out, a)
	} else {
		_, err = fmt.Fprintf(out, "Registration %s is %s: an admin decides.\nIts status: %s\n",
			cleanText(a.ID), cleanText(a.Status), cleanText(a.StatusURL))
	}
	if r, ok := out.(*result); ok && !r.keepsResult() {
		say(errOut, "Registration %s is %s. Its status: %s", a.ID, a.Status, a.StatusURL)
	}
	return err
}

// requiredOfServer are the flags that every registration needs.
var requiredOfServer = []string{"name", "address", "game", "email", "description"}

func registrationFlags(flags *pflag.FlagSet, req *api.RegistrationRequest, probe *string) {
	flags.StringVar(&req.Name, "name", "", "name of the server, at most 80 characters")
	flags.StringArrayVar(&req.Addresses, "address", nil, "host:port, in order of preference; may be given more than once")
	flags.StringVar(&req.Game, "game", "", "short name of the game, as crossfire")
	flags.StringVar(&req.Email, "email", "", "whom to write to; never published")
	flags.StringVar(&req.Description, "description", "", "public description, at most 500 characters")
	flags.StringVar(&req.Version, "server-version", "", "version of the server")
	flags.StringVar(&req.Region, "region", "", "where it stands")
	flags.StringSliceVar(&req.Languages, "language", nil, "language tag, as en; may be given more than once")
	flags.StringSliceVar(&req.Tags, "tag", nil, "free word; may be given more than once")
	flags.StringVar(&req.Website, "website", "", "http or https URL")
	flags.StringVar(&req.Key, "key", "", "the server's own ed25519 public key, base64")
	flags.StringVar(probe, "probe", "", "protocol that yields live statistics, as crossfire")
}

// complete brings what was typed into the form of a request.
func complete(req *api.RegistrationRequest, probe string) {
	if probe != "" {
		req.Probe = &api.Probe{Protocol: probe}
	}
	if len(req.Addresses) == 1 { // so that an error names what was typed
		req.Address, req.Addresses = req.Addresses[0], nil
	}
}

// sendRegistration asks once: a request that was not answered may have been
// taken, and sending it again is harmless.
func sendRegistration(ctx context.Context, rootURL string, req api.RegistrationRequest) (api.Accepted, error) {
	working := newProgress(os.Stderr)
	defer working.end()
	c := newClient(os.Stderr, rootURL, "", working)
	c.Working = showWork(working)
	accepted, err := c.Register(ctx, req)
	return accepted, explainProblem(err)
}
