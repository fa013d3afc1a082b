/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_consume.c - messages of a topic to JSON lines. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "flightctl/ctl.h"
#include "kafka/client.h"

#define RUN_MAX 512

struct job {
	struct topic topic;
	const char *format, *key_delim;
	const char *from;
	int64_t partition, count;
	bool exit_at_end, envelope;
	int64_t shown, bad;
	struct fl_buf line, out;
};

static enum fl_code
find_start(struct job *job, struct fl_kafka_consumer *consumer, int32_t partition, int timeout_ms,
    int64_t *offset, struct fl_err *err)
{
	struct fl_kafka_partition_info info;
	int64_t n;

	FL_TRY(fl_kafka_consumer_offsets(
	    consumer, job->topic.table.topic, partition, timeout_ms, &info, err));
	if (job->from == NULL || strcmp(job->from, "beginning") == 0 ||
	    strcmp(job->from, "earliest") == 0)
		*offset = info.low;
	else if (strcmp(job->from, "end") == 0 || strcmp(job->from, "latest") == 0)
		*offset = info.high;
	else if (fl_parse_i64(job->from, &n))
		*offset = n >= 0 ? FL_MAX(n, info.low) : FL_MAX(info.high + n, info.low);
	else
		return FL_FAIL(err, FL_E_USAGE,
		    "--offset: expected beginning, end, N or -N, got \"%s\"", job->from);
	return FL_OK;
}

/* name=value,name=value as kcat prints them. */
static void
add_headers(struct fl_buf *out, const struct fl_kafka_message *m)
{
	struct fl_kafka_header header;

	for (uint32_t i = 0; fl_kafka_message_header(m, i, &header); i++) {
		fl_buf_printf(out, "%s%s=", i > 0 ? "," : "", header.name);
		if (header.value != NULL)
			fl_buf_add(out, header.value, header.size);
		else
			fl_buf_str(out, "NULL");
	}
}

/* "headers":["name","value",...] as kcat's envelope; nothing where there is none. */
static void
add_headers_json(struct fl_buf *out, const struct fl_kafka_message *m)
{
	struct fl_kafka_header header;
	uint32_t count = 0;

	for (; fl_kafka_message_header(m, count, &header); count++) {
		fl_buf_str(out, count == 0 ? ",\"headers\":[" : ",");
		fl_buf_json(out, header.name, strlen(header.name));
		fl_buf_byte(out, ',');
		if (header.value != NULL)
			fl_buf_json(out, header.value, header.size);
		else
			fl_buf_str(out, "null");
	}
	fl_buf_str(out, count > 0 ? "]" : "");
}

/* What is no text comes in base64 as well: the text has lost what it was. */
static void
add_key_json(struct fl_buf *out, const struct fl_kafka_message *m)
{
	fl_buf_str(out, ",\"key\":");
	if (m->key == NULL) {
		fl_buf_str(out, "null");
		return;
	}
	fl_buf_json(out, m->key, m->key_size);
	if (fl_utf8_valid(m->key, m->key_size) == m->key_size)
		return;
	fl_buf_str(out, ",\"key_base64\":\"");
	fl_buf_base64(out, m->key, m->key_size);
	fl_buf_byte(out, '"');
}

static void
add_format(struct job *job, const struct fl_kafka_message *m, int32_t partition)
{
	for (const char *f = job->format; *f != '\0'; f++) {
		if (*f == '\\' && f[1] != '\0') {
			f++;
			fl_buf_byte(&job->out, *f == 'n' ? '\n' : *f == 't' ? '\t' : *f);
		} else if (*f != '%' || f[1] == '\0')
			fl_buf_byte(&job->out, *f);
		else
			switch (*++f) {
			case 's':
				fl_buf_add(&job->out, job->line.data, job->line.size);
				break;
			case 'k':
				fl_buf_add(&job->out, m->key, m->key_size);
				break;
			case 'h':
				add_headers(&job->out, m);
				break;
			case 't':
				fl_buf_str(&job->out, job->topic.table.topic);
				break;
			case 'p':
				fl_buf_printf(&job->out, "%" PRId32, partition);
				break;
			case 'o':
				fl_buf_printf(&job->out, "%" PRId64, m->offset);
				break;
			case 'T':
				fl_buf_printf(&job->out, "%" PRId64, m->ts_ms);
				break;
			default:
				fl_buf_byte(&job->out, *f);
			}
	}
}

