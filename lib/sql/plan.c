/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plan.c - a script to a plan, and the plan's canonical text.
 *
 * The text holds everything that decides results and what state means: zone, time
 * settings, the tables in use as streams and sinks, the trees.  It leaves out what
 * may change under a running pipeline: addresses, credentials, where reading
 * started, read-ahead and state limits.  Two plans with one text are one plan.
 */
#include "sql/plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bind.h"

#define PLAN_TEXT_VERSION 1

/* ---- helpers of the binder ---- */

void
bind_notice(struct bind *b, uint32_t line, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fl_ast_append(b->arena, b->notices, fl_arena_printf(b->arena, "line %u: %s", line, text));
}

const char *
bind_path(const struct bind *b, const char *path)
{
	return path[0] == '/' || b->env->dir == NULL
		   ? path
		   : fl_arena_printf(b->arena, "%s/%s", b->env->dir, path);
}

const char *
bind_did_you_mean(struct bind *b, const char *word, const char *const *candidates, size_t count)
{
	const char *best = NULL;
	size_t i;

	for (i = 0; i < count && best == NULL; i++)
		if (strcasecmp(word, candidates[i]) == 0)
			best = candidates[i];
	if (best == NULL && strlen(word) < 100)
		best = fl_closest(word, candidates, count);
	if (best == NULL || best[0] == '\0')
		return NULL;
	return fl_arena_printf(b->arena, "did you mean '%s'?", best);
}

bool
bind_is_refused(enum bind_refused kind, const char *name)
{
	static const struct {
		enum bind_refused kind;
		const char *name;
	} ROWS[] = {
#define FL_REFUSED_NAME(kind, name) { BIND_REFUSED_##kind, name },
#include "tbl/refused.h"
	};
	size_t i;

	for (i = 0; i < FL_ARRAY_COUNT(ROWS); i++)
		if (ROWS[i].kind == kind && strcasecmp(ROWS[i].name, name) == 0)
			return true;
	return false;
}

const char *
fl_table_option(const struct fl_table *table, const char *key)
{
	uint32_t i;

	for (i = 0; i < table->option_count; i++)
		if (strcmp(table->options[i].key, key) == 0)
			return table->options[i].value;
	return NULL;
}

/* Flink's print and blackhole take every kind; what stays where it is written takes none;
 * a way out into tables takes them by key. */
enum fl_takes_changes
fl_table_takes_changes(const struct fl_table *table)
{
	if (table->connector == FL_CONNECTOR_PRINT || table->connector == FL_CONNECTOR_BLACKHOLE ||
	    table->connector == FL_CONNECTOR_TEST)
		return FL_TAKES_ALL_CHANGES;
	if (table->connector == FL_CONNECTOR_KAFKA || table->connector == FL_CONNECTOR_FILESYSTEM ||
	    table->primary_key_count == 0)
		return FL_TAKES_NO_CHANGES;
	return FL_TAKES_UPSERTS;
}

/* ---- the text ---- */

