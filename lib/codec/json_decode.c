/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_decode.c - one JSON object into columns, without a tree.
 *
 * The text is pulled token by token; a key is looked up among the columns and
 * its value converted straight into the builder.  Nothing is allocated per row
 * but the growth of reused buffers.
 *
 * A member is what a key can name: a column, or a ROW that columns lie in.  The
 * columns are members 0 to n-1, the ROWs follow, outer ones first.  An object is
 * read with the members of its ROW (the record's own object: of no ROW); objects
 * of ROWs recurse, as deep as they are declared.  Other nested values are walked
 * with a stack of 64 bits (object or array).
 *
 * Verdicts follow Flink's tree parser (docs: json).  A body that is broken
 * anywhere beats a value that does not convert, and of two equal names the last
 * one counts: so a value that does not convert is only noted, and judged when
 * the closing brace is reached.  Undeclared fields are checked as JSON too.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "expr/expr.h"
#include "json.h"
#include "json_schema.h"

static const char *const token_names[] = {
	"a string", "a number", "true", "false", "null", "an object", "an array" };

/* What became of a member in this row. */
enum { S_ABSENT, S_SET, S_NULL, S_BAD };

/* ---- numbers ---- */

static double
text_to_double(struct json_decoder *d, const uint8_t *p, size_t size)
{
	fl_buf_reset(&d->text);
	fl_buf_add(&d->text, p, size);
	return strtod(d->text.data, NULL);
}

/* Clinger's fast path: both factors are exact, so one rounding is the right one. */
static double
number_to_double(struct json_decoder *d, const struct value *value)
{
	static const double powers[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10,
		1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	const struct number *n = &value->number;
	double v = (double)n->mantissa;

	if (!n->is_exact || n->mantissa > (UINT64_C(1) << 53) || n->exponent > 22 || n->exponent < -22)
		return text_to_double(d, value->p, value->size);
	v = n->exponent < 0 ? v / powers[-n->exponent] : v * powers[n->exponent];
	return n->is_negative ? -v : v;
}

/* Flink: a whole number must fit; another is a double that is cut. */
static bool
number_to_i64(struct json_decoder *d, const struct value *value, int64_t low, int64_t high, int64_t *out)
{
	const struct number *n = &value->number;
	double v;

	if (n->is_whole) {
		if (!n->is_exact || n->exponent != 0 ||
		    n->mantissa > (uint64_t)INT64_MAX + (n->is_negative ? 1 : 0))
			return false;
		*out = n->is_negative ? (int64_t)(0 - n->mantissa) : (int64_t)n->mantissa;
		return *out >= low && *out <= high;
	}
	v = number_to_double(d, value);
	if (!(v >= (double)low && v <= (double)high))
		return false;
	*out = v >= 0x1p63 ? INT64_MAX : (int64_t)v;
	return true;
}

/* ---- nested values ---- */

/* A string as Jackson writes it within a tree's text. */
static void
write_string(struct fl_buf *out, const uint8_t *p, size_t size)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";

	fl_buf_byte(out, '"');
	for (size_t i = 0; i < size; i++) {
		const char *simple = p[i] != '\0' ? strchr(from, p[i]) : NULL;

		if (simple != NULL) {
			fl_buf_byte(out, '\\');
			fl_buf_byte(out, to[simple - from]);
		} else if (p[i] < 0x20) {
			fl_buf_printf(out, "\\u%04X", p[i]);
		} else {
			fl_buf_byte(out, (char)p[i]);
		}
	}
	fl_buf_byte(out, '"');
}

static void
write_number(struct json_decoder *d, struct fl_buf *out, const struct value *value)
{
	double v;

	if (value->number.is_whole) {
		fl_buf_add(out, value->p, value->size);
		return;
	}
	v = number_to_double(d, value);
	if (isfinite(v))
		fl_print_double(out, v);
	else
		fl_buf_str(out, v < 0 ? "\"-Infinity\"" : "\"Infinity\"");
}

static enum fl_code
walk_key(struct json_decoder *d, struct fl_buf *out)
{
	const uint8_t *p;
	size_t size;

	skip_blanks(d);
	if (d->p == d->end || *d->p != '"')
		return fail_token(d, "expected a name in quotes");
	d->p++;
	FL_TRY(read_string(d, &p, &size));
	skip_blanks(d);
	if (d->p == d->end || *d->p != ':')
		return fail_token(d, "expected ':'");
	d->p++;
	if (out != NULL) {
		write_string(out, p, size);
		fl_buf_byte(out, ':');
	}
	return FL_OK;
}

static enum fl_code
walk_scalar(struct json_decoder *d, struct fl_buf *out)
{
	struct value value;

	if (*d->p == '"') {
		d->p++;
		FL_TRY(read_string(d, &value.p, &value.size));
		if (out != NULL)
			write_string(out, value.p, value.size);
	} else if (*d->p == '-' || is_digit(d->p, d->end)) {
		FL_TRY(read_number(d, &value));
		if (out != NULL)
			write_number(d, out, &value);
	} else {
		FL_TRY(read_literal(d, &value));
		if (out != NULL)
			fl_buf_add(out, value.p, value.size);
	}
	return FL_OK;
}

/*
 * Walks the object or array at p and, with out, writes it again without blanks.
 * Bit n of objects: level n is an object.  The record's own object is level 1.
 */
static enum fl_code
walk_nested(struct json_decoder *d, struct fl_buf *out)
{
	uint64_t objects = 0;
	uint32_t depth = 0;

	for (;;) {
		/* A value begins. */
		skip_blanks(d);
		if (d->p == d->end)
			return fail_token(d, "");
		if (*d->p == '{' || *d->p == '[') {
			bool is_object = *d->p == '{';

			if (depth + 1 >= FL_CODEC_DEPTH_MAX)
				return fail_at(d, FL_E_TOO_DEEP, d->p, "nested deeper than 64 levels");
			objects = (objects & ~(UINT64_C(1) << depth)) | (uint64_t)is_object << depth;
			depth++;
			if (out != NULL)
				fl_buf_byte(out, (char)*d->p);
			d->p++;
			skip_blanks(d);
			if (d->p == d->end || *d->p != (is_object ? '}' : ']')) {
				if (is_object)
					FL_TRY(walk_key(d, out));
				continue;
			}
		} else {
			FL_TRY(walk_scalar(d, out));
			skip_blanks(d);
		}
		/* A value has ended: leave what ends with it. */
		for (;;) {
			bool is_object = objects >> (depth - 1) & 1;

			skip_blanks(d);
			if (d->p == d->end)
				return fail_token(d, "");
			if (*d->p == ',')
				break;
			if (*d->p != (is_object ? '}' : ']'))
				return fail_token(d, is_object ? "expected ',' or '}'" : "expected ',' or ']'");
			if (out != NULL)
				fl_buf_byte(out, (char)*d->p);
			d->p++;
			if (--depth == 0)
				return FL_OK;
		}
		d->p++;
		if (out != NULL)
			fl_buf_byte(out, ',');
		if (objects >> (depth - 1) & 1)
			FL_TRY(walk_key(d, out));
	}
}

/* ---- conversion ---- */

static bool
is_true_text(const uint8_t *p, size_t size)
{
	fl_codec_trim(&p, &size);
	return size == 4 && (p[0] | 0x20) == 't' && (p[1] | 0x20) == 'r' &&
	    (p[2] | 0x20) == 'u' && (p[3] | 0x20) == 'e';
}

static bool
convert_whole(struct json_decoder *d, const struct value *value, uint8_t id, int64_t *out)
{
	static const int64_t highs[] = {
		[FL_TYPE_TINYINT] = INT8_MAX, [FL_TYPE_SMALLINT] = INT16_MAX,
		[FL_TYPE_INT] = INT32_MAX, [FL_TYPE_BIGINT] = INT64_MAX };
	int64_t high = highs[id], low = -high - 1;

	if (value->token == T_STRING)
		return fl_codec_i64(value->p, value->size, low, high, out);
	if (value->token != T_NUMBER)
		return false;
	/* Flink parses the text for the two short types: 1.0 is none. */
	if (!value->number.is_whole && (id == FL_TYPE_TINYINT || id == FL_TYPE_SMALLINT))
		return false;
	return number_to_i64(d, value, low, high, out);
}

static bool
convert_double(struct json_decoder *d, const struct value *value, double *out)
{
	const uint8_t *p = value->p;
	size_t size = value->size;

	if (value->token == T_NUMBER) {
		*out = number_to_double(d, value);
	} else if (value->token == T_STRING) {
		fl_codec_trim(&p, &size);
		if (!fl_parse_double((const char *)p, size, out))
			return false;
	} else {
		return false;
	}
	return !d->strict || isfinite(*out);
}

static bool
convert_time(struct json_decoder *d, const struct value *value, const struct fl_type *type, int64_t *out)
{
	size_t size = value->size;

	if (value->token != T_STRING)
		return false;
	if (type->id == FL_TYPE_TIMESTAMP_LTZ) {
		if (size == 0 || value->p[size - 1] != 'Z')
			return false;
		size--;
	}
	if (!fl_parse_timestamp((const char *)value->p, size, d->separator, out))
		return false;
	*out = fl_time_cut(*out, fl_time_unit(type));
	return true;
}

#define SET(ctype, v) (((ctype *)bc->col.data)[row] = (ctype)(v))

/* FL_OK, BAD_TYPE, or (number too large for a DECIMAL) BAD_NULL meaning NULL.  Part of the loop
 * over the record's values, whoever else calls it. */
static inline __attribute__((always_inline)) enum fl_code
convert(struct json_decoder *d, struct fl_builder_col *bc, uint32_t row, const struct value *value)
{
	const struct fl_type *type = &bc->col.type;
	const uint8_t *p = value->p;
	size_t size = value->size;
	bool fits = true;
	fl_i128 decimal;
	int32_t days;
	int64_t i64;
	double f64;
	int how;

	switch (type->id) {
	case FL_TYPE_BOOLEAN:
		if (d->is_typed && value->token != T_TRUE && value->token != T_FALSE)
			return FL_E_BAD_TYPE;
		SET(uint8_t, value->token == T_TRUE ||
		    (value->token == T_STRING && is_true_text(value->p, value->size)));
		return FL_OK;
	case FL_TYPE_TINYINT:
		if ((fits = convert_whole(d, value, type->id, &i64)))
			SET(int8_t, i64);
		break;
	case FL_TYPE_SMALLINT:
		if ((fits = convert_whole(d, value, type->id, &i64)))
			SET(int16_t, i64);
		break;
	case FL_TYPE_INT:
		if ((fits = convert_whole(d, value, type->id, &i64)))
			SET(int32_t, i64);
		break;
	case FL_TYPE_BIGINT:
		if ((fits = convert_whole(d, value, type->id, &i64)))
			SET(int64_t, i64);
		break;
	case FL_TYPE_FLOAT:
		if ((fits = convert_double(d, value, &f64) &&
			!(d->is_typed && isfinite(f64) && !isfinite((float)f64))))
			SET(float, f64);
		break;
	case FL_TYPE_DOUBLE:
		if ((fits = convert_double(d, value, &f64)))
			SET(double, f64);
		break;
	case FL_TYPE_DECIMAL:
		if (value->token != T_NUMBER && value->token != T_STRING)
			return FL_E_BAD_TYPE;
		fl_codec_trim(&p, &size);
		how = fl_codec_decimal(p, size, type->precision, type->scale, &decimal);
		if (how == 2 && !d->strict && !d->is_typed)
			return FL_E_BAD_NULL;
		if ((fits = how == 0))
			memcpy((fl_i128 *)bc->col.data + row, &decimal, sizeof(decimal));
		break;
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
		if (d->is_typed && value->token != T_STRING)
			return FL_E_BAD_TYPE;
		/* Numbers, true and false keep their text. */
		fl_col_append(bc, value->p, value->size,
		    value->p >= d->start && value->p < d->end ? d->end : value->p + value->size);
		return FL_OK;
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		fits = value->token == T_STRING && fl_codec_base64(value->p, value->size, &bc->bytes);
		break;
	case FL_TYPE_DATE:
		fits = value->token == T_STRING &&
		    fl_parse_date((const char *)value->p, value->size, &days);
		if (fits)
			SET(int32_t, days);
		break;
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
		if ((fits = convert_time(d, value, type, &i64)))
			SET(int64_t, i64);
		break;
	default:
		return FL_E_BAD_TYPE;
	}
	return fits ? FL_OK : FL_E_BAD_TYPE;
}

/* ---- one object ---- */

static int32_t
find_member(const struct json_decoder *d, uint32_t object, const uint8_t *p, size_t size)
{
	uint32_t i = hash_name(object, p, size) & d->slot_mask;

	for (; d->slots[i] != 0; i = (i + 1) & d->slot_mask) {
		uint32_t m = d->slots[i] - 1u;
		const struct name *name = &d->names[m];

		if (name->size == size && name->object == object && memcmp(name->text, p, size) == 0)
			return (int32_t)m;
	}
	return -1;
}

/*
 * The member that the name at p is, -1 when there is none.  Producers write their fields in
 * one order, so the name that followed the member before (*last) is tried first.
 */
static inline enum fl_code
read_name(struct json_decoder *d, uint32_t object, uint32_t *last, int32_t *member)
{
	const uint8_t *name;
	size_t size;

	*member = (int32_t)d->next[*last];
	if (fl_unlikely(!take_name(d, &d->names[*member]))) {
		FL_TRY(read_string(d, &name, &size));
		*member = find_member(d, object, name, size);
		if (*member < 0)
			return FL_OK;
		d->next[*last] = (uint16_t)*member;
	}
	*last = (uint32_t)*member;
	return FL_OK;
}

/* A column without a value; a ROW without those of its fields. */
static void
clear_member(struct json_decoder *d, struct fl_builder *builder, uint32_t m)
{
	uint32_t count = d->head.schema->count;

	d->states[m] = S_ABSENT;
	if (m >= count) {
		for (uint32_t i = 0; i < d->member_count; i++)
			if (d->names[i].object == d->member_count + 1 + (m - count))
				clear_member(d, builder, i);
		return;
	}
	fl_builder_set_null(builder, m);
	if (builder->cols[m].offsets != NULL) {
		struct fl_buf *bytes = &builder->cols[m].bytes;

		bytes->size = builder->cols[m].offsets[builder->row_count];
		if (bytes->data != NULL)
			bytes->data[bytes->size] = '\0';
	}
}

/* A name came again: forget the value before it. */
static enum fl_code
forget_member(struct json_decoder *d, struct fl_builder *builder, uint32_t m, const uint8_t *at)
{
	if (d->strict)
		return fail_at(d, FL_E_BAD_JSON, at, "a name stands twice");
	d->odd_count++;
	clear_member(d, builder, m);
	return FL_OK;
}

/* Of a value that has been read. */
static enum token
token_at(const uint8_t *at)
{
	switch (*at) {
	case '{':
		return T_OBJECT;
	case '[':
		return T_ARRAY;
	case '"':
		return T_STRING;
	case 't':
		return T_TRUE;
	case 'f':
		return T_FALSE;
	case 'n':
		return T_NULL;
	default:
		return T_NUMBER;
	}
}

static __attribute__((noinline)) void
note_bad(struct json_decoder *d, uint32_t m, const uint8_t *at, enum token token)
{
	d->states[m] = S_BAD;
	d->bads[m] = (struct bad){ .at = (uint32_t)(at - d->start), .size = (uint32_t)(d->p - at),
		.token = token };
}

/* A value that was read, of the text from at to p, into column c. */
static inline __attribute__((always_inline)) void
take_scalar(struct json_decoder *d, struct fl_builder *builder, uint32_t c, const struct value *value,
    const uint8_t *at)
{
	struct fl_builder_col *bc = &builder->cols[c];
	size_t size_before = bc->bytes.size;
	enum fl_code code;

	d->states[c] = S_NULL;
	if (value->token == T_NULL)
		return;
	code = convert(d, bc, builder->row_count, value);
	if (fl_likely(code == FL_OK)) {
		fl_builder_mark_valid(builder, c);
		d->states[c] = S_SET;
		return;
	}
	bc->bytes.size = size_before;
	if (code == FL_E_BAD_TYPE && !d->ignore_parse_errors)
		note_bad(d, c, at, value->token);
}

/* The object or array at p against its rules; d->p stays. */
static __attribute__((noinline)) enum fl_code
check_nested(struct json_decoder *d, struct rules *rules, uint32_t depth)
{
	const uint8_t *at = d->p;
	uint32_t odd_count = d->odd_count;
	struct value v;

	FL_TRY(json_quick_value(d->check, d, rules, depth, &v));
	d->p = at;
	d->odd_count = odd_count;
	return FL_OK;
}

/* The element at p of an array, as read_value() does it; *fits says whether it converts.  rules:
 * that it has to obey, or NULL; INVALID: perhaps one is broken. */
static enum fl_code
read_element(struct json_decoder *d, struct fl_builder_col *element, struct rules *rules,
    bool *is_null, bool *fits)
{
	struct value value = { .p = d->p, .size = 0 };
	bool is_text = fl_type_is_string((enum fl_type_id)element->col.type.id);
	size_t size_before = element->bytes.size;
	enum fl_code code;

	*is_null = false;
	if (d->p == d->end)
		return fail_token(d, "");
	if (*d->p == '"') {
		d->p++;
		value.token = T_STRING;
		FL_TRY(read_string(d, &value.p, &value.size));
	} else if (*d->p == '{' || *d->p == '[') {
		value.token = *d->p == '{' ? T_OBJECT : T_ARRAY;
		if (rules != NULL)
			FL_TRY(check_nested(d, rules, 2));
		FL_TRY(walk_nested(d, is_text ? &element->bytes : NULL));
		if (is_text)
			return FL_OK;
		rules = NULL;
	} else if (*d->p == '-' || is_digit(d->p, d->end)) {
		FL_TRY(read_number(d, &value));
	} else {
		FL_TRY(read_literal(d, &value));
	}
	if (rules != NULL && !json_value_holds(d->check, rules, &value))
		return FL_E_INVALID;
	if (value.token != T_NULL) {
		code = convert(d, element, 0, &value);
		if (code == FL_OK)
			return FL_OK;
		if (code == FL_E_BAD_TYPE && !d->ignore_parse_errors)
			*fits = false;
	}
	element->bytes.size = size_before;
	*is_null = true;
	return FL_OK;
}

static void
end_array(struct json_decoder *d, struct fl_buf *bytes, uint32_t width)
{
	uint32_t count = (uint32_t)d->nulls.size;
	bool has_null = count > 0 && memchr(d->nulls.data, 1, count) != NULL;

	if (width == 0 && count > 0)
		fl_buf_add(bytes, d->ends.data, d->ends.size);
	if (has_null)
		fl_buf_add(bytes, d->nulls.data, count);
	count = count * 2 + has_null;
	fl_buf_add(bytes, &count, sizeof(count));
}

/* The array at p into column c (struct fl_array).  rules: that it has to obey, or NULL; INVALID:
 * perhaps one is broken. */
static __attribute__((noinline)) enum fl_code
read_array(struct json_decoder *d, struct fl_builder *builder, uint32_t c,
    const struct array_rules *rules)
{
	struct fl_builder_col *bc = &builder->cols[c];
	struct fl_builder_col element = { .col.type = fl_type_element(&bc->col.type) };
	uint32_t width = fl_type_width((enum fl_type_id)element.col.type.id);
	size_t start = bc->bytes.size;
	const uint8_t *bad = NULL;
	enum fl_code code = FL_OK;
	uint64_t count = 0;
	fl_i128 slot;

	fl_buf_reset(&d->ends);
	fl_buf_reset(&d->nulls);
	element.col.data = &slot;
	d->p++;
	skip_blanks(d);
	if (d->p != d->end && *d->p == ']') {
		d->p++;
		goto end;
	}
	for (;;) {
		const uint8_t *at;
		bool is_null, fits = true;
		uint32_t end;

		skip_blanks(d);
		at = d->p;
		slot = 0;
		/* What is of variable width goes where it stays. */
		element.bytes = bc->bytes;
		code = read_element(d, &element, rules != NULL ? json_element_rules(rules, count) : NULL,
		    &is_null, &fits);
		bc->bytes = element.bytes;
		if (code != FL_OK)
			return code;
		if (!fits && bad == NULL) {
			bad = at;
			d->bads[c] = (struct bad){ .at = (uint32_t)(at - d->start),
				.size = (uint32_t)(d->p - at), .token = token_at(at) };
		}
		if (is_null)
			slot = 0;
		fl_buf_add(&bc->bytes, &slot, width);
		end = (uint32_t)(bc->bytes.size - start);
		fl_buf_add(&d->ends, &end, width == 0 ? sizeof(end) : 0);
		fl_buf_byte(&d->nulls, (char)is_null);
		count++;
		skip_blanks(d);
		if (d->p == d->end || (*d->p != ',' && *d->p != ']'))
			return fail_token(d, "expected ',' or ']'");
		if (*d->p++ == ']')
			break;
	}
end:
	if (rules != NULL && (count < rules->min || count > rules->max))
		return FL_E_INVALID;
	if (bad != NULL) {
		bc->bytes.size = start;
		d->states[c] = S_BAD;
		return FL_OK;
	}
	end_array(d, &bc->bytes, width);
	fl_builder_mark_valid(builder, c);
	d->states[c] = S_SET;
	return FL_OK;
}

/* The value at p into column c, its verdict into states[c]. */
static inline __attribute__((always_inline)) enum fl_code
read_value(struct json_decoder *d, struct fl_builder *builder, uint32_t c)
{
	struct fl_builder_col *bc = &builder->cols[c];
	const uint8_t *at = d->p;
	struct value value = { .p = at, .size = 0 };

	if (at == d->end)
		return fail_token(d, "");
	if (*at == '"') {
		d->p++;
		value.token = T_STRING;
		FL_TRY(read_string(d, &value.p, &value.size));
	} else if (*at == '{' || *at == '[') {
		bool is_text = fl_type_is_string((enum fl_type_id)bc->col.type.id) && !d->is_typed;

		value.token = *at == '{' ? T_OBJECT : T_ARRAY;
		if (value.token == T_ARRAY && bc->col.type.id == FL_TYPE_ARRAY)
			return read_array(d, builder, c, NULL);
		FL_TRY(walk_nested(d, is_text ? &bc->bytes : NULL));
		if (is_text) {
			fl_builder_mark_valid(builder, c);
			d->states[c] = S_SET;
			return FL_OK;
		}
	} else if (*at == '-' || (*at >= '0' && *at <= '9')) {
		FL_TRY(read_number(d, &value));
	} else {
		FL_TRY(read_literal(d, &value));
	}
	take_scalar(d, builder, c, &value, at);
	return FL_OK;
}

/* The value at p, which is no object, for ROW m: null, or of a wrong type. */
static __attribute__((noinline)) enum fl_code
read_no_row(struct json_decoder *d, uint32_t m)
{
	const uint8_t *at = d->p;

	if (at == d->end)
		return fail_token(d, "");
	if (*at == '[')
		FL_TRY(walk_nested(d, NULL));
	else
		FL_TRY(walk_scalar(d, NULL));
	d->states[m] = S_NULL;
	if (token_at(at) != T_NULL && !d->ignore_parse_errors)
		note_bad(d, m, at, token_at(at));
	return FL_OK;
}

static enum fl_code read_object(
    struct json_decoder *d, struct fl_builder *builder, uint32_t object);

/* The value at p for ROW m. */
static __attribute__((noinline)) enum fl_code
read_row(struct json_decoder *d, struct fl_builder *builder, uint32_t m)
{
	if (d->p == d->end || *d->p != '{')
		return read_no_row(d, m);
	d->states[m] = S_SET;
	return read_object(d, builder, d->member_count + 1 + (m - d->head.schema->count));
}

static inline __attribute__((always_inline)) enum fl_code
read_member(struct json_decoder *d, struct fl_builder *builder, uint32_t m)
{
	return fl_likely(m < d->head.schema->count) ? read_value(d, builder, m) : read_row(d, builder, m);
}

/* For whom it is rare. */
static __attribute__((noinline)) enum fl_code
read_member_again(struct json_decoder *d, struct fl_builder *builder, uint32_t m)
{
	return read_member(d, builder, m);
}

/*
 * ---- what is usual ----
 *
 * Most members are the one that followed last time, with a string of ASCII without escapes
 * for a text, or a whole number for an INT or BIGINT.  Such a value is scanned and taken in one
 * go.  Whatever else there is leaves everything as it was, to be read token by token.
 */
#ifdef __SSE2__

/* The string behind its quote into a text; where it ends behind the other quote, or NULL. */
static inline __attribute__((always_inline)) const uint8_t *
take_usual_text(const struct json_decoder *d, struct fl_buf *out, const uint8_t *p)
{
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);
	size_t room = out->capacity - out->size;
	char *to;

	if (fl_unlikely(room < 17))
		return NULL;
	to = out->data + out->size;
	for (; d->end - p >= 16 && room >= 17; p += 16, to += 16, room -= 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
		/* A byte over 0x7f is its own hit: the mask takes the highest bit of each. */
		__m128i hit = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
		    _mm_or_si128(_mm_cmpeq_epi8(_mm_min_epu8(v, control), v), v));
		uint32_t hits = (uint32_t)_mm_movemask_epi8(hit), n;

		_mm_storeu_si128((__m128i *)(void *)to, v);
		if (hits == 0)
			continue;
		n = (uint32_t)__builtin_ctz(hits);
		if (fl_unlikely(p[n] != '"'))
			break;
		to[n] = '\0';
		out->size = (size_t)(to + n - out->data);
		return p + n + 1;
	}
	out->data[out->size] = '\0';
	return NULL;
}

