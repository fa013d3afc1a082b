/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agg.c - accumulators of COUNT, SUM, AVG, MIN, MAX, FIRST_VALUE and LAST_VALUE.
 *
 * The add functions are the hot loops of a replay.  Each is one inline loop that
 * DEFINE_ADD compiles eight times, once per (selection or not) x (NULLs or not) x
 * (row slots or one accumulator), so that no loop tests what does not change.
 * Into one accumulator the loop works on a copy in registers.
 *
 *	COUNT		{ i64 count }				 8 bytes
 *	SUM, AVG	{ i64 or double sum, i64 count }	16
 *	  DECIMAL	{ i128 sum, i64 count, i64 overflow }	32
 *	MIN, MAX, FIRST_VALUE, LAST_VALUE
 *			{ value in 8 bytes, i64 count }		16
 *	  DECIMAL	{ i128 value, i64 count }		24
 *	  strings	{ fl_blob value, i64 count }		16
 *
 * Zero bytes are the empty accumulator: count 0 means no value yet.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <strings.h>

#include "base/util.h"
#include "decimal.h"
#include "kernel.h"

struct acc_i64 {
	int64_t value, count;
};
struct acc_f32 {
	float value, pad;
	int64_t count;
};
struct acc_f64 {
	double value;
	int64_t count;
};
struct acc_i128 {
	fl_i128 value;
	int64_t count;
};
struct acc_sum_i128 {
	fl_i128 value;
	int64_t count, overflow;
};
struct acc_blob {
	struct fl_blob value;
	int64_t count;
};

static const char *const parts_count[] = {".count", NULL};
static const char *const parts_sum[] = {".sum", ".count", NULL};
static const char *const parts_min[] = {".min", NULL};
static const char *const parts_max[] = {".max", NULL};
static const char *const parts_first[] = {".first", NULL};
static const char *const parts_last[] = {".last", NULL};

/* ---- heap ---- */

uint32_t
fl_heap_put(struct fl_heap *heap, const void *p, uint32_t size)
{
	uint32_t at = heap->size;

	if (size > UINT32_MAX - heap->size) {
		heap->is_full = true;
		return 0;
	}
	if (heap->size + size > heap->capacity) {
		uint64_t want = FL_MAX((uint64_t)heap->capacity * 2, (uint64_t)heap->size + size);

		heap->capacity = (uint32_t)FL_MIN(FL_MAX(want, 256u), UINT32_MAX);
		heap->data = fl_realloc(heap->data, heap->capacity);
	}
	if (size > 0)
		memcpy(heap->data + at, p, size);
	heap->size += size;
	return at;
}

/* ---- loops ---- */

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/*
 * Defines add_<word>(): for each row, with v the value and acc its accumulator,
 * the statement `update`.
 */
#define DEFINE_ADD(word, T, A, update)                                                             \
	ALWAYS_INLINE void loop_##word(char *base, uint32_t stride, const uint32_t *rows,          \
	    const struct fl_col *arg, const uint32_t *sel, uint32_t count, bool has_rows,          \
	    bool has_sel, bool has_valid)                                                          \
	{                                                                                          \
		const T *x = arg->data;                                                            \
		const uint64_t *valid = arg->valid;                                                \
		struct A own;                                                                      \
		if (!has_rows)                                                                     \
			memcpy(&own, base, sizeof(own));                                           \
		for (uint32_t k = 0; k < count; k++) {                                             \
			uint32_t row = has_sel ? sel[k] : k;                                       \
			if (has_valid && !(valid[row >> 6] >> (row & 63) & 1))                     \
				continue;                                                          \
			struct A *acc =                                                            \
			    has_rows ? (struct A *)(void *)(base + (size_t)rows[k] * stride)       \
				     : &own;                                                       \
			T v = x[row];                                                              \
			update;                                                                    \
		}                                                                                  \
		if (!has_rows)                                                                     \
			memcpy(base, &own, sizeof(own));                                           \
	}                                                                                          \
	static void add_##word(char *base, uint32_t stride, const uint32_t *rows,                  \
	    const struct fl_col *arg, const uint32_t *sel, uint32_t count)                         \
	{                                                                                          \
		switch ((rows != NULL) << 2 | (sel != NULL) << 1 | (arg->valid != NULL)) {         \
		case 0:                                                                            \
			loop_##word(base, stride, rows, arg, sel, count, false, false, false);     \
			break;                                                                     \
		case 1:                                                                            \
			loop_##word(base, stride, rows, arg, sel, count, false, false, true);      \
			break;                                                                     \
		case 2:                                                                            \
			loop_##word(base, stride, rows, arg, sel, count, false, true, false);      \
			break;                                                                     \
		case 3:                                                                            \
			loop_##word(base, stride, rows, arg, sel, count, false, true, true);       \
			break;                                                                     \
		case 4:                                                                            \
			loop_##word(base, stride, rows, arg, sel, count, true, false, false);      \
			break;                                                                     \
		case 5:                                                                            \
			loop_##word(base, stride, rows, arg, sel, count, true, false, true);       \
			break;                                                                     \
		case 6:                                                                            \
			loop_##word(base, stride, rows, arg, sel, count, true, true, false);       \
			break;                                                                     \
		default:                                                                           \
			loop_##word(base, stride, rows, arg, sel, count, true, true, true);        \
			break;                                                                     \
		}                                                                                  \
	}