const struct fl_connector_info *
fl_connector_info(uint32_t connector)
{
	static const struct fl_connector_info ROWS[] = {
#define FL_CONNECTOR(name, text, letter, format, source, sink) \
	{ text, letter, FL_CONNECTOR_FORMAT_##format, #source, #sink },
#include "tbl/connectors.h"
#undef FL_CONNECTOR
	};

	return connector < FL_ARRAY_COUNT(ROWS) ? &ROWS[connector] : NULL;
}

static const char *const window_names[] = {
#define FL_WINDOW(name, ident, step, help) #ident,
#include "tbl/windows.h"
#undef FL_WINDOW
};

static void
print_exprs(struct fl_expr *const *exprs, const struct fl_schema *over, const struct fl_schema *names,
    uint32_t count, struct fl_buf *out)
{
	uint32_t i;

	fl_buf_byte(out, '[');
	for (i = 0; i < count; i++) {
		const char *name = names != NULL ? names->fields[i].name : NULL;

		if (i > 0)
			fl_buf_str(out, ", ");
		fl_expr_print(exprs[i], over, out);
		if (name != NULL && !(exprs[i]->kind == FL_EXPR_COLUMN &&
		    strcmp(over->fields[exprs[i]->column].name, name) == 0))
			fl_buf_printf(out, " AS %s", name);
	}
	fl_buf_byte(out, ']');
}

static void
print_aggs(const struct fl_node *node, struct fl_buf *out)
{
	const struct fl_schema *over = &node->input->schema;
	uint32_t i;

	fl_buf_byte(out, '[');
	for (i = 0; i < node->agg_count; i++) {
		const struct fl_agg *agg = &node->aggs[i];

		fl_buf_printf(out, "%s%s(", i == 0 ? "" : ", ", agg->fn->name);
		if (agg->arg != NULL)
			fl_expr_print(agg->arg, over, out);
		else
			fl_buf_byte(out, '*');
		fl_buf_byte(out, ')');
		if (agg->filter != NULL) {
			fl_buf_str(out, " FILTER ");
			fl_expr_print(agg->filter, over, out);
		}
		fl_buf_printf(out, " AS %s", node->schema.fields[node->key_count + i].name);
	}
	fl_buf_byte(out, ']');
}

static void
print_topn(const struct fl_node *node, struct fl_buf *out)
{
	const struct fl_schema *over = &node->input->schema;
	uint32_t i;

	fl_buf_printf(out, "TOPN rank=%" PRId64 "..%" PRId64 " partition=[", node->rank_from, node->rank_to);
	for (i = 0; i < node->partition_count; i++)
		fl_buf_printf(out, "%s%s", i == 0 ? "" : ", ", over->fields[node->partition_columns[i]].name);
	fl_buf_str(out, "] order=[");
	for (i = 0; i < node->sort_count; i++)
		fl_buf_printf(out, "%s%s %s NULLS %s", i == 0 ? "" : ", ",
		    over->fields[node->sort[i].column].name, node->sort[i].descending ? "DESC" : "ASC",
		    node->sort[i].nulls_first ? "FIRST" : "LAST");
	fl_buf_byte(out, ']');
}

/* The number tells which of them have their keys in common. */
static void
print_dedup(const struct fl_node *node, struct fl_buf *out)
{
	uint32_t i;

	fl_buf_printf(out, "DEDUP %u first of=[", node->dedup->index);
	for (i = 0; i < node->partition_count; i++)
		fl_buf_printf(out, "%s%s", i == 0 ? "" : ", ",
		    node->schema.fields[node->partition_columns[i]].name);
	fl_buf_byte(out, ']');
}

void
fl_node_print(const struct fl_node *node, struct fl_buf *out)
{
	switch (node->kind) {
	case FL_NODE_SCAN:
		fl_buf_printf(out, "SCAN %s", node->table->name);
		break;
	case FL_NODE_SINK:
		fl_buf_printf(out, "SINK %s", node->table->name);
		break;
	case FL_NODE_CALC:
		fl_buf_str(out, "CALC ");
		if (node->filter != NULL) {
			fl_buf_str(out, "where=");
			fl_expr_print(node->filter, &node->input->schema, out);
			fl_buf_byte(out, ' ');
		}
		fl_buf_str(out, "select=");
		print_exprs(node->exprs, &node->input->schema, &node->schema, node->schema.count, out);
		break;
	case FL_NODE_WINDOW:
		fl_buf_printf(out, "WINDOW %s time=%s %s", window_names[node->window_kind],
		    node->input->schema.fields[node->time_column].name,
		    node->time == FL_TIME_EVENT ? "event" : "processing");
		if (node->window_kind == FL_WINDOW_HOP)
			fl_buf_printf(out, " slide=%" PRId64 "ms", node->slide_ms);
		fl_buf_printf(out, " size=%" PRId64 "ms offset=%" PRId64 "ms", node->size_ms, node->offset_ms);
		break;
	case FL_NODE_AGG:
		fl_buf_str(out, "AGG keys=");
		print_exprs(node->keys, &node->input->schema, &node->schema, node->key_count, out);
		fl_buf_str(out, " aggs=");
		print_aggs(node, out);
		break;
	case FL_NODE_TOPN:
		print_topn(node, out);
		break;
	case FL_NODE_DEDUP:
		print_dedup(node, out);
		break;
	}
}

static void
print_tree(const struct fl_node *node, unsigned depth, struct fl_buf *out)
{
	char type[64];
	uint32_t i;

	fl_buf_printf(out, "%*s", (int)(2 * depth), "");
	fl_node_print(node, out);
	fl_buf_str(out, " -> ");
	for (i = 0; i < node->schema.count; i++) {
		if (i > 0)
			fl_buf_byte(out, ',');
		fl_buf_json(out, node->schema.fields[i].name, strlen(node->schema.fields[i].name));
		fl_buf_printf(out, " %s", fl_type_print(&node->schema.fields[i].type, type, sizeof(type)));
	}
	fl_buf_byte(out, '\n');
	if (node->input != NULL)
		print_tree(node->input, depth + 1, out);
	for (i = 0; i < node->also_count; i++)
		print_tree(node->also[i], depth + 1, out);
}

static void
print_source(const struct fl_plan *plan, const struct fl_table *t, struct fl_buf *out)
{
	const struct fl_stream *stream = &plan->streams[t->stream];
	uint32_t i;

	fl_buf_printf(out, "source %s idle=%" PRId64 " ", t->name, t->idle_timeout_ms);
	/* Where reading began is pinned in the catalog. */
	fl_buf_add(out, stream->identity, stream->content_size);
	fl_buf_byte(out, '\n');
	for (i = 0; i < t->column_count; i++) {
		if (t->columns[i].computed == NULL)
			continue;
		fl_buf_printf(out, "  %s AS ", t->columns[i].name);
		fl_expr_print(t->columns[i].computed, &t->schema, out);
		fl_buf_byte(out, '\n');
	}
	if (t->watermark == NULL)
		return;
	fl_buf_printf(out, "  WATERMARK FOR %s AS ", t->columns[t->rowtime].name);
	fl_expr_print(t->watermark, &t->schema, out);
	fl_buf_byte(out, '\n');
}

void
fl_csv_options_print(const struct fl_csv_options *csv, bool has_header, struct fl_buf *out)
{
	fl_buf_printf(out, ":%02x%02x%02x%d%d%d", (unsigned)csv->delimiter, (unsigned)csv->quote,
	    (unsigned)csv->escape, csv->allow_comments, csv->ignore_parse_errors, has_header);
	if (csv->null_literal != NULL)
		fl_buf_json(out, csv->null_literal, strlen(csv->null_literal));
}

static void
print_sink(const struct fl_table *t, struct fl_buf *out)
{
	uint32_t i;

	fl_buf_printf(out, "sink %s %s", t->name, fl_connector_info(t->connector)->name);
	if (t->topic != NULL)
		fl_buf_printf(out, " topic=%s", t->topic);
	if (t->path != NULL)
		fl_buf_printf(out, " path=%s", t->place);
	if (t->jdbc != NULL)
		fl_buf_printf(out, " database=%s table=%s",
		    t->place != NULL ? t->place : t->jdbc->database, t->jdbc->table_name);
	fl_buf_printf(out, " format=%s", fl_format_name(t->format));
	if (t->avro_schema != NULL)
		fl_buf_printf(out, ":%016" PRIx64, fl_hash64(t->avro_schema, strlen(t->avro_schema)));
	if (t->format == FL_FORMAT_JSON)
		fl_buf_printf(out, ":%d%d%d", t->json.iso8601, t->json.decimal_as_plain, t->json.ignore_null_fields);
	if (t->format == FL_FORMAT_CSV)
		fl_csv_options_print(&t->csv, t->csv_header, out);
	if (t->raw_little_endian)
		fl_buf_str(out, ":little-endian");
	if (t->key != NULL) {
		fl_buf_str(out, " message-key=");
		fl_table_print_key(t, out);
	}
	for (i = 0; i < t->partition_count; i++)
		fl_buf_printf(out, "%s%s", i == 0 ? " partitions=" : ",", t->physical.fields[t->partitions[i]].name);
	for (i = 0; i < t->primary_key_count; i++)
		fl_buf_printf(out, "%s%s", i == 0 ? " key=" : ",",
		    t->physical.fields[t->primary_key[i]].name);
	fl_buf_byte(out, '\n');
}

void
fl_plan_make_text(struct fl_plan *plan)
{
	struct fl_buf buf;
	uint32_t i;

	fl_buf_init(&buf);
	fl_buf_printf(&buf, "plan %d\nzone %s\nquiet-close %" PRId64 "\nmax-future %" PRId64 "\nnot-null %s\n",
	    PLAN_TEXT_VERSION, plan->zone, plan->quiet_close_ms, plan->max_future_ms,
	    plan->not_null_drop ? "drop" : "error");
	for (i = 0; i < plan->table_count; i++) {
		if (plan->tables[i]->is_source)
			print_source(plan, plan->tables[i], &buf);
		if (plan->tables[i]->is_sink)
			print_sink(plan->tables[i], &buf);
	}
	if (plan->dedup_count > 0)
		fl_buf_printf(&buf, "state-ttl %" PRId64 "\n", plan->state_ttl_ms);
	for (i = 0; i < plan->query_count; i++) {
		fl_buf_printf(&buf, "query %u %s\n", i, plan->queries[i].name);
		print_tree(plan->queries[i].root, 1, &buf);
	}
	plan->text = fl_arena_strndup(&plan->arena, buf.data, buf.size);
	plan->fingerprint = fl_hash64(buf.data, buf.size);
	fl_buf_fini(&buf);
}

/* ---- compiling ---- */

/* "orders.sql" in "/x/orders.sql" is the pipeline orders. */
static const char *
name_of_file(struct fl_arena *arena, const char *file)
{
	const char *base, *dot;

	if (file == NULL)
		return "pipeline";
	base = strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file;
	dot = strrchr(base, '.');
	if (dot == NULL || dot == base)
		return fl_arena_strdup(arena, base);
	return fl_arena_strndup(arena, base, (size_t)(dot - base));
}

static enum fl_code
bind_statement(struct bind *b, const struct ast_statement *statement)
{
	switch (statement->kind) {
	case AST_SET:
		return FL_OK; /* done before */
	case AST_CREATE_TABLE:
		return bind_table(b, statement);
	case AST_CREATE_VIEW:
		return bind_view(b, statement);
	case AST_DROP_TABLE:
	case AST_DROP_VIEW:
		return bind_drop(b, statement);
	case AST_INSERT:
		return bind_insert(b, statement);
	}
	return FL_OK;
}

/* Numbers the DEDUPs of a tree from its root down: what is above has the smaller number. */
static void
collect_dedups(struct bind *b, const struct fl_node *node, const char *query, struct ast_list *list)
{
	uint32_t i;

	for (; node != NULL; node = node->input) {
		for (i = 0; i < node->also_count; i++)
			collect_dedups(b, node->also[i], query, list);
		if (node->dedup == NULL || node->dedup->query != NULL)
			continue;
		node->dedup->index = list->count;
		node->dedup->query = query;
		fl_ast_append(b->arena, list, node->dedup);
	}
}

static void
note_ttl(struct bind *b)
{
	const struct fl_plan *plan = b->plan;
	bool is_updating = false;
	uint32_t i;

	for (i = 0; i < plan->query_count; i++)
		is_updating |= fl_query_is_updating(&plan->queries[i]);
	if (plan->state_ttl_ms == 0 || (!is_updating && plan->dedup_count > 0))
		return;
	bind_notice(b, b->ttl_line, "SET 'table.exec.state.ttl' %s: windows forget their state when they "
	    "close%s", plan->dedup_count > 0 ? "acts on deduplication alone" : "is ignored",
	    is_updating ? "; GROUP BY without a window keeps every key" : "");
}

static void
collect(struct bind *b)
{
	struct fl_plan *plan = b->plan;
	struct ast_list *dedups = fl_ast_list(b->arena);
	const struct bind_table *bt;
	uint32_t i;

	plan->query_count = b->inserts->count;
	plan->queries = FL_ARENA_ARRAY(b->arena, struct fl_query, plan->query_count + 1);
	for (i = 0; i < plan->query_count; i++)
		plan->queries[i] = *(const struct fl_query *)b->inserts->items[i];
	for (i = 0; i < plan->query_count; i++)
		collect_dedups(b, plan->queries[i].root, plan->queries[i].name, dedups);
	plan->dedup_count = dedups->count;
	plan->dedups = FL_ARENA_ARRAY(b->arena, const struct fl_dedup *, plan->dedup_count + 1);
	for (i = 0; i < plan->dedup_count; i++)
		plan->dedups[i] = dedups->items[i];
	note_ttl(b);
	plan->sinks = FL_ARENA_ARRAY(b->arena, const struct fl_table *, plan->sink_count + 1);
	for (bt = b->tables; bt != NULL; bt = bt->next)
		if (bt->table->sink >= 0)
			plan->sinks[bt->table->sink] = bt->table;
}

static enum fl_code
compile(struct bind *b)
{
	struct ast_list *statements;
	uint32_t i;

	if (b->env->brokers != NULL && b->env->brokers[0] == '\0')
		return BIND_FAIL(b, FL_E_BAD_OPTION, 0, 0, NULL,
		    "the brokers given by -b are empty, expected host:port[,host:port]");
	FL_TRY(fl_parse(b->src, &statements));
	FL_TRY(bind_settings(b, statements));
	for (i = 0; i < statements->count; i++)
		FL_TRY(bind_statement(b, statements->items[i]));
	collect(b);
	if (b->env->require_insert && b->plan->query_count == 0)
		return BIND_FAIL(b, FL_E_SQL_BIND, 0, 0, NULL, "the script has no INSERT: there is nothing to run");
	FL_TRY(bind_finish(b));
	FL_TRY(bind_publishes(b));
	b->plan->notice_count = b->notices->count;
	b->plan->notices = FL_ARENA_ARRAY(b->arena, const char *, b->notices->count + 1);
	for (i = 0; i < b->notices->count; i++)
		b->plan->notices[i] = b->notices->items[i];
	fl_plan_make_text(b->plan);
	return FL_OK;
}

enum fl_code
fl_sql_compile(const char *text, size_t size, const struct fl_sql_env *env, struct fl_plan **out,
    struct fl_buf *detail, struct fl_err *err)
{
	struct fl_plan *plan = fl_calloc(1, sizeof(*plan));
	struct fl_source src = { .file = env->file != NULL ? env->file : "sql", .size = size,
		.arena = &plan->arena, .detail = detail, .err = err };
	struct fl_sql_env own = *env;
	struct bind b = { .src = &src, .arena = &plan->arena, .env = &own, .plan = plan,
		.align_drift_ms = -1 };

	fl_arena_init(&plan->arena);
	src.text = fl_arena_strndup(&plan->arena, text, size);
	if (own.brokers != NULL)
		own.brokers = fl_arena_strdup(&plan->arena, own.brokers);
	b.inserts = fl_ast_list(b.arena);
	b.notices = fl_ast_list(b.arena);
	plan->name = name_of_file(b.arena, env->file);
	plan->zone = "UTC";
	plan->max_future_ms = plan->max_drift_ms = -1;
	plan->state_limit_keys = BIND_STATE_LIMIT;
	if (compile(&b) != FL_OK) {
		fl_plan_free(&plan);
		return src.code;
	}
	*out = plan;
	return FL_OK;
}

void
fl_plan_free(struct fl_plan **plan)
{
	if (*plan == NULL)
		return;
	fl_arena_fini(&(*plan)->arena);
	free(*plan);
	*plan = NULL;
}

/* Of a value or a key. */
static struct fl_codec_options
codec_of(enum fl_format format, const struct fl_schema *schema, const struct fl_json_options *json,
    const struct fl_csv_options *csv, bool raw_little_endian)
{
	return (struct fl_codec_options){
		.format = (uint8_t)format,
		.schema = schema,
		.json_ignore_parse_errors = json->ignore_parse_errors,
		.json_fail_on_missing = json->fail_on_missing_field,
		.json_iso8601 = json->iso8601,
		.json_decimal_plain = json->decimal_as_plain,
		.json_strict = json->strict,
		.json_ignore_null_fields = json->ignore_null_fields,
		.json_schema = json->schema,
		.json_schema_strict = json->schema_strict,
		.csv = *csv,
		.raw_little_endian = raw_little_endian,
	};
}

struct fl_codec_options
fl_table_codec(const struct fl_table *table)
{
	struct fl_codec_options options;

	if (table->letters != NULL)
		return (struct fl_codec_options){
			.format = table->letters->record.count > 0 ? (uint8_t)table->letters->of->format :
								     (uint8_t)FL_FORMAT_NONE,
			.schema = &table->letters->record,
			.json_ignore_parse_errors = true,
			.json_iso8601 = table->letters->of->json.iso8601,
		};
	options = codec_of(table->format, table->key != NULL ? &table->key->value : &table->physical,
	    &table->json, &table->csv, table->raw_little_endian);
	options.avro_schema = table->avro_schema;
	return options;
}

struct fl_codec_options
fl_table_key_codec(const struct fl_table *table)
{
	const struct fl_message_key *key = table->key;

	return codec_of(key->format, &key->schema, &key->json, &key->csv, key->raw_little_endian);
}

struct fl_codec_options
fl_table_row_codec(const struct fl_table *table)
{
	return (struct fl_codec_options){
		.format = (uint8_t)FL_FORMAT_JSON,
		.schema = &table->physical,
		.json_typed = true,
		.json_fail_on_missing = true,
	};
}

/* Columns of a node's output that are in the PRIMARY KEY, by those of the node above it. */
static void
trace_key(const struct fl_node *node, const bool *above, uint32_t above_count, bool *key)
{
	uint32_t c;

	for (c = 0; c < above_count; c++) {
		const struct fl_expr *expr = node->kind == FL_NODE_CALC ? node->exprs[c] : NULL;

		if (!above[c] || (expr != NULL && expr->kind != FL_EXPR_COLUMN))
			continue;
		if (expr != NULL)
			key[expr->column] = true;
		else if (c < node->input->schema.count) /* not the rank of a Top-N */
			key[c] = true;
	}
}

/* Has a key of the AGG or DEDUP each of its values in one row only? */
static bool
is_unique(const struct fl_plan *plan, const struct fl_query *query, const struct fl_node *node, const bool *key)
{
	bool has_window = false;
	uint32_t i;

	if (node->kind == FL_NODE_DEDUP) {
		for (i = 0; i < node->partition_count; i++)
			if (!key[node->partition_columns[i]])
				return false;
		return plan->state_ttl_ms == 0;
	}
	for (i = 0; i < node->schema.count; i++) {
		if (i < node->key_count && !key[i])
			return false;
		has_window = has_window || (i >= node->key_count + node->agg_count && key[i]);
	}
	/* By processing time an hour of the wall clock may come twice. */
	return has_window && query->window->time == FL_TIME_EVENT;
}

/* Does no row of the sink ever have the PRIMARY KEY of another?  False: nobody can tell. */
static bool
has_unique_keys(const struct fl_plan *plan, const struct fl_query *query)
{
	const struct fl_table *table = plan->sinks[query->sink];
	const struct fl_node *node = query->root;
	uint32_t count = node->schema.count, i;
	bool *key = fl_calloc(count + 1, sizeof(*key)), is_unique_there;

	for (i = 0; i < table->primary_key_count; i++)
		key[table->primary_key[i]] = true;
	while (node->kind == FL_NODE_SINK || node->kind == FL_NODE_CALC || node->kind == FL_NODE_TOPN) {
		bool *below = fl_calloc(node->input->schema.count + 1, sizeof(*below));

		trace_key(node, key, count, below);
		free(key);
		key = below;
		node = node->input;
		count = node->schema.count;
	}
	is_unique_there =
	    (node->kind == FL_NODE_AGG || node->kind == FL_NODE_DEDUP) && is_unique(plan, query, node, key);
	free(key);
	return is_unique_there;
}

const char *
fl_plan_no_replay(const struct fl_plan *plan, uint32_t sink, bool is_mended)
{
	const struct fl_query *query = NULL;
	uint32_t i, count = 0;

	for (i = 0; i < plan->query_count; i++)
		if (plan->queries[i].sink == sink) {
			query = &plan->queries[i];
			count++;
			if (fl_query_is_updating(query))
				return "its query is updating: the key may have a newer value by now";
		}
	if (plan->sinks[sink]->primary_key_count == 0)
		return NULL;
	if (count != 1 || !has_unique_keys(plan, query))
		return "its table has a PRIMARY KEY: the key may have a newer row by now";
	return is_mended ? "its table has a PRIMARY KEY: a mended row could take another's place" : NULL;
}
