package root

import "github.com/signed-metaserver/metaserver/root/store"

// reviewActions are what admins do beside deciding about one registration.
func (s *server) reviewActions(a *actions) {
	a.post("/registrations/decide", store.ActionDecideMany, s.decideAll)
	a.post("/registrations/{id}/look", "look-at-server", s.look) // again

	a.post("/registrations/{id}/notes", store.ActionNote, s.noteDown(store.NoteRegistration))

	a.get("/entries", "list-entries", s.entries)
	a.reveal("/entries/{id}", "show-entry", s.entry)
	a.post("/entries/{id}/suspend", store.ActionSuspend, s.suspend)
	a.post("/entries/{id}/resume", store.ActionResume, s.resume)
	a.post("/entries/{id}/notes", store.ActionNote, s.noteDown(store.NoteEntry))

	a.get("/reports", "list-reports", s.listReports)
	a.post("/reports/{id}/resolve", store.ActionResolve, s.resolveReports)

	a.get("/blocks", "list-blocks", s.listBlocks)
	a.post("/blocks", store.ActionBlock, s.addBlock)
	a.delete("/blocks/{id}", store.ActionUnblock, s.removeBlock)
}
