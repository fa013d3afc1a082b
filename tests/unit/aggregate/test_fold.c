/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_fold.c - the fold against a plain computation of docs/architecture.md, "Time".
 *
 * The plan is made by hand: COUNT(*), SUM(v) per k in TUMBLE of 10 s, or in HOP of it, over
 * 3 partitions with disorder beyond the watermark's delay of 5 s, NULL keys, NULL
 * values and NULL event times.  Steps are cut at random.
 */
#include <inttypes.h>

#include "../unit.h"

#include "aggregate/fold.h"
#include "base/util.h"

#define ROWS 6000u
#define PARTITIONS 3
#define KEYS 40
#define SIZE_MS 10000
#define DELAY_MS 5000
#define WINDOWS 4000

struct row {
	int32_t partition, key, value; /* key -1, value INT32_MIN: NULL */
	int64_t ts;		       /* FL_TIME_MIN: NULL */
};

struct cell {
	uint64_t count;
	int64_t sum;
	bool has_sum;
};

struct fixture {
	struct fl_arena arena;
	struct fl_plan plan;
	struct fl_stream stream;
	struct fl_table source, sink;
	const struct fl_table *sinks[1];
	struct fl_table *tables[2];
	struct fl_query query;
	struct fl_node scan, window, agg, top;
	struct row rows[ROWS];
	struct cell *want; /* [WINDOWS][KEYS + 1], by the windows' starts */
	uint64_t late, partly, dead; /* partly: late for some of their windows */
	uint64_t seed;
};

static uint64_t
draw(struct fixture *f, uint64_t below)
{
	f->seed ^= f->seed << 13;
	f->seed ^= f->seed >> 7;
	f->seed ^= f->seed << 17;
	return f->seed % below;
}

static void
set_field(struct fl_schema *schema, uint32_t i, const char *name, enum fl_type_id id, bool nullable)
{
	schema->fields[i].name = name;
	schema->fields[i].type = fl_type_make(id, nullable);
	if (id == FL_TYPE_VARCHAR)
		schema->fields[i].type.length = FL_LENGTH_MAX;
	if (id == FL_TYPE_TIMESTAMP)
		schema->fields[i].type.precision = 3;
}

static struct fl_expr *
make_column(struct fixture *f, const struct fl_schema *schema, uint32_t c)
{
	struct fl_expr *expr = FL_ARENA_NEW(&f->arena, struct fl_expr);

	expr->kind = FL_EXPR_COLUMN;
	expr->column = c;
	expr->type = schema->fields[c].type;
	return expr;
}

static void
make_source(struct fixture *f)
{
	struct fl_expr *delay = FL_ARENA_NEW(&f->arena, struct fl_expr), *args[2];
	struct fl_err err = { .code = FL_OK };
	struct fl_schema *schema = &f->source.schema;

	schema->count = 3;
	schema->fields = FL_ARENA_ARRAY(&f->arena, struct fl_field, 3);
	set_field(schema, 0, "k", FL_TYPE_VARCHAR, true);
	set_field(schema, 1, "v", FL_TYPE_INT, true);
	set_field(schema, 2, "ts", FL_TYPE_TIMESTAMP, true);
	f->source.name = "t";
	f->source.physical = *schema;
	f->source.column_count = 3;
	f->source.columns = FL_ARENA_ARRAY(&f->arena, struct fl_column, 3);
	for (uint32_t c = 0; c < 3; c++) {
		f->source.columns[c].name = schema->fields[c].name;
		f->source.columns[c].type = schema->fields[c].type;
		f->source.columns[c].stream_column = (int32_t)c;
	}
	delay->kind = FL_EXPR_LITERAL;
	delay->type = fl_type_make(FL_TYPE_INTERVAL, false);
	delay->value.i64 = DELAY_MS;
	args[0] = make_column(f, schema, 2);
	args[1] = delay;
	assert_int_equal(
	    fl_expr_call(&f->arena, "-", args, 2, &f->source.watermark, &err), FL_OK);
	f->source.rowtime = 2;
	f->stream.table = &f->source;
	f->stream.schema = *schema;
}

