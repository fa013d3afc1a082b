/* SPDX-License-Identifier: Apache-2.0 */
/*
 * super.c - the private supervisord of an instance.
 *
 * supervisord starts the programs again when they end unexpectedly; it looks for deaths
 * once a second, so the group holds one more program, `flightctl watch-peers`, whose
 * output wakes it at once.  Who listens on the instance's socket is asked from the kernel
 * (SO_PEERCRED), not from a pid file that may be stale.
 */
#include "flightctl/ctl.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORPHAN_WAIT_MS 10000
#define IDLE_STOP_MS 10000 /* of a supervisord whose programs have ended */
#define POLL_MS 20
#define LAST_WORDS "supervisord-start"

static const char *const log_names[SUPER_LOG_COUNT] = {
    "ingest", "aggregate", "emit", "serve", "supervisord"};

static void
add_program(struct fl_buf *out, const char *name, const char *bin, const char *arguments,
    const char *dir, int priority)
{
	fl_buf_printf(out, "\n[program:%s]\ncommand=\"", name);
	fl_buf_str(out, bin);
	fl_buf_byte(out, '"');
	if (arguments != NULL)
		fl_buf_printf(out, " %s", arguments);
	else {
		fl_buf_str(out, " -i \"");
		fl_buf_str(out, dir);
		fl_buf_byte(out, '"');
	}
	fl_buf_printf(out,
	    "\npriority=%d\nautostart=true\n"
	    "; 78 needs a person: it stays down.  Any other end is started again; the programs\n"
	    "; have their own back-off, so supervisord shall not count.\n"
	    "autorestart=unexpected\nexitcodes=0,78\nstartsecs=0\nstartretries=1000000\n"
	    "stopsignal=TERM\nstopwaitsecs=60\nstopasgroup=true\nkillasgroup=true\n"
	    "redirect_stderr=true\nstdout_logfile=",
	    priority);
	fl_buf_str(out, dir);
	fl_buf_printf(
	    out, "/log/%s.log\nstdout_logfile_maxbytes=10MB\nstdout_logfile_backups=3\n", name);
}

/* deploy/supervisord.conf is the same with other paths. */
static void
print_conf(const char *bin_watch, const char *bin_dir, const char *dir, bool has_serve,
    struct fl_buf *out)
{
	char bin[PATH_MAX + 32];

	fl_buf_str(out,
	    "; Written by `flightctl up`; what is changed here is lost at its next start.\n"
	    "[supervisord]\nlogfile=");
	fl_buf_str(out, dir);
	fl_buf_str(out,
	    "/log/"
	    "supervisord.log\nlogfile_maxbytes=5MB\nlogfile_backups=2\nloglevel=info\npidfile=");
	fl_buf_str(out, dir);
	fl_buf_str(out, "/run/supervisord.pid\nidentifier=flight\nchildlogdir=");
	fl_buf_str(out, dir);
	fl_buf_str(out, "/log\nminfds=1024\n");
	if (geteuid() == 0)
		fl_buf_str(out, "user=root\n");
	fl_buf_str(out, "\n[unix_http_server]\nfile=");
	fl_buf_str(out, dir);
	fl_buf_str(out,
	    "/run/supervisor.sock\nchmod=0700\n"
	    "\n[rpcinterface:supervisor]\n"
	    "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface\n"
	    "\n[supervisorctl]\nserverurl=unix://");
	fl_buf_str(out, dir);
	fl_buf_printf(out,
	    "/run/supervisor.sock\n"
	    "\n; Any start order works: each program waits for what is absent.\n"
	    "[group:flight]\nprograms=ingest,aggregate,emit%s,watch\n",
	    has_serve ? ",serve" : "");
	for (uint32_t i = 0; i < (has_serve ? FL_PROGRAM_COUNT : FL_WRITER_COUNT); i++) {
		snprintf(bin, sizeof(bin), "%s/flight-%s", bin_dir, fl_programs[i]);
		add_program(out, fl_programs[i], bin, NULL, dir, 10);
	}
	fl_buf_str(out, "\n; Wakes supervisord when one of them dies: by itself it looks once "
			"a second only.");
	add_program(out, "watch", bin_watch, "watch-peers", dir, 1);
}

/*
 * supervisord expands %(name)s in values, some of them twice, and splits commands like a
 * shell: what it could misread is refused.
 */
