package rest_test

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"github.com/caravan-chat/caravan/room/attachment"
)

// keptBytes keeps files as long as the test runs.
type keptBytes struct {
	mu   sync.Mutex
	kept map[string][]byte
}

func (k *keptBytes) Put(_ context.Context, key string, r io.Reader, _ string) (int64, error) {
	b, err := io.ReadAll(r)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept == nil {
		k.kept = make(map[string][]byte)
	}
	k.kept[key] = b
	return int64(len(b)), err
}

func (k *keptBytes) Get(_ context.Context, key string, offset, length int64) (*attachment.Bytes, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	b, ok := k.kept[key]
	if !ok {
		return nil, attachment.ErrNoBytes
	}
	size := int64(len(b))
	if b = b[offset:]; length >= 0 {
		b = b[:min(length, int64(len(b)))] // as a store does
	}
	return &attachment.Bytes{ReadCloser: io.NopCloser(bytes.NewReader(b)), Length: int64(len(b)), Size: size}, nil
}

func (k *keptBytes) Delete(_ context.Context, key string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.kept, key)
	return nil
}

func (k *keptBytes) Presign(context.Context, string, time.Duration, string, string) (string, error) {
	return "", nil
}
