/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block.c - seals a batch into bytes and views bytes as a batch.
 *
 * Sealing goes column by column straight into the destination: one pass over a
 * column's values finds minimum, maximum and whether it is constant while the
 * values are in cache, and the copy is a memcpy.  Values under a NULL are written
 * as zero, so that the same rows give the same bytes and nothing that happened to
 * be in memory reaches the disk.
 *
 * Viewing trusts nothing: every array must lie inside the block and be aligned,
 * string offsets must not go back, counts must agree.  Whoever holds a view may
 * index without looking.  Three arrays are copied, not borrowed: constant and narrow
 * columns are expanded, and DECIMAL values move where 16-byte loads are allowed (values in
 * the map are 8-aligned).
 */
#include "column/block.h"

#include <stdlib.h>

#include "base/util.h"

/* The read-only map hands out const bytes, struct fl_col holds plain pointers. */
static void *
drop_const(const void *p)
{
	return (void *)(uintptr_t)p;
}

uint64_t
fl_schema_hash(const struct fl_schema *schema)
{
	uint64_t hash = schema->count;
	uint32_t i;

	for (i = 0; i < schema->count; i++) {
		const struct fl_field *field = &schema->fields[i];
		uint8_t type[8] = {
		    field->type.id, field->type.nullable, field->type.precision, field->type.scale};

		type[1] |= (uint8_t)(field->type.element << 1);
		memcpy(type + 4, &field->type.length, 4);
		hash = fl_hash64_seed(type, sizeof(type), hash);
		hash = fl_hash64_seed(field->name, strlen(field->name), hash);
	}
	return hash;
}

static size_t
align8(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

size_t
fl_block_size_max(const struct fl_batch *batch, bool with_deltas, bool with_kinds)
{
	size_t rows = batch->row_count;
	size_t size =
	    sizeof(struct fl_block_head) + batch->schema->count * sizeof(struct fl_block_col);
	uint32_t c;

	for (c = 0; c < batch->schema->count; c++) {
		const struct fl_col *col = &batch->cols[c];
		size_t width = fl_type_width(col->type.id);

		if (col->valid != NULL)
			size += FL_VALID_WORDS(rows) * 8;
		if (width > 0)
			size += align8(rows * width);
		else if (col->offsets != NULL)
			size += align8((rows + 1) * 4) +
				align8(rows > 0 ? col->offsets[rows] - col->offsets[0] : 0);
		else
			size += align8(rows * col->str_size);
	}
	if (with_deltas)
		size += align8(rows * 4);
	if (with_kinds)
		size += align8(rows);
	return size;
}

/* ---- sealing ---- */

struct sealer {
	char *out;
	size_t at, size_max;
};

/* Room for size bytes at the next 8-aligned place; the padding is zero. */
static void *
reserve_array(struct sealer *s, size_t size, uint32_t *at)
{
	size_t padded = align8(size);
	char *p = s->out + s->at;

	assert(s->at + padded <= s->size_max);
	if (padded > size)
		memset(p + padded - 8, 0, 8);
	*at = (uint32_t)s->at;
	s->at += padded;
	return p;
}

/* Copies count bits to dst, bits past the end zero; returns the NULLs. */
static uint32_t
copy_bits(uint64_t *dst, const uint64_t *src, uint32_t count)
{
	size_t words = FL_VALID_WORDS(count), i;
	uint32_t ones = 0;

	for (i = 0; i < words; i++) {
		dst[i] = src[i];
		if (i == words - 1 && (count & 63) != 0)
			dst[i] &= (UINT64_C(1) << (count & 63)) - 1;
		ones += (uint32_t)__builtin_popcountll(dst[i]);
	}
	return count - ones;
}

/*
 * Minimum and maximum of count > 0 values.  Two accumulators each, because one
 * chain of compares has a latency of two cycles per value.
 */
#define DEFINE_MINMAX(name, ctype)                                                                 \
	static void name(const void *data, uint32_t count, int64_t *min, int64_t *max)             \
	{                                                                                          \
		const ctype *v = data;                                                             \
		ctype lo0 = v[0], hi0 = v[0], lo1 = v[0], hi1 = v[0];                              \
		uint32_t i;                                                                        \
                                                                                                   \
		for (i = 0; i + 2 <= count; i += 2) {                                              \
			ctype a = v[i], b = v[i + 1];                                              \
                                                                                                   \
			lo0 = a < lo0 ? a : lo0;                                                   \
			hi0 = a > hi0 ? a : hi0;                                                   \
			lo1 = b < lo1 ? b : lo1;                                                   \
			hi1 = b > hi1 ? b : hi1;                                                   \
		}                                                                                  \
		if (i < count) {                                                                   \
			lo0 = v[i] < lo0 ? v[i] : lo0;                                             \
			hi0 = v[i] > hi0 ? v[i] : hi0;                                             \
		}                                                                                  \
		*min = lo0 < lo1 ? lo0 : lo1;                                                      \
		*max = hi0 > hi1 ? hi0 : hi1;                                                      \
	}                                                                                          \
	static void name##_valid(                                                                  \
	    const void *data, const uint64_t *valid, uint32_t count, int64_t *min, int64_t *max)   \
	{                                                                                          \
		const ctype *v = data;                                                             \
		int64_t lo = INT64_MAX, hi = INT64_MIN;                                            \
		uint32_t i;                                                                        \
                                                                                                   \
		for (i = 0; i < count; i++) {                                                      \
			if ((valid[i >> 6] >> (i & 63) & 1) == 0)                                  \
				continue;                                                          \
			lo = v[i] < lo ? v[i] : lo;                                                \
			hi = v[i] > hi ? v[i] : hi;                                                \
		}                                                                                  \
		*min = lo;                                                                         \
		*max = hi;                                                                         \
	}

