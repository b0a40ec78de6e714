package spec

import (
	"embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// The specifications, by the names of their files.
const (
	OpenAPI  = "openapi.yaml"
	AsyncAPI = "asyncapi.yaml"
)

//go:embed openapi.yaml asyncapi.yaml
var files embed.FS

// Document is a specification as YAML reads it: maps by strings, arrays, and plain values.
type Document map[string]any

// Documents returns the specifications, by the names of their files.
func Documents() (map[string]Document, error) { return documents() }

var documents = sync.OnceValues(func() (map[string]Document, error) {
	all := make(map[string]Document)
	for _, name := range []string{OpenAPI, AsyncAPI} {
		text, err := files.ReadFile(name)
		if err != nil {
			return nil, err
		}
		var d map[string]any
		if err := yaml.Unmarshal(text, &d); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[name] = d
	}
	return all, nil
})

// Object returns what stands under keys, one within another; nil: there is no object.
func (d Document) Object(keys ...string) map[string]any { return within(d, keys...) }

func within(of map[string]any, keys ...string) map[string]any {
	for _, key := range keys {
		of, _ = of[key].(map[string]any)
	}
	return of
}

// resolve follows the reference that a value is, if it is one. at is the place of the value, a file
// and a pointer in it; the place of what is returned comes with it.
func resolve(value any, at string) (any, string, error) {
	object, _ := value.(map[string]any)
	ref, is := object["$ref"].(string)
	if !is {
		return value, at, nil
	}
	all, err := Documents()
	if err != nil {
		return nil, "", err
	}
	file, pointer, _ := strings.Cut(ref, "#")
	if file = strings.TrimPrefix(file, "./"); file == "" {
		file, _, _ = strings.Cut(at, "#")
	}
	var found any = map[string]any(all[file])
	for key := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		next, _ := found.(map[string]any)
		if found, is = next[unescape(key)]; !is {
			return nil, "", fmt.Errorf("%s: nothing is at %s", at, ref)
		}
	}
	return resolve(found, file+"#"+pointer)
}

// escape and unescape write and read a key as a JSON pointer has it.
func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}

func unescape(key string) string { return strings.NewReplacer("~1", "/", "~0", "~").Replace(key) }

// sorted returns the keys of a map in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
