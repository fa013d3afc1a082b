/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern.h - the "pattern" of a JSON Schema: does a string hold a match?
 *
 * A regular expression of ECMA-262 with the flag u, without what no finite automaton
 * knows (back references) or what patterns for validation rarely need (look-around, word
 * boundaries, \p).  It is made into a table of bytes once: a record's string then costs
 * one look-up a byte whatever the pattern, nothing is allocated, and no record can make it
 * slow.  That is why no backtracking library stands here.
 *
 * Memory:  a pattern is one heap object.
 * Thread:  read-only once made.
 */
#ifndef FL_CODEC_PATTERN_H
#define FL_CODEC_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fl_pattern;

/* NULL: it is no pattern, or not one of this subset; why is a sentence of at most 119 bytes
 * about the character (counted from 1) where reading stopped. */
struct fl_pattern *fl_pattern_new(const char *text, size_t size, char why[120]);
void fl_pattern_free(struct fl_pattern **pattern);
/* p is UTF-8. */
bool fl_pattern_match(const struct fl_pattern *pattern, const uint8_t *p, size_t size);

#endif
