/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition.c - the life of a partition: announced, assigned, ended, stopped.
 *
 * A partition's start and end are numbers in the store before reading begins; so a
 * partition that the source finds is announced by an ADDED mark first, and assigned
 * once the step that holds the mark is durable.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "stream.h"

void
part_end(struct part *part)
{
	struct stream *stream = part->stream;

	if (part->state == PART_OUT)
		return;
	part->state = PART_OUT;
	part->c.state = FL_PARTITION_ENDED;
	part->end_step = stream->ingest->cursor.last_step + 1; /* the one being filled */
	part->caught_waits = false;
	stream_unwatch(part);
	stream->assign_due = true;
	marks_add(stream->ingest, FL_MARK_END, part, part->c.position, 0, 0);
	letters_end(part);
	fl_info("partition ended stream=%u topic=%s partition=%d position=%" PRId64, part->c.stream,
	    part->c.topic, part->c.partition, part->c.position);
}

void
part_stop(struct part *part, enum fl_code reason, const char *text)
{
	struct stream *stream = part->stream;

	part->state = PART_OUT;
	part->c.state = FL_PARTITION_STOPPED;
	part->c.reason = (uint32_t)reason;
	stream_unwatch(part);
	/* What is not read is not known to be at its end. */
	if (part->c.caught_since != FL_TIME_MAX) {
		part->caught_since = FL_TIME_MAX;
		part->caught_waits = true;
	}
	letters_stop(part);
	stream->assign_due = true;
	stream->ingest->dirty = true;
	fl_error("partition stopped stream=%u topic=%s partition=%d position=%" PRId64
		 " reason=%s text=\"%s\"", part->c.stream, part->c.topic, part->c.partition,
	    part->c.position, fl_code_name(reason), text);
}

void
part_check(struct part *part)
{
	struct stream *stream = part->stream;
	struct source_known known = { part->c.partition, part->c.position, part->c.last_offset, false,
		part->c.topic, part->c.cluster };

	stream_break_caught(part);
	/* What the log says of it until now: at its end. */
	part->caught_waits = part->c.caught_since != FL_TIME_MAX;
	letters_caught(part, false);
	part->state = PART_KNOWN;
	stream->assign_due = true;
	stream->ops->check(stream->source, &known);
}

static enum fl_code
announce(struct stream *stream, const struct source_event *event, struct fl_err *err)
{
	struct part *part = stream_find(stream, event->partition);
	struct ingest *ingest = stream->ingest;
	uint32_t count = ingest->orphan_count;

	if (part != NULL)
		return FL_OK;
	for (uint32_t i = 0; i < ingest->stream_count; i++)
		count += ingest->streams[i]->part_count;
	if (count + stream->letter_count >= PARTITIONS_MAX)
		return FL_FAIL(err, FL_E_BAD_CONFIG, "topic \"%s\" partition %d: an instance reads %u "
		    "partitions at most", event->topic, event->partition, PARTITIONS_MAX);
	part = stream_add(stream, event->partition, event->topic);
	part->state = PART_NEW;
	part->c.start = part->c.position = part->assign_from = event->a;
	part->c.end = event->b;
	part->c.cluster = event->cluster;
	marks_add(ingest, FL_MARK_ADDED, part, event->a, 0, 0);
	letters_announce(part);
	fl_info("partition added stream=%u topic=%s partition=%d start=%" PRId64, part->c.stream,
	    part->c.topic, part->c.partition, event->a);
	return FL_OK;
}

static void
confirm_caught(struct part *part, const struct source_event *event, int64_t now_ms)
{
	if (part->state != PART_READING || event->a != part->c.position)
		return;
	if (part->caught_since != FL_TIME_MAX)
		return; /* again, as once a second */
	/* By the clock of steps, which stands still while the wall clock is behind it. */
	part->caught_since = part->stream->ingest->now_ms;
	if (event->b >= 0 && event->b < now_ms)
		part->caught_since -= now_ms - event->b;
	if (part->c.caught_since == FL_TIME_MAX)
		part->caught_waits = true;
	letters_caught(part, true);
}

static void
deny_caught(struct part *part, const struct source_event *event)
{
	/* After a record that made no row the old mark is still in force, though nobody
	 * has confirmed the new end yet. */
	if (event->a != part->c.position)
		return;
	part->caught_since = FL_TIME_MAX;
	part->caught_waits = part->c.caught_since != FL_TIME_MAX;
	letters_caught(part, false);
}

static void
make_ready(struct part *part, const struct source_event *event)
{
	int64_t from = event->a;

	if (part->state != PART_KNOWN)
		return;
	part->c.cluster = event->cluster;
	part->state = PART_READY;
	part->assign_from = from;
	part->verify = from < part->c.position && part->c.last_offset >= from;
	part->stream->assign_due = true;
}

