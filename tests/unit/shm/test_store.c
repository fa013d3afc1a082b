/* SPDX-License-Identifier: Apache-2.0 */
/* test_store.c - what the store promises beyond LMDB. */
#include "shm/store.h"

#include "../unit.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[64], path[128];

static int
setup(void **state)
{
	(void)state;
	make_dir(dir);
	(void)snprintf(path, sizeof(path), "%s/ingest", dir);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	remove_dir(dir);
	return 0;
}

static struct fl_store *
open_as(bool write)
{
	struct fl_store_options options = {
	    .role = FL_ROLE_INGEST, .write = write, .create = write, .map_size = 64 << 20};
	struct fl_store *store = NULL;
	struct fl_err err = {.code = FL_OK};

	if (fl_store_open(path, &options, &store, &err) != FL_OK)
		fail_msg("%s", err.text);
	return store;
}

static enum fl_code
try_open(bool write, struct fl_err *err)
{
	struct fl_store_options options = {
	    .role = FL_ROLE_INGEST, .write = write, .map_size = 64 << 20};
	struct fl_store *store = NULL;
	enum fl_code code = fl_store_open(path, &options, &store, err);

	fl_store_close(&store);
	return code;
}

static void
put_one(struct fl_store *store, uint64_t n, const void *value, size_t size)
{
	struct fl_txn *txn = NULL;
	struct fl_err err = {.code = FL_OK};
	uint8_t key[8];

	fl_key_u64(key, n);
	assert_int_equal(fl_txn_begin_write(store, &txn, &err), FL_OK);
	assert_int_equal(fl_txn_put(txn, FL_DBI_INGEST_STEPS, key, 8, 7, value, size, &err), FL_OK);
	assert_int_equal(fl_txn_commit(&txn, &err), FL_OK);
	assert_null(txn);
}

static enum fl_code
get_one(struct fl_txn *txn, uint64_t n, bool *found, const void **value, size_t *size)
{
	uint8_t key[8];
	uint16_t kind = 0;
	enum fl_code code;

	fl_key_u64(key, n);
	code = fl_txn_get(txn, FL_DBI_INGEST_STEPS, key, 8, found, &kind, value, size, NULL);
	if (code == FL_OK && *found)
		assert_int_equal(kind, 7);
	return code;
}

static void
values_of_every_size_come_back_aligned(void **state)
{
	static const size_t sizes[] = {0, 1, 7, 100, 1999, 2000, 2100, 4056, 4057, 70000, 1048536};
	struct fl_store *store = open_as(true);
	struct fl_txn *txn = NULL;
	char *bytes = fl_malloc(1 << 20);
	const void *value;
	size_t size, i, j;
	bool found;

	(void)state;
	for (i = 0; i < FL_ARRAY_COUNT(sizes); i++) {
		for (j = 0; j < sizes[i]; j++)
			bytes[j] = (char)(j * 7 + i);
		put_one(store, i, bytes, sizes[i]);
	}
	assert_int_equal(fl_txn_begin_read(store, &txn, NULL), FL_OK);
	for (i = 0; i < FL_ARRAY_COUNT(sizes); i++) {
		assert_int_equal(get_one(txn, i, &found, &value, &size), FL_OK);
		assert_true(found);
		assert_int_equal(size, sizes[i]);
		assert_int_equal((uintptr_t)value & 7, 0);
		for (j = 0; j < size; j++)
			assert_int_equal(((const char *)value)[j], (char)(j * 7 + i));
	}
	assert_int_equal(get_one(txn, 99, &found, &value, &size), FL_OK);
	assert_false(found);
	assert_int_equal(fl_txn_count(txn, FL_DBI_INGEST_STEPS), FL_ARRAY_COUNT(sizes));
	fl_txn_abort(&txn);
	free(bytes);
	fl_store_close(&store);
}

