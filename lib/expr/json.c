/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - JSON_VALUE and JSON_EXISTS: one value out of a JSON text, by a path.
 *
 * The text is looked at as Flink's parser (Jackson) looks at it: the first value must be
 * whole and right wherever the path leads, what stands behind it does not matter, of a
 * name given twice the last one counts.  A path is '$' and steps: .name, ['name'], [n],
 * [-n] (from the end), with the word lax or strict (the default) before it.  That word
 * decides only what "nothing found" is: EMPTY when lax, ERROR when strict, and it makes
 * no difference whether the text is no JSON or the path leads nowhere.  Only the text
 * null is an ERROR to both.
 */
#include <stdio.h>
#include <strings.h>

#include "base/utf8.h"
#include "kernel.h"

#define JSON_DEPTH_MAX 1000u /* Jackson's limits */
#define NUMBER_SIZE_MAX 1000u
#define STEPS_MAX 64u

/* ---- the text ---- */

struct text {
	const char *p, *end;
	uint32_t depth;
};

static void
skip_white(struct text *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t' || *t->p == '\n' || *t->p == '\r'))
		t->p++;
}

static bool
take(struct text *t, char c)
{
	if (t->p == t->end || *t->p != c)
		return false;
	t->p++;
	return true;
}

static bool
take_hex4(struct text *t, uint32_t *c)
{
	*c = 0;
	for (int i = 0; i < 4; i++, t->p++) {
		char h = t->p < t->end ? *t->p : ' ';

		if (h >= '0' && h <= '9')
			*c = *c * 16 + (uint32_t)(h - '0');
		else if ((h | 32) >= 'a' && (h | 32) <= 'f')
			*c = *c * 16 + (uint32_t)((h | 32) - 'a' + 10);
		else
			return false;
	}
	return true;
}

/* \uXXXX, the u is taken; a pair is one character, half a pair '?'. */
static bool
take_unicode(struct text *t, struct fl_buf *out)
{
	uint32_t c, low;
	char utf8[4];

	if (!take_hex4(t, &c))
		return false;
	if (c >= 0xd800 && c <= 0xdbff && t->end - t->p >= 6 && t->p[0] == '\\' && t->p[1] == 'u') {
		struct text next = { t->p + 2, t->end, 0 };

		if (!take_hex4(&next, &low))
			return false;
		if (low >= 0xdc00 && low <= 0xdfff) {
			t->p = next.p;
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
		}
	}
	if (c >= 0xd800 && c <= 0xdfff)
		c = '?';
	if (out != NULL)
		fl_buf_add(out, utf8, fl_utf8_put(utf8, c));
	return true;
}

/* A string whose first quote is taken; its value goes to out, unless that is NULL. */
static bool
take_string(struct text *t, struct fl_buf *out)
{
	static const char FROM[] = "\"\\/bfnrt", TO[] = "\"\\/\b\f\n\r\t";

	while (t->p < t->end) {
		unsigned char c = (unsigned char)*t->p++;
		const char *at;

		if (c == '"')
			return true;
		if (c < 0x20)
			return false;
		if (c != '\\') {
			if (out != NULL)
				fl_buf_byte(out, (char)c);
			continue;
		}
		if (t->p == t->end)
			return false;
		c = (unsigned char)*t->p++;
		if (c == 'u') {
			if (!take_unicode(t, out))
				return false;
			continue;
		}
		at = c == 0 ? NULL : strchr(FROM, c);
		if (at == NULL)
			return false;
		if (out != NULL)
			fl_buf_byte(out, TO[at - FROM]);
	}
	return false;
}

static bool
take_digits(struct text *t)
{
	const char *from = t->p;

	while (t->p < t->end && *t->p >= '0' && *t->p <= '9')
		t->p++;
	return t->p > from;
}

/* The digits of an exponent; more than a BigDecimal may have are no number. */
static bool
take_exponent(struct text *t, bool minus, int64_t fraction)
{
	const char *from = t->p;
	int64_t scale = 0;

	if (!take_digits(t))
		return false;
	while (from < t->p && *from == '0')
		from++;
	if (t->p - from > 10)
		return false;
	for (; from < t->p; from++)
		scale = scale * 10 + (*from - '0');
	if (scale > INT32_MAX)
		return false;
	scale = fraction - (minus ? -scale : scale);
	return scale >= INT32_MIN && scale <= INT32_MAX;
}

