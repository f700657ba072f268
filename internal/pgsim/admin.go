package pgsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/loopers-commerce/commerce/internal/contract/pgwire"
)

// administer serves what tests and demos need, and no real gateway has.
func (s *Simulator) administer(mux *http.ServeMux) {
	mux.HandleFunc("GET /admin/faults", func(w http.ResponseWriter, _ *http.Request) { tell(w, http.StatusOK, s.Faults()) })
	mux.HandleFunc("PUT /admin/faults", func(w http.ResponseWriter, r *http.Request) { s.changeFaults(w, r, true) })
	mux.HandleFunc("PATCH /admin/faults", func(w http.ResponseWriter, r *http.Request) { s.changeFaults(w, r, false) })
	mux.HandleFunc("POST /admin/scenario/{name}", s.playScenario)
	mux.HandleFunc("GET /admin/totals", func(w http.ResponseWriter, _ *http.Request) { tell(w, http.StatusOK, s.Totals()) })
	mux.HandleFunc("GET /admin/transactions", s.listTransactions)
}

func tell(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(body) // who is gone needs no answer
}

func tellWrong(w http.ResponseWriter, status int, complaints []error) {
	texts := make([]string, len(complaints))
	for i, c := range complaints {
		texts[i] = c.Error()
	}
	tell(w, status, map[string]any{"errors": texts})
}

// changeFaults sets the faults that the body names. The others are none if it
// is whole, else as they were.
func (s *Simulator) changeFaults(w http.ResponseWriter, r *http.Request, whole bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, longestBody))
	if err != nil {
		tellWrong(w, http.StatusBadRequest, []error{fmt.Errorf("the body cannot be read: %w", err)})
		return
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	var f Faults
	if !whole {
		f = s.Faults()
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		tellWrong(w, http.StatusBadRequest, []error{fmt.Errorf("the body is not the JSON of faults: %w", err)})
		return
	}
	if found := f.Complaints(inJSON); len(found) > 0 {
		tellWrong(w, http.StatusBadRequest, found)
		return
	}
	s.faults.Store(&f)
	s.log.Info("the faults were changed", "faults", f)
	tell(w, http.StatusOK, f)
}

func (s *Simulator) playScenario(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	f, ok := Scenario(name)
	if !ok {
		tellWrong(w, http.StatusNotFound, []error{errors.New("there is no such scenario: take one of " + strings.Join(Scenarios(), ", "))})
		return
	}
	s.faults.Store(&f)
	s.log.Info("the scenario was changed", "scenario", name)
	tell(w, http.StatusOK, f)
}

// transactionsPage is an answer to GET /admin/transactions. Next is what to give as
// "after" to see more, null if there is no more.
type transactionsPage struct {
	Items []Charge `json:"items"`
	Next  *int     `json:"next"`
}

func (s *Simulator) listTransactions(w http.ResponseWriter, r *http.Request) {
	filter, found := filter(r.URL.Query())
	if len(found) > 0 {
		tellWrong(w, http.StatusBadRequest, found)
		return
	}
	items, more := s.book.list(filter)
	page := transactionsPage{Items: items}
	if more {
		page.Next = &items[len(items)-1].Sequence
	}
	tell(w, http.StatusOK, page)
}

const (
	usualPage   = 100
	largestPage = 10_000
)

// filter reads the parameters, and returns all that is wrong with them.
func filter(q url.Values) (f Filter, found []error) {
	f = Filter{User: q.Get("user"), OrderID: q.Get("orderId"), Status: pgwire.Status(q.Get("status")), Size: usualPage}
	statuses := []pgwire.Status{"", pgwire.Pending, pgwire.Success, pgwire.Failed, pgwire.Cancelled}
	if !slices.Contains(statuses, f.Status) {
		found = append(found, errors.New("status must be PENDING, SUCCESS, FAILED or CANCELLED"))
	}
	var err error
	if text := q.Get("since"); text != "" {
		if f.Since, err = time.Parse(time.RFC3339, text); err != nil {
			found = append(found, errors.New("since must be a time like 2025-08-16T09:00:00Z"))
		}
	}
	if text := q.Get("after"); text != "" {
		if f.After, err = strconv.Atoi(text); err != nil || f.After < 0 {
			found = append(found, errors.New("after must be the next of the page before"))
		}
	}
	if text := q.Get("size"); text != "" {
		if f.Size, err = strconv.Atoi(text); err != nil || f.Size < 1 || f.Size > largestPage {
			found = append(found, fmt.Errorf("size must be from 1 to %d", largestPage))
		}
	}
	return f, found
}

// inJSON is how fields of Faults are called in JSON.
func inJSON(field string) string { return field }
