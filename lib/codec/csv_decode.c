/* SPDX-License-Identifier: Apache-2.0 */
/*
 * csv_decode.c - one record of separated fields into columns, in their order.
 *
 * Verdicts follow Flink's CSV format (Jackson's reader): quotes count where a field begins
 * with one, blanks are part of a field but for those behind its closing quote, numbers
 * and booleans are trimmed, a BOOLEAN that is not "true" is false, an empty field is '' for
 * a text and no number.  Where comments are allowed, so are empty lines, and blanks before
 * a record are not of it.  The null literal is NULL whether quoted or not.  Days of a DATE
 * go past the end of a month into the next.
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/util.h"
#include "codec_impl.h"
#include "expr/expr.h"

struct field {
	const uint8_t *p; /* in the record, or in scratch */
	size_t size;
};

struct csv_decoder {
	struct fl_decoder head;
	struct fl_csv_options csv;
	size_t null_size;
	struct field *fields; /* schema->count + 1 */
	uint32_t count;	      /* of this record; may be more */
	struct fl_buf scratch;
	const uint8_t *start, *p, *end;
};

/* ---- fields ---- */

static uint8_t
unescape(uint8_t c)
{
	static const char from[] = "0nrt", to[] = "\0\n\r\t";
	const char *at = c != '\0' ? strchr(from, c) : NULL;

	return at != NULL ? (uint8_t)to[at - from] : c;
}

static enum fl_code
fail_csv(const struct csv_decoder *d, const uint8_t *at, const char *why, struct fl_err *err)
{
	return FL_FAIL(err, FL_E_BAD_CSV, "byte %zu: %s", (size_t)(at - d->start), why);
}

/* p stands behind the opening quote; afterwards at the delimiter or the end. */
static enum fl_code
read_quoted(struct csv_decoder *d, struct field *field, struct fl_err *err)
{
	const uint8_t *opening = d->p - 1;
	size_t from = d->scratch.size;

	for (;;) {
		uint8_t c;

		if (d->p == d->end)
			return fail_csv(d, opening, "a quoted field has no closing quote", err);
		c = *d->p++;
		if (c == (uint8_t)d->csv.quote) {
			if (d->p == d->end || *d->p != c)
				break;
			d->p++;
		} else if (d->csv.escape != '\0' && c == (uint8_t)d->csv.escape && d->p < d->end) {
			c = unescape(*d->p++);
		}
		fl_buf_byte(&d->scratch, (char)c);
	}
	field->p = (const uint8_t *)d->scratch.data + from;
	field->size = d->scratch.size - from;
	while (d->p < d->end && (*d->p == ' ' || *d->p == '\t') && *d->p != (uint8_t)d->csv.delimiter)
		d->p++;
	if (d->p < d->end && *d->p != (uint8_t)d->csv.delimiter && *d->p != '\n' && *d->p != '\r')
		return fail_csv(d, d->p, "expected the delimiter behind a closing quote", err);
	return FL_OK;
}

static void
read_plain(struct csv_decoder *d, struct field *field)
{
	const uint8_t delimiter = (uint8_t)d->csv.delimiter, escape = (uint8_t)d->csv.escape;
	size_t from = d->scratch.size;

	field->p = d->p;
	while (d->p < d->end && *d->p != delimiter && *d->p != '\n' && *d->p != '\r' &&
	    (escape == 0 || *d->p != escape))
		d->p++;
	field->size = (size_t)(d->p - field->p);
	if (d->p == d->end || escape == 0 || *d->p != escape)
		return;
	fl_buf_add(&d->scratch, field->p, field->size);
	while (d->p < d->end && *d->p != delimiter && *d->p != '\n' && *d->p != '\r') {
		uint8_t c = *d->p++;

		if (c == escape && d->p < d->end)
			c = unescape(*d->p++);
		fl_buf_byte(&d->scratch, (char)c);
	}
	field->p = (const uint8_t *)d->scratch.data + from;
	field->size = d->scratch.size - from;
}

static enum fl_code
read_fields(struct csv_decoder *d, struct fl_err *err)
{
	struct field extra = { 0 }, *field;

	fl_buf_reset(&d->scratch);
	/* Fields point into it, so it must not move. */
	fl_buf_reserve(&d->scratch, (size_t)(d->end - d->start) + 1);
	for (d->count = 0;; d->p++) {
		field = d->count < d->head.schema->count ? &d->fields[d->count] : &extra;
		d->count++;
		if (d->csv.quote != '\0' && d->p < d->end && *d->p == (uint8_t)d->csv.quote) {
			d->p++;
			FL_TRY(read_quoted(d, field, err));
		} else {
			read_plain(d, field);
		}
		if (d->p == d->end || *d->p != (uint8_t)d->csv.delimiter)
			break;
	}
	while (d->p < d->end && (*d->p == '\n' || *d->p == '\r'))
		d->p++;
	d->head.oddity_count += d->p < d->end; /* Flink reads one record of a message */
	return FL_OK;
}

/* ---- conversion ---- */

static void
trim(struct field *f)
{
	while (f->size > 0 && f->p[0] <= ' ') {
		f->p++;
		f->size--;
	}
	while (f->size > 0 && f->p[f->size - 1] <= ' ')
		f->size--;
}

