/* SPDX-License-Identifier: Apache-2.0 */
/* test_scan.c - rows of a database's table as JSON; tests/sqlite and tests/pg read real ones. */
#include "../unit.h"

#include <sqlite3.h>
#include <unistd.h>

#include "base/util.h"
#include "jdbc/scan.h"

static char dir[] = "/tmp/flight-scan-XXXXXX";
static char path[64];
static struct fl_field fields[] = {
	{ "a\"b", { .id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX } },
	{ "n", { .id = FL_TYPE_INT, .nullable = true } },
};
static struct fl_jdbc jdbc = { .scheme = FL_JDBC_SQLITE, .database = path, .table_name = "t" };
static struct fl_table table = { .name = "src", .physical = { 2, fields }, .jdbc = &jdbc };
static struct fl_buf lines;
static struct fl_err err;
static bool stopping;

static void
make(const char *sql)
{
	sqlite3 *db;

	(void)unlink(path);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static enum fl_code
take(void *ctx, const char *line, size_t size, struct fl_err *e)
{
	(void)ctx;
	(void)e;
	fl_buf_add(&lines, line, size);
	fl_buf_byte(&lines, '\n');
	return FL_OK;
}

static bool
is_stopping(void *ctx)
{
	(void)ctx;
	return stopping;
}

static enum fl_code
scan(void)
{
	struct fl_scan what = { .table = &table, .take = take, .is_stopping = is_stopping };

	fl_buf_reset(&lines);
	err.code = FL_OK;
	return fl_scan(&what, &err);
}

static int
setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/t.db", dir);
	fl_buf_init(&lines);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fl_buf_fini(&lines);
	(void)unlink(path);
	(void)rmdir(dir);
	memcpy(dir + sizeof(dir) - 7, "XXXXXX", 6);
	stopping = false;
	return 0;
}

static void
values_are_written_by_their_column(void **state)
{
	(void)state;
	make("CREATE TABLE t (\"a\"\"b\", n, other); INSERT INTO t VALUES ('x' || char(10) || '\"', 7, 1), (5, 2.0, 1), "
	     "(1.5, 1.5, 1), (x'00ff', NULL, 1), (NULL, 'z', 1), (1e300, -1e300, 1)");
	assert_int_equal(scan(), FL_OK);
	assert_string_equal(lines.data, "{\"a\\\"b\":\"x\\n\\\"\",\"n\":7}\n{\"a\\\"b\":\"5\",\"n\":2}\n"
	    "{\"a\\\"b\":\"1.5\",\"n\":\"1.5\"}\n{\"a\\\"b\":[\"AP8=\"],\"n\":null}\n{\"a\\\"b\":null,\"n\":\"z\"}\n"
	    "{\"a\\\"b\":\"1.0E300\",\"n\":\"-1.0E300\"}\n");
}

static void
rows_come_in_the_order_of_the_table_not_of_an_index(void **state)
{
	(void)state;
	make("CREATE TABLE t (\"a\"\"b\" TEXT, n INTEGER, PRIMARY KEY (\"a\"\"b\", n)); "
	     "INSERT INTO t VALUES ('b', 1), ('a', 2)");
	assert_int_equal(scan(), FL_OK);
	assert_string_equal(lines.data, "{\"a\\\"b\":\"b\",\"n\":1}\n{\"a\\\"b\":\"a\",\"n\":2}\n");
	make("CREATE TABLE t (\"a\"\"b\" TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID; INSERT INTO t VALUES ('b', 1), ('a', 2)");
	assert_int_equal(scan(), FL_OK);
	assert_string_equal(lines.data, "{\"a\\\"b\":\"a\",\"n\":2}\n{\"a\\\"b\":\"b\",\"n\":1}\n");
}

static void
views_and_files_in_wal_mode_are_read(void **state)
{
	(void)state;
	make("PRAGMA journal_mode = WAL; CREATE TABLE s (m); INSERT INTO s VALUES (3); "
	     "CREATE VIEW t AS SELECT 'v' AS \"a\"\"b\", m AS n FROM s");
	assert_int_equal(scan(), FL_OK);
	assert_string_equal(lines.data, "{\"a\\\"b\":\"v\",\"n\":3}\n");
}

static void
what_is_missing_may_come_and_what_is_no_database_may_not(void **state)
{
	(void)state;
	(void)unlink(path);
	assert_int_equal(scan(), FL_E_DATABASE_AWAY);
	make("CREATE TABLE t (n)");
	assert_int_equal(scan(), FL_E_TABLE_MISSING);
	make("CREATE TABLE s (n)");
	assert_int_equal(scan(), FL_E_TABLE_MISSING);
	assert_int_equal(fl_file_write(path, "this is no database, whoever says so", 36, &err), FL_OK);
	assert_int_equal(scan(), FL_E_BAD_CONFIG);
}

static void
a_scan_ends_when_asked(void **state)
{
	(void)state;
	make("CREATE VIEW t AS WITH RECURSIVE r (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) "
	     "SELECT 'x' AS \"a\"\"b\", count(*) AS n FROM r");
	stopping = true;
	assert_int_equal(scan(), FL_E_INTERRUPTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values_are_written_by_their_column),
		TEST(rows_come_in_the_order_of_the_table_not_of_an_index),
		TEST(views_and_files_in_wal_mode_are_read),
		TEST(what_is_missing_may_come_and_what_is_no_database_may_not),
		TEST(a_scan_ends_when_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
