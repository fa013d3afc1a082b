/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avro_decode.c - bare Avro binary into columns, by a program made once.
 *
 * The writer's schema and the declared columns are compiled into a flat array
 * of operations: one per field that a column wants (read, check, store into the
 * builder), and a skipping program for each field that none wants.  Two loops
 * run it and neither recurses: decode_avro() goes through the record's fields;
 * skip_nested() steps over one union, array, map or record, with a frame of a
 * fixed stack per level (64: TOO_DEEP).  They are two because the first then
 * keeps its position in registers.  Measured together with copying short strings
 * without a call, decode and commit of a flight: 31.3 to 26.2 ns (medians of 9
 * interleaved runs), 38.7 to 27.7 ns with the enum as STRING.
 *
 *	string -> STRING	OP_STRING column
 *	[null, int] -> INT	OP_OPTION null 0, else-jump; OP_INT32 column
 *	record (skipped)	OP_NESTED; OP_CALL to its subroutine, made once per
 *				record type; OP_STOP
 *
 * A few bytes can claim endless work (an array of 2^60 nulls, records of empty
 * records), so elements and calls draw on a budget of the record's size plus
 * ELEMENTS_FREE (TOO_MANY_ELEMENTS).
 */
#include "avro.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"

#define ELEMENTS_FREE 65536u

enum op_code {
	OP_END,
	/* into a column */
	OP_NULL, OP_BOOLEAN, OP_INT8, OP_INT16, OP_INT32, OP_INT64, OP_INT_FLOAT, OP_INT_DOUBLE,
	OP_LONG, OP_LONG_FLOAT, OP_LONG_DOUBLE, OP_TIME, OP_FLOAT, OP_FLOAT_DOUBLE, OP_DOUBLE,
	OP_STRING, OP_BYTES, OP_FIXED, OP_FIXED_STRING, OP_DECIMAL, OP_DECIMAL_FIXED,
	OP_ENUM_STRING, OP_ENUM_INT, OP_ENUM_LONG,
	OP_OPTION, /* a: index of null (UINT32_MAX none), b: branches; NULL jumps to target */
	/* over what no column wants */
	OP_SKIP_INT, OP_SKIP_LONG, OP_SKIP_BOOLEAN, OP_SKIP_SIZE, OP_SKIP_BYTES, OP_SKIP_ENUM,
	OP_NESTED, /* the rest up to OP_STOP (target) is for skip_nested() */
	OP_UNION, OP_JUMP, OP_ARRAY, OP_MAP, OP_LOOP, OP_CALL, OP_RETURN, OP_STOP,
};

struct op {
	uint8_t code;
	bool refuse_null;	/* OPTION, NULL: the column is NOT NULL */
	uint32_t field;		/* of the record, for messages */
	uint32_t col_at;	/* bytes from the builder's cols to the column */
	uint32_t a, b, target;
	union {
		const struct fl_avro_node *node; /* ENUM, CALL */
		const uint32_t *targets;	 /* UNION */
		const fl_i128 *limit;		 /* DECIMAL: 10 ^ precision */
	};
};

struct frame {
	uint32_t pc;	 /* CALL: where to go on; loops: the ARRAY or MAP */
	uint64_t left;	 /* loops: elements left of this block */
};

struct avro_decoder {
	struct fl_decoder head;
	struct fl_arena arena;
	struct fl_avro_node *record;
	uint64_t budget; /* elements and calls that this record may still have */
	struct op *ops;
	uint32_t op_count, op_max;
	/* Records whose skipping program is still to be made. */
	struct fl_avro_node **todo;
	uint32_t todo_count, todo_max;
};

/* ---- compiling ---- */

static struct op *
add_op(struct avro_decoder *d, enum op_code code, uint32_t field)
{
	struct op *op;

	if (d->op_count == d->op_max) {
		d->op_max = d->op_max == 0 ? 32 : d->op_max * 2;
		d->ops = fl_realloc(d->ops, d->op_max * sizeof(*d->ops));
	}
	op = &d->ops[d->op_count++];
	*op = (struct op){ .code = (uint8_t)code, .field = field };
	return op;
}

static void
add_skip_size(struct avro_decoder *d, uint32_t field, uint32_t size)
{
	struct op *op = add_op(d, OP_SKIP_SIZE, field);

	op->a = size;
}

static void skip_type(struct avro_decoder *d, struct fl_avro_node *node, uint32_t field);

