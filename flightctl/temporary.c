/* SPDX-License-Identifier: Apache-2.0 */
/*
 * temporary.c - instances that nobody named: made under the user's cache (or in /tmp, where another
 * user's program must get through), removed at the end.
 *
 * "At the end" holds for kill -9 too: a child of its own session, the guard, holds the other
 * end of a pipe.  When the pipe closes without a word, the guard waits until no program holds
 * a lock in the directory, and removes it.  So are the directory `flight` above it, and those
 * above that one that had to be made, when they are empty.
 *
 * Where the guard was killed too, or the machine went down, the next one of the same kind removes
 * the directory: its owner.lock is there, and nobody holds that or any other lock in it.
 */
#include "flightctl/ctl.h"
#include "flightctl/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOOK_MS 50
#define GUARD_WAIT_MS 90000 /* supervisord gives its programs 60 s */
#define CLOSE_WAIT_MS 5000
#define OWNER_LOCK "owner.lock"

/* ---- in use, and gone ---- */

static bool has_lock; /* nftw() carries no argument */

static int
look_at_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	size_t len = strlen(path), suffix = strlen(".lock");
	char store[PATH_MAX];

	(void)st, (void)ftw;
	if (type != FTW_F || len <= suffix || len >= sizeof(store) ||
	    strcmp(path + len - suffix, ".lock") != 0)
		return 0;
	snprintf(store, sizeof(store), "%.*s", (int)(len - suffix), path);
	has_lock = fl_life_lock_is_held(store);
	return has_lock ? 1 : 0;
}

static bool
is_in_use(const char *dir)
{
	has_lock = false;
	nftw(dir, look_at_entry, 16, FTW_PHYS);
	return has_lock || super_pid(dir) != 0 || demo_postgres_is_up(dir);
}

static int
remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	remove(path);
	return 0;
}

