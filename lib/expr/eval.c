/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eval.c - computes expression trees over the selected rows of a batch.
 *
 * A call evaluates its arguments for the same rows, then runs one kernel.  Nodes
 * with branches hand each branch the rows that reach it: AND the rows not yet
 * FALSE, CASE the rows whose condition was TRUE, COALESCE the rows still NULL.
 * All memory is the arena's; nothing is allocated per row.
 */
#include <assert.h>

#include "base/util.h"
#include "kernel.h"

/* Offsets are 32 bits: a result column of strings ends here. */
#define STRINGS_SIZE_MAX ((size_t)1 << 30)

/* ---- results ---- */

void
fl_eval_error(struct fl_eval *ctx, uint32_t row, enum fl_code code)
{
	if (ctx->errors == NULL) {
		ctx->error_count++;
	} else if (ctx->errors[row] == 0) {
		ctx->errors[row] = (uint8_t)code;
		ctx->error_count++;
	}
}

static uint64_t *
new_valid(struct fl_eval *ctx, int fill)
{
	size_t size = FL_VALID_WORDS(ctx->row_count + 1) * sizeof(uint64_t);

	return memset(fl_arena_alloc(ctx->arena, size), fill, size);
}

void
fl_out_null(struct fl_eval *ctx, struct fl_col *out, uint32_t row)
{
	if (out->valid == NULL)
		out->valid = new_valid(ctx, 0xff);
	out->valid[row >> 6] &= ~(UINT64_C(1) << (row & 63));
}

void
fl_strings_begin(struct fl_strings *s, struct fl_eval *ctx, struct fl_col *out)
{
	*s = (struct fl_strings){.ctx = ctx, .out = out};
	s->offsets = fl_arena_alloc(ctx->arena, ((size_t)ctx->row_count + 1) * sizeof(uint32_t));
	s->data = fl_arena_alloc(ctx->arena, s->capacity = 256);
}

void
fl_strings_row(struct fl_strings *s, uint32_t row)
{
	while (s->next <= row)
		s->offsets[s->next++] = (uint32_t)s->size;
}

void
fl_strings_add(struct fl_strings *s, const char *p, size_t size)
{
	if (size > STRINGS_SIZE_MAX - s->size) {
		fl_eval_error(s->ctx, s->next - 1, FL_E_ROW_TOO_LARGE);
		return;
	}
	if (s->size + size > s->capacity) {
		char *old = s->data;

		s->capacity = FL_MAX(s->capacity * 2, s->size + size);
		s->data = fl_arena_alloc(s->ctx->arena, s->capacity);
		memcpy(s->data, old, s->size);
	}
	if (size > 0)
		memcpy(s->data + s->size, p, size);
	s->size += size;
}

bool
fl_strings_room(struct fl_strings *s, uint64_t size)
{
	if (size <= STRINGS_SIZE_MAX - s->size)
		return true;
	fl_eval_error(s->ctx, s->next - 1, FL_E_ROW_TOO_LARGE);
	return false;
}

void
fl_strings_end(struct fl_strings *s)
{
	fl_strings_row(s, s->ctx->row_count);
	s->out->offsets = s->offsets;
	s->out->bytes = s->data;
	s->out->str_size = s->out->stride = 0;
}

static void
alloc_fixed(struct fl_col *out, const struct fl_type *type, struct fl_eval *ctx)
{
	*out = (struct fl_col){.type = *type};
	if (!fl_type_is_var((enum fl_type_id)type->id))
		fl_col_alloc(out, type, ctx->row_count, false, ctx->arena);
}

/* ---- leaves ---- */

static void
eval_literal(const struct fl_expr *expr, const uint32_t *sel, uint32_t sel_count,
    struct fl_eval *ctx, struct fl_col *out)
{
	const struct fl_value *v = &expr->value;

