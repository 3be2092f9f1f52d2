/* SPDX-License-Identifier: Apache-2.0 */
#define VECTOR_BITS 256

#include "known_kernels.h"
#include "lanes_xyzz.h"

/* Four lanes of the sums, in the order given. */
INLINE void pick(struct field *r, const uint64_t limb[5][8], __m256i order)
{
	EACH_LIMB(i)
	r->limb[i] = _mm256_permutex2var_epi64(v_load(limb[i]), order, v_load(limb[i] + 4));
}

INLINE void pick_point(struct xyzz *p, const struct known_sums *sums, __m256i order)
{
	pick(&p->x, sums->x, order);
	pick(&p->n, sums->n, order);
	pick(&p->zz, sums->zz, order);
	pick(&p->zzz, sums->zzz, order);
}

#define PERMUTE_FIELD(r, a, order)                                                                 \
	EACH_LIMB(i)                                                                               \
	(r)->limb[i] = _mm256_permute4x64_epi64((a)->limb[i], order)

#define PERMUTE_POINT(r, a, order)                                                                 \
	do {                                                                                       \
		PERMUTE_FIELD(&(r)->x, &(a)->x, order);                                            \
		PERMUTE_FIELD(&(r)->n, &(a)->n, order);                                            \
		PERMUTE_FIELD(&(r)->zz, &(a)->zz, order);                                          \
		PERMUTE_FIELD(&(r)->zzz, &(a)->zzz, order);                                        \
	} while (0)

void known_fold_lanes(struct known_sums *sums, unsigned lanes_each)
{
	/* Which lanes meet first: half of each signature's with the other half. */
	const __m256i low = lanes_each == 8   ? _mm256_setr_epi64x(0, 1, 2, 3)
			    : lanes_each == 4 ? _mm256_setr_epi64x(0, 1, 4, 5)
					      : _mm256_setr_epi64x(0, 2, 4, 6);
	const __m256i high = lanes_each == 8   ? _mm256_setr_epi64x(4, 5, 6, 7)
			     : lanes_each == 4 ? _mm256_setr_epi64x(2, 3, 6, 7)
					       : _mm256_setr_epi64x(1, 3, 5, 7);
	struct xyzz a, b;

	gyr_assert(lanes_each == 8 || lanes_each == 4 || lanes_each == 2);
	pick_point(&a, sums, low);
	pick_point(&b, sums, high);
	xyzz_add(&a, &a, &b);
	if (lanes_each == 8) {
		PERMUTE_POINT(&b, &a, 0x4e);
		xyzz_add(&a, &a, &b);
	}
	if (lanes_each >= 4) {
		PERMUTE_POINT(&b, &a, 0xb1);
		xyzz_add(&a, &a, &b);
	}
	if (lanes_each == 4) /* signature 1 lies in lane 2 */
		PERMUTE_POINT(&a, &a, 0x08);
	EACH_LIMB(i)
	{
		v_store(sums->x[i], a.x.limb[i]);
		v_store(sums->n[i], a.n.limb[i]);
		v_store(sums->zz[i], a.zz.limb[i]);
		v_store(sums->zzz[i], a.zzz.limb[i]);
	}
}
