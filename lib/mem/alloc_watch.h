/* SPDX-License-Identifier: Apache-2.0 */
/* Between mem.c and the allocation hook: how many sealed memories the process has. */
#ifndef ALLOC_WATCH_H
#define ALLOC_WATCH_H

void alloc_watch_arm(void);
void alloc_watch_disarm(void);

#endif
