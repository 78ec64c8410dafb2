// Package testdata carries the conformance vectors into programs that run
// them. The go command leaves it out of "./..."; it is imported by its path.
package testdata

import (
	"embed"
	"io/fs"
)

//go:embed vectors
var files embed.FS

// Vectors returns the folder "vectors": one folder for each vector.
func Vectors() fs.FS {
	vectors, err := fs.Sub(files, "vectors")
	if err != nil {
		panic(err) // the name is a constant
	}
	return vectors
}
