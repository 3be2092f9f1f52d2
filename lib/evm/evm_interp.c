/* SPDX-License-Identifier: Apache-2.0 */
#define INTERPRET	 evm_interpret
#define INTERPRET_LABELS labels
#define INTERPRET_TRACED 0
#include "interp_body.inc"
