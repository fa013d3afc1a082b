/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_kafka.c - a Kafka topic (or several) as a source.
 *
 * Two threads use one consumer.  The decoding thread assigns and polls.  The scout
 * asks the broker: which partitions there are, where reading starts and ends, if a
 * stored position still exists, and whether a partition's end is the end.  So a
 * broker that is away keeps nobody waiting but the scout, and other streams go on.
 *
 * Identity: librdkafka 2.0.2 does not see that a topic was made anew, and reads on
 * in the new one.  Known partitions are assigned at the last stored record, which the
 * stream compares; a position beyond the high watermark is noticed by the scout.  And
 * the scout asks every two seconds whether the topics are still there: when one is
 * not, its partitions are taken back at once, and begin again with that comparison.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "kafka/client.h"
#include "source.h"

#define ASK_MS 5000
#define WATCH_ASK_MS 2000
#define RETRY_MS 500
#define WATCH_MS 1000
#define PATROL_MS 2000 /* between looks whether the topics are still there */
#define STALE_MS 3000 /* without an answer this long a partition counts as not caught */

static_assert(sizeof(struct source_record) == sizeof(struct fl_kafka_message) &&
	offsetof(struct source_record, value) == offsetof(struct fl_kafka_message, value) &&
	offsetof(struct source_record, value_size) == offsetof(struct fl_kafka_message, value_size) &&
	offsetof(struct source_record, handle) == offsetof(struct fl_kafka_message, handle),
    "a run is a run of messages");

struct scouted {
	int32_t partition;
	int64_t position, last_offset;
	uint64_t cluster;    /* of the store; 0: unknown */
	bool check_due;	     /* a READY or LOST has to be found out */
	int64_t watched;     /* position to confirm, or -1 */
	int64_t asked_ms;    /* monotonic: last question about watched */
	int64_t answered_ms; /* monotonic: last yes, or when the watch began */
	bool denied;	     /* NOT_CAUGHT was said since the last yes */
};

struct source {
	struct fl_table table; /* a copy whose strings are the plan's */
	struct fl_kafka_consumer *consumer;
	int wake_fd;
	struct fl_kafka_message *messages;
	uint32_t message_max;
	uint32_t reading_count;
	/* Shared with the scout, under lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t scout;
	bool started, stop, found_any, complete;
	uint64_t cluster; /* hash of its id; 0: not asked yet; the scout's */
	struct scouted *parts;
	uint32_t part_count;
	struct source_event *events;
	uint32_t event_count, event_max, event_at;
	char trouble[FL_ERR_TEXT_SIZE], shown[FL_ERR_TEXT_SIZE];
};

static int64_t
mono_ms(void)
{
	return fl_monotonic_us() / 1000;
}

static const char *
topic_of(const struct source *source, int32_t partition)
{
	uint32_t n = (uint32_t)(partition / FL_TOPIC_STRIDE);

	return n < source->table.topic_count ? source->table.topics[n] : source->table.topic;
}

/* ---- events: made by the scout, taken by the decoding thread ---- */

/* Called locked. */
static struct source_event *
add_event(struct source *source, enum source_event_kind kind, int32_t partition, int64_t a)
{
	static const uint64_t one = 1;
	struct source_event *event;

	if (source->event_count == source->event_max) {
		source->event_max = source->event_max == 0 ? 16 : source->event_max * 2;
		source->events = fl_realloc(source->events, source->event_max * sizeof *source->events);
	}
	event = &source->events[source->event_count++];
	memset(event, 0, sizeof *event);
	event->kind = kind;
	event->partition = partition;
	event->a = a;
	event->b = -1;
	(void)snprintf(event->topic, sizeof event->topic, "%s", topic_of(source, partition));
	(void)!write(source->wake_fd, &one, sizeof one);
	return event;
}

static bool
kafka_next_event(struct source *source, struct source_event *event)
{
	bool any;

	(void)pthread_mutex_lock(&source->lock);
	any = source->event_at < source->event_count;
	if (any)
		*event = source->events[source->event_at++];
	else
		source->event_at = source->event_count = 0;
	(void)pthread_mutex_unlock(&source->lock);
	return any;
}

