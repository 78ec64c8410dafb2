package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// A service is the real program, run as systemd runs it: with sockets handed
// over, credentials in a folder, and a socket that it tells how it does.
type service struct {
	t             *testing.T
	cmd           *exec.Cmd
	log           bytes.Buffer
	public, admin string // addresses of the sockets, which the test holds open
	states        *net.UnixConn
	cert, key     string // files of the certificate
}

const asService = `LISTEN_PID=$$; export LISTEN_PID; exec metaserver "$@"`

// runService starts a root whose list key has a passphrase and whose public
// listener speaks TLS, and returns when it has said that it is ready.
func runService(t *testing.T) (*service, *x509.CertPool) {
	t.Helper()
	s := &service{t: t}
	dir := t.TempDir()
	data, creds := filepath.Join(dir, "data"), filepath.Join(dir, "credentials")
	if err := os.Mkdir(creds, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(creds, "passphrase"), "open sesame\n")
	command(t, "root", "init", "--data", data, "--origin", "ms.example.org", "--passphrase-file", filepath.Join(creds, "passphrase"))
	var pool *x509.CertPool
	s.cert, s.key = filepath.Join(dir, "cert.pem"), filepath.Join(creds, "tls.key")
	pool = s.renew()
	writeFile(t, filepath.Join(dir, "ms.toml"), "data = \"data\"\norigin = \"ms.example.org\"\n[tls]\ncertificate_file = \"cert.pem\"\nkey_file = \"$CREDENTIALS_DIRECTORY/tls.key\"\n")

	s.cmd = exec.Command("sh", "-c", asService, "sh", "root", "serve", "--config", filepath.Join(dir, "ms.toml"), "--log-format", "json")
	for _, address := range []*string{&s.public, &s.admin} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		*address = l.Addr().String()
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		t.Cleanup(func() { f.Close() })
		s.cmd.ExtraFiles = append(s.cmd.ExtraFiles, f)
	}
	var err error
	socket := filepath.Join(dir, "notify")
	if s.states, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.states.Close() })
	s.cmd.Env = append(os.Environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES=public:admin", "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC=200000", "CREDENTIALS_DIRECTORY="+creds)
	s.cmd.Stderr = &s.log
	testenv.Tie(s.cmd)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.cmd.ProcessState == nil {
			s.cmd.Process.Kill()
			s.cmd.Wait()
		}
	})
	s.until("READY=1")
	return s, pool
}

// renew replaces the certificate and returns the pool that trusts it.
func (s *service) renew() *x509.CertPool {
	cert, key, pool := testenv.Certificate(s.t, time.Hour)
	for to, from := range map[string]string{s.cert: cert, s.key: key} {
		writeFile(s.t, to, string(readFile(s.t, from)))
	}
	return pool
}

// until returns when the service has said this, and what it said with it.
func (s *service) until(state string) []string {
	s.t.Helper()
	s.states.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 4096)
	for {
		n, err := s.states.Read(buf)
		if err != nil {
			s.cmd.Process.Kill()
			s.cmd.Wait()
			s.t.Fatalf("it has not said %s: %v\n%s", state, err, s.log.String())
		}
		if said := strings.Split(string(buf[:n]), "\n"); slices.Contains(said, state) {
			return said
		}
	}
}

func (s *service) signal(sig os.Signal) {
	s.t.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.t.Fatal(err)
	}
}

// list fetches the server list over a connection of its own.
func (s *service) list(pool *x509.CertPool) error {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("https://" + s.public + "/server.list")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New(resp.Status)
	}
	return nil
}

// A halfSent is a registration of which the service has seen the beginning.
type halfSent struct {
	conn net.Conn
	in   *bufio.Reader
	rest string
}

func (s *service) beginRegistration(pool *x509.CertPool) *halfSent {
	s.t.Helper()
	conn, err := tls.Dial("tcp", s.public, &tls.Config{RootCAs: pool})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	body := `{"name":"Cat 2","address":"cat2.example.net:13327","game":"crossfire","email":"cat@example.net","description":"a cat"}`
	fmt.Fprintf(conn, "POST /api/v1/registrations HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", s.public, len(body))
	h := &halfSent{conn, bufio.NewReader(conn), body}
	if line, err := h.in.ReadString('\n'); err != nil || !strings.Contains(line, "100") {
		s.t.Fatalf("%q, %v", line, err)
	}
	h.in.ReadString('\n')
	return h
}

