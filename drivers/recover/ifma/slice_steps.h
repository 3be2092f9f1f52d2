/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Additions of table rows to the sums of eight slices, one per lane: 512-bit vectors only. See
 * known_kernels.h for the windows.
 */
#ifndef SLICE_STEPS_H
#define SLICE_STEPS_H

#include "known_kernels.h"
#include "lanes_xyzz.h"

/* The window of `bits` bits at `position` of every lane's slice, over rows from `first_row` of
 * base. */
INLINE void set_step(struct slice_step *step, vec slice, vec base, int position, int bits,
		     int first_row, bool is_signed)
{
	vec e = v_and(v_shift_right(slice, position), v_set((1u << bits) - 1));

	step->negative = step->skip = 0;
	if (is_signed) {
		vec digit = v_sub(e, v_set(1u << (bits - 1)));

		step->negative = v_is_negative(digit);
		digit = v_abs(digit);
		step->skip = v_is_zero(digit);
		e = v_sub(v_max(digit, v_set(1)), v_set(1));
	}
	v_store(step->row, v_add(base, v_shift_left(v_add(e, v_set((unsigned)first_row)), 6)));
}

INLINE void set_g_step(struct slice_step *step, vec slice, vec base, int window)
{
	set_step(step, slice, base, KNOWN_G_WINDOW_BITS * window, KNOWN_G_WINDOW_BITS,
		 KNOWN_G_FIRST_ROW(window), window > 0);
}

INLINE void set_q_step(struct slice_step *step, vec slice, vec base, int window)
{
	set_step(step, slice, base, KNOWN_Q_POSITION(window), KNOWN_Q_BITS(window),
		 KNOWN_Q_FIRST_ROW(window), true);
}

INLINE void load_step(struct field *x, struct field *y, const struct slice_step *step)
{
	vec w[8];

	v_load_rows(w, (const void *const *)step->row);
	field_unpack(x, w[0], w[1], w[2], w[3]);
	field_unpack(y, w[4], w[5], w[6], w[7]);
}

OUT_OF_LINE void add_step(struct xyzz *p, const struct slice_step *step)
{
	struct field x, y;

	load_step(&x, &y, step);
	xyzz_add_affine(p, &x, &y, step->negative, step->skip, false);
}

OUT_OF_LINE void add_first_step(struct xyzz *p, const struct slice_step *step)
{
	struct field x, y;

	load_step(&x, &y, step);
	xyzz_add_affine(p, &x, &y, step->negative, step->skip, true);
}

/* P = (x, y) */
INLINE void start_at(struct xyzz *p, const struct field *x, const struct field *y)
{
	vec c[5];

	p->x = *x;
	EACH_LIMB(i)
	c[i] = v_sub(FIELD_MINUEND(2, i), y->limb[i]);
	field_ripple(&p->n, c); /* 2 */
	field_one(&p->zz);
	field_one(&p->zzz);
}

INLINE void store_sums(struct known_sums *sums, const struct xyzz *p)
{
	EACH_LIMB(i)
	{
		v_store(sums->x[i], p->x.limb[i]);
		v_store(sums->n[i], p->n.limb[i]);
		v_store(sums->zz[i], i < 4 ? v_and(p->zz.limb[i], MASK52) : p->zz.limb[i]);
		v_store(sums->zzz[i], i < 4 ? v_and(p->zzz.limb[i], MASK52) : p->zzz.limb[i]);
	}
}

#endif
