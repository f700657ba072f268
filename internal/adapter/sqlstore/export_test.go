package sqlstore

// ListStmt is for tests that look at how the list is planned.
var ListStmt = listStmt
