package config

// Names of the listeners, in logs, metrics, and for sockets that are handed over.
const (
	DoorPublic = "public"
	DoorPlain  = "http" // plain http beside a public listener with TLS
	DoorAdmin  = "admin"
)

// Doors returns the names of the listeners of a root, and of the sockets that a
// supervisor may hand over.
func Doors() []string { return []string{DoorPublic, DoorPlain, DoorAdmin} }
