/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_kafka.c - rows into a topic, exactly once.
 *
 * One transaction holds a run's messages and the new position, which is the offset
 * of the group "<transactional.id>.<store uuid>" on partition 0 of the topic itself:
 * offsets must name a partition that exists, and any number is taken.  The group's
 * name holds the store's uuid, so a pipeline started anew begins at row 0 while its
 * transactional.id, which does not, still fences the old one.  Beside the offset
 * stands
 *
 *	1 <store uuid> <generation> <next row> <chain hash>
 *
 * The order at opening matters: init_transactions ends what a predecessor left open,
 * and only then is its position final.  After an unknown outcome of rows [a, b) the
 * producer is dropped and the same is done again: the position is a or b.
 *
 * A run's bytes hold values one after the other; where messages have keys, or values
 * that can be null, a row of them is
 *
 *	struct message_head, key, value
 *
 * Of upsert-kafka a row that is new or changed is a message, and one that goes is a
 * message with a null value.
 *
 * Headers are made when a message is sent: they say what the run knows anyway.
 *
 * librdkafka's mock cluster ignores transactional offsets.  It is known by its
 * cluster id; with it the position in emit's store is all there is, and rows that
 * were committed just before a kill -9 come again: the demo says so.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "kafka/client.h"
#include "sink.h"

#define INIT_TIMEOUT_MS 3000 /* then it is asked to go on: status and an end wait no longer */
#define INIT_SLICE_MS 250 /* a program that shall end is not late by more */
#define READ_TIMEOUT_MS 10000
#define COMMIT_TIMEOUT_MS 10000
#define ABORT_TIMEOUT_MS 5000
#define POSITION_VERSION 1

/* Names and texts are UTF-8; docs/sql.md has them. */
#define HEADER_PIPELINE "flight.pipeline"
#define HEADER_SINK "flight.sink"
#define HEADER_STORE "flight.store"
#define HEADER_ROW "flight.row"

struct message_head {
	int32_t key_size, value_size; /* -1: null */
};

struct kafka_impl {
	struct fl_kafka_producer *producer;
	bool is_init;
	struct fl_encoder *key_encoder; /* NULL: messages have no key */
	struct fl_col *cols;		/* of a row, as the key's or the value's encoder wants them */
	char txn_id[FL_TXN_ID_MAX + 1]; /* the compiler refuses longer ones */
	char group[FL_TXN_ID_MAX + 1 + 37];
};

static struct kafka_impl *
get_impl(struct emit_sink *sink)
{
	struct kafka_impl *impl = sink->impl;
	const struct fl_table *table = sink->table;
	char uuid[37];

	if (impl == NULL)
		sink->impl = impl = fl_calloc(1, sizeof(*impl));
	if (table->txn_prefix != NULL)
		snprintf(impl->txn_id, sizeof(impl->txn_id), "%s.%s", table->txn_prefix,
		    table->name);
	else
		snprintf(impl->txn_id, sizeof(impl->txn_id), "flight.%s.%s",
		    sink->pipeline->name, table->name);
	snprintf(impl->group, sizeof(impl->group), "%s.%s", impl->txn_id,
	    fl_uuid_print(&sink->position.store, uuid));
	return impl;
}

static void
kafka_close(struct emit_sink *sink)
{
	struct kafka_impl *impl = sink->impl;

	if (impl == NULL)
		return;
	fl_kafka_producer_close(&impl->producer);
	impl->is_init = false;
}

static void
kafka_fini(struct emit_sink *sink)
{
	struct kafka_impl *impl = sink->impl;

	if (impl == NULL)
		return;
	fl_encoder_free(&impl->key_encoder);
	free(impl->cols);
	free(impl);
	sink->impl = NULL;
}

static bool
parse_uuid(const char *text, struct fl_uuid *uuid)
{
	unsigned byte;
	int i, used;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10) {
			if (*text++ != '-')
				return false;
		}
		if (sscanf(text, "%2x%n", &byte, &used) != 1 || used != 2)
			return false;
		uuid->bytes[i] = (uint8_t)byte;
		text += 2;
	}
	return *text == '\0';
}

static enum fl_code
parse_position(struct emit_sink *sink, int64_t offset, const char *metadata,
    struct fl_sink_position *position, struct fl_err *err)
{
	struct kafka_impl *impl = sink->impl;
	uint64_t generation, next, chain;
	char uuid[37];
	int version, used = 0;

