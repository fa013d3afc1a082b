/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_avro.c - Avro schemas, decoding and encoding; avro-c is the oracle.
 *
 * Random schemas of flat and nested fields, random values written by avro-c,
 * read by our program into all, some or none of the columns; and the way back.
 */
#include "../unit.h"

#include <avro.h>
#include <inttypes.h>

#include "base/util.h"
#include "codec/codec.h"

static const char flights_avpr[] =
    "{\"protocol\":\"Flights\",\"namespace\":\"flights.analyzer\",\"types\":["
    "{\"type\":\"enum\",\"name\":\"PlaneType\",\"symbols\":[\"SMALL\",\"BIG\"]},"
    "{\"type\":\"record\",\"name\":\"Flight\",\"fields\":["
    "{\"name\":\"flightNumber\",\"type\":\"string\"},{\"name\":\"planeType\",\"type\":\"PlaneType\"},"
    "{\"name\":\"passengers\",\"type\":\"int\"},"
    "{\"name\":\"landedAt\",\"type\":\"long\",\"logicalType\":\"timestamp-millis\"},"
    "{\"name\":\"origin\",\"type\":\"string\"}]},"
    "{\"type\":\"record\",\"name\":\"AveragePassengers\",\"fields\":["
    "{\"name\":\"passengers\",\"type\":\"int\"},{\"name\":\"timestamp\",\"type\":\"long\"}]},"
    "{\"type\":\"record\",\"name\":\"TrendOrigin\",\"fields\":["
    "{\"name\":\"origin\",\"type\":\"string\"},{\"name\":\"timestamp\",\"type\":\"long\"}]}]}";

static struct fl_arena arena;
static struct fl_err err;
static uint64_t random_state;

static uint64_t
random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static int
setup(void **state)
{
	(void)state;
	fl_arena_init(&arena);
	err = (struct fl_err){ .code = FL_OK };
	random_state = UINT64_C(88172645463325252);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	fl_arena_fini(&arena);
	return 0;
}

static size_t
unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; hex[0] != '\0'; hex += 2) {
		unsigned v;

		(void)sscanf(hex, "%2x", &v);
		out[n++] = (uint8_t)v;
	}
	return n;
}

static const char *
hex_of(const void *p, size_t size)
{
	char *out = fl_arena_alloc(&arena, size * 2 + 1);

	out[0] = '\0';
	for (size_t i = 0; i < size; i++)
		(void)snprintf(out + 2 * i, 3, "%02x", ((const uint8_t *)p)[i]);
	return out;
}

static const char *
pick(const char *text, const char *name)
{
	const char *schema = NULL;

	if (fl_avro_pick(text, strlen(text), name, &arena, &schema, &err) != FL_OK)
		fail_msg("%s", err.text);
	return schema;
}


static void
declare(struct fl_schema *schema, uint32_t count, const struct fl_field *fields)
{
	schema->count = count;
	schema->fields = fl_arena_dup(&arena, fields, count * sizeof(*fields));
}

struct fixture {
	struct fl_schema schema;
	struct fl_codec_options options;
	struct fl_decoder *decoder;
	struct fl_encoder *encoder;
	struct fl_builder builder;
};

static void
open_codec(struct fixture *f, const char *avro_schema)
{
	f->options = (struct fl_codec_options){
		.format = FL_FORMAT_AVRO, .schema = &f->schema, .avro_schema = avro_schema };
	f->decoder = NULL;
	f->encoder = NULL;
	if (fl_decoder_new(&f->options, &f->decoder, &err) != FL_OK)
		fail_msg("%s", err.text);
	fl_builder_init(&f->builder, &f->schema);
}

static void
close_codec(struct fixture *f)
{
	fl_decoder_free(&f->decoder);
	fl_encoder_free(&f->encoder);
	fl_builder_fini(&f->builder);
}

/* Decodes a copy that ends where its memory ends, so that asan sees overreads. */
static enum fl_verdict
decode(struct fixture *f, const void *p, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	enum fl_verdict verdict;

	memcpy(copy + 1, p, size);
	assert_true(fl_builder_begin(&f->builder));
	err = (struct fl_err){ .code = FL_OK };
	verdict = fl_decode(f->decoder, copy + 1, size, &f->builder, &err);
	if (verdict == FL_VERDICT_ROW)
		fl_builder_commit(&f->builder);
	else
		assert_true(verdict == FL_VERDICT_DEAD && err.code != FL_OK);
	free(copy);
	return verdict;
}

static enum fl_code
refusal(struct fl_schema *schema, const char *avro_schema)
{
	struct fl_codec_options options = {
		.format = FL_FORMAT_AVRO, .schema = schema, .avro_schema = avro_schema };
	struct fl_decoder *decoder = NULL;
	enum fl_code code = fl_decoder_new(&options, &decoder, &err);

	if (code == FL_OK)
		fl_decoder_free(&decoder);
	return code;
}

