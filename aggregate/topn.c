/* SPDX-License-Identifier: Apache-2.0 */
/*
 * topn.c - ROW_NUMBER() over the fired rows of one window.
 *
 * Stateless: the window's rows are all here when it fires.  Rows with equal sort
 * keys rank in the order in which their keys were first seen,
 * which is the same in every replay.
 */
#include "aggregate/fold.h"

#include <stdlib.h>

#include "base/util.h"

struct ranking {
	const struct fl_node *node;
	const struct fl_batch *batch;
	const uint64_t *seen;
};

/* NaN is equal to itself and larger than all others, as in Java. */
static int
compare_double(double x, double y)
{
	if (x != x || y != y)
		return (x != x) - (y != y);
	return x < y ? -1 : x > y;
}

static int
compare_values(const struct fl_col *col, uint32_t a, uint32_t b)
{
	if (col->type.id == FL_TYPE_FLOAT)
		return compare_double(
		    (double)FL_COL_AT(col, float, a), (double)FL_COL_AT(col, float, b));
	if (col->type.id == FL_TYPE_DOUBLE)
		return compare_double(FL_COL_AT(col, double, a), FL_COL_AT(col, double, b));
	return fl_col_compare(col, a, col, b);
}

static int
compare_key(const struct fl_col *col, const struct fl_sort_key *key, uint32_t a, uint32_t b)
{
	bool x = fl_col_is_valid(col, a), y = fl_col_is_valid(col, b);
	int c;

	if (!x || !y) {
		if (x == y)
			return 0;
		return x == key->nulls_first ? 1 : -1;
	}
	c = compare_values(col, a, b);
	return key->descending ? -c : c;
}

static int
compare_partitions(const struct ranking *r, uint32_t a, uint32_t b)
{
	for (uint32_t i = 0; i < r->node->partition_count; i++) {
		const struct fl_col *col = &r->batch->cols[r->node->partition_columns[i]];
		const struct fl_sort_key plain = { .nulls_first = true };
		int c = compare_key(col, &plain, a, b);

		if (c != 0)
			return c;
	}
	return 0;
}

static int
compare_ranked(const void *a, const void *b, void *ctx)
{
	const struct ranking *r = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int c = compare_partitions(r, x, y);

	for (uint32_t i = 0; c == 0 && i < r->node->sort_count; i++)
		c = compare_key(&r->batch->cols[r->node->sort[i].column], &r->node->sort[i], x, y);
	if (c != 0)
		return c;
	return r->seen[x] < r->seen[y] ? -1 : r->seen[x] > r->seen[y];
}

/* The best limit rows of rows[0..count), in order: what most Top-N are. */
static uint32_t
select_best(struct ranking *r, uint32_t *rows, uint32_t count, uint32_t limit)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t row = rows[i], k = kept;

		while (k > 0 && compare_ranked(&row, &rows[k - 1], r) < 0)
			k--;
		if (k == limit)
			continue;
		if (kept < limit)
			kept++;
		memmove(&rows[k + 1], &rows[k], (kept - k - 1) * sizeof(*rows));
		rows[k] = row;
	}
	return kept;
}

/* Keeps the rows whose rank is wanted; ranks[i] belongs to rows[i]. */
static uint32_t
keep_ranks(const struct ranking *r, uint32_t *rows, int64_t *ranks, uint32_t count)
{
	int64_t rank = 0;
	uint32_t n = 0, last = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (i > 0 && compare_partitions(r, last, rows[i]) != 0)
			rank = 0;
		last = rows[i];
		rank++;
		if (rank < r->node->rank_from || rank > r->node->rank_to)
			continue;
		ranks[n] = rank;
		rows[n++] = last;
	}
	return n;
}

static void
gather(const struct fl_col *from, const uint32_t *rows, uint32_t count, struct fl_arena *arena,
    struct fl_col *to)
{
	uint32_t width = fl_type_width(from->type.id), size = 0, *offsets, *lengths;
	const char **parts;
	char *bytes;

	fl_col_alloc(to, &from->type, count, true, arena);
	for (uint32_t i = 0; i < count; i++) {
		if (!fl_col_is_valid(from, rows[i]))
			to->valid[i >> 6] &= ~(UINT64_C(1) << (i & 63));
		if (width > 0)
			memcpy((char *)to->data + (size_t)i * width,
			    (const char *)from->data + (size_t)rows[i] * width, width);
	}
	if (width > 0)
		return;
	offsets = FL_ARENA_ARRAY(arena, uint32_t, count + 1);
	lengths = FL_ARENA_ARRAY(arena, uint32_t, FL_MAX(count, 1u));
	parts = fl_arena_alloc(arena, FL_MAX(count, 1u) * sizeof(*parts));
	for (uint32_t i = 0; i < count; i++) {
		parts[i] = fl_col_str(from, rows[i], &lengths[i]);
		size += lengths[i];
	}
	bytes = fl_arena_alloc(arena, FL_MAX(size, 1u));
	for (uint32_t i = 0; i < count; i++) {
		memcpy(bytes + offsets[i], parts[i], lengths[i]);
		offsets[i + 1] = offsets[i] + lengths[i];
	}
	to->offsets = offsets;
	to->bytes = bytes;
}

void
topn_rank(struct pass *p, struct stage *st, const uint64_t **seen)
{
	const struct fl_node *node = st->node;
	struct ranking r = { node, &st->below->batch, *seen };
	uint32_t in_count = st->below->batch.schema->count, count = p->sel_count;
	uint32_t *rows = fl_arena_alloc(p->ev.arena, (FL_MAX(count, 1u) + 1) * sizeof(*rows));
	int64_t *ranks = fl_arena_alloc(p->ev.arena, FL_MAX(count, 1u) * sizeof(*ranks));
	uint64_t *kept;

	for (uint32_t c = 0; c < in_count; c++)
		stage_need(st->below, c, p);
	pass_drop_errors(p);
	count = p->sel_count;
	for (uint32_t k = 0; k < count; k++)
		rows[k] = pass_row(p, k);
	if (node->partition_count == 0 && node->rank_to >= 1 && node->rank_to <= 16)
		count = select_best(&r, rows, count, (uint32_t)node->rank_to);
	else
		qsort_r(rows, count, sizeof(*rows), compare_ranked, &r);
	count = keep_ranks(&r, rows, ranks, count);
	stage_reset(st, count);
	for (uint32_t c = 0; c < in_count; c++)
		gather(&st->below->batch.cols[c], rows, count, p->ev.arena, &st->batch.cols[c]);
	fl_col_alloc(&st->batch.cols[in_count], &node->schema.fields[in_count].type,
	    FL_MAX(count, 1u), false, p->ev.arena);
	memcpy(st->batch.cols[in_count].data, ranks, count * sizeof(*ranks));
	kept = fl_arena_alloc(p->ev.arena, FL_MAX(count, 1u) * sizeof(*kept));
	for (uint32_t i = 0; i < count; i++)
		kept[i] = (*seen)[rows[i]];
	*seen = kept;
	memset(st->have, 1, st->batch.schema->count * sizeof(bool));
	/* From here on the ranked rows are the batch. */
	p->row_count = p->sel_count = count;
	p->sel = NULL;
	p->ev.errors = FL_ARENA_ARRAY(p->ev.arena, uint8_t, FL_MAX(count, 1u));
	p->ev.error_count = 0;
	p->rows = &st->batch;
}
