/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aggregate.c - the program: a turn over all pipelines.
 *
 * Pipelines are independent: one that must stop for a person (STATE_LIMIT), or that
 * waits for its sink (OUTBOX_FULL), stops nothing but itself.
 */
#include "aggregate/aggregate.h"

#include <inttypes.h>
#include <stdlib.h>

#include "aggregate/pipeline.h"
#include "base/util.h"

struct aggregate {
	struct fl_instance *instance;
	struct fl_bells *bells;
	struct fl_metrics *metrics;
	uint32_t seen; /* ingest's bell before the last turn */
	uint32_t count;
	struct pipeline *pipelines;
	int64_t tended_ms, beat_ms;
	bool waits; /* for a sink: shown as the state */
};

/* Counters live in the commits; what the cursor would say now is mirrored. */
static void
mirror_metrics(struct aggregate *a)
{
	struct fl_query_count sum = { 0 };
	int64_t windows = 0, keys = 0, steps = 0, returned = 0;

	for (uint32_t i = 0; i < a->count; i++) {
		const struct fold *fold = &a->pipelines[i].fold;

		for (uint32_t q = 0; q < fold->oper_count; q++) {
			const struct fl_query_count *c = &fold->opers[q].count;

			sum.seen += c->seen;
			sum.used += c->used;
			sum.filtered += c->filtered;
			sum.duplicates += c->duplicates;
			sum.late += c->late;
			sum.dead += c->dead;
			sum.fired_rows += c->fired_rows;
		}
		for (uint32_t s = 0; s < fold->sink_count; s++)
			returned += (int64_t)fold->sinks[s].returned;
		windows += fold_window_count(fold);
		keys += (int64_t)fold_key_count(fold);
		steps += (int64_t)fold->step;
	}
	fl_metric_set(a->metrics, FL_METRIC_aggregate_rows_seen_total, (int64_t)sum.seen);
	fl_metric_set(a->metrics, FL_METRIC_aggregate_rows_used_total, (int64_t)sum.used);
	fl_metric_set(a->metrics, FL_METRIC_aggregate_rows_filtered_total, (int64_t)sum.filtered);
	fl_metric_set(
	    a->metrics, FL_METRIC_aggregate_rows_duplicate_total, (int64_t)sum.duplicates);
	fl_metric_set(a->metrics, FL_METRIC_aggregate_rows_late_total, (int64_t)sum.late);
	fl_metric_set(a->metrics, FL_METRIC_aggregate_rows_dead_total, (int64_t)sum.dead);
	fl_metric_set(a->metrics, FL_METRIC_aggregate_conservation,
	    (int64_t)(sum.seen - sum.used - sum.filtered - sum.duplicates - sum.late - sum.dead));
	fl_metric_set(a->metrics, FL_METRIC_aggregate_steps_total, steps);
	fl_metric_set(a->metrics, FL_METRIC_aggregate_results_total, (int64_t)sum.fired_rows);
	fl_metric_set(a->metrics, FL_METRIC_aggregate_returned_total, returned);
	fl_metric_set(a->metrics, FL_METRIC_aggregate_windows_open, windows);
	fl_metric_set(a->metrics, FL_METRIC_aggregate_keys_open, keys);
}

enum fl_code
aggregate_open(struct fl_instance *instance, struct aggregate **out, struct fl_err *err)
{
	struct aggregate *a = fl_calloc(1, sizeof(*a));
	enum fl_code code = fl_bells_open(instance, &a->bells, err);

	a->instance = instance;
	if (code == FL_OK)
		code = fl_metrics_open(instance, "aggregate", true, &a->metrics, err);
	a->count = instance->pipeline_count;
	a->pipelines = fl_calloc(FL_MAX(a->count, 1u), sizeof(*a->pipelines));
	for (uint32_t i = 0; i < a->count && code == FL_OK; i++) {
		a->pipelines[i].instance = instance;
		a->pipelines[i].info = &instance->pipelines[i];
		a->pipelines[i].flush_bytes = PIPELINE_FLUSH_BYTES;
		code = pipeline_open(&a->pipelines[i], err);
	}
	if (code != FL_OK) {
		aggregate_close(&a);
		return code;
	}
	mirror_metrics(a);
	*out = a;
	return FL_OK;
}

