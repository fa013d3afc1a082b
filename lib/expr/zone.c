/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zone.c - local time by the system's TZif files (RFC 8536).
 *
 * A zone is read once and kept for the life of the process: a list of
 * transitions and, for times after the last one, the POSIX rule of the file's
 * footer.  "UTC" and "GMT+01:00" need no file.  tzdata's version is part of the
 * build id, since a rule that changes changes results.
 *
 * Thread:  lookups may come from any thread; reading a file takes a lock.
 */
#include "expr/expr.h"

#include <ctype.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/util.h"
#include "calendar.h"

#define ZONE_DIR "/usr/share/zoneinfo/"
#define ZONE_VERSION_FILE ZONE_DIR "tzdata.zi" /* its first line: "# version 2024a" */
#define ZONE_FILE_MAX ((size_t)1 << 20)
#define ZONE_NAME_MAX 64u

struct rule_date { /* Mm.w.d, Jn or n of a POSIX TZ string */
	char kind;
	int month, week, day;
	int64_t at_s; /* seconds after local midnight */
};

struct zone {
	struct zone *next;
	char name[ZONE_NAME_MAX];
	uint32_t count;
	int64_t *from_s;   /* instants, ascending */
	int32_t *offset_s; /* from then on */
	int32_t first_offset_s;
	bool has_rule; /* with daylight saving; else rule_standard_s alone */
	bool has_footer;
	int32_t rule_standard_s, rule_summer_s;
	struct rule_date rule_start, rule_end;
};

static struct zone *zones;
static pthread_mutex_t zones_lock = PTHREAD_MUTEX_INITIALIZER;

/* ---- POSIX rules: CET-1CEST,M3.5.0,M10.5.0/3 ---- */

static bool
take_name(const char **p)
{
	const char *at = *p;

	if (*at == '<') {
		while (*at != '\0' && *at != '>')
			at++;
		if (*at != '>')
			return false;
		at++;
	} else {
		while (isalpha((unsigned char)*at))
			at++;
	}
	if (at == *p)
		return false;
	*p = at;
	return true;
}

static bool
take_int(const char **p, int64_t *v)
{
	char *end;

	if (!isdigit((unsigned char)**p))
		return false;
	*v = strtol(*p, &end, 10);
	*p = end;
	return *v <= 1000;
}

/* [+-]hh[:mm[:ss]] */
static bool
take_hms(const char **p, int64_t *s)
{
	int64_t h, m = 0, sec = 0;
	bool negative = false;

	if (**p == '-' || **p == '+')
		negative = *(*p)++ == '-';
	if (!take_int(p, &h))
		return false;
	if (**p == ':') {
		(*p)++;
		if (!take_int(p, &m))
			return false;
		if (**p == ':') {
			(*p)++;
			if (!take_int(p, &sec))
				return false;
		}
	}
	*s = h * 3600 + m * 60 + sec;
	if (negative)
		*s = -*s;
	return true;
}

static bool
take_rule_date(const char **p, struct rule_date *d)
{
	int64_t a, b, c;

	d->at_s = 7200;
	if (*(*p)++ != ',')
		return false;
	if (**p == 'M') {
		(*p)++;
		if (!take_int(p, &a) || *(*p)++ != '.' || !take_int(p, &b) || *(*p)++ != '.' ||
		    !take_int(p, &c))
			return false;
		if (a < 1 || a > 12 || b < 1 || b > 5 || c > 6)
			return false;
		*d = (struct rule_date){'M', (int)a, (int)b, (int)c, 7200};
	} else {
		char kind = 'n';

		if (**p == 'J') {
			kind = 'J';
			(*p)++;
		}
		if (!take_int(p, &a) || a > 366)
			return false;
		*d = (struct rule_date){kind, 0, 0, (int)a, 7200};
	}
	if (**p == '/') {
		(*p)++;
		return take_hms(p, &d->at_s);
	}
	return true;
}

