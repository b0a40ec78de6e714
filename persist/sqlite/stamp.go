package sqlite

import (
	"fmt"
	"time"
)

// stampLayout is how times are written: UTC, microseconds, fixed width, so that
// text order is time order.
const stampLayout = "2006-01-02 15:04:05.000000"

// formatStamp writes each digit by itself, in a fourth of the time that Format takes: a message
// has two times.
func formatStamp(t time.Time) string {
	t = t.UTC()
	year, month, day := t.Date()
	if year < 0 || year > 9999 {
		return t.Format(stampLayout)
	}
	hour, minute, second := t.Clock()
	text := [len(stampLayout)]byte([]byte(stampLayout))
	for _, part := range [...]struct{ end, value, digits int }{
		{4, year, 4}, {7, int(month), 2}, {10, day, 2}, {13, hour, 2}, {16, minute, 2}, {19, second, 2}, {26, t.Nanosecond() / 1000, 6},
	} {
		for at, rest := part.end, part.value; at > part.end-part.digits; rest /= 10 {
			at--
			text[at] = byte('0' + rest%10)
		}
	}
	return string(text[:])
}

// The forms of time that other programs write, beside stampLayout: parsing takes
// any number of decimals after the seconds.
var stampLayouts = [...]string{
	"2006-01-02 15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02T15:04:05",
	"2006-01-02T15:04:05Z07:00",
	"2006-01-02",
}

// stamp scans a time.
type stamp struct{ *time.Time }

// Scan reads text, or the time that the driver makes of text in a column that is
// declared as TIMESTAMP or DATETIME.
func (s stamp) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*s.Time = time.Unix(0, 0).UTC()
		return nil
	case time.Time:
		*s.Time = v.UTC().Truncate(time.Microsecond)
		return nil
	case string:
		for _, layout := range stampLayouts {
			if t, err := time.Parse(layout, v); err == nil {
				*s.Time = t.UTC().Truncate(time.Microsecond)
				return nil
			}
		}
	}
	return fmt.Errorf("%v is not a time", value)
}
