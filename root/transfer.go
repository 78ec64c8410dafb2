package root

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/signedrequest"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/transfer"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// exportEntries sends all entries with what is private, one a line.
func (s *server) exportEntries(w http.ResponseWriter, r *http.Request) error {
	takeTime(w)
	var line []byte
	return s.writeLines(w, linesType, func(each func([]byte) error) error {
		return s.store.Export(r.Context(), func(e store.Exported) (err error) {
			line, err = transfer.AppendLine(line[:0], e.Server, privateOut(&e))
			if err != nil {
				return err
			}
			return each(line)
		})
	})
}

// linesType is the media type of JSON objects, one a line.
const linesType = "application/jsonl"

// takeTime lets a request of an admin last longer than others.
func takeTime(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	until := time.Now().Add(api.ExportTime) // of the network, not of the root's clock
	_ = c.SetReadDeadline(until)
	_ = c.SetWriteDeadline(until)
}

// importBatch is how many entries share a transaction: few enough that
// registrations in between wait for a moment only.
const importBatch = 500

// maxImportProblems is how many problems of an import are told.
const maxImportProblems = 100

// importEntries takes entries, one a line. All are looked at before the first is
// taken. The answer is a line for every batch and one with the result.
func (s *server) importEntries(w http.ResponseWriter, r *http.Request) error {
	select {
	case s.importing <- struct{}{}:
		defer func() { <-s.importing }()
	default:
		p := problem(http.StatusConflict, "Another import is under way; try again when it has ended.")
		p.RetryAfter = 10 * time.Second
		return p
	}
	how, skip, err := importHow(r)
	if err != nil {
		return err
	}
	takeTime(w)
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, api.MaxImport))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return problem(http.StatusRequestEntityTooLarge, "Nothing was imported: the import is larger than %d bytes. Import it in parts.", api.MaxImport)
	}
	if err != nil {
		return readError(err)
	}
	job := &importJob{s: s, how: how}
	if err := job.parse(data, skip); err != nil {
		return err
	}
	return job.run(r.Context(), w)
}

// importHow reads what is asked of an import. What is misspelt must not be taken
// for what was left out: the entries would be treated otherwise than was meant.
func importHow(r *http.Request) (how store.ImportHow, skip bool, err error) {
	how.Admin = adminOf(r)
	switches := map[string]*bool{"approve": &how.Approve, "replace": &how.Replace, "skip_wrong": &skip}
	var problems fieldProblems
	for name, values := range r.URL.Query() {
		on := switches[name]
		switch {
		case on == nil:
			problems.add(clip(name), "is not known; there are approve, replace and skip_wrong")
		case len(values) > 1 || values[0] != "1":
			problems.add(name, "must be 1, or be left out")
		default:
			*on = true
		}
	}
	if how.Replace && !how.Approve {
		problems.add("replace", "needs approve: entries are replaced only by what is approved at once")
	}
	if len(problems) > 0 {
		return how, skip, invalid(problems.sorted()...)
	}
	return how, skip, nil
}

// An importJob is one import under way.
type importJob struct {
	s       *server
	how     store.ImportHow
	entries []store.Import
	lines   []int // where each stands
	result  api.ImportResult
}

// parse reads all lines. Unless wrong ones are to be left out, one of them
// refuses everything.
func (j *importJob) parse(data []byte, skip bool) error {
	var fields []api.FieldProblem
	for n := 1; len(data) > 0; n++ {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		data = rest
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		e, err := transfer.Parse(line)
		if err == nil {
			err = j.s.checkImport(&e)
		}
		if err != nil {
			j.result.Wrong++
			if len(fields) < maxImportProblems {
				fields = append(fields, api.FieldProblem{Field: api.LineField(n), Problem: err.Error()})
				j.problem(api.ImportLine{Line: n, ID: e.Server.ID, Problem: err.Error()})
			}
			continue
		}
		j.add(n, e)
	}
	if len(fields) == 0 || skip {
		return nil
	}
	p := problem(http.StatusUnprocessableEntity, "Nothing was imported: %d of the lines are wrong. Correct them, or leave them out by skip_wrong.", j.result.Wrong)
	p.Errors = fields
	return p
}