/* What a person reads; err of code FL_OK: all is well. */
static void
set_trouble(struct source *source, const struct fl_err *err)
{
	char text[sizeof source->trouble] = "";
	bool changed;

	if (err->code != FL_OK)
		(void)snprintf(text, sizeof text, "%s %.400s", fl_code_name(err->code), err->text);
	(void)pthread_mutex_lock(&source->lock);
	changed = strcmp(source->trouble, text) != 0;
	if (changed)
		(void)snprintf(source->trouble, sizeof source->trouble, "%s", text);
	(void)pthread_mutex_unlock(&source->lock);
	if (changed && text[0] != '\0')
		fl_warn("source waits table=%s reason=\"%s\"", source->table.name, text);
	else if (changed)
		fl_info("source goes on table=%s", source->table.name);
}

/* ---- the scout's questions ---- */

static enum fl_code
ask_committed(struct source *source, int32_t partition, int64_t *offset, struct fl_err *err)
{
	char ignored[1];

	return fl_kafka_consumer_committed(source->consumer, topic_of(source, partition),
	    partition % FL_TOPIC_STRIDE, ASK_MS, offset, ignored, 0, err);
}

static int64_t
find_offset(const struct fl_partition_offset *list, uint32_t count, int32_t partition)
{
	for (uint32_t i = 0; i < count; i++)
		if (list[i].partition == partition)
			return list[i].offset;
	return -1;
}

/* The group's offset, else what properties.auto.offset.reset says. */
static enum fl_code
start_by_group(struct source *source, int32_t partition, const struct fl_kafka_partition_info *info,
    int64_t *start, struct fl_err *err)
{
	const char *reset = fl_table_option(&source->table, "properties.auto.offset.reset");

	if (fl_table_option(&source->table, "properties.group.id") == NULL)
		return FL_FAIL(err, FL_E_BAD_OPTION, "option \"properties.group.id\" is required when "
		    "using committed offset for offsets initializer; or set 'scan.startup.mode'");
	FL_TRY(ask_committed(source, partition, start, err));
	if (*start >= 0)
		return FL_OK;
	if (reset != NULL && strcmp(reset, "earliest") == 0)
		*start = info->low;
	else if (reset != NULL && strcmp(reset, "latest") == 0)
		*start = info->high;
	else
		return FL_FAIL(err, FL_E_BAD_OPTION, "topic \"%s\" partition %d: the group has no committed "
		    "offset; set 'properties.auto.offset.reset' or 'scan.startup.mode'",
		    topic_of(source, partition), partition % FL_TOPIC_STRIDE);
	return FL_OK;
}

static enum fl_code
ask_start(struct source *source, int32_t partition, bool first,
    const struct fl_kafka_partition_info *info, int64_t *start, struct fl_err *err)
{
	const struct fl_table *table = &source->table;

	*start = info->low;
	if (!first) /* found later: read from its beginning */
		return FL_OK;
	switch (table->startup) {
	case FL_STARTUP_EARLIEST:
		return FL_OK;
	case FL_STARTUP_LATEST:
		*start = info->high;
		return FL_OK;
	case FL_STARTUP_TIMESTAMP:
		return fl_kafka_consumer_offset_at(source->consumer, topic_of(source, partition),
		    partition % FL_TOPIC_STRIDE, table->startup_timestamp_ms, ASK_MS, start, err);
	case FL_STARTUP_SPECIFIC: {
		int64_t offset = find_offset(table->startup_offsets, table->startup_offset_count, partition);

		if (offset >= 0)
			*start = offset;
		return FL_OK;
	}
	case FL_STARTUP_GROUP_OFFSETS:
		return start_by_group(source, partition, info, start, err);
	}
	return FL_OK;
}

