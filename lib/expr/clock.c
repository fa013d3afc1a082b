/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c - functions of times.
 *
 * "Now" is the step's clock and never the machine's: a replay gives the same
 * rows.  Fields of TIMESTAMP_LTZ are those of the session zone.
 */
#include <math.h>
#include <strings.h>

#include "base/util.h"
#include "calendar.h"
#include "decimal.h"
#include "kernel.h"

#define DEFAULT_PATTERN "yyyy-MM-dd HH:mm:ss"

/* Milliseconds of the wall clock that a time shows. */
static inline int64_t
local_ms(const struct fl_col *col, uint32_t row, const char *zone)
{
	if (col->type.id == FL_TYPE_DATE)
		return FL_COL_AT(col, int32_t, row) * FL_DAY_MS;
	int64_t ms = FL_COL_AT(col, int64_t, row);
	return col->type.id == FL_TYPE_TIMESTAMP_LTZ ? fl_zone_to_local(zone, ms) : ms;
}

/* ---- type rules ---- */

/* A pattern written in the SQL text is checked there. */
static enum fl_code
check_pattern(const char *name, const struct fl_expr *arg, enum fl_pattern_use use, struct fl_err *err)
{
	static const char *const EXPECTED[] = {
		[FL_PATTERN_PRINT] = "y M d D E H h m s S a",
		[FL_PATTERN_PARSE] = "y M d H m s S",
		[FL_PATTERN_PARSE_ZONE] = "y M d H m s S z Z X XX XXX",
	};
	const char *p;
	uint32_t size;
	char bad;

	if (!fl_literal_str(arg, &p, &size) || fl_pattern_check(p, size, use, &bad))
		return FL_OK;
	return FL_FAIL(err, FL_E_SQL_BIND,
	    "pattern '%.*s' of %s: letter '%c' is not supported; expected %s and quoted text",
	    (int)size, p, name, bad, EXPECTED[use]);
}

static bool
is_text(const struct fl_expr *arg)
{
	return fl_type_is_string((enum fl_type_id)arg->type.id);
}

enum fl_code
fl_rule_to_ltz(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	struct fl_type type = fl_type_make(FL_TYPE_BIGINT, true);
	const struct fl_expr *unit = args[1];

	if (args[0]->type.id == FL_TYPE_FLOAT)
		type.id = FL_TYPE_DOUBLE;
	if (!fl_type_is_numeric((enum fl_type_id)args[0]->type.id) ||
	    !fl_type_is_integer((enum fl_type_id)unit->type.id))
		return fl_refuse(name, args, arg_count, err);
	if (unit->kind != FL_EXPR_LITERAL || unit->value.is_null ||
	    (unit->value.i64 != 0 && unit->value.i64 != 3))
		return FL_FAIL(err, FL_E_SQL_BIND,
		    "the precision of TO_TIMESTAMP_LTZ must be the literal 0 (seconds) or 3 "
		    "(milliseconds)");
	if (args[0]->type.id != FL_TYPE_DECIMAL && args[0]->type.id != FL_TYPE_DOUBLE)
		fl_widen(arena, &args[0], &type);
	/* Beyond the year 9999 a value is NULL all the same. */
	*result = fl_type_make(FL_TYPE_TIMESTAMP_LTZ, args[0]->type.nullable);
	return FL_OK;
}

enum fl_code
fl_rule_to_timestamp(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	(void)arena;
	for (uint32_t i = 0; i < arg_count; i++)
		if (!is_text(args[i]))
			return fl_refuse(name, args, arg_count, err);
	if (arg_count == 2)
		FL_TRY(check_pattern(name, args[1],
		    name[0] == 'U' ? FL_PATTERN_PARSE_ZONE : FL_PATTERN_PARSE, err));
	*result = fl_type_make(FL_TYPE_TIMESTAMP, true);
	return FL_OK;
}

enum fl_code
fl_rule_unix_timestamp(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	if (arg_count > 0)
		FL_TRY(fl_rule_to_timestamp(arena, name, args, arg_count, result, err));
	*result = fl_type_make(FL_TYPE_BIGINT, fl_any_nullable(args, arg_count));
	return FL_OK;
}

enum fl_code
fl_rule_from_unixtime(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	struct fl_type type = fl_type_make(FL_TYPE_BIGINT, true);

	if (!fl_type_is_integer((enum fl_type_id)args[0]->type.id) ||
	    (arg_count == 2 && !is_text(args[1])))
		return fl_refuse(name, args, arg_count, err);
	if (arg_count == 2)
		FL_TRY(check_pattern(name, args[1], FL_PATTERN_PRINT, err));
	fl_widen(arena, &args[0], &type);
	*result = fl_type_make(FL_TYPE_VARCHAR, true);
	return FL_OK;
}

