package sqlstore

import "github.com/loopers-commerce/commerce/internal/store"

// comparison compares the values of one subject, such as a product.
type comparison struct {
	subject string
	out     store.AuditReport
}

func (c comparison) equal(what string, want, got int64) {
	if want != got {
		c.out.Differs(store.Difference{Subject: c.subject, What: what, Want: want, Got: got})
	}
}

func (c comparison) notNegative(what string, got int64) {
	if got < 0 {
		c.out.Differs(store.Difference{Subject: c.subject, What: what + " below zero", Want: 0, Got: got})
	}
}

func (c comparison) atMost(what string, most, got int64) {
	if got > most {
		c.out.Differs(store.Difference{Subject: c.subject, What: what, Want: most, Got: got})
	}
}

func flag(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
