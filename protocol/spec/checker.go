package spec

import (
	"bytes"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Checker holds JSON texts against the schemas of the specifications, more strictly than a client
// should: a member that is not named is a fault. It remembers which of them it has seen. Safe for
// concurrent use.
type Checker struct {
	mu       sync.Mutex // guards the following
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by place
	seen     map[string]bool               // places of properties
}

// NewChecker reads the specifications.
func NewChecker() (*Checker, error) {
	all, err := Documents()
	if err != nil {
		return nil, err
	}
	c := &Checker{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}, seen: map[string]bool{}}
	c.compiler.AssertFormat()
	for name, d := range all {
		if err := c.compiler.AddResource(name, strict(map[string]any(d))); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return c, nil
}

// strict is a copy of a schema that takes no members but those that it names.
func strict(value any) any {
	switch v := value.(type) {
	case map[string]any:
		made := make(map[string]any, len(v)+1)
		for key, member := range v {
			made[key] = strict(member)
		}
		_, named := v["properties"].(map[string]any)
		if _, given := v["additionalProperties"]; named && !given && v["type"] == "object" {
			made["additionalProperties"] = false
		}
		return made
	case []any:
		made := make([]any, len(v))
		for i := range v {
			made[i] = strict(v[i])
		}
		return made
	case int:
		return float64(v) // as the library wants numbers
	}
	return value
}

// Check holds a JSON text against the schema at a place, like openapi.yaml#/components/schemas/Room.
func (c *Checker) Check(place string, text []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	schema := c.schemas[place]
	if schema == nil {
		if schema, err = c.compiler.Compile(place); err != nil {
			return err
		}
		c.schemas[place] = schema
	}
	if err := schema.Validate(value); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	return c.see(map[string]any{"$ref": place}, place, value)
}

// see notes which of a schema's properties a value has.
func (c *Checker) see(schema any, at string, value any) error {
	schema, at, err := resolve(schema, at)
	if err != nil {
		return err
	}
	s, _ := schema.(map[string]any)
	for _, several := range []string{"oneOf", "allOf"} {
		choices, _ := s[several].([]any)
		for i, choice := range choices {
			if err := c.see(choice, fmt.Sprintf("%s/%s/%d", at, several, i), value); err != nil {
				return err
			}
		}
	}
	switch v := value.(type) {
	case map[string]any:
		properties, _ := s["properties"].(map[string]any)
		for name, member := range v {
			if _, named := properties[name]; !named {
				continue
			}
			place := at + "/properties/" + escape(name)
			c.seen[place] = true
			if err := c.see(properties[name], place, member); err != nil {
				return err
			}
		}
	case []any:
		for _, element := range v {
			if err := c.see(s["items"], at+"/items", element); err != nil {
				return err
			}
		}
	}
	return nil
}

// Unseen lists the properties of a file's schemas, of those whose names keep says, that no text had.
func (c *Checker) Unseen(file string, keep func(schema string) bool) (places []string, err error) {
	all, err := Documents()
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	schemas := all[file].Object("components", "schemas")
	for _, name := range sorted(schemas) {
		if keep(name) {
			places = c.unseen(schemas[name], file+"#/components/schemas/"+name, places)
		}
	}
	return places, nil
}

func (c *Checker) unseen(schema any, at string, places []string) []string {
	switch s := schema.(type) {
	case map[string]any:
		for _, key := range sorted(s) {
			place := at + "/" + escape(key)
			if strings.HasSuffix(at, "/properties") && !c.seen[place] {
				places = append(places, place)
			}
			places = c.unseen(s[key], place, places)
		}
	case []any:
		for i := range s {
			places = c.unseen(s[i], fmt.Sprintf("%s/%d", at, i), places)
		}
	}
	return places
}