// checkImport refuses what the configuration does not allow, and what nobody may
// allow a key.
func (s *server) checkImport(e *transfer.Entry) error {
	for _, p := range s.cfg.Games.Refuse(e.Server.Game) {
		return &serverlist.FieldError{Field: p.Field, Problem: p.Problem}
	}
	if err := signedrequest.CheckAllowed(e.Private.Allowed); err != nil {
		return fmt.Errorf("private: allowed: %w", err)
	}
	return nil
}

func (j *importJob) add(line int, e transfer.Entry) {
	p := &e.Private
	in := store.Import{Server: e.Server, Email: p.Email, Allowed: p.Allowed}
	switch p.State {
	case string(store.EntryRevoked):
		in.Revoked, in.Reason = true, p.Reason
	case string(store.EntrySuspended):
		in.Suspended = &store.Suspension{Reason: p.Reason, Admin: p.SuspendedBy}
		if p.Ends != nil {
			in.Suspended.Ends = *p.Ends
		}
	}
	if e.Private.Created != nil {
		in.Created = *e.Private.Created
	}
	for _, n := range e.Private.Notes {
		in.Notes = append(in.Notes, store.Note{At: n.At, Admin: n.Admin, Text: n.Text})
	}
	j.entries = append(j.entries, in)
	j.lines = append(j.lines, line)
}

func (j *importJob) problem(p api.ImportLine) {
	if len(j.result.Problems) < maxImportProblems {
		j.result.Problems = append(j.result.Problems, p)
	}
}

// run takes the entries, batch by batch, and says how far it is. What was taken
// is published whatever happens then.
func (j *importJob) run(ctx context.Context, w http.ResponseWriter) error {
	defer j.s.publisher.Changed()
	w.Header().Set("Content-Type", linesType)
	w.Header().Set("Cache-Control", "no-store")
	out, flush := json.NewEncoder(w), http.NewResponseController(w)
	for from := 0; from < len(j.entries); from += importBatch {
		to := min(from+importBatch, len(j.entries))
		done, err := j.s.store.Import(ctx, j.entries[from:to], j.how)
		if err != nil && from == 0 {
			return err
		}
		if err != nil {
			j.s.log.Error("an import ended early", "done", from, "of", len(j.entries), "err", err)
			p := problemOf(err)
			p.Detail += " What was imported before stays; the same import does the rest."
			return out.Encode(api.ImportProgress{Done: from, Total: len(j.entries), Error: p})
		}
		j.count(done, j.lines[from:to])
		if err := out.Encode(api.ImportProgress{Done: to, Total: len(j.entries)}); err != nil {
			return nil // nobody listens any more, and so nothing more is done
		}
		_ = flush.Flush()
	}
	return out.Encode(api.ImportProgress{Done: len(j.entries), Total: len(j.entries), Result: &j.result})
}

func (j *importJob) count(done []store.Imported, lines []int) {
	for i, d := range done {
		switch d.Outcome {
		case store.ImportListed:
			j.result.Listed++
		case store.ImportSuspended:
			j.result.Suspended++
		case store.ImportReplaced:
			j.result.Replaced++
		case store.ImportQueued:
			j.result.Queued++
		case store.ImportReserved:
			j.result.Reserved++
		case store.ImportSame:
			j.result.Same++
		case store.ImportConflict:
			j.result.Conflicts++
			j.problem(api.ImportLine{Line: lines[i], ID: d.ID, Conflict: true, Problem: d.Problem})
		}
	}
}

// privateOut is what is handed out of an entry and not published.
func privateOut(e *store.Exported) transfer.Private {
	p := transfer.Private{
		State: string(e.State), Email: e.Email, Registration: e.Registration,
		Created: timeOrNil(e.Created), Updated: timeOrNil(e.Updated),
		Reason: e.Reason, Allowed: e.Allowed, Notes: notesOut(e.Notes),
	}
	if s := e.Suspended; s != nil {
		p.Reason, p.Ends, p.SuspendedBy = s.Reason, timeOrNil(s.Ends), s.Admin
	}
	return p
}

func notesOut(all []store.Note) (out []transfer.Note) {
	for _, n := range all {
		out = append(out, transfer.Note{At: n.At, Admin: n.Admin, Text: n.Text})
	}
	return out
}
