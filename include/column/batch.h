/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.h - types, schemas, and rows held as columns.
 *
 *	type	  what a value is: id, nullability, precision, scale, length
 *	schema	  named types: the columns of a table or of a plan node
 *	ROW	  no column: its fields are columns, one after the other, and say
 *		  which ROW they lie in; it is as NULL as all of them
 *	col	  one column of a batch
 *	batch	  row_count rows of schema->count columns; read-only once made
 *	builder	  a batch that grows by rows: what decoders write into
 *
 * Values in their arrays: BOOLEAN uint8 0/1; TINYINT..BIGINT int8..int64; FLOAT,
 * DOUBLE; DECIMAL __int128 unscaled; DATE int32 days since 1970; TIMESTAMP,
 * TIMESTAMP_LTZ and INTERVAL int64 milliseconds; CHAR, VARCHAR, BINARY,
 * VARBINARY bytes; ARRAY bytes too (struct fl_array).
 *
 * A selection vector is an ascending array of row indexes; kernels compute the
 * selected rows only and leave the others undefined but readable (fixed width),
 * or empty (variable width).
 *
 * Memory:  a batch borrows its arrays from a block, a builder or an arena.
 * Thread:  none of it is shared.
 */
#ifndef FL_COLUMN_BATCH_H
#define FL_COLUMN_BATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum fl_type_id {
#define FL_TYPE(name, code, width, text) FL_TYPE_##name = code,
#include "tbl/types.h"
#undef FL_TYPE
};

/* Arrays of blocks and state rows are 8-byte aligned, so no aligned 16-byte loads. */
typedef __int128 fl_i128 __attribute__((aligned(8)));

struct fl_type {
	uint8_t id;	   /* enum fl_type_id */
	bool nullable;
	uint8_t precision; /* DECIMAL 1..38; TIMESTAMP* 0..3 */
	uint8_t scale;	   /* DECIMAL */
	uint32_t length;   /* CHAR, VARCHAR, BINARY, VARBINARY; UINT32_MAX: STRING, BYTES */
	/* ARRAY: enum fl_type_id of its elements, which may be NULL; precision, scale and
	 * length are theirs. */
	uint8_t element;
};
#define FL_LENGTH_MAX UINT32_MAX

/* A declared column of type ROW, or a field of one. */
struct fl_row_type {
	const char *name;	      /* "data"; of a field of data: "data.a" */
	const struct fl_row_type *in; /* NULL: a column of the table */
	bool nullable;
};

struct fl_field {
	const char *name; /* of a field of a ROW its path: "data.a.b" */
	struct fl_type type;
	const struct fl_row_type *in; /* the ROW that it is a field of, or NULL */
};

struct fl_schema {
	uint32_t count;
	struct fl_field *fields;
};

uint32_t fl_type_width(enum fl_type_id id); /* 0: variable */
const char *fl_type_name(enum fl_type_id id);
bool fl_type_is_integer(enum fl_type_id id); /* TINYINT..BIGINT */
bool fl_type_is_numeric(enum fl_type_id id); /* integers, FLOAT, DOUBLE, DECIMAL */
bool fl_type_is_string(enum fl_type_id id);  /* CHAR, VARCHAR */
bool fl_type_is_bytes(enum fl_type_id id);   /* BINARY, VARBINARY */
bool fl_type_is_var(enum fl_type_id id);     /* width 0 */
struct fl_type fl_type_element(const struct fl_type *array);
/* "DECIMAL(10, 2) NOT NULL", as Flink prints it; STRING for VARCHAR(max). */
const char *fl_type_print(const struct fl_type *type, char *buf, size_t size);
bool fl_type_equal(const struct fl_type *a, const struct fl_type *b); /* nullability too */
struct fl_type fl_type_make(enum fl_type_id id, bool nullable);
int32_t fl_schema_find(const struct fl_schema *schema, const char *name); /* -1 */
/* What a field is called in its ROW: "b" of "data.a.b" in "data.a". */
const char *fl_row_field(const char *name, const struct fl_row_type *in);
uint32_t fl_row_depth(const struct fl_row_type *in); /* 0 of NULL */
/* The ROW that both lie in, or NULL. */
const struct fl_row_type *fl_row_common(const struct fl_row_type *a, const struct fl_row_type *b);
/* The first field that lies in a ROW or is an ARRAY, or NULL. */
const struct fl_field *fl_schema_nested(const struct fl_schema *schema);

#define FL_BATCH_ROWS_MAX 65536u

struct fl_col {
	struct fl_type type;
	/* Fixed width: row_count values.  A constant column (from a block) is
	 * expanded when viewed, so data[i] is always good. */
	void *data;
	/* Bit i set: value i is not NULL.  NULL pointer: none is NULL. */
	uint64_t *valid;
	/* Variable width: with offsets, value i is bytes[offsets[i]..offsets[i+1]);
	 * without, bytes[i * stride .. + str_size); stride is str_size, or 0: the
	 * same value in all rows. */
	const uint32_t *offsets;
	const char *bytes;
	uint32_t str_size, stride;
};

struct fl_batch {
	const struct fl_schema *schema;
	struct fl_col *cols; /* schema->count */
	uint32_t row_count;
};

static inline bool
fl_col_is_valid(const struct fl_col *col, uint32_t i)
{
	return col->valid == NULL || (col->valid[i >> 6] >> (i & 63) & 1);
}

static inline const char *
fl_col_str(const struct fl_col *col, uint32_t i, uint32_t *size)
{
	if (col->offsets != NULL) {
		*size = col->offsets[i + 1] - col->offsets[i];
		return col->bytes + col->offsets[i];
	}
	*size = col->str_size;
	return col->bytes + (size_t)i * col->stride;
}

