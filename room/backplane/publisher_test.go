package backplane

import (
	"testing"
)

func TestPublisherDropsWhatItCannotSend(t *testing.T) {
	b, err := New(Config{URL: "redis://h", Secret: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	b.PublishNotice(types("{}"))
	p := b.slots[0].publisher
	if b.Stats().Dropped != 1 || p.queue.Len() != 0 {
		t.Errorf("without a Redis: %+v, %d wait", b.Stats(), p.queue.Len())
	}
	p.running.Store(true)
	for range noticesMax + 10 {
		b.PublishNotice(types("{}"))
	}
	if n := p.queue.Len(); n != lossyMax {
		t.Errorf("%d notices of typing wait, want %d", n, lossyMax)
	}
	for range noticesMax {
		b.Publish(sample())
	}
	if n := p.queue.Len(); n != noticesMax {
		t.Errorf("%d notices wait, want %d", n, noticesMax)
	}
	p.drop()
	for range 2 * noticeBytesMax >> 20 {
		p.enqueue("c", make([]byte, 1<<20), 1<<20)
	}
	if n := p.queue.Bytes(); n > noticeBytesMax {
		t.Errorf("%d bytes wait", n)
	}
}

// TestNoticesThatWaitFollowTheMemory: all slots together keep what they may.
func TestNoticesThatWaitFollowTheMemory(t *testing.T) {
	for _, c := range []struct {
		url   string
		bytes int64
		each  int
	}{
		{"redis://h", 0, noticeBytesMax}, {"redis://h", 4 << 20, 4 << 20}, {"redis://h", 1 << 40, noticeBytesMax},
		{"redis://a,b", 0, noticeBytesMax}, {"redis://a,b", 4 << 20, 4 << 20 / clusterSlots},
	} {
		b, err := New(Config{URL: c.url, NoticesBytes: c.bytes, Secret: testSecret})
		if err != nil {
			t.Fatal(err)
		}
		if got := b.slotBytes(); got != c.each {
			t.Errorf("%s, %d bytes: %d each", c.url, c.bytes, got)
		}
	}
}
