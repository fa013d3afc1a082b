/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_inspect.c - SQL over the stores of a small instance, run for real with the test
 * connector: what the tables hold, what may be asked, and that a picture stands still.
 */
#include "../unit.h"

#include <fcntl.h>
#include <sys/wait.h>

#include "aggregate/aggregate.h"
#include "base/util.h"
#include "emit/emit.h"
#include "ingest/ingest.h"
#include "inspect/inspect.h"

#define NOW_MS INT64_C(1704067200000)

static const char sql[] =
    "CREATE TABLE orders (k STRING, n INT, price DECIMAL(10, 2), ts TIMESTAMP_LTZ(3),"
    "  WATERMARK FOR ts AS ts) WITH ('connector' = 'test', 'format' = 'json',"
    "  'json.timestamp-format.standard' = 'ISO-8601');"
    "CREATE TABLE totals (k STRING, n BIGINT, price DECIMAL(38, 2), last_ts TIMESTAMP_LTZ(3),"
    "  big INT NOT NULL, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'test', 'format' = 'json');"
    "CREATE TABLE minutes (k STRING, n BIGINT, ended TIMESTAMP(3))"
    "  WITH ('connector' = 'test', 'format' = 'json');"
    "CREATE TABLE windows (k STRING) WITH ('connector' = 'test', 'format' = 'json');"
    "SET 'table.exec.sink.not-null-enforcer' = 'DROP';"
    "INSERT INTO totals SELECT k, COUNT(*), SUM(price), MAX(ts), MAX(n) FROM orders GROUP BY k"
    "  HAVING COUNT(*) < 4;"
    "INSERT INTO minutes SELECT k, COUNT(*), window_end FROM TABLE(TUMBLE(TABLE orders,"
    "  DESCRIPTOR(ts), INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, k;"
    "INSERT INTO windows SELECT k FROM orders WHERE n > 100;";

struct fixture {
	char dir[64];
	struct fl_instance *instance;
	struct ingest *ingest;
	struct aggregate *aggregate;
	struct emit *emit;
	struct inspect *inspect;
	int64_t offset;
	struct fl_buf out;
	struct fl_err err;
};

