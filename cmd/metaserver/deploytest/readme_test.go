package deploytest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/deploy/testenv"
)

func readme(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(deployFolder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var link = regexp.MustCompile(`\]\(([^)#:]+)\)`)

// TestReadmeIndex: the index names everything that lies in deploy/, and nothing
// that does not.
func TestReadmeIndex(t *testing.T) {
	t.Parallel()
	text := readme(t)
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join(deployFolder, m[1])); err != nil {
			t.Error(err)
		}
	}
	index, _, _ := strings.Cut(text, "\n## ")
	entries, err := os.ReadDir(deployFolder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); name != "README.md" && !strings.Contains(index, name) {
			t.Errorf("the index does not mention %s", name)
		}
	}
}

// TestReadmeCron runs the lines for cron that call mirror.sh as they stand there,
// but for the places; that by FTP with TLS.
func TestReadmeCron(t *testing.T) {
	t.Parallel()
	w := newScriptWorld(t, shells[0])
	w.edition(manyServers(0)...) // TLS has been seen to cut files of this size
	home := t.TempDir()
	cert, key := newCertificate(t, home, "ftp.example.net")
	server := testenv.VSFTPD(t, testenv.FTPOptions{Cert: readFile(t, cert), Key: readFile(t, key)})
	server.Own(t, server.Folder)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("1.trust", string(w.root.Pinned()))
	write("mirror.sh", string(readFile(t, filepath.Join(deployFolder, "mirror.sh"))))
	write(".netrc", "machine 127.0.0.1 login "+server.User+" password \""+server.Password+"\"\n")
	places := strings.NewReplacer("https://ms.example.org/", w.url+"/", "/srv/www/ms", filepath.Join(home, "ms"), "ftp.example.net", server.Address)
	ran := 0
	for line := range strings.Lines(readme(t)) {
		fields := strings.Fields(line)
		if !strings.HasPrefix(line, "    ") || !strings.HasSuffix(strings.TrimSpace(line), "mirror.sh") || len(fields) < 6 {
			continue
		}
		ran++
		w.folder = filepath.Join(home, "ms")
		if strings.Contains(line, "ftp://") {
			w.folder = filepath.Join(server.Folder, "ms")
		}
		cmd := testenv.Command(t, "dash", "-c", places.Replace(strings.Join(fields[5:], " ")))
		cmd.Env = []string{"HOME=" + home, "TMPDIR=" + home, "PATH=" + w.path + ":/bin:/usr/bin", "CURL_CA_BUNDLE=" + cert}
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "published server.list") {
			t.Fatalf("%s: %v\n%s", line, err, out)
		}
		w.holds()
	}
	if ran != 2 {
		t.Errorf("%d lines were run", ran)
	}
}

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
