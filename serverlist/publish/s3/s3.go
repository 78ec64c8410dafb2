// Package s3 publishes to a bucket of an S3-compatible store.
//
// Every document is one object, written by one PUT, which a store takes
// completely or not at all: readers see the old document or the new one. The
// bucket must exist, and it or a proxy in front of it must let the world read;
// neither is set up here.
//
// Where the store can, a document is written only if it is still the one that
// was read before (If-Match, If-None-Match): two mirror jobs on one bucket
// cannot replace each other's work unseen. Stores that refuse such conditions
// get the document without.
//
// The key needs the permissions s3:GetObject and s3:PutObject on the objects
// and s3:ListBucket on the bucket. Without the last a store answers 403 where a
// document is absent, and nothing is published, because 403 can also mean that
// a newer one is there.
package s3

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/signed-metaserver/metaserver/serverlist/publish"
	"github.com/signed-metaserver/metaserver/serverlist/publish/internal/web"
)

const (
	defaultRegion = "us-east-1"
	attempts      = 3 // of a request that the store was too busy for, or whose connection broke
)

// A Style says where the name of the bucket stands in a URL.
type Style string

// The styles.
const (
	Auto Style = ""     // before the host for Amazon and Google, in the path for all others
	Path Style = "path" // https://host/bucket/server.list
	Host Style = "host" // https://bucket.host/server.list
)

// Target is a bucket, or the objects in it whose names begin with Prefix.
type Target struct {
	Endpoint  string                 // URL of the store, without the bucket; required; http sends nothing secret, and can be read by others on the way
	Region    string                 // "": us-east-1, which most stores other than Amazon's take
	Bucket    string                 // required
	Prefix    string                 // folder in the bucket, as "ms" or "ms/"; "": none
	AccessKey string                 // required
	SecretKey func() (string, error) // required; asked once for each session
	Style     Style

	RootCAs *x509.CertPool                                                       // of https; nil: those of the system
	Dial    func(ctx context.Context, network, address string) (net.Conn, error) // nil: net.Dialer
	Silence time.Duration                                                        // a store that says nothing for so long is given up; 0: 30 seconds

	once bool // a request is not sent again
}

func (t Target) String() string {
	u, err := web.ParseBase(t.Endpoint)
	if err != nil {
		return "bucket " + t.Bucket
	}
	return fmt.Sprintf("bucket %s at %s", strings.TrimSuffix(t.Bucket+"/"+strings.Trim(t.Prefix, "/"), "/"), u.Host)
}

// Open checks the configuration and asks for the secret. It connects to
// nothing.
func (t Target) Open(ctx context.Context) (publish.Session, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	endpoint, err := t.endpoint()
	if err != nil {
		return nil, err
	}
	secret, err := t.SecretKey()
	if err != nil {
		return nil, err
	}
	if t.Region == "" {
		t.Region = defaultRegion // else the library asks the store, which needs a permission more
	}
	transport := web.NewTransport(web.Options{RootCAs: t.RootCAs, Dial: t.Dial, Silence: t.Silence})
	retries := attempts
	if t.once {
		retries = 1
	}
	client, err := minio.NewCore(endpoint.Host, &minio.Options{
		Creds:        credentials.NewStaticV4(t.AccessKey, secret, ""),
		Secure:       endpoint.Scheme == "https",
		Transport:    stayHere{transport},
		Region:       t.Region,
		BucketLookup: lookups[t.Style],
		MaxRetries:   retries,
	})
	if err != nil {
		return nil, fmt.Errorf("the store cannot be used: %w", err)
	}
	return &session{target: t, client: client, transport: transport, seen: map[string]string{}}, nil
}

var lookups = map[Style]minio.BucketLookupType{
	Auto: minio.BucketLookupAuto,
	Path: minio.BucketLookupPath,
	Host: minio.BucketLookupDNS,
}

// endpoint returns the store's URL, or what is wrong with the configuration.
func (t Target) endpoint() (*url.URL, error) {
	if t.Endpoint == "" || t.Bucket == "" || t.AccessKey == "" || t.SecretKey == nil {
		return nil, errors.New("a store needs an endpoint (its URL), a bucket, an access key and a secret key")
	}
	u, err := web.ParseBase(t.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("endpoint: %w", err)
	}
	if u.Path != "/" {
		return nil, fmt.Errorf("endpoint: the URL ends with the host; the rest (%q) belongs to the bucket or the prefix", u.Path)
	}
	if _, ok := lookups[t.Style]; !ok {
		return nil, fmt.Errorf("style %q is not known: there are %q and %q", t.Style, Path, Host)
	}
	for _, part := range strings.Split(strings.Trim(t.Prefix, "/"), "/") {
		if part == "." || part == ".." || part == "" && strings.Trim(t.Prefix, "/") != "" {
			return nil, fmt.Errorf("prefix %q is not a folder's path", t.Prefix)
		}
	}
	return u, nil
}

// key returns the name of a document's object.
func (t Target) key(name string) string {
	if prefix := strings.Trim(t.Prefix, "/"); prefix != "" {
		return prefix + "/" + name
	}
	return name
}

// stayHere follows no redirect: the library would sign requests for whatever
// host an answer names.
type stayHere struct{ next http.RoundTripper }

func (s stayHere) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := s.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if to := resp.Header.Get("Location"); to != "" && resp.StatusCode/100 == 3 {
		resp.Body.Close()
		host := "another place"
		if u, err := req.URL.Parse(to); err == nil {
			host = u.Scheme + "://" + u.Host
		}
		return nil, &redirectError{web.OneLine(host)}
	}
	if req.Method != http.MethodGet {
		return resp, nil
	}
	body, err := answer(resp)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	resp.Body = body
	return resp, nil
}

// answer returns the body of an answer to GET. A page that says 404 is not the
// store's word: the library would take it for that, and the document for absent.
func answer(resp *http.Response) (io.ReadCloser, error) {
	if err := web.CheckEnd(resp); err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusNotFound {
		return web.RefusePage(resp)
	}
	return resp.Body, nil
}

type redirectError struct{ host string }

func (e *redirectError) Error() string {
	return fmt.Sprintf("the store sends us to %s: if that is right, make it the endpoint (the bucket may be in another region)", e.host)
}
