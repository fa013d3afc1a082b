/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time.c - watermarks, floors, idleness, quiet close (docs/architecture.md, "Time").
 *
 * w_p is the watermark that a partition's earlier rows made, floor_p what marks
 * and idleness wrote; a row is judged by the larger of its own partition, windows
 * fire by W, the minimum over partitions that are neither idle nor ended.  All of
 * it comes from steps, so a replay ends at the same time state.
 */
#include "aggregate/fold.h"
#include "base/util.h"

/* The time of an operator over several tables is kept as an entry of its own: its table is
 * this and the operator's index, its watermark and table_end are the operator's. */
#define TIME_OF_OPER 0x80000000u

/* Event times outside +-2^61 ms would overflow window arithmetic. */
#define TS_LIMIT (INT64_C(1) << 61)

static int64_t
own_time(const struct fl_partition_time *part)
{
	return FL_MAX(part->watermark, part->floor);
}

static struct fl_partition_time *
find_part(struct fold *fold, const struct source *source, int32_t partition)
{
	for (uint32_t i = 0; i < fold->part_count; i++)
		if (fold->parts[i].partition == partition && fold->parts[i].table == source->index)
			return &fold->parts[i];
	return NULL;
}

static struct fl_partition_time *
add_part(struct fold *fold, const struct source *source, int32_t partition, int64_t start)
{
	struct fl_partition_time *part;

	if (fold->part_count == fold->part_capacity) {
		fold->part_capacity = FL_MAX(8u, fold->part_capacity * 2);
		fold->parts = fl_realloc(fold->parts, fold->part_capacity * sizeof(*part));
	}
	part = &fold->parts[fold->part_count++];
	*part = (struct fl_partition_time){ .stream = source->stream, .partition = partition,
		.table = source->index, .watermark = FL_TIME_MIN, .floor = source->watermark,
		.caught_since = FL_TIME_MAX, .offset = start - 1 };
	return part;
}

/* A block of a partition that no mark announced counts as its announcement: the
 * pipeline may be younger than the step that held the mark. */
struct fl_partition_time *
time_part(struct fold *fold, struct source *source, int32_t partition)
{
	struct fl_partition_time *part = find_part(fold, source, partition);

	return part != NULL ? part : add_part(fold, source, partition, 0);
}

/* Smallest and largest value, and whether none is below the one before it. */
static bool
scan_sorted(const int64_t *v, uint32_t n, int64_t *min, int64_t *max)
{
	int64_t lo = v[0], hi = v[0];
	uint32_t back = 0;

	for (uint32_t i = 1; i < n; i++) {
		back |= v[i] < v[i - 1];
		lo = FL_MIN(lo, v[i]);
		hi = FL_MAX(hi, v[i]);
	}
	*min = lo;
	*max = hi;
	return back == 0;
}

static bool
has_null(const struct fl_col *col, uint32_t n)
{
	if (col->valid == NULL)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!fl_col_is_valid(col, i))
			return true;
	return false;
}

/* Rowtime and watermark of a block's rows, and the errors met. */
struct times {
	const struct fl_col *ts;
	struct fl_col wm;
	const uint8_t *ts_errors, *wm_errors;
	bool any_failed;
};

static void
eval_times(struct fold *fold, struct source *src, const struct fl_block_view *view, uint32_t block,
    struct times *times)
{
	uint32_t n = view->batch.row_count;
	struct pass p;

	pass_init(&p, fold, NULL, &fold->arena, n);
	p.view = view;
	p.source = src;
	p.block = block;
	stage_need(&src->scan, (uint32_t)src->table->rowtime, &p);
	times->ts = &src->scan.batch.cols[src->table->rowtime];
	times->ts_errors = p.ev.errors;
	times->any_failed = p.ev.error_count > 0;
	p.ev.errors = FL_ARENA_ARRAY(&fold->arena, uint8_t, n);
	p.ev.error_count = 0;
	stage_need_expr(&src->scan, src->table->watermark, &p);
	fl_expr_eval(src->table->watermark, &src->scan.batch, NULL, n, &p.ev, &times->wm);
	times->wm_errors = p.ev.errors;
	times->any_failed = times->any_failed || p.ev.error_count > 0;
}

