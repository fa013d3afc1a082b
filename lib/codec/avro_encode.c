/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avro_encode.c - rows to bare Avro binary, by a program made once.
 *
 * One step per field of the schema, in its order: write the union branch if the
 * field is a union, then the value.  What the schema cannot hold (a NULL without
 * a null branch, a string that is no symbol, a number out of range) refuses the
 * row; nothing of it stays in the output.
 */
#include "avro.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"

enum put_code {
	PUT_NULL, /* no column: the null branch */
	PUT_BOOLEAN, PUT_INT, PUT_LONG, PUT_TIME, PUT_FLOAT, PUT_DOUBLE, PUT_BYTES, PUT_FIXED,
	PUT_DECIMAL, PUT_DECIMAL_FIXED, PUT_SYMBOL, PUT_INDEX,
};

struct put {
	uint8_t code;
	bool is_union;
	int32_t null_index;
	uint32_t type_index;
	uint32_t column;
	uint32_t unit; /* TIME: of the schema per millisecond */
	const struct fl_avro_node *node;
};

struct avro_encoder {
	struct fl_encoder head;
	struct fl_arena arena;
	uint32_t put_count;
	struct put *puts;
};

/* ---- compiling ---- */

static bool
is_whole(uint8_t id)
{
	return fl_type_is_integer((enum fl_type_id)id);
}

/* How a column of this type is written as node; -1: it cannot be. */
static int
pick_put(const struct fl_avro_node *node, const struct fl_type *type)
{
	bool is_string = fl_type_is_string(type->id), is_bytes = fl_type_is_bytes(type->id);
	bool is_decimal = type->id == FL_TYPE_DECIMAL && node->logical == FL_AVRO_DECIMAL &&
	    node->scale == type->scale;
	bool is_instant = node->logical == FL_AVRO_TIMESTAMP_MILLIS ||
	    node->logical == FL_AVRO_TIMESTAMP_MICROS;
	bool is_local = node->logical == FL_AVRO_LOCAL_MILLIS ||
	    node->logical == FL_AVRO_LOCAL_MICROS;

	switch (node->kind) {
	case FL_AVRO_BOOLEAN:
		return type->id == FL_TYPE_BOOLEAN ? PUT_BOOLEAN : -1;
	case FL_AVRO_INT:
		return is_whole(type->id) || type->id == FL_TYPE_DATE ? PUT_INT : -1;
	case FL_AVRO_LONG:
		if (type->id == FL_TYPE_TIMESTAMP)
			return is_instant || is_local ? PUT_TIME : -1;
		if (type->id == FL_TYPE_TIMESTAMP_LTZ)
			return is_instant ? PUT_TIME : -1;
		return is_whole(type->id) ? PUT_LONG : -1;
	case FL_AVRO_FLOAT:
		return type->id == FL_TYPE_FLOAT || is_whole(type->id) ? PUT_FLOAT : -1;
	case FL_AVRO_DOUBLE:
		return type->id == FL_TYPE_FLOAT || type->id == FL_TYPE_DOUBLE ||
			is_whole(type->id) ? PUT_DOUBLE : -1;
	case FL_AVRO_BYTES:
		return is_decimal ? PUT_DECIMAL : is_bytes || is_string ? PUT_BYTES : -1;
	case FL_AVRO_STRING:
		return is_string ? PUT_BYTES : -1;
	case FL_AVRO_FIXED:
		return is_decimal ? PUT_DECIMAL_FIXED : is_bytes ? PUT_FIXED : -1;
	case FL_AVRO_ENUM:
		return is_string ? PUT_SYMBOL : is_whole(type->id) ? PUT_INDEX : -1;
	case FL_AVRO_NULL:
		return PUT_NULL;
	case FL_AVRO_RECORD:
	case FL_AVRO_ARRAY:
	case FL_AVRO_MAP:
	case FL_AVRO_UNION:
	default:
		return -1;
	}
}

