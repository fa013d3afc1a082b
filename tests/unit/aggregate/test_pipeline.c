/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pipeline.c - what a pipeline says to stores that do not fit it.
 *
 * A small instance with the test connector is run for real, then one value of a
 * store is changed with a sound checksum, as a bug or an old copy would leave it.
 */
#include "../unit.h"

#include "aggregate/aggregate.h"
#include "base/util.h"
#include "ingest/ingest.h"
#include "shm/step.h"

#define NOW_MS INT64_C(1704067200000)

static const char other_sql[] =
    "CREATE TABLE others (n BIGINT, ts TIMESTAMP(3)) WITH ('connector' = 'test', 'format' = 'json');"
    "CREATE TABLE kept (n BIGINT) WITH ('connector' = 'test', 'format' = 'json');"
    "INSERT INTO kept SELECT n FROM others;";
static const char sql[] =
    "CREATE TABLE orders (k STRING, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)"
    "  WITH ('connector' = 'test', 'format' = 'json');"
    "CREATE TABLE counts (k STRING, n BIGINT) WITH ('connector' = 'test', 'format' = 'json');"
    "INSERT INTO counts SELECT k, COUNT(*) FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ts),"
    "  INTERVAL '1' MINUTE)) GROUP BY window_start, window_end, k;";

struct fixture {
	char dir[64];
	struct fl_instance *instance;
	struct ingest *ingest;
	struct aggregate *aggregate;
	int64_t offset;
	struct fl_err err;
};

static void
apply(struct fixture *f, struct fl_instance *instance, const char *name)
{
	struct fl_sql_env env = { .allow_test = true };

	OK(fl_instance_apply_text(instance, name, sql, &env, false, NULL, &f->err));
}

static void
open_instance(struct fixture *f)
{
	OK(fl_instance_open(f->dir, true, &f->instance, &f->err));
	OK(fl_instance_load(f->instance, true, &f->err));
}

static void
open_programs(struct fixture *f)
{
	open_instance(f);
	OK(ingest_open(f->instance, &f->ingest, &f->err));
	OK(aggregate_open(f->instance, &f->aggregate, &f->err));
}

static void
close_programs(struct fixture *f)
{
	aggregate_close(&f->aggregate);
	ingest_close(&f->ingest);
	fl_instance_close(&f->instance);
}

static int
setup(void **state)
{
	struct fixture *f = fl_calloc(1, sizeof(*f));

	*state = f;
	make_dir(f->dir);
	OK(fl_instance_open(f->dir, true, &f->instance, &f->err));
	apply(f, f->instance, "p");
	fl_instance_close(&f->instance);
	open_programs(f);
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	close_programs(f);
	remove_dir(f->dir);
	free(f);
	return 0;
}

static void
settle(struct fixture *f)
{
	bool a, b, done;

	do {
		OK(ingest_step(f->ingest, NOW_MS, &a, &done, &f->err));
		OK(aggregate_step(f->aggregate, NOW_MS, &b, &done, &f->err));
	} while (a || b);
}

/* A step each: rows of a minute, three keys. */
static void
push_rows_of(struct fixture *f, uint32_t minute, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		char row[100];

		(void)snprintf(row, sizeof(row), "{\"k\":\"k%u\",\"ts\":\"2024-01-01 00:%02u:%02u\"}", i % 3,
		    minute, (unsigned)(f->offset % 60));
		ingest_test_push(f->ingest, "orders", 0, f->offset++, row, strlen(row), NOW_MS);
		settle(f);
	}
}

static void
push_rows(struct fixture *f, uint32_t count)
{
	push_rows_of(f, 0, count);
}

/* ---- changing a store ---- */

struct change {
	struct fl_store *store;
	struct fl_txn *txn;
};

