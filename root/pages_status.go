package root

import (
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/web"
)

// statusPage is [server.status] for people.
func (s *server) statusPage(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("X-Robots-Tag", "noindex")
	status, err := s.statusOf(r.Context(), chi.URLParam(r, "id"), chi.URLParam(r, "token"))
	if err != nil {
		return err
	}
	view := s.statusView(&status)
	view.Page = s.webPage(r, view.Name)
	view.Secret = true
	html, err := web.Status(view)
	return s.sendPage(w, http.StatusOK, html, err)
}

// statusView puts a status into words.
func (s *server) statusView(status *api.Status) web.StatusView {
	v := web.StatusView{Name: status.Name, State: status.Status, Reason: status.Reason}
	v.Headline, v.Explanation = s.stateText(status)
	v.Details = []web.Detail{{Term: "Request", Text: status.ID, Code: true}}
	if status.EntryID != "" {
		v.Details = append(v.Details, web.Detail{Term: "Entry in the list", Text: status.EntryID, Code: true})
	}
	v.Details = append(v.Details, web.Detail{Term: "Sent", At: status.Created})
	if !status.Updated.Equal(status.Created) {
		v.Details = append(v.Details, web.Detail{Term: "Sent again", At: status.Updated})
	}
	if status.Decided != nil {
		v.Details = append(v.Details, web.Detail{Term: "Decided", At: *status.Decided})
	}
	return v
}

// stateText says what a state means and what comes next.
func (s *server) stateText(status *api.Status) (headline, explanation string) {
	switch store.Status(status.Status) {
	case store.Pending:
		return "It waits for an admin.", fmt.Sprintf("It has waited for %s. Nothing is listed before somebody has looked at it. Look here again later.",
			web.Age(s.now().Sub(status.Updated)))
	case store.Approved:
		return "It is approved.", "The list has it. Mirrors follow within their schedule, most of them within hours."
	case store.Rejected:
		return "It is rejected.", "The list does not have it. You may send another request that meets the reason."
	case store.Revoked:
		return "It was approved, and taken out of the list later.", ""
	}
	return status.Status, ""
}
