/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_schema.c - reads the text of a JSON Schema and makes its rules.
 *
 * The text is read by the records' own scanner into a tree that keeps numbers as they are
 * written: limits and constants are compared as decimal texts, not as doubles.  A keyword
 * that would change a verdict and is not checked here is refused; so is one that nobody
 * knows, because it is a misspelling more often than an annotation.
 */
#include "json_schema.h"

#include <stdio.h>

#define EXPONENT_MAX 100000 /* of a number in a schema */

struct place { /* where in the schema */
	const struct place *up;
	const char *name;
	uint32_t index; /* name NULL: the element */
};

struct reader {
	struct json_decoder d; /* a scanner over the text */
	struct json_schema *schema;
	struct fl_err *err;
};

static const struct { const char *name; uint8_t bits; } types[] = { { "null", IS_NULL },
	{ "boolean", IS_BOOLEAN }, { "object", IS_OBJECT }, { "array", IS_ARRAY },
	{ "number", IS_NUMBER }, { "integer", IS_INTEGER }, { "string", IS_STRING } };

/* ---- the text ---- */

static enum fl_code read_literal_value(struct reader *r, uint32_t depth, struct literal **out);

static enum fl_code
skip_to(struct reader *r, char c, const char *expected)
{
	skip_blanks(&r->d);
	if (r->d.p == r->d.end || *r->d.p != (uint8_t)c)
		return fail_token(&r->d, expected);
	r->d.p++;
	return FL_OK;
}

static enum fl_code
keep_string(struct reader *r, const char **out, size_t *size)
{
	const uint8_t *p;

	FL_TRY(read_string(&r->d, &p, size));
	*out = fl_arena_strndup(&r->schema->arena, (const char *)p, *size);
	return FL_OK;
}

static enum fl_code
read_member_name(struct reader *r, const struct literal *object, const char **name, size_t *size)
{
	const uint8_t *at;

	FL_TRY(skip_to(r, '"', "expected a name in quotes"));
	at = r->d.p;
	FL_TRY(keep_string(r, name, size));
	for (const struct literal *l = object->first; l != NULL; l = l->next)
		if (l->name_size == *size && memcmp(l->name, *name, *size) == 0)
			return fail_at(&r->d, FL_E_BAD_JSON, at, "a name stands twice");
	return skip_to(r, ':', "expected ':'");
}

static enum fl_code
read_parts(struct reader *r, uint32_t depth, struct literal *of)
{
	bool is_object = of->token == T_OBJECT;
	struct literal **last = &of->first;

	if (depth >= FL_CODEC_DEPTH_MAX)
		return fail_at(&r->d, FL_E_TOO_DEEP, r->d.p, "nested deeper than 64 levels");
	r->d.p++;
	skip_blanks(&r->d);
	if (r->d.p != r->d.end && *r->d.p == (is_object ? '}' : ']')) {
		r->d.p++;
		return FL_OK;
	}
	for (;;) {
		const char *name = NULL;
		size_t size = 0;

		if (is_object)
			FL_TRY(read_member_name(r, of, &name, &size));
		FL_TRY(read_literal_value(r, depth + 1, last));
		(*last)->name = name;
		(*last)->name_size = size;
		last = &(*last)->next;
		of->count++;
		skip_blanks(&r->d);
		if (r->d.p == r->d.end)
			return fail_token(&r->d, "");
		if (*r->d.p == ',') {
			r->d.p++;
			continue;
		}
		return skip_to(r, is_object ? '}' : ']', is_object ? "expected ',' or '}'" : "expected ',' or ']'");
	}
}

