/* SPDX-License-Identifier: Apache-2.0 */
/* test_client.c - consumer, producer and properties, on the embedded broker. */
#include "../unit.h"

#include "base/util.h"
#include "../../../lib/kafka/conf.h"
#include "kafka/client.h"

#define ROWS 5000

struct fixture {
	struct fl_kafka_mock *mock;
	struct fl_table table;
	struct fl_option options[4];
};

static int
setup(void **state)
{
	struct fixture *f = fl_calloc(1, sizeof *f);
	struct fl_err err = { .code = FL_OK };

	fl_log_open("test", FL_LOG_ERROR);
	assert_int_equal(fl_kafka_mock_open(&f->mock, &err), FL_OK);
	assert_int_equal(fl_kafka_mock_topic(f->mock, "t", 2, &err), FL_OK);
	f->table.name = "t";
	f->table.topic = "t";
	f->table.brokers = fl_kafka_mock_brokers(f->mock);
	f->table.options = f->options;
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	fl_kafka_mock_close(&f->mock);
	free(f);
	return 0;
}

static void
fill(struct fixture *f, int32_t partition, int count)
{
	struct fl_kafka_producer *producer;
	struct fl_err err = { .code = FL_OK };
	char text[32];

	assert_int_equal(fl_kafka_producer_open(&f->table, NULL, &producer, &err), FL_OK);
	for (int i = 0; i < count; i++) {
		int size = snprintf(text, sizeof text, "v%d", i);

		assert_int_equal(fl_kafka_producer_send(
				     producer, partition, "k", 1, text, (size_t)size, 1000 + i, &err),
		    FL_OK);
	}
	assert_int_equal(fl_kafka_producer_flush(producer, 10000, &err), FL_OK);
	fl_kafka_producer_close(&producer);
	assert_null(producer);
}

static void
messages_come_in_order_then_the_end(void **state)
{
	struct fixture *f = *state;
	struct fl_kafka_consumer *consumer;
	struct fl_kafka_assignment set[2] = { { "t", 0, 0 }, { "t", 1, 0 } };
	struct fl_err err = { .code = FL_OK };
	static struct fl_kafka_message messages[1000];
	int64_t eof_offset[2] = { -1, -1 }, next = 0;
	int64_t until = fl_monotonic_us() + 10000000;

	fill(f, 0, ROWS);
	assert_int_equal(fl_kafka_consumer_open(&f->table, "g", &consumer, &err), FL_OK);
	assert_int_equal(fl_kafka_consumer_assign(consumer, set, 2, &err), FL_OK);
	while ((eof_offset[0] < 0 || eof_offset[1] < 0) && fl_monotonic_us() < until) {
		for (uint32_t p = 0; p < 2; p++) {
			uint32_t count;
			bool eof;
			int64_t at = -1;

			assert_int_equal(fl_kafka_consumer_poll(
					     consumer, p, messages, 1000, &count, &eof, &at, &err),
			    FL_OK);
			for (uint32_t i = 0; i < count; i++) {
				char want[32];

				assert_int_equal(p, 0);
				assert_int_equal(messages[i].offset, next);
				(void)snprintf(want, sizeof want, "v%d", (int)next);
				assert_int_equal(messages[i].value_size, strlen(want));
				assert_memory_equal(messages[i].value, want, strlen(want));
				assert_int_equal(messages[i].ts_ms, 1000 + next);
				next++;
			}
			fl_kafka_messages_release(messages, count);
			if (eof)
				eof_offset[p] = at;
		}
		fl_kafka_consumer_wait(consumer, 100);
	}
	assert_int_equal(next, ROWS);
	assert_int_equal(eof_offset[0], ROWS);
	assert_int_equal(eof_offset[1], 0);
	assert_string_equal(fl_kafka_consumer_trouble(consumer), "");
	fl_kafka_consumer_close(&consumer);
}

/* librdkafka alone looks at a full queue once a second: 20 seconds for these. */
static void
slow_reader_is_not_kept_waiting_by_its_full_queue(void **state)
{
	struct fixture *f = *state;
	struct fl_kafka_consumer *consumer;
	struct fl_kafka_assignment set[1] = { { "t", 0, 0 } };
	struct fl_err err = { .code = FL_OK };
	static struct fl_kafka_message messages[200];
	int64_t begin, at;
	bool eof = false;

	f->options[0] = (struct fl_option){ .key = "properties.queued.min.messages", .value = "1000" };
	f->options[1] = (struct fl_option){ .key = "properties.max.partition.fetch.bytes", .value = "4096" };
	f->options[2] = (struct fl_option){ .key = "properties.batch.size", .value = "4096" };
	f->table.option_count = 3;
	fill(f, 0, 20000);
	assert_int_equal(fl_kafka_consumer_open(&f->table, "g", &consumer, &err), FL_OK);
	assert_int_equal(fl_kafka_consumer_assign(consumer, set, 1, &err), FL_OK);
	begin = fl_monotonic_us();
	while (!eof && fl_monotonic_us() - begin < 10000000) {
		uint32_t count;

		assert_int_equal(
		    fl_kafka_consumer_poll(consumer, 0, messages, 200, &count, &eof, &at, &err), FL_OK);
		fl_kafka_messages_release(messages, count);
		(void)usleep(2000);
	}
	assert_true(eof);
	assert_int_equal(at, 20000);
	fl_kafka_consumer_close(&consumer);
}

