/* SPDX-License-Identifier: Apache-2.0 */
#define VECTOR_BITS 512

#include "gyr_secp_point.h"
#include "known_kernels.h"
#include "lanes_xyzz.h"

#define STEP_COUNT (KNOWN_G_WINDOWS + KNOWN_Q_WINDOWS)
#define PHASE_MAX  8

/* One addition: a row per lane. */
struct step {
	const struct ifma_row *row[LANE_COUNT];
	lane_mask negative, skip;
};

/* The window of `bits` bits at `position` of every lane's slice, over rows from `first_row` of
 * base. */
INLINE void set_step(struct step *step, vec slice, vec base, int position, int bits, int first_row,
		     bool is_signed)
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

INLINE void set_g_step(struct step *step, vec slice, vec base, int window)
{
	set_step(step, slice, base, KNOWN_G_WINDOW_BITS * window, KNOWN_G_WINDOW_BITS,
		 KNOWN_G_FIRST_ROW(window), window > 0);
}

INLINE void set_q_step(struct step *step, vec slice, vec base, int window)
{
	set_step(step, slice, base, KNOWN_Q_POSITION(window), KNOWN_Q_BITS(window),
		 KNOWN_Q_FIRST_ROW(window), true);
}

/*
 * Which rows the lanes add in one phase. In the first phase the blinded window of u1 comes first,
 * as the sum starts there; later it comes last.
 */
INLINE void set_phase(struct step step[STEP_COUNT], const struct known_shared *shared,
		      const struct known_job *job, unsigned lanes_each, unsigned phase)
{
	const unsigned phases = lanes_each == 8 ? 1 : 8 / lanes_each;
	uint64_t g[LANE_COUNT], q[LANE_COUNT], g_base[LANE_COUNT], q_base[LANE_COUNT];
	vec vg, vq, vg_base, vq_base;
	int at = 0;

	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		unsigned given = lanes_each == 8 ? 0 : lane / lanes_each;
		unsigned i = given < job->count ? given : 0;
		unsigned half = lanes_each == 8 ? lane / 4 : phase < phases / 2;
		unsigned slice = lanes_each == 8
					 ? lane % 4
					 : lane % lanes_each + phase % (phases / 2) * lanes_each;

		g[lane] = job->g_slice[half][i][slice];
		q[lane] = job->q_slice[half][i][slice];
		g_base[lane] = (uint64_t)(uintptr_t)shared->g_row[slice];
		q_base[lane] = (uint64_t)(uintptr_t)job->table[i]->row[slice];
	}
	vg = v_load(g);
	vq = v_load(q);
	vg_base = v_load(g_base);
	vq_base = v_load(q_base);
#pragma GCC unroll 3
	for (int w = 0; phase == 0 && w < KNOWN_G_WINDOWS; w++)
		set_g_step(&step[at++], vg, vg_base, w);
#pragma GCC unroll 5
	for (int w = 0; w < KNOWN_Q_WINDOWS; w++)
		set_q_step(&step[at++], vq, vq_base, w);
#pragma GCC unroll 3
	for (int w = KNOWN_G_WINDOWS - 1; phase != 0 && w >= 0; w--)
		set_g_step(&step[at++], vg, vg_base, w);
	for (int s = 0; s < STEP_COUNT; s++)
		for (int lane = 0; lane < LANE_COUNT; lane++)
			__builtin_prefetch(step[s].row[lane]);
}

INLINE void load_step(struct field *x, struct field *y, const struct step *step)
{
	vec w[8];

	v_load_rows(w, (const void *const *)step->row);
	field_unpack(x, w[0], w[1], w[2], w[3]);
	field_unpack(y, w[4], w[5], w[6], w[7]);
}

OUT_OF_LINE void add_step(struct xyzz *p, const struct step *step)
{
	struct field x, y;

	load_step(&x, &y, step);
	xyzz_add_affine(p, &x, &y, step->negative, step->skip, false);
}

OUT_OF_LINE void add_first_step(struct xyzz *p, const struct step *step)
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

/* The sums of the second halves come first, in all lanes or, alone, in lanes 4 to 7. */
INLINE void sum_lanes(struct known_sums *sums, const struct known_shared *shared,
		      const struct known_job *job, const unsigned lanes_each)
{
	const unsigned phases = lanes_each == 8 ? 1 : 8 / lanes_each;
	struct step step[PHASE_MAX][STEP_COUNT];
	struct field x, y, beta, one;
	struct xyzz p;

	for (unsigned phase = 0; phase < phases; phase++)
		set_phase(step[phase], shared, job, lanes_each, phase);
	field_set(&beta, gyr_secp_beta.limb);
	if (lanes_each == 1) {
		field_set(&x, shared->start_x);
		field_set(&y, shared->start_y);
		start_at(&p, &x, &y);
		add_first_step(&p, &step[0][0]);
		add_step(&p, &step[0][1]);
	} else {
		load_step(&x, &y, &step[0][0]);
		start_at(&p, &x, &y);
		add_first_step(&p, &step[0][1]);
	}
	for (int s = 2; s < STEP_COUNT; s++)
		add_step(&p, &step[0][s]);
	for (unsigned phase = 1; phase < phases; phase++) {
		if (phase == phases / 2)
			field_mul(&p.x, &p.x, &beta);
		for (int s = 0; s < STEP_COUNT; s++)
			add_step(&p, &step[phase][s]);
	}
	if (lanes_each == 8) {
		field_one(&one);
		field_blend(&beta, 0xf0, &one, &beta);
		field_mul(&p.x, &p.x, &beta);
	}
	if (lanes_each == 1) {
		field_set(&x, shared->end_x);
		field_set(&y, shared->start_y);
		xyzz_add_affine(&p, &x, &y, LANES_ALL, 0, false);
	}
	store_sums(sums, &p);
}

void known_sum_lanes(struct known_sums *sums, const struct known_shared *shared,
		     const struct known_job *job)
{
	gyr_assert(job->count >= 1 && job->count <= GYR_KNOWN_GROUP_MAX);
	switch (known_lanes_each(job->count)) {
	case 8:
		sum_lanes(sums, shared, job, 8);
		break;
	case 4:
		sum_lanes(sums, shared, job, 4);
		break;
	case 2:
		sum_lanes(sums, shared, job, 2);
		break;
	default:
		sum_lanes(sums, shared, job, 1);
		break;
	}
}
