/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.c - window state in the store, and the way back from it.
 *
 * One image per (unit, key group), cut into values; a unit is an operator or, numbered
 * behind them, a dedup, whose keys look like those of one window without end:
 *
 *	+-------------------+
 *	| struct chunk_head | 40 bytes, in every value
 *	+-------------------+ then, over all values of the group together:
 *	| struct window_head| 40 bytes: one open window, or pane
 *	| entries           | as they lie in the table (table.h)
 *	| heap bytes        | padded to 8
 *	| window_head ...   |
 *	+-------------------+
 *
 * All values of a group carry the same p_g: the group contains exactly the steps
 * up to p_g.  After a restart the steps (replay_from, R] are folded again, and a
 * row of step s counts for its group iff s > p_g.
 */
#include "aggregate/fold.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "base/version.h"

struct chunk_head {
	uint64_t p_g;
	uint64_t hash;	    /* running, of the rows that the group fired */
	uint64_t size;	    /* bytes of the image over all chunks */
	uint32_t chunk, chunk_count;
	uint32_t stride;
	uint32_t reserved;
};
static_assert(sizeof(struct chunk_head) == 40, "a file format");

struct window_head {
	int64_t start, end, first_end, fire_at;
	uint32_t entry_count, heap_size;
};
static_assert(sizeof(struct window_head) == 40, "a file format");

#define CHUNK_SIZE \
	((uint32_t)(FL_VALUE_SIZE_MAX - sizeof(struct fl_value_head) - sizeof(struct chunk_head)) & ~7u)

static void
make_key(uint8_t key[12], uint32_t unit, uint32_t group, uint32_t chunk)
{
	fl_key_u32(key, unit);
	fl_key_u32(key + 4, group);
	fl_key_u32(key + 8, chunk);
}

static void
make_image(const struct oper *oper, uint32_t group, struct fl_buf *out)
{
	for (uint32_t w = 0; w < oper->window_count; w++) {
		const struct window *window = oper->windows[w];
		struct window_head head = { window->start, window->end, window->first_end,
			window->fire_at, window->table.group_count[group], 0 };
		size_t at = out->size;

		if (head.entry_count == 0)
			continue;
		fl_buf_add(out, &head, sizeof(head));
		table_image(&window->table, oper->agg->aggs, oper->agg->agg_count, group, out,
		    &head.heap_size);
		memcpy(out->data + at, &head, sizeof(head));
	}
}

static void
make_dedup_image(const struct dedup *dedup, uint32_t group, struct fl_buf *out)
{
	struct window_head head = { FL_TIME_MIN, FL_TIME_MAX, FL_TIME_MAX, FL_TIME_MAX,
		dedup->table.group_count[group], 0 };
	size_t at = out->size;

	if (head.entry_count == 0)
		return;
	fl_buf_add(out, &head, sizeof(head));
	table_image(&dedup->table, NULL, 0, group, out, &head.heap_size);
	memcpy(out->data + at, &head, sizeof(head));
}

/* Bytes of an entry; 0: the unit has no state. */
static uint32_t
unit_stride(const struct fold *fold, uint32_t unit)
{
	if (unit >= fold->oper_count)
		return fold->dedups[unit - fold->oper_count].table.stride;
	if (fold->opers[unit].agg == NULL)
		return 0;
	return (uint32_t)sizeof(struct table_entry) + fold->opers[unit].agg->row_size;
}

static size_t
table_size(const struct table *t, uint32_t group)
{
	uint64_t heap = (uint64_t)t->heap.size * t->group_count[group] / FL_MAX(t->count, 1u);

	return (size_t)t->group_count[group] * t->stride + (size_t)heap;
}

size_t
state_size(const struct fold *fold, uint32_t u, uint32_t g)
{
	size_t size = 0;

	if (u >= fold->oper_count)
		return table_size(&fold->dedups[u - fold->oper_count].table, g);
	for (uint32_t w = 0; w < fold->opers[u].window_count; w++)
		size += table_size(&fold->opers[u].windows[w]->table, g);
	return size;
}

