package publish

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// Documents is a set to publish. Every document of the chain is published.
type Documents struct {
	Trust   *keys.Chain      // required
	Mirrors *serverlist.List // nil: the target's stays
	Servers *serverlist.List // nil: the target's stays
}

// A State says what became of one document.
type State string

// The states.
const (
	Unchanged State = "unchanged" // the target held it already
	Written   State = "written"   // it was absent or older; what was written was read back
	Repaired  State = "repaired"  // what was there did not verify; what was written was read back
	Kept      State = "kept"      // what the target holds is newer
	Conflict  State = "conflict"  // what the target holds has the same version and says something else; it stays
	Ignored   State = "ignored"   // a trust document of the target that follows from nothing; it stays

	// Unconfirmed documents were written, and an error came before they were
	// read back as they should be: the target holds this or what it held.
	Unconfirmed State = "unconfirmed"
)

// A Report says what [Set] did, in the order of publication. It ends where an
// error stopped it.
type Report struct {
	Documents []Outcome
}

// Changed tells whether anything was written, or may have been.
func (r Report) Changed() bool {
	for _, o := range r.Documents {
		if o.State == Written || o.State == Repaired || o.State == Unconfirmed {
			return true
		}
	}
	return false
}

// doubt takes back what the report says of documents that were not read back.
func (r *Report) doubt(unseen []change) {
	for i, o := range r.Documents {
		if slices.ContainsFunc(unseen, func(c change) bool { return c.name == o.Name }) {
			r.Documents[i].State = Unconfirmed
		}
	}
}

// An Outcome is what became of one document.
type Outcome struct {
	Name     string `json:"name"`
	State    State  `json:"state"`
	Version  int64  `json:"version"`            // of what the target holds now; if Unconfirmed, of what was written
	Replaces int64  `json:"replaces,omitempty"` // version of the older edition that was there; 0: none, or it did not verify
	Detail   string `json:"detail,omitempty"`   // what an operator should know beyond that; empty if nothing
}

// EquivocationError means that two different documents with one number both
// verify: a signing key is in two hands, or a root was restored from a backup
// and numbers were used again.
type EquivocationError struct {
	Name        string
	Held, Given []byte // both verify: heads of lists, whole trust documents
}

func (e *EquivocationError) Error() string {
	return fmt.Sprintf("%s: the target holds a different document of the same version, and both are signed (sha256 of the heads: held %x, given %x); what is held stays. "+
		"Either a key is in two hands, or the root was restored from a backup; show both to the admins of the root",
		e.Name, sha256.Sum256(e.Held), sha256.Sum256(e.Given))
}

// Set brings a target to the given documents: trust documents first, in their
// order, then the mirror list, then the server list, so that whoever reads in
// between finds what is needed to verify the rest. What the target holds is
// read back and verified first, as live under the newest trust document that
// either side knows:
//
//   - what is the same document stays, and nothing is sent;
//   - what is newer stays and is reported, without error;
//   - what is older, or does not verify, is replaced and reported;
//   - what has the same version and is another document stays, and is an
//     [EquivocationError]; a fork of the trust documents stops everything.
//
// No document is ever removed. What was written is read back and verified in a
// session of its own. A target that cannot be read is not written to, because
// what it holds may be newer. After an error the target holds complete
// documents, older or newer ones, if the target replaces files as
// [Session.Write] asks, and the next call goes on from there. Errors name the
// document, not the target: the caller knows that. The report is valid also
// with an error.
func Set(ctx context.Context, t Target, docs Documents) (Report, error) {
	if err := docs.check(); err != nil {
		return Report{}, err
	}
	s, err := t.Open(ctx)
	if err != nil {
		return Report{}, err
	}
	d, err := update(ctx, s, docs)
	if err := errors.Join(err, s.Close()); err != nil {
		d.report.doubt(d.written)
		return d.report, errors.Join(d.refused, err)
	}
	err = confirm(ctx, t, docs.Trust, d.written, &d.report)
	return d.report, errors.Join(d.refused, err)
}

// check refuses a set that clients would refuse.
func (d Documents) check() error {
	if d.Trust == nil {
		return errors.New("a set to publish needs the chain of trust documents")
	}
	if err := holds(d.Mirrors, MirrorList, serverlist.TypeMirrorList, d.Trust); err != nil {
		return err
	}
	return holds(d.Servers, ServerList, serverlist.TypeServerList, d.Trust)
}

// holds tells whether the list would be accepted as live under the chain.
func holds(l *serverlist.List, name, typ string, chain *keys.Chain) error {
	if l == nil {
		return nil
	}
	want := serverlist.Want{Origin: chain.Origin(), Type: typ}
	if _, err := serverlist.OpenHead(l.Bytes(), want, chain); err != nil {
		return fmt.Errorf("%s does not hold under %s and cannot be published beside it: %w",
			name, TrustName(chain.Newest().Version), err)
	}
	return nil
}

