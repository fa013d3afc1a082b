/* unit.h - what unit tests share: cmocka and what it needs, lists of claims, directories that
 * go away.  Included first. */
#ifndef FL_UNIT_H
#define FL_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/util.h"

/* A claim between setup() and teardown() of its file. */
#define TEST(claim) cmocka_unit_test_setup_teardown(claim, setup, teardown)

/* A call that must succeed, of a fixture f with an err; says why it did not. */
#define OK(call)                                                                                   \
	do {                                                                                       \
		if ((call) != FL_OK)                                                               \
			fail_msg("%s: %s", #call, f->err.text);                                    \
	} while (0)

/* The next fault of base/util.h. */
static inline void
arm(const char *fault)
{
	(void)setenv("FLIGHT_FAULT", fault, 1);
	fl_fault_init();
}

static inline void
disarm(void)
{
	(void)unsetenv("FLIGHT_FAULT");
	fl_fault_init();
}

static inline void
make_dir(char dir[64])
{
	(void)snprintf(dir, 64, "/tmp/flight-unit.XXXXXX");
	assert_non_null(mkdtemp(dir));
}

static inline void
remove_dir(const char *dir)
{
	char command[160];

	(void)snprintf(command, sizeof(command), "rm -rf '%.120s'", dir);
	assert_int_equal(system(command), 0);
}

#endif
