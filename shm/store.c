/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.c - the only file that knows LMDB.
 *
 * LMDB gives copy-on-write B-trees in one file, one writer, and readers that never
 * wait.  What it leaves open is closed here, rule by rule:
 *
 *   - its creation is not atomic under power loss: a store is made in PATH.tmp,
 *     synced, and renamed;
 *   - it does not notice a second open in one process (closing either would drop
 *     the other's locks): environments are shared through a registry;
 *   - with lock.mdb deleted a second writer runs beside the first: each role holds
 *     a lock of its own (an open-file-description lock, which the kernel drops when
 *     the process dies) and compares a generation at the start of each write;
 *   - it trusts its file: the two meta pages and the file's length are checked
 *     before it is mapped, and each value carries a checksum;
 *   - a writer killed between write and sync leaves a last page that only the page
 *     cache has: every opener syncs before its first read;
 *   - a full disk shows as EIO: statvfs says which it is.  Any other failure of a
 *     commit ends the process, because after a failed fsync the kernel marks the
 *     lost pages clean.
 *
 * Values above half a page fill 4 KiB * 2^k - 16 bytes (16: LMDB's page header), so
 * that the page runs that trimming frees fit the next values again.
 *
 * The file is kept a few MiB longer than LMDB uses it (a sparse tail): pages that
 * a transaction allocated and did not need are never written, so without the tail
 * a sound file could be shorter than its last page, and a cut one not be told.
 */
#include "shm/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <lmdb.h>

#include "base/version.h"

#define ANEW "start anew with flightctl up --reset FILE.sql..."
#define OTHER_VERSION "run the version of Flight that made it, or " ANEW
#define STORE_FORMAT ((uint32_t)FL_FORMAT_VERSION)
#define STORE_BUILD "flight " FL_VERSION
#define STORE_MAP_SIZE (UINT64_C(64) << 30)
#define STORE_READERS_MAX 510u
#define STORE_LOCK_SIZE (32 << 10) /* of lock.mdb: a place is 64 bytes, and a head */
#define STORE_DBIS_MAX 8u
#define STORE_TAIL_SIZE (UINT64_C(4) << 20)
#define STORE_DISK_RESERVE (UINT64_C(4) << 20) /* less free than this: full */
#define STORE_OPEN_TRIES 50
#define STORE_OPEN_WAIT_US 20000
#define STORE_FORGET_TXNS 8u /* every so many, pages that were read leave the process */
#define STORE_FORGET_SIZE (UINT64_C(16) << 20) /* or, of a large store, one for this much */
#define STORE_FAULT_AROUND ((uintptr_t)64 << 10) /* Linux' window, if nobody changed it */
#define STORE_INLINE_SIZE 2000u /* smaller values share leaf pages */

/* ---- tables ---- */

static const struct {
	enum fl_role role;
	const char *name;
} dbi_table[FL_DBI_COUNT] = {
/* clang-format off */
#define FL_DBI(role, name) [FL_DBI_##role##_##name] = { FL_ROLE_##role, #name },
#include "tbl/dbis.h"
#undef FL_DBI
    /* clang-format on */
};

/* Role as people read it; program: whose commits these are, in fault names. */
static const struct {
	const char *name;
	enum fl_dbi meta;
	const char *commit_before, *commit_after, *open_before, *open_after;
} role_table[] = {
/* clang-format off */
#define ROLE(ROLE, name, program) [FL_ROLE_##ROLE] = { name, FL_DBI_##ROLE##_META, \
	"commit.before." program, "commit.after." program, \
	"open.before." program, "open.after." program },
	ROLE(CATALOG, "catalog", "catalog")
	ROLE(INGEST, "ingest", "ingest")
	ROLE(PIPELINE, "pipeline", "aggregate")
	ROLE(EMIT, "emit", "emit")
#undef ROLE
    /* clang-format on */
};

/* ---- objects ---- */

/* One LMDB environment of this process, shared by all fl_stores on its path. */
struct env {
	struct env *next;
	uint32_t ref_count;
	dev_t dev;
	ino_t ino;	/* of the directory */
	ino_t lock_ino; /* of lock.mdb */
	char *path;
	MDB_env *mdb;
	enum fl_role role;
	bool read_only;
	MDB_dbi dbis[FL_DBI_COUNT];
	bool dbi_open[FL_DBI_COUNT];
	int fd; /* LMDB's: for fdatasync, fstat, ftruncate */
	uint64_t page_size;
	uintptr_t map, map_end; /* where the file is mapped; 0: not known */
	_Atomic uint32_t txns_since; /* the map was forgotten */
	_Atomic uint64_t file_size; /* as of our last look */
	struct fl_store_meta meta;  /* as found at opening */
};

struct fl_store {
	struct env *env;
	struct fl_store_meta meta; /* with our own generation when writing */
	bool write;
	int lock_fd;	/* -1: none (readers, catalog) */
	ino_t lock_ino; /* of path.lock */
	uint32_t alarm; /* how many of the map's alarms are on */
	char *path;
};

/* A value whose checksum is still to be taken. */
struct pending {
	struct fl_value_head *head; /* in the map; NULL: none */
	char *value;		    /* where it lies in the map */
	char *copy;		    /* what the caller fills, if the map is misaligned */
};

struct fl_cursor {
	struct fl_txn *txn;
	enum fl_dbi dbi;
	MDB_cursor *mdb;
	struct fl_cursor *next, **prev_next;
};

struct fl_txn {
	struct fl_store *store;
	MDB_txn *mdb;
	bool write;
	struct fl_err failed; /* first failure; code FL_OK: none */
	struct pending pending;
	struct fl_arena arena; /* aligned copies of small values */
	struct fl_cursor *cursors;
};

static pthread_mutex_t registry_lock = PTHREAD_MUTEX_INITIALIZER;
static struct env *registry;

/* ---- errors ---- */

static bool
is_disk_full(int fd)
{
	struct statvfs vfs;

	return fstatvfs(fd, &vfs) == 0 &&
	       (uint64_t)vfs.f_bavail * vfs.f_frsize < STORE_DISK_RESERVE;
}

static enum fl_code
fail_mdb(struct fl_err *err, const char *path, int fd, const char *what, int rc)
{
	enum fl_code code = FL_E_STORE_IO;

	switch (rc) {
	case MDB_MAP_FULL:
		code = FL_E_STORE_FULL;
		break;
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_INVALID:
	case MDB_INCOMPATIBLE:
	case MDB_CURSOR_FULL: /* a tree deeper than any can be */
	case EFBIG: /* a page number out of a damaged list of free pages */
		code = FL_E_STORE_DAMAGED;
		break;
	case MDB_VERSION_MISMATCH:
		code = FL_E_STORE_VERSION;
		break;
	case ENOSPC:
	case EDQUOT:
		code = FL_E_DISK_FULL;
		break;
	case EIO:
		if (fd >= 0 && is_disk_full(fd))
			code = FL_E_DISK_FULL;
		break;
	case EACCES:
	case EPERM:
	case EROFS:
		code = FL_E_BAD_CONFIG;
		break;
	default:
		break;
	}
	return FL_FAIL_NATIVE(
	    err, code, rc, "store \"%s\": could not %s: %s", path, what, mdb_strerror(rc));
}

static enum fl_code
fail_os(struct fl_err *err, const char *path, const char *what)
{
	return fail_mdb(err, path, -1, what, errno);
}

/* Keeps the first failure in the transaction. */
static enum fl_code
stick(struct fl_txn *txn, const struct fl_err *failed, struct fl_err *err)
{
	if (txn->failed.code == FL_OK)
		txn->failed = *failed;
	if (err != NULL)
		*err = *failed;
	return failed->code;
}

static enum fl_code
fail_txn(struct fl_txn *txn, struct fl_err *err, const char *what, int rc)
{
	struct fl_err failed;

	(void)fail_mdb(&failed, txn->store->path, txn->store->env->fd, what, rc);
	return stick(txn, &failed, err);
}

/* The first failure again. */
static enum fl_code
fail_again(const struct fl_txn *txn, struct fl_err *err)
{
	if (err != NULL)
		*err = txn->failed;
	return txn->failed.code;
}

static enum fl_code
fail_value(
    struct fl_txn *txn, struct fl_err *err, enum fl_dbi dbi, const MDB_val *key, const char *wrong)
{
	struct fl_err failed;
	char text[2 * 24 + 1];
	const uint8_t *bytes = key->mv_data;
	size_t count = FL_MIN(key->mv_size, (size_t)24), i;

	text[0] = '\0';
	for (i = 0; i < count; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	(void)FL_FAIL(&failed, FL_E_STORE_DAMAGED, "store \"%s\": database %s key 0x%s: %s",
	    txn->store->path, dbi_table[dbi].name, text, wrong);
	return stick(txn, &failed, err);
}

/* ---- the value head ---- */

/* Value size that fills a run of 2^k pages: freed runs then fit the next values. */
static size_t
class_size(size_t size)
{
	size_t run = 4096;

	if (size <= STORE_INLINE_SIZE)
		return size;
	while (run - 16 < size)
		run *= 2;
	return run - 16;
}

static void
seal_value(struct fl_value_head *head, uint16_t kind, size_t size)
{
	struct fl_value_head h = {
	    .magic = FL_VALUE_MAGIC, .version = 1, .kind = kind, .size = (uint32_t)size};

	/* Small values lie 2-aligned in their leaf page. */
	memcpy(head, &h, sizeof(h));
}

static void
seal_checksum(void *head, const void *value, size_t size)
{
	uint64_t checksum = fl_hash64(value, size);

	memcpy(
	    (char *)head + offsetof(struct fl_value_head, checksum), &checksum, sizeof(checksum));
}

static const char *
check_head(const MDB_val *val, struct fl_value_head *head)
{
	if (val->mv_size < sizeof(*head))
		return "the value is shorter than its head";
	memcpy(head, val->mv_data, sizeof(*head));
	if (head->magic != FL_VALUE_MAGIC)
		return "the value does not begin with the magic";
	if (head->version != 1)
		return "the value has an unknown version";
	if (head->size > val->mv_size - sizeof(*head))
		return "the value is shorter than its head says";
	return NULL;
}

static const char *
check_value(const MDB_val *val, struct fl_value_head *head)
{
	const char *wrong = check_head(val, head);

	if (wrong == NULL &&
	    fl_hash64((const char *)val->mv_data + sizeof(*head), head->size) != head->checksum)
		wrong = "the checksum of the value is wrong";
	return wrong;
}

/* ---- the file, before LMDB sees it ---- */

/*
 * LMDB's meta page, as far as we look: page header, then struct MDB_meta of 0.9.
 * (mdb.c; the layout is LMDB's file format and has been stable since 2013.)
 */
struct meta_page {
	uint64_t pgno;
	uint16_t pad, flags; /* P_META = 8 */
	uint32_t lower_upper;
	uint32_t magic, version;
	uint64_t address, map_size;
	struct {
		uint32_t page_size; /* in the first */
		uint16_t flags, depth;
		uint64_t branch, leaf, overflow, entries, root;
	} dbs[2];
	uint64_t last_page, txn_id;
};
static_assert(sizeof(struct meta_page) == 152, "LMDB's meta page is a file format");

static const char *
check_meta_page(const struct meta_page *m, uint32_t page_size)
{
	uint32_t i;

	if (m->magic != 0xBEEFC0DEu || (m->flags & 8) == 0)
		return "a meta page is damaged";
	if (m->version != 1)
		return "the file is of another version of LMDB";
	if (m->dbs[0].page_size != page_size)
		return "the page size in a meta page is damaged";
	for (i = 0; i < 2; i++)
		if (m->dbs[i].root != UINT64_MAX &&
		    (m->dbs[i].root > m->last_page || m->dbs[i].root < 2 || m->dbs[i].depth == 0 ||
			m->dbs[i].depth > 32))
			return "a root page in a meta page is damaged";
	return NULL;
}

/* What can be known to be wrong without walking the tree: lengths and meta pages.
 * A mapped file that is too short kills its reader with SIGBUS. */
static enum fl_code
check_file(const char *path, const char *file, struct fl_err *err)
{
	struct meta_page metas[2];
	const struct meta_page *newest;
	const char *wrong = NULL;
	uint32_t page_size;
	struct stat st;
	int fd, i;

	fd = open(file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return fail_os(err, path, "open data.mdb");
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return FL_FAIL(err, FL_E_BAD_CONFIG, "store \"%s\": data.mdb is not a file", path);
	}
	if (pread(fd, &metas[0], sizeof(metas[0]), 0) != (ssize_t)sizeof(metas[0])) {
		wrong = "the file ends inside its first page";
		goto out;
	}
	page_size = metas[0].dbs[0].page_size;
	if (page_size < 512 || page_size > 65536 || (page_size & (page_size - 1)) != 0) {
		wrong = "a meta page is damaged";
		goto out;
	}
	if (pread(fd, &metas[1], sizeof(metas[1]), page_size) != (ssize_t)sizeof(metas[1])) {
		wrong = "the file ends inside its second page";
		goto out;
	}
	for (i = 0; i < 2 && wrong == NULL; i++)
		wrong = check_meta_page(&metas[i], page_size);
	newest = metas[0].txn_id > metas[1].txn_id ? &metas[0] : &metas[1];
	if (wrong == NULL && (newest->last_page > UINT64_C(1) << 40 ||
				 (uint64_t)st.st_size < (newest->last_page + 1) * page_size))
		wrong = "the file is shorter than its last page: it was cut";
out:
	close(fd);
	if (wrong != NULL)
		return FL_FAIL(err, FL_E_STORE_DAMAGED,
		    "store \"%s\": %s (%" PRIu64 " bytes): restore the whole directory from one copy, or " ANEW, path, wrong,
		    (uint64_t)st.st_size);
	return FL_OK;
}

/* ---- environments ---- */

static enum fl_code
check_lmdb_version(struct fl_err *err)
{
	int major, minor, patch;
	const char *text = mdb_version(&major, &minor, &patch);

	if (major == 0 && minor == 9 && patch >= 26 && patch <= 31)
		return FL_FAIL(err, FL_E_BAD_CONFIG,
		    "%s breaks its lock when a process closes it; expected up to 0.9.25, or from "
		    "0.9.32",
		    text);
	return FL_OK;
}

/* LMDB's own checks of pages, which would abort(). */
static void
end_damaged(MDB_env *mdb, const char *text)
{
	const char *path = "?";

	(void)mdb_env_get_path(mdb, &path);
	fl_error("store damaged, ending store=%s error=\"%s %s\"", path,
	    fl_code_name(FL_E_STORE_DAMAGED), text);
	_exit(fl_code_exit(FL_E_STORE_DAMAGED));
}

/* What LMDB changes on behalf of this thread; it works on copies, outside of the map. */
static __thread const struct env *changing;

/* LMDB trusts the numbers in a page: a damaged one sends it, or our checksum, to a place
 * in the map behind the end of the file, or anywhere while it changes a page.  Called by
 * the signal, so it only writes. */
static void
on_fault(int signal_number, siginfo_t *info, void *context)
{
	static const char text[] = ": STORE_DAMAGED a page names a place where there is nothing; "
				   "restore the store or start anew\n";
	uintptr_t at = (uintptr_t)info->si_addr;
	const char *path = changing != NULL ? changing->path : NULL;

	(void)context;
	for (const struct env *env = registry; env != NULL; env = env->next)
		if (at >= env->map && at < env->map_end)
			path = env->path;
	if (path != NULL) {
		(void)!write(STDERR_FILENO, path, strlen(path));
		(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
		_exit(fl_code_exit(FL_E_STORE_DAMAGED));
	}
	/* No store's: the instruction runs again and ends the process as usual. */
	(void)signal(signal_number, SIG_DFL);
}

static __attribute__((unused)) pthread_once_t faults_caught = PTHREAD_ONCE_INIT;

static __attribute__((unused)) void
catch_faults(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGBUS, &action, NULL);
	(void)sigaction(SIGSEGV, &action, NULL);
}

/* Opens with retries: two processes that open at once can find the lock table
 * half made. */
static int
open_mdb(const char *path, uint64_t map_size, unsigned flags, int tries, MDB_env **mdb)
{
	int rc;

	for (;; (void)usleep(STORE_OPEN_WAIT_US)) {
		*mdb = NULL;
		rc = mdb_env_create(mdb);
		if (rc == 0)
			rc = mdb_env_set_maxdbs(*mdb, STORE_DBIS_MAX);
		if (rc == 0)
			rc = mdb_env_set_assert(*mdb, end_damaged);
		if (rc == 0)
			rc = mdb_env_set_maxreaders(*mdb, STORE_READERS_MAX);
		if (rc == 0)
			rc = mdb_env_set_mapsize(*mdb, map_size);
		if (rc == 0)
			rc = mdb_env_open(*mdb, path, MDB_NOTLS | flags, 0600);
		if (rc == 0)
			return 0;
		if (*mdb != NULL)
			mdb_env_close(*mdb);
		*mdb = NULL;
		if (rc == ENOMEM || rc == EACCES || rc == EROFS || --tries <= 0)
			return rc;
	}
}

static int
open_dbis(struct env *env, MDB_txn *txn, unsigned flags)
{
	int i, rc;

	for (i = 0; i < FL_DBI_COUNT; i++) {
		if (dbi_table[i].role != env->role || env->dbi_open[i])
			continue;
		rc = mdb_dbi_open(txn, dbi_table[i].name, flags, &env->dbis[i]);
		if (rc != 0)
			return rc;
		env->dbi_open[i] = true;
	}
	return 0;
}

static int
put_meta(const struct env *env, MDB_txn *txn, const struct fl_store_meta *meta)
{
	char bytes[sizeof(struct fl_value_head) + sizeof(*meta)];
	MDB_val key = {4, (void *)(uintptr_t) "meta"}, val = {sizeof(bytes), bytes};

	memcpy(bytes + sizeof(struct fl_value_head), meta, sizeof(*meta));
	seal_value((struct fl_value_head *)(void *)bytes, 0, sizeof(*meta));
	seal_checksum(bytes, bytes + sizeof(struct fl_value_head), sizeof(*meta));
	return mdb_put(txn, env->dbis[role_table[env->role].meta], &key, &val, 0);
}

static enum fl_code
get_meta(const struct env *env, MDB_txn *txn, struct fl_store_meta *meta, struct fl_err *err)
{
	MDB_val key = {4, (void *)(uintptr_t) "meta"}, val;
	struct fl_value_head head;
	const char *wrong;
	int rc = mdb_get(txn, env->dbis[role_table[env->role].meta], &key, &val);

	if (rc == MDB_NOTFOUND)
		return FL_FAIL(
		    err, FL_E_STORE_DAMAGED, "store \"%s\": it has no meta value", env->path);
	if (rc != 0)
		return fail_mdb(err, env->path, env->fd, "read the meta value", rc);
	wrong = check_value(&val, &head);
	if (wrong == NULL && head.size != sizeof(*meta))
		return FL_FAIL(err, FL_E_STORE_VERSION,
		    "store \"%s\": its meta value has %u bytes, expected %zu: " OTHER_VERSION, env->path,
		    (unsigned)head.size, sizeof(*meta));
	if (wrong != NULL)
		return FL_FAIL(
		    err, FL_E_STORE_DAMAGED, "store \"%s\": meta value: %s", env->path, wrong);
	memcpy(meta, (const char *)val.mv_data + sizeof(head), sizeof(*meta));
	return FL_OK;
}

static enum fl_code
sync_dir(const char *dir, struct fl_err *err)
{
	int native = fl_dir_sync(dir);

	return native == 0 ? FL_OK : fail_mdb(err, dir, -1, "sync the directory", native);
}

/* Removes the two files of an environment and its directory.  0 or errno. */
static int
remove_env(const char *path)
{
	char file[4096];

	(void)snprintf(file, sizeof(file), "%s/data.mdb", path);
	(void)unlink(file);
	(void)snprintf(file, sizeof(file), "%s/lock.mdb", path);
	(void)unlink(file);
	return rmdir(path) == 0 || errno == ENOENT ? 0 : errno;
}

/* Makes the environment at tmp with all its databases and its meta value. */
static enum fl_code
make_env(
    const char *tmp, const struct fl_store_options *options, uint64_t map_size, struct fl_err *err)
{
	struct env env = {.path = (char *)(uintptr_t)tmp, .role = options->role, .fd = -1};
	struct fl_store_meta meta = {.instance = options->instance,
	    .created_ms = fl_now_ms(),
	    .role = options->role,
	    .format = STORE_FORMAT,
	    .build = STORE_BUILD};
	struct fl_uuid seed;
	MDB_txn *txn = NULL;
	enum fl_code code = FL_OK;
	int rc;

	fl_uuid_make(&meta.store);
	fl_uuid_make(&seed);
	memcpy(&meta.hash_seed, seed.bytes, 8);
	rc = open_mdb(tmp, map_size, 0, 1, &env.mdb);
	if (rc != 0)
		return fail_mdb(err, tmp, -1, "make the environment", rc);
	(void)mdb_env_get_fd(env.mdb, &env.fd);
	rc = mdb_txn_begin(env.mdb, NULL, 0, &txn);
	if (rc == 0)
		rc = open_dbis(&env, txn, MDB_CREATE);
	if (rc == 0)
		rc = put_meta(&env, txn, &meta);
	if (rc == 0) {
		rc = mdb_txn_commit(txn);
		txn = NULL;
	}
	if (rc == 0 && (ftruncate(env.fd, (off_t)STORE_TAIL_SIZE) != 0 || fsync(env.fd) != 0))
		rc = errno;
	if (rc != 0)
		code = fail_mdb(err, tmp, env.fd, "make the environment", rc);
	if (txn != NULL)
		mdb_txn_abort(txn);
	mdb_env_close(env.mdb);
	return code;
}

static bool
is_path_full(const char *path)
{
	struct statvfs vfs;

	return statvfs(path, &vfs) == 0 && (uint64_t)vfs.f_bavail * vfs.f_frsize < STORE_DISK_RESERVE;
}

/* LMDB makes its lock file sparse and maps it: with a full disk the first reader that
 * needs a new page of it would die of SIGBUS.  So it is there before, whole. */
static enum fl_code
make_lock_file(const char *env_path, struct fl_err *err)
{
	char file[4096 + 16];
	int fd, native;

	(void)snprintf(file, sizeof(file), "%s/lock.mdb", env_path);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return fail_os(err, env_path, "make lock.mdb");
	native = posix_fallocate(fd, 0, STORE_LOCK_SIZE);
	close(fd);
	return native == 0 ? FL_OK : fail_mdb(err, env_path, -1, "make lock.mdb", native);
}

/* Under path.lock.  A crash at any point leaves PATH.tmp, which the next one removes. */
static enum fl_code
create_env(
    const char *path, const struct fl_store_options *options, uint64_t map_size, struct fl_err *err)
{
	char tmp[4096], parent[4096];
	enum fl_code code;

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= sizeof(tmp))
		return FL_FAIL(err, FL_E_BAD_CONFIG, "store \"%s\": the path is too long", path);
	fl_dir_of(path, parent, sizeof(parent));
	if (is_path_full(parent))
		return FL_FAIL(err, FL_E_DISK_FULL, "store \"%s\": less than %u MiB are free on its disk",
		    path, (unsigned)(STORE_DISK_RESERVE >> 20));
	(void)remove_env(tmp);
	if (mkdir(tmp, 0700) != 0)
		return fail_os(err, tmp, "make the directory");
	(void)fl_fault("create.made");
	code = make_lock_file(tmp, err);
	if (code == FL_OK)
		code = make_env(tmp, options, map_size, err);
	(void)fl_fault("create.written");
	if (code == FL_OK)
		code = sync_dir(tmp, err);
	if (code == FL_OK && rename(tmp, path) != 0)
		code = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
			   ? FL_FAIL(err, FL_E_BAD_CONFIG,
				 "store \"%s\": something is there that is not a store", path)
			   : fail_os(err, path, "put the new store in its place");
	(void)fl_fault("create.renamed");
	if (code == FL_OK)
		code = sync_dir(parent, err);
	else
		(void)remove_env(tmp);
	return code;
}

static void
close_env(struct env *env)
{
	struct env **at;

	for (at = &registry; *at != NULL && *at != env; at = &(*at)->next)
		;
	if (*at == env)
		*at = env->next;
	if (env->mdb != NULL)
		mdb_env_close(env->mdb);
	free(env->path);
	free(env);
}

/* Where LMDB has mapped the file, which it does not tell. */
static void
find_map(struct env *env)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long begin, end, offset, inode;
	char line[512];
	struct stat st;

	while (maps != NULL && env->map == 0 && fstat(env->fd, &st) == 0 &&
	    fgets(line, sizeof(line), maps) != NULL)
		if (sscanf(line, "%lx-%lx %*s %lx %*s %lu", &begin, &end, &offset, &inode) == 4 &&
		    inode == st.st_ino && offset == 0) {
			env->map = begin;
			env->map_end = end;
		}
	if (maps != NULL)
		(void)fclose(maps);
}

