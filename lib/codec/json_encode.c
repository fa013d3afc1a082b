/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_encode.c - rows to JSON objects, byte for byte as Flink's json format.
 *
 * Names are written once, when the encoder is made, with their comma, quotes
 * and colon.  Beyond the basic plane text becomes two \u escapes; decimals lose
 * their trailing zeros and take an exponent unless they are to be plain.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "codec_impl.h"
#include "expr/expr.h"

struct json_encoder {
	struct fl_encoder head;
	struct fl_arena arena;
	const char **names; /* "name": with its quotes and colon */
	uint32_t *name_sizes;
	bool decimal_plain, ignore_null_fields;
	char separator;
};

/* ---- values ---- */

static void
write_escape(struct fl_buf *out, uint32_t unit)
{
	fl_buf_printf(out, "\\u%04X", unit);
}

/* Bytes that are copied as they are from p on. */
static size_t
plain_run(const uint8_t *p, size_t size)
{
	size_t i = 0;

	while (i < size && p[i] >= 0x20 && p[i] != '"' && p[i] != '\\' && p[i] < 0x80)
		i++;
	return i;
}

static void
write_text(struct fl_buf *out, const char *s, size_t size)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const uint8_t *p = (const uint8_t *)s, *end = p + size;

	fl_buf_byte(out, '"');
	while (p < end) {
		size_t run = plain_run(p, (size_t)(end - p)), length;
		const char *simple;

		fl_buf_add(out, p, run);
		p += run;
		if (p == end)
			break;
		simple = *p != '\0' && *p < 0x80 ? strchr(from, *p) : NULL;
		if (simple != NULL) {
			fl_buf_byte(out, '\\');
			fl_buf_byte(out, to[simple - from]);
			p++;
			continue;
		}
		if (*p < 0x20) {
			write_escape(out, *p++);
			continue;
		}
		length = fl_utf8_size(p, (size_t)(end - p));
		if (length == 0) {
			fl_buf_str(out, "\xef\xbf\xbd");
			p++;
			continue;
		}
		if (length == 4) {
			uint32_t above = fl_utf8_get(p, length) - 0x10000;

			write_escape(out, 0xd800 + (above >> 10));
			write_escape(out, 0xdc00 + (above & 0x3ff));
		} else {
			fl_buf_add(out, p, length);
		}
		p += length;
	}
	fl_buf_byte(out, '"');
}

static void
write_double(struct fl_buf *out, double v)
{
	if (isfinite(v))
		fl_print_double(out, v);
	else
		fl_buf_str(out, isnan(v) ? "\"NaN\"" : v < 0 ? "\"-Infinity\"" : "\"Infinity\"");
}

static void
write_float(struct fl_buf *out, float v)
{
	if (isfinite(v))
		fl_print_float(out, v);
	else
		write_double(out, v);
}

static void
write_value(const struct json_encoder *e, const struct fl_col *col, uint32_t i, struct fl_buf *out)
{
	const char *s;
	uint32_t size;
	fl_i128 decimal;

	switch (col->type.id) {
	case FL_TYPE_BOOLEAN:
		fl_buf_str(out, FL_COL_AT(col, uint8_t, i) ? "true" : "false");
		break;
	case FL_TYPE_TINYINT:
	case FL_TYPE_SMALLINT:
	case FL_TYPE_INT:
	case FL_TYPE_BIGINT:
		fl_buf_i64(out, fl_load_i64(col, i));
		break;
	case FL_TYPE_FLOAT:
		write_float(out, FL_COL_AT(col, float, i));
		break;
	case FL_TYPE_DOUBLE:
		write_double(out, FL_COL_AT(col, double, i));
		break;
	case FL_TYPE_DECIMAL:
		memcpy(&decimal, (const fl_i128 *)col->data + i, sizeof(decimal));
		if (e->decimal_plain)
			fl_print_decimal(out, decimal, col->type.scale);
		else
			fl_codec_put_decimal(out, decimal, col->type.scale);
		break;
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
		s = fl_col_str(col, i, &size);
		write_text(out, s, size);
		break;
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		s = fl_col_str(col, i, &size);
		fl_buf_byte(out, '"');
		fl_buf_base64(out, s, size);
		fl_buf_byte(out, '"');
		break;
	case FL_TYPE_DATE:
		fl_buf_byte(out, '"');
		fl_print_date(out, FL_COL_AT(col, int32_t, i));
		fl_buf_byte(out, '"');
		break;
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
		fl_buf_byte(out, '"');
		fl_print_timestamp(out, FL_COL_AT(col, int64_t, i), e->separator, 0);
		fl_buf_str(out, col->type.id == FL_TYPE_TIMESTAMP_LTZ ? "Z\"" : "\"");
		break;
	default: /* the encoder is not made with others */
		fl_buf_str(out, "null");
		break;
	}
}

