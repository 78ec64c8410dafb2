package main

import (
	"fmt"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
)

// probed says in a word or two what came of asking a request's server.
func probed(f *api.Findings) string {
	switch {
	case f == nil:
		return "not yet"
	case f.Probe.State == "online" && f.Probe.Protocol == "tcp":
		return "connects"
	case f.Probe.State == "online":
		return "answers"
	case f.Probe.State == "offline":
		return "silent"
	}
	return "not asked"
}

// findingLines are what was found out about a request, as names and values of a
// table.
func findingLines(f *api.Findings, line func(name, value string)) {
	if f == nil {
		line("looked at", "not yet (or [check] of root.toml says that nobody looks); \"show --look\" looks now")
		return
	}
	line("looked at", formatTime(f.At)+" ("+ago(f.At)+")")
	for _, h := range f.Hosts {
		line("dns", hostText(h))
	}
	if len(f.Source.Names) > 0 {
		line("dns", hostText(f.Source)+" (the source)")
	}
	if f.Source.Host != "" && leadsTo(f.Hosts, f.Source.Host) {
		line("from", "the request came from an address of the server itself")
	}
	line("probe", probeText(f.Probe))
}

func hostText(h api.HostFound) string {
	text := h.Host
	if len(h.Addresses) > 0 && (len(h.Addresses) > 1 || h.Addresses[0] != h.Host) {
		text += " is " + strings.Join(h.Addresses, ", ")
	}
	if len(h.Names) > 0 {
		text += ", reverse DNS: " + strings.Join(h.Names, ", ")
	}
	if h.Error != "" {
		text += ": " + h.Error
	}
	return text
}

func leadsTo(hosts []api.HostFound, address string) bool {
	for _, h := range hosts {
		for _, a := range h.Addresses {
			if a == address {
				return true
			}
		}
	}
	return false
}

func probeText(p api.ProbeFinding) string {
	var parts []string
	switch {
	case p.State == "online" && p.Protocol == "tcp":
		parts = append(parts, "something accepts connections")
	case p.State == "online":
		parts = append(parts, "a "+p.Protocol+" server answers")
	default:
		parts = append(parts, p.State)
	}
	if p.Address != "" {
		parts = append(parts, "at "+p.Address)
	}
	if p.RTT > 0 {
		parts = append(parts, fmt.Sprintf("in %.0f ms", p.RTT))
	}
	if p.Software != "" {
		parts = append(parts, "as \""+p.Software+"\"")
	}
	if p.Error != "" {
		parts = append(parts, "("+p.Error+")")
	}
	return strings.Join(parts, " ")
}

// pastText tells of another registration of the same people.
func pastText(p api.Past) string {
	text := fmt.Sprintf("%s %s, %s", p.ID, p.Status, ago(p.Created))
	text += fmt.Sprintf(": %s (same %s)", p.Name, strings.Join(p.Because, ", "))
	if p.Reason != "" {
		text += ", reason: " + p.Reason
	}
	return text
}