/* Sums of integers wrap in 64 bits; the low bits are those of the narrow type. */
#define ADD_INTEGER                                                                                \
	acc->value = (int64_t)((uint64_t)acc->value + (uint64_t)(int64_t)v);                       \
	acc->count++
#define ADD_FLOATING                                                                               \
	acc->value += v;                                                                           \
	acc->count++
#define ADD_DECIMAL                                                                                \
	acc->count++;                                                                              \
	if (__builtin_add_overflow(acc->value, v, &acc->value) ||                                  \
	    !fl_decimal_fits(acc->value, 38))                                                      \
	acc->overflow = 1
#define TAKE_LESS                                                                                  \
	if (acc->count == 0 || v < acc->value)                                                     \
		acc->value = v;                                                                    \
	acc->count = 1
#define TAKE_MORE                                                                                  \
	if (acc->count == 0 || v > acc->value)                                                     \
		acc->value = v;                                                                    \
	acc->count = 1
#define TAKE_FIRST                                                                                 \
	if (acc->count == 0)                                                                       \
		acc->value = v;                                                                    \
	acc->count = 1
#define TAKE_LAST                                                                                  \
	acc->value = v;                                                                            \
	acc->count = 1

DEFINE_ADD(sum_i8, int8_t, acc_i64, ADD_INTEGER)
DEFINE_ADD(sum_i16, int16_t, acc_i64, ADD_INTEGER)
DEFINE_ADD(sum_i32, int32_t, acc_i64, ADD_INTEGER)
DEFINE_ADD(sum_i64, int64_t, acc_i64, ADD_INTEGER)
DEFINE_ADD(sum_f32, float, acc_f32, ADD_FLOATING)
DEFINE_ADD(sum_f64, double, acc_f64, ADD_FLOATING)
DEFINE_ADD(avg_f32, float, acc_f64, acc->value += (double)v; acc->count++)
DEFINE_ADD(sum_i128, fl_i128, acc_sum_i128, ADD_DECIMAL)
DEFINE_ADD(min_u8, uint8_t, acc_i64, TAKE_LESS)
/* NOLINTNEXTLINE(bugprone-signed-char-misuse): TINYINT is a number */
DEFINE_ADD(min_i8, int8_t, acc_i64, TAKE_LESS)
DEFINE_ADD(min_i16, int16_t, acc_i64, TAKE_LESS)
DEFINE_ADD(min_i32, int32_t, acc_i64, TAKE_LESS)
DEFINE_ADD(min_i64, int64_t, acc_i64, TAKE_LESS)
DEFINE_ADD(min_f32, float, acc_f32, TAKE_LESS)
DEFINE_ADD(min_f64, double, acc_f64, TAKE_LESS)
DEFINE_ADD(min_i128, fl_i128, acc_i128, TAKE_LESS)
DEFINE_ADD(max_u8, uint8_t, acc_i64, TAKE_MORE)
/* NOLINTNEXTLINE(bugprone-signed-char-misuse): TINYINT is a number */
DEFINE_ADD(max_i8, int8_t, acc_i64, TAKE_MORE)
DEFINE_ADD(max_i16, int16_t, acc_i64, TAKE_MORE)
DEFINE_ADD(max_i32, int32_t, acc_i64, TAKE_MORE)
DEFINE_ADD(max_i64, int64_t, acc_i64, TAKE_MORE)
DEFINE_ADD(max_f32, float, acc_f32, TAKE_MORE)
DEFINE_ADD(max_f64, double, acc_f64, TAKE_MORE)
DEFINE_ADD(max_i128, fl_i128, acc_i128, TAKE_MORE)
DEFINE_ADD(first_u8, uint8_t, acc_i64, TAKE_FIRST)
/* NOLINTNEXTLINE(bugprone-signed-char-misuse): TINYINT is a number */
DEFINE_ADD(first_i8, int8_t, acc_i64, TAKE_FIRST)
DEFINE_ADD(first_i16, int16_t, acc_i64, TAKE_FIRST)
DEFINE_ADD(first_i32, int32_t, acc_i64, TAKE_FIRST)
DEFINE_ADD(first_i64, int64_t, acc_i64, TAKE_FIRST)
DEFINE_ADD(first_f32, float, acc_f32, TAKE_FIRST)
DEFINE_ADD(first_f64, double, acc_f64, TAKE_FIRST)
DEFINE_ADD(first_i128, fl_i128, acc_i128, TAKE_FIRST)
DEFINE_ADD(last_u8, uint8_t, acc_i64, TAKE_LAST)
/* NOLINTNEXTLINE(bugprone-signed-char-misuse): TINYINT is a number */
DEFINE_ADD(last_i8, int8_t, acc_i64, TAKE_LAST)
DEFINE_ADD(last_i16, int16_t, acc_i64, TAKE_LAST)
DEFINE_ADD(last_i32, int32_t, acc_i64, TAKE_LAST)
DEFINE_ADD(last_i64, int64_t, acc_i64, TAKE_LAST)
DEFINE_ADD(last_f32, float, acc_f32, TAKE_LAST)
DEFINE_ADD(last_f64, double, acc_f64, TAKE_LAST)
DEFINE_ADD(last_i128, fl_i128, acc_i128, TAKE_LAST)

