/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_schema.c - what a JSON Schema refuses, in which words, and which schemas are refused.
 *
 * The verdicts of the official suite are tests/schema; here stand the messages, the edges
 * of numbers and names, and what the suite does not know: typing, equal names, columns.
 */
#include "../unit.h"

#include "base/util.h"
#include "codec/codec.h"

static struct fl_err err;
static char result[600];

static int
setup(void **state)
{
	(void)state;
	err = (struct fl_err){ .code = FL_OK };
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return 0;
}

static struct fl_field fields[] = { { "a", { .id = FL_TYPE_VARCHAR, .length = FL_LENGTH_MAX, .nullable = true } },
	{ "b", { .id = FL_TYPE_BIGINT, .nullable = true } },
	{ "n", { .id = FL_TYPE_ARRAY, .element = FL_TYPE_BIGINT, .nullable = true } } };
static const struct fl_schema columns = { 3, fields };

enum { STRICT_TYPES = 1, STRICT_JSON = 2 };

static struct fl_codec_options
make_options(const char *schema, int flags)
{
	return (struct fl_codec_options){ .format = FL_FORMAT_JSON, .schema = &columns, .json_schema = schema,
		.json_schema_strict = flags & STRICT_TYPES, .json_strict = flags & STRICT_JSON };
}

/* "a|b" of the row (- is NULL), then "|" and the number of elements of n if there is one; "skipped",
 * or "CODE message". */
static const char *
judge_by(struct fl_decoder *decoder, const char *text, size_t size)
{
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_arena arena;
	enum fl_verdict verdict;
	/* Ends where its memory ends, so that asan sees overreads. */
	char *copy = malloc(size + 1);

	memcpy(copy + 1, text, size);
	fl_arena_init(&arena);
	fl_builder_init(&builder, &columns);
	assert_true(fl_builder_begin(&builder));
	verdict = fl_decode(decoder, copy + 1, size, &builder, &err);
	if (verdict == FL_VERDICT_DEAD) {
		(void)snprintf(result, sizeof(result), "%s %s", fl_code_name(err.code), err.text);
	} else if (verdict == FL_VERDICT_SKIPPED) {
		(void)snprintf(result, sizeof(result), "skipped");
	} else {
		const char *a = "-";
		uint32_t length = 1;

		fl_builder_commit(&builder);
		fl_builder_view(&builder, &batch, &arena);
		if (fl_col_is_valid(&batch.cols[0], 0))
			a = fl_col_str(&batch.cols[0], 0, &length);
		(void)snprintf(result, sizeof(result), "%.*s|%lld", (int)length, a,
		    fl_col_is_valid(&batch.cols[1], 0) ? (long long)((const int64_t *)batch.cols[1].data)[0] : -1LL);
		if (fl_col_is_valid(&batch.cols[2], 0)) {
			const char *p = fl_col_str(&batch.cols[2], 0, &length);
			struct fl_array array;

			assert_true(fl_array_view(&fields[2].type, p, length, &array));
			(void)snprintf(result + strlen(result), 16, "|%u", array.count);
		}
	}
	fl_builder_fini(&builder);
	fl_arena_fini(&arena);
	free(copy);
	return result;
}

static const char *
judge(const char *schema, int flags, const char *text)
{
	struct fl_codec_options options = make_options(schema, flags);
	struct fl_decoder *decoder = NULL;

	if (fl_decoder_new(&options, &decoder, &err) != FL_OK) {
		(void)snprintf(result, sizeof(result), "%s %s", fl_code_name(err.code), err.text);
		return result;
	}
	(void)judge_by(decoder, text, strlen(text));
	fl_decoder_free(&decoder);
	return result;
}

struct judged {
	const char *schema, *text, *want;
	int flags;
};

static void
check_all(const struct judged *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(judge(cases[i].schema, cases[i].flags, cases[i].text), cases[i].want) != 0)
			fail_msg("%s of %s: expected %s, got %s", cases[i].text, cases[i].schema, cases[i].want, result);
}

