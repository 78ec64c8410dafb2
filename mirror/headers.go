package mirror

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const headersPeek = 4096 // bytes of the body that show which line ends it has

// getHeaders asks for a document as a client does. The body of the answer is
// closed; crlf tells of its beginning.
func getHeaders(ctx context.Context, url string) (resp *http.Response, crlf bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, false, err
	}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}}
	resp, err = client.Do(req)
	if err != nil {
		return nil, false, err
	}
	defer resp.Body.Close()
	begin, err := io.ReadAll(io.LimitReader(resp.Body, headersPeek))
	return resp, strings.Contains(string(begin), "\r\n"), err
}

// maxAge returns how long caches may keep an answer without asking.
func maxAge(cacheControl string) time.Duration {
	for directive := range strings.SplitSeq(strings.ToLower(cacheControl), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-cache", "no-store":
			return 0
		case "max-age":
			seconds, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32)
			if err == nil {
				return time.Duration(seconds) * time.Second
			}
		}
	}
	return 0
}
