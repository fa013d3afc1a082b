/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash.c - XXH3 behind our name; the only file that sees xxhash.h.
 *
 * Where the library can, it takes the widest vectors that the processor has: 21 GB/s
 * instead of 15 with AVX2.  The hash is the same.
 */
#include "base/util.h"

#include <xxhash.h>
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h> /* the names below become those of the dispatcher */
#endif

uint64_t
fl_hash64(const void *p, size_t size)
{
	return XXH3_64bits(p, size);
}

uint64_t
fl_hash64_seed(const void *p, size_t size, uint64_t seed)
{
	return XXH3_64bits_withSeed(p, size, seed);
}
