/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv_encode.c - a row as separated fields, quoted where Jackson's writer quotes.
 *
 * A text is quoted that has more than 24 characters (UTF-16 units), the escape character,
 * or one that is not above both delimiter and quote in the code: with ',' and '"' these
 * are blanks, controls and most marks.  Dates, times and bytes are texts; numbers are not.
 */
#include <math.h>
#include <stdlib.h>

#include "base/util.h"
#include "codec_impl.h"
#include "expr/expr.h"

#define QUOTE_FROM 25u

struct csv_encoder {
	struct fl_encoder head;
	struct fl_csv_options csv;
	uint8_t safe;	     /* least character that needs no quotes */
	struct fl_buf value; /* a text before it is quoted */
};

static bool
needs_quotes(const struct fl_csv_options *csv, uint8_t safe, const uint8_t *p, size_t size)
{
	size_t units = 0;

	if (csv->quote == '\0')
		return false;
	for (size_t i = 0; i < size; i++) {
		if (p[i] < safe || (csv->escape != '\0' && p[i] == (uint8_t)csv->escape))
			return true;
		units += (p[i] & 0xc0) != 0x80;
		units += p[i] >= 0xf0;
	}
	return units >= QUOTE_FROM;
}

static uint8_t
least_safe(const struct fl_csv_options *csv)
{
	uint8_t most = FL_MAX((uint8_t)csv->delimiter, (uint8_t)csv->quote);

	return (uint8_t)(FL_MAX(most, (uint8_t)'\n') + 1);
}

static void
put_text(const struct fl_csv_options *csv, uint8_t safe, struct fl_buf *out, const void *text, size_t size)
{
	const uint8_t *p = text;

	if (size == 0)
		return;
	if (!needs_quotes(csv, safe, p, size)) {
		fl_buf_add(out, p, size);
		return;
	}
	fl_buf_byte(out, csv->quote);
	for (size_t i = 0; i < size; i++) {
		if (p[i] == (uint8_t)csv->quote || (csv->escape != '\0' && p[i] == (uint8_t)csv->escape))
			fl_buf_byte(out, (char)p[i]);
		fl_buf_byte(out, (char)p[i]);
	}
	fl_buf_byte(out, csv->quote);
}

static void
put_double(struct fl_buf *out, double v)
{
	if (isfinite(v))
		fl_print_double(out, v);
	else
		fl_buf_str(out, isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity");
}

static void
put_value(struct csv_encoder *e, const struct fl_col *col, uint32_t i, struct fl_buf *out)
{
	struct fl_buf *value = &e->value;
	const char *s;
	uint32_t size;
	fl_i128 decimal;

	fl_buf_reset(value);
	switch (col->type.id) {
	case FL_TYPE_BOOLEAN:
		fl_buf_str(out, FL_COL_AT(col, uint8_t, i) ? "true" : "false");
		return;
	case FL_TYPE_TINYINT:
	case FL_TYPE_SMALLINT:
	case FL_TYPE_INT:
	case FL_TYPE_BIGINT:
		fl_buf_i64(out, fl_load_i64(col, i));
		return;
	case FL_TYPE_FLOAT:
		if (isfinite(FL_COL_AT(col, float, i)))
			fl_print_float(out, FL_COL_AT(col, float, i));
		else
			put_double(out, FL_COL_AT(col, float, i));
		return;
	case FL_TYPE_DOUBLE:
		put_double(out, FL_COL_AT(col, double, i));
		return;
	case FL_TYPE_DECIMAL:
		memcpy(&decimal, (const fl_i128 *)col->data + i, sizeof(decimal));
		if (e->csv.plain_decimals)
			fl_print_decimal(out, decimal, col->type.scale);
		else
			fl_codec_put_decimal(out, decimal, col->type.scale);
		return;
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
		s = fl_col_str(col, i, &size);
		put_text(&e->csv, e->safe, out, s, size);
		return;
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		s = fl_col_str(col, i, &size);
		fl_buf_base64(value, s, size);
		break;
	case FL_TYPE_DATE:
		fl_print_date(value, FL_COL_AT(col, int32_t, i));
		break;
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
		fl_print_timestamp(value, FL_COL_AT(col, int64_t, i), ' ', 0);
		if (col->type.id == FL_TYPE_TIMESTAMP_LTZ)
			fl_buf_byte(value, 'Z');
		break;
	default: /* the encoder is not made with others */
		break;
	}
	put_text(&e->csv, e->safe, out, value->data, value->size);
}

static enum fl_code
encode_csv(struct fl_encoder *encoder, const struct fl_batch *batch, uint32_t row,
    struct fl_buf *out, struct fl_err *err)
{
	struct csv_encoder *e = (struct csv_encoder *)encoder;
	const struct fl_schema *schema = encoder->schema;

	for (uint32_t c = 0; c < schema->count; c++) {
		const struct fl_col *col = &batch->cols[c];

		if (c > 0)
			fl_buf_byte(out, e->csv.delimiter);
		if (fl_col_is_valid(col, row))
			put_value(e, col, row, out);
		else if (!schema->fields[c].type.nullable)
			return FL_FAIL(err, FL_E_SINK_REFUSED, "column \"%s\" is NULL, but it is NOT NULL",
			    schema->fields[c].name);
		else if (e->csv.null_literal != NULL)
			fl_buf_str(out, e->csv.null_literal);
	}
	return FL_OK;
}

static void
free_csv(struct fl_encoder *encoder)
{
	struct csv_encoder *e = (struct csv_encoder *)encoder;

	fl_buf_fini(&e->value);
	free(e);
}

enum fl_code
fl_csv_check(const struct fl_codec_options *options, struct fl_err *err)
{
	const struct fl_csv_options *csv = &options->csv;
	char type[64];

	if (csv->delimiter == csv->quote || csv->delimiter == csv->escape ||
	    (csv->quote != '\0' && csv->quote == csv->escape))
		return FL_FAIL(err, FL_E_BAD_OPTION, "delimiter, quote and escape character must differ");
	for (uint32_t c = 0; c < options->schema->count; c++) {
		const struct fl_field *field = &options->schema->fields[c];

		if (field->type.id == FL_TYPE_INTERVAL || field->type.id == FL_TYPE_NULL ||
		    field->type.id == FL_TYPE_ARRAY || field->in != NULL)
			return FL_FAIL(err, FL_E_BAD_SCHEMA, "column \"%s\": csv has no form for %s", field->name,
			    field->in != NULL ? "ROW" : fl_type_print(&field->type, type, sizeof(type)));
	}
	return FL_OK;
}

enum fl_code
fl_csv_encoder_new(
    const struct fl_codec_options *options, struct fl_encoder **encoder, struct fl_err *err)
{
	struct csv_encoder *e;

	FL_TRY(fl_csv_check(options, err));
	e = fl_calloc(1, sizeof(*e));
	e->head = (struct fl_encoder){ .encode = encode_csv, .free = free_csv, .schema = options->schema };
	e->csv = options->csv;
	e->safe = least_safe(&e->csv);
	fl_buf_init(&e->value);
	*encoder = &e->head;
	return FL_OK;
}

void
fl_csv_put_header(const struct fl_codec_options *options, struct fl_buf *out)
{
	uint8_t safe = least_safe(&options->csv);

	for (uint32_t c = 0; c < options->schema->count; c++) {
		const char *name = options->schema->fields[c].name;

		if (c > 0)
			fl_buf_byte(out, options->csv.delimiter);
		put_text(&options->csv, safe, out, name, strlen(name));
	}
	fl_buf_byte(out, '\n');
}
