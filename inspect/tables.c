/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tables.c - which tables there are, and their columns.
 *
 * Those of every instance come first.  Then each pipeline gives, per table that it writes,
 * one of that name with its rows, and per query with state one with its keys.  A name that is
 * taken (SQLite looks at no case), or that two pipelines have, is only to be had with the
 * pipeline's in front: "flights.trend_origin".
 */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "table.h"

/* name TYPE, ...; TIME: an instant; HIDDEN: not part of * */
struct fixed {
	const char *name, *columns, *about;
	const struct kind *kind;
};
static const struct fixed fixed_tables[] = {
	{ "tables", "name TEXT, pipeline TEXT, columns TEXT, about TEXT",
	    "the tables there are, in this order", &kind_tables },
	{ "pipelines",
	    "name TEXT, step_r BIGINT, step_last BIGINT, behind BIGINT, clock TIME, watermark TIME, "
	    "late_dropped BIGINT, finished BOOLEAN, uuid TEXT, file TEXT",
	    "how far each pipeline is: R, ingest's last step, steps between", &kind_pipelines },
	{ "queries",
	    "pipeline TEXT, name TEXT, table_name TEXT, kind TEXT, seen BIGINT, used BIGINT, "
	    "filtered BIGINT, duplicates BIGINT, late BIGINT, dead BIGINT, results BIGINT, windows_fired BIGINT",
	    "rows of each INSERT since it began: seen is used, filtered, duplicates, late and dead; "
	    "kind: window, updating, rows", &kind_queries },
	{ "sinks",
	    "pipeline TEXT, table_name TEXT, made BIGINT, confirmed BIGINT, undelivered BIGINT, "
	    "kept_from BIGINT, state TEXT, confirmed_at TIME, refused BIGINT, retries BIGINT, "
	    "error TEXT",
	    "per table that is written: results made and confirmed", &kind_sinks },
	{ "offsets",
	    "pipeline TEXT, table_name TEXT, topic TEXT, partition INT, position BIGINT, "
	    "folded BIGINT, lag BIGINT, watermark TIME, floor TIME, idle BOOLEAN, state TEXT, "
	    "delivered BIGINT, rows BIGINT, dead BIGINT, skipped BIGINT, gaps BIGINT",
	    "per source and partition: next offset to read, last one folded, records between",
	    &kind_offsets },
	{ "windows",
	    "pipeline TEXT, query TEXT, window_start LOCAL, window_end LOCAL, state TEXT, "
	    "row_count BIGINT, rows BIGINT",
	    "open windows, and closed ones whose results are still in the outbox; row_count: keys "
	    "of an open one, results of a closed one; rows: of an open one, records in it",
	    &kind_windows },
	{ "results",
	    "pipeline TEXT, table_name TEXT, number BIGINT, kind TEXT, delivered BOOLEAN, row TEXT",
	    "the outboxes: results that sinks have not confirmed, and some that they have; row: JSON",
	    &kind_results },
	{ "dead_letters",
	    "id TEXT, program TEXT, pipeline TEXT, table_name TEXT, code TEXT, reason TEXT, "
	    "partition INT, offset BIGINT, time TIME, clock TIME, key BYTES, value BYTES, "
	    "value_size BIGINT",
	    "what could not be decoded, computed or delivered", &kind_letters },
	{ "dead_letters_total",
	    "program TEXT, pipeline TEXT, table_name TEXT, query TEXT, stream INT, code TEXT, "
	    "letters BIGINT",
	    "letters that there ever were, by reason, also those replayed or dropped since; "
	    "table_name: source or sink",
	    &kind_letters_total },
	{ "late_rows",
	    "pipeline TEXT, query TEXT, step BIGINT, topic TEXT, partition INT, offset BIGINT, row TEXT",
	    "rows behind their partition's watermark; row: JSON of the columns read", &kind_late },
	{ "metrics", "name TEXT, program TEXT, type TEXT, unit TEXT, value BIGINT, help TEXT",
	    "what the programs count", &kind_metrics },
};

