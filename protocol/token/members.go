package token

import (
	"bytes"
	"encoding/json"
	"iter"
	"strconv"
	"unicode/utf8"
)

// members returns the members of a JSON object in their order: each name, and
// its value as it is written. The text must be one valid object without white
// space around it.
func members(object []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, value []byte) bool) {
		at := skipSpace(object, 1)
		for object[at] != '}' {
			end := skipValue(object, at)
			name := memberName(object[at:end])
			at = skipSpace(object, end)
			at = skipSpace(object, at+1) // the colon
			end = skipValue(object, at)
			if !yield(name, object[at:end]) {
				return
			}
			if at = skipSpace(object, end); object[at] == ',' {
				at = skipSpace(object, at+1)
			}
		}
	}
}

// memberName is what a JSON string stands for.
func memberName(written []byte) []byte {
	if isPlain(written) {
		return written[1 : len(written)-1]
	}
	var name string
	_ = json.Unmarshal(written, &name) // it is a valid one
	return []byte(name)
}

// isPlain reports whether a value is a string that is written as it reads.
func isPlain(value []byte) bool {
	return value[0] == '"' && bytes.IndexByte(value, '\\') < 0 && utf8.Valid(value)
}

// readText reads a value that must be a string or null. The usual string costs no
// decoder.
func readText(value []byte, into *string) error {
	if !isPlain(value) {
		return json.Unmarshal(value, into)
	}
	if value = value[1 : len(value)-1]; string(value) == accessType {
		*into = accessType // without a copy
		return nil
	}
	*into = string(value)
	return nil
}

// readNumber reads a value that must be a number or null.
func readNumber(value []byte, into **float64) error {
	if value[0] != '-' && (value[0] < '0' || value[0] > '9') {
		return json.Unmarshal(value, into)
	}
	n, err := strconv.ParseFloat(string(value), 64)
	*into = &n
	return err
}

// skipSpace returns where the white space that begins at i ends.
func skipSpace(text []byte, i int) int {
	for text[i] == ' ' || text[i] == '\t' || text[i] == '\n' || text[i] == '\r' {
		i++
	}
	return i
}

// skipValue returns where the value that begins at i ends.
func skipValue(text []byte, i int) int {
	depth := 0
	for ; ; i++ {
		switch text[i] {
		case '"':
			i = skipString(text, i)
			if depth == 0 {
				return i
			}
			i--
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // of a number or a word, the last of its object
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\n', '\r':
			if depth == 0 {
				return i
			}
		}
	}
}

// skipString returns where the string that begins at i ends.
func skipString(text []byte, i int) int {
	for i++; text[i] != '"'; i++ {
		if text[i] == '\\' {
			i++
		}
	}
	return i + 1
}