#define P(rule) "{\"properties\":{\"a\":" rule "}}"

static void
message_names_path_rule_and_value(void **state)
{
	static const struct judged cases[] = {
		{ P("{\"type\":\"integer\"}"), "{\"a\":\"3\"}", "INVALID /a: type integer, got \"3\"", 0 },
		{ P("{\"type\":[\"string\",\"null\"]}"), "{\"a\":true}", "INVALID /a: type string or null, got true", 0 },
		{ "{\"required\":[\"userID\"]}", "{\"userId\":1}", "INVALID /userID: required, but missing", 0 },
		{ P("{\"required\":[\"x\"]}"), "{\"a\":{}}", "INVALID /a/x: required, but missing", 0 },
		{ P("{\"items\":{\"maximum\":90}}"), "{\"a\":[1,91.5]}", "INVALID /a/1: maximum 90, got 91.5", 0 },
		{ P("{\"exclusiveMinimum\":-1.5}"), "{\"a\":-1.50}", "INVALID /a: exclusiveMinimum -1.5, got -1.50", 0 },
		{ P("{\"minimum\":1,\"exclusiveMinimum\":1}"), "{\"a\":1}", "INVALID /a: exclusiveMinimum 1, got 1", 0 },
		{ P("{\"enum\":[\"x\",1]}"), "{\"a\":\"y\"}", "INVALID /a: enum [\"x\",1], got \"y\"", 0 },
		{ P("{\"const\":{\"x\":1}}"), "{\"a\":{\"x\":2}}", "INVALID /a: const {\"x\":1}, got {\"x\":2}", 0 },
		{ P("{\"minLength\":2}"), "{\"a\":\"\\u00e9\"}", "INVALID /a: minLength 2, got \"\\u00e9\"", 0 },
		{ P("{\"maxLength\":1}"), "{\"a\":\"xy\"}", "INVALID /a: maxLength 1, got \"xy\"", 0 },
		{ P("{\"pattern\":\"^b\"}"), "{\"a\":\"ab\"}", "INVALID /a: pattern \"^b\", got \"ab\"", 0 },
		{ P("{\"format\":\"ipv4\"}"), "{\"a\":\"1.2.3\"}", "INVALID /a: format ipv4, got \"1.2.3\"", 0 },
		{ P("{\"minItems\":2}"), "{\"a\":[1]}", "INVALID /a: minItems 2, got 1", 0 },
		{ P("{\"maxItems\":0}"), "{\"a\":[1]}", "INVALID /a: maxItems 0, got 1", 0 },
		{ "{\"minProperties\":2}", "{\"q\":1,\"q\":2}", "INVALID the record: minProperties 2, got 1", 0 },
		{ "{\"maxProperties\":1}", "{\"q\":1,\"r\":2}", "INVALID the record: maxProperties 1, got 2", 0 },
		{ "{\"additionalProperties\":false}", "{\"a/b~c\":1}",
			"INVALID /a~1b~0c: additionalProperties false, got 1", 0 },
		{ P("{\"prefixItems\":[true],\"items\":false}"), "{\"a\":[1,{\"x\":2}]}",
			"INVALID /a/1: items false, got {\"x\":2}", 0 },
		{ "{\"type\":\"object\"}", "[1]", "INVALID the record: type object, got [1]", 0 },
		{ P("{\"type\":\"string\"}"), "{\"a\":\"0123456789012345678901234567890123456789012345678901234567890\"}",
			"0123456789012345678901234567890123456789012345678901234567890|-1", 0 },
		{ P("{\"maximum\":1}"), "{\"a\":1234567890123456789012345678901234567890123456789012345678901}",
			"INVALID /a: maximum 1, got 123456789012345678901234567890123456789012345678901234567890...", 0 },
	};

	(void)state;
	check_all(cases, FL_ARRAY_COUNT(cases));
}