static void
show_message(const struct ctl *ctl, struct job *job, struct topic_codec *codec,
    const struct fl_kafka_message *m, int32_t partition)
{
	struct fl_err err = {0};
	char text[FL_ERR_TEXT_SIZE + 64];
	bool is_json;

	fl_buf_reset(&job->line);
	if (topic_decode(codec, m->value, m->value_size, &job->line, &err) != FL_OK) {
		job->bad++;
		fprintf(stderr,
		    "flightctl %s: topic \"%s\" partition %" PRId32 " offset %" PRId64 ": %s\n",
		    ctl->command->name, job->topic.table.topic, partition, m->offset,
		    fl_err_print(&err, text, sizeof(text)));
		return;
	}
	job->shown++;
	if (job->format != NULL) {
		add_format(job, m, partition);
		return;
	}
	if (job->envelope) {
		fl_buf_str(&job->out, "{\"topic\":");
		fl_buf_json(&job->out, job->topic.table.topic, strlen(job->topic.table.topic));
		fl_buf_printf(&job->out,
		    ",\"partition\":%" PRId32 ",\"offset\":%" PRId64 ",\"ts\":%" PRId64,
		    partition, m->offset, m->ts_ms);
		add_headers_json(&job->out, m);
		add_key_json(&job->out, m);
		fl_buf_str(&job->out, ",\"payload\":");
		is_json = job->topic.format != TOPIC_JSON || m->value == NULL ||
			  topic_is_json(job->line.data, job->line.size);
		if (!is_json || (job->topic.format == TOPIC_RAW && m->value != NULL))
			fl_buf_json(&job->out, job->line.data, job->line.size);
		else
			fl_buf_add(&job->out, job->line.data, job->line.size);
		fl_buf_str(&job->out, is_json ? "}\n" : ",\"undecodable\":true}\n");
		return;
	}
	if (job->key_delim != NULL) {
		fl_buf_add(&job->out, m->key, m->key_size);
		fl_buf_str(&job->out, job->key_delim);
	}
	fl_buf_add(&job->out, job->line.data, job->line.size);
	fl_buf_byte(&job->out, '\n');
}

static enum fl_code
follow(const struct ctl *ctl, struct job *job, struct fl_kafka_consumer *consumer,
    struct topic_codec *codec, const struct fl_kafka_assignment *set, uint32_t count,
    struct fl_err *err)
{
	int64_t until =
	    ctl->timeout_ms > 0 ? fl_monotonic_us() + ctl->timeout_ms * 1000 : INT64_MAX;
	struct fl_kafka_message messages[RUN_MAX];
	bool *is_ended = fl_calloc(count, sizeof(*is_ended));
	uint32_t ended_count = 0;
	enum fl_code code = FL_OK;
	bool is_full = false;

	while (!ctl_is_stopping && !is_full && code == FL_OK) {
		bool worked = false;

		for (uint32_t i = 0; i < count && !is_full && code == FL_OK; i++) {
			uint32_t n = 0;
			bool eof = false;
			int64_t eof_offset;

			code = fl_kafka_consumer_poll(
			    consumer, i, messages, RUN_MAX, &n, &eof, &eof_offset, err);
			if (code != FL_OK && fl_code_class(code) == FL_CLASS_TRANSIENT) {
				code = FL_OK; /* the client connects again; --timeout ends the
						 patience */
				continue;
			}
			for (uint32_t m = 0; m < n && !is_full; m++) {
				show_message(ctl, job, codec, &messages[m], set[i].partition);
				is_full = job->count > 0 && job->shown + job->bad >= job->count;
			}
			fl_kafka_messages_release(messages, n);
			worked = worked || n > 0;
			if (eof && !is_ended[i]) {
				is_ended[i] = true;
				ended_count++;
			}
		}
		if (job->out.size > 0 && !out_write(&job->out))
			break;
		fl_buf_reset(&job->out);
		if (job->exit_at_end && ended_count == count)
			break;
		if (code == FL_OK && !is_full && fl_monotonic_us() > until) {
			const char *trouble = fl_kafka_consumer_trouble(consumer);

			code = FL_FAIL(err, FL_E_TIMED_OUT, "not done in time%s%s",
			    trouble[0] != '\0' ? ": " : "", trouble);
		}
		if (!worked && !is_full)
			fl_kafka_consumer_wait(consumer, 100);
	}
	free(is_ended);
	return code;
}

