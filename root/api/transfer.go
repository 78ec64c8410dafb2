package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ImportHow says what to do with entries that are imported.
type ImportHow struct {
	Approve   bool // they are listed, or suspended, at once; false: they wait in the queue
	Replace   bool // an entry of the same id gets the content that is imported; needs Approve
	SkipWrong bool // lines that are wrong are left out; false: they refuse everything
}

// ImportResult says what became of an import.
type ImportResult struct {
	Listed    int          `json:"listed"`
	Suspended int          `json:"suspended"` // not listed for a while, as they were
	Replaced  int          `json:"replaced"`
	Queued    int          `json:"queued"`
	Reserved  int          `json:"reserved"` // revoked: the id is never given again
	Same      int          `json:"same"`     // nothing was to be done
	Conflicts int          `json:"conflicts"`
	Wrong     int          `json:"wrong"`              // lines left out
	Problems  []ImportLine `json:"problems,omitempty"` // the first of the conflicts and of the lines left out
}

// ImportLine is something wrong with a line of an import.
type ImportLine struct {
	Line     int    `json:"line"` // from 1
	ID       string `json:"id,omitempty"`
	Conflict bool   `json:"conflict"` // false: the line is wrong by itself
	Problem  string `json:"problem"`
}

// ImportProgress is a line of the answer to an import. The last one has a
// result; an answer without it was cut off, and the same import does the rest.
type ImportProgress struct {
	Done   int           `json:"done"`  // lines
	Total  int           `json:"total"` // lines
	Result *ImportResult `json:"result,omitempty"`
	Error  *Problem      `json:"error,omitempty"` // the import ended here
}

// linesType is the media type of entries, one a line; see package transfer.
const linesType = "application/jsonl"

// MaxImport is the most that one import takes, in bytes.
const MaxImport = 256 << 20

// Import takes entries, in lines as package transfer has them. progress is
// called now and then; nil: never. Lines that are wrong refuse everything, unless
// SkipWrong says otherwise: the [*Problem] names them as "line 1" and so on.
func (c *Client) Import(ctx context.Context, lines []byte, how ImportHow, progress func(done, total int)) (ImportResult, error) {
	q := url.Values{}
	for name, set := range map[string]bool{"approve": how.Approve, "replace": how.Replace, "skip_wrong": how.SkipWrong} {
		if set {
			q.Set(name, "1")
		}
	}
	resp, err := c.long(ctx, http.MethodPost, adminPath("import")+"?"+q.Encode(), entryLines(lines))
	if err != nil {
		return ImportResult{}, err
	}
	defer resp.Body.Close()
	for in := json.NewDecoder(bufio.NewReader(resp.Body)); ; {
		var p ImportProgress
		switch err := in.Decode(&p); {
		case err != nil:
			return ImportResult{}, fmt.Errorf("the import was cut off; run it again, what is done is left out: %w", errors.Join(err, ctx.Err()))
		case p.Error != nil:
			return ImportResult{}, p.Error
		case p.Result != nil:
			return *p.Result, nil
		case progress != nil:
			progress(p.Done, p.Total)
		}
	}
}

// entryLines is a body of lines.
type entryLines []byte

// Export returns all entries, listed or not, in lines as package transfer has
// them. The caller closes what it returns; an answer that was cut off ends with
// an error of reading.
func (c *Client) Export(ctx context.Context) (io.ReadCloser, error) {
	resp, err := c.long(ctx, http.MethodGet, adminPath("export"), nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

// long sends a request that may take its time: an answer without a known size
// has no timeout, and the context ends it.
func (c *Client) long(ctx context.Context, method, path string, body any) (*http.Response, error) {
	req, err := c.request(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	patient := *c.client()
	patient.Timeout = 0
	resp, err := patient.Do(req)
	if err != nil {
		return nil, explain(req, err)
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, problemOf(resp, io.LimitReader(resp.Body, maxAnswer))
	}
	return resp, nil
}

const lineField = "line "

// LineField names a line in a problem document.
func LineField(n int) string { return lineField + strconv.Itoa(n) }

// LineOfField returns the number of the line that a field of a problem document
// names.
func LineOfField(field string) (n int, ok bool) {
	digits, ok := strings.CutPrefix(field, lineField)
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil
}

// ExportTime is how long an export, an import or a look at all mirrors may take
// at most.
const ExportTime = 30 * time.Minute
