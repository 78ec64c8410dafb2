package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/spf13/cobra"
)

// A selection chooses registrations of the queue: by their ids, or by what they
// have in common.
type selection struct {
	ids    []string
	from   string // file of ids
	source string
	match  string
	game   string
	yes    bool
}

const selectionHelp = `

Several ids, --all-from FILE ("-": standard input; the first word of each line
is an id, so that the output of "pending" will do), or what the requests have in
common decide about many at once: --source NET for an address or network that
they came from, --match TEXT for a text in their name, description, e-mail or
address, --game SLUG. It is shown first and asked for on a terminal; elsewhere
--yes is needed. A request that was changed after it was shown is left as before.`

func (s *selection) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.from, "all-from", "", "file with ids, one a line; \"-\": standard input")
	cmd.Flags().StringVar(&s.source, "source", "", "all requests from this address or network, as 192.0.2.0/24")
	cmd.Flags().StringVar(&s.match, "match", "", "all requests with this text in name, description, e-mail or address")
	cmd.Flags().StringVar(&s.game, "game", "", "all requests for servers of this game")
	cmd.Flags().BoolVar(&s.yes, "yes", false, "do not ask")
}

// many tells whether the selection is more than one id.
func (s *selection) many() bool {
	return len(s.ids) != 1 || s.from != "" || s.filters()
}

func (s *selection) filters() bool { return s.source != "" || s.match != "" || s.game != "" }

// check says what is wrong with the way in which a selection is written.
func (s *selection) check() error {
	switch {
	case len(s.ids) == 0 && s.from == "" && !s.filters():
		return &usageError{"name the registrations: their ids, --all-from, --source, --match or --game"}
	case s.filters() && (len(s.ids) > 0 || s.from != ""):
		return &usageError{"ids and --all-from do not go with --source, --match and --game"}
	}
	if _, err := s.network(); err != nil {
		return err
	}
	return nil
}

func (s *selection) network() (netip.Prefix, error) {
	if s.source == "" {
		return netip.Prefix{}, nil
	}
	if ip, err := netip.ParseAddr(s.source); err == nil {
		return netip.PrefixFrom(ip.Unmap(), ip.Unmap().BitLen()), nil
	}
	p, err := netip.ParsePrefix(s.source)
	if err != nil {
		return p, &usageError{fmt.Sprintf("--source %q is no address and no network; write 192.0.2.1 or 2001:db8::/48", s.source)}
	}
	return p.Masked(), nil
}

// maxIDs is the most that is read of a file of ids, in bytes.
const maxIDs = 4 << 20

// readIDs returns the first word of each line of a file, but for remarks.
func readIDs(ctx context.Context, file string) (ids []string, err error) {
	data, err := readLimited(ctx, file, maxIDs)
	for line := range strings.Lines(string(data)) {
		if words := strings.Fields(line); len(words) > 0 && words[0][0] != '#' {
			ids = append(ids, words[0])
		}
	}
	return ids, err
}

// choose returns the chosen registrations as they are now. Ids of what is not in
// the queue have nothing but the id.
func (s *selection) choose(ctx context.Context, pending []api.Registration) ([]api.Registration, error) {
	if s.filters() {
		return s.filtered(pending)
	}
	ids := slices.Clone(s.ids)
	if s.from != "" {
		words, err := readIDs(ctx, s.from)
		if err != nil {
			return nil, err
		}
		ids = append(ids, slices.DeleteFunc(words, func(word string) bool { return !isID(word) })...)
	}
	known := make(map[string]api.Registration, len(pending))
	for _, r := range pending {
		known[r.ID] = r
	}
	var chosen []api.Registration
	seen := make(map[string]bool)
	for _, id := range ids {
		if seen[id] {
			continue
		}
		seen[id] = true
		r, ok := known[id]
		if !ok {
			r = api.Registration{ID: id}
		}
		chosen = append(chosen, r)
	}
	return chosen, nil
}

// isID leaves out the heading and the remarks of what "pending" prints.
func isID(word string) bool {
	return len(word) > 1 && word[0] == 'r' && strings.Trim(word[1:], "0123456789") == ""
}

