/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_parked.c - see tests/sim/sim_parked.h. */
#include "tests/sim/sim_parked.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tests/sim/sim_fault.h"

struct sim_place {
    UT_hash_handle hh;
    unsigned *count;
    size_t len;
    char key[];
};

void sim_parked_note(struct sim_place **places, const struct byok_record *record, unsigned *count)
{
    struct byok_str user;
    struct byok_parked_place place;
    struct sim_place *found = NULL;
    if (!byok_parked_key_read(record->key, &user, &place))
        return;
    HASH_FIND(hh, *places, record->key.ptr, record->key.len, found);
    if (record->value.ptr && !found) {
        found = sim_new(1, sizeof *found + record->key.len);
        found->len = record->key.len;
        found->count = count;
        ++*count;
        memcpy(found->key, record->key.ptr, record->key.len);
        HASH_ADD_KEYPTR(hh, *places, found->key, found->len, found);
        if (!found->hh.tbl)
            abort();
    } else if (!record->value.ptr && found) {
        HASH_DEL(*places, found);
        --*found->count;
        byok_delete(found);
    }
}

size_t sim_parked_count(const struct sim_place *places)
{
    return HASH_COUNT(places);
}

void sim_parked_done(struct sim_place **places)
{
    struct sim_place *place, *next;
    HASH_ITER(hh, *places, place, next) {
        HASH_DEL(*places, place);
        byok_delete(place);
    }
}