static void
skip_union(struct avro_decoder *d, struct fl_avro_node *node, uint32_t field)
{
	uint32_t at = d->op_count, i;
	uint32_t *targets = FL_ARENA_ARRAY(&d->arena, uint32_t, node->count);
	uint32_t *jumps = FL_ARENA_ARRAY(&d->arena, uint32_t, node->count);
	struct op *op = add_op(d, OP_UNION, field);

	op->a = node->count;
	op->targets = targets;
	for (i = 0; i < node->count; i++) {
		targets[i] = d->op_count;
		skip_type(d, node->branches[i], field);
		jumps[i] = d->op_count;
		(void)add_op(d, OP_JUMP, field);
	}
	for (i = 0; i < node->count; i++)
		d->ops[jumps[i]].target = d->op_count;
	d->ops[at].target = d->op_count;
}

static void
skip_loop(struct avro_decoder *d, struct fl_avro_node *node, uint32_t field)
{
	uint32_t at = d->op_count;

	(void)add_op(d, node->kind == FL_AVRO_ARRAY ? OP_ARRAY : OP_MAP, field);
	if (node->kind == FL_AVRO_MAP)
		(void)add_op(d, OP_SKIP_BYTES, field);
	skip_type(d, node->item, field);
	(void)add_op(d, OP_LOOP, field);
	d->ops[at].target = d->op_count;
}

/* Subroutines are made after the main program; until then the call names the record. */
static void
skip_record(struct avro_decoder *d, struct fl_avro_node *node, uint32_t field)
{
	struct op *op = add_op(d, OP_CALL, field);

	op->node = node;
	if (node->visit == UINT8_MAX)
		return;
	node->visit = UINT8_MAX;
	if (d->todo_count == d->todo_max) {
		d->todo_max = d->todo_max == 0 ? 8 : d->todo_max * 2;
		d->todo = fl_realloc(d->todo, d->todo_max * sizeof(struct fl_avro_node *));
	}
	d->todo[d->todo_count++] = node;
}

static void
skip_type(struct avro_decoder *d, struct fl_avro_node *node, uint32_t field)
{
	switch (node->kind) {
	case FL_AVRO_NULL:
		break;
	case FL_AVRO_BOOLEAN:
		(void)add_op(d, OP_SKIP_BOOLEAN, field);
		break;
	case FL_AVRO_INT:
		(void)add_op(d, OP_SKIP_INT, field);
		break;
	case FL_AVRO_LONG:
		(void)add_op(d, OP_SKIP_LONG, field);
		break;
	case FL_AVRO_FLOAT:
		add_skip_size(d, field, 4);
		break;
	case FL_AVRO_DOUBLE:
		add_skip_size(d, field, 8);
		break;
	case FL_AVRO_FIXED:
		add_skip_size(d, field, node->size);
		break;
	case FL_AVRO_BYTES:
	case FL_AVRO_STRING:
		(void)add_op(d, OP_SKIP_BYTES, field);
		break;
	case FL_AVRO_ENUM:
		add_op(d, OP_SKIP_ENUM, field)->node = node;
		break;
	case FL_AVRO_RECORD:
		skip_record(d, node, field);
		break;
	case FL_AVRO_ARRAY:
	case FL_AVRO_MAP:
		skip_loop(d, node, field);
		break;
	case FL_AVRO_UNION:
		skip_union(d, node, field);
		break;
	default:
		break;
	}
}

/* Nested values are for the other loop. */
static void
skip_field(struct avro_decoder *d, uint32_t f)
{
	struct fl_avro_node *node = d->record->fields[f].type;
	bool is_nested = node->kind >= FL_AVRO_ARRAY || node->kind == FL_AVRO_RECORD;
	uint32_t at = d->op_count;

	if (is_nested)
		(void)add_op(d, OP_NESTED, f);
	skip_type(d, node, f);
	if (is_nested) {
		(void)add_op(d, OP_STOP, f);
		d->ops[at].target = d->op_count;
	}
}

static int
pick_int(uint8_t id)
{
	switch (id) {
	case FL_TYPE_TINYINT:
		return OP_INT8;
	case FL_TYPE_SMALLINT:
		return OP_INT16;
	case FL_TYPE_INT:
	case FL_TYPE_DATE:
		return OP_INT32;
	case FL_TYPE_BIGINT:
		return OP_INT64;
	case FL_TYPE_FLOAT:
		return OP_INT_FLOAT;
	case FL_TYPE_DOUBLE:
		return OP_INT_DOUBLE;
	default:
		return -1;
	}
}

