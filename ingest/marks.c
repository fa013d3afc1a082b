/* SPDX-License-Identifier: Apache-2.0 */
/*
 * marks.c - what a step says beside rows.
 *
 * ADDED, HOLE and END want a step at once.  CAUGHT and TICK are about time only:
 * they ride on the next step, and get one of their own at most once a second and
 * only while some pipeline has a window open that time could close.
 */
#include "stream.h"

void
marks_add(struct ingest *ingest, enum fl_mark_kind kind, const struct part *part, int64_t a,
    int64_t b, uint32_t reason)
{
	struct fl_mark mark;

	memset(&mark, 0, sizeof mark);
	mark.kind = (uint8_t)kind;
	if (part != NULL) {
		mark.stream = part->c.stream;
		mark.partition = part->c.partition;
	}
	mark.reason = reason;
	mark.a = a;
	mark.b = b;
	fl_buf_add(&ingest->marks, &mark, sizeof mark);
	ingest->step_size += sizeof mark;
	if (kind != FL_MARK_CAUGHT && kind != FL_MARK_TICK)
		ingest->marks_urgent = true;
}

static bool
take_caught(struct ingest *ingest, bool only_look)
{
	bool any = false;

	for (uint32_t s = 0; s < ingest->stream_count; s++)
		for (uint32_t i = 0; i < ingest->streams[s]->part_count; i++) {
			struct part *part = ingest->streams[s]->parts[i];

			if (!part->caught_waits)
				continue;
			any = true;
			if (only_look)
				return true;
			/* No room: it rides on a later step. */
			if (ingest->step_size + sizeof(struct fl_mark) > FL_STEP_SIZE_MAX)
				return true;
			part->caught_waits = false;
			part->c.caught_since = part->caught_since;
			marks_add(ingest, FL_MARK_CAUGHT, part, part->c.position, part->caught_since, 0);
		}
	return any;
}

void
marks_time(struct ingest *ingest, int64_t now_ms, bool *due)
{
	bool rides = ingest->step_rows > 0 || ingest->marks_urgent || ingest->full;

	*due = false;
	if (rides) {
		(void)take_caught(ingest, false);
		return;
	}
	if (!ingest->wants_time)
		return;
	if (take_caught(ingest, true) && fl_is_due(now_ms, ingest->time_step_ms, TIME_INTERVAL_MS)) {
		(void)take_caught(ingest, false);
		*due = true;
	} else if (now_ms - ingest->cursor.clock_ms >= TIME_INTERVAL_MS &&
	    now_ms - ingest->time_step_ms >= TIME_INTERVAL_MS) {
		marks_add(ingest, FL_MARK_TICK, NULL, 0, 0, 0);
		*due = true;
	}
	if (*due)
		ingest->time_step_ms = now_ms;
}
