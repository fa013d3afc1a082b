/* SPDX-License-Identifier: Apache-2.0 */
/* test_text.c - values print as Java prints them and read back. */
#include <float.h>
#include <math.h>

#include "fixture.h"

static void
doubles_print_as_java_prints_them(void **state)
{
	static const struct {
		double v;
		const char *want;
	} cases[] = { { 1e10, "1.0E10" }, { 100, "100.0" }, { 1e-7, "1.0E-7" }, { 0.1, "0.1" },
		{ 123456.789, "123456.789" }, { 1e7, "1.0E7" }, { 9999999, "9999999.0" },
		{ 12345678.5, "1.23456785E7" }, { 0.001, "0.001" }, { 0.00099, "9.9E-4" },
		{ 2e23, "2.0E23" }, { 4.9e-324, "4.9E-324" }, { DBL_MAX, "1.7976931348623157E308" },
		{ DBL_MIN, "2.2250738585072014E-308" }, { 1.0 / 3, "0.3333333333333333" },
		{ -1.5, "-1.5" }, { 0.0, "0.0" }, { -0.0, "-0.0" }, { (double)NAN, "NaN" },
		{ -(double)INFINITY, "-Infinity" }, { 0.30000000000000004, "0.30000000000000004" },
		{ 9007199254740993.0, "9.007199254740992E15" }, { 1e21, "1.0E21" } };
	struct fl_buf text = { .data = NULL };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		fl_buf_reset(&text);
		fl_print_double(&text, cases[i].v);
		assert_string_equal(text.data, cases[i].want);
	}
	fl_buf_fini(&text);
}

static void
floats_print_their_own_digits(void **state)
{
	static const struct {
		float v;
		const char *want;
	} cases[] = { { 1.1f, "1.1" }, { 1e10f, "1.0E10" }, { FLT_MAX, "3.4028235E38" },
		{ 1.4e-45f, "1.4E-45" }, { 16777216.0f, "1.6777216E7" }, { 0.3f, "0.3" } };
	struct fl_buf text = { .data = NULL };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		fl_buf_reset(&text);
		fl_print_float(&text, cases[i].v);
		assert_string_equal(text.data, cases[i].want);
	}
	fl_buf_fini(&text);
}

static void
any_double_reads_back(void **state)
{
	struct fl_buf text = { .data = NULL };
	uint64_t seed = 42;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		double v, back;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		memcpy(&v, &seed, sizeof(v));
		if (!isfinite(v))
			continue;
		fl_buf_reset(&text);
		fl_print_double(&text, v);
		assert_true(fl_parse_double(text.data, text.size, &back));
		assert_memory_equal(&v, &back, sizeof(v));
	}
	fl_buf_fini(&text);
}

static void
decimals_read_strictly_and_round_half_up(void **state)
{
	static const struct {
		const char *text;
		uint32_t precision, scale;
		const char *want; /* NULL: refused */
	} cases[] = { { "1.005", 10, 2, "1.01" }, { "-1.005", 10, 2, "-1.01" }, { "1.00499", 10, 2, "1.00" },
		{ " 12 ", 10, 0, "12" }, { "1e3", 10, 2, "1000.00" }, { "1.5E-3", 10, 4, "0.0015" },
		{ ".5", 3, 1, "0.5" }, { "5.", 3, 1, "5.0" }, { "99.995", 4, 2, NULL },
		{ "1e999999999999", 38, 0, NULL }, { "0e999999999999", 38, 0, "0" },
		{ "1e-999999999999", 38, 2, "0.00" }, { "", 10, 2, NULL }, { ".", 10, 2, NULL },
		{ "1e", 10, 2, NULL }, { "1.2.3", 10, 2, NULL }, { "12x", 10, 2, NULL }, { "-", 10, 2, NULL },
		{ "0.00000000000000000000000000000000000000000000000000000001", 10, 2, "0.00" },
		{ "99999999999999999999999999999999999999", 38, 0,
		    "99999999999999999999999999999999999999" },
		{ "100000000000000000000000000000000000000", 38, 0, NULL } };
	struct fl_buf text = { .data = NULL };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		fl_i128 v;
		bool ok = fl_parse_decimal(
		    cases[i].text, strlen(cases[i].text), cases[i].precision, cases[i].scale, &v);

		if (ok != (cases[i].want != NULL))
			fail_msg("\"%s\": %s", cases[i].text, ok ? "taken" : "refused");
		if (!ok)
			continue;
		fl_buf_reset(&text);
		fl_print_decimal(&text, v, cases[i].scale);
		assert_string_equal(text.data, cases[i].want);
	}
	fl_buf_fini(&text);
}