/* Finishes a mapped environment: sync, databases, meta. */
static enum fl_code
prepare_env(struct env *env, const char *lock_file, struct fl_err *err)
{
	MDB_txn *txn = NULL;
	MDB_stat stat_mdb;
	struct stat st;
	enum fl_code code;
	int rc, dead;

	(void)mdb_env_get_fd(env->mdb, &env->fd);
	(void)fcntl(env->fd, F_SETFD, FD_CLOEXEC); /* LMDB forgets it for data.mdb */
	if (fdatasync(env->fd) != 0)
		return fail_os(err, env->path, "sync data.mdb before reading it");
	if (stat(lock_file, &st) != 0)
		return fail_os(err, env->path, "look at lock.mdb");
	env->lock_ino = st.st_ino;
	if (fstat(env->fd, &st) != 0)
		return fail_os(err, env->path, "look at data.mdb");
	env->file_size = (uint64_t)st.st_size;
	(void)mdb_env_stat(env->mdb, &stat_mdb);
	env->page_size = stat_mdb.ms_psize;
	find_map(env); /* before the first page is read: see on_fault() */
	(void)mdb_reader_check(env->mdb, &dead);
	rc = mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn);
	if (rc == 0)
		rc = open_dbis(env, txn, 0);
	if (rc != 0) {
		if (txn != NULL)
			mdb_txn_abort(txn);
		if (rc == MDB_NOTFOUND)
			return FL_FAIL(err, FL_E_STORE_MISMATCH,
			    "store \"%s\": it does not hold the databases of %s's store: " OTHER_VERSION, env->path,
			    role_table[env->role].name);
		return fail_mdb(err, env->path, env->fd, "open its databases", rc);
	}
	code = get_meta(env, txn, &env->meta, err);
	rc = mdb_txn_commit(txn); /* a reader's commit keeps the database handles */
	if (code == FL_OK && rc != 0)
		code = fail_mdb(err, env->path, env->fd, "open its databases", rc);
	FL_TRY(code);
	return FL_OK;
}

