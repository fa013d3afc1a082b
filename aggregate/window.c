/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window.c - rows of one block into windows, a run at a time.
 *
 * A run is the rows of a block that fall into one window.  A block within one
 * window is one run without looking at its rows; in a block in time order the
 * runs' ends are found by bisection; otherwise each row is looked at, and where
 * that gives short runs the rows are grouped by window first (stable, so nothing
 * that depends on order within a window changes).
 *
 * Late: max(w_p, floor_p) before a row never goes back from row to row.  So the
 * late rows of a run are its tail, and the test of a run is one comparison.  Where windows
 * overlap a run is cut in the same way into rows that count in all windows of their pane,
 * in all but the first, and so on (pane.c).
 */
#include "aggregate/fold.h"

#include <stdlib.h>

#include "base/util.h"

struct run {
	int64_t start, end, first_end, fire_at;
	int64_t last_at; /* instant of the end of the last window that the rows count in */
	uint32_t from, count; /* in order */
};

struct runs {
	uint32_t *order; /* rows, run after run */
	bool is_ascending; /* order is a selection vector */
	struct run *runs;
	uint32_t count, capacity;
	struct fl_arena *arena;
};

int64_t
window_start(int64_t t, int64_t offset, int64_t size)
{
	int64_t r = (t - offset) % size;

	return t - (r < 0 ? r + size : r);
}

/* Window bounds in local time. */
struct span {
	int64_t start, end;
};

/* The window, or pane of windows that overlap, that a time falls into. */
static inline struct span
span_of(const struct fl_node *node, int64_t t)
{
	int64_t start = window_start(t, node->offset_ms, node->slide_ms);

	return (struct span){ start, start + node->slide_ms };
}

int64_t
window_instant(const struct fold *fold, const struct oper *oper, int64_t local)
{
	const char *zone = fold->plan->zone;

	if (!oper->is_ltz || strcmp(zone, "UTC") == 0)
		return local;
	return fl_zone_to_utc(zone, local);
}

/* Where the hour is repeated it is the earlier one, as Flink has it, although the window
 * fires after the later. */
int64_t
window_last_instant(const struct fold *fold, const struct oper *oper, int64_t end)
{
	return oper->is_ltz ? fl_zone_from_local(fold->plan->zone, end - 1) : end - 1;
}

/* ---- open windows, by end ---- */

static inline bool
is_before(const struct window *window, int64_t end, int64_t first_end)
{
	return window->end < end || (window->end == end && window->first_end < first_end);
}

