/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - rows that a sink refused go back into its outbox: commands of the catalog.
 *
 *	dead letter --command--> return --aggregate's commit--> new row of the outbox --> sink
 *	     '---------------------'---- both go when the sink has passed the row
 *
 * dead-replay (include/shm/dead.h says how letters are named): each letter's row, or the mended
 * one that stands with its name, becomes a block in EMIT_RETURNS.  aggregate is the one writer
 * of the outbox: it appends the row and keeps the number of the command in one transaction, so
 * a row comes back once whoever dies when.  Then it is a row as any other: it has a
 * new number, and when the sink refuses it again there is a new letter.
 *
 * A letter is passed over where the sink has not passed its row yet: that row is going to be
 * tried again by itself.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

#include "shm/dead.h"
#include "sink.h"

struct done {
	uint32_t returned, passed_over;
};

/* What the letters of one command have in common. */
struct work {
	struct emit *emit;
	struct fl_txn *txn;
	uint64_t number;
	const struct emit_sink *sink; /* whose: */
	struct fl_decoder *decoder;
	struct fl_builder builder;
	struct fl_arena arena;
	struct fl_buf mended, bytes;
};

static void
end_sink(struct work *work)
{
	if (work->sink == NULL)
		return;
	fl_decoder_free(&work->decoder);
	fl_builder_fini(&work->builder);
	work->sink = NULL;
}

/* The sink of the letter, and a decoder for its rows; NULL: it is gone, or nothing of it
 * comes back. */
static void
find_sink(struct work *work, const struct fl_dead_name *name)
{
	struct emit *emit = work->emit;
	const struct emit_sink *sink = NULL;
	struct fl_codec_options options;
	struct fl_err why = { .code = FL_OK };

	for (uint32_t i = 0; i < emit->sink_count && sink == NULL; i++)
		if (fl_sink_has_letter(emit->sinks[i].pipeline->name, emit->sinks[i].table->name,
			name->key, name->key_size))
			sink = &emit->sinks[i];
	if (sink == work->sink)
		return;
	end_sink(work);
	if (sink == NULL || fl_plan_no_replay(sink->pipeline->plan, sink->index, false) != NULL)
		return;
	options = fl_table_row_codec(sink->table);
	if (fl_decoder_new(&options, &work->decoder, &why) != FL_OK)
		return;
	fl_builder_init(&work->builder, &sink->table->physical);
	work->sink = sink;
}

/* *is_done false: the row is too large, which only a mended one can be. */
static enum fl_code
put_return(struct work *work, const struct fl_dead_name *name, const struct fl_uuid *store, bool *is_done,
    struct fl_err *err)
{
	struct fl_return head = { .store = *store, .command = work->number };
	struct fl_block_info info = { .stream = work->sink->index, .partition = -1,
		.kafka_ts_min = FL_TIME_MAX, .kafka_ts_max = FL_TIME_MIN };
	struct fl_batch batch;
	size_t size;
	char *at;

	fl_builder_view(&work->builder, &batch, &work->arena);
	size = fl_block_size_max(&batch, false, false);
	*is_done = size <= FL_RETURN_SIZE_MAX;
	if (!*is_done)
		return FL_OK;
	at = fl_arena_zalloc(&work->arena, sizeof(head) + size);
	memcpy(at, &head, sizeof(head));
	size = fl_block_seal(&batch, &info, at + sizeof(head), size);
	return fl_txn_put(work->txn, FL_DBI_EMIT_RETURNS, name->key, name->key_size, 0, at,
	    sizeof(head) + size, err);
}

