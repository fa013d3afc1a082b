/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compare.c - comparisons and the tests of three-valued logic.
 *
 * Strings compare by bytes, which is the order of UTF-8 code points; DECIMALs
 * compare exactly whatever their scales; NaN is equal to nothing, as in Java.
 */
#include "base/util.h"
#include "decimal.h"
#include "kernel.h"

/* ---- type rules ---- */

static enum fl_code
pair_up(struct fl_arena *arena, const char *name, struct fl_expr **args, struct fl_err *err)
{
	struct fl_type common;
	enum fl_type_id a, b;

	/* A text beside a time is read as one. */
	for (int i = 0; i < 2; i++) {
		if (fl_type_is_string((enum fl_type_id)args[i]->type.id) &&
		    fl_is_time(args[1 - i]->type.id))
			fl_widen(arena, &args[i], &args[1 - i]->type);
	}
	a = (enum fl_type_id)args[0]->type.id;
	b = (enum fl_type_id)args[1]->type.id;
	if (!fl_type_common(&args[0]->type, &args[1]->type, &common)) {
		struct fl_type x = args[0]->type, y = args[1]->type;

		if ((fl_type_is_string(a) && fl_type_is_numeric(b)) ||
		    (fl_type_is_numeric(a) && fl_type_is_string(b)))
			return FL_FAIL(err, FL_E_SQL_BIND,
			    "implicit type conversion between %s and %s is not supported now; "
			    "use CAST in %s",
			    x.id == FL_TYPE_INT ? "INTEGER" : fl_type_name((enum fl_type_id)x.id),
			    y.id == FL_TYPE_INT ? "INTEGER" : fl_type_name((enum fl_type_id)y.id),
			    name);
		return fl_refuse(name, args, 2, err);
	}
	if (common.id == FL_TYPE_NULL)
		common = fl_type_make(FL_TYPE_BOOLEAN, true);
	/* Flink's planner makes = and <> of FLOAT and DOUBLE one type, the first's. */
	if (common.id == FL_TYPE_DOUBLE && a == FL_TYPE_FLOAT && b == FL_TYPE_DOUBLE &&
	    (strcmp(name, "=") == 0 || strcmp(name, "<>") == 0))
		common.id = FL_TYPE_FLOAT;
	for (int i = 0; i < 2; i++) {
		struct fl_type each = common;

		if (common.id == FL_TYPE_DECIMAL && args[i]->type.id != FL_TYPE_NULL)
			each = fl_decimal_of(&args[i]->type); /* scales may differ */
		else if (fl_type_is_var((enum fl_type_id)common.id) &&
			 args[i]->type.id != FL_TYPE_NULL)
			continue; /* bytes are bytes */
		fl_widen(arena, &args[i], &each);
	}
	return FL_OK;
}

enum fl_code
fl_rule_compare(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	(void)arg_count;
	FL_TRY(pair_up(arena, name, args, err));
	*result = fl_type_make(FL_TYPE_BOOLEAN, fl_any_nullable(args, 2));
	return FL_OK;
}

enum fl_code
fl_rule_distinct(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	(void)arg_count;
	FL_TRY(pair_up(arena, name, args, err));
	*result = fl_type_make(FL_TYPE_BOOLEAN, false);
	return FL_OK;
}

enum fl_code
fl_rule_greatest(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	struct fl_type type = args[0]->type;

	for (uint32_t i = 1; i < arg_count; i++)
		if (!fl_type_common(&type, &args[i]->type, &type))
			return fl_refuse(name, args, arg_count, err);
	if (type.id == FL_TYPE_NULL || type.id == FL_TYPE_INTERVAL)
		return fl_refuse(name, args, arg_count, err);
	for (uint32_t i = 0; i < arg_count; i++)
		fl_widen(arena, &args[i], &type);
	*result = type;
	return FL_OK;
}

enum fl_code
fl_rule_boolean(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	struct fl_type boolean = fl_type_make(FL_TYPE_BOOLEAN, true);

	if (args[0]->type.id == FL_TYPE_NULL)
		fl_widen(arena, &args[0], &boolean);
	if (args[0]->type.id != FL_TYPE_BOOLEAN)
		return fl_refuse(name, args, arg_count, err);
	*result = args[0]->type;
	return FL_OK;
}

enum fl_code
fl_rule_is(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	FL_TRY(fl_rule_boolean(arena, name, args, arg_count, result, err));
	result->nullable = false;
	return FL_OK;
}

enum fl_code
fl_rule_is_null(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	(void)arena;
	(void)name;
	(void)args;
	(void)arg_count;
	(void)err;
	*result = fl_type_make(FL_TYPE_BOOLEAN, false);
	return FL_OK;
}

/* ---- = <> < <= > >= ---- */

