package root

import (
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
)

func goodRequest() api.RegistrationRequest {
	return api.RegistrationRequest{
		Name:        "Cat 2",
		Address:     "cat2.example.net:13327",
		Game:        "crossfire",
		Email:       "admin@example.org",
		Description: "A server for cats",
	}
}

func TestCheckRequest(t *testing.T) {
	t.Parallel()
	long := strings.Repeat
	for _, tc := range []struct {
		name   string
		change func(r *api.RegistrationRequest)
		field  string // "": it is right
		says   string // in the problem
	}{
		{"right", func(r *api.RegistrationRequest) {}, "", ""},
		{"all members", func(r *api.RegistrationRequest) {
			r.Version, r.Region, r.Website = "1.75.0", "eu", "https://example.org/"
			r.Languages, r.Tags = []string{"en", "pt-BR"}, []string{"friendly"}
			r.Key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
			r.Endpoints = []api.Endpoint{{Role: "chat", Protocol: "mumble", Address: "chat.example.net:64738"}}
			r.Probe = &api.Probe{Protocol: "crossfire", Port: 13327}
		}, "", ""},
		{"80 characters", func(r *api.RegistrationRequest) { r.Name = long("ä", 80) }, "", ""},
		{"no name", func(r *api.RegistrationRequest) { r.Name = "" }, "name", "required"},
		{"blank name", func(r *api.RegistrationRequest) { r.Name = "  " }, "name", "required"},
		{"81 characters", func(r *api.RegistrationRequest) { r.Name = long("ä", 81) }, "name", "more than 80"},
		{"control", func(r *api.RegistrationRequest) { r.Name = "a\x1b[31m" }, "name", "U+001B"},
		{"line feed", func(r *api.RegistrationRequest) { r.Name = "a\n" }, "name", "U+000A"},
		{"C1 control", func(r *api.RegistrationRequest) { r.Description = "a\u0085" }, "description", "U+0085"},
		{"zero width space", func(r *api.RegistrationRequest) { r.Name = "My\u200b server" }, "name", "U+200B at byte 2, which cannot be seen there; remove it"},
		{"joiner", func(r *api.RegistrationRequest) { r.Name = "My\u200d server" }, "name", "U+200D at byte 2"},
		{"soft hyphen in a text", func(r *api.RegistrationRequest) { r.Description = "ser\u00adver" }, "description", "U+00AD at byte 3"},
		{"bidi override", func(r *api.RegistrationRequest) { r.Name = "a\u202e" }, "name", "U+202E"},
		{"bidi isolate", func(r *api.RegistrationRequest) { r.Tags = []string{"ok", "a\u2066"} }, "tags[1]", "U+2066"},
		{"arabic letter mark", func(r *api.RegistrationRequest) { r.Region = "\u061c" }, "region", "U+061C"},
		{"byte order mark", func(r *api.RegistrationRequest) { r.Version = "\ufeff" }, "version", "U+FEFF"},
		{"lost character", func(r *api.RegistrationRequest) { r.Name = "a\ufffd" }, "name", "U+FFFD"},
		{"no description", func(r *api.RegistrationRequest) { r.Description = "" }, "description", "required"},
		{"501 characters", func(r *api.RegistrationRequest) { r.Description = long("x", 501) }, "description", "more than 500"},
		{"grows in NFC", func(r *api.RegistrationRequest) { r.Description = long("\u0958", 300) }, "description", "more than 500"},
		{"no game", func(r *api.RegistrationRequest) { r.Game = "" }, "game", "required"},
		{"no slug", func(r *api.RegistrationRequest) { r.Game = "Cross Fire" }, "game", "not allowed"},
		{"no email", func(r *api.RegistrationRequest) { r.Email = "" }, "email", "required"},
		{"display name", func(r *api.RegistrationRequest) { r.Email = "A <a@example.org>" }, "email", "without a name"},
		{"two addresses", func(r *api.RegistrationRequest) { r.Email = "a@example.org, b@example.org" }, "email", "not an e-mail"},
		{"no at", func(r *api.RegistrationRequest) { r.Email = "example.org" }, "email", "not an e-mail"},
		{"mail header", func(r *api.RegistrationRequest) { r.Email = "a@example.org\r\nBcc: b@example.org" }, "email", "U+000D"},
		{"long email", func(r *api.RegistrationRequest) { r.Email = long("a", 250) + "@example.org" }, "email", "more than 254"},
		{"no address", func(r *api.RegistrationRequest) { r.Address = "" }, "address", "required"},
		{"both", func(r *api.RegistrationRequest) { r.Addresses = []string{"b.example.net:1"} }, "address", "beside"},
		{"no port", func(r *api.RegistrationRequest) { r.Address = "cat2.example.net" }, "address", "no port"},
		{"port 0", func(r *api.RegistrationRequest) { r.Address = "cat2.example.net:0" }, "address", "1 to 65535"},
		{"second has no port", func(r *api.RegistrationRequest) {
			r.Address, r.Addresses = "", []string{"cat2.example.net:1", "192.0.2.1"}
		}, "addresses[1]", "no port"},
		{"twice", func(r *api.RegistrationRequest) {
			r.Address, r.Addresses = "", []string{"cat2.example.net:1", "cat2.example.net:1"}
		}, "addresses[1]", "twice"},
		{"seventeen", func(r *api.RegistrationRequest) {
			r.Address = ""
			for i := range 17 {
				r.Addresses = append(r.Addresses, "cat2.example.net:"+string(rune('1'+i%9))+"0"+string(rune('1'+i/9)))
			}
		}, "addresses", "16"},
		{"website", func(r *api.RegistrationRequest) { r.Website = "javascript:alert(1)" }, "website", "http"},
		{"language", func(r *api.RegistrationRequest) { r.Languages = []string{"en us"} }, "languages", "language tag"},
		{"key", func(r *api.RegistrationRequest) { r.Key = "AAAA" }, "key", "32-byte"},
		{"endpoint", func(r *api.RegistrationRequest) {
			r.Endpoints = []api.Endpoint{{Role: "chat", Protocol: "mumble", Address: "chat.example.net"}}
		}, "endpoints[0].address", "no port"},
		{"probe", func(r *api.RegistrationRequest) { r.Probe = &api.Probe{Protocol: "Cross Fire"} }, "probe", ""},
		{"too much together", func(r *api.RegistrationRequest) {
			for range 32 {
				r.Tags = append(r.Tags, long("ä", 80))
			}
			r.Description = long("\U0001F600", 500)
			for i := range 16 {
				r.Addresses = append(r.Addresses, long("a", 60)+"."+long("b", 60)+"."+long("c", 60)+":"+string(rune('1'+i%9))+string(rune('1'+i/9)))
			}
			r.Address = ""
		}, "description", "bytes"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			req := goodRequest()
			tc.change(&req)
			_, problems := checkRequest(&req, false)
			if tc.field == "" {
				if len(problems) > 0 {
					t.Fatalf("refused: %v", problems)
				}
				return
			}
			if len(problems) != 1 || problems[0].Field != tc.field || !strings.Contains(problems[0].Problem, tc.says) {
				t.Fatalf("problems %v; want one of %s that says %q", problems, tc.field, tc.says)
			}
		})
	}
}

