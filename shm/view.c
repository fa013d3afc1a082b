/* SPDX-License-Identifier: Apache-2.0 */
/* view.c - the cursors of all stores, copied out. */
#include "shm/view.h"

#include <stdlib.h>
#include <string.h>

#include "shm/dead.h"
#include "shm/life.h"

enum fl_code
fl_view_store_open(const struct fl_instance *instance, enum fl_role role, const char *pipeline,
    struct fl_store **store, struct fl_err *err)
{
	enum fl_code code = fl_instance_store(instance, role, pipeline, false, store, err);

	if (code == FL_E_NO_SUCH_OBJECT) {
		*store = NULL;
		*err = (struct fl_err){0};
		return FL_OK;
	}
	return code;
}

/* ---- counters of dead letters ---- */

struct counting {
	struct fl_tallies *tallies;
	const struct fl_instance *instance;
	const struct fl_plan *plan;
	struct fl_view_tally tally; /* of whom, as far as the key does not say it */
};

static void
add_tally(void *ctx, const void *owner, size_t owner_size, uint32_t code, uint64_t count)
{
	const struct counting *c = ctx;
	struct fl_tallies *t = c->tallies;
	uint32_t number = owner_size == 4 ? fl_key_get_u32(owner) : 0;
	struct fl_view_tally tally = c->tally;
	const struct fl_table *table;

	tally.code = (enum fl_code)code;
	tally.count = count;
	if (tally.role == FL_ROLE_INGEST) {
		table = fl_instance_table(c->instance, number);
		if (table == NULL)
			return; /* nobody reads the stream any more */
		tally.stream = number;
		tally.of = table->name;
	} else if (tally.role == FL_ROLE_PIPELINE) {
		tally.of = number < c->plan->query_count ? c->plan->queries[number].name : "";
	}
	if (t->count == t->capacity) {
		t->capacity = FL_MAX(16u, t->capacity * 2);
		t->rows = fl_realloc(t->rows, t->capacity * sizeof(*t->rows));
	}
	t->rows[t->count++] = tally;
}

static enum fl_code
add_sinks(struct counting *c, const struct fl_pipeline *pipeline, struct fl_txn *txn,
    struct fl_err *err)
{
	const struct fl_plan *plan = pipeline->plan;
	uint8_t owner[64];
	size_t size;

	c->tally.pipeline = pipeline->name;
	for (uint32_t s = 0; s < plan->sink_count; s++) {
		c->tally.of = plan->sinks[s]->name;
		size = fl_sink_key(pipeline->name, c->tally.of, owner);
		owner[size++] = '\0';
		FL_TRY(fl_dead_count_each(
		    txn, FL_DBI_EMIT_COUNTS, owner, size, add_tally, c, err));
	}
	return FL_OK;
}

enum fl_code
fl_tallies_add(struct fl_tallies *tallies, const struct fl_instance *instance, enum fl_role role,
    const struct fl_pipeline *pipeline, struct fl_txn *txn, struct fl_err *err)
{
	struct counting c = {.tallies = tallies, .instance = instance, .tally = {.role = role}};

	if (role == FL_ROLE_INGEST)
		return fl_dead_count_each(txn, FL_DBI_INGEST_COUNTS, NULL, 0, add_tally, &c, err);
	if (role == FL_ROLE_PIPELINE) {
		c.plan = pipeline->plan;
		c.tally.pipeline = pipeline->name;
		return fl_dead_count_each(
		    txn, FL_DBI_PIPELINE_COUNTS, NULL, 0, add_tally, &c, err);
	}
	for (uint32_t i = 0; i < instance->pipeline_count; i++)
		FL_TRY(add_sinks(&c, &instance->pipelines[i], txn, err));
	return FL_OK;
}

static int
compare_tallies(const void *a, const void *b)
{
	const struct fl_view_tally *x = a, *y = b;
	int by = (int)x->role - (int)y->role;

	if (by == 0 && x->pipeline != NULL)
		by = strcmp(x->pipeline, y->pipeline);
	if (by == 0)
		by = x->stream < y->stream ? -1 : x->stream > y->stream;
	if (by == 0)
		by = strcmp(x->of, y->of);
	return by != 0 ? by : (int)x->code - (int)y->code;
}

void
fl_tallies_sort(struct fl_tallies *tallies)
{
	if (tallies->count > 0)
		qsort(tallies->rows, tallies->count, sizeof(*tallies->rows), compare_tallies);
}

void
fl_tallies_fini(struct fl_tallies *tallies)
{
	free(tallies->rows);
	*tallies = (struct fl_tallies){0};
}

