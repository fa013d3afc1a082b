/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - what went wrong: a code, where, and a sentence for a stranger.
 *
 * A function that can fail returns enum fl_code and takes struct fl_err * last;
 * out parameters stay untouched on failure.  The class of a code (a column of
 * tbl/errors.h) says what happens next, so no call site decides it.
 *
 * Memory:  struct fl_err holds its text; nothing to free.
 * Thread:  a struct fl_err belongs to one thread.
 * Errors:  out of memory is not an error code: fl_malloc() ends the process
 *	    with exit 75.  Any instant is safe to die at, so this is too.
 */
#ifndef FL_BASE_ERR_H
#define FL_BASE_ERR_H

#include <stdbool.h>

enum fl_err_class {
	FL_CLASS_NONE = 0,
	FL_CLASS_INPUT,		/* this record or statement is wrong */
	FL_CLASS_TRANSIENT,	/* may work later; the caller waits and retries */
	FL_CLASS_CONFIG,	/* needs a person: exit 78 */
	FL_CLASS_FATAL,		/* cannot go on safely: exit 70 */
};

enum fl_code {
	FL_OK = 0,
#define FL_ERROR(name, class, help) FL_E_##name,
#include "tbl/errors.h"
#undef FL_ERROR
	FL_E_COUNT,
};

#define FL_ERR_TEXT_SIZE 512

struct fl_err {
	enum fl_code code;	/* row of tbl/errors.h; FL_OK while nothing failed */
	int native;		/* errno, MDB_* or rd_kafka code, else 0 */
	const char *origin;	/* "column/batch.c:11", set by the macro */
	char text[FL_ERR_TEXT_SIZE]; /* "outermost: ...: cause" */
};

/* Raises: sets err and returns its code.  err may be NULL. */
enum fl_code fl_err_set(struct fl_err *err, enum fl_code code, int native,
    const char *origin, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

#define FL_STR2(x) #x
#define FL_STR(x) FL_STR2(x)
#define FL_FAIL(err, code, ...) \
	fl_err_set((err), (code), 0, __FILE__ ":" FL_STR(__LINE__), __VA_ARGS__)
/* With the native code (errno, MDB_*, rd_kafka_resp_err_t) that caused it. */
#define FL_FAIL_NATIVE(err, code, native, ...) \
	fl_err_set((err), (code), (native), __FILE__ ":" FL_STR(__LINE__), __VA_ARGS__)

#define FL_TRY(call) \
	do { \
		enum fl_code fl_try_code = (call); \
		if (fl_try_code != FL_OK) \
			return fl_try_code; \
	} while (0)

/* Puts "context: " in front of the text; cuts at the end.  Returns err->code; so err is
 * not NULL, a failure would pass for none. */
enum fl_code fl_err_context(struct fl_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

const char *fl_code_name(enum fl_code code);	 /* "BAD_TYPE" */
const char *fl_code_help(enum fl_code code);	 /* one sentence for docs/errors.md */
enum fl_err_class fl_code_class(enum fl_code code);
const char *fl_class_name(enum fl_err_class class); /* "INPUT" */
/* The exit status a program ends with on this code: 1, 70, 75 or 78. */
int fl_code_exit(enum fl_code code);
/* "BAD_TYPE topic ...: column ... (column/batch.c:11)" into buf. */
const char *fl_err_print(const struct fl_err *err, char *buf, unsigned size);

#endif