/* Under registry_lock.  The environment of path, shared if it is open already. */
static enum fl_code
acquire_env(const char *path, const struct fl_store_options *options, uint64_t map_size,
    struct env **out, struct fl_err *err)
{
	char file[4096], lock_file[4096];
	struct env *env;
	struct stat st;
	enum fl_code code;
	int rc;

	if (stat(path, &st) != 0)
		return fail_os(err, path, "look at the directory");
	for (env = registry; env != NULL; env = env->next) {
		if (env->dev != st.st_dev || env->ino != st.st_ino)
			continue;
		if (env->role != options->role)
			return FL_FAIL(err, FL_E_STORE_MISMATCH,
			    "store \"%s\": expected a %s store, it is a %s store", path,
			    role_table[options->role].name, role_table[env->role].name);
		env->ref_count++;
		*out = env;
		return FL_OK;
	}
	(void)snprintf(file, sizeof(file), "%s/data.mdb", path);
	(void)snprintf(lock_file, sizeof(lock_file), "%s/lock.mdb", path);
	FL_TRY(check_file(path, file, err));
	env = fl_calloc(1, sizeof(*env));
	env->path = fl_strdup(path);
	env->dev = st.st_dev;
	env->ino = st.st_ino;
	env->role = options->role;
	/* Readers open for writing too where they may: a writer in the same process
	 * then shares the environment.  The map itself is read-only either way. */
	env->read_only = access(file, W_OK) != 0;
	env->ref_count = 1;
	env->next = registry;
	registry = env;
	rc = open_mdb(path, map_size, env->read_only ? MDB_RDONLY : 0, STORE_OPEN_TRIES, &env->mdb);
	if (rc != 0)
		code = fail_mdb(err, path, -1, "open", rc);
	else
		code = prepare_env(env, lock_file, err);
	if (code != FL_OK) {
		close_env(env);
		return code;
	}
	*out = env;
	return FL_OK;
}

