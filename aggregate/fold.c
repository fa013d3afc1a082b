/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold.c - the one function that folds: a step's rows, then time, then fires.
 *
 * Reading order: fold_step() at the end; time.c for what a block says about time;
 * calc.c for how a query's rows climb; window.c for how they get into tables;
 * fire.c, pane.c and topn.c for how they come out; update.c for queries without a window; dedup.c for the
 * first of each key; results.c for what is kept of it.
 */
#include "aggregate/fold.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/util.h"

/* ---- making the operators of a plan ---- */

/* The stages above the aggregate, itself the first. */
static void
make_upper(struct oper *oper)
{
	const struct fl_node *node, *chain[256];
	uint32_t count = 0;

	for (node = oper->query->root; node != NULL; node = node == oper->agg ? NULL : node->input) {
		assert(count < FL_ARRAY_COUNT(chain));
		chain[count++] = node;
		oper->has_topn = oper->has_topn || node->kind == FL_NODE_TOPN;
	}
	oper->upper = fl_calloc(count, sizeof(*oper->upper));
	/* cppcheck-suppress uninitvar ; filled above */
	stage_init(&oper->upper[0], chain[count - 1], NULL);
	memset(oper->upper[0].have, 1, oper->agg->schema.count * sizeof(bool));
	for (uint32_t i = 1; i < count; i++)
		stage_init(&oper->upper[i], chain[count - 1 - i], &oper->upper[i - 1]);
	oper->upper_count = count;
}

static struct source *
find_source(struct fold *fold, const struct fl_table *table)
{
	for (uint32_t s = 0; s < fold->source_count; s++)
		if (fold->sources[s].table == table)
			return &fold->sources[s];
	return NULL;
}

/* The SCAN of this table below node, NULL: none. */
static const struct fl_node *
find_scan(const struct fl_node *node, const struct fl_table *table)
{
	const struct fl_node *scan = NULL;

	for (; node != NULL && scan == NULL; node = node->input) {
		for (uint32_t i = 0; i < node->also_count && scan == NULL; i++)
			scan = find_scan(node->also[i], table);
		if (node->kind == FL_NODE_SCAN && node->table == table)
			scan = node;
	}
	return scan;
}

/* Sources in the order of the plan's tables, each scanned by some query. */
static void
make_sources(struct fold *fold, const uint32_t *stream_ids)
{
	const struct fl_plan *plan = fold->plan;

	fold->sources = fl_calloc(FL_MAX(plan->table_count, 1u), sizeof(*fold->sources));
	for (uint32_t t = 0; t < plan->table_count; t++) {
		const struct fl_table *table = plan->tables[t];
		struct source *src = &fold->sources[fold->source_count];
		const struct fl_node *scan = NULL;

		for (uint32_t q = 0; q < plan->query_count && scan == NULL; q++)
			scan = find_scan(plan->queries[q].root, table);
		if (scan == NULL)
			continue;
		stage_init(&src->scan, scan, NULL);
		src->table = table;
		src->index = t;
		src->stream = stream_ids[table->stream];
		src->schema = &plan->streams[table->stream].schema;
		src->watermark = src->end = FL_TIME_MIN;
		if (table->rowtime >= 0)
			src->is_ltz =
			    table->columns[table->rowtime].type.id == FL_TYPE_TIMESTAMP_LTZ;
		fold->source_count++;
	}
}

static bool
reads_watermark(const struct fl_expr *expr)
{
	if (expr == NULL)
		return false;
	if (expr->kind == FL_EXPR_CALL && strcmp(expr->fn->name, "CURRENT_WATERMARK") == 0)
		return true;
	for (uint32_t i = 0; i < expr->arg_count; i++)
		if (reads_watermark(expr->args[i]))
			return true;
	return false;
}

static bool
node_reads_watermark(const struct fl_node *node)
{
	bool found = false;

	if (node->kind == FL_NODE_CALC) {
		found = reads_watermark(node->filter);
		for (uint32_t c = 0; c < node->schema.count; c++)
			found = found || reads_watermark(node->exprs[c]);
	} else if (node->kind == FL_NODE_AGG) {
		for (uint32_t k = 0; k < node->key_count; k++)
			found = found || reads_watermark(node->keys[k]);
		for (uint32_t a = 0; a < node->agg_count; a++)
			found = found || reads_watermark(node->aggs[a].arg) ||
			    reads_watermark(node->aggs[a].filter);
	}
	return found;
}

