package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/app/rankings"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/product"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// Rankings reads rankings.
type Rankings interface {
	// Read returns a page of a ranking.
	Read(ctx context.Context, q rankings.Query) (rankings.Page, error)
	// Rank returns a product's rank on a day, nil if it has none or the ranking is unavailable.
	Rank(ctx context.Context, day clock.Day, productID int64) *int64
	// Ranks returns the ranks of products on a day. Those without one are missing.
	Ranks(ctx context.Context, day clock.Day, productIDs []int64) map[int64]int64
}

type rankingInput struct {
	Dated
	Conditional

	BrandID  int64  `query:"brandId" minimum:"1" doc:"Only products of this brand. Ranks are then those within the brand."`
	Page     int64  `query:"page" minimum:"1" maximum:"1000000" default:"1"`
	Size     int64  `query:"size" minimum:"1" maximum:"100" default:"20"`
	Snapshot string `query:"snapshot" maxLength:"1400" doc:"page.snapshot of an earlier page, to read other pages of the same state. \"new\" on the first page of a live ranking takes a snapshot."`
}

// query returns the question that the parameters ask, and the day that they name.
func (in *rankingInput) query(now time.Time) (rankings.Query, clock.Day, error) {
	kind, day, err := in.read(now)
	if err != nil {
		return rankings.Query{}, 0, err
	}
	return rankings.Query{
		Period: ranking.PeriodOf(kind, day), BrandID: in.BrandID, Number: in.Page, Size: in.Size, Snapshot: in.Snapshot,
	}, day, nil
}

type rankingBody struct {
	Period   string       `json:"period" enum:"daily,weekly,monthly"`
	Date     string       `json:"date" doc:"The day that was asked for." example:"20260131"`
	Key      string       `json:"key" doc:"Names the period: 20260131, 2026-W05 or 2026-01." example:"20260131"`
	FirstDay string       `json:"firstDay" example:"20260131"`
	LastDay  string       `json:"lastDay" example:"20260131"`
	AsOf     time.Time    `json:"asOf" doc:"What is shown was so at this time."`
	Complete bool         `json:"complete" doc:"Whether the period was over at asOf. Late events may still change it."`
	Source   string       `json:"source" enum:"board,table,database,none" doc:"board: the live ranking. table: a published ranking. database: computed from the counters, because the live ranking is being rebuilt; at most the first 10,000 ranks, a second old or older. none: nothing was counted."`
	Items    []rankedBody `json:"items" nullable:"false"`
	Page     rankingPage  `json:"page"`
}

type rankingPage struct {
	Number   int64   `json:"number" example:"1"`
	Size     int64   `json:"size" example:"20"`
	HasMore  bool    `json:"hasMore"`
	Snapshot *string `json:"snapshot" doc:"Send it with other pages to read the same state. Null if the pages move."`
}

type rankedBody struct {
	Rank     int64         `json:"rank" example:"1"`
	Movement *movement     `json:"movement" doc:"Compared with the period before; null if that has no ranking yet."`
	Product  rankedProduct `json:"product"`
	Score    score         `json:"score"`
}

// movement compares a rank with the one before.
type movement struct {
	PreviousRank *int64 `json:"previousRank" doc:"Null if the product had no rank: it is new." example:"3"`
	Change       *int64 `json:"change" doc:"previousRank less rank: positive if the product has risen. Null if it is new." example:"2"`
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

const rankingWords = "The ranking of a day, of an ISO week or of a month. The score of a day is live: it includes a tenth of the " +
	"score of the day before. The score of a week or a month is the sum of what its days have earned by themselves.\n\n" +
	"Today and the seven days before come from the live ranking. Older days, weeks and months come from published tables; " +
	"those of the running week and month are published too, with complete=false, some minutes old. Without the live " +
	"ranking, finished days come from the tables as well; today is computed from the counters or, in a shop with 10,000 " +
	"ranked products and more, comes from its last published ranking or, right after midnight, from what is carried over " +
	"from the day before. A period that has begun and is not published yet is " +
	"404 RANKING_NOT_PUBLISHED: Retry-After says when to ask again. If it can no longer be computed, it is " +
	"410 COUNTERS_NOT_KEPT. A ranking that has to be computed first, while others are, is 503 RANKING_BUSY; so is a page " +
	"beyond the ranks that are known while the live ranking is rebuilt. A period in the future, or without events, is an " +
	"empty page. " +
	"A brand that does not exist is 404 BRAND_NOT_FOUND.\n\n" +
	"Hidden products are left out, and the others keep their ranks. So a page may have fewer items than its size.\n\n" +
	"**Pages that stay put.** A published ranking never changes; a newer one replaces it. page.snapshot names the one that " +
	"you read: with it, all pages are of that one. A live ranking moves: from one page to the next, a product whose rank " +
	"has changed across the border between them is seen twice or not at all. snapshot=new on the first page takes a snapshot " +
	"of the first 1,000 ranks, which is kept for 5 minutes; pages beyond are empty. Names and prices of products, and " +
	"movements, are always those of now. page.snapshot is null for the live ranking of a brand, and while the live ranking " +
	"is being rebuilt (source database). A snapshot that is no longer kept is 410 SNAPSHOT_EXPIRED: start again."

func (s *service) registerRankings() {
	register(s, route{http.MethodGet, "/api/v1/rankings", "getRanking", "Get a ranking of products", "Rankings", anyone, 0}, s.ranking, inFlow(rankingFlow),
		func(op *huma.Operation) { op.Description = rankingWords })
	s.registerRankingStream()
}

func (s *service) ranking(ctx context.Context, in *rankingInput) (*output[rankingBody], error) {
	q, day, err := in.query(s.config.Clock())
	if err != nil {
		return nil, err
	}
	page, products, err := s.rankedPage(ctx, q)
	if err != nil {
		return nil, err
	}
	return &output[rankingBody]{rankingBody{
		Period: string(q.Period.Kind), Date: day.String(), Key: q.Period.Key(),
		FirstDay: q.Period.First.String(), LastDay: q.Period.Last.String(),
		AsOf: utc(page.AsOf), Complete: page.Complete, Source: string(page.Source), Items: ranked(page.Items, products),
		Page: rankingPage{in.Page, in.Size, page.HasMore, orNull(page.Snapshot)},
	}}, nil
}

// rankedPage reads a page of a ranking, and the products on it that are not hidden.
func (s *service) rankedPage(ctx context.Context, q rankings.Query) (rankings.Page, map[int64]product.Listing, error) {
	page, err := s.config.Rankings.Read(ctx, q)
	if err != nil {
		return page, nil, err
	}
	ids := make([]int64, len(page.Items))
	for i, item := range page.Items {
		ids[i] = item.ProductID
	}
	products, err := s.config.Catalog.Many(ctx, ids)
	return page, products, err
}

// ranked leaves out hidden products. The other products keep their ranks.
func ranked(items []rankings.Item, products map[int64]product.Listing) []rankedBody {
	bodies := make([]rankedBody, 0, len(items))
	for _, item := range items {
		if l, ok := products[item.ProductID]; ok {
			p := rankedProduct{l.ID, l.Name, int64(l.Price), brandRef{l.BrandID, l.BrandName}}
			bodies = append(bodies, rankedBody{item.Rank, moved(item), p, score{item.Score}})
		}
	}
	return bodies
}

func moved(item rankings.Item) *movement {
	switch {
	case !item.Compared:
		return nil
	case item.Previous == nil:
		return &movement{}
	default:
		change := *item.Previous - item.Rank
		return &movement{item.Previous, &change}
	}
}