static bool
parse_footer(struct zone *z, const char *p)
{
	int64_t s;

	if (!take_name(&p) || !take_hms(&p, &s))
		return false;
	z->rule_standard_s = (int32_t)-s; /* POSIX counts west */
	if (*p == '\0')
		return true;
	if (!take_name(&p))
		return false;
	s -= 3600;
	if (*p != ',' && !take_hms(&p, &s))
		return false;
	z->rule_summer_s = (int32_t)-s;
	if (!take_rule_date(&p, &z->rule_start) || !take_rule_date(&p, &z->rule_end) || *p != '\0')
		return false;
	z->has_rule = true;
	return true;
}

/* Local seconds (of the offset before it) at which the rule acts in this year. */
static int64_t
rule_local_s(const struct rule_date *d, int64_t year)
{
	int64_t days = fl_civil_days(year, 1, 1);

	if (d->kind == 'M') {
		int64_t first = fl_civil_days(year, (uint32_t)d->month, 1);
		int64_t weekday = fl_floor_mod(first + 4, 7); /* 1970-01-01: Thursday */
		int64_t day = fl_floor_mod(d->day - weekday, 7) + (d->week - 1) * 7;

		while (day >= (int64_t)fl_month_days(year, (uint32_t)d->month))
			day -= 7;
		days = first + day;
	} else if (d->kind == 'J') { /* 1 to 365, no leap day */
		days += d->day - 1 + (d->day >= 60 && fl_month_days(year, 2) == 29);
	} else {
		days += d->day;
	}
	return days * 86400 + d->at_s;
}

static int32_t
rule_offset_s(const struct zone *z, int64_t utc_s)
{
	struct fl_civil c;
	int64_t start, end;

	if (!z->has_rule)
		return z->rule_standard_s;
	fl_civil_from_days(fl_floor_div(utc_s + z->rule_standard_s, 86400), &c);
	start = rule_local_s(&z->rule_start, c.year) - z->rule_standard_s;
	end = rule_local_s(&z->rule_end, c.year) - z->rule_summer_s;
	if (start < end)
		return utc_s >= start && utc_s < end ? z->rule_summer_s : z->rule_standard_s;
	return utc_s >= end && utc_s < start ? z->rule_standard_s : z->rule_summer_s;
}

/* ---- files ---- */

static int64_t
big_endian(const char *p, int width)
{
	uint64_t v = (signed char)p[0] < 0 ? UINT64_MAX : 0;

	for (int i = 0; i < width; i++)
		v = v << 8 | (unsigned char)p[i];
	return (int64_t)v;
}

/* One of the two parts of a file; version 1 holds 4-byte times. */
struct part {
	int64_t utc_count, std_count, leap_count, time_count, type_count, char_count;
	size_t size; /* with its head */
};

static bool
read_part(const char *p, size_t size, int width, struct part *part)
{
	if (size < 44 || memcmp(p, "TZif", 4) != 0)
		return false;
	part->utc_count = big_endian(p + 20, 4);
	part->std_count = big_endian(p + 24, 4);
	part->leap_count = big_endian(p + 28, 4);
	part->time_count = big_endian(p + 32, 4);
	part->type_count = big_endian(p + 36, 4);
	part->char_count = big_endian(p + 40, 4);
	const int64_t counts[] = {part->utc_count, part->std_count, part->leap_count,
	    part->time_count, part->type_count, part->char_count};
	for (size_t i = 0; i < FL_ARRAY_COUNT(counts); i++)
		if (counts[i] < 0 || counts[i] > (int64_t)ZONE_FILE_MAX)
			return false;
	if (part->type_count < 1)
		return false;
	part->size =
	    44 + (size_t)(part->time_count * (width + 1) + part->type_count * 6 + part->char_count +
			  part->leap_count * (width + 4) + part->std_count + part->utc_count);
	return part->size <= size;
}

