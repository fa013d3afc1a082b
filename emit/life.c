/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life.c - the life of one sink: open, adopt the position, deliver, wait, stop.
 *
 * The position in the sink is the truth.  Emit's store follows it, and matters in
 * two cases: for ways out that keep no position, and for a Kafka group whose offset
 * has expired (INVALID, without an error).  For the second one the store says whether
 * the sink was *settled*: no transaction open whose outcome it does not know.  A sink
 * is settled when it has had nothing to do for a moment; before the next transaction
 * the store is told that it no longer is.  So a busy sink pays no extra commit, and
 * an idle one, the only kind whose position can expire, is always settled.
 *
 * A fresh sink gets its position (0) written by a transaction of its own before the
 * first row, so that INVALID beside a record in emit's store always means "expired".
 * A sink that waits for its first opening (no broker, no topic) has a record too, so
 * that `status` shows why; it is marked, and no position is read from it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "expr/expr.h"
#include "shm/dead.h"
#include "sink.h"

#define SETTLE_MS 200	      /* idle this long: settled */
#define WRITE_MS 100	      /* busy: emit's store follows this often */
#define FENCE_WINDOW_MS 300000 /* so many fences in this time: another live instance */
#define FENCE_MAX 5

const struct emit_sink_ops emit_sink_none; /* of a connector that is a source only; the binder knows */

static const struct emit_sink_ops *
find_ops(const struct fl_table *table)
{
	static const struct emit_sink_ops *const SCHEMES[] = {
#define FL_JDBC_SCHEME(name, prefix, sink) [FL_JDBC_##name] = &emit_sink_##sink,
#include "tbl/jdbc_schemes.h"
#undef FL_JDBC_SCHEME
	};

	if (table->jdbc != NULL)
		return SCHEMES[table->jdbc->scheme];
	switch (table->connector) {
#define FL_CONNECTOR(name, text, letter, format, source, sink) \
	case FL_CONNECTOR_##name:                      \
		return &emit_sink_##sink;
#include "tbl/connectors.h"
#undef FL_CONNECTOR
	}
	return NULL;
}

void
emit_sink_init(
    struct emit_sink *sink, struct emit *emit, const struct fl_pipeline *pipeline, uint32_t index)
{
	memset(sink, 0, sizeof(*sink));
	sink->emit = emit;
	sink->pipeline = pipeline;
	sink->index = index;
	sink->table = pipeline->plan->sinks[index];
	sink->ops = find_ops(sink->table);
	sink->row_limit = sink->ops != NULL && sink->ops->keeps_windows ? UINT32_MAX : EMIT_RUN_ROWS;
	sink->wait_ms = 500;
	fl_arena_init(&sink->arena);
	fl_buf_init(&sink->run.bytes);
	fl_buf_init(&sink->latest.bytes);
	fl_buf_init(&sink->dead);
}

void
emit_sink_fini(struct emit_sink *sink)
{
	if (sink->ops != NULL && sink->is_open)
		sink->ops->close(sink);
	if (sink->ops != NULL && sink->ops->fini != NULL)
		sink->ops->fini(sink);
	fl_encoder_free(&sink->encoder);
	fl_store_close(&sink->store);
	free(sink->run.rows);
	fl_buf_fini(&sink->run.bytes);
	emit_latest_fini(&sink->latest);
	fl_buf_fini(&sink->dead);
	fl_arena_fini(&sink->arena);
}

/* ---- emit's store ---- */

/* What the keys of the sink's letters and of their counters begin with. */
static size_t
owner_key(const struct emit_sink *sink, uint8_t key[64])
{
	return fl_sink_owner(sink->pipeline->name, sink->table->name, key);
}

static void
set_state(struct fl_sink_position *position, enum emit_state state, const char *error)
{
	position->state = state;
	memset(position->error, 0, sizeof(position->error));
	memcpy(position->error, error, FL_MIN(strlen(error), sizeof(position->error) - 1));
}

static enum fl_code
put_record(struct emit_sink *sink, struct fl_txn *txn, struct fl_sink_position *position,
    struct fl_err *err)
{
	uint8_t key[64];
	size_t key_size = fl_sink_key(sink->pipeline->name, sink->table->name, key);

	position->chain = sink->chain;
	return fl_txn_put(
	    txn, FL_DBI_EMIT_SINKS, key, key_size, 0, position, sizeof(*position), err);
}

