/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ctl.h - what the commands of flightctl share.
 *
 * A command is one row of tbl/commands.h and one function int cmd_<name>(struct ctl *).
 * Its options are the lines of the row's `options` text: the same lines are the help,
 * the page docs/cli.md and the option parser, so they cannot disagree.
 *
 *	  -b, --brokers BROKERS   what it does
 *	      --detach            what it does
 *
 * Data goes to stdout, talk to stderr.
 */
#ifndef FL_FLIGHTCTL_CTL_H
#define FL_FLIGHTCTL_CTL_H

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

#include "shm/instance.h"
#include "shm/life.h"
#include "shm/view.h"

enum ctl_exit {
	CTL_OK = 0,
	CTL_FAILED = 1, /* failed, or a problem was found */
	CTL_USAGE = 2,
	CTL_NOT_RUNNING = 3, /* status only */
	CTL_NO_OBJECT = 4,
	CTL_TIMED_OUT = 5,
	CTL_DEGRADED = 6, /* running, but something wants a person */
};

enum ctl_access { CTL_LOCAL, CTL_READS, CTL_WRITES };

struct ctl;

struct ctl_command {
	const char *name;
	enum ctl_access access; /* of the instance */
	const char *arguments;	/* after the name, for the usage line */
	const char *summary;	/* one line */
	const char *options;	/* lines as above; "" for none */
	const char *text;	/* paragraphs of the long help */
	const char *examples;	/* two lines */
	int (*run)(struct ctl *ctl);
	bool hidden;
};

const struct ctl_command *ctl_command_row(uint32_t i);	      /* NULL past the end */
const struct ctl_command *ctl_command_find(const char *name); /* NULL */
extern const char ctl_global_options[];

#define CTL_OPTIONS_MAX 48
struct ctl_option { /* parsed from one line of options */
	char name[24];
	char short_name; /* 0: none */
	bool has_value;
	bool is_optional; /* --watch[=S] */
};
/* Parses option lines; returns how many were written (at most max). */
uint32_t ctl_options_parse(const char *text, struct ctl_option *options, uint32_t max);

struct ctl {
	const struct ctl_command *command;
	const char *instance; /* directory */
	bool is_instance_named; /* by -i or FLIGHT_HOME */
	bool json, quiet;
	struct fl_buf *excerpt; /* lines of SQL that ctl_fail() shows below the error */
	int verbose;
	int64_t watch_ms;   /* 0: once */
	int64_t timeout_ms; /* 0: the command's own */
	int argc;	    /* of the command: argv[0] is its name */
	char **argv;
	/* After the last ctl_next_option(): */
	int arg_count;
	char **args;
	bool stop; /* help was printed or the usage is wrong: return status */
	int status;
	bool started; /* option parser state */
};

/*
 * The next option of the command: its long name, and its value.  Global options are
 * taken here.  NULL at the end, and once ctl->stop is set: ctl_need_args() is next.
 */
