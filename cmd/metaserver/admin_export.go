package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/transfer"
	"github.com/signed-metaserver/metaserver/serverlist/durable"
	"github.com/signed-metaserver/metaserver/serverlist/legacy"
	"github.com/spf13/cobra"
)

// exportFlags are those of "admin export".
type exportFlags struct {
	out      string
	twoLine  bool
	greeting string
}

func adminExportCommand(f *adminFlags) *cobra.Command {
	var flags exportFlags
	cmd := &cobra.Command{
		Use:   "export [--out FILE] [--two-line]",
		Short: "Write all entries, with what is not published",
		Long: `Write every entry, listed or not, as one JSON object a line: the entry as it is
published, and in the member "private" its state, the e-mail address of its owner
and when it was listed. "metaserver admin import" takes them back. --out writes
them to a file that only you can read; it must not exist yet. Each export is
recorded in the audit log.

--two-line writes the listed entries in the form of the earlier metaserver, which
holds less: the first address, and name and version with "_" in place of spaces.
No e-mail address is in it.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runExport(cmd, f, flags)
		},
	}
	cmd.Flags().StringVar(&flags.out, "out", "", "the file to write; without it standard output")
	cmd.Flags().BoolVar(&flags.twoLine, "two-line", false, "two-line entries of the earlier metaserver")
	cmd.Flags().StringVar(&flags.greeting, "greeting", "", "with --two-line: what stands for the greeting of the game port")
	return cmd
}

func runExport(cmd *cobra.Command, f *adminFlags, flags exportFlags) error {
	if flags.greeting != "" && !flags.twoLine {
		return &usageError{"--greeting is of two-line entries: give --two-line as well"}
	}
	c, err := f.client(cmd.Context(), cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	write := copyLines
	if flags.twoLine {
		write = func(out io.Writer, in io.Reader, count func()) error {
			return writeTwoLines(out, in, flags.greeting, cmd.ErrOrStderr(), count)
		}
	}
	if flags.out == "" {
		_, err := export(cmd.Context(), cmd.ErrOrStderr(), c, cmd.OutOrStdout(), write)
		return err
	}
	if _, err := os.Lstat(flags.out); !errors.Is(err, fs.ErrNotExist) {
		return withHint(fmt.Errorf("%s exists already; nothing was written", flags.out), "Give --out another name.")
	}
	file, err := durable.Create(flags.out, 0o600)
	if err != nil {
		return explainWrite(flags.out, err)
	}
	defer file.Abort()
	n, err := export(cmd.Context(), cmd.ErrOrStderr(), c, file, write)
	if errors.As(err, new(*fs.PathError)) {
		return explainWrite(flags.out, err)
	}
	if err != nil {
		return err
	}
	if err := file.Commit(); err != nil {
		return explainWrite(flags.out, err)
	}
	say(cmd.ErrOrStderr(), "%s holds %s.", flags.out, plural(int(n), "entry"))
	return nil
}

// export writes what the root hands out, and returns how many entries that are.
func export(ctx context.Context, errOut io.Writer, c *api.Client, out io.Writer, write func(io.Writer, io.Reader, func()) error) (n int64, err error) {
	in, err := c.Export(ctx)
	if err != nil {
		return 0, explainProblem(err)
	}
	defer in.Close()
	line := newProgress(errOut)
	defer line.end()
	buffered := bufio.NewWriterSize(out, 256<<10)
	if err = write(buffered, in, func() { n++; line.show("entries", n, 0) }); err == nil {
		err = buffered.Flush()
	}
	return n, err
}

func copyLines(out io.Writer, in io.Reader, count func()) error {
	return eachLine(in, func(line []byte) error {
		count()
		_, err := out.Write(append(line, '\n'))
		return err
	})
}

func eachLine(in io.Reader, each func(line []byte) error) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 64<<10), 2*transfer.MaxLine)
	for lines.Scan() {
		if err := each(lines.Bytes()); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the export was cut off, try again: %w", err)
	}
	return nil
}

// writeTwoLines writes the listed entries. What does not fit the form is told
// and left out.
func writeTwoLines(out io.Writer, in io.Reader, greeting string, errOut io.Writer, count func()) error {
	var b []byte
	return eachLine(in, func(line []byte) error {
		e, err := transfer.Parse(line)
		if err != nil {
			return fmt.Errorf("an entry of the root is not readable: %w", err)
		}
		if e.Private.State != "listed" {
			return nil
		}
		var seen time.Time
		if e.Private.Updated != nil {
			seen = *e.Private.Updated
		}
		two := legacy.TwoLineOf(&e.Server, seen, greeting)
		if b, err = two.Append(b[:0]); err != nil {
			say(errOut, "left out: %s: %v", e.Server.ID, err)
			return nil
		}
		count()
		_, err = out.Write(b)
		return err
	})
}
