/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stream.c - records of one stream to rows of the step being filled.
 *
 * The hot path: per record one decode into columns, no allocation, no call that
 * can wait.
 *
 * The size of the step is known after each row, but for validity bits and padding:
 * sealing leaves out the offsets of consecutive records and of values of one length,
 * and stores integers that lie close together in few bytes.  So the first row that
 * needs more pays for all rows before it.  (A bound that always counted the most would
 * leave half of each step empty, and empty or not it is written to disk.)  A row that
 * makes the step too large is rolled back and decoded again for the next one; if it is
 * alone in its step it is a dead letter.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "stream.h"

struct part *
stream_find(struct stream *stream, int32_t partition)
{
	for (uint32_t i = 0; i < stream->part_count; i++)
		if (stream->parts[i]->c.partition == partition)
			return stream->parts[i];
	return NULL;
}

struct part *
stream_add(struct stream *stream, int32_t partition, const char *topic)
{
	struct part *part = fl_calloc(1, sizeof *part);

	part->stream = stream;
	part->c.stream = stream->id;
	part->c.partition = partition;
	part->c.end = INT64_MAX;
	part->c.caught_since = FL_TIME_MAX;
	part->c.last_offset = -1;
	part->caught_since = FL_TIME_MAX;
	part->watched = -1;
	part->seen_ms = part->told_ms = -1;
	(void)snprintf(part->c.topic, sizeof part->c.topic, "%s", topic);
	stream->parts = fl_realloc(stream->parts, (stream->part_count + 1) * sizeof(struct part *));
	stream->parts[stream->part_count++] = part;
	return part;
}

static void
free_part(struct part *part)
{
	if (part->has_builder)
		fl_builder_fini(&part->builder);
	free(part->ranges);
	free(part->lengths);
	free(part->deltas);
	free(part->twins);
	if (part->replay != NULL)
		free_part(part->replay);
	free(part);
}

/* ---- columns ---- */

static void
find_columns(struct stream *stream)
{
	const struct fl_schema *schema = &stream->plan->schema;
	uint32_t physical = stream->table->physical.count, nullable = 0;

	stream->var_columns = fl_calloc(schema->count + 1u, sizeof(uint32_t));
	stream->narrow_columns = fl_calloc(schema->count + 1u, sizeof(struct narrow_column));
	stream->metas = fl_calloc(schema->count + 1u, sizeof(struct meta_column));
	for (uint32_t c = 0; c < schema->count; c++) {
		uint32_t width = fl_type_width((enum fl_type_id)schema->fields[c].type.id);

		nullable += schema->fields[c].type.nullable;
		if (width == 0)
			stream->var_columns[stream->var_count++] = c;
		else if (fl_block_can_narrow((enum fl_type_id)schema->fields[c].type.id))
			stream->narrow_columns[stream->narrow_count++] = (struct narrow_column){ c, width };
		else
			stream->row_fixed += width;
	}
	stream->row_fixed += (nullable + 7u) / 8; /* validity bits */
	for (uint32_t c = physical; stream->table->letters == NULL && c < schema->count; c++) {
		struct meta_column *meta = &stream->metas[stream->meta_count++];

		meta->column = c;
		for (uint32_t i = 0; i < stream->table->column_count; i++) {
			const struct fl_column *column = &stream->table->columns[i];

			if (column->kind != FL_COLUMN_METADATA || column->stream_column != (int32_t)c)
				continue;
			if (strcmp(column->metadata_key, "topic") == 0)
				meta->what = META_TOPIC;
			else if (strcmp(column->metadata_key, "partition") == 0)
				meta->what = META_PARTITION;
			else if (strcmp(column->metadata_key, "offset") == 0)
				meta->what = META_OFFSET;
			else if (strcmp(column->metadata_key, "timestamp") == 0)
				meta->what = META_TIMESTAMP;
		}
	}
}

static void
set_integer(struct part *part, uint32_t column, int64_t value)
{
	switch (part->builder.schema->fields[column].type.id) {
	case FL_TYPE_INT:
		fl_builder_set_i32(&part->builder, column, (int32_t)value);
		break;
	case FL_TYPE_BIGINT:
	case FL_TYPE_TIMESTAMP:
	case FL_TYPE_TIMESTAMP_LTZ:
		fl_builder_set_i64(&part->builder, column, value);
		break;
	default:
		fl_builder_set_null(&part->builder, column);
		break;
	}
}

