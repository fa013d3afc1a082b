/* SPDX-License-Identifier: Apache-2.0 */
/*
 * replay.c - how fast a job folds a filled ingest store, on one core.
 *
 *	replay [flights|events [MILLIONS [ROWS_PER_SECOND [SQL]]]]
 *
 * Builds steps in time order over 4 partitions in a temporary store (20 million
 * flights at 2,500 a second of event time, or 5 million events at 50,000: far larger
 * than the caches), then folds data/pipelines/flights/flights.sql or ysb.sql from it.
 * Timed: LMDB reads, checksums, the chain hash, all queries, fires, sealing of
 * results; not commits.
 */
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "aggregate/fold.h"
#include "base/util.h"

#define PARTITIONS 4

static void
die(const char *what, const struct fl_err *err)
{
	char text[FL_ERR_TEXT_SIZE + 100];

	(void)fprintf(stderr, "%s: %s\n", what, fl_err_print(err, text, sizeof(text)));
	exit(1);
}

#define MUST(call)                          \
	do {                                \
		if ((call) != FL_OK)        \
			die(#call, &err);   \
	} while (0)

static uint64_t seed = 88172645463325252u;

static uint64_t
draw(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void
put_flight(struct fl_builder *b, uint64_t number, int64_t second)
{
	static const char origins[] = "esusdefritgbplnlptgrchatbesedkno";
	char name[24];
	uint64_t r = draw();
	/* A few origins are frequent, as airports are. */
	uint32_t o = (uint32_t)FL_MIN(r % 16, (r >> 8) % 16);
	int n = snprintf(name, sizeof(name), "fo%" PRIu64, number % 10000);

	(void)fl_builder_begin(b);
	fl_builder_set_str(b, 0, name, (size_t)n);
	fl_builder_set_i32(b, 1, (int32_t)(r >> 16 & 1));
	fl_builder_set_i32(b, 2, (int32_t)(50 + (r >> 17) % 300));
	fl_builder_set_i64(b, 3, second);
	fl_builder_set_str(b, 4, origins + (size_t)o * 2, 2);
	fl_builder_commit(b);
}

static void
put_event(struct fl_builder *b, uint64_t number, int64_t ms)
{
	static const char *const types[] = { "view", "click", "purchase" };
	uint64_t r = draw(), more = draw();
	const char *type = types[r % 3];
	char text[40];

	(void)number;
	(void)fl_builder_begin(b);
	(void)snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64, r, more);
	fl_builder_set_str(b, 0, text, 32);
	fl_builder_set_str(b, 1, text + 8, 16);
	fl_builder_set_i32(b, 2, (int32_t)(more % 1000));
	fl_builder_set_str(b, 3, "banner", 6);
	fl_builder_set_str(b, 4, type, strlen(type));
	fl_builder_set_i64(b, 5, ms);
	fl_builder_set_str(b, 6, "10.20.30.1", 10);
	fl_builder_commit(b);
}

static const struct kind {
	const char *name, *sql;
	void (*put)(struct fl_builder *b, uint64_t number, int64_t time);
	uint64_t millions, rate;
	int64_t start, unit; /* of the event time: 1: seconds, 1000: milliseconds */
	uint32_t step_rows;
} kinds[] = {
	{ "flights", "data/pipelines/flights/flights.sql", put_flight, 20, 2500, 1511978026, 1, 32768 },
	{ "events", "tests/bench/ysb.sql", put_event, 5, 50000, 1600000000000, 1000, 8192 },
};

static const struct kind *
find_kind(const char *name)
{
	for (size_t i = 0; i < FL_ARRAY_COUNT(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	(void)fprintf(stderr, "usage: replay [flights|events [MILLIONS [ROWS_PER_SECOND [SQL]]]]\n");
	exit(2);
}

struct log {
	struct fl_builder builders[PARTITIONS];
	struct fl_arena arena;
	char *step;
	uint64_t number, rows, hash;
	int64_t offsets[PARTITIONS];
};

static size_t
seal_step(struct log *log, uint32_t row_count)
{
	struct fl_step_head *head = (struct fl_step_head *)(void *)log->step;
	size_t at = sizeof(*head);

	memset(head, 0, sizeof(*head));
	for (int32_t p = 0; p < PARTITIONS; p++) {
		struct fl_block_info info = { .stream = 1, .partition = p, .first = log->offsets[p],
			.kafka_ts_min = 0, .kafka_ts_max = 0 };
		struct fl_batch batch;

		fl_builder_view(&log->builders[p], &batch, &log->arena);
		at += fl_block_seal(&batch, &info, log->step + at, FL_STEP_SIZE_MAX - at);
		log->offsets[p] += batch.row_count;
		fl_builder_reset(&log->builders[p]);
	}
	fl_arena_reset(&log->arena);
	head->step = ++log->number;
	head->clock_ms = 1511978026000 + (int64_t)log->number;
	head->size = (uint32_t)at;
	head->row_count = row_count;
	head->block_count = PARTITIONS;
	head->rows_before = log->rows;
	fl_step_seal(head, log->hash);
	log->hash = head->hash;
	log->rows += row_count;
	return at;
}

static uint64_t
fill(struct fl_store *store, const struct fl_schema *schema, const struct kind *kind, uint64_t rows,
    uint64_t rate)
{
	struct fl_err err = { .code = FL_OK };
	struct log log = { 0 };
	struct fl_txn *txn = NULL;
	uint64_t bytes = 0;

	fl_arena_init(&log.arena);
	log.step = fl_calloc(1, FL_STEP_SIZE_MAX);
	for (int p = 0; p < PARTITIONS; p++)
		fl_builder_init(&log.builders[p], schema);
	for (uint64_t row = 0; row < rows;) {
		uint32_t n = 0;
		uint8_t key[8];

		if (txn == NULL)
			MUST(fl_txn_begin_write(store, &txn, &err));
		for (; n < kind->step_rows && row < rows; n++, row++)
			kind->put(&log.builders[row % PARTITIONS], row,
			    kind->start + (int64_t)(row * (uint64_t)kind->unit / rate));
		bytes += seal_step(&log, n);
		fl_key_u64(key, log.number);
		MUST(fl_txn_put(txn, FL_DBI_INGEST_STEPS, key, sizeof(key), 0, log.step,
		    ((struct fl_step_head *)(void *)log.step)->size, &err));
		if (log.number % 64 == 0)
			MUST(fl_txn_commit(&txn, &err));
	}
	if (txn != NULL)
		MUST(fl_txn_commit(&txn, &err));
	for (int p = 0; p < PARTITIONS; p++)
		fl_builder_fini(&log.builders[p]);
	fl_arena_fini(&log.arena);
	free(log.step);
	return bytes;
}

static double
cpu_seconds(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t
fold_all(struct fl_store *store, struct fold *fold)
{
	struct fl_err err = { .code = FL_OK };
	struct fl_txn *txn = NULL;
	uint64_t results = 0;
	bool found = true;

	MUST(fl_txn_begin_read(store, &txn, &err));
	while (found) {
		struct fl_step_view step;

		MUST(fl_step_get(txn, fold->step + 1, &found, &step, &err));
		if (!found)
			break;
		MUST(fold_step(fold, &step, &err));
		for (uint32_t i = 0; i < fold->out.block_count; i++)
			results += fold->out.blocks[i].row_count;
		fold_out_reset(fold);
	}
	fl_txn_abort(&txn);
	return results;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
main(int argc, char **argv)
{
	const struct kind *kind = find_kind(argc > 1 ? argv[1] : "flights");
	uint64_t rows = (argc > 2 ? strtoull(argv[2], NULL, 10) : kind->millions) * 1000000;
	uint64_t rate = argc > 3 ? strtoull(argv[3], NULL, 10) : kind->rate, bytes, results = 0;
	const char *file = argc > 4 ? argv[4] : kind->sql;
	char dir[] = "/tmp/replay.XXXXXX", path[64], base[256];
	struct fl_store_options options = { .role = FL_ROLE_INGEST, .write = true, .create = true };
	struct fl_sql_env env = { .file = file, .dir = base, .allow_test = true };
	struct fl_err err = { .code = FL_OK };
	struct fl_store *store = NULL;
	struct fl_plan *plan = NULL;
	struct fl_buf text;
	const uint32_t ids[8] = { 1, 1, 1, 1, 1, 1, 1, 1 };
	double best = 0;

	(void)snprintf(base, sizeof(base), "%.*s", (int)(strrchr(file, '/') == NULL ? 1 :
		strrchr(file, '/') - file), strrchr(file, '/') == NULL ? "." : file);
	fl_log_open("replay", FL_LOG_ERROR);
	fl_buf_init(&text);
	MUST(fl_file_read(file, 1u << 20, &text, &err));
	MUST(fl_sql_compile(text.data, text.size, &env, &plan, NULL, &err));
	if (mkdtemp(dir) == NULL)
		return 1;
	(void)snprintf(path, sizeof(path), "%s/ingest", dir);
	MUST(fl_store_open(path, &options, &store, &err));
	bytes = fill(store, &plan->streams[0].schema, kind, rows, rate);
	for (int round = 0; round < 3; round++) {
		struct fold fold;
		double begin, rate_now;

		fold_init(&fold, plan, ids, 0);
		begin = cpu_seconds();
		results = fold_all(store, &fold);
		rate_now = (double)rows / (cpu_seconds() - begin) / 1e6;
		best = FL_MAX(best, rate_now);
		fold_fini(&fold);
	}
	printf("%.1f M rows/s on one core (%" PRIu64 " rows, %.1f bytes a row, %" PRIu64 " results)\n",
	    best, rows, (double)bytes / (double)rows, results);
	fl_store_close(&store);
	fl_plan_free(&plan);
	fl_buf_fini(&text);
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
