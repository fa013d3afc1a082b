/* SPDX-License-Identifier: Apache-2.0 */
/* hash.c - XXH3 behind our name; the only file that sees xxhash.h. */
#include "base/util.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

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
