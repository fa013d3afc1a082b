/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_option.c - WITH ('key' = 'value', ...): rows of tbl/options.h.
 *
 * Unknown keys, missing keys and wrong values are reported in Flink's words, since
 * that is what people search for.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/util.h"
#include "bind.h"

enum option_name {
#define FL_OPTION(name, key, connectors, kind, choices) FL_OPTION_##name,
#include "tbl/options.h"
#undef FL_OPTION
	FL_OPTION_COUNT,
};

static const struct row {
	const char *key, *connectors;
	enum bind_kind kind;
	const char *choices;
} ROWS[] = {
#define FL_OPTION(name, key, connectors, kind, choices) { key, connectors, kind, choices },
#include "tbl/options.h"
#undef FL_OPTION
};

#define CONNECTORS_MAX 32
#define FORMATS_MAX 32

struct options {
	struct bind *b;
	struct bind_table *bt;
	struct fl_table *table;
	const struct fl_connector_info *connector;
	char letter;		/* of the connector */
	char format_letter;	/* 0: no format */
	const char *format_prefix; /* of its options: "value." after 'value.format' */
	char key_letter;	/* of the key's format; 0: none */
	const struct ast_option *given[FL_OPTION_COUNT];
	int64_t number[FL_OPTION_COUNT]; /* BOOL, DURATION, INTEGER, ENUM */
	/* Of the key's format: "key.json.ignore-parse-errors". */
	const struct ast_option *key_given[FL_OPTION_COUNT];
	int64_t key_number[FL_OPTION_COUNT];
};

/* ---- finding ---- */

static const struct ast_option *
find_option(const struct ast_list *options, const char *key)
{
	uint32_t i;

	for (i = 0; options != NULL && i < options->count; i++) {
		const struct ast_option *opt = options->items[i];

		if (strcmp(opt->key->text, key) == 0)
			return opt;
	}
	return NULL;
}

static bool
is_format_row(const struct row *row)
{
	const struct fl_format_info *info;

	for (uint32_t i = 0; (info = fl_format_info(i)) != NULL; i++)
		if (strchr(row->connectors, info->letter) != NULL)
			return true;
	return false;
}

/* Of which format is told apart by what stands in front of the key. */
static bool
takes_option(const struct options *o, const struct row *row, bool is_key)
{
	char letter = is_key ? o->key_letter : o->format_letter;

	if (is_format_row(row))
		return letter != 0 && strchr(row->connectors, letter) != NULL;
	return !is_key && (row->connectors[0] == '*' || strchr(row->connectors, o->letter) != NULL ||
	    (row->connectors[0] == '+' && o->connector->format != FL_CONNECTOR_FORMAT_NONE &&
		o->connector->format != FL_CONNECTOR_FORMAT_PARTS));
}

/* What stands in front of the row's key. */
static const char *
row_prefix(const struct options *o, const struct row *row, bool is_key)
{
	return !is_format_row(row) ? "" : is_key ? "key." : o->format_prefix;
}

/* The row of a key for this connector and format, or for the key's format; -1: none. */
static int
find_row(const struct options *o, const char *key, bool is_key)
{
	size_t i;

	for (i = 0; i < FL_ARRAY_COUNT(ROWS); i++) {
		const char *name = ROWS[i].key, *prefix = row_prefix(o, &ROWS[i], is_key);
		size_t len = strlen(name), skip = strlen(prefix);

		if (!takes_option(o, &ROWS[i], is_key) || strncmp(key, prefix, skip) != 0)
			continue;
		if (name[len - 1] == '*' ? strncmp(name, key, len - 1) == 0 : strcmp(name, key + skip) == 0)
			return (int)i;
	}
	return -1;
}

static const char *
suggest_key(const struct options *o, const char *key)
{
	const char *keys[2 * FL_ARRAY_COUNT(ROWS)];
	size_t i, n = 0;

	for (i = 0; i < 2 * FL_ARRAY_COUNT(ROWS); i++) {
		const struct row *row = &ROWS[i / 2];
		bool is_key = i % 2 == 1;

		if (takes_option(o, row, is_key))
			keys[n++] = fl_arena_printf(o->b->arena, "%s%s", row_prefix(o, row, is_key), row->key);
	}
	return bind_did_you_mean(o->b, key, keys, n);
}

static enum fl_code
unsupported_options(const struct options *o, const struct ast_option *first, const char *all)
{
	const char *hint = NULL;
	const char *connector = find_option(o->bt->ast->options, "connector")->value->text;

	if (strncmp(first->key->text, "flight.", 7) == 0)
		hint = fl_arena_printf(o->b->arena, "Flight's own settings are SET statements: SET "
		    "'flight.table.%s.<key>' = '...'", o->table->name);
	else
		hint = suggest_key(o, first->key->text);
	return BIND_FAIL(o->b, FL_E_BAD_OPTION, first->key->line, first->key->col, hint,
	    "Unsupported options found for '%s'. Unsupported options: %s%s%s", connector, all,
	    hint != NULL ? "; " : "", hint != NULL ? hint : "");
}

/* ---- values ---- */

