/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flow.c - runs .flow files: whole pipelines in one process on a virtual clock.
 *
 *	flow [FILE | DIRECTORY]...	(default: tests/flow)
 *
 * The language, one command a line; lines that begin with blanks continue it:
 *
 *	create SQL		CREATE TABLE or VIEW; 'format' = 'json' is added to 'test' tables
 *	set KEY VALUE		SET 'KEY' = 'VALUE'
 *	out COLUMNS		the sink of anonymous queries: CREATE TABLE `out` (COLUMNS)
 *	query SELECT ...	INSERT INTO `out` SELECT ...
 *	sql SCRIPT		statements as they are
 *	rows T [partition N]	below it one row a line, values two blanks apart
 *	raw T [partition N]	below it one record a line, as it is
 *	expect [T]		below it the rows that came out of T (out) since the last time
 *	open			below it the rows of open windows as a snapshot shows them: start, end,
 *				how many rows, keys, parts of accumulators
 *	clock TIME		the clock moves on; clock back TIME: it is set back
 *	add T partition N	a partition appears
 *	caught T [partition N]	nothing more comes from now on (all partitions named so far)
 *	lose T [partition N]	the broker has dropped what comes next: it must stop
 *	end T [partition N]	the end of a bounded partition
 *	metric NAME [<|>] VALUE	aggregate.rows_late and the like (tbl/metrics.h)
 *	late N, dead N [CODE]	late rows; dead letters of the pipeline, all with that code
 *	bare N			dead letters of the pipeline that kept position and reason only
 *	kept DB <|=|> N		values in a database: late, dead, out, state of the pipeline's
 *				store, steps and letters (dead ones) of ingest's, refused (dead
 *				letters) and returns of emit's
 *	counted CODE <|=|> N	dead letters that there ever were with that code; counted oddities
 *	config NAME VALUE	a setting of the instance (tbl/config.h), before the first row
 *	replay T P OFFSET	the dead letter of that record comes back; below it a mended value
 *	drop T P OFFSET		the dead letter goes
 *	refuse [TEXT]		from now on the sinks refuse rows with that text; or none
 *	again SINK ROW		the dead letter of that row comes back, after 4 seconds of the clock;
 *				below it a mended row, as JSON
 *	forget SINK ROW		the dead letter of that row goes
 *	position T P <|=|> N	next offset of partition P of T in ingest's store
 *	step N			at most N rows a step from now on
 *	flush none|all		no window state is stored from now on, so that a restart folds
 *				again; or all of it (before: as the way to run chooses)
 *	hold P, release P	ingest, aggregate or emit gets no turns; gets them again
 *	apply NAME [reset]	the statements so far are pipeline NAME (without it: "flow"); those
 *				that follow belong to the next one, which joins a running instance
 *	refused NAME CODE	the same, but the catalog refuses it with that code
 *	restart			all three programs die and come back
 *	fails CODE		the script does not compile, with that code
 *
 * 12:00:10 means 2024-01-01 12:00:10, where the clock begins at 00:00:00.  NULL is
 * NULL.
 *
 * Each file runs plain, with restarts after every line and row (also in the middle of
 * the work that it makes), with random step sizes,
 * with the n-th commit of each program failing (n = 1, 2 ... 6), and with random
 * interleavings of partitions and step sizes; every way must meet every expectation
 * (as a multiset in the last), and conservation must hold, as must dead letters by reason be as
 * many as are counted in all.  A comment that begins with
 * "# in order:" keeps a file out of the last way, and says why.
 *
 * Instances are made in $TMPDIR (default /tmp).
 */
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aggregate/aggregate.h"
#include "base/util.h"
#include "emit/emit.h"
#include "ingest/ingest.h"
#include "inspect/inspect.h"
#include "shm/dead.h"
#include "shm/life.h"
#include "shm/view.h"

#define LINE_MAX_COUNT 4096
#define DAY_MS INT64_C(1704067200000) /* 2024-01-01 */
#define DAY_TEXT "2024-01-01 "
#define PARTS_MAX 64
#define PIPELINE "flow"

enum mode { PLAIN, RESTARTS, STEP_SIZES, FAULTS, INTERLEAVED, MODE_COUNT };
static const char *const mode_names[] = { "plain", "restarts", "step sizes", "faults", "interleaved" };

struct command {
	char *head;	/* first line, without continuation */
	char **lines;	/* continuation lines, without leading blanks */
	uint32_t line_count;
	uint32_t number; /* line in the file */
};

struct file {
	const char *path;
	struct command *commands;
	uint32_t count;
	bool in_order;
};

struct push { /* a record that waits to be delivered */
	char *table, *value;
	int32_t partition;
};

struct flow {
	const struct file *file;
	enum mode mode;
	uint64_t seed;
	char dir[512];
	struct fl_buf script;
	bool running, has_out;
	bool held[3]; /* ingest, aggregate, emit */
	char configs[8][2][64];
	uint32_t config_count;
	struct fl_instance *instance;
	struct ingest *ingest;
	struct aggregate *aggregate;
	struct emit *emit;
	int64_t clock_ms, emit_ms;
	struct push *pushes;
	uint32_t push_count, push_capacity;
	struct {
		char table[64];
		int32_t partition;
		int64_t caught_ms;
		bool ended;
		char **values; /* by offset: what a broker would still have */
		int64_t *times;
		uint32_t value_count;
	} parts[PARTS_MAX]; /* named so far */
	enum { FLUSH_ANY, FLUSH_NONE, FLUSH_ALL } flush;
	uint32_t step_rows; /* step N; 0: as many as there are */
	uint32_t part_count;
	struct { char table[64]; struct fl_buf text; } outs[16]; /* delivered, not expected yet */
	uint32_t out_count;
	struct fl_err err;
	char why[4096];
	uint32_t line;
};

/* ---- small things ---- */

static uint64_t
draw(struct flow *f, uint64_t below)
{
	f->seed ^= f->seed << 13;
	f->seed ^= f->seed >> 7;
	f->seed ^= f->seed << 17;
	return f->seed % below;
}

static bool __attribute__((format(printf, 2, 3)))
fail(struct flow *f, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	if (f->why[0] == '\0')
		(void)vsnprintf(f->why, sizeof(f->why), fmt, args);
	va_end(args);
	return false;
}

static bool
fail_err(struct flow *f, const char *what)
{
	char text[FL_ERR_TEXT_SIZE + 100];

	return fail(f, "%s: %s", what, fl_err_print(&f->err, text, sizeof(text)));
}

static bool
is_time(const char *s)
{
	unsigned h, m;
	int n = 0;

	return sscanf(s, "%2u:%2u%n", &h, &m, &n) == 2 && n == 5 && (s[5] == '\0' || s[5] == ':');
}

static int64_t
parse_clock(const char *s)
{
	char text[64];
	int64_t ms = 0;

	(void)snprintf(text, sizeof(text), "%s%s", is_time(s) ? DAY_TEXT : "", s);
	if (!fl_parse_timestamp(text, strlen(text), ' ', &ms))
		return FL_TIME_MIN;
	return ms;
}

/* Values stand two blanks or a tab apart. */
static uint32_t
split(char *line, char **tokens, uint32_t max)
{
	uint32_t n = 0;
	char *at = line;

	while (*at != '\0' && n < max) {
		while (*at == ' ' || *at == '\t')
			at++;
		if (*at == '\0')
			break;
		tokens[n++] = at;
		while (*at != '\0' && *at != '\t' && !(at[0] == ' ' && (at[1] == ' ' || at[1] == '\0')))
			at++;
		if (*at != '\0')
			*at++ = '\0';
	}
	return n;
}

/* ---- reading a file ---- */

