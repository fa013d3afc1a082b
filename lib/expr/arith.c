/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arith.c - arithmetic as Java and Flink do it.
 *
 * Integers wrap (through unsigned arithmetic), division truncates toward zero,
 * the remainder has the sign of the dividend; DECIMAL follows Flink's rules for
 * precision and scale, rounds HALF_UP and is NULL when it does not fit.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "decimal.h"
#include "kernel.h"

/* ---- type rules ---- */

/* Makes both operands the type the kernel computes in: integers of one width, FLOAT,
 * DOUBLE, or DECIMALs that keep their own scales.  False: not two numbers. */
static bool
pair_numbers(struct fl_arena *arena, struct fl_expr **args)
{
	struct fl_type common, each;

	for (int i = 0; i < 2; i++)
		if (args[i]->type.id == FL_TYPE_NULL && args[1 - i]->type.id != FL_TYPE_NULL)
			fl_widen(arena, &args[i], &args[1 - i]->type);
	if (!fl_type_is_numeric((enum fl_type_id)args[0]->type.id) ||
	    !fl_type_is_numeric((enum fl_type_id)args[1]->type.id) ||
	    !fl_type_least_restrictive(&args[0]->type, &args[1]->type, &common))
		return false;
	for (int i = 0; i < 2; i++) {
		each = common.id == FL_TYPE_DECIMAL ? fl_decimal_of(&args[i]->type) : common;
		fl_widen(arena, &args[i], &each);
	}
	return true;
}

static enum fl_code
rule_number(struct fl_arena *arena, const char *name, struct fl_expr **args, struct fl_type *result,
    struct fl_err *err)
{
	if (!pair_numbers(arena, args))
		return fl_refuse(name, args, 2, err);
	*result = args[0]->type;
	result->nullable = fl_any_nullable(args, 2);
	return FL_OK;
}

enum fl_code
fl_rule_plus(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	uint8_t a = args[0]->type.id, b = arg_count == 2 ? args[1]->type.id : 0;

	if (arg_count == 1) {
		if (!fl_type_is_numeric((enum fl_type_id)a) && a != FL_TYPE_INTERVAL)
			return fl_refuse(name, args, arg_count, err);
		*result = args[0]->type;
		return FL_OK;
	}
	if ((fl_is_time(a) || a == FL_TYPE_INTERVAL) && b == FL_TYPE_INTERVAL) {
		*result = args[0]->type;
		result->nullable = fl_any_nullable(args, 2);
		return FL_OK;
	}
	if (a == FL_TYPE_INTERVAL && fl_is_time(b) && name[0] == '+') {
		struct fl_expr *time = args[1];

		args[1] = args[0];
		args[0] = time;
		*result = time->type;
		result->nullable = fl_any_nullable(args, 2);
		return FL_OK;
	}
	FL_TRY(rule_number(arena, name, args, result, err));
	if (result->id == FL_TYPE_DECIMAL) {
		const struct fl_type *x = &args[0]->type, *y = &args[1]->type;
		uint32_t scale = FL_MAX(x->scale, y->scale);
		uint32_t whole = FL_MAX(x->precision - x->scale, y->precision - y->scale);

		*result = fl_decimal_type(whole + scale + 1, scale, result->nullable);
	}
	return FL_OK;
}

enum fl_code
fl_rule_times(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	(void)arg_count;
	FL_TRY(rule_number(arena, name, args, result, err));
	if (result->id == FL_TYPE_DECIMAL) {
		const struct fl_type *x = &args[0]->type, *y = &args[1]->type;

		*result = fl_decimal_type(x->precision + y->precision + 1u,
		    (uint32_t)x->scale + y->scale, result->nullable);
	}
	return FL_OK;
}

enum fl_code
fl_rule_divide(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	(void)arg_count;
	FL_TRY(rule_number(arena, name, args, result, err));
	if (result->id == FL_TYPE_DECIMAL) {
		const struct fl_type *x = &args[0]->type, *y = &args[1]->type;
		uint32_t scale = FL_MAX(6u, (uint32_t)x->scale + y->precision + 1);

		*result = fl_decimal_type(
		    (uint32_t)x->precision - x->scale + y->scale + scale, scale, result->nullable);
	}
	return FL_OK;
}

