package serverlist_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

func TestFetchTimes(t *testing.T) {
	root := serverlisttest.NewRoot(serverlisttest.Options{})
	doc := root.Publish(serverlist.Draft{Body: manyServers(t, 1400)})
	tests := map[string]struct {
		host http.Handler
		want string // what the error says; "": no error
		at   time.Duration
	}{
		"silent":             {root.Site(serverlisttest.Silent), "no verified head in time", 30 * time.Second},
		"head drips":         {dripping(doc, 1, time.Second, 0), "no verified head in time", 30 * time.Second},
		"stalls in the head": {dripping(doc, 100, 0, 100), "no verified head in time", 30 * time.Second},
		"stalls in the body": {dripping(doc, 20<<10, time.Second, 100<<10), "the transfer stalled", 14 * time.Second},
		"crawls":             {dripping(doc, 3000, time.Second, 0), "slower than the minimum", 10 * time.Second},
		"slow but steady":    {dripping(doc, 5000, time.Second, 0), "", time.Duration((len(doc)+4999)/5000) * time.Second},
		"late but good":      {slowly(29*time.Second, raw(doc)), "", 29 * time.Second},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				f := &serverlist.Fetcher{HTTP: &http.Client{Transport: serverlisttest.Net{"m.example": tt.host}}}
				_, err := f.List(t.Context(), "http://m.example/", root.Want(serverlist.TypeServerList), root.Chain(), nil)
				var fe *serverlist.FetchError
				if (err == nil) != (tt.want == "") || err != nil && (!errors.As(err, &fe) || fe.Outcome != serverlist.OutcomeFailed || !strings.Contains(fe.Detail, tt.want)) {
					t.Errorf("got %v, want %q", err, tt.want)
				}
				if took := time.Since(begin); took != tt.at {
					t.Errorf("took %v, want %v", took, tt.at)
				}
			})
		})
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		root := serverlisttest.NewRoot(serverlisttest.Options{})
		f := &serverlist.Fetcher{HTTP: &http.Client{Transport: serverlisttest.Net{"m.example": root.Site(serverlisttest.Silent)}}}
		enough := errors.New("enough")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, enough)
		defer cancel()
		if _, err := f.Head(ctx, "http://m.example/", root.Want(serverlist.TypeServerList), root.Chain()); !errors.Is(err, enough) {
			t.Error(err)
		}
	})
}
