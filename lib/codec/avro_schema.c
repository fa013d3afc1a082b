/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avro_schema.c - reads .avsc and .avpr texts, picks types out of them.
 *
 * The JSON text is read by jansson, which bounds its own nesting; everything
 * Avro is done here, because schemas come from users and registries: sizes are
 * limited, names are resolved by the rules of the specification, and a record
 * that contains itself without a union, array or map (no value of it can end)
 * is refused.
 */
#include "avro.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"

struct parser {
	struct fl_arena *arena;
	struct fl_err *err;
	uint32_t field_count;
	struct fl_avro_node *named[FL_AVRO_FIELDS_MAX];
	uint32_t named_count;
	/* Protocols: types not read yet may be named before their turn. */
	json_t *types;
	const char *space;
};

static const char *const kind_names[] = {
	[FL_AVRO_NULL] = "null", [FL_AVRO_BOOLEAN] = "boolean", [FL_AVRO_INT] = "int",
	[FL_AVRO_LONG] = "long", [FL_AVRO_FLOAT] = "float", [FL_AVRO_DOUBLE] = "double",
	[FL_AVRO_BYTES] = "bytes", [FL_AVRO_STRING] = "string", [FL_AVRO_RECORD] = "record",
	[FL_AVRO_ENUM] = "enum", [FL_AVRO_FIXED] = "fixed", [FL_AVRO_ARRAY] = "array",
	[FL_AVRO_MAP] = "map", [FL_AVRO_UNION] = "union",
};
static const char *const logical_names[] = {
	[FL_AVRO_PLAIN] = "", [FL_AVRO_DECIMAL] = "decimal", [FL_AVRO_DATE] = "date",
	[FL_AVRO_TIMESTAMP_MILLIS] = "timestamp-millis",
	[FL_AVRO_TIMESTAMP_MICROS] = "timestamp-micros",
	[FL_AVRO_LOCAL_MILLIS] = "local-timestamp-millis",
	[FL_AVRO_LOCAL_MICROS] = "local-timestamp-micros",
};

static enum fl_code parse_type(
    struct parser *p, json_t *json, const char *space, uint32_t depth, struct fl_avro_node **out);

/* ---- names ---- */

static bool
is_name(const char *s)
{
	if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_'))
		return false;
	for (; *s != '\0'; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || *s == '_' ||
			(*s >= '0' && *s <= '9')))
			return false;
	return true;
}

static bool
is_full_name(const char *s)
{
	char part[256];

	for (;;) {
		size_t n = strcspn(s, ".");

		if (n >= sizeof(part))
			return false;
		memcpy(part, s, n);
		part[n] = '\0';
		if (!is_name(part))
			return false;
		if (s[n] == '\0')
			return true;
		s += n + 1;
	}
}

static const char *
join_name(struct fl_arena *arena, const char *space, const char *name)
{
	if (strchr(name, '.') != NULL || space == NULL || space[0] == '\0')
		return fl_arena_strdup(arena, name);
	return fl_arena_printf(arena, "%s.%s", space, name);
}

static const char *
space_of(struct fl_arena *arena, const char *full)
{
	const char *dot = strrchr(full, '.');

	return dot == NULL ? "" : fl_arena_strndup(arena, full, (size_t)(dot - full));
}

static const char *
short_name(const char *full)
{
	const char *dot = strrchr(full, '.');

	return dot == NULL ? full : dot + 1;
}

static const char *
json_text(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	return json_is_string(value) ? json_string_value(value) : NULL;
}

/* The full name a definition gives itself; NULL when it has none. */
static const char *
defined_name(struct parser *p, const json_t *json, const char *space)
{
	const char *name = json_text(json, "name"), *own = json_text(json, "namespace");

	return name == NULL ? NULL : join_name(p->arena, own != NULL ? own : space, name);
}

static struct fl_avro_node *
find_named(const struct parser *p, const char *full)
{
	for (uint32_t i = 0; i < p->named_count; i++)
		if (strcmp(p->named[i]->name, full) == 0)
			return p->named[i];
	return NULL;
}

/* Adds name i to the list. */
static void
add_name(char *list, size_t size, uint32_t i, const char *name)
{
	size_t n = strlen(list);

	(void)snprintf(list + n, size - n, "%s%s", i > 0 ? ", " : "", name);
}

