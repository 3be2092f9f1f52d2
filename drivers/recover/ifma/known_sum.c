/* SPDX-License-Identifier: Apache-2.0 */
#define VECTOR_BITS 512

#include "gyr_secp_point.h"
#include "slice_steps.h"

#define STEP_COUNT (KNOWN_G_WINDOWS + KNOWN_Q_WINDOWS)
#define PHASE_MAX  8

/*
 * Which rows the lanes add in one phase. In the first phase the blinded window of u1 comes first,
 * as the sum starts there; later it comes last.
 */
INLINE void set_phase(struct slice_step step[STEP_COUNT], const struct known_shared *shared,
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
		g_base[lane] = (uint64_t)(uintptr_t)shared->g_table->row[slice];
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

/* The sums of the second halves come first, in all lanes or, alone, in lanes 4 to 7. */
INLINE void sum_lanes(struct known_sums *sums, const struct known_shared *shared,
		      const struct known_job *job, const unsigned lanes_each)
{
	const unsigned phases = lanes_each == 8 ? 1 : 8 / lanes_each;
	struct slice_step step[PHASE_MAX][STEP_COUNT];
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
