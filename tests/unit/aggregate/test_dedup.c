/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_dedup.c - the keys of a deduplication over ends at any instant.
 *
 * A small instance with the test connector: ids, of which some come again, are
 * counted.  Programs end after any number of turns, with any part of the state stored;
 * a model in an array says how many rows were the first of their key.
 */
#include "../unit.h"

#include "aggregate/aggregate.h"
#include "base/util.h"
#include "ingest/ingest.h"

#define NOW_MS INT64_C(1704067200000)
#define TTL_MS 2000 /* of 20 rows, about */
#define IDS 400u
#define ROWS 600u

#define TABLES                                                                                       \
	"CREATE TABLE events (id INT, who STRING, pt AS PROCTIME())"                                 \
	"  WITH ('connector' = 'test', 'format' = 'json');"                                          \
	"CREATE TABLE counts (n BIGINT) WITH ('connector' = 'test', 'format' = 'json');"
#define QUERY                                                                                        \
	"INSERT INTO counts SELECT COUNT(*) FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY who, id" \
	"  ORDER BY pt) AS rn FROM events) WHERE rn = 1;"

struct fixture {
	char dir[64];
	struct fl_instance *instance;
	struct ingest *ingest;
	struct aggregate *aggregate;
	int64_t now_ms, ttl_ms;
	int64_t first_ms[IDS]; /* of an id that is remembered; 0: is not */
	uint32_t firsts, id_count;
	char (*rows)[64];
	uint32_t count;
	struct fl_err err;
};

#define OK(call)                                                        \
	do {                                                            \
		if ((call) != FL_OK)                                    \
			fail_msg("%s: %s", #call, f->err.text);         \
	} while (0)

static int
setup(void **state)
{
	struct fixture *f = fl_calloc(1, sizeof(*f));

	make_dir(f->dir);
	f->now_ms = NOW_MS;
	f->id_count = IDS;
	f->rows = fl_calloc(ROWS, sizeof(*f->rows));
	*state = f;
	return 0;
}

static void
close_programs(struct fixture *f)
{
	aggregate_close(&f->aggregate);
	ingest_close(&f->ingest);
	fl_instance_close(&f->instance);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	close_programs(f);
	remove_dir(f->dir);
	free(f->rows);
	free(f);
	return 0;
}

/* As a broker: ingest gets everything again and drops what it has. */
static void
open_programs(struct fixture *f)
{
	OK(fl_instance_open(f->dir, true, &f->instance, &f->err));
	OK(fl_instance_load(f->instance, true, &f->err));
	OK(ingest_open(f->instance, &f->ingest, &f->err));
	OK(aggregate_open(f->instance, &f->aggregate, &f->err));
	for (uint32_t i = 0; i < f->count; i++)
		ingest_test_push(f->ingest, "events", 0, i, f->rows[i], strlen(f->rows[i]), f->now_ms);
}

static void
start(struct fixture *f, const char *script)
{
	struct fl_sql_env env = { .allow_test = true };

	OK(fl_instance_open(f->dir, true, &f->instance, &f->err));
	OK(fl_instance_apply_text(f->instance, "p", script, &env, false, NULL, &f->err));
	fl_instance_close(&f->instance);
	open_programs(f);
}

/* A step of one row. */
static void
push_row(struct fixture *f, uint32_t id)
{
	char *row = f->rows[f->count];
	bool worked, done;

	(void)snprintf(row, sizeof(f->rows[0]), "{\"id\":%u,\"who\":\"%s\"}", id,
	    id % 3 == 0 ? "a name that lies in the heap" : "me");
	ingest_test_push(f->ingest, "events", 0, f->count, row, strlen(row), f->now_ms);
	f->count++;
	do
		OK(ingest_step(f->ingest, f->now_ms, &worked, &done, &f->err));
	while (worked);
	if (f->first_ms[id] != 0 && (f->ttl_ms == 0 || f->now_ms - f->first_ms[id] < f->ttl_ms))
		return;
	f->first_ms[id] = f->now_ms;
	f->firsts++;
}

static void
turn(struct fixture *f, uint32_t turns)
{
	bool worked = true, done;

	for (; turns > 0 && worked; turns--)
		OK(aggregate_step(f->aggregate, f->now_ms, &worked, &done, &f->err));
}

static uint32_t
remembered(const struct fixture *f)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < IDS; i++)
		n += f->first_ms[i] != 0 &&
		    (f->ttl_ms == 0 || f->now_ms - f->first_ms[i] < f->ttl_ms);
	return n;
}