static void
make_agg(struct fixture *f)
{
	struct fl_err err = { .code = FL_OK };
	struct fl_schema *schema = &f->agg.schema;

	f->agg.kind = FL_NODE_AGG;
	f->agg.input = &f->window;
	f->agg.key_count = 1;
	f->agg.keys = FL_ARENA_ARRAY(&f->arena, struct fl_expr *, 1);
	f->agg.keys[0] = make_column(f, &f->source.schema, 0);
	f->agg.agg_count = 2;
	f->agg.aggs = FL_ARENA_ARRAY(&f->arena, struct fl_agg, 2);
	f->agg.aggs[0].fn = fl_agg_find("COUNT", 5, true);
	f->agg.aggs[0].name = "n";
	f->agg.aggs[1].fn = fl_agg_find("SUM", 3, false);
	f->agg.aggs[1].arg = make_column(f, &f->source.schema, 1);
	f->agg.aggs[1].name = "v";
	for (uint32_t a = 0; a < 2; a++) {
		struct fl_agg *agg = &f->agg.aggs[a];

		assert_int_equal(agg->fn->type_rule(agg->arg == NULL ? NULL : &agg->arg->type,
				     &agg->result, &agg->acc_size, &err),
		    FL_OK);
		agg->acc_at = f->agg.row_size;
		f->agg.row_size += agg->acc_size;
	}
	schema->count = 6;
	schema->fields = FL_ARENA_ARRAY(&f->arena, struct fl_field, 6);
	set_field(schema, 0, "k", FL_TYPE_VARCHAR, true);
	set_field(schema, 1, "n", FL_TYPE_BIGINT, false);
	set_field(schema, 2, "total", FL_TYPE_INT, true);
	set_field(schema, 3, "window_start", FL_TYPE_TIMESTAMP, false);
	set_field(schema, 4, "window_end", FL_TYPE_TIMESTAMP, false);
	set_field(schema, 5, "window_time", FL_TYPE_TIMESTAMP, false);
}

static int
setup(void **state)
{
	struct fixture *f = fl_calloc(1, sizeof(*f));

	fl_arena_init(&f->arena);
	f->seed = 88172645463325252u;
	make_source(f);
	f->scan = (struct fl_node){ .kind = FL_NODE_SCAN, .schema = f->source.schema, .table = &f->source };
	f->window = (struct fl_node){ .kind = FL_NODE_WINDOW, .input = &f->scan, .time_column = 2,
		.time = FL_TIME_EVENT, .size_ms = SIZE_MS, .slide_ms = SIZE_MS };
	f->window.schema.count = 6;
	f->window.schema.fields = FL_ARENA_ARRAY(&f->arena, struct fl_field, 6);
	for (uint32_t c = 0; c < 3; c++)
		f->window.schema.fields[c] = f->source.schema.fields[c];
	set_field(&f->window.schema, 3, "window_start", FL_TYPE_TIMESTAMP, false);
	set_field(&f->window.schema, 4, "window_end", FL_TYPE_TIMESTAMP, false);
	set_field(&f->window.schema, 5, "window_time", FL_TYPE_TIMESTAMP, false);
	make_agg(f);
	f->sink.name = "out";
	f->sink.physical = f->agg.schema;
	f->top = (struct fl_node){ .kind = FL_NODE_SINK, .input = &f->agg, .schema = f->agg.schema,
		.table = &f->sink };
	f->query = (struct fl_query){ .name = "out", .root = &f->top, .scan = &f->scan,
		.window = &f->window, .agg = &f->agg };
	f->tables[0] = &f->source;
	f->tables[1] = &f->sink;
	f->sinks[0] = &f->sink;
	f->plan.name = "test";
	f->plan.table_count = 2;
	f->plan.tables = f->tables;
	f->plan.stream_count = 1;
	f->plan.streams = &f->stream;
	f->plan.query_count = 1;
	f->plan.queries = &f->query;
	f->plan.sink_count = 1;
	f->plan.sinks = f->sinks;
	f->plan.zone = "UTC";
	f->want = fl_calloc((size_t)WINDOWS * (KEYS + 1), sizeof(*f->want));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	fl_arena_fini(&f->arena);
	free(f->want);
	free(f);
	return 0;
}