/* Letters are those of one store of the pipeline: another numbers its rows anew. */
static enum fl_code
forget_letters(struct emit_sink *sink, struct fl_txn *txn, enum fl_dbi dbi, uint64_t *freed, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	uint8_t owner[64], key[80];
	size_t size = owner_key(sink, owner);
	struct fl_item item;
	bool found = true;
	enum fl_code code;

	for (;;) {
		FL_TRY(fl_cursor_open(txn, dbi, &cursor, err));
		code = fl_cursor_seek(cursor, owner, size, &found, &item, err);
		found = code == FL_OK && found && item.key_size > size && item.key_size <= sizeof(key) &&
		    memcmp(item.key, owner, size) == 0;
		if (found) {
			memcpy(key, item.key, item.key_size);
			*freed += item.size;
		}
		fl_cursor_close(&cursor);
		if (!found)
			return code;
		FL_TRY(fl_txn_del(txn, dbi, key, item.key_size, err));
	}
}

static enum fl_code
begin_letters(struct emit_sink *sink, struct fl_txn *txn, struct fl_err *err)
{
	uint64_t freed = 0, ignored = 0;

	FL_TRY(forget_letters(sink, txn, FL_DBI_EMIT_DEAD, &freed, err));
	FL_TRY(forget_letters(sink, txn, FL_DBI_EMIT_RETURNS, &ignored, err));
	FL_TRY(forget_letters(sink, txn, FL_DBI_EMIT_COUNTS, &ignored, err));
	return freed > 0 ? emit_dead_size_add(txn, -(int64_t)freed, NULL, err) : FL_OK;
}

static enum fl_code
write_record(struct emit_sink *sink, int64_t now_ms, bool settled, enum emit_state state,
    const char *error, struct fl_err *err)
{
	struct fl_sink_position position = sink->position;
	struct fl_txn *txn = NULL;
	enum fl_code code;

	position.settled = settled;
	position.unopened = !sink->has_record && state != EMIT_RUNNING;
	set_state(&position, state, error);
	if (fl_fault("emit.before_store_commit"))
		return FL_FAIL(err, FL_E_IO, "fault before the commit of emit's store");
	pthread_mutex_lock(&sink->emit->store_lock);
	code = fl_txn_begin_write(sink->emit->store, &txn, err);
	if (code == FL_OK && !sink->has_record)
		code = begin_letters(sink, txn, err);
	if (code == FL_OK)
		code = put_record(sink, txn, &position, err);
	if (code == FL_OK)
		code = fl_txn_commit(&txn, err);
	fl_txn_abort(&txn);
	pthread_mutex_unlock(&sink->emit->store_lock);
	if (code != FL_OK)
		return code;
	sink->position = position;
	sink->has_record = !position.unopened;
	sink->is_dirty = false;
	sink->written_ms = now_ms;
	fl_bell_ring(sink->emit->bells, FL_BELL_EMIT);
	if (fl_fault("emit.after_store_commit"))
		return FL_FAIL(err, FL_E_IO, "fault after the commit of emit's store");
	return FL_OK;
}

static enum fl_code
read_record(struct emit_sink *sink, bool *found, struct fl_sink_position *position, struct fl_err *err)
{
	struct fl_txn *txn = NULL;
	enum fl_code code;

	*found = false;
	FL_TRY(fl_txn_begin_read(sink->emit->store, &txn, err));
	code = fl_sink_position_get(
	    txn, sink->pipeline->name, sink->table->name, found, position, err);
	fl_txn_abort(&txn);
	return code;
}

void
emit_sink_settle(struct emit_sink *sink, int64_t now_ms)
{
	struct fl_err err = { .code = FL_OK };

	if (!sink->is_open || sink->is_pending || (!sink->is_dirty && sink->position.settled))
		return;
	if (write_record(sink, now_ms, true, EMIT_RUNNING, "", &err) != FL_OK)
		fl_warn("could not note the position reason=%s", err.text);
}

/* ---- what the main thread and others see ---- */

