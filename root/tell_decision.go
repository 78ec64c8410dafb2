package root

import (
	"fmt"
	"strings"

	"github.com/signed-metaserver/metaserver/root/store"
)

// decided tells whoever has asked for a mirror to be listed what has become of
// it. A request is decided once, and its id is in the key of the message.
func (t *teller) decided(r store.MirrorRegistration) []store.Message {
	if !t.mail || r.Email == "" {
		return nil
	}
	what := "is accepted"
	if r.Status == store.Rejected {
		what = "is turned down"
	}
	return []store.Message{{
		Key:       fmt.Sprintf("decided %s %s", r.ID, r.Email),
		Recipient: r.Email,
		Event:     "requester.decided",
		Bounded:   true,
		Subject:   fmt.Sprintf("[%s] mirror %s %s", t.origin, r.Mirror.ID, what),
		Body:      t.toRequester(r),
	}}
}

func (t *teller) toRequester(r store.MirrorRegistration) string {
	var b strings.Builder
	b.WriteString(wrap(fmt.Sprintf("Somebody, most likely you, has asked for the mirror %s to be put into the mirror list of %s (request %s).", r.Mirror.ID, t.origin, r.ID)))
	b.WriteString("\n")
	if r.Status == store.Rejected {
		b.WriteString(wrap("An admin has turned the request down:") + "\n" + wrap(strings.Map(printable, r.Reason)))
		return b.String()
	}
	under := ""
	if r.Entry != r.Mirror.ID {
		under = ", under the id " + r.Entry
	}
	b.WriteString(wrap("An admin has accepted the request" + under + ": the next mirror list has the mirror. " +
		"The root looks at it from now on, and writes to this address when it is ill."))
	return b.String()
}
