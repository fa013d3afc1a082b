/* SPDX-License-Identifier: Apache-2.0 */
/* test_emit.c - sinks over an outbox written by hand: order, positions, refusals. */
#include "../unit.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>

#include "outbox.h"

static struct fl_field fields[] = {
	{ "name", { .id = FL_TYPE_VARCHAR, .nullable = true, .length = FL_LENGTH_MAX } },
	{ "n", { .id = FL_TYPE_INT, .nullable = false } },
};
static struct fl_table mem = {
	.name = "mem", .physical = { 2, fields }, .connector = FL_CONNECTOR_TEST, .is_sink = true,
};
static struct fl_table files = {
	.name = "files", .physical = { 2, fields }, .connector = FL_CONNECTOR_FILESYSTEM,
	.format = FL_FORMAT_JSON, .is_sink = true, .sink = 1,
};
static const struct fl_table *sinks[] = { &mem, &files };

static int
setup(void **state)
{
	struct fixture *f = fixture_new("/tmp", sinks, 2);

	snprintf(f->out, sizeof(f->out), "%s/out", f->dir);
	files.path = f->out;
	files.roll_size = 0;
	*state = f;
	return 0;
}

/* One more result block of count rows (name "r<k>", NULL for each seventh; n = k). */
static void
add_block(struct fixture *f, uint32_t sink, uint32_t count)
{
	const struct fl_table *table = f->instance->pipelines[0].plan->sinks[sink];
	struct fl_builder builder;
	struct fl_batch batch;
	struct fl_arena arena;
	char text[32];
	uint32_t i;

	fl_arena_init(&arena);
	fl_builder_init(&builder, &table->physical);
	for (i = 0; i < count; i++) {
		uint64_t k = f->next[sink] + i;

		assert_true(fl_builder_begin(&builder));
		snprintf(text, sizeof(text), "r%" PRIu64, k);
		if (k % 7 != 6)
			fl_builder_set_str(&builder, 0, text, strlen(text));
		fl_builder_set_i32(&builder, 1, (int32_t)k);
		fl_builder_commit(&builder);
	}
	fl_builder_view(&builder, &batch, &arena);
	put_block(f, sink, &batch, NULL);
	fl_builder_fini(&builder);
	fl_arena_fini(&arena);
}

static void
crash(struct fixture *f)
{
	/* A crash writes nothing more: the last store commit must not happen. */
	arm("emit.before_store_commit:1,emit.before_store_commit:2");
	emit_close(&f->emit);
	disarm();
}

static void
expect_lines(struct fixture *f, const char *expected)
{
	struct fl_buf out;

	fl_buf_init(&out);
	emit_test_take(f->emit, "mem", &out);
	assert_string_equal(out.data != NULL ? out.data : "", expected);
	fl_buf_fini(&out);
}

static int
is_part(const struct dirent *entry)
{
	return entry->d_name[0] != '.' || strncmp(entry->d_name, ".part", 5) == 0;
}

/* All parts in the order of their names; *count: how many. */
static void
read_files(struct fixture *f, struct fl_buf *out, int *count)
{
	struct dirent **list = NULL;
	int i, n = scandir(f->out, &list, is_part, alphasort);

	*count = 0;
	for (i = 0; i < n; i++) {
		char path[512];

		assert_int_equal(strncmp(list[i]->d_name, "part-", 5), 0); /* no leftovers */
		snprintf(path, sizeof(path), "%s/%s", f->out, list[i]->d_name);
		struct fl_buf part;
		fl_buf_init(&part);
		OK(fl_file_read(path, 1u << 24, &part, &f->err));
		fl_buf_add(out, part.data != NULL ? part.data : "", part.size);
		fl_buf_fini(&part);
		free(list[i]);
		(*count)++;
	}
	free(list);
}

/* Rows from..to-1 without `gap`, each once and in order. */
static void
expect_files(struct fixture *f, uint64_t from, uint64_t to, uint64_t gap)
{
	struct fl_buf out, expected;
	uint64_t k;
	int count;

	fl_buf_init(&out);
	fl_buf_init(&expected);
	read_files(f, &out, &count);
	for (k = from; k < to; k++) {
		if (k == gap)
			continue;
		if (k % 7 == 6)
			fl_buf_printf(&expected, "{\"name\":null,\"n\":%" PRIu64 "}\n", k);
		else
			fl_buf_printf(&expected, "{\"name\":\"r%" PRIu64 "\",\"n\":%" PRIu64 "}\n", k, k);
	}
	assert_string_equal(out.data != NULL ? out.data : "",
	    expected.data != NULL ? expected.data : "");
	fl_buf_fini(&out);
	fl_buf_fini(&expected);
}
#define NO_GAP UINT64_MAX

