/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sink_file.c - rows as part files in a directory; the listing is the cursor.
 *
 *	part-<id>-<first row>-<last row>.json	or .csv
 *	a=1/b=x/part-<id>-<first row>-<last row>-<k>of<n>.json	PARTITIONED BY (a, b)
 *
 * id is eight hex digits of the hash of (pipeline store, sink), so that several
 * pipelines may write into one directory and a pipeline started anew begins at row 0.
 * A part is written under a hidden name, synced, renamed, and the directory synced:
 * it is there whole or not at all, and its name says which rows need not be written
 * again.  A run whose rows were all refused leaves an empty part, for its name.
 *
 * A run is all that there is, up to sink.rolling-policy.file-size, and goes on to the end of the
 * window that it is in: the results of a window are in one part, or in one of each directory
 * that they belong to.  So it may be longer than what should be in memory: rows go into the
 * hidden files a MiB at a time.
 *
 * PARTITIONED BY: a run has a part in each directory that its rows belong to, n in all, and
 * all with the run's range in their names.  The run is written when all n are there; parts
 * of one that is not are taken away before its rows are written again.  The columns of
 * the directories are not in the files, as in Flink.  A row in the run's bytes is its
 * directory ("a=1/b=x"), a NUL, and the text.
 *
 * The highest last row of the listing + 1 is the position: whoever takes parts away
 * leaves the newest.  Without any part the position in emit's store decides, which
 * follows each part: somebody has cleared the directory, and rows that were delivered
 * once are not delivered again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expr/expr.h"
#include "sink.h"

#define NAME_SIZE_MAX 255u /* of a file or directory */
#define DEFAULT_PARTITION "__DEFAULT_PARTITION__"
#define FILE_SIZE (128u << 20) /* Flink's default of sink.rolling-policy.file-size */

/* A part that was found, or is to be. */
struct part {
	char *dir; /* "" or "a=1/b=x" */
	char *name;
	uint64_t first, last;
	uint32_t k, n;
};

struct file_impl {
	int dir_fd;
	char id[9];
	/* PARTITIONED BY: what stays in the files. */
	struct fl_schema schema;
	struct fl_encoder *encoder; /* NULL: the sink's */
	struct fl_batch kept;
	struct part *parts; /* of the listing, or of the run being written */
	uint32_t part_count;
	char temp[40]; /* their names until the run is whole; "": none is being written */
	struct fl_err failed; /* in the midst of the run; code FL_OK: nothing did */
	struct fl_buf text;
};

static enum fl_code
fail_io(struct emit_sink *sink, const char *what, const char *dir, const char *name, struct fl_err *err)
{
	int native = errno;

	return FL_FAIL_NATIVE(err, native == ENOSPC || native == EDQUOT ? FL_E_DISK_FULL : FL_E_IO,
	    native, "table \"%s\": could not %s \"%s/%s%s%s\": %s", sink->table->name, what,
	    sink->table->path, dir, dir[0] != '\0' ? "/" : "", name, strerror(native));
}

/* ---- the columns of directories ---- */

static bool
is_partition(const struct fl_table *table, uint32_t column)
{
	for (uint32_t i = 0; i < table->partition_count; i++)
		if (table->partitions[i] == column)
			return true;
	return false;
}

/* What Flink and Hive escape in the names of directories. */
static bool
is_escaped(uint8_t c)
{
	return c < 0x20 || c == 0x7f || strchr("\"#%'*/:=?\\{[]^", c) != NULL;
}

static void
put_escaped(struct fl_buf *out, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (is_escaped((uint8_t)text[i]))
			fl_buf_printf(out, "%%%02X", (uint8_t)text[i]);
		else
			fl_buf_byte(out, text[i]);
	}
}

static void
put_value(struct fl_buf *out, const struct fl_col *col, uint32_t i)
{
	enum fl_type_id id = (enum fl_type_id)col->type.id;
	const char *text = "";
	uint32_t size = 0;

	if (fl_col_is_valid(col, i) && fl_type_is_string(id))
		text = fl_col_str(col, i, &size);
	if (fl_col_is_valid(col, i) && fl_type_is_integer(id))
		fl_buf_i64(out, fl_load_i64(col, i));
	else if (fl_col_is_valid(col, i) && id == FL_TYPE_BOOLEAN)
		fl_buf_str(out, FL_COL_AT(col, uint8_t, i) ? "true" : "false");
	else if (size == 0)
		fl_buf_str(out, DEFAULT_PARTITION);
	else
		put_escaped(out, text, size);
}

