package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/api"
)

// A runningNote is a line on a terminal that says what the program waits for.
type runningNote struct {
	out   io.Writer
	text  string
	timer *time.Timer
	shown chan bool
}

// startNote shows text on a terminal if the work takes longer than a second.
// On anything else it stays silent.
func startNote(out io.Writer, text string) *runningNote {
	n := &runningNote{out: out, text: cleanText(text), shown: make(chan bool, 1)}
	if f, ok := out.(*os.File); ok && isTerminal(f) {
		n.timer = time.AfterFunc(time.Second, func() {
			fmt.Fprint(n.out, n.text)
			n.shown <- true
		})
	}
	return n
}

// stop removes the note again.
func (n *runningNote) stop() {
	if n.timer == nil || n.timer.Stop() {
		return
	}
	<-n.shown
	fmt.Fprint(n.out, "\r"+strings.Repeat(" ", len(n.text))+"\r")
}

// newClient returns a client for a root's listener. On a terminal it says so
// when an answer takes its time. beside is what else may stand on the line; nil:
// nothing.
func newClient(errOut io.Writer, root, token string, beside *progress) *api.Client {
	return &api.Client{Root: root, Token: token, HTTP: api.NewHTTP(notedTransport{errOut, beside}, token != "")}
}

// A notedTransport shows a note until an answer begins.
type notedTransport struct {
	out    io.Writer
	beside *progress
}

func (t notedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.beside != nil {
		t.beside.clear()
	}
	note := startNote(t.out, "waiting for "+req.URL.Host+" ...")
	defer note.stop()
	return http.DefaultTransport.RoundTrip(req)
}