static void
get_record(struct fixture *f, const char *sink, struct fl_sink_position *position)
{
	struct fl_store *store;
	struct fl_txn *txn;
	bool found;

	read_emit(f, &store, &txn);
	OK(fl_sink_position_get(txn, "p", sink, &found, position, &f->err));
	assert_true(found);
	fl_txn_abort(&txn);
	fl_store_close(&store);
}

static uint64_t
count_dead(struct fixture *f, struct fl_dead_head *head, char *value, size_t value_size)
{
	char reason[512];

	assert_true(value_size <= sizeof(reason));
	return last_letter(f, head, reason, value, value_size);
}

static void
sum_up(void *ctx, const void *owner, size_t owner_size, uint32_t code, uint64_t count)
{
	assert_int_equal(owner_size, strlen("p") + strlen("files") + 2);
	assert_memory_equal(owner, "p\0files", owner_size);
	assert_int_equal(code, FL_E_SINK_REFUSED);
	*(uint64_t *)ctx += count;
}

/* Letters of "files" that there ever were. */
static uint64_t
count_ever(struct fixture *f)
{
	struct fl_store *store;
	struct fl_txn *txn;
	uint64_t count = 0;

	read_emit(f, &store, &txn);
	OK(fl_dead_count_each(txn, FL_DBI_EMIT_COUNTS, NULL, 0, sum_up, &count, &f->err));
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return count;
}

/* ---- the claims ---- */

static void
rows_come_out_in_order_and_once(void **state)
{
	struct fixture *f = *state;

	add_block(f, 0, 2);
	add_block(f, 0, 1);
	start(f);
	run_idle(f);
	expect_lines(f, "+I[r0, 0]\n+I[r1, 1]\n+I[r2, 2]\n");
	add_block(f, 0, 4);
	run_idle(f);
	expect_lines(f, "+I[r3, 3]\n+I[r4, 4]\n+I[r5, 5]\n+I[null, 6]\n");
	crash(f);
	start(f);
	run_idle(f);
	expect_lines(f, "");
}

static void
a_sink_waits_for_a_store_that_does_not_exist_yet(void **state)
{
	struct fixture *f = *state;
	char path[256], away[300];
	bool worked, done;

	fl_store_close(&f->store);
	fl_instance_path(f->instance, FL_ROLE_PIPELINE, "p", path, sizeof(path));
	snprintf(away, sizeof(away), "%s.away", path);
	assert_int_equal(rename(path, away), 0);
	start(f);
	OK(emit_step(f->emit, f->now_ms, &worked, &done, &f->err));
	assert_false(worked);
	assert_false(done);
	assert_int_equal(rename(away, path), 0);
	open_store(f);
	add_block(f, 0, 1);
	run_idle(f);
	expect_lines(f, "+I[r0, 0]\n");
}

static void
done_when_the_pipeline_is_finished_and_all_is_confirmed(void **state)
{
	struct fixture *f = *state;

	add_block(f, 0, 1);
	start(f);
	assert_false(run_idle(f));
	f->finished = true;
	write_cursor(f);
	assert_true(run_idle(f));
}

/* The next count rows of "files" are those of a window that closed. */
static void
add_window(struct fixture *f, int64_t end, uint32_t count, uint32_t block)
{
	struct fl_window_closed closed = { .end = end, .first = f->next[1], .row_count = count, .sink = 1 };
	struct fl_txn *txn = NULL;
	uint8_t key[12];

	fl_key_u32(key, 1);
	fl_key_u64(key + 4, (uint64_t)end ^ (UINT64_C(1) << 63));
	OK(fl_txn_begin_write(f->store, &txn, &f->err));
	OK(fl_txn_put(txn, FL_DBI_PIPELINE_WINDOWS, key, sizeof(key), 0, &closed, sizeof(closed), &f->err));
	OK(fl_txn_commit(&txn, &f->err));
	for (uint32_t n = 0; n < count; n += block)
		add_block(f, 1, FL_MIN(block, count - n));
}

/* "0-22 23-27": the rows of each part. */
static void
expect_parts(struct fixture *f, const char *expected)
{
	struct dirent **list = NULL;
	int n = scandir(f->out, &list, is_part, alphasort);
	char text[512] = "";

	for (int i = 0; i < n; i++) {
		uint64_t first, last;
		size_t at = strlen(text);

		assert_int_equal(sscanf(list[i]->d_name, "part-%*8[0-9a-f]-%" SCNu64 "-%" SCNu64, &first, &last), 2);
		snprintf(text + at, sizeof(text) - at, "%s%" PRIu64 "-%" PRIu64, at > 0 ? " " : "", first, last);
		free(list[i]);
	}
	free(list);
	assert_string_equal(text, expected);
}

