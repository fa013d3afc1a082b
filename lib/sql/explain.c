/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.c - a plan for people: what is read, what is computed, what is written.
 */
#include <stdio.h>
#include <string.h>

#include "bind.h"

static void
print_ms(struct fl_buf *out, int64_t ms)
{
	static const struct {
		int64_t ms;
		const char *unit;
	} UNITS[] = { { 86400000, "d" }, { 3600000, "h" }, { 60000, "min" }, { 1000, "s" }, { 1, "ms" } };
	size_t i;

	for (i = 0; ms != 0 && ms % UNITS[i].ms != 0; i++)
		;
	fl_buf_printf(out, "%" PRId64 " %s", ms / UNITS[i].ms, UNITS[ms == 0 ? 3 : i].unit);
}

static void
print_time_line(struct fl_buf *out, const char *name, int64_t ms, const char *unset)
{
	fl_buf_printf(out, "  %-12s ", name);
	if (ms < 0 || (ms == 0 && unset != NULL))
		fl_buf_str(out, unset);
	else
		print_ms(out, ms);
	fl_buf_byte(out, '\n');
}

static void
print_where(const struct fl_table *t, struct fl_buf *out)
{
	uint32_t i;

	fl_buf_str(out, fl_connector_info(t->connector)->name);
	for (i = 0; i < t->topic_count; i++)
		fl_buf_printf(out, "%s%s", i == 0 ? " topic " : ", ", t->topics[i]);
	if (t->brokers != NULL)
		fl_buf_printf(out, " on %s", t->brokers);
	if (t->path != NULL)
		fl_buf_printf(out, " %s", t->path);
	if (t->jdbc != NULL)
		fl_buf_printf(out, " table %s at %s%s", t->jdbc->table_name, t->jdbc->where,
		    t->jdbc->create ? ", made if absent" : "");
	if (t->letters != NULL)
		fl_buf_printf(out, " of table %s", t->letters->of->name);
	if (t->format != FL_FORMAT_NONE)
		fl_buf_printf(out, ", %s%s", fl_format_name(t->format),
		    t->json.schema != NULL && t->json.schema_strict ? " (checked by a JSON Schema, strict typing)" :
		    t->json.schema != NULL ? " (checked by a JSON Schema)" :
		    t->avro_schema != NULL ? " (schema given)" :
		    t->format == FL_FORMAT_AVRO ? " (schema from the columns)" : "");
}

static void
print_column(const struct fl_table *t, const struct fl_column *col, struct fl_buf *out)
{
	char type[64];

	fl_buf_printf(out, "    %-20s %s", col->name, fl_type_print(&col->type, type, sizeof(type)));
	switch (col->kind) {
	case FL_COLUMN_PHYSICAL:
		break;
	case FL_COLUMN_METADATA:
		fl_buf_printf(out, " METADATA FROM '%s'%s", col->metadata_key, col->is_virtual ? " VIRTUAL" : "");
		break;
	case FL_COLUMN_COMPUTED:
		fl_buf_str(out, " AS ");
		fl_expr_print(col->computed, &t->schema, out);
		break;
	}
	if (col->time != FL_TIME_NONE)
		fl_buf_str(out, col->time == FL_TIME_EVENT ? " *ROWTIME*" : " *PROCTIME*");
	fl_buf_byte(out, '\n');
}

static void
print_source(const struct fl_table *t, struct fl_buf *out)
{
	static const char *const STARTS[] = { "the group's offsets", "the earliest offset",
		"the latest offset", "a timestamp", "given offsets" };
	static const char *const ENDS[] = { "no end", "the latest offset", "the group's offsets",
		"a timestamp", "given offsets" };

	if (t->connector == FL_CONNECTOR_KAFKA)
		fl_buf_printf(out, "    from %s to %s\n", STARTS[t->startup], ENDS[t->bounded]);
	if (t->watermark != NULL) {
		fl_buf_printf(out, "    WATERMARK FOR %s AS ", t->columns[t->rowtime].name);
		fl_expr_print(t->watermark, &t->schema, out);
		fl_buf_byte(out, '\n');
	}
	if (t->idle_timeout_ms > 0) {
		fl_buf_str(out, "    a partition is idle after ");
		print_ms(out, t->idle_timeout_ms);
		fl_buf_byte(out, '\n');
	}
}

