/* SPDX-License-Identifier: Apache-2.0 */
/*
 * util.h - clock, hash, log and file helpers that every folder uses.
 */
#ifndef FL_BASE_UTIL_H
#define FL_BASE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

#define FL_ARRAY_COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FL_MIN(a, b) ((a) < (b) ? (a) : (b))
#define FL_MAX(a, b) ((a) > (b) ? (a) : (b))
#define FL_ROUND_UP(x, to) (((x) + ((to)-1)) / (to) * (to))

/* Watermarks and times: "never" on either side. */
#define FL_TIME_MIN INT64_MIN
#define FL_TIME_MAX INT64_MAX

int64_t fl_now_ms(void);       /* wall clock, ms since 1970 UTC */
int64_t fl_now_us(void);       /* wall clock, us */
int64_t fl_monotonic_us(void); /* for durations */
/* Is it every_ms since?  Also when the wall clock was set back. */
static inline bool
fl_is_due(int64_t now_ms, int64_t since_ms, int64_t every_ms)
{
	return now_ms - since_ms >= every_ms || now_ms < since_ms;
}

uint64_t fl_hash64(const void *p, size_t size);			      /* XXH3, seed 0 */
uint64_t fl_hash64_seed(const void *p, size_t size, uint64_t seed);  /* XXH3 */

struct fl_uuid {
	uint8_t bytes[16];
};
void fl_uuid_make(struct fl_uuid *uuid); /* random, version 4 */
bool fl_uuid_equal(const struct fl_uuid *a, const struct fl_uuid *b);
const char *fl_uuid_print(const struct fl_uuid *uuid, char buf[37]);

/* A whole file, at most size_max bytes.  Errors: NO_SUCH_FILE. */
enum fl_code fl_file_read(
    const char *path, size_t size_max, struct fl_buf *buf, struct fl_err *err);
/* Writes to a temporary name, fsyncs, renames, fsyncs the directory. */
enum fl_code fl_file_write(
    const char *path, const void *p, size_t size, struct fl_err *err);
/* The directory that path is in: "/a" of "/a/b", "." of "b". */
void fl_dir_of(const char *path, char *buf, size_t size);
/* Makes a new or changed name in a directory last.  0 or errno. */
int fl_dir_sync(const char *dir);
/* mkdir -p with mode 0700.  Errors: BAD_CONFIG. */
enum fl_code fl_mkdirs(const char *path, struct fl_err *err);
/* DISK_FULL for an errno that says so, else the other. */
enum fl_code fl_errno_code(int native, enum fl_code other);
/* Strict decimal int64 of the whole text.  False: not a number or out of range. */
bool fl_parse_i64(const char *s, int64_t *value);
/* Parses Flink durations: "30 s", "5min", "1 h", "100 ms", "2 d", "30" (ms). */
bool fl_parse_duration_ms(const char *s, int64_t *ms);
bool fl_parse_memory(const char *s, int64_t *bytes); /* "128MB", "64 kb", "1000" */
/* The candidate closest to word (edit distance <= 3), or NULL: "did you mean". */
const char *fl_closest(const char *word, const char *const *candidates, size_t count);

/* ---- log: one event, one line, stderr: time level program[pid] message key=value */
enum fl_log_level { FL_LOG_ERROR, FL_LOG_WARN, FL_LOG_INFO, FL_LOG_DEBUG };
void fl_log_open(const char *program, enum fl_log_level max);
void fl_log(enum fl_log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#define fl_error(...) fl_log(FL_LOG_ERROR, __VA_ARGS__)
#define fl_warn(...) fl_log(FL_LOG_WARN, __VA_ARGS__)
#define fl_info(...) fl_log(FL_LOG_INFO, __VA_ARGS__)
#define fl_debug(...) fl_log(FL_LOG_DEBUG, __VA_ARGS__)

/* ---- fault seams: FLIGHT_FAULT="name:n[:kill]" makes the n-th fl_fault(name)
 * return true, or kill the process with SIGKILL.  Names are in docs/testing.md.
 * Costs one relaxed load while no fault is armed. */
bool fl_fault_slow(const char *name);
extern bool fl_fault_armed;
#define fl_fault(name) (__builtin_expect(fl_fault_armed, 0) && fl_fault_slow(name))
void fl_fault_init(void); /* reads the environment; called by each main() */

#endif
