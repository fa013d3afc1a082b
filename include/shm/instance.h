/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instance.h - the instance directory, its catalog, and what all programs share.
 *
 *	DIR/catalog/		 store: pipelines, streams, commands
 *	DIR/ingest/		 store of ingest
 *	DIR/pipelines/<name>/	 store of aggregate, one per pipeline
 *	DIR/emit/		 store of emit
 *	DIR/run/		 bells, metrics, locks, supervisord's socket
 *	DIR/log/  DIR/supervisord.conf
 *
 * A program opens the instance, loads the pipelines of the catalog and compiles
 * their SQL (files named in it come from the catalog, so that a pipeline does not
 * change when somebody edits a schema file).
 */
#ifndef FL_SHM_INSTANCE_H
#define FL_SHM_INSTANCE_H

#include <signal.h>

#include "shm/store.h"
#include "sql/plan.h"

struct fl_pipeline {
	char *name;		/* at most FL_PIPELINE_NAME_MAX bytes, any printable text */
	struct fl_plan *plan;	/* owned */
	struct fl_uuid uuid;	/* new with each --reset */
	uint32_t *stream_ids;	/* plan->stream_count: number of each stream in this instance */
	char *sql, *brokers;	/* text as applied; -b or NULL */
	char *file;		/* where it came from, absolute; or its name */
};
#define FL_PIPELINE_NAME_MAX 60u

struct fl_instance {
	char *dir;
	struct fl_uuid uuid;
	struct fl_store *catalog;
	uint32_t pipeline_count;
	struct fl_pipeline *pipelines; /* sorted by name */
	bool is_run;		/* under flightctl run: max_future off by default */
	bool allow_test;	/* as given to load */
	uint64_t revision;	/* of the catalog, as loaded */
};

/* Makes an empty instance if absent, else opens it.  Errors: BAD_CONFIG and those of stores. */
enum fl_code fl_instance_open(
    const char *dir, bool create, struct fl_instance **instance, struct fl_err *err);
void fl_instance_close(struct fl_instance **instance);
/* The table of a stream of some pipeline; NULL: its pipeline was dropped. */
const struct fl_table *fl_instance_table(const struct fl_instance *instance, uint32_t stream);
/*
 * Puts a pipeline into the catalog: compiles it from disk, keeps its text, its
 * files and its streams.  The same pipeline again is fine; a changed one is
 * PLAN_CHANGED unless reset, which gives it a new uuid and deletes its store.
 * detail: as fl_sql_compile().
 */
enum fl_code fl_instance_apply(struct fl_instance *instance, const char *sql_file,
    const char *brokers, bool reset, struct fl_buf *detail, struct fl_err *err);
/* The same from text in memory: flow tests. */
enum fl_code fl_instance_apply_text(struct fl_instance *instance, const char *name,
    const char *text, const struct fl_sql_env *env, bool reset, struct fl_buf *detail,
    struct fl_err *err);
/*
 * Can the stores that all pipelines share be opened (catalog, ingest, emit)?  No instance in
 * dir is fine.  Errors: as fl_store_open().
 */
enum fl_code fl_instance_probe(const char *dir, struct fl_err *err);
/*
 * Moves all stores into DIR/aside.N, which then is an instance by itself, and leaves an empty
 * one, with the settings of the old one if its catalog can be read.
 *
 *	names	pipelines that are going to be applied: all that have a store must be among them
 *	to	out: the directory they are in, appended
 *
 * Errors:  ALREADY_RUNNING  a program has its store; BAD_CONFIG: a pipeline is not named
 */
enum fl_code fl_instance_set_aside(const char *dir, const char *const names[], uint32_t count,
    struct fl_buf *to, bool *keeps_settings, struct fl_err *err);
/*
 * Takes a pipeline out of the catalog and deletes its store; streams that no other one reads
 * go too.  It need not compile.  execute false: only whether it is there.
 *
 * Errors:  NO_SUCH_OBJECT; ALREADY_RUNNING while aggregate has its store
 */
enum fl_code fl_instance_drop(
    struct fl_instance *instance, const char *name, bool execute, struct fl_err *err);
/* (Re)loads pipelines and compiles them.  allow_test: connector 'test'.
 * Errors: PLAN_CHANGED when this version of Flight reads a pipeline differently,
 * STORE_MISMATCH after a reset or a drop that was interrupted. */
