/* SPDX-License-Identifier: Apache-2.0 */
/*
 * retention.c - what pipelines say: how far back they need steps, whether time
 * matters to them, and how far each partition's time has come.
 *
 * Their stores are read as any reader does.  A pipeline without a store, or with
 * one that nothing was folded into yet, needs every step from the first.
 *
 * Partitions that run ahead of the slowest one that is not at its end are held back:
 * a backfill of several partitions stays together in event time, so that state does
 * not hold days of windows and few rows come late.
 *
 * Steps that some pipeline has to use yet may fill a quota.  Beyond it partitions over
 * their share of it are held, the others are read on: a partition that is far behind
 * is never stopped by those that flooded the store.  At twice the quota all are held.
 */
#include <stdlib.h>

#include "stream.h"

#define MARGIN_STEPS 64 /* for readers that were about to fold */

static int64_t
drift_of(const struct fl_plan *plan)
{
	int64_t largest = 0;

	if (plan->max_drift_ms >= 0)
		return plan->max_drift_ms;
	for (uint32_t i = 0; i < plan->query_count; i++)
		if (plan->queries[i].window != NULL)
			largest = FL_MAX(largest, plan->queries[i].window->size_ms);
	if (largest > INT64_MAX / 8)
		largest = INT64_MAX / 8;
	return FL_MAX(3600000, 4 * largest);
}

void
retention_open(struct ingest *ingest)
{
	uint32_t count = ingest->instance->pipeline_count;

	ingest->pipelines = fl_calloc(count + 1u, sizeof *ingest->pipelines);
	for (uint32_t i = 0; i < count; i++) {
		ingest->pipelines[i].pipeline = &ingest->instance->pipelines[i];
		ingest->pipelines[i].drift_ms = drift_of(ingest->instance->pipelines[i].plan);
	}
}

void
retention_close(struct ingest *ingest)
{
	if (ingest->pipelines == NULL)
		return;
	for (uint32_t i = 0; i < ingest->instance->pipeline_count; i++) {
		fl_store_close(&ingest->pipelines[i].store);
		free(ingest->pipelines[i].times);
	}
	free(ingest->pipelines);
}

static enum fl_code
copy_view(struct pipeline_view *view, struct fl_txn *txn, struct fl_err *err)
{
	struct fl_pipeline_cursor_view cursor;
	bool found;

	FL_TRY(fl_pipeline_cursor_get(txn, &found, &cursor, err));
	view->known = found;
	view->wants_time = found && cursor.head->wants_time != 0;
	view->replay_from = found ? cursor.head->replay_from : 0;
	view->time_count = found ? cursor.head->partition_count : 0;
	if (view->time_count == 0)
		return FL_OK;
	view->times = fl_realloc(view->times, 2 * (size_t)view->time_count * sizeof *view->times);
	memcpy(view->times, cursor.at_r, view->time_count * sizeof *view->times);
	memcpy(view->times + view->time_count, cursor.at_replay, view->time_count * sizeof *view->times);
	return FL_OK;
}

static enum fl_code
look_at(struct ingest *ingest, struct pipeline_view *view, struct fl_err *err)
{
	struct fl_txn *txn = NULL;
	enum fl_code code;

	if (view->store == NULL) {
		code = fl_instance_store(ingest->instance, FL_ROLE_PIPELINE, view->pipeline->name, false,
		    &view->store, err);
		if (code == FL_E_NO_SUCH_OBJECT) {
			view->known = view->wants_time = false;
			return FL_OK;
		}
		FL_TRY(code);
	}
	FL_TRY(fl_txn_begin_read(view->store, &txn, err));
	code = copy_view(view, txn, err);
	fl_txn_abort(&txn);
	return code;
}

static bool
needs_time(const struct fl_plan *plan)
{
	for (uint32_t i = 0; i < plan->stream_count; i++)
		if (plan->streams[i].needs_time)
			return true;
	return false;
}

static struct part *
find_part(struct ingest *ingest, uint32_t stream, int32_t partition)
{
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		if (ingest->streams[s]->id == stream)
			return stream_find(ingest->streams[s], partition);
	return NULL;
}

