package coded

import (
	"strconv"
	"strings"
)

// Coding is a content coding.
type Coding int

// The codings, the best one first: if a client likes several as much, it gets the first.
const (
	Zstd Coding = iota
	Brotli
	Gzip
	codings // how many there are
	Plain   = codings
)

// names are the names of the codings. Nobody writes to it.
//
//nolint:gochecknoglobals // see above
var names = [codings]string{"zstd", "br", "gzip"}

// Asked returns the coding that a client likes best, by its headers Accept-Encoding (RFC
// 9110, section 12.5.3). A client that likes none of ours gets the answer plain, even if it
// refuses that.
func Asked(headers []string) Coding {
	if len(headers) == 0 {
		return Plain
	}
	weights, plain := weightsOf(headers)
	best, most := Plain, 0
	for c, w := range weights {
		if w > most {
			best, most = Coding(c), w
		}
	}
	if plain > most {
		return Plain
	}
	return best
}

// weightsOf returns how much a client likes each coding, in thousandths, and a plain answer;
// 0 if it says nothing about it.
func weightsOf(headers []string) (weights [codings]int, plain int) {
	const unsaid = -1
	for c := range weights {
		weights[c] = unsaid
	}
	others := 0
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ",") {
			name, parameters, _ := strings.Cut(part, ";")
			weight := weightOf(parameters)
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, "identity"):
				plain = weight
			case name == "*":
				others = weight
			default:
				for c, known := range names {
					if strings.EqualFold(name, known) {
						weights[c] = weight
					}
				}
			}
		}
	}
	for c, w := range weights {
		if w == unsaid {
			weights[c] = others
		}
	}
	return weights, plain
}

// weightOf returns the weight of the parameters q=0.5 in thousandths; 0 if it is not valid.
func weightOf(parameters string) int {
	parameters = strings.TrimSpace(parameters)
	if parameters == "" {
		return 1000
	}
	name, value, _ := strings.Cut(parameters, "=")
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 32)
	if !strings.EqualFold(strings.TrimSpace(name), "q") || err != nil || !(q >= 0 && q <= 1) {
		return 0
	}
	return int(q * 1000)
}