void
aggregate_test_flush(struct aggregate *a, uint32_t bytes)
{
	for (uint32_t i = 0; i < a->count; i++)
		a->pipelines[i].flush_bytes = bytes;
}

static enum fl_code
tend(struct aggregate *a, int64_t now_ms, struct fl_err *err)
{
	if (!fl_is_due(now_ms, a->tended_ms, 1000))
		return FL_OK;
	a->tended_ms = now_ms;
	for (uint32_t i = 0; i < a->count; i++)
		if (a->pipelines[i].store != NULL) {
			FL_TRY(fl_store_tend(a->pipelines[i].store, err));
			FL_TRY(pipeline_commands(&a->pipelines[i], err));
		}
	return FL_OK;
}

static void
beat(struct aggregate *a, int64_t now_ms)
{
	const char *state = a->waits ? "waiting for a sink" : "running";

	if (!fl_is_due(now_ms, a->beat_ms, 1000))
		return;
	a->beat_ms = now_ms;
	for (uint32_t i = 0; i < a->count; i++)
		if (a->pipelines[i].stopped.code != FL_OK)
			state = a->pipelines[i].stopped.text;
	fl_metrics_beat(a->metrics, state);
}

/* What an error of one pipeline means for the others. */
static enum fl_code
judge(struct aggregate *a, struct pipeline *p, struct fl_err *err)
{
	if (err->code == FL_E_STATE_LIMIT) {
		char text[FL_ERR_TEXT_SIZE + 64];

		fl_error("pipeline stopped error=%s", fl_err_print(err, text, sizeof(text)));
		p->stopped = *err;
		for (uint32_t i = 0; i < a->count; i++)
			if (a->pipelines[i].stopped.code == FL_OK)
				return FL_OK;
		return err->code; /* none is left */
	}
	if (err->code == FL_E_OUTBOX_FULL) {
		if (!a->waits)
			fl_warn("pipeline waits pipeline=%s reason=OUTBOX_FULL", p->info->name);
		a->waits = true;
		return FL_OK;
	}
	return err->code;
}

enum fl_code
aggregate_step(struct aggregate *a, int64_t now_ms, bool *worked, bool *done, struct fl_err *err)
{
	bool all_done = a->count > 0, any = false;

	a->seen = fl_bell_read(a->bells, FL_BELL_INGEST);
	a->waits = false;
	FL_TRY(tend(a, now_ms, err));
	for (uint32_t i = 0; i < a->count; i++) {
		struct pipeline *p = &a->pipelines[i];

		if (p->stopped.code != FL_OK)
			continue;
		if (pipeline_turn(p, now_ms, &any, err) != FL_OK) {
			FL_TRY(judge(a, p, err));
			*err = (struct fl_err){ .code = FL_OK };
		}
		all_done = all_done && pipeline_is_done(p);
	}
	if (any) {
		mirror_metrics(a);
		fl_bell_ring(a->bells, FL_BELL_AGGREGATE);
	}
	beat(a, now_ms);
	*worked = any;
	*done = all_done;
	return FL_OK;
}

void
aggregate_wait(struct aggregate *a, int wait_ms)
{
	fl_bell_wait(a->bells, FL_BELL_INGEST, a->seen, wait_ms);
}

void
aggregate_close(struct aggregate **aggregate)
{
	struct aggregate *a = *aggregate;

	if (a == NULL)
		return;
	for (uint32_t i = 0; i < a->count; i++)
		pipeline_close(&a->pipelines[i]);
	free(a->pipelines);
	fl_metrics_close(&a->metrics);
	fl_bells_close(&a->bells);
	free(a);
	*aggregate = NULL;
}

FL_PROGRAM(aggregate, aggregate_open);
