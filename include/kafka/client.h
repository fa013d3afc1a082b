/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - librdkafka, the way this engine uses it.
 *
 * rdkafka.h is included by the .c files of lib/kafka only; source, sink, tools and
 * the demo's broker stand behind this header.
 */
#ifndef FL_KAFKA_CLIENT_H
#define FL_KAFKA_CLIENT_H

#include "sql/plan.h"

struct fl_kafka_property {
	const char *key, *value;
};
/* properties.* of a table, translated and checked against the allow-list: refuses
 * plugin.library.paths, sasl.kerberos.kinit.cmd, ssl.engine.location; Java keys
 * without a counterpart are dropped with a notice.  Errors: BAD_OPTION. */
enum fl_code fl_kafka_properties(const struct fl_table *table, struct fl_arena *arena,
    struct fl_kafka_property **properties, uint32_t *count, struct fl_buf *notices, struct fl_err *err);
/* Would the clients of this table take its properties?  Says which one they would not. */
enum fl_code fl_kafka_check(
    const struct fl_table *table, const struct fl_option **wrong, struct fl_err *err);

struct fl_kafka_partition_info {
	int32_t partition;
	int64_t low, high;	/* high watermark */
	int64_t last_stable;	/* LSO */
};

/* ---- consumer: assign(), never subscribe() ---- */
struct fl_kafka_consumer;
struct fl_kafka_message {
	int64_t offset, ts_ms;
	const void *key, *value;
	size_t key_size, value_size;
	void *handle;	/* of the client */
};
struct fl_kafka_assignment {
	const char *topic;
	int32_t partition;
	int64_t offset;
};
enum fl_code fl_kafka_consumer_open(const struct fl_table *table, const char *group_default,
    struct fl_kafka_consumer **consumer, struct fl_err *err);
void fl_kafka_consumer_close(struct fl_kafka_consumer **consumer);
enum fl_code fl_kafka_consumer_partitions(struct fl_kafka_consumer *consumer, const char *topic,
    int timeout_ms, uint32_t *count, struct fl_err *err); /* TOPIC_MISSING, BROKER_AWAY */
enum fl_code fl_kafka_consumer_cluster_id(struct fl_kafka_consumer *consumer, int timeout_ms,
    char *buf, size_t size, struct fl_err *err);
/* Thread: may be called on a side thread, beside poll() and wait(). */
enum fl_code fl_kafka_consumer_offsets(struct fl_kafka_consumer *consumer, const char *topic,
    int32_t partition, int timeout_ms, struct fl_kafka_partition_info *info, struct fl_err *err);
/* One offset of each of many partitions (topic and partition of the set are used), in one
 * round trip per broker, whatever their number: a restart must not cost one for each.
 * Thread: as offsets(). */
enum fl_kafka_end {
	FL_KAFKA_LOW,	 /* oldest */
	FL_KAFKA_STABLE, /* last stable offset; high watermark when reading uncommitted */
	FL_KAFKA_HIGH,	 /* high watermark */
};
enum fl_code fl_kafka_consumer_ends(struct fl_kafka_consumer *consumer, enum fl_kafka_end end,
    const struct fl_kafka_assignment *set, uint32_t count, int timeout_ms, int64_t *offsets,
    struct fl_err *err);
/* First offset whose timestamp is >= ts_ms; the end when there is none. */
enum fl_code fl_kafka_consumer_offset_at(struct fl_kafka_consumer *consumer, const char *topic,
    int32_t partition, int64_t ts_ms, int timeout_ms, int64_t *offset, struct fl_err *err);
enum fl_code fl_kafka_consumer_committed(struct fl_kafka_consumer *consumer, const char *topic,
    int32_t partition, int timeout_ms, int64_t *offset, char *metadata, size_t metadata_size,
    struct fl_err *err); /* offset -1: none */
/* Starts reading; the set replaces the former one.  A partition that stays with an
 * offset of -1 goes on where it is. */
enum fl_code fl_kafka_consumer_assign(struct fl_kafka_consumer *consumer,
    const struct fl_kafka_assignment *set, uint32_t count, struct fl_err *err);