static void
a_part_ends_at_its_size_but_not_inside_a_window(void **state)
{
	struct fixture *f = *state;

	files.roll_size = 100; /* four or five rows */
	add_block(f, 1, 7);
	add_window(f, 60, 20, 3);
	add_window(f, 120, 2, 2);
	add_window(f, 180, 2, 1);
	add_window(f, 240, 5, 5);
	start(f);
	run_idle(f);
	expect_parts(f, "0-4 5-26 27-35");
	expect_files(f, 0, 36, NO_GAP);
}

static void
a_window_of_any_size_is_one_part(void **state)
{
	struct fixture *f = *state;

	files.roll_size = 1000;
	add_window(f, 60, 150000, 20000); /* 4 MB */
	add_window(f, 120, 10, 10);
	start(f);
	run_idle(f);
	expect_parts(f, "0-149999 150000-150009");
	expect_files(f, 0, 150010, NO_GAP);
}

static void
without_a_size_all_that_is_there_is_one_part(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 3; i++)
		add_block(f, 1, 20000);
	start(f);
	run_idle(f);
	expect_parts(f, "0-59999");
	add_block(f, 1, 1);
	run_idle(f);
	expect_parts(f, "0-59999 60000-60000");
	expect_files(f, 0, 60001, NO_GAP);
}

/* In the midst of the run, when some of it has left the memory; and at its end. */
static void
a_part_that_cannot_be_written_is_begun_anew(void **state)
{
	struct fixture *f = *state;
	bool worked, done;

	add_window(f, 60, 150000, 20000);
	start(f);
	for (int n = 1; n < 7; n++) {
		char point[32];

		snprintf(point, sizeof(point), "emit.before_append:%d", n);
		arm(point);
		f->now_ms += 20000;
		OK(emit_step(f->emit, f->now_ms, &worked, &done, &f->err));
		expect_parts(f, n < 5 ? "" : "0-149999"); /* it takes four */
	}
	run_idle(f);
	expect_parts(f, "0-149999");
	expect_files(f, 0, 150000, NO_GAP);
}

static void
a_position_inside_a_block_is_found(void **state)
{
	struct fixture *f = *state;
	int i;

	for (i = 0; i < 40; i++)
		add_block(f, 1, 1 + (uint32_t)(i * 7 % 11));
	start(f);
	run_idle(f);
	expect_files(f, 0, f->next[1], NO_GAP);
	/* A part that ends in the middle of a block, as another row limit makes it. */
	emit_close(&f->emit);
	DIR *dir = opendir(f->out);
	struct dirent *entry;
	char path[512], renamed[512];
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", f->out, entry->d_name);
		snprintf(renamed, sizeof(renamed), "%s/%.14s000000000000-000000000101.json", f->out,
		    entry->d_name);
		assert_int_equal(rename(path, renamed), 0);
		assert_int_equal(truncate(renamed, 0), 0);
	}
	closedir(dir);
	start(f);
	run_idle(f);
	expect_files(f, 102, f->next[1], NO_GAP);
}

static void
the_listing_is_the_cursor_when_the_store_was_not_written(void **state)
{
	struct fixture *f = *state;
	bool worked, done;

	add_block(f, 1, 5);
	start(f);
	/* The first commit of emit's store is that of opening the files; the fault hits
	 * the one after the rename. */
	arm("emit.after_rename:1");
	OK(emit_step(f->emit, f->now_ms, &worked, &done, &f->err));
	crash(f);
	start(f);
	add_block(f, 1, 3);
	run_idle(f);
	expect_files(f, 0, 8, NO_GAP);
}

static void
a_part_cut_off_before_the_rename_is_written_again(void **state)
{
	struct fixture *f = *state;
	bool worked, done;

	add_block(f, 1, 5);
	start(f);
	arm("emit.before_rename:1");
	OK(emit_step(f->emit, f->now_ms, &worked, &done, &f->err));
	crash(f);
	expect_files(f, 0, 0, NO_GAP);
	start(f);
	run_idle(f);
	expect_files(f, 0, 5, NO_GAP);
}

static void
an_unknown_rename_is_looked_up_without_a_restart(void **state)
{
	struct fixture *f = *state;

	add_block(f, 1, 5);
	start(f);
	arm("emit.after_rename:1");
	run_idle(f);
	add_block(f, 1, 5);
	run_idle(f);
	expect_files(f, 0, 10, NO_GAP);
}