static void
timestamps_read_and_print(void **state)
{
	static const struct {
		const char *text;
		char sep;
		const char *want; /* as printed; NULL: refused */
	} cases[] = { { "2024-01-01 00:00:01.5", ' ', "2024-01-01 00:00:01.5" },
		{ "2024-01-01T08:00:00", 'T', "2024-01-01T08:00:00" },
		{ "2024-01-01 08:00:00.123456789", ' ', "2024-01-01 08:00:00.123" },
		{ "1969-12-31 23:59:59.999", ' ', "1969-12-31 23:59:59.999" },
		{ "2024-02-30 00:00:00", ' ', "2024-02-29 00:00:00" },
		{ "0001-01-01 00:00:00", ' ', "0001-01-01 00:00:00" },
		{ "9999-12-31 23:59:59", ' ', "9999-12-31 23:59:59" },
		{ "2024-1-01 00:00:00", ' ', NULL }, { "2024-01-01 00:00", ' ', NULL },
		{ "2024-01-01 24:00:01", ' ', NULL }, { "2024-13-01 00:00:00", ' ', NULL },
		{ "2024-01-01T00:00:00", ' ', NULL }, { "2024-01-01 00:00:00Z", ' ', NULL },
		{ "2024-01-01 00:00:00.", ' ', NULL }, { "", ' ', NULL }, { "2024", ' ', NULL } };
	struct fl_buf text = { .data = NULL };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		int64_t ms;
		bool ok = fl_parse_timestamp(cases[i].text, strlen(cases[i].text), cases[i].sep, &ms);

		if (ok != (cases[i].want != NULL))
			fail_msg("\"%s\": %s", cases[i].text, ok ? "taken" : "refused");
		if (!ok)
			continue;
		fl_buf_reset(&text);
		fl_print_timestamp(&text, ms, cases[i].sep, 0);
		assert_string_equal(text.data, cases[i].want);
	}
	fl_buf_fini(&text);
}

static void
a_window_end_waits_for_both_passes_of_a_repeated_hour(void **state)
{
	(void)state;
	/* 2024-03-31 02:30 does not exist in Berlin: 03:00 summer time is its first instant */
	assert_int_equal(fl_zone_to_utc("Europe/Berlin", 1711852200000), 1711846800000);
	assert_int_equal(fl_zone_from_local("Europe/Berlin", 1711852200000), 1711848600000);
	/* 2024-10-27 02:30 comes twice */
	assert_int_equal(fl_zone_to_utc("Europe/Berlin", 1729996200000), 1729992600000);
	assert_int_equal(fl_zone_from_local("Europe/Berlin", 1729996200000), 1729989000000);
	/* beyond the file's transitions its rule goes on */
	assert_int_equal(fl_zone_offset_ms("Europe/Berlin", 4070908800000), 3600000);
	assert_int_equal(fl_zone_offset_ms("Europe/Berlin", 4086547200000), 7200000);
	assert_int_equal(fl_zone_offset_ms("America/New_York", 4086302400000), -14400000);
	assert_int_equal(fl_zone_offset_ms("Asia/Kolkata", 0), 19800000);
	assert_int_equal(fl_zone_offset_ms("GMT-08:00", 0), -28800000);
	assert_int_equal(fl_zone_offset_ms("UTC", 12345), 0);
}

static void
zone_names_stay_inside_their_directory(void **state)
{
	(void)state;
	assert_true(fl_zone_exists("UTC"));
	assert_true(fl_zone_exists("Australia/Lord_Howe"));
	assert_true(fl_zone_exists("GMT+05:30"));
	assert_false(fl_zone_exists("Nowhere/City"));
	assert_false(fl_zone_exists("../../../etc/passwd"));
	assert_false(fl_zone_exists("/etc/localtime"));
	assert_false(fl_zone_exists("Europe"));
	assert_false(fl_zone_exists("zone.tab"));
	assert_false(fl_zone_exists(""));
}

static void
the_manual_of_functions_lists_every_row(void **state)
{
	struct fl_buf text = { .data = NULL };

	(void)state;
	fl_functions_print_markdown(&text);
	assert_non_null(strstr(text.data, "| `a \\|\\| b` | Joined strings"));
	assert_non_null(strstr(text.data, "| `AVG(x)` | "));
	for (uint32_t i = 0; fl_function_row(i) != NULL; i++)
		assert_non_null(strrchr(fl_function_row(i)->help, '|'));
	fl_buf_fini(&text);
}

