/* SPDX-License-Identifier: Apache-2.0 */
/*
 * update.c - GROUP BY without a window: each row changes its key's value.
 *
 * The keys lie in one table that never fires, so images, replay and snapshots are
 * those of windows.  Every input row becomes a pair, its key's value before and
 * after it; both sides climb through HAVING and SELECT to the sink, which learns from
 * what is left of a pair what to do with the key (results.c).  Nothing of the side
 * before is stored: it is computed again from the accumulators.
 *
 * One change for each row, as Flink has it, and not one for each step: what comes out
 * then is a function of the rows and their order, not of where ingest cut its steps.
 */
#include <stdlib.h>

#include "aggregate/fold.h"
#include "base/util.h"

/* Pairs that climb together: their columns stay in the cache. */
#define CHUNK_ROWS 2048u

/* In a replay: rows that their group's image already contains. */
static void
skip_known(struct pass *p, const struct fl_col *keys)
{
	struct fold *fold = p->fold;
	uint32_t *sel = fl_arena_alloc(p->ev.arena, FL_MAX(p->sel_count, 1u) * sizeof(*sel)), n = 0;

	table_keys_make(&fold->keys, keys, p->oper->agg->key_count,
	    p->sel == NULL ? fold->identity : p->sel, p->sel_count);
	for (uint32_t k = 0; k < p->sel_count; k++) {
		sel[n] = pass_row(p, k);
		n += fold->step > p->oper->groups[table_group(fold->keys.hash[k])].p_g;
	}
	p->sel = sel;
	p->sel_count = n;
}

static void
add_row(const struct fl_node *agg, struct table *t, uint32_t entry, const struct agg_input *inputs,
    uint32_t row)
{
	for (uint32_t a = 0; a < agg->agg_count; a++) {
		const struct fl_agg *call = &agg->aggs[a];

		if (inputs[a].passes == NULL || inputs[a].passes[row] != 0)
			call->fn->add(call, table_acc(t, entry), 0, NULL,
			    call->arg == NULL ? NULL : &inputs[a].col, &row, 1, &t->heap);
	}
}

static bool
is_same(const struct fl_col *col, uint32_t i, uint32_t j)
{
	uint32_t width = fl_type_width(col->type.id), x, y;
	const char *p, *q;

	if (!fl_col_is_valid(col, i) || !fl_col_is_valid(col, j))
		return fl_col_is_valid(col, i) == fl_col_is_valid(col, j);
	if (width > 0)
		return memcmp((const char *)col->data + (size_t)i * width,
			   (const char *)col->data + (size_t)j * width, width) == 0;
	p = fl_col_str(col, i, &x);
	q = fl_col_str(col, j, &y);
	return x == y && memcmp(p, q, x) == 0;
}

/* Pairs that say something: a value that a row left as it was is not sent again. */
static uint32_t
select_changes(const struct oper *oper, const struct fl_batch *batch, const bool *is_first,
    uint32_t count, uint32_t *sel)
{
	const struct fl_node *agg = oper->agg;
	uint32_t n = 0;

	for (uint32_t k = 0; k < count; k++) {
		bool same = !is_first[k];

		for (uint32_t a = 0; a < agg->agg_count && same; a++)
			same = is_same(&batch->cols[agg->key_count + a], 2 * k, 2 * k + 1);
		if (same)
			continue;
		if (!is_first[k])
			sel[n++] = 2 * k;
		sel[n++] = 2 * k + 1;
	}
	return n;
}

/* FL_AGG_CHANGED_SIZE bytes at the end of the accumulators. */
static void
put_changed(const struct fl_node *agg, struct table *t, uint32_t entry, uint64_t row)
{
	memcpy(table_acc(t, entry) + agg->row_size - sizeof(row), &row, sizeof(row));
}

