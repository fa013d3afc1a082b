/* SPDX-License-Identifier: Apache-2.0 */
/*
 * postgres_sql.c - statements for PostgreSQL, and rows as COPY's text format reads them.
 *
 * Values go as text, so that each column's own input function reads them: a table that
 * was there before may hold a uuid, jsonb, numeric or double precision where the
 * pipeline has a STRING or an INT.
 */
#include <inttypes.h>
#include <stdio.h>

#include "expr/expr.h"
#include "jdbc/pg.h"
#include "postgres.h"

void
pg_sql_find_key(struct fl_buf *out, const char *oid, const char *const *attnums, uint32_t count)
{
	uint32_t i;

	fl_buf_printf(out, "SELECT 1 FROM pg_catalog.pg_index i WHERE i.indrelid = %s AND i.indisunique "
	    "AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL AND "
	    "(SELECT array_agg(k ORDER BY k) FROM unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) k) = "
	    "(SELECT array_agg(k ORDER BY k) FROM unnest('{", oid);
	for (i = 0; i < count; i++)
		fl_buf_printf(out, "%s%s", i > 0 ? "," : "", attnums[i]);
	fl_buf_str(out, "}'::int2[]) k) LIMIT 1");
}

static void
put_type(struct fl_buf *out, const struct fl_type *type)
{
	switch ((enum fl_type_id)type->id) {
	case FL_TYPE_BOOLEAN:
		fl_buf_str(out, "boolean");
		break;
	case FL_TYPE_TINYINT: /* PostgreSQL has none of one byte */
	case FL_TYPE_SMALLINT:
		fl_buf_str(out, "smallint");
		break;
	case FL_TYPE_INT:
		fl_buf_str(out, "integer");
		break;
	case FL_TYPE_BIGINT:
		fl_buf_str(out, "bigint");
		break;
	case FL_TYPE_FLOAT:
		fl_buf_str(out, "real");
		break;
	case FL_TYPE_DOUBLE:
		fl_buf_str(out, "double precision");
		break;
	case FL_TYPE_DECIMAL:
		fl_buf_printf(out, "numeric(%u, %u)", type->precision, type->scale);
		break;
	case FL_TYPE_CHAR:
		fl_buf_printf(out, "character(%u)", type->length);
		break;
	case FL_TYPE_VARCHAR:
		if (type->length == FL_LENGTH_MAX)
			fl_buf_str(out, "text");
		else
			fl_buf_printf(out, "character varying(%u)", type->length);
		break;
	case FL_TYPE_BINARY:
	case FL_TYPE_VARBINARY:
		fl_buf_str(out, "bytea");
		break;
	case FL_TYPE_DATE:
		fl_buf_str(out, "date");
		break;
	case FL_TYPE_TIMESTAMP:
		fl_buf_printf(out, "timestamp(%u)", type->precision);
		break;
	case FL_TYPE_TIMESTAMP_LTZ:
		fl_buf_printf(out, "timestamp(%u) with time zone", type->precision);
		break;
	case FL_TYPE_ARRAY:
	case FL_TYPE_INTERVAL:
	case FL_TYPE_NULL: /* no column of a sink has it */
		fl_buf_str(out, "text");
		break;
	}
}

void
pg_sql_create_table(
    struct fl_buf *out, const struct fl_table *table, const char *schema, const char *name)
{
	uint32_t i;

	fl_buf_str(out, "CREATE TABLE IF NOT EXISTS ");
	if (schema != NULL) {
		fl_buf_sql_name(out, schema);
		fl_buf_byte(out, '.');
	}
	fl_buf_sql_name(out, name);
	fl_buf_str(out, " (");
	for (i = 0; i < table->physical.count; i++) {
		const struct fl_field *field = &table->physical.fields[i];

		if (i > 0)
			fl_buf_str(out, ", ");
		fl_buf_sql_name(out, field->name);
		fl_buf_byte(out, ' ');
		put_type(out, &field->type);
		if (!field->type.nullable)
			fl_buf_str(out, " NOT NULL");
	}
	for (i = 0; i < table->primary_key_count; i++) {
		fl_buf_str(out, i == 0 ? ", PRIMARY KEY (" : ", ");
		fl_buf_sql_name(out, table->physical.fields[table->primary_key[i]].name);
	}
	fl_buf_str(out, table->primary_key_count > 0 ? "))" : ")");
}

/* ---- the position ---- */

void
pg_sql_create_positions(struct fl_buf *out, const char *schema)
{
	fl_buf_printf(out, "CREATE TABLE IF NOT EXISTS %s." PG_POSITIONS " (sink text NOT NULL, "
	    "store uuid NOT NULL, generation bigint NOT NULL, position bigint NOT NULL, "
	    "chain bigint NOT NULL, updated timestamptz NOT NULL DEFAULT now(), "
	    "PRIMARY KEY (sink, store))", schema);
}

