package load

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/loopers-commerce/commerce/internal/test/kit/apiclient"
	"github.com/loopers-commerce/commerce/internal/test/kit/openloop"
)

// check judges an answer that is no error of the server.
type check func(apiclient.Response) openloop.Judgement

// request returns a request whose answer is judged.
func (s *shop) request(kind string, q apiclient.Request, right check) openloop.Request {
	return openloop.Request{Kind: kind, Send: func(ctx context.Context) func() openloop.Judgement {
		got, err := s.client.Do(ctx, q)
		return func() openloop.Judgement { return judge(got, err, right) }
	}}
}

func judge(got apiclient.Response, err error, right check) openloop.Judgement {
	switch {
	case err != nil:
		return openloop.Judgement{Verdict: openloop.Failed, Why: whyUnanswered(err)}
	case got.Status == http.StatusTooManyRequests || got.Status == http.StatusServiceUnavailable && !isFailure(got.Code()):
		if got.RetryAfter == "" {
			return wrong("%d %s without Retry-After", got.Status, got.Code())
		}
		return openloop.Judgement{Verdict: openloop.Refused, Why: fmt.Sprintf("%d %s", got.Status, got.Code())}
	case got.Status >= http.StatusInternalServerError:
		return openloop.Judgement{Verdict: openloop.Failed, Why: fmt.Sprintf("%d %s", got.Status, got.Code())}
	default:
		return right(got)
	}
}

// isFailure tells a request that was accepted and came to nothing from one that was refused:
// both are 503.
func isFailure(code string) bool { return code == "TIMEOUT" || code == "DEPENDENCY_AWAY" }

// whyUnanswered names an error without the address and the port: there are many.
func whyUnanswered(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer: the customer has given up"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		err = op.Err
	}
	text := err.Error()
	return "no answer: " + text[strings.LastIndex(text, ": ")+1:]
}

func wrong(format string, args ...any) openloop.Judgement {
	return openloop.Judgement{Verdict: openloop.Wrong, Why: fmt.Sprintf(format, args...)}
}

func declined(code string) openloop.Judgement {
	return openloop.Judgement{Verdict: openloop.Declined, Why: code}
}

// decoded is a check of a body of one type. An error says what is wrong with it.
func decoded[T any](status int, right func(T) error) check {
	return func(got apiclient.Response) openloop.Judgement {
		if got.Status != status {
			return wrong("%d %s, not %d", got.Status, got.Code(), status)
		}
		var body T
		if err := got.Decode(&body); err != nil {
			return wrong("the body cannot be decoded: %v", err)
		}
		if err := right(body); err != nil {
			return wrong("%v", err)
		}
		return openloop.Judgement{}
	}
}

// unless is a check that takes one error code as a right answer.
func unless(code string, right check) check {
	return func(got apiclient.Response) openloop.Judgement {
		if got.Status == http.StatusConflict && got.Code() == code {
			return declined(code)
		}
		return right(got)
	}
}

// empty is a check of an answer without a body.
func empty(got apiclient.Response) openloop.Judgement {
	if got.Status != http.StatusNoContent || len(got.Body) > 0 {
		return wrong("%d with %d bytes, not 204", got.Status, len(got.Body))
	}
	return openloop.Judgement{}
}