/*
 * Defines merge_<word>(): for each k, `from` the accumulator of one pane and acc that of the
 * window, with v the value of `from`.  The first one is taken as it is.
 */
#define DEFINE_MERGE(word, T, A, update)                                                           \
	static void merge_##word(const struct fl_merge *m, uint32_t at)                            \
	{                                                                                          \
		for (uint32_t k = 0; k < m->count; k++) {                                          \
			const struct A *from = (const struct A *)(const void *)(m->from + at +     \
			    (size_t)m->from_rows[k] * m->stride);                                  \
			struct A *acc =                                                            \
			    (struct A *)(void *)(m->to + at + (size_t)m->to_rows[k] * m->stride);  \
			if (from->count == 0)                                                      \
				continue;                                                          \
			if (acc->count == 0) {                                                     \
				*acc = *from;                                                      \
				continue;                                                          \
			}                                                                          \
			T v = from->value;                                                         \
			update;                                                                    \
		}                                                                                  \
	}

#define MERGE_INTEGER                                                                              \
	acc->value = (int64_t)((uint64_t)acc->value + (uint64_t)v);                                \
	acc->count += from->count
#define MERGE_FLOATING                                                                             \
	acc->value += v;                                                                           \
	acc->count += from->count
#define MERGE_DECIMAL                                                                              \
	acc->count += from->count;                                                                 \
	acc->overflow |= from->overflow;                                                           \
	if (__builtin_add_overflow(acc->value, v, &acc->value) ||                                  \
	    !fl_decimal_fits(acc->value, 38))                                                      \
	acc->overflow = 1

DEFINE_MERGE(sum_i64, int64_t, acc_i64, MERGE_INTEGER)
DEFINE_MERGE(sum_f32, float, acc_f32, MERGE_FLOATING)
DEFINE_MERGE(sum_f64, double, acc_f64, MERGE_FLOATING)
DEFINE_MERGE(sum_i128, fl_i128, acc_sum_i128, MERGE_DECIMAL)
DEFINE_MERGE(min_i64, int64_t, acc_i64, TAKE_LESS)
DEFINE_MERGE(min_f32, float, acc_f32, TAKE_LESS)
DEFINE_MERGE(min_f64, double, acc_f64, TAKE_LESS)
DEFINE_MERGE(min_i128, fl_i128, acc_i128, TAKE_LESS)
DEFINE_MERGE(max_i64, int64_t, acc_i64, TAKE_MORE)
DEFINE_MERGE(max_f32, float, acc_f32, TAKE_MORE)
DEFINE_MERGE(max_f64, double, acc_f64, TAKE_MORE)
DEFINE_MERGE(max_i128, fl_i128, acc_i128, TAKE_MORE)

typedef void add_loop(char *base, uint32_t stride, const uint32_t *rows, const struct fl_col *arg,
    const uint32_t *sel, uint32_t count);

/* ---- COUNT ---- */

static enum fl_code
rule_count(
    const struct fl_type *arg, struct fl_type *result, uint32_t *acc_size, struct fl_err *err)
{
	(void)arg;
	(void)err;
	*result = fl_type_make(FL_TYPE_BIGINT, false);
	*acc_size = sizeof(int64_t);
	return FL_OK;
}

