/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drain.c - D, the denominator: bare librdkafka reading a topic to its end.
 *
 *	drain BROKERS TOPIC
 *
 * The client settings are ingest's (lib/kafka/consumer.c), the allocator is the
 * same; nothing is decoded, kept or committed.  Prints "records seconds".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "base/util.h"

#define BATCH 8192

static void
set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
	char text[256];

	if (rd_kafka_conf_set(conf, key, value, text, sizeof(text)) != RD_KAFKA_CONF_OK) {
		(void)fprintf(stderr, "drain: %s\n", text);
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	static rd_kafka_message_t *messages[BATCH];
	const struct rd_kafka_metadata *metadata;
	rd_kafka_topic_partition_list_t *list;
	rd_kafka_conf_t *conf;
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	rd_kafka_queue_t *queue;
	int64_t t0 = fl_monotonic_us(), bytes = 0;
	uint64_t count = 0;
	int left, i;
	char text[256];

	if (argc != 3) {
		(void)fprintf(stderr, "usage: drain BROKERS TOPIC\n");
		return 2;
	}
	conf = rd_kafka_conf_new();
	set(conf, "bootstrap.servers", argv[1]);
	set(conf, "group.id", "flight.drain");
	set(conf, "enable.auto.commit", "false");
	set(conf, "enable.auto.offset.store", "false");
	set(conf, "auto.offset.reset", "error");
	set(conf, "enable.partition.eof", "true");
	set(conf, "check.crcs", "true");
	set(conf, "isolation.level", "read_committed");
	set(conf, "queued.min.messages", "100000");
	rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	if (rk == NULL) {
		(void)fprintf(stderr, "drain: %s\n", text);
		return 1;
	}
	topic = rd_kafka_topic_new(rk, argv[2], NULL);
	if (rd_kafka_metadata(rk, 0, topic, &metadata, 10000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		(void)fprintf(stderr, "drain: no metadata\n");
		return 1;
	}
	left = metadata->topics[0].partition_cnt;
	list = rd_kafka_topic_partition_list_new(left);
	for (i = 0; i < left; i++)
		rd_kafka_topic_partition_list_add(list, argv[2], i)->offset = 0;
	rd_kafka_metadata_destroy(metadata);
	(void)rd_kafka_assign(rk, list);
	rd_kafka_topic_partition_list_destroy(list);
	queue = rd_kafka_queue_get_consumer(rk);
	while (left > 0) {
		ssize_t n = rd_kafka_consume_batch_queue(queue, 1000, messages, BATCH);

		for (i = 0; i < n; i++) {
			if (messages[i]->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
				left--;
			} else if (messages[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
				count++;
				bytes += (int64_t)messages[i]->len;
			}
			rd_kafka_message_destroy(messages[i]);
		}
	}
	(void)printf("%lu %.3f %ld\n", (unsigned long)count,
	    (double)(fl_monotonic_us() - t0) / 1e6, (long)bytes);
	(void)fflush(stdout);
	_Exit(0); /* tearing the client down is not part of the figure */
}
