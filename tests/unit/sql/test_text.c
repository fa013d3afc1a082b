/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_text.c - what a golden file cannot hold: bytes that are no text, other line
 * ends, scripts of great depth and size.
 */
#include "../unit.h"

#include <time.h>

#include "base/util.h"
#include "sql/plan.h"

#define TABLES \
	"CREATE TABLE t (k STRING, n INT) WITH ('connector' = 'filesystem', 'path' = '/in', " \
	"'format' = 'json'); CREATE TABLE o (a STRING) WITH ('connector' = 'print'); " \
	"CREATE TABLE i (a INT) WITH ('connector' = 'print'); "

static struct fl_buf detail;

static enum fl_code
compile_bytes(const char *text, size_t size)
{
	struct fl_sql_env env = { .file = "t.sql", .dir = "/" };
	struct fl_err err = { .code = FL_OK };
	struct fl_plan *plan = NULL;
	enum fl_code code;

	fl_buf_reset(&detail);
	code = fl_sql_compile(text, size, &env, &plan, &detail, &err);
	fl_plan_free(&plan);
	return code;
}

static enum fl_code
compile_buf(struct fl_buf *buf)
{
	enum fl_code code = compile_bytes(buf->data, buf->size);

	fl_buf_fini(buf);
	return code;
}

static void
assert_said(const char *part)
{
	if (detail.data == NULL || strstr(detail.data, part) == NULL)
		fail_msg("expected \"%s\" in: %s", part, detail.data != NULL ? detail.data : "nothing");
}

static void
bytes_that_are_no_text_are_shown_with_their_place(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *said;
	} cases[] = {
		{ "SET\0", 4, "t.sql:1:4: the byte 0x00 is no UTF-8 text" },
		{ "-- a\n\xff", 6, "t.sql:2:1: the byte 0xff is no UTF-8 text" },
		{ "SET 'a' = '\xc3'", 13, "t.sql:1:12: the byte 0xc3 is no UTF-8 text" },	 /* cut off */
		{ "'\xc0\x80'", 4, "t.sql:1:2: the byte 0xc0 is no UTF-8 text" },	 /* overlong */
		{ "'\xed\xa0\x80'", 5, "t.sql:1:2: the byte 0xed is no UTF-8 text" },	 /* a surrogate */
		{ "'\xf4\x90\x80\x80'", 6, "t.sql:1:2: the byte 0xf4 is no UTF-8 text" }, /* beyond */
		{ "\xe2\x82", 2, "t.sql:1:1: the byte 0xe2 is no UTF-8 text" },
		{ "\x01", 1, "t.sql:1:1: the character \\x01 has no meaning here" },
		{ "SELECT \xe2\x80\x98" "a\xe2\x80\x99", 14, "U+2018 (a typographic quote)" },
		{ "a\xc2\xa0" "b", 4, "t.sql:1:2: the character U+00A0 (a no-break space)" },
		{ "SET 'a' = 'b'; \xef\xbb\xbf", 18, "U+FEFF (a byte order mark)" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		assert_int_equal(compile_bytes(cases[i].bytes, cases[i].size), FL_E_SQL_SYNTAX);
		assert_said(cases[i].said);
	}
}

static void
a_byte_order_mark_may_begin_the_file(void **state)
{
	static const char text[] = "\xef\xbb\xbfSET 'pipeline.name' = 'x';";

	(void)state;
	assert_int_equal(compile_bytes(text, sizeof(text) - 1), FL_OK);
	assert_int_equal(compile_bytes("\xef\xbb\xbfSETT", 7), FL_E_SQL_SYNTAX);
	assert_said("t.sql:1:1: syntax error at \"SETT\"; did you mean SET?\n  SETT\n  ^\n");
}

static void
lines_may_end_as_on_windows(void **state)
{
	static const char good[] = "-- a comment\r\nSET 'pipeline.name' = 'x';\r\n\r\n";
	static const char bad[] = "SET 'a' = 'b';\r\nSET 'a' 'b';\r\n";

	(void)state;
	assert_int_equal(compile_bytes(good, sizeof(good) - 1), FL_OK);
	assert_int_equal(compile_bytes(bad, sizeof(bad) - 1), FL_E_SQL_SYNTAX);
	assert_said("t.sql:2:9: syntax error at the string 'b'; expected =\n  SET 'a' 'b';\n          ^\n");
}

static void
brokers_given_but_empty_are_an_error(void **state)
{
	static const char text[] = "CREATE TABLE t (n INT) WITH ('connector' = 'kafka', 'topic' = 't', "
				   "'format' = 'json')";
	struct fl_sql_env env = { .file = "t.sql", .brokers = "" };
	struct fl_err err = { .code = FL_OK };
	struct fl_plan *plan = NULL;

	(void)state;
	assert_int_equal(fl_sql_compile(text, sizeof(text) - 1, &env, &plan, NULL, &err), FL_E_BAD_OPTION);
	assert_non_null(strstr(err.text, "the brokers given by -b are empty"));
}