#define OK(call)                                                        \
	do {                                                            \
		if ((call) != FL_OK)                                    \
			fail_msg("%s: %s", #call, f->err.text);         \
	} while (0)

static void
apply(struct fixture *f, const char *name, const char *text)
{
	struct fl_sql_env env = { .allow_test = true };
	struct fl_instance *instance = NULL;

	OK(fl_instance_open(f->dir, true, &instance, &f->err));
	OK(fl_instance_apply_text(instance, name, text, &env, false, NULL, &f->err));
	fl_instance_close(&instance);
}

static void
open_inspect(struct fixture *f)
{
	struct inspect_options options = { .timeout_ms = 60000 };

	OK(inspect_open(f->instance, &options, &f->inspect, &f->err));
}

static void
open_programs(struct fixture *f)
{
	OK(fl_instance_open(f->dir, true, &f->instance, &f->err));
	OK(fl_instance_load(f->instance, true, &f->err));
	OK(ingest_open(f->instance, &f->ingest, &f->err));
	OK(aggregate_open(f->instance, &f->aggregate, &f->err));
	OK(emit_open(f->instance, &f->emit, &f->err));
	open_inspect(f);
}

static void
close_programs(struct fixture *f)
{
	inspect_close(&f->inspect);
	emit_close(&f->emit);
	aggregate_close(&f->aggregate);
	ingest_close(&f->ingest);
	fl_instance_close(&f->instance);
}

static int
setup(void **state)
{
	struct fixture *f = fl_calloc(1, sizeof(*f));

	*state = f;
	make_dir(f->dir);
	fl_buf_init(&f->out);
	apply(f, "p", sql);
	open_programs(f);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	close_programs(f);
	remove_dir(f->dir);
	fl_buf_fini(&f->out);
	free(f);
	return 0;
}

static void
settle(struct fixture *f, bool delivers)
{
	bool a, b, c = false, done;

	do {
		OK(ingest_step(f->ingest, NOW_MS, &a, &done, &f->err));
		OK(aggregate_step(f->aggregate, NOW_MS, &b, &done, &f->err));
		if (delivers)
			OK(emit_step(f->emit, NOW_MS, &c, &done, &f->err));
	} while (a || b || c);
}

/* A step of one record. */
static void
push(struct fixture *f, const char *record)
{
	ingest_test_push(f->ingest, "orders", 0, f->offset++, record, strlen(record), NOW_MS);
	settle(f, true);
}

static void
push_order(struct fixture *f, const char *k, int n, const char *price, const char *time)
{
	char record[200];

	(void)snprintf(record, sizeof(record),
	    "{\"k\":\"%s\",\"n\":%d,\"price\":%s,\"ts\":\"2024-01-01T00:%sZ\"}", k, n, price, time);
	push(f, record);
}

/* Rows of a statement within the picture, as CSV without the names. */
static enum fl_code
ask(struct fixture *f, const char *text)
{
	struct inspect_statement *statement = NULL;
	enum fl_code code;
	bool has_row;

	fl_buf_reset(&f->out);
	fl_buf_str(&f->out, "");
	code = inspect_prepare(f->inspect, text, strlen(text), &statement, NULL, &f->err);
	while (code == FL_OK && (code = inspect_step(statement, &has_row, &f->err)) == FL_OK && has_row)
		inspect_print_csv_row(statement, &f->out);
	inspect_finish(&statement);
	return code;
}

static void
expect_here(struct fixture *f, const char *text, const char *rows)
{
	if (ask(f, text) != FL_OK)
		fail_msg("%s: %s", text, f->err.text);
	if (strcmp(f->out.data, rows) != 0)
		fail_msg("%s\nexpected:\n%sgot:\n%s", text, rows, f->out.data);
}

static void
expect(struct fixture *f, const char *text, const char *rows)
{
	OK(inspect_begin(f->inspect, &f->err));
	expect_here(f, text, rows);
	inspect_end(f->inspect);
}

static void
push_some(struct fixture *f)
{
	push_order(f, "a", 1, "9.50", "00:01");
	push_order(f, "b", 2, "10.25", "00:02");
	push_order(f, "a", 3, "1.00", "00:05");
	push_order(f, "c", 4, "2.00", "01:03");
	push_order(f, "b", 5, "100.10", "01:04");
}

/* ---- the claims ---- */

static void
before_anything_is_stored_tables_are_empty(void **state)
{
	struct fixture *f = *state;

	expect(f, "SELECT count(*) FROM totals", "0\n");
	expect(f, "SELECT count(*) FROM minutes_windows", "0\n");
	expect(f, "SELECT count(*) FROM results", "0\n");
	expect(f, "SELECT name, step_r FROM pipelines", "p,0\n");
	expect(f, "SELECT kind FROM queries", "updating\nwindow\nrows\n");
}

static void
current_rows_come_in_the_order_of_their_updates(void **state)
{
	struct fixture *f = *state;

	push_some(f);
	expect(f, "SELECT k, n, price, last_ts FROM totals ORDER BY _updated",
	    "a,2,10.50,2024-01-01T00:00:05.000Z\nc,1,2.00,2024-01-01T00:01:03.000Z\n"
	    "b,2,110.35,2024-01-01T00:01:04.000Z\n");
	push_order(f, "a", 1, "0", "01:05");
	expect(f, "SELECT k FROM totals ORDER BY _updated", "c\nb\na\n");
	expect(f, "SELECT _row FROM totals WHERE k = 'c'",
	    "\"{\"\"k\"\":\"\"c\"\",\"\"n\"\":1,\"\"price\"\":2.00,"
	    "\"\"last_ts\"\":\"\"2024-01-01 00:01:03.000Z\"\",\"\"big\"\":4}\"\n");
}

static void
current_rows_are_those_that_the_sink_has(void **state)
{
	struct fixture *f = *state;

	push_some(f);
	push(f, "{\"k\":\"none\",\"price\":1,\"ts\":\"2024-01-01T00:01:05Z\"}");
	expect(f, "SELECT count(*) FROM totals_state WHERE k = 'none'", "1\n");
	expect(f, "SELECT count(*) FROM totals WHERE k = 'none'", "0\n"); /* big is NULL */
	expect(f, "SELECT code, count(*) FROM dead_letters GROUP BY code", "BAD_NULL,1\n");
	push_order(f, "a", 1, "1", "01:06");
	expect(f, "SELECT n FROM totals WHERE k = 'a'", "3\n");
	push_order(f, "a", 1, "1", "01:06");
	expect(f, "SELECT count(*) FROM totals WHERE k = 'a'", "0\n"); /* HAVING */
	expect(f, "SELECT rows FROM totals_state WHERE k = 'a'", "4\n");
}

/* What the outbox's changes come to, and what is shown. */
static void
current_rows_are_the_sum_of_all_changes(void **state)
{
	static const char sum[] =
	    "SELECT row, sum(iif(kind IN ('+I', '+U'), 1, -1)) AS n FROM results"
	    " WHERE table_name = 'totals' GROUP BY row HAVING n <> 0";
	struct fixture *f = *state;
	char text[600];

	for (int i = 0; i < 20; i++) {
		char k[8];

		(void)snprintf(k, sizeof(k), "k%d", i * i % 7); /* some come four times and go */
		push_order(f, k, i, "1.5", "00:01");
		(void)snprintf(text, sizeof(text), "%s EXCEPT SELECT _row, 1 FROM totals", sum);
		expect(f, text, "");
		(void)snprintf(text, sizeof(text), "SELECT _row, 1 FROM totals EXCEPT %s", sum);
		expect(f, text, "");
	}
	expect(f, "SELECT count(*) FROM totals_state", "4\n");
	expect(f, "SELECT count(*) FROM totals", "1\n");
}

static void
open_windows_show_keys_and_accumulators_closed_ones_their_results(void **state)
{
	struct fixture *f = *state;

	push_some(f);
	expect(f, "SELECT k, rows, window_end FROM minutes_windows",
	    "b,1,2024-01-01T00:02:00.000\nc,1,2024-01-01T00:02:00.000\n");
	expect(f, "SELECT query, window_start, state, row_count, rows FROM windows",
	    "minutes,2024-01-01T00:00:00.000,closed,2,\nminutes,2024-01-01T00:01:00.000,open,2,2\n");
	expect(f, "SELECT k, n, ended FROM minutes ORDER BY k",
	    "a,2,2024-01-01T00:01:00.000\nb,1,2024-01-01T00:01:00.000\n");
}

static void
an_aggregate_without_a_name_is_known_by_the_column_that_takes_it(void **state)
{
	struct fixture *f = *state;

	expect(f, "SELECT columns FROM tables WHERE name = 'minutes_windows'",
	    "\"window_start TIMESTAMP(3), window_end TIMESTAMP(3), k STRING, rows BIGINT, n_count BIGINT\"\n");
	expect(f, "SELECT columns FROM tables WHERE name = 'totals_state'",
	    "\"k STRING, rows BIGINT, n_count BIGINT, price_sum DECIMAL(38, 2), price_count BIGINT, "
	    "ts_max TIMESTAMP_LTZ(3), n_max INT\"\n");
}

static void
results_say_what_is_delivered(void **state)
{
	struct fixture *f = *state;
	char record[] = "{\"k\":\"z\",\"n\":1,\"price\":1,\"ts\":\"2024-01-01T00:01:05Z\"}";

	push_some(f);
	ingest_test_push(f->ingest, "orders", 0, f->offset++, record, strlen(record), NOW_MS);
	settle(f, false);
	expect(f, "SELECT table_name, kind, delivered, count(*) FROM results GROUP BY 1, 2, 3",
	    "minutes,+I,1,2\ntotals,+I,0,1\ntotals,+I,1,3\ntotals,+U,1,2\ntotals,-U,1,2\n");
	expect(f, "SELECT _number, _delivered FROM minutes ORDER BY 1", "0,1\n1,1\n");
	expect(f, "SELECT table_name, made, confirmed, undelivered FROM sinks",
	    "totals,8,7,1\nminutes,2,2,0\nwindows,0,0,0\n");
	expect(f, "SELECT position, folded, lag, watermark, state FROM offsets",
	    "6,5,0,2024-01-01T00:01:05.000Z,reading\n");
}

static void
rows_read_and_not_folded_are_lag(void **state)
{
	struct fixture *f = *state;
	bool worked, done;
	char record[] = "{\"k\":\"z\",\"n\":1,\"price\":1,\"ts\":\"2024-01-01T00:01:05Z\"}";

	push_some(f);
	for (int i = 0; i < 3; i++)
		ingest_test_push(f->ingest, "orders", 0, f->offset++, record, strlen(record), NOW_MS);
	do
		OK(ingest_step(f->ingest, NOW_MS, &worked, &done, &f->err));
	while (worked);
	expect(f, "SELECT position, folded, lag FROM offsets", "8,4,3\n");
	expect(f, "SELECT step_last - step_r = behind AND behind > 0 FROM pipelines", "1\n");
	expect(f, "SELECT count(*) FROM totals WHERE k = 'z'", "0\n");
}

static void
dead_letters_and_late_rows_are_whole(void **state)
{
	struct fixture *f = *state;

	push_some(f);
	push(f, "no json");
	push_order(f, "l", 7, "1", "00:59");
	expect(f,
	    "SELECT id, program, table_name, code, partition, offset, CAST(value AS TEXT),"
	    " typeof(value), value_size, typeof(key) FROM dead_letters",
	    "ingest/1/0/5,ingest,orders,BAD_JSON,0,5,no json,blob,7,null\n");
	expect(f, "SELECT query, partition, offset, row ->> 'k', row ->> 'n' FROM late_rows",
	    "minutes,0,6,l,7\n");
	expect(f, "SELECT seen, used, filtered, late FROM queries",
	    "6,6,0,0\n6,5,0,1\n6,0,6,0\n");
}

static void
dead_letters_are_counted_by_reason_for_good(void **state)
{
	static const char counts[] = "SELECT program, pipeline, table_name, query, code, letters"
				     " FROM dead_letters_total";
	struct fixture *f = *state;

	expect(f, counts, "");
	push(f, "no json");
	push(f, "nor this");
	push(f, "{\"k\":\"a\",\"n\":\"x\",\"ts\":\"2024-01-01T00:00:01Z\"}");
	push(f, "{\"k\":\"none\",\"price\":1,\"ts\":\"2024-01-01T00:01:05Z\"}"); /* big is NULL */
	expect(f, counts,
	    "ingest,,orders,,BAD_JSON,2\ningest,,orders,,BAD_TYPE,1\naggregate,p,,totals,BAD_NULL,1\n");
	/* What becomes of the letters moves no counter. */
	OK(fl_command_put(f->instance, "ingest", "dead-drop",
	    "{\"letters\":[{\"key\":\"00000001000000000000000000000000\",\"clock_ms\":1704067200000}]}",
	    NULL, &f->err));
	settle(f, true);
	expect(f, "SELECT code FROM dead_letters", "BAD_JSON\nBAD_TYPE\nBAD_NULL\n");
	expect(f, "SELECT sum(letters) FROM dead_letters_total WHERE code = 'BAD_JSON'", "2\n");
}

static void
a_picture_stands_still_while_programs_go_on(void **state)
{
	struct fixture *f = *state;

	push_some(f);
	OK(inspect_begin(f->inspect, &f->err));
	expect_here(f, "SELECT behind FROM pipelines", "0\n");
	push_order(f, "a", 1, "1", "02:06");
	push_order(f, "d", 1, "1", "02:06");
	/* All of these were not looked at before: */
	expect_here(f, "SELECT k, n FROM totals ORDER BY k", "a,2\nb,2\nc,1\n");
	expect_here(f, "SELECT count(*) FROM results", "9\n");
	expect_here(f, "SELECT k FROM minutes_windows", "b\nc\n");
	expect_here(f, "SELECT position, lag FROM offsets", "5,0\n");
	inspect_end(f->inspect);
	expect(f, "SELECT k, n FROM totals ORDER BY k", "a,3\nb,2\nc,1\nd,1\n");
	expect(f, "SELECT k FROM minutes_windows", "a\nd\n");
}

/* The fold of a reader that stays, and one made anew. */
static void
a_long_lived_reader_sees_what_a_new_one_sees(void **state)
{
	static const char *const questions[] = { "SELECT *, _updated FROM totals ORDER BY _updated",
		"SELECT * FROM totals_state", "SELECT * FROM minutes_windows", "SELECT * FROM windows" };
	struct fixture *f = *state;
	struct inspect *kept = f->inspect;

	aggregate_test_flush(f->aggregate, 0);
	for (int i = 0; i < 14; i++) {
		char k[8], time[16];

		(void)snprintf(k, sizeof(k), "k%d", i % 3);
		(void)snprintf(time, sizeof(time), "%02d:%02d", i / 4, i % 4);
		push_order(f, k, i, "1.5", time);
		if (i == 7)
			aggregate_test_flush(f->aggregate, 1 << 20); /* images; old steps may go */
		for (uint32_t q = 0; q < FL_ARRAY_COUNT(questions); q++) {
			char *answer;

			OK(inspect_begin(kept, &f->err));
			f->inspect = kept;
			OK(ask(f, questions[q]));
			inspect_end(kept);
			answer = fl_strdup(f->out.data);
			open_inspect(f);
			expect(f, questions[q], answer);
			inspect_close(&f->inspect);
			free(answer);
		}
		f->inspect = kept;
	}
}

/* ---- with another process ---- */

#define PICTURES 12

/* A process of its own that writes until nobody holds the other end of the pipe. */
static void
write_on(struct fixture *f, int fd)
{
	struct fl_err *err = &f->err;
	bool a = false, b = false, c = false, done;
	char byte;

	if (fl_instance_open(f->dir, true, &f->instance, err) != FL_OK ||
	    fl_instance_load(f->instance, true, err) != FL_OK ||
	    ingest_open(f->instance, &f->ingest, err) != FL_OK ||
	    aggregate_open(f->instance, &f->aggregate, err) != FL_OK ||
	    emit_open(f->instance, &f->emit, err) != FL_OK)
		_exit(1);
	for (int i = 0; read(fd, &byte, 1) < 0; i++) {
		char row[200];

		(void)snprintf(row, sizeof(row), "{\"k\":\"k%d\",\"n\":%d,\"price\":1,"
			       "\"ts\":\"2024-01-01T00:%02d:%02dZ\"}", i * 7 % 23, i, i / 60 % 60, i % 60);
		ingest_test_push(f->ingest, "orders", 0, f->offset++, row, strlen(row), NOW_MS);
		if (ingest_step(f->ingest, NOW_MS, &a, &done, err) != FL_OK ||
		    aggregate_step(f->aggregate, NOW_MS, &b, &done, err) != FL_OK ||
		    emit_step(f->emit, NOW_MS, &c, &done, err) != FL_OK)
			_exit(2);
	}
	_exit(0);
}

static void
a_picture_is_whole_while_another_process_writes(void **state)
{
	static const char broken[] =
	    "SELECT 'state', used, seen, 0, 0 FROM queries WHERE name = 'totals'"
	    "  AND coalesce(used, 0) <> (SELECT coalesce(sum(rows), 0) FROM totals_state) "
	    "UNION ALL SELECT 'results', made, confirmed, undelivered, kept_from"
	    "  FROM sinks WHERE made < confirmed OR table_name = 'totals' AND kept_from = 0 AND"
	    "  (SELECT count(*) FROM results WHERE table_name = 'totals') <> made "
	    "UNION ALL SELECT 'sum', n, 0, 0, 0"
	    "  FROM (SELECT coalesce(sum(iif(kind IN ('+I', '+U'), 1, -1)), 0) AS n FROM results"
	    "    WHERE table_name = 'totals'), sinks"
	    "  WHERE table_name = 'totals' AND kept_from = 0 AND n <> (SELECT count(*) FROM totals) "
	    "UNION ALL SELECT 'lag', position, folded, 0, 0 FROM offsets"
	    "  WHERE position <= folded OR lag <> position - folded - 1";
	struct fixture *f = *state;
	int64_t before = -1, r, until_us = fl_monotonic_us() + 60 * 1000000;
	int fds[2], status = 0;
	pid_t pid;

	close_programs(f);
	assert_int_equal(pipe2(fds, O_NONBLOCK), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)close(fds[1]);
		write_on(f, fds[0]);
	}
	(void)close(fds[0]);
	OK(fl_instance_open(f->dir, true, &f->instance, &f->err));
	OK(fl_instance_load(f->instance, true, &f->err));
	open_inspect(f);
	for (int seen = 0; seen < PICTURES && fl_monotonic_us() < until_us;) {
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
		OK(inspect_begin(f->inspect, &f->err));
		expect_here(f, broken, "");
		OK(ask(f, "SELECT step_r FROM pipelines"));
		inspect_end(f->inspect);
		r = strtoll(f->out.data, NULL, 10);
		assert_true(r >= before);
		seen += r > before;
		before = r;
	}
	(void)close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(before > 0);
}

