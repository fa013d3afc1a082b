/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic.c - a topic as the tools see it: client properties, schema, lines to messages and
 * back.
 *
 * A line of JSON becomes a row by the JSON decoder and a message by the Avro encoder: the
 * codecs of the engine, so that the tools accept what the engine accepts.
 */
#include "flightctl/ctl.h"

#include <inttypes.h>

#include <jansson.h>
#include <stdlib.h>

#include "kafka/client.h"

#define SCHEMA_SIZE_MAX (1u << 20)

void
topic_init(struct topic *topic)
{
	*topic = (struct topic){.format = TOPIC_AVRO};
	fl_arena_init(&topic->arena);
	topic->table.name = "topic";
	topic->table.connector = FL_CONNECTOR_KAFKA;
	topic->table.rowtime = -1;
	topic->table.stream = -1;
	topic->table.sink = -1;
}

void
topic_fini(struct topic *topic)
{
	free(topic->table.options);
	fl_arena_fini(&topic->arena);
}

void
topic_set(struct topic *topic, const char *key, const char *value)
{
	struct fl_table *table = &topic->table;

	key = fl_arena_printf(&topic->arena, "properties.%s", key);
	value = fl_arena_strdup(&topic->arena, value);
	for (uint32_t i = 0; i < table->option_count; i++)
		if (strcmp(table->options[i].key, key) == 0) {
			table->options[i].value = value;
			return;
		}
	if (table->option_count == topic->option_max) {
		topic->option_max = FL_MAX(8, topic->option_max * 2);
		table->options =
		    fl_realloc(table->options, sizeof(*table->options) * topic->option_max);
	}
	table->options[table->option_count++] = (struct fl_option){.key = key, .value = value};
}

static enum fl_code
set_pair(struct topic *topic, const char *pair, bool takes_secrets, struct fl_err *err)
{
	static const char *const secrets[] = {"password", "secret", "jaas", "ssl.key.pem", "oauth"};
	const char *equals = strchr(pair, '=');
	char *key;

	if (equals == NULL || equals == pair)
		return FL_FAIL(err, FL_E_BAD_OPTION, "property \"%s\": expected KEY=VALUE", pair);
	key = fl_arena_strndup(&topic->arena, pair, (size_t)(equals - pair));
	for (uint32_t i = 0; !takes_secrets && i < FL_ARRAY_COUNT(secrets); i++)
		if (strstr(key, secrets[i]) != NULL)
			return FL_FAIL(err, FL_E_BAD_OPTION,
			    "property \"%s\" is a secret: everybody can read command lines; put it "
			    "into a file "
			    "and give that with -F",
			    key);
	topic_set(topic, key, equals + 1);
	if (strcmp(key, "bootstrap.servers") == 0)
		topic->table.brokers = fl_arena_strdup(&topic->arena, equals + 1);
	return FL_OK;
}

enum fl_code
topic_set_pair(struct topic *topic, const char *pair, struct fl_err *err)
{
	return set_pair(topic, pair, false, err);
}

enum fl_code
topic_set_file(struct topic *topic, const char *path, struct fl_err *err)
{
	struct fl_buf text;
	enum fl_code code;
	char *save = NULL;
	uint32_t n = 0;

	fl_buf_init(&text);
	code = fl_file_read(path, SCHEMA_SIZE_MAX, &text, err);
	if (code == FL_OK && text.size > 0)
		for (char *line = strtok_r(text.data, "\n", &save); line != NULL && code == FL_OK;
		     line = strtok_r(NULL, "\n", &save)) {
			n++;
			line += strspn(line, " \t");
			line[strcspn(line, "\r")] = '\0';
			if (*line != '\0' && *line != '#' &&
			    (code = set_pair(topic, line, true, err)) != FL_OK)
				fl_err_context(err, "file \"%s\" entry %u", path, n);
		}
	fl_buf_fini(&text);
	return code;
}

enum fl_code
topic_set_schema(struct topic *topic, const char *file_and_name, struct fl_err *err)
{
	const char *hash = strrchr(file_and_name, '#');
	const char *name = hash != NULL ? hash + 1 : NULL;
	const char *file = hash != NULL ? fl_arena_strndup(&topic->arena, file_and_name,
					      (size_t)(hash - file_and_name))
					: file_and_name;
	struct fl_buf text;
	enum fl_code code;

	fl_buf_init(&text);
	code = fl_file_read(file, SCHEMA_SIZE_MAX, &text, err);
	if (code == FL_OK)
		code = fl_avro_pick(text.data, text.size, name, &topic->arena, &topic->schema, err);
	if (code == FL_OK)
		code = fl_avro_columns(topic->schema, &topic->arena, &topic->columns, err);
	fl_buf_fini(&text);
	if (code != FL_OK)
		return fl_err_context(err, "schema \"%s\"", file_and_name);
	return FL_OK;
}