static void
a_reserved_value_is_sealed_by_the_next_call(void **state)
{
	struct fl_store *store = open_as(true);
	struct fl_txn *txn = NULL;
	uint8_t key[8];
	const void *value;
	void *to;
	size_t size, n;
	bool found;

	(void)state;
	assert_int_equal(fl_txn_begin_write(store, &txn, NULL), FL_OK);
	for (n = 0; n < 3; n++) { /* in a leaf, unaligned; in pages of its own */
		size = n == 0 ? 24 : n == 1 ? 101 : 50000;
		fl_key_u64(key, n);
		assert_int_equal(
		    fl_txn_reserve(txn, FL_DBI_INGEST_STEPS, key, 8, 7, size, &to, NULL), FL_OK);
		assert_int_equal((uintptr_t)to & 7, 0);
		memset(to, 'r', size);
	}
	assert_int_equal(get_one(txn, 2, &found, &value, &size), FL_OK);
	assert_int_equal(fl_txn_commit(&txn, NULL), FL_OK);
	assert_int_equal(fl_txn_begin_read(store, &txn, NULL), FL_OK);
	for (n = 0; n < 3; n++) {
		assert_int_equal(get_one(txn, n, &found, &value, &size), FL_OK);
		assert_true(found);
		assert_int_equal(((const char *)value)[size - 1], 'r');
	}
	fl_txn_abort(&txn);
	fl_store_close(&store);
}

