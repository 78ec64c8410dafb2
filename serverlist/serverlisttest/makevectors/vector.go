package main

import (
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/conformance"
)

// A vector is one folder to write.
type vector struct {
	name     string
	input    conformance.Input
	files    map[string][]byte
	expected conformance.Verdict
}

// newVector asks for a live document under trust1. The name begins with the
// layer that refuses, or with what holds.
func newVector(name, section, about, typ, file, document string, expected conformance.Verdict) vector {
	v := vector{
		name: name,
		input: conformance.Input{
			About:    about,
			Section:  section,
			Want:     conformance.Want{Origin: origin, Type: typ, Held: conformance.HeldLive},
			Document: file,
		},
		files:    map[string][]byte{file: []byte(document)},
		expected: expected,
	}
	return v.pinned(byAdmins(trust1()))
}

// onServers asks for a server list.
func onServers(name, section, about, document string, expected conformance.Verdict) vector {
	return newVector(name, section, about, "server-list/1", "server.list", document, expected)
}

// onMirrors asks for a mirror list.
func onMirrors(name, section, about, document string, expected conformance.Verdict) vector {
	return newVector(name, section, about, "mirror-list/1", "mirror.list", document, expected)
}

// onNext asks for the trust document that follows trust1.
func onNext(name, section, about, document string, expected conformance.Verdict) vector {
	return newVector(name, section, about, "trust/1", "next.trust", document, expected)
}

// onPinned asks whether a trust document may be pinned.
func onPinned(name, section, about, document string, expected conformance.Verdict) vector {
	v := newVector(name, section, about, "trust/1", "pinned.trust", document, expected)
	delete(v.files, v.input.Pinned)
	v.input.Pinned = ""
	return v
}

// pinned replaces the pinned trust document.
func (v vector) pinned(document string) vector {
	v.input.Pinned = "1.trust"
	v.files[v.input.Pinned] = []byte(document)
	return v
}

// walk adds trust documents to walk up.
func (v vector) walk(documents ...string) vector {
	for _, document := range documents {
		name := fmt.Sprintf("%d.trust", len(v.input.Chain)+2)
		v.input.Chain = append(v.input.Chain, name)
		v.files[name] = []byte(document)
	}
	return v
}

// stored makes the list one from a cache; firstSeen "" means that there is no
// record.
func (v vector) stored(firstSeen string) vector {
	v.input.Want.Held = conformance.HeldStored
	if firstSeen != "" {
		t, err := time.Parse(time.RFC3339, firstSeen)
		if err != nil {
			panic(err)
		}
		v.input.Want.FirstSeen = &t
	}
	return v
}

// static makes the list one that was shipped together with the trust documents
// up to this number.
func (v vector) static(shipped int64) vector {
	v.input.Want.Held = conformance.HeldStatic
	v.input.Want.Shipped = shipped
	return v
}

// limit sets the caller's own limits.
func (v vector) limit(limits conformance.Limits) vector {
	v.input.Limits = &limits
	return v
}

// holds is the verdict on a list of the usual version and epoch.
func holds(entries ...string) conformance.Verdict {
	return conformance.Verdict{Verdict: conformance.Holds, Version: version, Epoch: epoch, Entries: entries}
}

// trustHolds is the verdict on a trust document.
func trustHolds(number, epoch int64) conformance.Verdict {
	return conformance.Verdict{Verdict: conformance.Holds, Version: number, Epoch: epoch}
}

func refused(layer, reason string) conformance.Verdict {
	return conformance.Verdict{Verdict: conformance.Refused, Layer: layer, Reason: reason}
}

// or adds a refusal that a reader may reach as well.
func (v vector) or(layer, reason string) vector {
	v.expected.Or = append(v.expected.Or, conformance.Reason{Layer: layer, Reason: reason})
	return v
}
