/* SPDX-License-Identifier: Apache-2.0 */
/*
 * results.c - what comes out of a fold: result rows, late rows, dead letters.
 *
 * Everything is kept as bytes until the commit that also moves R.  Result blocks
 * are sealed per step, and within a step by rows and bytes only, so that how many
 * steps one commit holds changes no byte of the outbox.
 */
#include "aggregate/fold.h"

#include <stdlib.h>

#include "base/util.h"
#include "shm/dead.h"

/* A block is sealed at this size; a row that is larger becomes a dead letter. */
#define BLOCK_SIZE 393216u
#define ROW_SIZE_MAX 524288u

void
fold_out_reset(struct fold *fold)
{
	fl_buf_reset(&fold->out.bytes);
	fold->out.block_count = fold->out.value_count = fold->out.tally.count = 0;
}

static size_t
align_out(struct out *out)
{
	while (out->bytes.size % 8 != 0)
		fl_buf_byte(&out->bytes, 0);
	return out->bytes.size;
}

static struct out_value *
add_value(struct out *out, enum fl_dbi dbi, uint16_t kind)
{
	struct out_value *value;

	if (out->value_count == out->value_capacity) {
		out->value_capacity = FL_MAX(64u, out->value_capacity * 2);
		out->values = fl_realloc(out->values, out->value_capacity * sizeof(*out->values));
	}
	value = &out->values[out->value_count++];
	*value = (struct out_value){ .dbi = dbi, .kind = kind, .at = align_out(out) };
	return value;
}

/* ---- result rows ---- */

static void
seal_rows(struct fold *fold, uint32_t sink)
{
	struct out *out = &fold->out;
	struct out_sink *s = &fold->sinks[sink];
	struct fl_block_info info = { .stream = sink, .partition = -1, .kafka_ts_min = FL_TIME_MAX,
		.kafka_ts_max = FL_TIME_MIN };
	struct fl_batch batch;
	size_t size_max, size, at;

	if (s->rows.row_count == 0)
		return;
	info.first = (int64_t)(s->next - s->rows.row_count);
	if (s->has_changes)
		info.kinds = (const uint8_t *)s->kinds.data;
	fl_builder_view(&s->rows, &batch, &fold->arena);
	size_max = fl_block_size_max(&batch, false, s->has_changes);
	at = align_out(out);
	fl_buf_reserve(&out->bytes, size_max);
	size = fl_block_seal(&batch, &info, out->bytes.data + at, size_max);
	out->bytes.size = at + size;
	if (out->block_count == out->block_capacity) {
		out->block_capacity = FL_MAX(16u, out->block_capacity * 2);
		out->blocks = fl_realloc(out->blocks, out->block_capacity * sizeof(*out->blocks));
	}
	out->blocks[out->block_count++] = (struct out_block){ .sink = sink,
		.row_count = batch.row_count, .first = (uint64_t)info.first, .at = at, .size = size };
	fl_builder_reset(&s->rows);
	fl_buf_reset(&s->kinds);
	s->rows_size = 0;
}

void
results_seal(struct fold *fold)
{
	for (uint32_t s = 0; s < fold->sink_count; s++)
		seal_rows(fold, s);
}

/* Bytes of a row; UINT32_MAX at most. */
static size_t
row_size(const struct fl_batch *batch, uint32_t row)
{
	size_t size = 0;

	for (uint32_t c = 0; c < batch->schema->count; c++) {
		uint32_t width = fl_type_width(batch->cols[c].type.id);

		if (width == 0)
			(void)fl_col_str(&batch->cols[c], row, &width);
		size += width + 5;
	}
	return size;
}

/* Index of a NOT NULL column of the sink that got a NULL; -1: none. */
static int32_t
find_null(const struct fl_schema *sink, const struct fl_batch *batch, uint32_t row)
{
	for (uint32_t c = 0; c < sink->count; c++)
		if (!sink->fields[c].type.nullable && !fl_col_is_valid(&batch->cols[c], row))
			return (int32_t)c;
	return -1;
}

