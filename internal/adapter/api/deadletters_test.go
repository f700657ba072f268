package api_test

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/loopers-commerce/commerce/internal/adapter/api"
	"github.com/loopers-commerce/commerce/internal/app/deadletters"
	"github.com/loopers-commerce/commerce/internal/base/id"
	"github.com/loopers-commerce/commerce/internal/domain/deadletter"
	"github.com/loopers-commerce/commerce/internal/domain/job"
	"github.com/loopers-commerce/commerce/internal/store"
	"github.com/loopers-commerce/commerce/internal/test/kit/storetest"
)

const lettersPath = "/admin/v1/dead-letters"

// sender is a Kafka that takes all replays.
type sender struct{ sent []deadletter.Letter }

func (*sender) Readable(deadletter.Letter) error { return nil }

func (s *sender) Replay(_ context.Context, letters []deadletter.Letter) []error {
	s.sent = append(s.sent, letters...)
	return make([]error, len(letters))
}

// launched is the last job that was started.
type launched struct {
	name, by   string
	parameters job.Parameters
}

func (l *launched) Launch(_ context.Context, name string, p job.Parameters, by string) (job.Execution, error) {
	if l.name != "" {
		return job.Execution{}, job.ErrRunning
	}
	*l = launched{name, by, p}
	return job.Execution{ID: id.ID{15: 9}, Job: name, Status: job.Starting}, nil
}

// withDesk returns a shop with two dead letters, and what its desk uses.
func withDesk(t *testing.T, on engine) (*shop, *sender, *launched) {
	t.Helper()
	kafka, jobs := &sender{}, &launched{}
	s := stockedOn(t, on, func(c *api.Config) {
		c.DeadLetters = deadletters.New(c.DB, kafka, c.Clock, slog.New(slog.DiscardHandler))
		c.Launcher = jobs
	})
	s.addLetter(t, 1)
	s.addLetter(t, 2)
	return s, kafka, jobs
}

