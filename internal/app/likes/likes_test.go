package likes_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/loopers-commerce/commerce/internal/base/page"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/test/kit/shoptest"
)

func TestALikeRepeatedAHundredTimesIsOneLikeAndOneEvent(t *testing.T) {
	t.Parallel()
	shoptest.OnBothEngines(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim := s.Product(t, 10, 1), s.Customer(t, 0)
		repeat := func(do func() error) {
			t.Helper()
			if err := errors.Join(shoptest.AtOnce(16, func(int) error {
				for range 100 / 16 {
					if err := do(); err != nil {
						return err
					}
				}
				return do()
			})...); err != nil {
				t.Error(err)
			}
		}
		repeat(func() error { return s.Likes.Like(t.Context(), kim, mug) })
		if p, err := s.Likes.List(t.Context(), kim, 10, ""); err != nil || len(p.Items) != 1 || s.Promised(t, "product.liked") != 1 {
			t.Errorf("%d likes, %d events, %v; want one of each", len(p.Items), s.Promised(t, "product.liked"), err)
		}
		repeat(func() error { return s.Likes.Unlike(t.Context(), kim, mug) })
		if p, err := s.Likes.List(t.Context(), kim, 10, ""); err != nil || len(p.Items) != 0 || s.Promised(t, "product.unliked") != 1 {
			t.Errorf("%d likes, %d events, %v; want none and one", len(p.Items), s.Promised(t, "product.unliked"), err)
		}
	})
}

func TestAHiddenProductCannotBeLiked(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		mug, kim := s.Product(t, 10, 1), s.Customer(t, 0)
		s.Hide(t, mug)
		for _, pid := range []int64{mug, 999_999} {
			if err := s.Likes.Like(t.Context(), kim, pid); !errors.Is(err, product.ErrNotFound) {
				t.Errorf("Like(%d) = %v, want ErrNotFound", pid, err)
			}
			if err := s.Likes.Unlike(t.Context(), kim, pid); err != nil {
				t.Errorf("Unlike(%d) = %v", pid, err)
			}
		}
		if n := s.Promised(t, "product.liked") + s.Promised(t, "product.unliked"); n != 0 {
			t.Errorf("%d events without a like", n)
		}
	})
}

func TestLikesAreListedNewestFirstWithoutHiddenProducts(t *testing.T) {
	t.Parallel()
	shoptest.OnSQLite(t, func(s *shoptest.Shop) {
		t := s.T
		kim, lee := s.Customer(t, 0), s.Customer(t, 0)
		var liked []int64
		for range 5 {
			pid := s.Product(t, 10, 1)
			if err := s.Likes.Like(t.Context(), kim, pid); err != nil {
				t.Fatal(err)
			}
			liked = append(liked, pid)
		}
		s.Hide(t, liked[1])
		wanted := []int64{liked[4], liked[3], liked[2], liked[0]}
		var seen []int64
		for cursor, first := "", true; first || cursor != ""; first = false {
			p, err := s.Likes.List(t.Context(), kim, 2, cursor)
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range p.Items {
				seen = append(seen, l.ID)
			}
			cursor = p.Next
		}
		if !slices.Equal(seen, wanted) {
			t.Errorf("saw %v, want %v", seen, wanted)
		}
		if p, err := s.Likes.List(t.Context(), lee, 2, ""); err != nil || len(p.Items) != 0 || p.Items == nil {
			t.Errorf("likes of another user: %v, %v", p.Items, err)
		}
		if _, err := s.Likes.List(t.Context(), kim, 2, "x"); !errors.Is(err, page.ErrCursor) {
			t.Errorf("a bad cursor: %v", err)
		}
	})
}