static const char *
list_named(const struct parser *p, char *buf, size_t size)
{
	buf[0] = '\0';
	for (uint32_t i = 0; i < p->named_count; i++)
		add_name(buf, size, i, p->named[i]->name);
	return p->named_count == 0 ? "none" : buf;
}

/* ---- types ---- */

static struct fl_avro_node *
make_node(struct parser *p, enum fl_avro_kind kind, json_t *source)
{
	struct fl_avro_node *node = FL_ARENA_NEW(p->arena, struct fl_avro_node);

	node->kind = kind;
	node->source = source;
	return node;
}

static bool
find_primitive(const char *word, enum fl_avro_kind *kind)
{
	for (int i = FL_AVRO_NULL; i <= FL_AVRO_STRING; i++)
		if (strcmp(kind_names[i], word) == 0) {
			*kind = (enum fl_avro_kind)i;
			return true;
		}
	return false;
}

/* A type of the protocol that stands further down. */
static enum fl_code
parse_later(struct parser *p, const char *full, uint32_t depth, struct fl_avro_node **out)
{
	json_t *json;
	size_t i;

	*out = NULL;
	json_array_foreach(p->types, i, json) {
		const char *name = defined_name(p, json, p->space);

		if (name != NULL && strcmp(name, full) == 0)
			return parse_type(p, json, p->space, depth, out);
	}
	return FL_OK;
}

static enum fl_code
parse_reference(struct parser *p, const char *word, const char *space, uint32_t depth,
    struct fl_avro_node **out)
{
	const char *full = join_name(p->arena, space, word);
	char buf[256], clip[80];

	if ((*out = find_named(p, full)) != NULL || (*out = find_named(p, word)) != NULL)
		return FL_OK;
	FL_TRY(parse_later(p, full, depth, out));
	if (*out == NULL)
		FL_TRY(parse_later(p, word, depth, out));
	if (*out != NULL)
		return FL_OK;
	return FL_FAIL(p->err, FL_E_BAD_SCHEMA,
	    "type \"%s\" is neither an Avro type nor defined before; defined are: %s",
	    fl_codec_clip(clip, full, strlen(full)), list_named(p, buf, sizeof(buf)));
}

/* By the specification a logical type that does not fit is ignored. */
static void
set_logical(struct fl_avro_node *node, const json_t *json)
{
	const char *word = json_text(json, "logicalType");
	const json_t *precision = json_object_get(json, "precision");
	const json_t *scale = json_object_get(json, "scale");
	json_int_t p = json_is_integer(precision) ? json_integer_value(precision) : 0;
	json_int_t s = json_is_integer(scale) ? json_integer_value(scale) : 0;

	if (word == NULL)
		return;
	for (int i = FL_AVRO_DECIMAL; i <= FL_AVRO_LOCAL_MICROS; i++) {
		enum fl_avro_kind kind = i == FL_AVRO_DATE ? FL_AVRO_INT : FL_AVRO_LONG;
		bool fits = node->kind == kind;

		if (strcmp(logical_names[i], word) != 0)
			continue;
		if (i == FL_AVRO_DECIMAL)
			fits = (node->kind == FL_AVRO_BYTES || node->kind == FL_AVRO_FIXED) &&
			    p >= 1 && p <= 1000000 && s >= 0 && s <= p;
		if (!fits)
			return;
		node->logical = (enum fl_avro_logical)i;
		node->precision = (uint32_t)p;
		node->scale = (uint32_t)s;
	}
}

static enum fl_code
count_fields(struct parser *p, size_t more)
{
	if (more > FL_AVRO_FIELDS_MAX || p->field_count + more > FL_AVRO_FIELDS_MAX)
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA,
		    "the schema has more than %u fields and union branches", FL_AVRO_FIELDS_MAX);
	p->field_count += (uint32_t)more;
	return FL_OK;
}

