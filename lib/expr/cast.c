/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cast.c - CAST and TRY_CAST between all types that Flink converts.
 *
 * Between numbers nothing fails: integers wrap, DOUBLE truncates and saturates,
 * DECIMAL rounds HALF_UP and is NULL when too large.  Text that does not fit
 * fails its row; TRY_CAST makes it NULL.
 */
#include <math.h>
#include <strings.h>

#include "base/util.h"
#include "calendar.h"
#include "decimal.h"
#include "kernel.h"

struct cast {
	const struct fl_expr *expr;
	const struct fl_col *arg;
	struct fl_eval *ctx;
	struct fl_col *out;
};

static void
fail_row(const struct cast *c, uint32_t row)
{
	if (c->expr->try_cast)
		fl_out_null(c->ctx, c->out, row);
	else
		fl_eval_error(c->ctx, row, FL_E_CAST_FAILED);
}

/* ---- numbers ---- */

/* Java's (int) and (long) of a double. */
static inline int32_t
saturate_i32(double v)
{
	if (isnan(v))
		return 0;
	return v >= 2147483647.0 ? INT32_MAX : v <= -2147483648.0 ? INT32_MIN : (int32_t)v;
}

static inline int64_t
saturate_i64(double v)
{
	if (isnan(v))
		return 0;
	return v >= 0x1p63 ? INT64_MAX : v <= -0x1p63 ? INT64_MIN : (int64_t)v;
}

/* The low 64 bits of the integral part, as BigInteger.longValue(). */
static inline int64_t
decimal_i64(fl_i128 v, uint32_t scale)
{
	return (int64_t)(v / fl_decimal_pow10(scale));
}

/* NOLINTBEGIN(bugprone-macro-parentheses): types and operators take none */
#define CONVERT_LOOP(F, T, expression)                                                             \
	do {                                                                                       \
		const F *x = arg->data;                                                            \
		T *o = out->data;                                                                  \
		FL_ROWS(F v = x[row]; o[row] = (T)(expression));                                   \
	} while (0)
/* NOLINTEND(bugprone-macro-parentheses) */

/* real: how a double becomes T (small integers go through 32 bits, as in Java). */
#define DEFINE_TO(word, T, real, of_decimal)                                                       \
	static void number_to_##word(                                                              \
	    const struct fl_col *arg, const uint32_t *sel, uint32_t sel_count, struct fl_col *out) \
	{                                                                                          \
		switch (arg->type.id) {                                                            \
		case FL_TYPE_BOOLEAN:                                                              \
			CONVERT_LOOP(uint8_t, T, v);                                               \
			break;                                                                     \
		case FL_TYPE_TINYINT:                                                              \
			CONVERT_LOOP(int8_t, T, v);                                                \
			break;                                                                     \
		case FL_TYPE_SMALLINT:                                                             \
			CONVERT_LOOP(int16_t, T, v);                                               \
			break;                                                                     \
		case FL_TYPE_INT:                                                                  \
			CONVERT_LOOP(int32_t, T, v);                                               \
			break;                                                                     \
		case FL_TYPE_BIGINT:                                                               \
			CONVERT_LOOP(int64_t, T, v);                                               \
			break;                                                                     \
		case FL_TYPE_FLOAT:                                                                \
			CONVERT_LOOP(float, T, real((double)v));                                   \
			break;                                                                     \
		case FL_TYPE_DOUBLE:                                                               \
			CONVERT_LOOP(double, T, real(v));                                          \
			break;                                                                     \
		case FL_TYPE_DECIMAL:                                                              \
			CONVERT_LOOP(fl_i128, T, of_decimal(v, arg->type.scale));                  \
			break;                                                                     \
		default: /* can_cast() lets none of them in */                                     \
			break;                                                                     \
		}                                                                                  \
	}

DEFINE_TO(i8, int8_t, saturate_i32, decimal_i64)
DEFINE_TO(i16, int16_t, saturate_i32, decimal_i64)
DEFINE_TO(i32, int32_t, saturate_i32, decimal_i64)
DEFINE_TO(i64, int64_t, saturate_i64, decimal_i64)
DEFINE_TO(float, float, (double), fl_decimal_to_double)
DEFINE_TO(double, double, (double), fl_decimal_to_double)