#define COMPARE_LOOP(T, op)                                                                        \
	do {                                                                                       \
		const T *x = a->data, *y = b->data;                                                \
		FL_ROWS(o[row] = x[row] op y[row]);                                                \
	} while (0)

/* NOLINTBEGIN(bugprone-macro-parentheses): types and operators take none */
#define DEFINE_COMPARE(word, op)                                                                   \
	static void compare_fixed_##word(const struct fl_col *a, const struct fl_col *b,           \
	    const uint32_t *sel, uint32_t sel_count, uint8_t *o)                                   \
	{                                                                                          \
		switch ((enum fl_type_id)a->type.id) {                                             \
		case FL_TYPE_BOOLEAN:                                                              \
			COMPARE_LOOP(uint8_t, op);                                                 \
			break;                                                                     \
		case FL_TYPE_TINYINT:                                                              \
			COMPARE_LOOP(int8_t, op);                                                  \
			break;                                                                     \
		case FL_TYPE_SMALLINT:                                                             \
			COMPARE_LOOP(int16_t, op);                                                 \
			break;                                                                     \
		case FL_TYPE_INT:                                                                  \
		case FL_TYPE_DATE:                                                                 \
			COMPARE_LOOP(int32_t, op);                                                 \
			break;                                                                     \
		case FL_TYPE_BIGINT:                                                               \
		case FL_TYPE_TIMESTAMP:                                                            \
		case FL_TYPE_TIMESTAMP_LTZ:                                                        \
		case FL_TYPE_INTERVAL:                                                             \
			COMPARE_LOOP(int64_t, op);                                                 \
			break;                                                                     \
		case FL_TYPE_FLOAT:                                                                \
			COMPARE_LOOP(float, op);                                                   \
			break;                                                                     \
		case FL_TYPE_DOUBLE:                                                               \
			COMPARE_LOOP(double, op);                                                  \
			break;                                                                     \
		case FL_TYPE_DECIMAL:                                                              \
			if (a->type.scale == b->type.scale)                                        \
				COMPARE_LOOP(fl_i128, op);                                         \
			else                                                                       \
				FL_ROWS(o[row] = fl_col_compare(a, row, b, row) op 0);            \
			break;                                                                     \
		case FL_TYPE_CHAR:                                                                 \
		case FL_TYPE_VARCHAR:                                                              \
		case FL_TYPE_BINARY:                                                               \
		case FL_TYPE_VARBINARY:                                                            \
			FL_ROWS(uint32_t n; uint32_t m; const char *p = fl_col_str(a, row, &n);    \
				const char *q = fl_col_str(b, row, &m);                            \
				o[row] = fl_compare_bytes(p, n, q, m) op 0);                          \
			break;                                                                     \
		case FL_TYPE_ARRAY:                                                                \
		case FL_TYPE_NULL:                                                                 \
			break;                                                                     \
		}                                                                                  \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

#define DEFINE_KERNEL(word)                                                                        \
	void fl_kernel_##word(const struct fl_expr *call, const struct fl_col *args,               \
	    const uint32_t *sel, uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)      \
	{                                                                                          \
		(void)call;                                                                        \
		(void)ctx;                                                                         \
		compare_fixed_##word(&args[0], &args[1], sel, sel_count, out->data);               \
	}

DEFINE_COMPARE(lt, <)
DEFINE_COMPARE(le, <=)
DEFINE_COMPARE(gt, >)
DEFINE_COMPARE(ge, >=)
DEFINE_COMPARE(eq, ==)
DEFINE_COMPARE(ne, !=)

DEFINE_KERNEL(lt)
DEFINE_KERNEL(le)
DEFINE_KERNEL(gt)
DEFINE_KERNEL(ge)

/* Strings of different lengths differ without a look at them. */
static void
equal_strings(const struct fl_col *a, const struct fl_col *b, uint8_t when_equal,
    const uint32_t *sel, uint32_t sel_count, uint8_t *o)
{
	FL_EACH_ROW (row) {
		uint32_t n;
		uint32_t m;
		const char *p = fl_col_str(a, row, &n);
		const char *q = fl_col_str(b, row, &m);
		o[row] = (n == m && memcmp(p, q, n) == 0) ? when_equal : !when_equal;
	}
}

void
fl_kernel_eq(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)call;
	(void)ctx;
	if (fl_type_is_var((enum fl_type_id)args[0].type.id))
		equal_strings(&args[0], &args[1], 1, sel, sel_count, out->data);
	else
		compare_fixed_eq(&args[0], &args[1], sel, sel_count, out->data);
}

void
fl_kernel_ne(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)call;
	(void)ctx;
	if (fl_type_is_var((enum fl_type_id)args[0].type.id))
		equal_strings(&args[0], &args[1], 0, sel, sel_count, out->data);
	else
		compare_fixed_ne(&args[0], &args[1], sel, sel_count, out->data);
}