static enum fl_code
parse_fields(struct parser *p, struct fl_avro_node *record, json_t *json, uint32_t depth)
{
	json_t *fields = json_object_get(json, "fields");
	const char *space = space_of(p->arena, record->name);
	char clip[80];

	if (!json_is_array(fields))
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA, "record \"%s\" has no array \"fields\"", record->name);
	FL_TRY(count_fields(p, json_array_size(fields)));
	record->fields = FL_ARENA_ARRAY(p->arena, struct fl_avro_field, json_array_size(fields) + 1);
	for (size_t i = 0; i < json_array_size(fields); i++) {
		json_t *field = json_array_get(fields, i);
		const char *name = json_text(field, "name");
		json_t *type = json_object_get(field, "type");

		if (name == NULL || !is_name(name))
			return FL_FAIL(p->err, FL_E_BAD_SCHEMA,
			    "record \"%s\": field %zu has no valid name%s%s", record->name, i + 1,
			    name != NULL ? ": " : "",
			    name != NULL ? fl_codec_clip(clip, name, strlen(name)) : "");
		for (size_t k = 0; k < i; k++)
			if (strcmp(record->fields[k].name, name) == 0)
				return FL_FAIL(p->err, FL_E_BAD_SCHEMA,
				    "record \"%s\" has two fields \"%s\"", record->name, name);
		if (type == NULL)
			return FL_FAIL(p->err, FL_E_BAD_SCHEMA,
			    "record \"%s\": field \"%s\" has no type", record->name, name);
		record->fields[i].name = fl_arena_strdup(p->arena, name);
		FL_TRY(parse_type(p, type, space, depth + 1, &record->fields[i].type));
		record->count = (uint32_t)i + 1;
	}
	return FL_OK;
}

static enum fl_code
parse_symbols(struct parser *p, struct fl_avro_node *node, const json_t *json)
{
	const json_t *symbols = json_object_get(json, "symbols");
	size_t count = json_array_size(symbols);

	if (!json_is_array(symbols) || count == 0 || count > FL_AVRO_SYMBOLS_MAX)
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA,
		    "enum \"%s\" needs an array \"symbols\" of 1 to %u names", node->name,
		    FL_AVRO_SYMBOLS_MAX);
	node->symbols = FL_ARENA_ARRAY(p->arena, const char *, count);
	node->symbol_sizes = FL_ARENA_ARRAY(p->arena, uint32_t, count);
	for (size_t i = 0; i < count; i++) {
		const char *symbol = json_string_value(json_array_get(symbols, i));

		if (symbol == NULL || !is_name(symbol))
			return FL_FAIL(p->err, FL_E_BAD_SCHEMA, "enum \"%s\": symbol %zu is no name", node->name, i + 1);
		for (size_t k = 0; k < i; k++)
			if (strcmp(node->symbols[k], symbol) == 0)
				return FL_FAIL(p->err, FL_E_BAD_SCHEMA,
				    "enum \"%s\" has symbol \"%s\" twice", node->name, symbol);
		node->symbol_sizes[i] = (uint32_t)strlen(symbol);
		node->symbols[i] = memcpy(fl_arena_zalloc(p->arena, node->symbol_sizes[i] + 17u),
		    symbol, node->symbol_sizes[i]);
	}
	node->count = (uint32_t)count;
	return FL_OK;
}

static enum fl_code
parse_fixed(struct parser *p, struct fl_avro_node *node, const json_t *json)
{
	const json_t *size = json_object_get(json, "size");
	json_int_t v = json_is_integer(size) ? json_integer_value(size) : -1;

	if (v < 0 || v > (json_int_t)FL_AVRO_FIXED_MAX)
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA,
		    "fixed \"%s\" needs a \"size\" of 0 to %u", node->name, FL_AVRO_FIXED_MAX);
	node->size = (uint32_t)v;
	set_logical(node, json);
	return FL_OK;
}