/* Rows that no window can take, and watermark candidates without them. */
static void
clean_rows(struct fold *fold, struct block_time *t, const struct times *times, int64_t limit, uint32_t n)
{
	uint8_t *bad = FL_ARENA_ARRAY(&fold->arena, uint8_t, n);
	int64_t *cand = fl_arena_alloc(&fold->arena, n * sizeof(*cand));
	int64_t *clean = fl_arena_alloc(&fold->arena, n * sizeof(*clean));
	int64_t last = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (times->ts_errors[i] != 0)
			bad[i] = times->ts_errors[i];
		else if (!fl_col_is_valid(times->ts, i))
			bad[i] = FL_E_NULL_ROWTIME;
		else if (t->ts[i] > limit || t->ts[i] < -TS_LIMIT)
			bad[i] = FL_E_FUTURE_ROWTIME;
		cand[i] = FL_TIME_MIN;
		if (bad[i] == 0 && times->wm_errors[i] == 0 && fl_col_is_valid(&times->wm, i))
			cand[i] = FL_COL_AT(&times->wm, int64_t, i);
		/* Bad rows take their neighbour's time: they go nowhere, and min, max
		 * and order stay those of the good ones. */
		clean[i] = last = bad[i] == 0 ? t->ts[i] : last;
	}
	for (uint32_t i = n; i-- > 0;) { /* the bad ones before the first good one */
		if (bad[i] == 0)
			last = clean[i];
		else
			clean[i] = last;
	}
	t->bad = bad;
	t->cand = cand;
	t->ts = clean;
}

/* Wall clock of the session for each row; offsets change on quarter hours, so one
 * look-up serves all rows of a quarter whose two ends agree. */
static const int64_t *
shift_local(struct fold *fold, const int64_t *ts, uint32_t n)
{
	int64_t *out = fl_arena_alloc(&fold->arena, n * sizeof(*out));
	int64_t quarter = FL_TIME_MIN, offset = 0;
	const char *zone = fold->plan->zone;
	bool same = false;

	for (uint32_t i = 0; i < n; i++) {
		int64_t q = window_start(ts[i], 0, 900000);

		if (q != quarter) {
			quarter = q;
			offset = fl_zone_offset_ms(zone, q);
			same = offset == fl_zone_offset_ms(zone, q + 899999);
		}
		out[i] = ts[i] + (same ? offset : fl_zone_offset_ms(zone, ts[i]));
	}
	return out;
}

void
time_block(struct fold *fold, struct source *src, struct fl_partition_time *part,
    const struct fl_block_view *view, uint32_t block)
{
	struct block_time *t = &src->time;
	uint32_t n = view->batch.row_count;
	int64_t limit = TS_LIMIT, ts_min, ts_max, low, high;
	struct times times;

	memset(t, 0, sizeof(*t));
	/* Its rows are back: it waits no longer, and what fired meanwhile is late. */
	if (part->idle) {
		part->floor = FL_MAX(part->floor, src->watermark);
		part->idle = 0;
	}
	part->caught_since = FL_TIME_MAX;
	/* Letters that came back have old offsets. */
	part->offset = FL_MAX(part->offset, view->head->last);
	t->w0 = t->w_max = own_time(part);
	t->own0 = part->watermark;
	stage_reset(&src->scan, n);
	if (src->table->rowtime < 0 || src->table->watermark == NULL)
		return;
	eval_times(fold, src, view, block, &times);
	t->ts = times.ts->data;
	t->cand = times.wm.data;
	if (fold->max_future_ms > 0 && fold->clock_ms < TS_LIMIT - fold->max_future_ms)
		limit = fold->clock_ms + fold->max_future_ms;
	t->sorted = scan_sorted(t->ts, n, &ts_min, &ts_max);
	if (times.any_failed || ts_max > limit || ts_min < -TS_LIMIT || has_null(times.ts, n) ||
	    has_null(&times.wm, n)) {
		clean_rows(fold, t, &times, limit, n);
		t->sorted = scan_sorted(t->ts, n, &ts_min, &ts_max);
	}
	/* Queries share these columns, unless some row failed: then a query whose
	 * filter drops that row must not meet its error. */
	if (times.any_failed)
		stage_reset(&src->scan, n);
	t->cand_sorted = scan_sorted(t->cand, n, &low, &high);
	t->w_max = FL_MAX(t->w0, high);
	part->watermark = FL_MAX(part->watermark, high);
	t->local = t->ts;
	t->min = ts_min;
	t->max = ts_max;
	if (src->is_ltz && src->has_event_window && strcmp(fold->plan->zone, "UTC") != 0) {
		t->local = shift_local(fold, t->ts, n);
		t->sorted = scan_sorted(t->local, n, &t->min, &t->max);
	}
}

