package main

import (
	"net"
	"net/http"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptServeFolder serves a folder until the script ends, as a static host does:
//
//	servefolder DIR HOST:PORT
func scriptServeFolder(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: servefolder DIR HOST:PORT")
	}
	l, err := net.Listen("tcp", args[1])
	ts.Check(err)
	server := &http.Server{Handler: http.FileServer(http.Dir(ts.MkAbs(args[0])))}
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	ts.Defer(func() { server.Close(); <-done })
}
