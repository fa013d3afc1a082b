/* SPDX-License-Identifier: Apache-2.0 */
/*
 * portability.c - flightctl check --flink: what would not be the same on Flink.
 *
 * One line for each thing; a file without lines gives the same rows there.
 */
#include <stdio.h>
#include <string.h>

#include "bind.h"

struct report {
	const struct fl_plan *plan;
	struct fl_buf *out;
	uint32_t count;
};

#define SAY(r, ...) \
	do { \
		(r)->count++; \
		fl_buf_printf((r)->out, __VA_ARGS__); \
		fl_buf_byte((r)->out, '\n'); \
	} while (0)

static bool
has_decimal(const struct fl_schema *schema)
{
	uint32_t i;

	for (i = 0; i < schema->count; i++)
		if (schema->fields[i].type.id == FL_TYPE_DECIMAL)
			return true;
	return false;
}

/* Options that Flink's client has no ear for. */
static void
check_options(struct report *r, const struct fl_table *t)
{
	static const struct {
		const char *name, *java;
	} known[] = {
#define FL_KAFKA_PROPERTY(name, to, scope, action, java) { "properties." name, java },
#include "tbl/kafka_properties.h"
#undef FL_KAFKA_PROPERTY
	};

	if (t->has_option_files)
		SAY(r, "table %s: flight.table.%s.*-file is Flight's: Flink wants the values in WITH", t->name, t->name);
	for (uint32_t i = 0; i < t->option_count; i++)
		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			if (known[k].java != NULL && strcmp(t->options[i].key, known[k].name) == 0)
				SAY(r, "table %s: '%s' is a name of librdkafka: Flink ignores it%s%s%s", t->name,
				    known[k].name, known[k].java[0] != '\0' ? "; use 'properties." : "",
				    known[k].java, known[k].java[0] != '\0' ? "'" : "");
}

static void
check_source(struct report *r, const struct fl_table *t)
{
	const char *strategy = fl_table_option(t, "scan.watermark.emit.strategy");

	if (t->connector == FL_CONNECTOR_KAFKA) {
		if (fl_table_option(t, "scan.startup.mode") == NULL)
			SAY(r, "table %s: name 'scan.startup.mode': the default needs committed offsets", t->name);
		if (fl_table_option(t, "properties.isolation.level") == NULL)
			SAY(r, "table %s: set 'properties.isolation.level' = 'read_committed': Flink reads "
			    "uncommitted records unless told", t->name);
		if (t->watermark != NULL && (strategy == NULL || strcasecmp(strategy, "on-event") != 0))
			SAY(r, "table %s: set 'scan.watermark.emit.strategy' = 'on-event': else which rows are late "
			    "depends on timing", t->name);
	}
	if (t->rowtime >= 0 && t->columns[t->rowtime].type.id == FL_TYPE_TIMESTAMP &&
	    t->columns[t->rowtime].kind == FL_COLUMN_COMPUTED)
		SAY(r, "table %s: event time %s made from a number is better TIMESTAMP_LTZ: "
		    "TO_TIMESTAMP_LTZ(x, 0 or 3)", t->name, t->columns[t->rowtime].name);
	if (t->format == FL_FORMAT_AVRO && t->avro_schema != NULL)
		SAY(r, "table %s: flight.table.%s.avro-schema is Flight's: Flink decodes by the columns, which "
		    "must be all the writer's, NOT NULL, in order, an enum as INT", t->name, t->name);
	if (t->csv_header)
		SAY(r, "table %s: flight.table.%s.csv-header is Flight's: Flink takes the first line for a row, and "
		    "writes none", t->name, t->name);
	if (t->json.schema != NULL)
		SAY(r, "table %s: flight.table.%s.json-schema is Flight's: Flink takes the records that it "
		    "keeps out", t->name, t->name);
	if (t->letters != NULL)
		SAY(r, "table %s: the connector 'dead-letters' is Flight's: Flink has no dead letters", t->name);
	if (t->json.strict)
		SAY(r, "table %s: flight.json.strict is Flight's: Flink converts where it can", t->name);
}

/* What a broker grants unless it is configured otherwise. */
static bool
grants_timeout(const char *value)
{
	int64_t ms;

	return value != NULL && fl_parse_i64(value, &ms) && ms <= 900000;
}

