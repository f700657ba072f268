package eventdocs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

// comments are the comments of struct types and of their fields, by package path and
// name: "path/of/package.Type" and "path/of/package.Type.Field".
type comments map[string]string

// readComments reads the comments of a package, whose files are in a folder.
func readComments(found comments, pkg, folder string) error {
	paths, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("no Go files in %s: %w", folder, err)
	}
	for _, path := range paths {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("read comments: %w", err)
		}
		of := pkg
		if strings.HasSuffix(file.Name.Name, "_test") {
			of += "_test" // a package of its own
		}
		for _, decl := range file.Decls {
			found.declaration(of, decl)
		}
	}
	return nil
}

func (c comments) declaration(pkg string, decl ast.Decl) {
	group, ok := decl.(*ast.GenDecl)
	if !ok {
		return
	}
	for _, spec := range group.Specs {
		named, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		name := pkg + "." + named.Name.Name
		c[name] = oneLine(group.Doc, named.Doc)
		if body, ok := named.Type.(*ast.StructType); ok {
			c.fields(name, body)
		}
	}
}

func (c comments) fields(of string, body *ast.StructType) {
	for _, field := range body.Fields.List {
		for _, name := range field.Names {
			c[of+"."+name.Name] = oneLine(field.Doc)
		}
	}
}

// oneLine returns the first comment that has a text, as one line.
func oneLine(groups ...*ast.CommentGroup) string {
	for _, g := range groups {
		if text := strings.Join(strings.Fields(g.Text()), " "); text != "" {
			return text
		}
	}
	return ""
}

// of returns what the comment of a type, or of one of its fields, says about it.
func (c comments) of(t reflect.Type, field string) string {
	if field == "" {
		return meaning(t.Name(), c[t.PkgPath()+"."+t.Name()])
	}
	return meaning(field, c[t.PkgPath()+"."+t.Name()+"."+field])
}

// meaning returns a comment without the name in Go that it begins with.
func meaning(name, comment string) string {
	text, found := strings.CutPrefix(comment, name+" ")
	if !found {
		return comment
	}
	for _, verb := range []string{"is ", "are ", "says that "} {
		text = strings.TrimPrefix(text, verb)
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}
