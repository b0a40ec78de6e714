package s3

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/caravan-chat/caravan/persist/blob"
)

const (
	// tries is how often a request is sent until it is answered: four take about two seconds.
	tries = 4

	putPause     = 200 * time.Millisecond // before a blob is sent again; then twice as long each time
	putAgainTime = 10 * time.Second       // after which it is not: somebody waits for the answer

	checkTimeout = 10 * time.Second
)

// Store is a bucket of blobs. It is safe for concurrent use.
type Store struct {
	config    Config
	client    minio.Core
	once      minio.Core // it sends each request once
	transport *http.Transport
}

var _ blob.Blob = (*Store)(nil)

// Open returns the store in a bucket. It asks nobody: Check does.
func Open(c Config) (*Store, error) {
	transport := newTransport()
	open := func(times int) (minio.Core, error) {
		client, err := minio.New(c.Endpoint, &minio.Options{
			Creds:      credentials.NewStaticV4(c.AccessKey, c.SecretKey, c.SessionToken),
			Secure:     !c.Insecure,
			Region:     c.Region, // it is not asked for
			Transport:  transport,
			MaxRetries: times,
			// The bucket is part of the host's name with Amazon, and of the path elsewhere.
			BucketLookup: minio.BucketLookupAuto,
		})
		return minio.Core{Client: client}, err
	}
	client, err := open(tries)
	once, err2 := open(1)
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("%w: open: %w", blob.ErrUnavailable, err)
	}
	return &Store{config: c, client: client, once: once, transport: transport}, nil
}

// Close closes the connections that nobody uses.
func (s *Store) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}

// name returns the key that a blob has in the bucket.
func (s *Store) name(key string) string { return s.config.Prefix + key }

// Check implements blob.Blob: it asks whether the bucket is there, and whether an upload has
// a place on its way there.
func (s *Store) Check(ctx context.Context) error {
	place, err := newSpool()
	if err != nil {
		return err
	}
	_ = place.Close() // nothing was written
	asked, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	there, err := s.client.BucketExists(asked, s.config.Bucket)
	if err == nil && !there {
		err = errNoBucket
	}
	return fault(ctx, "check", err)
}

// Put implements blob.Blob.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, size int64, mime string) (int64, error) {
	if err := errors.Join(blob.CheckKey(key), ctx.Err()); err != nil {
		return 0, err
	}
	f, err := newSpool()
	if err != nil {
		return 0, err
	}
	defer f.Close() // it has no name: nothing is left
	sum := sha256.New()
	n, err := blob.Fill(ctx, io.MultiWriter(f, sum), r, size)
	if err != nil {
		return 0, err
	}
	// The hash is signed, and the server checks it. Otherwise the library signs the bytes piece by
	// piece where there is no TLS, with 200 KiB of memory.
	hash, options := hex.EncodeToString(sum.Sum(nil)), minio.PutObjectOptions{ContentType: mime, DisableContentSha256: true}
	// Each try has a reader of its own: where the server answers before it has all, the
	// connection may still read the last one.
	pause, begun := putPause, time.Now()
	for try := 1; ; try++ {
		_, err = s.once.PutObject(ctx, s.config.Bucket, s.name(key), io.NewSectionReader(f, 0, n), n, "", hash, options)
		if err == nil || try == tries || !again(err) || time.Since(begun) > putAgainTime {
			break
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return 0, fault(ctx, "put", err)
	}
	return n, nil
}

// again reports whether a server may take what it did not take now: it did not answer, or
// its answer was a fault of its own, or that it is busy.
func again(err error) bool {
	status := minio.ToErrorResponse(err).StatusCode
	return status == 0 || status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= http.StatusInternalServerError && status != http.StatusInsufficientStorage
}
