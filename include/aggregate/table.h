/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.h - one window's rows by key: the hash table that holds accumulators.
 *
 * Entries lie dense in the order in which their keys were first seen; a separate
 * slot array finds them.  An entry is
 *
 *	+------------------+ 0
 *	| struct table_entry  48 bytes: hash, key, first seen, rows, chain
 *	+------------------+ 48
 *	| accumulators     | row_size bytes, fl_agg.acc_at counted from here
 *	+------------------+ stride
 *
 * The canonical bytes of a key are, per key column, a flag (0 NULL, 1 value) and
 * the value: little endian in its width, or a length (LEB128) and the bytes.
 * Up to 16 bytes lie in the entry (zero padded), longer ones in the heap.
 *
 * The top six bits of the hash are the key group.  Entries of one group are
 * chained in first-seen order, so that a group's image is made by walking its
 * own entries only, and fires come out in (group, first seen) order unsorted.
 *
 * Keys leave in the order in which they came, the head of a group's chain first.  What is
 * left of one stays among the entries, and matches no key, until table_sweep().
 *
 * An image is the entries of one group as they are, with their heap bytes behind
 * them and all offsets counted from there: no pointer in it, loading is a copy.
 *
 * Memory:  heap; table_fini() frees.  Entries move when the table grows.
 */
#ifndef FL_AGGREGATE_TABLE_H
#define FL_AGGREGATE_TABLE_H

#include <assert.h>

#include "expr/expr.h"

#define TABLE_GROUPS 64u
#define TABLE_INLINE 16u /* longest key kept in the entry */
#define TABLE_GONE UINT32_MAX /* key_size of an entry that has left */

struct table_entry {
	uint64_t hash;
	uint64_t key[2];     /* canonical bytes; or key[0] = offset in the heap */
	uint64_t first_seen; /* row number in the log of the first row */
	uint64_t row_count;
	uint32_t key_size;
	uint32_t next;	     /* index + 1 of the group's next entry; 0: none */
};
static_assert(sizeof(struct table_entry) == 48, "the entry is a file format");

/* Canonical keys of a run of rows, one element per row. */
struct table_keys {
	uint64_t *hash, *k0, *k1;
	uint32_t *size;
	uint32_t *at;	   /* of keys longer than TABLE_INLINE: offset in bytes */
	struct fl_buf bytes;
	uint32_t capacity;
};

struct table {
	char *entries;
	uint32_t count, capacity, stride;
	uint32_t gone_count;	/* of count: have left */
	uint32_t slot_count;	/* power of two */
	uint64_t *slots;	/* high half: tag of the hash; low half: index + 1 */
	struct fl_heap heap;
	uint32_t head[TABLE_GROUPS], tail[TABLE_GROUPS]; /* index + 1 */
	uint32_t group_count[TABLE_GROUPS];
};

static inline struct table_entry *
table_at(const struct table *table, uint32_t i)
{
	return (struct table_entry *)(void *)(table->entries + (size_t)i * table->stride);
}
static inline char *
table_acc(const struct table *table, uint32_t i)
{
	return table->entries + (size_t)i * table->stride + sizeof(struct table_entry);
}
static inline uint32_t
table_group(uint64_t hash)
{
	return (uint32_t)(hash >> 58);
}

void table_init(struct table *table, uint32_t row_size);
void table_fini(struct table *table);
/* The key's bytes. */
const char *table_key(const struct table *table, const struct table_entry *entry);

void table_keys_fini(struct table_keys *keys);
/* Canonical keys of rows order[0..count) of cols.  No columns: the empty key. */
void table_keys_make(struct table_keys *keys, const struct fl_col *cols, uint32_t col_count,
    const uint32_t *order, uint32_t count);
/* A column that rows 0, 1, 2 ... of take or finish can be written into. */
void table_col_alloc(struct fl_col *col, const struct fl_type *type, uint32_t row_count,
    struct fl_arena *arena);
/* Writes value i of key column c, decoded from canonical bytes, into out row at. */
struct table_key_reader {
	const char *at, *end;
};
void table_key_take(struct table_key_reader *reader, struct fl_col *out, uint32_t row,
    struct fl_buf *out_bytes);

/*
 * Finds or adds the entries of keys [from, from + count), counts one row in each,
 * writes their indexes to rows, and returns the set of groups touched.
 *
 *	order	rows of the block; first_base + order[k] is the row's number in the log
 */
uint64_t table_assign(struct table *table, const struct table_keys *keys, uint32_t from,
    uint32_t count, const uint32_t *order, uint64_t first_base, uint32_t *rows);

/*
 * Finds or adds the entry of key k of keys; true if it was not there.
 *
 *	first_seen  the row's number in the log
 *	index	    out: of the entry
 */
bool table_add(struct table *table, const struct table_keys *keys, uint32_t k, uint64_t first_seen,
    uint32_t *index);
/* The oldest entry of a group, NULL if there is none; and its end. */
struct table_entry *table_oldest(const struct table *table, uint32_t group);
void table_drop_oldest(struct table *table, uint32_t group);
/* Frees what left, once that is half of the entries. */
void table_sweep(struct table *table);

/*
 * Adds the entries of the wanted groups (bits) of from to those of to: keys are found or
 * added, rows counted, the earlier first_seen kept, accumulators merged.  Both tables are
 * of these aggregates, and all of them have a merge function.
 */
void table_merge(struct table *to, const struct table *from, const struct fl_agg *aggs,
    uint32_t agg_count, uint64_t groups);

/* Bytes that the entries of a group refer to in the heap are told by the
 * aggregates: those whose result is of variable width begin with a fl_blob. */
void table_image(const struct table *table, const struct fl_agg *aggs, uint32_t agg_count,
    uint32_t group, struct fl_buf *out, uint32_t *heap_size);
/*
 * Adds the entries of an image: count entries, then heap_size bytes.
 *
 * Errors:  STORE_DAMAGED  an offset points outside, a key is there twice, or a
 *			   hash belongs to another group
 */
enum fl_code table_load(struct table *table, const struct fl_agg *aggs, uint32_t agg_count,
    uint32_t group, const char *entries, uint32_t count, const char *heap, uint32_t heap_size,
    struct fl_err *err);
/* Drops heap bytes that nothing refers to when they are more than half of it. */
void table_compact(struct table *table, const struct fl_agg *aggs, uint32_t agg_count);

#endif
