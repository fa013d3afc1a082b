/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_json.c - the verdicts of Flink's json format as tables of cases.
 *
 * A row of the table is one value for one column of each type; what it becomes
 * is compared as the text our encoder gives it, or as the code of its refusal.
 */
#include "../unit.h"

#include <math.h>

#include "base/util.h"
#include "codec/codec.h"
#include "expr/expr.h"
#include "sql/plan.h"

static struct fl_arena arena;
static struct fl_err err;

static int
setup(void **state)
{
	(void)state;
	fl_arena_init(&arena);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fl_arena_fini(&arena);
	return 0;
}

enum { STRICT = 1, IGNORE = 2, MISSING = 4, ISO = 8, PLAIN = 16, NO_NULLS = 32 };

static struct fl_codec_options
make_options(const struct fl_schema *schema, int flags)
{
	return (struct fl_codec_options){ .format = FL_FORMAT_JSON, .schema = schema,
		.json_strict = flags & STRICT, .json_ignore_parse_errors = flags & IGNORE,
		.json_fail_on_missing = flags & MISSING, .json_iso8601 = flags & ISO,
		.json_decimal_plain = flags & PLAIN, .json_ignore_null_fields = flags & NO_NULLS };
}

/* Decodes text and gives the row as JSON, "skipped", or the code's name. */
static const char *
round_trip_by(struct fl_decoder *decoder, const struct fl_schema *schema, int flags, const char *text,
    size_t size)
{
	struct fl_codec_options options = make_options(schema, flags);
	struct fl_encoder *encoder = NULL;
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_buf out;
	enum fl_verdict verdict;
	const char *result;
	/* Ends where its memory ends, so that asan sees overreads. */
	char *copy = malloc(size + 1);

	memcpy(copy + 1, text, size);
	assert_int_equal(fl_encoder_new(&options, &encoder, &err), FL_OK);
	fl_builder_init(&builder, schema);
	assert_true(fl_builder_begin(&builder));
	err = (struct fl_err){ .code = FL_OK };
	verdict = fl_decode(decoder, copy + 1, size, &builder, &err);
	fl_buf_init(&out);
	if (verdict == FL_VERDICT_ROW) {
		fl_builder_commit(&builder);
		fl_builder_view(&builder, &batch, &arena);
		if (fl_encode(encoder, &batch, 0, &out, &err) != FL_OK)
			fail_msg("%s", err.text);
		result = fl_arena_strndup(&arena, out.data, out.size);
	} else {
		result = verdict == FL_VERDICT_SKIPPED ? "skipped" : fl_code_name(err.code);
	}
	fl_buf_fini(&out);
	fl_builder_fini(&builder);
	fl_encoder_free(&encoder);
	free(copy);
	return result;
}

static const char *
round_trip(const struct fl_schema *schema, int flags, const char *text, size_t size, uint64_t *odd)
{
	struct fl_codec_options options = make_options(schema, flags);
	struct fl_decoder *decoder = NULL;
	const char *result;

	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_OK);
	result = round_trip_by(decoder, schema, flags, text, size);
	if (odd != NULL)
		*odd = fl_decoder_oddities(decoder);
	fl_decoder_free(&decoder);
	return result;
}

struct value_case {
	const char *type; /* key into make_type() */
	int flags;
	const char *value, *expected; /* of {"x":value} */
};

static struct fl_type
make_type(const char *word)
{
	static const struct {
		const char *word;
		struct fl_type type;
	} types[] = {
		{ "boolean", { FL_TYPE_BOOLEAN, true, 0, 0, 0 } },
		{ "tinyint", { FL_TYPE_TINYINT, true, 0, 0, 0 } },
		{ "smallint", { FL_TYPE_SMALLINT, true, 0, 0, 0 } },
		{ "int", { FL_TYPE_INT, true, 0, 0, 0 } },
		{ "int!", { FL_TYPE_INT, false, 0, 0, 0 } },
		{ "bigint", { FL_TYPE_BIGINT, true, 0, 0, 0 } },
		{ "float", { FL_TYPE_FLOAT, true, 0, 0, 0 } },
		{ "double", { FL_TYPE_DOUBLE, true, 0, 0, 0 } },
		{ "decimal(10,2)", { FL_TYPE_DECIMAL, true, 10, 2, 0 } },
		{ "decimal(38,0)", { FL_TYPE_DECIMAL, true, 38, 0, 0 } },
		{ "decimal(38,10)", { FL_TYPE_DECIMAL, true, 38, 10, 0 } },
		{ "string", { FL_TYPE_VARCHAR, true, 0, 0, FL_LENGTH_MAX } },
		{ "bytes", { FL_TYPE_VARBINARY, true, 0, 0, FL_LENGTH_MAX } },
		{ "date", { FL_TYPE_DATE, true, 0, 0, 0 } },
		{ "timestamp", { FL_TYPE_TIMESTAMP, true, 3, 0, 0 } },
		{ "timestamp(0)", { FL_TYPE_TIMESTAMP, true, 0, 0, 0 } },
		{ "ltz", { FL_TYPE_TIMESTAMP_LTZ, true, 3, 0, 0 } },
	};

	for (size_t i = 0; i < FL_ARRAY_COUNT(types); i++)
		if (strcmp(types[i].word, word) == 0)
			return types[i].type;
	fail_msg("no type %s", word);
	return types[0].type;
}

static void
run_cases(const struct value_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct value_case *row = &cases[i];
		struct fl_field field = { "x", make_type(row->type) };
		struct fl_schema schema = { 1, &field };
		const char *text = fl_arena_printf(&arena, "{\"x\":%s}", row->value), *got;
		char expected[512];

		got = round_trip(&schema, row->flags, text, strlen(text), NULL);
		(void)snprintf(expected, sizeof(expected),
		    row->expected[0] >= 'A' && row->expected[0] <= 'Z' ? "%s" : "{\"x\":%s}", row->expected);
		if (strcmp(got, expected) != 0)
			fail_msg("%s %s: got %s, expected %s (%s)", row->type, row->value, got,
			    expected, err.text);
	}
}

