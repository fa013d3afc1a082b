/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dead.h - the one format of dead letter; ingest, aggregate and emit write it.
 *
 *	struct fl_dead_head, then reason text, then key bytes, then value bytes.
 */
#ifndef FL_SHM_DEAD_H
#define FL_SHM_DEAD_H

#include "shm/store.h"

struct fl_dead_head {
	uint32_t code;	     /* enum fl_code */
	uint32_t stream;     /* or sink id */
	int32_t partition;
	uint32_t reason_size;
	uint32_t key_size;
	uint32_t value_size; /* stored; 0 with value_full > 0: over the quota */
	uint32_t value_full; /* length of the original */
	uint32_t flags;	     /* 1: null key, 2: null value, 4: value is JSON of a row, not the record's bytes */
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

#endif
