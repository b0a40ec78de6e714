package metrics

import (
	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/room/attachment"
)

// What is read of the files that members upload.
var (
	uploadsNow    = gauge("uploads_in_flight", "Files that are being uploaded.")
	uploadsWait   = gauge("uploads_waiting", "Uploads that wait for their turn.")
	uploads       = counter("uploads", "Files that were stored, by what became of their metadata: there was none, it was cut, or some is left.", "metadata")
	uploadBytes   = counter("upload_bytes", "Bytes of those files.")
	uploadRefused = counter("uploads_refused", "Files that were refused, by code.", "code")
	uploadFailed  = counter("uploads_failed", "Uploads that ended before their end: the client left or was too slow, or the store of files failed.")
	scanFailures  = counter("upload_scan_failures", "Files that the scanner did not judge, and that were not stored.")
	downloads     = counter("downloads", "Files, or parts of them, that this server sent.")
	downloadBytes = counter("download_bytes", "Bytes of those.")
	swept         = counter("attachments_swept", "Files that were deleted: their message was, or nobody used them for a day.")
	sweepFailures = counter("attachment_sweep_failures", "Sweeps that could not delete a file. It is tried again.")
)

// uploadRefusals are the codes of files that are refused.
var uploadRefusals = []protocol.Code{protocol.CodeAttachmentTooLarge, protocol.CodeAttachmentType, protocol.CodeAttachmentRejected, protocol.CodeQuota}

func (s sink) files(n attachment.Stats) {
	s.number(uploadsNow, float64(n.UploadsNow))
	s.number(uploadsWait, float64(n.WaitingNow))
	for metadata, count := range n.Metadata {
		s.number(uploads, float64(count), metadata)
	}
	s.number(uploadBytes, float64(n.UploadBytes))
	for code, count := range withZeros(n.Refused, uploadRefusals) {
		s.number(uploadRefused, float64(count), string(code))
	}
	s.number(uploadFailed, float64(n.Failed))
	s.number(scanFailures, float64(n.ScanFailures))
	s.number(downloads, float64(n.Downloads))
	s.number(downloadBytes, float64(n.DownloadBytes))
	s.number(swept, float64(n.Swept))
	s.number(sweepFailures, float64(n.SweepFailures))
}