static enum fl_code
parse_named(struct parser *p, enum fl_avro_kind kind, json_t *json, const char *space,
    uint32_t depth, struct fl_avro_node **out)
{
	const char *full = defined_name(p, json, space);
	struct fl_avro_node *node = make_node(p, kind, json);
	enum fl_avro_kind primitive;
	char clip[80];

	if (full == NULL)
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA, "a type %s has no name", kind_names[kind]);
	if (!is_full_name(full) || find_primitive(full, &primitive))
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA, "%s name \"%s\" is invalid",
		    kind_names[kind], fl_codec_clip(clip, full, strlen(full)));
	if (find_named(p, full) != NULL)
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA, "type \"%s\" is defined twice", full);
	if (p->named_count == FL_AVRO_FIELDS_MAX)
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA, "the schema has more than %u named types", FL_AVRO_FIELDS_MAX);
	node->name = full;
	p->named[p->named_count++] = node;
	*out = node;
	if (kind == FL_AVRO_RECORD)
		return parse_fields(p, node, json, depth);
	if (kind == FL_AVRO_ENUM)
		return parse_symbols(p, node, json);
	return parse_fixed(p, node, json);
}

static enum fl_code
parse_union(struct parser *p, json_t *json, const char *space, uint32_t depth,
    struct fl_avro_node **out)
{
	struct fl_avro_node *node = make_node(p, FL_AVRO_UNION, json);
	size_t count = json_array_size(json);

	if (count == 0)
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA, "a union has no branches");
	FL_TRY(count_fields(p, count));
	node->branches = FL_ARENA_ARRAY(p->arena, struct fl_avro_node *, count);
	for (size_t i = 0; i < count; i++) {
		struct fl_avro_node *branch = NULL;

		FL_TRY(parse_type(p, json_array_get(json, i), space, depth + 1, &branch));
		if (branch->kind == FL_AVRO_UNION)
			return FL_FAIL(p->err, FL_E_BAD_SCHEMA, "a union stands directly in a union");
		for (size_t k = 0; k < i; k++)
			if (node->branches[k] == branch ||
			    (node->branches[k]->kind == branch->kind && branch->name == NULL))
				return FL_FAIL(p->err, FL_E_BAD_SCHEMA,
				    "a union has two branches of type %s",
				    branch->name != NULL ? branch->name : kind_names[branch->kind]);
		node->branches[i] = branch;
	}
	node->count = (uint32_t)count;
	*out = node;
	return FL_OK;
}

static enum fl_code
parse_object(struct parser *p, json_t *json, const char *space, uint32_t depth,
    struct fl_avro_node **out)
{
	json_t *type = json_object_get(json, "type");
	const char *word = json_string_value(type);
	enum fl_avro_kind kind;

	if (type == NULL)
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA, "a type is an object without \"type\"");
	if (word == NULL)
		return parse_type(p, type, space, depth + 1, out);
	if (find_primitive(word, &kind)) {
		*out = make_node(p, kind, json);
		set_logical(*out, json);
		return FL_OK;
	}
	if (strcmp(word, "record") == 0 || strcmp(word, "error") == 0)
		return parse_named(p, FL_AVRO_RECORD, json, space, depth, out);
	if (strcmp(word, "enum") == 0)
		return parse_named(p, FL_AVRO_ENUM, json, space, depth, out);
	if (strcmp(word, "fixed") == 0)
		return parse_named(p, FL_AVRO_FIXED, json, space, depth, out);
	if (strcmp(word, "array") == 0 || strcmp(word, "map") == 0) {
		bool is_array = word[0] == 'a';
		json_t *item = json_object_get(json, is_array ? "items" : "values");

		if (item == NULL)
			return FL_FAIL(p->err, FL_E_BAD_SCHEMA, "an %s has no \"%s\"", word,
			    is_array ? "items" : "values");
		*out = make_node(p, is_array ? FL_AVRO_ARRAY : FL_AVRO_MAP, json);
		return parse_type(p, item, space, depth + 1, &(*out)->item);
	}
	return parse_reference(p, word, space, depth, out);
}

static enum fl_code
parse_type(
    struct parser *p, json_t *json, const char *space, uint32_t depth, struct fl_avro_node **out)
{
	enum fl_avro_kind kind;
	const char *word;

	if (depth > FL_CODEC_DEPTH_MAX)
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA,
		    "the schema is nested deeper than %d levels", FL_CODEC_DEPTH_MAX);
	if (json_is_array(json))
		return parse_union(p, json, space, depth, out);
	if (json_is_object(json))
		return parse_object(p, json, space, depth, out);
	word = json_string_value(json);
	if (word == NULL)
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA, "a type is neither a name, an object nor an array");
	if (find_primitive(word, &kind)) {
		*out = make_node(p, kind, json);
		return FL_OK;
	}
	return parse_reference(p, word, space, depth, out);
}