static const struct fl_field flight_fields[] = {
	{ "flightNumber", { .id = FL_TYPE_VARCHAR, .length = FL_LENGTH_MAX } },
	{ "planeType", { .id = FL_TYPE_VARCHAR, .length = FL_LENGTH_MAX } },
	{ "passengers", { .id = FL_TYPE_INT } },
	{ "landedAt", { .id = FL_TYPE_BIGINT } },
	{ "origin", { .id = FL_TYPE_VARCHAR, .length = FL_LENGTH_MAX } },
};
static const char flight_hex[] = "08666f6f310064d4d0f7a10b046573";

static void
assert_str(const struct fl_batch *batch, uint32_t c, uint32_t i, const char *expected)
{
	uint32_t size;
	const char *s = fl_col_str(&batch->cols[c], i, &size);

	assert_true(fl_col_is_valid(&batch->cols[c], i));
	assert_int_equal(size, strlen(expected));
	assert_memory_equal(s, expected, size);
}

static void
flight_record_is_read_and_written_as_the_vector(void **state)
{
	struct fixture f;
	uint8_t bytes[64];
	size_t size = unhex(flight_hex, bytes);
	struct fl_batch batch;
	struct fl_buf out;

	(void)state;
	declare(&f.schema, 5, flight_fields);
	open_codec(&f, pick(flights_avpr, "flights.analyzer.Flight"));
	for (int i = 0; i < 300; i++)
		assert_int_equal(decode(&f, bytes, size), FL_VERDICT_ROW);
	fl_builder_view(&f.builder, &batch, &arena);
	assert_int_equal(batch.row_count, 300);
	for (uint32_t i = 0; i < 300; i += 299) {
		assert_str(&batch, 0, i, "foo1");
		assert_str(&batch, 1, i, "SMALL");
		assert_int_equal(FL_COL_AT(&batch.cols[2], int32_t, i), 50);
		assert_int_equal(FL_COL_AT(&batch.cols[3], int64_t, i), 1511978026);
		assert_str(&batch, 4, i, "es");
	}
	assert_int_equal(fl_encoder_new(&f.options, &f.encoder, &err), FL_OK);
	fl_buf_init(&out);
	assert_int_equal(fl_encode(f.encoder, &batch, 7, &out, &err), FL_OK);
	assert_string_equal(hex_of(out.data, out.size), flight_hex);
	fl_buf_fini(&out);
	close_codec(&f);
}

static void
encode_pair(const char *name, struct fl_field *fields, int32_t number, const char *text,
    const char *hex)
{
	struct fixture f;
	struct fl_batch batch;
	struct fl_buf out;

	declare(&f.schema, 2, fields);
	open_codec(&f, pick(flights_avpr, name));
	assert_int_equal(fl_encoder_new(&f.options, &f.encoder, &err), FL_OK);
	assert_true(fl_builder_begin(&f.builder));
	if (text != NULL)
		fl_builder_set_str(&f.builder, 0, text, strlen(text));
	else
		fl_builder_set_i32(&f.builder, 0, number);
	fl_builder_set_i64(&f.builder, 1, 1511978040);
	fl_builder_commit(&f.builder);
	fl_builder_view(&f.builder, &batch, &arena);
	fl_buf_init(&out);
	assert_int_equal(fl_encode(f.encoder, &batch, 0, &out, &err), FL_OK);
	assert_string_equal(hex_of(out.data, out.size), hex);
	fl_buf_fini(&out);
	close_codec(&f);
}

static void
result_rows_are_written_as_the_vectors(void **state)
{
	struct fl_field average[] = { { "passengers", { .id = FL_TYPE_INT } },
		{ "timestamp", { .id = FL_TYPE_BIGINT } } };
	struct fl_field trend[] = { { "origin", { .id = FL_TYPE_VARCHAR, .length = FL_LENGTH_MAX } },
		{ "timestamp", { .id = FL_TYPE_BIGINT } } };

	(void)state;
	encode_pair("AveragePassengers", average, 100, NULL, "c801f0d0f7a10b");
	encode_pair("flights.analyzer.TrendOrigin", trend, 0, "es", "046573f0d0f7a10b");
}

