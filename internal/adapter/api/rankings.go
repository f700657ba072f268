package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

type rankingInput struct {
	Period string `query:"period" doc:"daily, which is also the default."`
	Date   string `query:"date" doc:"A day in Asia/Seoul as yyyyMMdd; the default is today." example:"20260131"`
	Page   int64  `query:"page" minimum:"1" maximum:"1000000" default:"1"`
	Size   int64  `query:"size" minimum:"1" maximum:"100" default:"20"`

	empty error // the error of a parameter that is present but empty
}

// Resolve implements huma.Resolver. For huma an empty parameter is absent; here ?date= is an error, because
// it does not mean today.
func (in *rankingInput) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	q := u.Query()
	switch {
	case q.Has("period") && in.Period == "":
		in.empty = ranking.ErrPeriod
	case q.Has("date") && in.Date == "":
		in.empty = ranking.ErrDate
	}
	return nil
}

type rankingBody struct {
	Period string       `json:"period" enum:"daily"`
	Date   string       `json:"date" example:"20260131"`
	Items  []rankedBody `json:"items" nullable:"false"`
	Page   struct {
		Number  int64 `json:"number" example:"1"`
		Size    int64 `json:"size" example:"20"`
		HasMore bool  `json:"hasMore"`
	} `json:"page"`
}

type rankedBody struct {
	Rank    int64         `json:"rank" example:"1"`
	Product rankedProduct `json:"product"`
	Score   score         `json:"score"`
}

type rankedProduct struct {
	ID    int64    `json:"id" example:"17"`
	Name  string   `json:"name" example:"Mug"`
	Price int64    `json:"price" doc:"In won." example:"12000"`
	Brand brandRef `json:"brand"`
}

// score is the exact decimal value of a score.
type score struct{ ranking.Points }

// Schema implements huma.SchemaProvider.
func (score) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeNumber, Description: "Decimal number with up to six decimal places.", Examples: []any{7.25}}
}

func (s *service) registerRankings() {
	register(s, route{http.MethodGet, "/api/v1/rankings", "getRanking", "Get a ranking of products", "Rankings", anyone, 0}, s.ranking)
}

func (s *service) ranking(ctx context.Context, in *rankingInput) (*output[rankingBody], error) {
	day, err := s.day(in)
	if err != nil {
		return nil, err
	}
	page, err := s.config.Rankings.Read(ctx, day, in.Page, in.Size)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, len(page.Entries))
	for i, e := range page.Entries {
		ids[i] = e.ProductID
	}
	products, err := s.config.Catalog.Many(ctx, ids)
	if err != nil {
		return nil, err
	}
	body := rankingBody{Period: "daily", Date: day.String(), Items: ranked(page.Entries, products)}
	body.Page.Number, body.Page.Size, body.Page.HasMore = in.Page, in.Size, page.HasMore
	return &output[rankingBody]{body}, nil
}

func (s *service) day(in *rankingInput) (clock.Day, error) {
	switch {
	case in.empty != nil:
		return 0, in.empty
	case in.Period != "" && in.Period != "daily":
		return 0, ranking.ErrPeriod
	case in.Date == "":
		return clock.DayOf(s.config.Clock()), nil
	}
	day, err := clock.ParseDay(in.Date)
	if err != nil {
		return 0, ranking.ErrDate.Because("%v", err)
	}
	return day, nil
}

// ranked leaves out hidden products. The other products keep their ranks.
func ranked(entries []ranking.Entry, products map[int64]product.Listing) []rankedBody {
	items := make([]rankedBody, 0, len(entries))
	for _, e := range entries {
		if l, ok := products[e.ProductID]; ok {
			p := rankedProduct{l.ID, l.Name, int64(l.Price), brandRef{l.BrandID, l.BrandName}}
			items = append(items, rankedBody{e.Rank, p, score{e.Score}})
		}
	}
	return items
}