static void
partitions_and_watermarks_are_answered(void **state)
{
	struct fixture *f = *state;
	struct fl_kafka_consumer *consumer;
	struct fl_kafka_partition_info info;
	struct fl_err err = { .code = FL_OK };
	uint32_t count = 0;

	fill(f, 1, 7);
	assert_int_equal(fl_kafka_consumer_open(&f->table, "g", &consumer, &err), FL_OK);
	assert_int_equal(fl_kafka_consumer_partitions(consumer, "t", 5000, &count, &err), FL_OK);
	assert_int_equal(count, 2);
	assert_int_equal(fl_kafka_consumer_offsets(consumer, "t", 1, 5000, &info, &err), FL_OK);
	assert_int_equal(info.low, 0);
	assert_int_equal(info.high, 7);
	assert_int_equal(info.last_stable, 7);
	fl_kafka_consumer_close(&consumer);
}

static void
ends_of_many_partitions_are_asked_at_once(void **state)
{
	static const struct fl_kafka_assignment set[] = { { "t", 1, -1 }, { "t", 0, -1 } };
	static const struct fl_kafka_assignment absent[] = { { "t", 0, -1 }, { "t", 99, -1 } };
	struct fixture *f = *state;
	struct fl_kafka_consumer *consumer;
	struct fl_err err = { .code = FL_OK };
	int64_t offsets[2];

	fill(f, 1, 7);
	assert_int_equal(fl_kafka_consumer_open(&f->table, "g", &consumer, &err), FL_OK);
	assert_int_equal(fl_kafka_consumer_ends(consumer, FL_KAFKA_LOW, set, 2, 5000, offsets, &err), FL_OK);
	assert_int_equal(offsets[0], 0);
	assert_int_equal(offsets[1], 0);
	assert_int_equal(fl_kafka_consumer_ends(consumer, FL_KAFKA_STABLE, set, 2, 5000, offsets, &err), FL_OK);
	assert_int_equal(offsets[0], 7);
	assert_int_equal(offsets[1], 0);
	assert_int_equal(fl_kafka_consumer_ends(consumer, FL_KAFKA_HIGH, set, 2, 5000, offsets, &err), FL_OK);
	assert_int_equal(offsets[0], 7);
	assert_int_equal(offsets[1], 0);
	assert_int_not_equal(
	    fl_kafka_consumer_ends(consumer, FL_KAFKA_HIGH, absent, 2, 500, offsets, &err), FL_OK);
	assert_int_equal(fl_code_class(err.code), FL_CLASS_TRANSIENT);
	fl_kafka_consumer_close(&consumer);
}

static void
offset_out_of_range_is_lost_not_skipped(void **state)
{
	struct fixture *f = *state;
	struct fl_kafka_consumer *consumer;
	struct fl_kafka_assignment set[1] = { { "t", 0, 900 } };
	struct fl_err err = { .code = FL_OK };
	struct fl_kafka_message messages[10];
	int64_t until = fl_monotonic_us() + 10000000, at;
	enum fl_code code = FL_OK;

	fill(f, 0, 3);
	assert_int_equal(fl_kafka_consumer_open(&f->table, "g", &consumer, &err), FL_OK);
	assert_int_equal(fl_kafka_consumer_assign(consumer, set, 1, &err), FL_OK);
	while (code == FL_OK && fl_monotonic_us() < until) {
		uint32_t count;
		bool eof;

		code = fl_kafka_consumer_poll(consumer, 0, messages, 10, &count, &eof, &at, &err);
		assert_int_equal(count, 0);
		fl_kafka_consumer_wait(consumer, 100);
	}
	assert_int_equal(code, FL_E_OFFSETS_LOST);
	assert_non_null(strstr(err.text, "partition 0"));
	fl_kafka_consumer_close(&consumer);
}

