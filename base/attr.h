/* SPDX-License-Identifier: MIT */
/* base/attr.h - the compiler attributes this project uses, under one name each.
 *
 * The only place that names a GNU attribute, so that another compiler needs one edit.
 */
#ifndef BYOK_BASE_ATTR_H
#define BYOK_BASE_ATTR_H

#define BYOK_MUST_USE __attribute__((warn_unused_result))
#define BYOK_NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#define BYOK_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define BYOK_UNUSED __attribute__((unused))

/* A local of `struct <type>` that is released by `<type>_done(&local)` on every way out of its
 * scope.  It must be initialised where it is declared; give it away with the type's `_take`. */
#define BYOK_AUTO(type) __attribute__((cleanup(type##_done))) struct type

/* A pointer to a function of the executable that is called before those of its libraries. */
#define BYOK_PREINIT __attribute__((section(".preinit_array"), used))
/* For what runs before a sanitizer is ready. */
#define BYOK_UNSANITIZED __attribute__((no_sanitize("address", "undefined", "thread")))

#endif
