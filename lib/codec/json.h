/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - the scanner of JSON texts: blanks, strings, numbers, words, known names.
 *
 * The decoder (json_decode.c) and what checks a record before it (json_check.c) pull
 * tokens through it.  A failed read leaves code, reason and place in the decoder.
 */
#ifndef FL_CODEC_JSON_H
#define FL_CODEC_JSON_H

#include <stdlib.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/util.h"
#include "codec_impl.h"

enum token { T_STRING, T_NUMBER, T_TRUE, T_FALSE, T_NULL, T_OBJECT, T_ARRAY };

struct number {
	uint64_t mantissa; /* good if is_exact: at most 19 digits */
	int32_t exponent;  /* of ten */
	bool is_negative, is_whole, is_exact;
};

struct value {
	enum token token;
	const uint8_t *p; /* string: its content, escapes resolved; else the text */
	size_t size;
	struct number number;
};

#define NAME_QUICK 16u

/* How a name stands in most texts: as it is, and a quote. */
struct name {
	uint8_t quick[NAME_QUICK]; /* its beginning */
	const char *text;	   /* borrowed */
	uint32_t size;
	uint16_t object;	   /* that the name is of, by the number its owner gives it */
	bool is_plain;		   /* needs no escape */
	uint8_t usual;		   /* enum usual: a column's */
};

/* What the values of most columns are. */
enum usual { USUAL_NONE, USUAL_TEXT, USUAL_INT, USUAL_BIGINT };

/* The names that an object is known to have, by number. */
struct json_names {
	uint32_t count, slot_mask;
	uint16_t *slots; /* open addressing: number + 1 */
	struct name *names;
	uint16_t *next;	 /* what followed name i in the records so far; [count]: the first */
};

struct bad { /* a value that does not convert */
	uint32_t at, size;
	enum token token;
};

struct json_decoder {
	struct fl_decoder head;
	bool ignore_parse_errors, fail_on_missing, strict, is_typed;
	char separator; /* between date and time */
	const struct fl_row_type **rows;
	uint32_t row_count, member_count;
	/* Open addressing over objects and names. */
	uint16_t *slots; /* member + 1 */
	uint32_t slot_mask;
	struct name *names;
	/* The member after member m in the records so far, of the same object.  Objects are
	 * numbered from member_count on, the record's own and then those of the ROWs;
	 * next[object] is its first member. */
	uint16_t *next;
	struct json_schema *check; /* NULL: none */
	uint8_t *states;
	struct bad *bads;
	struct fl_buf ends, nulls; /* of an array's elements: uint32 and a byte each */
	struct fl_buf scratch; /* a string with its escapes resolved */
	struct fl_buf text;    /* number text with a NUL, for strtod */
	/* This record. */
	const uint8_t *start, *p, *end;
	enum fl_code code;
	const char *why;
	const uint8_t *why_at;
	uint32_t odd_count;
};

/* ---- characters ---- */

static inline enum fl_code
fail_at(struct json_decoder *d, enum fl_code code, const uint8_t *at, const char *why)
{
	d->code = code;
	d->why = why;
	d->why_at = at;
	return code;
}

static inline enum fl_code
fail_token(struct json_decoder *d, const char *expected)
{
	return fail_at(d, FL_E_BAD_JSON, d->p, d->p == d->end ? "the text ends too early" : expected);
}

static inline bool
is_blank(uint8_t c)
{
	return c <= ' ' && (c == ' ' || c == '\t' || c == '\n' || c == '\r');
}

static inline void
skip_blanks(struct json_decoder *d)
{
	while (d->p != d->end && is_blank(*d->p))
		d->p++;
}

static inline int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Four hex digits at p, or -1. */
static inline int32_t
read_hex4(const uint8_t *p, const uint8_t *end)
{
	int32_t v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(p[i]);

		if (digit < 0)
			return -1;
		v = v << 4 | digit;
	}
	return v;
}

