// Package config reads the configuration of a program from flags and environment
// variables of the same names (--database-url is DATABASE_URL). It reports all
// errors at once.
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

// ErrHelp means that --help was given: Read has printed the help.
var ErrHelp = errors.New("help was printed")

// About describes a program.
type About struct {
	Name, Description string
	Vars              kong.Vars // values for ${name} in tags
}

// Checker is implemented by configurations and commands with rules across their
// fields. Check returns one error for each rule that is broken.
type Checker interface{ Check() []error }

// Read fills cli, a struct with kong's tags, from args and the environment. It
// returns the command to run, ErrHelp, or all errors joined.
func Read(cli any, about About, args []string, getenv func(string) string, stdout, stderr io.Writer) (*kong.Context, error) {
	env := environment{getenv: getenv}
	asked := false
	parser, err := kong.New(cli, kong.Name(about.Name), kong.Description(about.Description), about.Vars,
		kong.Writers(stdout, stderr), kong.Exit(func(int) { asked = true }), kong.PostBuild(nameVariables),
		kong.Resolvers(&env), kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}))
	if err != nil {
		return nil, fmt.Errorf("define the command line of %s: %w", about.Name, err)
	}
	called, err := parser.Parse(args)
	if asked {
		return nil, ErrHelp
	}
	if err != nil {
		return nil, errors.Join(append(env.errs, fmt.Errorf("%w\nSee %s --help", err, about.Name))...)
	}
	return called, errors.Join(append(env.errs, check(called)...)...)
}

// variable returns the environment variable of a flag.
func variable(flag *kong.Flag) string {
	return strings.ToUpper(strings.ReplaceAll(flag.Name, "-", "_"))
}

// nameVariables adds its variable to the help of each flag.
func nameVariables(k *kong.Kong) error {
	return kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok && flag.Name != "help" {
			flag.Help += " [" + variable(flag) + "]"
		}
		return next(nil)
	})
}

// environment resolves flags that are not on the command line.
type environment struct {
	getenv func(string) string
	errs   []error
}

// Validate implements kong.Resolver.
func (*environment) Validate(*kong.Application) error { return nil }

// Resolve implements kong.Resolver. It checks the values of boolean flags itself:
// kong would stop at the first bad one and not report the other errors.
func (e *environment) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	text := e.getenv(variable(flag))
	if text == "" || flag.Name == "help" {
		return nil, nil //nolint:nilnil // kong's convention for: not set
	}
	if flag.Target.Kind() == reflect.Bool && !isBool(text) {
		e.errs = append(e.errs, fmt.Errorf("%s=%q: must be true or false", variable(flag), text))
		return nil, nil //nolint:nilnil // as above
	}
	return text, nil
}

func isBool(text string) bool {
	_, err := strconv.ParseBool(text)
	return err == nil
}

// check returns the errors of all flags and of all Checkers.
func check(called *kong.Context) []error {
	var found []error
	for _, flag := range called.Flags() {
		if v, ok := flag.Target.Addr().Interface().(interface{ failure() error }); ok {
			if err := v.failure(); err != nil {
				found = append(found, fmt.Errorf("--%s (%s): %w", flag.Name, variable(flag), err))
			}
		}
	}
	for _, node := range called.Path {
		if v, ok := checker(node); ok {
			found = append(found, v.Check()...)
		}
	}
	return found
}

func checker(p *kong.Path) (Checker, bool) {
	node := p.Node()
	if node == nil || !node.Target.CanAddr() {
		return nil, false
	}
	v, ok := node.Target.Addr().Interface().(Checker)
	return v, ok
}
