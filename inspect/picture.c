/* SPDX-License-Identifier: Apache-2.0 */
/*
 * picture.c - all stores as of one moment.
 *
 * The stores stay open from one picture to the next; the transactions do not.  They begin
 * downstream first: what emit's positions name is in the pipelines' outboxes, and what the
 * pipelines' cursors name is among the steps that ingest has.
 */
#include <stdlib.h>

#include "table.h"

static enum fl_code
open_store(const struct fl_instance *instance, enum fl_role role, const char *pipeline,
    struct fl_store **store, struct fl_err *err)
{
	return *store != NULL ? FL_OK : fl_view_store_open(instance, role, pipeline, store, err);
}

static enum fl_code
begin_store(struct fl_store *store, struct fl_txn **txn, struct fl_err *err)
{
	return store == NULL ? FL_OK : fl_txn_begin_read(store, txn, err);
}

static enum fl_code
read_positions(struct inspect *inspect, struct view *view, struct fl_err *err)
{
	const struct fl_plan *plan = view->info->plan;

	memset(view->is_known, 0, plan->sink_count * sizeof(*view->is_known));
	for (uint32_t s = 0; s < plan->sink_count && inspect->emit_txn != NULL; s++)
		FL_TRY(fl_sink_position_get(inspect->emit_txn, view->info->name,
		    plan->sinks[s]->name, &view->is_known[s], &view->positions[s], err));
	return FL_OK;
}

static enum fl_code
begin_view(struct inspect *inspect, struct view *view, struct fl_err *err)
{
	FL_TRY(open_store(
	    inspect->instance, FL_ROLE_PIPELINE, view->info->name, &view->store, err));
	FL_TRY(begin_store(view->store, &view->txn, err));
	view->is_folded = view->is_listed = view->has_cursor = false;
	if (view->txn != NULL)
		FL_TRY(fl_pipeline_cursor_get(view->txn, &view->has_cursor, &view->cursor, err));
	return read_positions(inspect, view, err);
}

enum fl_code
picture_begin(struct inspect *inspect, struct fl_err *err)
{
	FL_TRY(open_store(inspect->instance, FL_ROLE_EMIT, NULL, &inspect->emit, err));
	FL_TRY(begin_store(inspect->emit, &inspect->emit_txn, err));
	for (uint32_t i = 0; i < inspect->view_count; i++)
		if (begin_view(inspect, &inspect->views[i], err) != FL_OK)
			return fl_err_context(
			    err, "pipeline \"%s\"", inspect->views[i].info->name);
	FL_TRY(open_store(inspect->instance, FL_ROLE_INGEST, NULL, &inspect->ingest, err));
	FL_TRY(begin_store(inspect->ingest, &inspect->ingest_txn, err));
	inspect->has_ingest = false;
	if (inspect->ingest_txn != NULL)
		FL_TRY(fl_ingest_cursor_get(inspect->ingest_txn, &inspect->has_ingest,
		    &inspect->ingest_cursor, &inspect->partitions, err));
	return FL_OK;
}

void
picture_end(struct inspect *inspect)
{
	fl_txn_abort(&inspect->ingest_txn);
	for (uint32_t i = 0; i < inspect->view_count; i++)
		fl_txn_abort(&inspect->views[i].txn);
	fl_txn_abort(&inspect->emit_txn);
}

void
picture_close(struct inspect *inspect)
{
	for (uint32_t i = 0; i < inspect->view_count; i++) {
		aggregate_shot_free(&inspect->views[i].shot);
		if (inspect->views[i].store != NULL)
			fl_store_close(&inspect->views[i].store);
	}
	if (inspect->ingest != NULL)
		fl_store_close(&inspect->ingest);
	if (inspect->emit != NULL)
		fl_store_close(&inspect->emit);
}

enum fl_code
picture_fold(
    struct inspect *inspect, uint32_t index, bool with_list, bool *has, struct fl_err *err)
{
	struct view *view = &inspect->views[index];

	*has = view->has_cursor && inspect->ingest_txn != NULL;
	if (!*has)
		return FL_OK;
	if (view->shot == NULL)
		view->shot = aggregate_shot_new(inspect->instance, view->info);
	if (!view->is_folded)
		FL_TRY(aggregate_shot_fold(view->shot, fl_store_meta(view->store), view->txn,
		    inspect->ingest_txn, has, err));
	view->is_folded = true;
	if (with_list && !view->is_listed)
		FL_TRY(aggregate_shot_list(view->shot, view->txn, UINT32_MAX, err));
	view->is_listed = view->is_listed || with_list;
	return FL_OK;
}

uint64_t
picture_confirmed(const struct view *view, uint32_t sink)
{
	const struct fl_sink_position *position = &view->positions[sink];

	/* Of a store that was there before a reset a position says nothing. */
	if (!view->is_known[sink] || position->unopened != 0 || view->store == NULL ||
	    !fl_uuid_equal(&position->store, &fl_store_meta(view->store)->store))
		return 0;
	return position->next;
}