/* May the sink have it?  If not it is a dead letter. */
static bool
check_row(struct pass *p, const struct fl_schema *schema, const struct fl_batch *batch,
    uint32_t row, size_t *size)
{
	int32_t null = find_null(schema, batch, row);

	*size = row_size(batch, row);
	if (null < 0 && *size <= ROW_SIZE_MAX)
		return true;
	results_dead(p, row, null >= 0 ? FL_E_BAD_NULL : FL_E_ROW_TOO_LARGE,
	    null >= 0 ? schema->fields[null].name : NULL);
	return false;
}

static void
append_row(struct fold *fold, uint32_t to, const struct fl_batch *batch, uint32_t row, size_t size,
    enum fl_change kind)
{
	struct out_sink *sink = &fold->sinks[to];

	if (!fl_builder_begin(&sink->rows) || sink->rows_size + size > BLOCK_SIZE) {
		seal_rows(fold, to);
		(void)fl_builder_begin(&sink->rows);
	}
	for (uint32_t c = 0; c < batch->schema->count; c++)
		fl_builder_set_from(&sink->rows, c, &batch->cols[c], row);
	fl_builder_commit(&sink->rows);
	if (sink->has_changes)
		fl_buf_byte(&sink->kinds, (char)kind);
	sink->rows_size += size;
	sink->next++;
}

static void
put_row(struct pass *p, const struct fl_batch *batch, uint32_t row, size_t size, enum fl_change kind)
{
	append_row(p->fold, p->oper->sink, batch, row, size, kind);
	p->oper->count.fired_rows++;
}

void
results_return(struct fold *fold, uint32_t sink, const struct fl_batch *batch)
{
	for (uint32_t row = 0; row < batch->row_count; row++) {
		append_row(fold, sink, batch, row, row_size(batch, row), FL_CHANGE_INSERT);
		fold->sinks[sink].returned++;
	}
}

uint32_t
results_put(struct pass *p, struct stage *st)
{
	const struct fl_schema *schema = &p->fold->sinks[p->oper->sink].table->physical;
	uint32_t taken = 0;

	for (uint32_t c = 0; c < schema->count; c++)
		stage_need(st, c, p);
	pass_drop_errors(p);
	for (uint32_t k = 0; k < p->sel_count && !p->fold->discard; k++) {
		uint32_t row = pass_row(p, k);
		size_t size;

		if (!check_row(p, schema, &st->batch, row, &size))
			continue;
		put_row(p, &st->batch, row, size, FL_CHANGE_INSERT);
		taken++;
	}
	return taken;
}

/*
 * What a pair says of its key, by which of the two the sink may have:
 *
 *	before	after
 *	no	yes	+I	the first, or it passes HAVING (again)
 *	yes	yes	-U +U	or only +U
 *	yes	no	-D	it does not pass HAVING any more, or cannot be computed
 */
void
results_put_changes(struct pass *p, struct stage *st)
{
	const struct out_sink *sink = &p->fold->sinks[p->oper->sink];
	const struct fl_schema *schema = &sink->table->physical;
	size_t *sizes = FL_ARENA_ARRAY(p->ev.arena, size_t, p->row_count);

	for (uint32_t c = 0; c < schema->count; c++)
		stage_need(st, c, p);
	pass_drop_errors(p);
	for (uint32_t k = 0; k < p->sel_count; k++) {
		uint32_t row = pass_row(p, k);

		if (!check_row(p, schema, &st->batch, row, &sizes[row]))
			sizes[row] = 0; /* no row has that size */
	}
	for (uint32_t row = 0; row < p->row_count; row += 2) {
		bool before = sizes[row] > 0, after = sizes[row + 1] > 0;

		if (before && !after)
			put_row(p, &st->batch, row, sizes[row], FL_CHANGE_DELETE);
		if (before && after && sink->wants_before)
			put_row(p, &st->batch, row, sizes[row], FL_CHANGE_UPDATE_BEFORE);
		if (after)
			put_row(p, &st->batch, row + 1, sizes[row + 1],
			    before ? FL_CHANGE_UPDATE_AFTER : FL_CHANGE_INSERT);
	}
}