static void
the_same_table_can_be_read_twice_at_once(void **state)
{
	struct fixture *f = *state;

	push_some(f);
	expect(f,
	    "SELECT a.k, b.k FROM totals a JOIN totals b ON a.k < b.k"
	    " JOIN minutes_windows w ON w.k = b.k ORDER BY 1, 2",
	    "a,b\na,c\nb,c\n");
}

static void
times_compare_by_the_instant_and_decimals_as_numbers(void **state)
{
	static const struct {
		const char *condition;
		const char *keys;
	} cases[] = {
		{ "last_ts >= '2024-01-01T00:01:03Z'", "b\nc\n" },
		{ "last_ts > '2024-01-01 00:01:03'", "b\n" },
		{ "last_ts = '2024-01-01T01:01:03.0+01:00'", "c\n" },
		{ "last_ts = '2023-12-31 22:01:03 -0200'", "c\n" },
		{ "last_ts = '2023-12-31 22:01:04.000-02'", "b\n" },
		{ "last_ts = 'c'", "" },
		{ "last_ts BETWEEN '2024-01-01' AND '2024-01-01T00:01:00Z'", "a\n" },
		{ "price > 9.75", "a\nb\n" },
		{ "price = 2", "c\n" },
		{ "price IN ('10.5', '2.000')", "a\nc\n" },
		{ "price < -1", "" },
		{ "n = '2'", "a\nb\n" },
		{ "k = 'a' COLLATE NOCASE", "a\n" },
	};
	struct fixture *f = *state;
	char text[200];

	push_some(f);
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		(void)snprintf(text, sizeof(text), "SELECT k FROM totals WHERE %s ORDER BY k",
		    cases[i].condition);
		expect(f, text, cases[i].keys);
	}
	expect(f, "SELECT k FROM totals ORDER BY price DESC", "b\na\nc\n");
	expect(f, "SELECT max(price), max(last_ts) FROM totals", "110.35,2024-01-01T00:01:04.000Z\n");
}

