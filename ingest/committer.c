/* SPDX-License-Identifier: Apache-2.0 */
/*
 * committer.c - the one write transaction of ingest, on a thread of its own.
 *
 * While it commits, the decoding thread fills the next steps.  All that waits goes
 * into one transaction: a disk that is slow to confirm gets fewer and larger
 * commits.  What fails for a reason that may pass (disk full) is tried again here;
 * any other failure ends the program, and nothing of those jobs is in the store.
 *
 * Steps that every pipeline has durably used are deleted in the same transaction,
 * so that their pages are the next step's: the file stops growing.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "stream.h"

#define TRIM_MAX 32 /* steps a transaction */
#define RETRY_S 1

static struct job *
job_at(struct committer *committer, uint64_t number)
{
	return &committer->jobs[number % FL_ARRAY_COUNT(committer->jobs)];
}

static enum fl_code
put_step(struct fl_txn *txn, struct job *job, struct fl_err *err)
{
	struct fl_step_head *head = (struct fl_step_head *)(void *)job->bytes;
	uint8_t key[8];
	void *value;

	fl_step_seal(job->bytes, job->cursor.last_hash);
	fl_key_u64(key, head->step);
	FL_TRY(fl_txn_reserve(txn, FL_DBI_INGEST_STEPS, key, sizeof key, 0, head->size, &value, err));
	memcpy(value, job->bytes, head->size);
	job->cursor.last_hash = head->hash;
	if (job->cursor.first_step == 0)
		job->cursor.first_step = head->step;
	return FL_OK;
}

static enum fl_code
trim_steps(struct fl_txn *txn, struct job *job, struct fl_err *err)
{
	uint64_t to = FL_MIN(job->trim_to, job->cursor.last_step);
	uint8_t key[8];

	for (int n = 0; n < TRIM_MAX && job->cursor.first_step > 0 && job->cursor.first_step < to; n++) {
		fl_key_u64(key, job->cursor.first_step);
		FL_TRY(fl_txn_del(txn, FL_DBI_INGEST_STEPS, key, sizeof key, err));
		job->cursor.first_step++;
	}
	return FL_OK;
}

static enum fl_code
put_cursor(struct fl_txn *txn, const struct job *job, struct fl_err *err)
{
	size_t parts_size = job->cursor.partition_count * sizeof *job->parts;
	void *value;

	FL_TRY(fl_txn_reserve(txn, FL_DBI_INGEST_META, "cursor", 6, 0,
	    sizeof job->cursor + parts_size, &value, err));
	memcpy(value, &job->cursor, sizeof job->cursor);
	if (parts_size > 0)
		memcpy((char *)value + sizeof job->cursor, job->parts, parts_size);
	return FL_OK;
}

static enum fl_code
put_dead(struct fl_txn *txn, const struct job *job, struct fl_err *err)
{
	const char *at = job->dead.data, *end = at + job->dead.size;
	struct dead_entry entry;

	if (job->dead.size == 0)
		return FL_OK;
	while (at < end) {
		memcpy(&entry, at, sizeof entry);
		at += sizeof entry;
		if (entry.size == 0)
			FL_TRY(fl_txn_del(txn, FL_DBI_INGEST_DEAD, entry.key, sizeof entry.key, err));
		else
			FL_TRY(fl_txn_put(
			    txn, FL_DBI_INGEST_DEAD, entry.key, sizeof entry.key, 0, at, entry.size, err));
		at += FL_ROUND_UP((size_t)entry.size, 8);
	}
	return fl_txn_put(
	    txn, FL_DBI_INGEST_META, "dead_size", 9, 0, &job->dead_size, sizeof job->dead_size, err);
}

static enum fl_code
fill_txn(struct fl_txn *txn, struct committer *committer, uint64_t to, struct fl_err *err)
{
	uint64_t last_hash = committer->last_hash, first_step = committer->first_step;
	const struct job *last = job_at(committer, to - 1);

	for (uint64_t n = committer->done; n < to; n++) {
		struct job *job = job_at(committer, n);

		job->cursor.last_hash = last_hash;
		job->cursor.first_step = first_step;
		if (job->has_step)
			FL_TRY(put_step(txn, job, err));
		FL_TRY(trim_steps(txn, job, err));
		FL_TRY(put_dead(txn, job, err));
		FL_TRY(fl_dead_tally_put(txn, FL_DBI_INGEST_COUNTS, &job->tally, err));
		last_hash = job->cursor.last_hash;
		first_step = job->cursor.first_step;
	}
	FL_TRY(put_cursor(txn, last, err));
	if (fl_fault("ingest.before_commit"))
		return FL_FAIL(err, FL_E_IO, "fault before the commit of step %llu",
		    (unsigned long long)last->cursor.last_step);
	return FL_OK;
}

/* Once a life, so that recovery can be timed from outside. */
static void
say_first(struct committer *committer, const struct job *job)
{
	const struct fl_step_head *head = (const struct fl_step_head *)(const void *)job->bytes;

	if (committer->has_said_first || !job->has_step || head->row_count == 0)
		return;
	committer->has_said_first = true;
	fl_info("first step committed step=%llu rows=%u", (unsigned long long)head->step,
	    head->row_count);
}

