/* SPDX-License-Identifier: Apache-2.0 */
/*
 * consumer.c - partitions read from offsets that are our own.
 *
 * Each assigned partition keeps its own queue (forwarding switched off before
 * assign(), which then leaves it alone), so that partitions are polled in turn
 * and a quiet one is not behind a loud one.  All queues ring one eventfd when they
 * stop being empty; a queue that was not drained does not ring again, hence
 * `more`.
 *
 * What arrives in a queue: messages, one end-of-partition event each time the end
 * is reached, errors.  An error is kept until the messages before it are taken.
 * Out of range is final for the partition until it is assigned anew.  That its topic
 * went away comes through the same queue, but to the error callback; what lies behind
 * it may be of another topic that has taken the name, so the whole batch is dropped.
 *
 * The main queue serves error callbacks; the consumer queue (rebalances, which
 * assign() never has) is not read.
 *
 * librdkafka 2.0.2 stops fetching a partition whose queue is full, and its broker
 * thread looks at the queue again when something wakes it, or after a second: a
 * reader slower than the network would stand still for most of that second.  So
 * whenever a queue has shrunk to half, wake_fetcher() wakes that thread.  Connections
 * that are authenticated stay as they are: the tests count the logins at a real broker.
 *
 * How much memory the queues have taken would depend on how many were full at once, and
 * grow for hours by rare coincidences.  So when a queue was longer than ever, what all
 * hold at their longest is taken from the system: soon after a backlog's first messages
 * the size is what it will be.
 */
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "conf.h"

struct partition {
	char *topic;
	int32_t partition;
	int64_t offset;		/* where reading began */
	rd_kafka_queue_t *queue;
	size_t longest;		/* its queue since the fetcher was woken */
	size_t full;		/* its queue when it was longest; 0: never long */
	struct fl_err failed;	/* raised once what came before it was taken */
	bool stays;
};

struct fl_kafka_consumer {
	rd_kafka_t *rk;
	rd_kafka_t *rk_high;	/* read_uncommitted: it answers the high watermark */
	struct kafka_health *health;
	rd_kafka_queue_t *main_queue;
	struct partition *parts;
	uint32_t part_count;
	rd_kafka_message_t **scratch;
	uint32_t scratch_max;
	int event_fd;
	bool more;
	bool read_committed;
	bool has_group;
	size_t reserved_size;
	char *sasl_username, *sasl_password; /* "": none */
};

#define WAKE_FROM 32u /* a shorter queue was not full */
#define FULL_FROM 5000u /* messages: a backlog is being read */
#define MESSAGE_SIZE 320u /* what librdkafka allocates for a message beside its bytes */
#define RESERVE_MAX ((size_t)72 << 20) /* four queues, not all as full as they can be */

static char *
copy_setting(const rd_kafka_conf_t *conf, const char *key)
{
	size_t size = 0;
	char *value;

	if (rd_kafka_conf_get(conf, key, NULL, &size) != RD_KAFKA_CONF_OK || size == 0)
		return fl_strdup("");
	value = fl_calloc(1, size + 1);
	(void)rd_kafka_conf_get(conf, key, value, &size);
	return value;
}

enum fl_code
kafka_consumer_conf(const struct fl_table *table, const char *group, const char *isolation,
    struct kafka_health *health, rd_kafka_conf_t **out, struct fl_err *err)
{
	static const char *const fixed[][2] = {
		{ "enable.auto.commit", "false" },
		{ "enable.auto.offset.store", "false" },
		{ "auto.offset.reset", "error" },
		{ "check.crcs", "true" },
		{ "enable.partition.eof", "true" },
		{ "allow.auto.create.topics", "false" },
	};
	rd_kafka_conf_t *conf;
	enum fl_code code = FL_OK;