enum fl_code
fl_rule_mod(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	struct fl_type of_second = args[1]->type;

	(void)arg_count;
	if (fl_is_approximate(args[0]->type.id) || fl_is_approximate(args[1]->type.id))
		return fl_refuse(name, args, arg_count, err);
	FL_TRY(rule_number(arena, name, args, result, err));
	if (result->id == FL_TYPE_DECIMAL) {
		const struct fl_type *x = &args[0]->type, *y = &args[1]->type;
		uint32_t scale = FL_MAX(x->scale, y->scale);
		uint32_t whole = FL_MIN(x->precision - x->scale, y->precision - y->scale);

		*result = fl_decimal_type(FL_MAX(whole + scale, 1u), scale, result->nullable);
	} else if (fl_type_is_integer((enum fl_type_id)of_second.id)) {
		bool nullable = result->nullable;

		*result = of_second; /* the remainder always fits the divisor's type */
		result->nullable = nullable;
	}
	return FL_OK;
}

enum fl_code
fl_rule_same_number(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	(void)arena;
	if (!fl_type_is_numeric((enum fl_type_id)args[0]->type.id))
		return fl_refuse(name, args, arg_count, err);
	*result = args[0]->type;
	return FL_OK;
}

enum fl_code
fl_rule_floor(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	FL_TRY(fl_rule_same_number(arena, name, args, arg_count, result, err));
	result->scale = 0;
	return FL_OK;
}

enum fl_code
fl_rule_round(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	struct fl_type integer = fl_type_make(FL_TYPE_INT, true);
	int64_t digits = 0;

	FL_TRY(fl_rule_same_number(arena, name, args, 1, result, err));
	if (arg_count == 2) {
		if (!fl_type_can_widen(&args[1]->type, &integer))
			return fl_refuse(name, args, arg_count, err);
		fl_widen(arena, &args[1], &integer);
		result->nullable = fl_any_nullable(args, 2);
		if (args[1]->kind != FL_EXPR_LITERAL || args[1]->value.is_null)
			return FL_OK;
		digits = args[1]->value.i64;
	}
	if (result->id == FL_TYPE_DECIMAL && digits < result->scale) {
		uint32_t whole = (uint32_t)result->precision - result->scale + 1;

		*result = digits < 0 ? fl_decimal_type(FL_MIN(whole, FL_DECIMAL_PRECISION_MAX), 0,
					   result->nullable)
				     : fl_decimal_type(whole + (uint32_t)digits, (uint32_t)digits,
					   result->nullable);
	}
	return FL_OK;
}

enum fl_code
fl_rule_double(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	*result = fl_type_make(FL_TYPE_DOUBLE, fl_any_nullable(args, arg_count));
	for (uint32_t i = 0; i < arg_count; i++) {
		if (!fl_type_is_numeric((enum fl_type_id)args[i]->type.id))
			return fl_refuse(name, args, arg_count, err);
		fl_widen(arena, &args[i], result);
	}
	return FL_OK;
}

/* ---- + - * ---- */

/* NOLINTBEGIN(bugprone-macro-parentheses): types and operators take none */
#define INT_LOOP(T, U, op)                                                                         \
	do {                                                                                       \
		const T *x = a->data, *y = b->data;                                                \
		T *o = out->data;                                                                  \
		FL_ROWS(o[row] = (T)((U)x[row] op(U) y[row]));                                     \
	} while (0)
#define FLOAT_LOOP(T, op)                                                                          \
	do {                                                                                       \
		const T *x = a->data, *y = b->data;                                                \
		T *o = out->data;                                                                  \
		FL_ROWS(o[row] = x[row] op y[row]);                                                \
	} while (0)
/* NOLINTEND(bugprone-macro-parentheses) */
/* 8 and 16 bits go through 32: unsigned short would promote to int and overflow. */
#define NUMBER_CASES(op)                                                                           \
	case FL_TYPE_TINYINT:                                                                      \
		INT_LOOP(int8_t, uint32_t, op);                                                    \
		break;                                                                             \
	case FL_TYPE_SMALLINT:                                                                     \
		INT_LOOP(int16_t, uint32_t, op);                                                   \
		break;                                                                             \
	case FL_TYPE_INT:                                                                          \
		INT_LOOP(int32_t, uint32_t, op);                                                   \
		break;                                                                             \
	case FL_TYPE_BIGINT:                                                                       \
		INT_LOOP(int64_t, uint64_t, op);                                                   \
		break;                                                                             \
	case FL_TYPE_FLOAT:                                                                        \
		FLOAT_LOOP(float, op);                                                             \
		break;                                                                             \
	case FL_TYPE_DOUBLE:                                                                       \
		FLOAT_LOOP(double, op);                                                            \
		break

