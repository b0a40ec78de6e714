package s3_test

import (
	"strings"
	"testing"

	"github.com/caravan-chat/caravan/persist/blob/s3"
)

func TestParseURL(t *testing.T) {
	for url, want := range map[string]s3.Config{
		"s3://photos":                          {Bucket: "photos", Region: "us-east-1", Endpoint: "s3.us-east-1.amazonaws.com"},
		"s3://photos/a/b/?region=eu-central-1": {Bucket: "photos", Prefix: "a/b/", Region: "eu-central-1", Endpoint: "s3.eu-central-1.amazonaws.com"},
		"s3://photos/?endpoint=http://127.0.0.1:9000&proxy=true": {Bucket: "photos", Region: "us-east-1", Endpoint: "127.0.0.1:9000", Insecure: true, Proxy: true},
		"s3://photos/chat?endpoint=https://s3.example.com/":      {Bucket: "photos", Prefix: "chat/", Region: "us-east-1", Endpoint: "s3.example.com"},
	} {
		want.AccessKey, want.SecretKey = keys("AWS_ACCESS_KEY_ID"), keys("AWS_SECRET_ACCESS_KEY")
		if got, err := s3.ParseURL(url, keys); err != nil || got != want {
			t.Errorf("%s: %+v, %v", url, got, err)
		}
	}
}

func TestBadURLsAreRefused(t *testing.T) {
	for _, url := range []string{
		"", "photos", "http://photos", "s3://", "s3:photos", "s3://Photos", "s3://p", "s3://user:secret@photos", "s3://photos/a/../b", "s3://photos/a//b", "s3://photos/" + strings.Repeat("a", 513),
		"s3://photos?endpoint=s3.example.com", "s3://photos?endpoint=ftp://x", "s3://photos?endpoint=https://x/path", "s3://photos?endpoint=https://user:secret@x", "s3://photos?proxy=perhaps",
		"s3://photos?regoin=x", "s3://photos?region=a&region=b", "s3://photos?region=", "s3://photos?%zz", "s3://photos%zz", "s3://photos#x",
	} {
		if c, err := s3.ParseURL(url, keys); err == nil {
			t.Errorf("%q: %+v", url, c)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error tells a secret: %v", url, err)
		}
	}
	if _, err := s3.ParseURL("s3://photos", func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
		t.Errorf("without keys: %v", err)
	}
}
