/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_key.c - 'key.format', 'key.fields', 'key.fields-prefix', 'value.fields-include':
 * which columns of a Kafka table the key of a message holds, and which its value.  Of
 * upsert-kafka the key is the PRIMARY KEY.
 *
 * What is wrong is said as Flink's connector says it.
 */
#include <string.h>

#include "bind.h"

/* "[id, name]": what Flink calls the physical fields; a ROW is one. */
static const char *
list_columns(struct bind *b, const struct bind_table *bt)
{
	const struct ast_list *columns = bt->ast->columns;
	const char *list = "[";

	for (uint32_t i = 0; i < columns->count; i++) {
		const struct ast_column *column = columns->items[i];

		if (column->kind == AST_COLUMN_PHYSICAL)
			list = fl_arena_printf(b->arena, "%s%s%s", list, list[1] != '\0' ? ", " : "", column->name->text);
	}
	return fl_arena_printf(b->arena, "%s]", list);
}

static enum fl_code
find_column(struct bind *b, const struct bind_table *bt, const char *name, uint32_t *index)
{
	const struct fl_schema *physical = &bt->table->physical;
	const struct fl_token *at = bt->key_fields->value;

	for (*index = 0; *index < physical->count; (*index)++) {
		const struct fl_field *field = &physical->fields[*index];

		if (field->in == NULL && strcmp(field->name, name) == 0)
			break;
		if (field->in != NULL && strcmp(bind_row_column(field->in), name) == 0)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, at->line, at->col, NULL,
			    "the key field '%.80s' is a ROW: no key can hold one", name);
	}
	if (*index == physical->count)
		return BIND_FAIL(b, FL_E_BAD_OPTION, at->line, at->col, NULL,
		    "Could not find the field '%.80s' in the table schema for usage in the key format. A key field "
		    "must be a regular, physical column. The following columns can be selected in the 'key.fields' "
		    "option: %s", name, list_columns(b, bt));
	return FL_OK;
}

static enum fl_code
add_field(struct bind *b, const struct bind_table *bt, struct fl_message_key *key, uint32_t index)
{
	const struct fl_field *field = &bt->table->physical.fields[index];
	const struct ast_option *opt = bt->key_prefix;
	const char *prefix = opt != NULL ? opt->value->text : "";

	if (strncmp(field->name, prefix, strlen(prefix)) != 0)
		return BIND_FAIL(b, FL_E_BAD_OPTION, opt->key->line, opt->key->col, NULL,
		    "All fields in 'key.fields' must be prefixed with '%.80s' when option 'key.fields-prefix' is "
		    "set but field '%.80s' is not prefixed.", prefix, field->name);
	key->columns[key->schema.count] = index;
	key->schema.fields[key->schema.count] = *field;
	key->schema.fields[key->schema.count++].name += strlen(prefix);
	return FL_OK;
}

/* 'a;b' */
static enum fl_code
read_fields(struct bind *b, const struct bind_table *bt, struct fl_message_key *key)
{
	const struct fl_token *at = bt->key_fields->value;
	const char *p = at->text, *name;

	for (;;) {
		size_t size = strcspn(p, ";"), used = size;
		uint32_t index;

		for (; used > 0 && *p == ' '; used--, size--)
			p++;
		while (used > 0 && p[used - 1] == ' ')
			used--;
		name = fl_arena_strndup(b->arena, p, used);
		FL_TRY(find_column(b, bt, name, &index));
		for (uint32_t i = 0; i < key->schema.count; i++)
			if (key->columns[i] == index)
				return BIND_FAIL(b, FL_E_BAD_OPTION, at->line, at->col, NULL,
				    "the key field '%.80s' is named twice", name);
		FL_TRY(add_field(b, bt, key, index));
		p += size;
		if (*p++ == '\0')
			return FL_OK;
	}
}

static enum fl_code
take_fields(struct bind *b, const struct bind_table *bt, struct fl_message_key *key)
{
	const struct fl_table *t = bt->table;

	key->columns = FL_ARENA_ARRAY(b->arena, uint32_t, t->physical.count);
	key->schema.fields = FL_ARENA_ARRAY(b->arena, struct fl_field, t->physical.count);
	if (bt->key_fields != NULL)
		return read_fields(b, bt, key);
	for (uint32_t i = 0; i < t->primary_key_count; i++)
		FL_TRY(add_field(b, bt, key, t->primary_key[i]));
	return FL_OK;
}