const char *ctl_next_option(struct ctl *ctl, const char **value);
/* Complains unless min <= arg_count <= max; true if fine. */
bool ctl_need_args(struct ctl *ctl, int min, int max);
/* "flightctl COMMAND: ..." and a pointer to the help; returns CTL_USAGE. */
int ctl_usage(struct ctl *ctl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Prints err; returns the exit status of its code. */
int ctl_fail(const struct ctl *ctl, const struct fl_err *err);
/* The log says as much as -q and -v ask for. */
void ctl_log_open(const struct ctl *ctl);
/* A line to stderr unless --quiet. */
void ctl_say(const struct ctl *ctl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Strict numbers of options; on failure complains, sets ctl->stop and status. */
bool ctl_option_i64(
    struct ctl *ctl, const char *name, const char *value, int64_t min, int64_t *out);
bool ctl_option_f64(
    struct ctl *ctl, const char *name, const char *value, double min, double max, double *out);

extern volatile sig_atomic_t ctl_is_stopping;
/* From now on the signal sets ctl_is_stopping. */
void ctl_stop_on(int signal_number);
/* Sleeps until then (fl_monotonic_us()), or until ctl_is_stopping. */
void ctl_wait_until(int64_t due_us);

void ctl_print_usage(FILE *out); /* all commands */
void ctl_print_help(const struct ctl_command *command, bool is_long, FILE *out);
void ctl_print_cli_page(struct fl_buf *out); /* docs/cli.md */

/* Opens the instance for reading and compiles its pipelines. */
enum fl_code ctl_instance_open(
    const struct ctl *ctl, bool load, struct fl_instance **instance, struct fl_err *err);
/* What could not be read, to stderr.  CTL_FAILED if there is any. */
int ctl_say_problems(const struct ctl *ctl, const struct fl_view *view);

/* ---- output: one table for people and machines ---- */

/*
 * Columns are named once, "topic,partition#,position#": # marks numbers, which are
 * right-aligned and unquoted in JSON.  A NULL cell is "-" and null.
 */
struct out_table {
	struct fl_arena arena;
	const char *title;
	uint32_t column_count, row_count, row_max;
	const char **names;
	bool *is_number;
	const char **cells; /* row_count * column_count */
};
void out_init(struct out_table *table, const char *title, const char *columns);
/* One more, before the first row; the name is copied.  Returns its index. */
uint32_t out_column(struct out_table *table, const char *name, bool is_number);
void out_fini(struct out_table *table);
/* Starts a row; its cells are set left to right, copied. */
void out_row(struct out_table *table);
void out_cell(struct out_table *table, uint32_t column, const char *text); /* NULL: none */
void out_cellf(struct out_table *table, uint32_t column, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void out_time(struct out_table *table, uint32_t column, int64_t ms); /* FL_TIME_MIN, MAX: none */
void out_print(const struct out_table *table, struct fl_buf *out);   /* aligned lines */
void out_json(const struct out_table *table, struct fl_buf *out);    /* array of objects */
void out_json_value(struct fl_buf *out, const char *text, size_t size, bool is_number);
/*
 * Lines of a table whose rows are too many to be collected: each text is told with
 * out_widen() first, then all are put into lines of size_max blanks.
 */
struct out_lines {
	const struct out_table *table; /* its columns; borrowed */
	size_t *widths, *at;	       /* of columns; at in a line */
	size_t size_max;
};
void out_lines_init(struct out_lines *lines, const struct out_table *table);
void out_lines_fini(struct out_lines *lines);
static inline void
out_widen(struct out_lines *lines, uint32_t column, size_t size)
{
	lines->widths[column] = FL_MAX(lines->widths[column], size);
}
/* Widths are known: prints the line of names. */
void out_lines_begin(struct out_lines *lines, struct fl_buf *out);
/* Puts a text where it belongs; returns its end. */
char *out_put(const struct out_lines *lines, char *line, uint32_t column, const char *text,
    size_t size);
/* Ends a line at the end of its last text; a letter of several bytes is one column wide.  Twice
 * size_max bytes may be written.  Returns what is behind the newline. */
char *out_lines_end(const struct out_lines *lines, char *line, char *end);
/* Either, to stdout. */
void out_flush(const struct ctl *ctl, const struct out_table *table);
/* Writes all of buf to stdout; false: stdout is gone. */
bool out_write(const struct fl_buf *buf);
bool out_is_read(void); /* false once out_write() gave false */
/* Writes what stdio holds; status, or CTL_FAILED in place of CTL_OK if stdout takes no more. */
int out_end(int status);
/* "2024-01-01T00:00:00Z"; "-" for FL_TIME_MIN and MAX. */
const char *out_instant(int64_t ms, char buf[32]);

/* ---- places: programs and data beside flightctl's own binary ---- */

enum fl_code ctl_path_program(const char *name, char *buf, size_t size, struct fl_err *err);
enum fl_code ctl_path_data(const char *name, char *buf, size_t size, struct fl_err *err);

/* ---- dead letters ---- */

/* How many there are and the first of each writer, to stderr; says nothing of none.  True: some. */
bool dlq_say(const struct ctl *ctl, const struct fl_instance *instance);

/* ---- temporary instances ---- */

struct ctl_temporary {
	char dir[PATH_MAX];
	size_t kept_size; /* of dir: what stood before */
	pid_t guard;	  /* removes dir when we are killed */
	int guard_fd;
	int lock_fd; /* says to those that come later that we live */
};
/*
 * A new private directory under the user's cache; is_passed: in /tmp, so that another user's
 * program can get through to what is its own.  It is gone after _close(), and soon after this
 * process was killed too; what is left of those whose guard died with them is removed first.
 *
 * Process:  forks; call it before there are threads or open stores.
 */
enum fl_code ctl_temporary_open(
    const char *what, bool is_passed, struct ctl_temporary *temporary, struct fl_err *err);
/* Waits some seconds for programs that still hold a lock in it.  Nothing, if never opened. */
void ctl_temporary_close(struct ctl_temporary *temporary);

/* ---- the private supervisord of an instance ---- */

/* Could supervisord take an instance at this path?  It need not be there; nothing is made.
 * Errors: BAD_CONFIG. */
enum fl_code super_check(const char *dir, struct fl_err *err);
/* Held from before the catalog is changed until all are ready: of two `up` one starts.  The
 * kernel frees it with the process.  Errors: ALREADY_RUNNING, BAD_CONFIG. */
enum fl_code super_lock(const char *dir, int *fd, struct fl_err *err);
/*
 * May the caller change this instance and run it?  Not while its programs run; where all
 * are done it may be run again, and ends_idle ends the supervisord that is left of them.
 *
 * Errors:  ALREADY_RUNNING; TIMED_OUT (that supervisord does not end)
 */
enum fl_code super_claim(
    const struct fl_instance *instance, bool ends_idle, struct fl_err *err);
/* Writes DIR/supervisord.conf.  Errors: BAD_CONFIG. */
enum fl_code super_write(struct fl_instance *instance, struct fl_err *err);
/* Process that listens on the instance's socket; 0: none. */
pid_t super_pid(const char *dir);
/* Waits until no program runs that a supervisord left behind.  Errors: ALREADY_RUNNING. */
enum fl_code super_wait_orphans(const struct fl_instance *instance, struct fl_err *err);
/*
 * Starts supervisord for the instance.  With is_own it dies with the calling thread
 * (up in the foreground, demo); else it leads its own session.
 *
 * Errors:  BAD_CONFIG	     the path is none for supervisord
 *	    ALREADY_RUNNING  a supervisord of this instance answers, or orphans do not end
 */
enum fl_code super_start(
    const struct fl_instance *instance, bool is_own, pid_t *pid, struct fl_err *err);
/*
 * Waits until each program has beaten since from_ms or has ended for good.
 * Errors:  TIMED_OUT; BAD_CONFIG with the last line of the log of a program that stays down
 */
enum fl_code super_wait_ready(struct fl_instance *instance, pid_t pid, int64_t from_ms,
    int64_t timeout_ms, struct fl_err *err);
/* Asks supervisord to end and waits.  Errors: TIMED_OUT. */
enum fl_code super_stop(const char *dir, pid_t pid, int64_t timeout_ms, struct fl_err *err);
/* The children of a process by name of program; 0: none. */
pid_t super_child(pid_t parent, const char *comm);
/* None of the writers is a child of this supervisord. */
bool super_is_idle(pid_t pid);
/* Copies what was added to the log files to stdout; at[] keeps the positions. */
#define SUPER_LOG_COUNT 5
void super_log_follow(const char *dir, int64_t at[SUPER_LOG_COUNT], bool to_end);

/* ---- topics: produce, consume, gen and demo ---- */

enum { TOPIC_AVRO = 1, TOPIC_JSON, TOPIC_RAW };
struct topic { /* what -b, -X, -F, --schema and --format say */
	struct fl_arena arena;
	struct fl_table table;
	uint32_t option_max;
	struct fl_schema columns; /* of the Avro schema */
	const char *schema;	  /* JSON text or NULL */
	int format;		  /* TOPIC_* */
};
void topic_init(struct topic *topic);
void topic_fini(struct topic *topic);
/* --schema FILE#NAME.  Errors: NO_SUCH_FILE, NO_SUCH_OBJECT, BAD_SCHEMA. */
enum fl_code topic_set_schema(struct topic *topic, const char *file_and_name, struct fl_err *err);
/* As ctl_next_option(), and takes those that mean the same in produce, consume and gen:
 * brokers, topic, property, properties, schema, format. */
const char *topic_next_option(struct ctl *ctl, struct topic *topic, const char **value);
/* Sets name and brokers, checks that all is there.  Errors: USAGE. */
enum fl_code topic_finish(struct topic *topic, const char *name, struct fl_err *err);

/* Is the topic there, with so many partitions at least?  Asked before sending: librdkafka
 * would wait for it.  Errors: TOPIC_MISSING, NO_SUCH_OBJECT, BROKER_AWAY. */
enum fl_code topic_check(
    const struct topic *topic, int64_t partition_count, int timeout_ms, struct fl_err *err);

struct topic_codec; /* JSON lines to messages, or messages to JSON lines */
enum fl_code topic_codec_open(const struct topic *topic, bool to_messages,
    struct topic_codec **codec, struct fl_err *err);
void topic_codec_close(struct topic_codec **codec);
/* One line; the message stands in *message until the next call.
 * Errors: those of decoders; SINK_REFUSED. */
enum fl_code topic_encode(struct topic_codec *codec, const char *line, size_t size,
    const struct fl_buf **message, struct fl_err *err);
/* Appends the line; a message without a value is null. */
enum fl_code topic_decode(struct topic_codec *codec, const void *message, size_t size,
    struct fl_buf *line, struct fl_err *err);
/* Is it one JSON value and nothing else? */
bool topic_is_json(const char *text, size_t size);

#define FL_COMMAND(name, function, access, arguments, summary, options, text, examples)            \
	int cmd_##function(struct ctl *ctl);
#include "tbl/commands.h"
#undef FL_COMMAND
int cmd_watch_peers(struct ctl *ctl);

#endif
