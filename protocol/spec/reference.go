package spec

import (
	"fmt"
	"slices"
	"strings"
)

// Reference writes the specifications for people, as Markdown: docs/reference.md.
func Reference() ([]byte, error) {
	all, err := Documents()
	if err != nil {
		return nil, err
	}
	r := &reference{}
	r.line("# Reference of the protocol")
	r.line("")
	r.line("Written by `make reference` from [`openapi.yaml`](../protocol/spec/openapi.yaml) and [`asyncapi.yaml`](../protocol/spec/asyncapi.yaml): change those. [protocol.md](protocol.md) says what all this means.")
	r.line("")
	r.line("[REST](#rest) · [answers that refuse](#answers-that-refuse) · [objects](#objects) · [WebSockets](#websockets) · [what the server tells](#what-the-server-tells) · [what a client may send](#what-a-client-may-send)")
	r.rest(all[OpenAPI])
	r.webSockets(all[AsyncAPI])
	return []byte(r.text.String()), r.err
}

// reference is the page while it is written.
type reference struct {
	text strings.Builder
	err  error
}

func (r *reference) line(format string, args ...any) { fmt.Fprintf(&r.text, format+"\n", args...) }

func (r *reference) heading(level int, format string, args ...any) {
	r.line("")
	r.line(strings.Repeat("#", level)+" "+format, args...)
	r.line("")
}

// rest writes calls, refusals and objects.
func (r *reference) rest(d Document) {
	r.heading(2, "REST")
	r.line("%s", text(d.Object("info")["description"]))
	for _, tag := range list(d["tags"]) {
		t, _ := tag.(map[string]any)
		r.heading(3, "%s", text(t["description"]))
		for _, path := range sorted(d.Object("paths")) {
			at := d.Object("paths", path)
			for _, method := range []string{"get", "post", "put", "patch", "delete"} {
				operation := within(at, method)
				if operation != nil && slices.Contains(list(operation["tags"]), t["name"]) {
					r.call(method, path, slices.Concat(list(at["parameters"]), list(operation["parameters"])), operation)
				}
			}
		}
	}
	r.heading(2, "Answers that refuse")
	r.line("| status | codes | when |")
	r.line("| --- | --- | --- |")
	statuses := make(map[string]map[string]any)
	note := func(responses map[string]any) {
		for status, response := range responses {
			if found, _ := r.resolve(response, OpenAPI); found["content"] != nil && status >= "400" {
				statuses[status] = found
			}
		}
	}
	note(d.Object("x-any-request"))
	for _, path := range d.Object("paths") {
		for _, operation := range path.(map[string]any) {
			if o, ok := operation.(map[string]any); ok {
				note(within(o, "responses"))
			}
		}
	}
	for _, status := range sorted(statuses) {
		schema := within(statuses[status], "content", "application/json", "schema")
		var codes []string
		for _, part := range list(schema["allOf"]) {
			p, _ := part.(map[string]any)
			for _, code := range list(within(p, "properties", "code")["enum"]) {
				codes = append(codes, "`"+text(code)+"`")
			}
		}
		r.line("| %s | %s | %s |", status, strings.Join(codes, " "), text(statuses[status]["description"]))
	}
	r.line("")
	r.line("Any request may be answered by %s.", strings.Join(sorted(d.Object("x-any-request")), ", "))
	r.heading(2, "Objects")
	r.schemas(d, OpenAPI, 3, sorted(d.Object("components", "schemas")), func(name string) string { return name })
}

// call writes one call.
func (r *reference) call(method, path string, parameters []any, operation map[string]any) {
	r.line("")
	r.line("`%s %s`: %s", strings.ToUpper(method), path, text(operation["summary"]))
	r.line("")
	for _, parameter := range parameters {
		p, at := r.resolve(parameter, OpenAPI)
		required := ""
		if p["required"] == true && p["in"] == "query" {
			required = ", required"
		}
		r.line("- `%s` in the %s (%s%s)%s", text(p["name"]), text(p["in"]), r.kind(p["schema"], at), required, after(". ", p["description"]))
	}
	if body := within(operation, "requestBody"); body != nil {
		r.line("- body: %s%s", r.content(body), after(". ", body["description"]))
	}
	var refusals []string
	responses := within(operation, "responses")
	for _, status := range sorted(responses) {
		response, _ := r.resolve(responses[status], OpenAPI)
		if status >= "400" && response["content"] != nil {
			refusals = append(refusals, status)
			continue
		}
		r.line("- %s%s%s", status, after(": ", r.content(response)), after(". ", response["description"]))
	}
	r.line("- or %s", strings.Join(refusals, ", "))
}

// content says what a body is.
func (r *reference) content(of map[string]any) string {
	schema := within(of, "content", "application/json")["schema"]
	switch {
	case schema != nil:
		return r.kind(schema, OpenAPI)
	case within(of, "content", "*/*") != nil:
		return "bytes"
	}
	return ""
}

