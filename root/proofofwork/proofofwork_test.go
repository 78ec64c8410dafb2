package proofofwork

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

var (
	here  = netip.MustParsePrefix("192.0.2.1/32")
	there = netip.MustParsePrefix("192.0.2.2/32")
	start = time.Unix(1_800_000_000, 0)
	body  = []byte(`{"name":"x"}`)
)

func solve(t testing.TB, p Puzzle, body []byte) string {
	t.Helper()
	value, err := Solve(t.Context(), p, body, nil)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestGate(t *testing.T) {
	t.Parallel()
	const bits = 12
	g := NewGate("ms.example.org")
	p, expires := g.Challenge(here, bits, start)
	if expires != start.Add(Lifetime) || p.Bits != bits || len(p.Challenge) != 34 {
		t.Fatalf("%+v, expires %v", p, expires)
	}
	value := solve(t, p, body)
	other := NewGate("ms.example.org")
	foreign, _ := other.Challenge(here, bits, start)
	easy := p
	easy.Challenge = "A" + p.Challenge[1:] // says 0 bits, or so
	// A number that does not solve it: one in 4096 does.
	wrong := fmt.Sprint(p.Challenge, " ", 1)
	if _, err := g.Check(wrong, here, sha256.Sum256(body), start); err == nil {
		wrong = fmt.Sprint(p.Challenge, " ", 2)
	}
	for _, tc := range []struct {
		name    string
		value   string
		network netip.Prefix
		body    string
		after   time.Duration
		want    error
	}{
		{"right", value, here, string(body), 0, nil},
		{"right, at the last moment", value, here, string(body), Lifetime - time.Second, nil},
		{"missing", "", here, string(body), 0, ErrMissing},
		{"expired", value, here, string(body), Lifetime, ErrExpired},
		{"from another network", value, there, string(body), 0, ErrForeign},
		{"for another request", value, here, "{}", 0, ErrWrong},
		{"another number", wrong, here, string(body), 0, ErrWrong},
		{"another process's", solve(t, foreign, body), here, string(body), 0, ErrForeign},
		{"made easier", solve(t, Puzzle{p.Origin, easy.Challenge, bits}, body), here, string(body), 0, ErrForeign},
		{"no number", p.Challenge, here, string(body), 0, ErrForm},
		{"a negative number", p.Challenge + " -1", here, string(body), 0, ErrForm},
		{"a number too large", p.Challenge + " 18446744073709551616", here, string(body), 0, ErrForm},
		{"two spaces", strings.Replace(value, " ", "  ", 1), here, string(body), 0, ErrForm},
		{"another alphabet", "+" + value[1:], here, string(body), 0, ErrForm},
		{"too short", value[4:], here, string(body), 0, ErrForm},
		{"very long", strings.Repeat("A", 10_000) + " 1", here, string(body), 0, ErrForm},
	} {
		if _, err := g.Check(tc.value, tc.network, sha256.Sum256([]byte(tc.body)), start.Add(tc.after)); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
	}
}

func TestProofCountsOnce(t *testing.T) {
	t.Parallel()
	g := NewGate("ms.example.org")
	p, _ := g.Challenge(here, 8, start)
	proof, err := g.Check(solve(t, p, body), here, sha256.Sum256(body), start)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Spend(proof, start); err != nil {
		t.Error(err)
	}
	if err := g.Spend(proof, start.Add(Lifetime-time.Second)); err != ErrSpent {
		t.Errorf("the same again: %v", err)
	}
	// The same challenge serves another request, for work of its own.
	second := []byte("{}")
	proof, err = g.Check(solve(t, p, second), here, sha256.Sum256(second), start)
	if err == nil {
		err = g.Spend(proof, start)
	}
	if err != nil {
		t.Error(err)
	}
}

// What is remembered is bounded, and forgotten when it cannot come again.
func TestSpentIsBounded(t *testing.T) {
	t.Parallel()
	g := NewGate("ms.example.org")
	made := func(i int) Proof {
		return Proof{[16]byte{byte(i), byte(i >> 8), byte(i >> 16)}, start.Add(Lifetime).Unix()}
	}
	for i := range maxSpent {
		if err := g.Spend(made(i), start); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Spend(made(maxSpent), start.Add(time.Minute)); err != ErrBusy {
		t.Errorf("one more: %v", err)
	}
	if err := g.Spend(made(maxSpent), start.Add(Lifetime)); err != nil || len(g.spent) != 1 {
		t.Errorf("when the others have expired: %v, %d remembered", err, len(g.spent))
	}
}

func TestSolveEnds(t *testing.T) {
	t.Parallel()
	if _, err := Solve(t.Context(), Puzzle{Bits: MaxBits + 1}, nil, nil); err == nil {
		t.Error("it takes on any puzzle")
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Solve(ctx, Puzzle{Bits: MaxBits, Challenge: "never mind"}, nil, func(uint64) { cancel() })
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func FuzzCheck(f *testing.F) {
	g := NewGate("ms.example.org")
	p, _ := g.Challenge(here, 4, start)
	f.Add(solve(f, p, body), string(body))
	f.Add(p.Challenge+" 0", "")
	f.Add("", "")
	f.Add("AAAA 18446744073709551615", "{}")
	f.Fuzz(func(t *testing.T, value, text string) {
		_, err := g.Check(value, here, sha256.Sum256([]byte(text)), start)
		if err == nil && !strings.HasPrefix(value, p.Challenge+" ") {
			t.Errorf("taken: %q", value)
		}
	})
}

// BenchmarkCheck is what a root spends on each proof; BenchmarkTry what a
// requester spends on each number, of which there are 2 to the power of the
// bits.
func BenchmarkCheck(b *testing.B) {
	g := NewGate("ms.example.org")
	p, _ := g.Challenge(here, 8, start)
	value, sum := solve(b, p, body), sha256.Sum256(body)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Check(value, here, sum, start); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTry(b *testing.B) {
	t := newTry(sha256.Sum256(body))
	n := uint64(0)
	for b.Loop() {
		t.hash(n)
		n++
	}
}