static bool
take_number(struct text *t)
{
	const char *from = t->p, *point;

	(void)take(t, '-');
	if (!take(t, '0') && !take_digits(t))
		return false;
	point = t->p;
	if (take(t, '.') && !take_digits(t))
		return false;
	if (t->p < t->end && (*t->p | 32) == 'e') {
		int64_t fraction = t->p > point ? t->p - point - 1 : 0;
		bool minus;

		t->p++;
		minus = !take(t, '+') && take(t, '-');
		if (!take_exponent(t, minus, fraction))
			return false;
	}
	if (t->p < t->end && *t->p >= '0' && *t->p <= '9')
		return false; /* 01 */
	return (size_t)(t->p - from) <= NUMBER_SIZE_MAX;
}

static bool
take_word(struct text *t, const char *word)
{
	size_t size = strlen(word);

	if ((size_t)(t->end - t->p) < size || memcmp(t->p, word, size) != 0)
		return false;
	t->p += size;
	return t->p == t->end ||
	    !((*t->p >= '0' && *t->p <= '9') || ((*t->p | 32) >= 'a' && (*t->p | 32) <= 'z') ||
		*t->p == '_' || *t->p == '$' || (unsigned char)*t->p >= 0x80);
}

static bool take_value(struct text *t);

static bool
take_members(struct text *t, bool is_object)
{
	char close = is_object ? '}' : ']';

	skip_white(t);
	if (take(t, close))
		return true;
	for (;;) {
		if (is_object) {
			skip_white(t);
			if (!take(t, '"') || !take_string(t, NULL))
				return false;
			skip_white(t);
			if (!take(t, ':'))
				return false;
		}
		if (!take_value(t))
			return false;
		skip_white(t);
		if (take(t, close))
			return true;
		if (!take(t, ','))
			return false;
	}
}

static bool
take_value(struct text *t)
{
	bool ok;

	skip_white(t);
	if (t->p == t->end)
		return false;
	switch (*t->p) {
	case '{':
	case '[':
		if (++t->depth > JSON_DEPTH_MAX)
			return false;
		ok = *t->p++ == '{' ? take_members(t, true) : take_members(t, false);
		t->depth--;
		return ok;
	case '"':
		t->p++;
		return take_string(t, NULL);
	case 't':
		return take_word(t, "true");
	case 'f':
		return take_word(t, "false");
	case 'n':
		return take_word(t, "null");
	default:
		return take_number(t);
	}
}

/* The first value of a text, if it is right: a number must not touch what follows it. */
static bool
take_root(struct text *t)
{
	skip_white(t);
	const char *from = t->p;

	if (!take_value(t))
		return false;
	return (*from != '-' && (*from < '0' || *from > '9')) || t->p == t->end || *t->p == ' ' ||
	    *t->p == '\t' || *t->p == '\n' || *t->p == '\r';
}

/* ---- paths ---- */

struct step {
	const char *name; /* NULL: an index */
	uint32_t size;
	int64_t index;
};

struct path {
	bool lax;
	uint32_t count;
	struct step steps[STEPS_MAX];
};

static bool
is_name_char(char c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || c == '-' ||
	    (unsigned char)c >= 0x80;
}

static bool
take_index(struct text *t, int64_t *index)
{
	bool minus = take(t, '-');
	const char *from = t->p;

	if (!take_digits(t) || t->p - from > 9)
		return false;
	*index = 0;
	for (; from < t->p; from++)
		*index = *index * 10 + (*from - '0');
	if (minus)
		*index = -*index;
	return !minus || *index < 0;
}

/* What stands in brackets, behind the first one. */
static bool
take_bracket(struct text *t, struct step *step)
{
	char quote = t->p < t->end ? *t->p : 0;

	if (quote != '\'' && quote != '"')
		return take_index(t, &step->index) && take(t, ']');
	t->p++;
	for (step->name = t->p; t->p < t->end && *t->p != quote && *t->p != '\\'; t->p++)
		;
	step->size = (uint32_t)(t->p - step->name);
	return step->size > 0 && take(t, quote) && take(t, ']');
}

