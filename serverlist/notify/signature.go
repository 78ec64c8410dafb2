package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// The headers of a webhook, as in Standard Webhooks (standardwebhooks.com), so
// that its libraries can check them, too. Without a secret there is the id only.
//
// The signature is "v1," and the HMAC-SHA256, in base64, of id, timestamp and
// body with a "." between. A secret that begins with "whsec_" is the rest of it
// in base64, any other is taken as it is. A receiver that checks the signature
// and the time with [Verify], and drops an id that it has seen, acts on each
// message once, and on nobody else's.
const (
	HeaderID        = "Webhook-Id"        // the same when a message is sent again
	HeaderTimestamp = "Webhook-Timestamp" // seconds since 1970; when it was sent this time
	HeaderSignature = "Webhook-Signature"
)

// signatureTolerance is how far the clocks of sender and receiver may be apart,
// the time on the way included.
const signatureTolerance = 5 * time.Minute

const secretPrefix = "whsec_"

// Sign adds the headers that a secret makes to a request whose id is set.
func Sign(h http.Header, secret string, now time.Time, body []byte) error {
	key, err := secretKey(secret)
	if err != nil {
		return err
	}
	stamp := strconv.FormatInt(now.Unix(), 10)
	h.Set(HeaderTimestamp, stamp)
	h.Set(HeaderSignature, "v1,"+base64.StdEncoding.EncodeToString(signature(key, h.Get(HeaderID), stamp, body)))
	return nil
}

// Verify returns an error unless a request was signed with this secret, lately,
// and has this body. It compares in constant time.
func Verify(h http.Header, secret string, now time.Time, body []byte) error {
	key, err := secretKey(secret)
	if err != nil {
		return err
	}
	stamp := h.Get(HeaderTimestamp)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if err != nil {
		return fmt.Errorf("the header %s is missing or no number", HeaderTimestamp)
	}
	want := signature(key, h.Get(HeaderID), stamp, body)
	good := false
	for one := range strings.FieldsSeq(h.Get(HeaderSignature)) { // several while a secret is changed
		text, found := strings.CutPrefix(one, "v1,")
		got, err := base64.StdEncoding.DecodeString(text)
		good = good || found && err == nil && hmac.Equal(got, want)
	}
	switch age := now.Sub(time.Unix(seconds, 0)); {
	case !good:
		return errors.New("the signature is not made with this secret")
	case age > signatureTolerance || age < -signatureTolerance:
		return fmt.Errorf("it was signed %s ago: a replay, or a clock that is wrong", age.Truncate(time.Second))
	}
	return nil
}

func secretKey(secret string) ([]byte, error) {
	text, encoded := strings.CutPrefix(secret, secretPrefix)
	if !encoded {
		return []byte(secret), nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("the secret begins with " + secretPrefix + " and is not base64 behind that")
	}
	return key, nil
}

func signature(key []byte, id, stamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.", id, stamp)
	mac.Write(body)
	return mac.Sum(nil)
}

var plainID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

// webhookID makes an id that fits into a header of any; one that fits stays.
func webhookID(id string) string {
	if plainID.MatchString(id) {
		return id
	}
	return HashID(id)
}

// HashID makes an id of what says what a message is about: short, the same for
// the same, and without a word of it.
func HashID(about string) string {
	sum := sha256.Sum256([]byte(about))
	return fmt.Sprintf("msg_%x", sum[:16])
}