static void
absent_broker_is_named_and_waited_for(void **state)
{
	struct fixture *f = *state;
	struct fl_kafka_consumer *consumer;
	struct fl_err err = { .code = FL_OK };
	uint32_t count;

	f->table.brokers = "127.0.0.1:1";
	assert_int_equal(fl_kafka_consumer_open(&f->table, "g", &consumer, &err), FL_OK);
	assert_int_equal(fl_kafka_consumer_partitions(consumer, "t", 500, &count, &err), FL_E_BROKER_AWAY);
	assert_non_null(strstr(err.text, "topic \"t\""));
	fl_kafka_consumer_wait(consumer, 200);
	assert_string_not_equal(fl_kafka_consumer_trouble(consumer), "");
	fl_kafka_consumer_close(&consumer);
}

static void
transaction_is_sent_and_committed(void **state)
{
	struct fixture *f = *state;
	struct fl_kafka_producer *producer;
	struct fl_err err = { .code = FL_OK };
	bool unknown = true;

	assert_int_equal(fl_kafka_producer_open(&f->table, "p.sink", &producer, &err), FL_OK);
	assert_int_equal(fl_kafka_producer_init(producer, 10000, &err), FL_OK);
	assert_int_equal(fl_kafka_producer_begin(producer, &err), FL_OK);
	assert_int_equal(fl_kafka_producer_send(producer, -1, NULL, 0, "x", 1, 5, &err), FL_OK);
	assert_int_equal(fl_kafka_producer_position(producer, "p.sink.g", 1, "meta", &err), FL_OK);
	assert_int_equal(fl_kafka_producer_commit(producer, 10000, &unknown, &err), FL_OK);
	assert_false(unknown);
	assert_int_equal(fl_kafka_producer_begin(producer, &err), FL_OK);
	assert_int_equal(fl_kafka_producer_send(producer, -1, NULL, 0, "y", 1, 5, &err), FL_OK);
	assert_int_equal(fl_kafka_producer_abort(producer, 10000, &err), FL_OK);
	fl_kafka_producer_close(&producer);
}

/* ---- keys and headers ---- */

/* The first message of a partition that is not empty; the caller releases it. */
static int32_t
read_one(struct fixture *f, struct fl_kafka_consumer **consumer, struct fl_kafka_message *message)
{
	struct fl_kafka_assignment set[2] = { { "t", 0, 0 }, { "t", 1, 0 } };
	int64_t until = fl_monotonic_us() + 60000000, eof_offset;
	struct fl_err err = { .code = FL_OK };
	uint32_t count = 0;
	bool eof;

	assert_int_equal(fl_kafka_consumer_open(&f->table, "g", consumer, &err), FL_OK);
	assert_int_equal(fl_kafka_consumer_assign(*consumer, set, 2, &err), FL_OK);
	while (fl_monotonic_us() < until) {
		for (uint32_t p = 0; p < 2; p++) {
			(void)fl_kafka_consumer_poll(*consumer, p, message, 1, &count, &eof, &eof_offset, &err);
			if (count == 1)
				return (int32_t)p;
		}
		fl_kafka_consumer_wait(*consumer, 50);
	}
	fail_msg("no message came");
	return -1;
}

static void
send_one(struct fixture *f, const char *key, size_t key_size, const char *value, size_t size,
    const struct fl_kafka_header *headers, uint32_t count)
{
	struct fl_kafka_producer *producer;
	struct fl_err err = { .code = FL_OK };

	assert_int_equal(fl_kafka_producer_open(&f->table, NULL, &producer, &err), FL_OK);
	assert_int_equal(fl_kafka_producer_send_with(
			     producer, -1, key, key_size, value, size, 5, headers, count, &err), FL_OK);
	assert_int_equal(fl_kafka_producer_flush(producer, 60000, &err), FL_OK);
	fl_kafka_producer_close(&producer);
}

static void
headers_come_as_they_were_sent_in_their_order(void **state)
{
	static const struct fl_kafka_header sent[] = { { "a", "1", 1 }, { "b", "x\0y", 3 }, { "a", "", 0 },
		{ "c", NULL, 0 } };
	struct fixture *f = *state;
	struct fl_kafka_consumer *consumer;
	struct fl_kafka_message message;
	struct fl_kafka_header header;

	send_one(f, "k", 1, "v", 1, sent, FL_ARRAY_COUNT(sent));
	(void)read_one(f, &consumer, &message);
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(sent); i++) {
		assert_true(fl_kafka_message_header(&message, i, &header));
		assert_string_equal(header.name, sent[i].name);
		assert_int_equal(header.size, sent[i].size);
		assert_int_equal(header.value == NULL, sent[i].value == NULL);
		if (sent[i].size > 0)
			assert_memory_equal(header.value, sent[i].value, sent[i].size);
	}
	assert_false(fl_kafka_message_header(&message, FL_ARRAY_COUNT(sent), &header));
	fl_kafka_messages_release(&message, 1);
	fl_kafka_consumer_close(&consumer);
}

