/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ends.c - asks brokers where partitions end.
 *
 * The thread that reads stores must not wait for a broker; so a thread of its own asks,
 * once a second while somebody wants to know, and the other one takes what is known.  A
 * broker that does not answer is left in peace for some seconds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kafka/client.h"
#include "site.h"

#define ASK_EVERY_US 1000000
#define AWAY_US 5000000	      /* after no answer */
#define WANTED_US 15000000    /* nobody came back: nobody is asked */
#define ANSWER_OLD_US 10000000 /* older ones are none */
#define ANSWER_MS 3000

struct ends_partition {
	uint32_t stream;
	int32_t partition;
	const struct fl_table *table; /* of the site */
	char topic[FL_TOPIC_SIZE];
	int64_t end, at_us;
};

struct broker { /* of one table; of the asking thread */
	const struct fl_table *table;
	struct fl_kafka_consumer *consumer;
	int64_t due_us;
};

struct ends {
	struct serve *serve;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_stopping;
	struct site *site; /* whose partitions; a user of it */
	struct ends_partition *partitions;
	uint32_t count;
	int64_t wanted_us;
	/* Of the thread: */
	struct site *asked; /* whose brokers */
	struct broker *brokers;
	uint32_t broker_count;
};

/* ---- the thread ---- */

static void
close_brokers(struct ends *ends)
{
	for (uint32_t i = 0; i < ends->broker_count; i++)
		fl_kafka_consumer_close(&ends->brokers[i].consumer);
	free(ends->brokers);
	ends->brokers = NULL;
	ends->broker_count = 0;
	site_put(ends->serve, ends->asked);
	ends->asked = NULL;
}

static struct broker *
find_broker(struct ends *ends, const struct fl_table *table)
{
	for (uint32_t i = 0; i < ends->broker_count; i++)
		if (ends->brokers[i].table == table)
			return &ends->brokers[i];
	ends->brokers =
	    fl_realloc(ends->brokers, (ends->broker_count + 1) * sizeof(*ends->brokers));
	ends->brokers[ends->broker_count] = (struct broker){.table = table};
	return &ends->brokers[ends->broker_count++];
}

/* ask: those of the broker; ends of them into offsets. */
static enum fl_code
ask_broker(struct broker *broker, const struct fl_kafka_assignment *ask, uint32_t count,
    int64_t *offsets, struct fl_err *err)
{
	if (broker->consumer == NULL)
		FL_TRY(fl_kafka_consumer_open(broker->table, "serve", &broker->consumer, err));
	return fl_kafka_consumer_ends(
	    broker->consumer, FL_KAFKA_STABLE, ask, count, ANSWER_MS, offsets, err);
}

/* All partitions of the i-th one's table; their answers are noted. */
static void
ask_table(struct ends *ends, struct ends_partition *all, uint32_t count, uint32_t first)
{
	struct broker *broker = find_broker(ends, all[first].table);
	struct fl_kafka_assignment *ask = fl_calloc(count, sizeof(*ask));
	int64_t *offsets = fl_calloc(count, sizeof(*offsets)), now_us = fl_monotonic_us();
	uint32_t n = 0, at = 0;
	struct fl_err err = {0};

	for (uint32_t i = first; i < count; i++)
		if (all[i].table == broker->table)
			ask[n++] = (struct fl_kafka_assignment){
			    all[i].topic, all[i].partition % FL_TOPIC_STRIDE, 0};
	if (now_us < broker->due_us) {
		/* it was away a moment ago */
	} else if (ask_broker(broker, ask, n, offsets, &err) == FL_OK) {
		for (uint32_t i = first; i < count; i++)
			if (all[i].table == broker->table) {
				all[i].end = offsets[at++];
				all[i].at_us = fl_monotonic_us();
			}
	} else {
		fl_debug("a broker does not tell its ends topic=%s reason=\"%s\"", all[first].topic,
		    err.text);
		broker->due_us = fl_monotonic_us() + AWAY_US;
	}
	free(ask);
	free(offsets);
}

static void
ask_all(struct ends *ends, struct ends_partition *all, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		bool is_first = true;

		for (uint32_t j = 0; j < i; j++)
			is_first = is_first && all[j].table != all[i].table;
		if (is_first)
			ask_table(ends, all, count, i);
	}
}

/* What was answered, to those that are still wanted. */
static void
keep_answers(struct ends *ends, const struct ends_partition *all, uint32_t count)
{
	if (ends->site != ends->asked || ends->count != count)
		return;
	for (uint32_t i = 0; i < count; i++)
		if (ends->partitions[i].stream == all[i].stream &&
		    ends->partitions[i].partition == all[i].partition) {
			ends->partitions[i].end = all[i].end;
			ends->partitions[i].at_us = all[i].at_us;
		}
}

static void
wait_until(struct ends *ends, int64_t wait_us)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += wait_us / 1000000;
	until.tv_nsec += wait_us % 1000000 * 1000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(&ends->changed, &ends->lock, &until);
}

