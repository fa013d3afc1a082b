/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_test.c - connector 'test': records pushed by a test, no clock, no thread.
 *
 * After a restart the last records before the store's position come once more, as
 * Kafka's do: ingest has to know them and drop them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "source.h"

#define REPEATED 2

struct test_part {
	int32_t partition;
	int64_t next;			/* offset of the next push */
	int64_t from;			/* known: read from here on */
	struct source_record *records;	/* values are owned */
	uint32_t count, max, at;	/* [at, count) wait */
	bool caught_due, end_due, lost_due, announced;
	bool eof_said;			/* since the last push */
	int64_t since_ms;
};

struct source {
	struct test_part *parts;
	uint32_t part_count;
	int32_t *reading;
	struct source_record *run; /* a copy: pushes may move a partition's array */
	uint32_t run_max, run_count;
	uint32_t known_at;	/* next known partition to say READY of */
	bool said_complete;
};

static struct test_part *
find_part(struct source *source, int32_t partition)
{
	for (uint32_t i = 0; i < source->part_count; i++)
		if (source->parts[i].partition == partition)
			return &source->parts[i];
	return NULL;
}

static struct test_part *
make_part(struct source *source, int32_t partition)
{
	struct test_part *part = find_part(source, partition);

	if (part != NULL)
		return part;
	source->parts = fl_realloc(source->parts, (source->part_count + 1) * sizeof *source->parts);
	part = &source->parts[source->part_count++];
	memset(part, 0, sizeof *part);
	part->partition = partition;
	return part;
}

static enum fl_code
test_open(const struct source_options *options, struct source **out, struct fl_err *err)
{
	struct source *source = fl_calloc(1, sizeof *source);

	(void)err;
	for (uint32_t i = 0; i < options->known_count; i++) {
		struct test_part *part = make_part(source, options->known[i].partition);

		part->from = part->next = FL_MAX(options->known[i].position - REPEATED, INT64_C(0));
		part->announced = true;
	}
	*out = source;
	return FL_OK;
}

static void
test_close(struct source **out)
{
	struct source *source = *out;

	*out = NULL;
	for (uint32_t i = 0; i < source->part_count; i++) {
		for (uint32_t r = source->parts[i].at; r < source->parts[i].count; r++)
			free(source->parts[i].records[r].handle);
		free(source->parts[i].records);
	}
	free(source->parts);
	free(source->run);
	free(source->reading);
	free(source);
}

static bool
say(struct source_event *event, enum source_event_kind kind, int32_t partition, int64_t a, int64_t b)
{
	memset(event, 0, sizeof *event);
	event->kind = kind;
	event->partition = partition;
	event->a = a;
	event->b = b;
	(void)snprintf(event->topic, sizeof event->topic, "test");
	return true;
}

static bool
test_next_event(struct source *source, struct source_event *event)
{
	if (!source->said_complete) {
		source->said_complete = true;
		return say(event, SOURCE_COMPLETE, 0, 0, 0);
	}
	if (source->known_at < source->part_count) {
		struct test_part *part = &source->parts[source->known_at++];

		if (part->announced)
			return say(event, SOURCE_READY, part->partition, part->from, 0);
	}
	for (uint32_t i = 0; i < source->part_count; i++) {
		struct test_part *part = &source->parts[i];

		if (!part->announced) {
			part->announced = true;
			return say(event, SOURCE_ADDED, part->partition, 0, INT64_MAX);
		}
		/* What is queued comes before what is said after it. */
		if (part->at < part->count || source->run_count > 0)
			continue;
		if (part->caught_due) {
			part->caught_due = false;
			return say(event, SOURCE_CAUGHT, part->partition, part->next, part->since_ms);
		}
		if (part->lost_due) {
			part->lost_due = false;
			(void)say(event, SOURCE_LOST, part->partition, part->next, 0);
			event->code = FL_E_OFFSETS_LOST;
			return true;
		}
		if (part->end_due) {
			part->end_due = false;
			return say(event, SOURCE_END, part->partition, part->next, 0);
		}
	}
	return false;
}

static enum fl_code
test_assign(struct source *source, const struct source_start *set, uint32_t count, struct fl_err *err)
{
	(void)err;
	source->reading = fl_realloc(source->reading, (count + 1u) * sizeof *source->reading);
	for (uint32_t i = 0; i < count; i++)
		source->reading[i] = set[i].partition;
	return FL_OK;
}

static enum fl_code
test_poll(struct source *source, uint32_t index, uint32_t max, struct source_run *run, struct fl_err *err)
{
	struct test_part *part = find_part(source, source->reading[index]);

	(void)err;
	memset(run, 0, sizeof *run);
	/* As Kafka says once: nothing more for now. */
	if (part->at == part->count) {
		run->eof = !part->eof_said;
		run->eof_offset = part->next;
		part->eof_said = true;
		return FL_OK;
	}
	if (source->run_max < max) {
		source->run = fl_realloc(source->run, max * sizeof *source->run);
		source->run_max = max;
	}
	run->records = source->run;
	run->count = source->run_count = FL_MIN(max, part->count - part->at);
	memcpy(source->run, part->records + part->at, run->count * sizeof *source->run);
	part->at += run->count;
	if (part->at == part->count)
		part->at = part->count = 0;
	return FL_OK;
}

static void
test_release(struct source *source, struct source_run *run)
{
	for (uint32_t i = 0; i < run->count; i++)
		free(run->records[i].handle);
	source->run_count = 0;
}

static enum fl_code
test_offsets(struct source *source, int32_t partition, int64_t *low, int64_t *high, struct fl_err *err)
{
	struct test_part *part = find_part(source, partition);

	if (part == NULL)
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT, "test partition %d does not exist", partition);
	*low = 0;
	*high = part->next;
	return FL_OK;
}

const struct source_ops source_test = {
	.name = "test",
	.is_test = true,
	.open = test_open,
	.close = test_close,
	.next_event = test_next_event,
	.assign = test_assign,
	.poll = test_poll,
	.release = test_release,
	.offsets = test_offsets,
};

void
source_test_push(struct source *source, int32_t partition, int64_t offset, const void *value,
    size_t size, int64_t kafka_ts_ms)
{
	struct test_part *part = make_part(source, partition);
	struct source_record *record;

	if (offset < part->next)
		return;
	if (part->count == part->max) {
		part->max = part->max == 0 ? 64 : part->max * 2;
		part->records = fl_realloc(part->records, part->max * sizeof *part->records);
	}
	record = &part->records[part->count++];
	part->eof_said = false;
	memset(record, 0, sizeof *record);
	record->offset = offset;
	part->next = offset + 1;
	record->ts_ms = kafka_ts_ms;
	record->handle = fl_malloc(size + 1);
	if (value != NULL) {
		memcpy(record->handle, value, size);
		record->value = record->handle;
		record->value_size = size;
	}
}

void
source_test_add(struct source *source, int32_t partition)
{
	(void)make_part(source, partition);
}

void
source_test_caught(struct source *source, int32_t partition, int64_t since_ms)
{
	struct test_part *part = make_part(source, partition);

	part->caught_due = true;
	part->since_ms = since_ms;
}

void
source_test_lose(struct source *source, int32_t partition)
{
	make_part(source, partition)->lost_due = true;
}

void
source_test_end(struct source *source, int32_t partition)
{
	make_part(source, partition)->end_due = true;
}