static void
functions_over_times(void **state)
{
	struct fixture *f = *state;

	expect(f, "VALUES (epoch_ms('1970-01-01T00:00:01.5Z'), epoch_ms('1970-01-01 02:00:00 +0200'))",
	    "1500,0\n");
	expect(f, "VALUES (epoch_ms('1970-01-01T02:00:00+02'), epoch_ms('1969-12-31'), epoch_ms(NULL))",
	    "0,-86400000,\n");
	expect(f, "VALUES (iso_ms(1500), iso_seconds(1500), iso_seconds(-1), iso_ms(NULL))",
	    "1970-01-01T00:00:01.500Z,1970-01-01T00:00:01Z,1969-12-31T23:59:59Z,\n");
	expect(f, "VALUES (duration_ms('15 min'), duration_ms('2 h'))", "900000,7200000\n");
}

static void
nothing_but_reading_is_allowed(void **state)
{
	static const char *const refused[] = { "INSERT INTO totals VALUES (1)", "DELETE FROM totals",
		"UPDATE totals SET n = 1", "CREATE TABLE x (a)", "CREATE TEMP TABLE x (a)",
		"CREATE VIEW v AS SELECT 1", "CREATE TEMP VIEW v AS SELECT 1", "DROP TABLE totals",
		"CREATE VIRTUAL TABLE x USING flight(0)", "ALTER TABLE totals RENAME TO x",
		"ATTACH '/tmp/x' AS y", "ATTACH ':memory:' AS y", "EXPLAIN ATTACH '/tmp/x' AS y",
		"DETACH main", "VACUUM", "VACUUM INTO '/tmp/x'", "REINDEX", "ANALYZE", "BEGIN", "COMMIT",
		"SAVEPOINT x", "PRAGMA journal_mode", "PRAGMA journal_mode = WAL",
		"PRAGMA writable_schema = ON", "PRAGMA temp_store_directory = '/tmp'",
		"PRAGMA user_version = 1", "SELECT load_extension('x')",
		"SELECT fts3_tokenizer('simple')", "UPDATE sqlite_master SET sql = ''",
		"INSERT INTO sqlite_master VALUES (1, 2, 3, 4, 5)", "DELETE FROM sqlite_master",
		"SELECT 1; SELECT 2", "SELECT 1; ATTACH 'x' AS y", "WITH a AS (SELECT 1) DELETE FROM totals",
		"" };
	static const char *const allowed[] = { "SELECT 1", "SELECT 1;", "SELECT 1; -- end", "VALUES (1)",
		"WITH RECURSIVE c(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM c WHERE x < 5)"
		" SELECT x FROM c", "EXPLAIN SELECT * FROM totals", "EXPLAIN QUERY PLAN SELECT 1",
		"SELECT value FROM json_each('[1, 2]')", "PRAGMA table_info(totals)",
		"SELECT * FROM pragma_table_xinfo('totals')", "SELECT * FROM sqlite_master",
		"SELECT k, sum(n) OVER (ORDER BY k) FROM totals", "SELECT group_concat(k, '/') FROM totals" };
	struct fixture *f = *state;

	OK(inspect_begin(f->inspect, &f->err));
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(refused); i++) {
		if (ask(f, refused[i]) == FL_OK)
			fail_msg("%s: it was allowed", refused[i]);
		if (f->err.code != FL_E_SQL_UNSUPPORTED && f->err.code != FL_E_SQL_BIND &&
		    f->err.code != FL_E_SQL_SYNTAX)
			fail_msg("%s: %s", refused[i], f->err.text);
	}
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(allowed); i++)
		if (ask(f, allowed[i]) != FL_OK)
			fail_msg("%s: %s", allowed[i], f->err.text);
	/* A PRAGMA that its table-valued function runs. */
	assert_int_not_equal(ask(f, "SELECT * FROM pragma_database_list"), FL_OK);
	expect_here(f, "SELECT count(*) FROM tables WHERE name = 'totals'", "1\n");
}

