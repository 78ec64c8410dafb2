package serverlist_test

import (
	"crypto/sha256"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// What a draft says is what its readers find, times in whole seconds.
func TestDraft(t *testing.T) {
	t.Parallel()
	root := newRoot()
	issued := root.Clock.Now().Add(time.Millisecond)
	d := serverlist.Draft{
		Origin: wantServers.Origin, Type: wantServers.Type, Version: 7, Epoch: 1, Issued: issued,
		FreshUntil: issued.Add(time.Hour), OldAfter: issued.Add(2 * time.Hour), Trust: 5, Mirrors: 6, Body: []byte(fullLine),
	}
	doc, err := d.Sign(root.Signer("list/1"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := serverlist.Open(doc, wantServers, root.Chain())
	if err != nil {
		t.Fatal(err)
	}
	second := func(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
	if want := (keys.Head{
		Origin: d.Origin, Type: d.Type, Version: 7, Epoch: 1, Issued: second(issued), FreshUntil: second(d.FreshUntil), OldAfter: second(d.OldAfter),
		Trust: 5, Mirrors: 6, BodySize: int64(len(d.Body)), BodySHA256: sha256.Sum256(d.Body),
	}); !reflect.DeepEqual(list.Head, want) {
		t.Errorf("read as\n%+v, want\n%+v", list.Head, want)
	}
	for what, change := range map[string]func(*serverlist.Draft){
		"type": func(d *serverlist.Draft) { d.Type = "server-list/2" },
		"larger than": func(d *serverlist.Draft) {
			d.Type, d.Body = serverlist.TypeMirrorList, make([]byte, serverlist.MaxMirrorListBody+1)
		},
		"too-many": func(d *serverlist.Draft) { d.Body = []byte(strings.Repeat("\n", serverlist.MaxLines+1)) },
		"skip":     func(d *serverlist.Draft) { d.Body = []byte("{}\n") },
		"version":  func(d *serverlist.Draft) { d.Version = issued.Unix() + 1 },
	} {
		bad := d
		change(&bad)
		if doc, err := bad.Sign(root.Signer("list/1")); doc != nil || err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want an error that says %q", err, what)
		}
	}
	var skipped *keys.Error
	d.Body = []byte("{}\n")
	if _, err := d.Text(); !errors.As(err, &skipped) || skipped.Name != "entry-member" || skipped.Line != 1 {
		t.Errorf("%v, want the reason why readers skip the entry", err)
	}
	d.Body = nil
	if doc, err := d.Sign(); doc != nil || err == nil {
		t.Errorf("signed by nobody: %q, %v", doc, err)
	}
}

func TestFreshness(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	l := serverlist.List{Head: keys.Head{FreshUntil: now, OldAfter: now.Add(time.Hour)}}
	for after, want := range map[time.Duration]serverlist.Freshness{
		-1: serverlist.Fresh, 0: serverlist.Stale, time.Hour - 1: serverlist.Stale, time.Hour: serverlist.Old,
	} {
		if got := l.Freshness(now.Add(after)); got != want {
			t.Errorf("%v after the list was fresh it is %s, want %s", after, got, want)
		}
	}
}

// An entry is written up to the size that readers accept, and a body is.
func TestEncodeCaps(t *testing.T) {
	t.Parallel()
	host := strings.Repeat(strings.Repeat("a", 49)+".", 5)[:249]
	s := serverlist.Server{ID: "s", Name: "S", Unknown: []serverlist.Member{{Name: "x"}}}
	for range 16 {
		s.Addresses = append(s.Addresses, host+":1")
	}
	write := func(size int) ([]byte, error) {
		s.Unknown[0].Value = `""`
		line, err := s.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		s.Unknown[0].Value = `"` + strings.Repeat("x", size-len(line)) + `"`
		return serverlist.EncodeServers([]serverlist.Server{s})
	}
	if body, err := write(serverlist.MaxEntry); err != nil || len(body) != serverlist.MaxEntry+1 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	if _, err := write(serverlist.MaxEntry + 1); err == nil || !strings.Contains(err.Error(), `"s" has 8193 bytes`) {
		t.Errorf("an entry that readers skip: %v", err)
	}
	for url, says := range map[string]string{"http://a.example/": "stands twice", "ftp://a.example/": "urls"} {
		m := serverlist.Mirror{ID: "m", URLs: []string{url}}
		if body, err := serverlist.EncodeMirrors([]serverlist.Mirror{m, m}); body != nil || err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: written as %q, %v", url, body, err)
		}
	}
}