	FL_TRY(kafka_conf_make(table, KAFKA_C, health, &conf, err));
	for (size_t i = 0; code == FL_OK && i < FL_ARRAY_COUNT(fixed); i++)
		code = kafka_conf_set(conf, fixed[i][0], fixed[i][1], err);
	if (code == FL_OK)
		code = kafka_conf_set(conf, "group.id", group, err);
	if (code == FL_OK && isolation != NULL)
		code = kafka_conf_set(conf, "isolation.level", isolation, err);
	/* The next fetch has to begin before a queue is empty; more only takes memory. */
	if (code == FL_OK && kafka_table_property(table, "queued.min.messages") == NULL)
		code = kafka_conf_set(conf, "queued.min.messages", "30000", err);
	if (code == FL_OK && kafka_table_property(table, "queued.max.messages.kbytes") == NULL)
		code = kafka_conf_set(conf, "queued.max.messages.kbytes", "65536", err);
	/* A fetch at the end of the log waits this long for more: the latency of an
	 * answer that has already begun is not touched by it. */
	if (code == FL_OK && kafka_table_property(table, "fetch.error.backoff.ms") == NULL)
		code = kafka_conf_set(conf, "fetch.error.backoff.ms", "100", err);
	if (code != FL_OK) {
		rd_kafka_conf_destroy(conf);
		return code;
	}
	*out = conf;
	return FL_OK;
}

static enum fl_code
open_handle(struct fl_kafka_consumer *consumer, const struct fl_table *table, const char *group,
    const char *isolation, rd_kafka_t **rk, struct fl_err *err)
{
	rd_kafka_conf_t *conf;
	char text[256];

	FL_TRY(kafka_consumer_conf(table, group, isolation, consumer->health, &conf, err));
	if (consumer->sasl_username == NULL) {
		consumer->sasl_username = copy_setting(conf, "sasl.username");
		consumer->sasl_password = copy_setting(conf, "sasl.password");
	}
	*rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	if (*rk == NULL) {
		rd_kafka_conf_destroy(conf);
		return kafka_fail_new(table, text, err);
	}
	return FL_OK;
}

static void
ring_to(rd_kafka_queue_t *queue, int fd)
{
	static const uint64_t one = 1;

	rd_kafka_queue_io_event_enable(queue, fd, &one, sizeof(one));
}

enum fl_code
fl_kafka_consumer_open(const struct fl_table *table, const char *group_default,
    struct fl_kafka_consumer **out, struct fl_err *err)
{
	struct fl_kafka_consumer *consumer = fl_calloc(1, sizeof(*consumer));
	const char *group = kafka_table_property(table, "group.id");
	const char *isolation = kafka_table_property(table, "isolation.level");
	enum fl_code code;

	consumer->health = fl_calloc(1, sizeof(*consumer->health));
	kafka_health_init(consumer->health, "consumer");
	consumer->has_group = group != NULL && group[0] != '\0';
	consumer->read_committed = isolation == NULL || strcasecmp(isolation, "read_uncommitted") != 0;
	consumer->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (consumer->event_fd < 0)
		code = FL_FAIL(err, FL_E_IO, "could not make an event descriptor: %m");
	else
		code = open_handle(consumer, table, consumer->has_group ? group : group_default,
		    isolation == NULL ? "read_committed" : NULL, &consumer->rk, err);
	if (code == FL_OK && consumer->read_committed)
		code = open_handle(consumer, table, consumer->has_group ? group : group_default,
		    "read_uncommitted", &consumer->rk_high, err);
	if (code != FL_OK) {
		fl_kafka_consumer_close(&consumer);
		return code;
	}
	consumer->main_queue = rd_kafka_queue_get_main(consumer->rk);
	ring_to(consumer->main_queue, consumer->event_fd);
	*out = consumer;
	return FL_OK;
}

static void
drop_partition(struct partition *part)
{
	if (part->queue != NULL) {
		rd_kafka_queue_io_event_enable(part->queue, -1, NULL, 0);
		rd_kafka_queue_destroy(part->queue);
	}
	free(part->topic);
	memset(part, 0, sizeof(*part));
}

