package room

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
)

// AttachmentState says where an upload stands.
type AttachmentState string

// The states of an upload. The values are stored.
const (
	AttachmentPending AttachmentState = "pending" // its bytes are not whole, or not judged yet
	AttachmentReady   AttachmentState = "ready"   // its bytes are there, and a message may have it, or has
	AttachmentGone    AttachmentState = "gone"    // nobody may read it any more: its bytes are to be deleted
)

// PreviewBytesMax is the size of a preview at most. Of what a user has uploaded it counts as
// much, as nobody notes how large one is.
const PreviewBytesMax = 100 << 10

// StoredAttachment is the row of an upload. It is there before its bytes, and goes after them.
type StoredAttachment struct {
	protocol.Attachment
	Room, Uploader uuid.UUID
	Message        uuid.UUID // the message that has it; zero: none
	State          AttachmentState
	Key            string // of its bytes
	PreviewKey     string // of its preview's; empty: it has none
	Hash           []byte // SHA-256 of its bytes
	CreatedAt      time.Time
}

// Errors of an AttachmentStore, to be tested with errors.Is.
var (
	ErrNoAttachment = errors.New("no such attachment")
	ErrQuota        = errors.New("the user has uploaded as much as a day may have")
)

// LeasedAgain is how many times as long a row is leased that was leased before.
const LeasedAgain = 10

// AttachmentStore keeps the rows of uploads. A message takes its attachments, and a deleted one
// lets go of them, by Store.Append. Its methods are safe for concurrent use; their errors are
// as those of a Store.
type AttachmentStore interface {
	// AddAttachment stores a row that is pending.
	AddAttachment(ctx context.Context, a *StoredAttachment) error

	// ReadyAttachment makes a pending row ready, with what became known of it meanwhile.
	// Where it is ready already with the same bytes, as of a call of whose answer nobody heard,
	// that is all. ErrNoAttachment where it is not pending any more; ErrQuota where its uploader
	// would have more than so many bytes that were ready within the last 24 hours, previews
	// included, zero: any.
	ReadyAttachment(ctx context.Context, a *StoredAttachment, quota int64) error

	// PreviewAttachment gives the bytes of a pending row to a ready one that no message has, as
	// its preview. The pending row goes; where there was a preview before, a row that is gone has
	// that one's bytes, under another id. Where the preview is there already that is all.
	// ErrNoAttachment where there is no such ready row; ErrQuota as with ReadyAttachment.
	PreviewAttachment(ctx context.Context, id uuid.UUID, preview *StoredAttachment, quota int64) error

	// Attachment returns a row. ErrNoAttachment where there is none.
	Attachment(ctx context.Context, id uuid.UUID) (StoredAttachment, error)

	// UploadedBytes returns how many bytes of a user's were ready within the last 24 hours,
	// previews included.
	UploadedBytes(ctx context.Context, user uuid.UUID) (int64, error)

	// LoseAttachment makes a row gone that no message has, and leases it for so long: until then
	// nobody sweeps it. ErrNoAttachment where there is none.
	LoseAttachment(ctx context.Context, id uuid.UUID, lease time.Duration) error

	// LeaseAttachments returns rows that are gone, and makes those gone before that no message
	// has taken for so long, the oldest first, at most limit. For the time of the lease nobody
	// else gets them; what was leased before, and is still there, is leased LeasedAgain times as
	// long, so that others have their turn.
	LeaseAttachments(ctx context.Context, unused, lease time.Duration, limit int) ([]StoredAttachment, error)

	// ForgetAttachments deletes rows that are gone.
	ForgetAttachments(ctx context.Context, ids []uuid.UUID) error

	// Attachments lists rows by their ids, beginning after the id given (zero: from the first),
	// at most limit.
	Attachments(ctx context.Context, after uuid.UUID, limit int) ([]StoredAttachment, error)

	// FindAttachments returns which of these have rows.
	FindAttachments(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]StoredAttachment, error)
}