static void
put_cursor(struct fl_buf *out, const struct pg_cursor *cursor)
{
	char uuid[37];

	fl_buf_str(out, " WHERE sink = ");
	fl_pg_quote_text(out, cursor->sink);
	fl_buf_printf(out, " AND store = '%s'", fl_uuid_print(&cursor->store, uuid));
}

void
pg_sql_find_position(struct fl_buf *out, const char *schema, const struct pg_cursor *cursor)
{
	fl_buf_printf(out, "SELECT generation, position, chain FROM %s." PG_POSITIONS, schema);
	put_cursor(out, cursor);
	fl_buf_str(out, " FOR UPDATE");
}

void
pg_sql_put_position(struct fl_buf *out, const char *schema, const struct pg_cursor *cursor,
    uint64_t position, uint64_t chain)
{
	char uuid[37];

	fl_buf_printf(out, "INSERT INTO %s." PG_POSITIONS
	    " (sink, store, generation, position, chain) VALUES (", schema);
	fl_pg_quote_text(out, cursor->sink);
	fl_buf_printf(out, ", '%s', %" PRIu64 ", %" PRIu64 ", %" PRId64 ") ON CONFLICT DO NOTHING",
	    fl_uuid_print(&cursor->store, uuid), cursor->generation, position, (int64_t)chain);
}

void
pg_sql_raise_generation(struct fl_buf *out, const char *schema, const struct pg_cursor *cursor)
{
	fl_buf_printf(out, "UPDATE %s." PG_POSITIONS " SET generation = %" PRIu64, schema,
	    cursor->generation);
	put_cursor(out, cursor);
	fl_buf_printf(out, " AND generation < %" PRIu64, cursor->generation);
}

void
pg_sql_move_position(struct fl_buf *out, const char *schema, const struct pg_cursor *cursor,
    uint64_t from, uint64_t to, uint64_t chain)
{
	fl_buf_printf(out, "UPDATE %s." PG_POSITIONS " SET position = %" PRIu64 ", chain = %" PRId64
	    ", updated = now()", schema, to, (int64_t)chain);
	put_cursor(out, cursor);
	fl_buf_printf(out, " AND position = %" PRIu64 " AND generation = %" PRIu64, from,
	    cursor->generation);
}

/* ---- the rows ---- */

void
pg_sql_stage(struct fl_buf *out, const struct fl_table *table, const struct pg_names *names)
{
	uint32_t i;

	fl_buf_str(out, "CREATE TEMP TABLE flight_stage ON COMMIT DELETE ROWS AS "
	    "SELECT 0::bigint AS number, 0::smallint AS gone");
	for (i = 0; i < table->physical.count; i++)
		fl_buf_printf(out, ", t.%s AS c%" PRIu32, names->columns[i], i);
	fl_buf_printf(out, " FROM %s t WITH NO DATA", names->table);
}

static void
put_columns(struct fl_buf *out, const struct fl_table *table, const struct pg_names *names)
{
	uint32_t i;

	for (i = 0; i < table->physical.count; i++)
		fl_buf_printf(out, "%s%s", i > 0 ? ", " : "", names->columns[i]);
}

void
pg_sql_copy(struct fl_buf *out, const struct fl_table *table, const struct pg_names *names)
{
	if (table->primary_key_count > 0) {
		fl_buf_str(out, "COPY pg_temp.flight_stage FROM STDIN");
		return;
	}
	fl_buf_printf(out, "COPY %s (", names->table);
	put_columns(out, table, names);
	fl_buf_str(out, ") FROM STDIN");
}

static void
put_last_rows(struct fl_buf *out, const struct fl_table *table)
{
	struct fl_buf keys;
	uint32_t i;

	fl_buf_init(&keys);
	for (i = 0; i < table->primary_key_count; i++)
		fl_buf_printf(&keys, "%sc%" PRIu32, i > 0 ? ", " : "", table->primary_key[i]);
	fl_buf_printf(out, "(SELECT DISTINCT ON (%s) * FROM pg_temp.flight_stage ORDER BY %s, number "
	    "DESC) s", keys.data, keys.data);
	fl_buf_fini(&keys);
}

static bool
is_key(const struct fl_table *table, uint32_t column)
{
	uint32_t i;

	for (i = 0; i < table->primary_key_count; i++)
		if (table->primary_key[i] == column)
			return true;
	return false;
}

/* The planner knows nothing of the stage's size; by its index it finds the few rows of a large
 * table. */