	if (sscanf(metadata, "%d %36s %" SCNu64 " %" SCNu64 " %" SCNx64 "%n", &version, uuid,
		&generation, &next, &chain, &used) != 5 || metadata[used] != '\0' ||
	    version != POSITION_VERSION || !parse_uuid(uuid, &position->store) ||
	    next != (uint64_t)offset)
		return FL_FAIL(err, FL_E_SINK_UNKNOWN,
		    "table \"%s\": group \"%s\" holds offset %" PRId64 " with \"%.100s\", which is "
		    "not what Flight writes there (\"%d <store uuid> <generation> <row> <chain>\")",
		    sink->table->name, impl->group, offset, metadata, POSITION_VERSION);
	position->generation = generation;
	position->next = next;
	position->chain = chain;
	return FL_OK;
}

static void
print_position(const struct emit_sink *sink, uint64_t next, uint64_t chain, char *buf, size_t size)
{
	char uuid[37];

	snprintf(buf, size, "%d %s %" PRIu64 " %" PRIu64 " %016" PRIx64, POSITION_VERSION,
	    fl_uuid_print(&sink->position.store, uuid), sink->position.generation, next, chain);
}

/* ---- messages ---- */

static enum fl_code
make_key_encoder(struct emit_sink *sink, struct fl_err *err)
{
	struct kafka_impl *impl = sink->impl;
	struct fl_codec_options options;

	if (sink->table->key == NULL || impl->key_encoder != NULL)
		return FL_OK;
	options = fl_table_key_codec(sink->table);
	if (fl_encoder_new(&options, &impl->key_encoder, err) != FL_OK)
		return fl_err_context(err, "table \"%s\", its key", sink->table->name);
	impl->cols = fl_calloc(sink->table->physical.count, sizeof(impl->cols[0]));
	return FL_OK;
}

/* True: rows of a run are more than values. */
static bool
has_heads(const struct fl_table *table)
{
	return table->key != NULL || table->format == FL_FORMAT_RAW;
}

/* Appends a key or a value; *size -1: it is null. */
static enum fl_code
put_part(const struct fl_batch *batch, uint32_t i, struct fl_encoder *encoder, struct fl_buf *out,
    int32_t *size, struct fl_err *err)
{
	size_t at = out->size;

	*size = -1;
	if (fl_encoder_is_null(encoder, batch, i))
		return FL_OK;
	FL_TRY(fl_encode(encoder, batch, i, out, err));
	*size = (int32_t)(out->size - at);
	return FL_OK;
}

/* Some columns of a batch in another order; cols has room for them. */
static struct fl_batch
project(const struct fl_batch *batch, const struct fl_schema *schema, const uint32_t *columns,
    struct fl_col *cols)
{
	for (uint32_t c = 0; c < schema->count; c++)
		cols[c] = batch->cols[columns[c]];
	return (struct fl_batch){ .schema = schema, .cols = cols, .row_count = batch->row_count };
}

static enum fl_code
put_message(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, bool is_gone,
    struct fl_buf *out, struct message_head *head, struct fl_err *err)
{
	const struct fl_message_key *key = sink->table->key;
	struct kafka_impl *impl = sink->impl;
	struct fl_batch part;

	if (key != NULL) {
		part = project(batch, &key->schema, key->columns, impl->cols);
		if (put_part(&part, i, impl->key_encoder, out, &head->key_size, err) != FL_OK)
			return fl_err_context(err, FL_FAULT_KEY);
	}
	if (is_gone)
		return FL_OK;
	if (key == NULL || key->is_in_value)
		return put_part(batch, i, sink->encoder, out, &head->value_size, err);
	part = project(batch, &key->value, key->value_columns, impl->cols);
	return put_part(&part, i, sink->encoder, out, &head->value_size, err);
}

static enum fl_code
kafka_encode(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, uint8_t kind,
    struct fl_buf *out, struct fl_err *err)
{
	bool is_gone = kind == FL_CHANGE_DELETE || kind == FL_CHANGE_UPDATE_BEFORE;
	struct message_head head = { -1, -1 };
	size_t at = out->size;

	if (!has_heads(sink->table))
		return emit_encode_format(sink, batch, i, kind, out, err);
	if (sink->table->connector != FL_CONNECTOR_UPSERT_KAFKA)
		FL_TRY(emit_check_insert(sink, kind, err));
	fl_buf_add(out, &head, sizeof(head));
	FL_TRY(put_message(sink, batch, i, is_gone, out, &head, err));
	memcpy(out->data + at, &head, sizeof(head));
	return FL_OK;
}