static bool
is_true(struct field f)
{
	trim(&f);
	return f.size == 4 && strncasecmp((const char *)f.p, "true", 4) == 0;
}

/* Date.valueOf(): a day of 1 to 31 counts from the month's first. */
static bool
read_date(const struct field *f, int32_t *days)
{
	int year, month, day, used = 0;
	char text[16];

	if (f->size < 8 || f->size > 10)
		return false;
	memcpy(text, f->p, f->size);
	text[f->size] = '\0';
	if (strspn(text, "0123456789-") != f->size ||
	    sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || (size_t)used != f->size ||
	    text[4] != '-' || day < 1 || day > 31)
		return false;
	(void)snprintf(text, sizeof(text), "%04d-%02d-01", year % 10000, month % 100);
	if (!fl_parse_date(text, 10, days))
		return false;
	*days += day - 1;
	return true;
}

static bool
read_time(const struct csv_decoder *d, struct field f, const struct fl_type *type, int64_t *ms)
{
	(void)d;
	if (type->id == FL_TYPE_TIMESTAMP_LTZ) {
		if (f.size == 0 || f.p[f.size - 1] != 'Z')
			return false;
		f.size--;
	}
	if (!fl_parse_timestamp((const char *)f.p, f.size, ' ', ms))
		return false;
	*ms = fl_time_cut(*ms, fl_time_unit(type));
	return true;
}

static bool
read_integer(struct fl_builder_col *bc, uint32_t row, struct field f)
{
	static const int64_t highs[] = {
		[FL_TYPE_TINYINT] = INT8_MAX, [FL_TYPE_SMALLINT] = INT16_MAX,
		[FL_TYPE_INT] = INT32_MAX, [FL_TYPE_BIGINT] = INT64_MAX };
	int64_t high = highs[bc->col.type.id], v;

	if (!fl_codec_i64(f.p, f.size, -high - 1, high, &v))
		return false;
	switch (bc->col.type.id) {
	case FL_TYPE_TINYINT:
		((int8_t *)bc->col.data)[row] = (int8_t)v;
		break;
	case FL_TYPE_SMALLINT:
		((int16_t *)bc->col.data)[row] = (int16_t)v;
		break;
	case FL_TYPE_INT:
		((int32_t *)bc->col.data)[row] = (int32_t)v;
		break;
	default:
		((int64_t *)bc->col.data)[row] = v;
		break;
	}
	return true;
}

/* FL_OK, BAD_TYPE, BAD_UTF8, or BAD_NULL meaning NULL: a DECIMAL that is too large. */
static enum fl_code
convert(struct csv_decoder *d, struct fl_builder_col *bc, uint32_t row, struct field f)
{
	const struct fl_type *type = &bc->col.type;
	fl_i128 decimal;
	int32_t days;
	int64_t ms;
	double f64;
	bool fits;
	int how;

	switch (type->id) {
	case FL_TYPE_BOOLEAN:
		((uint8_t *)bc->col.data)[row] = is_true(f);
		return FL_OK;
	case FL_TYPE_TINYINT:
	case FL_TYPE_SMALLINT:
	case FL_TYPE_INT:
	case FL_TYPE_BIGINT:
		fits = read_integer(bc, row, f);
		break;
	case FL_TYPE_FLOAT:
	case FL_TYPE_DOUBLE:
		trim(&f);
		fits = fl_parse_double((const char *)f.p, f.size, &f64);
		if (fits && type->id == FL_TYPE_FLOAT)
			((float *)bc->col.data)[row] = (float)f64;
		else if (fits)
			((double *)bc->col.data)[row] = f64;
		break;
	case FL_TYPE_DECIMAL:
		how = fl_codec_decimal(f.p, f.size, type->precision, type->scale, &decimal);
		if (how == 2)
			return FL_E_BAD_NULL;
		if ((fits = how == 0))
			memcpy((fl_i128 *)bc->col.data + row, &decimal, sizeof(decimal));
		break;
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
		if (fl_utf8_valid(f.p, f.size) != f.size)
			return FL_E_BAD_UTF8;
		fl_buf_add(&bc->bytes, f.p, f.size);
		return FL_OK;
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		fits = fl_codec_base64(f.p, f.size, &bc->bytes);
		break;
	case FL_TYPE_DATE:
		if ((fits = read_date(&f, &days)))
			((int32_t *)bc->col.data)[row] = days;
		break;
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
		if ((fits = read_time(d, f, type, &ms)))
			((int64_t *)bc->col.data)[row] = ms;
		break;
	default: /* the decoder is not made with others */
		return FL_E_BAD_TYPE;
	}
	return fits ? FL_OK : FL_E_BAD_TYPE;
}

static bool
is_null(const struct csv_decoder *d, const struct field *f)
{
	return d->csv.null_literal != NULL && f->size == d->null_size &&
	    memcmp(f->p, d->csv.null_literal, f->size) == 0;
}