typedef bool decimal_op(
    fl_i128 a, uint32_t a_scale, fl_i128 b, uint32_t b_scale, uint32_t p, uint32_t s, fl_i128 *out);

static void
decimal_loop(decimal_op *op, bool negate, const struct fl_col *a, const struct fl_col *b,
    const uint32_t *sel, uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const fl_i128 *x = a->data, *y = b->data;
	fl_i128 *o = out->data;
	uint32_t xs = a->type.scale, ys = b->type.scale;
	uint32_t p = out->type.precision, s = out->type.scale;

	FL_EACH_ROW (row) {
		o[row] = 0;
		if (!op(x[row], xs, negate ? -y[row] : y[row], ys, p, s, &o[row]))
			fl_out_null(ctx, out, row);
	}
}

/* DATE moves by whole days. */
static void
shift_dates(int64_t sign, const struct fl_col *a, const struct fl_col *b, const uint32_t *sel,
    uint32_t sel_count, struct fl_col *out)
{
	const int32_t *x = a->data;
	const int64_t *y = b->data;
	int32_t *o = out->data;

	FL_ROWS(o[row] = (int32_t)((uint32_t)x[row] + (uint32_t)(sign * (y[row] / 86400000))));
}

void
fl_kernel_plus(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const struct fl_col *a = &args[0], *b = &args[1];

	switch (call->type.id) {
		NUMBER_CASES(+);
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
	case FL_TYPE_INTERVAL:
		INT_LOOP(int64_t, uint64_t, +);
		break;
	case FL_TYPE_DATE:
		shift_dates(1, a, b, sel, sel_count, out);
		break;
	case FL_TYPE_DECIMAL:
		decimal_loop(fl_decimal_add, false, a, b, sel, sel_count, ctx, out);
		break;
	default: /* the rule lets none of them in */
		break;
	}
}

/* NOLINTBEGIN(bugprone-macro-parentheses): types and operators take none */
#define NEGATE_LOOP(T, U)                                                                          \
	do {                                                                                       \
		const T *x = a->data;                                                              \
		T *o = out->data;                                                                  \
		FL_ROWS(o[row] = (T)(0u - (U)x[row]));                                             \
	} while (0)
/* NOLINTEND(bugprone-macro-parentheses) */

static void
negate_rows(const struct fl_col *a, const uint32_t *sel, uint32_t sel_count, struct fl_col *out)
{
	switch (out->type.id) {
	case FL_TYPE_TINYINT:
		NEGATE_LOOP(int8_t, uint32_t);
		break;
	case FL_TYPE_SMALLINT:
		NEGATE_LOOP(int16_t, uint32_t);
		break;
	case FL_TYPE_INT:
		NEGATE_LOOP(int32_t, uint32_t);
		break;
	case FL_TYPE_BIGINT:
	case FL_TYPE_INTERVAL:
		NEGATE_LOOP(int64_t, uint64_t);
		break;
	case FL_TYPE_FLOAT:
		FL_ROWS(((float *)out->data)[row] = -FL_COL_AT(a, float, row));
		break;
	case FL_TYPE_DOUBLE:
		FL_ROWS(((double *)out->data)[row] = -FL_COL_AT(a, double, row));
		break;
	case FL_TYPE_DECIMAL:
		FL_ROWS(((fl_i128 *)out->data)[row] = -FL_COL_AT(a, fl_i128, row));
		break;
	default: /* the rule lets none of them in */
		break;
	}
}

void
fl_kernel_minus(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const struct fl_col *a = &args[0], *b = &args[1];

	if (call->arg_count == 1) {
		negate_rows(a, sel, sel_count, out);
		return;
	}
	switch (call->type.id) {
		NUMBER_CASES(-);
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
	case FL_TYPE_INTERVAL:
		INT_LOOP(int64_t, uint64_t, -);
		break;
	case FL_TYPE_DATE:
		shift_dates(-1, a, b, sel, sel_count, out);
		break;
	case FL_TYPE_DECIMAL:
		decimal_loop(fl_decimal_add, true, a, b, sel, sel_count, ctx, out);
		break;
	default: /* the rule lets none of them in */
		break;
	}
}

