/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fire.c - windows that time has passed become rows.
 *
 * Order: window end, operator, key group, first seen in the group.  The table's
 * chains give the last two unsorted.  Each group keeps a running hash of what it
 * fired; a replay must come to the same sum.
 */
#include "aggregate/fold.h"

#include <stdlib.h>

#include "base/util.h"

struct due {
	struct oper *oper;
	struct window *window; /* NULL: made of panes */
	int64_t end, fire_at;
};

struct due_list {
	struct due *items;
	uint32_t count, capacity;
};

static uint64_t
hash_value(const struct fl_col *col, uint32_t i, uint64_t seed)
{
	uint32_t width = fl_type_width(col->type.id), size;
	const char *p;

	if (!fl_col_is_valid(col, i))
		return seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	if (width > 0)
		return fl_hash64_seed((const char *)col->data + (size_t)i * width, width, seed);
	p = fl_col_str(col, i, &size);
	return fl_hash64_seed(p, size, seed);
}

void
fire_row(const struct oper *oper, const struct table *t, uint32_t entry, struct fl_batch *batch,
    uint32_t i, struct fl_buf *bufs)
{
	const struct fl_node *agg = oper->agg;
	const struct table_entry *e = table_at(t, entry);
	struct table_key_reader reader = { table_key(t, e), NULL };
	uint32_t keys = agg->key_count;

	reader.end = reader.at + e->key_size;
	for (uint32_t c = 0; c < keys; c++)
		table_key_take(&reader, &batch->cols[c], i, &bufs[c]);
	for (uint32_t a = 0; a < agg->agg_count; a++)
		agg->aggs[a].fn->finish(&agg->aggs[a], table_acc(t, entry) + agg->aggs[a].acc_at,
		    &t->heap, &batch->cols[keys + a], i, &bufs[keys + a]);
}

/* Columns of AGG for entries[0..count): keys, aggregates, bounds. */
static void
fill_batch(struct fold *fold, const struct oper *oper, const struct window *window,
    const uint32_t *entries, uint32_t count, struct fl_batch *batch, struct fl_buf *bufs)
{
	const struct fl_node *agg = oper->agg;
	uint32_t col_count = agg->schema.count, first = agg->key_count + agg->agg_count;
	const int64_t bounds[3] = { window->start, window->end,
		window_last_instant(fold, oper, window->end) };

	assert(col_count == first + 3);
	batch->row_count = count;
	for (uint32_t c = 0; c < col_count; c++) {
		table_col_alloc(&batch->cols[c], &agg->schema.fields[c].type, count, &fold->fire_arena);
		fl_buf_init(&bufs[c]);
	}
	for (uint32_t i = 0; i < count; i++) {
		fire_row(oper, &window->table, entries[i], batch, i, bufs);
		for (uint32_t b = 0; b < 3; b++)
			((int64_t *)batch->cols[first + b].data)[i] = bounds[b];
	}
	for (uint32_t c = 0; c < col_count; c++)
		if (fl_type_is_var(batch->cols[c].type.id))
			batch->cols[c].bytes = bufs[c].data == NULL ? "" : bufs[c].data;
}

void
fire_hash(struct oper *oper, uint64_t hash, int64_t end, const struct fl_batch *batch, uint32_t i)
{
	const struct fl_node *agg = oper->agg;
	struct group *g = &oper->groups[table_group(hash)];

	hash ^= (uint64_t)end * UINT64_C(0x9e3779b97f4a7c15);
	for (uint32_t a = 0; a < agg->agg_count; a++)
		hash = hash_value(&batch->cols[agg->key_count + a], i, hash);
	g->hash = (g->hash ^ hash) * UINT64_C(0x9fb21c651e98df25) + 1;
}

/* One batch of fired rows climbs to the sink. */
static void
climb(struct fold *fold, struct oper *oper, const uint64_t *seen, uint32_t count)
{
	struct pass p;

	pass_init(&p, fold, oper, &fold->fire_arena, count);
	p.rows = &oper->upper[0].batch;
	for (uint32_t i = 1; i < oper->upper_count && p.sel_count > 0; i++) {
		struct stage *st = &oper->upper[i];

		stage_reset(st, p.row_count);
		switch (st->node->kind) {
		case FL_NODE_CALC:
			pass_filter(&p, st);
			break;
		case FL_NODE_TOPN:
			topn_rank(&p, st, &seen);
			break;
		case FL_NODE_SINK:
			(void)results_put(&p, st);
			break;
		case FL_NODE_SCAN:
		case FL_NODE_WINDOW:
		case FL_NODE_AGG:
		case FL_NODE_DEDUP:
			assert(!"not above an aggregate");
			break;
		}
	}
}

static void
fire_entries(struct fold *fold, struct oper *oper, struct window *window, const uint32_t *entries,
    uint32_t count)
{
	struct stage *base = &oper->upper[0];
	struct fl_buf *bufs = fl_calloc(oper->agg->schema.count, sizeof(*bufs));
	uint64_t *seen;

	fl_arena_reset(&fold->fire_arena);
	seen = fl_arena_alloc(&fold->fire_arena, count * sizeof(*seen));
	for (uint32_t i = 0; i < count; i++)
		seen[i] = table_at(&window->table, entries[i])->first_seen;
	fill_batch(fold, oper, window, entries, count, &base->batch, bufs);
	for (uint32_t i = 0; i < count; i++)
		fire_hash(oper, table_at(&window->table, entries[i])->hash, window->end, &base->batch, i);
	climb(fold, oper, seen, count);
	for (uint32_t c = 0; c < oper->agg->schema.count; c++)
		fl_buf_fini(&bufs[c]);
	free(bufs);
}