/* ---- columns ---- */

static bool
has_column(const struct table *table, const char *name)
{
	for (uint32_t c = 0; c < table->column_count; c++)
		if (strcasecmp(table->columns[c].name, name) == 0)
			return true;
	return false;
}

static void
add_column(struct table *table, const char *name, const struct fl_type *type, const char *sql_type)
{
	struct fl_arena *arena = &table->inspect->arena;
	const char *own = name;
	struct column *grown;

	if (table->column_count == table->column_max) {
		table->column_max = FL_MAX(16u, table->column_max * 2);
		grown = FL_ARENA_ARRAY(arena, struct column, table->column_max);
		if (table->column_count > 0)
			memcpy(grown, table->columns, table->column_count * sizeof(*grown));
		table->columns = grown;
	}
	for (uint32_t n = 2; has_column(table, own); n++)
		own = fl_arena_printf(arena, "%s_%u", name, n);
	table->columns[table->column_count++] = (struct column){
		.name = fl_arena_strdup(arena, own), .type = *type, .sql_type = sql_type };
}

static void
add_typed(struct table *table, const char *name, const struct fl_type *type)
{
	char text[80];

	add_column(table, name, type,
	    fl_arena_strdup(&table->inspect->arena, fl_type_print(type, text, sizeof(text))));
}

/* SQL types by the names that fixed tables use. */
static void
add_named(struct table *table, const char *name, const char *sql_type)
{
	static const struct {
		const char *name, *sql_type;
		enum fl_type_id id;
	} types[] = { { "TEXT", "STRING", FL_TYPE_VARCHAR }, { "BIGINT", "BIGINT", FL_TYPE_BIGINT },
		{ "INT", "INT", FL_TYPE_INT }, { "BOOLEAN", "BOOLEAN", FL_TYPE_BOOLEAN },
		{ "BYTES", "BYTES", FL_TYPE_VARBINARY },
		{ "TIME", "TIMESTAMP_LTZ(3)", FL_TYPE_TIMESTAMP_LTZ },
		{ "LOCAL", "TIMESTAMP(3)", FL_TYPE_TIMESTAMP } };
	struct fl_type type;

	for (uint32_t i = 0; i < FL_ARRAY_COUNT(types); i++) {
		if (strcmp(types[i].name, sql_type) != 0)
			continue;
		type = fl_type_make(types[i].id, true);
		type.precision = 3;
		add_column(table, name, &type, types[i].sql_type);
		return;
	}
	assert(!"a fixed table's type is one of the list");
}

static void
add_hidden(struct table *table, const char *name, const char *sql_type)
{
	add_named(table, name, sql_type);
	table->columns[table->column_count - 1].is_hidden = true;
}

/* "name TYPE, name TYPE" */
static void
add_fixed(struct table *table, const char *columns)
{
	char name[32], type[16];
	int n;

	while (sscanf(columns, "%31s %15[A-Z]%n", name, type, &n) == 2) {
		add_named(table, name, type);
		columns += n + (columns[n] == ',');
	}
}

/* ---- tables ---- */

static bool
has_table(const struct inspect *inspect, const char *name)
{
	for (uint32_t i = 0; i < inspect->table_count; i++)
		if (strcasecmp(inspect->tables[i].name, name) == 0)
			return true;
	return strncasecmp(name, "sqlite_", 7) == 0; /* SQLite keeps these */
}

static struct table *
add_table(struct inspect *inspect, const char *name, const struct kind *kind, const char *about)
{
	struct table *table;

	if (inspect->table_count == inspect->table_max) {
		inspect->table_max = FL_MAX(32u, inspect->table_max * 2);
		inspect->tables =
		    fl_realloc(inspect->tables, inspect->table_max * sizeof(*inspect->tables));
	}
	table = &inspect->tables[inspect->table_count++];
	*table = (struct table){ .name = name, .about = about, .kind = kind, .inspect = inspect,
		.view = UINT32_MAX, .query = UINT32_MAX, .sink = UINT32_MAX,
		.dedup = UINT32_MAX };
	return table;
}

