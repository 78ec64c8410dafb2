package publish

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/signed-metaserver/metaserver/keys"
)

// confirm reads back what was written, in a session of its own, because a
// host may accept a document and hold something else: cut off, with a banner
// appended, with other line ends. The report takes back what did not come back.
func confirm(ctx context.Context, t Target, chain *keys.Chain, written []change, report *Report) error {
	if len(written) == 0 {
		return nil
	}
	s, err := t.Open(ctx)
	if err != nil {
		report.doubt(written)
		return fmt.Errorf("reading back what was written: %w", err)
	}
	h := &Holding{Trust: chain, Refused: map[string]error{}, crlf: map[string]bool{}}
	for i, c := range written {
		if err = h.confirm(ctx, s, c); err != nil {
			report.doubt(written[i:])
			break
		}
	}
	for i, o := range report.Documents {
		if h.crlf[o.Name] {
			report.Documents[i].Detail = crlfAdvice
		}
	}
	return errors.Join(err, s.Close())
}

func (h *Holding) confirm(ctx context.Context, s Session, c change) error {
	same, err := h.cameBack(ctx, s, c)
	if err != nil {
		return err
	}
	switch {
	case same:
		return nil
	case h.Refused[c.name] != nil:
		return fmt.Errorf("%s was written, and what came back does not verify: the host cut or changed it (%w)", c.name, h.Refused[c.name])
	default:
		return fmt.Errorf("%s was written, and something else came back: the host keeps an older copy, or another program writes there too", c.name)
	}
}

// cameBack tells whether the target has what was written, or a newer edition
// that someone else has published since.
func (h *Holding) cameBack(ctx context.Context, s Session, c change) (bool, error) {
	if c.list == nil {
		data, err := h.readTrust(ctx, s, c.name)
		return bytes.Equal(data, c.data), err
	}
	list, err := h.readList(ctx, s, c.name, c.list.Head.Type, c.list)
	if list == nil || err != nil {
		return false, err
	}
	return list.Same(c.list) || list.Compare(c.list) > 0, nil
}
