package testenv

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// A Browser is a headless Chromium that a test may start, as with chromedp.
type Browser struct {
	Path string
	Env  []string // beside the test's own
	Args []string // a new profile, and nothing that looks for a network by itself
}

// Chromium returns a browser with a profile of its own, or skips the test.
func Chromium(t testing.TB) Browser {
	t.Helper()
	path := Program(t, "chromium-headless-shell")
	dir := t.TempDir()
	fonts := filepath.Join(dir, "fonts.conf")
	if err := os.WriteFile(fonts, fontsConfig(depsDir(), dir), 0o644); err != nil {
		t.Fatal(err)
	}
	b := Browser{
		Path: path,
		Env:  []string{"HOME=" + dir, "XDG_CONFIG_HOME=" + dir, "XDG_CACHE_HOME=" + dir, "FONTCONFIG_FILE=" + fonts, "DBUS_SESSION_BUS_ADDRESS=disabled:"},
		Args: []string{
			"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
			"--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
			"--allow-pre-commit-input", // keys that come before the first picture of a page count, too
			"--user-data-dir=" + filepath.Join(dir, "profile"),
		},
	}
	if deps := depsDir(); within(deps, path) {
		b.Env = append(b.Env, "LD_LIBRARY_PATH="+libraryPath(deps, deps))
	}
	return b
}

// fontsConfig lets the browser find the unpacked fonts and those of the system.
func fontsConfig(deps, cache string) []byte {
	return fmt.Appendf(nil, `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>%s</dir><dir>/usr/share/fonts</dir><cachedir>%s</cachedir></fontconfig>
`, filepath.Join(deps, "usr/share/fonts"), filepath.Join(cache, "fonts"))
}