/* The jobs before `to` that are not done yet. */
static enum fl_code
commit_jobs(struct committer *committer, uint64_t to, struct fl_err *err)
{
	const struct job *last = job_at(committer, to - 1);
	struct fl_txn *txn = NULL;
	enum fl_code code;

	FL_TRY(fl_txn_begin_write(committer->store, &txn, err));
	code = fill_txn(txn, committer, to, err);
	FL_TRY(fl_txn_end(&txn, code, err));
	(void)fl_fault("ingest.after_commit");
	committer->last_hash = last->cursor.last_hash;
	committer->first_step = last->cursor.first_step;
	committer->commit_count++;
	for (uint64_t n = committer->done; n < to; n++)
		say_first(committer, job_at(committer, n));
	__atomic_store_n(&committer->durable_step, last->cursor.last_step, __ATOMIC_RELEASE);
	__atomic_store_n(&committer->durable_finished, last->cursor.finished != 0, __ATOMIC_RELEASE);
	if (committer->bells != NULL)
		fl_bell_ring(committer->bells, FL_BELL_INGEST);
	return FL_OK;
}

/* ---- thread ---- */

static void
wait_a_while(struct committer *committer, int seconds)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	(void)pthread_cond_timedwait(&committer->changed, &committer->lock, &until);
}

/* Called locked.  False: the thread has to end. */
static bool
work_off(struct committer *committer)
{
	static const uint64_t one = 1;
	struct fl_err err = { .code = FL_OK };
	uint64_t to = committer->submitted;
	enum fl_code code;

	(void)pthread_mutex_unlock(&committer->lock);
	code = commit_jobs(committer, to, &err);
	(void)pthread_mutex_lock(&committer->lock);
	if (code == FL_OK) {
		committer->done = to;
		committer->failed.code = FL_OK;
		(void)!write(committer->wake_fd, &one, sizeof one);
		return true;
	}
	committer->failed = err;
	(void)!write(committer->wake_fd, &one, sizeof one);
	if (fl_code_class(code) != FL_CLASS_TRANSIENT || committer->stop)
		return false;
	wait_a_while(committer, RETRY_S);
	return true;
}

static void *
run_committer(void *arg)
{
	struct committer *committer = arg;
	bool going = true;

	(void)pthread_mutex_lock(&committer->lock);
	while (going) {
		if (committer->done < committer->submitted)
			going = work_off(committer);
		else if (committer->stop)
			going = false;
		else
			(void)pthread_cond_wait(&committer->changed, &committer->lock);
	}
	(void)pthread_mutex_unlock(&committer->lock);
	return NULL;
}

enum fl_code
committer_open(struct committer *committer, struct fl_err *err)
{
	(void)pthread_mutex_init(&committer->lock, NULL);
	(void)pthread_cond_init(&committer->changed, NULL);
	for (size_t i = 0; i < FL_ARRAY_COUNT(committer->jobs); i++) {
		committer->jobs[i].bytes = fl_malloc(FL_ROUND_UP(FL_STEP_SIZE_MAX, 8));
		fl_buf_init(&committer->jobs[i].dead);
	}
	if (committer->threaded) {
		int rc = pthread_create(&committer->thread, NULL, run_committer, committer);

		if (rc != 0)
			return FL_FAIL_NATIVE(err, FL_E_IO, rc, "could not start a thread: %s", strerror(rc));
		committer->started = true;
	}
	return FL_OK;
}

void
committer_close(struct committer *committer)
{
	if (committer->jobs[0].bytes == NULL)
		return;
	if (committer->started) {
		(void)pthread_mutex_lock(&committer->lock);
		committer->stop = true;
		(void)pthread_cond_broadcast(&committer->changed);
		(void)pthread_mutex_unlock(&committer->lock);
		(void)pthread_join(committer->thread, NULL);
	}
	for (size_t i = 0; i < FL_ARRAY_COUNT(committer->jobs); i++) {
		free(committer->jobs[i].bytes);
		free(committer->jobs[i].parts);
		fl_buf_fini(&committer->jobs[i].dead);
		fl_dead_tally_fini(&committer->jobs[i].tally);
	}
	(void)pthread_cond_destroy(&committer->changed);
	(void)pthread_mutex_destroy(&committer->lock);
}

struct job *
committer_take(struct committer *committer)
{
	struct job *job = NULL;

	(void)pthread_mutex_lock(&committer->lock);
	if (committer->submitted - committer->done < FL_ARRAY_COUNT(committer->jobs))
		job = job_at(committer, committer->submitted);
	(void)pthread_mutex_unlock(&committer->lock);
	return job;
}

bool
committer_is_idle(struct committer *committer)
{
	bool idle;

	(void)pthread_mutex_lock(&committer->lock);
	idle = committer->done == committer->submitted;
	(void)pthread_mutex_unlock(&committer->lock);
	return idle;
}

enum fl_code
committer_submit(struct committer *committer, struct fl_err *err)
{
	enum fl_code code = FL_OK;

	(void)pthread_mutex_lock(&committer->lock);
	committer->submitted++;
	(void)pthread_cond_broadcast(&committer->changed);
	(void)pthread_mutex_unlock(&committer->lock);
	if (committer->threaded)
		return FL_OK;
	/* The rows have left the builders: a failure that may pass has to be waited
	 * for here. */
	while ((code = commit_jobs(committer, committer->submitted, err)) != FL_OK &&
	    fl_code_class(code) == FL_CLASS_TRANSIENT) {
		fl_warn("commit fails, tried again reason=\"%s\"", err->text);
		(void)usleep(1000);
	}
	committer->done = committer->submitted;
	return code;
}

enum fl_code
committer_check(struct committer *committer, struct fl_err *err)
{
	enum fl_code code;

	(void)pthread_mutex_lock(&committer->lock);
	code = committer->failed.code;
	if (code != FL_OK)
		*err = committer->failed;
	(void)pthread_mutex_unlock(&committer->lock);
	return code;
}
