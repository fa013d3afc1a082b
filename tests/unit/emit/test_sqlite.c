/* SPDX-License-Identifier: Apache-2.0 */
/* test_sqlite.c - rows into a SQLite file: what is stored, what is refused, what a crash leaves. */
#include "../unit.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "outbox.h"

static struct fl_field fields[] = {
	{ "k", { .id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX } },
	{ "n", { .id = FL_TYPE_BIGINT, .nullable = true } },
};
static uint32_t key[] = { 0 };
static struct fl_jdbc jdbc;
static struct fl_table table;
static const struct fl_table *sinks[] = { &table };

static int
setup_in(void **state, const char *dir)
{
	struct fixture *f = fixture_new(dir, sinks, 1);

	snprintf(f->file, sizeof(f->file), "%s/app.db", f->dir);
	snprintf(f->cursor, sizeof(f->cursor), "%s.flight", f->file);
	jdbc = (struct fl_jdbc){
		.scheme = FL_JDBC_SQLITE, .database = f->file, .where = f->file, .table_name = "t",
	};
	table = (struct fl_table){
		.name = "t", .physical = { 2, fields }, .connector = FL_CONNECTOR_JDBC, .jdbc = &jdbc,
		.is_sink = true,
	};
	*state = f;
	return 0;
}

static int
setup(void **state)
{
	return setup_in(state, "/tmp");
}

/* A kill loses nothing that was written, synced or not: where hundreds of them need no disk. */
static int
setup_in_memory(void **state)
{
	return setup_in(state, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

/* Rows as "+I a 1", one a line; "-" stands for NULL, "\n" ends a row. */
static void
add(struct fixture *f, const char *rows)
{
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_arena arena;
	uint8_t kinds[64];
	char kind[3], k[32], n[32];
	int used;

	fl_arena_init(&arena);
	fl_builder_init(&builder, &table.physical);
	for (; sscanf(rows, "%2s %31s %31s%n", kind, k, n, &used) == 3; rows += used) {
		uint32_t i = builder.row_count;

		assert_true(i < sizeof(kinds) && fl_builder_begin(&builder));
		kinds[i] = strcmp(kind, "+I") == 0 ? FL_CHANGE_INSERT :
		    strcmp(kind, "-U") == 0	   ? FL_CHANGE_UPDATE_BEFORE :
		    strcmp(kind, "+U") == 0	   ? FL_CHANGE_UPDATE_AFTER :
						     FL_CHANGE_DELETE;
		if (strcmp(k, "-") != 0)
			fl_builder_set_str(&builder, 0, k, strlen(k));
		if (strcmp(n, "-") != 0)
			fl_builder_set_i64(&builder, 1, atoll(n));
		fl_builder_commit(&builder);
	}
	fl_builder_view(&builder, &batch, &arena);
	put_block(f, 0, &batch, kinds);
	fl_builder_fini(&builder);
	fl_arena_fini(&arena);
}

/* One more block of rows "r<k>", k. */
static void
add_numbers(struct fixture *f, uint32_t count)
{
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_arena arena;
	char text[32];
	uint32_t i;

	fl_arena_init(&arena);
	fl_builder_init(&builder, &table.physical);
	for (i = 0; i < count; i++) {
		assert_true(fl_builder_begin(&builder));
		snprintf(text, sizeof(text), "r%" PRIu64, f->next[0] + i);
		fl_builder_set_str(&builder, 0, text, strlen(text));
		fl_builder_set_i64(&builder, 1, (int64_t)(f->next[0] + i));
		fl_builder_commit(&builder);
	}
	fl_builder_view(&builder, &batch, &arena);
	put_block(f, 0, &batch, NULL);
	fl_builder_fini(&builder);
	fl_arena_fini(&arena);
}

/* ---- emit ---- */

static enum fl_code
step(struct fixture *f)
{
	bool worked, done;

	return emit_step(f->emit, f->now_ms, &worked, &done, &f->err);
}

static void
run_once(struct fixture *f)
{
	start(f);
	run_idle(f);
	emit_close(&f->emit);
}

static void
expect_waiting(struct fixture *f, const char *code, const char *word)
{
	f->now_ms += 20000;
	OK(step(f));
	assert_int_equal(f->emit->sinks[0].view.state, EMIT_WAITING);
	assert_string_equal(fl_code_name(f->emit->sinks[0].view.err.code), code);
	if (strstr(f->emit->sinks[0].view.err.text, word) == NULL)
		fail_msg("no \"%s\" in \"%s\"", word, f->emit->sinks[0].view.err.text);
}

static void
expect_stop(struct fixture *f, const char *word)
{
	f->now_ms += 20000;
	assert_int_equal(step(f), FL_E_BAD_CONFIG);
	if (strstr(f->err.text, word) == NULL)
		fail_msg("no \"%s\" in \"%s\"", word, f->err.text);
	assert_int_equal(fl_code_exit(f->err.code), 78);
}

static uint64_t
dead(struct fixture *f, char *text, size_t size)
{
	char reason[480], value[480];
	struct fl_dead_head head;
	uint64_t count = last_letter(f, &head, reason, value, sizeof(reason));

	text[0] = '\0';
	if (count > 0)
		snprintf(text, size, "%" PRId64 " %s", head.offset, reason);
	return count;
}

static void
expect_dead(struct fixture *f, uint64_t count, const char *word)
{
	char text[512];

	assert_int_equal(dead(f, text, sizeof(text)), count);
	if (strstr(text, word) == NULL)
		fail_msg("no \"%s\" in \"%s\"", word, text);
}

/* ---- the file, as others see it ---- */

static sqlite3 *
open_db(const char *file)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_busy_timeout(db, 10000), SQLITE_OK);
	return db;
}

