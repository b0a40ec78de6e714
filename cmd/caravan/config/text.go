package config

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// textBytesMax is how long a file of settings, secrets or keys may be.
const textBytesMax = 1 << 20

// readText reads a file that a person wrote. A byte order mark of UTF-8 is no part
// of what it says; UTF-16 is not understood.
func readText(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, textBytesMax+1))
	if err != nil {
		return "", err
	}
	text := string(content)
	switch {
	case len(text) > textBytesMax:
		return "", fmt.Errorf("%s has more than %d bytes", path, textBytesMax)
	case strings.HasPrefix(text, "\xff\xfe"), strings.HasPrefix(text, "\xfe\xff"):
		return "", fmt.Errorf("%s is UTF-16: save it as UTF-8", path)
	}
	return strings.TrimPrefix(text, "\xef\xbb\xbf"), nil
}
