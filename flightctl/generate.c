/* SPDX-License-Identifier: Apache-2.0 */
/* generate.c - rows made from a seed: the same options give the same rows everywhere. */
#include <inttypes.h>

#include "flightctl/ctl.h"

/* SplitMix64: 64 good bits from a counter; state is one word. */
static uint64_t
random_u64(struct generate *g)
{
	uint64_t z = (g->random += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t
random_below(struct generate *g, uint64_t n)
{
	return n == 0 ? 0 : random_u64(g) % n;
}

static double
random_share(struct generate *g)
{
	return (double)(random_u64(g) >> 11) * 0x1.0p-53;
}

static void
generate_flights(struct generate *g, struct fl_buf *line)
{
	/* Weights fall so that a trend is visible but changes hands. */
	static const char *const origins[] = {
	    "es", "us", "fr", "de", "it", "gb", "pt", "nl", "cn", "mx"};
	static const char *const carriers[] = {
	    "IB", "AA", "AF", "LH", "AZ", "BA", "TP", "KL", "CA", "AM"};
	const struct generate_options *o = g->options;
	uint64_t one = random_below(g, 10), other = random_below(g, 10);
	uint64_t at = one < other ? one : other;
	bool is_big = random_below(g, 3) == 0;
	uint64_t passengers = is_big ? 150 + random_below(g, 250) : 30 + random_below(g, 120);
	int64_t landed = o->start_s + (int64_t)((double)g->index / o->per_second);

	landed -= (int64_t)random_below(g, (uint64_t)o->disorder_s + 1);
	if (random_share(g) < o->late_share)
		landed -= 60 + (int64_t)random_below(g, 3540);
	fl_buf_printf(line,
	    "{\"flightNumber\":\"%s%" PRIu64 "\",\"planeType\":\"%s\",\"passengers\":%" PRIu64
	    ",\"landedAt\":%" PRId64 ",\"origin\":\"%s\"}",
	    carriers[at], 100 + random_below(g, 8900), is_big ? "BIG" : "SMALL", passengers, landed,
	    origins[at]);
}

static const struct generate_row rows[] = {
#define FL_GENERATOR(name, topic, schema, help) {#name, topic, schema, help, generate_##name},
#include "tbl/generators.h"
#undef FL_GENERATOR
};

const struct generate_row *
generate_row(uint32_t i)
{
	return i < FL_ARRAY_COUNT(rows) ? &rows[i] : NULL;
}

void
generate_init(struct generate *generate, const struct generate_options *options)
{
	*generate = (struct generate){.options = options, .random = options->seed};
}

bool
generate_next(struct generate *generate, const struct generate_row *row, struct fl_buf *line)
{
	row->make(generate, line);
	generate->index++;
	return random_share(generate) < generate->options->bad_share;
}