enum fl_code
fl_rule_date_format(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	struct fl_type type = fl_type_make(FL_TYPE_TIMESTAMP, true);

	if (is_text(args[0]))
		fl_widen(arena, &args[0], &type);
	if ((args[0]->type.id != FL_TYPE_TIMESTAMP && args[0]->type.id != FL_TYPE_TIMESTAMP_LTZ) ||
	    !is_text(args[1]))
		return fl_refuse(name, args, arg_count, err);
	FL_TRY(check_pattern(name, args[1], FL_PATTERN_PRINT, err));
	*result = fl_type_make(FL_TYPE_VARCHAR, true);
	return FL_OK;
}

/* ---- units ---- */

enum unit {
	UNIT_NONE,
	UNIT_YEAR,
	UNIT_QUARTER,
	UNIT_MONTH,
	UNIT_WEEK,
	UNIT_DAY,
	UNIT_DOY,
	UNIT_DOW,
	UNIT_ISODOW,
	UNIT_HOUR,
	UNIT_MINUTE,
	UNIT_SECOND,
	UNIT_MILLISECOND,
	UNIT_EPOCH,
};

static const char *const unit_names[] = {"", "YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DOY",
    "DOW", "ISODOW", "HOUR", "MINUTE", "SECOND", "MILLISECOND", "EPOCH"};

static enum unit
literal_unit(const struct fl_expr *arg)
{
	const char *p;
	uint32_t size;

	if (!fl_literal_str(arg, &p, &size))
		return UNIT_NONE;
	for (uint32_t i = 1; i < FL_ARRAY_COUNT(unit_names); i++)
		if (strlen(unit_names[i]) == size && strncasecmp(unit_names[i], p, size) == 0)
			return (enum unit)i;
	return UNIT_NONE;
}

enum fl_code
fl_rule_extract(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	(void)arena;
	if (!fl_is_time(args[1]->type.id) || literal_unit(args[0]) == UNIT_NONE)
		return fl_refuse(name, args, arg_count, err);
	*result = fl_type_make(FL_TYPE_BIGINT, args[1]->type.nullable);
	return FL_OK;
}

/* Months in a unit, 0: it is counted in milliseconds. */
static int32_t
unit_months(enum unit unit)
{
	return unit == UNIT_MONTH ? 1 : unit == UNIT_QUARTER ? 3 : unit == UNIT_YEAR ? 12 : 0;
}

/* Of SECOND to WEEK; 0: it is none of them. */
static int64_t
unit_length(enum unit unit)
{
	return unit == UNIT_SECOND ? 1000
	    : unit == UNIT_MINUTE  ? 60000
	    : unit == UNIT_HOUR	   ? 3600000
	    : unit == UNIT_DAY	   ? FL_DAY_MS
	    : unit == UNIT_WEEK	   ? 7 * FL_DAY_MS
				   : 0;
}

enum fl_code
fl_rule_timestampadd(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	enum unit unit = literal_unit(args[0]);
	struct fl_type integer = fl_type_make(FL_TYPE_INT, true);
	bool is_date = args[2]->type.id == FL_TYPE_DATE;

	if ((!is_date && args[2]->type.id != FL_TYPE_TIMESTAMP) ||
	    (unit_months(unit) == 0 && unit_length(unit) == 0) ||
	    (is_date && unit_length(unit) > 0 && unit_length(unit) < FL_DAY_MS) ||
	    !fl_type_can_widen(&args[1]->type, &integer))
		return fl_refuse(name, args, arg_count, err);
	fl_widen(arena, &args[1], &integer);
	*result = args[2]->type;
	result->nullable = fl_any_nullable(args + 1, 2);
	return FL_OK;
}

enum fl_code
fl_rule_timestampdiff(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	enum unit unit = literal_unit(args[0]);
	bool first_ltz = args[1]->type.id == FL_TYPE_TIMESTAMP_LTZ;
	struct fl_type timestamp = fl_type_make(FL_TYPE_TIMESTAMP, true);

	if (!fl_is_time(args[1]->type.id) || !fl_is_time(args[2]->type.id) ||
	    (unit_length(unit) == 0 && (unit_months(unit) == 0 || first_ltz)))
		return fl_refuse(name, args, arg_count, err);
	if (first_ltz != (args[2]->type.id == FL_TYPE_TIMESTAMP_LTZ))
		return FL_FAIL(err, FL_E_SQL_BIND,
		    "TIMESTAMP_LTZ only supports diff between the same type: CAST one of them");
	for (int i = 1; i <= 2; i++)
		if (args[i]->type.id == FL_TYPE_DATE)
			fl_widen(arena, &args[i], &timestamp);
	*result = fl_type_make(FL_TYPE_INT, fl_any_nullable(args + 1, 2));
	return FL_OK;
}

