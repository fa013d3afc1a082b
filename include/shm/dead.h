/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dead.h - the one format of dead letter, and how letters are counted; ingest, aggregate and
 * emit write both.
 *
 *	struct fl_dead_head, then reason text, then key bytes, then value bytes.
 */
#ifndef FL_SHM_DEAD_H
#define FL_SHM_DEAD_H

#include "shm/store.h"

#define FL_DEAD_NULL_KEY 1u
#define FL_DEAD_NULL_VALUE 2u
#define FL_DEAD_IS_JSON 4u /* value is JSON of a row, not the record's bytes */
#define FL_DEAD_NO_KEY 8u  /* the key's bytes were not kept: key_size is 0, it was more */

/* A longer original is kept by its length only: a record of ingest with its key, a row of
 * aggregate and of emit as JSON. */
#define FL_DEAD_INGEST_MAX (900u << 10)
#define FL_DEAD_PIPELINE_MAX (512u << 10)
#define FL_DEAD_EMIT_MAX (64u << 10)

struct fl_dead_head {
	uint32_t code;	     /* enum fl_code */
	uint32_t stream;     /* or sink id */
	int32_t partition;
	uint32_t reason_size;
	uint32_t key_size;
	uint32_t value_size; /* stored; 0 with value_full > 0: not kept */
	uint32_t value_full; /* length of the original */
	uint32_t flags;	     /* FL_DEAD_... */
	int64_t offset;	     /* Kafka offset or row number */
	int64_t kafka_ts;
	int64_t clock_ms;    /* of the step */
};
static_assert(sizeof(struct fl_dead_head) == 56, "a file format");

struct fl_dead {
	struct fl_dead_head head;
	const char *reason, *key, *value; /* borrowed */
};

void fl_dead_encode(const struct fl_dead *dead, struct fl_buf *out);
enum fl_code fl_dead_decode(const void *bytes, size_t size, struct fl_dead *dead, struct fl_err *err);
static inline size_t
fl_dead_size(const struct fl_dead *dead)
{
	return sizeof(dead->head) + dead->head.reason_size + dead->head.key_size + dead->head.value_size;
}

/*
 * Letters as commands name them: {"letters": [{"key": hex, "clock_ms", "value": base64}, ...]}.
 * clock_ms is the letter's: another one under the same key is not meant.
 */
#define FL_DEAD_KEY_MAX 64u
#define FL_DEAD_COMMAND_MAX (768u << 10) /* bytes of a command's arguments */
/* key of the i-th letter; false: there is none, or it has no key. */
struct fl_dead_name {
	uint8_t key[FL_DEAD_KEY_MAX];
	size_t key_size;
	int64_t clock_ms;
	const char *value; /* base64, or NULL; borrowed from the JSON */
};
struct json_t;
bool fl_dead_name_get(const struct json_t *arguments, size_t i, struct fl_dead_name *name);
void fl_dead_name_print(const void *key, size_t key_size, int64_t clock_ms, struct fl_buf *out);
/* The letter of that name; found false: it is gone, or another is there. */
enum fl_code fl_dead_get(struct fl_txn *txn, enum fl_dbi dbi, const struct fl_dead_name *name, bool *found,
    struct fl_dead *dead, struct fl_err *err);
/* dead-drop: deletes all letters that a command names; adds to *count and *size. */
enum fl_code fl_dead_drop(struct fl_txn *txn, enum fl_dbi dbi, const struct json_t *arguments, uint32_t *count,
    uint64_t *size, struct fl_err *err);

/*
 * Letters that there ever were, by owner and code: a value each in the store's COUNTS, changed
 * in the transaction of the letters.  It does not go back when letters are replayed or dropped,
 * and counts one that failed again once, for its first reason.
 *
 *	owner	stream (ingest), query (aggregate), as u32; "pipeline\0sink\0" (emit)
 */
enum fl_code fl_dead_count(struct fl_txn *txn, enum fl_dbi dbi, const void *owner, size_t owner_size,
    uint32_t code, uint64_t more, struct fl_err *err);
/* All of them whose key begins with prefix, in the order of keys; owner is borrowed. */
typedef void fl_dead_count_fn(
    void *ctx, const void *owner, size_t owner_size, uint32_t code, uint64_t count);
enum fl_code fl_dead_count_each(struct fl_txn *txn, enum fl_dbi dbi, const void *prefix, size_t prefix_size,
    fl_dead_count_fn *fn, void *ctx, struct fl_err *err);

/* What a step is going to add: a few (owner, code) however many letters. */
struct fl_dead_tally {
	struct fl_dead_more {
		uint32_t owner, code;
		uint64_t more;
	} *rows;
	uint32_t count, capacity;
};
void fl_dead_tally_add(struct fl_dead_tally *tally, uint32_t owner, uint32_t code, uint64_t more);
void fl_dead_tally_copy(struct fl_dead_tally *to, const struct fl_dead_tally *from);
enum fl_code fl_dead_tally_put(
    struct fl_txn *txn, enum fl_dbi dbi, const struct fl_dead_tally *tally, struct fl_err *err);
void fl_dead_tally_fini(struct fl_dead_tally *tally);

#endif
