/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_produce.c - JSON lines, or a JSON array, to messages of a topic; as fast as it goes or as it happened. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "flightctl/ctl.h"
#include "flightctl/input.h"
#include "kafka/client.h"

#define LINE_REPORTS_MAX 100
/* Before a wait of this length what was due is delivered first. */
#define FLUSH_WAIT_US 100000

struct job {
	struct topic topic;
	const char *file, *key_delim, *time_field;
	int64_t partition, count;
	int64_t sent, bad, timeless;
	const char *unit; /* of what was read: "line", "element" */
	bool is_realtime, is_array;
	struct player player;
};

/* Waits until the message is due; one that bears no time is so at once. */
static enum fl_code
wait_for_turn(struct job *job, const struct input *input, struct fl_kafka_producer *producer,
    int timeout_ms, struct fl_err *err)
{
	int64_t time_ms, now_us = fl_monotonic_us(), due_us;

	if (!input_time(input->text.data, input->text.size, job->time_field, &time_ms)) {
		job->timeless++;
		return FL_OK;
	}
	due_us = player_due(&job->player, time_ms, now_us);
	if (due_us - now_us > FLUSH_WAIT_US)
		FL_TRY(fl_kafka_producer_flush(producer, timeout_ms, err));
	ctl_wait_until(due_us);
	return FL_OK;
}

static enum fl_code
send_line(struct job *job, struct topic_codec *codec, struct fl_kafka_producer *producer,
    const char *line, size_t size, struct fl_err *err)
{
	const char *key = NULL;
	const struct fl_buf *value;
	size_t key_size = 0;

	if (job->key_delim != NULL && job->key_delim[0] != '\0') {
		const char *at = memmem(line, size, job->key_delim, strlen(job->key_delim));

		if (at == NULL)
			return FL_FAIL(err, FL_E_BAD_JSON,
			    "key delimiter \"%s\" is not in the line", job->key_delim);
		key = line;
		key_size = (size_t)(at - line);
		line = at + strlen(job->key_delim);
		size -= key_size + strlen(job->key_delim);
	}
	FL_TRY(topic_encode(codec, line, size, &value, err));
	return fl_kafka_producer_send(producer, (int32_t)job->partition, key, key_size,
	    value->data != NULL ? value->data : "", value->size, fl_now_ms(), err);
}

static enum fl_code
send_all(const struct ctl *ctl, struct job *job, struct input *input, struct topic_codec *codec,
    struct fl_kafka_producer *producer, int timeout_ms, struct fl_err *err)
{
	char text[FL_ERR_TEXT_SIZE + 64];
	enum fl_code code = FL_OK;
	bool more;

	while (job->count == 0 || job->sent < job->count) {
		FL_TRY(input_next(input, &more, err));
		if (!more)
			break;
		if (job->is_realtime)
			FL_TRY(wait_for_turn(job, input, producer, timeout_ms, err));
		code = send_line(job, codec, producer, input->text.data != NULL ? input->text.data : "",
		    input->text.size, err);
		if (code == FL_OK) {
			job->sent++;
			continue;
		}
		if (fl_code_class(code) != FL_CLASS_INPUT)
			return code;
		if (job->bad++ < LINE_REPORTS_MAX)
			fprintf(stderr, "flightctl %s: %s %s %" PRId64 ": %s\n", ctl->command->name,
			    input->name, input_unit(input), input->number,
			    fl_err_print(err, text, sizeof(text)));
		*err = (struct fl_err){0};
	}
	return FL_OK;
}