static void
number_to_boolean(
    const struct fl_col *arg, const uint32_t *sel, uint32_t sel_count, struct fl_col *out)
{
	uint8_t *o = out->data;

	if (arg->type.id == FL_TYPE_DOUBLE)
		FL_ROWS(o[row] = FL_COL_AT(arg, double, row) != 0);
	else if (arg->type.id == FL_TYPE_FLOAT)
		FL_ROWS(o[row] = FL_COL_AT(arg, float, row) != 0);
	else if (arg->type.id == FL_TYPE_DECIMAL)
		FL_ROWS(o[row] = FL_COL_AT(arg, fl_i128, row) != 0);
	else
		FL_ROWS(o[row] = fl_load_i64(arg, row) != 0);
}

static void
number_to_decimal(const struct cast *c, const uint32_t *sel, uint32_t sel_count)
{
	const struct fl_col *arg = c->arg;
	fl_i128 *o = c->out->data;
	uint32_t p = c->out->type.precision, s = c->out->type.scale;
	enum fl_type_id from = (enum fl_type_id)arg->type.id;
	struct fl_buf text = {.data = NULL};

	if (from == FL_TYPE_DECIMAL) {
		FL_EACH_ROW (row) {
			o[row] = 0;
			if (!fl_decimal_rescale(
				FL_COL_AT(arg, fl_i128, row), arg->type.scale, p, s, &o[row]))
				fl_out_null(c->ctx, c->out, row);
		}
	} else if (from == FL_TYPE_FLOAT || from == FL_TYPE_DOUBLE) {
		/* As BigDecimal.valueOf(): the digits that Java would print. */
		FL_EACH_ROW (row) {
			double v = from == FL_TYPE_FLOAT ? (double)FL_COL_AT(arg, float, row)
							 : FL_COL_AT(arg, double, row);
			o[row] = 0;
			fl_buf_reset(&text);
			fl_print_double(&text, v);
			enum fl_parsed parsed =
			    fl_parse_decimal_why(text.data, text.size, p, s, &o[row]);
			if (parsed == FL_PARSED_NOT)
				fail_row(c, row);
			else if (parsed == FL_PARSED_TOO_LARGE)
				fl_out_null(c->ctx, c->out, row);
		}
	} else {
		FL_EACH_ROW (row) {
			int64_t v = from == FL_TYPE_BOOLEAN ? FL_COL_AT(arg, uint8_t, row)
							    : fl_load_i64(arg, row);
			o[row] = 0;
			if (!fl_decimal_rescale(v, 0, p, s, &o[row]))
				fl_out_null(c->ctx, c->out, row);
		}
	}
	fl_buf_fini(&text);
}

/* ---- to text and bytes ---- */

/* Characters of CHAR and VARCHAR, bytes of BINARY and VARBINARY. */
static void
add_fitted(struct fl_strings *s, const struct fl_type *type, const char *p, size_t size)
{
	bool is_text = fl_type_is_string((enum fl_type_id)type->id);
	const char *at = p, *end = p + size;
	uint32_t n = 0;

	if (type->length == FL_LENGTH_MAX) {
		fl_strings_add(s, p, size);
		return;
	}
	while (at < end && n < type->length) {
		at++;
		while (is_text && at < end && ((unsigned char)*at & 0xc0) == 0x80)
			at++;
		n++;
	}
	fl_strings_add(s, p, (size_t)(at - p));
	if (type->id == FL_TYPE_CHAR || type->id == FL_TYPE_BINARY)
		for (; n < type->length; n++)
			fl_strings_add(s, is_text ? " " : "\0", 1);
}

static void
bytes_to_bytes(const struct cast *c, const uint32_t *sel, uint32_t sel_count)
{
	const struct fl_type *from = &c->arg->type, *to = &c->out->type;
	bool fixed = to->id == FL_TYPE_CHAR || to->id == FL_TYPE_BINARY;
	struct fl_strings s;

	if (!fixed && (to->length == FL_LENGTH_MAX ||
			  (from->length <= to->length && from->id >= FL_TYPE_CHAR &&
			      from->id <= FL_TYPE_VARBINARY))) {
		c->out->offsets = c->arg->offsets; /* nothing to cut: the same bytes */
		c->out->bytes = c->arg->bytes;
		c->out->str_size = c->arg->str_size;
		c->out->stride = c->arg->stride;
		return;
	}
	fl_strings_begin(&s, c->ctx, c->out);
	FL_EACH_ROW (row) {
		uint32_t n;
		const char *p = fl_col_str(c->arg, row, &n);
		fl_strings_row(&s, row);
		add_fitted(&s, to, p, n);
	}
	fl_strings_end(&s);
}

