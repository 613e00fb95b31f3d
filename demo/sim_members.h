/* SPDX-License-Identifier: MIT */
/* demo/sim_members.h - which members a body may have, of which type, and how large.  Pure functions. */
#ifndef BYOK_DEMO_SIM_MEMBERS_H
#define BYOK_DEMO_SIM_MEMBERS_H

#include "base/attr.h"

struct yyjson_val;

struct sim_member {
    const char *name; /* NULL ends a table */
    enum sim_type { SIM_ANY, SIM_TEXT, SIM_WHOLE, SIM_NUMBER, SIM_BOOL, SIM_LIST, SIM_OBJECT } type;
    double min, max; /* of a number; both 0: any */
};

enum sim_fit {
    SIM_FITS,
    SIM_UNKNOWN, /* a member that the table does not have */
    SIM_UNFIT /* another type, or beyond its bounds */
};

/** Compare an object with a table; null stands for a member that is left out.  `ret_name` is the
 *  first member that does not fit.  What is no object fits. */
enum sim_fit sim_check_members(struct yyjson_val *object, const struct sim_member *table,
                               const char **ret_name) BYOK_NONNULL(2, 3);

#endif
