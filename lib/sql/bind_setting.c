/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_setting.c - SET 'key' = 'value': rows of tbl/settings.h.
 *
 * SETs are one set of values for the whole script; on Flink they act on the INSERTs
 * after them, so one that stands after an INSERT is refused rather than misread.
 */
#include <string.h>

#include "bind.h"

enum setting_name {
#define FL_SETTING(name, key, kind, choices, help) FL_SETTING_##name,
#include "tbl/settings.h"
	FL_SETTING_COUNT,
};

static const struct row {
	const char *key;
	enum bind_kind kind;
	const char *choices;
} ROWS[] = {
#define FL_SETTING(name, key, kind, choices, help) { key, kind, choices },
#include "tbl/settings.h"
};

static const char *const TABLE_KEYS[] = {
#define FL_TABLE_SETTING(name, key, help) key,
#include "tbl/settings.h"
};

static bool
key_matches(const char *row, const char *key)
{
	size_t len = strlen(row);

	if (len > 0 && row[len - 1] == '*')
		return strncmp(row, key, len - 1) == 0;
	return strcmp(row, key) == 0;
}

int
bind_choice(const char *choices, const char *value, bool any_case)
{
	size_t len = strlen(value), n;
	int i = 0;

	for (;; choices += n + 1, i++) {
		n = strcspn(choices, "|");
		if (n == len && (any_case ? strncasecmp(choices, value, n) : strncmp(choices, value, n)) == 0)
			return i;
		if (choices[n] == '\0')
			return -1;
	}
}

static enum fl_code
bad_value(struct bind *b, const struct setting *s, const char *expected)
{
	return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
	    "Could not parse value '%.80s' for key '%s': expected %s", s->value, s->key, expected);
}

const char *
bind_value(struct bind *b, enum bind_kind kind, const char *choices, const char *value,
    int64_t *number)
{
	bool good;

	switch (kind) {
	case BOOL:
		*number = bind_choice("false|true", value, true);
		return *number >= 0 ? NULL : "true or false";
	case DURATION:
	case CHECKED:
		good = fl_parse_duration_ms(value, number) && *number >= 0;
		return good ? NULL : "a duration such as '30 s', '5 min' or '100 ms'";
	case MEMORY:
		good = fl_parse_memory(value, number) && *number > 0;
		return good ? NULL : "a size such as '128MB', '64 kb' or '1000' (bytes)";
	case INTEGER:
		return fl_parse_i64(value, number) && *number >= 0 ? NULL : "a number of 0 or more";
	case COUNT:
		return fl_parse_i64(value, number) && *number >= 1 ? NULL : "a number of at least 1";
	case ENUM:
		*number = bind_choice(choices, value, true);
		return *number >= 0 ? NULL : fl_arena_printf(b->arena, "one of %s", choices);
	case TEXT:
	case IGNORED:
	case REFUSED:
		break;
	}
	return NULL;
}

static enum fl_code
read_value(struct bind *b, const struct row *row, const struct setting *s, int64_t *number)
{
	const char *expected = row->kind == TEXT && s->value[0] == '\0' ? "a text" :
	    bind_value(b, row->kind, row->choices, s->value, number);

	if (expected != NULL)
		return bad_value(b, s, expected);
	if (row->kind == IGNORED)
		bind_notice(b, s->line, "SET '%s' is ignored: %s", s->key, row->choices);
	if (row->kind == REFUSED)
		return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, s->line, s->col, NULL,
		    "window table function based aggregate doesn't support early-fire and late-fire "
		    "('%s'): %s", s->key, row->choices);
	return FL_OK;
}

