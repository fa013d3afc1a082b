/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step_writer.c - the step being filled to one job of the committing thread.
 *
 * Blocks are sealed one after the other into the job's buffer, in the order of
 * streams and partitions; the cursor is copied as it stands.  Afterwards the
 * builders are empty again and the next step can be filled while this one is
 * being committed.
 */
#include <stdlib.h>

#include "stream.h"

uint32_t
step_find_finished(const struct ingest *ingest)
{
	uint32_t highest = 0;

	for (uint32_t s = 0; s < ingest->stream_count; s++) {
		const struct stream *stream = ingest->streams[s];

		highest = FL_MAX(highest, stream->id);
		if (stream->letters_of != NULL)
			continue; /* as those whose letters they are */
		if (!stream->bounded || !stream->complete)
			return 0;
		for (uint32_t i = 0; i < stream->part_count; i++)
			if (stream->parts[i]->c.state != FL_PARTITION_ENDED)
				return 0;
	}
	return highest;
}

static void
copy_cursor(struct ingest *ingest, struct job *job)
{
	uint32_t count = ingest->orphan_count, at = 0;

	for (uint32_t s = 0; s < ingest->stream_count; s++)
		count += ingest->streams[s]->part_count;
	if (count > job->part_max) {
		job->part_max = count;
		job->parts = fl_realloc(job->parts, count * sizeof *job->parts);
	}
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		for (uint32_t i = 0; i < ingest->streams[s]->part_count; i++)
			job->parts[at++] = ingest->streams[s]->parts[i]->c;
	if (ingest->orphan_count > 0)
		memcpy(job->parts + at, ingest->orphans, ingest->orphan_count * sizeof *job->parts);
	ingest->cursor.partition_count = count;
	ingest->cursor.finished = step_find_finished(ingest);
	job->cursor = ingest->cursor;
}

static uint32_t
seal_part(struct ingest *ingest, struct part *part, char *out, size_t out_size)
{
	struct fl_block_info info = { .stream = part->c.stream, .partition = part->c.partition,
		.first = part->first_offset, .deltas = part->deltas, .kafka_ts_min = part->ts_min,
		.kafka_ts_max = part->ts_max };
	struct fl_batch batch;
	size_t size;

	fl_builder_view(&part->builder, &batch, &ingest->arena);
	size = fl_block_seal(&batch, &info, out, out_size);
	stream_drop_rows(part);
	return (uint32_t)size;
}

static void
write_block(struct ingest *ingest, struct part *part, struct fl_step_head *head, char *bytes)
{
	if (part == NULL || !part->has_builder || part->builder.row_count == 0)
		return;
	head->row_count += part->builder.row_count;
	head->size += seal_part(ingest, part, bytes + head->size, FL_STEP_SIZE_MAX - head->size);
	head->block_count++;
}

static void
write_blocks(struct ingest *ingest, struct fl_step_head *head, char *bytes)
{
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		for (uint32_t i = 0; i < ingest->streams[s]->part_count; i++) {
			write_block(ingest, ingest->streams[s]->parts[i], head, bytes);
			write_block(ingest, ingest->streams[s]->parts[i]->replay, head, bytes);
		}
}

static void
mark_announced(struct ingest *ingest)
{
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		for (uint32_t i = 0; i < ingest->streams[s]->part_count; i++) {
			struct part *part = ingest->streams[s]->parts[i];

			if (part->state == PART_NEW) {
				part->state = PART_ANNOUNCED;
				part->announced_step = ingest->cursor.last_step;
				if (part->c.added_step == 0)
					part->c.added_step = part->announced_step;
			}
		}
}