/* "a=1/b=x" */
static enum fl_code
put_dir(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, struct fl_buf *out, struct fl_err *err)
{
	const struct fl_table *table = sink->table;

	for (uint32_t p = 0; p < table->partition_count; p++) {
		uint32_t column = table->partitions[p];
		const char *name = table->physical.fields[column].name;
		size_t from;

		if (p > 0)
			fl_buf_byte(out, '/');
		from = out->size;
		put_escaped(out, name, strlen(name));
		fl_buf_byte(out, '=');
		if (!table->physical.fields[column].type.nullable && !fl_col_is_valid(&batch->cols[column], i))
			return FL_FAIL(err, FL_E_SINK_REFUSED, "column \"%s\" is NULL, but it is NOT NULL", name);
		put_value(out, &batch->cols[column], i);
		if (out->size - from > NAME_SIZE_MAX)
			return FL_FAIL(err, FL_E_SINK_REFUSED, "column \"%s\": its directory's name has %zu bytes, at "
			    "most %u are possible", name, out->size - from, NAME_SIZE_MAX);
	}
	fl_buf_byte(out, '\0');
	return FL_OK;
}

static enum fl_code
make_encoder(struct emit_sink *sink, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	const struct fl_schema *all = &sink->table->physical;
	struct fl_codec_options codec = fl_table_codec(sink->table);

	if (sink->table->partition_count == 0)
		return FL_OK;
	impl->schema.fields = fl_calloc(all->count, sizeof(struct fl_field));
	impl->kept.cols = fl_calloc(all->count, sizeof(struct fl_col));
	for (uint32_t c = 0; c < all->count; c++)
		if (!is_partition(sink->table, c))
			impl->schema.fields[impl->schema.count++] = all->fields[c];
	codec.schema = &impl->schema;
	return fl_encoder_new(&codec, &impl->encoder, err);
}

/* ---- the listing ---- */

/* "part-ID-FIRST-LAST[-KofN].FORMAT" of this sink, else false. */
static bool
parse_name(const struct emit_sink *sink, const char *name, struct part *part)
{
	const struct file_impl *impl = sink->impl;
	char id[9];
	int used = 0, more = 0;

	if (sscanf(name, "part-%8[0-9a-f]-%20" SCNu64 "-%20" SCNu64 "%n", id, &part->first, &part->last,
		&used) != 3 || used == 0)
		return false;
	part->k = part->n = 1;
	if (name[used] == '-' && (sscanf(name + used, "-%9" SCNu32 "of%9" SCNu32 "%n", &part->k, &part->n,
		&more) != 2 || more == 0))
		return false;
	used += more;
	return name[used] == '.' && strcmp(name + used + 1, fl_format_name(sink->table->format)) == 0 &&
	    strcmp(id, impl->id) == 0 && part->first <= part->last && part->last < UINT64_MAX &&
	    part->k >= 1 && part->k <= part->n;
}

static void
forget_parts(struct file_impl *impl)
{
	for (uint32_t i = 0; i < impl->part_count; i++) {
		free(impl->parts[i].dir);
		free(impl->parts[i].name);
	}
	free(impl->parts);
	impl->parts = NULL;
	impl->part_count = 0;
}

static void
note_part(struct file_impl *impl, const struct part *found, const char *dir, const char *name)
{
	impl->parts = fl_realloc(impl->parts, (impl->part_count + 1) * sizeof(*impl->parts));
	impl->parts[impl->part_count] = *found;
	impl->parts[impl->part_count].dir = fl_strdup(dir);
	impl->parts[impl->part_count++].name = fl_strdup(name);
}

static enum fl_code list_dir(struct emit_sink *sink, const char *dir, uint32_t level, struct fl_err *err);

