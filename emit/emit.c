/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.c - all sinks of an instance: opened, run in threads of their own, watched.
 *
 * Each sink waits for its own broker or disk, so each has a thread in the program;
 * the main thread only watches, tends the store and mirrors the metrics.  Without
 * threads (flow tests) a step runs one turn of each sink after the other.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "shm/dead.h"
#include "sink.h"

#define TEND_MS 1000
#define REST_MAX_US 100000

static bool
is_stopping(const struct emit *emit)
{
	return __atomic_load_n(&emit->is_stopping, __ATOMIC_ACQUIRE);
}

/*
 * A sink that has delivered all there was rests as long as that took: results that come
 * meanwhile go out together.  A backlog closes windows faster than a busy broker ends
 * transactions, and a transaction costs it milliseconds however few rows it holds.
 */
static void
rest(int64_t took_us)
{
	(void)usleep((useconds_t)FL_MIN(took_us, REST_MAX_US));
}

static void *
sink_thread(void *arg)
{
	struct emit_sink *sink = arg;
	struct emit *emit = sink->emit;
	struct fl_err err = { .code = FL_OK };

	for (;;) {
		uint32_t seen = fl_bell_read(emit->bells, FL_BELL_AGGREGATE);
		int64_t begin_us = fl_monotonic_us();
		bool worked = false;

		if (is_stopping(emit))
			break; /* looked at behind the bell, which rings behind it */
		if (emit_sink_turn(sink, fl_now_ms(), &worked, &err) != FL_OK)
			break; /* fatal: the main thread ends the process */
		if (!worked)
			fl_bell_wait(emit->bells, FL_BELL_AGGREGATE, seen, sink->wait_ms);
		else if (sink->is_drained)
			rest(fl_monotonic_us() - begin_us);
	}
	return NULL;
}

static enum fl_code
start_threads(struct emit *emit, struct fl_err *err)
{
	uint32_t i;

	emit->has_threads = true;
	for (i = 0; i < emit->sink_count; i++) {
		int rc = pthread_create(&emit->sinks[i].thread, NULL, sink_thread, &emit->sinks[i]);

		if (rc != 0)
			return FL_FAIL_NATIVE(
			    err, FL_E_IO, rc, "could not start a thread: %s", strerror(rc));
		emit->sinks[i].has_thread = true;
	}
	return FL_OK;
}

static void
make_sinks(struct emit *emit)
{
	struct fl_instance *instance = emit->instance;
	uint32_t p, s, count = 0;

	for (p = 0; p < instance->pipeline_count; p++)
		count += instance->pipelines[p].plan->sink_count;
	emit->sinks = fl_calloc(FL_MAX(count, 1u), sizeof(emit->sinks[0]));
	for (p = 0; p < instance->pipeline_count; p++) {
		for (s = 0; s < instance->pipelines[p].plan->sink_count; s++)
			emit_sink_init(&emit->sinks[emit->sink_count++], emit,
			    &instance->pipelines[p], s);
	}
}

static enum fl_code
read_command(struct emit *emit, struct fl_err *err)
{
	struct fl_txn *txn = NULL;
	const void *value;
	enum fl_code code;
	bool found;
	size_t size;

	FL_TRY(fl_txn_begin_read(emit->store, &txn, err));
	code = fl_txn_get(txn, FL_DBI_EMIT_META, "command", 7, &found, NULL, &value, &size, err);
	if (code == FL_OK && found && size == sizeof(emit->command))
		memcpy(&emit->command, value, size);
	fl_txn_abort(&txn);
	return code;
}

/* ---- dead letters ---- */

enum fl_code
emit_dead_size_add(struct fl_txn *txn, int64_t more, uint64_t *total, struct fl_err *err)
{
	const void *value;
	uint64_t sum = 0;
	size_t size;
	bool found;

	FL_TRY(fl_txn_get(txn, FL_DBI_EMIT_META, "dead_size", 9, &found, NULL, &value, &size, err));
	if (found && size == sizeof(sum))
		memcpy(&sum, value, size);
	sum = more < 0 ? sum - FL_MIN(sum, (uint64_t)-more) : sum + (uint64_t)more;
	if (total != NULL)
		*total = sum;
	return more == 0 ? FL_OK : fl_txn_put(txn, FL_DBI_EMIT_META, "dead_size", 9, 0, &sum, sizeof(sum), err);
}

/* ---- commands: dead-drop, dead-replay ---- */

