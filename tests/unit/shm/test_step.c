/* SPDX-License-Identifier: Apache-2.0 */
/* test_step.c - steps, dead letters and cursors: what one program writes, others read. */
#include "shm/step.h"

#include "../unit.h"

#include "shm/dead.h"
#include "shm/pipeline.h"

static struct fl_field fields[] = {{"k", {FL_TYPE_INT, false, 0, 0, 0}}};
static const struct fl_schema schema = {1, fields};

/* A step of two marks and two blocks of 3 and 5 rows; returns its size. */
static size_t
make_step(uint64_t *out, size_t out_size, uint64_t number, uint64_t prev_hash)
{
	struct fl_block_info info = {.stream = 1, .first = 0};
	struct fl_step_head *head = (struct fl_step_head *)out;
	struct fl_mark *marks = (struct fl_mark *)(head + 1);
	struct fl_arena arena;
	struct fl_builder b;
	struct fl_batch batch;
	size_t at;
	int i;

	memset(out, 0, out_size);
	fl_arena_init(&arena);
	fl_builder_init(&b, &schema);
	marks[0] = (struct fl_mark){.kind = FL_MARK_ADDED, .stream = 1};
	marks[1] = (struct fl_mark){.kind = FL_MARK_CAUGHT, .stream = 1, .a = 8, .b = 77};
	at = sizeof(*head) + 2 * sizeof(*marks);
	for (i = 0; i < 8; i++) {
		assert_true(fl_builder_begin(&b));
		fl_builder_set_i32(&b, 0, i);
		fl_builder_commit(&b);
		if (i != 2 && i != 7)
			continue;
		fl_builder_view(&b, &batch, &arena);
		at += fl_block_seal(&batch, &info, (char *)out + at, out_size - at);
		info.first = i + 1;
		fl_builder_reset(&b);
	}
	head->step = number;
	head->clock_ms = 1000;
	head->size = (uint32_t)at;
	head->row_count = 8;
	head->block_count = head->mark_count = 2;
	fl_step_seal(out, prev_hash);
	fl_builder_fini(&b);
	fl_arena_fini(&arena);
	return at;
}

static void
a_step_gives_back_its_marks_and_blocks(void **state)
{
	const struct fl_block_head *block;
	struct fl_step_view view;
	struct fl_err err = {.code = FL_OK};
	uint64_t bytes[256];
	const char *at;
	size_t size;

	(void)state;
	size = make_step(bytes, sizeof(bytes), 1, 0);
	assert_int_equal(fl_step_view(bytes, size, &view, &err), FL_OK);
	assert_int_equal(view.marks[1].b, 77);
	at = view.blocks;
	assert_true(fl_step_next_block(&view, &at, &block));
	assert_int_equal(block->row_count, 3);
	assert_true(fl_step_next_block(&view, &at, &block));
	assert_int_equal(block->row_count, 5);
	assert_false(fl_step_next_block(&view, &at, &block));
}

static void
the_hash_covers_the_step_before(void **state)
{
	uint64_t a[256], b[256];
	const struct fl_step_head *x = (const struct fl_step_head *)a;
	const struct fl_step_head *y = (const struct fl_step_head *)b;

	(void)state;
	(void)make_step(a, sizeof(a), 2, 5);
	(void)make_step(b, sizeof(b), 2, 6);
	assert_int_not_equal(x->hash, y->hash);
	assert_int_equal(x->prev_hash, 5);
}

static void
every_flipped_bit_of_a_step_is_refused(void **state)
{
	struct fl_step_view view;
	uint64_t bytes[256];
	char *p = (char *)bytes;
	size_t size, bit;

	(void)state;
	size = make_step(bytes, sizeof(bytes), 1, 9);
	for (bit = 0; bit < size * 8; bit++) {
		if (bit / 8 >= 6 && bit / 8 < 8)
			continue; /* reserved, before the hashed part */
		p[bit / 8] ^= (char)(1 << bit % 8);
		assert_int_equal(fl_step_view(bytes, size, &view, NULL), FL_E_STORE_DAMAGED);
		p[bit / 8] ^= (char)(1 << bit % 8);
	}
	assert_int_equal(fl_step_view(bytes, size, &view, NULL), FL_OK);
	assert_int_equal(fl_step_view(bytes, size - 8, &view, NULL), FL_E_STORE_DAMAGED);
	assert_int_equal(fl_step_view(bytes, 40, &view, NULL), FL_E_STORE_DAMAGED);
}

