/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_check.c - a record's bytes against the rules of a JSON Schema, before conversion.
 *
 * Two walks over the same rules.  The quick one runs for every record: names are
 * predicted as the decoder predicts them, and its answer is "nothing is broken" or "look
 * closer".  The exact one runs for the others: it keeps the path for the message, and of
 * equal names it lets only the last count, as the decoder does.  So a value that a later
 * one of its name hides may make the quick walk stop, and the exact one find the record
 * good.  Both recurse, 64 levels deep at most.
 */
#include "json_schema.h"

#include <stdio.h>



#define EXPONENT_LARGE 1000000000

/* ---- numbers ---- */

/* The significant digits of a number as written, one after the other. */
struct digits {
	const uint8_t *p, *end; /* p NULL: it is zero */
	int64_t top;		/* power of ten of the first */
};

static int64_t
read_exponent(const uint8_t *p, const uint8_t *end)
{
	bool is_below = p < end && *p == '-';
	int64_t e = 0;

	for (p += p < end && (*p == '-' || *p == '+'); p < end; p++)
		e = e < EXPONENT_LARGE ? e * 10 + (*p - '0') : e;
	return is_below ? -e : e;
}

static struct digits
first_digit(const void *text, size_t size)
{
	const uint8_t *p = text, *end = p + size, *point = NULL;
	struct digits n = { .p = NULL };

	for (; p < end && (*p | 0x20) != 'e'; p++) {
		if (*p == '.')
			point = p;
		else if (n.p == NULL && *p >= '1' && *p <= '9')
			n.p = p;
	}
	n.end = p;
	if (n.p == NULL)
		return n;
	if (point == NULL)
		point = p;
	n.top = n.p < point ? point - n.p - 1 : point - n.p;
	if (p < end)
		n.top += read_exponent(p + 1, end);
	return n;
}

static int
next_digit(struct digits *n)
{
	if (n->p < n->end && *n->p == '.')
		n->p++;
	return n->p < n->end ? *n->p++ - '0' : 0;
}

static int
compare_texts(const void *a_text, size_t a_size, const void *b_text, size_t b_size)
{
	struct digits a = first_digit(a_text, a_size), b = first_digit(b_text, b_size);

	if (a.p == NULL || b.p == NULL)
		return (a.p != NULL) - (b.p != NULL);
	if (a.top != b.top)
		return a.top < b.top ? -1 : 1;
	while (a.p < a.end || b.p < b.end) {
		int order = next_digit(&a) - next_digit(&b);

		if (order != 0)
			return order < 0 ? -1 : 1;
	}
	return 0;
}

static int
compare_exact(const struct number *a, const struct number *b)
{
	static const uint64_t powers[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000,
		1000000000, 10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000,
		1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
		10000000000000000000u };
	unsigned __int128 x = a->mantissa, y = b->mantissa;
	int32_t more = a->exponent - b->exponent;

	if (x != 0 && y != 0 && more != 0) {
		/* At most 19 digits each: beyond 19 places the exponent decides. */
		if (more > 19 || more < -19)
			return more > 0 ? 1 : -1;
		x *= powers[more > 0 ? more : 0];
		y *= powers[more < 0 ? -more : 0];
	}
	return x < y ? -1 : x > y;
}

int
json_compare_numbers(const struct number *a, const void *a_text, size_t a_size, const struct number *b,
    const void *b_text, size_t b_size)
{
	int a_sign = a->mantissa == 0 ? 0 : a->is_negative ? -1 : 1;
	int b_sign = b->mantissa == 0 ? 0 : b->is_negative ? -1 : 1;
	int order;

	if (a_sign != b_sign)
		return a_sign < b_sign ? -1 : 1;
	order = a->is_exact && b->is_exact ? compare_exact(a, b) :
	    compare_texts(a_text, a_size, b_text, b_size);
	return a_sign < 0 ? -order : order;
}

