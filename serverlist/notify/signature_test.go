package notify_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

// TestVerify has the example of the Standard Webhooks specification as its
// first case.
func TestVerify(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	const body = `{"test": 2432232314}`
	sent := time.Unix(1614265330, 0)
	signed := func(change ...string) http.Header {
		h := http.Header{}
		h.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
		h.Set("webhook-timestamp", "1614265330")
		h.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
		for i := 0; i < len(change); i += 2 {
			h.Set(change[i], change[i+1])
		}
		return h
	}
	const signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
	for what, tc := range map[string]struct {
		h      http.Header
		secret string
		now    time.Time
		body   string
		want   string
	}{
		"good":           {signed(), secret, sent, body, ""},
		"a little later": {signed(), secret, sent.Add(5 * time.Minute), body, ""},
		"one of several": {signed("webhook-signature", "v2,x v1,AAAA "+signature), secret, sent, body, ""},
		"too late":       {signed(), secret, sent.Add(6 * time.Minute), body, "replay"},
		"too early":      {signed(), secret, sent.Add(-6 * time.Minute), body, "clock"},
		"another body":   {signed(), secret, sent, body + " ", "not made with this secret"},
		"another id":     {signed("webhook-id", "x"), secret, sent, body, "not made with this secret"},
		"another time":   {signed("webhook-timestamp", "1614265331"), secret, sent, body, "not made with this secret"},
		"another secret": {signed(), "swordfish", sent, body, "not made with this secret"},
		"no version":     {signed("webhook-signature", signature[3:]), secret, sent, body, "not made with this secret"},
		"no signature":   {signed("webhook-signature", ""), secret, sent, body, "not made with this secret"},
		"no time":        {signed("webhook-timestamp", ""), secret, sent, body, "missing"},
		"a bad secret":   {signed(), "whsec_!", sent, body, "not base64"},
	} {
		err := notify.Verify(tc.h, tc.secret, tc.now, []byte(tc.body))
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v; want %q", what, err, tc.want)
		}
	}
	h := signed("webhook-signature", "")
	if err := notify.Sign(h, secret, sent, []byte(body)); err != nil || h.Get("webhook-signature") != signature {
		t.Errorf("signed as %q, %v", h.Get("webhook-signature"), err)
	}
}