static void *
ask_forever(void *ctx)
{
	struct ends *ends = ctx;

	pthread_mutex_lock(&ends->lock);
	while (!ends->is_stopping) {
		struct ends_partition *all;
		uint32_t count = ends->count;
		struct site *site = ends->site;

		if (count == 0 || fl_monotonic_us() - ends->wanted_us > WANTED_US) {
			pthread_cond_wait(&ends->changed, &ends->lock);
			continue;
		}
		all = fl_calloc(count, sizeof(*all));
		memcpy(all, ends->partitions, count * sizeof(*all));
		if (site != ends->asked) {
			pthread_mutex_lock(&ends->serve->lock);
			site->users++;
			pthread_mutex_unlock(&ends->serve->lock);
		}
		pthread_mutex_unlock(&ends->lock);
		if (site != ends->asked) {
			close_brokers(ends);
			ends->asked = site;
		}
		ask_all(ends, all, count);
		pthread_mutex_lock(&ends->lock);
		keep_answers(ends, all, count);
		free(all);
		if (!ends->is_stopping)
			wait_until(ends, ASK_EVERY_US);
	}
	pthread_mutex_unlock(&ends->lock);
	close_brokers(ends);
	return NULL;
}

/* ---- what others want ---- */

static bool
is_known_already(const struct ends *ends, const struct look *look, uint32_t count)
{
	uint32_t at = 0;

	if (ends->site != look->site || ends->count != count)
		return false;
	for (uint32_t i = 0; i < look->view.ingest.partition_count; i++) {
		const struct fl_partition_cursor *p = &look->view.partitions[i];

		if (fl_view_table(&look->view, p->stream)->connector != FL_CONNECTOR_KAFKA)
			continue;
		if (ends->partitions[at].stream != p->stream ||
		    ends->partitions[at].partition != p->partition)
			return false;
		at++;
	}
	return true;
}

static void
want(struct ends *ends, const struct look *look, uint32_t count)
{
	uint32_t at = 0;

	free(ends->partitions);
	ends->partitions = fl_calloc(count + 1, sizeof(*ends->partitions));
	ends->count = count;
	for (uint32_t i = 0; i < look->view.ingest.partition_count; i++) {
		const struct fl_partition_cursor *p = &look->view.partitions[i];
		const struct fl_table *table = fl_view_table(&look->view, p->stream);
		struct ends_partition *e = &ends->partitions[at];

		if (table->connector != FL_CONNECTOR_KAFKA)
			continue;
		*e = (struct ends_partition){
		    .stream = p->stream, .partition = p->partition, .table = table, .end = -1};
		memcpy(e->topic, p->topic, sizeof(e->topic));
		at++;
	}
}

void
ends_fill(struct ends *ends, struct look *look)
{
	uint32_t count = 0, at = 0, all = look->view.has_ingest ? look->view.ingest.partition_count : 0;
	int64_t now_us = fl_monotonic_us();
	struct site *old = NULL;

	for (uint32_t i = 0; i < all; i++)
		count += fl_view_table(&look->view, look->view.partitions[i].stream)->connector ==
			 FL_CONNECTOR_KAFKA;
	pthread_mutex_lock(&ends->lock);
	if (!is_known_already(ends, look, count)) {
		want(ends, look, count);
		old = ends->site;
		pthread_mutex_lock(&ends->serve->lock);
		look->site->users++;
		pthread_mutex_unlock(&ends->serve->lock);
		ends->site = look->site;
		/* It sleeps for as long as there are none. */
		pthread_cond_signal(&ends->changed);
	}
	for (uint32_t i = 0; i < all; i++) {
		look->ends[i] = -1;
		if (fl_view_table(&look->view, look->view.partitions[i].stream)->connector !=
		    FL_CONNECTOR_KAFKA)
			continue;
		if (ends->partitions[at].at_us > 0 &&
		    now_us - ends->partitions[at].at_us < ANSWER_OLD_US)
			look->ends[i] = ends->partitions[at].end;
		at++;
	}
	if (now_us - ends->wanted_us > ASK_EVERY_US)
		pthread_cond_signal(&ends->changed);
	ends->wanted_us = now_us;
	pthread_mutex_unlock(&ends->lock);
	site_put(ends->serve, old);
}

enum fl_code
ends_open(struct serve *serve, struct ends **ends, struct fl_err *err)
{
	struct ends *e = fl_calloc(1, sizeof(*e));
	int rc;

	e->serve = serve;
	pthread_mutex_init(&e->lock, NULL);
	pthread_cond_init(&e->changed, NULL);
	rc = pthread_create(&e->thread, NULL, ask_forever, e);
	if (rc != 0) {
		pthread_mutex_destroy(&e->lock);
		pthread_cond_destroy(&e->changed);
		free(e);
		return FL_FAIL_NATIVE(
		    err, FL_E_IO, rc, "could not start a thread: %s", strerror(rc));
	}
	*ends = e;
	return FL_OK;
}

/* A question that is on its way ends first: ANSWER_MS at most. */
void
ends_close(struct ends **ends)
{
	struct ends *e = *ends;

	if (e == NULL)
		return;
	pthread_mutex_lock(&e->lock);
	e->is_stopping = true;
	pthread_cond_signal(&e->changed);
	pthread_mutex_unlock(&e->lock);
	pthread_join(e->thread, NULL);
	site_put(e->serve, e->site);
	free(e->partitions);
	pthread_mutex_destroy(&e->lock);
	pthread_cond_destroy(&e->changed);
	free(e);
	*ends = NULL;
}
