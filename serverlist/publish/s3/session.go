package s3

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"

	"github.com/minio/minio-go/v7"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/web"
)

// absent is the ETag of a document that is not there.
const absent = "*"

type session struct {
	target    Target
	client    *minio.Core
	transport *http.Transport

	// seen holds the ETag of each document that was read or written; absent:
	// it is not there. What is not in it was not looked at, or has no ETag.
	seen          map[string]string
	unconditional bool // the store refuses conditions
}

// Read opens a document.
func (s *session) Read(ctx context.Context, name string) (io.ReadCloser, error) {
	if err := publish.CheckName(name); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, web.WholeDocument)
	body, info, _, err := s.client.GetObject(ctx, s.target.Bucket, s.target.key(name), minio.GetObjectOptions{})
	if err != nil {
		cancel()
		err = s.explain(err)
		if errors.Is(err, fs.ErrNotExist) {
			s.seen[name] = absent
		}
		return nil, err
	}
	delete(s.seen, name)
	if info.ETag != "" {
		s.seen[name] = info.ETag
	}
	return web.Body(body, cancel), nil
}

// Write puts a document, if it is still what was read before.
func (s *session) Write(ctx context.Context, name string, data []byte) error {
	if err := publish.CheckName(name); err != nil {
		return err
	}
	err := s.put(ctx, name, data, !s.unconditional)
	if codeOf(err) == minio.NotImplemented && !s.unconditional {
		s.unconditional = true
		err = s.put(ctx, name, data, false)
	}
	if isConflict(err) {
		return s.settle(ctx, name, data)
	}
	return s.explain(err)
}

// put sends the document with the checksums that every store knows: the MD5 of
// the body and, as part of the signature, its SHA-256. Stores differ in newer
// ones, which the library would put behind the body.
func (s *session) put(ctx context.Context, name string, data []byte, conditional bool) error {
	opts := minio.PutObjectOptions{
		ContentType:          web.ContentType,
		CacheControl:         web.CacheControl(name),
		DisableContentSha256: true, // no signature in pieces: that of the whole is given
	}
	if etag := s.seen[name]; conditional && etag == absent {
		opts.SetMatchETagExcept("*")
	} else if conditional && etag != "" {
		opts.SetMatchETag(etag)
	}
	ctx, cancel := context.WithTimeout(ctx, web.WholeDocument)
	defer cancel()
	md5Sum, sha := md5.Sum(data), sha256.Sum256(data)
	info, err := s.client.PutObject(ctx, s.target.Bucket, s.target.key(name), bytes.NewReader(data), int64(len(data)),
		base64.StdEncoding.EncodeToString(md5Sum[:]), hex.EncodeToString(sha[:]), opts)
	if err != nil {
		return err
	}
	delete(s.seen, name)
	if info.ETag != "" {
		s.seen[name] = info.ETag
	}
	return nil
}

// settle decides what a failed condition means. If the answer to an earlier
// attempt was lost, the document that is in the way is our own.
func (s *session) settle(ctx context.Context, name string, data []byte) error {
	r, err := s.Read(ctx, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err == nil {
		if ours, err := web.Yields(r, data); ours || err != nil {
			return err
		}
	}
	return errors.New("somebody else published to this bucket meanwhile, and that stays; run again")
}

// Close ends the session. Writes are for good already.
func (s *session) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

func codeOf(err error) string { return minio.ToErrorResponse(err).Code }

// isConflict tells whether a condition did not hold. Amazon's 409 means that
// another request was writing at that moment.
func isConflict(err error) bool {
	r := minio.ToErrorResponse(err)
	return r.StatusCode == http.StatusPreconditionFailed || r.Code == minio.PreconditionFailed || r.Code == "ConditionalRequestConflict"
}

// explain turns answers of the store into what they mean and what to do.
func (s *session) explain(err error) error {
	if err == nil {
		return nil
	}
	r := minio.ToErrorResponse(err)
	if r.Code == "" {
		return web.Explain(web.WithoutURL(err))
	}
	said := fmt.Sprintf("the store answers %s (%s)", web.OneLine(r.Code), web.OneLine(r.Message))
	if r.Code == minio.NoSuchKey {
		return fmt.Errorf("%s: %w", said, fs.ErrNotExist)
	}
	return errors.New(said + s.advice(r))
}

// advice says what to do; "" if there is nothing to say.
func (s *session) advice(r minio.ErrorResponse) string {
	switch r.Code {
	case minio.NoSuchBucket:
		return fmt.Sprintf(": create the bucket %q, or correct its name", s.target.Bucket)
	case "InvalidAccessKeyId", "XAdminUserNotFound":
		return ": the store does not know the access key"
	case "SignatureDoesNotMatch":
		return ": the secret key is not the one that belongs to the access key, or the region is wrong"
	case "RequestTimeTooSkewed":
		return ": the clock of this machine is wrong; set it (the store allows 15 minutes)"
	case "AuthorizationHeaderMalformed", minio.InvalidRegion, "PermanentRedirect":
		region := "the one that the provider names"
		if r.Region != "" {
			region = fmt.Sprintf("%q", web.OneLine(r.Region))
		}
		return fmt.Sprintf(": the region is %q here; it should be %s", s.target.Region, region)
	case minio.AccessDenied:
		return ": the key needs s3:GetObject and s3:PutObject on the objects, and s3:ListBucket on the bucket, without which a store answers so where a document is absent; nothing is published on a guess"
	}
	switch r.StatusCode {
	case http.StatusInsufficientStorage:
		return ": the store is full; what was published before is untouched"
	case http.StatusForbidden:
		return ": the key may not do this, or the account is locked or full"
	}
	if r.StatusCode >= 500 {
		return ": the store has a fault of its own, or is full; what was published before is untouched"
	}
	return ""
}
