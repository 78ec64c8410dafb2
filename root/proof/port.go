package proof

import (
	"bufio"
	"context"
	"errors"
	"io"
)

// CheckPort connects to an address, host:port, and looks for the token in what
// comes. Nothing is sent. Whatever else is there, the error says the same, unless
// the address is private.
func (c *Checker) CheckPort(ctx context.Context, address, token string) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	missing := &MissingError{address, "did not answer a TCP connection with the line"}
	conn, err := c.dial(ctx, "tcp", address)
	if refused := new(refusedError); errors.As(err, &refused) {
		missing.Found = refused.text
	}
	if err != nil {
		return missing
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })() // ends the reading
	lines := bufio.NewScanner(io.LimitReader(conn, maxFile))
	for lines.Scan() {
		if isToken(lines.Text(), token) {
			return nil
		}
	}
	return missing
}