static enum fl_code
ask_end(struct source *source, int32_t partition, const struct fl_kafka_partition_info *info,
    int64_t start, int64_t *end, struct fl_err *err)
{
	const struct fl_table *table = &source->table;

	*end = INT64_MAX;
	switch (table->bounded) {
	case FL_BOUNDED_NO:
		break;
	case FL_BOUNDED_LATEST:
		*end = info->high;
		break;
	case FL_BOUNDED_TIMESTAMP:
		return fl_kafka_consumer_offset_at(source->consumer, topic_of(source, partition),
		    partition % FL_TOPIC_STRIDE, table->bounded_timestamp_ms, ASK_MS, end, err);
	case FL_BOUNDED_SPECIFIC:
		*end = find_offset(table->bounded_offsets, table->bounded_offset_count, partition);
		if (*end < 0)
			*end = start; /* not named: not read */
		break;
	case FL_BOUNDED_GROUP:
		FL_TRY(ask_committed(source, partition, end, err));
		if (*end < 0)
			return FL_FAIL(err, FL_E_BAD_OPTION, "topic \"%s\" partition %d: the group has no "
			    "committed offset to end at", topic_of(source, partition),
			    partition % FL_TOPIC_STRIDE);
		break;
	}
	return FL_OK;
}

static bool
is_known(struct source *source, int32_t partition)
{
	for (uint32_t i = 0; i < source->part_count; i++)
		if (source->parts[i].partition == partition)
			return true;
	return false;
}

/* Called locked. */
static void
know(struct source *source, const struct source_known *known, bool check)
{
	struct scouted *part = NULL;

	for (uint32_t i = 0; i < source->part_count; i++)
		if (source->parts[i].partition == known->partition)
			part = &source->parts[i];
	if (part == NULL) {
		source->parts =
		    fl_realloc(source->parts, (source->part_count + 1) * sizeof *source->parts);
		part = &source->parts[source->part_count++];
	}
	memset(part, 0, sizeof *part);
	part->partition = known->partition;
	part->position = known->position;
	part->last_offset = known->last_offset;
	part->cluster = known->cluster;
	part->watched = -1;
	part->check_due = check;
}

/* Called locked: what is read of the topic may no longer be what was read before. */
static void
doubt(struct source *source, int32_t first, int32_t count)
{
	for (uint32_t i = 0; i < source->part_count; i++) {
		struct scouted *part = &source->parts[i];

		if (part->partition >= first && part->partition - first < count && !part->check_due)
			(void)add_event(source, SOURCE_DOUBT, part->partition, 0);
	}
}

static enum fl_code
ask_topic(struct source *source, uint32_t topic, uint32_t *count, struct fl_err *err)
{
	int32_t first = (int32_t)topic * FL_TOPIC_STRIDE;
	enum fl_code code =
	    fl_kafka_consumer_partitions(source->consumer, topic_of(source, first), ASK_MS, count, err);

	if (code == FL_E_TOPIC_MISSING) {
		(void)pthread_mutex_lock(&source->lock);
		doubt(source, first, FL_TOPIC_STRIDE);
		(void)pthread_mutex_unlock(&source->lock);
	}
	return code;
}

static enum fl_code
patrol(struct source *source, struct fl_err *err)
{
	uint32_t count;

	for (uint32_t t = 0; t < FL_MAX(source->table.topic_count, 1u) && !source->stop; t++)
		FL_TRY(ask_topic(source, t, &count, err));
	return FL_OK;
}

struct news {
	int32_t partition;
	int64_t start, end;
};

static enum fl_code
ask_new(struct source *source, int32_t partition, bool first, struct news *news, struct fl_err *err)
{
	struct fl_kafka_partition_info info;

	FL_TRY(fl_kafka_consumer_offsets(source->consumer, topic_of(source, partition),
	    partition % FL_TOPIC_STRIDE, ASK_MS, &info, err));
	news->partition = partition;
	FL_TRY(ask_start(source, partition, first, &info, &news->start, err));
	return ask_end(source, partition, &info, news->start, &news->end, err);
}

/* The same topic may exist on another cluster, as long and longer. */
static enum fl_code
ask_cluster(struct source *source, struct fl_err *err)
{
	char id[128];

	if (source->cluster != 0)
		return FL_OK;
	FL_TRY(fl_kafka_consumer_cluster_id(source->consumer, ASK_MS, id, sizeof id, err));
	source->cluster = fl_hash64(id, strlen(id)) | 1;
	return FL_OK;
}

/* All partitions that the store does not know; said all at once or not at all, so
 * that "first" is decided by what one step holds. */