static void
begin_change(struct fixture *f, enum fl_role role, struct change *c)
{
	struct fl_store_options options = { .role = role, .write = true, .instance = f->instance->uuid };
	char path[256];

	fl_instance_path(f->instance, role, "p", path, sizeof(path));
	OK(fl_store_open(path, &options, &c->store, &f->err));
	OK(fl_txn_begin_write(c->store, &c->txn, &f->err));
}

static void
end_change(struct fixture *f, struct change *c)
{
	OK(fl_txn_commit(&c->txn, &f->err));
	fl_store_close(&c->store);
}

/* Bytes of a value at an offset are replaced; negative: counted from the end, cut there. */
static void
change_value(struct fixture *f, enum fl_role role, enum fl_dbi dbi, const void *key, size_t key_size,
    ptrdiff_t at, const void *bytes, size_t size)
{
	struct change c;
	const void *value;
	size_t value_size;
	bool found;
	char *copy;

	begin_change(f, role, &c);
	OK(fl_txn_get(c.txn, dbi, key, key_size, &found, NULL, &value, &value_size, &f->err));
	assert_true(found);
	copy = fl_malloc(value_size);
	memcpy(copy, value, value_size);
	if (at >= 0)
		memcpy(copy + at, bytes, size);
	else
		value_size -= (size_t)-at;
	OK(fl_txn_put(c.txn, dbi, key, key_size, 0, copy, value_size, &f->err));
	free(copy);
	end_change(f, &c);
}

#define CHANGE_CURSOR(f, role, dbi, type, field, value)                                        \
	do {                                                                                   \
		__typeof__(((type *)0)->field) v_ = (value);                                   \
		change_value(f, role, dbi, "cursor", 6, (ptrdiff_t)offsetof(type, field), &v_, \
		    sizeof(v_));                                                               \
	} while (0)

/* The first image in the store. */
static void
find_image(struct fixture *f, uint8_t key[12], size_t *size)
{
	struct fl_cursor *cursor = NULL;
	struct change c;
	struct fl_item item;
	bool found;

	begin_change(f, FL_ROLE_PIPELINE, &c);
	OK(fl_cursor_open(c.txn, FL_DBI_PIPELINE_STATE, &cursor, &f->err));
	OK(fl_cursor_seek(cursor, NULL, 0, &found, &item, &f->err));
	while (found && item.size <= 40) /* a group without windows */
		OK(fl_cursor_next(cursor, &found, &item, &f->err));
	assert_true(found);
	memcpy(key, item.key, 12);
	*size = item.size;
	fl_cursor_close(&cursor);
	end_change(f, &c);
}

static void
expect_refused(struct fixture *f, enum fl_code code, const char *text)
{
	close_programs(f);
	open_instance(f);
	assert_int_equal(aggregate_open(f->instance, &f->aggregate, &f->err), code);
	if (strstr(f->err.text, text) == NULL)
		fail_msg("expected \"...%s...\", got \"%s\"", text, f->err.text);
	f->err.code = FL_OK;
}

/* Programs closed, the instance open: what changes need. */
static void
stop(struct fixture *f)
{
	close_programs(f);
	open_instance(f);
}

/* ---- the claims ---- */

