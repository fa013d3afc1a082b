/* SPDX-License-Identifier: Apache-2.0 */
/*
 * codec.h - bytes of one record to a row of a builder, and back.
 *
 * A decoder is compiled once from the table's format, schema and columns; per
 * record it allocates nothing.  On failure the half-written row is rolled back
 * and err says which field, why, and at which byte: the dead letter's reason.
 * Input is never trusted: lengths are checked before use, depth is at most 64.
 *
 * Memory:  decoder and encoder are heap objects; nothing borrowed from the
 *	    record survives the call.
 * Thread:  one decoder per thread.
 */
#ifndef FL_CODEC_CODEC_H
#define FL_CODEC_CODEC_H

#include "column/batch.h"

enum fl_format {
	FL_FORMAT_NONE = 0,
#define FL_FORMAT(name, code, text, prefix, letter, lines) FL_FORMAT_##name = code,
#include "tbl/formats.h"
#undef FL_FORMAT
};

struct fl_format_info {
	enum fl_format format;
	const char *text;
	char letter;   /* in tbl/options.h */
	bool is_lines; /* a value is one line of text */
};
const struct fl_format_info *fl_format_info(uint32_t i); /* NULL past the end */
const char *fl_format_name(enum fl_format format); /* "avro"; "" of NONE */

struct fl_decoder;
struct fl_encoder;

/* What became of a record. */
enum fl_verdict {
	FL_VERDICT_ROW,	    /* its columns are set in the open row */
	FL_VERDICT_SKIPPED, /* by a rule of the format: null value, ignore-parse-errors */
	FL_VERDICT_DEAD,    /* err holds the reason */
};

struct fl_csv_options {
	char delimiter;
	char quote, escape;	  /* 0: none */
	bool allow_comments;	  /* lines that begin with '#' */
	bool ignore_parse_errors;
	bool plain_decimals;	  /* 1.5000, as Flink writes to Kafka; else 1.5, 1E+2, as to files */
	const char *null_literal; /* NULL: none */
};

struct fl_codec_options { /* the part of a table that codecs need */
	uint8_t format;		      /* enum fl_format */
	const struct fl_schema *schema; /* physical columns; borrowed, must outlive */
	const char *avro_schema;      /* JSON text or NULL: derived from schema as Flink does */
	bool json_ignore_parse_errors, json_fail_on_missing, json_iso8601;
	bool json_decimal_plain, json_strict, json_ignore_null_fields;
	/* For decoding: what a record must obey, the text of a JSON Schema, or NULL; strict:
	 * a number's type is as it is written. */
	const char *json_schema;
	bool json_schema_strict;
	/* What a scan wrote (jdbc/scan.h): texts are strings, BOOLEANs true or false, and what
	 * does not fit its type is refused. */
	bool json_typed;
	struct fl_csv_options csv;
	bool raw_little_endian;
};

/*
 * Columns are matched with the Avro schema's fields by name; a column without a
 * field is refused, a field without a column is skipped (lengths, enum indexes
 * and union branches are still checked, the UTF-8 of skipped strings is not).
 *
 * Errors:  BAD_SCHEMA	says which column and which schema type do not fit; where a JSON
 *			Schema is wrong or asks for what is not checked
 *	    BAD_OPTION	ignore-parse-errors together with fail-on-missing-field or with a
 *			JSON Schema
 */
enum fl_code fl_decoder_new(
    const struct fl_codec_options *options, struct fl_decoder **decoder, struct fl_err *err);
void fl_decoder_free(struct fl_decoder **decoder);
/*
 * Decodes one record into columns [0, schema->count) of builder and leaves the
 * row open: the caller sets metadata columns after them and commits; on SKIPPED
 * or DEAD the row is rolled back.  fl_builder_begin() must have been called.
 * value NULL: a null message, skipped but with a JSON Schema; raw takes it for a NULL.
 */
enum fl_verdict fl_decode(struct fl_decoder *decoder, const void *value, size_t size,
    struct fl_builder *builder, struct fl_err *err);
/* Oddities taken silently as Flink does: duplicate names, trailing text (counts). */
uint64_t fl_decoder_oddities(const struct fl_decoder *decoder);

enum fl_code fl_encoder_new(
    const struct fl_codec_options *options, struct fl_encoder **encoder, struct fl_err *err);
void fl_encoder_free(struct fl_encoder **encoder);
/* Appends row i of batch (columns = schema) to out.  Errors: SINK_REFUSED (a NULL in
 * a NOT NULL column, a string that is no enum symbol, a value out of range). */
enum fl_code fl_encode(struct fl_encoder *encoder, const struct fl_batch *batch, uint32_t row,
    struct fl_buf *out, struct fl_err *err);
/* The row is no message at all, a null key or value: raw of a NULL.  Not to be encoded then. */
bool fl_encoder_is_null(const struct fl_encoder *encoder, const struct fl_batch *batch, uint32_t row);

/* ---- why a record is a dead letter, in parts ---- */

#define FL_FAULT_SIZE 128

struct fl_fault {
	char field[FL_FAULT_SIZE]; /* "data.name", "coordinates.0"; "": none in particular */
	char rule[FL_FAULT_SIZE];  /* "required", "minimum 0", "type INT", else the code's name */
	char value[FL_FAULT_SIZE]; /* as in the text, cut like there; "": none */
};
/* In front of the reason, with ": ", where the key of a message was not decoded or encoded. */
#define FL_FAULT_KEY "the message's key"
/* Takes apart what a decoder said: the code and the text of its err, as a dead letter has them. */
void fl_fault_parse(enum fl_code code, const char *text, size_t size, struct fl_fault *fault);

/* ---- the first line of a CSV file, which names the columns ---- */

/* Errors:  BAD_CSV says which name is another */
enum fl_code fl_csv_check_header(
    const struct fl_codec_options *options, const void *p, size_t size, struct fl_err *err);
void fl_csv_put_header(const struct fl_codec_options *options, struct fl_buf *out); /* with its line end */

/* ---- Avro schemas (.avsc, .avpr) ---- */

/*
 * Picks a type out of a schema text: an .avsc (name NULL or its own) or an .avpr
 * protocol (name required), by full name.  The result is JSON in which every
 * named type it uses is defined at first use.
 *
 * Errors:  BAD_SCHEMA	    not JSON, invalid, over a limit (1 MiB, depth 64, 2,000 fields)
 *	    NO_SUCH_OBJECT  no type of that name; the message lists those there are
 */
enum fl_code fl_avro_pick(const char *text, size_t size, const char *name,
    struct fl_arena *arena, const char **schema, struct fl_err *err);
/* Columns that a record schema would be declared with, for flightctl produce and
 * consume: enum as STRING; int and long as they are whatever their logical type,
 * so that every number goes through unchanged.  Errors: BAD_SCHEMA (also when a
 * field is a record, array, map or a union of several types). */
enum fl_code fl_avro_columns(
    const char *schema, struct fl_arena *arena, struct fl_schema *columns, struct fl_err *err);

#endif