static void
set_metadata(struct part *part, const struct source_record *record)
{
	const struct stream *stream = part->stream;

	for (uint32_t i = 0; i < stream->meta_count; i++) {
		uint32_t c = stream->metas[i].column;

		switch (stream->metas[i].what) {
		case META_TOPIC:
			fl_builder_set_str(&part->builder, c, part->c.topic, strlen(part->c.topic));
			break;
		case META_PARTITION:
			set_integer(part, c, part->c.partition % FL_TOPIC_STRIDE);
			break;
		case META_OFFSET:
			set_integer(part, c, record->offset);
			break;
		case META_TIMESTAMP:
			if (record->ts_ms >= 0)
				set_integer(part, c, record->ts_ms);
			else
				fl_builder_set_null(&part->builder, c);
			break;
		case META_NULL:
			fl_builder_set_null(&part->builder, c);
			break;
		}
	}
}

/* ---- records ---- */

/* Takes the value of a narrow column in the open row into its range.  True: all rows
 * so far are stored in more bytes for it. */
static inline bool
widen(struct range *range, const struct fl_col *col, uint32_t width, uint32_t row)
{
	uint32_t size = range->size;
	int64_t value;

	if (size == width)
		return false;
	if (!fl_col_is_valid(col, row)) { /* a column with NULLs is stored as it is */
		range->size = width;
		return true;
	}
	value = width == 8 ? FL_COL_AT(col, int64_t, row) :
	    width == 4 ? FL_COL_AT(col, int32_t, row) : FL_COL_AT(col, int16_t, row);
	if (value >= range->min && value <= range->max)
		return false;
	range->min = FL_MIN(range->min, value);
	range->max = FL_MAX(range->max, value);
	range->size = fl_block_narrow(range->min, range->max, width);
	return range->size != size;
}

static size_t
sum_row(const struct part *part)
{
	const struct stream *stream = part->stream;
	size_t size = stream->row_fixed + (part->has_gaps ? sizeof(uint32_t) : 0);

	for (uint32_t i = 0; i < stream->narrow_count; i++)
		size += part->ranges[i].size;
	for (uint32_t i = 0; i < stream->var_count; i++)
		size += part->lengths[i] == LENGTHS_DIFFER ? sizeof(uint32_t) : 0;
	return size;
}

static void
begin_count(struct part *part)
{
	part->has_gaps = false;
	for (uint32_t i = 0; i < part->stream->narrow_count; i++)
		part->ranges[i] = (struct range){ INT64_MAX, INT64_MIN, 0 };
	for (uint32_t i = 0; i < part->stream->var_count; i++)
		part->lengths[i] = part->builder.cols[part->stream->var_columns[i]].bytes.size;
}

/* Bytes that the open row adds to the step.  What is noted of it here is used by rows
 * after it in the same step, so only if it is taken. */
static inline size_t
count_row(struct part *part, const struct source_record *record)
{
	const struct stream *stream = part->stream;
	const struct fl_builder *b = &part->builder;
	uint32_t row = b->row_count;
	bool changed = row == 0;
	size_t size = 0, before;

	if (row == 0)
		begin_count(part);
	for (uint32_t i = 0; i < stream->narrow_count; i++) {
		const struct narrow_column *narrow = &stream->narrow_columns[i];

		changed |= widen(&part->ranges[i], &b->cols[narrow->column].col, narrow->width, row);
	}
	for (uint32_t i = 0; i < stream->var_count; i++) {
		const struct fl_builder_col *bc = &b->cols[stream->var_columns[i]];
		size_t length = bc->bytes.size - bc->offsets[row];

		size += length;
		if (part->lengths[i] != length && part->lengths[i] != LENGTHS_DIFFER) {
			part->lengths[i] = LENGTHS_DIFFER;
			size += sizeof(uint32_t); /* where the first value begins */
			changed = true;
		}
	}
	if (record->offset - part->first_offset != row && !part->has_gaps)
		part->has_gaps = changed = true;
	if (!changed)
		return size + part->row_size;
	before = part->row_size;
	part->row_size = sum_row(part);
	size += row == 0 ? BLOCK_HEAD_MAX(b->schema->count) : row * (part->row_size - before);
	return size + part->row_size;
}