static void
values_convert_as_flink_converts_them(void **state)
{
	static const struct value_case cases[] = {
		{ "int", 0, "12", "12" }, { "int", 0, "-0", "0" }, { "int", 0, "1.9", "1" },
		{ "int", 0, "-1.9", "-1" }, { "int", 0, "1e2", "100" }, { "int", 0, "2147483647", "2147483647" },
		{ "int", 0, "2147483648", "BAD_TYPE" }, { "int", 0, "-2147483648", "-2147483648" },
		{ "int", 0, "3e9", "BAD_TYPE" }, { "int", 0, "1e400", "BAD_TYPE" },
		{ "int", 0, "\"12\"", "12" }, { "int", 0, "\" 12 \"", "12" }, { "int", 0, "\"+7\"", "7" },
		{ "int", 0, "\"\"", "BAD_TYPE" }, { "int", 0, "\"1.5\"", "BAD_TYPE" },
		{ "int", 0, "\"12x\"", "BAD_TYPE" }, { "int", 0, "true", "BAD_TYPE" },
		{ "int", 0, "{}", "BAD_TYPE" }, { "int", 0, "[1]", "BAD_TYPE" }, { "int", 0, "null", "null" },
		{ "int", IGNORE, "true", "null" }, { "int", IGNORE, "\"\"", "null" },
		{ "int", IGNORE, "3e9", "null" }, { "int!", 0, "null", "BAD_NULL" },
		{ "int!", IGNORE, "\"x\"", "BAD_NULL" },
		{ "tinyint", 0, "127", "127" }, { "tinyint", 0, "128", "BAD_TYPE" },
		{ "tinyint", 0, "1.0", "BAD_TYPE" }, { "smallint", 0, "-32768", "-32768" },
		{ "smallint", 0, "32768", "BAD_TYPE" },
		{ "bigint", 0, "9223372036854775807", "9223372036854775807" },
		{ "bigint", 0, "-9223372036854775808", "-9223372036854775808" },
		{ "bigint", 0, "9223372036854775808", "BAD_TYPE" },
		{ "bigint", 0, "9007199254740993", "9007199254740993" },
		{ "bigint", 0, "\"-9223372036854775808\"", "-9223372036854775808" },
		{ "bigint", 0, "100000000000000000000", "BAD_TYPE" }, { "bigint", 0, "1.5e18", "1500000000000000000" },
		{ "boolean", 0, "true", "true" }, { "boolean", 0, "false", "false" },
		{ "boolean", 0, "\"TRUE\"", "true" }, { "boolean", 0, "\"yes\"", "false" },
		{ "boolean", 0, "1", "false" }, { "boolean", 0, "{\"a\":1}", "false" },
		{ "double", 0, "100", "100.0" }, { "double", 0, "1e10", "1.0E10" },
		{ "double", 0, "1e-7", "1.0E-7" }, { "double", 0, "0.1", "0.1" },
		{ "double", 0, "1e400", "\"Infinity\"" }, { "double", 0, "-1e400", "\"-Infinity\"" },
		{ "double", STRICT, "1e400", "BAD_TYPE" }, { "double", 0, "\"1.5\"", "1.5" },
		{ "double", 0, "\"\"", "BAD_TYPE" }, { "double", 0, "false", "BAD_TYPE" },
		{ "double", 0, "NaN", "BAD_JSON" },
		{ "double", 0, "123456789012345678901234567890", "1.2345678901234568E29" },
		{ "float", 0, "0.1", "0.1" }, { "float", 0, "16777217", "1.6777216E7" },
		{ "decimal(10,2)", PLAIN, "1.005", "1.01" }, { "decimal(10,2)", PLAIN, "-1.005", "-1.01" },
		{ "decimal(10,2)", PLAIN, "1.5", "1.50" }, { "decimal(10,2)", PLAIN, "0.004", "0.00" },
		{ "decimal(10,2)", PLAIN, "0.005", "0.01" }, { "decimal(10,2)", PLAIN, "1e2", "100.00" },
		{ "decimal(10,2)", PLAIN, "123456789", "null" }, { "decimal(10,2)", STRICT, "123456789", "BAD_TYPE" },
		{ "decimal(10,2)", PLAIN, "99999999.994", "99999999.99" }, { "decimal(10,2)", PLAIN, "99999999.995", "null" },
		{ "decimal(10,2)", PLAIN, "\" 1.25 \"", "1.25" }, { "decimal(10,2)", 0, "\"x\"", "BAD_TYPE" },
		{ "decimal(10,2)", 0, "true", "BAD_TYPE" }, { "decimal(10,2)", PLAIN, "1e-400000000", "0.00" },
		{ "decimal(10,2)", PLAIN, "1e400000000", "null" },
		{ "decimal(38,0)", PLAIN, "12345678901234567890123456789012345678", "12345678901234567890123456789012345678" },
		{ "decimal(38,0)", PLAIN, "-99999999999999999999999999999999999999.4", "-99999999999999999999999999999999999999" },
		{ "decimal(38,0)", PLAIN, "99999999999999999999999999999999999999.5", "null" },
		{ "decimal(38,10)", 0, "10000000000", "1E+10" }, { "decimal(38,10)", 0, "100", "1E+2" },
		{ "decimal(38,10)", 0, "1.20", "1.2" }, { "decimal(38,10)", 0, "120", "1.2E+2" },
		{ "decimal(38,10)", 0, "0.00", "0" }, { "decimal(38,10)", 0, "0.0000001", "1E-7" },
		{ "decimal(38,10)", 0, "0.000001", "0.000001" }, { "decimal(38,10)", 0, "-1500", "-1.5E+3" },
		{ "decimal(38,10)", PLAIN, "10000000000", "10000000000.0000000000" },
		{ "string", 0, "\"es\"", "\"es\"" }, { "string", 0, "1.50", "\"1.50\"" },
		{ "string", 0, "true", "\"true\"" }, { "string", 0, "\"\"", "\"\"" },
		{ "string", 0, "\"a\\nb\\u00e9\\\\\\/\"", "\"a\\nb\xc3\xa9\\\\/\"" },
		{ "string", 0, "\"\\ud83d\\ude00\"", "\"\\uD83D\\uDE00\"" },
		{ "string", 0, "\"\xf0\x9f\x98\x80\"", "\"\\uD83D\\uDE00\"" },
		{ "string", 0, "\"\\u0000\\u001f\"", "\"\\u0000\\u001F\"" },
		{ "string", 0, "\"\\ud83d\"", "BAD_UTF8" }, { "string", 0, "\"\\ude00x\"", "BAD_UTF8" },
		{ "string", 0, "\"\\u12g4\"", "BAD_JSON" }, { "string", 0, "\"\\x\"", "BAD_JSON" },
		{ "string", 0, "\"\xc3\x28\"", "BAD_UTF8" }, { "string", 0, "\"a\tb\"", "\"a\\tb\"" },
		{ "string", STRICT, "\"a\tb\"", "BAD_JSON" },
		{ "string", 0, "{ \"a\" : [ 2.50 , 1, null, \"q\\\"\" ] , \"b\":{} }",
		    "\"{\\\"a\\\":[2.5,1,null,\\\"q\\\\\\\"\\\"],\\\"b\\\":{}}\"" },
		{ "string", 0, "[ ]", "\"[]\"" },
		{ "bytes", 0, "\"Zm9v\"", "\"Zm9v\"" }, { "bytes", 0, "\"Zm8=\"", "\"Zm8=\"" },
		{ "bytes", 0, "\"\"", "\"\"" }, { "bytes", 0, "\"Zm9\"", "BAD_TYPE" },
		{ "bytes", 0, "\"Z===\"", "BAD_TYPE" }, { "bytes", 0, "\"Zm=v\"", "BAD_TYPE" },
		{ "bytes", 0, "1", "BAD_TYPE" },
		{ "date", 0, "\"2024-02-29\"", "\"2024-02-29\"" }, { "date", 0, "\"2024-1-1\"", "BAD_TYPE" },
		{ "date", 0, "19000", "BAD_TYPE" },
		{ "timestamp", 0, "\"2024-01-01 08:00:00\"", "\"2024-01-01 08:00:00\"" },
		{ "timestamp", 0, "\"2024-01-01 08:00:00.500\"", "\"2024-01-01 08:00:00.5\"" },
		{ "timestamp", 0, "\"2024-01-01 08:00:00.9999\"", "\"2024-01-01 08:00:00.999\"" },
		{ "timestamp(0)", 0, "\"2024-01-01 08:00:00.999\"", "\"2024-01-01 08:00:00\"" },
		{ "timestamp", 0, "\"2024-01-01T08:00:00\"", "BAD_TYPE" },
		{ "timestamp", 0, "\"2024-01-01 08:00:00Z\"", "BAD_TYPE" },
		{ "timestamp", 0, "1704096000000", "BAD_TYPE" },
		{ "timestamp", IGNORE, "1704096000000", "null" },
		{ "timestamp", ISO, "\"2024-01-01T08:00:00.05\"", "\"2024-01-01T08:00:00.05\"" },
		{ "ltz", 0, "\"2024-01-01 08:00:00.5Z\"", "\"2024-01-01 08:00:00.5Z\"" },
		{ "ltz", 0, "\"2024-01-01 08:00:00.5\"", "BAD_TYPE" },
		{ "ltz", ISO, "\"2024-01-01T08:00:00Z\"", "\"2024-01-01T08:00:00Z\"" },
	};

	(void)state;
	run_cases(cases, FL_ARRAY_COUNT(cases));
}

