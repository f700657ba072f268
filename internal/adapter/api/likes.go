package api

import (
	"context"
	"net/http"
)

func (s *service) likes() {
	const tag, path = "Likes", "/api/v1/products/{id}/likes"
	register(s, route{http.MethodPost, path, "likeProduct", "Like a product; repeating it changes nothing", tag, users, 0},
		func(ctx context.Context, in *ByID) (*nothing, error) {
			return &nothing{}, s.Likes.Like(ctx, caller(ctx), in.ID)
		})
	register(s, route{http.MethodDelete, path, "unlikeProduct", "Take a like back; repeating it changes nothing", tag, users, 0},
		func(ctx context.Context, in *ByID) (*nothing, error) {
			return &nothing{}, s.Likes.Unlike(ctx, caller(ctx), in.ID)
		})
	register(s, route{http.MethodGet, mePath + "/likes", "listMyLikes", "The products I like, the newest like first", tag, users, 0},
		func(ctx context.Context, in *Paged) (*shown[pageOf[productItem]], error) {
			p, err := s.Likes.List(ctx, caller(ctx), in.Size, in.Cursor)
			if err != nil {
				return nil, err
			}
			return showPage(p, showItem), nil
		})
}