static void
publish(struct emit_sink *sink, enum emit_state state, bool is_done, const struct fl_err *err)
{
	struct emit *emit = sink->emit;

	pthread_mutex_lock(&emit->lock);
	sink->view.state = state;
	sink->view.is_done = is_done;
	sink->view.next = sink->position.next;
	sink->view.commits = sink->position.commits;
	sink->view.dead = sink->position.dead;
	sink->view.retries = sink->position.retries;
	if (err != NULL) {
		sink->view.err = *err;
		sink->view.is_fatal = fl_code_class(err->code) == FL_CLASS_FATAL;
	}
	pthread_cond_broadcast(&emit->changed);
	pthread_mutex_unlock(&emit->lock);
}

/* ---- opening ---- */

static enum fl_code
open_store(struct emit_sink *sink, bool *exists, struct fl_err *err)
{
	enum fl_code code;

	*exists = true;
	if (sink->store != NULL)
		return FL_OK;
	pthread_mutex_lock(&sink->emit->lock);
	code = fl_instance_store(sink->emit->instance, FL_ROLE_PIPELINE, sink->pipeline->name, false,
	    &sink->store, err);
	pthread_mutex_unlock(&sink->emit->lock);
	if (code == FL_E_NO_SUCH_OBJECT) {
		*exists = false;
		err->code = FL_OK;
		return FL_OK;
	}
	return code;
}

static enum fl_code
make_encoder(struct emit_sink *sink, struct fl_err *err)
{
	const struct fl_table *table = sink->table;
	struct fl_codec_options options = fl_table_codec(table);

	if (sink->encoder != NULL || table->format == FL_FORMAT_NONE)
		return FL_OK;
	if (fl_encoder_new(&options, &sink->encoder, err) != FL_OK)
		return fl_err_context(err, "table \"%s\"", table->name);
	return FL_OK;
}

static enum fl_code
check_against_outbox(struct emit_sink *sink, uint64_t next, const struct emit_outbox *outbox,
    struct fl_err *err)
{
	if (next > outbox->next)
		return FL_FAIL(err, FL_E_SINK_AHEAD,
		    "pipeline \"%s\" sink \"%s\": the sink holds rows up to %" PRIu64
		    ", the outbox ends at %" PRIu64 "; was an older store restored?",
		    sink->pipeline->name, sink->table->name, next, outbox->next);
	if (next < outbox->first)
		return FL_FAIL(err, FL_E_OUTBOX_TRIMMED,
		    "pipeline \"%s\" sink \"%s\": row %" PRIu64
		    " is next for the sink, the outbox begins at %" PRIu64,
		    sink->pipeline->name, sink->table->name, next, outbox->first);
	return FL_OK;
}

/* The sink told its position: it is the truth, unless it cannot be. */
static enum fl_code
adopt_known(struct emit_sink *sink, const struct fl_sink_position *in_sink, bool has_record,
    struct fl_err *err)
{
	const char *pipeline = sink->pipeline->name, *table = sink->table->name;

	if (!fl_uuid_equal(&in_sink->store, &sink->position.store))
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "pipeline \"%s\" sink \"%s\": the position in the sink was made by another store",
		    pipeline, table);
	if (in_sink->generation > sink->position.generation)
		return FL_FAIL(err, FL_E_SINK_AHEAD,
		    "pipeline \"%s\" sink \"%s\": the sink was written in generation %" PRIu64
		    " of the store, which is in generation %" PRIu64 "; was an older store restored?",
		    pipeline, table, in_sink->generation, sink->position.generation);
	if (sink->is_pending) {
		if (!sink->ops->compares && in_sink->next != sink->pending_from && in_sink->next != sink->pending_to)
			return FL_FAIL(err, FL_E_SINK_UNKNOWN,
			    "pipeline \"%s\" sink \"%s\": after an unknown outcome of rows %" PRIu64
			    " to %" PRIu64 " the position is %" PRIu64
			    ", neither end; does somebody else write with this transactional.id?",
			    pipeline, table, sink->pending_from, sink->pending_to - 1, in_sink->next);
		if (sink->ops->expires && in_sink->next == sink->pending_to &&
		    in_sink->chain != sink->pending_chain)
			return FL_FAIL(err, FL_E_STORE_MISMATCH,
			    "pipeline \"%s\" sink \"%s\": rows up to %" PRIu64
			    " in the sink are not those of the outbox", pipeline, table, in_sink->next);
		fl_info("unknown outcome resolved pipeline=%s sink=%s from=%" PRIu64 " to=%" PRIu64
			" committed=%s", pipeline, table, sink->pending_from, sink->pending_to,
		    in_sink->next == sink->pending_to ? "yes" : "no");
	} else if (has_record && sink->position.next != in_sink->next) {
		fl_info("position adopted from the sink pipeline=%s sink=%s position=%" PRIu64
			" noted=%" PRIu64, pipeline, table, in_sink->next, sink->position.next);
	}
	sink->position.next = in_sink->next;
	sink->chain = in_sink->chain;
	return FL_OK;
}