static void
numbers_are_compared_as_they_are_written(void **state)
{
	static const struct judged cases[] = {
		{ P("{\"maximum\":9007199254740992}"), "{\"a\":9007199254740993}",
			"INVALID /a: maximum 9007199254740992, got 9007199254740993", 0 },
		{ P("{\"maximum\":18446744073709551616}"), "{\"a\":18446744073709551617}",
			"INVALID /a: maximum 18446744073709551616, got 18446744073709551617", 0 },
		{ P("{\"maximum\":18446744073709551616}"), "{\"a\":18446744073709551616.0}", "18446744073709551616.0|-1", 0 },
		{ P("{\"minimum\":0.1}"), "{\"a\":0.09999999999999999999999999}",
			"INVALID /a: minimum 0.1, got 0.09999999999999999999999999", 0 },
		{ P("{\"minimum\":0.1}"), "{\"a\":0.10000000000000000000000001}", "0.10000000000000000000000001|-1", 0 },
		{ P("{\"minimum\":-1e400}"), "{\"a\":-1e401}", "INVALID /a: minimum -1e400, got -1e401", 0 },
		{ P("{\"minimum\":-1e400}"), "{\"a\":-9e399}", "-9e399|-1", 0 },
		{ P("{\"exclusiveMaximum\":1e-30}"), "{\"a\":0}", "0|-1", 0 },
		{ P("{\"exclusiveMaximum\":1e-30}"), "{\"a\":0.000000000000000000000000000001}",
			"INVALID /a: exclusiveMaximum 1e-30, got 0.000000000000000000000000000001", 0 },
		{ P("{\"minimum\":0}"), "{\"a\":-0}", "-0|-1", 0 },
		/* The edges of 64 bits, and of 19 digits and 19 places. */
		{ P("{\"exclusiveMinimum\":9223372036854775807}"), "{\"a\":9223372036854775808}", "9223372036854775808|-1", 0 },
		{ P("{\"exclusiveMinimum\":9223372036854775807}"), "{\"a\":9223372036854775807}",
			"INVALID /a: exclusiveMinimum 9223372036854775807, got 9223372036854775807", 0 },
		{ P("{\"exclusiveMaximum\":-9223372036854775807}"), "{\"a\":-9223372036854775808}", "-9223372036854775808|-1", 0 },
		{ P("{\"exclusiveMaximum\":-9223372036854775807}"), "{\"a\":-9223372036854775807}",
			"INVALID /a: exclusiveMaximum -9223372036854775807, got -9223372036854775807", 0 },
		{ P("{\"maximum\":9223372036854775807}"), "{\"a\":9223372036854775808}",
			"INVALID /a: maximum 9223372036854775807, got 9223372036854775808", 0 },
		{ P("{\"minimum\":1,\"maximum\":2.5}"), "{\"a\":3}", "INVALID /a: maximum 2.5, got 3", 0 },
		{ P("{\"exclusiveMaximum\":2}"), "{\"a\":2}", "INVALID /a: exclusiveMaximum 2, got 2", 0 },
		{ P("{\"exclusiveMaximum\":2}"), "{\"a\":1}", "1|-1", 0 },
		{ P("{\"exclusiveMaximum\":1}"), "{\"a\":0.9999999999999999999}", "0.9999999999999999999|-1", 0 },
		{ P("{\"maximum\":1}"), "{\"a\":1.000000000000000001}", "INVALID /a: maximum 1, got 1.000000000000000001", 0 },
		{ P("{\"maximum\":1e-19}"), "{\"a\":9999999999999999999}", "INVALID /a: maximum 1e-19, got 9999999999999999999", 0 },
		{ P("{\"const\":100}"), "{\"a\":1e2}", "1e2|-1", 0 },
		{ P("{\"const\":12345678901234567890123}"), "{\"a\":12345678901234567890123.00}",
			"12345678901234567890123.00|-1", 0 },
		{ P("{\"const\":12345678901234567890123}"), "{\"a\":12345678901234567890124}",
			"INVALID /a: const 12345678901234567890123, got 12345678901234567890124", 0 },
		{ P("{\"enum\":[0]}"), "{\"a\":false}", "INVALID /a: enum [0], got false", 0 },
	};

	(void)state;
	check_all(cases, FL_ARRAY_COUNT(cases));
}