static bool
parse_path(const char *p, uint32_t size, struct path *path)
{
	struct text t = { p, p + size, 0 };

	path->lax = false;
	path->count = 0;
	skip_white(&t);
	if (t.end - t.p >= 4 && strncasecmp(t.p, "lax ", 4) == 0) {
		path->lax = true;
		t.p += 4;
	} else if (t.end - t.p >= 7 && strncasecmp(t.p, "strict ", 7) == 0) {
		t.p += 7;
	}
	skip_white(&t);
	if (!take(&t, '$'))
		return false;
	for (; t.p < t.end && path->count < STEPS_MAX; path->count++) {
		struct step *step = &path->steps[path->count];

		*step = (struct step){ .name = NULL };
		if (take(&t, '[')) {
			if (!take_bracket(&t, step))
				return false;
			continue;
		}
		if (!take(&t, '.'))
			return false;
		for (step->name = t.p; t.p < t.end && is_name_char(*t.p); t.p++)
			;
		step->size = (uint32_t)(t.p - step->name);
		if (step->size == 0)
			return false;
	}
	return t.p == t.end;
}

/* ---- from the one to the other ---- */

/* Goes from a right value to the member that a step names; false: there is none. */
static bool
follow(struct text *t, const struct step *step, struct fl_buf *key)
{
	struct text found = { NULL, t->end, 0 };
	int64_t index = step->index, count = 0;
	bool is_object = step->name != NULL;

	skip_white(t);
	if (!take(t, is_object ? '{' : '['))
		return false;
	if (index < 0) { /* count them first */
		struct text ahead = *t;

		skip_white(&ahead);
		for (bool more = !take(&ahead, ']'); more; more = take(&ahead, ',')) {
			(void)take_value(&ahead);
			skip_white(&ahead);
			count++;
		}
		index += count;
		count = 0;
	}
	skip_white(t);
	for (bool more = t->p < t->end && *t->p != '}' && *t->p != ']'; more; more = take(t, ',')) {
		bool hit = !is_object && count++ == index;

		if (is_object) {
			skip_white(t);
			(void)take(t, '"');
			fl_buf_reset(key);
			(void)take_string(t, key);
			skip_white(t);
			(void)take(t, ':');
			hit = key->size == step->size && memcmp(key->data, step->name, step->size) == 0;
		}
		if (hit)
			found.p = t->p; /* of equal names the last one */
		(void)take_value(t);
		skip_white(t);
	}
	*t = found;
	return found.p != NULL;
}

/* The value that the path leads to, its bytes; false: no JSON, or it leads nowhere.
 * *is_error: for strict paths, and where the whole text is null. */
static bool
find(const char *p, uint32_t size, const struct path *path, struct fl_buf *key, struct text *value,
    bool *is_error)
{
	struct text t = { p, p + size, 0 };

	*is_error = !path->lax;
	if (!take_root(&t))
		return false;
	t.p = p;
	skip_white(&t);
	if (*t.p == 'n') {
		*is_error = true;
		return false;
	}
	for (uint32_t i = 0; i < path->count; i++)
		if (!follow(&t, &path->steps[i], key))
			return false;
	skip_white(&t);
	*value = t;
	(void)take_value(&t);
	value->end = t.p;
	return *value->p != 'n'; /* null is nothing */
}

/* A number with a fraction or an exponent as Java's BigDecimal prints it. */
static void
print_decimal(const char *p, const char *end, struct fl_buf *out)
{
	char digits[NUMBER_SIZE_MAX + 1];
	uint32_t n = 0, point = 0, zeros;
	int64_t scale, exponent = 0, adjusted;
	bool minus = *p == '-', in_fraction = false, is_zero = true;

	for (p += minus; p < end && (*p | 32) != 'e'; p++) {
		if (*p == '.') {
			in_fraction = true;
			continue;
		}
		digits[n++] = *p;
		point += in_fraction;
		is_zero = is_zero && *p == '0';
	}
	if (p < end) {
		bool negative = p[1] == '-';

		for (p += p[1] == '+' || negative ? 2 : 1; p < end; p++)
			exponent = exponent * 10 + (*p - '0');
		exponent = negative ? -exponent : exponent;
	}
	scale = (int64_t)point - exponent;
	for (zeros = 0; zeros + 1 < n && digits[zeros] == '0'; zeros++)
		;
	p = digits + zeros;
	n -= zeros;
	adjusted = (int64_t)n - 1 - scale;
	if (minus && !is_zero)
		fl_buf_byte(out, '-');
	if (scale == 0) {
		fl_buf_add(out, p, n);
	} else if (scale > 0 && adjusted >= -6) {
		if (scale >= n) {
			fl_buf_str(out, "0.");
			for (int64_t i = n; i < scale; i++)
				fl_buf_byte(out, '0');
			fl_buf_add(out, p, n);
		} else {
			fl_buf_add(out, p, n - (size_t)scale);
			fl_buf_byte(out, '.');
			fl_buf_add(out, p + n - scale, (size_t)scale);
		}
	} else {
		fl_buf_byte(out, p[0]);
		if (n > 1) {
			fl_buf_byte(out, '.');
			fl_buf_add(out, p + 1, n - 1);
		}
		fl_buf_printf(out, "E%s%lld", adjusted >= 0 ? "+" : "", (long long)adjusted);
	}
}

