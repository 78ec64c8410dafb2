package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/signed-metaserver/metaserver/root/proofofwork"
)

// WorkType is the type of a [Problem] that asks for a proof of work: the same
// request may be sent again with one. Package root/proofofwork says how it is made.
const WorkType = "tag:github.com,2026:signed-metaserver/proof-of-work"

// A ProofOfWork is the puzzle of such a problem. Its solution is sent in the
// header Proof-Of-Work: the challenge, a space, and a number.
type ProofOfWork struct {
	Origin    string    `json:"origin"`
	Challenge string    `json:"challenge"`
	Bits      int       `json:"bits"`    // zero bits that the hash must begin with
	Expires   time.Time `json:"expires"` // until then the challenge holds
}

// maxPuzzles is how often in a row a root may ask for work: it may grow harder
// in the meantime.
const maxPuzzles = 3

// callWorking sends a request, and again with a proof of work if the root asks
// for one.
func (c *Client) callWorking(ctx context.Context, path string, body, out any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	proof := ""
	for puzzles := 0; ; puzzles++ {
		err := c.send(ctx, http.MethodPost, path, madeJSON(data), proof, out)
		var p *Problem
		if !errors.As(err, &p) || p.Type != WorkType || p.Work == nil || puzzles == maxPuzzles {
			return err
		}
		if proof, err = c.solve(ctx, *p.Work, data); err != nil {
			return err
		}
	}
}

func (c *Client) solve(ctx context.Context, w ProofOfWork, body []byte) (string, error) {
	var tried func(uint64)
	if c.Working != nil {
		tried = func(tries uint64) { c.Working(w, tries) }
		tried(0)
	}
	return proofofwork.Solve(ctx, proofofwork.Puzzle{Origin: w.Origin, Challenge: w.Challenge, Bits: w.Bits}, body, tried)
}

// madeJSON is a body that is JSON already.
type madeJSON []byte
