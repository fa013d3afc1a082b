/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pieces.c - functions that cut texts, pad them and go by single characters.
 *
 * Where Flink computes on its own strings, positions are characters (LEFT, RIGHT,
 * LOCATE); where on Java's, they are UTF-16 units (LPAD, RPAD), of which a character
 * beyond the basic plane has two.  Half of one becomes '?', as Java encodes it.
 */
#include <stdio.h>

#include "base/utf8.h"
#include "kernel.h"

/* ---- type rules ---- */

static bool
is_int(struct fl_arena *arena, struct fl_expr **arg, enum fl_type_id id)
{
	struct fl_type type = fl_type_make(id, true);

	if (!fl_type_can_widen(&(*arg)->type, &type))
		return false;
	fl_widen(arena, arg, &type);
	return true;
}

/* SPLIT_INDEX(s, separator, index): the separator is a text or the code of a character. */
enum fl_code
fl_rule_split_index(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	if (!fl_all_strings(arena, args, 1) || !is_int(arena, &args[2], FL_TYPE_INT) ||
	    (!fl_all_strings(arena, args + 1, 1) && !is_int(arena, &args[1], FL_TYPE_INT)))
		return fl_refuse(name, args, arg_count, err);
	*result = fl_type_make(FL_TYPE_VARCHAR, true);
	return FL_OK;
}

enum fl_code
fl_rule_concat_ws(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	if (!fl_all_strings(arena, args, arg_count))
		return fl_refuse(name, args, arg_count, err);
	*result = fl_type_make(FL_TYPE_VARCHAR, args[0]->type.nullable);
	return FL_OK;
}

/* A text and a number: LEFT, RIGHT, REPEAT. */
enum fl_code
fl_rule_string_int(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	if (!fl_all_strings(arena, args, 1) || !is_int(arena, &args[1], FL_TYPE_INT))
		return fl_refuse(name, args, arg_count, err);
	*result = fl_type_make(FL_TYPE_VARCHAR, fl_any_nullable(args, arg_count));
	return FL_OK;
}

enum fl_code
fl_rule_pad(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	if (!fl_all_strings(arena, args, 1) || !is_int(arena, &args[1], FL_TYPE_INT) ||
	    !fl_all_strings(arena, args + 2, 1))
		return fl_refuse(name, args, arg_count, err);
	*result = fl_type_make(FL_TYPE_VARCHAR, true);
	return FL_OK;
}

enum fl_code
fl_rule_locate(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	if (!fl_all_strings(arena, args, 2) ||
	    (arg_count == 3 && !is_int(arena, &args[2], FL_TYPE_INT)))
		return fl_refuse(name, args, arg_count, err);
	*result = fl_type_make(FL_TYPE_INT, fl_any_nullable(args, arg_count));
	return FL_OK;
}

enum fl_code
fl_rule_chr(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	if (!is_int(arena, &args[0], FL_TYPE_BIGINT))
		return fl_refuse(name, args, arg_count, err);
	*result = fl_type_make(FL_TYPE_VARCHAR, args[0]->type.nullable);
	return FL_OK;
}

enum fl_code
fl_rule_hex(struct fl_arena *arena, const char *name, struct fl_expr **args, uint32_t arg_count,
    struct fl_type *result, struct fl_err *err)
{
	if (!fl_all_strings(arena, args, 1) && !is_int(arena, &args[0], FL_TYPE_BIGINT))
		return fl_refuse(name, args, arg_count, err);
	*result = fl_type_make(FL_TYPE_VARCHAR, args[0]->type.nullable);
	return FL_OK;
}

/* ---- splitting and joining ---- */

/* Java's Character.isWhitespace: no no-break spaces. */
static bool
is_white(uint32_t c)
{
	return (c >= 9 && c <= 13) || (c >= 0x1c && c <= 0x20) || c == 0x1680 ||
	    (c >= 0x2000 && c <= 0x200a && c != 0x2007) || c == 0x2028 || c == 0x2029 ||
	    c == 0x205f || c == 0x3000;
}

/* The next separator in [p, end), its size in *size; NULL: none.  An empty separator
 * is any one white character. */
static const char *
next_separator(const char *p, const char *end, const char *sep, uint32_t sep_size, uint32_t *size)
{
	*size = sep_size;
	if (sep_size > 0)
		return memmem(p, (size_t)(end - p), sep, sep_size);
	for (; p < end; p += *size) {
		*size = fl_char_size(p, end);
		if (is_white(fl_utf8_size(p, *size) > 0 ? fl_utf8_get(p, *size) : 0))
			return p;
	}
	return NULL;
}

/* Part `index` of the text; false: there is none.  An empty text has no parts. */
static bool
find_part(const char **p, const char **end, const char *sep, uint32_t sep_size, int32_t index)
{
	const char *hit;
	uint32_t size;

	if (*p == *end || index < 0)
		return false;
	while ((hit = next_separator(*p, *end, sep, sep_size, &size)) != NULL && index > 0) {
		*p = hit + size;
		index--;
	}
	if (hit != NULL)
		*end = hit;
	return index == 0;
}