ALWAYS_INLINE void
count_rows(char *base, uint32_t stride, const uint32_t *rows, const struct fl_col *arg,
    const uint32_t *sel, uint32_t count, bool has_rows, bool has_valid)
{
	int64_t n = 0;

	for (uint32_t k = 0; k < count; k++) {
		if (has_valid && !fl_col_is_valid(arg, sel != NULL ? sel[k] : k))
			continue;
		if (has_rows)
			++*(int64_t *)(void *)(base + (size_t)rows[k] * stride);
		else
			n++;
	}
	if (!has_rows)
		*(int64_t *)(void *)base += n;
}

static void
add_count(const struct fl_agg *agg, char *base, uint32_t stride, const uint32_t *rows,
    const struct fl_col *arg, const uint32_t *sel, uint32_t count, struct fl_heap *heap)
{
	bool has_valid = arg != NULL && arg->valid != NULL;

	(void)heap;
	base += agg->acc_at;
	if (rows != NULL && has_valid)
		count_rows(base, stride, rows, arg, sel, count, true, true);
	else if (rows != NULL)
		count_rows(base, stride, rows, arg, sel, count, true, false);
	else if (has_valid)
		count_rows(base, stride, rows, arg, sel, count, false, true);
	else
		*(int64_t *)(void *)base += count;
}

static void
merge_count(const struct fl_agg *agg, const struct fl_merge *m)
{
	for (uint32_t k = 0; k < m->count; k++)
		*(int64_t *)(void *)(m->to + agg->acc_at + (size_t)m->to_rows[k] * m->stride) +=
		    *(const int64_t *)(const void *)(m->from + agg->acc_at +
			(size_t)m->from_rows[k] * m->stride);
}

static void
set_valid(struct fl_col *out, uint32_t i, bool valid)
{
	if (out->valid == NULL)
		return;
	if (valid)
		out->valid[i >> 6] |= UINT64_C(1) << (i & 63);
	else
		out->valid[i >> 6] &= ~(UINT64_C(1) << (i & 63));
}

static void
finish_count(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap,
    struct fl_col *out, uint32_t i, struct fl_buf *out_bytes)
{
	(void)agg;
	(void)heap;
	(void)out_bytes;
	memcpy((int64_t *)out->data + i, acc, sizeof(int64_t));
	set_valid(out, i, true);
}

static void
print_count(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap, uint32_t part,
    struct fl_buf *out)
{
	int64_t n;

	(void)agg;
	(void)heap;
	(void)part;
	memcpy(&n, acc, sizeof(n));
	fl_buf_i64(out, n);
}

/* ---- SUM, AVG ---- */

static enum fl_code
refuse_type(const char *name, const struct fl_type *arg, struct fl_err *err)
{
	struct fl_type bare = *arg;
	char text[64];

	bare.nullable = true;
	return FL_FAIL(err, FL_E_SQL_BIND,
	    "%s aggregate function does not support type '%s'; please re-check the data type", name,
	    fl_type_print(&bare, text, sizeof(text)));
}

static enum fl_code
rule_total(const char *name, bool is_avg, const struct fl_type *arg, struct fl_type *result,
    uint32_t *acc_size, struct fl_err *err)
{
	if (!fl_type_is_numeric((enum fl_type_id)arg->id))
		return refuse_type(name, arg, err);
	*result = *arg;
	*acc_size = sizeof(struct acc_i64);
	if (arg->id == FL_TYPE_DECIMAL) {
		*acc_size = sizeof(struct acc_sum_i128);
		result->precision = FL_DECIMAL_PRECISION_MAX;
		if (is_avg)
			result->scale = FL_MAX(arg->scale, (uint8_t)6);
	}
	return FL_OK;
}

static enum fl_code
rule_sum(const struct fl_type *arg, struct fl_type *result, uint32_t *acc_size, struct fl_err *err)
{
	return rule_total("Sum", false, arg, result, acc_size, err);
}

static enum fl_code
rule_avg(const struct fl_type *arg, struct fl_type *result, uint32_t *acc_size, struct fl_err *err)
{
	return rule_total("Avg", true, arg, result, acc_size, err);
}

