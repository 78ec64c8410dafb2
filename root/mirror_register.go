package root

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-chi/chi/v5"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// registerMirror puts a mirror's request into its queue. It answers 202 only
// when the request is durable.
func (s *server) registerMirror(w http.ResponseWriter, r *http.Request) error {
	src := s.proxies.SourceOf(r)
	exempt, err := s.admitTo(s.floods.Mirrors, r, src)
	if err != nil {
		return err
	}
	return s.takeMirror(w, r, src, exempt)
}

// registerMirrorByAdmin puts into the queue what an admin sends.
func (s *server) registerMirrorByAdmin(w http.ResponseWriter, r *http.Request) error {
	return s.takeMirror(w, r, s.adminSource(r), true)
}

func (s *server) takeMirror(w http.ResponseWriter, r *http.Request, src limit.Source, exempt bool) error {
	var req api.MirrorRequest
	src.Proof = limit.SentProofOf(r)
	form, err := s.bodies.decode(w, r, &req)
	if err != nil {
		return err
	}
	accepted, err := s.acceptMirror(r.Context(), &req, form, src, exempt)
	if err != nil {
		return err
	}
	if accepted.StatusURL != "" {
		w.Header().Set("Location", accepted.StatusURL)
	}
	return writeJSON(w, http.StatusAccepted, accepted)
}

// acceptMirror checks a request and puts it into the queue; the API and the form
// both end here.
func (s *server) acceptMirror(ctx context.Context, req *api.MirrorRequest, form bodyForm, src limit.Source, exempt bool) (api.Accepted, error) {
	entry, wrong := checkMirrorRequest(req, src.Local || s.cfg.AllowPrivate)
	wrong = append(wrong, s.ownURLs(req.URLs)...)
	if err := form.refuse(wrong...); err != nil {
		return api.Accepted{}, err
	}
	if err := s.refuseMirror(&entry, req.Email); err != nil {
		return api.Accepted{}, err
	}
	return s.enqueueMirror(ctx, entry, req.Email, src, exempt)
}

func (s *server) enqueueMirror(ctx context.Context, m serverlist.Mirror, email string, src limit.Source, exempt bool) (api.Accepted, error) {
	if !exempt {
		if err := s.floods.Mirrors.Demand(ctx, src, s.cfg.Now()); err != nil {
			return api.Accepted{}, err
		}
	}
	token := store.NewToken()
	reg, err := s.store.RegisterMirror(ctx, store.MirrorRequest{
		Mirror: m, Email: email, Source: src.Addr, Token: token.Hash(),
	}, s.limits(exempt))
	if err != nil {
		return api.Accepted{}, err
	}
	s.floods.Mirrors.Took(s.cfg.Now())
	return api.Accepted{ID: reg.ID, Status: string(reg.Status), StatusURL: s.statusURL("mirrors", reg.ID, token)}, nil
}

// ownURLs refuses the place of the root itself, which the mirror list names as the
// root's: a mirror there is away whenever the root is.
func (s *server) ownURLs(urls []string) []api.FieldProblem {
	var problems fieldProblems
	if s.cfg.PublicURL == "" || len(urls) > maxElements {
		return nil
	}
	for i, u := range urls {
		if store.NormalURL(u) == store.NormalURL(s.cfg.PublicURL) {
			problems.add(fmt.Sprintf("urls[%d]", i), "is the root's own, which the mirror list has already; a mirror is another place")
		}
	}
	return problems
}

// checkMirrorRequest makes an entry of a mirror's request and names every
// member that is wrong. private: loopback and private addresses are welcome.
func checkMirrorRequest(req *api.MirrorRequest, private bool) (serverlist.Mirror, []api.FieldProblem) {
	var problems fieldProblems
	problems.email(req.Email)
	problems.mirrorURLs(req.URLs, private)
	m := problems.mirror(api.Mirror{
		ID: req.ID, Operator: req.Operator, Region: req.Region, Contact: req.Contact, URLs: req.URLs,
	})
	return m, problems
}

// mirrorURLs checks where URLs lead, and that none stands twice in another
// spelling. Their number and form is a matter of the entry.
func (p *fieldProblems) mirrorURLs(urls []string, private bool) {
	if len(urls) > maxElements {
		return // the entry says so
	}
	seen := make(map[string]bool)
	for i, raw := range urls {
		name := fmt.Sprintf("urls[%d]", i)
		if err := serverlist.CheckMirrorURL(raw); err != nil {
			p.check(name, err)
			continue
		}
		u, err := url.Parse(raw)
		if err != nil {
			p.add(name, "is not a URL")
			continue
		}
		p.check(name, checkPlace(strings.ToLower(u.Hostname()), private))
		if seen[raw] {
			p.add(name, "stands twice")
		}
		seen[raw] = true
	}
}

