package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed shapes.html
var shapesText string

var shapesPage = template.Must(template.New("shapes").Parse(shapesText))

// Shapes is a page of tables about several shapes of load.
type Shapes struct {
	Kicker, Title, Note string
	Tables              []Table
	Links               []Link
}

// Table is a table of texts. The first cell of a row is its name.
type Table struct {
	Name string
	Head []string
	Rows [][]string
}

// Link leads to another page, by its path from this one.
type Link struct{ Name, File string }

// WriteShapes writes the page.
func WriteShapes(w io.Writer, s *Shapes) error {
	return shapesPage.Execute(w, struct {
		*Shapes
		Style template.CSS
	}{s, template.CSS(style)})
}

// WriteMarkdown writes the table as Markdown.
func (t *Table) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	row := func(cells []string) { fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | ")) }
	fmt.Fprintf(&b, "\n%s\n\n", t.Name)
	row(t.Head)
	fmt.Fprintf(&b, "|%s\n", strings.Repeat(" --- |", len(t.Head)))
	for _, cells := range t.Rows {
		row(cells)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