bool
json_is_integer(const struct number *n, const void *text, size_t size)
{
	uint64_t m = n->mantissa;
	int32_t e = n->exponent;
	struct digits digits;
	int64_t power;

	if (n->is_whole || m == 0)
		return true;
	if (n->is_exact) {
		for (; e < 0 && m % 10 == 0; e++)
			m /= 10;
		return e >= 0;
	}
	digits = first_digit(text, size);
	for (power = digits.top; digits.p < digits.end; power--)
		if (next_digit(&digits) != 0 && power < 0)
			return false;
	return true;
}

/* ---- formats ---- */

/* count digits at p as a number, or -1. */
static int
digits_at(const uint8_t *p, size_t count)
{
	int v = 0;

	for (size_t i = 0; i < count; i++) {
		if (p[i] < '0' || p[i] > '9')
			return -1;
		v = v * 10 + (p[i] - '0');
	}
	return v;
}

/* RFC 3339: 2024-02-29T12:00:00.5+01:00; second 60 only where UTC has 23:59:60. */
static bool
is_date_time(const uint8_t *p, size_t size)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year, month, day, hour, minute, second, zone_hour = 0, zone_minute = 0, utc;
	size_t i = 19;

	if (size < 20 || p[4] != '-' || p[7] != '-' || (p[10] | 0x20) != 't' || p[13] != ':' || p[16] != ':')
		return false;
	year = digits_at(p, 4);
	month = digits_at(p + 5, 2);
	day = digits_at(p + 8, 2);
	hour = digits_at(p + 11, 2);
	minute = digits_at(p + 14, 2);
	second = digits_at(p + 17, 2);
	if (year < 0 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 ||
	    minute > 59 || second < 0 || second > 60)
		return false;
	if (day > days[month - 1] +
	    (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)))
		return false;
	if (p[i] == '.') {
		for (i++; i < size && p[i] >= '0' && p[i] <= '9'; i++)
			continue;
		if (i == 20 || i == size)
			return false;
	}
	if (p[i] == '+' || p[i] == '-') {
		if (size != i + 6 || p[i + 3] != ':')
			return false;
		zone_hour = digits_at(p + i + 1, 2);
		zone_minute = digits_at(p + i + 4, 2);
		if (zone_hour < 0 || zone_hour > 23 || zone_minute < 0 || zone_minute > 59)
			return false;
	} else if ((p[i] | 0x20) != 'z' || size != i + 1) {
		return false;
	}
	utc = hour * 60 + minute + (p[i] == '+' ? -1 : 1) * (zone_hour * 60 + zone_minute);
	return second < 60 || (utc + 2880) % 1440 == 1439;
}

static bool
is_uuid(const uint8_t *p, size_t size)
{
	if (size != 36)
		return false;
	for (size_t i = 0; i < size; i++)
		if (i == 8 || i == 13 || i == 18 || i == 23 ? p[i] != '-' : hex_digit(p[i]) < 0)
			return false;
	return true;
}

/* Four numbers up to 255, without a leading zero. */
static bool
is_ipv4(const uint8_t *p, size_t size)
{
	const uint8_t *end = p + size, *start;

	for (int i = 0; i < 4; i++) {
		int v = 0;

		if (i > 0 && (p == end || *p++ != '.'))
			return false;
		for (start = p; p < end && p - start < 3 && *p >= '0' && *p <= '9'; p++)
			v = v * 10 + (*p - '0');
		if (p == start || v > 255 || (*start == '0' && p - start > 1))
			return false;
	}
	return p == end;
}

bool
json_format_holds(enum format format, const uint8_t *p, size_t size)
{
	switch (format) {
	case FORMAT_NONE:
		break;
	case FORMAT_DATE_TIME:
		return is_date_time(p, size);
	case FORMAT_UUID:
		return is_uuid(p, size);
	case FORMAT_IPV4:
		return is_ipv4(p, size);
	}
	return true;
}

/* ---- one scalar ---- */

