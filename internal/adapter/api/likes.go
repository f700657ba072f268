package api

import (
	"context"
	"net/http"
)

func (s *service) registerLikes() {
	const tag, path = "Likes", "/api/v1/products/{id}/likes"
	register(s, route{http.MethodPost, path, "likeProduct", "Like a product; a repeated request changes nothing", tag, users, 0},
		func(ctx context.Context, in *ByID) (*empty, error) {
			return &empty{}, s.config.Likes.Like(ctx, currentUser(ctx), in.ID)
		})
	register(s, route{http.MethodDelete, path, "unlikeProduct", "Unlike a product; a repeated request changes nothing", tag, users, 0},
		func(ctx context.Context, in *ByID) (*empty, error) {
			return &empty{}, s.config.Likes.Unlike(ctx, currentUser(ctx), in.ID)
		})
	register(s, route{http.MethodGet, mePath + "/likes", "listMyLikes", "List the products that I like, the newest like first", tag, users, 0},
		func(ctx context.Context, in *Paged) (*output[pageOf[productItem]], error) {
			p, err := s.config.Likes.List(ctx, currentUser(ctx), in.Size, in.Cursor)
			if err != nil {
				return nil, err
			}
			return toPageBody(p, toProductItem), nil
		})
}
