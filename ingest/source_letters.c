/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_letters.c - the dead letters of a stream as a stream: connector 'dead-letters'.
 *
 * Its records come from no reader.  While a stream is decoded, each dead letter also
 * becomes a row of the streams that are about its letters, in the step that takes the
 * letter: one transaction.  Such a stream has the partitions of the stream whose letters
 * it holds; they are announced, caught up, stopped and ended together.
 *
 * Time.  Dead letters are few, and a window over them must not wait for the next one.  So
 * rows that are no letters (FL_LETTER_IS is false; no query sees them) tell how far the
 * timestamps of the records have come: one before a letter if a record since the last
 * telling was later, one at the end of a step.  A letter is therefore judged by the
 * time of all records before it, however steps were cut:
 *
 *	record	   10  12  bad 11  14  bad 15  13	step ends
 *	row		   time 12, letter 11, time 14, letter 15
 */
#include <stdlib.h>

#include "stream.h"

/* ---- the source, which gives nothing by itself ---- */

static enum fl_code
letters_open(const struct source_options *options, struct source **source, struct fl_err *err)
{
	(void)options;
	(void)source;
	(void)err;
	return FL_OK;
}

static void
letters_close(struct source **source)
{
	(void)source;
}

static bool
letters_event(struct source *source, struct source_event *event)
{
	(void)source;
	(void)event;
	return false;
}

static enum fl_code
letters_assign(struct source *source, const struct source_start *set, uint32_t count, struct fl_err *err)
{
	(void)source;
	(void)set;
	(void)count;
	(void)err;
	return FL_OK;
}

static enum fl_code
letters_poll(struct source *source, uint32_t index, uint32_t max, struct source_run *run,
    struct fl_err *err)
{
	(void)source;
	(void)index;
	(void)max;
	(void)run;
	(void)err;
	return FL_OK;
}

static void
letters_release(struct source *source, struct source_run *run)
{
	(void)source;
	(void)run;
}

const struct source_ops source_letters = { .name = "dead-letters", .open = letters_open,
	.close = letters_close, .next_event = letters_event, .assign = letters_assign,
	.poll = letters_poll, .release = letters_release };

/* ---- streams and partitions that belong together ---- */

void
letters_link(struct stream *stream, struct stream *of)
{
	stream->letters_of = of;
	of->letters = fl_realloc(of->letters, (of->letter_count + 1) * sizeof(struct stream *));
	of->letters[of->letter_count++] = stream;
}

/* The partition of the i-th stream of letters, made with this one. */
static struct part *
twin_of(struct part *part, uint32_t i)
{
	if (part->twins == NULL)
		part->twins = fl_calloc(part->stream->letter_count, sizeof(struct part *));
	if (part->twins[i] == NULL)
		part->twins[i] = stream_find(part->stream->letters[i], part->c.partition);
	assert(part->twins[i] != NULL);
	return part->twins[i];
}

void
letters_announce(struct part *part)
{
	for (uint32_t i = 0; i < part->stream->letter_count; i++) {
		struct part *twin = stream_add(part->stream->letters[i], part->c.partition, part->c.topic);

		twin->state = PART_NEW;
		twin->c.start = twin->c.position = part->c.start;
		marks_add(part->stream->ingest, FL_MARK_ADDED, twin, part->c.start, 0, 0);
	}
}

void
letters_end(struct part *part)
{
	for (uint32_t i = 0; i < part->stream->letter_count; i++) {
		struct part *twin = twin_of(part, i);

		twin->state = PART_OUT;
		twin->c.state = FL_PARTITION_ENDED;
		twin->caught_waits = false;
		marks_add(part->stream->ingest, FL_MARK_END, twin, part->c.position, 0, 0);
	}
}

void
letters_stop(struct part *part)
{
	for (uint32_t i = 0; i < part->stream->letter_count; i++) {
		struct part *twin = twin_of(part, i);

		twin->state = PART_OUT;
		twin->c.state = FL_PARTITION_STOPPED;
		twin->c.reason = part->c.reason;
		twin->caught_since = FL_TIME_MAX;
		twin->caught_waits = twin->c.caught_since != FL_TIME_MAX;
	}
}