// finish sends the rest and returns the status.
func (h *halfSent) finish() (int, error) {
	if _, err := io.WriteString(h.conn, h.rest); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(h.in, nil)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

// TestService runs the real program as a service of systemd: it takes the sockets
// and the credentials, tells that it is ready, lives, reloads and stops, changes
// its certificate while it runs, and finishes what it has begun.
func TestService(t *testing.T) {
	t.Parallel()
	s, pool := runService(t)
	if err := s.list(pool); err != nil {
		t.Error(err)
	}
	resp, err := http.Get("http://" + s.admin + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("/readyz: %s", resp.Status)
	}
	s.until("WATCHDOG=1")

	renewed := s.renew()
	s.signal(syscall.SIGHUP)
	if said := s.until("RELOADING=1"); !slices.ContainsFunc(said, func(l string) bool { return strings.HasPrefix(l, "MONOTONIC_USEC=") }) {
		t.Errorf("it said %q", said)
	}
	s.until("READY=1")
	if err := s.list(renewed); err != nil {
		t.Errorf("with the new certificate: %v", err)
	}
	if s.list(pool) == nil {
		t.Error("the old certificate is still served")
	}
	writeFile(t, s.cert, "no certificate")
	s.signal(syscall.SIGHUP)
	s.until("READY=1")
	if err := s.list(renewed); err != nil {
		t.Errorf("a certificate that cannot be read took the place of one that could: %v", err)
	}

	h := s.beginRegistration(renewed)
	s.signal(syscall.SIGTERM)
	s.until("STOPPING=1")
	if status, err := h.finish(); err != nil || status != http.StatusAccepted {
		t.Errorf("the request that was under way: %d, %v", status, err)
	}
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v\n%s", err, s.log.String())
	}
	conn, err := net.Dial("tcp", s.public) // systemd holds the socket, and the next process takes who waits there
	if err != nil {
		t.Errorf("while no root runs: %v", err)
	} else {
		conn.Close()
	}
	for line := range strings.Lines(s.log.String()) {
		if !strings.HasPrefix(line, "{") {
			t.Errorf("a line of the log is no JSON: %s", line)
		}
	}
	for _, secret := range []string{"open sesame", "cat@example.net"} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds %q", secret)
		}
	}
}

// A second signal ends the program at once.
func TestServiceSecondSignal(t *testing.T) {
	t.Parallel()
	s, pool := runService(t)
	s.beginRegistration(pool) // and never ended
	s.signal(syscall.SIGTERM)
	s.until("STOPPING=1")
	done := make(chan error, 1)
	go func() { done <- s.cmd.Wait() }()
	again := time.NewTicker(10 * time.Millisecond) // the first may not have been seen to the end
	defer again.Stop()
	for {
		select {
		case <-done:
			if status := s.cmd.ProcessState.Sys().(syscall.WaitStatus); !status.Signaled() || status.Signal() != syscall.SIGTERM {
				t.Errorf("it ended with %v\n%s", s.cmd.ProcessState, s.log.String())
			}
			return
		case <-again.C:
			s.cmd.Process.Signal(syscall.SIGTERM) // fails if it has ended
		}
	}
}

// The watchdog hears nothing of a root that hangs.
func TestWatchdog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var hangs atomic.Bool
		var told []time.Duration
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		time.AfterFunc(15*time.Second, func() { hangs.Store(true) })
		time.AfterFunc(45*time.Second, func() { hangs.Store(false) })
		s := supervisor{slog.New(slog.DiscardHandler)}
		hung := func() error {
			if hangs.Load() {
				return errors.New("it hangs")
			}
			return nil
		}
		s.watch(ctx, 20*time.Second, hung, func(state string) {
			if state != "WATCHDOG=1" {
				t.Errorf("it is told %q", state)
			}
			told = append(told, time.Since(start)/time.Second)
		})
		if want := []time.Duration{0, 10, 50}; !slices.Equal(told, want) && !slices.Equal(told, append(want, 60)) {
			t.Errorf("it is told after %d s", told)
		}
	})
}