static void
release_env(struct env *env)
{
	if (--env->ref_count == 0)
		close_env(env);
}

/* ---- our own lock ---- */

/* Locks path.lock, the file that is never deleted.  wait: until it is free. */
static enum fl_code
lock_role(const char *path, bool wait, int *lock_fd, ino_t *ino, struct fl_err *err)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char file[4096], holder[64];
	struct stat st;
	ssize_t size;
	int fd, rc;

	if ((size_t)snprintf(file, sizeof(file), "%s.lock", path) >= sizeof(file))
		return FL_FAIL(err, FL_E_BAD_CONFIG, "store \"%s\": the path is too long", path);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return FL_FAIL_NATIVE(err, fl_errno_code(errno, FL_E_BAD_CONFIG), errno,
		    "store \"%s\": cannot open its lock file: %s", path, strerror(errno));
	do
		rc = fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &lock);
	while (rc != 0 && errno == EINTR);
	if (rc != 0 && (errno == EAGAIN || errno == EACCES)) {
		size = pread(fd, holder, sizeof(holder) - 1, 0);
		holder[size > 0 ? size : 0] = '\0';
		holder[strcspn(holder, "\n")] = '\0';
		close(fd);
		return FL_FAIL(err, FL_E_ALREADY_RUNNING,
		    "store \"%s\": another process writes to it (%s)", path,
		    holder[0] != '\0' ? holder : "just started");
	}
	if (rc != 0 || fstat(fd, &st) != 0) {
		close(fd);
		return fail_os(err, path, "lock");
	}
	*lock_fd = fd;
	*ino = st.st_ino;
	return FL_OK;
}

