/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_csv.c - any bytes as the records of a CSV file, and as a key or value of format raw.
 *
 * The first byte chooses the characters and options.  The bytes are split whole and in
 * pieces, which must give the same records; a row is encoded, and that text must decode
 * to a row which encodes to the same text.
 *
 * As raw the first byte chooses the column, and which bytes are one of its values is said
 * here once more.  They come out as they went in.
 */
#include "../../ingest/split.h"
#include "base/utf8.h"
#include "base/util.h"
#include "codec/codec.h"
#include "fuzz.h"

static struct fl_field fields[] = {
	{ "a", { .id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX } },
	{ "b", { .id = FL_TYPE_INT, .nullable = true } },
	{ "c", { .id = FL_TYPE_DECIMAL, .nullable = true, .precision = 20, .scale = 5 } },
	{ "d", { .id = FL_TYPE_TIMESTAMP_LTZ, .nullable = true, .precision = 3 } },
	{ "e", { .id = FL_TYPE_VARBINARY, .nullable = true, .length = FL_LENGTH_MAX } },
	{ "f", { .id = FL_TYPE_DATE, .nullable = true } },
	{ "g", { .id = FL_TYPE_DOUBLE, .nullable = true } },
	{ "h", { .id = FL_TYPE_BOOLEAN, .nullable = true } },
};
static const struct fl_schema schema = { FL_ARRAY_COUNT(fields), fields };

/* *is_null: the row is no message, and nothing is encoded. */
static bool
round_trip(const struct fl_codec_options *options, const void *text, size_t size, struct fl_buf *out,
    bool *is_null)
{
	struct fl_decoder *decoder;
	struct fl_encoder *encoder;
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_arena arena;
	struct fl_err err = { .code = FL_OK };
	enum fl_verdict verdict;

	CHECK(fl_decoder_new(options, &decoder, &err) == FL_OK && fl_encoder_new(options, &encoder, &err) == FL_OK);
	fl_arena_init(&arena);
	fl_builder_init(&builder, options->schema);
	CHECK(fl_builder_begin(&builder));
	verdict = fl_decode(decoder, text, size, &builder, &err);
	if (verdict == FL_VERDICT_ROW) {
		fl_builder_commit(&builder);
		fl_builder_view(&builder, &batch, &arena);
		*is_null = fl_encoder_is_null(encoder, &batch, 0);
		CHECK(*is_null || fl_encode(encoder, &batch, 0, out, &err) == FL_OK);
	} else if (verdict == FL_VERDICT_DEAD) {
		CHECK(err.code != FL_OK && err.text[0] != '\0');
	}
	fl_builder_fini(&builder);
	fl_arena_fini(&arena);
	fl_decoder_free(&decoder);
	fl_encoder_free(&encoder);
	return verdict == FL_VERDICT_ROW;
}

/* Records with their sizes, of a text that comes in pieces. */
static void
split(struct split s, const char *text, size_t size, size_t piece, struct fl_buf *out)
{
	size_t at = 0, given = 0, record_size, used;
	const char *record;

	for (;;) {
		bool found = split_next(&s, text + at, given - at, given == size, &record, &record_size, &used);

		at += used;
		CHECK(at <= given);
		if (found) {
			fl_buf_add(out, &record_size, sizeof(record_size));
			fl_buf_add(out, record, record_size);
		} else if (given == size) {
			break;
		} else {
			given = FL_MIN(size, given + piece);
		}
	}
}

/* A message has a key that may be absent, as its value may. */
static void
check_raw(uint8_t flags, const uint8_t *value, size_t size)
{
	static const enum fl_type_id types[] = { FL_TYPE_VARCHAR, FL_TYPE_VARBINARY, FL_TYPE_BOOLEAN,
		FL_TYPE_TINYINT, FL_TYPE_SMALLINT, FL_TYPE_INT, FL_TYPE_BIGINT, FL_TYPE_DOUBLE };
	struct fl_field field = { .name = "k",
		.type = { .id = types[flags & 7], .nullable = flags & 8, .length = FL_LENGTH_MAX } };
	const struct fl_schema one = { 1, &field };
	const struct fl_codec_options options = { .format = FL_FORMAT_RAW, .schema = &one,
		.raw_little_endian = flags & 16 };
	uint32_t width = fl_type_width(types[flags & 7]);
	bool is_value = width > 0 ? size == width :
				    field.type.id != FL_TYPE_VARCHAR || fl_utf8_valid(value, size) == size;
	bool is_null = false;
	struct fl_buf out;

	fl_buf_init(&out);
	if (flags & 32)
		CHECK(round_trip(&options, NULL, 0, &out, &is_null) == (field.type.nullable && is_null));
	CHECK(round_trip(&options, value, size, &out, &is_null) == is_value);
	if (is_value) {
		CHECK(!is_null && out.size == size);
		if (field.type.id == FL_TYPE_BOOLEAN)
			CHECK(out.data[0] == (value[0] != 0));
		else
			CHECK(size == 0 || memcmp(out.data, value, size) == 0);
	}
	fl_buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fl_codec_options options = { .format = FL_FORMAT_CSV, .schema = &schema,
		.csv = { .delimiter = ',', .quote = '"', .null_literal = "\\N" } };
	struct fl_buf whole, pieces, once, twice;
	struct split s = { .kind = SPLIT_CSV };
	const char *text = (const char *)data + 1;
	bool is_null;

	if (size == 0)
		return 0;
	size--;
	options.csv.delimiter = data[0] & 1 ? ';' : data[0] & 32 ? ' ' : ',';
	options.csv.quote = data[0] & 2 ? '\0' : '"';
	options.csv.escape = data[0] & 4 ? '\\' : '\0';
	options.csv.allow_comments = data[0] & 8;
	options.csv.ignore_parse_errors = data[0] & 16;
	if (data[0] & 4)
		options.csv.null_literal = "-";
	s.delimiter = options.csv.delimiter;
	s.quote = options.csv.quote;
	s.escape = options.csv.escape;
	s.has_comments = options.csv.allow_comments;
	if (data[0] & 64)
		s.kind = SPLIT_JSON;
	check_raw(data[0], data + 1, size);
	fl_buf_init(&whole);
	fl_buf_init(&pieces);
	fl_buf_init(&once);
	fl_buf_init(&twice);
	split(s, text, size, size, &whole);
	split(s, text, size, 1 + data[0] % 7, &pieces);
	CHECK(whole.size == pieces.size && (whole.size == 0 || memcmp(whole.data, pieces.data, whole.size) == 0));
	/* Without quotes a text may hold what separates; a text that is written bare may look
	 * like a comment, an escape or the mark of UTF-8 that a record may begin with. */
	if (round_trip(&options, text, size, &once, &is_null) && options.csv.quote != '\0' && !options.csv.allow_comments &&
	    !(once.size >= 3 && memcmp(once.data, "\xef\xbb\xbf", 3) == 0)) {
		CHECK(round_trip(&options, once.data, once.size, &twice, &is_null));
		CHECK(once.size == twice.size && memcmp(once.data, twice.data, once.size) == 0);
	}
	fl_buf_fini(&whole);
	fl_buf_fini(&pieces);
	fl_buf_fini(&once);
	fl_buf_fini(&twice);
	return 0;
}
