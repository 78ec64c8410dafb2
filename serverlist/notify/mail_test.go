package notify_test

import (
	"context"
	"errors"
	"mime"
	"net/mail"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/signed-metaserver/metaserver/deploy/testenv"
	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

// TestMail sends one letter in each way of protection and looks at what a real
// server got.
func TestMail(t *testing.T) {
	t.Parallel()
	for _, protection := range []string{notify.STARTTLS, notify.TLS, notify.NoTLS} {
		t.Run(protection, func(t *testing.T) {
			t.Parallel()
			server := testenv.Mail(t, protection)
			m := &notify.Mail{Host: server.Address, From: "Mirror <mirror@example.net>", To: []string{"a@example.net", "b@example.net"}, TLS: protection, CAFile: server.CAFile}
			if protection != notify.NoTLS {
				m.User, m.Password = "mirror", known("swordfish")
			}
			if err := m.Send(t.Context(), message); err != nil {
				t.Fatal(err)
			}
			all := server.Letters()
			if len(all) != 1 {
				t.Fatalf("the server has %d letters", len(all))
			}
			got := all[0]
			if got.User != m.User || got.From != "mirror@example.net" || strings.Join(got.To, " ") != "a@example.net b@example.net" || got.Secure != (protection != notify.NoTLS) {
				t.Errorf("the server got %+v", got)
			}
			wantLetter(t, got.Text)
		})
	}
}

func wantLetter(t *testing.T, text string) {
	t.Helper()
	parsed, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil || subject != message.Subject || parsed.Header.Get("Auto-Submitted") != "auto-generated" || parsed.Header.Get("Message-Id") == "" {
		t.Errorf("header %v, %v", parsed.Header, err)
	}
	date, err := parsed.Header.Date()
	if err != nil || !date.Equal(message.Time) {
		t.Errorf("date %v, %v", date, err)
	}
	if !strings.Contains(text, "And that: ") {
		t.Errorf("the text is missing:\n%s", text)
	}
}

// TestMailFails: each failure says what to do, and none shows the password.
func TestMailFails(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		server string
		change func(*notify.Mail)
		want   string
	}{
		"wrong password":    {notify.STARTTLS, func(m *notify.Mail) { m.Password = known("s3cret") }, "535"},
		"no password":       {notify.STARTTLS, func(m *notify.Mail) { m.Password = func() (string, error) { return "", errors.New("no such file") } }, "no such file"},
		"unknown authority": {notify.STARTTLS, func(m *notify.Mail) { m.CAFile = "" }, "name the certificate of its authority as ca_file"},
		"no CA":             {notify.STARTTLS, func(m *notify.Mail) { m.CAFile += ".none" }, "ca_file: open "},
		"unknown to TLS":    {notify.TLS, func(m *notify.Mail) { m.TLS, m.CAFile = notify.TLS, "" }, "name the certificate of its authority as ca_file"},
		"no TLS there":      {notify.NoTLS, func(*notify.Mail) {}, "STARTTLS"},
		"TLS too early":     {notify.STARTTLS, func(m *notify.Mail) { m.TLS = notify.TLS }, `write tls = "starttls"`},
		"unknown recipient": {notify.STARTTLS, func(m *notify.Mail) { m.To = []string{"nobody@example.net"} }, "no such user"},
		"line break":        {notify.STARTTLS, func(m *notify.Mail) { m.To = []string{"a@example.net\r\nBcc: c@example.net"} }, "to: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := testenv.Mail(t, c.server)
			server.Refuse(nobody)
			m := &notify.Mail{Host: server.Address, From: "mirror@example.net", To: []string{"a@example.net"}, User: "mirror", Password: known("swordfish"), CAFile: server.CAFile}
			c.change(m)
			err := m.Send(t.Context(), message)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "swordfish") || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if all := server.Letters(); len(all) != 0 {
				t.Errorf("the server took %+v", all)
			}
		})
	}
}

// nobody refuses a recipient of that name for good, and one who is late for now.
func nobody(to string) error {
	switch {
	case strings.HasPrefix(to, "nobody@"):
		return &smtp.SMTPError{Code: 550, Message: "no such user"}
	case strings.HasPrefix(to, "late@"):
		return &smtp.SMTPError{Code: 451, Message: "grey listed"}
	}
	return nil
}