static enum fl_code
bad_value(const struct options *o, const struct ast_option *opt, const char *expected)
{
	return BIND_FAIL(o->b, FL_E_BAD_OPTION, opt->value->line, opt->value->col, NULL,
	    "Invalid value for option '%s': '%.80s', expected %s", opt->key->text, opt->value->text,
	    expected);
}

/* properties.<name>: the same table that lib/kafka translates by, so that a misspelt
 * one is found before any broker is asked. */
static enum fl_code
check_property(struct options *o, const struct ast_option *opt)
{
	static const struct {
		const char *name, *action, *java;
	} known[] = {
#define FL_KAFKA_PROPERTY(name, to, scope, action, java) { name, #action, java },
#include "tbl/kafka_properties.h"
#undef FL_KAFKA_PROPERTY
	};
	const char *name = opt->key->text + strlen("properties.");
	const char *names[FL_ARRAY_COUNT(known)], *hint;
	size_t i;

	for (i = 0; i < FL_ARRAY_COUNT(known); i++) {
		names[i] = known[i].name;
		if (strcmp(name, known[i].name) != 0)
			continue;
		if (strcmp(known[i].action, "REFUSE") == 0)
			return BIND_FAIL(o->b, FL_E_BAD_OPTION, opt->key->line, opt->key->col, NULL,
			    "'%s' is refused: configuration must not run code", opt->key->text);
		if (strcmp(known[i].action, "OURS") == 0)
			bind_notice(o->b, opt->key->line, "'%s' is ignored: Flight decides it", opt->key->text);
		if (strcmp(known[i].action, "NONE") == 0)
			bind_notice(o->b, opt->key->line, "'%s' is ignored: it means something to the Java "
			    "client only", opt->key->text);
		if (known[i].java != NULL)
			bind_notice(o->b, opt->key->line, "'%s' is a name of librdkafka: on Flink it has no effect%s%s%s",
			    opt->key->text, known[i].java[0] != '\0' ? ", '" : "",
			    known[i].java[0] != '\0' ? fl_arena_printf(o->b->arena, "properties.%s", known[i].java) : "",
			    known[i].java[0] != '\0' ? "' has" : "");
		return FL_OK;
	}
	hint = bind_did_you_mean(o->b, name, names, FL_ARRAY_COUNT(names));
	return BIND_FAIL(o->b, FL_E_BAD_OPTION, opt->key->line, opt->key->col, hint,
	    "'%.100s' is not a property of a Kafka client%s%s", opt->key->text, hint != NULL ? "; " : "",
	    hint != NULL ? hint : "");
}

static enum fl_code
read_option(struct options *o, int i, bool is_key, const struct ast_option *opt)
{
	const struct row *row = &ROWS[i];
	const char *value = opt->value->text, *expected;

	*(is_key ? &o->key_given[i] : &o->given[i]) = opt;
	if (i == FL_OPTION_PROPERTIES)
		return check_property(o, opt);
	if (row->kind == IGNORED)
		bind_notice(o->b, opt->key->line, "'%s' is ignored: %s", opt->key->text, row->choices);
	if (row->kind == REFUSED)
		return BIND_FAIL(o->b, FL_E_SQL_UNSUPPORTED, opt->key->line, opt->key->col, row->choices,
		    "the option '%s' is not supported%s%s", opt->key->text,
		    row->choices != NULL ? ": " : "", row->choices != NULL ? row->choices : "");
	expected = bind_value(o->b, row->kind, row->choices, value, is_key ? &o->key_number[i] : &o->number[i]);
	if (expected == NULL)
		return FL_OK;
	if (row->kind == ENUM && strchr(row->choices, '|') == NULL)
		return BIND_FAIL(o->b, FL_E_SQL_UNSUPPORTED, opt->value->line, opt->value->col, NULL,
		    "'%s' = '%.80s' is not supported, only '%s'", opt->key->text, value, row->choices);
	return bad_value(o, opt, expected);
}

static enum fl_code
missing_option(const struct options *o, const char *key)
{
	const struct fl_token *at = o->bt->ast->name;

	return BIND_FAIL(o->b, FL_E_BAD_OPTION, at->line, at->col, NULL,
	    "One or more required options are missing. Missing required options are: %s (table "
	    "'%.80s')", key, o->table->name);
}

/* 'partition:0,offset:42;partition:1,offset:300' */
static enum fl_code
read_offsets(const struct options *o, const struct ast_option *opt,
    struct fl_partition_offset **offsets, uint32_t *count)
{
	const char *p = opt->value->text;
	uint32_t n = 1, i;

	for (i = 0; p[i] != '\0'; i++)
		n += p[i] == ';';
	*offsets = FL_ARENA_ARRAY(o->b->arena, struct fl_partition_offset, n);
	for (*count = 0; *p != '\0';) {
		struct fl_partition_offset *at = &(*offsets)[*count];
		long long partition, offset;
		int used = 0;

		if (sscanf(p, " partition:%lld , offset:%lld %n", &partition, &offset, &used) != 2 ||
		    used == 0 || partition < 0 || partition > INT32_MAX || offset < 0 ||
		    (p[used] != ';' && p[used] != '\0'))
			return bad_value(o, opt, "'partition:0,offset:42;partition:1,offset:300'");
		at->partition = (int32_t)partition;
		at->offset = offset;
		for (i = 0; i < *count; i++)
			if ((*offsets)[i].partition == at->partition)
				return bad_value(o, opt, "each partition once");
		(*count)++;
		p += used + (p[used] == ';');
	}
	return *count > 0 ? FL_OK :
	    bad_value(o, opt, "'partition:0,offset:42;partition:1,offset:300'");
}

