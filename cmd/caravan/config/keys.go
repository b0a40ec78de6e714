package config

import (
	"fmt"
	"strings"

	"github.com/caravan-chat/caravan/protocol/token"
)

// readKeys turns the settings that name keys into the keys.
func (c *Config) readKeys() error {
	if c.secret != "" && c.secretFile != "" {
		return &Error{Flag: "jwt-secret-file", Text: "excludes --jwt-secret: give one of them"}
	}
	switch {
	case c.secretFile != "":
		content, err := readText(c.secretFile)
		if err != nil {
			return &Error{Flag: "jwt-secret-file", Text: err.Error()}
		}
		// Editors and shells put newlines there; no issuer means them.
		secret := strings.TrimRight(content, " \t\r\n")
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
		pem, err := readPublicKeys(path)
		if err != nil {
			return &Error{Flag: "jwt-public-key-file", Text: err.Error()}
		}
		c.JWT.PublicKeys = append(c.JWT.PublicKeys, pem)
	}
	return nil
}

func readPublicKeys(path string) ([]byte, error) {
	content, err := readText(path)
	if err != nil {
		return nil, err
	}
	if err := token.CheckPublicKeys([]byte(content)); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return []byte(content), nil
}

// secretBytesMin is what HS256 asks of a key (RFC 7518, section 3.2).
const secretBytesMin = 32

// weakSecret judges a secret that can be found out: whoever has one token can try out all
// short ones. It is refused, unless the operator says that it must do.
func (c *Config) weakSecret() (warnings []string, err error) {
	flag := "jwt-secret"
	if c.secretFile != "" {
		flag = "jwt-secret-file"
	}
	n := len(c.JWT.Secret)
	switch weak := fmt.Sprintf("the secret has %d bytes: whoever has a token can find it out by trying, and then sign tokens", n); {
	case c.Dev || n == 0:
	case string(c.JWT.Secret) == DevelopmentSecret:
		warnings = append(warnings, "--"+flag+": everybody knows this secret, it is that of --dev: anybody can sign tokens")
	case n < secretBytesMin && c.AllowWeakSecret:
		warnings = append(warnings, "--"+flag+": "+weak)
	case n < secretBytesMin:
		return nil, &Error{Flag: flag, Text: fmt.Sprintf("%s; give it %d random ones or more (openssl rand -hex %d), or say --allow-weak-secret for one that is in use", weak, secretBytesMin, secretBytesMin)}
	}
	return warnings, nil
}