// webSockets writes channels and frames.
func (r *reference) webSockets(d Document) {
	r.heading(2, "WebSockets")
	r.line("%s", text(d.Object("info")["description"]))
	r.line("")
	for _, name := range sorted(d.Object("channels")) {
		c := d.Object("channels", name)
		r.line("- `%s`, %s. %s.", text(c["address"]), text(c["title"]), text(c["description"]))
	}
	for _, side := range []struct{ prefix, heading string }{{"server.", "What the server tells"}, {"client.", "What a client may send"}} {
		r.heading(2, "%s", side.heading)
		messages := d.Object("components", "messages")
		for _, name := range sorted(messages) {
			if !strings.HasPrefix(name, side.prefix) {
				continue
			}
			message := within(messages, name)
			var on []string
			for _, channel := range sorted(d.Object("channels")) {
				if d.Object("channels", channel, "messages", name) != nil {
					on = append(on, text(d.Object("channels", channel)["title"]))
				}
			}
			r.heading(3, "`%s`", text(message["name"]))
			r.line("%s. On: %s.", text(message["summary"]), strings.ToLower(strings.Join(on, "; ")))
			schema, at := r.resolve(message["payload"], AsyncAPI)
			r.members(schema, at)
		}
	}
}

// schemas writes objects, each under its name.
func (r *reference) schemas(d Document, file string, level int, names []string, called func(string) string) {
	for _, name := range names {
		schema := d.Object("components", "schemas", name)
		r.heading(level, "%s", called(name))
		if about := text(schema["description"]); about != "" {
			r.line("%s.", about)
		}
		if schema["properties"] == nil {
			r.line("")
			r.line("It is %s.", r.kind(schema, file))
			continue
		}
		r.members(schema, file)
	}
}

// members writes the members of an object.
func (r *reference) members(schema map[string]any, file string) {
	properties := within(schema, "properties")
	required := list(schema["required"])
	r.line("")
	r.line("| member | | |")
	r.line("| --- | --- | --- |")
	for _, name := range sorted(properties) {
		member, _ := properties[name].(map[string]any)
		must := ""
		if !slices.Contains(required, any(name)) {
			must = "optional"
		}
		r.line("| `%s` | %s | %s |", name, r.kind(member, file), strings.TrimPrefix(after(". ", must)+after(". ", member["description"]), ". "))
	}
}

// resolve follows a reference.
func (r *reference) resolve(value any, file string) (map[string]any, string) {
	found, at, err := resolve(value, file)
	if err != nil && r.err == nil {
		r.err = err
	}
	file, _, _ = strings.Cut(at, "#")
	object, _ := found.(map[string]any)
	return object, file
}

// kind says in a few words what a schema takes.
func (r *reference) kind(value any, file string) string {
	s, _ := value.(map[string]any)
	if ref, is := s["$ref"].(string); is {
		name := ref[strings.LastIndex(ref, "/")+1:]
		return "[" + name + "](#" + strings.ToLower(name) + ")"
	}
	if choices := list(s["oneOf"]); choices != nil {
		var kinds []string
		for _, c := range choices {
			kinds = append(kinds, r.kind(c, file))
		}
		return strings.Join(kinds, " or ")
	}
	if constant, is := s["const"]; is {
		return fmt.Sprintf("`%v`", quoted(constant))
	}
	if values := list(s["enum"]); values != nil {
		var all []string
		for _, v := range values {
			all = append(all, fmt.Sprintf("`%v`", quoted(v)))
		}
		return strings.Join(all, ", ")
	}
	types := list(s["type"])
	if types == nil {
		types = []any{s["type"]}
	}
	var all []string
	for _, t := range types {
		all = append(all, r.oneKind(text(t), s, file))
	}
	return strings.Join(all, " or ")
}

func (r *reference) oneKind(typ string, s map[string]any, file string) string {
	switch {
	case typ == "null":
		return "null"
	case typ == "array":
		return "array of " + r.kind(s["items"], file) + bounds(s, "minItems", "maxItems")
	case typ == "string" && s["format"] != nil:
		return text(s["format"])
	case typ == "string":
		return "string" + bounds(s, "minLength", "maxLength")
	case typ == "object" && s["properties"] != nil:
		var members []string
		for _, name := range sorted(within(s, "properties")) {
			members = append(members, "`"+name+"`: "+r.kind(within(s, "properties")[name], file))
		}
		return "object (" + strings.Join(members, ", ") + ")"
	case typ == "object" && s["additionalProperties"] != nil:
		return "object of " + r.kind(s["additionalProperties"], file)
	}
	return typ + bounds(s, "minimum", "maximum")
}

// bounds says between what something must lie.
func bounds(s map[string]any, least, most string) string {
	from, to := s[least], s[most]
	switch {
	case from != nil && to != nil:
		return fmt.Sprintf(", %v to %v", from, to)
	case to != nil:
		return fmt.Sprintf(", at most %v", to)
	case from != nil && from != 0:
		return fmt.Sprintf(", at least %v", from)
	}
	return ""
}

func quoted(v any) any {
	if s, is := v.(string); is {
		return `"` + s + `"`
	}
	if v == nil {
		return "null"
	}
	return v
}

// after is a text behind what separates it from the one before; empty: there is none.
func after(separator string, value any) string {
	if s := text(value); s != "" {
		return separator + s
	}
	return ""
}

func text(value any) string { s, _ := value.(string); return s }

func list(value any) []any { l, _ := value.([]any); return l }