/* Event time runs; rows lag behind it by up to 20 s: some are late. */
static void
make_rows(struct fixture *f)
{
	for (uint32_t i = 0; i < ROWS; i++) {
		struct row *r = &f->rows[i];

		r->partition = (int32_t)draw(f, PARTITIONS);
		r->key = (int32_t)draw(f, KEYS + 1) - 1;
		r->value = draw(f, 10) == 0 ? INT32_MIN : (int32_t)draw(f, 1000) - 300;
		r->ts = 1000000 + (int64_t)i * 100 - (int64_t)draw(f, draw(f, 5) == 0 ? 20000 : 3000);
		if (draw(f, 200) == 0)
			r->ts = FL_TIME_MIN;
	}
}

static void
compute_want(struct fixture *f)
{
	int64_t w[PARTITIONS] = { FL_TIME_MIN, FL_TIME_MIN, FL_TIME_MIN };

	for (uint32_t i = 0; i < ROWS; i++) {
		const struct row *r = &f->rows[i];
		int64_t slide = f->window.slide_ms;
		uint32_t used = 0;

		if (r->ts == FL_TIME_MIN) {
			f->dead++;
			continue;
		}
		for (int64_t start = r->ts / slide * slide; start > r->ts - SIZE_MS; start -= slide) {
			struct cell *cell = &f->want[start / slide * (KEYS + 1) + r->key + 1];

			if (w[r->partition] >= start + SIZE_MS - 1)
				continue;
			used++;
			cell->count++;
			if (r->value != INT32_MIN) {
				cell->sum += r->value;
				cell->has_sum = true;
			}
		}
		f->late += used == 0;
		f->partly += used > 0 && used < SIZE_MS / slide;
		w[r->partition] = FL_MAX(w[r->partition], r->ts - DELAY_MS);
	}
}

/* ---- steps by hand ---- */

struct log {
	uint64_t step, rows, hash;
	int64_t offsets[PARTITIONS];
	char *bytes;
};

static void
build_row(struct fl_builder *b, const struct row *r)
{
	char key[64];
	int n = snprintf(key, sizeof(key), r->key % 3 == 0 ? "%d" : "key number %d of many", r->key);

	(void)fl_builder_begin(b);
	if (r->key < 0)
		fl_builder_set_null(b, 0);
	else
		fl_builder_set_str(b, 0, key, (size_t)n);
	if (r->value == INT32_MIN)
		fl_builder_set_null(b, 1);
	else
		fl_builder_set_i32(b, 1, r->value);
	if (r->ts == FL_TIME_MIN)
		fl_builder_set_null(b, 2);
	else
		fl_builder_set_i64(b, 2, r->ts);
	fl_builder_commit(b);
}

