package serverlist_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signed-metaserver/metaserver/serverlist"
)

// readmeLauncher is what the README shows to those who write a launcher, so that
// it compiles as it is printed.
func readmeLauncher(ctx context.Context, embedded fs.FS) error {
	static, err := fs.Sub(embedded, "static") // pinned.trust, trust/, mirror.list, server.list
	if err != nil {
		return err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return err
	}
	client, err := serverlist.New(serverlist.Config{
		Static: static,
		Root:   []string{"https://ms.example.org/"},
		Cache:  serverlist.DirCache(filepath.Join(cache, "my-launcher")),
	})
	if err != nil {
		return err
	}
	if held, err := client.Cached(); err == nil { // at once, without network
		fmt.Println(len(held.List.Servers), "servers so far")
	}
	result, err := client.Refresh(ctx) // live, else cached, else static; or client.Run
	if err != nil {
		return err // there is none at all
	}
	for _, s := range result.List.Servers {
		fmt.Println(s.Name, s.Addresses)
	}
	return nil
}

func TestReadmeCompiles(t *testing.T) {
	t.Parallel()
	var _ = readmeLauncher
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("readme_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "```go\n//go:embed static\nvar embedded embed.FS\n\n")
	code, _, found := strings.Cut(rest, "```")
	if !found || !strings.Contains(string(source), "error {\n\t"+strings.ReplaceAll(strings.TrimSuffix(code, "\n"), "\n", "\n\t")+"\n\treturn nil\n}") {
		t.Errorf("the README has other code than readmeLauncher:\n%s", code)
	}
}
