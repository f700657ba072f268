package api

import (
	"context"
	"net/http"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/scoring"
)

type explainInput struct {
	Dated

	ProductID int64 `path:"productId" minimum:"1"`
}

type explanationBody struct {
	ProductID int64           `json:"productId" example:"17"`
	Period    string          `json:"period" enum:"daily,weekly,monthly"`
	From      string          `json:"from" doc:"The first day of the period." example:"20260126"`
	To        string          `json:"to" doc:"The last day of the period." example:"20260201"`
	Rank      *int64          `json:"rank" doc:"In the live ranking of a day or, without one, the published rank. Null if the product has none." example:"3"`
	Score     score           `json:"score" doc:"By the counters of now: the sum of the parts of the days."`
	Published *publishedPlace `json:"published" doc:"The place in the published ranking, which is what getRanking shows for weeks, months and older days. Null if the period is not published."`
	Days      []dayPartBody   `json:"days" nullable:"false" doc:"Oldest first. Those of a daily ranking are the day and the seven days before, which are carried over."`
}

type publishedPlace struct {
	AsOf     time.Time `json:"asOf" doc:"The ranking shows what was so at this time."`
	Complete bool      `json:"complete" doc:"Whether the period was over at asOf."`
	Stale    bool      `json:"stale" doc:"Whether counters or weights have changed since, so that its score may differ from the explained one. It is computed anew soon."`
	Rank     *int64    `json:"rank" doc:"Null if the product is not among the ranks that are kept." example:"3"`
	Score    *score    `json:"score" doc:"Null without a rank."`
}

type dayPartBody struct {
	Date       string       `json:"date" example:"20260131"`
	Counters   countersBody `json:"counters"`
	Weights    Weights      `json:"weights" doc:"Those in force at the end of the day."`
	WeightsID  int64        `json:"weightsId" doc:"The change that set the weights; 0: they are the default weights." example:"3"`
	Views      score        `json:"views" doc:"Points of the views."`
	Likes      score        `json:"likes" doc:"Points of the likes."`
	Orders     score        `json:"orders" doc:"Points of the orders."`
	Own        score        `json:"own" doc:"views + likes + orders."`
	CarriedIn  score        `json:"carriedIn" doc:"What the day takes over of the live score of the day before, cut off after six decimal places."`
	Live       score        `json:"live" doc:"own + carriedIn."`
	CarriedOut score        `json:"carriedOut" doc:"What the day after takes over."`
	Part       score        `json:"part" doc:"The part of the score. The parts of all days add up to the score, to the last digit."`
}

type countersBody struct {
	Views    int64 `json:"views" example:"120"`
	Likes    int64 `json:"likes" doc:"Likes less unlikes." example:"7"`
	Orders   int64 `json:"orders" doc:"Paid orders, less cancelled ones." example:"2"`
	Quantity int64 `json:"quantity" example:"3"`
	Amount   int64 `json:"amount" doc:"In won." example:"36000"`
	// AmountLog is in thousandths, as it is stored.
	AmountLog int64 `json:"amountLog" doc:"Sum over the order lines of 1000 x ln(1 + amount), each rounded." example:"18786"`
}

func (s *service) registerExplain() {
	register(s, route{http.MethodGet, "/api/v1/rankings/{productId}/explain", "explainRanking", "Explain the score of a product, day by day", "Rankings", anyone, 0}, s.explain)
}

func (s *service) explain(ctx context.Context, in *explainInput) (*output[explanationBody], error) {
	kind, day, err := in.read(s.config.Clock())
	if err != nil {
		return nil, err
	}
	if _, err := s.config.Catalog.Get(ctx, in.ProductID); err != nil { // customers do not see hidden products
		return nil, err
	}
	e, err := s.config.Scoring.Explain(ctx, kind, day, in.ProductID)
	if err != nil {
		return nil, err
	}
	return &output[explanationBody]{toExplanation(e)}, nil
}

func toExplanation(e scoring.Explained) explanationBody {
	b := explanationBody{
		ProductID: e.ProductID, Period: string(e.Period.Kind), From: e.Period.First.String(), To: e.Period.Last.String(),
		Rank: e.Rank(), Score: score{e.Score}, Published: toPublishedPlace(e.Published), Days: make([]dayPartBody, len(e.Days)),
	}
	for i, d := range e.Days {
		c := d.Counters
		b.Days[i] = dayPartBody{
			Date:     c.Day.String(),
			Counters: countersBody{c.Views, c.Likes, c.Orders, c.Quantity, int64(c.Amount), c.AmountLog},
			Weights:  toWeights(d.Weights.Weights), WeightsID: d.Weights.ID,
			Views: score{d.Views}, Likes: score{d.Likes}, Orders: score{d.Orders}, Own: score{d.Own()},
			CarriedIn: score{d.In}, Live: score{d.Live}, CarriedOut: score{d.Out}, Part: score{d.Part},
		}
	}
	return b
}

func toPublishedPlace(p *scoring.Published) *publishedPlace {
	if p == nil {
		return nil
	}
	place := &publishedPlace{AsOf: utc(p.AsOf), Complete: p.Complete, Stale: p.Stale, Rank: p.Rank}
	if p.Score != nil {
		place.Score = &score{*p.Score}
	}
	return place
}
