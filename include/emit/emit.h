/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.h - result blocks to sinks, each row once.
 *
 *	sink	  (pipeline, target table): an encoder and a way out
 *	position  number of the next row; the one *in the sink* is the truth
 *	run	  rows that one transaction of a sink delivers
 *
 * A new sink is one row of tbl/connectors.h and the functions of emit/sink.h.  A sink
 * that waits or was stopped for a person stops no other: its state and reason are
 * in emit's store (shm/pipeline.h, struct fl_sink_position) for status.
 *
 * Process: the one writer of the emit store; reads the pipelines' stores.
 * Thread:  the program gives each sink a thread; emit_open() alone gives none.
 */
#ifndef FL_EMIT_EMIT_H
#define FL_EMIT_EMIT_H

#include "shm/instance.h"
#include "shm/pipeline.h"

struct emit;
extern const struct fl_program emit_program; /* with threads */

/* Without threads: emit_step() delivers in the caller's.  instance is borrowed. */
enum fl_code emit_open(struct fl_instance *instance, struct emit **emit, struct fl_err *err);
/* One turn.  done: every pipeline is finished and all its rows are confirmed.
 *
 * Errors:  those of the class CONFIG once no sink is left that could go on;
 *	    FATAL ones at once.  What a sink waits for is no error of the turn. */
enum fl_code emit_step(
    struct emit *emit, int64_t now_ms, bool *worked, bool *done, struct fl_err *err);
void emit_wait(struct emit *emit, int wait_ms);
void emit_close(struct emit **emit);

/* Connector 'test': rows delivered since the last call, as text lines
 * "+I[a, 1, null]"; appended to out. */
void emit_test_take(struct emit *emit, const char *table, struct fl_buf *out);
/* From now on it refuses rows with that in their text; "": none. */
void emit_test_refuse(const char *text);

#endif
