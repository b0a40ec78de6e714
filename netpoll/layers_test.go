package netpoll_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"strings"
	"testing"
)

// The files of this package stand in layers, as packages do: no two of them need
// each other, not even by way of others. A circle is found by following what each
// file uses of the others, types, fields and methods alike.
func TestFilesStandInLayers(t *testing.T) {
	uses := usesOfFiles(t, ".")
	if len(uses["turn.go"]) == 0 {
		t.Fatal("turn.go uses no other file, so this test proves nothing")
	}
	const under, done = 1, 2
	state := map[string]int{}
	var visit func(file string, way []string)
	visit = func(file string, way []string) {
		way = append(way, file)
		switch state[file] {
		case under:
			t.Errorf("a circle of files: %s", strings.Join(way, " → "))
		case done:
		default:
			state[file] = under
			for next := range uses[file] {
				visit(next, way)
			}
			state[file] = done
		}
	}
	for file := range uses {
		visit(file, nil)
	}
}

// noImports stands in for an importer: of other packages nothing need be known.
type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not looked at") }

// usesOfFiles returns for each file of the package which others it needs.
func usesOfFiles(t *testing.T, dir string) map[string]map[string]bool {
	t.Helper()
	set := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(set, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
	check := types.Config{Importer: noImports{}, Error: func(error) {}} // goes on after each error
	pkg, _ := check.Check("netpoll", set, files, info)
	uses := map[string]map[string]bool{}
	for identifier, object := range info.Uses {
		from, to := set.Position(identifier.Pos()).Filename, set.Position(object.Pos()).Filename
		if object.Pkg() != pkg || from == to {
			continue
		}
		from, to = filepath.Base(from), filepath.Base(to)
		if uses[from] == nil {
			uses[from] = map[string]bool{}
		}
		uses[from][to] = true
	}
	return uses
}
