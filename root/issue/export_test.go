package issue

// SetWriter replaces what writes the public folder, to make it fail.
func (p *Publisher) SetWriter(write func(path string, data []byte) error) { p.write = write }

// WritePublic is what writes the public folder.
func WritePublic(path string, data []byte) error { return writePublic(path, data) }