static enum fl_code
discover(struct source *source, struct fl_err *err)
{
	uint32_t topics = FL_MAX(source->table.topic_count, 1u), news_count = 0, count;
	bool first = source->part_count == 0;
	struct news *news = NULL;
	enum fl_code code = FL_OK;

	for (uint32_t t = 0; t < topics && code == FL_OK; t++) {
		code = ask_topic(source, t, &count, err);
		for (uint32_t p = 0; code == FL_OK && p < FL_MIN(count, (uint32_t)FL_TOPIC_STRIDE); p++) {
			int32_t partition = (int32_t)(t * FL_TOPIC_STRIDE + p);

			if (is_known(source, partition))
				continue;
			news = fl_realloc(news, (news_count + 1) * sizeof *news);
			code = ask_new(source, partition, first, &news[news_count], err);
			news_count++;
		}
	}
	if (code == FL_OK && news_count > 0)
		code = ask_cluster(source, err);
	(void)pthread_mutex_lock(&source->lock);
	for (uint32_t i = 0; code == FL_OK && i < news_count; i++) {
		struct source_known known = { news[i].partition, news[i].start, -1, false, NULL,
			source->cluster };
		struct source_event *event;

		know(source, &known, false);
		event = add_event(source, SOURCE_ADDED, news[i].partition, news[i].start);
		event->b = news[i].end;
		event->cluster = source->cluster;
	}
	if (code == FL_OK && !source->complete && source->table.bounded != FL_BOUNDED_NO) {
		source->complete = true;
		(void)add_event(source, SOURCE_COMPLETE, 0, 0);
	}
	(void)pthread_mutex_unlock(&source->lock);
	free(news);
	return code;
}

/* ---- questions about known partitions, all in one round trip ---- */

struct batch {
	uint32_t count;
	uint32_t *indexes; /* in source->parts */
	struct scouted *parts;
	struct fl_kafka_assignment *set;
	int64_t *low, *stable, *high;
};

/* Copies what is due; a watch is then asked. */
static void
batch_init(struct source *source, struct batch *batch, bool watched)
{
	uint32_t i;

	(void)pthread_mutex_lock(&source->lock);
	i = source->part_count + 1;
	memset(batch, 0, sizeof *batch);
	batch->indexes = fl_calloc(i, sizeof *batch->indexes);
	batch->parts = fl_calloc(i, sizeof *batch->parts);
	batch->set = fl_calloc(i, sizeof *batch->set);
	batch->low = fl_calloc(i, 3 * sizeof *batch->low);
	batch->stable = batch->low + i;
	batch->high = batch->stable + i;
	for (i = 0; i < source->part_count; i++) {
		struct scouted *part = &source->parts[i];

		if (watched ? part->watched < 0 || mono_ms() - part->asked_ms < WATCH_MS
			    : !part->check_due)
			continue;
		if (watched)
			part->asked_ms = mono_ms();
		batch->indexes[batch->count] = i;
		batch->parts[batch->count] = *part;
		batch->set[batch->count++] = (struct fl_kafka_assignment){
			topic_of(source, part->partition), part->partition % FL_TOPIC_STRIDE, -1 };
	}
	(void)pthread_mutex_unlock(&source->lock);
}

static void
batch_fini(struct batch *batch)
{
	free(batch->indexes);
	free(batch->parts);
	free(batch->set);
	free(batch->low);
}

/* Does the stored position still exist? */
static void
answer_check(struct source *source, uint32_t index, const struct scouted *part, int64_t low, int64_t high)
{
	struct source_event *event;

	(void)pthread_mutex_lock(&source->lock);
	if (source->parts[index].position == part->position)
		source->parts[index].check_due = false;
	if (part->cluster != 0 && part->cluster != source->cluster) {
		event = add_event(source, SOURCE_LOST, part->partition, part->position);
		event->code = FL_E_TOPIC_CHANGED;
		(void)snprintf(event->text, sizeof event->text,
		    "the brokers at %.200s are not of the cluster that was read before", source->table.brokers);
	} else if (part->position < low) {
		event = add_event(source, SOURCE_LOST, part->partition, part->position);
		event->code = FL_E_OFFSETS_LOST;
		(void)snprintf(event->text, sizeof event->text,
		    "offsets %" PRId64 " to %" PRId64 " are gone from the broker; its oldest is %" PRId64,
		    part->position, low - 1, low);
	} else if (part->position > high) {
		event = add_event(source, SOURCE_LOST, part->partition, part->position);
		event->code = FL_E_TOPIC_CHANGED;
		(void)snprintf(event->text, sizeof event->text,
		    "the log ends at offset %" PRId64 ", before the stored position %" PRId64
		    ": the topic was made anew or cut", high, part->position);
	} else {
		event = add_event(source, SOURCE_READY, part->partition,
		    part->last_offset >= low && part->last_offset < part->position ? part->last_offset
										   : part->position);
		event->cluster = source->cluster;
	}
	(void)pthread_mutex_unlock(&source->lock);
}

