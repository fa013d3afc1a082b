/* SPDX-License-Identifier: Apache-2.0 */
/*
 * day.c - a day of flights in random interleavings, against an independent program.
 *
 *	day ROWS EXPECTED RUNS
 *
 * ROWS and EXPECTED are made by tests/support/day.py.  Each run takes the partitions'
 * rows in another interleaving, with other step sizes and restarts at other places;
 * results and late rows, each by its query and flight, must always be those expected.
 *
 * Instances are made in $TMPDIR (default /tmp).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aggregate/aggregate.h"
#include "emit/emit.h"
#include "ingest/ingest.h"

#define PARTITIONS 4
#define NOW_MS INT64_C(1600000000000)

static const char sql[] =
    "SET 'pipeline.name' = 'day';"
    "CREATE TABLE flights (flightNumber STRING NOT NULL, planeType INT NOT NULL,"
    "  passengers INT NOT NULL, landedAt BIGINT NOT NULL, origin STRING NOT NULL,"
    "  landed AS TO_TIMESTAMP_LTZ(landedAt, 0),"
    "  WATERMARK FOR landed AS landed - INTERVAL '5' SECOND)"
    "  WITH ('connector' = 'test', 'format' = 'json');"
    "CREATE TABLE average (passengers INT NOT NULL, w BIGINT NOT NULL) WITH ('connector' = 'test');"
    "CREATE TABLE trend (origin STRING NOT NULL, w BIGINT NOT NULL) WITH ('connector' = 'test');"
    "EXECUTE STATEMENT SET BEGIN "
    "INSERT INTO average SELECT AVG(passengers), EXTRACT(EPOCH FROM window_end)"
    "  FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(landed), INTERVAL '1' MINUTE))"
    "  GROUP BY window_start, window_end;"
    "INSERT INTO trend SELECT origin, EXTRACT(EPOCH FROM window_end) FROM ("
    "  SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end"
    "    ORDER BY total DESC, first_seen) AS place FROM ("
    "    SELECT origin, window_start, window_end, SUM(passengers) AS total,"
    "      MIN(landedAt) AS first_seen"
    "    FROM TABLE(TUMBLE(TABLE flights, DESCRIPTOR(landed), INTERVAL '1' DAY))"
    "    GROUP BY window_start, window_end, origin)) WHERE place = 1;"
    "END;";

struct lines {
	char **line;
	size_t count, capacity;
};

struct engine {
	char dir[512];
	struct fl_instance *instance;
	struct ingest *ingest;
	struct aggregate *aggregate;
	struct emit *emit;
};

static struct fl_err err;

static void
must(enum fl_code code, const char *what)
{
	char text[FL_ERR_TEXT_SIZE + 128];

	if (code == FL_OK)
		return;
	(void)printf("FAILED day: %s: %s\n", what, fl_err_print(&err, text, sizeof(text)));
	exit(1);
}

static void
add_line(struct lines *lines, const char *text, size_t len)
{
	char *copy = fl_malloc(len + 1);

	memcpy(copy, text, len);
	copy[len] = '\0';
	if (lines->count == lines->capacity) {
		lines->capacity = lines->capacity * 2 + 64;
		lines->line = fl_realloc(lines->line, lines->capacity * sizeof(*lines->line));
	}
	lines->line[lines->count++] = copy;
}

static void
free_lines(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->line[i]);
	free(lines->line);
	memset(lines, 0, sizeof(*lines));
}

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
read_lines(const char *path, struct lines *lines)
{
	struct fl_buf buf;
	char *at, *end;

	fl_buf_init(&buf);
	must(fl_file_read(path, 1u << 28, &buf, &err), path);
	for (at = buf.data; at != NULL && *at != '\0'; at = end + 1) {
		end = strchr(at, '\n');
		if (end == NULL)
			break;
		add_line(lines, at, (size_t)(end - at));
	}
	fl_buf_fini(&buf);
}

static void
open_programs(struct engine *engine)
{
	must(fl_instance_load(engine->instance, true, &err), "load");
	must(ingest_open(engine->instance, &engine->ingest, &err), "ingest open");
	must(aggregate_open(engine->instance, &engine->aggregate, &err), "aggregate open");
	must(emit_open(engine->instance, &engine->emit, &err), "emit open");
}

static void
close_programs(struct engine *engine)
{
	ingest_close(&engine->ingest);
	aggregate_close(&engine->aggregate);
	emit_close(&engine->emit);
}

/* "+I[44, 1511978100]" to "average<TAB>44<TAB>1511978100". */
static void
take_results(struct engine *engine, const char *table, struct lines *got)
{
	struct fl_buf buf, line;
	char *at, *end, *comma;

	fl_buf_init(&buf);
	fl_buf_init(&line);
	emit_test_take(engine->emit, table, &buf);
	for (at = buf.data; at != NULL && *at != '\0'; at = end + 1) {
		end = strchr(at, '\n');
		if (end == NULL)
			end = at + strlen(at) - 1;
		comma = memchr(at, ',', (size_t)(end - at));
		if (comma == NULL || strncmp(at, "+I[", 3) != 0) {
			add_line(got, at, (size_t)(end - at));
			continue;
		}
		fl_buf_reset(&line);
		fl_buf_printf(&line, "%s\t%.*s\t%.*s", table, (int)(comma - at - 3), at + 3,
		    (int)(strcspn(comma + 2, "]")), comma + 2);
		add_line(got, line.data, line.size);
	}
	fl_buf_fini(&line);
	fl_buf_fini(&buf);
}

