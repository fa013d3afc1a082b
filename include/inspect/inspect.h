/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect.h - SQL over the stores of an instance, reading only.
 *
 *	inspect	   an instance with its stores as tables of a SQLite connection in memory
 *	picture	   all stores as of one moment: what one or several statements see
 *	statement  one SELECT, its parameters and its rows
 *
 * A picture is made of read transactions, begun downstream first (emit, pipelines,
 * ingest), so that each store has at least what the one before it names.  Keyed state is
 * folded when the first table that shows it is read, exactly up to R, with every
 * program alive or dead and at no cost for them.
 *
 * For one statement:
 *
 *	inspect_open(instance, &options, &inspect, err)
 *	inspect_begin(inspect, err)			the picture
 *	inspect_prepare(inspect, sql, size, &statement, detail, err)
 *	inspect_bind(statement, "name", text)
 *	while (inspect_step(statement, &has_row, err) == FL_OK && has_row)
 *		inspect_value(statement, column, &value)
 *	inspect_finish(&statement)
 *	inspect_end(inspect)
 *	inspect_close(&inspect)
 *
 * A reader that lives long (an HTTP server) keeps the inspect open and does begin ... end
 * for each answer; a statement may be kept too, with inspect_reset() after each use.  What
 * was folded stays: the next picture folds only the steps since.  Between end and begin no
 * transaction is open, so the programs can use all pages again; a picture that
 * stays open makes the stores grow.  When fl_instance_changed() says so: inspect_close(),
 * fl_instance_load(), inspect_open().
 *
 * What a value is: BOOLEAN and integers INTEGER; FLOAT, DOUBLE REAL (NaN is NULL); CHAR,
 * VARCHAR, DECIMAL, DATE, ARRAY (as JSON) TEXT; TIMESTAMP and TIMESTAMP_LTZ TEXT, as
 * 2024-01-01T00:00:00.000 with as many digits as the type has, of LTZ in UTC with a Z;
 * BINARY, VARBINARY BLOB.  Columns with times compare by the instant, in whatever form the
 * other side writes it (a blank for the T, an offset for the Z, fewer digits); those with a
 * DECIMAL compare as numbers.
 *
 * Reading only: SELECT (WITH, VALUES, EXPLAIN) and PRAGMA table_info, table_xinfo and
 * table_list are allowed, nothing else; no function reads a file; sorting happens in memory.
 *
 * Process: one inspect for one loaded instance; the instance outlives it.
 * Thread:  all calls from one at a time; between begin and end from the same one, as the
 *	    transactions are its own.
 * Memory:  texts and blobs of a value are valid until the next step, reset or finish.
 * Errors:  those of stores (STORE_*, REPLAY_DIVERGED) from begin and step.
 */
#ifndef FL_INSPECT_INSPECT_H
#define FL_INSPECT_INSPECT_H

#include "shm/instance.h"

struct inspect;
struct inspect_statement;

struct inspect_options {
	int64_t timeout_ms;  /* of a statement, from its first step on; 0: none */
	int64_t memory_size; /* bytes that SQLite may hold in this process; 0: no limit */
};

enum inspect_kind { INSPECT_NULL, INSPECT_INTEGER, INSPECT_REAL, INSPECT_TEXT, INSPECT_BLOB };

struct inspect_value {
	enum inspect_kind kind;
	int64_t integer;
	double real;
	const char *bytes; /* TEXT: with a 0 behind; BLOB: NULL if size is 0 */
	size_t size;
};

/*
 * Makes the tables of the instance's pipelines; opens no store yet.
 *
 * Errors:  BAD_CONFIG	  SQLite cannot be used
 */
enum fl_code inspect_open(const struct fl_instance *instance,
    const struct inspect_options *options, struct inspect **inspect, struct fl_err *err);
void inspect_close(struct inspect **inspect);

/* Begins a picture.  A store that is not there yet is empty. */
enum fl_code inspect_begin(struct inspect *inspect, struct fl_err *err);
/* Ends it; statements that were not finished or reset are reset.  Without one: nothing. */
void inspect_end(struct inspect *inspect);

/*
 * Compiles one statement; the picture may be begun before or after.
 *
 *	detail	may be NULL; gets the line, a caret below what is wrong, and a hint
 *
 * Errors:  SQL_SYNTAX, SQL_BIND   "line:column: message"; of a table that is not there
 *				   the names of those that are
 *	    SQL_UNSUPPORTED	   it does more than read, or is more than one statement
 */
enum fl_code inspect_prepare(struct inspect *inspect, const char *sql, size_t size,
    struct inspect_statement **statement, struct fl_buf *detail, struct fl_err *err);
/* Parameters that the statement names, without their first sign (:, @ or $); NULL past the
 * end.  One that was not bound is NULL. */
const char *inspect_parameter(const struct inspect_statement *statement, uint32_t i);
/* Copies the text.  Before the first step.  Errors: NO_SUCH_OBJECT, naming those there are. */
enum fl_code inspect_bind(struct inspect_statement *statement, const char *name,
    const char *text, struct fl_err *err);

uint32_t inspect_column_count(const struct inspect_statement *statement);
const char *inspect_column_name(const struct inspect_statement *statement, uint32_t column);
/* SQL type of a column that is one of a table as it is ("BIGINT"); NULL: of an expression. */
const char *inspect_column_type(const struct inspect_statement *statement, uint32_t column);

/*
 * The next row.
 *
 * Errors:  TIMED_OUT	 the limit of time passed; the statement is at its end
 *	    SQL_BIND	 a function or cast failed in this row, or memory_size was reached
 */
enum fl_code inspect_step(
    struct inspect_statement *statement, bool *has_row, struct fl_err *err);
void inspect_value(
    const struct inspect_statement *statement, uint32_t column, struct inspect_value *value);
/* Back to before the first row; what was bound stays. */
void inspect_reset(struct inspect_statement *statement);
void inspect_finish(struct inspect_statement **statement);

/* A date and a time of day in any of the forms above, or a date.  False: it is none. */
bool inspect_parse_time(const char *text, int64_t *ms);

/* ---- rows as text, for whoever prints or sends them ---- */

/* A value as JSON: BLOB as base64, REAL that is no JSON number as a string. */
void inspect_print_json(const struct inspect_value *value, struct fl_buf *out);
/* The row as a JSON object by column name, in the columns' order, without blanks. */
void inspect_print_json_row(const struct inspect_statement *statement, struct fl_buf *out);
/* A line of CSV (RFC 4180, "\n" at its end): NULL is empty, an empty text is "". */
void inspect_print_csv_names(const struct inspect_statement *statement, struct fl_buf *out);
void inspect_print_csv_row(const struct inspect_statement *statement, struct fl_buf *out);
/* A value as plain text: NULL is "", BLOB as base64. */
void inspect_print_text(const struct inspect_value *value, struct fl_buf *out);

#endif
