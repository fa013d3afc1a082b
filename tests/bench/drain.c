/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drain.c - D, the denominator: bare librdkafka reading a topic.
 *
 *	drain BROKERS TOPIC [RECORDS]
 *
 * The client settings are ingest's (lib/kafka/consumer.c) and so is the allocator
 * with its settings; as ingest does, it wakes the broker thread when a queue has
 * shrunk to half.  Nothing is decoded, kept or committed.  Reads to the end of all
 * partitions, or RECORDS evenly from each; prints "records seconds bytes", where the
 * seconds begin with the process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "base/util.h"

#define BATCH 4096
#define PARTITIONS_MAX 64
#define WAIT_MS 5 /* a batch that is not full is given this long */

static int64_t ends[PARTITIONS_MAX];

static void
set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
	char text[256];

	if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) != RD_KAFKA_CONF_OK) {
		(void)fprintf(stderr, "drain: %s\n", text);
		exit(1);
	}
}

static rd_kafka_t *
open_consumer(const char *brokers)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char text[256];

	set(conf, "bootstrap.servers", brokers);
	set(conf, "group.id", "flight.drain");
	set(conf, "enable.auto.commit", "false");
	set(conf, "enable.auto.offset.store", "false");
	set(conf, "auto.offset.reset", "error");
	set(conf, "enable.partition.eof", "true");
	set(conf, "check.crcs", "true");
	set(conf, "isolation.level", "read_committed");
	set(conf, "queued.min.messages", "30000");
	set(conf, "queued.max.messages.kbytes", "65536");
	set(conf, "fetch.error.backoff.ms", "100");
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	if (rk == NULL) {
		(void)fprintf(stderr, "drain: %s\n", text);
		exit(1);
	}
	return rk;
}

/* Assigns all partitions from their beginning; returns how many there are. */
static int
assign_all(rd_kafka_t *rk, const char *name, int64_t records)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
	const struct rd_kafka_metadata *metadata;
	rd_kafka_topic_partition_list_t *list;
	int count;

	if (rd_kafka_metadata(rk, 0, topic, &metadata, 10000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		(void)fprintf(stderr, "drain: no metadata\n");
		exit(1);
	}
	count = metadata->topics[0].partition_cnt;
	rd_kafka_metadata_destroy(metadata);
	if (count < 1 || count > PARTITIONS_MAX) {
		(void)fprintf(stderr, "drain: %d partitions\n", count);
		exit(1);
	}
	list = rd_kafka_topic_partition_list_new(count);
	for (int i = 0; i < count; i++) {
		rd_kafka_topic_partition_list_add(list, name, i)->offset = 0;
		ends[i] = records > 0 ? records / count : INT64_MAX;
	}
	(void)rd_kafka_assign(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	return count;
}

/* See wake_fetcher() of lib/kafka/consumer.c. */
static void
keep_fetching(rd_kafka_t *rk, rd_kafka_queue_t *queue, size_t taken)
{
	static size_t longest;
	size_t length = rd_kafka_queue_length(queue);

	longest = FL_MAX(longest, length + taken);
	if (longest < 32 || length > longest / 2)
		return;
	(void)rd_kafka_sasl_set_credentials(rk, "", "");
	longest = length;
}

int
main(int argc, char **argv)
{
	/* fl_calloc brings the allocator's settings with it (lib/base/mem.c). */
	rd_kafka_message_t **messages = fl_calloc(BATCH, sizeof(rd_kafka_message_t *));
	int64_t begin = fl_monotonic_us(), bytes = 0;
	uint64_t count = 0;
	rd_kafka_queue_t *queue;
	rd_kafka_t *rk;
	int left;

	if (argc != 3 && argc != 4) {
		(void)fprintf(stderr, "usage: drain BROKERS TOPIC [RECORDS]\n");
		return 2;
	}
	rk = open_consumer(argv[1]);
	left = assign_all(rk, argv[2], argc == 4 ? atoll(argv[3]) : 0);
	queue = rd_kafka_queue_get_consumer(rk);
	while (left > 0) {
		ssize_t n = rd_kafka_consume_batch_queue(queue, WAIT_MS, messages, BATCH);

		if (n > 0)
			keep_fetching(rk, queue, (size_t)n);
		for (ssize_t i = 0; i < n; i++) {
			const rd_kafka_message_t *m = messages[i];
			bool end = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;

			if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR && m->offset < ends[m->partition]) {
				count++;
				bytes += (int64_t)m->len;
				end = m->offset + 1 == ends[m->partition];
			}
			if (end && ends[m->partition] >= 0) {
				ends[m->partition] = -1;
				left--;
			}
			rd_kafka_message_destroy(messages[i]);
		}
	}
	(void)printf("%lu %.3f %ld\n", (unsigned long)count,
	    (double)(fl_monotonic_us() - begin) / 1e6, (long)bytes);
	(void)fflush(stdout);
	_Exit(0); /* tearing the client down is not part of the figure */
}
