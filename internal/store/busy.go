package store

import "github.com/loopers-commerce/commerce/internal/base/fault"

// ErrBusy is returned by a transaction that needed what somebody else held for too long.
// It has had no effect.
var ErrBusy = fault.New(fault.Unavailable, "BUSY", "somebody else holds what this needs; nothing has happened; try again later")
