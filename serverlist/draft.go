package serverlist

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/signed-metaserver/metaserver/keys"
)

// A Draft is a list that nobody has signed yet. Times are cut to whole
// seconds.
type Draft struct {
	Origin     string
	Type       string // TypeServerList or TypeMirrorList
	Version    int64  // seconds since 1970, at most those of Issued
	Epoch      int64  // that of the newest trust document
	Issued     time.Time
	FreshUntil time.Time
	OldAfter   time.Time
	Trust      int64  // number of the newest trust document
	Mirrors    int64  // version of the newest mirror list; 0 in mirror lists
	Body       []byte // from EncodeServers or EncodeMirrors
}

// Text returns the head to sign. It refuses what readers would refuse or skip:
// sizes above the caps, bad entries, bad lines.
func (d *Draft) Text() ([]byte, error) {
	if d.Type != TypeServerList && d.Type != TypeMirrorList {
		return nil, fmt.Errorf("type %q is not one that this package writes", d.Type)
	}
	if most := (Limits{}).body(d.Type); int64(len(d.Body)) > most {
		return nil, fmt.Errorf("the body has %d bytes; it is larger than %d", len(d.Body), most)
	}
	h := keys.Head{
		Origin: d.Origin, Type: d.Type, Version: d.Version, Epoch: d.Epoch,
		Issued: d.Issued, FreshUntil: d.FreshUntil, OldAfter: d.OldAfter,
		Trust: d.Trust, Mirrors: d.Mirrors,
		BodySize: int64(len(d.Body)), BodySHA256: sha256.Sum256(d.Body),
	}
	l := &List{Head: h, data: d.Body}
	if err := l.parseBody(Limits{}); err != nil {
		return nil, err
	}
	if len(l.Skipped) > 0 {
		return nil, fmt.Errorf("the body has an entry that readers skip: %w", l.Skipped[0])
	}
	return h.Encode()
}

// Sign returns the whole document: head, signatures in the order of the
// signers, and body. See [Draft.Text] for what it refuses.
func (d *Draft) Sign(signers ...*keys.Signer) ([]byte, error) {
	text, err := d.Text()
	if err != nil {
		return nil, err
	}
	note, err := keys.Sign(text, signers...)
	if err != nil {
		return nil, err
	}
	note = append(note, '\n')
	return append(note, d.Body...), nil
}
