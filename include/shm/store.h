/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - LMDB environments, the way this engine uses them.
 *
 * A store is one LMDB environment.  Exactly one program writes to it; any
 * number read.  That is why no stage ever waits for another stage's lock.
 * lmdb.h is included in store.c only.
 *
 * Every value begins with struct fl_value_head, and is checked when it is got.
 * A transaction is sticky: after its first failure puts and gets do nothing but
 * return that failure, and commit refuses.
 *
 * Process: open after exec(), never carry a handle over fork().  A second open of
 *	    the same path in one process shares the environment (LMDB would not
 *	    notice): that is how `flightctl run` holds writer and readers.
 * Thread:  a transaction belongs to the thread that began it.  One write
 *	    transaction per store at a time.
 * Memory:  bytes returned by get lie in the map (small ones may be a copy): read-only,
 *	    8-aligned, valid until the transaction ends; in a write transaction until
 *	    its next put, reserve, del or clear.  What is put must not come from a get
 *	    of the same write transaction.
 * Errors:  any call may give STORE_IO, STORE_DAMAGED, DISK_FULL, STORE_FULL.
 */
#ifndef FL_SHM_STORE_H
#define FL_SHM_STORE_H

#include <assert.h>

#include "base/util.h"

struct fl_store;
struct fl_txn;

enum fl_role { FL_ROLE_CATALOG, FL_ROLE_INGEST, FL_ROLE_PIPELINE, FL_ROLE_EMIT };

/* Named databases.  FL_DBI(name, role) rows: tbl/dbis.h */
enum fl_dbi {
#define FL_DBI(role, name) FL_DBI_##role##_##name,
#include "tbl/dbis.h"
#undef FL_DBI
	FL_DBI_COUNT,
};

#define FL_VALUE_MAGIC 0x4c564c46u /* "FLVL" */
struct fl_value_head {
	uint32_t magic;
	uint16_t version;
	uint16_t kind;	   /* free for the DBI's owner */
	uint32_t size;	   /* bytes after this head */
	uint32_t reserved;
	uint64_t checksum; /* XXH3 of the bytes after this head */
};
static_assert(sizeof(struct fl_value_head) == 24, "the value head is a file format");
/* Largest value, head included: a page-exact LMDB run of 1 MiB. */
#define FL_VALUE_SIZE_MAX ((1u << 20) - 16)

struct fl_store_meta { /* the one value under "meta" */
	struct fl_uuid store, instance;
	uint64_t generation; /* raised by each opening for writing */
	int64_t created_ms;
	uint32_t role, format;
	uint64_t hash_seed;
	char build[64];
};

struct fl_store_options {
	enum fl_role role;
	bool write;		/* take the role's lock, raise the generation */
	bool create;		/* make it if absent (atomically, by rename) */
	uint64_t map_size;	/* 0: 64 GiB */
	struct fl_uuid instance; /* must match unless all zero; stored on create */
};

/*
 * Opens a store.  Takes an OFD lock on path.lock (never deleted) when write; not for
 * the catalog, the one store with several writers, where LMDB's own lock suffices.
 *
 * Errors:  NO_SUCH_OBJECT   absent and not create (a reader may wait for it)
 *	    ALREADY_RUNNING  another process writes to it
 *	    STORE_VERSION, STORE_MISMATCH, STORE_DAMAGED
 */
enum fl_code fl_store_open(const char *path, const struct fl_store_options *options,
    struct fl_store **store, struct fl_err *err);
void fl_store_close(struct fl_store **store);
/* Holds the lock of a store's writer while there may be none; close(fd) gives it up.
 * Errors: ALREADY_RUNNING. */
enum fl_code fl_store_lock(const char *path, int *fd, struct fl_err *err);
/* Takes a store away, for one who holds its lock; it is there whole or not at all, whenever
 * the power fails.  None is fine.  Errors: IO. */
enum fl_code fl_store_remove(const char *path, struct fl_err *err);
const struct fl_store_meta *fl_store_meta(const struct fl_store *store);
/* Bytes of the data file, of its pages that hold something, and of the map. */
void fl_store_size(
    struct fl_store *store, uint64_t *file_size, uint64_t *used_size, uint64_t *map_size);