static void
a_cleared_directory_gets_only_new_rows(void **state)
{
	struct fixture *f = *state;
	int count;
	struct fl_buf out;

	add_block(f, 1, 5);
	start(f);
	run_idle(f);
	emit_close(&f->emit);
	remove_dir(f->out);
	add_block(f, 1, 2);
	start(f);
	run_idle(f);
	expect_files(f, 5, 7, NO_GAP);
	fl_buf_init(&out);
	read_files(f, &out, &count);
	assert_int_equal(count, 1);
	fl_buf_fini(&out);
}

/* As the program runs it, with a thread: no write at an orderly end, and no time for one. */
static void
rows_of_a_directory_cleared_after_a_kill_are_not_written_again(void **state)
{
	struct fixture *f = *state;
	bool worked;

	start(f);
	f->emit->has_threads = true;
	for (int i = 0; i < 3; i++) {
		add_block(f, 1, 5);
		OK(emit_sink_turn(&f->emit->sinks[1], f->now_ms, &worked, &f->err));
		assert_true(worked);
	}
	crash(f);
	remove_dir(f->out);
	add_block(f, 1, 2);
	start(f);
	run_idle(f);
	expect_files(f, 15, 17, NO_GAP);
}

static void
a_refused_row_is_dead_lettered_before_it_is_passed(void **state)
{
	struct fixture *f = *state;
	struct fl_sink_position position;
	struct fl_dead_head head;
	char value[128] = "";
	bool worked, done;

	add_block(f, 1, 4);
	start(f);
	arm("emit.refuse:3,emit.before_rename:1");
	OK(emit_step(f->emit, f->now_ms, &worked, &done, &f->err));
	/* The transaction did not come about, the dead letter is there already. */
	assert_int_equal(count_dead(f, &head, value, sizeof(value)), 1);
	assert_int_equal(head.offset, 2);
	assert_int_equal(head.code, FL_E_SINK_REFUSED);
	assert_string_equal(value, "{\"name\":\"r2\",\"n\":2}");
	crash(f);
	start(f);
	arm("emit.refuse:3");
	run_idle(f);
	expect_files(f, 0, 4, 2);
	assert_int_equal(count_dead(f, &head, value, sizeof(value)), 1);
	get_record(f, "files", &position);
	assert_int_equal(position.next, 4);
	assert_int_equal(position.dead, 1);
	assert_int_equal(count_ever(f), 1);
}

/* Both sinks are opened by a commit each; none comes after the dead letter's. */
static void
a_dead_letter_is_counted_although_nothing_is_stored_after_it(void **state)
{
	struct fixture *f = *state;
	struct fl_sink_position position;
	struct fl_dead_head head;
	char value[128] = "";
	bool worked, done;

	add_block(f, 1, 4);
	start(f);
	arm("emit.refuse:3,emit.before_store_commit:3,emit.before_store_commit:4,"
	    "emit.before_store_commit:5,emit.before_store_commit:6,emit.before_store_commit:7");
	OK(emit_step(f->emit, f->now_ms, &worked, &done, &f->err));
	emit_close(&f->emit);
	arm("");
	start(f);
	run_idle(f);
	expect_files(f, 0, 4, 2);
	assert_int_equal(count_dead(f, &head, value, sizeof(value)), 1);
	get_record(f, "files", &position);
	assert_int_equal(position.dead, 1);
	assert_int_equal(count_ever(f), 1);
}

/* Its rows have the numbers of the old one's. */
/* A row of "files" on its way back, while no program runs; it stands under a row's number. */
static void
put_return(struct fixture *f, uint64_t row)
{
	struct fl_store_options options = { .role = FL_ROLE_EMIT, .write = true, .instance = f->instance->uuid };
	struct fl_return head = { .store = fl_store_meta(f->store)->store, .command = 7 };
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	uint8_t key[80], value[64] = { 0 };
	size_t size = fl_sink_owner("p", "files", key);
	char path[256];

	fl_key_u64(key + size, row);
	memcpy(value, &head, sizeof(head));
	fl_instance_path(f->instance, FL_ROLE_EMIT, NULL, path, sizeof(path));
	OK(fl_store_open(path, &options, &store, &f->err));
	OK(fl_txn_begin_write(store, &txn, &f->err));
	OK(fl_txn_put(txn, FL_DBI_EMIT_RETURNS, key, size + 8, 0, value, sizeof(value), &f->err));
	OK(fl_txn_commit(&txn, &f->err));
	fl_store_close(&store);
}