static void
add_line(struct command *c, const char *line)
{
	c->lines = fl_realloc(c->lines, (c->line_count + 1) * sizeof(*c->lines));
	c->lines[c->line_count++] = fl_strdup(line);
}

static bool
read_flow(const char *path, struct file *file)
{
	struct fl_buf text;
	struct fl_err err = { .code = FL_OK };
	uint32_t number = 0;

	memset(file, 0, sizeof(*file));
	file->path = path;
	fl_buf_init(&text);
	if (fl_file_read(path, 1u << 20, &text, &err) != FL_OK || text.data == NULL)
		return false;
	for (char *line = text.data, *next; line != NULL && *line != '\0'; line = next) {
		char *end = strchr(line, '\n');
		size_t blanks;

		next = end == NULL ? NULL : end + 1;
		if (end != NULL)
			*end = '\0';
		number++;
		if (strncmp(line, "# in order:", 11) == 0)
			file->in_order = true;
		for (char *c = line; *c != '\0'; c++) /* a comment ends the line */
			if (*c == '#' && (c == line || c[-1] == ' '))
				*c = '\0';
		for (size_t n = strlen(line); n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\r'); n--)
			line[n - 1] = '\0';
		blanks = strspn(line, " \t");
		if (line[blanks] == '\0')
			continue;
		if (blanks > 0 && file->count > 0) {
			add_line(&file->commands[file->count - 1], line + blanks);
			continue;
		}
		file->commands =
		    fl_realloc(file->commands, (file->count + 1) * sizeof(*file->commands));
		file->commands[file->count++] =
		    (struct command){ .head = fl_strdup(line), .number = number };
	}
	fl_buf_fini(&text);
	return true;
}

static void
free_flow(struct file *file)
{
	for (uint32_t i = 0; i < file->count; i++) {
		for (uint32_t l = 0; l < file->commands[i].line_count; l++)
			free(file->commands[i].lines[l]);
		free(file->commands[i].lines);
		free(file->commands[i].head);
	}
	free(file->commands);
}

/* ---- the programs ---- */

/* A failure that the test asked for is met once, and tried again. */
static bool
is_asked_for(struct flow *f, enum fl_code code)
{
	if (f->mode != FAULTS || fl_code_class(code) != FL_CLASS_TRANSIENT)
		return false;
	f->err = (struct fl_err){ .code = FL_OK };
	return true;
}

static bool
open_programs(struct flow *f)
{
	enum fl_code code;

	if (fl_instance_open(f->dir, true, &f->instance, &f->err) != FL_OK ||
	    fl_instance_load(f->instance, true, &f->err) != FL_OK)
		return fail_err(f, "instance");
	while ((code = ingest_open(f->instance, &f->ingest, &f->err)) != FL_OK)
		if (!is_asked_for(f, code))
			return fail_err(f, "ingest");
	while ((code = aggregate_open(f->instance, &f->aggregate, &f->err)) != FL_OK)
		if (!is_asked_for(f, code))
			return fail_err(f, "aggregate");
	while ((code = emit_open(f->instance, &f->emit, &f->err)) != FL_OK)
		if (!is_asked_for(f, code))
			return fail_err(f, "emit");
	return true;
}

static void
take_outs(struct flow *f)
{
	for (uint32_t p = 0; p < f->instance->pipeline_count; p++) {
		const struct fl_plan *plan = f->instance->pipelines[p].plan;

		for (uint32_t s = 0; s < plan->sink_count; s++) {
			const char *name = plan->sinks[s]->name;
			uint32_t i = 0;

			while (i < f->out_count && strcmp(f->outs[i].table, name) != 0)
				i++;
			if (i == FL_ARRAY_COUNT(f->outs))
				continue;
			if (i == f->out_count)
				(void)snprintf(f->outs[f->out_count++].table, 64, "%s", name);
			emit_test_take(f->emit, name, &f->outs[i].text);
		}
	}
}

static void
close_programs(struct flow *f)
{
	if (f->emit != NULL && f->instance != NULL)
		take_outs(f);
	emit_close(&f->emit);
	aggregate_close(&f->aggregate);
	ingest_close(&f->ingest);
	fl_instance_close(&f->instance);
}

static void
push_value(struct flow *f, uint32_t part, uint32_t offset)
{
	const char *value = f->parts[part].values[offset];

	ingest_test_push(f->ingest, f->parts[part].table, f->parts[part].partition, offset,
	    strcmp(value, "NULL") == 0 ? NULL : value, strlen(value),
	    f->parts[part].times[offset]);
}

/* How much of the state a commit stores decides how much a restart folds again. */
static void
set_flush(struct flow *f)
{
	static const uint32_t sizes[] = { 0, 0, 1, 1u << 20 };

	if (f->flush == FLUSH_NONE)
		aggregate_test_flush(f->aggregate, 0);
	else if (f->flush == FLUSH_ANY && f->mode != PLAIN && f->mode != FAULTS)
		aggregate_test_flush(f->aggregate, sizes[draw(f, FL_ARRAY_COUNT(sizes))]);
	else
		aggregate_test_flush(f->aggregate, 1u << 20);
}

/* Some turns, then an end in the middle of the work. */
static bool
stumble(struct flow *f)
{
	bool worked = false, done = false;

	for (uint64_t n = draw(f, 4); n > 0; n--) {
		enum fl_code code = FL_OK;

		set_flush(f);
		switch (draw(f, 3)) {
		case 0:
			if (!f->held[0])
				code = ingest_step(f->ingest, f->clock_ms, &worked, &done, &f->err);
			break;
		case 1:
			if (!f->held[1])
				code = aggregate_step(f->aggregate, f->clock_ms, &worked, &done, &f->err);
			break;
		default:
			if (!f->held[2])
				code = emit_step(f->emit, f->emit_ms, &worked, &done, &f->err);
			break;
		}
		if (code != FL_OK)
			return fail_err(f, "a turn before a restart");
	}
	return true;
}

/* Turns of all three until none has anything to do. */
static bool
settle(struct flow *f)
{
	uint32_t idle = 0;

	f->emit_ms = FL_MAX(f->emit_ms, f->clock_ms);
	set_flush(f);
	for (uint32_t turn = 0; idle < (f->mode == FAULTS ? 4u : 2u); turn++) {
		bool a = false, b = false, c = false, done = false;
		enum fl_code code;

		if (turn > 100000)
			return fail(f, "it does not come to rest");
		if (f->mode == STEP_SIZES || f->mode == INTERLEAVED)
			ingest_test_step_rows(f->ingest,
			    1 + (uint32_t)draw(f, f->step_rows == 0 ? 4 : f->step_rows));
		else
			ingest_test_step_rows(f->ingest, f->step_rows);
		code = f->held[0] ? FL_OK : ingest_step(f->ingest, f->clock_ms, &a, &done, &f->err);
		if (code != FL_OK && !is_asked_for(f, code))
			return fail_err(f, "ingest");
		a = a || code != FL_OK;
		if (f->mode == STEP_SIZES && draw(f, 3) == 0)
			continue; /* aggregate finds several steps */
		code = f->held[1] ? FL_OK :
				    aggregate_step(f->aggregate, f->clock_ms, &b, &done, &f->err);
		if (code != FL_OK && !is_asked_for(f, code))
			return fail_err(f, "aggregate");
		b = b || code != FL_OK;
		code = f->held[2] ? FL_OK : emit_step(f->emit, f->emit_ms, &c, &done, &f->err);
		/* Its clock decides nothing but when to try again. */
		f->emit_ms += f->mode == FAULTS ? 1000 : 0;
		if (code != FL_OK && !is_asked_for(f, code))
			return fail_err(f, "emit");
		c = c || code != FL_OK;
		idle = a || b || c ? 0 : idle + 1;
	}
	take_outs(f);
	return true;
}

/* As a broker: everything from the store's positions on comes again.  Then who is at
 * the end is asked again, once partitions are read again. */
static bool
restart(struct flow *f)
{
	close_programs(f);
	if (!open_programs(f))
		return false;
	for (uint32_t i = 0; i < f->part_count; i++) {
		ingest_test_add(f->ingest, f->parts[i].table, f->parts[i].partition);
		for (uint32_t offset = 0; offset < f->parts[i].value_count; offset++)
			push_value(f, i, offset);
	}
	if (!settle(f))
		return false;
	for (uint32_t i = 0; i < f->part_count; i++) {
		if (f->parts[i].caught_ms != FL_TIME_MAX)
			ingest_test_caught(f->ingest, f->parts[i].table, f->parts[i].partition,
			    f->parts[i].caught_ms);
		if (f->parts[i].ended)
			ingest_test_end(f->ingest, f->parts[i].table, f->parts[i].partition);
	}
	return true;
}

/* The statements since the last time become the pipeline `name`, as `up` would do it;
 * running programs load the catalog again.  want: the code that it must fail with. */
static bool
apply(struct flow *f, const char *name, bool reset, const char *want)
{
	struct fl_sql_env env = { .allow_test = true };
	struct fl_buf detail;
	enum fl_code code;

	if (f->running) {
		if (!settle(f))
			return false;
		close_programs(f);
	}
	if (fl_instance_open(f->dir, true, &f->instance, &f->err) != FL_OK)
		return fail_err(f, "instance");
	for (uint32_t i = 0; i < f->config_count; i++)
		if (fl_instance_set(f->instance, f->configs[i][0], f->configs[i][1], &f->err) != FL_OK)
			return fail_err(f, "config");
	fl_buf_init(&detail);
	code = fl_instance_apply_text(f->instance, name, f->script.data == NULL ? "" :
		f->script.data, &env, reset, &detail, &f->err);
	if (want != NULL && (code == FL_OK || strcmp(fl_code_name(code), want) != 0))
		(void)fail(f, "expected %s, got %s: %s", want, fl_code_name(code), f->err.text);
	else if (want == NULL && code != FL_OK)
		(void)fail(f, "%s\n%s", f->err.text, detail.data == NULL ? "" : detail.data);
	fl_buf_fini(&detail);
	fl_buf_reset(&f->script);
	fl_instance_close(&f->instance);
	if (f->why[0] != '\0')
		return false;
	f->err = (struct fl_err){ .code = FL_OK };
	f->running = f->running || want == NULL;
	return !f->running || restart(f);
}

static bool
start(struct flow *f)
{
	return f->running || apply(f, PIPELINE, false, NULL);
}

/* ---- rows ---- */

static const struct fl_table *
find_table(struct flow *f, const char *name)
{
	for (uint32_t p = 0; p < f->instance->pipeline_count; p++) {
		const struct fl_plan *plan = f->instance->pipelines[p].plan;

		for (uint32_t t = 0; t < plan->table_count; t++)
			if (strcmp(plan->tables[t]->name, name) == 0)
				return plan->tables[t];
	}
	return NULL;
}

static void
print_token(const struct fl_field *field, const char *token, struct fl_buf *out)
{
	fl_buf_json(out, field->name, strlen(field->name));
	fl_buf_byte(out, ':');
	if (strcmp(token, "NULL") == 0) {
		fl_buf_str(out, "null");
	} else if (field->type.id == FL_TYPE_TIMESTAMP || field->type.id == FL_TYPE_TIMESTAMP_LTZ) {
		fl_buf_printf(out, "\"%s%s%s\"", is_time(token) ? DAY_TEXT : "", token,
		    field->type.id == FL_TYPE_TIMESTAMP_LTZ && strchr(token, 'Z') == NULL ? "Z" : "");
	} else if (fl_type_is_numeric(field->type.id) || field->type.id == FL_TYPE_BOOLEAN) {
		fl_buf_str(out, token);
	} else {
		fl_buf_json(out, token, strlen(token));
	}
}

static bool
add_push(struct flow *f, const char *table, int32_t partition, const struct fl_buf *value)
{
	if (f->push_count == f->push_capacity) {
		f->push_capacity = FL_MAX(64u, f->push_capacity * 2);
		f->pushes = fl_realloc(f->pushes, f->push_capacity * sizeof(*f->pushes));
	}
	f->pushes[f->push_count++] =
	    (struct push){ fl_strdup(table), fl_strdup(value->data), partition };
	return true;
}

static bool
add_row(struct flow *f, const struct fl_table *table, int32_t partition, const char *line)
{
	char *copy = fl_strdup(line), *tokens[64];
	uint32_t n = split(copy, tokens, 64);
	struct fl_buf json;
	bool fine = n == table->physical.count;

	fl_buf_init(&json);
	if (!fine)
		(void)fail(f, "a row of %u values for the %u columns of %s", n,
		    table->physical.count, table->name);
	fl_buf_byte(&json, '{');
	for (uint32_t c = 0; c < n && fine; c++) {
		if (c > 0)
			fl_buf_byte(&json, ',');
		print_token(&table->physical.fields[c], tokens[c], &json);
	}
	fl_buf_byte(&json, '}');
	if (fine)
		fine = add_push(f, table->name, partition, &json);
	fl_buf_fini(&json);
	free(copy);
	return fine;
}

/* What the runner knows of a partition; the last of them stands for too many. */
static uint32_t
note_part(struct flow *f, const char *table, int32_t partition)
{
	for (uint32_t i = 0; i < f->part_count; i++)
		if (f->parts[i].partition == partition && strcmp(f->parts[i].table, table) == 0)
			return i;
	if (f->part_count == PARTS_MAX)
		return PARTS_MAX - 1;
	(void)snprintf(f->parts[f->part_count].table, sizeof(f->parts[0].table), "%s", table);
	f->parts[f->part_count].partition = partition;
	f->parts[f->part_count].caught_ms = FL_TIME_MAX;
	return f->part_count++;
}

/* The next record to deliver: the oldest, or of a random partition its oldest. */
static uint32_t
pick_push(struct flow *f)
{
	uint32_t pick = 0;

	if (f->mode != INTERLEAVED)
		return 0;
	pick = (uint32_t)draw(f, f->push_count);
	for (uint32_t i = 0; i < pick; i++)
		if (f->pushes[i].partition == f->pushes[pick].partition &&
		    strcmp(f->pushes[i].table, f->pushes[pick].table) == 0)
			return i;
	return pick;
}

static void
deliver_one(struct flow *f)
{
	uint32_t i = pick_push(f), part;
	struct push push = f->pushes[i];

	memmove(&f->pushes[i], &f->pushes[i + 1], (--f->push_count - i) * sizeof(*f->pushes));
	part = note_part(f, push.table, push.partition);
	f->parts[part].values = fl_realloc(f->parts[part].values,
	    (f->parts[part].value_count + 1) * sizeof(*f->parts[part].values));
	f->parts[part].times = fl_realloc(f->parts[part].times,
	    (f->parts[part].value_count + 1) * sizeof(*f->parts[part].times));
	f->parts[part].times[f->parts[part].value_count] = f->clock_ms;
	f->parts[part].values[f->parts[part].value_count++] = push.value;
	push_value(f, part, f->parts[part].value_count - 1);
	free(push.table);
}

static bool
deliver(struct flow *f)
{
	while (f->push_count > 0) {
		deliver_one(f);
		if (f->mode == INTERLEAVED && draw(f, 3) > 0)
			continue;
		if (f->mode == RESTARTS && (!stumble(f) || !restart(f)))
			return false;
		if ((f->mode == RESTARTS || f->mode == INTERLEAVED) && !settle(f))
			return false;
	}
	return settle(f) && (f->mode != RESTARTS || restart(f));
}

/* ---- what came out ---- */

/* "2024-01-01T12:00" -> "12:00:00"; other days keep their date. */
static void
print_normal(const char *token, struct fl_buf *out)
{
	int y, mo, d, h, mi, n = 0;
	char text[64];

	if (sscanf(token, "%4d-%2d-%2dT%2d:%2d%n", &y, &mo, &d, &h, &mi, &n) != 5 || n != 16) {
		fl_buf_str(out, token);
		return;
	}
	(void)snprintf(text, sizeof(text), "%s%s%s", token, token[n] == '\0' || token[n] == 'Z' ?
		":00" : "", "");
	if (token[n] == 'Z')
		(void)snprintf(text, sizeof(text), "%.16s:00Z", token);
	text[10] = ' ';
	fl_buf_str(out, strncmp(text, DAY_TEXT, strlen(DAY_TEXT)) == 0 ? text + strlen(DAY_TEXT) : text);
}

/* "+I[a, 1, null]" and "+I  a  1  NULL" both become "+I|a|1|NULL". */
static char *
normal_actual(const char *line)
{
	struct fl_buf out;
	char *copy = fl_strdup(line), *at = copy, *end;

	fl_buf_init(&out);
	fl_buf_add(&out, at, 2);
	at += 3;
	end = strrchr(at, ']');
	if (end != NULL)
		*end = '\0';
	while (at != NULL) {
		char *next = strstr(at, ", ");

		if (next != NULL)
			*next = '\0';
		fl_buf_byte(&out, '|');
		print_normal(strcmp(at, "null") == 0 ? "NULL" : at, &out);
		at = next == NULL ? NULL : next + 2;
	}
	free(copy);
	return out.data;
}

static char *
normal_expected(const char *line)
{
	struct fl_buf out;
	char *copy = fl_strdup(line), *tokens[64];
	uint32_t n = split(copy, tokens, 64);

	fl_buf_init(&out);
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			fl_buf_byte(&out, '|');
		fl_buf_str(&out, tokens[i]);
	}
	free(copy);
	return out.data;
}