static int
pick_long(const struct fl_avro_node *node, uint8_t id)
{
	bool is_instant = node->logical == FL_AVRO_TIMESTAMP_MILLIS ||
	    node->logical == FL_AVRO_TIMESTAMP_MICROS;
	bool is_local = node->logical == FL_AVRO_LOCAL_MILLIS ||
	    node->logical == FL_AVRO_LOCAL_MICROS;

	switch (id) {
	case FL_TYPE_BIGINT:
		return OP_LONG;
	case FL_TYPE_FLOAT:
		return OP_LONG_FLOAT;
	case FL_TYPE_DOUBLE:
		return OP_LONG_DOUBLE;
	case FL_TYPE_TIMESTAMP:
		return is_instant || is_local ? OP_TIME : -1;
	case FL_TYPE_TIMESTAMP_LTZ:
		return is_instant ? OP_TIME : -1;
	default:
		return -1;
	}
}

/* The operation that reads node into a column of this type; -1: none does. */
static int
pick_op(const struct fl_avro_node *node, const struct fl_type *type)
{
	bool is_string = fl_type_is_string(type->id), is_bytes = fl_type_is_bytes(type->id);
	bool is_decimal = type->id == FL_TYPE_DECIMAL && node->logical == FL_AVRO_DECIMAL &&
	    node->scale == type->scale && node->precision <= type->precision;

	switch (node->kind) {
	case FL_AVRO_NULL:
		return OP_NULL;
	case FL_AVRO_BOOLEAN:
		return type->id == FL_TYPE_BOOLEAN ? OP_BOOLEAN : -1;
	case FL_AVRO_INT:
		return pick_int(type->id);
	case FL_AVRO_LONG:
		return pick_long(node, type->id);
	case FL_AVRO_FLOAT:
		return type->id == FL_TYPE_FLOAT ? OP_FLOAT :
		    type->id == FL_TYPE_DOUBLE	 ? OP_FLOAT_DOUBLE : -1;
	case FL_AVRO_DOUBLE:
		return type->id == FL_TYPE_DOUBLE ? OP_DOUBLE : -1;
	case FL_AVRO_STRING:
		return is_string ? OP_STRING : is_bytes ? OP_BYTES : -1;
	case FL_AVRO_BYTES:
		return is_decimal ? OP_DECIMAL : is_bytes ? OP_BYTES : is_string ? OP_STRING : -1;
	case FL_AVRO_FIXED:
		if (is_decimal)
			return OP_DECIMAL_FIXED;
		if (type->id == FL_TYPE_BINARY && type->length != node->size)
			return -1;
		return is_bytes && type->length >= node->size ? OP_FIXED : -1;
	case FL_AVRO_ENUM:
		return is_string ? OP_ENUM_STRING : type->id == FL_TYPE_INT ? OP_ENUM_INT :
		    type->id == FL_TYPE_BIGINT ? OP_ENUM_LONG : -1;
	case FL_AVRO_RECORD:
	case FL_AVRO_ARRAY:
	case FL_AVRO_MAP:
	case FL_AVRO_UNION:
	default:
		return -1;
	}
}

static const char *
hint_for(const struct fl_avro_node *node)
{
	switch (node->kind) {
	case FL_AVRO_ENUM:
		return "; declare it STRING (the symbol) or INT (its index)";
	case FL_AVRO_LONG:
		return "; declare it BIGINT and compute TO_TIMESTAMP_LTZ(x, 0) from seconds or "
		       "(x, 3) from milliseconds";
	case FL_AVRO_RECORD:
	case FL_AVRO_ARRAY:
	case FL_AVRO_MAP:
	case FL_AVRO_UNION:
		return "; leave the column out: fields that no column names are skipped";
	case FL_AVRO_NULL:
	case FL_AVRO_BOOLEAN:
	case FL_AVRO_INT:
	case FL_AVRO_FLOAT:
	case FL_AVRO_DOUBLE:
	case FL_AVRO_BYTES:
	case FL_AVRO_STRING:
	case FL_AVRO_FIXED:
	default:
		return "";
	}
}

