/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topic.c - a topic as the tools see it: client properties, schema, lines to messages and
 * back.
 *
 * A line of JSON becomes a row by the JSON decoder and a message by the Avro encoder: the
 * codecs of the engine, so that the tools accept what the engine accepts.
 */
#include "flightctl/ctl.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>

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

static void
set_property(struct topic *topic, const char *key, const char *value)
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

/* key=value; a secret only out of a file. */
static enum fl_code
set_pair(struct topic *topic, const char *pair, bool takes_secrets, struct fl_err *err)
{
	static const char *const secrets[] = {
	    "password", "secret", "jaas", "ssl.key.pem", "ssl.keystore.key", "oauth"};
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
	set_property(topic, key, equals + 1);
	if (strcmp(key, "bootstrap.servers") == 0)
		topic->table.brokers = fl_arena_strdup(&topic->arena, equals + 1);
	return FL_OK;
}

/* Lines key=value, # comments. */
static enum fl_code
set_file(struct topic *topic, const char *path, struct fl_err *err)
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

static int
is_schema_file(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot != NULL && (strcmp(dot, ".avsc") == 0 || strcmp(dot, ".avpr") == 0);
}

/* Says which schema files there are where one was looked for. */
static void
add_schema_files(const char *file, struct fl_err *err)
{
	char dir[PATH_MAX];
	struct dirent **found;
	size_t used = strlen(err->text);
	int n, i;

	fl_dir_of(file, dir, sizeof(dir));
	n = scandir(dir, &found, is_schema_file, alphasort);
	if (n < 0)
		return;
	if (n == 0)
		(void)snprintf(err->text + used, sizeof(err->text) - used,
		    "; no schema (.avsc, .avpr) is there");
	for (i = 0; i < n; i++) {
		if (used < sizeof(err->text))
			used += (size_t)snprintf(err->text + used, sizeof(err->text) - used, "%s%s",
			    i == 0 ? "; there are: " : ", ", found[i]->d_name);
		free(found[i]);
	}
	free(found);
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
	if (code == FL_E_NO_SUCH_FILE && err->native == ENOENT)
		add_schema_files(file, err);
	if (code == FL_OK)
		code = fl_avro_pick(text.data, text.size, name, &topic->arena, &topic->schema, err);
	if (code == FL_OK)
		code = fl_avro_columns(topic->schema, &topic->arena, &topic->columns, err);
	fl_buf_fini(&text);
	if (code != FL_OK)
		return fl_err_context(err, "schema \"%s\"", file_and_name);
	return FL_OK;
}

/* *taken false: none of those that mean the same everywhere. */
static enum fl_code
take_option(
    struct topic *topic, const char *option, const char *value, bool *taken, struct fl_err *err)
{
	*taken = true;
	if (strcmp(option, "brokers") == 0)
		topic->table.brokers = value;
	else if (strcmp(option, "topic") == 0)
		topic->table.topic = value;
	else if (strcmp(option, "property") == 0)
		return set_pair(topic, value, false, err);
	else if (strcmp(option, "properties") == 0)
		return set_file(topic, value, err);
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

const char *
topic_next_option(struct ctl *ctl, struct topic *topic, const char **value)
{
	struct fl_err err = {0};
	const char *option = NULL;
	bool taken = true;

	while (taken && (option = ctl_next_option(ctl, value)) != NULL)
		if (take_option(topic, option, *value, &taken, &err) != FL_OK) {
			ctl->stop = true;
			ctl->status = ctl_fail(ctl, &err);
		}
	return taken ? NULL : option;
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
	set_property(topic, "bootstrap.servers", table->brokers);
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

struct topic_codec {
	int format;
	struct fl_decoder *decoder;
	struct fl_encoder *encoder;
	struct fl_builder builder;
	struct fl_arena arena;
	struct fl_buf message; /* the one encoded last */
};

static struct fl_codec_options
codec_options(const struct topic *topic, enum fl_format format)
{
	return (struct fl_codec_options){
	    .format = (uint8_t)format,
	    .schema = &topic->columns,
	    .avro_schema = format == FL_FORMAT_AVRO ? topic->schema : NULL,
	    .json_decimal_plain = true,
	    /* A field that is absent is a mistake here, not a NULL. */
	    .json_fail_on_missing = true,
	};
}

enum fl_code
topic_codec_open(const struct topic *topic, bool to_messages, struct topic_codec **codec,
    struct fl_err *err)
{
	struct topic_codec *made = fl_calloc(1, sizeof(*made));
	struct fl_codec_options json = codec_options(topic, FL_FORMAT_JSON);
	struct fl_codec_options avro = codec_options(topic, FL_FORMAT_AVRO);

	made->format = topic->format;
	fl_buf_init(&made->message);
	fl_arena_init(&made->arena);
	if (topic->format == TOPIC_AVRO) {
		fl_builder_init(&made->builder, &topic->columns);
		if (fl_decoder_new(to_messages ? &json : &avro, &made->decoder, err) != FL_OK ||
		    fl_encoder_new(to_messages ? &avro : &json, &made->encoder, err) != FL_OK) {
			topic_codec_close(&made);
			return err->code;
		}
	}
	*codec = made;
	return FL_OK;
}

void
topic_codec_close(struct topic_codec **codec)
{
	struct topic_codec *c = *codec;

	if (c == NULL)
		return;
	if (c->format == TOPIC_AVRO)
		fl_builder_fini(&c->builder);
	fl_decoder_free(&c->decoder);
	fl_encoder_free(&c->encoder);
	fl_buf_fini(&c->message);
	fl_arena_fini(&c->arena);
	free(c);
	*codec = NULL;
}

/* *skipped: nothing was there, and nothing was written. */
static enum fl_code
convert(struct topic_codec *codec, const void *from, size_t size, struct fl_buf *to, bool *skipped,
    struct fl_err *err)
{
	enum fl_verdict verdict;
	struct fl_batch batch;

	fl_builder_reset(&codec->builder);
	fl_builder_begin(&codec->builder);
	verdict = fl_decode(codec->decoder, from, size, &codec->builder, err);
	*skipped = verdict == FL_VERDICT_SKIPPED;
	if (verdict == FL_VERDICT_DEAD)
		return err->code;
	if (*skipped)
		return FL_OK;
	fl_builder_commit(&codec->builder);
	fl_arena_reset(&codec->arena);
	fl_builder_view(&codec->builder, &batch, &codec->arena);
	return fl_encode(codec->encoder, &batch, 0, to, err);
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
topic_encode(struct topic_codec *codec, const char *line, size_t size,
    const struct fl_buf **message, struct fl_err *err)
{
	bool skipped = false;

	fl_buf_reset(&codec->message);
	*message = &codec->message;
	if (codec->format == TOPIC_AVRO)
		FL_TRY(convert(codec, line, size, &codec->message, &skipped, err));
	else {
		if (codec->format == TOPIC_JSON)
			FL_TRY(check_json(line, size, err));
		fl_buf_add(&codec->message, line, size);
	}
	if (skipped)
		return FL_FAIL(err, FL_E_BAD_JSON, "expected a JSON object, got nothing");
	return FL_OK;
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
topic_decode(struct topic_codec *codec, const void *message, size_t size, struct fl_buf *line,
    struct fl_err *err)
{
	bool skipped = message == NULL;

	if (codec->format == TOPIC_AVRO && !skipped)
		FL_TRY(convert(codec, message, size, line, &skipped, err));
	else if (!skipped)
		fl_buf_add(line, message, size);
	if (skipped)
		fl_buf_str(line, "null");
	return FL_OK;
}