enum fl_code
fl_expand_extract(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_expr **out, struct fl_err *err)
{
	struct fl_expr *extract[2];
	struct fl_type type = fl_type_make(FL_TYPE_CHAR, false);
	struct fl_value value = {.is_null = false};
	const char *unit = strcmp(name, "DAYOFYEAR") == 0    ? "DOY"
			   : strcmp(name, "DAYOFMONTH") == 0 ? "DAY"
			   : strcmp(name, "DAYOFWEEK") == 0  ? "DOW"
							     : name;

	if (!fl_is_time(args[0]->type.id))
		return fl_refuse(name, args, arg_count, err);
	value.str.p = fl_arena_strdup(arena, unit);
	value.str.size = (uint32_t)strlen(unit);
	type.length = value.str.size;
	extract[0] = fl_expr_literal(arena, &type, &value);
	extract[1] = args[0];
	return fl_expr_call(arena, "EXTRACT", extract, 2, out, err);
}

enum fl_code
fl_rule_now_ltz(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	(void)arena;
	(void)name;
	(void)args;
	(void)arg_count;
	(void)err;
	*result = fl_type_make(FL_TYPE_TIMESTAMP_LTZ, false);
	return FL_OK;
}

enum fl_code
fl_rule_now_local(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	(void)fl_rule_now_ltz(arena, name, args, arg_count, result, err);
	*result = fl_type_make(FL_TYPE_TIMESTAMP, false);
	return FL_OK;
}

enum fl_code
fl_rule_now_date(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	(void)fl_rule_now_ltz(arena, name, args, arg_count, result, err);
	*result = fl_type_make(FL_TYPE_DATE, false);
	return FL_OK;
}

enum fl_code
fl_rule_watermark(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	(void)arena;
	if (args[0]->type.id != FL_TYPE_TIMESTAMP && args[0]->type.id != FL_TYPE_TIMESTAMP_LTZ)
		return fl_refuse(name, args, arg_count, err);
	*result = args[0]->type;
	result->nullable = true;
	return FL_OK;
}

/* ---- numbers and texts to times ---- */

void
fl_kernel_to_ltz(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	int64_t unit_ms = call->args[1]->value.i64 == 0 ? 1000 : 1;
	int64_t *o = out->data;
	const struct fl_col *arg = &args[0];

	switch (arg->type.id) {
	case FL_TYPE_DOUBLE:
		FL_EACH_ROW (row) {
			double ms = FL_COL_AT(arg, double, row) * (double)unit_ms;
			o[row] = 0;
			if (ms >= (double)FL_EPOCH_MS_MIN && ms <= (double)FL_EPOCH_MS_MAX)
				o[row] = (int64_t)ms;
			else
				fl_out_null(ctx, out, row);
		}
		break;
	case FL_TYPE_DECIMAL: {
		fl_i128 d = fl_decimal_pow10(arg->type.scale), whole = fl_decimal_pow10(20);

		FL_EACH_ROW (row) {
			fl_i128 v = FL_COL_AT(arg, fl_i128, row);
			o[row] = 0;
			/* Cut to whole units, as in Flink; far beyond the range no product can wrap. */
			fl_i128 q = v / d;
			if (q > -whole && q < whole)
				q *= unit_ms;
			if (q >= FL_EPOCH_MS_MIN && q <= FL_EPOCH_MS_MAX)
				o[row] = (int64_t)q;
			else
				fl_out_null(ctx, out, row);
		}
		break;
	}
	default: {
		const int64_t *x = arg->data;
		int64_t min = FL_EPOCH_MS_MIN / unit_ms, max = FL_EPOCH_MS_MAX / unit_ms;
		bool bad = false;

		/* The event time of most tables: one loop without branches. */
		FL_ROWS(o[row] = (int64_t)((uint64_t)x[row] * (uint64_t)unit_ms);
			bad |= x[row] < min || x[row] > max);
		if (!bad)
			break;
		FL_EACH_ROW (row) {
			if (x[row] < min || x[row] > max)
				fl_out_null(ctx, out, row);
		}
		break;
	}
	}
}