static enum fl_code
check_path(const char *what, const char *path, struct fl_err *err)
{
	if (strpbrk(path, "\"\n\\;%") != NULL)
		return FL_FAIL(err, FL_E_BAD_CONFIG,
		    "%s \"%s\": supervisord cannot take quotes, backslashes, semicolons or percent "
		    "signs in a path",
		    what, path);
	return FL_OK;
}

static enum fl_code
check_dir(const char *dir, struct fl_err *err)
{
	const size_t max = sizeof(((struct sockaddr_un *)0)->sun_path) - 1 -
			   strlen("/run/supervisor.sock.12345678");

	if (strlen(dir) > max)
		return FL_FAIL(err, FL_E_BAD_CONFIG,
		    "instance \"%s\": the path is too long for a unix socket in it (at most %zu "
		    "bytes)",
		    dir, max);
	return check_path("instance", dir, err);
}

/* Absolute, since supervisord changes directories as it likes. */
static enum fl_code
absolute_dir(const char *dir, char buf[PATH_MAX], struct fl_err *err)
{
	if (realpath(dir, buf) == NULL)
		return FL_FAIL_NATIVE(
		    err, FL_E_BAD_CONFIG, errno, "instance \"%s\": %s", dir, strerror(errno));
	return check_dir(buf, err);
}

enum fl_code
super_check(const char *dir, struct fl_err *err)
{
	char path[PATH_MAX], real[PATH_MAX], whole[2 * PATH_MAX];
	const char *rest;
	size_t size;

	if ((size_t)snprintf(path, sizeof(path), "%s%s", dir[0] == '/' ? "" : "./", dir) >=
	    sizeof(path))
		return FL_FAIL(err, FL_E_BAD_CONFIG, "instance \"%s\": the path is too long", dir);
	/* What is there already may be links; what is not will be made as it is written. */
	for (size = strlen(path); size > 0;) {
		char cut = path[size];
		bool is_there;

		path[size] = '\0';
		is_there = realpath(path, real) != NULL;
		path[size] = cut;
		if (is_there)
			break;
		while (size > 0 && path[--size] != '/')
			;
	}
	if (size == 0)
		real[0] = '\0';
	for (rest = path + size; *rest == '/'; rest++)
		;
	snprintf(whole, sizeof(whole), "%s%s%s", real, *rest != '\0' ? "/" : "", rest);
	return check_dir(whole, err);
}

enum fl_code
super_write(struct fl_instance *instance, struct fl_err *err)
{
	char dir[PATH_MAX], path[PATH_MAX + 32], bin[PATH_MAX], own[PATH_MAX];
	struct fl_buf text;
	enum fl_code code;
	uint16_t port;

	FL_TRY(fl_config_serve_port(instance, &port, err));
	FL_TRY(absolute_dir(instance->dir, dir, err));
	FL_TRY(ctl_path_program("flightctl", own, sizeof(own), err));
	FL_TRY(ctl_path_program("flight-ingest", bin, sizeof(bin), err));
	*strrchr(bin, '/') = '\0';
	FL_TRY(check_path("program", own, err));
	FL_TRY(check_path("directory", bin, err));
	snprintf(path, sizeof(path), "%s/log", dir);
	FL_TRY(fl_mkdirs(path, err));
	snprintf(path, sizeof(path), "%s/run", dir);
	FL_TRY(fl_mkdirs(path, err));
	fl_buf_init(&text);
	print_conf(own, bin, dir, port != 0, &text);
	snprintf(path, sizeof(path), "%s/supervisord.conf", dir);
	code = fl_file_write(path, text.data, text.size, err);
	fl_buf_fini(&text);
	return code;
}

pid_t
super_pid(const char *dir)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ucred peer = {0};
	socklen_t size = sizeof(peer);
	pid_t pid = 0;
	int fd;

	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/run/supervisor.sock",
		dir) >= sizeof(address.sun_path))
		return 0;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
		pid = peer.pid;
	close(fd);
	return pid;
}

static void
sleep_ms(int ms)
{
	poll(NULL, 0, ms);
}

/*
 * Programs follow a supervisor that was killed; their locks fall free in a moment.  Locks
 * that stay held belong to somebody else's supervisor.
 */