// TestMailConn: one connection carries messages for several people, a refusal
// of one concerns no other, and who is told of an event once more can know it.
func TestMailConn(t *testing.T) {
	t.Parallel()
	server := testenv.Mail(t, notify.NoTLS)
	server.Refuse(nobody)
	m := &notify.Mail{Host: server.Address, From: "Root <root@example.net>", TLS: notify.NoTLS, User: testenv.MailUser, Password: known(testenv.MailPassword)}
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	conn, err := m.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	dots := notify.Message{ID: "other", Time: message.Time, Subject: "Dots", Text: "A.\n.\nB.\n"}
	for _, c := range []struct {
		to      string
		message notify.Message
		want    string
		refused bool
	}{
		{"a@example.net", message, "", false},
		{"nobody@example.net", message, "no such user", true},
		{"late@example.net", message, "grey listed", false},
		{"a@example.net", message, "", false},
		{"b@example.net", dots, "", false},
	} {
		err := conn.Send([]string{c.to}, c.message)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) || notify.Refused(err) != c.refused {
			t.Errorf("%s: %v, refused %v", c.to, err, notify.Refused(err))
		}
	}
	all := server.Letters()
	if len(all) != 3 || all[0].User != testenv.MailUser || strings.Join(all[2].To, " ") != "b@example.net" || !strings.Contains(all[2].Text, "A.\r\n.\r\nB.") {
		t.Fatalf("the server got %+v", all)
	}
	ids := make([]string, len(all))
	for i, l := range all {
		parsed, err := mail.ReadMessage(strings.NewReader(l.Text))
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = parsed.Header.Get("Message-Id")
	}
	if ids[0] != ids[1] || ids[0] == ids[2] || !strings.HasSuffix(ids[0], "@example.net>") {
		t.Errorf("Message-IDs %q", ids)
	}
}

// TestMailCheck looks at what only a program can get wrong, or a file that
// names a server on this machine.
func TestMailCheck(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]notify.Mail{
		"host is missing: add host":  {From: "a@example.org"},
		"from is missing: add from":  {Host: "mail:25"},
		"has no port":                {Host: "mail", From: "a@example.org"},
		`host "mail:70000"`:          {Host: "mail:70000", From: "a@example.org"},
		`"a" is not a mail address`:  {Host: "mail:25", From: "a"},
		`tls "ssl" is not known`:     {Host: "mail:25", From: "a@example.org", TLS: "ssl"},
		"password_file":              {Host: "mail:25", From: "a@example.org", User: "u"},
		"send the password in clear": {Host: "mail:25", From: "a@example.org", User: "u", Password: known("p"), TLS: notify.NoTLS},
	} {
		if err := m.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", m, err, want)
		}
	}
	for _, host := range []string{"127.0.0.1:25", "[::1]:25", "localhost:25"} {
		m := notify.Mail{Host: host, From: "a@example.org", User: "u", Password: known("p"), TLS: notify.NoTLS}
		if err := m.Check(); err != nil {
			t.Error(err)
		}
	}
}

// TestMailEnds: a server that does not answer holds up nobody who ends.
func TestMailEnds(t *testing.T) {
	t.Parallel()
	for _, protection := range []string{notify.STARTTLS, notify.TLS, notify.NoTLS} {
		t.Run(protection, func(t *testing.T) {
			t.Parallel()
			server := testenv.Mail(t, protection)
			begun := server.Stall(t)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-begun; cancel() }()
			m := &notify.Mail{Host: server.Address, From: "a@example.net", To: []string{"b@example.net"}, TLS: protection, CAFile: server.CAFile}
			if err := m.Send(ctx, message); err == nil || ctx.Err() == nil {
				t.Errorf("sent: %v", err)
			}
		})
	}
}

// A subject cannot become further headers, nor an address further commands.
func TestMailInjection(t *testing.T) {
	t.Parallel()
	server := testenv.Mail(t, notify.NoTLS)
	m := &notify.Mail{Host: server.Address, TLS: notify.NoTLS, From: "root@example.net"}
	conn, err := m.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, to := range []string{"a@example.net\r\nRCPT TO:<b@example.net>", "a@example.net>\nBcc: <b@example.net", "a@example.net, b@example.net"} {
		if err := conn.Send([]string{to}, message); err == nil {
			t.Errorf("%q was taken for an address", to)
		}
	}
	evil := message
	evil.Subject = "A name\r\nBcc: b@example.net\r\n\r\nbody\u2028\x00"
	evil.ID = "x\r\nBcc: b@example.net"
	evil.Text = "first\r\n.\r\nMAIL FROM:<c@example.net>\r\n"
	if err := conn.Send([]string{"a@example.net"}, evil); err != nil {
		t.Fatal(err)
	}
	all := server.Letters()
	if len(all) != 1 || len(all[0].To) != 1 {
		t.Fatalf("the server got %+v", all)
	}
	header, body, _ := strings.Cut(all[0].Text, "\r\n\r\n")
	if strings.Contains(header, "\r\nBcc:") || !strings.Contains(header, "Subject: A name") || !strings.Contains(body, "first\r\n.\r\nMAIL") {
		t.Errorf("the letter is\n%s", all[0].Text)
	}
}
