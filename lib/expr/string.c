/* SPDX-License-Identifier: Apache-2.0 */
/*
 * string.c - functions of strings.
 *
 * Positions and lengths count characters (code points) of UTF-8; a byte that
 * begins no sequence counts as one character, so broken text cannot overrun.
 */
#include <locale.h>
#include <pthread.h>
#include <wctype.h>

#include "base/utf8.h"
#include "base/util.h"
#include "kernel.h"

/* ---- characters ---- */

uint32_t
fl_count_chars(const char *p, uint32_t size)
{
	const char *end = p + size;
	uint32_t n = 0;

	for (; p < end; p += fl_char_size(p, end))
		n++;
	return n;
}

const char *
fl_skip_chars(const char *p, const char *end, uint32_t n)
{
	for (; n > 0 && p < end; n--)
		p += fl_char_size(p, end);
	return p;
}

/* ---- type rules ---- */

bool
fl_all_strings(struct fl_arena *arena, struct fl_expr **args, uint32_t arg_count)
{
	struct fl_type string = fl_type_make(FL_TYPE_VARCHAR, true);

	for (uint32_t i = 0; i < arg_count; i++) {
		if (args[i]->type.id == FL_TYPE_NULL)
			fl_widen(arena, &args[i], &string);
		if (!fl_type_is_string((enum fl_type_id)args[i]->type.id))
			return false;
	}
	return true;
}

enum fl_code
fl_rule_string(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	if (!fl_all_strings(arena, args, arg_count))
		return fl_refuse(name, args, arg_count, err);
	*result = fl_type_make(FL_TYPE_VARCHAR, fl_any_nullable(args, arg_count));
	return FL_OK;
}

enum fl_code
fl_rule_case(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	FL_TRY(fl_rule_string(arena, name, args, arg_count, result, err));
	*result = args[0]->type;
	return FL_OK;
}

enum fl_code
fl_rule_concat(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	uint64_t length = 0;
	bool all_char = true;

	FL_TRY(fl_rule_string(arena, name, args, arg_count, result, err));
	if (name[0] != '|')
		return FL_OK;
	for (uint32_t i = 0; i < arg_count; i++) {
		length += args[i]->type.length;
		all_char = all_char && args[i]->type.id == FL_TYPE_CHAR;
	}
	if (length < INT32_MAX) {
		result->length = (uint32_t)length;
		if (all_char && length > 0)
			result->id = FL_TYPE_CHAR;
	}
	return FL_OK;
}

enum fl_code
fl_rule_substring(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	struct fl_type integer = fl_type_make(FL_TYPE_INT, true);

	if (!fl_all_strings(arena, args, 1))
		return fl_refuse(name, args, arg_count, err);
	for (uint32_t i = 1; i < arg_count; i++) {
		if (!fl_type_can_widen(&args[i]->type, &integer))
			return fl_refuse(name, args, arg_count, err);
		fl_widen(arena, &args[i], &integer);
	}
	*result = fl_type_make(FL_TYPE_VARCHAR, true); /* a negative count gives NULL */
	return FL_OK;
}

enum fl_code
fl_rule_length(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	FL_TRY(fl_rule_string(arena, name, args, arg_count, result, err));
	*result = fl_type_make(FL_TYPE_INT, result->nullable);
	return FL_OK;
}

static enum fl_code
check_escapes(const char *pattern, uint32_t size, char escape, struct fl_err *err)
{
	for (uint32_t i = 0; i < size; i++) {
		if (pattern[i] != escape)
			continue;
		i++;
		if (i == size || (pattern[i] != '%' && pattern[i] != '_' && pattern[i] != escape))
			return FL_FAIL(err, FL_E_SQL_BIND,
			    "Invalid escape sequence in '%.*s': '%c' must stand before %%, _ or itself",
			    (int)size, pattern, escape);
	}
	return FL_OK;
}

/* As Flink has it: without ESCAPE a backslash escapes, but not in a pattern that is
 * written out and has no _, which Flink matches by other means. */
static bool
escapes_by_default(const struct fl_expr *pattern)
{
	const char *p;
	uint32_t size;

	return !fl_literal_str(pattern, &p, &size) || memchr(p, '_', size) != NULL;
}

enum fl_code
fl_rule_like(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	const char *pattern, *escape;
	uint32_t pattern_size, escape_size;

	FL_TRY(fl_rule_string(arena, name, args, arg_count, result, err));
	*result = fl_type_make(FL_TYPE_BOOLEAN, result->nullable);
	if (fl_literal_str(args[1], &pattern, &pattern_size) && pattern_size == 0)
		return FL_FAIL(err, FL_E_SQL_BIND,
		    "LIKE '' is true for every text on Flink: write = '' for the empty one");
	if (arg_count < 3) {
		if (!fl_literal_str(args[1], &pattern, &pattern_size) || !escapes_by_default(args[1]))
			return FL_OK;
		return check_escapes(pattern, pattern_size, '\\', err);
	}
	if (!fl_literal_str(args[2], &escape, &escape_size) ||
	    fl_count_chars(escape, escape_size) != 1 || escape_size != 1)
		return FL_FAIL(err, FL_E_SQL_BIND,
		    "invalid escape character: expected a literal of one ASCII character");
	if (!fl_literal_str(args[1], &pattern, &pattern_size))
		return FL_OK;
	return check_escapes(pattern, pattern_size, escape[0], err);
}

