/* SPDX-License-Identifier: Apache-2.0 */
/*
 * raw.c - one column whose bytes are the message, as Flink's raw format.
 *
 *	STRING, CHAR	UTF-8
 *	BYTES, BINARY	as they are
 *	BOOLEAN		1 byte: 0 is false, what is written is 0 or 1
 *	TINYINT to BIGINT, FLOAT, DOUBLE	1, 2, 4 or 8 bytes, big-endian unless asked otherwise
 *	NULL		no message: a null key, a null value
 */
#include <stdlib.h>

#include "base/util.h"
#include "codec_impl.h"

struct raw_decoder {
	struct fl_decoder head;
	bool is_reversed; /* against the machine, which is little-endian */
};

struct raw_encoder {
	struct fl_encoder head;
	bool is_reversed;
};

static bool
is_number(const struct fl_type *type)
{
	return fl_type_is_integer((enum fl_type_id)type->id) || type->id == FL_TYPE_FLOAT ||
	    type->id == FL_TYPE_DOUBLE || type->id == FL_TYPE_BOOLEAN;
}

static void
copy_number(uint8_t to[8], const uint8_t *from, uint32_t width, bool is_reversed)
{
	for (uint32_t i = 0; i < width; i++)
		to[i] = from[is_reversed ? width - 1 - i : i];
}

/* ---- bytes to a row ---- */

static enum fl_code
take_value(const struct raw_decoder *d, const uint8_t *value, size_t size, struct fl_builder *builder,
    struct fl_err *err)
{
	const struct fl_field *column = &d->head.schema->fields[0];
	uint32_t width = fl_type_width((enum fl_type_id)column->type.id);
	uint8_t number[8];
	char type[64];

	if (value == NULL && !column->type.nullable)
		return FL_FAIL(err, FL_E_BAD_NULL, "field \"%s\": the column is NOT NULL and its value null",
		    column->name);
	if (value == NULL) {
		fl_builder_set_null(builder, 0);
		return FL_OK;
	}
	if (!is_number(&column->type)) {
		if (fl_type_is_string((enum fl_type_id)column->type.id) && fl_utf8_valid(value, size) != size)
			return FL_FAIL(err, FL_E_BAD_UTF8, "field \"%s\" is not UTF-8", column->name);
		fl_builder_set_str(builder, 0, value, size);
		return FL_OK;
	}
	if (size != width)
		return FL_FAIL(err, FL_E_BAD_LENGTH, "field \"%s\": %zu byte%s, a raw %s has %u", column->name, size,
		    size == 1 ? "" : "s", fl_type_print(&column->type, type, sizeof(type)), width);
	copy_number(number, value, width, d->is_reversed);
	if (column->type.id == FL_TYPE_BOOLEAN)
		number[0] = number[0] != 0;
	fl_builder_set_raw(builder, 0, number);
	return FL_OK;
}

static enum fl_verdict
decode_raw(struct fl_decoder *decoder, const uint8_t *value, size_t size, struct fl_builder *builder,
    struct fl_err *err)
{
	return take_value((const struct raw_decoder *)decoder, value, size, builder, err) == FL_OK ?
	    FL_VERDICT_ROW : FL_VERDICT_DEAD;
}

static void
free_decoder(struct fl_decoder *decoder)
{
	free(decoder);
}

/* ---- a row to bytes ---- */

static enum fl_code
encode_raw(struct fl_encoder *encoder, const struct fl_batch *batch, uint32_t row, struct fl_buf *out,
    struct fl_err *err)
{
	const struct raw_encoder *e = (const struct raw_encoder *)encoder;
	const struct fl_field *column = &encoder->schema->fields[0];
	const struct fl_col *col = &batch->cols[0];
	uint32_t width = fl_type_width((enum fl_type_id)column->type.id), size;
	uint8_t number[8];
	const char *s;

	if (!fl_col_is_valid(col, row)) /* a NULL that may be one is no message: fl_encoder_is_null() */
		return FL_FAIL(err, FL_E_SINK_REFUSED, "column \"%s\" is NULL, but it is NOT NULL", column->name);
	if (!is_number(&column->type)) {
		s = fl_col_str(col, row, &size);
		fl_buf_add(out, s, size);
		return FL_OK;
	}
	copy_number(number, (const uint8_t *)col->data + (size_t)row * width, width, e->is_reversed);
	fl_buf_add(out, number, width);
	return FL_OK;
}

static void
free_encoder(struct fl_encoder *encoder)
{
	free(encoder);
}

/* ---- making one ---- */

static enum fl_code
check_raw(const struct fl_codec_options *options, struct fl_err *err)
{
	const struct fl_schema *schema = options->schema;
	const struct fl_field *column = &schema->fields[0];
	char type[64];

	if (schema->count != 1)
		return FL_FAIL(err, FL_E_BAD_SCHEMA,
		    "The 'raw' format only supports single physical column, and there are %u", schema->count);
	if (column->in != NULL || (!is_number(&column->type) && !fl_type_is_string((enum fl_type_id)column->type.id) &&
	    !fl_type_is_bytes((enum fl_type_id)column->type.id)))
		return FL_FAIL(err, FL_E_BAD_SCHEMA, "The 'raw' format doesn't supports '%s' as column type (column "
		    "\"%s\")", column->in != NULL ? "ROW" : fl_type_print(&column->type, type, sizeof(type)),
		    column->name);
	return FL_OK;
}

enum fl_code
fl_raw_decoder_new(
    const struct fl_codec_options *options, struct fl_decoder **decoder, struct fl_err *err)
{
	struct raw_decoder *d;

	FL_TRY(check_raw(options, err));
	d = fl_calloc(1, sizeof(*d));
	d->head = (struct fl_decoder){
		.decode = decode_raw, .free = free_decoder, .schema = options->schema, .takes_null = true };
	d->is_reversed = !options->raw_little_endian;
	*decoder = &d->head;
	return FL_OK;
}

enum fl_code
fl_raw_encoder_new(
    const struct fl_codec_options *options, struct fl_encoder **encoder, struct fl_err *err)
{
	struct raw_encoder *e;

	FL_TRY(check_raw(options, err));
	e = fl_calloc(1, sizeof(*e));
	e->head = (struct fl_encoder){
		.encode = encode_raw, .free = free_encoder, .schema = options->schema, .is_null_of_null = true };
	e->is_reversed = !options->raw_little_endian;
	*encoder = &e->head;
	return FL_OK;
}
