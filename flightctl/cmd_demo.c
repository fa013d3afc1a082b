/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_demo.c - the flights pipeline without any set-up.
 *
 * This process holds the broker (librdkafka's mock cluster), a thread that makes
 * flights, and a reader of the results; ingest, aggregate and emit run as they do in
 * production, under supervisord on a temporary instance.  Event time runs 20 times as
 * fast as the clock, so a window of a minute closes every 3 seconds.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "flightctl/ctl.h"
#include "flightctl/generate.h"
#include "flightctl/pipeline.h"
#include "kafka/client.h"

#define DEMO_SPEED 20
#define DEMO_PARTITIONS 2
#define DEMO_AGO_MINUTES (30 * 24 * 60)
#define DEMO_PIPED_S 60
#define READY_MS 30000
#define STOP_MS 20000
#define RUN_MAX 64
#define AGAIN_MIN_MS 2000 /* a supervisord that ends sooner does not work here */

struct result_topic {
	const char *name, *record, *value;
	struct topic topic;
	struct topic_codec *codec;
	struct fl_kafka_consumer *consumer;
};

struct demo {
	struct ctl *ctl;
	struct ctl_temporary temporary;
	const char *dir; /* its directory */
	char schema[PATH_MAX];
	struct fl_kafka_mock *mock;
	struct fl_instance *instance;
	uint16_t port; /* of the page */
	pid_t supervisord;
	int64_t supervised_ms; /* when it was started */
	double rate;
	int64_t seconds; /* 0: until Ctrl-C */
	/* Generator */
	struct topic flights;
	pthread_t thread;
	bool has_thread;
	struct fl_err thread_err;
	uint64_t results;
};

/* ---- generator ---- */

static enum fl_code
send_flights(struct demo *demo, struct topic_codec *codec, struct fl_kafka_producer *producer,
    struct fl_err *err)
{
	struct generate_options options = {
	    .seed = (uint64_t)fl_now_us(),
	    /* From a full minute on, so that the first window is whole; and long ago: time that
	     * runs 20 times as fast must not reach flight.max-future. */
	    .start_s = (fl_now_ms() / 60000 - DEMO_AGO_MINUTES) * 60,
	    .per_second = demo->rate / DEMO_SPEED,
	    .disorder_s = 3,
	};
	const struct generate_row *row = generate_row(0);
	int64_t started_us = fl_monotonic_us();
	struct generate generate;
	enum fl_code code = FL_OK;
	struct fl_buf line;

	generate_init(&generate, &options);
	fl_buf_init(&line);
	while (!ctl_is_stopping && code == FL_OK) {
		const struct fl_buf *value;
		int64_t due =
		    (int64_t)((double)(fl_monotonic_us() - started_us) * demo->rate / 1e6);

		for (; (int64_t)generate.index < due && code == FL_OK;) {
			int32_t partition = (int32_t)(generate.index % DEMO_PARTITIONS);

			fl_buf_reset(&line);
			generate_next(&generate, row, &line);
			if (fl_fault("demo.send"))
				code = FL_FAIL(err, FL_E_BROKER_AWAY, "fault: demo.send");
			if (code == FL_OK)
				code = topic_encode(codec, line.data, line.size, &value, err);
			if (code == FL_OK)
				code = fl_kafka_producer_send(producer, partition, NULL, 0,
				    value->data, value->size, fl_now_ms(), err);
		}
		poll(NULL, 0, 20);
	}
	fl_buf_fini(&line);
	generate_fini(&generate);
	return code;
}

static void *
run_generator(void *self)
{
	struct demo *demo = self;
	struct fl_kafka_producer *producer = NULL;
	struct topic_codec *codec = NULL;

	if (topic_codec_open(&demo->flights, true, &codec, &demo->thread_err) != FL_OK ||
	    fl_kafka_producer_open(&demo->flights.table, NULL, &producer, &demo->thread_err) !=
		FL_OK ||
	    send_flights(demo, codec, producer, &demo->thread_err) != FL_OK)
		ctl_is_stopping = 1; /* without flights there is nothing to show */
	fl_kafka_producer_close(&producer);
	topic_codec_close(&codec);
	return NULL;
}

/* ---- results ---- */

static enum fl_code
open_results(struct demo *demo, struct result_topic *r, struct fl_err *err)
{
	struct fl_kafka_assignment set = {r->name, 0, 0};
	char schema[PATH_MAX + 64];
	uint32_t count;

	topic_init(&r->topic);
	snprintf(schema, sizeof(schema), "%s#flights.analyzer.%s", demo->schema, r->record);
	FL_TRY(topic_set_schema(&r->topic, schema, err));
	r->topic.table.brokers = fl_kafka_mock_brokers(demo->mock);
	FL_TRY(topic_finish(&r->topic, r->name, err));
	FL_TRY(topic_codec_open(&r->topic, false, &r->codec, err));
	FL_TRY(fl_kafka_consumer_open(&r->topic.table, "flightctl-demo", &r->consumer, err));
	FL_TRY(fl_kafka_consumer_partitions(r->consumer, r->name, 10000, &count, err));
	return fl_kafka_consumer_assign(r->consumer, &set, 1, err);
}

static void
close_results(struct result_topic *r)
{
	fl_kafka_consumer_close(&r->consumer);
	topic_codec_close(&r->codec);
	topic_fini(&r->topic);
}

/* The value of a field in a flat JSON object that we encoded ourselves. */
static void
pick_field(const char *json, const char *name, char *buf, size_t size)
{
	char pattern[64];
	const char *at;
	size_t len;

	snprintf(pattern, sizeof(pattern), "\"%s\":", name);
	at = strstr(json, pattern);
	if (at == NULL) {
		snprintf(buf, size, "?");
		return;
	}
	at += strlen(pattern);
	at += *at == '"';
	len = strcspn(at, ",}\"");
	snprintf(buf, size, "%.*s", (int)len, at);
}

static void
print_result(struct demo *demo, const struct result_topic *r, const char *json)
{
	char end_text[32], value[64], from[32], to[32];
	int64_t now_ms = fl_now_ms(), end_s;
	struct tm tm;
	time_t now = (time_t)(now_ms / 1000);

	pick_field(json, "timestamp", end_text, sizeof(end_text));
	pick_field(json, r->value, value, sizeof(value));
	if (!fl_parse_i64(end_text, &end_s))
		return;
	localtime_r(&now, &tm);
	out_instant((end_s - 60) * 1000, from);
	out_instant(end_s * 1000, to);
	printf("%02d:%02d:%02d.%03d  %-18s  window %.16s to %.5s  %s=%s\n", tm.tm_hour, tm.tm_min,
	    tm.tm_sec, (int)(now_ms % 1000), r->name, from, to + 11, r->value, value);
	if (fflush(stdout) != 0)
		ctl_is_stopping = 1; /* nobody reads any more */
	demo->results++;
}

static enum fl_code
poll_results(struct demo *demo, struct result_topic *r, struct fl_err *err)
{
	struct fl_kafka_message messages[RUN_MAX];
	struct fl_buf json;
	int64_t eof_offset;
	uint32_t count = 0;
	enum fl_code code;
	bool eof;

	code = fl_kafka_consumer_poll(
	    r->consumer, 0, messages, RUN_MAX, &count, &eof, &eof_offset, err);
	if (code != FL_OK)
		return fl_code_class(code) == FL_CLASS_TRANSIENT ? FL_OK : code;
	fl_buf_init(&json);
	for (uint32_t i = 0; i < count && code == FL_OK; i++) {
		fl_buf_reset(&json);
		code = topic_decode(
		    r->codec, messages[i].value, messages[i].value_size, &json, err);
		if (code == FL_OK)
			print_result(demo, r, json.data);
	}
	fl_kafka_messages_release(messages, count);
	fl_buf_fini(&json);
	return code;
}

/* Killed by somebody who wants to see what happens: it is started again like the others. */
static enum fl_code
follow_supervisord(struct demo *demo, struct fl_err *err)
{
	pid_t old = demo->supervisord;
	int64_t now_ms = fl_now_ms();

	demo->supervisord = 0;
	if (ctl_is_stopping)
		return FL_OK;
	if (now_ms - demo->supervised_ms < AGAIN_MIN_MS)
		return FL_FAIL(err, FL_E_IO, "supervisord ends at once; see \"%s/log\"", demo->dir);
	demo->supervised_ms = now_ms;
	FL_TRY(super_start(demo->instance, true, &demo->supervisord, err));
	ctl_say(demo->ctl, "supervisord[%d] ended, started again as supervisord[%d]", (int)old,
	    (int)demo->supervisord);
	return FL_OK;
}

static enum fl_code
watch_results(struct demo *demo, struct fl_err *err)
{
	struct result_topic results[] = {
	    {.name = "average_passengers", .record = "AveragePassengers", .value = "passengers"},
	    {.name = "trend_origin", .record = "TrendOrigin", .value = "origin"},
	};
	int64_t until = demo->seconds > 0 ? fl_monotonic_us() + demo->seconds * 1000000 : INT64_MAX;
	enum fl_code code = FL_OK;
	uint32_t opened = 0;

	for (; opened < FL_ARRAY_COUNT(results) && code == FL_OK; opened++)
		code = open_results(demo, &results[opened], err);
	while (code == FL_OK && !ctl_is_stopping && fl_monotonic_us() < until) {
		for (uint32_t i = 0; i < FL_ARRAY_COUNT(results) && code == FL_OK; i++)
			code = poll_results(demo, &results[i], err);
		if (code == FL_OK && waitpid(demo->supervisord, NULL, WNOHANG) == demo->supervisord)
			code = follow_supervisord(demo, err);
		fl_kafka_consumer_wait(results[0].consumer, 50);
	}
	while (opened > 0)
		close_results(&results[--opened]);
	return code;
}

/* ---- the whole ---- */

static enum fl_code
start_broker(struct demo *demo, struct fl_err *err)
{
	FL_TRY(fl_kafka_mock_open(&demo->mock, err));
	FL_TRY(fl_kafka_mock_topic(demo->mock, "flights", DEMO_PARTITIONS, err));
	FL_TRY(fl_kafka_mock_topic(demo->mock, "average_passengers", 1, err));
	return fl_kafka_mock_topic(demo->mock, "trend_origin", 1, err);
}

/* A port for the page that nobody has now. */
static enum fl_code
set_port(struct demo *demo, struct fl_err *err)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t size = sizeof(at);
	char text[16];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_bound;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	is_bound = fd >= 0 && bind(fd, (const struct sockaddr *)&at, size) == 0 &&
		   getsockname(fd, (struct sockaddr *)&at, &size) == 0;
	if (fd >= 0)
		close(fd);
	if (!is_bound)
		return FL_FAIL_NATIVE(
		    err, FL_E_IO, errno, "could not find a free port: %s", strerror(errno));
	demo->port = ntohs(at.sin_port);
	snprintf(text, sizeof(text), "%u", (unsigned)demo->port);
	return fl_instance_set(demo->instance, "serve.port", text, err);
}

