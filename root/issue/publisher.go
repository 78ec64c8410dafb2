package issue

import "context"

// A Publisher signs and publishes. It starts no goroutine; [Publisher.Run]
// blocks. All methods may be called concurrently.
type Publisher struct{}

// New returns a publisher. It reads and writes nothing yet.
func New(cfg Config) (*Publisher, error) { panic("comes next") }

// Restore takes over what the store has published, repairs the public folder
// where a crash left it behind, and makes the documents available to serve. It
// signs nothing. Run calls it when nobody has.
func (p *Publisher) Restore(ctx context.Context) error { panic("comes next") }

// Publish brings the list of this type up to date: a new edition if the store
// says something else than the newest one or that one is due again, nothing
// otherwise. It returns when the edition is on disk and served.
func (p *Publisher) Publish(ctx context.Context, typ string) error { panic("comes next") }

// Run publishes whenever [Publisher.Changed] was called and before editions
// grow stale, until ctx ends; it returns the cause of that. Failures are
// logged and tried again; what is served stays.
func (p *Publisher) Run(ctx context.Context) error { panic("comes next") }

// Changed says that the store has changed. It never blocks; calls made before
// Run has reacted count as one.
func (p *Publisher) Changed() { panic("comes next") }

// Wait returns nil when the list of this type is served as it was at the given
// change of the store, or later. It signals the change itself. When an attempt
// made after the call fails, its error is returned; Run tries again all the
// same. Run must be running.
func (p *Publisher) Wait(ctx context.Context, typ string, change int64) error { panic("comes next") }

// Confirm releases the edition that a [RemovalError] named, and signals it.
func (p *Publisher) Confirm(ctx context.Context, typ string, change int64, admin string) error {
	panic("comes next")
}

// Current returns the list of this type that is served; nil when there is none
// yet. It takes no lock.
func (p *Publisher) Current(typ string) *Document { panic("comes next") }

// Document returns what is served under a name; nil when there is none. It
// takes no lock.
func (p *Publisher) Document(name string) *Document { panic("comes next") }

// Documents returns all that is served, ordered by name.
func (p *Publisher) Documents() []*Document { panic("comes next") }

// State says how the publishing of the list of this type goes.
func (p *Publisher) State(typ string) State { panic("comes next") }
