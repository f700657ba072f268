package eventdocs

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// ErrBreaking is returned for documents that break what was released. Events that were
// published stay in Kafka and in the database, and other programs read them. So a
// released rule is neither loosened, which would break its readers, nor tightened,
// which would make old events invalid.
var ErrBreaking = errors.New("this breaks what was released: events are only added to")

// open is the keyword that lists the values that are known so far.
const open = "x-extensible-enum"

// withoutWords removes the keywords that explain and do not decide. The keys of an
// object may be names that the shop has given, such as those of fields: these stay.
func withoutWords(part any, names bool) {
	switch part := part.(type) {
	case object:
		for key, value := range part {
			if !names && slices.Contains([]string{"title", "description", "summary", "examples", "info"}, key) {
				delete(part, key)
				continue
			}
			withoutWords(value, !names && slices.Contains([]string{"properties", "schemas", "messages", "channels", "operations"}, key))
		}
	case []any:
		for _, value := range part {
			withoutWords(value, false)
		}
	}
}

// Compatible returns ErrBreaking with every break of the released documents.
func Compatible(released, now Documents) error {
	var c comparison
	for _, name := range slices.Sorted(keysOf(released)) {
		if !strings.HasSuffix(name, ".json") {
			continue
		}
		before, after := c.parse(name, released), c.parse(name, now)
		if name == asyncFile {
			c.asyncAPI(before, after)
		} else {
			c.schema(strings.TrimSuffix(name, ending), before, after)
		}
	}
	if len(c.breaks) == 0 {
		return nil
	}
	return fmt.Errorf("%w:\n  %s", ErrBreaking, strings.Join(c.breaks, "\n  "))
}

// comparison collects what breaks.
type comparison struct{ breaks []string }

func (c *comparison) breaksAt(at, format string, args ...any) {
	c.breaks = append(c.breaks, at+": "+fmt.Sprintf(format, args...))
}

func (c *comparison) parse(name string, d Documents) (content object) {
	text, there := d[name]
	if !there {
		return nil
	}
	if err := json.Unmarshal(text, &content); err != nil {
		c.breaksAt(name, "it is not JSON: %v", err)
	}
	withoutWords(content, false)
	return content
}

// asyncAPI compares two AsyncAPI documents: what is named stays, with its place.
func (c *comparison) asyncAPI(before, after object) {
	for _, part := range []string{"channels", "operations"} {
		for name := range inside(before, part) {
			old, now := inside(before, part, name), inside(after, part, name)
			c.sameBut(part+" "+name, old, now, "messages")
			if now != nil {
				c.subset(part+" "+name, inside(old, "messages"), inside(now, "messages"))
			}
		}
	}
	for name := range inside(before, "components", "messages") {
		old, now := inside(before, "components", "messages", name), inside(after, "components", "messages", name)
		c.sameBut("message "+name, old, now, "payload")
		c.alternatives("message "+name, inside(old, "payload"), inside(now, "payload"))
	}
	for name := range inside(before, "components", "schemas") {
		c.schema(name, inside(before, "components", "schemas", name), inside(after, "components", "schemas", name))
	}
}

// subset compares objects of which the later one may have more.
func (c *comparison) subset(at string, before, after object) {
	for _, key := range slices.Sorted(keysOf(before)) {
		if !reflect.DeepEqual(before[key], after[key]) {
			c.breaksAt(at, "its %s was %s and is now %s", key, show(before[key]), show(after[key]))
		}
	}
}

// alternatives compares payloads: one that is any of some schemas may get more of them.
func (c *comparison) alternatives(at string, before, after object) {
	old, _ := before["anyOf"].([]any)
	now, _ := after["anyOf"].([]any)
	for _, schema := range old {
		if !slices.ContainsFunc(now, func(s any) bool { return reflect.DeepEqual(s, schema) }) {
			c.breaksAt(at, "its payload can no longer be %s", show(schema))
		}
	}
	if after != nil && old == nil {
		c.sameBut(at, before, after)
	}
}

// inside returns an object inside of others; nil if it is not there.
func inside(o object, names ...string) object {
	for _, name := range names {
		o, _ = o[name].(object)
	}
	return o
}

// sameBut compares all keywords that decide, but for some that are compared elsewhere.
func (c *comparison) sameBut(at string, before, after object, but ...string) {
	if after == nil {
		c.breaksAt(at, "it was removed")
		return
	}
	for _, key := range slices.Sorted(keysOf(before, after)) {
		old, now := before[key], after[key]
		switch {
		case slices.Contains(but, key), reflect.DeepEqual(old, now):
		case old == nil:
			c.breaksAt(at, "it now has %s %s", key, show(now))
		case now == nil:
			c.breaksAt(at, "it no longer has %s %s", key, show(old))
		default:
			c.breaksAt(at, "its %s was %s and is now %s", key, show(old), show(now))
		}
	}
}

// schema compares two schemas of one thing.
func (c *comparison) schema(at string, before, after object) {
	c.sameBut(at, before, after, "properties", "required", "items", open)
	if after == nil {
		return
	}
	for name := range inside(before, "properties") {
		c.schema(at+"."+name, inside(before, "properties", name), inside(after, "properties", name))
	}
	if items := inside(before, "items"); items != nil {
		c.schema(at+"[]", items, inside(after, "items"))
	}
	old, now := strs(before["required"]), strs(after["required"])
	for _, name := range now {
		if !slices.Contains(old, name) {
			c.breaksAt(at+"."+name, "it is newly required: older events do not have it (give the field omitempty or omitzero)")
		}
	}
	for _, name := range old {
		if !slices.Contains(now, name) && inside(after, "properties", name) != nil {
			c.breaksAt(at+"."+name, "it is no longer required: readers rely on it")
		}
	}
	for _, value := range strs(before[open]) {
		if !slices.Contains(strs(after[open]), value) {
			c.breaksAt(at, "the value %s was removed", value)
		}
	}
}

// strs returns the texts of a list.
func strs(list any) (texts []string) {
	values, _ := list.([]any)
	for _, v := range values {
		text, _ := v.(string)
		texts = append(texts, text)
	}
	return texts
}

func show(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// keysOf yields each key of some maps once.
func keysOf[M ~map[string]V, V any](all ...M) iter.Seq[string] {
	keys := map[string]bool{}
	for _, m := range all {
		for key := range m {
			keys[key] = true
		}
	}
	return maps.Keys(keys)
}