/* The stages from a SCAN up to top. */
static void
make_branch(struct fold *fold, struct oper *oper, const struct fl_node *top)
{
	struct branch *branch = &oper->branches[oper->branch_count];
	const struct fl_node *node, *chain[256];
	uint32_t count = 0;

	for (node = top; node != NULL; node = node->input) {
		assert(count < FL_ARRAY_COUNT(chain));
		chain[count++] = node;
		oper->reads_watermark = oper->reads_watermark || node_reads_watermark(node);
	}
	branch->index = oper->branch_count++;
	branch->stages = fl_calloc(count, sizeof(*branch->stages));
	for (uint32_t i = 0; i < count; i++)
		/* cppcheck-suppress uninitvar ; filled above */
		stage_init(&branch->stages[i], chain[count - 1 - i], i == 0 ? NULL : &branch->stages[i - 1]);
	branch->stage_count = count;
	/* cppcheck-suppress uninitvar ; a tree ends in its SCAN */
	branch->source = find_source(fold, chain[count - 1]->table);
	assert(branch->source != NULL);
}

static void
make_oper(struct fold *fold, uint32_t index)
{
	struct oper *oper = &fold->opers[index];
	const struct fl_query *query = &fold->plan->queries[index];

	oper->index = index;
	oper->query = query;
	oper->sink = query->sink;
	oper->window = query->window;
	oper->agg = query->agg;
	oper->is_updating = fl_query_is_updating(query);
	assert(oper->window == NULL || oper->agg != NULL);
	oper->branches =
	    fl_calloc(oper->agg == NULL ? 1 : 1 + oper->agg->also_count, sizeof(*oper->branches));
	make_branch(fold, oper, oper->agg == NULL ? query->root : oper->agg->input);
	for (uint32_t i = 0; oper->agg != NULL && i < oper->agg->also_count; i++)
		make_branch(fold, oper, oper->agg->also[i]);
	if (oper->agg != NULL) {
		oper->reads_watermark = oper->reads_watermark || node_reads_watermark(oper->agg);
		make_upper(oper);
	}
	if (oper->is_updating)
		(void)window_open(oper, FL_TIME_MIN, FL_TIME_MAX, FL_TIME_MAX, FL_TIME_MAX);
	if (oper->window != NULL) {
		oper->is_proc = oper->window->time == FL_TIME_PROC;
		oper->has_panes = oper->window->slide_ms < oper->window->size_ms;
		oper->next_end = oper->next_at = FL_TIME_MIN;
		oper->is_ltz = oper->is_proc || oper->branches[0].source->is_ltz;
		for (uint32_t i = 0; !oper->is_proc && i < oper->branch_count; i++)
			oper->branches[i].source->has_event_window = true;
	}
	for (uint32_t g = 0; g < TABLE_GROUPS; g++)
		oper->groups[g].dirty_from = GROUP_CLEAN;
}

void
fold_init(struct fold *fold, const struct fl_plan *plan, const uint32_t *stream_ids, int64_t max_future_ms)
{
	memset(fold, 0, sizeof(*fold));
	fold->plan = plan;
	fold->max_future_ms = max_future_ms;
	fold->dead_quota = UINT64_MAX;
	fl_arena_init(&fold->arena);
	fl_arena_init(&fold->fire_arena);
	fl_buf_init(&fold->out.bytes);
	fold->identity = fl_malloc(FL_BATCH_ROWS_MAX * sizeof(*fold->identity));
	for (uint32_t i = 0; i < FL_BATCH_ROWS_MAX; i++)
		fold->identity[i] = i;
	make_sources(fold, stream_ids);
	fold->oper_count = plan->query_count;
	fold->opers = fl_calloc(FL_MAX(plan->query_count, 1u), sizeof(*fold->opers));
	for (uint32_t q = 0; q < plan->query_count; q++)
		make_oper(fold, q);
	fold->dedup_count = plan->dedup_count;
	fold->dedups = fl_calloc(FL_MAX(plan->dedup_count, 1u), sizeof(*fold->dedups));
	for (uint32_t d = 0; d < plan->dedup_count; d++)
		dedup_init(&fold->dedups[d], plan->dedups[d]);
	time_init(fold);
	fold->sink_count = plan->sink_count;
	fold->sinks = fl_calloc(FL_MAX(plan->sink_count, 1u), sizeof(*fold->sinks));
	for (uint32_t s = 0; s < plan->sink_count; s++) {
		fold->sinks[s].table = plan->sinks[s];
		fl_builder_init(&fold->sinks[s].rows, &plan->sinks[s]->physical);
		fl_buf_init(&fold->sinks[s].kinds);
		fold->sinks[s].wants_before =
		    fl_table_takes_changes(plan->sinks[s]) == FL_TAKES_ALL_CHANGES;
	}
	for (uint32_t q = 0; q < plan->query_count; q++)
		if (fold->opers[q].is_updating)
			fold->sinks[fold->opers[q].sink].has_changes = true;
}

