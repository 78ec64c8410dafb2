package api

import (
	"context"
	"net/http"
)

// A Person is somebody to be forgotten.
type Person struct {
	Whom string `json:"whom"` // an e-mail address, the id of a request or an entry, or the address of a source
}

// Forgotten says what was removed of a person, and what is left.
type Forgotten struct {
	Removed  int      `json:"removed"`  // requests that are gone as a whole
	Blanked  int      `json:"blanked"`  // requests without e-mail address and source now
	Messages int      `json:"messages"` // that are gone
	Notes    int      `json:"notes"`    // of admins, that are gone
	Reports  int      `json:"reports"`  // of players, by the person or naming it, that are gone
	Left     []string `json:"left"`     // what stays, and why
}

// Forget removes what is known of a person.
func (c *Client) Forget(ctx context.Context, whom string) (Forgotten, error) {
	var out Forgotten
	return out, c.call(ctx, http.MethodPost, adminPath("forget"), Person{whom}, &out)
}
