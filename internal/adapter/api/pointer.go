package api

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// token returns a name as a part of a JSON pointer.
func token(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

// pointerTo returns the JSON pointer of the value that ends at an offset of a JSON text, as encoding/json reports it: of some
// values it names the byte behind the end.
func pointerTo(text []byte, offset int64) string {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a number may be the very one that is out of range
	var way places
	for {
		t, err := d.Token()
		switch {
		case err != nil:
			return ""
		case t == json.Delim(']') || t == json.Delim('}'):
			way = way[:len(way)-1]
		case way.atName():
			way[len(way)-1].name, _ = t.(string)
			way[len(way)-1].named = true
		default:
			delimiter, opens := t.(json.Delim)
			way.next()
			if end := d.InputOffset(); end >= offset || !opens && end+1 >= offset {
				return way.pointer()
			}
			if opens {
				way = append(way, inside{object: delimiter == '{', index: -1})
			}
		}
	}
}

// places are the containers around a place in a JSON text, the outermost first.
type places []inside

// inside is a place in a container.
type inside struct {
	object bool
	index  int    // of the value in an array
	name   string // of the value in an object
	named  bool   // its name has come, and it has not
}

func (p places) atName() bool {
	return len(p) > 0 && p[len(p)-1].object && !p[len(p)-1].named
}

// next notes that a value begins.
func (p places) next() {
	if len(p) > 0 {
		p[len(p)-1].index++
		p[len(p)-1].named = false
	}
}

func (p places) pointer() (pointer string) {
	for _, in := range p {
		if in.object {
			pointer += "/" + token(in.name)
		} else {
			pointer += "/" + strconv.Itoa(in.index)
		}
	}
	return pointer
}