static void
an_error_says_where_and_what_there_is(void **state)
{
	static const struct {
		const char *sql, *text;
		enum fl_code code;
	} cases[] = {
		{ "SELECT * FROM total", "there is no table \"total\", did you mean \"totals\"; there are tables, ",
		    FL_E_SQL_BIND },
		{ "SELECT nope FROM totals", "1:8: no such column: nope", FL_E_SQL_BIND },
		{ "SELECT \"nope\" FROM totals", "1:8: no such column: nope", FL_E_SQL_BIND },
		{ "SELECT 'ä',\n  k FORM totals", "2:10: near \"totals\": syntax error", FL_E_SQL_SYNTAX },
		{ "SELECT 'ä', = 1", "1:13: near \"=\": syntax error", FL_E_SQL_SYNTAX },
		{ "SELECT (1", "1:10: incomplete input", FL_E_SQL_SYNTAX },
		{ "ATTACH 'x' AS y", "a query only reads, and this is ATTACH", FL_E_SQL_UNSUPPORTED },
		{ "SELECT 1; SELECT 2", "more than one statement: \" SELECT 2\"", FL_E_SQL_UNSUPPORTED },
		{ "SELECT epoch_ms('x')", "expected a time such as 2024-01-01T00:00:00Z, got \"x\"",
		    FL_E_SQL_BIND },
		{ "SELECT duration_ms('x')", "expected a duration such as 15 min, got \"x\"", FL_E_SQL_BIND },
		{ "SELECT zeroblob(100000000)", "too big", FL_E_SQL_BIND },
	};
	struct inspect_statement *statement = NULL;
	struct fixture *f = *state;
	struct fl_buf detail;

	OK(inspect_begin(f->inspect, &f->err));
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		assert_int_equal(ask(f, cases[i].sql), cases[i].code);
		if (strstr(f->err.text, cases[i].text) == NULL)
			fail_msg("%s: expected \"...%s...\", got \"%s\"", cases[i].sql, cases[i].text,
			    f->err.text);
	}
	fl_buf_init(&detail);
	assert_int_equal(inspect_prepare(f->inspect, "SELECT 1,\n\tnope", 15, &statement, &detail, &f->err),
	    FL_E_SQL_BIND);
	assert_string_equal(detail.data, " nope\n ^");
	fl_buf_fini(&detail);
}