enum fl_code
state_put(struct fold *fold, struct fl_txn *txn, uint32_t u, uint32_t g, struct state_flush *flush,
    size_t *size, struct fl_err *err)
{
	const struct group *group = &fold_groups(fold, u)[g];
	struct fl_buf image;
	enum fl_code code = FL_OK;
	uint32_t count;
	uint8_t key[12];

	fl_buf_init(&image);
	if (u < fold->oper_count)
		make_image(&fold->opers[u], g, &image);
	else
		make_dedup_image(&fold->dedups[u - fold->oper_count], g, &image);
	count = FL_MAX(1u, (uint32_t)((image.size + CHUNK_SIZE - 1) / CHUNK_SIZE));
	for (uint32_t c = 0; c < count && code == FL_OK; c++) {
		size_t from = (size_t)c * CHUNK_SIZE;
		size_t part = FL_MIN((size_t)CHUNK_SIZE, image.size - from);
		struct chunk_head head = { fold->step, group->hash, image.size, c, count,
			unit_stride(fold, u), 0 };
		void *value;

		make_key(key, u, g, c);
		code = fl_txn_reserve(txn, FL_DBI_PIPELINE_STATE, key, sizeof(key), 0,
		    sizeof(head) + part, &value, err);
		if (code != FL_OK)
			break;
		memcpy(value, &head, sizeof(head));
		if (part > 0)
			memcpy((char *)value + sizeof(head), image.data + from, part);
	}
	for (uint32_t c = count; c < group->chunk_count && code == FL_OK; c++) {
		make_key(key, u, g, c);
		code = fl_txn_del(txn, FL_DBI_PIPELINE_STATE, key, sizeof(key), err);
	}
	*size = image.size + sizeof(struct chunk_head);
	*flush = (struct state_flush){ u, g, count };
	fl_buf_fini(&image);
	return code;
}

/* ---- back ---- */

static enum fl_code
fail_image(uint32_t u, uint32_t g, const char *what, struct fl_err *err)
{
	return FL_FAIL(err, FL_E_STORE_DAMAGED, "window state of operator %u, group %u: %s", u, g, what);
}

static bool
is_first_end(const struct fold *fold, uint32_t u, const struct window_head *head)
{
	const struct oper *oper = u < fold->oper_count ? &fold->opers[u] : NULL;

	if (oper == NULL || !oper->has_panes)
		return head->first_end == head->end;
	return head->first_end >= head->end && head->first_end <= pane_last_end(oper, head->end) &&
	    (head->first_end - head->end) % oper->window->slide_ms == 0;
}

static enum fl_code
load_window(struct fold *fold, uint32_t u, uint32_t g, const struct window_head *head,
    const char *entries, const char *heap, struct fl_err *err)
{
	struct oper *oper;

	if (u >= fold->oper_count)
		return table_load(&fold->dedups[u - fold->oper_count].table, NULL, 0, g, entries,
		    head->entry_count, heap, head->heap_size, err);
	oper = &fold->opers[u];
	oper->key_count += head->entry_count;
	return table_load(&window_open(oper, head->start, head->end, head->first_end, head->fire_at)->table,
	    oper->agg->aggs, oper->agg->agg_count, g, entries, head->entry_count, heap,
	    head->heap_size, err);
}

static enum fl_code
load_image(struct fold *fold, uint32_t u, uint32_t g, const struct fl_buf *image, struct fl_err *err)
{
	uint32_t stride = unit_stride(fold, u);
	size_t at = 0;

	while (at < image->size) {
		struct window_head head;
		uint64_t entries, heap;

		if (image->size - at < sizeof(head))
			return fail_image(u, g, "it ends inside a window", err);
		memcpy(&head, image->data + at, sizeof(head));
		at += sizeof(head);
		entries = (uint64_t)head.entry_count * stride;
		heap = FL_ROUND_UP((uint64_t)head.heap_size, 8);
		if (head.entry_count == 0 || entries > image->size - at ||
		    heap > image->size - at - entries || head.start >= head.end ||
		    !is_first_end(fold, u, &head))
			return fail_image(u, g, "a window does not fit into it", err);
		FL_TRY(load_window(fold, u, g, &head, image->data + at, image->data + at + entries, err));
		at += entries + heap;
	}
	return FL_OK;
}