uint64_t
fl_view_letters(const struct fl_view *view, enum fl_role role, const char *pipeline)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < view->tallies.count; i++) {
		const struct fl_view_tally *t = &view->tallies.rows[i];

		if (t->role == role && t->code != FL_OK &&
		    (pipeline == NULL || strcmp(t->pipeline, pipeline) == 0))
			sum += t->count;
	}
	return sum;
}

/* ---- the stores ---- */

static enum fl_code
read_emit(const struct fl_instance *instance, struct fl_view *view, struct fl_err *err)
{
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	enum fl_code code;

	for (uint32_t i = 0; i < instance->pipeline_count; i++) {
		const struct fl_plan *plan = instance->pipelines[i].plan;
		struct fl_view_pipeline *p = &view->pipelines[i];

		p->pipeline = &instance->pipelines[i];
		p->sink_count = plan->sink_count;
		p->sinks = FL_ARENA_ARRAY(&view->arena, struct fl_view_sink, plan->sink_count + 1);
		for (uint32_t s = 0; s < plan->sink_count; s++)
			p->sinks[s].name = plan->sinks[s]->name;
	}
	FL_TRY(fl_view_store_open(instance, FL_ROLE_EMIT, NULL, &store, err));
	if (store == NULL)
		return FL_OK;
	code = fl_txn_begin_read(store, &txn, err);
	for (uint32_t i = 0; i < instance->pipeline_count; i++)
		for (uint32_t s = 0; s < view->pipelines[i].sink_count && code == FL_OK; s++) {
			struct fl_view_sink *sink = &view->pipelines[i].sinks[s];

			code = fl_sink_position_get(txn, instance->pipelines[i].name, sink->name,
			    &sink->is_known, &sink->position, err);
		}
	if (code == FL_OK)
		code = fl_tallies_add(&view->tallies, instance, FL_ROLE_EMIT, NULL, txn, err);
	if (code == FL_OK)
		view->emit_dead = fl_txn_count(txn, FL_DBI_EMIT_DEAD);
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return code;
}

static enum fl_code
read_pipeline(const struct fl_instance *instance, struct fl_view *view, struct fl_view_pipeline *p,
    struct fl_err *err)
{
	struct fl_pipeline_cursor_view cursor = { 0 };
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	enum fl_code code;

	FL_TRY(fl_view_store_open(instance, FL_ROLE_PIPELINE, p->pipeline->name, &store, err));
	if (store == NULL)
		return FL_OK;
	p->has_store = true;
	code = fl_txn_begin_read(store, &txn, err);
	if (code == FL_OK)
		code = fl_pipeline_cursor_get(txn, &p->has_cursor, &cursor, err);
	if (code == FL_OK && p->has_cursor) {
		p->cursor = *cursor.head;
		p->times = fl_arena_dup(
		    &view->arena, cursor.at_r, sizeof(*p->times) * p->cursor.partition_count);
		p->queries = fl_arena_dup(
		    &view->arena, cursor.queries, sizeof(*p->queries) * p->cursor.query_count);
		for (uint32_t s = 0; s < FL_MIN(p->sink_count, p->cursor.sink_count); s++)
			p->sinks[s].count = cursor.sinks[s];
		p->dead = fl_txn_count(txn, FL_DBI_PIPELINE_DEAD);
		code = fl_tallies_add(
		    &view->tallies, instance, FL_ROLE_PIPELINE, p->pipeline, txn, err);
	}
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return code == FL_OK ? FL_OK : fl_err_context(err, "pipeline \"%s\"", p->pipeline->name);
}

const struct fl_table *
fl_view_table(const struct fl_view *view, uint32_t stream)
{
	return fl_instance_table(view->instance, stream);
}

static enum fl_code
read_ingest(const struct fl_instance *instance, struct fl_view *view, struct fl_err *err)
{
	const struct fl_ingest_cursor *cursor = NULL;
	const struct fl_partition_cursor *partitions = NULL;
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	enum fl_code code;
	uint64_t used, map;

	FL_TRY(fl_view_store_open(instance, FL_ROLE_INGEST, NULL, &store, err));
	if (store == NULL)
		return FL_OK;
	code = fl_txn_begin_read(store, &txn, err);
	if (code == FL_OK)
		code = fl_ingest_cursor_get(txn, &view->has_ingest, &cursor, &partitions, err);
	if (code == FL_OK && view->has_ingest) {
		view->ingest = *cursor;
		view->partitions = FL_ARENA_ARRAY(
		    &view->arena, struct fl_partition_cursor, cursor->partition_count + 1);
		view->ingest.partition_count = 0;
		/* ingest keeps those of streams that nobody reads any more; those of dead letters
		 * hold records that were counted. */
		for (uint32_t i = 0; i < cursor->partition_count; i++) {
			const struct fl_table *table = fl_view_table(view, partitions[i].stream);

			if (table != NULL && table->letters == NULL)
				view->partitions[view->ingest.partition_count++] = partitions[i];
		}
		view->ingest_dead = fl_txn_count(txn, FL_DBI_INGEST_DEAD);
		code = fl_tallies_add(&view->tallies, instance, FL_ROLE_INGEST, NULL, txn, err);
	}
	fl_txn_abort(&txn);
	fl_store_size(store, &view->ingest_bytes, &used, &map);
	fl_store_close(&store);
	return code;
}

