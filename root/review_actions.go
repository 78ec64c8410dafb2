package root

import "github.com/signed-metaserver/metaserver/root/store"

// reviewActions are what admins do beside deciding about one registration.
func (s *server) reviewActions(a *actions) {
	a.post("/registrations/decide", "decide-registrations", s.decideAll) // about many
	a.post("/registrations/{id}/look", "look-at-server", s.look)         // again

	a.get("/blocks", "list-blocks", s.listBlocks)
	a.post("/blocks", store.ActionBlock, s.addBlock)
	a.delete("/blocks/{id}", store.ActionUnblock, s.removeBlock)
}