static enum fl_code
compile_column(struct avro_decoder *d, uint32_t f, uint32_t c, struct fl_err *err)
{
	const struct fl_avro_node *node = d->record->fields[f].type;
	const struct fl_field *field = &d->head.schema->fields[c];
	struct fl_avro_option option;
	uint32_t option_at = d->op_count;
	char buf[256], type[64];
	struct op *op;
	int code = -1;

	if (fl_avro_option(node, &option))
		code = pick_op(option.type, &field->type);
	if (code < 0)
		return FL_FAIL(err, FL_E_BAD_SCHEMA, "column \"%s\" %s does not fit the schema's %s%s",
		    field->name, fl_type_print(&field->type, type, sizeof(type)),
		    fl_avro_describe(node, buf, sizeof(buf)), hint_for(option.type ? option.type : node));
	if (option.is_union) {
		op = add_op(d, OP_OPTION, f);
		op->col_at = c * (uint32_t)sizeof(struct fl_builder_col);
		op->a = option.null_index < 0 ? UINT32_MAX : (uint32_t)option.null_index;
		op->b = node->count;
		op->refuse_null = !field->type.nullable;
	}
	op = add_op(d, (enum op_code)code, f);
	op->col_at = c * (uint32_t)sizeof(struct fl_builder_col);
	op->node = option.type;
	op->refuse_null = !field->type.nullable;
	op->a = option.type->size;
	if (code == OP_TIME) {
		op->a = fl_time_unit(&field->type);
		op->b = option.type->logical == FL_AVRO_TIMESTAMP_MICROS ||
			option.type->logical == FL_AVRO_LOCAL_MICROS ? 1000 : 1;
	}
	if (code == OP_DECIMAL || code == OP_DECIMAL_FIXED) {
		fl_i128 limit = fl_pow10(field->type.precision);

		op->limit = fl_arena_dup(&d->arena, &limit, sizeof(limit));
	}
	if (option.is_union)
		d->ops[option_at].target = d->op_count;
	return FL_OK;
}

/* Column of each field, or -1.  A column that no field feeds is refused: to
 * read it as NULL for ever would hide a misspelt name. */
static enum fl_code
match_columns(struct avro_decoder *d, int32_t *columns, struct fl_err *err)
{
	const struct fl_schema *schema = d->head.schema;
	char names[FL_AVRO_NAMES_SIZE];

	for (uint32_t f = 0; f < d->record->count; f++)
		columns[f] = -1;
	for (uint32_t c = 0; c < schema->count; c++) {
		uint32_t f = 0;

		while (f < d->record->count &&
		    strcmp(d->record->fields[f].name, schema->fields[c].name) != 0)
			f++;
		if (f == d->record->count)
			return FL_FAIL(err, FL_E_BAD_SCHEMA,
			    "column \"%s\" is no field of the schema; %s", schema->fields[c].name,
			    fl_avro_names(schema, d->record, names));
		columns[f] = (int32_t)c;
	}
	return FL_OK;
}

static enum fl_code
compile_record(struct avro_decoder *d, struct fl_err *err)
{
	int32_t *columns = FL_ARENA_ARRAY(&d->arena, int32_t, d->record->count + 1);

	FL_TRY(match_columns(d, columns, err));
	for (uint32_t f = 0; f < d->record->count; f++) {
		if (columns[f] >= 0)
			FL_TRY(compile_column(d, f, (uint32_t)columns[f], err));
		else
			skip_field(d, f);
	}
	(void)add_op(d, OP_END, d->record->count);
	for (uint32_t i = 0; i < d->todo_count; i++) {
		struct fl_avro_node *node = d->todo[i];

		node->skip_at = d->op_count;
		for (uint32_t f = 0; f < node->count; f++)
			skip_type(d, node->fields[f].type, 0);
		(void)add_op(d, OP_RETURN, 0);
	}
	for (uint32_t i = 0; i < d->op_count; i++)
		if (d->ops[i].code == OP_CALL)
			d->ops[i].target = d->ops[i].node->skip_at;
	return FL_OK;
}

/* ---- reading ---- */

static __attribute__((noinline)) enum fl_code
read_varint_slow(const uint8_t **at, const uint8_t *end, uint32_t size_max, uint8_t last_max,
    uint64_t *value)
{
	const uint8_t *p = *at;
	uint64_t v = 0;

	for (uint32_t i = 0; i < size_max; i++) {
		if (p + i == end)
			return FL_E_TRUNCATED;
		if (i == size_max - 1 && p[i] > last_max)
			return FL_E_BAD_VARINT;
		v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if (p[i] < 0x80) {
			*value = v;
			*at = p + i + 1;
			return FL_OK;
		}
	}
	return FL_E_BAD_VARINT;
}

/* Out of line by value: a position whose address escapes lives in memory. */
static inline __attribute__((always_inline)) enum fl_code
read_varint_cold(const uint8_t **at, const uint8_t *end, uint32_t size_max, uint8_t last_max,
    uint64_t *value)
{
	const uint8_t *p = *at;
	uint64_t v = 0;
	enum fl_code code = read_varint_slow(&p, end, size_max, last_max, &v);

	*at = p;
	*value = v;
	return code;
}

