/* SPDX-License-Identifier: Apache-2.0 */
/*
 * table.c - open addressing with linear probing over dense entries.
 *
 * A slot is 8 bytes: half of the hash as a tag beside the entry's index, so that
 * a miss almost never touches an entry.  Keys of up to 16 bytes are two words:
 * hashing is two multiplications and comparing is two compares, whatever the
 * columns are.  The hash spreads all its bits (folded 64x64 multiplication);
 * a weak one costs far more than it saves.
 */
#include "aggregate/table.h"

#include <stdlib.h>

#include "base/util.h"

#define SLOTS_AHEAD 12u /* keys hash anywhere: the slots of later ones are on their way */

void
table_init(struct table *table, uint32_t row_size)
{
	memset(table, 0, sizeof(*table));
	table->stride = (uint32_t)sizeof(struct table_entry) + row_size;
	assert(table->stride % 8 == 0);
}

void
table_fini(struct table *table)
{
	free(table->entries);
	free(table->slots);
	free(table->heap.data);
	memset(table, 0, sizeof(*table));
}

const char *
table_key(const struct table *table, const struct table_entry *entry)
{
	return entry->key_size <= TABLE_INLINE ? (const char *)entry->key :
						 table->heap.data + entry->key[0];
}

static inline uint64_t
fold_mul(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t
hash_inline(uint64_t k0, uint64_t k1, uint32_t size)
{
	uint64_t h = fold_mul(k0 ^ UINT64_C(0xa0761d6478bd642f), k1 ^ UINT64_C(0xe7037ed1a0b428db));

	return fold_mul(h ^ UINT64_C(0x8ebc6af09c88c6e3), size ^ UINT64_C(0x589965cc75374cc3));
}

/* Up to 14 bytes as two words, never reading outside [p, p + size). */
static inline void
load_short(const char *p, uint32_t size, uint64_t *lo, uint64_t *hi)
{
	uint64_t a = 0, b = 0;

	if (size >= 8) {
		memcpy(&a, p, 8);
		if (size > 8) {
			memcpy(&b, p + size - 8, 8);
			b >>= 8 * (16 - size);
		}
	} else if (size >= 4) {
		uint32_t x, y;

		memcpy(&x, p, 4);
		memcpy(&y, p + size - 4, 4);
		a = x | (uint64_t)y << (8 * (size - 4));
	} else if (size > 0) {
		a = (uint8_t)p[0] | (uint64_t)(uint8_t)p[size / 2] << (8 * (size / 2)) |
		    (uint64_t)(uint8_t)p[size - 1] << (8 * (size - 1));
	}
	*lo = a;
	*hi = b;
}

static void
grow_keys(struct table_keys *keys, uint32_t count)
{
	if (count <= keys->capacity)
		return;
	keys->capacity = count;
	keys->hash = fl_realloc(keys->hash, count * sizeof(uint64_t));
	keys->k0 = fl_realloc(keys->k0, count * sizeof(uint64_t));
	keys->k1 = fl_realloc(keys->k1, count * sizeof(uint64_t));
	keys->size = fl_realloc(keys->size, count * sizeof(uint32_t));
	keys->at = fl_realloc(keys->at, count * sizeof(uint32_t));
}

void
table_keys_fini(struct table_keys *keys)
{
	free(keys->hash);
	free(keys->k0);
	free(keys->k1);
	free(keys->size);
	free(keys->at);
	fl_buf_fini(&keys->bytes);
	memset(keys, 0, sizeof(*keys));
}

static void
put_length(struct fl_buf *out, uint32_t v)
{
	while (v >= 128) {
		fl_buf_byte(out, (char)(v | 128));
		v >>= 7;
	}
	fl_buf_byte(out, (char)v);
}

static void
put_value(struct fl_buf *out, const struct fl_col *col, uint32_t row)
{
	uint32_t width = fl_type_width(col->type.id), size;
	const char *p;

	if (!fl_col_is_valid(col, row)) {
		fl_buf_byte(out, 0);
		return;
	}
	fl_buf_byte(out, 1);
	if (width > 0) {
		fl_buf_add(out, (const char *)col->data + (size_t)row * width, width);
		return;
	}
	p = fl_col_str(col, row, &size);
	put_length(out, size);
	fl_buf_add(out, p, size);
}

/* Any columns: the bytes are put together row by row. */
static void
make_generic(struct table_keys *keys, const struct fl_col *cols, uint32_t col_count,
    const uint32_t *order, uint32_t count)
{
	fl_buf_reset(&keys->bytes);
	for (uint32_t k = 0; k < count; k++) {
		size_t at = keys->bytes.size;
		uint64_t words[2] = { 0, 0 };

		for (uint32_t c = 0; c < col_count; c++)
			put_value(&keys->bytes, &cols[c], order[k]);
		keys->size[k] = (uint32_t)(keys->bytes.size - at);
		keys->at[k] = (uint32_t)at;
		if (keys->size[k] > TABLE_INLINE) {
			keys->k0[k] = keys->k1[k] = 0;
			keys->hash[k] = fl_hash64(keys->bytes.data + at, keys->size[k]);
			continue;
		}
		memcpy(words, keys->bytes.data + at, keys->size[k]);
		keys->bytes.size = at; /* inline ones need no bytes */
		keys->k0[k] = words[0];
		keys->k1[k] = words[1];
		keys->hash[k] = hash_inline(words[0], words[1], keys->size[k]);
	}
}

/* One column of strings without NULLs: the usual key. */
static void
make_string(struct table_keys *keys, const struct fl_col *col, const uint32_t *order, uint32_t count)
{
	fl_buf_reset(&keys->bytes);
	for (uint32_t k = 0; k < count; k++) {
		uint32_t size;
		const char *p = fl_col_str(col, order[k], &size);

		if (size <= TABLE_INLINE - 2) {
			uint64_t lo, hi;

			load_short(p, size, &lo, &hi);
			keys->k0[k] = 1 | (uint64_t)size << 8 | lo << 16;
			keys->k1[k] = lo >> 48 | hi << 16;
			keys->size[k] = size + 2;
			keys->hash[k] = hash_inline(keys->k0[k], keys->k1[k], size + 2);
			continue;
		}
		keys->at[k] = (uint32_t)keys->bytes.size;
		put_value(&keys->bytes, col, order[k]);
		keys->size[k] = (uint32_t)keys->bytes.size - keys->at[k];
		keys->k0[k] = keys->k1[k] = 0;
		keys->hash[k] = fl_hash64(keys->bytes.data + keys->at[k], keys->size[k]);
	}
}

/* One fixed-width column without NULLs. */
#define MAKE_FIXED(ctype)                                                              \
	for (uint32_t k = 0; k < count; k++) {                                         \
		uint64_t v = (uint64_t)((const ctype *)col->data)[order[k]];           \
		keys->k0[k] = 1 | v << 8;                                              \
		keys->k1[k] = v >> 56;                                                 \
		keys->size[k] = 1 + (uint32_t)sizeof(ctype);                           \
		keys->hash[k] = hash_inline(keys->k0[k], keys->k1[k], keys->size[k]);  \
	}

void
table_keys_make(struct table_keys *keys, const struct fl_col *cols, uint32_t col_count,
    const uint32_t *order, uint32_t count)
{
	const struct fl_col *col = cols;
	uint32_t width;

	grow_keys(keys, count);
	if (col_count == 0) {
		uint64_t hash = hash_inline(0, 0, 0);

		for (uint32_t k = 0; k < count; k++) {
			keys->k0[k] = keys->k1[k] = 0;
			keys->size[k] = 0;
			keys->hash[k] = hash;
		}
		return;
	}
	width = fl_type_width(col->type.id);
	if (col_count > 1 || col->valid != NULL || width == 16) {
		make_generic(keys, cols, col_count, order, count);
		return;
	}
	switch (width) {
	case 0: make_string(keys, col, order, count); break;
	case 1: MAKE_FIXED(uint8_t); break;
	case 2: MAKE_FIXED(uint16_t); break;
	case 4: MAKE_FIXED(uint32_t); break;
	default: MAKE_FIXED(uint64_t); break;
	}
}

void
table_col_alloc(
    struct fl_col *col, const struct fl_type *type, uint32_t row_count, struct fl_arena *arena)
{
	fl_col_alloc(col, type, row_count, true, arena);
	if (fl_type_is_var(type->id)) /* the const is for readers */
		((uint32_t *)(uintptr_t)col->offsets)[0] = 0;
}

void
table_key_take(struct table_key_reader *r, struct fl_col *out, uint32_t row, struct fl_buf *out_bytes)
{
	uint32_t width = fl_type_width(out->type.id), size = 0;
	bool valid;

	assert(r->at < r->end);
	valid = *r->at++ != 0;
	if (!valid)
		out->valid[row >> 6] &= ~(UINT64_C(1) << (row & 63));
	if (width > 0) {
		if (valid) {
			assert((size_t)(r->end - r->at) >= width);
			memcpy((char *)out->data + (size_t)row * width, r->at, width);
			r->at += width;
		} else {
			memset((char *)out->data + (size_t)row * width, 0, width);
		}
		return;
	}
	if (valid) {
		for (uint32_t shift = 0;; shift += 7) {
			uint8_t b = (uint8_t)*r->at++;

			size |= (uint32_t)(b & 127) << shift;
			if (b < 128)
				break;
		}
		assert((size_t)(r->end - r->at) >= size);
		fl_buf_add(out_bytes, r->at, size);
		r->at += size;
	}
	/* fl_col_alloc() made these offsets; the const is for readers. */
	((uint32_t *)(uintptr_t)out->offsets)[row + 1] = (uint32_t)out_bytes->size;
}

static void
grow_slots(struct table *t)
{
	uint32_t mask;

	t->slot_count = t->slot_count == 0 ? 16 : t->slot_count * 2;
	free(t->slots);
	t->slots = fl_calloc(t->slot_count, sizeof(uint64_t));
	mask = t->slot_count - 1;
	for (uint32_t i = 0; i < t->count; i++) {
		uint64_t hash = table_at(t, i)->hash;
		uint32_t s = (uint32_t)hash & mask;

		if (table_at(t, i)->key_size == TABLE_GONE)
			continue;
		while (t->slots[s] != 0)
			s = (s + 1) & mask;
		t->slots[s] = (hash & UINT64_C(0xffffffff00000000)) | (i + 1);
	}
}

/* A new zeroed entry at the end of its group's chain. */
static struct table_entry *
append_entry(struct table *t, uint64_t hash)
{
	uint32_t group = table_group(hash), i = t->count;
	struct table_entry *e;

	if (i == t->capacity) {
		t->capacity = i == 0 ? 8 : i * 2;
		t->entries = fl_realloc(t->entries, (size_t)t->capacity * t->stride);
	}
	t->count++;
	e = table_at(t, i);
	memset(e, 0, t->stride);
	e->hash = hash;
	if (t->tail[group] == 0)
		t->head[group] = i + 1;
	else
		table_at(t, t->tail[group] - 1)->next = i + 1;
	t->tail[group] = i + 1;
	t->group_count[group]++;
	return e;
}

static uint32_t
add_key(struct table *t, uint32_t slot, const struct table_keys *keys, uint32_t k, uint64_t first_seen)
{
	uint64_t hash = keys->hash[k];
	struct table_entry *e = append_entry(t, hash);

	e->key_size = keys->size[k];
	e->first_seen = first_seen;
	if (e->key_size <= TABLE_INLINE) {
		e->key[0] = keys->k0[k];
		e->key[1] = keys->k1[k];
	} else {
		e->key[0] = fl_heap_put(&t->heap, keys->bytes.data + keys->at[k], e->key_size);
	}
	t->slots[slot] = (hash & UINT64_C(0xffffffff00000000)) | t->count;
	return t->count - 1;
}

static inline bool
same_key(const struct table *t, const struct table_entry *e, const struct table_keys *keys, uint32_t k)
{
	if (e->key_size != keys->size[k])
		return false;
	if (e->key_size <= TABLE_INLINE)
		return e->key[0] == keys->k0[k] && e->key[1] == keys->k1[k];
	return e->hash == keys->hash[k] &&
	    memcmp(t->heap.data + e->key[0], keys->bytes.data + keys->at[k], e->key_size) == 0;
}

/* The slots of a key that comes later, while there is other work. */
static inline void
prefetch_key(const struct table *t, const struct table_keys *keys, uint32_t k)
{
	if (t->slot_count > 65536)
		__builtin_prefetch(&t->slots[(uint32_t)keys->hash[k] & (t->slot_count - 1)]);
}

static inline bool
find_or_add(struct table *t, const struct table_keys *keys, uint32_t k, uint64_t first_seen,
    uint32_t *index)
{
	uint64_t hash = keys->hash[k], slot;
	uint32_t mask, s;

	/* Half full at most: probes stay short. */
	if ((t->count + 1) * 2 > t->slot_count)
		grow_slots(t);
	mask = t->slot_count - 1;
	for (s = (uint32_t)hash & mask;; s = (s + 1) & mask) {
		slot = t->slots[s];
		if (slot == 0) {
			*index = add_key(t, s, keys, k, first_seen);
			return true;
		}
		if (slot >> 32 != hash >> 32)
			continue;
		*index = (uint32_t)slot - 1;
		if (same_key(t, table_at(t, *index), keys, k))
			return false;
	}
}

uint64_t
table_assign(struct table *t, const struct table_keys *keys, uint32_t from, uint32_t count,
    const uint32_t *order, uint64_t first_base, uint32_t *rows)
{
	uint64_t groups = 0;

	for (uint32_t k = from; k < from + count; k++) {
		uint32_t i;

		if (k + SLOTS_AHEAD < from + count)
			prefetch_key(t, keys, k + SLOTS_AHEAD);
		(void)find_or_add(t, keys, k, first_base + order[k], &i);
		table_at(t, i)->row_count++;
		rows[k - from] = i;
		groups |= UINT64_C(1) << table_group(keys->hash[k]);
	}
	return groups;
}

bool
table_add(struct table *t, const struct table_keys *keys, uint32_t k, uint64_t first_seen, uint32_t *index)
{
	return find_or_add(t, keys, k, first_seen, index);
}

/* ---- keys that leave ---- */

struct table_entry *
table_oldest(const struct table *t, uint32_t group)
{
	return t->head[group] == 0 ? NULL : table_at(t, t->head[group] - 1);
}

void
table_drop_oldest(struct table *t, uint32_t group)
{
	struct table_entry *e = table_oldest(t, group);

	assert(e != NULL);
	t->head[group] = e->next;
	if (e->next == 0)
		t->tail[group] = 0;
	t->group_count[group]--;
	t->gone_count++;
	e->key_size = TABLE_GONE;
}

/* The entries left are appended anew, in their order: chains and slots come with them. */
void
table_sweep(struct table *t)
{
	struct table old = *t;

	if (t->gone_count == 0 || t->gone_count < t->count / 2)
		return;
	table_init(t, old.stride - (uint32_t)sizeof(struct table_entry));
	for (uint32_t i = 0; i < old.count; i++) {
		const struct table_entry *from = table_at(&old, i);
		struct table_entry *to;

		if (from->key_size == TABLE_GONE)
			continue;
		to = append_entry(t, from->hash);
		memcpy((char *)to + sizeof(uint64_t), (const char *)from + sizeof(uint64_t),
		    t->stride - sizeof(uint64_t));
		to->next = 0;
		if (to->key_size > TABLE_INLINE)
			to->key[0] = fl_heap_put(&t->heap, old.heap.data + from->key[0], to->key_size);
	}
	for (t->slot_count = 8; t->slot_count <= t->count;)
		t->slot_count *= 2;
	grow_slots(t); /* doubles them */
	table_fini(&old);
}

/* ---- panes into a window ---- */

/* The entry of a key that another table has; added if it is new. */
static uint32_t
merge_key(struct table *to, const struct table *from, const struct table_entry *e)
{
	struct table_entry *mine;
	uint32_t mask, s;

	if ((to->count + 1) * 2 > to->slot_count)
		grow_slots(to);
	mask = to->slot_count - 1;
	for (s = (uint32_t)e->hash & mask; to->slots[s] != 0; s = (s + 1) & mask) {
		uint32_t i = (uint32_t)to->slots[s] - 1;

		if (to->slots[s] >> 32 != e->hash >> 32)
			continue;
		mine = table_at(to, i);
		if (mine->hash == e->hash && mine->key_size == e->key_size &&
		    memcmp(table_key(to, mine), table_key(from, e), e->key_size) == 0)
			return i;
	}
	mine = append_entry(to, e->hash);
	mine->key_size = e->key_size;
	mine->first_seen = e->first_seen;
	mine->key[0] = e->key[0];
	mine->key[1] = e->key[1];
	if (e->key_size > TABLE_INLINE)
		mine->key[0] = fl_heap_put(&to->heap, from->heap.data + e->key[0], e->key_size);
	to->slots[s] = (e->hash & UINT64_C(0xffffffff00000000)) | to->count;
	return to->count - 1;
}

void
table_merge(struct table *to, const struct table *from, const struct fl_agg *aggs, uint32_t agg_count,
    uint64_t groups)
{
	uint32_t *rows = fl_malloc(FL_MAX(from->count, 1u) * 2 * sizeof(*rows));
	struct fl_merge m = { .from = from->entries + sizeof(struct table_entry),
		.stride = from->stride, .to_rows = rows, .from_rows = rows + from->count,
		.to_heap = &to->heap, .from_heap = &from->heap };

	assert(to->stride == from->stride && from->count > 0);
	for (uint32_t i = 0; i < from->count; i++) {
		const struct table_entry *e = table_at(from, i);
		struct table_entry *mine;

		if ((groups >> table_group(e->hash) & 1) == 0)
			continue;
		rows[m.count] = merge_key(to, from, e);
		rows[from->count + m.count] = i;
		mine = table_at(to, rows[m.count++]);
		mine->first_seen = FL_MIN(mine->first_seen, e->first_seen);
		mine->row_count += e->row_count;
	}
	m.to = to->entries + sizeof(struct table_entry);
	for (uint32_t a = 0; a < agg_count && m.count > 0; a++)
		aggs[a].fn->merge(&aggs[a], &m);
	free(rows);
}

static struct fl_blob *
blob_of(char *acc, const struct fl_agg *agg)
{
	return (struct fl_blob *)(void *)(acc + agg->acc_at);
}

void
table_image(const struct table *t, const struct fl_agg *aggs, uint32_t agg_count, uint32_t group,
    struct fl_buf *out, uint32_t *heap_size)
{
	size_t at = out->size, size = (size_t)t->group_count[group] * t->stride;
	uint32_t next = t->head[group], n = 0;

	fl_buf_reserve(out, size);
	out->size += size; /* filled below, entry by entry */
	for (; next != 0; next = table_at(t, next - 1)->next, n++) {
		char *to = out->data + at + (size_t)n * t->stride;
		struct table_entry *e;

		memcpy(to, table_at(t, next - 1), t->stride);
		e = (struct table_entry *)(void *)to;
		e->next = 0;
		if (e->key_size > TABLE_INLINE) {
			uint64_t from = e->key[0];

			e->key[0] = out->size - at - size;
			fl_buf_add(out, t->heap.data + from, e->key_size);
		}
		for (uint32_t a = 0; a < agg_count; a++) {
			struct fl_blob *blob;
			uint32_t from;

			if (!fl_type_is_var(aggs[a].result.id))
				continue;
			to = out->data + at + (size_t)n * t->stride; /* out may have moved */
			blob = blob_of(to + sizeof(struct table_entry), &aggs[a]);
			from = blob->at;
			blob->at = (uint32_t)(out->size - at - size);
			if (blob->size > 0)
				fl_buf_add(out, t->heap.data + from, blob->size);
		}
	}
	assert(n == t->group_count[group]);
	*heap_size = (uint32_t)(out->size - at - size);
	while (out->size % 8 != 0)
		fl_buf_byte(out, 0);
}

static enum fl_code
load_entry(struct table *t, const struct fl_agg *aggs, uint32_t agg_count,
    const struct table_entry *from, uint32_t heap_base, uint32_t heap_size, struct fl_err *err)
{
	struct table_entry *e;
	uint32_t mask, s;

	if (from->key_size > TABLE_INLINE &&
	    (from->key[0] > heap_size || from->key_size > heap_size - from->key[0]))
		return FL_FAIL(err, FL_E_STORE_DAMAGED,
		    "window state: a key of %u bytes lies outside its image", from->key_size);
	if ((t->count + 1) * 2 > t->slot_count)
		grow_slots(t);
	e = append_entry(t, from->hash);
	memcpy((char *)e + sizeof(uint64_t), (const char *)from + sizeof(uint64_t),
	    t->stride - sizeof(uint64_t));
	e->next = 0;
	if (e->key_size > TABLE_INLINE)
		e->key[0] += heap_base;
	for (uint32_t a = 0; a < agg_count; a++) {
		struct fl_blob *blob;

		if (!fl_type_is_var(aggs[a].result.id))
			continue;
		blob = blob_of((char *)e + sizeof(*e), &aggs[a]);
		if (blob->at > heap_size || blob->size > heap_size - blob->at)
			return FL_FAIL(err, FL_E_STORE_DAMAGED,
			    "window state: a value of %u bytes lies outside its image", blob->size);
		blob->at += heap_base;
	}
	mask = t->slot_count - 1;
	for (s = (uint32_t)e->hash & mask; t->slots[s] != 0; s = (s + 1) & mask) {
		const struct table_entry *other;

		if (t->slots[s] >> 32 != e->hash >> 32)
			continue;
		other = table_at(t, (uint32_t)t->slots[s] - 1);
		if (other->hash == e->hash && other->key_size == e->key_size &&
		    memcmp(table_key(t, other), table_key(t, e), e->key_size) == 0)
			return FL_FAIL(err, FL_E_STORE_DAMAGED, "window state: a key is there twice");
	}
	t->slots[s] = (e->hash & UINT64_C(0xffffffff00000000)) | t->count;
	return FL_OK;
}

/* Keys spread evenly over groups: the first image tells how large the table will be. */
static void
reserve_groups(struct table *t, uint32_t count)
{
	uint64_t want = (uint64_t)count * TABLE_GROUPS * 9 / 8;

	if (t->count > 0 || count < 64 || want > UINT32_MAX / 4)
		return;
	t->capacity = (uint32_t)want;
	t->entries = fl_realloc(t->entries, (size_t)want * t->stride);
	free(t->slots);
	for (t->slot_count = 16; t->slot_count < want * 2;)
		t->slot_count *= 2;
	t->slots = fl_calloc(t->slot_count, sizeof(uint64_t));
}

static inline const struct table_entry *
entry_at(const struct table *t, const char *entries, uint32_t i)
{
	return (const struct table_entry *)(const void *)(entries + (size_t)i * t->stride);
}

enum fl_code
table_load(struct table *t, const struct fl_agg *aggs, uint32_t agg_count, uint32_t group,
    const char *entries, uint32_t count, const char *heap, uint32_t heap_size, struct fl_err *err)
{
	uint32_t base = t->heap.size;

	reserve_groups(t, count);
	if (heap_size > 0)
		base = fl_heap_put(&t->heap, heap, heap_size);
	if (t->heap.is_full)
		return FL_FAIL(err, FL_E_STORE_DAMAGED,
		    "window state: the strings of a window need more than 4 GiB");
	for (uint32_t i = 0; i < count; i++) {
		const struct table_entry *e = entry_at(t, entries, i), *later;

		later = entry_at(t, entries, FL_MIN(i + SLOTS_AHEAD, count - 1));
		if (t->slot_count > 0)
			__builtin_prefetch(&t->slots[(uint32_t)later->hash & (t->slot_count - 1)]);
		if (table_group(e->hash) != group)
			return FL_FAIL(err, FL_E_STORE_DAMAGED,
			    "window state: a key of group %u lies in the image of group %u",
			    table_group(e->hash), group);
		FL_TRY(load_entry(t, aggs, agg_count, e, base, heap_size, err));
	}
	return FL_OK;
}

void
table_compact(struct table *t, const struct fl_agg *aggs, uint32_t agg_count)
{
	struct fl_heap heap = { 0 };

	if (t->heap.dead_size < (1u << 20) || t->heap.dead_size < t->heap.size / 2)
		return;
	for (uint32_t i = 0; i < t->count; i++) {
		struct table_entry *e = table_at(t, i);

		if (e->key_size == TABLE_GONE)
			continue;
		if (e->key_size > TABLE_INLINE)
			e->key[0] = fl_heap_put(&heap, t->heap.data + e->key[0], e->key_size);
		for (uint32_t a = 0; a < agg_count; a++) {
			struct fl_blob *blob;

			if (!fl_type_is_var(aggs[a].result.id))
				continue;
			blob = blob_of(table_acc(t, i), &aggs[a]);
			if (blob->size > 0)
				blob->at = fl_heap_put(&heap, t->heap.data + blob->at, blob->size);
		}
	}
	free(t->heap.data);
	t->heap = heap;
}