void
fl_kafka_consumer_close(struct fl_kafka_consumer **out)
{
	struct fl_kafka_consumer *consumer = *out;
	bool ended;

	if (consumer == NULL)
		return;
	*out = NULL;
	for (uint32_t i = 0; i < consumer->part_count; i++)
		drop_partition(&consumer->parts[i]);
	if (consumer->main_queue != NULL) {
		rd_kafka_queue_io_event_enable(consumer->main_queue, -1, NULL, 0);
		rd_kafka_queue_destroy(consumer->main_queue);
	}
	ended = kafka_destroy(&consumer->rk_high);
	ended = kafka_destroy(&consumer->rk) && ended;
	if (consumer->event_fd >= 0)
		(void)close(consumer->event_fd);
	if (ended) {
		kafka_health_fini(consumer->health);
		free(consumer->health);
	}
	free(consumer->sasl_username);
	free(consumer->sasl_password);
	free(consumer->scratch);
	free(consumer->parts);
	free(consumer);
}

/* ---- questions ---- */

enum fl_code
fl_kafka_consumer_partitions(struct fl_kafka_consumer *consumer, const char *topic, int timeout_ms,
    uint32_t *count, struct fl_err *err)
{
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_topic_t *handle = rd_kafka_topic_new(consumer->rk, topic, NULL);
	rd_kafka_resp_err_t native;
	enum fl_code code = FL_OK;

	if (handle == NULL)
		return FL_FAIL(err, FL_E_BAD_OPTION, "topic \"%s\": not a name of a topic", topic);
	(void)rd_kafka_poll(consumer->rk, 0);
	native = rd_kafka_metadata(consumer->rk, 0, handle, &metadata, timeout_ms);
	if (native != RD_KAFKA_RESP_ERR_NO_ERROR) {
		(void)rd_kafka_poll(consumer->rk, 0);
		code = kafka_fail(err, consumer->health, native, NULL, "ask for the topic's partitions");
	} else if (metadata->topic_cnt != 1) {
		code = FL_FAIL(err, FL_E_KAFKA, "the broker answered for %d topics instead of one",
		    metadata->topic_cnt);
	} else if (metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		code = kafka_fail(err, NULL, metadata->topics[0].err, NULL, "ask for the topic's partitions");
	} else if (metadata->topics[0].partition_cnt <= 0) {
		code = FL_FAIL(err, FL_E_TOPIC_MISSING, "the topic has no partitions");
	} else {
		*count = (uint32_t)metadata->topics[0].partition_cnt;
		kafka_health_clear(consumer->health);
	}
	if (metadata != NULL)
		rd_kafka_metadata_destroy(metadata);
	rd_kafka_topic_destroy(handle);
	return code == FL_OK ? FL_OK : fl_err_context(err, "topic \"%s\"", topic);
}

enum fl_code
fl_kafka_consumer_cluster_id(struct fl_kafka_consumer *consumer, int timeout_ms, char *buf,
    size_t size, struct fl_err *err)
{
	char *id = rd_kafka_clusterid(consumer->rk, timeout_ms);

	if (id == NULL)
		return kafka_fail(
		    err, consumer->health, RD_KAFKA_RESP_ERR__TIMED_OUT, NULL, "ask for the cluster's id");
	(void)snprintf(buf, size, "%s", id);
	rd_kafka_mem_free(consumer->rk, id);
	return FL_OK;
}

static enum fl_code
ask_watermarks(struct fl_kafka_consumer *consumer, rd_kafka_t *rk, const char *topic,
    int32_t partition, int timeout_ms, int64_t *low, int64_t *high, struct fl_err *err)
{
	rd_kafka_resp_err_t native =
	    rd_kafka_query_watermark_offsets(rk, topic, partition, low, high, timeout_ms);

	if (native == RD_KAFKA_RESP_ERR_NO_ERROR)
		return FL_OK;
	(void)kafka_fail(err, consumer->health, native, NULL, "ask for the partition's offsets");
	return fl_err_context(err, "topic \"%s\" partition %d", topic, partition);
}

