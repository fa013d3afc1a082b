/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - values to text and back, as Java and Flink write them.
 *
 * Doubles print the shortest digits that read back as the same value: a decimal
 * of up to 15 digits survives a double, so the first of 15, 16, 17 digits that
 * round-trips is the shortest once its trailing zeros are gone (6, 7, 8, 9 for a
 * float).  Subnormal numbers hold fewer digits and search from one.
 */
#include "expr/expr.h"

#include <math.h>
#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "calendar.h"
#include "decimal.h"

/* ---- numbers out ---- */

/* digits "d[ddd]" of count, value 0.d1d2d3... * 10^point, as Double.toString lays out */
static void
lay_out_java(struct fl_buf *out, bool negative, const char *digits, int count, int point)
{
	char text[64];
	int n = 0;

	if (negative)
		text[n++] = '-';
	if (point > -3 && point <= 7) { /* 1e-3 <= |v| < 1e7 */
		if (point <= 0) {
			text[n++] = '0';
			text[n++] = '.';
			for (int i = point; i < 0; i++)
				text[n++] = '0';
			for (int i = 0; i < count; i++)
				text[n++] = digits[i];
		} else {
			for (int i = 0; i < point; i++)
				text[n++] = i < count ? digits[i] : '0';
			text[n++] = '.';
			if (count <= point)
				text[n++] = '0';
			for (int i = point; i < count; i++)
				text[n++] = digits[i];
		}
	} else {
		text[n++] = digits[0];
		text[n++] = '.';
		if (count == 1)
			text[n++] = '0';
		for (int i = 1; i < count; i++)
			text[n++] = digits[i];
		n += snprintf(text + n, sizeof(text) - (size_t)n, "E%d", point - 1);
	}
	fl_buf_add(out, text, (size_t)n);
}

/* From "d.ddde+xx" of printf to digits without trailing zeros; returns the count. */
static int
split_digits(const char *text, char *digits, int *point)
{
	int n = 0;
	const char *p = text;

	for (; *p != 'e'; p++)
		if (*p != '.')
			digits[n++] = *p;
	while (n > 1 && digits[n - 1] == '0')
		n--;
	*point = atoi(p + 1) + 1;
	return n;
}

static bool
print_special(struct fl_buf *out, double v)
{
	if (isnan(v))
		fl_buf_str(out, "NaN");
	else if (isinf(v))
		fl_buf_str(out, v < 0 ? "-Infinity" : "Infinity");
	else if (v == 0)
		fl_buf_str(out, signbit(v) ? "-0.0" : "0.0");
	else
		return false;
	return true;
}

void
fl_print_double(struct fl_buf *out, double v)
{
	char text[40], digits[32];
	int point, n, from = 15;

	if (print_special(out, v))
		return;
	if (fabs(v) < 1e7 && v == (double)(int64_t)v) {
		fl_buf_printf(out, "%" PRId64 ".0", (int64_t)v);
		return;
	}
	if (fabs(v) < DBL_MIN)
		from = 2; /* Java writes two digits at least: 4.9E-324 */
	for (int precision = from; precision <= 17; precision++) {
		(void)snprintf(text, sizeof(text), "%.*e", precision - 1, fabs(v));
		if (strtod(text, NULL) == fabs(v))
			break;
	}
	n = split_digits(text, digits, &point);
	lay_out_java(out, v < 0, digits, n, point);
}

void
fl_print_float(struct fl_buf *out, float v)
{
	char text[40], digits[32];
	int point, n, from = 6;

	if (print_special(out, (double)v))
		return;
	if (fabsf(v) < FLT_MIN)
		from = 2;
	for (int precision = from; precision <= 9; precision++) {
		(void)snprintf(text, sizeof(text), "%.*e", precision - 1, fabs((double)v));
		if (strtof(text, NULL) == fabsf(v))
			break;
	}
	n = split_digits(text, digits, &point);
	lay_out_java(out, v < 0, digits, n, point);
}

void
fl_print_decimal(struct fl_buf *out, fl_i128 unscaled, uint32_t scale)
{
	char text[64];
	int at = (int)sizeof(text);
	fl_u128 m = unscaled < 0 ? -(fl_u128)unscaled : (fl_u128)unscaled;
	uint32_t printed = 0;

	if (scale > FL_DECIMAL_PRECISION_MAX)
		scale = FL_DECIMAL_PRECISION_MAX;
	do {
		if (printed == scale && scale > 0)
			text[--at] = '.';
		text[--at] = (char)('0' + (int)(m % 10));
		m /= 10;
		printed++;
	} while (m != 0 || printed <= scale);
	if (unscaled < 0)
		text[--at] = '-';
	fl_buf_add(out, text + at, sizeof(text) - (size_t)at);
}

