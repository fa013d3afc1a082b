/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault.c - named places where tests make something fail, or the process die.
 *
 * FLIGHT_FAULT="commit.after.ingest:3:kill,produce.before:1" arms the third pass of
 * the first seam with SIGKILL and makes the first pass of the second one fail.
 */
#include "base/util.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_COUNT_MAX 16u

bool fl_fault_armed;

static struct {
	pthread_mutex_t lock;
	uint32_t count;
	struct {
		char name[64];
		long left; /* passes until it strikes */
		bool kills;
	} seams[FAULT_COUNT_MAX];
} faults = {.lock = PTHREAD_MUTEX_INITIALIZER};

void
fl_fault_init(void)
{
	const char *env = getenv("FLIGHT_FAULT");
	char *copy, *item, *save = NULL;

	faults.count = 0;
	fl_fault_armed = false;
	if (env == NULL || *env == '\0')
		return;
	copy = fl_strdup(env);
	for (item = strtok_r(copy, ",", &save); item != NULL && faults.count < FAULT_COUNT_MAX;
	     item = strtok_r(NULL, ",", &save)) {
		char *colon = strchr(item, ':');
		char *word = colon == NULL ? NULL : strchr(colon + 1, ':');

		if (colon == NULL || (size_t)(colon - item) >= sizeof(faults.seams[0].name))
			continue;
		memset(&faults.seams[faults.count], 0, sizeof(faults.seams[0]));
		memcpy(faults.seams[faults.count].name, item, (size_t)(colon - item));
		faults.seams[faults.count].left = strtol(colon + 1, NULL, 10);
		faults.seams[faults.count].kills = word != NULL && strcmp(word, ":kill") == 0;
		faults.count++;
	}
	free(copy);
	fl_fault_armed = faults.count > 0;
}

bool
fl_fault_slow(const char *name)
{
	bool strikes = false, kills = false;
	uint32_t i;

	(void)pthread_mutex_lock(&faults.lock);
	for (i = 0; i < faults.count; i++) {
		if (strcmp(faults.seams[i].name, name) != 0 || --faults.seams[i].left != 0)
			continue;
		strikes = true;
		kills = faults.seams[i].kills;
	}
	(void)pthread_mutex_unlock(&faults.lock);
	if (kills)
		(void)raise(SIGKILL);
	return strikes;
}