static void
sql(struct fixture *f, const char *text)
{
	sqlite3 *db = open_db(f->file);
	char *message = NULL;

	if (sqlite3_exec(db, text, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", text, message);
	sqlite3_close(db);
}

/* Rows (see add()) into a file that the statements made. */
static void
deliver(struct fixture *f, const char *statements, const char *rows)
{
	sql(f, statements);
	add(f, rows);
	run_once(f);
}

static int
add_cells(void *arg, int count, char **values, char **names)
{
	struct fl_buf *out = arg;
	int i;

	(void)names;
	for (i = 0; i < count; i++) {
		fl_buf_str(out, i == 0 ? "" : "|");
		fl_buf_str(out, values[i] != NULL ? values[i] : "NULL");
	}
	fl_buf_byte(out, '\n');
	return 0;
}

static void
query(const char *file, const char *text, struct fl_buf *out)
{
	sqlite3 *db = open_db(file);
	char *message = NULL;

	fl_buf_reset(out);
	fl_buf_str(out, "");
	if (sqlite3_exec(db, text, add_cells, out, &message) != SQLITE_OK)
		fail_msg("%s: %s", text, message);
	sqlite3_close(db);
}

static void
expect(struct fixture *f, const char *text, const char *expected)
{
	struct fl_buf out;

	fl_buf_init(&out);
	query(f->file, text, &out);
	assert_string_equal(out.data, expected);
	fl_buf_fini(&out);
}

static int64_t
number(const char *file, const char *text)
{
	struct fl_buf out;
	int64_t v;

	fl_buf_init(&out);
	query(file, text, &out);
	v = atoll(out.data);
	fl_buf_fini(&out);
	return v;
}

/* ---- what is stored ---- */

static void
rows_are_appended_in_order_and_once(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	add(f, "+I a 1 +I b - +I - 3");
	start(f);
	run_idle(f);
	add(f, "+I a 1");
	run_idle(f);
	emit_close(&f->emit);
	run_once(f);
	expect(f, "SELECT k, n FROM t", "a|1\nb|NULL\nNULL|3\na|1\n");
	assert_int_equal(number(f->cursor, "SELECT next FROM flight_cursor"), 4);
	expect(f, "SELECT count(*) FROM sqlite_master", "1\n");
}

static void
values_of_every_type_are_stored_as_documented(void **state)
{
	static struct fl_field all[] = {
		{ "b", { .id = FL_TYPE_BOOLEAN, .nullable = true } },
		{ "i1", { .id = FL_TYPE_TINYINT, .nullable = true } },
		{ "i2", { .id = FL_TYPE_SMALLINT, .nullable = true } },
		{ "i4", { .id = FL_TYPE_INT, .nullable = true } },
		{ "i8", { .id = FL_TYPE_BIGINT, .nullable = true } },
		{ "f", { .id = FL_TYPE_FLOAT, .nullable = true } },
		{ "d", { .id = FL_TYPE_DOUBLE, .nullable = true } },
		{ "de", { .id = FL_TYPE_DECIMAL, .nullable = true, .precision = 38, .scale = 2 } },
		{ "s", { .id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX } },
		{ "x", { .id = FL_TYPE_VARBINARY, .nullable = true, .length = FL_LENGTH_MAX } },
		{ "da", { .id = FL_TYPE_DATE, .nullable = true } },
		{ "ts", { .id = FL_TYPE_TIMESTAMP, .nullable = true, .precision = 3 } },
		{ "tl", { .id = FL_TYPE_TIMESTAMP_LTZ, .nullable = true, .precision = 0 } },
	};
	struct fixture *f = *state;
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_arena arena;
	uint8_t yes = 1;
	int8_t i1 = -128;
	int16_t i2 = -32768;
	float real = 1.5F;
	double d = -1e300;
	fl_i128 de = (fl_i128)INT64_MAX * 1000 + 7;

	table.physical = (struct fl_schema){ FL_ARRAY_COUNT(all), all };
	jdbc.create = true;
	fl_arena_init(&arena);
	fl_builder_init(&builder, &table.physical);
	assert_true(fl_builder_begin(&builder));
	fl_builder_set_raw(&builder, 0, &yes);
	fl_builder_set_raw(&builder, 1, &i1);
	fl_builder_set_raw(&builder, 2, &i2);
	fl_builder_set_i32(&builder, 3, INT32_MIN);
	fl_builder_set_i64(&builder, 4, INT64_MIN);
	fl_builder_set_raw(&builder, 5, &real);
	fl_builder_set_raw(&builder, 6, &d);
	fl_builder_set_raw(&builder, 7, &de);
	fl_builder_set_str(&builder, 8, "O'Hara \xc3\xa9", 9);
	fl_builder_set_str(&builder, 9, "\0\xff", 2);
	fl_builder_set_i32(&builder, 10, -1);
	fl_builder_set_i64(&builder, 11, 1700000000120);
	fl_builder_set_i64(&builder, 12, 1700000000000);
	fl_builder_commit(&builder);
	assert_true(fl_builder_begin(&builder));
	fl_builder_commit(&builder);
	fl_builder_view(&builder, &batch, &arena);
	put_block(f, 0, &batch, NULL);
	fl_builder_fini(&builder);
	fl_arena_fini(&arena);
	run_once(f);
	expect(f,
	    "SELECT b, i1, i2, i4, i8, f, d, de, s, hex(x), da, ts, tl FROM t WHERE b",
	    "1|-128|-32768|-2147483648|-9223372036854775808|1.5|-1.0e+300|92233720368547758070.07|"
	    "O'Hara \xc3\xa9|00FF|1969-12-31|2023-11-14 22:13:20.120|2023-11-14 22:13:20Z\n");
	expect(f, "SELECT group_concat(typeof(b) || typeof(d) || typeof(de) || typeof(x) || typeof(ts)) FROM t",
	    "integerrealtextblobtext,nullnullnullnullnull\n");
	expect(f, "SELECT ts > datetime('now'), date(tl), strftime('%s', tl) FROM t WHERE b",
	    "0|2023-11-14|1700000000\n");
}

/* ... nor the tables beside it, nor what it holds that the pipeline does not name. */
static void
schema_and_journal_mode_stay_as_they_are(void **state)
{
	struct fixture *f = *state;
	struct fl_buf before, after;
	const char *look = "SELECT * FROM sqlite_master; PRAGMA journal_mode; PRAGMA page_size;"
			   "PRAGMA user_version; PRAGMA application_id; PRAGMA schema_version";

	sql(f, "PRAGMA page_size = 1024; PRAGMA user_version = 7; PRAGMA application_id = 9;"
	       "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER, mine TEXT DEFAULT 'x');"
	       "CREATE TABLE log (k TEXT, n INTEGER); CREATE INDEX by_n ON t (n);"
	       "CREATE TRIGGER tr AFTER UPDATE ON t BEGIN INSERT INTO log VALUES (new.k, new.n); END;"
	       "INSERT INTO t VALUES ('a', 36, 'kept')");
	table.primary_key = key;
	table.primary_key_count = 1;
	fl_buf_init(&before);
	fl_buf_init(&after);
	query(f->file, look, &before);
	add(f, "+U a 37 +I b 1 +U b 2");
	run_once(f);
	query(f->file, look, &after);
	assert_string_equal(before.data, after.data);
	expect(f, "SELECT * FROM t ORDER BY k; SELECT * FROM log", "a|37|kept\nb|2|x\na|37\nb|2\n");
	fl_buf_fini(&before);
	fl_buf_fini(&after);
}

static void
rows_with_a_key_are_updated_and_deleted(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER)");
	table.primary_key = key;
	table.primary_key_count = 1;
	add(f, "+I a 1 +I b 1 -U a 1 +U a 2 -D b 1 -D c 1 +I d 4 -D d 4 +I d 5 -U a 1");
	run_once(f);
	expect(f, "SELECT k, n FROM t ORDER BY k", "a|2\nd|5\n");
	assert_int_equal(number(f->cursor, "SELECT next FROM flight_cursor"), 10);
}

static void
a_key_of_all_columns_is_put_once(void **state)
{
	static uint32_t both[] = { 1, 0 };
	struct fixture *f = *state;

	jdbc.create = true;
	table.primary_key = both;
	table.primary_key_count = 2;
	add(f, "+I a 1 +I a 1 +I a 2 -D a 2");
	run_once(f);
	expect(f, "SELECT k, n FROM t", "a|1\n");
}

/* What a SELECT without ORDER BY gives. */
static void
an_updated_row_stays_in_its_place(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER)");
	table.primary_key = key;
	table.primary_key_count = 1;
	add(f, "+I a 1 +I b 1 +U a 2 +I c 1");
	run_once(f);
	expect(f, "SELECT k, n FROM t", "a|2\nb|1\nc|1\n");
}

