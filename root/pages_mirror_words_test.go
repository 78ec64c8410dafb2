package root

import (
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/store"
)

// The status page of a mirror says in words whatever there is to say.
func TestMirrorWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 13, 0, 0, 0, time.UTC)
	s := &server{cfg: config.Config{Now: func() time.Time { return now }}}
	for _, tc := range []struct {
		status   api.MirrorStatus
		headline string
		colour   string
	}{
		{api.MirrorStatus{Status: "pending", Updated: now.Add(-3 * time.Hour)}, "It waits for an admin, for 3 hours now.", "pending"},
		{api.MirrorStatus{Status: "rejected"}, "It is rejected.", "rejected"},
		{api.MirrorStatus{Status: "approved", State: "new"}, "It is accepted.", "pending"},
		{api.MirrorStatus{Status: "approved", State: "well", InList: true}, "It is in the mirror list.", "approved"},
		{api.MirrorStatus{Status: "approved", State: "wrong", LeftOut: &now}, "It is left out of the mirror list.", "pending"},
		{api.MirrorStatus{Status: "approved"}, "It was accepted, and is no mirror any more.", "pending"},
	} {
		tc.status.ID, tc.status.Mirror = "m1", "wien"
		v := s.mirrorView(&tc.status)
		if v.Headline != tc.headline || v.Explanation == "" || v.State != tc.colour {
			t.Errorf("%+v: %q, %q, %q", tc.status, v.Headline, v.Explanation, v.State)
		}
	}
	for _, state := range []store.MirrorState{store.MirrorNew, store.MirrorWell, store.MirrorBehind, store.MirrorIncomplete,
		store.MirrorStale, store.MirrorUnreachable, store.MirrorWrong, store.MirrorForked} {
		v := s.mirrorView(&api.MirrorStatus{Status: "approved", State: string(state), LastError: "connection refused", InList: true})
		if len(v.Sections) != 1 || !strings.HasSuffix(strings.Join(v.Sections[0].Lines, ""), ".") && !strings.HasSuffix(v.Sections[0].Lines[0], "?") || v.Sections[0].Items[0] != "connection refused" {
			t.Errorf("%s: %+v", state, v.Sections)
		}
	}
}