/* ---- numbers in ---- */

static void
trim_blanks(const char **p, size_t *size)
{
	while (*size > 0 && (unsigned char)(*p)[0] <= ' ') {
		(*p)++;
		(*size)--;
	}
	while (*size > 0 && (unsigned char)(*p)[*size - 1] <= ' ')
		(*size)--;
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

enum fl_parsed
fl_parse_decimal_why(const char *p, size_t size, uint32_t precision, uint32_t scale, fl_i128 *out)
{
	bool negative = false, seen_point = false;
	const char *end, *first = NULL, *stop;
	int64_t digit_total = 0, fraction = 0, exponent = 0, keep;
	fl_u128 m = 0;

	trim_blanks(&p, &size);
	end = p + size;
	if (p < end && (*p == '-' || *p == '+'))
		negative = *p++ == '-';
	uint32_t digits_seen = 0;
	for (; p < end && (is_digit(*p) || (*p == '.' && !seen_point)); p++) {
		if (*p == '.') {
			seen_point = true;
			continue;
		}
		digits_seen++;
		if (first == NULL && *p != '0')
			first = p;
		digit_total += first != NULL;
		fraction += seen_point;
	}
	stop = p;
	if (digits_seen == 0)
		return FL_PARSED_NOT;
	if (p < end && (*p == 'e' || *p == 'E')) {
		bool minus = false;

		p++;
		if (p < end && (*p == '-' || *p == '+'))
			minus = *p++ == '-';
		if (p == end)
			return FL_PARSED_NOT;
		for (; p < end && is_digit(*p); p++)
			if (exponent < 1000000000)
				exponent = exponent * 10 + (*p - '0');
		if (minus)
			exponent = -exponent;
	}
	if (p != end)
		return FL_PARSED_NOT;
	*out = 0;
	if (first == NULL)
		return FL_PARSED;
	/* value = digits * 10^(exponent - fraction); keep that many digits of them */
	keep = digit_total + exponent - fraction + (int64_t)scale;
	if (keep > (int64_t)precision)
		return FL_PARSED_TOO_LARGE;
	if (keep < 0)
		return FL_PARSED;
	int64_t taken = 0;
	bool round_up = false;
	for (const char *d = first; d < stop && taken <= keep; d++) {
		if (*d == '.')
			continue;
		if (taken == keep)
			round_up = *d >= '5';
		else
			m = m * 10 + (fl_u128)(*d - '0');
		taken++;
	}
	for (; taken < keep; taken++)
		m *= 10;
	m += round_up;
	if (m >= (fl_u128)fl_decimal_pow10(precision))
		return FL_PARSED_TOO_LARGE;
	*out = negative ? -(fl_i128)m : (fl_i128)m;
	return FL_PARSED;
}

bool
fl_parse_decimal(const char *p, size_t size, uint32_t precision, uint32_t scale, fl_i128 *out)
{
	return fl_parse_decimal_why(p, size, precision, scale, out) == FL_PARSED;
}

bool
fl_parse_integer(const char *p, size_t size, int64_t min, int64_t max, int64_t *out)
{
	bool negative = false;
	const char *end;
	fl_i128 v = 0;
	uint32_t digits = 0;

	trim_blanks(&p, &size);
	end = p + size;
	if (p < end && (*p == '-' || *p == '+'))
		negative = *p++ == '-';
	for (; p < end && is_digit(*p); p++) {
		v = v * 10 + (*p - '0');
		if (v > (fl_i128)INT64_MAX + 1)
			return false;
		digits++;
	}
	if (p < end && *p == '.') {
		digits++; /* a point alone is 0, as in Flink */
		for (p++; p < end && is_digit(*p); p++)
			;
	}
	if (p != end || digits == 0)
		return false;
	if (negative)
		v = -v;
	if (v < min || v > max)
		return false;
	*out = (int64_t)v;
	return true;
}

/* A decimal number as Double.parseDouble takes it, copied to text with its NUL. */
static bool
check_double(const char **p, size_t *size, double *special)
{
	const char *at, *end;
	size_t n;
	uint32_t digits = 0;

	*special = 0;
	trim_blanks(p, size);
	at = *p;
	end = *p + *size;
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	n = (size_t)(end - at);
	if (n == 3 && memcmp(at, "NaN", 3) == 0)
		*special = (double)NAN;
	else if (n == 8 && memcmp(at, "Infinity", 8) == 0)
		*special = **p == '-' ? -(double)INFINITY : (double)INFINITY;
	if (*special != 0)
		return true;
	for (; at < end && is_digit(*at); at++)
		digits++;
	if (at < end && *at == '.')
		for (at++; at < end && is_digit(*at); at++)
			digits++;
	if (digits == 0)
		return false;
	if (at < end && (*at == 'e' || *at == 'E')) {
		at++;
		if (at < end && (*at == '-' || *at == '+'))
			at++;
		if (at == end || !is_digit(*at))
			return false;
		while (at < end && is_digit(*at))
			at++;
	}
	if (at < end && strchr("fFdD", *at) != NULL && *at != '\0') {
		at++;
		(*size)--;
	}
	return at == end;
}

static bool
parse_floating(const char *p, size_t size, double *d, float *f)
{
	char text[128], *copy = text;
	double special;

	if (!check_double(&p, &size, &special))
		return false;
	if (special != 0) {
		if (d != NULL)
			*d = special;
		else
			*f = (float)special;
		return true;
	}
	if (size >= sizeof(text))
		copy = fl_malloc(size + 1);
	memcpy(copy, p, size);
	copy[size] = '\0';
	if (d != NULL)
		*d = strtod(copy, NULL);
	else
		*f = strtof(copy, NULL);
	if (copy != text)
		free(copy);
	return true;
}

bool
fl_parse_double(const char *p, size_t size, double *out)
{
	return parse_floating(p, size, out, NULL);
}

bool
fl_parse_float(const char *p, size_t size, float *out)
{
	return parse_floating(p, size, NULL, out);
}

/* ---- calendar ---- */

int64_t
fl_civil_days(int64_t year, uint32_t month, uint32_t day)
{
	/* Years from March on, in eras of 400 years: no month's length is needed. */
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = fl_floor_div(y, 400);
	int64_t year_of_era = y - era * 400;
	int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 +
	       day_of_year - 719468;
}

void
fl_civil_from_days(int64_t days, struct fl_civil *civil)
{
	int64_t z = days + 719468;
	int64_t era = fl_floor_div(z, 146097);
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*civil = (struct fl_civil){.hour = 0};
	civil->day = (uint32_t)(doy - (153 * mp + 2) / 5 + 1);
	civil->month = (uint32_t)(mp < 10 ? mp + 3 : mp - 9);
	civil->year = yoe + era * 400 + (civil->month <= 2);
}

void
fl_civil_from_ms(int64_t ms, struct fl_civil *civil)
{
	int64_t rest = fl_floor_mod(ms, FL_DAY_MS);

	fl_civil_from_days(fl_floor_div(ms, FL_DAY_MS), civil);
	civil->hour = (uint32_t)(rest / 3600000);
	civil->minute = (uint32_t)(rest / 60000 % 60);
	civil->second = (uint32_t)(rest / 1000 % 60);
	civil->ms = (uint32_t)(rest % 1000);
}

int64_t
fl_civil_to_ms(const struct fl_civil *civil)
{
	return fl_civil_days(civil->year, civil->month, civil->day) * FL_DAY_MS +
	       (int64_t)civil->hour * 3600000 + (int64_t)civil->minute * 60000 +
	       (int64_t)civil->second * 1000 + civil->ms;
}

uint32_t
fl_month_days(int64_t year, uint32_t month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

/* ---- times out ---- */

static char *
put_digits(char *at, uint32_t v, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		at[i] = (char)('0' + v % 10);
		v /= 10;
	}
	return at + width;
}

static char *
put_date(char *at, const struct fl_civil *c)
{
	if (c->year >= 0 && c->year <= 9999)
		at = put_digits(at, (uint32_t)c->year, 4);
	else
		at += sprintf(
		    at, "%s%04" PRId64, c->year < 0 ? "-" : "+", c->year < 0 ? -c->year : c->year);
	*at++ = '-';
	at = put_digits(at, c->month, 2);
	*at++ = '-';
	return put_digits(at, c->day, 2);
}

void
fl_print_date(struct fl_buf *out, int32_t days)
{
	struct fl_civil c;
	char text[32];

	fl_civil_from_days(days, &c);
	fl_buf_add(out, text, (size_t)(put_date(text, &c) - text));
}

void
fl_print_timestamp(struct fl_buf *out, int64_t ms, char sep, uint32_t fraction_min)
{
	struct fl_civil c;
	char text[64], *at;
	uint32_t digits = 3, fraction;

	fl_civil_from_ms(ms, &c);
	at = put_date(text, &c);
	*at++ = sep;
	at = put_digits(at, c.hour, 2);
	*at++ = ':';
	at = put_digits(at, c.minute, 2);
	*at++ = ':';
	at = put_digits(at, c.second, 2);
	for (fraction = c.ms; digits > fraction_min && fraction % 10 == 0; digits--)
		fraction /= 10;
	if (digits > 0) {
		*at++ = '.';
		at = put_digits(at, fraction, (int)digits);
	}
	fl_buf_add(out, text, (size_t)(at - text));
}

/* ---- times in ---- */

/* min to max digits; false if fewer. */
static bool
take_number(const char **p, const char *end, int min, int max, int64_t *v)
{
	int n = 0;

	*v = 0;
	while (n < max && *p < end && is_digit(**p)) {
		*v = *v * 10 + (*(*p)++ - '0');
		n++;
	}
	return n >= min;
}

static bool
take_char(const char **p, const char *end, char c)
{
	if (*p == end || **p != c)
		return false;
	(*p)++;
	return true;
}

static bool
take_date(const char **p, const char *end, int digits_min, struct fl_civil *c)
{
	int64_t year, month, day;

	if (!take_number(p, end, 4, 4, &year) || !take_char(p, end, '-') ||
	    !take_number(p, end, digits_min, 2, &month) || !take_char(p, end, '-') ||
	    !take_number(p, end, digits_min, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	c->year = year;
	c->month = (uint32_t)month;
	c->day = (uint32_t)day;
	return true;
}

static bool
take_fraction(const char **p, const char *end, uint32_t *ms)
{
	int n = 0;

	*ms = 0;
	for (; *p < end && is_digit(**p) && n < 9; (*p)++, n++)
		if (n < 3)
			*ms = *ms * 10 + (uint32_t)(**p - '0');
	if (n == 0)
		return false;
	for (; n < 3; n++)
		*ms *= 10;
	return true;
}

static bool
take_time(const char **p, const char *end, int digits_min, struct fl_civil *c)
{
	int64_t hour, minute, second;

	if (!take_number(p, end, digits_min, 2, &hour) || !take_char(p, end, ':') ||
	    !take_number(p, end, digits_min, 2, &minute) || !take_char(p, end, ':') ||
	    !take_number(p, end, digits_min, 2, &second))
		return false;
	if (hour > 24 || minute > 59 || second > 59)
		return false;
	c->hour = (uint32_t)hour;
	c->minute = (uint32_t)minute;
	c->second = (uint32_t)second;
	if (take_char(p, end, '.') && !take_fraction(p, end, &c->ms))
		return false;
	/* 24:00:00 is the next day's midnight, as Java's SMART resolver has it. */
	return hour < 24 || (minute == 0 && second == 0 && c->ms == 0);
}

static void
clamp_day(struct fl_civil *c)
{
	c->day = FL_MIN(c->day, fl_month_days(c->year, c->month));
}

bool
fl_parse_date(const char *p, size_t size, int32_t *days)
{
	const char *end = p + size;
	struct fl_civil c = {.ms = 0};

	if (!take_date(&p, end, 2, &c) || p != end || c.day > fl_month_days(c.year, c.month))
		return false;
	*days = (int32_t)fl_civil_days(c.year, c.month, c.day);
	return true;
}

bool
fl_parse_timestamp(const char *p, size_t size, char sep, int64_t *ms)
{
	const char *end = p + size;
	struct fl_civil c = {.ms = 0};

	if (!take_date(&p, end, 2, &c) || !take_char(&p, end, sep) || !take_time(&p, end, 2, &c) ||
	    p != end)
		return false;
	clamp_day(&c);
	*ms = fl_civil_to_ms(&c);
	return true;
}

bool
fl_parse_timestamp_lenient(const char *p, size_t size, int64_t *ms)
{
	const char *end;
	struct fl_civil c = {.ms = 0};

	end = p + size;
	if (!take_date(&p, end, 1, &c))
		return false;
	if (p != end && (!take_char(&p, end, ' ') || !take_time(&p, end, 1, &c) || p != end))
		return false;
	clamp_day(&c);
	*ms = fl_civil_to_ms(&c);
	return true;
}

bool
fl_parse_time_literal(const char *p, size_t size, bool is_timestamp, int64_t *v)
{
	const char *end = p + size;
	struct fl_civil c = {.ms = 0};

	if (!take_date(&p, end, 1, &c) || c.day > fl_month_days(c.year, c.month))
		return false;
	if (is_timestamp && p != end &&
	    (!take_char(&p, end, ' ') || !take_time(&p, end, 1, &c) || c.hour > 23))
		return false;
	*v = is_timestamp ? fl_civil_to_ms(&c) : fl_civil_days(c.year, c.month, c.day);
	return p == end;
}

bool
fl_parse_date_lenient(const char *p, size_t size, int32_t *days)
{
	const char *end, *blank;
	int64_t year, month = 1, day = 1;

	trim_blanks(&p, &size);
	blank = memchr(p, ' ', size); /* a time behind it is not looked at */
	end = blank != NULL ? blank : p + size;
	if (!take_number(&p, end, 1, 4, &year))
		return false;
	if (p != end) {
		if (!take_char(&p, end, '-') || !take_number(&p, end, 1, 2, &month))
			return false;
		if (p != end && (!take_char(&p, end, '-') || !take_number(&p, end, 1, 2, &day)))
			return false;
	}
	if (p != end || month < 1 || month > 12 || day < 1 ||
	    day > (int64_t)fl_month_days(year, (uint32_t)month))
		return false;
	*days = (int32_t)fl_civil_days(year, (uint32_t)month, (uint32_t)day);
	return true;
}

/* ---- patterns ---- */

static const char *const month_names[] = {"January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December"};
static const char *const day_names[] = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"};

struct token {
	char letter; /* 0: literal text */
	uint32_t count;
	const char *text;
	size_t size;
};

/* Cuts the next run of letters, quoted text or single other character. */
static bool
next_token(const char **p, const char *end, struct token *token)
{
	const char *at = *p;

	if (at == end)
		return false;
	*token = (struct token){.text = at, .size = 1};
	if (*at == '\'') {
		const char *close = memchr(at + 1, '\'', (size_t)(end - at - 1));

		if (close == NULL)
			close = end;
		token->text = at + 1;
		token->size = (size_t)(close - at - 1);
		if (token->size == 0) { /* '' is one quote */
			token->text = at;
			token->size = 1;
		}
		*p = close < end ? close + 1 : end;
		return true;
	}
	if ((*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')) {
		token->letter = *at;
		while (at < end && *at == token->letter)
			at++;
		token->count = (uint32_t)(at - *p);
		*p = at;
		return true;
	}
	*p = at + 1;
	return true;
}

bool
fl_pattern_check(const char *pattern, size_t size, enum fl_pattern_use use, char *bad)
{
	static const char *const LETTERS[] = {
		[FL_PATTERN_PRINT] = "yuMdHhmsSaEDkK",
		[FL_PATTERN_PARSE] = "yuMdHmsS",
		[FL_PATTERN_PARSE_ZONE] = "yuMdHmsSzZX",
	};
	const char *end = pattern + size;
	struct token t;

	while (next_token(&pattern, end, &t)) {
		if (t.letter == 0)
			continue;
		if (strchr(LETTERS[use], t.letter) == NULL ||
		    (use != FL_PATTERN_PRINT && t.letter == 'M' && t.count > 2) ||
		    (t.letter == 'X' && t.count > 3)) {
			*bad = t.letter;
			return false;
		}
	}
	return true;
}

static void
print_field(struct fl_buf *out, int64_t v, uint32_t width)
{
	fl_buf_printf(out, "%0*" PRId64, (int)FL_MIN(width, 19), v);
}

void
fl_pattern_print(const char *pattern, size_t size, int64_t ms, struct fl_buf *out)
{
	const char *end = pattern + size, *name;
	struct fl_civil c;
	struct token t;
	int64_t days = fl_floor_div(ms, FL_DAY_MS);

	fl_civil_from_ms(ms, &c);
	while (next_token(&pattern, end, &t)) {
		switch (t.letter) {
		case 0:
			fl_buf_add(out, t.text, t.size);
			break;
		case 'y':
		case 'u':
			print_field(
			    out, t.count == 2 ? fl_floor_mod(c.year, 100) : c.year, t.count);
			break;
		case 'M':
			if (t.count <= 2)
				print_field(out, c.month, t.count);
			else
				fl_buf_printf(
				    out, "%.*s", t.count == 3 ? 3 : 20, month_names[c.month - 1]);
			break;
		case 'd':
			print_field(out, c.day, t.count);
			break;
		case 'D':
			print_field(out, days - fl_civil_days(c.year, 1, 1) + 1, t.count);
			break;
		case 'E': /* 1970-01-01 was a Thursday */
			name = day_names[fl_floor_mod(days + 3, 7)];
			fl_buf_printf(out, "%.*s", t.count <= 3 ? 3 : 20, name);
			break;
		case 'H':
			print_field(out, c.hour, t.count);
			break;
		case 'k':
			print_field(out, c.hour == 0 ? 24 : c.hour, t.count);
			break;
		case 'K':
			print_field(out, c.hour % 12, t.count);
			break;
		case 'h':
			print_field(out, c.hour % 12 == 0 ? 12 : c.hour % 12, t.count);
			break;
		case 'm':
			print_field(out, c.minute, t.count);
			break;
		case 's':
			print_field(out, c.second, t.count);
			break;
		case 'S':
			for (uint32_t i = 0; i < t.count; i++)
				fl_buf_byte(out, i > 2 ? '0'
						       : (char)('0' + (i == 0	   ? c.ms / 100
									  : i == 1 ? c.ms / 10 % 10
										   : c.ms % 10)));
			break;
		case 'a':
			fl_buf_str(out, c.hour < 12 ? "AM" : "PM");
			break;
		default: /* refused by fl_pattern_check(); a computed pattern gets it as is */
			fl_buf_add(out, t.text, t.count);
			break;
		}
	}
}

static bool
take_digit(const char **p, const char *end, int64_t *value)
{
	if (*p == end || **p < '0' || **p > '9')
		return false;
	*value = *value * 10 + (*(*p)++ - '0');
	return true;
}

/* hh, hhmm or hh:mm after a sign; only after GMT one digit of hours will do. */
static bool
take_offset(const char **p, const char *end, bool one_digit, bool minutes, bool colon, int64_t *ms)
{
	int64_t hour = 0, minute = 0;

	if (!take_digit(p, end, &hour) || (!take_digit(p, end, &hour) && !one_digit) || hour > 23)
		return false;
	if (minutes && ((colon && !take_char(p, end, ':')) || !take_digit(p, end, &minute) ||
			   !take_digit(p, end, &minute) || minute > 59))
		return false;
	*ms = (hour * 60 + minute) * 60000;
	return true;
}

/* The zone as SimpleDateFormat reads it by z, Z (letter Z) and X, XX, XXX.  Of zones'
 * names it knows UTC and GMT. */
static bool
take_zone(const char **p, const char *end, char letter, uint32_t count, int64_t *ms)
{
	bool is_iso = letter == 'X', is_gmt = false;
	int64_t sign;

	*ms = 0;
	if (is_iso && take_char(p, end, 'Z'))
		return true;
	if (!is_iso && end - *p >= 3 && strncasecmp(*p, "UTC", 3) == 0) {
		*p += 3;
		return true;
	}
	if (!is_iso && end - *p >= 3 && strncasecmp(*p, "GMT", 3) == 0) {
		is_gmt = true;
		*p += 3;
	}
	sign = *p == end ? 0 : **p == '+' ? 1 : **p == '-' ? -1 : 0;
	if (sign == 0)
		return is_gmt;
	(*p)++;
	if (!take_offset(p, end, is_gmt, !is_iso || count > 1, is_gmt || (is_iso && count == 3), ms))
		return false;
	*ms *= sign;
	return true;
}

bool
fl_pattern_parse(const char *pattern, size_t pattern_size, const char *p, size_t size, bool strict,
    int64_t *ms, int64_t *zone_ms)
{
	const char *pattern_end = pattern + pattern_size, *end = p + size;
	int64_t year = 1970, month = 1, day = 1, hour = 0, minute = 0, second = 0;
	uint32_t fraction = 0;
	struct token t;

	if (zone_ms != NULL)
		*zone_ms = INT64_MIN;
	while (next_token(&pattern, pattern_end, &t)) {
		/* A run of digits is cut at the pattern's width where a field follows at
		 * once (yyyyMMdd); else one letter takes what is there. */
		int min = strict ? (int)t.count : 1, max = (int)FL_MAX(t.count, 1u);
		bool adjacent = pattern < pattern_end && strchr("yuMdHmsS", *pattern) != NULL;
		int64_t *field = NULL;

		if (!adjacent && (t.count == 1 || !strict))
			max = 9;
		while (!strict && t.letter != 0 && p < end && (*p == ' ' || *p == '\t'))
			p++;
		switch (t.letter) {
		case 0:
			if ((size_t)(end - p) < t.size || memcmp(p, t.text, t.size) != 0)
				return false;
			p += t.size;
			continue;
		case 'y':
		case 'u':
			field = &year;
			break;
		case 'M':
			field = &month;
			break;
		case 'd':
			field = &day;
			break;
		case 'H':
			field = &hour;
			break;
		case 'm':
			field = &minute;
			break;
		case 's':
			field = &second;
			break;
		case 'S': {
			const char *stop = p + FL_MIN((size_t)(end - p), (size_t)t.count);
			const char *from = p;

			if (!take_fraction(&p, stop, &fraction) ||
			    (strict && (uint32_t)(p - from) != FL_MIN(t.count, 9u)))
				return false;
			continue;
		}
		case 'z':
		case 'Z':
		case 'X':
			if (zone_ms == NULL || !take_zone(&p, end, t.letter, t.count, zone_ms))
				return false;
			continue;
		default:
			return false;
		}
		if (strict && t.letter != 'y' && t.letter != 'u')
			max = (int)FL_MAX(t.count, 2u);
		if (!take_number(&p, end, min, max, field))
			return false;
		if (t.count == 2 && field == &year)
			year += 2000;
	}
	if (strict) {
		if (p != end || month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 ||
		    minute > 59 || second > 59)
			return false;
		if (hour == 24 && (minute > 0 || second > 0 || fraction > 0))
			return false;
		day = FL_MIN(day, (int64_t)fl_month_days(year, (uint32_t)month));
	}
	/* Months and days beyond their range carry over. */
	year += fl_floor_div(month - 1, 12);
	month = fl_floor_mod(month - 1, 12) + 1;
	day += fl_civil_days(year, (uint32_t)month, 1) - 1;
	hour = hour * 3600000 + minute * 60000 + second * 1000 + (int64_t)fraction;
	return !__builtin_mul_overflow(day, FL_DAY_MS, &day) && !__builtin_add_overflow(day, hour, ms);
}

/* ---- any value ---- */

static void
print_interval(struct fl_buf *out, int64_t ms)
{
	uint64_t m = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;

	fl_buf_printf(out, "%c%" PRIu64 " %02u:%02u:%02u.%03u", ms < 0 ? '-' : '+', m / 86400000,
	    (unsigned)(m / 3600000 % 24), (unsigned)(m / 60000 % 60), (unsigned)(m / 1000 % 60),
	    (unsigned)(m % 1000));
}

static void print_json(
    const struct fl_col *col, uint32_t i, struct fl_buf *text, struct fl_buf *out);

/* [a, NULL, b]; with text, which is scratch, as JSON: [a,null,b]. */
static void
print_elements(const struct fl_col *col, uint32_t i, struct fl_buf *text, struct fl_buf *out)
{
	struct fl_array array;
	uint32_t size;
	const char *p = fl_col_str(col, i, &size);
	uint64_t no_bits = 0;
	fl_i128 value;

	fl_buf_byte(out, '[');
	if (!fl_array_view(&col->type, p, size, &array))
		array.count = 0; /* of a block: cannot be */
	for (uint32_t e = 0; e < array.count; e++) {
		bool is_null = fl_array_is_null(&array, e);
		struct fl_col one = { .type = array.type, .data = &value,
			.valid = is_null ? &no_bits : NULL };

		if (e > 0)
			fl_buf_str(out, text != NULL ? "," : ", ");
		one.bytes = is_null ? "" : fl_array_at(&array, e, &one.str_size);
		if (!is_null && !fl_type_is_var((enum fl_type_id)array.type.id))
			memcpy(&value, one.bytes, one.str_size);
		if (text != NULL)
			print_json(&one, 0, text, out);
		else
			fl_col_print(&one, 0, out);
	}
	fl_buf_byte(out, ']');
}

void
fl_col_print(const struct fl_col *col, uint32_t i, struct fl_buf *out)
{
	uint32_t size;
	const char *p;

	if (!fl_col_is_valid(col, i)) {
		fl_buf_str(out, "NULL");
		return;
	}
	switch ((enum fl_type_id)col->type.id) {
	case FL_TYPE_BOOLEAN:
		fl_buf_str(out, FL_COL_AT(col, uint8_t, i) ? "TRUE" : "FALSE");
		break;
	case FL_TYPE_TINYINT:
	case FL_TYPE_SMALLINT:
	case FL_TYPE_INT:
	case FL_TYPE_BIGINT:
		fl_buf_i64(out, fl_load_i64(col, i));
		break;
	case FL_TYPE_FLOAT:
		fl_print_float(out, FL_COL_AT(col, float, i));
		break;
	case FL_TYPE_DOUBLE:
		fl_print_double(out, FL_COL_AT(col, double, i));
		break;
	case FL_TYPE_DECIMAL:
		fl_print_decimal(out, FL_COL_AT(col, fl_i128, i), col->type.scale);
		break;
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
		p = fl_col_str(col, i, &size);
		fl_buf_add(out, p, size);
		break;
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		p = fl_col_str(col, i, &size);
		for (uint32_t k = 0; k < size; k++)
			fl_buf_printf(out, "%02x", (unsigned char)p[k]);
		break;
	case FL_TYPE_ARRAY:
		print_elements(col, i, NULL, out);
		break;
	case FL_TYPE_DATE:
		fl_print_date(out, FL_COL_AT(col, int32_t, i));
		break;
	case FL_TYPE_TIMESTAMP:
		fl_print_timestamp(out, FL_COL_AT(col, int64_t, i), ' ', col->type.precision);
		break;
	case FL_TYPE_TIMESTAMP_LTZ:
		fl_print_timestamp(out, FL_COL_AT(col, int64_t, i), ' ', col->type.precision);
		fl_buf_byte(out, 'Z');
		break;
	case FL_TYPE_INTERVAL:
		print_interval(out, FL_COL_AT(col, int64_t, i));
		break;
	case FL_TYPE_NULL:
		fl_buf_str(out, "NULL");
		break;
	}
}

static bool
is_json_number(const struct fl_col *col, uint32_t i)
{
	if (col->type.id == FL_TYPE_DOUBLE)
		return isfinite(FL_COL_AT(col, double, i));
	if (col->type.id == FL_TYPE_FLOAT)
		return isfinite(FL_COL_AT(col, float, i));
	return fl_type_is_numeric(col->type.id);
}

static void
print_json(const struct fl_col *col, uint32_t i, struct fl_buf *text, struct fl_buf *out)
{
	const char *p;
	uint32_t size;

	if (!fl_col_is_valid(col, i)) {
		fl_buf_str(out, "null");
	} else if (col->type.id == FL_TYPE_BOOLEAN) {
		fl_buf_str(out, FL_COL_AT(col, uint8_t, i) ? "true" : "false");
	} else if (col->type.id == FL_TYPE_ARRAY) {
		print_elements(col, i, text, out);
	} else if (is_json_number(col, i)) {
		fl_col_print(col, i, out);
	} else if (fl_type_is_bytes(col->type.id)) {
		p = fl_col_str(col, i, &size);
		fl_buf_byte(out, '"');
		fl_buf_base64(out, p, size);
		fl_buf_byte(out, '"');
	} else {
		fl_buf_reset(text);
		fl_col_print(col, i, text);
		fl_buf_json(out, text->data != NULL ? text->data : "", text->size);
	}
}

void
fl_col_print_json(const struct fl_col *col, uint32_t i, struct fl_buf *out)
{
	struct fl_buf text;

	fl_buf_init(&text);
	print_json(col, i, &text, out);
	fl_buf_fini(&text);
}

/* Opens the ROWs from outer (not itself) down to in. */
static void
open_rows(const struct fl_row_type *in, const struct fl_row_type *outer, struct fl_buf *out)
{
	const char *name;

	if (in == outer)
		return;
	open_rows(in->in, outer, out);
	name = fl_row_field(in->name, in->in);
	fl_buf_json(out, name, strlen(name));
	fl_buf_str(out, ":{");
}

static void
close_rows(const struct fl_row_type *in, const struct fl_row_type *outer, struct fl_buf *out)
{
	for (; in != outer; in = in->in)
		fl_buf_byte(out, '}');
}

void
fl_row_print_json(const struct fl_batch *batch, uint32_t row, struct fl_buf *out)
{
	const struct fl_row_type *open = NULL;
	struct fl_buf text;

	fl_buf_init(&text);
	fl_buf_byte(out, '{');
	for (uint32_t c = 0; c < batch->schema->count; c++) {
		const struct fl_field *field = &batch->schema->fields[c];
		const struct fl_row_type *common = fl_row_common(open, field->in);
		const char *name = fl_row_field(field->name, field->in);

		close_rows(open, common, out);
		if (c > 0)
			fl_buf_byte(out, ',');
		open_rows(field->in, common, out);
		open = field->in;
		fl_buf_json(out, name, strlen(name));
		fl_buf_byte(out, ':');
		print_json(&batch->cols[c], row, &text, out);
	}
	close_rows(open, NULL, out);
	fl_buf_byte(out, '}');
	fl_buf_fini(&text);
}