static void
strict_typing_goes_by_how_a_number_is_written(void **state)
{
	static const struct judged cases[] = {
		{ P("{\"type\":\"integer\"}"), "{\"a\":3.0}", "3.0|-1", 0 },
		{ P("{\"type\":\"integer\"}"), "{\"a\":30e-1}", "30e-1|-1", 0 },
		{ P("{\"type\":\"integer\"}"), "{\"a\":3.5}", "INVALID /a: type integer, got 3.5", 0 },
		{ P("{\"type\":\"integer\"}"), "{\"a\":12345678901234567890123.0}", "12345678901234567890123.0|-1", 0 },
		{ P("{\"type\":\"integer\"}"), "{\"a\":12345678901234567890123.5}",
			"INVALID /a: type integer, got 12345678901234567890123.5", 0 },
		{ P("{\"type\":\"integer\"}"), "{\"a\":true}", "INVALID /a: type integer, got true", 0 },
		{ P("{\"type\":\"number\"}"), "{\"a\":3}", "3|-1", 0 },
		{ P("{\"type\":\"integer\"}"), "{\"a\":3}", "3|-1", STRICT_TYPES },
		{ P("{\"type\":\"integer\"}"), "{\"a\":3.0}", "INVALID /a: type integer (strict), got 3.0", STRICT_TYPES },
		{ P("{\"type\":\"number\"}"), "{\"a\":3}", "INVALID /a: type number (strict), got 3", STRICT_TYPES },
		{ P("{\"type\":\"number\"}"), "{\"a\":3.0}", "3.0|-1", STRICT_TYPES },
		{ P("{\"type\":[\"number\",\"integer\"]}"), "{\"a\":3}", "3|-1", STRICT_TYPES },
	};

	(void)state;
	check_all(cases, FL_ARRAY_COUNT(cases));
}

static void
last_of_equal_names_counts(void **state)
{
	static const struct judged cases[] = {
		{ P("{\"maximum\":5}"), "{\"a\":9,\"a\":4}", "4|-1", 0 },
		{ P("{\"maximum\":5}"), "{\"a\":4,\"a\":9}", "INVALID /a: maximum 5, got 9", 0 },
		{ P("{\"maximum\":5}"), "{\"a\":4,\"a\":9}", "BAD_JSON byte 7: a name stands twice", STRICT_JSON },
		{ P("{\"properties\":{\"x\":{\"type\":\"string\"}}}"), "{\"a\":{\"x\":1,\"\\u0078\":\"y\"},\"b\":7}",
			"{\"x\":1,\"x\":\"y\"}|7", 0 },
		{ P("{\"additionalProperties\":{\"type\":\"string\"}}"), "{\"a\":{\"q\":1,\"r\":\"\",\"q\":\"y\"}}",
			"{\"q\":1,\"r\":\"\",\"q\":\"y\"}|-1", 0 },
		{ P("{\"additionalProperties\":{\"type\":\"string\"}}"), "{\"a\":{\"q\":\"y\",\"r\":\"\",\"q\":1}}",
			"INVALID /a/q: type string, got 1", 0 },
		/* An object that a later one hides may lack what it will. */
		{ P("{\"required\":[\"x\"]}"), "{\"b\":1,\"a\":{},\"a\":{\"x\":1}}", "{\"x\":1}|1", 0 },
		{ "{\"maxProperties\":1}", "{\"q\":1,\"q\":2}", "-|-1", 0 },
		{ P("{\"const\":{\"x\":1}}"), "{\"a\":{\"x\":2,\"x\":1}}", "{\"x\":2,\"x\":1}|-1", 0 },
		{ P("{\"enum\":[[1,{}],{\"x\":[],\"y\":2}]}"), "{\"a\":{\"y\":2.0,\"x\":[]},\"b\":5}",
			"{\"y\":2.0,\"x\":[]}|5", 0 },
	};

	(void)state;
	check_all(cases, FL_ARRAY_COUNT(cases));
}