static int
compare_seen(const void *a, const void *b, void *ctx)
{
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	const struct table *t = ctx;
	uint64_t x = table_at(t, i)->first_seen, y = table_at(t, j)->first_seen;

	if (x != y)
		return x < y ? -1 : 1;
	return i < j ? -1 : i > j;
}

static void
fire_window(struct fold *fold, struct oper *oper, struct window *window)
{
	struct table *t = &window->table;
	uint32_t *entries = fl_malloc(FL_MAX(t->count, 1u) * sizeof(*entries)), n = 0;
	uint32_t chunk = oper->has_topn ? UINT32_MAX : FL_BATCH_ROWS_MAX;
	uint64_t first = fold->sinks[oper->sink].next;

	for (uint32_t g = 0; g < TABLE_GROUPS; g++) {
		uint32_t from = n;

		for (uint32_t next = t->head[g]; next != 0; next = table_at(t, next - 1)->next)
			entries[n++] = next - 1;
		/* Panes came one after the other: their keys are in order each for itself. */
		if (oper->has_panes && n - from > 1)
			qsort_r(entries + from, n - from, sizeof(*entries), compare_seen, t);
		if (t->group_count[g] > 0 && oper->groups[g].dirty_from == GROUP_CLEAN)
			oper->groups[g].dirty_from = fold->commit;
	}
	/* Top-N ranks a window as a whole; the others may go in pieces. */
	for (uint32_t at = 0; at < n; at += FL_MIN(chunk, n - at))
		fire_entries(fold, oper, window, entries + at, FL_MIN(chunk, n - at));
	free(entries);
	if (!fold->discard) {
		oper->count.fired_windows++;
		results_closed(fold, oper, window, first, fold->sinks[oper->sink].next - first);
	}
}

static bool
is_due(const struct fold *fold, const struct oper *oper, const struct window *window)
{
	if (oper->is_updating)
		return false;
	if (oper->is_proc)
		return fold->clock_ms >= window->fire_at;
	return time_of_oper(oper) >= window->fire_at - 1;
}

static int
compare_due(const void *a, const void *b)
{
	const struct due *x = a, *y = b;

	if (x->fire_at != y->fire_at)
		return x->fire_at < y->fire_at ? -1 : 1;
	if (x->oper->index != y->oper->index)
		return x->oper->index < y->oper->index ? -1 : 1;
	return x->end < y->end ? -1 : x->end > y->end;
}

static void
add_due(struct due_list *list, struct due due)
{
	if (list->count == list->capacity) {
		list->capacity = FL_MAX(16u, list->capacity * 2);
		list->items = fl_realloc(list->items, list->capacity * sizeof(*list->items));
	}
	list->items[list->count++] = due;
}

/* Windows made of panes, and the time up to which they have fired then. */
static void
list_panes(struct fold *fold, struct oper *oper, struct due_list *list)
{
	int64_t reached = pane_reached(fold, oper), next, *ends = NULL;
	uint32_t count;

	if ((oper->next_end != FL_TIME_MIN && reached < oper->next_at - 1) ||
	    oper->next_end == FL_TIME_MAX)
		return;
	next = pane_next_end(fold, oper, reached);
	if (next == FL_TIME_MIN)
		return;
	count = pane_ends(oper, oper->next_end, next - 1, &ends);
	for (uint32_t i = 0; i < count; i++)
		add_due(list, (struct due){ oper, NULL, ends[i], window_instant(fold, oper, ends[i]) });
	free(ends);
	pane_set_next(fold, oper, next);
}

static void
fire_merged(struct fold *fold, const struct due *due)
{
	struct window window;

	pane_merge(fold, due->oper, due->end, &window);
	if (window.table.count > 0)
		fire_window(fold, due->oper, &window);
	table_fini(&window.table);
}

void
fire_due(struct fold *fold)
{
	struct due_list due = { 0 };

	for (uint32_t o = 0; o < fold->oper_count; o++) {
		struct oper *oper = &fold->opers[o];

		if (oper->has_panes) {
			list_panes(fold, oper, &due);
			continue;
		}
		for (uint32_t i = 0; i < oper->window_count && is_due(fold, oper, oper->windows[i]); i++)
			add_due(&due, (struct due){ oper, oper->windows[i], oper->windows[i]->end,
				oper->windows[i]->fire_at });
	}
	if (due.count == 0)
		return;
	qsort(due.items, due.count, sizeof(*due.items), compare_due);
	for (uint32_t i = 0; i < due.count; i++) {
		if (due.items[i].window == NULL)
			fire_merged(fold, &due.items[i]);
		else
			fire_window(fold, due.items[i].oper, due.items[i].window);
	}
	for (uint32_t i = 0; i < due.count; i++) {
		struct oper *oper = due.items[i].oper;

		if (oper->has_panes) {
			pane_free(oper, oper->next_end - 1);
		} else { /* the due ones come first in each operator */
			oper->key_count -= oper->windows[0]->table.count;
			window_free(oper, 0);
		}
	}
	free(due.items);
}