static void
bodies_get_flinks_verdicts(void **state)
{
	static const struct {
		int flags;
		const char *text, *expected;
		uint64_t odd;
	} cases[] = {
		{ 0, "{\"a\":1,\"b\":\"x\"}", "{\"a\":1,\"b\":\"x\"}", 0 },
		{ 0, " \n{ \"b\" : \"x\" , \"a\" : 1 } \r\n", "{\"a\":1,\"b\":\"x\"}", 0 },
		{ 0, "{}", "{\"a\":null,\"b\":null}", 0 },
		{ NO_NULLS, "{\"b\":null,\"a\":3}", "{\"a\":3}", 0 },
		{ NO_NULLS, "{}", "{}", 0 },
		{ MISSING, "{\"a\":1}", "MISSING_FIELD", 0 },
		{ MISSING, "{\"a\":null,\"b\":null}", "{\"a\":null,\"b\":null}", 0 },
		{ 0, "{\"a\":1,\"z\":{\"a\":[1,{\"q\":\"}\"}]},\"b\":\"y\"}", "{\"a\":1,\"b\":\"y\"}", 0 },
		{ 0, "{\"\\u0061\":1}", "{\"a\":1,\"b\":null}", 0 },
		{ 0, "{\"a\":1,\"b\":\"long one\",\"a\":2,\"b\":\"s\"}", "{\"a\":2,\"b\":\"s\"}", 2 },
		{ 0, "{\"a\":1,\"a\":null}", "{\"a\":null,\"b\":null}", 1 },
		{ 0, "{\"b\":\"x\",\"b\":null}", "{\"a\":null,\"b\":null}", 1 },
		{ 0, "{\"a\":true,\"a\":2}", "{\"a\":2,\"b\":null}", 1 },
		{ 0, "{\"a\":2,\"a\":true}", "BAD_TYPE", 0 },
		{ STRICT, "{\"a\":1,\"a\":2}", "BAD_JSON", 0 },
		{ 0, "{\"a\":1} tail", "{\"a\":1,\"b\":null}", 1 },
		{ 0, "{\"a\":1}{\"a\":2}", "{\"a\":1,\"b\":null}", 1 },
		{ STRICT, "{\"a\":1} tail", "TRAILING_BYTES", 0 },
		{ 0, "", "skipped", 0 },
		{ 0, "   ", "BAD_JSON", 0 }, { 0, "null", "BAD_JSON", 0 }, { 0, "[]", "BAD_JSON", 0 },
		{ 0, "17", "BAD_JSON", 0 }, { 0, "\"x\"", "BAD_JSON", 0 }, { 0, "{", "BAD_JSON", 0 },
		{ 0, "{\"a\"}", "BAD_JSON", 0 }, { 0, "{\"a\":}", "BAD_JSON", 0 },
		{ 0, "{\"a\":1,}", "BAD_JSON", 0 }, { 0, "{a:1}", "BAD_JSON", 0 },
		{ 0, "{\"a\":01}", "BAD_JSON", 0 }, { 0, "{\"a\":1.}", "BAD_JSON", 0 },
		{ 0, "{\"a\":+1}", "BAD_JSON", 0 }, { 0, "{\"a\":1e}", "BAD_JSON", 0 },
		{ 0, "{\"a\":-}", "BAD_JSON", 0 }, { 0, "{\"a\":tru}", "BAD_JSON", 0 },
		{ 0, "{\"a\":truex}", "BAD_JSON", 0 }, { 0, "{\"a\":1 \"b\":2}", "BAD_JSON", 0 },
		{ 0, "{\"b\":\"x}", "BAD_JSON", 0 }, { 0, "{\"b\":\"x\\\"}", "BAD_JSON", 0 },
		{ 0, "{\"z\":[1,}", "BAD_JSON", 0 }, { 0, "{\"z\":[1}}", "BAD_JSON", 0 },
		{ 0, "{\"z\":{\"q\":1]}", "BAD_JSON", 0 }, { 0, "{\"z\":[1,2}", "BAD_JSON", 0 },
		{ 0, "{\"a\":true,\"b\":}", "BAD_JSON", 0 }, { 0, "{\"z\":\"\xff\"}", "BAD_UTF8", 0 },
		{ IGNORE, "{\"a\":true,\"b\":}", "skipped", 0 }, { IGNORE, "null", "skipped", 0 },
		{ IGNORE, "{\"a\":true,\"b\":\"x\"}", "{\"a\":null,\"b\":\"x\"}", 0 },
		{ 0, "\xef\xbb\xbf{\"a\":1}", "{\"a\":1,\"b\":null}", 0 },
	};
	struct fl_field fields[] = { { "a", make_type("int") }, { "b", make_type("string") } };
	struct fl_schema schema = { 2, fields };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		uint64_t odd;
		const char *got = round_trip(
		    &schema, cases[i].flags, cases[i].text, strlen(cases[i].text), &odd);

		if (strcmp(got, cases[i].expected) != 0 || odd != cases[i].odd)
			fail_msg("%s: got %s, odd %u (%s)", cases[i].text, got, (unsigned)odd, err.text);
	}
}