void
fl_kernel_times(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const struct fl_col *a = &args[0], *b = &args[1];

	switch (call->type.id) {
		NUMBER_CASES(*);
	case FL_TYPE_DECIMAL:
		decimal_loop(fl_decimal_mul, false, a, b, sel, sel_count, ctx, out);
		break;
	default: /* the rule lets none of them in */
		break;
	}
}

/* ---- / and MOD ---- */

/* The smallest number has no positive twin: dividing it by -1 wraps to itself. */
/* NOLINTBEGIN(bugprone-macro-parentheses): types and operators take none */
#define DIVIDE_LOOP(T, U)                                                                          \
	do {                                                                                       \
		const T *x = a->data, *y = b->data;                                                \
		T *o = out->data;                                                                  \
		FL_ROWS(                                                                           \
		    if (y[row] == 0) {                                                             \
			    o[row] = 0;                                                            \
			    fl_eval_error(ctx, row, FL_E_DIVISION_BY_ZERO);                        \
		    } else if (y[row] == -1) { o[row] = (T)(0u - (U)x[row]); } else {              \
			    o[row] = (T)(x[row] / y[row]);                                         \
		    });                                                                            \
	} while (0)
/* NOLINTEND(bugprone-macro-parentheses) */

static void
divide_decimals(decimal_op *op, const struct fl_col *a, const struct fl_col *b, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const fl_i128 *x = a->data, *y = b->data;
	fl_i128 *o = out->data;

	FL_EACH_ROW (row) {
		o[row] = 0;
		if (y[row] == 0)
			fl_eval_error(ctx, row, FL_E_DIVISION_BY_ZERO);
		else if (!op(x[row], a->type.scale, y[row], b->type.scale, out->type.precision,
			     out->type.scale, &o[row]))
			fl_out_null(ctx, out, row);
	}
}

void
fl_kernel_divide(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const struct fl_col *a = &args[0], *b = &args[1];

	switch (call->type.id) {
	case FL_TYPE_TINYINT:
		DIVIDE_LOOP(int8_t, uint32_t);
		break;
	case FL_TYPE_SMALLINT:
		DIVIDE_LOOP(int16_t, uint32_t);
		break;
	case FL_TYPE_INT:
		DIVIDE_LOOP(int32_t, uint32_t);
		break;
	case FL_TYPE_BIGINT:
		DIVIDE_LOOP(int64_t, uint64_t);
		break;
	case FL_TYPE_FLOAT:
		FLOAT_LOOP(float, /);
		break;
	case FL_TYPE_DOUBLE:
		FLOAT_LOOP(double, /);
		break;
	case FL_TYPE_DECIMAL:
		divide_decimals(fl_decimal_div, a, b, sel, sel_count, ctx, out);
		break;
	default: /* the rule lets none of them in */
		break;
	}
}

void
fl_kernel_mod(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const struct fl_col *a = &args[0], *b = &args[1];

	if (call->type.id == FL_TYPE_DECIMAL) {
		divide_decimals(fl_decimal_mod, a, b, sel, sel_count, ctx, out);
		return;
	}
	FL_EACH_ROW (row) {
		int64_t x = fl_load_i64(a, row);
		int64_t y = fl_load_i64(b, row);
		int64_t r = 0;
		if (y == 0)
			fl_eval_error(ctx, row, FL_E_DIVISION_BY_ZERO);
		else if (y != -1)
			r = x % y;
		fl_store_i64(out, row, r);
	}
}

/* ---- functions of one number ---- */

/* NOLINTBEGIN(bugprone-macro-parentheses): types and operators take none */
#define DOUBLE_LOOP(T, expression)                                                                 \
	do {                                                                                       \
		const T *x = args[0].data;                                                         \
		T *o = out->data;                                                                  \
		FL_ROWS(T v = x[row]; o[row] = (T)(expression));                                   \
	} while (0)
/* NOLINTEND(bugprone-macro-parentheses) */