/* One step of rows [from, from + count), or of marks of one kind for all partitions. */
static void
fold_one(struct fixture *f, struct fold *fold, struct log *log, uint32_t from, uint32_t count, int mark)
{
	struct fl_step_head *head = (struct fl_step_head *)(void *)log->bytes;
	struct fl_mark *marks = (struct fl_mark *)(head + 1);
	struct fl_err err = { .code = FL_OK };
	struct fl_step_view view;
	struct fl_arena arena;
	size_t at = sizeof(*head);

	fl_arena_init(&arena);
	memset(head, 0, sizeof(*head));
	for (int32_t p = 0; p < PARTITIONS && mark != 0; p++, at += sizeof(*marks)) {
		memset(&marks[p], 0, sizeof(*marks));
		marks[p].kind = (uint8_t)mark;
		marks[p].stream = 7;
		marks[p].partition = p;
		head->mark_count++;
	}
	for (int32_t p = 0; p < PARTITIONS && mark == 0; p++) {
		struct fl_block_info info = { .stream = 7, .partition = p, .first = log->offsets[p] };
		struct fl_builder b;
		struct fl_batch batch;

		fl_builder_init(&b, &f->stream.schema);
		for (uint32_t i = from; i < from + count; i++)
			if (f->rows[i].partition == p)
				build_row(&b, &f->rows[i]);
		if (b.row_count > 0) {
			fl_builder_view(&b, &batch, &arena);
			at += fl_block_seal(&batch, &info, log->bytes + at,
			    FL_STEP_SIZE_MAX - at);
			head->block_count++;
			log->offsets[p] += batch.row_count;
		}
		fl_builder_fini(&b);
	}
	head->step = ++log->step;
	head->clock_ms = 1;
	head->size = (uint32_t)at;
	head->row_count = mark == 0 ? count : 0;
	head->rows_before = log->rows;
	log->rows += head->row_count;
	fl_step_seal(head, log->hash);
	log->hash = head->hash;
	if (fl_step_view(log->bytes, at, &view, &err) != FL_OK || fold_step(fold, &view, &err) != FL_OK)
		fail_msg("%s", err.text);
	fl_arena_fini(&arena);
}

static void
fold_rows(struct fixture *f, struct fold *fold, uint32_t step_max)
{
	const uint32_t ids[1] = { 7 };
	struct log log = { 0 };

	log.bytes = fl_calloc(1, FL_STEP_SIZE_MAX);
	fold_init(fold, &f->plan, ids, 0);
	fold_one(f, fold, &log, 0, 0, FL_MARK_ADDED);
	for (uint32_t at = 0; at < ROWS;) {
		uint32_t n = 1 + (uint32_t)draw(f, step_max);

		n = FL_MIN(n, ROWS - at);
		fold_one(f, fold, &log, at, n, 0);
		at += n;
	}
	fold_one(f, fold, &log, 0, 0, FL_MARK_END);
	free(log.bytes);
}

/* Checks each result row off against the plain computation; returns their count. */
static uint64_t
check_results(struct fixture *f, struct fold *fold)
{
	struct fl_err err = { .code = FL_OK };
	struct fl_arena arena;
	uint64_t count = 0;

	fl_arena_init(&arena);
	for (uint32_t i = 0; i < fold->out.block_count; i++) {
		const struct out_block *b = &fold->out.blocks[i];
		struct fl_block_view view;

		assert_int_equal(fl_block_view(fold->out.bytes.data + b->at, b->size,
				     &f->sink.physical, &arena, &view, &err),
		    FL_OK);
		assert_int_equal(view.head->first, count);
		for (uint32_t r = 0; r < view.batch.row_count; r++, count++) {
			const struct fl_col *cols = view.batch.cols;
			int64_t start = FL_COL_AT(&cols[3], int64_t, r);
			int key = -1;
			uint32_t size;
			struct cell *cell;

			if (fl_col_is_valid(&cols[0], r)) {
				const char *p = fl_col_str(&cols[0], r, &size);
				char text[64];

				(void)snprintf(text, sizeof(text), "%.*s", (int)size, p);
				key = atoi(text + strcspn(text, "0123456789"));
			}
			cell = &f->want[start / f->window.slide_ms * (KEYS + 1) + key + 1];
			assert_int_equal(FL_COL_AT(&cols[1], int64_t, r), cell->count);
			assert_int_equal(fl_col_is_valid(&cols[2], r), cell->has_sum);
			if (cell->has_sum)
				assert_int_equal(FL_COL_AT(&cols[2], int32_t, r), cell->sum);
			assert_int_equal(FL_COL_AT(&cols[4], int64_t, r), start + SIZE_MS);
			assert_int_equal(FL_COL_AT(&cols[5], int64_t, r), start + SIZE_MS - 1);
			cell->count = 0; /* once only */
		}
	}
	fl_arena_fini(&arena);
	return count;
}

