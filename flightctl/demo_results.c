/* SPDX-License-Identifier: Apache-2.0 */
/*
 * demo_results.c - what comes out of a demo's pipeline, a line for each result.
 *
 * Sinks are the plan's.  A topic is read from its beginning.  A table is read again and again,
 * whole, and a row that was not there the last times is news: that is right for tables that
 * grow and for those whose rows change, and a demo's are small.
 */
#include "flightctl/demo.h"

#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/util.h"
#include "jdbc/scan.h"
#include "kafka/client.h"

#define RUN_MAX 64
#define WAIT_MS 50
#define TABLE_MS 500 /* between two looks at a table */

/* Results whose topics hold Avro, and what is shown of them. */
static const struct avro_result {
	const char *topic, *schema, *value;
} avro_results[] = {
    {"average_passengers", "flights.avpr#flights.analyzer.AveragePassengers", "passengers"},
    {"trend_origin", "flights.avpr#flights.analyzer.TrendOrigin", "origin"},
};

struct result {
	const struct fl_table *table;
	struct demo_results *of;
	/* a topic */
	const struct avro_result *avro; /* NULL: it holds JSON */
	struct topic topic;
	struct topic_codec *codec;
	struct fl_kafka_consumer *consumer;
	/* a table: hashes of the rows seen, 0 for an empty slot */
	uint64_t *seen;
	uint32_t seen_count, seen_capacity;
	int64_t looked_us;
};

struct demo_results {
	struct result *items;
	uint32_t count;
	uint64_t lines;
};

/* ---- lines ---- */

static void
print_line(struct demo_results *results, const char *name, const char *text)
{
	int64_t now_ms = fl_now_ms();
	time_t now = (time_t)(now_ms / 1000);
	struct tm tm;

	localtime_r(&now, &tm);
	printf("%02d:%02d:%02d.%03d  %-18s  %s\n", tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (int)(now_ms % 1000), name, text);
	if (fflush(stdout) != 0)
		ctl_is_stopping = 1; /* nobody reads any more */
	results->lines++;
}

/* The value of a field in a flat JSON object that we encoded ourselves. */
static void
pick_field(const char *json, const char *name, char *buf, size_t size)
{
	char pattern[64];
	const char *at;
	size_t len;

	snprintf(pattern, sizeof(pattern), "\"%s\":", name);
	at = strstr(json, pattern);
	if (at == NULL) {
		snprintf(buf, size, "?");
		return;
	}
	at += strlen(pattern);
	at += *at == '"';
	len = strcspn(at, ",}\"");
	snprintf(buf, size, "%.*s", (int)len, at);
}

/* Of flights: the window, whose end is the timestamp, and the value. */
static void
print_window(struct result *r, const char *json)
{
	char end_text[32], value[64], from[32], to[32], text[192];
	int64_t end_s;

	pick_field(json, "timestamp", end_text, sizeof(end_text));
	pick_field(json, r->avro->value, value, sizeof(value));
	if (!fl_parse_i64(end_text, &end_s))
		return;
	out_instant((end_s - 60) * 1000, from);
	out_instant(end_s * 1000, to);
	snprintf(text, sizeof(text), "window %.16s to %.5s  %s=%s", from, to + 11, r->avro->value, value);
	print_line(r->of, r->table->topic, text);
}

/* ---- topics ---- */

static enum fl_code
open_topic(struct result *r, const char *folder, const char *brokers, struct fl_err *err)
{
	struct fl_kafka_assignment set = {r->table->topic, 0, 0};
	char schema[2 * PATH_MAX];
	uint32_t count;

	topic_init(&r->topic);
	r->topic.format = TOPIC_RAW;
	for (size_t i = 0; i < FL_ARRAY_COUNT(avro_results); i++)
		if (strcmp(avro_results[i].topic, r->table->topic) == 0)
			r->avro = &avro_results[i];
	if (r->avro != NULL) {
		r->topic.format = TOPIC_AVRO;
		snprintf(schema, sizeof(schema), "%s/%s", folder, r->avro->schema);
		FL_TRY(topic_set_schema(&r->topic, schema, err));
	}
	r->topic.table.brokers = brokers;
	FL_TRY(topic_finish(&r->topic, r->table->topic, err));
	FL_TRY(topic_codec_open(&r->topic, false, &r->codec, err));
	FL_TRY(fl_kafka_consumer_open(&r->topic.table, "flightctl-demo", &r->consumer, err));
	FL_TRY(fl_kafka_consumer_partitions(r->consumer, r->table->topic, 10000, &count, err));
	return fl_kafka_consumer_assign(r->consumer, &set, 1, err);
}

static enum fl_code
poll_topic(struct result *r, struct fl_err *err)
{
	struct fl_kafka_message messages[RUN_MAX];
	struct fl_buf json;
	int64_t eof_offset;
	uint32_t count = 0;
	enum fl_code code;
	bool eof;

	code = fl_kafka_consumer_poll(
	    r->consumer, 0, messages, RUN_MAX, &count, &eof, &eof_offset, err);
	if (code != FL_OK)
		return fl_code_class(code) == FL_CLASS_TRANSIENT ? FL_OK : code;
	fl_buf_init(&json);
	for (uint32_t i = 0; i < count && code == FL_OK; i++) {
		fl_buf_reset(&json);
		if (r->avro == NULL) {
			fl_buf_add(&json, messages[i].value, messages[i].value_size);
			print_line(r->of, r->table->topic, json.data);
			continue;
		}
		code = topic_decode(
		    r->codec, messages[i].value, messages[i].value_size, &json, err);
		if (code == FL_OK)
			print_window(r, json.data);
	}
	fl_kafka_messages_release(messages, count);
	fl_buf_fini(&json);
	return code;
}

