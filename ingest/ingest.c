/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest.c - the turn: events, commands, records, and when to commit.
 *
 *	sources --> streams: decode into builders --> step_writer --> committer
 *	   |			^						 |
 *	   events --------------+------- durable steps --------------------------+
 *
 * Reading order: source.h, stream.h, then this file; stream.c is the hot path.
 *
 * When to commit: a full step as soon as the committing thread takes it; else
 * whatever there is when that thread is idle, at most once in 2 ms, or in 20 ms while
 * more is queued than a turn takes: fewer commits read a backlog faster.  Steps of time
 * alone, and positions that moved without rows, at most once a second.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "stream.h"

#define LOOK_MS 50	 /* between looks at the pipelines' stores */
#define COMMANDS_MS 500
#define BEAT_MS 1000
#define NOTE_MS 5000	 /* between commits of positions to the broker */
#define WAIT_FDS 64

/* ---- open ---- */

static void
read_settings(struct ingest *ingest)
{
	ingest->dead_quota = (uint64_t)fl_config_number(ingest->instance, "ingest.dead-quota-bytes");
	ingest->store_quota = (uint64_t)fl_config_number(ingest->instance, "ingest.store-quota-bytes");
}

struct stream *
stream_by_id(const struct ingest *ingest, uint32_t id)
{
	for (uint32_t i = 0; i < ingest->stream_count; i++)
		if (ingest->streams[i]->id == id)
			return ingest->streams[i];
	return NULL;
}

