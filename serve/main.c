/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the program serve: an instance over HTTP. */
#include "serve/serve.h"

int
main(int argc, char **argv)
{
	return fl_program_main(&serve_program, argc, argv);
}
