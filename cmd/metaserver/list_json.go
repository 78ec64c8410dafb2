package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/probe"
)

// A listJSON is the stable form for programs.
type listJSON struct {
	Origin       string        `json:"origin"`
	Source       string        `json:"source"`
	Freshness    string        `json:"freshness"`
	Version      int64         `json:"version"`
	Epoch        int64         `json:"epoch"`
	Issued       time.Time     `json:"issued"`
	AgeSeconds   int64         `json:"age_seconds"`
	From         string        `json:"from"`
	ClockSuspect bool          `json:"clock_suspect"`
	Trust        int64         `json:"trust"`
	Signers      []string      `json:"signers"`
	Skipped      []string      `json:"skipped"`
	Attempts     []attemptJSON `json:"attempts"`
	Servers      []serverJSON  `json:"servers"`
}

type attemptJSON struct {
	URL      string    `json:"url"`
	Document string    `json:"document"`
	Outcome  string    `json:"outcome"`
	Detail   string    `json:"detail"`
	Started  time.Time `json:"started"`
	TookMS   int64     `json:"took_ms"`
}

func newListJSON(r serverlist.Result, live []probe.Live) listJSON {
	h := &r.List.Head
	l := listJSON{
		Origin: h.Origin, Source: string(r.Source), Freshness: string(r.Freshness),
		Version: h.Version, Epoch: h.Epoch, Issued: h.Issued,
		AgeSeconds: int64(r.Age / time.Second), From: r.From, ClockSuspect: r.ClockSuspect,
		Trust: r.Trust.Newest().Version, Signers: keyNames(r.List.Signers),
		Skipped: []string{}, Attempts: attemptsJSON(r.Attempts), Servers: []serverJSON{},
	}
	for _, e := range r.List.Skipped {
		l.Skipped = append(l.Skipped, e.Error())
	}
	for i, s := range r.List.Servers {
		entry := serverJSON{server: s}
		if live != nil {
			entry.server.Unknown = slices.DeleteFunc(slices.Clone(s.Unknown), func(m serverlist.Member) bool { return m.Name == "live" })
			entry.live = &live[i]
		}
		l.Servers = append(l.Servers, entry)
	}
	return l
}

func attemptsJSON(attempts []serverlist.Attempt) []attemptJSON {
	out := []attemptJSON{}
	for _, a := range attempts {
		out = append(out, attemptJSON{a.URL, a.Document, string(a.Outcome), a.Detail, a.Started.UTC(), a.Took.Milliseconds()})
	}
	return out
}

// A serverJSON is an entry with the members of the list and, if it was probed,
// a member live.
type serverJSON struct {
	server serverlist.Server
	live   *probe.Live
}

func (s serverJSON) MarshalJSON() ([]byte, error) {
	entry, err := s.server.MarshalJSON()
	if err != nil || s.live == nil {
		return entry, err
	}
	live, err := marshalPlain(s.live)
	if err != nil {
		return nil, err
	}
	entry = append(entry[:len(entry)-1], `,"live":`...)
	return append(append(entry, live...), '}'), nil
}

// marshalPlain is json.Marshal without escapes for HTML.
func marshalPlain(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