enum fl_code fl_instance_load(struct fl_instance *instance, bool allow_test, struct fl_err *err);
/* Have pipelines been applied since load?  Programs then load again. */
enum fl_code fl_instance_changed(
    struct fl_instance *instance, bool *changed, struct fl_err *err);
/* Settings (quotas, ports): text by key, kept in the catalog.  get: value empty and
 * false when it was never set. */
enum fl_code fl_instance_set(
    struct fl_instance *instance, const char *key, const char *value, struct fl_err *err);
enum fl_code fl_instance_get(struct fl_instance *instance, const char *key, bool *found,
    struct fl_buf *value, struct fl_err *err);
/* Rows of tbl/config.h that belong to an instance: name and default; NULL past the end. */
const char *fl_config_row(uint32_t i, const char **value);
/* The number that was set for key, else its default. */
int64_t fl_config_number(struct fl_instance *instance, const char *key);
void fl_config_text(struct fl_instance *instance, const char *key, struct fl_buf *text);
/* Where serve has to listen; 0: nobody asks for it.  Errors: BAD_CONFIG: pipelines disagree. */
enum fl_code fl_config_serve_port(
    struct fl_instance *instance, uint16_t *port, struct fl_err *err);
/* "DIR/ingest", "DIR/pipelines/NAME", ... into buf; returns buf.  Bytes of a name other
 * than letters, digits, '_' and '-' are written as %XX. */
const char *fl_instance_path(
    const struct fl_instance *instance, enum fl_role role, const char *pipeline, char *buf, size_t size);

/* Opens the store at that path; write: as its one writer, and makes it if absent.
 * Errors: as fl_store_open(). */
enum fl_code fl_instance_store(const struct fl_instance *instance, enum fl_role role,
    const char *pipeline, bool write, struct fl_store **store, struct fl_err *err);

/* Commands travel in the catalog; each program stores the last number applied. */
struct fl_command {
	uint64_t number;
	const char *program, *verb, *arguments; /* arguments: JSON; borrowed during the call */
};
enum fl_code fl_command_put(struct fl_instance *instance, const char *program, const char *verb,
    const char *arguments, uint64_t *number, struct fl_err *err);
/* The number of the newest command of any program, 0: none.  Programs look through commands
 * only when it has changed: one may hold many letters. */
enum fl_code fl_command_last(struct fl_instance *instance, uint64_t *number, struct fl_err *err);
/* Calls fn for each command of program with number > after. */
enum fl_code fl_command_each(struct fl_instance *instance, const char *program, uint64_t after,
    enum fl_code (*fn)(void *ctx, const struct fl_command *command, struct fl_err *err), void *ctx,
    struct fl_err *err);

/* ---- bells: DIR/run/bells, one 32-bit word per program, one writer per word ---- */
enum fl_bell { FL_BELL_INGEST, FL_BELL_AGGREGATE, FL_BELL_EMIT, FL_BELL_COUNT };
struct fl_bells;
enum fl_code fl_bells_open(const struct fl_instance *instance, struct fl_bells **bells, struct fl_err *err);
void fl_bells_close(struct fl_bells **bells);
void fl_bell_ring(struct fl_bells *bells, enum fl_bell bell); /* after a commit */
uint32_t fl_bell_read(const struct fl_bells *bells, enum fl_bell bell);
/* Waits until the word differs from seen or wait_ms (<= 500) passed. */
void fl_bell_wait(struct fl_bells *bells, enum fl_bell bell, uint32_t seen, int wait_ms);

/* ---- metrics: DIR/run/metrics.<program>: rows of tbl/metrics.h ---- */
enum fl_metric_kind { FL_COUNTER, FL_GAUGE };
enum fl_metric {
#define FL_METRIC(program, name, kind, unit, help) FL_METRIC_##program##_##name,
#include "tbl/metrics.h"
	FL_METRIC_COUNT,
};
struct fl_metrics; /* one mapped file per program */
enum fl_code fl_metrics_open(const struct fl_instance *instance, const char *program, bool write,
    struct fl_metrics **metrics, struct fl_err *err);
