package main

import "github.com/spf13/cobra"

// rootCommand holds the commands of the root node.
func rootCommand() *cobra.Command {
	return group("root", "Make, serve, describe and back up a root node",
		rootInitCommand(),
		rootServeCommand(),
		rootShowCommand(),
		rootConfigCommand(),
		rootCheckCommand(),
		rootAdminsCommand(),
		rootBackupCommand(),
		rootRestoreCommand(),
	)
}
