// Generate writes the description of the root's API beside package openapi. It
// is run by "go generate ./root/openapi", in that folder.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	documents, err := describe(filepath.Join("..", "api"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
	for name, data := range documents {
		if err := os.WriteFile(name, data, 0o644); err != nil {
			fmt.Fprintln(os.Stderr, "generate:", err)
			os.Exit(1)
		}
	}
}