static void
print_key(const struct fl_message_key *key, struct fl_buf *out)
{
	fl_buf_printf(out, "    messages have a key, %s: ", fl_format_name(key->format));
	for (uint32_t i = 0; i < key->schema.count; i++)
		fl_buf_printf(out, "%s%s", i > 0 ? ", " : "", key->schema.fields[i].name);
	fl_buf_str(out, key->is_in_value ? "; the value has all columns\n" : "; the value has the other columns\n");
}

static void
print_table(const struct fl_table *t, struct fl_buf *out)
{
	uint32_t i;

	fl_buf_printf(out, "  %s (%s): ", t->name,
	    t->is_source && t->is_sink ? "source, sink" : t->is_source ? "source" : t->is_sink ? "sink" : "not used");
	print_where(t, out);
	fl_buf_byte(out, '\n');
	for (i = 0; i < t->column_count; i++)
		print_column(t, &t->columns[i], out);
	if (t->key != NULL)
		print_key(t->key, out);
	if (t->one_partition)
		fl_buf_str(out, "    messages go into partition 0\n");
	if (t->headers)
		fl_buf_str(out, "    messages have headers: pipeline, sink, store, row\n");
	for (i = 0; i < t->primary_key_count; i++)
		fl_buf_printf(out, "%s%s%s", i == 0 ? "    PRIMARY KEY (" : ", ",
		    t->physical.fields[t->primary_key[i]].name, i + 1 == t->primary_key_count ? ")\n" : "");
	if (t->is_source)
		print_source(t, out);
}

static void
print_nodes(const struct fl_node *node, int depth, struct fl_buf *out)
{
	uint32_t i;

	fl_buf_printf(out, "%*s", 2 * depth, "");
	fl_node_print(node, out);
	fl_buf_byte(out, '\n');
	if (node->input != NULL)
		print_nodes(node->input, depth + 1, out);
	for (i = 0; i < node->also_count; i++)
		print_nodes(node->also[i], depth + 1, out);
}

static void
print_query(const struct fl_query *query, struct fl_buf *out)
{
	fl_buf_printf(out, "  %s%s\n", query->name,
	    fl_query_is_updating(query) ? " (updating)" : query->window == NULL ? " (row by row)" : "");
	print_nodes(query->root, 2, out);
}

void
fl_plan_explain(const struct fl_plan *plan, struct fl_buf *out)
{
	uint32_t i;

	fl_buf_printf(out, "pipeline %s, fingerprint %016" PRIx64 "%s\n", plan->name, plan->fingerprint,
	    plan->bounded ? ", ends with its sources" : "");
	fl_buf_printf(out, "time\n  %-12s %s\n", "zone", plan->zone);
	print_time_line(out, "quiet close", plan->quiet_close_ms, "off");
	print_time_line(out, "max future", plan->max_future_ms,
	    plan->max_future_ms < 0 ? "24 h for up, off for run" : "off");
	print_time_line(out, "max drift", plan->max_drift_ms, plan->max_drift_ms < 0 ? "max(1 h, 4 windows)" : "off");
	if (plan->dedup_count > 0)
		print_time_line(out, "state ttl", plan->state_ttl_ms, "off");
	fl_buf_str(out, "tables\n");
	for (i = 0; i < plan->table_count; i++)
		print_table(plan->tables[i], out);
	fl_buf_str(out, "streams\n");
	for (i = 0; i < plan->stream_count; i++)
		fl_buf_printf(out, "  %u %016" PRIx64 " %s%s\n", i, plan->streams[i].identity_hash,
		    plan->streams[i].identity, plan->streams[i].needs_time ? ";ticks" : "");
	fl_buf_str(out, "queries\n");
	for (i = 0; i < plan->query_count; i++)
		print_query(&plan->queries[i], out);
	for (i = 0; i < plan->notice_count; i++)
		fl_buf_printf(out, "notice: %s\n", plan->notices[i]);
}