static enum fl_code
read_literal_value(struct reader *r, uint32_t depth, struct literal **out)
{
	struct json_decoder *d = &r->d;
	struct literal *l = FL_ARENA_NEW(&r->schema->arena, struct literal);
	struct value value = { .size = 0 };
	const uint8_t *start;

	skip_blanks(d);
	start = d->p;
	if (d->p == d->end)
		return fail_token(d, "");
	if (*d->p == '"') {
		d->p++;
		l->token = T_STRING;
		FL_TRY(keep_string(r, &l->p, &l->size));
	} else if (*d->p == '{' || *d->p == '[') {
		l->token = *d->p == '{' ? T_OBJECT : T_ARRAY;
		FL_TRY(read_parts(r, depth, l));
	} else if (*d->p == '-' || is_digit(d->p, d->end)) {
		FL_TRY(read_number(d, &value));
		if (value.number.exponent > EXPONENT_MAX || value.number.exponent < -EXPONENT_MAX)
			return fail_at(d, FL_E_BAD_JSON, start, "an exponent is beyond 100000");
		l->token = T_NUMBER;
		l->number = value.number;
	} else {
		FL_TRY(read_literal(d, &value));
		l->token = value.token;
	}
	l->raw_size = (size_t)(d->p - start);
	l->raw = fl_arena_strndup(&r->schema->arena, (const char *)start, l->raw_size);
	*out = l;
	return FL_OK;
}

/* ---- errors ---- */

static void
add_place(const struct place *place, struct fl_buf *out)
{
	if (place == NULL)
		return;
	add_place(place->up, out);
	fl_buf_byte(out, '/');
	if (place->name == NULL) {
		fl_buf_printf(out, "%u", place->index);
		return;
	}
	for (const char *p = place->name; *p != '\0'; p++)
		json_add_pointer(out, *p);
}

/* "/properties/a/minimum: expected a number, got "x"" */
static enum fl_code
fail_schema(struct reader *r, const struct place *place, const struct literal *got, const char *what)
{
	char path[80], clip[80];
	struct fl_buf buf;
	enum fl_code code;

	fl_buf_init(&buf);
	fl_buf_str(&buf, "");
	add_place(place, &buf);
	code = FL_FAIL(r->err, FL_E_BAD_SCHEMA, "%s: %s%s%s", place != NULL ? json_clip_path(path, &buf) :
	    "the schema", what,
	    got != NULL ? ", got " : "", got != NULL ? fl_codec_clip(clip, got->raw, got->raw_size) : "");
	fl_buf_fini(&buf);
	return code;
}

/* ---- rules ---- */

static enum fl_code make_rules(struct reader *r, const struct place *place, const struct literal *from,
    const char *no, struct rules **out);

static struct rules *
new_rules(struct reader *r)
{
	struct rules *rules = FL_ARENA_NEW(&r->schema->arena, struct rules);

	rules->types = IS_ANY;
	rules->max_length = rules->object.max = rules->array.max = UINT64_MAX;
	rules->next_made = r->schema->made;
	r->schema->made = rules;
	return rules;
}

static enum fl_code
take_type(struct reader *r, const struct place *place, const struct literal *l, struct rules *rules)
{
	const struct literal *one = l->token == T_ARRAY ? l->first : l;
	struct fl_buf buf;

	if (l->token != T_STRING && (l->token != T_ARRAY || l->count == 0))
		return fail_schema(r, place, l, "expected the name of a type or a list of some");
	rules->types = 0;
	fl_buf_init(&buf);
	for (; one != NULL; one = l->token == T_ARRAY ? one->next : NULL) {
		size_t i;

		for (i = 0; i < FL_ARRAY_COUNT(types); i++)
			if (one->token == T_STRING && strcmp(one->p, types[i].name) == 0)
				break;
		if (i == FL_ARRAY_COUNT(types)) {
			fl_buf_fini(&buf);
			return fail_schema(r, place, one,
			    "expected null, boolean, object, array, number, integer or string");
		}
		rules->types |= types[i].bits;
		fl_buf_printf(&buf, "%s%s", buf.size > 0 ? " or " : "", types[i].name);
	}
	rules->type_text = fl_arena_strndup(&r->schema->arena, buf.data, buf.size);
	fl_buf_fini(&buf);
	return FL_OK;
}

