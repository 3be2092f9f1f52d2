/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gyr_confine.h"
#include "gyr_err.h"

#define DEPTH_MAX 4 /* data, its log, its checkpoints, and one to spare */

int gyr_confine_find(struct gyr_confine_user *out, const char *user, const char *group)
{
	const struct passwd *entry;
	const struct group *group_entry;

	memset(out, 0, sizeof *out);
	if (user[0] == '\0' && group[0] == '\0')
		return 0;
	if (user[0] == '\0')
		GYR_FAIL(GYR_ERR_CONFIG, "security.group without security.user");
	errno = 0;
	entry = getpwnam(user);
	if (entry == NULL)
		GYR_FAIL(GYR_ERR_CONFIG, "security.user: there is no user '%s'%s", user,
			 errno == 0 ? " (useradd --system)" : "");
	out->uid = entry->pw_uid;
	out->gid = entry->pw_gid;
	(void)snprintf(out->name, sizeof out->name, "%s", user);
	if (group[0] != '\0') {
		group_entry = getgrnam(group);
		if (group_entry == NULL)
			GYR_FAIL(GYR_ERR_CONFIG, "security.group: there is no group '%s'", group);
		out->gid = group_entry->gr_gid;
	}
	out->change = geteuid() != out->uid || getegid() != out->gid;
	if (out->change && geteuid() != 0)
		GYR_FAIL(GYR_ERR_PERMISSION,
			 "security.user: only root becomes '%s'; start as root, or as '%s' itself",
			 user, user);
	return 0;
}

/*
 * Without opening what is no folder: closing a file gives up every lock of fcntl that this process
 * has on it, and the store has one on its lock file.
 */
static int give_one(int directory, const char *name, const char *path,
		    const struct gyr_confine_user *to, int *folder)
{
	int fd = openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat info;

	*folder = -1;
	if (fd < 0) {
		if (errno == ENOENT)
			return 0;
		GYR_FAIL(GYR_ERR_PERMISSION, "cannot open %s%s: %s", path, name, strerror(errno));
	}
	/* A link itself may be given: nothing of what it names changes. */
	if (fstat(fd, &info) < 0 ||
	    (!S_ISDIR(info.st_mode) && !S_ISREG(info.st_mode) && !S_ISLNK(info.st_mode))) {
		(void)close(fd);
		GYR_FAIL(GYR_ERR_PERMISSION, "%s%s is neither a file nor a folder", path, name);
	}
	if (S_ISREG(info.st_mode) && info.st_nlink != 1) {
		(void)close(fd);
		GYR_FAIL(GYR_ERR_PERMISSION,
			 "%s%s has several names (hard links): it is not given to user %s", path,
			 name, to->name);
	}
	if ((info.st_uid != to->uid || info.st_gid != to->gid) &&
	    fchownat(fd, "", to->uid, to->gid, AT_EMPTY_PATH) < 0) {
		(void)close(fd);
		GYR_FAIL(GYR_ERR_PERMISSION, "%s%s cannot be given to user %s: %s", path, name,
			 to->name, strerror(errno));
	}
	if (S_ISDIR(info.st_mode)) {
		*folder = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (*folder < 0) {
			(void)close(fd);
			GYR_FAIL(GYR_ERR_PERMISSION, "cannot open %s%s: %s", path, name,
				 strerror(errno));
		}
	}
	(void)close(fd);
	return 0;
}

/* Takes the descriptor over. */
static int give_folder(int fd, const char *path, const struct gyr_confine_user *to, unsigned depth)
{
	DIR *folder = fdopendir(fd);
	const struct dirent *entry;
	int error = 0;

	if (folder == NULL) {
		(void)close(fd);
		GYR_FAIL(GYR_ERR_PERMISSION, "cannot list %s: %s", path, strerror(errno));
	}
	while (error == 0 && (entry = readdir(folder)) != NULL) {
		char below[512];
		int inner;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		error = give_one(dirfd(folder), entry->d_name, path, to, &inner);
		if (error < 0 || inner < 0)
			continue;
		(void)snprintf(below, sizeof below, "%.200s%.255s/", path, entry->d_name);
		if (depth == DEPTH_MAX) {
			(void)close(inner);
			error = gyr_err_push(GYR_ERR_PERMISSION, __FILE__, __LINE__,
					     "%s lies deeper than a data directory goes", below);
		} else {
			error = give_folder(inner, below, to, depth + 1);
		}
	}
	(void)closedir(folder);
	return error;
}

/* Every folder above must let the user through. */
static int check_way(const char *directory, const struct gyr_confine_user *to)
{
	char path[PATH_MAX];
	struct stat info;

	(void)snprintf(path, sizeof path, "%s", directory);
	for (char *slash = strrchr(path, '/'); slash != NULL && slash != path;
	     slash = strrchr(path, '/')) {
		mode_t bit;

		*slash = '\0';
		if (stat(path, &info) < 0)
			break;
		bit = info.st_uid == to->uid ? S_IXUSR : info.st_gid == to->gid ? S_IXGRP : S_IXOTH;
		if ((info.st_mode & bit) == 0)
			GYR_FAIL(GYR_ERR_PERMISSION,
				 "user %s does not get to %s: %s is closed to it (chmod o+x, or "
				 "another data.directory)",
				 to->name, directory, path);
	}
	return 0;
}

int gyr_confine_give(const char *directory, const struct gyr_confine_user *to)
{
	char path[PATH_MAX];
	int folder;

	if (!to->change)
		return 0;
	if (realpath(directory, path) == NULL)
		GYR_FAIL(GYR_ERR_IO, "cannot find %s: %s", directory, strerror(errno));
	GYR_TRY(check_way(path, to));
	GYR_TRY(give_one(AT_FDCWD, path, "", to, &folder));
	(void)strncat(path, "/", sizeof path - strlen(path) - 1);
	return folder < 0 ? 0 : give_folder(folder, path, to, 1);
}

int gyr_confine_give_file(const char *path, const struct gyr_confine_user *to)
{
	int folder = -1;

	if (!to->change || path[0] == '\0')
		return 0;
	GYR_TRY(give_one(AT_FDCWD, path, "", to, &folder));
	if (folder >= 0)
		(void)close(folder);
	return 0;
}

int gyr_confine_capabilities(uint64_t keep)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2] = { 0 };

	if (syscall(SYS_capget, &header, sets) < 0)
		GYR_FAIL(GYR_ERR_PERMISSION, "capget: %s", strerror(errno));
	for (unsigned i = 0; i < 2; i++) {
		sets[i].permitted &= (uint32_t)(keep >> (32 * i));
		sets[i].effective = sets[i].permitted;
		sets[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, sets) < 0)
		GYR_FAIL(GYR_ERR_PERMISSION, "capabilities cannot be given up: %s",
			 strerror(errno));
	return 0;
}

int gyr_confine_become(const struct gyr_confine_user *user, uint64_t keep)
{
	if (!user->change)
		return geteuid() == 0 ? 0 : gyr_confine_capabilities(keep);
	/* Of the calling thread alone: the others lose all of theirs with the user. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setgroups(0, NULL) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		GYR_FAIL(GYR_ERR_PERMISSION, "cannot become user %s: %s", user->name,
			 strerror(errno));
	(void)prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	/* Nothing that is executed from here on, or started, gains rights again. */
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	/* So that core dumps and the owner's tools still work. */
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	gyr_assert(geteuid() == user->uid && getegid() == user->gid);
	return gyr_confine_capabilities(keep);
}