static uint64_t
count_returns(struct fixture *f)
{
	struct fl_store_options options = { .role = FL_ROLE_EMIT };
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	char path[256];
	uint64_t count;

	fl_instance_path(f->instance, FL_ROLE_EMIT, NULL, path, sizeof(path));
	OK(fl_store_open(path, &options, &store, &f->err));
	OK(fl_txn_begin_read(store, &txn, &f->err));
	count = fl_txn_count(txn, FL_DBI_EMIT_RETURNS);
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return count;
}

static void
a_sink_is_not_done_while_a_row_is_on_its_way_back(void **state)
{
	struct fixture *f = *state;
	struct fl_dead_head head;
	char value[128] = "";

	f->finished = 1;
	add_block(f, 1, 4);
	start(f);
	arm("emit.refuse:3");
	assert_true(run_idle(f));
	emit_close(&f->emit);
	put_return(f, 2);
	start(f);
	assert_false(run_idle(f));
	/* What aggregate's cursor says of another command is not about it. */
	f->returns = 6;
	add_block(f, 1, 1);
	assert_false(run_idle(f));
	assert_int_equal(count_dead(f, &head, value, sizeof(value)), 1);
	f->returns = 7;
	add_block(f, 1, 1);
	assert_true(run_idle(f));
	assert_int_equal(count_dead(f, &head, value, sizeof(value)), 0);
	assert_int_equal(count_returns(f), 0);
	assert_int_equal(count_ever(f), 1);
}

/* The row is going to be tried again in its old place: both would arrive. */
static void
a_letter_whose_row_the_sink_has_not_passed_is_not_replayed(void **state)
{
	struct fl_store_options options = {
		.role = FL_ROLE_CATALOG, .write = true, .create = true, .instance = ((struct fixture *)*state)->instance->uuid
	};
	struct fixture *f = *state;
	struct fl_dead_head head;
	char value[128] = "", path[256];
	uint8_t key[80];
	size_t size = fl_sink_owner("p", "files", key);
	bool worked, done;
	struct fl_buf json;

	snprintf(path, sizeof(path), "%s/flight.d/catalog", f->dir);
	OK(fl_store_open(path, &options, &f->instance->catalog, &f->err));
	fl_buf_init(&json);
	add_block(f, 1, 4);
	start(f);
	arm("emit.refuse:3,emit.before_rename:1,emit.before_rename:2");
	for (uint64_t round = 0; round < 2; round++) {
		if (round == 1)
			(void)run_idle(f); /* the sink goes past it */
		else
			OK(emit_step(f->emit, f->now_ms, &worked, &done, &f->err));
		assert_int_equal(count_dead(f, &head, value, sizeof(value)), 1);
		fl_buf_reset(&json);
		fl_buf_str(&json, "{\"letters\":[{");
		fl_key_u64(key + size, 2);
		fl_dead_name_print(key, size + 8, head.clock_ms, &json);
		fl_buf_str(&json, "}]}");
		OK(fl_command_put(f->instance, "emit", "dead-replay", json.data, NULL, &f->err));
		f->now_ms += 1000;
		OK(emit_step(f->emit, f->now_ms, &worked, &done, &f->err));
		assert_int_equal(count_returns(f), round);
	}
	fl_buf_fini(&json);
	fl_store_close(&f->instance->catalog);
}

static void
letters_of_another_store_of_the_pipeline_stand_in_nobody_s_way(void **state)
{
	struct fixture *f = *state;
	struct fl_sink_position position;
	struct fl_dead_head head;
	char value[128] = "", path[256];

	add_block(f, 1, 4);
	start(f);
	arm("emit.refuse:2,emit.refuse:3");
	run_idle(f);
	assert_int_equal(count_dead(f, &head, value, sizeof(value)), 2);
	assert_int_equal(count_ever(f), 2);
	emit_close(&f->emit);
	put_return(f, 1);
	fl_store_close(&f->store);
	fl_instance_path(f->instance, FL_ROLE_PIPELINE, "p", path, sizeof(path));
	remove_dir(path);
	open_store(f);
	f->next[1] = 0;
	f->returns = 7;
	add_block(f, 1, 2);
	start(f);
	arm("emit.refuse:2");
	run_idle(f);
	assert_int_equal(count_dead(f, &head, value, sizeof(value)), 1);
	get_record(f, "files", &position);
	assert_int_equal(position.dead, 1);
	assert_int_equal(count_ever(f), 1);
	assert_int_equal(head.offset, 1);
	assert_int_equal(count_returns(f), 0);
}

