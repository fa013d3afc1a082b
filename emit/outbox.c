/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox.c - reads result blocks of one sink from the pipeline's store.
 *
 * Blocks are keyed by (sink, first row).  A position may lie inside a block (the
 * transactions of a sink need not end where blocks do), so the block that holds a
 * row is found by stepping back in doubling strides until a key at or below it
 * turns up, and then walking forward.
 */
#include <inttypes.h>

#include "sink.h"

enum fl_code
emit_outbox_state(
    struct emit_sink *sink, struct fl_txn *txn, struct emit_outbox *outbox, struct fl_err *err)
{
	struct fl_pipeline_cursor_view view;
	bool found = false;

	memset(outbox, 0, sizeof(*outbox));
	FL_TRY(fl_pipeline_cursor_get(txn, &found, &view, err));
	if (!found)
		return FL_OK;
	if (sink->index >= view.head->sink_count)
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "pipeline \"%s\": the store knows %" PRIu32 " sinks, but \"%s\" is number %" PRIu32,
		    sink->pipeline->name, view.head->sink_count, sink->table->name, sink->index);
	outbox->first = view.sinks[sink->index].first;
	outbox->next = view.sinks[sink->index].next;
	outbox->is_finished = view.head->finished != 0;
	outbox->returns = view.head->returns;
	return FL_OK;
}

static void
make_key(uint8_t key[12], uint32_t sink, uint64_t row)
{
	fl_key_u32(key, sink);
	fl_key_u64(key + 4, row);
}

static bool
is_of_sink(const struct fl_item *item, uint32_t sink)
{
	return item->key_size == 12 && fl_key_get_u32(item->key) == sink;
}

static uint64_t
item_first(const struct fl_item *item)
{
	return fl_key_get_u64((const uint8_t *)item->key + 4);
}

/* Positions the cursor at the last block that starts at or before row `from`. */
static enum fl_code
seek_block(struct emit_sink *sink, struct fl_cursor *cursor, uint64_t from, bool *found,
    struct fl_item *item, struct fl_err *err)
{
	uint8_t key[12];
	uint64_t back = 0;

	for (;;) {
		make_key(key, sink->index, back > from ? 0 : from - back);
		FL_TRY(fl_cursor_seek(cursor, key, sizeof(key), found, item, err));
		if (*found && is_of_sink(item, sink->index) && item_first(item) <= from)
			return FL_OK;
		if (back > from) {
			*found = false;
			return FL_OK;
		}
		back = back == 0 ? 1 : back * 2;
	}
}

enum fl_code
emit_outbox_read(struct emit_sink *sink, struct fl_txn *txn, uint64_t from,
    const struct emit_outbox *outbox, emit_block_fn *fn, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct fl_block_view view;
	struct fl_item item;
	bool found, stop = false;
	enum fl_code code;

	if (from >= outbox->next)
		return FL_OK;
	if ((code = fl_cursor_open(txn, FL_DBI_PIPELINE_OUT, &cursor, err)) != FL_OK)
		return code;
	code = seek_block(sink, cursor, from, &found, &item, err);
	while (code == FL_OK && !stop && from < outbox->next) {
		uint64_t first, end;

		if (!found || !is_of_sink(&item, sink->index) || item_first(&item) > from) {
			code = FL_FAIL(err, FL_E_STORE_DAMAGED,
			    "pipeline \"%s\" sink \"%s\": result row %" PRIu64
			    " is missing from the outbox, which should hold %" PRIu64 " to %" PRIu64,
			    sink->pipeline->name, sink->table->name, from, outbox->first,
			    outbox->next - 1);
			break;
		}
		code = fl_block_view(item.value, item.size, &sink->table->physical, &sink->arena,
		    &view, err);
		if (code != FL_OK) {
			fl_err_context(err, "pipeline \"%s\" sink \"%s\" result block %" PRIu64,
			    sink->pipeline->name, sink->table->name, item_first(&item));
			break;
		}
		first = item_first(&item);
		end = first + view.head->row_count;
		if (end > from) {
			code = fn(sink, &view, (uint32_t)(from - first), &stop, err);
			from = end;
			fl_txn_forget(txn, item.value, item.size);
			if (code != FL_OK || stop)
				break;
		}
		if (from < outbox->next)
			code = fl_cursor_next(cursor, &found, &item, err);
	}
	fl_cursor_close(&cursor);
	return code;
}

enum fl_code
emit_outbox_window_end(
    struct emit_sink *sink, struct fl_txn *txn, uint64_t row, uint64_t *end, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct fl_window_closed closed;
	struct fl_item item;
	enum fl_code code;
	bool found = false;

	*end = row;
	FL_TRY(fl_cursor_open(txn, FL_DBI_PIPELINE_WINDOWS, &cursor, err));
	code = fl_cursor_seek(cursor, NULL, 0, &found, &item, err);
	while (code == FL_OK && found && *end == row) {
		if (item.size == sizeof(closed)) {
			memcpy(&closed, item.value, sizeof(closed));
			if (closed.sink == sink->index && closed.first < row &&
			    row - closed.first < closed.row_count)
				*end = closed.first + closed.row_count;
		}
		code = fl_cursor_next(cursor, &found, &item, err);
	}
	fl_cursor_close(&cursor);
	return code;
}
