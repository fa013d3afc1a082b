/* SPDX-License-Identifier: Apache-2.0 */
/*
 * latest.c - of the changes of one key in one run, the last alone is delivered.
 *
 * A table of PostgreSQL shows the end of a transaction and nothing of the way there, and
 * a change of a row costs it ten times as much as a new row.  So the rows of a run that a
 * later one of the same PRIMARY KEY replaces keep their numbers, and lose their bytes.
 * Keys are compared by their text; what the server takes for equal beyond that it has to
 * sort out itself.
 */
#include <stdlib.h>
#include <string.h>

#include "expr/expr.h"
#include "sink.h"

#define SLOTS_MIN 1024u

/* Length and text of each column of the key; NULL is a length of its own. */
static void
print_key(const struct fl_table *table, const struct fl_batch *batch, uint32_t i, struct fl_buf *out)
{
	for (uint32_t k = 0; k < table->primary_key_count; k++) {
		const struct fl_col *col = &batch->cols[table->primary_key[k]];
		uint32_t size = UINT32_MAX;
		size_t at = out->size;

		fl_buf_add(out, &size, sizeof(size));
		if (!fl_col_is_valid(col, i))
			continue;
		fl_col_print(col, i, out);
		size = (uint32_t)(out->size - at - sizeof(size));
		memcpy(out->data + at, &size, sizeof(size));
	}
}

static bool
is_key_of(const struct emit_latest *latest, const struct emit_key *key, const struct emit_key *other)
{
	return key->hash == other->hash && key->size == other->size &&
	    memcmp(latest->bytes.data + key->at, latest->bytes.data + other->at, key->size) == 0;
}

/* The slot of the key, or the empty one where it belongs. */
static uint32_t
find_slot(const struct emit_latest *latest, const struct emit_key *key)
{
	uint32_t slot = (uint32_t)key->hash & (latest->slot_count - 1);

	while (latest->slots[slot].size > 0 && !is_key_of(latest, key, &latest->slots[slot]))
		slot = (slot + 1) & (latest->slot_count - 1);
	return slot;
}

static void
grow(struct emit_latest *latest)
{
	struct emit_key *old = latest->slots;
	uint32_t old_count = latest->slot_count;

	latest->slot_count = old_count == 0 ? SLOTS_MIN : old_count * 2;
	latest->slots = fl_calloc(latest->slot_count, sizeof(latest->slots[0]));
	for (uint32_t i = 0; i < old_count; i++)
		if (old[i].size > 0)
			latest->slots[find_slot(latest, &old[i])] = old[i];
	free(old);
}

void
emit_latest_reset(struct emit_latest *latest)
{
	fl_buf_reset(&latest->bytes);
	if (latest->count > 0)
		memset(latest->slots, 0, latest->slot_count * sizeof(latest->slots[0]));
	latest->count = 0;
}

void
emit_latest_add(struct emit_latest *latest, const struct fl_table *table, const struct fl_batch *batch,
    uint32_t i, struct emit_run *run)
{
	struct emit_key key = { .at = (uint32_t)latest->bytes.size, .row = run->count - 1 };
	struct emit_key *slot;

	if (run->rows[key.row].size == 0)
		return;
	print_key(table, batch, i, &latest->bytes);
	key.size = (uint32_t)latest->bytes.size - key.at;
	key.hash = fl_hash64(latest->bytes.data + key.at, key.size);
	if (latest->count * 2 >= latest->slot_count)
		grow(latest);
	slot = &latest->slots[find_slot(latest, &key)];
	if (slot->size == 0) {
		*slot = key;
		latest->count++;
		return;
	}
	run->rows[slot->row].size = 0;
	slot->row = key.row;
	latest->bytes.size = key.at;
}

void
emit_latest_fini(struct emit_latest *latest)
{
	fl_buf_fini(&latest->bytes);
	free(latest->slots);
}