/* A pipeline's name becomes a directory, a transactional.id and a metric label. */
static enum fl_code
check_name(struct bind *b, const struct setting *s)
{
	size_t len = strlen(s->value);

	if (len <= 100 && s->value[0] != '.' && s->value[0] != '-' &&
	    strspn(s->value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == len)
		return FL_OK;
	return bad_value(b, s, "at most 100 of a-z, A-Z, 0-9, '_', '-', '.', the first not '.' or '-'");
}

static enum fl_code
apply_setting(struct bind *b, enum setting_name name, const struct setting *s, int64_t number)
{
	struct fl_plan *plan = b->plan;

	switch (name) {
	case FL_SETTING_ZONE:
		if (!fl_zone_exists(s->value))
			return bad_value(b, s, "a time zone such as 'UTC' or 'Europe/Berlin'");
		plan->zone = s->value;
		break;
	case FL_SETTING_NAME:
		FL_TRY(check_name(b, s));
		plan->name = s->value;
		break;
	case FL_SETTING_IDLE:
		b->idle_timeout_ms = number;
		break;
	case FL_SETTING_NOT_NULL:
		plan->not_null_drop = number == 1;
		break;
	case FL_SETTING_MODE:
		if (number != 0)
			return BIND_FAIL(b, FL_E_SQL_UNSUPPORTED, s->line, s->col,
			    "a bounded source ends the pipeline by itself",
			    "'execution.runtime-mode' = '%s' is not supported: only streaming", s->value);
		break;
	case FL_SETTING_ROWTIME_NULL:
		bind_notice(b, s->line, "SET '%s' is ignored: a row without event time becomes a dead "
		    "letter where a window needs it", s->key);
		break;
	case FL_SETTING_QUIET:
		plan->quiet_close_ms = number;
		break;
	case FL_SETTING_FUTURE:
		plan->max_future_ms = number;
		break;
	case FL_SETTING_DRIFT:
		plan->max_drift_ms = number;
		break;
	case FL_SETTING_STATE_LIMIT:
		plan->state_limit_keys = number;
		break;
	case FL_SETTING_STRICT:
		b->json_strict = number != 0;
		break;
	case FL_SETTING_TTL:
		plan->state_ttl_ms = number;
		b->ttl_line = s->line;
		break;
	case FL_SETTING_SERVE_PORT:
		if (number > 65535)
			return bad_value(b, s, "a port of 1 to 65535");
		plan->serve_port = (uint16_t)number;
		break;
	case FL_SETTING_PUBLISH: /* bind_publishes() */
		break;
	case FL_SETTING_CHECKPOINT:
		plan->has_checkpoint_interval = number > 0;
		break;
	case FL_SETTING_WATERMARK_INTERVAL:
	case FL_SETTING_EARLY_FIRE:
	case FL_SETTING_LATE_FIRE:
	case FL_SETTING_LATENESS:
	case FL_SETTING_PARALLELISM:
	case FL_SETTING_TABLE_PARALLELISM:
	case FL_SETTING_MINI_BATCH:
	case FL_SETTING_OPTIMIZER:
	case FL_SETTING_STATE_BACKEND:
	case FL_SETTING_EXECUTION:
	case FL_SETTING_RESTART:
	case FL_SETTING_CLIENT:
	case FL_SETTING_OBJECT_REUSE:
	case FL_SETTING_COUNT:
		break;
	}
	return FL_OK;
}

bool
bind_is_table_key(const char *key)
{
	for (size_t i = 0; i < FL_ARRAY_COUNT(TABLE_KEYS); i++)
		if (strcmp(key, TABLE_KEYS[i]) == 0)
			return true;
	return false;
}

bool
bind_is_file_key(const char *key)
{
	size_t size = strlen(key), tail = strlen(BIND_FILE_SUFFIX);

	return size > tail && strcmp(key + size - tail, BIND_FILE_SUFFIX) == 0;
}

/* flight.table.<table>.<key>: the table's name may hold dots, the keys hold none, but for
 * those of options: <option>-file. */
static enum fl_code
check_table_setting(struct bind *b, struct setting *s)
{
	const char *rest = s->key + strlen("flight.table."), *dot = strrchr(rest, '.'), *all;
	size_t i;

	if (dot == NULL || dot == rest)
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
		    "the key '%s' is not of the form flight.table.<table>.<key>", s->key);
	if (bind_is_file_key(s->key) || bind_is_table_key(dot + 1))
		return FL_OK; /* looked up when the table is bound */
	all = TABLE_KEYS[0];
	for (i = 1; i < FL_ARRAY_COUNT(TABLE_KEYS); i++)
		all = fl_arena_printf(b->arena, "%s, %s", all, TABLE_KEYS[i]);
	return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col,
	    bind_did_you_mean(b, dot + 1, TABLE_KEYS, FL_ARRAY_COUNT(TABLE_KEYS)),
	    "unknown key '%s': of a table there are %s", s->key, all);
}

static enum fl_code
unknown_setting(struct bind *b, const struct setting *s)
{
	const char *keys[FL_ARRAY_COUNT(ROWS)], *hint;
	size_t i;

	for (i = 0; i < FL_ARRAY_COUNT(ROWS); i++)
		keys[i] = ROWS[i].key;
	hint = bind_did_you_mean(b, s->key, keys, FL_ARRAY_COUNT(keys));
	if (strncmp(s->key, "flight.", 7) == 0)
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, hint, "unknown key '%.100s'%s%s",
		    s->key, hint != NULL ? "; " : "", hint != NULL ? hint : "");
	bind_notice(b, s->line, "SET '%.100s' is unknown and ignored%s%s", s->key,
	    hint != NULL ? "; " : "", hint != NULL ? hint : "");
	return FL_OK;
}

static enum fl_code
bind_one(struct bind *b, struct setting *s)
{
	int64_t number = 0;
	size_t i;

	if (strncmp(s->key, "flight.table.", 13) == 0)
		return check_table_setting(b, s);
	for (i = 0; i < FL_ARRAY_COUNT(ROWS); i++) {
		if (!key_matches(ROWS[i].key, s->key))
			continue;
		FL_TRY(read_value(b, &ROWS[i], s, &number));
		return apply_setting(b, (enum setting_name)i, s, number);
	}
	return unknown_setting(b, s);
}