static enum fl_code
run_job(const struct ctl *ctl, struct job *job, struct fl_err *err)
{
	int timeout_ms = (int)(ctl->timeout_ms > 0 ? ctl->timeout_ms : 30000);
	struct fl_kafka_producer *producer = NULL;
	struct topic_codec *codec = NULL;
	struct input input;
	FILE *in = stdin;
	enum fl_code code;

	if (job->file != NULL && strcmp(job->file, "-") != 0 &&
	    (in = fopen(job->file, "re")) == NULL)
		return FL_FAIL_NATIVE(
		    err, FL_E_NO_SUCH_FILE, errno, "file \"%s\": %s", job->file, strerror(errno));
	input_init(&input, in, in != stdin ? job->file : "stdin",
	    job->is_array	 ? INPUT_ARRAY
		: job->is_realtime ? INPUT_EITHER
				   : INPUT_LINES);
	code = topic_codec_open(&job->topic, true, &codec, err);
	if (code == FL_OK)
		code = topic_check(&job->topic, job->partition + 1, timeout_ms, err);
	if (code == FL_OK)
		code = fl_kafka_producer_open(&job->topic.table, NULL, &producer, err);
	if (code == FL_OK)
		code = send_all(ctl, job, &input, codec, producer, timeout_ms, err);
	if (producer != NULL) {
		/* What was taken goes out even if a later line could not. */
		struct fl_err flush_err = {0};
		enum fl_code flushed = fl_kafka_producer_flush(producer, timeout_ms, &flush_err);

		if (code == FL_OK && flushed != FL_OK) {
			*err = flush_err;
			code = flushed;
		}
	}
	fl_kafka_producer_close(&producer);
	topic_codec_close(&codec);
	job->unit = input_unit(&input);
	input_fini(&input);
	if (in != stdin)
		fclose(in);
	return code;
}

static void
take_option(struct ctl *ctl, struct job *job, const char *option, const char *value)
{
	double max_wait_s;

	if (strcmp(option, "file") == 0)
		job->file = value;
	else if (strcmp(option, "key-delim") == 0)
		job->key_delim = value;
	else if (strcmp(option, "partition") == 0)
		ctl_option_i64(ctl, option, value, 0, &job->partition);
	else if (strcmp(option, "count") == 0)
		ctl_option_i64(ctl, option, value, 1, &job->count);
	else if (strcmp(option, "array") == 0)
		job->is_array = true;
	else if (strcmp(option, "realtime") == 0)
		job->is_realtime = true;
	else if (strcmp(option, "time-field") == 0)
		job->time_field = value;
	else if (strcmp(option, "speed") == 0)
		ctl_option_f64(ctl, option, value, 1e-6, 1e9, &job->player.speed);
	else if (strcmp(option, "max-wait") == 0 &&
	    ctl_option_f64(ctl, option, value, 0, 1e9, &max_wait_s))
		job->player.max_wait_us = (int64_t)(max_wait_s * 1e6);
}

/* What does not go together, and defaults that depend. */
static bool
check_options(struct ctl *ctl, struct job *job)
{
	bool plays = job->time_field != NULL || job->player.speed > 0 || job->player.max_wait_us >= 0;

	if (plays && !job->is_realtime)
		ctl->status = ctl_usage(ctl, "--time-field, --max-wait and --speed are for --realtime");
	else if (job->key_delim != NULL && (job->is_array || job->is_realtime))
		ctl->status = ctl_usage(ctl, "--key-delim is for lines that begin with a key, not for %s",
		    job->is_array ? "--array" : "--realtime");
	else {
		if (job->time_field == NULL)
			job->time_field = "timestamp";
		if (job->player.speed <= 0)
			job->player.speed = 1;
		return true;
	}
	return false;
}

/* What was sent; the exit status. */
static int
say_end(const struct ctl *ctl, const struct job *job)
{
	ctl_say(ctl, "%" PRId64 " message%s sent", job->sent, job->sent == 1 ? "" : "s");
	if (job->timeless > 0)
		ctl_say(ctl, "%" PRId64 " without a time in \"%s\" did not wait", job->timeless,
		    job->time_field);
	if (job->bad > 0)
		ctl_say(ctl, "%" PRId64 " %s%s refused", job->bad, job->unit, job->bad == 1 ? "" : "s");
	return job->bad > 0 ? CTL_FAILED : CTL_OK;
}

int
cmd_produce(struct ctl *ctl)
{
	struct job job = {.partition = -1, .player = {.max_wait_us = -1}};
	struct fl_err err = {0};
	const char *option, *value;
	int status;

	topic_init(&job.topic);
	while ((option = topic_next_option(ctl, &job.topic, &value)) != NULL)
		take_option(ctl, &job, option, value);
	if (!ctl_need_args(ctl, job.topic.table.topic != NULL ? 0 : 1, 1) || !check_options(ctl, &job)) {
		status = ctl->status;
		goto out;
	}
	if (topic_finish(&job.topic, ctl->arg_count > 0 ? ctl->args[0] : NULL, &err) != FL_OK ||
	    run_job(ctl, &job, &err) != FL_OK) {
		status = ctl_fail(ctl, &err);
		goto out;
	}
	status = say_end(ctl, &job);
out:
	topic_fini(&job.topic);
	return status;
}