void
fl_kernel_abs(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)ctx;
	if (call->type.id == FL_TYPE_DOUBLE)
		DOUBLE_LOOP(double, fabs(v));
	else if (call->type.id == FL_TYPE_FLOAT)
		DOUBLE_LOOP(float, fabsf(v));
	else if (call->type.id == FL_TYPE_DECIMAL)
		DOUBLE_LOOP(fl_i128, v < 0 ? -v : v);
	else
		FL_EACH_ROW (row) {
			int64_t v = fl_load_i64(&args[0], row);
			fl_store_i64(out, row, v < 0 ? (int64_t)(0u - (uint64_t)v) : v);
		}
}

void
fl_kernel_sign(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	if (call->type.id == FL_TYPE_DOUBLE) {
		DOUBLE_LOOP(double, v > 0 ? 1 : v < 0 ? -1 : v);
	} else if (call->type.id == FL_TYPE_FLOAT) {
		DOUBLE_LOOP(float, v > 0 ? 1 : v < 0 ? -1 : v);
	} else if (call->type.id == FL_TYPE_DECIMAL) {
		const fl_i128 *x = args[0].data;
		fl_i128 *o = out->data;

		FL_EACH_ROW (row) {
			o[row] = 0;
			if (!fl_decimal_rescale((x[row] > 0) - (x[row] < 0), 0, out->type.precision,
				out->type.scale, &o[row]))
				fl_out_null(ctx, out, row);
		}
	} else {
		FL_EACH_ROW (row) {
			int64_t v = fl_load_i64(&args[0], row);
			fl_store_i64(out, row, (v > 0) - (v < 0));
		}
	}
}

/* DECIMAL down or up to scale 0. */
static void
floor_decimals(
    bool up, const struct fl_col *arg, const uint32_t *sel, uint32_t sel_count, struct fl_col *out)
{
	const fl_i128 *x = arg->data;
	fl_i128 *o = out->data, d = fl_decimal_pow10(arg->type.scale);

	FL_EACH_ROW (row) {
		fl_i128 q = x[row] / d;
		fl_i128 r = x[row] % d;
		o[row] = up ? q + (r > 0) : q - (r < 0);
	}
}

void
fl_kernel_floor(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)ctx;
	if (call->type.id == FL_TYPE_DOUBLE)
		DOUBLE_LOOP(double, floor(v));
	else if (call->type.id == FL_TYPE_FLOAT)
		DOUBLE_LOOP(float, floorf(v));
	else if (call->type.id == FL_TYPE_DECIMAL)
		floor_decimals(false, &args[0], sel, sel_count, out);
	else
		FL_ROWS(fl_store_i64(out, row, fl_load_i64(&args[0], row)));
}

void
fl_kernel_ceil(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)ctx;
	if (call->type.id == FL_TYPE_DOUBLE)
		DOUBLE_LOOP(double, ceil(v));
	else if (call->type.id == FL_TYPE_FLOAT)
		DOUBLE_LOOP(float, ceilf(v));
	else if (call->type.id == FL_TYPE_DECIMAL)
		floor_decimals(true, &args[0], sel, sel_count, out);
	else
		FL_ROWS(fl_store_i64(out, row, fl_load_i64(&args[0], row)));
}

/* v rounded HALF_UP to digits before its point: 10^n is the unit. */
static int64_t
round_integer(int64_t v, int64_t digits)
{
	fl_i128 unit, half;

	if (digits >= 0)
		return v;
	if (digits < -19)
		return 0;
	unit = fl_decimal_pow10((uint32_t)-digits);
	half = v < 0 ? -(unit / 2) : unit / 2;
	return (int64_t)((v + half) / unit * unit);
}