/* What a reader sees: the count, and as many keys as are remembered. */
static void
check(struct fixture *f)
{
	struct aggregate_shot *shot = NULL;
	const struct aggregate_row *row;
	uint32_t keys = 0, counts = 0;
	char want[16];

	(void)snprintf(want, sizeof(want), "%u", f->firsts);
	OK(aggregate_shot_take(f->instance, "p", NULL, &shot, &f->err));
	for (uint32_t i = 0; (row = aggregate_shot_row(shot, i)) != NULL; i++) {
		if (row->window->is_dedup) {
			assert_int_equal(row->window->columns->key_count, 2);
			assert_string_equal(row->window->columns->names[1], "id");
			assert_string_equal(row->window->columns->names[2], "first_seen");
			assert_true(strncmp(row->values[2].text, "2024-01-01 00:", 14) == 0);
			keys++;
			continue;
		}
		assert_string_equal(row->values[0].text, want);
		counts++;
	}
	assert_int_equal(counts, 1);
	assert_int_equal(keys, remembered(f));
	aggregate_shot_free(&shot);
}

static void
run(struct fixture *f, unsigned seed)
{
	srand(seed);
	while (f->count < ROWS) {
		static const uint32_t sizes[] = { 0, 1, 1, 300, 1u << 20 };

		aggregate_test_flush(f->aggregate, sizes[rand() % 5]);
		for (int n = rand() % 12; n > 0 && f->count < ROWS; n--) {
			f->now_ms += f->ttl_ms > 0 ? rand() % 200 : 0;
			push_row(f, (uint32_t)rand() % f->id_count);
			turn(f, (uint32_t)rand() % 3);
		}
		if (rand() % 3 > 0)
			continue;
		close_programs(f);
		open_programs(f);
	}
	turn(f, UINT32_MAX);
	check(f);
	close_programs(f);
	open_programs(f);
	turn(f, UINT32_MAX);
	check(f);
}

static void
a_key_counts_once_whatever_was_stored_at_the_end(void **state)
{
	struct fixture *f = *state;

	start(f, TABLES QUERY);
	run(f, 1);
	assert_in_range(f->firsts, 200, IDS);
}

static void
a_key_comes_again_after_its_time_to_live_and_not_before(void **state)
{
	struct fixture *f = *state;

	f->ttl_ms = TTL_MS;
	f->id_count = 20;
	start(f, "SET 'table.exec.state.ttl' = '2 s';" TABLES QUERY);
	run(f, 2);
	assert_in_range(f->firsts, 200, 400);
}

static void
keys_of_a_deduplication_count_for_the_state_limit(void **state)
{
	struct fixture *f = *state;
	bool worked = true, done;
	enum fl_code code = FL_OK;

	start(f, "SET 'flight.state-limit' = '11';" TABLES QUERY);
	for (uint32_t id = 0; id < 10; id++)
		push_row(f, id);
	turn(f, UINT32_MAX);
	push_row(f, 9); /* a duplicate needs no room */
	turn(f, UINT32_MAX);
	push_row(f, 10);
	while (worked && code == FL_OK)
		code = aggregate_step(f->aggregate, f->now_ms, &worked, &done, &f->err);
	assert_int_equal(code, FL_E_STATE_LIMIT);
	assert_non_null(strstr(f->err.text, "holds 12 keys"));
	assert_non_null(strstr(f->err.text, "deduplication"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_counts_once_whatever_was_stored_at_the_end),
		TEST(a_key_comes_again_after_its_time_to_live_and_not_before),
		TEST(keys_of_a_deduplication_count_for_the_state_limit),
	};

	fl_log_open("test", FL_LOG_ERROR);
	return cmocka_run_group_tests_name("aggregate/dedup", tests, NULL, NULL);
}
