/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generate_routes.c - positions of users: {"timestamp", "userId", "coordinates": [lat, lon]}.
 *
 * A good one is good in both ways of typing: times and coordinates are written with a
 * fraction, users without.  One in 50 lies on an end of the ranges, which belong to
 * them; one in 50 has a key more, which is ignored.
 */
#include <inttypes.h>

#include "base/util.h"
#include "flightctl/generate.h"

#define MICRO INT64_C(1000000)

struct parts {
	char time[32], user[32], latitude[32], longitude[32];
};

static void
print_micro(char text[32], int64_t micro)
{
	uint64_t u = micro < 0 ? (uint64_t)-micro : (uint64_t)micro;

	snprintf(text, 32, "%s%" PRIu64 ".%06" PRIu64, micro < 0 ? "-" : "", u / MICRO, u % MICRO);
}

/* -limit to limit degrees, both ends among them. */
static int64_t
draw_degrees(struct generate *g, int64_t limit)
{
	if (generate_below(g, 100) == 0)
		return generate_below(g, 2) == 0 ? limit * MICRO : -limit * MICRO;
	return (int64_t)generate_below(g, (uint64_t)(2 * limit * MICRO + 1)) - limit * MICRO;
}

/* A little or much beyond the limit, on either side. */
static int64_t
draw_beyond(struct generate *g, int64_t limit)
{
	int64_t beyond = limit * MICRO + 1 + (int64_t)generate_below(g, 100 * MICRO);

	return generate_below(g, 2) == 0 ? beyond : -beyond;
}

static void
make_parts(struct generate *g, struct parts *parts)
{
	int64_t ms = FL_MAX(generate_time_ms(g), 0);

	snprintf(parts->time, sizeof(parts->time), "%" PRId64 ".%03" PRId64, ms / 1000, ms % 1000);
	snprintf(parts->user, sizeof(parts->user), "%" PRIu64, generate_below(g, 1000));
	print_micro(parts->latitude, draw_degrees(g, 90));
	print_micro(parts->longitude, draw_degrees(g, 180));
}

/* Each breaks one rule; those that are no JSON come last. */
enum { SPOIL_JSON_COUNT = 22, SPOIL_COUNT = 25 };

/* Values in the places of good ones. */
static void
spoil_value(struct generate *g, uint64_t kind, struct parts *parts)
{
	static const char *const users[] = {"-1", "4294967296", "true", "\"3\"", "3.5", "null", "[3]"};
	static const char *const times[] = {"-0.5", "\"1607819552.5\"", "true", "null"};
	static const char *const degrees[] = {"\"12.5\"", "null", "true"};

	if (kind < 7)
		snprintf(parts->user, sizeof(parts->user), "%s", users[kind]);
	else if (kind < 11)
		snprintf(parts->time, sizeof(parts->time), "%s", times[kind - 7]);
	else if (kind < 14)
		snprintf(parts->latitude, sizeof(parts->latitude), "%s", degrees[kind - 11]);
	else if (kind == 14)
		print_micro(parts->latitude, draw_beyond(g, 90));
	else if (kind == 15)
		print_micro(parts->longitude, draw_beyond(g, 180));
}

static void
print_spoilt(uint64_t kind, const struct parts *p, struct fl_buf *line)
{
	const char *user_key = kind == 16 ? "userID" : "userId";
	size_t from = line->size;

	if (kind == 17) {
		fl_buf_printf(line, "{\"userId\":%s,\"coordinates\":[%s,%s]}", p->user, p->latitude,
		    p->longitude);
		return;
	}
	if (kind == 18) {
		fl_buf_printf(line, "{\"timestamp\":%s,\"userId\":%s}", p->time, p->user);
		return;
	}
	if (kind == 21) {
		fl_buf_printf(line, "[%s,%s,%s,%s]", p->time, p->user, p->latitude, p->longitude);
		return;
	}
	fl_buf_printf(line, "{\"timestamp\":%s,\"%s\":%s,\"coordinates\":", p->time, user_key, p->user);
	if (kind == 19)
		fl_buf_printf(line, "[%s]}", p->latitude);
	else if (kind == 20)
		fl_buf_printf(line, "[%s,%s,0.0]}", p->latitude, p->longitude);
	else if (kind >= SPOIL_JSON_COUNT && kind < SPOIL_COUNT - 1)
		fl_buf_printf(line, "[%s,%s]}", p->latitude, kind == 22 ? "NaN" : "-Infinity");
	else
		fl_buf_printf(line, "[%s,%s]}", p->latitude, p->longitude);
	if (kind == SPOIL_COUNT - 1)
		generate_cut(line, from);
}

void
generate_routes(struct generate *g, struct fl_buf *line)
{
	struct parts parts = {0};
	uint64_t kind;

	make_parts(g, &parts);
	if (g->is_bad) {
		kind = generate_below(g, g->options->json_only ? SPOIL_JSON_COUNT : SPOIL_COUNT);
		spoil_value(g, kind, &parts);
		print_spoilt(kind, &parts, line);
		return;
	}
	fl_buf_printf(line, "{\"timestamp\":%s,\"userId\":%s,\"coordinates\":[%s,%s]%s}", parts.time,
	    parts.user, parts.latitude, parts.longitude,
	    generate_below(g, 50) == 0 ? ",\"note\":{\"userId\":-1}" : "");
}