void
fl_kernel_to_timestamp(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	int64_t *o = out->data;

	FL_EACH_ROW (row) {
		uint32_t n;
		uint32_t m = 0;
		const char *p = fl_col_str(&args[0], row, &n);
		const char *pattern = call->arg_count == 2 ? fl_col_str(&args[1], row, &m) : NULL;
		bool ok = pattern != NULL ? fl_pattern_parse(pattern, m, p, n, true, &o[row], NULL)
					  : fl_parse_timestamp_lenient(p, n, &o[row]);
		if (!ok) {
			o[row] = 0;
			fl_out_null(ctx, out, row);
		}
	}
}

/* As Java's SimpleDateFormat reads it: a repeated hour is the later one, unlike in CAST;
 * in a gap the time is shifted by it. */
static int64_t
calendar_to_utc(const char *zone, int64_t local_ms)
{
	return FL_MAX(fl_zone_from_local(zone, local_ms), fl_zone_to_utc(zone, local_ms));
}

void
fl_kernel_unix_timestamp(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	int64_t *o = out->data;

	if (call->arg_count == 0) {
		FL_ROWS(o[row] = fl_floor_div(ctx->clock_ms, 1000));
		return;
	}
	FL_EACH_ROW (row) {
		uint32_t n;
		uint32_t m = sizeof(DEFAULT_PATTERN) - 1;
		int64_t ms;
		int64_t zone_ms;
		const char *p = fl_col_str(&args[0], row, &n);
		const char *pattern = DEFAULT_PATTERN;
		if (call->arg_count == 2)
			pattern = fl_col_str(&args[1], row, &m);
		/* Flink gives the smallest BIGINT for text that does not fit. */
		if (!fl_pattern_parse(pattern, m, p, n, false, &ms, &zone_ms))
			o[row] = INT64_MIN;
		else if (zone_ms != INT64_MIN)
			o[row] = (int64_t)((uint64_t)ms - (uint64_t)zone_ms) / 1000;
		else
			o[row] = calendar_to_utc(ctx->zone, ms) / 1000;
	}
}

/* ---- times to texts and numbers ---- */

static void
format_rows(const struct fl_expr *call, bool from_seconds, const struct fl_col *args,
    const uint32_t *sel, uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	struct fl_buf text = {.data = NULL};
	struct fl_strings s;

	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t m = sizeof(DEFAULT_PATTERN) - 1;
		const char *pattern = DEFAULT_PATTERN;
		int64_t ms;
		fl_strings_row(&s, row);
		if (call->arg_count == 2)
			pattern = fl_col_str(&args[1], row, &m);
		if (from_seconds) {
			ms = FL_COL_AT(&args[0], int64_t, row);
			if (ms < FL_EPOCH_MS_MIN / 1000 || ms > FL_EPOCH_MS_MAX / 1000) {
				fl_out_null(ctx, out, row);
				continue;
			}
			ms = fl_zone_to_local(ctx->zone, ms * 1000);
		} else {
			ms = local_ms(&args[0], row, ctx->zone);
		}
		fl_buf_reset(&text);
		fl_pattern_print(pattern, m, ms, &text);
		fl_strings_add(&s, text.data, text.size);
	}
	fl_strings_end(&s);
	fl_buf_fini(&text);
}

void
fl_kernel_from_unixtime(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	format_rows(call, true, args, sel, sel_count, ctx, out);
}

void
fl_kernel_date_format(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	format_rows(call, false, args, sel, sel_count, ctx, out);
}

/* ISO 8601: the week that holds the year's first Thursday is week 1. */
static int64_t
iso_week(int64_t days)
{
	struct fl_civil c;
	int64_t thursday = days - fl_floor_mod(days + 3, 7) + 3;

	fl_civil_from_days(thursday, &c);
	return (thursday - fl_civil_days(c.year, 1, 1)) / 7 + 1;
}

static int64_t
extract_unit(enum unit unit, int64_t ms)
{
	struct fl_civil c;
	int64_t days = fl_floor_div(ms, FL_DAY_MS);

	fl_civil_from_ms(ms, &c);
	switch (unit) {
	case UNIT_YEAR:
		return c.year;
	case UNIT_QUARTER:
		return (c.month + 2) / 3;
	case UNIT_MONTH:
		return c.month;
	case UNIT_WEEK:
		return iso_week(days);
	case UNIT_DAY:
		return c.day;
	case UNIT_DOY:
		return days - fl_civil_days(c.year, 1, 1) + 1;
	case UNIT_DOW: /* Sunday is 1; 1970-01-01 was a Thursday */
		return fl_floor_mod(days + 4, 7) + 1;
	case UNIT_ISODOW:
		return fl_floor_mod(days + 3, 7) + 1;
	case UNIT_HOUR:
		return c.hour;
	case UNIT_MINUTE:
		return c.minute;
	case UNIT_SECOND:
		return c.second;
	case UNIT_MILLISECOND:
		return c.ms; /* of the second, as in Flink; Calcite would count from the minute */
	case UNIT_EPOCH:
		return fl_floor_div(ms, 1000);
	case UNIT_NONE:
		break;
	}
	return 0;
}

