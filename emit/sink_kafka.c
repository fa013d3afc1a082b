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

struct kafka_impl {
	struct fl_kafka_producer *producer;
	bool is_init;
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
	free(sink->impl);
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
	struct kafka_impl *impl = sink->impl;
	enum fl_code code;
	uint32_t k;

	if (fl_fault("emit.before_produce"))
		return FL_FAIL(err, FL_E_KAFKA, "fault before producing");
	for (k = 0; k < run->count; k++) {
		const struct emit_row *row = &run->rows[k];

		code = fl_kafka_producer_send(impl->producer, -1, NULL, 0,
		    run->bytes.data + row->at, row->size, 0, err);
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
	.encode = emit_encode_format,
	.deliver = kafka_deliver,
	.refresh = kafka_refresh,
	.close = kafka_close,
	.fini = kafka_fini,
};