/* The sink cannot tell, so emit's store decides. */
static enum fl_code
adopt_record(struct emit_sink *sink, bool has_record, struct fl_err *err)
{
	bool is_open_end = !sink->position.settled || sink->is_pending;

	if (has_record && is_open_end && sink->ops->expires && !sink->keeps_no_position)
		return FL_FAIL(err, FL_E_SINK_UNKNOWN,
		    "pipeline \"%s\" sink \"%s\": the broker has no position for it any more (expired, or "
		    "the topic was created anew), and a transaction from row %" PRIu64
		    " on was under way: rows may already be in topic \"%s\"",
		    sink->pipeline->name, sink->table->name, sink->position.next,
		    sink->table->topic);
	return FL_OK;
}

static void
close_sink(struct emit_sink *sink)
{
	if (sink->is_open || sink->impl != NULL)
		sink->ops->close(sink);
	sink->is_open = false;
}

/* From emit's store at the first opening, from memory afterwards: it is newer. */
static enum fl_code
load_record(struct emit_sink *sink, bool *found, struct fl_err *err)
{
	const struct fl_store_meta *meta = fl_store_meta(sink->store);
	struct fl_sink_position record;

	*found = sink->has_record;
	if (sink->has_record)
		return FL_OK;
	memset(&record, 0, sizeof(record));
	FL_TRY(read_record(sink, found, &record, err));
	*found = *found && !record.unopened;
	if (*found && !fl_uuid_equal(&record.store, &meta->store)) {
		fl_info("pipeline has a new store, its sink starts at row 0 pipeline=%s sink=%s",
		    sink->pipeline->name, sink->table->name);
		*found = false;
	}
	if (!*found)
		memset(&record, 0, sizeof(record));
	sink->position = record;
	sink->position.store = meta->store;
	sink->position.generation = meta->generation;
	sink->chain = record.chain;
	sink->has_record = *found;
	sink->is_loaded = true;
	return FL_OK;
}

static enum fl_code
open_sink(struct emit_sink *sink, const struct emit_outbox *outbox, int64_t now_ms,
    struct fl_err *err)
{
	struct fl_sink_position in_sink;
	bool found = false, known = false, open_again = false;
	int64_t began_us = fl_monotonic_us();
	enum fl_code code;

	memset(&in_sink, 0, sizeof(in_sink));
	FL_TRY(load_record(sink, &found, err));
	FL_TRY(make_encoder(sink, err));
	FL_TRY(sink->ops->open(sink, &known, &in_sink, err));
	sink->is_open = true;
	if (known)
		code = adopt_known(sink, &in_sink, found, err);
	else
		code = adopt_record(sink, found, err);
	if (code == FL_OK)
		code = check_against_outbox(sink, sink->position.next, outbox, err);
	if (code == FL_OK && !known && sink->ops->refresh != NULL)
		code = sink->ops->refresh(sink, &open_again, err);
	if (code == FL_OK)
		code = write_record(sink, now_ms, true, EMIT_RUNNING, "", err);
	if (code != FL_OK) {
		close_sink(sink);
		return code;
	}
	sink->is_pending = false;
	sink->refreshed_ms = now_ms;
	fl_info("sink open pipeline=%s sink=%s position=%" PRIu64 " took_us=%" PRId64,
	    sink->pipeline->name, sink->table->name, sink->position.next,
	    fl_monotonic_us() - began_us);
	return FL_OK;
}

/* ---- a run: rows out of the outbox, encoded ---- */

static size_t
dead_key(const struct emit_sink *sink, uint64_t number, uint8_t key[64])
{
	size_t size = owner_key(sink, key);

	fl_key_u64(key + size, number);
	return size + 8;
}

