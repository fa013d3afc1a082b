/* SPDX-License-Identifier: Apache-2.0 */
/* version.h - which Flight this is. */
#ifndef FL_BASE_VERSION_H
#define FL_BASE_VERSION_H

#define FL_VERSION "0.1.0"
/* Format of the stores (shm/store.h).  Format N reads N - 1. */
#define FL_FORMAT_VERSION 1

#endif