#define THREE_WAY(T)                                                                               \
	do {                                                                                       \
		T x = FL_COL_AT(a, T, i), y = FL_COL_AT(b, T, j);                                  \
		return (x > y) - (x < y);                                                          \
	} while (0)

int
fl_col_compare(const struct fl_col *a, uint32_t i, const struct fl_col *b, uint32_t j)
{
	uint32_t n, m;
	const char *p, *q;

	switch ((enum fl_type_id)a->type.id) {
	case FL_TYPE_BOOLEAN:
		THREE_WAY(uint8_t);
	case FL_TYPE_TINYINT:
		THREE_WAY(int8_t);
	case FL_TYPE_SMALLINT:
		THREE_WAY(int16_t);
	case FL_TYPE_INT:
	case FL_TYPE_DATE:
		THREE_WAY(int32_t);
	case FL_TYPE_BIGINT:
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
	case FL_TYPE_INTERVAL:
		THREE_WAY(int64_t);
	case FL_TYPE_FLOAT:
		THREE_WAY(float);
	case FL_TYPE_DOUBLE:
		THREE_WAY(double);
	case FL_TYPE_DECIMAL:
		return fl_decimal_compare(FL_COL_AT(a, fl_i128, i), a->type.scale,
		    FL_COL_AT(b, fl_i128, j), b->type.scale);
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		p = fl_col_str(a, i, &n);
		q = fl_col_str(b, j, &m);
		return fl_compare_bytes(p, n, q, m);
	case FL_TYPE_ARRAY:
	case FL_TYPE_NULL:
		return 0;
	}
	return 0;
}

/* ---- NULL-safe ---- */

static void
distinct_rows(const struct fl_expr *call, uint8_t when_distinct, const struct fl_col *args,
    const uint32_t *sel, uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	uint8_t *o = out->data;

	fl_kernel_ne(call, args, sel, sel_count, ctx, out);
	FL_EACH_ROW (row) {
		bool x = fl_col_is_valid(&args[0], row);
		bool y = fl_col_is_valid(&args[1], row);
		bool distinct = x && y ? o[row] != 0 : x != y;
		o[row] = distinct ? when_distinct : !when_distinct;
	}
}

void
fl_kernel_distinct(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	distinct_rows(call, 1, args, sel, sel_count, ctx, out);
}

void
fl_kernel_not_distinct(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	distinct_rows(call, 0, args, sel, sel_count, ctx, out);
}

/* ---- GREATEST, LEAST ---- */

/* Index of the winning argument per row; ties keep the first. */
static uint32_t
pick_argument(const struct fl_expr *call, const struct fl_col *args, int sign, uint32_t row)
{
	uint32_t best = 0;

	for (uint32_t i = 1; i < call->arg_count; i++)
		if (fl_col_compare(&args[i], row, &args[best], row) * sign > 0)
			best = i;
	return best;
}

static void
pick_rows(const struct fl_expr *call, int sign, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	uint32_t width = fl_type_width((enum fl_type_id)call->type.id);
	struct fl_strings s;

	if (width != 0) {
		FL_EACH_ROW (row) {
			uint32_t best = pick_argument(call, args, sign, row);
			memcpy((char *)out->data + (size_t)row * width,
			    (const char *)args[best].data + (size_t)row * width, width);
		}
		return;
	}
	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t best = pick_argument(call, args, sign, row);
		uint32_t size;
		const char *p = fl_col_str(&args[best], row, &size);
		fl_strings_row(&s, row);
		fl_strings_add(&s, p, size);
	}
	fl_strings_end(&s);
}

void
fl_kernel_greatest(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	pick_rows(call, 1, args, sel, sel_count, ctx, out);
}

void
fl_kernel_least(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	pick_rows(call, -1, args, sel, sel_count, ctx, out);
}

/* ---- NOT and IS ---- */

void
fl_kernel_not(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const uint8_t *x = args[0].data;
	uint8_t *o = out->data;

	(void)call;
	(void)ctx;
	FL_ROWS(o[row] = !x[row]);
}

#define DEFINE_IS(word, expression)                                                                \
	void fl_kernel_is_##word(const struct fl_expr *call, const struct fl_col *args,            \
	    const uint32_t *sel, uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)      \
	{                                                                                          \
		const uint8_t *x = args[0].data;                                                   \
		uint8_t *o = out->data;                                                            \
		(void)x;                                                                           \
		(void)call;                                                                        \
		(void)ctx;                                                                         \
		FL_ROWS(bool valid = fl_col_is_valid(&args[0], row); o[row] = (expression));       \
	}

DEFINE_IS(true, valid &&x[row] != 0)
DEFINE_IS(not_true, !(valid && x[row] != 0))
DEFINE_IS(false, valid &&x[row] == 0)
DEFINE_IS(not_false, !(valid && x[row] == 0))
DEFINE_IS(null, !valid)
DEFINE_IS(not_null, valid)
