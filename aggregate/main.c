/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - flight-aggregate: steps to window state to result blocks. */
#include "aggregate/aggregate.h"

int
main(int argc, char **argv)
{
	return fl_program_main(&aggregate_program, argc, argv);
}