void fl_metrics_close(struct fl_metrics **metrics);
/* metrics may be NULL in all of these: nothing happens. */
void fl_metric_set(struct fl_metrics *metrics, enum fl_metric metric, int64_t value);
int64_t fl_metric_get(const struct fl_metrics *metrics, enum fl_metric metric);
struct fl_metric_info {
	const char *program, *name, *unit, *help;
	enum fl_metric_kind kind;
};
const struct fl_metric_info *fl_metric_info(enum fl_metric metric);
/* pid, heartbeat and state text of the writing program; false: never ran. */
void fl_metrics_beat(struct fl_metrics *metrics, const char *state); /* <= 127 bytes; once a second and on change */
bool fl_metrics_life(const struct fl_metrics *metrics, int32_t *pid, int64_t *beat_ms, char state[128]);

/* ---- the loop that all programs are ---- */
struct fl_program {
	const char *name;
	/* open gets the loaded instance, which has at least one pipeline; NO_SUCH_OBJECT
	 * is waited for.  step does one bounded turn: *worked true if it did anything;
	 * *done true: nothing will ever come (bounded). */
	enum fl_code (*open)(struct fl_instance *instance, void **self, struct fl_err *err);
	enum fl_code (*step)(void *self, int64_t now_ms, bool *worked, bool *done, struct fl_err *err);
	/* Waits for work at most wait_ms (bell, eventfd). */
	void (*wait)(void *self, int wait_ms);
	void (*close)(void **self);
	/* Only reads: it takes up changes of the catalog by itself and stays open meanwhile;
	 * among the threads of one process it ends when the others have. */
	bool is_reader;
};
/* Makes NAME_program out of typed functions: open(instance, struct NAME **, err), and
 * NAME_step(), NAME_wait() and NAME_close(). */
#define FL_PROGRAM(NAME, open_typed) FL_PROGRAM_AS(NAME, open_typed, false)
#define FL_READER(NAME, open_typed)  FL_PROGRAM_AS(NAME, open_typed, true)
#define FL_PROGRAM_AS(NAME, open_typed, is_reader)                                              \
	static enum fl_code NAME##_program_open(                                                \
	    struct fl_instance *instance, void **self, struct fl_err *err)                      \
	{                                                                                       \
		struct NAME *typed = NULL;                                                      \
                                                                                                \
		FL_TRY(open_typed(instance, &typed, err));                                      \
		*self = typed;                                                                  \
		return FL_OK;                                                                   \
	}                                                                                       \
	static enum fl_code NAME##_program_step(                                                \
	    void *self, int64_t now_ms, bool *worked, bool *done, struct fl_err *err)           \
	{                                                                                       \
		return NAME##_step(self, now_ms, worked, done, err);                            \
	}                                                                                       \
	static void NAME##_program_wait(void *self, int wait_ms)                                \
	{                                                                                       \
		NAME##_wait(self, wait_ms);                                                     \
	}                                                                                       \
	static void NAME##_program_close(void **self)                                           \
	{                                                                                       \
		struct NAME *typed = *self;                                                     \
                                                                                                \
		NAME##_close(&typed);                                                           \
		*self = NULL;                                                                   \
	}                                                                                       \
	const struct fl_program NAME##_program = { #NAME, NAME##_program_open,                  \
		NAME##_program_step, NAME##_program_wait, NAME##_program_close, is_reader }
/*
 * Before the programs start: what a former run finished is not finished any more, as
 * its sources are looked at again.  Without it aggregate and emit would take the former
 * run's word and end before ingest has found what is new.
 *
 * Errors:  ALREADY_RUNNING  of a program that finished and still runs
 */
enum fl_code fl_instance_reopen(const struct fl_instance *instance, struct fl_err *err);
/* Runs a program's main(): options, signals, log, loop, exit status; TRANSIENT
 * errors are retried with back-off (50 ms to 5 s) and shown as the state.  It beats
 * in metrics.<name> once a second, keeping the state text that the program set.  A
 * change of the catalog closes the program, loads the instance, and opens it again. */
int fl_program_main(const struct fl_program *program, int argc, char **argv);
/* Where the supervisord of `flightctl up` tells its children its pid. */
#define FL_SUPERVISOR_ENV "FLIGHT_SUPERVISORD"
/* Parent of this process; 0: it was that supervisord, and is gone. */
pid_t fl_program_parent(void);
/*
 * Runs programs as threads of this process over one loaded instance, until all but
 * readers are done (ingest first, then who follows it), *stop is set, or one fails: that ends
 * them all and is returned.  Each program is opened, stepped and closed by its own
 * thread.
 */
enum fl_code fl_programs_run(struct fl_instance *instance,
    const struct fl_program *const programs[], uint32_t count,
    const volatile sig_atomic_t *stop, struct fl_err *err);

#endif
