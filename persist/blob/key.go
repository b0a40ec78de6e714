package blob

import "fmt"

// KeyBytesMax bounds a key: with its prefix it stays below what file systems and S3 take.
const KeyBytesMax = 128

// CheckKey returns ErrKey unless a key is 1 to KeyBytesMax of a-z, 0-9, "-", "_" and ".",
// and begins with a letter or a digit. So a key is one name of a file: it cannot lead out
// of a directory, hide in it, or be another key on a disk that knows no capitals.
func CheckKey(key string) error {
	if key == "" || len(key) > KeyBytesMax {
		return fmt.Errorf("%w: it has %d bytes", ErrKey, len(key))
	}
	for i, c := range []byte(key) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case i > 0 && (c == '-' || c == '_' || c == '.'):
		default:
			return fmt.Errorf("%w: %q", ErrKey, key)
		}
	}
	return nil
}