/* ---- tables ---- */

static bool
add_seen(struct result *r, uint64_t hash)
{
	uint32_t s;

	hash = FL_MAX(hash, 1);
	if ((r->seen_count + 1) * 2 > r->seen_capacity) {
		uint64_t *old = r->seen;
		uint32_t old_capacity = r->seen_capacity;

		r->seen_capacity = FL_MAX(256u, old_capacity * 2);
		r->seen = fl_calloc(r->seen_capacity, sizeof(*r->seen));
		r->seen_count = 0;
		for (uint32_t i = 0; i < old_capacity; i++)
			if (old[i] != 0)
				(void)add_seen(r, old[i]);
		free(old);
	}
	for (s = (uint32_t)hash & (r->seen_capacity - 1); r->seen[s] != 0;
	     s = (s + 1) & (r->seen_capacity - 1))
		if (r->seen[s] == hash)
			return false;
	r->seen[s] = hash;
	r->seen_count++;
	return true;
}

/* {"food":"pie","count":37} as food=pie count=37; texts as they are. */
static void
print_pairs(const char *line, size_t size, struct fl_buf *out)
{
	json_t *row = json_loadb(line, size, 0, NULL), *value;
	const char *name;

	json_object_foreach(row, name, value)
	{
		char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		fl_buf_printf(out, "%s%s=", out->size > 0 ? " " : "", name);
		fl_buf_str(out, text != NULL ? text : json_string_value(value));
		free(text);
	}
	json_decref(row);
}

static enum fl_code
take_row(void *ctx, const char *line, size_t size, struct fl_err *err)
{
	struct result *r = ctx;
	struct fl_buf text;

	(void)err;
	if (!add_seen(r, fl_hash64(line, size)))
		return FL_OK;
	fl_buf_init(&text);
	print_pairs(line, size, &text);
	print_line(r->of, r->table->name, text.size > 0 ? text.data : "");
	fl_buf_fini(&text);
	return FL_OK;
}

static bool
is_stopping(void *ctx)
{
	(void)ctx;
	return ctl_is_stopping != 0;
}

/* A table that is not there yet, or locked, is looked at again. */
static enum fl_code
poll_table(struct result *r, struct fl_err *err)
{
	const struct fl_scan scan = {.table = r->table, .take = take_row, .is_stopping = is_stopping, .ctx = r};
	int64_t now_us = fl_monotonic_us();
	struct fl_err own = {0};
	enum fl_code code;

	if (r->looked_us != 0 && now_us - r->looked_us < TABLE_MS * 1000)
		return FL_OK;
	code = fl_scan(&scan, &own);
	r->looked_us = fl_monotonic_us();
	if (code == FL_OK || code == FL_E_INTERRUPTED || fl_code_class(code) == FL_CLASS_TRANSIENT)
		return FL_OK;
	*err = own;
	return code;
}

/* ---- all of them ---- */

enum fl_code
demo_results_open(const struct fl_plan *plan, const char *folder, const char *brokers,
    struct demo_results **out, struct fl_err *err)
{
	struct demo_results *results = fl_calloc(1, sizeof(*results));

	*out = results;
	results->items = fl_calloc(FL_MAX(plan->sink_count, 1u), sizeof(*results->items));
	for (uint32_t i = 0; i < plan->sink_count; i++) {
		struct result *r = &results->items[results->count];

		r->table = plan->sinks[i];
		r->of = results;
		if (r->table->connector != FL_CONNECTOR_KAFKA && r->table->connector != FL_CONNECTOR_JDBC)
			continue;
		results->count++;
		if (r->table->connector == FL_CONNECTOR_KAFKA)
			FL_TRY(open_topic(r, folder, brokers, err));
	}
	return FL_OK;
}

enum fl_code
demo_results_poll(struct demo_results *results, struct fl_err *err)
{
	struct fl_kafka_consumer *consumer = NULL;

	for (uint32_t i = 0; i < results->count; i++) {
		struct result *r = &results->items[i];

		if (r->table->connector == FL_CONNECTOR_JDBC) {
			FL_TRY(poll_table(r, err));
			continue;
		}
		consumer = r->consumer;
		FL_TRY(poll_topic(r, err));
	}
	if (consumer != NULL)
		fl_kafka_consumer_wait(consumer, WAIT_MS);
	else
		poll(NULL, 0, WAIT_MS);
	return FL_OK;
}

uint64_t
demo_results_count(const struct demo_results *results)
{
	return results == NULL ? 0 : results->lines;
}

void
demo_results_close(struct demo_results **presults)
{
	struct demo_results *results = *presults;

	if (results == NULL)
		return;
	for (uint32_t i = 0; i < results->count; i++) {
		struct result *r = &results->items[i];

		fl_kafka_consumer_close(&r->consumer);
		topic_codec_close(&r->codec);
		if (r->table->connector == FL_CONNECTOR_KAFKA)
			topic_fini(&r->topic);
		free(r->seen);
	}
	free(results->items);
	free(results);
	*presults = NULL;
}