func TestCheckRequestNamesEveryField(t *testing.T) {
	t.Parallel()
	req := api.RegistrationRequest{Name: "\x00", Address: "x", Website: "ftp://x", Key: "!"}
	_, problems := checkRequest(&req, false)
	var fields []string
	for _, p := range problems {
		fields = append(fields, p.Field)
	}
	if got, want := strings.Join(fields, " "), "name description game email address key website"; got != want {
		t.Fatalf("fields %q, want %q", got, want)
	}
}

func TestCheckRequestStoresNFC(t *testing.T) {
	t.Parallel()
	req := goodRequest()
	req.Name, req.Description = "Cafe\u0301", "e\u0301"
	s, problems := checkRequest(&req, false)
	if len(problems) > 0 || s.Name != "Caf\u00e9" || s.Description != "\u00e9" {
		t.Fatalf("%q, %q, %v", s.Name, s.Description, problems)
	}
}

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		address         string
		public, private bool // welcome from elsewhere, from this machine
	}{
		{"cat2.example.net:13327", true, true},
		{"192.0.2.7:13327", true, true},
		{"[2001:db8::7]:13327", true, true},
		{"127.0.0.1:13327", false, true},
		{"127.9.9.9:13327", false, true},
		{"[::1]:13327", false, true},
		{"[::ffff:127.0.0.1]:13327", false, true},
		{"10.1.2.3:13327", false, true},
		{"172.16.0.1:13327", false, true},
		{"192.168.1.1:13327", false, true},
		{"[::ffff:10.1.2.3]:13327", false, true},
		{"169.254.1.1:13327", false, true},
		{"100.64.0.1:13327", false, true},
		{"198.18.0.1:13327", false, true},
		{"192.0.0.8:13327", false, true},
		{"240.0.0.1:13327", false, true},
		{"[fec0::1]:13327", false, true},
		{"[64:ff9b::a00:1]:13327", false, true},    // 10.0.0.1 behind NAT64
		{"[64:ff9b::5db8:d822]:13327", true, true}, // 93.184.216.34 behind NAT64
		{"[2002:a00:1::]:13327", false, true},      // 10.0.0.1 by 6to4
		{"[2002:7f00:1::1]:13327", false, true},    // 127.0.0.1 by 6to4
		{"[::10.0.0.1]:13327", false, true},
		{"[fd00::1]:13327", false, true},
		{"[fe80::1]:13327", false, true},
		{"localhost:13327", false, true},
		{"LOCALHOST:13327", false, true},
		{"a.localhost:13327", false, true},
		{"printer.local:13327", false, true},
		{"db.internal:13327", false, true},
		{"router:13327", false, true},
		{"0x7f000001:13327", false, false}, // some resolvers read it as an address, and clients refuse it
		{"0.0.0.0:13327", false, false},
		{"[::]:13327", false, false},
		{"224.0.0.1:13327", false, false},
		{"[ff02::1]:13327", false, false},
		{"255.255.255.255:13327", false, false},
		{"127.1:13327", false, false},
		{"2130706433:13327", false, false},
		{"cat2.example.net", false, false},
		{":13327", false, false},
		{"::1:13327", false, false},
		{"[::1%eth0]:13327", false, false},
		{"a b:1", false, false},
		{"cat2.example.net:13327/", false, false},
		{"http://cat2.example.net:13327", false, false},
	} {
		if err := checkAddress(tc.address, false); (err == nil) != tc.public {
			t.Errorf("%s from elsewhere: %v", tc.address, err)
		}
		if err := checkAddress(tc.address, true); (err == nil) != tc.private {
			t.Errorf("%s from this machine: %v", tc.address, err)
		}
	}
}