DEFINE_MINMAX(minmax_i8, int8_t)
DEFINE_MINMAX(minmax_i16, int16_t)
DEFINE_MINMAX(minmax_i32, int32_t)
DEFINE_MINMAX(minmax_i64, int64_t)

static bool
has_minmax(uint8_t type)
{
	return fl_type_is_integer(type) || type == FL_TYPE_DATE || type == FL_TYPE_TIMESTAMP ||
	       type == FL_TYPE_TIMESTAMP_LTZ || type == FL_TYPE_INTERVAL;
}

static void
find_minmax(uint32_t width, const void *data, const uint64_t *valid, uint32_t count, int64_t *min,
    int64_t *max)
{
	switch (width) {
	case 1:
		valid == NULL ? minmax_i8(data, count, min, max)
			      : minmax_i8_valid(data, valid, count, min, max);
		break;
	case 2:
		valid == NULL ? minmax_i16(data, count, min, max)
			      : minmax_i16_valid(data, valid, count, min, max);
		break;
	case 4:
		valid == NULL ? minmax_i32(data, count, min, max)
			      : minmax_i32_valid(data, valid, count, min, max);
		break;
	default:
		valid == NULL ? minmax_i64(data, count, min, max)
			      : minmax_i64_valid(data, valid, count, min, max);
		break;
	}
}

/* Integers and times whose values lie close together are stored as distances from the
 * smallest: what is written to disk, synced and read again is halved for most rows. */
bool
fl_block_can_narrow(enum fl_type_id id)
{
	return has_minmax((uint8_t)id) && fl_type_width(id) > 1;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): types take none */
#define DEFINE_NARROW(name, ctype, stype)                                                      \
	static void name##_narrow(const void *from, int64_t min, uint32_t count, void *to)     \
	{                                                                                      \
		const ctype *v = from;                                                         \
		stype *out = to;                                                               \
                                                                                               \
		for (uint32_t i = 0; i < count; i++)                                           \
			out[i] = (stype)((uint64_t)v[i] - (uint64_t)min);                      \
	}                                                                                      \
	/* Returns the largest distance. */                                                    \
	static uint64_t name##_widen(const void *from, int64_t min, uint32_t count, void *to)  \
	{                                                                                      \
		const stype *v = from;                                                         \
		ctype *out = to;                                                               \
		stype most = 0;                                                                \
                                                                                               \
		for (uint32_t i = 0; i < count; i++) {                                         \
			most = v[i] > most ? v[i] : most;                                      \
			out[i] = (ctype)((uint64_t)min + v[i]);                                \
		}                                                                              \
		return most;                                                                   \
	}

