package testenv

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Options say how a store differs from a plain one.
type S3Options struct {
	Cert, Key string // files in PEM: https
	DiskSize  string // the store is a file system of its own of this size, as "2m"; needs root
}

// An S3Store is a versitygw that runs until the test ends. It has no buckets:
// a folder in Dir is one.
type S3Store struct {
	URL                  string // "http://127.0.0.1:PORT"
	Region               string
	AccessKey, SecretKey string
	Dir                  string // of the buckets; hidden from the test with DiskSize
}

// A file system of its own holds the bucket that is in the folder already.
const s3Script = `set -e
buckets=$(ls "$1")
mount -t tmpfs -o "size=$2" none "$1"
for bucket in $buckets; do mkdir "$1/$bucket"; done
shift 2
exec "$@"`

// S3 starts a real S3 store with these buckets. It keeps objects as files and
// what belongs to them beside, so that no file system with attributes is needed.
func S3(t testing.TB, o S3Options, buckets ...string) *S3Store {
	t.Helper()
	program := Program(t, "versitygw")
	run := t.TempDir()
	s := &S3Store{Region: "us-east-1", AccessKey: "TESTACCESSKEY", SecretKey: "test-secret-of-the-store", Dir: filepath.Join(run, "store")}
	for _, dir := range append(buckets, "../sidecar", "../accounts") {
		if err := os.MkdirAll(filepath.Join(s.Dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	port := serve(t, func(port int) (*process, error) { return s.start(t, program, run, port, o) })
	scheme := "http"
	if o.Cert != "" {
		scheme = "https"
	}
	s.URL = fmt.Sprintf("%s://127.0.0.1:%d", scheme, port)
	return s
}

func (s *S3Store) start(t testing.TB, program, run string, port int, o S3Options) (*process, error) {
	addr := "127.0.0.1:" + strconv.Itoa(port)
	args := []string{"--port", addr, "--quiet", "--region", s.Region, "--iam-dir", filepath.Join(run, "accounts")}
	if o.Cert != "" {
		args = append(args, "--cert", o.Cert, "--key", o.Key)
	}
	args = append(args, "posix", "--sidecar", filepath.Join(run, "sidecar"), s.Dir)
	cmd := command(t, program, args...)
	if o.DiskSize != "" {
		cmd = s3WithDisk(t, o.DiskSize, s.Dir, program, args)
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "ROOT_ACCESS_KEY="+s.AccessKey, "ROOT_SECRET_KEY="+s.SecretKey)
	p, err := launch(cmd, filepath.Join(run, "log"))
	if err != nil {
		return nil, err
	}
	err = p.await(func() bool {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			return false
		}
		return conn.Close() == nil
	})
	if err != nil && strings.Contains(err.Error(), "address already in use") {
		return nil, errPortTaken
	}
	return p, err
}

// readerPolicy lets one account read everything in a bucket.
const readerPolicy = `{"Statement": [{"Effect": "Allow", "Principal": {"AWS": [%q]}, "Action": ["s3:GetObject", "s3:ListBucket"],
	"Resource": ["arn:aws:s3:::%[2]s", "arn:aws:s3:::%[2]s/*"]}]}`

// Reader returns the store with the keys of an account that may read a bucket
// and not write to it.
func (s *S3Store) Reader(t testing.TB, bucket string) *S3Store {
	t.Helper()
	reader := *s
	reader.AccessKey, reader.SecretKey = "READER", "test-secret-of-the-reader"
	add := Command(t, "versitygw", "admin", "--endpoint-url", s.URL, "--access", s.AccessKey, "--secret", s.SecretKey,
		"create-user", "--access", reader.AccessKey, "--secret", reader.SecretKey, "--role", "user")
	if out, err := add.CombinedOutput(); err != nil {
		t.Fatalf("versitygw admin: %v\n%s", err, out)
	}
	admin, err := minio.New(strings.TrimPrefix(s.URL, "http://"), &minio.Options{
		Creds: credentials.NewStaticV4(s.AccessKey, s.SecretKey, ""), Region: s.Region, BucketLookup: minio.BucketLookupPath, Transport: &http.Transport{DisableKeepAlives: true}})
	if err == nil {
		err = admin.SetBucketPolicy(t.Context(), bucket, fmt.Sprintf(readerPolicy, reader.AccessKey, bucket))
	}
	if err != nil {
		t.Fatal(err)
	}
	return &reader
}

// s3WithDisk runs the store where its folder is a file system of its own.
func s3WithDisk(t testing.TB, size, dir, program string, args []string) *exec.Cmd {
	t.Helper()
	NeedMounts(t)
	all := append([]string{"--mount", "sh", "-c", s3Script, "sh", dir, size, program}, args...)
	return command(t, Program(t, "unshare"), all...)
}

// NeedMounts ends the test where it cannot mount file systems of its own.
func NeedMounts(t testing.TB) {
	t.Helper()
	if os.Getuid() != 0 {
		Unable(t, "only root can give a server a disk of its own")
	}
	var out bytes.Buffer
	try := Command(t, "unshare", "--mount", "sh", "-c", `mount -t tmpfs none "$1"`, "sh", t.TempDir())
	try.Stdout, try.Stderr = &out, &out
	if err := try.Run(); err != nil {
		Unable(t, fmt.Sprintf("no mount namespace: %v %s", err, out.String()))
	}
}
