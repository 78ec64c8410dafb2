package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/signed-metaserver/metaserver/mirror"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

func mirrorRegisterCommand() *cobra.Command {
	var req api.MirrorRequest
	var config, statusFile string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "register --config FILE --id I --operator O --email E",
		Short: "Ask the root to put a mirror into its list",
		Long: `Ask the root to put the public URLs of a mirror's configuration into the mirror
list. An admin decides; "register status" tells by the status URL that is printed
what has become of the request. Keep it: nobody else can find it. --status-file
FILE writes it to a new file of mode 0600 instead.

The e-mail address is for the admins, who write to it when the mirror is ill; it
is never published. Sending the same id with the same address again updates the
request or the entry.

A root that is flooded with requests asks for a proof of work. This command does
it, which takes some seconds, and shows on a terminal how far it is.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := mirror.ReadConfig(config)
			if err != nil {
				return err
			}
			for _, t := range cfg.Targets {
				if t.PublicURL != "" {
					req.URLs = append(req.URLs, t.PublicURL)
				}
			}
			if len(req.URLs) == 0 {
				return withHint(fmt.Errorf("%s names no public_url: there is nothing that clients could fetch", config), "Add public_url = \"http://...\" to the [[target]].")
			}
			return keepStatus(cmd, statusFile, asJSON, func() (api.Accepted, error) {
				return registerMirror(cmd.Context(), cmd.ErrOrStderr(), cfg.Root, req)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&config, "config", "", "the mirror's configuration file")
	requestFlags(cmd, &req)
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.StringVar(&statusFile, "status-file", "", "new file for the status URL")
	for _, name := range []string{"config", "id", "operator", "email"} {
		cmd.MarkFlagRequired(name)
	}
	return cmd
}

// requestFlags adds the flags of a registration.
func requestFlags(cmd *cobra.Command, req *api.MirrorRequest) {
	f := cmd.Flags()
	f.StringVar(&req.ID, "id", "", "id in the mirror list, as example-net")
	f.StringVar(&req.Operator, "operator", "", "who runs the mirror; published")
	f.StringVar(&req.Region, "region", "", "where it stands; published")
	f.StringVar(&req.Contact, "contact", "", "contact of the operator; published")
	f.StringVar(&req.Email, "email", "", "whom to write to about the request and when the mirror is ill; never published")
}

// registerMirror asks once: sending the same again is harmless.
func registerMirror(ctx context.Context, errOut io.Writer, root string, req api.MirrorRequest) (api.Accepted, error) {
	working := newProgress(os.Stderr)
	defer working.end()
	c := newClient(errOut, root, "", working)
	c.Working = showWork(working)
	accepted, err := c.RegisterMirror(ctx, req)
	if err != nil {
		return accepted, explainProblem(err)
	}
	return accepted, nil
}
