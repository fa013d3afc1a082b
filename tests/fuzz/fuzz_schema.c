/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_schema.c - any bytes as a JSON Schema and a record for it.
 *
 * The first byte chooses the options; a NUL parts the schema from the record.  A record
 * that is taken is taken without the schema too, as the same row; one that is refused
 * says why.
 */
#include "base/util.h"
#include "codec/codec.h"
#include "expr/expr.h"
#include "fuzz.h"

static struct fl_field fields[] = {
	{ "a", { .id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX } },
	{ "b", { .id = FL_TYPE_BIGINT, .nullable = true } },
	{ "c", { .id = FL_TYPE_DOUBLE, .nullable = true } },
	{ "d", { .id = FL_TYPE_ARRAY, .element = FL_TYPE_INT, .nullable = true } },
};
static const struct fl_schema columns = { FL_ARRAY_COUNT(fields), fields };

/* The row as JSON into out. */
static enum fl_verdict
decode(struct fl_decoder *decoder, const uint8_t *text, size_t size, struct fl_buf *out, struct fl_err *err)
{
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_arena arena;
	enum fl_verdict verdict = FL_VERDICT_DEAD;

	fl_arena_init(&arena);
	fl_builder_init(&builder, &columns);
	/* Once more: names are expected then, and buffers have room. */
	for (uint32_t i = 0; i < 2; i++) {
		CHECK(fl_builder_begin(&builder));
		verdict = fl_decode(decoder, text, size, &builder, err);
		if (verdict == FL_VERDICT_ROW) {
			fl_builder_commit(&builder);
			fl_builder_view(&builder, &batch, &arena);
			fl_row_print_json(&batch, i, out);
		}
	}
	CHECK(verdict != FL_VERDICT_ROW || builder.row_count == 2);
	fl_builder_fini(&builder);
	fl_arena_fini(&arena);
	return verdict;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_err err = { .code = FL_OK };
	struct fl_decoder *checked = NULL, *plain = NULL;
	struct fl_codec_options options = { .format = FL_FORMAT_JSON, .schema = &columns };
	const uint8_t *record;
	struct fl_buf one, two;
	enum fl_verdict verdict;
	char *schema;

	if (size == 0 || (record = memchr(data + 1, '\0', size - 1)) == NULL)
		return 0;
	options.json_strict = data[0] & 1;
	CHECK(fl_decoder_new(&options, &plain, &err) == FL_OK);
	schema = fl_malloc((size_t)(record - data));
	memcpy(schema, data + 1, (size_t)(record - data));
	options.json_schema = schema;
	options.json_schema_strict = data[0] & 2;
	record++;
	fl_buf_init(&one);
	fl_buf_init(&two);
	if (fl_decoder_new(&options, &checked, &err) != FL_OK) {
		CHECK(err.code == FL_E_BAD_SCHEMA && err.text[0] != '\0');
	} else {
		verdict = decode(checked, record, (size_t)(data + size - record), &one, &err);
		CHECK(verdict != FL_VERDICT_SKIPPED);
		if (verdict == FL_VERDICT_DEAD)
			CHECK(err.code != FL_OK && err.text[0] != '\0');
		else
			CHECK(decode(plain, record, (size_t)(data + size - record), &two, &err) == FL_VERDICT_ROW &&
			    one.size == two.size && memcmp(one.data, two.data, one.size) == 0 &&
			    fl_decoder_oddities(plain) == fl_decoder_oddities(checked));
	}
	fl_buf_fini(&one);
	fl_buf_fini(&two);
	free(schema);
	fl_decoder_free(&checked);
	fl_decoder_free(&plain);
	return 0;
}
