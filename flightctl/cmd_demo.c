/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_demo.c - a system without any set-up.
 *
 * This process holds the broker (librdkafka's mock cluster), a thread that generates messages,
 * and a reader of the results; ingest, aggregate and emit run as they do in production, under
 * supervisord on a temporary instance.  The system's folder is copied into the instance, so
 * that what its pipeline writes beside itself goes with it; a database is the demo's own too.
 * Where a system has windows, its time runs faster than the clock.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "flightctl/ctl.h"
#include "flightctl/demo.h"
#include "flightctl/generate.h"
#include "flightctl/pipeline.h"
#include "jdbc/sqlite.h"
#include "kafka/client.h"

#define DEMO_AGO_MINUTES (30 * 24 * 60)
#define DEMO_PIPED_S 60
#define DEMO_FILE_MAX (1u << 20)
#define DEMO_SERVER "localhost:5432" /* where the pipelines say that PostgreSQL is */
#define READY_MS 30000
#define STOP_MS 20000
#define AGAIN_MIN_MS 2000 /* a supervisord that ends sooner does not work here */

struct demo {
	struct ctl *ctl;
	const struct demo_row *row;
	struct ctl_temporary temporary;
	const char *dir;	/* its directory */
	char folder[PATH_MAX];	/* in it: the copy of the system's */
	struct fl_kafka_mock *mock;
	struct demo_postgres postgres;
	struct fl_instance *instance;
	uint16_t port; /* of the page */
	const struct fl_plan *plan;
	pid_t pids[FL_WRITER_COUNT]; /* as they were shown */
	pid_t supervisord;
	int64_t supervised_ms; /* when it was started */
	double rate;
	int64_t seconds; /* 0: until Ctrl-C */
	/* Generator */
	const struct generate_row *generator;
	struct topic topic;
	pthread_t thread;
	bool has_thread;
	struct fl_err thread_err;
	struct demo_results *results;
};

static const struct demo_row rows[] = {
#define FL_DEMO(name, sql, database, made, partitions, speed, rate, bad, look, text)               \
	{#name, sql, DEMO_##database, made, partitions, speed, rate, bad, look, text},
#include "tbl/demos.h"
#undef FL_DEMO
};

const struct demo_row *
demo_row(uint32_t i)
{
	return i < FL_ARRAY_COUNT(rows) ? &rows[i] : NULL;
}

/* ---- generator ---- */

static enum fl_code
send_messages(struct demo *demo, struct topic_codec *codec, struct fl_kafka_producer *producer,
    struct fl_err *err)
{
	bool is_fast = demo->row->speed > 1;
	struct generate_options options = {
	    .seed = (uint64_t)fl_now_us(),
	    /* From a full minute on, so that the first window is whole; and long ago: time that
	     * runs faster than the clock must not reach flight.max-future. */
	    .start_s = is_fast ? (fl_now_ms() / 60000 - DEMO_AGO_MINUTES) * 60 : fl_now_ms() / 1000,
	    .per_second = demo->rate / demo->row->speed,
	    .disorder_s = 3,
	    .bad_share = demo->row->bad,
	    .again_share = demo->row->bad,
	    .stray_share = demo->row->bad / 2,
	};
	int64_t started_us = fl_monotonic_us();
	struct generate generate;
	enum fl_code code = FL_OK;
	struct fl_buf line;

	generate_init(&generate, &options);
	fl_buf_init(&line);
	while (!ctl_is_stopping && code == FL_OK) {
		const struct fl_buf *value;
		int64_t due =
		    (int64_t)((double)(fl_monotonic_us() - started_us) * demo->rate / 1e6);

		for (; (int64_t)generate.index < due && code == FL_OK;) {
			int32_t partition = (int32_t)(generate.index % demo->row->partitions);

			fl_buf_reset(&line);
			if (generate_next(&generate, demo->generator, &line))
				generate_cut(&line, 0);
			if (fl_fault("demo.send"))
				code = FL_FAIL(err, FL_E_BROKER_AWAY, "fault: demo.send");
			if (code == FL_OK)
				code = topic_encode(codec, line.data, line.size, &value, err);
			if (code == FL_OK)
				code = fl_kafka_producer_send(producer, partition, NULL, 0,
				    value->data, value->size,
				    is_fast ? generate_due_ms(&generate) : fl_now_ms(), err);
		}
		poll(NULL, 0, 20);
	}
	fl_buf_fini(&line);
	generate_fini(&generate);
	return code;
}

static void *
run_generator(void *self)
{
	struct demo *demo = self;
	struct fl_kafka_producer *producer = NULL;
	struct topic_codec *codec = NULL;

	if (topic_codec_open(&demo->topic, true, &codec, &demo->thread_err) != FL_OK ||
	    fl_kafka_producer_open(&demo->topic.table, NULL, &producer, &demo->thread_err) !=
		FL_OK ||
	    send_messages(demo, codec, producer, &demo->thread_err) != FL_OK)
		ctl_is_stopping = 1; /* without messages there is nothing to show */
	fl_kafka_producer_close(&producer);
	topic_codec_close(&codec);
	return NULL;
}

/* ---- results ---- */

/* Killed by somebody who wants to see what happens: it is started again like the others. */
static enum fl_code
follow_supervisord(struct demo *demo, struct fl_err *err)
{
	pid_t old = demo->supervisord;
	int64_t now_ms = fl_now_ms();

	demo->supervisord = 0;
	if (ctl_is_stopping)
		return FL_OK;
	if (now_ms - demo->supervised_ms < AGAIN_MIN_MS)
		return FL_FAIL(err, FL_E_IO, "supervisord ends at once; see \"%s/log\"", demo->dir);
	demo->supervised_ms = now_ms;
	FL_TRY(super_start(demo->instance, true, &demo->supervisord, err));
	ctl_say(demo->ctl, "supervisord[%d] ended, started again as supervisord[%d]", (int)old,
	    (int)demo->supervisord);
	return FL_OK;
}

/* One that is back has another pid to kill. */
static void
follow_programs(struct demo *demo)
{
	for (uint32_t i = 0; i < FL_WRITER_COUNT; i++) {
		struct fl_life life;

		fl_life_get(demo->instance, fl_writers[i], &life);
		if (!life.is_known || !life.is_running || life.pid == demo->pids[i])
			continue;
		ctl_say(demo->ctl, "%s[%d] ended, started again as %s[%d]", life.program,
		    (int)demo->pids[i], life.program, (int)life.pid);
		demo->pids[i] = life.pid;
	}
}

static enum fl_code
watch_results(struct demo *demo, struct fl_err *err)
{
	int64_t until = demo->seconds > 0 ? fl_monotonic_us() + demo->seconds * 1000000 : INT64_MAX;

	FL_TRY(demo_results_open(demo->plan, demo->folder, fl_kafka_mock_brokers(demo->mock),
	    &demo->results, err));
	while (!ctl_is_stopping && fl_monotonic_us() < until) {
		FL_TRY(demo_results_poll(demo->results, err));
		if (waitpid(demo->supervisord, NULL, WNOHANG) == demo->supervisord)
			FL_TRY(follow_supervisord(demo, err));
		follow_programs(demo);
		FL_TRY(demo_postgres_watch(&demo->postgres, err));
	}
	return FL_OK;
}

/* ---- the system's folder ---- */

/* The demo's own server stands where the pipeline says. */
static void
replace_server(const struct demo *demo, const struct fl_buf *from, struct fl_buf *to)
{
	const char *at = from->data, *next;

	while ((next = strstr(at, DEMO_SERVER)) != NULL) {
		fl_buf_add(to, at, (size_t)(next - at));
		fl_buf_printf(to, "127.0.0.1:%d", demo->postgres.port);
		at = next + strlen(DEMO_SERVER);
	}
	fl_buf_str(to, at);
}

static enum fl_code
copy_file(const struct demo *demo, const char *from, const char *name, struct fl_err *err)
{
	char path[2 * PATH_MAX], copy[2 * PATH_MAX];
	struct fl_buf text, replaced;
	enum fl_code code;

	fl_buf_init(&text);
	fl_buf_init(&replaced);
	snprintf(path, sizeof(path), "%s/%s", from, name);
	snprintf(copy, sizeof(copy), "%s/%s", demo->folder, name);
	code = fl_file_read(path, DEMO_FILE_MAX, &text, err);
	if (code == FL_OK && demo->row->database == DEMO_POSTGRES && text.size > 0 &&
	    strcmp(name, demo->row->sql) == 0) {
		replace_server(demo, &text, &replaced);
		code = fl_file_write(copy, replaced.data, replaced.size, err);
	} else if (code == FL_OK) {
		code = fl_file_write(copy, text.size > 0 ? text.data : "", text.size, err);
	}
	fl_buf_fini(&text);
	fl_buf_fini(&replaced);
	return code;
}

static enum fl_code
copy_folder(struct demo *demo, struct fl_err *err)
{
	char name[64], from[PATH_MAX];
	enum fl_code code = FL_OK;
	struct dirent *entry;
	DIR *dir;

	snprintf(name, sizeof(name), "pipelines/%s", demo->row->name);
	FL_TRY(ctl_path_data(name, from, sizeof(from), err));
	snprintf(demo->folder, sizeof(demo->folder), "%s/%s", demo->dir, demo->row->name);
	FL_TRY(fl_mkdirs(demo->folder, err));
	dir = opendir(from);
	while (dir != NULL && code == FL_OK && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.' && entry->d_type != DT_DIR)
			code = copy_file(demo, from, entry->d_name, err);
	if (dir != NULL)
		closedir(dir);
	return code;
}

/* ---- the whole ---- */

static enum fl_code
start_postgres(struct demo *demo, struct fl_err *err)
{
	char name[128], path[PATH_MAX];
	enum fl_code code = FL_OK;
	struct fl_buf text;

	fl_buf_init(&text);
	snprintf(name, sizeof(name), "pipelines/%s/%s", demo->row->name, demo->row->made);
	if (demo->row->made[0] != '\0')
		code = ctl_path_data(name, path, sizeof(path), err);
	if (code == FL_OK && demo->row->made[0] != '\0')
		code = fl_file_read(path, DEMO_FILE_MAX, &text, err);
	if (code == FL_OK) {
		ctl_say(demo->ctl, "making a PostgreSQL of the demo's own; this takes some seconds");
		code = demo_postgres_open(&demo->postgres, demo->dir, demo->row->name, text.data, err);
	}
	fl_buf_fini(&text);
	return code;
}

static enum fl_code
start_database(struct demo *demo, struct fl_err *err)
{
	char path[PATH_MAX + 64];

	switch (demo->row->database) {
	case DEMO_NONE:
		return copy_folder(demo, err);
	case DEMO_SQLITE:
		FL_TRY(copy_folder(demo, err));
		snprintf(path, sizeof(path), "%s/%s.db", demo->folder, demo->row->name);
		return fl_sqlite_make(path, demo->row->made, err);
	case DEMO_POSTGRES:
		FL_TRY(start_postgres(demo, err));
		FL_TRY(copy_folder(demo, err));
		/* Where the pipeline says that it lies. */
		snprintf(path, sizeof(path), "%s/%s.password", demo->folder, demo->row->name);
		return demo_postgres_write_password(&demo->postgres, path, err);
	}
	return FL_OK;
}

static enum fl_code
start_broker(struct demo *demo, const char *sql, struct fl_err *err)
{
	struct fl_plan *plan = NULL;
	enum fl_code code = FL_OK;

	FL_TRY(fl_kafka_mock_open(&demo->mock, err));
	FL_TRY(pipeline_read(demo->ctl, sql, fl_kafka_mock_brokers(demo->mock), &plan, err));
	for (uint32_t i = 0; i < plan->table_count && code == FL_OK; i++)
		if (plan->tables[i]->connector == FL_CONNECTOR_KAFKA)
			code = fl_kafka_mock_topic(demo->mock, plan->tables[i]->topic,
			    plan->tables[i]->is_source ? demo->row->partitions : 1, err);
	fl_plan_free(&plan);
	return code;
}

enum fl_code
demo_free_port(uint16_t *port, struct fl_err *err)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is_bound;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	is_bound = fd >= 0 && bind(fd, (const struct sockaddr *)&at, size) == 0 &&
		   getsockname(fd, (struct sockaddr *)&at, &size) == 0;
	if (fd >= 0)
		close(fd);
	if (!is_bound)
		return FL_FAIL_NATIVE(
		    err, FL_E_IO, errno, "could not find a free port: %s", strerror(errno));
	*port = ntohs(at.sin_port);
	return FL_OK;
}

/* For the page. */
static enum fl_code
set_port(struct demo *demo, struct fl_err *err)
{
	char text[16];

	FL_TRY(demo_free_port(&demo->port, err));
	snprintf(text, sizeof(text), "%u", (unsigned)demo->port);
	return fl_instance_set(demo->instance, "serve.port", text, err);
}

static enum fl_code
start_programs(struct demo *demo, struct fl_err *err)
{
	char sql[PATH_MAX + 64], *files[] = {sql};
	int64_t from_ms;

	snprintf(sql, sizeof(sql), "%s/%s", demo->folder, demo->row->sql);
	FL_TRY(start_broker(demo, sql, err));
	from_ms = fl_now_ms();
	FL_TRY(fl_instance_open(demo->dir, true, &demo->instance, err));
	FL_TRY(pipeline_apply(
	    demo->ctl, demo->instance, files, 1, fl_kafka_mock_brokers(demo->mock), false, err));
	FL_TRY(fl_instance_load(demo->instance, false, err));
	FL_TRY(set_port(demo, err));
	demo->plan = demo->instance->pipelines[0].plan;
	FL_TRY(super_write(demo->instance, err));
	demo->supervised_ms = from_ms;
	FL_TRY(super_start(demo->instance, true, &demo->supervisord, err));
	return super_wait_ready(demo->instance, demo->supervisord, from_ms, READY_MS, err);
}

static enum fl_code
start_generator(struct demo *demo, struct fl_err *err)
{
	const char *schema = demo->generator->schema;
	char path[2 * PATH_MAX];

	demo->topic.format = TOPIC_RAW; /* spoilt ones shall arrive as they are */
	if (schema[0] != '\0') {
		demo->topic.format = TOPIC_AVRO;
		snprintf(path, sizeof(path), "%s/%s", demo->folder, strchr(schema, '/') + 1);
		FL_TRY(topic_set_schema(&demo->topic, path, err));
	}
	demo->topic.table.brokers = fl_kafka_mock_brokers(demo->mock);
	FL_TRY(topic_finish(&demo->topic, demo->generator->topic, err));
	if (pthread_create(&demo->thread, NULL, run_generator, demo) != 0)
		return FL_FAIL(err, FL_E_IO, "could not start a thread");
	demo->has_thread = true;
	return FL_OK;
}

/* The command that looks at what has come out. */
static void
print_look(const struct demo *demo, const char *own)
{
	switch (demo->row->database) {
	case DEMO_NONE:
		printf("  %s -i %s snapshot\n", own, demo->dir);
		break;
	case DEMO_SQLITE:
		printf("  sqlite3 -readonly -cmd '.timeout 10000' %s/%s.db '%s'\n", demo->folder,
		    demo->row->name, demo->row->look);
		break;
	case DEMO_POSTGRES:
		printf("  PGPASSWORD=$(cat %s/%s.password) %s/psql -h 127.0.0.1 -p %d -U %s -c '%s' %s\n",
		    demo->folder, demo->row->name, demo->postgres.bin, demo->postgres.port,
		    demo->row->name, demo->row->look, demo->row->name);
		break;
	}
}

static void
print_hints(struct demo *demo)
{
	char own[PATH_MAX] = "flightctl", bad[64] = "";
	struct fl_err err = {0};
	struct fl_life life[FL_WRITER_COUNT];

	ctl_path_program("flightctl", own, sizeof(own), &err);
	for (uint32_t i = 0; i < FL_WRITER_COUNT; i++) {
		fl_life_get(demo->instance, fl_writers[i], &life[i]);
		demo->pids[i] = life[i].pid;
	}
	if (demo->row->bad > 0)
		snprintf(bad, sizeof(bad), ", %g %% of them bad,", demo->row->bad * 100);
	printf("%s: %s.\n%g messages a second%s go into an embedded broker", demo->row->name,
	    demo->row->text, demo->rate, bad);
	if (demo->row->speed > 1)
		printf("; their time runs %g times as fast as the clock", demo->row->speed);
	printf(".\nThe embedded broker has no transactions: this shows recovery, not exactly-once.\n\n"
	       "In another terminal:\n"
	       "  kill -9 %d      # %s; %s is %d, %s is %d\n",
	    (int)life[1].pid, life[1].program, life[0].program, (int)life[0].pid, life[2].program,
	    (int)life[2].pid);
	print_look(demo, own);
	printf("  %s -i %s %s\n"
	       "or look at http://127.0.0.1:%u/ in a browser.\n\n"
	       "Ctrl-C ends all of it and leaves nothing behind.\n\n",
	    own, demo->dir, demo->row->bad > 0 ? "dlq list --limit 5" : "status",
	    (unsigned)demo->port);
	fflush(stdout);
}

static enum fl_code
run_demo(struct demo *demo, struct fl_err *err)
{
	bool drops = false;

	if (demo->row->database == DEMO_POSTGRES) {
		FL_TRY(demo_postgres_check(&demo->postgres, err));
		drops = demo->postgres.drops;
	}
	/* Another user has to get through: root's own directories do not let it. */
	FL_TRY(ctl_temporary_open("demo", drops, &demo->temporary, err));
	demo->dir = demo->temporary.dir;
	FL_TRY(start_database(demo, err));
	FL_TRY(start_programs(demo, err));
	print_hints(demo);
	FL_TRY(start_generator(demo, err));
	return watch_results(demo, err);
}

static void
end_demo(struct demo *demo)
{
	struct fl_err err = {0};

	ctl_is_stopping = 1;
	if (demo->has_thread)
		pthread_join(demo->thread, NULL);
	/* The programs end while the broker and the database still answer them. */
	if (demo->supervisord > 0 &&
	    super_stop(demo->dir, demo->supervisord, STOP_MS, &err) != FL_OK) {
		fl_warn("%s", err.text);
		kill(demo->supervisord, SIGKILL);
	}
	demo_results_close(&demo->results);
	demo_postgres_close(&demo->postgres);
	fl_instance_close(&demo->instance);
	fl_kafka_mock_close(&demo->mock);
	topic_fini(&demo->topic);
	ctl_temporary_close(&demo->temporary);
}

/* The system and the generator of that name; NULL and a message: there is none. */
static bool
find_system(struct demo *demo, const char *name)
{
	char names[128] = "";

	for (uint32_t i = 0; demo_row(i) != NULL; i++) {
		size_t at = strlen(names);

		if (strcmp(demo_row(i)->name, name) == 0)
			demo->row = demo_row(i);
		snprintf(names + at, sizeof(names) - at, "%s%s", i > 0 ? ", " : "", demo_row(i)->name);
	}
	if (demo->row == NULL) {
		ctl_usage(demo->ctl, "there is no system \"%s\"; there are: %s", name, names);
		return false;
	}
	for (uint32_t i = 0; generate_row(i) != NULL; i++)
		if (strcmp(generate_row(i)->name, name) == 0)
			demo->generator = generate_row(i);
	return true;
}

int
cmd_demo(struct ctl *ctl)
{
	struct demo *demo = fl_calloc(1, sizeof(*demo));
	struct fl_err err = {0};
	const char *option, *value;
	uint64_t lines;
	int status = CTL_OK;

	demo->ctl = ctl;
	if (isatty(STDOUT_FILENO) == 0)
		demo->seconds = DEMO_PIPED_S;
	while ((option = ctl_next_option(ctl, &value)) != NULL) {
		if (strcmp(option, "seconds") == 0)
			ctl_option_i64(ctl, option, value, 1, &demo->seconds);
		else
			ctl_option_f64(ctl, option, value, 0.1, 1e6, &demo->rate);
	}
	if (!ctl_need_args(ctl, 0, 1) ||
	    !find_system(demo, ctl->arg_count > 0 ? ctl->args[0] : rows[0].name)) {
		free(demo);
		return ctl->status;
	}
	demo->rate = demo->rate > 0 ? demo->rate : demo->row->rate;
	ctl_stop_on(SIGINT);
	ctl_stop_on(SIGTERM);
	ctl_stop_on(SIGHUP);
	topic_init(&demo->topic);
	/* The mock is an old broker to librdkafka's eyes, which it says again and again. */
	if (ctl->verbose == 0)
		fl_log_open("flightctl", FL_LOG_ERROR);
	if (run_demo(demo, &err) != FL_OK && !ctl_is_stopping)
		status = ctl_fail(ctl, &err);
	lines = demo_results_count(demo->results);
	end_demo(demo);
	if (demo->thread_err.code != FL_OK)
		status = ctl_fail(ctl, &demo->thread_err);
	ctl_say(ctl, "%" PRIu64 " results; everything is ended and removed", lines);
	free(demo);
	return status;
}
