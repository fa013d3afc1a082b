/* SPDX-License-Identifier: Apache-2.0 */
/* outbox.h - emit over an outbox that is written by hand: the fixture of tests of sinks. */
#ifndef FL_UNIT_OUTBOX_H
#define FL_UNIT_OUTBOX_H

#include "../../../emit/sink.h"
#include "column/block.h"
#include "shm/dead.h"

struct fixture {
	char dir[64];
	char out[96], file[96], cursor[112]; /* as the test wants them */
	struct fl_instance *instance;
	struct fl_store *store;
	struct emit *emit;
	struct fl_err err;
	int64_t now_ms;
	uint64_t next[2], first[2]; /* of each sink */
	bool finished;
	uint64_t returns;
};

/* The plan by hand: no SQL is needed to know what a sink gets. */
static struct fl_plan plan = { .name = "p" };
static char pipeline_name[] = "p";
static struct fl_pipeline pipeline = { .name = pipeline_name, .plan = &plan };

static inline void
open_store(struct fixture *f)
{
	struct fl_store_options options = {
		.role = FL_ROLE_PIPELINE, .write = true, .create = true,
		.map_size = 64u << 20, .instance = f->instance->uuid,
	};
	char path[256];

	fl_instance_path(f->instance, FL_ROLE_PIPELINE, "p", path, sizeof(path));
	OK(fl_store_open(path, &options, &f->store, &f->err));
}

/* An instance in a directory of its own below tmp; sinks has one or two. */
static inline struct fixture *
fixture_new(const char *tmp, const struct fl_table **sinks, uint32_t sink_count)
{
	struct fixture *f = fl_calloc(1, sizeof(*f));
	char path[128];

	(void)snprintf(f->dir, sizeof(f->dir), "%s/flight-unit.XXXXXX", tmp);
	assert_non_null(mkdtemp(f->dir));
	plan.sinks = sinks;
	plan.sink_count = sink_count;
	f->instance = fl_calloc(1, sizeof(*f->instance));
	snprintf(path, sizeof(path), "%s/flight.d", f->dir);
	f->instance->dir = fl_strdup(path);
	fl_uuid_make(&f->instance->uuid);
	f->instance->pipeline_count = 1;
	f->instance->pipelines = &pipeline;
	snprintf(path, sizeof(path), "%s/flight.d/pipelines", f->dir);
	OK(fl_mkdirs(path, &f->err));
	snprintf(path, sizeof(path), "%s/flight.d/run", f->dir);
	OK(fl_mkdirs(path, &f->err));
	open_store(f);
	f->now_ms = 1700000000000;
	return f;
}

static inline int
teardown(void **state)
{
	struct fixture *f = *state;

	disarm();
	emit_close(&f->emit);
	fl_store_close(&f->store);
	free(f->instance->dir);
	free(f->instance);
	remove_dir(f->dir);
	free(f);
	return 0;
}

/* ---- the outbox ---- */

static inline void
put_cursor(struct fixture *f, struct fl_txn *txn)
{
	struct {
		struct fl_pipeline_cursor head;
		struct fl_query_count queries[2]; /* as many as sinks */
		struct fl_sink_count sinks[2];
	} cursor;
	struct fl_sink_count *sinks;
	uint32_t count = plan.sink_count;

	memset(&cursor, 0, sizeof(cursor));
	cursor.head.query_count = cursor.head.sink_count = count;
	cursor.head.finished = f->finished;
	cursor.head.returns = f->returns;
	sinks = (struct fl_sink_count *)(void *)(cursor.queries + count);
	for (uint32_t i = 0; i < count; i++) {
		sinks[i].next = f->next[i];
		sinks[i].first = f->first[i];
	}
	OK(fl_txn_put(txn, FL_DBI_PIPELINE_META, "cursor", 6, 0, &cursor,
	    sizeof(cursor.head) + count * (sizeof(*cursor.queries) + sizeof(*sinks)), &f->err));
}

static inline void
write_cursor(struct fixture *f)
{
	struct fl_txn *txn = NULL;

	OK(fl_txn_begin_write(f->store, &txn, &f->err));
	put_cursor(f, txn);
	OK(fl_txn_commit(&txn, &f->err));
}

/* The next result block of a sink; kinds NULL: all are +I. */
static inline void
put_block(struct fixture *f, uint32_t sink, const struct fl_batch *batch, const uint8_t *kinds)
{
	struct fl_block_info info = { .stream = sink, .partition = -1,
		.first = (int64_t)f->next[sink], .kinds = kinds, .kafka_ts_min = FL_TIME_MAX,
		.kafka_ts_max = FL_TIME_MIN };
	struct fl_arena arena;
	struct fl_txn *txn = NULL;
	uint8_t key[12];
	size_t size;
	void *block;

	fl_arena_init(&arena);
	size = fl_block_size_max(batch, false, kinds != NULL);
	block = fl_arena_zalloc(&arena, size);
	size = fl_block_seal(batch, &info, block, size);
	fl_key_u32(key, sink);
	fl_key_u64(key + 4, f->next[sink]);
	f->next[sink] += batch->row_count;
	OK(fl_txn_begin_write(f->store, &txn, &f->err));
	OK(fl_txn_put(txn, FL_DBI_PIPELINE_OUT, key, sizeof(key), 0, block, size, &f->err));
	put_cursor(f, txn);
	OK(fl_txn_commit(&txn, &f->err));
	fl_arena_fini(&arena);
}

/* ---- emit ---- */

static inline void
start(struct fixture *f)
{
	OK(emit_open(f->instance, &f->emit, &f->err));
}

/* Steps until nothing moves, with the virtual clock beyond every back-off.  Is emit done? */
static inline bool
run_idle(struct fixture *f)
{
	bool worked, done = false;
	int quiet = 0, i;

	for (i = 0; i < 10000 && quiet < 3; i++) {
		OK(emit_step(f->emit, f->now_ms, &worked, &done, &f->err));
		quiet = worked ? 0 : quiet + 1;
		f->now_ms += worked ? 1 : 20000;
	}
	return done;
}

static inline void
read_emit(struct fixture *f, struct fl_store **store, struct fl_txn **txn)
{
	struct fl_store_options options = { .role = FL_ROLE_EMIT };
	char path[256];

	*store = NULL;
	*txn = NULL;
	fl_instance_path(f->instance, FL_ROLE_EMIT, NULL, path, sizeof(path));
	OK(fl_store_open(path, &options, store, &f->err));
	OK(fl_txn_begin_read(*store, txn, &f->err));
}

/* How many dead letters emit has; the last one, its reason and value cut to size. */
static inline uint64_t
last_letter(struct fixture *f, struct fl_dead_head *head, char *reason, char *value, size_t size)
{
	struct fl_cursor *cursor = NULL;
	struct fl_store *store;
	struct fl_txn *txn;
	struct fl_item item;
	struct fl_dead dead;
	uint64_t count;
	bool found;

	read_emit(f, &store, &txn);
	count = fl_txn_count(txn, FL_DBI_EMIT_DEAD);
	OK(fl_cursor_open(txn, FL_DBI_EMIT_DEAD, &cursor, &f->err));
	OK(fl_cursor_last(cursor, &found, &item, &f->err));
	if (found) {
		OK(fl_dead_decode(item.value, item.size, &dead, &f->err));
		*head = dead.head;
		snprintf(reason, size, "%.*s", (int)dead.head.reason_size, dead.reason);
		snprintf(value, size, "%.*s", (int)dead.head.value_size, dead.value);
	}
	fl_cursor_close(&cursor);
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return count;
}

#endif