void
letters_move(struct part *part, int64_t offset, uint32_t reason, bool is_anew)
{
	for (uint32_t i = 0; i < part->stream->letter_count; i++) {
		struct part *twin = twin_of(part, i);

		marks_add(part->stream->ingest, FL_MARK_HOLE, twin, twin->c.position, offset, reason);
		if (is_anew) {
			twin->c.passed_before += (uint64_t)(twin->c.position - twin->c.start);
			twin->c.start = offset;
		} else {
			twin->c.gaps += (uint64_t)(offset - twin->c.position);
		}
		twin->c.position = offset;
		twin->c.state = FL_PARTITION_READING;
		twin->c.reason = FL_OK;
		twin->state = PART_NEW;
		twin->seen_offset = offset;
	}
}

/* A row of letters ends what was known of the end; the log says so of records only. */
void
letters_caught(struct part *part, bool is_caught)
{
	for (uint32_t i = 0; i < part->stream->letter_count; i++) {
		struct part *twin = twin_of(part, i);

		twin->caught_since = is_caught ? part->caught_since : FL_TIME_MAX;
		twin->caught_waits = (twin->c.caught_since != FL_TIME_MAX) != is_caught;
	}
}

void
letters_break_caught(struct part *part)
{
	for (uint32_t i = 0; i < part->stream->letter_count; i++) {
		struct part *twin = twin_of(part, i);

		twin->caught_since = FL_TIME_MAX;
		twin->caught_waits = false;
	}
}

/* ---- rows ---- */

static void
set_text(struct fl_builder *b, uint32_t c, const char *text)
{
	if (text[0] != '\0')
		fl_builder_set_str(b, c, text, strlen(text));
	else
		fl_builder_set_null(b, c);
}

static void
set_timestamp(struct fl_builder *b, uint32_t c, int64_t ts_ms)
{
	if (ts_ms >= 0)
		fl_builder_set_i64(b, c, ts_ms);
	else
		fl_builder_set_null(b, c);
}

struct letter {
	const struct source_record *record;
	const struct fl_err *why;
	struct fl_fault fault;
	bool is_bare; /* its step has no room for more than its position and the reason */
};

static void
set_column(struct part *twin, uint32_t c, const struct letter *letter)
{
	const struct source_record *record = letter->record;
	struct fl_builder *b = &twin->builder;
	static const uint8_t yes = 1;

	switch ((enum fl_letter_column)twin->stream->table->letters->what[c]) {
	case FL_LETTER_RECORD:
		break; /* decoded */
	case FL_LETTER_ERROR:
		fl_builder_set_str(b, c, letter->why->text, strlen(letter->why->text));
		break;
	case FL_LETTER_FIELD:
		set_text(b, c, letter->fault.field);
		break;
	case FL_LETTER_RULE:
		set_text(b, c, letter->fault.rule);
		break;
	case FL_LETTER_VALUE:
		set_text(b, c, letter->fault.value);
		break;
	case FL_LETTER_RAW:
		if (record->value != NULL && record->value_size <= FL_DEAD_INGEST_MAX && !letter->is_bare)
			fl_builder_set_str(b, c, record->value, record->value_size);
		else
			fl_builder_set_null(b, c);
		break;
	case FL_LETTER_TOPIC:
		fl_builder_set_str(b, c, twin->c.topic, strlen(twin->c.topic));
		break;
	case FL_LETTER_PARTITION:
		fl_builder_set_i32(b, c, twin->c.partition % FL_TOPIC_STRIDE);
		break;
	case FL_LETTER_OFFSET:
		fl_builder_set_i64(b, c, record->offset);
		break;
	case FL_LETTER_TIMESTAMP:
		set_timestamp(b, c, record->ts_ms);
		break;
	case FL_LETTER_IS:
		fl_builder_set_raw(b, c, &yes);
		break;
	}
}

