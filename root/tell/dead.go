package tell

import (
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

// deadToAdmins writes to the admins of a server that does not answer, as nobody
// else has decided about it: of the first of an hour that is silent, and of the
// first that goes out of the list. Webhooks are told of each.
func (t *Teller) deadToAdmins(r audit.Record, l serverLetter) []store.Message {
	var subject, more string
	switch r.Action {
	case store.ActionWarnDead:
		subject = fmt.Sprintf("the server of entry %s does not answer", l.Entry)
		more = "Its owner is written to. What else has been silent for so long is not written about within this hour."
	case store.ActionRemoveDead:
		subject = fmt.Sprintf("entry %s is left out of the list, it does not answer", l.Entry)
		more = "Its owner is written to, and it comes back by itself. Others that go within this hour are not written about."
	default:
		return nil
	}
	mail := Teller{origin: t.origin, admins: t.admins}
	body := wrap(plainLine(l.Reason)) + "\n" + wrap(more) + "\nmetaserver admin entry " + l.Entry + "\nmetaserver admin entries --state suspended\n"
	return mail.toAdmins(fmt.Sprintf("%s %s", r.Action, r.Time.UTC().Truncate(time.Hour).Format(time.RFC3339)), tidings[r.Action].event, subject, body, nil)
}