static bool
is_whole(const struct text *value)
{
	for (const char *p = value->p; p < value->end; p++)
		if (*p == '.' || (*p | 32) == 'e')
			return false;
	return true;
}

/* A scalar as text; false for objects and arrays. */
static bool
print_scalar(const struct text *value, struct fl_buf *out)
{
	struct text t = *value;

	fl_buf_reset(out);
	fl_buf_str(out, "");
	switch (*value->p) {
	case '{':
	case '[':
		return false;
	case '"':
		t.p++;
		return take_string(&t, out);
	case 't':
	case 'f':
		fl_buf_add(out, value->p, (size_t)(value->end - value->p));
		return true;
	default:
		if (!is_whole(value))
			print_decimal(value->p, value->end, out);
		else if (value->end - value->p == 2 && memcmp(value->p, "-0", 2) == 0)
			fl_buf_byte(out, '0');
		else
			fl_buf_add(out, value->p, (size_t)(value->end - value->p));
		return true;
	}
}

/* ---- type rules ---- */

static enum fl_code
check_path(const char *name, const struct fl_expr *arg, struct fl_err *err)
{
	struct path path;
	const char *p;
	uint32_t size;

	if (!fl_literal_str(arg, &p, &size))
		return FL_FAIL(err, FL_E_SQL_BIND, "the path of %s must be written out as a string", name);
	if (!parse_path(p, size, &path))
		return FL_FAIL(err, FL_E_SQL_BIND,
		    "path '%.*s' of %s: expected [lax | strict] $ and steps .name, ['name'] or [number]",
		    (int)FL_MIN(size, 100u), p, name);
	return FL_OK;
}

enum fl_code
fl_rule_json_value(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	char text[64];

	if (!fl_all_strings(arena, args, 1))
		return fl_refuse(name, args, 1, err);
	FL_TRY(check_path(name, args[1], err));
	(void)arg_count;
	*result = args[2]->type;
	result->nullable = true;
	if ((result->id == FL_TYPE_VARCHAR && result->length == FL_LENGTH_MAX) ||
	    result->id == FL_TYPE_BOOLEAN || result->id == FL_TYPE_INT || result->id == FL_TYPE_DOUBLE)
		return FL_OK;
	return FL_FAIL(err, FL_E_SQL_BIND,
	    "Unsupported type '%s' for RETURNING in JSON_VALUE(): expected STRING, BOOLEAN, INT or DOUBLE",
	    fl_type_print(result, text, sizeof(text)));
}

enum fl_code
fl_rule_json_exists(struct fl_arena *arena, const char *name, struct fl_expr **args,
    uint32_t arg_count, struct fl_type *result, struct fl_err *err)
{
	if (!fl_all_strings(arena, args, 1))
		return fl_refuse(name, args, 1, err);
	FL_TRY(check_path(name, args[1], err));
	(void)arg_count;
	*result = fl_type_make(FL_TYPE_BOOLEAN, true);
	return FL_OK;
}

/* ---- kernels ---- */

/* How a literal argument of ours begins: N(ULL), E(RROR), D(EFAULT), T, F, U. */
static char
behavior(const struct fl_expr *arg)
{
	const char *p;
	uint32_t size;

	return fl_literal_str(arg, &p, &size) && size > 0 ? *p : 'N';
}

/* Value `row` of the result is that of another column: a DEFAULT. */
static void
copy_default(const struct fl_col *from, uint32_t row, struct fl_eval *ctx, struct fl_col *out,
    struct fl_strings *s)
{
	uint32_t n;
	const char *p;