/* For people and for the message above. */
static void
note_holder(int fd, uint64_t generation)
{
	char text[64];
	int size = snprintf(
	    text, sizeof(text), "pid=%ld generation=%" PRIu64 "\n", (long)getpid(), generation);

	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)size, 0) != size)
		fl_debug("lock file not noted");
}

/* ---- opening ---- */

static bool
is_uuid_set(const struct fl_uuid *uuid)
{
	static const struct fl_uuid zero;

	return !fl_uuid_equal(uuid, &zero);
}

static enum fl_code
check_store(const struct env *env, const struct fl_store_options *options, struct fl_err *err)
{
	const struct fl_store_meta *meta = &env->meta;
	char found[37], expected[37];

	if (meta->format != STORE_FORMAT)
		return FL_FAIL(err, FL_E_STORE_VERSION,
		    "store \"%s\": format %u, expected %u: " OTHER_VERSION,
		    env->path, (unsigned)meta->format, STORE_FORMAT);
	if (meta->role != (uint32_t)options->role)
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "store \"%s\": its role is %u, expected a %s store", env->path,
		    (unsigned)meta->role, role_table[options->role].name);
	if (is_uuid_set(&options->instance) && !fl_uuid_equal(&meta->instance, &options->instance))
		return FL_FAIL(err, FL_E_STORE_MISMATCH,
		    "store \"%s\": it belongs to instance %s, expected %s: restore the whole directory from "
		    "one copy, or " ANEW, env->path,
		    fl_uuid_print(&meta->instance, found),
		    fl_uuid_print(&options->instance, expected));
	return FL_OK;
}

/* Raises the generation: who wrote before cannot commit any more. */
static enum fl_code
take_over(struct fl_store *store, struct fl_err *err)
{
	struct env *env = store->env;
	MDB_txn *txn = NULL;
	enum fl_code code;
	int rc;

	(void)fl_fault(role_table[env->role].open_before);
	rc = mdb_txn_begin(env->mdb, NULL, 0, &txn);
	if (rc != 0)
		return fail_mdb(err, env->path, env->fd, "begin", rc);
	code = get_meta(env, txn, &store->meta, err);
	if (code != FL_OK) {
		mdb_txn_abort(txn);
		return code;
	}
	store->meta.generation++;
	(void)snprintf(store->meta.build, sizeof(store->meta.build), "%s", STORE_BUILD);
	changing = env;
	rc = put_meta(env, txn, &store->meta);
	changing = NULL;
	if (rc != 0) {
		mdb_txn_abort(txn);
		return fail_mdb(err, env->path, env->fd, "raise the generation", rc);
	}
	rc = mdb_txn_commit(txn);
	if (rc != 0)
		return fail_mdb(err, env->path, env->fd, "raise the generation", rc);
	(void)fl_fault(role_table[env->role].open_after);
	note_holder(store->lock_fd, store->meta.generation);
	return FL_OK;
}

static bool
exists_env(const char *path)
{
	char file[4096];
	struct stat st;

	(void)snprintf(file, sizeof(file), "%s/data.mdb", path);
	return stat(file, &st) == 0;
}

/* Creates the store if it is absent; who does so holds path.lock meanwhile. */
static enum fl_code
ensure_env(const char *path, const struct fl_store_options *options, uint64_t map_size, bool locked,
    struct fl_err *err)
{
	char parent[4096];
	enum fl_code code = FL_OK;
	int fd = -1;
	ino_t ino;

	if (exists_env(path))
		return FL_OK;
	if (!options->create)
		return FL_FAIL(err, FL_E_NO_SUCH_OBJECT, "store \"%s\": there is none yet", path);
	if (!locked) {
		fl_dir_of(path, parent, sizeof(parent));
		FL_TRY(fl_mkdirs(parent, err));
		FL_TRY(lock_role(path, true, &fd, &ino, err));
	}
	if (!exists_env(path))
		code = create_env(path, options, map_size, err);
	if (fd >= 0)
		close(fd);
	return code;
}

static enum fl_code
open_store(struct fl_store *store, const struct fl_store_options *options, struct fl_err *err)
{
	uint64_t map_size = options->map_size != 0 ? options->map_size : STORE_MAP_SIZE;
	bool owns_role = options->write && options->role != FL_ROLE_CATALOG;
	char parent[4096];

	FL_TRY(check_lmdb_version(err));
	if (!options->create && !exists_env(store->path))
		return FL_FAIL(
		    err, FL_E_NO_SUCH_OBJECT, "store \"%s\": there is none yet", store->path);
	if (owns_role) {
		fl_dir_of(store->path, parent, sizeof(parent));
		FL_TRY(fl_mkdirs(parent, err));
		FL_TRY(lock_role(store->path, false, &store->lock_fd, &store->lock_ino, err));
	}
	FL_TRY(ensure_env(store->path, options, map_size, owns_role, err));
	FL_TRY(acquire_env(store->path, options, map_size, &store->env, err));
	FL_TRY(check_store(store->env, options, err));
	store->meta = store->env->meta;
	store->write = options->write;
	if (options->write && store->env->read_only)
		return FL_FAIL(err, FL_E_BAD_CONFIG,
		    "store \"%s\": this user cannot write to data.mdb", store->path);
	return owns_role ? take_over(store, err) : FL_OK;
}

enum fl_code
fl_store_open(const char *path, const struct fl_store_options *options, struct fl_store **store,
    struct fl_err *err)
{
	struct fl_store *s = fl_calloc(1, sizeof(*s));
	enum fl_code code;

	s->path = fl_strdup(path);
	s->lock_fd = -1;
#ifndef __SANITIZE_ADDRESS__ /* it reports them itself */
	(void)pthread_once(&faults_caught, catch_faults);
#endif
	(void)pthread_mutex_lock(&registry_lock);
	code = open_store(s, options, err);
	(void)pthread_mutex_unlock(&registry_lock);
	if (code != FL_OK) {
		fl_store_close(&s);
		return code;
	}
	*store = s;
	return FL_OK;
}

void
fl_store_close(struct fl_store **store)
{
	struct fl_store *s = *store;

	if (s == NULL)
		return;
	(void)pthread_mutex_lock(&registry_lock);
	if (s->env != NULL)
		release_env(s->env);
	(void)pthread_mutex_unlock(&registry_lock);
	if (s->lock_fd >= 0)
		close(s->lock_fd); /* this drops the role's lock */
	free(s->path);
	free(s);
	*store = NULL;
}

enum fl_code
fl_store_lock(const char *path, int *fd, struct fl_err *err)
{
	ino_t ino;

	return lock_role(path, false, fd, &ino, err);
}

