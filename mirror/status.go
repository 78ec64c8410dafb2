package mirror

import (
	"context"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/publish"
)

// A Status says what is published where. Its JSON form is stable.
type Status struct {
	OK      bool           `json:"ok"` // every target was read, holds what the root has, and none is stale or about to be
	Time    time.Time      `json:"time"`
	Origin  string         `json:"origin"`
	Root    RootStatus     `json:"root"`
	Targets []TargetStatus `json:"targets"`
}

// A RootStatus says what the root serves.
type RootStatus struct {
	URL       string           `json:"url"`
	Trust     int64            `json:"trust,omitempty"`
	Documents []DocumentStatus `json:"documents,omitempty"`
	Behind    bool             `json:"behind,omitempty"` // a target holds something newer: the root was restored from a backup, or a cache in front of it is behind
	Error     string           `json:"error,omitempty"`
}

// A TargetStatus says what a target holds.
type TargetStatus struct {
	Target     string            `json:"target"`
	PublicURL  string            `json:"public_url,omitempty"`
	Trust      int64             `json:"trust,omitempty"`     // number of the newest trust document that it has; 0: none, or not read
	Documents  []DocumentStatus  `json:"documents,omitempty"` // the lists that verify
	Refused    map[string]string `json:"refused,omitempty"`   // what is there and does not verify, and why
	Behind     bool              `json:"behind"`              // the root, or another target, has something newer
	Freshness  Freshness         `json:"freshness,omitempty"`
	FreshUntil time.Time         `json:"fresh_until,omitzero"`
	Error      string            `json:"error,omitempty"` // why it could not be read
}

// A DocumentStatus is one list.
type DocumentStatus struct {
	Name       string    `json:"name"`
	Version    int64     `json:"version"`
	Epoch      int64     `json:"epoch"`
	Issued     time.Time `json:"issued"`
	FreshUntil time.Time `json:"fresh_until"`
	Age        int64     `json:"age"` // seconds
	Freshness  Freshness `json:"freshness"`
	Behind     bool      `json:"behind"` // the root, or a target, has a newer one

	head keys.Head
}

// Status reads every target back and asks the root for the heads of its lists.
// It changes nothing. Its error tells that the context has ended.
func (m *Mirror) Status(ctx context.Context) (Status, error) {
	r := m.newRun()
	defer r.visits.Wait()
	r.readTargets(ctx, 0)
	s := Status{OK: true, Time: m.cfg.Now().UTC().Truncate(time.Second), Origin: m.Origin(), Root: r.rootStatus(ctx)}
	newest := map[string]keys.Head{}
	note := func(docs []DocumentStatus) {
		for _, d := range docs {
			if known, ok := newest[d.Name]; !ok || serverlist.CompareHeads(&d.head, &known) > 0 {
				newest[d.Name] = d.head
			}
		}
	}
	note(s.Root.Documents)
	for i := range m.cfg.Targets {
		s.Targets = append(s.Targets, r.targetStatus(i))
		note(s.Targets[i].Documents)
	}
	markBehind(s.Root.Documents, newest)
	for _, d := range s.Root.Documents {
		s.Root.Behind = s.Root.Behind || d.Behind
	}
	s.OK = s.Root.Error == ""
	for i := range s.Targets {
		t := &s.Targets[i]
		markBehind(t.Documents, newest)
		t.Behind = t.Error == "" && t.behind(newest, r.chain.Newest().Version)
		s.OK = s.OK && t.Error == "" && !t.Behind && len(t.Refused) == 0 && t.Freshness == Fresh
	}
	return s, ctx.Err()
}

// markBehind marks the lists of which a newer edition is known.
func markBehind(docs []DocumentStatus, newest map[string]keys.Head) {
	for i := range docs {
		best := newest[docs[i].Name]
		docs[i].Behind = serverlist.CompareHeads(&docs[i].head, &best) < 0
	}
}

// behind tells whether something newer than what the target holds is known.
func (t *TargetStatus) behind(newest map[string]keys.Head, trust int64) bool {
	held := map[string]keys.Head{}
	for _, d := range t.Documents {
		held[d.Name] = d.head
	}
	for name, best := range newest {
		if have, ok := held[name]; !ok || serverlist.CompareHeads(&have, &best) < 0 {
			return true
		}
	}
	return t.Trust < trust
}

// rootStatus asks for trust documents and heads; bodies are not fetched.
func (r *run) rootStatus(ctx context.Context) RootStatus {
	s := RootStatus{URL: r.m.cfg.Root}
	if err := r.extend(ctx, s.URL); err != nil {
		s.Error = explainRoot(err)
		return s
	}
	s.Trust = r.chain.Newest().Version
	for _, d := range r.documents() {
		url, err := serverlist.DocumentURL(s.URL, d.name)
		if err == nil {
			var note *keys.Note
			if note, err = r.m.fetcher.Head(ctx, url, r.want(d), r.chain); err == nil {
				s.Documents = append(s.Documents, r.m.document(d.name, &note.Head))
			}
		}
		if err != nil {
			s.Error = err.Error()
			return s
		}
	}
	return s
}

func (r *run) targetStatus(i int) TargetStatus {
	t := r.m.cfg.Targets[i]
	s := TargetStatus{Target: t.String(), PublicURL: t.PublicURL}
	h := r.held[i]
	if h == nil {
		s.Error = r.unread[i]
		return s
	}
	s.Trust = h.HeldTrust()
	if h.Mirrors != nil {
		s.Documents = append(s.Documents, r.m.document(publish.MirrorList, &h.Mirrors.Head))
	}
	if h.Servers != nil {
		s.Documents = append(s.Documents, r.m.document(publish.ServerList, &h.Servers.Head))
	}
	for name, err := range h.Refused {
		if s.Refused == nil {
			s.Refused = map[string]string{}
		}
		s.Refused[name] = err.Error()
	}
	a := r.m.age(h.Servers, h.Mirrors)
	s.Freshness, s.FreshUntil = a.at(r.m.cfg.Now()), a.freshUntil
	return s
}

func (m *Mirror) document(name string, h *keys.Head) DocumentStatus {
	now := m.cfg.Now()
	return DocumentStatus{
		Name: name, Version: h.Version, Epoch: h.Epoch, Issued: h.Issued, FreshUntil: h.FreshUntil,
		Age: max(0, int64(now.Sub(h.Issued)/time.Second)), Freshness: m.ageOf(h).at(now), head: *h,
	}
}

// Fading tells whether what some target holds is stale or about to be.
func (s *Status) Fading() bool {
	for _, t := range s.Targets {
		if t.Freshness == Stale || t.Freshness == Expiring {
			return true
		}
	}
	return false
}

// State sums up in a word or two.
func (d *DocumentStatus) State() string {
	if d.Behind {
		return string(d.Freshness) + ", behind"
	}
	return string(d.Freshness)
}

// AgeNow returns the time since the list was issued.
func (d *DocumentStatus) AgeNow() time.Duration { return time.Duration(d.Age) * time.Second }