/* 2 and 2.0 and 2e0, 0 or more; what does not fit is as good as the largest. */
static enum fl_code
take_count(struct reader *r, const struct place *place, const struct literal *l, uint64_t *out)
{
	uint64_t v;

	if (l->token != T_NUMBER || (l->number.is_negative && l->number.mantissa != 0) ||
	    !json_is_integer(&l->number, l->raw, l->raw_size))
		return fail_schema(r, place, l, "expected a whole number of 0 or more");
	v = l->number.mantissa;
	for (int32_t e = l->number.exponent; e < 0 && v != 0; e++)
		v /= 10;
	for (int32_t e = 0; e < l->number.exponent && v != 0; e++)
		v = v > UINT64_MAX / 10 ? UINT64_MAX : v * 10;
	*out = v;
	return FL_OK;
}

/* minimum and exclusiveMinimum may stand together: the stricter one is kept. */
/* Limits that whole numbers of 64 bits can be compared with, an absent one too. */
static bool
find_small_limits(struct rules *rules)
{
	rules->small_low = INT64_MIN;
	rules->small_high = INT64_MAX;
	if (rules->low.value != NULL && !json_is_small(&rules->low.value->number, &rules->small_low))
		return false;
	if (rules->high.value != NULL && !json_is_small(&rules->high.value->number, &rules->small_high))
		return false;
	if ((rules->low.is_exclusive && rules->small_low == INT64_MAX) ||
	    (rules->high.is_exclusive && rules->small_high == INT64_MIN))
		return false;
	rules->small_low += rules->low.is_exclusive;
	rules->small_high -= rules->high.is_exclusive;
	return true;
}

static enum fl_code
take_limit(struct reader *r, const struct place *place, const struct literal *l, bool is_high,
    bool is_exclusive, struct rules *rules)
{
	struct limit *limit = is_high ? &rules->high : &rules->low;
	int order = 1;

	if (l->token != T_NUMBER)
		return fail_schema(r, place, l, "expected a number");
	if (limit->value != NULL)
		order = json_compare_numbers(&l->number, l->raw, l->raw_size, &limit->value->number,
		    limit->value->raw, limit->value->raw_size) * (is_high ? -1 : 1);
	if (order > 0 || (order == 0 && is_exclusive))
		*limit = (struct limit){ l, is_exclusive };
	rules->has_number_rules = true;
	return FL_OK;
}

static enum fl_code
take_pattern(struct reader *r, const struct place *place, const struct literal *l, struct rules *rules)
{
	char why[120];

	if (l->token != T_STRING)
		return fail_schema(r, place, l, "expected a regular expression");
	rules->pattern = fl_pattern_new(l->p, l->size, why);
	if (rules->pattern == NULL)
		return fail_schema(r, place, l, why);
	rules->pattern_text = l->raw;
	rules->has_string_rules = true;
	return FL_OK;
}

static enum fl_code
take_format(struct reader *r, const struct place *place, const struct literal *l, struct rules *rules)
{
	static const char *const names[] = { "", "date-time", "uuid", "ipv4" };

	for (uint32_t i = 1; i < FL_ARRAY_COUNT(names); i++)
		if (l->token == T_STRING && strcmp(l->p, names[i]) == 0) {
			rules->format = (enum format)i;
			rules->has_string_rules = true;
			return FL_OK;
		}
	return fail_schema(r, place, l, "of the formats only date-time, uuid and ipv4 are checked");
}

static enum fl_code
take_choices(struct reader *r, const struct place *place, struct literal *l, struct rules *rules)
{
	bool is_const = strcmp(place->name, "const") == 0;

	if (rules->choice_word != NULL)
		return fail_schema(r, place->up, NULL, "enum and const stand together: write the const alone");
	if (!is_const && l->token != T_ARRAY)
		return fail_schema(r, place, l, "expected a list of values");
	rules->choice_word = place->name;
	rules->choice_text = l->raw;
	rules->choices = is_const ? l : l->first;
	return FL_OK;
}

static enum fl_code
take_prefix(struct reader *r, const struct place *place, const struct literal *l, struct rules *rules)
{
	struct array_rules *a = &rules->array;
	struct place at = { .up = place };

	if (l->token != T_ARRAY || l->count == 0)
		return fail_schema(r, place, l, "expected a list of schemas");
	a->prefix = FL_ARENA_ARRAY(&r->schema->arena, struct rules *, l->count);
	a->prefix_count = l->count;
	for (const struct literal *part = l->first; part != NULL; part = part->next, at.index++)
		FL_TRY(make_rules(r, &at, part, "prefixItems", &a->prefix[at.index]));
	return FL_OK;
}

