-- +goose Up

-- A fencing token for each lease: it grows whenever the lease changes hands. The
-- default is for rows that exist, and for programs of the version before.
ALTER TABLE leases ADD COLUMN token INTEGER NOT NULL DEFAULT 0;
