/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_gen.c - generated rows to stdout or into a topic. */
#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "flightctl/ctl.h"
#include "flightctl/generate.h"
#include "kafka/client.h"

#define OUT_SIZE (1u << 16)

struct job {
	struct topic topic;
	struct generate_options options;
	const struct generate_row *row;
	int64_t count, partitions, sent;
	double rate, every_s, every_max_s; /* 0: as fast as possible */
	bool is_array;
	char schema[4096];
};

/* When rows are due on the clock. */
struct pace {
	const struct job *job;
	int64_t started_us, n, due_us;
	struct generate chance; /* its own: how rows are sent does not change them */
};

static void
pace_init(struct pace *pace, const struct job *job)
{
	*pace = (struct pace){.job = job, .started_us = fl_monotonic_us()};
	pace->due_us = pace->started_us;
	generate_init(&pace->chance, &job->options);
}

/* Waits until the next row is due; in pieces, so that a signal is seen. */
static void
pace_wait(struct pace *pace)
{
	const struct job *job = pace->job;
	double span = (job->every_max_s - job->every_s) * 1e6;

	if (job->rate > 0)
		pace->due_us = pace->started_us + (int64_t)((double)pace->n++ * 1e6 / job->rate);
	else if (job->every_max_s > 0 && pace->n++ > 0)
		pace->due_us += (int64_t)(job->every_s * 1e6) +
		    (int64_t)generate_below(&pace->chance, (uint64_t)span + 1);
	ctl_wait_until(pace->due_us);
}

static void
print_rows(struct job *job)
{
	bool is_slow = job->rate > 0 || job->every_max_s > 0;
	struct generate generate;
	struct pace pace;
	struct fl_buf out;
	int64_t i;

	generate_init(&generate, &job->options);
	pace_init(&pace, job);
	fl_buf_init(&out);
	for (i = 0; job->count == 0 || i < job->count; i++) {
		size_t from;

		pace_wait(&pace);
		if (ctl_is_stopping)
			break;
		if (job->is_array)
			fl_buf_str(&out, i > 0 ? ",\n" : "[\n");
		from = out.size;
		if (generate_next(&generate, job->row, &out))
			generate_cut(&out, from);
		if (!job->is_array)
			fl_buf_byte(&out, '\n');
		if (out.size >= OUT_SIZE || is_slow) {
			if (!out_write(&out))
				break;
			fl_buf_reset(&out);
		}
	}
	if (job->is_array)
		fl_buf_str(&out, i > 0 ? "\n]\n" : "[]\n");
	(void)out_write(&out); /* says itself what is wrong; main ends with 1 then */
	fl_buf_fini(&out);
	generate_fini(&generate);
}

static enum fl_code
send_rows(struct job *job, struct topic_codec *codec, struct fl_kafka_producer *producer,
    struct fl_err *err)
{
	struct generate generate;
	struct pace pace;
	struct fl_buf line;
	enum fl_code code = FL_OK;

	generate_init(&generate, &job->options);
	pace_init(&pace, job);
	fl_buf_init(&line);
	for (int64_t i = 0; (job->count == 0 || i < job->count) && code == FL_OK; i++) {
		const struct fl_buf *value;
		bool is_bad;

		pace_wait(&pace);
		if (ctl_is_stopping)
			break;
		fl_buf_reset(&line);
		is_bad = generate_next(&generate, job->row, &line);
		code = topic_encode(codec, line.data, line.size, &value, err);
		if (code == FL_OK)
			code = fl_kafka_producer_send(producer,
			    job->partitions > 0 ? (int32_t)(i % job->partitions) : -1, NULL, 0,
			    value->data, is_bad ? value->size / 2 : value->size, fl_now_ms(), err);
		job->sent += code == FL_OK;
	}
	fl_buf_fini(&line);
	generate_fini(&generate);
	return code;
}

static enum fl_code
produce_rows(const struct ctl *ctl, struct job *job, struct fl_err *err)
{
	int timeout_ms = (int)(ctl->timeout_ms > 0 ? ctl->timeout_ms : 30000);
	struct fl_kafka_producer *producer = NULL;
	struct topic_codec *codec = NULL;
	enum fl_code code;

	if (job->row->schema[0] == '\0')
		job->topic.format = TOPIC_RAW; /* spoilt ones shall arrive as they are */
	else {
		char name[256];

		snprintf(name, sizeof(name), "pipelines/%.*s", (int)strcspn(job->row->schema, "#"),
		    job->row->schema);
		FL_TRY(ctl_path_data(name, job->schema, sizeof(job->schema) - 256, err));
		strcat(job->schema, strchr(job->row->schema, '#'));
		FL_TRY(topic_set_schema(&job->topic, job->schema, err));
	}
	FL_TRY(topic_finish(&job->topic, job->row->topic, err));
	code = topic_codec_open(&job->topic, true, &codec, err);
	if (code == FL_OK)
		code = topic_check(&job->topic, job->partitions, timeout_ms, err);
	if (code == FL_OK)
		code = fl_kafka_producer_open(&job->topic.table, NULL, &producer, err);
	if (code == FL_OK)
		code = send_rows(job, codec, producer, err);
	if (code == FL_OK)
		code = fl_kafka_producer_flush(producer, timeout_ms, err);
	if (code == FL_OK)
		ctl_say(ctl, "%" PRId64 " messages sent to topic \"%s\"", job->sent,
		    job->topic.table.topic);
	fl_kafka_producer_close(&producer);
	topic_codec_close(&codec);
	return code;
}