/* NOLINTEND(bugprone-macro-parentheses) */
DEFINE_NARROW(i16_1, int16_t, uint8_t)
DEFINE_NARROW(i32_1, int32_t, uint8_t)
DEFINE_NARROW(i32_2, int32_t, uint16_t)
DEFINE_NARROW(i64_1, int64_t, uint8_t)
DEFINE_NARROW(i64_2, int64_t, uint16_t)
DEFINE_NARROW(i64_4, int64_t, uint32_t)

static const struct narrow {
	uint32_t width, size;
	void (*narrow)(const void *from, int64_t min, uint32_t count, void *to);
	uint64_t (*widen)(const void *from, int64_t min, uint32_t count, void *to);
} narrows[] = {
	{ 2, 1, i16_1_narrow, i16_1_widen },
	{ 4, 1, i32_1_narrow, i32_1_widen },
	{ 4, 2, i32_2_narrow, i32_2_widen },
	{ 8, 1, i64_1_narrow, i64_1_widen },
	{ 8, 2, i64_2_narrow, i64_2_widen },
	{ 8, 4, i64_4_narrow, i64_4_widen },
};

static const struct narrow *
find_narrow(uint32_t width, uint32_t size)
{
	for (size_t i = 0; i < FL_ARRAY_COUNT(narrows); i++)
		if (narrows[i].width == width && narrows[i].size == size)
			return &narrows[i];
	return NULL;
}

/* Every value equals the one before it: the array compared with itself shifted.
 * Gives up at the first difference, so it costs nothing on ordinary columns. */
static bool
all_equal(const char *p, size_t width, uint32_t count)
{
	return count > 0 && memcmp(p, p + width, (count - 1) * width) == 0;
}

static void
zero_nulls(char *data, uint32_t width, const uint64_t *valid, uint32_t count)
{
	size_t words = FL_VALID_WORDS(count), i;

	for (i = 0; i < words; i++) {
		uint32_t row = (uint32_t)i * 64;
		uint64_t nulls = ~valid[i];

		if (row + 64 > count)
			nulls &= (UINT64_C(1) << (count - row)) - 1;
		for (; nulls != 0; nulls &= nulls - 1)
			memset(data + (size_t)(row + (uint32_t)__builtin_ctzll(nulls)) * width, 0,
			    width);
	}
}

static void
seal_fixed(struct sealer *s, const char *src, uint32_t count, const uint64_t *valid,
    uint32_t width, struct fl_block_col *bc)
{
	size_t start = s->at, size = (size_t)count * width;
	const struct narrow *narrow = NULL;
	char *data;

	if (valid == NULL && count > 0 && has_minmax(bc->type)) {
		find_minmax(width, src, NULL, count, &bc->min, &bc->max);
		bc->flags |= FL_BLOCK_COL_MINMAX;
		if (bc->min == bc->max)
			bc->flags |= FL_BLOCK_COL_CONST;
		else
			narrow = find_narrow(width, fl_block_narrow(bc->min, bc->max, width));
	} else if (valid == NULL && all_equal(src, width, count)) {
		bc->flags |= FL_BLOCK_COL_CONST;
	}
	if ((bc->flags & FL_BLOCK_COL_CONST) != 0)
		size = width;
	if (narrow != NULL)
		size = (size_t)count * narrow->size;
	data = reserve_array(s, size, &bc->data_at);
	if (narrow != NULL) {
		narrow->narrow(src, bc->min, count, data);
		bc->flags |= FL_BLOCK_COL_NARROW;
		bc->narrow = (uint8_t)narrow->size;
	} else if (size > 0) {
		memcpy(data, src, size);
	}
	bc->data_size = (uint32_t)size;
	if (valid == NULL)
		return;
	zero_nulls(data, width, valid, count);
	if (has_minmax(bc->type) && bc->null_count < count) {
		find_minmax(width, data, valid, count, &bc->min, &bc->max);
		bc->flags |= FL_BLOCK_COL_MINMAX;
	}
	if (all_equal(data, width, count)) {
		char value[16];

		bc->flags |= FL_BLOCK_COL_CONST;
		bc->data_size = width;
		memcpy(value, data, width);
		s->at = start; /* once is enough */
		data = reserve_array(s, width, &bc->data_at);
		memcpy(data, value, width);
	}
}