enum fl_code
fl_store_remove(const char *path, struct fl_err *err)
{
	char gone[4096], parent[4096];
	int native;

	if ((size_t)snprintf(gone, sizeof(gone), "%s.gone", path) >= sizeof(gone))
		return FL_FAIL(err, FL_E_BAD_CONFIG, "store \"%s\": the path is too long", path);
	fl_dir_of(path, parent, sizeof(parent));
	/* An earlier attempt may have ended halfway. */
	native = remove_env(gone);
	if (native == 0 && rename(path, gone) != 0 && errno != ENOENT)
		native = errno;
	if (native == 0)
		native = fl_dir_sync(parent);
	if (native == 0)
		native = remove_env(gone);
	if (native != 0)
		return FL_FAIL_NATIVE(err, FL_E_IO, native, "store \"%s\": could not remove it: %s",
		    path, strerror(native));
	return FL_OK;
}

const struct fl_store_meta *
fl_store_meta(const struct fl_store *store)
{
	return &store->meta;
}

void
fl_store_size(
    struct fl_store *store, uint64_t *file_size, uint64_t *used_size, uint64_t *map_size)
{
	struct env *env = store->env;
	MDB_cursor *cursor = NULL;
	MDB_txn *txn = NULL;
	MDB_envinfo info;
	MDB_val key, val;
	uint64_t free_pages = 0, pages;
	struct stat st;

