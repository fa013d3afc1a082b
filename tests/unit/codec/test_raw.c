/* SPDX-License-Identifier: Apache-2.0 */
/* test_raw.c - one column whose bytes are the message; the bytes are those that Flink's raw format writes. */
#include "../unit.h"

#include "again.h"

static struct fl_field field;
static const struct fl_schema schema = { 1, &field };

static int
setup(void **state)
{
	(void)state;
	return setup_again(
	    &(struct fl_codec_options){ .format = FL_FORMAT_RAW, .schema = &schema });
}

static void
be(enum fl_type_id id, bool nullable)
{
	field = (struct fl_field){ .name = "k", .type = fl_type_make(id, nullable) };
	if (fl_type_width(id) == 0)
		field.type.length = FL_LENGTH_MAX;
}

static void
expect(const void *message, size_t size, const void *bytes, size_t bytes_size)
{
	again(message, size);
	assert_int_equal(out.size, bytes_size);
	assert_memory_equal(out.data, bytes, bytes_size);
}

/* The bytes of a value in a column as a query gives it. */
static void
expect_bytes(enum fl_type_id id, const void *value, const void *bytes, size_t size)
{
	struct fl_encoder *encoder;
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_arena arena;

	be(id, false);
	assert_int_equal(fl_encoder_new(&options, &encoder, &err), FL_OK);
	fl_arena_init(&arena);
	fl_builder_init(&builder, &schema);
	fl_buf_reset(&out);
	assert_true(fl_builder_begin(&builder));
	if (fl_type_width(id) == 0)
		fl_builder_set_str(&builder, 0, value, strlen(value));
	else
		fl_builder_set_raw(&builder, 0, value);
	fl_builder_commit(&builder);
	fl_builder_view(&builder, &batch, &arena);
	assert_false(fl_encoder_is_null(encoder, &batch, 0));
	assert_int_equal(fl_encode(encoder, &batch, 0, &out, &err), FL_OK);
	assert_int_equal(out.size, size);
	assert_memory_equal(out.data, bytes, size);
	fl_builder_fini(&builder);
	fl_arena_fini(&arena);
	fl_encoder_free(&encoder);
	/* And the other way. */
	expect(bytes, size, bytes, size);
}

static void
numbers_are_big_endian_unless_asked_otherwise(void **state)
{
	(void)state;
	expect_bytes(FL_TYPE_BOOLEAN, &(uint8_t){ 1 }, "\x01", 1);
	expect_bytes(FL_TYPE_TINYINT, &(int8_t){ -2 }, "\xfe", 1);
	expect_bytes(FL_TYPE_SMALLINT, &(int16_t){ 0x0102 }, "\x01\x02", 2);
	expect_bytes(FL_TYPE_INT, &(int32_t){ 0x01020304 }, "\x01\x02\x03\x04", 4);
	expect_bytes(FL_TYPE_BIGINT, &(int64_t){ -2 }, "\xff\xff\xff\xff\xff\xff\xff\xfe", 8);
	expect_bytes(FL_TYPE_FLOAT, &(float){ 1.0f }, "\x3f\x80\x00\x00", 4);
	expect_bytes(FL_TYPE_DOUBLE, &(double){ 1.5 }, "\x3f\xf8\x00\x00\x00\x00\x00\x00", 8);
	options.raw_little_endian = true;
	expect_bytes(FL_TYPE_SMALLINT, &(int16_t){ 0x0102 }, "\x02\x01", 2);
	expect_bytes(FL_TYPE_BIGINT, &(int64_t){ 258 }, "\x02\x01\0\0\0\0\0\0", 8);
	expect_bytes(FL_TYPE_FLOAT, &(float){ 1.0f }, "\x00\x00\x80\x3f", 4);
}

