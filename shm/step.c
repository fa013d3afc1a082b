/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step.c - seals and checks steps, and reads the ingest cursor.
 *
 * The hash of a step covers the hash of the one before it, so equal hashes at step
 * n mean equal logs up to n.  It is checked on every view, instead of the checksum
 * of the store's value: that says that these bytes were written, the chain says so
 * too and that they are the ones that follow.
 */
#include "shm/step.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define HASH_FROM offsetof(struct fl_step_head, step)

static uint64_t
hash_step(const void *bytes, size_t size, uint64_t prev_hash)
{
	return fl_hash64_seed((const char *)bytes + HASH_FROM, size - HASH_FROM, prev_hash);
}

void
fl_step_seal(void *bytes, uint64_t prev_hash)
{
	struct fl_step_head *head = bytes;

	assert(head->size >= sizeof(*head) && (head->size & 7) == 0);
	head->magic = FL_STEP_MAGIC;
	head->version = 1;
	head->reserved = 0;
	head->prev_hash = prev_hash;
	head->hash = hash_step(bytes, head->size, prev_hash);
}

bool
fl_step_next_block(
    const struct fl_step_view *view, const char **at, const struct fl_block_head **block)
{
	const struct fl_block_head *head;

	if (*at >= view->end)
		return false;
	head = (const struct fl_block_head *)(const void *)*at;
	*block = head;
	*at += head->size;
	return true;
}

/* Every block's head and size, so that walking needs no checks. */
static const char *
check_blocks(const struct fl_step_view *view)
{
	const char *at = view->blocks;
	uint32_t block_count = 0;
	uint64_t row_count = 0;

	while (at < view->end) {
		const struct fl_block_head *head = (const struct fl_block_head *)(const void *)at;
		size_t left = (size_t)(view->end - at);

		if (left < sizeof(*head) || head->magic != FL_BLOCK_MAGIC)
			return "no block where one should begin";
		if (head->size < sizeof(*head) || (head->size & 7) != 0 || head->size > left)
			return "a block's size does not fit";
		block_count++;
		row_count += head->row_count;
		at += head->size;
	}
	if (block_count != view->head->block_count || row_count != view->head->row_count)
		return "the number of blocks or rows is wrong";
	return NULL;
}

static const char *
check_step(const void *bytes, size_t size, struct fl_step_view *view)
{
	const struct fl_step_head *head = bytes;
	size_t marks_size;

	if (size < sizeof(*head) || ((uintptr_t)bytes & 7) != 0)
		return "too few bytes for a head";
	if (head->magic != FL_STEP_MAGIC)
		return "no step begins here";
	if (head->version != 1)
		return "an unknown version";
	if (head->size != size || (size & 7) != 0)
		return "its size does not fit";
	if (head->row_count > FL_STEP_ROWS_MAX)
		return "too many rows";
	marks_size = (size_t)head->mark_count * sizeof(struct fl_mark);
	if (marks_size > size - sizeof(*head))
		return "its marks do not fit";
	if (hash_step(bytes, size, head->prev_hash) != head->hash)
		return "its hash is wrong";
	view->head = head;
	view->marks = (const struct fl_mark *)(head + 1);
	view->blocks = (const char *)(head + 1) + marks_size;
	view->end = (const char *)bytes + size;
	return check_blocks(view);
}

enum fl_code
fl_step_view(const void *bytes, size_t size, struct fl_step_view *view, struct fl_err *err)
{
	struct fl_step_view v;
	const char *wrong = check_step(bytes, size, &v);

	if (wrong != NULL)
		return FL_FAIL(err, FL_E_STORE_DAMAGED, "step: %s", wrong);
	*view = v;
	return FL_OK;
}

enum fl_code
fl_step_get(
    struct fl_txn *txn, uint64_t step, bool *found, struct fl_step_view *view, struct fl_err *err)
{
	struct fl_step_view v;
	const void *value;
	uint8_t key[8];
	size_t size;
	bool there;

	fl_key_u64(key, step);
	FL_TRY(fl_txn_get_hashed(txn, FL_DBI_INGEST_STEPS, key, 8, &there, &value, &size, err));
	if (!there) {
		*found = false;
		return FL_OK;
	}
	if (fl_step_view(value, size, &v, err) != FL_OK)
		return fl_err_context(err, "step %" PRIu64, step);
	if (v.head->step != step)
		return FL_FAIL(err, FL_E_STORE_DAMAGED,
		    "step %" PRIu64 ": step %" PRIu64 " lies in its place", step, v.head->step);
	*found = true;
	*view = v;
	return FL_OK;
}

enum fl_code
fl_ingest_cursor_get(struct fl_txn *txn, bool *found, const struct fl_ingest_cursor **cursor,
    const struct fl_partition_cursor **partitions, struct fl_err *err)
{
	const struct fl_ingest_cursor *head;
	const void *value;
	size_t size;
	bool there;

	FL_TRY(fl_txn_get(txn, FL_DBI_INGEST_META, "cursor", 6, &there, NULL, &value, &size, err));
	if (!there) {
		*found = false;
		return FL_OK;
	}
	head = value;
	if (size < sizeof(*head) || size - sizeof(*head) != (size_t)head->partition_count *
								sizeof(struct fl_partition_cursor))
		return FL_FAIL(
		    err, FL_E_STORE_DAMAGED, "ingest cursor: %zu bytes do not fit", size);
	*found = true;
	*cursor = head;
	*partitions = (const struct fl_partition_cursor *)(head + 1);
	return FL_OK;
}
