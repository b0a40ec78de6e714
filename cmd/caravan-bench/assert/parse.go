// Package assert holds a report against conditions such as `p99<50ms,lost==0`. It is pure,
// and what it returns is safe for concurrent use.
package assert

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/caravan-chat/caravan/cmd/commandline"
)

// Condition is a figure of a report, compared with a value.
type Condition struct {
	Name  string  // of the figure
	Op    string  // one of <, <=, >, >=, ==, !=
	Value float64 // in the unit that the report has it in
	Text  string  // as it was written
}

const (
	conditionsMax = 64
	textMax       = 4096
)

// ops are the comparisons, the longer ones before those that they begin with.
var ops = []string{"<=", ">=", "==", "!=", "<", ">"}

// Parse reads conditions with commas between them.
func Parse(text string) ([]Condition, error) {
	if len(text) > textMax {
		return nil, fmt.Errorf("%d bytes are too many: at most %d", len(text), textMax)
	}
	parts := strings.Split(text, ",")
	if len(parts) > conditionsMax {
		return nil, fmt.Errorf("%d conditions are too many: at most %d", len(parts), conditionsMax)
	}
	var all []Condition
	for _, part := range parts {
		c, err := parseOne(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func parseOne(text string) (Condition, error) {
	if text == "" {
		return Condition{}, fmt.Errorf("a condition is empty; an example: p99<50ms,lost==0")
	}
	at := strings.IndexAny(text, "<>=!")
	if at < 0 {
		return Condition{}, fmt.Errorf("%q compares nothing: it needs one of %s", text, strings.Join(ops, " "))
	}
	c := Condition{Name: strings.ToLower(strings.TrimSpace(text[:at])), Text: text}
	for _, op := range ops {
		if strings.HasPrefix(text[at:], op) {
			c.Op = op
			break
		}
	}
	if c.Op == "" {
		return c, fmt.Errorf("%q: there is no such comparison; use one of %s", text, strings.Join(ops, " "))
	}
	f, ok := figures[c.Name]
	if !ok {
		return c, noSuchFigure(c.Name)
	}
	var err error
	if c.Value, err = f.unit.parse(strings.TrimSpace(text[at+len(c.Op):])); err != nil {
		return c, fmt.Errorf("%q: %w", text, err)
	}
	return c, nil
}

func noSuchFigure(name string) error {
	known := slices.Sorted(maps.Keys(figures))
	if meant := commandline.Nearest(name, known); meant != "" {
		return fmt.Errorf("there is no figure %q; did you mean %s?", name, meant)
	}
	return fmt.Errorf("there is no figure %q; there are %s", name, strings.Join(known, ", "))
}

// Holds reports whether the condition holds for a value.
func (c *Condition) Holds(v float64) bool {
	switch c.Op {
	case "<":
		return v < c.Value
	case "<=":
		return v <= c.Value
	case ">":
		return v > c.Value
	case ">=":
		return v >= c.Value
	case "==":
		return v == c.Value
	}
	return v != c.Value
}

// unit is what a figure is counted in.
type unit uint8

const (
	count unit = iota
	rate       // a second
	micros
	bytes
	share // of 1
)

// suffixes are what may stand behind a number, and what it is worth in the report's unit.
var suffixes = [...]map[string]float64{
	count:  {"": 1, "k": 1e3, "M": 1e6},
	rate:   {"": 1, "/s": 1, "k": 1e3, "k/s": 1e3, "M": 1e6, "M/s": 1e6},
	micros: {"ns": 1e-3, "us": 1, "µs": 1, "ms": 1e3, "s": 1e6, "m": 60e6},
	bytes:  {"": 1, "B": 1, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30},
	share:  {"%": 0.01, "": 1},
}

func (u unit) parse(text string) (float64, error) {
	end := len(text)
	for end > 0 && !isNumeral(text[end-1]) {
		end--
	}
	n, err := strconv.ParseFloat(text[:end], 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, fmt.Errorf("%q is no number", text)
	}
	suffix := strings.TrimSpace(text[end:])
	worth, ok := suffixes[u][suffix]
	switch {
	case ok:
		return n * worth, nil
	case u == micros && suffix == "" && n == 0:
		return 0, nil
	case u == micros && suffix == "":
		return 0, fmt.Errorf("a time needs a unit, such as %sms", text)
	}
	known := slices.DeleteFunc(slices.Sorted(maps.Keys(suffixes[u])), func(s string) bool { return s == "" })
	return 0, fmt.Errorf("there is no unit %q here; there are %s", suffix, strings.Join(known, ", "))
}

func isNumeral(c byte) bool { return c >= '0' && c <= '9' || c == '.' }
