package root

import (
	"net/http"

	"github.com/signed-metaserver/metaserver/root/api"
)

// shownMessages is how many messages one answer holds.
const shownMessages = 200

// messages sends what is in the outbox, and what was.
func (s *server) messages(w http.ResponseWriter, r *http.Request) error {
	all, err := s.store.Messages(r.Context(), shownMessages)
	if err != nil {
		return err
	}
	out := []api.Message{}
	for _, m := range all {
		one := api.Message{
			ID: m.ID, Channel: m.Channel, Recipient: m.Recipient, Event: m.Event, Subject: m.Subject, Created: m.Created,
			Tries: m.Tries, Done: timeOrNil(m.Done), Error: m.Error,
		}
		if m.Done.IsZero() {
			one.Next = timeOrNil(m.Next)
		}
		out = append(out, one)
	}
	return writeJSON(w, http.StatusOK, out)
}

// testMessages sends a message to every admin and every webhook.
func (s *server) testMessages(w http.ResponseWriter, r *http.Request) error {
	n, err := s.teller.Test(r.Context(), adminOf(r))
	if err != nil {
		return err
	}
	if n == 0 {
		return problem(http.StatusConflict, "There is nobody to write to: root.toml has neither [mail] with admins nor a [[webhook]].")
	}
	return writeJSON(w, http.StatusAccepted, api.TestSent{Messages: n})
}
