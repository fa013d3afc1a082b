/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pipeline.c - turns and commits of one pipeline.
 *
 * R moves in every commit, state images follow: about 1 MiB per commit, the groups
 * dirty for longest first, always whole groups.  A group that became dirty after
 * the commit at step c needs the steps after c again, so replay_from is the
 * smallest such c; the time state at each commit since is kept in memory, that the
 * cursor can name it.  A dedup's group is stored with every dirty group above it: in a
 * replay it lets no row through that it holds already, so those must hold it too.  Where
 * that is much it waits until nothing is queued or half of the longest replay is reached.
 */
#include "aggregate/pipeline.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/util.h"
#include "shm/dead.h"

/* ---- opening ---- */

static enum fl_code
open_reader(struct pipeline *p, enum fl_role role, struct fl_store **store, struct fl_err *err)
{
	enum fl_code code = fl_instance_store(p->instance, role, p->info->name, false, store, err);

	if (code != FL_E_NO_SUCH_OBJECT)
		return code;
	*err = (struct fl_err){ .code = FL_OK }; /* not made yet: look again later */
	return FL_OK;
}

static enum fl_code
get_meta(struct fl_txn *txn, const char *key, bool *found, const void **value, size_t *size,
    struct fl_err *err)
{
	return fl_txn_get(txn, FL_DBI_PIPELINE_META, key, strlen(key), found, NULL, value, size, err);
}

static enum fl_code
put_meta(struct fl_txn *txn, const char *key, const void *value, size_t size, struct fl_err *err)
{
	return fl_txn_put(txn, FL_DBI_PIPELINE_META, key, strlen(key), 0, value, size, err);
}

/* The first line that differs says what changed. */
static enum fl_code
fail_plan(const struct pipeline *p, const char *old, size_t size, struct fl_err *err)
{
	const char *now = p->fold.plan->text;
	size_t i = 0, line = 0;

	while (i < size && now[i] != '\0' && old[i] == now[i])
		if (old[i++] == '\n')
			line = i;
	return FL_FAIL(err, FL_E_PLAN_CHANGED,
	    "pipeline \"%s\": its store was made for \"%.*s\", the plan now says \"%.*s\"",
	    p->info->name, (int)FL_MIN(strcspn(old + line, "\n"), (size_t)120), old + line,
	    (int)FL_MIN(strcspn(now + line, "\n"), (size_t)120), now + line);
}

static enum fl_code
check_plan(struct pipeline *p, struct fl_txn *txn, bool *found, struct fl_err *err)
{
	const char *text = p->fold.plan->text;
	const void *value;
	struct fl_buf old;
	enum fl_code code;
	size_t size;

	FL_TRY(get_meta(txn, "plan", found, &value, &size, err));
	if (!*found || (size == strlen(text) && memcmp(value, text, size) == 0)) {
		if (!*found)
			return FL_OK;
	} else {
		fl_buf_init(&old);
		fl_buf_add(&old, value, size);
		code = fail_plan(p, old.data, old.size, err);
		fl_buf_fini(&old);
		return code;
	}
	FL_TRY(get_meta(txn, "pipeline", found, &value, &size, err));
	if (!*found || size != sizeof(p->info->uuid) ||
	    memcmp(value, &p->info->uuid, sizeof(p->info->uuid)) != 0)
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "pipeline \"%s\": the store belongs to another pipeline of that name than the catalog's",
		    p->info->name);
	return FL_OK;
}

static enum fl_code
write_plan(struct pipeline *p, struct fl_err *err)
{
	struct fl_txn *txn = NULL;

	FL_TRY(fl_txn_begin_write(p->store, &txn, err));
	(void)put_meta(txn, "plan", p->fold.plan->text, strlen(p->fold.plan->text), err);
	(void)put_meta(txn, "sql", p->info->sql == NULL ? "" : p->info->sql,
	    p->info->sql == NULL ? 0 : strlen(p->info->sql), err);
	(void)put_meta(txn, "pipeline", &p->info->uuid, sizeof(p->info->uuid), err);
	return fl_txn_commit(&txn, err);
}

static enum fl_code
open_own(struct pipeline *p, struct fl_err *err)
{
	struct fl_txn *txn = NULL;
	enum fl_code code;
	bool found = false;

	FL_TRY(fl_instance_store(p->instance, FL_ROLE_PIPELINE, p->info->name, true, &p->store, err));
	FL_TRY(fl_txn_begin_read(p->store, &txn, err));
	code = check_plan(p, txn, &found, err);
	fl_txn_abort(&txn);
	FL_TRY(code);
	return found ? FL_OK : write_plan(p, err);
}

/* The pipeline belongs to one ingest store for life. */
static enum fl_code
bind_ingest(struct pipeline *p, struct fl_err *err)
{
	const struct fl_uuid *uuid = &fl_store_meta(p->ingest)->store;
	struct fl_txn *txn = NULL;
	struct fl_uuid known;
	const void *value;
	size_t size = 0;
	bool found;
	enum fl_code code;

	FL_TRY(fl_txn_begin_read(p->store, &txn, err));
	code = get_meta(txn, "ingest", &found, &value, &size, err);
	if (code == FL_OK && found && size == sizeof(known))
		memcpy(&known, value, sizeof(known));
	fl_txn_abort(&txn);
	FL_TRY(code);
	if (found && (size != sizeof(known) || !fl_uuid_equal(&known, uuid)))
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "pipeline \"%s\" was made from another ingest store than the one that is there",
		    p->info->name);
	if (found)
		return FL_OK;
	FL_TRY(fl_txn_begin_write(p->store, &txn, err));
	(void)put_meta(txn, "ingest", uuid, sizeof(*uuid), err);
	return fl_txn_commit(&txn, err);
}

