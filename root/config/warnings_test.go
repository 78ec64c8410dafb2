package config

import "testing"

func TestProxyWarning(t *testing.T) {
	t.Parallel()
	const world, loopback = "https://ms.example.org/", "127.0.0.1:7480"
	for _, tc := range []struct {
		cfg   Config
		warns bool
	}{
		{Config{PublicURL: world, Listen: loopback}, true},
		{Config{PublicURL: world, Listen: "[::1]:7480"}, true},
		{Config{PublicURL: world, Listen: "localhost:7480"}, true},
		{Config{PublicURL: "http://192.0.2.1:8080/", Listen: loopback}, true},
		{Config{PublicURL: world, Listen: "0.0.0.0:7480"}, false},
		{Config{PublicURL: world, Listen: ":7480"}, false},
		{Config{PublicURL: world, Listen: "192.0.2.1:80"}, false},
		{Config{PublicURL: "", Listen: loopback}, false},
		{Config{PublicURL: "http://127.0.0.1:7480/", Listen: loopback}, false},
		{Config{PublicURL: "http://[::1]:7480/", Listen: loopback}, false},
		{Config{PublicURL: "http://localhost:7480/", Listen: loopback}, false},
		{Config{PublicURL: world, Listen: loopback, LimitLoopback: true}, false},
		{Config{PublicURL: world, Listen: loopback, TrustedProxies: []string{"::1"}}, false},
	} {
		if got := tc.cfg.proxyWarning(); (got != "") != tc.warns {
			t.Errorf("%+v: %q", tc.cfg, got)
		}
	}
}