static int
compare_texts(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static uint32_t
read_lines(struct fl_buf *text, char **lines)
{
	uint32_t n = 0;

	if (text->data == NULL || text->size == 0)
		return 0;
	for (char *line = strtok(text->data, "\n"); line != NULL && n < LINE_MAX_COUNT;
	     line = strtok(NULL, "\n"))
		lines[n++] = normal_actual(line);
	fl_buf_reset(text);
	return n;
}

static bool
compare_lines(struct flow *f, char **want, uint32_t want_count, char **got, uint32_t got_count)
{
	struct fl_buf text;

	if (f->mode == INTERLEAVED) {
		qsort(want, want_count, sizeof(*want), compare_texts);
		qsort(got, got_count, sizeof(*got), compare_texts);
	}
	for (uint32_t i = 0; want_count == got_count && i < want_count; i++)
		if (strcmp(want[i], got[i]) != 0)
			break;
		else if (i + 1 == want_count)
			return true;
	if (want_count == 0 && got_count == 0)
		return true;
	fl_buf_init(&text);
	for (uint32_t i = 0; i < want_count; i++)
		fl_buf_printf(&text, "\n    expected %s", want[i]);
	for (uint32_t i = 0; i < got_count; i++)
		fl_buf_printf(&text, "\n    got      %s", got[i]);
	(void)fail(f, "other rows came out:%s", text.data);
	fl_buf_fini(&text);
	return false;
}

static bool
expect(struct flow *f, const char *table, const struct command *c)
{
	char **want = fl_calloc(LINE_MAX_COUNT, sizeof(*want));
	char **got = fl_calloc(LINE_MAX_COUNT, sizeof(*got));
	uint32_t want_count = 0, got_count = 0;
	bool fine;

	for (; want_count < c->line_count; want_count++)
		want[want_count] = normal_expected(c->lines[want_count]);
	for (uint32_t i = 0; i < f->out_count; i++)
		if (strcmp(f->outs[i].table, table) == 0)
			got_count = read_lines(&f->outs[i].text, got);
	fine = compare_lines(f, want, want_count, got, got_count);
	for (uint32_t i = 0; i < want_count; i++)
		free(want[i]);
	for (uint32_t i = 0; i < got_count; i++)
		free(got[i]);
	free(want);
	free(got);
	return fine;
}

static char *
print_open(const struct aggregate_row *row)
{
	const struct aggregate_columns *columns = row->window->columns;
	const int64_t bounds[2] = { row->window->start, row->window->end };
	struct fl_buf out;

	fl_buf_init(&out);
	for (uint32_t i = 0; i < 2; i++) {
		struct fl_buf text;

		fl_buf_init(&text);
		fl_print_timestamp(&text, bounds[i], 'T', 0);
		print_normal(text.data, &out);
		fl_buf_byte(&out, '|');
		fl_buf_fini(&text);
	}
	fl_buf_str(&out, row->row_count.text);
	for (uint32_t i = 0; i < columns->key_count + columns->part_count; i++)
		fl_buf_printf(&out, "|%s", row->values[i].text == NULL ? "NULL" : row->values[i].text);
	return out.data;
}

static bool
check_open(struct flow *f, const struct command *c)
{
	char **want = fl_calloc(LINE_MAX_COUNT, sizeof(*want));
	char **got = fl_calloc(LINE_MAX_COUNT, sizeof(*got));
	uint32_t want_count = 0, got_count = 0;
	struct aggregate_shot *shot = NULL;
	const struct aggregate_row *row;
	bool fine = aggregate_shot_take(f->instance, PIPELINE, NULL, &shot, &f->err) == FL_OK;

	if (!fine)
		(void)fail_err(f, "snapshot");
	for (uint32_t i = 0; fine && (row = aggregate_shot_row(shot, i)) != NULL; i++)
		if (row->window->is_open && got_count < LINE_MAX_COUNT)
			got[got_count++] = print_open(row);
	for (; want_count < c->line_count; want_count++)
		want[want_count] = normal_expected(c->lines[want_count]);
	fine = fine && compare_lines(f, want, want_count, got, got_count);
	for (uint32_t i = 0; i < want_count; i++)
		free(want[i]);
	for (uint32_t i = 0; i < got_count; i++)
		free(got[i]);
	free(want);
	free(got);
	aggregate_shot_free(&shot);
	return fine;
}

static bool
read_metric(struct flow *f, const char *name, int64_t *value)
{
	struct fl_metrics *metrics = NULL;
	char program[32];
	const char *dot = strchr(name, '.');
	bool found = false;

	if (dot == NULL || (size_t)(dot - name) >= sizeof(program))
		return fail(f, "metric %s: expected program.name", name);
	(void)snprintf(program, sizeof(program), "%.*s", (int)(dot - name), name);
	if (fl_metrics_open(f->instance, program, false, &metrics, &f->err) != FL_OK)
		return fail_err(f, "metrics");
	for (int m = 0; m < FL_METRIC_COUNT; m++) {
		const struct fl_metric_info *info = fl_metric_info((enum fl_metric)m);
		size_t size = strlen(dot + 1);

		if (strcmp(info->program, program) != 0 || strncmp(info->name, dot + 1, size) != 0 ||
		    (info->name[size] != '\0' && strcmp(info->name + size, "_total") != 0))
			continue;
		*value = fl_metric_get(metrics, (enum fl_metric)m);
		found = true;
	}
	fl_metrics_close(&metrics);
	return found || fail(f, "there is no metric %s", name);
}

static bool
is_as(char op, int64_t got, int64_t want)
{
	return op == '<' ? got < want : op == '>' ? got > want : got == want;
}

static bool
check_metric(struct flow *f, const char *name, char op, int64_t want)
{
	int64_t got = 0;

	if (!read_metric(f, name, &got))
		return false;
	return is_as(op, got, want) ||
	    fail(f, "metric %s: expected %c %" PRId64 ", got %" PRId64, name, op, want, got);
}

static bool
check_dead_codes(struct flow *f, struct fl_txn *txn, uint64_t want, const char *code, bool bare)
{
	struct fl_cursor *cursor = NULL;
	struct fl_item item;
	uint64_t count = 0;
	bool found, fine = true;

	if (fl_cursor_open(txn, FL_DBI_PIPELINE_DEAD, &cursor, &f->err) != FL_OK ||
	    fl_cursor_seek(cursor, NULL, 0, &found, &item, &f->err) != FL_OK)
		return fail_err(f, "dead letters");
	while (found && fine) {
		struct fl_dead dead;

		if (fl_dead_decode(item.value, item.size, &dead, &f->err) != FL_OK)
			fine = fail_err(f, "dead letter");
		else if (code != NULL && strcmp(fl_code_name((enum fl_code)dead.head.code), code) != 0)
			fine = fail(f, "a dead letter is %s, expected %s: %.*s",
			    fl_code_name((enum fl_code)dead.head.code), code,
			    (int)dead.head.reason_size, dead.reason);
		else if (dead.head.reason_size == 0 || dead.head.value_full == 0)
			fine = fail(f, "a dead letter does not say why, or how long it was");
		else
			count += !bare || dead.head.value_size == 0;
		if (fl_cursor_next(cursor, &found, &item, &f->err) != FL_OK)
			fine = fail_err(f, "dead letters");
	}
	fl_cursor_close(&cursor);
	if (fine && count != want)
		return fail(f, "expected %" PRIu64 " dead letters%s, got %" PRIu64, want,
		    bare ? " without their row" : "", count);
	return fine;
}

static bool
open_to_read(struct flow *f, enum fl_role role, struct fl_store **store, struct fl_txn **txn)
{
	struct fl_store_options options = { .role = role, .instance = f->instance->uuid };
	char path[1024];

	fl_instance_path(f->instance, role, PIPELINE, path, sizeof(path));
	if (fl_store_open(path, &options, store, &f->err) == FL_OK &&
	    fl_txn_begin_read(*store, txn, &f->err) == FL_OK)
		return true;
	fl_store_close(store);
	return fail_err(f, "store");
}

static bool
check_dead(struct flow *f, uint64_t want, const char *code, bool bare)
{
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	bool fine;

	if (!open_to_read(f, FL_ROLE_PIPELINE, &store, &txn))
		return false;
	fine = check_dead_codes(f, txn, want, code, bare);
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return fine;
}

static bool
check_kept(struct flow *f, const char *name, char op, uint64_t want)
{
	static const struct {
		const char *name;
		enum fl_role role;
		enum fl_dbi dbi;
	} dbs[] = {
		{ "late", FL_ROLE_PIPELINE, FL_DBI_PIPELINE_LATE },
		{ "dead", FL_ROLE_PIPELINE, FL_DBI_PIPELINE_DEAD },
		{ "out", FL_ROLE_PIPELINE, FL_DBI_PIPELINE_OUT },
		{ "state", FL_ROLE_PIPELINE, FL_DBI_PIPELINE_STATE },
		{ "steps", FL_ROLE_INGEST, FL_DBI_INGEST_STEPS },
		{ "letters", FL_ROLE_INGEST, FL_DBI_INGEST_DEAD },
		{ "refused", FL_ROLE_EMIT, FL_DBI_EMIT_DEAD },
		{ "returns", FL_ROLE_EMIT, FL_DBI_EMIT_RETURNS },
	};

	for (uint32_t i = 0; i < FL_ARRAY_COUNT(dbs); i++) {
		struct fl_store *store = NULL;
		struct fl_txn *txn = NULL;
		uint64_t got;

		if (strcmp(dbs[i].name, name) != 0)
			continue;
		if (!open_to_read(f, dbs[i].role, &store, &txn))
			return false;
		got = fl_txn_count(txn, dbs[i].dbi);
		fl_txn_abort(&txn);
		fl_store_close(&store);
		if (is_as(op, (int64_t)got, (int64_t)want))
			return true;
		return fail(f, "kept %s: expected %c %" PRIu64 ", got %" PRIu64, name, op, want, got);
	}
	return fail(f, "there is no database %s", name);
}

/* Is every query of this sink updating? */
static bool
is_of_changes(const struct fl_plan *plan, uint32_t sink)
{
	bool is_some = false;

	for (uint32_t q = 0; q < plan->query_count; q++) {
		if (plan->queries[q].sink == sink && !fl_query_is_updating(&plan->queries[q]))
			return false;
		is_some = is_some || plan->queries[q].sink == sink;
	}
	return is_some;
}

/* Rows of the statement, of which there must be none. */
static bool
check_none(struct flow *f, struct inspect *inspect, const char *text)
{
	struct inspect_statement *statement = NULL;
	bool has_row = false, is_good = true;

	if (inspect_prepare(inspect, text, strlen(text), &statement, NULL, &f->err) != FL_OK ||
	    inspect_step(statement, &has_row, &f->err) != FL_OK)
		is_good = fail_err(f, text);
	else if (has_row) {
		struct fl_buf row;

		fl_buf_init(&row);
		inspect_print_json_row(statement, &row);
		is_good = fail(f, "rows as they are now and changes differ: %s", row.data);
		fl_buf_fini(&row);
	}
	inspect_finish(&statement);
	return is_good;
}

/* The rows that `flightctl query` shows of a table are what all changes of the outbox come to. */
static bool
check_current(struct flow *f, struct inspect *inspect, const char *table)
{
	char changes[300], rows[300], text[800];
	bool is_good = true;

	snprintf(changes, sizeof(changes),
	    "SELECT row, sum(iif(kind IN ('+I', '+U'), 1, -1)) AS n FROM results"
	    " WHERE table_name = '%s' GROUP BY row HAVING n <> 0",
	    table);
	snprintf(rows, sizeof(rows), "SELECT _row, count(*) FROM \"%s\" GROUP BY _row", table);
	for (uint32_t i = 0; i < 2 && is_good; i++) {
		/* Of what was dropped from the outbox nobody knows. */
		snprintf(text, sizeof(text),
		    "SELECT * FROM (%s EXCEPT %s) WHERE 0 = (SELECT kept_from FROM sinks"
		    " WHERE table_name = '%s')",
		    i == 0 ? changes : rows, i == 0 ? rows : changes, table);
		is_good = check_none(f, inspect, text);
	}
	return is_good;
}

static bool
check_all_current(struct flow *f)
{
	const struct fl_plan *plan = f->instance->pipelines[0].plan;
	struct inspect_options options = {0};
	struct inspect *inspect = NULL;
	bool is_good = true;

	for (uint32_t s = 0; s < plan->sink_count && is_good; s++) {
		if (!is_of_changes(plan, s))
			continue;
		if (inspect == NULL &&
		    (inspect_open(f->instance, &options, &inspect, &f->err) != FL_OK ||
			inspect_begin(inspect, &f->err) != FL_OK))
			is_good = fail_err(f, "query");
		else
			is_good = check_current(f, inspect, plan->sinks[s]->name);
	}
	inspect_close(&inspect);
	return is_good;
}

/* The counters by reason come to what is counted in other ways; pipelines lose no letters here. */
static bool
check_tallies(struct flow *f)
{
	uint64_t ingest = 0, pipelines = 0, emit = 0;
	struct fl_view view;
	bool fine = true;

	fl_view_read(f->instance, &view);
	for (uint32_t i = 0; view.has_ingest && i < view.ingest.partition_count; i++)
		ingest += view.partitions[i].dead + view.partitions[i].replayed;
	for (uint32_t i = 0; i < view.pipeline_count; i++) {
		pipelines += view.pipelines[i].dead;
		for (uint32_t s = 0; s < view.pipelines[i].sink_count; s++)
			emit += view.pipelines[i].sinks[s].position.dead;
	}
	if (view.problem_count > 0)
		fine = fail(f, "%s", view.problems[0]);
	else if (fl_view_letters(&view, FL_ROLE_INGEST, NULL) != ingest ||
	    fl_view_letters(&view, FL_ROLE_PIPELINE, NULL) != pipelines ||
	    fl_view_letters(&view, FL_ROLE_EMIT, NULL) != emit)
		fine = fail(f, "dead letters by reason: ingest %" PRIu64 " of %" PRIu64 ", aggregate %" PRIu64
		    " of %" PRIu64 ", emit %" PRIu64 " of %" PRIu64, fl_view_letters(&view, FL_ROLE_INGEST, NULL),
		    ingest, fl_view_letters(&view, FL_ROLE_PIPELINE, NULL), pipelines,
		    fl_view_letters(&view, FL_ROLE_EMIT, NULL), emit);
	fl_view_fini(&view);
	return fine;
}

/* "counted BAD_JSON = 2": by all programs; "counted oddities = 2". */
static bool
check_counted(struct flow *f, const char *name, char op, uint64_t want)
{
	uint64_t got = 0;
	struct fl_view view;

	fl_view_read(f->instance, &view);
	for (uint32_t i = 0; i < view.tallies.count; i++) {
		const struct fl_view_tally *t = &view.tallies.rows[i];

		if (strcmp(name, t->code == FL_OK ? "oddities" : fl_code_name(t->code)) == 0)
			got += t->count;
	}
	fl_view_fini(&view);
	return is_as(op, (int64_t)got, (int64_t)want) ||
	    fail(f, "counted %s: expected %c %" PRIu64 ", got %" PRIu64, name, op, want, got);
}

/* Each row of an outbox was made by a query of its sink, or came back from its dead letters. */
static bool
check_outboxes(struct flow *f)
{
	struct fl_view view;
	bool fine = true;

	fl_view_read(f->instance, &view);
	for (uint32_t i = 0; i < view.pipeline_count && fine; i++) {
		const struct fl_view_pipeline *p = &view.pipelines[i];

		for (uint32_t s = 0; s < p->sink_count && p->has_cursor && fine; s++) {
			uint64_t made = p->sinks[s].count.returned;

			for (uint32_t q = 0; q < p->cursor.query_count; q++)
				if (p->pipeline->plan->queries[q].sink == s)
					made += p->queries[q].fired_rows;
			fine = made == p->sinks[s].count.next ||
			    fail(f, "sink %s: %" PRIu64 " rows were made, the outbox ends at %" PRIu64,
				p->sinks[s].name, made, p->sinks[s].count.next);
		}
	}
	fl_view_fini(&view);
	return fine;
}

/* What must hold whenever somebody looks. */
static bool
check_always(struct flow *f)
{
	struct aggregate_shot *shot = NULL;
	enum fl_code code;

	if (!check_metric(f, "aggregate.conservation", '=', 0) ||
	    !check_metric(f, "ingest.conservation", '=', 0) || !check_tallies(f) || !check_outboxes(f))
		return false;
	code = aggregate_shot_take(f->instance, PIPELINE, NULL, &shot, &f->err);
	for (uint32_t i = 0; code == FL_OK && aggregate_shot_row(shot, i) != NULL;)
		i++;
	aggregate_shot_free(&shot);
	if (code != FL_OK && code != FL_E_NO_SUCH_OBJECT)
		return fail_err(f, "snapshot");
	return check_all_current(f);
}

/* ---- commands ---- */

/* The rest of the head after the verb, and the continuation lines, as one text. */
static void
add_text(const struct command *c, size_t from, struct fl_buf *out)
{
	fl_buf_str(out, c->head + from);
	for (uint32_t i = 0; i < c->line_count; i++) {
		fl_buf_byte(out, '\n');
		fl_buf_str(out, c->lines[i]);
	}
}

static void
add_create(const char *text, struct fl_buf *script)
{
	const char *at = strstr(text, "'connector'='test'");
	size_t size = strlen("'connector'='test'");

	if (at == NULL || strstr(text, "'format'") != NULL) {
		fl_buf_printf(script, "%s;\n", text);
		return;
	}
	fl_buf_add(script, text, (size_t)(at - text) + size);
	fl_buf_printf(script, ",'format'='json'%s;\n", at + size);
}

static bool
run_script(struct flow *f, const char *verb, const struct command *c)
{
	struct fl_buf text;
	char *space;

	fl_buf_init(&text);
	add_text(c, strlen(verb), &text);
	if (strcmp(verb, "create") == 0) {
		add_create(text.data + strspn(text.data, " \t"), &f->script);
	} else if (strcmp(verb, "out") == 0) {
		fl_buf_printf(&f->script,
		    "CREATE TABLE `out` (%s) WITH ('connector'='test','format'='json');\n", text.data);
	} else if (strcmp(verb, "query") == 0) {
		fl_buf_printf(&f->script, "INSERT INTO `out` %s;\n", text.data);
	} else if (strcmp(verb, "set") == 0) {
		char *key = text.data + strspn(text.data, " \t");

		space = strchr(key, ' ');
		if (space != NULL)
			*space++ = '\0';
		fl_buf_printf(&f->script, "SET '%s' = '%s';\n", key,
		    space == NULL ? "" : space + strspn(space, " \t"));
	} else {
		fl_buf_printf(&f->script, "%s\n", text.data);
	}
	fl_buf_fini(&text);
	return true;
}

static bool
run_fails(struct flow *f, const char *code)
{
	struct fl_sql_env env = { .allow_test = true, .file = PIPELINE, .require_insert = true };
	struct fl_plan *plan = NULL;
	enum fl_code got;

	got = fl_sql_compile(f->script.data == NULL ? "" : f->script.data, f->script.size, &env,
	    &plan, NULL, &f->err);
	fl_plan_free(&plan);
	if (got == FL_OK || strcmp(fl_code_name(got), code) != 0)
		return fail(f, "expected %s, got %s: %s", code, fl_code_name(got), f->err.text);
	f->err.code = FL_OK;
	return true;
}

static bool
run_rows(struct flow *f, const char *table_name, int32_t partition, const struct command *c, bool raw)
{
	const struct fl_table *table = find_table(f, table_name);

	if (table == NULL)
		return fail(f, "there is no table %s", table_name);
	f->parts[note_part(f, table_name, partition)].caught_ms = FL_TIME_MAX;
	for (uint32_t i = 0; i < c->line_count; i++) {
		struct fl_buf value;
		bool fine = true;

		if (!raw) {
			if (!add_row(f, table, partition, c->lines[i]))
				return false;
			continue;
		}
		fl_buf_init(&value);
		fl_buf_str(&value, c->lines[i]);
		fine = add_push(f, table_name, partition, &value);
		fl_buf_fini(&value);
		if (!fine)
			return false;
	}
	/* Interleavings go over neighbouring commands. */
	return f->mode == INTERLEAVED || deliver(f);
}

static void
mark_part(struct flow *f, const char *verb, const char *table, int32_t partition)
{
	uint32_t i = note_part(f, table, partition);

	if (verb[0] == 'c') {
		f->parts[i].caught_ms = f->clock_ms;
		ingest_test_caught(f->ingest, table, partition, f->clock_ms);
		return;
	}
	f->parts[i].caught_ms = FL_TIME_MAX;
	if (verb[0] == 'l') {
		ingest_test_lose(f->ingest, table, partition);
	} else {
		f->parts[i].ended = true;
		ingest_test_end(f->ingest, table, partition);
	}
}

static bool
run_mark(struct flow *f, const char *verb, const char *table, int32_t partition)
{
	if (find_table(f, table) == NULL)
		return fail(f, "there is no table %s", table);
	if (partition >= 0) {
		(void)note_part(f, table, partition);
		mark_part(f, verb, table, partition);
	}
	for (uint32_t i = 0; partition < 0 && i < f->part_count; i++)
		if (strcmp(f->parts[i].table, table) == 0)
			mark_part(f, verb, table, f->parts[i].partition);
	return settle(f) && (f->mode != RESTARTS || restart(f));
}

static bool
check_position(struct flow *f, const char *table, int32_t partition, char op, int64_t want)
{
	const struct fl_ingest_cursor *cursor;
	const struct fl_partition_cursor *parts;
	const struct fl_pipeline *pipeline = &f->instance->pipelines[0];
	const struct fl_table *t = find_table(f, table);
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	int64_t got = -1;
	bool found;

	if (t == NULL)
		return fail(f, "there is no table %s", table);
	if (!open_to_read(f, FL_ROLE_INGEST, &store, &txn))
		return false;
	if (fl_ingest_cursor_get(txn, &found, &cursor, &parts, &f->err) == FL_OK && found)
		for (uint32_t i = 0; i < cursor->partition_count; i++)
			if (parts[i].stream == pipeline->stream_ids[t->stream] &&
			    parts[i].partition == partition)
				got = parts[i].position;
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return is_as(op, got, want) || fail(f, "position %s %d: expected %c %" PRId64 ", got %" PRId64,
	    table, partition, op, want, got);
}

/* Gives a program a command about one dead letter, as flightctl dlq does; its clock is whatever
 * it is: one that is gone has none. */
static bool
command_letter(struct flow *f, const struct command *c, enum fl_role role, struct fl_dead_name *name,
    bool is_replay)
{
	enum fl_dbi dbi = role == FL_ROLE_INGEST ? FL_DBI_INGEST_DEAD : FL_DBI_EMIT_DEAD;
	struct fl_store *store = NULL;
	struct fl_txn *txn = NULL;
	struct fl_dead dead;
	struct fl_buf json;
	const void *value;
	enum fl_code code;
	size_t size;
	bool found;

	name->clock_ms = INT64_MIN;
	if (!open_to_read(f, role, &store, &txn))
		return false;
	if (fl_txn_get(txn, dbi, name->key, name->key_size, &found, NULL, &value, &size, &f->err) == FL_OK &&
	    found && fl_dead_decode(value, size, &dead, &f->err) == FL_OK)
		name->clock_ms = dead.head.clock_ms;
	fl_txn_abort(&txn);
	fl_store_close(&store);
	fl_buf_init(&json);
	fl_buf_str(&json, "{\"letters\":[{");
	fl_dead_name_print(name->key, name->key_size, name->clock_ms, &json);
	if (c->line_count > 0) {
		fl_buf_str(&json, ",\"value\":\"");
		fl_buf_base64(&json, c->lines[0], strlen(c->lines[0]));
		fl_buf_byte(&json, '"');
	}
	fl_buf_str(&json, "}]}");
	code = fl_command_put(f->instance, fl_role_program(role), is_replay ? "dead-replay" : "dead-drop",
	    json.data, NULL, &f->err);
	fl_buf_fini(&json);
	return code == FL_OK || fail_err(f, "the command");
}

static bool
command_ingest(struct flow *f, const struct command *c, char **words)
{
	const struct fl_table *t = find_table(f, words[1]);
	struct fl_dead_name name = { .key_size = 16 };

	if (t == NULL)
		return fail(f, "there is no table %s", words[1]);
	fl_key_u32(name.key, f->instance->pipelines[0].stream_ids[t->stream]);
	fl_key_u32(name.key + 4, (uint32_t)atoi(words[2]));
	fl_key_u64(name.key + 8, (uint64_t)atoll(words[3]));
	return command_letter(f, c, FL_ROLE_INGEST, &name, words[0][0] == 'r') && settle(f) &&
	    (f->mode != RESTARTS || restart(f));
}

/* Emit looks for commands once a second, and so does aggregate for what emit has. */
static bool
command_emit(struct flow *f, const struct command *c, char **words)
{
	struct fl_dead_name name = { 0 };

	name.key_size = fl_sink_owner(PIPELINE, words[1], name.key);
	fl_key_u64(name.key + name.key_size, (uint64_t)atoll(words[2]));
	name.key_size += 8;
	if (!command_letter(f, c, FL_ROLE_EMIT, &name, words[0][0] == 'a'))
		return false;
	for (uint32_t second = 0; second < 4; second++) {
		f->clock_ms += 1000;
		if (!settle(f) || (f->mode == RESTARTS && !restart(f)))
			return false;
	}
	return true;
}

static bool
hold(struct flow *f, const char *program, bool held)
{
	static const char *const names[] = { "ingest", "aggregate", "emit" };

	for (uint32_t i = 0; i < FL_ARRAY_COUNT(names); i++)
		if (strcmp(program, names[i]) == 0) {
			f->held[i] = held;
			return !f->running || settle(f);
		}
	return fail(f, "there is no program %s", program);
}

static bool
run_running(struct flow *f, const struct command *c, char **words, uint32_t count)
{
	const char *verb = words[0], *table = count > 1 ? words[1] : "";
	int32_t partition = count > 3 && strcmp(words[2], "partition") == 0 ? atoi(words[3]) : -1;
	int64_t value = 0;

	if (!start(f))
		return false;
	if (strcmp(verb, "rows") == 0 || strcmp(verb, "raw") == 0)
		return run_rows(f, table, FL_MAX(partition, 0), c, verb[1] == 'a');
	if (!deliver(f))
		return false;
	if (strcmp(verb, "expect") == 0)
		return expect(f, count > 1 ? table : "out", c) && check_always(f);
	if (strcmp(verb, "open") == 0 && count == 1)
		return check_open(f, c);
	if (strcmp(verb, "clock") == 0 && count == 3 && strcmp(table, "back") == 0) {
		f->clock_ms = parse_clock(words[2]);
		return settle(f) && (f->mode != RESTARTS || restart(f));
	}
	if (strcmp(verb, "clock") == 0) {
		if (count == 3)
			(void)snprintf(words[1] + strlen(words[1]), 32, " %s", words[2]);
		value = parse_clock(words[1]);
		if (value < f->clock_ms)
			return fail(f, "clock %s: it never goes back", words[1]);
		f->clock_ms = value;
		return settle(f) && (f->mode != RESTARTS || restart(f));
	}
	if (strcmp(verb, "add") == 0) {
		(void)note_part(f, table, FL_MAX(partition, 0));
		ingest_test_add(f->ingest, table, FL_MAX(partition, 0));
		return settle(f) && (f->mode != RESTARTS || restart(f));
	}
	if (strcmp(verb, "caught") == 0 || strcmp(verb, "lose") == 0 || strcmp(verb, "end") == 0)
		return run_mark(f, verb, table, partition);
	if ((strcmp(verb, "replay") == 0 || strcmp(verb, "drop") == 0) && count == 4)
		return command_ingest(f, c, words);
	if ((strcmp(verb, "again") == 0 || strcmp(verb, "forget") == 0) && count == 3)
		return command_emit(f, c, words);
	if (strcmp(verb, "refuse") == 0 && count <= 2) {
		emit_test_refuse(count == 2 ? words[1] : "");
		return true;
	}
	if (strcmp(verb, "restart") == 0)
		return restart(f) && settle(f);
	if (strcmp(verb, "metric") == 0 && count == 3 && fl_parse_i64(words[2], &value))
		return check_metric(f, words[1], '=', value);
	if (strcmp(verb, "metric") == 0 && count == 4 && fl_parse_i64(words[3], &value))
		return check_metric(f, words[1], words[2][0], value);
	if (strcmp(verb, "late") == 0 && count == 2 && fl_parse_i64(words[1], &value))
		return check_metric(f, "aggregate.rows_late", '=', value);
	if (strcmp(verb, "dead") == 0 && count >= 2 && fl_parse_i64(words[1], &value))
		return check_dead(f, (uint64_t)value, count > 2 ? words[2] : NULL, false);
	if (strcmp(verb, "bare") == 0 && count == 2 && fl_parse_i64(words[1], &value))
		return check_dead(f, (uint64_t)value, NULL, true);
	if (strcmp(verb, "kept") == 0 && count == 4 && fl_parse_i64(words[3], &value))
		return check_kept(f, words[1], words[2][0], (uint64_t)value);
	if (strcmp(verb, "counted") == 0 && count == 4 && fl_parse_i64(words[3], &value))
		return check_counted(f, words[1], words[2][0], (uint64_t)value);
	if (strcmp(verb, "position") == 0 && count == 5 && fl_parse_i64(words[4], &value))
		return check_position(f, words[1], atoi(words[2]), words[3][0], value);
	if (strcmp(verb, "step") == 0 && count == 2 && fl_parse_i64(words[1], &value)) {
		f->step_rows = (uint32_t)value;
		return true;
	}
	if ((strcmp(verb, "hold") == 0 || strcmp(verb, "release") == 0) && count == 2)
		return hold(f, words[1], verb[0] == 'h');
	return fail(f, "no such command: %s", c->head);
}

static bool
run_command(struct flow *f, const struct command *c)
{
	static const char *const scripts[] = { "create", "out", "query", "set", "sql" };
	char head[1024], *words[8];
	uint32_t count = 0;

	f->line = c->number;
	(void)snprintf(head, sizeof(head) - 64, "%s", c->head);
	for (char *word = strtok(head, " \t"); word != NULL && count < 8; word = strtok(NULL, " \t"))
		words[count++] = word;
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(scripts); i++)
		if (strcmp(words[0], scripts[i]) == 0)
			return run_script(f, words[0], c);
	if (strcmp(words[0], "flush") == 0 && count == 2) {
		f->flush = strcmp(words[1], "none") == 0 ? FLUSH_NONE : FLUSH_ALL;
		return true;
	}
	if (!f->running && strcmp(words[0], "hold") == 0 && count == 2 && !hold(f, words[1], true))
		return false; /* from the first turn on */
	if (strcmp(words[0], "config") == 0 && count == 3 && !f->running) {
		if (f->config_count == FL_ARRAY_COUNT(f->configs))
			return fail(f, "too many settings");
		(void)snprintf(f->configs[f->config_count][0], 64, "%s", words[1]);
		(void)snprintf(f->configs[f->config_count++][1], 64, "%s", words[2]);
		return true;
	}
	if (strcmp(words[0], "apply") == 0 && count >= 2)
		return apply(f, words[1], count == 3 && strcmp(words[2], "reset") == 0, NULL);
	if (strcmp(words[0], "refused") == 0 && count == 3)
		return apply(f, words[1], false, words[2]);
	if (strcmp(words[0], "fails") == 0 && count == 2)
		return run_fails(f, words[1]);
	return run_running(f, c, words, count);
}