static void
with_updated_last_the_least_recently_updated_comes_first(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER, mine TEXT);"
	       "INSERT INTO t VALUES ('a', 36, 'kept')");
	table.primary_key = key;
	table.primary_key_count = 1;
	jdbc.updated_last = true;
	add(f, "+I b 1 +U a 37 +I c 1");
	start(f);
	run_idle(f);
	expect(f, "SELECT * FROM t", "b|1|NULL\na|37|kept\nc|1|NULL\n");
	add(f, "+U b 2 +U b 3 -D a 1 +I d 1 +U c 2");
	run_idle(f);
	expect(f, "SELECT * FROM t", "b|3|NULL\nd|1|NULL\nc|2|NULL\n");
}

static void
a_rowid_that_is_a_column_is_not_moved(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT UNIQUE, n INTEGER)");
	table.primary_key = key;
	table.primary_key_count = 1;
	jdbc.updated_last = true;
	add(f, "+I a 1");
	start(f);
	expect_stop(f, "flight.table.t.updated-last");
	emit_close(&f->emit);
	sql(f, "DROP TABLE t; CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID");
	start(f);
	expect_stop(f, "WITHOUT ROWID");
}

static void
a_table_is_made_when_asked(void **state)
{
	struct fixture *f = *state;

	jdbc.create = true;
	jdbc.table_name = "a \"b\"";
	fields[1].type.nullable = false;
	table.primary_key = key;
	table.primary_key_count = 1;
	add(f, "+I a 1 +U a 2");
	run_once(f);
	fields[1].type.nullable = true;
	expect(f, "SELECT sql FROM sqlite_master WHERE type = 'table'; SELECT * FROM \"a \"\"b\"\"\"",
	    "CREATE TABLE \"a \"\"b\"\"\" (\"k\" TEXT, \"n\" INTEGER NOT NULL, PRIMARY KEY (\"k\"))\n"
	    "a|2\n");
}

/* ---- what cannot be used ---- */