static uint64_t
get_changed(const struct fl_node *agg, const struct table *t, uint32_t entry)
{
	uint64_t row;

	memcpy(&row, table_acc(t, entry) + agg->row_size - sizeof(row), sizeof(row));
	return row;
}

/* Rows of the aggregate pass the stages above it: into taken, or NULL: as changes into the outbox. */
static void
climb(struct pass *p, struct oper *oper, struct fl_builder *taken)
{
	for (uint32_t i = 1; i < oper->upper_count && p->sel_count > 0; i++) {
		struct stage *st = &oper->upper[i];

		stage_reset(st, p->row_count);
		if (st->node->kind == FL_NODE_CALC)
			pass_filter(p, st);
		else if (taken != NULL)
			results_take(p, st, taken);
		else
			results_put_changes(p, st);
	}
}

static void
put_changes(struct fold *fold, struct oper *oper, const uint32_t *sel, uint32_t sel_count,
    uint32_t row_count)
{
	struct pass p;

	pass_init(&p, fold, oper, &fold->fire_arena, row_count);
	p.rows = &oper->upper[0].batch;
	p.sel = sel;
	p.sel_count = sel_count;
	p.is_changes = true;
	climb(&p, oper, NULL);
}

/* Rows order[0..count), of which entries are the keys', one after the other. */
static void
change_rows(struct pass *p, const struct agg_input *inputs, const uint32_t *order,
    const uint32_t *entries, uint32_t count, uint32_t next_new)
{
	struct fold *fold = p->fold;
	struct oper *oper = p->oper;
	const struct fl_node *agg = oper->agg;
	struct table *t = &oper->windows[0]->table;
	struct fl_batch *batch = &oper->upper[0].batch;
	struct fl_buf *bufs = fl_calloc(agg->schema.count, sizeof(*bufs));
	bool *is_first = FL_ARENA_ARRAY(&fold->fire_arena, bool, count);
	uint32_t *sel = FL_ARENA_ARRAY(&fold->fire_arena, uint32_t, 2 * count), n;

	batch->row_count = 2 * count;
	for (uint32_t c = 0; c < agg->schema.count; c++) {
		table_col_alloc(&batch->cols[c], &agg->schema.fields[c].type, 2 * count, &fold->fire_arena);
		fl_buf_init(&bufs[c]);
	}
	for (uint32_t k = 0; k < count; k++) {
		is_first[k] = entries[k] == next_new; /* new entries lie in order of appearance */
		next_new += is_first[k];
		fire_row(oper, t, entries[k], batch, 2 * k, bufs);
		add_row(agg, t, entries[k], inputs, order[k]);
		fire_row(oper, t, entries[k], batch, 2 * k + 1, bufs);
	}
	for (uint32_t c = 0; c < agg->schema.count; c++)
		if (fl_type_is_var(batch->cols[c].type.id))
			batch->cols[c].bytes = bufs[c].data == NULL ? "" : bufs[c].data;
	for (uint32_t k = 0; k < count; k++)
		fire_hash(oper, table_at(t, entries[k])->hash, 0, batch, 2 * k + 1);
	n = select_changes(oper, batch, is_first, count, sel);
	for (uint32_t i = 0; i < n; i++)
		if (sel[i] % 2 == 1)
			put_changed(agg, t, entries[sel[i] / 2],
			    (uint64_t)p->base + order[sel[i] / 2]);
	if (!fold->discard && n > 0)
		put_changes(fold, oper, sel, n, 2 * count);
	for (uint32_t c = 0; c < agg->schema.count; c++)
		fl_buf_fini(&bufs[c]);
	free(bufs);
}

