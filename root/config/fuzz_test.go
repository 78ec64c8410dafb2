package config

import (
	"strings"
	"testing"
)

// Whatever stands in root.toml, reading it ends with settings or with an error of
// one line that names the file.
func FuzzParseConfig(f *testing.F) {
	f.Add(templateText(f))
	f.Add(strings.ReplaceAll(templateText(f), "\n#", "\n"))
	for _, text := range []string{
		"", "origin = \"x\"\nqeue = 5\n", "[watch]\nevery = \"off\"\n", "[watch]\nevery = 1\n", "[tls]\nacme_names = [1]\n",
		"log_level = \"loud\"\n", "queue = 99999999999999999999\n", "\"\" = 1\n", "a.b.c = 1\n", "[[watch]]\n", "watch = 1\n", "x = \"\xff\"\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, err := parse("root.toml", text)
		if err != nil && (!strings.HasPrefix(err.Error(), "root.toml, line ") || strings.Contains(err.Error(), "\n")) {
			t.Errorf("%q: %v", text, err)
		}
	})
}