/* Once per start, and it stands between a restart and its first row: two round trips. */
static enum fl_code
ask_checks(struct source *source, struct fl_err *err)
{
	struct batch batch;
	enum fl_code code = FL_OK;
	bool beyond = false;

	batch_init(source, &batch, false);
	if (batch.count > 0)
		code = ask_cluster(source, err);
	if (code == FL_OK && batch.count > 0)
		code = fl_kafka_consumer_ends(
		    source->consumer, FL_KAFKA_LOW, batch.set, batch.count, ASK_MS, batch.low, err);
	if (code == FL_OK && batch.count > 0)
		code = fl_kafka_consumer_ends(source->consumer, FL_KAFKA_STABLE, batch.set, batch.count,
		    ASK_MS, batch.stable, err);
	/* The stable offset is at most the high watermark: that one decides. */
	for (uint32_t i = 0; i < batch.count && code == FL_OK; i++)
		beyond |= batch.parts[i].position > batch.stable[i];
	if (beyond)
		code = fl_kafka_consumer_ends(
		    source->consumer, FL_KAFKA_HIGH, batch.set, batch.count, ASK_MS, batch.stable, err);
	for (uint32_t i = 0; i < batch.count && code == FL_OK; i++)
		answer_check(source, batch.indexes[i], &batch.parts[i], batch.low[i], batch.stable[i]);
	batch_fini(&batch);
	return code;
}

/* ---- watching ends ---- */

static void
answer_watch(struct source *source, uint32_t index, int64_t position, bool yes, bool asked)
{
	struct scouted *part;

	(void)pthread_mutex_lock(&source->lock);
	part = &source->parts[index];
	if (part->watched == position) {
		if (yes) {
			part->answered_ms = mono_ms();
			part->denied = false;
			(void)add_event(source, SOURCE_CAUGHT, part->partition, position);
		} else if (!part->denied && (asked || mono_ms() - part->answered_ms > STALE_MS)) {
			part->denied = true;
			(void)add_event(source, SOURCE_NOT_CAUGHT, part->partition, position);
		}
	}
	(void)pthread_mutex_unlock(&source->lock);
}

static enum fl_code
ask_watched(struct source *source, struct fl_err *err)
{
	struct batch batch;
	enum fl_code code = FL_OK;

	batch_init(source, &batch, true);
	if (batch.count > 0)
		code = fl_kafka_consumer_ends(source->consumer, FL_KAFKA_STABLE, batch.set, batch.count,
		    WATCH_ASK_MS, batch.stable, err);
	if (code == FL_OK && batch.count > 0)
		code = fl_kafka_consumer_ends(source->consumer, FL_KAFKA_HIGH, batch.set, batch.count,
		    WATCH_ASK_MS, batch.high, err);
	for (uint32_t i = 0; i < batch.count; i++) {
		const struct scouted *part = &batch.parts[i];

		answer_watch(source, batch.indexes[i], part->watched,
		    code == FL_OK && batch.stable[i] == part->watched && batch.high[i] == part->watched,
		    code == FL_OK);
		if (code == FL_OK && batch.high[i] < part->watched) { /* cut, or made anew */
			(void)pthread_mutex_lock(&source->lock);
			doubt(source, part->partition, 1);
			(void)pthread_mutex_unlock(&source->lock);
		}
	}
	batch_fini(&batch);
	return code;
}

/* ---- the scout ---- */

static void
fail_source(struct source *source, const struct fl_err *err)
{
	struct source_event *event;

	(void)pthread_mutex_lock(&source->lock);
	event = add_event(source, SOURCE_FAILED, 0, 0);
	event->code = err->code;
	(void)snprintf(event->text, sizeof event->text, "%s", err->text);
	(void)pthread_mutex_unlock(&source->lock);
}