void
results_take(struct pass *p, struct stage *st, struct fl_builder *rows)
{
	const struct fl_schema *schema = &p->fold->sinks[p->oper->sink].table->physical;
	uint32_t *sel = FL_ARENA_ARRAY(p->ev.arena, uint32_t, FL_MAX(p->sel_count, 1u)), n = 0;

	for (uint32_t c = 0; c < schema->count; c++)
		stage_need(st, c, p);
	pass_drop_errors(p);
	for (uint32_t k = 0; k < p->sel_count; k++) {
		uint32_t row = pass_row(p, k);
		size_t size;

		if (!check_row(p, schema, &st->batch, row, &size) || !fl_builder_begin(rows))
			continue;
		for (uint32_t c = 0; c < schema->count; c++)
			fl_builder_set_from(rows, c, &st->batch.cols[c], row);
		fl_builder_commit(rows);
		sel[n++] = row;
	}
	p->sel = sel;
	p->sel_count = n;
}

/* ---- dead letters ---- */

static void
print_reason(const struct pass *p, enum fl_code code, const char *what, struct fl_buf *out)
{
	const struct fl_table *table = p->source != NULL ? p->source->table : NULL;

	fl_buf_printf(out, "query \"%s\": ", p->oper->query->name);
	if (table != NULL && code == FL_E_NULL_ROWTIME)
		fl_buf_printf(out, "event time \"%s\" is NULL", table->columns[table->rowtime].name);
	else if (table != NULL && code == FL_E_FUTURE_ROWTIME)
		fl_buf_printf(out, "event time \"%s\" is too far ahead of the clock",
		    table->columns[table->rowtime].name);
	else if (code == FL_E_BAD_NULL)
		fl_buf_printf(out, "column \"%s\" of table \"%s\" is NOT NULL and got NULL", what,
		    p->fold->sinks[p->oper->sink].table->name);
	else /* any other has its sentence in tbl/errors.h */
		fl_buf_str(out, fl_code_help(code));
}

void
results_dead(struct pass *p, uint32_t row, enum fl_code code, const char *what)
{
	struct fold *fold = p->fold;
	struct out_value *value;
	struct fl_dead dead = { 0 };
	struct fl_buf reason, json, bytes;
	const struct fl_batch *batch = p->view != NULL ? &p->view->batch : p->rows;
	uint32_t block = p->view != NULL ? p->block : UINT32_MAX;

	/* A value that had died is no news when it is left. */
	if (fold->discard || p->oper == NULL || (p->is_changes && row % 2 == 0))
		return;
	fl_buf_init(&reason);
	fl_buf_init(&json);
	fl_buf_init(&bytes);
	print_reason(p, code, what, &reason);
	fl_row_print_json(batch, row, &json);
	dead.head.code = code;
	dead.head.stream = p->source != NULL ? p->source->stream : p->oper->sink;
	dead.head.partition = p->view != NULL ? p->view->head->partition : -1;
	dead.head.reason_size = (uint32_t)reason.size;
	dead.head.value_size = dead.head.value_full = (uint32_t)json.size;
	if (json.size > FL_DEAD_PIPELINE_MAX || fold->dead_size + json.size > fold->dead_quota)
		dead.head.value_size = 0;
	dead.head.flags = FL_DEAD_NULL_KEY | FL_DEAD_IS_JSON;
	dead.head.offset = p->view != NULL ? fl_block_offset(p->view, row) : -1;
	dead.head.kafka_ts = p->view != NULL ? p->view->head->kafka_ts_min : FL_TIME_MIN;
	dead.head.clock_ms = fold->clock_ms;
	dead.reason = reason.data;
	dead.key = "";
	dead.value = json.data;
	fl_dead_encode(&dead, &bytes);
	value = add_value(&fold->out, FL_DBI_PIPELINE_DEAD, 0);
	fl_key_u64(value->key, fold->step);
	fl_key_u32(value->key + 8, block);
	fl_key_u32(value->key + 12, p->view != NULL ? row : fold->fired_index++);
	/* The parts of a UNION ALL may each lose the same row. */
	fl_key_u32(value->key + 16,
	    p->oper->index | (p->branch != NULL ? p->branch->index << 16 : 0));
	value->key_size = 20;
	value->size = bytes.size;
	fl_buf_add(&fold->out.bytes, bytes.data, bytes.size);
	fold->dead_size += bytes.size;
	fl_dead_tally_add(&fold->out.tally, p->oper->index, code, 1);
	/* A fired row that dies is no input row: conservation counts those. */
	if (p->view != NULL)
		p->oper->count.dead++;
	fl_buf_fini(&reason);
	fl_buf_fini(&json);
	fl_buf_fini(&bytes);
}

