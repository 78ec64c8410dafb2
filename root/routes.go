package root

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// publicRoutes is everything that anybody reaches.
func (s *server) publicRoutes() http.Handler {
	r := s.newRouter()

	s.pageRoutes(r) // for people: the list, the form, the status
	r.Get("/server.list", s.document(listCache))
	r.Get("/mirror.list", s.document(listCache))
	r.Get("/trust/{file}", s.document(trustCache))

	r.Post("/api/v1/registrations", s.handle(s.register))
	r.Get("/api/v1/registrations/{id}/{token}", s.handle(s.status))
	r.Post("/api/v1/mirrors", s.handle(s.registerMirror))
	r.Get("/api/v1/mirrors/{id}/{token}", s.handle(s.mirrorStatus))
	return s.documentsFirst(r)
}

// adminRoutes is what admins reach. Every request carries a token.
func (s *server) adminRoutes() http.Handler {
	r := s.newRouter()
	r.Use(s.checkHost, s.checkOrigin, s.authenticate)

	r.Handle("/metrics", s.metrics())

	r.Route("/api/v1/admin", func(r chi.Router) {
		r.Get("/registrations", s.handle(s.pending)) // the pending ones, all of them
		r.Get("/registrations/{id}", s.handle(s.review))
		r.Post("/registrations/{id}/look", s.handle(s.look)) // at its server, again
		r.Post("/registrations/{id}/approve", s.handle(s.approve))
		r.Post("/registrations/{id}/reject", s.handle(s.reject))
		r.Post("/registrations", s.handle(s.registerByAdmin))
		r.Post("/entries/{id}/revoke", s.handle(s.revoke))

		r.Get("/mirror-registrations", s.handle(s.pendingMirrors)) // the pending ones, all of them
		r.Post("/mirror-registrations", s.handle(s.registerMirrorByAdmin))
		r.Get("/mirror-registrations/{id}", s.handle(s.reviewMirror))
		r.Post("/mirror-registrations/{id}/approve", s.handle(s.approveMirror))
		r.Post("/mirror-registrations/{id}/reject", s.handle(s.rejectMirror))

		r.Get("/mirrors", s.handle(s.mirrors))
		r.Post("/mirrors", s.handle(s.addMirror))
		r.Post("/mirrors/check", s.handle(s.checkMirrors))
		r.Get("/messages", s.handle(s.messages))
		r.Get("/mirrors/{id}", s.handle(s.mirrorHistory))
		r.Delete("/mirrors/{id}", s.handle(s.removeMirror))

		r.Get("/trust", s.handle(s.trust))         // all documents, in order
		r.Post("/trust", s.handle(s.publishTrust)) // the body is the next document

		r.Get("/targets", s.handle(s.targets))
		r.Get("/lists", s.handle(s.lists))
		r.Post("/lists/{name}/confirm", s.handle(s.confirm))
	})
	return r
}

// newRouter answers everything that is no route with a problem, HEAD wherever
// there is GET, and says to browsers that content types mean what they say.
func (s *server) newRouter() *chi.Mux {
	r := chi.NewRouter()
	r.Use(recoverer(s.log), middleware.SetHeader("X-Content-Type-Options", "nosniff"), middleware.GetHead)
	r.NotFound(notFound)
	r.MethodNotAllowed(methodNotAllowed(r))
	return r
}
