/* SPDX-License-Identifier: Apache-2.0 */
/*
 * calendar.h - the proleptic Gregorian calendar, and texts of times.
 *
 * Days and milliseconds count from 1970-01-01; all divisions floor, so times
 * before 1970 are right (where Flink's are not: docs of EXTRACT).
 */
#ifndef FL_EXPR_CALENDAR_H
#define FL_EXPR_CALENDAR_H

#include "column/batch.h"

#define FL_DAY_MS INT64_C(86400000)
/* Flink's range of instants made from numbers: years 0000 to 9999. */
#define FL_EPOCH_MS_MIN INT64_C(-62167219200000)
#define FL_EPOCH_MS_MAX INT64_C(253402300799999)

struct fl_civil {
	int64_t year;
	uint32_t month, day; /* from 1 */
	uint32_t hour, minute, second, ms;
};

static inline int64_t
fl_floor_div(int64_t a, int64_t b)
{
	int64_t q = a / b;

	return q - (a % b < 0);
}

static inline int64_t
fl_floor_mod(int64_t a, int64_t b)
{
	int64_t r = a % b;

	return r < 0 ? r + b : r;
}

int64_t fl_civil_days(int64_t year, uint32_t month, uint32_t day);
void fl_civil_from_days(int64_t days, struct fl_civil *civil); /* its midnight */
void fl_civil_from_ms(int64_t ms, struct fl_civil *civil);
int64_t fl_civil_to_ms(const struct fl_civil *civil);
uint32_t fl_month_days(int64_t year, uint32_t month);

/* As CAST and TO_TIMESTAMP read: one-digit fields, a date alone.  A day past its
 * month's end becomes the last one, as Java's SMART resolver has it. */
bool fl_parse_timestamp_lenient(const char *p, size_t size, int64_t *ms);
/* As CAST AS DATE reads: yyyy[-M[-d]]. */
bool fl_parse_date_lenient(const char *p, size_t size, int32_t *days);

enum fl_parsed { FL_PARSED, FL_PARSED_NOT, FL_PARSED_TOO_LARGE };
enum fl_parsed fl_parse_decimal_why(
    const char *p, size_t size, uint32_t precision, uint32_t scale, fl_i128 *out);
/* As Flink's CAST to integers: blanks trimmed, a fraction is cut. */
bool fl_parse_integer(const char *p, size_t size, int64_t min, int64_t max, int64_t *out);

/* Patterns of DATE_FORMAT and TO_TIMESTAMP: yyyy-MM-dd HH:mm:ss.SSS and the like. */
enum fl_pattern_use { FL_PATTERN_PRINT, FL_PATTERN_PARSE, FL_PATTERN_PARSE_ZONE };
bool fl_pattern_check(
    const char *pattern, size_t size, enum fl_pattern_use use, char *bad);
void fl_pattern_print(const char *pattern, size_t size, int64_t ms, struct fl_buf *out);
/* strict: the whole text, fields in range, as java.time; else as SimpleDateFormat:
 * fields overflow, blanks before a field and text after the match are ignored, and a
 * zone may be read (z Z X): its offset goes to *zone_ms, which is INT64_MIN if there is none. */
bool fl_pattern_parse(const char *pattern, size_t pattern_size, const char *p, size_t size,
    bool strict, int64_t *ms, int64_t *zone_ms);

#endif