static enum fl_code
apply_event(struct stream *stream, const struct source_event *event, int64_t now_ms, struct fl_err *err)
{
	struct part *part = stream_find(stream, event->partition);

	switch (event->kind) {
	case SOURCE_ADDED:
		return announce(stream, event, err);
	case SOURCE_COMPLETE:
		stream->complete = true;
		stream->ingest->dirty = true;
		return FL_OK;
	case SOURCE_FAILED:
		return FL_FAIL(err, event->code, "table \"%s\": %s", stream->table->name, event->text);
	case SOURCE_READY:
		if (part != NULL)
			make_ready(part, event);
		return FL_OK;
	case SOURCE_LOST:
		if (part != NULL && part->state != PART_OUT)
			part_stop(part, event->code, event->text);
		return FL_OK;
	case SOURCE_DOUBT:
		if (part != NULL && part->state == PART_READING)
			part_check(part);
		return FL_OK;
	case SOURCE_CAUGHT:
		if (part != NULL)
			confirm_caught(part, event, now_ms);
		return FL_OK;
	case SOURCE_NOT_CAUGHT:
		if (part != NULL)
			deny_caught(part, event);
		return FL_OK;
	case SOURCE_END:
		if (part != NULL)
			part_end(part);
		return FL_OK;
	}
	return FL_OK;
}

enum fl_code
stream_events(struct stream *stream, int64_t now_ms, bool *worked, struct fl_err *err)
{
	struct source_event event;

	while (stream->ops->next_event(stream->source, &event)) {
		FL_TRY(apply_event(stream, &event, now_ms, err));
		if (event.kind != SOURCE_CAUGHT && event.kind != SOURCE_NOT_CAUGHT)
			*worked = true;
	}
	return FL_OK;
}

/* Partitions whose ADDED mark is durable may be read. */
static void
release_announced(struct stream *stream)
{
	uint64_t durable = __atomic_load_n(&stream->ingest->committer.durable_step, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < stream->part_count; i++) {
		struct part *part = stream->parts[i];

		if (part->state != PART_ANNOUNCED || part->announced_step > durable)
			continue;
		part->state = PART_READY;
		stream->assign_due = true;
		if (part->c.position >= part->c.end)
			part_end(part);
	}
}

/* Is all that a scan read in durable steps? */
static bool
has_scanned(const struct stream *stream)
{
	uint64_t durable = __atomic_load_n(&stream->ingest->committer.durable_step, __ATOMIC_ACQUIRE);

	for (uint32_t i = 0; i < stream->part_count; i++)
		if (stream->parts[i]->c.state != FL_PARTITION_ENDED || stream->parts[i]->end_step > durable)
			return false;
	return stream->complete;
}

/*
 * A pipeline's scans come first: its other rows are in later steps.  Sinks may then write
 * the tables that were read, and results go on from what was in them.
 */
static bool
waits_for_scan(const struct stream *stream)
{
	const struct fl_instance *instance = stream->ingest->instance;

	if (stream->table->connector == FL_CONNECTOR_JDBC)
		return false;
	for (uint32_t p = 0; p < instance->pipeline_count; p++) {
		const struct fl_pipeline *pipeline = &instance->pipelines[p];
		bool reads = false, waits = false;

		for (uint32_t s = 0; pipeline->plan->scans && s < pipeline->plan->stream_count; s++) {
			const struct stream *other = stream_by_id(stream->ingest, pipeline->stream_ids[s]);

			reads |= other == stream;
			waits |= other->table->connector == FL_CONNECTOR_JDBC && !has_scanned(other);
		}
		if (reads && waits)
			return true;
	}
	return false;
}

enum fl_code
stream_assign(struct stream *stream, struct fl_err *err)
{
	struct source_start *set;
	uint32_t count = 0;
	enum fl_code code;

	if (stream->waits && (stream->waits = waits_for_scan(stream)))
		return FL_OK;

	release_announced(stream);
	/* A run that waits belongs to the old order only by its records, not by index. */
	if (!stream->assign_due)
		return FL_OK;
	(void)fl_fault("ingest.before_assign");
	set = fl_calloc(stream->part_count + 1u, sizeof *set);
	stream->reading = fl_realloc(stream->reading, (stream->part_count + 1u) * sizeof(struct part *));
	for (uint32_t i = 0; i < stream->part_count; i++) {
		struct part *part = stream->parts[i];

		if (part->state != PART_READY && part->state != PART_READING)
			continue;
		set[count].partition = part->c.partition;
		set[count].offset = part->state == PART_READING ? -1 : part->assign_from;
		part->state = PART_READING;
		stream->reading[count++] = part;
	}
	stream->reading_count = count;
	stream->assign_due = false;
	code = stream->ops->assign(stream->source, set, count, err);
	free(set);
	return code;
}
