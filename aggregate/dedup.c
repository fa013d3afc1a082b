/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dedup.c - deduplication: of the rows of a key the first one passes.
 *
 * What was seen lies in a table like a window's: an entry for each key, with the step's
 * clock at its first row.  Rows of a step are in the order of the log, so which one is
 * the first does not depend on where steps were cut.  Duplicates change nothing in the
 * state: a group is dirty only when a key of it is new.
 *
 * Time to live, as Flink's state has it for this operator: it is written at the first
 * row, so it runs from there, and duplicates do not prolong it.  A key is forgotten in the
 * first step with clock >= first + ttl, before the step's rows: that is a function of
 * the log alone.  Keys came in the order of the clock, so in each group the ones to
 * forget are the head of its chain.
 *
 * In a replay a row of a step that its group's image contains does not pass: what is above
 * was stored together with the group (pipeline.c) and has had the row.
 */
#include "aggregate/fold.h"

#include <stdlib.h>

#include "base/util.h"

void
dedup_init(struct dedup *dedup, const struct fl_dedup *plan)
{
	dedup->plan = plan;
	table_init(&dedup->table, sizeof(int64_t));
	for (uint32_t g = 0; g < TABLE_GROUPS; g++)
		dedup->groups[g].dirty_from = GROUP_CLEAN;
}

void
dedup_fini(struct dedup *dedup)
{
	table_fini(&dedup->table);
}

uint64_t
dedup_key_count(const struct dedup *dedup)
{
	return dedup->table.count - dedup->table.gone_count;
}

static int64_t
first_ms(const struct table_entry *entry)
{
	int64_t clock_ms;

	memcpy(&clock_ms, entry + 1, sizeof(clock_ms));
	return clock_ms;
}

int64_t
dedup_first_ms(const struct dedup *dedup, uint32_t entry)
{
	return first_ms(table_at(&dedup->table, entry));
}

static void
expire_keys(struct table *table, int64_t clock_ms, int64_t ttl_ms)
{
	for (uint32_t g = 0; g < TABLE_GROUPS; g++) {
		const struct table_entry *oldest;

		while ((oldest = table_oldest(table, g)) != NULL &&
		    clock_ms - first_ms(oldest) >= ttl_ms)
			table_drop_oldest(table, g);
	}
	table_sweep(table);
}

void
dedup_expire(struct fold *fold)
{
	if (fold->plan->state_ttl_ms <= 0)
		return;
	for (uint32_t d = 0; d < fold->dedup_count; d++)
		expire_keys(&fold->dedups[d].table, fold->clock_ms, fold->plan->state_ttl_ms);
}

/* A key is new: it is remembered, and with it that its row came out. */
static void
remember(struct fold *fold, struct dedup *dedup, uint32_t entry)
{
	const struct table_entry *e = table_at(&dedup->table, entry);
	struct group *g = &dedup->groups[table_group(e->hash)];

	memcpy(table_acc(&dedup->table, entry), &fold->clock_ms, sizeof(fold->clock_ms));
	table_at(&dedup->table, entry)->row_count = 1;
	g->hash = (g->hash ^ e->hash ^ e->first_seen) * UINT64_C(0x9fb21c651e98df25) + 1;
	if (g->dirty_from == GROUP_CLEAN)
		g->dirty_from = fold->commit;
}

/* Writes the rows that pass to sel; returns how many. */
static uint32_t
select_first(struct pass *p, struct dedup *dedup, const uint32_t *order, uint32_t *sel)
{
	struct fold *fold = p->fold;
	uint32_t n = 0, entry;

	for (uint32_t k = 0; k < p->sel_count; k++) {
		if (fold->step <= dedup->groups[table_group(fold->keys.hash[k])].p_g)
			continue; /* a replay */
		if (!table_add(&dedup->table, &fold->keys, k, (uint64_t)p->base + order[k], &entry))
			continue;
		remember(fold, dedup, entry);
		sel[n++] = order[k];
	}
	return n;
}

void
dedup_rows(struct pass *p, struct stage *st)
{
	struct fold *fold = p->fold;
	const struct fl_node *node = st->node;
	struct dedup *dedup = &fold->dedups[node->dedup->index];
	struct fl_col *keys = FL_ARENA_ARRAY(p->ev.arena, struct fl_col, FL_MAX(node->partition_count, 1u));
	const uint32_t *order;
	uint32_t *sel, n;

	for (uint32_t i = 0; i < node->partition_count; i++) {
		stage_need(st->below, node->partition_columns[i], p);
		keys[i] = st->below->batch.cols[node->partition_columns[i]];
	}
	pass_drop_errors(p);
	if (p->sel_count == 0)
		return;
	order = p->sel == NULL ? fold->identity : p->sel;
	sel = fl_arena_alloc(p->ev.arena, p->sel_count * sizeof(*sel));
	table_keys_make(&fold->keys, keys, node->partition_count, order, p->sel_count);
	n = select_first(p, dedup, order, sel);
	if (!fold->discard)
		p->oper->count.duplicates += p->sel_count - n;
	if (dedup->table.heap.is_full)
		fold->overfull = p->oper;
	if (n < p->sel_count || p->sel != NULL)
		p->sel = sel;
	p->sel_count = n;
}