static void
an_image_that_contradicts_itself_is_refused(void **state)
{
	static const struct {
		const char *label;
		ptrdiff_t at;
		uint32_t value;
		const char *text;
	} cases[] = {
		{ "chunk", 24, 1, "do not belong together" },
		{ "chunk count", 28, 2, "do not belong together" },
		{ "stride", 32, 8, "do not belong together" },
		{ "size", 16, 8, "shorter than it says" },
		{ "first end", 40 + 16, 1, "does not fit" },
		{ "entries", 40 + 32, 1000000, "does not fit" },
		{ "heap", 40 + 36, 1000000, "does not fit" },
		{ "end of the window", 40 + 12, 0x80000000, "does not fit" },
		{ "group of a hash", 40 + 40 + 4, 0, "lies in the image of" },
		{ "cut", -8, 0, "shorter than it says" },
		{ "cut inside a window", -1000, 0, "bytes" },
	};
	struct fixture *f = *state;
	uint8_t key[12];
	size_t size;

	push_rows(f, 9);
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		char keep[4];
		struct change c;
		const void *value;
		char *copy;
		size_t value_size;
		bool found;
		ptrdiff_t at = cases[i].at;

		stop(f);
		find_image(f, key, &size);
		if (at == -1000)
			at = 20 - (ptrdiff_t)size;
		begin_change(f, FL_ROLE_PIPELINE, &c);
		OK(fl_txn_get(c.txn, FL_DBI_PIPELINE_STATE, key, 12, &found, NULL, &value, &value_size,
		    &f->err));
		copy = fl_malloc(value_size);
		memcpy(copy, value, value_size);
		end_change(f, &c);
		memcpy(keep, &cases[i].value, 4);
		if (cases[i].at == 40 + 40 + 4) { /* the group is the top six bits */
			memcpy(keep, copy + cases[i].at, 4);
			keep[3] = (char)(keep[3] ^ 0x80);
		}
		change_value(f, FL_ROLE_PIPELINE, FL_DBI_PIPELINE_STATE, key, 12, at, keep, 4);
		print_message("%s\n", cases[i].label);
		expect_refused(f, FL_E_STORE_DAMAGED, cases[i].text);
		begin_change(f, FL_ROLE_PIPELINE, &c);
		OK(fl_txn_put(c.txn, FL_DBI_PIPELINE_STATE, key, 12, 0, copy, value_size, &f->err));
		end_change(f, &c);
		free(copy);
	}
	close_programs(f);
	open_programs(f); /* as it was, it is taken */
}

static void
stores_that_do_not_belong_together_are_named(void **state)
{
	struct fixture *f = *state;

	aggregate_test_flush(f->aggregate, 0);
	push_rows(f, 5);
	stop(f);
	CHANGE_CURSOR(f, FL_ROLE_INGEST, FL_DBI_INGEST_META, struct fl_ingest_cursor, last_step, 3);
	expect_refused(f, FL_E_STORE_MISMATCH, "an older ingest store was restored");
	CHANGE_CURSOR(f, FL_ROLE_INGEST, FL_DBI_INGEST_META, struct fl_ingest_cursor, last_step, 6);
	CHANGE_CURSOR(f, FL_ROLE_INGEST, FL_DBI_INGEST_META, struct fl_ingest_cursor, last_hash, 1);
	expect_refused(f, FL_E_STORE_MISMATCH, "of ingest has hash");
	CHANGE_CURSOR(f, FL_ROLE_INGEST, FL_DBI_INGEST_META, struct fl_ingest_cursor, last_step, 7);
	CHANGE_CURSOR(f, FL_ROLE_PIPELINE, FL_DBI_PIPELINE_META, struct fl_pipeline_cursor, replay_hash, 1);
	expect_refused(f, FL_E_STORE_MISMATCH, "does not follow the step that was folded");
}

static void
a_replay_that_differs_stops_unless_the_program_is_another(void **state)
{
	static const char old[] = "flight 0.0.1";
	struct fixture *f = *state;
	struct fl_store_options options = { .role = FL_ROLE_PIPELINE };
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	const void *value;
	char path[256];
	struct change c;
	size_t size;
	bool found;

	aggregate_test_flush(f->aggregate, 0);
	push_rows(f, 5);
	stop(f);
	CHANGE_CURSOR(f, FL_ROLE_PIPELINE, FL_DBI_PIPELINE_META, struct fl_pipeline_cursor, fired_hash, 1);
	expect_refused(f, FL_E_REPLAY_DIVERGED, "fired other rows");
	begin_change(f, FL_ROLE_PIPELINE, &c);
	OK(fl_txn_put(c.txn, FL_DBI_PIPELINE_META, "build", 5, 0, old, strlen(old), &f->err));
	end_change(f, &c);
	close_programs(f);
	open_programs(f);
	push_rows(f, 1);
	/* From now on it is this program's state. */
	fl_instance_path(f->instance, FL_ROLE_PIPELINE, "p", path, sizeof(path));
	OK(fl_store_open(path, &options, &store, &f->err));
	OK(fl_txn_begin_read(store, &txn, &f->err));
	OK(fl_txn_get(txn, FL_DBI_PIPELINE_META, "build", 5, &found, NULL, &value, &size, &f->err));
	assert_true(found && (size != strlen(old) || memcmp(value, old, size) != 0));
	fl_txn_abort(&txn);
	fl_store_close(&store);
	close_programs(f);
	open_programs(f);
}

