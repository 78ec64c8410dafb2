package root

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/audit"
)

// auditLog sends the audit log, or what a filter chooses of it, one record a
// line and oldest first, as it is read. What was denied up to now is part of
// it.
func (s *server) auditLog(w http.ResponseWriter, r *http.Request) error {
	f, err := auditFilter(r.URL.Query())
	if err != nil {
		return err
	}
	s.noteTallies(r.Context())
	var line []byte
	return s.writeLines(w, api.AuditType, func(each func([]byte) error) error {
		return s.store.Records(r.Context(), f, func(record audit.Record) error {
			line = record.AppendLine(line[:0])
			return each(line)
		})
	})
}

func auditFilter(q url.Values) (f audit.Filter, err error) {
	var problems fieldProblems
	for name, values := range q {
		if len(values) > 1 {
			problems.add(name, "stands twice")
			continue
		}
		switch value := values[0]; name {
		case "since":
			if f.Since, err = time.Parse(time.RFC3339, value); err != nil {
				problems.add(name, "is not a time as 2026-11-21T13:00:00Z")
			}
		case "newest":
			if f.Newest, err = strconv.Atoi(value); err != nil || f.Newest < 1 {
				problems.add(name, "must be a number from 1")
			}
		case "admin":
			f.Admin = value
		case "action":
			f.Action = audit.Action(value)
		case "subject":
			f.Subject = value
		case "outcome":
			switch f.Outcome = audit.Outcome(value); f.Outcome {
			case audit.Done, audit.Seen, audit.Refused, audit.Denied, audit.Failed:
			default:
				problems.add(name, "must be done, seen, refused, denied or failed")
			}
		default:
			problems.add(clip(name), "is not known; there are since, newest, admin, action, subject and outcome")
		}
	}
	if len(problems) > 0 {
		return audit.Filter{}, invalid(problems.sorted()...)
	}
	return f, nil
}