	alloc_fixed(out, &expr->type, ctx);
	if (v->is_null) {
		out->valid = new_valid(ctx, 0);
		if (out->data != NULL)
			memset(out->data, 0,
			    (size_t)FL_MAX(ctx->row_count, 1) *
				fl_type_width((enum fl_type_id)expr->type.id));
		else
			out->bytes = "";
		return;
	}
	switch ((enum fl_type_id)expr->type.id) {
	case FL_TYPE_BOOLEAN: {
		uint8_t *o = out->data, x = v->boolean;
		FL_ROWS(o[row] = x);
		break;
	}
	case FL_TYPE_TINYINT: {
		int8_t *o = out->data, x = (int8_t)v->i64;
		FL_ROWS(o[row] = x);
		break;
	}
	case FL_TYPE_SMALLINT: {
		int16_t *o = out->data, x = (int16_t)v->i64;
		FL_ROWS(o[row] = x);
		break;
	}
	case FL_TYPE_INT:
	case FL_TYPE_DATE: {
		int32_t *o = out->data, x = (int32_t)v->i64;
		FL_ROWS(o[row] = x);
		break;
	}
	case FL_TYPE_BIGINT:
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
	case FL_TYPE_INTERVAL: {
		int64_t *o = out->data, x = v->i64;
		FL_ROWS(o[row] = x);
		break;
	}
	case FL_TYPE_FLOAT: {
		float *o = out->data, x = (float)v->f64;
		FL_ROWS(o[row] = x);
		break;
	}
	case FL_TYPE_DOUBLE: {
		double *o = out->data, x = v->f64;
		FL_ROWS(o[row] = x);
		break;
	}
	case FL_TYPE_DECIMAL: {
		fl_i128 *o = out->data, x = v->i128;
		FL_ROWS(o[row] = x);
		break;
	}
	case FL_TYPE_CHAR:
	case FL_TYPE_VARCHAR:
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		out->bytes = v->str.p != NULL ? v->str.p : "";
		out->str_size = v->str.size;
		out->stride = 0;
		break;
	case FL_TYPE_ARRAY:
	case FL_TYPE_NULL:
		break;
	}
}

/* ---- calls ---- */

/* out's validity: the AND of the arguments'. */
static void
merge_valid(const struct fl_col *args, uint32_t arg_count, struct fl_eval *ctx, struct fl_col *out)
{
	size_t words = FL_VALID_WORDS(ctx->row_count);

	for (uint32_t a = 0; a < arg_count; a++) {
		if (args[a].valid == NULL)
			continue;
		if (out->valid == NULL)
			out->valid = new_valid(ctx, 0xff);
		for (size_t w = 0; w < words; w++)
			out->valid[w] &= args[a].valid[w];
	}
}

static const uint32_t *
keep_valid(const struct fl_col *col, const uint32_t *sel, uint32_t *sel_count, struct fl_eval *ctx)
{
	uint32_t *kept = fl_arena_alloc(ctx->arena, ((size_t)*sel_count + 1) * sizeof(*kept));
	uint32_t n = 0;

	for (uint32_t k = 0; k < *sel_count; k++) {
		uint32_t row = sel != NULL ? sel[k] : k;

		kept[n] = row;
		n += fl_col_is_valid(col, row);
	}
	*sel_count = n;
	return kept;
}

static void
eval_call(const struct fl_expr *expr, const struct fl_batch *batch, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	uint32_t flags = expr->kind == FL_EXPR_CAST ? FL_FUNCTION_STRICT : expr->fn->flags;
	struct fl_col few[4], *args = few;

	if (expr->arg_count > FL_ARRAY_COUNT(few))
		args = FL_ARENA_ARRAY(ctx->arena, struct fl_col, expr->arg_count);
	for (uint32_t a = 0; a < expr->arg_count; a++)
		fl_expr_eval(expr->args[a], batch, sel, sel_count, ctx, &args[a]);
	alloc_fixed(out, &expr->type, ctx);
	if (flags & FL_FUNCTION_STRICT) {
		merge_valid(args, expr->arg_count, ctx, out);
		if (out->valid != NULL && !(flags & FL_FUNCTION_TOTAL))
			sel = keep_valid(out, sel, &sel_count, ctx);
	}
	if (expr->kind == FL_EXPR_CAST)
		fl_cast_kernel(expr, args, sel, sel_count, ctx, out);
	else
		expr->fn->kernel(expr, args, sel, sel_count, ctx, out);
}

/* ---- AND, OR ---- */

enum { TRI_FALSE, TRI_TRUE, TRI_NULL };