static void
add_sum(const struct fl_agg *agg, char *base, uint32_t stride, const uint32_t *rows,
    const struct fl_col *arg, const uint32_t *sel, uint32_t count, struct fl_heap *heap)
{
	static add_loop *const loops[] = {
	    [FL_TYPE_TINYINT] = add_sum_i8,
	    [FL_TYPE_SMALLINT] = add_sum_i16,
	    [FL_TYPE_INT] = add_sum_i32,
	    [FL_TYPE_BIGINT] = add_sum_i64,
	    [FL_TYPE_FLOAT] = add_sum_f32,
	    [FL_TYPE_DOUBLE] = add_sum_f64,
	    [FL_TYPE_DECIMAL] = add_sum_i128,
	};

	(void)heap;
	loops[arg->type.id](base + agg->acc_at, stride, rows, arg, sel, count);
}

/* As SUM, but FLOAT sums in double. */
static void
add_avg(const struct fl_agg *agg, char *base, uint32_t stride, const uint32_t *rows,
    const struct fl_col *arg, const uint32_t *sel, uint32_t count, struct fl_heap *heap)
{
	if (arg->type.id == FL_TYPE_FLOAT)
		add_avg_f32(base + agg->acc_at, stride, rows, arg, sel, count);
	else
		add_sum(agg, base, stride, rows, arg, sel, count, heap);
}

static void
merge_sum(const struct fl_agg *agg, const struct fl_merge *m)
{
	if (agg->result.id == FL_TYPE_FLOAT)
		merge_sum_f32(m, agg->acc_at);
	else if (agg->result.id == FL_TYPE_DOUBLE)
		merge_sum_f64(m, agg->acc_at);
	else if (agg->result.id == FL_TYPE_DECIMAL)
		merge_sum_i128(m, agg->acc_at);
	else
		merge_sum_i64(m, agg->acc_at);
}

static void
merge_avg(const struct fl_agg *agg, const struct fl_merge *m)
{
	if (agg->result.id == FL_TYPE_FLOAT)
		merge_sum_f64(m, agg->acc_at);
	else
		merge_sum(agg, m);
}

static void
store_null(struct fl_col *out, uint32_t i)
{
	uint32_t width = fl_type_width((enum fl_type_id)out->type.id);

	memset((char *)out->data + (size_t)i * width, 0, width);
	set_valid(out, i, false);
}

static void
finish_decimal(const struct fl_agg *agg, const struct acc_sum_i128 *acc, bool is_avg,
    struct fl_col *out, uint32_t i)
{
	fl_i128 v = acc->value;
	uint32_t scale = agg->arg->type.scale;

	if (acc->overflow != 0 || (is_avg && !fl_decimal_div(acc->value, scale, acc->count, 0,
						 out->type.precision, out->type.scale, &v))) {
		store_null(out, i);
		return;
	}
	((fl_i128 *)out->data)[i] = v;
}

static void
finish_total(const struct fl_agg *agg, const char *acc, bool is_avg, struct fl_col *out, uint32_t i)
{
	uint8_t id = agg->result.id;

	int64_t count = id == FL_TYPE_DECIMAL
			    ? ((const struct acc_sum_i128 *)(const void *)acc)->count
			    : ((const struct acc_i64 *)(const void *)acc)->count;

	if (count == 0) {
		store_null(out, i);
		return;
	}
	set_valid(out, i, true);
	if (id == FL_TYPE_DECIMAL) {
		finish_decimal(agg, (const struct acc_sum_i128 *)(const void *)acc, is_avg, out, i);
	} else if (id == FL_TYPE_DOUBLE) {
		const struct acc_f64 *a = (const struct acc_f64 *)(const void *)acc;

		((double *)out->data)[i] = is_avg ? a->value / (double)a->count : a->value;
	} else if (id == FL_TYPE_FLOAT) {
		const struct acc_f64 *a = (const struct acc_f64 *)(const void *)acc;

		((float *)out->data)[i] = is_avg
					      ? (float)(a->value / (double)a->count)
					      : ((const struct acc_f32 *)(const void *)acc)->value;
	} else {
		const struct acc_i64 *a = (const struct acc_i64 *)(const void *)acc;

		fl_store_i64(out, i, is_avg ? a->value / a->count : a->value);
	}
}

static void
finish_sum(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap,
    struct fl_col *out, uint32_t i, struct fl_buf *out_bytes)
{
	(void)heap;
	(void)out_bytes;
	finish_total(agg, acc, false, out, i);
}

static void
finish_avg(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap,
    struct fl_col *out, uint32_t i, struct fl_buf *out_bytes)
{
	(void)heap;
	(void)out_bytes;
	finish_total(agg, acc, true, out, i);
}

