/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch.c - types, schemas, and the builder that grows columns row by row.
 *
 * Invariants of a builder: validity bits at and after row_count are 0, so a
 * setter only sets a bit and a NULL costs nothing until commit; offsets[row_count]
 * is the size of the bytes that belong to committed rows, so a rollback cuts
 * there.  NULLs are written as zeros: the same rows give the same bytes.
 */
#include "column/batch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"

struct type_row {
	uint32_t width;
	const char *text;
};

static const struct type_row type_rows[] = {
#define FL_TYPE(name, code, w, t) [code] = {.width = (w), .text = (t)},
#include "tbl/types.h"
#undef FL_TYPE
};

#define BUILDER_ROWS_FIRST 256u
/* Offsets are 32 bits; a batch is full long before they could wrap. */
#define BUILDER_BYTES_MAX ((size_t)1 << 30)

/* ---- types ---- */

uint32_t
fl_type_width(enum fl_type_id id)
{
	return (unsigned)id < FL_ARRAY_COUNT(type_rows) ? type_rows[id].width : 0;
}

const char *
fl_type_name(enum fl_type_id id)
{
	if ((unsigned)id >= FL_ARRAY_COUNT(type_rows) || type_rows[id].text == NULL)
		return "UNKNOWN";
	return type_rows[id].text;
}

bool
fl_type_is_integer(enum fl_type_id id)
{
	return id >= FL_TYPE_TINYINT && id <= FL_TYPE_BIGINT;
}

bool
fl_type_is_numeric(enum fl_type_id id)
{
	return id >= FL_TYPE_TINYINT && id <= FL_TYPE_DECIMAL;
}

bool
fl_type_is_string(enum fl_type_id id)
{
	return id == FL_TYPE_CHAR || id == FL_TYPE_VARCHAR;
}

bool
fl_type_is_bytes(enum fl_type_id id)
{
	return id == FL_TYPE_BINARY || id == FL_TYPE_VARBINARY;
}

bool
fl_type_is_var(enum fl_type_id id)
{
	return fl_type_is_string(id) || fl_type_is_bytes(id) || id == FL_TYPE_ARRAY;
}

struct fl_type
fl_type_element(const struct fl_type *array)
{
	return (struct fl_type){.id = array->element,
	    .nullable = true,
	    .precision = array->precision,
	    .scale = array->scale,
	    .length = array->length};
}

static bool
has_precision(uint8_t id)
{
	return id == FL_TYPE_DECIMAL || id == FL_TYPE_TIMESTAMP || id == FL_TYPE_TIMESTAMP_LTZ;
}

const char *
fl_type_print(const struct fl_type *type, char *buf, size_t size)
{
	const char *tail = type->nullable ? "" : " NOT NULL";
	const char *name = fl_type_name((enum fl_type_id)type->id);
	struct fl_type element;
	char text[48];

	if (type->id == FL_TYPE_ARRAY) {
		element = fl_type_element(type);
		(void)snprintf(
		    buf, size, "ARRAY<%s>%s", fl_type_print(&element, text, sizeof(text)), tail);
	} else if (type->id == FL_TYPE_DECIMAL)
		(void)snprintf(buf, size, "%s(%u, %u)%s", name, type->precision, type->scale, tail);
	else if (has_precision(type->id))
		(void)snprintf(buf, size, "%s(%u)%s", name, type->precision, tail);
	else if (type->id == FL_TYPE_VARCHAR && type->length == FL_LENGTH_MAX)
		(void)snprintf(buf, size, "STRING%s", tail);
	else if (type->id == FL_TYPE_VARBINARY && type->length == FL_LENGTH_MAX)
		(void)snprintf(buf, size, "BYTES%s", tail);
	else if (fl_type_is_var((enum fl_type_id)type->id))
		(void)snprintf(buf, size, "%s(%u)%s", name, type->length, tail);
	else
		(void)snprintf(buf, size, "%s%s", name, tail);
	return buf;
}

bool
fl_type_equal(const struct fl_type *a, const struct fl_type *b)
{
	struct fl_type p, q;

	if (a->id != b->id || a->nullable != b->nullable)
		return false;
	if (a->id == FL_TYPE_ARRAY) {
		p = fl_type_element(a);
		q = fl_type_element(b);
		return fl_type_equal(&p, &q);
	}
	if (has_precision(a->id) && a->precision != b->precision)
		return false;
	if (a->id == FL_TYPE_DECIMAL && a->scale != b->scale)
		return false;
	return !fl_type_is_var((enum fl_type_id)a->id) || a->length == b->length;
}

struct fl_type
fl_type_make(enum fl_type_id id, bool nullable)
{
	struct fl_type type = {.id = (uint8_t)id, .nullable = nullable};

	if (id == FL_TYPE_DECIMAL)
		type.precision = 10;
	else if (has_precision((uint8_t)id))
		type.precision = 3;
	else if (id == FL_TYPE_CHAR || id == FL_TYPE_BINARY)
		type.length = 1;
	else if (fl_type_is_var(id))
		type.length = FL_LENGTH_MAX;
	return type;
}