static void
schema_derived_from_columns_reads_what_flink_writes(void **state)
{
	struct fl_field fields[] = {
		{ "a", { .id = FL_TYPE_VARCHAR, .length = FL_LENGTH_MAX } },
		{ "b", { .id = FL_TYPE_INT, .nullable = true } },
		{ "c", { .id = FL_TYPE_DECIMAL, .precision = 10, .scale = 2, .nullable = true } },
		{ "d", { .id = FL_TYPE_TIMESTAMP, .precision = 3 } },
	};
	struct fixture f;
	uint8_t bytes[64];
	struct fl_batch batch;
	struct fl_buf out;
	const char *hex = "04657302c801" "0204ff38" "d00f"; /* es, 100, -2.00, 1000 ms */

	(void)state;
	declare(&f.schema, 4, fields);
	open_codec(&f, NULL);
	assert_int_equal(decode(&f, bytes, unhex(hex, bytes)), FL_VERDICT_ROW);
	assert_int_equal(decode(&f, bytes, unhex("000000d00f", bytes)), FL_VERDICT_ROW);
	fl_builder_view(&f.builder, &batch, &arena);
	assert_int_equal(FL_COL_AT(&batch.cols[1], int32_t, 0), 100);
	assert_true(FL_COL_AT(&batch.cols[2], fl_i128, 0) == -200);
	assert_int_equal(FL_COL_AT(&batch.cols[3], int64_t, 0), 1000);
	assert_false(fl_col_is_valid(&batch.cols[1], 1));
	assert_false(fl_col_is_valid(&batch.cols[2], 1));
	assert_int_equal(fl_encoder_new(&f.options, &f.encoder, &err), FL_OK);
	fl_buf_init(&out);
	assert_int_equal(fl_encode(f.encoder, &batch, 0, &out, &err), FL_OK);
	assert_string_equal(hex_of(out.data, out.size), hex);
	fl_buf_fini(&out);
	close_codec(&f);
	f.schema.fields[3].type.id = FL_TYPE_TIMESTAMP_LTZ;
	assert_int_equal(refusal(&f.schema, NULL), FL_E_BAD_SCHEMA);
	assert_non_null(strstr(err.text, "Unsupported to derive Schema for type: TIMESTAMP_LTZ(3)"));
}

