package root

import "net/http"

// endAfterChunks ends a connection after a request that came in chunks. Such a
// request may have had a Content-Length, too, which net/http rightly ignores,
// as RFC 9112 says in section 6.3; but a proxy in front that believed it would
// take what follows for the body of this request, and not for another one, whose
// sender it could then mistake.
func endAfterChunks(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
