package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/signed-metaserver/metaserver/serverlist/notify"
)

// A hookReceiver takes what is signed with its secret.
type hookReceiver struct {
	mu     sync.Mutex
	events map[string]bool
}

var hookReceivers sync.Map // by work folder of the script

// scriptHookReceiver starts a receiver of webhooks, and puts its address in
// place of HOOK into the file hook.url beside the secret:
//
//	hookreceiver HOST:PORT SECRETFILE
func scriptHookReceiver(ts *testscript.TestScript, neg bool, args []string) {
	secretFile := ts.MkAbs(args[1])
	secret := strings.TrimSpace(ts.ReadFile(secretFile))
	urlFile := strings.TrimSuffix(secretFile, ".secret") + ".url"
	ts.Check(os.WriteFile(urlFile, []byte(strings.Replace(ts.ReadFile(urlFile), "HOOK", args[0], 1)), 0o600))
	l, err := net.Listen("tcp", args[0])
	ts.Check(err)
	r := &hookReceiver{events: make(map[string]bool)}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		var m notify.Message
		if notify.Verify(req.Header, secret, time.Now(), body) != nil || json.Unmarshal(body, &m) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.events[m.Event] = true
	})}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	ts.Defer(func() { server.Close(); <-done })
	hookReceivers.Store(ts.Getenv("WORK"), r)
}

// scriptHookGot waits until the receiver was told of an event:
//
//	hookgot EVENT
func scriptHookGot(ts *testscript.TestScript, neg bool, args []string) {
	v, ok := hookReceivers.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("no hookreceiver runs")
	}
	r := v.(*hookReceiver)
	for deadline := time.Now().Add(patience); ; {
		r.mu.Lock()
		got := r.events[args[0]]
		r.mu.Unlock()
		if got {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("the receiver was not told of %s", args[0])
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}