/* Room in the step and in the builder for one more row of part? */
static bool
begin_row(struct part *part, const struct source_record *record)
{
	struct ingest *ingest = part->stream->ingest;
	struct fl_builder *b = &part->builder;

	if (ingest->step_rows >= ingest->row_max)
		return false;
	if (!part->has_builder) {
		fl_builder_init(b, &part->stream->plan->schema);
		part->ranges = fl_calloc(part->stream->narrow_count + 1u, sizeof(struct range));
		part->lengths = fl_calloc(part->stream->var_count + 1u, sizeof(size_t));
		part->has_builder = true;
	}
	if (b->row_count == 0) {
		part->first_offset = record->offset;
		part->ts_min = FL_TIME_MAX;
		part->ts_max = FL_TIME_MIN;
	} else if (record->offset - part->first_offset > UINT32_MAX) {
		return false;
	}
	if (!fl_builder_begin(b))
		return false;
	if (b->row_count >= part->delta_max) {
		part->delta_max = part->delta_max == 0 ? 1024 : part->delta_max * 2;
		part->deltas = fl_realloc(part->deltas, part->delta_max * sizeof(uint32_t));
	}
	return true;
}

static bool
step_is_empty(const struct ingest *ingest)
{
	return ingest->step_rows == 0 && ingest->marks.size == 0 && ingest->dead.size == 0;
}

enum taken { TAKEN, TAKEN_DEAD, TAKEN_NOT };

/* Ends the open row: into the step, or back. */
static enum taken
end_row(struct part *part, const struct source_record *record, struct fl_err *why)
{
	struct ingest *ingest = part->stream->ingest;
	struct fl_builder *b = &part->builder;
	size_t need;

	if (part->stream->meta_count > 0)
		set_metadata(part, record);
	need = count_row(part, record);
	if (ingest->step_size + need > FL_STEP_SIZE_MAX) {
		fl_builder_rollback(b);
		if (!step_is_empty(ingest))
			return TAKEN_NOT;
		(void)FL_FAIL(why, FL_E_ROW_TOO_LARGE, "the row needs %zu bytes, a step takes %zu", need,
		    (size_t)FL_STEP_SIZE_MAX - sizeof(struct fl_step_head));
		return TAKEN_DEAD;
	}
	part->deltas[b->row_count] = (uint32_t)(record->offset - part->first_offset);
	fl_builder_commit(b);
	ingest->step_size += need;
	ingest->step_rows++;
	if (record->ts_ms >= 0) {
		part->ts_min = FL_MIN(part->ts_min, record->ts_ms);
		part->ts_max = FL_MAX(part->ts_max, record->ts_ms);
	}
	return TAKEN;
}

/* The key's columns lie behind the value's, unless the value has them too. */
static enum fl_verdict
decode_key(struct part *part, const struct source_record *record, struct fl_err *why)
{
	struct stream *stream = part->stream;
	const struct fl_message_key *key = stream->table->key;
	enum fl_verdict verdict;

	fl_builder_reset(&stream->key);
	(void)fl_builder_begin(&stream->key);
	verdict = fl_decode(stream->key_decoder, record->key, record->key_size, &stream->key, why);
	if (verdict == FL_VERDICT_DEAD)
		fl_err_context(why, FL_FAULT_KEY);
	if (verdict != FL_VERDICT_ROW || key->is_in_value)
		return verdict;
	fl_builder_commit(&stream->key);
	for (uint32_t c = 0; c < key->schema.count; c++) {
		struct fl_col col = stream->key.cols[c].col;

		col.bytes = stream->key.cols[c].bytes.data != NULL ? stream->key.cols[c].bytes.data : "";
		fl_builder_set_from(&part->builder, key->value.count + c, &col, 0);
	}
	return FL_VERDICT_ROW;
}

/* A key that is skipped, as a null one in most formats, takes the record with it, if its
 * value is one. */