/* Beyond the quota position, reason and length are kept, not the row. */
static enum fl_code
put_dead(struct emit_sink *sink, struct fl_txn *txn, struct fl_dead *dead, const uint8_t *key,
    size_t key_size, struct fl_err *err)
{
	uint64_t total = 0;

	FL_TRY(emit_dead_size_add(txn, 0, &total, err));
	if (total + dead->head.value_size > sink->emit->dead_quota)
		dead->head.value_size = 0;
	fl_buf_reset(&sink->dead);
	fl_dead_encode(dead, &sink->dead);
	FL_TRY(fl_txn_put(txn, FL_DBI_EMIT_DEAD, key, key_size, 0, sink->dead.data,
	    sink->dead.size, err));
	FL_TRY(fl_dead_count(txn, FL_DBI_EMIT_COUNTS, key, key_size - 8, dead->head.code, 1, err));
	return emit_dead_size_add(txn, (int64_t)sink->dead.size, NULL, err);
}

/* Writes and syncs the dead letter of a row before any transaction passes it, and its
 * count with it.  The same row again (its transaction did not come about) is written once. */
static enum fl_code
write_dead(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, uint64_t number,
    const struct fl_err *why, struct fl_err *err)
{
	struct fl_sink_position position = sink->position;
	struct fl_txn *txn = NULL;
	struct fl_buf json;
	struct fl_dead dead;
	uint8_t key[64];
	size_t key_size = dead_key(sink, number, key), old_size;
	const void *old;
	bool found = false;
	enum fl_code code;

	fl_buf_init(&json);
	fl_row_print_json(batch, i, &json);
	memset(&dead, 0, sizeof(dead));
	dead.head.code = (uint32_t)why->code;
	dead.head.stream = sink->index;
	dead.head.partition = -1;
	dead.head.reason_size = (uint32_t)strlen(why->text);
	dead.head.value_full = (uint32_t)json.size;
	dead.head.value_size = json.size > FL_DEAD_EMIT_MAX ? 0 : (uint32_t)json.size;
	dead.head.flags = FL_DEAD_NULL_KEY | FL_DEAD_IS_JSON;
	dead.head.offset = (int64_t)number;
	dead.head.clock_ms = fl_now_ms();
	dead.reason = why->text;
	dead.key = "";
	dead.value = json.data;
	pthread_mutex_lock(&sink->emit->store_lock);
	code = fl_txn_begin_write(sink->emit->store, &txn, err);
	if (code == FL_OK)
		code = fl_txn_get(txn, FL_DBI_EMIT_DEAD, key, key_size, &found, NULL, &old,
		    &old_size, err);
	if (code == FL_OK && !found) {
		position.dead++;
		code = put_dead(sink, txn, &dead, key, key_size, err);
		if (code == FL_OK)
			code = put_record(sink, txn, &position, err);
		if (code == FL_OK)
			code = fl_txn_commit(&txn, err);
		if (code == FL_OK) {
			sink->position = position;
			fl_warn("row refused, kept as a dead letter pipeline=%s sink=%s row=%" PRIu64
				" reason=%s", sink->pipeline->name, sink->table->name, number,
			    why->text);
		}
	}
	fl_txn_abort(&txn);
	pthread_mutex_unlock(&sink->emit->store_lock);
	fl_buf_fini(&json);
	return code;
}

static void
add_row(struct emit_run *run, uint64_t number, size_t at)
{
	if (run->count == run->capacity) {
		run->capacity = run->capacity == 0 ? 256 : run->capacity * 2;
		run->rows = fl_realloc(run->rows, run->capacity * sizeof(run->rows[0]));
	}
	run->size += run->bytes.size - at;
	run->rows[run->count++] = (struct emit_row){
		.number = number, .at = (uint32_t)at, .size = (uint32_t)(run->bytes.size - at) };
	run->chain = fl_hash64_seed(run->bytes.data != NULL ? run->bytes.data + at : "",
	    run->bytes.size - at, run->chain ^ number);
}

static enum fl_code
encode_row(struct emit_sink *sink, const struct fl_block_view *view, uint32_t i, uint64_t number,
    struct fl_err *err)
{
	uint8_t kind = view->kinds != NULL ? view->kinds[i] : FL_CHANGE_INSERT;

	if (sink->refuse_err.code != FL_OK && sink->refuse_number == number) {
		*err = sink->refuse_err;
		return err->code;
	}
	if (fl_fault("emit.refuse"))
		return FL_FAIL(err, FL_E_SINK_REFUSED, "the test asked for it");
	return sink->ops->encode(sink, &view->batch, i, kind, &sink->run.bytes, err);
}

