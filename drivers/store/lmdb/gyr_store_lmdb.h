/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store class over LMDB: one file that is mapped, copy-on-write pages, two root pages written
 * in turn. A commit writes and syncs the new pages, then writes and syncs the root page that names
 * them, so that a crash at any instant leaves the last commit or this one. Address space is
 * reserved for the whole size, the file grows as it is used.
 *
 * What a commit is worth is what the file system's sync is worth. Rot in the file is not found by
 * LMDB: who keeps something there checks it (checkpoints do, by the state root).
 */
#ifndef GYR_STORE_LMDB_H
#define GYR_STORE_LMDB_H

#include "gyr_store.h"

extern const struct gyr_store_ops gyr_store_lmdb;

#endif