static void
add_point(struct pipeline *p)
{
	struct fold *fold = &p->fold;
	struct time_point *point;

	if (p->point_count == p->point_capacity) {
		p->point_capacity = FL_MAX(16u, p->point_capacity * 2);
		p->points = fl_realloc(p->points, p->point_capacity * sizeof(*p->points));
	}
	point = &p->points[p->point_count++];
	*point = (struct time_point){ .step = fold->step, .hash = fold->hash,
		.row_total = fold->row_total, .clock_ms = fold->clock_ms,
		.part_count = fold->part_count };
	point->parts = fl_calloc(FL_MAX(fold->part_count, 1u), sizeof(*point->parts));
	time_save(fold, point->parts);
}

static void
drop_points_before(struct pipeline *p, uint64_t step)
{
	uint32_t n = 0;

	while (n < p->point_count && p->points[n].step < step)
		free(p->points[n++].parts);
	p->point_count -= n;
	memmove(p->points, p->points + n, p->point_count * sizeof(*p->points));
}

/* A new pipeline shares a stream whose beginning was in the log when it was applied;
 * ingest may have trimmed it before it knew of the pipeline. */
static enum fl_code
check_beginning(const struct pipeline *p, const struct fl_ingest_cursor *cursor,
    const struct fl_partition_cursor *partitions, struct fl_err *err)
{
	for (uint32_t i = 0; i < cursor->partition_count; i++) {
		const struct fl_partition_cursor *c = &partitions[i];
		bool own = false;

		for (uint32_t s = 0; s < p->fold.plan->stream_count; s++)
			own = own || p->info->stream_ids[s] == c->stream;
		if (own && c->added_step > 0 && c->added_step < cursor->first_step)
			return FL_FAIL(err, FL_E_STORE_MISMATCH,
			    "pipeline \"%s\": steps up to %" PRIu64 " of topic \"%s\" were dropped before it "
			    "could use them; apply it again with --reset, and it reads the topic itself",
			    p->info->name, cursor->first_step - 1, c->topic);
	}
	return FL_OK;
}

/* A pipeline without cursor starts before the oldest step that is kept. */
static enum fl_code
start_new(struct pipeline *p, struct fl_txn *ingest, struct fl_err *err)
{
	const struct fl_ingest_cursor *cursor;
	const struct fl_partition_cursor *partitions;
	struct fl_step_view step;
	bool found;

	FL_TRY(fl_ingest_cursor_get(ingest, &found, &cursor, &partitions, err));
	if (!found || cursor->first_step <= 1)
		return FL_OK;
	FL_TRY(check_beginning(p, cursor, partitions, err));
	FL_TRY(fl_step_get(ingest, cursor->first_step, &found, &step, err));
	if (!found)
		return FL_FAIL(err, FL_E_STORE_DAMAGED, "ingest store: step %" PRIu64 " is missing",
		    cursor->first_step);
	p->fold.step = p->fold.commit = cursor->first_step - 1;
	p->fold.hash = step.head->prev_hash;
	p->fold.row_total = step.head->rows_before;
	return FL_OK;
}

static enum fl_code
check_position(struct pipeline *p, const struct fl_pipeline_cursor *cursor, struct fl_txn *ingest,
    struct fl_err *err)
{
	const struct fl_ingest_cursor *in;
	const struct fl_partition_cursor *partitions;
	bool found;

	FL_TRY(fl_ingest_cursor_get(ingest, &found, &in, &partitions, err));
	if ((found ? in->last_step : 0) < cursor->r)
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "pipeline \"%s\" has folded step %" PRIu64 ", ingest's last is %" PRIu64
		    ": an older ingest store was restored",
		    p->info->name, cursor->r, found ? in->last_step : 0);
	if (found && in->last_step == cursor->r && in->last_hash != cursor->r_hash)
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "pipeline \"%s\": step %" PRIu64 " of ingest has hash %016" PRIx64
		    ", the pipeline used %016" PRIx64,
		    p->info->name, cursor->r, in->last_hash, cursor->r_hash);
	return FL_OK;
}

static enum fl_code
restore(struct pipeline *p, struct fl_txn *own, struct fl_txn *ingest, struct fl_err *err)
{
	struct fl_pipeline_cursor_view view;
	struct fl_step_view next;
	bool found;

	FL_TRY(fl_pipeline_cursor_get(own, &found, &view, err));
	if (!found) {
		FL_TRY(start_new(p, ingest, err));
		p->replay_from = p->fold.step;
		add_point(p);
		return FL_OK;
	}
	FL_TRY(check_position(p, view.head, ingest, err));
	FL_TRY(state_restore(&p->fold, own, &view, err));
	FL_TRY(fl_step_get(ingest, p->fold.step + 1, &found, &next, err));
	if (found)
		p->fold.row_total = next.head->rows_before;
	p->replay_from = p->fold.step;
	p->finished_stored = view.head->finished != 0;
	p->late_size = view.head->late_size;
	p->late_dropped = view.head->late_dropped;
	p->command = view.head->command;
	p->returns = p->returns_stored = view.head->returns;
	add_point(p);
	FL_TRY(state_replay(&p->fold, ingest, view.head, view.at_r, view.queries, err));
	if (p->fold.step > p->replay_from)
		add_point(p);
	p->fold.commit = p->fold.step;
	return FL_OK;
}

