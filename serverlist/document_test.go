package serverlist_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/signed-metaserver/metaserver/keys"
	"github.com/signed-metaserver/metaserver/serverlist"
	"github.com/signed-metaserver/metaserver/serverlist/serverlisttest"
)

// newRoot is a root that has published nothing.
func newRoot() *serverlisttest.Root { return serverlisttest.NewRoot(serverlisttest.Options{}) }

// What its readers want.
var (
	wantServers = serverlist.Want{Origin: "ms.example.org", Type: serverlist.TypeServerList}
	wantMirrors = serverlist.Want{Origin: "ms.example.org", Type: serverlist.TypeMirrorList}
)

// signBody signs a server list with any body, as a root of another make would.
func signBody(root *serverlisttest.Root, body string) []byte {
	return root.Sign(serverlist.Draft{Body: []byte(body)})
}

// fullServer has every member.
func fullServer() serverlist.Server {
	return serverlist.Server{
		ID: "cat2", Name: `Cat "2" <ünï> \o/`, Description: "Two cats & a 日本語 dog", Game: "crossfire", Version: "1.75.0",
		Addresses: []string{"cat2.example.net:13327", "192.0.2.7:13327", "[2001:db8::7]:13327"},
		Key:       "OaFYbLkfYwf3iT3RUlPdZgYmyZ6bMzbZlQ3j1Cmt8fQ=", Region: "eu",
		Languages: []string{"en", "pt-BR"}, Tags: []string{"role play", "pvp"}, Website: "https://cat2.example.net/~cat",
		Endpoints: []serverlist.Endpoint{{Role: "chat", Protocol: "mumble", Address: "cat2.example.net:64738"}},
		Probe:     &serverlist.Probe{Protocol: "crossfire", Port: 13327},
		Checks:    &serverlist.Checks{Name: "crossfire-1.75", SHA256: strings.Repeat("0a", 32), Size: 4096},
		Unknown:   []serverlist.Member{{Name: "later", Value: `{"a":[1.5e3,null,"\u003c"]}`}},
	}
}

const fullLine = `{"id":"cat2","name":"Cat \"2\" <ünï> \\o/","description":"Two cats & a 日本語 dog","game":"crossfire","version":"1.75.0",` +
	`"addresses":["cat2.example.net:13327","192.0.2.7:13327","[2001:db8::7]:13327"],"key":"OaFYbLkfYwf3iT3RUlPdZgYmyZ6bMzbZlQ3j1Cmt8fQ=",` +
	`"region":"eu","languages":["en","pt-BR"],"tags":["role play","pvp"],"website":"https://cat2.example.net/~cat",` +
	`"endpoints":[{"role":"chat","protocol":"mumble","address":"cat2.example.net:64738"}],"probe":{"protocol":"crossfire","port":13327},` +
	`"checks":{"name":"crossfire-1.75","sha256":"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a","size":4096},` +
	`"later":{"a":[1.5e3,null,"\u003c"]}}` + "\n"