#define HEADER_COUNT 4u

/* text holds the store's uuid and the row's number. */
static uint32_t
fill_headers(const struct emit_sink *sink, uint64_t number, char text[64], struct fl_kafka_header *headers)
{
	const char *pipeline = sink->pipeline->name, *table = sink->table->name;
	int size;

	(void)fl_uuid_print(&sink->position.store, text);
	size = snprintf(text + 37, 64 - 37, "%" PRIu64, number);
	headers[0] = (struct fl_kafka_header){ HEADER_PIPELINE, pipeline, strlen(pipeline) };
	headers[1] = (struct fl_kafka_header){ HEADER_SINK, table, strlen(table) };
	headers[2] = (struct fl_kafka_header){ HEADER_STORE, text, 36 };
	headers[3] = (struct fl_kafka_header){ HEADER_ROW, text + 37, (size_t)size };
	return HEADER_COUNT;
}

static enum fl_code
send_message(struct emit_sink *sink, const struct emit_row *row, const char *bytes, struct fl_err *err)
{
	struct kafka_impl *impl = sink->impl;
	const struct fl_table *table = sink->table;
	struct message_head head = { -1, (int32_t)row->size };
	struct fl_kafka_header headers[HEADER_COUNT];
	const char *key, *value;
	uint32_t count = 0;
	char text[64];

	if (has_heads(table)) {
		memcpy(&head, bytes, sizeof(head));
		bytes += sizeof(head);
	}
	key = head.key_size < 0 ? NULL : bytes;
	value = head.value_size < 0 ? NULL : bytes + FL_MAX(head.key_size, 0);
	if (table->headers)
		count = fill_headers(sink, row->number, text, headers);
	return fl_kafka_producer_send_with(impl->producer, table->one_partition ? 0 : -1, key,
	    (size_t)FL_MAX(head.key_size, 0), value, (size_t)FL_MAX(head.value_size, 0), 0, headers, count, err);
}

/* ---- opening ---- */

/* The topic must be there before the position is asked for: a group has no offset on
 * a topic that does not exist, and that must not look like an expired one. */
static enum fl_code
look_at_cluster(struct emit_sink *sink, struct fl_err *err)
{
	struct fl_kafka_consumer *consumer = NULL;
	char cluster[64] = "";
	enum fl_code code;
	uint32_t count;

	code = fl_kafka_consumer_open(sink->table, "flight.look", &consumer, err);
	if (code == FL_OK)
		code = fl_kafka_consumer_partitions(
		    consumer, sink->table->topic, READ_TIMEOUT_MS, &count, err);
	if (code == FL_OK)
		code = fl_kafka_consumer_cluster_id(
		    consumer, READ_TIMEOUT_MS, cluster, sizeof(cluster), err);
	fl_kafka_consumer_close(&consumer);
	if (code == FL_OK && strncmp(cluster, "mockCluster", 11) == 0) {
		if (!sink->keeps_no_position)
			fl_warn("embedded broker keeps no transactional positions: rows may repeat "
				"after a crash table=%s", sink->table->name);
		sink->keeps_no_position = true;
	}
	return code;
}

/* A broker that is away must not hold up the end of the program: librdkafka's call is
 * resumed by the next one, so it is made in slices. */
static enum fl_code
take_over_id(struct emit_sink *sink, struct fl_kafka_producer *producer, struct fl_err *err)
{
	int64_t until_us = fl_monotonic_us() + INIT_TIMEOUT_MS * INT64_C(1000);
	enum fl_code code;

	do {
		err->code = FL_OK;
		code = fl_kafka_producer_init(producer, INIT_SLICE_MS, err);
	} while ((code == FL_E_TIMED_OUT || code == FL_E_BROKER_AWAY) &&
		 fl_monotonic_us() < until_us &&
		 !__atomic_load_n(&sink->emit->is_stopping, __ATOMIC_ACQUIRE));
	return code;
}

static enum fl_code
kafka_open(
    struct emit_sink *sink, bool *known, struct fl_sink_position *position, struct fl_err *err)
{
	struct kafka_impl *impl = get_impl(sink);
	char metadata[256] = "";
	int64_t offset = -1;
	enum fl_code code;

