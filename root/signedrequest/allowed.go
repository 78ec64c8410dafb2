package signedrequest

import (
	"errors"
	"slices"
	"strings"
)

// allowable are the members that an entry's key may be allowed to change
// without an admin: what a server learns about itself. Its name, its game and
// its key are what people know it by.
var allowable = []string{"addresses", "version", "description"}

// CheckAllowed names the first member of an entry that its key cannot be allowed
// to change without an admin; nil: there is none.
func CheckAllowed(members []string) error {
	for _, m := range members {
		if !slices.Contains(allowable, m) {
			return errors.New("\"" + clip(m) + "\" cannot be changed without an admin; what can is " + strings.Join(allowable, ", "))
		}
	}
	return nil
}

// clip shortens hostile text before it is repeated.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