// A change is one document to write.
type change struct {
	name string
	data []byte
	list *serverlist.List // nil: a trust document
}

// What is done in one session.
type done struct {
	report  Report
	written []change
	refused error // why some documents were not to be written
}

// update plans and writes. What it returns counts also with an error.
func update(ctx context.Context, s Session, docs Documents) (done, error) {
	held, err := readBack(ctx, s, docs)
	if err != nil {
		return done{}, err
	}
	p := &plan{held: held}
	p.trust(docs.Trust)
	p.list(MirrorList, serverlist.TypeMirrorList, docs.Mirrors, held.Mirrors)
	p.list(ServerList, serverlist.TypeServerList, docs.Servers, held.Servers)

	d := done{refused: p.err}
	for _, step := range p.steps {
		if step.change != nil {
			if err := s.Write(ctx, step.change.name, step.change.data); err != nil {
				return d, fmt.Errorf("writing %s: %w", step.change.name, err)
			}
			d.written = append(d.written, *step.change)
		}
		d.report.Documents = append(d.report.Documents, step.Outcome)
	}
	return d, nil
}

// A plan is the list of steps, in the order of publication.
type plan struct {
	held  *Holding
	steps []step
	err   error
}

// A step is an outcome, and the change that brings it about, if there is one.
type step struct {
	Outcome
	change *change
}

func (p *plan) add(o Outcome, c *change) { p.steps = append(p.steps, step{o, c}) }

func (p *plan) fail(err error) { p.err = errors.Join(p.err, err) }

// trust plans the trust documents: those of the set, then those that only the
// target has.
func (p *plan) trust(chain *keys.Chain) {
	for _, doc := range chain.Documents() {
		name := TrustName(doc.Version)
		o := Outcome{Name: name, State: Unchanged, Version: doc.Version, Detail: p.lineEnds(name)}
		if p.held.same[name] {
			p.add(o, nil)
			continue
		}
		o.State, o.Detail = p.reason(name)
		p.add(o, &change{name: name, data: doc.Bytes()})
	}
	known := chain.Newest().Version
	for _, doc := range p.held.Trust.Documents() {
		if doc.Version > known {
			p.add(Outcome{Name: TrustName(doc.Version), State: Kept, Version: doc.Version, Detail: "the target is ahead in trust documents"}, nil)
		}
	}
	next := p.held.Trust.Newest().Version + 1
	if err := p.held.Refused[TrustName(next)]; err != nil {
		p.add(Outcome{Name: TrustName(next), State: Ignored, Version: next, Detail: fmt.Sprintf(
			"it does not follow from %s and counts for nobody; it stays until a document that does takes its place (%v)", TrustName(next-1), err)}, nil)
	}
}

// list plans a list: given is to be published, held is what is there.
func (p *plan) list(name, typ string, given, held *serverlist.List) {
	if given == nil {
		return
	}
	o := Outcome{Name: name, State: Unchanged, Version: given.Head.Version}
	order := 1
	if held != nil {
		order = given.Compare(held)
	}
	switch {
	case order < 0:
		o.State, o.Version = Kept, held.Head.Version
		o.Detail = fmt.Sprintf("the target holds %s, newer than %s", edition(held), edition(given))
	case order == 0 && given.Same(held):
		o.Detail = p.lineEnds(name)
	case order == 0:
		o.State = Conflict
		p.fail(&EquivocationError{Name: name, Held: held.Text(), Given: given.Text()})
	default:
		p.replace(o, typ, given, held)
		return
	}
	p.add(o, nil)
}

// replace plans to write a list, unless the target knows a newer trust
// document under which the list no longer counts.
func (p *plan) replace(o Outcome, typ string, given, held *serverlist.List) {
	if err := holds(given, o.Name, typ, p.held.Trust); err != nil {
		p.fail(fmt.Errorf("%w; the target has that trust document", err))
		return
	}
	if held != nil {
		o.Replaces = held.Head.Version
	}
	o.State, o.Detail = p.reason(o.Name)
	p.add(o, &change{name: o.Name, data: given.Bytes(), list: given})
}

// reason tells a repair from an ordinary write.
func (p *plan) reason(name string) (State, string) {
	err := p.held.Refused[name]
	if outlived := new(outlivedError); errors.As(err, &outlived) {
		return Written, "what was there was signed by keys that newer trust documents have replaced"
	}
	if err != nil {
		return Repaired, fmt.Sprintf("what was there did not verify: %v", err)
	}
	return Written, ""
}

func (p *plan) lineEnds(name string) string {
	if p.held.crlf[name] {
		return crlfAdvice
	}
	return ""
}

const crlfAdvice = "the host turns line ends into CRLF; clients cope, but use binary transfer"

func edition(l *serverlist.List) string {
	return fmt.Sprintf("edition %d of epoch %d", l.Head.Version, l.Head.Epoch)
}
