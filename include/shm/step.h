/* SPDX-License-Identifier: Apache-2.0 */
/*
 * step.h - what ingest commits at once, and the ingest cursor.
 *
 *	+------------------+ 0
 *	| fl_step_head     | 80 bytes
 *	+------------------+ 80
 *	| fl_mark[]        | 40 bytes each
 *	+------------------+
 *	| fl_block ...     | block after block, each 8-aligned; sizes are in their heads
 *	+------------------+ head.size
 *
 * Steps are numbered 1, 2, 3 ... without gaps and hash-chained: hash = XXH3 of
 * prev_hash and of everything after the hash field.  clock_ms never goes back.
 */
#ifndef FL_SHM_STEP_H
#define FL_SHM_STEP_H

#include <assert.h>

#include "base/util.h"
#include "column/block.h"
#include "shm/store.h"

#define FL_STEP_MAGIC 0x50545346u /* "FSTP" */
#define FL_STEP_ROWS_MAX 65536u
#define FL_STEP_SIZE_MAX (FL_VALUE_SIZE_MAX - sizeof(struct fl_value_head))

struct fl_step_head {
	uint32_t magic;
	uint16_t version;
	uint16_t reserved;
	uint64_t prev_hash;
	uint64_t hash;	    /* of prev_hash and of the bytes from `step` to the end */
	uint64_t step;
	int64_t clock_ms;
	uint32_t size;	    /* bytes, this head included */
	uint32_t row_count; /* over all blocks */
	uint32_t block_count, mark_count;
	uint64_t rows_before; /* rows in all steps before this one: replay distance */
	uint64_t bytes_before; /* bytes of all steps before this one: what pipelines have to use yet */
	uint8_t reserved2[8];
};
static_assert(sizeof(struct fl_step_head) == 80, "the step head is a file format");

enum fl_mark_kind {
	/* a = position, b = since (ms): nothing came since then.  b = FL_TIME_MAX: it is
	 * not known any more (the broker does not answer); until the next CAUGHT. */
	FL_MARK_CAUGHT = 1,
	FL_MARK_ADDED = 2,  /* a = start offset: a partition appears in the stream */
	FL_MARK_HOLE = 3,   /* a = from, b = to, reason = enum fl_code: offsets given up */
	FL_MARK_END = 4,    /* a bounded partition is finished: watermark = max */
	FL_MARK_TICK = 5,   /* time only */
};

struct fl_mark {
	uint8_t kind;
	uint8_t reserved[3];
	uint32_t stream;
	int32_t partition;
	uint32_t reason;
	int64_t a, b;
	uint64_t reserved2;
};
static_assert(sizeof(struct fl_mark) == 40, "the mark is a file format");

struct fl_step_view {
	const struct fl_step_head *head;
	const struct fl_mark *marks;
	const char *blocks, *end;
};

/* Checks sizes and the chain hash.  Errors: STORE_DAMAGED. */
enum fl_code fl_step_view(const void *bytes, size_t size, struct fl_step_view *view, struct fl_err *err);
/* Walks blocks: *at starts as view->blocks; false at the end. */
bool fl_step_next_block(const struct fl_step_view *view, const char **at,
    const struct fl_block_head **block);
/* Fills magic, version, hash; all other fields of the head must be set. */
void fl_step_seal(void *bytes, uint64_t prev_hash);
/* Step n in the STEPS database.  found false: not there (not yet, or trimmed). */
enum fl_code fl_step_get(struct fl_txn *txn, uint64_t step, bool *found,
    struct fl_step_view *view, struct fl_err *err);

/* The ingest cursor: value of "cursor" in INGEST_META, in the step's transaction. */
struct fl_ingest_cursor {
	uint64_t last_step;	/* 0: none yet */
	uint64_t first_step;	/* oldest kept */
	uint64_t last_hash;
	int64_t clock_ms;
	uint64_t row_count;	/* in all steps ever */
	uint64_t byte_count;	/* likewise */
	uint64_t command;	/* last catalog command applied */
	uint32_t partition_count;
	/* Every source is bounded and at its end: the highest number among the streams, else 0.
	 * A pipeline with a newer stream is not meant: ingest has not opened it yet. */
	uint32_t finished;
	/* followed by partition_count struct fl_partition_cursor */
};

enum fl_partition_state {
	FL_PARTITION_READING, FL_PARTITION_ENDED, FL_PARTITION_STOPPED, /* named alarm in reason */
};

/* Several topics in one stream: the partitions of the n-th topic are numbered from
 * n * FL_TOPIC_STRIDE; those of the first are Kafka's own. */
#define FL_TOPIC_STRIDE 65536

/* Kafka allows 249 characters, a file system 255. */
#define FL_TOPIC_SIZE 256

struct fl_partition_cursor {
	uint32_t stream;
	int32_t partition; /* see FL_TOPIC_STRIDE */
	int64_t start;	   /* first offset that belongs to the stream */
	int64_t position;  /* next offset */
	int64_t end;	   /* bounded: stops before this offset; INT64_MAX: unbounded */
	int64_t caught_since; /* last CAUGHT mark in force, or FL_TIME_MAX */
	/* conservation: delivered = rows + dead + skipped,
	 * passed_before + position - start = delivered + gaps */
	uint64_t delivered, rows, dead, skipped, gaps, repeated;
	int64_t last_ts;   /* of the last stored record: identity check */
	uint64_t last_hash; /* key and value of it */
	int64_t last_offset;
	uint32_t state, reason; /* enum fl_partition_state, enum fl_code */
	char topic[FL_TOPIC_SIZE]; /* whole; of a file its name without folders */
	uint64_t added_step; /* the step with its ADDED mark: no row of it is older */
	uint64_t passed_before; /* offsets passed before a reset to a topic made anew */
	uint64_t skipped_errors; /* of skipped: by ignore-parse-errors; others were null or empty */
	uint64_t replayed;   /* dead letters that came back: counted in rows or skipped now */
	uint64_t cluster;    /* hash of the cluster's id: what was read; 0: unknown */
};
static_assert(sizeof(struct fl_partition_cursor) == 416, "a file format");

/* Reads the cursor; partitions borrowed from the transaction.  found false: none yet. */
enum fl_code fl_ingest_cursor_get(struct fl_txn *txn, bool *found,
    const struct fl_ingest_cursor **cursor, const struct fl_partition_cursor **partitions,
    struct fl_err *err);

#endif