static bool
feeds(const struct fl_query *query, const struct fl_plan *plan, const char *name)
{
	return strcmp(plan->sinks[query->sink]->name, name) == 0;
}

/* Does the pipeline make a table of this name? */
static bool
makes(const struct fl_pipeline *pipeline, const char *name)
{
	const struct fl_plan *plan = pipeline->plan;
	char state[512];

	for (uint32_t q = 0; q < plan->query_count; q++) {
		if (feeds(&plan->queries[q], plan, name))
			return true;
		(void)snprintf(state, sizeof(state), "%s_%s", plan->queries[q].name,
		    plan->queries[q].window != NULL ? "windows" : "state");
		if (plan->queries[q].agg != NULL && strcasecmp(state, name) == 0)
			return true;
	}
	for (uint32_t d = 0; d < plan->dedup_count; d++) {
		(void)snprintf(state, sizeof(state), "%s_seen", plan->dedups[d]->query);
		if (strcasecmp(state, name) == 0)
			return true;
	}
	return false;
}

static struct table *
add_view_table(struct inspect *inspect, uint32_t view, const char *name, const struct kind *kind,
    const char *about)
{
	struct table *table;
	const char *own = name, *pipeline = inspect->views[view].info->name;
	uint32_t makers = 0;

	for (uint32_t v = 0; v < inspect->view_count; v++)
		makers += makes(inspect->views[v].info, name);
	if (makers > 1 || has_table(inspect, name))
		name = own = fl_arena_printf(&inspect->arena, "%s.%s", pipeline, name);
	for (uint32_t n = 2; has_table(inspect, own); n++)
		own = fl_arena_printf(&inspect->arena, "%s_%u", name, n);
	table = add_table(inspect, fl_arena_strdup(&inspect->arena, own), kind, about);
	table->view = view;
	return table;
}

static void
add_sink(struct inspect *inspect, uint32_t view, uint32_t sink)
{
	const struct fl_plan *plan = inspect->views[view].info->plan;
	const struct fl_schema *schema = &plan->sinks[sink]->physical;
	bool is_updating = false;
	struct table *table;

	for (uint32_t q = 0; q < plan->query_count; q++)
		is_updating = is_updating || (plan->queries[q].sink == sink &&
			fl_query_is_updating(&plan->queries[q]));
	table = add_view_table(inspect, view, plan->sinks[sink]->name,
	    is_updating ? &kind_current : &kind_outbox,
	    is_updating ? "rows of a GROUP BY without a window, as they are now; _updated: the "
			  "smaller, the longer ago; _row: JSON" :
			  "results that are still in the outbox; _number, _delivered; _row: JSON");
	table->sink = sink;
	for (uint32_t c = 0; c < schema->count; c++)
		add_typed(table, schema->fields[c].name, &schema->fields[c].type);
	add_hidden(table, "_row", "TEXT");
	if (is_updating) {
		add_hidden(table, "_updated", "BIGINT");
		return;
	}
	add_hidden(table, "_number", "BIGINT");
	add_hidden(table, "_delivered", "BOOLEAN");
}

/* ".sum" of "passengers" is passengers_sum: a dot would want quotes. */
static void
add_part(struct table *table, const struct fl_agg *agg, const char *part)
{
	char *name = fl_arena_printf(&table->inspect->arena, "%s%s", agg->name, part);
	struct fl_type type = agg->result;

	for (char *at = name; *at != '\0'; at++)
		if (*at == '.' || *at == '$')
			*at = '_';
	type.nullable = true;
	if (strcmp(part, ".count") == 0)
		add_named(table, name, "BIGINT");
	else
		add_typed(table, name, &type);
}