static void
a_query_without_end_is_ended(void **state)
{
	struct inspect_options options = { .timeout_ms = 50 };
	struct fixture *f = *state;

	inspect_close(&f->inspect);
	OK(inspect_open(f->instance, &options, &f->inspect, &f->err));
	OK(inspect_begin(f->inspect, &f->err));
	assert_int_equal(ask(f, "WITH RECURSIVE c(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM c)"
				" SELECT count(*) FROM c"), FL_E_TIMED_OUT);
	assert_non_null(strstr(f->err.text, "0.05 s"));
	expect_here(f, "SELECT 1", "1\n"); /* the next one has its own time */
}

static void
parameters_are_texts_by_name(void **state)
{
	static const char text[] = "SELECT :a, @b, $a, :c IS NULL";
	struct inspect_statement *statement = NULL;
	struct fixture *f = *state;
	bool has_row;

	OK(inspect_prepare(f->inspect, text, strlen(text), &statement, NULL, &f->err));
	assert_string_equal(inspect_parameter(statement, 0), "a");
	assert_string_equal(inspect_parameter(statement, 3), "c");
	assert_null(inspect_parameter(statement, 4));
	OK(inspect_bind(statement, "a", "x'y", &f->err));
	OK(inspect_bind(statement, "b", "2", &f->err));
	assert_int_equal(inspect_bind(statement, "d", "2", &f->err), FL_E_NO_SUCH_OBJECT);
	assert_non_null(strstr(f->err.text, "no parameter \"d\"; there are: a, b, a, c"));
	for (int i = 0; i < 2; i++) { /* and again, after a reset */
		OK(inspect_step(statement, &has_row, &f->err));
		assert_true(has_row);
		fl_buf_reset(&f->out);
		inspect_print_csv_row(statement, &f->out);
		assert_string_equal(f->out.data, "x'y,2,x'y,1\n");
		inspect_reset(statement);
	}
	inspect_finish(&statement);
}