static enum fl_code
take_items(struct reader *r, const struct place *place, const struct literal *l, struct rules *rules)
{
	if (l->token == T_ARRAY)
		return fail_schema(r, place, NULL, "a list of schemas is prefixItems since draft 2020-12");
	return make_rules(r, place, l, "items", &rules->array.items);
}

static const struct literal *
find_keyword(const struct literal *schema, const char *name)
{
	for (const struct literal *l = schema->first; l != NULL; l = l->next)
		if (strcmp(l->name, name) == 0)
			return l;
	return NULL;
}

/* The number of a name among those known so far; a new one is added. */
static uint32_t
add_name(struct object_rules *o, const char *name, size_t size, struct rules *part)
{
	int32_t i = json_names_find(&o->names, (const uint8_t *)name, size);

	if (i >= 0)
		return (uint32_t)i;
	json_names_set(&o->names, o->names.count, name, size);
	o->parts[o->names.count] = part;
	return o->names.count++;
}

/* additionalProperties, properties, required and, at the root, what the decoder reads. */
static enum fl_code
take_object(struct reader *r, const struct place *place, const struct literal *from,
    const struct json_decoder *decoder, struct rules *rules)
{
	struct object_rules *o = &rules->object;
	const struct literal *properties = find_keyword(from, "properties");
	const struct literal *required = find_keyword(from, "required");
	const struct literal *additional = find_keyword(from, "additionalProperties");
	uint32_t count = (properties != NULL ? properties->count : 0) +
	    (required != NULL ? required->count : 0) + (decoder != NULL ? decoder->member_count : 0);
	struct place in = { place, "properties", 0 }, of = { place, "required", 0 };

	if (properties != NULL && properties->token != T_OBJECT)
		return fail_schema(r, &in, properties, "expected an object of schemas");
	if (required != NULL && required->token != T_ARRAY)
		return fail_schema(r, &of, required, "expected a list of names");
	if (count >= UINT16_MAX)
		return fail_schema(r, place, NULL, "more than 65534 names");
	if (additional != NULL)
		FL_TRY(make_rules(r, &(struct place){ place, "additionalProperties", 0 }, additional,
		    "additionalProperties", &o->additional));
	json_names_init(&o->names, count);
	o->names.count = 0;
	o->parts = FL_ARENA_ARRAY(&r->schema->arena, struct rules *, count + 1);
	o->word_count = count / 64 + 1;
	o->required = FL_ARENA_ARRAY(&r->schema->arena, uint64_t, o->word_count);
	o->seen = FL_ARENA_ARRAY(&r->schema->arena, uint64_t, o->word_count);
	for (const struct literal *p = properties != NULL ? properties->first : NULL; p != NULL; p = p->next) {
		struct rules *part;

		FL_TRY(make_rules(r, &(struct place){ &in, p->name, 0 }, p, "properties", &part));
		(void)add_name(o, p->name, p->name_size, part);
	}
	for (const struct literal *p = required != NULL ? required->first : NULL; p != NULL; p = p->next) {
		uint32_t i;

		if (p->token != T_STRING)
			return fail_schema(r, &of, p, "expected a name");
		i = add_name(o, p->p, p->size, o->additional);
		o->required[i / 64] |= UINT64_C(1) << i % 64;
	}
	o->is_counted = o->min > 0 || o->max != UINT64_MAX;
	if (decoder == NULL)
		return FL_OK;
	o->members = FL_ARENA_ARRAY(&r->schema->arena, int32_t, count + 1);
	for (uint32_t i = 0; i <= count; i++)
		o->members[i] = -1;
	for (uint32_t m = 0; m < decoder->member_count; m++) {
		const struct name *name = &decoder->names[m];

		uint32_t i;

		/* Of the record's own object; the fields of a ROW are below it. */
		if (name->object != decoder->member_count)
			continue;
		i = add_name(o, name->text, name->size, o->additional);
		o->members[i] = (int32_t)m;
		o->names.names[i].usual = name->usual;
	}
	return FL_OK;
}