static int
compare_streams(const void *a, const void *b)
{
	const struct stream *x = *(struct stream *const *)a, *y = *(struct stream *const *)b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static void
link_letters(struct ingest *ingest, const struct fl_pipeline *pipeline)
{
	for (uint32_t s = 0; s < pipeline->plan->stream_count; s++) {
		int32_t of = pipeline->plan->streams[s].letters_of;
		struct stream *stream = stream_by_id(ingest, pipeline->stream_ids[s]);

		if (of >= 0 && stream->letters_of == NULL)
			letters_link(stream, stream_by_id(ingest, pipeline->stream_ids[of]));
	}
}

/* Streams of all pipelines, each once, by number. */
static void
collect_streams(struct ingest *ingest)
{
	const struct fl_instance *instance = ingest->instance;

	for (uint32_t p = 0; p < instance->pipeline_count; p++) {
		const struct fl_pipeline *pipeline = &instance->pipelines[p];

		for (uint32_t s = 0; s < pipeline->plan->stream_count; s++) {
			struct stream *stream = stream_by_id(ingest, pipeline->stream_ids[s]);

			if (stream != NULL)
				continue;
			stream = fl_calloc(1, sizeof *stream);
			stream->id = pipeline->stream_ids[s];
			stream->plan = &pipeline->plan->streams[s];
			stream->table = stream->plan->table;
			stream->waits = true;
			ingest->sync = ingest->sync || stream->table->connector == FL_CONNECTOR_TEST;
			ingest->streams = fl_realloc(
			    ingest->streams, (ingest->stream_count + 1) * sizeof(struct stream *));
			ingest->streams[ingest->stream_count++] = stream;
		}
	}
	if (ingest->stream_count > 0)
		qsort(ingest->streams, ingest->stream_count, sizeof(struct stream *), compare_streams);
	for (uint32_t p = 0; p < instance->pipeline_count; p++)
		link_letters(ingest, &instance->pipelines[p]);
}

static void
restore_part(struct ingest *ingest, const struct fl_partition_cursor *c)
{
	struct stream *stream = stream_by_id(ingest, c->stream);
	struct part *part;

	if (stream == NULL) {
		ingest->orphans =
		    fl_realloc(ingest->orphans, (ingest->orphan_count + 1) * sizeof *ingest->orphans);
		ingest->orphans[ingest->orphan_count++] = *c;
		return;
	}
	part = stream_add(stream, c->partition, c->topic);
	part->c = *c;
	part->assign_from = c->position;
	part->state = c->state == FL_PARTITION_READING ? PART_KNOWN : PART_OUT;
	part->caught_since = c->caught_since;
	if (c->state == FL_PARTITION_STOPPED)
		fl_error("partition is stopped stream=%u topic=%s partition=%d reason=%s", c->stream, c->topic,
		    c->partition, fl_code_name((enum fl_code)c->reason));
}

static enum fl_code
restore_cursor(struct ingest *ingest, struct fl_txn *txn, struct fl_err *err)
{
	const struct fl_partition_cursor *parts;
	const struct fl_ingest_cursor *cursor;
	const void *value;
	size_t size;
	bool found;

	FL_TRY(fl_ingest_cursor_get(txn, &found, &cursor, &parts, err));
	if (found) {
		ingest->cursor = *cursor;
		for (uint32_t i = 0; i < cursor->partition_count; i++)
			restore_part(ingest, &parts[i]);
		/* What was finished did not know of the streams that came since. */
		for (uint32_t s = 0; s < ingest->stream_count; s++)
			if (ingest->streams[s]->id > cursor->finished)
				ingest->cursor.finished = 0;
	}
	FL_TRY(fl_txn_get(txn, FL_DBI_INGEST_META, "dead_size", 9, &found, NULL, &value, &size, err));
	if (found && size == sizeof ingest->dead_size)
		memcpy(&ingest->dead_size, value, size);
	ingest->committer.last_hash = ingest->cursor.last_hash;
	ingest->committer.first_step = ingest->cursor.first_step;
	ingest->committer.durable_step = ingest->cursor.last_step;
	ingest->committer.durable_finished = ingest->cursor.finished != 0;
	return FL_OK;
}

/* What scans of streams that are gone left behind. */
static void
tidy_scans(struct ingest *ingest)
{
	uint32_t *streams = fl_calloc(ingest->stream_count + 1u, sizeof *streams);

	for (uint32_t i = 0; i < ingest->stream_count; i++)
		streams[i] = ingest->streams[i]->id;
	source_scan_tidy(ingest->instance->dir, streams, ingest->stream_count);
	free(streams);
}

static enum fl_code
open_stores(struct ingest *ingest, struct fl_err *err)
{
	struct fl_txn *txn = NULL;
	enum fl_code code;

	FL_TRY(fl_instance_store(ingest->instance, FL_ROLE_INGEST, NULL, true, &ingest->store, err));
	FL_TRY(fl_bells_open(ingest->instance, &ingest->bells, err));
	FL_TRY(fl_metrics_open(ingest->instance, "ingest", true, &ingest->metrics, err));
	FL_TRY(fl_txn_begin_read(ingest->store, &txn, err));
	code = restore_cursor(ingest, txn, err);
	fl_txn_abort(&txn);
	return code;
}

static void
count_metrics(struct ingest *ingest, int64_t now_ms)
{
	uint64_t delivered = 0, rows = 0, dead = 0, replayed = 0, skipped = 0, repeated = 0, errors = 0, wrong = 0;
	uint64_t file_size, used_size, map_size;

	for (uint32_t s = 0; s < ingest->stream_count; s++)
		for (uint32_t i = 0; i < ingest->streams[s]->part_count; i++) {
			const struct fl_partition_cursor *c = &ingest->streams[s]->parts[i]->c;

			wrong += c->delivered != c->rows + c->dead + c->skipped ||
			    c->passed_before + (uint64_t)(c->position - c->start) != c->delivered + c->gaps;
			if (ingest->streams[s]->letters_of != NULL)
				continue; /* the same records again */
			delivered += c->delivered;
			rows += c->rows;
			dead += c->dead + c->replayed;
			replayed += c->replayed;
			skipped += c->skipped;
			repeated += c->repeated;
			errors += c->skipped_errors;
		}
	fl_store_size(ingest->store, &file_size, &used_size, &map_size);
	ingest->is_full = used_size > map_size / 10 * (ingest->is_full ? 8 : 9);
	fl_metric_set(ingest->metrics, FL_METRIC_ingest_records_delivered_total, (int64_t)delivered);
	fl_metric_set(ingest->metrics, FL_METRIC_ingest_rows_total, (int64_t)rows);
	fl_metric_set(ingest->metrics, FL_METRIC_ingest_dead_total, (int64_t)dead);
	fl_metric_set(ingest->metrics, FL_METRIC_ingest_replayed_total, (int64_t)replayed);
	fl_metric_set(ingest->metrics, FL_METRIC_ingest_skipped_total, (int64_t)skipped);
	fl_metric_set(ingest->metrics, FL_METRIC_ingest_repeated_total, (int64_t)repeated);
	fl_metric_set(ingest->metrics, FL_METRIC_ingest_steps_total, (int64_t)ingest->cursor.last_step);
	fl_metric_set(ingest->metrics, FL_METRIC_ingest_skipped_errors_total, (int64_t)errors);
	fl_metric_set(ingest->metrics, FL_METRIC_ingest_conservation, (int64_t)wrong);
	fl_metric_set(ingest->metrics, FL_METRIC_ingest_clock_seconds, ingest->cursor.clock_ms / 1000);
	fl_metric_set(ingest->metrics, FL_METRIC_ingest_store_bytes, (int64_t)file_size);
	ingest->beat_ms = now_ms;
}

static enum fl_code
open_all(struct ingest *ingest, struct fl_err *err)
{
	ingest->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (ingest->wake_fd < 0)
		return FL_FAIL(err, FL_E_IO, "could not make an event descriptor: %m");
	collect_streams(ingest);
	FL_TRY(open_stores(ingest, err));
	read_settings(ingest);
	tidy_scans(ingest);
	for (uint32_t i = 0; i < ingest->stream_count; i++)
		FL_TRY(stream_open(ingest, ingest->streams[i], err));
	ingest->committer.store = ingest->store;
	ingest->committer.bells = ingest->bells;
	ingest->committer.wake_fd = ingest->wake_fd;
	ingest->committer.threaded = !ingest->sync;
	FL_TRY(committer_open(&ingest->committer, err));
	retention_open(ingest);
	count_metrics(ingest, ingest->beat_ms); /* what a former life counted */
	fl_info("ingest opened streams=%u step=%llu", ingest->stream_count,
	    (unsigned long long)ingest->cursor.last_step);
	return FL_OK;
}

enum fl_code
ingest_open(struct fl_instance *instance, struct ingest **out, struct fl_err *err)
{
	struct ingest *ingest = fl_calloc(1, sizeof *ingest);
	enum fl_code code;

	ingest->instance = instance;
	ingest->wake_fd = -1;
	ingest->row_max = FL_STEP_ROWS_MAX;
	ingest->step_size = sizeof(struct fl_step_head);
	ingest->looked_ms = ingest->commands_ms = ingest->beat_ms = ingest->noted_ms =
	    ingest->time_step_ms = INT64_MIN / 2;
	fl_arena_init(&ingest->arena);
	fl_buf_init(&ingest->marks);
	fl_buf_init(&ingest->dead);
	code = open_all(ingest, err);
	if (code != FL_OK) {
		ingest_close(&ingest);
		return code;
	}
	*out = ingest;
	return FL_OK;
}

void
ingest_close(struct ingest **out)
{
	struct ingest *ingest = *out;

	if (ingest == NULL)
		return;
	*out = NULL;
	committer_close(&ingest->committer);
	if (ingest->committer.store != NULL)
		count_metrics(ingest, ingest->beat_ms); /* the last steps too */
	for (uint32_t i = 0; i < ingest->stream_count; i++)
		stream_close(ingest->streams[i]);
	free(ingest->streams);
	free(ingest->orphans);
	retention_close(ingest);
	fl_metrics_close(&ingest->metrics);
	fl_bells_close(&ingest->bells);
	fl_store_close(&ingest->store);
	if (ingest->wake_fd >= 0)
		(void)close(ingest->wake_fd);
	fl_buf_fini(&ingest->marks);
	fl_buf_fini(&ingest->dead);
	fl_dead_tally_fini(&ingest->tally);
	fl_arena_fini(&ingest->arena);
	free(ingest);
}

/* ---- what people see ---- */

static void
say_state(struct ingest *ingest)
{
	char state[sizeof ingest->state] = "running";

	if (ingest->committer.durable_finished)
		(void)snprintf(state, sizeof state, "finished");
	if (ingest->over_quota)
		(void)snprintf(state, sizeof state, "waiting for pipelines: steps they have not used fill the quota");
	for (uint32_t s = 0; s < ingest->stream_count; s++) {
		struct stream *stream = ingest->streams[s];
		const char *trouble =
		    stream->ops->trouble != NULL ? stream->ops->trouble(stream->source) : "";

		if (trouble[0] != '\0')
			(void)snprintf(state, sizeof state, "waiting: %.110s", trouble);
	}
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		for (uint32_t i = 0; i < ingest->streams[s]->part_count; i++) {
			const struct fl_partition_cursor *c = &ingest->streams[s]->parts[i]->c;

			if (c->state == FL_PARTITION_STOPPED)
				(void)snprintf(state, sizeof state, "waiting: %s topic %.40s partition %d is stopped",
				    fl_code_name((enum fl_code)c->reason), c->topic, c->partition);
		}
	(void)snprintf(ingest->state, sizeof ingest->state, "%s", state);
	fl_metrics_beat(ingest->metrics, ingest->state);
}

static void
note_positions(struct ingest *ingest)
{
	for (uint32_t s = 0; s < ingest->stream_count; s++) {
		struct stream *stream = ingest->streams[s];
		struct source_start *set;
		uint32_t count = 0;

		if (stream->ops->settled != NULL)
			stream->ops->settled(stream->source);
		if (stream->ops->note == NULL)
			continue;
		set = fl_calloc(stream->part_count + 1u, sizeof *set);
		for (uint32_t i = 0; i < stream->part_count; i++)
			if (stream->parts[i]->state == PART_READING)
				set[count++] = (struct source_start){ stream->parts[i]->c.partition,
					stream->parts[i]->c.position };
		if (count > 0)
			stream->ops->note(stream->source, set, count);
		free(set);
	}
}

/* ---- the turn ---- */

static bool
are_commands_due(struct ingest *ingest, int64_t now_ms)
{
	if (ingest->commands_wait)
		return !ingest->is_replaying && committer_is_idle(&ingest->committer);
	return ingest->sync || fl_is_due(now_ms, ingest->commands_ms, COMMANDS_MS);
}

static enum fl_code
look_around(struct ingest *ingest, int64_t now_ms, struct fl_err *err)
{
	/* Tests have a clock of their own: there every turn looks. */
	if (ingest->sync || fl_is_due(now_ms, ingest->looked_ms, LOOK_MS)) {
		FL_TRY(retention_look(ingest, err));
		ingest->looked_ms = now_ms;
	}
	if (are_commands_due(ingest, now_ms)) {
		FL_TRY(ingest_commands(ingest, err));
		ingest->commands_ms = now_ms;
	}
	if (fl_is_due(now_ms, ingest->beat_ms, BEAT_MS)) {
		count_metrics(ingest, now_ms);
		say_state(ingest);
		FL_TRY(fl_store_tend(ingest->store, err));
	}
	/* All that was taken is durable: the numbers may be told. */
	if (fl_is_due(now_ms, ingest->noted_ms, NOTE_MS) && !ingest->dirty &&
	    committer_is_idle(&ingest->committer)) {
		note_positions(ingest);
		ingest->noted_ms = now_ms;
	}
	return FL_OK;
}

static enum fl_code
take_all(struct ingest *ingest, bool *worked, struct fl_err *err)
{
	ingest->is_behind = false;
	for (uint32_t s = 0; s < ingest->stream_count; s++) {
		struct stream *stream = ingest->streams[s];

		if (stream->letters_of != NULL)
			continue;
		FL_TRY(stream_assign(stream, err));
		if (!ingest->is_full)
			FL_TRY(stream_take(stream, worked, err));
	}
	return FL_OK;
}

static bool
is_commit_due(struct ingest *ingest, int64_t now_ms)
{
	bool due, time_due;

	marks_time(ingest, now_ms, &time_due);
	if (ingest->full)
		return true;
	due = ingest->step_rows > 0 || ingest->marks_urgent || ingest->dead.size > 0 || time_due;
	/* All ended in a former life (fl_instance_reopen()), and nothing came since. */
	due = due || (ingest->cursor.finished == 0 && step_find_finished(ingest) != 0);
	if (due && !ingest->sync && fl_monotonic_us() - ingest->submitted_us <
	    (ingest->is_behind ? BACKLOG_INTERVAL_US : COMMIT_INTERVAL_US))
		due = false;
	/* Positions without rows, and steps that may go. */
	if (!due && (ingest->dirty || ingest->trim_to > ingest->committer.first_step + 1))
		due = ingest->sync || (ingest->dirty && ingest->cursor.finished != 0) ?
		    ingest->dirty : fl_is_due(now_ms, ingest->committed_ms, TIME_INTERVAL_MS);
	return due;
}

static enum fl_code
commit(struct ingest *ingest, int64_t now_ms, bool *worked, struct fl_err *err)
{
	struct job *job;

	if (!ingest->full && !committer_is_idle(&ingest->committer))
		return FL_OK;
	job = committer_take(&ingest->committer);
	if (job == NULL)
		return FL_OK;
	step_write(ingest, job, now_ms);
	ingest->submitted_us = fl_monotonic_us();
	ingest->committed_ms = now_ms;
	*worked = true;
	return committer_submit(&ingest->committer, err);
}

enum fl_code
ingest_step(struct ingest *ingest, int64_t now_ms, bool *worked, bool *done, struct fl_err *err)
{
	*worked = *done = false;
	ingest->now_ms = FL_MAX(ingest->cursor.clock_ms, now_ms);
	FL_TRY(committer_check(&ingest->committer, err));
	FL_TRY(look_around(ingest, now_ms, err));
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		FL_TRY(stream_events(ingest->streams[s], now_ms, worked, err));
	FL_TRY(take_all(ingest, worked, err));
	if (is_commit_due(ingest, now_ms))
		FL_TRY(commit(ingest, now_ms, worked, err));
	/* What a command did may wait for its commit after the last row's. */
	*done = !*worked && ingest->cursor.finished && !ingest->commands_wait && !ingest->dirty &&
	    ingest->dead.size == 0 && committer_is_idle(&ingest->committer) &&
	    __atomic_load_n(&ingest->committer.durable_finished, __ATOMIC_ACQUIRE);
	return FL_OK;
}

void
ingest_wait(struct ingest *ingest, int wait_ms)
{
	struct pollfd fds[WAIT_FDS];
	nfds_t count = 0;
	uint64_t rings;
	bool takes;

	if (ingest->sync)
		return;
	/* Something waits for the commit interval, or for another partition. */
	if (ingest->step_rows > 0 || ingest->marks.size > 0 || ingest->dead.size > 0)
		wait_ms = FL_MIN(wait_ms, ingest->full ? 50 : 2);
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		for (uint32_t i = 0; i < ingest->streams[s]->part_count; i++)
			if (ingest->streams[s]->parts[i]->held)
				wait_ms = FL_MIN(wait_ms, LOOK_MS);
	fds[count++] = (struct pollfd){ .fd = ingest->wake_fd, .events = POLLIN };
	/* A full step takes no records: waiting for more would spin. */
	takes = !ingest->full && !ingest->over_quota && !ingest->is_full;
	for (uint32_t s = 0; takes && s < ingest->stream_count && count < WAIT_FDS; s++) {
		const struct stream *stream = ingest->streams[s];

		if (stream->ops->fd != NULL)
			fds[count++] = (struct pollfd){ .fd = stream->ops->fd(stream->source), .events = POLLIN };
	}
	(void)poll(fds, count, wait_ms);
	(void)!read(ingest->wake_fd, &rings, sizeof rings);
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		if (ingest->streams[s]->ops->woken != NULL)
			ingest->streams[s]->ops->woken(ingest->streams[s]->source);
}

/* ---- connector 'test' ---- */

/* The streams of all tables of that name, one after the other; *at starts as 0. */
static struct source *
next_test(struct ingest *ingest, const char *table, uint32_t *at)
{
	while (*at < ingest->stream_count) {
		struct stream *stream = ingest->streams[(*at)++];

		if (stream->ops->is_test && strcmp(stream->table->name, table) == 0)
			return stream->source;
	}
	return NULL;
}

void
ingest_test_push(struct ingest *ingest, const char *table, int32_t partition, int64_t offset,
    const void *value, size_t size, int64_t kafka_ts_ms)
{
	struct source *source;

	for (uint32_t at = 0; (source = next_test(ingest, table, &at)) != NULL;)
		source_test_push(source, partition, offset, value, size, kafka_ts_ms);
}

void
ingest_test_add(struct ingest *ingest, const char *table, int32_t partition)
{
	struct source *source;

	for (uint32_t at = 0; (source = next_test(ingest, table, &at)) != NULL;)
		source_test_add(source, partition);
}

void
ingest_test_caught(struct ingest *ingest, const char *table, int32_t partition, int64_t since_ms)
{
	struct source *source;

	for (uint32_t at = 0; (source = next_test(ingest, table, &at)) != NULL;)
		source_test_caught(source, partition, since_ms);
}

void
ingest_test_lose(struct ingest *ingest, const char *table, int32_t partition)
{
	struct source *source;

	for (uint32_t at = 0; (source = next_test(ingest, table, &at)) != NULL;)
		source_test_lose(source, partition);
}

void
ingest_test_end(struct ingest *ingest, const char *table, int32_t partition)
{
	struct source *source;

	for (uint32_t at = 0; (source = next_test(ingest, table, &at)) != NULL;)
		source_test_end(source, partition);
}

void
ingest_test_step_rows(struct ingest *ingest, uint32_t row_max)
{
	ingest->row_max = row_max == 0 ? FL_STEP_ROWS_MAX : FL_MIN(row_max, FL_STEP_ROWS_MAX);
}

FL_PROGRAM(ingest, ingest_open);