static enum fl_code
measure_outbox(struct pipeline *p, struct fl_txn *own, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct fl_item item;
	bool found;
	enum fl_code code;

	FL_TRY(fl_cursor_open(own, FL_DBI_PIPELINE_OUT, &cursor, err));
	code = fl_cursor_seek(cursor, NULL, 0, &found, &item, err);
	while (code == FL_OK && found) {
		p->outbox_size += item.size;
		code = fl_cursor_next(cursor, &found, &item, err);
	}
	fl_cursor_close(&cursor);
	return code;
}

static void
init_fold(struct pipeline *p)
{
	const struct fl_plan *plan = p->info->plan;
	int64_t max_future = plan->max_future_ms;

	if (max_future < 0)
		max_future = p->instance->is_run ? 0 : INT64_C(86400000);
	fold_fini(&p->fold);
	fold_init(&p->fold, plan, p->info->stream_ids, max_future);
	p->fold.dead_quota =
	    (uint64_t)fl_config_number(p->instance, "aggregate.dead-quota-bytes");
	p->late_quota = (uint64_t)fl_config_number(p->instance, "aggregate.late-quota-bytes");
	p->outbox_quota = (uint64_t)fl_config_number(p->instance, "aggregate.outbox-quota-bytes");
}

enum fl_code
pipeline_open(struct pipeline *p, struct fl_err *err)
{
	struct fl_txn *own = NULL, *ingest = NULL;
	enum fl_code code;
	int64_t begin_us = fl_monotonic_us();

	if (p->is_open)
		return FL_OK;
	if (p->store == NULL) {
		init_fold(p);
		p->confirmed = fl_realloc(
		    p->confirmed, FL_MAX(p->fold.sink_count, 1u) * sizeof(*p->confirmed));
		memset(p->confirmed, 0, p->fold.sink_count * sizeof(*p->confirmed));
		code = open_own(p, err);
		if (code != FL_OK) {
			fl_store_close(&p->store);
			return code;
		}
	}
	if (p->ingest == NULL)
		FL_TRY(open_reader(p, FL_ROLE_INGEST, &p->ingest, err));
	if (p->ingest == NULL)
		return FL_OK;
	FL_TRY(bind_ingest(p, err));
	FL_TRY(fl_txn_begin_read(p->store, &own, err));
	code = fl_txn_begin_read(p->ingest, &ingest, err);
	if (code == FL_OK)
		code = restore(p, own, ingest, err);
	if (code == FL_OK)
		code = measure_outbox(p, own, err);
	fl_txn_abort(&ingest);
	fl_txn_abort(&own);
	FL_TRY(code);
	p->is_open = true;
	fl_info("pipeline open pipeline=%s step=%" PRIu64 " replayed=%" PRIu64 " took_us=%" PRId64,
	    p->info->name, p->fold.step, p->fold.step - p->replay_from,
	    fl_monotonic_us() - begin_us);
	return FL_OK;
}

/* ---- emit's store: positions, rows that come back ---- */

/* Rows of one sink that were dead letters and are to be tried again: into the outbox, as new
 * ones.  Not `takes`: only looked at, so that the second look cannot fail in the middle. */
static enum fl_code
look_at_returns(
    struct pipeline *p, struct fl_txn *txn, uint32_t s, bool takes, uint64_t *last, struct fl_err *err)
{
	const struct fl_table *table = p->fold.sinks[s].table;
	struct fl_cursor *cursor = NULL;
	struct fl_item item;
	uint8_t owner[64];
	size_t size = fl_sink_owner(p->info->name, table->name, owner);
	bool found;
	enum fl_code code;

	FL_TRY(fl_cursor_open(txn, FL_DBI_EMIT_RETURNS, &cursor, err));
	code = fl_cursor_seek(cursor, owner, size, &found, &item, err);
	while (code == FL_OK && found &&
	    fl_sink_has_letter(p->info->name, table->name, item.key, item.key_size)) {
		const struct fl_return *head = item.value;
		struct fl_block_view view;

		if (item.size > sizeof(*head) && head->command > p->returns &&
		    fl_uuid_equal(&head->store, &fl_store_meta(p->store)->store)) {
			code = fl_block_view(head + 1, item.size - sizeof(*head), &table->physical,
			    &p->fold.arena, &view, err);
			if (code != FL_OK)
				break;
			if (takes)
				results_return(&p->fold, s, &view.batch);
			*last = FL_MAX(*last, head->command);
		}
		code = fl_cursor_next(cursor, &found, &item, err);
	}
	fl_cursor_close(&cursor);
	return code;
}

static enum fl_code
note_replay(void *ctx, const struct fl_command *command, struct fl_err *err)
{
	bool *is_there = ctx;

	(void)err;
	*is_there = *is_there || strcmp(command->verb, "dead-replay") == 0;
	return FL_OK;
}