enum fl_code
topic_option(
    struct topic *topic, const char *option, const char *value, bool *taken, struct fl_err *err)
{
	*taken = true;
	if (strcmp(option, "brokers") == 0)
		topic->table.brokers = value;
	else if (strcmp(option, "topic") == 0)
		topic->table.topic = value;
	else if (strcmp(option, "property") == 0)
		return topic_set_pair(topic, value, err);
	else if (strcmp(option, "properties") == 0)
		return topic_set_file(topic, value, err);
	else if (strcmp(option, "schema") == 0)
		return topic_set_schema(topic, value, err);
	else if (strcmp(option, "format") == 0) {
		topic->format = strcmp(value, "avro") == 0   ? TOPIC_AVRO
				: strcmp(value, "json") == 0 ? TOPIC_JSON
				: strcmp(value, "raw") == 0  ? TOPIC_RAW
							     : 0;
		if (topic->format == 0)
			return FL_FAIL(err, FL_E_USAGE,
			    "--format: expected avro, json or raw, got \"%s\"", value);
	} else
		*taken = false;
	return FL_OK;
}

enum fl_code
topic_finish(struct topic *topic, const char *name, struct fl_err *err)
{
	struct fl_table *table = &topic->table;

	if (table->topic == NULL)
		table->topic = name;
	if (table->topic == NULL || table->topic[0] == '\0')
		return FL_FAIL(err, FL_E_USAGE, "the topic is missing");
	if (table->brokers == NULL || table->brokers[0] == '\0')
		return FL_FAIL(err, FL_E_USAGE, "the brokers are missing: -b host:port");
	if (topic->format == TOPIC_AVRO && topic->schema == NULL)
		return FL_FAIL(err, FL_E_USAGE,
		    "the schema is missing: --schema FILE#NAME, or --format json for JSON "
		    "messages");
	topic_set(topic, "bootstrap.servers", table->brokers);
	table->topics = &table->topic;
	table->topic_count = 1;
	table->physical = topic->columns;
	table->schema = topic->columns;
	table->avro_schema = topic->schema;
	table->format = topic->format == TOPIC_AVRO ? FL_FORMAT_AVRO : FL_FORMAT_JSON;
	return FL_OK;
}

enum fl_code
topic_check(const struct topic *topic, int64_t partition_count, int timeout_ms, struct fl_err *err)
{
	struct fl_kafka_consumer *consumer = NULL;
	uint32_t count = 0;
	enum fl_code code;

	code = fl_kafka_consumer_open(&topic->table, "flightctl", &consumer, err);
	if (code == FL_OK)
		code = fl_kafka_consumer_partitions(
		    consumer, topic->table.topic, timeout_ms, &count, err);
	fl_kafka_consumer_close(&consumer);
	if (code == FL_OK && partition_count > (int64_t)count)
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "topic \"%s\" has no partition %" PRId64 ", it has %u", topic->table.topic,
		    partition_count - 1, count);
	return code;
}

/* ---- rows ---- */

struct topic_writer {
	int format;
	struct fl_decoder *decoder;
	struct fl_encoder *encoder;
	struct fl_builder builder;
	struct fl_arena arena;
	struct fl_buf value;
};

static struct fl_codec_options
codec_options(const struct topic *topic, enum fl_format format)
{
	return (struct fl_codec_options){
	    .format = (uint8_t)format,
	    .schema = &topic->columns,
	    .avro_schema = format == FL_FORMAT_AVRO ? topic->schema : NULL,
	    .json_decimal_plain = true,
	};
}

enum fl_code
topic_writer_open(struct topic *topic, struct topic_writer **writer, struct fl_err *err)
{
	struct topic_writer *made = fl_calloc(1, sizeof(*made));
	struct fl_codec_options from = codec_options(topic, FL_FORMAT_JSON);
	struct fl_codec_options to = codec_options(topic, FL_FORMAT_AVRO);

	made->format = topic->format;
	fl_buf_init(&made->value);
	fl_arena_init(&made->arena);
	if (topic->format == TOPIC_AVRO) {
		/* A field that is absent is a mistake here, not a NULL. */
		from.json_fail_on_missing = true;
		fl_builder_init(&made->builder, &topic->columns);
		if (fl_decoder_new(&from, &made->decoder, err) != FL_OK ||
		    fl_encoder_new(&to, &made->encoder, err) != FL_OK) {
			topic_writer_close(&made);
			return err->code;
		}
	}
	*writer = made;
	return FL_OK;
}

