/* SPDX-License-Identifier: Apache-2.0 */
/*
 * emit.h - result blocks to sinks, each row once.
 */
#ifndef FL_EMIT_EMIT_H
#define FL_EMIT_EMIT_H

#include "shm/instance.h"
#include "shm/pipeline.h"

struct emit;
extern const struct fl_program emit_program;

enum fl_code emit_open(struct fl_instance *instance, struct emit **emit, struct fl_err *err);
/* One turn: each sink has its own thread in the program; in tests (threads off)
 * this delivers what is there.  done: nothing is left and all finished. */
enum fl_code emit_step(
    struct emit *emit, int64_t now_ms, bool *worked, bool *done, struct fl_err *err);
void emit_wait(struct emit *emit, int wait_ms);
void emit_close(struct emit **emit);

/* Connector 'test': rows delivered so far as text lines "+I[a, 1, null]"; the
 * caller reads and forgets them. */
void emit_test_take(struct emit *emit, const char *table, struct fl_buf *out);

/* ---- sink: a way out with a durable position ---- */
struct emit_sink;
struct emit_sink_ops {
	const char *name;
	/* Connects and finds the position in the sink: *known false when the sink
	 * cannot tell (then emit's store decides). */
	enum fl_code (*open)(struct emit_sink *sink, bool *known, struct fl_sink_position *position,
	    struct fl_err *err);
	/* Delivers rows [first, first+count) and moves the position to first+count,
	 * all or nothing.  Unknown outcome: TRANSIENT; emit opens it again. */
	enum fl_code (*deliver)(struct emit_sink *sink, const struct fl_batch *batch,
	    const uint8_t *kinds, uint64_t first, struct fl_err *err);
	/* While idle, once in a while: refresh an expiring position. */
	enum fl_code (*refresh)(struct emit_sink *sink, struct fl_err *err);
	void (*close)(struct emit_sink *sink);
};

#endif