/* Is emit still to apply a command that sends rows back? */
static enum fl_code
look_for_replays(struct pipeline *p, struct fl_txn *txn, struct fl_err *err)
{
	uint64_t applied = 0, last;
	const void *value;
	size_t size;
	bool found;

	FL_TRY(fl_command_last(p->instance, &last, err));
	if (last == p->replays_seen)
		return FL_OK;
	FL_TRY(fl_txn_get(txn, FL_DBI_EMIT_META, "command", 7, &found, NULL, &value, &size, err));
	if (found && size == sizeof(applied))
		memcpy(&applied, value, size);
	p->waits_for_emit = false;
	FL_TRY(fl_command_each(p->instance, "emit", applied, note_replay, &p->waits_for_emit, err));
	if (!p->waits_for_emit)
		p->replays_seen = last;
	return FL_OK;
}

static enum fl_code
read_emit(struct pipeline *p, struct fl_err *err)
{
	const struct fl_uuid *own = &fl_store_meta(p->store)->store;
	struct fl_txn *txn = NULL;
	uint64_t last = p->returns;
	enum fl_code code;

	if (p->emit == NULL)
		FL_TRY(open_reader(p, FL_ROLE_EMIT, &p->emit, err));
	if (p->emit == NULL)
		return FL_OK;
	FL_TRY(fl_txn_begin_read(p->emit, &txn, err));
	code = look_for_replays(p, txn, err);
	for (uint32_t s = 0; s < p->fold.sink_count && code == FL_OK; s++) {
		struct fl_sink_position position;
		bool found;

		code = fl_sink_position_get(
		    txn, p->info->name, p->fold.sinks[s].table->name, &found, &position, err);
		if (code == FL_OK && found && fl_uuid_equal(&position.store, own))
			p->confirmed[s] = position.next;
		if (code == FL_OK)
			code = look_at_returns(p, txn, s, false, &last, err);
	}
	if (code == FL_OK && last > p->returns) {
		for (uint32_t s = 0; s < p->fold.sink_count && code == FL_OK; s++)
			code = look_at_returns(p, txn, s, true, &last, err);
		results_seal(&p->fold);
		p->returns = last;
		fl_info("dead letters are results again pipeline=%s command=%" PRIu64, p->info->name, last);
	}
	fl_arena_reset(&p->fold.arena);
	fl_txn_abort(&txn);
	return code;
}

/* ---- trimming ---- */

/* Deletes the first values of a database, or of those whose key begins with `of`, while
 * goes() says so: it counts them as gone. */
static enum fl_code
trim(struct pipeline *p, struct fl_txn *txn, enum fl_dbi dbi, const uint32_t *of,
    bool (*goes)(struct pipeline *p, uint32_t of, const struct fl_item *item), struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct { uint8_t bytes[24]; size_t size; } keys[PIPELINE_TRIM_MAX];
	uint8_t from[4];
	uint32_t n = 0;
	struct fl_item item;
	enum fl_code code;
	bool found;

	if (of != NULL)
		fl_key_u32(from, *of);
	FL_TRY(fl_cursor_open(txn, dbi, &cursor, err));
	code = fl_cursor_seek(
	    cursor, of == NULL ? NULL : from, of == NULL ? 0 : sizeof(from), &found, &item, err);
	while (code == FL_OK && found && n < FL_ARRAY_COUNT(keys) &&
	    item.key_size <= sizeof(keys[0].bytes) &&
	    (of == NULL || (item.key_size > 4 && memcmp(item.key, from, sizeof(from)) == 0)) &&
	    goes(p, of == NULL ? 0 : *of, &item)) {
		memcpy(keys[n].bytes, item.key, item.key_size);
		keys[n++].size = item.key_size;
		code = fl_cursor_next(cursor, &found, &item, err);
	}
	fl_cursor_close(&cursor);
	for (uint32_t i = 0; i < n && code == FL_OK; i++)
		code = fl_txn_del(txn, dbi, keys[i].bytes, keys[i].size, err);
	return code;
}

/* A result block whose rows the sink has, but for the last ones. */
static bool
block_goes(struct pipeline *p, uint32_t s, const struct fl_item *item)
{
	/* Rows kept for readers must not be what stops the pipeline. */
	uint64_t keep = p->outbox_size > p->outbox_quota / 2 ? 0 : PIPELINE_KEEP_ROWS;
	const struct fl_block_head *head = item->value;

	if (item->size < sizeof(*head) || (uint64_t)head->last + 1 + keep > p->confirmed[s])
		return false;
	p->fold.sinks[s].first = (uint64_t)head->last + 1;
	p->outbox_size -= FL_MIN(p->outbox_size, item->size);
	return true;
}

/* Provenance goes with the rows it tells of. */
static bool
window_goes(struct pipeline *p, uint32_t q, const struct fl_item *item)
{
	const struct fl_window_closed *closed = item->value;

	(void)q;
	return item->size == sizeof(*closed) && closed->sink < p->fold.sink_count &&
	    closed->first + closed->row_count <= p->fold.sinks[closed->sink].first;
}

/* Late rows are a ledger of bounded size: the oldest go.  Dead letters never do; beyond
 * their quota they are kept without the row. */
static bool
late_goes(struct pipeline *p, uint32_t of, const struct fl_item *item)
{
	(void)of;
	if (p->late_size <= p->late_quota)
		return false;
	p->late_size -= FL_MIN(p->late_size, item->size);
	if (p->late_dropped++ == 0)
		fl_warn("late rows fill their quota, the oldest go pipeline=%s quota=%" PRIu64,
		    p->info->name, p->late_quota);
	return true;
}

