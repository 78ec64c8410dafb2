package root

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/signed-metaserver/metaserver/root/documents"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/root/web"
)

// publicRoutes is everything that anybody reaches.
func (s *server) publicRoutes() http.Handler {
	return endAfterChunks(s.documents.First(s.publicRouter()))
}

func (s *server) publicRouter() chi.Router {
	r := s.newRouter()
	r.NotFound(s.notFoundPage)
	s.pageRoutes(r)

	r.Get("/server.list", s.documents.Under(documents.ListCache))
	r.Get("/mirror.list", s.documents.Under(documents.ListCache))
	r.Get("/trust/{file}", s.documents.Under(documents.TrustCache))
	r.Get("/api/v1/editions", s.handle(s.editions))
	r.Get("/api/v1/openapi.json", s.description)

	r.Post("/api/v1/registrations", s.handle(s.register))
	r.Get("/api/v1/registrations/{id}/{token}", s.handle(orPage("status", s.status)))
	r.Post("/api/v1/mirrors", s.handle(s.registerMirror))
	r.Get("/api/v1/mirrors/{id}/{token}", s.handle(orPage("status", s.mirrorStatus)))
	r.Post("/api/v1/reports", s.handle(s.report))

	// What the holders of secret URLs, and of keys, reach.
	r.Post("/api/v1/registrations/{id}/{token}/edit", s.handle(s.edit))
	r.Post("/api/v1/registrations/{id}/{token}/withdraw", s.handle(s.withdraw))
	r.Post("/api/v1/registrations/{id}/{token}/transfer", s.handle(s.offerTransfer))
	r.Post("/api/v1/registrations/{id}/{token}/check", s.handle(s.checkOwnProof))
	r.Post("/api/v1/registrations/{id}/{token}/prove", s.handle(s.proveKey))
	r.Get("/api/v1/transfers/{id}/{token}", s.handle(orPage("transfer", s.handover)))
	r.Post("/api/v1/transfers/{id}/{token}", s.handle(s.takeOver))
	r.Post("/api/v1/entries/{id}/signed", s.handle(s.signed))
	return r
}

// pageRoutes is what people see of the root in a browser. Each form ends where
// the API does.
func (s *server) pageRoutes(r chi.Router) {
	r.Group(func(r chi.Router) {
		r.Use(pageHeaders, s.checkPageOrigin)
		r.Get("/", s.page(s.listPage))
		r.Get("/"+web.StylePath, s.styleSheet)
		r.Get("/editions", s.page(s.editionsPage))
		r.Get("/api/", s.page(s.apiPage))
		r.Get("/register", s.page(s.registerPage))
		r.Post("/register", s.page(s.registerByForm))
		r.Get("/register/mirror", s.page(s.mirrorPage))
		r.Post("/register/mirror", s.page(s.mirrorByForm))

		r.Get("/status/{id}/{token}", s.page(s.statusPage))
		r.Get("/status/{id}/{token}/edit", s.page(s.editPage))
		r.Post("/status/{id}/{token}/edit", s.page(s.editByForm))
		r.Get("/status/{id}/{token}/withdraw", s.page(s.withdrawPage))
		r.Post("/status/{id}/{token}/withdraw", s.page(s.withdrawByForm))
		r.Post("/status/{id}/{token}/check", s.page(s.checkByForm))
		r.Get("/status/{id}/{token}/transfer", s.page(s.transferPage))
		r.Post("/status/{id}/{token}/transfer", s.page(s.offerByForm))
		r.Get("/transfer/{id}/{token}", s.page(s.takeOverPage))
		r.Post("/transfer/{id}/{token}", s.page(s.takeOverByForm))
	})
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
	a.post("/registrations/decide", store.ActionDecideMany, s.decideAll)
	a.reveal("/registrations/{id}", "show-registration", s.review)
	a.post("/registrations/{id}/approve", store.ActionApprove, s.approve)
	a.post("/registrations/{id}/reject", store.ActionReject, s.reject)
	a.post("/registrations/{id}/look", "look-at-server", s.look) // again
	a.post("/registrations/{id}/prove", "prove", s.proveByAdmin)
	a.post("/registrations/{id}/notes", store.ActionNote, s.noteDown(store.NoteRegistration))

	a.get("/entries", "list-entries", s.entries)
	a.reveal("/entries/{id}", "show-entry", s.entry)
	a.post("/entries/{id}/revoke", store.ActionRevoke, s.revoke)
	a.post("/entries/{id}/suspend", store.ActionSuspend, s.suspend)
	a.post("/entries/{id}/resume", store.ActionResume, s.resume)
	a.post("/entries/{id}/allow", store.ActionAllow, s.allow)
	a.post("/entries/{id}/notes", store.ActionNote, s.noteDown(store.NoteEntry))
	a.export("/export", store.ActionExport, s.exportEntries)
	a.post("/import", store.ActionImport, s.importEntries)

	a.get("/reports", "list-reports", s.listReports)
	a.post("/reports/{id}/resolve", store.ActionResolve, s.resolveReports)
	a.get("/blocks", "list-blocks", s.listBlocks)
	a.post("/blocks", store.ActionBlock, s.addBlock)
	a.delete("/blocks/{id}", store.ActionUnblock, s.removeBlock)
	a.post("/forget", store.ActionForget, s.forgetPerson)

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

	a.get("/trust", "list-trust", s.trust)                     // all documents, in order
	a.post("/trust", store.ActionPublishTrust, s.publishTrust) // the body is the next document
	a.get("/lists", "list-lists", s.lists)
	a.post("/lists/{name}/confirm", store.ActionConfirm, s.confirm)
	a.get("/targets", "list-targets", s.targets)

	a.reveal("/messages", "list-messages", s.messages)
	a.post("/messages/test", "test-messages", s.testMessages)
	a.get("/audit", "read-audit", s.auditLog)
	a.get("/openapi.json", "read-description", s.wholeDescription)
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