void
step_write(struct ingest *ingest, struct job *job, int64_t now_ms)
{
	struct fl_step_head *head = (struct fl_step_head *)(void *)job->bytes;

	job->has_step = ingest->step_rows > 0 || ingest->marks.size > 0;
	if (job->has_step) {
		memset(head, 0, sizeof *head);
		ingest->cursor.clock_ms = FL_MAX(ingest->cursor.clock_ms, now_ms);
		head->step = ++ingest->cursor.last_step;
		head->clock_ms = ingest->cursor.clock_ms;
		head->rows_before = ingest->cursor.row_count;
		head->bytes_before = ingest->cursor.byte_count;
		head->mark_count = (uint32_t)(ingest->marks.size / sizeof(struct fl_mark));
		head->size = (uint32_t)(sizeof *head + ingest->marks.size);
		if (ingest->marks.size > 0)
			memcpy(job->bytes + sizeof *head, ingest->marks.data, ingest->marks.size);
		letters_step_end(ingest);
		write_blocks(ingest, head, job->bytes);
		ingest->cursor.row_count += head->row_count;
		ingest->cursor.byte_count += head->size;
		mark_announced(ingest);
	}
	copy_cursor(ingest, job);
	fl_buf_reset(&job->dead);
	if (ingest->dead.size > 0)
		fl_buf_add(&job->dead, ingest->dead.data, ingest->dead.size);
	fl_dead_tally_copy(&job->tally, &ingest->tally);
	ingest->tally.count = 0;
	job->dead_size = ingest->dead_size;
	job->trim_to = ingest->trim_to;
	fl_arena_reset(&ingest->arena);
	fl_buf_reset(&ingest->marks);
	fl_buf_reset(&ingest->dead);
	ingest->marks_urgent = ingest->dirty = ingest->full = ingest->is_replaying = false;
	ingest->step_rows = 0;
	ingest->step_size = sizeof *head;
	letters_step_begin(ingest);
}

void
dead_add(struct part *part, const struct source_record *record, const struct fl_err *why)
{
	struct ingest *ingest = part->stream->ingest;
	struct fl_dead dead;
	struct dead_entry entry;
	static const char zeros[8];
	size_t at = ingest->dead.size;

	memset(&dead, 0, sizeof dead);
	dead.head.code = (uint32_t)why->code;
	dead.head.stream = part->c.stream;
	dead.head.partition = part->c.partition;
	dead.head.reason_size = (uint32_t)strlen(why->text);
	dead.head.value_full = (uint32_t)FL_MIN(record->value_size, UINT32_MAX);
	dead.head.flags = (record->key == NULL ? FL_DEAD_NULL_KEY : 0) |
	    (record->value == NULL ? FL_DEAD_NULL_VALUE : 0);
	dead.head.offset = record->offset;
	dead.head.kafka_ts = record->ts_ms;
	dead.head.clock_ms = ingest->now_ms;
	dead.reason = why->text;
	if (record->key_size + record->value_size <= FL_DEAD_INGEST_MAX &&
	    ingest->dead_size + record->key_size + record->value_size <= ingest->dead_quota) {
		dead.head.key_size = (uint32_t)record->key_size;
		dead.head.value_size = (uint32_t)record->value_size;
		dead.key = record->key;
		dead.value = record->value;
	} else if (record->key_size > 0) {
		dead.head.flags |= FL_DEAD_NO_KEY;
	}
	memset(&entry, 0, sizeof entry);
	fl_key_u32(entry.key, part->c.stream);
	fl_key_u32(entry.key + 4, (uint32_t)part->c.partition);
	fl_key_u64(entry.key + 8, (uint64_t)record->offset);
	fl_buf_add(&ingest->dead, &entry, sizeof entry);
	fl_dead_encode(&dead, &ingest->dead);
	entry.size = (uint32_t)(ingest->dead.size - at - sizeof entry);
	memcpy(ingest->dead.data + at, &entry, sizeof entry);
	fl_buf_add(&ingest->dead, zeros, FL_ROUND_UP(ingest->dead.size, 8) - ingest->dead.size);
	ingest->dead_size += entry.size;
	fl_dead_tally_add(&ingest->tally, part->c.stream, (uint32_t)why->code, 1);
}