/* A record that directly holds itself has no finite value; one that holds others
 * 64 deep has none that the decoder would take. */
static enum fl_code
check_cycle(struct fl_avro_node *node, uint32_t depth, struct fl_err *err)
{
	uint32_t height = 1;

	if (node->kind != FL_AVRO_RECORD || node->visit == 2)
		return FL_OK;
	if (node->visit == 1)
		return FL_FAIL(err, FL_E_BAD_SCHEMA,
		    "record \"%s\" contains itself without a union, array or map", node->name);
	node->visit = 1;
	for (uint32_t i = 0; i < node->count; i++) {
		struct fl_avro_node *type = node->fields[i].type;

		if (type->kind != FL_AVRO_RECORD)
			continue;
		if (depth < FL_CODEC_DEPTH_MAX)
			FL_TRY(check_cycle(type, depth + 1, err));
		height = FL_MAX(height, type->height + 1u);
		if (depth >= FL_CODEC_DEPTH_MAX || height > FL_CODEC_DEPTH_MAX)
			return FL_FAIL(err, FL_E_BAD_SCHEMA,
			    "record \"%s\" holds records more than %d levels deep", node->name,
			    FL_CODEC_DEPTH_MAX);
	}
	node->height = (uint8_t)height;
	node->visit = 2;
	return FL_OK;
}

static enum fl_code
parse_protocol(struct parser *p, json_t *json)
{
	json_t *types = json_object_get(json, "types"), *type;
	const char *space = json_text(json, "namespace");
	size_t i;

	if (!json_is_array(types))
		return FL_FAIL(p->err, FL_E_BAD_SCHEMA, "the protocol has no array \"types\"");
	p->types = types;
	p->space = space != NULL ? space : "";
	json_array_foreach(types, i, type) {
		const char *full = defined_name(p, type, p->space);
		struct fl_avro_node *node;

		/* Read already where another type named it. */
		if (full != NULL && (node = find_named(p, full)) != NULL && node->source == type)
			continue;
		FL_TRY(parse_type(p, type, p->space, 1, &node));
	}
	return FL_OK;
}

/* By full name; a short name will do when it is the only one. */
static enum fl_code
choose_named(struct parser *p, const char *name, struct fl_avro_node **out)
{
	struct fl_avro_node *found = find_named(p, name);
	char buf[320], clip[80];
	uint32_t hits = 0;

	if (found == NULL && strchr(name, '.') == NULL)
		for (uint32_t i = 0; i < p->named_count; i++)
			if (strcmp(short_name(p->named[i]->name), name) == 0) {
				found = p->named[i];
				hits++;
			}
	if (found == NULL || hits > 1)
		return FL_FAIL(p->err, FL_E_NO_SUCH_OBJECT,
		    hits > 1 ? "there are several types \"%s\"; give the full name: %s"
			     : "there is no type \"%s\"; there are: %s",
		    fl_codec_clip(clip, name, strlen(name)), list_named(p, buf, sizeof(buf)));
	*out = found;
	return FL_OK;
}

static enum fl_code
parse_root(struct parser *p, json_t *json, const char *name, struct fl_avro_node **out)
{
	struct fl_avro_node *root = NULL;
	char buf[320];

	if (json_is_object(json) && json_object_get(json, "protocol") != NULL) {
		FL_TRY(parse_protocol(p, json));
		if (name == NULL || name[0] == '\0')
			return FL_FAIL(p->err, FL_E_NO_SUCH_OBJECT,
			    "a protocol holds several types; name one after #: %s",
			    list_named(p, buf, sizeof(buf)));
	} else {
		FL_TRY(parse_type(p, json, "", 1, &root));
	}
	for (uint32_t i = 0; i < p->named_count; i++)
		FL_TRY(check_cycle(p->named[i], 1, p->err));
	if (name != NULL && name[0] != '\0')
		return choose_named(p, name, out);
	*out = root;
	return FL_OK;
}

static enum fl_code
parse_text(const char *text, size_t size, const char *name, struct fl_arena *arena, json_t **json,
    struct fl_avro_node **root, struct fl_err *err)
{
	struct parser *p;
	json_error_t where;
	enum fl_code code;

