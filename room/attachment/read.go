package attachment

import (
	"context"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol/media"
	"github.com/caravan-chat/caravan/room"
)

// Found returns the row of a file that may be read. room.ErrNoAttachment where there is none.
func (s *Service) Found(ctx context.Context, id uuid.UUID) (*room.StoredAttachment, error) {
	a, err := s.store.Attachment(ctx, id)
	if err == nil && a.State != room.AttachmentReady {
		err = room.ErrNoAttachment
	}
	return &a, err
}

// LinkWorks reports whether a link works.
func (s *Service) LinkWorks(id uuid.UUID, end, signature string) bool {
	return s.cfg.Links.Works(id, end, signature)
}

// Content is what a file, or its preview, is served as.
type Content struct {
	Key         string
	Size        int64 // below zero: it is known when the bytes are there
	Type        string
	Disposition string
	Tag         string // of an ETag, with its quotes
}

// ContentOf returns how a file is served, or its preview; false where it has none.
func ContentOf(a *room.StoredAttachment, preview bool) (Content, bool) {
	if !preview {
		return Content{Key: a.Key, Size: a.Size, Type: a.MIME, Disposition: Disposition(a.MIME, a.Name), Tag: tag(a.Hash)}, true
	}
	for is, extension := range extensions {
		if strings.HasSuffix(a.PreviewKey, extension) {
			name := strings.TrimSuffix(a.Name, "."+a.Name[strings.LastIndexByte(a.Name, '.')+1:]) + extension
			return Content{Key: a.PreviewKey, Size: -1, Type: string(is), Disposition: Disposition(string(is), name), Tag: `"` + a.PreviewKey + `"`}, true
		}
	}
	return Content{}, false
}

func tag(sum []byte) string { return `"` + hex.EncodeToString(sum) + `"` }

// Open returns a part of what is served. A length below zero goes up to the end.
func (s *Service) Open(ctx context.Context, c *Content, offset, length int64) (*Bytes, error) {
	return s.blobs.Get(ctx, c.Key, offset, length)
}

// Elsewhere returns a URL where the bytes are served; empty: here.
func (s *Service) Elsewhere(ctx context.Context, c *Content) (string, error) {
	return s.blobs.Presign(ctx, c.Key, presignTime, c.Type, c.Disposition)
}

// Served counts what was sent.
func (s *Service) Served(bytes int64) {
	s.stats.downloads.Add(1)
	s.stats.downloadBytes.Add(bytes)
}

// Disposition is what a browser is told to do with a file: what may hold a script is never
// shown.
func Disposition(mime, name string) string {
	how := "attachment"
	if media.Type(mime).Inline() {
		how = "inline"
	}
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, name)
	return how + `; filename="` + plain + `"; filename*=UTF-8''` + string(appendEscaped(nil, name))
}
