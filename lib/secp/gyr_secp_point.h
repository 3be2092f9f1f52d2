/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Points of secp256k1, y^2 = x^3 + 7. Complete: every function is right for every pair of points,
 * infinity included. Freestanding, variable time: never give it secrets.
 */
#ifndef GYR_SECP_POINT_H
#define GYR_SECP_POINT_H

#include "gyr_secp_field.h"
#include "gyr_secp_scalar.h"

/* A finite point; coordinates of magnitude 1. */
struct gyr_secp_affine {
	struct gyr_secp_field x, y;
};

/* Jacobian: x = X / Z^2, y = Y / Z^3; coordinates of magnitude 1. */
struct gyr_secp_point {
	struct gyr_secp_field x, y, z;
	bool infinity;
};

extern const struct gyr_secp_affine gyr_secp_generator;
extern const struct gyr_secp_field gyr_secp_beta; /* lambda * (x, y) = (beta * x, y) */

static inline void gyr_secp_point_from_affine(struct gyr_secp_point *r,
					      const struct gyr_secp_affine *a)
{
	r->x = a->x;
	r->y = a->y;
	gyr_secp_field_set_small(&r->z, 1);
	r->infinity = false;
}

void gyr_secp_point_double(struct gyr_secp_point *r, const struct gyr_secp_point *a);
void gyr_secp_point_add_affine(struct gyr_secp_point *r, const struct gyr_secp_point *a,
			       const struct gyr_secp_affine *b);

/*
 * To affine, normalized, with one inversion for all; count at most GYR_SECP_AFFINE_COUNT_MAX, none
 * at infinity.
 */
#define GYR_SECP_AFFINE_COUNT_MAX 64
void gyr_secp_point_to_affine(struct gyr_secp_affine *r, const struct gyr_secp_point *a,
			      unsigned count);

/* The point of this x with the wanted parity of y; false where x is not on the curve. */
bool gyr_secp_affine_from_x(struct gyr_secp_affine *r, const struct gyr_secp_field *x, bool odd);

/* A public key, x and y big-endian; false unless it is a point of the curve. */
bool gyr_secp_affine_from_key(struct gyr_secp_affine *r, const uint8_t public_key[64]);
void gyr_secp_affine_to_key(uint8_t public_key[64], const struct gyr_secp_affine *a);

/* r = g * G + q * Q (Shamir's trick over the halves of both); Q may be NULL, with q ignored. */
void gyr_secp_point_multiply(struct gyr_secp_point *r, const struct gyr_secp_scalar *g,
			     const struct gyr_secp_affine *point, const struct gyr_secp_scalar *q);

#endif