static bool
type_holds(const struct json_schema *s, const struct rules *r, const struct value *v)
{
	if (v->token != T_NUMBER)
		return (r->types >> v->token & 1) != 0;
	/* Strict: as the number is written. */
	if (s->is_strict)
		return (r->types & (v->number.is_whole ? IS_INTEGER : IS_NUMBER)) != 0;
	return (r->types & IS_NUMBER) != 0 ||
	    ((r->types & IS_INTEGER) != 0 && json_is_integer(&v->number, v->p, v->size));
}

static bool
is_same_scalar(const struct literal *l, const struct value *v)
{
	if (l->token != v->token)
		return false;
	if (l->token == T_STRING)
		return l->size == v->size && memcmp(l->p, v->p, v->size) == 0;
	return l->token != T_NUMBER ||
	    json_compare_numbers(&l->number, l->raw, l->raw_size, &v->number, v->p, v->size) == 0;
}

bool
json_is_small(const struct number *n, int64_t *v)
{
	if (!n->is_whole || !n->is_exact || n->exponent != 0 || n->mantissa > INT64_MAX)
		return false;
	*v = n->is_negative ? -(int64_t)n->mantissa : (int64_t)n->mantissa;
	return true;
}

static enum broken
number_breaks(const struct rules *r, const struct value *v)
{
	int64_t small;
	int order;

	if (fl_likely(r->has_small_limits && json_is_small(&v->number, &small)))
		return small < r->small_low ? B_LOW : small > r->small_high ? B_HIGH : FINE;
	if (r->low.value != NULL) {
		order = json_compare_numbers(&v->number, v->p, v->size, &r->low.value->number,
		    r->low.value->raw, r->low.value->raw_size);
		if (order < 0 || (order == 0 && r->low.is_exclusive))
			return B_LOW;
	}
	if (r->high.value != NULL) {
		order = json_compare_numbers(&v->number, v->p, v->size, &r->high.value->number,
		    r->high.value->raw, r->high.value->raw_size);
		if (order > 0 || (order == 0 && r->high.is_exclusive))
			return B_HIGH;
	}
	return FINE;
}

static uint64_t
count_characters(const uint8_t *p, size_t size)
{
	uint64_t n = 0;

	for (size_t i = 0; i < size; i++)
		n += (p[i] & 0xc0) != 0x80;
	return n;
}

static enum broken
string_breaks(const struct rules *r, const struct value *v)
{
	uint64_t length = v->size;

	/* A character has 1 to 4 bytes: most lengths need no counting. */
	if (length > r->max_length || length / 4 < r->min_length) {
		if (!fl_ascii(v->p, v->size))
			length = count_characters(v->p, v->size);
		if (length < r->min_length)
			return B_MIN_LENGTH;
		if (length > r->max_length)
			return B_MAX_LENGTH;
	}
	if (r->pattern != NULL && !fl_pattern_match(r->pattern, v->p, v->size))
		return B_PATTERN;
	return json_format_holds(r->format, v->p, v->size) ? FINE : B_FORMAT;
}

enum broken
json_value_breaks(const struct json_schema *s, const struct rules *r, const struct value *v)
{
	bool is_nested = v->token == T_OBJECT || v->token == T_ARRAY;

	if (r->is_any)
		return FINE;
	if (r->no != NULL)
		return B_FALSE;
	if (r->types != IS_ANY && !type_holds(s, r, v))
		return B_TYPE;
	if (r->choice_word != NULL && !is_nested) {
		bool is_const = r->choice_word[0] == 'c', found = false;

		for (const struct literal *l = r->choices; l != NULL && !found; l = is_const ? NULL : l->next)
			found = is_same_scalar(l, v);
		if (!found)
			return B_CHOICE;
	}
	if (v->token == T_NUMBER)
		return r->has_number_rules ? number_breaks(r, v) : FINE;
	return v->token == T_STRING && r->has_string_rules ? string_breaks(r, v) : FINE;
}