static enum fl_code
trim_all(struct pipeline *p, struct fl_txn *txn, struct fl_err *err)
{
	uint64_t dropped;

	do {
		dropped = p->late_dropped;
		FL_TRY(trim(p, txn, FL_DBI_PIPELINE_LATE, NULL, late_goes, err));
	} while (p->late_size > p->late_quota && p->late_dropped > dropped);
	for (uint32_t s = 0; s < p->fold.sink_count; s++)
		FL_TRY(trim(p, txn, FL_DBI_PIPELINE_OUT, &s, block_goes, err));
	for (uint32_t q = 0; q < p->fold.oper_count; q++)
		FL_TRY(trim(p, txn, FL_DBI_PIPELINE_WINDOWS, &q, window_goes, err));
	return FL_OK;
}

/* ---- commit ---- */

static enum fl_code
put_out(struct pipeline *p, struct fl_txn *txn, struct fl_err *err)
{
	struct out *out = &p->fold.out;

	for (uint32_t i = 0; i < out->block_count; i++) {
		const struct out_block *b = &out->blocks[i];
		uint8_t key[12];

		fl_key_u32(key, b->sink);
		fl_key_u64(key + 4, b->first);
		FL_TRY(fl_txn_put(txn, FL_DBI_PIPELINE_OUT, key, sizeof(key), 0,
		    out->bytes.data + b->at, b->size, err));
	}
	for (uint32_t i = 0; i < out->value_count; i++) {
		const struct out_value *v = &out->values[i];

		FL_TRY(fl_txn_put(txn, v->dbi, v->key, v->key_size, v->kind,
		    out->bytes.data + v->at, v->size, err));
		if (v->dbi == FL_DBI_PIPELINE_LATE)
			p->late_size += v->size;
	}
	return fl_dead_tally_put(txn, FL_DBI_PIPELINE_COUNTS, &out->tally, err);
}

/* Rows that a replay would fold again if it began at this commit. */
static uint64_t
rows_since(const struct pipeline *p, uint64_t commit)
{
	for (uint32_t i = 0; i < p->point_count; i++)
		if (p->points[i].step == commit)
			return p->fold.row_total - p->points[i].row_total;
	return 0;
}

/* The group that is dirty for longest and not in this commit yet. */
static bool
find_oldest(const struct pipeline *p, const uint64_t *taken, uint32_t *unit, uint32_t *group)
{
	uint64_t oldest = GROUP_CLEAN;

	for (uint32_t u = 0; u < fold_unit_count(&p->fold); u++) {
		const struct group *groups = fold_groups(&p->fold, u);

		for (uint32_t g = 0; g < TABLE_GROUPS; g++) {
			uint64_t from = groups[g].dirty_from;

			if ((taken[u] >> g & 1) != 0 || from >= oldest)
				continue;
			oldest = from;
			*unit = u;
			*group = g;
		}
	}
	return oldest != GROUP_CLEAN;
}

static enum fl_code
put_image(struct pipeline *p, struct fl_txn *txn, uint64_t *taken, uint32_t unit, uint32_t group,
    size_t *total, struct fl_err *err)
{
	size_t size;

	if (p->flush_count == p->flush_capacity) {
		p->flush_capacity = FL_MAX(64u, p->flush_capacity * 2);
		p->flushes = fl_realloc(p->flushes, p->flush_capacity * sizeof(*p->flushes));
	}
	FL_TRY(state_put(&p->fold, txn, unit, group, &p->flushes[p->flush_count], &size, err));
	p->flush_count++;
	taken[unit] |= UINT64_C(1) << group;
	*total += size;
	return FL_OK;
}

/* Whether a group of unit u has to be stored with one of `unit`. */
static bool
goes_with(const struct pipeline *p, const uint64_t *taken, uint32_t unit, uint32_t u, uint32_t g)
{
	return (taken[u] >> g & 1) == 0 && fold_groups(&p->fold, u)[g].dirty_from != GROUP_CLEAN &&
	    fold_is_above(&p->fold, unit, u);
}

static size_t
size_above(const struct pipeline *p, const uint64_t *taken, uint32_t unit)
{
	size_t size = 0;

	if (unit < p->fold.oper_count)
		return 0;
	for (uint32_t u = 0; u < fold_unit_count(&p->fold); u++)
		for (uint32_t g = 0; g < TABLE_GROUPS; g++)
			if (goes_with(p, taken, unit, u, g))
				size += state_size(&p->fold, u, g);
	return size;
}

/* The dirty groups above a unit. */
static enum fl_code
put_images_above(struct pipeline *p, struct fl_txn *txn, uint64_t *taken, uint32_t unit,
    size_t *total, struct fl_err *err)
{
	for (uint32_t u = 0; u < fold_unit_count(&p->fold); u++)
		for (uint32_t g = 0; g < TABLE_GROUPS; g++)
			if (goes_with(p, taken, unit, u, g))
				FL_TRY(put_image(p, txn, taken, u, g, total, err));
	return FL_OK;
}