static void
print_total(
    const struct fl_agg *agg, const char *acc, bool is_avg, uint32_t part, struct fl_buf *out)
{
	const struct acc_i64 *a = (const struct acc_i64 *)(const void *)acc;
	const struct acc_sum_i128 *d = (const struct acc_sum_i128 *)(const void *)acc;
	uint8_t id = agg->result.id;
	int64_t count = id == FL_TYPE_DECIMAL ? d->count : a->count;

	if (part == 1)
		fl_buf_i64(out, count);
	else if (count == 0)
		fl_buf_str(out, "NULL");
	else if (id == FL_TYPE_DECIMAL && d->overflow != 0)
		fl_buf_str(out, "OVERFLOW");
	else if (id == FL_TYPE_DECIMAL)
		fl_print_decimal(out, d->value, agg->arg->type.scale);
	else if (id == FL_TYPE_DOUBLE || (id == FL_TYPE_FLOAT && is_avg))
		fl_print_double(out, ((const struct acc_f64 *)(const void *)acc)->value);
	else if (id == FL_TYPE_FLOAT)
		fl_print_float(out, ((const struct acc_f32 *)(const void *)acc)->value);
	else
		fl_buf_i64(out, a->value);
}

static void
print_sum(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap, uint32_t part,
    struct fl_buf *out)
{
	(void)heap;
	print_total(agg, acc, false, part, out);
}

static void
print_avg(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap, uint32_t part,
    struct fl_buf *out)
{
	(void)heap;
	print_total(agg, acc, true, part, out);
}

/* ---- MIN, MAX ---- */

static enum fl_code
rule_extreme(const char *name, const struct fl_type *arg, struct fl_type *result,
    uint32_t *acc_size, struct fl_err *err)
{
	if (fl_type_is_bytes((enum fl_type_id)arg->id) || arg->id == FL_TYPE_NULL ||
	    arg->id == FL_TYPE_INTERVAL)
		return refuse_type(name, arg, err);
	*result = *arg;
	*acc_size = arg->id == FL_TYPE_DECIMAL ? sizeof(struct acc_i128) : sizeof(struct acc_i64);
	return FL_OK;
}

static enum fl_code
rule_min(const struct fl_type *arg, struct fl_type *result, uint32_t *acc_size, struct fl_err *err)
{
	return rule_extreme("Min", arg, result, acc_size, err);
}

static enum fl_code
rule_max(const struct fl_type *arg, struct fl_type *result, uint32_t *acc_size, struct fl_err *err)
{
	return rule_extreme("Max", arg, result, acc_size, err);
}

/* A better string overwrites the old one where it fits, else goes to the end. */
static void
take_string(struct acc_blob *acc, struct fl_heap *heap, const char *p, uint32_t size)
{
	if (acc->count != 0 && size <= acc->value.size) {
		if (size > 0)
			memcpy(heap->data + acc->value.at, p, size);
		heap->dead_size += acc->value.size - size;
	} else {
		heap->dead_size += acc->value.size;
		acc->value.at = fl_heap_put(heap, p, size);
	}
	acc->value.size = size;
	acc->count = 1;
}

static void
add_strings(int sign, char *base, uint32_t stride, const uint32_t *rows, const struct fl_col *arg,
    const uint32_t *sel, uint32_t count, struct fl_heap *heap)
{
	for (uint32_t k = 0; k < count; k++) {
		uint32_t row = sel != NULL ? sel[k] : k, size;
		struct acc_blob *acc =
		    (struct acc_blob *)(void *)(base +
						(rows != NULL ? (size_t)rows[k] * stride : 0));
		const char *p;

		if (!fl_col_is_valid(arg, row))
			continue;
		p = fl_col_str(arg, row, &size);
		if (acc->count != 0 && sign * fl_compare_bytes(p, size, heap->data + acc->value.at,
					   acc->value.size) <= 0)
			continue;
		take_string(acc, heap, p, size);
	}
}

/* A value compared or kept: a loop per width, and one for what lies in the heap. */
#define ADD_BY_TYPE(NAME, STRINGS, HOW)                                                            \
	static void NAME(const struct fl_agg *agg, char *base, uint32_t stride,                    \
	    const uint32_t *rows, const struct fl_col *arg, const uint32_t *sel, uint32_t count,   \
	    struct fl_heap *heap)                                                                  \
	{                                                                                          \
		static add_loop *const loops[] = {                                                 \
			[FL_TYPE_BOOLEAN] = NAME##_u8,                                             \
			[FL_TYPE_TINYINT] = NAME##_i8,                                             \
			[FL_TYPE_SMALLINT] = NAME##_i16,                                           \
			[FL_TYPE_INT] = NAME##_i32,                                                \
			[FL_TYPE_BIGINT] = NAME##_i64,                                             \
			[FL_TYPE_FLOAT] = NAME##_f32,                                              \
			[FL_TYPE_DOUBLE] = NAME##_f64,                                             \
			[FL_TYPE_DECIMAL] = NAME##_i128,                                           \
			[FL_TYPE_DATE] = NAME##_i32,                                               \
			[FL_TYPE_TIMESTAMP] = NAME##_i64,                                          \
			[FL_TYPE_TIMESTAMP_LTZ] = NAME##_i64,                                      \
		};                                                                                 \
                                                                                                   \
		if (fl_type_is_var((enum fl_type_id)arg->type.id))                                 \
			STRINGS(HOW, base + agg->acc_at, stride, rows, arg, sel, count, heap);     \
		else                                                                               \
			loops[arg->type.id](base + agg->acc_at, stride, rows, arg, sel, count);    \
	}

