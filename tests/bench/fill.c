/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fill.c - fills a topic as fast as the broker takes it.
 *
 *	fill BROKERS TOPIC flights|numbers|events COUNT PARTITIONS
 *
 * flights: Avro of 17 bytes, 2,500 a second of event time.  numbers: flights of one
 * second with 100,000 flight numbers in turn.  events: JSON of 210 bytes, a third of
 * them views, 50,000 a second of event time.  Row n goes to partition n % PARTITIONS,
 * so each partition is in time order.  The same arguments give the same rows.
 * Batches are as large as the client makes them, not compressed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "base/util.h"

#define CHUNK 4096
#define ROW_MAX 256u
#define PARTITIONS_MAX 64

static uint64_t seed = 88172645463325252u;

static uint64_t
draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static char *
put_long(char *p, int64_t value)
{
	uint64_t v = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);

	for (; v > 127; v >>= 7)
		*p++ = (char)(v | 128);
	*p++ = (char)v;
	return p;
}

static char *
put_text(char *p, const char *text, size_t size)
{
	p = put_long(p, (int64_t)size);
	memcpy(p, text, size);
	return p + size;
}

/* The record of data/pipelines/flights: fo123, SMALL, 150, 1511978026, es. */
static size_t
make_flight(char *out, uint64_t n)
{
	static const char origins[] = "esusdefritgbplnlptgrchatbesedkno";
	char name[5] = "fo", *p = out;
	uint64_t r = draw(), number = n % 1000;
	/* A few origins are frequent, as airports are. */
	uint64_t origin = FL_MIN(r % 16, (r >> 8) % 16);

	name[2] = (char)('0' + number / 100);
	name[3] = (char)('0' + number / 10 % 10);
	name[4] = (char)('0' + number % 10);
	p = put_text(p, name, sizeof(name));
	p = put_long(p, (int64_t)(r >> 16 & 1));
	p = put_long(p, 64 + (int64_t)((r >> 17) % 300));
	p = put_long(p, 1511978026 + (int64_t)(n / 2500));
	p = put_text(p, origins + origin * 2, 2);
	return (size_t)(p - out);
}

static size_t
make_number(char *out, uint64_t n)
{
	char name[8], *p = out;

	(void)snprintf(name, sizeof(name), "F%05u", (unsigned)(n % 100000));
	p = put_text(p, name, 6);
	p = put_long(p, 0);
	p = put_long(p, 64 + (int64_t)(n % 300));
	p = put_long(p, 1511978026);
	p = put_text(p, "es", 2);
	return (size_t)(p - out);
}

/* The event of the Yahoo streaming benchmark, without its two UUID of campaigns. */
static size_t
make_event(char *out, uint64_t n)
{
	static const char *const types[] = { "view", "click", "purchase" };
	uint64_t a = draw(), b = draw(), c = draw();

	return (size_t)snprintf(out, ROW_MAX,
	    "{\"user_id\":\"%016" PRIx64 "%016" PRIx64 "\",\"page_id\":\"%016" PRIx64
	    "\",\"ad_id\":%u,\"ad_type\":\"banner\",\"event_type\":\"%s\",\"event_time\":%" PRIu64
	    ",\"ip_address\":\"10.%u.%u.1\"}", a, b, c, (unsigned)(a % 1000), types[b % 3],
	    1600000000000 + n / 50, (unsigned)(c % 200), (unsigned)(c >> 8) % 200);
}

static const struct kind {
	const char *name;
	size_t (*make)(char *out, uint64_t n);
} kinds[] = { { "flights", make_flight }, { "numbers", make_number }, { "events", make_event } };

static const struct kind *
find_kind(const char *name)
{
	for (size_t i = 0; i < FL_ARRAY_COUNT(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	return NULL;
}

static rd_kafka_t *
open_producer(const char *brokers)
{
	static const char *const settings[][2] = { { "linger.ms", "50" }, { "acks", "1" },
		{ "queue.buffering.max.messages", "2000000" }, { "batch.num.messages", "100000" } };
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_t *rk;
	char text[256];

	if (rd_kafka_conf_set(conf, "bootstrap.servers", brokers, text, sizeof(text)) != RD_KAFKA_CONF_OK)
		return NULL;
	for (size_t i = 0; i < FL_ARRAY_COUNT(settings); i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof(text)) !=
		    RD_KAFKA_CONF_OK)
			return NULL;
	rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	return rk;
}

/* All of them, waiting while the client's queue is full. */
static void
send_all(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition, rd_kafka_message_t *messages, int count)
{
	for (int sent = 0; sent < count;) {
		sent += rd_kafka_produce_batch(
		    topic, partition, RD_KAFKA_MSG_F_COPY, messages + sent, count - sent);
		(void)rd_kafka_poll(rk, sent < count ? 20 : 0);
	}
}

int
main(int argc, char **argv)
{
	static rd_kafka_message_t messages[PARTITIONS_MAX][CHUNK];
	char *rows;
	uint64_t count, parts;
	int filled = 0;
	const struct kind *kind;
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;

	if (argc != 6 || (parts = strtoull(argv[5], NULL, 10)) < 1 || parts > PARTITIONS_MAX ||
	    (kind = find_kind(argv[3])) == NULL) {
		(void)fprintf(stderr, "usage: fill BROKERS TOPIC flights|numbers|events COUNT PARTITIONS\n");
		return 2;
	}
	count = strtoull(argv[4], NULL, 10) / parts * parts;
	rk = open_producer(argv[1]);
	topic = rk == NULL ? NULL : rd_kafka_topic_new(rk, argv[2], NULL);
	if (topic == NULL) {
		(void)fprintf(stderr, "fill: could not make a producer\n");
		return 1;
	}
	rows = fl_malloc((size_t)parts * CHUNK * ROW_MAX);
	for (uint64_t n = 0; n < count; n++) {
		uint64_t p = n % parts;
		char *row = rows + ((size_t)p * CHUNK + (size_t)filled) * ROW_MAX;
		rd_kafka_message_t *m = &messages[p][filled];

		memset(m, 0, sizeof(*m));
		m->payload = row;
		m->len = kind->make(row, n);
		if (p + 1 < parts)
			continue;
		filled++;
		if (filled < CHUNK && n + 1 < count)
			continue;
		for (uint64_t i = 0; i < parts; i++)
			send_all(rk, topic, (int32_t)i, messages[i], filled);
		filled = 0;
	}
	if (rd_kafka_flush(rk, 120000) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		(void)fprintf(stderr, "fill: the broker did not take all rows in two minutes\n");
		return 1;
	}
	free(rows);
	rd_kafka_topic_destroy(topic);
	rd_kafka_destroy(rk);
	return 0;
}
