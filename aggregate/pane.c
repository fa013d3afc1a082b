/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pane.c - windows that overlap: a row is kept once, in a pane, and a window is the panes
 * that it covers, merged when it fires.
 *
 *	panes	 [0,5)    [5,10)   [10,15)  ...		one slide each
 *	windows	 |---- [0,10) ----|
 *		          |---- [5,15) ----|
 *
 * A row may be late for the first windows of its pane and not for the later ones: lateness
 * is decided by its own partition, for each window (docs/architecture.md, "Time").  So a
 * pane is told apart by the first window that its rows count in as well; a pane whose rows
 * were all in time is one table.  What a window holds is then a function of the rows,
 * wherever ingest cut its steps and whichever windows have fired.
 *
 * Which windows have fired is not stored: it follows from the time by which they fire, and
 * in a replay a group's image tells by its step which fires it has behind it.
 *
 * A window is merged oldest pane first, so that sums of DOUBLE are the same in every replay.
 * That costs a look at each key of each of its panes; nothing is taken out of a running
 * total again, since MIN and MAX could not be.
 */
#include "aggregate/fold.h"

#include <stdlib.h>

#include "base/util.h"

/* Clocks of zones are less than this away from UTC. */
#define ZONE_SHIFT_MAX INT64_C(172800000)

int64_t
pane_last_end(const struct oper *oper, int64_t end)
{
	return end + oper->window->size_ms - oper->window->slide_ms;
}

int64_t
pane_next_end(const struct fold *fold, const struct oper *oper, int64_t reached)
{
	const struct fl_node *node = oper->window;
	int64_t first, lo = 0, hi;

	if (reached <= FL_TIME_MIN + ZONE_SHIFT_MAX)
		return FL_TIME_MIN;
	if (reached >= FL_TIME_MAX - ZONE_SHIFT_MAX - node->slide_ms)
		return FL_TIME_MAX;
	first = window_start(reached + 1, node->offset_ms, node->slide_ms) + node->slide_ms;
	if (window_instant(fold, oper, first) == first &&
	    window_instant(fold, oper, first - node->slide_ms) == first - node->slide_ms)
		return first;
	/* In a zone: the instants of ends never go back. */
	first -= FL_ROUND_UP((uint64_t)ZONE_SHIFT_MAX, (uint64_t)node->slide_ms);
	hi = 2 * ZONE_SHIFT_MAX / node->slide_ms + 2;
	while (lo < hi) {
		int64_t mid = lo + (hi - lo) / 2;

		if (window_instant(fold, oper, first + mid * node->slide_ms) - 1 > reached)
			hi = mid;
		else
			lo = mid + 1;
	}
	return first + lo * node->slide_ms;
}

int64_t
pane_reached(const struct fold *fold, const struct oper *oper)
{
	return oper->is_proc ? fold->clock_ms - 1 : time_of_oper(oper);
}

void
pane_rest(struct fold *fold)
{
	for (uint32_t o = 0; o < fold->oper_count; o++) {
		struct oper *oper = &fold->opers[o];

		if (oper->has_panes)
			pane_set_next(fold, oper, pane_next_end(fold, oper, pane_reached(fold, oper)));
	}
}

void
pane_set_next(const struct fold *fold, struct oper *oper, int64_t end)
{
	oper->next_end = end;
	oper->next_at = end == FL_TIME_MIN || end == FL_TIME_MAX ? end : window_instant(fold, oper, end);
}

struct range { /* ends of windows, both included */
	int64_t from, to;
};

static int
compare_ranges(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->from < y->from ? -1 : x->from > y->from;
}

/*
 * A pane is part of neighbouring windows: the ends in [lo, hi] are a union of ranges, which
 * lie in order but where rows were late.
 */
static uint32_t
make_ranges(const struct oper *oper, int64_t lo, int64_t hi, struct range *ranges)
{
	bool sorted = true;
	uint32_t n = 0;

	for (uint32_t i = 0; i < oper->window_count; i++) {
		const struct window *pane = oper->windows[i];
		struct range range = { FL_MAX(pane->first_end, lo),
			FL_MIN(pane_last_end(oper, pane->end), hi) };

		if (range.from > range.to)
			continue;
		sorted = sorted && (n == 0 || ranges[n - 1].from <= range.from);
		ranges[n++] = range;
	}
	if (!sorted)
		qsort(ranges, n, sizeof(*ranges), compare_ranges);
	return n;
}

uint32_t
pane_ends(const struct oper *oper, int64_t lo, int64_t hi, int64_t **ends)
{
	struct range *ranges = fl_malloc(FL_MAX(oper->window_count, 1u) * sizeof(*ranges));
	uint32_t n = make_ranges(oper, lo, hi, ranges), count = 0, capacity = 0;
	int64_t slide = oper->window->slide_ms, next = FL_TIME_MIN;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t more;

		next = FL_MAX(next, ranges[i].from);
		if (next > ranges[i].to)
			continue;
		more = (uint32_t)((ranges[i].to - next) / slide + 1);
		if (ends != NULL && count + more > capacity) {
			capacity = FL_MAX(capacity * 2, count + more);
			*ends = fl_realloc(*ends, capacity * sizeof(**ends));
		}
		for (uint32_t k = 0; k < more && ends != NULL; k++)
			(*ends)[count + k] = next + (int64_t)k * slide;
		count += more;
		next += (int64_t)more * slide;
	}
	free(ranges);
	return count;
}

/* Groups whose image was made before this step: the others have this fire behind them. */
static uint64_t
groups_to_fire(const struct fold *fold, const struct oper *oper)
{
	uint64_t groups = 0;

	if (!fold->discard)
		return UINT64_MAX;
	for (uint32_t g = 0; g < TABLE_GROUPS; g++)
		groups |= (uint64_t)(oper->groups[g].p_g < fold->step) << g;
	return groups;
}

void
pane_merge(struct fold *fold, struct oper *oper, int64_t end, struct window *window)
{
	const struct fl_node *agg = oper->agg;
	uint64_t groups = groups_to_fire(fold, oper);

	*window = (struct window){ .start = end - oper->window->size_ms, .end = end,
		.first_end = end, .fire_at = window_instant(fold, oper, end) };
	table_init(&window->table, agg->row_size);
	for (uint32_t i = window_find(oper, window->start + 1, FL_TIME_MIN);
	     i < oper->window_count && oper->windows[i]->end <= end; i++) {
		if (oper->windows[i]->first_end > end)
			continue;
		table_merge(&window->table, &oper->windows[i]->table, agg->aggs, agg->agg_count, groups);
		if (window->table.heap.is_full) {
			fold->overfull = oper;
			return;
		}
		table_compact(&window->table, agg->aggs, agg->agg_count);
	}
}

void
pane_free(struct oper *oper, int64_t fired)
{
	while (oper->window_count > 0 && pane_last_end(oper, oper->windows[0]->end) <= fired) {
		oper->key_count -= oper->windows[0]->table.count;
		window_free(oper, 0);
	}
}
