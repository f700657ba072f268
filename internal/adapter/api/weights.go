package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/loopers-commerce/commerce/internal/app/scoring"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
	"github.com/loopers-commerce/commerce/internal/store"
)

// weight is the exact decimal value of a weight.
type weight struct{ ranking.Thousandths }

// Schema implements huma.SchemaProvider. The limits are those of ranking.Weights.Check.
func (weight) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeNumber, Description: "Decimal number with up to three decimal places.", Examples: []any{0.1}}
}

// Weights are those of the ranking. The type is exported because huma ignores unexported embedded fields.
type Weights struct {
	View  weight `json:"view" doc:"Points for a view, 0 to 10."`
	Like  weight `json:"like" doc:"Points for a like, 0 to 10."`
	Order weight `json:"order" doc:"Points for the natural logarithm of 1 + the amount of an order line in won, 0 to 10."`
	Carry weight `json:"carry" doc:"The part of its score of the day before that a product keeps, 0 to 1."`
}

type weightsInput struct {
	Keyed

	Body struct {
		Weights

		Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Kept in the history with the admin and the time." example:"likes say more than views"`
	}
}

type trialInput struct {
	Date string  `query:"date" doc:"A day in Asia/Seoul as yyyyMMdd; the default is today." example:"20260131"`
	Body Weights `json:"body"`
}

type weightsChangeBody struct {
	ID      int64      `json:"id" doc:"Counts up from 1; 0 is that of the default weights." example:"3"`
	Weights Weights    `json:"weights"`
	At      *time.Time `json:"at" doc:"Null for the default weights."`
	Actor   *string    `json:"actor" doc:"The login ID of the admin, or the name of the operator."`
	Reason  *string    `json:"reason"`
}

type weightsHistoryBody struct {
	Current weightsChangeBody   `json:"current"`
	Items   []weightsChangeBody `json:"items" nullable:"false" doc:"All changes, newest first."`
	Page    pageInfo            `json:"page"`
}

type trialBody struct {
	Date    string          `json:"date" example:"20260131"`
	Weights Weights         `json:"weights"`
	Items   []previewedBody `json:"items" nullable:"false"`
}

type previewedBody struct {
	Rank      int64  `json:"rank" doc:"With these weights." example:"1"`
	RankNow   *int64 `json:"rankNow" doc:"With the weights of now; null: not in the ranking." example:"4"`
	ProductID int64  `json:"productId" example:"17"`
	Score     score  `json:"score" doc:"With these weights."`
}

const adminWeights = "/admin/v1/ranking/weights"

func (s *service) registerWeights() {
	const tag = "Admin"
	register(s, route{http.MethodGet, adminWeights, "getRankingWeights", "The weights of the ranking, and who changed them, when and why", tag, admins, 0}, s.weights)
	register(s, route{http.MethodPut, adminWeights, "changeRankingWeights", "Change the weights of the ranking: the current day and those after it are scored by them", tag, admins, 0}, s.changeWeights)
	register(s, route{http.MethodPost, adminWeights + "/preview", "previewRankingWeights", "The top 20 of a day as they would be with these weights; changes nothing", tag, admins, 0}, s.previewWeights)
}

func (s *service) weights(ctx context.Context, in *Paged) (*output[weightsHistoryBody], error) {
	current, p, err := s.config.Scoring.History(ctx, in.Size, in.Cursor)
	if err != nil {
		return nil, err
	}
	page := toPageBody(p, toWeightsChange).Body
	return &output[weightsHistoryBody]{weightsHistoryBody{toWeightsChange(current), page.Items, page.Page}}, nil
}

// edit returns the edit that sets all weights.
func (b Weights) edit() scoring.Edit {
	return scoring.Edit{View: &b.View.Thousandths, Like: &b.Like.Thousandths, Order: &b.Order.Thousandths, Carry: &b.Carry.Thousandths}
}

func (s *service) changeWeights(ctx context.Context, in *weightsInput) (*output[weightsChangeBody], error) {
	e := in.Body.edit()
	e.Reason, e.Actor = in.Body.Reason, currentLogin(ctx)
	toResponse := func(c ranking.WeightsChange) response {
		return response{status: http.StatusOK, body: toWeightsChange(c)}
	}
	c, err := idempotent(ctx, s, idempotentRequest{"PUT " + adminWeights, in.Key, in.Body}, toResponse, func(g store.Guard) (ranking.WeightsChange, error) {
		return s.config.Scoring.Change(ctx, e, g)
	})
	if err != nil {
		return nil, err
	}
	return &output[weightsChangeBody]{toWeightsChange(c)}, nil
}

func (s *service) previewWeights(ctx context.Context, in *trialInput) (*output[trialBody], error) {
	day, err := dayOrToday(in.Date, s.config.Clock())
	if err != nil {
		return nil, err
	}
	w, found, err := s.config.Scoring.Preview(ctx, in.Body.edit(), day)
	if err != nil {
		return nil, err
	}
	b := trialBody{Date: day.String(), Weights: toWeights(w), Items: make([]previewedBody, len(found))}
	for i, p := range found {
		b.Items[i] = previewedBody{p.Rank, p.Now, p.ProductID, score{p.Score}}
	}
	return &output[trialBody]{b}, nil
}

func toWeights(w ranking.Weights) Weights {
	exact := func(n int64) weight { return weight{ranking.Thousandths(n)} }
	return Weights{exact(w.View), exact(w.Like), exact(w.Order), exact(w.Carry)}
}

func toWeightsChange(c ranking.WeightsChange) weightsChangeBody {
	b := weightsChangeBody{ID: c.ID, Weights: toWeights(c.Weights)}
	if c.ID != 0 {
		b.At, b.Actor, b.Reason = utcOrNull(&c.At), orNull(c.Actor), orNull(c.Reason)
	}
	return b
}
