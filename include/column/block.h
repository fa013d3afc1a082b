/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block.h - a batch sealed into position-independent bytes.
 *
 *	+--------------------+ 0
 *	| fl_block_head      | 96 bytes
 *	+--------------------+ 96
 *	| fl_block_col[]     | 64 bytes each: type, layout, where its arrays are
 *	+--------------------+ each array 8-byte aligned, offsets from the block's start
 *	| validity | data | offsets | bytes, column after column
 *	| kinds    (uint8 per row, results only, absent: all +I)
 *	| offset deltas (uint32 per row, absent when dense)
 *	+--------------------+ head.size, a multiple of 8
 *
 * The same format holds decoded rows (one partition of one stream) and result
 * rows (one sink).  Little endian.  A block has no checksum of its own: the
 * store's value that holds it has one (shm/store.h).  fl_block_view() still
 * checks every offset, count and size before it hands out a pointer.
 *
 * Memory:  a view borrows from the block's bytes, except constant and narrow
 *	    columns, which are expanded into the arena.
 */
#ifndef FL_COLUMN_BLOCK_H
#define FL_COLUMN_BLOCK_H

#include <assert.h>

#include "column/batch.h"

#define FL_BLOCK_MAGIC 0x4b4c4246u /* "FBLK" */
#define FL_BLOCK_VERSION 1

enum fl_change { FL_CHANGE_INSERT, FL_CHANGE_UPDATE_BEFORE, FL_CHANGE_UPDATE_AFTER, FL_CHANGE_DELETE };

struct fl_block_head {
	uint32_t magic;
	uint16_t version;
	uint16_t col_count;
	uint32_t size;		/* bytes, this head included */
	uint32_t row_count;
	uint32_t stream;	/* rows: stream id; results: sink id */
	int32_t partition;	/* rows: Kafka partition; results: -1 */
	int64_t first;		/* rows: Kafka offset of row 0; results: number of row 0 */
	int64_t last;		/* same of the last row */
	int64_t kafka_ts_min;	/* ms; FL_TIME_MAX / MIN when unknown */
	int64_t kafka_ts_max;
	uint64_t schema_hash;	/* of names and types */
	uint32_t kinds_at;	/* 0: all rows are +I */
	uint32_t deltas_at;	/* 0: row i has offset first + i; else first + delta[i] */
	uint8_t reserved[24];
};
static_assert(sizeof(struct fl_block_head) == 96, "the block head is a file format");

enum {
	FL_BLOCK_COL_VALID = 1,	    /* has validity bits */
	FL_BLOCK_COL_CONST = 2,	    /* one value for all rows */
	FL_BLOCK_COL_FIXED_STR = 4, /* every value str_size bytes, no offsets */
	FL_BLOCK_COL_MINMAX = 8,    /* min, max are set (integers, times; NULLs apart) */
	FL_BLOCK_COL_NARROW = 16,   /* what is stored is value - min, in narrow bytes, unsigned */
};

struct fl_block_col {
	uint8_t type;	 /* enum fl_type_id */
	uint8_t flags;
	uint8_t precision, scale;
	uint32_t length; /* declared length */
	uint32_t valid_at, data_at, offsets_at, bytes_at;
	uint32_t data_size, bytes_size, str_size;
	uint32_t null_count;
	int64_t min, max;
	uint8_t nullable;
	uint8_t narrow; /* 1, 2 or 4 */
	uint8_t element; /* ARRAY: enum fl_type_id; precision, scale, length are its elements' */
	uint8_t reserved[5];
};
static_assert(sizeof(struct fl_block_col) == 64, "the block column is a file format");

/* What the sealer is told beside the rows. */
struct fl_block_info {
	uint32_t stream;
	int32_t partition;
	int64_t first;
	const uint32_t *deltas; /* row_count values or NULL when dense */
	const uint8_t *kinds;	/* row_count enum fl_change or NULL */
	int64_t kafka_ts_min, kafka_ts_max;
};

/* Bytes in which each value of a column without NULLs is stored whose values lie in
 * [min, max]; 0: the column is constant.  width is that of the type. */
bool fl_block_can_narrow(enum fl_type_id id);
static inline uint32_t
fl_block_narrow(int64_t min, int64_t max, uint32_t width)
{
	uint64_t span = (uint64_t)max - (uint64_t)min;
	uint32_t size = span == 0 ? 0 : span <= UINT8_MAX ? 1 : span <= UINT16_MAX ? 2 :
	    span <= UINT32_MAX ? 4 : 8;

	return size < width ? size : width;
}

uint64_t fl_schema_hash(const struct fl_schema *schema);
/* Bytes fl_block_seal() will write at most. */
size_t fl_block_size_max(const struct fl_batch *batch, bool with_deltas, bool with_kinds);
/* Seals the batch into out (8-aligned); returns its size. */
size_t fl_block_seal(const struct fl_batch *batch, const struct fl_block_info *info, void *out,
    size_t out_size);

struct fl_block_view {
	const struct fl_block_head *head;
	const struct fl_block_col *cols; /* head->col_count: min, max, null_count */
	const uint32_t *deltas;
	const uint8_t *kinds;
	struct fl_batch batch;		 /* schema = the one given to view */
};

/*
 * Opens bytes as a block whose columns must have the types of schema.
 *
 * Errors:  STORE_DAMAGED   anything in it points outside or contradicts itself,
 *			    or its columns are not those of schema
 */
enum fl_code fl_block_view(const void *bytes, size_t size, const struct fl_schema *schema,
    struct fl_arena *arena, struct fl_block_view *view, struct fl_err *err);

/* Kafka offset (or result number) of row i. */
static inline int64_t
fl_block_offset(const struct fl_block_view *view, uint32_t i)
{
	return view->head->first + (view->deltas != NULL ? (int64_t)view->deltas[i] : (int64_t)i);
}

#endif
