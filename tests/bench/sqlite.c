/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sqlite.c - the denominator of the SQLite sink: a bare loop over prepared statements.
 *
 *	sqlite FILE ROWS KEYS
 *
 * Writes the rows of tests/bench/sinks into table t of FILE, KEYS > 0: upserts of so many
 * keys.  Transactions, syncs and the second file with a position in it are those of
 * emit/sink_sqlite.c.  Prints the seconds from opening to closing.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"

#define BATCH 10000

static sqlite3 *db;

static void
must(int rc, int expected)
{
	if (rc != expected) {
		(void)fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
		exit(1);
	}
}

static sqlite3_stmt *
prepare(const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	must(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	return stmt;
}

static void
run(sqlite3_stmt *stmt)
{
	must(sqlite3_step(stmt), SQLITE_DONE);
	must(sqlite3_reset(stmt), SQLITE_OK);
}

static void
write_row(sqlite3_stmt *put, int64_t row, int64_t keys)
{
	char name[32];
	int size = snprintf(name, sizeof(name), "n%lld", (long long)(keys > 0 ? row * 7919 % keys : row));

	must(sqlite3_bind_text(put, 1, name, size, SQLITE_STATIC), SQLITE_OK);
	must(sqlite3_bind_int64(put, 2, row), SQLITE_OK);
	run(put);
}

int
main(int argc, char **argv)
{
	int64_t began_us = fl_monotonic_us(), rows = argc == 4 ? atoll(argv[2]) : 0, row = 0, keys;
	sqlite3_stmt *begin, *commit, *put, *move;
	char attach[600];

	if (rows <= 0) {
		(void)fprintf(stderr, "usage: sqlite FILE ROWS KEYS\n");
		return 2;
	}
	keys = atoll(argv[3]);
	must(sqlite3_open(argv[1], &db), SQLITE_OK);
	(void)snprintf(attach, sizeof(attach), "ATTACH '%s.position' AS p", argv[1]);
	must(sqlite3_exec(db, attach, NULL, NULL, NULL), SQLITE_OK);
	must(sqlite3_exec(db,
	    "PRAGMA main.synchronous = EXTRA; PRAGMA p.synchronous = EXTRA; PRAGMA cache_spill = OFF;"
	    "CREATE TABLE p.c (sink TEXT PRIMARY KEY, next INTEGER); INSERT INTO p.c VALUES ('s', 0)",
	    NULL, NULL, NULL), SQLITE_OK);
	begin = prepare("BEGIN IMMEDIATE");
	commit = prepare("COMMIT");
	move = prepare("UPDATE p.c SET next = ?1 WHERE sink = 's' AND next = ?2");
	put = prepare(keys > 0 ?
	    "INSERT INTO t (name, id) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET id = excluded.id" :
	    "INSERT INTO t (name, id) VALUES (?1, ?2)");
	while (row < rows) {
		int64_t first = row;

		run(begin);
		for (; row < rows && row < first + BATCH; row++)
			write_row(put, row, keys);
		must(sqlite3_bind_int64(move, 1, row), SQLITE_OK);
		must(sqlite3_bind_int64(move, 2, first), SQLITE_OK);
		run(move);
		run(commit);
	}
	(void)sqlite3_finalize(begin);
	(void)sqlite3_finalize(commit);
	(void)sqlite3_finalize(move);
	(void)sqlite3_finalize(put);
	must(sqlite3_close(db), SQLITE_OK);
	(void)printf("%.3f\n", (double)(fl_monotonic_us() - began_us) / 1e6);
	return 0;
}