static enum fl_code
list_entry(struct emit_sink *sink, int fd, const char *dir, const char *name, uint32_t level, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	struct part part;
	struct fl_buf sub;
	enum fl_code code;
	char temp[32];

	snprintf(temp, sizeof(temp), ".part-%s-", impl->id);
	if (strncmp(name, temp, strlen(temp)) == 0) {
		(void)unlinkat(fd, name, 0); /* a crash left it unfinished */
	} else if (parse_name(sink, name, &part)) {
		note_part(impl, &part, dir, name);
	} else if (level < sink->table->partition_count && name[0] != '.' && strchr(name, '=') != NULL) {
		fl_buf_init(&sub);
		fl_buf_printf(&sub, "%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
		code = list_dir(sink, sub.data, level + 1, err);
		fl_buf_fini(&sub);
		return code;
	}
	return FL_OK;
}

static enum fl_code
list_dir(struct emit_sink *sink, const char *dir, uint32_t level, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	enum fl_code code = FL_OK;
	struct dirent *entry;
	DIR *list;
	int fd;

	fd = openat(impl->dir_fd, dir[0] != '\0' ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && level > 0 && (errno == ENOTDIR || errno == ENOENT || errno == ELOOP))
		return FL_OK; /* somebody's file */
	if (fd < 0)
		return fail_io(sink, "open", dir, "", err);
	/* A part renamed by a killed predecessor may be in the cache only; what the
	 * listing says is believed from now on, so it has to be on disk. */
	if (fsync(fd) != 0 || (list = fdopendir(fd)) == NULL) {
		code = fail_io(sink, "list", dir, "", err);
		close(fd);
		return code;
	}
	while (code == FL_OK && (errno = 0, entry = readdir(list)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			code = list_entry(sink, fd, dir, entry->d_name, level, err);
	if (code == FL_OK && errno != 0)
		code = fail_io(sink, "list", dir, "", err);
	closedir(list);
	return code;
}

static int
compare_runs(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->first != y->first ? (x->first < y->first ? -1 : 1) :
	    x->last != y->last ? (x->last < y->last ? -1 : 1) : 0;
}

static enum fl_code
remove_part(struct emit_sink *sink, const struct part *part, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	struct fl_buf path;
	int failed;

	fl_buf_init(&path);
	fl_buf_printf(&path, "%s%s%s", part->dir, part->dir[0] != '\0' ? "/" : "", part->name);
	failed = unlinkat(impl->dir_fd, path.data, 0);
	fl_buf_fini(&path);
	return failed == 0 ? FL_OK : fail_io(sink, "remove", part->dir, part->name, err);
}

/*
 * What follows the last run of which all parts are there, or that emit's store knows to be
 * delivered (somebody may have taken a part of it away), was being written when emit died.
 */
static enum fl_code
find_position(struct emit_sink *sink, bool *known, uint64_t *next, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	uint64_t confirmed = sink->has_record ? sink->position.next : 0;
	uint32_t i, count;

	*known = false;
	*next = 0;
	if (impl->part_count > 0)
		qsort(impl->parts, impl->part_count, sizeof(*impl->parts), compare_runs);
	for (i = 0; i < impl->part_count; i += count) {
		const struct part *part = &impl->parts[i];

		for (count = 1; i + count < impl->part_count && compare_runs(part, part + count) == 0;)
			count++;
		if (part->last < *next || (part->last >= confirmed && count < part->n))
			continue;
		*known = true;
		*next = part->last + 1;
	}
	for (i = 0; i < impl->part_count; i++)
		if (impl->parts[i].last >= *next && impl->parts[i].last >= confirmed)
			FL_TRY(remove_part(sink, &impl->parts[i], err));
	return FL_OK;
}

/* ---- open, close ---- */

/* The files of a run that did not come about. */
static void
drop_run(struct file_impl *impl)
{
	struct fl_buf path;

	fl_buf_init(&path);
	for (uint32_t i = 0; i < impl->part_count && impl->temp[0] != '\0'; i++) {
		fl_buf_reset(&path);
		fl_buf_printf(&path, "%s%s%s", impl->parts[i].dir, impl->parts[i].dir[0] != '\0' ? "/" : "",
		    impl->temp);
		(void)unlinkat(impl->dir_fd, path.data, 0);
	}
	fl_buf_fini(&path);
	forget_parts(impl);
	impl->temp[0] = '\0';
	impl->failed.code = FL_OK;
}

static void
file_close(struct emit_sink *sink)
{
	struct file_impl *impl = sink->impl;

	if (impl == NULL)
		return;
	drop_run(impl);
	if (impl->dir_fd >= 0)
		close(impl->dir_fd);
	fl_buf_fini(&impl->text);
	fl_encoder_free(&impl->encoder);
	free(impl->schema.fields);
	free(impl->kept.cols);
	free(impl);
	sink->impl = NULL;
}

static enum fl_code
file_open(struct emit_sink *sink, bool *known, struct fl_sink_position *position, struct fl_err *err)
{
	const struct fl_table *table = sink->table;
	struct file_impl *impl;
	uint64_t hash;

	FL_TRY(fl_mkdirs(table->path, err));
	file_close(sink);
	sink->impl = impl = fl_calloc(1, sizeof(*impl));
	fl_buf_init(&impl->text);
	hash = fl_hash64_seed(table->name, strlen(table->name),
	    fl_hash64(&sink->position.store, sizeof(sink->position.store)));
	snprintf(impl->id, sizeof(impl->id), "%08" PRIx32, (uint32_t)(hash >> 32));
	impl->dir_fd = open(table->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (impl->dir_fd < 0)
		return fail_io(sink, "open", "", "", err);
	FL_TRY(make_encoder(sink, err));
	FL_TRY(list_dir(sink, "", 0, err));
	FL_TRY(find_position(sink, known, &position->next, err));
	forget_parts(impl);
	position->store = sink->position.store;
	position->generation = 0;
	return FL_OK;
}

static enum fl_code
file_encode(struct emit_sink *sink, const struct fl_batch *batch, uint32_t i, uint8_t kind,
    struct fl_buf *out, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;

	if (impl->encoder == NULL) {
		FL_TRY(emit_encode_format(sink, batch, i, kind, out, err));
	} else {
		uint32_t kept = 0;

		for (uint32_t c = 0; c < sink->table->physical.count; c++)
			if (!is_partition(sink->table, c))
				impl->kept.cols[kept++] = batch->cols[c];
		impl->kept.row_count = batch->row_count;
		FL_TRY(put_dir(sink, batch, i, out, err));
		FL_TRY(fl_encode(impl->encoder, &impl->kept, i, out, err));
	}
	fl_buf_byte(out, '\n');
	return FL_OK;
}

/* ---- writing ---- */

static enum fl_code
write_all(struct emit_sink *sink, int fd, const struct part *part, const char *p, size_t size,
    struct fl_err *err)
{
	size_t at = 0;

	while (at < size) {
		ssize_t n = write(fd, p + at, size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_io(sink, "write", part->dir, part->name, err);
		at += (size_t)n;
	}
	return FL_OK;
}

/* Makes the directories of a part, each durably in the one above it. */
static enum fl_code
make_dirs(struct emit_sink *sink, const struct part *part, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	char *path = fl_strdup(part->dir), *slash = path;
	enum fl_code code = FL_OK;

	while (code == FL_OK && slash != NULL && path[0] != '\0') {
		int above;

		slash = strchr(slash == path ? slash : slash + 1, '/');
		if (slash != NULL)
			*slash = '\0';
		if (mkdirat(impl->dir_fd, path, 0755) == 0) {
			char *last = strrchr(path, '/');

			if (last != NULL)
				*last = '\0';
			above = openat(impl->dir_fd, last != NULL ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (above < 0 || fsync(above) != 0)
				code = fail_io(sink, "sync", part->dir, "", err);
			if (above >= 0)
				close(above);
			if (last != NULL)
				*last = '/';
		} else if (errno != EEXIST) {
			code = fail_io(sink, "make", part->dir, "", err);
		}
		if (slash != NULL)
			*slash = '/';
	}
	free(path);
	return code;
}

static int
open_dir(const struct file_impl *impl, const struct part *part)
{
	return openat(impl->dir_fd, part->dir[0] != '\0' ? part->dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int
open_temp(const struct file_impl *impl, const struct part *part, int flags)
{
	struct fl_buf path;
	int fd;

	fl_buf_init(&path);
	fl_buf_printf(&path, "%s%s%s", part->dir, part->dir[0] != '\0' ? "/" : "", impl->temp);
	fd = openat(impl->dir_fd, path.data, flags | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0644);
	fl_buf_fini(&path);
	return fd;
}

/* The part of the run in that directory; parts are in the order of their directories. */
static struct part *
find_part(struct file_impl *impl, const char *dir, bool *is_new)
{
	struct part part = { .name = NULL };
	uint32_t low = 0, high = impl->part_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		int by = strcmp(impl->parts[middle].dir, dir);

		if (by == 0) {
			*is_new = false;
			return &impl->parts[middle];
		}
		if (by < 0)
			low = middle + 1;
		else
			high = middle;
	}
	note_part(impl, &part, dir, impl->temp);
	part = impl->parts[impl->part_count - 1];
	memmove(impl->parts + low + 1, impl->parts + low, (impl->part_count - 1 - low) * sizeof(part));
	impl->parts[low] = part;
	*is_new = true;
	return &impl->parts[low];
}

struct placed { /* a row of the run */
	const char *dir;
	uint32_t row;
};

static int
compare_placed(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;
	int by = strcmp(x->dir, y->dir);

	return by != 0 ? by : x->row < y->row ? -1 : x->row > y->row;
}

/* Rows of one directory go to the end of their part, which begins with a header if it has one. */
static enum fl_code
append(struct emit_sink *sink, const struct emit_run *run, const char *dir, const struct placed *rows,
    uint32_t count, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	struct fl_codec_options codec = fl_table_codec(sink->table);
	size_t skip = impl->encoder != NULL ? strlen(dir) + 1 : 0;
	struct fl_buf *text = &impl->text;
	enum fl_code code = FL_OK;
	const struct part *part;
	bool is_new;
	int fd;

	part = find_part(impl, dir, &is_new);
	fl_buf_reset(text);
	if (impl->encoder != NULL)
		codec.schema = &impl->schema;
	if (is_new && sink->table->csv_header)
		fl_csv_put_header(&codec, text);
	for (uint32_t k = 0; k < count; k++) {
		const struct emit_row *row = &run->rows[rows[k].row];

		fl_buf_add(text, run->bytes.data + row->at + skip, row->size - skip);
	}
	if (is_new)
		FL_TRY(make_dirs(sink, part, err));
	fd = open_temp(impl, part, is_new ? O_CREAT | O_TRUNC : O_APPEND);
	if (fd < 0)
		return fail_io(sink, is_new ? "create" : "open", part->dir, part->name, err);
	if (fl_fault("emit.before_append"))
		code = FL_FAIL(err, FL_E_IO, "fault before rows go into a file");
	if (code == FL_OK && text->size > 0)
		code = write_all(sink, fd, part, text->data, text->size, err);
	if (close(fd) != 0 && code == FL_OK)
		code = fail_io(sink, "close", part->dir, part->name, err);
	return code;
}

/* What the run holds goes into the files and out of the run. */
static enum fl_code
write_rows(struct emit_sink *sink, struct emit_run *run, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	struct placed *placed = fl_malloc(FL_MAX(run->count, 1u) * sizeof(*placed));
	bool has_dirs = sink->table->partition_count > 0;
	enum fl_code code = FL_OK;
	uint32_t k, end;

	snprintf(impl->temp, sizeof(impl->temp), ".part-%s-%012" PRIu64, impl->id, run->first);
	for (k = 0; k < run->count; k++)
		placed[k] = (struct placed){ has_dirs ? run->bytes.data + run->rows[k].at : "", k };
	if (has_dirs && run->count > 1)
		qsort(placed, run->count, sizeof(*placed), compare_placed);
	for (k = 0; k < run->count && code == FL_OK; k = end) {
		for (end = k + 1; end < run->count && strcmp(placed[end].dir, placed[k].dir) == 0;)
			end++;
		code = append(sink, run, placed[k].dir, placed + k, end - k, err);
	}
	free(placed);
	run->count = 0;
	run->offered = 0;
	fl_buf_reset(&run->bytes);
	return code;
}

/* A run may be longer than what should be in memory. */
static void
file_stream(struct emit_sink *sink, struct emit_run *run)
{
	struct file_impl *impl = sink->impl;
	struct fl_err ignored;

	if (run->bytes.size < EMIT_RUN_SIZE)
		return;
	run->is_streamed = true;
	(void)write_rows(sink, run, impl->failed.code == FL_OK ? &impl->failed : &ignored);
}

static enum fl_code
sync_part(struct emit_sink *sink, const struct part *part, struct fl_err *err)
{
	enum fl_code code = FL_OK;
	int fd = open_temp(sink->impl, part, 0);

	if (fd < 0)
		return fail_io(sink, "open", part->dir, part->name, err);
	if (fsync(fd) != 0)
		code = fail_io(sink, "sync", part->dir, part->name, err);
	close(fd);
	return code;
}

static enum fl_code
rename_part(struct emit_sink *sink, const struct part *part, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	enum fl_code code = FL_OK;
	int fd = open_dir(impl, part);

	if (fd < 0)
		return fail_io(sink, "open", part->dir, "", err);
	if (renameat(fd, impl->temp, fd, part->name) != 0)
		code = fail_io(sink, "rename to", part->dir, part->name, err);
	else if (fl_fault("emit.after_rename"))
		code = FL_FAIL(err, FL_E_IO, "fault after the rename");
	else if (fsync(fd) != 0)
		code = fail_io(sink, "sync", part->dir, "", err);
	close(fd);
	return code;
}

/* Their names say which rows the run has, and how many parts. */
static void
name_parts(struct emit_sink *sink, const struct emit_run *run)
{
	struct file_impl *impl = sink->impl;
	const char *format = fl_format_name(sink->table->format);
	char name[128];

	for (uint32_t k = 0; k < impl->part_count; k++) {
		if (sink->table->partition_count == 0)
			snprintf(name, sizeof(name), "part-%s-%012" PRIu64 "-%012" PRIu64 ".%s", impl->id,
			    run->first, run->next - 1, format);
		else
			snprintf(name, sizeof(name), "part-%s-%012" PRIu64 "-%012" PRIu64 "-%uof%u.%s", impl->id,
			    run->first, run->next - 1, k + 1, impl->part_count, format);
		free(impl->parts[k].name);
		impl->parts[k].name = fl_strdup(name);
	}
}

/* All rows of the run into files, on disk, under names that nobody reads. */
static enum fl_code
finish_parts(struct emit_sink *sink, struct emit_run *run, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;

	FL_TRY(write_rows(sink, run, err));
	if (impl->failed.code != FL_OK) {
		*err = impl->failed;
		return err->code;
	}
	if (impl->part_count == 0)
		FL_TRY(append(sink, run, "", NULL, 0, err));
	name_parts(sink, run);
	for (uint32_t k = 0; k < impl->part_count; k++)
		FL_TRY(sync_part(sink, &impl->parts[k], err));
	if (fl_fault("emit.before_rename"))
		return FL_FAIL(err, FL_E_IO, "fault before the rename");
	return FL_OK;
}

static enum fl_code
file_deliver(struct emit_sink *sink, struct emit_run *run, bool *open_again, struct fl_err *err)
{
	struct file_impl *impl = sink->impl;
	enum fl_code code = finish_parts(sink, run, err);

	if (code != FL_OK) {
		drop_run(impl);
		return code;
	}
	*open_again = true; /* from here on the listing knows better than we do */
	for (uint32_t k = 0; k < impl->part_count; k++)
		FL_TRY(rename_part(sink, &impl->parts[k], err));
	*open_again = false;
	forget_parts(impl);
	impl->temp[0] = '\0';
	return FL_OK;
}

const struct emit_sink_ops emit_sink_file = {
	.name = "filesystem",
	.run_rows = UINT32_MAX,
	.run_size = FILE_SIZE,
	.keeps_windows = true,
	.open = file_open,
	.encode = file_encode,
	.stream = file_stream,
	.deliver = file_deliver,
	.close = file_close,
};