/* Resolves the escapes of [p, end) into scratch; the result is never longer. */
static inline enum fl_code
unescape(struct json_decoder *d, const uint8_t *p, const uint8_t *end)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char *out;

	fl_buf_reset(&d->scratch);
	fl_buf_reserve(&d->scratch, (size_t)(end - p) + 4);
	out = d->scratch.data;
	while (p < end) {
		const uint8_t *at = p;
		const char *simple;
		int32_t c, low;

		if (*p != '\\') {
			*out++ = (char)*p++;
			continue;
		}
		p++;
		simple = p < end && *p != '\0' ? strchr(from, *p) : NULL;
		if (simple != NULL) {
			*out++ = to[simple - from];
			p++;
			continue;
		}
		if (p == end || *p != 'u' || (c = read_hex4(p + 1, end)) < 0)
			return fail_at(d, FL_E_BAD_JSON, at, "an escape is invalid");
		p += 5;
		if (c >= 0xd800 && c <= 0xdfff) {
			low = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? read_hex4(p + 2, end) : -1;
			if (c >= 0xdc00 || low < 0xdc00 || low > 0xdfff)
				return fail_at(d, FL_E_BAD_UTF8, at, "half a surrogate pair is escaped");
			c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
			p += 6;
		}
		out += fl_utf8_put(out, (uint32_t)c);
	}
	d->scratch.size = (size_t)(out - d->scratch.data);
	*out = '\0';
	return FL_OK;
}

/* First of quote, backslash and control byte at or after p; *high collects the
 * high bits of what lies before it. */
static inline const uint8_t *
find_special(const uint8_t *p, const uint8_t *end, uint32_t *high)
{
#ifdef __SSE2__
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);

	for (; end - p >= 16; p += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		__m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote),
		    _mm_cmpeq_epi8(v, slash)), _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
		uint32_t hits = (uint32_t)_mm_movemask_epi8(hit);
		uint32_t highs = (uint32_t)_mm_movemask_epi8(v);

		if (hits != 0) {
			uint32_t n = (uint32_t)__builtin_ctz(hits);

			*high |= highs & ((1u << n) - 1);
			return p + n;
		}
		*high |= highs;
	}
#endif
	for (; p < end && *p != '"' && *p != '\\' && *p >= 0x20; p++)
		*high |= *p & 0x80u;
	return p;
}

/* p stands behind the opening quote; afterwards behind the closing one. */
static inline enum fl_code
read_string(struct json_decoder *d, const uint8_t **content, size_t *size)
{
	const uint8_t *start = d->p, *p = start, *at;
	bool has_escape = false;
	uint32_t high = 0;

	for (;;) {
		p = find_special(p, d->end, &high);
		if (fl_unlikely(p == d->end)) {
			d->p = p;
			return fail_at(d, FL_E_BAD_JSON, start - 1, "a string has no end");
		}
		if (fl_likely(*p == '"'))
			break;
		if (*p == '\\') {
			has_escape = true;
			p += d->end - p >= 2 ? 2 : 1;
			continue;
		}
		/* Flink's mapper takes raw control characters. */
		if (d->strict)
			return fail_at(d, FL_E_BAD_JSON, p, "a string holds a raw control character");
		d->odd_count++;
		p++;
	}
	d->p = p + 1;
	*content = start;
	*size = (size_t)(p - start);
	if (fl_unlikely(high != 0)) {
		at = start + fl_utf8_valid(start, *size);
		if (at != p)
			return fail_at(d, FL_E_BAD_UTF8, at, "a string is not UTF-8");
	}
	if (fl_unlikely(has_escape)) {
		FL_TRY(unescape(d, start, p));
		*content = (const uint8_t *)d->scratch.data;
		*size = d->scratch.size;
	}
	return FL_OK;
}

static inline bool
is_digit(const uint8_t *p, const uint8_t *end)
{
	return p != end && *p >= '0' && *p <= '9';
}

