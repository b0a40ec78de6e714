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
