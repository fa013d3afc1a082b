/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_avro.c - any bytes as a schema, and any bytes as a record of it.
 *
 * Input: schema text, a NUL, record bytes.  The schema is picked and must pick
 * to itself again; its columns are declared (all, then the even ones, then as
 * strings or longs whatever fits); a row that decodes into all columns is
 * encoded and must decode to the same bytes again.
 */
#include "codec/codec.h"
#include "fuzz.h"

/* Encodes row 0; out stays empty when the schema has no way to write it. */
static void
encode_row(const struct fl_codec_options *options, const struct fl_builder *builder,
    struct fl_arena *arena, struct fl_buf *out)
{
	struct fl_encoder *encoder = NULL;
	struct fl_batch batch;
	struct fl_err err;

	if (fl_encoder_new(options, &encoder, &err) != FL_OK)
		return;
	fl_builder_view(builder, &batch, arena);
	(void)fl_encode(encoder, &batch, 0, out, &err);
	fl_encoder_free(&encoder);
}

static void
try_columns(const char *schema, const struct fl_schema *columns, const uint8_t *record,
    size_t size, struct fl_arena *arena)
{
	struct fl_codec_options options = { .format = FL_FORMAT_AVRO, .schema = columns,
		.avro_schema = schema };
	struct fl_decoder *decoder = NULL;
	struct fl_builder builder;
	struct fl_buf one, two;
	struct fl_err err = { .code = FL_OK };

	if (fl_decoder_new(&options, &decoder, &err) != FL_OK)
		return;
	fl_builder_init(&builder, columns);
	fl_buf_init(&one);
	fl_buf_init(&two);
	CHECK(fl_builder_begin(&builder));
	if (fl_decode(decoder, record, size, &builder, &err) == FL_VERDICT_ROW) {
		fl_builder_commit(&builder);
		encode_row(&options, &builder, arena, &one);
		if (one.size > 0) {
			fl_builder_reset(&builder);
			CHECK(fl_builder_begin(&builder));
			CHECK(fl_decode(decoder, one.data, one.size, &builder, &err) == FL_VERDICT_ROW);
			fl_builder_commit(&builder);
			encode_row(&options, &builder, arena, &two);
			CHECK(one.size == two.size && memcmp(one.data, two.data, one.size) == 0);
		}
	} else {
		CHECK(err.code != FL_OK && err.text[0] != '\0');
	}
	fl_buf_fini(&one);
	fl_buf_fini(&two);
	fl_builder_fini(&builder);
	fl_decoder_free(&decoder);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = size > 0 ? memchr(data, 0, size) : NULL;
	size_t text_size = nul != NULL ? (size_t)(nul - data) : size;
	const uint8_t *record = nul != NULL ? nul + 1 : data + size;
	size_t record_size = (size_t)(data + size - record);
	struct fl_arena arena;
	struct fl_schema all, even;
	struct fl_err err = { .code = FL_OK };
	const char *schema, *again;

	fl_arena_init(&arena);
	if (fl_avro_pick((const char *)data, text_size, NULL, &arena, &schema, &err) != FL_OK) {
		CHECK(err.code == FL_E_BAD_SCHEMA || err.code == FL_E_NO_SUCH_OBJECT);
		goto out;
	}
	/* Definitions moved to their first use may nest too deep; else it is a fixed point. */
	if (fl_avro_pick(schema, strlen(schema), NULL, &arena, &again, &err) == FL_OK)
		CHECK(strcmp(schema, again) == 0);
	even = (struct fl_schema){ .count = 0 };
	try_columns(schema, &even, record, record_size, &arena);
	if (fl_avro_columns(schema, &arena, &all, &err) != FL_OK)
		goto out;
	try_columns(schema, &all, record, record_size, &arena);
	try_columns(NULL, &all, record, record_size, &arena);
	even.fields = FL_ARENA_ARRAY(&arena, struct fl_field, all.count + 1);
	for (uint32_t i = 0; i < all.count; i += 2)
		even.fields[even.count++] = all.fields[i];
	try_columns(schema, &even, record, record_size, &arena);
out:
	fl_arena_fini(&arena);
	return 0;
}