/* Writers call this once a second: clears dead readers, checks the lock file. Errors: LOCK_LOST. */
enum fl_code fl_store_tend(struct fl_store *store, struct fl_err *err);

enum fl_code fl_txn_begin_read(struct fl_store *store, struct fl_txn **txn, struct fl_err *err);
/* Errors: LOCK_LOST when the generation in the store is not ours any more. */
enum fl_code fl_txn_begin_write(struct fl_store *store, struct fl_txn **txn, struct fl_err *err);
/* Ends the transaction in every case and sets *txn to NULL.  A full disk gives
 * DISK_FULL (retry the whole transaction); a failed fsync never returns: exit 70.
 * Fault seams: commit.before.P and commit.after.P, P = catalog, ingest, aggregate, emit;
 * open.before.P, open.after.P; create.made, create.written, create.renamed. */
enum fl_code fl_txn_commit(struct fl_txn **txn, struct fl_err *err);
void fl_txn_abort(struct fl_txn **txn); /* read or write; NULL is fine */
/* Commits if all went well (code is FL_OK), else aborts; returns what came of it. */
enum fl_code fl_txn_end(struct fl_txn **txn, enum fl_code code, struct fl_err *err);

/* Keys are 1 to 64 bytes, compared as bytes. */
enum fl_code fl_txn_put(struct fl_txn *txn, enum fl_dbi dbi, const void *key, size_t key_size,
    uint16_t kind, const void *value, size_t size, struct fl_err *err);
/* Reserves size bytes for the caller to fill before the next call on txn; the
 * checksum is taken then.  What is written should be zeroed where unused. */
enum fl_code fl_txn_reserve(struct fl_txn *txn, enum fl_dbi dbi, const void *key,
    size_t key_size, uint16_t kind, size_t size, void **value, struct fl_err *err);
/* found false: no such key.  kind may be NULL. */
enum fl_code fl_txn_get(struct fl_txn *txn, enum fl_dbi dbi, const void *key, size_t key_size,
    bool *found, uint16_t *kind, const void **value, size_t *size, struct fl_err *err);
/* As fl_txn_get(), of a value that holds a hash of its own, which the caller checks: the
 * checksum would say the same once more. */
enum fl_code fl_txn_get_hashed(struct fl_txn *txn, enum fl_dbi dbi, const void *key,
    size_t key_size, bool *found, const void **value, size_t *size, struct fl_err *err);
/* The value is not needed any more: its pages leave this process's memory, though not the
 * page cache.  Reading it again is allowed and costs page faults. */
void fl_txn_forget(struct fl_txn *txn, const void *value, size_t size);
enum fl_code fl_txn_del(
    struct fl_txn *txn, enum fl_dbi dbi, const void *key, size_t key_size, struct fl_err *err);
uint64_t fl_txn_count(struct fl_txn *txn, enum fl_dbi dbi); /* entries */

struct fl_cursor; /* a position in a DBI; dies with its transaction or by close */
enum fl_code fl_cursor_open(
    struct fl_txn *txn, enum fl_dbi dbi, struct fl_cursor **cursor, struct fl_err *err);
void fl_cursor_close(struct fl_cursor **cursor);
struct fl_item {
	const void *key, *value;
	size_t key_size, size;
	uint16_t kind;
};
/* First entry with key >= given (NULL: the first).  found false: none. */
enum fl_code fl_cursor_seek(struct fl_cursor *cursor, const void *key, size_t key_size,
    bool *found, struct fl_item *item, struct fl_err *err);
enum fl_code fl_cursor_next(
    struct fl_cursor *cursor, bool *found, struct fl_item *item, struct fl_err *err);
enum fl_code fl_cursor_last(
    struct fl_cursor *cursor, bool *found, struct fl_item *item, struct fl_err *err);

/* Keys are big-endian numbers so that byte order is number order. */
static inline void
fl_key_u64(uint8_t *key, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		key[i] = (uint8_t)v;
}
static inline void
fl_key_u32(uint8_t *key, uint32_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		key[i] = (uint8_t)v;
}
uint64_t fl_key_get_u64(const uint8_t *key);
uint32_t fl_key_get_u32(const uint8_t *key);

#endif
