/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h - what each target has: its entry, and a check that stops the fuzzer. */
#ifndef FL_FUZZ_H
#define FL_FUZZ_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

#endif
