package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/conformance"
	"github.com/signed-metaserver/metaserver/serverlist/testdata"
	"github.com/spf13/cobra"
)

func conformanceCommand() *cobra.Command {
	var folder, keep string
	var asJSON bool
	r := conformanceRun{}
	cmd := &cobra.Command{
		Use:   "conformance [--vectors DIR] -- COMMAND [ARGUMENT...]",
		Short: "Test a reader of server lists in any language",
		Long: `Run COMMAND once for each conformance vector and compare its verdicts with the
expected ones.

The last argument of COMMAND is a folder with vector.json, which says what to
judge, and the files that it names. COMMAND prints its verdict on standard output
as one JSON value and exits with status 0; SPEC.md section 10 of the format
defines both. "metaserver conformance verdict" is such a command.

For each vector that fails it says what was expected and what came instead, what
the vector is about, and where its files are; at the end, how many passed. Of the
vectors built in, --keep puts the files into a folder. A command that gives no
verdict on any of the first 10 is given up. The exit status is 1 if any failed.`,
		Example: `  metaserver conformance -- python3 verify.py
  metaserver conformance --keep failed -- node reader.js
  metaserver conformance --json -- metaserver conformance verdict`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return withHint(&usageError{"there is no command to test"}, "write it after --, as in: metaserver conformance -- python3 verify.py")
			}
			if r.jobs < 1 || r.timeout <= 0 {
				return &usageError{"--jobs and --timeout must be above zero"}
			}
			vectors, err := loadVectors(folder)
			if err != nil {
				return err
			}
			r.command = args
			r.progress = newProgress(cmd.ErrOrStderr())
			report, err := r.run(cmd.Context(), vectors)
			r.progress.clear()
			if err != nil {
				return err
			}
			if err := report.locate(vectors, folder, keep); err != nil {
				return err
			}
			return report.print(cmd.OutOrStdout(), asJSON)
		},
	}
	cmd.Flags().StringVar(&folder, "vectors", "", "folder of vectors (default: those built in)")
	cmd.Flags().StringVar(&keep, "keep", "", "folder to put the vectors into that fail, with their expected verdicts")
	cmd.Flags().DurationVar(&r.timeout, "timeout", 30*time.Second, "how long one vector may take")
	cmd.Flags().IntVar(&r.jobs, "jobs", runtime.NumCPU(), "how many vectors to run at once")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(conformanceVerdictCommand())
	return cmd
}

func conformanceVerdictCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verdict DIR",
		Short: "Print this program's verdict on one vector",
		Long: `Judge the conformance vector in DIR and print the verdict as JSON. This is the
command that "metaserver conformance" expects of every reader. The exit status is
1 if DIR holds no vector, and 0 whatever the verdict is.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			verdict, err := conformance.Judge(os.DirFS(args[0]), serverlist.Open)
			if err != nil {
				return fmt.Errorf("%s is not a vector: %w", args[0], err)
			}
			return printJSON(cmd.OutOrStdout(), verdict)
		},
	}
}

// loadVectors reads the vectors of a folder, or those built in for "".
func loadVectors(folder string) ([]conformance.Vector, error) {
	var files fs.FS = testdata.Vectors()
	if folder != "" {
		files = os.DirFS(folder)
	}
	vectors, err := conformance.Load(files)
	if err != nil && folder != "" {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	return vectors, err
}

// A conformanceReport is what came of all vectors.
type conformanceReport struct {
	Passed   int                  `json:"passed"`
	Failed   int                  `json:"failed"`
	NotRun   int                  `json:"not_run"` // the command was given up: it gave no verdict at all
	Failures []conformanceFailure `json:"failures"`
}

type conformanceFailure struct {
	Vector   string               `json:"vector"`
	Section  string               `json:"section"` // of SPEC.md
	About    string               `json:"about"`
	Files    string               `json:"files,omitempty"` // their folder; "" if they are built in and were not kept
	Problem  string               `json:"problem"`
	Expected conformance.Verdict  `json:"expected"`
	Got      *conformance.Verdict `json:"got,omitempty"` // nil if there was no verdict
}

// locate notes where the files of the vectors that failed are, and puts them into
// the folder keep unless that is "".
func (r *conformanceReport) locate(vectors []conformance.Vector, folder, keep string) error {
	for i := range r.Failures {
		f := &r.Failures[i]
		switch {
		case keep != "":
			f.Files = filepath.Join(keep, f.Vector)
			at := slices.IndexFunc(vectors, func(v conformance.Vector) bool { return v.Name == f.Vector })
			if err := vectors[at].Save(f.Files); err != nil {
				return fmt.Errorf("cannot keep the files of vector %s: %w", f.Vector, err)
			}
		case folder != "":
			f.Files = filepath.Join(folder, f.Vector)
		}
	}
	return nil
}

// print shows the report. A report with failures is an error.
func (r *conformanceReport) print(out io.Writer, asJSON bool) error {
	if asJSON {
		if err := printJSON(out, r); err != nil {
			return err
		}
	} else {
		for _, f := range r.Failures {
			fmt.Fprintf(out, "FAIL %s: %s\n", f.Vector, cleanText(f.Problem))
			fmt.Fprintf(out, "     section %s: %s\n", cleanText(f.Section), cleanText(f.About))
			if f.Files != "" {
				fmt.Fprintf(out, "     files in %s\n", f.Files)
			}
		}
		if r.Failed > 0 && r.Failures[0].Files == "" {
			fmt.Fprintln(out, "--keep DIR puts the files of vectors that fail into a folder.")
		}
		if r.NotRun > 0 {
			fmt.Fprintf(out, "%d vectors were not run: the command had given no verdict on any of %d.\n", r.NotRun, hopeless)
		}
		fmt.Fprintf(out, "%d passed, %d failed\n", r.Passed, r.Failed)
	}
	if r.Failed > 0 {
		return errReported
	}
	return nil
}

// findCommand tells at once, and not once a vector, that there is no such
// program.
func findCommand(name string) error {
	if _, err := exec.LookPath(name); err != nil {
		return fmt.Errorf("cannot run the command to test: %w", err)
	}
	return nil
}