static void
texts_and_bytes_are_as_they_are(void **state)
{
	(void)state;
	expect_bytes(FL_TYPE_VARCHAR, "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 6);
	expect_bytes(FL_TYPE_VARCHAR, "", "", 0);
	expect_bytes(FL_TYPE_VARBINARY, "\xff\x01", "\xff\x01", 2);
}

static void
any_byte_but_0_is_true(void **state)
{
	(void)state;
	be(FL_TYPE_BOOLEAN, true);
	expect("\x07", 1, "\x01", 1);
	expect("\x00", 1, "\x00", 1);
}

static void
null_is_no_message_and_no_message_is_null(void **state)
{
	(void)state;
	be(FL_TYPE_BIGINT, true);
	expect(NULL, 0, "null", 4);
	be(FL_TYPE_VARCHAR, true);
	expect(NULL, 0, "null", 4);
	expect("", 0, "", 0); /* a text of no bytes is one */
	be(FL_TYPE_VARCHAR, false);
	expect_dead_of(NULL, 0, FL_E_BAD_NULL, "field \"k\": the column is NOT NULL and its value null");
}

static void
what_is_of_another_length_or_no_text_is_refused(void **state)
{
	(void)state;
	be(FL_TYPE_BIGINT, true);
	expect_dead_of("\x01", 1, FL_E_BAD_LENGTH, "field \"k\": 1 byte, a raw BIGINT has 8");
	expect_dead_of("", 0, FL_E_BAD_LENGTH, "field \"k\": 0 bytes, a raw BIGINT has 8");
	expect_dead_of("123456789", 9, FL_E_BAD_LENGTH, "field \"k\": 9 bytes, a raw BIGINT has 8");
	be(FL_TYPE_VARCHAR, true);
	expect_dead_of("a\xff", 2, FL_E_BAD_UTF8, "field \"k\" is not UTF-8");
}

static void
null_that_must_not_be_is_refused(void **state)
{
	struct fl_encoder *encoder;
	struct fl_batch batch = { &schema, (struct fl_col[]){ { .data = (int64_t[]){ 0 }, .valid = (uint64_t[]){ 0 } } }, 1 };

	(void)state;
	be(FL_TYPE_BIGINT, false);
	assert_int_equal(fl_encoder_new(&options, &encoder, &err), FL_OK);
	assert_false(fl_encoder_is_null(encoder, &batch, 0));
	fl_buf_str(&out, "before");
	assert_int_equal(fl_encode(encoder, &batch, 0, &out, &err), FL_E_SINK_REFUSED);
	assert_string_equal(out.data, "before");
	fl_encoder_free(&encoder);
}

static void
other_types_and_more_columns_are_refused(void **state)
{
	static struct fl_field two[] = { { "a", { .id = FL_TYPE_INT } }, { "b", { .id = FL_TYPE_INT } } };
	static const struct fl_schema more = { 2, two };
	struct fl_decoder *decoder = NULL;
	struct fl_encoder *encoder = NULL;

	(void)state;
	be(FL_TYPE_DATE, true);
	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_E_BAD_SCHEMA);
	assert_int_equal(fl_encoder_new(&options, &encoder, &err), FL_E_BAD_SCHEMA);
	assert_string_equal(err.text, "The 'raw' format doesn't supports 'DATE' as column type (column \"k\")");
	options.schema = &more;
	assert_int_equal(fl_decoder_new(&options, &decoder, &err), FL_E_BAD_SCHEMA);
	assert_string_equal(err.text, "The 'raw' format only supports single physical column, and there are 2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(numbers_are_big_endian_unless_asked_otherwise),
		TEST(texts_and_bytes_are_as_they_are),
		TEST(any_byte_but_0_is_true),
		TEST(null_is_no_message_and_no_message_is_null),
		TEST(what_is_of_another_length_or_no_text_is_refused),
		TEST(null_that_must_not_be_is_refused),
		TEST(other_types_and_more_columns_are_refused),
	};

	return cmocka_run_group_tests_name("codec/raw", tests, NULL, NULL);
}