/* All lengths equal: one pass over the offsets. */
static bool
is_fixed_length(const uint32_t *offsets, uint32_t count)
{
	uint32_t size = offsets[1] - offsets[0], different = 0, i;

	/* In pieces, so that a column of mixed lengths is given up early. */
	for (i = 0; i < count && different == 0;) {
		uint32_t end = FL_MIN(count, i + 256);

		for (; i < end; i++)
			different |= (offsets[i + 1] - offsets[i]) ^ size;
	}
	return different == 0;
}

static void
seal_strings(
    struct sealer *s, const struct fl_col *col, uint32_t count, struct fl_block_col *bc)
{
	uint32_t first = col->offsets != NULL ? col->offsets[0] : 0, *offsets, i;
	/* An empty column may have no bytes at all. */
	const char *bytes = col->bytes == NULL ? "" : col->bytes + first;
	char *out;

	if (count == 0 || col->offsets == NULL || is_fixed_length(col->offsets, count)) {
		bc->flags |= FL_BLOCK_COL_FIXED_STR;
		bc->str_size = count == 0 ? 0 : col->offsets == NULL ? col->str_size :
			       col->offsets[1] - first;
		bc->bytes_size = bc->str_size * count;
		if (count > 0 && ((col->offsets == NULL && col->stride == 0) ||
				     all_equal(bytes, bc->str_size, count))) {
			bc->flags |= FL_BLOCK_COL_CONST;
			bc->bytes_size = bc->str_size;
		}
	} else {
		bc->bytes_size = col->offsets[count] - first;
		offsets = reserve_array(s, ((size_t)count + 1) * 4, &bc->offsets_at);
		for (i = 0; i <= count; i++)
			offsets[i] = col->offsets[i] - first;
	}
	out = reserve_array(s, bc->bytes_size, &bc->bytes_at);
	if (bc->bytes_size > 0)
		memcpy(out, bytes, bc->bytes_size);
}

static void
seal_column(struct sealer *s, const struct fl_col *col, const struct fl_type *type,
    uint32_t count, struct fl_block_col *bc)
{
	uint32_t width = fl_type_width(type->id);
	uint64_t *valid = NULL;
	size_t start = s->at;

	bc->type = type->id;
	bc->precision = type->precision;
	bc->scale = type->scale;
	bc->length = type->length;
	bc->element = type->element;
	bc->nullable = type->nullable;
	if (col->valid != NULL && count > 0) {
		valid = reserve_array(s, FL_VALID_WORDS(count) * 8, &bc->valid_at);
		bc->null_count = copy_bits(valid, col->valid, count);
		if (bc->null_count > 0) {
			bc->flags |= FL_BLOCK_COL_VALID;
		} else { /* no NULL among these rows: no bits */
			s->at = start;
			bc->valid_at = 0;
			valid = NULL;
		}
	}
	if (width > 0)
		seal_fixed(s, col->data, count, valid, width, bc);
	else
		seal_strings(s, col, count, bc);
}

static void
seal_deltas(
    struct sealer *s, const uint32_t *deltas, uint32_t count, struct fl_block_head *head)
{
	uint32_t *to, i;

	head->last = head->first + deltas[count - 1];
	head->first += deltas[0];
	if (deltas[count - 1] - deltas[0] == count - 1)
		return;
	to = reserve_array(s, (size_t)count * 4, &head->deltas_at);
	for (i = 0; i < count; i++)
		to[i] = deltas[i] - deltas[0];
}