static void
broken_text_beats_a_broken_rule_and_that_a_column(void **state)
{
	static const struct judged cases[] = {
		{ P("{\"type\":\"string\"}"), "{\"a\":1,\"b\":}", "BAD_JSON byte 11: expected a value", 0 },
		{ P("{\"type\":\"string\"}"), "{\"a\":1,\"b\":\"x\"}", "INVALID /a: type string, got 1", 0 },
		{ P("{\"type\":\"string\"}"), "{\"b\":\"x\",\"a\":\"1\"}",
			"BAD_TYPE field \"b\" at byte 5: a string \"x\" cannot be converted to BIGINT", 0 },
		{ "true", "[1]", "BAD_JSON byte 0: expected an object", 0 },
		{ "{}", "", "EMPTY_VALUE the value is empty, which no JSON Schema allows", 0 },
		{ P("{\"type\":\"string\"}"), "{\"a\":1} x", "TRAILING_BYTES byte 8: text after the object", STRICT_JSON },
		{ P("{\"type\":\"string\"}"), "{\"a\":\"1\"} x", "1|-1", 0 },
		{ "{\"type\":[\"object\",\"array\"],\"items\":{\"type\":\"string\"}}", "[1]",
			"INVALID /0: type string, got 1", 0 },
		{ "{\"enum\":[{\"a\":\"x\"}]}", "{\"a\":\"x\"}", "x|-1", 0 },
		{ "{\"enum\":[{\"a\":\"x\"}]}", "{\"a\":\"y\"}", "INVALID the record: enum [{\"a\":\"x\"}], got {\"a\":\"y\"}", 0 },
		{ "false", "{}", "INVALID the record: schema false, got {}", 0 },
	};
	struct fl_codec_options options = make_options("{}", 0);
	struct fl_decoder *decoder = NULL;
	struct fl_builder builder;

	(void)state;
	check_all(cases, FL_ARRAY_COUNT(cases));
	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_OK);
	fl_builder_init(&builder, &columns);
	assert_true(fl_builder_begin(&builder));
	assert_int_equal(fl_decode(decoder, NULL, 0, &builder, &err), FL_VERDICT_DEAD);
	assert_int_equal(err.code, FL_E_EMPTY_VALUE);
	fl_builder_fini(&builder);
	fl_decoder_free(&decoder);
}

