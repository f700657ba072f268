package redis

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// A day's mark says whether its board is whole:
//
//	"building <run> <builder> <attempt>"  somebody is making it
//	"whole <run> <stamp>"                 it was made, on this run of the server
//
// The run is the server's run_id, so that a server that started again, perhaps
// with less than it had, is told from the one that was made whole.
const (
	building = "building"
	whole    = "whole"
)

// patience is how long a builder may be silent before it is thought dead.
const patience = time.Minute

// nameless is the run of a server that does not tell its own. The embedded one
// does not; it forgets everything when it stops, the marks included.
const nameless = "-"

func isWhole(mark string) bool { return strings.HasPrefix(mark, whole+" ") }

// Begin starts to make a day's board anew and returns a token for Fill and
// Finish. From now on the board is not whole, and an earlier build of the day
// is superseded. Versions are forgotten, so that even a database that went back
// in time can be followed; scores stay until they are written over. The database
// must be read after Begin: then what a live writer wrote before is in what is
// read, and what it writes later has a version.
func (b *Board) Begin(ctx context.Context, day clock.Day, builder string) (token string, err error) {
	run, err := b.serverRun(ctx)
	if err != nil {
		return "", err
	}
	mark, versions, _, _ := b.keys(day)
	token = fmt.Sprintf("%s %s %s %d", building, run, word(builder), b.attempts.Add(1))
	return token, b.do(ctx, "begin a build", func(ctx context.Context) error {
		_, err := b.client.TxPipelined(ctx, func(p goredis.Pipeliner) error {
			p.Set(ctx, mark, token, patience)
			p.Unlink(ctx, versions)
			return nil
		})
		return err
	})
}

// Fill is Set by a builder. It ends in ranking.ErrSuperseded when the token is
// no longer the one that counts, and nothing is written then.
func (b *Board) Fill(ctx context.Context, day clock.Day, token string, scores []ranking.Score) error {
	return b.write(ctx, day, token, scores)
}

// Finish removes the products that neither the builder nor anyone else has
// written since Begin, and marks the board whole, with the stamp that Unfinished
// will ask for. It ends in ranking.ErrSuperseded as Fill does.
func (b *Board) Finish(ctx context.Context, day clock.Day, token, stamp string) error {
	_, _, own, live := b.keys(day)
	for _, key := range []string{own, live} {
		err := b.scan(ctx, key, func(members []string, _ []int64) error { return b.sweep(ctx, day, token, members) })
		if err != nil {
			return err
		}
	}
	mark := fmt.Sprintf("%s %s %s", whole, strings.Fields(token)[1], stamp)
	return b.run(ctx, "finish a build", b.scripts.finish, day, []any{token, mark, ranking.Expiry(day).Unix()})
}

func (b *Board) sweep(ctx context.Context, day clock.Day, token string, members []string) error {
	for part := range slices.Chunk(members, chunk) {
		args := make([]any, 0, 2+len(part))
		args = append(args, token, patience.Milliseconds())
		for _, m := range part {
			args = append(args, m)
		}
		if err := b.run(ctx, "sweep", b.scripts.sweep, day, args); err != nil {
			return err
		}
	}
	return nil
}

// Incomplete returns those of the days whose board is not whole, with the
// reason: it is missing, it was made with another stamp or on another run of
// the server, or its builder is the one that asks, who has evidently stopped.
// Days that somebody else is making are not among them.
func (b *Board) Incomplete(ctx context.Context, builder, stamp string, days []clock.Day) (map[clock.Day]string, error) {
	run, err := b.serverRun(ctx)
	if err != nil || len(days) == 0 {
		return nil, err
	}
	marks := make([]string, len(days))
	for i, d := range days {
		marks[i], _, _, _ = b.keys(d)
	}
	var states []any
	err = b.do(ctx, "read marks", func(ctx context.Context) (err error) {
		states, err = b.client.MGet(ctx, marks...).Result()
		return err
	})
	reasons := make(map[clock.Day]string)
	for i, state := range states {
		if why := flaw(state, run, builder, stamp); why != "" {
			reasons[days[i]] = why
		}
	}
	return reasons, err
}

// word is a builder's name without the blanks that would part a mark.
func word(builder string) string { return url.QueryEscape(builder) }

// flaw says why a mark is not one of a board that can be left alone.
func flaw(state any, run, builder, stamp string) string {
	mark, there := state.(string)
	f := strings.Fields(mark)
	switch {
	case !there || len(f) < 3:
		return "it was never made, or was lost"
	case f[0] == building && f[2] == word(builder):
		return "making it did not succeed"
	case f[0] == building:
		return ""
	case f[1] != run:
		return "redis started again since it was made"
	case f[2] != stamp:
		return "it was made with other weights"
	default:
		return ""
	}
}

// serverRun is the run_id of the server.
func (b *Board) serverRun(ctx context.Context) (string, error) {
	var info string
	err := b.do(ctx, "ask for the run", func(ctx context.Context) (err error) {
		info, err = b.client.Info(ctx, "server").Result()
		return err
	})
	var reply goredis.Error
	if errors.As(err, &reply) && strings.Contains(reply.Error(), "not supported") {
		return nameless, nil
	}
	for line := range strings.Lines(info) {
		if run, ok := strings.CutPrefix(line, "run_id:"); ok {
			return strings.TrimSpace(run), err
		}
	}
	return nameless, err
}
