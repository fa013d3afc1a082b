/* SPDX-License-Identifier: Apache-2.0 */
/* pipeline.h - .sql files on the command line: compiling and applying them. */
#ifndef FL_FLIGHTCTL_PIPELINE_H
#define FL_FLIGHTCTL_PIPELINE_H

#include "flightctl/ctl.h"

/* Compiles, and asks the clients of its tables whether they would take their properties. */
enum fl_code pipeline_read(const struct ctl *ctl, const char *file, const char *brokers,
    struct fl_plan **plan, struct fl_err *err);
/* Compiles a file; on failure prints the line, the caret and the hint.  Returns an
 * exit status. */
int pipeline_compile(
    const struct ctl *ctl, const char *file, const char *brokers, struct fl_plan **plan);
/* Puts files into the catalog; the same messages. */
enum fl_code pipeline_apply(const struct ctl *ctl, struct fl_instance *instance, char **files,
    int file_count, const char *brokers, bool reset, struct fl_err *err);
/*
 * Before --reset: an instance whose stores this version cannot open (another version made them,
 * they are damaged, or of different copies) is set aside, and what became of it is said.
 */
enum fl_code pipeline_make_way(const struct ctl *ctl, const char *dir, char **files,
    int file_count, const char *brokers, struct fl_err *err);
/* Are the directories there that relative paths of the pipelines begin in?  Of one that was moved
 * the catalog does not know where to.  Errors: NO_SUCH_FILE. */
enum fl_code pipeline_check_places(const struct fl_instance *instance, struct fl_err *err);
/* The pipeline that --pipeline names, or the only one.  Errors: NO_SUCH_OBJECT. */
enum fl_code pipeline_find(const struct fl_instance *instance, const char *name,
    const struct fl_pipeline **pipeline, struct fl_err *err);

#endif
