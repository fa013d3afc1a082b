/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mem.c - arenas, growing buffers, and an allocator that never returns NULL.
 *
 * An arena is a list of chunks, newest first.  Chunks double from 4 KiB to 1 MiB;
 * a larger request gets a chunk of its own size.  A reset keeps the largest chunk,
 * so a step that looks like the one before allocates nothing.
 */
#include "base/mem.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/utf8.h"

/*
 * What jemalloc, where a program is linked with it, reads at its start; the
 * environment's MALLOC_CONF goes over it.  Records are allocated by librdkafka's
 * threads and freed by ours, by the million: one arena and long thread caches make
 * that cheap.  Pages are kept, not given back and faulted in again; and a large free
 * run may be split for small things, else it would be kept beside ever new ones.
 *
 * flightctl, which lives for a moment and reads much at once, has settings of its own.
 */
extern const char *malloc_conf;
__attribute__((weak)) const char *malloc_conf =
    "dirty_decay_ms:-1,muzzy_decay_ms:-1,lg_extent_max_active_fit:30,"
    "narenas:1,tcache_nslots_small_max:2000,lg_tcache_nslots_mul:4";

#define ARENA_CHUNK_MIN 4096u
#define ARENA_CHUNK_MAX (1u << 20)
#define ARENA_ALIGN 16u
#define CHUNK_HEAD_SIZE 16u
#define RESERVE_PART (4u << 20) /* jemalloc gives back at once what has 8 MiB and more */
#define RESERVE_PARTS_MAX 64u
#define RESERVE_PAGE 4096u

struct fl_arena_chunk {
	struct fl_arena_chunk *next;
	size_t size; /* of the whole chunk */
};
_Static_assert(sizeof(struct fl_arena_chunk) <= CHUNK_HEAD_SIZE, "data starts aligned");

/* Ends the process: any instant is safe to die at, and the supervisor starts it again. */
static void __attribute__((noreturn))
die_of_memory(size_t size)
{
	char text[96];
	int n = snprintf(text, sizeof(text), "error out of memory size_bytes=%zu\n", size);

	if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0)
		n = 0;
	_exit(75);
}

void *
fl_malloc(size_t size)
{
	void *p = malloc(size == 0 ? 1 : size);

	if (p == NULL)
		die_of_memory(size);
	return p;
}

void *
fl_calloc(size_t count, size_t size)
{
	void *p = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);

	if (p == NULL)
		die_of_memory(count * size);
	return p;
}

void *
fl_realloc(void *old, size_t size)
{
	void *p = realloc(old, size == 0 ? 1 : size);

	if (p == NULL)
		die_of_memory(size);
	return p;
}

char *
fl_strdup(const char *s)
{
	size_t size = strlen(s) + 1;

	return memcpy(fl_malloc(size), s, size);
}

void
fl_mem_reserve(size_t size)
{
	void *parts[RESERVE_PARTS_MAX];
	size_t count = 0;

	while (count < RESERVE_PARTS_MAX && count < size / RESERVE_PART) {
		volatile char *part = fl_malloc(RESERVE_PART);

		for (size_t at = 0; at < RESERVE_PART; at += RESERVE_PAGE)
			part[at] = 0;
		parts[count++] = (void *)(uintptr_t)part;
	}
	while (count > 0)
		free(parts[--count]);
}

void
fl_arena_init(struct fl_arena *arena)
{
	memset(arena, 0, sizeof(*arena));
}