/* The columns of id INT, d ROW<s STRING, n INT, a ROW<s STRING>>, z STRING; d NOT NULL with
 * its n NOT NULL if must. */
static const struct fl_schema *
make_nested(bool must)
{
	struct fl_row_type *rows = FL_ARENA_ARRAY(&arena, struct fl_row_type, 2);
	struct fl_schema *schema = FL_ARENA_NEW(&arena, struct fl_schema);
	const struct fl_field fields[] = { { "id", make_type("int"), NULL },
		{ "d.s", make_type("string"), &rows[0] },
		{ "d.n", make_type(must ? "int!" : "int"), &rows[0] },
		{ "d.a.s", make_type("string"), &rows[1] }, { "z", make_type("string"), NULL } };

	rows[0] = (struct fl_row_type){ .name = "d", .nullable = !must };
	rows[1] = (struct fl_row_type){ .name = "d.a", .in = &rows[0], .nullable = true };
	schema->count = FL_ARRAY_COUNT(fields);
	schema->fields = fl_arena_dup(&arena, fields, sizeof(fields));
	return schema;
}

/* As round_trip(), the row as fl_row_print_json() prints it; no field is "-". */
static const char *
decode_nested(struct fl_decoder *decoder, const struct fl_schema *schema, const char *text)
{
	size_t size = strlen(text);
	char *copy = malloc(size + 1);
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_buf out;
	enum fl_verdict verdict;
	const char *result;

	memcpy(copy + 1, text, size);
	fl_builder_init(&builder, schema);
	assert_true(fl_builder_begin(&builder));
	err = (struct fl_err){ .code = FL_OK };
	verdict = fl_decode(decoder, copy + 1, size, &builder, &err);
	fl_buf_init(&out);
	if (verdict == FL_VERDICT_ROW) {
		fl_builder_commit(&builder);
		fl_builder_view(&builder, &batch, &arena);
		fl_row_print_json(&batch, 0, &out);
	} else if (verdict == FL_VERDICT_DEAD) {
		fl_buf_printf(&out, "%s %s", fl_code_name(err.code), err.text);
	} else {
		fl_buf_str(&out, "skipped");
	}
	result = fl_arena_strndup(&arena, out.data, out.size);
	fl_buf_fini(&out);
	fl_builder_fini(&builder);
	free(copy);
	return result;
}

#define NOTHING "{\"id\":null,\"d\":{\"s\":null,\"n\":null,\"a\":{\"s\":null}},\"z\":null}"

static void
fields_of_rows_get_flinks_verdicts(void **state)
{
	enum { MUST = 64 };
	static const struct {
		int flags;
		const char *text, *expected;
		uint64_t odd;
	} cases[] = {
		{ 0, "{\"id\":1,\"d\":{\"s\":\"x\",\"n\":2,\"a\":{\"s\":\"y\"}},\"z\":\"w\"}",
		    "{\"id\":1,\"d\":{\"s\":\"x\",\"n\":2,\"a\":{\"s\":\"y\"}},\"z\":\"w\"}", 0 },
		/* Any order, blanks, names that are of another object, unknown ones. */
		{ 0, " { \"s\" : 5, \"z\":\"w\", \"d\" : { \"z\":1, \"a\" : { \"n\":[{}], \"s\" : \"y\" } , "
		     "\"id\":{\"s\":1}, \"n\" : 2 } , \"n\":7, \"id\":1}",
		    "{\"id\":1,\"d\":{\"s\":null,\"n\":2,\"a\":{\"s\":\"y\"}},\"z\":\"w\"}", 0 },
		/* Missing, null and empty ROWs. */
		{ 0, "{}", NOTHING, 0 }, { 0, "{\"d\":null}", NOTHING, 0 }, { 0, "{\"d\":{}}", NOTHING, 0 },
		{ 0, "{\"d\":{\"a\":null}}", NOTHING, 0 }, { 0, "{\"d\":{\"a\":{}}}", NOTHING, 0 },
		{ MISSING, "{\"id\":1,\"z\":\"\"}", "MISSING_FIELD field \"d\" is missing", 0 },
		{ MISSING, "{\"id\":1,\"z\":\"\",\"d\":null}",
		    "{\"id\":1,\"d\":{\"s\":null,\"n\":null,\"a\":{\"s\":null}},\"z\":\"\"}", 0 },
		{ MISSING, "{\"id\":1,\"z\":\"\",\"d\":{\"s\":\"\",\"n\":1}}",
		    "MISSING_FIELD field \"d.a\" is missing", 0 },
		{ MISSING, "{\"id\":1,\"z\":\"\",\"d\":{\"s\":\"\",\"n\":1,\"a\":{}}}",
		    "MISSING_FIELD field \"d.a.s\" is missing", 0 },
		{ MUST, "{}", "MISSING_FIELD field \"d\" is missing, but its column is NOT NULL", 0 },
		{ MUST, "{\"d\":null}",
		    "BAD_NULL field \"d\": the column is NOT NULL and its value null", 0 },
		{ MUST, "{\"d\":{}}",
		    "MISSING_FIELD field \"d.n\" is missing, but its column is NOT NULL", 0 },
		{ MUST, "{\"d\":{\"n\":1}}",
		    "{\"id\":null,\"d\":{\"s\":null,\"n\":1,\"a\":{\"s\":null}},\"z\":null}", 0 },
		/* Values of a wrong type. */
		{ 0, "{\"d\":5}", "BAD_TYPE field \"d\" at byte 5: a number 5 cannot be converted to ROW", 0 },
		{ 0, "{\"d\":\"{}\"}",
		    "BAD_TYPE field \"d\" at byte 5: a string \"{}\" cannot be converted to ROW", 0 },
		{ 0, "{\"d\":[{}]}",
		    "BAD_TYPE field \"d\" at byte 5: an array [{}] cannot be converted to ROW", 0 },
		{ 0, "{\"d\":{\"a\":true}}",
		    "BAD_TYPE field \"d.a\" at byte 10: true true cannot be converted to ROW", 0 },
		{ 0, "{\"d\":{\"n\":{}}}",
		    "BAD_TYPE field \"d.n\" at byte 10: an object {} cannot be converted to INT", 0 },
		{ MUST, "{\"d\":false}",
		    "BAD_TYPE field \"d\" at byte 5: false false cannot be converted to ROW NOT NULL", 0 },
		{ IGNORE, "{\"d\":5}", NOTHING, 0 }, { IGNORE, "{\"d\":[1,{}]}", NOTHING, 0 },
		{ IGNORE, "{\"d\":{\"n\":\"x\",\"a\":\"\"}}", NOTHING, 0 },
		{ IGNORE, "{\"d\":{\"n\":1,\"a\":[]},\"id\":2}",
		    "{\"id\":2,\"d\":{\"s\":null,\"n\":1,\"a\":{\"s\":null}},\"z\":null}", 0 },
		/* Of two equal names the last one counts, whole. */
		{ 0, "{\"d\":{\"s\":\"x\",\"n\":1,\"a\":{\"s\":\"y\"}},\"d\":{\"n\":2}}",
		    "{\"id\":null,\"d\":{\"s\":null,\"n\":2,\"a\":{\"s\":null}},\"z\":null}", 1 },
		{ 0, "{\"d\":{\"a\":{\"s\":\"y\"},\"a\":null,\"s\":\"x\"}}",
		    "{\"id\":null,\"d\":{\"s\":\"x\",\"n\":null,\"a\":{\"s\":null}},\"z\":null}", 1 },
		{ 0, "{\"d\":{\"s\":\"y\"},\"d\":5,\"d\":{}}", NOTHING, 2 },
		{ 0, "{\"d\":{\"n\":{}},\"d\":null}", NOTHING, 1 },
		{ STRICT, "{\"d\":{\"n\":1,\"n\":1}}", "BAD_JSON byte 12: a name stands twice", 0 },
		/* Texts that break within a ROW. */
		{ 0, "{\"d\":{\"n\":1}", "BAD_JSON byte 12: the text ends too early", 0 },
		{ 0, "{\"d\":{\"n\":1]}", "BAD_JSON byte 11: expected ',' or '}'", 0 },
		{ 0, "{\"d\":{\"n\" 1}}", "BAD_JSON byte 10: expected ':'", 0 },
		{ 0, "{\"d\":{n:1}}", "BAD_JSON byte 6: expected a name in quotes", 0 },
		{ 0, "{\"d\":{\"n\":1},}", "BAD_JSON byte 13: expected a name in quotes", 0 },
		{ 0, "{\"d\":", "BAD_JSON byte 5: the text ends too early", 0 },
		{ 0, "{\"d\":x}", "BAD_JSON byte 5: expected a value", 0 },
		{ 0, "{\"d\":\"", "BAD_JSON byte 5: a string has no end", 0 },
		{ IGNORE, "{\"d\":{\"n\":1,\"a\":{]}}", "skipped", 0 },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		const struct fl_schema *schema = make_nested(cases[i].flags & MUST);
		struct fl_codec_options options = make_options(schema, cases[i].flags);
		struct fl_decoder *decoder = NULL;

		assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_OK);
		/* The second time the order of names is known. */
		for (uint64_t n = 1; n <= 2; n++) {
			const char *got = decode_nested(decoder, schema, cases[i].text);
			uint64_t odd = fl_decoder_oddities(decoder);

			if (strcmp(got, cases[i].expected) != 0 || odd != n * cases[i].odd)
				fail_msg("%s: got %s, odd %u", cases[i].text, got, (unsigned)odd);
		}
		fl_decoder_free(&decoder);
	}
}

