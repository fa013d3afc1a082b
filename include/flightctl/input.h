/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input.h - what produce reads: lines, or the elements of one JSON array; and the player
 * that lets them wait as long as they were apart.
 */
#ifndef FL_FLIGHTCTL_INPUT_H
#define FL_FLIGHTCTL_INPUT_H

#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"

enum input_kind {
	INPUT_LINES,
	INPUT_ARRAY, /* one array is expected */
	INPUT_EITHER, /* an array if the first byte but blanks is '[' */
};
struct input {
	FILE *file; /* borrowed */
	const char *name;
	enum input_kind kind;
	int64_t number; /* of the line or element that came last, from 1 */
	struct fl_buf text;
	bool has_begun, has_ended;
};
void input_init(struct input *input, FILE *file, const char *name, enum input_kind kind);
void input_fini(struct input *input);
/* "line" or "element". */
const char *input_unit(const struct input *input);
/*
 * The next one that is not empty, in input->text until the next call; *more false at the
 * end.  Elements come as they stand in the file, blanks around them left out; what is in
 * them is not judged, but for quotes and brackets.
 *
 * Errors:  BAD_JSON	  the array does not begin or end, or something follows it
 *	    ROW_TOO_LARGE an element of more than INPUT_SIZE_MAX bytes
 *	    IO
 */
#define INPUT_SIZE_MAX (16u << 20)
enum fl_code input_next(struct input *input, bool *more, struct fl_err *err);

/*
 * The time of a JSON object: a number of seconds (below 1e11; of milliseconds from there on)
 * or a text such as "2019-08-01 10:18:55 +0200", "2019-08-01T10:18:55.250Z"; UTC when it
 * names no offset.  False: it has none.
 */
bool input_time(const char *json, size_t size, const char *field, int64_t *ms);

/* When the next message is due: the former's time and the gap between both. */
struct player {
	double speed;	   /* X times faster */
	int64_t max_wait_us; /* no wait is longer; < 0: no limit */
	int64_t latest_ms; /* the latest time so far: what comes out of order does not wait */
	int64_t due_us;	   /* of the last one; 0: there was none */
};
/* The message that bears this time is due then; now_us is for the first one. */
int64_t player_due(struct player *player, int64_t time_ms, int64_t now_us);

#endif
