/* SPDX-License-Identifier: Apache-2.0 */
/*
 * functions.c - how times and decimals compare, and functions over times.
 *
 * A collation is given texts of any kind, and must order all of them: texts that are what it
 * is for come first, by their value; the others after them, by their bytes.
 */
#include <string.h>

#include "expr/expr.h"
#include "table.h"

static int
compare_bytes(const char *a, size_t a_size, const char *b, size_t b_size)
{
	int d = memcmp(a, b, FL_MIN(a_size, b_size));

	return d != 0 ? d : a_size < b_size ? -1 : a_size > b_size;
}

static int
compare_times(void *ctx, int a_size, const void *a, int b_size, const void *b)
{
	int64_t x, y;
	bool is_x = value_parse_time(a, (size_t)a_size, &x);
	bool is_y = value_parse_time(b, (size_t)b_size, &y);

	(void)ctx;
	if (is_x && is_y)
		return x < y ? -1 : x > y;
	if (is_x != is_y)
		return is_x ? -1 : 1;
	return compare_bytes(a, (size_t)a_size, b, (size_t)b_size);
}

struct decimal {
	bool is_negative;
	const char *whole, *fraction; /* no zeros in front, none behind */
	size_t whole_size, fraction_size;
};

static bool
parse_decimal(const char *p, size_t size, struct decimal *d)
{
	const char *end = p + size, *point;

	d->is_negative = p < end && *p == '-';
	p += p < end && (*p == '-' || *p == '+');
	for (point = p; point < end && *point >= '0' && *point <= '9'; point++)
		;
	d->whole = p;
	d->whole_size = (size_t)(point - p);
	d->fraction = point < end && *point == '.' ? point + 1 : point;
	for (p = d->fraction; p < end && *p >= '0' && *p <= '9'; p++)
		;
	d->fraction_size = (size_t)(p - d->fraction);
	if (p != end || d->whole_size + d->fraction_size == 0)
		return false;
	while (d->whole_size > 0 && *d->whole == '0') {
		d->whole++;
		d->whole_size--;
	}
	while (d->fraction_size > 0 && d->fraction[d->fraction_size - 1] == '0')
		d->fraction_size--;
	if (d->whole_size + d->fraction_size == 0)
		d->is_negative = false;
	return true;
}

static int
compare_parsed(const struct decimal *x, const struct decimal *y)
{
	int d;

	if (x->is_negative != y->is_negative)
		return x->is_negative ? -1 : 1;
	if (x->whole_size != y->whole_size)
		d = x->whole_size < y->whole_size ? -1 : 1;
	else if ((d = memcmp(x->whole, y->whole, x->whole_size)) == 0)
		d = compare_bytes(x->fraction, x->fraction_size, y->fraction, y->fraction_size);
	return x->is_negative ? -d : d;
}

static int
compare_decimals(void *ctx, int a_size, const void *a, int b_size, const void *b)
{
	struct decimal x, y;
	bool is_x = parse_decimal(a, (size_t)a_size, &x);
	bool is_y = parse_decimal(b, (size_t)b_size, &y);

	(void)ctx;
	if (is_x && is_y)
		return compare_parsed(&x, &y);
	if (is_x != is_y)
		return is_x ? -1 : 1;
	return compare_bytes(a, (size_t)a_size, b, (size_t)b_size);
}

static void
fail_argument(sqlite3_context *ctx, const char *what, const char *got)
{
	char *text = sqlite3_mprintf("%s, got \"%.100s\"", what, got);

	sqlite3_result_error(ctx, text, -1);
	sqlite3_free(text);
}

static void
epoch_ms(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const char *text = (const char *)sqlite3_value_text(argv[0]);
	int64_t ms;

	(void)argc;
	if (text == NULL)
		return;
	if (value_parse_time(text, (size_t)sqlite3_value_bytes(argv[0]), &ms))
		sqlite3_result_int64(ctx, ms);
	else
		fail_argument(ctx, "epoch_ms: expected a time such as 2024-01-01T00:00:00Z", text);
}

static void
duration_ms(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	const char *text = (const char *)sqlite3_value_text(argv[0]);
	int64_t ms;

	(void)argc;
	if (text == NULL)
		return;
	if (fl_parse_duration_ms(text, &ms))
		sqlite3_result_int64(ctx, ms);
	else
		fail_argument(ctx, "duration_ms: expected a duration such as 15 min", text);
}

/* Years 0 to 9999: others are no time that epoch_ms() would take back. */
#define ISO_MS_MIN INT64_C(-62167219200000)
#define ISO_MS_MAX INT64_C(253402300799999)

static void
print_iso(sqlite3_context *ctx, sqlite3_value *value, bool with_fraction)
{
	int64_t ms = sqlite3_value_int64(value);
	struct fl_buf text;

	if (sqlite3_value_type(value) == SQLITE_NULL)
		return;
	if (sqlite3_value_numeric_type(value) != SQLITE_INTEGER || ms < ISO_MS_MIN ||
	    ms > ISO_MS_MAX) {
		fail_argument(ctx, "iso_ms, iso_seconds: expected milliseconds since 1970",
		    (const char *)sqlite3_value_text(value));
		return;
	}
	if (!with_fraction)
		ms -= ((ms % 1000) + 1000) % 1000;
	fl_buf_init(&text);
	fl_print_timestamp(&text, ms, 'T', with_fraction ? 3 : 0);
	fl_buf_byte(&text, 'Z');
	sqlite3_result_text64(ctx, text.data, text.size, SQLITE_TRANSIENT, SQLITE_UTF8);
	fl_buf_fini(&text);
}

static void
iso_ms(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc;
	print_iso(ctx, argv[0], true);
}

static void
iso_seconds(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc;
	print_iso(ctx, argv[0], false);
}

int
functions_register(struct inspect *inspect)
{
	static const struct {
		const char *name;
		void (*fn)(sqlite3_context *, int, sqlite3_value **);
	} functions[] = { { "epoch_ms", epoch_ms }, { "duration_ms", duration_ms },
		{ "iso_ms", iso_ms }, { "iso_seconds", iso_seconds } };
	sqlite3 *db = inspect->db;
	int rc;

	rc = sqlite3_create_collation_v2(
	    db, "flight_time", SQLITE_UTF8, NULL, compare_times, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_create_collation_v2(
		    db, "flight_decimal", SQLITE_UTF8, NULL, compare_decimals, NULL);
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(functions) && rc == SQLITE_OK; i++)
		rc = sqlite3_create_function_v2(db, functions[i].name, 1,
		    SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, functions[i].fn, NULL, NULL, NULL);
	return rc;
}