static void
fill_letter(struct part *twin, const struct letter *letter)
{
	struct stream *stream = twin->stream;
	const struct source_record *record = letter->record;
	uint32_t fields = stream->table->letters->record.count;
	struct fl_err ignored;

	if (fields > 0 && (letter->is_bare || record->value_size > SOURCE_VALUE_MAX ||
	    fl_decode(stream->decoder, record->value, record->value_size, &twin->builder, &ignored) !=
		FL_VERDICT_ROW)) {
		fl_builder_rollback(&twin->builder);
		(void)fl_builder_begin(&twin->builder); /* it had room before */
		for (uint32_t c = 0; c < fields; c++)
			fl_builder_set_null(&twin->builder, c);
	}
	for (uint32_t c = fields; c < stream->plan->schema.count; c++)
		set_column(twin, c, letter);
}

/* Of time alone.  A NOT NULL column has some value. */
static void
fill_time(struct part *twin, int64_t ts_ms)
{
	const struct fl_schema *schema = &twin->stream->plan->schema;
	const uint8_t *what = twin->stream->table->letters->what;
	static const char zeros[16];

	for (uint32_t c = 0; c < schema->count; c++) {
		enum fl_type_id id = (enum fl_type_id)schema->fields[c].type.id;

		if (what[c] == FL_LETTER_TIMESTAMP)
			set_timestamp(&twin->builder, c, ts_ms);
		else if (schema->fields[c].type.nullable)
			fl_builder_set_null(&twin->builder, c);
		else if (fl_type_width(id) == 0)
			fl_builder_set_str(&twin->builder, c, "", 0);
		else
			fl_builder_set_raw(&twin->builder, c, zeros);
	}
}

/* The most that a row takes in a block, beside the bytes of its strings. */
static size_t
row_bound(const struct stream *stream)
{
	size_t size = stream->row_fixed + sizeof(uint32_t) * (1u + 2u * stream->var_count);

	for (uint32_t i = 0; i < stream->narrow_count; i++)
		size += stream->narrow_columns[i].width;
	return size;
}

static size_t
open_row_bytes(const struct part *twin)
{
	const struct fl_builder *b = &twin->builder;
	size_t size = 0;

	for (uint32_t i = 0; i < twin->stream->var_count; i++) {
		const struct fl_builder_col *bc = &b->cols[twin->stream->var_columns[i]];

		size += bc->bytes.size - bc->offsets[b->row_count];
	}
	return size;
}

/* Room for a block in this step, and for the row of time at its end. */
static bool
reserve(struct part *twin)
{
	struct ingest *ingest = twin->stream->ingest;
	size_t need = BLOCK_HEAD_MAX(twin->stream->plan->schema.count) + row_bound(twin->stream);

	if (twin->is_reserved)
		return true;
	if (ingest->step_size + need > FL_STEP_SIZE_MAX)
		return false;
	ingest->step_size += need;
	twin->is_reserved = true;
	return true;
}

bool
letters_reserve(struct part *part)
{
	bool room = true;

	for (uint32_t i = 0; i < part->stream->letter_count; i++)
		room = reserve(twin_of(part, i)) && room;
	return room;
}

static void
see(struct part *twin, const struct source_record *record)
{
	if (record->ts_ms <= twin->seen_ms)
		return;
	twin->seen_ms = record->ts_ms;
	twin->seen_offset = record->offset;
	twin->c.caught_since = FL_TIME_MAX; /* a row of time will be in this step */
	twin->is_broken = true;
}

void
letters_seen(struct part *part, const struct source_record *record)
{
	for (uint32_t i = 0; i < part->stream->letter_count; i++)
		see(twin_of(part, i), record);
}

static bool
begin_row(struct part *twin, int64_t offset)
{
	struct fl_builder *b = &twin->builder;

	if (!twin->has_builder) {
		fl_builder_init(b, &twin->stream->plan->schema);
		twin->has_builder = true;
	}
	if (b->row_count == 0) {
		twin->first_offset = offset;
		twin->ts_min = FL_TIME_MAX;
		twin->ts_max = FL_TIME_MIN;
	}
	/* One more is kept for the row of time at the step's end. */
	if (offset - twin->first_offset > UINT32_MAX || !fl_builder_begin(b))
		return false;
	if (b->row_count >= twin->delta_max) {
		twin->delta_max = twin->delta_max == 0 ? 1024 : twin->delta_max * 2;
		twin->deltas = fl_realloc(twin->deltas, twin->delta_max * sizeof(uint32_t));
	}
	twin->deltas[b->row_count] = (uint32_t)(offset - twin->first_offset);
	return true;
}