/* stop: the value that decides, FALSE for AND and TRUE for OR. */
static void
eval_logic(const struct fl_expr *expr, uint8_t stop, const struct fl_batch *batch,
    const uint32_t *sel, uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const uint32_t *now = sel;
	uint32_t now_count = sel_count, *rest;
	uint8_t *tri;
	bool any_null = false;

	alloc_fixed(out, &expr->type, ctx);
	tri = out->data;
	rest = fl_arena_alloc(ctx->arena, ((size_t)sel_count + 1) * sizeof(*rest));
	for (uint32_t a = 0; a < expr->arg_count && now_count > 0; a++) {
		struct fl_col col;
		uint32_t n = 0;

		fl_expr_eval(expr->args[a], batch, now, now_count, ctx, &col);
		const uint8_t *x = col.data;
		for (uint32_t k = 0; k < now_count; k++) {
			uint32_t row = now != NULL ? now[k] : k;
			uint8_t v = fl_col_is_valid(&col, row) ? x[row] : TRI_NULL;

			/* Rows here are undecided so far: neutral or NULL. */
			if (a == 0 || v != !stop)
				tri[row] = v;
			rest[n] = row;
			n += v != stop;
		}
		now = rest;
		now_count = n;
	}
	FL_ROWS(any_null |= tri[row] == TRI_NULL);
	if (any_null)
		FL_EACH_ROW (row) {
			if (tri[row] == TRI_NULL) {
				fl_out_null(ctx, out, row);
				tri[row] = 0;
			}
		}
}

/* ---- CASE, COALESCE ---- */

/* A result put together from branches: fixed widths are copied at once, strings
 * once all branches are known, since offsets must ascend. */
struct merge {
	struct fl_col *out;
	struct fl_eval *ctx;
	uint16_t *which;
	struct fl_col *branches;
};

static void
merge_rows(
    struct merge *m, uint32_t b, const struct fl_col *col, const uint32_t *sel, uint32_t sel_count)
{
	struct fl_col *out = m->out;

	if (col->valid != NULL)
		FL_EACH_ROW (row) {
			if (!fl_col_is_valid(col, row))
				fl_out_null(m->ctx, out, row);
		}
	if (m->which != NULL) {
		m->branches[b] = *col;
		FL_ROWS(m->which[row] = (uint16_t)b);
		return;
	}
	switch (fl_type_width((enum fl_type_id)out->type.id)) {
	case 1:
		FL_ROWS(((uint8_t *)out->data)[row] = FL_COL_AT(col, uint8_t, row));
		break;
	case 2:
		FL_ROWS(((uint16_t *)out->data)[row] = FL_COL_AT(col, uint16_t, row));
		break;
	case 4:
		FL_ROWS(((uint32_t *)out->data)[row] = FL_COL_AT(col, uint32_t, row));
		break;
	case 8:
		FL_ROWS(((uint64_t *)out->data)[row] = FL_COL_AT(col, uint64_t, row));
		break;
	default:
		FL_ROWS(memcpy((char *)out->data + (size_t)row * 16,
		    (const char *)col->data + (size_t)row * 16, 16));
		break;
	}
}

static void
merge_begin(struct merge *m, const struct fl_expr *expr, uint32_t branch_count, struct fl_eval *ctx,
    struct fl_col *out)
{
	*m = (struct merge){.out = out, .ctx = ctx};
	alloc_fixed(out, &expr->type, ctx);
	if (out->data == NULL) {
		m->which =
		    fl_arena_alloc(ctx->arena, ((size_t)ctx->row_count + 1) * sizeof(*m->which));
		m->branches = FL_ARENA_ARRAY(ctx->arena, struct fl_col, branch_count);
	}
}

static void
merge_end(struct merge *m, const uint32_t *sel, uint32_t sel_count)
{
	struct fl_strings s;

	if (m->which == NULL)
		return;
	fl_strings_begin(&s, m->ctx, m->out);
	FL_EACH_ROW (row) {
		if (fl_col_is_valid(m->out, row)) {
			uint32_t size;
			const char *p = fl_col_str(&m->branches[m->which[row]], row, &size);
			fl_strings_row(&s, row);
			fl_strings_add(&s, p, size);
		}
	}
	fl_strings_end(&s);
}

