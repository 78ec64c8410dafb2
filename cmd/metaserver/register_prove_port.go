package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"syscall"

	"github.com/signed-metaserver/metaserver/root/api"
)

// provePort answers at an address of this machine with the record, and lets the
// root look meanwhile.
func provePort(ctx context.Context, secret, listen string, p *api.Proof) (api.ProofChecked, error) {
	if _, port, err := net.SplitHostPort(listen); err != nil || port == "" {
		return api.ProofChecked{}, &usageError{fmt.Sprintf("--listen %q is not HOST:PORT or :PORT", listen)}
	}
	l, err := net.Listen("tcp", listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		return api.ProofChecked{}, withHint(err, "Stop the game server for this moment, or prove control by DNS or by a file.")
	}
	if err != nil {
		return api.ProofChecked{}, err
	}
	var answering sync.WaitGroup
	answering.Go(func() { answerAll(l, p.Record) })
	checked, err := clientOf(secret).CheckProof(ctx, secret)
	l.Close()
	answering.Wait()
	return checked, err
}

// answerAll sends a line to whoever connects, until the listener is closed.
func answerAll(l net.Listener, line string) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		io.WriteString(conn, line+"\n") // fits the buffer of any connection
		conn.Close()
	}
}