enum fl_code
super_wait_orphans(const struct fl_instance *instance, struct fl_err *err)
{
	int64_t until = fl_monotonic_us() + (int64_t)ORPHAN_WAIT_MS * 1000;

	for (uint32_t i = 0; i < FL_ARRAY_COUNT(fl_writers); i++)
		for (;;) {
			struct fl_life life;

			fl_life_get(instance, fl_writers[i], &life);
			if (!life.is_running)
				break;
			if (fl_monotonic_us() > until)
				return FL_FAIL(err, FL_E_ALREADY_RUNNING,
				    "instance \"%s\": %s[%d] runs, and not under a supervisord of "
				    "`flightctl up`; end what started it, or `kill %d`",
				    instance->dir, fl_writers[i], (int)life.pid, (int)life.pid);
			sleep_ms(POLL_MS);
		}
	return FL_OK;
}

enum fl_code
super_lock(const char *dir, int *fd, struct fl_err *err)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/run", dir);
	FL_TRY(fl_mkdirs(path, err));
	snprintf(path, sizeof(path), "%s/run/up.lock", dir);
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0)
		return FL_FAIL_NATIVE(err, FL_E_BAD_CONFIG, errno, "cannot open \"%s\": %s", path,
		    strerror(errno));
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return FL_OK;
	close(*fd);
	*fd = -1;
	return FL_FAIL_NATIVE(err, FL_E_ALREADY_RUNNING, errno,
	    "instance \"%s\": another `flightctl up` is starting it", dir);
}

enum fl_code
super_claim(const struct fl_instance *instance, bool ends_idle, struct fl_err *err)
{
	pid_t pid = super_pid(instance->dir);

	if (pid == 0)
		return super_wait_orphans(instance, err);
	if (!super_is_idle(pid) || !fl_life_is_done(instance))
		return FL_FAIL(err, FL_E_ALREADY_RUNNING,
		    "instance \"%s\" is running under supervisord[%d] and stays as it is; "
		    "`flightctl down` ends it, `flightctl up --apply-only FILE.sql` puts a pipeline "
		    "into it while it runs",
		    instance->dir, (int)pid);
	return ends_idle ? super_stop(instance->dir, pid, IDLE_STOP_MS, err) : FL_OK;
}

static void
exec_supervisord(const char *dir, bool is_own, pid_t parent)
{
	char conf[PATH_MAX + 32], words[PATH_MAX + 64], pid[16];
	sigset_t none;
	int null, out;

	if (is_own) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(1);
		setpgid(0, 0); /* Ctrl-C is for flightctl, which then asks us to end */
	} else
		setsid();
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	/* It writes its log file beside; this takes why it could not even do that. */
	snprintf(words, sizeof(words), "%s/log/" LAST_WORDS ".log", dir);
	null = open("/dev/null", O_RDWR);
	out = open(words, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	dup2(null, 0);
	dup2(out >= 0 ? out : null, 1);
	dup2(out >= 0 ? out : null, 2);
	close_range(3, ~0u, 0);
	snprintf(conf, sizeof(conf), "%s/supervisord.conf", dir);
	/* A child that begins when we are dead has process 1 as its parent: it could not tell. */
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (chdir(dir) != 0 || setenv(FL_SUPERVISOR_ENV, pid, 1) != 0)
		_exit(126);
	execlp("supervisord", "supervisord", "-n", "-s", "-c", conf, (char *)NULL);
	dprintf(2, "cannot run supervisord: %s; is the package supervisor installed?\n",
	    strerror(errno));
	_exit(127);
}

enum fl_code
super_start(const struct fl_instance *instance, bool is_own, pid_t *pid, struct fl_err *err)
{
	char dir[PATH_MAX];
	pid_t self = getpid(), child, other;

	FL_TRY(absolute_dir(instance->dir, dir, err));
	other = super_pid(dir);
	if (other != 0)
		return FL_FAIL(err, FL_E_ALREADY_RUNNING,
		    "instance \"%s\" is running under supervisord[%d]; `flightctl down` ends it",
		    dir, (int)other);
	FL_TRY(super_wait_orphans(instance, err));
	child = fork();
	if (child < 0)
		return FL_FAIL_NATIVE(err, FL_E_IO, errno, "could not fork: %s", strerror(errno));
	if (child == 0)
		exec_supervisord(dir, is_own, self);
	*pid = child;
	return FL_OK;
}