/* Drafts whose meaning of these keywords is the same. */
static enum fl_code
take_draft(struct reader *r, const struct place *place, const struct literal *l)
{
	static const char *const known[] = { "https://json-schema.org/draft/2020-12/schema",
		"https://json-schema.org/draft/2019-09/schema", "http://json-schema.org/draft-07/schema",
		"http://json-schema.org/draft-06/schema" };

	for (size_t i = 0; i < FL_ARRAY_COUNT(known); i++) {
		size_t size = strlen(known[i]);

		if (l->token == T_STRING && strncmp(l->p, known[i], size) == 0 &&
		    (l->p[size] == '\0' || strcmp(l->p + size, "#") == 0))
			return FL_OK;
	}
	return fail_schema(r, place, l,
	    "expected the address of draft 2020-12 (2019-09, 07 and 06 mean the same here)");
}

static bool
is_word_of(const char *const *words, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(words[i], name) == 0)
			return true;
	return false;
}

static enum fl_code
refuse_keyword(struct reader *r, const struct place *place)
{
	static const char *const later[] = { "$ref", "$dynamicRef", "$recursiveRef", "allOf", "anyOf", "oneOf",
		"not", "if", "then", "else", "dependentSchemas", "dependentRequired", "dependencies",
		"contains", "minContains", "maxContains", "uniqueItems", "additionalItems",
		"patternProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties",
		"multipleOf", "$vocabulary" };
	char clip[80], what[160];

	(void)snprintf(what, sizeof(what), "the keyword \"%s\" is %s",
	    fl_codec_clip(clip, place->name, strlen(place->name)),
	    is_word_of(later, FL_ARRAY_COUNT(later), place->name) ?
		"not supported" : "unknown; one of your own begins with \"x-\"");
	return fail_schema(r, place, NULL, what);
}

/* One keyword; those of objects are taken together. */
static enum fl_code
take_keyword(struct reader *r, const struct place *place, struct literal *l, struct rules *rules)
{
	static const char *const notes[] = { "$id", "$anchor", "$comment", "$defs", "definitions", "title",
		"description", "default", "examples", "deprecated", "readOnly", "writeOnly",
		"contentEncoding", "contentMediaType", "properties", "required", "additionalProperties" };
	const char *name = l->name;

	if (strlen(name) != l->name_size)
		return refuse_keyword(r, place);
	if (is_word_of(notes, FL_ARRAY_COUNT(notes), name) || strncmp(name, "x-", 2) == 0)
		return FL_OK;
	if (strcmp(name, "$schema") == 0)
		return take_draft(r, place, l);
	if (strcmp(name, "type") == 0)
		return take_type(r, place, l, rules);
	if (strcmp(name, "enum") == 0 || strcmp(name, "const") == 0)
		return take_choices(r, place, l, rules);
	if (strcmp(name, "minimum") == 0 || strcmp(name, "exclusiveMinimum") == 0)
		return take_limit(r, place, l, false, name[0] == 'e', rules);
	if (strcmp(name, "maximum") == 0 || strcmp(name, "exclusiveMaximum") == 0)
		return take_limit(r, place, l, true, name[0] == 'e', rules);
	if (strcmp(name, "minLength") == 0 || strcmp(name, "maxLength") == 0) {
		rules->has_string_rules = true;
		return take_count(r, place, l, name[1] == 'i' ? &rules->min_length : &rules->max_length);
	}
	if (strcmp(name, "pattern") == 0)
		return take_pattern(r, place, l, rules);
	if (strcmp(name, "format") == 0)
		return take_format(r, place, l, rules);
	if (strcmp(name, "items") == 0)
		return take_items(r, place, l, rules);
	if (strcmp(name, "prefixItems") == 0)
		return take_prefix(r, place, l, rules);
	if (strcmp(name, "minItems") == 0 || strcmp(name, "maxItems") == 0)
		return take_count(r, place, l, name[1] == 'i' ? &rules->array.min : &rules->array.max);
	if (strcmp(name, "minProperties") == 0 || strcmp(name, "maxProperties") == 0)
		return take_count(r, place, l, name[1] == 'i' ? &rules->object.min : &rules->object.max);
	return refuse_keyword(r, place);
}

