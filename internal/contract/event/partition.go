package event

import "encoding/binary"

// PartitionOf returns the partition of a key in a topic of Partitions partitions. It is
// that of Kafka's own producers: murmur2 of the key, without the sign.
func PartitionOf(key string) int { return int(murmur2([]byte(key))&0x7fffffff) % Partitions }

// murmur2 is the hash of org.apache.kafka.common.utils.Utils.murmur2: MurmurHash2 by Austin
// Appleby, with the seed of Kafka.
func murmur2(data []byte) uint32 {
	const (
		seed  = 0x9747b28c
		m     = 0x5bd1e995
		shift = 24
	)
	h := seed ^ uint32(len(data)) //nolint:gosec // a key is short
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * m
		h = h*m ^ (k^k>>shift)*m
	}
	for i := len(data) - 1; i >= 0; i-- {
		h ^= uint32(data[i]) << (8 * i)
	}
	if len(data) > 0 {
		h *= m
	}
	h = (h ^ h>>13) * m
	return h ^ h>>15
}