static void
dead_letters_beyond_their_quota_keep_all_but_the_row(void **state)
{
	struct fixture *f = *state;
	struct fl_store_options options = {
		.role = FL_ROLE_CATALOG, .write = true, .create = true, .instance = f->instance->uuid
	};
	struct fl_dead_head head;
	char value[128] = "", path[128];

	snprintf(path, sizeof(path), "%s/flight.d/catalog", f->dir);
	OK(fl_store_open(path, &options, &f->instance->catalog, &f->err));
	OK(fl_instance_set(f->instance, "emit.dead-quota-bytes", "100", &f->err));
	add_block(f, 1, 4);
	start(f);
	arm("emit.refuse:2,emit.refuse:4");
	run_idle(f);
	fl_store_close(&f->instance->catalog);
	/* The first fills the quota; the last one is what count_dead() shows. */
	assert_int_equal(count_dead(f, &head, value, sizeof(value)), 2);
	assert_int_equal(head.offset, 3);
	assert_int_equal(head.value_size, 0);
	assert_int_equal(head.value_full, strlen("{\"name\":\"r3\",\"n\":3}"));
	assert_true(head.reason_size > 0);
}

static void
the_row_that_a_sink_refuses_in_a_run_is_singled_out(void **state)
{
	struct fixture *f = *state;
	struct fl_dead_head head;
	char value[128] = "";

	add_block(f, 0, 8);
	start(f);
	/* Refused as a whole, then the first half, then its half, then row 0 alone. */
	arm("emit.test.refuse:1,emit.test.refuse:2,emit.test.refuse:3,emit.test.refuse:4");
	run_idle(f);
	expect_lines(f, "+I[r1, 1]\n+I[r2, 2]\n+I[r3, 3]\n+I[r4, 4]\n+I[r5, 5]\n+I[null, 6]\n+I[r7, 7]\n");
	assert_int_equal(count_dead(f, &head, value, sizeof(value)), 1);
	assert_int_equal(head.offset, 0);
}

/* ---- a sink that keeps its position, which expires when nobody renews it ---- */

static struct {
	struct fl_sink_position position;
	bool is_known, is_away;
	int refreshes, opens;
} kept;

static enum fl_code
kept_open(struct emit_sink *sink, bool *known, struct fl_sink_position *position, struct fl_err *err)
{
	(void)sink;
	(void)err;
	kept.opens++;
	*known = kept.is_known;
	*position = kept.position;
	return FL_OK;
}

static enum fl_code
kept_deliver(struct emit_sink *sink, struct emit_run *run, bool *open_again, struct fl_err *err)
{
	(void)open_again;
	(void)err;
	kept.position = sink->position;
	kept.position.next = run->next;
	return FL_OK;
}

static enum fl_code
kept_refresh(struct emit_sink *sink, bool *open_again, struct fl_err *err)
{
	kept.refreshes++;
	if (kept.is_away) {
		*open_again = true;
		return FL_FAIL(err, FL_E_IO, "away");
	}
	kept.position = sink->position;
	kept.is_known = true;
	return FL_OK;
}

static void
kept_close(struct emit_sink *sink)
{
	(void)sink;
}

static const struct emit_sink_ops kept_ops = {
	.name = "kept",
	.expires = true,
	.open = kept_open,
	.encode = emit_encode_text,
	.deliver = kept_deliver,
	.refresh = kept_refresh,
	.close = kept_close,
};

static void
turns(struct fixture *f)
{
	bool worked, done;

	for (int i = 0; i < 3; i++)
		OK(emit_step(f->emit, f->now_ms, &worked, &done, &f->err));
}

static void
the_position_of_an_idle_sink_is_renewed_once_a_day(void **state)
{
	struct fixture *f = *state;

	memset(&kept, 0, sizeof(kept));
	add_block(f, 0, 2);
	start(f);
	f->emit->sinks[0].ops = &kept_ops;
	turns(f);
	assert_int_equal(kept.position.next, 2);
	assert_int_equal(kept.refreshes, 1); /* the first: "nothing is there yet" */
	f->now_ms += EMIT_REFRESH_MS - 1;
	turns(f);
	assert_int_equal(kept.refreshes, 1);
	f->now_ms += 1;
	turns(f);
	assert_int_equal(kept.refreshes, 2);
	f->now_ms += EMIT_REFRESH_MS / 2; /* rows renew it as well */
	add_block(f, 0, 1);
	turns(f);
	f->now_ms += EMIT_REFRESH_MS - 1;
	turns(f);
	assert_int_equal(kept.refreshes, 2);
	assert_int_equal(kept.position.next, 3);
	assert_int_equal(kept.opens, 1);
	/* One that fails is tried again, by a new connection. */
	kept.is_away = true;
	f->now_ms += 1;
	turns(f);
	kept.is_away = false;
	f->now_ms += EMIT_REFRESH_MS;
	turns(f);
	turns(f);
	assert_int_equal(kept.opens, 2);
	assert_int_equal(kept.position.next, 3);
	f->now_ms += EMIT_REFRESH_MS;
	turns(f);
	assert_int_equal(kept.refreshes, 4);
	f->emit->sinks[0].ops = &emit_sink_test;
}