static void
end_row(struct part *twin, int64_t ts_ms)
{
	fl_builder_commit(&twin->builder);
	twin->stream->ingest->step_rows++;
	if (ts_ms >= 0) {
		twin->ts_min = FL_MIN(twin->ts_min, ts_ms);
		twin->ts_max = FL_MAX(twin->ts_max, ts_ms);
	}
}

/* Tells how far the records' time has come, where that is further than was told. */
static bool
tell_time(struct part *twin)
{
	if (twin->seen_ms <= twin->told_ms)
		return true;
	/* Of the record that came so far: before the next letter, after the last one. */
	if (!begin_row(twin, FL_MAX(twin->seen_offset, twin->c.position)))
		return false;
	fill_time(twin, twin->seen_ms);
	end_row(twin, twin->seen_ms);
	twin->told_ms = twin->seen_ms;
	return true;
}

#define ROWS_LEFT 4u /* of a builder, for rows of time */

/* Opens the row of a letter; *need: what it takes in the step. */
static bool
open_letter(struct part *twin, const struct letter *letter, size_t *need)
{
	if (twin->has_builder && twin->builder.row_count + ROWS_LEFT > FL_BATCH_ROWS_MAX)
		return false;
	*need += 2 * row_bound(twin->stream);
	if (twin->stream->ingest->step_size + *need > FL_STEP_SIZE_MAX)
		return false;
	if (!tell_time(twin) || !begin_row(twin, letter->record->offset))
		return false;
	fill_letter(twin, letter);
	*need += open_row_bytes(twin);
	return true;
}

static void
take_letter(struct part *twin, const struct source_record *record)
{
	end_row(twin, record->ts_ms);
	twin->told_ms = twin->seen_ms = FL_MAX(twin->seen_ms, record->ts_ms);
	twin->c.caught_since = FL_TIME_MAX;
	twin->is_broken = true;
	twin->c.delivered++;
	twin->c.rows++;
	twin->c.gaps += (uint64_t)(record->offset - twin->c.position);
	twin->c.last_offset = record->offset;
	twin->c.position = record->offset + 1;
}

/* Into all streams of letters or into none. */
static bool
add_everywhere(struct part *part, const struct letter *letter)
{
	struct ingest *ingest = part->stream->ingest;
	uint32_t count = part->stream->letter_count, opened = 0;
	size_t need = 0;

	while (opened < count && open_letter(twin_of(part, opened), letter, &need))
		opened++;
	if (opened < count || ingest->step_size + need > FL_STEP_SIZE_MAX) {
		while (opened > 0)
			fl_builder_rollback(&twin_of(part, --opened)->builder);
		return false;
	}
	ingest->step_size += need;
	for (uint32_t i = 0; i < count; i++)
		take_letter(twin_of(part, i), letter->record);
	return true;
}

bool
letters_add(struct part *part, const struct source_record *record, const struct fl_err *why, bool is_alone)
{
	struct letter letter = { .record = record, .why = why };

	if (part->stream->letter_count == 0)
		return true;
	fl_fault_parse(why->code, why->text, strlen(why->text), &letter.fault);
	if (add_everywhere(part, &letter))
		return true;
	letter.is_bare = true;
	return is_alone && add_everywhere(part, &letter);
}

void
letters_step_end(struct ingest *ingest)
{
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		for (uint32_t i = 0; i < ingest->streams[s]->part_count; i++) {
			struct part *twin = ingest->streams[s]->parts[i];
			int64_t told_ms = twin->told_ms;

			if (!twin->is_reserved)
				continue;
			(void)tell_time(twin);
			/* A row that a former step had no room for: the log's word ends with it. */
			if (twin->told_ms != told_ms && !twin->is_broken && twin->c.caught_since != FL_TIME_MAX)
				twin->caught_waits = true;
		}
}

void
letters_step_begin(struct ingest *ingest)
{
	for (uint32_t s = 0; s < ingest->stream_count; s++)
		for (uint32_t i = 0; i < ingest->streams[s]->part_count; i++)
			ingest->streams[s]->parts[i]->is_reserved = ingest->streams[s]->parts[i]->is_broken = false;
}
