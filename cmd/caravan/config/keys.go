package config

import (
	"os"
	"strings"
)

// keyFileBytesMax bounds what is read of a file that was named as a key.
const keyFileBytesMax = 1 << 20

// readKeys turns the settings that name keys into the keys.
func (c *Config) readKeys() error {
	if c.secret != "" && c.secretFile != "" {
		return &Error{Flag: "jwt-secret-file", Text: "excludes --jwt-secret: give one of them"}
	}
	switch {
	case c.secretFile != "":
		content, err := readKeyFile("jwt-secret-file", c.secretFile)
		if err != nil {
			return err
		}
		secret := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
		if secret == "" {
			return &Error{Flag: "jwt-secret-file", Text: "the file " + c.secretFile + " is empty"}
		}
		c.JWT.Secret = []byte(secret)
	case c.secret != "":
		c.JWT.Secret = []byte(c.secret)
	case c.Dev:
		c.JWT.Secret = []byte(DevelopmentSecret)
	}
	for path := range strings.SplitSeq(c.publicKeyFile, ",") {
		if path = strings.TrimSpace(path); path == "" {
			continue
		}
		pem, err := readKeyFile("jwt-public-key-file", path)
		if err != nil {
			return err
		}
		c.JWT.PublicKeys = append(c.JWT.PublicKeys, pem)
	}
	return nil
}

func readKeyFile(flag, path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, &Error{Flag: flag, Text: err.Error()}
	}
	if info.Size() > keyFileBytesMax {
		return nil, &Error{Flag: flag, Text: path + " is too large for a key"}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, &Error{Flag: flag, Text: err.Error()}
	}
	return content, nil
}
