// Package caches tests the caches of the shop from outside: several instances of
// commerce-api on one database are read and written at the same time, and no answer may
// be older than docs/decisions/0035-caches.md permits.
package caches