/* An expired position of a sink that was at rest is the one that emit's store has. */
static void
an_expired_position_of_a_settled_sink_is_written_again(void **state)
{
	struct fixture *f = *state;

	memset(&kept, 0, sizeof(kept));
	add_block(f, 0, 2);
	start(f);
	f->emit->sinks[0].ops = &kept_ops;
	turns(f);
	emit_close(&f->emit);
	memset(&kept, 0, sizeof(kept));
	add_block(f, 0, 1);
	start(f);
	f->emit->sinks[0].ops = &kept_ops;
	turns(f);
	assert_int_equal(kept.refreshes, 1);
	assert_int_equal(kept.position.next, 3);
	f->emit->sinks[0].ops = &emit_sink_test;
}

/* One at work is not: rows may be in the sink that nobody knows of. */
static void
an_expired_position_of_a_sink_at_work_stops_it(void **state)
{
	struct fixture *f = *state;
	struct fl_sink_position position;
	bool worked;

	memset(&kept, 0, sizeof(kept));
	add_block(f, 0, 2);
	start(f);
	f->emit->sinks[0].ops = &kept_ops;
	f->emit->has_threads = true;
	OK(emit_sink_turn(&f->emit->sinks[0], f->now_ms, &worked, &f->err));
	assert_int_equal(kept.position.next, 2);
	crash(f);
	memset(&kept, 0, sizeof(kept));
	start(f);
	f->emit->sinks[0].ops = &kept_ops;
	turns(f);
	assert_int_equal(kept.refreshes, 0);
	get_record(f, "mem", &position);
	assert_int_equal(position.state, EMIT_STOPPED);
	assert_non_null(strstr(position.error, "SINK_UNKNOWN"));
	f->emit->sinks[0].ops = &emit_sink_test;
}

/* A copy of the store that is older than what wrote into the sink. */
static void
a_position_of_a_later_generation_stops_the_sink(void **state)
{
	struct fixture *f = *state;
	struct fl_sink_position position;

	memset(&kept, 0, sizeof(kept));
	add_block(f, 0, 2);
	start(f);
	f->emit->sinks[0].ops = &kept_ops;
	turns(f);
	emit_close(&f->emit);
	kept.position.generation++;
	start(f);
	f->emit->sinks[0].ops = &kept_ops;
	turns(f);
	get_record(f, "mem", &position);
	assert_int_equal(position.state, EMIT_STOPPED);
	assert_non_null(strstr(position.error, "SINK_AHEAD"));
	f->emit->sinks[0].ops = &emit_sink_test;
}

static void
a_waiting_sink_shows_why_and_stops_no_other(void **state)
{
	struct fixture *f = *state;
	struct fl_sink_position position;
	bool worked, done;

	add_block(f, 0, 2);
	add_block(f, 1, 2);
	start(f);
	arm("emit.test.away:1");
	OK(emit_step(f->emit, f->now_ms, &worked, &done, &f->err));
	get_record(f, "mem", &position);
	assert_int_equal(position.state, 1);
	assert_non_null(strstr(position.error, "IO"));
	assert_int_equal(position.next, 0);
	get_record(f, "files", &position);
	assert_int_equal(position.next, 2);
	run_idle(f);
	expect_lines(f, "+I[r0, 0]\n+I[r1, 1]\n");
	get_record(f, "mem", &position);
	assert_int_equal(position.state, 0);
	assert_string_equal(position.error, "");
	assert_int_equal(position.next, 2);
}

static void
a_sink_ahead_of_the_outbox_stops_alone(void **state)
{
	struct fixture *f = *state;
	struct fl_sink_position position;
	bool worked, done;

	add_block(f, 1, 5);
	start(f);
	run_idle(f);
	emit_close(&f->emit);
	f->next[1] = 3; /* an older store */
	add_block(f, 0, 1);
	start(f);
	OK(emit_step(f->emit, f->now_ms, &worked, &done, &f->err));
	run_idle(f);
	expect_lines(f, "+I[r0, 0]\n");
	/* Nobody is left once the other one is done. */
	f->finished = true;
	write_cursor(f);
	while (emit_step(f->emit, f->now_ms, &worked, &done, &f->err) == FL_OK)
		assert_false(done);
	assert_int_equal(f->err.code, FL_E_SINK_AHEAD);
	assert_int_equal(fl_code_exit(f->err.code), 78);
	get_record(f, "files", &position);
	assert_int_equal(position.next, 5);
}