static void
schema_is_refused_where_it_is_wrong(void **state)
{
	static const struct judged cases[] = {
		{ "{\"a\":1,", "", "BAD_SCHEMA line 1 is no JSON: the text ends too early", 0 },
		{ "{\n\"type\":\"object\",\n\"type\":1}", "", "BAD_SCHEMA line 3 is no JSON: a name stands twice", 0 },
		{ "{} {}", "", "BAD_SCHEMA line 1 is no JSON: text after the schema", 0 },
		{ "3", "", "BAD_SCHEMA the schema: expected a schema: an object, true or false, got 3", 0 },
		{ P("{\"$ref\":\"#\"}"), "", "BAD_SCHEMA /properties/a/$ref: the keyword \"$ref\" is not supported", 0 },
		{ "{\"requred\":[]}", "",
			"BAD_SCHEMA /requred: the keyword \"requred\" is unknown; one of your own begins with \"x-\"", 0 },
		{ P("{\"multipleOf\":2}"), "",
			"BAD_SCHEMA /properties/a/multipleOf: the keyword \"multipleOf\" is not supported", 0 },
		{ P("{\"type\":\"int\"}"), "", "BAD_SCHEMA /properties/a/type: expected null, boolean, object, "
			"array, number, integer or string, got \"int\"", 0 },
		{ P("{\"minLength\":-1}"), "",
			"BAD_SCHEMA /properties/a/minLength: expected a whole number of 0 or more, got -1", 0 },
		{ P("{\"minimum\":\"1\"}"), "", "BAD_SCHEMA /properties/a/minimum: expected a number, got \"1\"", 0 },
		{ P("{\"exclusiveMinimum\":true}"), "",
			"BAD_SCHEMA /properties/a/exclusiveMinimum: expected a number, got true", 0 },
		{ P("{\"format\":\"email\"}"), "", "BAD_SCHEMA /properties/a/format: of the formats only date-time, "
			"uuid and ipv4 are checked, got \"email\"", 0 },
		{ P("{\"pattern\":\"a(?=b)\"}"), "", "BAD_SCHEMA /properties/a/pattern: character 3: look-ahead, "
			"look-behind and flags are not supported, got \"a(?=b)\"", 0 },
		{ P("{\"items\":[{}]}"), "",
			"BAD_SCHEMA /properties/a/items: a list of schemas is prefixItems since draft 2020-12", 0 },
		{ "{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}", "", "BAD_SCHEMA /$schema: expected the "
			"address of draft 2020-12 (2019-09, 07 and 06 mean the same here), got "
			"\"http://json-schema.org/draft-04/schema#\"", 0 },
		{ "{\"required\":\"a\"}", "", "BAD_SCHEMA /required: expected a list of names, got \"a\"", 0 },
		{ "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"title\":\"t\",\"description\":\"d\",\"$id\":\"i\","
			"\"$comment\":\"c\",\"default\":{},\"examples\":[1],\"deprecated\":false,\"readOnly\":true,\"x-own\":1}",
			"{}", "-|-1", 0 },
	};
	struct fl_codec_options options = make_options("{}", 0);
	struct fl_decoder *decoder = NULL;

	(void)state;
	check_all(cases, FL_ARRAY_COUNT(cases));
	options.json_ignore_parse_errors = true;
	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_E_BAD_OPTION);
}

static void
patterns_match_as_ecma_262_has_them(void **state)
{
	static const struct { const char *pattern, *yes, *no; } cases[] = {
		{ "b", "abc", "acd" }, { "^b", "bc", "ab" }, { "b$", "ab", "bc" }, { "^$", "", "a" },
		{ "^a|b$", "ax", "xa" }, { "^(?:ab|cd)+$", "abcdab", "abc" }, { "^a{2,3}$", "aaa", "aaaa" },
		{ "^a{2}$", "aa", "a" }, { "^a{2,}$", "aaaaa", "a" }, { "^a{0}b$", "b", "ab" },
		{ "^(a*)*$", "aaa", "ab" }, { "^(a|)+b$", "aab", "a" }, { "^.$", "\xc3\xa9", "ab" },
		{ "^.$", "\xf0\x9f\x92\xa9", "\\n" }, { "^[^a]$", "b", "a" }, { "^[^]$", "\\n", "" },
		{ "^[a-c\\\\d_-]+$", "ab9_-", "abx" }, { "^\\\\d$", "7", "\xd9\xa3" }, { "^\\\\w+$", "aZ_9", "\xc3\xa9" },
		{ "^\\\\s$", "\xc2\xa0", "x" }, { "^\\\\S$", "x", " " }, { "^\\\\u00e9$", "\xc3\xa9", "e" },
		{ "^\\\\ud83d\\\\udca9$", "\xf0\x9f\x92\xa9", "x" }, { "^\\\\u{1F4A9}$", "\xf0\x9f\x92\xa9", "x" },
		{ "^[\\\\u00e0-\\\\u4e00]$", "\xe2\x82\xac", "a" }, { "^[\xf0\x9f\x8c\xb2-\xf0\x9f\x8c\xbf]$", "\xf0\x9f\x8c\xb5", "x" },
		{ "^\\\\x41\\\\.\\\\/$", "A./", "Axx" }, { "^\\\\D\\\\W$", "x!", "1a" }, { "a.*?b", "xaxb", "ba" },
		{ "^(?<year>[0-9]{4})-[0-9]{2}$", "2024-01", "24-01" }, { "^[0-9a-f]{8}$", "0123abcd", "0123abcg" },
		{ "x*", "", NULL }, { "[]", NULL, "a" }, { "a^b", NULL, "ab" }, { "(a|b)*abb", "aabb", "aab" },
		{ "^a$", "a", "a\\n" },
	};
	static const char *const refused[] = { "(", ")", "a**", "[a", "[b-a]", "\\\\", "(a)\\\\1", "\\\\bx", "\\\\p{L}",
		"a{3,2}", "{", "*", "^*", "\\\\q", "(?i)a", "a{1001}", "(a|b)*a(a|b){16}", "((a{100}){100}){100}",
		"\\\\ud800", "\\\\u{110000}", "(?<=a)b" };
	char schema[200], text[100];

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++)
		for (int want = 0; want < 2; want++) {
			const char *s = want ? cases[i].yes : cases[i].no;

			if (s == NULL)
				continue;
			(void)snprintf(schema, sizeof(schema), P("{\"pattern\":\"%s\"}"), cases[i].pattern);
			(void)snprintf(text, sizeof(text), "{\"a\":\"%s\"}", s);
			if ((strncmp(judge(schema, 0, text), "INVALID", 7) != 0) != want ||
			    strncmp(result, "BAD", 3) == 0)
				fail_msg("%s and %s: got %s", cases[i].pattern, s, result);
		}
	for (size_t i = 0; i < FL_ARRAY_COUNT(refused); i++) {
		(void)snprintf(schema, sizeof(schema), P("{\"pattern\":\"%s\"}"), refused[i]);
		if (strncmp(judge(schema, 0, "{}"), "BAD_SCHEMA /properties/a/pattern: ", 34) != 0)
			fail_msg("%s: got %s", refused[i], result);
	}
}