static void
values_print_as_json_and_csv(void **state)
{
	static const char text[] =
	    "SELECT 1 AS i, 1.5 AS r, 1e300 AS big, 9e999 AS inf, 'ä\"\n' AS t, x'00ff' AS b, NULL AS n,"
	    " '' AS e, 'a,b' AS c";
	struct inspect_statement *statement = NULL;
	struct fixture *f = *state;
	bool has_row;

	OK(inspect_prepare(f->inspect, text, strlen(text), &statement, NULL, &f->err));
	OK(inspect_step(statement, &has_row, &f->err));
	fl_buf_reset(&f->out);
	inspect_print_json_row(statement, &f->out);
	assert_string_equal(f->out.data,
	    "{\"i\":1,\"r\":1.5,\"big\":1.0E300,\"inf\":\"Infinity\",\"t\":\"ä\\\"\\n\",\"b\":\"AP8=\","
	    "\"n\":null,\"e\":\"\",\"c\":\"a,b\"}");
	fl_buf_reset(&f->out);
	inspect_print_csv_names(statement, &f->out);
	inspect_print_csv_row(statement, &f->out);
	assert_string_equal(f->out.data,
	    "i,r,big,inf,t,b,n,e,c\n1,1.5,1.0E300,Infinity,\"ä\"\"\n\",AP8=,,\"\",\"a,b\"\n");
	inspect_finish(&statement);
}

static void
columns_of_a_table_have_the_types_of_its_ddl(void **state)
{
	static const char text[] = "SELECT k, n, price, last_ts, big, n + 1, _updated FROM totals";
	static const char *const types[] = { "STRING NOT NULL", "BIGINT", "DECIMAL(38, 2)",
		"TIMESTAMP_LTZ(3)", "INT NOT NULL", NULL, "BIGINT" };
	struct inspect_statement *statement = NULL;
	struct fixture *f = *state;

	OK(inspect_prepare(f->inspect, text, strlen(text), &statement, NULL, &f->err));
	assert_int_equal(inspect_column_count(statement), FL_ARRAY_COUNT(types));
	for (uint32_t c = 0; c < FL_ARRAY_COUNT(types); c++)
		if (types[c] == NULL)
			assert_null(inspect_column_type(statement, c));
		else
			assert_string_equal(inspect_column_type(statement, c), types[c]);
	assert_string_equal(inspect_column_name(statement, 0), "k");
	inspect_finish(&statement);
}

static const char all_types_sql[] =
    "CREATE TABLE source (b BOOLEAN, i8 TINYINT, i16 SMALLINT, f FLOAT, d DOUBLE, s STRING, c CHAR(3),"
    "  y BYTES, da DATE, t TIMESTAMP(2), l TIMESTAMP_LTZ(0))"
    "  WITH ('connector' = 'test', 'format' = 'json', 'json.timestamp-format.standard' = 'ISO-8601');"
    "CREATE TABLE types (b BOOLEAN, i8 TINYINT, i16 SMALLINT, f FLOAT, d DOUBLE, s STRING, c CHAR(3),"
    "  y BYTES, da DATE, t TIMESTAMP(2), l TIMESTAMP_LTZ(0))"
    "  WITH ('connector' = 'test', 'format' = 'json');"
    "CREATE TABLE latest (b BOOLEAN, y BYTES, t TIMESTAMP(2), l TIMESTAMP_LTZ(0), d DOUBLE, n BIGINT,"
    "  PRIMARY KEY (b, y, t, l) NOT ENFORCED) WITH ('connector' = 'test', 'format' = 'json');"
    "INSERT INTO types SELECT * FROM source;"
    "INSERT INTO latest SELECT b, y, t, l, MAX(d), COUNT(*) FROM source GROUP BY b, y, t, l;";

static void
values_of_all_types(void **state)
{
	static const char record[] = "{\"b\":true,\"i8\":-1,\"i16\":300,\"f\":0.1,\"d\":1e-3,"
				     "\"s\":\"ä\",\"c\":\"abc\",\"y\":\"AP8=\",\"da\":\"2024-02-29\","
				     "\"t\":\"2024-01-01T00:00:00.25\",\"l\":\"2024-01-01T00:00:00Z\"}";
	struct fixture *f = *state;

	close_programs(f);
	apply(f, "q", all_types_sql);
	open_programs(f);
	ingest_test_push(f->ingest, "source", 0, 0, record, strlen(record), NOW_MS);
	ingest_test_push(f->ingest, "source", 0, 1, "{}", 2, NOW_MS);
	settle(f, true);
	expect(f, "SELECT * FROM types",
	    "1,-1,300,0.1,0.001,ä,abc,AP8=,2024-02-29,2024-01-01T00:00:00.25,2024-01-01T00:00:00Z\n"
	    ",,,,,,,,,,\n");
	expect(f, "SELECT typeof(b), typeof(f), typeof(s), typeof(y), typeof(t) FROM types"
		  " WHERE b", "integer,real,text,blob,text\n");
	/* Columns of a PRIMARY KEY are NOT NULL. */
	expect(f, "SELECT * FROM latest",
		  "1,AP8=,2024-01-01T00:00:00.25,2024-01-01T00:00:00Z,0.001,1\n");
	expect(f, "SELECT b, y, t, l, rows, d_max FROM latest_state ORDER BY b", ",,,,1,\n"
		  "1,AP8=,2024-01-01T00:00:00.25,2024-01-01T00:00:00Z,1,0.001\n");
}