static enum fl_code
drop_dead(struct fl_txn *txn, uint64_t number, const json_t *arguments, struct fl_err *err)
{
	uint64_t freed = 0;
	uint32_t count = 0;

	FL_TRY(fl_dead_drop(txn, FL_DBI_EMIT_DEAD, arguments, &count, &freed, err));
	FL_TRY(emit_dead_size_add(txn, -(int64_t)freed, NULL, err));
	fl_info("dead letters dropped command=%" PRIu64 " count=%u", number, count);
	return FL_OK;
}

static enum fl_code
apply_to_letters(struct emit *emit, const struct fl_command *command, const json_t *arguments, bool is_drop,
    struct fl_err *err)
{
	uint64_t number = command->number;
	struct fl_txn *txn = NULL;
	enum fl_code code;

	pthread_mutex_lock(&emit->store_lock);
	code = fl_txn_begin_write(emit->store, &txn, err);
	if (code == FL_OK)
		code = is_drop ? drop_dead(txn, number, arguments, err) :
				 emit_return_letters(emit, txn, number, arguments, err);
	if (code == FL_OK)
		code = fl_txn_put(txn, FL_DBI_EMIT_META, "command", 7, 0, &number, sizeof(number), err);
	if (txn != NULL)
		code = fl_txn_end(&txn, code, err);
	pthread_mutex_unlock(&emit->store_lock);
	return code;
}

static enum fl_code
apply_command(void *ctx, const struct fl_command *command, struct fl_err *err)
{
	struct emit *emit = ctx;
	bool is_drop = strcmp(command->verb, "dead-drop") == 0;
	json_t *arguments;
	enum fl_code code = FL_OK;

	if (!is_drop && strcmp(command->verb, "dead-replay") != 0) {
		fl_warn("command not understood number=%" PRIu64 " verb=%s", command->number, command->verb);
	} else {
		arguments = json_loads(command->arguments, 0, NULL);
		code = apply_to_letters(emit, command, arguments, is_drop, err);
		json_decref(arguments);
	}
	if (code == FL_OK)
		emit->command = command->number;
	return code;
}

static enum fl_code
look_for_commands(struct emit *emit, struct fl_err *err)
{
	uint64_t last;

	FL_TRY(fl_command_last(emit->instance, &last, err));
	if (last == emit->commands_seen)
		return FL_OK;
	FL_TRY(fl_command_each(emit->instance, "emit", emit->command, apply_command, emit, err));
	emit->commands_seen = last;
	return FL_OK;
}

/* ---- opening and closing ---- */

enum fl_code
emit_open(struct fl_instance *instance, struct emit **emit_out, struct fl_err *err)
{
	struct emit *emit = fl_calloc(1, sizeof(*emit));
	pthread_condattr_t attr;
	enum fl_code code;

	emit->instance = instance;
	pthread_mutex_init(&emit->lock, NULL);
	pthread_mutex_init(&emit->store_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&emit->changed, &attr);
	pthread_condattr_destroy(&attr);
	code = fl_instance_store(instance, FL_ROLE_EMIT, NULL, true, &emit->store, err);
	if (code == FL_OK)
		code = read_command(emit, err);
	if (code == FL_OK)
		code = fl_bells_open(instance, &emit->bells, err);
	if (code == FL_OK)
		code = fl_metrics_open(instance, "emit", true, &emit->metrics, err);
	if (code != FL_OK) {
		emit_close(&emit);
		return code;
	}
	emit->dead_quota = (uint64_t)fl_config_number(instance, "emit.dead-quota-bytes");
	make_sinks(emit);
	/* Before a sink finds that it has nothing left to do. */
	code = look_for_commands(emit, err);
	if (code != FL_OK) {
		emit_close(&emit);
		return code;
	}
	*emit_out = emit;
	return FL_OK;
}

void
emit_close(struct emit **emit_in)
{
	struct emit *emit = *emit_in;
	uint32_t i;

	if (emit == NULL)
		return;
	__atomic_store_n(&emit->is_stopping, true, __ATOMIC_RELEASE);
	if (emit->has_threads)
		fl_bell_ring(emit->bells, FL_BELL_AGGREGATE); /* what they wait for */
	for (i = 0; i < emit->sink_count; i++) {
		if (emit->sinks[i].has_thread)
			pthread_join(emit->sinks[i].thread, NULL);
	}
	for (i = 0; i < emit->sink_count; i++)
		emit_sink_settle(&emit->sinks[i], fl_now_ms());
	for (i = 0; i < emit->sink_count; i++)
		emit_sink_fini(&emit->sinks[i]);
	free(emit->sinks);
	fl_metrics_close(&emit->metrics);
	fl_bells_close(&emit->bells);
	fl_store_close(&emit->store);
	pthread_cond_destroy(&emit->changed);
	pthread_mutex_destroy(&emit->lock);
	pthread_mutex_destroy(&emit->store_lock);
	free(emit);
	*emit_in = NULL;
}

