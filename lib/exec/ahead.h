/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking ahead in the log: parses transactions some records before execution comes to them, and
 * tells the state-transition function what is to come. No result depends on it.
 */
#ifndef EXEC_AHEAD_H
#define EXEC_AHEAD_H

#include "gyr_exec.h"

/* Live: reads on in the log where less than half of what may be read ahead is left. */
void exec_look_ahead(struct gyr_exec *exec);

/*
 * The parsed transaction of the record, and what parsing it said. From what was read ahead, or
 * parsed now; stays until the record is done with.
 */
enum gyr_verdict exec_parsed(struct gyr_exec *exec, const struct gyr_txn **out,
			     const struct gyr_log_record *record);

#endif
