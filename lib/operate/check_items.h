/* SPDX-License-Identifier: Apache-2.0 */
/* The items of `check`: each looks at one thing and reports one finding. */
#ifndef CHECK_ITEMS_H
#define CHECK_ITEMS_H

#include "gyr_operate.h"

enum finding_kind {
	FINDING_GOOD,
	FINDING_NOTE,	  /* worth knowing, nothing to do */
	FINDING_ADVICE,	  /* would be better otherwise */
	FINDING_WRONG,	  /* will cost latency, or fail */
	FINDING_NOT_HERE, /* does not apply to this machine */
};

struct finding {
	char topic[32];
	enum finding_kind kind;
	char found[120];
	char advice[200]; /* a command where there is one; "" when there is nothing to do */
};

#define FINDING_COUNT_MAX 64

struct check {
	const struct gyr_conf *conf; /* NULL: none given */
	struct gyr_topo_plan plan;   /* of conf, when there is one */
	bool virtual_machine;
	bool root;
	unsigned finding_count;
	struct finding findings[FINDING_COUNT_MAX];
};

void check_report(struct check *check, const char *topic, enum finding_kind kind,
		  const char *advice, const char *format, ...) GYR_PRINTF(5, 6);

/* The first line of a small file, without its line break; false when it cannot be read. */
bool check_read(char *out, size_t size, const char *format, ...) GYR_PRINTF(3, 4);

/* Whether a CPU is in a list such as "2-5,7". */
bool check_list_has(const char *list, unsigned cpu);

void check_processor(struct check *check);
void check_memory(struct check *check);
void check_isolation(struct check *check);
void check_power(struct check *check);
void check_clock(struct check *check);
void check_interrupts(struct check *check);
void check_gates(struct check *check);
void check_disk(struct check *check);
void check_io_uring(struct check *check);

#endif
