/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_schema.h - a JSON Schema (draft 2020-12, the keywords that look at one value and
 * its parts) as small structs, and the check of a record against them.
 *
 * json_schema.c reads the text, json_check.c walks a record.  There is no $ref, so the
 * rules are a tree, each rule is at work on one value at a time, and what a check has to
 * remember lies beside the rule: nothing is allocated per record.
 */
#ifndef FL_CODEC_JSON_SCHEMA_H
#define FL_CODEC_JSON_SCHEMA_H

#include "json.h"
#include "pattern.h"

/* Types: a bit per token, and one for whole numbers. */
enum {
	IS_STRING = 1 << T_STRING, IS_NUMBER = 1 << T_NUMBER, IS_BOOLEAN = 1 << T_TRUE | 1 << T_FALSE,
	IS_NULL = 1 << T_NULL, IS_OBJECT = 1 << T_OBJECT, IS_ARRAY = 1 << T_ARRAY,
	IS_INTEGER = 1 << 7, IS_ANY = 255,
};

/* A value of the schema's text. */
struct literal {
	enum token token;
	const char *raw; /* as written */
	size_t raw_size;
	const char *p;	 /* string: its content, ends with NUL */
	size_t size;
	struct number number;
	const char *name; /* member of an object */
	size_t name_size;
	struct literal *first, *next;
	uint32_t count;	  /* of array or object */
	bool seen, same;  /* while an object is compared */
};

struct limit { /* minimum and the like */
	const struct literal *value; /* NULL: none */
	bool is_exclusive;
};

enum format { FORMAT_NONE, FORMAT_DATE_TIME, FORMAT_UUID, FORMAT_IPV4 };

struct object_rules {
	struct json_names names; /* properties, then required ones, then the decoder's */
	struct rules **parts;	 /* of each name */
	int32_t *members;	 /* root: which member of the decoder a name is, or -1; else NULL */
	uint64_t *required, *seen; /* a bit per name */
	uint32_t word_count;
	struct rules *additional; /* of names that are none of properties */
	uint64_t min, max;	 /* members */
	bool is_counted;
};

struct array_rules {
	struct rules **prefix;
	uint32_t prefix_count;
	struct rules *items;
	uint64_t min, max;
};

struct rules { /* what one value has to obey */
	uint8_t types;	/* allowed */
	bool is_any;	/* nothing to check */
	bool is_plain;	/* nothing but types */
	const char *no; /* the keyword of a false schema */
	const char *type_text; /* "integer or null" */
	struct limit low, high;
	/* Of whole numbers that fit 64 bits, both ends included; when both limits are such. */
	int64_t small_low, small_high;
	bool has_small_limits;
	uint64_t min_length, max_length; /* characters */
	struct fl_pattern *pattern;
	const char *pattern_text;
	enum format format;
	struct literal *choices; /* enum: first of its values; const: the value */
	const char *choice_word;       /* "enum", "const" or NULL */
	const char *choice_text;
	bool has_number_rules, has_string_rules;
	struct object_rules object;
	struct array_rules array;
	struct rules *next_made; /* all rules, to free them */
};

struct member { /* of an object, in the exact check */
	uint32_t name_at, name_size; /* in names */
	bool is_last;		     /* no later member has its name */
};

struct json_schema {
	struct fl_arena arena;
	struct rules *root, *made;
	bool is_strict;
	/* The exact check. */
	struct member *members;
	uint32_t member_count, member_capacity;
	struct slot { uint32_t mark, member; } *slots;
	uint32_t slot_count, mark;
	struct fl_buf names, path;
	bool is_broken; /* a rule; err holds the first */
	struct fl_err *err;
};

/*
 * decoder: knows its members; their names are borrowed.
 *
 * Errors:  BAD_SCHEMA	where in the text (JSON pointer), which keyword, what was expected
 */
enum fl_code json_schema_new(const char *text, size_t size, bool is_strict,
    const struct json_decoder *decoder, struct json_schema **schema, struct fl_err *err);
void json_schema_free(struct json_schema **schema);

/* ---- quickly: INVALID means look closer ---- */

enum broken {
	FINE, B_FALSE, B_TYPE, B_CHOICE, B_LOW, B_HIGH, B_MIN_LENGTH, B_MAX_LENGTH, B_PATTERN, B_FORMAT,
	B_MIN_ITEMS, B_MAX_ITEMS, B_MIN_PROPERTIES, B_MAX_PROPERTIES, B_REQUIRED,
};

/* What of r's rules a scalar breaks; of object and array: whether its type is allowed. */
enum broken json_value_breaks(const struct json_schema *s, const struct rules *r, const struct value *v);

static inline bool
json_value_holds(const struct json_schema *s, const struct rules *r, const struct value *v)
{
	if (r->is_plain && v->token != T_NUMBER)
		return (r->types >> v->token & 1) != 0;
	if (r->is_plain && v->number.is_whole && (r->types & IS_INTEGER) != 0)
		return true;
	return json_value_breaks(s, r, v) == FINE;
}

/* Those of element i, or NULL. */
static inline struct rules *
json_element_rules(const struct array_rules *a, uint64_t i)
{
	return i < a->prefix_count ? a->prefix[i] : a->items;
}

/* Reads the value at p, which is a part of depth containers; r NULL: no rules. */
enum fl_code json_quick_value(struct json_schema *s, struct json_decoder *d, struct rules *r,
    uint32_t depth, struct value *v);

/* Name i is there; gives whether it was before. */
static inline bool
json_see_name(struct object_rules *o, int32_t i)
{
	uint64_t bit = UINT64_C(1) << i % 64, *word = &o->seen[i / 64];
	bool was = (*word & bit) != 0;

	*word |= bit;
	return was;
}

/* At the end of an object with so many known names and other members. */
enum fl_code json_quick_end(const struct object_rules *o, uint64_t known, uint64_t others);

/* ---- exactly ---- */

/*
 * Checks the value at d->p and moves d->p behind it.  Gives INVALID with err set, or the
 * code of a text that is no JSON with its reason in d.
 */
enum fl_code json_exact_check(struct json_schema *schema, struct json_decoder *d, struct fl_err *err);

/* Of two numbers as written: < 0, 0, > 0, exactly. */
int json_compare_numbers(const struct number *a, const void *a_text, size_t a_size,
    const struct number *b, const void *b_text, size_t b_size);
/* Is the number, as written, mathematically whole? */
bool json_is_integer(const struct number *n, const void *text, size_t size);
/* Is it a whole number, written as one, that fits 64 bits? */
bool json_is_small(const struct number *n, int64_t *v);
/* A character of a name in a JSON pointer. */
void json_add_pointer(struct fl_buf *path, char c);
/* A path as it may stand in a message: its last 56 bytes at least. */
const char *json_clip_path(char out[80], const struct fl_buf *path);
bool json_format_holds(enum format format, const uint8_t *p, size_t size);

#endif