/*
 * One byte is the common case; up to eight are taken as one word: find the first
 * byte without its high bit, cut there, and push the 7-bit groups together.
 */
static inline __attribute__((always_inline)) enum fl_code
read_varint(const uint8_t **at, const uint8_t *end, uint32_t size_max, uint8_t last_max,
    uint64_t *value)
{
	const uint8_t *p = *at;
	uint64_t x, stop;

	if (fl_likely(p != end && p[0] < 0x80)) {
		*value = p[0];
		*at = p + 1;
		return FL_OK;
	}
	if (fl_unlikely(end - p < 8))
		return read_varint_cold(at, end, size_max, last_max, value);
	memcpy(&x, p, 8);
	stop = ~x & UINT64_C(0x8080808080808080);
	if (fl_unlikely(stop == 0) || (size_max == 5 && (stop & UINT64_C(0x8080808080)) == 0))
		return read_varint_cold(at, end, size_max, last_max, value);
	p += ((unsigned)__builtin_ctzll(stop) >> 3) + 1;
	x &= stop ^ (stop - 1);
	x &= UINT64_C(0x7f7f7f7f7f7f7f7f);
	x = (x & UINT64_C(0x007f007f007f007f)) | (x & UINT64_C(0x7f007f007f007f00)) >> 1;
	x = (x & UINT64_C(0x00003fff00003fff)) | (x & UINT64_C(0x3fff00003fff0000)) >> 2;
	x = (x & UINT64_C(0x000000000fffffff)) | (x & UINT64_C(0x0fffffff00000000)) >> 4;
	if (size_max == 5 && fl_unlikely(x > UINT32_MAX))
		return FL_E_BAD_VARINT;
	*value = x;
	*at = p;
	return FL_OK;
}