static void
free_oper(struct oper *oper)
{
	while (oper->window_count > 0)
		window_free(oper, oper->window_count - 1);
	for (uint32_t b = 0; b < oper->branch_count; b++) {
		for (uint32_t i = 0; i < oper->branches[b].stage_count; i++)
			stage_fini(&oper->branches[b].stages[i]);
		free(oper->branches[b].stages);
	}
	for (uint32_t i = 0; i < oper->upper_count; i++)
		stage_fini(&oper->upper[i]);
	free(oper->windows);
	free(oper->branches);
	free(oper->upper);
}

void
fold_fini(struct fold *fold)
{
	if (fold->plan == NULL)
		return;
	for (uint32_t q = 0; q < fold->oper_count; q++)
		free_oper(&fold->opers[q]);
	for (uint32_t d = 0; d < fold->dedup_count; d++)
		dedup_fini(&fold->dedups[d]);
	for (uint32_t s = 0; s < fold->source_count; s++)
		stage_fini(&fold->sources[s].scan);
	for (uint32_t s = 0; s < fold->sink_count; s++) {
		fl_builder_fini(&fold->sinks[s].rows);
		fl_buf_fini(&fold->sinks[s].kinds);
	}
	free(fold->opers);
	free(fold->dedups);
	free(fold->sources);
	free(fold->sinks);
	free(fold->parts);
	free(fold->identity);
	free(fold->out.blocks);
	free(fold->out.values);
	fl_buf_fini(&fold->out.bytes);
	fl_dead_tally_fini(&fold->out.tally);
	table_keys_fini(&fold->keys);
	fl_arena_fini(&fold->arena);
	fl_arena_fini(&fold->fire_arena);
	memset(fold, 0, sizeof(*fold));
}

/* ---- folding ---- */

/* The computed columns that time needed serve the queries as well. */
static void
share_columns(struct stage *own, const struct stage *shared, uint32_t row_count)
{
	uint32_t count = own->batch.schema->count;

	own->batch.row_count = row_count;
	memcpy(own->have, shared->have, count * sizeof(bool));
	for (uint32_t c = 0; c < count; c++)
		if (shared->have[c])
			own->batch.cols[c] = shared->batch.cols[c];
}

/* Of a stream of dead letters, the rows that are some. */
static void
select_letters(struct pass *p, const struct source *src)
{
	const struct fl_col *is_letter = &p->view->batch.cols[src->schema->count - 1];
	uint32_t *sel = fl_arena_alloc(p->ev.arena, p->row_count * sizeof(*sel)), n = 0;

	for (uint32_t i = 0; i < p->row_count; i++)
		if (FL_COL_AT(is_letter, uint8_t, i) != 0)
			sel[n++] = i;
	if (n < p->row_count)
		p->sel = sel;
	p->sel_count = n;
}

