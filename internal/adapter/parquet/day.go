package parquet

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/loopers-commerce/commerce/internal/app/export"
	"github.com/loopers-commerce/commerce/internal/base/clock"
	"github.com/loopers-commerce/commerce/internal/domain/metric"
	"github.com/loopers-commerce/commerce/internal/store"
)

// The rows of the files: docs/scale.md describes the columns.
type (
	counterRow struct {
		ProductID int64 `parquet:"product_id"`
		Views     int64 `parquet:"views"`
		Likes     int64 `parquet:"likes"`
		Orders    int64 `parquet:"orders"`
		Quantity  int64 `parquet:"quantity"`
		Amount    int64 `parquet:"amount"`
		AmountLog int64 `parquet:"amount_log"`
		Version   int64 `parquet:"version"`
	}
	saleRow struct {
		OrderID   string    `parquet:"order_id"`
		Line      int32     `parquet:"line"`
		ProductID int64     `parquet:"product_id"`
		Price     int64     `parquet:"price"`
		Quantity  int64     `parquet:"quantity"`
		PaidAt    time.Time `parquet:"paid_at,timestamp(microsecond)"`
	}
	weightRow struct {
		View   int64 `parquet:"w_view"`
		Like   int64 `parquet:"w_like"`
		Order  int64 `parquet:"w_order"`
		Carry  int64 `parquet:"w_carry"`
		Change int64 `parquet:"change_id"`
	}
)

// day implements export.Files.
type day struct {
	folder   *Folder
	counters *file[counterRow]
	sales    *file[saleRow]
	weights  *file[weightRow]
}

// Begin implements export.Folder.
func (f *Folder) Begin(of clock.Day) (export.Files, error) {
	d := &day{folder: f}
	err := d.open(of)
	if err != nil {
		d.Abort()
		return nil, fmt.Errorf("begin the files of %s: %w", of, err)
	}
	return d, nil
}

func (d *day) open(of clock.Day) (err error) {
	root := d.folder.path
	if d.counters, err = create[counterRow](root, dayFolder(counters, of)); err != nil {
		return err
	}
	if d.sales, err = create[saleRow](root, dayFolder(sales, of)); err != nil {
		return err
	}
	d.weights, err = create[weightRow](root, dayFolder(weights, of))
	return err
}

// Counter implements export.Files.
func (d *day) Counter(c metric.Counters) error {
	return d.counters.add(counterRow{
		c.ProductID, c.Views, c.Likes, c.Orders, c.Quantity, int64(c.Amount), c.AmountLog, c.Version,
	})
}

// Sold implements export.Files.
func (d *day) Sold(s store.Sold) error {
	return d.sales.add(saleRow{
		s.Order.String(), int32(s.Number), s.Line.ProductID, int64(s.Line.Price), s.Line.Quantity, s.PaidAt, //nolint:gosec // an order has few lines
	})
}

// Commit implements export.Files. The manifest is written last: a day is complete if it
// has one that says what is in its files.
func (d *day) Commit(m export.Manifest) error {
	w := m.Weights
	if err := d.weights.add(weightRow{w.Weights.View, w.Weights.Like, w.Weights.Order, w.Weights.Carry, w.ID}); err != nil {
		return err
	}
	for _, finish := range []func() (export.File, error){d.counters.finish, d.sales.finish, d.weights.finish} {
		done, err := finish()
		if err != nil {
			return err
		}
		m.Files = append(m.Files, done)
	}
	for _, publish := range []func() error{d.counters.publish, d.sales.publish, d.weights.publish} {
		if err := publish(); err != nil {
			return err
		}
	}
	return d.folder.save(m)
}

// save writes a manifest.
func (f *Folder) save(m export.Manifest) error {
	path := f.manifest(m.Day)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // other programs read the files
		return err
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	out, err := os.Create(path + temporary) //nolint:gosec // a file within the folder
	if err != nil {
		return err
	}
	if _, err = out.Write(append(text, '\n')); err == nil {
		err = out.Sync()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return publish(path)
}

// Abort implements export.Files.
func (d *day) Abort() {
	if d.counters != nil {
		d.counters.abort()
	}
	if d.sales != nil {
		d.sales.abort()
	}
	if d.weights != nil {
		d.weights.abort()
	}
}