static void
a_dead_letter_comes_back_and_a_cut_one_is_refused(void **state)
{
	struct fl_dead dead = {.head = {.code = FL_E_TRUNCATED,
				   .stream = 2,
				   .partition = 3,
				   .reason_size = 5,
				   .key_size = 0,
				   .value_size = 4,
				   .value_full = 4,
				   .flags = 1,
				   .offset = 99},
	    .reason = "short",
	    .value = "\0\1\2\3"};
	struct fl_dead back;
	struct fl_buf buf;

	(void)state;
	fl_buf_init(&buf);
	fl_dead_encode(&dead, &buf);
	assert_int_equal(fl_dead_decode(buf.data, buf.size, &back, NULL), FL_OK);
	assert_int_equal(back.head.offset, 99);
	assert_memory_equal(back.reason, "short", 5);
	assert_memory_equal(back.value, "\0\1\2\3", 4);
	assert_int_equal(fl_dead_decode(buf.data, buf.size - 1, &back, NULL), FL_E_STORE_DAMAGED);
	assert_int_equal(fl_dead_decode(buf.data, 10, &back, NULL), FL_E_STORE_DAMAGED);
	fl_buf_fini(&buf);
}

static void
sink_keys_are_short_and_differ(void **state)
{
	char a[201], b[201];
	uint8_t key[64], other[64];

	(void)state;
	memset(a, 'p', 200);
	memset(b, 'p', 200);
	a[200] = b[200] = '\0';
	b[199] = 'q';
	assert_int_equal(fl_sink_key("flights", "out", key), 11);
	assert_memory_equal(key, "flights\0out", 11);
	assert_int_equal(fl_sink_key(a, "out", key), 55);
	assert_int_equal(fl_sink_key(b, "out", other), 55);
	assert_memory_not_equal(key, other, 55);
}

static void
cursors_of_a_wrong_size_are_refused(void **state)
{
	char dir[64], path[96];
	struct fl_store_options options = {
	    .role = FL_ROLE_INGEST, .write = true, .create = true, .map_size = 16 << 20};
	struct {
		struct fl_ingest_cursor head;
		struct fl_partition_cursor parts[2];
	} value;
	const struct fl_ingest_cursor *cursor;
	const struct fl_partition_cursor *partitions;
	struct fl_step_view view;
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	uint64_t bytes[256];
	uint8_t key[8];
	size_t size;
	bool found = true;

	(void)state;
	make_dir(dir);
	(void)snprintf(path, sizeof(path), "%s/ingest", dir);
	assert_int_equal(fl_store_open(path, &options, &store, NULL), FL_OK);
	assert_int_equal(fl_txn_begin_write(store, &txn, NULL), FL_OK);
	assert_int_equal(fl_ingest_cursor_get(txn, &found, &cursor, &partitions, NULL), FL_OK);
	assert_false(found);
	memset(&value, 0, sizeof(value));
	value.head.partition_count = 2;
	value.parts[1].position = 42;
	(void)fl_txn_put(txn, FL_DBI_INGEST_META, "cursor", 6, 0, &value, sizeof(value), NULL);
	assert_int_equal(fl_ingest_cursor_get(txn, &found, &cursor, &partitions, NULL), FL_OK);
	assert_int_equal(partitions[1].position, 42);
	value.head.partition_count = 3;
	(void)fl_txn_put(txn, FL_DBI_INGEST_META, "cursor", 6, 0, &value, sizeof(value), NULL);
	assert_int_equal(
	    fl_ingest_cursor_get(txn, &found, &cursor, &partitions, NULL), FL_E_STORE_DAMAGED);
	/* A step under another's number. */
	size = make_step(bytes, sizeof(bytes), 7, 0);
	fl_key_u64(key, 7);
	(void)fl_txn_put(txn, FL_DBI_INGEST_STEPS, key, 8, 0, bytes, size, NULL);
	fl_key_u64(key, 8);
	(void)fl_txn_put(txn, FL_DBI_INGEST_STEPS, key, 8, 0, bytes, size, NULL);
	assert_int_equal(fl_step_get(txn, 7, &found, &view, NULL), FL_OK);
	assert_true(found);
	assert_int_equal(fl_step_get(txn, 9, &found, &view, NULL), FL_OK);
	assert_false(found);
	assert_int_equal(fl_step_get(txn, 8, &found, &view, NULL), FL_E_STORE_DAMAGED);
	fl_txn_abort(&txn);
	fl_store_close(&store);
	remove_dir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_step_gives_back_its_marks_and_blocks),
	    cmocka_unit_test(the_hash_covers_the_step_before),
	    cmocka_unit_test(every_flipped_bit_of_a_step_is_refused),
	    cmocka_unit_test(a_dead_letter_comes_back_and_a_cut_one_is_refused),
	    cmocka_unit_test(sink_keys_are_short_and_differ),
	    cmocka_unit_test(cursors_of_a_wrong_size_are_refused),
	};

	return cmocka_run_group_tests_name("shm/step", tests, NULL, NULL);
}
