/* SPDX-License-Identifier: Apache-2.0 */
/* How much memory the portable modexp takes. */
#ifndef MODEXP_LIMITS_H
#define MODEXP_LIMITS_H

/* Powers kept for a window of five exponent bits, for moduli of up to this many limbs. */
#define MODEXP_TABLE_ENTRIES   16
#define MODEXP_TABLE_LIMBS_MAX 160

/* Further numbers of the operands' size. */
#define MODEXP_WORK_NUMBERS 12

#endif
