package config

import (
	"errors"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/caravan-chat/caravan/persist/blob/s3"
	"github.com/caravan-chat/caravan/protocol/media"
)

// What a place of files begins with: a directory, or a bucket of S3.
const (
	FilePrefix   = "file:"
	BucketPrefix = "s3:"
)

// attachments reads where files are kept.
func attachments(into *string) value {
	return func(s string) error {
		if s == "off" {
			s = ""
		}
		dir, isDir := strings.CutPrefix(s, FilePrefix)
		switch {
		case s == "", isDir && dir != "":
		case strings.HasPrefix(s, BucketPrefix):
			if _, err := s3.ParseURL(s, func(string) string { return "given later" }); err != nil {
				return err
			}
		default:
			return errors.New("must be file:PATH, s3://BUCKET/PREFIX?endpoint=URL, or off")
		}
		*into = s
		return nil
	}
}

// checkBucket says whether the environment has the keys of a bucket.
func (c *Config) checkBucket(environ []string) error {
	if !strings.HasPrefix(c.Attachments, BucketPrefix) {
		return nil
	}
	_, err := s3.ParseURL(c.Attachments, func(name string) (value string) {
		for _, line := range environ { // the last one counts, as for os.Getenv
			if v, ok := strings.CutPrefix(line, name+"="); ok {
				value = v
			}
		}
		return value
	})
	if err != nil {
		return &Error{Flag: "attachments", Text: err.Error()}
	}
	return nil
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