static void
check_any_steps(struct fixture *f)
{
	static const uint32_t step_max[] = { 1, 7, 300, 5000 };

	for (uint32_t round = 0; round < FL_ARRAY_COUNT(step_max); round++) {
		struct fl_query_count *c;
		struct fold fold;

		memset(f->want, 0, (size_t)WINDOWS * (KEYS + 1) * sizeof(*f->want));
		f->late = f->partly = f->dead = 0;
		make_rows(f);
		compute_want(f);
		assert_true(f->late > 10 && f->dead > 10);
		assert_true((f->window.slide_ms < SIZE_MS) == (f->partly > 10));
		fold_rows(f, &fold, step_max[round]);
		(void)check_results(f, &fold);
		for (size_t i = 0; i < (size_t)WINDOWS * (KEYS + 1); i++)
			assert_int_equal(f->want[i].count, 0); /* none is missing */
		c = &fold.opers[0].count;
		assert_int_equal(c->seen, ROWS);
		assert_int_equal(c->late, f->late);
		assert_int_equal(c->dead, f->dead);
		assert_int_equal(c->used, ROWS - f->late - f->dead);
		assert_int_equal(fold_key_count(&fold), 0);
		assert_int_equal(fold_window_count(&fold), 0);
		assert_true(fold_is_drained(&fold));
		fold_fini(&fold);
	}
}

static void
any_steps_give_what_the_definition_says(void **state)
{
	check_any_steps(*state);
}

static void
windows_that_overlap_hold_what_the_definition_says(void **state)
{
	static const int64_t slides[] = { 5000, 2000, 1000 };
	struct fixture *f = *state;

	for (size_t i = 0; i < FL_ARRAY_COUNT(slides); i++) {
		f->window.slide_ms = slides[i];
		check_any_steps(f);
	}
}

static void
step_of_another_log_is_refused(void **state)
{
	struct fixture *f = *state;
	const uint32_t ids[1] = { 7 };
	struct fl_err err = { .code = FL_OK };
	struct log log = { 0 };
	struct fl_step_view view;
	struct fold fold;

	log.bytes = fl_calloc(1, FL_STEP_SIZE_MAX);
	fold_init(&fold, &f->plan, ids, 0);
	fold_one(f, &fold, &log, 0, 0, FL_MARK_ADDED);
	/* The same step again: neither the next number nor the next hash. */
	assert_int_equal(fl_step_view(log.bytes,
			     ((struct fl_step_head *)(void *)log.bytes)->size, &view, &err),
	    FL_OK);
	assert_int_equal(fold_step(&fold, &view, &err), FL_E_STORE_MISMATCH);
	fold_fini(&fold);
	free(log.bytes);
}

/* The step of the log, 100 rows, once more as step 2. */
static enum fl_code
fold_again(struct fold *fold, struct log *log, struct fl_err *err)
{
	struct fl_step_head *head = (struct fl_step_head *)(void *)log->bytes;
	struct fl_step_view view;

	head->step = 2;
	head->rows_before = 100;
	fl_step_seal(log->bytes, log->hash);
	assert_int_equal(fl_step_view(log->bytes, head->size, &view, err), FL_OK);
	return fold_step(fold, &view, err);
}

static void
more_keys_than_the_limit_stop_the_pipeline(void **state)
{
	struct fixture *f = *state;
	const uint32_t ids[1] = { 7 };
	struct fl_err err = { .code = FL_OK };
	struct log log = { 0 };
	struct fold fold;

	make_rows(f);
	f->plan.state_limit_keys = 5;
	log.bytes = fl_calloc(1, FL_STEP_SIZE_MAX);
	fold_init(&fold, &f->plan, ids, 0);
	f->plan.state_limit_keys = 0;
	fold_one(f, &fold, &log, 0, 100, 0);
	f->plan.state_limit_keys = 5;
	assert_int_equal(fold_again(&fold, &log, &err), FL_E_STATE_LIMIT);
	fold_fini(&fold);
	free(log.bytes);
}