static enum fl_code
encode_json(struct fl_encoder *encoder, const struct fl_batch *batch, uint32_t row,
    struct fl_buf *out, struct fl_err *err)
{
	const struct json_encoder *e = (const struct json_encoder *)encoder;
	const struct fl_schema *schema = encoder->schema;
	bool is_first = true;

	fl_buf_byte(out, '{');
	for (uint32_t c = 0; c < schema->count; c++) {
		const struct fl_col *col = &batch->cols[c];
		bool is_null = !fl_col_is_valid(col, row);

		if (is_null && !schema->fields[c].type.nullable)
			return FL_FAIL(err, FL_E_SINK_REFUSED, "column \"%s\" is NULL, but it is NOT NULL",
			    schema->fields[c].name);
		if (is_null && e->ignore_null_fields)
			continue;
		if (!is_first)
			fl_buf_byte(out, ',');
		is_first = false;
		fl_buf_add(out, e->names[c], e->name_sizes[c]);
		if (is_null)
			fl_buf_add(out, "null", 4);
		else
			write_value(e, col, row, out);
	}
	fl_buf_byte(out, '}');
	return FL_OK;
}

/* ---- making one ---- */

static void
free_json(struct fl_encoder *encoder)
{
	struct json_encoder *e = (struct json_encoder *)encoder;

	fl_arena_fini(&e->arena);
	free(e);
}

enum fl_code
fl_json_encoder_new(
    const struct fl_codec_options *options, struct fl_encoder **encoder, struct fl_err *err)
{
	const struct fl_schema *schema = options->schema;
	struct json_encoder *e;
	struct fl_buf name;
	char type[64];

	for (uint32_t c = 0; c < schema->count; c++)
		if (schema->fields[c].type.id == FL_TYPE_INTERVAL || schema->fields[c].type.id == FL_TYPE_NULL)
			return FL_FAIL(err, FL_E_BAD_SCHEMA, "column \"%s\": json has no form for %s",
			    schema->fields[c].name,
			    fl_type_print(&schema->fields[c].type, type, sizeof(type)));
	e = fl_calloc(1, sizeof(*e));
	e->head = (struct fl_encoder){
		.encode = encode_json, .free = free_json, .schema = schema };
	e->decimal_plain = options->json_decimal_plain;
	e->ignore_null_fields = options->json_ignore_null_fields;
	e->separator = options->json_iso8601 ? 'T' : ' ';
	fl_arena_init(&e->arena);
	e->names = FL_ARENA_ARRAY(&e->arena, const char *, schema->count + 1);
	e->name_sizes = FL_ARENA_ARRAY(&e->arena, uint32_t, schema->count + 1);
	fl_buf_init(&name);
	for (uint32_t c = 0; c < schema->count; c++) {
		fl_buf_reset(&name);
		write_text(&name, schema->fields[c].name, strlen(schema->fields[c].name));
		fl_buf_byte(&name, ':');
		e->names[c] = fl_arena_strndup(&e->arena, name.data, name.size);
		e->name_sizes[c] = (uint32_t)name.size;
	}
	fl_buf_fini(&name);
	*encoder = &e->head;
	return FL_OK;
}