/* ---- files ---- */

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static bool
run_mode(const struct file *file, enum mode mode, uint64_t seed, struct fl_buf *why)
{
	struct flow f = { .file = file, .mode = mode, .seed = seed, .clock_ms = DAY_MS };
	bool fine = true;

	emit_test_refuse("");
	(void)snprintf(f.dir, sizeof(f.dir), "%s/flow.XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(f.dir) == NULL) {
		fl_buf_printf(why, "mkdtemp: %s", strerror(errno));
		return false;
	}
	for (uint32_t i = 0; i < file->count && fine; i++)
		fine = run_command(&f, &file->commands[i]);
	if (!fine)
		fl_buf_printf(why, "%s:%u: %s", file->path, f.line, f.why);
	close_programs(&f);
	for (uint32_t i = 0; i < f.push_count; i++) {
		free(f.pushes[i].table);
		free(f.pushes[i].value);
	}
	for (uint32_t i = 0; i < f.out_count; i++)
		fl_buf_fini(&f.outs[i].text);
	for (uint32_t i = 0; i < f.part_count; i++) {
		for (uint32_t v = 0; v < f.parts[i].value_count; v++)
			free(f.parts[i].values[v]);
		free(f.parts[i].values);
		free(f.parts[i].times);
	}
	free(f.pushes);
	fl_buf_fini(&f.script);
	(void)nftw(f.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return fine;
}

/* Round r of the faults: which commit of which program fails. */
static void
arm_fault(uint32_t round)
{
	static const char *const seams[] = { "commit.before.ingest", "aggregate.before_commit",
		"commit.before.aggregate", "commit.before.emit" };
	char text[64];

	(void)snprintf(text, sizeof(text), "%s:%u", seams[round % FL_ARRAY_COUNT(seams)],
	    round / (uint32_t)FL_ARRAY_COUNT(seams) + 1);
	(void)setenv("FLIGHT_FAULT", text, 1);
	fl_fault_init();
}

static void
run_file(const char *path, uint32_t *passed, uint32_t *failed)
{
	const char *name = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
	struct file file;

	if (!read_flow(path, &file)) {
		printf("FAILED %s: cannot be read\n", name);
		(*failed)++;
		return;
	}
	for (enum mode mode = PLAIN; mode < MODE_COUNT; mode++) {
		static const uint32_t round_counts[] = { 1, 3, 3, 24, 5 };
		uint32_t rounds = round_counts[mode];
		struct fl_buf why;
		bool fine = true;

		if (mode == INTERLEAVED && file.in_order)
			continue;
		fl_buf_init(&why);
		for (uint32_t r = 0; r < rounds && fine; r++) {
			if (mode == FAULTS)
				arm_fault(r);
			fine = run_mode(&file, mode, 88172645463325252u + r * 7919u, &why);
		}
		if (mode == FAULTS) {
			(void)unsetenv("FLIGHT_FAULT");
			fl_fault_init();
		}
		if (fine)
			printf("ok %.*s (%s)\n", (int)strcspn(name, "."), name, mode_names[mode]);
		else
			printf("FAILED %.*s (%s): %s\n", (int)strcspn(name, "."), name,
			    mode_names[mode], why.data);
		(void)fflush(stdout);
		*(fine ? passed : failed) += 1;
		fl_buf_fini(&why);
	}
	free_flow(&file);
}

static int
is_flow(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot != NULL && strcmp(dot, ".flow") == 0;
}

static void
run_directory(const char *dir, uint32_t *passed, uint32_t *failed)
{
	struct dirent **entries = NULL;
	int count = scandir(dir, &entries, is_flow, alphasort);

	for (int i = 0; i < count; i++) {
		char path[4096];

		(void)snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
		run_file(path, passed, failed);
		free(entries[i]);
	}
	free(entries);
}

int
main(int argc, char **argv)
{
	static char *standard[] = { (char *)(uintptr_t) "flow", (char *)(uintptr_t) "tests/flow", NULL };
	uint32_t passed = 0, failed = 0;

	fl_log_open("flow", FL_LOG_ERROR);
	if (argc < 2) {
		argc = 2;
		argv = standard;
	}
	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode))
			run_directory(argv[i], &passed, &failed);
		else
			run_file(argv[i], &passed, &failed);
	}
	printf("%u passed, %u failed\n", passed, failed);
	return failed == 0 ? 0 : 1;
}