	*json = NULL;
	if (size > FL_AVRO_SIZE_MAX)
		return FL_FAIL(err, FL_E_BAD_SCHEMA, "the schema has %zu bytes; at most %zu are allowed",
		    size, FL_AVRO_SIZE_MAX);
	*json = json_loadb(text, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &where);
	if (*json == NULL)
		return FL_FAIL(err, FL_E_BAD_SCHEMA, "the schema is not JSON: line %d column %d: %s",
		    where.line, where.column, where.text);
	p = FL_ARENA_NEW(arena, struct parser);
	p->arena = arena;
	p->err = err;
	code = parse_root(p, *json, name, root);
	if (code != FL_OK) {
		json_decref(*json);
		*json = NULL;
	}
	return code;
}

/* ---- picking ---- */

static json_t *write_type(struct fl_avro_node *node, const char *space, struct fl_arena *arena);

static void
write_fields(json_t *out, struct fl_avro_node *node, const char *space, struct fl_arena *arena)
{
	json_t *source = json_object_get(node->source, "fields"), *fields = json_array();

	for (uint32_t i = 0; i < node->count; i++) {
		json_t *field = json_copy(json_array_get(source, i));

		json_object_set_new(field, "type", write_type(node->fields[i].type, space, arena));
		json_array_append_new(fields, field);
	}
	json_object_set_new(out, "fields", fields);
}

static json_t *
write_named(struct fl_avro_node *node, const char *space, struct fl_arena *arena)
{
	const char *own = space_of(arena, node->name);
	json_t *out;

	if (node->is_written)
		return json_string(node->name);
	node->is_written = true;
	out = json_copy(node->source);
	json_object_set_new(out, "name", json_string(short_name(node->name)));
	if (strcmp(own, space) != 0 || own[0] != '\0')
		json_object_set_new(out, "namespace", json_string(own));
	if (node->kind == FL_AVRO_RECORD)
		write_fields(out, node, own, arena);
	return out;
}

static json_t *
write_type(struct fl_avro_node *node, const char *space, struct fl_arena *arena)
{
	json_t *out;

	if (node->name != NULL)
		return write_named(node, space, arena);
	if (node->kind == FL_AVRO_UNION) {
		out = json_array();
		for (uint32_t i = 0; i < node->count; i++)
			json_array_append_new(out, write_type(node->branches[i], space, arena));
		return out;
	}
	out = json_copy(node->source);
	if (node->kind == FL_AVRO_ARRAY || node->kind == FL_AVRO_MAP)
		json_object_set_new(out, node->kind == FL_AVRO_ARRAY ? "items" : "values",
		    write_type(node->item, space, arena));
	return out;
}

enum fl_code
fl_avro_pick(const char *text, size_t size, const char *name, struct fl_arena *arena,
    const char **schema, struct fl_err *err)
{
	struct fl_avro_node *root = NULL;
	json_t *json, *out;
	char *dump;

	FL_TRY(parse_text(text, size, name, arena, &json, &root, err));
	out = write_type(root, "", arena);
	dump = json_dumps(out, JSON_COMPACT | JSON_ENCODE_ANY);
	if (dump != NULL)
		*schema = fl_arena_strdup(arena, dump);
	free(dump);
	json_decref(out);
	json_decref(json);
	if (dump == NULL)
		return FL_FAIL(err, FL_E_BAD_SCHEMA, "the schema cannot be written as JSON");
	return FL_OK;
}

/* ---- for decoder and encoder ---- */

enum fl_code
fl_avro_parse_record(const char *text, struct fl_arena *arena, struct fl_avro_node **record,
    struct fl_err *err)
{
	struct fl_avro_node *root = NULL;
	char buf[256];
	json_t *json;

	FL_TRY(parse_text(text, strlen(text), NULL, arena, &json, &root, err));
	json_decref(json);
	if (root->kind != FL_AVRO_RECORD)
		return FL_FAIL(err, FL_E_BAD_SCHEMA, "the schema is %s; a table needs a record",
		    fl_avro_describe(root, buf, sizeof(buf)));
	*record = root;
	return FL_OK;
}