static void
every_truncation_and_every_bit_flip_gets_a_verdict(void **state)
{
	struct fixture f;
	uint8_t bytes[64];
	size_t size = unhex(flight_hex, bytes);

	(void)state;
	declare(&f.schema, 5, flight_fields);
	open_codec(&f, pick(flights_avpr, "flights.analyzer.Flight"));
	for (size_t n = 0; n < size; n++) {
		assert_int_equal(decode(&f, bytes, n), FL_VERDICT_DEAD);
		assert_true(n == 0 ? err.code == FL_E_EMPTY_VALUE :
		    err.code == FL_E_TRUNCATED || err.code == FL_E_BAD_LENGTH);
		assert_non_null(strstr(err.text, n == 0 ? "empty" : "field \""));
	}
	for (size_t i = 0; i < size * 8; i++) {
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		(void)decode(&f, bytes, size);
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(fl_builder_begin(&f.builder), true);
	assert_int_equal(fl_decode(f.decoder, NULL, 0, &f.builder, &err), FL_VERDICT_SKIPPED);
	close_codec(&f);
}

static void
each_malformed_input_has_its_own_reason(void **state)
{
	static const struct {
		const char *label, *type, *hex;
		enum fl_code code;
		uint8_t column; /* type id, or 0: skipped */
	} rows[] = {
		{ "empty", "\"int\"", "", FL_E_EMPTY_VALUE, FL_TYPE_INT },
		{ "int of six bytes", "\"int\"", "ffffffffff01", FL_E_BAD_VARINT, FL_TYPE_INT },
		{ "int above 32 bits", "\"int\"", "ffffffff7f", FL_E_BAD_VARINT, FL_TYPE_INT },
		{ "the same with room", "\"int\"", "ffffffff7f000000000000", FL_E_BAD_VARINT, FL_TYPE_INT },
		{ "skipped int above 32 bits", "\"int\"", "ffffffff7f", FL_E_BAD_VARINT, 0 },
		{ "long of eleven bytes", "\"long\"", "ffffffffffffffffffff01", FL_E_BAD_VARINT, FL_TYPE_BIGINT },
		{ "long cut", "\"long\"", "ffff", FL_E_TRUNCATED, FL_TYPE_BIGINT },
		{ "trailing byte", "\"int\"", "0200", FL_E_TRAILING_BYTES, FL_TYPE_INT },
		{ "int beyond TINYINT", "\"int\"", "8002", FL_E_BAD_TYPE, FL_TYPE_TINYINT },
		{ "boolean 2", "\"boolean\"", "02", FL_E_BAD_BOOLEAN, FL_TYPE_BOOLEAN },
		{ "skipped boolean 2", "\"boolean\"", "02", FL_E_BAD_BOOLEAN, 0 },
		{ "double cut", "\"double\"", "00000000", FL_E_TRUNCATED, FL_TYPE_DOUBLE },
		{ "negative length", "\"string\"", "01", FL_E_BAD_LENGTH, FL_TYPE_VARCHAR },
		{ "length beyond the end", "\"string\"", "0861", FL_E_BAD_LENGTH, FL_TYPE_VARCHAR },
		{ "huge length", "\"bytes\"", "feffffffffffffffff01", FL_E_BAD_LENGTH, FL_TYPE_VARBINARY },
		{ "not UTF-8", "\"string\"", "04c328", FL_E_BAD_UTF8, FL_TYPE_VARCHAR },
		{ "UTF-8 surrogate", "\"string\"", "06eda080", FL_E_BAD_UTF8, FL_TYPE_VARCHAR },
		{ "enum index", "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "02", FL_E_BAD_ENUM, FL_TYPE_VARCHAR },
		{ "enum index below", "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "01", FL_E_BAD_ENUM, FL_TYPE_INT },
		{ "union branch", "[\"null\",\"int\"]", "0400", FL_E_BAD_UNION, FL_TYPE_INT },
		{ "skipped union branch", "[\"null\",\"int\",\"string\"]", "06", FL_E_BAD_UNION, 0 },
		{ "null into NOT NULL", "[\"null\",\"int\"]", "00", FL_E_BAD_NULL, FL_TYPE_INT },
		{ "array of many nulls", "{\"type\":\"array\",\"items\":\"null\"}", "feffffffffffffffff01", FL_E_TOO_MANY_ELEMENTS, 0 },
		{ "array cut", "{\"type\":\"array\",\"items\":\"int\"}", "0602", FL_E_TRUNCATED, 0 },
		{ "map key", "{\"type\":\"map\",\"values\":\"int\"}", "0203", FL_E_BAD_LENGTH, 0 },
		{ "deep", "{\"type\":\"record\",\"name\":\"L\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\",\"L\"]}]}",
		    "02020202020202020202020202020202020202020202020202020202020202020202"
		    "0202020202020202020202020202020202020202020202020202020202020202020202020200",
		    FL_E_TOO_DEEP, 0 },
	};

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(rows); i++) {
		struct fl_field field = { rows[i].column != 0 ? "x" : "y",
			fl_type_make(rows[i].column != 0 ? rows[i].column : FL_TYPE_INT, false) };
		const char *schema = fl_arena_printf(&arena,
		    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"x\",\"type\":%s}%s]}",
		    rows[i].type, rows[i].column != 0 ? "" : ",{\"name\":\"y\",\"type\":\"int\"}");
		struct fixture f;
		uint8_t bytes[256];

		declare(&f.schema, 1, &field);
		open_codec(&f, schema);
		if (decode(&f, bytes, unhex(rows[i].hex, bytes)) != FL_VERDICT_DEAD ||
		    err.code != rows[i].code)
			fail_msg("%s: got %s %s", rows[i].label, fl_code_name(err.code), err.text);
		close_codec(&f);
	}
}

/* ---- picking ---- */

static void
picked_type_defines_each_name_at_its_first_use(void **state)
{
	static const char text[] =
	    "{\"protocol\":\"P\",\"namespace\":\"a.b\",\"types\":["
	    "{\"type\":\"record\",\"name\":\"Outer\",\"doc\":\"kept\",\"fields\":["
	    "{\"name\":\"one\",\"type\":\"Inner\"},{\"name\":\"two\",\"type\":[\"null\",\"a.b.Inner\"]},"
	    "{\"name\":\"h\",\"type\":\"c.Hash\"}]},"
	    "{\"type\":\"record\",\"name\":\"Inner\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]},"
	    "{\"type\":\"fixed\",\"name\":\"Hash\",\"namespace\":\"c\",\"size\":4}]}";
	const char *schema;
	avro_schema_t parsed;
	const char *again;

	(void)state;
	schema = pick(text, "a.b.Outer");
	assert_non_null(strstr(schema, "\"doc\":\"kept\""));
	again = pick(schema, NULL);
	assert_string_equal(again, schema);
	assert_int_equal(avro_schema_from_json_length(schema, strlen(schema), &parsed), 0);
	avro_schema_decref(parsed);
	(void)pick(text, "Hash");
	assert_int_equal(fl_avro_pick(text, sizeof(text) - 1, "a.b.None", &arena, &again, &err), FL_E_NO_SUCH_OBJECT);
	assert_non_null(strstr(err.text, "a.b.Outer"));
	assert_non_null(strstr(err.text, "c.Hash"));
	assert_int_equal(fl_avro_pick(text, sizeof(text) - 1, NULL, &arena, &again, &err), FL_E_NO_SUCH_OBJECT);
}

static void
invalid_schema_is_refused_with_its_fault(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "", "not JSON" },
		{ "{\"type\":\"record\"", "not JSON" },
		{ "\"int", "not JSON" },
		{ "\"Foo\"", "neither an Avro type" },
		{ "[]", "no branches" },
		{ "[\"int\",\"int\"]", "two branches" },
		{ "[\"int\",[\"null\"]]", "directly in a union" },
		{ "{\"type\":\"record\",\"name\":\"R\"}", "no array \"fields\"" },
		{ "{\"type\":\"record\",\"fields\":[]}", "no name" },
		{ "{\"type\":\"record\",\"name\":\"1R\",\"fields\":[]}", "invalid" },
		{ "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\"}]}", "no type" },
		{ "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"R\"}]}", "contains itself" },
		{ "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":\"int\"}]}", "two fields" },
		{ "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}", "symbols" },
		{ "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}", "twice" },
		{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":1048577}", "size" },
		{ "{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}", "size" },
		{ "{\"type\":\"array\"}", "items" },
		{ "17", "neither a name" },
	};
	const char *schema;
	struct fl_buf deep;

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(rows); i++) {
		enum fl_code code = fl_avro_pick(
		    rows[i].text, strlen(rows[i].text), NULL, &arena, &schema, &err);

		if (code != FL_E_BAD_SCHEMA || strstr(err.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].text, err.text);
	}
	fl_buf_init(&deep);
	for (int i = 0; i < 70; i++)
		fl_buf_str(&deep, "{\"type\":\"array\",\"items\":");
	fl_buf_str(&deep, "\"int\"");
	for (int i = 0; i < 70; i++)
		fl_buf_byte(&deep, '}');
	assert_int_equal(fl_avro_pick(deep.data, deep.size, NULL, &arena, &schema, &err), FL_E_BAD_SCHEMA);
	fl_buf_fini(&deep);
}

