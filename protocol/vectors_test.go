package protocol

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/caravan-chat/caravan/protocol/spec"
)

// The transcripts that prove clients right are what their schema says, and the server in them says
// what the specifications say.
func TestVectorsAreAsSpecified(t *testing.T) {
	t.Parallel()
	const dir = "testdata/vectors/"
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	shape, err := compiler.Compile(dir + "schema.json")
	if err != nil {
		t.Fatal(err)
	}
	c := checker(t)
	files, err := filepath.Glob(dir + "*.json")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		if filepath.Base(file) == "schema.json" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := shape.Validate(value); err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if filepath.Base(file) == "unknown-frames.json" {
			continue // it is about what is not specified
		}
		for place, frames := range saidIn(t, text) {
			for _, f := range frames {
				checked++
				if err := c.Check(place, f); err != nil {
					t.Errorf("%s: %v", file, err)
				}
			}
		}
	}
	if checked < 200 {
		t.Errorf("%d frames and messages were checked", checked)
	}
}

// saidIn is what the server of a transcript says, and what its client sends, by the places of its schemas.
func saidIn(t *testing.T, text []byte) map[string][]json.RawMessage {
	t.Helper()
	type page struct{ Messages []json.RawMessage }
	var vector struct {
		Steps []struct {
			Says, Meanwhile, Sends []json.RawMessage
			Gets, Again            page
		}
	}
	if err := json.Unmarshal(text, &vector); err != nil {
		t.Fatal(err)
	}
	said := make(map[string][]json.RawMessage)
	note := func(by string, frames []json.RawMessage) {
		for _, f := range frames {
			var of struct{ Type string }
			if err := json.Unmarshal(f, &of); err != nil {
				t.Fatal(err)
			}
			if of.Type == "auth" {
				continue // its token is its client's
			}
			said[frameSchema(by, of.Type)] = append(said[frameSchema(by, of.Type)], f)
		}
	}
	for _, s := range vector.Steps {
		note("Server", s.Says)
		note("Server", s.Meanwhile)
		note("Client", s.Sends)
		message := spec.OpenAPI + "#/components/schemas/Message"
		said[message] = append(said[message], append(s.Gets.Messages, s.Again.Messages...)...)
	}
	return said
}