/* ---- walking ---- */

/* Moves behind a value that nothing is asked of. */
static enum fl_code
skip_value(struct json_decoder *d, uint32_t depth)
{
	struct value v;
	const uint8_t *name;
	size_t size;
	uint8_t close;
	bool is_end;

	FL_TRY(read_scalar(d, &v));
	if (v.token != T_OBJECT && v.token != T_ARRAY)
		return FL_OK;
	close = v.token == T_OBJECT ? '}' : ']';
	FL_TRY(enter(d, depth, close, &is_end));
	while (!is_end) {
		if (close == '}') {
			FL_TRY(before_name(d));
			FL_TRY(read_string(d, &name, &size));
			FL_TRY(after_name(d));
		}
		FL_TRY(skip_value(d, depth + 1));
		FL_TRY(after_part(d, close, &is_end));
	}
	return FL_OK;
}

/* ---- constants that are objects or arrays ---- */

static bool is_same(struct json_decoder *d, struct literal *l);

static bool
is_same_object(struct json_decoder *d, struct literal *of)
{
	bool is_end = true, good = true;
	const uint8_t *name;
	size_t size;

	for (struct literal *l = of->first; l != NULL; l = l->next)
		l->seen = false;
	(void)enter(d, 0, '}', &is_end);
	while (!is_end) {
		struct literal *l = of->first;

		(void)before_name(d);
		(void)read_string(d, &name, &size);
		while (l != NULL && (l->name_size != size || memcmp(l->name, name, size) != 0))
			l = l->next;
		(void)after_name(d);
		if (l == NULL) {
			good = false;
			(void)skip_value(d, 0);
		} else {
			l->seen = true;
			l->same = is_same(d, l); /* the last one counts */
		}
		(void)after_part(d, '}', &is_end);
	}
	for (const struct literal *l = of->first; l != NULL; l = l->next)
		good &= l->seen && l->same;
	return good;
}

static bool
is_same_array(struct json_decoder *d, struct literal *of)
{
	struct literal *l = of->first;
	bool is_end = true, good = true;

	(void)enter(d, 0, ']', &is_end);
	while (!is_end) {
		if (l == NULL) {
			good = false;
			(void)skip_value(d, 0);
		} else {
			good &= is_same(d, l);
			l = l->next;
		}
		(void)after_part(d, ']', &is_end);
	}
	return good && l == NULL;
}

/* The value at p was walked before: nothing fails.  Moves behind it. */
static bool
is_same(struct json_decoder *d, struct literal *l)
{
	const uint8_t *at = d->p;
	struct value v = { .size = 0 };

	(void)read_scalar(d, &v);
	if (v.token != T_OBJECT && v.token != T_ARRAY)
		return is_same_scalar(l, &v);
	if (v.token != l->token) {
		d->p = at;
		(void)skip_value(d, 0);
		return false;
	}
	return v.token == T_OBJECT ? is_same_object(d, l) : is_same_array(d, l);
}

/* Is the object or array that begins at `at` and was walked one of the choices? */
static bool
is_chosen(struct json_decoder *d, const struct rules *r, const uint8_t *at)
{
	bool is_const = r->choice_word[0] == 'c', found = false;
	const uint8_t *behind = d->p;
	uint32_t odd_count = d->odd_count;

	for (struct literal *l = r->choices; l != NULL && !found; l = is_const ? NULL : l->next) {
		d->p = at;
		found = is_same(d, l);
	}
	d->p = behind;
	d->odd_count = odd_count;
	return found;
}

/* ---- the quick walk: INVALID means look closer ---- */

enum fl_code
json_quick_end(const struct object_rules *o, uint64_t known, uint64_t others)
{
	for (uint32_t w = 0; w < o->word_count; w++)
		if ((o->seen[w] & o->required[w]) != o->required[w])
			return FL_E_INVALID;
	/* The others may be one name again and again. */
	if (o->is_counted && (known + (others > 0) < o->min || known + others > o->max))
		return FL_E_INVALID;
	return FL_OK;
}

