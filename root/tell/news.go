package tell

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signed-metaserver/metaserver/root/audit"
	"github.com/signed-metaserver/metaserver/root/store"
)

// What people are told of is read from the audit log: whatever is done stands
// there, whoever did it and by which program, and nothing that stands there is
// forgotten by a crash.

// The events that webhooks may be told of, beside those of mirrors.
const (
	eventArrived     = "registration.arrived"
	eventApproved    = "registration.approved"
	eventRejected    = "registration.rejected"
	eventChanged     = "entry.changed"
	eventMoved       = "entry.moved"
	eventRevoked     = "entry.revoked"
	eventWithdrawn   = "entry.withdrawn"
	eventTransferred = "entry.transferred"
	eventSuspended   = "entry.suspended"
	eventResumed     = "entry.resumed"
	eventDead        = "entry.dead"
	eventGone        = "entry.gone"
	eventTrust       = "trust.published"
	eventAdminAdded  = "admin.added"
	eventAdminGone   = "admin.removed"
	eventDenied      = "audit.denied"
	eventTest        = "test"

	eventMirrorApproved = "mirror.approved"
	eventMirrorRejected = "mirror.rejected"

	eventReceived = "requester.received" // to requesters only
)

var knownEvents = []string{
	eventArrived, eventApproved, eventRejected, eventChanged, eventMoved, eventRevoked, eventWithdrawn, eventTransferred,
	eventSuspended, eventResumed, eventDead, eventGone, eventReported, eventTrust, eventAdminAdded, eventAdminGone, eventDenied, eventTest,
	eventMirrorApproved, eventMirrorRejected, "mirror.warned", "mirror.left-out", "mirror.taken-in", "mirror.forked", "mirrors.ill", eventSilent,
}

// Events returns the names of all events that webhooks may be told of.
func Events() []string { return slices.Clone(knownEvents) }

// A tiding is what a record of the audit log means to people.
type tiding struct {
	event  string
	letter string // to the owner; "": none
	says   string // to webhooks, with the name of the server
}

var tidings = map[audit.Action]tiding{
	store.ActionReject:     {eventRejected, "rejected", "request %s is turned down"},
	store.ActionRevoke:     {eventRevoked, "revoked", "%s is taken out of the list by an admin"},
	store.ActionWithdraw:   {eventWithdrawn, "withdrawn", "%s is withdrawn by its owner"},
	store.ActionTransfer:   {eventTransferred, "transferred", "%s has another owner"},
	store.ActionSuspend:    {eventSuspended, "suspended", "%s is suspended"},
	store.ActionResume:     {eventResumed, "resumed", "%s is listed again"},
	store.ActionWarnDead:   {eventDead, "dead", "%s does not answer"},
	store.ActionRemoveDead: {eventGone, "gone", "%s is left out of the list: it does not answer"},
}

// newsOf returns the messages about a record; most need none.
func (t *Teller) newsOf(ctx context.Context, r audit.Record) ([]store.Message, error) {
	switch {
	case r.Outcome == audit.Denied:
		return t.ofDenials(r), nil
	case r.Outcome != audit.Done:
		return nil, nil
	case r.Action == store.ActionPublishTrust:
		return t.ofRoot(r, eventTrust, "trust document "+r.Subject+" is published", "The trust document "+r.Subject+" is in force: clients and mirrors take its keys over."), nil
	case r.Action == store.ActionAddAdmin && r.Number > 1: // the first record is of the first admin
		return t.ofRoot(r, eventAdminAdded, r.Subject+" is an admin now", "There is a new admin, "+r.Subject+", with a token of their own."), nil
	case r.Action == store.ActionRemoveAdmin:
		return t.ofRoot(r, eventAdminGone, r.Subject+" is no admin any more", "The token of the admin "+r.Subject+" is useless from now on."), nil
	case r.Action == store.ActionAddMirror && r.Subject != "": // somebody has asked for it
		return t.ofMirrorRequest(r, eventMirrorApproved, "mirror "+r.Entry+" is accepted"), nil
	case r.Action == store.ActionReject && strings.HasPrefix(r.Subject, "m"):
		return t.ofMirrorRequest(r, eventMirrorRejected, "request "+r.Subject+" of a mirror is turned down"), nil
	}
	return t.newsOfServer(ctx, r)
}

