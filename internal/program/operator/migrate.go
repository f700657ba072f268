package operator

import (
	"fmt"
	"strconv"

	"github.com/loopers-commerce/commerce/internal/adapter/sqlstore"
	"github.com/loopers-commerce/commerce/internal/domain/user"
	"github.com/loopers-commerce/commerce/internal/program/kit/config"
	"github.com/loopers-commerce/commerce/internal/store"
)

type migrateCommand struct {
	config.Database
	config.Log
	output
}

// Run implements the command.
func (c *migrateCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	s.env.DirectURL = c.DatabaseDirectURL.Get()
	db, err := s.env.Store(s.ctx, c.DatabaseURL.Get())
	if err != nil {
		return err
	}
	defer db.Close()
	applied, err := db.Migrate(s.ctx)
	if err != nil {
		return err
	}
	version, _, err := db.Version(s.ctx)
	if err != nil {
		return err
	}
	rows := make([][]string, len(applied))
	for i, m := range applied {
		rows[i] = []string{strconv.FormatInt(m.Version, 10), m.Name}
	}
	if err := c.printTable(s.stdout, append([]sqlstore.Migration{}, applied...), []string{"VERSION", "APPLIED"}, rows); err != nil || c.JSON {
		return err
	}
	_, err = fmt.Fprintf(s.stdout, "The schema is at version %d; %d migrations were applied.\n", version, len(applied))
	return err
}

type grantCommand struct {
	config.Database
	config.Log

	LoginID string `arg:"" help:"The user's loginId."`
	Role    string `arg:"" enum:"admin,customer" help:"The role: admin or customer."`
}

// Run implements the command.
func (c *grantCommand) Run(s *session) error {
	defer s.begin(&c.Log)()
	return s.withStore(&c.Database, func(db *sqlstore.DB) error {
		err := db.Update(s.ctx, func(tx store.Tx) error {
			return tx.Users.SetRole(s.ctx, c.LoginID, user.Role(c.Role))
		})
		if err != nil {
			return fmt.Errorf("%s: %w", c.LoginID, err)
		}
		_, err = fmt.Fprintf(s.stdout, "%s is now %s.\n", c.LoginID, c.Role)
		return err
	})
}