void
fl_kernel_split_index(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	bool by_code = fl_type_is_integer((enum fl_type_id)args[1].type.id);
	struct fl_strings s;

	(void)call;
	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t n;
		uint32_t sep_size;
		char code[4];
		const char *p = fl_col_str(&args[0], row, &n), *end = p + n, *sep = code;
		bool found = true;

		fl_strings_row(&s, row);
		if (by_code) {
			int32_t c = FL_COL_AT(&args[1], int32_t, row);

			found = c >= 1 && c <= 255;
			sep_size = fl_utf8_put(code, found ? (uint32_t)c : 1);
		} else {
			sep = fl_col_str(&args[1], row, &sep_size);
		}
		if (found && find_part(&p, &end, sep, sep_size, FL_COL_AT(&args[2], int32_t, row)))
			fl_strings_add(&s, p, (size_t)(end - p));
		else
			fl_out_null(ctx, out, row);
	}
	fl_strings_end(&s);
}

void
fl_kernel_concat_ws(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	struct fl_strings s;

	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		bool is_first = true;

		fl_strings_row(&s, row);
		if (!fl_col_is_valid(&args[0], row)) {
			fl_out_null(ctx, out, row);
			continue;
		}
		for (uint32_t i = 1; i < call->arg_count; i++) {
			uint32_t n;
			const char *p;

			if (!fl_col_is_valid(&args[i], row))
				continue;
			p = fl_col_str(&args[0], row, &n);
			fl_strings_add(&s, p, is_first ? 0 : n);
			p = fl_col_str(&args[i], row, &n);
			fl_strings_add(&s, p, n);
			is_first = false;
		}
	}
	fl_strings_end(&s);
}

/* ---- cutting and padding ---- */

static void
cut_rows(bool left, const struct fl_col *args, const uint32_t *sel, uint32_t sel_count,
    struct fl_eval *ctx, struct fl_col *out)
{
	struct fl_strings s;

	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t n;
		const char *p = fl_col_str(&args[0], row, &n), *end = p + n;
		uint32_t want = (uint32_t)FL_MAX(FL_COL_AT(&args[1], int32_t, row), 0);
		uint32_t have = left ? 0 : fl_count_chars(p, n);

		fl_strings_row(&s, row);
		if (left)
			end = fl_skip_chars(p, end, want);
		else
			p = fl_skip_chars(p, end, have - FL_MIN(want, have));
		fl_strings_add(&s, p, (size_t)(end - p));
	}
	fl_strings_end(&s);
}

void
fl_kernel_left(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)call;
	cut_rows(true, args, sel, sel_count, ctx, out);
}

void
fl_kernel_right(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)call;
	cut_rows(false, args, sel, sel_count, ctx, out);
}

/* UTF-16 units of a text. */
static uint32_t
count_units(const char *p, uint32_t size)
{
	const char *end = p + size;
	uint32_t n = 0;

	for (; p < end; p += fl_char_size(p, end))
		n += fl_char_size(p, end) == 4 ? 2 : 1;
	return n;
}

/* The first `units` units of the text. */
static void
add_units(struct fl_strings *s, const char *p, uint32_t size, uint32_t units)
{
	const char *from = p, *end = p + size;
	uint32_t n = 0;

	for (; p < end && n < units; p += fl_char_size(p, end)) {
		n += fl_char_size(p, end) == 4 ? 2 : 1;
		if (n > units)
			break;
	}
	fl_strings_add(s, from, (size_t)(p - from));
	if (n > units)
		fl_strings_add(s, "?", 1);
}

static void
add_padding(struct fl_strings *s, const char *pad, uint32_t size, uint32_t units)
{
	uint32_t each = count_units(pad, size);

	for (; units > 0; units -= FL_MIN(units, each))
		add_units(s, pad, size, units);
}

static void
pad_rows(bool left, const struct fl_col *args, const uint32_t *sel, uint32_t sel_count,
    struct fl_eval *ctx, struct fl_col *out)
{
	struct fl_strings s;

	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t n;
		uint32_t m;
		const char *p = fl_col_str(&args[0], row, &n), *pad = fl_col_str(&args[2], row, &m);
		int32_t want = FL_COL_AT(&args[1], int32_t, row);
		uint32_t have = count_units(p, n), lack;

		fl_strings_row(&s, row);
		if (want < 0 || m == 0) {
			fl_out_null(ctx, out, row);
			continue;
		}
		lack = (uint32_t)want - FL_MIN((uint32_t)want, have);
		/* A unit is at most three bytes. */
		if (!fl_strings_room(&s, (uint64_t)lack * 3 + n))
			continue;
		if (left)
			add_padding(&s, pad, m, lack);
		add_units(&s, p, n, (uint32_t)want);
		if (!left)
			add_padding(&s, pad, m, lack);
	}
	fl_strings_end(&s);
}

void
fl_kernel_lpad(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)call;
	pad_rows(true, args, sel, sel_count, ctx, out);
}

