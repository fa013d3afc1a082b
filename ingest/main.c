/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - flight-ingest: Kafka and files to steps. */
#include "ingest/ingest.h"

int
main(int argc, char **argv)
{
	return fl_program_main(&ingest_program, argc, argv);
}