enum fl_code
fl_kafka_consumer_offsets(struct fl_kafka_consumer *consumer, const char *topic, int32_t partition,
    int timeout_ms, struct fl_kafka_partition_info *info, struct fl_err *err)
{
	int64_t low, stable, high, ignored;

	FL_TRY(ask_watermarks(consumer, consumer->rk, topic, partition, timeout_ms, &low, &stable, err));
	high = stable;
	if (consumer->rk_high != NULL)
		FL_TRY(ask_watermarks(
		    consumer, consumer->rk_high, topic, partition, timeout_ms, &ignored, &high, err));
	info->partition = partition;
	info->low = low;
	info->high = high;
	info->last_stable = stable;
	kafka_health_clear(consumer->health);
	return FL_OK;
}

/* ListOffsets takes two special times: the beginning and the end. */
enum fl_code
fl_kafka_consumer_ends(struct fl_kafka_consumer *consumer, enum fl_kafka_end end,
    const struct fl_kafka_assignment *set, uint32_t count, int timeout_ms, int64_t *offsets,
    struct fl_err *err)
{
	rd_kafka_t *rk = end == FL_KAFKA_HIGH && consumer->rk_high != NULL ? consumer->rk_high
									  : consumer->rk;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	rd_kafka_resp_err_t native;
	enum fl_code code = FL_OK;

	for (uint32_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, set[i].topic, set[i].partition)->offset =
		    end == FL_KAFKA_LOW ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
	native = rd_kafka_offsets_for_times(rk, list, timeout_ms);
	if (native != RD_KAFKA_RESP_ERR_NO_ERROR)
		code = kafka_fail(err, consumer->health, native, NULL, "ask for the partitions' offsets");
	/* The client may have sorted the list. */
	for (uint32_t i = 0; i < count && code == FL_OK; i++) {
		const rd_kafka_topic_partition_t *found =
		    rd_kafka_topic_partition_list_find(list, set[i].topic, set[i].partition);

		offsets[i] = found->offset;
		if (found->err != RD_KAFKA_RESP_ERR_NO_ERROR || found->offset < 0) {
			(void)kafka_fail(err, consumer->health,
			    found->err != RD_KAFKA_RESP_ERR_NO_ERROR ? found->err : RD_KAFKA_RESP_ERR__FAIL,
			    NULL, "ask for the partition's offsets");
			code = fl_err_context(
			    err, "topic \"%s\" partition %d", set[i].topic, set[i].partition);
		}
	}
	rd_kafka_topic_partition_list_destroy(list);
	if (code == FL_OK)
		kafka_health_clear(consumer->health);
	return code;
}

enum fl_code
fl_kafka_consumer_offset_at(struct fl_kafka_consumer *consumer, const char *topic,
    int32_t partition, int64_t ts_ms, int timeout_ms, int64_t *offset, struct fl_err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	struct fl_kafka_partition_info info;
	rd_kafka_resp_err_t native;
	int64_t found;

	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = ts_ms;
	native = rd_kafka_offsets_for_times(consumer->rk, list, timeout_ms);
	if (native == RD_KAFKA_RESP_ERR_NO_ERROR)
		native = list->elems[0].err;
	found = list->elems[0].offset;
	rd_kafka_topic_partition_list_destroy(list);
	if (native != RD_KAFKA_RESP_ERR_NO_ERROR) {
		(void)kafka_fail(err, consumer->health, native, NULL, "ask for the offset of a time");
		return fl_err_context(err, "topic \"%s\" partition %d", topic, partition);
	}
	if (found < 0) {
		FL_TRY(fl_kafka_consumer_offsets(consumer, topic, partition, timeout_ms, &info, err));
		found = info.last_stable;
	}
	*offset = found;
	return FL_OK;
}