static void
check_jdbc(struct report *r, const struct fl_table *t)
{
	uint32_t i;

	if (t->jdbc->scheme == FL_JDBC_SQLITE) {
		SAY(r, "table %s: a SQLite file is Flight's: Flink's connector 'jdbc' has no dialect for it",
		    t->name);
		return;
	}
	if (t->jdbc->create)
		SAY(r, "table %s: flight.table.%s.create is Flight's: on Flink the table has to exist", t->name, t->name);
	if (t->jdbc->password_file != NULL)
		SAY(r, "table %s: flight.table.%s.password-file is Flight's: on Flink the password stands in the url "
		    "behind the user, or in the file that the environment variable PGPASSFILE names", t->name, t->name);
	if ((fl_table_option(t, "username") != NULL) != (fl_table_option(t, "password") != NULL))
		SAY(r, "table %s: Flink wants 'username' and 'password' both or neither: the user may stand in "
		    "the url, ?user=...", t->name);
	for (i = 0; i < t->physical.count; i++)
		if (t->physical.fields[i].type.id == FL_TYPE_TIMESTAMP_LTZ)
			SAY(r, "table %s: column %s: Flink's connector 'jdbc' has no TIMESTAMP_LTZ; a TIMESTAMP goes "
			    "into a timestamptz as well", t->name, t->physical.fields[i].name);
}

static void
check_sink(struct report *r, const struct fl_table *t)
{
	const char *guarantee = fl_table_option(t, "sink.delivery-guarantee");

	if (fl_table_is_kafka(t)) {
		if (guarantee == NULL || strcasecmp(guarantee, "exactly-once") != 0)
			SAY(r, "table %s: set 'sink.delivery-guarantee' = 'exactly-once': Flink's default is "
			    "at-least-once", t->name);
		else if (!grants_timeout(fl_table_option(t, "properties.transaction.timeout.ms")))
			SAY(r, "table %s: set 'properties.transaction.timeout.ms' = '900000': Flink asks for an hour, "
			    "and a broker refuses more than its transaction.max.timeout.ms, 15 minutes unless set",
			    t->name);
		if (fl_table_option(t, "sink.transaction-naming-strategy") != NULL)
			SAY(r, "table %s: 'sink.transaction-naming-strategy' is unknown to connectors before 4.x",
			    t->name);
	}
	if (t->format == FL_FORMAT_JSON && !t->json.decimal_as_plain &&
	    has_decimal(t->key != NULL ? &t->key->value : &t->physical))
		SAY(r, "table %s: set 'json.encode.decimal-as-plain-number' = 'true': Flink writes DECIMAL as "
		    "1E+2 else", t->name);
	if (t->key != NULL && t->key->format == FL_FORMAT_JSON && has_decimal(&t->key->schema) &&
	    !t->key->json.decimal_as_plain)
		SAY(r, "table %s: set 'key.json.encode.decimal-as-plain-number' = 'true': Flink writes DECIMAL as "
		    "1E+2 else", t->name);
	if (t->headers)
		SAY(r, "table %s: flight.table.%s.headers is Flight's: Flink writes no headers of its own", t->name,
		    t->name);
	if (t->format == FL_FORMAT_AVRO && t->avro_schema != NULL)
		SAY(r, "table %s: flight.table.%s.avro-schema is Flight's: Flink writes by the columns", t->name,
		    t->name);
	if (t->connector == FL_CONNECTOR_TEST)
		SAY(r, "table %s: the connector 'test' is Flight's", t->name);
}

/* A window in a zone whose shift is no multiple of it loses rows on Flink. */
static bool
zone_fits(const char *zone, int64_t size_ms)
{
	static const int64_t INSTANTS[] = { INT64_C(1704067200000), INT64_C(1719792000000) };
	size_t i;

	for (i = 0; i < FL_ARRAY_COUNT(INSTANTS); i++)
		if (fl_zone_offset_ms(zone, INSTANTS[i]) % size_ms != 0)
			return false;
	return true;
}

static void
check_window(struct report *r, const struct fl_query *q)
{
	const struct fl_node *w = q->window;
	const struct fl_type *time = &w->input->schema.fields[w->time_column].type;

	if (w->offset_ms % w->slide_ms != 0)
		SAY(r, "query %s: a window with an offset%s loses rows on Flink", q->name,
		    w->slide_ms < w->size_ms ? " that is no multiple of its slide" : "");
	if (time->id == FL_TYPE_TIMESTAMP_LTZ && strcmp(r->plan->zone, "UTC") != 0 &&
	    !zone_fits(r->plan->zone, w->slide_ms))
		SAY(r, "query %s: the zone %s is shifted by no multiple of the %s: Flink loses rows", q->name,
		    r->plan->zone, w->slide_ms < w->size_ms ? "window's slide" : "window");
	if (w->time == FL_TIME_PROC)
		SAY(r, "query %s: processing time gives other rows on every run", q->name);
}

