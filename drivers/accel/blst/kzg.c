/* SPDX-License-Identifier: Apache-2.0 */
#include "bls_bytes.h"

/* tau G2 of the KZG ceremony of 2023, compressed: all of the trusted setup that a proof needs. */
static const uint8_t tau_g2[96] = {
	0xb5, 0xbf, 0xd7, 0xdd, 0x8c, 0xde, 0xb1, 0x28, 0x84, 0x3b, 0xc2, 0x87, 0x23, 0x0a,
	0xf3, 0x89, 0x26, 0x18, 0x70, 0x75, 0xcb, 0xfb, 0xef, 0xa8, 0x10, 0x09, 0xa2, 0xce,
	0x61, 0x5a, 0xc5, 0x3d, 0x29, 0x14, 0xe5, 0x87, 0x0c, 0xb4, 0x52, 0xd2, 0xaf, 0xaa,
	0xab, 0x24, 0xf3, 0x49, 0x9f, 0x72, 0x18, 0x5c, 0xbf, 0xee, 0x53, 0x49, 0x27, 0x14,
	0x73, 0x44, 0x29, 0xb7, 0xb3, 0x86, 0x08, 0xe2, 0x39, 0x26, 0xc9, 0x11, 0xcc, 0xec,
	0xea, 0xc9, 0xa3, 0x68, 0x51, 0x47, 0x7b, 0xa4, 0xc6, 0x0b, 0x08, 0x70, 0x41, 0xde,
	0x62, 0x10, 0x00, 0xed, 0xc9, 0x8e, 0xda, 0xda, 0x20, 0xc1, 0xde, 0xf2,
};

/*
 * EIP-4844's verify_kzg_proof: e(C - y G1, G2) = e(proof, tau G2 - z G2), with the scalars moved to
 * the left: e(C - y G1 + z proof, -G2) e(proof, tau G2) = 1.
 */
enum gyr_precompile_status bls_kzg_verify(const uint8_t commitment[48], const uint8_t z[32],
					  const uint8_t y[32], const uint8_t proof[48])
{
	blst_p1_affine points[2]; /* left side, proof */
	blst_p2_affine tau;
	blst_p2_affine minus_g2;
	blst_p2 negated = *blst_p2_generator();
	blst_p1_affine c;
	blst_p1 sum;
	blst_p1 term;
	blst_scalar scalar_z;
	blst_scalar scalar_y;
	blst_fp12 product;
	blst_fp12 loop;

	blst_scalar_from_bendian(&scalar_z, z);
	blst_scalar_from_bendian(&scalar_y, y);
	if (!blst_scalar_fr_check(&scalar_z) || !blst_scalar_fr_check(&scalar_y))
		return GYR_PRECOMPILE_FAILED;
	if (blst_p1_uncompress(&c, commitment) != BLST_SUCCESS ||
	    blst_p1_uncompress(&points[1], proof) != BLST_SUCCESS)
		return GYR_PRECOMPILE_FAILED;
	if ((!blst_p1_affine_is_inf(&c) && !blst_p1_affine_in_g1(&c)) ||
	    (!blst_p1_affine_is_inf(&points[1]) && !blst_p1_affine_in_g1(&points[1])))
		return GYR_PRECOMPILE_FAILED;
	bool tau_read = blst_p2_uncompress(&tau, tau_g2) == BLST_SUCCESS;

	gyr_assert(tau_read);
	blst_p2_cneg(&negated, true);
	blst_p2_to_affine(&minus_g2, &negated);
	blst_p1_mult(&sum, blst_p1_generator(), scalar_y.b, 255);
	blst_p1_cneg(&sum, true);
	blst_p1_add_or_double_affine(&sum, &sum, &c);
	blst_p1_from_affine(&term, &points[1]);
	blst_p1_mult(&term, &term, scalar_z.b, 255);
	blst_p1_add_or_double(&sum, &sum, &term);
	blst_p1_to_affine(&points[0], &sum);

	product = *blst_fp12_one();
	if (!blst_p1_is_inf(&sum)) {
		blst_miller_loop(&loop, &minus_g2, &points[0]);
		blst_fp12_mul(&product, &product, &loop);
	}
	if (!blst_p1_affine_is_inf(&points[1])) {
		blst_miller_loop(&loop, &tau, &points[1]);
		blst_fp12_mul(&product, &product, &loop);
	}
	blst_final_exp(&product, &product);
	return blst_fp12_is_one(&product) ? GYR_PRECOMPILE_OK : GYR_PRECOMPILE_FAILED;
}
