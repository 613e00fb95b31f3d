/* SPDX-License-Identifier: MIT */
/* client/clock.c - time, ids and signals: what a command takes from the system. */
#include <signal.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "client/cli.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

void byok_cli_catch_signals(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = (int)SA_RESETHAND; /* the second one ends the process */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool byok_cli_interrupted(void)
{
    return interrupted != 0;
}

static int64_t clock_ms(clockid_t which)
{
    struct timespec at;
    clock_gettime(which, &at); /* cannot fail for these two clocks */
    return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

int64_t byok_now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

int64_t byok_wall_ms(void)
{
    return clock_ms(CLOCK_REALTIME);
}

void byok_new_id(char out[static BYOK_REQUEST_ID_BYTES])
{
    unsigned char bytes[16];
    uint64_t ms = (uint64_t)byok_wall_ms();
    randombytes_buf(bytes, sizeof bytes);
    for (int i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(ms >> (8 * (5 - i)));
    bytes[6] = (unsigned char)(0x70 | (bytes[6] & 0x0f)); /* version 7 */
    bytes[8] = (unsigned char)(0x80 | (bytes[8] & 0x3f)); /* the variant of RFC 9562 */
    static const char digits[] = "0123456789abcdef";
    char *at = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    *at = '\0';
}
