package proofofwork

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Lifetime is how long a challenge holds: long enough for a slow machine.
const Lifetime = 10 * time.Minute

// maxSpent is how many proofs a gate remembers, 3 MB of them. Each has cost its
// sender work, and is forgotten when its challenge has expired.
const maxSpent = 1 << 16

// A Gate gives challenges and checks proofs. Beside what has been spent it
// remembers nothing: challenges that nobody answers cost no memory. It is safe
// for concurrent use.
type Gate struct {
	origin string
	key    [32]byte // of this process: after a restart old challenges are foreign

	mu    sync.Mutex
	spent map[[16]byte]int64 // by the hash that is the proof; when its challenge expires
	swept int64
}

// NewGate returns a gate with a key of its own.
func NewGate(origin string) *Gate {
	g := &Gate{origin: origin, spent: make(map[[16]byte]int64)}
	rand.Read(g.key[:])
	return g
}

// Why a proof is not taken.
var (
	ErrMissing = errors.New("it came without a proof of work")
	ErrForm    = errors.New("its proof of work is not a challenge, a space and a number")
	ErrForeign = errors.New("the challenge of its proof of work is not one that this root has given to this address since it started")
	ErrExpired = errors.New("the challenge of its proof of work has expired")
	ErrWrong   = errors.New("its proof of work does not fit this request")
	ErrSpent   = errors.New("its proof of work has been used before")
	ErrBusy    = errors.New("more proofs of work came than this root can remember")
)

// A challenge is written as base64url of the difficulty, the time of expiry and
// a code over both, the origin and the network of the requester.
const (
	macSize = 16
	rawSize = 1 + 8 + macSize
)

var encoding = base64.RawURLEncoding.Strict()

// Challenge returns a puzzle for a network, and when it expires.
func (g *Gate) Challenge(network netip.Prefix, bits int, now time.Time) (Puzzle, time.Time) {
	expires := now.Add(Lifetime).Truncate(time.Second)
	raw := make([]byte, 9, rawSize)
	raw[0] = byte(bits)
	binary.BigEndian.PutUint64(raw[1:], uint64(expires.Unix()))
	raw = append(raw, g.code(raw, network)...)
	return Puzzle{Origin: g.origin, Challenge: encoding.EncodeToString(raw), Bits: bits}, expires
}

func (g *Gate) code(claims []byte, network netip.Prefix) []byte {
	mac := hmac.New(sha256.New, g.key[:])
	mac.Write(claims)
	mac.Write([]byte(network.String() + "\n" + g.origin))
	return mac.Sum(nil)[:macSize]
}

// A Proof is one that holds and may be spent.
type Proof struct {
	id      [16]byte
	expires int64
}

// Check looks at the value of [Header] in a request from a network, with a body
// of this hash.
func (g *Gate) Check(value string, network netip.Prefix, body [sha256.Size]byte, now time.Time) (Proof, error) {
	if value == "" {
		return Proof{}, ErrMissing
	}
	text, number, _ := strings.Cut(value, " ")
	n, err := strconv.ParseUint(number, 10, 64)
	raw, bad := encoding.DecodeString(text)
	if err != nil || bad != nil || len(raw) != rawSize {
		return Proof{}, ErrForm
	}
	if !hmac.Equal(raw[9:], g.code(raw[:9], network)) {
		return Proof{}, ErrForeign
	}
	expires := int64(binary.BigEndian.Uint64(raw[1:]))
	if now.Unix() >= expires {
		return Proof{}, ErrExpired
	}
	t := newTry(Puzzle{Origin: g.origin, Challenge: text}.seed(body))
	hash := t.hash(n)
	if zeros(hash) < int(raw[0]) {
		return Proof{}, ErrWrong
	}
	return Proof{[16]byte(hash[16:]), expires}, nil
}

// Spend takes a proof, once.
func (g *Gate) Spend(p Proof, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, again := g.spent[p.id]; again {
		return ErrSpent
	}
	if len(g.spent) >= maxSpent {
		g.sweep(now.Unix())
	}
	if len(g.spent) >= maxSpent {
		return ErrBusy
	}
	g.spent[p.id] = p.expires
	return nil
}

// sweep forgets what has expired. It looks at all, so once a second at most.
func (g *Gate) sweep(now int64) {
	if now == g.swept {
		return
	}
	g.swept = now
	for id, expires := range g.spent {
		if expires <= now {
			delete(g.spent, id)
		}
	}
}