static size_t
size_limit(const struct emit_sink *sink)
{
	if (sink->ops->keeps_windows && sink->table->roll_size > 0)
		return (size_t)sink->table->roll_size;
	return sink->ops->run_size > 0 ? sink->ops->run_size : EMIT_RUN_SIZE;
}

/* May the run end behind the row that was read last?  It is as long as it should be. */
static enum fl_code
may_end(struct emit_sink *sink, bool *may, struct fl_err *err)
{
	struct emit_run *run = &sink->run;

	if (sink->ops->keeps_windows && run->window_end <= run->next)
		FL_TRY(emit_outbox_window_end(sink, sink->reading, run->next, &run->window_end, err));
	*may = run->window_end <= run->next;
	return FL_OK;
}

static enum fl_code
encode_block(struct emit_sink *sink, const struct fl_block_view *view, uint32_t row, bool *stop,
    struct fl_err *err)
{
	struct emit_run *run = &sink->run;
	size_t size_max = size_limit(sink);
	/* While a refused row is being looked for, each row is seen by the sink. */
	bool takes_latest = sink->ops->takes_latest && sink->table->primary_key_count > 0 &&
	    sink->row_limit >= EMIT_RUN_ROWS;
	struct fl_err why = { .code = FL_OK };
	enum fl_code code;
	uint32_t i;

	for (i = row; i < view->head->row_count && !*stop; i++) {
		size_t at = run->bytes.size;

		code = encode_row(sink, view, i, run->next, &why);
		if (code == FL_OK) {
			add_row(run, run->next, at);
			if (takes_latest)
				emit_latest_add(&sink->latest, sink->table, &view->batch, i, run);
		} else {
			run->bytes.size = at;
			if (fl_code_class(code) != FL_CLASS_INPUT) {
				*err = why;
				return code;
			}
			FL_TRY(write_dead(sink, &view->batch, i, run->next, &why, err));
		}
		run->next++;
		if (sink->ops->stream != NULL && run->bytes.size - run->offered >= EMIT_STREAM_SIZE) {
			run->offered = run->bytes.size;
			sink->ops->stream(sink, run);
		}
		if (run->next - run->first >= sink->row_limit || run->size >= size_max)
			FL_TRY(may_end(sink, stop, err));
	}
	return FL_OK;
}

/* No transaction of the store is open any more when this returns: what follows may
 * wait for a broker. */
static enum fl_code
read_run(struct emit_sink *sink, struct emit_outbox *outbox, struct fl_err *err)
{
	struct emit_run *run = &sink->run;
	struct fl_txn *txn = NULL;
	enum fl_code code;

	fl_arena_reset(&sink->arena);
	fl_buf_reset(&run->bytes);
	emit_latest_reset(&sink->latest);
	run->count = 0;
	run->offered = run->size = 0;
	run->window_end = 0;
	run->is_streamed = false;
	run->refused = -1;
	run->first = run->next = sink->position.next;
	run->chain = sink->chain;
	FL_TRY(fl_txn_begin_read(sink->store, &txn, err));
	code = emit_outbox_state(sink, txn, outbox, err);
	if (code == FL_OK && sink->is_open)
		code = check_against_outbox(sink, run->first, outbox, err);
	sink->reading = txn;
	if (code == FL_OK && sink->is_open)
		code = emit_outbox_read(sink, txn, run->first, outbox, encode_block, err);
	sink->reading = NULL;
	fl_txn_abort(&txn);
	if (code != FL_OK && run->is_streamed)
		close_sink(sink);
	return code;
}

/* ---- delivering ---- */

/* A refused row is found by shorter runs; alone in its run it is named, and the next
 * run makes it a dead letter. */
static void
narrow(struct emit_sink *sink, const struct fl_err *why)
{
	struct emit_run *run = &sink->run;
	uint64_t span = run->next - run->first;

	if (span <= 1) {
		sink->refuse_number = run->first;
		sink->refuse_err = *why;
		sink->row_limit = 1;
	} else if (run->refused > 0 && (uint64_t)run->refused < run->count) {
		sink->row_limit = (uint32_t)(run->rows[run->refused].number - run->first);
	} else if (run->refused == 0 && run->rows[0].number == run->first) {
		sink->row_limit = 1;
	} else {
		sink->row_limit = (uint32_t)(span / 2);
	}
}

