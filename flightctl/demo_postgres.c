/* SPDX-License-Identifier: Apache-2.0 */
/*
 * demo_postgres.c - a PostgreSQL cluster that lives as long as a demo.
 *
 * The Debian package's programs make and run it; the system's clusters are not looked at. It
 * listens on a port of the loopback only, has no socket elsewhere, and lets nobody in without the
 * password, which lies in a file of the demo's directory.  PostgreSQL refuses root: started by
 * root it runs as the package's user postgres.
 */
#include "flightctl/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"

#define READY_MS 30000
#define STOP_MS 10000
#define POLL_MS 20
#define LOG_MAX (1u << 20)
#define ARGS_MAX 32

/* ---- what it needs ---- */

/* The newest version's programs. */
static enum fl_code
find_bin(struct demo_postgres *pg, struct fl_err *err)
{
	long best = -1;
	glob_t found;

	if (glob("/usr/lib/postgresql/*/bin/initdb", 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++) {
			long version = strtol(found.gl_pathv[i] + strlen("/usr/lib/postgresql/"), NULL, 10);

			if (version <= best)
				continue;
			best = version;
			snprintf(pg->bin, sizeof(pg->bin), "%.*s",
			    (int)(strrchr(found.gl_pathv[i], '/') - found.gl_pathv[i]), found.gl_pathv[i]);
		}
		globfree(&found);
	}
	if (best >= 0)
		return FL_OK;
	return FL_FAIL(err, FL_E_BAD_CONFIG,
	    "there is no PostgreSQL in /usr/lib/postgresql: install the Debian package postgresql-15 "
	    "(`make demo` does, without a cluster of the system's)");
}

enum fl_code
demo_postgres_check(struct demo_postgres *pg, struct fl_err *err)
{
	struct passwd *user;

	FL_TRY(find_bin(pg, err));
	if (geteuid() != 0)
		return FL_OK;
	user = getpwnam("postgres");
	if (user == NULL)
		return FL_FAIL(err, FL_E_BAD_CONFIG,
		    "PostgreSQL does not run as root, and there is no user postgres");
	pg->drops = true;
	pg->uid = user->pw_uid;
	pg->gid = user->pw_gid;
	return FL_OK;
}

/* ---- running its programs ---- */

/* In the child: input from stdin's descriptor, output to the log, then the program. */
static void
exec_program(const struct demo_postgres *pg, const char *const *argv, int in, int log, pid_t parent)
{
	const char *args[ARGS_MAX + 1] = {0};
	char program[2 * PATH_MAX];
	sigset_t none;

	if (pg->drops && (initgroups("postgres", pg->gid) != 0 || setgid(pg->gid) != 0 ||
			     setuid(pg->uid) != 0))
		_exit(1);
	/* After setuid(), which would clear it.  SIGQUIT: at once, without a checkpoint. */
	prctl(PR_SET_PDEATHSIG, SIGQUIT);
	if (getppid() != parent)
		_exit(1);
	setpgid(0, 0); /* Ctrl-C is for flightctl, which then ends it */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	dup2(in, 0);
	dup2(log, 1);
	dup2(log, 2);
	close_range(3, ~0u, 0);
	if (chdir(pg->dir) != 0)
		_exit(1);
	snprintf(program, sizeof(program), "%s/%s", pg->bin, argv[0]);
	/* Its path also as its name, by which initdb and postgres look for what lies beside them:
	 * Debian's are not in PATH. */
	args[0] = program;
	for (int i = 1; i < ARGS_MAX && argv[i] != NULL; i++)
		args[i] = argv[i];
	execv(program, (char *const *)(uintptr_t)args);
	_exit(127);
}

static enum fl_code
start_program(const struct demo_postgres *pg, const char *const *argv, const char *input, pid_t *pid,
    struct fl_err *err)
{
	char log_path[PATH_MAX + 8];
	int log, ends[2] = {-1, -1};
	pid_t parent = getpid();

	snprintf(log_path, sizeof(log_path), "%s/log", pg->dir);
	log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log < 0 || pipe2(ends, O_CLOEXEC) != 0) {
		close(log);
		return FL_FAIL_NATIVE(
		    err, FL_E_IO, errno, "could not open \"%s\": %s", log_path, strerror(errno));
	}
	*pid = fork();
	if (*pid == 0)
		exec_program(pg, argv, ends[0], log, parent);
	/* Less than a pipe holds: no wait. */
	if (*pid > 0 && input != NULL && write(ends[1], input, strlen(input)) < 0)
		fl_warn("%s takes no input: %s", argv[0], strerror(errno));
	close(ends[0]);
	close(ends[1]);
	close(log);
	if (*pid < 0)
		return FL_FAIL_NATIVE(
		    err, FL_E_IO, errno, "could not start %s: %s", argv[0], strerror(errno));
	return FL_OK;
}