static bool
is_of_key(const struct fl_message_key *key, uint32_t column)
{
	for (uint32_t i = 0; i < key->schema.count; i++)
		if (key->columns[i] == column)
			return true;
	return false;
}

static void
take_value(struct bind *b, const struct fl_schema *physical, struct fl_message_key *key)
{
	key->value.fields = FL_ARENA_ARRAY(b->arena, struct fl_field, physical->count);
	key->value_columns = FL_ARENA_ARRAY(b->arena, uint32_t, physical->count);
	for (uint32_t c = 0; c < physical->count; c++) {
		if (!key->is_in_value && is_of_key(key, c))
			continue;
		key->value_columns[key->value.count] = c;
		key->value.fields[key->value.count++] = physical->fields[c];
	}
}

/* In a stream's blocks: the value's columns, then those that only the key has, each as its
 * decoder wants them; metadata stay behind. */
static void
place_columns(struct bind *b, struct fl_table *t)
{
	const struct fl_message_key *key = t->key;
	int32_t *place = FL_ARENA_ARRAY(b->arena, int32_t, t->physical.count + 1), next = 0;
	uint32_t physical = 0;

	for (uint32_t i = 0; i < key->value.count; i++)
		place[key->value_columns[i]] = next++;
	for (uint32_t i = 0; !key->is_in_value && i < key->schema.count; i++)
		place[key->columns[i]] = next++;
	for (uint32_t i = 0; i < t->column_count; i++)
		if (t->columns[i].kind == FL_COLUMN_PHYSICAL)
			t->columns[i].stream_column = place[physical++];
}

enum fl_code
bind_key(struct bind *b, struct bind_table *bt)
{
	struct fl_table *t = bt->table;
	struct fl_message_key *key = t->key;
	const struct ast_option *prefix = bt->key_prefix;

	if (key == NULL && bt->key_fields != NULL)
		return BIND_FAIL(b, FL_E_BAD_OPTION, bt->key_fields->key->line, bt->key_fields->key->col, NULL,
		    "The option 'key.fields' can only be declared if a key format is defined using 'key.format'.");
	if (key != NULL && t->connector == FL_CONNECTOR_KAFKA &&
	    (bt->key_fields == NULL || bt->key_fields->value->text[0] == '\0'))
		return BIND_FAIL(b, FL_E_BAD_OPTION, bt->line, bt->col, "'key.fields' = 'a;b'",
		    "table '%.80s': A key format 'key.format' requires the declaration of one or more of key "
		    "fields using 'key.fields'.", t->name);
	if (key != NULL)
		FL_TRY(take_fields(b, bt, key));
	if (prefix != NULL && prefix->value->text[0] != '\0' && !bt->except_key)
		return BIND_FAIL(b, FL_E_BAD_OPTION, prefix->key->line, prefix->key->col, NULL,
		    "A key prefix is not allowed when option 'value.fields-include' is set to 'ALL'. Set it to "
		    "'EXCEPT_KEY' instead to avoid field overlaps.");
	if (key == NULL)
		return FL_OK;
	key->is_in_value = !bt->except_key;
	take_value(b, &t->physical, key);
	if (key->value.count == 0)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, bt->line, bt->col, NULL,
		    "table '%.80s': all columns are key fields, so there is nothing for the value", t->name);
	place_columns(b, t);
	return FL_OK;
}

void
fl_table_print_key(const struct fl_table *t, struct fl_buf *out)
{
	const struct fl_message_key *key = t->key;
	char type[64];

	fl_buf_printf(out, "%s", fl_format_name(key->format));
	if (key->format == FL_FORMAT_JSON)
		fl_buf_printf(out, ":%d%d%d%d%d%d", key->json.ignore_parse_errors, key->json.fail_on_missing_field,
		    key->json.iso8601, key->json.strict, key->json.decimal_as_plain, key->json.ignore_null_fields);
	if (key->format == FL_FORMAT_CSV)
		fl_csv_options_print(&key->csv, false, out);
	if (key->raw_little_endian)
		fl_buf_str(out, ":little-endian");
	fl_buf_str(out, key->is_in_value ? " in value (" : " (");
	for (uint32_t i = 0; i < key->schema.count; i++) {
		fl_buf_str(out, i > 0 ? "," : "");
		fl_buf_json(out, key->schema.fields[i].name, strlen(key->schema.fields[i].name));
		fl_buf_printf(out, " %s", fl_type_print(&key->schema.fields[i].type, type, sizeof(type)));
	}
	fl_buf_byte(out, ')');
}
