package app_test

import (
	"bytes"
	"testing"

	"github.com/caravan-chat/caravan/bench/await"
)

// TestWhatSomebodyIsWokenByIsToldBeforeItHappens: rate() knows no increase of a series that
// begins with its first event.
func TestWhatSomebodyIsWokenByIsToldBeforeItHappens(t *testing.T) {
	s := start(t, sqliteFile(t))
	body := s.admin("/metrics").body
	for _, line := range []string{
		`caravan_refusals_total{code="unavailable"} 0`, `caravan_refusals_total{code="unknown_outcome"} 0`, `caravan_refusals_total{code="internal"} 0`,
		`caravan_closes_total{code="4008"} 0`, `caravan_closes_total{code="4001"} 0`, `caravan_closes_total{code="1006"} 0`,
		`caravan_rooms_left_total{code="4003"} 0`,
		`caravan_panics_total{where="socket"} 0`, `caravan_panics_total{where="rest"} 0`, `caravan_panics_total{where="room"} 0`,
		`caravan_connects_refused_total{reason="connections"} 0`, `caravan_connects_refused_total{reason="http"} 0`,
		`caravan_connects_refused_total{reason="unavailable"} 0`, `caravan_connects_refused_total{reason="unauthorized"} 0`,
		`caravan_reads_refused_total{reason="busy"} 0`, `caravan_drops_total{reason="slow"} 0`, `caravan_accept_failures_total 0`,
		`caravan_events_total{kind="chat_message"} 0`, `caravan_rooms_set_back_total 0`, `caravan_quota_refusals_total{quota="room-bytes"} 0`,
		`caravan_rest_requests_total{route="messages",status="503"} 0`, `caravan_rest_requests_total{route="page",status="500"} 0`,
		`caravan_rest_requests_total{route="long_poll",status="503"} 0`,
	} {
		if !bytes.Contains(body, []byte(line+"\n")) {
			t.Errorf("%s is not there", line)
		}
	}

	// The way of an event is measured once it is told.
	member, _ := s.join(0, 0)
	member.send(`{"type":"chat_message","content":"x"}`)
	member.read()
	for _, stage := range []string{"lane", "tell", "write", "all"} {
		line := `caravan_stage_seconds_count{stage="` + stage + `"} 1`
		await.Until(t, line, func() bool { return s.measures(line) })
	}
}
