/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.h - memory whose lifetime has a name.
 *
 * fl_malloc() and friends never return NULL: out of memory prints one line and
 * ends the process with exit 75, which is safe because every instant is.
 * An arena holds what lives as long as a query, a step or a command; it is
 * reset, never freed piecewise.  A buf is a growing byte string.
 */
#ifndef FL_BASE_MEM_H
#define FL_BASE_MEM_H

#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

void *fl_malloc(size_t size);
void *fl_calloc(size_t count, size_t size);
void *fl_realloc(void *p, size_t size);
char *fl_strdup(const char *s);
/* Takes so much memory from the system for what will be allocated later.  The programs'
 * allocator keeps it; another may give it back. */
void fl_mem_reserve(size_t size);

struct fl_arena_chunk;
struct fl_arena {
	struct fl_arena_chunk *head; /* newest chunk */
	char *at, *end;		     /* free space of it */
	size_t used_size;	     /* bytes handed out since the last reset */
};

void fl_arena_init(struct fl_arena *arena);
void fl_arena_fini(struct fl_arena *arena);
/* Forgets everything; keeps the largest chunk for the next round. */
void fl_arena_reset(struct fl_arena *arena);
void *fl_arena_alloc(struct fl_arena *arena, size_t size); /* 16-byte aligned, not zeroed */
void *fl_arena_zalloc(struct fl_arena *arena, size_t size);
void *fl_arena_dup(struct fl_arena *arena, const void *p, size_t size);
char *fl_arena_strdup(struct fl_arena *arena, const char *s);
char *fl_arena_strndup(struct fl_arena *arena, const char *s, size_t len); /* adds NUL */
char *fl_arena_printf(struct fl_arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#define FL_ARENA_NEW(arena, type) ((type *)fl_arena_zalloc((arena), sizeof(type)))
#define FL_ARENA_ARRAY(arena, type, n) \
	((type *)fl_arena_zalloc((arena), sizeof(type) * (size_t)(n)))

struct fl_buf {
	char *data;	/* NUL-terminated whenever non-NULL */
	size_t size;	/* bytes used, without that NUL */
	size_t capacity;
};

void fl_buf_init(struct fl_buf *buf);
void fl_buf_fini(struct fl_buf *buf);
void fl_buf_reset(struct fl_buf *buf);
void fl_buf_reserve(struct fl_buf *buf, size_t more); /* room for more bytes + NUL */
void fl_buf_add(struct fl_buf *buf, const void *p, size_t size);
void fl_buf_byte(struct fl_buf *buf, char c);
void fl_buf_str(struct fl_buf *buf, const char *s);
void fl_buf_i64(struct fl_buf *buf, int64_t v); /* decimal */
void fl_buf_printf(struct fl_buf *buf, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; invalid UTF-8 becomes U+FFFD. */
void fl_buf_json(struct fl_buf *buf, const char *s, size_t len);
/* A name in SQL: "a""b". */
void fl_buf_sql_name(struct fl_buf *buf, const char *name);
/* Base64, standard alphabet with padding. */
void fl_buf_base64(struct fl_buf *buf, const void *p, size_t size);
/* The other way; false: text is no base64, as fl_buf_base64() writes it. */
bool fl_buf_unbase64(struct fl_buf *buf, const char *text, size_t size);

#endif