static void
add_state(struct inspect *inspect, uint32_t view, uint32_t q)
{
	const struct fl_query *query = &inspect->views[view].info->plan->queries[q];
	const struct fl_node *agg = query->agg;
	bool has_windows = query->window != NULL;
	struct table *table;

	table = add_view_table(inspect, view,
	    fl_arena_printf(
		&inspect->arena, "%s_%s", query->name, has_windows ? "windows" : "state"),
	    &kind_keys,
	    has_windows ? "open windows by key: records in them and accumulators" :
			  "keys of a GROUP BY without a window: records and accumulators");
	table->query = q;
	if (has_windows) {
		add_named(table, "window_start", "LOCAL");
		add_named(table, "window_end", "LOCAL");
	}
	for (uint32_t k = 0; k < agg->key_count; k++)
		add_typed(table, agg->schema.fields[k].name, &agg->schema.fields[k].type);
	add_named(table, "rows", "BIGINT");
	for (uint32_t a = 0; a < agg->agg_count; a++)
		for (uint32_t i = 0; agg->aggs[a].fn->parts[i] != NULL; i++)
			add_part(table, &agg->aggs[a], agg->aggs[a].fn->parts[i]);
}

static void
add_seen(struct inspect *inspect, uint32_t view, uint32_t d)
{
	const struct fl_dedup *dedup = inspect->views[view].info->plan->dedups[d];
	struct table *table;

	table = add_view_table(inspect, view,
	    fl_arena_printf(&inspect->arena, "%s_seen", dedup->query), &kind_seen,
	    "keys of a deduplication, and when each was first seen");
	table->dedup = d;
	for (uint32_t k = 0; k < dedup->keys.count; k++)
		add_typed(table, dedup->keys.fields[k].name, &dedup->keys.fields[k].type);
	add_named(table, "first_seen", "TIME");
}

void
tables_make(struct inspect *inspect)
{
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(fixed_tables); i++) {
		const struct fixed *fixed = &fixed_tables[i];

		add_fixed(add_table(inspect, fixed->name, fixed->kind, fixed->about), fixed->columns);
	}
	for (uint32_t v = 0; v < inspect->view_count; v++) {
		const struct fl_plan *plan = inspect->views[v].info->plan;

		for (uint32_t s = 0; s < plan->sink_count; s++)
			add_sink(inspect, v, s);
		for (uint32_t q = 0; q < plan->query_count; q++)
			if (plan->queries[q].agg != NULL)
				add_state(inspect, v, q);
		for (uint32_t d = 0; d < plan->dedup_count; d++)
			add_seen(inspect, v, d);
	}
}

/* ---- as SQLite is told ---- */

/* Its names for types mean how values compare, not what they are. */
static const char *
declared(const struct fl_type *type)
{
	if (fl_type_is_integer(type->id) || type->id == FL_TYPE_BOOLEAN)
		return "INTEGER";
	if (type->id == FL_TYPE_FLOAT || type->id == FL_TYPE_DOUBLE)
		return "REAL";
	if (type->id == FL_TYPE_DECIMAL)
		return "TEXT COLLATE flight_decimal";
	if (type->id == FL_TYPE_TIMESTAMP || type->id == FL_TYPE_TIMESTAMP_LTZ)
		return "TEXT COLLATE flight_time";
	return fl_type_is_bytes(type->id) ? "BLOB" : "TEXT";
}

void
table_declare(const struct table *table, struct fl_buf *sql)
{
	fl_buf_str(sql, "CREATE TABLE t(");
	for (uint32_t c = 0; c < table->column_count; c++) {
		const struct column *column = &table->columns[c];

		fl_buf_str(sql, c > 0 ? ", \"" : "\"");
		for (const char *at = column->name; *at != '\0'; at++) {
			if (*at == '"')
				fl_buf_byte(sql, '"');
			fl_buf_byte(sql, *at);
		}
		fl_buf_printf(sql, "\" %s%s", declared(&column->type),
		    column->is_hidden ? " HIDDEN" : "");
	}
	fl_buf_byte(sql, ')');
}