/* They are read and checked in one go where the column is an ARRAY. */
static void
elements_of_arrays_obey_their_rules(void **state)
{
#define N(rules) "{\"properties\":{\"n\":" rules "}}"
	static const struct judged cases[] = {
		{ N("{\"minItems\":2}"), "{\"a\":\"x\",\"n\":[1]}", "INVALID /n: minItems 2, got 1", 0 },
		{ N("{\"minItems\":1}"), "{\"a\":\"x\",\"n\":[1]}", "x|-1|1", 0 },
		{ N("{\"maxItems\":1}"), "{\"a\":\"x\",\"n\":[1,2]}", "INVALID /n: maxItems 1, got 2", 0 },
		{ N("{\"maxItems\":0}"), "{\"n\":[],\"a\":\"x\"}", "x|-1|0", 0 },
		{ N("{\"type\":\"array\"}"), "{\"n\":[1,2,3],\"b\":4}", "-|4|3", 0 },
		{ N("{\"type\":\"object\"}"), "{\"n\":[1,2,3],\"b\":4}", "INVALID /n: type object, got [1,2,3]", 0 },
		{ N("{\"prefixItems\":[{\"minimum\":1},{\"minimum\":2}]}"), "{\"n\":[1,1]}", "INVALID /n/1: minimum 2, got 1", 0 },
		{ N("{\"prefixItems\":[{\"minimum\":1},{\"minimum\":2}]}"), "{\"n\":[1,2,-3]}", "-|-1|3", 0 },
		{ N("{\"prefixItems\":[{\"minimum\":1}],\"items\":false}"), "{\"n\":[1,2]}", "INVALID /n/1: items false, got 2", 0 },
		{ N("{\"items\":{\"type\":\"integer\"}}"), "{\"n\":[1,null]}", "INVALID /n/1: type integer, got null", 0 },
		{ N("{\"items\":{\"type\":[\"integer\",\"null\"]}}"), "{\"n\":[1,null]}", "-|-1|2", 0 },
		{ N("{\"items\":{\"type\":\"array\",\"maxItems\":1}}"), "{\"n\":[[1],[2,3]]}", "INVALID /n/1: maxItems 1, got 2", 0 },
		{ N("{\"items\":{\"maxItems\":1}}"), "{\"n\":[1,[2]]}",
			"BAD_TYPE field \"n\" at byte 8: an array [2] cannot be converted to ARRAY<BIGINT>", 0 },
		{ N("{\"const\":[1,2]}"), "{\"n\":[1,2.0]}", "-|-1|2", 0 },
		{ N("{\"const\":[1,2]}"), "{\"n\":[2,1]}", "INVALID /n: const [1,2], got [2,1]", 0 },
		/* Of equal names the last counts, whatever was read before. */
		{ N("{\"maxItems\":2}"), "{\"n\":[1,2,3],\"n\":[4]}", "-|-1|1", 0 },
		{ N("{\"items\":{\"minimum\":0}}"), "{\"n\":[1],\"n\":[4,-5]}", "INVALID /n/1: minimum 0, got -5", 0 },
		{ N("{\"items\":{\"minimum\":0}}"), "{\"n\":[-1", "BAD_JSON byte 8: the text ends too early", 0 },
	};

	(void)state;
	check_all(cases, FL_ARRAY_COUNT(cases));
}