static void
what_is_missing_is_named_and_waited_for(void **state)
{
	struct fixture *f = *state;
	char dir[80];

	snprintf(dir, sizeof(dir), "%s/deep", f->dir);
	snprintf(f->file, sizeof(f->file), "%s/deep/app.db", f->dir);
	add(f, "+I a 1");
	start(f);
	expect_waiting(f, "DATABASE_AWAY", "/deep\" of the SQLite file: No such file");
	assert_int_equal(mkdir(dir, 0700), 0);
	expect_waiting(f, "DATABASE_AWAY", "does not exist; make it and its table, or SET 'flight.table.t.create'");
	sql(f, "CREATE TABLE other (k TEXT)");
	expect_waiting(f, "TABLE_MISSING", "no such table: main.t");
	sql(f, "CREATE TABLE t (k TEXT)");
	expect_waiting(f, "TABLE_MISSING", "has no column named n");
	sql(f, "ALTER TABLE t ADD COLUMN n INTEGER");
	run_idle(f);
	expect(f, "SELECT k, n FROM t", "a|1\n");
}

static void
a_key_that_the_table_does_not_have_is_named(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	table.primary_key = key;
	table.primary_key_count = 1;
	add(f, "+I a 1");
	start(f);
	expect_waiting(f, "TABLE_MISSING", "ON CONFLICT clause does not match any PRIMARY KEY");
	sql(f, "CREATE UNIQUE INDEX i ON t (k)");
	run_idle(f);
	expect(f, "SELECT k, n FROM t", "a|1\n");
}

static void
a_file_in_wal_mode_is_refused_and_left_alone(void **state)
{
	struct fixture *f = *state;

	sql(f, "PRAGMA journal_mode = WAL; CREATE TABLE t (k TEXT, n INTEGER)");
	add(f, "+I a 1");
	start(f);
	expect_stop(f, "WAL mode");
	assert_int_equal(access(f->cursor, F_OK), -1);
	expect(f, "PRAGMA journal_mode; SELECT count(*) FROM t", "wal\n0\n");
}

static void
wal_mode_that_is_switched_on_later_is_refused(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	add(f, "+I a 1");
	start(f);
	run_idle(f);
	sql(f, "PRAGMA journal_mode = WAL");
	add(f, "+I b 1");
	expect_stop(f, "WAL mode");
	expect(f, "SELECT k, n FROM t", "a|1\n");
}

static void
what_is_no_database_is_refused(void **state)
{
	struct fixture *f = *state;

	static const char letter[] = "this is a letter to somebody, and no database at all, is it?";

	OK(fl_file_write(f->file, letter, sizeof(letter), &f->err));
	add(f, "+I a 1");
	start(f);
	expect_stop(f, "file is not a database");
}

static void
a_second_file_that_is_not_ours_is_refused(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	db = open_db(f->cursor);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE mine (a)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	add(f, "+I a 1");
	start(f);
	expect_stop(f, "there and not made by Flight");
	expect(f, "SELECT count(*) FROM t", "0\n");
	assert_int_equal(number(f->cursor, "SELECT count(*) FROM sqlite_master"), 1);
}

