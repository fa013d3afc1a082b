/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ingest.h - Kafka and files to steps.
 */
#ifndef FL_INGEST_INGEST_H
#define FL_INGEST_INGEST_H

#include "shm/instance.h"
#include "shm/step.h"

struct ingest;
extern const struct fl_program ingest_program;

enum fl_code ingest_open(struct fl_instance *instance, struct ingest **ingest, struct fl_err *err);
/* One turn: takes what is queued (at most one step's worth) and commits it.
 * now_ms is the clock.  done: every source is bounded and finished. */
enum fl_code ingest_step(
    struct ingest *ingest, int64_t now_ms, bool *worked, bool *done, struct fl_err *err);
void ingest_wait(struct ingest *ingest, int wait_ms);
void ingest_close(struct ingest **ingest);

/* ---- connector 'test': flow tests push records, no broker involved ---- */
/* partition appears on first use or by add; value NULL: null message.  A stream that is
 * past offset already (it was restarted) does not take it again. */
void ingest_test_push(struct ingest *ingest, const char *table, int32_t partition, int64_t offset,
    const void *value, size_t size, int64_t kafka_ts_ms);
void ingest_test_add(struct ingest *ingest, const char *table, int32_t partition);
/* Says the partition is caught up since now_ms / its next offsets are gone / its end is
 * reached. */
void ingest_test_caught(struct ingest *ingest, const char *table, int32_t partition, int64_t since_ms);
void ingest_test_lose(struct ingest *ingest, const char *table, int32_t partition);
void ingest_test_end(struct ingest *ingest, const char *table, int32_t partition);
/* At most this many rows a step (0: the usual limit): random step sizes. */
void ingest_test_step_rows(struct ingest *ingest, uint32_t row_max);

#endif