/* 'a;b' */
static enum fl_code
read_topics(const struct options *o, const struct ast_option *opt)
{
	const char *p = opt->value->text;
	const char **topics;
	uint32_t n = 1, i;

	for (i = 0; p[i] != '\0'; i++)
		n += p[i] == ';';
	topics = FL_ARENA_ARRAY(o->b->arena, const char *, n);
	for (i = 0; i < n; i++) {
		size_t len = strcspn(p, ";");

		while (len > 0 && *p == ' ') {
			p++;
			len--;
		}
		topics[i] = fl_arena_strndup(o->b->arena, p, len);
		while (len > 0 && topics[i][len - 1] == ' ')
			topics[i] = fl_arena_strndup(o->b->arena, topics[i], --len);
		p += strcspn(p, ";") + 1;
		if (len == 0 || len > 249 || strcmp(topics[i], ".") == 0 || strcmp(topics[i], "..") == 0 ||
		    strspn(topics[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != len)
			return bad_value(o, opt, "a topic's name: 1 to 249 of a-z, A-Z, 0-9, '.', '_', '-'");
	}
	o->table->topics = topics;
	o->table->topic_count = n;
	o->table->topic = topics[0];
	return FL_OK;
}

/* ---- connectors ---- */

static enum fl_code
check_pair(const struct options *o, bool wanted, enum option_name name, enum option_name mode)
{
	if (wanted && o->given[name] == NULL)
		return BIND_FAIL(o->b, FL_E_BAD_OPTION, o->given[mode]->key->line,
		    o->given[mode]->key->col, NULL,
		    "'%s' is required in '%s' %s mode but missing.", ROWS[name].key,
		    o->given[mode]->value->text, mode == FL_OPTION_STARTUP_MODE ? "startup" : "bounded");
	if (!wanted && o->given[name] != NULL)
		bind_notice(o->b, o->given[name]->key->line, "'%s' has no effect in this mode",
		    ROWS[name].key);
	return FL_OK;
}

static enum fl_code
apply_startup(struct options *o)
{
	static const enum fl_startup STARTUPS[] = { FL_STARTUP_GROUP_OFFSETS, FL_STARTUP_EARLIEST,
		FL_STARTUP_LATEST, FL_STARTUP_TIMESTAMP, FL_STARTUP_SPECIFIC };
	static const enum fl_bounded BOUNDEDS[] = { FL_BOUNDED_NO, FL_BOUNDED_LATEST,
		FL_BOUNDED_GROUP, FL_BOUNDED_TIMESTAMP, FL_BOUNDED_SPECIFIC };
	struct fl_table *t = o->table;

	t->startup = STARTUPS[o->number[FL_OPTION_STARTUP_MODE]];
	t->bounded = BOUNDEDS[o->number[FL_OPTION_BOUNDED_MODE]];
	FL_TRY(check_pair(o, t->startup == FL_STARTUP_TIMESTAMP, FL_OPTION_STARTUP_TIMESTAMP,
	    FL_OPTION_STARTUP_MODE));
	FL_TRY(check_pair(o, t->startup == FL_STARTUP_SPECIFIC, FL_OPTION_STARTUP_OFFSETS,
	    FL_OPTION_STARTUP_MODE));
	FL_TRY(check_pair(o, t->bounded == FL_BOUNDED_TIMESTAMP, FL_OPTION_BOUNDED_TIMESTAMP,
	    FL_OPTION_BOUNDED_MODE));
	FL_TRY(check_pair(o, t->bounded == FL_BOUNDED_SPECIFIC, FL_OPTION_BOUNDED_OFFSETS,
	    FL_OPTION_BOUNDED_MODE));
	t->startup_timestamp_ms = o->number[FL_OPTION_STARTUP_TIMESTAMP];
	t->bounded_timestamp_ms = o->number[FL_OPTION_BOUNDED_TIMESTAMP];
	if (o->given[FL_OPTION_STARTUP_OFFSETS] != NULL)
		FL_TRY(read_offsets(o, o->given[FL_OPTION_STARTUP_OFFSETS], &t->startup_offsets,
		    &t->startup_offset_count));
	if (o->given[FL_OPTION_BOUNDED_OFFSETS] != NULL)
		FL_TRY(read_offsets(o, o->given[FL_OPTION_BOUNDED_OFFSETS], &t->bounded_offsets,
		    &t->bounded_offset_count));
	return FL_OK;
}

static enum fl_code
apply_partitioner(struct options *o)
{
	const struct ast_option *opt = o->given[FL_OPTION_PARTITIONER];
	int64_t partitioner = o->number[FL_OPTION_PARTITIONER]; /* default, fixed, round-robin */

	/* Flink, too, takes round-robin for the default of Java's client. */
	if (opt != NULL && partitioner == 2 && o->given[FL_OPTION_KEY_FIELDS] != NULL)
		return BIND_FAIL(o->b, FL_E_BAD_OPTION, opt->key->line, opt->key->col, NULL,
		    "Currently 'round-robin' partitioner only works when option 'key.fields' is not specified.");
	o->table->one_partition = opt != NULL && partitioner == 1;
	return FL_OK;
}

/* Every change is a message here; on Flink the two hold changes back, and one alone is refused. */
static enum fl_code
check_flush(struct options *o)
{
	const struct ast_option *rows = o->given[FL_OPTION_FLUSH_ROWS], *interval = o->given[FL_OPTION_FLUSH_INTERVAL];
	const struct ast_option *opt = rows != NULL ? rows : interval;

	if ((rows != NULL) == (interval != NULL) || opt->value->text[0] == '0')
		return FL_OK;
	return BIND_FAIL(o->b, FL_E_BAD_OPTION, opt->key->line, opt->key->col, NULL,
	    "'sink.buffer-flush.max-rows' and 'sink.buffer-flush.interval' must be set to be greater than zero "
	    "together to enable sink buffer flushing.");
}

static enum fl_code
apply_kafka(struct options *o)
{
	struct bind *b = o->b;
	struct fl_table *t = o->table;
	const struct ast_list *options = o->bt->ast->options;
	const struct ast_option *opt;

	if (o->given[FL_OPTION_TOPIC] == NULL)
		return missing_option(o, "topic");
	FL_TRY(read_topics(o, o->given[FL_OPTION_TOPIC]));
	opt = find_option(options, "properties.bootstrap.servers");
	if (opt == NULL && b->env->brokers == NULL)
		return missing_option(o, "properties.bootstrap.servers");
	t->brokers = b->env->brokers != NULL ? b->env->brokers : opt->value->text;
	if (t->brokers[0] == '\0')
		return bad_value(o, opt, "host:port[,host:port]");
	o->bt->has_group_id = find_option(options, "properties.group.id") != NULL;
	opt = find_option(options, "properties.isolation.level");
	if (opt != NULL && bind_choice("read_committed|read_uncommitted", opt->value->text, false) < 0)
		return bad_value(o, opt, "read_committed or read_uncommitted");
	t->discovery_ms = o->given[FL_OPTION_DISCOVERY] != NULL ? o->number[FL_OPTION_DISCOVERY] :
	    INT64_C(300000);
	FL_TRY(apply_startup(o));
	FL_TRY(apply_partitioner(o));
	FL_TRY(check_flush(o));
	o->bt->key_fields = o->given[FL_OPTION_KEY_FIELDS];
	o->bt->key_prefix = o->given[FL_OPTION_KEY_PREFIX];
	o->bt->except_key = o->number[FL_OPTION_VALUE_INCLUDE] == 1;
	if (o->given[FL_OPTION_TXN_PREFIX] != NULL)
		t->txn_prefix = o->given[FL_OPTION_TXN_PREFIX]->value->text;
	if (t->txn_prefix != NULL && t->txn_prefix[0] == '\0')
		return bad_value(o, o->given[FL_OPTION_TXN_PREFIX], "a text");
	if (o->given[FL_OPTION_GUARANTEE] != NULL && o->number[FL_OPTION_GUARANTEE] == 2 &&
	    t->txn_prefix == NULL)
		return BIND_FAIL(b, FL_E_BAD_OPTION, o->given[FL_OPTION_GUARANTEE]->key->line,
		    o->given[FL_OPTION_GUARANTEE]->key->col, NULL,
		    "sink.transactional-id-prefix must be specified when using "
		    "DeliveryGuarantee.EXACTLY_ONCE");
	if (o->given[FL_OPTION_GUARANTEE] != NULL && o->number[FL_OPTION_GUARANTEE] != 2)
		bind_notice(b, o->given[FL_OPTION_GUARANTEE]->key->line,
		    "'sink.delivery-guarantee' = '%s': Flight publishes exactly once all the same",
		    o->given[FL_OPTION_GUARANTEE]->value->text);
	return FL_OK;
}

static enum fl_code
apply_filesystem(struct options *o)
{
	const struct ast_option *opt = o->given[FL_OPTION_PATH];
	const char *path;

	if (opt == NULL)
		return missing_option(o, "path");
	path = opt->value->text;
	if (strncmp(path, "file://", 7) == 0)
		path += 7;
	else if (strstr(path, "://") != NULL)
		return BIND_FAIL(o->b, FL_E_SQL_UNSUPPORTED, opt->value->line, opt->value->col, NULL,
		    "the path '%.120s' is not supported: only local files are", path);
	if (path[0] == '\0')
		return bad_value(o, opt, "a path");
	o->table->place = path;
	o->table->path = bind_path(o->b, path);
	o->table->beside = o->table->path != path ? fl_arena_strdup(o->b->arena, o->b->env->dir) : NULL;
	o->table->roll_size = o->number[FL_OPTION_ROLL_SIZE];
	return FL_OK;
}

static enum fl_code
apply_jdbc(struct options *o)
{
	const struct ast_option *url = o->given[FL_OPTION_URL], *name = o->given[FL_OPTION_TABLE_NAME];
	const struct ast_option *user = o->given[FL_OPTION_USERNAME];
	const struct ast_option *password = o->given[FL_OPTION_PASSWORD];

	if (url == NULL)
		return missing_option(o, "url");
	if (name == NULL)
		return missing_option(o, "table-name");
	if (name->value->text[0] == '\0')
		return bad_value(o, name, "'table' or 'schema.table'");
	if (password != NULL && user == NULL)
		return missing_option(o, "username");
	if (o->given[FL_OPTION_DRIVER] != NULL)
		bind_notice(o->b, o->given[FL_OPTION_DRIVER]->key->line,
		    "'driver' is ignored: Flight has its own for the url");
	o->table->jdbc = FL_ARENA_NEW(o->b->arena, struct fl_jdbc);
	o->table->jdbc->table_name = name->value->text;
	FL_TRY(bind_jdbc_url(o->b, o->table, url->value->text, url->value->line, url->value->col));
	if (user != NULL && o->table->jdbc->scheme == FL_JDBC_SQLITE)
		return BIND_FAIL(o->b, FL_E_BAD_OPTION, user->key->line, user->key->col, NULL,
		    "table '%.80s': a SQLite file has no users: leave out 'username'", o->table->name);
	if (user != NULL)
		bind_jdbc_param(o->b, o->table, "user", user->value->text);
	if (password != NULL)
		bind_jdbc_param(o->b, o->table, "password", password->value->text);
	return FL_OK;
}

static void
apply_common(struct options *o)
{
	struct fl_table *t = o->table;

	o->bt->idle_timeout_ms =
	    o->given[FL_OPTION_IDLE_TIMEOUT] != NULL ? o->number[FL_OPTION_IDLE_TIMEOUT] : -1;
	if (o->given[FL_OPTION_ALIGN_DRIFT] != NULL &&
	    (o->b->align_drift_ms < 0 || o->number[FL_OPTION_ALIGN_DRIFT] < o->b->align_drift_ms))
		o->b->align_drift_ms = o->number[FL_OPTION_ALIGN_DRIFT];
	if (o->given[FL_OPTION_EMIT_STRATEGY] != NULL && o->number[FL_OPTION_EMIT_STRATEGY] == 1)
		bind_notice(o->b, o->given[FL_OPTION_EMIT_STRATEGY]->key->line,
		    "'scan.watermark.emit.strategy' = 'on-periodic' is ignored: watermarks move with "
		    "every record");
	if (o->given[FL_OPTION_PRINT_ID] != NULL)
		t->print_id = o->given[FL_OPTION_PRINT_ID]->value->text;
	t->print_stderr = o->number[FL_OPTION_PRINT_ERR] != 0;
}

/* ---- dead letters ---- */

static enum fl_code
apply_letters(struct options *o)
{
	const struct ast_option *opt = o->given[FL_OPTION_LETTERS_OF];
	const struct bind_table *of;

	if (opt == NULL)
		return missing_option(o, "table");
	of = bind_table_find(o->b, opt->value->text);
	if (of == NULL)
		return BIND_FAIL(o->b, FL_E_BAD_OPTION, opt->value->line, opt->value->col, NULL,
		    "Invalid value for option 'table': there is no table '%.80s'; the table whose dead letters "
		    "are read is declared first", opt->value->text);
	if (of->table->connector == FL_CONNECTOR_DEAD_LETTERS ||
	    strcmp(fl_connector_info(of->table->connector)->source, "none") == 0)
		return BIND_FAIL(o->b, FL_E_BAD_OPTION, opt->value->line, opt->value->col, NULL,
		    "Invalid value for option 'table': '%.80s' has the connector '%s', of which no record can "
		    "become a dead letter", opt->value->text, fl_connector_info(of->table->connector)->name);
	o->table->letters = FL_ARENA_NEW(o->b->arena, struct fl_letters);
	o->table->letters->of = of->table;
	return FL_OK;
}

/* ---- csv ---- */

/* One character; the delimiter may also be written as Java has it. */
static enum fl_code
read_character(const struct options *o, const struct ast_option *const *given, enum option_name name,
    char *out)
{
	const struct ast_option *opt = given[name];
	const char *text = opt != NULL ? opt->value->text : NULL;
	unsigned code;
	int used = 0;

	if (opt == NULL)
		return FL_OK;
	if (name == FL_OPTION_CSV_DELIMITER && strcmp(text, "\\t") == 0)
		text = "\t";
	else if (name == FL_OPTION_CSV_DELIMITER && strcmp(text, "\\\\") == 0)
		text = "\\";
	else if (name == FL_OPTION_CSV_DELIMITER && sscanf(text, "\\u%4x%n", &code, &used) == 1 && used == 6 &&
	    text[6] == '\0' && code > 0 && code < 0x80)
		text = fl_arena_printf(o->b->arena, "%c", (int)code);
	if (strlen(text) != 1 || (unsigned char)text[0] >= 0x80 || text[0] == '\n' || text[0] == '\r')
		return BIND_FAIL(o->b, FL_E_BAD_OPTION, opt->value->line, opt->value->col, NULL,
		    "Option '%s' must be a string with single character, but was: %.40s%s", opt->key->text,
		    opt->value->text, strlen(text) > 1 && (unsigned char)text[0] < 0x80 ? "" :
		    " (an ASCII character that ends no line)");
	*out = text[0];
	return FL_OK;
}

static enum fl_code
read_csv(const struct options *o, const struct ast_option *const *given, const int64_t *number,
    struct fl_csv_options *csv)
{
	const struct ast_option *none = given[FL_OPTION_CSV_NO_QUOTE];

	csv->delimiter = ',';
	csv->quote = '"';
	if (number[FL_OPTION_CSV_NO_QUOTE] != 0) {
		csv->quote = '\0';
		if (given[FL_OPTION_CSV_QUOTE] != NULL)
			return BIND_FAIL(o->b, FL_E_BAD_OPTION, none->key->line, none->key->col, NULL,
			    "Format cannot define a quote character and disabled quote character at the same time.");
	}
	FL_TRY(read_character(o, given, FL_OPTION_CSV_DELIMITER, &csv->delimiter));
	FL_TRY(read_character(o, given, FL_OPTION_CSV_QUOTE, &csv->quote));
	FL_TRY(read_character(o, given, FL_OPTION_CSV_ESCAPE, &csv->escape));
	csv->allow_comments = number[FL_OPTION_CSV_COMMENTS] != 0;
	csv->ignore_parse_errors = number[FL_OPTION_CSV_IGNORE] != 0;
	csv->plain_decimals = o->table->connector != FL_CONNECTOR_FILESYSTEM;
	if (given[FL_OPTION_CSV_NULL] != NULL)
		csv->null_literal = given[FL_OPTION_CSV_NULL]->value->text;
	return FL_OK;
}

/* ---- json ---- */

static enum fl_code
read_json(const struct options *o, const struct ast_option *const *given, const int64_t *number,
    struct fl_json_options *json)
{
	json->ignore_parse_errors = number[FL_OPTION_JSON_IGNORE] != 0;
	json->fail_on_missing_field = number[FL_OPTION_JSON_MISSING] != 0;
	json->iso8601 = number[FL_OPTION_JSON_TIMESTAMP] != 0;
	json->decimal_as_plain = number[FL_OPTION_JSON_PLAIN] != 0;
	json->ignore_null_fields = number[FL_OPTION_JSON_NULLS] != 0;
	json->strict = o->b->json_strict;
	if (json->ignore_parse_errors && json->fail_on_missing_field)
		return BIND_FAIL(o->b, FL_E_BAD_OPTION, given[FL_OPTION_JSON_IGNORE]->key->line,
		    given[FL_OPTION_JSON_IGNORE]->key->col, NULL,
		    "fail-on-missing-field and ignore-parse-errors shouldn't both be true.");
	return FL_OK;
}

/* The formats' own options. */
static enum fl_code
apply_formats(struct options *o)
{
	struct fl_table *t = o->table;
	struct fl_message_key *key = t->key;

	t->raw_little_endian = o->number[FL_OPTION_RAW_ENDIAN] == 1;
	if (t->format == FL_FORMAT_CSV)
		FL_TRY(read_csv(o, o->given, o->number, &t->csv));
	if (t->format == FL_FORMAT_JSON)
		FL_TRY(read_json(o, o->given, o->number, &t->json));
	if (key == NULL)
		return FL_OK;
	key->raw_little_endian = o->key_number[FL_OPTION_RAW_ENDIAN] == 1;
	if (key->format == FL_FORMAT_CSV)
		FL_TRY(read_csv(o, o->key_given, o->key_number, &key->csv));
	if (key->format == FL_FORMAT_JSON)
		FL_TRY(read_json(o, o->key_given, o->key_number, &key->json));
	return FL_OK;
}

/* ---- what it is ---- */

static enum fl_code
bind_connector(struct options *o)
{
	const struct ast_option *opt = find_option(o->bt->ast->options, "connector");
	const struct fl_token *at = o->bt->ast->name;
	const struct fl_connector_info *info;
	const char *names[CONNECTORS_MAX], *hint, *list = "";
	uint32_t i, n = 0;

	if (opt == NULL)
		return BIND_FAIL(o->b, FL_E_BAD_OPTION, at->line, at->col,
		    "WITH ('connector' = 'kafka', ...)",
		    "Table '%.80s' has no 'connector': options do not contain an option key "
		    "'connector' for discovering a connector.", o->table->name);
	for (i = 0; n < CONNECTORS_MAX && (info = fl_connector_info(i)) != NULL; i++) {
		if (i == FL_CONNECTOR_TEST && !o->b->env->allow_test)
			continue;
		names[n++] = info->name;
		list = fl_arena_printf(o->b->arena, "%s%s%s", list, n > 1 ? ", " : "", info->name);
		if (strcmp(opt->value->text, info->name) == 0) {
			o->table->connector = (enum fl_connector)i;
			o->connector = info;
			o->letter = info->letter;
			return FL_OK;
		}
	}
	if (bind_is_refused(BIND_REFUSED_CONNECTOR, opt->value->text))
		return BIND_FAIL(o->b, FL_E_SQL_UNSUPPORTED, opt->value->line, opt->value->col, NULL,
		    "the connector '%s' is not supported; there are %s", opt->value->text, list);
	hint = bind_did_you_mean(o->b, opt->value->text, names, n);
	return BIND_FAIL(o->b, FL_E_BAD_OPTION, opt->value->line, opt->value->col, hint,
	    "Could not find any factory for identifier '%.80s': available connectors are %s",
	    opt->value->text, list);
}

static const struct fl_format_info *
find_format(const char *text)
{
	const struct fl_format_info *info;

	for (uint32_t i = 0; (info = fl_format_info(i)) != NULL; i++)
		if (strcmp(info->text, text) == 0)
			return info;
	return NULL;
}

/* The formats that this connector can take, "avro, json". */
static const char *
list_formats(const struct options *o, const char *names[FORMATS_MAX], size_t *count)
{
	const struct fl_format_info *info;
	const char *list = "";

	*count = 0;
	for (uint32_t i = 0; *count < FORMATS_MAX && (info = fl_format_info(i)) != NULL; i++) {
		if (o->connector->format == FL_CONNECTOR_FORMAT_LINES && !info->is_lines)
			continue;
		list = fl_arena_printf(
		    o->b->arena, "%s%s%s", list, *count > 0 ? ", " : "", info->text);
		names[(*count)++] = info->text;
	}
	return list;
}

static enum fl_code
pick_format(struct options *o, const struct ast_option *opt, const struct fl_format_info **info)
{
	const char *names[FORMATS_MAX], *list;
	size_t count;

	*info = find_format(opt->value->text);
	list = list_formats(o, names, &count);
	if (*info == NULL && bind_is_refused(BIND_REFUSED_FORMAT, opt->value->text))
		return BIND_FAIL(o->b, FL_E_SQL_UNSUPPORTED, opt->value->line, opt->value->col, NULL,
		    "the format '%s' is not supported; there are %s", opt->value->text, list);
	if (*info == NULL)
		return BIND_FAIL(o->b, FL_E_BAD_OPTION, opt->value->line, opt->value->col,
		    bind_did_you_mean(o->b, opt->value->text, names, count),
		    "Could not find any format factory for identifier '%.80s': available formats are %s",
		    opt->value->text, list);
	if (o->connector->format == FL_CONNECTOR_FORMAT_LINES && !(*info)->is_lines)
		return BIND_FAIL(o->b, FL_E_SQL_UNSUPPORTED, opt->value->line, opt->value->col, NULL,
		    "the format '%s' in files is not supported; there is %s", opt->value->text, list);
	return FL_OK;
}

static enum fl_code
bind_format(struct options *o)
{
	const struct ast_option *opt = find_option(o->bt->ast->options, "format");
	const struct ast_option *value = find_option(o->bt->ast->options, "value.format");
	const struct ast_option *key = find_option(o->bt->ast->options, "key.format");
	enum fl_connector_format takes = o->connector->format;
	bool has_parts = takes == FL_CONNECTOR_FORMAT_PARTS;
	const struct fl_format_info *info;

	if (has_parts && (key == NULL || value == NULL))
		return BIND_FAIL(o->b, FL_E_BAD_OPTION, o->bt->ast->name->line, o->bt->ast->name->col, NULL,
		    "Could not find required sink format '%s.format'. (table '%.80s')", key == NULL ? "key" : "value",
		    o->table->name);
	if (has_parts)
		opt = NULL; /* no option of it */
	if (opt != NULL && value != NULL)
		return BIND_FAIL(o->b, FL_E_BAD_OPTION, value->key->line, value->key->col, NULL,
		    "'format' and 'value.format' are the same thing: give one of them");
	if (opt == NULL && value != NULL && (has_parts || o->letter == 'K')) {
		opt = value;
		o->format_prefix = "value.";
	}
	if (takes == FL_CONNECTOR_FORMAT_NONE || (takes == FL_CONNECTOR_FORMAT_FREE && opt == NULL))
		return FL_OK;
	if (opt == NULL)
		return missing_option(o, "format");
	FL_TRY(pick_format(o, opt, &info));
	o->table->format = info->format;
	o->format_letter = info->letter;
	if (key == NULL || (!has_parts && o->letter != 'K'))
		return FL_OK;
	FL_TRY(pick_format(o, key, &info));
	o->table->key = FL_ARENA_NEW(o->b->arena, struct fl_message_key);
	o->table->key->format = info->format;
	o->key_letter = info->letter;
	return FL_OK;
}

/* Stores and certificates lie beside the .sql file, wherever the programs run. */
static const char *
place_file(const struct options *o, const char *key, const char *value)
{
	static const char prefix[] = "properties.ssl.", suffix[] = ".location";
	size_t size = strlen(key);

	if (value[0] == '\0' || strcmp(value, "probe") == 0 ||
	    strncmp(key, prefix, sizeof(prefix) - 1) != 0 || size < sizeof(suffix) ||
	    strcmp(key + size - (sizeof(suffix) - 1), suffix) != 0)
		return value;
	return bind_path(o->b, value);
}

static enum fl_code
read_all(struct options *o)
{
	const struct ast_list *options = o->bt->ast->options;
	const struct ast_option *unknown = NULL;
	struct fl_table *t = o->table;
	const char *all = "";
	uint32_t i, k;

	t->options = FL_ARENA_ARRAY(o->b->arena, struct fl_option, options->count);
	for (i = 0; i < options->count; i++) {
		const struct ast_option *opt = options->items[i];
		struct fl_option *to = &t->options[t->option_count++];
		int row = find_row(o, opt->key->text, false);
		int key_row = row >= 0 ? -1 : find_row(o, opt->key->text, true);

		for (k = 0; k < i; k++)
			if (strcmp(((const struct ast_option *)options->items[k])->key->text,
			    opt->key->text) == 0)
				return BIND_FAIL(o->b, FL_E_BAD_OPTION, opt->key->line, opt->key->col, NULL,
				    "the option '%.80s' is given twice", opt->key->text);
		to->key = opt->key->text;
		to->value = place_file(o, opt->key->text, opt->value->text);
		to->line = opt->key->line;
		to->col = opt->key->col;
		if (row >= 0 || key_row >= 0) {
			FL_TRY(read_option(o, row >= 0 ? row : key_row, key_row >= 0, opt));
			continue;
		}
		if (unknown == NULL)
			unknown = opt;
		all = fl_arena_printf(o->b->arena, "%s%s%.80s", all, all[0] != '\0' ? ", " : "",
		    opt->key->text);
	}
	return unknown == NULL ? FL_OK : unsupported_options(o, unknown, all);
}

/* ---- values that stand in files of their own ---- */

/* The option's value: the text of the file without the newline at its end.  It is read
 * from disk whenever the pipeline is compiled, and not kept in the catalog. */
static enum fl_code
read_option_file(struct bind *b, const struct setting *s, const char **value)
{
	const char *path = bind_path(b, s->value);
	struct fl_err err = { .code = FL_OK };
	struct stat st;
	struct fl_buf text;
	enum fl_code code;

	fl_buf_init(&text);
	code = fl_file_read(path, BIND_SECRET_MAX, &text, &err);
	while (code == FL_OK && text.size > 0 && strchr("\r\n", text.data[text.size - 1]) != NULL)
		text.size--;
	if (code != FL_OK)
		code = BIND_FAIL(b, FL_E_NO_SUCH_FILE, s->line, s->col, NULL, "'%.120s': %s", s->key, err.text);
	else if (text.size == 0 || memchr(text.data, '\0', text.size) != NULL)
		code = BIND_FAIL(b, FL_E_BAD_OPTION, s->line, s->col, NULL,
		    "'%.120s': file '%.120s' %s", s->key, path, text.size == 0 ? "is empty" : "is no text");
	else
		*value = fl_arena_strndup(b->arena, text.data, text.size);
	fl_buf_fini(&text);
	if (code == FL_OK && stat(path, &st) == 0 && (st.st_mode & S_IROTH) != 0)
		bind_notice(b, s->line, "'%s': everybody can read '%s'", s->key, path);
	return code;
}

static struct fl_token *
make_token(struct bind *b, const struct setting *s, const char *text)
{
	struct fl_token *token = FL_ARENA_NEW(b->arena, struct fl_token);

	token->line = s->line;
	token->col = s->col;
	token->text = text;
	token->size = (uint32_t)strlen(text);
	return token;
}

/* SET 'flight.table.<table>.<option>-file' = 'FILE': as if <option> stood in WITH. */
static enum fl_code
add_option_files(struct bind *b, struct bind_table *bt)
{
	const char *prefix = fl_arena_printf(b->arena, "flight.table.%s.", bt->table->name);
	size_t skip = strlen(prefix), tail = strlen(BIND_FILE_SUFFIX);

	for (uint32_t i = 0; i < b->setting_count; i++) {
		const struct setting *s = &b->settings[i];
		struct ast_option *option;
		const char *value = NULL;
		size_t size = strlen(s->key);

		if (strncmp(s->key, prefix, skip) != 0 || !bind_is_file_key(s->key) || size <= skip + tail ||
		    bind_is_table_key(s->key + skip))
			continue;
		FL_TRY(read_option_file(b, s, &value));
		option = FL_ARENA_NEW(b->arena, struct ast_option);
		option->key = make_token(b, s, fl_arena_strndup(b->arena, s->key + skip, size - skip - tail));
		option->value = make_token(b, s, value);
		fl_ast_append(b->arena, bt->ast->options, option);
		bt->table->has_option_files = true;
	}
	return FL_OK;
}

enum fl_code
bind_options(struct bind *b, struct bind_table *bt)
{
	struct options o = { .b = b, .bt = bt, .table = bt->table, .format_prefix = "" };

	FL_TRY(add_option_files(b, bt));
	FL_TRY(bind_connector(&o));
	FL_TRY(bind_format(&o));
	FL_TRY(read_all(&o));
	apply_common(&o);
	FL_TRY(apply_formats(&o));
	if (fl_table_is_kafka(bt->table))
		return apply_kafka(&o);
	if (bt->table->connector == FL_CONNECTOR_FILESYSTEM)
		return apply_filesystem(&o);
	if (bt->table->connector == FL_CONNECTOR_JDBC)
		return apply_jdbc(&o);
	if (bt->table->connector == FL_CONNECTOR_DEAD_LETTERS)
		return apply_letters(&o);
	return FL_OK;
}
