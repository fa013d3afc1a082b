/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - whole files in and out, and directories. */
#include "base/util.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum fl_code
fl_errno_code(int native, enum fl_code other)
{
	return native == ENOSPC || native == EDQUOT ? FL_E_DISK_FULL : other;
}

enum fl_code
fl_file_read(const char *path, size_t size_max, struct fl_buf *buf, struct fl_err *err)
{
	char chunk[65536];
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return FL_FAIL_NATIVE(err, FL_E_NO_SUCH_FILE, errno, "could not open file \"%s\": %s",
		    path, strerror(errno));
	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int e = errno;

			(void)close(fd);
			return FL_FAIL_NATIVE(err, FL_E_NO_SUCH_FILE, e,
			    "could not read file \"%s\": %s", path, strerror(e));
		}
		if (buf->size + (size_t)n > size_max) {
			(void)close(fd);
			return FL_FAIL(err, FL_E_NO_SUCH_FILE,
			    "file \"%s\" is larger than the limit of %zu bytes", path, size_max);
		}
		fl_buf_add(buf, chunk, (size_t)n);
	}
	(void)close(fd);
	return FL_OK;
}

static enum fl_code
write_all(int fd, const char *p, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, p, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fl_errno_code(errno, FL_E_IO);
		p += n;
		size -= (size_t)n;
	}
	return FL_OK;
}

void
fl_dir_of(const char *path, char *buf, size_t size)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		(void)snprintf(buf, size, ".");
	else
		(void)snprintf(buf, size, "%.*s", slash == path ? 1 : (int)(slash - path), path);
}

int
fl_dir_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), native;

	if (fd < 0)
		return errno;
	native = fsync(fd) == 0 ? 0 : errno;
	(void)close(fd);
	return native;
}

enum fl_code
fl_file_write(const char *path, const void *p, size_t size, struct fl_err *err)
{
	char tmp[PATH_MAX], dir[PATH_MAX];
	enum fl_code code;
	int fd, e;

	if (snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= (int)sizeof(tmp))
		return FL_FAIL(err, FL_E_IO, "path \"%s\" is too long", path);
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return FL_FAIL_NATIVE(err, fl_errno_code(errno, FL_E_IO), errno,
		    "could not create file \"%s\": %s", tmp, strerror(errno));
	code = write_all(fd, p, size);
	if (code == FL_OK && fsync(fd) != 0)
		code = fl_errno_code(errno, FL_E_IO);
	e = errno;
	(void)close(fd);
	if (code != FL_OK) {
		(void)unlink(tmp);
		return FL_FAIL_NATIVE(err, code, e, "could not write file \"%s\": %s", tmp, strerror(e));
	}
	if (rename(tmp, path) != 0) {
		e = errno;
		(void)unlink(tmp);
		return FL_FAIL_NATIVE(err, fl_errno_code(e, FL_E_IO), e,
		    "could not rename \"%s\" to \"%s\": %s", tmp, path, strerror(e));
	}
	fl_dir_of(path, dir, sizeof(dir));
	e = fl_dir_sync(dir);
	if (e != 0)
		return FL_FAIL_NATIVE(err, fl_errno_code(e, FL_E_IO), e,
		    "could not sync directory \"%s\": %s", dir, strerror(e));
	return FL_OK;
}

enum fl_code
fl_mkdirs(const char *path, struct fl_err *err)
{
	char part[PATH_MAX];
	struct stat st;
	size_t i, len = strlen(path);

	if (len == 0 || len >= sizeof(part))
		return FL_FAIL(err, FL_E_BAD_CONFIG, "\"%s\" is not a path", path);
	for (i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0700) != 0 && errno != EEXIST)
			return FL_FAIL_NATIVE(err, fl_errno_code(errno, FL_E_BAD_CONFIG), errno,
			    "could not create directory \"%s\": %s", part, strerror(errno));
	}
	if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
		return FL_FAIL(err, FL_E_BAD_CONFIG, "\"%s\" exists and is not a directory", path);
	return FL_OK;
}