static void
add_chunk(struct pass *p, const struct fl_col *keys, const struct agg_input *inputs,
    const uint32_t *order, uint32_t count)
{
	struct fold *fold = p->fold;
	struct oper *oper = p->oper;
	struct table *t = &oper->windows[0]->table;
	uint32_t before = t->count, *entries;

	fl_arena_reset(&fold->fire_arena);
	entries = FL_ARENA_ARRAY(&fold->fire_arena, uint32_t, count);
	table_keys_make(&fold->keys, keys, oper->agg->key_count, order, count);
	window_mark(fold, oper,
	    table_assign(t, &fold->keys, 0, count, order, (uint64_t)p->base, entries));
	oper->key_count += t->count - before;
	change_rows(p, inputs, order, entries, count, before);
	if (t->heap.is_full)
		fold->overfull = oper;
	else
		table_compact(t, oper->agg->aggs, oper->agg->agg_count);
}

void
update_add(struct pass *p, struct stage *below)
{
	struct fold *fold = p->fold;
	const struct fl_node *agg = p->oper->agg;
	struct fl_col *keys = FL_ARENA_ARRAY(p->ev.arena, struct fl_col, FL_MAX(agg->key_count, 1u));
	struct agg_input *inputs =
	    FL_ARENA_ARRAY(p->ev.arena, struct agg_input, FL_MAX(agg->agg_count, 1u));
	const uint32_t *order;

	window_inputs(p, below, keys, inputs);
	pass_drop_errors(p);
	if (!fold->discard)
		p->oper->count.used += p->sel_count;
	if (fold->step <= p->oper->p_g_max && p->sel_count > 0)
		skip_known(p, keys);
	order = p->sel == NULL ? fold->identity : p->sel;
	for (uint32_t at = 0; at < p->sel_count; at += FL_MIN(CHUNK_ROWS, p->sel_count - at))
		add_chunk(p, keys, inputs, order + at, FL_MIN(CHUNK_ROWS, p->sel_count - at));
}

/* ---- looking at it ---- */

/* Columns of AGG for entries [from, from + count), one row each. */
static void
fill_current(struct fold *fold, struct oper *oper, uint32_t from, uint32_t count)
{
	const struct fl_node *agg = oper->agg;
	struct fl_batch *batch = &oper->upper[0].batch;
	struct fl_buf *bufs = fl_calloc(agg->schema.count, sizeof(*bufs));

	batch->row_count = count;
	for (uint32_t c = 0; c < agg->schema.count; c++) {
		table_col_alloc(&batch->cols[c], &agg->schema.fields[c].type, count, &fold->fire_arena);
		fl_buf_init(&bufs[c]);
	}
	for (uint32_t i = 0; i < count; i++)
		fire_row(oper, &oper->windows[0]->table, from + i, batch, i, bufs);
	for (uint32_t c = 0; c < agg->schema.count; c++) {
		if (fl_type_is_var(batch->cols[c].type.id))
			batch->cols[c].bytes =
			    fl_arena_dup(&fold->fire_arena, bufs[c].size == 0 ? "" : bufs[c].data,
				FL_MAX(bufs[c].size, 1u));
		fl_buf_fini(&bufs[c]);
	}
	free(bufs);
}

bool
update_current(struct fold *fold, struct oper *oper, uint32_t *at, struct fl_builder *rows,
    struct fl_buf *changed)
{
	const struct table *t = &oper->windows[0]->table;
	uint32_t from = *at, count = FL_MIN(CHUNK_ROWS, t->count - from);
	bool was_discarding = fold->discard;
	struct pass p;

	if (count == 0)
		return false;
	*at += count;
	fl_arena_reset(&fold->fire_arena);
	fill_current(fold, oper, from, count);
	fold->discard = true; /* a row that the sink cannot have has died already */
	pass_init(&p, fold, oper, &fold->fire_arena, count);
	p.rows = &oper->upper[0].batch;
	climb(&p, oper, rows);
	fold->discard = was_discarding;
	for (uint32_t k = 0; k < p.sel_count; k++) {
		uint64_t row = get_changed(oper->agg, t, from + pass_row(&p, k));

		fl_buf_add(changed, &row, sizeof(row));
	}
	return true;
}