int64_t
time_before(struct fold *fold, struct source *src, uint32_t i, uint32_t row_count)
{
	struct block_time *t = &src->time;

	if (i == 0)
		return t->w0;
	if (t->cand_sorted)
		return FL_MAX(t->w0, t->cand[i - 1]);
	if (t->before == NULL) {
		int64_t w = t->w0;

		t->before = fl_arena_alloc(&fold->arena, row_count * sizeof(*t->before));
		for (uint32_t k = 0; k < row_count; k++) {
			t->before[k] = w;
			w = FL_MAX(w, t->cand[k]);
		}
	}
	return t->before[i];
}

const struct fl_col *
time_current(struct fold *fold, struct source *src, uint32_t row_count)
{
	struct block_time *t = &src->time;
	int64_t w = t->own0;

	if (t->current != NULL)
		return t->current;
	t->current = fl_arena_zalloc(&fold->arena, sizeof(*t->current));
	fl_col_alloc(t->current, &src->table->columns[src->table->rowtime].type, row_count, true,
	    &fold->arena);
	for (uint32_t i = 0; i < row_count; i++) {
		((int64_t *)t->current->data)[i] = w;
		if (w == FL_TIME_MIN)
			t->current->valid[i >> 6] &= ~(UINT64_C(1) << (i & 63));
		w = FL_MAX(w, t->cand[i]);
	}
	return t->current;
}

void
time_added(struct fold *fold, const struct fl_step_view *step)
{
	for (uint32_t m = 0; m < step->head->mark_count; m++) {
		const struct fl_mark *mark = &step->marks[m];

		for (uint32_t s = 0; mark->kind == FL_MARK_ADDED && s < fold->source_count; s++)
			if (fold->sources[s].stream == mark->stream &&
			    find_part(fold, &fold->sources[s], mark->partition) == NULL)
				add_part(fold, &fold->sources[s], mark->partition, mark->a);
	}
}

static void
apply_mark(struct fl_partition_time *part, const struct fl_mark *mark)
{
	switch ((enum fl_mark_kind)mark->kind) {
	case FL_MARK_CAUGHT:
		part->caught_since = mark->b;
		break;
	case FL_MARK_HOLE:
		/* Up to the end of time: the partition is given up. */
		if (mark->b < INT64_MAX) {
			part->offset = FL_MAX(part->offset, mark->b - 1);
			break;
		}
		part->watermark = FL_TIME_MAX;
		part->ended = 1;
		break;
	case FL_MARK_END:
		part->watermark = FL_TIME_MAX;
		part->ended = 1;
		break;
	case FL_MARK_ADDED:
	case FL_MARK_TICK:
		break;
	}
}