/* Appends one chunk to its group's image; *done when it is the last. */
static enum fl_code
take_chunk(struct fold *fold, const struct fl_item *item, struct fl_buf *image, bool *done,
    struct fl_err *err)
{
	uint32_t u, g, c;
	struct chunk_head head;
	struct group *group;

	if (item->key_size != 12 || item->size < sizeof(head))
		return FL_FAIL(err, FL_E_STORE_DAMAGED, "window state: a value of %zu bytes", item->size);
	u = fl_key_get_u32(item->key);
	g = fl_key_get_u32((const uint8_t *)item->key + 4);
	c = fl_key_get_u32((const uint8_t *)item->key + 8);
	if (u >= fold_unit_count(fold) || g >= TABLE_GROUPS || unit_stride(fold, u) == 0)
		return FL_FAIL(err, FL_E_STORE_DAMAGED,
		    "window state: operator %u, group %u is not in the plan", u, g);
	group = &fold_groups(fold, u)[g];
	memcpy(&head, item->value, sizeof(head));
	if (head.chunk != c || head.chunk_count <= c ||
	    head.stride != unit_stride(fold, u) || (c > 0 && head.p_g != group->p_g) ||
	    image->size != (size_t)c * CHUNK_SIZE)
		return fail_image(u, g, "its parts do not belong together", err);
	group->p_g = head.p_g;
	group->hash = head.hash;
	group->chunk_count = head.chunk_count;
	if (u < fold->oper_count)
		fold->opers[u].p_g_max = FL_MAX(fold->opers[u].p_g_max, head.p_g);
	fl_buf_add(image, (const char *)item->value + sizeof(head), item->size - sizeof(head));
	*done = c + 1 == head.chunk_count;
	if (!*done)
		return FL_OK;
	if (image->size != head.size)
		return fail_image(u, g, "it is shorter than it says", err);
	return load_image(fold, u, g, image, err);
}

static enum fl_code
load_all(struct fold *fold, struct fl_cursor *cursor, struct fl_buf *image, struct fl_err *err)
{
	struct fl_item item;
	bool found, done = true;

	FL_TRY(fl_cursor_seek(cursor, NULL, 0, &found, &item, err));
	while (found) {
		FL_TRY(take_chunk(fold, &item, image, &done, err));
		if (done)
			fl_buf_reset(image);
		FL_TRY(fl_cursor_next(cursor, &found, &item, err));
	}
	if (!done)
		return FL_FAIL(err, FL_E_STORE_DAMAGED, "window state: the last image is not complete");
	return FL_OK;
}

enum fl_code
state_load(struct fold *fold, struct fl_txn *txn, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct fl_buf image;
	enum fl_code code;

	FL_TRY(fl_cursor_open(txn, FL_DBI_PIPELINE_STATE, &cursor, err));
	fl_buf_init(&image);
	code = load_all(fold, cursor, &image, err);
	fl_buf_fini(&image);
	fl_cursor_close(&cursor);
	return code;
}

const char *
state_build(const struct fold *fold, char *buf, size_t size)
{
	char zone[32];

	if (strcmp(fold->plan->zone, "UTC") == 0)
		(void)snprintf(buf, size, "flight %s", FL_VERSION);
	else
		(void)snprintf(buf, size, "flight %s tzdata %s", FL_VERSION,
		    fl_zone_version(zone, sizeof(zone)));
	return buf;
}

static enum fl_code
check_build(struct fold *fold, struct fl_txn *txn, struct fl_err *err)
{
	char build[64];
	const void *value;
	size_t size;
	bool found;

	FL_TRY(fl_txn_get(txn, FL_DBI_PIPELINE_META, "build", 5, &found, NULL, &value, &size, err));
	(void)state_build(fold, build, sizeof(build));
	fold->other_build = !found || size != strlen(build) || memcmp(value, build, size) != 0;
	return FL_OK;
}

enum fl_code
state_restore(struct fold *fold, struct fl_txn *txn, const struct fl_pipeline_cursor_view *view,
    struct fl_err *err)
{
	const struct fl_pipeline_cursor *head = view->head;