func (s *shop) addLetter(t *testing.T, n int64) {
	t.Helper()
	at, expires := began.Add(-time.Hour), began.Add(24*time.Hour)
	event := id.Floor(at)
	event[15] = byte(n)
	l := deadletter.Letter{
		ID: id.ID{15: byte(n)}, At: deadletter.Place{Topic: "order-events-dlt", Partition: 3, Offset: n}, DeadAt: at, ExpiresAt: &expires, ChangedAt: at,
		Origin: deadletter.Place{Topic: "order-events", Partition: 3, Offset: 40 + n}, OriginAt: &at, Group: "ranking", Key: "17", EventID: event,
		Type: "order.paid", Cause: "commerce.HandlerFailed", Message: "상품이 없다", Attempts: 3, Size: 12,
		Content: &deadletter.Content{Key: []byte("17"), Value: []byte("{\x00}"), Headers: []deadletter.Header{{Name: "ce_type", Value: []byte("order.paid")}}},
	}
	err := s.db.Update(t.Context(), func(tx store.Tx) error {
		tx.Letters.Index(l)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

const (
	firstLetter = lettersPath + "/00000000-0000-0000-0000-000000000001"
	aReason     = `{"reason":"fixed in 1.4.2"}`
)

func TestAnAdminListsShowsReplaysAndDiscardsDeadLetters(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, on engine) {
		t.Helper()
		s, kafka, _ := withDesk(t, on)
		admin := s.as("admin")
		admin.get(lettersPath+"?state=NEW&topic=order-events&group=ranking&type=order.paid&key=17&error=상품&since=2026-01-01T00:00:00Z").must(t, s, 200).
			golden(t, "admin_letters")
		admin.get(firstLetter).must(t, s, 200).golden(t, "admin_letter")
		s.late.Store(60)
		admin.post(firstLetter+"/replay", aReason).must(t, s, 200).golden(t, "admin_letter_replayed")
		admin.post(lettersPath+"/00000000-0000-0000-0000-000000000002/discard", `{"reason":"카드 4111-1111-1111-1111"}`).must(t, s, 200).
			golden(t, "admin_letter_discarded")
		admin.get(lettersPath+"/summary").must(t, s, 200).golden(t, "admin_letters_summary")
		if len(kafka.sent) != 1 || kafka.sent[0].Origin.Offset != 41 {
			t.Errorf("sent was %+v", kafka.sent)
		}
	})
}

func TestManyDeadLettersAreReplayedInAJob(t *testing.T) {
	t.Parallel()
	s, kafka, jobs := withDesk(t, storetest.SQLite)
	admin := s.as("admin")
	admin.post(lettersPath+"/replay/preview", `{"group":"ranking"}`).must(t, s, 200).golden(t, "admin_letters_preview")
	admin.post(lettersPath+"/replay", `{"group":"ranking","eventId":"01920000-0000-7000-8000-000000000001","reason":"fixed","rate":5}`).must(t, s, 202).
		golden(t, "admin_letters_job")
	want := "actor=admin event=01920000-0000-7000-8000-000000000001 group=ranking max-replays=3 old=false rate=5 reason=fixed state=NEW"
	if got := jobs.parameters.String(); jobs.name != deadletters.ReplayJob || jobs.by != "admin" || strings.Join(strings.Fields(without(jobs.parameters)), " ") != want {
		t.Errorf("the job is %s %s by %s", jobs.name, got, jobs.by)
	}
	admin.post(lettersPath+"/discard", `{"key":"17","reason":"a test"}`).must(t, s, http.StatusConflict) // one at a time
	if len(kafka.sent) != 0 {
		t.Error("something was sent")
	}
}

// without returns the parameters that are not empty.
func without(p job.Parameters) string {
	var parts []string
	for _, name := range p.Names() {
		if p[name] != "" {
			parts = append(parts, name+"="+p[name])
		}
	}
	return strings.Join(parts, " ")
}

func TestWhatCannotBeDoneAboutADeadLetter(t *testing.T) {
	t.Parallel()
	s, _, _ := withDesk(t, storetest.SQLite)
	admin := s.as("admin")
	unknown := lettersPath + "/00000000-0000-0000-0000-000000000099"
	admin.get(unknown).must(t, s, 404)
	admin.post(unknown+"/replay", aReason).must(t, s, 404)
	admin.post(unknown+"/discard", aReason).must(t, s, 404)
	admin.get(lettersPath+"/jobs/00000000-0000-0000-0000-000000000099").must(t, s, 404)
	admin.post(firstLetter+"/discard", aReason).must(t, s, 200)
	admin.post(firstLetter+"/discard", aReason).must(t, s, 409)
	for _, query := range []string{"?state=OLD", "?eventId=x", "?since=yesterday", "?cursor=x"} {
		admin.get(lettersPath+query).must(t, s, 400)
	}
	for _, body := range []string{`{}`, `{"reason":""}`, `{"reason":"  "}`, `{"reason":"` + strings.Repeat("r", 501) + `"}`} {
		admin.post(firstLetter+"/replay", body).must(t, s, 400)
	}
	for _, body := range []string{`{"group":"ranking"}`, `{"reason":"r","rate":0}`, `{"reason":"r","maxReplays":0}`, `{"reason":"r","eventId":"x"}`} {
		admin.post(lettersPath+"/replay", body).must(t, s, 400)
	}
}

func TestOnlyAdminsSeeDeadLetters(t *testing.T) {
	t.Parallel()
	s, kafka, jobs := withDesk(t, storetest.SQLite)
	for who, status := range map[string]int{"": 401, "kim": 403} {
		for _, path := range []string{lettersPath, lettersPath + "/summary", firstLetter, lettersPath + "/jobs/00000000-0000-0000-0000-000000000009"} {
			s.as(who).get(path).must(t, s, status)
		}
		for _, path := range []string{firstLetter + "/replay", firstLetter + "/discard", lettersPath + "/replay", lettersPath + "/discard"} {
			s.as(who).post(path, aReason).must(t, s, status)
		}
		s.as(who).post(lettersPath+"/replay/preview", `{}`).must(t, s, status)
	}
	if len(kafka.sent) != 0 || jobs.name != "" {
		t.Error("something was done")
	}
}
