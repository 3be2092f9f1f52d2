/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server gives up once it is started: its user, its capabilities, and on data lanes every
 * system call that neither the lane nor one of its drivers makes. Whoever takes a lane over through
 * a bug in what it reads from the wire finds no file, no process and no socket to open.
 *
 * A call that is not allowed ends the process: a handler prints the thread, the call's name and its
 * arguments, then aborts. Cold: called at start, by the thread that is confined. Nothing is taken
 * back.
 */
#ifndef GYR_CONFINE_H
#define GYR_CONFINE_H

#include <sys/types.h>

#include "gyr_base.h"

/* A set of capabilities, bit n is capability n of <linux/capability.h>. */
#define GYR_CONFINE_CAPABILITY(number) (UINT64_C(1) << (number))

struct gyr_confine_user {
	bool change; /* false: stay who we are */
	uid_t uid;
	gid_t gid;
	char name[64];
};

/*
 * Looks user and group up; both "": no change, as where we are that user already. group "": the
 * user's own. GYR_ERR_CONFIG for a name that does not exist, GYR_ERR_PERMISSION where becoming that
 * user needs root and we are not.
 */
GYR_MUST_USE int gyr_confine_find(struct gyr_confine_user *out, const char *user,
				  const char *group);

/*
 * Gives a directory, what lies in it and in its folders to the user: what an earlier run as root
 * made, and what the start made. Nothing when no change is wanted. Links are not followed.
 * GYR_ERR_PERMISSION, with the path, for what is neither folder nor file, for a file with several
 * names (it may be somebody else's), and where the user could not reach the directory.
 */
GYR_MUST_USE int gyr_confine_give(const char *directory, const struct gyr_confine_user *to);

/* One file, if there is one. */
GYR_MUST_USE int gyr_confine_give_file(const char *path, const struct gyr_confine_user *to);

/*
 * All threads become the user, without its other groups; the calling thread keeps the capabilities
 * in `keep` as far as it has them, the others none. Without a change of user only the calling
 * thread's capabilities are reduced, and root stays as it is.
 */
GYR_MUST_USE int gyr_confine_become(const struct gyr_confine_user *user, uint64_t keep);

/* The calling thread keeps only these capabilities, for good. */
GYR_MUST_USE int gyr_confine_capabilities(uint64_t keep);

/*
 * Filters the calling thread's system calls: what any lane needs (waiting, waking, its own end, an
 * assertion's report) and the lists, each ended by -1, NULL for none. A list holds the numbers of
 * <sys/syscall.h>. Sets no_new_privs. GYR_ERR_UNSUPPORTED where the kernel has no filters.
 */
GYR_MUST_USE int gyr_confine_calls(const int *const *lists, unsigned list_count);

#endif
