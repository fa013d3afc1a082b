/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fault.c - field, rule and value of a dead letter, out of what decoders really say.
 */
#include "../unit.h"

#include "codec/codec.h"

static struct fl_err err;
static struct fl_fault fault;
static char result[3 * FL_FAULT_SIZE + 8];

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

static struct fl_field fields[] = { { "qty", { .id = FL_TYPE_INT, .nullable = true } },
	{ "id", { .id = FL_TYPE_BIGINT } }, { "item", { .id = FL_TYPE_VARCHAR, .length = 3, .nullable = true } } };

static const char *
parse(enum fl_code code, const char *text)
{
	fl_fault_parse(code, text, strlen(text), &fault);
	(void)snprintf(result, sizeof(result), "%s|%s|%s", fault.field, fault.rule, fault.value);
	return result;
}

/* "FIELD|RULE|VALUE" of a record that must be refused. */
static const char *
judge(const char *schema, const char *avro, const char *text, size_t size)
{
	const struct fl_schema columns = { 3, fields };
	struct fl_codec_options options = { .format = avro != NULL ? FL_FORMAT_AVRO : FL_FORMAT_JSON,
		.schema = &columns, .json_schema = schema, .avro_schema = avro };
	struct fl_decoder *decoder = NULL;
	struct fl_builder builder;

	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_OK);
	fl_builder_init(&builder, &columns);
	assert_true(fl_builder_begin(&builder));
	assert_int_equal(fl_decode(decoder, text, size, &builder, &err), FL_VERDICT_DEAD);
	fl_builder_fini(&builder);
	fl_decoder_free(&decoder);
	return parse(err.code, err.text);
}

static const char *
judge_json(const char *schema, const char *text)
{
	return judge(schema, NULL, text, strlen(text));
}

static void
columns_name_field_type_and_value(void **state)
{
	(void)state;
	assert_string_equal(judge_json(NULL, "{\"qty\":\"many things\",\"id\":1}"), "qty|type INT|\"many things\"");
	assert_string_equal(judge_json(NULL, "{\"qty\":[1, 2],\"id\":1}"), "qty|type INT|[1, 2]");
	assert_string_equal(judge_json(NULL, "{\"id\":true}"), "id|type BIGINT NOT NULL|true");
	assert_string_equal(judge_json(NULL, "{\"id\":99999999999999999999}"),
	    "id|type BIGINT NOT NULL|99999999999999999999");
	assert_string_equal(judge_json(NULL, "{\"qty\":1}"), "id|required|");
	assert_string_equal(judge_json(NULL, "{\"id\":null}"), "id|NOT NULL|null");
}

static void
rules_of_a_schema_name_path_rule_and_value(void **state)
{
	static const char schema[] =
	    "{\"required\":[\"id\"],\"properties\":{\"id\":{\"minimum\":0},\"item\":{\"pattern\":\"^a: b, got c$\"},"
	    "\"a/b~\":{\"items\":{\"type\":\"string\"}}},\"maxProperties\":3}";

	(void)state;
	assert_string_equal(judge_json(schema, "{\"id\":-1}"), "id|minimum 0|-1");
	assert_string_equal(judge_json(schema, "{\"qty\":1}"), "id|required|");
	assert_string_equal(judge_json(schema, "{\"id\":1,\"a/b~\":[\"x\",2]}"), "a/b~.1|type string|2");
	assert_string_equal(judge_json(schema, "{\"id\":1,\"item\":\"x, but\"}"),
	    "item|pattern \"^a: b, got c$\"|\"x, but\"");
	assert_string_equal(judge_json(schema, "{\"id\":1,\"a\":1,\"b\":2,\"c\":3}"), "|maxProperties 3|4");
}

static void
what_has_no_field_has_the_code_as_its_rule(void **state)
{
	static const char avro[] = "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"qty\",\"type\":\"int\"},"
	    "{\"name\":\"id\",\"type\":\"long\"},{\"name\":\"item\",\"type\":\"string\"}]}";

	(void)state;
	assert_string_equal(judge_json(NULL, "no: json, got it"), "|BAD_JSON|");
	assert_string_equal(judge_json("{}", ""), "|EMPTY_VALUE|");
	assert_string_equal(judge(NULL, avro, "\2", 1), "id|TRUNCATED|");
	assert_string_equal(parse(FL_E_ROW_TOO_LARGE, "the row needs 2 bytes, a step takes 1"), "|ROW_TOO_LARGE|");
	assert_string_equal(parse(FL_E_BAD_TYPE, ""), "|BAD_TYPE|");
	assert_string_equal(parse(FL_E_BAD_TYPE, "field \"a"), "|BAD_TYPE|");
	assert_string_equal(parse(FL_E_INVALID, "/a"), "|INVALID|");
}

static void
of_a_key_it_is_the_same(void **state)
{
	(void)state;
	assert_string_equal(parse(FL_E_BAD_LENGTH, "the message's key: field \"id\": 1 byte, a raw BIGINT has 8"),
	    "id|BAD_LENGTH|");
	assert_string_equal(parse(FL_E_BAD_TYPE, "the message's key: field \"qty\" at byte 7: a string \"x\" cannot "
	    "be converted to INT"), "qty|type INT|\"x\"");
	assert_string_equal(parse(FL_E_BAD_JSON, "the message's key: "), "|BAD_JSON|");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(columns_name_field_type_and_value),
		TEST(rules_of_a_schema_name_path_rule_and_value),
		TEST(what_has_no_field_has_the_code_as_its_rule),
		TEST(of_a_key_it_is_the_same),
	};

	return cmocka_run_group_tests_name("codec/fault", tests, NULL, NULL);
}
