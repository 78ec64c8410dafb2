package web

import (
	"net/url"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
)

// An OfferView is what the page of an offer that was just made shows, once.
type OfferView struct {
	Page
	Name    string // of the server
	To      string // e-mail address of the new owner
	URL     string // for the new owner: a secret
	Expires time.Time
	Back    string // path to the status page, relative to this one
}

// Offered makes the page.
func Offered(v OfferView) ([]byte, error) { return render("offered", v) }

// OfferFields asks whom an entry is offered to.
func OfferFields() []Field {
	return []Field{{Name: "email", Label: "E-mail address of the new owner", Type: "email", Required: true,
		Hint: "Only who gives this address can take the entry over. It is never published."}}
}

// OfferRequest makes of what was typed the request that a program would send.
func OfferRequest(values url.Values) api.Offer {
	return api.Offer{Email: oneLine(values.Get("email"))}
}

// TakeOverFields asks whom an entry was offered to.
func TakeOverFields() []Field {
	return []Field{
		{Name: "email", Label: "Your e-mail address", Type: "email", Required: true, Autocomplete: "email",
			Hint: "The one that the entry was offered to. It is never published."},
		{Name: "key", Label: "Key of the server", Type: "text",
			Hint: "The server's new ed25519 public key, base64 of 32 bytes. Empty: it has none any more, whatever it had."},
	}
}

// TakeOverRequest makes of what was typed the request that a program would send.
func TakeOverRequest(values url.Values) api.TakeOver {
	return api.TakeOver{Email: oneLine(values.Get("email")), Key: oneLine(values.Get("key"))}
}