static void
fold_rows(struct fold *fold, struct oper *oper, const struct branch *branch,
    const struct fl_block_view *view, uint32_t block, uint64_t base)
{
	uint32_t n = view->batch.row_count, taken;
	struct pass p;

	pass_init(&p, fold, oper, &fold->arena, n);
	p.view = view;
	p.source = branch->source;
	p.branch = branch;
	p.block = block;
	p.base = (int64_t)base;
	if (oper->reads_watermark)
		p.ev.watermarks = time_current(fold, branch->source, n);
	if (branch->source->table->letters != NULL)
		select_letters(&p, branch->source);
	if (!fold->discard)
		oper->count.seen += p.sel_count;
	share_columns(&branch->stages[0], &branch->source->scan, n);
	for (uint32_t i = 1; i < branch->stage_count && p.sel_count > 0; i++) {
		struct stage *st = &branch->stages[i];

		stage_reset(st, n);
		switch (st->node->kind) {
		case FL_NODE_CALC:
			pass_filter(&p, st);
			break;
		case FL_NODE_WINDOW:
			if (!oper->is_proc && branch->source->time.bad != NULL)
				pass_drop_bad(&p, branch->source->time.bad);
			break;
		case FL_NODE_DEDUP:
			dedup_rows(&p, st);
			break;
		case FL_NODE_SINK:
			taken = results_put(&p, st);
			if (!fold->discard)
				oper->count.used += taken;
			break;
		case FL_NODE_SCAN:
		case FL_NODE_AGG:
		case FL_NODE_TOPN:
			assert(!"not between a scan and its aggregate");
			break;
		}
	}
	if (oper->agg == NULL || p.sel_count == 0)
		return;
	if (oper->is_updating)
		update_add(&p, &branch->stages[branch->stage_count - 1]);
	else
		window_add(&p, &branch->stages[branch->stage_count - 1]);
}

static void
fold_query(struct fold *fold, struct oper *oper, const struct source *src,
    const struct fl_block_view *view, uint32_t block, uint64_t base)
{
	for (uint32_t i = 0; i < oper->branch_count; i++)
		if (oper->branches[i].source == src)
			fold_rows(fold, oper, &oper->branches[i], view, block, base);
}

static enum fl_code
fold_block(struct fold *fold, const struct fl_block_head *head, uint32_t block, uint64_t base,
    struct fl_err *err)
{
	for (uint32_t s = 0; s < fold->source_count; s++) {
		struct source *src = &fold->sources[s];
		struct fl_block_view view;

		if (src->stream != head->stream)
			continue;
		FL_TRY(fl_block_view(head, head->size, src->schema, &fold->arena, &view, err));
		if (view.batch.row_count > FL_BATCH_ROWS_MAX)
			return FL_FAIL(err, FL_E_STORE_DAMAGED, "a block holds %u rows, at most %u fit",
			    view.batch.row_count, FL_BATCH_ROWS_MAX);
		if (view.batch.row_count == 0)
			continue;
		time_block(fold, src, time_part(fold, src, head->partition), &view, block);
		for (uint32_t q = 0; q < fold->oper_count; q++)
			fold_query(fold, &fold->opers[q], src, &view, block, base);
	}
	return FL_OK;
}

static enum fl_code
check_order(const struct fold *fold, const struct fl_step_head *head, struct fl_err *err)
{
	if (head->step != fold->step + 1)
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "pipeline \"%s\" is at step %" PRIu64 " and got step %" PRIu64 " of ingest",
		    fold->plan->name, fold->step, head->step);
	if (head->prev_hash != fold->hash)
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "pipeline \"%s\": step %" PRIu64
		    " of ingest does not follow the step that was folded (hash %016" PRIx64
		    ", expected %016" PRIx64 ")",
		    fold->plan->name, head->step, head->prev_hash, fold->hash);
	return FL_OK;
}

enum fl_code
fold_step(struct fold *fold, const struct fl_step_view *step, struct fl_err *err)
{
	const struct fl_step_head *head = step->head;
	const struct fl_block_head *block;
	const char *at = step->blocks;
	uint64_t base = head->rows_before;

	FL_TRY(check_order(fold, head, err));
	fl_arena_reset(&fold->arena);
	fold->step = head->step;
	fold->clock_ms = head->clock_ms;
	fold->fired_index = 0;
	dedup_expire(fold);
	time_added(fold, step);
	for (uint32_t i = 0; fl_step_next_block(step, &at, &block); i++) {
		FL_TRY(fold_block(fold, block, i, base, err));
		base += block->row_count;
	}
	time_marks(fold, step);
	time_advance(fold);
	fire_due(fold);
	results_seal(fold);
	fold->hash = head->hash;
	fold->row_total = head->rows_before + head->row_count;
	if (fold->overfull != NULL)
		return FL_FAIL(err, FL_E_STATE_LIMIT,
		    "pipeline \"%s\" query \"%s\": the strings of one window, of a GROUP BY without one "
		    "(keys, MIN, MAX and the like), or of a deduplication's keys need more than 4 GiB",
		    fold->plan->name, fold->overfull->query->name);
	if (fold->plan->state_limit_keys > 0 && !fold->discard &&
	    fold_key_count(fold) > (uint64_t)fold->plan->state_limit_keys)
		return FL_FAIL(err, FL_E_STATE_LIMIT,
		    "pipeline \"%s\" holds %" PRIu64 " keys in open windows, in GROUP BY without one and in deduplication; "
		    "flight.state-limit is %" PRId64,
		    fold->plan->name, fold_key_count(fold), fold->plan->state_limit_keys);
	return FL_OK;
}

