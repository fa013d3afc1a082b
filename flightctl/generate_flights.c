/* SPDX-License-Identifier: Apache-2.0 */
/* generate_flights.c - flights that land, of ten countries. */
#include <inttypes.h>

#include "flightctl/generate.h"

void
generate_flights(struct generate *g, struct fl_buf *line)
{
	/* Weights fall so that a trend is visible but changes hands. */
	static const char *const origins[] = {
	    "es", "us", "fr", "de", "it", "gb", "pt", "nl", "cn", "mx"};
	static const char *const carriers[] = {
	    "IB", "AA", "AF", "LH", "AZ", "BA", "TP", "KL", "CA", "AM"};
	const struct generate_options *o = g->options;
	uint64_t one = generate_below(g, 10), other = generate_below(g, 10);
	uint64_t at = one < other ? one : other;
	bool is_big = generate_below(g, 3) == 0;
	uint64_t passengers = is_big ? 150 + generate_below(g, 250) : 30 + generate_below(g, 120);
	int64_t landed = o->start_s + (int64_t)((double)g->index / o->per_second);

	landed -= (int64_t)generate_below(g, (uint64_t)o->disorder_s + 1);
	if (generate_is(g, o->late_share))
		landed -= 60 + (int64_t)generate_below(g, 3540);
	fl_buf_printf(line,
	    "{\"flightNumber\":\"%s%" PRIu64 "\",\"planeType\":\"%s\",\"passengers\":%" PRIu64
	    ",\"landedAt\":%" PRId64 ",\"origin\":\"%s\"}",
	    carriers[at], 100 + generate_below(g, 8900), is_big ? "BIG" : "SMALL", passengers, landed,
	    origins[at]);
}