void
fl_arena_fini(struct fl_arena *arena)
{
	struct fl_arena_chunk *chunk, *next;

	for (chunk = arena->head; chunk != NULL; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
	memset(arena, 0, sizeof(*arena));
}

static void
use_chunk(struct fl_arena *arena, struct fl_arena_chunk *chunk)
{
	arena->head = chunk;
	arena->at = (char *)chunk + CHUNK_HEAD_SIZE;
	arena->end = (char *)chunk + chunk->size;
}

void
fl_arena_reset(struct fl_arena *arena)
{
	struct fl_arena_chunk *chunk, *next, *keep = NULL;

	for (chunk = arena->head; chunk != NULL; chunk = next) {
		next = chunk->next;
		if (keep == NULL || chunk->size > keep->size) {
			free(keep);
			keep = chunk;
		} else {
			free(chunk);
		}
	}
	memset(arena, 0, sizeof(*arena));
	if (keep != NULL) {
		keep->next = NULL;
		use_chunk(arena, keep);
	}
}

static void
grow_arena(struct fl_arena *arena, size_t size)
{
	struct fl_arena_chunk *chunk;
	size_t want = arena->head == NULL ? ARENA_CHUNK_MIN : arena->head->size * 2;

	if (want > ARENA_CHUNK_MAX)
		want = ARENA_CHUNK_MAX;
	if (want < size + CHUNK_HEAD_SIZE)
		want = size + CHUNK_HEAD_SIZE;
	chunk = fl_malloc(want);
	chunk->size = want;
	chunk->next = arena->head;
	use_chunk(arena, chunk);
}

static void *
take_room(struct fl_arena *arena, size_t size, size_t align)
{
	size_t pad = -(uintptr_t)arena->at & (align - 1);
	char *p;

	if (size > SIZE_MAX / 2)
		die_of_memory(size);
	if ((size_t)(arena->end - arena->at) < size + pad) {
		grow_arena(arena, size);
		pad = 0;
	}
	p = arena->at + pad;
	arena->at = p + size;
	arena->used_size += size + pad;
	return p;
}

void *
fl_arena_alloc(struct fl_arena *arena, size_t size)
{
	return take_room(arena, size, ARENA_ALIGN);
}

void *
fl_arena_zalloc(struct fl_arena *arena, size_t size)
{
	return memset(fl_arena_alloc(arena, size), 0, size);
}

void *
fl_arena_dup(struct fl_arena *arena, const void *p, size_t size)
{
	void *copy = fl_arena_alloc(arena, size);

	if (size > 0)
		memcpy(copy, p, size);
	return copy;
}

char *
fl_arena_strndup(struct fl_arena *arena, const char *s, size_t len)
{
	char *copy = take_room(arena, len + 1, 1); /* texts lie close together */

	if (len > 0)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

char *
fl_arena_strdup(struct fl_arena *arena, const char *s)
{
	return fl_arena_strndup(arena, s, strlen(s));
}

char *
fl_arena_printf(struct fl_arena *arena, const char *fmt, ...)
{
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		n = 0;
	text = fl_arena_alloc(arena, (size_t)n + 1);
	text[0] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

void
fl_buf_init(struct fl_buf *buf)
{
	memset(buf, 0, sizeof(*buf));
}

void
fl_buf_fini(struct fl_buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}

void
fl_buf_reset(struct fl_buf *buf)
{
	buf->size = 0;
	if (buf->data != NULL)
		buf->data[0] = '\0';
}

void
fl_buf_reserve(struct fl_buf *buf, size_t more)
{
	size_t want;

	if (more > SIZE_MAX / 2 - buf->size - 1)
		die_of_memory(more);
	want = buf->size + more + 1;
	if (want <= buf->capacity)
		return;
	if (want < buf->capacity * 2)
		want = buf->capacity * 2;
	if (want < 64)
		want = 64;
	buf->data = fl_realloc(buf->data, want);
	buf->capacity = want;
}

void
fl_buf_add(struct fl_buf *buf, const void *p, size_t size)
{
	fl_buf_reserve(buf, size);
	if (size > 0)
		memcpy(buf->data + buf->size, p, size);
	buf->size += size;
	buf->data[buf->size] = '\0';
}

void
fl_buf_byte(struct fl_buf *buf, char c)
{
	fl_buf_reserve(buf, 1);
	buf->data[buf->size++] = c;
	buf->data[buf->size] = '\0';
}

void
fl_buf_str(struct fl_buf *buf, const char *s)
{
	fl_buf_add(buf, s, strlen(s));
}

void
fl_buf_i64(struct fl_buf *buf, int64_t v)
{
	uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
	char text[24], *at = text + sizeof(text);

	do
		*--at = (char)('0' + rest % 10);
	while ((rest /= 10) > 0);
	if (v < 0)
		*--at = '-';
	fl_buf_add(buf, at, (size_t)(text + sizeof(text) - at));
}

void
fl_buf_printf(struct fl_buf *buf, const char *fmt, ...)
{
	va_list ap;
	size_t room;
	int n;

	fl_buf_reserve(buf, 32); /* mostly enough: then one pass does it */
	room = buf->capacity - buf->size;
	va_start(ap, fmt);
	n = vsnprintf(buf->data + buf->size, room, fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n >= room) {
		fl_buf_reserve(buf, (size_t)n);
		va_start(ap, fmt);
		(void)vsnprintf(buf->data + buf->size, (size_t)n + 1, fmt, ap);
		va_end(ap);
	}
	if (n > 0)
		buf->size += (size_t)n;
	buf->data[buf->size] = '\0';
}

/* Stands for itself in JSON. */
static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

void
fl_buf_json(struct fl_buf *buf, const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i = 0, n;

	fl_buf_reserve(buf, len + 2);
	fl_buf_byte(buf, '"');
	while (i < len) {
		unsigned char c = p[i];

		for (n = i; n < len && is_plain(p[n]);)
			n++;
		if (n > i) {
			fl_buf_add(buf, p + i, n - i);
			i = n;
		} else if (c == '"' || c == '\\') {
			fl_buf_byte(buf, '\\');
			fl_buf_byte(buf, (char)c);
			i++;
		} else if (c == '\n' || c == '\t' || c == '\r') {
			fl_buf_byte(buf, '\\');
			fl_buf_byte(buf, c == '\n' ? 'n' : c == '\t' ? 't' : 'r');
			i++;
		} else if (c < 0x20) {
			fl_buf_printf(buf, "\\u%04x", c);
			i++;
		} else if ((n = fl_utf8_size(p + i, len - i)) > 0) {
			fl_buf_add(buf, p + i, n);
			i += n;
		} else {
			fl_buf_add(buf, "\xef\xbf\xbd", 3);
			i++;
		}
	}
	fl_buf_byte(buf, '"');
}

void
fl_buf_sql_name(struct fl_buf *buf, const char *name)
{
	fl_buf_byte(buf, '"');
	for (; *name != '\0'; name++) {
		if (*name == '"')
			fl_buf_byte(buf, '"');
		fl_buf_byte(buf, *name);
	}
	fl_buf_byte(buf, '"');
}

void
fl_buf_base64(struct fl_buf *buf, const void *bytes, size_t size)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = bytes;
	size_t i;

	fl_buf_reserve(buf, (size + 2) / 3 * 4);
	for (i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
		    (left > 2 ? p[i + 2] : 0);
		char out[4] = {digits[v >> 18], digits[v >> 12 & 63],
		    left > 1 ? digits[v >> 6 & 63] : '=', left > 2 ? digits[v & 63] : '='};

		fl_buf_add(buf, out, 4);
	}
}

static int
base64_digit(char c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' : c >= 'a' && c <= 'z' ? c - 'a' + 26 :
	    c >= '0' && c <= '9' ? c - '0' + 52 : c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool
fl_buf_unbase64(struct fl_buf *buf, const char *text, size_t size)
{
	if (size % 4 != 0)
		return false;
	for (size_t i = 0; i < size; i += 4) {
		bool is_last = i + 4 == size;
		int pads = !is_last ? 0 : text[i + 2] == '=' && text[i + 3] == '=' ? 2 : text[i + 3] == '=';
		uint32_t v = 0;

		for (int k = 0; k < 4; k++) {
			int digit = k >= 4 - pads ? 0 : base64_digit(text[i + (size_t)k]);

			if (digit < 0)
				return false;
			v = v << 6 | (uint32_t)digit;
		}
		for (int k = 0; k < 3 - pads; k++)
			fl_buf_byte(buf, (char)(v >> (16 - 8 * k)));
	}
	return true;
}