size_t
fl_block_seal(const struct fl_batch *batch, const struct fl_block_info *info, void *out,
    size_t out_size)
{
	const struct fl_schema *schema = batch->schema;
	struct sealer s = {.out = out, .size_max = out_size};
	struct fl_block_head *head = out;
	struct fl_block_col *cols = (struct fl_block_col *)(head + 1);
	uint32_t count = batch->row_count, c;

	assert(((uintptr_t)out & 7) == 0);
	assert(count <= FL_BATCH_ROWS_MAX);
	assert(schema->count <= UINT16_MAX);
	s.at = sizeof(*head) + schema->count * sizeof(*cols);
	assert(s.at <= out_size);
	memset(out, 0, s.at);
	for (c = 0; c < schema->count; c++)
		seal_column(&s, &batch->cols[c], &schema->fields[c].type, count, &cols[c]);
	if (info->kinds != NULL)
		memcpy(reserve_array(&s, count, &head->kinds_at), info->kinds, count);
	head->first = info->first;
	head->last = info->first + (int64_t)count - 1;
	if (info->deltas != NULL && count > 0)
		seal_deltas(&s, info->deltas, count, head);
	head->magic = FL_BLOCK_MAGIC;
	head->version = FL_BLOCK_VERSION;
	head->col_count = (uint16_t)schema->count;
	head->size = (uint32_t)s.at;
	head->row_count = count;
	head->stream = info->stream;
	head->partition = info->partition;
	head->kafka_ts_min = info->kafka_ts_min;
	head->kafka_ts_max = info->kafka_ts_max;
	head->schema_hash = fl_schema_hash(schema);
	return s.at;
}

/* ---- viewing ---- */

/* An array of size bytes at offset at, inside the block and 8-aligned. */
static bool
array_fits(const struct fl_block_head *head, uint32_t at, size_t size)
{
	size_t arrays_at = sizeof(*head) + (size_t)head->col_count * sizeof(struct fl_block_col);

	return (at & 7) == 0 && at >= arrays_at && at <= head->size && size <= head->size - at;
}

static void
expand_const(const void *value, uint32_t width, uint32_t count, char *out)
{
	size_t done = width, size = (size_t)width * count;

	memcpy(out, value, width);
	while (done < size) { /* doubling: a few large copies instead of many small */
		size_t more = FL_MIN(done, size - done);

		memcpy(out + done, out, more);
		done += more;
	}
}

static const char *
view_valid(const struct fl_block_head *head, const struct fl_block_col *bc, struct fl_col *col)
{
	const uint64_t *bits;
	uint32_t count = head->row_count, ones = 0;
	size_t words = FL_VALID_WORDS(count), i;

	if ((bc->flags & FL_BLOCK_COL_VALID) == 0)
		return bc->null_count == 0 ? NULL : "NULLs without validity bits";
	if (bc->null_count == 0 || bc->null_count > count ||
	    !array_fits(head, bc->valid_at, words * 8))
		return "validity bits outside the block";
	bits = (const uint64_t *)(const void *)((const char *)head + bc->valid_at);
	for (i = 0; i < words; i++)
		ones += (uint32_t)__builtin_popcountll(bits[i]);
	if (ones != count - bc->null_count)
		return "validity bits and number of NULLs differ";
	if ((count & 63) != 0 && (bits[words - 1] >> (count & 63)) != 0)
		return "validity bits past the last row";
	col->valid = drop_const(bits);
	return NULL;
}

static const char *
view_narrow(const struct fl_block_head *head, const struct fl_block_col *bc, uint32_t width,
    struct fl_arena *arena, struct fl_col *col)
{
	const struct narrow *narrow = find_narrow(width, bc->narrow);
	uint64_t span = (uint64_t)bc->max - (uint64_t)bc->min;

