/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_signs.c - bells and metrics: both sides as threads over one mapping, so that
 * the thread sanitizer sees the protocol.
 */
#include "shm/instance.h"

#include "../unit.h"

#include <pthread.h>

#include "shm/life.h"

#define ROUNDS 2000

static char dir[64];
static struct fl_instance instance = {.dir = dir};

static int
setup(void **state)
{
	(void)state;
	make_dir(dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	remove_dir(dir);
	return 0;
}

static _Atomic int work; /* stands for the store */

static void *
ring_rounds(void *ctx)
{
	struct fl_bells *bells = ctx;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		uint32_t seen = fl_bell_read(bells, FL_BELL_AGGREGATE);

		work++;
		fl_bell_ring(bells, FL_BELL_INGEST);
		while (fl_bell_read(bells, FL_BELL_AGGREGATE) == seen)
			fl_bell_wait(bells, FL_BELL_AGGREGATE, seen, 500);
	}
	return NULL;
}

/* Ping-pong: a lost wake-up would cost 500 ms each and be seen in the time. */
static void
no_ring_is_lost(void **state)
{
	struct fl_bells *bells = NULL;
	int64_t start_us = fl_monotonic_us();
	pthread_t thread;
	int done = 0;

	(void)state;
	work = 0;
	assert_int_equal(fl_bells_open(&instance, &bells, NULL), FL_OK);
	assert_int_equal(pthread_create(&thread, NULL, ring_rounds, bells), 0);
	while (done < ROUNDS) {
		uint32_t seen = fl_bell_read(bells, FL_BELL_INGEST);

		if (work == done) {
			fl_bell_wait(bells, FL_BELL_INGEST, seen, 500);
			continue;
		}
		done = work;
		fl_bell_ring(bells, FL_BELL_AGGREGATE);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(fl_monotonic_us() - start_us < 20 * 1000000);
	fl_bells_close(&bells);
	assert_null(bells);
}

static void
a_rung_bell_does_not_wait(void **state)
{
	struct fl_bells *a = NULL, *b = NULL;
	int64_t start_us;
	uint32_t seen;

	(void)state;
	assert_int_equal(fl_bells_open(&instance, &a, NULL), FL_OK);
	assert_int_equal(fl_bells_open(&instance, &b, NULL), FL_OK);
	seen = fl_bell_read(b, FL_BELL_EMIT);
	fl_bell_ring(a, FL_BELL_EMIT);
	start_us = fl_monotonic_us();
	fl_bell_wait(b, FL_BELL_EMIT, seen, 500);
	assert_true(fl_monotonic_us() - start_us < 400000);
	assert_int_equal(fl_bell_read(b, FL_BELL_EMIT), seen + 1);
	fl_bells_close(&a);
	fl_bells_close(&b);
}

static _Atomic bool over;

static void *
beat_rounds(void *ctx)
{
	struct fl_metrics *metrics = ctx;
	char state[128];
	int i;

	for (i = 0; i < ROUNDS; i++) {
		memset(state, 'a' + i % 26, 127);
		state[127] = '\0';
		fl_metrics_beat(metrics, state);
		fl_metric_set(metrics, FL_METRIC_ingest_rows_total, 2 * (i + 1));
	}
	over = true;
	return NULL;
}

static void
a_reader_never_sees_half_a_state(void **state)
{
	struct fl_metrics *writer = NULL, *reader = NULL;
	char text[128], first[128];
	pthread_t thread;
	int64_t beat_ms;
	int32_t pid;

	(void)state;
	over = false;
	assert_int_equal(
	    fl_metrics_open(&instance, "ingest", false, &reader, NULL), FL_E_NO_SUCH_OBJECT);
	assert_int_equal(fl_metrics_open(&instance, "ingest", true, &writer, NULL), FL_OK);
	assert_int_equal(fl_metrics_open(&instance, "ingest", false, &reader, NULL), FL_OK);
	assert_false(fl_metrics_life(reader, &pid, &beat_ms, text));
	assert_int_equal(pthread_create(&thread, NULL, beat_rounds, writer), 0);
	while (!over) {
		if (!fl_metrics_life(reader, &pid, &beat_ms, text))
			continue;
		memset(first, text[0], 127);
		first[127] = '\0';
		if (text[0] != '\0')
			assert_string_equal(text, first);
		(void)fl_metric_get(reader, FL_METRIC_ingest_rows_total);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(fl_metrics_life(reader, &pid, &beat_ms, text));
	assert_int_equal(pid, getpid());
	assert_int_equal(fl_metric_get(reader, FL_METRIC_ingest_rows_total), 2 * ROUNDS);
	fl_metrics_beat(writer, NULL); /* keeps the text */
	assert_true(fl_metrics_life(reader, &pid, &beat_ms, first));
	assert_string_equal(first, text);
	fl_metrics_close(&writer);
	fl_metrics_close(&reader);
	fl_metric_set(NULL, FL_METRIC_ingest_rows_total, 1); /* nothing happens */
	assert_int_equal(fl_metric_get(NULL, FL_METRIC_ingest_rows_total), 0);
}

static void
a_metrics_file_of_another_build_is_replaced_by_the_writer_only(void **state)
{
	struct fl_metrics *metrics = NULL;
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/run/metrics.emit", dir);
	assert_int_equal(fl_metrics_open(&instance, "emit", true, &metrics, NULL), FL_OK);
	fl_metric_set(metrics, FL_METRIC_emit_rows_total, 5);
	fl_metrics_close(&metrics);
	assert_int_equal(fl_metrics_open(&instance, "emit", true, &metrics, NULL), FL_OK);
	assert_int_equal(fl_metric_get(metrics, FL_METRIC_emit_rows_total), 5);
	fl_metrics_close(&metrics);
	assert_int_equal(truncate(path, 100), 0);
	assert_int_equal(
	    fl_metrics_open(&instance, "emit", false, &metrics, NULL), FL_E_STORE_VERSION);
	assert_int_equal(fl_metrics_open(&instance, "emit", true, &metrics, NULL), FL_OK);
	assert_int_equal(fl_metric_get(metrics, FL_METRIC_emit_rows_total), 0);
	fl_metrics_close(&metrics);
	assert_string_equal(fl_metric_info(FL_METRIC_emit_rows_total)->program, "emit");
}

static void
a_program_that_has_said_its_end_does_not_run(void **state)
{
	static const struct {
		const char *state;
		bool is_running;
	} cases[] = {{"starting", true}, {"running", true}, {"waiting: BROKER_AWAY x", true},
	    {"failed: BAD_CONFIG x", false}, {"stopped", false}, {"done", false}};
	struct fl_metrics *metrics = NULL;
	struct fl_life life;

	(void)state;
	assert_int_equal(fl_metrics_open(&instance, "emit", true, &metrics, NULL), FL_OK);
	for (size_t i = 0; i < FL_ARRAY_COUNT(cases); i++) {
		fl_metrics_beat(metrics, cases[i].state); /* with our pid: it is there */
		fl_life_get(&instance, "emit", &life);
		assert_string_equal(life.state, cases[i].state);
		assert_int_equal(life.is_running, cases[i].is_running);
	}
	fl_metrics_close(&metrics);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(no_ring_is_lost),
	    TEST(a_rung_bell_does_not_wait),
	    TEST(a_reader_never_sees_half_a_state),
	    TEST(a_metrics_file_of_another_build_is_replaced_by_the_writer_only),
	    TEST(a_program_that_has_said_its_end_does_not_run),
	};

	return cmocka_run_group_tests_name("shm/signs", tests, NULL, NULL);
}