ADD_BY_TYPE(add_min, add_strings, -1)
ADD_BY_TYPE(add_max, add_strings, 1)

static void
merge_strings(int sign, uint32_t at, const struct fl_merge *m)
{
	for (uint32_t k = 0; k < m->count; k++) {
		const struct acc_blob *from = (const struct acc_blob *)(const void *)(m->from + at +
		    (size_t)m->from_rows[k] * m->stride);
		struct acc_blob *acc =
		    (struct acc_blob *)(void *)(m->to + at + (size_t)m->to_rows[k] * m->stride);
		const char *p;

		if (from->count == 0)
			continue;
		p = from->value.size == 0 ? "" : m->from_heap->data + from->value.at;
		if (acc->count != 0 && sign * fl_compare_bytes(p, from->value.size,
			m->to_heap->data + acc->value.at, acc->value.size) <= 0)
			continue;
		take_string(acc, m->to_heap, p, from->value.size);
	}
}

/* Integers, dates and times all lie in 64 bits. */
static void
merge_min(const struct fl_agg *agg, const struct fl_merge *m)
{
	if (fl_type_is_var((enum fl_type_id)agg->result.id))
		merge_strings(-1, agg->acc_at, m);
	else if (agg->result.id == FL_TYPE_FLOAT)
		merge_min_f32(m, agg->acc_at);
	else if (agg->result.id == FL_TYPE_DOUBLE)
		merge_min_f64(m, agg->acc_at);
	else if (agg->result.id == FL_TYPE_DECIMAL)
		merge_min_i128(m, agg->acc_at);
	else
		merge_min_i64(m, agg->acc_at);
}

static void
merge_max(const struct fl_agg *agg, const struct fl_merge *m)
{
	if (fl_type_is_var((enum fl_type_id)agg->result.id))
		merge_strings(1, agg->acc_at, m);
	else if (agg->result.id == FL_TYPE_FLOAT)
		merge_max_f32(m, agg->acc_at);
	else if (agg->result.id == FL_TYPE_DOUBLE)
		merge_max_f64(m, agg->acc_at);
	else if (agg->result.id == FL_TYPE_DECIMAL)
		merge_max_i128(m, agg->acc_at);
	else
		merge_max_i64(m, agg->acc_at);
}

/* Appends a value of variable width; offsets are the caller's array, which
 * fl_col_alloc() made writable. */
static void
append_string(
    struct fl_col *out, uint32_t i, struct fl_buf *out_bytes, const char *p, uint32_t size)
{
	uint32_t *offsets = (uint32_t *)(uintptr_t)out->offsets;

	if (i == 0)
		offsets[0] = (uint32_t)out_bytes->size;
	if (size > 0)
		fl_buf_add(out_bytes, p, size);
	offsets[i + 1] = (uint32_t)out_bytes->size;
}

static void
finish_min(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap,
    struct fl_col *out, uint32_t i, struct fl_buf *out_bytes)
{
	enum fl_type_id id = (enum fl_type_id)agg->result.id;
	const struct acc_i64 *a = (const struct acc_i64 *)(const void *)acc;

	if (fl_type_is_var(id)) {
		const struct acc_blob *b = (const struct acc_blob *)(const void *)acc;
		bool any = b->count != 0;

		append_string(out, i, out_bytes, any ? heap->data + b->value.at : "",
		    any ? b->value.size : 0);
		set_valid(out, i, any);
		return;
	}
	if (id == FL_TYPE_DECIMAL) {
		const struct acc_i128 *d = (const struct acc_i128 *)(const void *)acc;

		((fl_i128 *)out->data)[i] = d->value;
		set_valid(out, i, d->count != 0);
		return;
	}
	if (id == FL_TYPE_DOUBLE || id == FL_TYPE_FLOAT) {
		uint32_t width = fl_type_width(id);

		memcpy((char *)out->data + (size_t)i * width, acc, width);
	} else {
		fl_store_i64(out, i, a->value);
	}
	set_valid(out, i, a->count != 0);
}

