package notify_test

import (
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist/notify"
	"github.com/signed-metaserver/metaserver/serverlist/tomlfile"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// read reads the channels of a file in the folder dir.
func read(t testing.TB, dir, text string) ([]notify.Channel, []string, error) {
	t.Helper()
	top, err := tomlfile.Parse("m.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	channels, notes := notify.Read(top, dir)
	top.RefuseUnknown()
	return channels, notes, top.Err()
}

func TestRead(t *testing.T) {
	t.Parallel()
	channels, notes, err := read(t, "/etc/ms", `
[[notify]]
type = "mail"
host = "smtp.example.net:587"
from = "Mirror <mirror@example.net>"
to = ["me@example.net", "you@example.net"]
user = "mirror"
password_file = "smtp.password"
ca_file = "ca.pem"
[[notify]]
type = "webhook"
url = "https://chat.example.net/hook?token=s3cret"
secret_env = "HOOK_SECRET"
[[notify]]
type = "webhook"
url_file = "hook.url"
`)
	if err != nil || len(notes) != 0 || len(channels) != 3 {
		t.Fatalf("read %v, %v, %v", channels, notes, err)
	}
	m := channels[0].(*notify.Mail)
	if m.CAFile != "/etc/ms/ca.pem" || m.Password == nil || len(m.To) != 2 || m.TLS != "" {
		t.Errorf("read %+v", m)
	}
	for i, want := range []string{"mail by smtp.example.net:587", "webhook chat.example.net", "webhook"} {
		if got := channels[i].String(); got != want {
			t.Errorf("channel %d is called %q, want %q", i, got, want)
		}
	}
}

// TestReadRefuses: each error names the line and what to do, and shows no
// secret.
func TestReadRefuses(t *testing.T) {
	t.Parallel()
	const letter = "[[notify]]\ntype = \"mail\"\nhost = \"smtp.example.net:587\"\nfrom = \"a@example.net\"\nto = [\"b@example.net\"]\n"
	const hook = "[[notify]]\ntype = \"webhook\"\n"
	for text, want := range map[string]string{
		"[[notify]]\n":                       `m.toml:1: type is missing in [[notify]]: add type = "mail"`,
		"[[notify]]\ntype = \"pigeon\"":      `m.toml:2: type "pigeon" is not known; known: "mail", "webhook"`,
		hook:                                 `m.toml:1: url is missing in [[notify]]: add url = `,
		hook + `url = "ftp://s3cret/"`:       `m.toml:3: url is not that of a webhook`,
		hook + `url = "https://u:s3cret@x/"`: `m.toml:3: url is not that of a webhook`,
		hook + "url = \"https://x/\"\nsecret = \"s3cret\"":                                 `m.toml:4: secret is not taken in [[notify]]: a secret does not belong`,
		hook + "url = \"https://x/\"\nto = \"x\"":                                          `m.toml:4: "to" is not known in [[notify]]`,
		letter + `password = "s3cret"`:                                                     `m.toml:6: password is not taken`,
		letter + `user = "u"`:                                                              `m.toml:6: user and a password (password_file or password_env) go together`,
		letter + `tls = "yes"`:                                                             `m.toml:6: tls "yes" is not known; known: "starttls"`,
		letter + "tls = \"none\"\nuser = \"u\"\npassword_env = \"P\"":                      `m.toml:6: tls = "none" would send the password in clear`,
		letter + "port = 587":                                                              `m.toml:6: port is not taken in [[notify]]: it stands behind the host`,
		strings.Replace(letter, ":587", "", 1):                                             `m.toml:3: host "smtp.example.net" has no port: write it as`,
		strings.Replace(letter, "b@example.net", "b", 1):                                   `m.toml:5: to: "b" is not a mail address`,
		strings.Replace(letter, "to = [\"b@example.net\"]", "to = \"b@example.net\"", 1):   `m.toml:5: to is text; expected a list`,
		strings.Replace(letter, "from = \"a@example.net\"", "from = \"a\\r\\nBcc: x\"", 1): `m.toml:4: from: `,
	} {
		_, _, err := read(t, "", text)
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}