static enum fl_code
put_images(struct pipeline *p, struct fl_txn *txn, uint64_t *taken, struct fl_err *err)
{
	bool has_new = p->point_count == 0 || p->points[p->point_count - 1].step < p->fold.step;
	uint32_t u = 0, g = 0;
	size_t total = 0, limit = p->flush_bytes;

	p->flush_count = 0;
	while (find_oldest(p, taken, &u, &g)) {
		uint64_t rows = rows_since(p, fold_groups(&p->fold, u)[g].dirty_from);
		bool may_wait = p->point_count < PIPELINE_POINTS_MAX;
		size_t above = size_above(p, taken, u);

		if (may_wait && total >= limit && rows <= PIPELINE_REPLAY_ROWS)
			break;
		if (may_wait && has_new && above > p->flush_bytes && rows <= PIPELINE_REPLAY_ROWS / 2)
			break;
		limit = FL_MAX(limit, 2 * above); /* so much of the dedup's groups goes with it */
		FL_TRY(put_image(p, txn, taken, u, g, &total, err));
		FL_TRY(put_images_above(p, txn, taken, u, &total, err));
	}
	return FL_OK;
}

/* Where a replay must begin once the groups taken are stored. */
static uint64_t
find_replay_from(const struct pipeline *p, const uint64_t *taken)
{
	uint64_t from = p->fold.step;

	for (uint32_t u = 0; u < fold_unit_count(&p->fold); u++)
		for (uint32_t g = 0; g < TABLE_GROUPS; g++)
			if ((taken[u] >> g & 1) == 0)
				from = FL_MIN(from, fold_groups(&p->fold, u)[g].dirty_from);
	return from;
}

static enum fl_code
put_cursor(struct pipeline *p, struct fl_txn *txn, uint64_t replay_from, struct fl_err *err)
{
	const struct fold *fold = &p->fold;
	const struct time_point *point = NULL;
	struct fl_pipeline_cursor *head;
	struct fl_partition_time *parts;
	struct fl_query_count *queries;
	struct fl_sink_count *sinks;
	uint32_t n = fold->part_count;
	size_t size = sizeof(*head) + 2 * (size_t)n * sizeof(*parts) +
	    fold->oper_count * sizeof(*queries) + fold->sink_count * sizeof(*sinks);
	void *value;

	for (uint32_t i = 0; i < p->point_count; i++)
		if (p->points[i].step == replay_from)
			point = &p->points[i];
	assert(point != NULL || replay_from == fold->step);
	FL_TRY(fl_txn_reserve(txn, FL_DBI_PIPELINE_META, "cursor", 6, 0, size, &value, err));
	memset(value, 0, size);
	head = value;
	head->r = fold->step;
	head->r_hash = fold->hash;
	head->clock_ms = fold->clock_ms;
	head->replay_from = replay_from;
	head->replay_hash = point != NULL ? point->hash : fold->hash;
	head->replay_clock_ms = point != NULL ? point->clock_ms : fold->clock_ms;
	head->watermark = FL_TIME_MIN;
	for (uint32_t s = 0; s < fold->source_count; s++)
		head->watermark = s == 0 ? fold->sources[0].watermark :
					   FL_MIN(head->watermark, fold->sources[s].watermark);
	head->fired_hash = fold_fired_hash(fold);
	head->partition_count = n;
	head->query_count = fold->oper_count;
	head->sink_count = fold->sink_count;
	head->wants_time = fold_wants_time(fold);
	head->finished = p->is_finished;
	head->late_size = p->late_size;
	head->late_dropped = p->late_dropped;
	head->dead_size = fold->dead_size;
	head->command = p->command;
	head->returns = p->returns;
	parts = (struct fl_partition_time *)(head + 1);
	time_save(fold, parts);
	if (point == NULL)
		time_save(fold, parts + n);
	/* Partitions that came later than that point: in no table of the plan. */
	for (uint32_t i = 0; point != NULL && i < n; i++) {
		if (i < point->part_count)
			parts[n + i] = point->parts[i];
		else
			parts[n + i].table = UINT32_MAX;
	}
	queries = (struct fl_query_count *)(void *)(parts + 2 * (size_t)n);
	for (uint32_t q = 0; q < fold->oper_count; q++)
		queries[q] = fold->opers[q].count;
	sinks = (struct fl_sink_count *)(void *)(queries + fold->oper_count);
	for (uint32_t s = 0; s < fold->sink_count; s++)
		sinks[s] = (struct fl_sink_count){ fold->sinks[s].next, fold->sinks[s].first,
			fold->sinks[s].returned };
	return FL_OK;
}

static enum fl_code
write_commit(struct pipeline *p, struct fl_txn *txn, uint64_t *taken, uint64_t *replay_from,
    struct fl_err *err)
{
	char build[64];

	(void)state_build(&p->fold, build, sizeof(build));
	if (!p->has_committed)
		FL_TRY(put_meta(txn, "build", build, strlen(build), err));
	FL_TRY(put_out(p, txn, err));
	FL_TRY(trim_all(p, txn, err));
	FL_TRY(put_images(p, txn, taken, err));
	*replay_from = find_replay_from(p, taken);
	return put_cursor(p, txn, *replay_from, err);
}