func (s *selection) filtered(pending []api.Registration) ([]api.Registration, error) {
	network, err := s.network()
	if err != nil {
		return nil, err
	}
	var chosen []api.Registration
	for _, r := range pending {
		if (s.source == "" || within(network, r.Source) || within(network, r.LastSource)) &&
			(s.game == "" || r.Game == s.game) && hasText(&r, s.match) {
			chosen = append(chosen, r)
		}
	}
	return chosen, nil
}

func within(network netip.Prefix, address string) bool {
	ip, err := netip.ParseAddr(address)
	return err == nil && network.Contains(ip.Unmap())
}

func hasText(r *api.Registration, text string) bool {
	text = strings.ToLower(text)
	for _, s := range append([]string{r.Name, r.Description, r.Email}, r.Addresses...) {
		if strings.Contains(strings.ToLower(s), text) {
			return true
		}
	}
	return false
}

// shownChosen is how many registrations are shown before the question.
const shownChosen = 20

// decideMany shows what is to be decided, asks, and does it. verb is what is
// done, as "approve".
func decideMany(cmd *cobra.Command, f *adminFlags, s *selection, verb string, decisions func([]api.Seen) api.Decisions) error {
	ctx := cmd.Context()
	c, err := f.client(ctx, cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	pending, err := c.Pending(ctx)
	if err != nil {
		return explainProblem(err)
	}
	chosen, err := s.choose(ctx, pending)
	if err != nil {
		return err
	}
	if len(chosen) == 0 {
		return errors.New("no pending registration is chosen by that; nothing was changed")
	}
	if len(chosen) > api.MaxDecisions {
		return fmt.Errorf("%d registrations are chosen, and one call decides about %d; choose fewer. Nothing was changed", len(chosen), api.MaxDecisions)
	}
	if err := s.confirm(ctx, cmd, chosen, verb); err != nil {
		return err
	}
	var seen []api.Seen
	for _, r := range chosen {
		seen = append(seen, api.Seen{ID: r.ID, Revision: r.Revision})
	}
	out, err := c.DecideAll(ctx, decisions(seen))
	if err != nil {
		return explainProblem(err)
	}
	return printOutcomes(cmd, f, out)
}

// confirm shows what is chosen and asks whether it is meant.
func (s *selection) confirm(ctx context.Context, cmd *cobra.Command, chosen []api.Registration, verb string) error {
	if s.yes {
		return nil
	}
	if !isTerminal(os.Stdin) {
		return withHint(&usageError{fmt.Sprintf("nobody can be asked whether to %s %s; add --yes", verb, plural(len(chosen), "registration"))},
			"Without it, on a terminal, they are shown first.")
	}
	out := cmd.ErrOrStderr()
	t := newTable(out)
	for _, r := range chosen[:min(len(chosen), shownChosen)] {
		row(t, r.ID, r.Kind, r.Name, strings.Join(r.Addresses, ","), r.Game, r.Email, r.Source)
	}
	t.Flush()
	if more := len(chosen) - shownChosen; more > 0 {
		say(out, "and %d more", more)
	}
	yes, err := (&asker{in: os.Stdin, out: out}).yes(ctx, fmt.Sprintf("%s %s?", upperFirst(verb), plural(len(chosen), "registration")))
	if err != nil {
		return err
	}
	if !yes {
		return errDeclined
	}
	return nil
}

// printOutcomes prints what became of each. Registrations that were left as they
// were make the command fail.
func printOutcomes(cmd *cobra.Command, f *adminFlags, out api.Outcomes) error {
	if f.json {
		if err := printJSON(cmd.OutOrStdout(), out); err != nil {
			return err
		}
	} else {
		printOutcomeLines(cmd.OutOrStdout(), out)
	}
	if out.Failed > 0 {
		return errReported
	}
	return nil
}

func printOutcomeLines(w io.Writer, out api.Outcomes) {
	done := make(map[string]int)
	for _, o := range out.Outcomes {
		if o.Problem != "" {
			say(w, "%s: %s", o.ID, o.Problem)
			continue
		}
		done[o.Status]++
	}
	for _, status := range []string{"approved", "rejected"} {
		if n := done[status]; n > 0 {
			say(w, "%s %s.", pluralAre(n, "registration"), status)
		}
	}
	if out.Failed > 0 {
		say(w, "%s left as before.", pluralAre(out.Failed, "registration"))
	}
}
