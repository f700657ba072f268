package rollup

import (
	"fmt"
	"strings"

	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// part is a partition of a step: a range of the products of a period.
type part struct {
	period  ranking.Period
	number  int   // from 1
	of      int   // the number of ranges of the period
	newest  int64 // the highest id of a product when the run was planned
	weights int64 // the newest change of the weights when the run was planned
}

const partFormat = "part %d/%d of products 1-%d, weights %d"

// String returns the name of the partition. It has all that the partition needs to know.
// So a run that is restarted on another day, or after a change of the weights, goes on
// with what it has begun.
func (p part) String() string {
	return fmt.Sprintf("%s "+partFormat, p.period.Key(), p.number, p.of, p.newest, p.weights)
}

// parsePart returns the partition with a name.
func parsePart(kind ranking.Kind, name string) (p part, err error) {
	key, rest, _ := strings.Cut(name, " ")
	if p.period, err = ranking.ParsePeriod(kind, key); err == nil {
		_, err = fmt.Sscanf(rest, partFormat, &p.number, &p.of, &p.newest, &p.weights)
	}
	if err != nil || p.String() != name || p.number < 1 || p.number > p.of {
		return part{}, fmt.Errorf("rollup: %q is no partition of a %s ranking", name, kind)
	}
	return p, nil
}

// products returns the range of the partition.
func (p part) products() ranking.Range { return ranking.RangeOf(p.number-1, p.of, p.newest) }
