package config

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/caravan-chat/caravan/protocol/media"
)

// FilePrefix begins a place of files that is a directory.
const FilePrefix = "file:"

// attachments reads where files are kept.
func attachments(into *string) value {
	return func(s string) error {
		if s == "off" {
			s = ""
		}
		if dir, ok := strings.CutPrefix(s, FilePrefix); s != "" && (!ok || dir == "") {
			return errors.New("must be file:PATH or off")
		}
		*into = s
		return nil
	}
}

// devAttachments is where --dev keeps files: beside the database; empty where that is none.
func (c *Config) devAttachments() string {
	path, ok := strings.CutPrefix(c.Database, "sqlite:")
	if !ok {
		return ""
	}
	return FilePrefix + filepath.Join(filepath.Dir(path), "attachments")
}

func mimeTypes(into *media.Allowed) value {
	return func(s string) error {
		allowed, ok := media.ParseAllowed(s)
		if !ok {
			return errors.New("must be MIME types with commas between them, such as image/*,application/pdf")
		}
		*into = allowed
		return nil
	}
}

// httpURL reads a URL of a service; empty is none.
func httpURL(into *string) value {
	return func(s string) error {
		u, err := url.Parse(s)
		if s != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			return errors.New("must be an http:// or https:// URL")
		}
		*into = s
		return nil
	}
}

// origin reads the scheme and host of a server; empty is none.
func origin(into *string) value {
	return func(s string) error {
		s = strings.TrimSuffix(s, "/")
		u, err := url.Parse(s)
		if s != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != s || strings.ContainsAny(s, `"\`)) {
			return errors.New("must be a scheme and a host, such as https://chat.example.com")
		}
		*into = s
		return nil
	}
}
