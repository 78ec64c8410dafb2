package serverlist_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestFetchLimits(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	root.Publish(serverlisttest.Servers("cat2", "metalforge"))
	url := root.Site(serverlisttest.Honest).Start(t).URL + "/"
	for want, limits := range map[string]serverlist.Limits{
		"larger than 20":       {Body: 20},
		"2 lines, more than 1": {Lines: 1},
		"more than 1 elements": {Elements: 1},
		"entry: entry skipped: the line is larger than 10 bytes": {Entry: 10},
	} {
		roomy := serverlist.Limits{Body: 1 << 20, Lines: 100, Elements: 100, Entry: 1000}
		for name, l := range map[string]struct{ fetcher, want serverlist.Limits }{
			"of the Fetcher": {fetcher: limits},
			"of a Want":      {want: limits, fetcher: roomy},
		} {
			f := &serverlist.Fetcher{AllowPrivate: true, Limits: l.fetcher}
			w := root.Want(serverlist.TypeServerList)
			w.Limits = l.want
			list, err := f.List(t.Context(), url+"server.list", w, root.Chain(), nil)
			if list != nil && len(list.Servers) == 0 && len(list.Skipped) == 2 {
				err = fmt.Errorf("entry: %s", list.Skipped[0].Detail)
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("limits %s, %+v: %v", name, limits, err)
			}
			f.CloseIdleConnections()
		}
	}
	f := &serverlist.Fetcher{AllowPrivate: true, Limits: serverlist.Limits{Body: 20}}
	defer f.CloseIdleConnections()
	want := root.Want(serverlist.TypeServerList)
	want.Limits.Body = 10
	if _, err := f.Head(t.Context(), url+"server.list", want, root.Chain()); err == nil || !strings.Contains(err.Error(), "larger than 10") {
		t.Errorf("the limit of a Want: %v", err)
	}
}

func TestFetchHead(t *testing.T) {
	t.Parallel()
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	good := root.Publish(serverlist.Draft{Body: manyServers(t, 300)})
	want := root.Open(serverlist.TypeServerList, good).Text()
	long := root.Site(serverlisttest.Honest)
	long.Put("server.list", longHead(root, 7<<10))
	tests := map[string]struct {
		host  http.Handler
		asked int
	}{
		"range":                 {root.Site(serverlisttest.Honest), 1},
		"range is ignored":      {raw(good), 1},
		"head beyond the range": {long, 2},
		"range not satisfiable": {http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				rw.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return
			}
			rw.Write(good)
		}), 2},
		"short range": {http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				rw.Header().Set("Content-Range", fmt.Sprintf("bytes 0-99/%d", len(good)))
				rw.WriteHeader(http.StatusPartialContent)
				rw.Write(good[:100])
				return
			}
			rw.Write(good)
		}), 2},
		"cut between CR and LF": {http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			crlf := bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n"))
			if r.Header.Get("Range") != "" {
				rw.Header().Set("Content-Range", "bytes 0-15/9999")
				rw.WriteHeader(http.StatusPartialContent)
				rw.Write(crlf[:bytes.IndexByte(crlf, '\n')])
				return
			}
			rw.Write(crlf)
		}), 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			url := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				asked++
				tt.host.ServeHTTP(rw, r)
			})) + "/server.list"
			f := &serverlist.Fetcher{AllowPrivate: true}
			defer f.CloseIdleConnections()
			n, err := f.Head(t.Context(), url, root.Want(serverlist.TypeServerList), root.Chain())
			if err != nil || !bytes.Equal(n.Text, want) && name != "head beyond the range" {
				t.Errorf("%v", err)
			}
			if asked != tt.asked {
				t.Errorf("%d requests, want %d", asked, tt.asked)
			}
		})
	}

	middle := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Range", "bytes 100-8191/100000")
		rw.WriteHeader(http.StatusPartialContent)
		rw.Write(good[100:8192])
	})
	f := &serverlist.Fetcher{AllowPrivate: true}
	defer f.CloseIdleConnections()
	if _, err := f.Head(t.Context(), serve(t, middle), root.Want(serverlist.TypeServerList), root.Chain()); err == nil || !strings.Contains(err.Error(), "instead of the beginning") {
		t.Errorf("another range: %v", err)
	}
}

// longHead is a list whose head text has this many bytes more than usual and
// whose signatures are as long as they may be, most of them by strangers.
func longHead(root *serverlisttest.Root, more int) []byte {
	text := append(root.Text(serverlist.Draft{}), "x-padding "+strings.Repeat("x", more)+"\n"...)
	signers := []*keys.Signer{root.Signer("list/1")}
	for i := range 15 {
		signers = append(signers, root.Signer(fmt.Sprintf("stranger-%d-%s", i, strings.Repeat("x", 80))))
	}
	return serverlisttest.SignText(text, nil, signers...)
}