static void
settle(struct pipeline *p, uint64_t replay_from)
{
	struct fold *fold = &p->fold;

	for (uint32_t i = 0; i < p->flush_count; i++) {
		struct group *g = &fold_groups(fold, p->flushes[i].unit)[p->flushes[i].group];

		g->p_g = fold->step;
		g->dirty_from = GROUP_CLEAN;
		g->chunk_count = p->flushes[i].chunk_count;
	}
	for (uint32_t i = 0; i < fold->out.block_count; i++)
		p->outbox_size += fold->out.blocks[i].size;
	fold_out_reset(fold);
	if (p->point_count == 0 || p->points[p->point_count - 1].step < fold->step)
		add_point(p);
	drop_points_before(p, replay_from);
	p->replay_from = replay_from;
	fold->commit = fold->step;
	if (!p->has_committed)
		fl_info("first commit pipeline=%s step=%" PRIu64, p->info->name, fold->step);
	p->has_committed = true;
	p->finished_stored = p->is_finished;
	p->returns_stored = p->returns;
	p->is_pending = false;
}

static enum fl_code
commit(struct pipeline *p, struct fl_err *err)
{
	uint64_t *taken = fl_calloc(FL_MAX(fold_unit_count(&p->fold), 1u), sizeof(*taken));
	uint64_t replay_from = 0, outbox_size = p->outbox_size;
	uint64_t late_size = p->late_size, late_dropped = p->late_dropped;
	uint64_t *firsts = fl_calloc(FL_MAX(p->fold.sink_count, 1u), sizeof(*firsts));
	struct fl_txn *txn = NULL;
	enum fl_code code;

	p->is_pending = true;
	for (uint32_t s = 0; s < p->fold.sink_count; s++)
		firsts[s] = p->fold.sinks[s].first;
	if (fl_fault("aggregate.before_commit"))
		code = FL_FAIL(err, FL_E_DISK_FULL, "fault before the commit of a pipeline");
	else
		code = fl_txn_begin_write(p->store, &txn, err);
	if (code == FL_OK)
		code = write_commit(p, txn, taken, &replay_from, err);
	if (code == FL_OK)
		code = fl_txn_commit(&txn, err);
	fl_txn_abort(&txn);
	if (code == FL_OK) {
		settle(p, replay_from);
		(void)fl_fault("aggregate.after_commit"); /* a place to be killed at */
	} else { /* what was trimmed is there again */
		p->outbox_size = outbox_size;
		p->late_size = late_size;
		p->late_dropped = late_dropped;
		for (uint32_t s = 0; s < p->fold.sink_count; s++)
			p->fold.sinks[s].first = firsts[s];
	}
	free(firsts);
	free(taken);
	if (code != FL_OK)
		fl_err_context(err, "pipeline \"%s\"", p->info->name);
	return code;
}

/* ---- commands ---- */

/* The cursor as it is stored, but for what the command changed. */
static enum fl_code
put_command(struct fl_txn *txn, uint64_t number, uint64_t freed, struct fl_err *err)
{
	struct fl_pipeline_cursor *head;
	const void *value;
	enum fl_code code;
	size_t size;
	bool found;
	void *copy;

	FL_TRY(fl_txn_get(txn, FL_DBI_PIPELINE_META, "cursor", 6, &found, NULL, &value, &size, err));
	if (!found || size < sizeof(*head))
		return FL_OK; /* nothing was folded yet, and nothing is dead */
	copy = fl_malloc(size);
	memcpy(copy, value, size);
	head = copy;
	head->command = number;
	head->dead_size -= FL_MIN(head->dead_size, freed);
	code = fl_txn_put(txn, FL_DBI_PIPELINE_META, "cursor", 6, 0, copy, size, err);
	free(copy);
	return code;
}

static bool
is_for(const struct pipeline *p, const json_t *arguments)
{
	const char *name = json_string_value(json_object_get(arguments, "pipeline"));
	const char *uuid = json_string_value(json_object_get(arguments, "uuid"));
	char own[37];

	return name != NULL && uuid != NULL && strcmp(name, p->info->name) == 0 &&
	    strcmp(uuid, fl_uuid_print(&p->info->uuid, own)) == 0;
}

static enum fl_code
drop_dead(struct pipeline *p, uint64_t number, const json_t *arguments, struct fl_err *err)
{
	struct fl_txn *txn = NULL;
	uint64_t freed = 0;
	uint32_t count = 0;
	enum fl_code code;

	FL_TRY(fl_txn_begin_write(p->store, &txn, err));
	code = fl_dead_drop(txn, FL_DBI_PIPELINE_DEAD, arguments, &count, &freed, err);
	if (code == FL_OK)
		code = put_command(txn, number, freed, err);
	FL_TRY(fl_txn_end(&txn, code, err));
	p->fold.dead_size -= FL_MIN(p->fold.dead_size, freed);
	fl_info("dead letters dropped pipeline=%s command=%" PRIu64 " count=%u", p->info->name, number, count);
	return FL_OK;
}

static enum fl_code
apply_command(void *ctx, const struct fl_command *command, struct fl_err *err)
{
	struct pipeline *p = ctx;
	json_t *arguments = json_loads(command->arguments, 0, NULL);
	enum fl_code code = FL_OK;

	if (is_for(p, arguments) && strcmp(command->verb, "dead-drop") == 0)
		code = drop_dead(p, command->number, arguments, err);
	else if (is_for(p, arguments))
		fl_warn("command not understood number=%" PRIu64 " verb=%s", command->number, command->verb);
	json_decref(arguments);
	if (code == FL_OK)
		p->command = command->number;
	return code;
}

