// Metaserver is the one program of the signed metaserver: the root node, its
// admin's tools, the mirror job and the verifying client.
//
// Output rules, kept by every command:
//
//   - Results go to standard output; progress, notes and errors to standard
//     error. A command that has nothing to say says nothing.
//   - --json prints one JSON value, for programs. Its member names are stable.
//   - Text that came from elsewhere is printed without control characters.
//   - The exit status is 0 when the work is done, 1 when it was refused or
//     failed, 2 when the command was used wrongly, 3 when a mirror holds what
//     is stale or about to be.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	status := run(ctx, os.Args[1:])
	stop()
	os.Exit(status)
}

// run executes one command line and returns the exit status.
func run(ctx context.Context, args []string) int {
	started := false
	program := newProgram()
	noteStart(program, &started)
	out := &result{file: os.Stdout}
	program.SetOut(out)
	program.SetArgs(args)
	command, err := program.ExecuteContextC(ctx)
	if lost := out.lost(); lost != nil && (err == nil || errors.Is(err, errReported) || errors.Is(err, errFading) || errors.Is(err, out.err)) {
		err = lost
	}
	return report(command, started, out, err)
}

// report tells why a command failed, if it did, and returns the exit status.
func report(command *cobra.Command, started bool, out io.Writer, err error) int {
	if err == nil {
		return 0
	}
	var usage *usageError
	wrongUsage := !started || errors.As(err, &usage)
	if errors.Is(err, errFading) {
		return 3
	}
	if !errors.Is(err, errReported) {
		printError(os.Stderr, err)
		if asJSON := command.Flags().Lookup("json"); asJSON != nil && asJSON.Value.String() == "true" {
			printErrorJSON(out, err)
		}
	}
	if !wrongUsage {
		return 1
	}
	if command.Args != nil { // what is missing may be an argument, which errors of flags do not name
		fmt.Fprintf(os.Stderr, "Usage: %s\n", command.UseLine())
	}
	fmt.Fprintf(os.Stderr, "Run \"%s --help\" for usage.\n", command.CommandPath())
	return 2
}

// newProgram returns the whole command tree.
func newProgram() *cobra.Command {
	program := group("metaserver", "A signed, mirrored directory of game servers",
		demoCommand(),
		rootCommand(),
		registerCommand(),
		adminCommand(),
		mirrorCommand(),
		listCommand(),
		verifyCommand(),
		conformanceCommand(),
		bundleCommand(),
		keyCommand(),
		trustCommand(),
		manCommand(),
	)
	program.Long = `A signed, mirrored directory of game servers.

The exit status is 0 when the work is done, 1 when it was refused or failed, 2
when the command was used wrongly, and 3 when a mirror holds what is stale or
about to be. Results go to standard output, everything else to standard error;
--json prints one JSON value.`
	program.Version = version()
	program.SilenceErrors = true
	program.SilenceUsage = true
	return program
}

// group returns a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return noCommand(cmd, args[0])
		},
	}
	g.AddCommand(commands...)
	return g
}

// noCommand refuses a word that is none of the commands below one.
func noCommand(cmd *cobra.Command, word string) error {
	e := &usageError{fmt.Sprintf("there is no command %q in %q", word, cmd.CommandPath())}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return withHint(e, fmt.Sprintf("did you mean %q?", near[0]))
	}
	return e
}

// noArguments is the Args of commands that take none.
func noArguments(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasSubCommands():
		return noCommand(cmd, args[0])
	}
	return &usageError{fmt.Sprintf("%q takes no arguments, and got %q", cmd.CommandPath(), args[0])}
}

// choose tells shells which values a flag takes, for their completion.
func choose(cmd *cobra.Command, flag string, values ...string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
}

// noteStart tells errors of a command line, which cobra finds before it runs
// the command, from errors of the work.
func noteStart(cmd *cobra.Command, started *bool) {
	if work := cmd.RunE; work != nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			*started = true
			return work(cmd, args)
		}
	}
	for _, c := range cmd.Commands() {
		noteStart(c, started)
	}
}

// version is that of the module, as the Go command stamped it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
