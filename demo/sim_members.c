/* SPDX-License-Identifier: MIT */
/* demo/sim_members.c - see demo/sim_members.h. */
#include "demo/sim_members.h"

#include <yyjson.h>

static bool is_of_type(yyjson_val *value, enum sim_type type)
{
    switch (type) {
    case SIM_TEXT:
        return yyjson_is_str(value);
    case SIM_WHOLE:
        return yyjson_is_int(value);
    case SIM_NUMBER:
        return yyjson_is_num(value);
    case SIM_BOOL:
        return yyjson_is_bool(value);
    case SIM_LIST:
        return yyjson_is_arr(value);
    case SIM_OBJECT:
        return yyjson_is_obj(value);
    case SIM_ANY:
        break;
    }
    return true;
}

static bool fits(yyjson_val *value, const struct sim_member *member)
{
    if (yyjson_is_null(value))
        return true;
    if (!is_of_type(value, member->type))
        return false;
    const double number = yyjson_get_num(value);
    return !yyjson_is_num(value) || (member->min == 0 && member->max == 0) ||
           (number >= member->min && number <= member->max);
}

enum sim_fit sim_check_members(struct yyjson_val *object, const struct sim_member *table,
                               const char **ret_name)
{
    size_t i, count;
    yyjson_val *name, *value;
    yyjson_obj_foreach(object, i, count, name, value)
    {
        const struct sim_member *member = table;
        *ret_name = yyjson_get_str(name);
        while (member->name && !yyjson_equals_str(name, member->name))
            member++;
        if (!member->name)
            return SIM_UNKNOWN;
        if (!fits(value, member))
            return SIM_UNFIT;
    }
    return SIM_FITS;
}
