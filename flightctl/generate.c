/* SPDX-License-Identifier: Apache-2.0 */
/* generate.c - what generators have in common: chance, times, ids. */
#include "flightctl/generate.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/util.h"

/* SplitMix64: 64 good bits from a counter; state is one word. */
static uint64_t
mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

uint64_t
generate_u64(struct generate *generate)
{
	return mix(generate->random += UINT64_C(0x9e3779b97f4a7c15));
}

uint64_t
generate_below(struct generate *generate, uint64_t n)
{
	return n == 0 ? 0 : generate_u64(generate) % n;
}

bool
generate_is(struct generate *generate, double share)
{
	return (double)(generate_u64(generate) >> 11) * 0x1.0p-53 < share;
}

int64_t
generate_due_ms(const struct generate *generate)
{
	const struct generate_options *o = generate->options;

	return o->start_s * 1000 + (int64_t)((double)generate->index * 1000 / o->per_second);
}

int64_t
generate_time_ms(struct generate *generate)
{
	const struct generate_options *o = generate->options;
	int64_t at = generate_due_ms(generate);

	at -= (int64_t)generate_below(generate, (uint64_t)o->disorder_s * 1000 + 1);
	if (generate_is(generate, o->late_share))
		at -= 60000 + (int64_t)generate_below(generate, 3540000);
	return at;
}

void
generate_uuid(const struct generate *generate, uint64_t kind, uint64_t k, char text[37])
{
	uint64_t seed = mix(generate->options->seed + kind * UINT64_C(0xd1342543de82ef95));
	uint64_t high = mix(seed + 2 * k), low = mix(seed + 2 * k + 1);

	/* Version 4, variant 1, as everybody's random ones. */
	high = (high & ~UINT64_C(0xf000)) | 0x4000;
	low = (low & ~(UINT64_C(3) << 62)) | (UINT64_C(2) << 62);
	snprintf(text, 37, "%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
	    high >> 32, high >> 16 & 0xffff, high & 0xffff, low >> 48, low & UINT64_C(0xffffffffffff));
}

void
generate_cut(struct fl_buf *line, size_t from)
{
	line->size -= (line->size - from) / 2;
	line->data[line->size] = '\0';
}

static const struct generate_row rows[] = {
#define FL_GENERATOR(name, topic, schema) {#name, topic, schema, generate_##name},
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

void
generate_fini(struct generate *generate)
{
	free(generate->own);
	generate->own = NULL;
}

bool
generate_next(struct generate *generate, const struct generate_row *row, struct fl_buf *line)
{
	if (row->schema[0] != '\0') {
		row->make(generate, line);
		generate->index++;
		return generate_is(generate, generate->options->bad_share);
	}
	generate->is_bad = generate_is(generate, generate->options->bad_share);
	row->make(generate, line);
	generate->index++;
	return false;
}