	if (!fl_col_is_valid(from, row)) {
		fl_out_null(ctx, out, row);
	} else if (out->type.id == FL_TYPE_VARCHAR) {
		p = fl_col_str(from, row, &n);
		fl_strings_add(s, p, n);
	} else if (out->type.id == FL_TYPE_BOOLEAN) {
		((uint8_t *)out->data)[row] = FL_COL_AT(from, uint8_t, row);
	} else if (out->type.id == FL_TYPE_INT) {
		((int32_t *)out->data)[row] = FL_COL_AT(from, int32_t, row);
	} else {
		((double *)out->data)[row] = FL_COL_AT(from, double, row);
	}
}

/* False where Flink's cast of the value's class fails: a number with a fraction is no INT,
 * one without is no DOUBLE, a text neither. */
static bool
store_scalar(const struct text *value, const struct fl_buf *text, uint32_t row, struct fl_col *out,
    struct fl_strings *s)
{
	bool is_number = *value->p == '-' || (*value->p >= '0' && *value->p <= '9');
	int64_t whole;

	if (out->type.id == FL_TYPE_VARCHAR) {
		fl_strings_add(s, text->data, text->size);
		return true;
	}
	if (out->type.id == FL_TYPE_BOOLEAN) {
		((uint8_t *)out->data)[row] = *value->p == 't';
		return *value->p == 't' || *value->p == 'f';
	}
	if (out->type.id == FL_TYPE_DOUBLE)
		return is_number && !is_whole(value) &&
		    fl_parse_double(text->data, text->size, &((double *)out->data)[row]);
	if (!is_number || !is_whole(value) || text->size > 11 || !fl_parse_i64(text->data, &whole) ||
	    whole < INT32_MIN || whole > INT32_MAX)
		return false;
	((int32_t *)out->data)[row] = (int32_t)whole;
	return true;
}

void
fl_kernel_json_value(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	bool is_text = out->type.id == FL_TYPE_VARCHAR;
	struct fl_buf text = { .data = NULL };
	struct fl_strings s = { .ctx = NULL };
	struct path path;

	if (!parse_path(call->args[1]->value.str.p, call->args[1]->value.str.size, &path))
		path.count = 0; /* checked by the rule */
	if (is_text)
		fl_strings_begin(&s, ctx, out);
	FL_EACH_ROW (row) {
		uint32_t n;
		uint32_t otherwise; /* the argument that says what nothing becomes */
		const char *p;
		struct text value;
		bool is_error;

		if (is_text)
			fl_strings_row(&s, row);
		if (!fl_col_is_valid(&args[0], row)) {
			fl_out_null(ctx, out, row);
			continue;
		}
		p = fl_col_str(&args[0], row, &n);
		if (find(p, n, &path, &text, &value, &is_error) && print_scalar(&value, &text)) {
			if (!store_scalar(&value, &text, row, out, &s))
				fl_eval_error(ctx, row, FL_E_CAST_FAILED);
			continue;
		}
		otherwise = is_error ? 5 : 3;
		if (behavior(call->args[otherwise]) == 'D') {
			copy_default(&args[otherwise + 1], row, ctx, out, &s);
		} else {
			fl_out_null(ctx, out, row);
			if (behavior(call->args[otherwise]) == 'E')
				fl_eval_error(ctx, row, FL_E_NO_JSON_VALUE);
		}
	}
	if (is_text)
		fl_strings_end(&s);
	fl_buf_fini(&text);
}

void
fl_kernel_json_exists(const struct fl_expr *call, const struct fl_col *args, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	uint8_t *o = out->data;
	struct fl_buf key = { .data = NULL };
	struct path path;
	char on_error = behavior(call->args[2]);

	if (!parse_path(call->args[1]->value.str.p, call->args[1]->value.str.size, &path))
		path.count = 0;
	FL_EACH_ROW (row) {
		uint32_t n;
		const char *p;
		struct text value;
		char otherwise;
		bool is_error;

		o[row] = 0;
		if (!fl_col_is_valid(&args[0], row)) {
			fl_out_null(ctx, out, row);
			continue;
		}
		p = fl_col_str(&args[0], row, &n);
		if (find(p, n, &path, &key, &value, &is_error)) {
			o[row] = 1;
			continue;
		}
		otherwise = is_error ? on_error : 'F';
		o[row] = otherwise == 'T';
		if (otherwise == 'U')
			fl_out_null(ctx, out, row);
		if (otherwise == 'E')
			fl_eval_error(ctx, row, FL_E_NO_JSON_VALUE);
	}
	fl_buf_fini(&key);
}
