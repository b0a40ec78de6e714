package scrape

import (
	"context"
	"net/http"
	"net/http/httptest"
	_ "net/http/pprof" // the profiler of this process, as the server has one
	"runtime"
	"testing"
)

func TestReadHeapTellsWhetherItWasCollected(t *testing.T) {
	server := httptest.NewServer(http.DefaultServeMux)
	defer server.Close()
	first, err := ReadHeap(context.Background(), server.URL, true)
	if err != nil || first.AllocBytes <= 0 || first.Collections < 1 {
		t.Fatalf("%+v, %v", first, err)
	}
	runtime.GC()
	second, err := ReadHeap(context.Background(), server.URL+"/", false)
	if err != nil || second.Collections <= first.Collections {
		t.Errorf("%+v after %+v, %v", second, first, err)
	}
	if sum := first.Plus(second); sum.Collections != first.Collections+second.Collections {
		t.Errorf("%+v", sum)
	}
}

func TestReadHeapOfWhatIsNoGoProgram(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }))
	defer server.Close()
	if h, err := ReadHeap(context.Background(), server.URL, false); err == nil {
		t.Errorf("%+v", h)
	}
}
