/* SPDX-License-Identifier: Apache-2.0 */
/* `check apply` and `check undo`: what is to be changed, what it was before, and who remembers. */
#ifndef TUNE_H
#define TUNE_H

#include "gyr_operate.h"

#define TUNE_CHANGE_COUNT_MAX 4096
#define TUNE_PATH_MAX	      160
#define TUNE_TEXT_MAX	      512

enum tune_kind {
	TUNE_VALUE,  /* a file of sysfs or procfs that holds one value */
	TUNE_CHOICE, /* the same, showing "[always] madvise never" */
	TUNE_FILE,   /* a file of our own; it is removed again where there was none */
	TUNE_RING,   /* an interface's receive ring; the path is its name */
	TUNE_GRO,    /* an interface's generic receive offload, 0 or 1 */
	TUNE_KIND_COUNT,
};

enum tune_outcome {
	TUNE_PLANNED,  /* would be changed (a dry run), or was not come to */
	TUNE_DONE,     /* changed */
	TUNE_KEPT,     /* was so already */
	TUNE_FAILED,   /* should be changed and could not be */
	TUNE_REFUSED,  /* the kernel does not let it be changed, and that is common */
	TUNE_NOT_HERE, /* does not apply to this machine */
	TUNE_BY_HAND,  /* advice: we do not change it */
	TUNE_OUTCOME_COUNT,
};

struct tune_change {
	enum tune_kind kind;
	enum tune_outcome outcome;
	bool optional; /* a refusal is no failure */
	char topic[24];
	char path[TUNE_PATH_MAX]; /* below the root; "" for advice */
	char former[TUNE_TEXT_MAX];
	bool absent; /* TUNE_FILE: there was none */
	char wanted[TUNE_TEXT_MAX];
	char note[192]; /* why, or what went wrong */
};

struct tune {
	const struct gyr_operate_tune_options *options;
	char boot_id[48];
	unsigned count;
	struct tune_change changes[TUNE_CHANGE_COUNT_MAX];
};

/* What this machine should be given, with what it has now. */
void tune_find(struct tune *tune, const struct gyr_conf *conf, const struct gyr_topo_plan *plan);

/* One more change, or one more piece of advice or absence; NULL where the table is full. */
struct tune_change *tune_add(struct tune *tune, enum tune_kind kind, const char *topic,
			     const char *wanted, const char *path_format, ...) GYR_PRINTF(5, 6);
void tune_say(struct tune *tune, enum tune_outcome outcome, const char *topic, const char *format,
	      ...) GYR_PRINTF(4, 5);

/* What a change's place holds now; false where there is no such place. TUNE_FILE: "" and *absent
 * where there is no file. */
bool tune_get(const struct tune *tune, enum tune_kind kind, char out[TUNE_TEXT_MAX], bool *absent,
	      const char *path);

/* Sets it; 0, or a negative errno. absent: removes the file. */
int tune_set(const struct tune *tune, enum tune_kind kind, const char *path, const char *text,
	     bool absent);

/* The state file: nothing there is an empty tune. GYR_ERR_DATA for one that is not whole. */
GYR_MUST_USE int tune_load(struct tune *tune);
/* In one step: whole, or as it was. */
GYR_MUST_USE int tune_save(const struct tune *tune);
GYR_MUST_USE int tune_forget(const struct tune *tune);

/* tune_nic.c */
bool tune_nic_get(enum tune_kind kind, char out[TUNE_TEXT_MAX], const char *interface);
int tune_nic_set(enum tune_kind kind, const char *interface, const char *text);
void tune_nic_find(struct tune *tune, const struct gyr_conf *conf,
		   const struct gyr_topo_plan *plan);

void tune_report(const struct tune *tune, const char *verb, FILE *to);

#endif