static enum fl_code
start_programs(struct demo *demo, struct fl_err *err)
{
	char sql[PATH_MAX], *files[] = {sql};
	int64_t from_ms = fl_now_ms();

	FL_TRY(ctl_path_data("pipelines/flights/flights-demo.sql", sql, sizeof(sql), err));
	FL_TRY(fl_instance_open(demo->dir, true, &demo->instance, err));
	FL_TRY(pipeline_apply(
	    demo->ctl, demo->instance, files, 1, fl_kafka_mock_brokers(demo->mock), false, err));
	FL_TRY(fl_instance_load(demo->instance, false, err));
	FL_TRY(set_port(demo, err));
	FL_TRY(super_write(demo->instance, err));
	demo->supervised_ms = from_ms;
	FL_TRY(super_start(demo->instance, true, &demo->supervisord, err));
	return super_wait_ready(demo->instance, demo->supervisord, from_ms, READY_MS, err);
}

static enum fl_code
start_generator(struct demo *demo, struct fl_err *err)
{
	char schema[PATH_MAX + 64];

	snprintf(schema, sizeof(schema), "%s#flights.analyzer.Flight", demo->schema);
	FL_TRY(topic_set_schema(&demo->flights, schema, err));
	demo->flights.table.brokers = fl_kafka_mock_brokers(demo->mock);
	FL_TRY(topic_finish(&demo->flights, "flights", err));
	if (pthread_create(&demo->thread, NULL, run_generator, demo) != 0)
		return FL_FAIL(err, FL_E_IO, "could not start a thread");
	demo->has_thread = true;
	return FL_OK;
}

