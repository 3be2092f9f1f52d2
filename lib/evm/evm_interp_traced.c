/* SPDX-License-Identifier: Apache-2.0 */
#define INTERPRET	 evm_interpret_traced
#define INTERPRET_LABELS labels_traced
#define INTERPRET_TRACED 1
#include "interp_body.inc"
