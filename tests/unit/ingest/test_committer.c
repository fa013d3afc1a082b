/* SPDX-License-Identifier: Apache-2.0 */
/* test_committer.c - steps handed over faster than they are committed. */
#include "../unit.h"

#include "../../../ingest/stream.h"

#define JOBS FL_ARRAY_COUNT(((struct committer *)NULL)->jobs)

struct fixture {
	char dir[64];
	struct fl_store *store;
	struct committer committer;
	struct fl_err err;
};

static int
setup(void **state)
{
	struct fixture *f = fl_calloc(1, sizeof(*f));
	struct fl_store_options options = {
		.role = FL_ROLE_INGEST, .write = true, .create = true, .map_size = 64u << 20,
	};
	char path[128];

	make_dir(f->dir);
	(void)snprintf(path, sizeof(path), "%s/ingest.mdb", f->dir);
	OK(fl_store_open(path, &options, &f->store, &f->err));
	f->committer.store = f->store;
	f->committer.threaded = true;
	f->committer.wake_fd = -1;
	OK(committer_open(&f->committer, &f->err));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	committer_close(&f->committer);
	fl_store_close(&f->store);
	remove_dir(f->dir);
	free(f);
	return 0;
}

/* A step of one mark. */
static void
submit(struct fixture *f, uint64_t number)
{
	struct job *job = committer_take(&f->committer);
	struct fl_step_head *head;

	assert_non_null(job);
	head = (struct fl_step_head *)(void *)job->bytes;
	memset(job->bytes, 0, sizeof(*head) + sizeof(struct fl_mark));
	head->step = number;
	head->mark_count = 1;
	head->size = sizeof(*head) + sizeof(struct fl_mark);
	((struct fl_mark *)(void *)(head + 1))->kind = FL_MARK_TICK;
	job->has_step = true;
	memset(&job->cursor, 0, sizeof(job->cursor));
	job->cursor.last_step = number;
	OK(committer_submit(&f->committer, &f->err));
}

static void
wait_idle(struct fixture *f)
{
	for (int i = 0; i < 10000 && !committer_is_idle(&f->committer); i++)
		(void)usleep(1000);
	assert_true(committer_is_idle(&f->committer));
}

static void
what_waits_is_committed_together_and_in_order(void **state)
{
	struct fixture *f = *state;
	const struct fl_partition_cursor *parts;
	const struct fl_ingest_cursor *cursor;
	struct fl_step_view view;
	struct fl_txn *txn = NULL;
	uint64_t hash = 0;
	bool found;

	/* The store is busy: the thread has to wait with what it took. */
	OK(fl_txn_begin_write(f->store, &txn, &f->err));
	for (uint64_t n = 1; n <= JOBS; n++)
		submit(f, n);
	assert_null(committer_take(&f->committer));
	assert_false(committer_is_idle(&f->committer));
	fl_txn_abort(&txn);
	wait_idle(f);
	assert_true(f->committer.commit_count <= 2); /* the first, perhaps more, and the rest */
	assert_int_equal(f->committer.durable_step, JOBS);
	assert_non_null(committer_take(&f->committer));

	OK(fl_txn_begin_read(f->store, &txn, &f->err));
	for (uint64_t n = 1; n <= JOBS; n++) {
		OK(fl_step_get(txn, n, &found, &view, &f->err));
		assert_true(found);
		assert_int_equal(view.head->prev_hash, hash);
		hash = view.head->hash;
	}
	OK(fl_ingest_cursor_get(txn, &found, &cursor, &parts, &f->err));
	assert_true(found);
	assert_int_equal(cursor->last_step, JOBS);
	assert_int_equal(cursor->first_step, 1);
	assert_int_equal(cursor->last_hash, hash);
	fl_txn_abort(&txn);
}

static void
steps_that_were_used_go_with_a_later_commit(void **state)
{
	struct fixture *f = *state;
	struct fl_step_view view;
	struct fl_txn *txn = NULL;
	bool found;

	for (uint64_t n = 1; n <= JOBS; n++)
		submit(f, n);
	wait_idle(f);
	committer_take(&f->committer)->trim_to = JOBS;
	submit(f, JOBS + 1);
	wait_idle(f);
	assert_int_equal(f->committer.first_step, JOBS);
	OK(fl_txn_begin_read(f->store, &txn, &f->err));
	for (uint64_t n = 1; n <= JOBS + 1; n++) {
		OK(fl_step_get(txn, n, &found, &view, &f->err));
		assert_int_equal(found, n >= JOBS);
	}
	fl_txn_abort(&txn);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_waits_is_committed_together_and_in_order),
		TEST(steps_that_were_used_go_with_a_later_commit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
