package web

import (
	"net/url"

	"github.com/signed-metaserver/metaserver/root/api"
)

// MirrorFields asks for a mirror.
func MirrorFields() []Field {
	return []Field{
		{Name: "id", Label: "Id of the mirror", Type: "text", Required: true, Hint: "Small letters, digits and hyphens, as example-net; at most 64."},
		{Name: "urls", Label: "URL", Rows: 2, Required: true,
			Hint: "The folder in which server.list and mirror.list lie, as https://example.net/ms/. Several URLs of the same files: one per line, the best first."},
		{Name: "operator", Label: "Who runs it", Type: "text", Required: true, Hint: "A name, which is published; clients spread over operators."},
		{Name: "email", Label: "Your e-mail address", Type: "email", Required: true, Autocomplete: "email",
			Hint: "To write to you about this request, and when the mirror is ill. It is never published."},
		{Name: "region", Label: "Region", Type: "text", Hint: "Where the mirror stands, as Northern Europe."},
		{Name: "contact", Label: "Contact", Type: "text", Hint: "How anybody may reach you. It is published."},
	}
}

// MirrorRequest makes of what was typed the request that a program would send.
func MirrorRequest(values url.Values) api.MirrorRequest {
	get := func(name string) string { return oneLine(values.Get(name)) }
	return api.MirrorRequest{
		ID: get("id"), Operator: get("operator"), Region: get("region"), Contact: get("contact"), Email: get("email"),
		URLs: split(values.Get("urls"), "\n "),
	}
}
