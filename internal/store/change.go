package store

// Change says that a transaction has written to a product. It may have failed.
type Change struct {
	ProductID int64
	// Facts is false if only a number has changed: there is less stock than before, or
	// more, but still some.
	Facts bool
	// Stock is true if nothing but its stock was written.
	Stock bool
}