static enum fl_code
deliver_run(struct emit_sink *sink, int64_t now_ms, struct fl_err *err)
{
	struct emit_run *run = &sink->run;
	/* A directory may be cleared between a kill and the next start. */
	bool follows_each = (!sink->ops->expires && !sink->ops->compares) ||
	    sink->keeps_no_position || !sink->emit->has_threads;
	bool open_again = false;
	enum fl_code code;

	/* Proved by: tests/kafka/run, expired position of an unsettled sink. */
	if (sink->ops->expires && sink->position.settled && sink->emit->has_threads)
		FL_TRY(write_record(sink, now_ms, false, EMIT_RUNNING, "", err));
	code = sink->ops->deliver(sink, run, &open_again, err);
	if (open_again) {
		sink->is_pending = true;
		sink->pending_from = run->first;
		sink->pending_to = run->next;
		sink->pending_chain = run->chain;
		close_sink(sink);
	}
	if (code == FL_E_SINK_REFUSED && !open_again) {
		narrow(sink, err);
		err->code = FL_OK;
		return FL_OK;
	}
	if (code != FL_OK) {
		sink->position.retries++;
		return code;
	}
	sink->refuse_err.code = FL_OK;
	sink->row_limit = sink->row_limit < EMIT_RUN_ROWS ? FL_MIN(EMIT_RUN_ROWS, sink->row_limit * 2) :
							    FL_MAX(EMIT_RUN_ROWS, sink->ops->run_rows);
	sink->position.next = run->next;
	sink->position.commits++;
	sink->position.confirmed_ms = now_ms;
	sink->refreshed_ms = now_ms;
	sink->chain = run->chain;
	sink->is_dirty = true;
	if (!sink->has_delivered)
		fl_info("first rows confirmed pipeline=%s sink=%s position=%" PRIu64,
		    sink->pipeline->name, sink->table->name, sink->position.next);
	sink->has_delivered = true;
	if (follows_each || fl_is_due(now_ms, sink->written_ms, WRITE_MS))
		return write_record(sink, now_ms,
		    !sink->ops->expires || !sink->emit->has_threads, EMIT_RUNNING, "", err);
	return FL_OK;
}

static enum fl_code
idle(struct emit_sink *sink, int64_t now_ms, bool is_done, struct fl_err *err)
{
	bool open_again = false;
	enum fl_code code;

	sink->wait_ms = 500;
	if (sink->is_dirty || !sink->position.settled || sink->position.state != EMIT_RUNNING) {
		if (is_done || fl_is_due(now_ms, sink->position.confirmed_ms, SETTLE_MS))
			return write_record(sink, now_ms, true, EMIT_RUNNING, "", err);
		sink->wait_ms = SETTLE_MS;
		return FL_OK;
	}
	if (sink->ops->refresh == NULL || sink->keeps_no_position ||
	    !fl_is_due(now_ms, sink->refreshed_ms, EMIT_REFRESH_MS))
		return FL_OK;
	code = sink->ops->refresh(sink, &open_again, err);
	if (open_again)
		close_sink(sink);
	if (code == FL_OK)
		sink->refreshed_ms = now_ms;
	return code;
}

static enum fl_code
work(struct emit_sink *sink, int64_t now_ms, bool *worked, bool *is_done, struct fl_err *err)
{
	struct emit_outbox outbox;
	bool exists = false;

	FL_TRY(open_store(sink, &exists, err));
	if (!exists) {
		sink->wait_ms = 100;
		return FL_OK;
	}
	if (!sink->is_open) {
		FL_TRY(read_run(sink, &outbox, err)); /* only what the outbox holds */
		FL_TRY(open_sink(sink, &outbox, now_ms, err));
	}
	FL_TRY(read_run(sink, &outbox, err));
	if (sink->run.next == sink->run.first) {
		bool has_returns = false;

		FL_TRY(emit_forget_returns(sink, &outbox, err));
		if (outbox.is_finished && sink->position.next == outbox.next)
			FL_TRY(emit_has_returns(sink, &has_returns, err));
		*is_done = outbox.is_finished && sink->position.next == outbox.next && !has_returns;
		FL_TRY(idle(sink, now_ms, *is_done, err));
		return FL_OK;
	}
	*worked = true;
	FL_TRY(deliver_run(sink, now_ms, err));
	sink->is_drained = sink->position.next == outbox.next;
	return emit_forget_returns(sink, &outbox, err);
}

