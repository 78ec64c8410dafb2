package root_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/root/store"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// BenchmarkServe compares the root with nginx and with a bare http.ServeContent
// server, each in processes of its own, all of them serving the same files over
// loopback connections that are kept open. They take turns, round by round, so
// that what else the machine does hits all of them alike; the ratios are the
// medians of all rounds. Ratios above 1: the root answers more requests a second.
// cpu-µs is what a server's process computes for a request.
func BenchmarkServe(b *testing.B) {
	dir := listedData(b, 10_000)
	w := startChild(b, dir)
	waitForList(w)
	folder := filepath.Join(dir, "public")
	servers := []benchServer{
		{"root", w.public, w.pid},
		bareServer(b, folder),
		{"nginx", strings.TrimSuffix(testenv.Nginx(b, folder), "/"), 0},
	}
	b.Run("list", func(b *testing.B) { benchmarkServers(b, servers, "/server.list", http.StatusOK, 4, 48) })
	b.Run("trust", func(b *testing.B) { benchmarkServers(b, servers, "/trust/1.trust", http.StatusOK, 16, 4000) })
	b.Run("304", func(b *testing.B) { benchmarkServers(b, servers, "/server.list", http.StatusNotModified, 16, 4000) })
}

// listedData makes a data folder with so many entries in the list; 10,000 make
// a list of 3 MB.
func listedData(b *testing.B, entries int) string {
	b.Helper()
	dir := newData(b)
	st, err := store.OpenSQLite(b.Context(), store.Config{Path: filepath.Join(dir, "root.db"), MustExist: true})
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	each(b, 64, entries, func(i int) error {
		r, err := st.Register(b.Context(), store.Request{Server: benchEntry(i), Email: fmt.Sprintf("a%d@example.org", i)}, store.Limits{Queue: -1})
		if err != nil {
			return err
		}
		_, err = st.Approve(b.Context(), store.Approval{Registration: r.ID, Admin: "bench"})
		return err
	})
	return dir
}

// benchEntry is an entry of the usual length.
func benchEntry(i int) serverlist.Server {
	return serverlist.Server{
		Name: fmt.Sprintf("Server %d of a rather usual name", i), Game: "crossfire", Version: "1.75.0", Region: "eu-north",
		Description: "What a server says of itself, in a sentence or two that a player may want to read before joining.",
		Addresses:   []string{fmt.Sprintf("s%d.example.net:13327", i)}, Languages: []string{"en", "de"},
	}
}

// each calls f with the numbers below n from several goroutines.
func each(b testing.TB, workers, n int, f func(i int) error) {
	b.Helper()
	numbers := make(chan int)
	var wg sync.WaitGroup
	var failed sync.Once
	for range workers {
		wg.Go(func() {
			for i := range numbers {
				if err := f(i); err != nil {
					failed.Do(func() { b.Error(err) })
				}
			}
		})
	}
	for i := range n {
		numbers <- i
	}
	close(numbers)
	wg.Wait()
	if b.Failed() {
		b.FailNow()
	}
}

// A benchServer is one of those that are compared.
type benchServer struct {
	name, url string
	pid       int // 0: it is several processes
}

func (s benchServer) cpu(b *testing.B) time.Duration {
	if s.pid == 0 {
		return 0
	}
	return cpuTime(b, s.pid)
}

// benchmarkServers sends one round of requests to each server in turn, b.N
// times, and reports requests a second and how the root compares.
func benchmarkServers(b *testing.B, servers []benchServer, path string, status, conns, requests int) {
	clients := make([][]*rawClient, len(servers))
	for i, s := range servers {
		for range conns {
			clients[i] = append(clients[i], newRawClient(b, s.url, path, status))
		}
	}
	took := make([][]float64, len(servers)) // seconds of each round
	var before []time.Duration
	for _, s := range servers {
		before = append(before, s.cpu(b))
	}
	for b.Loop() {
		for i := range servers {
			start := time.Now()
			each(b, conns, conns, func(c int) error { return clients[i][c].repeat(requests / conns) })
			took[i] = append(took[i], time.Since(start).Seconds())
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, s := range servers {
		b.ReportMetric(float64(requests)/median(took[i]), s.name+"/s")
		if used := s.cpu(b) - before[i]; used > 0 {
			b.ReportMetric(used.Seconds()*1e6/float64(b.N*requests), s.name+"-cpu-µs")
		}
		if i > 0 {
			b.ReportMetric(median(ratios(took[i], took[0])), "of-"+s.name)
		}
	}
}

func ratios(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] / b[i]
	}
	return out
}

func median(all []float64) float64 {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}

// A rawClient sends one request again and again over one connection. It does as
// little as it can, so that what is measured is the server.
type rawClient struct {
	conn    net.Conn
	reader  *bufio.Reader
	request []byte
	status  int // that every answer must have
	buffer  []byte
}

func newRawClient(b *testing.B, url, path string, status int) *rawClient {
	b.Helper()
	host := strings.TrimPrefix(url, "http://")
	c := dialRaw(b, host, status)
	request := "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: metaserver\r\n"
	if status == http.StatusNotModified {
		plain := http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}
		resp, err := plain.Get(url + path)
		if err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
		request += "If-None-Match: " + resp.Header.Get("ETag") + "\r\n"
	}
	c.request = []byte(request + "\r\n")
	return c
}

func dialRaw(b testing.TB, host string, status int) *rawClient {
	b.Helper()
	conn, err := net.Dial("tcp", host)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return &rawClient{conn: conn, reader: bufio.NewReaderSize(conn, 4096), status: status, buffer: make([]byte, 256<<10)}
}

func (c *rawClient) repeat(times int) error {
	for range times {
		if err := c.do(); err != nil {
			return err
		}
	}
	return nil
}

func (c *rawClient) do() error {
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	length, line := -1, 0
	for {
		text, err := c.reader.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case line == 0 && string(text[9:12]) != strconv.Itoa(c.status):
			return fmt.Errorf("the answer begins with %q", text)
		case len(text) == 2:
			return c.skip(length)
		}
		if value, ok := bytes.CutPrefix(text, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
		line++
	}
}

// skip reads the body and throws it away.
func (c *rawClient) skip(n int) error {
	if c.status == http.StatusNotModified {
		return nil
	}
	if n < 0 {
		return errors.New("there is no Content-Length")
	}
	held, err := c.reader.Discard(min(n, c.reader.Buffered()))
	for n -= held; n > 0 && err == nil; {
		held, err = c.conn.Read(c.buffer[:min(n, len(c.buffer))])
		n -= held
	}
	return err
}

// bareFolder names the folder of the bare server to its process; see TestMain.
const bareFolder = "ROOT_TEST_BARE"

// bareServer serves a folder with nothing but http.ServeContent, from memory.
func bareServer(b *testing.B, folder string) benchServer {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), bareFolder+"="+folder)
	w, err := startCommand(b, cmd, false)
	if err != nil {
		b.Fatal(err)
	}
	return benchServer{"bare", w.public, w.pid}
}

// serveBare is what that process does until it is killed.
func serveBare(folder string) {
	err := func() error {
		mux := http.NewServeMux()
		for _, name := range []string{"server.list", "trust/1.trust"} {
			data, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				return err
			}
			issued := time.Unix(1_800_000_000, 0)
			mux.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/plain; charset=utf-8")
				w.Header().Set("ETag", `"0123456789abcdef0123456789abcdef"`)
				http.ServeContent(w, r, "", issued, bytes.NewReader(data))
			})
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		fmt.Println(l.Addr(), "")
		return http.Serve(l, mux)
	}()
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
