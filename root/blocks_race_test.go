package root

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signed-metaserver/metaserver/root/block"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/store"
)

// slowBlocks is a store whose first answer about blocks takes its time.
type slowBlocks struct {
	store.Store
	asked  atomic.Int64
	answer chan struct{}
	stored []store.Block
}

func (s *slowBlocks) Blocks(context.Context) ([]store.Block, error) {
	stored := s.stored
	if s.asked.Add(1) == 1 {
		<-s.answer
	}
	return stored, nil
}

// A block holds from the moment at which its admin is told, even if the blocks
// of before were being read just then.
func TestBlocksAreReadInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &slowBlocks{answer: make(chan struct{})}
		s := &server{store: slow, blocks: newBlockKeeper(), cfg: config.Config{Now: time.Now}}
		load := func() {
			if err := s.loadBlocks(t.Context()); err != nil {
				t.Error(err)
			}
		}
		go load() // as every minute
		synctest.Wait()
		slow.stored = []store.Block{{ID: "b1", Kind: store.BlockDomain, Value: "spam.example"}}
		go load() // as after a change
		synctest.Wait()
		close(slow.answer)
		synctest.Wait()
		if s.blocks.set.Load().Match(block.Subject{Email: "x@spam.example"}, s.now()) == nil {
			t.Error("the new block was lost")
		}
	})
}