	if (narrow == NULL || !has_minmax(bc->type) ||
	    bc->flags != (FL_BLOCK_COL_NARROW | FL_BLOCK_COL_MINMAX))
		return "narrow values of a kind that cannot be";
	if (bc->data_size != (size_t)head->row_count * narrow->size ||
	    !array_fits(head, bc->data_at, bc->data_size))
		return "values outside the block";
	col->data = fl_arena_alloc(arena, (size_t)head->row_count * width);
	if (narrow->widen((const char *)head + bc->data_at, bc->min, head->row_count, col->data) > span)
		return "a value above the maximum";
	return NULL;
}

static const char *
view_fixed(const struct fl_block_head *head, const struct fl_block_col *bc, uint32_t width,
    struct fl_arena *arena, struct fl_col *col)
{
	bool is_const = (bc->flags & FL_BLOCK_COL_CONST) != 0;
	size_t size = (size_t)(is_const ? 1 : head->row_count) * width;
	const char *data;

	if ((bc->flags & FL_BLOCK_COL_NARROW) != 0)
		return view_narrow(head, bc, width, arena, col);
	if (is_const && head->row_count == 0)
		return "a constant without rows";
	if (bc->data_size != size || !array_fits(head, bc->data_at, size))
		return "values outside the block";
	data = (const char *)head + bc->data_at;
	if (bc->type == FL_TYPE_BOOLEAN) {
		uint8_t bad = 0;

		for (size_t i = 0; i < size; i++)
			bad |= (uint8_t)data[i] & 0xfe;
		if (bad != 0)
			return "a boolean that is neither 0 nor 1";
	}
	if (is_const && head->row_count > 1) {
		col->data = fl_arena_alloc(arena, (size_t)head->row_count * width);
		expand_const(data, width, head->row_count, col->data);
	} else if (width == 16 && ((uintptr_t)data & 15) != 0) {
		col->data = fl_arena_dup(arena, data, size);
	} else {
		col->data = drop_const(data);
	}
	return NULL;
}

static const char *
view_strings(const struct fl_block_head *head, const struct fl_block_col *bc, struct fl_col *col)
{
	const uint32_t *offsets;
	uint32_t count = head->row_count, back = 0, i;

	if (!array_fits(head, bc->bytes_at, bc->bytes_size))
		return "bytes outside the block";
	col->bytes = (const char *)head + bc->bytes_at;
	if ((bc->flags & FL_BLOCK_COL_FIXED_STR) != 0) {
		bool is_const = (bc->flags & FL_BLOCK_COL_CONST) != 0;

		if ((size_t)bc->str_size * (is_const ? 1 : count) != bc->bytes_size)
			return "bytes and length of the values differ";
		col->str_size = bc->str_size;
		col->stride = is_const ? 0 : bc->str_size;
		return NULL;
	}
	if ((bc->flags & FL_BLOCK_COL_CONST) != 0 ||
	    !array_fits(head, bc->offsets_at, ((size_t)count + 1) * 4))
		return "offsets outside the block";
	offsets = (const uint32_t *)(const void *)((const char *)head + bc->offsets_at);
	for (i = 0; i < count; i++)
		back |= offsets[i] > offsets[i + 1];
	if (back != 0 || offsets[0] != 0 || offsets[count] != bc->bytes_size)
		return "offsets that go back or past the bytes";
	col->offsets = offsets;
	return NULL;
}

static const char *
view_arrays(const struct fl_block_head *head, const struct fl_col *col)
{
	struct fl_array array;
	uint32_t size, i;

	for (i = 0; i < head->row_count; i++) {
		const char *p = fl_col_str(col, i, &size);

		if (fl_col_is_valid(col, i) && !fl_array_view(&col->type, p, size, &array))
			return "an array that contradicts itself";
	}
	return NULL;
}

static const char *
view_column(const struct fl_block_head *head, const struct fl_block_col *bc,
    const struct fl_type *type, struct fl_arena *arena, struct fl_col *col)
{
	uint32_t width = fl_type_width(type->id);
	const char *wrong;

	if (bc->type != type->id || bc->precision != type->precision || bc->scale != type->scale ||
	    bc->length != type->length || bc->element != type->element || bc->nullable != (uint8_t)type->nullable)
		return "another type than declared";
	col->type = *type;
	wrong = view_valid(head, bc, col);
	if (wrong != NULL)
		return wrong;
	if ((bc->flags & FL_BLOCK_COL_MINMAX) != 0 && (!has_minmax(bc->type) || bc->min > bc->max))
		return "a minimum above the maximum";
	if (width > 0)
		return view_fixed(head, bc, width, arena, col);
	wrong = view_strings(head, bc, col);
	return wrong == NULL && type->id == FL_TYPE_ARRAY ? view_arrays(head, col) : wrong;
}