static void
a_file_that_cannot_be_written_is_named(void **state)
{
	struct fixture *f = *state;

	struct fl_sink_position position;
	struct stat st;
	struct emit_sink *sink;
	bool known;

	if (geteuid() != 0)
		skip(); /* root becomes nobody here */
	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	add(f, "+I a 1");
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(chmod(f->file, 0644), 0);
	start(f);
	sink = &f->emit->sinks[0];
	assert_int_equal(seteuid(65534), 0);
	enum fl_code code = sink->ops->open(sink, &known, &position, &f->err);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(code, FL_E_DATABASE_AUTH);
	assert_non_null(strstr(f->err.text, "cannot be written by this user"));
	/* The file may be written, its directory not. */
	assert_int_equal(chmod(f->file, 0666), 0);
	assert_int_equal(seteuid(65534), 0);
	code = sink->ops->open(sink, &known, &position, &f->err);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(code, FL_E_DATABASE_AUTH);
	assert_non_null(strstr(f->err.text, "app.db.flight\", which keeps the position: Permission denied"));
	run_idle(f);
	expect(f, "SELECT k, n FROM t", "a|1\n");
	assert_int_equal(stat(f->cursor, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666); /* as the file */
}

/* ---- refused rows ---- */

static void
a_row_that_breaks_a_constraint_is_a_dead_letter(void **state)
{
	struct fixture *f = *state;

	deliver(f, "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER NOT NULL CHECK (n < 100))",
	    "+I a 1 +I b 100 +I c - +I a 2 +I d 99");
	expect(f, "SELECT k, n FROM t", "a|1\nd|99\n");
	expect_dead(f, 3, "3 SQLite table \"t\": UNIQUE constraint failed: t.k");
	assert_int_equal(number(f->cursor, "SELECT next FROM flight_cursor"), 5);
}

static void
a_value_that_a_strict_table_has_no_place_for_is_a_dead_letter(void **state)
{
	struct fixture *f = *state;

	deliver(f, "CREATE TABLE t (k INTEGER, n INTEGER) STRICT", "+I 1 1 +I b 2 +I 3 3");
	expect(f, "SELECT k, n FROM t", "1|1\n3|3\n");
	expect_dead(f, 1, "1 SQLite table \"t\": cannot store TEXT value in INTEGER column t.k");
}

static void
a_row_that_a_check_cannot_compute_is_a_dead_letter(void **state)
{
	struct fixture *f = *state;

	deliver(f, "CREATE TABLE t (k TEXT CHECK (json_extract(k, '$') > 0), n INTEGER)", "+I 1 1 +I {x 2 +I 3 3");
	expect(f, "SELECT k, n FROM t", "1|1\n3|3\n");
	expect_dead(f, 1, "1 SQLite table \"t\": malformed JSON");
}

static void
a_trigger_may_refuse_and_roll_back(void **state)
{
	struct fixture *f = *state;

	deliver(f, "CREATE TABLE t (k TEXT, n INTEGER);"
	       "CREATE TRIGGER tr BEFORE INSERT ON t WHEN new.n = 2 BEGIN SELECT RAISE(ROLLBACK, 'no twos'); END", "+I a 1 +I b 2 +I c 3");
	expect(f, "SELECT k, n FROM t", "a|1\nc|3\n");
	expect_dead(f, 1, "1 SQLite table \"t\": no twos");
}

static void
a_foreign_key_checked_at_commit_is_narrowed_to_its_row(void **state)
{
	struct fixture *f = *state;

	deliver(f, "CREATE TABLE p (id TEXT PRIMARY KEY); INSERT INTO p VALUES ('a');"
	       "CREATE TABLE t (k TEXT REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED, n INTEGER)", "+I a 1 +I a 2 +I b 3 +I a 4 +I a 5");
	expect(f, "SELECT k, n FROM t", "a|1\na|2\na|4\na|5\n");
	expect_dead(f, 1, "FOREIGN KEY constraint failed");
}

static void
text_with_nul_and_nan_are_dead_letters(void **state)
{
	static struct fl_field two[] = {
		{ "k", { .id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX } },
		{ "d", { .id = FL_TYPE_DOUBLE, .nullable = true } },
	};
	struct fixture *f = *state;
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_arena arena;
	double values[] = { 1, 2, __builtin_nan(""), __builtin_inf() };
	uint32_t i;

	table.physical = (struct fl_schema){ 2, two };
	jdbc.create = true;
	fl_arena_init(&arena);
	fl_builder_init(&builder, &table.physical);
	for (i = 0; i < FL_ARRAY_COUNT(values); i++) {
		assert_true(fl_builder_begin(&builder));
		fl_builder_set_str(&builder, 0, "a\0b", i == 1 ? 3 : 1);
		fl_builder_set_raw(&builder, 1, &values[i]);
		fl_builder_commit(&builder);
	}
	fl_builder_view(&builder, &batch, &arena);
	put_block(f, 0, &batch, NULL);
	fl_builder_fini(&builder);
	fl_arena_fini(&arena);
	run_once(f);
	expect(f, "SELECT k, d FROM t", "a|1.0\na|Inf\n");
	expect_dead(f, 2, "2 column \"d\": NaN");
}

static void
a_change_without_a_key_and_a_null_in_one_are_dead_letters(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (k TEXT UNIQUE, n INTEGER)");
	add(f, "+I a 1 +U a 2");
	start(f);
	run_idle(f);
	expect(f, "SELECT k, n FROM t", "a|1\n");
	emit_close(&f->emit);
	expect_dead(f, 1, "1 table \"t\" has no PRIMARY KEY");
	table.primary_key = key;
	table.primary_key_count = 1;
	add(f, "+U a 3 +I - 1");
	run_once(f);
	expect(f, "SELECT k, n FROM t", "a|3\n");
	expect_dead(f, 2, "3 column \"k\": NULL");
}

/* ---- others at the file ---- */

static void
a_lock_of_somebody_else_is_waited_for(void **state)
{
	struct fixture *f = *state;
	sqlite3 *db;

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	start(f);
	run_idle(f);
	add(f, "+I a 1");
	db = open_db(f->file); /* a writer ... */
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	expect_waiting(f, "TIMED_OUT", "database is locked; another connection reads or writes");
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	/* ... and a reader that does not end */
	assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT * FROM t", NULL, NULL, NULL), SQLITE_OK);
	expect_waiting(f, "TIMED_OUT", "could not commit to SQLite file");
	/* Between two tries other readers get in. */
	expect(f, "SELECT count(*) FROM t", "0\n");
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	run_idle(f);
	expect(f, "SELECT k, n FROM t", "a|1\n");
}

/* Another emit, as after a kill that was none: it delivers, and the first one must not. */
static void
a_position_moved_by_somebody_else_is_adopted(void **state)
{
	struct fixture *f = *state;
	struct emit_sink other;
	bool worked;

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	add_numbers(f, 3);
	start(f);
	run_idle(f);
	add_numbers(f, 4);
	emit_sink_init(&other, f->emit, &pipeline, 0);
	OK(emit_sink_turn(&other, f->now_ms, &worked, &f->err));
	assert_int_equal(other.position.next, 7);
	emit_sink_fini(&other);
	OK(emit_sink_turn(&f->emit->sinks[0], f->now_ms, &worked, &f->err));
	assert_int_equal(f->emit->sinks[0].view.err.code, FL_E_DATABASE);
	assert_non_null(strstr(f->emit->sinks[0].view.err.text, "somebody else has moved it"));
	run_idle(f);
	assert_int_equal(f->emit->sinks[0].position.next, 7);
	add_numbers(f, 1);
	run_idle(f);
	expect(f, "SELECT count(*), sum(n) FROM t", "8|28\n");
}

static void
a_table_that_goes_away_makes_no_dead_letters(void **state)
{
	struct fixture *f = *state;
	char text[512];

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	add(f, "+I a 1");
	start(f);
	run_idle(f);
	sql(f, "ALTER TABLE t RENAME TO away");
	add(f, "+I b 2");
	expect_waiting(f, "TABLE_MISSING", "no such table: main.t");
	expect_waiting(f, "TABLE_MISSING", "no such table: main.t");
	sql(f, "ALTER TABLE away RENAME TO t");
	run_idle(f);
	expect(f, "SELECT k, n FROM t", "a|1\nb|2\n");
	assert_int_equal(dead(f, text, sizeof(text)), 0);
}

static void
a_file_that_is_moved_away_is_not_written(void **state)
{
	struct fixture *f = *state;
	char away[128];

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	add(f, "+I a 1");
	start(f);
	run_idle(f);
	snprintf(away, sizeof(away), "%s/away.db", f->dir);
	assert_int_equal(rename(f->file, away), 0);
	add(f, "+I b 2");
	f->now_ms += 20000;
	OK(step(f));
	expect_waiting(f, "DATABASE_AWAY", "does not exist");
	assert_int_equal(number(away, "SELECT count(*) FROM t"), 1);
	assert_int_equal(rename(away, f->file), 0);
	run_idle(f);
	expect(f, "SELECT k, n FROM t", "a|1\nb|2\n");
}

/* Were they restored, both of them or one?  What is missing is not guessed. */
static void
a_position_that_is_gone_stops_the_sink(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	add_numbers(f, 3);
	run_once(f);
	assert_int_equal(unlink(f->cursor), 0);
	add_numbers(f, 2);
	start(f);
	f->now_ms += 20000;
	assert_int_equal(step(f), FL_E_SINK_UNKNOWN);
	assert_non_null(strstr(f->err.text, "has no position of it any more, and rows up to 3"));
	expect(f, "SELECT count(*) FROM t", "3\n");
}

static void
two_pipelines_may_write_into_one_file(void **state)
{
	struct fixture *f = *state;
	char path[256];

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	add_numbers(f, 3);
	run_once(f);
	/* A store made anew begins at row 0 with a position of its own. */
	fl_store_close(&f->store);
	fl_instance_path(f->instance, FL_ROLE_PIPELINE, "p", path, sizeof(path));
	remove_dir(path);
	open_store(f);
	f->next[0] = 0;
	add_numbers(f, 2);
	run_once(f);
	expect(f, "SELECT count(*), sum(n) FROM t", "5|4\n");
	assert_int_equal(number(f->cursor, "SELECT count(*) FROM flight_cursor"), 2);
	assert_int_equal(number(f->cursor, "SELECT sum(next) FROM flight_cursor"), 5);
}

static void
an_unknown_commit_is_looked_up(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	add_numbers(f, 5);
	start(f);
	arm("emit.after_commit:1,emit.before_commit:2");
	run_idle(f);
	add_numbers(f, 5);
	run_idle(f);
	expect(f, "SELECT count(*), sum(n) FROM t", "10|45\n");
}

/* ---- crashes ---- */

/* SQLite's way to the disk, counted: at call number `fail_at` it kills the process, or fails
 * once with `fail_rc`. */
static struct {
	sqlite3_vfs vfs, *real;
	int calls, fail_at, fail_rc;
} shim;

struct shim_file {
	sqlite3_file base;
	sqlite3_file *real;
};

static int
count_call(void)
{
	if (++shim.calls != shim.fail_at)
		return SQLITE_OK;
	if (shim.fail_rc == 0)
		raise(SIGKILL);
	return shim.fail_rc;
}

#define REAL(file) (((struct shim_file *)(file))->real)
#define COUNTED(call) \
	do { \
		int counted = count_call(); \
		return counted != SQLITE_OK ? counted : (call); \
	} while (0)

static int
shim_close(sqlite3_file *file)
{
	int rc = REAL(file)->pMethods->xClose(REAL(file));

	sqlite3_free(REAL(file));
	return rc;
}
static int
shim_read(sqlite3_file *file, void *p, int size, sqlite3_int64 at)
{
	return REAL(file)->pMethods->xRead(REAL(file), p, size, at);
}
static int
shim_write(sqlite3_file *file, const void *p, int size, sqlite3_int64 at)
{
	COUNTED(REAL(file)->pMethods->xWrite(REAL(file), p, size, at));
}
static int
shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	COUNTED(REAL(file)->pMethods->xTruncate(REAL(file), size));
}
static int
shim_sync(sqlite3_file *file, int flags)
{
	COUNTED(REAL(file)->pMethods->xSync(REAL(file), flags));
}
static int
shim_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return REAL(file)->pMethods->xFileSize(REAL(file), size);
}
static int
shim_lock(sqlite3_file *file, int level)
{
	return REAL(file)->pMethods->xLock(REAL(file), level);
}
static int
shim_unlock(sqlite3_file *file, int level)
{
	return REAL(file)->pMethods->xUnlock(REAL(file), level);
}
static int
shim_is_reserved(sqlite3_file *file, int *out)
{
	return REAL(file)->pMethods->xCheckReservedLock(REAL(file), out);
}
static int
shim_control(sqlite3_file *file, int op, void *arg)
{
	return REAL(file)->pMethods->xFileControl(REAL(file), op, arg);
}
static int
shim_sector(sqlite3_file *file)
{
	return REAL(file)->pMethods->xSectorSize(REAL(file));
}
static int
shim_device(sqlite3_file *file)
{
	return REAL(file)->pMethods->xDeviceCharacteristics(REAL(file));
}