uint32_t
window_find(const struct oper *oper, int64_t end, int64_t first_end)
{
	uint32_t lo = 0, hi = oper->window_count;

	/* Rows mostly go into the newest one. */
	if (hi > 0 && oper->windows[hi - 1]->end <= end && oper->windows[hi - 1]->first_end <= first_end)
		return is_before(oper->windows[hi - 1], end, first_end) ? hi : hi - 1;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (is_before(oper->windows[mid], end, first_end))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct window *
window_open(struct oper *oper, int64_t start, int64_t end, int64_t first_end, int64_t fire_at)
{
	uint32_t i = window_find(oper, end, first_end);
	struct window *window;

	if (i < oper->window_count && oper->windows[i]->end == end &&
	    oper->windows[i]->first_end == first_end)
		return oper->windows[i];
	if (oper->window_count == oper->window_capacity) {
		oper->window_capacity = FL_MAX(8u, oper->window_capacity * 2);
		oper->windows =
		    fl_realloc(oper->windows, oper->window_capacity * sizeof(*oper->windows));
	}
	window = fl_calloc(1, sizeof(*window));
	window->start = start;
	window->end = end;
	window->first_end = first_end;
	window->fire_at = fire_at;
	table_init(&window->table, oper->agg->row_size);
	memmove(&oper->windows[i + 1], &oper->windows[i],
	    (oper->window_count - i) * sizeof(*oper->windows));
	oper->windows[i] = window;
	oper->window_count++;
	return window;
}

void
window_free(struct oper *oper, uint32_t i)
{
	table_fini(&oper->windows[i]->table);
	free(oper->windows[i]);
	oper->window_count--;
	memmove(&oper->windows[i], &oper->windows[i + 1],
	    (oper->window_count - i) * sizeof(*oper->windows));
}

/* ---- bounds as columns ---- */

static int64_t
row_time(const struct pass *p, uint32_t row)
{
	if (p->oper->is_proc)
		return fl_zone_to_local(p->fold->plan->zone, p->fold->clock_ms);
	return p->source->time.local[row];
}

void
window_bounds(struct pass *p, const struct fl_node *node, uint32_t which, struct fl_col *out)
{
	const struct fl_type *type = &node->schema.fields[node->input->schema.count + which].type;
	int64_t *data;

	assert(!p->oper->has_panes); /* a row has several then; refused when bound */
	fl_col_alloc(out, type, p->row_count, false, p->ev.arena);
	data = out->data;
	for (uint32_t i = 0; i < p->row_count; i++) {
		struct span span = span_of(node, row_time(p, i));

		data[i] = which == 0 ? span.start
			: which == 1 ? span.end
				     : window_last_instant(p->fold, p->oper, span.end);
	}
}

/* ---- runs ---- */

static struct run *
add_run(struct runs *r, struct pass *p, struct span span, uint32_t from, uint32_t count)
{
	struct run *run;

	if (r->count == r->capacity) {
		uint32_t capacity = FL_MAX(16u, r->capacity * 2);
		struct run *more = fl_arena_alloc(r->arena, capacity * sizeof(*more));

		if (r->count > 0)
			memcpy(more, r->runs, r->count * sizeof(*more));
		r->runs = more;
		r->capacity = capacity;
	}
	run = &r->runs[r->count++];
	run->start = span.start;
	run->end = run->first_end = span.end;
	run->fire_at = run->last_at = window_instant(p->fold, p->oper, run->end);
	if (p->oper->has_panes)
		run->last_at = window_instant(p->fold, p->oper, pane_last_end(p->oper, run->end));
	run->from = from;
	run->count = count;
	return run;
}

/* The first k in [from, count) whose row is at or past end. */
static uint32_t
bisect(const struct pass *p, const int64_t *local, uint32_t from, int64_t end)
{
	uint32_t lo = from, hi = p->sel_count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (local[pass_row(p, mid)] < end)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void
make_sorted_runs(struct pass *p, const int64_t *local, struct runs *r)
{
	for (uint32_t k = 0; k < p->sel_count;) {
		struct span span = span_of(p->oper->window, local[pass_row(p, k)]);
		uint32_t to = bisect(p, local, k, span.end);

		add_run(r, p, span, k, to - k);
		k = to;
	}
}

static void
make_plain_runs(struct pass *p, const int64_t *local, struct runs *r)
{
	for (uint32_t k = 0; k < p->sel_count;) {
		uint32_t from = k;
		struct span span = span_of(p->oper->window, local[pass_row(p, k)]);
		uint64_t size = (uint64_t)(span.end - span.start);

		while (k < p->sel_count && (uint64_t)(local[pass_row(p, k)] - span.start) < size)
			k++;
		add_run(r, p, span, from, k - from);
	}
}

static int
compare_starts(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->from < y->from ? -1 : x->from > y->from;
}

/* Many short runs become one run per window. */
static void
group_runs(struct runs *r)
{
	uint32_t *order = r->order, *to, n = 0, merged = 0;

	for (uint32_t i = 0; i < r->count; i++)
		n += r->runs[i].count;
	to = fl_arena_alloc(r->arena, FL_MAX(n, 1u) * sizeof(*to));
	qsort(r->runs, r->count, sizeof(*r->runs), compare_starts);
	n = 0;
	for (uint32_t i = 0; i < r->count; i++) {
		struct run run = r->runs[i];

		memcpy(to + n, order + run.from, run.count * sizeof(*to));
		if (merged > 0 && r->runs[merged - 1].start == run.start) {
			r->runs[merged - 1].count += run.count;
		} else {
			run.from = n;
			r->runs[merged++] = run;
		}
		n = r->runs[merged - 1].from + r->runs[merged - 1].count;
	}
	r->count = merged;
	r->order = to;
	r->is_ascending = false;
}

static void
make_runs(struct pass *p, struct runs *r)
{
	const struct block_time *t = &p->source->time;
	const struct fl_node *node = p->oper->window;
	struct span first;

	r->arena = p->ev.arena;
	r->is_ascending = true;
	/* Never written unless copied: group_runs() makes its own. */
	r->order = p->sel == NULL ? p->fold->identity : (uint32_t *)(uintptr_t)p->sel;
	if (p->oper->is_proc) {
		add_run(r, p, span_of(node, row_time(p, 0)), 0, p->sel_count);
		return;
	}
	first = span_of(node, t->min);
	if (t->max < first.end) {
		add_run(r, p, first, 0, p->sel_count);
		return;
	}
	if (t->sorted) {
		make_sorted_runs(p, t->local, r);
		return;
	}
	make_plain_runs(p, t->local, r);
	if (r->count > 2)
		group_runs(r);
}

/* ---- late rows ---- */

static int
compare_rows(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Cuts the late tail off each run; true if there were any. */
static bool
cut_late(struct pass *p, struct runs *r)
{
	struct source *src = p->source;
	int64_t floor = time_floor_of_oper(p->oper);
	uint32_t *late = NULL, count = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		struct run *run = &r->runs[i];
		const uint32_t *rows = r->order + run->from;
		bool has_fired = floor >= run->fire_at - 1;
		uint32_t lo = 0, hi = has_fired ? 0 : run->count;

		if (!has_fired &&
		    (src->time.w_max < run->fire_at - 1 ||
			time_before(p->fold, src, rows[run->count - 1], p->row_count) <
			    run->fire_at - 1))
			continue;
		while (lo < hi) {
			uint32_t mid = lo + (hi - lo) / 2;

			if (time_before(p->fold, src, rows[mid], p->row_count) < run->fire_at - 1)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (late == NULL)
			late = fl_arena_alloc(r->arena, p->sel_count * sizeof(*late));
		memcpy(late + count, rows + lo, (run->count - lo) * sizeof(*late));
		count += run->count - lo;
		run->count = lo;
	}
	if (count == 0)
		return false;
	qsort(late, count, sizeof(*late), compare_rows);
	results_late(p, late, count);
	return true;
}

/* The time by which row is judged. */
static int64_t
judge_time(struct pass *p, uint32_t row)
{
	int64_t floor = time_floor_of_oper(p->oper);

	return FL_MAX(floor, time_before(p->fold, p->source, row, p->row_count));
}

/* The end of the first window of a pane that is still open at time w; FL_TIME_MAX: none. */
static int64_t
find_open_end(const struct pass *p, const struct run *run, int64_t w)
{
	int64_t slide = p->oper->window->slide_ms, lo = 0, hi = p->oper->window->size_ms / slide;
	int64_t count = hi;

	while (lo < hi) {
		int64_t mid = lo + (hi - lo) / 2;

		if (window_instant(p->fold, p->oper, run->end + mid * slide) - 1 > w)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo == count ? FL_TIME_MAX : run->end + lo * slide;
}

/* The first of rows [from, run->count) that is judged at or after `at`. */
static uint32_t
find_judged(struct pass *p, const struct runs *r, const struct run *run, uint32_t from, int64_t at)
{
	uint32_t lo = from, hi = run->count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (judge_time(p, r->order[run->from + mid]) < at)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* As cut_late(), where windows overlap: runs are split by the first window they count in. */
static bool
split_late(struct pass *p, struct runs *r)
{
	uint32_t *late = NULL, count = 0, run_count = r->count;
	int64_t floor = time_floor_of_oper(p->oper);

	for (uint32_t i = 0; i < run_count; i++) {
		const struct run run = r->runs[i]; /* the array may move */
		struct span span = { run.start, run.end };
		uint32_t from = 0;

		if (FL_MAX(floor, p->source->time.w_max) < run.fire_at - 1)
			continue;
		r->runs[i].count = 0;
		while (from < run.count) {
			const uint32_t *rows = r->order + run.from + from;
			int64_t end = find_open_end(p, &run, judge_time(p, rows[0]));
			uint32_t to = run.count;
			struct run *part;

			if (end == FL_TIME_MAX) {
				if (late == NULL)
					late = fl_arena_alloc(r->arena, p->sel_count * sizeof(*late));
				memcpy(late + count, rows, (run.count - from) * sizeof(*late));
				count += run.count - from;
				break;
			}
			to = find_judged(p, r, &run, from, window_instant(p->fold, p->oper, end) - 1);
			part = from == 0 ? &r->runs[i] : add_run(r, p, span, run.from + from, 0);
			part->count = to - from;
			part->first_end = end;
			from = to;
		}
	}
	if (count == 0)
		return false;
	qsort(late, count, sizeof(*late), compare_rows);
	results_late(p, late, count);
	return true;
}

/* The rows left in the runs, ascending, become the pass's selection. */
static void
select_runs(struct pass *p, const struct runs *r)
{
	uint32_t *sel = fl_arena_alloc(r->arena, FL_MAX(p->sel_count, 1u) * sizeof(*sel)), n = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		memcpy(sel + n, r->order + r->runs[i].from, r->runs[i].count * sizeof(*sel));
		n += r->runs[i].count;
	}
	if (!r->is_ascending)
		qsort(sel, n, sizeof(*sel), compare_rows);
	p->sel = sel;
	p->sel_count = n;
}

/* Rows for which drop is not 0 leave their runs; order becomes a copy. */
static void
thin_runs(struct runs *r, const uint8_t *drop, uint32_t row_count)
{
	uint32_t *to = fl_arena_alloc(r->arena, FL_MAX(row_count, 1u) * sizeof(*to)), n = 0;

	for (uint32_t i = 0; i < r->count; i++) {
		struct run *run = &r->runs[i];
		uint32_t from = n;

		for (uint32_t k = run->from; k < run->from + run->count; k++)
			if (drop[r->order[k]] == 0)
				to[n++] = r->order[k];
		run->from = from;
		run->count = n - from;
	}
	r->order = to;
}

/* In a replay: rows that their group's image already contains. */
static void
skip_known(struct pass *p, struct runs *r, const struct fl_col *keys, uint32_t key_count)
{
	uint8_t *drop = FL_ARENA_ARRAY(r->arena, uint8_t, FL_MAX(p->row_count, 1u));
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->count; i++)
		n = FL_MAX(n, r->runs[i].from + r->runs[i].count);
	table_keys_make(&p->fold->keys, keys, key_count, r->order, n);
	for (uint32_t k = 0; k < n; k++)
		drop[r->order[k]] =
		    p->fold->step <= p->oper->groups[table_group(p->fold->keys.hash[k])].p_g;
	thin_runs(r, drop, p->row_count);
}

/* ---- into the tables ---- */

static void
add_agg(struct fold *fold, const struct fl_agg *agg, const struct agg_input *in, struct window *window,
    const uint32_t *order, uint32_t count, const uint32_t *rows, bool dense)
{
	struct table *t = &window->table;
	struct fl_col shifted;
	const uint32_t *sel = order;
	uint32_t width;
	char *base = t->entries + sizeof(struct table_entry);

	if (in->passes != NULL) {
		uint32_t *few = fl_arena_alloc(&fold->arena, count * 2 * sizeof(*few)), n = 0;

		for (uint32_t k = 0; k < count; k++) {
			few[n] = order[k];
			few[count + n] = rows == NULL ? 0 : rows[k];
			n += in->passes[order[k]];
		}
		agg->fn->add(agg, rows == NULL ? table_acc(t, 0) : base, t->stride,
		    rows == NULL ? NULL : few + count, agg->arg == NULL ? NULL : &in->col, few, n,
		    &t->heap);
		return;
	}
	/* Neighbouring rows without NULLs need no selection: a loop over an array. */
	shifted = in->col;
	width = agg->arg == NULL ? 0 : fl_type_width(in->col.type.id);
	if (dense && (agg->arg == NULL || (width > 0 && in->col.valid == NULL))) {
		if (agg->arg != NULL)
			shifted.data = (char *)in->col.data + (size_t)order[0] * width;
		sel = NULL;
	}
	agg->fn->add(agg, rows == NULL ? table_acc(t, 0) : base, t->stride, rows,
	    agg->arg == NULL ? NULL : &shifted, sel, count, &t->heap);
}

void
window_mark(struct fold *fold, struct oper *oper, uint64_t groups)
{
	for (; groups != 0; groups &= groups - 1) {
		struct group *g = &oper->groups[__builtin_ctzll(groups)];

		if (g->dirty_from == GROUP_CLEAN)
			g->dirty_from = fold->commit;
	}
}

/* The one entry of a query without keys takes a whole run. */
static uint64_t
assign_single(struct fold *fold, struct table *t, uint32_t row, uint32_t count, uint64_t base)
{
	uint32_t entry;
	uint64_t groups;

	table_keys_make(&fold->keys, NULL, 0, &row, 1);
	groups = table_assign(t, &fold->keys, 0, 1, &row, base, &entry);
	table_at(t, entry)->row_count += count - 1;
	return groups;
}

static void
add_run_rows(struct pass *p, const struct runs *r, const struct run *run,
    const struct agg_input *inputs, uint32_t *rows)
{
	struct fold *fold = p->fold;
	struct oper *oper = p->oper;
	const struct fl_node *agg = oper->agg;
	struct window *window =
	    window_open(oper, run->start, run->end, run->first_end, run->fire_at);
	const uint32_t *order = r->order + run->from;
	uint32_t before = window->table.count;
	bool dense = order[run->count - 1] - order[0] == run->count - 1 && r->is_ascending;
	uint64_t groups;

	if (agg->key_count == 0)
		groups =
		    assign_single(fold, &window->table, order[0], run->count, (uint64_t)p->base);
	else
		groups = table_assign(&window->table, &fold->keys, run->from, run->count, r->order,
		    (uint64_t)p->base, rows);
	oper->key_count += window->table.count - before;
	window_mark(fold, oper, groups);
	for (uint32_t a = 0; a < agg->agg_count; a++)
		add_agg(fold, &agg->aggs[a], &inputs[a], window, order, run->count,
		    agg->key_count == 0 ? NULL : rows, dense);
	if (window->table.heap.is_full)
		fold->overfull = oper;
	else
		table_compact(&window->table, agg->aggs, agg->agg_count);
}

void
window_inputs(struct pass *p, struct stage *below, struct fl_col *keys, struct agg_input *inputs)
{
	const struct fl_node *agg = p->oper->agg;
	uint32_t *passing = NULL;

	for (uint32_t c = 0; c < agg->key_count; c++) {
		stage_need_expr(below, agg->keys[c], p);
		fl_expr_eval(agg->keys[c], &below->batch, p->sel, p->sel_count, &p->ev, &keys[c]);
	}
	for (uint32_t a = 0; a < agg->agg_count; a++) {
		const struct fl_agg *call = &agg->aggs[a];

		if (call->arg != NULL) {
			stage_need_expr(below, call->arg, p);
			fl_expr_eval(
			    call->arg, &below->batch, p->sel, p->sel_count, &p->ev, &inputs[a].col);
		}
		if (call->filter != NULL) {
			uint8_t *map = FL_ARENA_ARRAY(p->ev.arena, uint8_t, p->row_count);
			uint32_t n;

			if (passing == NULL)
				passing = fl_arena_alloc(
				    p->ev.arena, p->row_count * sizeof(*passing));
			stage_need_expr(below, call->filter, p);
			n = fl_expr_filter(call->filter, &below->batch, p->sel, p->sel_count,
			    &p->ev, passing);
			while (n > 0)
				map[passing[--n]] = 1;
			inputs[a].passes = map;
		}
	}
}

void
window_add(struct pass *p, struct stage *below)
{
	struct fold *fold = p->fold;
	struct oper *oper = p->oper;
	const struct fl_node *agg = oper->agg;
	struct runs r = { 0 };
	struct fl_col *keys = FL_ARENA_ARRAY(p->ev.arena, struct fl_col, FL_MAX(agg->key_count, 1u));
	struct agg_input *inputs =
	    FL_ARENA_ARRAY(p->ev.arena, struct agg_input, FL_MAX(agg->agg_count, 1u));
	uint32_t *rows, used = 0, n = 0;

	make_runs(p, &r);
	if (!oper->is_proc && (oper->has_panes ? split_late(p, &r) : cut_late(p, &r))) {
		select_runs(p, &r);
		if (p->sel_count == 0)
			return;
	}
	window_inputs(p, below, keys, inputs);
	if (p->ev.error_count > 0) {
		pass_drop_errors(p);
		thin_runs(&r, p->ev.errors, p->row_count);
	}
	for (uint32_t i = 0; i < r.count; i++) {
		if (r.runs[i].count == 0)
			continue;
		used += r.runs[i].count;
		if (!oper->is_proc) {
			p->source->end = FL_MAX(p->source->end, r.runs[i].last_at);
			oper->end = FL_MAX(oper->end, r.runs[i].last_at);
		}
	}
	if (!fold->discard)
		oper->count.used += used;
	if (fold->step <= oper->p_g_max)
		skip_known(p, &r, keys, agg->key_count);
	for (uint32_t i = 0; i < r.count; i++)
		n = FL_MAX(n, r.runs[i].from + r.runs[i].count);
	if (agg->key_count > 0)
		table_keys_make(&fold->keys, keys, agg->key_count, r.order, n);
	rows = fl_arena_alloc(p->ev.arena, FL_MAX(n, 1u) * sizeof(*rows));
	for (uint32_t i = 0; i < r.count; i++)
		if (r.runs[i].count > 0)
			add_run_rows(p, &r, &r.runs[i], inputs, rows);
}