static void
a_position_before_the_oldest_kept_row_stops(void **state)
{
	struct fixture *f = *state;
	bool worked, done;

	add_block(f, 0, 5);
	f->first[0] = f->first[1] = 3;
	add_block(f, 1, 5);
	start(f);
	assert_int_equal(emit_step(f->emit, f->now_ms, &worked, &done, &f->err), FL_E_OUTBOX_TRIMMED);
}

static void
a_new_store_starts_at_row_0(void **state)
{
	struct fixture *f = *state;
	char path[256];

	add_block(f, 0, 2);
	add_block(f, 1, 2);
	start(f);
	run_idle(f);
	expect_lines(f, "+I[r0, 0]\n+I[r1, 1]\n");
	emit_close(&f->emit);
	fl_store_close(&f->store);
	fl_instance_path(f->instance, FL_ROLE_PIPELINE, "p", path, sizeof(path));
	remove_dir(path);
	open_store(f);
	f->next[0] = f->next[1] = 0;
	add_block(f, 0, 1);
	start(f);
	run_idle(f);
	expect_lines(f, "+I[r0, 0]\n");
}

static void
a_gap_in_the_outbox_is_not_passed(void **state)
{
	struct fixture *f = *state;
	bool worked, done;

	add_block(f, 0, 2);
	f->next[0] += 1;
	f->next[1] = 1;
	add_block(f, 0, 2);
	start(f);
	assert_int_equal(emit_step(f->emit, f->now_ms, &worked, &done, &f->err), FL_E_STORE_DAMAGED);
}

/* They wait for half a second at a time. */
static void
closing_rings_for_the_threads_that_wait_for_aggregate(void **state)
{
	struct fixture *f = *state;
	struct fl_bells *bells = NULL;
	struct fl_err err = { .code = FL_OK };
	uint32_t before;

	assert_int_equal(fl_bells_open(f->instance, &bells, &err), FL_OK);
	assert_int_equal(emit_open(f->instance, &f->emit, &err), FL_OK);
	f->emit->has_threads = true;
	before = fl_bell_read(bells, FL_BELL_AGGREGATE);
	emit_close(&f->emit);
	assert_int_equal(fl_bell_read(bells, FL_BELL_AGGREGATE), before + 1);
	fl_bells_close(&bells);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(rows_come_out_in_order_and_once),
		TEST(a_sink_waits_for_a_store_that_does_not_exist_yet),
		TEST(done_when_the_pipeline_is_finished_and_all_is_confirmed),
		TEST(a_part_ends_at_its_size_but_not_inside_a_window),
		TEST(a_window_of_any_size_is_one_part),
		TEST(without_a_size_all_that_is_there_is_one_part),
		TEST(a_part_that_cannot_be_written_is_begun_anew),
		TEST(a_position_inside_a_block_is_found),
		TEST(the_listing_is_the_cursor_when_the_store_was_not_written),
		TEST(a_part_cut_off_before_the_rename_is_written_again),
		TEST(an_unknown_rename_is_looked_up_without_a_restart),
		TEST(a_cleared_directory_gets_only_new_rows),
		TEST(rows_of_a_directory_cleared_after_a_kill_are_not_written_again),
		TEST(a_refused_row_is_dead_lettered_before_it_is_passed),
		TEST(a_dead_letter_is_counted_although_nothing_is_stored_after_it),
		TEST(a_sink_is_not_done_while_a_row_is_on_its_way_back),
		TEST(a_letter_whose_row_the_sink_has_not_passed_is_not_replayed),
		TEST(letters_of_another_store_of_the_pipeline_stand_in_nobody_s_way),
		TEST(dead_letters_beyond_their_quota_keep_all_but_the_row),
		TEST(the_row_that_a_sink_refuses_in_a_run_is_singled_out),
		TEST(the_position_of_an_idle_sink_is_renewed_once_a_day),
		TEST(an_expired_position_of_a_settled_sink_is_written_again),
		TEST(an_expired_position_of_a_sink_at_work_stops_it),
		TEST(a_position_of_a_later_generation_stops_the_sink),
		TEST(a_waiting_sink_shows_why_and_stops_no_other),
		TEST(a_sink_ahead_of_the_outbox_stops_alone),
		TEST(a_position_before_the_oldest_kept_row_stops),
		TEST(a_new_store_starts_at_row_0),
		TEST(a_gap_in_the_outbox_is_not_passed),
		TEST(closing_rings_for_the_threads_that_wait_for_aggregate),
	};

	return cmocka_run_group_tests_name("emit/emit", tests, NULL, NULL);
}
