/* SPDX-License-Identifier: MIT */
/* base/limits.h - every limit on what an outsider can make grow, with its reason. */
#ifndef BYOK_BASE_LIMITS_H
#define BYOK_BASE_LIMITS_H

#define BYOK_ID_MAX 128         /* request id: a UUID is 36; a key in state and index */
#define BYOK_USER_MAX 256       /* user id: the record key */
#define BYOK_PROVIDER_MAX 64    /* provider name: a configuration word */
#define BYOK_MODEL_MAX 256      /* longest seen: router paths of about 100 */
#define BYOK_FALLBACKS_MAX 8   /* of a job: with its own provider they fit into its attempts */
#define BYOK_LABEL_MAX 64       /* key label */
#define BYOK_REALM_MAX 64       /* what sealed keys are bound to: a Kafka cluster id has 22 */
#define BYOK_ORIGIN_MAX 256     /* scheme://host:port of a provider */
#define BYOK_TRACEPARENT_MAX 64 /* W3C Trace Context: 55 in version 00 */
#define BYOK_KEY_MIN 8          /* shorter is surely a mistake */
#define BYOK_KEY_MAX 512        /* longest provider keys seen: about 200 */
#define BYOK_NEST_MAX 32        /* depth of a message; msgpack-c's own stack is 32 too */
#define BYOK_METADATA_MAX 16384 /* echoed with every result */
#define BYOK_ATTEMPTS_MAX 16    /* attempts noted in a result */

/* Default payload limits; settings may change them. */
#define BYOK_REQUEST_BYTES_MAX (8u * 1024 * 1024)
#define BYOK_ANSWER_BYTES_MAX (32u * 1024 * 1024)

#endif
