package serverlist_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The reasons that SPEC.md lists are those that the code gives, no more and no
// fewer: implementers of other languages branch on them.
func TestSpecListsEveryReason(t *testing.T) {
	t.Parallel()
	spec, err := os.ReadFile("SPEC.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(spec), "\n## 9. Reasons\n")
	if !ok {
		t.Fatal("SPEC.md has no section of reasons")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	listed := matches(regexp.MustCompile("(?m)^\\| [a-z]+ \\| `([a-z0-9-]+)` \\|"), section)
	given := make(map[string]bool)
	for _, pattern := range []string{"*.go", "../keys/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for name := range matches(regexp.MustCompile(`(?:refuse\(Layer\w+, |keys\.Error\{Layer: keys\.Layer\w+, Name: |p\.skip\(|return )"([a-z]+(?:-[a-z0-9]+)+|html|threshold|revoked|truncated)"`), string(source)) {
				given[name] = true
			}
		}
	}
	for name := range given {
		if !listed[name] {
			t.Errorf("the code gives the reason %q, which SPEC.md does not list", name)
		}
	}
	for name := range listed {
		if !given[name] {
			t.Errorf("SPEC.md lists the reason %q, which the code never gives", name)
		}
	}
}

func matches(re *regexp.Regexp, text string) map[string]bool {
	found := make(map[string]bool)
	for _, m := range re.FindAllStringSubmatch(text, -1) {
		found[m[1]] = true
	}
	return found
}