static void
column_that_does_not_fit_is_refused_by_name(void **state)
{
	static const char schema[] =
	    "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"s\",\"type\":\"string\"},"
	    "{\"name\":\"l\",\"type\":\"long\"},{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":\"int\"}},"
	    "{\"name\":\"u\",\"type\":[\"int\",\"string\"]},"
	    "{\"name\":\"m\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}";
	static const struct {
		const char *name;
		uint8_t id;
		bool fits;
	} rows[] = { { "s", FL_TYPE_VARCHAR, true }, { "s", FL_TYPE_INT, false },
		{ "l", FL_TYPE_INT, false }, { "l", FL_TYPE_BIGINT, true },
		{ "l", FL_TYPE_TIMESTAMP_LTZ, false }, { "m", FL_TYPE_TIMESTAMP_LTZ, true },
		{ "m", FL_TYPE_TIMESTAMP, true }, { "m", FL_TYPE_BIGINT, true },
		{ "a", FL_TYPE_VARCHAR, false }, { "u", FL_TYPE_INT, false },
		{ "none", FL_TYPE_INT, false } };

	(void)state;
	for (size_t i = 0; i < FL_ARRAY_COUNT(rows); i++) {
		struct fl_field field = { rows[i].name, fl_type_make(rows[i].id, true) };
		struct fl_schema columns = { 1, &field };
		enum fl_code code = refusal(&columns, schema);

		if ((code == FL_OK) != rows[i].fits ||
		    (code != FL_OK && (code != FL_E_BAD_SCHEMA || strstr(err.text, rows[i].name) == NULL)))
			fail_msg("row %zu: %s", i, err.text);
	}
	assert_non_null(strstr(err.text, "s, l, a, u, m"));
}

static void
columns_of_a_schema_can_be_declared(void **state)
{
	struct fl_schema columns;
	char buf[64];

	(void)state;
	assert_int_equal(fl_avro_columns(pick(flights_avpr, "Flight"), &arena, &columns, &err), FL_OK);
	assert_int_equal(columns.count, 5);
	assert_string_equal(columns.fields[1].name, "planeType");
	assert_string_equal(fl_type_print(&columns.fields[1].type, buf, sizeof(buf)), "STRING NOT NULL");
	assert_int_equal(columns.fields[3].type.id, FL_TYPE_BIGINT);
}

/* ---- avro-c as oracle ---- */

