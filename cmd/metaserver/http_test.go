package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func scriptPost(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: post URL FILE")
	}
	req, err := http.NewRequest(http.MethodPost, args[0], strings.NewReader(ts.ReadFile(args[1])))
	ts.Check(err)
	req.Header.Set("Content-Type", "application/json")
	scriptSend(ts, neg, req)
}

func scriptHTTPGet(ts *testscript.TestScript, neg bool, args []string) {
	req, err := http.NewRequest(http.MethodGet, args[0], nil)
	ts.Check(err)
	if len(args) > 1 {
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(ts.ReadFile(args[1])))
	}
	scriptSend(ts, neg, req)
}

// scriptSend sends a request; neg: the answer must be a refusal.
func scriptSend(ts *testscript.TestScript, neg bool, req *http.Request) {
	resp, err := http.DefaultTransport.RoundTrip(req)
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if refused := resp.StatusCode >= 400; refused != neg {
		ts.Fatalf("%s %s: %s\n%s", req.Method, req.URL, resp.Status, body)
	}
	_, err = ts.Stdout().Write(body)
	ts.Check(err)
}

func scriptAppendFile(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: appendfile FILE MORE")
	}
	text := ts.ReadFile(args[0]) + ts.ReadFile(args[1])
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// scriptUntilServes waits until a document contains a text.
func scriptUntilServes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: untilserves URL TEXT")
	}
	for deadline := time.Now().Add(patience); ; {
		resp, err := http.Get(args[0])
		ts.Check(err)
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		ts.Check(err)
		if strings.Contains(string(body), args[1]) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s serves:\n%s", args[0], body)
		}
		time.Sleep(20 * time.Millisecond) // between two looks; nothing depends on its length
	}
}
