package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

// entryIDs names entries, one or many.
type entryIDs struct {
	from string // file of ids
	yes  bool
}

const entryIDsHelp = `

Several ids, or --all-from FILE ("-": standard input; the first word of each line
is an id, so that a part of what "entries" prints will do), are done one after
the other, which is asked for on a terminal; elsewhere --yes is needed.`

func (e *entryIDs) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&e.from, "all-from", "", "file with ids, one a line; \"-\": standard input")
	cmd.Flags().BoolVar(&e.yes, "yes", false, "do not ask")
}

// read returns each id once.
func (e *entryIDs) read(ctx context.Context, args []string) ([]string, error) {
	ids := slices.Clone(args)
	if e.from != "" {
		words, err := readIDs(ctx, e.from)
		if err != nil {
			return nil, err
		}
		// Ids are in small letters; "ID" is a heading.
		ids = append(ids, slices.DeleteFunc(words, func(word string) bool { return word == "ID" })...)
	}
	seen := make(map[string]bool, len(ids))
	ids = slices.DeleteFunc(ids, func(id string) bool {
		again := seen[id]
		seen[id] = true
		return again
	})
	if len(ids) == 0 {
		return nil, &usageError{"name the entries: their ids, or --all-from"}
	}
	return ids, nil
}

// confirm asks whether many entries are meant. verb is what is done with them.
func (e *entryIDs) confirm(cmd *cobra.Command, ids []string, verb string) error {
	if len(ids) == 1 || e.yes {
		return nil
	}
	if !isTerminal(os.Stdin) || e.from == "-" {
		return &usageError{fmt.Sprintf("nobody can be asked whether to %s %d entries; add --yes", verb, len(ids))}
	}
	out := cmd.ErrOrStderr()
	say(out, "%s", strings.Join(ids[:min(len(ids), shownChosen)], " "))
	if more := len(ids) - shownChosen; more > 0 {
		say(out, "and %d more", more)
	}
	yes, err := (&asker{in: os.Stdin, out: out}).yes(cmd.Context(), fmt.Sprintf("%s %d entries?", upperFirst(verb), len(ids)))
	if err == nil && !yes {
		err = errDeclined
	}
	return err
}

// eachEntry does one thing with entries. What the root refuses for one does not
// keep it from the others, and makes the command fail in the end.
func eachEntry[T any](cmd *cobra.Command, f *adminFlags, e *entryIDs, args []string, verb string, do func(c *api.Client, id string) (T, error), print func(out io.Writer, v T)) error {
	ids, err := e.read(cmd.Context(), args)
	if err != nil {
		return err
	}
	if err := e.confirm(cmd, ids, verb); err != nil {
		return err
	}
	if len(ids) == 1 {
		return work(cmd, f, func(c *api.Client) (T, error) { return do(c, ids[0]) }, print)
	}
	c, err := f.client(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	done, refused := []T{}, 0
	for _, id := range ids {
		v, err := do(c, id)
		if p, ok := asProblem(err); ok && (p.Status == 404 || p.Status == 409) {
			say(cmd.ErrOrStderr(), "%s: %s", id, p.Detail)
			refused++
			continue
		}
		if err != nil {
			say(cmd.ErrOrStderr(), "%d of %d entries are done; what is done stays.", len(done), len(ids))
			return explainProblem(err)
		}
		if done = append(done, v); !f.json {
			print(cmd.OutOrStdout(), v)
		}
	}
	if f.json {
		if err := printJSON(cmd.OutOrStdout(), done); err != nil {
			return err
		}
	}
	if refused > 0 {
		say(cmd.ErrOrStderr(), "%s left as before.", pluralAre(refused, "entry"))
		return errReported
	}
	return nil
}