enum fl_code
fl_kafka_consumer_committed(struct fl_kafka_consumer *consumer, const char *topic,
    int32_t partition, int timeout_ms, int64_t *offset, char *metadata, size_t metadata_size,
    struct fl_err *err)
{
	return kafka_committed(consumer->rk, consumer->health, topic, partition, timeout_ms, offset,
	    metadata, metadata_size, err);
}

/* ---- reading ---- */

static struct partition *
find_partition(struct fl_kafka_consumer *consumer, const char *topic, int32_t partition)
{
	for (uint32_t i = 0; i < consumer->part_count; i++)
		if (consumer->parts[i].topic != NULL && consumer->parts[i].partition == partition &&
		    strcmp(consumer->parts[i].topic, topic) == 0)
			return &consumer->parts[i];
	return NULL;
}

static enum fl_code
check_list(rd_kafka_error_t *error, const rd_kafka_topic_partition_list_t *list,
    struct fl_kafka_consumer *consumer, const char *doing, struct fl_err *err)
{
	if (error != NULL) {
		(void)kafka_fail(err, consumer->health, rd_kafka_error_code(error),
		    rd_kafka_error_string(error), doing);
		rd_kafka_error_destroy(error);
		return err->code;
	}
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
			(void)kafka_fail(err, consumer->health, list->elems[i].err, NULL, doing);
			return fl_err_context(err, "topic \"%s\" partition %d", list->elems[i].topic,
			    list->elems[i].partition);
		}
	return FL_OK;
}

/* Takes away what leaves or begins anew, so that its queue holds nothing old. */
static enum fl_code
unassign_others(struct fl_kafka_consumer *consumer, struct fl_err *err)
{
	rd_kafka_topic_partition_list_t *list =
	    rd_kafka_topic_partition_list_new((int)consumer->part_count);
	enum fl_code code = FL_OK;

	for (uint32_t i = 0; i < consumer->part_count; i++)
		if (!consumer->parts[i].stays)
			(void)rd_kafka_topic_partition_list_add(
			    list, consumer->parts[i].topic, consumer->parts[i].partition);
	if (list->cnt > 0)
		code = check_list(rd_kafka_incremental_unassign(consumer->rk, list), list, consumer,
		    "stop reading", err);
	rd_kafka_topic_partition_list_destroy(list);
	return code;
}

static void
begin_partition(struct fl_kafka_consumer *consumer, struct partition *part,
    const struct fl_kafka_assignment *from)
{
	part->topic = fl_strdup(from->topic);
	part->partition = from->partition;
	part->offset = from->offset;
	part->queue = rd_kafka_queue_get_partition(consumer->rk, from->topic, from->partition);
	/* Before assign(): it respects a forwarding that the application has set. */
	rd_kafka_queue_forward(part->queue, NULL);
	ring_to(part->queue, consumer->event_fd);
}

enum fl_code
fl_kafka_consumer_assign(struct fl_kafka_consumer *consumer, const struct fl_kafka_assignment *set,
    uint32_t count, struct fl_err *err)
{
	struct partition *parts = fl_calloc((size_t)count + 1, sizeof(*parts)), *old;
	rd_kafka_topic_partition_list_t *list;
	enum fl_code code;

	for (uint32_t i = 0; i < count; i++)
		if (set[i].offset < 0 &&
		    (old = find_partition(consumer, set[i].topic, set[i].partition)) != NULL)
			old->stays = true;
	code = unassign_others(consumer, err);
	if (code != FL_OK) {
		free(parts);
		return code;
	}
	list = rd_kafka_topic_partition_list_new((int)count);
	for (uint32_t i = 0; i < count; i++) {
		old = set[i].offset < 0 ? find_partition(consumer, set[i].topic, set[i].partition) : NULL;
		if (old != NULL) {
			parts[i] = *old;
			parts[i].stays = false;
			memset(old, 0, sizeof(*old));
			continue;
		}
		rd_kafka_topic_partition_list_add(list, set[i].topic, set[i].partition)->offset =
		    set[i].offset < 0 ? 0 : set[i].offset;
	}
	for (uint32_t i = 0; i < consumer->part_count; i++)
		drop_partition(&consumer->parts[i]);
	for (uint32_t i = 0; i < count; i++)
		if (parts[i].topic == NULL)
			begin_partition(consumer, &parts[i], &set[i]);
	free(consumer->parts);
	consumer->parts = parts;
	consumer->part_count = count;
	consumer->more = true;
	if (list->cnt > 0)
		code = check_list(rd_kafka_incremental_assign(consumer->rk, list), list, consumer,
		    "start reading", err);
	rd_kafka_topic_partition_list_destroy(list);
	return code;
}

