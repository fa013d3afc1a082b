/* SPDX-License-Identifier: Apache-2.0 */
/*
 * producer.c - rows to a topic: transactional for sinks, plain for tools.
 *
 * A transaction of one message costs 103 ms with librdkafka's defaults and 4-5 ms
 * with retry.backoff.ms 2: the back-off after CONCURRENT_TRANSACTIONS.  The topic
 * handle is made before init_transactions and kept: without it the first message
 * of a fresh producer waits a second for metadata.
 *
 * Outcomes: retriable errors are tried again until the time is over; abortable
 * ones leave the transaction to be aborted; anything else leaves the outcome
 * unknown, and the producer must be dropped: what was committed
 * is read from the broker.
 */
#include <stdlib.h>
#include <unistd.h>

#include "conf.h"

#define TRANSACTION_TIMEOUT_MS "10000"
#define SEND_WAIT_US 30000000 /* for room in a full queue */
#define RETRY_PAUSE_US 5000

struct fl_kafka_producer {
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	rd_kafka_conf_t *reader_conf; /* of the consumer that reads the position */
	struct kafka_health *health;
	char *name;		      /* of the topic */
	bool leave;		      /* a client was left behind and still uses health */
	pthread_mutex_t lock;	      /* guards failed */
	struct fl_err failed;	      /* first message since begin that was not delivered */
};

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
	struct fl_kafka_producer *producer = message->_private;

	(void)rk;
	(void)opaque;
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR || producer == NULL)
		return;
	(void)pthread_mutex_lock(&producer->lock);
	if (producer->failed.code == FL_OK)
		(void)FL_FAIL_NATIVE(&producer->failed, kafka_code(message->err, NULL), (int)message->err,
		    "topic \"%s\": a message was not delivered: %s", producer->name,
		    rd_kafka_err2str(message->err));
	(void)pthread_mutex_unlock(&producer->lock);
}

static enum fl_code
set_fixed(rd_kafka_conf_t *conf, const struct fl_table *table, const char *transactional_id,
    struct fl_err *err)
{
	FL_TRY(kafka_conf_set(conf, "enable.idempotence", "true", err));
	FL_TRY(kafka_conf_set(conf, "retry.backoff.ms", "2", err));
	FL_TRY(kafka_conf_set(conf, "queue.buffering.max.kbytes", "65536", err));
	if (kafka_table_property(table, "linger.ms") == NULL)
		FL_TRY(kafka_conf_set(conf, "linger.ms", transactional_id != NULL ? "1" : "5", err));
	/* The Java client's default: equal keys go to the same partition from both. */
	if (kafka_table_property(table, "partitioner") == NULL)
		FL_TRY(kafka_conf_set(conf, "partitioner", "murmur2_random", err));
	/* The Java client's delivery.timeout.ms: a broker that starts anew costs no message. */
	if (transactional_id == NULL)
		return kafka_conf_set(conf, "message.timeout.ms", "120000", err);
	FL_TRY(kafka_conf_set(conf, "transactional.id", transactional_id, err));
	return kafka_conf_set(conf, "transaction.timeout.ms", TRANSACTION_TIMEOUT_MS, err);
}

enum fl_code
kafka_producer_conf(const struct fl_table *table, const char *transactional_id,
    struct kafka_health *health, rd_kafka_conf_t **conf, struct fl_err *err)
{
	FL_TRY(kafka_conf_make(table, KAFKA_P, health, conf, err));
	if (set_fixed(*conf, table, transactional_id, err) == FL_OK)
		return FL_OK;
	rd_kafka_conf_destroy(*conf);
	return err->code;
}

static enum fl_code
open_producer(struct fl_kafka_producer *producer, const struct fl_table *table,
    const char *transactional_id, struct fl_err *err)
{
	rd_kafka_conf_t *conf;
	char text[256];

	FL_TRY(kafka_conf_make(table, KAFKA_C, producer->health, &producer->reader_conf, err));
	FL_TRY(kafka_producer_conf(table, transactional_id, producer->health, &conf, err));
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (producer->rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return kafka_fail_new(table, text, err);
	}
	producer->topic = rd_kafka_topic_new(producer->rk, table->topic, NULL);
	if (producer->topic == NULL)
		return FL_FAIL(err, FL_E_BAD_OPTION, "table \"%s\": topic \"%s\": %s", table->name,
		    table->topic, rd_kafka_err2str(rd_kafka_last_error()));
	return FL_OK;
}