static void
two_writers_are_impossible(void **state)
{
	struct fl_store *store = open_as(true);
	struct fl_err err = {.code = FL_OK};
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(try_open(true, &err), FL_E_ALREADY_RUNNING);
	assert_non_null(strstr(err.text, "pid="));
	pid = fork(); /* the child opens nothing that the parent has, and execs nothing */
	if (pid == 0) {
		char lock[160];
		struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd;

		(void)snprintf(lock, sizeof(lock), "%s.lock", path);
		fd = open(lock, O_RDWR);
		_exit(fd >= 0 && fcntl(fd, F_OFD_SETLK, &l) != 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fl_store_close(&store);
	assert_int_equal(try_open(true, &err), FL_OK);
}

static void
each_writer_raises_the_generation_and_the_old_one_cannot_write(void **state)
{
	struct fl_store *old = open_as(true), *new;
	struct fl_txn *txn = NULL;
	uint64_t generation = fl_store_meta(old)->generation;
	char lock[160];

	(void)state;
	assert_int_equal(generation, 1);
	(void)snprintf(lock, sizeof(lock), "%s.lock", path);
	assert_int_equal(unlink(lock), 0); /* somebody cleans up what he should not */
	new = open_as(true);
	assert_int_equal(fl_store_meta(new)->generation, 2);
	assert_int_equal(fl_txn_begin_write(old, &txn, NULL), FL_E_LOCK_LOST);
	assert_null(txn);
	assert_int_equal(fl_store_tend(old, NULL), FL_E_LOCK_LOST);
	put_one(new, 1, "x", 1);
	fl_store_close(&old);
	fl_store_close(&new);
}

static void
a_replaced_lock_file_of_lmdb_is_noticed(void **state)
{
	struct fl_store *store = open_as(true);
	char lock[160];

	(void)state;
	assert_int_equal(fl_store_tend(store, NULL), FL_OK);
	(void)snprintf(lock, sizeof(lock), "%s/lock.mdb", path);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(fl_store_tend(store, NULL), FL_E_LOCK_LOST);
	fl_store_close(&store);
}

static void
a_replaced_data_file_is_noticed(void **state)
{
	struct fl_store *store = open_as(true);
	char file[160], copy[160];

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/data.mdb", path);
	(void)snprintf(copy, sizeof(copy), "%s/copy", path);
	assert_int_equal(rename(file, copy), 0);
	assert_int_equal(fl_store_tend(store, NULL), FL_E_LOCK_LOST);
	assert_int_equal(rename(copy, file), 0);
	assert_int_equal(fl_store_tend(store, NULL), FL_OK);
	fl_store_close(&store);
}

static void
a_reader_keeps_its_state_while_the_writer_goes_on(void **state)
{
	struct fl_store *writer = open_as(true), *reader = open_as(false);
	struct fl_txn *txn = NULL;
	const void *value;
	size_t size;
	bool found;
	uint64_t n;

	(void)state;
	put_one(writer, 1, "before", 6);
	assert_int_equal(fl_txn_begin_read(reader, &txn, NULL), FL_OK);
	for (n = 1; n < 50; n++)
		put_one(writer, n, "after!", 6);
	assert_int_equal(get_one(txn, 1, &found, &value, &size), FL_OK);
	assert_memory_equal(value, "before", 6);
	assert_int_equal(fl_txn_count(txn, FL_DBI_INGEST_STEPS), 1);
	fl_txn_abort(&txn);
	fl_store_close(&writer); /* the reader's environment stays open */
	assert_int_equal(fl_txn_begin_read(reader, &txn, NULL), FL_OK);
	assert_int_equal(get_one(txn, 49, &found, &value, &size), FL_OK);
	assert_true(found);
	fl_txn_abort(&txn);
	fl_store_close(&reader);
}

/* In a process of its own: opens the store, begins to read so many times, says so and waits. */
static pid_t
start_reader(int *from, int times)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		struct fl_store *store = open_as(false);
		struct fl_txn *txn = NULL;

		for (int i = 0; i < times; i++)
			if (fl_txn_begin_read(store, &txn, NULL) != FL_OK)
				_exit(1);
		if (write(fds[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	close(fds[1]);
	*from = fds[0];
	return pid;
}

static uint64_t
overwrite(struct fl_store *store, uint32_t times)
{
	uint64_t file_size, used_size, map_size;
	char *bytes = fl_calloc(1, 60000);

	for (uint32_t i = 0; i < times; i++) {
		struct fl_txn *txn = NULL;
		uint8_t key[8];

		fl_key_u64(key, i % 3);
		assert_int_equal(fl_txn_begin_write(store, &txn, NULL), FL_OK);
		assert_int_equal(
		    fl_txn_put(txn, FL_DBI_INGEST_STEPS, key, 8, 0, bytes, 60000, NULL), FL_OK);
		assert_int_equal(fl_txn_commit(&txn, NULL), FL_OK);
	}
	free(bytes);
	fl_store_size(store, &file_size, &used_size, &map_size);
	return file_size;
}

static void
a_reader_killed_with_9_holds_no_pages(void **state)
{
	struct fl_store *store = open_as(true);
	uint64_t before, held, after;
	int from = -1, status;
	pid_t pid;
	char c;

	(void)state;
	fl_store_close(&store); /* it is made; no handle goes over the fork */
	pid = start_reader(&from, 1);
	assert_int_equal(read(from, &c, 1), 1);
	close(from);
	store = open_as(true);
	before = overwrite(store, 10);
	held = overwrite(store, 300);
	assert_true(held > before + (8u << 20)); /* nothing could be used again */
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(fl_store_tend(store, NULL), FL_OK);
	after = overwrite(store, 300);
	assert_int_equal(after, held);
	fl_store_close(&store);
}

/* Else a file that was cut could not be told from a sound one. */
static void
the_file_is_longer_than_what_is_used(void **state)
{
	struct fl_store *store = open_as(true);
	uint64_t file_size, used_size, map_size, n;
	char *bytes = fl_calloc(1, 1000000);

	(void)state;
	for (n = 0; n < 20; n++) {
		put_one(store, n, bytes, 1000000);
		fl_store_size(store, &file_size, &used_size, &map_size);
		assert_true(file_size >= used_size + (2 << 20));
	}
	assert_true(used_size > 20000000);
	free(bytes);
	fl_store_close(&store);
}

static void
places_of_dead_readers_are_taken_when_there_is_no_other(void **state)
{
	struct fl_store *store = open_as(true);
	struct fl_txn *last = NULL, *txn = NULL;
	int from = -1, status;
	pid_t pid;
	char c;

	(void)state;
	fl_store_close(&store);
	pid = start_reader(&from, 509);
	assert_int_equal(read(from, &c, 1), 1);
	close(from);
	store = open_as(false);
	assert_int_equal(fl_txn_begin_read(store, &last, NULL), FL_OK);
	assert_int_equal(fl_txn_begin_read(store, &txn, NULL), FL_E_STORE_IO);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(fl_txn_begin_read(store, &txn, NULL), FL_OK);
	fl_txn_abort(&txn);
	fl_txn_abort(&last);
	fl_store_close(&store);
}

static void
a_failed_transaction_does_nothing_more_and_does_not_commit(void **state)
{
	struct fl_store *store = open_as(true);
	struct fl_txn *txn = NULL;
	struct fl_err err = {.code = FL_OK};
	char *big = fl_calloc(1, FL_VALUE_SIZE_MAX);
	const void *value;
	size_t size;
	bool found = true;

	(void)state;
	assert_int_equal(fl_txn_begin_write(store, &txn, &err), FL_OK);
	assert_int_equal(fl_txn_put(txn, FL_DBI_INGEST_STEPS, "a", 1, 7, "x", 1, &err), FL_OK);
	assert_int_equal(
	    fl_txn_put(txn, FL_DBI_INGEST_STEPS, "b", 1, 7, big, FL_VALUE_SIZE_MAX, &err),
	    FL_E_ROW_TOO_LARGE);
	assert_int_equal(
	    fl_txn_put(txn, FL_DBI_INGEST_STEPS, "c", 1, 7, "x", 1, &err), FL_E_ROW_TOO_LARGE);
	err.code = FL_OK;
	assert_int_equal(fl_txn_commit(&txn, &err), FL_E_ROW_TOO_LARGE);
	assert_non_null(strstr(err.text, "at most"));
	assert_int_equal(fl_txn_begin_read(store, &txn, &err), FL_OK);
	assert_int_equal(
	    fl_txn_get(txn, FL_DBI_INGEST_STEPS, "a", 1, &found, NULL, &value, &size, &err), FL_OK);
	assert_false(found);
	fl_txn_abort(&txn);
	free(big);
	fl_store_close(&store);
}

static long
file_rss_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	long kb = -1;

	while (f != NULL && kb < 0 && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "RssFile: %ld", &kb);
	if (f != NULL)
		(void)fclose(f);
	return kb;
}

static void
a_forgotten_value_leaves_the_process_and_can_be_read_again(void **state)
{
	enum { SIZE = 1000000, COUNT = 16 };
	struct fl_store *store = open_as(true);
	struct fl_txn *txn = NULL;
	char *bytes = fl_malloc(SIZE);
	long with = 0, without;

	(void)state;
	for (uint64_t n = 0; n < COUNT; n++) {
		memset(bytes, (int)n + 1, SIZE);
		put_one(store, n, bytes, SIZE);
	}
	assert_int_equal(fl_txn_begin_read(store, &txn, NULL), FL_OK);
	for (int round = 0; round < 2; round++) {
		for (uint64_t n = 0; n < COUNT; n++) {
			const void *value;
			uint8_t key[8];
			size_t size;
			bool found;

			fl_key_u64(key, n);
			assert_int_equal(fl_txn_get(txn, FL_DBI_INGEST_STEPS, key, 8, &found, NULL,
					     &value, &size, NULL), FL_OK);
			assert_true(found);
			assert_int_equal(((const char *)value)[0], n + 1);
			assert_int_equal(((const char *)value)[SIZE - 1], n + 1);
			if (round == 1)
				fl_txn_forget(txn, value, size);
		}
		if (round == 0)
			with = file_rss_kb();
	}
	without = file_rss_kb();
	assert_true(without < with - COUNT * SIZE / 1024 / 2);
	fl_txn_abort(&txn);
	free(bytes);
	fl_store_close(&store);
}

/* As a reader of the newest step does it for days: one value, another page each time. */
static void
a_reader_keeps_little_of_a_tree_that_moves(void **state)
{
	enum { COUNT = 16384 };
	struct fl_store *store = open_as(true);
	struct fl_txn *txn = NULL;
	char bytes[1000] = {0};
	long before, most = 0;
	uint8_t key[8];

	(void)state;
	assert_int_equal(fl_txn_begin_write(store, &txn, NULL), FL_OK);
	for (uint64_t n = 0; n < COUNT; n++) {
		fl_key_u64(key, n);
		assert_int_equal(fl_txn_put(txn, FL_DBI_INGEST_STEPS, key, 8, 7, bytes,
				     sizeof(bytes), NULL), FL_OK);
	}
	assert_int_equal(fl_txn_commit(&txn, NULL), FL_OK);
	fl_store_close(&store);
	store = open_as(false);
	before = file_rss_kb();
	for (uint64_t n = 0; n < COUNT; n += 32) {
		const void *value;
		size_t size;
		bool found;

		fl_key_u64(key, n);
		assert_int_equal(fl_txn_begin_read(store, &txn, NULL), FL_OK);
		assert_int_equal(fl_txn_get(txn, FL_DBI_INGEST_STEPS, key, 8, &found, NULL, &value,
				     &size, NULL), FL_OK);
		assert_true(found);
		fl_txn_abort(&txn);
		most = FL_MAX(most, file_rss_kb() - before);
	}
	/* The file has 21 MB; eight transactions fault four windows of 64 KiB each. */
	assert_true(most < 4096);
	fl_store_close(&store);
}

static void
a_full_map_is_named_and_nothing_is_lost(void **state)
{
	struct fl_store_options options = {
	    .role = FL_ROLE_INGEST, .write = true, .create = true, .map_size = 1 << 20};
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	char *bytes = fl_calloc(1, 100000);
	enum fl_code code = FL_OK;
	uint8_t key[8];
	uint64_t n, kept;

	(void)state;
	assert_int_equal(fl_store_open(path, &options, &store, NULL), FL_OK);
	for (n = 0; code == FL_OK; n++) {
		assert_int_equal(fl_txn_begin_write(store, &txn, NULL), FL_OK);
		fl_key_u64(key, n);
		(void)fl_txn_put(txn, FL_DBI_INGEST_STEPS, key, 8, 7, bytes, 100000, NULL);
		code = fl_txn_commit(&txn, NULL);
	}
	assert_int_equal(code, FL_E_STORE_FULL);
	kept = n - 1;
	assert_true(kept > 0);
	assert_int_equal(fl_txn_begin_write(store, &txn, NULL), FL_OK);
	assert_int_equal(fl_txn_count(txn, FL_DBI_INGEST_STEPS), kept);
	fl_key_u64(key, 0);
	assert_int_equal(fl_txn_del(txn, FL_DBI_INGEST_STEPS, key, 8, NULL), FL_OK);
	assert_int_equal(fl_txn_commit(&txn, NULL), FL_OK);
	free(bytes);
	fl_store_close(&store);
}

/* Overwrites the first place in data.mdb where marker stands. */
static void
damage_file(const char *marker)
{
	char file[160];
	struct fl_buf buf;
	char *at;
	int fd;

	(void)snprintf(file, sizeof(file), "%s/data.mdb", path);
	fl_buf_init(&buf);
	assert_int_equal(fl_file_read(file, 64 << 20, &buf, NULL), FL_OK);
	at = memmem(buf.data, buf.size, marker, strlen(marker));
	assert_non_null(at);
	fd = open(file, O_WRONLY);
	assert_int_equal(pwrite(fd, "#", 1, at - buf.data), 1);
	close(fd);
	fl_buf_fini(&buf);
}

static void
a_damaged_value_is_refused_with_its_key(void **state)
{
	struct fl_store *store = open_as(true);
	struct fl_txn *txn = NULL;
	struct fl_err err = {.code = FL_OK};
	struct fl_cursor *cursor = NULL;
	struct fl_item item;
	const void *value;
	uint8_t key[8];
	size_t size;
	bool found;

	(void)state;
	put_one(store, 0x1234, "one-marked-value", 16);
	fl_store_close(&store);
	damage_file("one-marked-value");
	store = open_as(true);
	assert_int_equal(fl_txn_begin_read(store, &txn, &err), FL_OK);
	fl_key_u64(key, 0x1234);
	assert_int_equal(
	    fl_txn_get(txn, FL_DBI_INGEST_STEPS, key, 8, &found, NULL, &value, &size, &err),
	    FL_E_STORE_DAMAGED);
	assert_non_null(strstr(err.text, "database STEPS key 0x0000000000001234"));
	fl_txn_abort(&txn);
	assert_int_equal(fl_txn_begin_read(store, &txn, &err), FL_OK);
	assert_int_equal(fl_cursor_open(txn, FL_DBI_INGEST_STEPS, &cursor, &err), FL_OK);
	assert_int_equal(fl_cursor_seek(cursor, NULL, 0, &found, &item, &err), FL_E_STORE_DAMAGED);
	fl_txn_abort(&txn);
	fl_store_close(&store);
}

static void
a_cut_or_overwritten_file_is_refused_before_it_is_mapped(void **state)
{
	static const off_t cuts[] = {0, 10, 4096, 5000, 8192, 40000};
	struct fl_store *store = open_as(true);
	struct fl_err err = {.code = FL_OK};
	char file[160], zero[4096] = {0};
	struct fl_buf whole;
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < 20; i++)
		put_one(store, i, zero, sizeof(zero));
	fl_store_close(&store);
	(void)snprintf(file, sizeof(file), "%s/data.mdb", path);
	fl_buf_init(&whole);
	assert_int_equal(fl_file_read(file, 64 << 20, &whole, NULL), FL_OK);
	for (i = 0; i < FL_ARRAY_COUNT(cuts); i++) {
		assert_int_equal(truncate(file, cuts[i]), 0);
		assert_int_equal(try_open(true, &err), FL_E_STORE_DAMAGED);
		fd = open(file, O_WRONLY);
		assert_int_equal(pwrite(fd, whole.data, whole.size, 0), (ssize_t)whole.size);
		close(fd);
	}
	assert_int_equal(try_open(false, &err), FL_OK);
	for (i = 0; i < 2; i++) { /* either meta page */
		fd = open(file, O_WRONLY);
		assert_int_equal(pwrite(fd, zero, 64, (off_t)i * 4096), 64);
		assert_int_equal(try_open(false, &err), FL_E_STORE_DAMAGED);
		assert_int_equal(pwrite(fd, whole.data + i * 4096, 64, (off_t)i * 4096), 64);
		close(fd);
	}
	assert_int_equal(try_open(false, &err), FL_OK);
	fl_buf_fini(&whole);
}

static void
an_interrupted_creation_is_done_again(void **state)
{
	static const char *const points[] = {"create.made", "create.written", "create.renamed",
	    "open.before.ingest", "open.after.ingest"};
	struct fl_store *store;
	size_t i;

	(void)state;
	for (i = 0; i < FL_ARRAY_COUNT(points); i++) {
		char fault[64], cmd[300];
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			(void)snprintf(fault, sizeof(fault), "%s:1:kill", points[i]);
			arm(fault);
			store = open_as(true);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		store = open_as(true);
		put_one(store, 1, "alive", 5);
		fl_store_close(&store);
		(void)snprintf(cmd, sizeof(cmd), "rm -rf %s %s.tmp", path, path);
		assert_int_equal(system(cmd), 0);
	}
}

static void
another_instance_or_role_is_refused(void **state)
{
	struct fl_store_options options = {
	    .role = FL_ROLE_INGEST, .write = true, .create = true, .map_size = 1 << 20};
	struct fl_store *store = NULL;
	struct fl_err err = {.code = FL_OK};

	(void)state;
	fl_uuid_make(&options.instance);
	assert_int_equal(fl_store_open(path, &options, &store, &err), FL_OK);
	fl_store_close(&store);
	fl_uuid_make(&options.instance);
	assert_int_equal(fl_store_open(path, &options, &store, &err), FL_E_STORE_MISMATCH);
	memset(&options.instance, 0, sizeof(options.instance));
	options.role = FL_ROLE_EMIT;
	assert_int_equal(fl_store_open(path, &options, &store, &err), FL_E_STORE_MISMATCH);
	assert_null(store);
	options.create = false;
	(void)snprintf(path, sizeof(path), "%s/absent", dir);
	assert_int_equal(fl_store_open(path, &options, &store, &err), FL_E_NO_SUCH_OBJECT);
}

static void
cursors_walk_in_key_order_and_die_with_their_transaction(void **state)
{
	struct fl_store *store = open_as(true);
	struct fl_txn *txn = NULL;
	struct fl_cursor *cursor = NULL;
	struct fl_item item;
	uint64_t file_size, used_size, map_size, n;
	uint8_t key[8];
	bool found;

	(void)state;
	for (n = 300; n > 0; n -= 3)
		put_one(store, n, &n, sizeof(n));
	assert_int_equal(fl_txn_begin_write(store, &txn, NULL), FL_OK);
	assert_int_equal(fl_cursor_open(txn, FL_DBI_INGEST_STEPS, &cursor, NULL), FL_OK);
	fl_key_u64(key, 7);
	assert_int_equal(fl_cursor_seek(cursor, key, 8, &found, &item, NULL), FL_OK);
	assert_true(found);
	assert_int_equal(fl_key_get_u64(item.key), 9);
	for (n = 9; found; n += 3) {
		assert_int_equal(fl_key_get_u64(item.key), n);
		assert_int_equal(item.size, 8);
		assert_int_equal(fl_cursor_next(cursor, &found, &item, NULL), FL_OK);
	}
	assert_int_equal(n, 303);
	assert_int_equal(fl_cursor_last(cursor, &found, &item, NULL), FL_OK);
	assert_int_equal(fl_key_get_u64(item.key), 300);
	assert_int_equal(fl_txn_commit(&txn, NULL), FL_OK);
	fl_store_size(store, &file_size, &used_size, &map_size);
	assert_true(used_size > 0 && used_size < file_size);
	assert_int_equal(map_size, 64 << 20);
	fl_store_close(&store);
}

static void
a_store_is_taken_away_by_one_who_holds_its_lock(void **state)
{
	struct fl_store *store = open_as(true);
	struct fl_err err = {.code = FL_OK};
	char file[160];
	int fd;

	(void)state;
	put_one(store, 1, "x", 1);
	assert_int_equal(fl_store_lock(path, &fd, &err), FL_E_ALREADY_RUNNING);
	fl_store_close(&store);
	assert_int_equal(fl_store_lock(path, &fd, &err), FL_OK);
	assert_int_equal(try_open(true, &err), FL_E_ALREADY_RUNNING);
	(void)snprintf(file, sizeof(file), "%s.gone", path); /* of an attempt that was killed */
	assert_int_equal(mkdir(file, 0700), 0);
	(void)snprintf(file, sizeof(file), "%s.gone/data.mdb", path);
	close(open(file, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(fl_store_remove(path, &err), FL_OK);
	assert_int_equal(access(path, F_OK), -1);
	(void)snprintf(file, sizeof(file), "%s.gone", path);
	assert_int_equal(access(file, F_OK), -1);
	assert_int_equal(fl_store_remove(path, &err), FL_OK);
	close(fd);
	assert_int_equal(try_open(false, &err), FL_E_NO_SUCH_OBJECT);
	/* What is not a store's stays, and is said. */
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(file, sizeof(file), "%s/mine", path);
	close(open(file, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(fl_store_remove(path, &err), FL_E_IO);
	(void)snprintf(file, sizeof(file), "%s.gone/mine", path);
	assert_int_equal(access(file, F_OK), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(values_of_every_size_come_back_aligned),
	    TEST(a_reserved_value_is_sealed_by_the_next_call),
	    TEST(two_writers_are_impossible),
	    TEST(each_writer_raises_the_generation_and_the_old_one_cannot_write),
	    TEST(a_replaced_lock_file_of_lmdb_is_noticed),
	    TEST(a_replaced_data_file_is_noticed),
	    TEST(a_reader_keeps_its_state_while_the_writer_goes_on),
	    TEST(a_reader_killed_with_9_holds_no_pages),
	    TEST(places_of_dead_readers_are_taken_when_there_is_no_other),
	    TEST(the_file_is_longer_than_what_is_used),
	    TEST(a_failed_transaction_does_nothing_more_and_does_not_commit),
	    TEST(a_forgotten_value_leaves_the_process_and_can_be_read_again),
	    TEST(a_reader_keeps_little_of_a_tree_that_moves),
	    TEST(a_full_map_is_named_and_nothing_is_lost),
	    TEST(a_damaged_value_is_refused_with_its_key),
	    TEST(a_cut_or_overwritten_file_is_refused_before_it_is_mapped),
	    TEST(an_interrupted_creation_is_done_again),
	    TEST(another_instance_or_role_is_refused),
	    TEST(cursors_walk_in_key_order_and_die_with_their_transaction),
	    TEST(a_store_is_taken_away_by_one_who_holds_its_lock),
	};

	return cmocka_run_group_tests_name("shm/store", tests, NULL, NULL);
}
