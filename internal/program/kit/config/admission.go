package config

import (
	"fmt"
	"runtime"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
)

// Admission bounds what is done at a time for customers. With the defaults all flows
// together would use 17 connections to the database, orders 6 of them, if all were busy at once.
type Admission struct {
	AdmissionPatience Duration `help:"How long a request waits for its turn at most. If it would have to wait longer, it is refused with 503." default:"${admission_patience=300ms}"`
	AdmissionReads    Count    `help:"Number of reads that are served at a time. Answers from the near cache do not count." default:"5"`
	AdmissionWrites   Count    `help:"Number of likes, charges of points and cancellations that are served at a time." default:"2"`
	AdmissionCoupons  Count    `help:"Number of coupons that are issued at a time." default:"2"`
	AdmissionAdmin    Count    `help:"Number of requests of admins that are served at a time." default:"2"`
	AdmissionLogIns   uint16   `name:"admission-log-ins" help:"Number of log-ins and sign-ups that are served at a time: each occupies a processor. 0: half of the processors." default:"0"`
	AdmissionGateway  Count    `help:"Number of callbacks of the payment gateway that are served at a time." default:"32"`
}

// CheckAdmission returns an error if requests would end before they are refused.
func (c *Admission) CheckAdmission(w Web) []error {
	if p, most := c.AdmissionPatience.Get(), w.RequestTimeout.Get(); p >= most {
		return []error{fmt.Errorf("ADMISSION_PATIENCE is %v and must be shorter than REQUEST_TIMEOUT, %v", p, most)}
	}
	return nil
}

// Limits returns the limits of the API.
func (c *Admission) Limits() api.Admission {
	logIns := int(c.AdmissionLogIns)
	if logIns == 0 {
		logIns = max(runtime.GOMAXPROCS(0)/2, 1)
	}
	return api.Admission{
		Patience: c.AdmissionPatience.Get(), Reads: c.AdmissionReads.Get(), Writes: c.AdmissionWrites.Get(), Coupons: c.AdmissionCoupons.Get(),
		Admin: c.AdmissionAdmin.Get(), LogIns: logIns, Gateway: c.AdmissionGateway.Get(),
	}
}