static inline int64_t
unzigzag(uint64_t v)
{
	return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

/* Big-endian two's complement; false when it does not fit 128 bits. */
static bool
read_unscaled(const uint8_t *p, size_t size, fl_i128 *out)
{
	uint8_t fill = size > 0 && p[0] >= 0x80 ? 0xff : 0;
	unsigned __int128 v = fill ? ~(unsigned __int128)0 : 0;

	for (; size > 16; p++, size--)
		if (p[0] != fill)
			return false;
	if (size == 16 && (p[0] ^ fill) >= 0x80)
		return false;
	for (; size > 0; p++, size--)
		v = v << 8 | p[0];
	*out = (fl_i128)v;
	return true;
}

struct failure {
	enum fl_code code;
	const struct op *op;
	uint32_t field; /* of the record, also where op is deep in a value of it */
	size_t at;
	int64_t value;
};

static __attribute__((noinline, cold)) enum fl_verdict
report(const struct avro_decoder *d, const struct failure *f, size_t size, struct fl_err *err)
{
	const char *name = f->field < d->record->count ? d->record->fields[f->field].name : "";
	char what[128];

	switch ((int)f->code) {
	case FL_E_TRUNCATED:
		(void)snprintf(what, sizeof(what), "the record of %zu bytes ends within it", size);
		break;
	case FL_E_BAD_VARINT:
		(void)snprintf(what, sizeof(what), "the number is longer than its type");
		break;
	case FL_E_BAD_LENGTH:
		(void)snprintf(what, sizeof(what), "length %" PRId64 ", but %zu bytes are left",
		    f->value, f->at < size ? size - f->at : 0);
		break;
	case FL_E_BAD_ENUM:
		(void)snprintf(what, sizeof(what), "enum index %" PRId64 ", but there are %u symbols",
		    f->value, f->op->node->count);
		break;
	case FL_E_BAD_BOOLEAN:
		(void)snprintf(what, sizeof(what), "boolean byte %" PRId64 " is neither 0 nor 1", f->value);
		break;
	case FL_E_BAD_UNION:
		(void)snprintf(what, sizeof(what), "union branch %" PRId64 " does not exist", f->value);
		break;
	case FL_E_BAD_UTF8:
		(void)snprintf(what, sizeof(what), "the string is not UTF-8");
		break;
	case FL_E_BAD_NULL:
		(void)snprintf(what, sizeof(what), "the column is NOT NULL and the value null");
		break;
	case FL_E_BAD_TYPE:
		if (f->op->code == OP_INT8 || f->op->code == OP_INT16)
			(void)snprintf(what, sizeof(what), "%" PRId64 " is out of range for the column", f->value);
		else
			(void)snprintf(what, sizeof(what), "the decimal has more digits than the column");
		break;
	case FL_E_TOO_DEEP:
		(void)snprintf(what, sizeof(what), "nested deeper than %d levels", FL_CODEC_DEPTH_MAX);
		break;
	case FL_E_TOO_MANY_ELEMENTS:
		(void)snprintf(what, sizeof(what), "more elements than a record of %zu bytes may hold", size);
		break;
	default:
		(void)snprintf(what, sizeof(what), "%" PRId64, f->value);
		break;
	}
	if (f->code == FL_E_TRAILING_BYTES)
		(void)FL_FAIL(err, f->code, "byte %zu: %zu bytes are left after the last field",
		    f->at, size - f->at);
	else
		(void)FL_FAIL(err, f->code, "field \"%s\" at byte %zu: %s", name, f->at, what);
	return FL_VERDICT_DEAD;
}

#define FAIL(c, where, v) \
	do { \
		code = (c); \
		from = (where); \
		bad = (int64_t)(v); \
		goto fail; \
	} while (0)
#define READ_VARINT(v, size_max, last_max) \
	do { \
		code = read_varint(&p, end, (size_max), (last_max), &(v)); \
		if (fl_unlikely(code != FL_OK)) \
			FAIL(code, p, 0); \
	} while (0)
#define READ_INT(v) READ_VARINT(v, 5, 0x0f)
#define READ_LONG(v) READ_VARINT(v, 10, 0x01)
/* A length (a zigzag long) and that many bytes at p. */
#define READ_LENGTH(v) \
	do { \
		READ_LONG(v); \
		(v) = (uint64_t)unzigzag(v); \
		if (fl_unlikely((v) > (uint64_t)(end - p))) \
			FAIL(FL_E_BAD_LENGTH, p, v); \
	} while (0)
/* Which of count symbols or branches. */
#define READ_INDEX(v, count, c) \
	do { \
		from = p; \
		READ_INT(v); \
		(v) = (uint64_t)unzigzag(v); \
		if (fl_unlikely((v) >= (count))) \
			FAIL((c), from, v); \
	} while (0)
#define COL(op) ((struct fl_builder_col *)(void *)((char *)cols + (op)->col_at))
#define STORE(ctype, v) \
	do { \
		struct fl_builder_col *bc = COL(op); \
		((ctype *)bc->col.data)[row] = (ctype)(v); \
		bc->col.valid[word] |= bit; \
	} while (0)
#define APPEND(from, size, readable_end) \
	do { \
		fl_col_append(COL(op), (from), (size), (readable_end)); \
		COL(op)->col.valid[word] |= bit; \
	} while (0)
#define NEED(n) \
	do { \
		if (fl_unlikely((uint64_t)(end - p) < (n))) \
			FAIL(FL_E_TRUNCATED, p, 0); \
	} while (0)

/* What both loops step over without a frame. */
#define SKIP_CASES \
	case OP_SKIP_INT: \
		READ_INT(v); \
		break; \
	case OP_SKIP_LONG: \
		READ_LONG(v); \
		break; \
	case OP_SKIP_BOOLEAN: \
		NEED(1); \
		if (*p > 1) \
			FAIL(FL_E_BAD_BOOLEAN, p, *p); \
		p++; \
		break; \
	case OP_SKIP_SIZE: \
		NEED(op->a); \
		p += op->a; \
		break; \
	case OP_SKIP_BYTES: \
		READ_LENGTH(v); \
		p += v; \
		break; \
	case OP_SKIP_ENUM: \
		READ_INDEX(v, op->node->count, FL_E_BAD_ENUM); \
		break

/*
 * Steps over the nested value whose program begins at op; *at is where its bytes
 * begin and, on success, where they end.  FL_OK or the code with *f filled in.
 */
static __attribute__((noinline)) enum fl_code
skip_nested(struct avro_decoder *d, const struct op *op, const uint8_t *value,
    const uint8_t **at, const uint8_t *end, struct failure *f)
{
	const struct op *ops = d->ops;
	const uint8_t *p = *at, *from = p;
	struct frame stack[FL_CODEC_DEPTH_MAX];
	uint32_t depth = 0;
	enum fl_code code;
	int64_t bad;
	uint64_t v;

	for (;;) {
		switch (op->code) {
		SKIP_CASES;
		case OP_UNION:
			READ_INDEX(v, op->a, FL_E_BAD_UNION);
			op = ops + op->targets[v];
			continue;
		case OP_JUMP:
			op = ops + op->target;
			continue;
		case OP_ARRAY:
		case OP_MAP:
			if (depth == FL_CODEC_DEPTH_MAX)
				FAIL(FL_E_TOO_DEEP, p, 0);
			stack[depth++] = (struct frame){ .pc = (uint32_t)(op - ops) };
			goto next_block;
		case OP_LOOP:
			if (--stack[depth - 1].left > 0) {
				op = ops + stack[depth - 1].pc + 1;
				continue;
			}
			op = ops + stack[depth - 1].pc;
		next_block:
			from = p;
			READ_LONG(v);
			if (v == 0) {
				depth--;
				op = ops + op->target;
				continue;
			}
			if (unzigzag(v) < 0) {
				/* The block says its size in bytes: step over it. */
				READ_LENGTH(v);
				p += v;
				goto next_block;
			}
			v = (uint64_t)unzigzag(v);
			if (v > d->budget)
				FAIL(FL_E_TOO_MANY_ELEMENTS, from, v);
			d->budget -= v;
			stack[depth - 1].left = v;
			break;
		case OP_CALL:
			if (depth == FL_CODEC_DEPTH_MAX)
				FAIL(FL_E_TOO_DEEP, p, 0);
			if (d->budget-- == 0)
				FAIL(FL_E_TOO_MANY_ELEMENTS, p, 0);
			stack[depth++] = (struct frame){ .pc = (uint32_t)(op - ops) + 1 };
			op = ops + op->target;
			continue;
		case OP_RETURN:
			op = ops + stack[--depth].pc;
			continue;
		default: /* OP_STOP */
			*at = p;
			return FL_OK;
		}
		op++;
	}
fail:
	*f = (struct failure){ .code = code, .op = op, .at = (size_t)(from - value), .value = bad };
	return code;
}

static enum fl_verdict
decode_avro(struct fl_decoder *decoder, const uint8_t *value, size_t size,
    struct fl_builder *builder, struct fl_err *err)
{
	struct avro_decoder *d = (struct avro_decoder *)decoder;
	const uint8_t *p = value, *from = p;
	const uint8_t *const end = value + size;
	struct fl_builder_col *const cols = builder->cols;
	const uint32_t row = builder->row_count;
	const size_t word = row >> 6;
	const uint64_t bit = UINT64_C(1) << (row & 63);
	const struct op *op = d->ops;
	struct failure failure;
	enum fl_code code;
	int64_t bad;
	uint64_t v;
	int32_t i32;
	float f32;
	double f64;

	if (fl_unlikely(size == 0)) {
		(void)FL_FAIL(err, FL_E_EMPTY_VALUE, "the value is empty; expected Avro record %s",
		    d->record->name);
		return FL_VERDICT_DEAD;
	}
	d->budget = (uint64_t)size + ELEMENTS_FREE;
	for (;;) {
		switch (op->code) {
		case OP_END:
			if (fl_unlikely(p != end))
				FAIL(FL_E_TRAILING_BYTES, p, 0);
			return FL_VERDICT_ROW;
		case OP_NULL:
			if (op->refuse_null)
				FAIL(FL_E_BAD_NULL, p, 0);
			break;
		case OP_BOOLEAN:
			NEED(1);
			if (*p > 1)
				FAIL(FL_E_BAD_BOOLEAN, p, *p);
			STORE(uint8_t, *p);
			p++;
			break;
		case OP_INT8:
			from = p;
			READ_INT(v);
			i32 = (int32_t)unzigzag(v);
			if (i32 != (int8_t)i32)
				FAIL(FL_E_BAD_TYPE, from, i32);
			STORE(int8_t, i32);
			break;
		case OP_INT16:
			from = p;
			READ_INT(v);
			i32 = (int32_t)unzigzag(v);
			if (i32 != (int16_t)i32)
				FAIL(FL_E_BAD_TYPE, from, i32);
			STORE(int16_t, i32);
			break;
		case OP_INT32:
			READ_INT(v);
			STORE(int32_t, unzigzag(v));
			break;
		case OP_INT64:
			READ_INT(v);
			STORE(int64_t, unzigzag(v));
			break;
		case OP_INT_FLOAT:
			READ_INT(v);
			STORE(float, unzigzag(v));
			break;
		case OP_INT_DOUBLE:
			READ_INT(v);
			STORE(double, unzigzag(v));
			break;
		case OP_LONG:
			READ_LONG(v);
			STORE(int64_t, unzigzag(v));
			break;
		case OP_LONG_FLOAT:
			READ_LONG(v);
			STORE(float, unzigzag(v));
			break;
		case OP_LONG_DOUBLE:
			READ_LONG(v);
			STORE(double, unzigzag(v));
			break;
		case OP_TIME: {
			int64_t ms;

			READ_LONG(v);
			ms = unzigzag(v);
			if (op->b != 1)
				ms = fl_time_cut(ms, op->b) / (int64_t)op->b;
			if (op->a != 1)
				ms = fl_time_cut(ms, op->a);
			STORE(int64_t, ms);
			break;
		}
		case OP_FLOAT:
			NEED(4);
			memcpy(&f32, p, 4);
			STORE(float, f32);
			p += 4;
			break;
		case OP_FLOAT_DOUBLE:
			NEED(4);
			memcpy(&f32, p, 4);
			STORE(double, f32);
			p += 4;
			break;
		case OP_DOUBLE:
			NEED(8);
			memcpy(&f64, p, 8);
			STORE(double, f64);
			p += 8;
			break;
		case OP_STRING:
			READ_LENGTH(v);
			if (fl_unlikely(!fl_ascii(p, v))) {
				size_t good = fl_utf8_valid(p, v);

				if (good != v)
					FAIL(FL_E_BAD_UTF8, p + good, 0);
			}
			APPEND(p, v, end);
			p += v;
			break;
		case OP_BYTES:
			READ_LENGTH(v);
			APPEND(p, v, end);
			p += v;
			break;
		case OP_FIXED:
			NEED(op->a);
			APPEND(p, op->a, end);
			p += op->a;
			break;
		case OP_DECIMAL:
		case OP_DECIMAL_FIXED: {
			fl_i128 unscaled;

			if (op->code == OP_DECIMAL) {
				READ_LENGTH(v);
			} else {
				v = op->a;
				NEED(v);
			}
			if (!read_unscaled(p, v, &unscaled) || unscaled >= *op->limit ||
			    unscaled <= -*op->limit)
				FAIL(FL_E_BAD_TYPE, p, 0);
			memcpy((fl_i128 *)COL(op)->col.data + row, &unscaled, sizeof(unscaled));
			COL(op)->col.valid[word] |= bit;
			p += v;
			break;
		}
		case OP_ENUM_STRING:
			READ_INDEX(v, op->node->count, FL_E_BAD_ENUM);
			APPEND((const uint8_t *)op->node->symbols[v],
			    op->node->symbol_sizes[v], (const uint8_t *)op->node->symbols[v] + 16);
			break;
		case OP_ENUM_INT:
			READ_INDEX(v, op->node->count, FL_E_BAD_ENUM);
			STORE(int32_t, v);
			break;
		case OP_ENUM_LONG:
			READ_INDEX(v, op->node->count, FL_E_BAD_ENUM);
			STORE(int64_t, v);
			break;
		case OP_OPTION:
			READ_INDEX(v, op->b, FL_E_BAD_UNION);
			if (v == op->a) {
				if (fl_unlikely(op->refuse_null))
					FAIL(FL_E_BAD_NULL, p, 0);
				op = d->ops + op->target;
				continue;
			}
			break;

		SKIP_CASES;
		case OP_NESTED:
			from = p;
			if (skip_nested(d, op + 1, value, &from, end, &failure) != FL_OK) {
				failure.field = op->field;
				return report(d, &failure, size, err);
			}
			p = from;
			op = d->ops + op->target;
			continue;
		default:
			__builtin_unreachable();
		}
		op++;
	}
fail:
	failure = (struct failure){ .code = code, .op = op, .field = op->field,
		.at = (size_t)(from - value), .value = bad };
	return report(d, &failure, size, err);
}

/* ---- making one ---- */

static void
free_avro(struct fl_decoder *decoder)
{
	struct avro_decoder *d = (struct avro_decoder *)decoder;

	fl_arena_fini(&d->arena);
	free(d->ops);
	free(d->todo);
	free(d);
}

enum fl_code
fl_avro_decoder_new(
    const struct fl_codec_options *options, struct fl_decoder **decoder, struct fl_err *err)
{
	struct avro_decoder *d = fl_calloc(1, sizeof(*d));
	enum fl_code code;

	d->head = (struct fl_decoder){
		.decode = decode_avro, .free = free_avro, .schema = options->schema };
	fl_arena_init(&d->arena);
	if (options->avro_schema != NULL)
		code = fl_avro_parse_record(options->avro_schema, &d->arena, &d->record, err);
	else
		code = fl_avro_derive(options->schema, &d->arena, &d->record, err);
	if (code == FL_OK)
		code = compile_record(d, err);
	if (code != FL_OK) {
		free_avro(&d->head);
		return code;
	}
	*decoder = &d->head;
	return FL_OK;
}
