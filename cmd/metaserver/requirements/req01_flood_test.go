package requirements_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/signed-metaserver/metaserver/root/api"
	"github.com/signed-metaserver/metaserver/root/config"
	"github.com/signed-metaserver/metaserver/root/limit"
	"github.com/signed-metaserver/metaserver/serverlist"
)

// A flood of registrations never changes the published list, and never fills
// the disk: many sources, good requests of the largest size, sent again and
// again, far more than the queue holds.
func TestRequirement01_Flood(t *testing.T) {
	t.Parallel()
	const queue, requests = 100, 500
	r := newRoot(t, func(c *config.Config) {
		c.Queue, c.TrustedProxies = queue, []string{"127.0.0.1"} // each request says where it comes from
		c.Limits.ProofOfWork = limit.WorkOff                     // nothing slows it down
	})
	player := r.client()
	if _, err := r.Admin.RegisterByAdmin(t.Context(), request("1")); err != nil {
		t.Fatal(err)
	}
	entry := r.approve("r1")
	r.until(player, func(s []serverlist.Server) bool { return len(s) == 1 && s[0].ID == entry })
	before := r.document("server.list")

	var taken, refused atomic.Int64
	send := func(i int) {
		switch status, retry := r.post(largeRequest(i), fmt.Sprintf("198.%d.%d.1", 51+i>>8, i&0xff)); {
		case status == http.StatusAccepted:
			taken.Add(1)
		case status == http.StatusTooManyRequests && retry != "":
			refused.Add(1)
		default:
			t.Errorf("request %d: status %d", i, status)
		}
	}
	flood(requests, send)
	full := r.diskUse()
	flood(requests, send) // what waits is sent again, too

	if taken.Load() == 0 || refused.Load() < requests {
		t.Errorf("%d were taken and %d refused", taken.Load(), refused.Load())
	}
	waiting, err := r.Admin.Pending(t.Context())
	if err != nil || len(waiting) == 0 || len(waiting) > queue {
		t.Errorf("%d wait, more than %d: %v", len(waiting), queue, err)
	}
	if !bytes.Equal(r.document("server.list"), before) {
		t.Error("the published list changed")
	}
	t.Logf("%d taken, %d refused, %d waiting, %d KiB on disk", taken.Load(), refused.Load(), len(waiting), full>>10)
	// A registration takes 64 KiB at most, with all that belongs to it; beside
	// that there is the log of what was written last.
	if most := int64(queue*64<<10 + 8<<20); full > most || r.diskUse() > most {
		t.Errorf("%d bytes on disk, and %d after as many requests more; want %d at most", full, r.diskUse(), most)
	}
	result, err := player.Refresh(t.Context())
	if err != nil || len(result.List.Servers) != 1 {
		t.Errorf("the player has %+v, %v", result, err)
	}
}

// flood calls send with the numbers below n from several goroutines.
func flood(n int, send func(int)) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 16 {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				send(int(i))
			}
		})
	}
	wg.Wait()
}

// post sends a registration as a proxy does that names its source.
func (r *rootNode) post(reg api.RegistrationRequest, source string) (status int, retryAfter string) {
	body, err := json.Marshal(reg)
	if err != nil {
		r.t.Error(err)
	}
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodPost, r.Public.Root+"/api/v1/registrations", bytes.NewReader(body))
	if err != nil {
		r.t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Forwarded-For", source)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Error(err)
		return
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body) // so that the connection is kept
	if err != nil {
		r.t.Error(err)
	}
	return resp.StatusCode, resp.Header.Get("Retry-After")
}

// largeRequest is as large as a registration may be.
func largeRequest(i int) api.RegistrationRequest {
	req := request(fmt.Sprint(i))
	req.Name = fmt.Sprint(i, strings.Repeat("€", 70))
	req.Description = strings.Repeat("€", 500)
	req.Address = ""
	for n := range 16 {
		req.Addresses = append(req.Addresses, fmt.Sprintf("%s.x%d.s%d.example.net:13327", strings.Repeat("a", 60), n, i))
	}
	for n := range 32 {
		req.Tags = append(req.Tags, fmt.Sprint(n, strings.Repeat("x", 70)))
	}
	return req
}

// document reads what is published.
func (r *rootNode) document(name string) []byte {
	r.t.Helper()
	data, err := os.ReadFile(filepath.Join(r.data, "public", name))
	if err != nil {
		r.t.Fatal(err)
	}
	return data
}

// diskUse is the size of the data folder, in bytes.
func (r *rootNode) diskUse() (size int64) {
	r.t.Helper()
	err := filepath.WalkDir(r.data, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) { // a temporary file
			return nil
		}
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return size
}