static void
check_aggs(struct report *r, const struct fl_query *q)
{
	uint32_t i;

	for (i = 0; i < q->agg->agg_count; i++) {
		const struct fl_agg *agg = &q->agg->aggs[i];
		const char *name = agg->fn->name;

		if (agg->arg == NULL || agg->arg->kind == FL_EXPR_CAST)
			continue;
		if (strcmp(name, "AVG") == 0 && fl_type_is_integer(agg->arg->type.id))
			SAY(r, "query %s: AVG of %s truncates: write AVG(CAST(x AS DOUBLE)), or CAST(x AS BIGINT) to "
			    "say it is meant", q->name, fl_type_name(agg->arg->type.id));
		if (strcmp(name, "SUM") == 0 && fl_type_is_integer(agg->arg->type.id) &&
		    agg->arg->type.id != FL_TYPE_BIGINT)
			SAY(r, "query %s: SUM of %s wraps around silently: write SUM(CAST(x AS BIGINT))", q->name,
			    fl_type_name(agg->arg->type.id));
	}
}

static void
check_topn(struct report *r, const struct fl_query *q, const struct fl_node *topn)
{
	if (q->window->time == FL_TIME_PROC)
		SAY(r, "query %s: Top-N on processing-time windows is refused by Flink", q->name);
	if (topn->sort_count < 2)
		SAY(r, "query %s: ORDER BY one column leaves ties to chance on Flink: add a tie-breaker, such as "
		    "MIN(ts) AS first_seen", q->name);
}

static void
check_query(struct report *r, const struct fl_query *q)
{
	const struct fl_node *node;

	if (q->window != NULL)
		check_window(r, q);
	if (q->agg != NULL)
		check_aggs(r, q);
	for (node = q->root; node != NULL; node = node->input)
		if (node->kind == FL_NODE_TOPN)
			check_topn(r, q, node);
}

/* Flink names transactions by the prefix alone. */
static void
check_prefixes(struct report *r)
{
	const struct fl_plan *plan = r->plan;
	uint32_t i, j;

	for (i = 1; i < plan->sink_count; i++)
		for (j = 0; j < i; j++)
			if (plan->sinks[i]->txn_prefix != NULL && plan->sinks[j]->txn_prefix != NULL &&
			    strcmp(plan->sinks[i]->txn_prefix, plan->sinks[j]->txn_prefix) == 0)
				SAY(r, "tables %s and %s: the same 'sink.transactional-id-prefix' = '%s': on Flink they "
				    "would fence each other", plan->sinks[j]->name, plan->sinks[i]->name,
				    plan->sinks[i]->txn_prefix);
}

static bool
has_exactly_once(const struct fl_plan *plan)
{
	uint32_t i;

	for (i = 0; i < plan->sink_count; i++) {
		const char *guarantee = fl_table_option(plan->sinks[i], "sink.delivery-guarantee");

		if (guarantee != NULL && strcasecmp(guarantee, "exactly-once") == 0)
			return true;
	}
	return false;
}

void
fl_plan_portability(const struct fl_plan *plan, struct fl_buf *out, uint32_t *count)
{
	struct report r = { .plan = plan, .out = out };
	uint32_t i;

	if (plan->quiet_close_ms > 0)
		SAY(&r, "flight.quiet-close is Flight's: on Flink the last windows of a silent topic stay open");
	if (plan->max_future_ms > 0)
		SAY(&r, "flight.max-future is Flight's: on Flink one row far ahead closes all windows");
	if (has_exactly_once(plan) && !plan->has_checkpoint_interval)
		SAY(&r, "SET 'execution.checkpointing.interval' = '10 s': without it Flink commits no transaction");
	if (plan->has_bare_tvf)
		SAY(&r, "write TABLE(TUMBLE(...)): Flink 1.20 takes no window function without TABLE(...)");
	if (plan->has_union_tvf)
		SAY(&r, "give UNION ALL a name, CREATE VIEW v AS ..., and write TUMBLE(TABLE v, ...): of the parts of one "
		    "that stands in a window function's parentheses Flink takes the first and forgets the others");
	for (i = 0; i < plan->table_count; i++) {
		check_options(&r, plan->tables[i]);
		if (plan->tables[i]->is_source)
			check_source(&r, plan->tables[i]);
		if (plan->tables[i]->is_sink)
			check_sink(&r, plan->tables[i]);
		if (plan->tables[i]->jdbc != NULL)
			check_jdbc(&r, plan->tables[i]);
	}
	check_prefixes(&r);
	for (i = 0; i < plan->query_count; i++)
		check_query(&r, &plan->queries[i]);
	*count = r.count;
}
