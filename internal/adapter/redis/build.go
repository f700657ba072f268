package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/ranking"
)

// A day's mark says whether its board is complete:
//
//	"building <run> <builder> <attempt>"  a builder is building it
//	"whole <run> <stamp>"                 it was built on this run of the server
//
// The run is the server's run_id. A server that has restarted may have lost data, so
// its boards have to be built again.
const (
	building = "building"
	whole    = "whole"
)

// buildTimeout is how long a builder may write nothing before its build counts as
// abandoned.
const buildTimeout = time.Minute

// noRun stands for the run of a server that does not report one, as the embedded
// server. That one loses everything when it stops, marks included.
const noRun = "-"

func isComplete(mark string) bool { return strings.HasPrefix(mark, whole+" ") }

// Begin starts a build of a day's board and returns a token for Fill and Finish. From
// now on the board is not complete, and an earlier build of the day is superseded.
// Begin deletes the versions, so that scores of a database that was restored from a
// backup are accepted too; scores stay until they are overwritten. The builder must
// read the database after Begin: then its scores include what live writers wrote to
// the board before, and what they write later has a version.
//
// The generation is that of the weights that the scores are computed by. From now on Set
// refuses scores of an earlier one, which versions of counters do not tell apart. Begin
// accepts any generation: a database that was restored from a backup has an earlier one.
func (b *Board) Begin(ctx context.Context, day clock.Day, builder string, generation int64) (token string, err error) {
	run, err := b.serverRun(ctx)
	if err != nil {
		return "", err
	}
	token = fmt.Sprintf("%s %s %s %d", building, run, escape(builder), b.attempts.Add(1))
	args := []any{token, buildTimeout.Milliseconds(), ranking.Expiry(day).Unix(), generation}
	return token, b.run(ctx, "begin a build", b.scripts.begin, day, args)
}

// Fill is Set for a build. If the token is no longer the current one, it writes
// nothing and returns ranking.ErrSuperseded.
func (b *Board) Fill(ctx context.Context, day clock.Day, token string, scores []ranking.Score) error {
	return b.write(ctx, day, token, 0, scores)
}

// Finish removes the products that nobody has written since Begin, and marks the
// board as complete, with the stamp for Incomplete. It returns ranking.ErrSuperseded
// like Fill. It looks at each product, and calls step after each few thousand of them: the
// time that it takes has no bound.
func (b *Board) Finish(ctx context.Context, day clock.Day, token, stamp string, step func() error) error {
	_, _, own, live := b.keys(day)
	for _, key := range []string{own, live} {
		err := b.scan(ctx, key, func(members []string, _ []int64) error {
			if err := b.sweep(ctx, day, token, members); err != nil {
				return err
			}
			return step()
		})
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
		args = append(args, token, buildTimeout.Milliseconds())
		for _, m := range part {
			args = append(args, m)
		}
		if err := b.run(ctx, "sweep", b.scripts.sweep, day, args); err != nil {
			return err
		}
	}
	return nil
}

// Incomplete returns the days whose board is not complete, with the reason: it is
// missing, it was built with another stamp than the one given or on another run of the
// server, or the calling builder began a build and has not finished it. Days that
// another builder is building are not included.
func (b *Board) Incomplete(ctx context.Context, builder string, stamps map[clock.Day]string) (map[clock.Day]string, error) {
	run, err := b.serverRun(ctx)
	if err != nil || len(stamps) == 0 {
		return nil, err
	}
	states, err := b.states(ctx, slices.Sorted(maps.Keys(stamps)))
	reasons := make(map[clock.Day]string)
	for day, state := range states {
		if reason := incomplete(state, run, builder, stamps[day]); reason != "" {
			reasons[day] = reason
		}
	}
	return reasons, err
}

// escape removes the blanks from a builder's name: blanks separate the parts of a mark.
func escape(builder string) string { return url.QueryEscape(builder) }

// incomplete returns why a board has to be built, or "".
func incomplete(state state, run, builder, stamp string) string {
	f := strings.Fields(state.mark.Val())
	switch {
	case len(f) < 3:
		return "it was never built, or was lost"
	case f[0] == building && group(f[2]) == group(escape(builder)):
		return "its build did not finish"
	case f[0] == building:
		return ""
	case f[1] != run:
		return "redis has restarted since it was built"
	case f[2] != stamp:
		return "it was built with other weights"
	case !state.intact():
		return "redis has lost a part of it"
	default:
		return ""
	}
}

// group returns the part of a builder's name before the first dot. Of the builders of a
// group one works at a time, so a build of another one is abandoned.
func group(builder string) string {
	name, _, _ := strings.Cut(builder, ".")
	return name
}

// serverRun returns the run_id of the server.
func (b *Board) serverRun(ctx context.Context) (string, error) {
	var info string
	err := b.do(ctx, "read the run id", func(ctx context.Context) (err error) {
		mark, _, _, _ := b.keys(0)
		server, err := serverOf(ctx, b.client, mark)
		if err == nil {
			info, err = server.Info(ctx, "server").Result()
		}
		return err
	})
	var reply goredis.Error
	if errors.As(err, &reply) && strings.Contains(reply.Error(), "not supported") {
		return noRun, nil
	}
	if run, ok := field(info, "run_id"); ok {
		return run, err
	}
	return noRun, err
}
