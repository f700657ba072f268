// Package job describes the executions of batch jobs, in the words of Spring Batch.
package job

import (
	"encoding/json"
	"maps"
	"slices"
)

// Parameters are the parameters of a job, by name. Two runs of a job with the same
// parameters are executions of the same job instance.
type Parameters map[string]string

// String returns the canonical form: JSON with sorted names. Empty parameters are "{}".
func (p Parameters) String() string {
	text, _ := json.Marshal(map[string]string(maps.Clone(p))) // a map of strings has a JSON form
	if p == nil {
		return "{}"
	}
	return string(text)
}

// Names returns the sorted names.
func (p Parameters) Names() []string { return slices.Sorted(maps.Keys(p)) }
