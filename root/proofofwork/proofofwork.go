// Package proofofwork is the proof of work that a root under flood asks of those
// who want to register a server or a mirror: a puzzle that takes seconds to solve and
// microseconds to check.
//
// The root gives a challenge, a text that only it can make and that it need not
// remember: it says until when it holds and how hard the puzzle is, and is
// authenticated by a secret of the root's process together with the origin and
// the network of the requester. The requester looks for a number n so that
//
//	SHA-256( SHA-256("metaserver-work/1\n" origin "\n" challenge "\n" hex(SHA-256(body)) "\n") n )
//
// begins with as many zero bits as the challenge demands, n being 8 bytes, the
// first one the most significant. The proof is the challenge, a space and n in
// decimal digits, in the header Proof-Of-Work of the request with that body.
//
// So work cannot be done ahead of a challenge, by another network, or for
// another request; and each piece of it counts once.
package proofofwork

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"runtime"
	"sync"
	"sync/atomic"
)

// Header is the name of the header that carries a proof.
const Header = "Proof-Of-Work"

// MaxBits is the hardest puzzle that [Solve] takes on: what a root may make a
// requester compute has a bound.
const MaxBits = 28

// A Puzzle is what a requester solves.
type Puzzle struct {
	Origin    string
	Challenge string
	Bits      int // zero bits that the hash begins with; 2 to the power of this is the mean of the tries
}

// seed binds all that a proof depends on, so that a try costs one small hash.
func (p Puzzle) seed(body [sha256.Size]byte) [sha256.Size]byte {
	return sha256.Sum256([]byte("metaserver-work/1\n" + p.Origin + "\n" + p.Challenge + "\n" + hex.EncodeToString(body[:]) + "\n"))
}

// A try is what is hashed: the seed and a number.
type try [sha256.Size + 8]byte

func newTry(seed [sha256.Size]byte) (t try) {
	copy(t[:], seed[:])
	return t
}

func (t *try) hash(n uint64) [sha256.Size]byte {
	binary.BigEndian.PutUint64(t[sha256.Size:], n)
	return sha256.Sum256(t[:])
}

// zeros counts the zero bits that a hash begins with, up to 64.
func zeros(hash [sha256.Size]byte) int {
	return bits.LeadingZeros64(binary.BigEndian.Uint64(hash[:]))
}

// stride is how many numbers are tried between two looks at what else there is.
const stride = 1 << 14

// Solve looks for a proof for a request with this body, on all processors, and
// returns the value of [Header]. tried is told now and then how many numbers
// have been tried, from one goroutine at a time; nil: nobody is. It ends with
// the context.
func Solve(ctx context.Context, p Puzzle, body []byte, tried func(tries uint64)) (string, error) {
	if p.Bits > MaxBits {
		return "", fmt.Errorf("the root asks for a proof of work of %d bits; this program does none above %d", p.Bits, MaxBits)
	}
	var (
		seed  = p.seed(sha256.Sum256(body))
		next  atomic.Uint64
		found atomic.Pointer[uint64]
		tell  sync.Mutex
		wg    sync.WaitGroup
	)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			t := newTry(seed)
			for found.Load() == nil && ctx.Err() == nil {
				from := next.Add(stride) - stride
				for n := from; n < from+stride; n++ {
					if zeros(t.hash(n)) >= p.Bits {
						found.Store(&n)
						return
					}
				}
				if tried != nil && tell.TryLock() {
					tried(from + stride)
					tell.Unlock()
				}
			}
		})
	}
	wg.Wait()
	n := found.Load()
	if n == nil {
		return "", context.Cause(ctx)
	}
	return fmt.Sprintf("%s %d", p.Challenge, *n), nil
}
