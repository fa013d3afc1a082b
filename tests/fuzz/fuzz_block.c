/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_block.c - views of blocks and steps over bytes that nobody sealed.
 *
 * First byte: 0 raw block, 1 raw step (its hash repaired), else patches over a sound
 * block: three bytes each, place (16 bits) and value.  Patches get past the hash of
 * the columns, which raw bytes never would.
 */
#include "shm/step.h"
#include "fuzz.h"

static struct fl_field fields[] = {
    {"b", {FL_TYPE_BOOLEAN, true, 0, 0, 0}},
    {"i", {FL_TYPE_INT, true, 0, 0, 0}},
    {"l", {FL_TYPE_BIGINT, false, 0, 0, 0}},
    {"n", {FL_TYPE_DECIMAL, true, 20, 2, 0}},
    {"v", {FL_TYPE_VARCHAR, true, 0, 0, FL_LENGTH_MAX}},
    {"c", {FL_TYPE_CHAR, true, 0, 0, 3}},
    {"ts", {FL_TYPE_TIMESTAMP, true, 3, 0, 0}},
    {"ai", {.id = FL_TYPE_ARRAY, .nullable = true, .element = FL_TYPE_INT}},
    {"as", {.id = FL_TYPE_ARRAY, .element = FL_TYPE_VARCHAR, .length = FL_LENGTH_MAX}},
};
static const struct fl_schema schema = {FL_ARRAY_COUNT(fields), fields};

static volatile uint64_t sink;

static uint64_t
read_array(const struct fl_type *type, const char *p, uint32_t size)
{
	struct fl_array array;
	uint64_t sum = 0;
	uint32_t n;

	if (!fl_array_view(type, p, size, &array))
		abort();
	for (uint32_t i = 0; i < array.count; i++) {
		const char *q = fl_array_at(&array, i, &n);

		for (sum += fl_array_is_null(&array, i); n > 0; n--)
			sum += (uint8_t)q[n - 1];
	}
	return sum;
}

static void
read_view(const struct fl_block_view *view)
{
	uint64_t sum = 0;
	uint32_t c, r, i;

	for (r = 0; r < view->batch.row_count; r++)
		sum +=
		    (uint64_t)fl_block_offset(view, r) + (view->kinds != NULL ? view->kinds[r] : 0);
	for (c = 0; c < schema.count; c++) {
		const struct fl_col *col = &view->batch.cols[c];
		uint32_t width = fl_type_width(col->type.id), size;

		for (r = 0; r < view->batch.row_count; r++) {
			sum += fl_col_is_valid(col, r);
			if (width > 0) {
				sum += ((const uint8_t *)col->data)[(size_t)r * width + width - 1];
				continue;
			}
			const char *p = fl_col_str(col, r, &size);

			for (i = 0; i < size; i++)
				sum += (uint8_t)p[i];
			if (col->type.id == FL_TYPE_ARRAY && fl_col_is_valid(col, r))
				sum += read_array(&col->type, p, size);
		}
	}
	sink = sum;
}

static void
view_block(const void *bytes, size_t size)
{
	struct fl_block_view view;
	struct fl_arena arena;
	struct fl_err err;

	fl_arena_init(&arena);
	if (fl_block_view(bytes, size, &schema, &arena, &view, &err) == FL_OK)
		read_view(&view);
	fl_arena_fini(&arena);
}

static void
view_step(void *bytes, size_t size)
{
	const struct fl_block_head *block;
	struct fl_step_head *head = bytes;
	struct fl_step_view view;
	struct fl_err err;
	const char *at;

	if (size >= sizeof(*head) && head->size == size && (size & 7) == 0)
		fl_step_seal(bytes, head->prev_hash);
	if (fl_step_view(bytes, size, &view, &err) != FL_OK)
		return;
	for (uint32_t i = 0; i < view.head->mark_count; i++)
		sink = view.marks[i].kind;
	for (at = view.blocks; fl_step_next_block(&view, &at, &block);)
		view_block(block, block->size);
}

/* A sound block of 70 rows with NULLs, offsets and kinds. */
static size_t
make_block(char **out)
{
	struct fl_block_info info = {.stream = 1};
	uint32_t deltas[70];
	uint8_t kinds[70];
	struct fl_arena arena;
	struct fl_builder b;
	struct fl_batch batch;
	size_t max, size;
	uint32_t r;

	fl_arena_init(&arena);
	fl_builder_init(&b, &schema);
	for (r = 0; r < 70; r++) {
		char decimal[16] = {(char)r};

		(void)fl_builder_begin(&b);
		fl_builder_set_raw(&b, 0, r % 2 == 0 ? "\1" : "\0");
		if (r % 3 != 0)
			fl_builder_set_i32(&b, 1, (int32_t)r);
		fl_builder_set_i64(&b, 2, 7);
		fl_builder_set_raw(&b, 3, decimal);
		fl_builder_set_str(&b, 4, "abcdefghij", r % 10);
		fl_builder_set_str(&b, 5, "xyz", 3);
		fl_builder_set_i64(&b, 6, (int64_t)r * 1000);
		if (r % 4 != 0)
			fl_builder_set_str(&b, 7, "\1\0\0\0\0\0\0\0\0\1\5\0\0\0", 14);
		fl_builder_set_str(&b, 8, "ab\2\0\0\0\2\0\0\0\2\0\0\0\0\1\0\7\0\0\0", 21);
		fl_builder_commit(&b);
		deltas[r] = r * 2;
		kinds[r] = r & 3;
	}
	fl_builder_view(&b, &batch, &arena);
	info.deltas = deltas;
	info.kinds = kinds;
	max = fl_block_size_max(&batch, true, true);
	*out = fl_calloc(1, max);
	size = fl_block_seal(&batch, &info, *out, max);
	fl_builder_fini(&b);
	fl_arena_fini(&arena);
	return size;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *sound;
	static size_t sound_size;
	size_t i, copy_size;
	char *copy;

	if (size == 0)
		return 0;
	if (sound == NULL)
		sound_size = make_block(&sound);
	copy_size = data[0] < 2 ? size - 1 : sound_size;
	copy = fl_malloc(copy_size > 0 ? copy_size : 1);
	if (data[0] < 2) {
		memcpy(copy, data + 1, copy_size);
	} else {
		memcpy(copy, sound, sound_size);
		for (i = 1; i + 3 <= size; i += 3)
			copy[(size_t)(data[i] << 8 | data[i + 1]) % sound_size] = (char)data[i + 2];
	}
	if (data[0] == 1)
		view_step(copy, copy_size);
	else
		view_block(copy, copy_size);
	free(copy);
	return 0;
}