static void
eval_case(const struct fl_expr *expr, const struct fl_batch *batch, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const uint32_t *now = sel;
	uint32_t now_count = sel_count, branch_count = expr->arg_count / 2;
	uint32_t *hits, *rest;
	struct merge m;
	struct fl_col col;

	merge_begin(&m, expr, branch_count + 1, ctx, out);
	hits = fl_arena_alloc(ctx->arena, ((size_t)sel_count + 1) * sizeof(*hits));
	rest = fl_arena_alloc(ctx->arena, ((size_t)sel_count + 1) * sizeof(*rest));
	for (uint32_t b = 0; b < branch_count && now_count > 0; b++) {
		uint32_t hit_count = 0, n = 0;

		fl_expr_eval(expr->args[2 * b], batch, now, now_count, ctx, &col);
		for (uint32_t k = 0; k < now_count; k++) {
			uint32_t row = now != NULL ? now[k] : k;
			bool hit = fl_col_is_valid(&col, row) && FL_COL_AT(&col, uint8_t, row);

			hits[hit_count] = row;
			hit_count += hit;
			rest[n] = row;
			n += !hit;
		}
		if (hit_count > 0) {
			fl_expr_eval(expr->args[2 * b + 1], batch, hits, hit_count, ctx, &col);
			merge_rows(&m, b, &col, hits, hit_count);
		}
		now = rest;
		now_count = n;
	}
	if (now_count > 0) {
		fl_expr_eval(expr->args[expr->arg_count - 1], batch, now, now_count, ctx, &col);
		merge_rows(&m, branch_count, &col, now, now_count);
	}
	merge_end(&m, sel, sel_count);
}

static void
eval_coalesce(const struct fl_expr *expr, const struct fl_batch *batch, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	const uint32_t *now = sel;
	uint32_t now_count = sel_count, *hits, *rest;
	struct merge m;

	merge_begin(&m, expr, expr->arg_count, ctx, out);
	hits = fl_arena_alloc(ctx->arena, ((size_t)sel_count + 1) * sizeof(*hits));
	rest = fl_arena_alloc(ctx->arena, ((size_t)sel_count + 1) * sizeof(*rest));
	for (uint32_t a = 0; a < expr->arg_count && now_count > 0; a++) {
		struct fl_col col;
		uint32_t hit_count = 0, n = 0;

		fl_expr_eval(expr->args[a], batch, now, now_count, ctx, &col);
		for (uint32_t k = 0; k < now_count; k++) {
			uint32_t row = now != NULL ? now[k] : k;
			bool hit = a + 1 == expr->arg_count || fl_col_is_valid(&col, row);

			hits[hit_count] = row;
			hit_count += hit;
			rest[n] = row;
			n += !hit;
		}
		merge_rows(&m, a, &col, hits, hit_count);
		now = rest;
		now_count = n;
	}
	merge_end(&m, sel, sel_count);
}

/* ---- entry points ---- */

void
fl_expr_eval(const struct fl_expr *expr, const struct fl_batch *batch, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, struct fl_col *out)
{
	ctx->row_count = batch->row_count;
	switch (expr->kind) {
	case FL_EXPR_COLUMN:
		*out = batch->cols[expr->column];
		break;
	case FL_EXPR_LITERAL:
		eval_literal(expr, sel, sel_count, ctx, out);
		break;
	case FL_EXPR_CALL:
	case FL_EXPR_CAST:
		eval_call(expr, batch, sel, sel_count, ctx, out);
		break;
	case FL_EXPR_AND:
		eval_logic(expr, TRI_FALSE, batch, sel, sel_count, ctx, out);
		break;
	case FL_EXPR_OR:
		eval_logic(expr, TRI_TRUE, batch, sel, sel_count, ctx, out);
		break;
	case FL_EXPR_CASE:
		eval_case(expr, batch, sel, sel_count, ctx, out);
		break;
	case FL_EXPR_COALESCE:
		eval_coalesce(expr, batch, sel, sel_count, ctx, out);
		break;
	}
}

uint32_t
fl_expr_filter(const struct fl_expr *expr, const struct fl_batch *batch, const uint32_t *sel,
    uint32_t sel_count, struct fl_eval *ctx, uint32_t *sel_out)
{
	struct fl_col col;
	uint32_t n = 0;

	fl_expr_eval(expr, batch, sel, sel_count, ctx, &col);
	const uint8_t *x = col.data;
	if (col.valid == NULL && ctx->errors == NULL)
		FL_EACH_ROW (row) {
			sel_out[n] = row;
			n += x[row] != 0;
		}
	else
		FL_EACH_ROW (row) {
			sel_out[n] = row;
			n += fl_col_is_valid(&col, row) && x[row] != 0 &&
			     (ctx->errors == NULL || ctx->errors[row] == 0);
		}
	return n;
}
