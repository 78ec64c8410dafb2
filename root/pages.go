package root

import (
	"fmt"
	"net/http"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// index says to a person what this is.
func (s *server) index(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", listCache)
	fmt.Fprintf(w, "Root of the server list %s\n\n", s.origin)
	for _, d := range s.publisher.Documents() {
		fmt.Fprintf(w, "/%-16s version %d, issued %s", d.Name, d.Version, d.Issued.Format(time.RFC3339))
		if d.Type == serverlist.TypeServerList {
			fmt.Fprintf(w, ", %d servers", d.Entries)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprint(w, "\nPOST /api/v1/registrations asks for a server to be listed.\n")
}
