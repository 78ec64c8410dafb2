package root_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/store"
)

// TestNewsWaitForRoom: what is decided while the outbox is full, as after a
// decision about thousands, is told of once there is room.
func TestNewsWaitForRoom(t *testing.T) {
	t.Parallel()
	mailed, server, _ := newTelling(t)
	dir := newData(t)
	path := filepath.Join(dir, "root.db")
	st, err := store.OpenSQLite(t.Context(), store.Config{Path: path, MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	all := make([]store.Message, store.MaxMessages)
	for i := range all {
		all[i] = store.Message{Key: fmt.Sprint("k", i), Channel: "gone", Subject: "s", Body: "b"}
	}
	if err := st.PutMessages(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}

	w := serveData(t, dir, mailed)
	if _, err := w.client().Approve(t.Context(), w.register(1).ID, api.Approval{}); err != nil {
		t.Fatal(err)
	}
	w.ask("POST", "/messages/test", "") // wakes who looks for news
	w.stop()

	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range []string{"DELETE FROM messages", "UPDATE counters SET value = 0 WHERE name = 'message-waiting'"} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	serveData(t, dir, mailed)
	until(t, "the letter", func() bool { return len(lettersWith(server, "admin1@example.org", "Server 1 is listed")) == 1 })
}