static void
arrays_get_flinks_verdicts(void **state)
{
	static const struct {
		const char *element;
		int flags;
		const char *value, *expected; /* of {"x":value} */
	} cases[] = {
		{ "double", 0, "[12.5,-170.25]", "[12.5,-170.25]" }, { "double", 0, "[]", "[]" },
		{ "double", 0, " [ 1 , null,\"2.5\" ] ", "[1.0,null,2.5]" },
		{ "double", 0, "null", "null" }, { "double", 0, "[null]", "[null]" },
		{ "int", 0, "[1.9,\" 7 \",-3]", "[1,7,-3]" }, { "tinyint", 0, "[127,-128]", "[127,-128]" },
		{ "boolean", 0, "[true,\"TRUE\",5,{},[]]", "[true,true,false,false,false]" },
		{ "string", 0, "[\"a\",\"\",null,1.50,{\"k\": [1]},[ 2.50 ],true]",
		    "[\"a\",\"\",null,\"1.50\",\"{\\\"k\\\":[1]}\",\"[2.5]\",\"true\"]" },
		{ "string", 0, "[\"\\u00fc\\n\"]", "[\"\xc3\xbc\\n\"]" },
		{ "bytes", 0, "[\"AP8=\",\"\"]", "[\"AP8=\",\"\"]" },
		{ "decimal(10,2)", 0, "[1.005,1e20,\"-7\"]", "[1.01,null,-7.00]" },
		{ "date", 0, "[\"2024-02-29\"]", "[\"2024-02-29\"]" },
		{ "timestamp", 0, "[\"2024-01-01 00:00:00.5\"]", "[\"2024-01-01 00:00:00.500\"]" },
		{ "bigint", 0, "[1,[2],3]",
		    "BAD_TYPE field \"x\" at byte 8: an array [2] cannot be converted to ARRAY<BIGINT>" },
		{ "bigint", IGNORE, "[1,[2],3]", "[1,null,3]" },
		{ "int", 0, "[1,\"x\",{}]",
		    "BAD_TYPE field \"x\" at byte 8: a string \"x\" cannot be converted to ARRAY<INT>" },
		{ "int", IGNORE, "[1,\"x\",{}]", "[1,null,null]" },
		{ "string", 0, "\"[]\"",
		    "BAD_TYPE field \"x\" at byte 5: a string \"[]\" cannot be converted to ARRAY<STRING>" },
		{ "int", 0, "{\"a\":1}",
		    "BAD_TYPE field \"x\" at byte 5: an object {\"a\":1} cannot be converted to ARRAY<INT>" },
		{ "int", IGNORE, "{}", "null" }, { "int", IGNORE, "5", "null" },
		{ "int", 0, "[1]} ,", "[1]" },
		/* The last of two; broken beats what does not convert. */
		{ "int", 0, "[1,2],\"x\":[3]", "[3]" }, { "string", 0, "[\"abc\"],\"x\":[null]", "[null]" },
		{ "string", 0, "[[]],\"x\":null", "null" }, { "int", 0, "[{}],\"x\":[]", "[]" },
		{ "int", 0, "[{},]", "BAD_JSON byte 9: expected a value" },
		{ "int", 0, "[1", "BAD_JSON byte 7: expected ',' or ']'" },
		{ "int", 0, "[1 2]", "BAD_JSON byte 8: expected ',' or ']'" },
		{ "string", 0, "[[}]", "BAD_JSON byte 7: expected a value" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		struct fl_type type = make_type(cases[i].element);
		struct fl_field field = { "x", type };
		struct fl_schema schema = { 1, &field };
		struct fl_codec_options options = make_options(&schema, cases[i].flags);
		struct fl_decoder *decoder = NULL;
		const char *text = fl_arena_printf(&arena, "{\"x\":%s}", cases[i].value), *got;
		size_t size = strlen(cases[i].expected);

		field.type.element = type.id;
		field.type.id = FL_TYPE_ARRAY;
		assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_OK);
		for (int n = 0; n < 2; n++) {
			got = decode_nested(decoder, &schema, text);
			if (got[0] == '{' && (strlen(got) != size + 6 ||
			    memcmp(got + 5, cases[i].expected, size) != 0))
				fail_msg("%s: got %s, expected %s", text, got, cases[i].expected);
			if (got[0] != '{' && strcmp(got, cases[i].expected) != 0)
				fail_msg("%s: got %s", text, got);
		}
		fl_decoder_free(&decoder);
	}
}

