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

	Check bool `help:"Change nothing: list loginIds, emails and names of brands that are the same but for case, blanks or encoding. The exit code is 1 if there are any."`
}

// Help returns the text that kong prints below the summary of the command.
func (*migrateCommand) Help() string {
	return "LoginIds, emails and the names of brands are unique whatever their case, blanks and encoding. Rows that were there before and are the same " +
		"are not changed, and keep working: each of the users logs in by exactly their own loginId. --check lists them, and says how to part them."
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
	if c.Check {
		return c.check(s, db)
	}
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

// check lists the twins.
func (c *migrateCommand) check(s *session, db *sqlstore.DB) error {
	found, err := db.Long().Twins(s.ctx)
	if err != nil {
		return err
	}
	rows := make([][]string, len(found))
	for i, t := range found {
		rows[i] = []string{t.Table + "." + t.Column, t.ID, strconv.QuoteToASCII(t.Text), t.Older, strconv.QuoteToASCII(t.Other)}
	}
	header := []string{"COLUMN", "ID", "TEXT", "SAME AS ID", "TEXT"}
	if err := c.printTable(s.stdout, append([]sqlstore.Twin{}, found...), header, rows); err != nil {
		return err
	}
	if !c.JSON {
		if _, err := fmt.Fprintln(s.stdout, advice(len(found))); err != nil {
			return err
		}
	}
	if len(found) > 0 {
		return fmt.Errorf("texts that are the same as older ones: %d", len(found))
	}
	return nil
}

// advice says what to do about a number of twins.
func advice(twins int) string {
	if twins == 0 {
		return "No texts are the same."
	}
	return "They keep working, and nobody can add another one. To part two of them, give one another text, and run commerce migrate:\n" +
		"  UPDATE users SET login_id = '...' WHERE id = '...'\n" +
		"  UPDATE users SET email = '...' WHERE id = '...'\n" +
		"  UPDATE brands SET name = '...' WHERE id = ..."
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