enum { KINDS = 16 };
static const struct {
	const char *json;
	uint8_t column; /* 0: can only be skipped */
} kinds[KINDS] = {
	{ "\"boolean\"", FL_TYPE_BOOLEAN }, { "\"int\"", FL_TYPE_INT }, { "\"int\"", FL_TYPE_BIGINT },
	{ "\"int\"", FL_TYPE_DOUBLE }, { "\"long\"", FL_TYPE_BIGINT }, { "\"float\"", FL_TYPE_FLOAT },
	{ "\"double\"", FL_TYPE_DOUBLE }, { "\"string\"", FL_TYPE_VARCHAR },
	{ "\"bytes\"", FL_TYPE_VARBINARY },
	{ "{\"type\":\"enum\",\"name\":\"E%u\",\"symbols\":[\"A\",\"BB\",\"CCC\"]}", FL_TYPE_VARCHAR },
	{ "{\"type\":\"fixed\",\"name\":\"F%u\",\"size\":5}", FL_TYPE_VARBINARY },
	{ "{\"type\":\"array\",\"items\":[\"null\",\"string\"]}", 0 },
	{ "{\"type\":\"map\",\"values\":\"double\"}", 0 },
	{ "{\"type\":\"record\",\"name\":\"N%u\",\"fields\":[{\"name\":\"p\",\"type\":\"string\"},"
	  "{\"name\":\"q\",\"type\":{\"type\":\"array\",\"items\":\"long\"}}]}", 0 },
	{ "[\"int\",\"string\",\"null\"]", 0 },
	{ "\"null\"", 0 },
};

static const char *
random_schema(uint32_t *count, uint32_t *field_kinds, bool *is_option)
{
	struct fl_buf out;
	char *text;

	fl_buf_init(&out);
	*count = 1 + (uint32_t)(random_u64() % 8);
	fl_buf_str(&out, "{\"type\":\"record\",\"name\":\"R\",\"fields\":[");
	for (uint32_t i = 0; i < *count; i++) {
		uint32_t kind = (uint32_t)(random_u64() % KINDS);
		char type[256];

		field_kinds[i] = kind;
		is_option[i] = kind < 14 && random_u64() % 3 == 0;
		/* The name's number is the only conversion in these texts. */
		(void)snprintf(type, sizeof(type), "%s", kinds[kind].json);
		if (strstr(type, "%u") != NULL) {
			char *at = strstr(type, "%u"), tail[256];

			(void)snprintf(tail, sizeof(tail), "%s", at + 2);
			(void)snprintf(at, sizeof(type) - (size_t)(at - type), "%u%s", i, tail);
		}
		fl_buf_printf(&out, is_option[i] ? "%s{\"name\":\"f%u\",\"type\":[\"null\",%s]}"
						 : "%s{\"name\":\"f%u\",\"type\":%s}",
		    i > 0 ? "," : "", i, type);
	}
	fl_buf_str(&out, "]}");
	text = fl_arena_strndup(&arena, out.data, out.size);
	fl_buf_fini(&out);
	return text;
}

static void
fill_random(avro_value_t *value)
{
	static const char *const texts[] = { "", "a", "es", "foo1", "twelve bytes", "sixteen chars ok",
		"a text that is longer than sixteen bytes", "gr\xc3\xbc\xc3\x9f", "\xf0\x9f\x98\x80 smile" };
	const char *text = texts[random_u64() % FL_ARRAY_COUNT(texts)];
	size_t count = random_u64() % 5;
	avro_value_t child;
	avro_schema_t schema;

	switch (avro_value_get_type(value)) {
	case AVRO_BOOLEAN:
		avro_value_set_boolean(value, random_u64() & 1);
		break;
	case AVRO_INT32:
		avro_value_set_int(value, (int32_t)(random_u64() >> (random_u64() % 64)));
		break;
	case AVRO_INT64:
		avro_value_set_long(value, (int64_t)(random_u64() >> (random_u64() % 64)));
		break;
	case AVRO_FLOAT:
		avro_value_set_float(value, (float)(int32_t)random_u64());
		break;
	case AVRO_DOUBLE:
		avro_value_set_double(value, (double)(int64_t)random_u64() / 7);
		break;
	case AVRO_STRING:
		avro_value_set_string(value, text);
		break;
	case AVRO_BYTES:
		avro_value_set_bytes(value, (void *)(uintptr_t)text, strlen(text));
		break;
	case AVRO_FIXED:
		avro_value_set_fixed(value, (void *)(uintptr_t)"\0abc\xff", 5);
		break;
	case AVRO_ENUM:
		avro_value_set_enum(value, (int)(random_u64() % 3));
		break;
	case AVRO_ARRAY:
		for (size_t i = 0; i < count; i++) {
			avro_value_append(value, &child, NULL);
			fill_random(&child);
		}
		break;
	case AVRO_MAP:
		for (size_t i = 0; i < count; i++) {
			avro_value_add(value, texts[i], &child, NULL, NULL);
			fill_random(&child);
		}
		break;
	case AVRO_RECORD:
		avro_value_get_size(value, &count);
		for (size_t i = 0; i < count; i++) {
			avro_value_get_by_index(value, i, &child, NULL);
			fill_random(&child);
		}
		break;
	case AVRO_UNION:
		schema = avro_value_get_schema(value);
		avro_value_set_branch(value, (int)(random_u64() % avro_schema_union_size(schema)), &child);
		fill_random(&child);
		break;
	case AVRO_NULL:
		avro_value_set_null(value);
		break;
	case AVRO_LINK:
	default:
		break;
	}
}

