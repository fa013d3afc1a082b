/* SPDX-License-Identifier: Apache-2.0 */
/* util.c - clocks, uuids, parsing of settings, and the nearest word. */
#include "base/util.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>

static int64_t
read_clock_us(clockid_t id)
{
	struct timespec ts;

	(void)clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
fl_now_us(void)
{
	return read_clock_us(CLOCK_REALTIME);
}

int64_t
fl_now_ms(void)
{
	return fl_now_us() / 1000;
}

int64_t
fl_monotonic_us(void)
{
	return read_clock_us(CLOCK_MONOTONIC);
}

void
fl_uuid_make(struct fl_uuid *uuid)
{
	size_t got = 0;

	while (got < sizeof(uuid->bytes)) {
		ssize_t n = getrandom(uuid->bytes + got, sizeof(uuid->bytes) - got, 0);

		if (n > 0)
			got += (size_t)n;
	}
	uuid->bytes[6] = (uint8_t)((uuid->bytes[6] & 0x0f) | 0x40);
	uuid->bytes[8] = (uint8_t)((uuid->bytes[8] & 0x3f) | 0x80);
}

bool
fl_uuid_equal(const struct fl_uuid *a, const struct fl_uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

const char *
fl_uuid_print(const struct fl_uuid *uuid, char buf[37])
{
	const uint8_t *b = uuid->bytes;

	(void)snprintf(buf, 37,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	    b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
	    b[15]);
	return buf;
}

bool
fl_parse_i64(const char *s, int64_t *value)
{
	char *end;
	long long v;

	if (s == NULL || *s == '\0' || isspace((unsigned char)*s))
		return false;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno != 0 || *end != '\0' || end == s)
		return false;
	*value = v;
	return true;
}

/* Flink's unit words; a bare number is milliseconds, or bytes. */
struct unit {
	const char *word;
	int64_t is;
};
static const struct unit duration_units[] = {
	{"ms", 1}, {"milli", 1}, {"millis", 1}, {"millisecond", 1}, {"milliseconds", 1},
	{"s", 1000}, {"sec", 1000}, {"secs", 1000}, {"second", 1000}, {"seconds", 1000},
	{"m", 60000}, {"min", 60000}, {"mins", 60000}, {"minute", 60000}, {"minutes", 60000},
	{"h", 3600000}, {"hour", 3600000}, {"hours", 3600000},
	{"d", 86400000}, {"day", 86400000}, {"days", 86400000}, {"", 1},
};
static const struct unit memory_units[] = {
	{"", 1}, {"b", 1}, {"bytes", 1},
	{"k", 1 << 10}, {"kb", 1 << 10}, {"kibibytes", 1 << 10},
	{"m", 1 << 20}, {"mb", 1 << 20}, {"mebibytes", 1 << 20},
	{"g", 1 << 30}, {"gb", 1 << 30}, {"gibibytes", 1 << 30},
	{"t", INT64_C(1) << 40}, {"tb", INT64_C(1) << 40}, {"tebibytes", INT64_C(1) << 40},
};

/* "12 unit" as 12 times what the unit is. */
static bool
parse_units(const char *s, const struct unit *units, size_t count, int64_t *number)
{
	char unit[16];
	char *end;
	long long v;
	size_t i, len;

	while (isspace((unsigned char)*s))
		s++;
	if (!isdigit((unsigned char)*s))
		return false;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno != 0)
		return false;
	while (isspace((unsigned char)*end))
		end++;
	len = strlen(end);
	while (len > 0 && isspace((unsigned char)end[len - 1]))
		len--;
	if (len >= sizeof(unit))
		return false;
	memcpy(unit, end, len);
	unit[len] = '\0';
	for (i = 0; i < count; i++) {
		if (strcasecmp(unit, units[i].word) != 0)
			continue;
		if (v > INT64_MAX / units[i].is)
			return false;
		*number = v * units[i].is;
		return true;
	}
	return false;
}

bool
fl_parse_duration_ms(const char *s, int64_t *ms)
{
	return parse_units(s, duration_units, FL_ARRAY_COUNT(duration_units), ms);
}

bool
fl_parse_memory(const char *s, int64_t *bytes)
{
	return parse_units(s, memory_units, FL_ARRAY_COUNT(memory_units), bytes);
}

#define WORD_SIZE_MAX 64u

/* Levenshtein distance, letters compared without case. */
static unsigned
measure_distance(const char *a, const char *b)
{
	unsigned row[WORD_SIZE_MAX + 1];
	size_t la = strlen(a), lb = strlen(b), i, j;

	if (la > WORD_SIZE_MAX || lb > WORD_SIZE_MAX)
		return UINT32_MAX;
	for (j = 0; j <= lb; j++)
		row[j] = (unsigned)j;
	for (i = 1; i <= la; i++) {
		unsigned corner = row[0];

		row[0] = (unsigned)i;
		for (j = 1; j <= lb; j++) {
			unsigned up = row[j];
			unsigned swap = corner +
			    (tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]));
			unsigned best = FL_MIN(FL_MIN(up, row[j - 1]) + 1, swap);

			corner = up;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *
fl_closest(const char *word, const char *const *candidates, size_t count)
{
	const char *best = NULL;
	unsigned best_distance = 4;
	size_t i;

	for (i = 0; i < count; i++) {
		unsigned d = measure_distance(word, candidates[i]);

		/* Half of the letters at least are the same: b is not close to x. */
		if (d < best_distance && d * 2 <= strlen(word) + 1 && d < strlen(word)) {
			best = candidates[i];
			best_distance = d;
		}
	}
	return best;
}