/* The field into column c; a NULL is none in a NOT NULL column. */
static enum fl_code
take_field(struct csv_decoder *d, struct fl_builder *builder, uint32_t c, struct fl_err *err)
{
	const struct fl_field *column = &d->head.schema->fields[c];
	struct fl_builder_col *bc = &builder->cols[c];
	size_t size_before = bc->bytes.size;
	enum fl_code code = FL_E_BAD_NULL;
	char clip[80], type[64];

	if (c < d->count && !is_null(d, &d->fields[c]))
		code = convert(d, bc, builder->row_count, d->fields[c]);
	if (code == FL_OK) {
		fl_builder_mark_valid(builder, c);
		return FL_OK;
	}
	bc->bytes.size = size_before;
	if (code == FL_E_BAD_UTF8 && !d->csv.ignore_parse_errors)
		return FL_FAIL(err, code, "field \"%s\" is not UTF-8", column->name);
	if (code == FL_E_BAD_TYPE && !d->csv.ignore_parse_errors)
		return FL_FAIL(err, code, "field \"%s\": a text %s cannot be converted to %s", column->name,
		    d->fields[c].size == 0 ? "''" :
					     fl_codec_clip(clip, d->fields[c].p, d->fields[c].size),
		    fl_type_print(&column->type, type, sizeof(type)));
	if (!column->type.nullable)
		return FL_FAIL(err, FL_E_BAD_NULL, "field \"%s\": the column is NOT NULL and its value null",
		    column->name);
	return FL_OK;
}

/* ---- the record ---- */

static void
begin(struct csv_decoder *d, const uint8_t *value, size_t size)
{
	d->start = d->p = value;
	d->end = value + size;
	if (size >= 3 && memcmp(value, "\xef\xbb\xbf", 3) == 0)
		d->p += 3;
	while (d->csv.allow_comments && d->p < d->end && (*d->p == ' ' || *d->p == '\n' || *d->p == '\r'))
		d->p++;
}

static enum fl_verdict
decode_csv(struct fl_decoder *decoder, const uint8_t *value, size_t size,
    struct fl_builder *builder, struct fl_err *err)
{
	struct csv_decoder *d = (struct csv_decoder *)decoder;
	uint32_t want = d->head.schema->count;

	begin(d, value, size);
	if (d->csv.allow_comments && (d->p == d->end || *d->p == '#'))
		return FL_VERDICT_SKIPPED;
	if (read_fields(d, err) != FL_OK)
		return d->csv.ignore_parse_errors ? FL_VERDICT_SKIPPED : FL_VERDICT_DEAD;
	if (d->count > want && d->csv.ignore_parse_errors)
		return FL_VERDICT_SKIPPED;
	if (d->count != want && !d->csv.ignore_parse_errors) {
		(void)FL_FAIL(err, FL_E_BAD_CSV, "%u fields, expected %u", d->count, want);
		return FL_VERDICT_DEAD;
	}
	for (uint32_t c = 0; c < want; c++)
		if (take_field(d, builder, c, err) != FL_OK)
			return FL_VERDICT_DEAD;
	return FL_VERDICT_ROW;
}

static void
free_csv(struct fl_decoder *decoder)
{
	struct csv_decoder *d = (struct csv_decoder *)decoder;

	free(d->fields);
	fl_buf_fini(&d->scratch);
	free(d);
}

enum fl_code
fl_csv_decoder_new(
    const struct fl_codec_options *options, struct fl_decoder **decoder, struct fl_err *err)
{
	struct csv_decoder *d;

	FL_TRY(fl_csv_check(options, err));
	d = fl_calloc(1, sizeof(*d));
	d->head = (struct fl_decoder){
		.decode = decode_csv, .free = free_csv, .schema = options->schema };
	d->csv = options->csv;
	d->null_size = d->csv.null_literal != NULL ? strlen(d->csv.null_literal) : 0;
	d->fields = fl_calloc(options->schema->count + 1u, sizeof(*d->fields));
	fl_buf_init(&d->scratch);
	*decoder = &d->head;
	return FL_OK;
}

enum fl_code
fl_csv_check_header(
    const struct fl_codec_options *options, const void *p, size_t size, struct fl_err *err)
{
	const struct fl_schema *schema = options->schema;
	struct fl_decoder *decoder;
	struct csv_decoder *d;
	enum fl_code code;
	char clip[80];

	FL_TRY(fl_csv_decoder_new(options, &decoder, err));
	d = (struct csv_decoder *)decoder;
	begin(d, p, size);
	code = read_fields(d, err);
	if (code == FL_OK && d->count != schema->count)
		code = FL_FAIL(err, FL_E_BAD_CSV, "the header has %u names, expected %u", d->count, schema->count);
	for (uint32_t c = 0; code == FL_OK && c < schema->count; c++)
		if (d->fields[c].size != strlen(schema->fields[c].name) ||
		    memcmp(d->fields[c].p, schema->fields[c].name, d->fields[c].size) != 0)
			code = FL_FAIL(err, FL_E_BAD_CSV, "name %u of the header is \"%s\", expected \"%s\"", c + 1,
			    fl_codec_clip(clip, d->fields[c].p, d->fields[c].size), schema->fields[c].name);
	fl_decoder_free(&decoder);
	return code;
}
