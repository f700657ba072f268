package relay

import (
	"strconv"
	"strings"

	"github.com/loopers-commerce/commerce/internal/store"
)

// leasePrefix and the number of a lane are the name of its lease.
const leasePrefix = "outbox-lane-"

func leaseName(lane int) string { return leasePrefix + strconv.Itoa(lane) }

func leaseNames() []string {
	names := make([]string, store.Lanes)
	for lane := range names {
		names[lane] = leaseName(lane)
	}
	return names
}

func laneNumbers(names []string) []int {
	var numbers []int
	for _, name := range names {
		if lane, err := strconv.Atoi(strings.TrimPrefix(name, leasePrefix)); err == nil {
			numbers = append(numbers, lane)
		}
	}
	return numbers
}