/* The row of the letter into the builder; false: there is none. */
static bool
decode(struct work *work, const struct fl_dead_name *name, const struct fl_dead *dead)
{
	struct fl_err why = { .code = FL_OK };
	const char *value = dead->value;
	size_t size = dead->head.value_size;

	if (name->value != NULL) {
		if (fl_plan_no_replay(work->sink->pipeline->plan, work->sink->index, true) != NULL)
			return false;
		fl_buf_reset(&work->mended);
		if (!fl_buf_unbase64(&work->mended, name->value, strlen(name->value)))
			return false;
		value = work->mended.data;
		size = work->mended.size;
	} else if (size < dead->head.value_full) {
		return false;
	}
	/* The decoder looks a byte ahead; a value of a store may end a page. */
	fl_buf_reset(&work->bytes);
	fl_buf_add(&work->bytes, value != NULL ? value : "", size);
	fl_builder_reset(&work->builder);
	(void)fl_builder_begin(&work->builder);
	if (fl_decode(work->decoder, work->bytes.data, size, &work->builder, &why) != FL_VERDICT_ROW)
		return false;
	fl_builder_commit(&work->builder);
	return true;
}

static enum fl_code
return_letter(struct work *work, const struct fl_dead_name *name, bool *is_done, struct fl_err *err)
{
	struct fl_sink_position position;
	const struct fl_dead_head *head;
	struct fl_dead dead;
	const void *value;
	size_t size;
	bool found = false, is_returning = false;

	find_sink(work, name);
	if (work->sink == NULL)
		return FL_OK;
	FL_TRY(fl_dead_get(work->txn, FL_DBI_EMIT_DEAD, name, &found, &dead, err));
	if (!found)
		return FL_OK;
	head = &dead.head;
	FL_TRY(fl_txn_get(work->txn, FL_DBI_EMIT_RETURNS, name->key, name->key_size, &is_returning, NULL,
	    &value, &size, err));
	FL_TRY(fl_sink_position_get(work->txn, work->sink->pipeline->name, work->sink->table->name, &found,
	    &position, err));
	if (is_returning || !found || position.unopened != 0 || position.next <= (uint64_t)head->offset ||
	    !decode(work, name, &dead))
		return FL_OK;
	return put_return(work, name, &position.store, is_done, err);
}

enum fl_code
emit_return_letters(struct emit *emit, struct fl_txn *txn, uint64_t number, const struct json_t *arguments,
    struct fl_err *err)
{
	struct work work = { .emit = emit, .txn = txn, .number = number };
	size_t count = json_array_size(json_object_get(arguments, "letters"));
	struct done done = { 0 };
	enum fl_code code = FL_OK;

	fl_arena_init(&work.arena);
	fl_buf_init(&work.mended);
	fl_buf_init(&work.bytes);
	for (size_t i = 0; code == FL_OK && i < count; i++) {
		struct fl_dead_name name;
		bool is_done = false;

		if (fl_dead_name_get(arguments, i, &name))
			code = return_letter(&work, &name, &is_done, err);
		done.returned += is_done;
		done.passed_over += !is_done;
		fl_arena_reset(&work.arena);
	}
	end_sink(&work);
	fl_buf_fini(&work.bytes);
	fl_buf_fini(&work.mended);
	fl_arena_fini(&work.arena);
	if (code == FL_OK)
		fl_info("dead letters go back to aggregate command=%" PRIu64 " count=%u passed_over=%u", number,
		    done.returned, done.passed_over);
	return code;
}

/* ---- what has come back ---- */

struct taken {
	uint8_t key[FL_DEAD_KEY_MAX + 16];
	size_t size;
};

/* Returns of the sink whose command aggregate's cursor has passed: as many as fit. */
static enum fl_code
find_taken(const struct emit_sink *sink, struct fl_txn *txn, uint64_t returns, struct taken *taken,
    uint32_t max, uint32_t *count, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct fl_return head;
	struct fl_item item;
	uint8_t owner[64];
	size_t size = fl_sink_owner(sink->pipeline->name, sink->table->name, owner);
	bool found = false;
	enum fl_code code;

	*count = 0;
	FL_TRY(fl_cursor_open(txn, FL_DBI_EMIT_RETURNS, &cursor, err));
	code = fl_cursor_seek(cursor, owner, size, &found, &item, err);
	while (code == FL_OK && found && *count < max &&
	    fl_sink_has_letter(sink->pipeline->name, sink->table->name, item.key, item.key_size)) {
		memcpy(&head, item.value, FL_MIN(sizeof(head), item.size));
		if (item.size > sizeof(head) && head.command <= returns &&
		    fl_uuid_equal(&head.store, &fl_store_meta(sink->store)->store)) {
			memcpy(taken[*count].key, item.key, item.key_size);
			taken[(*count)++].size = item.key_size;
		}
		code = fl_cursor_next(cursor, &found, &item, err);
	}
	fl_cursor_close(&cursor);
	return code;
}

