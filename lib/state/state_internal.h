/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of lib/state share. */
#ifndef STATE_INTERNAL_H
#define STATE_INTERNAL_H

#include "gyr_state.h"

/* Takes a record out of its table. Indices of other records stay. */
void state_account_erase(struct gyr_state *state, uint32_t index);
void state_slot_erase(struct gyr_state *state, uint32_t index);

/* Makes index 0 the empty code; reset drops all others. */
void state_code_init(struct gyr_state *state);
void state_code_reset(struct gyr_state *state);

/* Drops the code at the end of the table that this transaction added and no account holds. */
void state_code_trim(struct gyr_state *state);

#endif