/* One store that cannot be read hides neither the others nor itself. */
static void
note_problem(struct fl_view *view, const struct fl_err *err)
{
	char text[FL_ERR_TEXT_SIZE + 64];

	if (view->problem_count < FL_VIEW_PROBLEMS_MAX)
		view->problems[view->problem_count++] =
		    fl_arena_strdup(&view->arena, fl_err_print(err, text, sizeof(text)));
}

void
fl_view_read(const struct fl_instance *instance, struct fl_view *view)
{
	struct fl_err err = { 0 };

	*view = (struct fl_view){ .instance = instance, .pipeline_count = instance->pipeline_count };
	fl_arena_init(&view->arena);
	view->pipelines =
	    FL_ARENA_ARRAY(&view->arena, struct fl_view_pipeline, instance->pipeline_count + 1);
	if (read_emit(instance, view, &err) != FL_OK)
		note_problem(view, &err);
	for (uint32_t i = 0; i < view->pipeline_count; i++)
		if (read_pipeline(instance, view, &view->pipelines[i], &err) != FL_OK)
			note_problem(view, &err);
	if (read_ingest(instance, view, &err) != FL_OK)
		note_problem(view, &err);
	fl_tallies_sort(&view->tallies);
}

bool
fl_view_is_finished(const struct fl_instance *instance, const struct fl_view *view)
{
	if (view->problem_count > 0 || view->pipeline_count == 0)
		return false;
	if (!fl_life_is_done(instance))
		return false;
	/* A pipeline that was put in since then has neither. */
	for (uint32_t i = 0; i < view->pipeline_count; i++) {
		const struct fl_view_pipeline *p = &view->pipelines[i];

		if (!p->has_cursor || p->cursor.r < view->ingest.last_step)
			return false;
		for (uint32_t s = 0; s < p->sink_count; s++)
			if (!p->sinks[s].is_known ||
			    p->sinks[s].position.next < p->sinks[s].count.next)
				return false;
	}
	return true;
}

void
fl_view_fini(struct fl_view *view)
{
	fl_arena_fini(&view->arena);
	fl_tallies_fini(&view->tallies);
}

int64_t
fl_view_record_time(int64_t ms)
{
	return ms < 0 ? FL_TIME_MIN : ms;
}

const char *
fl_view_partition_state(const struct fl_partition_cursor *partition)
{
	switch ((enum fl_partition_state)partition->state) {
	case FL_PARTITION_ENDED:
		return "ended";
	case FL_PARTITION_STOPPED:
		return partition->reason != 0 ? fl_code_name((enum fl_code)partition->reason)
					      : "stopped";
	case FL_PARTITION_READING:
		break;
	}
	return partition->caught_since != FL_TIME_MAX ? "caught up" : "reading";
}

uint32_t
fl_view_partitions(
    const struct fl_view *view, uint32_t stream, uint32_t *stopped, const char **why)
{
	uint32_t count = 0;

	*stopped = 0;
	*why = NULL;
	for (uint32_t i = 0; view->has_ingest && i < view->ingest.partition_count; i++) {
		const struct fl_partition_cursor *c = &view->partitions[i];

		if (c->stream != stream)
			continue;
		count++;
		if (c->state != FL_PARTITION_STOPPED)
			continue;
		++*stopped;
		*why = fl_view_partition_state(c);
	}
	return count;
}

const struct fl_partition_time *
fl_view_time(const struct fl_view_pipeline *pipeline, uint32_t stream, int32_t partition)
{
	for (uint32_t i = 0; i < pipeline->cursor.partition_count && pipeline->has_cursor; i++)
		if (pipeline->times[i].stream == stream &&
		    pipeline->times[i].partition == partition)
			return &pipeline->times[i];
	return NULL;
}