/* The directory, and those above it that were made for it and are empty now. */
static void
remove_tree(const struct ctl_temporary *temporary)
{
	char path[PATH_MAX];
	char *slash;

	nftw(temporary->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	snprintf(path, sizeof(path), "%s", temporary->dir);
	while ((slash = strrchr(path, '/')) != NULL && (size_t)(slash - path) > temporary->kept_size) {
		*slash = '\0';
		if (rmdir(path) != 0)
			return; /* another one lies beside */
	}
}

static void
wait_and_remove(const struct ctl_temporary *temporary, int wait_ms)
{
	for (; wait_ms > 0 && is_in_use(temporary->dir); wait_ms -= LOOK_MS)
		poll(NULL, 0, LOOK_MS);
	remove_tree(temporary);
}

/* ---- the guard ---- */

static void
guard(const struct ctl_temporary *temporary, int fd)
{
	int null = open("/dev/null", O_RDWR);
	char word;
	ssize_t n;

	setsid();
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	prctl(PR_SET_NAME, "flightctl-guard");
	/* Whoever reads our output must see it end with flightctl. */
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	dup2(fd, 3);
	close_range(4, ~0u, 0);
	while ((n = read(3, &word, 1)) < 0 && errno == EINTR)
		;
	if (n == 0)
		wait_and_remove(temporary, GUARD_WAIT_MS);
	_exit(0);
}

static void
start_guard(struct ctl_temporary *temporary)
{
	int ends[2];

	temporary->guard_fd = -1;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return; /* then only kill -9 leaves something */
	temporary->guard = fork();
	if (temporary->guard == 0) {
		close(ends[1]);
		guard(temporary, ends[0]);
	}
	close(ends[0]);
	if (temporary->guard < 0)
		close(ends[1]);
	else
		temporary->guard_fd = ends[1];
}

/* ---- those whose guard died too ---- */

/* The file has its name once it is locked: who finds it unlocked finds a dead one's. */
static void
lock_as_owner(struct ctl_temporary *temporary)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char made[PATH_MAX + 16], path[PATH_MAX + 16];

	snprintf(made, sizeof(made), "%s/owner.new", temporary->dir);
	snprintf(path, sizeof(path), "%s/" OWNER_LOCK, temporary->dir);
	temporary->lock_fd = open(made, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	/* Without it the directory is nobody's to remove but ours and the guard's. */
	if (temporary->lock_fd >= 0 && fcntl(temporary->lock_fd, F_OFD_SETLK, &lock) == 0)
		(void)rename(made, path);
}

static bool
is_orphan(const char *dir)
{
	char path[PATH_MAX + 16];
	struct stat st;

	if (lstat(dir, &st) != 0 || !S_ISDIR(st.st_mode) || st.st_uid != geteuid())
		return false;
	snprintf(path, sizeof(path), "%s/" OWNER_LOCK, dir);
	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	       !is_in_use(dir);
}

static void
remove_orphans(const char *begin)
{
	char pattern[PATH_MAX];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s??????", begin);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (is_orphan(found.gl_pathv[i]))
			nftw(found.gl_pathv[i], remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	globfree(&found);
}

/* ---- open, close ---- */

/* How much of path, whole directories, is there already. */
static size_t
existing_size(const char *path)
{
	char prefix[PATH_MAX];
	struct stat st;
	size_t size = strlen(path);

	while (size > 0) {
		snprintf(prefix, sizeof(prefix), "%.*s", (int)size, path);
		if (stat(prefix, &st) == 0)
			return size;
		while (size > 0 && path[--size] != '/')
			;
	}
	return 0;
}

enum fl_code
ctl_temporary_open(
    const char *what, bool is_passed, struct ctl_temporary *temporary, struct fl_err *err)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char parent[PATH_MAX / 2], above[PATH_MAX / 2], begin[PATH_MAX / 2 + 32];

	*temporary = (struct ctl_temporary){.guard_fd = -1, .lock_fd = -1};
	if (is_passed)
		snprintf(parent, sizeof(parent), "/tmp");
	else if (cache != NULL && cache[0] == '/')
		snprintf(parent, sizeof(parent), "%s/flight", cache);
	else if (home != NULL && home[0] == '/')
		snprintf(parent, sizeof(parent), "%s/.cache/flight", home);
	else
		snprintf(parent, sizeof(parent), "/tmp/flight-%u", (unsigned)getuid());
	snprintf(above, sizeof(above), "%.*s", (int)(strrchr(parent, '/') - parent), parent);
	temporary->kept_size = existing_size(above);
	if (is_passed)
		temporary->kept_size = strlen(parent);
	else
		FL_TRY(fl_mkdirs(parent, err));
	snprintf(begin, sizeof(begin), "%s/%s%s.", parent, is_passed ? "flight-" : "", what);
	remove_orphans(begin);
	snprintf(temporary->dir, sizeof(temporary->dir), "%sXXXXXX", begin);
	if (mkdtemp(temporary->dir) == NULL) {
		temporary->dir[0] = '\0';
		return FL_FAIL_NATIVE(err, FL_E_BAD_CONFIG, errno,
		    "cannot make a temporary directory in \"%s\": %s", parent, strerror(errno));
	}
	start_guard(temporary);
	lock_as_owner(temporary);
	return FL_OK;
}

void
ctl_temporary_close(struct ctl_temporary *temporary)
{
	if (temporary->dir[0] == '\0')
		return;
	if (temporary->lock_fd >= 0)
		close(temporary->lock_fd);
	wait_and_remove(temporary, CLOSE_WAIT_MS);
	temporary->dir[0] = '\0';
	if (temporary->guard_fd < 0)
		return;
	/* A word: all is done.  The guard may have been killed: SIGPIPE is ignored. */
	if (write(temporary->guard_fd, "", 1) == 1)
		waitpid(temporary->guard, NULL, 0);
	close(temporary->guard_fd);
	temporary->guard_fd = -1;
}
