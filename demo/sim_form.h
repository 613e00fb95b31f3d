/* SPDX-License-Identifier: MIT */
/* demo/sim_form.h - the parts of a form with files (RFC 7578, RFC 2046 5.1.1).  Pure functions. */
#ifndef BYOK_DEMO_SIM_FORM_H
#define BYOK_DEMO_SIM_FORM_H

#include "demo/sim_wire.h"

/** A part; borrows from the body. */
struct sim_part {
    struct byok_str name, file_name, body;
};

typedef void sim_form_take(struct sim_request *request, const struct sim_part *part);

/** Hand each part of `body` to `take`; false when the body is no whole form. */
bool sim_form_read(struct byok_str body, sim_form_take *take, struct sim_request *request)
    BYOK_NONNULL(2, 3) BYOK_MUST_USE;

#endif
