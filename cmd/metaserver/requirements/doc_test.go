// Package requirements_test holds one test for each requirement of the design,
// named after its number. Each shows what is required from outside: a root, a
// mirror and a client, over loopback. What these parts do in detail is tested
// beside them.
package requirements_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/root"
	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/setup"
	"github.com/signed-metaserver/metaserver/serverlist"
)

const origin = "ms.example.org"

// patience bounds the wait for what happens by itself, on the busiest machine.
const patience = 2 * time.Minute

// A rootNode is a root that serves on loopback until the test ends.
type rootNode struct {
	t      testing.TB
	data   string
	change []func(*config.Config)

	Public *api.Client // what everybody reaches
	Admin  *api.Client
	stop   func()
}

// newRoot makes a root and serves it.
func newRoot(t testing.TB, change ...func(*config.Config)) *rootNode {
	t.Helper()
	r := &rootNode{t: t, data: filepath.Join(t.TempDir(), "data"), change: change}
	if _, err := setup.Init(t.Context(), setup.Config{Data: r.data, Origin: origin}); err != nil {
		t.Fatal(err)
	}
	r.start()
	return r
}

// start serves the data folder.
func (r *rootNode) start() {
	r.t.Helper()
	cfg, err := config.Load(r.data)
	if err != nil {
		r.t.Fatal(err)
	}
	ready := make(chan [2]net.Addr, 1)
	cfg.Listen, cfg.AdminListen, cfg.InspectOff = "127.0.0.1:0", "127.0.0.1:0", true
	cfg.Ready = func(public, admin net.Addr) { ready <- [2]net.Addr{public, admin} }
	for _, c := range r.change {
		c(&cfg)
	}
	node, err := root.New(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- errors.Join(node.Run(ctx), node.Close()) }()
	select {
	case at := <-ready:
		token, err := os.ReadFile(filepath.Join(r.data, "admin.token"))
		if err != nil {
			r.t.Fatal(err)
		}
		if at[0] != nil { // there is a public listener
			r.Public = &api.Client{Root: "http://" + at[0].String()}
		}
		r.Admin = &api.Client{Root: "http://" + at[1].String(), Token: strings.TrimSpace(string(token))}
	case err := <-ended:
		cancel()
		r.t.Fatalf("the root does not serve: %v", err)
	}
	stopped := false
	r.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			r.t.Errorf("the root ended with %v", err)
		}
	}
	r.t.Cleanup(r.stop)
}

// restart ends the root and serves the same data again, at other ports.
func (r *rootNode) restart() {
	r.t.Helper()
	r.stop()
	r.start()
}

// request is a registration that is right, of server n.
func request(n string) api.RegistrationRequest {
	return api.RegistrationRequest{
		Name: "Server " + n, Address: "s" + n + ".example.net:13327", Game: "crossfire",
		Email: "admin" + n + "@example.org", Description: "A server",
	}
}

// register sends a registration, which must be taken.
func (r *rootNode) register(req api.RegistrationRequest) api.Accepted {
	r.t.Helper()
	a, err := r.Public.Register(r.t.Context(), req)
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// approve approves a registration and returns the id of its entry.
func (r *rootNode) approve(id string) string {
	r.t.Helper()
	d, err := r.Admin.Approve(r.t.Context(), id, api.Approval{})
	if err != nil {
		r.t.Fatal(err)
	}
	return d.EntryID
}

// client returns a launcher's client that has pinned the root's first trust
// document.
func (r *rootNode) client() *serverlist.Client {
	r.t.Helper()
	pinned, err := os.ReadFile(filepath.Join(r.data, "public", "trust", "1.trust"))
	if err != nil {
		r.t.Fatal(err)
	}
	c, err := serverlist.New(serverlist.Config{Trust: pinned, Root: []string{r.Public.Root + "/"}, AllowPrivate: true})
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// until refreshes a client until its list is as it should be.
func (r *rootNode) until(c *serverlist.Client, is func([]serverlist.Server) bool) []serverlist.Server {
	r.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		result, err := c.Refresh(r.t.Context())
		if err == nil && is(result.List.Servers) {
			return result.List.Servers
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("the client has %+v, %v", result, err)
		}
		time.Sleep(50 * time.Millisecond) // between two looks; nothing depends on its length
	}
}