/* S or S-S, seconds. */
static void
take_every(struct ctl *ctl, struct job *job, const char *value)
{
	const char *dash = strchr(value, '-');
	char first[32];

	snprintf(first, sizeof(first), "%.*s", dash != NULL ? (int)(dash - value) : 31, value);
	if (ctl_option_f64(ctl, "every", first, 0, 1e6, &job->every_s) &&
	    ctl_option_f64(ctl, "every", dash != NULL ? dash + 1 : first, 0, 1e6, &job->every_max_s) &&
	    job->every_max_s < job->every_s) {
		ctl->stop = true;
		ctl->status = ctl_usage(ctl, "--every: expected the shorter time first, got \"%s\"", value);
	}
}

static void
take_option(struct ctl *ctl, struct job *job, const char *option, const char *value)
{
	int64_t seed;

	if (strcmp(option, "every") == 0)
		take_every(ctl, job, value);
	else if (strcmp(option, "array") == 0)
		job->is_array = job->options.json_only = true;
	else if (strcmp(option, "again") == 0)
		ctl_option_f64(ctl, option, value, 0, 1, &job->options.again_share);
	else if (strcmp(option, "stray") == 0)
		ctl_option_f64(ctl, option, value, 0, 1, &job->options.stray_share);
	else if (strcmp(option, "count") == 0)
		ctl_option_i64(ctl, option, value, 0, &job->count);
	else if (strcmp(option, "rate") == 0)
		ctl_option_f64(ctl, option, value, 0, 1e9, &job->rate);
	else if (strcmp(option, "per-second") == 0)
		ctl_option_f64(ctl, option, value, 1e-6, 1e9, &job->options.per_second);
	else if (strcmp(option, "start") == 0)
		ctl_option_i64(ctl, option, value, 0, &job->options.start_s);
	else if (strcmp(option, "disorder") == 0)
		ctl_option_i64(ctl, option, value, 0, &job->options.disorder_s);
	else if (strcmp(option, "late") == 0)
		ctl_option_f64(ctl, option, value, 0, 1, &job->options.late_share);
	else if (strcmp(option, "bad") == 0)
		ctl_option_f64(ctl, option, value, 0, 1, &job->options.bad_share);
	else if (strcmp(option, "partitions") == 0)
		ctl_option_i64(ctl, option, value, 1, &job->partitions);
	else if (ctl_option_i64(ctl, option, value, 0, &seed))
		job->options.seed = (uint64_t)seed;
}

/* What does not go together. */
static bool
check_options(struct ctl *ctl, const struct job *job)
{
	const char *why = NULL;

	if (job->is_array && job->topic.table.brokers != NULL)
		why = "--array is for stdout: messages are single events";
	else if (job->is_array && job->row->schema[0] != '\0' && job->options.bad_share > 0)
		why = "--array: the spoilt ones of this generator are no JSON; leave out --bad";
	else if (job->rate > 0 && job->every_max_s > 0)
		why = "--rate or --every, not both";
	else if ((job->options.again_share > 0 || job->options.stray_share > 0) &&
	    strcmp(job->row->name, "orders") != 0)
		why = "--again and --stray are for orders";
	if (why != NULL)
		ctl->status = ctl_usage(ctl, "%s", why);
	return why == NULL;
}

int
cmd_gen(struct ctl *ctl)
{
	struct job job = {
	    .options = {.seed = 1, .start_s = 1700000000, .per_second = 10}, .count = 1000};
	struct fl_err err = {0};
	const char *option, *value;
	char names[256] = "";
	uint32_t count = 0;
	int status = CTL_OK;

	topic_init(&job.topic);
	while ((option = topic_next_option(ctl, &job.topic, &value)) != NULL)
		take_option(ctl, &job, option, value);
	if (!ctl_need_args(ctl, 1, 1)) {
		status = ctl->status;
		goto out;
	}
	for (const struct generate_row *row; (row = generate_row(count)) != NULL; count++) {
		size_t at = strlen(names);

		snprintf(names + at, sizeof(names) - at, "%s%s", count > 0 ? ", " : "", row->name);
		if (strcmp(row->name, ctl->args[0]) == 0)
			job.row = row;
	}
	if (job.row == NULL) {
		FL_FAIL(&err, FL_E_NO_SUCH_OBJECT, "there is no generator \"%s\"; there is: %s",
		    ctl->args[0], names);
		status = ctl_fail(ctl, &err);
		goto out;
	}
	if (!check_options(ctl, &job)) {
		status = ctl->status;
		goto out;
	}
	ctl_stop_on(SIGINT);
	ctl_stop_on(SIGTERM);
	if (job.topic.table.brokers == NULL)
		print_rows(&job);
	else if (produce_rows(ctl, &job, &err) != FL_OK)
		status = ctl_fail(ctl, &err);
out:
	topic_fini(&job.topic);
	return status;
}