static void
keys_of_a_deduplication_are_shown_with_when_they_came(void **state)
{
	static const char text[] =
	    "CREATE TABLE source (id STRING, n INT, p AS PROCTIME())"
	    "  WITH ('connector' = 'test', 'format' = 'json');"
	    "CREATE TABLE firsts (id STRING, n INT) WITH ('connector' = 'test', 'format' = 'json');"
	    "CREATE TABLE sums (n INT, ids BIGINT, PRIMARY KEY (n) NOT ENFORCED)"
	    "  WITH ('connector' = 'test', 'format' = 'json');"
	    "INSERT INTO firsts SELECT id, n FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY p)"
	    "  AS r FROM source) WHERE r = 1;"
	    "INSERT INTO sums SELECT n, COUNT(*) FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY id, n"
	    "  ORDER BY p) AS r FROM source) WHERE r = 1 GROUP BY n;";
	static const char *const records[] = { "{\"id\":\"a\",\"n\":1}", "{\"id\":\"b\",\"n\":1}",
		"{\"id\":\"a\",\"n\":2}", "{\"id\":\"a\",\"n\":1}" };
	struct fixture *f = *state;

	close_programs(f);
	apply(f, "q", text);
	open_programs(f);
	for (int i = 0; i < 4; i++)
		ingest_test_push(f->ingest, "source", 0, i, records[i], strlen(records[i]), NOW_MS);
	settle(f, true);
	expect(f, "SELECT * FROM firsts_seen ORDER BY id",
	    "a,2024-01-01T00:00:00.000Z\nb,2024-01-01T00:00:00.000Z\n");
	expect(f, "SELECT id, n FROM sums_seen ORDER BY id, n", "a,1\na,2\nb,1\n");
	expect(f, "SELECT id, n FROM firsts ORDER BY id", "a,1\nb,1\n");
	expect(f, "SELECT n, ids FROM sums ORDER BY n", "1,2\n2,1\n");
	expect(f, "SELECT n, rows FROM sums_state ORDER BY n", "1,2\n2,1\n");
	expect(f, "SELECT table_name, duplicates FROM queries WHERE pipeline = 'q'", "firsts,2\nsums,1\n");
}

/* A table called as one of ours, one that two pipelines have, names that differ in case. */
static void
a_name_that_is_taken_is_had_with_its_pipeline(void **state)
{
	static const char other[] =
	    "CREATE TABLE orders (k STRING, n INT) WITH ('connector' = 'test', 'format' = 'json');"
	    "CREATE TABLE totals (k STRING, \"K\" BIGINT, PRIMARY KEY (k) NOT ENFORCED)"
	    "  WITH ('connector' = 'test', 'format' = 'json');"
	    "CREATE TABLE Lines (k STRING) WITH ('connector' = 'test', 'format' = 'json');"
	    "CREATE TABLE lines (k STRING) WITH ('connector' = 'test', 'format' = 'json');"
	    "INSERT INTO totals SELECT k, COUNT(*) FROM orders GROUP BY k;"
	    "INSERT INTO Lines SELECT k FROM orders; INSERT INTO lines SELECT k FROM orders;";
	struct fixture *f = *state;
	struct fl_buf text;

	close_programs(f);
	fl_buf_init(&text);
	for (const char *at = other; *at != '\0'; at++)
		fl_buf_byte(&text, *at == '"' ? '`' : *at);
	apply(f, "q", text.data);
	fl_buf_fini(&text);
	open_programs(f);
	expect(f, "SELECT name FROM tables WHERE pipeline IS NOT NULL ORDER BY name",
	    "Lines\nminutes\nminutes_windows\np.totals\np.totals_state\np.windows\nq.lines\nq.totals\n"
	    "q.totals_state\n");
	expect(f, "SELECT count(*) FROM \"p.totals\", \"q.totals\"", "0\n");
	expect(f, "SELECT columns FROM tables WHERE name = 'q.totals'",
	    "\"k STRING NOT NULL, K_2 BIGINT, _row STRING, _updated BIGINT\"\n");
	OK(inspect_begin(f->inspect, &f->err));
	assert_int_equal(ask(f, "SELECT * FROM totals"), FL_E_SQL_BIND);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(before_anything_is_stored_tables_are_empty),
		TEST(current_rows_come_in_the_order_of_their_updates),
		TEST(current_rows_are_those_that_the_sink_has),
		TEST(current_rows_are_the_sum_of_all_changes),
		TEST(open_windows_show_keys_and_accumulators_closed_ones_their_results),
		TEST(an_aggregate_without_a_name_is_known_by_the_column_that_takes_it),
		TEST(results_say_what_is_delivered),
		TEST(rows_read_and_not_folded_are_lag),
		TEST(dead_letters_and_late_rows_are_whole),
		TEST(dead_letters_are_counted_by_reason_for_good),
		TEST(a_picture_stands_still_while_programs_go_on),
		TEST(a_long_lived_reader_sees_what_a_new_one_sees),
		TEST(a_picture_is_whole_while_another_process_writes),
		TEST(the_same_table_can_be_read_twice_at_once),
		TEST(times_compare_by_the_instant_and_decimals_as_numbers),
		TEST(functions_over_times),
		TEST(nothing_but_reading_is_allowed),
		TEST(an_error_says_where_and_what_there_is),
		TEST(a_query_without_end_is_ended),
		TEST(parameters_are_texts_by_name),
		TEST(values_print_as_json_and_csv),
		TEST(columns_of_a_table_have_the_types_of_its_ddl),
		TEST(values_of_all_types),
		TEST(keys_of_a_deduplication_are_shown_with_when_they_came),
		TEST(a_name_that_is_taken_is_had_with_its_pipeline),
	};

	return cmocka_run_group_tests_name("inspect/inspect", tests, NULL, NULL);
}