/* What the program said last, as the reason. */
static enum fl_code
fail_log(const struct demo_postgres *pg, enum fl_code code, const char *what, struct fl_err *err)
{
	char path[PATH_MAX + 8];
	const char *last = "nothing";
	struct fl_err unread = {0};
	struct fl_buf text;

	fl_buf_init(&text);
	snprintf(path, sizeof(path), "%s/log", pg->dir);
	if (fl_file_read(path, LOG_MAX, &text, &unread) == FL_OK && text.size > 1) {
		while (text.size > 0 && text.data[text.size - 1] == '\n')
			text.data[--text.size] = '\0';
		last = strrchr(text.data, '\n');
		last = last != NULL ? last + 1 : text.data;
	}
	code = FL_FAIL(err, code, "PostgreSQL of the demo: %s; its log ends with: %.300s", what, last);
	fl_buf_fini(&text);
	return code;
}

static enum fl_code
run_program(
    const struct demo_postgres *pg, const char *const *argv, const char *input, struct fl_err *err)
{
	char what[64];
	int status = 0;
	pid_t pid;

	FL_TRY(start_program(pg, argv, input, &pid, err));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return FL_OK;
	snprintf(what, sizeof(what), "%s failed", argv[0]);
	return fail_log(pg, FL_E_BAD_CONFIG, what, err);
}

/* ---- making it ---- */

static enum fl_code
make_dir(struct demo_postgres *pg, const char *dir, struct fl_err *err)
{
	/* The user postgres has to get through, and may look at nothing else. */
	if ((pg->drops && chmod(dir, 0711) != 0) || mkdir(pg->dir, 0700) != 0 ||
	    (pg->drops && chown(pg->dir, pg->uid, pg->gid) != 0))
		return FL_FAIL_NATIVE(
		    err, FL_E_BAD_CONFIG, errno, "cannot make \"%s\": %s", pg->dir, strerror(errno));
	return FL_OK;
}

/* A file that its owner alone reads. */
static enum fl_code
write_secret(const char *path, const char *text, uid_t uid, gid_t gid, bool gives, struct fl_err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	bool fine = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) &&
		    (!gives || fchown(fd, uid, gid) == 0);
	int error = errno;

	if (fd >= 0)
		close(fd);
	if (fine)
		return FL_OK;
	return FL_FAIL_NATIVE(err, FL_E_IO, error, "could not write \"%s\": %s", path, strerror(error));
}