static bool
parse_file(struct zone *z, const char *p, size_t size)
{
	struct part part;
	char footer[128];

	if (!read_part(p, size, 4, &part) || p[4] < '2')
		return false;
	p += part.size;
	size -= part.size;
	if (!read_part(p, size, 8, &part))
		return false;
	const char *times = p + 44, *types = times + part.time_count * 8;
	const char *infos = types + part.time_count;
	z->count = (uint32_t)part.time_count;
	z->from_s = fl_calloc((size_t)part.time_count + 1, sizeof(*z->from_s));
	z->offset_s = fl_calloc((size_t)part.time_count + 1, sizeof(*z->offset_s));
	z->first_offset_s = (int32_t)big_endian(infos, 4);
	for (uint32_t i = 0; i < z->count; i++) {
		unsigned char type = (unsigned char)types[i];

		if (type >= part.type_count)
			return false;
		z->from_s[i] = big_endian(times + (size_t)i * 8, 8);
		z->offset_s[i] = (int32_t)big_endian(infos + (size_t)type * 6, 4);
		if (i > 0 && z->from_s[i] <= z->from_s[i - 1])
			return false;
	}
	p += part.size;
	size -= part.size;
	if (size < 2 || p[0] != '\n')
		return false;
	const char *stop = memchr(p + 1, '\n', size - 1);
	if (stop == NULL || (size_t)(stop - p - 1) >= sizeof(footer))
		return false;
	memcpy(footer, p + 1, (size_t)(stop - p - 1));
	footer[stop - p - 1] = '\0';
	if (footer[0] == '\0')
		return true;
	z->has_footer = true;
	return parse_footer(z, footer);
}

/* "GMT+01:00", "UTC-8", "+05:30" */
static bool
parse_fixed(struct zone *z, const char *name)
{
	const char *p = name;
	int64_t s;

	if (strncmp(p, "GMT", 3) == 0 || strncmp(p, "UTC", 3) == 0)
		p += 3;
	if ((*p != '+' && *p != '-') || !take_hms(&p, &s) || *p != '\0' || s > 64800 || s < -64800)
		return false;
	z->first_offset_s = (int32_t)s;
	return true;
}

static bool
name_is_safe(const char *name)
{
	if (name[0] == '\0' || strlen(name) >= ZONE_NAME_MAX || name[0] == '/' || name[0] == '.')
		return false;
	for (const char *p = name; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr("/_+-:", *p) == NULL)
			return false;
	return true;
}

static void
zone_free(struct zone *z)
{
	free(z->from_s);
	free(z->offset_s);
	free(z);
}

static struct zone *
load_zone(const char *name)
{
	struct zone *z = fl_calloc(1, sizeof(*z));
	struct fl_buf buf = {.data = NULL};
	char path[sizeof(ZONE_DIR) + ZONE_NAME_MAX];
	bool ok;

	memcpy(z->name, name, strlen(name) + 1);
	if (parse_fixed(z, name))
		return z;
	(void)snprintf(path, sizeof(path), ZONE_DIR "%s", name);
	ok = fl_file_read(path, ZONE_FILE_MAX, &buf, NULL) == FL_OK &&
	     parse_file(z, buf.data, buf.size);
	fl_buf_fini(&buf);
	if (ok)
		return z;
	zone_free(z);
	return NULL;
}

/* NULL: no such zone, or UTC (no shift). */
static const struct zone *
find_zone(const char *name)
{
	struct zone *z;

	if (name == NULL || strcmp(name, "UTC") == 0 || strcmp(name, "Z") == 0 ||
	    !name_is_safe(name))
		return NULL;
	for (z = __atomic_load_n(&zones, __ATOMIC_ACQUIRE); z != NULL; z = z->next)
		if (strcmp(z->name, name) == 0)
			return z;
	(void)pthread_mutex_lock(&zones_lock);
	for (z = zones; z != NULL && strcmp(z->name, name) != 0; z = z->next)
		;
	if (z == NULL && (z = load_zone(name)) != NULL) {
		z->next = zones;
		__atomic_store_n(&zones, z, __ATOMIC_RELEASE);
	}
	(void)pthread_mutex_unlock(&zones_lock);
	return z;
}