enum fl_code
fl_kafka_producer_open(const struct fl_table *table, const char *transactional_id,
    struct fl_kafka_producer **out, struct fl_err *err)
{
	struct fl_kafka_producer *producer;
	enum fl_code code;

	if (table->topic == NULL || table->topic[0] == '\0')
		return FL_FAIL(err, FL_E_BAD_OPTION, "table \"%s\": option \"topic\" is missing", table->name);
	producer = fl_calloc(1, sizeof(*producer));
	producer->health = fl_calloc(1, sizeof(*producer->health));
	kafka_health_init(producer->health, "producer");
	(void)pthread_mutex_init(&producer->lock, NULL);
	producer->name = fl_strdup(table->topic);
	code = open_producer(producer, table, transactional_id, err);
	if (code != FL_OK) {
		fl_kafka_producer_close(&producer);
		return code;
	}
	*out = producer;
	return FL_OK;
}

void
fl_kafka_producer_close(struct fl_kafka_producer **out)
{
	struct fl_kafka_producer *producer = *out;

	if (producer == NULL)
		return;
	*out = NULL;
	/* What is still queued belongs to no committed transaction. */
	if (producer->rk != NULL) {
		(void)rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		(void)rd_kafka_poll(producer->rk, 0);
	}
	if (producer->topic != NULL)
		rd_kafka_topic_destroy(producer->topic);
	if (producer->reader_conf != NULL)
		rd_kafka_conf_destroy(producer->reader_conf);
	if (!kafka_destroy(&producer->rk) || producer->leave)
		return; /* its callbacks still use all of this */
	kafka_health_fini(producer->health);
	free(producer->health);
	(void)pthread_mutex_destroy(&producer->lock);
	free(producer->name);
	free(producer);
}

/* ---- transactions ---- */

/* What an error object says, then frees it. */
static enum fl_code
take_error(struct fl_kafka_producer *producer, rd_kafka_error_t *error, const char *doing,
    struct fl_err *err)
{
	rd_kafka_resp_err_t native = rd_kafka_error_code(error);
	char text[KAFKA_TEXT_SIZE];

	(void)snprintf(text, sizeof(text), "%s", rd_kafka_error_string(error));
	if (rd_kafka_error_is_fatal(error)) {
		char fatal[KAFKA_TEXT_SIZE];
		rd_kafka_resp_err_t why = rd_kafka_fatal_error(producer->rk, fatal, sizeof(fatal));

		if (why != RD_KAFKA_RESP_ERR_NO_ERROR) {
			native = why;
			(void)snprintf(text, sizeof(text), "%s", fatal);
		}
	}
	rd_kafka_error_destroy(error);
	(void)kafka_fail(err, producer->health, native, text, doing);
	return fl_err_context(err, "topic \"%s\"", producer->name);
}

/* At least 1: a call is made once, however late it is. */
static int
left_ms(int64_t until_us)
{
	return (int)FL_MAX(FL_MIN((until_us - fl_monotonic_us()) / 1000, 60000), 1);
}

/* True: the error is destroyed and the call may be made again. */
static bool
may_retry(rd_kafka_error_t *error, int64_t until_us)
{
	if (error == NULL || !rd_kafka_error_is_retriable(error) ||
	    until_us - fl_monotonic_us() < 1000)
		return false;
	rd_kafka_error_destroy(error);
	(void)usleep(RETRY_PAUSE_US);
	return true;
}

enum fl_code
fl_kafka_producer_init(struct fl_kafka_producer *producer, int timeout_ms, struct fl_err *err)
{
	int64_t until_us = fl_monotonic_us() + (int64_t)timeout_ms * 1000;
	rd_kafka_error_t *error;

	do {
		error = rd_kafka_init_transactions(producer->rk, left_ms(until_us));
		(void)rd_kafka_poll(producer->rk, 0);
	} while (may_retry(error, until_us));
	if (error != NULL)
		return take_error(producer, error, "take over the transactional id", err);
	kafka_health_clear(producer->health);
	return FL_OK;
}