enum fl_code
pipeline_commands(struct pipeline *p, struct fl_err *err)
{
	uint64_t last;

	if (!p->is_open || p->is_pending)
		return FL_OK;
	FL_TRY(fl_command_last(p->instance, &last, err));
	if (last == p->commands_seen)
		return FL_OK;
	FL_TRY(fl_command_each(p->instance, "aggregate", p->command, apply_command, p, err));
	p->commands_seen = last;
	return FL_OK;
}

/* ---- a turn ---- */

/* Ingest's word that all is read counts only if it knew the newest of our streams. */
static bool
is_source_finished(const struct pipeline *p, const struct fl_ingest_cursor *cursor)
{
	for (uint32_t s = 0; s < p->info->plan->stream_count; s++)
		if (p->info->stream_ids[s] > cursor->finished)
			return false;
	return cursor->finished != 0;
}

static enum fl_code
fold_queued(struct pipeline *p, struct fl_txn *ingest, uint32_t *count, struct fl_err *err)
{
	const struct fl_ingest_cursor *cursor;
	const struct fl_partition_cursor *partitions;
	int64_t begin_us = fl_monotonic_us();
	uint64_t last;
	size_t size = 0;
	bool found;

	FL_TRY(fl_ingest_cursor_get(ingest, &found, &cursor, &partitions, err));
	if (!found)
		return FL_OK;
	last = cursor->last_step;
	while (p->fold.step < last && size < PIPELINE_TURN_BYTES &&
	    fl_monotonic_us() - begin_us < PIPELINE_TURN_US) {
		struct fl_step_view step;

		FL_TRY(fl_step_get(ingest, p->fold.step + 1, &found, &step, err));
		if (!found)
			return FL_FAIL(err, FL_E_STORE_MISMATCH,
			    "pipeline \"%s\" needs step %" PRIu64 ", ingest's oldest is %" PRIu64,
			    p->info->name, p->fold.step + 1, cursor->first_step);
		FL_TRY(fold_step(&p->fold, &step, err));
		size += step.head->size;
		fl_txn_forget(ingest, step.head, step.head->size);
		p->steps_total++;
		(*count)++;
	}
	p->is_finished =
	    is_source_finished(p, cursor) && p->fold.step == last && fold_is_drained(&p->fold);
	return FL_OK;
}

static bool
is_dirty(const struct pipeline *p)
{
	if (p->flush_bytes == 0)
		return false;
	for (uint32_t u = 0; u < fold_unit_count(&p->fold); u++)
		for (uint32_t g = 0; g < TABLE_GROUPS; g++)
			if (fold_groups(&p->fold, u)[g].dirty_from != GROUP_CLEAN)
				return true;
	return false;
}

static enum fl_code
watch_outbox(struct pipeline *p, int64_t now_ms, bool *worked, struct fl_err *err)
{
	uint64_t before = p->outbox_size;

	if (p->outbox_size > p->outbox_quota / 2 || fl_is_due(now_ms, p->emit_read_ms, 1000)) {
		p->emit_read_ms = now_ms;
		FL_TRY(read_emit(p, err));
	}
	if (p->outbox_size <= p->outbox_quota)
		return FL_OK;
	/* Only a commit trims; nothing is folded for it. */
	FL_TRY(commit(p, err));
	*worked = *worked || p->outbox_size < before;
	if (p->outbox_size <= p->outbox_quota)
		return FL_OK;
	return FL_FAIL(err, FL_E_OUTBOX_FULL,
	    "pipeline \"%s\": %" PRIu64 " bytes of results wait for their sinks, the quota is %" PRIu64,
	    p->info->name, p->outbox_size, p->outbox_quota);
}

enum fl_code
pipeline_turn(struct pipeline *p, int64_t now_ms, bool *worked, struct fl_err *err)
{
	struct fl_txn *ingest = NULL;
	uint32_t count = 0;
	bool was_open = p->is_open;
	enum fl_code code;

	FL_TRY(pipeline_open(p, err));
	if (!p->is_open)
		return FL_OK;
	if (!was_open)
		FL_TRY(pipeline_commands(p, err));
	if (p->is_pending) {
		FL_TRY(commit(p, err));
		*worked = true;
	}
	FL_TRY(watch_outbox(p, now_ms, worked, err));
	FL_TRY(fl_txn_begin_read(p->ingest, &ingest, err));
	code = fold_queued(p, ingest, &count, err);
	fl_txn_abort(&ingest);
	FL_TRY(code);
	if (count == 0 && !is_dirty(p) && p->is_finished == p->finished_stored &&
	    p->returns == p->returns_stored)
		return FL_OK;
	*worked = true;
	return commit(p, err);
}

bool
pipeline_is_done(const struct pipeline *p)
{
	return p->is_open && p->is_finished && p->finished_stored && !p->is_pending && !is_dirty(p) &&
	    !p->waits_for_emit;
}

void
pipeline_close(struct pipeline *p)
{
	fold_fini(&p->fold);
	for (uint32_t i = 0; i < p->point_count; i++)
		free(p->points[i].parts);
	free(p->points);
	free(p->flushes);
	free(p->confirmed);
	fl_store_close(&p->emit);
	fl_store_close(&p->ingest);
	fl_store_close(&p->store);
	memset(p, 0, sizeof(*p));
}