static enum fl_code
quick_object(struct json_schema *s, struct json_decoder *d, struct rules *r, uint32_t depth)
{
	struct object_rules *o = &r->object;
	uint32_t last = o->names.count;
	uint64_t known = 0, others = 0;
	bool is_end;

	for (uint32_t w = 0; w < o->word_count; w++)
		o->seen[w] = 0;
	FL_TRY(enter(d, depth, '}', &is_end));
	while (!is_end) {
		struct rules *part = o->additional;
		struct value v;
		int32_t i;

		FL_TRY(before_name(d));
		FL_TRY(json_read_name(d, &o->names, &last, &i));
		FL_TRY(after_name(d));
		if (fl_likely(i >= 0)) {
			known += !json_see_name(o, i);
			part = o->parts[i];
		} else {
			others++;
		}
		FL_TRY(json_quick_value(s, d, part, depth + 1, &v));
		FL_TRY(after_part(d, '}', &is_end));
	}
	return json_quick_end(o, known, others);
}

static enum fl_code
quick_array(struct json_schema *s, struct json_decoder *d, struct rules *r, uint32_t depth)
{
	const struct array_rules *a = &r->array;
	uint64_t count = 0;
	bool is_end;

	FL_TRY(enter(d, depth, ']', &is_end));
	for (; !is_end; count++) {
		struct value v;

		FL_TRY(json_quick_value(s, d, json_element_rules(a, count), depth + 1, &v));
		FL_TRY(after_part(d, ']', &is_end));
	}
	return count < a->min || count > a->max ? FL_E_INVALID : FL_OK;
}

enum fl_code
json_quick_value(struct json_schema *s, struct json_decoder *d, struct rules *r, uint32_t depth,
    struct value *v)
{
	const uint8_t *at = d->p;
	bool is_nested;

	FL_TRY(read_scalar(d, v));
	is_nested = v->token == T_OBJECT || v->token == T_ARRAY;
	if (r == NULL || r->is_any)
		return is_nested ? skip_value(d, depth) : FL_OK;
	if (!json_value_holds(s, r, v))
		return FL_E_INVALID;
	if (!is_nested)
		return FL_OK;
	FL_TRY(v->token == T_OBJECT ? quick_object(s, d, r, depth) : quick_array(s, d, r, depth));
	return r->choice_word != NULL && !is_chosen(d, r, at) ? FL_E_INVALID : FL_OK;
}

/* ---- the exact walk ---- */

struct frame { /* a part of the path to a value */
	const struct frame *up;
	bool is_member;
	size_t at, size; /* member: its name, in s->names */
	uint64_t index;	 /* element */
};

static void
add_frame(struct json_schema *s, const struct frame *frame)
{
	if (frame == NULL)
		return;
	add_frame(s, frame->up);
	fl_buf_byte(&s->path, '/');
	if (!frame->is_member) {
		fl_buf_printf(&s->path, "%llu", (unsigned long long)frame->index);
		return;
	}
	for (size_t i = 0; i < frame->size; i++)
		json_add_pointer(&s->path, s->names.data[frame->at + i]);
}

void
json_add_pointer(struct fl_buf *path, char c)
{
	if (c == '~' || c == '/')
		fl_buf_str(path, c == '~' ? "~0" : "~1");
	else
		fl_buf_byte(path, c);
}

const char *
json_clip_path(char out[80], const struct fl_buf *path)
{
	char clip[80];

	/* The end of a long path says more than its beginning. */
	if (path->size > 60)
		(void)snprintf(out, 80, "...%s", fl_codec_clip(clip, path->data + path->size - 56, 56));
	else
		(void)fl_codec_clip(out, path->data, path->size);
	return out;
}

