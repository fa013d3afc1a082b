/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_produce.c - JSON lines to messages of a topic. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "flightctl/ctl.h"
#include "kafka/client.h"

#define LINE_REPORTS_MAX 100

struct job {
	struct topic topic;
	const char *file, *key_delim;
	int64_t partition, count;
	int64_t sent, bad;
};

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
send_all(const struct ctl *ctl, struct job *job, FILE *in, struct topic_codec *codec,
    struct fl_kafka_producer *producer, struct fl_err *err)
{
	char *line = NULL, text[FL_ERR_TEXT_SIZE + 64];
	size_t line_max = 0;
	ssize_t n;
	enum fl_code code = FL_OK;

	for (int64_t number = 1; (job->count == 0 || job->sent < job->count) &&
				 (n = getline(&line, &line_max, in)) >= 0;
	     number++) {
		while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
			n--;
		if (n == 0)
			continue;
		code = send_line(job, codec, producer, line, (size_t)n, err);
		if (code == FL_OK) {
			job->sent++;
			continue;
		}
		if (fl_code_class(code) != FL_CLASS_INPUT)
			break;
		if (job->bad++ < LINE_REPORTS_MAX)
			fprintf(stderr, "flightctl %s: %s line %" PRId64 ": %s\n",
			    ctl->command->name, job->file != NULL ? job->file : "stdin", number,
			    fl_err_print(err, text, sizeof(text)));
		code = FL_OK;
		*err = (struct fl_err){0};
	}
	free(line);
	if (code == FL_OK && ferror(in))
		code = FL_FAIL(
		    err, FL_E_IO, "could not read \"%s\"", job->file != NULL ? job->file : "stdin");
	return code;
}

static enum fl_code
run_job(const struct ctl *ctl, struct job *job, struct fl_err *err)
{
	int timeout_ms = (int)(ctl->timeout_ms > 0 ? ctl->timeout_ms : 30000);
	struct fl_kafka_producer *producer = NULL;
	struct topic_codec *codec = NULL;
	FILE *in = stdin;
	enum fl_code code;

	if (job->file != NULL && strcmp(job->file, "-") != 0 &&
	    (in = fopen(job->file, "re")) == NULL)
		return FL_FAIL_NATIVE(
		    err, FL_E_NO_SUCH_FILE, errno, "file \"%s\": %s", job->file, strerror(errno));
	code = topic_codec_open(&job->topic, true, &codec, err);
	if (code == FL_OK)
		code = topic_check(&job->topic, job->partition + 1, timeout_ms, err);
	if (code == FL_OK)
		code = fl_kafka_producer_open(&job->topic.table, NULL, &producer, err);
	if (code == FL_OK)
		code = send_all(ctl, job, in, codec, producer, err);
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
	if (in != stdin)
		fclose(in);
	return code;
}

int
cmd_produce(struct ctl *ctl)
{
	struct job job = {.partition = -1};
	struct fl_err err = {0};
	const char *option, *value;
	int status;

	topic_init(&job.topic);
	while ((option = topic_next_option(ctl, &job.topic, &value)) != NULL) {
		if (strcmp(option, "file") == 0)
			job.file = value;
		else if (strcmp(option, "key-delim") == 0)
			job.key_delim = value;
		else if (strcmp(option, "partition") == 0)
			ctl_option_i64(ctl, option, value, 0, &job.partition);
		else if (strcmp(option, "count") == 0)
			ctl_option_i64(ctl, option, value, 1, &job.count);
	}
	if (!ctl_need_args(ctl, job.topic.table.topic != NULL ? 0 : 1, 1)) {
		status = ctl->status;
		goto out;
	}
	if (topic_finish(&job.topic, ctl->arg_count > 0 ? ctl->args[0] : NULL, &err) != FL_OK ||
	    run_job(ctl, &job, &err) != FL_OK) {
		status = ctl_fail(ctl, &err);
		goto out;
	}
	ctl_say(ctl, "%" PRId64 " message%s sent", job.sent, job.sent == 1 ? "" : "s");
	if (job.bad > 0)
		ctl_say(ctl, "%" PRId64 " line%s refused", job.bad, job.bad == 1 ? "" : "s");
	status = job.bad > 0 ? CTL_FAILED : CTL_OK;
out:
	topic_fini(&job.topic);
	return status;
}