/* As BigDecimal.valueOf(v).setScale(digits, HALF_UP): on the shortest digits of v. */
static double
round_double(double v, int64_t digits, bool is_float, struct fl_buf *text)
{
	char *e, *point;
	int exponent = 0;

	if (!isfinite(v) || digits > 400)
		return v;
	fl_buf_reset(text);
	if (is_float)
		fl_print_float(text, (float)v);
	else
		fl_print_double(text, v);
	e = strchr(text->data, 'E');
	if (e != NULL) {
		exponent = atoi(e + 1);
		*e = '\0';
	}
	/* All digits in a row, value = 0.digits * 10^at. */
	char row[32];
	int n = 0, at;
	const char *p = text->data + (text->data[0] == '-');
	point = strchr(text->data, '.');
	at = (int)(point - p) + exponent;
	for (; *p != '\0'; p++)
		if (*p != '.' && n < (int)sizeof(row) - 1)
			row[n++] = *p;
	int64_t keep = at + digits; /* digits of the row that stay */
	if (keep >= n)
		return v + 0.0;
	if (keep < 0)
		return 0.0; /* a BigDecimal has no negative zero */
	bool up = row[keep] >= '5';
	row[keep] = '\0';
	n = (int)keep;
	for (int i = n - 1; up && i >= 0; i--) {
		up = row[i] == '9';
		row[i] = up ? '0' : (char)(row[i] + 1);
	}
	char out[64];
	(void)snprintf(out, sizeof(out), "%s%d.%se%d", v < 0 ? "-" : "", up, row, at);
	return strtod(out, NULL) + 0.0;
}

void
fl_kernel_round(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const int32_t *n = call->arg_count == 2 ? args[1].data : NULL;
	struct fl_buf text = {.data = NULL};

	if (call->type.id == FL_TYPE_DOUBLE) {
		FL_ROWS(((double *)out->data)[row] = round_double(FL_COL_AT(&args[0], double, row),
			    n != NULL ? n[row] : 0, false, &text));
	} else if (call->type.id == FL_TYPE_FLOAT) {
		FL_ROWS(((float *)out->data)[row] =
			    (float)round_double((double)FL_COL_AT(&args[0], float, row),
				n != NULL ? n[row] : 0, true, &text));
	} else if (call->type.id == FL_TYPE_DECIMAL) {
		fl_i128 *o = out->data;
		uint32_t scale = args[0].type.scale;

		FL_EACH_ROW (row) {
			int64_t digits = n != NULL ? n[row] : 0;
			fl_i128 v = FL_COL_AT(&args[0], fl_i128, row);
			fl_i128 r = v;
			uint32_t r_scale = scale;
			o[row] = 0;
			if (digits < (int64_t)scale) {
				int64_t cut = (int64_t)scale - digits;

				/* Rounded to digits, then filled with zeros again. */
				if (cut > 38 || !fl_decimal_rescale(v, (uint32_t)cut, 38, 0, &r))
					r = 0;
				r_scale = digits > 0 ? (uint32_t)digits : 0;
				if (digits < 0 && (digits < -38 || !fl_decimal_rescale(r, 0, 38,
								       (uint32_t)-digits, &r)))
					r = 0;
			}
			if (!fl_decimal_rescale(
				r, r_scale, out->type.precision, out->type.scale, &o[row]))
				fl_out_null(ctx, out, row);
		}
	} else {
		FL_ROWS(fl_store_i64(
		    out, row, round_integer(fl_load_i64(&args[0], row), n != NULL ? n[row] : 0)));
	}
	fl_buf_fini(&text);
}

void
fl_kernel_sqrt(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)call;
	(void)ctx;
	DOUBLE_LOOP(double, pow(v, 0.5)); /* what Flink makes of it: -0 becomes 0 */
}

void
fl_kernel_power(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const double *x = args[0].data, *y = args[1].data;
	double *o = out->data;

	(void)call;
	(void)ctx;
	FL_ROWS(o[row] = pow(x[row], y[row]));
}

void
fl_kernel_exp(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const double *x = args[0].data;
	double *o = out->data;

	(void)call;
	(void)ctx;
	FL_ROWS(o[row] = exp(x[row]));
}

/* LN(a), LOG(a), LOG(base, a): the quotient, as in Java. */
void
fl_kernel_log(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const double *x = args[call->arg_count - 1].data, *base = args[0].data;
	double *o = out->data;

	(void)ctx;
	if (call->arg_count == 1)
		FL_ROWS(o[row] = log(x[row]));
	else
		FL_ROWS(o[row] = log(x[row]) / log(base[row]));
}

void
fl_kernel_log2(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const double *x = args[0].data;
	double *o = out->data;

	(void)call;
	(void)ctx;
	FL_ROWS(o[row] = log(x[row]) / log(2.0));
}

void
fl_kernel_log10(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const double *x = args[0].data;
	double *o = out->data;

	(void)call;
	(void)ctx;
	FL_ROWS(o[row] = log10(x[row]));
}
