/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avro.h - an Avro schema as a graph of nodes: what decoder and encoder compile from.
 *
 * Named types are one node wherever they are used, so a recursive schema is a
 * graph with cycles; every cycle passes a union, array or map (checked).
 *
 * Memory: nodes live in the arena given to the parser.
 */
#ifndef FL_CODEC_AVRO_H
#define FL_CODEC_AVRO_H

#include "codec_impl.h"

#define FL_AVRO_SIZE_MAX ((size_t)1 << 20)
#define FL_AVRO_FIELDS_MAX 2000u /* fields, branches and named types, each */
#define FL_AVRO_SYMBOLS_MAX 4096u
#define FL_AVRO_FIXED_MAX (1u << 20)

enum fl_avro_kind {
	FL_AVRO_NULL, FL_AVRO_BOOLEAN, FL_AVRO_INT, FL_AVRO_LONG, FL_AVRO_FLOAT, FL_AVRO_DOUBLE,
	FL_AVRO_BYTES, FL_AVRO_STRING, /* up to here by keyword alone */
	FL_AVRO_RECORD, FL_AVRO_ENUM, FL_AVRO_FIXED, FL_AVRO_ARRAY, FL_AVRO_MAP, FL_AVRO_UNION,
};

enum fl_avro_logical {
	FL_AVRO_PLAIN, FL_AVRO_DECIMAL, FL_AVRO_DATE, FL_AVRO_TIMESTAMP_MILLIS,
	FL_AVRO_TIMESTAMP_MICROS, FL_AVRO_LOCAL_MILLIS, FL_AVRO_LOCAL_MICROS,
};

struct fl_avro_node;
struct fl_avro_field {
	const char *name;
	struct fl_avro_node *type;
};

struct fl_avro_node {
	enum fl_avro_kind kind;
	enum fl_avro_logical logical;
	uint32_t precision, scale;	/* DECIMAL */
	const char *name;		/* full name of RECORD, ENUM, FIXED; else NULL */
	uint32_t count;			/* fields, symbols or branches */
	uint32_t size;			/* FIXED */
	struct fl_avro_field *fields;
	const char **symbols;		/* each with 16 bytes that may be read */
	uint32_t *symbol_sizes;
	struct fl_avro_node **branches;
	struct fl_avro_node *item;	/* ARRAY, MAP */
	struct json_t *source;		/* while picking only */
	bool is_written;		/* while picking: defined already */
	uint8_t visit, height;		/* while checking for cycles */
	uint32_t skip_at;		/* decoder: where the program that skips it begins, or 0 */
};

/* [null, T], [T, null], [T] or T: what a column can hold. */
struct fl_avro_option {
	const struct fl_avro_node *type;
	bool is_union;
	int null_index; /* -1: no null branch */
	uint32_t type_index;
};

/* The record in text (an .avsc).  Errors: BAD_SCHEMA. */
enum fl_code fl_avro_parse_record(const char *text, struct fl_arena *arena,
    struct fl_avro_node **record, struct fl_err *err);
/* The record that Flink derives from a table.  Errors: BAD_SCHEMA. */
enum fl_code fl_avro_derive(const struct fl_schema *schema, struct fl_arena *arena,
    struct fl_avro_node **record, struct fl_err *err);
/* False for a union of several types. */
bool fl_avro_option(const struct fl_avro_node *node, struct fl_avro_option *option);
/* "long (timestamp-millis)", "enum flights.analyzer.PlaneType", "union". */
const char *fl_avro_describe(const struct fl_avro_node *node, char *buf, size_t size);
/* "columns: a, b; fields of Flight: a, c": what does not fit is cut. */
#define FL_AVRO_NAMES_SIZE 384
const char *fl_avro_names(const struct fl_schema *schema, const struct fl_avro_node *record,
    char buf[FL_AVRO_NAMES_SIZE]);

#endif
