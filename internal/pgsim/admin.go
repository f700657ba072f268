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

// adminRoutes registers /admin: it is for tests and demos, and no real gateway has it.
func (s *Simulator) adminRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /admin/faults", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Faults()) })
	mux.HandleFunc("PUT /admin/faults", func(w http.ResponseWriter, r *http.Request) { s.changeFaults(w, r, true) })
	mux.HandleFunc("PATCH /admin/faults", func(w http.ResponseWriter, r *http.Request) { s.changeFaults(w, r, false) })
	mux.HandleFunc("POST /admin/scenario/{name}", s.applyScenario)
	mux.HandleFunc("GET /admin/totals", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, s.Totals()) })
	mux.HandleFunc("GET /admin/transactions", s.listTransactions)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(body) // the client may have closed the connection
}

func writeErrors(w http.ResponseWriter, status int, errs []error) {
	texts := make([]string, len(errs))
	for i, err := range errs {
		texts[i] = err.Error()
	}
	writeJSON(w, status, map[string]any{"errors": texts})
}

// changeFaults replaces the faults by those in the body, or changes only the given ones unless replace
// is true.
func (s *Simulator) changeFaults(w http.ResponseWriter, r *http.Request, replace bool) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodySize))
	if err != nil {
		writeErrors(w, http.StatusBadRequest, []error{fmt.Errorf("the body cannot be read: %w", err)})
		return
	}
	s.faultsMu.Lock()
	defer s.faultsMu.Unlock()
	var f Faults
	if !replace {
		f = s.Faults()
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		writeErrors(w, http.StatusBadRequest, []error{fmt.Errorf("the body is not valid JSON of faults: %w", err)})
		return
	}
	if found := f.Validate(jsonName); len(found) > 0 {
		writeErrors(w, http.StatusBadRequest, found)
		return
	}
	s.faults.Store(&f)
	s.log.Info("faults changed", "faults", f)
	writeJSON(w, http.StatusOK, f)
}

func (s *Simulator) applyScenario(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	f, ok := Scenario(name)
	if !ok {
		writeErrors(w, http.StatusNotFound, []error{errors.New("unknown scenario; it must be one of " + strings.Join(Scenarios(), ", "))})
		return
	}
	s.faults.Store(&f)
	s.log.Info("scenario changed", "scenario", name)
	writeJSON(w, http.StatusOK, f)
}

// transactionsPage is a response of GET /admin/transactions. Next is the value of "after" for the next
// page, null on the last page.
type transactionsPage struct {
	Items []Charge `json:"items"`
	Next  *int     `json:"next"`
}

func (s *Simulator) listTransactions(w http.ResponseWriter, r *http.Request) {
	filter, found := parseFilter(r.URL.Query())
	if len(found) > 0 {
		writeErrors(w, http.StatusBadRequest, found)
		return
	}
	items, more := s.ledger.list(filter)
	page := transactionsPage{Items: items}
	if more {
		page.Next = &items[len(items)-1].Sequence
	}
	writeJSON(w, http.StatusOK, page)
}

const (
	defaultPageSize = 100
	maxPageSize     = 10_000
)

// parseFilter parses the query parameters. It returns all errors at once.
func parseFilter(q url.Values) (f Filter, found []error) {
	f = Filter{User: q.Get("user"), OrderID: q.Get("orderId"), Status: pgwire.Status(q.Get("status")), Size: defaultPageSize}
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
			found = append(found, errors.New("after must be the value of next of the previous page"))
		}
	}
	if text := q.Get("size"); text != "" {
		if f.Size, err = strconv.Atoi(text); err != nil || f.Size < 1 || f.Size > maxPageSize {
			found = append(found, fmt.Errorf("size must be from 1 to %d", maxPageSize))
		}
	}
	return f, found
}

// jsonName is the name of a field of Faults in JSON.
func jsonName(field string) string { return field }