/* The names of an object are not those of another one, whatever came before. */
static void
what_came_before_does_not_change_fields_of_rows(void **state)
{
	static const char *const texts[] = { "{\"d\":{\"s\":\"1\",\"a\":{\"s\":\"2\"}},\"z\":\"3\"}",
		"{\"s\":\"4\",\"d\":{\"a\":{\"s\":\"5\"},\"s\":\"6\"},\"id\":7}", "{\"a\":{\"s\":\"8\"},\"z\":\"\"}",
		"{\"d\":{\"d\":{\"s\":\"9\"},\"z\":\"\",\"n\":1}}", "{\"d\":{\"s\":\"1\"" };
	const struct fl_schema *schema = make_nested(false);
	struct fl_codec_options options = make_options(schema, 0);
	struct fl_decoder *used = NULL, *fresh = NULL;

	(void)state;
	assert_int_equal(fl_decoder_new(&options, &used, &err), FL_OK);
	for (size_t i = 0; i < FL_ARRAY_COUNT(texts) * FL_ARRAY_COUNT(texts); i++) {
		const char *text = texts[i % FL_ARRAY_COUNT(texts)];

		(void)decode_nested(used, schema, texts[i / FL_ARRAY_COUNT(texts)]);
		assert_int_equal(fl_decoder_new(&options, &fresh, &err), FL_OK);
		assert_string_equal(
		    decode_nested(used, schema, text), decode_nested(fresh, schema, text));
		fl_decoder_free(&fresh);
	}
	fl_decoder_free(&used);
}

static void
refusal_names_field_byte_and_value(void **state)
{
	struct fl_field fields[] = { { "a", make_type("int") }, { "b", make_type("int!") } };
	struct fl_schema schema = { 2, fields };
	struct fl_codec_options options = make_options(&schema, IGNORE | MISSING);
	struct fl_decoder *decoder = NULL;

	(void)state;
	(void)round_trip(&schema, 0, "{\"b\":1, \"a\":\"12x\"}", 18, NULL);
	assert_string_equal(err.text, "field \"a\" at byte 12: a string \"12x\" cannot be converted to INT");
	assert_string_equal(round_trip(&schema, 0, "{\"a\":1}", 7, NULL), "MISSING_FIELD");
	assert_non_null(strstr(err.text, "\"b\""));
	(void)round_trip(&schema, 0, "{\"a\":1,\"b\"", 10, NULL);
	assert_string_equal(err.text, "byte 10: the text ends too early");
	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_E_BAD_OPTION);
	assert_string_equal(err.text, "fail-on-missing-field and ignore-parse-errors shouldn't both be true.");
}

static void
nesting_is_taken_to_64_levels_and_no_further(void **state)
{
	struct fl_field field = { "s", make_type("string") };
	struct fl_schema schema = { 1, &field };

	(void)state;
	for (int depth = 62; depth <= 65; depth++) {
		struct fl_buf text;
		const char *got;

		fl_buf_init(&text);
		fl_buf_str(&text, "{\"s\":");
		for (int i = 1; i < depth; i++)
			fl_buf_byte(&text, '[');
		for (int i = 1; i < depth; i++)
			fl_buf_byte(&text, ']');
		fl_buf_byte(&text, '}');
		got = round_trip(&schema, 0, text.data, text.size, NULL);
		if (depth > 64)
			assert_string_equal(got, "TOO_DEEP");
		else
			assert_int_equal(strlen(got), text.size + 2);
		fl_buf_fini(&text);
	}
}

static void
every_truncation_and_change_gets_a_verdict(void **state)
{
	static const char text[] = "{\"a\":-12.5e1,\"b\":\"gr\xc3\xbc\\u00df\\n\",\"z\":[{\"q\":null},true,\"\\\"\"],"
				   "\"c\":\"2024-01-01 08:00:00.25\",\"d\":\"Zm9v\"}";
	struct fl_field fields[] = { { "a", make_type("int") }, { "b", make_type("string") },
		{ "c", make_type("timestamp") }, { "d", make_type("bytes") } };
	struct fl_schema schema = { 4, fields };
	size_t size = sizeof(text) - 1;
	char copy[sizeof(text)];

	(void)state;
	assert_string_equal(round_trip(&schema, 0, text, size, NULL),
	    "{\"a\":-125,\"b\":\"gr\xc3\xbc\xc3\x9f\\n\",\"c\":\"2024-01-01 08:00:00.25\",\"d\":\"Zm9v\"}");
	for (size_t n = 1; n < size; n++)
		if (strcmp(round_trip(&schema, 0, text, n, NULL), "BAD_JSON") != 0 && err.code != FL_E_BAD_UTF8)
			fail_msg("%zu bytes: %s", n, err.text);
	for (size_t i = 0; i < size * 8; i++) {
		memcpy(copy, text, sizeof(text));
		copy[i / 8] = (char)(copy[i / 8] ^ 1 << i % 8);
		(void)round_trip(&schema, i & 1 ? STRICT : 0, copy, size, NULL);
	}
}

static void
null_in_a_not_null_column_is_refused_by_the_encoder(void **state)
{
	struct fl_field fields[] = { { "a", make_type("int") }, { "b", make_type("int!") } };
	struct fl_schema schema = { 2, fields };
	struct fl_codec_options options = make_options(&schema, 0);
	struct fl_encoder *encoder = NULL;
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_buf out;

	(void)state;
	assert_int_equal(fl_encoder_new(&options, &encoder, &err), FL_OK);
	fl_builder_init(&builder, &schema);
	assert_true(fl_builder_begin(&builder));
	fl_builder_commit(&builder);
	fl_builder_view(&builder, &batch, &arena);
	fl_buf_init(&out);
	fl_buf_str(&out, "kept");
	assert_int_equal(fl_encode(encoder, &batch, 0, &out, &err), FL_E_SINK_REFUSED);
	assert_non_null(strstr(err.text, "\"b\""));
	assert_string_equal(out.data, "kept");
	fl_buf_fini(&out);
	fl_builder_fini(&builder);
	fl_encoder_free(&encoder);
}

