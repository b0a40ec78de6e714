package blobtest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caravan-chat/caravan/persist/blob"
)

const (
	time24h     = 24 * time.Hour
	disposition = `attachment; filename="a b.jpg"; filename*=UTF-8''%C3%A4%20b.jpg`
)

// presigned asks a store that serves by itself, as a browser does.
func presigned(t *testing.T, b blob.Blob) {
	content := Random(1, 10_000)
	put(t, b, "k", content)
	url, err := b.Presign(t.Context(), "k", time.Minute, blob.Answer{ContentType: "image/png", ContentDisposition: disposition})
	if errors.Is(err, blob.ErrNoURL) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	status, header, body := fetch(t, url, "")
	if status != http.StatusOK || !bytes.Equal(body, content) {
		t.Fatalf("%d, %d bytes", status, len(body))
	}
	if header.Get("Content-Type") != "image/png" || header.Get("Content-Disposition") != disposition {
		t.Errorf("headers: %v", header)
	}
	status, _, body = fetch(t, url, "bytes=10-19")
	if status != http.StatusPartialContent || !bytes.Equal(body, content[10:20]) {
		t.Errorf("a range: %d, %d bytes", status, len(body))
	}
	for _, tampered := range []string{
		strings.Replace(url, "/k?", "/other?", 1), strings.Replace(url, "image%2Fpng", "text%2Fhtml", 1), strings.Replace(url, "X-Amz-Expires=60", "X-Amz-Expires=61", 1),
	} {
		if tampered == url {
			t.Fatalf("%s cannot be tampered with so", url)
		}
		if status, _, _ := fetch(t, tampered, ""); status != http.StatusForbidden {
			t.Errorf("%s: %d", tampered, status)
		}
	}
	if err := b.Delete(t.Context(), "k"); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := fetch(t, url, ""); status != http.StatusNotFound {
		t.Errorf("deleted: %d", status)
	}
}

func fetch(t *testing.T, url, part string) (status int, header http.Header, body []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if part != "" {
		request.Header.Set("Range", part)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, body
}
