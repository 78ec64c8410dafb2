package root

import (
	"net/netip"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
)

// reviewOf turns what the store knows into what an admin reads.
func reviewOf(r store.Review) api.Registration {
	out := api.Registration{
		ID:          r.ID,
		Name:        r.Server.Name,
		Addresses:   r.Server.Addresses,
		Status:      string(r.Status),
		Game:        r.Server.Game,
		Description: r.Server.Description,
		Version:     r.Server.Version,
		Region:      r.Server.Region,
		Languages:   r.Server.Languages,
		Tags:        r.Server.Tags,
		Website:     r.Server.Website,
		Key:         r.Server.Key,
		Email:       r.Email,
		Source:      addrText(r.Source),
		Requests:    r.Requests,
		Revision:    r.Revision,
		Created:     r.Created,
		Updated:     r.Updated,
		EntryID:     r.Entry,
		Decided:     timeOrNil(r.Decided),
		Admin:       r.Admin,
		Reason:      r.Reason,
		Kind:        string(r.Kind),
		Signed:      r.Signed,
		Conflicts:   []api.Conflict{},
		Findings:    findingsOf(r.Findings),
	}
	if scripts := store.Scripts(r.Server.Name); len(scripts) > 1 {
		out.Scripts = scripts
	}
	if r.LastSource != r.Source {
		out.LastSource = addrText(r.LastSource)
	}
	for _, e := range r.Server.Endpoints {
		out.Endpoints = append(out.Endpoints, api.Endpoint{Role: e.Role, Protocol: e.Protocol, Address: e.Address})
	}
	if p := r.Server.Probe; p != nil {
		out.Probe = &api.Probe{Protocol: p.Protocol, Port: p.Port}
	}
	for _, c := range r.Conflicts {
		out.Conflicts = append(out.Conflicts, api.Conflict{
			Kind:         string(c.Kind),
			Value:        c.Value,
			EntryID:      c.Entry,
			Registration: c.Registration,
		})
	}
	return out
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