static void
hold_ahead(struct ingest *ingest, const struct pipeline_view *view)
{
	int64_t slowest = FL_TIME_MAX;

	if (!view->known || view->time_count < 2)
		return;
	for (uint32_t i = 0; i < view->time_count; i++) {
		const struct fl_partition_time *time = &view->times[i];
		struct part *part = find_part(ingest, time->stream, time->partition);

		if (part != NULL && part->state == PART_READING && !part->at_end)
			slowest = FL_MIN(slowest, time->watermark);
	}
	if (slowest > FL_TIME_MAX - view->drift_ms)
		return;
	for (uint32_t i = 0; i < view->time_count; i++) {
		const struct fl_partition_time *time = &view->times[i];
		struct part *part = find_part(ingest, time->stream, time->partition);

		if (part != NULL && time->watermark != FL_TIME_MIN &&
		    time->watermark > slowest + view->drift_ms)
			part->held = true;
	}
}

/* Bytes of the steps after `used`, the last one that every pipeline needs no more. */
static enum fl_code
measure_unused(struct ingest *ingest, uint64_t used, uint64_t *size, struct fl_err *err)
{
	uint64_t step = FL_MAX(used + 1, ingest->committer.first_step);
	struct fl_step_view view;
	struct fl_txn *txn = NULL;
	enum fl_code code;
	bool found = false;

	*size = 0;
	if (step > __atomic_load_n(&ingest->committer.durable_step, __ATOMIC_ACQUIRE))
		return FL_OK;
	FL_TRY(fl_txn_begin_read(ingest->store, &txn, err));
	code = fl_step_get(txn, step, &found, &view, err);
	if (code == FL_OK && found) {
		*size = ingest->cursor.byte_count - view.head->bytes_before;
		fl_txn_forget(txn, view.head, view.head->size);
	}
	fl_txn_abort(&txn);
	return code;
}

/* Offsets of a partition that a pipeline's state images do not hold yet. */
static uint64_t
count_unused(const struct pipeline_view *view, const struct part *part)
{
	int64_t used = part->c.start - 1;

	for (uint32_t i = view->time_count; view->known && i < 2 * view->time_count; i++) {
		const struct fl_partition_time *time = &view->times[i];

		if (time->table != UINT32_MAX && time->stream == part->c.stream &&
		    time->partition == part->c.partition)
			used = FL_MAX(used, time->offset);
	}
	return part->c.position - 1 > used ? (uint64_t)(part->c.position - 1 - used) : 0;
}

static void
hold_over_share(struct ingest *ingest)
{
	uint64_t mean = ingest->cursor.byte_count / FL_MAX(ingest->cursor.row_count, UINT64_C(1));
	uint64_t share, reading = 0;

	for (uint32_t s = 0; s < ingest->stream_count; s++)
		reading += ingest->streams[s]->reading_count;
	share = ingest->store_quota / FL_MAX(reading, UINT64_C(1));
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		for (uint32_t i = 0; i < ingest->streams[s]->part_count; i++) {
			struct part *part = ingest->streams[s]->parts[i];
			uint64_t unused = 0;

			for (uint32_t p = 0; p < ingest->instance->pipeline_count; p++)
				unused = FL_MAX(unused, count_unused(&ingest->pipelines[p], part));
			if (unused * mean >= share || ingest->unused_size > 2 * ingest->store_quota)
				part->held = ingest->over_quota = true;
		}
}

enum fl_code
retention_look(struct ingest *ingest, struct fl_err *err)
{
	uint32_t count = ingest->instance->pipeline_count;
	uint64_t oldest = UINT64_MAX;
	bool changed = false;

	ingest->wants_time = false;
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		for (uint32_t i = 0; i < ingest->streams[s]->part_count; i++)
			ingest->streams[s]->parts[i]->held = false;
	for (uint32_t i = 0; i < count; i++) {
		struct pipeline_view *view = &ingest->pipelines[i];

		FL_TRY(look_at(ingest, view, err));
		oldest = FL_MIN(oldest, view->known ? view->replay_from : 0);
		if (view->wants_time && needs_time(view->pipeline->plan))
			ingest->wants_time = true;
		hold_ahead(ingest, view);
	}
	ingest->trim_to = count > 0 && oldest > MARGIN_STEPS ? oldest - MARGIN_STEPS : 0;
	/* A pipeline that was just applied, and is not loaded yet, may need the oldest. */
	FL_TRY(fl_instance_changed(ingest->instance, &changed, err));
	if (changed)
		ingest->trim_to = 0;
	ingest->over_quota = false;
	if (count == 0)
		return FL_OK;
	FL_TRY(measure_unused(ingest, oldest, &ingest->unused_size, err));
	if (ingest->unused_size > ingest->store_quota)
		hold_over_share(ingest);
	return FL_OK;
}
