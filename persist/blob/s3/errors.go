package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/minio/minio-go/v7"

	"github.com/caravan-chat/caravan/persist/blob"
)

// full are the codes of servers that have no room left. Amazon's always has.
var full = []string{"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}

// fault names what the server said, or why it could not be asked.
func fault(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err() // of which all else is a consequence
	}
	answer, name := minio.ToErrorResponse(err), blob.ErrUnavailable
	switch {
	case answer.Code == minio.NoSuchKey:
		return blob.ErrNotFound
	case slices.Contains(full, answer.Code), answer.StatusCode == http.StatusInsufficientStorage:
		name = blob.ErrFull
	}
	return fmt.Errorf("%w: %s: %w", name, doing, err)
}

// beyond reports whether the server says that a range begins beyond the end.
func beyond(err error) bool {
	return err != nil && minio.ToErrorResponse(err).StatusCode == http.StatusRequestedRangeNotSatisfiable
}

var errNoBucket = errors.New("there is no such bucket, or it may not be listed")