static enum fl_code
draw_password(struct demo_postgres *pg, struct fl_err *err)
{
	uint8_t bytes[16];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return FL_FAIL_NATIVE(
		    err, FL_E_IO, errno, "could not draw a password: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(pg->password + 2 * i, 3, "%02x", bytes[i]);
	return FL_OK;
}

/* A single user's server ends a statement at a semicolon with two line ends (-j), and reads
 * on after an error. */
static enum fl_code
run_statements(const struct demo_postgres *pg, const char *statements, struct fl_err *err)
{
	const char *single[] = {"postgres", "--single", "-j", "-D", "data", pg->name, NULL};
	char path[PATH_MAX + 8];
	struct fl_err unread = {0};
	struct fl_buf text;
	enum fl_code code;

	fl_buf_init(&text);
	for (const char *p = statements; *p != '\0'; p++) {
		fl_buf_byte(&text, *p);
		if (p[0] == ';' && p[1] == '\n')
			fl_buf_byte(&text, '\n');
	}
	code = run_program(pg, single, text.data, err);
	fl_buf_reset(&text);
	snprintf(path, sizeof(path), "%s/log", pg->dir);
	if (code == FL_OK && fl_file_read(path, LOG_MAX, &text, &unread) == FL_OK &&
	    text.size > 0 && strstr(text.data, "ERROR:") != NULL)
		code = FL_FAIL(err, FL_E_BAD_CONFIG, "PostgreSQL of the demo: %.300s",
		    strstr(text.data, "ERROR:"));
	fl_buf_fini(&text);
	return code;
}

static enum fl_code
make_cluster(struct demo_postgres *pg, const char *statements, struct fl_err *err)
{
	char file[PATH_MAX + 16], option[PATH_MAX + 32], create[128];
	const char *initdb[] = {"initdb", "-D", "data", "-U", pg->name, "-A", "scram-sha-256", option,
	    "-E", "UTF8", "--locale=C", "-N", NULL};
	const char *single[] = {"postgres", "--single", "-D", "data", "postgres", NULL};

	snprintf(file, sizeof(file), "%s/password", pg->dir);
	snprintf(option, sizeof(option), "--pwfile=%s", file);
	FL_TRY(write_secret(file, pg->password, pg->uid, pg->gid, pg->drops, err));
	FL_TRY(run_program(pg, initdb, NULL, err));
	unlink(file);
	snprintf(create, sizeof(create), "CREATE DATABASE %s\n", pg->name);
	FL_TRY(run_program(pg, single, create, err));
	return statements == NULL ? FL_OK : run_statements(pg, statements, err);
}

/* ---- its life ---- */

/* The postmaster's pid, and whether it says that it takes connections; 0: none. */
static pid_t
read_postmaster(const char *dir, bool *is_ready)
{
	char path[PATH_MAX + 32];
	struct fl_err unread = {0};
	struct fl_buf text;
	pid_t pid = 0;

	fl_buf_init(&text);
	*is_ready = false;
	snprintf(path, sizeof(path), "%s/data/postmaster.pid", dir);
	if (fl_file_read(path, 4096, &text, &unread) == FL_OK && text.size > 0) {
		pid = (pid_t)strtol(text.data, NULL, 10);
		*is_ready = strstr(text.data, "\nready") != NULL;
	}
	fl_buf_fini(&text);
	return pid;
}

bool
demo_postgres_is_up(const char *dir)
{
	char own[PATH_MAX + 8];
	bool is_ready;
	pid_t pid;

	snprintf(own, sizeof(own), "%s/pg", dir);
	pid = read_postmaster(own, &is_ready);
	return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM);
}

enum fl_code
demo_postgres_write_password(const struct demo_postgres *pg, const char *path, struct fl_err *err)
{
	return write_secret(path, pg->password, 0, 0, false, err);
}

static enum fl_code
wait_ready(struct demo_postgres *pg, struct fl_err *err)
{
	for (int waited = 0; waited < READY_MS && !ctl_is_stopping; waited += POLL_MS) {
		bool is_ready;

		if (read_postmaster(pg->dir, &is_ready) == pg->pid && is_ready)
			return FL_OK;
		FL_TRY(demo_postgres_watch(pg, err));
		poll(NULL, 0, POLL_MS);
	}
	return fail_log(pg, FL_E_TIMED_OUT, "it does not get ready", err);
}

enum fl_code
demo_postgres_open(struct demo_postgres *pg, const char *dir, const char *name,
    const char *statements, struct fl_err *err)
{
	char port[16];
	const char *server[] = {"postgres", "-D", "data", "-p", port, "-c",
	    "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "shared_buffers=16MB",
	    "-c", "max_connections=20", NULL};

	pg->name = name;
	snprintf(pg->dir, sizeof(pg->dir), "%s/pg", dir);
	FL_TRY(demo_postgres_check(pg, err));
	FL_TRY(make_dir(pg, dir, err));
	FL_TRY(draw_password(pg, err));
	FL_TRY(make_cluster(pg, statements, err));
	FL_TRY(demo_free_port(&pg->port, err));
	snprintf(port, sizeof(port), "%d", pg->port);
	FL_TRY(start_program(pg, server, NULL, &pg->pid, err));
	return wait_ready(pg, err);
}

enum fl_code
demo_postgres_watch(struct demo_postgres *pg, struct fl_err *err)
{
	if (pg->pid <= 0 || waitpid(pg->pid, NULL, WNOHANG) != pg->pid)
		return FL_OK;
	pg->pid = 0;
	return fail_log(pg, FL_E_DATABASE_AWAY, "it has ended", err);
}

void
demo_postgres_close(struct demo_postgres *pg)
{
	if (pg->pid <= 0)
		return;
	/* Fast: sessions are ended, and what is committed is written. */
	kill(pg->pid, SIGINT);
	for (int waited = 0; waited < STOP_MS; waited += POLL_MS) {
		if (waitpid(pg->pid, NULL, WNOHANG) == pg->pid) {
			pg->pid = 0;
			return;
		}
		poll(NULL, 0, POLL_MS);
	}
	kill(pg->pid, SIGQUIT);
	waitpid(pg->pid, NULL, 0);
	pg->pid = 0;
}
