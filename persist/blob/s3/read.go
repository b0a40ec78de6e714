package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/caravan-chat/caravan/persist/blob"
)

// A presigned URL lives from a second to a week.
const (
	ttlMin = time.Second
	ttlMax = 7 * 24 * time.Hour
)

// Get implements blob.Blob.
func (s *Store) Get(ctx context.Context, key string, part blob.Range) (*blob.Object, error) {
	if err := errors.Join(blob.CheckKey(key), ctx.Err()); err != nil {
		return nil, err
	}
	if part.Offset < 0 {
		return nil, blob.ErrRange
	}
	if part.Length == 0 {
		return s.nothing(ctx, key, part)
	}
	var options minio.GetObjectOptions
	switch last := part.Offset + part.Length - 1; {
	case part == blob.Whole:
	case part.Length < 0 || last < 0:
		options.Set("Range", fmt.Sprintf("bytes=%d-", part.Offset))
	default:
		options.Set("Range", fmt.Sprintf("bytes=%d-%d", part.Offset, last))
	}
	body, _, header, err := s.client.GetObject(ctx, s.config.Bucket, s.name(key), options)
	if beyond(err) {
		return s.nothing(ctx, key, part) // also of what is empty
	}
	if err != nil {
		return nil, fault(ctx, "get", err)
	}
	o, err := object(key, part, header)
	if err != nil {
		return nil, errors.Join(err, body.Close())
	}
	o.ReadCloser = &reader{ctx, body, o.Part.Length}
	return o, nil
}

// object reads out of the headers what they say of a blob.
func object(key string, part blob.Range, header http.Header) (*blob.Object, error) {
	size := header.Get("Content-Length")
	is := header.Get("Content-Range")
	if part != blob.Whole && !strings.HasPrefix(is, fmt.Sprintf("bytes %d-", part.Offset)) {
		return nil, fmt.Errorf("%w: get: a part was asked for, and %q comes", blob.ErrUnavailable, is)
	}
	if _, total, ok := strings.Cut(is, "/"); ok {
		size = total
	}
	o := &blob.Object{Info: blob.Info{Key: key}}
	var err error
	if o.Size, err = strconv.ParseInt(size, 10, 64); err == nil {
		o.Modified, err = http.ParseTime(header.Get("Last-Modified"))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: get: %w", blob.ErrUnavailable, err)
	}
	o.Part, err = part.Of(o.Size)
	return o, err
}

// nothing returns a part of no bytes: no request can ask for it.
func (s *Store) nothing(ctx context.Context, key string, part blob.Range) (*blob.Object, error) {
	info, err := s.client.StatObject(ctx, s.config.Bucket, s.name(key), minio.StatObjectOptions{})
	if err != nil {
		return nil, fault(ctx, "get", err)
	}
	if part, err = part.Of(info.Size); err != nil {
		return nil, err
	}
	part.Length = 0
	return &blob.Object{
		ReadCloser: http.NoBody,
		Info:       blob.Info{Key: key, Size: info.Size, Modified: info.LastModified},
		Part:       part,
	}, nil
}

// reader names what happens to a blob on its way.
type reader struct {
	ctx  context.Context
	body io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.left)])
	if r.left -= int64(n); r.left == 0 {
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, fault(r.ctx, "get", err)
}

// Close implements io.Closer.
func (r *reader) Close() error { return r.body.Close() }

// Delete implements blob.Blob.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := errors.Join(blob.CheckKey(key), ctx.Err()); err != nil {
		return err
	}
	err := fault(ctx, "delete", s.client.RemoveObject(ctx, s.config.Bucket, s.name(key), minio.RemoveObjectOptions{}))
	if errors.Is(err, blob.ErrNotFound) {
		return nil
	}
	return err
}

// List implements blob.Blob: in the order of the keys. It holds one page of them.
func (s *Store) List(ctx context.Context, after string) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		options := minio.ListObjectsOptions{Prefix: s.config.Prefix, Recursive: true}
		if after != "" {
			if err := blob.CheckKey(after); err != nil {
				yield(blob.Info{}, err)
				return
			}
			options.StartAfter = s.name(after)
		}
		asked, cancel := context.WithCancel(ctx)
		defer cancel() // it ends what fetches pages
		for o := range s.client.ListObjectsIter(asked, s.config.Bucket, options) {
			if o.Err != nil {
				yield(blob.Info{}, fault(ctx, "list", o.Err))
				return
			}
			key := strings.TrimPrefix(o.Key, s.config.Prefix)
			if blob.CheckKey(key) != nil {
				continue // somebody else's
			}
			if !yield(blob.Info{Key: key, Size: o.Size, Modified: o.LastModified}, nil) {
				return
			}
		}
		if err := ctx.Err(); err != nil {
			yield(blob.Info{}, err)
		}
	}
}

// Presign implements blob.Blob.
func (s *Store) Presign(ctx context.Context, key string, ttl time.Duration, answer blob.Answer) (string, error) {
	if s.config.Proxy {
		return "", blob.ErrNoURL
	}
	if err := blob.CheckKey(key); err != nil {
		return "", err
	}
	ttl = min(max(ttl, ttlMin), ttlMax)
	headers := url.Values{"response-cache-control": {fmt.Sprintf("private, max-age=%d", int64(ttl.Seconds()))}} // the bytes never change
	if answer.ContentType != "" {
		headers.Set("response-content-type", answer.ContentType)
	}
	if answer.ContentDisposition != "" {
		headers.Set("response-content-disposition", answer.ContentDisposition)
	}
	u, err := s.client.PresignedGetObject(ctx, s.config.Bucket, s.name(key), ttl, headers)
	if err != nil {
		return "", fault(ctx, "presign", err)
	}
	return u.String(), nil
}
