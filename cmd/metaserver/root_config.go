package main

import (
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/spf13/cobra"
)

// rootPlace says which root a command is about.
type rootPlace struct{ data, config string }

func (p *rootPlace) addTo(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.data, "data", "", "the data folder that \"root init\" made")
	cmd.Flags().StringVar(&p.config, "config", "", "the configuration; without it root.toml in the data folder")
	cmd.MarkFlagsOneRequired("data", "config")
}

// load reads the configuration.
func (p *rootPlace) load() (config.Config, error) {
	if p.config != "" {
		return config.LoadFile(p.config, p.data)
	}
	return config.Load(p.data)
}

func rootConfigCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "config",
		Short: "Print a root.toml with every setting, its default and its meaning",
		Long: `Print a configuration file in which every setting stands with its default and
its meaning. "root init" writes the same into the data folder. A file that lies
elsewhere is read by "root serve --config FILE".`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return config.WriteTemplate(cmd.OutOrStdout(), "", "")
		},
	}
}