/* A decoder expects the fields in the order of the records before. */
static void
what_came_before_does_not_change_a_record(void **state)
{
	static struct fl_field fields[] = { { "a", { FL_TYPE_INT, true, 0, 0, 0 } },
		{ "ab", { FL_TYPE_INT, true, 0, 0, 0 } }, { "a\"b", { FL_TYPE_INT, true, 0, 0, 0 } },
		{ "a_name_of_16_byt", { FL_TYPE_INT, true, 0, 0, 0 } },
		{ "a_name_of_16_bytes_and_more", { FL_TYPE_VARCHAR, true, 0, 0, FL_LENGTH_MAX } } };
	static const struct fl_schema schema = { FL_ARRAY_COUNT(fields), fields };
	static const char *const texts[] = {
		"{\"a\":1,\"ab\":2,\"a\\\"b\":3,\"a_name_of_16_byt\":4,\"a_name_of_16_bytes_and_more\":\"5\"}",
		"{\"a_name_of_16_bytes_and_more\":\"x\",\"a_name_of_16_byt\":9,\"ab\":8,\"a\":7}",
		"{ \"ab\" : 2 , \"a\" : 1 }", "{\"ab\":1,\"ab\":2,\"a\":3}", "{\"a\":1,\"b\":0,\"ab\":2}",
		"{\"a_name_of_16_bytes_and_mor\":\"x\"}", "{\"a_name_of_16_bytes_and_mord\":\"x\",\"a\":1}",
		"{\"a_name_of_16_bytx\":1}", "{\"a\\u0062\":5}", "{\"a\"b\":5}", "{\"a\":1,\"a", "{\"a\"", "{\"", "{}",
		"{\"a_name_of_16_byt\"", "{\"a_name_of_16_bytes_and_more\"", "{\"a\\\"b\":1}",
	};
	struct fl_codec_options options = make_options(&schema, 0);
	struct fl_decoder *decoder = NULL;
	uint32_t seed = 1;

	(void)state;
	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_OK);
	for (int i = 0; i < 4000; i++) {
		const char *text = texts[((seed = seed * 1103515245u + 12345u) >> 16) % FL_ARRAY_COUNT(texts)];
		const char *fresh = round_trip(&schema, 0, text, strlen(text), NULL);
		const char *used = round_trip_by(decoder, &schema, 0, text, strlen(text));

		if (strcmp(fresh, used) != 0)
			fail_msg("%s: %s by a fresh decoder, %s by a used one", text, fresh, used);
	}
	fl_decoder_free(&decoder);
	assert_string_equal(round_trip(&schema, 0, texts[0], strlen(texts[0]), NULL), texts[0]);
}

/* The row that text adds to the builder, as JSON, or the code of its refusal. */
static const char *
decode_into(struct fl_decoder *decoder, struct fl_encoder *encoder, struct fl_builder *builder, const char *text)
{
	size_t size = strlen(text);
	/* Ends where its memory ends, so that asan sees overreads. */
	char *copy = malloc(size + 1);
	struct fl_batch batch;
	enum fl_verdict verdict;
	struct fl_buf out;
	const char *result;

	memcpy(copy + 1, text, size);
	if (builder->row_count == 3000)
		fl_builder_reset(builder);
	assert_true(fl_builder_begin(builder));
	verdict = fl_decode(decoder, copy + 1, size, builder, &err);
	free(copy);
	if (verdict != FL_VERDICT_ROW)
		return fl_code_name(err.code);
	fl_builder_commit(builder);
	fl_builder_view(builder, &batch, &arena);
	fl_buf_init(&out);
	assert_int_equal(fl_encode(encoder, &batch, builder->row_count - 1, &out, &err), FL_OK);
	result = fl_arena_dup(&arena, out.data, out.size + 1);
	fl_buf_fini(&out);
	return result;
}

/*
 * Strings and whole numbers that stand as most producers write them are taken on a shorter way.
 * Two blanks behind the colon lead off it: the same must come out, at every distance from the
 * record's end, for every length, and with any byte or escape at any place.
 */
static void
how_members_are_written_does_not_change_them(void **state)
{
	static const char *const tails[] = { "}", ",\"z\":1}", ",\"z\":\"a tail that is longer than 16 bytes\"}" };
	static const char *const odd[] = { "", "\\n", "\\u00e9", "\303\251", "\001", "\\", "\"", "\377", "{", "," };
	struct fl_field fields[] = { { "s", make_type("string") }, { "i", make_type("int") },
		{ "l", make_type("bigint") } };
	struct fl_schema schema = { 3, fields };
	uint32_t kind = 0, count = 3 * 52 * FL_ARRAY_COUNT(odd) * FL_ARRAY_COUNT(tails);

	(void)state;
	for (int flags = 0; flags <= STRICT; flags += STRICT) {
		struct fl_codec_options options = make_options(&schema, flags);
		struct fl_decoder *decoder = NULL;
		struct fl_encoder *encoder = NULL;
		struct fl_builder builder;

		assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_OK);
		assert_int_equal(fl_encoder_new(&options, &encoder, &err), FL_OK);
		fl_builder_init(&builder, &schema);
		for (kind = 0; kind < count; kind++) {
			const char *name = fields[kind % 3].name, *tail = tails[kind / 3 % FL_ARRAY_COUNT(tails)];
			const char *o = odd[kind / 9 % FL_ARRAY_COUNT(odd)], *want, *got;
			int length = (int)(kind / 9 / FL_ARRAY_COUNT(odd)), at = length == 0 ? 0 : (int)(kind * 7 % (uint32_t)length);
			char text[128], usual[256], other[256];

			if (kind % 3 == 0)
				snprintf(text, sizeof(text), "\"%.*s%s%.*s\"", at,
				    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz", o, length - at,
				    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789ABCDEF");
			else
				snprintf(text, sizeof(text), "%s%.*s%s", o[0] == '{' ? "-" : "", length % 24,
				    kind % 5 == 0 ? "012345678901234567890123" : "123456789012345678901234",
				    o[0] == ',' ? ".5" : o[0] == '"' ? "e0" : o[0] == '\001' ? "\t" : "");
			snprintf(usual, sizeof(usual), "{\"%s\":%s%s", name, text, tail);
			snprintf(other, sizeof(other), "{\"%s\":  %s%s", name, text, tail);
			want = decode_into(decoder, encoder, &builder, other);
			got = decode_into(decoder, encoder, &builder, usual);
			if (strcmp(got, want) != 0)
				fail_msg("%s is %s, %s is %s", usual, got, other, want);
		}
		fl_builder_fini(&builder);
		fl_encoder_free(&encoder);
		fl_decoder_free(&decoder);
		fl_arena_reset(&arena);
	}
}