void
time_marks(struct fold *fold, const struct fl_step_view *step)
{
	for (uint32_t m = 0; m < step->head->mark_count; m++) {
		const struct fl_mark *mark = &step->marks[m];

		if (mark->kind == FL_MARK_TICK)
			continue;
		for (uint32_t s = 0; s < fold->source_count; s++)
			if (fold->sources[s].stream == mark->stream)
				apply_mark(time_part(fold, &fold->sources[s], mark->partition), mark);
	}
}

/* True once all partitions of a table have been caught up for that long. */
static bool
is_quiet(const struct fold *fold, const struct source *src, int64_t quiet_ms)
{
	uint32_t waiting = 0;

	for (uint32_t i = 0; i < fold->part_count; i++) {
		const struct fl_partition_time *part = &fold->parts[i];

		if (part->table != src->index || part->ended)
			continue;
		if (part->caught_since == FL_TIME_MAX || fold->clock_ms - part->caught_since < quiet_ms)
			return false;
		waiting++;
	}
	return waiting > 0;
}

static void
close_quiet(struct fold *fold, struct source *src)
{
	int64_t quiet = fold->plan->quiet_close_ms, floor;

	if (quiet <= 0 || src->end == FL_TIME_MIN || src->end - 1 <= src->watermark ||
	    !is_quiet(fold, src, quiet))
		return;
	floor = FL_MIN(src->end, fold->clock_ms - quiet) - 1;
	for (uint32_t i = 0; i < fold->part_count; i++)
		if (fold->parts[i].table == src->index)
			fold->parts[i].floor = FL_MAX(fold->parts[i].floor, floor);
	/* Also where every partition is idle: silence is what closes here. */
	src->watermark = FL_MAX(src->watermark, floor);
}

static void
advance_source(struct fold *fold, struct source *src)
{
	int64_t timeout = src->table->idle_timeout_ms, w = FL_TIME_MAX;
	uint32_t count = 0, ended = 0, idle = 0;

	for (uint32_t i = 0; i < fold->part_count; i++) {
		struct fl_partition_time *part = &fold->parts[i];

		if (part->table != src->index)
			continue;
		part->idle = timeout > 0 && !part->ended && part->caught_since != FL_TIME_MAX &&
		    fold->clock_ms - part->caught_since >= timeout;
		count++;
		ended += part->ended != 0;
		idle += part->idle != 0;
		if (!part->ended && !part->idle)
			w = FL_MIN(w, own_time(part));
	}
	/* A partition that ended must not push time while others merely rest. */
	if (count > ended + idle || (count > 0 && count == ended))
		src->watermark = FL_MAX(src->watermark, w);
	close_quiet(fold, src);
}

/* ---- the time of an aggregate over UNION ALL ---- */

static bool
has_own_time(const struct oper *oper)
{
	return oper->branch_count > 1 && oper->window != NULL && !oper->is_proc;
}

int64_t
time_of_oper(const struct oper *oper)
{
	return has_own_time(oper) ? oper->watermark : oper->branches[0].source->watermark;
}

int64_t
time_floor_of_oper(const struct oper *oper)
{
	return has_own_time(oper) ? oper->watermark : FL_TIME_MIN;
}

/* Some partition has not ended, and all that have not are idle. */
static bool
is_resting(const struct fold *fold, const struct source *src)
{
	uint32_t idle = 0;

	for (uint32_t i = 0; i < fold->part_count; i++) {
		const struct fl_partition_time *part = &fold->parts[i];

		if (part->table != src->index || part->ended)
			continue;
		if (!part->idle)
			return false;
		idle++;
	}
	return idle > 0;
}

/* Quiet close: every table has ended or is quiet, and one is. */
static bool
is_oper_quiet(const struct fold *fold, const struct oper *oper)
{
	uint32_t quiet = 0;

	for (uint32_t b = 0; b < oper->branch_count; b++) {
		const struct source *src = oper->branches[b].source;

		if (src->watermark == FL_TIME_MAX)
			continue;
		if (!is_quiet(fold, src, fold->plan->quiet_close_ms))
			return false;
		quiet++;
	}
	return quiet > 0;
}

