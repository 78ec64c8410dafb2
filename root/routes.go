package root

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/signed-metaserver/metaserver/root/store"
)

// publicRoutes is everything that anybody reaches.
func (s *server) publicRoutes() http.Handler {
	return endAfterChunks(s.documentsFirst(s.publicRouter()))
}

func (s *server) publicRouter() chi.Router {
	r := s.newRouter()
	r.NotFound(s.notFoundPage)

	s.pageRoutes(r) // for people: the list, the form, the status
	r.Get("/server.list", s.document(listCache))
	r.Get("/mirror.list", s.document(listCache))
	r.Get("/trust/{file}", s.document(trustCache))

	r.Post("/api/v1/registrations", s.handle(s.register))
	r.Get("/api/v1/registrations/{id}/{token}", s.handle(orPage(s.status)))
	s.ownerRoutes(r)
	r.Post("/api/v1/reports", s.handle(s.report))
	r.Post("/api/v1/mirrors", s.handle(s.registerMirror))
	r.Get("/api/v1/mirrors/{id}/{token}", s.handle(s.mirrorStatus))
	r.Get("/api/v1/editions", s.handle(s.editions))
	r.Get("/api/v1/openapi.json", s.description)
	return r
}

// adminRoutes is what admins reach. Every request but those for health and
// readiness carries a token, and every action has a name in the audit log.
func (s *server) adminRoutes() http.Handler {
	r := s.newRouter()
	a := s.newActions(r)
	r.Use(s.health, a.authorise)
	r.Method(http.MethodGet, "/metrics", s.metrics())
	s.adminActions(a)
	return r
}

// adminActions is the admin API, below [adminPrefix].
func (s *server) adminActions(a *actions) {
	a.reveal("/registrations", "list-registrations", s.pending) // the pending ones, all of them
	a.post("/registrations", "register", s.registerByAdmin)
	a.reveal("/registrations/{id}", "show-registration", s.review)
	a.post("/registrations/{id}/approve", store.ActionApprove, s.approve)
	a.post("/registrations/{id}/reject", store.ActionReject, s.reject)
	a.post("/entries/{id}/revoke", store.ActionRevoke, s.revoke)
	s.reviewActions(a)
	s.ownerActions(a)

	a.reveal("/mirror-registrations", "list-mirror-registrations", s.pendingMirrors) // the pending ones, all of them
	a.post("/mirror-registrations", "register-mirror", s.registerMirrorByAdmin)
	a.reveal("/mirror-registrations/{id}", "show-mirror-registration", s.reviewMirror)
	a.post("/mirror-registrations/{id}/approve", store.ActionAddMirror, s.approveMirror)
	a.post("/mirror-registrations/{id}/reject", store.ActionReject, s.rejectMirror)

	a.reveal("/mirrors", "list-mirrors", s.mirrors)
	a.post("/mirrors", store.ActionAddMirror, s.addMirror)
	a.post("/mirrors/check", "check-mirrors", s.checkMirrors)
	a.reveal("/mirrors/{id}", "show-mirror", s.mirrorHistory)
	a.delete("/mirrors/{id}", store.ActionRemoveMirror, s.removeMirror)
	a.reveal("/messages", "list-messages", s.messages)
	a.post("/messages/test", "test-messages", s.testMessages)

	a.get("/trust", "list-trust", s.trust)                     // all documents, in order
	a.post("/trust", store.ActionPublishTrust, s.publishTrust) // the body is the next document

	a.get("/targets", "list-targets", s.targets)
	a.get("/lists", "list-lists", s.lists)
	a.post("/lists/{name}/confirm", store.ActionConfirm, s.confirm)
	a.get("/audit", "read-audit", s.auditLog)
	s.transferActions(a) // export, import
	a.get("/openapi.json", "read-description", s.wholeDescription)
	s.forgetActions(a)
}

// newRouter answers everything that is no route with a problem, HEAD wherever
// there is GET, and says to browsers that content types mean what they say.
func (s *server) newRouter() *chi.Mux {
	r := chi.NewRouter()
	r.Use(noteRoute, recoverer(s.log), middleware.SetHeader("X-Content-Type-Options", "nosniff"), middleware.GetHead)
	r.NotFound(notFound)
	r.MethodNotAllowed(methodNotAllowed(r))
	return r
}