static void
print_hints(const struct demo *demo)
{
	char own[PATH_MAX] = "flightctl";
	struct fl_err err = {0};
	struct fl_life life[FL_ARRAY_COUNT(fl_writers)];

	ctl_path_program("flightctl", own, sizeof(own), &err);
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(fl_writers); i++)
		fl_life_get(demo->instance, fl_writers[i], &life[i]);
	printf("%.0f flights a second go into an embedded broker; their time runs %d times as fast "
	       "as the\n"
	       "clock, so a one-minute window closes every %d s.  The embedded broker has no\n"
	       "transactions: this shows recovery, not exactly-once.\n\n"
	       "In another terminal:\n"
	       "  kill -9 %d      # %s; %s is %d, %s is %d\n"
	       "  %s -i %s snapshot\n"
	       "  %s -i %s status\n"
	       "or look at http://127.0.0.1:%u/ in a browser.\n\n"
	       "Ctrl-C ends all of it and leaves nothing behind.\n\n",
	    demo->rate, DEMO_SPEED, 60 / DEMO_SPEED, (int)life[1].pid, life[1].program,
	    life[0].program, (int)life[0].pid, life[2].program, (int)life[2].pid, own, demo->dir,
	    own, demo->dir, (unsigned)demo->port);
	fflush(stdout);
}

