package root

import (
	"encoding/json"
	"testing"
)

// BenchmarkDecode measures the way of a registration to the store; the
// yardstick is encoding/json alone.
func BenchmarkDecode(b *testing.B) {
	body := []byte(`{"name":"Cat 2","address":"cat2.example.net:13327","game":"crossfire","email":"admin@example.org","description":"A server for cats"}`)
	b.Run("root", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			req := goodRequest()
			if fields, err := decodeObject(body, &req); err != nil || len(fields) > 0 {
				b.Fatal(err, fields)
			}
			req.Addresses = nil
			if _, problems := checkRequest(&req, false); len(problems) > 0 {
				b.Fatal(problems)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			req := goodRequest()
			if err := json.Unmarshal(body, &req); err != nil {
				b.Fatal(err)
			}
		}
	})
}