/*
 * The minimum over the tables that do not rest.  It is kept, not computed anew: a table
 * that comes back from its rest may be behind it, and its rows are late by it.
 */
static void
advance_oper(const struct fold *fold, struct oper *oper)
{
	int64_t quiet_ms = fold->plan->quiet_close_ms, w = FL_TIME_MAX;
	uint32_t resting = 0;

	for (uint32_t b = 0; b < oper->branch_count; b++) {
		const struct source *src = oper->branches[b].source;

		if (is_resting(fold, src))
			resting++;
		else
			w = FL_MIN(w, src->watermark);
	}
	/* Tables that ended must not push time while others merely rest. */
	if (resting == 0 || w < FL_TIME_MAX)
		oper->watermark = FL_MAX(oper->watermark, w);
	if (quiet_ms > 0 && oper->end != FL_TIME_MIN && oper->end - 1 > oper->watermark &&
	    is_oper_quiet(fold, oper))
		oper->watermark =
		    FL_MAX(oper->watermark, FL_MIN(oper->end, fold->clock_ms - quiet_ms) - 1);
}

void
time_init(struct fold *fold)
{
	for (uint32_t o = 0; o < fold->oper_count; o++) {
		struct source none = { .index = TIME_OF_OPER | o, .stream = UINT32_MAX,
			.watermark = FL_TIME_MIN };

		fold->opers[o].watermark = fold->opers[o].end = FL_TIME_MIN;
		if (has_own_time(&fold->opers[o]))
			(void)add_part(fold, &none, -1, 0);
	}
}

bool
time_is_of_oper(const struct fl_partition_time *part)
{
	return part->table >= TIME_OF_OPER;
}

void
time_advance(struct fold *fold)
{
	for (uint32_t s = 0; s < fold->source_count; s++)
		advance_source(fold, &fold->sources[s]);
	for (uint32_t o = 0; o < fold->oper_count; o++)
		if (has_own_time(&fold->opers[o]))
			advance_oper(fold, &fold->opers[o]);
}

void
time_save(const struct fold *fold, struct fl_partition_time *parts)
{
	for (uint32_t i = 0; i < fold->part_count; i++) {
		parts[i] = fold->parts[i];
		if (time_is_of_oper(&parts[i])) {
			const struct oper *oper = &fold->opers[parts[i].table - TIME_OF_OPER];

			parts[i].watermark = oper->watermark;
			parts[i].table_watermark = oper->watermark;
			parts[i].table_end = oper->end;
		}
		for (uint32_t s = 0; s < fold->source_count; s++) {
			if (fold->sources[s].index != parts[i].table)
				continue;
			parts[i].table_watermark = fold->sources[s].watermark;
			parts[i].table_end = fold->sources[s].end;
		}
	}
}

void
time_load(struct fold *fold, const struct fl_partition_time *parts, uint32_t count)
{
	fold->part_count = 0;
	for (uint32_t s = 0; s < fold->source_count; s++)
		fold->sources[s].watermark = fold->sources[s].end = FL_TIME_MIN;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t o = parts[i].table - TIME_OF_OPER;

		if (time_is_of_oper(&parts[i]) && o < fold->oper_count) {
			struct source none = { .index = parts[i].table };

			fold->opers[o].watermark = parts[i].watermark;
			fold->opers[o].end = parts[i].table_end;
			*add_part(fold, &none, -1, 0) = parts[i];
		}
		for (uint32_t s = 0; s < fold->source_count; s++) {
			struct source *src = &fold->sources[s];

			if (src->index != parts[i].table)
				continue;
			src->watermark = parts[i].table_watermark;
			src->end = parts[i].table_end;
			*add_part(fold, src, parts[i].partition, 0) = parts[i];
		}
	}
}