pid_t
super_child(pid_t parent, const char *comm)
{
	char path[64];
	struct fl_buf children, name;
	pid_t found = 0;
	char *save = NULL;

	fl_buf_init(&children);
	fl_buf_init(&name);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	if (fl_file_read(path, 65536, &children, NULL) == FL_OK && children.size > 0)
		for (char *word = strtok_r(children.data, " \n", &save); word != NULL && found == 0;
		     word = strtok_r(NULL, " \n", &save)) {
			snprintf(path, sizeof(path), "/proc/%s/comm", word);
			fl_buf_reset(&name);
			if (fl_file_read(path, 64, &name, NULL) == FL_OK && name.size > 1 &&
			    strncmp(name.data, comm, FL_MIN(strlen(comm), 15)) == 0)
				found = (pid_t)atoi(word);
		}
	fl_buf_fini(&children);
	fl_buf_fini(&name);
	return found;
}

bool
super_is_idle(pid_t pid)
{
	char comm[32];

	for (uint32_t i = 0; i < FL_ARRAY_COUNT(fl_writers); i++) {
		snprintf(comm, sizeof(comm), "flight-%s", fl_writers[i]);
		if (super_child(pid, comm) != 0)
			return false;
	}
	return true;
}

/* Last line of a log that is not empty. */
static void
last_line(const char *dir, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX + 64], tail[2048];
	const char *last;
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/log/%s.log", dir, name);
	buf[0] = '\0';
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (lseek(fd, -(off_t)(sizeof(tail) - 1), SEEK_END) < 0)
		lseek(fd, 0, SEEK_SET);
	n = read(fd, tail, sizeof(tail) - 1);
	close(fd);
	while (n > 0 && isspace((unsigned char)tail[n - 1]))
		n--;
	tail[n > 0 ? n : 0] = '\0';
	last = strrchr(tail, '\n');
	last = last != NULL ? last + 1 : tail;
	n = (ssize_t)FL_MIN(strlen(last), size - 1);
	memcpy(buf, last, (size_t)n);
	buf[n] = '\0';
}

/* Why supervisord ended: what it said before it had a log, else the end of its log. */
static enum fl_code
fail_ended(const char *dir, struct fl_err *err)
{
	char path[PATH_MAX + 64], line[300];
	struct fl_buf words;
	char *save = NULL;

	last_line(dir, LAST_WORDS, line, sizeof(line));
	if (line[0] == '\0')
		last_line(dir, "supervisord", line, sizeof(line));
	fl_buf_init(&words);
	snprintf(path, sizeof(path), "%s/log/" LAST_WORDS ".log", dir);
	if (fl_file_read(path, 65536, &words, NULL) == FL_OK && words.size > 0)
		/* "Error: ..." is followed by a hint at its help. */
		for (char *word = strtok_r(words.data, "\n", &save); word != NULL;
		     word = strtok_r(NULL, "\n", &save))
			if (strncmp(word, "Error: ", 7) == 0) {
				snprintf(line, sizeof(line), "%s", word + 7);
				break;
			}
	fl_buf_fini(&words);
	return FL_FAIL(err, FL_E_BAD_CONFIG, "supervisord ended: %s",
	    line[0] != '\0' ? line : "it said nothing");
}

/* In place, up to the quote: what the log escaped. */
static void
unquote(char *text)
{
	char *to = text;

	for (const char *p = text; *p != '\0' && *p != '"'; p++) {
		if (*p == '\\' && p[1] != '\0')
			p++;
		*to++ = *p;
	}
	*to = '\0';
}

/* The last line of a program's log ends `error="CODE text"`: that stays the code. */
static enum fl_code
fail_down(const char *dir, const char *program, struct fl_err *err)
{
	static const char mark[] = "error=\"";
	enum fl_code code = FL_E_BAD_CONFIG;
	char line[600];
	const char *said = line, *error;
	size_t size;

	last_line(dir, program, line, sizeof(line));
	error = strstr(line, mark);
	for (int i = FL_OK + 1; i < FL_E_COUNT && error != NULL; i++) {
		const char *name = fl_code_name((enum fl_code)i);

		size = strlen(name);
		if (strncmp(error + sizeof(mark) - 1, name, size) != 0 ||
		    error[sizeof(mark) - 1 + size] != ' ')
			continue;
		code = (enum fl_code)i;
		said = error + sizeof(mark) - 1 + size + 1;
		break;
	}
	if (said != line)
		unquote(line + (said - line));
	return FL_FAIL(err, code, "%s stays down: %s", program,
	    said[0] != '\0' ? said : "its log is empty");
}

