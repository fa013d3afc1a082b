/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - one event, one line, on stderr:
 *
 *	2026-01-05T12:00:00.123456Z info  aggregate[4711] window closed query=q rows=12
 *
 * A text after = stands in quotes if it is empty or holds a blank, =, a quote, a backslash
 * or a control character; then \" \\ \n and \t are escaped.  Callers write name=%s.
 *
 * The line is put together first and written with one call, so lines of several
 * threads and processes do not mix.  The same message is written at most LOG_BURST
 * times a second; the next second's first line says how many were held back.
 */
#include "base/util.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LOG_LINE_SIZE 2048
#define LOG_BURST 10u
#define VALUE_BEGIN '\1' /* in the line before values are quoted */
#define VALUE_END '\2'

static const char *const level_names[] = {"error", "warn ", "info ", "debug"};

static struct {
	char program[32];
	enum fl_log_level max;
} log_state = {"flight", FL_LOG_INFO};

/* Held-back lines by call site: fmt pointers are string literals. */
static struct {
	pthread_mutex_t lock;
	const char *fmt[64];
	int64_t second[64];
	uint32_t count[64];
} log_sites = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
fl_log_open(const char *program, enum fl_log_level max)
{
	(void)snprintf(log_state.program, sizeof(log_state.program), "%s", program);
	log_state.max = max;
}

/* False: this site has said enough this second.  *held: lines kept back before. */
static bool
admit_line(const char *fmt, int64_t second, uint32_t *held)
{
	size_t slot = ((uintptr_t)fmt >> 3) % FL_ARRAY_COUNT(log_sites.fmt);
	bool admitted;

	*held = 0;
	(void)pthread_mutex_lock(&log_sites.lock);
	if (log_sites.fmt[slot] != fmt || log_sites.second[slot] != second) {
		if (log_sites.fmt[slot] == fmt && log_sites.count[slot] > LOG_BURST)
			*held = log_sites.count[slot] - LOG_BURST;
		log_sites.fmt[slot] = fmt;
		log_sites.second[slot] = second;
		log_sites.count[slot] = 0;
	}
	admitted = ++log_sites.count[slot] <= LOG_BURST;
	(void)pthread_mutex_unlock(&log_sites.lock);
	return admitted;
}

/* fmt with marks around the texts of name=%s and name="..."; fmt itself if that does not fit. */
static __attribute__((format_arg(1))) const char *
mark_values(const char *fmt, char *buf, size_t size)
{
	const char *p = fmt, *end;
	size_t used = 0;

	while (*p != '\0') {
		if (used + strlen(p) + 4 > size)
			return fmt;
		buf[used++] = *p++;
		if (p[-1] != '=' || (p[0] != '"' && p[0] != '%'))
			continue;
		if (p[0] == '"') {
			end = p + 1 + strcspn(p + 1, "\"");
			p++;
		} else {
			end = p + 1 + strspn(p + 1, "-.*0123456789");
			if (*end++ != 's')
				continue;
		}
		buf[used++] = VALUE_BEGIN;
		memcpy(buf + used, p, (size_t)(end - p));
		used += (size_t)(end - p);
		buf[used++] = VALUE_END;
		p = end + (*end == '"' ? 1 : 0);
	}
	buf[used] = '\0';
	return buf;
}

static bool
needs_quotes(const char *p, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if ((unsigned char)p[i] <= ' ' || strchr("\"=\\\177", p[i]) != NULL)
			return true;
	return size == 0;
}

/* Appends a value; max leaves room for its last escape and quote.  Returns the new size. */
static size_t
add_value(char *line, size_t used, size_t max, const char *p, size_t size)
{
	bool quoted = needs_quotes(p, size);
	size_t i;

	if (quoted)
		line[used++] = '"';
	for (i = 0; i < size && used < max; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c == '"' || c == '\\' || c == '\n' || c == '\t') {
			line[used++] = '\\';
			c = c == '\n' ? 'n' : c == '\t' ? 't' : c;
		} else if (c < ' ' || c == 127)
			c = '?';
		line[used++] = (char)c;
	}
	if (quoted)
		line[used++] = '"';
	return used;
}

static size_t
add_message(char *line, size_t used, size_t max, const char *p)
{
	for (; *p != '\0' && used < max; p++) {
		if (*p == VALUE_BEGIN) {
			size_t size = strcspn(p + 1, "\2");

			used = add_value(line, used, max, p + 1, size);
			p += size;
			if (p[1] == '\0')
				break; /* the text was cut within the value */
		} else if (*p != VALUE_END)
			line[used++] = *p == '\n' ? ' ' : *p;
	}
	return used;
}

void
fl_log(enum fl_log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_SIZE], text[LOG_LINE_SIZE], marked[512];
	struct tm tm;
	va_list ap;
	int64_t us = fl_now_us();
	time_t second = (time_t)(us / 1000000);
	uint32_t held;
	size_t used;
	int n;

	if (level > log_state.max || !admit_line(fmt, second, &held))
		return;
	(void)gmtime_r(&second, &tm);
	n = snprintf(line, sizeof(line), "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ %s %s[%d] ",
	    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
	    (int)(us % 1000000), level_names[level], log_state.program, (int)getpid());
	used = n < 0 ? 0 : (size_t)n;
	text[0] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), mark_values(fmt, marked, sizeof(marked)), ap);
	va_end(ap);
	used = add_message(line, used, sizeof(line) - 40, text);
	if (held > 0)
		used += (size_t)snprintf(line + used, sizeof(line) - used, " held_back=%u", held);
	line[used++] = '\n';
	if (write(STDERR_FILENO, line, used) < 0)
		return; /* nobody to tell */
}