static const char *
view_rows(const struct fl_block_head *head, struct fl_block_view *view)
{
	const char *base = (const char *)head;
	uint32_t count = head->row_count, i;
	int64_t last;

	if (head->kinds_at != 0) {
		uint8_t bad = 0;

		if (!array_fits(head, head->kinds_at, count))
			return "row kinds outside the block";
		view->kinds = (const uint8_t *)base + head->kinds_at;
		for (i = 0; i < count; i++)
			bad |= view->kinds[i] & 0xfc;
		if (bad != 0)
			return "an unknown row kind";
	}
	if (head->deltas_at == 0) {
		if (__builtin_add_overflow(head->first, (int64_t)count - 1, &last) ||
		    last != head->last)
			return "first and last row number and number of rows differ";
		return NULL;
	}
	if (count == 0 || !array_fits(head, head->deltas_at, (size_t)count * 4))
		return "row offsets outside the block";
	view->deltas = (const uint32_t *)(const void *)(base + head->deltas_at);
	for (i = 1; i < count; i++)
		if (view->deltas[i] <= view->deltas[i - 1])
			return "row offsets that do not rise";
	if (view->deltas[0] != 0 ||
	    __builtin_add_overflow(head->first, (int64_t)view->deltas[count - 1], &last) ||
	    last != head->last)
		return "row offsets and first and last offset differ";
	return NULL;
}

static const char *
view_head(const struct fl_block_head *head, size_t size)
{
	if (size < sizeof(*head) || ((uintptr_t)head & 7) != 0)
		return "too few bytes for a head";
	if (head->magic != FL_BLOCK_MAGIC)
		return "no block begins here";
	if (head->version != FL_BLOCK_VERSION)
		return "an unknown version";
	if (head->size > size || (head->size & 7) != 0 ||
	    head->size < sizeof(*head) + (size_t)head->col_count * sizeof(struct fl_block_col))
		return "its size does not fit";
	if (head->row_count > FL_BATCH_ROWS_MAX)
		return "too many rows";
	return NULL;
}

enum fl_code
fl_block_view(const void *bytes, size_t size, const struct fl_schema *schema,
    struct fl_arena *arena, struct fl_block_view *view, struct fl_err *err)
{
	const struct fl_block_head *head = bytes;
	struct fl_block_view v = {.head = head};
	const char *wrong = view_head(head, size);
	uint32_t c;

	if (wrong != NULL)
		return FL_FAIL(err, FL_E_STORE_DAMAGED, "block: %s", wrong);
	if (head->col_count != schema->count || head->schema_hash != fl_schema_hash(schema))
		return FL_FAIL(err, FL_E_STORE_DAMAGED,
		    "block: its %u columns are not the %u that were declared",
		    (unsigned)head->col_count, (unsigned)schema->count);
	v.cols = (const struct fl_block_col *)(head + 1);
	wrong = view_rows(head, &v);
	if (wrong != NULL)
		return FL_FAIL(err, FL_E_STORE_DAMAGED, "block: %s", wrong);
	v.batch.schema = schema;
	v.batch.row_count = head->row_count;
	v.batch.cols = FL_ARENA_ARRAY(arena, struct fl_col, schema->count);
	for (c = 0; c < schema->count; c++) {
		wrong =
		    view_column(head, &v.cols[c], &schema->fields[c].type, arena, &v.batch.cols[c]);
		if (wrong != NULL)
			return FL_FAIL(err, FL_E_STORE_DAMAGED, "block: column \"%s\": %s",
			    schema->fields[c].name, wrong);
	}
	*view = v;
	return FL_OK;
}