/* ---- joining ---- */

void
fl_kernel_concat(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	struct fl_strings s;

	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		fl_strings_row(&s, row);
		for (uint32_t i = 0; i < call->arg_count; i++) {
			uint32_t size;
			const char *p = fl_col_str(&args[i], row, &size);

			fl_strings_add(&s, p, size);
		}
	}
	fl_strings_end(&s);
}

static void
replace_in(struct fl_strings *s, const char *p, uint32_t size, const char *from, uint32_t from_size,
    const char *to, uint32_t to_size)
{
	const char *end = p + size, *hit;

	if (from_size == 0) { /* as Java: between all characters */
		fl_strings_add(s, to, to_size);
		for (; p < end; p += fl_char_size(p, end)) {
			fl_strings_add(s, p, fl_char_size(p, end));
			fl_strings_add(s, to, to_size);
		}
		return;
	}
	while (p < end && (hit = memmem(p, (size_t)(end - p), from, from_size)) != NULL) {
		fl_strings_add(s, p, (size_t)(hit - p));
		fl_strings_add(s, to, to_size);
		p = hit + from_size;
	}
	fl_strings_add(s, p, (size_t)(end - p));
}

void
fl_kernel_replace(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	struct fl_strings s;

	(void)call;
	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t n;
		uint32_t from_n;
		uint32_t to_n;
		const char *p = fl_col_str(&args[0], row, &n);
		const char *from = fl_col_str(&args[1], row, &from_n);
		const char *to = fl_col_str(&args[2], row, &to_n);
		fl_strings_row(&s, row);
		replace_in(&s, p, n, from, from_n, to, to_n);
	}
	fl_strings_end(&s);
}

/* ---- case ---- */

static locale_t utf8_locale;
static pthread_once_t utf8_once = PTHREAD_ONCE_INIT;

static void
make_locale(void)
{
	utf8_locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static void
change_case(struct fl_strings *s, const char *p, uint32_t size, bool upper)
{
	const char *end = p + size;
	char ascii[256], other[4];

	while (p < end) {
		size_t n = 0;

		for (; p < end && n < sizeof(ascii) && (unsigned char)*p < 0x80; p++) {
			char c = *p;

			if (upper && c >= 'a' && c <= 'z')
				c = (char)(c - 32);
			else if (!upper && c >= 'A' && c <= 'Z')
				c = (char)(c + 32);
			ascii[n++] = c;
		}
		fl_strings_add(s, ascii, n);
		if (p == end || (unsigned char)*p < 0x80)
			continue;
		uint32_t bytes = fl_char_size(p, end);
		uint32_t c = fl_utf8_size(p, bytes) > 0 ? fl_utf8_get(p, bytes) : 0;
		if (c == 0xdf && upper) { /* the one common letter that becomes two */
			fl_strings_add(s, "SS", 2);
		} else if (c == 0x130 && !upper) { /* I with a dot: i and a combining dot */
			fl_strings_add(s, "i\xcc\x87", 3);
		} else if (c != 0 && utf8_locale != (locale_t)0) {
			wint_t w = upper ? towupper_l((wint_t)c, utf8_locale)
					 : towlower_l((wint_t)c, utf8_locale);

			fl_strings_add(s, other, fl_utf8_put(other, (uint32_t)w));
		} else {
			fl_strings_add(s, p, bytes);
		}
		p += bytes;
	}
}

static void
case_rows(bool upper, const struct fl_col *arg, const uint32_t *sel, uint32_t sel_count,
    struct fl_eval *ctx, struct fl_col *out)
{
	struct fl_strings s;

	(void)pthread_once(&utf8_once, make_locale);
	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t n;
		const char *p = fl_col_str(arg, row, &n);
		fl_strings_row(&s, row);
		change_case(&s, p, n, upper);
	}
	fl_strings_end(&s);
}

void
fl_kernel_upper(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)call;
	case_rows(true, &args[0], sel, sel_count, ctx, out);
}

void
fl_kernel_lower(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)call;
	case_rows(false, &args[0], sel, sel_count, ctx, out);
}

/* ---- parts ---- */

enum { TRIM_LEFT = 1, TRIM_RIGHT = 2 };

/* set: the characters to take away, whole ones. */
static bool
in_set(const char *p, uint32_t size, const char *set, uint32_t set_size)
{
	const char *end = set + set_size;

	for (; set < end; set += fl_char_size(set, end))
		if (fl_char_size(set, end) == size && memcmp(set, p, size) == 0)
			return true;
	return false;
}