/* What dead letters of emit keep, and what a replay makes of it: lib/sql/plan.c has its options. */
static void
rows_printed_as_json_come_back_exactly(void **state)
{
	static const enum fl_type_id types[] = { FL_TYPE_BOOLEAN, FL_TYPE_TINYINT, FL_TYPE_SMALLINT, FL_TYPE_INT,
		FL_TYPE_BIGINT, FL_TYPE_FLOAT, FL_TYPE_DOUBLE, FL_TYPE_DECIMAL, FL_TYPE_VARCHAR, FL_TYPE_VARBINARY,
		FL_TYPE_DATE, FL_TYPE_TIMESTAMP, FL_TYPE_TIMESTAMP_LTZ };
	/* A BIGINT and its lower parts; FLOAT and DOUBLE are the bits. */
	static const int64_t bits[] = { 0, 1, -1, INT64_MAX, INT64_MIN, 0x7ff0000000000000, 0x7ff8000000000000,
		(int64_t)0xfff0000000000000, 0x3ff199999999999a, 0x7fefffffffffffff, 1, 0x7f800000, 0x7fc00000,
		0x7f7fffff, 0x3dcccccd, 1065353217, (int64_t)0x8000000000000000, 0x00800000, 253402300799999,
		-62135596800000, 1709251199999 };
	static const char *const texts[] = { "", "\0", "a\"\\\n\t\x01", "\xc3\xa4\xf0\x9f\x98\x80",
		"{\"a\": 1}", "null", "17", "\xe2\x80\xa8\x7f" };
	static const uint8_t sizes[] = { 0, 1, 7, 6, 8, 4, 2, 4 };
	struct fl_field fields[FL_ARRAY_COUNT(types)];
	struct fl_table table = { .physical = { .count = FL_ARRAY_COUNT(types), .fields = fields } };
	struct fl_codec_options options = fl_table_row_codec(&table);
	struct fl_decoder *decoder = NULL;
	struct fl_builder rows[2];
	struct fl_batch batch[2];
	struct fl_buf json[2];

	(void)state;
	memset(fields, 0, sizeof(fields));
	for (uint32_t c = 0; c < FL_ARRAY_COUNT(types); c++) {
		fields[c].name = fl_arena_printf(&arena, "c%u", c);
		fields[c].type = (struct fl_type){ .id = (uint8_t)types[c], .nullable = true };
		if (types[c] == FL_TYPE_DECIMAL)
			fields[c].type.precision = 38, fields[c].type.scale = 10;
		if (types[c] == FL_TYPE_TIMESTAMP || types[c] == FL_TYPE_TIMESTAMP_LTZ)
			fields[c].type.precision = 3;
	}
	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_OK);
	for (uint32_t k = 0; k < 2; k++) {
		fl_builder_init(&rows[k], &table.physical);
		fl_buf_init(&json[k]);
	}
	for (uint32_t n = 0; n < 2 * FL_ARRAY_COUNT(bits); n++) {
		int64_t v = bits[n / 2], time = v > 253402300799999 || v < -62135596800000 ? v % 86400000 : v;
		int64_t day = time / 86400000;
		fl_i128 decimal = (fl_i128)v * 1000000007;

		for (uint32_t k = 0; k < 2; k++)
			fl_builder_reset(&rows[k]), fl_buf_reset(&json[k]);
		(void)fl_builder_begin(&rows[0]);
		for (uint32_t c = 0; c < FL_ARRAY_COUNT(types); c++) {
			uint32_t t = (n + c) % FL_ARRAY_COUNT(texts);

			if (n % 2 != 0 && (n / 2 + c) % 3 == 0)
				continue; /* NULL */
			if (fl_type_is_var(types[c])) {
				fl_builder_set_str(&rows[0], c, texts[t], sizes[t]);
			} else if (types[c] == FL_TYPE_BOOLEAN) {
				fl_builder_set_raw(&rows[0], c, &(uint8_t){ v & 1 });
			} else if (types[c] == FL_TYPE_DECIMAL) {
				fl_builder_set_raw(&rows[0], c, &decimal);
			} else if (types[c] == FL_TYPE_DATE) {
				fl_builder_set_i32(&rows[0], c, (int32_t)day);
			} else if (types[c] == FL_TYPE_TIMESTAMP || types[c] == FL_TYPE_TIMESTAMP_LTZ) {
				fl_builder_set_i64(&rows[0], c, time);
			} else {
				fl_builder_set_raw(&rows[0], c, &v); /* little endian */
			}
		}
		fl_builder_commit(&rows[0]);
		fl_builder_view(&rows[0], &batch[0], &arena);
		fl_row_print_json(&batch[0], 0, &json[0]);
		(void)fl_builder_begin(&rows[1]);
		err = (struct fl_err){ .code = FL_OK };
		if (fl_decode(decoder, json[0].data, json[0].size, &rows[1], &err) != FL_VERDICT_ROW)
			fail_msg("%s: %s", json[0].data, err.text);
		fl_builder_commit(&rows[1]);
		fl_builder_view(&rows[1], &batch[1], &arena);
		fl_row_print_json(&batch[1], 0, &json[1]);
		assert_string_equal(json[1].data, json[0].data);
		for (uint32_t c = 0; c < FL_ARRAY_COUNT(types); c++) {
			const struct fl_col *a = &batch[0].cols[c], *b = &batch[1].cols[c];
			uint32_t width = fl_type_width(types[c]), x, y;

			assert_int_equal(fl_col_is_valid(a, 0), fl_col_is_valid(b, 0));
			if (!fl_col_is_valid(a, 0))
				continue;
			if (width > 0 && memcmp(a->data, b->data, width) != 0 && strstr(json[0].data, "NaN") == NULL)
				fail_msg("column %u of %s", c, json[0].data);
			if (width == 0) {
				const char *p = fl_col_str(a, 0, &x), *q = fl_col_str(b, 0, &y);

				assert_int_equal(x, y);
				assert_memory_equal(p, q, x);
			}
		}
	}
	for (uint32_t k = 0; k < 2; k++) {
		fl_builder_fini(&rows[k]);
		fl_buf_fini(&json[k]);
	}
	fl_decoder_free(&decoder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(how_members_are_written_does_not_change_them),
		TEST(values_convert_as_flink_converts_them),
		TEST(bodies_get_flinks_verdicts),
		TEST(fields_of_rows_get_flinks_verdicts),
		TEST(arrays_get_flinks_verdicts),
		TEST(what_came_before_does_not_change_fields_of_rows),
		TEST(refusal_names_field_byte_and_value),
		TEST(nesting_is_taken_to_64_levels_and_no_further),
		TEST(every_truncation_and_change_gets_a_verdict),
		TEST(null_in_a_not_null_column_is_refused_by_the_encoder),
		TEST(what_came_before_does_not_change_a_record),
		TEST(rows_printed_as_json_come_back_exactly),
	};

	return cmocka_run_group_tests_name("codec/json", tests, NULL, NULL);
}