static void
empty_and_null_are_two_things_in_keys_and_values(void **state)
{
	struct fixture *f = *state;
	struct fl_kafka_consumer *consumer;
	struct fl_kafka_message message;
	struct fl_kafka_header header;

	send_one(f, "", 0, NULL, 0, NULL, 0);
	(void)read_one(f, &consumer, &message);
	assert_non_null(message.key);
	assert_int_equal(message.key_size, 0);
	assert_null(message.value);
	assert_false(fl_kafka_message_header(&message, 0, &header));
	fl_kafka_messages_release(&message, 1);
	fl_kafka_consumer_close(&consumer);
}

/* The hash of Java's client, from its description: 32 bits, multiplied and mixed four bytes at a time. */
static uint32_t
murmur2(const uint8_t *p, size_t size)
{
	const uint32_t m = 0x5bd1e995;
	uint32_t h = 0x9747b28c ^ (uint32_t)size, rest = 0;
	size_t i;

	for (i = 0; i + 4 <= size; i += 4) {
		uint32_t k = (uint32_t)p[i] | (uint32_t)p[i + 1] << 8 | (uint32_t)p[i + 2] << 16 | (uint32_t)p[i + 3] << 24;

		k *= m;
		k ^= k >> 24;
		h = h * m ^ k * m;
	}
	for (size_t n = size; n > i; n--)
		rest = rest << 8 | p[n - 1];
	if (i < size)
		h = (h ^ rest) * m;
	h ^= h >> 13;
	h *= m;
	return h ^ h >> 15;
}

static void
a_key_decides_the_partition_as_javas_client_does(void **state)
{
	static const char *const keys[] = { "", "a", "foobar", "a-little-bit-longer-string", "21" };

	/* What Kafka's own tests expect of the hash. */
	assert_int_equal((int32_t)murmur2((const uint8_t *)"21", 2), -973932308);
	assert_int_equal((int32_t)murmur2((const uint8_t *)"foobar", 6), -790332482);
	assert_int_equal((int32_t)murmur2((const uint8_t *)"a-little-bit-long-string", 24), -985981536);
	for (size_t i = 0; i < FL_ARRAY_COUNT(keys); i++) {
		struct fl_kafka_consumer *consumer;
		struct fl_kafka_message message;
		struct fixture *f;
		size_t size = strlen(keys[i]);
		int32_t partition;

		if (i > 0) { /* a topic of its own */
			teardown(state);
			setup(state);
		}
		f = *state;
		send_one(f, keys[i], size, "v", 1, NULL, 0);
		partition = read_one(f, &consumer, &message);
		assert_int_equal(partition, (murmur2((const uint8_t *)keys[i], size) & 0x7fffffff) % 2);
		fl_kafka_messages_release(&message, 1);
		fl_kafka_consumer_close(&consumer);
	}
}

/* ---- properties ---- */

static const char *
find(struct fl_kafka_property *list, uint32_t count, const char *key)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(list[i].key, key) == 0)
			return list[i].value;
	return NULL;
}

static enum fl_code
translate(const struct fl_option *options, uint32_t option_count, struct fl_arena *arena,
    struct fl_kafka_property **list, uint32_t *count, struct fl_buf *notices, struct fl_err *err)
{
	struct fl_option copy[8];
	struct fl_table table = { .name = "t", .options = copy, .option_count = option_count };

	memcpy(copy, options, option_count * sizeof *options);
	return fl_kafka_properties(&table, arena, list, count, notices, err);
}

static void
java_names_become_librdkafkas(void **state)
{
	static const struct fl_option options[] = {
		{ .key = "properties.security.protocol", .value = "SASL_SSL" },
		{ .key = "properties.ssl.truststore.type", .value = "PEM" },
		{ .key = "properties.ssl.truststore.location", .value = "/ca.pem" },
		{ .key = "properties.ssl.keystore.type", .value = "PEM" },
		{ .key = "properties.ssl.keystore.location", .value = "/me.pem" },
		{ .key = "properties.sasl.jaas.config",
		    .value = "org.apache.kafka.common.security.plain.PlainLoginModule required "
			     "username=\"u\" password=\"p w\";" },
		{ .key = "properties.max.poll.records", .value = "5" },
		{ .key = "topic", .value = "t" },
	};
	struct fl_kafka_property *list;
	struct fl_err err = { .code = FL_OK };
	struct fl_arena arena;
	struct fl_buf notices;
	uint32_t count;

	(void)state;
	fl_arena_init(&arena);
	fl_buf_init(&notices);
	assert_int_equal(translate(options, 8, &arena, &list, &count, &notices, &err), FL_OK);
	assert_string_equal(find(list, count, "security.protocol"), "sasl_ssl");
	assert_string_equal(find(list, count, "ssl.ca.location"), "/ca.pem");
	assert_string_equal(find(list, count, "ssl.certificate.location"), "/me.pem");
	assert_string_equal(find(list, count, "ssl.key.location"), "/me.pem");
	assert_string_equal(find(list, count, "sasl.username"), "u");
	assert_string_equal(find(list, count, "sasl.password"), "p w");
	assert_null(find(list, count, "max.poll.records"));
	assert_non_null(strstr(notices.data, "max.poll.records"));
	fl_buf_fini(&notices);
	fl_arena_fini(&arena);
}