// ofMirrorRequest tells webhooks of a decision, of which the requester was written to
// when it was made.
func (t *Teller) ofMirrorRequest(r audit.Record, event, text string) []store.Message {
	details := map[string]any{"registration": r.Subject, "admin": r.Admin, "record": r.Number}
	for name, value := range map[string]string{"mirror": r.Entry, "reason": r.Detail} {
		if value != "" {
			details[name] = value
		}
	}
	return t.toHooks(fmt.Sprint("record ", r.Number), event, plainLine(text), plainLine(text)+"\n", details)
}

// newsOfServer is about requests and entries.
func (t *Teller) newsOfServer(ctx context.Context, r audit.Record) ([]store.Message, error) {
	about, known := tidings[r.Action]
	if !known && r.Action != store.ActionApprove {
		return nil, nil
	}
	reg, entry, err := t.whose(ctx, r)
	if errors.Is(err, store.ErrNotFound) { // of a mirror, or forgotten by now
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !known {
		about = approvalTiding(r, entry)
	}
	l := serverLetter{
		Origin: t.origin, ID: reg.ID, Entry: entry.Server.ID, Reason: r.Detail,
		Name: entry.Server.Name, Addresses: strings.Join(entry.Server.Addresses, ", "),
	}
	switch { // what the requester reads may hold what the audit log must not
	case r.Action == store.ActionReject:
		l.Reason, l.Name, l.Addresses = reg.Reason, "", ""
	case r.Action == store.ActionRevoke && entry.State == store.EntryRevoked:
		l.Reason = entry.Reason
	case r.Action == store.ActionTransfer:
		l.Reason = ""
	}
	all, err := t.ofServer(r, about, l, reg.Email)
	all = append(all, t.deadToAdmins(r, l)...)
	if err != nil || r.Action != store.ActionTransfer {
		return all, err
	}
	former, err := t.toFormerOwner(ctx, r, l, reg.Email)
	return append(all, former...), err
}

// toFormerOwner writes to whose an entry was before a transfer, who alone knows
// whether it was meant.
func (t *Teller) toFormerOwner(ctx context.Context, r audit.Record, l serverLetter, now string) ([]store.Message, error) {
	id, _ := strings.CutPrefix(r.Detail, store.FormerOwner)
	former, err := t.store.Review(ctx, id)
	if errors.Is(err, store.ErrNotFound) || err == nil && (!t.mail || former.Email == "" || former.Email == now) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := t.letter(r, eventTransferred, "given", l, former.Email)
	return []store.Message{m}, err
}

// letter writes to somebody about a record.
func (t *Teller) letter(r audit.Record, event, name string, l serverLetter, email string) (store.Message, error) {
	subject, body, err := write(name, l.values())
	return store.Message{
		Key: fmt.Sprintf("record %d %s", r.Number, email), Recipient: email, Event: event,
		Subject: fmt.Sprintf("[%s] %s", t.origin, subject), Body: body, Bounded: true,
	}, err
}

// whose returns the registration whose requester is to be written to, and the
// entry; both may have gone on since the record was made.
func (t *Teller) whose(ctx context.Context, r audit.Record) (reg store.Registration, entry store.Entry, err error) {
	answers := answersRequest(r)
	id := r.Entry
	if id == "" && !answers {
		id = r.Subject
	}
	if id != "" {
		if entry, err = t.store.Entry(ctx, id); err != nil {
			return reg, entry, err
		}
	}
	who := entry.Owner
	if answers {
		who = r.Subject
	}
	review, err := t.store.Review(ctx, who)
	return review.Registration, entry, err
}

// answersRequest tells whether a record is the answer to the request that it
// names, and so is for who sent it. Anything else is for the owner of the entry.
func answersRequest(r audit.Record) bool {
	switch r.Action {
	case store.ActionApprove, store.ActionReject, store.ActionTransfer, store.ActionWithdraw:
		return r.Admin != audit.Rule
	}
	return false
}

// approvalTiding tells a new entry from one that is not what it was.
func approvalTiding(r audit.Record, e store.Entry) tiding {
	switch {
	case strings.Contains(r.Detail, "addresses"):
		return tiding{eventMoved, "changed", "%s has moved"}
	case r.Detail != "":
		return tiding{eventChanged, "changed", "%s has changed"}
	case e.FirstChange == r.Change:
		return tiding{eventApproved, "approved", "%s is listed"}
	}
	return tiding{eventApproved, "approved", "%s is listed in place of what was there"}
}

// ofServer writes to the owner and to webhooks.
func (t *Teller) ofServer(r audit.Record, about tiding, l serverLetter, email string) (all []store.Message, err error) {
	if t.mail && email != "" {
		m, err := t.letter(r, about.event, about.letter, l, email)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	what := l.Name
	if what == "" {
		what = l.ID
	}
	text := plainLine(fmt.Sprintf(about.says, what))
	details := map[string]any{"registration": l.ID, "admin": r.Admin, "record": r.Number}
	for name, value := range map[string]string{"entry": l.Entry, "name": l.Name, "reason": l.Reason} {
		if value != "" {
			details[name] = value
		}
	}
	return append(all, t.toHooks(fmt.Sprint("record ", r.Number), about.event, text, text+"\n", details)...), nil
}

// ofRoot tells the admins of what concerns the root itself.
func (t *Teller) ofRoot(r audit.Record, event, subject, text string) []store.Message {
	subject, body := compose("admin", map[string]any{"Subject": subject, "Text": text, "By": r.Admin})
	key := fmt.Sprint("record ", r.Number)
	return t.toAdmins(key, event, subject, body, map[string]any{"admin": r.Admin, "subject": r.Subject, "record": r.Number})
}

// manyDenials within a minute are worth telling, once an hour.
const manyDenials = 100

func (t *Teller) ofDenials(r audit.Record) []store.Message {
	if r.Count < manyDenials {
		return nil
	}
	from := ""
	if r.Source != "" {
		from = " from " + r.Source
	}
	subject := fmt.Sprintf("%d requests to the admin API were denied within a minute", r.Count)
	text := fmt.Sprintf("%d requests to the admin API%s were denied within a minute (%s, record %d of the audit log). Somebody may be guessing tokens, which is hopeless, or a program has an old one. Is the admin listener meant to be in reach of others?", r.Count, from, r.Action, r.Number)
	return t.toAdmins("denied "+r.Time.Format("2006-01-02T15"), eventDenied, subject, wrap(text),
		map[string]any{"source": r.Source, "count": r.Count, "record": r.Number})
}

// toAdmins makes a message to every admin and webhook.
func (t *Teller) toAdmins(key, event, subject, body string, details any) (all []store.Message) {
	for _, admin := range t.admins {
		all = append(all, store.Message{
			Key: key + " " + admin, Recipient: admin, Event: event, Subject: fmt.Sprintf("[%s] %s", t.origin, subject), Body: body,
		})
	}
	return append(all, t.toHooks(key, event, subject, body, details)...)
}

// toHooks makes a message to every webhook that wants the event.
func (t *Teller) toHooks(key, event, subject, body string, details any) (all []store.Message) {
	data, err := json.Marshal(details)
	if err != nil { // of maps and strings it cannot be
		data = nil
	}
	for _, h := range t.hooks {
		if h.Wants(event) {
			all = append(all, store.Message{
				Key: key + " to " + h.Name, Channel: h.Name, Event: event, Subject: subject, Body: body, Details: string(data),
			})
		}
	}
	return all
}

// Test writes to every admin and every webhook, whatever it wants, at the wish of
// an admin, and returns how many messages that makes.
func (t *Teller) Test(ctx context.Context, admin string) (messages int, err error) {
	all := t.testMessage(admin, t.now())
	if len(all) == 0 {
		return 0, nil
	}
	if err := t.store.PutMessages(ctx, all); err != nil {
		return 0, err
	}
	t.wake()
	return len(all), nil
}

func (t *Teller) testMessage(by string, now time.Time) []store.Message {
	all := *t
	all.hooks = nil
	for _, h := range t.hooks {
		h.Events = nil
		all.hooks = append(all.hooks, h)
	}
	key := fmt.Sprint("test ", now.UnixNano())
	return all.toAdmins(key, eventTest, "a test", wrap(fmt.Sprintf("%s has asked the root %s to send this, to see whether messages arrive. They do.", plainLine(by), t.origin)), map[string]any{"admin": by})
}
