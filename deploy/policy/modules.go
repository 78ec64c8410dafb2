package policy

import (
	"bufio"
	"bytes"
	"fmt"
	"io/fs"
	"strings"
)

const dependencies = "deploy/DEPENDENCIES.md"

// Modules complains about modules that go.mod requires directly and that the
// list of dependencies does not explain, and about versions there that are not
// those of go.mod.
func Modules(fsys fs.FS) (complaints []string) {
	gomod, err := fs.ReadFile(fsys, "go.mod")
	if err != nil {
		return []string{err.Error()}
	}
	text, err := fs.ReadFile(fsys, dependencies)
	if err != nil {
		return []string{err.Error()}
	}
	explained := tableVersions(text)
	for lines := bufio.NewScanner(bytes.NewReader(gomod)); lines.Scan(); {
		module, version, direct := requirement(lines.Text())
		listed, ok := explained[module]
		switch {
		case module == "":
		case !ok && direct:
			complaints = append(complaints, fmt.Sprintf("%s has no line for %s, which go.mod requires: say why it is needed", dependencies, module))
		case ok && listed != version:
			complaints = append(complaints, fmt.Sprintf("%s has %s %s, and go.mod %s", dependencies, module, listed, version))
		}
	}
	return complaints
}

// requirement reads one line of go.mod; module is "" for other lines.
func requirement(line string) (module, version string, direct bool) {
	line = strings.TrimPrefix(strings.TrimSpace(line), "require ")
	code, comment, _ := strings.Cut(line, "//")
	fields := strings.Fields(code)
	if len(fields) != 2 || !strings.HasPrefix(fields[1], "v") {
		return "", "", false
	}
	return fields[0], fields[1], strings.TrimSpace(comment) != "indirect"
}

// tableVersions returns the second column of tables by their first.
func tableVersions(text []byte) map[string]string {
	versions := make(map[string]string)
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		if cells := strings.Split(lines.Text(), "|"); len(cells) > 3 {
			versions[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[2])
		}
	}
	return versions
}