static const sqlite3_io_methods shim_methods = {
	.iVersion = 1,
	.xClose = shim_close,
	.xRead = shim_read,
	.xWrite = shim_write,
	.xTruncate = shim_truncate,
	.xSync = shim_sync,
	.xFileSize = shim_size,
	.xLock = shim_lock,
	.xUnlock = shim_unlock,
	.xCheckReservedLock = shim_is_reserved,
	.xFileControl = shim_control,
	.xSectorSize = shim_sector,
	.xDeviceCharacteristics = shim_device,
};

static int
shim_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags, int *out_flags)
{
	struct shim_file *own = (struct shim_file *)file;
	int rc;

	(void)vfs;
	file->pMethods = NULL;
	if ((rc = count_call()) != SQLITE_OK)
		return rc == SQLITE_FULL ? SQLITE_CANTOPEN : rc;
	own->real = sqlite3_malloc(shim.real->szOsFile);
	memset(own->real, 0, (size_t)shim.real->szOsFile);
	rc = shim.real->xOpen(shim.real, name, own->real, flags, out_flags);
	if (rc == SQLITE_OK)
		file->pMethods = &shim_methods;
	else
		sqlite3_free(own->real);
	return rc;
}

static int
shim_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	COUNTED(shim.real->xDelete(shim.real, name, sync));
}

