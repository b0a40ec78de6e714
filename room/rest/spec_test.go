package rest_test

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/caravan-chat/caravan/protocol"
	"github.com/caravan-chat/caravan/protocol/spec"
	"github.com/caravan-chat/caravan/room/rest"
)

// answerChecker holds every answer of the servers of these tests against the specification.
var answerChecker = sync.OnceValues(spec.NewChecker)

func openAPI(t *testing.T) spec.Document {
	t.Helper()
	all, err := spec.Documents()
	if err != nil {
		t.Fatal(err)
	}
	return all[spec.OpenAPI]
}

// templates are the paths of the specification, by the names of their routes.
func templates(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for template := range openAPI(t).Object("paths") {
		path := strings.NewReplacer("{id}", uuid.NewString(), "{emoji}", "x", "{name}", "sea.jpg").Replace(template)
		if !strings.HasPrefix(path, "/ws/") {
			all[rest.RouteOf(path)] = template
		}
	}
	return all
}

// checkAnswer holds an answer against what the specification says of the call.
func checkAnswer(t *testing.T, method, path string, a answer) {
	t.Helper()
	path, _, _ = strings.Cut(path, "?")
	template := templates(t)[rest.RouteOf(path)]
	if strings.HasSuffix(strings.TrimSuffix(path, "/"), "/preview") && method != http.MethodPut {
		template = "/api/v1/chat/attachments/{id}/{name}" // the link of a file that is named so
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	status := strconv.Itoa(a.StatusCode)
	response, ok := openAPI(t).Object("paths", template, strings.ToLower(method), "responses")[status].(map[string]any)
	at := spec.OpenAPI + "#/paths/" + strings.ReplaceAll(template, "/", "~1") + "/" + strings.ToLower(method) + "/responses/" + status
	if any, is := openAPI(t).Object("x-any-request")[status].(map[string]any); is {
		response, ok = any, true
	}
	switch {
	case a.Request.Method == http.MethodOptions, template == "" && a.StatusCode == http.StatusNotFound, template == "" && a.StatusCode == http.StatusUpgradeRequired,
		a.StatusCode == http.StatusNoContent: // of an op that no client can ask for
		return
	case !ok:
		t.Errorf("%s %s answers %s, which is not specified: %s", method, path, status, a.body)
		return
	}
	if ref, is := response["$ref"].(string); is {
		at = spec.OpenAPI + ref
		response = openAPI(t).Object("components", "responses", ref[strings.LastIndex(ref, "/")+1:])
	}
	content, _ := response["content"].(map[string]any)
	if _, isJSON := content["application/json"]; !isJSON || a.Request.Method == http.MethodHead {
		return
	}
	c, err := answerChecker()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Check(at+"/content/application~1json/schema", []byte(a.body)); err != nil {
		t.Errorf("%s %s answers %s otherwise than specified: %v", method, path, status, err)
	}
}

func TestSpecificationHasEveryCall(t *testing.T) {
	t.Parallel()
	var specified []string
	for route, template := range templates(t) {
		for method := range openAPI(t).Object("paths", template) {
			if method != "parameters" {
				specified = append(specified, strings.ToUpper(method)+" "+route)
			}
		}
	}
	there := slices.DeleteFunc(rest.Calls(), func(call string) bool {
		return strings.HasPrefix(call, http.MethodHead+" ") || call == "GET attachment_preview" // the link of a file that is named so
	})
	slices.Sort(specified)
	slices.Sort(there)
	if !slices.Equal(specified, there) {
		t.Errorf("\n specified %q\n there are %q", specified, there)
	}
}

// sources is the text of the files of a directory, but for its tests.
func sources(t *testing.T, dir string) string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// Each code stands under its status, and under no other one.
func TestSpecificationHasEveryCodeUnderItsStatus(t *testing.T) {
	t.Parallel()
	framesAlone := []protocol.Code{"unknown_type", "missing_message_id", "invalid_token", "not_subscribed", "too_many_rooms"}
	want := map[string]bool{"431 too_large": true} // the header is as the body
	for _, m := range regexp.MustCompile(`\bCode = "(\w+)"`).FindAllStringSubmatch(sources(t, ".")+sources(t, "../../protocol"), -1) {
		code := protocol.Code(m[1])
		if slices.Contains(framesAlone, code) {
			continue
		}
		status, given := rest.Statuses()[code]
		if !given {
			status = http.StatusBadRequest
		}
		want[strconv.Itoa(status)+" "+string(code)] = true
	}
	for code, status := range rest.Statuses() {
		want[strconv.Itoa(status)+" "+string(code)] = true
	}
	statuses := make(map[string]string) // by the names of responses
	note := func(responses map[string]any) {
		for status, r := range responses {
			if ref, ok := r.(map[string]any)["$ref"].(string); ok {
				statuses[ref[strings.LastIndex(ref, "/")+1:]] = status
			}
		}
	}
	d := openAPI(t)
	note(d.Object("x-any-request"))
	for _, path := range d.Object("paths") {
		for _, operation := range path.(map[string]any) {
			if o, ok := operation.(map[string]any); ok {
				note(o["responses"].(map[string]any))
			}
		}
	}
	got := make(map[string]bool)
	for name := range d.Object("components", "responses") {
		all := d.Object("components", "responses", name, "content", "application/json", "schema")["allOf"].([]any)
		for _, code := range all[1].(map[string]any)["properties"].(map[string]any)["code"].(map[string]any)["enum"].([]any) {
			got[statuses[name]+" "+code.(string)] = true
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("\n specified %q\n there are %q", slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
	}
}

// What is read of a query is specified, and nothing else.
func TestSpecificationHasEveryParameter(t *testing.T) {
	t.Parallel()
	read := make(map[string]bool)
	for _, m := range regexp.MustCompile(`(?:Args\(\)|args)\.(?:Peek|Has)\("(\w+)"\)|numberParam\("(\w+)"\)`).FindAllStringSubmatch(sources(t, "."), -1) {
		read[m[1]+m[2]] = true
	}
	for _, m := range regexp.MustCompile(`case "(\w+)":\n\t\treturn &p\.\w+`).FindAllStringSubmatch(sources(t, "../socket"), -1) {
		read[m[1]] = true
	}
	specified := make(map[string]bool)
	d := openAPI(t)
	note := func(list any) {
		all, _ := list.([]any)
		for _, one := range all {
			p := one.(map[string]any)
			if ref, ok := p["$ref"].(string); ok {
				p = d.Object("components", "parameters", ref[strings.LastIndex(ref, "/")+1:])
			}
			if p["in"] == "query" {
				specified[p["name"].(string)] = true
			}
		}
	}
	for _, path := range d.Object("paths") {
		note(path.(map[string]any)["parameters"])
		for _, operation := range path.(map[string]any) {
			if o, ok := operation.(map[string]any); ok {
				note(o["parameters"])
			}
		}
	}
	if !maps.Equal(specified, read) {
		t.Errorf("\n specified %q\n read      %q", slices.Sorted(maps.Keys(specified)), slices.Sorted(maps.Keys(read)))
	}
}

// The HTTP answers of a handshake are those of its two paths.
func TestSpecificationHasEveryRefusalOfAHandshake(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/ws/chat/", "/ws/chat/{trip_id}/"} {
		specified := openAPI(t).Object("paths", path, "get", "responses")
		for _, m := range regexp.MustCompile(`refuse\("\w+", http\.Status(\w+),`).FindAllStringSubmatch(sources(t, "../socket"), -1) {
			status := map[string]string{"NotFound": "404", "Forbidden": "403", "BadRequest": "400", "TooManyRequests": "429"}[m[1]]
			if specified[status] == nil {
				t.Errorf("%s does not say that it may be answered by Status%s", path, m[1])
			}
		}
		for _, status := range []string{"101", "426", "503"} {
			if specified[status] == nil {
				t.Errorf("%s does not say %s", path, status)
			}
		}
	}
}