static bool
has_any_rule(const struct rules *rules)
{
	const struct object_rules *o = &rules->object;
	const struct array_rules *a = &rules->array;

	return rules->types != IS_ANY || rules->choice_word != NULL || rules->has_number_rules ||
	    rules->has_string_rules || o->names.count > 0 || o->is_counted ||
	    (o->additional != NULL && !o->additional->is_any) || a->prefix_count > 0 ||
	    (a->items != NULL && !a->items->is_any) || a->min > 0 || a->max != UINT64_MAX;
}

static enum fl_code
fill_rules(struct reader *r, const struct place *place, const struct literal *from, const char *no,
    const struct json_decoder *decoder, struct rules *rules)
{
	if (from->token == T_FALSE)
		rules->no = no;
	if (from->token != T_OBJECT && from->token != T_TRUE && from->token != T_FALSE)
		return fail_schema(r, place, from, "expected a schema: an object, true or false");
	for (struct literal *l = from->first; l != NULL; l = l->next)
		FL_TRY(take_keyword(r, &(struct place){ place, l->name, 0 }, l, rules));
	FL_TRY(take_object(r, place, from, decoder, rules));
	rules->has_small_limits = find_small_limits(rules);
	rules->is_any = rules->no == NULL && !has_any_rule(rules);
	rules->is_plain = rules->no == NULL && rules->choice_word == NULL && !rules->has_number_rules &&
	    !rules->has_string_rules;
	return FL_OK;
}

static enum fl_code
make_rules(struct reader *r, const struct place *place, const struct literal *from, const char *no,
    struct rules **out)
{
	*out = new_rules(r);
	return fill_rules(r, place, from, no, NULL, *out);
}

/* ---- the whole ---- */

static enum fl_code
read_schema(struct reader *r, const char *text, size_t size, const struct json_decoder *decoder)
{
	struct json_decoder *d = &r->d;
	struct literal *root = NULL;
	uint32_t line = 1;

	d->start = d->p = (const uint8_t *)text;
	d->end = d->start + size;
	d->strict = true;
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		d->p += 3;
	if (read_literal_value(r, 0, &root) == FL_OK) {
		skip_blanks(d);
		if (d->p == d->end) {
			r->schema->root = new_rules(r);
			return fill_rules(r, NULL, root, "schema", decoder, r->schema->root);
		}
		(void)fail_at(d, FL_E_BAD_JSON, d->p, "text after the schema");
	}
	for (const uint8_t *p = d->start; p < d->why_at; p++)
		line += *p == '\n';
	return FL_FAIL(r->err, FL_E_BAD_SCHEMA, "line %u is no JSON: %s", line, d->why);
}

enum fl_code
json_schema_new(const char *text, size_t size, bool is_strict, const struct json_decoder *decoder,
    struct json_schema **schema, struct fl_err *err)
{
	struct json_schema *s = fl_calloc(1, sizeof(*s));
	struct reader r = { .schema = s, .err = err };
	enum fl_code code;

	fl_arena_init(&s->arena);
	fl_buf_init(&s->names);
	fl_buf_init(&s->path);
	fl_buf_init(&r.d.scratch);
	s->is_strict = is_strict;
	code = read_schema(&r, text, size, decoder);
	fl_buf_fini(&r.d.scratch);
	if (code != FL_OK)
		json_schema_free(&s);
	*schema = s;
	return code;
}

void
json_schema_free(struct json_schema **schema)
{
	struct json_schema *s = *schema;

	if (s == NULL)
		return;
	for (struct rules *r = s->made; r != NULL; r = r->next_made) {
		fl_pattern_free(&r->pattern);
		json_names_fini(&r->object.names);
	}
	fl_buf_fini(&s->names);
	fl_buf_fini(&s->path);
	fl_arena_fini(&s->arena);
	free(s->members);
	free(s->slots);
	free(s);
	*schema = NULL;
}
