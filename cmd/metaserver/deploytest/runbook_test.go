package deploytest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

// A machine is where the runbook is followed. Its folders lie in a folder of the
// test, and systemd is the test: it starts and stops the real program.
type machine struct {
	t             *testing.T
	dir           string
	program       string
	public, admin string // host:port
	places        *strings.Replacer
	env           []string
	root          *exec.Cmd     // nil: it does not run
	ended         chan struct{} // closed when root has ended
}

func newMachine(t *testing.T) *machine {
	t.Helper()
	m := &machine{t: t, dir: t.TempDir(), program: buildProgram(t), public: testenv.FreeAddress(t), admin: testenv.FreeAddress(t)}
	for _, folder := range []string{"var/lib", "var/backups", "etc/systemd/system", "root", "usr/local/bin"} {
		if err := os.MkdirAll(filepath.Join(m.dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(m.program, filepath.Join(m.dir, "metaserver")); err != nil {
		t.Fatal(err)
	}
	old := http.FileServer(http.Dir(m.in("/var/lib/metaserver.old/public")))
	mirror := httptest.NewServer(old) // it has what the root published last
	t.Cleanup(mirror.Close)
	deploy, err := filepath.Abs(deployFolder)
	if err != nil {
		t.Fatal(err)
	}
	m.places = strings.NewReplacer(
		"/var/lib/", m.in("/var/lib/")+"/", "/var/backups/", m.in("/var/backups")+"/", "/etc/", m.in("/etc")+"/",
		"/root/safe", m.in("/root/safe"), "/usr/local/bin/", m.in("/usr/local/bin")+"/", " deploy/", " "+deploy+"/",
		"https://ms.example.org/", "http://"+m.public+"/", "https://mirror.example.net/ms/", mirror.URL+"/",
		"metaserver admin ", "metaserver admin --root http://"+m.admin+" ",
	)
	openssl := testenv.Command(t, "openssl")
	m.env = append(openssl.Env, "PATH="+filepath.Dir(m.program)+":"+filepath.Dir(openssl.Path)+":/bin:/usr/bin", "HOME="+m.dir)
	t.Cleanup(m.stop)
	return m
}

func (m *machine) in(path string) string { return filepath.Join(m.dir, path) }

func (m *machine) start() {
	m.t.Helper()
	if m.root != nil {
		m.t.Fatal("the root is started twice")
	}
	m.root = exec.Command(m.program, "root", "serve", "--data", m.in("/var/lib/metaserver"), "--listen", m.public, "--admin-listen", m.admin, "--passphrase-file", m.in("/etc/metaserver/passphrase"))
	log, err := os.Create(m.in("log"))
	if err != nil {
		m.t.Fatal(err)
	}
	defer log.Close()
	m.root.Stderr = log
	testenv.Tie(m.root)
	if err := m.root.Start(); err != nil {
		m.t.Fatal(err)
	}
	ended := make(chan struct{})
	m.ended = ended
	go func(cmd *exec.Cmd) { cmd.Wait(); close(ended) }(m.root)
	for deadline := time.Now().Add(2 * time.Minute); ; {
		resp, err := http.Get("http://" + m.admin + "/readyz")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ended:
			m.t.Fatalf("the root does not serve:\n%s", m.log())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			m.t.Fatal("the root is not ready")
		}
	}
}

// log returns what the root has logged since it was started.
func (m *machine) log() string {
	data, err := os.ReadFile(m.in("log"))
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func (m *machine) stop() {
	if m.root == nil {
		return
	}
	m.root.Process.Signal(syscall.SIGTERM)
	select {
	case <-m.ended:
	case <-time.After(time.Minute):
		m.root.Process.Kill()
		m.t.Error("the root does not end")
	}
	m.root = nil
}

// systemctl does what systemd would do with the service.
func (m *machine) systemctl(line string) {
	m.t.Helper()
	if !strings.Contains(line, "metaserver-root") {
		m.t.Fatalf("%s: this is about something else", line)
	}
	for part := range strings.SplitSeq(line, "&&") {
		switch words := strings.Fields(part); words[1] {
		case "daemon-reload":
		case "enable":
			if words[2] == "--now" {
				m.start()
			}
		case "start":
			m.start()
		case "stop":
			m.stop()
		case "restart":
			m.stop()
			m.start()
		default:
			m.t.Fatalf("systemctl %s?", words[1])
		}
	}
}

// run runs a line of the runbook.
func (m *machine) run(line string) {
	m.t.Helper()
	cmd := exec.Command("sh", "-c", m.places.Replace(line))
	cmd.Dir, cmd.Env = m.dir, m.env
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("%s: %v\n%s\n%s", line, err, out, m.log())
	}
}

// register is what somebody out there does.
func (m *machine) register(name, source string) {
	m.t.Helper()
	body := fmt.Sprintf(`{"name":%q,"address":"%s.example.net:13327","game":"crossfire","email":"someone@example.net","description":"x"}`, name, strings.ReplaceAll(strings.ToLower(name), " ", ""))
	req, err := http.NewRequestWithContext(m.t.Context(), http.MethodPost, "http://"+m.public+"/api/v1/registrations", strings.NewReader(body))
	if err != nil {
		m.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Forwarded-For", source)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		m.t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		m.t.Fatalf("registering: %s", resp.Status)
	}
}

// trustProxy does what the runbook says of a web server before the root.
func (m *machine) trustProxy() {
	m.t.Helper()
	const setting = `trusted_proxies = ["127.0.0.1", "::1"]`
	file := m.in("/var/lib/metaserver/root.toml")
	text := string(readFile(m.t, file))
	if !strings.Contains(readme(m.t), setting) || !strings.Contains(text, "trusted_proxies = []") {
		m.t.Fatal("the setting for proxies is gone")
	}
	if err := os.WriteFile(file, []byte(strings.Replace(text, "trusted_proxies = []", setting, 1)), 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// TestRunbook follows "Hosting a root" from the installation to the last disaster,
// line by line as they stand there.
func TestRunbook(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	_, runbook, found := strings.Cut(readme(t), "\n## Hosting a root\n")
	if !found {
		t.Fatal("there is no runbook")
	}
	// What follows the walk lists commands, which scripts of cmd/metaserver run.
	if runbook, _, found = strings.Cut(runbook, "\n### Judging requests\n"); !found {
		t.Fatal("the runbook has no end")
	}
	ran := 0
	for line := range strings.Lines(runbook) {
		line, isCommand := strings.CutPrefix(strings.TrimRight(line, "\n"), "    ")
		if !isCommand {
			continue
		}
		ran++
		switch word, _, _ := strings.Cut(line, " "); {
		case word == "useradd", word == "chown", word == "ssh", word == "journalctl": // of this machine
		case strings.HasSuffix(line, " messages --test"): // this root has nobody to write to
		case strings.HasSuffix(line, " --head HASH"):
			m.run(strings.TrimSuffix(line, " --head HASH")) // what was noted on another day
		case word == "systemctl":
			m.systemctl(line)
		case strings.HasSuffix(line, " show r1"):
			m.register("Cat 2", "198.51.100.7")
			m.run(line)
		case strings.Contains(line, " reject --source 192.0.2.0/24"):
			m.register("Spam 1", "192.0.2.7")
			m.register("Spam 2", "192.0.2.8")
			m.run(line)
		default:
			m.run(line)
			if strings.HasPrefix(line, "metaserver root init ") {
				m.trustProxy()
			}
		}
	}
	if ran < 40 {
		t.Errorf("%d lines were run", ran)
	}
	for _, unit := range []string{"metaserver-root.service", "metaserver-root-public.socket", "metaserver-root-http.socket"} {
		if _, err := os.Stat(m.in("/etc/systemd/system/" + unit)); err != nil {
			t.Error(err)
		}
	}
	if listen := setting(t, m.in("/etc/systemd/system"), "metaserver-root-public.socket", "ListenStream"); listen != "443" {
		t.Errorf("the public socket listens at %s", listen)
	}
}