static inline enum fl_code
read_number(struct json_decoder *d, struct value *value)
{
	const uint8_t *p = d->p, *end = d->end, *digits;
	struct number n = { .is_whole = true, .is_exact = true };
	uint32_t count = 0;

	value->token = T_NUMBER;
	value->p = p;
	if (*p == '-') {
		n.is_negative = true;
		p++;
	}
	if (!is_digit(p, end))
		return fail_at(d, FL_E_BAD_JSON, p, "a number has no digits");
	digits = p;
	/* A whole number of ordinary size. */
	while (is_digit(p, end))
		n.mantissa = n.mantissa * 10 + (uint64_t)(*p++ - '0');
	if (fl_likely(p - digits <= 18 && (*digits != '0' || p - digits == 1) && p != end && *p != '.' &&
		(*p | 0x20) != 'e')) {
		value->size = (size_t)(p - value->p);
		value->number = n;
		d->p = p;
		return FL_OK;
	}
	p = digits;
	n.mantissa = 0;
	for (; is_digit(p, end); p++) {
		if (n.mantissa == 0 && *p == '0')
			continue;
		if (count++ < 19)
			n.mantissa = n.mantissa * 10 + (uint64_t)(*p - '0');
		else
			n.exponent++;
	}
	if (*digits == '0' && p - digits > 1)
		return fail_at(d, FL_E_BAD_JSON, digits, "a number has a leading zero");
	if (p != end && *p == '.') {
		n.is_whole = false;
		if (!is_digit(++p, end))
			return fail_at(d, FL_E_BAD_JSON, p, "a number has no digit after its point");
		for (; is_digit(p, end); p++) {
			if (n.mantissa == 0 && *p == '0') {
				n.exponent--;
				continue;
			}
			if (count++ < 19) {
				n.mantissa = n.mantissa * 10 + (uint64_t)(*p - '0');
				n.exponent--;
			}
		}
	}
	n.is_exact = count <= 19;
	if (p != end && (*p | 0x20) == 'e') {
		bool is_negative = false;
		int32_t e = 0;

		n.is_whole = false;
		if (++p != end && (*p == '+' || *p == '-'))
			is_negative = *p++ == '-';
		if (!is_digit(p, end))
			return fail_at(d, FL_E_BAD_JSON, p, "a number has no digit in its exponent");
		for (; is_digit(p, end); p++)
			e = e < 1000000 ? e * 10 + (*p - '0') : e;
		n.exponent += is_negative ? -e : e;
	}
	value->size = (size_t)(p - value->p);
	value->number = n;
	d->p = p;
	return FL_OK;
}

static inline enum fl_code
read_literal(struct json_decoder *d, struct value *value)
{
	static const struct { const char *text; size_t size; enum token token; } words[] = {
		{ "true", 4, T_TRUE }, { "false", 5, T_FALSE }, { "null", 4, T_NULL } };

	for (size_t i = 0; i < FL_ARRAY_COUNT(words); i++)
		if ((size_t)(d->end - d->p) >= words[i].size &&
		    memcmp(d->p, words[i].text, words[i].size) == 0) {
			value->token = words[i].token;
			value->p = d->p;
			value->size = words[i].size;
			d->p += words[i].size;
			return FL_OK;
		}
	return fail_token(d, "expected a value");
}

/* ---- names ---- */

static inline uint32_t
hash_name(uint32_t object, const uint8_t *p, size_t size)
{
	return (uint32_t)(object * 61 + size * 31 + (size > 0 ? p[0] * 7u + p[size - 1] * 131u + p[size / 2] * 17u : 0));
}

static inline void
json_names_init(struct json_names *n, uint32_t count)
{
	uint32_t size = 8;

	while (size < count * 4)
		size *= 2;
	n->count = count;
	n->slot_mask = size - 1;
	n->slots = fl_calloc(size, sizeof(*n->slots));
	n->names = fl_calloc(count + 1, sizeof(*n->names));
	n->next = fl_calloc(count + 1, sizeof(*n->next));
}

static inline void
json_names_fini(struct json_names *n)
{
	free(n->slots);
	free(n->names);
	free(n->next);
}

/* The number of a name, -1 when it is none of these. */
static inline int32_t
json_names_find(const struct json_names *n, const uint8_t *p, size_t size)
{
	uint32_t i = hash_name(0, p, size) & n->slot_mask;

	for (; n->slots[i] != 0; i = (i + 1) & n->slot_mask) {
		const struct name *name = &n->names[n->slots[i] - 1u];

		if (name->size == size && memcmp(name->text, p, size) == 0)
			return n->slots[i] - 1;
	}
	return -1;
}

static inline void
fill_name(struct name *name, uint32_t object, const char *text, size_t size)
{
	name->text = text;
	name->size = (uint32_t)size;
	name->object = (uint16_t)object;
	memcpy(name->quick, text, FL_MIN(size, NAME_QUICK));
	if (size < NAME_QUICK)
		name->quick[size] = '"';
	name->is_plain = true;
	for (size_t k = 0; k < size; k++)
		name->is_plain &= (uint8_t)text[k] >= 0x20 && text[k] != '"' && text[k] != '\\';
}

