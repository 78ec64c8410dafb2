package root

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// maxBulk is the largest body of a bulk decision, in bytes: MaxDecisions ids with
// their revisions.
const maxBulk = 2 << 20

// decideAll decides about many registrations, and answers for each of them.
func (s *server) decideAll(w http.ResponseWriter, r *http.Request) error {
	req, err := readDecisions(w, r)
	if err != nil {
		return err
	}
	var verdicts []store.Verdict
	for _, one := range req.Approve {
		verdicts = append(verdicts, store.Verdict{Registration: one.ID, Revision: one.Revision, Approve: true})
	}
	for _, one := range req.Reject {
		verdicts = append(verdicts, store.Verdict{Registration: one.ID, Revision: one.Revision, Reason: req.Reason})
	}
	outcomes, err := s.store.DecideAll(r.Context(), verdicts, adminOf(r))
	if err != nil {
		s.log.Error("not all of a bulk decision could be stored", "err", err)
		call := callOf(r)
		s.recordFailure(r, call, http.StatusInternalServerError, err)
		call.SetRecorded()
	}
	if len(req.Approve) > 0 {
		s.publisher.Changed()
	}
	return writeJSON(w, http.StatusOK, outcomesOf(verdicts, outcomes))
}

func readDecisions(w http.ResponseWriter, r *http.Request) (*api.Decisions, error) {
	if err := checkContentType(r); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBulk))
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		return nil, problem(http.StatusRequestEntityTooLarge, "Nothing was changed: the body is larger than %d bytes. Decide about fewer registrations in one call.", maxBulk)
	}
	if err != nil {
		return nil, readError(err)
	}
	var req api.Decisions
	fields, err := decodeObject(data, &req)
	if err != nil {
		return nil, err
	}
	problems := fieldProblems(fields)
	problems.decisions(&req)
	if len(problems) > 0 {
		return nil, invalid(problems...)
	}
	return &req, nil
}

func (p *fieldProblems) decisions(req *api.Decisions) {
	if n := len(req.Approve) + len(req.Reject); n == 0 || n > api.MaxDecisions {
		p.add("approve", "and reject name %d registrations; one call decides about 1 to %d", n, api.MaxDecisions)
	}
	seen := make(map[string]bool)
	for _, list := range []struct {
		name string
		ids  []api.Seen
	}{{"approve", req.Approve}, {"reject", req.Reject}} {
		for i, one := range list.ids {
			if seen[one.ID] {
				p.add(fmt.Sprintf("%s[%d]", list.name, i), "%q stands twice", clip(one.ID))
			}
			if one.Revision < 0 {
				p.add(fmt.Sprintf("%s[%d].revision", list.name, i), "must be the number that the registration shows as revision")
			}
			seen[one.ID] = true
		}
	}
	if len(req.Reject) > 0 && strings.TrimSpace(req.Reason) == "" {
		p.add("reason", "is required: the requesters read it")
	}
	req.Reason = p.text("reason", req.Reason, serverlist.MaxDescription)
}

func outcomesOf(verdicts []store.Verdict, outcomes []store.Outcome) api.Outcomes {
	out := api.Outcomes{Outcomes: make([]api.Outcome, len(outcomes))}
	for i, o := range outcomes {
		out.Outcomes[i] = api.Outcome{ID: verdicts[i].Registration, Status: string(o.Status), EntryID: o.Entry}
		if o.Err != nil {
			out.Outcomes[i].Problem = problemOf(o.Err).Detail
			out.Failed++
		}
	}
	return out
}