void
fl_kernel_extract(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	enum unit unit = literal_unit(call->args[0]);
	int64_t *o = out->data;

	/* EPOCH too is that of the local time, as in Flink. */
	FL_ROWS(o[row] = extract_unit(unit, local_ms(&args[1], row, ctx->zone)));
}

/* A day so many months later: of a shorter month the last one. */
static int64_t
add_months(int64_t days, int64_t months)
{
	struct fl_civil c;
	int64_t year, month;

	fl_civil_from_days(days, &c);
	month = (int64_t)c.month - 1 + months;
	year = c.year + fl_floor_div(month, 12);
	month = fl_floor_mod(month, 12) + 1;
	return fl_civil_days(year, (uint32_t)month,
	    FL_MIN(c.day, fl_month_days(year, (uint32_t)month)));
}

/* Whole months between two days, a >= b, by Calcite's count. */
static int64_t
months_between(int64_t a, int64_t b)
{
	int64_t m = (a - b) / 31; /* never too many */

	while (add_months(b, m) < a && add_months(b, m + 1) <= a)
		m++;
	return m;
}

/* Calcite's subtractMonths: a - b, times of day decide where the day is the same. */
static int64_t
subtract_months(int64_t a, int64_t b)
{
	int64_t a_day = fl_floor_div(a, FL_DAY_MS), b_day = fl_floor_div(b, FL_DAY_MS);
	int64_t m = a_day < b_day ? -months_between(b_day, a_day) : months_between(a_day, b_day);

	if (add_months(b_day, m) == a_day && fl_floor_mod(a, FL_DAY_MS) < fl_floor_mod(b, FL_DAY_MS))
		m--;
	return m;
}

void
fl_kernel_timestampdiff(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	enum unit unit = literal_unit(call->args[0]);
	int64_t unit_ms = unit_length(unit);
	int32_t months = unit_months(unit), *o = out->data;

	(void)ctx;
	FL_EACH_ROW (row) {
		int64_t a = local_ms(&args[1], row, NULL), b = local_ms(&args[2], row, NULL);

		if (months > 0)
			o[row] = (int32_t)(subtract_months(b, a) / months);
		else
			o[row] = (int32_t)((int64_t)((uint64_t)b - (uint64_t)a) / unit_ms);
	}
}

void
fl_kernel_timestampadd(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	enum unit unit = literal_unit(call->args[0]);
	int64_t unit_ms = unit_length(unit);
	int32_t months = unit_months(unit);
	const int32_t *n = args[1].data;
	bool is_date = out->type.id == FL_TYPE_DATE;

	(void)ctx;
	FL_EACH_ROW (row) {
		int64_t ms = local_ms(&args[2], row, NULL), days = fl_floor_div(ms, FL_DAY_MS);

		if (months > 0) /* an interval of months is an INT, and wraps as one */
			ms += (add_months(days, (int32_t)((uint32_t)n[row] * (uint32_t)months)) - days) *
			    FL_DAY_MS;
		else
			ms += n[row] * unit_ms;
		if (is_date)
			((int32_t *)out->data)[row] = (int32_t)fl_floor_div(ms, FL_DAY_MS);
		else
			((int64_t *)out->data)[row] = ms;
	}
}

/* ---- now ---- */

void
fl_kernel_now(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	int64_t now = ctx->clock_ms, local = fl_zone_to_local(ctx->zone, now);
	int64_t v = call->type.id == FL_TYPE_TIMESTAMP_LTZ ? now : local;

	(void)args;
	if (call->type.id == FL_TYPE_DATE)
		FL_ROWS(((int32_t *)out->data)[row] = (int32_t)fl_floor_div(local, FL_DAY_MS));
	else
		FL_ROWS(((int64_t *)out->data)[row] = v);
}

void
fl_kernel_watermark(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const struct fl_col *w = ctx->watermarks;
	int64_t *o = out->data;

	(void)call;
	(void)args;
	FL_EACH_ROW (row) {
		o[row] = 0;
		if (w == NULL || !fl_col_is_valid(w, row))
			fl_out_null(ctx, out, row);
		else
			o[row] = FL_COL_AT(w, int64_t, row);
	}
}
