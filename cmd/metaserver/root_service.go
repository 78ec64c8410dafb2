package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/signed-metaserver/metaserver/root"
)

// handedSockets returns the listeners that systemd has opened for this process
// (socket activation), by name; none if it was started in another way.
func handedSockets() (map[string][]net.Listener, error) {
	all, err := activation.ListenersWithNames()
	if err != nil {
		return nil, fmt.Errorf("the sockets that were handed over: %w", err)
	}
	return all, nil
}

// A supervisor is told how a service does, in the manner of sd_notify. Where
// nobody listens, nothing is sent.
type supervisor struct{ log *slog.Logger }

// tell sends states. What cannot be sent is logged: the service runs all the same.
func (s supervisor) tell(states string) {
	if _, err := daemon.SdNotify(false, states); err != nil {
		s.log.Warn("systemd cannot be told how the root does", "err", err)
	}
}

// serving tells that the root serves, and what.
func (s supervisor) serving(public, admin net.Addr) {
	text := "serving; admin at " + admin.String()
	if public != nil {
		text = "serving at " + public.String() + "; admin at " + admin.String()
	}
	s.tell(daemon.SdNotifyReady + "\nSTATUS=" + text)
}

// watch tells the supervisor that the root lives, twice as often as it wants to
// hear that, for as long as nothing hangs. It then says nothing until the root is
// well again; if that takes too long, the supervisor ends it and starts it anew.
func (s supervisor) watch(ctx context.Context, every time.Duration, hung func() error, tell func(string)) {
	if every <= 0 {
		return
	}
	tick := time.NewTicker(every / 2)
	defer tick.Stop()
	for {
		if err := hung(); err != nil {
			s.log.Error("the root hangs and does not tell systemd that it lives", "err", err)
		} else {
			tell(daemon.SdNotifyWatchdog)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// supervise keeps the supervisor informed, and reads certificates again on
// SIGHUP, until ctx ends or stop is called, which returns when all has been said.
func supervise(ctx context.Context, r *root.Root, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	hangups := make(chan os.Signal, 1)
	if !isTerminal(os.Stdin) { // there the terminal went away
		signal.Notify(hangups, syscall.SIGHUP) // now, as one that comes before would end the program
	}
	var all sync.WaitGroup
	all.Go(func() { superviseRoot(ctx, r, log, hangups) })
	return func() { cancel(); all.Wait(); signal.Stop(hangups) }
}

func superviseRoot(ctx context.Context, r *root.Root, log *slog.Logger, hangups <-chan os.Signal) {
	s := supervisor{log}
	every, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("WATCHDOG_USEC is wrong; systemd's watchdog is not answered", "err", err)
	}
	go s.watch(ctx, every, r.Hung, s.tell)
	for {
		select {
		case <-ctx.Done():
			s.tell(daemon.SdNotifyStopping)
			return
		case <-hangups:
			s.tell(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
			if err := r.Reload(); err != nil {
				log.Error("the TLS certificate cannot be used; the last one stays in use", "err", err)
			}
			s.tell(daemon.SdNotifyReady)
		}
	}
}