/* Takes up to max queued messages of assigned partition set[index], without waiting.
 * *eof: an end-of-partition event came after them, at *eof_offset.
 * Errors: OFFSETS_LOST (this partition is out of range), TOPIC_MISSING, BROKER_AWAY, ... */
enum fl_code fl_kafka_consumer_poll(struct fl_kafka_consumer *consumer, uint32_t index,
    struct fl_kafka_message *messages, uint32_t max, uint32_t *count, bool *eof,
    int64_t *eof_offset, struct fl_err *err);
void fl_kafka_messages_release(struct fl_kafka_message *messages, uint32_t count);
/* Header i of a message that was not released; false: it has no more.  value NULL: null. */
struct fl_kafka_header {
	const char *name;
	const void *value;
	size_t size;
};
bool fl_kafka_message_header(
    const struct fl_kafka_message *message, uint32_t i, struct fl_kafka_header *header);
/* Waits until some partition has something, at most wait_ms. */
void fl_kafka_consumer_wait(struct fl_kafka_consumer *consumer, int wait_ms);
/* Readable when wait() would return: for waiting on several consumers at once. */
int fl_kafka_consumer_fd(const struct fl_kafka_consumer *consumer);
/* Tells the broker the position, for lag displays: asynchronous, outcome ignored. */
void fl_kafka_consumer_note(
    struct fl_kafka_consumer *consumer, const struct fl_kafka_assignment *set, uint32_t count);
/* Last broker error seen by the client's callbacks, "" when all is well. */
const char *fl_kafka_consumer_trouble(struct fl_kafka_consumer *consumer);

/* ---- transactional producer ---- */
struct fl_kafka_producer;
/* transactional_id NULL: a plain idempotent producer (flightctl produce, demo). */
enum fl_code fl_kafka_producer_open(const struct fl_table *table, const char *transactional_id,
    struct fl_kafka_producer **producer, struct fl_err *err);
void fl_kafka_producer_close(struct fl_kafka_producer **producer);
enum fl_code fl_kafka_producer_init(struct fl_kafka_producer *producer, int timeout_ms, struct fl_err *err);
enum fl_code fl_kafka_producer_begin(struct fl_kafka_producer *producer, struct fl_err *err);
enum fl_code fl_kafka_producer_send(struct fl_kafka_producer *producer, int32_t partition /* -1: any */,
    const void *key, size_t key_size, const void *value, size_t size, int64_t ts_ms, struct fl_err *err);
/* The same with headers, in their order. */
enum fl_code fl_kafka_producer_send_with(struct fl_kafka_producer *producer, int32_t partition,
    const void *key, size_t key_size, const void *value, size_t size, int64_t ts_ms,
    const struct fl_kafka_header *headers, uint32_t header_count, struct fl_err *err);
/* Puts the position into the transaction: group offset on (topic, partition 0). */
enum fl_code fl_kafka_producer_position(struct fl_kafka_producer *producer, const char *group,
    int64_t offset, const char *metadata, struct fl_err *err);
/* *unknown true: the outcome is not known; the producer must be dropped. */
enum fl_code fl_kafka_producer_commit(
    struct fl_kafka_producer *producer, int timeout_ms, bool *unknown, struct fl_err *err);
enum fl_code fl_kafka_producer_abort(struct fl_kafka_producer *producer, int timeout_ms, struct fl_err *err);
enum fl_code fl_kafka_producer_flush(struct fl_kafka_producer *producer, int timeout_ms, struct fl_err *err);
/* The group's offset as the sink's position (after init).  offset -1: unknown. */
enum fl_code fl_kafka_producer_read_position(struct fl_kafka_producer *producer, const char *group,
    int timeout_ms, int64_t *offset, char *metadata, size_t metadata_size, struct fl_err *err);

/* ---- the demo's embedded broker (librdkafka's mock cluster) ---- */
struct fl_kafka_mock;
enum fl_code fl_kafka_mock_open(struct fl_kafka_mock **mock, struct fl_err *err);
enum fl_code fl_kafka_mock_topic(struct fl_kafka_mock *mock, const char *topic, uint32_t partitions, struct fl_err *err);
const char *fl_kafka_mock_brokers(const struct fl_kafka_mock *mock);
void fl_kafka_mock_close(struct fl_kafka_mock **mock);

#endif
