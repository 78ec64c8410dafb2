package root_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
)

// BenchmarkRegister measures durable registrations through HTTP: a root in a
// process of its own, 64 connections, each request from another source as a
// trusted proxy names it, so that all limits are counted. It begins with an
// empty queue and with 10,000 that wait. cpu-µs is what the root's process
// computes for one of them, whatever else the machine does.
func BenchmarkRegister(b *testing.B) {
	for _, waiting := range []int{0, 10_000} {
		b.Run(fmt.Sprintf("waiting=%d", waiting), func(b *testing.B) {
			w := startChild(b, behindProxy(b))
			f := newFlood(b, w, 64)
			f.send(waiting)
			before := cpuTime(b, w.pid)
			b.ResetTimer()
			f.send(b.N)
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "regs/s")
			b.ReportMetric((cpuTime(b, w.pid)-before).Seconds()*1e6/float64(b.N), "cpu-µs/op")
		})
	}
}

// behindProxy makes a data folder whose root believes this machine about the
// sources of requests and has no limit to its queue that matters.
func behindProxy(b testing.TB) string {
	dir := newData(b)
	setBehindProxy(b, dir)
	return dir
}

func setBehindProxy(b testing.TB, dir string) {
	changeConfig(b, dir, "trusted_proxies = []", `trusted_proxies = ["127.0.0.1"]`)
	changeConfig(b, dir, "queue = 20000", "queue = 1000000")
	changeConfig(b, dir, "#[limits]", "[limits]\nproof_of_work = \"off\"\n")
}

func changeConfig(t testing.TB, dir, from, to string) {
	t.Helper()
	path := filepath.Join(dir, "root.toml")
	text := readFile(t, path)
	if !bytes.Contains(text, []byte(from)) {
		t.Fatalf("root.toml has no %q", from)
	}
	if err := os.WriteFile(path, bytes.Replace(text, []byte(from), []byte(to), 1), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A flood sends good registrations, no two of them from one network.
type flood struct {
	b     testing.TB
	conns []*rawClient
	host  string
	next  atomic.Int64

	refused bool // what is sent is answered 429
}

func newFlood(b testing.TB, w *world, conns int) *flood {
	f := &flood{b: b, host: strings.TrimPrefix(w.public, "http://")}
	for range conns {
		f.conns = append(f.conns, dialRaw(b, f.host, 202))
	}
	return f
}

// send sends n more over all connections.
func (f *flood) send(n int) {
	f.b.Helper()
	last := f.next.Load() + int64(n)
	each(f.b, len(f.conns), len(f.conns), func(c int) error {
		for i := f.next.Add(1); i <= last; i = f.next.Add(1) {
			f.conns[c].request = f.request(int(i))
			if f.refused {
				f.conns[c].status = 429
			}
			if err := f.conns[c].do(); err != nil {
				return err
			}
		}
		return nil
	})
	f.next.Store(last)
}

// request is registration i as it goes over the wire.
func (f *flood) request(i int) []byte {
	server := benchEntry(i)
	body, err := json.Marshal(api.RegistrationRequest{
		Name: server.Name, Game: server.Game, Version: server.Version, Region: server.Region, Description: server.Description,
		Address: server.Addresses[0], Languages: server.Languages, Email: fmt.Sprintf("a%d@example.org", i),
	})
	if err != nil {
		panic(err)
	}
	return fmt.Appendf(nil, "POST /api/v1/registrations HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"+
		"X-Forwarded-For: %d.%d.%d.1\r\nContent-Length: %d\r\n\r\n%s", f.host, 11+i>>16, i>>8&0xff, i&0xff, len(body), body)
}

// cpuTime is what a process has computed so far.
func cpuTime(t testing.TB, pid int) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skip("only Linux tells what a process has computed: ", err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	var user, system int64
	fmt.Sscan(fields[11], &user)
	fmt.Sscan(fields[12], &system)
	return time.Duration(user+system) * 10 * time.Millisecond // of 100 a second
}