static enum fl_verdict
decode(struct part *part, const struct source_record *record, struct fl_err *why)
{
	const struct stream *stream = part->stream;
	enum fl_verdict key = FL_VERDICT_ROW, value;

	if (record->value_size > SOURCE_VALUE_MAX) {
		fl_builder_rollback(&part->builder);
		(void)FL_FAIL(why, FL_E_ROW_TOO_LARGE, "the record has %zu bytes, at most %u are read",
		    record->value_size, SOURCE_VALUE_MAX);
		return FL_VERDICT_DEAD;
	}
	if (stream->key_decoder != NULL && (key = decode_key(part, record, why)) == FL_VERDICT_DEAD) {
		fl_builder_rollback(&part->builder);
		return FL_VERDICT_DEAD;
	}
	value = fl_decode(stream->decoder, record->value, record->value_size, &part->builder, why);
	if (key == FL_VERDICT_ROW || value != FL_VERDICT_ROW)
		return value;
	fl_builder_rollback(&part->builder);
	return key;
}

/* What was odd in the record just decoded; it counts if the record becomes a row. */
static void
note_oddities(struct stream *stream, bool is_row)
{
	uint64_t odd = fl_decoder_oddities(stream->decoder) +
	    (stream->key_decoder != NULL ? fl_decoder_oddities(stream->key_decoder) : 0);

	if (odd != stream->odd_seen && is_row)
		fl_dead_tally_add(&stream->ingest->tally, stream->id, FL_OK, odd - stream->odd_seen);
	stream->odd_seen = odd;
}

static bool
take_record(struct part *part, const struct source_record *record)
{
	struct ingest *ingest = part->stream->ingest;
	struct fl_err why; /* not cleared: it is large, and set when it is read */
	enum fl_verdict verdict;
	enum taken taken;

	if (ingest->dead.size > DEAD_STEP_MAX || !letters_reserve(part) || !begin_row(part, record))
		return false;
	verdict = decode(part, record, &why);
	if (verdict != FL_VERDICT_ROW)
		note_oddities(part->stream, false);
	switch (verdict) {
	case FL_VERDICT_ROW:
		taken = end_row(part, record, &why);
		note_oddities(part->stream, taken == TAKEN);
		if (taken == TAKEN_NOT)
			return false;
		if (taken == TAKEN) {
			part->c.rows++;
			part->c.caught_since = FL_TIME_MAX;
			letters_seen(part, record);
			break;
		}
		/* fallthrough */
	case FL_VERDICT_DEAD:
		if (!letters_add(part, record, &why, step_is_empty(ingest)))
			return false;
		dead_add(part, record, &why);
		part->c.dead++;
		break;
	case FL_VERDICT_SKIPPED:
		part->c.skipped++;
		part->c.skipped_errors += record->value != NULL && record->value_size > 0;
		break;
	}
	part->c.delivered++;
	part->c.gaps += (uint64_t)(record->offset - part->c.position);
	part->c.position = record->offset + 1;
	return true;
}

enum replay_result
stream_replay(struct part *part, const struct source_record *record, struct fl_err *why)
{
	struct part *replay = part->replay;
	enum fl_verdict verdict;
	enum taken taken;

	if (replay == NULL) {
		replay = part->replay = fl_calloc(1, sizeof *replay);
		replay->stream = part->stream;
		replay->c = part->c; /* its name and number */
	}
	/* A block's offsets ascend. */
	if (replay->has_builder && replay->builder.row_count > 0 &&
	    record->offset - replay->first_offset <= replay->deltas[replay->builder.row_count - 1])
		return REPLAY_FULL;
	if (!begin_row(replay, record))
		return REPLAY_FULL;
	verdict = decode(replay, record, why);
	if (verdict != FL_VERDICT_ROW)
		note_oddities(part->stream, false);
	switch (verdict) {
	case FL_VERDICT_ROW:
		taken = end_row(replay, record, why);
		note_oddities(part->stream, taken == TAKEN);
		switch (taken) {
		case TAKEN:
			return REPLAY_ROW;
		case TAKEN_DEAD:
			return REPLAY_DEAD;
		case TAKEN_NOT:
			return REPLAY_FULL;
		}
		break;
	case FL_VERDICT_SKIPPED:
		return REPLAY_SKIPPED;
	case FL_VERDICT_DEAD:
		break;
	}
	return REPLAY_DEAD;
}

static uint64_t
hash_record(const struct source_record *record)
{
	uint64_t hash = record->key != NULL ? fl_hash64(record->key, record->key_size) : 1;

	return record->value == NULL ? hash :
	    fl_hash64_seed(record->value, FL_MIN(record->value_size, SOURCE_VALUE_MAX), hash);
}

/* The record before the position is read once more after a start: it must be the
 * one that was stored, else this is another log under the same name. */