static void
value_to_text(const struct cast *c, const uint32_t *sel, uint32_t sel_count)
{
	bool is_ltz = c->arg->type.id == FL_TYPE_TIMESTAMP_LTZ;
	struct fl_buf text = {.data = NULL};
	struct fl_strings s;

	fl_strings_begin(&s, c->ctx, c->out);
	FL_EACH_ROW (row) {
		fl_buf_reset(&text);
		if (is_ltz) {
			int64_t ms = FL_COL_AT(c->arg, int64_t, row);

			ms = fl_zone_to_local(c->ctx->zone, ms);
			fl_print_timestamp(&text, ms, ' ', c->arg->type.precision);
		} else {
			fl_col_print(c->arg, row, &text);
		}
		fl_strings_row(&s, row);
		add_fitted(&s, &c->out->type, text.data != NULL ? text.data : "", text.size);
	}
	fl_strings_end(&s);
	fl_buf_fini(&text);
}

/* ---- from text ---- */

static bool
parse_boolean(const char *p, uint32_t size, uint8_t *v)
{
	static const struct {
		const char *word;
		uint8_t v;
	} words[] = {{"t", 1}, {"true", 1}, {"y", 1}, {"yes", 1}, {"1", 1}, {"f", 0}, {"false", 0},
	    {"n", 0}, {"no", 0}, {"0", 0}};

	for (size_t i = 0; i < FL_ARRAY_COUNT(words); i++) {
		if (strlen(words[i].word) == size && strncasecmp(words[i].word, p, size) == 0) {
			*v = words[i].v;
			return true;
		}
	}
	return false;
}

static int64_t
cut_precision(int64_t ms, uint32_t precision)
{
	static const int64_t unit[] = {1000, 100, 10, 1};

	return precision >= 3 ? ms : ms - fl_floor_mod(ms, unit[precision]);
}

static void
text_to_number(const struct cast *c, const uint32_t *sel, uint32_t sel_count)
{
	static const struct {
		int64_t min, max;
	} ranges[] = {
	    [FL_TYPE_TINYINT] = {INT8_MIN, INT8_MAX},
	    [FL_TYPE_SMALLINT] = {INT16_MIN, INT16_MAX},
	    [FL_TYPE_INT] = {INT32_MIN, INT32_MAX},
	    [FL_TYPE_BIGINT] = {INT64_MIN, INT64_MAX},
	};
	uint8_t to = c->out->type.id;
	int64_t min = ranges[to].min, max = ranges[to].max;

	FL_EACH_ROW (row) {
		uint32_t n;
		int64_t v = 0;
		const char *p = fl_col_str(c->arg, row, &n);
		if (!fl_parse_integer(p, n, min, max, &v))
			fail_row(c, row);
		fl_store_i64(c->out, row, v);
	}
}

/* NOLINTBEGIN(bugprone-macro-parentheses): types and functions take none */
#define PARSE_ROWS(T, parse)                                                                       \
	FL_EACH_ROW (row) {                                                                        \
		uint32_t n;                                                                        \
		const char *p = fl_col_str(arg, row, &n);                                          \
		T *o = (T *)data + row;                                                            \
		*o = 0;                                                                            \
		if (!parse(p, n, o))                                                               \
			fail_row(c, row);                                                          \
	}
/* NOLINTEND(bugprone-macro-parentheses) */

static void
text_to_value(const struct cast *c, const uint32_t *sel, uint32_t sel_count)
{
	const struct fl_col *arg = c->arg;
	void *data = c->out->data;
	const struct fl_type *to = &c->out->type;

	switch ((enum fl_type_id)to->id) {
	case FL_TYPE_BOOLEAN:
		PARSE_ROWS(uint8_t, parse_boolean);
		break;
	case FL_TYPE_TINYINT:
	case FL_TYPE_SMALLINT:
	case FL_TYPE_INT:
	case FL_TYPE_BIGINT:
		text_to_number(c, sel, sel_count);
		break;
	case FL_TYPE_FLOAT:
		PARSE_ROWS(float, fl_parse_float);
		break;
	case FL_TYPE_DOUBLE:
		PARSE_ROWS(double, fl_parse_double);
		break;
	case FL_TYPE_DECIMAL:
		FL_EACH_ROW (row) {
			uint32_t n;
			const char *p = fl_col_str(arg, row, &n);
			fl_i128 *o = (fl_i128 *)data + row;
			*o = 0;
			enum fl_parsed parsed =
			    fl_parse_decimal_why(p, n, to->precision, to->scale, o);
			if (parsed == FL_PARSED_NOT)
				fail_row(c, row);
			else if (parsed == FL_PARSED_TOO_LARGE)
				fl_out_null(c->ctx, c->out, row);
		}
		break;
	case FL_TYPE_DATE:
		PARSE_ROWS(int32_t, fl_parse_date_lenient);
		break;
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
		FL_EACH_ROW (row) {
			uint32_t n;
			const char *p = fl_col_str(arg, row, &n);
			int64_t *o = (int64_t *)data + row;
			*o = 0;
			if (!fl_parse_timestamp_lenient(p, n, o))
				fail_row(c, row);
			*o = cut_precision(*o, to->precision);
			if (to->id == FL_TYPE_TIMESTAMP_LTZ)
				*o = fl_zone_from_local(c->ctx->zone, *o);
		}
		break;
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		bytes_to_bytes(c, sel, sel_count);
		break;
	case FL_TYPE_INTERVAL:
	case FL_TYPE_ARRAY:
	case FL_TYPE_NULL:
		break;
	}
}

