package scrape

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Heap is what the Go runtime of a server tells about its memory.
type Heap struct {
	Collections int64 // since it was started
	AllocBytes  int64 // of objects that live, or were not yet found dead
}

// Plus adds another server's.
func (h Heap) Plus(o Heap) Heap {
	return Heap{h.Collections + o.Collections, h.AllocBytes + o.AllocBytes}
}

// ReadHeap asks the admin port's profiler, within 5 s. Where collect is set the server collects its
// garbage first, so that AllocBytes is what lives. Servers that are no Go programs have no such answer,
// which is an error.
func ReadHeap(ctx context.Context, admin string, collect bool) (Heap, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	url := strings.TrimRight(admin, "/") + "/debug/pprof/heap?debug=1"
	if collect {
		url += "&gc=1"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return Heap{}, fmt.Errorf("admin port: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return Heap{}, fmt.Errorf("admin port: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end or not needed any more
	if resp.StatusCode != http.StatusOK {
		return Heap{}, fmt.Errorf("admin port: the heap's profile answers %s", resp.Status)
	}
	return parseHeap(io.LimitReader(resp.Body, bytesMax))
}

// parseHeap finds the two numbers among those that the runtime writes behind a profile, a line each
// as `# NumGC = 3`.
func parseHeap(r io.Reader) (h Heap, err error) {
	wanted := map[string]*int64{"# NumGC": &h.Collections, "# HeapAlloc": &h.AllocBytes}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " = ")
		if into := wanted[name]; into != nil {
			if *into, err = strconv.ParseInt(value, 10, 64); err != nil {
				return h, fmt.Errorf("admin port: %s: %w", name, err)
			}
			delete(wanted, name)
		}
	}
	if len(wanted) > 0 {
		return h, fmt.Errorf("admin port: the heap's profile says nothing of the runtime's memory")
	}
	return h, lines.Err()
}
