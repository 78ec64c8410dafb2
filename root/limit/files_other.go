//go:build !unix

package limit

import "math"

// maxFiles is how many descriptors this process may have open: as many as it
// wants.
func maxFiles() int { return math.MaxInt32 }
