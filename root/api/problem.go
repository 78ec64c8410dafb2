package api

import (
	"fmt"
	"strings"
	"time"
)

// ProblemType is the content type of a [Problem].
const ProblemType = "application/problem+json"

// A Problem is a problem document: why a request was refused, and what to do.
// It is the error of the [Client] for every answer that is not a success.
type Problem struct {
	Type   string         `json:"type"`             // "about:blank": Title is that of the status
	Title  string         `json:"title"`            // of the status, as "Not Found"
	Status int            `json:"status"`           // HTTP status
	Detail string         `json:"detail,omitempty"` // what was wrong here, and what to do about it
	Errors []FieldProblem `json:"errors,omitempty"` // each wrong member of the request

	Work *ProofOfWork `json:"proof_of_work,omitempty"` // what the request needs to be taken, with the type WorkType

	RetryAfter time.Duration `json:"-"` // of the header; zero: none
}

// A FieldProblem is one wrong member of a request.
type FieldProblem struct {
	Field   string `json:"field"`   // the member's name, as "name" or "addresses[0]"
	Problem string `json:"problem"` // what is wrong with its value, and what would be right
}

// Error tells the whole problem, one wrong member per line.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Detail)
	if p.Detail == "" {
		fmt.Fprintf(&b, "the root answered %d %s", p.Status, p.Title)
	}
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "\n  %s: %s", e.Field, e.Problem)
	}
	return b.String()
}

// NoSuchPath is the detail of the problem of a path that is no route, unlike
// that of a thing that does not exist.
const NoSuchPath = "There is nothing at this path."
