package mirror

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// A Report says what one run found and did. Its JSON form is stable.
type Report struct {
	OK      bool           `json:"ok"` // the root answered, and every target holds the newest set
	Origin  string         `json:"origin"`
	Root    RootReport     `json:"root"`
	Mirrors []MirrorReport `json:"mirrors,omitempty"` // other mirrors that were asked because the root did not answer well
	Trust   int64          `json:"trust"`             // number of the newest verified trust document
	Targets []TargetReport `json:"targets"`
}

// A RootReport says how the root answered.
type RootReport struct {
	URL    string   `json:"url"`
	Notes  []string `json:"notes,omitempty"`  // odd, and no failure: it serves an older edition than a target holds
	Errors []string `json:"errors,omitempty"` // why it could not be used
}

// A MirrorReport says how another mirror answered.
type MirrorReport struct {
	URL    string `json:"url"`
	Answer string `json:"answer"`
}

// A TargetReport says what a target holds after the run.
type TargetReport struct {
	Target    string            `json:"target"`
	OK        bool              `json:"ok"`                  // Current, and Verified if there is a PublicURL
	Current   bool              `json:"current"`             // the target holds the newest set, read back and verified
	Changed   bool              `json:"changed"`             // this run has written there
	Documents []publish.Outcome `json:"documents,omitempty"` // in the order of publication
	PublicURL string            `json:"public_url,omitempty"`
	Verified  bool              `json:"verified,omitempty"` // PublicURL serves the same set
	Error     string            `json:"error,omitempty"`    // may have several lines

	Freshness  Freshness `json:"freshness,omitempty"`  // of what the target holds; "": not known
	FreshUntil time.Time `json:"fresh_until,omitzero"` // when clients begin to call it old

	age age
}

// Fading tells whether what some target holds is stale or about to be.
func (r *Report) Fading() bool {
	return slices.ContainsFunc(r.Targets, func(t TargetReport) bool { return t.Freshness == Expiring || t.Freshness == Stale })
}

// Err returns nil if all is well, and else an error that sums up.
func (r *Report) Err() error {
	if r.OK {
		return nil
	}
	var parts []string
	for _, e := range r.Root.Errors {
		parts = append(parts, "root "+r.Root.URL+": "+e)
	}
	for _, t := range r.Targets {
		if !t.OK {
			parts = append(parts, t.Target+": "+t.Error)
		}
	}
	return errors.New(strings.Join(parts, "; "))
}

// String returns one line: what happened and what the target holds now, as far
// as it was seen.
func (t *TargetReport) String() string {
	if len(t.Documents) == 0 {
		return t.Target + ": nothing published"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s:", t.Target, t.verb())
	var trust publish.Outcome
	for _, o := range t.Documents {
		if strings.HasPrefix(o.Name, "trust/") {
			if o.State != publish.Ignored {
				trust = o
			}
			continue
		}
		fmt.Fprintf(&b, " %s %d%s,", o.Name, o.Version, doubt(o))
	}
	fmt.Fprintf(&b, " trust %d%s", trust.Version, doubt(trust))
	switch {
	case t.Verified:
		fmt.Fprintf(&b, "; %s serves the same", t.PublicURL)
	case t.Current && t.PublicURL != "":
		fmt.Fprintf(&b, "; %s does not serve this", t.PublicURL)
	}
	return b.String()
}

// doubt marks a version that the target may not hold.
func doubt(o publish.Outcome) string {
	if o.State == publish.Unconfirmed {
		return " (not confirmed)"
	}
	return ""
}

// changed tells whether something was written, whatever became of it.
func (t *TargetReport) changed() bool {
	return slices.ContainsFunc(t.Documents, func(o publish.Outcome) bool {
		return o.State != publish.Unchanged && o.State != publish.Ignored
	})
}

// verb sums up the states, the most remarkable first.
func (t *TargetReport) verb() string {
	seen := map[publish.State]bool{}
	for _, o := range t.Documents {
		seen[o.State] = true
	}
	switch {
	case !t.Current:
		return "incomplete"
	case seen[publish.Repaired]:
		return "repaired"
	case seen[publish.Written]:
		return "published"
	default:
		return "up to date"
	}
}

// Remarks returns a line for every document of which an operator should know
// more than that it is there.
func (t *TargetReport) Remarks() []string {
	var lines []string
	for _, o := range t.Documents {
		if o.Detail != "" && o.State != publish.Written {
			lines = append(lines, fmt.Sprintf("%s %s: %s", o.Name, o.State, o.Detail))
		}
	}
	return lines
}