static enum fl_code
derive_type(const struct fl_field *field, struct fl_avro_node *node, struct fl_err *err)
{
	char buf[64];

	switch (field->type.id) {
	case FL_TYPE_BOOLEAN:
		node->kind = FL_AVRO_BOOLEAN;
		break;
	case FL_TYPE_TINYINT:
	case FL_TYPE_SMALLINT:
	case FL_TYPE_INT:
		node->kind = FL_AVRO_INT;
		break;
	case FL_TYPE_BIGINT:
		node->kind = FL_AVRO_LONG;
		break;
	case FL_TYPE_FLOAT:
		node->kind = FL_AVRO_FLOAT;
		break;
	case FL_TYPE_DOUBLE:
		node->kind = FL_AVRO_DOUBLE;
		break;
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
		node->kind = FL_AVRO_STRING;
		break;
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		node->kind = FL_AVRO_BYTES;
		break;
	case FL_TYPE_DECIMAL:
		node->kind = FL_AVRO_BYTES;
		node->logical = FL_AVRO_DECIMAL;
		node->precision = field->type.precision;
		node->scale = field->type.scale;
		break;
	case FL_TYPE_DATE:
		node->kind = FL_AVRO_INT;
		node->logical = FL_AVRO_DATE;
		break;
	case FL_TYPE_TIMESTAMP:
		node->kind = FL_AVRO_LONG;
		node->logical = FL_AVRO_TIMESTAMP_MILLIS;
		break;
	default:
		return FL_FAIL(err, FL_E_BAD_SCHEMA,
		    "column \"%s\": Unsupported to derive Schema for type: %s%s", field->name,
		    fl_type_print(&field->type, buf, sizeof(buf)),
		    field->type.id == FL_TYPE_TIMESTAMP_LTZ ?
			"; declare it BIGINT and compute TO_TIMESTAMP_LTZ(x, 3), or name the schema "
			"with SET 'flight.table.<table>.avro-schema'" : "");
	}
	return FL_OK;
}

enum fl_code
fl_avro_derive(const struct fl_schema *schema, struct fl_arena *arena,
    struct fl_avro_node **record, struct fl_err *err)
{
	struct fl_avro_node *root = FL_ARENA_NEW(arena, struct fl_avro_node);

	root->kind = FL_AVRO_RECORD;
	root->name = "org.apache.flink.avro.generated.record";
	root->count = schema->count;
	root->fields = FL_ARENA_ARRAY(arena, struct fl_avro_field, schema->count + 1);
	for (uint32_t i = 0; i < schema->count; i++) {
		struct fl_avro_node *node = FL_ARENA_NEW(arena, struct fl_avro_node), *either;

		FL_TRY(derive_type(&schema->fields[i], node, err));
		root->fields[i].name = schema->fields[i].name;
		root->fields[i].type = node;
		if (!schema->fields[i].type.nullable)
			continue;
		either = FL_ARENA_NEW(arena, struct fl_avro_node);
		either->kind = FL_AVRO_UNION;
		either->count = 2;
		either->branches = FL_ARENA_ARRAY(arena, struct fl_avro_node *, 2);
		either->branches[0] = FL_ARENA_NEW(arena, struct fl_avro_node);
		either->branches[0]->kind = FL_AVRO_NULL;
		either->branches[1] = node;
		root->fields[i].type = either;
	}
	*record = root;
	return FL_OK;
}

bool
fl_avro_option(const struct fl_avro_node *node, struct fl_avro_option *option)
{
	*option = (struct fl_avro_option){ .type = node, .null_index = -1 };
	if (node->kind != FL_AVRO_UNION)
		return true;
	if (node->count > 2)
		return false;
	option->is_union = true;
	option->type = NULL;
	for (uint32_t i = 0; i < node->count; i++) {
		if (node->branches[i]->kind == FL_AVRO_NULL && node->count == 2) {
			option->null_index = (int)i;
		} else if (option->type == NULL) {
			option->type = node->branches[i];
			option->type_index = i;
		} else {
			return false;
		}
	}
	return true;
}

