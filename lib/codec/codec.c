/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.c - the table of formats and what its rows share.
 */
#include "codec/codec.h"

#include <stdio.h>

#include "base/util.h"
#include "codec_impl.h"

struct format_row {
	struct fl_format_info info;
	enum fl_code (*decoder_new)(const struct fl_codec_options *options,
	    struct fl_decoder **decoder, struct fl_err *err);
	enum fl_code (*encoder_new)(const struct fl_codec_options *options,
	    struct fl_encoder **encoder, struct fl_err *err);
};

static const struct format_row format_rows[] = {
#define FL_FORMAT(name, code, text, prefix, letter, lines) \
	{ { FL_FORMAT_##name, text, letter, lines }, fl_##prefix##_decoder_new, fl_##prefix##_encoder_new },
#include "tbl/formats.h"
#undef FL_FORMAT
};

const struct fl_format_info *
fl_format_info(uint32_t i)
{
	return i < FL_ARRAY_COUNT(format_rows) ? &format_rows[i].info : NULL;
}

static const struct format_row *
find_row(uint8_t format)
{
	for (size_t i = 0; i < FL_ARRAY_COUNT(format_rows); i++)
		if ((uint8_t)format_rows[i].info.format == format)
			return &format_rows[i];
	return NULL;
}

const char *
fl_format_name(enum fl_format format)
{
	const struct format_row *row = find_row((uint8_t)format);

	return row != NULL ? row->info.text : "";
}

enum fl_code
fl_decoder_new(
    const struct fl_codec_options *options, struct fl_decoder **decoder, struct fl_err *err)
{
	const struct format_row *row = find_row(options->format);

	if (row == NULL)
		return FL_FAIL(err, FL_E_BAD_OPTION, "there is no format number %u", options->format);
	return row->decoder_new(options, decoder, err);
}

void
fl_decoder_free(struct fl_decoder **decoder)
{
	if (*decoder != NULL)
		(*decoder)->free(*decoder);
	*decoder = NULL;
}

enum fl_verdict
fl_decode(struct fl_decoder *decoder, const void *value, size_t size, struct fl_builder *builder,
    struct fl_err *err)
{
	enum fl_verdict verdict = FL_VERDICT_SKIPPED;

	if (fl_likely(value != NULL) || decoder->takes_null) {
		verdict = decoder->decode(decoder, value, size, builder, err);
	} else if (decoder->refuses_null) {
		(void)FL_FAIL(err, FL_E_EMPTY_VALUE, "the value is null, which no JSON Schema allows");
		verdict = FL_VERDICT_DEAD;
	}
	if (fl_unlikely(verdict != FL_VERDICT_ROW))
		fl_builder_rollback(builder);
	return verdict;
}

uint64_t
fl_decoder_oddities(const struct fl_decoder *decoder)
{
	return decoder->oddity_count;
}

enum fl_code
fl_encoder_new(
    const struct fl_codec_options *options, struct fl_encoder **encoder, struct fl_err *err)
{
	const struct format_row *row = find_row(options->format);

	if (row == NULL)
		return FL_FAIL(err, FL_E_BAD_OPTION, "there is no format number %u", options->format);
	return row->encoder_new(options, encoder, err);
}

void
fl_encoder_free(struct fl_encoder **encoder)
{
	if (*encoder != NULL)
		(*encoder)->free(*encoder);
	*encoder = NULL;
}

enum fl_code
fl_encode(struct fl_encoder *encoder, const struct fl_batch *batch, uint32_t row,
    struct fl_buf *out, struct fl_err *err)
{
	size_t size = out->size;
	enum fl_code code = encoder->encode(encoder, batch, row, out, err);

	/* A refused row leaves nothing behind. */
	if (code != FL_OK && out->data != NULL) {
		out->size = size;
		out->data[size] = '\0';
	}
	return code;
}

bool
fl_encoder_is_null(const struct fl_encoder *encoder, const struct fl_batch *batch, uint32_t row)
{
	return encoder->is_null_of_null && encoder->schema->fields[0].type.nullable &&
	    !fl_col_is_valid(&batch->cols[0], row);
}

/* ---- shared by the formats ---- */

const char *
fl_codec_clip(char buf[80], const void *p, size_t size)
{
	const uint8_t *s = p;
	size_t i = 0, n = 0;

	while (i < size && n < 60) {
		size_t length = fl_utf8_size(s + i, size - i);

		if (length == 0 || s[i] < 0x20 || s[i] == 0x7f) {
			buf[n++] = '?';
			i++;
			continue;
		}
		memcpy(buf + n, s + i, length);
		n += length;
		i += length;
	}
	(void)snprintf(buf + n, 80 - n, "%s", i < size ? "..." : "");
	return buf;
}
