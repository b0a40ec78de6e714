package s3

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Config says where the bucket is.
type Config struct {
	Bucket string
	Prefix string // of all keys, with a slash at its end; empty for none
	Region string

	Endpoint string // host, and port where it is not the usual one
	Insecure bool   // http and not https

	// Proxy lets the bucket give out nothing by itself: Presign returns blob.ErrNoURL.
	Proxy bool

	AccessKey, SecretKey, SessionToken string
}

const defaultRegion = "us-east-1"

// Where the keys stand in the environment, as other programs expect them there.
const (
	accessKeyVariable    = "AWS_ACCESS_KEY_ID"
	secretKeyVariable    = "AWS_SECRET_ACCESS_KEY"
	sessionTokenVariable = "AWS_SESSION_TOKEN"
)

// bucketName is what all servers take: a name that can be part of a host's, too.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

// ParseURL understands s3://BUCKET/PREFIX?endpoint=URL&region=NAME&proxy=true. Without an
// endpoint it is Amazon's of the region. The keys come from the environment.
func ParseURL(text string, getenv func(string) string) (Config, error) {
	u, err := url.Parse(text)
	if err != nil {
		return Config{}, fmt.Errorf("not a URL: %w", errors.Unwrap(err)) // what it quotes may hold a secret
	}
	if u.Scheme != "s3" || u.Opaque != "" || u.User != nil || u.Fragment != "" || !bucketName.MatchString(u.Host) {
		return Config{}, errors.New("want s3://BUCKET/PREFIX?endpoint=URL&region=NAME, with the keys in the environment")
	}
	c := Config{Bucket: u.Host, Region: defaultRegion, AccessKey: getenv(accessKeyVariable), SecretKey: getenv(secretKeyVariable), SessionToken: getenv(sessionTokenVariable)}
	if c.Prefix, err = prefixOf(u.Path); err != nil {
		return Config{}, err
	}
	if err := c.options(u.RawQuery); err != nil {
		return Config{}, err
	}
	if c.Endpoint == "" {
		c.Endpoint = "s3." + c.Region + ".amazonaws.com"
	}
	if c.AccessKey == "" || c.SecretKey == "" {
		return Config{}, fmt.Errorf("the environment must have %s and %s", accessKeyVariable, secretKeyVariable)
	}
	return c, nil
}

// prefixOf returns a path as the beginning of keys.
func prefixOf(path string) (string, error) {
	const prefixBytesMax = 512 // a key may have 1,024
	path = strings.Trim(path, "/")
	if path == "" {
		return "", nil
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." {
			return "", errors.New("the prefix has a part that is empty or made of dots")
		}
	}
	if len(path) > prefixBytesMax {
		return "", fmt.Errorf("the prefix is longer than %d bytes", prefixBytesMax)
	}
	return path + "/", nil
}

func (c *Config) options(query string) error {
	options, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("what follows the question mark cannot be read")
	}
	for name, values := range options {
		value := values[0]
		switch {
		case len(values) > 1:
			return fmt.Errorf("%s is given twice", name)
		case name == "endpoint":
			if err := c.endpoint(value); err != nil {
				return err
			}
		case name == "region" && value != "":
			c.Region = value
		case name == "proxy":
			if c.Proxy, err = strconv.ParseBool(value); err != nil {
				return errors.New("proxy is true or false")
			}
		default:
			return fmt.Errorf("%s is not known: want endpoint, region or proxy", name)
		}
	}
	return nil
}

func (c *Config) endpoint(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return errors.New("the endpoint is a URL such as https://s3.example.com")
	}
	c.Endpoint, c.Insecure = u.Host, u.Scheme == "http"
	return nil
}
