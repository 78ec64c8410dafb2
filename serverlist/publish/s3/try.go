package s3

import (
	"context"
	"errors"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/trial"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/web"
)

// GiveUpAfter returns a copy that bears less silence; see [publish.Impatient].
func (t Target) GiveUpAfter(silence time.Duration) publish.Target {
	t.Silence, t.once = publish.Shorter(t.Silence, web.DefaultSilence, silence), true
	return t
}

const (
	tryName   = "try.part"                         // below the prefix: no document
	neverATag = "00000000000000000000000000000000" // the MD5 of no object that anybody has seen
)

// TryWrite tries whether documents can be written; see [publish.Trier].
//
// The key may lack the permission to delete, which publishing does not need. So
// an object is put on a condition that never holds, If-Match with an ETag that
// nothing has: a store first looks whether the key may write, and then refuses.
// A store that knows no conditions takes the object, which is read back and
// removed; it always has the same name, so that one stays at most. What a full
// account takes, only a publication tells.
func (t Target) TryWrite(ctx context.Context) error {
	opened, err := t.Open(ctx)
	if err != nil {
		return err
	}
	s := opened.(*session)
	return errors.Join(s.try(ctx), s.Close())
}

func (s *session) try(ctx context.Context) error {
	s.seen[tryName] = neverATag
	err := s.put(ctx, tryName, []byte(trial.Text), true)
	if codeOf(err) == minio.NotImplemented {
		err = s.put(ctx, tryName, []byte(trial.Text), false)
	}
	switch {
	case isConflict(err) || codeOf(err) == minio.NoSuchKey:
		return nil // the key may write, and nothing was written
	case err != nil:
		return s.explain(err)
	}
	body, _, _, err := s.client.GetObject(ctx, s.target.Bucket, s.target.key(tryName), minio.GetObjectOptions{})
	if err == nil {
		err = trial.ReadBack(body)
	}
	_ = s.client.RemoveObject(ctx, s.target.Bucket, s.target.key(tryName), minio.RemoveObjectOptions{}) // if the key may
	return s.explain(err)
}