static uint64_t
first_step(struct fixture *f)
{
	struct fl_store_options options = { .role = FL_ROLE_INGEST };
	const struct fl_partition_cursor *partitions;
	const struct fl_ingest_cursor *cursor;
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	uint64_t first = 0;
	char path[256];
	bool found;

	fl_instance_path(f->instance, FL_ROLE_INGEST, NULL, path, sizeof(path));
	OK(fl_store_open(path, &options, &store, &f->err));
	OK(fl_txn_begin_read(store, &txn, &f->err));
	OK(fl_ingest_cursor_get(txn, &found, &cursor, &partitions, &f->err));
	if (found)
		first = cursor->first_step;
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return first;
}

static void
nothing_is_trimmed_that_a_pipeline_just_applied_may_need(void **state)
{
	struct fixture *f = *state;
	struct fl_instance *other = NULL;

	push_rows(f, 20);
	OK(fl_instance_open(f->dir, true, &other, &f->err));
	apply(f, other, "later");
	fl_instance_close(&other);
	push_rows(f, 100); /* the running ingest does not know of it yet */
	assert_int_equal(first_step(f), 1);
	close_programs(f);
	open_programs(f);
	assert_int_equal(f->instance->pipelines[0].stream_ids[0], f->instance->pipelines[1].stream_ids[0]);
	push_rows(f, 30);
	assert_in_range(first_step(f), 2, 100);
}

static void
a_new_pipeline_does_not_begin_after_its_stream_s_beginning(void **state)
{
	struct fixture *f = *state;
	uint8_t key[8];
	struct change c;

	push_rows(f, 20);
	stop(f);
	apply(f, f->instance, "later");
	begin_change(f, FL_ROLE_INGEST, &c);
	fl_key_u64(key, 1);
	OK(fl_txn_del(c.txn, FL_DBI_INGEST_STEPS, key, 8, &f->err));
	end_change(f, &c);
	CHANGE_CURSOR(f, FL_ROLE_INGEST, FL_DBI_INGEST_META, struct fl_ingest_cursor, first_step, 2);
	expect_refused(f, FL_E_STORE_MISMATCH, "apply it again with --reset");
}

/* What emit's store says of a sink: a million rows are delivered, of that store. */
static void
put_position(struct fixture *f, const struct fl_uuid *of)
{
	struct fl_sink_position position = { .store = *of, .next = 1000000, .settled = 1 };
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	uint8_t key[64];
	size_t size = fl_sink_key("p", "counts", key);

	OK(fl_instance_store(f->instance, FL_ROLE_EMIT, NULL, true, &store, &f->err));
	OK(fl_txn_begin_write(store, &txn, &f->err));
	OK(fl_txn_put(txn, FL_DBI_EMIT_SINKS, key, size, 0, &position, sizeof(position), &f->err));
	OK(fl_txn_commit(&txn, &f->err));
	fl_store_close(&store);
}

/* Result blocks of the pipeline, whose programs are closed; and its store's uuid. */
static uint64_t
count_results(struct fixture *f, struct fl_uuid *uuid)
{
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	uint64_t count;

	aggregate_close(&f->aggregate);
	OK(fl_instance_store(f->instance, FL_ROLE_PIPELINE, "p", false, &store, &f->err));
	*uuid = fl_store_meta(store)->store;
	OK(fl_txn_begin_read(store, &txn, &f->err));
	count = fl_txn_count(txn, FL_DBI_PIPELINE_OUT);
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return count;
}

