package ftp_test

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/ftp"
)

// answer gives these answers to one client, one for the greeting and one for
// each command, and hangs up. No real server can be made to say such things.
func answer(t *testing.T, answers []string) *ftp.Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	go func() {
		defer close(done)
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(time.Minute))
		commands := bufio.NewScanner(c)
		for i, a := range answers {
			if _, err := c.Write([]byte(a)); err != nil || i == len(answers)-1 || !commands.Scan() {
				return
			}
		}
	}()
	return &ftp.Target{Address: l.Addr().String(), User: "mirror", Password: func() (string, error) { return "swordfish", nil }, TLS: ftp.NoTLS}
}

// login are the answers to USER, PASS, FEAT, TYPE.
var login = []string{"220 hello\r\n", "331 and?\r\n", "230 in\r\n", "500 what?\r\n", "200 binary\r\n"}

// TestOtherProtocols: what the operator has taken for FTP is named.
func TestOtherProtocols(t *testing.T) {
	t.Parallel()
	_, err := answer(t, []string{"SSH-2.0-OpenSSH_10.0\r\n"}).Open(t.Context())
	if err == nil || !strings.Contains(err.Error(), "publish there by SFTP") {
		t.Errorf("a server for SSH: %v", err)
	}
	implicit := answer(t, []string{""})
	address := implicit.Address
	implicit.Address = "127.0.0.1:990"
	implicit.Dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	if _, err := implicit.Open(t.Context()); err == nil || !strings.Contains(err.Error(), "use port 21") {
		t.Errorf("a server that waits for TLS: %v", err)
	}
}

// TestOddAnswers: whatever a host says, there is an error, of one line, which
// holds no password and never means that a document is absent.
func TestOddAnswers(t *testing.T) {
	t.Parallel()
	home := append(login[:len(login):len(login)], "257 \"/\" here\r\n")
	for name, answers := range map[string][]string{
		"hangs up":            {""},
		"another protocol":    {"SSH-2.0-OpenSSH\r\n"},
		"a cut greeting":      {"22"},
		"no time":             {"421 too many connections\r\n"},
		"repeats secrets":     {login[0], login[1], "530 not swordfish\r\n"},
		"user unknown":        {login[0], "530 no\r\n we do not know you\r\n530 bye\r\n"},
		"one quotation mark":  append(login[:5:5], "257 \"\r\n"),
		"no quotation mark":   append(login[:5:5], "257 here\r\n"),
		"home of Windows":     append(login[:5:5], "257 \"C:\\www\"\r\n"),
		"no ASCII only":       append(login[:4:4], "504 only ASCII\r\n"),
		"endless line":        {"220-" + strings.Repeat("x", 17<<20) + "\r\n220 y\r\n"},
		"passive nowhere":     append(home[:6:6], "500 no\r\n", "227 (1,2,3)\r\n"),
		"passive port 999999": append(home[:6:6], "229 (|||999999|)\r\n"),
		"passive cut":         append(home[:6:6], "229 (|||\r\n", "227 )(\r\n"),
		"nothing is listed":   append(home[:6:6], "229 (|||1|)\r\n", "227 no\r\n"),
		"no passive mode":     append(home[:6:6], "502 no\r\n", "502 no\r\n", "550 no\r\n", "550 no\r\n", "550 no\r\n", "550 no\r\n", "550 no\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := answer(t, answers).Open(t.Context())
			if err == nil {
				_, err = s.Read(t.Context(), publish.ServerList)
				s.Close()
			}
			if err == nil || errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "swordfish") {
				t.Errorf("got %v", err)
			}
			t.Log(err)
		})
	}
}