/* An error that came through the partition's queue. */
static void
note_failure(struct fl_kafka_consumer *consumer, struct partition *part, rd_kafka_message_t *message)
{
	const char *text = message->payload != NULL ? message->payload : rd_kafka_err2str(message->err);
	enum fl_code code = kafka_code(message->err, text);

	if (message->err == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED || part->failed.code == FL_E_OFFSETS_LOST)
		return;
	if (code == FL_E_OFFSETS_LOST)
		(void)FL_FAIL_NATIVE(&part->failed, code, (int)message->err,
		    "topic \"%s\" partition %d: offset %" PRId64 " is out of range: %s", part->topic,
		    part->partition, message->offset >= 0 ? message->offset : part->offset, text);
	else
		(void)FL_FAIL_NATIVE(&part->failed, code, (int)message->err,
		    "topic \"%s\" partition %d: could not read: %s", part->topic, part->partition, text);
	kafka_health_set(consumer->health, code, part->failed.text);
}

/* No public call says "look at your queues again".  Setting the credentials wakes
 * every broker thread, asks no broker anything, and the same ones change nothing. */
static void
wake_fetcher(struct fl_kafka_consumer *consumer)
{
	rd_kafka_error_t *error = rd_kafka_sasl_set_credentials(
	    consumer->rk, consumer->sasl_username, consumer->sasl_password);

	if (error != NULL)
		rd_kafka_error_destroy(error);
}

static void
reserve_queues(struct fl_kafka_consumer *consumer, const rd_kafka_message_t *message)
{
	size_t one = MESSAGE_SIZE + message->len + message->key_len, full = 0, queued = 0;

	if (consumer->reserved_size == RESERVE_MAX)
		return;
	for (uint32_t i = 0; i < consumer->part_count; i++) {
		full += consumer->parts[i].full;
		queued += rd_kafka_queue_length(consumer->parts[i].queue);
	}
	full = FL_MIN(full * one, RESERVE_MAX);
	if (full <= consumer->reserved_size)
		return;
	consumer->reserved_size = full;
	if (full > queued * one)
		fl_mem_reserve(full - queued * one);
}

static void
keep_fetching(struct fl_kafka_consumer *consumer, struct partition *part, uint32_t taken)
{
	size_t length = rd_kafka_queue_length(part->queue);

	part->longest = FL_MAX(part->longest, length + taken);
	if (part->longest < WAKE_FROM || length > part->longest / 2)
		return;
	wake_fetcher(consumer);
	if (part->longest > FL_MAX(part->full, FULL_FROM)) {
		part->full = part->longest;
		reserve_queues(consumer, consumer->scratch[0]);
	}
	part->longest = length;
}

