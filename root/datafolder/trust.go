package datafolder

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/signed-metaserver/metaserver/keys"
)

// MaxTrust is above the largest trust document, in bytes.
const MaxTrust = keys.MaxTrustText + keys.MaxSignatureBlock + 1

// LoadChain reads the trust documents of the data folder: the first, and
// whatever follows it without a gap.
func LoadChain(d Folder) (*keys.Chain, error) {
	data, err := readTrust(d, 1)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: it is the trust document that clients have pinned, and nothing can take its place; put it back from a backup, from a mirror (trust/1.trust there) or from a client: %w", d.Trust(1), err)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the first trust document: %w", err)
	}
	chain, err := keys.NewChain(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", d.Trust(1), err)
	}
	for n := int64(2); ; n++ {
		data, err := readTrust(d, n)
		if errors.Is(err, fs.ErrNotExist) {
			return chain, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading a trust document: %w", err)
		}
		if chain, err = chain.Extend(data); err != nil {
			return nil, fmt.Errorf("%s: %w", d.Trust(n), err)
		}
	}
}

func readTrust(d Folder, n int64) ([]byte, error) {
	f, err := os.Open(d.Trust(n))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxTrust+1))
	if err == nil && len(data) > MaxTrust {
		err = fmt.Errorf("%s is larger than a trust document can be (%d bytes)", d.Trust(n), MaxTrust)
	}
	return data, err
}

// ReadFile reads a file of at most so many bytes.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("%s is larger than %d bytes", path, most)
	}
	return data, err
}