static enum fl_code
compile_put(struct avro_encoder *e, const struct fl_avro_node *record, uint32_t f, struct fl_err *err)
{
	const struct fl_schema *schema = e->head.schema;
	const struct fl_avro_node *node = record->fields[f].type;
	int32_t column = fl_schema_find(schema, record->fields[f].name);
	struct put *put = &e->puts[f];
	struct fl_avro_option option;
	char names[FL_AVRO_NAMES_SIZE], have[160], type[64];
	int code = -1;

	if (column < 0) {
		bool has_null = node->kind == FL_AVRO_NULL;
		uint32_t index = 0;

		for (uint32_t i = 0; node->kind == FL_AVRO_UNION && i < node->count; i++)
			if (node->branches[i]->kind == FL_AVRO_NULL) {
				has_null = true;
				index = i;
			}
		if (!has_null)
			return FL_FAIL(err, FL_E_BAD_SCHEMA,
			    "field \"%s\" is no column and cannot be null; %s", record->fields[f].name,
			    fl_avro_names(schema, record, names));
		*put = (struct put){ .code = PUT_NULL, .is_union = node->kind == FL_AVRO_UNION,
			.null_index = (int32_t)index, .column = UINT32_MAX };
		return FL_OK;
	}
	if (fl_avro_option(node, &option))
		code = pick_put(option.type, &schema->fields[column].type);
	if (code < 0)
		return FL_FAIL(err, FL_E_BAD_SCHEMA, "column \"%s\" %s cannot be written as the schema's %s",
		    schema->fields[column].name,
		    fl_type_print(&schema->fields[column].type, type, sizeof(type)),
		    fl_avro_describe(node, have, sizeof(have)));
	*put = (struct put){ .code = (uint8_t)code, .is_union = option.is_union,
		.null_index = option.null_index, .type_index = option.type_index,
		.column = (uint32_t)column, .node = option.type, .unit = 1 };
	if (option.type->logical == FL_AVRO_TIMESTAMP_MICROS ||
	    option.type->logical == FL_AVRO_LOCAL_MICROS)
		put->unit = 1000;
	return FL_OK;
}

static enum fl_code
compile_encoder(struct avro_encoder *e, const struct fl_avro_node *record, struct fl_err *err)
{
	const struct fl_schema *schema = e->head.schema;
	char names[FL_AVRO_NAMES_SIZE];

	e->put_count = record->count;
	e->puts = FL_ARENA_ARRAY(&e->arena, struct put, record->count + 1);
	for (uint32_t f = 0; f < record->count; f++)
		FL_TRY(compile_put(e, record, f, err));
	for (uint32_t c = 0; c < schema->count; c++) {
		uint32_t f = 0;

		while (f < e->put_count && e->puts[f].column != c)
			f++;
		if (f == e->put_count)
			return FL_FAIL(err, FL_E_BAD_SCHEMA,
			    "column \"%s\" is no field of the schema; %s", schema->fields[c].name,
			    fl_avro_names(schema, record, names));
	}
	return FL_OK;
}

/* ---- writing ---- */

static inline void
put_varint(struct fl_buf *out, int64_t value)
{
	uint64_t v = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
	char *p;

	fl_buf_reserve(out, 10);
	p = out->data + out->size;
	while (v >= 0x80) {
		*p++ = (char)(v | 0x80);
		v >>= 7;
	}
	*p++ = (char)v;
	*p = '\0';
	out->size = (size_t)(p - out->data);
}

static double
get_double(const struct fl_col *col, uint32_t i)
{
	if (col->type.id == FL_TYPE_DOUBLE)
		return FL_COL_AT(col, double, i);
	if (col->type.id == FL_TYPE_FLOAT)
		return FL_COL_AT(col, float, i);
	return (double)fl_load_i64(col, i);
}

static enum fl_code
put_decimal(const struct put *put, const struct fl_field *field, const struct fl_col *col,
    uint32_t i, struct fl_buf *out, struct fl_err *err)
{
	uint32_t size = 16, skip = 0;
	uint8_t bytes[16], fill;
	fl_i128 v;

	memcpy(&v, (const fl_i128 *)col->data + i, sizeof(v));
	fill = v < 0 ? 0xff : 0;
	for (int k = 15; k >= 0; k--, v >>= 8)
		bytes[k] = (uint8_t)v;
	/* The shortest form whose first bit is still the sign. */
	while (skip < 15 && bytes[skip] == fill && (bytes[skip + 1] & 0x80) == (fill & 0x80))
		skip++;
	size -= skip;
	if (put->code == PUT_DECIMAL) {
		put_varint(out, size);
	} else {
		if (size > put->node->size)
			return FL_FAIL(err, FL_E_SINK_REFUSED,
			    "column \"%s\": the decimal does not fit %u bytes of fixed \"%s\"",
			    field->name, put->node->size, put->node->name);
		for (uint32_t k = size; k < put->node->size; k++)
			fl_buf_byte(out, (char)fill);
	}
	fl_buf_add(out, bytes + skip, size);
	return FL_OK;
}

static enum fl_code
put_symbol(const struct put *put, const struct fl_field *field, const struct fl_col *col,
    uint32_t i, struct fl_buf *out, struct fl_err *err)
{
	uint32_t size;
	const char *s = fl_col_str(col, i, &size);
	char clip[80];

	for (uint32_t k = 0; k < put->node->count; k++)
		if (put->node->symbol_sizes[k] == size &&
		    memcmp(put->node->symbols[k], s, size) == 0) {
			put_varint(out, k);
			return FL_OK;
		}
	return FL_FAIL(err, FL_E_SINK_REFUSED, "column \"%s\": \"%s\" is no symbol of enum %s",
	    field->name, fl_codec_clip(clip, s, size), put->node->name);
}