	FL_TRY(make_key_encoder(sink, err));
	/* A producer whose init timed out is asked again: a broker that is away must
	 * not cost a new client per attempt. */
	if (impl->producer == NULL)
		FL_TRY(fl_kafka_producer_open(sink->table, impl->txn_id, &impl->producer, err));
	if (!impl->is_init) {
		code = take_over_id(sink, impl->producer, err);
		if (code != FL_OK) {
			if (code != FL_E_TIMED_OUT && code != FL_E_BROKER_AWAY)
				kafka_close(sink);
			return code;
		}
		impl->is_init = true;
	}
	FL_TRY(fl_kafka_producer_read_position(impl->producer, impl->group, READ_TIMEOUT_MS,
	    &offset, metadata, sizeof(metadata), err));
	if (offset < 0) {
		FL_TRY(look_at_cluster(sink, err));
		*known = false;
		return FL_OK;
	}
	FL_TRY(parse_position(sink, offset, metadata, position, err));
	*known = true;
	return FL_OK;
}

/* Ends a transaction that did not succeed.  The failure in err stays the first one. */
static void
give_up(struct kafka_impl *impl, enum fl_code code, bool unknown, bool *open_again)
{
	struct fl_err ignored;

	ignored.code = FL_OK;
	*open_again = unknown || code == FL_E_KAFKA_FENCED ||
	    fl_kafka_producer_abort(impl->producer, ABORT_TIMEOUT_MS, &ignored) != FL_OK;
}

static enum fl_code
send_rows(struct emit_sink *sink, struct emit_run *run, struct fl_err *err)
{
	enum fl_code code;
	uint32_t k;

	if (fl_fault("emit.before_produce"))
		return FL_FAIL(err, FL_E_KAFKA, "fault before producing");
	for (k = 0; k < run->count; k++) {
		const struct emit_row *row = &run->rows[k];

		/* A value may be of no bytes, and then still is no null. */
		code = send_message(sink, row, run->bytes.data != NULL ? run->bytes.data + row->at : "", err);
		if (code != FL_OK) {
			run->refused = code == FL_E_SINK_REFUSED ? (int64_t)k : -1;
			return code;
		}
	}
	if (fl_fault("emit.after_produce"))
		return FL_FAIL(err, FL_E_KAFKA, "fault after producing");
	return FL_OK;
}

/* One transaction: rows (run may be NULL) and the position. */
static enum fl_code
transact(struct emit_sink *sink, struct emit_run *run, uint64_t next, uint64_t chain,
    bool *open_again, struct fl_err *err)
{
	struct kafka_impl *impl = sink->impl;
	char metadata[160];
	bool unknown = false;
	enum fl_code code;

	if ((code = fl_kafka_producer_begin(impl->producer, err)) != FL_OK) {
		*open_again = true;
		return code;
	}
	if (run != NULL)
		code = send_rows(sink, run, err);
	if (code == FL_OK && fl_fault("emit.before_send_offsets"))
		code = FL_FAIL(err, FL_E_KAFKA, "fault before sending the position");
	if (code == FL_OK) {
		print_position(sink, next, chain, metadata, sizeof(metadata));
		code = fl_kafka_producer_position(
		    impl->producer, impl->group, (int64_t)next, metadata, err);
	}
	if (code == FL_OK && fl_fault("emit.after_send_offsets"))
		code = FL_FAIL(err, FL_E_KAFKA, "fault after sending the position");
	if (code == FL_OK && fl_fault("emit.before_commit"))
		code = FL_FAIL(err, FL_E_KAFKA, "fault before the commit");
	if (code == FL_OK)
		code = fl_kafka_producer_commit(impl->producer, COMMIT_TIMEOUT_MS, &unknown, err);
	if (code == FL_OK && fl_fault("emit.after_commit")) {
		unknown = true;
		code = FL_FAIL(err, FL_E_KAFKA, "fault after the commit");
	}
	if (code != FL_OK)
		give_up(impl, code, unknown, open_again);
	return code;
}

static enum fl_code
kafka_deliver(struct emit_sink *sink, struct emit_run *run, bool *open_again, struct fl_err *err)
{
	run->refused = -1;
	return transact(sink, run, run->next, run->chain, open_again, err);
}

static enum fl_code
kafka_refresh(struct emit_sink *sink, bool *open_again, struct fl_err *err)
{
	return transact(sink, NULL, sink->position.next, sink->chain, open_again, err);
}

const struct emit_sink_ops emit_sink_kafka = {
	.name = "kafka",
	.expires = true,
	.open = kafka_open,
	.encode = kafka_encode,
	.deliver = kafka_deliver,
	.refresh = kafka_refresh,
	.close = kafka_close,
	.fini = kafka_fini,
};