/* "minimum 0" */
static void
print_rule(char out[120], const struct json_schema *s, const struct rules *r, enum broken broken)
{
	const struct limit *limit = broken == B_LOW ? &r->low : &r->high;
	static const char *const formats[] = { "", "date-time", "uuid", "ipv4" };
	char clip[80];
	const char *text;

	switch (broken) {
	case FINE:
	case B_REQUIRED:
		(void)snprintf(out, 120, "required");
		break;
	case B_FALSE:
		(void)snprintf(out, 120, "%s false", r->no);
		break;
	case B_TYPE:
		(void)snprintf(out, 120, "type %s%s", r->type_text, s->is_strict ? " (strict)" : "");
		break;
	case B_CHOICE:
		(void)snprintf(out, 120, "%s %s", r->choice_word,
		    fl_codec_clip(clip, r->choice_text, strlen(r->choice_text)));
		break;
	case B_LOW:
	case B_HIGH:
		text = broken == B_LOW ? (limit->is_exclusive ? "exclusiveMinimum" : "minimum") :
					 (limit->is_exclusive ? "exclusiveMaximum" : "maximum");
		(void)snprintf(out, 120, "%s %s", text,
		    fl_codec_clip(clip, limit->value->raw, limit->value->raw_size));
		break;
	case B_PATTERN:
		(void)snprintf(out, 120, "pattern %s",
		    fl_codec_clip(clip, r->pattern_text, strlen(r->pattern_text)));
		break;
	case B_FORMAT:
		(void)snprintf(out, 120, "format %s", formats[r->format]);
		break;
	case B_MIN_LENGTH:
		(void)snprintf(out, 120, "minLength %llu", (unsigned long long)r->min_length);
		break;
	case B_MAX_LENGTH:
		(void)snprintf(out, 120, "maxLength %llu", (unsigned long long)r->max_length);
		break;
	case B_MIN_ITEMS:
		(void)snprintf(out, 120, "minItems %llu", (unsigned long long)r->array.min);
		break;
	case B_MAX_ITEMS:
		(void)snprintf(out, 120, "maxItems %llu", (unsigned long long)r->array.max);
		break;
	case B_MIN_PROPERTIES:
		(void)snprintf(out, 120, "minProperties %llu", (unsigned long long)r->object.min);
		break;
	case B_MAX_PROPERTIES:
		(void)snprintf(out, 120, "maxProperties %llu", (unsigned long long)r->object.max);
		break;
	}
}

/* The first broken rule is the record's; what it got is text, or count of `unit`. */
static void
note_broken(struct json_schema *s, const struct rules *r, const struct frame *frame, enum broken broken,
    const uint8_t *text, size_t size)
{
	char path[80], rule[120], clip[80];

	if (s->is_broken || broken == FINE)
		return;
	s->is_broken = true;
	fl_buf_reset(&s->path);
	fl_buf_str(&s->path, "");
	add_frame(s, frame);
	print_rule(rule, s, r, broken);
	(void)FL_FAIL(s->err, FL_E_INVALID, "%s: %s, %s%s", frame != NULL ? json_clip_path(path, &s->path) :
	    "the record", rule, broken == B_REQUIRED ? "but missing" : "got ",
	    broken == B_REQUIRED ? "" : fl_codec_clip(clip, text, size));
}

static void
note_count(struct json_schema *s, const struct rules *r, const struct frame *frame, uint64_t count,
    bool is_object)
{
	uint64_t min = is_object ? r->object.min : r->array.min, max = is_object ? r->object.max : r->array.max;
	enum broken broken = FINE;
	char text[32];
	int size;

	if (count < min)
		broken = is_object ? B_MIN_PROPERTIES : B_MIN_ITEMS;
	else if (count > max)
		broken = is_object ? B_MAX_PROPERTIES : B_MAX_ITEMS;
	size = snprintf(text, sizeof(text), "%llu", (unsigned long long)count);
	note_broken(s, r, frame, broken, (const uint8_t *)text, (size_t)size);
}

/* ---- equal names ---- */