const char *
fl_avro_describe(const struct fl_avro_node *node, char *buf, size_t size)
{
	struct fl_avro_option option;

	if (node->kind == FL_AVRO_UNION && fl_avro_option(node, &option) && option.null_index >= 0) {
		char inner[128];

		(void)snprintf(buf, size, "union of null and %s",
		    fl_avro_describe(option.type, inner, sizeof(inner)));
	} else if (node->name != NULL) {
		(void)snprintf(buf, size, "%s %s", kind_names[node->kind], node->name);
	} else if (node->logical == FL_AVRO_DECIMAL) {
		(void)snprintf(buf, size, "%s (decimal %u, %u)", kind_names[node->kind],
		    node->precision, node->scale);
	} else if (node->logical != FL_AVRO_PLAIN) {
		(void)snprintf(buf, size, "%s (%s)", kind_names[node->kind],
		    logical_names[node->logical]);
	} else {
		(void)snprintf(buf, size, "%s", kind_names[node->kind]);
	}
	return buf;
}

const char *
fl_avro_names(const struct fl_schema *schema, const struct fl_avro_node *record,
    char buf[FL_AVRO_NAMES_SIZE])
{
	char columns[160] = "", fields[160] = "";

	for (uint32_t i = 0; i < schema->count; i++)
		add_name(columns, sizeof(columns), i, schema->fields[i].name);
	for (uint32_t i = 0; i < record->count; i++)
		add_name(fields, sizeof(fields), i, record->fields[i].name);
	(void)snprintf(buf, FL_AVRO_NAMES_SIZE, "columns: %s; fields of %s: %s", columns,
	    record->name, fields);
	return buf;
}

static bool
declare_type(const struct fl_avro_node *node, struct fl_type *type)
{
	enum fl_type_id id;
	bool is_decimal = node->logical == FL_AVRO_DECIMAL && node->precision <= 38;

	switch (node->kind) {
	case FL_AVRO_BOOLEAN:
		id = FL_TYPE_BOOLEAN;
		break;
	case FL_AVRO_INT:
		id = FL_TYPE_INT;
		break;
	case FL_AVRO_LONG:
		id = FL_TYPE_BIGINT;
		break;
	case FL_AVRO_FLOAT:
		id = FL_TYPE_FLOAT;
		break;
	case FL_AVRO_DOUBLE:
		id = FL_TYPE_DOUBLE;
		break;
	case FL_AVRO_STRING:
	case FL_AVRO_ENUM:
		id = FL_TYPE_VARCHAR;
		break;
	case FL_AVRO_BYTES:
		id = is_decimal ? FL_TYPE_DECIMAL : FL_TYPE_VARBINARY;
		break;
	case FL_AVRO_FIXED:
		id = is_decimal ? FL_TYPE_DECIMAL : FL_TYPE_BINARY;
		break;
	case FL_AVRO_NULL:
	case FL_AVRO_RECORD:
	case FL_AVRO_ARRAY:
	case FL_AVRO_MAP:
	case FL_AVRO_UNION:
	default:
		return false;
	}
	*type = fl_type_make(id, type->nullable);
	if (id == FL_TYPE_DECIMAL) {
		type->precision = (uint8_t)node->precision;
		type->scale = (uint8_t)node->scale;
	}
	if (id == FL_TYPE_BINARY)
		type->length = node->size;
	return true;
}

enum fl_code
fl_avro_columns(
    const char *schema, struct fl_arena *arena, struct fl_schema *columns, struct fl_err *err)
{
	struct fl_avro_node *record;
	struct fl_field *fields;
	char buf[256];

	FL_TRY(fl_avro_parse_record(schema, arena, &record, err));
	fields = FL_ARENA_ARRAY(arena, struct fl_field, record->count + 1);
	for (uint32_t i = 0; i < record->count; i++) {
		const struct fl_avro_node *type = record->fields[i].type;
		struct fl_avro_option option;
		bool fits = fl_avro_option(type, &option);

		fields[i].name = record->fields[i].name;
		fields[i].type.nullable = option.null_index >= 0;
		if (!fits || !declare_type(option.type, &fields[i].type))
			return FL_FAIL(err, FL_E_BAD_SCHEMA, "field \"%s\": no column type holds %s",
			    fields[i].name, fl_avro_describe(type, buf, sizeof(buf)));
	}
	columns->count = record->count;
	columns->fields = fields;
	return FL_OK;
}