/* ---- lookups ---- */

static int32_t
offset_s_at(const struct zone *z, int64_t utc_s)
{
	uint32_t low = 0, high = z->count;

	while (low < high) { /* transitions at or before utc_s */
		uint32_t mid = (low + high) / 2;

		if (z->from_s[mid] <= utc_s)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == z->count && z->has_footer)
		return rule_offset_s(z, utc_s);
	return low == 0 ? z->first_offset_s : z->offset_s[low - 1];
}

int64_t
fl_zone_offset_ms(const char *zone, int64_t utc_ms)
{
	const struct zone *z = find_zone(zone);

	return z == NULL ? 0 : (int64_t)offset_s_at(z, fl_floor_div(utc_ms, 1000)) * 1000;
}

/* Wraps at the ends of time, as in Java. */
static int64_t
shift(int64_t ms, int64_t by_s)
{
	return (int64_t)((uint64_t)ms + (uint64_t)by_s * 1000);
}

int64_t
fl_zone_to_local(const char *zone, int64_t utc_ms)
{
	return shift(utc_ms, fl_zone_offset_ms(zone, utc_ms) / 1000);
}

/*
 * The offsets a day before and a day after decide: zones do not change twice
 * within two days.  before: taken with the earlier offset, after: with the later.
 */
static void
local_candidates(const struct zone *z, int64_t local_ms, int64_t *before, int64_t *after)
{
	int64_t s = fl_floor_div(local_ms, 1000);

	*before = shift(local_ms, -(int64_t)offset_s_at(z, s - 86400));
	*after = shift(local_ms, -(int64_t)offset_s_at(z, s + 86400));
}

static bool
shows(const struct zone *z, int64_t utc_ms, int64_t local_ms)
{
	return shift(utc_ms, offset_s_at(z, fl_floor_div(utc_ms, 1000))) == local_ms;
}

int64_t
fl_zone_from_local(const char *zone, int64_t local_ms)
{
	const struct zone *z = find_zone(zone);
	int64_t before, after;

	if (z == NULL)
		return local_ms;
	local_candidates(z, local_ms, &before, &after);
	if (shows(z, before, local_ms))
		return before;
	return shows(z, after, local_ms) ? after : before; /* gap: before is shifted by it */
}

int64_t
fl_zone_to_utc(const char *zone, int64_t local_ms)
{
	const struct zone *z = find_zone(zone);
	int64_t before, after;

	if (z == NULL)
		return local_ms;
	local_candidates(z, local_ms, &before, &after);
	if (shows(z, after, local_ms))
		return after;
	if (shows(z, before, local_ms))
		return before;
	/* Gap: the transition lies in (after, before]. */
	int64_t low = fl_floor_div(after, 1000), high = fl_floor_div(before, 1000);
	int32_t offset_s = offset_s_at(z, high);
	while (low + 1 < high) {
		int64_t mid = low + (high - low) / 2;

		if (offset_s_at(z, mid) == offset_s)
			high = mid;
		else
			low = mid;
	}
	return high * 1000;
}

bool
fl_zone_exists(const char *zone)
{
	return strcmp(zone, "UTC") == 0 || strcmp(zone, "Z") == 0 || find_zone(zone) != NULL;
}

const char *
fl_zone_version(char *buf, size_t size)
{
	char text[64] = "";
	FILE *file = fopen(ZONE_VERSION_FILE, "re");
	int n = 0;

	(void)snprintf(buf, size, "unknown");
	if (file == NULL)
		return buf;
	if (fgets(text, sizeof(text), file) != NULL && sscanf(text, "# version %n", &n) == 0 && n > 0) {
		text[strcspn(text, "\r\n")] = '\0';
		(void)snprintf(buf, size, "%s", text + n);
	}
	(void)fclose(file);
	return buf;
}