static void
put_slot(struct json_schema *s, uint32_t member, uint64_t hash)
{
	uint32_t i = (uint32_t)hash & (s->slot_count - 1);

	while (s->slots[i].mark == s->mark)
		i = (i + 1) & (s->slot_count - 1);
	s->slots[i] = (struct slot){ s->mark, member };
}

static uint64_t
hash_member(const struct json_schema *s, uint32_t member)
{
	const struct member *m = &s->members[member];

	return fl_hash64(s->names.data + m->name_at, m->name_size);
}

/* Room for one more of the members from base on, in a table at most half full. */
static void
grow_slots(struct json_schema *s, uint32_t base)
{
	if ((s->member_count - base + 1) * 2 <= s->slot_count)
		return;
	free(s->slots);
	s->slot_count = s->slot_count > 0 ? s->slot_count * 2 : 64;
	s->slots = fl_calloc(s->slot_count, sizeof(*s->slots));
	s->mark = 1;
	for (uint32_t m = base; m < s->member_count; m++)
		if (s->members[m].is_last)
			put_slot(s, m, hash_member(s, m));
}

/* Adds a member; one of the same name before it is the last no more.  Gives whether there was one. */
static bool
add_member(struct json_schema *s, uint32_t base, const uint8_t *name, size_t size)
{
	struct member *m;
	uint64_t hash;
	uint32_t i;

	grow_slots(s, base);
	if (s->member_count == s->member_capacity) {
		s->member_capacity = s->member_capacity * 2 + 64;
		s->members = fl_realloc(s->members, s->member_capacity * sizeof(*s->members));
	}
	m = &s->members[s->member_count];
	*m = (struct member){ (uint32_t)s->names.size, (uint32_t)size, true };
	fl_buf_add(&s->names, name, size);
	hash = hash_member(s, s->member_count);
	for (i = (uint32_t)hash & (s->slot_count - 1); s->slots[i].mark == s->mark;
	     i = (i + 1) & (s->slot_count - 1)) {
		struct member *other = &s->members[s->slots[i].member];

		if (other->name_size == size && memcmp(s->names.data + other->name_at, s->names.data + m->name_at,
		    size) == 0) {
			other->is_last = false;
			s->slots[i].member = s->member_count++;
			return true;
		}
	}
	s->slots[i] = (struct slot){ s->mark, s->member_count++ };
	return false;
}

/* The members of the object at p, which stays where it is. */
static enum fl_code
list_members(struct json_schema *s, struct json_decoder *d, uint32_t depth, uint64_t *distinct)
{
	const uint8_t *start = d->p, *name;
	uint32_t base = s->member_count, odd_count = d->odd_count;
	size_t size;
	bool is_end;

	if (++s->mark == 0) { /* what older objects left would count again */
		memset(s->slots, 0, s->slot_count * sizeof(*s->slots));
		s->mark = 1;
	}
	*distinct = 0;
	FL_TRY(enter(d, depth, '}', &is_end));
	while (!is_end) {
		FL_TRY(before_name(d));
		FL_TRY(read_string(d, &name, &size));
		*distinct += !add_member(s, base, name, size);
		FL_TRY(after_name(d));
		FL_TRY(skip_value(d, depth + 1));
		FL_TRY(after_part(d, '}', &is_end));
	}
	d->p = start;
	d->odd_count = odd_count;
	return FL_OK;
}

/* ---- values, exactly ---- */

static enum fl_code exact_value(struct json_schema *s, struct json_decoder *d, struct rules *r,
    uint32_t depth, const struct frame *frame);

static enum fl_code
exact_member(struct json_schema *s, struct json_decoder *d, struct object_rules *o, uint32_t depth,
    const struct frame *up, uint32_t member)
{
	const struct member *m = &s->members[member];
	struct frame frame = { up, true, m->name_at, m->name_size, 0 };
	struct rules *part = o->additional;
	bool is_last = m->is_last;
	const uint8_t *name;
	size_t size;
	int32_t i;

	FL_TRY(before_name(d));
	FL_TRY(read_string(d, &name, &size));
	i = json_names_find(&o->names, name, size);
	FL_TRY(after_name(d));
	if (i >= 0) {
		(void)json_see_name(o, i);
		part = o->parts[i];
	}
	if (part == NULL || !is_last || s->is_broken)
		return skip_value(d, depth + 1);
	return exact_value(s, d, part, depth + 1, &frame);
}