static uint64_t
fingerprint_of(const char *isolation)
{
	char *text = NULL;
	struct fl_sql_env env = { .file = "t.sql" };
	struct fl_err err = { .code = FL_OK };
	struct fl_plan *plan = NULL;
	uint64_t fingerprint;

	assert_true(asprintf(&text, "CREATE TABLE t (`a;start=1` INT) WITH ('connector' = 'kafka', "
	    "'topic' = 't', 'properties.bootstrap.servers' = 'b:1', 'format' = 'json', "
	    "'scan.startup.mode' = 'earliest-offset', 'properties.isolation.level' = '%s'); "
	    "CREATE TABLE i (a INT) WITH ('connector' = 'print'); INSERT INTO i SELECT * FROM t",
	    isolation) > 0);
	assert_int_equal(fl_sql_compile(text, strlen(text), &env, &plan, NULL, &err), FL_OK);
	fingerprint = plan->fingerprint;
	fl_plan_free(&plan);
	free(text);
	return fingerprint;
}

/* Where reading starts is no part of a plan, but all that stands before it is. */
static void
no_name_hides_a_part_of_the_plan(void **state)
{
	(void)state;
	assert_int_not_equal(fingerprint_of("read_committed"), fingerprint_of("read_uncommitted"));
}

static void
what_has_no_end_is_shown_where_it_begins(void **state)
{
	static const char *const cases[][2] = {
		{ "SET 'a\n = b;\n", "1:5: the string that begins here has no end" },
		{ ";\n/* a\n * b", "2:1: the comment that begins here has no end" },
		{ "SET 'a' = 'it''s", "1:11: the string that begins here has no end" },
		{ "DROP TABLE `a``", "1:12: the name in back-ticks that begins here has no end" },
		{ "DROP TABLE ``", "1:12: a name is empty" },
		{ "/*/", "1:1: the comment that begins here has no end" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		assert_int_equal(compile_bytes(cases[i][0], strlen(cases[i][0])), FL_E_SQL_SYNTAX);
		assert_said(cases[i][1]);
	}
}

/* before, `depth` times open, middle, `depth` times close, after. */
static enum fl_code
compile_nested(const char *before, const char *open, const char *middle, const char *close,
    const char *after, unsigned depth)
{
	struct fl_buf buf;
	unsigned i;

	fl_buf_init(&buf);
	fl_buf_str(&buf, TABLES);
	fl_buf_str(&buf, before);
	for (i = 0; i < depth; i++)
		fl_buf_str(&buf, open);
	fl_buf_str(&buf, middle);
	for (i = 0; i < depth; i++)
		fl_buf_str(&buf, close);
	fl_buf_str(&buf, after);
	return compile_buf(&buf);
}

static void
depth_is_bounded_and_never_overflows_the_stack(void **state)
{
	static const struct {
		const char *before, *open, *middle, *close, *after;
	} cases[] = {
		{ "INSERT INTO i SELECT ", "(", "n", ")", " FROM t" },
		{ "INSERT INTO i SELECT ", "(1 + ", "n", ")", " FROM t" },
		{ "INSERT INTO i SELECT ", "- ", "n", "", " FROM t" },
		{ "INSERT INTO i SELECT ", "ABS(", "n", ")", " FROM t" },
		{ "INSERT INTO i SELECT ", "CASE WHEN TRUE THEN ", "n", " ELSE 1 END", " FROM t" },
		{ "INSERT INTO i SELECT ", "CAST(", "n", " AS INT)", " FROM t" },
		{ "INSERT INTO i SELECT ", "COALESCE(1, ", "n", ")", " FROM t" },
		{ "INSERT INTO i SELECT n FROM t WHERE ", "NOT ", "n = 1", "", "" },
		{ "INSERT INTO i SELECT n FROM t WHERE ", "n IN (1, ", "2", ")", "" },
		{ "INSERT INTO i SELECT n FROM t WHERE ", "(n = 1 AND ", "n = 2", ")", "" },
		{ "INSERT INTO i SELECT n FROM t WHERE n ", "BETWEEN 1 AND ", "2", "", "" },
		{ "INSERT INTO i SELECT n FROM ", "(SELECT n FROM ", "t", ")", "" },
		{ "INSERT INTO i ", "WITH a AS (", "SELECT n FROM t", ") SELECT n FROM a", "" },
		{ "INSERT INTO i SELECT n FROM ", "TABLE(TUMBLE((SELECT n FROM ", "t", "), n, n))", "" },
		{ "CREATE TABLE x (a ", "ARRAY<", "INT", ">", ")" },
		{ "CREATE TABLE x (a ", "ROW<b ", "INT", ">", ")" },
	};
	static const unsigned depths[] = { 150, 1000, 50000 };
	size_t i, d;

	(void)state;
	for (i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		for (d = 0; d < FL_ARRAY_COUNT(depths); d++) {
			enum fl_code code = compile_nested(cases[i].before, cases[i].open, cases[i].middle,
			    cases[i].close, cases[i].after, depths[d]);

			/* Parentheses alone make no tree: any number of them will do. */
			if (code == FL_OK && depths[d] > 1000 && strcmp(cases[i].open, "(") != 0)
				fail_msg("%s: accepted %u times", cases[i].open, depths[d]);
			if (code != FL_OK)
				assert_said("t.sql:");
		}
	}
}

static void
long_chains_are_no_depth(void **state)
{
	static const char *const LINKS[][2] = { { "n = 1", " AND n = 1" }, { "n = 1", " OR n = 1" },
		{ "n IN (1", ", 1" } };
	size_t c;

	(void)state;
	for (c = 0; c < FL_ARRAY_COUNT(LINKS); c++) {
		struct fl_buf buf;
		unsigned i;

		fl_buf_init(&buf);
		fl_buf_printf(&buf, TABLES "INSERT INTO i SELECT n FROM t WHERE %s", LINKS[c][0]);
		for (i = 0; i < 2000; i++)
			fl_buf_str(&buf, LINKS[c][1]);
		fl_buf_str(&buf, c == 2 ? ")" : "");
		assert_int_equal(compile_buf(&buf), FL_OK);
	}
}

static void
views_of_views_stay_small(void **state)
{
	struct fl_buf buf;
	unsigned i;

	(void)state;
	/* Written out the last would have 2^90 terms. */
	fl_buf_init(&buf);
	fl_buf_str(&buf, TABLES "CREATE VIEW v0 AS SELECT n FROM t; ");
	for (i = 1; i <= 90; i++)
		fl_buf_printf(&buf, "CREATE VIEW v%u AS SELECT n + n AS n FROM v%u; ", i, i - 1);
	fl_buf_str(&buf, "INSERT INTO i SELECT n FROM v90;");
	assert_int_equal(compile_buf(&buf), FL_OK);
}

static double
seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
large_scripts_take_their_share_of_time(void **state)
{
	struct fl_buf buf;
	unsigned i;
	double began = seconds();

	(void)state;
	fl_buf_init(&buf); /* a megabyte of comment */
	fl_buf_str(&buf, "-- ");
	for (i = 0; i < 1000000; i++)
		fl_buf_byte(&buf, 'x');
	assert_int_equal(compile_buf(&buf), FL_OK);

	fl_buf_init(&buf); /* and more than that */
	for (i = 0; i <= 1u << 20; i++)
		fl_buf_byte(&buf, ' ');
	assert_int_equal(compile_buf(&buf), FL_E_SQL_SYNTAX);
	assert_said("the script has 1048577 bytes, at most 1048576 are taken");

	fl_buf_init(&buf); /* a string of almost that */
	fl_buf_str(&buf, TABLES "INSERT INTO o SELECT '");
	for (i = 0; i < 1000000; i++)
		fl_buf_byte(&buf, 'x');
	fl_buf_str(&buf, "' FROM t");
	assert_int_equal(compile_buf(&buf), FL_OK);

	fl_buf_init(&buf); /* a name of 100,000 letters, twice */
	fl_buf_str(&buf, "DROP TABLE ");
	for (i = 0; i < 100000; i++)
		fl_buf_byte(&buf, 'x');
	assert_int_equal(compile_buf(&buf), FL_E_SQL_BIND);

	fl_buf_init(&buf); /* 5,000 columns */
	fl_buf_str(&buf, "CREATE TABLE w (");
	for (i = 0; i < 5000; i++)
		fl_buf_printf(&buf, "%sc%u INT", i > 0 ? ", " : "", i);
	fl_buf_str(&buf, ") WITH ('connector' = 'filesystem', 'path' = '/w', 'format' = 'json'); "
	    "CREATE TABLE s (a INT) WITH ('connector' = 'print'); INSERT INTO s SELECT c4999 FROM w WHERE c1 > 0");
	assert_int_equal(compile_buf(&buf), FL_OK);

	fl_buf_init(&buf); /* 3,000 statements */
	fl_buf_str(&buf, TABLES);
	for (i = 0; i < 1000; i++)
		fl_buf_printf(&buf, "SET 'my.%u' = 'x'; CREATE VIEW v%u AS SELECT n FROM t; DROP VIEW v%u; ", i, i, i);
	assert_int_equal(compile_buf(&buf), FL_OK);
	if (seconds() - began > 10)
		fail_msg("%.1f s of processor time", seconds() - began);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_that_are_no_text_are_shown_with_their_place),
		cmocka_unit_test(a_byte_order_mark_may_begin_the_file),
		cmocka_unit_test(lines_may_end_as_on_windows),
		cmocka_unit_test(brokers_given_but_empty_are_an_error),
		cmocka_unit_test(no_name_hides_a_part_of_the_plan),
		cmocka_unit_test(what_has_no_end_is_shown_where_it_begins),
		cmocka_unit_test(depth_is_bounded_and_never_overflows_the_stack),
		cmocka_unit_test(long_chains_are_no_depth),
		cmocka_unit_test(views_of_views_stay_small),
		cmocka_unit_test(large_scripts_take_their_share_of_time),
	};
	int failed;

	fl_buf_init(&detail);
	failed = cmocka_run_group_tests_name("sql/text", tests, NULL, NULL);
	fl_buf_fini(&detail);
	return failed;
}
