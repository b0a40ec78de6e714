package deploy_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// service is what the tests look at of one in compose.yaml.
type service struct {
	Environment map[string]string
	DependsOn   any `yaml:"depends_on"`
	Healthcheck struct{ Test []string }
	Volumes     []string
	Ports       []string
}

var variable = regexp.MustCompile(`\$\{(\w+)(:[?-])?[^}]*\}`)

// TestComposeStartsWhatTheServerTakes: its settings are good, and who is named is there.
func TestComposeStartsWhatTheServerTakes(t *testing.T) {
	t.Parallel()
	var file struct {
		Services map[string]service
		Volumes  map[string]any
	}
	if err := yaml.Unmarshal([]byte(shipped(t, "compose.yaml")), &file); err != nil {
		t.Fatal(err)
	}
	given := map[string]string{"CARAVAN_JWT_SECRET": secret, "POSTGRES_PASSWORD": "one", "REDIS_PASSWORD": "two"}
	var nodes []string
	for name, s := range file.Services {
		if strings.HasPrefix(name, "caravan-") {
			nodes = append(nodes, name)
			checkNode(t, s, given, file.Services)
		}
		needs, _ := s.DependsOn.([]any)
		if states, ok := s.DependsOn.(map[string]any); ok {
			for other := range states {
				needs = append(needs, other)
			}
		}
		for _, other := range needs {
			if _, ok := file.Services[other.(string)]; !ok {
				t.Errorf("%s waits for %s, which is not there", name, other)
			}
		}
		for _, v := range s.Volumes {
			from, _, _ := strings.Cut(v, ":")
			if _, ok := file.Volumes[from]; ok {
				continue
			}
			if _, err := os.Stat(from); err != nil {
				t.Errorf("%s mounts what is not there: %v", name, err)
			}
		}
	}
	slices.Sort(nodes)
	if !slices.Equal(nodes, []string{"caravan-1", "caravan-2"}) {
		t.Errorf("the nodes are %v", nodes)
	}
	for _, node := range nodes {
		if !strings.Contains(shipped(t, "haproxy.cfg"), node+":8000") {
			t.Errorf("haproxy.cfg does not name %s", node)
		}
	}
	if ports := file.Services["haproxy"].Ports; !slices.Equal(ports, []string{"8000:8000"}) || !strings.Contains(shipped(t, "haproxy.cfg"), "bind :8000\n") {
		t.Errorf("haproxy publishes %v", ports)
	}
}

// checkNode gives the settings of a node to the program, beside those of its image.
func checkNode(t *testing.T, s service, given map[string]string, all map[string]service) {
	t.Helper()
	check := exec.Command(caravan(t), "config", "check")
	check.Env = imageEnvironment(t)
	for name, text := range s.Environment {
		check.Env = append(check.Env, name+"="+variable.ReplaceAllStringFunc(text, func(ref string) string {
			m := variable.FindStringSubmatch(ref)
			if _, ok := given[m[1]]; !ok && m[2] != ":-" {
				t.Errorf("the file does not say at its top that %s is needed", m[1])
			}
			return given[m[1]]
		}))
	}
	if out, err := check.CombinedOutput(); err != nil || strings.Contains(string(out), "WARN") {
		t.Errorf("%v\n%s", err, out)
	}
	for _, name := range []string{"CARAVAN_DATABASE", "CARAVAN_REDIS"} {
		u, err := url.Parse(variable.ReplaceAllString(s.Environment[name], "x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := all[u.Hostname()]; !ok {
			t.Errorf("%s names %s, which is not there", name, u.Hostname())
		}
	}
	isCommand(t, s.Healthcheck.Test[1:])
}

// isCommand says that the image has such a command.
func isCommand(t *testing.T, words []string) {
	t.Helper()
	if words[0] != "/caravan" {
		t.Errorf("%q is no program of the image", words)
		return
	}
	if out, err := exec.Command(caravan(t), append(words[1:], "--help")...).CombinedOutput(); err != nil {
		t.Errorf("%q: %v\n%s", words, err, out)
	}
}

// imageEnvironment is what the Dockerfile sets.
func imageEnvironment(t *testing.T) []string {
	t.Helper()
	line := regexp.MustCompile(`(?m)^ENV (.*)$`).FindStringSubmatch(shipped(t, "Dockerfile"))
	if line == nil {
		t.Fatal("the image sets nothing")
	}
	return strings.Fields(line[1])
}

// TestTheImageHasWhatItsBuildNeeds: what Docker is given is enough for the programs, and what
// the image starts and is asked by is there.
func TestTheImageHasWhatItsBuildNeeds(t *testing.T) {
	t.Parallel()
	context := t.TempDir()
	for line := range strings.Lines(shipped(t, "Dockerfile.dockerignore")) {
		name, taken := strings.CutPrefix(strings.TrimSpace(line), "!")
		if !taken {
			continue
		}
		if out, err := exec.Command("cp", "-r", filepath.Join("..", name), context).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	list := exec.Command("go", "list", "-deps", "./cmd/...") // with all that they embed
	list.Dir = context
	list.Env = append(os.Environ(), "GOFLAGS=-mod=readonly", "CGO_ENABLED=0")
	if out, err := list.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if makefile := filepath.Join(context, "Makefile"); !strings.Contains(shipped(t, makefile), "\nbuild:") {
		t.Error("make has no target build")
	}

	file := shipped(t, "Dockerfile")
	check := exec.Command(caravan(t), "config", "check")
	check.Env = append(imageEnvironment(t), "CARAVAN_JWT_SECRET="+secret)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for _, pattern := range []string{`HEALTHCHECK .*CMD (\[.*\])`, `(?ms)^ENTRYPOINT (\["/caravan"\]\nCMD \["serve"\])`} {
		found := regexp.MustCompile(pattern).FindStringSubmatch(file)
		if found == nil {
			t.Errorf("the image has nothing like %s", pattern)
			continue
		}
		words := regexp.MustCompile(`"([^"]*)"`).FindAllStringSubmatch(found[1], -1)
		var command []string
		for _, w := range words {
			command = append(command, w[1])
		}
		isCommand(t, command)
	}
}