// mirrorStatus tells a requester what has become of the request, and how the
// root sees the mirror.
func (s *server) mirrorStatus(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Referrer-Policy", "no-referrer")
	out, err := s.mirrorStatusOf(r.Context(), chi.URLParam(r, "id"), chi.URLParam(r, "token"))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// mirrorStatusOf is what the API and the status page show of a mirror's request.
// [store.ErrNotFound] when the token does not open it.
func (s *server) mirrorStatusOf(ctx context.Context, id, secret string) (api.MirrorStatus, error) {
	token, err := store.ParseToken(secret)
	if err != nil {
		return api.MirrorStatus{}, store.ErrNotFound
	}
	reg, err := s.store.MirrorStatus(ctx, id, token)
	if err != nil {
		return api.MirrorStatus{}, err
	}
	out := api.MirrorStatus{
		ID: reg.ID, Status: string(reg.Status), Mirror: reg.Mirror.ID, URLs: reg.Mirror.URLs,
		Created: reg.Created, Updated: reg.Updated, Decided: timeOrNil(reg.Decided), Reason: reg.Reason,
	}
	if reg.Status == store.Approved {
		out.Mirror = reg.Entry
		err = s.addMirrorState(ctx, &out, reg)
	}
	return out, err
}

// addMirrorState says how the mirror is, if it still is what was approved.
func (s *server) addMirrorState(ctx context.Context, out *api.MirrorStatus, reg store.MirrorRegistration) error {
	all, err := s.store.WatchedMirrors(ctx)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.Mirror.ID == reg.Entry && m.Registration == reg.ID {
			out.InList = s.mirrorListHas(m.Mirror.ID)
			out.State, out.LeftOut = string(m.Watch.State), timeOrNil(m.Watch.LeftOut)
			out.Checked, out.LastError = timeOrNil(m.Last.At), m.Last.Error
		}
	}
	return nil
}

// mirrorListHas tells whether the served mirror list names a mirror. A change
// of the store may wait for an admin, or for the next edition.
func (s *server) mirrorListHas(id string) bool {
	list := s.publisher.Current(serverlist.TypeMirrorList)
	return list != nil && list.Has(id)
}

// pendingMirrors sends every pending request as one array, as it is read, the
// oldest with a look at the mirror.
func (s *server) pendingMirrors(w http.ResponseWriter, r *http.Request) error {
	if err := s.glanceAtOldest(r.Context()); err != nil {
		return err
	}
	return writeArray(s, w, func(each func(api.MirrorRegistration) error) error {
		return s.store.PendingMirrors(r.Context(), func(review store.MirrorReview) error {
			return each(s.shownMirror(review))
		})
	})
}

func mirrorReviewOf(r store.MirrorReview) api.MirrorRegistration {
	out := api.MirrorRegistration{
		ID: r.ID, Status: string(r.Status), Mirror: r.Mirror.ID, Operator: r.Mirror.Operator, Region: r.Mirror.Region,
		Contact: r.Mirror.Contact, Email: r.Email, URLs: r.Mirror.URLs, Source: r.Source.String(),
		Requests: r.Requests, Revision: r.Revision, Created: r.Created, Updated: r.Updated,
		Decided: timeOrNil(r.Decided), Admin: r.Admin, Reason: r.Reason, Conflicts: []api.MirrorConflict{},
	}
	if r.LastSource != r.Source {
		out.LastSource = r.LastSource.String()
	}
	if r.Status == store.Pending {
		out.Updates = r.Entry
	} else if r.Entry != "" {
		out.Mirror = r.Entry
	}
	for _, c := range r.Conflicts {
		out.Conflicts = append(out.Conflicts, api.MirrorConflict{
			Kind: string(c.Kind), Value: c.Value, Mirror: c.Mirror, Registration: c.Registration,
		})
	}
	return out
}

// reviewMirror sends one request with its conflicts.
func (s *server) reviewMirror(w http.ResponseWriter, r *http.Request) error {
	review, err := s.store.ReviewMirror(r.Context(), chi.URLParam(r, "id"))
	if err != nil {
		return err
	}
	s.glances.look(r.Context(), s, []store.MirrorReview{review})
	return writeJSON(w, http.StatusOK, s.shownMirror(review))
}

// approveMirror answers when the edition with the mirror is served. The body
// may be absent.
func (s *server) approveMirror(w http.ResponseWriter, r *http.Request) error {
	var req api.MirrorApproval
	if r.ContentLength != 0 {
		if err := s.decode(w, r, &req); err != nil {
			return err
		}
	}
	var problems fieldProblems
	if req.Revision < 0 {
		problems.add("revision", "must be the number that the registration shows as revision")
	}
	if req.Mirror != "" {
		p := problems.mirror(api.Mirror{ID: req.Mirror, Operator: "x", URLs: []string{"http://example.org/"}})
		req.Mirror = p.ID
	}
	if len(problems) > 0 {
		return invalid(problems...)
	}
	revision, err := s.checkRequest(r.Context(), chi.URLParam(r, "id"), req)
	if err != nil {
		return err
	}
	m, change, err := s.store.ApproveMirror(r.Context(), store.MirrorApproval{
		Registration: chi.URLParam(r, "id"), Revision: revision, Mirror: req.Mirror, Replace: req.Replace, Admin: adminOf(r),
		Tell: s.teller.Decided,
	})
	if err != nil {
		return nameTaken(err, "mirror")
	}
	s.watcher.Wake()
	return s.published(w, r, m.Mirror.ID, change)
}

// rejectMirror ends a pending request.
func (s *server) rejectMirror(w http.ResponseWriter, r *http.Request) error {
	reason, err := s.reason(w, r)
	if err != nil {
		return err
	}
	reg, err := s.store.RejectMirror(r.Context(), chi.URLParam(r, "id"), reason, adminOf(r), s.teller.Decided)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, api.Decided{ID: reg.ID, Status: string(reg.Status)})
}
