/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres.h - what is said to a PostgreSQL server: statements and rows as text.
 *
 *	names	as the database has them, quoted where it needs that
 *	stage	a temporary table of the session that takes the rows of an upsert
 *
 * Nothing here needs a server.  Memory: statements are appended to buffers of the caller.
 */
#ifndef FL_EMIT_POSTGRES_H
#define FL_EMIT_POSTGRES_H

#include "base/util.h"
#include "column/block.h"
#include "sql/plan.h"

#define PG_POSITIONS "flight_positions"

struct pg_names {
	const char *schema;	    /* quoted */
	const char *table;	    /* schema.table, quoted */
	const char *const *columns; /* quoted; of the physical columns */
};

/* Which row of the positions table, and which generation may move it. */
struct pg_cursor {
	const char *sink; /* "pipeline/table" */
	struct fl_uuid store;
	uint64_t generation;
};

void pg_sql_find_key(struct fl_buf *out, const char *oid, const char *const *attnums, uint32_t count);
void pg_sql_create_table(
    struct fl_buf *out, const struct fl_table *table, const char *schema, const char *name);
void pg_sql_create_positions(struct fl_buf *out, const char *schema);
void pg_sql_find_position(struct fl_buf *out, const char *schema, const struct pg_cursor *cursor);
void pg_sql_put_position(struct fl_buf *out, const char *schema, const struct pg_cursor *cursor,
    uint64_t position, uint64_t chain);
void pg_sql_raise_generation(struct fl_buf *out, const char *schema, const struct pg_cursor *cursor);
/* The compare-and-set: one row, or somebody else has moved it. */
void pg_sql_move_position(struct fl_buf *out, const char *schema, const struct pg_cursor *cursor,
    uint64_t from, uint64_t to, uint64_t chain);
void pg_sql_stage(struct fl_buf *out, const struct fl_table *table, const struct pg_names *names);
void pg_sql_copy(struct fl_buf *out, const struct fl_table *table, const struct pg_names *names);
/* From the stage into the table: the last row of each key counts. */
void pg_sql_merge(struct fl_buf *out, const struct fl_table *table, const struct pg_names *names,
    bool has_deletes);

/*
 * Appends row i as a line of COPY's text format; for a table with a key with its number
 * and 1 for a row that goes, 0 for one that comes, in front.
 *
 * Errors:  SINK_REFUSED   a value that PostgreSQL has not: a NUL byte, a year beyond 9999
 */
enum fl_code pg_row(const struct fl_table *table, const struct fl_batch *batch, uint32_t i,
    bool is_delete, uint64_t number, struct fl_buf *out, struct fl_err *err);

#endif