static void
finish_max(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap,
    struct fl_col *out, uint32_t i, struct fl_buf *out_bytes)
{
	finish_min(agg, acc, heap, out, i, out_bytes);
}

static void
print_min(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap, uint32_t part,
    struct fl_buf *out)
{
	const struct acc_blob *b = (const struct acc_blob *)(const void *)acc;
	fl_i128 wide = 0;
	uint64_t valid = 1;
	struct fl_col col = {.type = agg->result, .data = &wide, .valid = &valid};

	(void)part;
	if (fl_type_is_var((enum fl_type_id)agg->result.id)) {
		if (b->count == 0)
			fl_buf_str(out, "NULL");
		else
			fl_buf_add(out, heap->data + b->value.at, b->value.size);
		return;
	}
	finish_min(agg, acc, heap, &col, 0, NULL);
	fl_col_print(&col, 0, out);
}

static void
print_max(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap, uint32_t part,
    struct fl_buf *out)
{
	print_min(agg, acc, heap, part, out);
}

/* ---- FIRST_VALUE, LAST_VALUE ---- */

static enum fl_code
rule_first(const struct fl_type *arg, struct fl_type *result, uint32_t *acc_size, struct fl_err *err)
{
	return rule_extreme("FIRST_VALUE", arg, result, acc_size, err);
}

static enum fl_code
rule_last(const struct fl_type *arg, struct fl_type *result, uint32_t *acc_size, struct fl_err *err)
{
	return rule_extreme("LAST_VALUE", arg, result, acc_size, err);
}

static void
place_strings(bool is_first, char *base, uint32_t stride, const uint32_t *rows,
    const struct fl_col *arg, const uint32_t *sel, uint32_t count, struct fl_heap *heap)
{
	for (uint32_t k = 0; k < count; k++) {
		uint32_t row = sel != NULL ? sel[k] : k, size;
		struct acc_blob *acc =
		    (struct acc_blob *)(void *)(base +
						(rows != NULL ? (size_t)rows[k] * stride : 0));
		const char *p;

		if (!fl_col_is_valid(arg, row) || (is_first && acc->count != 0))
			continue;
		p = fl_col_str(arg, row, &size);
		take_string(acc, heap, p, size);
	}
}

ADD_BY_TYPE(add_first, place_strings, true)
ADD_BY_TYPE(add_last, place_strings, false)

static void
finish_first(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap,
    struct fl_col *out, uint32_t i, struct fl_buf *out_bytes)
{
	finish_min(agg, acc, heap, out, i, out_bytes);
}

static void
print_first(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap, uint32_t part,
    struct fl_buf *out)
{
	print_min(agg, acc, heap, part, out);
}

static void
finish_last(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap,
    struct fl_col *out, uint32_t i, struct fl_buf *out_bytes)
{
	finish_min(agg, acc, heap, out, i, out_bytes);
}

static void
print_last(const struct fl_agg *agg, const char *acc, const struct fl_heap *heap, uint32_t part,
    struct fl_buf *out)
{
	print_min(agg, acc, heap, part, out);
}

/* ---- table ---- */

static const struct fl_agg_fn agg_fns[] = {
#define FL_AGGREGATE(n, args, ident, suffixes, merger, h)                                                  \
	{.name = (n),                                                                              \
	    .arg_count = (args),                                                                   \
	    .type_rule = rule_##ident,                                                             \
	    .add = add_##ident,                                                                    \
	    .finish = finish_##ident,                                                              \
	    .parts = (suffixes),                                                                   \
	    .part_print = print_##ident,                                                           \
	    .merge = (merger),                                                                     \
	    .help = (h)},
#include "tbl/aggregates.h"
#undef FL_AGGREGATE
};

const struct fl_agg_fn *
fl_agg_find(const char *name, size_t len, bool star)
{
	for (size_t i = 0; i < FL_ARRAY_COUNT(agg_fns); i++)
		if (strlen(agg_fns[i].name) == len &&
		    strncasecmp(agg_fns[i].name, name, len) == 0 &&
		    (agg_fns[i].arg_count == 0) == star)
			return &agg_fns[i];
	return NULL;
}

const struct fl_agg_fn *
fl_agg_row(uint32_t i)
{
	return i < FL_ARRAY_COUNT(agg_fns) ? &agg_fns[i] : NULL;
}