static void
strings_without_room_in_their_window_stop_the_pipeline(void **state)
{
	struct fixture *f = *state;
	const uint32_t ids[1] = { 7 };
	struct fl_err err = { .code = FL_OK };
	struct log log = { 0 };
	struct fold fold;

	make_rows(f);
	log.bytes = fl_calloc(1, FL_STEP_SIZE_MAX);
	fold_init(&fold, &f->plan, ids, 0);
	fold_one(f, &fold, &log, 0, 100, 0);
	for (uint32_t w = 0; w < fold.opers[0].window_count; w++)
		fold.opers[0].windows[w]->table.heap.is_full = true;
	assert_int_equal(fold_again(&fold, &log, &err), FL_E_STATE_LIMIT);
	assert_non_null(strstr(err.text, "4 GiB"));
	fold_fini(&fold);
	free(log.bytes);
}

/* The same query without its window: keys, COUNT(*) and SUM. */
static void
take_window_away(struct fixture *f)
{
	f->agg.input = &f->scan;
	f->agg.schema.count = 3;
	f->agg.row_size += FL_AGG_CHANGED_SIZE;
	f->sink.physical = f->top.schema = f->agg.schema;
	f->sink.connector = FL_CONNECTOR_TEST;
	f->query.window = NULL;
}

/* A result row as text: "kind key count sum". */
static void
print_changes(struct fixture *f, const struct fold *fold, struct fl_buf *out)
{
	struct fl_err err = { .code = FL_OK };
	struct fl_arena arena;
	int64_t next = 0;

	fl_arena_init(&arena);
	for (uint32_t i = 0; i < fold->out.block_count; i++) {
		const struct out_block *b = &fold->out.blocks[i];
		struct fl_block_view view;

		assert_int_equal(fl_block_view(fold->out.bytes.data + b->at, b->size,
				     &f->sink.physical, &arena, &view, &err),
		    FL_OK);
		assert_int_equal(view.head->first, next);
		assert_non_null(view.kinds);
		for (uint32_t r = 0; r < view.batch.row_count; r++, next++) {
			fl_buf_printf(out, "%u ", view.kinds[r]);
			for (uint32_t c = 0; c < 3; c++) {
				fl_col_print(&view.batch.cols[c], r, out);
				fl_buf_byte(out, c < 2 ? ' ' : '\n');
			}
		}
	}
	fl_arena_fini(&arena);
}

static void
print_value(const struct row *r, const struct cell *cell, int kind, struct fl_buf *out)
{
	if (r->key < 0)
		fl_buf_printf(out, "%d NULL", kind);
	else
		fl_buf_printf(out, r->key % 3 == 0 ? "%d %d" : "%d key number %d of many", kind, r->key);
	fl_buf_printf(out, " %" PRIu64, cell->count);
	if (cell->has_sum)
		fl_buf_printf(out, " %d\n", (int)cell->sum);
	else
		fl_buf_str(out, " NULL\n");
}

/* The definition, row by row.  Each row counts, so each is news. */
static void
compute_changes(struct fixture *f, struct fl_buf *out)
{
	struct cell cells[KEYS + 1];

	memset(cells, 0, sizeof(cells));
	for (uint32_t i = 0; i < ROWS; i++) {
		const struct row *r = &f->rows[i];
		struct cell *cell = &cells[r->key + 1];
		bool is_first = cell->count == 0;

		if (!is_first)
			print_value(r, cell, FL_CHANGE_UPDATE_BEFORE, out);
		cell->count++;
		if (r->value != INT32_MIN) {
			cell->sum += r->value;
			cell->has_sum = true;
		}
		print_value(r, cell, is_first ? FL_CHANGE_INSERT : FL_CHANGE_UPDATE_AFTER, out);
	}
}