	if (head->query_count != fold->oper_count || head->sink_count != fold->sink_count)
		return FL_FAIL(err, FL_E_STORE_DAMAGED,
		    "pipeline cursor: %u queries and %u sinks, the plan has %u and %u",
		    head->query_count, head->sink_count, fold->oper_count, fold->sink_count);
	FL_TRY(check_build(fold, txn, err));
	FL_TRY(state_load(fold, txn, err));
	fold->step = fold->commit = head->replay_from;
	fold->hash = head->replay_hash;
	fold->clock_ms = head->replay_clock_ms;
	dedup_expire(fold); /* an image may be older than its keys' end */
	fold->dead_size = head->dead_size;
	time_load(fold, view->at_replay, head->partition_count);
	pane_rest(fold);
	for (uint32_t q = 0; q < fold->oper_count; q++)
		fold->opers[q].count = view->queries[q];
	for (uint32_t s = 0; s < fold->sink_count; s++) {
		fold->sinks[s].next = view->sinks[s].next;
		fold->sinks[s].first = view->sinks[s].first;
		fold->sinks[s].returned = view->sinks[s].returned;
	}
	return FL_OK;
}

/* Other rows than the first time: a fault of ours, unless the program is another one. */
static enum fl_code
diverged(const struct fold *fold, const struct fl_pipeline_cursor *cursor, const char *how,
    struct fl_err *err)
{
	(void)FL_FAIL(err, FL_E_REPLAY_DIVERGED,
	    "pipeline \"%s\": folding steps %" PRIu64 " to %" PRIu64 " again %s than the first time",
	    fold->plan->name, cursor->replay_from + 1, cursor->r, how);
	if (!fold->other_build)
		return err->code;
	fl_warn("REPLAY_DIVERGED after an upgrade, the replay holds reason=\"%s\"", err->text);
	*err = (struct fl_err){ .code = FL_OK };
	return FL_OK;
}

static enum fl_code
check_end(const struct fold *fold, const struct fl_pipeline_cursor *cursor,
    const struct fl_partition_time *at_r, struct fl_err *err)
{
	struct fl_partition_time *parts;
	bool same;

	if (fold->hash != cursor->r_hash)
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "pipeline \"%s\": step %" PRIu64 " of ingest has hash %016" PRIx64
		    ", the pipeline used %016" PRIx64,
		    fold->plan->name, cursor->r, fold->hash, cursor->r_hash);
	if (fold_fired_hash(fold) != cursor->fired_hash)
		FL_TRY(diverged(fold, cursor, "fired other rows", err));
	parts = fl_calloc(FL_MAX(fold->part_count, 1u), sizeof(*parts));
	time_save(fold, parts);
	same = fold->part_count == cursor->partition_count &&
	    memcmp(parts, at_r, fold->part_count * sizeof(*parts)) == 0;
	free(parts);
	return same ? FL_OK : diverged(fold, cursor, "ended at another time", err);
}

enum fl_code
state_replay(struct fold *fold, struct fl_txn *ingest, const struct fl_pipeline_cursor *cursor,
    const struct fl_partition_time *at_r, const struct fl_query_count *counts, struct fl_err *err)
{
	enum fl_code code = FL_OK;

	fold->discard = true;
	while (fold->step < cursor->r && code == FL_OK) {
		struct fl_step_view step;
		bool found;

		code = fl_step_get(ingest, fold->step + 1, &found, &step, err);
		if (code == FL_OK && !found)
			code = FL_FAIL(err, FL_E_STORE_MISMATCH,
			    "pipeline \"%s\" is at step %" PRIu64 " and needs step %" PRIu64
			    ", which ingest does not have",
			    fold->plan->name, cursor->r, fold->step + 1);
		if (code == FL_OK)
			code = fold_step(fold, &step, err);
		if (code == FL_OK)
			fl_txn_forget(ingest, step.head, step.head->size);
	}
	fold->discard = false;
	if (code != FL_OK)
		return code;
	for (uint32_t q = 0; q < fold->oper_count; q++) {
		fold->opers[q].count = counts[q];
		fold->opers[q].p_g_max = 0; /* everything from here on is new */
	}
	return check_end(fold, cursor, at_r, err);
}