void
fl_kernel_rpad(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)call;
	pad_rows(false, args, sel, sel_count, ctx, out);
}

void
fl_kernel_repeat(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	struct fl_strings s;

	(void)call;
	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t n;
		const char *p = fl_col_str(&args[0], row, &n);
		uint32_t times = (uint32_t)FL_MAX(FL_COL_AT(&args[1], int32_t, row), 0);

		fl_strings_row(&s, row);
		if (n == 0 || !fl_strings_room(&s, (uint64_t)times * n))
			continue;
		for (; times > 0; times--)
			fl_strings_add(&s, p, n);
	}
	fl_strings_end(&s);
}

/* ---- positions ---- */

/* 1-based place of what in the text from character `from` on; 0: nowhere. */
static int32_t
locate(const char *p, uint32_t size, const char *what, uint32_t what_size, int32_t from)
{
	const char *end = p + size, *start, *hit;

	if (what_size == 0)
		return 1;
	start = fl_skip_chars(p, end, (uint32_t)FL_MAX(from, 1) - 1);
	hit = memmem(start, (size_t)(end - start), what, what_size);
	return hit == NULL ? 0 : (int32_t)fl_count_chars(p, (uint32_t)(hit - p)) + 1;
}

static void
locate_rows(const struct fl_col *text, const struct fl_col *what, const int32_t *from,
    const uint32_t *sel, uint32_t sel_count, struct fl_col *out)
{
	int32_t *o = out->data;

	FL_EACH_ROW (row) {
		uint32_t n;
		uint32_t m;
		const char *p = fl_col_str(text, row, &n), *w = fl_col_str(what, row, &m);

		o[row] = locate(p, n, w, m, from != NULL ? from[row] : 1);
	}
}

void
fl_kernel_locate(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)ctx;
	locate_rows(&args[1], &args[0], call->arg_count == 3 ? args[2].data : NULL, sel, sel_count, out);
}

void
fl_kernel_instr(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	(void)call;
	(void)ctx;
	locate_rows(&args[0], &args[1], NULL, sel, sel_count, out);
}

/* ---- single characters ---- */

/* The first byte as Java has it, with a sign. */
void
fl_kernel_ascii(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	int32_t *o = out->data;

	(void)call;
	(void)ctx;
	FL_EACH_ROW (row) {
		uint32_t n;
		const char *p = fl_col_str(&args[0], row, &n);

		o[row] = n == 0 ? 0 : (signed char)*p;
	}
}

void
fl_kernel_chr(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	struct fl_strings s;

	(void)call;
	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		int64_t v = FL_COL_AT(&args[0], int64_t, row);
		uint32_t c = (uint32_t)(v & 255);
		char text[4] = { 0 };

		fl_strings_row(&s, row);
		if (v >= 0)
			fl_strings_add(&s, text, c == 0 ? 1 : fl_utf8_put(text, c));
	}
	fl_strings_end(&s);
}

void
fl_kernel_reverse(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	struct fl_strings s;

	(void)call;
	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t n;
		const char *p = fl_col_str(&args[0], row, &n), *end = p + n;
		char *text = fl_arena_alloc(ctx->arena, (size_t)n + 1);
		uint32_t at = n;

		for (; p < end; p += fl_char_size(p, end)) {
			at -= fl_char_size(p, end);
			memcpy(text + at, p, fl_char_size(p, end));
		}
		fl_strings_row(&s, row);
		fl_strings_add(&s, text, n);
	}
	fl_strings_end(&s);
}

/* Words are of ASCII letters and digits, as in Calcite: the rest parts them. */
void
fl_kernel_initcap(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	struct fl_strings s;

	(void)call;
	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t n;
		const char *p = fl_col_str(&args[0], row, &n);
		char *text = fl_arena_alloc(ctx->arena, (size_t)n + 1);
		bool inside = false;

		for (uint32_t i = 0; i < n; i++) {
			char c = p[i];
			bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z';

			text[i] = lower && !inside ? (char)(c - 32) : upper && inside ? (char)(c + 32) : c;
			inside = upper || lower || (c >= '0' && c <= '9');
		}
		fl_strings_row(&s, row);
		fl_strings_add(&s, text, n);
	}
	fl_strings_end(&s);
}

void
fl_kernel_hex(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	bool is_number = args[0].type.id == FL_TYPE_BIGINT;
	struct fl_strings s;
	char text[24];

	(void)call;
	fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t n = 0;
		const char *p = is_number ? NULL : fl_col_str(&args[0], row, &n);

		fl_strings_row(&s, row);
		if (is_number)
			fl_strings_add(&s, text, (size_t)snprintf(text, sizeof(text), "%llX",
			    (unsigned long long)FL_COL_AT(&args[0], int64_t, row)));
		for (uint32_t i = 0; i < n; i++)
			fl_strings_add(&s, text,
			    (size_t)snprintf(text, sizeof(text), "%02X", (unsigned char)p[i]));
	}
	fl_strings_end(&s);
}