static void
use_shim(int fail_at, int fail_rc)
{
	if (shim.real == NULL) {
		shim.real = sqlite3_vfs_find(NULL);
		shim.vfs = *shim.real;
		shim.vfs.zName = "shim";
		shim.vfs.szOsFile = sizeof(struct shim_file);
		shim.vfs.xOpen = shim_open;
		shim.vfs.xDelete = shim_delete;
	}
	shim.calls = 0;
	shim.fail_at = fail_at;
	shim.fail_rc = fail_rc;
	assert_int_equal(sqlite3_vfs_register(&shim.vfs, 1), SQLITE_OK);
}

static void
leave_shim(void)
{
	(void)sqlite3_vfs_unregister(&shim.vfs);
	assert_int_equal(sqlite3_vfs_register(shim.real, 1), SQLITE_OK);
}

/* A process that delivers what is there; its calls, or -1: it was killed. */
static int
deliver_in_a_process(struct fixture *f, int kill_at)
{
	int status = 0;
	pid_t pid;

	fl_store_close(&f->store); /* no handle of a store goes over a fork */
	fflush(NULL);
	if ((pid = fork()) == 0) {
		use_shim(kill_at, 0);
		run_once(f);
		_exit(FL_MIN(shim.calls, 255));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	open_store(f);
	assert_true(WIFEXITED(status) || WTERMSIG(status) == SIGKILL);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Rows 0 .. n-1 of the table, each once; n. */
static uint64_t
count_rows(struct fixture *f)
{
	int64_t n = number(f->file, "SELECT count(*) FROM t");

	assert_int_equal(number(f->file, "SELECT count(DISTINCT n) FROM t"), n);
	assert_int_equal(number(f->file, "SELECT coalesce(max(n), -1) FROM t"), n - 1);
	return (uint64_t)n;
}

/*
 * At each write, sync, truncation, creation and removal that SQLite does, those between the
 * two files' journals and the one that commits them both among them.  A reader of the user's
 * file alone comes first and finds it whole; the position beside it is the one of these rows.
 */
static void
a_kill_at_any_call_leaves_rows_and_position_together(void **state)
{
	struct fixture *f = *state;
	int n, calls = 1, done = 0, undone = 0, hot = 0;
	char journal[128];
	uint64_t rows;

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER); CREATE INDEX i ON t (n)");
	snprintf(journal, sizeof(journal), "%s-journal", f->file);
	for (n = 1; n <= calls; n++) {
		uint64_t before = f->next[0];

		add_numbers(f, 3);
		if (deliver_in_a_process(f, n) >= 0)
			break;
		hot += access(journal, F_OK) == 0;
		rows = count_rows(f);
		assert_true(rows == before || rows == f->next[0]);
		rows == before ? undone++ : done++;
		if (access(f->cursor, F_OK) == 0 &&
		    number(f->cursor, "SELECT count(*) FROM sqlite_master") > 0)
			assert_int_equal(
			    number(f->cursor, "SELECT coalesce(max(next), 0) FROM flight_cursor"), rows);
		else
			assert_int_equal(rows, 0);
		calls = deliver_in_a_process(f, 0);
		if (rows == f->next[0]) { /* that one had nothing to do */
			add_numbers(f, 3);
			calls = deliver_in_a_process(f, 0);
		}
		assert_int_equal(count_rows(f), f->next[0]);
		assert_int_equal(number(f->cursor, "SELECT next FROM flight_cursor"), f->next[0]);
	}
	/* The kills hit before and after the instant that decides, with both journals there. */
	if (n < 30 || done < 2 || undone < 20 || hot < 10)
		fail_msg("calls=%d done=%d undone=%d hot=%d", n, done, undone, hot);
}

static void
a_call_that_fails_is_made_up_for(void **state)
{
	static const int codes[] = { SQLITE_IOERR, SQLITE_FULL };
	struct fixture *f = *state;
	size_t c;
	int n;

	sql(f, "CREATE TABLE t (k TEXT, n INTEGER); CREATE INDEX i ON t (n)");
	for (c = 0; c < FL_ARRAY_COUNT(codes); c++) {
		for (n = 1; n < 500; n++) {
			add_numbers(f, 3);
			use_shim(n, codes[c]);
			run_once(f);
			leave_shim();
			assert_int_equal(count_rows(f), f->next[0]);
			if (shim.calls < n)
				break;
		}
		assert_true(n > 25 && n < 500);
	}
}

/* A second process that reads all the time, as one that knows nothing of Flight does. */
static void
read_all_the_time(const char *file, const char *cursor, const char *stop)
{
	char text[512];
	int64_t last = 0, reads = 0;

	snprintf(text, sizeof(text),
	    "ATTACH '%s' AS c; BEGIN; SELECT count(*), sum(n), max(n) FROM t;"
	    "SELECT coalesce(max(next), 0) FROM c.flight_cursor; COMMIT", cursor);
	while (access(stop, F_OK) != 0) {
		struct fl_buf out;
		int64_t count = 0, sum = 0, max = 0, next = 0;

		fl_buf_init(&out);
		query(file, "SELECT count(*), coalesce(sum(n), 0) FROM t", &out);
		if (sscanf(out.data, "%" SCNd64 "|%" SCNd64, &count, &sum) != 2 ||
		    sum != count * (count - 1) / 2 || count < last)
			_exit(2);
		last = count;
		/* ... and one that does, and sees both files at one instant */
		if (access(cursor, F_OK) == 0) {
			query(file, text, &out);
			if (sscanf(out.data, "%" SCNd64 "|%" SCNd64 "|%" SCNd64 "\n%" SCNd64, &count, &sum,
				&max, &next) == 4 && count != next)
				_exit(3);
		}
		fl_buf_fini(&out);
		reads++;
		(void)usleep(5000);
	}
	_exit(reads > 20 ? 0 : 4);
}

static void
readers_see_whole_transactions_through_kills_at_random(void **state)
{
	struct fixture *f = *state;
	char stop[128];
	int status = 0, i, killed = 0;
	pid_t reader, writer;

	snprintf(stop, sizeof(stop), "%s/stop", f->dir);
	sql(f, "CREATE TABLE t (k TEXT, n INTEGER)");
	for (i = 0; i < 60; i++)
		add_numbers(f, 2000);
	fl_store_close(&f->store);
	fflush(NULL);
	/* The position is there first: until then the two files say nothing of each other. */
	if ((writer = fork()) == 0) {
		arm("emit.before_commit:1:kill");
		run_once(f);
		_exit(0);
	}
	assert_int_equal(waitpid(writer, &status, 0), writer);
	if ((reader = fork()) == 0)
		read_all_the_time(f->file, f->cursor, stop);
	srand(7);
	for (i = 0; i < 25; i++) {
		if ((writer = fork()) == 0) {
			start(f);
			f->emit->sinks[0].row_limit = 100; /* many transactions */
			run_idle(f);
			emit_close(&f->emit);
			_exit(0);
		}
		(void)usleep((useconds_t)(5000 + rand() % 60000));
		(void)kill(writer, SIGKILL);
		assert_int_equal(waitpid(writer, &status, 0), writer);
		killed += WIFSIGNALED(status);
	}
	open_store(f);
	run_once(f);
	OK(fl_file_write(stop, "", 0, &f->err));
	assert_int_equal(waitpid(reader, &status, 0), reader);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(count_rows(f), f->next[0]);
	assert_int_equal(number(f->cursor, "SELECT next FROM flight_cursor"), f->next[0]);
	assert_true(killed > 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_are_appended_in_order_and_once),
		TEST(values_of_every_type_are_stored_as_documented),
		TEST(schema_and_journal_mode_stay_as_they_are),
		TEST(rows_with_a_key_are_updated_and_deleted),
		TEST(a_key_of_all_columns_is_put_once),
		TEST(an_updated_row_stays_in_its_place),
		TEST(with_updated_last_the_least_recently_updated_comes_first),
		TEST(a_rowid_that_is_a_column_is_not_moved),
		TEST(a_table_is_made_when_asked),
		TEST(what_is_missing_is_named_and_waited_for),
		TEST(a_key_that_the_table_does_not_have_is_named),
		TEST(a_file_in_wal_mode_is_refused_and_left_alone),
		TEST(wal_mode_that_is_switched_on_later_is_refused),
		TEST(what_is_no_database_is_refused),
		TEST(a_second_file_that_is_not_ours_is_refused),
		TEST(a_file_that_cannot_be_written_is_named),
		TEST(a_row_that_breaks_a_constraint_is_a_dead_letter),
		TEST(a_value_that_a_strict_table_has_no_place_for_is_a_dead_letter),
		TEST(a_row_that_a_check_cannot_compute_is_a_dead_letter),
		TEST(a_trigger_may_refuse_and_roll_back),
		TEST(a_foreign_key_checked_at_commit_is_narrowed_to_its_row),
		TEST(text_with_nul_and_nan_are_dead_letters),
		TEST(a_change_without_a_key_and_a_null_in_one_are_dead_letters),
		TEST(a_lock_of_somebody_else_is_waited_for),
		TEST(a_position_moved_by_somebody_else_is_adopted),
		TEST(a_table_that_goes_away_makes_no_dead_letters),
		TEST(a_file_that_is_moved_away_is_not_written),
		TEST(a_position_that_is_gone_stops_the_sink),
		TEST(two_pipelines_may_write_into_one_file),
		TEST(an_unknown_commit_is_looked_up),
		cmocka_unit_test_setup_teardown(a_kill_at_any_call_leaves_rows_and_position_together,
		    setup_in_memory, teardown),
		cmocka_unit_test_setup_teardown(a_call_that_fails_is_made_up_for,
		    setup_in_memory, teardown),
		TEST(readers_see_whole_transactions_through_kills_at_random),
	};

	return cmocka_run_group_tests_name("emit/sqlite", tests, NULL, NULL);
}