static void
dangerous_and_unknown_properties_are_refused(void **state)
{
	static const struct {
		struct fl_option option;
		const char *says;
	} cases[] = {
		{ { .key = "properties.plugin.library.paths", .value = "/x.so" }, "must not run code" },
		{ { .key = "properties.sasl.kerberos.kinit.cmd", .value = "rm" }, "must not run code" },
		{ { .key = "properties.ssl.engine.location", .value = "/x" }, "must not run code" },
		{ { .key = "properties.grup.id", .value = "x" }, "did you mean \"properties.group.id\"?" },
		{ { .key = "properties.ssl.truststore.type", .value = "JKS" }, "expected PEM" },
		{ { .key = "properties.ssl.truststore.location", .value = "/x" }, "'PEM'" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		struct fl_kafka_property *list;
		struct fl_err err = { .code = FL_OK };
		struct fl_arena arena;
		uint32_t count;

		fl_arena_init(&arena);
		if (translate(&cases[i].option, 1, &arena, &list, &count, NULL, &err) != FL_E_BAD_OPTION ||
		    strstr(err.text, cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].option.key, err.text);
		fl_arena_fini(&arena);
	}
}

/* Values as Kafka's own reader takes them. */
static void
jaas_is_read_as_java_reads_it(void **state)
{
#define PLAIN "org.apache.kafka.common.security.plain.PlainLoginModule"
#define SCRAM "org.apache.kafka.common.security.scram.ScramLoginModule"
	static const struct {
		const char *text, *user, *password; /* user NULL: says password */
	} cases[] = {
		{ PLAIN " required username=\"u\" password=\"p\";", "u", "p" },
		{ SCRAM " required\n  username='u'\n  password = 'a \"b\" c;' ;", "u", "a \"b\" c;" },
		{ PLAIN " required password=\"it\\\"s \\\\\" username=alice;", "alice", "it\"s \\" },
		{ PLAIN " required serviceName=\"x\" password=\"\" username=\"u=v\" ;", "u=v", "" },
		{ PLAIN " required user_username=\"no\" username=\"yes\" password=\"p\";", "yes", "p" },
		{ "", NULL, "PlainLoginModule or" },
		{ "PlainLoginModule required username=\"u\" password=\"sesame\";", NULL, "PlainLoginModule or" },
		{ PLAIN ";", NULL, "\"required\"" },
		{ PLAIN " required username=\"u\" password=\"sesame\"", NULL, "\";\" at its end" },
		{ PLAIN " required username=\"u\" password=\"sesame", NULL, "quote is not closed" },
		{ PLAIN " required username password=\"sesame\";", NULL, "expected \"=\"" },
		{ PLAIN " required password=\"sesame\" username=;", NULL, "expected a value" },
		{ PLAIN " required password=\"sesame\";", NULL, "username" },
		{ "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;", NULL,
		    "PlainLoginModule or" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		struct fl_option option = { .key = "properties.sasl.jaas.config", .value = cases[i].text };
		struct fl_kafka_property *list;
		struct fl_err err = { .code = FL_OK };
		struct fl_arena arena;
		uint32_t count = 0;
		enum fl_code code;

		fl_arena_init(&arena);
		code = translate(&option, 1, &arena, &list, &count, NULL, &err);
		if (cases[i].user == NULL) {
			if (code != FL_E_BAD_OPTION || strstr(err.text, cases[i].password) == NULL ||
			    strstr(err.text, "sesame") != NULL)
				fail_msg("%s: %s", cases[i].text, err.text);
		} else if (code != FL_OK || strcmp(find(list, count, "sasl.username"), cases[i].user) != 0 ||
		    strcmp(find(list, count, "sasl.password"), cases[i].password) != 0)
			fail_msg("%s: %s", cases[i].text, err.text);
		fl_arena_fini(&arena);
	}
}

static const char *
check_options(struct fl_option *options, uint32_t count, struct fl_err *err)
{
	struct fl_table table = { .name = "t", .topic = "t", .brokers = "127.0.0.1:1", .options = options,
		.option_count = count, .is_source = true, .is_sink = true };
	const struct fl_option *wrong = NULL;

	*err = (struct fl_err){ .code = FL_OK };
	(void)fl_kafka_check(&table, &wrong, err);
	return wrong != NULL ? wrong->key : "";
}

/* A store's type and its place are two options: neither is judged alone. */
static void
options_that_belong_together_are_checked_together(void **state)
{
#define OPTION(k, v) { .key = "properties." k, .value = v }
#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n"
	struct fl_option right[] = { OPTION("security.protocol", "SSL"),
		OPTION("ssl.truststore.location", "/absent/ca.pem"), OPTION("ssl.truststore.type", "PEM"),
		OPTION("ssl.keystore.type", "PEM"), OPTION("ssl.keystore.location", "/absent/me.pem") };
	struct fl_option no_mechanism[] = { OPTION("security.protocol", "SASL_SSL"),
		OPTION("sasl.username", "u"), OPTION("sasl.password", "p") };
	struct fl_option bad_mechanism[] = { OPTION("security.protocol", "SASL_SSL"),
		OPTION("sasl.mechanism", "OAUTHBEARER") };
	struct fl_option no_password[] = { OPTION("security.protocol", "SASL_PLAINTEXT"),
		OPTION("sasl.mechanism", "SCRAM-SHA-256"), OPTION("sasl.username", "u") };
	struct fl_option no_key[] = { OPTION("security.protocol", "SSL"),
		OPTION("ssl.certificate.location", "/absent/me.pem") };
	struct fl_option bad_protocol[] = { OPTION("security.protocol", "TLS") };
	struct fl_option chain[] = { OPTION("security.protocol", "SSL"),
		OPTION("ssl.keystore.certificate.chain", CERTIFICATE CERTIFICATE) };
	struct fl_err err;

	(void)state;
	assert_string_equal(check_options(right, FL_ARRAY_COUNT(right), &err), "");
	assert_string_equal(check_options(no_mechanism, FL_ARRAY_COUNT(no_mechanism), &err),
	    "properties.security.protocol");
	assert_non_null(strstr(err.text, "SCRAM-SHA-256"));
	assert_string_equal(check_options(bad_mechanism, FL_ARRAY_COUNT(bad_mechanism), &err),
	    "properties.security.protocol");
	assert_non_null(strstr(err.text, "\"OAUTHBEARER\""));
	assert_string_equal(check_options(no_password, FL_ARRAY_COUNT(no_password), &err),
	    "properties.security.protocol");
	assert_non_null(strstr(err.text, "needs a user and a password"));
	assert_string_equal(check_options(no_key, FL_ARRAY_COUNT(no_key), &err), "properties.security.protocol");
	assert_non_null(strstr(err.text, "there is a certificate, but no"));
	assert_string_equal(check_options(bad_protocol, 1, &err), "properties.security.protocol");
	assert_string_equal(check_options(chain, FL_ARRAY_COUNT(chain), &err),
	    "properties.ssl.keystore.certificate.chain");
	assert_non_null(strstr(err.text, "holds 2 certificates"));
}

static void
absent_store_is_named_when_a_client_is_made(void **state)
{
	struct fl_option options[] = { OPTION("security.protocol", "SSL"),
		OPTION("ssl.truststore.type", "PEM"), OPTION("ssl.truststore.location", "/absent/ca.pem") };
	struct fl_table table = { .name = "t", .topic = "t", .brokers = "127.0.0.1:1", .options = options,
		.option_count = FL_ARRAY_COUNT(options) };
	struct fl_kafka_consumer *consumer;
	struct fl_err err = { .code = FL_OK };

	(void)state;
	assert_int_equal(fl_kafka_consumer_open(&table, "g", &consumer, &err), FL_E_BAD_CONFIG);
	assert_non_null(strstr(err.text, "\"/absent/ca.pem\": No such file"));
}

static void
refusals_say_what_to_change(void **state)
{
	static const struct {
		bool has_certificate;
		const char *user, *certificate, *text, *says;
	} cases[] = {
		{ false, "", "b:1: the broker's certificate is refused: it has expired",
		    "ssl://b:1/1: SSL handshake failed: certificate verify failed: verify that ssl.ca.location",
		    "KAFKA_AUTH b:1: the broker's certificate is refused: it has expired" },
		{ false, "", "", "Receive failed: sslv3 alert bad certificate: SSL alert number 42",
		    "wants a client certificate, none is configured" },
		{ false, "", "", "tlsv13 alert certificate required", "wants a client certificate" },
		{ true, "", "", "sslv3 alert certificate unknown: SSL alert number 46",
		    "does not accept the client's certificate" },
		{ false, "alice", "", "SASL authentication error: Authentication failed",
		    "refuses user \"alice\": SASL" },
		{ false, "", "", "SSL handshake failed: unexpected eof while reading", "is it a port for TLS?" },
		{ false, "", "", "SSL handshake failed: something else", "KAFKA_AUTH SSL handshake" },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		struct kafka_health health;

		kafka_health_init(&health, "test");
		health.has_certificate = cases[i].has_certificate;
		(void)snprintf(health.user, sizeof health.user, "%s", cases[i].user);
		(void)snprintf(health.certificate, sizeof health.certificate, "%s", cases[i].certificate);
		kafka_health_set(&health, FL_E_KAFKA_AUTH, cases[i].text);
		if (strstr(kafka_health_show(&health), cases[i].says) == NULL)
			fail_msg("%s: %s", cases[i].text, kafka_health_show(&health));
		kafka_health_fini(&health);
	}
}

/* ---- the rules of the client's settings ---- */

struct rule {
	const char *key, *value;
};

static void
follows(rd_kafka_conf_t *conf, const struct rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char value[64] = "";
		size_t size = sizeof value;

		assert_int_equal(rd_kafka_conf_get(conf, rules[i].key, value, &size), RD_KAFKA_CONF_OK);
		if (strcmp(value, rules[i].value) != 0)
			fail_msg("%s is %s, expected %s", rules[i].key, value, rules[i].value);
	}
	rd_kafka_conf_destroy(conf);
}

/* Whatever a table asks for: nothing is skipped, repeated or committed by the client alone. */
static void
no_table_can_turn_off_what_exactly_once_rests_on(void **state)
{
	static const struct rule consumer[] = { { "enable.auto.commit", "false" },
		{ "enable.auto.offset.store", "false" }, { "auto.offset.reset", "error" },
		{ "check.crcs", "true" }, { "enable.partition.eof", "true" },
		{ "allow.auto.create.topics", "false" }, { "isolation.level", "read_committed" },
		{ "queued.max.messages.kbytes", "65536" }, { "queued.min.messages", "30000" },
		{ "group.id", "g" } };
	static const struct rule producer[] = { { "enable.idempotence", "true" },
		{ "transactional.id", "p.s" }, { "transaction.timeout.ms", "10000" },
		{ "retry.backoff.ms", "2" }, { "queue.buffering.max.kbytes", "65536" } };
	/* Keys of librdkafka are set back to what they are without the table. */
	static const char *const keys[] = { "acks", "message.timeout.ms", "max.in.flight", "retries" };
	struct fl_option options[] = { { "properties.enable.auto.commit", "true", 0, 0 },
		{ "properties.enable.auto.offset.store", "true", 0, 0 },
		{ "properties.auto.offset.reset", "latest", 0, 0 },
		{ "properties.check.crcs", "false", 0, 0 },
		{ "properties.enable.partition.eof", "false", 0, 0 },
		{ "properties.acks", "0", 0, 0 }, { "properties.retries", "0", 0, 0 },
		{ "properties.enable.idempotence", "false", 0, 0 },
		{ "properties.max.in.flight.requests.per.connection", "1000", 0, 0 },
		{ "properties.transactional.id", "other", 0, 0 },
		{ "properties.transaction.timeout.ms", "900000", 0, 0 },
		{ "properties.delivery.timeout.ms", "1", 0, 0 } };
	struct fl_table plain = { .name = "t", .topic = "t", .brokers = "127.0.0.1:1" }, asking = plain;
	struct fl_err err = { .code = FL_OK };
	struct kafka_health health;
	rd_kafka_conf_t *conf, *other;

	(void)state;
	asking.options = options;
	asking.option_count = FL_ARRAY_COUNT(options);
	kafka_health_init(&health, "test");
	assert_int_equal(kafka_consumer_conf(&asking, "g", "read_committed", &health, &conf, &err), FL_OK);
	follows(conf, consumer, FL_ARRAY_COUNT(consumer));
	assert_int_equal(kafka_producer_conf(&plain, "p.s", &health, &other, &err), FL_OK);
	assert_int_equal(kafka_producer_conf(&asking, "p.s", &health, &conf, &err), FL_OK);
	for (size_t i = 0; i < FL_ARRAY_COUNT(keys); i++) {
		char was[64] = "", is[64] = "";
		size_t was_size = sizeof was, is_size = sizeof is;

		assert_int_equal(rd_kafka_conf_get(other, keys[i], was, &was_size), RD_KAFKA_CONF_OK);
		assert_int_equal(rd_kafka_conf_get(conf, keys[i], is, &is_size), RD_KAFKA_CONF_OK);
		assert_string_equal(was, is);
	}
	rd_kafka_conf_destroy(other);
	follows(conf, producer, FL_ARRAY_COUNT(producer));
	kafka_health_fini(&health);
}

static void
only_texts_that_tell_of_refusal_are_of_authentication(void **state)
{
	static const struct {
		rd_kafka_resp_err_t native;
		const char *text;
		enum fl_code code;
	} cases[] = {
		{ RD_KAFKA_RESP_ERR__TRANSPORT, "b:9092/1: Disconnected while requesting ApiVersion: might "
		    "be caused by incorrect security.protocol configuration (connecting to a SSL "
		    "listener?) or broker version is < 0.10 (see api.version.request)", FL_E_BROKER_AWAY },
		{ RD_KAFKA_RESP_ERR__TRANSPORT, "b:9092/1: Disconnected: verify that security.protocol is "
		    "correctly configured, broker might require SASL authentication", FL_E_BROKER_AWAY },
		{ RD_KAFKA_RESP_ERR__TRANSPORT, "b:9092/1: Connect failed: Connection refused",
		    FL_E_BROKER_AWAY },
		{ RD_KAFKA_RESP_ERR__TRANSPORT, "b:9093/1: SSL handshake failed: certificate verify failed",
		    FL_E_KAFKA_AUTH },
		{ RD_KAFKA_RESP_ERR__TRANSPORT, "b:9093/1: SASL PLAIN mechanism handshake failed",
		    FL_E_KAFKA_AUTH },
		{ RD_KAFKA_RESP_ERR__AUTHENTICATION, "b:9093/1: SASL authentication error", FL_E_KAFKA_AUTH },
		{ RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, "", FL_E_KAFKA_AUTH },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++)
		assert_int_equal(kafka_code(cases[i].native, cases[i].text), cases[i].code);
}

static void
a_secret_is_in_no_message(void **state)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	struct fl_err err = { .code = FL_OK };

	(void)state;
	assert_int_equal(kafka_conf_set(conf, "no.such.password", "hunter2", &err), FL_E_BAD_OPTION);
	assert_null(strstr(err.text, "hunter2"));
	assert_int_equal(kafka_conf_set(conf, "no.such.thing", "value", &err), FL_E_BAD_OPTION);
	assert_non_null(strstr(err.text, "\"value\""));
	rd_kafka_conf_destroy(conf);
}

