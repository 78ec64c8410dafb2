package main

import (
	"net/http"

	"github.com/signed-metaserver/metaserver/root/api"
)

// public is what the public listener answers.
var public = []operation{
	post("/api/v1/registrations", "Ask for a server to be listed", api.RegistrationRequest{}, queued(api.Accepted{})).in("registration").
		more("The same server again, with the same e-mail address, is the same request: it is updated while it waits, and asks for a change once it is listed. "+
			"Where the root asks for a proof of work, the problem has the type "+api.WorkType+" and the member proof_of_work. "+
			"The same body is then sent again with the header Proof-Of-Work: the challenge, a space, and in decimal digits a number n below 2^64 so that "+
			"SHA-256(SHA-256(\"metaserver-work/1\\n\" origin \"\\n\" challenge \"\\n\" hex(SHA-256(body)) \"\\n\") n), n as 8 bytes, the most significant first, begins with that many zero bits.").
		refuses(http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests),
	get("/api/v1/registrations/{id}/{token}", "What has become of a registration", ok(api.Status{}),
		answer{http.StatusSeeOther, "Only where Accept names text/html and not application/json, as browsers do: the status page.", nil}).in("registration"),
	post("/api/v1/mirrors", "Ask for a mirror to be listed", api.MirrorRequest{}, queued(api.Accepted{})).in("registration").
		more("The same id with the same e-mail address is the same request: it is updated while it waits, and asks for a change once the mirror is listed. "+
			"A proof of work is asked for and given as for a server.").
		refuses(http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests),
	get("/api/v1/mirrors/{id}/{token}", "What has become of a mirror's request", ok(api.MirrorStatus{}),
		answer{http.StatusSeeOther, "Only where Accept names text/html and not application/json, as browsers do: the status page.", nil}).in("registration"),

	post("/api/v1/registrations/{id}/{token}/edit", "Change a request or a listed entry", api.Edit{}, queued(api.Request{})).in("owner").
		refuses(http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests),
	post("/api/v1/registrations/{id}/{token}/withdraw", "Take a request back, or ask for the entry to be taken out", nil,
		answer{http.StatusOK, "The request was still waiting, and is taken back.", api.Request{}}, queued(api.Request{})).in("owner").
		refuses(http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests),
	post("/api/v1/registrations/{id}/{token}/transfer", "Offer the entry to another owner", api.Offer{}, ok(api.Offered{})).in("owner").
		refuses(http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests),
	post("/api/v1/registrations/{id}/{token}/check", "Let the root look for the proof of control now", nil, ok(api.ProofChecked{})).in("owner").
		refuses(http.StatusServiceUnavailable, http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests),
	post("/api/v1/registrations/{id}/{token}/prove", "Prove control by the server's own key", api.KeyProof{}, ok(api.ProofChecked{})).in("owner").
		refuses(http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests),
	get("/api/v1/transfers/{id}/{token}", "What an offer of an entry is about", ok(api.Handover{}),
		answer{http.StatusSeeOther, "Only where Accept names text/html and not application/json, as browsers do: the form that takes it over.", nil}).in("owner"),
	post("/api/v1/transfers/{id}/{token}", "Ask for an entry that was offered", api.TakeOver{}, queued(api.Accepted{})).in("owner").
		refuses(http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests),
	post("/api/v1/entries/{id}/signed", "Change or withdraw an entry under its own key", api.SignedRequest{},
		answer{http.StatusOK, "It is done.", api.SignedResult{}}, queued(api.SignedResult{})).in("owner").
		refuses(http.StatusForbidden, http.StatusConflict, http.StatusTooManyRequests),

	post("/api/v1/reports", "Tell the admins that something is wrong with an entry", api.NewReport{},
		answer{http.StatusAccepted, "It is stored. Admins read it.", api.Reported{}}).in("list").
		refuses(http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusTooManyRequests),
	get("/api/v1/openapi.json", "This description", ok(object{})).in("list"),
	get("/api/v1/editions", "The newest editions, and which of them the mirrors have", ok(api.Editions{})).in("list"),
}
