package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
)

// AuditType is the media type of an audit log: one record a line.
const AuditType = "application/jsonl"

// Audit returns the audit log, or what a filter chooses of it, as it arrives:
// one record a line, oldest first; see package audit. To check the log, ask for
// all of it. The caller closes it. An answer that ends too early is an error of
// reading.
func (c *Client) Audit(ctx context.Context, f audit.Filter) (io.ReadCloser, error) {
	resp, err := c.long(ctx, http.MethodGet, adminPath("audit")+auditQuery(f), nil)
	if err != nil {
		return nil, err
	}
	return resp.Body, nil
}

func auditQuery(f audit.Filter) string {
	q := make(url.Values)
	for name, value := range map[string]string{
		"admin": f.Admin, "action": string(f.Action), "outcome": string(f.Outcome), "subject": f.Subject,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if !f.Since.IsZero() {
		q.Set("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	if f.Newest > 0 {
		q.Set("newest", strconv.Itoa(f.Newest))
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