enum fl_code
fl_kafka_consumer_poll(struct fl_kafka_consumer *consumer, uint32_t index,
    struct fl_kafka_message *messages, uint32_t max, uint32_t *count, bool *eof,
    int64_t *eof_offset, struct fl_err *err)
{
	struct partition *part = &consumer->parts[index];
	uint32_t missing = __atomic_load_n(&consumer->health->missing_count, __ATOMIC_RELAXED), taken = 0;
	ssize_t got;

	*count = 0;
	*eof = false;
	if (index == 0)
		(void)rd_kafka_poll(consumer->rk, 0);
	if (consumer->scratch_max < max) {
		consumer->scratch = fl_realloc(consumer->scratch, max * sizeof(rd_kafka_message_t *));
		consumer->scratch_max = max;
	}
	got = rd_kafka_consume_batch_queue(part->queue, 0, consumer->scratch, max);
	if (got == (ssize_t)max)
		consumer->more = true;
	if (got > 0)
		keep_fetching(consumer, part, (uint32_t)got);
	for (ssize_t i = 0; i < got; i++) {
		rd_kafka_message_t *m = consumer->scratch[i];

		if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
			__builtin_prefetch(m->payload); /* another core wrote it */
			messages[taken++] = (struct fl_kafka_message){ m->offset,
				rd_kafka_message_timestamp(m, NULL), m->key, m->payload, m->key_len, m->len, m };
			*eof = false;
			continue;
		}
		if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
			*eof = true;
			*eof_offset = m->offset;
		} else
			note_failure(consumer, part, m);
		rd_kafka_message_destroy(m);
	}
	if (__atomic_load_n(&consumer->health->missing_count, __ATOMIC_RELAXED) != missing) {
		fl_kafka_messages_release(messages, taken);
		*eof = false;
		return FL_FAIL(err, FL_E_TOPIC_MISSING, "topic \"%s\" partition %d: the topic does not exist",
		    part->topic, part->partition);
	}
	*count = taken;
	if (taken > 0 || *eof) {
		kafka_health_clear(consumer->health);
		return FL_OK;
	}
	if (part->failed.code != FL_OK) {
		*err = part->failed;
		if (part->failed.code != FL_E_OFFSETS_LOST)
			part->failed.code = FL_OK;
		return err->code;
	}
	return FL_OK;
}

void
fl_kafka_messages_release(struct fl_kafka_message *messages, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		rd_kafka_message_destroy(messages[i].handle);
		messages[i].handle = NULL;
	}
}

bool
fl_kafka_message_header(
    const struct fl_kafka_message *message, uint32_t i, struct fl_kafka_header *header)
{
	rd_kafka_headers_t *headers;

	return rd_kafka_message_headers(message->handle, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR &&
	    rd_kafka_header_get_all(headers, i, &header->name, &header->value, &header->size) ==
		RD_KAFKA_RESP_ERR_NO_ERROR;
}

void
fl_kafka_consumer_wait(struct fl_kafka_consumer *consumer, int wait_ms)
{
	struct pollfd fd = { .fd = consumer->event_fd, .events = POLLIN };
	uint64_t rings;
	bool more = consumer->more;

	consumer->more = false;
	if (more)
		wait_ms = 0;
	if (poll(&fd, 1, wait_ms) == 1)
		(void)!read(consumer->event_fd, &rings, sizeof(rings));
	(void)rd_kafka_poll(consumer->rk, 0);
	if (consumer->rk_high != NULL)
		(void)rd_kafka_poll(consumer->rk_high, 0);
}

int
fl_kafka_consumer_fd(const struct fl_kafka_consumer *consumer)
{
	return consumer->event_fd;
}

void
fl_kafka_consumer_note(
    struct fl_kafka_consumer *consumer, const struct fl_kafka_assignment *set, uint32_t count)
{
	rd_kafka_topic_partition_list_t *list;

	if (!consumer->has_group || count == 0)
		return;
	list = rd_kafka_topic_partition_list_new((int)count);
	for (uint32_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, set[i].topic, set[i].partition)->offset = set[i].offset;
	(void)rd_kafka_commit(consumer->rk, list, 1);
	rd_kafka_topic_partition_list_destroy(list);
}

const char *
fl_kafka_consumer_trouble(struct fl_kafka_consumer *consumer)
{
	return kafka_health_show(consumer->health);
}
