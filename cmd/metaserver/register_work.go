package main

import (
	"fmt"
	"math"

	"github.com/signed-metaserver/metaserver/root/api"
)

// showWork shows how far a proof of work is. Nobody knows how many tries it
// takes, so what is shown is how likely it was to be done by now.
func showWork(p *progress) func(api.ProofOfWork, uint64) {
	return func(w api.ProofOfWork, tries uint64) {
		likely := 1 - math.Exp(-float64(tries)/math.Exp2(float64(w.Bits)))
		p.show(fmt.Sprintf("The root asks for a proof of work of %d bits", w.Bits), int64(1000*likely), 1000)
	}
}