/* The n digits at p, 1 to 8; the bytes up to p + 8 can be read. */
static inline uint64_t
digits_to_u64(const uint8_t *p, uint32_t n)
{
	uint64_t v;

	memcpy(&v, p, 8);
	v = (v - UINT64_C(0x3030303030303030)) << (64 - n * 8);
	v = v * 10 + (v >> 8);
	return ((v & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
		   (v >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >> 32;
}

/* A whole number of up to 14 digits; 16 bytes can be read at p.  Where it ends, or NULL. */
static inline __attribute__((always_inline)) const uint8_t *
take_usual_number(const uint8_t *p, struct number *number)
{
	static const uint32_t powers[] = { 1, 10, 100, 1000, 10000, 100000, 1000000 };
	__m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
	__m128i digit = _mm_sub_epi8(v, _mm_set1_epi8('0'));
	__m128i same = _mm_cmpeq_epi8(_mm_min_epu8(digit, _mm_set1_epi8(9)), digit);
	uint32_t n = (uint32_t)__builtin_ctz((uint32_t)~_mm_movemask_epi8(same));

	if (fl_unlikely(n == 0 || n > 14 || (p[0] == '0' && n > 1) ||
		(p[n] != ',' && p[n] != '}' && !is_blank(p[n]))))
		return NULL;
	*number = (struct number){ .is_whole = true, .is_exact = true };
	if (n <= 8)
		number->mantissa = digits_to_u64(p, n);
	else
		number->mantissa = digits_to_u64(p, 8) * powers[n - 8] + digits_to_u64(p + 8, n - 8);
	return p + n;
}

/* The value at p, where 16 bytes and one more can be read, into column c. */
static inline __attribute__((always_inline)) const uint8_t *
take_usual(struct json_decoder *d, struct fl_builder *builder, uint32_t c, const uint8_t *p,
    struct value *v)
{
	struct fl_builder_col *bc = &builder->cols[c];
	const uint8_t *end;

	if (d->names[c].usual == USUAL_TEXT) {
		if (*p != '"' || (end = take_usual_text(d, &bc->bytes, p + 1)) == NULL)
			return NULL;
		v->token = T_STRING;
		v->p = p + 1;
		v->size = (size_t)(end - p - 2);
	} else {
		if ((end = take_usual_number(p, &v->number)) == NULL)
			return NULL;
		if (d->names[c].usual == USUAL_BIGINT)
			((int64_t *)bc->col.data)[builder->row_count] = (int64_t)v->number.mantissa;
		else if (v->number.mantissa <= INT32_MAX)
			((int32_t *)bc->col.data)[builder->row_count] = (int32_t)v->number.mantissa;
		else
			return NULL;
		v->token = T_NUMBER;
		v->p = p;
		v->size = (size_t)(end - p);
	}
	fl_builder_mark_valid(builder, c);
	d->states[c] = S_SET;
	return end;
}

/* Behind the name that stands at p with both quotes, a colon and perhaps a blank; NULL: it does
 * not, or less than 17 bytes follow. */
static inline __attribute__((always_inline)) const uint8_t *
take_usual_name(const struct json_decoder *d, const uint8_t *p, const struct name *name)
{
	__m128i v, quick;
	uint32_t same, size = name->size + 1, all = size < NAME_QUICK ? (1u << size) - 1 : 0xffff;

	if (d->end - p < (ptrdiff_t)size + 20 || *p != '"' || !name->is_plain)
		return NULL;
	p++;
	v = _mm_loadu_si128((const __m128i *)(const void *)p);
	quick = _mm_loadu_si128((const __m128i *)(const void *)name->quick);
	same = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(v, quick));
	if ((same & all) != all)
		return NULL;
	if (size > NAME_QUICK && (memcmp(p, name->text, name->size) != 0 || p[size - 1] != '"'))
		return NULL;
	p += size;
	if (*p != ':')
		return NULL;
	p++;
	return p + (*p == ' ');
}

/* Takes the members from p on that are usual; true: d->p stands behind a value, not before
 * a name. */
static inline __attribute__((always_inline)) bool
read_usual(struct json_decoder *d, struct fl_builder *builder, uint32_t *last)
{
	const uint8_t *p = d->p;
	struct value v;

	for (;;) {
		uint32_t m = d->next[*last];
		const struct name *name = &d->names[m];

		if (name->usual == USUAL_NONE || d->states[m] != S_ABSENT ||
		    (p = take_usual_name(d, p, name)) == NULL ||
		    (p = take_usual(d, builder, m, p, &v)) == NULL)
			return false;
		*last = m;
		d->p = p;
		if (p == d->end || *p != ',')
			return true;
		p++;
		p += p != d->end && *p == ' ';
		d->p = p;
	}
}
#else
static inline bool
read_usual(struct json_decoder *d, struct fl_builder *builder, uint32_t *last)
{
	(void)d;
	(void)builder;
	(void)last;
	return false;
}
#endif

/* The object at p, the record's own or that of a ROW, by its number. */
static enum fl_code
read_object(struct json_decoder *d, struct fl_builder *builder, uint32_t object)
{
	uint32_t last = object;

	skip_blanks(d);
	if (d->p == d->end || *d->p != '{')
		return fail_token(d, "expected an object");
	d->p++;
	skip_blanks(d);
	if (d->p != d->end && *d->p == '}') {
		d->p++;
		return FL_OK;
	}
	for (;;) {
		const uint8_t *at;
		int32_t m;

		if (read_usual(d, builder, &last))
			goto behind;
		skip_blanks(d);
		at = d->p;
		if (d->p == d->end || *d->p != '"')
			return fail_token(d, "expected a name in quotes");
		d->p++;
		FL_TRY(read_name(d, object, &last, &m));
		skip_blanks(d);
		if (d->p == d->end || *d->p != ':')
			return fail_token(d, "expected ':'");
		d->p++;
		skip_blanks(d);
		if (m >= 0) {
			if (fl_unlikely(d->states[m] != S_ABSENT))
				FL_TRY(forget_member(d, builder, (uint32_t)m, at));
			FL_TRY(read_member(d, builder, (uint32_t)m));
		} else if (d->p == d->end) {
			return fail_token(d, "");
		} else if (*d->p == '{' || *d->p == '[') {
			FL_TRY(walk_nested(d, NULL));
		} else {
			FL_TRY(walk_scalar(d, NULL));
		}
behind:
		skip_blanks(d);
		if (d->p != d->end && *d->p == ',') {
			d->p++;
			continue;
		}
		if (d->p == d->end || *d->p != '}')
			return fail_token(d, "expected ',' or '}'");
		d->p++;
		return FL_OK;
	}
}

static enum fl_code
check_tail(struct json_decoder *d)
{
	skip_blanks(d);
	if (fl_likely(d->p == d->end))
		return FL_OK;
	if (d->strict)
		return fail_at(d, FL_E_TRAILING_BYTES, d->p, "text after the object");
	d->odd_count++;
	return FL_OK;
}

/* Does member m, which has no value, spoil the row? */
static enum fl_code
judge_member(struct json_decoder *d, uint32_t m, struct fl_err *err)
{
	const struct fl_schema *schema = d->head.schema;
	bool is_row = m >= schema->count;
	const struct fl_row_type *row = is_row ? d->rows[m - schema->count] : NULL;
	const char *name = is_row ? row->name : schema->fields[m].name;
	bool nullable = is_row ? row->nullable : schema->fields[m].type.nullable;
	const struct bad *bad = &d->bads[m];
	char clip[80], type[64];

	if (d->states[m] == S_BAD)
		return FL_FAIL(err, FL_E_BAD_TYPE, "field \"%s\" at byte %u: %s %s cannot be converted to %s",
		    name, bad->at, token_names[bad->token],
		    fl_codec_clip(clip, d->start + bad->at, bad->size),
		    is_row ? nullable ? "ROW" : "ROW NOT NULL" :
			     fl_type_print(&schema->fields[m].type, type, sizeof(type)));
	if (d->states[m] == S_ABSENT && (d->fail_on_missing || !nullable))
		return FL_FAIL(err, FL_E_MISSING_FIELD, "field \"%s\" is missing%s", name,
		    nullable ? "" : ", but its column is NOT NULL");
	if (!nullable)
		return FL_FAIL(err, FL_E_BAD_NULL,
		    "field \"%s\": the column is NOT NULL and its value null", name);
	return FL_OK;
}

/* Are the ROWs around member m there?  If one is not, it is judged instead. */
static bool
has_object(const struct json_decoder *d, uint32_t m, uint32_t *outer)
{
	uint32_t object = d->names[m].object, row;

	if (object == d->member_count)
		return true;
	row = d->head.schema->count + (object - d->member_count - 1);
	if (!has_object(d, row, outer))
		return false;
	*outer = row;
	return d->states[row] == S_SET;
}

/* The first column that spoils the row, in column order. */
static enum fl_code
judge_columns(struct json_decoder *d, struct fl_err *err)
{
	for (uint32_t c = 0; c < d->head.schema->count; c++) {
		uint32_t outer;

		if (d->states[c] != S_SET)
			FL_TRY(judge_member(d, has_object(d, c, &outer) ? c : outer, err));
	}
	return FL_OK;
}

/* ---- an object that has to obey a JSON Schema ---- */

/* read_usual() of an object that is checked.  INVALID: perhaps a rule is broken. */
static inline enum fl_code
read_usual_checked(struct json_decoder *d, struct fl_builder *builder, uint32_t *last,
    uint64_t *known, bool *is_behind)
{
	*is_behind = false;
#ifdef __SSE2__
	struct object_rules *o = &d->check->root->object;
	const uint8_t *p = d->p;
	struct value v;

	for (;;) {
		uint32_t i = o->names.next[*last];
		const struct name *name = &o->names.names[i];
		uint32_t m = (uint32_t)o->members[i];

		if (name->usual == USUAL_NONE || d->states[m] != S_ABSENT ||
		    (p = take_usual_name(d, p, name)) == NULL ||
		    (p = take_usual(d, builder, m, p, &v)) == NULL)
			return FL_OK;
		if (o->parts[i] != NULL && !json_value_holds(d->check, o->parts[i], &v))
			return FL_E_INVALID;
		*known += !json_see_name(o, (int32_t)i);
		*last = i;
		d->p = p;
		*is_behind = p == d->end || *p != ',';
		if (*is_behind)
			return FL_OK;
		p++;
		p += p != d->end && *p == ' ';
		d->p = p;
	}
#else
	(void)d;
	(void)builder;
	(void)last;
	(void)known;
	return FL_OK;
#endif
}

/* The value at p, that has to obey part (NULL: no rules), for member m (-1: none). */
static inline enum fl_code
read_checked_value(
    struct json_decoder *d, struct fl_builder *builder, struct rules *part, int32_t m)
{
	const uint8_t *at = d->p;
	uint32_t count = d->head.schema->count;
	struct value v;

	if (d->p == d->end || (*d->p != '{' && *d->p != '[' && m < (int32_t)count)) {
		FL_TRY(read_scalar(d, &v));
		if (part != NULL && !json_value_holds(d->check, part, &v))
			return FL_E_INVALID;
		if (m >= 0)
			take_scalar(d, builder, (uint32_t)m, &v, at);
		return FL_OK;
	}
	if (m < 0)
		return json_quick_value(d->check, d, part, 1, &v);
	if (part != NULL && *at == '[' && m < (int32_t)count && part->choice_word == NULL &&
	    d->head.schema->fields[m].type.id == FL_TYPE_ARRAY) {
		v = (struct value){ .token = T_ARRAY };
		if (!json_value_holds(d->check, part, &v))
			return FL_E_INVALID;
		return read_array(d, builder, (uint32_t)m, &part->array);
	}
	if (part != NULL && !part->is_any)
		FL_TRY(check_nested(d, part, 1));
	return read_member_again(d, builder, (uint32_t)m);
}

/* read_object(), checking on the way.  INVALID: perhaps a rule is broken. */
static enum fl_code
read_checked_object(struct json_decoder *d, struct fl_builder *builder)
{
	struct object_rules *o = &d->check->root->object;
	uint32_t last = o->names.count;
	uint64_t known = 0, others = 0;
	bool is_end;

	for (uint32_t w = 0; w < o->word_count; w++)
		o->seen[w] = 0;
	FL_TRY(enter(d, 0, '}', &is_end));
	while (!is_end) {
		struct rules *part = o->additional;
		const uint8_t *at;
		int32_t i, m = -1;
		bool is_behind;

		FL_TRY(read_usual_checked(d, builder, &last, &known, &is_behind));
		if (is_behind) {
			FL_TRY(after_part(d, '}', &is_end));
			continue;
		}
		FL_TRY(before_name(d));
		at = d->p - 1;
		FL_TRY(json_read_name(d, &o->names, &last, &i));
		FL_TRY(after_name(d));
		if (fl_likely(i >= 0)) {
			bool is_again = json_see_name(o, i);

			known += !is_again;
			part = o->parts[i];
			m = o->members[i];
			if (fl_unlikely(is_again && m >= 0))
				FL_TRY(forget_member(d, builder, (uint32_t)m, at));
		} else {
			others++;
		}
		FL_TRY(read_checked_value(d, builder, part, m));
		FL_TRY(after_part(d, '}', &is_end));
	}
	return json_quick_end(o, known, others);
}

/* An exact check, and if it finds nothing broken, the columns once more. */
static enum fl_code
read_exactly(struct json_decoder *d, struct fl_builder *builder, struct fl_err *err)
{
	const uint8_t *start = d->p;
	enum fl_code code = json_exact_check(d->check, d, err);

	if (code != FL_OK && code != FL_E_INVALID)
		return code;
	FL_TRY(check_tail(d));
	if (code == FL_E_INVALID)
		return code;
	for (uint32_t m = 0; m < d->member_count; m++)
		clear_member(d, builder, m);
	d->p = start;
	d->odd_count = 0;
	FL_TRY(read_object(d, builder, d->member_count));
	return check_tail(d);
}

/* Text that is no JSON beats a broken rule, and that a value which does not convert. */
static enum fl_code
read_checked(struct json_decoder *d, struct fl_builder *builder, struct fl_err *err)
{
	const struct rules *root = d->check->root;
	enum fl_code code = FL_E_INVALID;
	const uint8_t *start;

	skip_blanks(d);
	start = d->p;
	if (d->p != d->end && *d->p == '{' && root->is_plain && (root->types & IS_OBJECT) != 0)
		code = read_checked_object(d, builder);
	if (fl_likely(code == FL_OK))
		return check_tail(d);
	if (code != FL_E_INVALID)
		return code;
	d->p = start;
	d->odd_count = 0;
	return read_exactly(d, builder, err);
}

static enum fl_verdict
decode_json(struct fl_decoder *decoder, const uint8_t *value, size_t size,
    struct fl_builder *builder, struct fl_err *err)
{
	struct json_decoder *d = (struct json_decoder *)decoder;
	enum fl_code code;

	if (fl_unlikely(size == 0)) {
		if (d->check == NULL)
			return FL_VERDICT_SKIPPED;
		(void)FL_FAIL(err, FL_E_EMPTY_VALUE, "the value is empty, which no JSON Schema allows");
		return FL_VERDICT_DEAD;
	}
	d->start = d->p = value;
	d->end = value + size;
	d->code = FL_OK;
	d->odd_count = 0;
	memset(d->states, S_ABSENT, d->member_count);
	if (size >= 3 && memcmp(value, "\xef\xbb\xbf", 3) == 0)
		d->p += 3;
	if (d->check != NULL) {
		code = read_checked(d, builder, err);
		if (fl_unlikely(code == FL_E_INVALID))
			return FL_VERDICT_DEAD;
	} else if ((code = read_object(d, builder, d->member_count)) == FL_OK) {
		code = check_tail(d);
	}
	if (fl_unlikely(code != FL_OK)) {
		if (d->ignore_parse_errors)
			return FL_VERDICT_SKIPPED;
		(void)FL_FAIL(err, d->code, "byte %zu: %s", (size_t)(d->why_at - value), d->why);
		return FL_VERDICT_DEAD;
	}
	if (judge_columns(d, err) != FL_OK)
		return FL_VERDICT_DEAD;
	decoder->oddity_count += d->odd_count;
	return FL_VERDICT_ROW;
}

/* ---- making one ---- */

static void
free_json(struct fl_decoder *decoder)
{
	struct json_decoder *d = (struct json_decoder *)decoder;

	json_schema_free(&d->check);
	free(d->rows);
	free(d->slots);
	free(d->names);
	free(d->next);
	free(d->states);
	free(d->bads);
	fl_buf_fini(&d->ends);
	fl_buf_fini(&d->nulls);
	fl_buf_fini(&d->scratch);
	fl_buf_fini(&d->text);
	free(d);
}

/* The number of row among the ROWs; those not seen before are added, outer ones first. */
static uint32_t
add_row(struct json_decoder *d, const struct fl_row_type *row)
{
	uint32_t i;

	if (row->in != NULL)
		(void)add_row(d, row->in);
	for (i = 0; i < d->row_count && d->rows[i] != row; i++)
		;
	if (i == d->row_count) {
		d->rows = fl_realloc(d->rows, (i + 1) * sizeof(const struct fl_row_type *));
		d->rows[d->row_count++] = row;
	}
	return i;
}

static uint8_t
find_usual(uint8_t type)
{
	switch (type) {
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
		return USUAL_TEXT;
	case FL_TYPE_INT:
		return USUAL_INT;
	case FL_TYPE_BIGINT:
		return USUAL_BIGINT;
	default:
		return USUAL_NONE;
	}
}

static void
add_member(struct json_decoder *d, uint32_t m, const char *path, const struct fl_row_type *in)
{
	struct name *n = &d->names[m];
	const char *text = fl_row_field(path, in);
	uint32_t i;

	fill_name(n, d->member_count + (in != NULL ? 1 + add_row(d, in) : 0), text, strlen(text));
	n->usual = m < d->head.schema->count ? find_usual(d->head.schema->fields[m].type.id) : USUAL_NONE;
	i = hash_name(n->object, (const uint8_t *)n->text, n->size) & d->slot_mask;
	while (d->slots[i] != 0)
		i = (i + 1) & d->slot_mask;
	d->slots[i] = (uint16_t)(m + 1);
}

static void
make_members(struct json_decoder *d)
{
	const struct fl_schema *schema = d->head.schema;
	uint32_t size = 8, m;

	while (size < d->member_count * 4)
		size *= 2;
	d->slots = fl_calloc(size, sizeof(*d->slots));
	d->slot_mask = size - 1;
	d->names = fl_calloc(d->member_count + 1, sizeof(*d->names));
	d->next = fl_calloc(d->member_count + d->row_count + 1, sizeof(*d->next));
	d->states = fl_calloc(d->member_count + 1, sizeof(*d->states));
	d->bads = fl_calloc(d->member_count + 1, sizeof(*d->bads));
	for (m = 0; m < d->member_count; m++) {
		if (m < schema->count)
			add_member(d, m, schema->fields[m].name, schema->fields[m].in);
		else
			add_member(d, m, d->rows[m - schema->count]->name, d->rows[m - schema->count]->in);
	}
	/* What is expected next must be of the same object, here too: its last member. */
	for (m = 0; m < d->member_count; m++)
		d->next[d->names[m].object] = (uint16_t)m;
	for (m = 0; m < d->member_count; m++)
		d->next[m] = d->next[d->names[m].object];
}

enum fl_code
fl_json_decoder_new(
    const struct fl_codec_options *options, struct fl_decoder **decoder, struct fl_err *err)
{
	struct json_decoder *d;
	uint32_t count = options->schema->count;

	if (options->json_fail_on_missing && options->json_ignore_parse_errors)
		return FL_FAIL(err, FL_E_BAD_OPTION,
		    "fail-on-missing-field and ignore-parse-errors shouldn't both be true.");
	if (options->json_schema != NULL && options->json_ignore_parse_errors)
		return FL_FAIL(err, FL_E_BAD_OPTION, "a JSON Schema and ignore-parse-errors contradict each other: "
		    "the one keeps what is not as it should be, the other drops it");
	d = fl_calloc(1, sizeof(*d));
	d->head = (struct fl_decoder){
		.decode = decode_json, .free = free_json, .schema = options->schema };
	d->ignore_parse_errors = options->json_ignore_parse_errors;
	d->fail_on_missing = options->json_fail_on_missing;
	d->strict = options->json_strict;
	d->is_typed = options->json_typed;
	d->separator = options->json_iso8601 ? 'T' : ' ';
	fl_buf_init(&d->ends);
	fl_buf_init(&d->nulls);
	fl_buf_init(&d->scratch);
	fl_buf_init(&d->text);
	for (uint32_t i = 0; i < count; i++)
		if (options->schema->fields[i].in != NULL)
			(void)add_row(d, options->schema->fields[i].in);
	d->member_count = count + d->row_count;
	if (d->member_count + d->row_count >= UINT16_MAX) {
		free_json(&d->head);
		return FL_FAIL(err, FL_E_BAD_SCHEMA, "%u columns are too many", count);
	}
	make_members(d);
	if (options->json_schema != NULL && json_schema_new(options->json_schema, strlen(options->json_schema),
	    options->json_schema_strict, d, &d->check, err) != FL_OK) {
		free_json(&d->head);
		return err->code;
	}
	d->head.refuses_null = d->check != NULL;
	*decoder = &d->head;
	return FL_OK;
}
