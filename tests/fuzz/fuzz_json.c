/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_json.c - any bytes as a json record for one column of each type.
 *
 * The first byte chooses the options.  A row is encoded; that text must decode
 * to a row which encodes to the same text.  The same for a table with ROWs, by
 * the text that people see of it.
 */
#include "base/util.h"
#include "codec/codec.h"
#include "expr/expr.h"
#include "fuzz.h"

static struct fl_field fields[] = {
	{ "a", { .id = FL_TYPE_BOOLEAN, .nullable = true } },
	{ "b", { .id = FL_TYPE_TINYINT, .nullable = true } },
	{ "c", { .id = FL_TYPE_SMALLINT, .nullable = true } },
	{ "d", { .id = FL_TYPE_INT, .nullable = true } },
	{ "e", { .id = FL_TYPE_BIGINT, .nullable = true } },
	{ "f", { .id = FL_TYPE_FLOAT, .nullable = true } },
	{ "g", { .id = FL_TYPE_DOUBLE, .nullable = true } },
	{ "h", { .id = FL_TYPE_DECIMAL, .nullable = true, .precision = 20, .scale = 5 } },
	{ "i", { .id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX } },
	{ "j", { .id = FL_TYPE_VARBINARY, .nullable = true, .length = FL_LENGTH_MAX } },
	{ "k", { .id = FL_TYPE_DATE, .nullable = true } },
	{ "l", { .id = FL_TYPE_TIMESTAMP, .nullable = true, .precision = 3 } },
	{ "m", { .id = FL_TYPE_TIMESTAMP_LTZ, .nullable = true, .precision = 3 } },
	{ "two words \xc3\xbc", { .id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX } },
};
static const struct fl_schema schema = { FL_ARRAY_COUNT(fields), fields };

static bool
round_trip(struct fl_decoder *decoder, struct fl_encoder *encoder, const void *text, size_t size,
    struct fl_buf *out)
{
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_arena arena;
	struct fl_err err = { .code = FL_OK };
	enum fl_verdict verdict;

	fl_arena_init(&arena);
	fl_builder_init(&builder, &schema);
	CHECK(fl_builder_begin(&builder));
	verdict = fl_decode(decoder, text, size, &builder, &err);
	if (verdict == FL_VERDICT_ROW) {
		struct fl_buf again;

		fl_builder_commit(&builder);
		/* Once more: names are expected then, and buffers have room. */
		CHECK(fl_builder_begin(&builder));
		CHECK(fl_decode(decoder, text, size, &builder, &err) == FL_VERDICT_ROW);
		fl_builder_commit(&builder);
		fl_builder_view(&builder, &batch, &arena);
		CHECK(fl_encode(encoder, &batch, 0, out, &err) == FL_OK);
		fl_buf_init(&again);
		CHECK(fl_encode(encoder, &batch, 1, &again, &err) == FL_OK);
		CHECK(again.size == out->size && memcmp(again.data, out->data, again.size) == 0);
		fl_buf_fini(&again);
	} else if (verdict == FL_VERDICT_DEAD) {
		CHECK(err.code != FL_OK && err.text[0] != '\0');
	}
	fl_builder_fini(&builder);
	fl_arena_fini(&arena);
	return verdict == FL_VERDICT_ROW;
}

static struct fl_row_type rows[] = {
	{ .name = "r", .nullable = true },
	{ .name = "r.r", .in = &rows[0], .nullable = true },
	{ .name = "q" },
};
static struct fl_field nested_fields[] = {
	{ "r.a", { .id = FL_TYPE_INT, .nullable = true }, &rows[0] },
	{ "r.r.a", { .id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX }, &rows[1] },
	{ "r.b", { .id = FL_TYPE_BOOLEAN, .nullable = true }, &rows[0] },
	{ "q.i", { .id = FL_TYPE_VARCHAR, .length = FL_LENGTH_MAX }, &rows[2] },
	{ "d", { .id = FL_TYPE_BIGINT, .nullable = true }, NULL },
	{ "e", { .id = FL_TYPE_ARRAY, .nullable = true, .element = FL_TYPE_INT }, NULL },
	{ "f", { .id = FL_TYPE_ARRAY, .nullable = true, .element = FL_TYPE_VARCHAR,
		   .length = FL_LENGTH_MAX }, NULL },
};
static const struct fl_schema nested = { FL_ARRAY_COUNT(nested_fields), nested_fields };

static bool
print_nested(struct fl_decoder *decoder, const void *text, size_t size, struct fl_buf *out)
{
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_arena arena;
	struct fl_err err = { .code = FL_OK };
	enum fl_verdict verdict;

	fl_arena_init(&arena);
	fl_builder_init(&builder, &nested);
	CHECK(fl_builder_begin(&builder));
	verdict = fl_decode(decoder, text, size, &builder, &err);
	if (verdict == FL_VERDICT_ROW) {
		fl_builder_commit(&builder);
		fl_builder_view(&builder, &batch, &arena);
		fl_row_print_json(&batch, 0, out);
	}
	fl_builder_fini(&builder);
	fl_arena_fini(&arena);
	return verdict == FL_VERDICT_ROW;
}

static void
check_nested(struct fl_codec_options options, const uint8_t *data, size_t size)
{
	struct fl_decoder *decoder = NULL;
	struct fl_buf one, two;
	struct fl_err err;

	options.schema = &nested;
	CHECK(fl_decoder_new(&options, &decoder, &err) == FL_OK);
	fl_buf_init(&one);
	fl_buf_init(&two);
	if (print_nested(decoder, data, size, &one)) {
		CHECK(print_nested(decoder, one.data, one.size, &two));
		CHECK(one.size == two.size && memcmp(one.data, two.data, one.size) == 0);
	}
	fl_buf_fini(&one);
	fl_buf_fini(&two);
	fl_decoder_free(&decoder);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t flags = size > 0 ? data[0] : 0;
	struct fl_codec_options options = { .format = FL_FORMAT_JSON, .schema = &schema,
		.json_ignore_parse_errors = flags & 1, .json_strict = flags & 2,
		.json_iso8601 = flags & 4, .json_decimal_plain = flags & 8,
		.json_ignore_null_fields = flags & 16 };
	struct fl_decoder *decoder = NULL;
	struct fl_encoder *encoder = NULL;
	struct fl_buf one, two;
	struct fl_err err;

	if (size == 0)
		return 0;
	CHECK(fl_decoder_new(&options, &decoder, &err) == FL_OK);
	CHECK(fl_encoder_new(&options, &encoder, &err) == FL_OK);
	check_nested(options, data + 1, size - 1);
	fl_buf_init(&one);
	fl_buf_init(&two);
	if (round_trip(decoder, encoder, data + 1, size - 1, &one)) {
		bool has_infinity = memmem(one.data, one.size, "Infinity", 8) != NULL ||
		    memmem(one.data, one.size, "NaN", 3) != NULL;

		/* Strict reading refuses what only it would write as text. */
		if (!has_infinity || !options.json_strict) {
			CHECK(round_trip(decoder, encoder, one.data, one.size, &two));
			CHECK(one.size == two.size && memcmp(one.data, two.data, one.size) == 0);
		}
	}
	fl_buf_fini(&one);
	fl_buf_fini(&two);
	fl_encoder_free(&encoder);
	fl_decoder_free(&decoder);
	return 0;
}