static enum fl_code
run_demo(struct demo *demo, struct fl_err *err)
{
	FL_TRY(ctl_path_data(
	    "pipelines/flights/flights.avpr", demo->schema, sizeof(demo->schema), err));
	FL_TRY(ctl_temporary_open("demo", &demo->temporary, err));
	demo->dir = demo->temporary.dir;
	FL_TRY(start_broker(demo, err));
	FL_TRY(start_programs(demo, err));
	print_hints(demo);
	FL_TRY(start_generator(demo, err));
	return watch_results(demo, err);
}

static void
end_demo(struct demo *demo)
{
	struct fl_err err = {0};

	ctl_is_stopping = 1;
	if (demo->has_thread)
		pthread_join(demo->thread, NULL);
	/* The programs end while the broker still answers them. */
	if (demo->supervisord > 0 &&
	    super_stop(demo->dir, demo->supervisord, STOP_MS, &err) != FL_OK) {
		fl_warn("%s", err.text);
		kill(demo->supervisord, SIGKILL);
	}
	fl_instance_close(&demo->instance);
	fl_kafka_mock_close(&demo->mock);
	topic_fini(&demo->flights);
	ctl_temporary_close(&demo->temporary);
}

int
cmd_demo(struct ctl *ctl)
{
	struct demo *demo = fl_calloc(1, sizeof(*demo));
	struct fl_err err = {0};
	const char *option, *value;
	int status = CTL_OK;

	demo->ctl = ctl;
	demo->rate = 300;
	if (isatty(STDOUT_FILENO) == 0)
		demo->seconds = DEMO_PIPED_S;
	while ((option = ctl_next_option(ctl, &value)) != NULL) {
		if (strcmp(option, "seconds") == 0)
			ctl_option_i64(ctl, option, value, 1, &demo->seconds);
		else
			ctl_option_f64(ctl, option, value, 1, 1e6, &demo->rate);
	}
	if (!ctl_need_args(ctl, 0, 0)) {
		free(demo);
		return ctl->status;
	}
	ctl_stop_on(SIGINT);
	ctl_stop_on(SIGTERM);
	ctl_stop_on(SIGHUP);
	topic_init(&demo->flights);
	/* The mock is an old broker to librdkafka's eyes, which it says again and again. */
	if (ctl->verbose == 0)
		fl_log_open("flightctl", FL_LOG_ERROR);
	if (run_demo(demo, &err) != FL_OK && !ctl_is_stopping)
		status = ctl_fail(ctl, &err);
	end_demo(demo);
	if (demo->thread_err.code != FL_OK)
		status = ctl_fail(ctl, &demo->thread_err);
	ctl_say(ctl, "%" PRIu64 " results; everything is ended and removed", demo->results);
	free(demo);
	return status;
}
