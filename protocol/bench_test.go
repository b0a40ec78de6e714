package protocol

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// benchText is 256 bytes of English, some of it not ASCII.
var benchText = strings.Repeat("Où est le train pour Zürich ? — ", 7)[:236] + "12345678901234567890"

func benchFrame() []byte {
	return []byte(`{"type":"chat_message","content":` + string(appendString(nil, benchText)) + `,"client_id":"0189f7e5-17"}`)
}

func BenchmarkDecodeFrame(b *testing.B) {
	frame := benchFrame()
	rules := Rules{ContentRunesMax: ContentRunesMaxDefault}
	b.Run("caravan", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(frame)))
		var f Frame
		for b.Loop() {
			if e := DecodeFrame(frame, &f, &rules); e != nil {
				b.Fatal(e)
			}
		}
	})
	b.Run("ping", func(b *testing.B) {
		b.ReportAllocs()
		ping := []byte(`{"type":"ping"}`)
		var f Frame
		for b.Loop() {
			if e := DecodeFrame(ping, &f, &rules); e != nil {
				b.Fatal(e)
			}
		}
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(frame)))
		for b.Loop() {
			var f struct {
				Type        string  `json:"type"`
				Content     string  `json:"content"`
				MessageType *string `json:"message_type"`
				ReplyTo     *string `json:"reply_to"`
				ClientID    *string `json:"client_id"`
			}
			if err := json.Unmarshal(frame, &f); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// costlyTexts are frames of 160 KB that ask for much work in each byte.
var costlyTexts = map[string]string{
	"arrays":      `{"a":[` + strings.Repeat(`[],`, 160<<10/3) + `1]}`,
	"deep arrays": `{"a":[` + strings.Repeat(strings.Repeat(`[`, 70)+strings.Repeat(`]`, 70)+`,`, 160<<10/141) + `1]}`,
	"keys":        `{` + strings.Repeat(`"":0,`, 160<<10/5) + `"a":1}`,
	"known keys":  `{` + strings.Repeat(`"type":[],`, 160<<10/10) + `"a":1}`,
	"long keys":   `{` + strings.Repeat(`"`+strings.Repeat(`\u0061`, 100)+`":0,`, 160<<10/605) + `"a":1}`,
	"a number":    `{"a":` + strings.Repeat(`9`, 160<<10) + `}`,
	"escapes":     `{"a":"` + strings.Repeat(`\u0001`, 160<<10/6) + `"}`,
}

func BenchmarkDecodeCostly(b *testing.B) {
	rules := Rules{ContentRunesMax: ContentRunesMaxDefault}
	for name, text := range costlyTexts {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			p := []byte(text)
			var f Frame
			for b.Loop() {
				DecodeFrame(p, &f, &rules)
			}
		})
	}
}

// TestCostlyTextsAllocateNothing: what a text asks for does not grow with what is in it.
func TestCostlyTextsAllocateNothing(t *testing.T) {
	rules := Rules{ContentRunesMax: ContentRunesMaxDefault}
	for name, text := range costlyTexts {
		p := []byte(text)
		var f Frame
		if n := testing.AllocsPerRun(10, func() { DecodeFrame(p, &f, &rules) }); n > 1 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// jsonMessage is a Message as encoding/json would be told to write it.
type jsonMessage struct {
	ID     string `json:"id"`
	RoomID string `json:"chat_room_id"`
	Sender struct {
		ID       string `json:"id"`
		Email    string `json:"email"`
		Username string `json:"username"`
		FullName string `json:"full_name"`
	} `json:"sender"`
	Content   string    `json:"content"`
	Type      string    `json:"message_type"`
	ReplyTo   *struct{} `json:"reply_to"`
	IsEdited  bool      `json:"is_edited"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
	Seq       int64     `json:"seq"`
	Rev       int64     `json:"rev"`
}

func BenchmarkAppendMessage(b *testing.B) {
	m := sampleMessage()
	m.Content = benchText
	b.Run("caravan", func(b *testing.B) {
		b.ReportAllocs()
		var dst []byte
		for b.Loop() {
			dst = AppendMessage(dst[:0], &m)
		}
		b.SetBytes(int64(len(dst)))
	})
	b.Run("encoding/json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			j := jsonMessage{
				ID: m.ID.String(), RoomID: m.RoomID.String(), Content: m.Content, Type: string(m.Type),
				CreatedAt: m.CreatedAt, UpdatedAt: m.UpdatedAt, Seq: m.Seq, Rev: m.Rev,
			}
			j.Sender.ID, j.Sender.Email, j.Sender.Username, j.Sender.FullName =
				m.Sender.ID.String(), m.Sender.Email, m.Sender.Username, m.Sender.FullName()
			text, err := json.Marshal(&j)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(text)))
		}
	})
}

func BenchmarkAppendEvent(b *testing.B) {
	m := sampleMessage()
	m.Content = benchText
	body := AppendMessage(nil, &m)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendEvent(dst[:0], KindMessage, body, 9, 8, Live)
	}
}