/* ---- late rows ---- */

static void
seal_late(struct pass *p, const struct fl_builder *rows, const uint32_t *deltas, int64_t first,
    uint32_t number)
{
	struct fold *fold = p->fold;
	struct fl_block_info info = { .stream = p->source->stream,
		.partition = p->view->head->partition, .first = first, .deltas = deltas,
		.kafka_ts_min = p->view->head->kafka_ts_min,
		.kafka_ts_max = p->view->head->kafka_ts_max };
	struct fl_batch batch;
	struct out_value *value;
	size_t size;

	fl_builder_view(rows, &batch, &fold->arena);
	size = fl_block_size_max(&batch, true, false);
	value = add_value(&fold->out, FL_DBI_PIPELINE_LATE, (uint16_t)p->oper->index);
	fl_buf_reserve(&fold->out.bytes, size);
	value->size = fl_block_seal(&batch, &info, fold->out.bytes.data + value->at, size);
	fold->out.bytes.size = value->at + value->size;
	fl_key_u64(value->key, fold->step);
	fl_key_u32(value->key + 8, p->block);
	fl_key_u32(value->key + 12, p->oper->index);
	fl_key_u32(value->key + 16, number); /* a block's late rows may fill several */
	value->key_size = 20;
}

void
results_late(struct pass *p, const uint32_t *rows, uint32_t count)
{
	struct fl_builder late;
	uint32_t *deltas, number = p->branch->index << 16;
	size_t size = 0;
	int64_t first = 0;

	if (p->fold->discard)
		return;
	p->oper->count.late += count;
	deltas = fl_malloc(count * sizeof(*deltas));
	fl_builder_init(&late, p->source->schema);
	for (uint32_t i = 0; i < count; i++) {
		size_t more = row_size(&p->view->batch, rows[i]);

		if (late.row_count > 0 && size + more > BLOCK_SIZE) {
			seal_late(p, &late, deltas, first, number++);
			fl_builder_reset(&late);
			size = 0;
		}
		size += more;
		if (late.row_count == 0)
			first = fl_block_offset(p->view, rows[i]);
		deltas[late.row_count] = (uint32_t)(fl_block_offset(p->view, rows[i]) - first);
		(void)fl_builder_begin(&late);
		for (uint32_t c = 0; c < p->source->schema->count; c++)
			fl_builder_set_from(&late, c, &p->view->batch.cols[c], rows[i]);
		fl_builder_commit(&late);
	}
	seal_late(p, &late, deltas, first, number);
	fl_builder_fini(&late);
	free(deltas);
}

/* ---- closed windows ---- */

void
results_closed(struct fold *fold, const struct oper *oper, const struct window *window, uint64_t first,
    uint64_t row_count)
{
	struct fl_window_closed closed = { .start = window->start, .end = window->end,
		.step = fold->step, .first = first, .row_count = row_count,
		.key_count = window->table.count, .sink = oper->sink };
	struct out_value *value;

	if (row_count == 0)
		return;
	value = add_value(&fold->out, FL_DBI_PIPELINE_WINDOWS, 0);
	value->size = sizeof(closed);
	fl_buf_add(&fold->out.bytes, &closed, sizeof(closed));
	fl_key_u32(value->key, oper->index);
	fl_key_u64(value->key + 4, (uint64_t)window->end ^ (UINT64_C(1) << 63));
	value->key_size = 12;
}