static void
nesting_is_checked_to_64_levels_and_no_further(void **state)
{
	struct fl_buf text;

	(void)state;
	fl_buf_init(&text);
	for (int levels = 64; levels <= 65; levels++) {
		fl_buf_reset(&text);
		fl_buf_str(&text, "{\"a\":");
		for (int i = 1; i < levels; i++)
			fl_buf_byte(&text, '[');
		for (int i = 1; i < levels; i++)
			fl_buf_byte(&text, ']');
		fl_buf_byte(&text, '}');
		(void)judge(P("{\"items\":{\"items\":{\"type\":\"array\"}}}"), 0, text.data);
		assert_int_equal(strncmp(result, "TOO_DEEP", 8) == 0, levels == 65);
	}
	fl_buf_fini(&text);
}

static void
every_truncation_and_change_gets_a_verdict(void **state)
{
	static const char text[] = "{\"a\":{\"x\":[1,2.5,\"\\u00e9\"],\"y\":null},\"b\":12,\"c\":[{\"d\":true}]}";
	static const char schema[] = "{\"properties\":{\"a\":{\"properties\":{\"x\":{\"prefixItems\":[{\"const\":1}],"
	    "\"items\":{\"type\":[\"number\",\"string\"],\"maxLength\":1}}},\"required\":[\"x\"]},"
	    "\"c\":{\"items\":{\"required\":[\"d\"],\"maxProperties\":1}}},\"minProperties\":1}";
	static const char bytes[] = "\"\\{}[],:0a-";
	struct fl_codec_options options = make_options(schema, 0);
	struct fl_decoder *decoder = NULL;
	char copy[sizeof(text)], before[sizeof(result)];

	(void)state;
	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_OK);
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		(void)judge_by(decoder, text, i);
		assert_true(strncmp(result, "BAD_JSON", 8) == 0 || strncmp(result, "EMPTY", 5) == 0);
		for (size_t k = 0; k < sizeof(bytes) - 1; k++) {
			memcpy(copy, text, sizeof(text));
			copy[i] = bytes[k];
			memcpy(before, judge(schema, 0, copy), sizeof(result));
			/* What came before does not change a record. */
			assert_string_equal(before, judge_by(decoder, copy, sizeof(text) - 1));
		}
	}
	fl_decoder_free(&decoder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(message_names_path_rule_and_value),
		TEST(numbers_are_compared_as_they_are_written),
		TEST(strict_typing_goes_by_how_a_number_is_written),
		TEST(last_of_equal_names_counts),
		TEST(broken_text_beats_a_broken_rule_and_that_a_column),
		TEST(schema_is_refused_where_it_is_wrong),
		TEST(patterns_match_as_ecma_262_has_them),
		TEST(elements_of_arrays_obey_their_rules),
		TEST(nesting_is_checked_to_64_levels_and_no_further),
		TEST(every_truncation_and_change_gets_a_verdict),
	};

	return cmocka_run_group_tests_name("codec/schema", tests, NULL, NULL);
}