static void
trim_rows(const struct fl_expr *call, int sides, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	struct fl_strings s;

	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t n;
		uint32_t set_n = 1;
		const char *set = " ";
		const char *p = fl_col_str(&args[0], row, &n);
		const char *end = p + n;
		if (call->arg_count == 2)
			set = fl_col_str(&args[1], row, &set_n);
		while ((sides & TRIM_LEFT) && p < end && in_set(p, fl_char_size(p, end), set, set_n))
			p += fl_char_size(p, end);
		while ((sides & TRIM_RIGHT) && p < end) {
			const char *last = end - 1;

			while (last > p && ((unsigned char)*last & 0xc0) == 0x80)
				last--;
			if (!in_set(last, (uint32_t)(end - last), set, set_n))
				break;
			end = last;
		}
		fl_strings_row(&s, row);
		fl_strings_add(&s, p, (size_t)(end - p));
	}
	fl_strings_end(&s);
}

void
fl_kernel_trim(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	trim_rows(call, TRIM_LEFT | TRIM_RIGHT, args, sel, sel_count, ctx, out);
}

void
fl_kernel_ltrim(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	trim_rows(call, TRIM_LEFT, args, sel, sel_count, ctx, out);
}

void
fl_kernel_rtrim(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	trim_rows(call, TRIM_RIGHT, args, sel, sel_count, ctx, out);
}

/* As Flink's substringSQL: 0 is 1, a start before the text gives nothing. */
static void
cut_string(struct fl_strings *s, const char *p, uint32_t size, int32_t from, int32_t count)
{
	const char *end = p + size, *start, *stop;
	int64_t skip = from > 0 ? (int64_t)from - 1 : from;

	if (skip < 0) {
		skip += fl_count_chars(p, size);
		if (skip < 0)
			return;
	}
	start = fl_skip_chars(p, end, (uint32_t)skip);
	stop = fl_skip_chars(start, end, (uint32_t)count);
	fl_strings_add(s, start, (size_t)(stop - start));
}

void
fl_kernel_substring(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const int32_t *from = args[1].data, *count = call->arg_count == 3 ? args[2].data : NULL;
	struct fl_strings s;

	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t n;
		const char *p = fl_col_str(&args[0], row, &n);
		int32_t want = count != NULL ? count[row] : INT32_MAX;
		fl_strings_row(&s, row);
		if (want < 0)
			fl_out_null(ctx, out, row);
		else
			cut_string(&s, p, n, from[row], want);
	}
	fl_strings_end(&s);
}

void
fl_kernel_char_length(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	int32_t *o = out->data;

	(void)call;
	(void)ctx;
	FL_EACH_ROW (row) {
		uint32_t n;
		const char *p = fl_col_str(&args[0], row, &n);
		o[row] = (int32_t)fl_count_chars(p, n);
	}
}

void
fl_kernel_position(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	int32_t *o = out->data;

	(void)call;
	(void)ctx;
	FL_EACH_ROW (row) {
		uint32_t n;
		uint32_t m;
		const char *what = fl_col_str(&args[0], row, &n);
		const char *p = fl_col_str(&args[1], row, &m);
		const char *hit = n == 0 ? p : memmem(p, m, what, n);
		o[row] = hit == NULL ? 0 : (int32_t)fl_count_chars(p, (uint32_t)(hit - p)) + 1;
	}
}

/* ---- LIKE ---- */

/*
 * Walks both texts; on a mismatch goes back to the last % and lets it swallow
 * one character more.  No recursion: the worst case is the product of the sizes.
 */
static bool
like_matches(const char *p, uint32_t size, const char *pattern, uint32_t pattern_size, int escape)
{
	const char *end = p + size, *pattern_end = pattern + pattern_size;
	const char *star = NULL, *star_p = NULL;

	for (;;) {
		if (pattern < pattern_end && (unsigned char)*pattern != escape && *pattern == '%') {
			star = ++pattern;
			star_p = p;
			continue;
		}
		if (p == end && pattern == pattern_end)
			return true;
		if (p < end && pattern < pattern_end) {
			bool literal = (unsigned char)*pattern == escape;

			if (!literal && *pattern == '_') {
				pattern++;
				p += fl_char_size(p, end);
				continue;
			}
			if (literal && pattern + 1 < pattern_end)
				pattern++;
			if (*pattern == *p) {
				pattern++;
				p++;
				continue;
			}
		}
		if (star == NULL || star_p == end)
			return false;
		star_p += fl_char_size(star_p, end);
		p = star_p;
		pattern = star;
	}
}

void
fl_kernel_like(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	uint8_t *o = out->data;
	int escape = call->arg_count == 3 ? (unsigned char)call->args[2]->value.str.p[0] : escapes_by_default(call->args[1]) ? '\\' : -1;

	(void)ctx;
	FL_EACH_ROW (row) {
		uint32_t n;
		uint32_t m;
		const char *p = fl_col_str(&args[0], row, &n);
		const char *pattern = fl_col_str(&args[1], row, &m);
		o[row] = like_matches(p, n, pattern, m, escape);
	}
}