static void
assert_same(const struct fl_col *col, uint32_t row, avro_value_t *value)
{
	const void *p = NULL;
	const char *s;
	uint32_t size;
	size_t length = 0;
	int32_t i32;
	int64_t i64;
	float f32;
	double f64;
	int flag;

	if (avro_value_get_type(value) == AVRO_UNION) {
		avro_value_t child;

		avro_value_get_current_branch(value, &child);
		if (avro_value_get_type(&child) == AVRO_NULL)
			assert_false(fl_col_is_valid(col, row));
		else
			assert_same(col, row, &child);
		return;
	}
	assert_true(fl_col_is_valid(col, row));
	switch (avro_value_get_type(value)) {
	case AVRO_BOOLEAN:
		avro_value_get_boolean(value, &flag);
		assert_int_equal(FL_COL_AT(col, uint8_t, row), flag);
		return;
	case AVRO_INT32:
		avro_value_get_int(value, &i32);
		if (col->type.id == FL_TYPE_INT)
			assert_int_equal(FL_COL_AT(col, int32_t, row), i32);
		else if (col->type.id == FL_TYPE_BIGINT)
			assert_int_equal(FL_COL_AT(col, int64_t, row), i32);
		else
			assert_true(FL_COL_AT(col, double, row) == i32);
		return;
	case AVRO_INT64:
		avro_value_get_long(value, &i64);
		assert_int_equal(FL_COL_AT(col, int64_t, row), i64);
		return;
	case AVRO_FLOAT:
		avro_value_get_float(value, &f32);
		assert_true(FL_COL_AT(col, float, row) == f32);
		return;
	case AVRO_DOUBLE:
		avro_value_get_double(value, &f64);
		assert_true(FL_COL_AT(col, double, row) == f64);
		return;
	case AVRO_STRING:
		avro_value_get_string(value, &s, &length);
		p = s;
		length--;
		break;
	case AVRO_BYTES:
		avro_value_get_bytes(value, &p, &length);
		break;
	case AVRO_FIXED:
		avro_value_get_fixed(value, &p, &length);
		break;
	case AVRO_ENUM:
		avro_value_get_enum(value, &i32);
		p = avro_schema_enum_get(avro_value_get_schema(value), i32);
		length = strlen(p);
		break;
	case AVRO_ARRAY:
	case AVRO_MAP:
	case AVRO_RECORD:
	case AVRO_NULL:
	case AVRO_UNION:
	case AVRO_LINK:
	default:
		fail_msg("a column of a nested type");
		return;
	}
	s = fl_col_str(col, row, &size);
	assert_int_equal(size, length);
	assert_memory_equal(s, p, size);
}

/* Decodes what avro-c wrote; when all fields are columns, encodes it back. */
static void
compare_record(struct fixture *f, avro_value_t *value, bool is_whole)
{
	static char bytes[4096];
	avro_writer_t writer = avro_writer_memory(bytes, sizeof(bytes));
	struct fl_batch batch;
	struct fl_buf out;
	size_t size;

	assert_int_equal(avro_value_write(writer, value), 0);
	size = (size_t)avro_writer_tell(writer);
	avro_writer_free(writer);
	if (size == 0)
		return;
	fl_builder_reset(&f->builder);
	if (decode(f, bytes, size) != FL_VERDICT_ROW)
		fail_msg("%s: %s in %s", err.text, hex_of(bytes, size), f->options.avro_schema);
	fl_builder_view(&f->builder, &batch, &arena);
	for (uint32_t c = 0; c < f->schema.count; c++) {
		avro_value_t child;

		avro_value_get_by_name(value, f->schema.fields[c].name, &child, NULL);
		assert_same(&batch.cols[c], 0, &child);
	}
	if (is_whole) {
		fl_buf_init(&out);
		assert_int_equal(fl_encode(f->encoder, &batch, 0, &out, &err), FL_OK);
		assert_int_equal(out.size, size);
		assert_memory_equal(out.data, bytes, size);
		fl_buf_fini(&out);
	}
	/* Damage: any verdict will do, no crash. */
	for (int i = 0; i < 8; i++) {
		size_t at = random_u64() % size;
		char kept = bytes[at];

		fl_builder_reset(&f->builder);
		(void)decode(f, bytes, at);
		bytes[at] = (char)random_u64();
		fl_builder_reset(&f->builder);
		(void)decode(f, bytes, size);
		bytes[at] = kept;
	}
}