/* Called locked: something a person or the stream asked for since. */
static bool
has_due(const struct source *source)
{
	int64_t now = mono_ms();

	for (uint32_t i = 0; i < source->part_count; i++)
		if (source->parts[i].check_due ||
		    (source->parts[i].watched >= 0 && now - source->parts[i].asked_ms >= WATCH_MS))
			return true;
	return false;
}

static void
rest(struct source *source, int64_t until_ms, bool failing)
{
	(void)pthread_mutex_lock(&source->lock);
	while (!source->stop && mono_ms() < until_ms && (failing || !has_due(source))) {
		int64_t wait_ms = FL_MIN(until_ms - mono_ms(), failing ? RETRY_MS : 200);
		struct timespec until;

		(void)clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += (wait_ms % 1000) * 1000000;
		until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		(void)pthread_cond_timedwait(&source->changed, &source->lock, &until);
	}
	(void)pthread_mutex_unlock(&source->lock);
}

static void *
run_scout(void *arg)
{
	struct source *source = arg;
	int64_t discover_ms = 0, patrol_ms = 0;

	while (!__atomic_load_n(&source->stop, __ATOMIC_RELAXED)) {
		struct fl_err err = { .code = FL_OK };
		enum fl_code code = FL_OK;

		if (discover_ms <= mono_ms()) {
			code = discover(source, &err);
			if (code == FL_OK)
				discover_ms = source->table.bounded == FL_BOUNDED_NO && source->table.discovery_ms > 0
				    ? mono_ms() + source->table.discovery_ms : INT64_MAX;
		} else if (patrol_ms <= mono_ms())
			code = patrol(source, &err);
		if (patrol_ms <= mono_ms() && code == FL_OK)
			patrol_ms = mono_ms() + PATROL_MS;
		if (code == FL_OK)
			code = ask_checks(source, &err);
		if (code == FL_OK || discover_ms != 0) {
			struct fl_err local = { .code = FL_OK };

			if (ask_watched(source, &local) != FL_OK && code == FL_OK) {
				code = local.code;
				err = local;
			}
		}
		if (code != FL_OK && fl_code_class(code) != FL_CLASS_TRANSIENT) {
			fail_source(source, &err);
			break;
		}
		if (code == FL_OK)
			err.code = FL_OK;
		set_trouble(source, &err);
		rest(source, code == FL_OK ? FL_MIN(discover_ms, patrol_ms) : mono_ms() + RETRY_MS,
		    code != FL_OK);
	}
	return NULL;
}

/* ---- the decoding thread's side ---- */

static void
kafka_close(struct source **out)
{
	struct source *source = *out;

	*out = NULL;
	if (source->started) {
		(void)pthread_mutex_lock(&source->lock);
		__atomic_store_n(&source->stop, true, __ATOMIC_RELAXED);
		(void)pthread_cond_broadcast(&source->changed);
		(void)pthread_mutex_unlock(&source->lock);
		(void)pthread_join(source->scout, NULL);
	}
	fl_kafka_consumer_close(&source->consumer);
	(void)pthread_cond_destroy(&source->changed);
	(void)pthread_mutex_destroy(&source->lock);
	free(source->messages);
	free(source->parts);
	free(source->events);
	free(source);
}

static enum fl_code
kafka_open(const struct source_options *options, struct source **out, struct fl_err *err)
{
	struct source *source = fl_calloc(1, sizeof *source);
	char group[64];
	enum fl_code code;
	int rc;

	source->table = *options->table;
	source->wake_fd = options->wake_fd;
	(void)pthread_mutex_init(&source->lock, NULL);
	(void)pthread_cond_init(&source->changed, NULL);
	for (uint32_t i = 0; i < options->known_count; i++)
		know(source, &options->known[i], !options->known[i].out);
	(void)snprintf(group, sizeof group, "flight.%u", options->stream);
	code = fl_kafka_consumer_open(&source->table, group, &source->consumer, err);
	if (code == FL_OK) {
		rc = pthread_create(&source->scout, NULL, run_scout, source);
		if (rc != 0)
			code = FL_FAIL_NATIVE(err, FL_E_IO, rc, "could not start a thread: %s", strerror(rc));
		else
			source->started = true;
	}
	if (code != FL_OK) {
		kafka_close(&source);
		return code;
	}
	*out = source;
	return FL_OK;
}