	*file_size = fstat(env->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	if (mdb_txn_begin(env->mdb, NULL, MDB_RDONLY, &txn) == 0) {
		/* Database 0 is LMDB's list of free pages: each value begins with a count. */
		if (mdb_cursor_open(txn, 0, &cursor) == 0) {
			while (mdb_cursor_get(cursor, &key, &val, MDB_NEXT) == 0) {
				size_t count = 0;

				if (val.mv_size >= sizeof(count))
					memcpy(&count, val.mv_data, sizeof(count));
				free_pages += count;
			}
			mdb_cursor_close(cursor);
		}
		mdb_txn_abort(txn);
	}
	(void)mdb_env_info(env->mdb, &info);
	pages = info.me_last_pgno + 1;
	*used_size = (pages > free_pages ? pages - free_pages : 0) * env->page_size;
	*map_size = info.me_mapsize;
}

/* Alarms at 70, 85 and 95 % of the map, each once until the store is below it again. */
static void
watch_map(struct fl_store *store)
{
	static const uint32_t alarms[] = { 70, 85, 95 };
	struct env *env = store->env;
	uint64_t file_size, used_size, map_size;
	uint32_t percent, level = 0;
	MDB_envinfo info;

	/* The list of free pages is read only where it can matter. */
	if (mdb_env_info(env->mdb, &info) != 0 ||
	    ((uint64_t)info.me_last_pgno + 1) * env->page_size < info.me_mapsize / 100 * alarms[0]) {
		store->alarm = 0;
		return;
	}
	fl_store_size(store, &file_size, &used_size, &map_size);
	percent = (uint32_t)(used_size / (map_size / 100));
	while (level < FL_ARRAY_COUNT(alarms) && percent >= alarms[level])
		level++;
	if (level > store->alarm)
		fl_warn("store fills its map store=%s used_percent=%u map_bytes=%" PRIu64, store->path,
		    percent, map_size);
	store->alarm = level;
}

/* Pages once read stay mapped, up to the whole file: what is resident then says nothing
 * about a process.  They only leave its page tables; the page cache keeps them, so
 * neighbours may go too.  They must: a fault maps what the page cache has of the whole
 * window around it, and what is left of these adds up to the file again. */
static void
forget_pages(const struct env *env, uintptr_t begin, uintptr_t end)
{
	begin = FL_MAX(begin / STORE_FAULT_AROUND * STORE_FAULT_AROUND, env->map);
	end = FL_MIN(FL_ROUND_UP(end, STORE_FAULT_AROUND), env->map_end);
	if (env->map != 0 && end > begin)
		(void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/*
 * Called at the end of each transaction.  Its tree lay in pages that no later one may
 * look at again (each commit writes them elsewhere), so they go from time to time.  That
 * walks the page table of the whole store, hence less often if it is large: the cost for
 * a transaction stays the same.
 */
static void
forget_tree(struct env *env)
{
	uint32_t since = atomic_fetch_add_explicit(&env->txns_since, 1, memory_order_relaxed) + 1;
	uint64_t used;
	MDB_envinfo info;

	if (since < STORE_FORGET_TXNS || mdb_env_info(env->mdb, &info) != 0)
		return;
	used = (info.me_last_pgno + 1) * env->page_size;
	if (since < used / STORE_FORGET_SIZE)
		return;
	atomic_store_explicit(&env->txns_since, 0, memory_order_relaxed);
	forget_pages(env, env->map, env->map + used);
}

enum fl_code
fl_store_tend(struct fl_store *store, struct fl_err *err)
{
	struct env *env = store->env;
	char file[4096];
	struct stat st, own;
	int rc, dead = 0;

	rc = mdb_reader_check(env->mdb, &dead);
	if (rc != 0)
		return fail_mdb(err, store->path, env->fd, "check its readers", rc);
	watch_map(store);
	if (dead > 0)
		fl_info("dead readers cleared store=%s count=%d", store->path, dead);
	(void)snprintf(file, sizeof(file), "%s/lock.mdb", store->path);
	if (stat(file, &st) != 0 || st.st_ino != env->lock_ino)
		return FL_FAIL(
		    err, FL_E_LOCK_LOST, "store \"%s\": lock.mdb was replaced", store->path);
	(void)snprintf(file, sizeof(file), "%s/data.mdb", store->path);
	if (fstat(env->fd, &own) != 0 || stat(file, &st) != 0 || st.st_ino != own.st_ino ||
	    st.st_dev != own.st_dev)
		return FL_FAIL(
		    err, FL_E_LOCK_LOST, "store \"%s\": data.mdb was replaced", store->path);
	if (store->lock_fd < 0)
		return FL_OK;
	(void)snprintf(file, sizeof(file), "%s.lock", store->path);
	if (stat(file, &st) != 0 || st.st_ino != store->lock_ino)
		return FL_FAIL(
		    err, FL_E_LOCK_LOST, "store \"%s\": its lock file was replaced", store->path);
	return FL_OK;
}

/* ---- transactions ---- */

static enum fl_code
begin_txn(struct fl_store *store, bool write, struct fl_txn **txn, struct fl_err *err)
{
	struct fl_txn *t;
	MDB_txn *mdb = NULL;
	int rc, dead;

	rc = mdb_txn_begin(store->env->mdb, NULL, write ? 0 : MDB_RDONLY, &mdb);
	if (rc == MDB_READERS_FULL) { /* dead ones keep their places until looked for */
		(void)mdb_reader_check(store->env->mdb, &dead);
		rc = mdb_txn_begin(store->env->mdb, NULL, MDB_RDONLY, &mdb);
	}
	if (rc != 0)
		return fail_mdb(err, store->path, store->env->fd, "begin a transaction", rc);
	t = fl_calloc(1, sizeof(*t));
	t->store = store;
	t->mdb = mdb;
	t->write = write;
	fl_arena_init(&t->arena);
	*txn = t;
	return FL_OK;
}

enum fl_code
fl_txn_begin_read(struct fl_store *store, struct fl_txn **txn, struct fl_err *err)
{
	return begin_txn(store, false, txn, err);
}

enum fl_code
fl_txn_begin_write(struct fl_store *store, struct fl_txn **txn, struct fl_err *err)
{
	struct fl_store_meta meta;
	struct fl_txn *t = NULL;
	enum fl_code code;

	assert(store->write);
	FL_TRY(begin_txn(store, true, &t, err));
	if (store->lock_fd >= 0) {
		code = get_meta(store->env, t->mdb, &meta, err);
		if (code == FL_OK && meta.generation != store->meta.generation)
			code = FL_FAIL(err, FL_E_LOCK_LOST,
			    "store \"%s\": generation %" PRIu64 " writes to it, this is %" PRIu64,
			    store->path, meta.generation, store->meta.generation);
		if (code != FL_OK) {
			fl_txn_abort(&t);
			return code;
		}
	}
	*txn = t;
	return FL_OK;
}

static void
finish_pending(struct fl_txn *txn)
{
	struct pending *p = &txn->pending;
	struct fl_value_head head;

	if (p->head == NULL)
		return;
	memcpy(&head, p->head, sizeof(head));
	if (p->copy != NULL)
		memcpy(p->value, p->copy, head.size);
	seal_checksum(p->head, p->value, head.size);
	memset(p, 0, sizeof(*p));
}

static void
end_txn(struct fl_txn **txn)
{
	struct fl_txn *t = *txn;

	forget_tree(t->store->env);
	fl_arena_fini(&t->arena);
	free(t);
	*txn = NULL;
}

static void
close_cursors(struct fl_txn *txn)
{
	while (txn->cursors != NULL) {
		struct fl_cursor *cursor = txn->cursors;

		fl_cursor_close(&cursor);
	}
}

void
fl_txn_abort(struct fl_txn **txn)
{
	if (*txn == NULL)
		return;
	close_cursors(*txn);
	if ((*txn)->mdb != NULL)
		mdb_txn_abort((*txn)->mdb);
	end_txn(txn);
}

/* Keeps the sparse tail ahead of what LMDB uses. */
static void
extend_file(struct env *env)
{
	MDB_envinfo info;
	uint64_t used;

	if (mdb_env_info(env->mdb, &info) != 0)
		return;
	used = ((uint64_t)info.me_last_pgno + 1) * env->page_size;
	if (env->file_size >= used + STORE_TAIL_SIZE / 2)
		return;
	used = FL_ROUND_UP(used + STORE_TAIL_SIZE, STORE_TAIL_SIZE);
	if (ftruncate(env->fd, (off_t)used) == 0)
		env->file_size = used;
}

/* A commit that failed for another reason than space may have failed in fsync,
 * after which nothing that this process knows of the file is true. */
static void
die_of_commit(const struct fl_txn *txn, const struct fl_err *err)
{
	char text[FL_ERR_TEXT_SIZE + 128];

	fl_error("commit failed, ending store=%s error=\"%s\"", txn->store->path,
	    fl_err_print(err, text, sizeof(text)));
	_exit(fl_code_exit(err->code));
}

enum fl_code
fl_txn_commit(struct fl_txn **txn, struct fl_err *err)
{
	struct fl_txn *t = *txn;
	struct env *env = t->store->env;
	struct fl_err local;
	enum fl_code code;
	int rc;

	if (t->failed.code == FL_OK && t->write) {
		finish_pending(t);
		if (is_disk_full(env->fd))
			(void)FL_FAIL(&t->failed, FL_E_DISK_FULL,
			    "store \"%s\": less than %u MiB are free on its disk",
			    t->store->path, (unsigned)(STORE_DISK_RESERVE >> 20));
		else if (fl_fault(role_table[env->role].commit_before))
			(void)FL_FAIL(&t->failed, FL_E_DISK_FULL,
			    "store \"%s\": commit failed by request", t->store->path);
	}
	if (t->failed.code != FL_OK) {
		code = fail_again(t, err);
		fl_txn_abort(txn);
		return code;
	}
	close_cursors(t);
	changing = t->store->env;
	rc = mdb_txn_commit(t->mdb);
	changing = NULL;
	t->mdb = NULL;
	if (rc != 0) {
		/* Both mean an offset where no page lies. */
		code = fail_mdb(&local, t->store->path, env->fd, "commit", rc == EINVAL ? EFBIG : rc);
		if (t->write && fl_code_class(code) != FL_CLASS_TRANSIENT)
			die_of_commit(t, &local);
		if (err != NULL)
			*err = local;
		end_txn(txn);
		return code;
	}
	if (t->write) {
		(void)fl_fault(role_table[env->role].commit_after);
		extend_file(env);
	}
	end_txn(txn);
	return FL_OK;
}

enum fl_code
fl_txn_end(struct fl_txn **txn, enum fl_code code, struct fl_err *err)
{
	if (code == FL_OK)
		return fl_txn_commit(txn, err);
	fl_txn_abort(txn);
	return code;
}

/* ---- values ---- */

static MDB_dbi
dbi_of(const struct fl_txn *txn, enum fl_dbi dbi)
{
	assert((unsigned)dbi < FL_DBI_COUNT && dbi_table[dbi].role == txn->store->env->role);
	return txn->store->env->dbis[dbi];
}

static MDB_val
key_of(const void *key, size_t key_size)
{
	assert(key_size >= 1 && key_size <= 64);
	return (MDB_val){key_size, (void *)(uintptr_t)key};
}

enum fl_code
fl_txn_reserve(struct fl_txn *txn, enum fl_dbi dbi, const void *key, size_t key_size, uint16_t kind,
    size_t size, void **value, struct fl_err *err)
{
	MDB_val k = key_of(key, key_size), v;
	size_t full_size = sizeof(struct fl_value_head) + size, stored_size;
	int rc;

	if (txn->failed.code != FL_OK)
		return fail_again(txn, err);
	assert(txn->write);
	finish_pending(txn);
	if (full_size > FL_VALUE_SIZE_MAX) {
		struct fl_err failed;

		(void)FL_FAIL(&failed, FL_E_ROW_TOO_LARGE,
		    "store \"%s\": database %s: a value of %zu bytes, at most %u fit",
		    txn->store->path, dbi_table[dbi].name, size,
		    FL_VALUE_SIZE_MAX - (unsigned)sizeof(struct fl_value_head));
		return stick(txn, &failed, err);
	}
	stored_size = class_size(full_size);
	v = (MDB_val){stored_size, NULL};
	changing = txn->store->env;
	rc = mdb_put(txn->mdb, dbi_of(txn, dbi), &k, &v, MDB_RESERVE);
	changing = NULL;
	if (rc != 0)
		return fail_txn(txn, err, "put a value", rc);
	seal_value(v.mv_data, kind, size);
	memset((char *)v.mv_data + full_size, 0, stored_size - full_size);
	txn->pending.head = v.mv_data;
	txn->pending.value = (char *)v.mv_data + sizeof(struct fl_value_head);
	if (((uintptr_t)txn->pending.value & 7) != 0) {
		txn->pending.copy = fl_arena_zalloc(&txn->arena, size);
		*value = txn->pending.copy;
	} else {
		*value = txn->pending.value;
	}
	return FL_OK;
}

enum fl_code
fl_txn_put(struct fl_txn *txn, enum fl_dbi dbi, const void *key, size_t key_size, uint16_t kind,
    const void *value, size_t size, struct fl_err *err)
{
	void *to;

	FL_TRY(fl_txn_reserve(txn, dbi, key, key_size, kind, size, &to, err));
	if (size > 0)
		memcpy(txn->pending.value, value, size);
	txn->pending.copy = NULL;
	finish_pending(txn);
	return FL_OK;
}

/* LMDB gives what a page says, without a look whether it can be. */
static const char *
check_place(const struct fl_txn *txn, const MDB_val *val)
{
	const struct env *env = txn->store->env;
	uintptr_t at = (uintptr_t)val->mv_data, end;
	MDB_envinfo info;

	if (val->mv_data == NULL)
		return "its page holds no values";
	/* What a write transaction changed lies in memory of its own. */
	if (txn->write || env->map == 0 || mdb_env_info(env->mdb, &info) != 0)
		return NULL;
	end = env->map + (info.me_last_pgno + 1) * env->page_size;
	return at < env->map || at > end || val->mv_size > end - at ? "it lies outside of the file" : NULL;
}

/* Checks a value; small ones that lie unaligned in their page are copied. */
static enum fl_code
take_value(struct fl_txn *txn, enum fl_dbi dbi, const MDB_val *key, const MDB_val *val, bool is_hashed,
    struct fl_value_head *head, const void **value, struct fl_err *err)
{
	const char *wrong = check_place(txn, val);

	if (wrong == NULL)
		wrong = is_hashed ? check_head(val, head) : check_value(val, head);
	if (wrong != NULL)
		return fail_value(txn, err, dbi, key, wrong);
	*value = (const char *)val->mv_data + sizeof(*head);
	if (((uintptr_t)*value & 7) != 0)
		*value = fl_arena_dup(&txn->arena, *value, head->size);
	return FL_OK;
}

static enum fl_code
get_value(struct fl_txn *txn, enum fl_dbi dbi, const void *key, size_t key_size, bool is_hashed,
    bool *found, struct fl_value_head *head, const void **value, struct fl_err *err)
{
	MDB_val k = key_of(key, key_size), v = {0, NULL};
	int rc;

	if (txn->failed.code != FL_OK)
		return fail_again(txn, err);
	finish_pending(txn);
	rc = mdb_get(txn->mdb, dbi_of(txn, dbi), &k, &v);
	*found = rc == 0;
	if (rc == MDB_NOTFOUND)
		return FL_OK;
	if (rc != 0)
		return fail_txn(txn, err, "get a value", rc);
	return take_value(txn, dbi, &k, &v, is_hashed, head, value, err);
}

enum fl_code
fl_txn_get(struct fl_txn *txn, enum fl_dbi dbi, const void *key, size_t key_size, bool *found,
    uint16_t *kind, const void **value, size_t *size, struct fl_err *err)
{
	struct fl_value_head head;

	FL_TRY(get_value(txn, dbi, key, key_size, false, found, &head, value, err));
	if (!*found)
		return FL_OK;
	*size = head.size;
	if (kind != NULL)
		*kind = head.kind;
	return FL_OK;
}

enum fl_code
fl_txn_get_hashed(struct fl_txn *txn, enum fl_dbi dbi, const void *key, size_t key_size,
    bool *found, const void **value, size_t *size, struct fl_err *err)
{
	struct fl_value_head head;

	FL_TRY(get_value(txn, dbi, key, key_size, true, found, &head, value, err));
	if (*found)
		*size = head.size;
	return FL_OK;
}

void
fl_txn_forget(struct fl_txn *txn, const void *value, size_t size)
{
	/* Smaller ones share pages with others. */
	if (size > STORE_INLINE_SIZE)
		forget_pages(txn->store->env, (uintptr_t)value, (uintptr_t)value + size);
}

enum fl_code
fl_txn_del(
    struct fl_txn *txn, enum fl_dbi dbi, const void *key, size_t key_size, struct fl_err *err)
{
	MDB_val k = key_of(key, key_size);
	int rc;

	if (txn->failed.code != FL_OK)
		return fail_again(txn, err);
	assert(txn->write);
	finish_pending(txn);
	changing = txn->store->env;
	rc = mdb_del(txn->mdb, dbi_of(txn, dbi), &k, NULL);
	changing = NULL;
	if (rc != 0 && rc != MDB_NOTFOUND)
		return fail_txn(txn, err, "delete a value", rc);
	return FL_OK;
}

uint64_t
fl_txn_count(struct fl_txn *txn, enum fl_dbi dbi)
{
	MDB_stat st;

	if (txn->failed.code != FL_OK || mdb_stat(txn->mdb, dbi_of(txn, dbi), &st) != 0)
		return 0;
	return st.ms_entries;
}

/* ---- cursors ---- */

enum fl_code
fl_cursor_open(struct fl_txn *txn, enum fl_dbi dbi, struct fl_cursor **cursor, struct fl_err *err)
{
	struct fl_cursor *c;
	MDB_cursor *mdb;
	int rc;

	if (txn->failed.code != FL_OK)
		return fail_again(txn, err);
	rc = mdb_cursor_open(txn->mdb, dbi_of(txn, dbi), &mdb);
	if (rc != 0)
		return fail_txn(txn, err, "open a cursor", rc);
	c = fl_calloc(1, sizeof(*c));
	c->txn = txn;
	c->dbi = dbi;
	c->mdb = mdb;
	c->next = txn->cursors;
	c->prev_next = &txn->cursors;
	if (c->next != NULL)
		c->next->prev_next = &c->next;
	txn->cursors = c;
	*cursor = c;
	return FL_OK;
}

void
fl_cursor_close(struct fl_cursor **cursor)
{
	struct fl_cursor *c = *cursor;

	if (c == NULL)
		return;
	*c->prev_next = c->next;
	if (c->next != NULL)
		c->next->prev_next = c->prev_next;
	mdb_cursor_close(c->mdb);
	free(c);
	*cursor = NULL;
}

static enum fl_code
move_cursor(struct fl_cursor *cursor, MDB_val *key, MDB_cursor_op op, bool *found,
    struct fl_item *item, struct fl_err *err)
{
	struct fl_txn *txn = cursor->txn;
	struct fl_value_head head;
	const void *value;
	MDB_val v = {0, NULL};
	int rc;

	if (txn->failed.code != FL_OK)
		return fail_again(txn, err);
	finish_pending(txn);
	rc = mdb_cursor_get(cursor->mdb, key, &v, op);
	if (rc == MDB_NOTFOUND) {
		*found = false;
		return FL_OK;
	}
	if (rc != 0)
		return fail_txn(txn, err, "move a cursor", rc);
	FL_TRY(take_value(txn, cursor->dbi, key, &v, false, &head, &value, err));
	*item = (struct fl_item){.key = key->mv_data,
	    .key_size = key->mv_size,
	    .value = value,
	    .size = head.size,
	    .kind = head.kind};
	*found = true;
	return FL_OK;
}

enum fl_code
fl_cursor_seek(struct fl_cursor *cursor, const void *key, size_t key_size, bool *found,
    struct fl_item *item, struct fl_err *err)
{
	MDB_val k = {0, NULL};

	if (key == NULL)
		return move_cursor(cursor, &k, MDB_FIRST, found, item, err);
	k = key_of(key, key_size);
	return move_cursor(cursor, &k, MDB_SET_RANGE, found, item, err);
}

enum fl_code
fl_cursor_next(struct fl_cursor *cursor, bool *found, struct fl_item *item, struct fl_err *err)
{
	MDB_val k = {0, NULL};

	return move_cursor(cursor, &k, MDB_NEXT, found, item, err);
}

enum fl_code
fl_cursor_last(struct fl_cursor *cursor, bool *found, struct fl_item *item, struct fl_err *err)
{
	MDB_val k = {0, NULL};

	return move_cursor(cursor, &k, MDB_LAST, found, item, err);
}

uint64_t
fl_key_get_u64(const uint8_t *key)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | key[i];
	return v;
}

uint32_t
fl_key_get_u32(const uint8_t *key)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 8 | key[i];
	return v;
}
