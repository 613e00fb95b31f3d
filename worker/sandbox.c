/* SPDX-License-Identifier: MIT */
/* worker/sandbox.c - settings to the two halves, and what became of them to the log. */
#include "worker/sandbox.h"

#include <string.h>
#include <sys/prctl.h>

#include "worker/sandbox_parts.h"

static bool is_wanted(const char *setting)
{
    return strcmp(setting, "off") != 0;
}

/* What the kernel lacks is an error only when it was required. */
static enum byok_err lacking(const char *what, const char *setting, struct byok_log *log,
                             struct byok_fault *fault)
{
    if (strcmp(setting, "require") == 0)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "this kernel has no %s, which the settings require", what);
    byok_log_event(log, BYOK_LOG_WARN, "sandbox_lacking", BYOK_F_TEXT("what", what),
                   BYOK_F_TEXT("hint", "this kernel does not have it, or the container forbids "
                                       "it: the worker goes on without"));
    return BYOK_E_OK;
}

enum byok_err byok_sandbox_enter(const struct byok_config *config, struct byok_log *log,
                                 struct byok_fault *fault)
{
    int abi = 0;
    bool filtered = false;
    enum byok_err err = BYOK_E_OK;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "no new privileges cannot be given up");
    if (is_wanted(config->sandbox.landlock)) {
        err = byok_sandbox_files(config, &abi, fault);
        if (err == BYOK_E_OK && abi == 0)
            err = lacking("Landlock", config->sandbox.landlock, log, fault);
    }
    if (err == BYOK_E_OK && is_wanted(config->sandbox.seccomp)) {
        err = byok_sandbox_calls(&filtered, fault);
        if (err == BYOK_E_OK && !filtered)
            err = lacking("seccomp filter", config->sandbox.seccomp, log, fault);
    }
    if (err == BYOK_E_OK)
        byok_log_event(log, BYOK_LOG_INFO, "sandbox", BYOK_F_TEXT("no_new_privs", "on"),
                       BYOK_F_TEXT("landlock", abi > 0 ? "on" : "off"),
                       BYOK_F_INT("landlock_abi", abi),
                       BYOK_F_TEXT("seccomp", filtered ? "on" : "off"));
    return err;
}
