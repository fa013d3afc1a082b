/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the program emit: result blocks to sinks. */
#include "emit/emit.h"

int
main(int argc, char **argv)
{
	return fl_program_main(&emit_program, argc, argv);
}
