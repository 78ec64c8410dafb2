package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signed-metaserver/metaserver/root/store"
)

// ownOnce does with a new entry what its owner may do, one thing after the
// other, and prints a promise for each.
func ownOnce(s store.Store, id string, token store.Token, e store.Entry) error {
	ctx := context.Background()
	server := e.Server
	server.Description = "signed"
	_, err := s.SignedRequest(ctx, store.SignedRequest{
		Entry: server.ID, Key: keyOne, Sequence: 5, Kind: store.KindEdit, Server: server, Source: elsewhere, Allowed: []string{"description"},
	})
	if err != nil {
		return err
	}
	fmt.Println("signed", server.ID)
	server.Version = "2"
	edit, err := s.Edit(ctx, id, token, store.Edit{Server: server, Source: elsewhere})
	if err != nil {
		return err
	}
	fmt.Println("edited", edit.ID)
	offer := store.NewToken()
	if _, err := s.OfferTransfer(ctx, id, token, store.Offer{Token: offer.Hash(), Email: "new@example.org", Expires: e.Created.AddDate(1, 0, 0)}); err != nil {
		return err
	}
	taken, err := s.TakeOver(ctx, server.ID, offer, store.TakeOver{Email: "new@example.org", Source: elsewhere, Token: store.NewToken().Hash()})
	if err != nil {
		return err
	}
	fmt.Println("taken", taken.ID)
	if edit, err = s.Withdraw(ctx, id, token, elsewhere); err != nil {
		return err
	}
	if _, err := s.Approve(ctx, store.Approval{Registration: edit.ID, Admin: "child"}); err != nil {
		return err
	}
	fmt.Println("withdrawn", server.ID)
	return nil
}

// checkOwned looks for what ownOnce has promised.
func (w *world) checkOwned(promised map[string][]string) {
	t := w.t
	t.Helper()
	for _, id := range promised["signed"] {
		e, err := w.Entry(t.Context(), id)
		if err != nil || e.Server.Description != "signed" || e.Change <= e.FirstChange {
			t.Errorf("the signed change of %s is gone: %+v, %v", id, e, err)
		}
		_, err = w.SignedRequest(t.Context(), store.SignedRequest{Entry: id, Key: keyOne, Sequence: 5, Kind: store.KindEdit, Server: e.Server, Source: elsewhere})
		if replay := new(store.ReplayError); e.State == store.EntryListed && !errors.As(err, &replay) {
			t.Errorf("a signed request about %s can be sent again: %v", id, err)
		}
	}
	for _, id := range slices.Concat(promised["edited"], promised["taken"]) {
		if r := w.review(id); r.Entry == "" || r.Kind == store.KindNew {
			t.Errorf("the request %s of an owner is %+v", id, r.Registration)
		}
	}
	for _, id := range promised["withdrawn"] {
		if e, err := w.Entry(t.Context(), id); err != nil || e.State != store.EntryRevoked || e.Reason != store.WithdrawnByOwner {
			t.Errorf("%s was withdrawn and is %+v, %v", id, e, err)
		}
	}
}
