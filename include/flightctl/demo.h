/* SPDX-License-Identifier: Apache-2.0 */
/*
 * demo.h - the parts that `flightctl demo` is made of: rows of tbl/demos.h, a database of
 * the demo's own, and a reader of results.
 */
#ifndef FL_FLIGHTCTL_DEMO_H
#define FL_FLIGHTCTL_DEMO_H

#include "flightctl/ctl.h"

enum demo_database { DEMO_NONE, DEMO_SQLITE, DEMO_POSTGRES };
struct demo_row {
	const char *name, *sql;
	enum demo_database database;
	const char *made;
	uint32_t partitions;
	double speed, rate, bad;
	const char *look, *text;
};
const struct demo_row *demo_row(uint32_t i); /* NULL past the end */
/* A port of the loopback that nobody has now. */
enum fl_code demo_free_port(uint16_t *port, struct fl_err *err);

/* ---- a PostgreSQL cluster inside the demo's directory (demo_postgres.c) ---- */

struct demo_postgres {
	char dir[PATH_MAX], bin[PATH_MAX]; /* its directory; where the programs are */
	const char *name;		   /* of user and database; borrowed */
	char password[33];
	uint16_t port;
	pid_t pid; /* 0: it does not run */
	bool drops; /* started by root, who is refused: it runs as user postgres */
	uid_t uid;
	gid_t gid;
};
/* Is all there that it needs?  Errors: BAD_CONFIG. */
enum fl_code demo_postgres_check(struct demo_postgres *pg, struct fl_err *err);
/*
 * Makes the cluster in DIR/pg, runs statements (NULL: none) in its database, each line end after
 * a semicolon ends one, and starts it on a port of the loopback, with a password.  It dies with
 * the calling thread.
 *
 * Errors:  BAD_CONFIG, TIMED_OUT with the last line of its log
 */
enum fl_code demo_postgres_open(
    struct demo_postgres *pg, const char *dir, const char *name, const char *statements,
    struct fl_err *err);
/* Into a new file that its owner alone reads.  Errors: IO. */
enum fl_code demo_postgres_write_password(
    const struct demo_postgres *pg, const char *path, struct fl_err *err);
/* Errors: DATABASE_AWAY: it has ended. */
enum fl_code demo_postgres_watch(struct demo_postgres *pg, struct fl_err *err);
void demo_postgres_close(struct demo_postgres *pg);
/* Does a server run in the cluster of this demo's directory? */
bool demo_postgres_is_up(const char *dir);

/* ---- results (demo_results.c) ---- */

struct demo_results;
/*
 * Reads the plan's sinks: topics from their beginning, tables again and again.
 *
 *	folder	 of the pipeline, where schemas lie
 */
enum fl_code demo_results_open(const struct fl_plan *plan, const char *folder, const char *brokers,
    struct demo_results **results, struct fl_err *err);
/* Prints what is new, one line each, and waits a little. */
enum fl_code demo_results_poll(struct demo_results *results, struct fl_err *err);
uint64_t demo_results_count(const struct demo_results *results); /* lines so far */
void demo_results_close(struct demo_results **results);

#endif