static enum fl_code
put_value(const struct put *put, const struct fl_field *field, const struct fl_col *col,
    uint32_t i, struct fl_buf *out, struct fl_err *err)
{
	int64_t v;
	uint32_t size;
	const char *s;
	float f32;
	double f64;

	switch (put->code) {
	case PUT_BOOLEAN:
		fl_buf_byte(out, FL_COL_AT(col, uint8_t, i) != 0);
		break;
	case PUT_INT:
		v = fl_load_i64(col, i);
		if (v != (int32_t)v)
			return FL_FAIL(err, FL_E_SINK_REFUSED,
			    "column \"%s\": %" PRId64 " does not fit the schema's int", field->name, v);
		put_varint(out, v);
		break;
	case PUT_LONG:
		put_varint(out, fl_load_i64(col, i));
		break;
	case PUT_TIME:
		if (__builtin_mul_overflow(FL_COL_AT(col, int64_t, i), (int64_t)put->unit, &v))
			return FL_FAIL(err, FL_E_SINK_REFUSED,
			    "column \"%s\": the time does not fit microseconds", field->name);
		put_varint(out, v);
		break;
	case PUT_FLOAT:
		f32 = (float)get_double(col, i);
		fl_buf_add(out, &f32, sizeof(f32));
		break;
	case PUT_DOUBLE:
		f64 = get_double(col, i);
		fl_buf_add(out, &f64, sizeof(f64));
		break;
	case PUT_BYTES:
		s = fl_col_str(col, i, &size);
		put_varint(out, size);
		fl_buf_add(out, s, size);
		break;
	case PUT_FIXED:
		s = fl_col_str(col, i, &size);
		if (size != put->node->size)
			return FL_FAIL(err, FL_E_SINK_REFUSED,
			    "column \"%s\": %u bytes, but fixed \"%s\" takes %u", field->name, size,
			    put->node->name, put->node->size);
		fl_buf_add(out, s, size);
		break;
	case PUT_DECIMAL:
	case PUT_DECIMAL_FIXED:
		return put_decimal(put, field, col, i, out, err);
	case PUT_SYMBOL:
		return put_symbol(put, field, col, i, out, err);
	case PUT_INDEX:
		v = fl_load_i64(col, i);
		if (v < 0 || v >= (int64_t)put->node->count)
			return FL_FAIL(err, FL_E_SINK_REFUSED,
			    "column \"%s\": %" PRId64 " is no index of enum %s with %u symbols",
			    field->name, v, put->node->name, put->node->count);
		put_varint(out, v);
		break;
	default: /* PUT_NULL: a field of type null is no bytes */
		if (put->column != UINT32_MAX)
			return FL_FAIL(err, FL_E_SINK_REFUSED,
			    "column \"%s\": the schema takes only null", field->name);
		break;
	}
	return FL_OK;
}

static enum fl_code
encode_avro(struct fl_encoder *encoder, const struct fl_batch *batch, uint32_t row,
    struct fl_buf *out, struct fl_err *err)
{
	const struct avro_encoder *e = (const struct avro_encoder *)encoder;

	for (uint32_t i = 0; i < e->put_count; i++) {
		const struct put *put = &e->puts[i];
		const struct fl_col *col;
		const struct fl_field *field;

		if (put->column == UINT32_MAX) {
			if (put->is_union)
				put_varint(out, put->null_index);
			continue;
		}
		col = &batch->cols[put->column];
		field = &e->head.schema->fields[put->column];
		if (!fl_col_is_valid(col, row)) {
			if (put->code == PUT_NULL)
				continue;
			if (put->null_index < 0 || !field->type.nullable)
				return FL_FAIL(err, FL_E_SINK_REFUSED,
				    "column \"%s\" is NULL, but %s", field->name,
				    field->type.nullable ? "the schema has no null for it"
							 : "it is NOT NULL");
			put_varint(out, put->null_index);
			continue;
		}
		if (put->is_union)
			put_varint(out, put->type_index);
		FL_TRY(put_value(put, field, col, row, out, err));
	}
	return FL_OK;
}

static void
free_avro(struct fl_encoder *encoder)
{
	struct avro_encoder *e = (struct avro_encoder *)encoder;

	fl_arena_fini(&e->arena);
	free(e);
}

enum fl_code
fl_avro_encoder_new(
    const struct fl_codec_options *options, struct fl_encoder **encoder, struct fl_err *err)
{
	struct avro_encoder *e = fl_calloc(1, sizeof(*e));
	struct fl_avro_node *record;
	enum fl_code code;

	e->head = (struct fl_encoder){
		.encode = encode_avro, .free = free_avro, .schema = options->schema };
	fl_arena_init(&e->arena);
	if (options->avro_schema != NULL)
		code = fl_avro_parse_record(options->avro_schema, &e->arena, &record, err);
	else
		code = fl_avro_derive(options->schema, &e->arena, &record, err);
	if (code == FL_OK)
		code = compile_encoder(e, record, err);
	if (code != FL_OK) {
		free_avro(&e->head);
		return code;
	}
	*encoder = &e->head;
	return FL_OK;
}
