// Package config reads what a program is told, from flags or environment under
// the same names (--database-url is DATABASE_URL), and complains about
// everything that is wrong with it at once.
package config

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// ErrHelp is why Read returned nothing to run: help was asked for and printed.
var ErrHelp = errors.New("help was printed")

// About says what a program is.
type About struct {
	Name, Description string
	Vars              kong.Vars // values for ${name} in tags
}

// Validator is a configuration, or a command, with rules across its fields; it
// returns one complaint each.
type Validator interface{ Complaints() []error }

// Read fills cli, a struct with kong's tags, from args and the environment. It
// returns the command that was called; or ErrHelp; or every complaint, joined.
func Read(cli any, about About, args []string, getenv func(string) string, stdout, stderr io.Writer) (*kong.Context, error) {
	env := environment{getenv: getenv}
	asked := false
	parser, err := kong.New(cli, kong.Name(about.Name), kong.Description(about.Description), about.Vars,
		kong.Writers(stdout, stderr), kong.Exit(func(int) { asked = true }), kong.PostBuild(nameVariables),
		kong.Resolvers(&env), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}))
	if err != nil {
		return nil, fmt.Errorf("the command line of %s is built wrong: %w", about.Name, err)
	}
	called, err := parser.Parse(args)
	if asked {
		return nil, ErrHelp
	}
	if err != nil {
		return nil, errors.Join(append(env.complaints, fmt.Errorf("%w\nSee %s --help", err, about.Name))...)
	}
	return called, errors.Join(append(env.complaints, complaints(called)...)...)
}

// variable is the environment variable of a flag.
func variable(flag *kong.Flag) string {
	return strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
}

// nameVariables shows in --help which variable stands for which flag.
func nameVariables(k *kong.Kong) error {
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && flag.Name != "help" {
			flag.Help += " [" + variable(flag) + "]"
		}
		return next(nil)
	})
}

// environment resolves flags that the command line does not name.
type environment struct {
	getenv     func(string) string
	complaints []error
}

// Validate implements kong.Resolver.
func (*environment) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver. A switch that is neither true nor false is
// noted here, because kong would stop at it and keep the rest to itself.
func (e *environment) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	text := e.getenv(variable(flag))
	if text == "" || flag.Name == "help" {
		return nil, nil //nolint:nilnil // kong's way of saying: not known here
	}
	if flag.Target.Kind() == reflect.Bool && !isBool(text) {
		e.complaints = append(e.complaints, fmt.Errorf("%s=%q: must be true or false", variable(flag), text))
		return nil, nil //nolint:nilnil // as above
	}
	return text, nil
}

func isBool(text string) bool {
	_, err := strconv.ParseBool(text)
	return err == nil
}

func complaints(called *kong.Context) []error {
	var found []error
	for _, flag := range called.Flags() {
		if v, ok := flag.Target.Addr().Interface().(interface{ complaint() error }); ok {
			if err := v.complaint(); err != nil {
				found = append(found, fmt.Errorf("--%s (%s): %w", flag.Name, variable(flag), err))
			}
		}
	}
	for _, node := range called.Path {
		if v, ok := validator(node); ok {
			found = append(found, v.Complaints()...)
		}
	}
	return found
}

func validator(p *kong.Path) (Validator, bool) {
	node := p.Node()
	if node == nil || !node.Target.CanAddr() {
		return nil, false
	}
	v, ok := node.Target.Addr().Interface().(Validator)
	return v, ok
}
