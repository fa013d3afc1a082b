/* SPDX-License-Identifier: Apache-2.0 */
/* test_postgres.c - what is said to a PostgreSQL server; tests/pg has one that listens. */
#include "../unit.h"

#include "../../../emit/postgres.h"
#include "jdbc/pg.h"

static struct fl_field fields[] = {
	{ "shop \"a\"", { .id = FL_TYPE_VARCHAR, .nullable = false, .length = FL_LENGTH_MAX } },
	{ "n", { .id = FL_TYPE_INT, .nullable = true } },
	{ "t", { .id = FL_TYPE_TIMESTAMP, .nullable = true, .precision = 3 } },
};
static uint32_t key[] = { 0, 1, 2 };
static struct fl_table table = { .name = "dst", .physical = { 3, fields }, .primary_key = key };
static const char *const columns[] = { "\"shop \"\"a\"\"\"", "n", "t" };
static const struct pg_names names = { .schema = "public", .table = "public.dst", .columns = columns };
static struct fl_buf buf;
static struct fl_arena arena;
static struct fl_err err;

static int
setup(void **state)
{
	(void)state;
	fl_buf_init(&buf);
	fl_arena_init(&arena);
	table.primary_key_count = 0;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fl_buf_fini(&buf);
	fl_arena_fini(&arena);
	return 0;
}

static void
names_and_texts_are_quoted(void **state)
{
	(void)state;
	fl_buf_sql_name(&buf, "a\"; DROP TABLE b; --");
	fl_pg_quote_text(&buf, "it's");
	fl_pg_quote_text(&buf, "back\\slash'");
	assert_string_equal(buf.data, "\"a\"\"; DROP TABLE b; --\"'it''s'E'back\\\\slash'''");
}

static void
a_name_has_one_part_or_two(void **state)
{
	static const struct {
		const char *text, *schema, *table;
	} CASES[] = {
		{ "t", NULL, "t" }, { "s.t", "s", "t" }, { "\"a.b\".\"c\"\"d\"", "a.b", "c\"d" },
		{ "\"T\"", NULL, "T" }, { "", NULL, NULL }, { "a.b.c", NULL, NULL }, { ".t", NULL, NULL },
		{ "s.", NULL, NULL }, { "a\"b", NULL, NULL },
	};
	const char *schema, *name;
	size_t i;

	(void)state;
	for (i = 0; i < FL_ARRAY_COUNT(CASES); i++) {
		enum fl_code code = fl_pg_split_name(CASES[i].text, &arena, &schema, &name, &err);

		assert_int_equal(code, CASES[i].table != NULL ? FL_OK : FL_E_BAD_CONFIG);
		if (code != FL_OK)
			continue;
		assert_string_equal(name, CASES[i].table);
		assert_true((schema == NULL) == (CASES[i].schema == NULL));
		if (schema != NULL)
			assert_string_equal(schema, CASES[i].schema);
	}
}

static void
the_position_moves_by_compare_and_set(void **state)
{
	struct pg_cursor cursor = { .sink = "p/it's", .generation = 7 };

	(void)state;
	memset(cursor.store.bytes, 0x11, sizeof(cursor.store.bytes));
	pg_sql_move_position(&buf, "public", &cursor, 10, 20, UINT64_MAX);
	assert_string_equal(buf.data, "UPDATE public.flight_positions SET position = 20, chain = -1, updated = now() "
	    "WHERE sink = 'p/it''s' AND store = '11111111-1111-1111-1111-111111111111' AND position = 10 AND "
	    "generation = 7");
}

static void
rows_without_a_key_go_into_the_table(void **state)
{
	(void)state;
	pg_sql_copy(&buf, &table, &names);
	assert_string_equal(buf.data, "COPY public.dst (\"shop \"\"a\"\"\", n, t) FROM STDIN");
}

static void
of_each_key_the_last_row_counts(void **state)
{
	(void)state;
	table.primary_key_count = 1;
	pg_sql_merge(&buf, &table, &names, false);
	assert_string_equal(buf.data, "INSERT INTO public.dst (\"shop \"\"a\"\"\", n, t) SELECT c0, c1, c2 FROM (SELECT "
	    "DISTINCT ON (c0) * FROM pg_temp.flight_stage ORDER BY c0, number DESC) s WHERE s.gone = 0 ON CONFLICT "
	    "(\"shop \"\"a\"\"\") DO UPDATE SET n = EXCLUDED.n, t = EXCLUDED.t");
	fl_buf_reset(&buf);
	table.primary_key_count = 3;
	pg_sql_merge(&buf, &table, &names, false);
	assert_non_null(strstr(buf.data, "DO NOTHING"));
}

static void
a_row_that_goes_is_deleted_by_its_key(void **state)
{
	(void)state;
	table.primary_key_count = 1;
	pg_sql_merge(&buf, &table, &names, true);
	assert_non_null(strstr(buf.data, "DELETE FROM public.dst t USING (SELECT DISTINCT ON (c0) * FROM "
	    "pg_temp.flight_stage ORDER BY c0, number DESC) s WHERE s.gone = 1 AND t.\"shop \"\"a\"\"\" = s.c0; "));
}

static void
a_row_is_a_line_of_copy(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		int64_t ms;
		const char *line; /* NULL: refused */
	} CASES[] = {
		{ "a\tb\\c\nd\re", 9, 0, "a\\tb\\\\c\\nd\\re\t\\N\t1970-01-01 00:00:00.000\n" },
		{ "", 0, INT64_C(253402300799999), "\t\\N\t9999-12-31 23:59:59.999\n" },
		{ "a\0b", 3, 0, NULL },
		{ "a", 1, INT64_C(253402300800000), NULL },
		{ "a", 1, INT64_C(-62135596800001), NULL },
	};
	struct fl_builder builder;
	struct fl_batch batch;
	uint32_t i;

	(void)state;
	fl_builder_init(&builder, &table.physical);
	for (i = 0; i < FL_ARRAY_COUNT(CASES); i++) {
		assert_true(fl_builder_begin(&builder));
		fl_builder_set_str(&builder, 0, CASES[i].text, CASES[i].size);
		fl_builder_set_null(&builder, 1);
		fl_builder_set_i64(&builder, 2, CASES[i].ms);
		fl_builder_commit(&builder);
	}
	fl_builder_view(&builder, &batch, &arena);
	for (i = 0; i < FL_ARRAY_COUNT(CASES); i++) {
		enum fl_code code;

		fl_buf_reset(&buf);
		code = pg_row(&table, &batch, i, false, 5, &buf, &err);
		assert_int_equal(code, CASES[i].line != NULL ? FL_OK : FL_E_SINK_REFUSED);
		if (code == FL_OK)
			assert_string_equal(buf.data, CASES[i].line);
		else
			assert_non_null(strstr(err.text, i == 2 ? "shop \"a\"" : "column \"t\""));
	}
	table.primary_key_count = 1;
	fl_buf_reset(&buf);
	assert_int_equal(pg_row(&table, &batch, 1, true, 5, &buf, &err), FL_OK);
	assert_string_equal(buf.data, "5\t1\t\t\\N\t9999-12-31 23:59:59.999\n");
	fl_builder_fini(&builder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(names_and_texts_are_quoted),
		TEST(a_name_has_one_part_or_two),
		TEST(the_position_moves_by_compare_and_set),
		TEST(rows_without_a_key_go_into_the_table),
		TEST(of_each_key_the_last_row_counts),
		TEST(a_row_that_goes_is_deleted_by_its_key),
		TEST(a_row_is_a_line_of_copy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
