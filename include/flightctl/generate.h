/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate.h - rows made from a seed: the same options give the same rows everywhere.
 *
 * A generator is one row of tbl/generators.h and generate_<name>() in
 * flightctl/generate_<name>.c.  It draws from generate_below() alone: no clock, no
 * floating point in what is printed, so that machines cannot differ.
 *
 * What is spoilt: a generator with a schema makes good rows only, and its caller cuts
 * messages in half (generate_next() says which); one of JSON spoils its own, so that
 * every rule of its system is broken by some record.
 */
#ifndef FL_FLIGHTCTL_GENERATE_H
#define FL_FLIGHTCTL_GENERATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct generate_options {
	uint64_t seed;
	int64_t start_s;    /* event time of the first one */
	double per_second;  /* per second of event time */
	int64_t disorder_s; /* up to this much earlier */
	double late_share, bad_share;
	double again_share, stray_share; /* orders: see generate_orders.c */
	bool json_only;	    /* the spoilt ones are JSON too: they shall stand in an array */
};
struct generate {
	const struct generate_options *options;
	uint64_t random, index;
	bool is_bad; /* this one is to be spoilt */
	void *own;   /* of the generator: one block of fl_calloc(), or NULL */
};
struct generate_row {
	const char *name, *topic, *schema;
	/* Appends one line without its newline. */
	void (*make)(struct generate *generate, struct fl_buf *line);
};
const struct generate_row *generate_row(uint32_t i); /* NULL past the end */
/*
 * Options are borrowed.  End it with generate_fini().
 */
void generate_init(struct generate *generate, const struct generate_options *options);
void generate_fini(struct generate *generate);
/* True: the caller shall cut this one in half (generators with a schema). */
bool generate_next(struct generate *generate, const struct generate_row *row, struct fl_buf *line);

/* ---- for generators ---- */

uint64_t generate_u64(struct generate *generate);
uint64_t generate_below(struct generate *generate, uint64_t n); /* 0 for n = 0 */
bool generate_is(struct generate *generate, double share);
/* Event time of this row before disorder, and with it and lateness if its turn has come. */
int64_t generate_due_ms(const struct generate *generate);
int64_t generate_time_ms(struct generate *generate);
/* The k-th UUID of a kind: the same for the same seed. */
void generate_uuid(const struct generate *generate, uint64_t kind, uint64_t k, char text[37]);
/* Removes the second half of what stands in the line from there on. */
void generate_cut(struct fl_buf *line, size_t from);

#define FL_GENERATOR(name, topic, schema)                                                    \
	void generate_##name(struct generate *generate, struct fl_buf *line);
#include "tbl/generators.h"
#undef FL_GENERATOR

#endif