static void
that_all_brokers_are_down_does_not_hide_why(void **state)
{
	struct kafka_health health;

	(void)state;
	kafka_health_init(&health, "test");
	assert_string_equal(kafka_health_show(&health), "");
	kafka_health_set(&health, FL_E_BROKER_AWAY, "refused");
	kafka_health_set(&health, FL_E_KAFKA_AUTH, "certificate");
	kafka_health_set(&health, FL_E_BROKER_AWAY, "1/1 brokers are down");
	assert_string_equal(kafka_health_show(&health), "KAFKA_AUTH certificate");
	kafka_health_clear(&health);
	assert_string_equal(kafka_health_show(&health), "");
	kafka_health_fini(&health);
}

static void
the_bare_end_of_a_connection_does_not_hide_what_may_be_wrong(void **state)
{
	static const char guess[] = "b:1: Disconnected: verify that security.protocol is correctly "
				    "configured, broker might require SASL authentication";
	struct kafka_health health;

	(void)state;
	kafka_health_init(&health, "test");
	kafka_health_set(&health, FL_E_BROKER_AWAY, guess);
	kafka_health_set(&health, FL_E_BROKER_AWAY, "b:1: Send failed: Broken pipe");
	assert_non_null(strstr(kafka_health_show(&health), guess));
	kafka_health_set(&health, FL_E_BROKER_AWAY, "b:1: Connect failed: Connection refused");
	assert_non_null(strstr(kafka_health_show(&health), "refused"));
	kafka_health_fini(&health);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jaas_is_read_as_java_reads_it),
		cmocka_unit_test(options_that_belong_together_are_checked_together),
		cmocka_unit_test(absent_store_is_named_when_a_client_is_made),
		cmocka_unit_test(refusals_say_what_to_change),
		cmocka_unit_test(only_texts_that_tell_of_refusal_are_of_authentication),
		cmocka_unit_test(that_all_brokers_are_down_does_not_hide_why),
		cmocka_unit_test(the_bare_end_of_a_connection_does_not_hide_what_may_be_wrong),
		cmocka_unit_test(a_secret_is_in_no_message),
		TEST(messages_come_in_order_then_the_end),
		TEST(slow_reader_is_not_kept_waiting_by_its_full_queue),
		TEST(ends_of_many_partitions_are_asked_at_once),
		TEST(partitions_and_watermarks_are_answered),
		TEST(offset_out_of_range_is_lost_not_skipped),
		TEST(absent_broker_is_named_and_waited_for),
		TEST(transaction_is_sent_and_committed),
		TEST(headers_come_as_they_were_sent_in_their_order),
		TEST(empty_and_null_are_two_things_in_keys_and_values),
		TEST(a_key_decides_the_partition_as_javas_client_does),
		cmocka_unit_test(no_table_can_turn_off_what_exactly_once_rests_on),
		cmocka_unit_test(java_names_become_librdkafkas),
		cmocka_unit_test(dangerous_and_unknown_properties_are_refused),
	};

	return cmocka_run_group_tests_name("kafka/client", tests, NULL, NULL);
}
