package leaderboard

import "hash/maphash"

// groups is the number of groups of products that have a checksum.
const groups = 4096

// group returns the group of a product.
func group(productID int64) uint64 { return uint64(productID) % groups } //nolint:gosec // ids are positive

// checksums are those of the scores of a board, one for each group of products. They do
// not depend on the order of the scores.
type checksums struct {
	seed  maphash.Seed // both sides of a comparison have the same one
	sums  [groups]uint64
	count int64 // scores
}

func newChecksums(seed maphash.Seed) *checksums { return &checksums{seed: seed} }

func (c *checksums) add(what string, productID, score int64) {
	type entry struct {
		what           string
		product, score int64
	}
	c.sums[group(productID)] += maphash.Comparable(c.seed, entry{what, productID, score})
	c.count++
}

// differ returns the groups whose checksums are not the same.
func (c *checksums) differ(d *checksums) map[uint64]bool {
	found := make(map[uint64]bool)
	for g := range uint64(groups) {
		if c.sums[g] != d.sums[g] {
			found[g] = true
		}
	}
	return found
}