static void
forget_failure(struct fl_kafka_producer *producer)
{
	(void)pthread_mutex_lock(&producer->lock);
	producer->failed.code = FL_OK;
	(void)pthread_mutex_unlock(&producer->lock);
}

static enum fl_code
raise_failure(struct fl_kafka_producer *producer, struct fl_err *err)
{
	enum fl_code code;

	(void)pthread_mutex_lock(&producer->lock);
	code = producer->failed.code;
	if (code != FL_OK)
		*err = producer->failed;
	producer->failed.code = FL_OK;
	(void)pthread_mutex_unlock(&producer->lock);
	return code;
}

/* When a message was not delivered, that is the reason why the transaction has to be
 * aborted, and better than librdkafka's count of messages. */
static enum fl_code
take_txn_error(struct fl_kafka_producer *producer, rd_kafka_error_t *error, const char *doing,
    struct fl_err *err)
{
	bool abortable = rd_kafka_error_txn_requires_abort(error) != 0;
	enum fl_code code = take_error(producer, error, doing, err);

	if (!abortable)
		return code;
	(void)rd_kafka_poll(producer->rk, 0);
	return raise_failure(producer, err) == FL_OK ? code : err->code;
}

enum fl_code
fl_kafka_producer_begin(struct fl_kafka_producer *producer, struct fl_err *err)
{
	rd_kafka_error_t *error;

	forget_failure(producer);
	error = rd_kafka_begin_transaction(producer->rk);
	return error == NULL ? FL_OK : take_error(producer, error, "begin a transaction", err);
}

enum fl_code
fl_kafka_producer_send(struct fl_kafka_producer *producer, int32_t partition, const void *key,
    size_t key_size, const void *value, size_t size, int64_t ts_ms, struct fl_err *err)
{
	return fl_kafka_producer_send_with(producer, partition, key, key_size, value, size, ts_ms, NULL, 0, err);
}

static rd_kafka_headers_t *
make_headers(const struct fl_kafka_header *headers, uint32_t count)
{
	rd_kafka_headers_t *list = count > 0 ? rd_kafka_headers_new(count) : NULL;

	for (uint32_t i = 0; i < count; i++)
		(void)rd_kafka_header_add(
		    list, headers[i].name, -1, headers[i].value, (ssize_t)headers[i].size);
	return list;
}

