package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/cmd/caravan/config"
	"github.com/caravan-chat/caravan/persist/blob"
	"github.com/caravan-chat/caravan/persist/blob/disk"
	"github.com/caravan-chat/caravan/persist/blob/s3"
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room"
	"github.com/caravan-chat/caravan/room/attachment"
)

// linkSecret names the key of links in chat_secrets.
const linkSecret = "attachments"

// files are what a server that takes attachments has.
type files struct {
	links *attachment.Links
	store blob.Blob
	*attachment.Service

	checking sync.WaitGroup // whether the store can be used
	stop     context.CancelFunc
}

// openFiles opens the store of files; nil where there are to be none.
func (a *App) openFiles(ctx context.Context) (*files, error) {
	if a.cfg.Attachments == "" {
		return nil, nil
	}
	key, err := a.secret(ctx, linkSecret)
	if err != nil {
		return nil, fmt.Errorf("the key of links: %w", err)
	}
	if err := a.checkPlace(ctx); err != nil {
		return nil, err
	}
	store, err := openBlobs(a.cfg, disk.Open)
	if err != nil {
		return nil, err
	}
	links := attachment.NewLinks(key, a.cfg.PublicURL, a.cfg.AttachmentURLTTL)
	cfg := attachment.Config{
		BytesMax: int64(a.cfg.AttachmentMax), Types: a.cfg.AttachmentTypes, Quota: int64(a.cfg.AttachmentQuota),
		KeepMetadata: a.cfg.AttachmentKeepEXIF, ScanURL: a.cfg.AttachmentScanURL, Links: links, Log: a.log,
	}
	if directory, ok := store.(*disk.Store); ok {
		cfg.Tidy = directory.RemoveLeftovers
	}
	f := &files{links: links, store: store, Service: attachment.New(a.store, blobs{store}, cfg)}
	f.check(a.log)
	return f, nil
}

// checkPlace refuses a directory that has never had files beside a database that has: it is most
// likely where a volume should be mounted, and what came now would be hidden by that later.
func (a *App) checkPlace(ctx context.Context) error {
	dir, ok := strings.CutPrefix(a.cfg.Attachments, config.FilePrefix)
	if !ok {
		return nil
	}
	if there, err := disk.Exists(dir); err != nil || there {
		return err
	}
	has, err := retry(ctx, a.cfg.DatabaseWait, a.log, func() (bool, error) { return hasFiles(ctx, a.store) })
	if err != nil || !has {
		return err
	}
	return &config.Error{Flag: "attachments", Text: fmt.Sprintf("the database has files, and %s has never had any: is its volume mounted? If they are lost, make %s", dir, filepath.Join(dir, "blobs"))}
}

// hasFiles reports whether there are files that members may read.
func hasFiles(ctx context.Context, rows room.AttachmentStore) (bool, error) {
	for after := uuid.Nil; ; {
		all, err := rows.Attachments(ctx, after, checkRows)
		if err != nil || len(all) == 0 {
			return false, err
		}
		for _, is := range all {
			if is.State == room.AttachmentReady {
				return true, nil
			}
		}
		after = all[len(all)-1].ID
	}
}

// BlobsToRead opens the configured store of files for who changes nothing.
func BlobsToRead(cfg *config.Config) (blob.Blob, error) { return openBlobs(cfg, disk.OpenToRead) }

// openBlobs opens the configured store of files, a directory by open.
func openBlobs(cfg *config.Config, open func(dir string) (*disk.Store, error)) (blob.Blob, error) {
	if dir, ok := strings.CutPrefix(cfg.Attachments, config.FilePrefix); ok {
		store, err := open(dir)
		if err != nil {
			return nil, fmt.Errorf("--attachments: %w", err)
		}
		return store, nil
	}
	bucket, err := s3.ParseURL(cfg.Attachments, os.Getenv)
	if err != nil {
		return nil, &config.Error{Flag: "attachments", Text: err.Error()}
	}
	store, err := s3.Open(bucket)
	if err != nil {
		return nil, fmt.Errorf("--attachments: %w", err)
	}
	return store, nil
}

// checkTime is how long the store of files may take at the start to say that it can be used.
const checkTime = 10 * time.Second

// check says at the start whether the store of files can be used. Nobody waits for it, as the chat
// goes on without.
func (f *files) check(log *slog.Logger) {
	ctx, stop := context.WithTimeout(context.Background(), checkTime)
	f.stop = stop
	f.checking.Go(func() {
		err := f.store.Check(ctx)
		if err != nil && !errors.Is(err, context.Canceled) { // as when the server ends
			log.Warn("the store of files cannot be used: uploads are refused until it can", "error", err)
		}
	})
}

// linksOf is the room's part; nil where there is none.
func (f *files) linksOf() protocol.Links {
	if f == nil {
		return nil
	}
	return f.links
}

// service is the part of REST; nil where there is none.
func (f *files) service() *attachment.Service {
	if f == nil {
		return nil
	}
	return f.Service
}

// elsewhere is the origin that serves the files in place of this server; empty: none does.
func (f *files) elsewhere(ctx context.Context) string {
	if f == nil {
		return ""
	}
	link, err := f.store.Presign(ctx, "any", time.Minute, blob.Answer{})
	if err != nil { // blob.ErrNoURL, mostly
		return ""
	}
	u, err := url.Parse(link)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

func (f *files) close() error {
	if f == nil {
		return nil
	}
	f.stop()
	f.checking.Wait()
	f.Close()
	return f.store.Close()
}

// blobs is a blob.Blob as package attachment wants one.
type blobs struct{ blob.Blob }

var _ attachment.Blobs = blobs{}

// Put implements attachment.Blobs. What comes through metadata filters has no size yet.
func (b blobs) Put(ctx context.Context, key string, r io.Reader, mime string) (int64, error) {
	n, err := b.Blob.Put(ctx, key, r, blob.SizeUnknown, mime)
	return n, blobFault(err)
}

// Get implements attachment.Blobs.
func (b blobs) Get(ctx context.Context, key string, offset, length int64) (*attachment.Bytes, error) {
	o, err := b.Blob.Get(ctx, key, blob.Range{Offset: offset, Length: length})
	if err != nil {
		return nil, blobFault(err)
	}
	return &attachment.Bytes{ReadCloser: o, Length: o.Part.Length, Size: o.Size, File: o.File}, nil
}

// Delete implements attachment.Blobs.
func (b blobs) Delete(ctx context.Context, key string) error {
	return blobFault(b.Blob.Delete(ctx, key))
}

// Presign implements attachment.Blobs.
func (b blobs) Presign(ctx context.Context, key string, ttl time.Duration, contentType, disposition string) (string, error) {
	url, err := b.Blob.Presign(ctx, key, ttl, blob.Answer{ContentType: contentType, ContentDisposition: disposition})
	if errors.Is(err, blob.ErrNoURL) {
		return "", nil
	}
	return url, blobFault(err)
}

// blobFault says of an error of a store of files what package attachment needs to know. A
// reader's own error stays as it is.
func blobFault(err error) error {
	switch {
	case errors.Is(err, blob.ErrNotFound):
		return fmt.Errorf("%w: %w", attachment.ErrNoBytes, err)
	case errors.Is(err, blob.ErrFull), errors.Is(err, blob.ErrUnavailable), errors.Is(err, blob.ErrKey), errors.Is(err, blob.ErrRange), errors.Is(err, blob.ErrSize):
		return fmt.Errorf("%w: %w", attachment.ErrBlobs, err)
	}
	return err
}
