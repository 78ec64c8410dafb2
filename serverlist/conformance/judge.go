package conformance

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A Reader is one of the ways in which package serverlist reads a list.
type Reader func(document []byte, want serverlist.Want, chain *keys.Chain) (*serverlist.List, error)

// ByteByByte reads a list that arrives in the smallest pieces there are.
func ByteByByte(document []byte, want serverlist.Want, chain *keys.Chain) (*serverlist.List, error) {
	return serverlist.Read(oneByte{bytes.NewReader(document)}, want, chain)
}

// oneByte gives one byte at a time.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }

// Judge reaches the verdict of this module's own reader on the vector in a
// folder; read is how a list is read, as [serverlist.Open] or [ByteByByte].
// Trust documents are read by package keys. The folder needs no expected.json.
// An error means that the vector itself is faulty.
func Judge(files fs.FS, read Reader) (Verdict, error) {
	var in Input
	if err := readJSON(files, InputFile, &in); err != nil {
		return Verdict{}, err
	}
	document, err := fs.ReadFile(files, in.Document)
	if err != nil {
		return Verdict{}, err
	}
	if in.Pinned == "" {
		return verdictOfChain(keys.NewChain(document))
	}
	chain, err := loadChain(files, &in)
	if err != nil {
		return Verdict{}, err
	}
	if in.Want.Type == keys.TypeTrust {
		return verdictOfChain(chain.Extend(document))
	}
	want, err := in.want(chain)
	if err != nil {
		return Verdict{}, err
	}
	list, err := read(document, want, chain)
	if err != nil {
		return refusal(err)
	}
	return verdictOfList(list), nil
}

// loadChain walks up from the pinned document. A trust document that is
// refused ends the walk, as it does for clients.
func loadChain(files fs.FS, in *Input) (*keys.Chain, error) {
	pinned, err := fs.ReadFile(files, in.Pinned)
	if err != nil {
		return nil, err
	}
	chain, err := keys.NewChain(pinned)
	if err != nil {
		return nil, fmt.Errorf("pinned trust document: %w", err)
	}
	for _, name := range in.Chain {
		next, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		longer, err := chain.Extend(next)
		if err != nil {
			return chain, nil
		}
		chain = longer
	}
	return chain, nil
}

// want translates what the vector wants.
func (in *Input) want(chain *keys.Chain) (serverlist.Want, error) {
	w := serverlist.Want{Origin: in.Want.Origin, Type: in.Want.Type}
	if in.Limits != nil {
		w.Limits = serverlist.Limits(*in.Limits)
	}
	if in.Want.FirstSeen != nil {
		w.FirstSeen = *in.Want.FirstSeen
	}
	switch in.Want.Held {
	case HeldLive:
	case HeldStored:
		w.Held = serverlist.Stored
	case HeldStatic:
		w.Held = serverlist.Static
		shipped, ok := issueTime(chain, in.Want.Shipped)
		if !ok {
			return w, fmt.Errorf("the chain has no trust document %d", in.Want.Shipped)
		}
		w.Shipped = shipped
	default:
		return w, fmt.Errorf("a document cannot be held as %q", in.Want.Held)
	}
	return w, nil
}

func issueTime(chain *keys.Chain, number int64) (time.Time, bool) {
	for _, t := range chain.Documents() {
		if t.Version == number {
			return t.Issued, true
		}
	}
	return time.Time{}, false
}

func verdictOfChain(chain *keys.Chain, err error) (Verdict, error) {
	if err != nil {
		return refusal(err)
	}
	t := chain.Newest()
	return Verdict{Verdict: Holds, Version: t.Version, Epoch: t.Epoch}, nil
}

func verdictOfList(list *serverlist.List) Verdict {
	v := Verdict{Verdict: Holds, Version: list.Head.Version, Epoch: list.Head.Epoch}
	for i := range list.Servers {
		v.Entries = append(v.Entries, list.Servers[i].ID)
	}
	for i := range list.Mirrors {
		v.Entries = append(v.Entries, list.Mirrors[i].ID)
	}
	for _, e := range list.Skipped {
		v.Reports = append(v.Reports, Report{e.Line, e.Name})
	}
	return v
}

// refusal is the verdict of an error about the document; any other error is
// about the vector.
func refusal(err error) (Verdict, error) {
	var e *keys.Error
	if !errors.As(err, &e) {
		return Verdict{}, err
	}
	return Verdict{Verdict: Refused, Layer: string(e.Layer), Reason: e.Name}, nil
}