static void
changes_are_those_of_the_rows_however_steps_are_cut(void **state)
{
	static const uint32_t step_max[] = { 1, 7, 300, 5000 };
	struct fixture *f = *state;
	struct fl_buf got, want;
	uint64_t hash = 0;

	take_window_away(f);
	make_rows(f);
	for (uint32_t i = 0; i < ROWS; i++)
		f->rows[i].partition = 0; /* several would change the order of rows with the steps */
	fl_buf_init(&got);
	fl_buf_init(&want);
	compute_changes(f, &want);
	for (uint32_t round = 0; round < FL_ARRAY_COUNT(step_max); round++) {
		struct fold fold;

		fold_rows(f, &fold, step_max[round]);
		fl_buf_reset(&got);
		print_changes(f, &fold, &got);
		assert_int_equal(got.size, want.size);
		assert_memory_equal(got.data, want.data, want.size);
		assert_int_equal(fold.opers[0].count.seen, ROWS);
		assert_int_equal(fold.opers[0].count.used, ROWS);
		assert_int_equal(fold_key_count(&fold), KEYS + 1);
		assert_int_equal(fold_window_count(&fold), 0);
		assert_true(fold_is_drained(&fold));
		assert_false(fold_wants_time(&fold));
		assert_true(round == 0 || hash == fold_fired_hash(&fold));
		hash = fold_fired_hash(&fold);
		fold_fini(&fold);
	}
	fl_buf_fini(&got);
	fl_buf_fini(&want);
}

static void
keyed_sink_gets_new_values_alone(void **state)
{
	static uint32_t key[1] = { 0 };
	const uint32_t ids[1] = { 7 };
	struct fixture *f = *state;
	struct log log = { 0 };
	struct fl_buf got;
	struct fold fold;

	take_window_away(f);
	make_rows(f);
	f->rows[0] = f->rows[1] = (struct row){ .key = 3, .value = 4 };
	/* Any that keeps rows by key; of those there are, none takes upserts only. */
	f->sink.connector = (enum fl_connector)(FL_CONNECTOR_TEST + 1);
	f->sink.primary_key = key;
	f->sink.primary_key_count = 1;
	log.bytes = fl_calloc(1, FL_STEP_SIZE_MAX);
	fold_init(&fold, &f->plan, ids, 0);
	fold_one(f, &fold, &log, 0, 2, 0);
	fl_buf_init(&got);
	print_changes(f, &fold, &got);
	assert_string_equal(got.data, "0 3 1 4\n2 3 2 8\n");
	fl_buf_fini(&got);
	fold_fini(&fold);
	free(log.bytes);
}

static void
keys_without_a_window_count_against_the_limit(void **state)
{
	struct fixture *f = *state;

	take_window_away(f);
	more_keys_than_the_limit_stop_the_pipeline(state);
	f->plan.state_limit_keys = 0;
	strings_without_room_in_their_window_stop_the_pipeline(state);
}

static void
windows_align_to_the_epoch_and_the_offset(void **state)
{
	(void)state;
	assert_int_equal(window_start(0, 0, 10), 0);
	assert_int_equal(window_start(9, 0, 10), 0);
	assert_int_equal(window_start(-1, 0, 10), -10);
	assert_int_equal(window_start(-10, 0, 10), -10);
	assert_int_equal(window_start(5, 6, 10), -4);
	assert_int_equal(window_start(6, 6, 10), 6);
	assert_int_equal(window_start(6, -6, 10), 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(any_steps_give_what_the_definition_says),
		TEST(windows_that_overlap_hold_what_the_definition_says),
		TEST(step_of_another_log_is_refused),
		TEST(more_keys_than_the_limit_stop_the_pipeline),
		TEST(strings_without_room_in_their_window_stop_the_pipeline),
		TEST(changes_are_those_of_the_rows_however_steps_are_cut),
		TEST(keyed_sink_gets_new_values_alone),
		TEST(keys_without_a_window_count_against_the_limit),
		cmocka_unit_test(windows_align_to_the_epoch_and_the_offset),
	};

	return cmocka_run_group_tests_name("aggregate/fold", tests, NULL, NULL);
}
