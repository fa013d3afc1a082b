/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.h - a database's table as it is at one moment.
 *
 * Each row becomes one line of JSON, {"column":value,...}, without its line end.  A value
 * that fits its column is written so that the JSON decoder (json_typed) gives it back as
 * it is; one that does not is written as it is, so that the decoder refuses the row and
 * the dead letter shows it.
 *
 *	value		in column	written
 *	NULL		any		null
 *	integer		BOOLEAN		0, 1: false, true
 *	integer, real	STRING		its text
 *	real		integer		the integer, if it is one
 *	text		BOOLEAN		t, true, f, false
 *	text		BINARY		base64 of its bytes
 *	bytes		BINARY		base64
 *	bytes		other		[base64]: never fits
 *	text, number	else		itself
 *
 * Thread:  all calls of a scan on one thread, which they block.
 */
#ifndef FL_JDBC_SCAN_H
#define FL_JDBC_SCAN_H

#include "sql/plan.h"

struct fl_scan {
	const struct fl_table *table; /* connector JDBC */
	enum fl_code (*take)(void *ctx, const char *line, size_t size, struct fl_err *err);
	bool (*is_stopping)(void *ctx);
	void *ctx;
};

/*
 * Gives all rows of the table to take(), within one read transaction.  A SQLite table
 * comes in the order of its rowids.
 *
 * Errors:  those of take(), which end the scan
 *	    DATABASE_AWAY, DATABASE_AUTH, DATABASE, TABLE_MISSING, TIMED_OUT (a SQLite file is
 *	    locked): begin again later, with the first row
 *	    BAD_CONFIG	the file is no SQLite file
 *	    INTERRUPTED	is_stopping() said so
 */
enum fl_code fl_scan(const struct fl_scan *scan, struct fl_err *err);

#endif