static void
verify_record(struct part *part, const struct source_record *record)
{
	char text[160];

	part->verify = false;
	if (hash_record(record) == part->c.last_hash && record->ts_ms == part->c.last_ts)
		return;
	(void)snprintf(text, sizeof text,
	    "the record at offset %" PRId64 " is not the one that was stored: the topic was made anew",
	    record->offset);
	part_stop(part, FL_E_TOPIC_CHANGED, text);
}

static void
remember_last(struct part *part, const struct source_record *record)
{
	part->c.last_offset = record->offset;
	part->c.last_ts = record->ts_ms;
	part->c.last_hash = hash_record(record);
}

void
stream_unwatch(struct part *part)
{
	if (part->watched >= 0)
		part->stream->ops->watch(part->stream->source, part->c.partition, -1);
	part->watched = -1;
}

void
stream_break_caught(struct part *part)
{
	part->at_end = false;
	part->caught_waits = false;
	part->caught_since = FL_TIME_MAX;
	letters_break_caught(part);
	stream_unwatch(part);
}

/* False: the step is full, the rest of the run has to wait. */
static bool
take_run(struct part *part, struct source_run *run)
{
	const struct source_record *last = NULL;
	bool room = true;

	for (; run->at < run->count && part->state == PART_READING; run->at++) {
		const struct source_record *record = &run->records[run->at];

		if (record->offset < part->c.position) {
			if (part->verify && record->offset == part->c.last_offset)
				verify_record(part, record);
			else if (record->offset >= part->assign_from)
				part->c.repeated++;
			continue;
		}
		part->verify = false;
		if (record->offset >= part->c.end) {
			part->c.gaps += (uint64_t)(part->c.end - part->c.position);
			part->c.position = part->c.end;
			run->at = run->count;
			break;
		}
		if (part->at_end || part->caught_since != FL_TIME_MAX)
			stream_break_caught(part);
		room = take_record(part, record);
		if (!room)
			break;
		last = record;
	}
	if (last != NULL) {
		remember_last(part, last);
		part->stream->ingest->dirty = true;
	}
	if (part->state != PART_READING)
		run->at = run->count;
	return room;
}

/* The end of the partition was reached at eof_offset, after all records of a run. */
static void
take_end(struct part *part, int64_t eof_offset)
{
	struct stream *stream = part->stream;

	if (eof_offset > part->c.position) {
		int64_t to = FL_MIN(eof_offset, part->c.end);

		part->c.gaps += (uint64_t)(to - part->c.position);
		part->c.position = to;
		stream->ingest->dirty = true;
	}
	part->at_end = true;
	if (stream->ops->watch != NULL && stream->plan->needs_time) {
		part->watched = part->c.position;
		stream->ops->watch(stream->source, part->c.partition, part->c.position);
	}
}

static void
finish_run(struct stream *stream)
{
	struct part *part = stream->run_part;

	if (part->state == PART_READING) {
		if (stream->run.eof)
			take_end(part, stream->run.eof_offset);
		if (part->c.position >= part->c.end)
			part_end(part);
	}
	if (stream->run.count > 0)
		stream->ops->release(stream->source, &stream->run);
	stream->run = (struct source_run){ .count = 0 };
	stream->run_part = NULL;
}

static enum fl_code
take_part(struct stream *stream, uint32_t index, bool *worked, struct fl_err *err)
{
	struct part *part = stream->reading[index];
	struct fl_err local = { .code = FL_OK };
	enum fl_code code;

	if (part->held || part->state != PART_READING)
		return FL_OK;
	code = stream->ops->poll(stream->source, index, RUN_MAX, &stream->run, &local);
	if (code != FL_OK) {
		if (code == FL_E_OFFSETS_LOST || code == FL_E_TOPIC_MISSING) {
			part_check(part);
			return FL_OK;
		}
		if (fl_code_class(code) == FL_CLASS_TRANSIENT)
			return FL_OK; /* shown by trouble() */
		*err = local;
		return code;
	}
	*worked |= stream->run.is_unread;
	if (stream->run.count == 0 && !stream->run.eof)
		return FL_OK;
	*worked = true;
	stream->ingest->is_behind |= stream->run.count == RUN_MAX;
	stream->run_part = part;
	stream->ingest->full = !take_run(part, &stream->run);
	if (!stream->ingest->full)
		finish_run(stream);
	return FL_OK;
}