/* Steps programs in random order; all of them until nothing moves when drain. */
static void
turn(struct engine *engine, struct lines *got, bool drain)
{
	bool worked, any, done;

	do {
		any = false;
		if (drain || rand() % 2 == 0) {
			must(ingest_step(engine->ingest, NOW_MS, &worked, &done, &err), "ingest");
			any |= worked;
		}
		if (drain || rand() % 3 == 0) {
			aggregate_test_flush(engine->aggregate, rand() % 3 == 0 ? 1u << 20 : (uint32_t)rand() % 2);
			must(aggregate_step(engine->aggregate, NOW_MS, &worked, &done, &err), "aggregate");
			any |= worked;
		}
		if (drain || rand() % 3 == 0) {
			must(emit_step(engine->emit, NOW_MS, &worked, &done, &err), "emit");
			any |= worked;
			take_results(engine, "average", got);
			take_results(engine, "trend", got);
		}
	} while (drain && any);
}

/* Late rows as they are kept: "late<TAB>query<TAB>flightNumber", and as they were counted. */
static void
read_late(struct engine *engine, struct fl_txn *txn, struct lines *got, uint64_t count[2])
{
	const struct fl_plan *plan = engine->instance->pipelines[0].plan;
	const struct fl_schema *schema = &plan->streams[0].schema;
	struct fl_cursor *cursor = NULL;
	struct fl_arena arena;
	struct fl_item item;
	bool found;

	fl_arena_init(&arena);
	must(fl_cursor_open(txn, FL_DBI_PIPELINE_LATE, &cursor, &err), "late rows");
	must(fl_cursor_seek(cursor, NULL, 0, &found, &item, &err), "late rows");
	while (found) {
		struct fl_block_view view;

		must(fl_block_view(item.value, item.size, schema, &arena, &view, &err), "late block");
		for (uint32_t i = 0; i < view.batch.row_count; i++) {
			char text[128];
			uint32_t size;
			const char *flight = fl_col_str(&view.batch.cols[0], i, &size);

			(void)snprintf(text, sizeof(text), "late\t%s\t%.*s",
			    item.kind == 0 ? "average" : "trend", (int)size, flight);
			add_line(got, text, strlen(text));
			count[item.kind == 0 ? 0 : 1]++;
		}
		must(fl_cursor_next(cursor, &found, &item, &err), "late rows");
	}
	fl_cursor_close(&cursor);
	fl_arena_fini(&arena);
}

static bool
check_late(struct engine *engine, struct lines *got)
{
	struct fl_store_options options = {.role = FL_ROLE_PIPELINE};
	struct fl_pipeline_cursor_view view;
	struct fl_store *store;
	struct fl_txn *txn;
	uint64_t kept[2] = {0, 0};
	char path[4096];
	bool found, same = true;

	must(fl_store_open(fl_instance_path(engine->instance, FL_ROLE_PIPELINE, "day", path,
	    sizeof(path)), &options, &store, &err), "open store");
	must(fl_txn_begin_read(store, &txn, &err), "read");
	must(fl_pipeline_cursor_get(txn, &found, &view, &err), "cursor");
	read_late(engine, txn, got, kept);
	for (int i = 0; i < 2; i++) {
		const struct fl_query_count *q = &view.queries[i];

		if (found && q->seen == q->used + q->filtered + q->duplicates + q->late + q->dead && q->late == kept[i])
			continue;
		(void)printf("query %d: %lu rows are late, %lu are kept; conservation: %ld\n", i,
		    found ? (unsigned long)q->late : 0, (unsigned long)kept[i],
		    found ? (long)(q->seen - q->used - q->filtered - q->duplicates - q->late - q->dead) : 0);
		same = false;
	}
	fl_txn_abort(&txn);
	fl_store_close(&store);
	return same;
}

