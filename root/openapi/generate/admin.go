package main

import (
	"net/http"

	"github.com/signed-metaserver/metaserver/root/api"
)

const prefix = "/api/v1/admin"

// admin is what the admin listener answers.
var admin = []operation{
	get(prefix+"/registrations", "All registrations that wait, oldest first", ok([]api.Registration{})),
	post(prefix+"/registrations", "Put a registration into the queue", api.RegistrationRequest{}, queued(api.Accepted{})),
	get(prefix+"/registrations/{id}", "One registration with all that is known", ok(api.Registration{})),
	post(prefix+"/registrations/decide", "Decide about many registrations", api.Decisions{}, ok(api.Outcomes{})),
	post(prefix+"/registrations/{id}/look", "Look at the server again", nil, ok(api.Registration{})).refuses(http.StatusConflict),
	post(prefix+"/registrations/{id}/prove", "Look for the proof of control now", nil, ok(api.ProofChecked{})).refuses(http.StatusConflict, http.StatusServiceUnavailable),
	post(prefix+"/registrations/{id}/approve", "Approve a registration", api.Approval{}, ok(api.Decided{})).optionalBody().refuses(http.StatusConflict),
	post(prefix+"/registrations/{id}/reject", "Reject a registration", api.Reason{}, ok(api.Decided{})).refuses(http.StatusConflict),
	post(prefix+"/entries/{id}/revoke", "Take an entry out of the list, for good", api.Reason{}, ok(api.Decided{})).refuses(http.StatusConflict),
	post(prefix+"/entries/{id}/allow", "What an entry's key may change without an admin", api.Allowed{}, ok(api.Allowed{})).refuses(http.StatusConflict),

	post(prefix+"/registrations/{id}/notes", "Note something down about a registration", api.NewNote{}, ok(api.Note{})),
	get(prefix+"/entries", "All entries, listed or not", ok([]api.Entry{})).
		asks(query{"game", "string", "Of this game."}, query{"state", "string", "In this state: listed, suspended or revoked."}).
		refuses(http.StatusUnprocessableEntity),
	get(prefix+"/entries/{id}", "One entry with its past", ok(api.Entry{})),
	post(prefix+"/entries/{id}/suspend", "Take an entry out of the list for a while", api.Suspend{}, ok(api.Entry{})).refuses(http.StatusConflict),
	post(prefix+"/entries/{id}/resume", "End a suspension", nil, ok(api.Entry{})).refuses(http.StatusConflict),
	post(prefix+"/entries/{id}/notes", "Note something down about an entry", api.NewNote{}, ok(api.Note{})),

	get(prefix+"/reports", "What players have reported and nobody has resolved", ok([]api.Reports{})),
	post(prefix+"/reports/{id}/resolve", "Resolve the reports about an entry", api.Resolution{}, ok(api.Resolved{})).refuses(http.StatusConflict),

	get(prefix+"/blocks", "All blocks, oldest first", ok([]api.Block{})),
	post(prefix+"/blocks", "Block who or what may not ask for anything", api.NewBlock{}, ok(api.Block{})).refuses(http.StatusConflict),
	remove(prefix+"/blocks/{id}", "Remove a block", ok(api.Removed{})),

	get(prefix+"/export", "All entries with what is private, one JSON object per line", ok(text("application/jsonl"))),
	post(prefix+"/import", "Take many entries, one per line", text("application/jsonl"),
		answer{http.StatusOK, "The import goes on while this is read: a JSON object per line, ImportProgress, the last with the result.", text("application/jsonl")}).
		asks(query{"approve", "string", "1: they are listed at once."}, query{"replace", "string", "1: an entry of the same id gets the content."},
			query{"skip_wrong", "string", "1: wrong lines are left out."}).refuses(http.StatusConflict),

	post(prefix+"/forget", "Remove what is known of a person", api.Person{}, ok(api.Forgotten{})).
		more("What stays is named, with the reason.").refuses(http.StatusNotFound, http.StatusConflict),

	get(prefix+"/mirror-registrations", "All requests of mirrors that wait, oldest first", ok([]api.MirrorRegistration{})),
	post(prefix+"/mirror-registrations", "Put a mirror's request into the queue", api.MirrorRequest{}, queued(api.Accepted{})),
	get(prefix+"/mirror-registrations/{id}", "One request of a mirror with its conflicts", ok(api.MirrorRegistration{})),
	post(prefix+"/mirror-registrations/{id}/approve", "Approve a mirror", api.MirrorApproval{}, ok(api.Published{})).optionalBody().
		more("It answers when the mirror list with the mirror is served.").refuses(http.StatusConflict, http.StatusServiceUnavailable),
	post(prefix+"/mirror-registrations/{id}/reject", "Reject a mirror", api.Reason{}, ok(api.Decided{})).refuses(http.StatusConflict),

	get(prefix+"/mirrors", "All mirrors and how they are", ok([]api.WatchedMirror{})),
	post(prefix+"/mirrors", "Add a mirror", api.NewMirror{}, ok(api.Published{})).
		more("It answers when the mirror list with the mirror is served.").refuses(http.StatusConflict, http.StatusServiceUnavailable),
	post(prefix+"/mirrors/check", "Look at all mirrors now", nil, ok([]api.WatchedMirror{})),
	get(prefix+"/mirrors/{id}", "One mirror with its past", ok(api.MirrorHistory{})),
	remove(prefix+"/mirrors/{id}", "Remove a mirror", ok(api.Published{})).refuses(http.StatusConflict, http.StatusServiceUnavailable),
	get(prefix+"/messages", "The newest messages to people", ok([]api.Message{})),
	post(prefix+"/messages/test", "Send a message to all admins and webhooks", nil,
		answer{http.StatusAccepted, "It is on its way.", api.TestSent{}}).refuses(http.StatusConflict),

	get(prefix+"/trust", "All trust documents, in order", ok([]api.Trust{})),
	post(prefix+"/trust", "Publish the next trust document", text("text/plain; charset=utf-8"), ok(api.TrustPublished{})).
		refuses(http.StatusConflict, http.StatusServiceUnavailable),
	get(prefix+"/targets", "The places that everything published is brought to", ok([]api.Target{})),
	get(prefix+"/lists", "How the publishing goes", ok([]api.List{})),
	post(prefix+"/lists/{name}/confirm", "Release an edition that loses many entries", api.Confirmation{}, ok(api.List{})).refuses(http.StatusConflict),
	get(prefix+"/openapi.json", "The description of both listeners", ok(object{})),
	get(prefix+"/audit", "The audit log, one record per line", ok(text(api.AuditType))).
		asks(query{"since", "string", "Records from this time on, as 2026-11-21T13:00:00Z."}, query{"newest", "integer", "So many of the newest."},
			query{"admin", "string", "Of this admin."}, query{"action", "string", "Of this action."}, query{"subject", "string", "About this."},
			query{"outcome", "string", "With this outcome."}).refuses(http.StatusUnprocessableEntity),
}