/* ---- trouble ---- */

/* Fenced by a broker that gave up waiting, or by a predecessor's end: a new producer
 * goes on.  Again and again means that somebody else lives under the same name. */
static void
judge_fence(struct emit_sink *sink, int64_t now_ms, struct fl_err *err)
{
	if (fl_is_due(now_ms, sink->fence_since_ms, FENCE_WINDOW_MS)) {
		sink->fence_since_ms = now_ms;
		sink->fence_count = 0;
	}
	if (++sink->fence_count < FENCE_MAX) {
		err->code = FL_E_KAFKA;
		return;
	}
	(void)FL_FAIL(err, FL_E_BAD_CONFIG,
	    "pipeline \"%s\" sink \"%s\": its transactional.id was taken over %" PRIu32
	    " times within five minutes: another live pipeline uses it; give each its own "
	    "'sink.transactional-id-prefix'",
	    sink->pipeline->name, sink->table->name, sink->fence_count);
}

static enum fl_code
trouble(struct emit_sink *sink, int64_t now_ms, struct fl_err *err)
{
	struct fl_err ignored = { .code = FL_OK };
	char text[FL_ERR_TEXT_SIZE + 64];
	enum emit_state state;
	bool is_new;

	if (err->code == FL_E_KAFKA_FENCED)
		judge_fence(sink, now_ms, err);
	if (fl_code_class(err->code) == FL_CLASS_FATAL) {
		publish(sink, EMIT_STOPPED, false, err);
		return err->code;
	}
	state = fl_code_class(err->code) == FL_CLASS_TRANSIENT ? EMIT_WAITING : EMIT_STOPPED;
	fl_err_print(err, text, sizeof(text));
	is_new = sink->position.state != (uint32_t)state ||
	    strncmp(sink->position.error, text, sizeof(sink->position.error) - 1) != 0;
	if (state == EMIT_STOPPED) {
		fl_error("sink stopped, needs a person pipeline=%s sink=%s reason=%s",
		    sink->pipeline->name, sink->table->name, text);
		close_sink(sink);
	} else {
		sink->retry_ms = sink->retry_ms == 0 ?
		    EMIT_RETRY_MIN_MS :
		    FL_MIN(sink->retry_ms * 2, EMIT_RETRY_MAX_MS);
		sink->retry_at_ms = now_ms + sink->retry_ms;
		if (is_new)
			fl_warn("sink waits pipeline=%s sink=%s retry_ms=%" PRId64 " reason=%s",
			    sink->pipeline->name, sink->table->name, sink->retry_ms, text);
	}
	/* The reason is for status only, so a store that cannot take it is no second
	 * failure. */
	if (is_new && sink->is_loaded)
		(void)write_record(sink, now_ms,
		    sink->position.settled != 0, state, text, &ignored);
	if (fl_code_class(ignored.code) == FL_CLASS_FATAL) {
		*err = ignored;
		publish(sink, EMIT_STOPPED, false, err);
		return err->code;
	}
	set_state(&sink->position, state, text);
	publish(sink, state, false, err);
	return FL_OK;
}

enum fl_code
emit_sink_turn(struct emit_sink *sink, int64_t now_ms, bool *worked, struct fl_err *err)
{
	struct fl_err own = { .code = FL_OK };
	bool is_done = false;
	int64_t left;

	*worked = false;
	if (sink->view.state == EMIT_STOPPED) {
		sink->wait_ms = 500;
		return FL_OK;
	}
	left = sink->retry_at_ms - now_ms;
	if (left > 0 && left <= EMIT_RETRY_MAX_MS) {
		sink->wait_ms = (int)FL_MIN(left, 500);
		return FL_OK;
	}
	if (work(sink, now_ms, worked, &is_done, &own) != FL_OK) {
		*worked = false;
		if (trouble(sink, now_ms, &own) != FL_OK) {
			*err = own;
			return err->code;
		}
		return FL_OK;
	}
	if (sink->retry_ms != 0 && sink->is_open)
		fl_info("sink goes on pipeline=%s sink=%s position=%" PRIu64,
		    sink->pipeline->name, sink->table->name, sink->position.next);
	sink->retry_ms = 0;
	publish(sink, EMIT_RUNNING, is_done, NULL);
	return FL_OK;
}