/* As after up --reset: the sink's record is of the store before. */
static void
results_are_dropped_by_the_word_of_their_own_sink_only(void **state)
{
	struct fixture *f = *state;
	struct fl_uuid uuid;

	fl_uuid_make(&uuid);
	put_position(f, &uuid);
	push_rows_of(f, 0, 6);
	push_rows_of(f, 1, 6);
	assert_int_equal(count_results(f, &uuid), 1);
	put_position(f, &uuid);
	OK(aggregate_open(f->instance, &f->aggregate, &f->err));
	push_rows_of(f, 2, 3);
	assert_int_equal(count_results(f, &uuid), 0);
}

/* Emit's word that it has applied the commands up to this one. */
static void
put_applied(struct fixture *f, uint64_t number)
{
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;

	OK(fl_instance_store(f->instance, FL_ROLE_EMIT, NULL, true, &store, &f->err));
	OK(fl_txn_begin_write(store, &txn, &f->err));
	OK(fl_txn_put(txn, FL_DBI_EMIT_META, "command", 7, 0, &number, sizeof(number), &f->err));
	OK(fl_txn_commit(&txn, &f->err));
	fl_store_close(&store);
}

/* Rows may come back into the outbox of a pipeline that has read everything. */
static void
a_pipeline_is_not_done_while_emit_has_letters_to_replay(void **state)
{
	struct fixture *f = *state;
	bool worked, done = false;
	uint64_t number = 0;

	put_applied(f, 0);
	OK(fl_command_put(f->instance, "emit", "dead-replay", "{\"letters\":[]}", &number, &f->err));
	push_rows(f, 3);
	ingest_test_end(f->ingest, "orders", 0);
	settle(f);
	OK(aggregate_step(f->aggregate, NOW_MS + 2000, &worked, &done, &f->err));
	assert_false(done);
	put_applied(f, number);
	OK(aggregate_step(f->aggregate, NOW_MS + 4000, &worked, &done, &f->err));
	assert_true(done);
}

/* Ingest's word that all is read was given before it knew of the newcomer's stream. */
static void
a_pipeline_is_not_done_by_a_word_that_did_not_know_its_stream(void **state)
{
	struct fixture *f = *state;
	struct fl_sql_env env = { .allow_test = true };
	bool worked, done = false;

	push_rows(f, 3);
	ingest_test_end(f->ingest, "orders", 0);
	settle(f);
	OK(aggregate_step(f->aggregate, NOW_MS, &worked, &done, &f->err));
	assert_true(done);
	close_programs(f);
	OK(fl_instance_open(f->dir, true, &f->instance, &f->err));
	OK(fl_instance_apply_text(f->instance, "q", other_sql, &env, false, NULL, &f->err));
	fl_instance_close(&f->instance);
	open_instance(f);
	OK(aggregate_open(f->instance, &f->aggregate, &f->err)); /* before ingest */
	do
		OK(aggregate_step(f->aggregate, NOW_MS, &worked, &done, &f->err));
	while (worked);
	assert_false(done);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_image_that_contradicts_itself_is_refused),
		TEST(stores_that_do_not_belong_together_are_named),
		TEST(a_replay_that_differs_stops_unless_the_program_is_another),
		TEST(nothing_is_trimmed_that_a_pipeline_just_applied_may_need),
		TEST(a_pipeline_is_not_done_while_emit_has_letters_to_replay),
		TEST(a_pipeline_is_not_done_by_a_word_that_did_not_know_its_stream),
		TEST(results_are_dropped_by_the_word_of_their_own_sink_only),
		TEST(a_new_pipeline_does_not_begin_after_its_stream_s_beginning),
	};

	fl_log_open("test", FL_LOG_ERROR);
	return cmocka_run_group_tests_name("aggregate/pipeline", tests, NULL, NULL);
}
