package conformance

import (
	"context"
	"time"

	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/like"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/store"
)

func (s *shop) like(user id.ID, productID int64, at time.Time) bool {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) (bool, error) {
		return tx.Likes.Add(ctx, like.Like{UserID: user, ProductID: productID, At: at})
	})
}

func (s *shop) unlike(user id.ID, productID int64) bool {
	s.Helper()
	return write(s, func(ctx context.Context, tx store.Tx) (bool, error) { return tx.Likes.Remove(ctx, user, productID) })
}

func likeTests() map[string]func(*shop) {
	return map[string]func(*shop){
		"a like is new once, and gone once":                            likeOnce,
		"a product that does not exist cannot be liked":                likeOfNothing,
		"likes are listed newest first, page by page, each user's own": likesListed,
	}
}

func likeOnce(s *shop) {
	u, p := s.user(), s.product(s.brand().ID, 0)
	s.equal([]bool{false, true, false, true, false, true}, []bool{
		s.unlike(u.ID, p.ID), s.like(u.ID, p.ID, noon()), s.like(u.ID, p.ID, noon()),
		s.unlike(u.ID, p.ID), s.unlike(u.ID, p.ID), s.like(u.ID, p.ID, noon()),
	})
}

func likeOfNothing(s *shop) {
	u := s.user()
	s.refuses(product.ErrNotFound, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Likes.Add(ctx, like.Like{UserID: u.ID, ProductID: 99, At: noon()})
		return err
	})
}

func likesListed(s *shop) {
	u, other, b := s.user(), s.user(), s.brand()
	var want []like.Like
	for i := range 7 {
		p := s.product(b.ID, 0)
		at := noon().Add(time.Duration(i/2) * time.Microsecond) // two at a time
		s.like(u.ID, p.ID, at)
		s.like(other.ID, p.ID, at)
		want = append([]like.Like{{UserID: u.ID, ProductID: p.ID, At: at}}, want...)
	}
	var got []like.Like
	var after *like.Position
	for {
		page := read(s, func(ctx context.Context, tx store.Tx) ([]like.Like, error) {
			return tx.Likes.Of(ctx, u.ID, after, 3)
		})
		if got = append(got, page...); len(page) < 3 {
			break
		}
		after = &like.Position{At: page[2].At, ProductID: page[2].ProductID}
	}
	s.equal(want, got)
}