/* The return and its letter, unless an operator dropped that meanwhile. */
static enum fl_code
forget(struct fl_txn *txn, const struct taken *taken, struct fl_err *err)
{
	const void *value;
	size_t size;
	bool found;

	FL_TRY(fl_txn_del(txn, FL_DBI_EMIT_RETURNS, taken->key, taken->size, err));
	FL_TRY(fl_txn_get(txn, FL_DBI_EMIT_DEAD, taken->key, taken->size, &found, NULL, &value, &size, err));
	if (!found)
		return FL_OK;
	FL_TRY(emit_dead_size_add(txn, -(int64_t)size, NULL, err));
	return fl_txn_del(txn, FL_DBI_EMIT_DEAD, taken->key, taken->size, err);
}

static enum fl_code
forget_some(struct emit_sink *sink, uint64_t returns, uint32_t *count, struct fl_err *err)
{
	struct taken taken[64];
	struct fl_txn *txn = NULL;
	enum fl_code code = fl_txn_begin_write(sink->emit->store, &txn, err);

	if (code == FL_OK)
		code = find_taken(sink, txn, returns, taken, FL_ARRAY_COUNT(taken), count, err);
	for (uint32_t i = 0; code == FL_OK && i < *count; i++)
		code = forget(txn, &taken[i], err);
	if (code == FL_OK && *count > 0) {
		(void)fl_fault("emit.before_forget"); /* places to be killed at */
		code = fl_txn_commit(&txn, err);
		(void)fl_fault("emit.after_forget");
	}
	fl_txn_abort(&txn);
	return code;
}

enum fl_code
emit_forget_returns(struct emit_sink *sink, const struct emit_outbox *outbox, struct fl_err *err)
{
	uint32_t count = 0;
	enum fl_code code;

	if (sink->returns_end == 0 && outbox->returns > sink->returns) {
		sink->returns = outbox->returns;
		sink->returns_end = outbox->next;
	}
	if (sink->returns_end == 0 || sink->position.next < sink->returns_end)
		return FL_OK;
	do {
		pthread_mutex_lock(&sink->emit->store_lock);
		code = forget_some(sink, sink->returns, &count, err);
		pthread_mutex_unlock(&sink->emit->store_lock);
	} while (code == FL_OK && count > 0);
	if (code == FL_OK)
		sink->returns_end = 0;
	return code;
}

enum fl_code
emit_has_returns(const struct emit_sink *sink, bool *has, struct fl_err *err)
{
	struct fl_cursor *cursor = NULL;
	struct fl_txn *txn = NULL;
	struct fl_item item = { 0 };
	uint8_t owner[64];
	size_t size = fl_sink_owner(sink->pipeline->name, sink->table->name, owner);
	bool found = false;
	enum fl_code code;

	FL_TRY(fl_txn_begin_read(sink->emit->store, &txn, err));
	code = fl_cursor_open(txn, FL_DBI_EMIT_RETURNS, &cursor, err);
	if (code == FL_OK)
		code = fl_cursor_seek(cursor, owner, size, &found, &item, err);
	*has = code == FL_OK && found &&
	    fl_sink_has_letter(sink->pipeline->name, sink->table->name, item.key, item.key_size);
	fl_cursor_close(&cursor);
	fl_txn_abort(&txn);
	return code;
}