static void
push(struct engine *engine, const struct lines rows[PARTITIONS], int p, size_t i)
{
	ingest_test_push(engine->ingest, "flights", p, (int64_t)i, rows[p].line[i],
	    strlen(rows[p].line[i]), NOW_MS);
}

static bool
run_once(unsigned seed, struct lines rows[PARTITIONS], const struct lines *expected)
{
	struct fl_sql_env env = {.allow_test = true};
	struct engine engine = {.instance = NULL};
	struct lines got = {0};
	size_t next[PARTITIONS] = {0}, i, j;
	char command[600];
	bool same;
	int p;

	srand(seed);
	(void)snprintf(engine.dir, sizeof(engine.dir), "%s/flight-day-XXXXXX",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(engine.dir) == NULL)
		exit(1);
	must(fl_instance_open(engine.dir, true, &engine.instance, &err), "instance");
	must(fl_instance_apply_text(engine.instance, "day", sql, &env, false, NULL, &err), "apply");
	open_programs(&engine);
	for (p = 0; p < PARTITIONS; p++)
		ingest_test_add(engine.ingest, "flights", p);
	turn(&engine, &got, true); /* all partitions are there before the first row */
	for (;;) {
		size_t left = 0, burst = 1 + (size_t)(rand() % (rand() % 20 == 0 ? 2000 : 200));

		for (p = 0; p < PARTITIONS; p++)
			left += rows[p].count - next[p];
		if (left == 0)
			break;
		p = rand() % PARTITIONS;
		ingest_test_step_rows(engine.ingest, 1 + (uint32_t)(rand() % 700));
		for (i = 0; i < burst && next[p] < rows[p].count; i++, next[p]++)
			push(&engine, rows, p, next[p]);
		turn(&engine, &got, false);
		if (rand() % 40 == 0) { /* with work half done; the source goes on where the store is */
			take_results(&engine, "average", &got);
			take_results(&engine, "trend", &got);
			close_programs(&engine);
			open_programs(&engine);
			for (p = 0; p < PARTITIONS; p++) /* offsets that it has are not taken again */
				for (i = 0; i < next[p]; i++)
					push(&engine, rows, p, i);
		}
	}
	for (p = 0; p < PARTITIONS; p++)
		ingest_test_end(engine.ingest, "flights", p);
	turn(&engine, &got, true);
	same = check_late(&engine, &got);
	close_programs(&engine);
	fl_instance_close(&engine.instance);

	if (got.count > 0)
		qsort(got.line, got.count, sizeof(*got.line), compare_lines);
	for (i = j = 0; i < expected->count || j < got.count;) {
		const char *want = i < expected->count ? expected->line[i] : "~";
		const char *have = j < got.count ? got.line[j] : "~";
		int order = strcmp(want, have);

		if (order == 0) {
			i++;
			j++;
		} else {
			(void)printf("%s: %s\n", order < 0 ? "missing" : "not expected",
			    order < 0 ? want : have);
			same = false;
			if (order < 0)
				i++;
			else
				j++;
		}
	}
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", engine.dir);
	if (system(command) != 0)
		(void)printf("could not remove %s\n", engine.dir);
	free_lines(&got);
	return same;
}

int
main(int argc, char **argv)
{
	struct lines all = {0}, expected = {0}, rows[PARTITIONS];
	unsigned runs, seed, failed = 0;
	size_t i;

	memset(rows, 0, sizeof(rows));
	if (argc != 4) {
		(void)fprintf(stderr, "usage: day ROWS EXPECTED RUNS\n");
		return 2;
	}
	fl_log_open("day", FL_LOG_ERROR);
	read_lines(argv[1], &all);
	read_lines(argv[2], &expected);
	qsort(expected.line, expected.count, sizeof(*expected.line), compare_lines);
	for (i = 0; i < all.count; i++) {
		char *tab = strchr(all.line[i], '\t');

		if (tab != NULL)
			add_line(&rows[(unsigned)atoi(all.line[i]) % PARTITIONS], tab + 1, strlen(tab + 1));
	}
	runs = (unsigned)atoi(argv[3]);
	for (seed = 1; seed <= runs && failed == 0; seed++) {
		if (!run_once(seed, rows, &expected)) {
			(void)printf("FAILED flow/day: seed %u\n", seed);
			failed++;
		}
	}
	if (failed == 0)
		(void)printf("ok flow/day: %u interleavings, %zu rows each\n", runs, all.count);
	for (i = 0; i < PARTITIONS; i++)
		free_lines(&rows[i]);
	free_lines(&all);
	free_lines(&expected);
	return failed != 0;
}