/* Name i; each is set once, none twice. */
static inline void
json_names_set(struct json_names *n, uint32_t i, const char *text, size_t size)
{
	uint32_t slot = hash_name(0, (const uint8_t *)text, size) & n->slot_mask;

	fill_name(&n->names[i], 0, text, size);
	while (n->slots[slot] != 0)
		slot = (slot + 1) & n->slot_mask;
	n->slots[slot] = (uint16_t)(i + 1);
}

/* Does the name stand at p, with its quote?  Then p is moved behind it. */
static inline bool
take_name(struct json_decoder *d, const struct name *name)
{
	size_t left = (size_t)(d->end - d->p), size = name->size + 1u;

	if (!name->is_plain || left < size)
		return false;
#ifdef __SSE2__
	if (fl_likely(left >= NAME_QUICK)) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)d->p);
		__m128i quick = _mm_loadu_si128((const __m128i *)(const void *)name->quick);
		uint32_t same = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, quick));
		uint32_t all = size < NAME_QUICK ? (1u << size) - 1 : 0xffff;

		if ((same & all) != all)
			return false;
		if (size <= NAME_QUICK) {
			d->p += size;
			return true;
		}
	}
#endif
	if (memcmp(d->p, name->text, name->size) != 0 || d->p[name->size] != '"')
		return false;
	d->p += size;
	return true;
}

/*
 * The number of the name at p, -1 when it is none of these.  Producers write their fields
 * in one order, so the name that followed the one before (*last; count: none) is tried first.
 */
static inline enum fl_code
json_read_name(struct json_decoder *d, struct json_names *n, uint32_t *last, int32_t *number)
{
	const uint8_t *name;
	size_t size;

	*number = (int32_t)n->next[*last];
	if (fl_unlikely(!take_name(d, &n->names[*number]))) {
		FL_TRY(read_string(d, &name, &size));
		*number = json_names_find(n, name, size);
		if (*number < 0)
			return FL_OK;
		n->next[*last] = (uint16_t)*number;
	}
	*last = (uint32_t)*number;
	return FL_OK;
}

/* ---- parts ---- */

/* The scalar at p, or only the token of an object or array. */
static inline enum fl_code
read_scalar(struct json_decoder *d, struct value *v)
{
	uint8_t c;

	if (d->p == d->end)
		return fail_token(d, "");
	c = *d->p;
	if (c == '"') {
		d->p++;
		v->token = T_STRING;
		return read_string(d, &v->p, &v->size);
	}
	if (c == '{' || c == '[') {
		v->token = c == '{' ? T_OBJECT : T_ARRAY;
		return FL_OK;
	}
	if (c == '-' || (c >= '0' && c <= '9'))
		return read_number(d, v);
	return read_literal(d, v);
}

static inline enum fl_code
enter(struct json_decoder *d, uint32_t depth, uint8_t close, bool *is_empty)
{
	if (depth >= FL_CODEC_DEPTH_MAX)
		return fail_at(d, FL_E_TOO_DEEP, d->p, "nested deeper than 64 levels");
	d->p++;
	skip_blanks(d);
	*is_empty = d->p != d->end && *d->p == close;
	d->p += *is_empty;
	return FL_OK;
}

static inline enum fl_code
before_name(struct json_decoder *d)
{
	skip_blanks(d);
	if (d->p == d->end || *d->p != '"')
		return fail_token(d, "expected a name in quotes");
	d->p++;
	return FL_OK;
}

static inline enum fl_code
after_name(struct json_decoder *d)
{
	skip_blanks(d);
	if (d->p == d->end || *d->p != ':')
		return fail_token(d, "expected ':'");
	d->p++;
	skip_blanks(d);
	return FL_OK;
}

/* Behind a member or an element: does another follow? */
static inline enum fl_code
after_part(struct json_decoder *d, uint8_t close, bool *is_end)
{
	skip_blanks(d);
	if (d->p == d->end)
		return fail_token(d, "");
	*is_end = *d->p == close;
	if (!*is_end && *d->p != ',')
		return fail_token(d, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
	d->p++;
	skip_blanks(d);
	return FL_OK;
}

#endif