enum fl_code
fl_kafka_producer_send_with(struct fl_kafka_producer *producer, int32_t partition, const void *key,
    size_t key_size, const void *value, size_t size, int64_t ts_ms,
    const struct fl_kafka_header *headers, uint32_t header_count, struct fl_err *err)
{
	rd_kafka_headers_t *list = make_headers(headers, header_count);
	int64_t until_us = 0;
	rd_kafka_resp_err_t native;

	for (;;) {
		native = rd_kafka_producev(producer->rk, RD_KAFKA_V_RKT(producer->topic),
		    RD_KAFKA_V_PARTITION(partition < 0 ? RD_KAFKA_PARTITION_UA : partition),
		    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY((void *)(uintptr_t)key, key_size),
		    RD_KAFKA_V_VALUE((void *)(uintptr_t)value, size), RD_KAFKA_V_TIMESTAMP(ts_ms),
		    RD_KAFKA_V_HEADERS(list), RD_KAFKA_V_OPAQUE(producer), RD_KAFKA_V_END);
		if (native == RD_KAFKA_RESP_ERR_NO_ERROR)
			return FL_OK;
		if (native != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			break;
		if (until_us == 0)
			until_us = fl_monotonic_us() + SEND_WAIT_US;
		else if (fl_monotonic_us() > until_us)
			break;
		(void)rd_kafka_poll(producer->rk, 50);
	}
	if (list != NULL)
		rd_kafka_headers_destroy(list); /* what is sent is the client's */
	if (raise_failure(producer, err) != FL_OK)
		return err->code;
	if (native == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || native == RD_KAFKA_RESP_ERR__INVALID_ARG)
		return FL_FAIL_NATIVE(err, FL_E_SINK_REFUSED, (int)native,
		    "topic \"%s\": a message of %zu bytes is refused: %s", producer->name, key_size + size,
		    rd_kafka_err2str(native));
	if (native == RD_KAFKA_RESP_ERR__FATAL)
		native = rd_kafka_fatal_error(producer->rk, NULL, 0);
	(void)kafka_fail(err, producer->health,
	    native == RD_KAFKA_RESP_ERR__QUEUE_FULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : native, NULL,
	    "send a message");
	return fl_err_context(err, "topic \"%s\"", producer->name);
}

enum fl_code
fl_kafka_producer_position(struct fl_kafka_producer *producer, const char *group, int64_t offset,
    const char *metadata, struct fl_err *err)
{
	int64_t until_us = fl_monotonic_us() + 10000000;
	rd_kafka_consumer_group_metadata_t *member = rd_kafka_consumer_group_metadata_new(group);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *item = rd_kafka_topic_partition_list_add(list, producer->name, 0);
	rd_kafka_error_t *error;
	enum fl_code code = FL_OK;

	item->offset = offset;
	if (metadata != NULL) {
		item->metadata_size = strlen(metadata);
		/* The list frees it; malloc'd by plain malloc, as librdkafka does. */
		item->metadata = strdup(metadata);
	}
	do
		error = rd_kafka_send_offsets_to_transaction(
		    producer->rk, list, member, left_ms(until_us));
	while (may_retry(error, until_us));
	if (error != NULL)
		code = take_txn_error(producer, error, "put the position into the transaction", err);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_consumer_group_metadata_destroy(member);
	return code;
}

enum fl_code
fl_kafka_producer_commit(
    struct fl_kafka_producer *producer, int timeout_ms, bool *unknown, struct fl_err *err)
{
	int64_t until_us = fl_monotonic_us() + (int64_t)timeout_ms * 1000;
	rd_kafka_error_t *error;

	*unknown = false;
	do
		error = rd_kafka_commit_transaction(producer->rk, left_ms(until_us));
	while (may_retry(error, until_us));
	if (error == NULL) {
		kafka_health_clear(producer->health);
		return FL_OK;
	}
	*unknown = !rd_kafka_error_txn_requires_abort(error);
	return take_txn_error(producer, error, "commit the transaction", err);
}

enum fl_code
fl_kafka_producer_abort(struct fl_kafka_producer *producer, int timeout_ms, struct fl_err *err)
{
	int64_t until_us = fl_monotonic_us() + (int64_t)timeout_ms * 1000;
	rd_kafka_error_t *error;

	do
		error = rd_kafka_abort_transaction(producer->rk, left_ms(until_us));
	while (may_retry(error, until_us));
	if (error != NULL)
		return take_error(producer, error, "abort the transaction", err);
	forget_failure(producer);
	return FL_OK;
}

enum fl_code
fl_kafka_producer_flush(struct fl_kafka_producer *producer, int timeout_ms, struct fl_err *err)
{
	rd_kafka_resp_err_t native = rd_kafka_flush(producer->rk, timeout_ms);

	if (raise_failure(producer, err) != FL_OK)
		return err->code;
	if (native == RD_KAFKA_RESP_ERR_NO_ERROR)
		return FL_OK;
	(void)kafka_fail(err, producer->health, native, NULL, "deliver all messages");
	return fl_err_context(err, "topic \"%s\"", producer->name);
}

/* ---- the position ---- */

enum fl_code
fl_kafka_producer_read_position(struct fl_kafka_producer *producer, const char *group,
    int timeout_ms, int64_t *offset, char *metadata, size_t metadata_size, struct fl_err *err)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_dup(producer->reader_conf);
	char text[256];
	enum fl_code code;
	rd_kafka_t *rk;

	if (kafka_conf_set(conf, "group.id", group, err) != FL_OK ||
	    kafka_conf_set(conf, "isolation.level", "read_committed", err) != FL_OK ||
	    kafka_conf_set(conf, "enable.auto.commit", "false", err) != FL_OK) {
		rd_kafka_conf_destroy(conf);
		return err->code;
	}
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	if (rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return FL_FAIL(err, FL_E_KAFKA, "could not make a consumer for the position: %s", text);
	}
	code = kafka_committed(rk, producer->health, producer->name, 0, timeout_ms, offset, metadata,
	    metadata_size, err);
	if (!kafka_destroy(&rk))
		producer->leave = true;
	return code;
}
