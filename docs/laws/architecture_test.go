package laws

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/caravan-chat/caravan"

// layer is a directory with all below it that has no entry of its own. All of ours or all third parties is "*".
type layer struct {
	ours       []string // the layers that it may import
	thirdParty []string // the modules that it may import, beside those in everywhere
}

// layers is the table of docs/architecture.md: imports point inward, and each
// library lives behind one wall.
var layers = map[string]layer{
	"protocol":          {},
	"protocol/spec":     {thirdParty: []string{"go.yaml.in/yaml/v3", "github.com/santhosh-tekuri/jsonschema/v6"}}, // for tests and docs; no server has it
	"protocol/token":    {thirdParty: []string{"github.com/golang-jwt/jwt/v5", "github.com/MicahParks/jwkset"}},
	"netpoll":           {ours: []string{"netpoll/handshake"}, thirdParty: []string{"github.com/panjf2000/gnet/v2", "github.com/gobwas/ws", "github.com/klauspost/compress"}},
	"netpoll/handshake": {ours: []string{"netpoll"}}, // one parser for whoever reads a request
	"room":              {ours: []string{"protocol", "protocol/token"}},
	"room/socket":       {ours: []string{"room", "netpoll", "protocol"}},
	"room/rest":         {ours: []string{"room", "protocol", "protocol/token", "netpoll/handshake"}, thirdParty: []string{"github.com/valyala/fasthttp"}},
	"room/backplane":    {ours: []string{"room", "protocol"}, thirdParty: []string{"github.com/redis/rueidis"}},
	"migrations":        {thirdParty: []string{"github.com/pressly/goose/v3"}},
	"persist":           {ours: []string{"room", "protocol"}},
	"persist/postgres": {
		ours:       []string{"persist", "migrations", "room", "protocol"},
		thirdParty: []string{"github.com/jackc/pgx/v5"},
	},
	"persist/sqlite": {
		ours:       []string{"persist", "migrations", "room", "protocol"},
		thirdParty: []string{"modernc.org/sqlite"},
	},
	"persist/blob":          {}, // files know nothing of chat
	"persist/blob/disk":     {ours: []string{"persist/blob"}},
	"persist/blob/s3":       {ours: []string{"persist/blob"}, thirdParty: []string{"github.com/minio/minio-go/v7"}},
	"persist/blob/blobtest": {ours: []string{"persist/blob"}},

	"bench": {ours: []string{"protocol"}, thirdParty: []string{"github.com/HdrHistogram/hdrhistogram-go"}},

	"bench/echo": {ours: []string{"netpoll"}}, // the transport alone, to be measured

	"persist/storetest": {ours: []string{"persist", "room", "protocol"}, thirdParty: []string{"pgregory.net/rapid"}},

	"bench/servers":          {}, // the throw-away servers of tests, benchmarks and chaos stand by themselves
	"bench/servers/migrated": {ours: []string{"bench/servers", "migrations"}, thirdParty: []string{"github.com/jackc/pgx/v5"}},
	"docs/laws":              {}, // tests alone
	"deploy":                 {}, // likewise, beside its files

	// The commands wire all of it.
	"cmd/caravan":     {ours: []string{"*"}, thirdParty: []string{"*"}},
	"cmd/commandline": {}, // as both programs read their flags
	"cmd/caravan-bench": {ours: []string{"cmd/commandline", "bench", "bench/echo", "protocol", "protocol/token",
		"bench/servers"}}, // chaos breaks throw-away servers
}

// everywhere are modules that any layer may use: ids, and what the standard
// library leaves out.
var everywhere = []string{"github.com/google/uuid", "golang.org/x/sys", "golang.org/x/sync"}

type goPackage struct {
	ImportPath string
	Imports    []string
	Deps       []string
	Module     *struct {
		Path string
		Main bool
	}
}

// listPackages returns our packages and all that they need.
func listPackages(t *testing.T) map[string]*goPackage {
	t.Helper()
	packages, err := listed()
	if err != nil {
		t.Fatal(err)
	}
	return packages
}

// listed asks the go command, once.
var listed = sync.OnceValues(func() (map[string]*goPackage, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Deps,Module", module+"/...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.String())
	}
	packages := make(map[string]*goPackage)
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		p := new(goPackage)
		if err := decoder.Decode(p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, err
		}
		packages[p.ImportPath] = p
	}
})

// layerOf returns the layer that a package of ours belongs to, empty if none.
func layerOf(importPath string) string {
	dir := strings.TrimPrefix(importPath, module+"/")
	for ; dir != "."; dir = filepath.Dir(dir) {
		if _, ok := layers[dir]; ok {
			return dir
		}
	}
	return ""
}

func permits(list []string, name string) bool {
	return slices.Contains(list, "*") || slices.Contains(list, name)
}

func TestImportsPointInward(t *testing.T) {
	packages := listPackages(t)
	seen := make(map[string]bool)
	for path, p := range packages {
		if p.Module == nil || !p.Module.Main {
			continue
		}
		name := layerOf(path)
		if name == "" {
			t.Errorf("%s stands in no layer", path)
			continue
		}
		seen[name] = true
		l := layers[name]
		for _, imported := range p.Imports {
			q := packages[imported]
			switch {
			case q == nil || q.Module == nil: // the standard library
			case q.Module.Main:
				if other := layerOf(imported); other != name && !permits(l.ours, other) {
					t.Errorf("%s imports %s: %s may not know %s", path, imported, name, other)
				}
			case !permits(l.thirdParty, q.Module.Path) && !slices.Contains(everywhere, q.Module.Path):
				t.Errorf("%s imports %s: %s has no place in %s", path, imported, q.Module.Path, name)
			}
		}
	}
	for _, name := range []string{"protocol", "netpoll", "room", "persist", "cmd/caravan"} {
		if !seen[name] {
			t.Errorf("go list found nothing in %s, so this test proves nothing", name)
		}
	}
}

func TestPersistAndNetpollNeverMeet(t *testing.T) {
	packages := listPackages(t)
	for path, p := range packages {
		if p.Module == nil || !p.Module.Main || strings.HasPrefix(layerOf(path), "cmd/") {
			continue
		}
		reaches := func(name string) bool {
			return slices.ContainsFunc(append(p.Deps, path), func(dep string) bool {
				return dep == module+"/"+name || strings.HasPrefix(dep, module+"/"+name+"/")
			})
		}
		if reaches("persist") && reaches("netpoll") {
			t.Errorf("%s reaches both persist and netpoll", path)
		}
	}
}