void
topic_writer_close(struct topic_writer **writer)
{
	struct topic_writer *w = *writer;

	if (w == NULL)
		return;
	if (w->format == TOPIC_AVRO)
		fl_builder_fini(&w->builder);
	fl_decoder_free(&w->decoder);
	fl_encoder_free(&w->encoder);
	fl_buf_fini(&w->value);
	fl_arena_fini(&w->arena);
	free(w);
	*writer = NULL;
}

/* A JSON line goes out as it is, but only if it is one. */
static enum fl_code
check_json(const char *line, size_t size, struct fl_err *err)
{
	json_error_t error;
	json_t *value = json_loadb(line, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

	if (value == NULL)
		return FL_FAIL(err, FL_E_BAD_JSON, "byte %d: %s", error.position, error.text);
	json_decref(value);
	return FL_OK;
}

enum fl_code
topic_writer_encode(struct topic_writer *writer, const char *line, size_t size,
    const struct fl_buf **value, struct fl_err *err)
{
	struct fl_batch batch;
	enum fl_verdict verdict;

	fl_buf_reset(&writer->value);
	*value = &writer->value;
	if (writer->format != TOPIC_AVRO) {
		if (writer->format == TOPIC_JSON)
			FL_TRY(check_json(line, size, err));
		fl_buf_add(&writer->value, line, size);
		return FL_OK;
	}
	fl_builder_reset(&writer->builder);
	fl_builder_begin(&writer->builder);
	verdict = fl_decode(writer->decoder, line, size, &writer->builder, err);
	if (verdict == FL_VERDICT_DEAD)
		return err->code;
	if (verdict == FL_VERDICT_SKIPPED)
		return FL_FAIL(err, FL_E_BAD_JSON, "expected a JSON object, got nothing");
	fl_builder_commit(&writer->builder);
	fl_arena_reset(&writer->arena);
	fl_builder_view(&writer->builder, &batch, &writer->arena);
	return fl_encode(writer->encoder, &batch, 0, &writer->value, err);
}

struct topic_reader {
	int format;
	struct fl_decoder *decoder;
	struct fl_encoder *encoder;
	struct fl_builder builder;
	struct fl_arena arena;
};

enum fl_code
topic_reader_open(struct topic *topic, struct topic_reader **reader, struct fl_err *err)
{
	struct topic_reader *made = fl_calloc(1, sizeof(*made));
	struct fl_codec_options from = codec_options(topic, FL_FORMAT_AVRO);
	struct fl_codec_options to = codec_options(topic, FL_FORMAT_JSON);

	made->format = topic->format;
	fl_arena_init(&made->arena);
	if (topic->format == TOPIC_AVRO) {
		fl_builder_init(&made->builder, &topic->columns);
		if (fl_decoder_new(&from, &made->decoder, err) != FL_OK ||
		    fl_encoder_new(&to, &made->encoder, err) != FL_OK) {
			topic_reader_close(&made);
			return err->code;
		}
	}
	*reader = made;
	return FL_OK;
}

void
topic_reader_close(struct topic_reader **reader)
{
	struct topic_reader *r = *reader;

	if (r == NULL)
		return;
	if (r->format == TOPIC_AVRO)
		fl_builder_fini(&r->builder);
	fl_decoder_free(&r->decoder);
	fl_encoder_free(&r->encoder);
	fl_arena_fini(&r->arena);
	free(r);
	*reader = NULL;
}

bool
topic_is_json(const char *text, size_t size)
{
	json_t *value = json_loadb(
	    text, size, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);

	json_decref(value);
	return value != NULL;
}

enum fl_code
topic_reader_decode(struct topic_reader *reader, const void *value, size_t size,
    struct fl_buf *line, struct fl_err *err)
{
	struct fl_batch batch;
	enum fl_verdict verdict;

	if (reader->format != TOPIC_AVRO || value == NULL) {
		if (value == NULL)
			fl_buf_str(line, "null");
		else
			fl_buf_add(line, value, size);
		return FL_OK;
	}
	fl_builder_reset(&reader->builder);
	fl_builder_begin(&reader->builder);
	verdict = fl_decode(reader->decoder, value, size, &reader->builder, err);
	if (verdict == FL_VERDICT_DEAD)
		return err->code;
	if (verdict == FL_VERDICT_SKIPPED) {
		fl_buf_str(line, "null");
		return FL_OK;
	}
	fl_builder_commit(&reader->builder);
	fl_arena_reset(&reader->arena);
	fl_builder_view(&reader->builder, &batch, &reader->arena);
	return fl_encode(reader->encoder, &batch, 0, line, err);
}