static void
put_delete(struct fl_buf *out, const struct fl_table *table, const struct pg_names *names)
{
	uint32_t i;

	fl_buf_printf(out, "SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; "
	    "DELETE FROM %s t USING ", names->table);
	put_last_rows(out, table);
	fl_buf_str(out, " WHERE s.gone = 1");
	for (i = 0; i < table->primary_key_count; i++)
		fl_buf_printf(out, " AND t.%s = s.c%" PRIu32, names->columns[table->primary_key[i]],
		    table->primary_key[i]);
	fl_buf_str(out, "; SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT; ");
}

void
pg_sql_merge(struct fl_buf *out, const struct fl_table *table, const struct pg_names *names,
    bool has_deletes)
{
	uint32_t i, n;

	if (has_deletes)
		put_delete(out, table, names);
	fl_buf_printf(out, "INSERT INTO %s (", names->table);
	put_columns(out, table, names);
	fl_buf_str(out, ") SELECT ");
	for (i = 0; i < table->physical.count; i++)
		fl_buf_printf(out, "%sc%" PRIu32, i > 0 ? ", " : "", i);
	fl_buf_str(out, " FROM ");
	put_last_rows(out, table);
	fl_buf_str(out, " WHERE s.gone = 0 ON CONFLICT (");
	for (i = 0; i < table->primary_key_count; i++)
		fl_buf_printf(out, "%s%s", i > 0 ? ", " : "", names->columns[table->primary_key[i]]);
	fl_buf_str(out, ") DO ");
	for (i = n = 0; i < table->physical.count; i++) {
		if (is_key(table, i))
			continue;
		fl_buf_printf(out, "%s%s = EXCLUDED.%s", n++ == 0 ? "UPDATE SET " : ", ",
		    names->columns[i], names->columns[i]);
	}
	if (n == 0)
		fl_buf_str(out, "NOTHING");
}

/* ---- a row ---- */

static enum fl_code
put_string(const char *name, const char *p, uint32_t size, struct fl_buf *out, struct fl_err *err)
{
	static const char ESCAPES[256] = { ['\\'] = '\\', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't' };
	uint32_t from = 0, k;

	if (memchr(p, '\0', size) != NULL)
		return FL_FAIL(err, FL_E_SINK_REFUSED,
		    "column \"%s\": the text holds a NUL byte, which PostgreSQL cannot store", name);
	for (k = 0; k < size; k++) {
		char escape = ESCAPES[(unsigned char)p[k]];

		if (escape == 0)
			continue;
		fl_buf_add(out, p + from, k - from);
		fl_buf_byte(out, '\\');
		fl_buf_byte(out, escape);
		from = k + 1;
	}
	fl_buf_add(out, p + from, size - from);
	return FL_OK;
}

static enum fl_code
put_value(const char *name, const struct fl_col *col, uint32_t i, struct fl_buf *out,
    struct fl_err *err)
{
	enum fl_type_id id = col->type.id;
	size_t at = out->size;
	uint32_t size;
	const char *p;

	if (!fl_col_is_valid(col, i)) {
		fl_buf_add(out, "\\N", 2);
		return FL_OK;
	}
	if (fl_type_is_string(id)) {
		p = fl_col_str(col, i, &size);
		return put_string(name, p, size, out, err);
	}
	if (fl_type_is_bytes(id))
		fl_buf_add(out, "\\\\x", 3);
	fl_col_print(col, i, out);
	if (id != FL_TYPE_DATE && id != FL_TYPE_TIMESTAMP && id != FL_TYPE_TIMESTAMP_LTZ)
		return FL_OK;
	/* "+10000-01-01", "-0001-..", and the year 0, which no calendar of SQL has */
	if (out->data[at] == '+' || out->data[at] == '-' || strncmp(out->data + at, "0000", 4) == 0)
		return FL_FAIL(err, FL_E_SINK_REFUSED,
		    "column \"%s\": the time %s is outside the years 1 to 9999", name, out->data + at);
	return FL_OK;
}

enum fl_code
pg_row(const struct fl_table *table, const struct fl_batch *batch, uint32_t i, bool is_delete,
    uint64_t number, struct fl_buf *out, struct fl_err *err)
{
	uint32_t c;

	if (table->primary_key_count > 0)
		fl_buf_printf(out, "%" PRIu64 "\t%c\t", number, is_delete ? '1' : '0');
	for (c = 0; c < batch->schema->count; c++) {
		if (c > 0)
			fl_buf_byte(out, '\t');
		FL_TRY(put_value(batch->schema->fields[c].name, &batch->cols[c], i, out, err));
	}
	fl_buf_byte(out, '\n');
	return FL_OK;
}