static void
random_records_agree_with_avro_c_both_ways(void **state)
{
	uint32_t encoded = 0;

	(void)state;
	for (int round = 0; round < 400; round++) {
		uint32_t count, used[8], columns = 0;
		bool is_option[8], is_whole = true;
		struct fl_field fields[8];
		avro_schema_t schema;
		avro_value_iface_t *iface;
		struct fixture f;
		const char *text;

		fl_arena_reset(&arena);
		text = random_schema(&count, used, is_option);
		for (uint32_t i = 0; i < count; i++) {
			struct fl_field *field = &fields[columns];

			if (kinds[used[i]].column == 0 || random_u64() % 4 == 0) {
				is_whole = false;
				continue;
			}
			field->name = fl_arena_printf(&arena, "f%u", i);
			field->type = fl_type_make(kinds[used[i]].column, is_option[i]);
			/* These widen, so they cannot be written back as int. */
			is_whole = is_whole && used[i] != 3;
			columns++;
		}
		declare(&f.schema, columns, fields);
		open_codec(&f, pick(text, NULL));
		if (is_whole)
			assert_int_equal(fl_encoder_new(&f.options, &f.encoder, &err), FL_OK);
		encoded += is_whole;
		assert_int_equal(avro_schema_from_json_length(text, strlen(text), &schema), 0);
		iface = avro_generic_class_from_schema(schema);
		for (int i = 0; i < 12; i++) {
			avro_value_t value;

			avro_generic_value_new(iface, &value);
			fill_random(&value);
			compare_record(&f, &value, is_whole);
			avro_value_decref(&value);
		}
		avro_value_iface_decref(iface);
		avro_schema_decref(schema);
		close_codec(&f);
	}
	assert_true(encoded > 20);
}

static void
row_that_the_schema_cannot_hold_is_refused_by_column(void **state)
{
	struct fl_field fields[] = { { "e", fl_type_make(FL_TYPE_VARCHAR, true) },
		{ "n", fl_type_make(FL_TYPE_BIGINT, true) } };
	struct fixture f;
	struct fl_batch batch;
	struct fl_buf out;

	(void)state;
	declare(&f.schema, 2, fields);
	f.options = (struct fl_codec_options){ .format = FL_FORMAT_AVRO, .schema = &f.schema,
		.avro_schema = "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"e\",\"type\":"
			       "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}},"
			       "{\"name\":\"n\",\"type\":\"int\"},{\"name\":\"o\",\"type\":[\"int\",\"null\"]}]}" };
	f.decoder = NULL;
	assert_int_equal(fl_encoder_new(&f.options, &f.encoder, &err), FL_OK);
	fl_builder_init(&f.builder, &f.schema);
	for (int i = 0; i < 4; i++) {
		assert_true(fl_builder_begin(&f.builder));
		if (i != 1)
			fl_builder_set_str(&f.builder, 0, i == 2 ? "C" : "B", 1);
		fl_builder_set_i64(&f.builder, 1, i == 3 ? INT64_C(1) << 40 : -1);
		fl_builder_commit(&f.builder);
	}
	fl_builder_view(&f.builder, &batch, &arena);
	fl_buf_init(&out);
	assert_int_equal(fl_encode(f.encoder, &batch, 0, &out, &err), FL_OK);
	assert_string_equal(hex_of(out.data, out.size), "020102");
	for (uint32_t i = 1; i < 4; i++) {
		assert_int_equal(fl_encode(f.encoder, &batch, i, &out, &err), FL_E_SINK_REFUSED);
		assert_non_null(strstr(err.text, i == 3 ? "\"n\"" : "\"e\""));
		assert_int_equal(out.size, 3);
	}
	fl_buf_fini(&out);
	close_codec(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(flight_record_is_read_and_written_as_the_vector),
		TEST(result_rows_are_written_as_the_vectors),
		TEST(schema_derived_from_columns_reads_what_flink_writes),
		TEST(every_truncation_and_every_bit_flip_gets_a_verdict),
		TEST(each_malformed_input_has_its_own_reason),
		TEST(picked_type_defines_each_name_at_its_first_use),
		TEST(invalid_schema_is_refused_with_its_fault),
		TEST(column_that_does_not_fit_is_refused_by_name),
		TEST(columns_of_a_schema_can_be_declared),
		TEST(random_records_agree_with_avro_c_both_ways),
		TEST(row_that_the_schema_cannot_hold_is_refused_by_column),
	};

	return cmocka_run_group_tests_name("codec/avro", tests, NULL, NULL);
}
