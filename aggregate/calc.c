/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calc.c - nodes at work on one batch: a column is computed when first needed.
 *
 * A pass climbs the stages with a selection that only shrinks.  Since a column is
 * computed over the rows left at that moment, an expression is never evaluated for
 * a row that a filter below it dropped: an error that Flink would not meet does not
 * happen here, and columns that nobody reads cost nothing.
 */
#include "aggregate/fold.h"

#include <stdlib.h>

#include "base/util.h"

void
stage_init(struct stage *st, const struct fl_node *node, struct stage *below)
{
	memset(st, 0, sizeof(*st));
	st->node = node;
	st->below = below;
	if (node == NULL)
		return;
	st->batch.schema = &node->schema;
	st->batch.cols = fl_calloc(FL_MAX(node->schema.count, 1u), sizeof(struct fl_col));
	st->have = fl_calloc(FL_MAX(node->schema.count, 1u), sizeof(bool));
}

void
stage_fini(struct stage *st)
{
	free(st->batch.cols);
	free(st->have);
	memset(st, 0, sizeof(*st));
}

void
stage_reset(struct stage *st, uint32_t row_count)
{
	memset(st->have, 0, st->batch.schema->count * sizeof(bool));
	st->batch.row_count = row_count;
}

void
stage_need_expr(struct stage *st, const struct fl_expr *expr, struct pass *p)
{
	if (expr->kind == FL_EXPR_COLUMN)
		stage_need(st, expr->column, p);
	for (uint32_t i = 0; i < expr->arg_count; i++)
		stage_need_expr(st, expr->args[i], p);
}

static void
eval_over(struct stage *st, const struct fl_expr *expr, struct pass *p, struct fl_col *out)
{
	stage_need_expr(st, expr, p);
	fl_expr_eval(expr, &st->batch, p->sel, p->sel_count, &p->ev, out);
}

void
stage_need(struct stage *st, uint32_t c, struct pass *p)
{
	const struct fl_node *node = st->node;
	struct fl_col *out = &st->batch.cols[c];

	if (st->have[c])
		return;
	st->have[c] = true; /* an expression never reads its own column */
	switch (node->kind) {
	case FL_NODE_SCAN:
		if (node->table->columns[c].kind == FL_COLUMN_COMPUTED)
			eval_over(st, node->table->columns[c].computed, p, out);
		else
			*out = p->view->batch.cols[node->table->columns[c].stream_column];
		break;
	case FL_NODE_CALC:
		eval_over(st->below, node->exprs[c], p, out);
		break;
	case FL_NODE_WINDOW:
		if (c >= node->input->schema.count) {
			window_bounds(p, node, c - node->input->schema.count, out);
			break;
		}
		stage_need(st->below, c, p);
		*out = st->below->batch.cols[c];
		break;
	case FL_NODE_DEDUP:
	case FL_NODE_SINK:
		stage_need(st->below, c, p);
		*out = st->below->batch.cols[c];
		break;
	case FL_NODE_AGG:
	case FL_NODE_TOPN:
		assert(!"columns of AGG and TOPN are given");
		break;
	}
}

void
pass_init(struct pass *p, struct fold *fold, struct oper *oper, struct fl_arena *arena, uint32_t row_count)
{
	memset(p, 0, sizeof(*p));
	p->fold = fold;
	p->oper = oper;
	p->row_count = p->sel_count = row_count;
	p->ev.arena = arena;
	p->ev.clock_ms = fold->clock_ms;
	p->ev.zone = fold->plan->zone;
	p->ev.errors = FL_ARENA_ARRAY(arena, uint8_t, FL_MAX(row_count, 1u));
}

void
pass_filter(struct pass *p, struct stage *st)
{
	const struct fl_expr *filter = st->node->filter;
	uint32_t *sel, count, failed = 0;

	if (filter == NULL || p->sel_count == 0)
		return;
	stage_need_expr(st->below, filter, p);
	pass_drop_errors(p);
	if (p->sel_count == 0)
		return;
	sel = fl_arena_alloc(p->ev.arena, p->sel_count * sizeof(*sel));
	count = fl_expr_filter(filter, &st->below->batch, p->sel, p->sel_count, &p->ev, sel);
	if (p->ev.error_count > 0) {
		for (uint32_t k = 0; k < p->sel_count; k++) {
			uint32_t row = pass_row(p, k);

			if (p->ev.errors[row] == 0)
				continue;
			failed++;
			results_dead(p, row, (enum fl_code)p->ev.errors[row], NULL);
		}
		p->ev.error_count = 0;
	}
	if (p->view != NULL && !p->fold->discard)
		p->oper->count.filtered += p->sel_count - count - failed;
	if (count < p->row_count || p->sel != NULL)
		p->sel = sel;
	p->sel_count = count;
}

void
pass_drop_bad(struct pass *p, const uint8_t *bad)
{
	uint32_t *sel = fl_arena_alloc(p->ev.arena, FL_MAX(p->sel_count, 1u) * sizeof(*sel)), n = 0;

	for (uint32_t k = 0; k < p->sel_count; k++) {
		uint32_t row = pass_row(p, k);

		if (bad[row] == 0)
			sel[n++] = row;
		else
			results_dead(p, row, (enum fl_code)bad[row], NULL);
	}
	if (n < p->sel_count || p->sel != NULL)
		p->sel = sel;
	p->sel_count = n;
}

void
pass_drop_errors(struct pass *p)
{
	if (p->ev.error_count == 0)
		return;
	p->ev.error_count = 0;
	pass_drop_bad(p, p->ev.errors);
}
