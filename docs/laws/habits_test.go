package laws

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fileLinesMax keeps a file to one idea. Tests may be longer: tables are.
const fileLinesMax = 400

// vagueNames say nothing of what a package is for.
var vagueNames = []string{"util", "utils", "common", "helper", "helpers", "misc", "base", "manager"}

// unfinished are the marks of work put off, of a linter silenced, of a test not run.
var unfinished = regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b|//no` + `lint|//lint:ig` + `nore|\b[tb]\.Skip` + `(f|Now)?\(|\btesting\.Short\(`)

// unfinishedParts are words of which each of those marks has one: to look for words is cheap, and the expression is not.
var unfinishedParts = []string{"TO" + "DO", "FIX" + "ME", "XX" + "X", "no" + "lint", "lint:ig" + "nore", ".Ski" + "p", "testing.Sho" + "rt"}

// leavesTestsOut is the one file that may, and says when.
var leavesTestsOut = filepath.Join("bench", "servers", "needs.go")

// sources calls look with every Go file of the module.
func sources(t *testing.T, look func(path string, text []byte)) {
	t.Helper()
	root := filepath.Join("..", "..")
	if _, err := os.Stat(filepath.Join(root, "go.mod")); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != root && (strings.HasPrefix(e.Name(), ".") || e.Name() == "node_modules"):
			return filepath.SkipDir
		case e.IsDir() || filepath.Ext(path) != ".go":
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil {
			look(strings.TrimPrefix(path, root+string(filepath.Separator)), text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesAreSmallNamedAndFinished(t *testing.T) {
	sources(t, func(path string, text []byte) {
		if lines := bytes.Count(text, []byte("\n")); lines > fileLinesMax && !strings.HasSuffix(path, "_test.go") {
			t.Errorf("%s has %d lines, more than %d", path, lines, fileLinesMax)
		}
		for part := range strings.SplitSeq(strings.TrimSuffix(path, ".go"), string(filepath.Separator)) {
			if slices.Contains(vagueNames, part) {
				t.Errorf("%s: %q says nothing of what is in it", path, part)
			}
		}
		if !slices.ContainsFunc(unfinishedParts, func(part string) bool { return bytes.Contains(text, []byte(part)) }) {
			return
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			if mark := unfinished.Find(line); mark != nil && path != leavesTestsOut {
				t.Errorf("%s:%d: %s", path, i+1, mark)
			}
		}
	})
}

func TestExportedIdentifiersAreDocumented(t *testing.T) {
	sources(t, func(path string, text []byte) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, text, parser.ParseComments)
		if err != nil {
			t.Error(err)
			return
		}
		for _, decl := range file.Decls {
			for _, name := range undocumented(decl) {
				t.Errorf("%s: %s has no doc comment", files.Position(name.Pos()), name.Name)
			}
		}
	})
}

// undocumented returns the exported names that a declaration leaves without a
// comment. A comment on a group of constants or variables speaks for all of it.
func undocumented(decl ast.Decl) (names []*ast.Ident) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && s.Doc == nil && (d.Doc == nil || len(d.Specs) > 1) {
					names = append(names, s.Name)
				}
			case *ast.ValueSpec:
				if s.Doc != nil || s.Comment != nil || d.Doc != nil {
					continue
				}
				for _, name := range s.Names {
					if name.IsExported() {
						names = append(names, name)
					}
				}
			}
		}
	}
	return names
}

// exportedReceiver reports whether a method belongs to an exported type; true for
// a function.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	receiver := d.Recv.List[0].Type
	for {
		switch r := receiver.(type) {
		case *ast.StarExpr:
			receiver = r.X
		case *ast.IndexExpr:
			receiver = r.X
		case *ast.IndexListExpr:
			receiver = r.X
		case *ast.Ident:
			return r.IsExported()
		default:
			return false
		}
	}
}