static enum fl_code
run_job(const struct ctl *ctl, struct job *job, struct fl_err *err)
{
	int timeout_ms = (int)(ctl->timeout_ms > 0 ? ctl->timeout_ms : 15000);
	struct fl_kafka_consumer *consumer = NULL;
	struct fl_kafka_assignment *set = NULL;
	struct topic_codec *codec = NULL;
	uint32_t count = 0, used = 0;
	enum fl_code code;

	code = topic_codec_open(&job->topic, false, &codec, err);
	if (code == FL_OK)
		code = fl_kafka_consumer_open(&job->topic.table, "flightctl", &consumer, err);
	if (code == FL_OK)
		code = fl_kafka_consumer_partitions(
		    consumer, job->topic.table.topic, timeout_ms, &count, err);
	if (code == FL_OK && job->partition >= (int64_t)count)
		code = FL_FAIL(err, FL_E_NO_SUCH_OBJECT,
		    "topic \"%s\" has no partition %" PRId64 ", it has %u", job->topic.table.topic,
		    job->partition, count);
	if (code == FL_OK)
		set = fl_calloc(count, sizeof(*set));
	for (uint32_t p = 0; p < count && code == FL_OK; p++) {
		if (job->partition >= 0 && job->partition != (int64_t)p)
			continue;
		set[used].topic = job->topic.table.topic;
		set[used].partition = (int32_t)p;
		code = find_start(job, consumer, (int32_t)p, timeout_ms, &set[used].offset, err);
		used++;
	}
	if (code == FL_OK)
		code = fl_kafka_consumer_assign(consumer, set, used, err);
	if (code == FL_OK)
		code = follow(ctl, job, consumer, codec, set, used, err);
	fl_kafka_consumer_close(&consumer);
	topic_codec_close(&codec);
	free(set);
	return code;
}

int
cmd_consume(struct ctl *ctl)
{
	struct job job = {.partition = -1};
	struct fl_err err = {0};
	const char *option, *value;
	int status;

	topic_init(&job.topic);
	fl_buf_init(&job.line);
	fl_buf_init(&job.out);
	while ((option = topic_next_option(ctl, &job.topic, &value)) != NULL) {
		if (strcmp(option, "partition") == 0)
			ctl_option_i64(ctl, option, value, 0, &job.partition);
		else if (strcmp(option, "offset") == 0)
			job.from = value;
		else if (strcmp(option, "count") == 0)
			ctl_option_i64(ctl, option, value, 1, &job.count);
		else if (strcmp(option, "exit") == 0)
			job.exit_at_end = true;
		else if (strcmp(option, "format-string") == 0)
			job.format = value;
		else if (strcmp(option, "envelope") == 0)
			job.envelope = true;
		else if (strcmp(option, "key-delim") == 0)
			job.key_delim = value;
	}
	if (!ctl_need_args(ctl, job.topic.table.topic != NULL ? 0 : 1, 1)) {
		status = ctl->status;
		goto out;
	}
	ctl_stop_on(SIGINT);
	ctl_stop_on(SIGTERM);
	if (topic_finish(&job.topic, ctl->arg_count > 0 ? ctl->args[0] : NULL, &err) != FL_OK ||
	    run_job(ctl, &job, &err) != FL_OK)
		status = ctl_fail(ctl, &err);
	else
		status = job.bad > 0 ? CTL_FAILED : CTL_OK;
out:
	fl_buf_fini(&job.line);
	fl_buf_fini(&job.out);
	topic_fini(&job.topic);
	return status;
}
