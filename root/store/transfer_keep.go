package store

// keep decides whose an entry is that is replaced. It stays its owner's, with
// the power of the status URL, when the import names the same e-mail address, or
// none; otherwise owner is 0.
func (h *heldEntry) keep(e *Import, who []byte) (named *Import, identified []byte, owner int64) {
	switch {
	case e.Email == "":
		with := *e
		with.Email = h.email
		return &with, identity(&with.Server, with.Email), h.owner
	case normalEmail(e.Email) == normalEmail(h.email):
		return e, who, h.owner
	}
	return e, who, 0
}