/*
 * The value of an ARRAY, after its bytes:
 *
 *	fixed width	| elements | nulls | count
 *	variable width	| bytes | ends, uint32 each | nulls | count
 *
 * nulls: a byte each, 1: the element is NULL (zeros or empty then); absent when there is
 * none.  count: uint32, the number of elements times 2, plus 1 if there are nulls.  It
 * stands last, so that a value is written in one go.  Nothing is aligned.
 */
struct fl_array {
	struct fl_type type; /* of the elements */
	uint32_t count;
	const char *values, *ends; /* ends: variable width */
	const char *nulls;	   /* or NULL */
};
#define FL_ARRAY_COUNT_SIZE 4u

/* false if the bytes contradict themselves. */
bool fl_array_view(const struct fl_type *type, const char *p, uint32_t size, struct fl_array *array);
static inline bool
fl_array_is_null(const struct fl_array *array, uint32_t i)
{
	return array->nulls != NULL && array->nulls[i] != 0;
}
/* Element i, not NULL: its bytes in the array. */
const char *fl_array_at(const struct fl_array *array, uint32_t i, uint32_t *size);

#define FL_COL_AT(col, ctype, i) (((const ctype *)(col)->data)[i])
#define FL_VALID_WORDS(rows) (((size_t)(rows) + 63) / 64)

/* Value row of a column of a type that integers hold: BOOLEAN, the integers, DATE,
 * TIMESTAMP, TIMESTAMP_LTZ, INTERVAL. */
static inline int64_t
fl_load_i64(const struct fl_col *col, uint32_t row)
{
	switch (fl_type_width((enum fl_type_id)col->type.id)) {
	case 1:
		return FL_COL_AT(col, int8_t, row);
	case 2:
		return FL_COL_AT(col, int16_t, row);
	case 4:
		return FL_COL_AT(col, int32_t, row);
	default:
		return FL_COL_AT(col, int64_t, row);
	}
}

/* Cuts v to the column's width. */
static inline void
fl_store_i64(struct fl_col *out, uint32_t row, int64_t v)
{
	switch (fl_type_width((enum fl_type_id)out->type.id)) {
	case 1:
		((int8_t *)out->data)[row] = (int8_t)v;
		break;
	case 2:
		((int16_t *)out->data)[row] = (int16_t)v;
		break;
	case 4:
		((int32_t *)out->data)[row] = (int32_t)v;
		break;
	default:
		((int64_t *)out->data)[row] = v;
		break;
	}
}

/* Allocates arrays for a fixed-width (data) or variable-width (offsets, no bytes)
 * column of row_max rows; valid is all ones iff with_valid, else NULL. */
void fl_col_alloc(struct fl_col *col, const struct fl_type *type, uint32_t row_max,
    bool with_valid, struct fl_arena *arena);

/* ---- builder ---- */

struct fl_builder_col {
	struct fl_col col;	 /* col.valid is always allocated; NULLs counted below */
	uint32_t *offsets;	 /* writable alias of col.offsets; offsets[0] = 0 */
	struct fl_buf bytes;	 /* variable width: the values so far */
	uint32_t null_count;
};

/*
 * One row is written by calling exactly one setter per column, in any order,
 * then fl_builder_commit(); fl_builder_rollback() forgets a row half written.
 * A column without a setter call in a committed row is NULL.
 */
struct fl_builder {
	const struct fl_schema *schema;
	struct fl_builder_col *cols;
	uint32_t row_count;
	uint32_t row_max;	/* capacity; grows by doubling up to FL_BATCH_ROWS_MAX */
};

void fl_builder_init(struct fl_builder *b, const struct fl_schema *schema);
void fl_builder_fini(struct fl_builder *b);
void fl_builder_reset(struct fl_builder *b); /* no rows, memory kept */
/* Makes sure one more row fits; false when FL_BATCH_ROWS_MAX is reached. */
bool fl_builder_begin(struct fl_builder *b);
void fl_builder_commit(struct fl_builder *b);
void fl_builder_rollback(struct fl_builder *b);
/* The rows so far as a batch that borrows the builder's arrays. */
void fl_builder_view(const struct fl_builder *b, struct fl_batch *batch, struct fl_arena *arena);

static inline void
fl_builder_set_null(struct fl_builder *b, uint32_t c)
{
	struct fl_builder_col *bc = &b->cols[c];

	bc->col.valid[b->row_count >> 6] &= ~(UINT64_C(1) << (b->row_count & 63));
}

static inline void
fl_builder_mark_valid(struct fl_builder *b, uint32_t c)
{
	b->cols[c].col.valid[b->row_count >> 6] |= UINT64_C(1) << (b->row_count & 63);
}

static inline void
fl_builder_set_i64(struct fl_builder *b, uint32_t c, int64_t v)
{
	((int64_t *)b->cols[c].col.data)[b->row_count] = v;
	fl_builder_mark_valid(b, c);
}

static inline void
fl_builder_set_i32(struct fl_builder *b, uint32_t c, int32_t v)
{
	((int32_t *)b->cols[c].col.data)[b->row_count] = v;
	fl_builder_mark_valid(b, c);
}

static inline void
fl_builder_set_str(struct fl_builder *b, uint32_t c, const void *p, size_t size)
{
	fl_buf_add(&b->cols[c].bytes, p, size);
	fl_builder_mark_valid(b, c);
}
/* Any fixed-width value by memcpy of its width. */
void fl_builder_set_raw(struct fl_builder *b, uint32_t c, const void *value);
/* Appends row i of a column of the same type id. */
void fl_builder_set_from(struct fl_builder *b, uint32_t c, const struct fl_col *col, uint32_t i);

#endif