/* ---- times ---- */

/* Through local milliseconds: DATE and TIMESTAMP are local, LTZ is an instant. */
static void
time_to_time(const struct cast *c, const uint32_t *sel, uint32_t sel_count)
{
	const struct fl_col *arg = c->arg;
	uint8_t from = arg->type.id, to = c->out->type.id;
	void *data = c->out->data;
	const char *zone = c->ctx->zone;

	FL_EACH_ROW (row) {
		int64_t ms = from == FL_TYPE_DATE ? FL_COL_AT(arg, int32_t, row) * FL_DAY_MS
						  : FL_COL_AT(arg, int64_t, row);
		if (from == FL_TYPE_TIMESTAMP_LTZ && to != FL_TYPE_TIMESTAMP_LTZ)
			ms = fl_zone_to_local(zone, ms);
		else if (from != FL_TYPE_TIMESTAMP_LTZ && to == FL_TYPE_TIMESTAMP_LTZ)
			ms = fl_zone_from_local(zone, ms);
		if (to == FL_TYPE_DATE)
			((int32_t *)data)[row] = (int32_t)fl_floor_div(ms, FL_DAY_MS);
		else
			((int64_t *)data)[row] = cut_precision(ms, c->out->type.precision);
	}
}

/* ---- all ---- */

static void
null_rows(const struct cast *c, const uint32_t *sel, uint32_t sel_count)
{
	struct fl_strings s;

	if (c->out->data == NULL) {
		fl_strings_begin(&s, c->ctx, c->out);
		fl_strings_end(&s);
	}
	FL_ROWS(fl_out_null(c->ctx, c->out, row));
}

void
fl_cast_kernel(const struct fl_expr *cast, const struct fl_col *arg, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	struct cast c = {.expr = cast, .arg = arg, .ctx = ctx, .out = out};
	enum fl_type_id from = (enum fl_type_id)arg->type.id;

	if (from == FL_TYPE_NULL) {
		null_rows(&c, sel, sel_count);
		return;
	}
	if (fl_type_is_string(from) || fl_type_is_bytes(from)) {
		text_to_value(&c, sel, sel_count);
		return;
	}
	switch ((enum fl_type_id)out->type.id) {
	case FL_TYPE_BOOLEAN:
		number_to_boolean(arg, sel, sel_count, out);
		break;
	case FL_TYPE_TINYINT:
		number_to_i8(arg, sel, sel_count, out);
		break;
	case FL_TYPE_SMALLINT:
		number_to_i16(arg, sel, sel_count, out);
		break;
	case FL_TYPE_INT:
		number_to_i32(arg, sel, sel_count, out);
		break;
	case FL_TYPE_BIGINT:
	case FL_TYPE_INTERVAL:
		number_to_i64(arg, sel, sel_count, out);
		break;
	case FL_TYPE_FLOAT:
		number_to_float(arg, sel, sel_count, out);
		break;
	case FL_TYPE_DOUBLE:
		number_to_double(arg, sel, sel_count, out);
		break;
	case FL_TYPE_DECIMAL:
		number_to_decimal(&c, sel, sel_count);
		break;
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		value_to_text(&c, sel, sel_count);
		break;
	case FL_TYPE_DATE:
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
		time_to_time(&c, sel, sel_count);
		break;
	case FL_TYPE_ARRAY:
	case FL_TYPE_NULL:
		break;
	}
}