static void
note_required(struct json_schema *s, const struct rules *r, const struct frame *up)
{
	const struct object_rules *o = &r->object;

	for (uint32_t i = 0; i < o->names.count; i++) {
		struct frame frame = { up, true, s->names.size, o->names.names[i].size, 0 };

		if ((o->required[i / 64] & ~o->seen[i / 64]) >> i % 64 & 1) {
			fl_buf_add(&s->names, o->names.names[i].text, o->names.names[i].size);
			note_broken(s, r, &frame, B_REQUIRED, NULL, 0);
			return;
		}
	}
}

static enum fl_code
exact_object(struct json_schema *s, struct json_decoder *d, struct rules *r, uint32_t depth,
    const struct frame *frame)
{
	struct object_rules *o = &r->object;
	uint32_t base = s->member_count;
	size_t names_size = s->names.size;
	uint64_t distinct;
	bool is_end;

	FL_TRY(list_members(s, d, depth, &distinct));
	for (uint32_t w = 0; w < o->word_count; w++)
		o->seen[w] = 0;
	FL_TRY(enter(d, depth, '}', &is_end));
	for (uint32_t m = base; !is_end; m++) {
		FL_TRY(exact_member(s, d, o, depth, frame, m));
		FL_TRY(after_part(d, '}', &is_end));
	}
	note_required(s, r, frame);
	note_count(s, r, frame, distinct, true);
	s->member_count = base;
	s->names.size = names_size;
	return FL_OK;
}

static enum fl_code
exact_array(struct json_schema *s, struct json_decoder *d, struct rules *r, uint32_t depth,
    const struct frame *up)
{
	struct frame frame = { up, false, 0, 0, 0 };
	bool is_end;

	FL_TRY(enter(d, depth, ']', &is_end));
	for (; !is_end; frame.index++) {
		struct rules *part = json_element_rules(&r->array, frame.index);

		FL_TRY(part != NULL && !s->is_broken ? exact_value(s, d, part, depth + 1, &frame) :
						       skip_value(d, depth + 1));
		FL_TRY(after_part(d, ']', &is_end));
	}
	note_count(s, r, up, frame.index, false);
	return FL_OK;
}

static enum fl_code
exact_value(struct json_schema *s, struct json_decoder *d, struct rules *r, uint32_t depth,
    const struct frame *frame)
{
	const uint8_t *at = d->p;
	struct value v = { .size = 0 };
	enum broken broken;

	FL_TRY(read_scalar(d, &v));
	broken = json_value_breaks(s, r, &v);
	if (v.token == T_OBJECT || v.token == T_ARRAY) {
		if (broken == FINE) {
			FL_TRY(v.token == T_OBJECT ? exact_object(s, d, r, depth, frame) :
						     exact_array(s, d, r, depth, frame));
			if (r->choice_word != NULL && !is_chosen(d, r, at))
				broken = B_CHOICE;
		} else {
			FL_TRY(skip_value(d, depth));
		}
	}
	note_broken(s, r, frame, broken, at, (size_t)(d->p - at));
	return FL_OK;
}

enum fl_code
json_exact_check(struct json_schema *schema, struct json_decoder *d, struct fl_err *err)
{
	schema->is_broken = false;
	schema->err = err;
	schema->member_count = 0;
	fl_buf_reset(&schema->names);
	fl_buf_str(&schema->names, "");
	FL_TRY(exact_value(schema, d, schema->root, 0, NULL));
	return schema->is_broken ? FL_E_INVALID : FL_OK;
}