enum fl_code
stream_take(struct stream *stream, bool *worked, struct fl_err *err)
{
	struct ingest *ingest = stream->ingest;

	if (ingest->full)
		return FL_OK;
	if (stream->run_part != NULL) { /* what did not fit into the last step */
		*worked = true;
		ingest->full = !take_run(stream->run_part, &stream->run);
		if (!ingest->full)
			finish_run(stream);
	}
	for (uint32_t n = 0; n < stream->reading_count && !ingest->full; n++) {
		uint32_t index = stream->turn++ % stream->reading_count;

		FL_TRY(take_part(stream, index, worked, err));
	}
	return FL_OK;
}

void
stream_drop_rows(struct part *part)
{
	if (part->has_builder)
		fl_builder_reset(&part->builder);
}

/* ---- open, close ---- */

const struct source_ops source_none; /* of a connector that is a sink only; the binder knows */

static const struct source_ops *
pick_source(enum fl_connector connector)
{
	switch (connector) {
#define FL_CONNECTOR(name, text, letter, format, source, sink) \
	case FL_CONNECTOR_##name:                      \
		return &source_##source;
#include "tbl/connectors.h"
#undef FL_CONNECTOR
	}
	return NULL;
}

static enum fl_code
open_source(struct stream *stream, struct fl_err *err)
{
	struct source_options options = { .table = stream->table, .stream = stream->id,
		.wake_fd = stream->ingest->wake_fd, .known_count = stream->part_count,
		.dir = stream->ingest->instance->dir };
	struct source_known *known = fl_calloc(stream->part_count + 1u, sizeof *known);
	enum fl_code code;

	for (uint32_t i = 0; i < stream->part_count; i++) {
		const struct fl_partition_cursor *c = &stream->parts[i]->c;

		known[i] = (struct source_known){ c->partition, c->position, c->last_offset,
			c->state != FL_PARTITION_READING, c->topic, c->cluster };
	}
	options.known = known;
	code = stream->ops->open(&options, &stream->source, err);
	free(known);
	return code;
}

enum fl_code
stream_open(struct ingest *ingest, struct stream *stream, struct fl_err *err)
{
	const struct fl_table *table = stream->table;
	struct fl_codec_options codec = fl_table_codec(table);

	if (table->connector == FL_CONNECTOR_JDBC) { /* what jdbc/scan.h writes */
		codec.format = FL_FORMAT_JSON;
		codec.json_typed = true;
	}
	stream->ingest = ingest;
	stream->ops = pick_source(table->connector);
	if (stream->ops == NULL || stream->ops->open == NULL)
		return FL_FAIL(err, FL_E_BAD_OPTION, "table \"%s\" cannot be read: its connector only writes",
		    table->name);
	stream->bounded = table->connector != FL_CONNECTOR_KAFKA ||
	    table->bounded != FL_BOUNDED_NO;
	find_columns(stream);
	if (codec.format == FL_FORMAT_NONE && table->letters != NULL)
		return FL_OK; /* no field of the record is asked for */
	if (table->key != NULL) {
		struct fl_codec_options key = fl_table_key_codec(table);

		if (fl_decoder_new(&key, &stream->key_decoder, err) != FL_OK)
			return fl_err_context(err, "table \"%s\", its key", table->name);
		fl_builder_init(&stream->key, &table->key->schema);
	}
	if (fl_decoder_new(&codec, &stream->decoder, err) != FL_OK || open_source(stream, err) != FL_OK)
		return fl_err_context(err, "table \"%s\"", table->name);
	return FL_OK;
}

void
stream_close(struct stream *stream)
{
	if (stream->run.count > 0 && stream->source != NULL)
		stream->ops->release(stream->source, &stream->run);
	if (stream->source != NULL)
		stream->ops->close(&stream->source);
	fl_decoder_free(&stream->decoder);
	if (stream->key_decoder != NULL)
		fl_builder_fini(&stream->key);
	fl_decoder_free(&stream->key_decoder);
	for (uint32_t i = 0; i < stream->part_count; i++)
		free_part(stream->parts[i]);
	free(stream->parts);
	free(stream->reading);
	free(stream->var_columns);
	free(stream->narrow_columns);
	free(stream->metas);
	free(stream->letters);
	free(stream);
}