enum fl_code
bind_settings(struct bind *b, const struct ast_list *statements)
{
	bool after_insert = false;
	uint32_t i;

	b->settings = FL_ARENA_ARRAY(b->arena, struct setting, statements->count);
	for (i = 0; i < statements->count; i++) {
		const struct ast_statement *statement = statements->items[i];
		struct setting *s;

		after_insert |= statement->kind == AST_INSERT;
		if (statement->kind != AST_SET)
			continue;
		s = &b->settings[b->setting_count++];
		s->key = statement->set->key->text;
		s->value = statement->set->value->text;
		s->line = statement->set->key->line;
		s->col = statement->set->key->col;
		if (after_insert)
			return BIND_FAIL(b, FL_E_SQL_BIND, statement->line, statement->col, NULL,
			    "SET '%.80s' stands after an INSERT, on which it has no effect: move it before "
			    "the first INSERT", s->key);
		FL_TRY(bind_one(b, s));
	}
	return FL_OK;
}

/* ---- flight.publish.<path> ---- */

#define PUBLISH_PREFIX "flight.publish."
#define PUBLISH_PATH_MAX 200

static const char *const OWN_PATHS[] = {
#define FL_ROUTE(path, name, methods, where, type, help) path,
#include "tbl/routes.h"
#undef FL_ROUTE
};

static enum fl_code
check_path(struct bind *b, const struct setting *s, const char *path)
{
	size_t len = strlen(path), i;

	if (path[0] != '/' || len < 2 || len > PUBLISH_PATH_MAX || path[len - 1] == '/' ||
	    strstr(path, "//") != NULL ||
	    strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._~/-") != len)
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
		    "the key '%.230s' does not end with a path such as /totals: at most %d of a-z, A-Z, "
		    "0-9, '_', '-', '.', '~' and single '/'", s->key, PUBLISH_PATH_MAX);
	for (i = 0; i < FL_ARRAY_COUNT(OWN_PATHS); i++)
		if (strcmp(path, OWN_PATHS[i]) == 0)
			return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
			    "'%s': that path is serve's own", s->key);
	for (i = 0; i < b->plan->publish_count; i++)
		if (strcmp(path, b->plan->publishes[i].path) == 0)
			return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
			    "'%s' is set twice", s->key);
	return FL_OK;
}

static bool
is_select(const char *value)
{
	static const char *const words[] = { "SELECT", "WITH", "VALUES" };
	size_t i, len;

	value += strspn(value, " \t\r\n(");
	for (i = 0; i < FL_ARRAY_COUNT(words); i++) {
		len = strlen(words[i]);
		if (strncasecmp(value, words[i], len) == 0 && strchr(" \t\r\n(*'\"`-", value[len]) != NULL)
			return true;
	}
	return false;
}

static enum fl_code
bind_publish(struct bind *b, const struct setting *s)
{
	struct fl_publish *publish = &b->plan->publishes[b->plan->publish_count];
	const char *all = "none";
	uint32_t i;

	*publish = (struct fl_publish){ .path = s->key + strlen(PUBLISH_PREFIX), .line = s->line,
		.col = s->col };
	FL_TRY(check_path(b, s, publish->path));
	for (i = 0; i < b->plan->sink_count; i++) {
		if (strcmp(b->plan->sinks[i]->name, s->value) == 0)
			publish->table = b->plan->sinks[i];
		all = i == 0 ? b->plan->sinks[i]->name :
			       fl_arena_printf(b->arena, "%s, %s", all, b->plan->sinks[i]->name);
	}
	if (publish->table == NULL && !is_select(s->value))
		return BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
		    "'%s' = '%.80s': expected a table that the pipeline writes (%s) or a SELECT", s->key,
		    s->value, all);
	publish->select = s->value;
	b->plan->publish_count++;
	return FL_OK;
}

enum fl_code
bind_publishes(struct bind *b)
{
	uint32_t i;

	b->plan->publishes = FL_ARENA_ARRAY(b->arena, struct fl_publish, b->setting_count + 1);
	for (i = 0; i < b->setting_count; i++) {
		const struct setting *s = &b->settings[i];

		if (strncmp(s->key, PUBLISH_PREFIX, strlen(PUBLISH_PREFIX)) != 0)
			continue;
		FL_TRY(bind_publish(b, s));
		if (b->plan->serve_port == 0)
			bind_notice(b, s->line, "nothing answers at %s until the instance has a port: SET "
			    "'flight.serve.port', or flightctl up --set serve.port=PORT",
			    s->key + strlen(PUBLISH_PREFIX));
	}
	return FL_OK;
}