static void
a_row_prints_as_json(void **state)
{
	static struct fl_field fields[] = {
		{ "b", { .id = FL_TYPE_BOOLEAN, .nullable = true } },
		{ "i\"", { .id = FL_TYPE_BIGINT, .nullable = true } },
		{ "x", { .id = FL_TYPE_DOUBLE, .nullable = true } },
		{ "s", { .id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX } },
		{ "y", { .id = FL_TYPE_VARBINARY, .nullable = true, .length = FL_LENGTH_MAX } },
		{ "t", { .id = FL_TYPE_TIMESTAMP, .nullable = true, .precision = 3 } },
	};
	const struct fl_schema schema = { 6, fields };
	struct fl_builder builder;
	struct fl_arena memory;
	struct fl_batch batch;
	struct fl_buf text = { .data = NULL };
	uint8_t yes = 1;

	(void)state;
	fl_arena_init(&memory);
	fl_builder_init(&builder, &schema);
	assert_true(fl_builder_begin(&builder));
	fl_builder_set_raw(&builder, 0, &yes);
	fl_builder_set_i64(&builder, 1, -5);
	fl_builder_set_raw(&builder, 2, &(double){ 1.5 });
	fl_builder_set_str(&builder, 3, "say \"a\"", 7);
	fl_builder_set_str(&builder, 4, "\0\xff", 2);
	fl_builder_set_i64(&builder, 5, 1704067200123);
	fl_builder_commit(&builder);
	assert_true(fl_builder_begin(&builder));
	for (uint32_t c = 0; c < 6; c++)
		fl_builder_set_null(&builder, c);
	fl_builder_set_raw(&builder, 2, &(double){ (double)INFINITY });
	fl_builder_commit(&builder);
	fl_builder_view(&builder, &batch, &memory);
	fl_row_print_json(&batch, 0, &text);
	assert_string_equal(text.data, "{\"b\":true,\"i\\\"\":-5,\"x\":1.5,\"s\":\"say \\\"a\\\"\",\"y\":\"AP8=\","
	    "\"t\":\"2024-01-01 00:00:00.123\"}");
	fl_buf_reset(&text);
	fl_row_print_json(&batch, 1, &text);
	assert_string_equal(text.data,
	    "{\"b\":null,\"i\\\"\":null,\"x\":\"Infinity\",\"s\":null,\"y\":null,\"t\":null}");
	fl_buf_fini(&text);
	fl_builder_fini(&builder);
	fl_arena_fini(&memory);
}

static void
fields_of_rows_print_within_their_row(void **state)
{
	static const struct fl_row_type d = { .name = "d.e" }, a = { .name = "d.e.a", .in = &d },
		b = { .name = "d.e.b", .in = &d }, q = { .name = "d.e.b.q", .in = &b };
	static struct fl_field fields[] = { { "d.e.a.x", { .id = FL_TYPE_BIGINT, .nullable = true }, &a },
		{ "d.e.b.q.y", { .id = FL_TYPE_BIGINT, .nullable = true }, &q },
		{ "d.e.b.z", { .id = FL_TYPE_BIGINT, .nullable = true }, &b },
		{ "w", { .id = FL_TYPE_BIGINT, .nullable = true }, NULL },
		{ "d.e.a.x", { .id = FL_TYPE_BIGINT, .nullable = true }, &a } };
	const struct fl_schema schema = { 5, fields };
	struct fl_builder builder;
	struct fl_arena memory;
	struct fl_batch batch;
	struct fl_buf text = { .data = NULL };

	(void)state;
	fl_arena_init(&memory);
	fl_builder_init(&builder, &schema);
	assert_true(fl_builder_begin(&builder));
	for (uint32_t c = 0; c < 5; c++)
		fl_builder_set_i64(&builder, c, c);
	fl_builder_commit(&builder);
	fl_builder_view(&builder, &batch, &memory);
	fl_row_print_json(&batch, 0, &text);
	assert_string_equal(text.data, "{\"d.e\":{\"a\":{\"x\":0},\"b\":{\"q\":{\"y\":1},\"z\":2}},\"w\":3,"
	    "\"d.e\":{\"a\":{\"x\":4}}}");
	fl_buf_fini(&text);
	fl_builder_fini(&builder);
	fl_arena_fini(&memory);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(doubles_print_as_java_prints_them),
		TEST(floats_print_their_own_digits),
		TEST(any_double_reads_back),
		TEST(decimals_read_strictly_and_round_half_up),
		TEST(timestamps_read_and_print),
		TEST(a_window_end_waits_for_both_passes_of_a_repeated_hour),
		TEST(zone_names_stay_inside_their_directory),
		TEST(the_manual_of_functions_lists_every_row),
		TEST(a_row_prints_as_json),
		TEST(fields_of_rows_print_within_their_row),
	};

	return cmocka_run_group_tests_name("expr/text", tests, NULL, NULL);
}