/* Has it opened its store?  What it then waits for is no matter of its start.  Before, it
 * says starting or loading; one that has said why it fails is about to end. */
static bool
is_open(const struct fl_life *life)
{
	static const char *const not_yet[] = {"starting", "loading", "failed", "stopped"};

	if (strcmp(life->state, "done") == 0)
		return true;
	for (uint32_t i = 0; i < FL_ARRAY_COUNT(not_yet); i++)
		if (strncmp(life->state, not_yet[i], strlen(not_yet[i])) == 0)
			return false;
	return life->is_running;
}

enum fl_code
super_wait_ready(struct fl_instance *instance, pid_t pid, int64_t from_ms, int64_t timeout_ms,
    struct fl_err *err)
{
	int64_t until = fl_monotonic_us() + timeout_ms * 1000, gone_since[FL_PROGRAM_COUNT] = {0};
	uint32_t count;
	uint16_t port;

	FL_TRY(fl_config_serve_port(instance, &port, err));
	count = port != 0 ? FL_PROGRAM_COUNT : FL_WRITER_COUNT;
	for (;;) {
		uint32_t ready = 0;

		if (waitpid(pid, NULL, WNOHANG) == pid)
			return fail_ended(instance->dir, err);
		for (uint32_t i = 0; i < count; i++) {
			struct fl_life life;
			char comm[32];

			fl_life_get(instance, fl_programs[i], &life);
			if (life.is_known && life.beat_ms >= from_ms && is_open(&life)) {
				ready++;
				continue;
			}
			/* Started again at once unless it ended with 78: then it stays away. */
			snprintf(comm, sizeof(comm), "flight-%s", fl_programs[i]);
			if (super_pid(instance->dir) == 0 || super_child(pid, comm) != 0) {
				gone_since[i] = 0;
				continue;
			}
			if (gone_since[i] == 0)
				gone_since[i] = fl_monotonic_us();
			else if (fl_monotonic_us() - gone_since[i] > 2500000)
				return fail_down(instance->dir, fl_programs[i], err);
		}
		if (ready == count)
			return FL_OK;
		if (fl_monotonic_us() > until)
			return FL_FAIL(err, FL_E_TIMED_OUT,
			    "%u of %u programs were ready after %" PRId64 " s; see \"%s/log\"",
			    ready, count, timeout_ms / 1000, instance->dir);
		sleep_ms(POLL_MS);
	}
}

enum fl_code
super_stop(const char *dir, pid_t pid, int64_t timeout_ms, struct fl_err *err)
{
	int64_t until = fl_monotonic_us() + timeout_ms * 1000;
	struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};

	if (ended.fd < 0)
		return FL_OK; /* already gone */
	kill(pid, SIGTERM);
	for (;;) {
		int64_t left = (until - fl_monotonic_us()) / 1000;

		if (left <= 0) {
			close(ended.fd);
			return FL_FAIL(err, FL_E_TIMED_OUT,
			    "supervisord[%d] of \"%s\" has not ended after %" PRId64 " s", (int)pid,
			    dir, timeout_ms / 1000);
		}
		if (poll(&ended, 1, (int)FL_MIN(left, 1000)) > 0)
			break;
	}
	close(ended.fd);
	waitpid(pid, NULL, WNOHANG); /* ours, perhaps */
	return FL_OK;
}

void
super_log_follow(const char *dir, int64_t at[SUPER_LOG_COUNT], bool to_end)
{
	char path[PATH_MAX + 64], chunk[65536];

	for (uint32_t i = 0; i < SUPER_LOG_COUNT; i++) {
		struct stat st;
		int fd;

		snprintf(path, sizeof(path), "%s/log/%s.log", dir, log_names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (fstat(fd, &st) == 0 && st.st_size < at[i])
			at[i] = 0; /* rotated */
		if (to_end)
			at[i] = st.st_size;
		for (;;) {
			ssize_t n = pread(fd, chunk, sizeof(chunk), at[i]);
			ssize_t whole = n;

			/* Whole lines only, so that the logs do not mix within a line. */
			while (whole > 0 && chunk[whole - 1] != '\n')
				whole--;
			if (whole == 0 && n == (ssize_t)sizeof(chunk))
				whole = n;
			if (whole <= 0)
				break;
			fwrite(chunk, 1, (size_t)whole, stdout);
			at[i] += whole;
		}
		close(fd);
	}
	fflush(stdout);
}
