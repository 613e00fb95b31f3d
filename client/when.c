/* SPDX-License-Identifier: MIT */
/* client/when.c - see client/when.h. */
#include "client/when.h"

#include "client/options.h"

/* Off the front: exactly so many digits. */
static bool take_digits(const char **text, int count, int *out)
{
    int number = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        number = number * 10 + (**text - '0');
    }
    *out = number;
    return true;
}

static bool take_char(const char **text, char a, char b)
{
    if (**text != a && **text != b)
        return false;
    (*text)++;
    return true;
}

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil; from 1970 on. */
static int64_t days_of(int year, int month, int day)
{
    year -= month <= 2;
    int era = year / 400, of_era = year % 400;
    int of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool take_date(const char **text, int64_t *days)
{
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!take_digits(text, 4, &year) || !take_char(text, '-', '-') ||
        !take_digits(text, 2, &month) || !take_char(text, '-', '-') || !take_digits(text, 2, &day))
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > lengths[month - 1] ||
        (month == 2 && day == 29 && !leap))
        return false;
    *days = days_of(year, month, day);
    return true;
}

/* "18:00", "18:00:30", "18:00:30.25". */
static bool take_clock(const char **text, int64_t *ms)
{
    int hour, minute, second = 0, place = 100;
    *ms = 0;
    if (!take_digits(text, 2, &hour) || !take_char(text, ':', ':') ||
        !take_digits(text, 2, &minute) || hour > 23 || minute > 59)
        return false;
    if (take_char(text, ':', ':') && (!take_digits(text, 2, &second) || second > 60))
        return false;
    if (take_char(text, '.', '.')) {
        if (**text < '0' || **text > '9')
            return false;
        for (; **text >= '0' && **text <= '9'; (*text)++, place /= 10)
            *ms += (**text - '0') * place;
    }
    *ms += ((int64_t)hour * 3600 + minute * 60 + second) * 1000;
    return true;
}

/* "Z", "+01:00"; a time without it is nobody's. */
static bool take_zone(const char **text, int64_t *ms)
{
    int hours, minutes;
    *ms = 0;
    if (take_char(text, 'Z', 'z'))
        return true;
    int64_t sign = **text == '-' ? -1 : 1;
    if (!take_char(text, '+', '-') || !take_digits(text, 2, &hours) || !take_char(text, ':', ':') ||
        !take_digits(text, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ms = sign * ((int64_t)hours * 60 + minutes) * 60000;
    return true;
}

bool byok_when_read(const char *text, int64_t now_wall_ms, int64_t *out_wall_ms)
{
    int64_t days, clock_ms, zone_ms, duration_ms;
    if (byok_duration_read(text, &duration_ms) && duration_ms <= INT64_MAX - now_wall_ms) {
        *out_wall_ms = now_wall_ms + duration_ms;
        return true;
    }
    if (!take_date(&text, &days) || (!take_char(&text, 'T', 't') && !take_char(&text, ' ', ' ')) ||
        !take_clock(&text, &clock_ms) || !take_zone(&text, &zone_ms) || *text != '\0')
        return false;
    *out_wall_ms = days * 86400000 + clock_ms - zone_ms;
    return *out_wall_ms >= 0;
}