func TestCanonicalForm(t *testing.T) {
	t.Parallel()
	root := newRoot()
	metal := serverlist.Server{ID: "a-metalforge", Name: "Metalforge", Addresses: []string{"metalforge.example.net:13327"}}
	body, err := serverlist.EncodeServers([]serverlist.Server{fullServer(), metal})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"a-metalforge","name":"Metalforge","addresses":["metalforge.example.net:13327"]}` + "\n" + fullLine
	if string(body) != want {
		t.Fatalf("body is\n%s\nwant\n%s", body, want)
	}
	list, err := serverlist.Open(root.Sign(serverlist.Draft{Body: body}), wantServers, root.Chain())
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Skipped) > 0 {
		t.Fatalf("skipped %v", list.Skipped)
	}
	again, err := serverlist.EncodeServers(list.Servers)
	if err != nil || !bytes.Equal(again, body) {
		t.Fatalf("decoding and encoding changes the body (%v):\n%s", err, again)
	}
}

func TestOpenKeepsBytes(t *testing.T) {
	t.Parallel()
	root := newRoot()
	doc := signBody(root, string(manyServers(t, 200))) // more than one reading takes
	crlf := bytes.ReplaceAll(doc, []byte("\n"), []byte("\r\n"))
	for name, open := range map[string]func() (*serverlist.List, error){
		"open":                func() (*serverlist.List, error) { return serverlist.Open(doc, wantServers, root.Chain()) },
		"open CRLF":           func() (*serverlist.List, error) { return serverlist.Open(crlf, wantServers, root.Chain()) },
		"read":                func() (*serverlist.List, error) { return read(root, bytes.NewReader(doc)) },
		"read CRLF":           func() (*serverlist.List, error) { return read(root, bytes.NewReader(crlf)) },
		"read byte by byte":   func() (*serverlist.List, error) { return read(root, iotest.OneByteReader(bytes.NewReader(crlf))) },
		"read with early EOF": func() (*serverlist.List, error) { return read(root, iotest.DataErrReader(bytes.NewReader(doc))) },
	} {
		list, err := open()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(list.Bytes(), doc) || !bytes.HasPrefix(doc, list.Text()) || len(list.Servers) != 200 || len(list.Signers) != 1 {
			t.Errorf("%s: %d servers, %d signers, or the bytes kept are not those signed", name, len(list.Servers), len(list.Signers))
		}
	}
}

func read(root *serverlisttest.Root, r io.Reader) (*serverlist.List, error) {
	return serverlist.Read(r, wantServers, root.Chain())
}

// Every malformed document is refused by Open and by Read for the same reason.
func TestDocumentRefused(t *testing.T) {
	t.Parallel()
	root := newRoot()
	doc := string(signBody(root, fullLine))
	body := doc[strings.LastIndex(doc, "\n\n")+2:]
	large := wantServers
	large.Limits.Body = int64(len(body)) - 1
	for _, test := range []struct {
		what, doc  string
		want       serverlist.Want
		layer      keys.Layer
		name, says string
	}{
		{"empty", "", wantServers, keys.LayerEnvelope, "not-a-note", "empty"},
		{"HTML", "<html>\r\n\r\nlogin", wantServers, keys.LayerEnvelope, "html", "captive portal"},
		{"cut in the head", doc[:40], wantServers, keys.LayerEnvelope, "not-a-note", "cut off"},
		{"cut in the body", doc[:len(doc)-7], wantServers, keys.LayerBody, "truncated", "try again"},
		{"no body", doc[:len(doc)-len(body)], wantServers, keys.LayerBody, "truncated", "0 of"},
		{"no second blank line", doc[:len(doc)-len(body)-1], wantServers, keys.LayerBody, "truncated", "0 of"},
		{"appended script", doc + "<script>", wantServers, keys.LayerBody, "trailing-bytes", "web hosts append"},
		{"changed body", doc[:len(doc)-9] + "9" + doc[len(doc)-8:], wantServers, keys.LayerBody, "wrong-hash", "changed"},
		{"lone CR", doc[:len(doc)-9] + "\r" + doc[len(doc)-8:], wantServers, keys.LayerEnvelope, "carriage-return", "line feed"},
		{"CR at the end", doc + "\r", wantServers, keys.LayerEnvelope, "carriage-return", "line feed"},
		{"above the caller's limit", doc, large, keys.LayerBody, "too-large", "larger than"},
		{"other type", doc, wantMirrors, keys.LayerHead, "wrong-type", "mirror-list/1"},
	} {
		t.Run(test.what, func(t *testing.T) {
			_, openErr := serverlist.Open([]byte(test.doc), test.want, root.Chain())
			_, readErr := serverlist.Read(strings.NewReader(test.doc), test.want, root.Chain())
			_, slowErr := serverlist.Read(iotest.OneByteReader(strings.NewReader(test.doc)), test.want, root.Chain())
			for how, err := range map[string]error{"Open": openErr, "Read": readErr, "slow Read": slowErr} {
				var e *keys.Error
				if !errors.As(err, &e) || e.Layer != test.layer || e.Name != test.name || !strings.Contains(err.Error(), test.says) {
					t.Errorf("%s: %v, want %s/%s that says %q", how, err, test.layer, test.name, test.says)
				}
			}
		})
	}
}

// Read does not name a wrong line: it counts none.
func TestReadLoneCR(t *testing.T) {
	t.Parallel()
	root := newRoot()
	doc := bytes.Replace(signBody(root, fullLine), []byte("epoch 1"), []byte("epoch\r1"), 1)
	var e *keys.Error
	if _, err := read(root, bytes.NewReader(doc)); !errors.As(err, &e) || e.Name != "carriage-return" || e.Line != 0 {
		t.Errorf("read: %v", err)
	}
	if _, err := serverlist.Open(doc, wantServers, root.Chain()); !errors.As(err, &e) || e.Name != "carriage-return" || e.Line != 4 {
		t.Errorf("opened: %v", err)
	}
}

// What fails is what the reader says, wherever it does.
func TestReadFails(t *testing.T) {
	t.Parallel()
	root := newRoot()
	doc := signBody(root, string(manyServers(t, 200)))
	boom := errors.New("boom")
	for _, n := range []int{0, 100, len(doc) / 2, len(doc)} {
		l, err := read(root, io.MultiReader(bytes.NewReader(doc[:n]), iotest.ErrReader(boom)))
		if l != nil || !errors.Is(err, boom) {
			t.Errorf("after %d bytes of %d: %v, %v", n, len(doc), l, err)
		}
	}
}

// Read verifies the head before it asks for the body, and never reads past
// what the head commits to.
func TestReadLimits(t *testing.T) {
	t.Parallel()
	root := newRoot()
	doc := signBody(root, fullLine)
	endless := &countingReader{r: io.MultiReader(bytes.NewReader(doc), forever{'x'})}
	if _, err := read(root, endless); err == nil || endless.n > len(doc)+8<<10 {
		t.Errorf("endless document: error %v after %d bytes of %d", err, endless.n, len(doc))
	}
	noHead := &countingReader{r: forever{'x'}}
	if _, err := read(root, noHead); err == nil || noHead.n > 256<<10 {
		t.Errorf("endless head: error %v after %d bytes", err, noHead.n)
	}
	forged := bytes.Replace(doc, []byte("epoch 1"), []byte("epoch 0"), 1)
	_, err := read(root, io.MultiReader(bytes.NewReader(forged[:bytes.LastIndex(forged, []byte("\n\n"))+2]), mustNotRead{t}))
	if err == nil {
		t.Error("a forged head was accepted")
	}
}

type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

type forever struct{ c byte }

func (f forever) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = f.c
	}
	return len(p), nil
}

type mustNotRead struct{ t *testing.T }

func (m mustNotRead) Read([]byte) (int, error) {
	m.t.Error("the body was read before the head was verified")
	return 0, io.EOF
}

func TestOpenHead(t *testing.T) {
	t.Parallel()
	root := newRoot()
	doc := signBody(root, fullLine)
	end := bytes.LastIndex(doc, []byte("\n\n")) + 2
	for n := range len(doc) {
		note, err := serverlist.OpenHead(doc[:n], wantServers, root.Chain())
		switch {
		case n < end && err != serverlist.ErrShortHead:
			t.Fatalf("%d bytes of a head of %d: %v", n, end, err)
		case n >= end && (err != nil || note.Head.Version != root.Clock.Now().Unix()):
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	unknown := serverlist.Want{Origin: wantServers.Origin, Type: "server-list/2"}
	const most = keys.MaxHeadText + 1 + keys.MaxSignatureBlock + 1
	for _, test := range []struct {
		what, prefix string
		want         serverlist.Want
		says         string
	}{
		{"HTML", "<html>", wantServers, "(html)"},
		{"lone CR", "a\rb", wantServers, "(carriage-return)"},
		{"forged", strings.Replace(string(doc), "epoch 1", "epoch 0", 1), wantServers, "(bad-signature)"},
		{"as long as a head may be", strings.Repeat("x", most-1), wantServers, "ends before the head does"},
		{"longer", strings.Repeat("x", most), wantServers, "(too-large)"},
		{"unknown type, cut", string(doc[:9]), unknown, "ends before the head does"},
		{"unknown type", string(doc), unknown, "not one that this package reads"},
	} {
		if note, err := serverlist.OpenHead([]byte(test.prefix), test.want, root.Chain()); note != nil || err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want an error that says %q", test.what, err, test.says)
		}
	}
}

// Writers refuse what readers would skip, and name it.
func TestWriterRefuses(t *testing.T) {
	t.Parallel()
	root := newRoot()
	bad := fullServer()
	bad.Addresses = []string{"cat2.example.net"}
	_, err := serverlist.EncodeServers([]serverlist.Server{bad})
	if err == nil || !strings.Contains(err.Error(), `"cat2": addresses: element 0: "cat2.example.net" has no port`) {
		t.Errorf("bad address: %v", err)
	}
	bad.Addresses = nil
	if _, err := serverlist.EncodeServers([]serverlist.Server{bad}); err == nil || !strings.Contains(err.Error(), `"cat2": addresses: is missing`) {
		t.Errorf("no address: %v", err)
	}
	if _, err := serverlist.EncodeServers([]serverlist.Server{fullServer(), fullServer()}); err == nil {
		t.Error("one id twice was written")
	}
	sign := func(d serverlist.Draft) error {
		d = root.Complete(d)
		_, err := d.Sign(root.Signer("list/1"))
		return err
	}
	if err := sign(serverlist.Draft{Body: []byte("{}\n")}); err == nil {
		t.Error("an entry without members was signed")
	}
	if err := sign(serverlist.Draft{Body: make([]byte, serverlist.MaxServerListBody+1)}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a body above the cap: %v", err)
	}
	if err := sign(serverlist.Draft{Version: root.Clock.Now().Unix() + 1}); err == nil {
		t.Error("a version ahead of its time of issue was signed")
	}
	if err := sign(serverlisttest.Servers("cat2")); err != nil {
		t.Error(err)
	}
}

func TestMirrorList(t *testing.T) {
	t.Parallel()
	root := newRoot()
	mirrors := []serverlist.Mirror{
		{ID: "tuwien", Operator: "TU Wien", Region: "eu", Contact: "ms@example.at", URLs: []string{"http://ms.example.at/ms/"}},
		{ID: "root", Operator: "ms.example.org", URLs: []string{"https://ms.example.org/"}, Root: true},
	}
	body, err := serverlist.EncodeMirrors(mirrors)
	if err != nil {
		t.Fatal(err)
	}
	list, err := serverlist.Open(root.Sign(serverlist.Draft{Type: serverlist.TypeMirrorList, Body: body}), wantMirrors, root.Chain())
	if err != nil || !reflect.DeepEqual(list.Mirrors, []serverlist.Mirror{mirrors[1], mirrors[0]}) {
		t.Fatalf("%+v, %v", list, err)
	}
	for what, url := range map[string]string{
		"ftp": "ftp://a/", "user": "http://a:b@c/", "fragment": "http://a/#x", "no host": "http:///x", "space": "http://a/ b", "empty": "",
	} {
		m := mirrors[0]
		m.URLs = []string{url}
		if err := m.Check(); err == nil {
			t.Errorf("%s: %q was accepted", what, url)
		}
	}
}

func FuzzOpen(f *testing.F) {
	root := newRoot()
	doc := signBody(root, fullLine)
	f.Add(doc)
	f.Add(bytes.ReplaceAll(doc, []byte("\n"), []byte("\r\n")))
	f.Add(doc[:len(doc)-3])
	f.Add(append(bytes.Clone(doc), "<script>"...))
	addVectors(f, "server.list", func(document []byte) []byte { return document })
	f.Fuzz(func(t *testing.T, data []byte) {
		opened, openErr := serverlist.Open(bytes.Clone(data), wantServers, root.Chain())
		streamed, readErr := serverlist.Read(iotest.HalfReader(bytes.NewReader(data)), wantServers, root.Chain())
		if (openErr == nil) != (readErr == nil) {
			t.Fatalf("Open says %v, Read says %v", openErr, readErr)
		}
		if openErr == nil && !bytes.Equal(opened.Bytes(), streamed.Bytes()) {
			t.Fatal("Open and Read keep different bytes")
		}
	})
}

func FuzzEntry(f *testing.F) {
	f.Add([]byte(fullLine))
	f.Add([]byte(`{"id":"x","name":"X","addresses":["x:1"],"later":[1,-0.5e-3,true,{"\ud83d\ude00":null}]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		var s serverlist.Server
		if s.UnmarshalJSON(line) != nil {
			return
		}
		once, err := s.MarshalJSON()
		if err != nil {
			t.Fatalf("read but not written: %v", err)
		}
		var again serverlist.Server
		if err := again.UnmarshalJSON(once); err != nil {
			t.Fatalf("written but not read: %v\n%s", err, once)
		}
		twice, err := again.MarshalJSON()
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("not canonical (%v):\n%s\n%s", err, once, twice)
		}
	})
}

func ExampleOpen() {
	// In a program pinned comes from an embedded file and doc from anywhere.
	pinned, doc := exampleDocuments()
	chain, err := keys.NewChain(pinned)
	if err != nil {
		panic(err)
	}
	list, err := serverlist.Open(doc, serverlist.Want{Origin: "ms.example.org", Type: serverlist.TypeServerList}, chain)
	if err != nil {
		panic(err)
	}
	for _, s := range list.Servers {
		fmt.Println(s.ID, s.Name, s.Addresses[0])
	}
	// Output: cat2 Cat "2" <ünï> \o/ cat2.example.net:13327
}

func exampleDocuments() (pinned, doc []byte) {
	root := newRoot()
	return root.Pinned(), signBody(root, fullLine)
}