static enum fl_code
kafka_assign(struct source *source, const struct source_start *set, uint32_t count, struct fl_err *err)
{
	struct fl_kafka_assignment *list = fl_calloc(count + 1u, sizeof *list);
	enum fl_code code;

	for (uint32_t i = 0; i < count; i++)
		list[i] = (struct fl_kafka_assignment){ topic_of(source, set[i].partition),
			set[i].partition % FL_TOPIC_STRIDE, set[i].offset };
	code = fl_kafka_consumer_assign(source->consumer, list, count, err);
	free(list);
	return code;
}

static enum fl_code
kafka_poll(struct source *source, uint32_t index, uint32_t max, struct source_run *run, struct fl_err *err)
{
	uint32_t count;

	if (source->message_max < max) {
		source->messages = fl_realloc(source->messages, max * sizeof *source->messages);
		source->message_max = max;
	}
	FL_TRY(fl_kafka_consumer_poll(
	    source->consumer, index, source->messages, max, &count, &run->eof, &run->eof_offset, err));
	run->records = (struct source_record *)(void *)source->messages;
	run->count = count;
	run->at = 0;
	return FL_OK;
}

static void
kafka_release(struct source *source, struct source_run *run)
{
	(void)source;
	fl_kafka_messages_release((struct fl_kafka_message *)(void *)run->records, run->count);
}

static void
kafka_watch(struct source *source, int32_t partition, int64_t position)
{
	(void)pthread_mutex_lock(&source->lock);
	for (uint32_t i = 0; i < source->part_count; i++) {
		struct scouted *part = &source->parts[i];

		if (part->partition != partition || part->watched == position)
			continue;
		part->watched = position;
		part->asked_ms = 0;
		part->answered_ms = mono_ms();
		part->denied = false;
	}
	(void)pthread_cond_broadcast(&source->changed);
	(void)pthread_mutex_unlock(&source->lock);
}

static void
kafka_check(struct source *source, const struct source_known *known)
{
	(void)pthread_mutex_lock(&source->lock);
	know(source, known, true);
	(void)pthread_cond_broadcast(&source->changed);
	(void)pthread_mutex_unlock(&source->lock);
}

static enum fl_code
kafka_offsets(struct source *source, int32_t partition, int64_t *low, int64_t *high, struct fl_err *err)
{
	struct fl_kafka_partition_info info;

	FL_TRY(fl_kafka_consumer_offsets(source->consumer, topic_of(source, partition),
	    partition % FL_TOPIC_STRIDE, ASK_MS, &info, err));
	*low = info.low;
	*high = info.last_stable;
	return FL_OK;
}

static void
kafka_note(struct source *source, const struct source_start *set, uint32_t count)
{
	struct fl_kafka_assignment *list = fl_calloc(count + 1u, sizeof *list);

	for (uint32_t i = 0; i < count; i++)
		list[i] = (struct fl_kafka_assignment){ topic_of(source, set[i].partition),
			set[i].partition % FL_TOPIC_STRIDE, set[i].offset };
	fl_kafka_consumer_note(source->consumer, list, count);
	free(list);
}

static int
kafka_fd(struct source *source)
{
	return fl_kafka_consumer_fd(source->consumer);
}

static void
kafka_woken(struct source *source)
{
	fl_kafka_consumer_wait(source->consumer, 0);
}

static const char *
kafka_trouble(struct source *source)
{
	(void)pthread_mutex_lock(&source->lock);
	(void)snprintf(source->shown, sizeof source->shown, "%s", source->trouble);
	(void)pthread_mutex_unlock(&source->lock);
	return source->shown[0] != '\0' ? source->shown : fl_kafka_consumer_trouble(source->consumer);
}

const struct source_ops source_kafka = {
	.name = "kafka",
	.open = kafka_open,
	.close = kafka_close,
	.next_event = kafka_next_event,
	.assign = kafka_assign,
	.poll = kafka_poll,
	.release = kafka_release,
	.watch = kafka_watch,
	.check = kafka_check,
	.offsets = kafka_offsets,
	.note = kafka_note,
	.fd = kafka_fd,
	.woken = kafka_woken,
	.trouble = kafka_trouble,
};
