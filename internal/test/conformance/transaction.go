package conformance

import (
	"context"
	"errors"

	"github.com/loopers-commerce/commerce/internal/domain/like"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/store"
)

var errBoom = errors.New("boom")

func transactionTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a transaction sees what it has queued":                                    ownWritesSeen,
		"a transaction of nothing commits":                                         emptyCommit,
		"writes and locks in a View or a Snapshot are refused":                     readOnlyRefuses,
		"a Snapshot sees the same commits in all reads, a View the newest in each": snapshotStandsStill,
		"other transactions do not see what is not committed":                      uncommittedUnseen,
		"the database answers, and its schema is the one wanted":                   schemaWanted,
		"an error that fn swallows still ends the transaction":                     swallowedError,
	}
}

func ownWritesSeen(s *shop) {
	u := s.user()
	u.ID, u.LoginID, u.Email = s.ids(), "queued", "queued@example.com"
	s.equal(u, write(s, func(ctx context.Context, tx store.Tx) (user.User, error) {
		tx.Users.Add(u)
		return tx.Users.Get(ctx, u.ID)
	}))
}

func emptyCommit(s *shop) {
	s.update(func(context.Context, store.Tx) error { return nil })
}

func readOnlyRefuses(s *shop) {
	u, p := s.user(), s.product(s.brand().ID, 1)
	for name, fn := range map[string]func(context.Context, store.Tx) error{
		"queued write": func(_ context.Context, tx store.Tx) error { tx.Points.Open(u.ID); return nil },
		"write": func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Likes.Add(ctx, like.Like{UserID: u.ID, ProductID: p.ID, At: noon()})
			return err
		},
		"lock": func(ctx context.Context, tx store.Tx) error {
			_, err := tx.Points.Lock(ctx, u.ID)
			return err
		},
	} {
		if s.db.View(s.Context(), func(tx store.Tx) error { return fn(s.Context(), tx) }) == nil {
			s.Errorf("a View takes a %s", name)
		}
		if s.db.Snapshot(s.Context(), func(tx store.Tx) error { return fn(s.Context(), tx) }) == nil {
			s.Errorf("a Snapshot takes a %s", name)
		}
	}
	s.equal(true, s.like(u.ID, p.ID, noon()))
}

func snapshotStandsStill(s *shop) {
	p := s.product(s.brand().ID, 5)
	twice := func(run func(context.Context, func(store.Tx) error) error) (before, after int64) {
		err := run(s.Context(), func(tx store.Tx) error {
			l, err := tx.Products.Get(s.Context(), p.ID)
			if err != nil {
				return err
			}
			s.update(func(ctx context.Context, tx store.Tx) error { return s.take(ctx, tx, 1, p.ID) })
			again, err := tx.Products.Get(s.Context(), p.ID)
			before, after = l.Stock, again.Stock
			return err
		})
		if err != nil {
			s.Error(err)
		}
		return before, after
	}
	if before, after := twice(s.db.Snapshot); before != 5 || after != 5 {
		s.Errorf("a Snapshot saw %d, then %d", before, after)
	}
	if before, after := twice(s.db.View); before != 4 || after != 3 {
		s.Errorf("a View saw %d, then %d", before, after)
	}
}

func uncommittedUnseen(s *shop) {
	p := s.product(s.brand().ID, 5)
	s.update(func(ctx context.Context, tx store.Tx) error {
		if err := s.take(ctx, tx, 1, p.ID); err != nil {
			return err
		}
		if _, err := tx.Stocks.Lock(ctx, []int64{p.ID}); err != nil { // sends the write
			return err
		}
		s.equal(int64(5), s.listing(p.ID).Stock)
		return nil
	})
	s.equal(int64(4), s.listing(p.ID).Stock)
}

func schemaWanted(s *shop) {
	if err := errors.Join(s.db.Ping(s.Context()), s.db.CheckSchema(s.Context())); err != nil {
		s.Error(err)
	}
	have, want, err := s.db.Version(s.Context())
	if have != want || have == 0 || err != nil {
		s.Errorf("version %d of %d, %v", have, want, err)
	}
	if taken, err := s.db.Migrate(s.Context()); len(taken) > 0 || err != nil {
		s.Errorf("a second migration took %v, %v", taken, err)
	}
}

func swallowedError(s *shop) {
	b := s.brand()
	p := s.product(b.ID, 0)
	s.refuses(product.ErrSKUTaken, func(ctx context.Context, tx store.Tx) error {
		other := p
		other.SKU = "fresh"
		if _, err := tx.Products.Add(ctx, other); err != nil {
			return err
		}
		_, _ = tx.Products.Add(ctx, p) // the error is ignored
		return nil
	})
	s.equal(0, len(read(s, func(ctx context.Context, tx store.Tx) (map[string]int64, error) {
		return tx.Products.BySKU(ctx, []string{"fresh"})
	})))
}