static enum fl_code
turn_all(struct emit *emit, int64_t now_ms, bool *worked, struct fl_err *err)
{
	uint32_t i;

	for (i = 0; i < emit->sink_count; i++) {
		bool one = false;

		FL_TRY(emit_sink_turn(&emit->sinks[i], now_ms, &one, err));
		*worked |= one;
	}
	return FL_OK;
}

/* What status shows for the program; the sinks' records may be impossible to write. */
static void
say_state(struct emit *emit, const char *state)
{
	if (strcmp(emit->state, state) == 0)
		return;
	(void)snprintf(emit->state, sizeof(emit->state), "%s", state);
	fl_metrics_beat(emit->metrics, emit->state);
}

/* Looks at every sink: metrics, the end, and whether anybody can still go on. */
static enum fl_code
look(struct emit *emit, bool *done, struct fl_err *err)
{
	uint64_t rows = 0, commits = 0, dead = 0, retries = 0;
	const struct emit_sink *stopped = NULL;
	uint32_t i, done_count = 0, stopped_count = 0;
	char state[sizeof(emit->state)] = "running";
	enum fl_code code = FL_OK;

	pthread_mutex_lock(&emit->lock);
	for (i = 0; i < emit->sink_count; i++) {
		const struct emit_sink *sink = &emit->sinks[i];

		rows += sink->view.next;
		commits += sink->view.commits;
		dead += sink->view.dead;
		retries += sink->view.retries;
		done_count += sink->view.is_done;
		if (sink->view.state != EMIT_RUNNING)
			snprintf(state, sizeof(state), "waiting: %s %.90s",
			    fl_code_name(sink->view.err.code), sink->view.err.text);
		if (sink->view.state == EMIT_STOPPED) {
			stopped_count++;
			if (stopped == NULL || sink->view.is_fatal)
				stopped = sink;
		}
	}
	if (stopped != NULL &&
	    (stopped->view.is_fatal || done_count + stopped_count == emit->sink_count)) {
		*err = stopped->view.err;
		code = err->code;
	}
	pthread_mutex_unlock(&emit->lock);
	say_state(emit, state);
	fl_metric_set(emit->metrics, FL_METRIC_emit_rows_total, (int64_t)rows);
	fl_metric_set(emit->metrics, FL_METRIC_emit_commits_total, (int64_t)commits);
	fl_metric_set(emit->metrics, FL_METRIC_emit_dead_total, (int64_t)dead);
	fl_metric_set(emit->metrics, FL_METRIC_emit_retries_total, (int64_t)retries);
	*done = emit->sink_count > 0 && done_count == emit->sink_count;
	return code;
}

enum fl_code
emit_step(struct emit *emit, int64_t now_ms, bool *worked, bool *done, struct fl_err *err)
{
	enum fl_code code = FL_OK;

	*worked = *done = false;
	if (fl_is_due(now_ms, emit->tended_ms, TEND_MS)) {
		pthread_mutex_lock(&emit->store_lock);
		code = fl_store_tend(emit->store, err);
		pthread_mutex_unlock(&emit->store_lock);
		if (code != FL_OK)
			return code;
		FL_TRY(look_for_commands(emit, err));
		emit->tended_ms = now_ms;
	}
	if (!emit->has_threads)
		FL_TRY(turn_all(emit, now_ms, worked, err));
	return look(emit, done, err);
}

void
emit_wait(struct emit *emit, int wait_ms)
{
	struct timespec until;

	if (!emit->has_threads) {
		uint32_t i;

		for (i = 0; i < emit->sink_count; i++)
			wait_ms = FL_MIN(wait_ms, emit->sinks[i].wait_ms);
		fl_bell_wait(emit->bells, FL_BELL_AGGREGATE,
		    fl_bell_read(emit->bells, FL_BELL_AGGREGATE), wait_ms);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	until.tv_sec += wait_ms / 1000 + until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&emit->lock);
	(void)pthread_cond_timedwait(&emit->changed, &emit->lock, &until);
	pthread_mutex_unlock(&emit->lock);
}

static enum fl_code
open_with_threads(struct fl_instance *instance, struct emit **emit, struct fl_err *err)
{
	enum fl_code code;

	FL_TRY(emit_open(instance, emit, err));
	code = start_threads(*emit, err);
	if (code != FL_OK)
		emit_close(emit);
	return code;
}

FL_PROGRAM(emit, open_with_threads);
