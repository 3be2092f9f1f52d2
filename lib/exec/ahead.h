/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What execution does for many transactions at once. Looking ahead in the log: parses transactions
 * some records before execution comes to them, and tells the state-transition function what is to
 * come. Telling: hashes the logs of some transactions side by side before their results go out. No
 * result depends on either.
 */
#ifndef EXEC_AHEAD_H
#define EXEC_AHEAD_H

#include "gyr_exec.h"

/* Reads on in the log where less than half of what may be read ahead is left. */
void exec_look_ahead(struct gyr_exec *exec);

/*
 * The parsed transaction of the record, and what parsing it said. From what was read ahead, or
 * parsed now; stays until the record is done with.
 */
enum gyr_verdict exec_parsed(struct gyr_exec *exec, const struct gyr_txn **out,
			     const struct gyr_log_record *record);

/* Live: takes the result of the transaction that is done; the list has room. */
void exec_hold(struct gyr_exec *exec);

/* Tells all that is held, in order; false while the ring has no room. */
bool exec_tell_held(struct gyr_exec *exec);

#endif