/* ---- looking at it ---- */

uint64_t
fold_fired_hash(const struct fold *fold)
{
	uint64_t sum = 0;

	for (uint32_t q = 0; q < fold->oper_count; q++)
		for (uint32_t g = 0; g < TABLE_GROUPS; g++)
			sum += fold->opers[q].groups[g].hash;
	for (uint32_t d = 0; d < fold->dedup_count; d++)
		for (uint32_t g = 0; g < TABLE_GROUPS; g++)
			sum += fold->dedups[d].groups[g].hash;
	return sum;
}

uint32_t
fold_unit_count(const struct fold *fold)
{
	return fold->oper_count + fold->dedup_count;
}

struct group *
fold_groups(const struct fold *fold, uint32_t unit)
{
	return unit < fold->oper_count ? fold->opers[unit].groups :
					 fold->dedups[unit - fold->oper_count].groups;
}

static bool
has_dedup(const struct fl_node *node, const struct fl_dedup *dedup)
{
	for (; node != NULL; node = node->input) {
		for (uint32_t i = 0; i < node->also_count; i++)
			if (has_dedup(node->also[i], dedup))
				return true;
		if (node->dedup == dedup)
			return true;
	}
	return false;
}

/* Dedups are numbered from the top of a tree down. */
bool
fold_is_above(const struct fold *fold, uint32_t unit, uint32_t above)
{
	const struct fl_plan *plan = fold->plan;

	if (unit < fold->oper_count || above >= unit)
		return false;
	if (above < fold->oper_count)
		return has_dedup(fold->opers[above].query->root, plan->dedups[unit - fold->oper_count]);
	for (uint32_t q = 0; q < fold->oper_count; q++)
		if (has_dedup(fold->opers[q].query->root, plan->dedups[unit - fold->oper_count]) &&
		    has_dedup(fold->opers[q].query->root, plan->dedups[above - fold->oper_count]))
			return true;
	return false;
}

uint64_t
fold_key_count(const struct fold *fold)
{
	uint64_t count = 0;

	for (uint32_t q = 0; q < fold->oper_count; q++)
		count += fold->opers[q].key_count;
	for (uint32_t d = 0; d < fold->dedup_count; d++)
		count += dedup_key_count(&fold->dedups[d]);
	return count;
}

uint32_t
fold_window_count(const struct fold *fold)
{
	uint32_t count = 0;

	for (uint32_t q = 0; q < fold->oper_count; q++)
		if (fold->opers[q].has_panes)
			count += pane_ends(&fold->opers[q], fold->opers[q].next_end, FL_TIME_MAX, NULL);
		else
			count += fold->opers[q].is_updating ? 0 : fold->opers[q].window_count;
	return count;
}

static bool
may_be_idle(const struct oper *oper)
{
	for (uint32_t i = 0; i < oper->branch_count; i++)
		if (oper->branches[i].source->table->idle_timeout_ms > 0)
			return true;
	return false;
}

bool
fold_wants_time(const struct fold *fold)
{
	for (uint32_t q = 0; q < fold->oper_count; q++) {
		const struct oper *oper = &fold->opers[q];

		if (oper->window_count > 0 && !oper->is_updating &&
		    (oper->is_proc || fold->plan->quiet_close_ms > 0 || may_be_idle(oper)))
			return true;
	}
	return false;
}

bool
fold_is_drained(const struct fold *fold)
{
	for (uint32_t q = 0; q < fold->oper_count; q++)
		if (!fold->opers[q].is_proc && !fold->opers[q].is_updating &&
		    fold->opers[q].window_count > 0)
			return false;
	return true;
}
