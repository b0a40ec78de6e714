package rest

import (
	"testing"
	"time"

	"github.com/caravan-chat/caravan/protocol"
)

func TestAQuotaOfADayHasRoomAgainWhenTheNextOneBegins(t *testing.T) {
	zone := time.FixedZone("elsewhere", 5*3600)
	for now, want := range map[time.Time]time.Duration{
		time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC):        24 * time.Hour,
		time.Date(2026, 3, 1, 23, 59, 59, 0, time.UTC):     time.Second,
		time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC):     12 * time.Hour,
		time.Date(2026, 3, 1, 4, 0, 0, 0, zone):            time.Hour, // 23:00 of the day before
		time.Date(2026, 3, 1, 23, 59, 59, 999e6, time.UTC): time.Millisecond,
	} {
		if got := quotaWait(protocol.ErrUserQuota, now); got != want {
			t.Errorf("at %v: %v, want %v", now, got, want)
		}
	}
	if got := quotaWait(protocol.ErrRoomQuota, time.Now()); got != fullRoomWait {
		t.Errorf("a full room: %v", got)
	}
}
