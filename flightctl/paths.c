/* SPDX-License-Identifier: Apache-2.0 */
/*
 * paths.c - where the programs and the data are.
 *
 * In the source tree they lie beside flightctl (build/VARIANT/bin) and in data/; installed,
 * flightctl is PREFIX/bin/flightctl, the programs are in PREFIX/libexec/flight and the data
 * in PREFIX/share/flight.  Nothing is compiled in, so an installation can be moved.
 */
#include "flightctl/ctl.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum fl_code
find_own_dir(char buf[PATH_MAX], struct fl_err *err)
{
	ssize_t n = readlink("/proc/self/exe", buf, PATH_MAX - 1);
	char *slash;

	if (n <= 0)
		return FL_FAIL_NATIVE(err, FL_E_BAD_CONFIG, errno,
		    "cannot find flightctl's own path: /proc is not mounted");
	buf[n] = '\0';
	slash = strrchr(buf, '/');
	if (slash != NULL)
		*slash = '\0';
	return FL_OK;
}

/* The first of DIR/<tries[i]>/name that exists. */
static enum fl_code
find_beside(const char *const *tries, const char *name, const char *what, char *buf, size_t size,
    struct fl_err *err)
{
	char dir[PATH_MAX], path[2 * PATH_MAX], real[PATH_MAX];

	FL_TRY(find_own_dir(dir, err));
	for (; *tries != NULL; tries++) {
		snprintf(path, sizeof(path), "%s/%s%s", dir, *tries, name);
		if (realpath(path, real) != NULL && strlen(real) < size) {
			strcpy(buf, real);
			return FL_OK;
		}
	}
	return FL_FAIL(err, FL_E_NO_SUCH_FILE,
	    "%s \"%s\" is neither beside \"%s/flightctl\" nor where `make install` puts it", what,
	    name, dir);
}

enum fl_code
ctl_path_program(const char *name, char *buf, size_t size, struct fl_err *err)
{
	static const char *const tries[] = {"", "../libexec/flight/", NULL};

	return find_beside(tries, name, "program", buf, size, err);
}

enum fl_code
ctl_path_data(const char *name, char *buf, size_t size, struct fl_err *err)
{
	static const char *const tries[] = {"../../../data/", "../share/flight/", NULL};

	return find_beside(tries, name, "data file", buf, size, err);
}