int32_t
fl_schema_find(const struct fl_schema *schema, const char *name)
{
	for (uint32_t i = 0; i < schema->count; i++)
		if (strcmp(schema->fields[i].name, name) == 0)
			return (int32_t)i;
	return -1;
}

const char *
fl_row_field(const char *name, const struct fl_row_type *in)
{
	return in != NULL ? name + strlen(in->name) + 1 : name;
}

uint32_t
fl_row_depth(const struct fl_row_type *in)
{
	uint32_t depth = 0;

	for (; in != NULL; in = in->in)
		depth++;
	return depth;
}

const struct fl_row_type *
fl_row_common(const struct fl_row_type *a, const struct fl_row_type *b)
{
	while (a != b) {
		if (fl_row_depth(a) >= fl_row_depth(b))
			a = a->in;
		else
			b = b->in;
	}
	return a;
}

const struct fl_field *
fl_schema_nested(const struct fl_schema *schema)
{
	for (uint32_t i = 0; i < schema->count; i++)
		if (schema->fields[i].in != NULL || schema->fields[i].type.id == FL_TYPE_ARRAY)
			return &schema->fields[i];
	return NULL;
}

/* ---- arrays ---- */

static uint32_t
read_u32(const char *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

bool
fl_array_view(const struct fl_type *type, const char *p, uint32_t size, struct fl_array *array)
{
	uint32_t width = fl_type_width((enum fl_type_id)type->element), trailer, end = 0;
	uint64_t need;

	if (size < FL_ARRAY_COUNT_SIZE)
		return false;
	size -= FL_ARRAY_COUNT_SIZE;
	trailer = read_u32(p + size);
	*array = (struct fl_array){.type = fl_type_element(type), .count = trailer / 2, .values = p};
	need = (uint64_t)array->count * ((width != 0 ? width : 4) + trailer % 2);
	if (width != 0 ? need != size : need > size)
		return false;
	if (trailer % 2 != 0) {
		size -= array->count;
		array->nulls = p + size;
	}
	for (uint32_t i = 0; type->element == FL_TYPE_BOOLEAN && i < array->count; i++)
		if ((uint8_t)p[i] > 1)
			return false;
	if (width != 0)
		return true;
	size -= array->count * 4;
	array->ends = p + size;
	for (uint32_t i = 0; i < array->count; i++) {
		uint32_t next = read_u32(array->ends + (size_t)i * 4);

		if (next < end || next > size)
			return false;
		end = next;
	}
	return end == size;
}

const char *
fl_array_at(const struct fl_array *array, uint32_t i, uint32_t *size)
{
	uint32_t width = fl_type_width((enum fl_type_id)array->type.id), from;

	if (width != 0) {
		*size = width;
		return array->values + (size_t)i * width;
	}
	from = i == 0 ? 0 : read_u32(array->ends + (size_t)(i - 1) * 4);
	*size = read_u32(array->ends + (size_t)i * 4) - from;
	return array->values + from;
}

/* ---- columns ---- */

void
fl_col_alloc(struct fl_col *col, const struct fl_type *type, uint32_t row_max, bool with_valid,
    struct fl_arena *arena)
{
	uint32_t width = fl_type_width((enum fl_type_id)type->id);

	*col = (struct fl_col){.type = *type};
	if (width != 0) {
		/* At least one value, so that data is never NULL. */
		col->data = fl_arena_alloc(arena, (size_t)FL_MAX(row_max, 1) * width);
	} else {
		col->offsets = fl_arena_alloc(arena, ((size_t)row_max + 1) * sizeof(uint32_t));
		col->bytes = "";
	}
	if (with_valid) {
		size_t size = FL_MAX(FL_VALID_WORDS(row_max), 1) * sizeof(uint64_t);

		col->valid = fl_arena_alloc(arena, size);
		memset(col->valid, 0xff, size);
	}
}

/* ---- builder ---- */

static void
grow_builder(struct fl_builder *b, uint32_t row_max)
{
	size_t words_old = FL_VALID_WORDS(b->row_max), words = FL_VALID_WORDS(row_max);

	for (uint32_t c = 0; c < b->schema->count; c++) {
		struct fl_builder_col *bc = &b->cols[c];
		uint32_t width = fl_type_width((enum fl_type_id)bc->col.type.id);

		if (width != 0) {
			bc->col.data = fl_realloc(bc->col.data, (size_t)row_max * width);
		} else {
			bc->offsets =
			    fl_realloc(bc->offsets, ((size_t)row_max + 1) * sizeof(uint32_t));
			bc->offsets[0] = 0;
			bc->col.offsets = bc->offsets;
		}
		bc->col.valid = fl_realloc(bc->col.valid, words * sizeof(uint64_t));
		memset(bc->col.valid + words_old, 0, (words - words_old) * sizeof(uint64_t));
	}
	b->row_max = row_max;
}

void
fl_builder_init(struct fl_builder *b, const struct fl_schema *schema)
{
	*b = (struct fl_builder){.schema = schema};
	b->cols = fl_calloc(FL_MAX(schema->count, 1), sizeof(*b->cols));
	for (uint32_t c = 0; c < schema->count; c++) {
		b->cols[c].col.type = schema->fields[c].type;
		fl_buf_init(&b->cols[c].bytes);
	}
	grow_builder(b, BUILDER_ROWS_FIRST);
}

void
fl_builder_fini(struct fl_builder *b)
{
	for (uint32_t c = 0; b->cols != NULL && c < b->schema->count; c++) {
		free(b->cols[c].col.data);
		free(b->cols[c].col.valid);
		free(b->cols[c].offsets);
		fl_buf_fini(&b->cols[c].bytes);
	}
	free(b->cols);
	*b = (struct fl_builder){.schema = NULL};
}

void
fl_builder_reset(struct fl_builder *b)
{
	/* The open row may have set a bit as well. */
	size_t words = FL_VALID_WORDS(FL_MIN(b->row_count + 1, b->row_max));

	for (uint32_t c = 0; c < b->schema->count; c++) {
		memset(b->cols[c].col.valid, 0, words * sizeof(uint64_t));
		b->cols[c].null_count = 0;
		fl_buf_reset(&b->cols[c].bytes);
	}
	b->row_count = 0;
}

bool
fl_builder_begin(struct fl_builder *b)
{
	if (b->row_count >= FL_BATCH_ROWS_MAX)
		return false;
	if (b->row_count == b->row_max)
		grow_builder(b, FL_MIN(b->row_max * 2, FL_BATCH_ROWS_MAX));
	for (uint32_t c = 0; c < b->schema->count; c++)
		if (b->cols[c].bytes.size > BUILDER_BYTES_MAX)
			return false;
	return true;
}

void
fl_builder_commit(struct fl_builder *b)
{
	uint32_t row = b->row_count;

	for (uint32_t c = 0; c < b->schema->count; c++) {
		struct fl_builder_col *bc = &b->cols[c];
		bool is_valid = bc->col.valid[row >> 6] >> (row & 63) & 1;

		if (bc->offsets != NULL) {
			if (!is_valid) {
				bc->bytes.size = bc->offsets[row];
				bc->null_count++;
			}
			bc->offsets[row + 1] = (uint32_t)bc->bytes.size;
		} else if (!is_valid) {
			uint32_t width = fl_type_width((enum fl_type_id)bc->col.type.id);

			memset((char *)bc->col.data + (size_t)row * width, 0, width);
			bc->null_count++;
		}
	}
	b->row_count++;
}

void
fl_builder_rollback(struct fl_builder *b)
{
	uint32_t row = b->row_count;

	for (uint32_t c = 0; c < b->schema->count; c++) {
		struct fl_builder_col *bc = &b->cols[c];

		/* Without fl_builder_begin() of this row there may be no room for it. */
		if (row < b->row_max)
			bc->col.valid[row >> 6] &= ~(UINT64_C(1) << (row & 63));
		if (bc->offsets != NULL)
			bc->bytes.size = bc->offsets[row];
	}
}

void
fl_builder_view(const struct fl_builder *b, struct fl_batch *batch, struct fl_arena *arena)
{
	batch->schema = b->schema;
	batch->row_count = b->row_count;
	batch->cols = FL_ARENA_ARRAY(arena, struct fl_col, FL_MAX(b->schema->count, 1));
	for (uint32_t c = 0; c < b->schema->count; c++) {
		const struct fl_builder_col *bc = &b->cols[c];
		struct fl_col *col = &batch->cols[c];

		*col = bc->col;
		if (bc->null_count == 0)
			col->valid = NULL;
		if (bc->offsets != NULL)
			col->bytes = bc->bytes.data != NULL ? bc->bytes.data : "";
	}
}

void
fl_builder_set_raw(struct fl_builder *b, uint32_t c, const void *value)
{
	struct fl_builder_col *bc = &b->cols[c];
	uint32_t width = fl_type_width((enum fl_type_id)bc->col.type.id);

	assert(width != 0);
	memcpy((char *)bc->col.data + (size_t)b->row_count * width, value, width);
	fl_builder_mark_valid(b, c);
}

void
fl_builder_set_from(struct fl_builder *b, uint32_t c, const struct fl_col *col, uint32_t i)
{
	struct fl_builder_col *bc = &b->cols[c];

	if (!fl_col_is_valid(col, i)) {
		fl_builder_set_null(b, c);
	} else if (bc->offsets != NULL) {
		uint32_t size;
		const char *p = fl_col_str(col, i, &size);

		fl_builder_set_str(b, c, p, size);
	} else {
		uint32_t width = fl_type_width((enum fl_type_id)bc->col.type.id);

		fl_builder_set_raw(b, c, (const char *)col->data + (size_t)i * width);
	}
}
