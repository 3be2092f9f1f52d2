/* SPDX-License-Identifier: Apache-2.0 */
/* Signing a run's transfers, block by block. Any thread, each block by one. */
#ifndef SIGN_BLOCK_H
#define SIGN_BLOCK_H

#include "gyr_load.h"

#define LOAD_SIGN_BLOCK 64

/*
 * Signs transactions [64 * block, 64 * block + 64) of the work, as far as there are so many. The
 * nonces of a block follow one another, so that their points and inverses cost a few
 * multiplications each: two signatures of one sender in a block give its key away. The keys are
 * everybody's anyway. False in cases of probability 2^-128.
 */
bool load_sign_block(struct gyr_load_work *work, uint64_t block);

#endif
