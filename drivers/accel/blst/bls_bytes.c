/* SPDX-License-Identifier: Apache-2.0 */
#include "bls_bytes.h"

static const uint8_t prime[48] = {
	0x1a, 0x01, 0x11, 0xea, 0x39, 0x7f, 0xe6, 0x9a, 0x4b, 0x1b, 0xa7, 0xb6,
	0x43, 0x4b, 0xac, 0xd7, 0x64, 0x77, 0x4b, 0x84, 0xf3, 0x85, 0x12, 0xbf,
	0x67, 0x30, 0xd2, 0xa0, 0xf6, 0xb0, 0xf6, 0x24, 0x1e, 0xab, 0xff, 0xfe,
	0xb1, 0x53, 0xff, 0xff, 0xb9, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xaa, 0xab,
};

bool bls_read_fp(blst_fp *element, const uint8_t bytes[64])
{
	static const uint8_t zeros[16];

	if (memcmp(bytes, zeros, sizeof zeros) != 0 || memcmp(bytes + 16, prime, sizeof prime) >= 0)
		return false;
	blst_fp_from_bendian(element, bytes + 16);
	return true;
}

bool bls_read_fp2(blst_fp2 *element, const uint8_t bytes[128])
{
	return bls_read_fp(&element->fp[0], bytes) && bls_read_fp(&element->fp[1], bytes + 64);
}

bool bls_read_g1(blst_p1_affine *point, const uint8_t bytes[128])
{
	return bls_read_fp(&point->x, bytes) && bls_read_fp(&point->y, bytes + 64) &&
	       (blst_p1_affine_is_inf(point) || blst_p1_affine_on_curve(point));
}

bool bls_read_g2(blst_p2_affine *point, const uint8_t bytes[256])
{
	return bls_read_fp2(&point->x, bytes) && bls_read_fp2(&point->y, bytes + 128) &&
	       (blst_p2_affine_is_inf(point) || blst_p2_affine_on_curve(point));
}

static void write_fp(uint8_t bytes[64], const blst_fp *element)
{
	memset(bytes, 0, 16);
	blst_bendian_from_fp(bytes + 16, element);
}

void bls_write_g1(uint8_t bytes[128], const blst_p1 *point)
{
	blst_p1_affine affine;

	if (blst_p1_is_inf(point)) {
		memset(bytes, 0, 128);
		return;
	}
	blst_p1_to_affine(&affine, point);
	write_fp(bytes, &affine.x);
	write_fp(bytes + 64, &affine.y);
}

void bls_write_g2(uint8_t bytes[256], const blst_p2 *point)
{
	blst_p2_affine affine;

	if (blst_p2_is_inf(point)) {
		memset(bytes, 0, 256);
		return;
	}
	blst_p2_to_affine(&affine, point);
	write_fp(bytes, &affine.x.fp[0]);
	write_fp(bytes + 64, &affine.x.fp[1]);
	write_fp(bytes + 128, &affine.y.fp[0]);
	write_fp(bytes + 192, &affine.y.fp[1]);
}
